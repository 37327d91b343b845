#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/clock.h"

static int readable(const struct ftl_cancel *cancel)
{
    struct pollfd poller = {.fd = ftl_cancel_fd(cancel), .events = POLLIN};
    return poll(&poller, 1, 0);
}

static void test_reasons(void **state)
{
    (void)state;
    static const struct {
        enum ftl_cancel_reason reason;
        enum ftl_code code;
        enum ftl_retry retry;
    } rows[] = {
        {FTL_CANCEL_USER, FTL_CANCELLED, FTL_RETRY_NEVER},
        {FTL_CANCEL_LEASE_LOST, FTL_QUEUE, FTL_RETRY_LATER},
        {FTL_CANCEL_SHUTDOWN, FTL_CANCELLED, FTL_RETRY_ELSEWHERE},
        {FTL_CANCEL_DEADLINE, FTL_TIMEOUT, FTL_RETRY_LATER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err = {0};
        FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
        assert_int_equal(ftl_cancel_check(cancel, &err), FTL_OK);
        assert_int_equal(readable(cancel), 0);
        ftl_cancel_set(cancel, rows[i].reason);
        ftl_cancel_set(cancel, FTL_CANCEL_USER); /* the first one wins */
        assert_int_equal(ftl_cancel_state(cancel), rows[i].reason);
        assert_int_equal(ftl_cancel_check(cancel, &err), rows[i].code);
        assert_int_equal(err.retry, rows[i].retry);
        assert_int_equal(readable(cancel), 1);
    }
}

static void test_children(void **state)
{
    (void)state;
    FTL_AUTO(cancel) struct ftl_cancel *parent = ftl_cancel_new(NULL, 0);
    struct ftl_cancel *early = ftl_cancel_new(parent, 0);
    FTL_AUTO(cancel) struct ftl_cancel *child = ftl_cancel_new(parent, 0);
    FTL_AUTO(cancel) struct ftl_cancel *grandchild = ftl_cancel_new(child, 0);
    FTL_AUTO(cancel) struct ftl_cancel *sibling = ftl_cancel_new(parent, 0);
    ftl_cancel_free(early);
    ftl_cancel_set(child, FTL_CANCEL_USER);
    assert_int_equal(ftl_cancel_state(grandchild), FTL_CANCEL_USER);
    assert_int_equal(ftl_cancel_state(sibling), FTL_CANCEL_NONE);
    assert_int_equal(ftl_cancel_state(parent), FTL_CANCEL_NONE);
    ftl_cancel_set(parent, FTL_CANCEL_SHUTDOWN);
    assert_int_equal(ftl_cancel_state(sibling), FTL_CANCEL_SHUTDOWN);
    assert_int_equal(ftl_cancel_state(child), FTL_CANCEL_USER);
    assert_int_equal(readable(grandchild), 1);
    FTL_AUTO(cancel) struct ftl_cancel *late = ftl_cancel_new(parent, 0);
    assert_int_equal(ftl_cancel_state(late), FTL_CANCEL_SHUTDOWN);
}

static void test_deadlines(void **state)
{
    (void)state;
    int64_t now = ftl_mono_ms();
    FTL_AUTO(cancel) struct ftl_cancel *parent = ftl_cancel_new(NULL, now + 60000);
    FTL_AUTO(cancel) struct ftl_cancel *child = ftl_cancel_new(parent, now + 90000);
    FTL_AUTO(cancel) struct ftl_cancel *past = ftl_cancel_new(parent, now - 1);
    FTL_AUTO(cancel) struct ftl_cancel *none = ftl_cancel_new(NULL, 0);
    assert_in_range(ftl_cancel_timeout_ms(child), 1, 60000);
    assert_int_equal(ftl_cancel_timeout_ms(past), 0);
    assert_int_equal(ftl_cancel_timeout_ms(none), -1);
    assert_int_equal(ftl_cancel_timeout_ms(NULL), -1);
    assert_int_equal(ftl_cancel_state(child), FTL_CANCEL_NONE);
    assert_int_equal(ftl_cancel_state(past), FTL_CANCEL_DEADLINE);
    assert_int_equal(ftl_cancel_state(parent), FTL_CANCEL_NONE);
}

static void test_null(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    assert_int_equal(ftl_cancel_check(NULL, &err), FTL_OK);
    assert_int_equal(ftl_cancel_fd(NULL), -1);
    ftl_cancel_free(NULL);
    ftl_mem_fail_nth(1);
    assert_null(ftl_cancel_new(NULL, 0));
    ftl_mem_fail_nth(0);
}

static void test_clock(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1769903999123), "2026-01-31T23:59:59.123Z"},
        {INT64_C(951782400007), "2000-02-29T00:00:00.007Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[32];
        ftl_wall_text(rows[i].ms, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
    int64_t us = ftl_mono_us();
    assert_true(ftl_mono_us() >= us);
    assert_true(ftl_wall_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),   cmocka_unit_test(test_children),
        cmocka_unit_test(test_deadlines), cmocka_unit_test(test_null),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
