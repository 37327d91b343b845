#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "queue/embedded.h"
#include "queue/redis_conn.h"
#include "remove_tree.h"

static int setup(void **state)
{
    char name[] = "/tmp/fettle-unit-XXXXXX";
    if (mkdtemp(name) == NULL) {
        return -1;
    }
    *state = ftl_strdup(name);
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    remove_tree(*state, 4);
    ftl_free(*state);
    return 0;
}

static struct ftl_embedded_redis *start(const char *directory)
{
    struct ftl_embedded_redis *server = NULL;
    struct ftl_err err;
    if (ftl_embedded_start(directory, NULL, &server, &err) != FTL_OK) {
        fail_msg("%s", err.msg);
    }
    return server;
}

static char *ask(const struct ftl_embedded_redis *server, const char *verb, const char *value)
{
    const struct ftl_redis_config config = {.url = ftl_embedded_url(server)};
    struct ftl_redis *redis = NULL;
    struct ftl_err err;
    FTL_AUTO(reply) redisReply *reply = NULL;
    struct ftl_redis_args args = {0};
    assert_int_equal(ftl_redis_new(&config, NULL, NULL, &redis, &err), FTL_OK);
    ftl_redis_arg(&args, verb);
    ftl_redis_arg(&args, "key");
    if (value != NULL) {
        ftl_redis_arg(&args, value);
    }
    if (ftl_redis_call(redis, &args, &reply, &err) != FTL_OK) {
        fail_msg("%s", err.msg);
    }
    ftl_redis_free(redis);
    return reply->str != NULL ? ftl_strdup(reply->str) : NULL;
}

static void keeps_its_data_over_a_restart(void **state)
{
    FTL_AUTO_STR struct ftl_str directory = FTL_STR_INIT(200);
    ftl_str_printf(&directory, "%s/a b/c?d",
                   (const char *)*state); /* made, and quoted in the URL */
    struct ftl_embedded_redis *server = start(ftl_str_text(&directory));
    ftl_free(ask(server, "SET", "kept"));
    ftl_embedded_stop(server);
    server = start(ftl_str_text(&directory));
    FTL_AUTO_FREE char *value = ask(server, "GET", NULL);
    assert_string_equal(value, "kept");
    ftl_embedded_stop(server);
}

static void tells_of_its_end(void **state)
{
    struct ftl_embedded_redis *server = start(*state);
    struct pollfd entry = {.fd = ftl_embedded_fd(server), .events = POLLIN};
    assert_int_equal(poll(&entry, 1, 0), 0);
    const struct ftl_redis_config config = {.url = ftl_embedded_url(server)};
    struct ftl_redis *redis = NULL;
    struct ftl_err err;
    redisReply *reply = NULL;
    struct ftl_redis_args args = {0};
    assert_int_equal(ftl_redis_new(&config, NULL, NULL, &redis, &err), FTL_OK);
    ftl_redis_arg(&args, "SHUTDOWN");
    assert_int_equal(ftl_redis_call(redis, &args, &reply, &err), FTL_QUEUE);
    assert_int_equal(err.retry, FTL_RETRY_LATER);
    ftl_redis_free(redis);
    assert_int_equal(poll(&entry, 1, 10000), 1);
    ftl_embedded_stop(server);
}

/* A parent that is killed takes its server along, and a new one waits for that. */
static void dies_with_its_parent(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct ftl_embedded_redis *server = NULL;
        struct ftl_err err;
        bool is_up = ftl_embedded_start(*state, NULL, &server, &err) == FTL_OK;
        (void)!write(ends[1], is_up ? "1" : "0", 1);
        for (;;) {
            (void)pause(); /* until it is killed */
        }
    }
    char answer = '?';
    assert_int_equal(read(ends[0], &answer, 1), 1);
    assert_int_equal(answer, '1');
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    ftl_embedded_stop(start(*state));
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void names_what_is_missing(void **state)
{
    struct ftl_embedded_redis *server = NULL;
    struct ftl_err err;
    FTL_AUTO_FREE char *path = ftl_strdup(getenv("PATH"));
    assert_non_null(path);
    assert_int_equal(setenv("PATH", *state, 1), 0);
    assert_int_equal(ftl_embedded_start(*state, NULL, &server, &err), FTL_QUEUE);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_non_null(strstr(err.msg, "no redis-server on the PATH"));
    assert_null(server);
}

static void refuses_bad_directories(void **state)
{
    char longest[200];
    memset(longest, 'd', sizeof(longest));
    memcpy(longest, *state, strlen(*state));
    longest[strlen(*state)] = '/';
    longest[sizeof(longest) - 1] = '\0';
    const char *const rows[] = {"", "/dev/null/x", longest};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_embedded_redis *server = NULL;
        struct ftl_err err;
        assert_int_equal(ftl_embedded_start(rows[i], NULL, &server, &err), FTL_QUEUE);
        assert_null(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_its_data_over_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_of_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(dies_with_its_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(names_what_is_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bad_directories, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
