#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "queue/config.h"
#include "queue/redis_conn.h"
#include "queue/redis_tls.h"
#include "queue/scripts.h"

static void maps_error_replies(void **state)
{
    static const struct {
        const char *text;
        enum ftl_retry retry;
    } rows[] = {
        {"LOADING Redis is loading the dataset in memory", FTL_RETRY_LATER},
        {"READONLY You can't write against a read only replica.", FTL_RETRY_LATER},
        {"OOM command not allowed when used memory > 'maxmemory'.", FTL_RETRY_LATER},
        {"ERR Error running script (call to f_1): @user_script:3: -OOM command not allowed",
         FTL_RETRY_LATER},
        {"MISCONF Redis is configured to save RDB snapshots", FTL_RETRY_LATER},
        {"BUSY Redis is busy running a script.", FTL_RETRY_LATER},
        {"NOAUTH Authentication required.", FTL_RETRY_NEVER},
        {"WRONGPASS invalid username-password pair", FTL_RETRY_NEVER},
        {"NOPERM this user has no permissions", FTL_RETRY_NEVER},
        {"MOVED 3999 127.0.0.1:6381", FTL_RETRY_NEVER},
        {"LOADINGX what is this", FTL_RETRY_ONCE},
        {"ERR unknown command", FTL_RETRY_ONCE},
        {"ERR Error running script: user_script:9: attempt to index a nil value", FTL_RETRY_ONCE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err;
        assert_int_equal(ftl_redis_fail_reply(rows[i].text, "fetch", &err), FTL_QUEUE);
        if (err.retry != rows[i].retry) {
            fail_msg("%s: %s", rows[i].text, ftl_retry_name(err.retry));
        }
        assert_non_null(strstr(err.msg, "fetch: "));
    }
}

static void backs_off_as_bullmq_does(void **state)
{
    static const int64_t expected[] = {1000, 1000, 1000, 1000, 1000,  1000,
                                       1000, 1096, 2980, 8103, 20000, 20000};
    (void)state;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(ftl_redis_backoff_ms(i), expected[i]);
    }
    assert_int_equal(ftl_redis_backoff_ms(INT32_MAX), 20000);
}

static void a_pause_ends_when_cancelled(void **state)
{
    (void)state;
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    ftl_cancel_set(cancel, FTL_CANCEL_SHUTDOWN);
    int64_t start_ms = ftl_mono_ms();
    assert_true(ftl_redis_pause(20, cancel));
    assert_true(ftl_mono_ms() - start_ms < 5000);
    FTL_AUTO(cancel) struct ftl_cancel *soon = ftl_cancel_new(NULL, ftl_mono_ms() + 30);
    assert_true(ftl_redis_pause(20, soon));
    assert_true(ftl_mono_ms() - start_ms < 10000);
}

static void refuses_bad_urls_at_once(void **state)
{
    static const struct {
        const char *url;
        enum ftl_code code;
    } rows[] = {
        {"redis://h:x", FTL_SPEC},
        {"nonsense", FTL_SPEC},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ftl_redis_config config = {.url = rows[i].url};
        struct ftl_redis *redis = NULL;
        struct ftl_err err;
        assert_int_equal(ftl_redis_new(&config, NULL, NULL, &redis, &err), rows[i].code);
        assert_null(redis);
    }
}

static void takes_tls_only_where_it_has_it(void **state)
{
    const struct ftl_redis_config config = {.url = "rediss://u:hush@h"};
    struct ftl_redis *redis = NULL;
    struct ftl_err err;
    (void)state;
    enum ftl_code code = ftl_redis_new(&config, NULL, NULL, &redis, &err);
    assert_int_equal(code, ftl_redis_has_tls() ? FTL_OK : FTL_UNSUPPORTED);
    if (code != FTL_OK) {
        assert_non_null(strstr(err.msg, "rediss://"));
        assert_null(strstr(err.msg, "hush"));
    }
    ftl_redis_free(redis);
}

