#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"

struct sink {
    int fd;
    struct ftl_str text;
};

static int open_sink(void **state)
{
    static struct sink sink;
    sink = (struct sink){.fd = memfd_create("log", MFD_CLOEXEC), .text = FTL_STR_INIT(1 << 20)};
    *state = &sink;
    return sink.fd >= 0 ? 0 : -1;
}

static int close_sink(void **state)
{
    struct sink *sink = *state;
    ftl_str_done(&sink->text);
    return close(sink->fd);
}

static const char *written(struct sink *sink)
{
    struct ftl_err err = {0};
    ftl_str_clear(&sink->text);
    assert_int_equal(ftl_fd_read_all(sink->fd, &sink->text, &err), FTL_OK);
    return ftl_str_text(&sink->text);
}

/* The line after its time stamp. */
static const char *after_stamp(struct sink *sink)
{
    const char *text = written(sink);
    assert_true(ftl_starts_with(text, "{\"ts\":\"20"));
    return strstr(text, "\"level\"");
}

static void test_json(void **state)
{
    struct sink *sink = *state;
    const struct ftl_log log = {.fd = sink->fd, .level = FTL_LOG_INFO};
    FTL_LOG(&log, INFO, "job \"done\"\n", FTL_LOG_TEXT("file", "a\xff"), FTL_LOG_INT("n", -5),
            FTL_LOG_DOUBLE("s", 1.5), FTL_LOG_DOUBLE("nan", (double)NAN), FTL_LOG_BOOL("ok", true),
            FTL_LOG_TEXT("none", NULL));
    assert_string_equal(
        after_stamp(sink),
        "\"level\":\"info\",\"msg\":\"job \\\"done\\\"\\n\",\"file\":\"a\xef\xbf\xbd\","
        "\"n\":-5,\"s\":1.5,\"nan\":null,\"ok\":true,\"none\":null}\n");
}

