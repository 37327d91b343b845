#include "exec/zygote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "exec/privileges.h"

enum { MOST_CHILDREN = 256 };

struct kid {
    pid_t pid;
    struct ftl_wire leash; /* fd -1 = the parent has let go: killed, and reaped in silence */
};

struct zygote {
    struct ftl_image *image;
    struct ftl_wire control;
    int signal_fd;
    struct kid kids[MOST_CHILDREN];
    size_t kids_count;
    struct ftl_msg message; /* scratch: 64 KiB do not belong on the stack */
};

enum ftl_code ftl_zygote_init(bool dies_with_parent, struct ftl_err *err)
{
    int type = 0;
    socklen_t size = sizeof(type);
    if (getsockopt(FTL_ZYGOTE_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        type != SOCK_SEQPACKET)
    {
        return ftl_fail(err, FTL_SPEC, "fettle-exec is started by fettle, not by hand");
    }
    (void)syscall(SYS_close_range, FTL_ZYGOTE_CONTROL_FD + 1, ~0u, 0); /* before 5.9: all CLOEXEC */
    (void)fcntl(FTL_ZYGOTE_CONTROL_FD, F_SETFD, FD_CLOEXEC);
    if (dies_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "death signal");
    }
    /* What a terminal or service manager sends to whole groups is the parent's to handle. */
    static const int ignored[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        (void)signal(ignored[i], SIG_IGN); /* valid signals */
    }
    return FTL_OK;
}

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) {
        return 0;
    }
    int count = 0;
    for (const struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(tasks); /* only read */
    return count;
}

static void report_exit(struct ftl_wire *leash, const struct ftl_msg_exited *exited)
{
    struct ftl_err err = {.code = FTL_OK};
    enum ftl_code code = ftl_wire_send(leash, FTL_MSG_EXITED, exited, sizeof(*exited), NULL, &err);
    (void)code; /* two messages at most go over a leash: on failure the parent is gone */
    (void)close(leash->fd);
    leash->fd = -1;
}

/* Takes the three descriptors over. */
static void spawn(struct zygote *zygote, const struct ftl_msg_spawn *order, struct ftl_fds *fds)
{
    struct ftl_wire leash = ftl_wire_make(fds->fd[2], FTL_PROTO_ZYGOTE, FTL_PROTO_LEASH_NEW);
    pid_t pid = -1;
    int number = EAGAIN;
    if (zygote->kids_count < MOST_CHILDREN) {
        pid = fork();
        number = errno;
    }
    if (pid == 0) {
        ftl_child_main(zygote->image, order, fds);
    }
    fds->fd[2] = -1;
    ftl_fds_close(fds);
    if (pid < 0) {
        const struct ftl_msg_exited exited = {.spawn_errno = number};
        report_exit(&leash, &exited);
        return;
    }
    const struct ftl_msg_spawned spawned = {.pid = (int32_t)pid};
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_wire_send(&leash, FTL_MSG_SPAWNED, &spawned, sizeof(spawned), NULL, &err) != FTL_OK) {
        (void)kill(pid, SIGKILL); /* ours and not yet reaped: the pid is still this child */
    }
    zygote->kids[zygote->kids_count++] = (struct kid){.pid = pid, .leash = leash};
}

static void reap(struct zygote *zygote)
{
    size_t i = 0;
    while (i < zygote->kids_count) {
        struct kid *kid = &zygote->kids[i];
        int status = 0;
        struct rusage usage = {0};
        if (wait4(kid->pid, &status, WNOHANG, &usage) != kid->pid) {
            i++;
            continue;
        }
        const struct ftl_msg_exited exited = {
            .wait_status = status,
            .cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
            .peak_rss_bytes = (int64_t)usage.ru_maxrss * 1024};
        if (kid->leash.fd >= 0) {
            report_exit(&kid->leash, &exited);
        }
        *kid = zygote->kids[--zygote->kids_count];
    }
}

