/* Whatever a child does harms its own task only: each row runs one act of the hostile executor, and
 * after each the next task must be served. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "exec_rig.h"

struct row {
    const char *act;
    enum ftl_code code;
    const char *expected; /* OK: what it says; else: part of the message */
    struct ftl_exec_limits limits;
};

static int start(void **state)
{
    *state = rig_start(FTL_HOSTILE, false);
    return 0;
}

static int stop(void **state)
{
    ftl_exec_stop(*state);
    return 0;
}

static void run_rows(struct ftl_exec *exec, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char body[256];
        (void)snprintf(body, sizeof(body), "{\"act\":\"%s\"}", rows[i].act);
        struct rig_outcome outcome;
        rig_run(exec, &(struct rig_try){.body = body, .limits = rows[i].limits}, &outcome);
        const char *found = outcome.code == FTL_OK ? outcome.said : outcome.err.msg;
        bool is_as_expected = outcome.code == rows[i].code &&
                              (rows[i].code == FTL_OK ? strcmp(found, rows[i].expected) == 0
                                                      : strstr(found, rows[i].expected) != NULL);
        if (!is_as_expected) {
            fail_msg("%s: expected %s \"%s\", got %s \"%s\" (log: %s)", rows[i].act,
                     ftl_code_name(rows[i].code), rows[i].expected, ftl_code_name(outcome.code),
                     found, outcome.result.log_tail);
        }
        assert_int_equal(outcome.opened, 0);
        rig_assert_healthy(exec);
    }
}

#define RUN(rows) run_rows(*state, (rows), sizeof(rows) / sizeof((rows)[0]))

#ifdef FTL_SANDBOX

static void test_what_the_sandbox_refuses(void **state)
{
    static const struct row rows[] = {
        {"open_file", FTL_OK, "EACCES", {0}},
        {"create_file", FTL_OK, "EACCES", {0}},
        {"open_proc", FTL_OK, "EACCES", {0}},
        {"stat_file", FTL_OK, "EACCES", {0}},
        {"make_socket", FTL_OK, "EACCES", {0}},
        {"make_unix_socket", FTL_OK, "EACCES", {0}},
        {"exec_program", FTL_CRASH, "system call execve (SIGSYS)", {0}},
        {"fork_libc", FTL_OK, "EPERM", {0}},
        {"fork_raw", FTL_OK, "EPERM", {0}},
        {"vfork_raw", FTL_OK, "EPERM", {0}},
        {"clone_process", FTL_OK, "EPERM", {0}},
        {"clone_vfork_thread", FTL_OK, "EPERM", {0}},
        {"clone3_process", FTL_OK, "ENOSYS", {0}},
        {"trace_parent", FTL_CRASH, "system call ptrace (SIGSYS)", {0}},
        {"read_parent", FTL_CRASH, "system call process_vm_readv (SIGSYS)", {0}},
        {"take_descriptor", FTL_CRASH, "system call pidfd_open (SIGSYS)", {0}},
        {"kill_parent", FTL_OK, "EPERM", {0}},
        {"tgkill_parent", FTL_OK, "EPERM", {0}},
        {"map_executable", FTL_OK, "EACCES", {0}},
        {"make_memory_file", FTL_OK, "EPERM", {0}},
        {"steal_signals", FTL_OK, "EPERM", {0}},
        {"raise_limit", FTL_OK, "EPERM", {0}},
        {"be_dumpable", FTL_OK, "EPERM", {0}},
        {"count_fds", FTL_OK, "5", {0}}, /* 0, 1, 2, job channel, store */
        {"user", FTL_OK, "not root", {0}},
    };
    RUN(rows);
}

static void test_bombs(void **state)
{
    static const struct row rows[] = {
        {"memory_bomb", FTL_NOMEM, "out of memory after", {.memory_bytes = (int64_t)256 << 20}},
        {"thread_bomb", FTL_LIMIT, "no thread after", {0}},
        {"spin", FTL_LIMIT, "more than 1 s of processor time", {.cpu_s = 1}},
    };
    RUN(rows);
}

static void test_layers_are_reported(void **state)
{
    struct rig_outcome outcome;
    rig_run(*state, &(struct rig_try){.body = "{\"act\":\"ok\"}"}, &outcome);
    assert_int_equal(outcome.code, FTL_OK);
    assert_non_null(strstr(outcome.result.layers, "rlimits,caps,no-new-privs"));
    assert_non_null(strstr(outcome.result.layers, "seccomp"));
}

#endif

static void test_accidents(void **state)
{
    static const struct row rows[] = {
        {"real_time", FTL_OK, "EPERM", {0}},
        {"exit_3", FTL_CRASH, "exited with status 3", {0}},
        {"exit_silently", FTL_CRASH, "ended without a result", {0}},
        {"hang", FTL_TIMEOUT, "no progress for 200 ms", {.stall_ms = 200}},
        {"spin", FTL_TIMEOUT, "no progress for 200 ms", {.stall_ms = 200}},
        {"idle", FTL_TIMEOUT, "no progress for 1500 ms", {.stall_ms = 1500}},
        {"work", FTL_OK, "worked", {.stall_ms = 2000}},
        {"log_flood", FTL_OK, "flooded", {0}},
#ifdef FTL_SANDBOX /* sanitizers turn these into exits of their own */
        {"segv", FTL_CRASH, "SIGSEGV", {0}},
        {"give_up", FTL_CRASH, "SIGABRT", {0}},
#endif
    };
    RUN(rows);
}

