#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/metrics.h"

static void assert_printed(const char *part)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1 << 20);
    ftl_metrics_print("fettle_", &text);
    if (strstr(ftl_str_text(&text), part) == NULL) {
        fail_msg("\"%s\" is not in\n%s", part, ftl_str_text(&text));
    }
}

static void test_counters(void **state)
{
    (void)state;
    assert_printed("# HELP fettle_fetched_bytes_total Bytes of sources downloaded\n"
                   "# TYPE fettle_fetched_bytes_total counter\n"
                   "fettle_fetched_bytes_total 0\n");
    ftl_metric_add(FTL_METRIC_FETCHED_BYTES, "", 5);
    ftl_metric_add(FTL_METRIC_FETCHED_BYTES, NULL, 7);
    assert_int_equal(ftl_metric_value(FTL_METRIC_FETCHED_BYTES, ""), 12);
    assert_printed("fettle_fetched_bytes_total 12\n");
    ftl_metric_add(FTL_METRIC_JOBS, "OK", 2);
    ftl_metric_add(FTL_METRIC_JOBS, "SPEC", 1);
    assert_printed("fettle_jobs_total{code=\"OK\"} 2\nfettle_jobs_total{code=\"SPEC\"} 1\n");
    assert_int_equal(ftl_metric_value(FTL_METRIC_JOBS, "CRASH"), 0);
}

static void test_gauges(void **state)
{
    (void)state;
    ftl_metric_set(FTL_METRIC_JOBS_ACTIVE, "", 3);
    ftl_metric_add(FTL_METRIC_JOBS_ACTIVE, "", -1);
    assert_printed("# TYPE fettle_jobs_active gauge\nfettle_jobs_active 2\n");
}

static void test_histograms(void **state)
{
    (void)state;
    ftl_metric_observe(FTL_METRIC_PHASE_SECONDS, "fetch", 0.005); /* on a bound: within it */
    ftl_metric_observe(FTL_METRIC_PHASE_SECONDS, "fetch", 1.5);
    ftl_metric_observe(FTL_METRIC_PHASE_SECONDS, "fetch", 1000);
    ftl_metric_observe(FTL_METRIC_PHASE_SECONDS, "fetch", (double)NAN);
    assert_printed("fettle_job_phase_seconds_bucket{phase=\"fetch\",le=\"0.005\"} 2\n");
    assert_printed("fettle_job_phase_seconds_bucket{phase=\"fetch\",le=\"1\"} 2\n"
                   "fettle_job_phase_seconds_bucket{phase=\"fetch\",le=\"2.5\"} 3\n");
    assert_printed("fettle_job_phase_seconds_bucket{phase=\"fetch\",le=\"600\"} 3\n"
                   "fettle_job_phase_seconds_bucket{phase=\"fetch\",le=\"+Inf\"} 4\n"
                   "fettle_job_phase_seconds_sum{phase=\"fetch\"} 1001.505\n"
                   "fettle_job_phase_seconds_count{phase=\"fetch\"} 4\n");
    assert_printed("fettle_lease_jitter_seconds_bucket{le=\"0.005\"} 0\n");
    assert_int_equal(ftl_metric_value(FTL_METRIC_PHASE_SECONDS, "fetch"), 4);
}

static void test_labels(void **state)
{
    (void)state;
    ftl_metric_add(FTL_METRIC_EXECUTOR_DEATHS, "a\"b\\c\nd", 1);
    assert_printed("fettle_executor_deaths_total{signal=\"a\\\"b\\\\c\\nd\"} 1\n");
    for (int i = 0; i < 50; i++) {
        char label[16];
        (void)snprintf(label, sizeof(label), "s%d", i);
        ftl_metric_add(FTL_METRIC_EXECUTOR_DEATHS, label, 1);
    }
    assert_int_equal(ftl_metric_value(FTL_METRIC_EXECUTOR_DEATHS, "s30"), 1);
    assert_int_equal(ftl_metric_value(FTL_METRIC_EXECUTOR_DEATHS, "s31"), 0);
    assert_int_equal(ftl_metric_value(FTL_METRIC_EXECUTOR_DEATHS, "other"), 19);
    char longer[100];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    ftl_metric_add(FTL_METRIC_LEASE_RENEWALS, longer, 1);
    ftl_metric_add(FTL_METRIC_LEASE_RENEWALS, longer, 1);
    assert_int_equal(ftl_metric_value(FTL_METRIC_LEASE_RENEWALS, longer), 2);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *count_up(void *opaque)
{
    (void)opaque;
    for (int i = 0; i < ROUNDS; i++) {
        ftl_metric_add(FTL_METRIC_REDIS_RECONNECTS, "", 1);
        ftl_metric_observe(FTL_METRIC_PHASE_SECONDS, i % 2 == 0 ? "run" : "verify", 0.5);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(ftl_metric_value(FTL_METRIC_REDIS_RECONNECTS, ""), THREADS * ROUNDS);
    assert_int_equal(ftl_metric_value(FTL_METRIC_PHASE_SECONDS, "run"), THREADS * ROUNDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters),   cmocka_unit_test(test_gauges),
        cmocka_unit_test(test_histograms), cmocka_unit_test(test_labels),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
