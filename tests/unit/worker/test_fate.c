#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/fate.h"
#include "worker/recent.h"

struct row {
    enum ftl_code code;
    enum ftl_retry retry;
    enum ftl_cancel_reason state;
    int handovers;
    enum ftl_fate_kind kind;
    enum ftl_retry fate_retry;
    int fate_handovers;
    bool is_delayed;
};

static const struct row rows[] = {
    {FTL_SPEC, FTL_RETRY_NEVER, FTL_CANCEL_NONE, 0, FTL_FATE_FAIL, FTL_RETRY_NEVER, 0, false},
    {FTL_NET, FTL_RETRY_LATER, FTL_CANCEL_NONE, 0, FTL_FATE_FAIL, FTL_RETRY_LATER, 0, false},
    {FTL_CRASH, FTL_RETRY_ONCE, FTL_CANCEL_NONE, 3, FTL_FATE_FAIL, FTL_RETRY_ONCE, 0, false},
    {FTL_CANCELLED, FTL_RETRY_NEVER, FTL_CANCEL_USER, 0, FTL_FATE_FAIL, FTL_RETRY_NEVER, 0, false},
    {FTL_TIMEOUT, FTL_RETRY_LATER, FTL_CANCEL_NONE, 0, FTL_FATE_FAIL, FTL_RETRY_LATER, 0, false},
    /* this machine's fault: five times, then as any other failure */
    {FTL_DISK, FTL_RETRY_ELSEWHERE, FTL_CANCEL_NONE, 0, FTL_FATE_RELEASE, 0, 1, true},
    {FTL_DISK, FTL_RETRY_ELSEWHERE, FTL_CANCEL_NONE, 4, FTL_FATE_RELEASE, 0, 5, true},
    {FTL_DISK, FTL_RETRY_ELSEWHERE, FTL_CANCEL_NONE, 5, FTL_FATE_FAIL, FTL_RETRY_LATER, 0, false},
    {FTL_NOMEM, FTL_RETRY_ELSEWHERE, FTL_CANCEL_NONE, 9, FTL_FATE_FAIL, FTL_RETRY_LATER, 0, false},
    /* stopping: at once to the front of the line, whatever class the executor's death has */
    {FTL_CANCELLED, FTL_RETRY_ELSEWHERE, FTL_CANCEL_SHUTDOWN, 0, FTL_FATE_RELEASE, 0, 1, false},
    {FTL_CANCELLED, FTL_RETRY_NEVER, FTL_CANCEL_SHUTDOWN, 2, FTL_FATE_RELEASE, 0, 3, false},
    {FTL_CANCELLED, FTL_RETRY_ELSEWHERE, FTL_CANCEL_SHUTDOWN, 5, FTL_FATE_FAIL, FTL_RETRY_LATER, 0,
     false},
    /* a failure of the job's own while stopping is one all the same */
    {FTL_TRUNCATED, FTL_RETRY_NEVER, FTL_CANCEL_SHUTDOWN, 0, FTL_FATE_FAIL, FTL_RETRY_NEVER, 0,
     false},
    /* whatever else is wrong: it is not ours any more */
    {FTL_QUEUE, FTL_RETRY_LATER, FTL_CANCEL_LEASE_LOST, 0, FTL_FATE_ABANDON, 0, 0, false},
    {FTL_DISK, FTL_RETRY_ELSEWHERE, FTL_CANCEL_LEASE_LOST, 0, FTL_FATE_ABANDON, 0, 0, false},
};

static void fates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        const struct ftl_err cause = {.code = row->code, .retry = row->retry};
        const struct ftl_fate fate = ftl_fate_of(&cause, row->state, row->handovers);
        if (fate.kind != row->kind ||
            (fate.kind == FTL_FATE_FAIL && fate.retry != row->fate_retry) ||
            fate.handovers != row->fate_handovers || (fate.delay_ms > 0) != row->is_delayed)
        {
            fail_msg("row %zu: kind %d retry %d handovers %d delay %d", i, (int)fate.kind,
                     (int)fate.retry, fate.handovers, (int)fate.delay_ms);
        }
    }
}