static void on_leash(struct zygote *zygote, struct kid *kid)
{
    struct ftl_err err = {.code = FTL_OK};
    enum ftl_code code = ftl_wire_recv(&kid->leash, &zygote->message, &err);
    if (code == FTL_OK && zygote->message.type == FTL_MSG_NONE && !zygote->message.is_eof) {
        return;
    }
    (void)kill(kid->pid, SIGKILL); /* not yet reaped: the pid is still this child */
    if (code != FTL_OK || zygote->message.is_eof) {
        (void)close(kid->leash.fd);
        kid->leash.fd = -1;
    }
}

static void drain_signals(int fd)
{
    struct signalfd_siginfo info[8];
    ssize_t n = read(fd, info, sizeof(info));
    (void)n; /* only to make it unreadable: reap() looks at every child */
}

/* False when the parent is gone. */
static bool on_control(struct zygote *zygote)
{
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_wire_recv(&zygote->control, &zygote->message, &err) != FTL_OK) {
        ftl_log_err(zygote->image->log, FTL_LOG_ERROR, "control channel", &err);
        return false;
    }
    if (zygote->message.type == FTL_MSG_SPAWN) {
        const struct ftl_msg_spawn order = zygote->message.body.spawn;
        spawn(zygote, &order, &zygote->message.fds);
    }
    return !zygote->message.is_eof;
}

/* One turn of the loop; false at the end. */
static bool turn(struct zygote *zygote)
{
    struct pollfd polled[MOST_CHILDREN + 2];
    polled[0] = (struct pollfd){.fd = zygote->control.fd, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = zygote->signal_fd, .events = POLLIN};
    size_t kids = zygote->kids_count;
    for (size_t i = 0; i < kids; i++) {
        polled[2 + i] = (struct pollfd){.fd = zygote->kids[i].leash.fd, .events = POLLIN};
    }
    if (poll(polled, kids + 2, -1) < 0) {
        return errno == EINTR;
    }
    for (size_t i = 0; i < kids; i++) {
        if (polled[2 + i].revents != 0) {
            on_leash(zygote, &zygote->kids[i]);
        }
    }
    if (polled[1].revents != 0) {
        drain_signals(zygote->signal_fd);
        reap(zygote); /* moves entries of kids[] */
    }
    return polled[0].revents == 0 || on_control(zygote);
}

static enum ftl_code set_up(struct zygote *zygote, struct ftl_err *err)
{
    struct ftl_image *image = zygote->image;
    image->zygote = getpid();
    image->idle_bytes = ftl_privileges_mapped_bytes();
    image->user_tasks = ftl_privileges_user_tasks(getuid());
    if (ftl_sandbox_prepare(&image->sandbox, err) != FTL_OK) {
        return err->code;
    }
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* valid arguments */
    zygote->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (zygote->signal_fd < 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "signalfd");
    }
    const struct ftl_msg_ready ready = {.threads = count_threads()};
    return ftl_wire_send(&zygote->control, FTL_MSG_READY, &ready, sizeof(ready), NULL, err);
}

int ftl_zygote_serve(struct ftl_image *image)
{
    FTL_AUTO_FREE struct zygote *zygote = ftl_calloc(1, sizeof(*zygote));
    if (zygote == NULL) {
        return 1;
    }
    zygote->image = image;
    zygote->control = ftl_wire_make(FTL_ZYGOTE_CONTROL_FD, FTL_PROTO_ZYGOTE, FTL_PROTO_CONTROL_NEW);
    struct ftl_err err = {.code = FTL_OK};
    if (set_up(zygote, &err) != FTL_OK) {
        ftl_log_err(image->log, FTL_LOG_ERROR, "zygote", &err);
        return 1;
    }
    while (turn(zygote)) {
    }
    for (size_t i = 0; i < zygote->kids_count; i++) {
        (void)kill(zygote->kids[i].pid, SIGKILL); /* not yet reaped */
    }
    ftl_sandbox_done(&image->sandbox);
    return 0;
}
