/* The worker's and the producer's calls against a real server. What other tests see from outside
 * through BullMQ is not repeated here: result codes, refusals, leases and memory are. */
#include <poll.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "queue/hub.h"
#include "queue/lease.h"
#include "queue/producer.h"
#include "server_rig.h"

static struct ftl_queue *open_queue(const struct rig *rig)
{
    struct ftl_queue *queue = NULL;
    struct ftl_err err;
    if (ftl_queue_open(&rig->config, &queue, &err) != FTL_OK) {
        fail_msg("%s", err.msg);
    }
    return queue;
}

static void add(struct ftl_queue *queue, const char *data, const struct ftl_add_options *options)
{
    char id[256];
    struct ftl_err err;
    if (ftl_producer_add(queue, "encode", data, options, id, &err) != FTL_OK) {
        fail_msg("%s", err.msg);
    }
}

static struct ftl_queue_job take(struct ftl_queue *queue)
{
    struct ftl_queue_job job;
    struct ftl_err err;
    bool is_found = false;
    if (ftl_queue_fetch(queue, NULL, &job, &is_found, &err) != FTL_OK) {
        fail_msg("%s", err.msg);
    }
    assert_true(is_found);
    return job;
}

static struct ftl_queue_counts counts(struct ftl_queue *queue)
{
    struct ftl_queue_counts found;
    struct ftl_err err;
    assert_int_equal(ftl_producer_counts(queue, &found, &err), FTL_OK);
    return found;
}

static void adds_into_the_right_place(void **state)
{
    struct ftl_queue *queue = open_queue(*state);
    char id[256];
    struct ftl_err err;
    const struct ftl_add_options delayed = {.delay_ms = 60000, .priority = 3};
    const struct ftl_add_options urgent = {.priority = 3};
    const struct ftl_add_options own = {.job_id = "mine", .attempts = 3};
    add(queue, "{}", NULL);
    add(queue, "{}", &delayed);
    add(queue, "[1]", &urgent);
    assert_int_equal(ftl_producer_add(queue, "n", "{}", &own, id, &err), FTL_OK);
    assert_string_equal(id, "mine");
    assert_int_equal(ftl_producer_add(queue, "n", "{\"other\":1}", &own, id, &err), FTL_OK);
    assert_string_equal(id, "mine");
    struct ftl_queue_counts found = counts(queue);
    assert_int_equal(found.waiting, 2);
    assert_int_equal(found.delayed, 1);
    assert_int_equal(found.prioritized, 1);
    assert_int_equal(found.active + found.completed + found.failed + found.waiting_children, 0);
    assert_false(found.is_paused);
    ftl_queue_close(queue);
}

static void refuses_bad_jobs(void **state)
{
    static const struct {
        const char *data;
        struct ftl_add_options options;
    } rows[] = {
        {"{", {0}},
        {"", {0}},
        {"{\"a\":1,\"a\":1}", {0}},
        {"{}", {.job_id = ""}},
        {"{}", {.job_id = "12"}},
        {"{}", {.job_id = "-1"}},
        {"{}", {.job_id = "a:b"}},
        {"{}", {.job_id = "\xff"}},
        {"{}", {.priority = -1}},
        {"{}", {.priority = 2097152}},
        {"{}", {.delay_ms = -1}},
        {"{}", {.delay_ms = INT64_MAX}},
        {"{}", {.attempts = -1}},
        {"{}", {.remove_on_complete = "yes"}},
        {"{}", {.remove_on_fail = "{"}},
    };
    struct ftl_queue *queue = open_queue(*state);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char id[256];
        struct ftl_err err;
        if (ftl_producer_add(queue, "n", rows[i].data, &rows[i].options, id, &err) != FTL_SPEC) {
            fail_msg("row %zu is taken", i);
        }
    }
    assert_int_equal(counts(queue).waiting, 0);
    ftl_queue_close(queue);
}

static void shows_a_job(void **state)
{
    struct ftl_queue *queue = open_queue(*state);
    struct ftl_err err;
    add(queue, "{\"a\":1}", NULL);
    struct ftl_queue_job job = take(queue);
    assert_int_equal(ftl_queue_log(queue, job.id, "line", 0, &err), FTL_OK);
    assert_int_equal(ftl_queue_progress(queue, job.id, "{\"pct\":5}", &err), FTL_OK);
    assert_int_equal(ftl_queue_complete(queue, &job, "{\"ok\":true}", &err), FTL_OK);
    FTL_AUTO(json) cJSON *shown = NULL;
    assert_int_equal(ftl_producer_show(queue, job.id, &shown, &err), FTL_OK);
    assert_string_equal(ftl_json_string(shown, "state", ""), "completed");
    assert_int_equal(ftl_json_int64(shown, "attemptsMade", 0), 1);
    assert_int_equal(ftl_json_int64(ftl_json_get(shown, "data"), "a", 0), 1);
    assert_int_equal(ftl_json_int64(ftl_json_get(shown, "progress"), "pct", 0), 5);
    assert_true(ftl_json_bool(ftl_json_get(shown, "returnvalue"), "ok", false));
    assert_string_equal(ftl_json_at(shown, "/logs/0")->valuestring, "line");
    cJSON *none = NULL;
    assert_int_equal(ftl_producer_show(queue, "nobody", &none, &err), FTL_SOURCE);
    assert_null(none);
    ftl_queue_job_done(&job);
    ftl_queue_close(queue);
}