static void tells_where_it_cannot_connect(void **state)
{
    const struct ftl_redis_config config = {.url = "unix://u:hush@/nonexistent/r.sock"};
    struct ftl_redis *redis = NULL;
    struct ftl_err err;
    (void)state;
    assert_int_equal(ftl_redis_new(&config, "n", NULL, &redis, &err), FTL_OK);
    assert_int_equal(ftl_redis_connect(redis, &err), FTL_QUEUE);
    assert_int_equal(err.retry, FTL_RETRY_LATER);
    assert_non_null(strstr(err.msg, "/nonexistent/r.sock"));
    assert_null(strstr(err.msg, "hush"));
    assert_false(ftl_redis_is_connected(redis));
    assert_false(ftl_redis_is_in_doubt(redis));
    ftl_redis_free(redis);
}

static void arguments_are_bounded(void **state)
{
    struct ftl_redis_args args = {0};
    (void)state;
    ftl_redis_arg_int(&args, INT64_MIN);
    ftl_redis_arg(&args, "x");
    assert_string_equal(args.texts[0], "-9223372036854775808");
    assert_int_equal(args.lengths[0], 20);
    for (int i = 0; i < 2 * FTL_REDIS_MAX_ARGS; i++) {
        ftl_redis_arg_int(&args, i);
    }
    assert_int_equal(args.count, FTL_REDIS_MAX_ARGS);
}

static void scripts_are_whole(void **state)
{
    static const struct ftl_script *const scripts[] = {
        &ftl_script_add,     &ftl_script_counts,  &ftl_script_delay,   &ftl_script_extend,
        &ftl_script_fetch,   &ftl_script_finish,  &ftl_script_log,     &ftl_script_progress,
        &ftl_script_reclaim, &ftl_script_resolve, &ftl_script_retry,   &ftl_script_set_data,
        &ftl_script_show,    &ftl_script_stalled, &ftl_script_to_wait,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        assert_int_equal(strlen(scripts[i]->sha1), 40);
        assert_int_equal(strlen(scripts[i]->text), scripts[i]->length);
        assert_null(strstr(scripts[i]->text, "-- include"));
    }
}

static void settings_have_defaults_and_names(void **state)
{
    static const struct {
        const char *prefix, *name, *worker, *base, *client;
    } rows[] = {
        {NULL, "vid", NULL, "bull:vid:", "bull:dmlk"},
        {"bull", "vid", "wkr1", "bull:vid:", "bull:dmlk:w:wkr1"},
        {"{b}", "a", "has space", "{b}:a:", "{b}:YQ==:w:has_space"},
        {"", "ab", "z\xc3\xbc", "bull:ab:", "bull:YWI=:w:z__"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ftl_queue_config config = {.redis.url = "redis://h",
                                                .prefix = rows[i].prefix,
                                                .name = rows[i].name,
                                                .worker_name = rows[i].worker};
        struct ftl_queue_settings settings;
        struct ftl_err err;
        assert_int_equal(ftl_queue_settings_init(&settings, &config, &err), FTL_OK);
        assert_string_equal(settings.base, rows[i].base);
        assert_string_equal(settings.client_name, rows[i].client);
        assert_int_equal(settings.config.lock_ms, 30000);
        assert_int_equal(settings.config.drain_delay_ms, 5000);
        ftl_queue_settings_done(&settings);
    }
}

static void settings_refuse_bad_names(void **state)
{
    char longest[600];
    (void)state;
    memset(longest, 'q', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    const char *const rows[] = {NULL, "", "a:b", longest};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ftl_queue_config config = {.redis.url = "redis://h", .name = rows[i]};
        struct ftl_queue_settings settings;
        struct ftl_err err;
        assert_int_equal(ftl_queue_settings_init(&settings, &config, &err), FTL_SPEC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_error_replies),
        cmocka_unit_test(backs_off_as_bullmq_does),
        cmocka_unit_test(a_pause_ends_when_cancelled),
        cmocka_unit_test(refuses_bad_urls_at_once),
        cmocka_unit_test(takes_tls_only_where_it_has_it),
        cmocka_unit_test(tells_where_it_cannot_connect),
        cmocka_unit_test(arguments_are_bounded),
        cmocka_unit_test(scripts_are_whole),
        cmocka_unit_test(settings_have_defaults_and_names),
        cmocka_unit_test(settings_refuse_bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
