#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "queue/queue_job.h"

static int64_t custom(void *data, int attempts_made, const char *type, int64_t delay_ms)
{
    assert_string_equal(type, "mine");
    return *(const int64_t *)data + 10 * attempts_made + delay_ms;
}

static void judges_failures(void **state)
{
    static const struct {
        const char *opts;
        int made;
        enum ftl_retry retry;
        int64_t retry_after_ms;
        double random;
        enum ftl_verdict verdict;
        int64_t delay_ms;
    } rows[] = {
        {"{}", 0, FTL_RETRY_LATER, 0, 0, FTL_VERDICT_FAIL, 0},
        {"{\"attempts\":0}", 0, FTL_RETRY_LATER, 0, 0, FTL_VERDICT_FAIL, 0},
        {"{\"attempts\":1}", 0, FTL_RETRY_LATER, 0, 0, FTL_VERDICT_FAIL, 0},
        {"{\"attempts\":2}", 0, FTL_RETRY_LATER, 0, 0, FTL_VERDICT_RETRY_NOW, 0},
        {"{\"attempts\":2}", 1, FTL_RETRY_LATER, 0, 0, FTL_VERDICT_FAIL, 0},
        {"{\"attempts\":2}", 0, FTL_RETRY_NEVER, 0, 0, FTL_VERDICT_FAIL, 0},
        {"{\"attempts\":2}", 0, FTL_RETRY_ELSEWHERE, 0, 0, FTL_VERDICT_RETRY_NOW, 0},
        {"{\"attempts\":2}", 0, FTL_RETRY_LATER, 700, 0, FTL_VERDICT_DELAY, 700},
        {"{\"attempts\":9,\"backoff\":50}", 3, FTL_RETRY_LATER, 0, 0, FTL_VERDICT_DELAY, 50},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"fixed\",\"delay\":50}}", 3, FTL_RETRY_LATER, 20,
         0, FTL_VERDICT_DELAY, 50},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"fixed\",\"delay\":50}}", 3, FTL_RETRY_LATER, 60,
         0, FTL_VERDICT_DELAY, 60},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"fixed\",\"delay\":0}}", 3, FTL_RETRY_LATER, 0, 0,
         FTL_VERDICT_RETRY_NOW, 0},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"exponential\",\"delay\":100}}", 0,
         FTL_RETRY_LATER, 0, 0, FTL_VERDICT_DELAY, 100},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"exponential\",\"delay\":100}}", 3,
         FTL_RETRY_LATER, 0, 0, FTL_VERDICT_DELAY, 800},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"exponential\",\"delay\":100,\"jitter\":0.5}}", 1,
         FTL_RETRY_LATER, 0, 0, FTL_VERDICT_DELAY, 100},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"exponential\",\"delay\":100,\"jitter\":0.5}}", 1,
         FTL_RETRY_LATER, 0, 0.5, FTL_VERDICT_DELAY, 150},
        {"{\"attempts\":9,\"backoff\":{\"type\":\"fixed\",\"delay\":100,\"jitter\":1}}", 1,
         FTL_RETRY_LATER, 0, 0.25, FTL_VERDICT_DELAY, 25},
        {"{\"attempts\":9999,\"backoff\":{\"type\":\"exponential\",\"delay\":100}}", 9000,
         FTL_RETRY_LATER, 0, 0, FTL_VERDICT_DELAY, INT64_C(315360000000)},
        {"{\"attempts\":2,\"backoff\":{\"type\":\"fixed\",\"delay\":1e300}}", 0, FTL_RETRY_LATER, 0,
         0, FTL_VERDICT_DELAY, INT64_C(315360000000)},
        {"{\"attempts\":3,\"backoff\":{\"type\":\"mine\",\"delay\":7}}", 1, FTL_RETRY_LATER, 0, 0,
         FTL_VERDICT_DELAY, 27},
        {"{\"attempts\":3,\"backoff\":\"x\"}", 1, FTL_RETRY_LATER, 0, 0, FTL_VERDICT_RETRY_NOW, 0},
    };
    (void)state;
    int64_t base = 0;
    const struct ftl_queue_config config = {.backoff = custom, .backoff_data = &base};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_queue_job job = {.attempts_made = rows[i].made,
                                    .opts = cJSON_Parse(rows[i].opts)};
        int64_t attempts = ftl_json_int64(job.opts, "attempts", 0);
        job.attempts = attempts > 1 ? (int)attempts : 1;
        const struct ftl_err cause = {
            .code = FTL_NET, .retry = rows[i].retry, .retry_after_ms = rows[i].retry_after_ms};
        struct ftl_judgement got = ftl_queue_job_judge(&job, &cause, &config, rows[i].random);
        if (got.verdict != rows[i].verdict || got.delay_ms != rows[i].delay_ms) {
            fail_msg("row %zu: verdict %d, delay %lld", i, (int)got.verdict,
                     (long long)got.delay_ms);
        }
        ftl_queue_job_done(&job);
    }
}

