/* Local files and headers; HTTP is tested against a server in tests/integration/transfer. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include <fettle/option.h>

#include "base/fd.h"
#include "transfer/fetch.h"
#include "transfer/fetch_impl.h"

static char base[] = "/tmp/fettle-test-fetch-XXXXXX";

static void path_of(const char *name, char to[512])
{
    assert_true(snprintf(to, 512, "%s/%s", base, name) < 512);
}

static void write_file(const char *name, const char *text)
{
    char path[512];
    path_of(name, path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    char path[512];
    char target[512];
    assert_non_null(mkdtemp(base));
    path_of("in", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of("inside-not", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of("in/sub", path);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file("in/clip", "abc");
    write_file("in/sub/clip", "defg");
    write_file("in/empty", "");
    write_file("inside-not/clip", "secret");
    path_of("in/fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    path_of("in/out-link", path);
    path_of("inside-not/clip", target);
    assert_int_equal(symlink(target, path), 0);
    path_of("in/in-link", path);
    path_of("in/sub/clip", target);
    assert_int_equal(symlink(target, path), 0);
    path_of("in/dir-link", path);
    path_of("inside-not", target);
    assert_int_equal(symlink(target, path), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"in/clip",     "in/sub/clip",     "in/empty",    "in/fifo",
                                        "in/out-link", "in/in-link",      "in/dir-link", "in/sub",
                                        "in",          "inside-not/clip", "inside-not",  ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[512];
        path_of(names[i], path);
        (void)remove(path);
    }
    return 0;
}

struct file_row {
    const char *path; /* below base unless it starts with ":" */
    bool has_root;    /* base/in */
    enum ftl_code code;
    int64_t bytes;
};

static const struct file_row file_rows[] = {
    {"in/clip", false, FTL_OK, 3},
    {"inside-not/clip", false, FTL_OK, 6},
    {"in/out-link", false, FTL_OK, 6},
    {"in/none", false, FTL_SOURCE, 0},
    {"in/empty", false, FTL_INPUT, 0},
    {"in", false, FTL_SOURCE, 0},
    {"in/fifo", false, FTL_SOURCE, 0},
    {"in/clip", true, FTL_OK, 3},
    {"in//sub/./clip", true, FTL_OK, 4},
    {"in/sub/../clip", true, FTL_OK, 3},
    {"in/in-link", true, FTL_OK, 4},
    {":clip", true, FTL_OK, 3},
    {":sub/clip", true, FTL_OK, 4},
    {":none", true, FTL_SOURCE, 0},
    {"inside-not/clip", true, FTL_SOURCE, 0},
    {"in/../inside-not/clip", true, FTL_SOURCE, 0},
    {":../inside-not/clip", true, FTL_SOURCE, 0},
    {"in/out-link", true, FTL_SOURCE, 0},
    {"in/dir-link/clip", true, FTL_SOURCE, 0},
    {":dir-link/clip", true, FTL_SOURCE, 0},
    {":/etc/passwd", true, FTL_SOURCE, 0},
    {":/proc/self/environ", true, FTL_SOURCE, 0},
    {"in/fifo", true, FTL_SOURCE, 0},
};

static void local_files(void **state)
{
    (void)state;
    char root[512];
    path_of("in", root);
    const char *const roots[] = {root, NULL};
    for (size_t i = 0; i < sizeof(file_rows) / sizeof(file_rows[0]); i++) {
        const struct file_row *row = &file_rows[i];
        char path[512];
        path_of(row->path, path);
        struct ftl_source source = {.path = row->path[0] == ':' ? row->path + 1 : path};
        struct ftl_fetch_config config = {.temp_dir = base, .roots = row->has_root ? roots : NULL};
        struct ftl_fetched fetched = {.fd = -1};
        struct ftl_err err = {0};
        enum ftl_code code = ftl_fetch(&source, &config, NULL, NULL, &fetched, &err);
        if (code != row->code) {
            fail_msg("row %zu, %s: %s %s", i, row->path, ftl_code_name(code), err.msg);
        }
        if (code == FTL_OK) {
            assert_int_equal(fetched.bytes, row->bytes);
            assert_int_equal(fcntl(fetched.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
            assert_true((fcntl(fetched.fd, F_GETFD) & FD_CLOEXEC) != 0);
            assert_int_equal(close(fetched.fd), 0);
        } else {
            assert_int_equal(fetched.fd, -1);
        }
    }
}

static void sha256_and_limits(void **state)
{
    (void)state;
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char path[512];
    path_of("in/clip", path);
    struct ftl_source source = {.path = path, .sha256 = abc};
    struct ftl_fetch_config config = {.temp_dir = base};
    struct ftl_fetched fetched = {0};
    struct ftl_err err = {0};
    assert_int_equal(ftl_fetch(&source, &config, NULL, NULL, &fetched, &err), FTL_OK);
    assert_string_equal(fetched.sha256, abc);
    assert_int_equal(close(fetched.fd), 0);
    source.sha256 = "00";
    assert_int_equal(ftl_fetch(&source, &config, NULL, NULL, &fetched, &err), FTL_INPUT);
    assert_non_null(strstr(err.msg, "sha256"));
    source.sha256 = NULL;
    config.max_bytes = 2;
    assert_int_equal(ftl_fetch(&source, &config, NULL, NULL, &fetched, &err), FTL_LIMIT);
    source.path = NULL;
    assert_int_equal(ftl_fetch(&source, &config, NULL, NULL, &fetched, &err), FTL_SPEC);
}

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *line; /* line NULL = refused */
    } rows[] = {
        {"Authorization", "Bearer k", "Authorization: Bearer k"},
        {"x-goog-api-key", "k", "x-goog-api-key: k"},
        {"X-Empty", "", "X-Empty;"},
        {"X", "caf\xc3\xa9", "X: caf\xc3\xa9"},
        {"X Y", "v", NULL},
        {"X:Y", "v", NULL},
        {"", "v", NULL},
        {"X", "a\r\nHost: b", NULL},
        {"X", "a\nb", NULL},
        {"host", "b", NULL},
        {"RANGE", "bytes=0-", NULL},
        {"Transfer-Encoding", "chunked", NULL},
        {"accept-encoding", "gzip", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_map_entry entry = {.name = rows[i].name, .value.string = rows[i].value};
        struct ftl_array array = {.items = &entry, .count = 1};
        struct curl_slist *list = NULL;
        struct ftl_err err = {0};
        enum ftl_code code = ftl_fetch_headers(&array, &list, &err);
        if (rows[i].line == NULL) {
            assert_int_equal(code, FTL_SPEC);
            assert_null(list);
            continue;
        }
        assert_int_equal(code, FTL_OK);
        assert_string_equal(list->data, rows[i].line);
        curl_slist_free_all(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_files),
        cmocka_unit_test(sha256_and_limits),
        cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
