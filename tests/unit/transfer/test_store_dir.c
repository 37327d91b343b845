#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "transfer/store.h"

static char base[64];

static int set_up(void **state)
{
    (void)state;
    (void)ftl_copy_text(base, sizeof(base), "/tmp/fettle-test-store-XXXXXX");
    return mkdtemp(base) != NULL ? 0 : -1;
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (dir != NULL) {
        for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            char below[1024];
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) < (int)sizeof(below))
            {
                remove_tree(below); /* as deep as the test made it */
            }
        }
        (void)closedir(dir);
    }
    (void)remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(base);
    return 0;
}

static void path_of(const char *name, char to[512])
{
    assert_true(snprintf(to, 512, "%s/%s", base, name) < 512);
}

static int count_files(const char *name)
{
    char path[512];
    path_of(name, path);
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    (void)closedir(dir);
    return count;
}

static void assert_holds(const char *name, const char *text)
{
    char path[512];
    path_of(name, path);
    FTL_AUTO_STR struct ftl_str got = FTL_STR_INIT(4096);
    struct ftl_err err = {0};
    assert_int_equal(ftl_file_read(path, &got, &err), FTL_OK);
    assert_string_equal(ftl_str_text(&got), text);
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

static enum ftl_code put(struct ftl_store *store, const char *name, const char *text,
                         struct ftl_stored *stored, struct ftl_err *err)
{
    int fd = -1;
    assert_int_equal(ftl_fd_memory("test", text, strlen(text), &fd, err), FTL_OK);
    struct ftl_store_object object = {.name = name, .fd = fd, .content_type = "text/plain"};
    enum ftl_code code = ftl_store_put(store, &object, stored, err);
    (void)close(fd);
    return code;
}

static struct ftl_store *open_at(const char *name, bool overwrite)
{
    char path[512];
    path_of(name, path);
    struct ftl_store_config config = {.overwrite = overwrite};
    struct ftl_store *store = NULL;
    struct ftl_err err = {0};
    assert_int_equal(ftl_store_open(path, &config, &store, &err), FTL_OK);
    return store;
}

static void nothing_is_visible_before_commit(void **state)
{
    (void)state;
    FTL_AUTO(store) struct ftl_store *store = open_at("a/b/c", false);
    struct ftl_stored stored = {0};
    struct ftl_err err = {0};
    char path[512];
    assert_int_equal(put(store, "x.txt", "abc", &stored, &err), FTL_OK);
    assert_int_equal(stored.bytes, 3);
    assert_string_equal(stored.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    path_of("a/b/c/x.txt", path);
    assert_string_equal(stored.url, path);
    assert_int_equal(put(store, "hls/seg/y.txt", "", &stored, &err), FTL_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(ftl_store_commit(store, &err), FTL_OK);
    assert_holds("a/b/c/x.txt", "abc");
    assert_holds("a/b/c/hls/seg/y.txt", "");
    assert_int_equal(count_files("a/b/c"), 2); /* x.txt and hls */
    ftl_store_abort(store);                    /* nothing any more */
    assert_holds("a/b/c/x.txt", "abc");
}

static void abort_removes(void **state)
{
    (void)state;
    struct ftl_store *store = open_at("out", true);
    struct ftl_stored stored = {0};
    struct ftl_err err = {0};
    write_file("out/old.txt", "old");
    assert_int_equal(put(store, "old.txt", "new", &stored, &err), FTL_OK);
    assert_int_equal(put(store, "x.txt", "abc", &stored, &err), FTL_OK);
    assert_int_equal(count_files("out"), 3);
    ftl_store_close(store); /* not committed */
    assert_int_equal(count_files("out"), 1);
    assert_holds("out/old.txt", "old");
}

static void overwriting(void **state)
{
    (void)state;
    struct ftl_stored stored = {0};
    struct ftl_err err = {0};
    FTL_AUTO(store) struct ftl_store *first = open_at("out", true);
    write_file("out/x.txt", "old");
    assert_int_equal(put(first, "x.txt", "new", &stored, &err), FTL_OK);
    assert_holds("out/x.txt", "old");
    assert_int_equal(ftl_store_commit(first, &err), FTL_OK);
    assert_holds("out/x.txt", "new");
    assert_int_equal(count_files("out"), 1);

    FTL_AUTO(store) struct ftl_store *second = open_at("out", false);
    assert_int_equal(put(second, "x.txt", "newer", &stored, &err), FTL_STORE);
    assert_int_equal(err.retry, FTL_RETRY_NEVER);
    assert_int_equal(err.sub, EEXIST);
    assert_non_null(strstr(err.msg, "x.txt"));
    assert_holds("out/x.txt", "new");
}

/* A file that appears between put and commit: everything that became visible is taken back. */
static void failed_commit_rolls_back(void **state)
{
    (void)state;
    struct ftl_stored stored = {0};
    struct ftl_err err = {0};
    FTL_AUTO(store) struct ftl_store *first = open_at("out", false);
    assert_int_equal(put(first, "a.txt", "a", &stored, &err), FTL_OK);
    assert_int_equal(put(first, "b.txt", "b", &stored, &err), FTL_OK);
    write_file("out/b.txt", "theirs");
    assert_int_equal(ftl_store_commit(first, &err), FTL_STORE);
    assert_int_equal(count_files("out"), 1);
    assert_holds("out/b.txt", "theirs");

    char path[512];
    FTL_AUTO(store) struct ftl_store *second = open_at("out", true);
    write_file("out/a.txt", "before");
    assert_int_equal(put(second, "a.txt", "a", &stored, &err), FTL_OK);
    assert_int_equal(put(second, "d", "d", &stored, &err), FTL_OK);
    path_of("out/d", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(ftl_store_commit(second, &err), FTL_STORE);
    assert_holds("out/a.txt", "before");
    assert_int_equal(count_files("out"), 3);
}

static void names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "/x",   "../x", "a/../x",        "a/./x", ".x",
                                      "a/.x", "a//x", "x/",   "x\ny",          "a\\b",  "..",
                                      "\xff", "a/",   "./a",  ".fettle-part-1"};
    struct ftl_stored stored = {0};
    FTL_AUTO(store) struct ftl_store *store = open_at("out", true);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ftl_err err = {0};
        if (put(store, bad[i], "x", &stored, &err) != FTL_STORE || err.retry != FTL_RETRY_NEVER) {
            fail_msg("\"%s\" was taken: %s", bad[i], err.msg);
        }
    }
    struct ftl_err err = {0};
    assert_int_equal(put(store, "x..y", "x", &stored, &err), FTL_OK);
    assert_int_equal(put(store, "x..y", "x", &stored, &err), FTL_STORE); /* twice */
}

static void roots(void **state)
{
    (void)state;
    static const struct {
        const char *to; /* below base, unless ":" */
        enum ftl_code code;
    } rows[] = {
        {"in", FTL_OK},
        {"in/x/y", FTL_OK},
        {"in/./x//y/", FTL_OK},
        {":z/w", FTL_OK}, /* relative: below the root */
        {"out", FTL_STORE},
        {"in-not", FTL_STORE},
        {"in/../out", FTL_STORE},
        {"in/x/../../out", FTL_STORE},
        {"in/link", FTL_STORE},
        {"in/link/deep", FTL_STORE},
        {":../out", FTL_STORE},
        {":/tmp", FTL_STORE},
        {"in/file", FTL_STORE},
        {"in/file/x", FTL_STORE},
        {":s3://bucket/key", FTL_UNSUPPORTED},
        {":", FTL_SPEC},
    };
    char root[512];
    char path[512];
    char target[512];
    path_of("in", root);
    assert_int_equal(mkdir(root, 0700), 0);
    path_of("out", target);
    assert_int_equal(mkdir(target, 0700), 0);
    path_of("in/link", path);
    assert_int_equal(symlink(target, path), 0);
    write_file("in/file", "x");
    const char *const list[] = {root, NULL};
    struct ftl_store_config config = {.roots = list, .overwrite = true};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_store *store = NULL;
        struct ftl_err err = {0};
        path_of(rows[i].to, path);
        enum ftl_code code =
            ftl_store_open(rows[i].to[0] == ':' ? rows[i].to + 1 : path, &config, &store, &err);
        if (code != rows[i].code) {
            fail_msg("%s: %s %s", rows[i].to, ftl_code_name(code), err.msg);
        }
        ftl_store_close(store);
    }
    assert_int_equal(count_files("out"), 0);

    /* a link inside the target does not lead out either */
    struct ftl_stored stored = {0};
    struct ftl_err err = {0};
    struct ftl_store *store = NULL;
    assert_int_equal(ftl_store_open(root, &config, &store, &err), FTL_OK);
    assert_int_equal(put(store, "link/x", "x", &stored, &err), FTL_STORE);
    ftl_store_close(store);
    assert_int_equal(count_files("out"), 0);
}