static void nothing_to_fetch(void **state)
{
    struct ftl_queue *queue = open_queue(*state);
    struct ftl_queue_job job;
    struct ftl_err err;
    bool is_found = true;
    assert_int_equal(ftl_queue_fetch(queue, NULL, &job, &is_found, &err), FTL_OK);
    assert_false(is_found);
    add(queue, "{}", NULL);
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    ftl_cancel_set(cancel, FTL_CANCEL_SHUTDOWN);
    assert_int_equal(ftl_queue_fetch(queue, cancel, &job, &is_found, &err), FTL_OK);
    assert_false(is_found);
    ftl_queue_close(queue);
}

static void refuses_what_is_not_json(void **state)
{
    struct ftl_queue *queue = open_queue(*state);
    struct ftl_err err;
    add(queue, "{}", NULL);
    struct ftl_queue_job job = take(queue);
    assert_int_equal(ftl_queue_progress(queue, job.id, "50%", &err), FTL_SPEC);
    assert_int_equal(ftl_queue_set_data(queue, job.id, "", &err), FTL_SPEC);
    assert_int_equal(ftl_queue_complete(queue, &job, "nope", &err), FTL_SPEC);
    assert_int_equal(counts(queue).active, 1);
    assert_int_equal(ftl_queue_complete(queue, &job, NULL, &err), FTL_OK);
    assert_int_equal(counts(queue).completed, 1);
    ftl_queue_job_done(&job);
    ftl_queue_close(queue);
}

static void tells_result_codes(void **state)
{
    static const struct {
        const char *command, *key, *value;
        int code;
    } rows[] = {
        {"DEL", "bull:unit:1", NULL, -1},
        {"DEL", "bull:unit:1:lock", NULL, -2},
        {"DEL", "bull:unit:active", NULL, -3},
        {"SET", "bull:unit:1:lock", "thief", -6},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_queue *queue = open_queue(*state);
        struct ftl_err err;
        rig_do(*state, "FLUSHALL", NULL, NULL, NULL);
        add(queue, "{}", NULL);
        struct ftl_queue_job job = take(queue);
        rig_do(*state, rows[i].command, rows[i].key, rows[i].value, NULL);
        assert_int_equal(ftl_queue_complete(queue, &job, "1", &err), FTL_QUEUE);
        assert_int_equal(err.sub, rows[i].code);
        assert_int_equal(counts(queue).completed, 0);
        ftl_queue_job_done(&job);
        ftl_queue_close(queue);
    }
}

static void a_job_that_is_gone_takes_no_updates(void **state)
{
    struct ftl_queue *queue = open_queue(*state);
    struct ftl_err err;
    assert_int_equal(ftl_queue_progress(queue, "7", "1", &err), FTL_QUEUE);
    assert_int_equal(err.sub, -1);
    assert_int_equal(ftl_queue_log(queue, "7", "x", 0, &err), FTL_QUEUE);
    assert_int_equal(err.sub, -1);
    assert_int_equal(ftl_queue_set_data(queue, "7", "{}", &err), FTL_QUEUE);
    assert_int_equal(err.sub, -1);
    ftl_queue_close(queue);
}

static void a_job_fetched_ahead_goes_back(void **state)
{
    struct ftl_queue *queue = open_queue(*state);
    struct ftl_err err;
    add(queue, "{}", NULL);
    add(queue, "{}", NULL);
    struct ftl_queue_job job = take(queue);
    ftl_queue_set_fetch_next(queue, true);
    assert_int_equal(ftl_queue_complete(queue, &job, NULL, &err), FTL_OK);
    assert_int_equal(counts(queue).active, 1);
    ftl_queue_close(queue);
    queue = open_queue(*state);
    struct ftl_queue_counts found = counts(queue);
    assert_int_equal(found.active, 0);
    assert_int_equal(found.waiting, 1);
    ftl_queue_job_done(&job);
    ftl_queue_close(queue);
}