static void asks_or_refuses_unknown_types(void **state)
{
    (void)state;
    int64_t stop = -100;
    const struct ftl_queue_config with = {.backoff = custom, .backoff_data = &stop};
    const struct ftl_queue_config without = {0};
    const struct ftl_err cause = {.code = FTL_NET, .retry = FTL_RETRY_LATER};
    struct ftl_queue_job job = {
        .attempts = 5, .opts = cJSON_Parse("{\"backoff\":{\"type\":\"mine\",\"delay\":1}}")};
    struct ftl_judgement got = ftl_queue_job_judge(&job, &cause, &with, 0.0);
    assert_int_equal(got.verdict, FTL_VERDICT_FAIL);
    assert_false(got.is_unknown);
    got = ftl_queue_job_judge(&job, &cause, &without, 0.0);
    assert_int_equal(got.verdict, FTL_VERDICT_FAIL);
    assert_true(got.is_unknown);
    assert_string_equal(got.type, "mine");
    ftl_queue_job_done(&job);
}

static void crashes_get_one_more_try(void **state)
{
    static const struct {
        const char *stacks;
        enum ftl_retry retry;
        enum ftl_verdict verdict;
    } rows[] = {
        {"[]", FTL_RETRY_ONCE, FTL_VERDICT_RETRY_NOW},
        {"[\"NET: x\"]", FTL_RETRY_ONCE, FTL_VERDICT_RETRY_NOW},
        {"[\"CRASH: x\",\"NET: x\"]", FTL_RETRY_ONCE, FTL_VERDICT_RETRY_NOW},
        {"[\"NET: x\",\"CRASH: x\"]", FTL_RETRY_ONCE, FTL_VERDICT_FAIL},
        {"[\"INTERNAL: x\"]", FTL_RETRY_ONCE, FTL_VERDICT_FAIL},
        {"[\"CRASH /filters/1: x\"]", FTL_RETRY_ONCE, FTL_VERDICT_FAIL},
        {"[\"CRASHED: x\"]", FTL_RETRY_ONCE, FTL_VERDICT_RETRY_NOW},
        {"[\"CRASH: x\"]", FTL_RETRY_LATER, FTL_VERDICT_RETRY_NOW},
        {"[7]", FTL_RETRY_ONCE, FTL_VERDICT_RETRY_NOW},
    };
    (void)state;
    const struct ftl_queue_config config = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_queue_job job = {
            .attempts = 9, .opts = ftl_json_object(), .stacktrace = cJSON_Parse(rows[i].stacks)};
        const struct ftl_err cause = {.code = FTL_CRASH, .retry = rows[i].retry};
        assert_int_equal(ftl_queue_job_judge(&job, &cause, &config, 0.0).verdict, rows[i].verdict);
        ftl_queue_job_done(&job);
    }
}