static void handovers_are_kept_in_the_data(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        int count;
        const char *after; /* having set 3 */
    } cases[] = {
        {"{}", 0, "{\"fettle\":{\"handovers\":3}}"},
        {"{\"a\":1,\"fettle\":{\"handovers\":2,\"x\":\"y\"}}", 2,
         "{\"a\":1,\"fettle\":{\"x\":\"y\",\"handovers\":3}}"},
        {"{\"fettle\":\"text\"}", 0, "{\"fettle\":{\"handovers\":3}}"},
        {"{\"fettle\":{\"handovers\":-1}}", 0, "{\"fettle\":{\"handovers\":3}}"},
        {"{\"fettle\":{\"handovers\":1e9}}", FTL_HANDOVERS_MAX, "{\"fettle\":{\"handovers\":3}}"},
        {"{\"fettle\":{\"handovers\":\"many\"}}", 0, "{\"fettle\":{\"handovers\":3}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_err err = {0};
        FTL_AUTO(json) cJSON *data = NULL;
        FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1024);
        assert_int_equal(ftl_json_parse(cases[i].data, strlen(cases[i].data), NULL, &data, &err),
                         FTL_OK);
        assert_int_equal(ftl_handovers_get(data), cases[i].count);
        ftl_handovers_set(data, 3);
        ftl_json_print(data, false, &text);
        assert_string_equal(ftl_str_text(&text), cases[i].after);
    }
}

static void reasons(void **state)
{
    (void)state;
    char text[64];
    struct ftl_err cause = {.code = FTL_TRUNCATED, .msg = "half of it", .where = "/input"};
    ftl_reason_print(&cause, text, sizeof(text));
    assert_string_equal(text, "TRUNCATED /input: half of it");
    cause.where[0] = '\0';
    ftl_reason_print(&cause, text, sizeof(text));
    assert_string_equal(text, "TRUNCATED: half of it");
    ftl_reason_print(&cause, text, 8); /* cut, not overrun */
    assert_string_equal(text, "TRUNCAT");
}

static void all_errors_of_a_spec(void **state)
{
    (void)state;
    struct ftl_opt_errors errors = {.count = 3};
    for (size_t i = 0; i < errors.count; i++) {
        (void)ftl_fail(&errors.list[i], FTL_SPEC, "wrong %zu", i);
        (void)snprintf(errors.list[i].where, sizeof(errors.list[i].where), "/a/%zu", i);
    }
    char text[200];
    ftl_reason_print_all(&errors, text, sizeof(text));
    assert_string_equal(text, "/a/0: wrong 0; /a/1: wrong 1; /a/2: wrong 2");
    char less[64];
    ftl_reason_print_all(&errors, less, sizeof(less));
    assert_string_equal(less, "/a/0: wrong 0; /a/1: wrong 1; /a/2: wrong 2");
    char least[50];
    ftl_reason_print_all(&errors, least, sizeof(least));
    assert_string_equal(least, "/a/0: wrong 0; and 2 more");
    char tiny[8];
    ftl_reason_print_all(&errors, tiny, sizeof(tiny));
    assert_string_equal(tiny, "/a/0: w");
    errors.count = 40; /* more than were kept */
    for (size_t i = 0; i < FTL_OPT_MAX_ERRORS; i++) {
        (void)ftl_fail(&errors.list[i], FTL_SPEC, "%s", "x");
    }
    ftl_reason_print_all(&errors, text, sizeof(text));
    assert_non_null(strstr(text, "; and 24 more"));
}

static void recent_jobs(void **state)
{
    (void)state;
    FTL_AUTO(recent) struct ftl_recent *recent = ftl_recent_new();
    assert_int_equal(ftl_recent_left_ms(recent, "q", "1", 1000), 0);
    ftl_recent_add(recent, "q", "1", 5000);
    assert_int_equal(ftl_recent_left_ms(recent, "q", "1", 1000), 4000);
    assert_int_equal(ftl_recent_left_ms(recent, "q", "2", 1000), 0);
    assert_int_equal(ftl_recent_left_ms(recent, "other", "1", 1000), 0);
    assert_int_equal(ftl_recent_left_ms(recent, "q", "1", 5000), 0);
    ftl_recent_add(recent, "q", "1", 9000);
    assert_int_equal(ftl_recent_left_ms(recent, "q", "1", 5000), 4000);
    char id[16];
    for (int i = 0; i < 64; i++) { /* pushes the oldest out */
        (void)snprintf(id, sizeof(id), "x%d", i);
        ftl_recent_add(recent, "q", id, 10000 + i);
    }
    assert_int_equal(ftl_recent_left_ms(recent, "q", "1", 5000), 0);
    assert_int_equal(ftl_recent_left_ms(recent, "q", "x0", 5000), 5000);
    assert_int_equal(ftl_recent_left_ms(recent, "q", "x63", 5000), 5063);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fates),       cmocka_unit_test(handovers_are_kept_in_the_data),
        cmocka_unit_test(reasons),     cmocka_unit_test(all_errors_of_a_spec),
        cmocka_unit_test(recent_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
