#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "worker/permits.h"

static void they_are_counted(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    FTL_AUTO(permits) struct ftl_permits *permits = ftl_permits_new(4, 1000);
    FTL_AUTO(cancel) struct ftl_cancel *soon = ftl_cancel_new(NULL, ftl_mono_ms() + 30);
    assert_int_equal(ftl_permits_acquire(permits, 3, 600, NULL, &err), FTL_OK);
    assert_int_equal(ftl_permits_acquire(permits, 1, 400, NULL, &err), FTL_OK);
    assert_int_equal(ftl_permits_acquire(permits, 1, 0, soon, &err), FTL_TIMEOUT); /* no core */
    ftl_permits_release(permits, 3, 600);
    FTL_AUTO(cancel) struct ftl_cancel *later = ftl_cancel_new(NULL, ftl_mono_ms() + 30);
    assert_int_equal(ftl_permits_acquire(permits, 1, 601, later, &err), FTL_TIMEOUT);
    assert_int_equal(ftl_permits_acquire(permits, 3, 600, NULL, &err), FTL_OK);
}

static void what_never_fits(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    FTL_AUTO(permits) struct ftl_permits *permits = ftl_permits_new(2, 1000);
    assert_int_equal(ftl_permits_acquire(permits, 1, 1001, NULL, &err), FTL_NOMEM);
    assert_int_equal(err.retry, FTL_RETRY_ELSEWHERE);
    assert_int_equal(ftl_permits_acquire(permits, 99, 0, NULL, &err), FTL_OK); /* all there is */
    ftl_permits_release(permits, 99, 0);
    assert_int_equal(ftl_permits_acquire(permits, 0, 0, NULL, &err), FTL_OK); /* counts as one */
    assert_int_equal(ftl_permits_acquire(permits, -5, -5, NULL, &err), FTL_OK);
    ftl_permits_release(permits, 0, 0);
    ftl_permits_release(permits, -5, -5);
    FTL_AUTO(permits) struct ftl_permits *uncounted = ftl_permits_new(1, 0);
    assert_int_equal(ftl_permits_acquire(uncounted, 1, INT64_MAX, NULL, &err), FTL_OK);
    ftl_permits_release(uncounted, 1, INT64_MAX);
    assert_int_equal(ftl_permits_acquire(uncounted, 1, INT64_MAX, NULL, &err), FTL_OK);
}

struct job {
    struct ftl_permits *permits;
    struct ftl_cancel *cancel;
    int weight;
    atomic_int *order;
    int place; /* in which it got its permit; 0 = not */
    enum ftl_code code;
};

static void *run(void *opaque)
{
    struct job *job = opaque;
    struct ftl_err err = {0};
    job->code = ftl_permits_acquire(job->permits, job->weight, 0, job->cancel, &err);
    if (job->code == FTL_OK) {
        job->place = atomic_fetch_add(job->order, 1) + 1;
        ftl_permits_release(job->permits, job->weight, 0);
    }
    return NULL;
}

/* Starts a job and returns when it waits: its arrival cancels the watch. */
static pthread_t start(struct job *job)
{
    pthread_t thread;
    struct ftl_err err = {0};
    FTL_AUTO(cancel) struct ftl_cancel *fetching = ftl_cancel_new(NULL, ftl_mono_ms() + 10000);
    struct ftl_permits_watch watch = {.fetching = fetching};
    ftl_permits_watch(job->permits, &watch);
    assert_int_equal(pthread_create(&thread, NULL, run, job), 0);
    while (ftl_cancel_check(fetching, &err) == FTL_OK) {
        sched_yield();
    }
    ftl_permits_unwatch(job->permits, &watch);
    assert_int_equal(ftl_cancel_state(fetching), FTL_CANCEL_SHUTDOWN);
    return thread;
}

/* A heavy job that waits is not overtaken by a light one that would fit. */
static void first_come_first_served(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    atomic_int order = 0;
    FTL_AUTO(permits) struct ftl_permits *permits = ftl_permits_new(2, 0);
    assert_int_equal(ftl_permits_acquire(permits, 1, 0, NULL, &err), FTL_OK);
    struct job heavy = {.permits = permits, .weight = 2, .order = &order};
    pthread_t first = start(&heavy);
    FTL_AUTO(cancel) struct ftl_cancel *soon = ftl_cancel_new(NULL, ftl_mono_ms() + 30);
    assert_int_equal(ftl_permits_acquire(permits, 1, 0, soon, &err), FTL_TIMEOUT);
    ftl_permits_release(permits, 1, 0);
    assert_int_equal(pthread_join(first, NULL), 0);
    assert_int_equal(heavy.place, 1);
}

/* Who is cancelled no longer stands in the way of those behind it. */
static void cancelling_makes_way(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    atomic_int order = 0;
    FTL_AUTO(permits) struct ftl_permits *permits = ftl_permits_new(2, 0);
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    assert_int_equal(ftl_permits_acquire(permits, 1, 0, NULL, &err), FTL_OK);
    struct job heavy = {.permits = permits, .weight = 2, .order = &order, .cancel = cancel};
    struct job light = {.permits = permits, .weight = 1, .order = &order};
    pthread_t first = start(&heavy);
    pthread_t second;
    assert_int_equal(pthread_create(&second, NULL, run, &light), 0);
    ftl_cancel_set(cancel, FTL_CANCEL_LEASE_LOST);
    assert_int_equal(pthread_join(first, NULL), 0);
    assert_int_equal(pthread_join(second, NULL), 0);
    assert_int_equal(heavy.code, FTL_QUEUE);
    assert_int_equal(light.place, 1);
    ftl_permits_release(permits, 1, 0);
    assert_int_equal(ftl_permits_acquire(permits, 2, 0, NULL, &err), FTL_OK); /* none leaked */
}

static void fetching_rests_while_a_job_waits(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    atomic_int order = 0;
    FTL_AUTO(permits) struct ftl_permits *permits = ftl_permits_new(1, 0);
    assert_true(ftl_permits_wait_free(permits, NULL));
    assert_int_equal(ftl_permits_acquire(permits, 1, 0, NULL, &err), FTL_OK);
    assert_true(ftl_permits_wait_free(permits, NULL)); /* in use, but nobody waits */
    struct job job = {.permits = permits, .weight = 1, .order = &order};
    pthread_t thread = start(&job);
    FTL_AUTO(cancel) struct ftl_cancel *soon = ftl_cancel_new(NULL, ftl_mono_ms() + 30);
    assert_false(ftl_permits_wait_free(permits, soon));
    FTL_AUTO(cancel) struct ftl_cancel *late = ftl_cancel_new(NULL, 0);
    struct ftl_permits_watch watch = {.fetching = late};
    ftl_permits_watch(permits, &watch); /* a job waits already */
    assert_int_equal(ftl_cancel_state(late), FTL_CANCEL_SHUTDOWN);
    ftl_permits_unwatch(permits, &watch);
    ftl_permits_release(permits, 1, 0);
    assert_true(ftl_permits_wait_free(permits, NULL));
    assert_int_equal(pthread_join(thread, NULL), 0);
    FTL_AUTO(cancel) struct ftl_cancel *done = ftl_cancel_new(NULL, 0);
    ftl_cancel_set(done, FTL_CANCEL_USER);
    assert_false(ftl_permits_wait_free(permits, done));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_counted),
        cmocka_unit_test(what_never_fits),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(cancelling_makes_way),
        cmocka_unit_test(fetching_rests_while_a_job_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