static void a_crash_may_pass_the_attempts_by_one(void **state)
{
    static const struct {
        int attempts, made;
        const char *stacks;
        enum ftl_verdict verdict;
    } rows[] = {
        {1, 0, "[]", FTL_VERDICT_RETRY_NOW},
        {1, 1, "[\"CRASH: x\"]", FTL_VERDICT_FAIL},
        {1, 1, "[]", FTL_VERDICT_FAIL}, /* stackTraceLimit 0: nothing tells of the first */
        {3, 2, "[\"NET: x\",\"NET: x\"]", FTL_VERDICT_RETRY_NOW},
        {3, 3, "[]", FTL_VERDICT_FAIL},
    };
    (void)state;
    const struct ftl_queue_config config = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_queue_job job = {.attempts = rows[i].attempts,
                                    .attempts_made = rows[i].made,
                                    .opts = ftl_json_object(),
                                    .stacktrace = cJSON_Parse(rows[i].stacks)};
        const struct ftl_err cause = {.code = FTL_CRASH, .retry = FTL_RETRY_ONCE};
        assert_int_equal(ftl_queue_job_judge(&job, &cause, &config, 0.0).verdict, rows[i].verdict);
        ftl_queue_job_done(&job);
    }
}

static void adds_to_the_stack(void **state)
{
    static const struct {
        const char *opts, *before, *stack, *after;
        const char *msg;
    } rows[] = {
        {"{}", "[]", NULL, "[\"NET: gone\"]", "gone"},
        {"{}", "[]", NULL, "[\"NET /input: gone\"]", "NET /input: gone"},
        {"{}", "[]", NULL, "[\"NET: gone\"]", "NET: gone"},
        {"{}", "[]", NULL, "[\"NET: NETWORK gone\"]", "NETWORK gone"},
        {"{}", "[]", "", "[\"NET: gone\"]", "gone"},
        {"{}", "[\"a\"]", "at x", "[\"a\",\"NET: gone\\nat x\"]", "gone"},
        {"{\"stackTraceLimit\":2}", "[\"a\",\"b\"]", NULL, "[\"b\",\"NET: gone\"]", "gone"},
        {"{\"stackTraceLimit\":1}", "[\"a\",\"b\"]", NULL, "[\"NET: gone\"]", "gone"},
        {"{\"stackTraceLimit\":0}", "[\"a\",\"b\"]", NULL, "[]", "gone"},
        {"{\"stackTraceLimit\":9}", "[\"a\",7]", NULL, "[\"a\",\"NET: gone\"]", "gone"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err cause = {.code = FTL_NET};
        (void)ftl_copy_text(cause.msg, sizeof(cause.msg), rows[i].msg);
        struct ftl_queue_job job = {.opts = cJSON_Parse(rows[i].opts),
                                    .stacktrace = cJSON_Parse(rows[i].before)};
        FTL_AUTO(json) cJSON *stack = ftl_queue_job_stack(&job, &cause, rows[i].stack);
        FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1000);
        ftl_json_print(stack, false, &text);
        assert_string_equal(ftl_str_text(&text), rows[i].after);
        ftl_queue_job_done(&job);
    }
}

/* A bulk string as hiredis gives it; the texts outlive the reply. */
static redisReply text_reply(char *text)
{
    return (redisReply){.type = REDIS_REPLY_STRING, .str = text, .len = strlen(text)};
}

enum { MAX_FIELDS = 24 };

static void read_job(char *const *fields, size_t count, const char *id_text,
                     struct ftl_queue_job *job, enum ftl_code expected)
{
    redisReply replies[MAX_FIELDS];
    redisReply *pointers[MAX_FIELDS];
    char id_copy[400];
    struct ftl_err err;
    assert_true(count <= MAX_FIELDS && strlen(id_text) < sizeof(id_copy));
    memcpy(id_copy, id_text, strlen(id_text) + 1);
    for (size_t i = 0; i < count; i++) {
        replies[i] = text_reply(fields[i]);
        pointers[i] = &replies[i];
    }
    const redisReply hash = {.type = REDIS_REPLY_ARRAY, .elements = count, .element = pointers};
    const redisReply id = text_reply(id_copy);
    assert_int_equal(ftl_queue_job_read(&hash, &id, "token:1", job, &err), expected);
}

