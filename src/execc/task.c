/* ftl_exec_run: one child, from SPAWN to its end, watched by a poll loop in the caller's thread. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "execc/watch.h"

enum {
    MESSAGES_BURST = 4096,     /* a child may send this many at once … */
    MESSAGES_PER_SECOND = 200, /* … and this many after that */
    KILL_GRACE_MS = 5000,
    DEFAULT_STALL_MS = 60 * 1000,
    LONGEST_POLL_MS = 1000,
};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* sockets, pipes and files in memory */
        *fd = -1;
    }
}

/* Ends the child; the first reason is the one that counts. */
static void give_up(struct ftl_watch *watch, const struct ftl_err *reason)
{
    if (watch->ending.ours.code == FTL_OK) {
        watch->ending.ours = *reason;
    }
    close_fd(&watch->job.fd);
    if (watch->killed_ms != 0 || watch->leash.fd < 0) {
        return;
    }
    watch->killed_ms = ftl_mono_ms();
    watch->ending.was_killed = true;
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_wire_send(&watch->leash, FTL_MSG_KILL, NULL, 0, NULL, &err) != FTL_OK) {
        return; /* it is gone already, which the leash will tell */
    }
}

/* ---- its channel ---- */

static enum ftl_code count_message(struct ftl_watch *watch, int64_t now_ms, struct ftl_err *err)
{
    watch->allowance += (double)(now_ms - watch->filled_ms) * MESSAGES_PER_SECOND / 1000.0;
    watch->allowance = fmin(watch->allowance, MESSAGES_BURST);
    watch->filled_ms = now_ms;
    if (watch->allowance < 1) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: the executor sends too many messages");
    }
    watch->allowance -= 1;
    return FTL_OK;
}

/* Takes one message; false when there is none. */
static bool on_job(struct ftl_watch *watch)
{
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_wire_recv(&watch->job, &watch->message, &err) != FTL_OK) {
        give_up(watch, &err);
        return false;
    }
    if (watch->message.is_eof) {
        close_fd(&watch->job.fd); /* how it ended comes over the leash */
        return false;
    }
    if (watch->message.type == FTL_MSG_NONE) {
        return false;
    }
    enum ftl_code code = count_message(watch, ftl_mono_ms(), &err);
    if (code == FTL_OK) {
        code = ftl_watch_answer(watch, &err);
    }
    watch->heard_ms = ftl_mono_ms();
    if (code == FTL_CRASH) {
        close_fd(&watch->job.fd); /* it died before it read our answer: the leash tells how */
        return false;
    }
    if (code != FTL_OK) {
        give_up(watch, &err);
        return false;
    }
    return true;
}

/* ---- the zygote's word ---- */

static void on_leash(struct ftl_watch *watch)
{
    struct ftl_err err = {.code = FTL_OK};
    enum ftl_code code = ftl_wire_recv(&watch->leash, &watch->message, &err);
    if (code == FTL_OK && watch->message.type == FTL_MSG_SPAWNED) {
        watch->is_spawned = true;
    }
    if (code == FTL_OK && watch->message.type == FTL_MSG_EXITED) {
        watch->ending.exited = watch->message.body.exited;
        watch->ending.has_exited = true;
    }
    if (code != FTL_OK || watch->message.is_eof || watch->ending.has_exited) {
        close_fd(&watch->leash.fd); /* without EXITED: the zygote died */
    }
}

/* ---- time ---- */

static int64_t stall_ms(const struct ftl_watch *watch)
{
    int64_t limit = watch->task->limits.stall_ms;
    return limit > 0 ? limit : DEFAULT_STALL_MS;
}

