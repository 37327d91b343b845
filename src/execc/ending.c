#include "execc/ending.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* As fettle-exec's SIGSYS handler writes it (exec/sandbox.h). */
static const char stopped[] = "forbidden system call ";

void ftl_signal_name(int number, char *to, size_t size)
{
    const char *name = sigabbrev_np(number);
    if (name != NULL) {
        (void)snprintf(to, size, "SIG%s", name);
    } else {
        (void)snprintf(to, size, "signal %d", number);
    }
}

/* The last call that the sandbox stopped, by the child's own account; "" if it says none. */
static void forbidden_call(const char *log_tail, char *to, size_t size)
{
    const char *found = NULL;
    for (const char *at = strstr(log_tail, stopped); at != NULL; at = strstr(at + 1, stopped)) {
        found = at + sizeof(stopped) - 1;
    }
    size_t length = found != NULL ? strspn(found, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    (void)snprintf(to, size, "%.*s", (int)length, found != NULL ? found : "");
}

static const char *explain(int number)
{
    switch (number) {
    case SIGSEGV:
    case SIGBUS:
        return "an invalid memory access";
    case SIGABRT:
        return "it gave up by itself, as libraries do when memory runs out or a check fails";
    case SIGFPE:
        return "an impossible calculation";
    case SIGILL:
        return "an instruction this processor does not have";
    case SIGKILL:
        return "not by Fettle: most likely the kernel, out of memory";
    default:
        return "unexpected";
    }
}

static enum ftl_code judge_signal(const struct ftl_exec_ending *ending, int number,
                                  struct ftl_err *err)
{
    bool used_up = ending->exited.cpu_s >= (double)ending->cpu_limit_s;
    if (number == SIGXCPU || (number == SIGKILL && used_up)) {
        return ftl_fail_sub(err, FTL_LIMIT, number,
                            "the executor used more than %lld s of processor time",
                            (long long)ending->cpu_limit_s);
    }
    char name[32];
    ftl_signal_name(number, name, sizeof(name));
    if (number == SIGSYS) {
        char call[32];
        forbidden_call(ending->log_tail, call, sizeof(call));
        return ftl_fail_sub(err, FTL_CRASH, number,
                            "the sandbox stopped the executor at the system call %s (SIGSYS)",
                            call[0] != '\0' ? call : "of unknown name");
    }
    return ftl_fail_sub(err, FTL_CRASH, number, "the executor was ended by %s (%s)", name,
                        explain(number));
}

enum ftl_code ftl_exec_ending_judge(const struct ftl_exec_ending *ending, struct ftl_err *err)
{
    if (ending->ours.code != FTL_OK) {
        *err = ending->ours;
        return err->code;
    }
    if (!ending->has_exited) {
        return ftl_fail(err, FTL_CRASH, "the zygote died, and the executor with it");
    }
    if (ending->exited.spawn_errno != 0) {
        (void)ftl_fail_errno(err, FTL_CRASH, ending->exited.spawn_errno, "start an executor");
        err->retry = FTL_RETRY_ELSEWHERE;
        return err->code;
    }
    if (ending->has_failed) {
        *err = ending->theirs;
        return err->code;
    }
    int status = ending->exited.wait_status;
    if (WIFSIGNALED(status)) {
        return judge_signal(ending, WTERMSIG(status), err);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return ftl_fail_sub(err, FTL_CRASH, WEXITSTATUS(status),
                            "the executor exited with status %d", WEXITSTATUS(status));
    }
    if (!ending->is_done) {
        return ftl_fail(err, FTL_CRASH, "the executor ended without a result");
    }
    return FTL_OK;
}