static void reads_a_job(void **state)
{
    char *fields[] = {(char[]){"name"},       (char[]){"encode"},
                      (char[]){"data"},       (char[]){"{\"a\":[1]}"},
                      (char[]){"opts"},       (char[]){"{\"attempts\":3,\"new\":{}}"},
                      (char[]){"timestamp"},  (char[]){"1700000000001"},
                      (char[]){"ats"},        (char[]){"2"},
                      (char[]){"atm"},        (char[]){"1"},
                      (char[]){"stc"},        (char[]){"4"},
                      (char[]){"defa"},       (char[]){"child x failed"},
                      (char[]){"stacktrace"}, (char[]){"[\"a\"]"}};
    struct ftl_queue_job job;
    (void)state;
    read_job(fields, sizeof(fields) / sizeof(fields[0]), "7", &job, FTL_OK);
    assert_string_equal(job.id, "7");
    assert_string_equal(job.token, "token:1");
    assert_string_equal(job.name, "encode");
    assert_int_equal(cJSON_GetArraySize(ftl_json_get(job.data, "a")), 1);
    assert_int_equal(job.attempts, 3);
    assert_int_equal(job.attempts_started, 2);
    assert_int_equal(job.attempts_made, 1);
    assert_int_equal(job.stalled_count, 4);
    assert_int_equal(job.timestamp_ms, INT64_C(1700000000001));
    assert_string_equal(job.deferred_failure, "child x failed");
    assert_int_equal(cJSON_GetArraySize(job.stacktrace), 1);
    ftl_queue_job_done(&job);
}

static void survives_a_ghost(void **state)
{
    char *fields[] = {(char[]){"stc"}, (char[]){"1"}, (char[]){"processedOn"}, (char[]){"5"}};
    struct ftl_queue_job job;
    (void)state;
    read_job(fields, 4, "repeat:x:17", &job, FTL_OK);
    assert_string_equal(job.name, "");
    assert_int_equal(cJSON_GetArraySize(job.data), 0);
    assert_int_equal(job.attempts, 1);
    assert_string_equal(job.deferred_failure, "");
    ftl_queue_job_done(&job);
}

static void fails_what_it_cannot_read(void **state)
{
    static const char *const rows[] = {"{", "{\"a\":1,\"a\":2}", "\"\\ud800\"", "nan", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char data[64];
        memcpy(data, rows[i], strlen(rows[i]) + 1);
        char *fields[] = {(char[]){"data"},       data,           (char[]){"opts"}, (char[]){"]"},
                          (char[]){"stacktrace"}, (char[]){"{}"}, (char[]){"ats"},  (char[]){"-3"}};
        struct ftl_queue_job job;
        read_job(fields, 8, "1", &job, FTL_OK);
        if (strncmp(job.deferred_failure, "the job's data cannot be read: ", 31) != 0) {
            fail_msg("%s: \"%s\"", rows[i], job.deferred_failure);
        }
        assert_true(cJSON_IsObject(job.data) && cJSON_IsObject(job.opts));
        assert_true(cJSON_IsArray(job.stacktrace));
        assert_int_equal(job.attempts_started, 0);
        ftl_queue_job_done(&job);
    }
}

static void refuses_a_long_id(void **state)
{
    char id[300];
    struct ftl_queue_job job;
    (void)state;
    memset(id, 'x', sizeof(id));
    id[255] = '\0';
    read_job(NULL, 0, id, &job, FTL_OK);
    ftl_queue_job_done(&job);
    id[255] = 'x';
    id[256] = '\0';
    read_job(NULL, 0, id, &job, FTL_QUEUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_failures),
        cmocka_unit_test(asks_or_refuses_unknown_types),
        cmocka_unit_test(crashes_get_one_more_try),
        cmocka_unit_test(a_crash_may_pass_the_attempts_by_one),
        cmocka_unit_test(adds_to_the_stack),
        cmocka_unit_test(reads_a_job),
        cmocka_unit_test(survives_a_ghost),
        cmocka_unit_test(fails_what_it_cannot_read),
        cmocka_unit_test(refuses_a_long_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