static void check_time(struct ftl_watch *watch)
{
    struct ftl_err err = {.code = FTL_OK};
    int64_t now_ms = ftl_mono_ms();
    if (watch->killed_ms != 0) {
        if (now_ms - watch->killed_ms > KILL_GRACE_MS) {
            close_fd(&watch->leash.fd); /* the zygote does not answer; the closed leash kills */
        }
        return;
    }
    if (ftl_cancel_check(watch->task->cancel, &err) != FTL_OK) {
        give_up(watch, &err);
        return;
    }
    if (now_ms - watch->heard_ms >= stall_ms(watch)) {
        (void)ftl_fail(&err, FTL_TIMEOUT, "the executor made no progress for %lld ms",
                       (long long)stall_ms(watch));
        err.retry = FTL_RETRY_ONCE;
        give_up(watch, &err);
    }
}

static int poll_timeout_ms(const struct ftl_watch *watch)
{
    int64_t timeout = LONGEST_POLL_MS;
    if (watch->killed_ms == 0) {
        int64_t stall = watch->heard_ms + stall_ms(watch) - ftl_mono_ms();
        timeout = stall < timeout ? stall : timeout;
        int cancel = ftl_cancel_timeout_ms(watch->task->cancel);
        timeout = cancel >= 0 && cancel < timeout ? cancel : timeout;
    }
    return timeout > 0 ? (int)timeout : 0;
}

/* ---- the loop ---- */

static void turn(struct ftl_watch *watch)
{
    struct pollfd polled[] = {
        {.fd = watch->leash.fd, .events = POLLIN},
        {.fd = watch->job.fd, .events = POLLIN},
        {.fd = watch->log_fd, .events = POLLIN},
        /* readable for ever once cancelled, hence left out after the kill */
        {.fd = watch->killed_ms == 0 ? ftl_cancel_fd(watch->task->cancel) : -1, .events = POLLIN},
    };
    if (poll(polled, sizeof(polled) / sizeof(polled[0]), poll_timeout_ms(watch)) < 0) {
        return; /* EINTR */
    }
    if (polled[2].revents != 0 && !ftl_relay_read(&watch->relay, watch->log_fd)) {
        close_fd(&watch->log_fd);
    }
    check_time(watch);
    if (polled[1].revents != 0 && watch->job.fd >= 0) {
        (void)on_job(watch);
    }
    if (polled[0].revents != 0) {
        on_leash(watch);
    }
}

static void loop(struct ftl_watch *watch)
{
    while (watch->leash.fd >= 0) {
        turn(watch);
    }
    /* What it sent before it ended is still in the channels; the message budget bounds this. */
    while (watch->job.fd >= 0 && on_job(watch)) {
    }
    if (watch->log_fd >= 0) {
        (void)ftl_relay_read(&watch->relay, watch->log_fd);
    }
}

/* ---- start and end ---- */

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

/* Makes the three channels and orders a child with the far ends, which are closed here. */
static enum ftl_code order(struct ftl_watch *watch, struct ftl_err *err)
{
    const struct ftl_exec_limits *limits = &watch->task->limits;
    int job[2] = {-1, -1};
    int leash[2] = {-1, -1};
    int log[2] = {-1, -1};
    const int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
    bool is_made = socketpair(AF_UNIX, type, 0, job) == 0 &&
                   socketpair(AF_UNIX, type, 0, leash) == 0 && pipe2(log, O_CLOEXEC) == 0 &&
                   fcntl(log[0], F_SETFL, O_NONBLOCK) == 0;
    int number = errno;
    watch->job = ftl_wire_make(job[0], FTL_PROTO_PARENT, FTL_PROTO_JOB_NEW);
    watch->leash = ftl_wire_make(leash[0], FTL_PROTO_PARENT, FTL_PROTO_LEASH_NEW);
    watch->log_fd = log[0];
    enum ftl_code code = FTL_OK;
    if (!is_made) {
        code = ftl_fail_errno(err, FTL_INTERNAL, number, "channels for an executor");
    } else {
        code = ftl_wire_store_new(&watch->store_fd, err);
    }
    if (code == FTL_OK) {
        watch->job.store_fd = watch->store_fd;
        watch->ending.cpu_limit_s = or_default(limits->cpu_s, (int64_t)4 * 3600);
        const struct ftl_log *logger = watch->exec->log;
        const struct ftl_msg_spawn spawn = {
            .memory_bytes = or_default(limits->memory_bytes, (int64_t)4 << 30),
            .cpu_s = watch->ending.cpu_limit_s,
            .file_bytes = or_default(limits->file_bytes, (int64_t)64 << 30),
            .require_sandbox = watch->exec->require_sandbox ? 1 : 0,
            .log_level = logger != NULL ? (int32_t)logger->level : (int32_t)FTL_LOG_WARN};
        const struct ftl_fds fds = {.count = 3, .fd = {job[1], log[1], leash[1]}};
        code = ftl_exec_order(watch->exec, &spawn, &fds, &watch->zygote, err);
    }
    ftl_auto_fd(&job[1]);
    ftl_auto_fd(&log[1]);
    ftl_auto_fd(&leash[1]);
    return code;
}

