#include "execc/zygote_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"

enum {
    CONTROL_FD = 3,       /* in the zygote: exec/zygote.h */
    ABOVE_FIXED = 10,     /* so that no dup2 below hits a descriptor it still needs */
    READY_MS = 30 * 1000, /* linking takes 70 ms on a quiet machine */
    END_MS = 2 * 1000,
    MOST_ENVIRONMENT = 8,
};

/* A pair with both ends above the fixed numbers. */
static enum ftl_code control_pair(int ret[2], struct ftl_err *err)
{
    int pair[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "socketpair");
    }
    for (int i = 0; i < 2; i++) {
        ret[i] = fcntl(pair[i], F_DUPFD_CLOEXEC, ABOVE_FIXED);
        int number = errno;
        (void)close(pair[i]); /* its copy stays */
        if (ret[i] < 0) {
            (void)ftl_fail_errno(err, FTL_INTERNAL, number, "duplicate a descriptor");
        }
    }
    if (ret[0] < 0 || ret[1] < 0) {
        ftl_auto_fd(&ret[0]);
        ftl_auto_fd(&ret[1]);
        return err->code;
    }
    return FTL_OK;
}

/* Nothing of ours but what keeps numeric libraries from starting threads. */
static void make_environment(char *environment[MOST_ENVIRONMENT])
{
    static char blas[] = "OPENBLAS_NUM_THREADS=1";
    static char omp[] = "OMP_NUM_THREADS=1";
    size_t count = 0;
    environment[count++] = blas;
    environment[count++] = omp;
#ifdef FTL_SANITIZE
    extern char **environ;
    for (char **entry = environ; *entry != NULL && count < MOST_ENVIRONMENT - 1; entry++) {
        if (strncmp(*entry, "ASAN_OPTIONS=", 13) == 0 || strncmp(*entry, "UBSAN_OPTIONS=", 14) == 0)
        {
            environment[count++] = *entry;
        }
    }
#endif
    environment[count] = NULL;
}

/* Its own process group, default signals, 0 and 1 on /dev/null, 2 ours, 3 the control channel. All
 * else is CLOEXEC, and what is not it closes itself. */
static int spawn(const char *path, int control, bool dies_with_parent, pid_t *ret_pid)
{
    static char name[] = "fettle-exec";
    static char role[] = "zygote";
    static char deadly[] = "dies-with-parent";
    char *arguments[] = {name, role, dies_with_parent ? deadly : NULL, NULL};
    char *environment[MOST_ENVIRONMENT];
    make_environment(environment);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&files);
    if (number != 0) {
        return number;
    }
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        sigset_t all;
        sigset_t none;
        (void)sigfillset(&all);
        (void)sigemptyset(&none);
        const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
        (void)posix_spawnattr_setflags(&attributes, flags); /* valid arguments */
        (void)posix_spawnattr_setpgroup(&attributes, 0);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        number = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        number = number != 0
                     ? number
                     : posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
        number =
            number != 0 ? number : posix_spawn_file_actions_adddup2(&files, control, CONTROL_FD);
        number = number != 0
                     ? number
                     : posix_spawn(ret_pid, path, &files, &attributes, arguments, environment);
        (void)posix_spawnattr_destroy(&attributes); /* cannot fail */
    }
    (void)posix_spawn_file_actions_destroy(&files); /* likewise */
    return number;
}

static enum ftl_code wait_ready(struct ftl_zygote_process *process, const struct ftl_log *log,
                                struct ftl_err *err)
{
    FTL_AUTO_FREE struct ftl_msg *message = ftl_calloc(1, sizeof(*message));
    if (message == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    int64_t until_ms = ftl_mono_ms() + READY_MS;
    while (message->type != FTL_MSG_READY) {
        int64_t left_ms = until_ms - ftl_mono_ms();
        if (left_ms <= 0) {
            return ftl_fail(err, FTL_TIMEOUT, "fettle-exec did not get ready within %d s",
                            READY_MS / 1000);
        }
        struct pollfd polled = {.fd = process->control.fd, .events = POLLIN};
        (void)poll(&polled, 1, (int)left_ms); /* the receive below does not block */
        if (ftl_wire_recv(&process->control, message, err) != FTL_OK) {
            return err->code;
        }
        if (message->is_eof) {
            return ftl_fail(err, FTL_CRASH, "fettle-exec ended before it was ready");
        }
    }
    if (message->body.ready.threads > 1) {
        FTL_LOG(log, WARN, "the zygote is not single-threaded",
                FTL_LOG_INT("threads", message->body.ready.threads));
    }
    return FTL_OK;
}

enum ftl_code ftl_zygote_process_start(const char *path, const struct ftl_log *log,
                                       struct ftl_zygote_process *ret, struct ftl_err *err)
{
    int pair[2] = {-1, -1};
    if (control_pair(pair, err) != FTL_OK) {
        return err->code;
    }
    pid_t pid = 0;
    int number = spawn(path, pair[1], gettid() == getpid(), &pid);
    (void)close(pair[1]); /* the zygote's end */
    if (number != 0) {
        (void)close(pair[0]);
        (void)ftl_fail_errno(err, FTL_INTERNAL, number, "start %s", path);
        err->retry = FTL_RETRY_ELSEWHERE; /* this machine's installation, not the job */
        return err->code;
    }
    struct ftl_zygote_process process = {
        .pid = pid, .control = ftl_wire_make(pair[0], FTL_PROTO_PARENT, FTL_PROTO_CONTROL_NEW)};
    if (wait_ready(&process, log, err) != FTL_OK) {
        ftl_zygote_process_stop(&process);
        return ftl_wrap(err, "start %s", path);
    }
    *ret = process;
    return FTL_OK;
}

void ftl_zygote_process_stop(struct ftl_zygote_process *process)
{
    if (process->pid <= 0) {
        return;
    }
    (void)close(process->control.fd); /* it ends its children and itself */
    FTL_AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    struct pollfd polled = {.fd = pidfd, .events = POLLIN};
    if (pidfd < 0 || poll(&polled, 1, END_MS) <= 0) {
        (void)kill(process->pid, SIGKILL); /* not yet reaped, so still ours; children follow it */
    }
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    *process = (struct ftl_zygote_process){.pid = 0};
}