static void test_lies_on_the_wire(void **state)
{
    static const struct row rows[] = {
        {"bad_magic", FTL_INTERNAL, "not a message of ours", {0}},
        {"bad_version", FTL_INTERNAL, "version 99", {0}},
        {"too_short", FTL_INTERNAL, "not a message of ours", {0}},
        {"too_long", FTL_INTERNAL, "does not fit", {0}},
        {"long_promise", FTL_INTERNAL, "length says 1000, 2 came", {0}},
        {"short_promise", FTL_INTERNAL, "length says 1, 2 came", {0}},
        {"half_progress", FTL_INTERNAL, "PROGRESS with a body of 8 bytes", {0}},
        {"huge_store", FTL_INTERNAL, "DONE with a body of 4294967295 bytes", {0}},
        {"empty_store", FTL_INTERNAL, "not JSON", {0}},
        {"not_json", FTL_INTERNAL, "not JSON", {0}},
        {"unknown_type", FTL_INTERNAL, "unknown message 4711", {0}},
        {"parents_message", FTL_INTERNAL, "GO from the wrong side", {0}},
        {"second_hello", FTL_INTERNAL, "HELLO out of turn", {0}},
        {"open_before_go", FTL_INTERNAL, "OPEN out of turn", {0}},
        {"with_descriptor", FTL_INTERNAL, "ALIVE with 1 descriptors", {0}},
        {"with_many_descriptors", FTL_INTERNAL, "ALIVE with 250 descriptors", {0}},
        {"million_messages", FTL_INTERNAL, "too many messages", {0}},
        {"done_twice", FTL_INTERNAL, "DONE out of turn", {0}},
        {"progress_after_done", FTL_INTERNAL, "PROGRESS out of turn", {0}},
        {"done_and_stays", FTL_TIMEOUT, "no progress", {.stall_ms = 200}},
        {"closes_and_stays", FTL_TIMEOUT, "no progress", {.stall_ms = 200}},
#ifdef FTL_SANDBOX
        {"done_then_crash", FTL_CRASH, "SIGSEGV", {0}},
#endif
        {"wild_failure", FTL_INTERNAL, "????", {0}},
        {"wild_progress", FTL_OK, "ok", {0}},
    };
    RUN(rows);
}

static void test_wild_values_are_tamed(void **state)
{
    struct rig_outcome outcome;
    rig_run(*state, &(struct rig_try){.body = "{\"act\":\"wild_failure\"}"}, &outcome);
    assert_true(outcome.err.retry >= FTL_RETRY_NEVER && outcome.err.retry <= FTL_RETRY_ELSEWHERE);
    assert_true(outcome.err.retry_after_ms >= 0);
    assert_true(strlen(outcome.err.msg) < sizeof(outcome.err.msg));
    assert_true(strlen(outcome.err.where) < sizeof(outcome.err.where));
    rig_run(*state, &(struct rig_try){.body = "{\"act\":\"wild_progress\"}"}, &outcome);
    assert_int_equal(outcome.progressed, 1);
}

