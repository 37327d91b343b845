#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "execc/relay.h"

/* What the relay passes on, as text lines of a log in a memory file. */
struct sink {
    struct ftl_log log;
    struct ftl_relay relay;
    char tail[FTL_RELAY_TAIL];
};

static int start(void **state)
{
    static struct sink sink;
    struct ftl_err err = {.code = FTL_OK};
    sink.log = (struct ftl_log){.level = FTL_LOG_INFO, .is_text = true};
    assert_int_equal(ftl_fd_memory("log", "", 0, &sink.log.fd, &err), FTL_OK);
    sink.relay = ftl_relay_make(&sink.log);
    *state = &sink;
    return 0;
}

static int stop(void **state)
{
    const struct sink *sink = *state;
    (void)close(sink->log.fd);
    return 0;
}

static void read_log(const struct sink *sink, struct ftl_str *ret)
{
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(lseek(sink->log.fd, 0, SEEK_SET), 0);
    assert_int_equal(ftl_fd_read_all(sink->log.fd, ret, &err), FTL_OK);
}

static size_t count_lines(const struct ftl_str *text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->length; i++) {
        lines += text->text[i] == '\n' ? 1 : 0;
    }
    return lines;
}

static void take(struct sink *sink, const char *text)
{
    ftl_relay_take(&sink->relay, text, strlen(text));
}

static void test_lines(void **state)
{
    struct sink *sink = *state;
    take(sink, "plain wo");
    take(sink, "rds\n\n");
    take(sink,
         "{\"ts\":\"x\",\"level\":\"error\",\"msg\":\"ours\",\"where\":\"/input\",\"n\":1}\n");
    take(sink, "{\"level\":\"debug\",\"msg\":\"too fine\"}\n");
    take(sink, "{\"level\":\"nonsense\",\"msg\":\"x\"}\n{broken\nno end\x1b[2J");
    ftl_relay_finish(&sink->relay, sink->tail);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(64 * 1024);
    read_log(sink, &text);
    const char *log = ftl_str_text(&text);
    assert_non_null(strstr(log, "warn: plain words from=executor\n"));
    assert_non_null(strstr(log, "warn: ours from=executor where=/input\n")); /* never an error */
    assert_null(strstr(log, "too fine"));
    assert_non_null(strstr(log, "{broken"));
    assert_non_null(strstr(log, "no end?[2J"));
    assert_int_equal(count_lines(&text), 5);
    assert_non_null(strstr(sink->tail, "{broken\nno end?[2J"));
}

static void test_rate(void **state)
{
    struct sink *sink = *state;
    for (int i = 0; i < 10000; i++) {
        take(sink, "again\n");
    }
    ftl_relay_finish(&sink->relay, sink->tail);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1024 * 1024);
    read_log(sink, &text);
    size_t lines = count_lines(&text);
    assert_in_range(lines, FTL_RELAY_BURST, FTL_RELAY_BURST + 50);
    assert_non_null(strstr(ftl_str_text(&text), "lines of the executor's log were dropped"));
}

static void test_tail(void **state)
{
    struct sink *sink = *state;
    char line[64];
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(line, sizeof(line), "line %d\n", i);
        take(sink, line);
    }
    ftl_relay_finish(&sink->relay, sink->tail);
    size_t length = strlen(sink->tail);
    assert_in_range(length, FTL_RELAY_TAIL - 64, FTL_RELAY_TAIL - 1);
    assert_true(strncmp(sink->tail, "line ", 5) == 0); /* whole lines only */
    assert_non_null(strstr(sink->tail, "line 4999\n"));
    assert_null(strstr(sink->tail, "line 10\n"));
}

static void test_one_endless_line(void **state)
{
    struct sink *sink = *state;
    static const char block[20000] = {0};
    char bytes[sizeof(block)];
    memset(bytes, 'z', sizeof(bytes));
    ftl_relay_take(&sink->relay, bytes, sizeof(bytes));
    ftl_relay_take(&sink->relay, block, 100); /* NULs */
    ftl_relay_finish(&sink->relay, sink->tail);
    assert_in_range(strlen(sink->tail), FTL_RELAY_TAIL - 2, FTL_RELAY_TAIL - 1);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1024 * 1024);
    read_log(sink, &text);
    assert_int_equal(count_lines(&text), 1);
}

static void test_pipe(void **state)
{
    struct sink *sink = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(ftl_relay_read(&sink->relay, ends[0])); /* nothing yet */
    assert_int_equal(write(ends[1], "hello\n", 6), 6);
    assert_true(ftl_relay_read(&sink->relay, ends[0]));
    (void)close(ends[1]);
    assert_false(ftl_relay_read(&sink->relay, ends[0])); /* the end */
    (void)close(ends[0]);
    ftl_relay_finish(&sink->relay, sink->tail);
    assert_string_equal(sink->tail, "hello\n");
}

static void test_without_a_log(void **state)
{
    struct sink *sink = *state;
    sink->relay = ftl_relay_make(NULL);
    take(sink, "kept\n");
    ftl_relay_finish(&sink->relay, sink->tail);
    assert_string_equal(sink->tail, "kept\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, start, stop),
        cmocka_unit_test_setup_teardown(test_rate, start, stop),
        cmocka_unit_test_setup_teardown(test_tail, start, stop),
        cmocka_unit_test_setup_teardown(test_one_endless_line, start, stop),
        cmocka_unit_test_setup_teardown(test_pipe, start, stop),
        cmocka_unit_test_setup_teardown(test_without_a_log, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