static void leftovers_are_reaped(void **state)
{
    (void)state;
    ftl_store_close(open_at("out", true));
    write_file("out/.fettle-part-0000000000000001", "dead");
    write_file("out/.fettle-part-0000000000000002", "alive");
    write_file("out/other", "x");
    time_t now = time(NULL);
    struct timespec old[2] = {{.tv_sec = now - 4000}, {.tv_sec = now - 4000}};
    char path[512];
    path_of("out/.fettle-part-0000000000000001", path);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    path_of("out/other", path);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    ftl_store_close(open_at("out", true));
    assert_int_equal(count_files("out"), 2);
    assert_holds("out/.fettle-part-0000000000000002", "alive");
}

static void cancelling(void **state)
{
    (void)state;
    char path[512];
    path_of("out", path);
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    struct ftl_store_config config = {.overwrite = true, .cancel = cancel};
    struct ftl_store *store = NULL;
    struct ftl_stored stored = {0};
    struct ftl_err err = {0};
    assert_int_equal(ftl_store_open(path, &config, &store, &err), FTL_OK);
    assert_int_equal(put(store, "a", "a", &stored, &err), FTL_OK);
    ftl_cancel_set(cancel, FTL_CANCEL_LEASE_LOST);
    assert_int_equal(put(store, "b", "b", &stored, &err), FTL_QUEUE);
    assert_int_equal(ftl_store_commit(store, &err), FTL_QUEUE);
    assert_int_equal(count_files("out"), 0);
    ftl_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_visible_before_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(abort_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overwriting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_commit_rolls_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(roots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leftovers_are_reaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelling, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
