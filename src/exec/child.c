#include "exec/child.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/privileges.h"

/* Puts job channel and log pipe where they belong and closes all else: the zygote's control socket,
 * other jobs' leashes. */
static enum ftl_code arrange_fds(const struct ftl_fds *fds, struct ftl_err *err)
{
    /* Both arrived above 3, so neither target can overwrite the other. */
    if (dup2(fds->fd[1], STDERR_FILENO) < 0 || dup2(fds->fd[0], FTL_CHILD_JOB_FD) < 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "place the child's descriptors");
    }
    if (syscall(SYS_close_range, FTL_CHILD_JOB_FD + 1, ~0u, 0) == 0) {
        return FTL_OK;
    }
    long most = sysconf(_SC_OPEN_MAX); /* kernels before 5.9 */
    for (int fd = FTL_CHILD_JOB_FD + 1; fd < most; fd++) {
        (void)close(fd); /* most are not open */
    }
    return FTL_OK;
}

/* Signals as a fresh program has them, but for those that a terminal or a service manager sends to
 * whole groups: the parent alone decides when a job ends. */
static void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL); /* refused for KILL, STOP and glibc's own */
    }
    static const int ignored[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGXFSZ};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* valid arguments */
}

/* PDEATHSIG is forgotten when credentials change, so this comes after that. */
static enum ftl_code die_with_zygote(pid_t zygote, struct ftl_err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "death signal");
    }
    if (getppid() != zygote) {
        return ftl_fail(err, FTL_INTERNAL, "the zygote is gone");
    }
    return FTL_OK;
}

static enum ftl_code require_layers(uint32_t layers, struct ftl_err *err)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } required[] = {{FTL_LAYER_SECCOMP, "seccomp"},
                    {FTL_LAYER_LANDLOCK, "landlock"},
                    {FTL_LAYER_RLIMITS, "rlimits"},
                    {FTL_LAYER_CAPS, "caps"},
                    {FTL_LAYER_NO_NEW_PRIVS, "no-new-privs"}};
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        if ((layers & required[i].bit) == 0) {
            (void)ftl_fail(err, FTL_UNSUPPORTED,
                           "the sandbox is required, and its layer %s is not available here",
                           required[i].name);
            err->retry = FTL_RETRY_ELSEWHERE;
            return err->code;
        }
    }
    return FTL_OK;
}

static enum ftl_code enter(const struct ftl_image *image, const struct ftl_msg_spawn *spawn,
                           struct ftl_msg_hello *ret, struct ftl_err *err)
{
    reset_signals();
    image->log->level = (enum ftl_log_level)spawn->log_level;
    const struct ftl_privileges privileges = {.memory_bytes = spawn->memory_bytes,
                                              .idle_bytes = image->idle_bytes,
                                              .cpu_s = spawn->cpu_s,
                                              .file_bytes = spawn->file_bytes,
                                              .user_tasks = image->user_tasks};
    if (ftl_privileges_drop(&privileges, &ret->layers, err) != FTL_OK ||
        die_with_zygote(image->zygote, err) != FTL_OK)
    {
        return err->code;
    }
    /* Under RLIMIT_AS the reservations of one arena per thread (64 MiB each) would starve encoders
     * that start a hundred. */
    enum { ARENAS = 8 };
    (void)mallopt(M_ARENA_MAX, ARENAS); /* a preference */
    if (ftl_sandbox_enter(&image->sandbox, &ret->layers, &ret->landlock_abi, err) != FTL_OK) {
        return err->code;
    }
    return spawn->require_sandbox != 0 ? require_layers(ret->layers, err) : FTL_OK;
}

_Noreturn void ftl_child_main(const struct ftl_image *image, const struct ftl_msg_spawn *spawn,
                              const struct ftl_fds *fds)
{
    struct ftl_err err = {.code = FTL_OK};
    if (arrange_fds(fds, &err) != FTL_OK) {
        _exit(1); /* nobody can be told: the exit status says it */
    }
    struct ftl_wire job = ftl_wire_make(FTL_CHILD_JOB_FD, FTL_PROTO_CHILD, FTL_PROTO_JOB_NEW);
    struct ftl_msg_hello hello = {.layers = 0};
    if (enter(image, spawn, &hello, &err) != FTL_OK) {
        const struct ftl_err cause = err;
        /* If it cannot be sent, the end of the channel and the exit status say enough. */
        _exit(ftl_wire_send(&job, FTL_MSG_FAIL, &cause, sizeof(cause), NULL, &err) == FTL_OK ? 0
                                                                                             : 1);
    }
    if (ftl_wire_send(&job, FTL_MSG_HELLO, &hello, sizeof(hello), NULL, &err) == FTL_OK) {
        image->run(&job, hello.layers);
    }
    _exit(0);
}
