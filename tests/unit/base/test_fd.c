#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/fd.h"

static void assert_cloexec(int fd)
{
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void test_memory(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    FTL_AUTO_FD int fd = -1;
    assert_int_equal(ftl_fd_memory("body", "abcdef", 6, &fd, &err), FTL_OK);
    assert_cloexec(fd);
    int64_t size = 0;
    assert_int_equal(ftl_fd_size(fd, &size, &err), FTL_OK);
    assert_int_equal(size, 6);
    char start[3] = "";
    assert_int_equal(read(fd, start, 2), 2); /* from its beginning */
    assert_string_equal(start, "ab");
    FTL_AUTO_FD int copy = -1;
    assert_int_equal(ftl_fd_reopen_read(fd, &copy, &err), FTL_OK);
    assert_cloexec(copy);
    assert_int_equal(read(copy, start, 2), 2); /* an offset of its own */
    assert_string_equal(start, "ab");
    assert_int_equal(write(copy, "x", 1), -1);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(6);
    assert_int_equal(ftl_fd_read_all(fd, &text, &err), FTL_OK); /* whatever the offset */
    assert_string_equal(ftl_str_text(&text), "abcdef");
    FTL_AUTO_STR struct ftl_str shorter = FTL_STR_INIT(5);
    assert_int_equal(ftl_fd_read_all(fd, &shorter, &err), FTL_LIMIT);
}

static void test_pipe(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(ftl_fd_write_all(ends[1], "piped", 5, &err), FTL_OK);
    assert_int_equal(close(ends[1]), 0);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(100);
    assert_int_equal(ftl_fd_read_all(ends[0], &text, &err), FTL_OK);
    assert_string_equal(ftl_str_text(&text), "piped");
    assert_int_equal(close(ends[0]), 0);
}

static void test_failures(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(close(ends[0]), 0);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(ftl_fd_write_all(ends[1], "x", 1, &err), FTL_DISK);
    assert_int_equal(err.sub, EPIPE);
    (void)signal(SIGPIPE, before);
    assert_int_equal(close(ends[1]), 0);
    FTL_AUTO_FD int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftl_fd_write_all(full, "x", 1, &err), FTL_DISK);
    assert_int_equal(err.sub, ENOSPC);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(100);
    assert_int_equal(ftl_file_read("/nonexistent/file", &text, &err), FTL_SOURCE);
    assert_non_null(strstr(err.msg, "/nonexistent/file"));
    assert_int_equal(ftl_file_read("/", &text, &err), FTL_DISK);
    int fd = -1;
    assert_int_equal(ftl_fd_temporary("/nonexistent", &fd, &err), FTL_DISK);
    assert_int_equal(fd, -1);
    int64_t size = 0;
    assert_int_equal(ftl_fd_size(-1, &size, &err), FTL_DISK);
    assert_int_equal(ftl_fd_reopen_read(-1, &fd, &err), FTL_DISK);
}

static void test_temporary(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    char directory[] = "/tmp/fettle-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    FTL_AUTO_FD int fd = -1;
    assert_int_equal(ftl_fd_temporary(directory, &fd, &err), FTL_OK);
    assert_cloexec(fd);
    assert_int_equal(ftl_fd_write_all(fd, "abc", 3, &err), FTL_OK);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(100);
    assert_int_equal(ftl_fd_read_all(fd, &text, &err), FTL_OK);
    assert_string_equal(ftl_str_text(&text), "abc");
    assert_int_equal(rmdir(directory), 0); /* it has no name in there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_temporary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
