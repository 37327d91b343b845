#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "queue/redis_url.h"

static void understands(void **state)
{
    static const struct {
        const char *text;
        struct ftl_redis_url url;
    } rows[] = {
        {"redis://h", {.host = "h", .port = 6379}},
        {"redis://", {.host = "localhost", .port = 6379}},
        {"redis:///2", {.host = "localhost", .port = 6379, .db = 2}},
        {"redis://h:7000/", {.host = "h", .port = 7000}},
        {"redis://h:7000/15", {.host = "h", .port = 7000, .db = 15}},
        {"redis://h?db=4", {.host = "h", .port = 6379, .db = 4}},
        {"redis://:pw@h", {.host = "h", .port = 6379, .password = "pw"}},
        {"redis://u:p%40%3A%2f@h:1", {.host = "h", .port = 1, .user = "u", .password = "p@:/"}},
        {"redis://u@h", {.host = "h", .port = 6379, .user = "u"}},
        {"redis://u:a@b@h", {.host = "h", .port = 6379, .user = "u", .password = "a@b"}},
        {"redis://[::1]", {.host = "::1", .port = 6379}},
        {"redis://[fe80::1]:99/1", {.host = "fe80::1", .port = 99, .db = 1}},
        {"rediss://h", {.is_tls = true, .host = "h", .port = 6379}},
        {"unix:///run/r.sock", {.is_unix = true, .path = "/run/r.sock"}},
        {"unix:///run/r.sock?db=3", {.is_unix = true, .path = "/run/r.sock", .db = 3}},
        {"unix://u:p@/run/r", {.is_unix = true, .path = "/run/r", .user = "u", .password = "p"}},
        {"unix:///a%20b@c", {.is_unix = true, .path = "/a b@c"}},
        {"redis+unix:///r", {.is_unix = true, .path = "/r"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_redis_url url;
        struct ftl_err err;
        if (ftl_redis_url_parse(rows[i].text, &url, &err) != FTL_OK) {
            fail_msg("%s: %s", rows[i].text, err.msg);
        }
        assert_string_equal(url.host, rows[i].url.host);
        assert_string_equal(url.path, rows[i].url.path);
        assert_string_equal(url.user, rows[i].url.user);
        assert_string_equal(url.password, rows[i].url.password);
        assert_int_equal(url.port, rows[i].url.port);
        assert_int_equal(url.db, rows[i].url.db);
        assert_int_equal(url.is_tls, rows[i].url.is_tls);
        assert_int_equal(url.is_unix, rows[i].url.is_unix);
    }
}

static void refuses(void **state)
{
    static const char *const rows[] = {
        "",
        "h:6379",
        "http://h",
        "redis:h",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:x",
        "redis://h:",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/99999999999",
        "redis://h?db=",
        "redis://h?db=x",
        "redis://h?tls=1",
        "redis://h?db",
        "redis://[::1",
        "redis://[::1]x",
        "redis://secret%4@h",
        "redis://secret%zz@h",
        "redis://secret%00@h",
        "unix://relative",
        "unix://",
        "unix:///secret%0a",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_redis_url url = {.port = 1};
        struct ftl_err err;
        if (ftl_redis_url_parse(rows[i], &url, &err) != FTL_SPEC) {
            fail_msg("%s is taken", rows[i]);
        }
        assert_int_equal(url.port, 1); /* untouched */
        assert_null(strstr(err.msg, "secret"));
    }
}

static void refuses_what_is_too_long(void **state)
{
    char text[1200];
    struct ftl_redis_url url;
    struct ftl_err err;
    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "unix:///", strlen("unix:///"));
    text[strlen("unix://") + sizeof(url.path) - 1] = '\0';
    assert_int_equal(ftl_redis_url_parse(text, &url, &err), FTL_OK);
    text[strlen("unix://") + sizeof(url.path) - 1] = 'a';
    text[strlen("unix://") + sizeof(url.path)] = '\0';
    assert_int_equal(ftl_redis_url_parse(text, &url, &err), FTL_SPEC);
    memset(text, 'a', sizeof(text));
    memcpy(text, "redis://:", strlen("redis://:"));
    memcpy(text + sizeof(text) - 3, "@h", 3);
    assert_int_equal(ftl_redis_url_parse(text, &url, &err), FTL_SPEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