static void test_names_of_files(void **state)
{
    static const struct {
        const char *members;
        enum ftl_code code;
    } rows[] = {
        {"\"name\":\"final.mp4\"", FTL_OK},
        {"\"name\":\"final.mp4\",\"output\":1", FTL_OK},
        {"\"name\":\"\xc3\xa4.mp4\"", FTL_OK},
        {"\"name\":\"../x\"", FTL_INTERNAL},
        {"\"name\":\"a/b\"", FTL_INTERNAL},
        {"\"name\":\"/etc/passwd\"", FTL_INTERNAL},
        {"\"name\":\"..\"", FTL_INTERNAL},
        {"\"name\":\".\"", FTL_INTERNAL},
        {"\"name\":\".hidden\"", FTL_INTERNAL},
        {"\"name\":\"\"", FTL_INTERNAL},
        {"\"name\":\"a\\nb\"", FTL_INTERNAL},
        {"\"name\":\"!\"", FTL_INTERNAL}, /* 256 bytes without an end */
        {"\"name\":\"x\",\"output\":2", FTL_INTERNAL},
        {"\"name\":\"x\",\"output\":-1", FTL_INTERNAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[256];
        (void)snprintf(body, sizeof(body), "{\"act\":\"open_output\",%s}", rows[i].members);
        struct rig_outcome outcome;
        rig_run(*state, &(struct rig_try){.body = body, .kind = FTL_EXEC_RUN}, &outcome);
        if (outcome.code != rows[i].code) {
            fail_msg("%s: %s", rows[i].members, outcome.err.msg);
        }
        assert_int_equal(outcome.opened, rows[i].code == FTL_OK ? 1 : 0);
        assert_int_equal(outcome.wrote, rows[i].code == FTL_OK);
    }
    /* Only a run has files. */
    struct rig_outcome outcome;
    const char *body = "{\"act\":\"open_output\",\"name\":\"x\"}";
    rig_run(*state, &(struct rig_try){.body = body, .kind = FTL_EXEC_PLAN}, &outcome);
    assert_int_equal(outcome.code, FTL_INTERNAL);
    rig_run(*state, &(struct rig_try){.body = body, .kind = FTL_EXEC_VERIFY}, &outcome);
    assert_int_equal(outcome.code, FTL_INTERNAL);
    assert_int_equal(outcome.opened, 0);
}

static void test_inputs_are_readable_only(void **state)
{
    struct ftl_err err = {.code = FTL_OK};
    int memory = -1;
    int input = -1;
    assert_int_equal(ftl_fd_memory("input", "hello", 5, &memory, &err), FTL_OK);
    assert_int_equal(ftl_fd_reopen_read(memory, &input, &err), FTL_OK);
    const struct ftl_exec_input inputs[] = {{.index = 0, .fd = input}};
    struct rig_outcome outcome;
    rig_run(
        *state,
        &(struct rig_try){.body = "{\"act\":\"read_input\"}", .inputs = inputs, .inputs_count = 1},
        &outcome);
    assert_int_equal(outcome.code, FTL_OK);
    assert_string_equal(outcome.said, "hello");
    (void)close(input);
    (void)close(memory);
}

static void test_long_bodies(void **state)
{
    struct rig_outcome outcome;
    rig_run(*state, &(struct rig_try){.body = "{\"act\":\"long_result\"}"}, &outcome);
    assert_int_equal(outcome.code, FTL_OK);
    assert_true(outcome.body_length > 1000000);
    enum { PADDING = 200000 };
    FTL_AUTO_STR struct ftl_str body = FTL_STR_INIT(PADDING + 100);
    ftl_str_add(&body, "{\"act\":\"ok\",\"padding\":\"");
    for (int i = 0; i < PADDING; i++) {
        ftl_str_add(&body, "p");
    }
    ftl_str_add(&body, "\"}");
    rig_run(*state, &(struct rig_try){.body = body.text}, &outcome);
    assert_int_equal(outcome.code, FTL_OK);
    assert_string_equal(outcome.said, "ok");
}

static void cancel_now(void *opaque)
{
    ftl_cancel_set(opaque, FTL_CANCEL_USER);
}

static void test_cancel_and_deadline(void **state)
{
    struct rig_outcome outcome;
    struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    int64_t started_ms = ftl_mono_ms();
    rig_run(*state,
            &(struct rig_try){.body = "{\"act\":\"stay_alive\"}",
                              .cancel = cancel,
                              .on_progress = cancel_now,
                              .opaque = cancel},
            &outcome);
    assert_int_equal(outcome.code, FTL_CANCELLED);
    assert_true(ftl_mono_ms() - started_ms < 1000);
    ftl_cancel_free(cancel);
    cancel = ftl_cancel_new(NULL, ftl_mono_ms() + 200);
    rig_run(*state, &(struct rig_try){.body = "{\"act\":\"stay_alive\"}", .cancel = cancel},
            &outcome);
    assert_int_equal(outcome.code, FTL_TIMEOUT);
    ftl_cancel_free(cancel);
    rig_assert_healthy(*state);
}

static void test_log_tail(void **state)
{
    struct rig_outcome outcome;
    rig_run(*state, &(struct rig_try){.body = "{\"act\":\"log_dirt\"}"}, &outcome);
    assert_int_equal(outcome.code, FTL_CRASH);
    assert_non_null(strstr(outcome.result.log_tail, "last words"));
    assert_null(strchr(outcome.result.log_tail, '\x1b'));
    assert_null(strchr(outcome.result.log_tail, '\a'));
    assert_true(ftl_is_utf8(outcome.result.log_tail, strlen(outcome.result.log_tail)));
    rig_run(*state, &(struct rig_try){.body = "{\"act\":\"log_flood\"}"}, &outcome);
    size_t length = strlen(outcome.result.log_tail);
    assert_true(length > 8000 && length < sizeof(outcome.result.log_tail));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef FTL_SANDBOX
        cmocka_unit_test(test_what_the_sandbox_refuses),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_layers_are_reported),
#endif
        cmocka_unit_test(test_accidents),
        cmocka_unit_test(test_lies_on_the_wire),
        cmocka_unit_test(test_wild_values_are_tamed),
        cmocka_unit_test(test_names_of_files),
        cmocka_unit_test(test_inputs_are_readable_only),
        cmocka_unit_test(test_long_bodies),
        cmocka_unit_test(test_cancel_and_deadline),
        cmocka_unit_test(test_log_tail),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
