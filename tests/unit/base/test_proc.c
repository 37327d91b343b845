#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/proc.h"
#include "base/proc_parse.h"

static void test_cpu_max(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int cpus; /* 0 = no limit */
    } rows[] = {
        {"200000 100000\n", 2}, {"150000 100000\n", 2}, {"50000 100000", 1},
        {"1 100000\n", 1},      {"max 100000\n", 0},    {"", 0},
        {"100000\n", 0},        {"0 100000\n", 0},      {"100000 0\n", 0},
        {"-1 100000\n", 0},     {"a b\n", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int cpus = 0;
        assert_int_equal(ftl_proc_parse_cpu_max(rows[i].text, &cpus), rows[i].cpus > 0);
        assert_int_equal(cpus, rows[i].cpus);
    }
}

static void test_memory_max(void **state)
{
    (void)state;
    int64_t bytes = 0;
    assert_true(ftl_proc_parse_memory_max("536870912\n", &bytes));
    assert_int_equal(bytes, 536870912);
    assert_false(ftl_proc_parse_memory_max("max\n", &bytes));
    assert_false(ftl_proc_parse_memory_max("", &bytes));
    assert_false(ftl_proc_parse_memory_max("0\n", &bytes));
    assert_false(ftl_proc_parse_memory_max("99999999999999999999\n", &bytes));
}

static void test_kb_lines(void **state)
{
    (void)state;
    static const char text[] =
        "MemTotal:       16384 kB\nMemFree: 1 kB\nVmRSS:\t   20 kB\nBad: x\n";
    int64_t bytes = 0;
    assert_true(ftl_proc_parse_kb(text, "MemTotal", &bytes));
    assert_int_equal(bytes, 16384 * 1024);
    assert_true(ftl_proc_parse_kb(text, "VmRSS", &bytes));
    assert_int_equal(bytes, 20 * 1024);
    assert_false(ftl_proc_parse_kb(text, "Mem", &bytes));
    assert_false(ftl_proc_parse_kb(text, "Bad", &bytes));
    assert_false(ftl_proc_parse_kb("", "VmRSS", &bytes));
}

static void test_cgroup(void **state)
{
    (void)state;
    char path[16];
    assert_true(ftl_proc_parse_cgroup("0::/a/b\n", path, sizeof(path)));
    assert_string_equal(path, "/a/b");
    assert_true(ftl_proc_parse_cgroup("12:cpu:/x\n0::/\n", path, sizeof(path)));
    assert_string_equal(path, "/");
    assert_false(ftl_proc_parse_cgroup("12:cpu:/x\n", path, sizeof(path)));
    assert_false(ftl_proc_parse_cgroup("0::/a/path/that/is/too/long\n", path, sizeof(path)));
}

static void test_this_process(void **state)
{
    (void)state;
    cpu_set_t before;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    int cpus = ftl_proc_cgroup_cpus();
    assert_in_range(cpus, 1, CPU_COUNT(&before));
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(ftl_proc_cgroup_cpus(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_true(ftl_proc_memory_bytes() > 16 << 20);
    int64_t rss = ftl_proc_self_rss_bytes();
    assert_true(rss > 100 * 1024 && rss < ftl_proc_memory_bytes());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu_max),      cmocka_unit_test(test_memory_max),
        cmocka_unit_test(test_kb_lines),     cmocka_unit_test(test_cgroup),
        cmocka_unit_test(test_this_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
