#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fettle/err.h>

static void test_codes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum ftl_code code;
        enum ftl_retry retry;
        int http, exit_status;
    } rows[] = {
#define X(name, number, retry, http, status, meaning)                                              \
    {#name, FTL_##name, FTL_RETRY_##retry, (http), (status)},
        FTL_CODES(X)
#undef X
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err = {.retry_after_ms = 5, .where = "old"};
        assert_int_equal(ftl_fail(&err, rows[i].code, "x%d", 1), rows[i].code);
        assert_int_equal(err.retry, rows[i].retry);
        assert_string_equal(err.msg, "x1");
        assert_string_equal(err.where, "");
        assert_int_equal(err.retry_after_ms, 0);
        assert_string_equal(ftl_code_name(rows[i].code), rows[i].name);
        assert_int_equal(ftl_code_from_name(rows[i].name), rows[i].code);
        assert_int_equal(ftl_code_http_status(rows[i].code), rows[i].http);
        assert_int_equal(ftl_code_exit_status(rows[i].code), rows[i].exit_status);
        assert_true(strlen(ftl_code_meaning(rows[i].code)) > 5);
    }
    assert_int_equal(ftl_code_from_name("NOSUCH"), FTL_INTERNAL);
    assert_string_equal(ftl_code_name((enum ftl_code)999), "INTERNAL");
    assert_string_equal(ftl_retry_name(FTL_RETRY_ELSEWHERE), "elsewhere");
    assert_string_equal(ftl_retry_name((enum ftl_retry)77), "never");
}

static void test_errno(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    assert_int_equal(ftl_fail_errno(&err, FTL_SOURCE, ENOENT, "open %s", "x"), FTL_SOURCE);
    assert_string_equal(err.msg, "open x: No such file or directory");
    assert_int_equal(err.sub, ENOENT);
    assert_int_equal(ftl_fail_errno(&err, FTL_SOURCE, ENOSPC, "w"), FTL_DISK);
    assert_int_equal(err.retry, FTL_RETRY_ELSEWHERE);
    assert_int_equal(ftl_fail_errno(&err, FTL_SOURCE, ENOMEM, "w"), FTL_NOMEM);
    assert_int_equal(ftl_fail_sub(&err, FTL_NET, 28, "curl"), FTL_NET);
    assert_int_equal(err.sub, 28);
}

static void test_context(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    (void)ftl_fail(&err, FTL_INPUT, "no moov");
    assert_int_equal(ftl_wrap(&err, "open input %d", 0), FTL_INPUT);
    assert_int_equal(ftl_wrap(&err, "job %s", "7"), FTL_INPUT);
    assert_string_equal(err.msg, "job 7: open input 0: no moov");
    (void)ftl_err_at(&err, "/inputs/0");
    (void)ftl_err_at(&err, "/later");
    assert_string_equal(err.where, "/inputs/0");
    (void)ftl_fail(&err, FTL_SPEC, "again: %s", err.msg); /* made of its own message */
    assert_string_equal(err.msg, "again: job 7: open input 0: no moov");
    (void)ftl_fail(&err, FTL_SPEC, "%s", "two\nlines\x7f");
    assert_string_equal(err.msg, "two lines ");
}

static void test_long_messages(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    char longer[1000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    (void)ftl_fail(&err, FTL_INPUT, "%s", longer);
    assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
    (void)ftl_wrap(&err, "outer");
    assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
    assert_memory_equal(err.msg, "outer: xxx", 10);
    (void)ftl_wrap(&err, "%s", longer);
    assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
    (void)ftl_fail_errno(&err, FTL_INPUT, ENOENT, "%s", longer);
    assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
    (void)ftl_err_at(&err, longer);
    assert_int_equal(strlen(err.where), sizeof(err.where) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_long_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
