#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/proto.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    enum ftl_proto_state from;
    enum ftl_proto_side sender;
    unsigned type;
    size_t length, fds;
    enum ftl_proto_state to; /* KEEP = refused */
    const char *reason;
} steps[] = {
    {FTL_PROTO_JOB_NEW, FTL_PROTO_CHILD, FTL_MSG_HELLO, sizeof(struct ftl_msg_hello), 0,
     FTL_PROTO_JOB_READY, NULL},
    {FTL_PROTO_JOB_READY, FTL_PROTO_PARENT, FTL_MSG_TASK, 10, 1, FTL_PROTO_JOB_WORKING, NULL},
    {FTL_PROTO_JOB_WORKING, FTL_PROTO_CHILD, FTL_MSG_PLAN, 10, 0, FTL_PROTO_JOB_PLANNED, NULL},
    {FTL_PROTO_JOB_PLANNED, FTL_PROTO_PARENT, FTL_MSG_GO, 0, 0, FTL_PROTO_JOB_RUNNING, NULL},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_OPEN, sizeof(struct ftl_msg_open), 0,
     FTL_PROTO_JOB_OPENING, NULL},
    {FTL_PROTO_JOB_OPENING, FTL_PROTO_PARENT, FTL_MSG_FILE, 0, 1, FTL_PROTO_JOB_RUNNING, NULL},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_ALIVE, 0, 0, FTL_PROTO_JOB_RUNNING, NULL},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_DONE, 2, 0, FTL_PROTO_JOB_ENDED, NULL},
    {FTL_PROTO_CONTROL, FTL_PROTO_PARENT, FTL_MSG_SPAWN, sizeof(struct ftl_msg_spawn), 3,
     FTL_PROTO_CONTROL, NULL},
    {FTL_PROTO_LEASH_NEW, FTL_PROTO_ZYGOTE, FTL_MSG_SPAWNED, sizeof(struct ftl_msg_spawned), 0,
     FTL_PROTO_LEASH_LIVE, NULL},
    {FTL_PROTO_LEASH_LIVE, FTL_PROTO_PARENT, FTL_MSG_KILL, 0, 0, FTL_PROTO_LEASH_LIVE, NULL},
    /* refused */
    {FTL_PROTO_JOB_WORKING, FTL_PROTO_CHILD, 0, 0, 0, FTL_PROTO_KEEP, "unknown message 0"},
    {FTL_PROTO_JOB_WORKING, FTL_PROTO_CHILD, 65535, 0, 0, FTL_PROTO_KEEP, "unknown"},
    {FTL_PROTO_JOB_PLANNED, FTL_PROTO_CHILD, FTL_MSG_GO, 0, 0, FTL_PROTO_KEEP, "wrong side"},
    {FTL_PROTO_JOB_WORKING, FTL_PROTO_CHILD, FTL_MSG_OPEN, sizeof(struct ftl_msg_open), 0,
     FTL_PROTO_KEEP, "OPEN out of turn"},
    {FTL_PROTO_JOB_ENDED, FTL_PROTO_CHILD, FTL_MSG_ALIVE, 0, 0, FTL_PROTO_KEEP, "out of turn"},
    {FTL_PROTO_JOB_ENDED, FTL_PROTO_CHILD, FTL_MSG_DONE, 2, 0, FTL_PROTO_KEEP, "out of turn"},
    {FTL_PROTO_JOB_PLANNED, FTL_PROTO_CHILD, FTL_MSG_ALIVE, 0, 0, FTL_PROTO_KEEP, "out of turn"},
    {FTL_PROTO_JOB_OPENING, FTL_PROTO_CHILD, FTL_MSG_PROGRESS, sizeof(struct ftl_msg_progress), 0,
     FTL_PROTO_KEEP, "out of turn"},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_ALIVE, 1, 0, FTL_PROTO_KEEP,
     "body of 1 bytes"},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_OPEN, 3, 0, FTL_PROTO_KEEP, "3 bytes"},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_DONE, 0, 0, FTL_PROTO_KEEP, "0 bytes"},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_DONE, FTL_WIRE_STORE_BYTES + 1, 0,
     FTL_PROTO_KEEP, "bytes"},
    {FTL_PROTO_JOB_RUNNING, FTL_PROTO_CHILD, FTL_MSG_ALIVE, 0, 1, FTL_PROTO_KEEP, "1 descriptors"},
    {FTL_PROTO_JOB_OPENING, FTL_PROTO_PARENT, FTL_MSG_FILE, 0, 0, FTL_PROTO_KEEP, "0 descriptors"},
    {FTL_PROTO_JOB_READY, FTL_PROTO_PARENT, FTL_MSG_TASK, 2, FTL_WIRE_MAX_FDS + 1, FTL_PROTO_KEEP,
     "descriptors"},
    {FTL_PROTO_LEASH_GONE, FTL_PROTO_ZYGOTE, FTL_MSG_EXITED, sizeof(struct ftl_msg_exited), 0,
     FTL_PROTO_KEEP, "out of turn"},
};

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(steps); i++) {
        enum ftl_proto_state at = steps[i].from;
        struct ftl_err err = {.code = FTL_OK};
        enum ftl_code code = ftl_proto_step(&at, steps[i].sender, steps[i].type, steps[i].length,
                                            steps[i].fds, &err);
        if (steps[i].to == FTL_PROTO_KEEP) {
            assert_int_equal(code, FTL_INTERNAL);
            assert_int_equal(at, steps[i].from);
            assert_non_null(strstr(err.msg, steps[i].reason));
        } else {
            assert_int_equal(code, FTL_OK);
            assert_int_equal(at, steps[i].to);
        }
    }
}