static void a_release_counts_no_try(void **state)
{
    static const int64_t delays_ms[] = {0, 60000};
    for (size_t i = 0; i < 2; i++) {
        struct ftl_queue *queue = open_queue(*state);
        struct ftl_err err;
        rig_do(*state, "FLUSHALL", NULL, NULL, NULL);
        add(queue, "{}", NULL);
        struct ftl_queue_job job = take(queue);
        assert_int_equal(ftl_queue_release(queue, &job, delays_ms[i], &err), FTL_OK);
        struct ftl_queue_counts found = counts(queue);
        assert_int_equal(found.waiting, i == 0);
        assert_int_equal(found.delayed, i == 1);
        FTL_AUTO(json) cJSON *shown = NULL;
        assert_int_equal(ftl_producer_show(queue, job.id, &shown, &err), FTL_OK);
        assert_int_equal(ftl_json_int64(shown, "attemptsMade", 0), 0);
        assert_null(ftl_json_get(shown, "failedReason"));
        ftl_queue_job_done(&job);
        ftl_queue_close(queue);
    }
}

/* Resolving a lost reply: what the server remembers decides. */
static void knows_what_was_carried_out(void **state)
{
    static const struct {
        const char *atm, *stc;
        bool is_active, exists;
        int64_t expected;
    } rows[] = {
        {"1", NULL, false, true, 1},  /* finished or retried by us */
        {NULL, NULL, true, true, 0},  /* still active: only the lock ran out */
        {"1", "1", false, true, 0},   /* recovered by a stalled check: counted by another */
        {NULL, NULL, false, true, 1}, /* handed back */
        {NULL, NULL, false, false, 1} /* removed when it ended */
    };
    const struct rig *rig = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_do(rig, "FLUSHALL", NULL, NULL, NULL);
        if (rows[i].exists) {
            rig_do(rig, "HSET", "bull:unit:7", "name", "x");
        }
        if (rows[i].atm != NULL) {
            rig_do(rig, "HSET", "bull:unit:7", "atm", rows[i].atm);
        }
        if (rows[i].stc != NULL) {
            rig_do(rig, "HSET", "bull:unit:7", "stc", rows[i].stc);
        }
        if (rows[i].is_active) {
            rig_do(rig, "LPUSH", "bull:unit:active", "7", NULL);
        }
        struct ftl_redis_args args = {0};
        ftl_redis_arg(&args, "7");
        ftl_redis_arg(&args, "0");
        ftl_redis_arg(&args, "0");
        FTL_AUTO(reply) redisReply *reply = NULL;
        struct ftl_err err;
        assert_int_equal(
            ftl_redis_eval(rig->redis, &ftl_script_resolve, "bull:unit:", &args, &reply, &err),
            FTL_OK);
        assert_int_equal(reply->integer, rows[i].expected);
    }
}

static void finds_a_fetch_whose_answer_was_lost(void **state)
{
    const struct rig *rig = *state;
    struct ftl_queue *queue = open_queue(rig);
    add(queue, "{}", NULL);
    struct ftl_queue_job job = take(queue);
    struct ftl_redis_args args = {0};
    FTL_AUTO(reply) redisReply *reply = NULL;
    struct ftl_err err;
    ftl_redis_arg(&args, job.token);
    assert_int_equal(
        ftl_redis_eval(rig->redis, &ftl_script_reclaim, "bull:unit:", &args, &reply, &err), FTL_OK);
    assert_string_equal(reply->element[1]->str, job.id);
    ftl_queue_job_done(&job);
    ftl_queue_close(queue);
}

/* Waits for the token, which a test cannot make come sooner. */
static enum ftl_cancel_reason await(struct ftl_cancel *cancel)
{
    struct pollfd entry = {.fd = ftl_cancel_fd(cancel), .events = POLLIN};
    (void)poll(&entry, 1, 10000); /* the token says how it ended */
    return ftl_cancel_state(cancel);
}

static void a_stolen_lock_cancels(void **state)
{
    struct rig *rig = *state;
    struct ftl_queue_config config = rig->config;
    struct ftl_leases *leases = NULL;
    struct ftl_err err;
    config.lock_ms = 300;
    const struct ftl_queue_job job = {.id = "7", .token = "mine"};
    rig_do(rig, "SET", "bull:unit:7:lock", "thief", NULL);
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    assert_int_equal(ftl_leases_start(&config, &leases, &err), FTL_OK);
    assert_int_equal(ftl_lease_hold(leases, &job, cancel, &err), FTL_OK);
    assert_int_equal(await(cancel), FTL_CANCEL_LEASE_LOST);
    ftl_lease_drop(leases, &job);
    ftl_lease_drop(leases, &job); /* nothing more to do */
    ftl_leases_stop(leases);
}

