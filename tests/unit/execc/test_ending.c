#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "execc/ending.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

enum { EXIT_3 = 3 << 8 }; /* as waitpid gives it */

#define CANCELLED                                                                                  \
    {                                                                                              \
        .code = FTL_CANCELLED, .retry = FTL_RETRY_NEVER, .msg = "cancelled"                        \
    }
#define TRUNCATED                                                                                  \
    {                                                                                              \
        .code = FTL_TRUNCATED, .retry = FTL_RETRY_NEVER, .msg = "ends at 3 s"                      \
    }

static const struct {
    const char *what;
    struct ftl_exec_ending ending;
    enum ftl_code code;
    enum ftl_retry retry;
    const char *message;
} judgements[] = {
    {"done", {.has_exited = true, .is_done = true}, FTL_OK, 0, ""},
    {"done, then a bad status",
     {.has_exited = true, .is_done = true, .exited = {.wait_status = EXIT_3}},
     FTL_CRASH,
     FTL_RETRY_ONCE,
     "status 3"},
    {"done, then a signal",
     {.has_exited = true, .is_done = true, .exited = {.wait_status = SIGSEGV}},
     FTL_CRASH,
     FTL_RETRY_ONCE,
     "SIGSEGV"},
    {"done, but the zygote died", {.is_done = true}, FTL_CRASH, FTL_RETRY_ONCE, "zygote died"},
    {"no result", {.has_exited = true}, FTL_CRASH, FTL_RETRY_ONCE, "without a result"},
    {"its own failure",
     {.has_exited = true, .has_failed = true, .theirs = TRUNCATED},
     FTL_TRUNCATED,
     FTL_RETRY_NEVER,
     "ends at 3 s"},
    {"its own failure, then a signal",
     {.has_exited = true,
      .has_failed = true,
      .theirs = TRUNCATED,
      .exited = {.wait_status = SIGABRT}},
     FTL_TRUNCATED,
     FTL_RETRY_NEVER,
     "ends at 3 s"},
    {"our reason counts before all",
     {.has_exited = true,
      .ours = CANCELLED,
      .was_killed = true,
      .has_failed = true,
      .theirs = TRUNCATED,
      .exited = {.wait_status = SIGKILL}},
     FTL_CANCELLED,
     FTL_RETRY_NEVER,
     "cancelled"},
    {"a KILL that was not ours",
     {.has_exited = true, .cpu_limit_s = 100, .exited = {.wait_status = SIGKILL, .cpu_s = 5}},
     FTL_CRASH,
     FTL_RETRY_ONCE,
     "out of memory"},
    {"the hard end of RLIMIT_CPU",
     {.has_exited = true, .cpu_limit_s = 100, .exited = {.wait_status = SIGKILL, .cpu_s = 105}},
     FTL_LIMIT,
     FTL_RETRY_NEVER,
     "more than 100 s"},
    {"its soft end",
     {.has_exited = true, .cpu_limit_s = 100, .exited = {.wait_status = SIGXCPU, .cpu_s = 99}},
     FTL_LIMIT,
     FTL_RETRY_NEVER,
     "more than 100 s"},
    {"a forbidden call",
     {.has_exited = true,
      .exited = {.wait_status = SIGSYS},
      .log_tail = "forbidden system call open\nforbidden system call execve\n"},
     FTL_CRASH,
     FTL_RETRY_ONCE,
     "system call execve (SIGSYS)"},
    {"a forbidden call without its name",
     {.has_exited = true, .exited = {.wait_status = SIGSYS}, .log_tail = ""},
     FTL_CRASH,
     FTL_RETRY_ONCE,
     "of unknown name"},
    {"a name that is none",
     {.has_exited = true,
      .exited = {.wait_status = SIGSYS},
      .log_tail = "forbidden system call \"; rm"},
     FTL_CRASH,
     FTL_RETRY_ONCE,
     "of unknown name"},
    {"fork failed",
     {.has_exited = true, .exited = {.spawn_errno = EAGAIN}},
     FTL_CRASH,
     FTL_RETRY_ELSEWHERE,
     "start an executor"},
    {"fork failed for want of memory",
     {.has_exited = true, .exited = {.spawn_errno = ENOMEM}},
     FTL_NOMEM,
     FTL_RETRY_ELSEWHERE,
     "start an executor"},
};

static void test_judgements(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(judgements); i++) {
        struct ftl_err err = {.code = FTL_OK};
        struct ftl_exec_ending ending = judgements[i].ending;
        ending.log_tail = ending.log_tail != NULL ? ending.log_tail : "";
        enum ftl_code code = ftl_exec_ending_judge(&ending, &err);
        if (code != judgements[i].code ||
            (code != FTL_OK &&
             (err.retry != judgements[i].retry || strstr(err.msg, judgements[i].message) == NULL)))
        {
            fail_msg("%s: %s \"%s\"", judgements[i].what, ftl_code_name(code), err.msg);
        }
    }
}

static void test_signal_names(void **state)
{
    (void)state;
    char text[32];
    ftl_signal_name(SIGSEGV, text, sizeof(text));
    assert_string_equal(text, "SIGSEGV");
    ftl_signal_name(999, text, sizeof(text));
    assert_string_equal(text, "signal 999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judgements),
        cmocka_unit_test(test_signal_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