/* No message of a child may carry descriptors, and no number is used twice. */
static void test_table(void **state)
{
    (void)state;
    static const enum ftl_msg_type types[] = {
#define FTL_MSG(id, ...) FTL_MSG_##id,
#include "ipc/proto.def"
#undef FTL_MSG
    };
    for (size_t i = 0; i < LENGTH(types); i++) {
        const struct ftl_proto_row *row = ftl_proto_row(types[i]);
        assert_non_null(row);
        assert_true(row->sender == FTL_PROTO_PARENT || row->max_fds == 0);
        assert_true(row->body != FTL_PROTO_FIXED || row->max_bytes <= FTL_WIRE_INLINE_BYTES);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(types[i], types[k]);
        }
    }
    assert_null(ftl_proto_row(FTL_MSG_NONE));
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        size_t from_size, to_size;
        const char *expected;
    } rows[] = {
        {"plain", 6, 32, "plain"},
        {"plain", 3, 32, "pla"}, /* not terminated within its size */
        {"plain", 6, 4, "pla"},
        {"", 1, 32, ""},
        {"a\nb\tc\x7f", 7, 32, "a?b?c?"},
        {"\xc3\xa4\xe2\x82\xac", 6, 32, "\xc3\xa4\xe2\x82\xac"},
        {"\xc3\xa4\xff", 4, 32, "???"},
        {"\xc3\xa4", 3, 2, "?"}, /* cut within a character */
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char to[32];
        ftl_proto_text(to, rows[i].to_size, rows[i].from, rows[i].from_size);
        assert_string_equal(to, rows[i].expected);
    }
}

static void test_err(void **state)
{
    (void)state;
    struct ftl_err good = {.code = FTL_OK};
    (void)ftl_fail_sub(&good, FTL_TRUNCATED, 7, "ends at 3 s");
    (void)ftl_err_at(&good, "/input");
    const struct ftl_err kept = ftl_proto_err(&good);
    assert_int_equal(kept.code, FTL_TRUNCATED);
    assert_int_equal(kept.retry, good.retry);
    assert_int_equal(kept.sub, 7);
    assert_string_equal(kept.where, "/input");
    assert_string_equal(kept.msg, "ends at 3 s");
    struct ftl_err wild;
    memset(&wild, 0x7e, sizeof(wild));
    struct ftl_err tame = ftl_proto_err(&wild);
    assert_int_equal(tame.code, FTL_INTERNAL);
    assert_int_equal(tame.retry, FTL_RETRY_ONCE);
    assert_int_equal(tame.retry_after_ms, 24 * 3600 * 1000);
    assert_int_equal(strlen(tame.msg), sizeof(tame.msg) - 1);
    assert_int_equal(strlen(tame.where), sizeof(tame.where) - 1);
    wild.code = FTL_OK; /* a failure that says it is none */
    wild.retry_after_ms = -1;
    tame = ftl_proto_err(&wild);
    assert_int_equal(tame.code, FTL_INTERNAL);
    assert_int_equal(tame.retry_after_ms, 0);
}

static void test_names(void **state)
{
    (void)state;
    char longest[257];
    memset(longest, 'x', sizeof(longest));
    longest[255] = '\0';
    assert_true(ftl_proto_name_ok(longest, 256));
    longest[255] = 'x';
    assert_false(ftl_proto_name_ok(longest, 256));
    longest[256] = '\0';
    assert_false(ftl_proto_name_ok(longest, 257));
    static const struct {
        const char *name;
        bool is_ok;
    } rows[] = {{"final.mp4", true}, {"a b", true},      {"\xc3\xa4", true}, {"a..b", true},
                {"", false},         {".", false},       {"..", false},      {".x", false},
                {"a/b", false},      {"/a", false},      {"a\nb", false},    {"a\x7f", false},
                {"\xff", false},     {"a\x1b[2J", false}};
    for (size_t i = 0; i < LENGTH(rows); i++) {
        assert_int_equal(ftl_proto_name_ok(rows[i].name, strlen(rows[i].name) + 1), rows[i].is_ok);
    }
}

static void test_layers(void **state)
{
    (void)state;
    char text[96];
    ftl_proto_layers_text(0, text, sizeof(text));
    assert_string_equal(text, "");
    ftl_proto_layers_text(FTL_LAYER_SECCOMP | FTL_LAYER_CAPS, text, sizeof(text));
    assert_string_equal(text, "caps,seccomp");
    ftl_proto_layers_text(~0u, text, sizeof(text));
    assert_string_equal(text, "rlimits,caps,no-new-privs,uid,landlock,seccomp");
    ftl_proto_layers_text(~0u, text, 14);
    assert_string_equal(text, "rlimits,caps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps), cmocka_unit_test(test_table), cmocka_unit_test(test_text),
        cmocka_unit_test(test_err),   cmocka_unit_test(test_names), cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