static void a_server_out_of_reach_cancels_after_a_lock_time(void **state)
{
    const struct rig *rig = *state;
    struct ftl_queue_config config = rig->config;
    struct ftl_leases *leases = NULL;
    struct ftl_err err;
    config.redis.url = "unix:///nonexistent/r.sock";
    config.lock_ms = 300;
    const struct ftl_queue_job job = {.id = "7", .token = "mine"};
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    assert_int_equal(ftl_leases_start(&config, &leases, &err), FTL_OK);
    assert_int_equal(ftl_lease_hold(leases, &job, cancel, &err), FTL_OK);
    assert_int_equal(await(cancel), FTL_CANCEL_LEASE_LOST);
    ftl_leases_stop(leases);
}

static void many_locks_are_renewed(void **state)
{
    enum { LOCKS = 60 };
    struct rig *rig = *state;
    struct ftl_queue_config config = rig->config;
    struct ftl_leases *leases = NULL;
    struct ftl_err err;
    char key[64];
    config.lock_ms = 600;
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    assert_int_equal(ftl_leases_start(&config, &leases, &err), FTL_OK);
    for (int i = 0; i < LOCKS; i++) {
        struct ftl_queue_job job = {.id = ""};
        (void)snprintf(job.id, sizeof(job.id), "%d", i);
        (void)snprintf(job.token, sizeof(job.token), "t%d", i);
        (void)snprintf(key, sizeof(key), "bull:unit:%d:lock", i);
        rig_do(rig, "SET", key, job.token, NULL); /* no time limit: renewing gives it one */
        assert_int_equal(ftl_lease_hold(leases, &job, cancel, &err), FTL_OK);
    }
    int limited = 0;
    for (int tries = 0; tries < 200 && limited < LOCKS; tries++) {
        limited = 0;
        for (int i = 0; i < LOCKS; i++) {
            (void)snprintf(key, sizeof(key), "bull:unit:%d:lock", i);
            FTL_AUTO(reply) redisReply *reply = rig_call(rig, "PTTL", key, NULL, NULL);
            limited += reply->integer > 0;
        }
        (void)poll(NULL, 0, 20);
    }
    assert_int_equal(limited, LOCKS);
    assert_int_equal(ftl_cancel_state(cancel), FTL_CANCEL_NONE);
    ftl_leases_stop(leases);
}

/* Every allocation fails once; nothing may leak or crash, and the queue must be usable after. */
static void survives_lack_of_memory(void **state)
{
    const struct rig *rig = *state;
    bool is_open = false;
    for (long nth = 1; nth < 100 && !is_open; nth++) {
        struct ftl_queue *queue = NULL;
        struct ftl_leases *leases = NULL;
        struct ftl_queue_hub *hub = NULL;
        struct ftl_err err;
        ftl_mem_fail_nth(nth);
        is_open = ftl_queue_open(&rig->config, &queue, &err) == FTL_OK &&
                  ftl_queue_hub_open(&rig->config, &hub, &err) == FTL_OK &&
                  ftl_leases_start(&rig->config, &leases, &err) == FTL_OK;
        ftl_mem_fail_nth(0);
        if (!is_open) {
            assert_int_equal(err.code, FTL_NOMEM);
        }
        ftl_leases_stop(leases);
        ftl_queue_hub_close(hub);
        ftl_queue_close(queue);
    }
    assert_true(is_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(adds_into_the_right_place, rig_flush),
        cmocka_unit_test_setup(refuses_bad_jobs, rig_flush),
        cmocka_unit_test_setup(shows_a_job, rig_flush),
        cmocka_unit_test_setup(nothing_to_fetch, rig_flush),
        cmocka_unit_test_setup(refuses_what_is_not_json, rig_flush),
        cmocka_unit_test_setup(tells_result_codes, rig_flush),
        cmocka_unit_test_setup(a_job_that_is_gone_takes_no_updates, rig_flush),
        cmocka_unit_test_setup(a_job_fetched_ahead_goes_back, rig_flush),
        cmocka_unit_test_setup(a_release_counts_no_try, rig_flush),
        cmocka_unit_test_setup(knows_what_was_carried_out, rig_flush),
        cmocka_unit_test_setup(finds_a_fetch_whose_answer_was_lost, rig_flush),
        cmocka_unit_test_setup(a_stolen_lock_cancels, rig_flush),
        cmocka_unit_test_setup(a_server_out_of_reach_cancels_after_a_lock_time, rig_flush),
        cmocka_unit_test_setup(many_locks_are_renewed, rig_flush),
        cmocka_unit_test_setup(survives_lack_of_memory, rig_flush),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