static void test_levels(void **state)
{
    struct sink *sink = *state;
    const struct ftl_log log = {.fd = sink->fd, .level = FTL_LOG_WARN};
    FTL_LOG(&log, INFO, "dropped");
    FTL_LOG(&log, DEBUG, "dropped");
    FTL_LOG(NULL, ERROR, "dropped");
    const struct ftl_log silent = {.fd = -1, .level = FTL_LOG_DEBUG};
    FTL_LOG(&silent, ERROR, "dropped");
    assert_string_equal(written(sink), "");
    FTL_LOG(&log, WARN, "kept");
    assert_non_null(strstr(written(sink), "\"msg\":\"kept\"}\n"));
    static const struct {
        const char *text;
        int level; /* -1 = unknown */
    } rows[] = {{"error", FTL_LOG_ERROR},
                {"warn", FTL_LOG_WARN},
                {"info", FTL_LOG_INFO},
                {"debug", FTL_LOG_DEBUG},
                {"warning", FTL_LOG_WARN},
                {"trace", FTL_LOG_DEBUG},
                {"fatal", FTL_LOG_ERROR},
                {"INFO", -1},
                {"", -1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum ftl_log_level level = FTL_LOG_ERROR;
        assert_int_equal(ftl_log_level_parse(rows[i].text, &level), rows[i].level >= 0);
        assert_int_equal(level, rows[i].level >= 0 ? rows[i].level : 0);
    }
}

static void test_bound_keys(void **state)
{
    struct sink *sink = *state;
    const struct ftl_log log = {.fd = sink->fd, .level = FTL_LOG_INFO};
    struct ftl_log job = ftl_log_with(&log, FTL_LOG_TEXT("job", "j-1"));
    struct ftl_log slot = ftl_log_with(&job, FTL_LOG_INT("slot", 3));
    char longer[300];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    struct ftl_log same = ftl_log_with(&slot, FTL_LOG_TEXT("long", longer));
    assert_memory_equal(&same, &slot, sizeof(slot));
    FTL_LOG(&slot, INFO, "m", FTL_LOG_INT("n", 1));
    assert_string_equal(after_stamp(sink),
                        "\"level\":\"info\",\"msg\":\"m\",\"job\":\"j-1\",\"slot\":3,\"n\":1}\n");
    assert_int_equal(ftl_log_with(NULL, FTL_LOG_INT("n", 1)).fd, -1);
}

static void test_text(void **state)
{
    struct sink *sink = *state;
    struct ftl_log log = {.fd = sink->fd, .level = FTL_LOG_INFO, .is_text = true};
    log = ftl_log_with(&log, FTL_LOG_TEXT("job", "j"));
    FTL_LOG(&log, ERROR, "it failed", FTL_LOG_TEXT("a", "two words"), FTL_LOG_TEXT("b", "\x1b[31m"),
            FTL_LOG_TEXT("c", ""));
    assert_string_equal(written(sink),
                        "error: it failed job=j a=\"two words\" b=\"\\u001b[31m\" c=\"\"\n");
}

static void test_err(void **state)
{
    struct sink *sink = *state;
    const struct ftl_log log = {.fd = sink->fd, .level = FTL_LOG_INFO};
    struct ftl_err err = {0};
    (void)ftl_fail(&err, FTL_SPEC, "bad \"x\"");
    (void)ftl_err_at(&err, "/filters/0");
    ftl_log_err(&log, FTL_LOG_ERROR, "job failed", &err);
    assert_string_equal(after_stamp(sink),
                        "\"level\":\"error\",\"msg\":\"job failed\",\"code\":\"SPEC\",\"error\":"
                        "\"bad \\\"x\\\"\",\"retry\":\"never\",\"where\":\"/filters/0\"}\n");
}

/* However much there is to say, a line is whole JSON and at most 4 KiB. */
static void test_long_lines(void **state)
{
    struct sink *sink = *state;
    const struct ftl_log log = {.fd = sink->fd, .level = FTL_LOG_INFO};
    char control[3000];
    memset(control, 1, sizeof(control) - 1);
    control[sizeof(control) - 1] = '\0';
    FTL_LOG(&log, INFO, control, FTL_LOG_TEXT("a", control), FTL_LOG_TEXT("b", control),
            FTL_LOG_INT("last", 7));
    const char *line = written(sink);
    size_t length = strlen(line);
    assert_true(length <= 4096);
    assert_int_equal(line[length - 1], '\n');
    struct ftl_err err = {0};
    FTL_AUTO(json) cJSON *json = NULL;
    assert_int_equal(ftl_json_parse(line, length, NULL, &json, &err), FTL_OK);
    assert_int_equal(ftl_json_int64(json, "last", 0), 7);
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *opaque)
{
    const struct ftl_log *log = opaque;
    for (int i = 0; i < LINES; i++) {
        FTL_LOG(log, INFO, "a line from one of several threads", FTL_LOG_INT("i", i));
    }
    return NULL;
}

static void test_threads_do_not_mix(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const struct ftl_log log = {.fd = ends[1], .level = FTL_LOG_INFO};
    struct ftl_log copies[THREADS];
    pthread_t threads[THREADS];
    /* room for all of it, so that nobody needs to read meanwhile */
    assert_true(THREADS * LINES * 110 < 128 * 1024);
    (void)fcntl(ends[1], F_SETPIPE_SZ, 128 * 1024);
    for (size_t i = 0; i < THREADS; i++) {
        copies[i] = log;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &copies[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(close(ends[1]), 0);
    FILE *lines = fdopen(ends[0], "r");
    char line[4096];
    int count = 0;
    while (fgets(line, sizeof(line), lines) != NULL) {
        assert_true(ftl_starts_with(line, "{\"ts\":"));
        assert_true(ftl_ends_with(line, "}\n"));
        count++;
    }
    assert_int_equal(fclose(lines), 0);
    assert_int_equal(count, THREADS * LINES);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *bare;
    } rows[] = {
        {"https://h/a/b.mp4?sig=1#f", "https://h/a/b.mp4"},
        {"https://user:pass@h:8080/a", "https://h:8080/a"},
        {"https://a@b@h/x", "https://h/x"},
        {"https://h?x", "https://h"},
        {"https://h#x@y", "https://h"},
        {"https://h/x@y?z", "https://h/x@y"},
        {"rediss://:secret@h:6379/2", "rediss://h:6379/2"},
        {"/a/b?c", "/a/b"},
        {"clip@2x.mp4", "clip@2x.mp4"},
        {"", ""},
        {"://u@", "://"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char bare[64];
        ftl_log_url(rows[i].url, bare, sizeof(bare));
        assert_string_equal(bare, rows[i].bare);
    }
    char small[10];
    ftl_log_url("https://user:pass@host/", small, sizeof(small));
    assert_string_equal(small, "https://h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_json, open_sink, close_sink),
        cmocka_unit_test_setup_teardown(test_levels, open_sink, close_sink),
        cmocka_unit_test_setup_teardown(test_bound_keys, open_sink, close_sink),
        cmocka_unit_test_setup_teardown(test_text, open_sink, close_sink),
        cmocka_unit_test_setup_teardown(test_err, open_sink, close_sink),
        cmocka_unit_test_setup_teardown(test_long_lines, open_sink, close_sink),
        cmocka_unit_test(test_threads_do_not_mix),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