static void close_all(struct ftl_watch *watch)
{
    close_fd(&watch->job.fd);
    close_fd(&watch->leash.fd);
    close_fd(&watch->log_fd);
    close_fd(&watch->store_fd);
}

static void count_death(const struct ftl_exec_ending *ending)
{
    int status = ending->exited.wait_status;
    if (ending->has_exited && WIFSIGNALED(status)) {
        char name[32];
        ftl_signal_name(WTERMSIG(status), name, sizeof(name));
        ftl_metric_add(FTL_METRIC_EXECUTOR_DEATHS, ending->was_killed ? "killed" : name, 1);
    }
}

/* One attempt. *ret_may_retry: the zygote died before there was a child, so nothing has begun. */
static enum ftl_code attempt(struct ftl_watch *watch, bool *ret_may_retry, struct ftl_err *err)
{
    watch->started_us = ftl_mono_us();
    watch->heard_ms = ftl_mono_ms();
    watch->filled_ms = watch->heard_ms;
    watch->allowance = MESSAGES_BURST;
    watch->store_fd = -1;
    if (order(watch, err) != FTL_OK) {
        close_all(watch);
        return ftl_wrap(err, "start an executor");
    }
    loop(watch);
    close_all(watch);
    if (!watch->ending.has_exited && watch->ending.ours.code == FTL_OK) {
        *ret_may_retry = !watch->is_spawned && watch->job.state == FTL_PROTO_JOB_NEW;
        ftl_exec_zygote_lost(watch->exec, watch->zygote);
    }
    ftl_relay_finish(&watch->relay, watch->result->log_tail);
    watch->ending.log_tail = watch->result->log_tail;
    watch->result->cpu_s = watch->ending.exited.cpu_s;
    watch->result->peak_rss_bytes = watch->ending.exited.peak_rss_bytes;
    count_death(&watch->ending);
    return ftl_exec_ending_judge(&watch->ending, err);
}

enum ftl_code ftl_exec_run(struct ftl_exec *exec, const struct ftl_exec_task *task,
                           struct ftl_exec_result *result, struct ftl_err *err)
{
    result->log_tail[0] = '\0';
    result->layers[0] = '\0';
    if (task->inputs_count > FTL_WIRE_MAX_INPUTS) {
        return ftl_fail(err, FTL_LIMIT, "%zu inputs, at most %d are possible", task->inputs_count,
                        FTL_WIRE_MAX_INPUTS);
    }
    FTL_AUTO_FREE struct ftl_watch *watch = ftl_calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    enum { ATTEMPTS = 2 };
    enum ftl_code code = FTL_OK;
    for (int i = 0; i < ATTEMPTS; i++) {
        bool may_retry = false;
        memset(watch, 0, sizeof(*watch)); /* too large for a compound literal's stack copy */
        watch->exec = exec;
        watch->task = task;
        watch->result = result;
        watch->relay = ftl_relay_make(task->log != NULL ? task->log : exec->log);
        code = attempt(watch, &may_retry, err);
        if (!may_retry) {
            break;
        }
    }
    return code;
}
