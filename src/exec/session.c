#include "exec/session.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"

enum {
    ALIVE_MS = 1000,
    ALIVE_CPU_MS = 50, /* far more than waiting and looking take in the time of a stall */
    LOOK_MS = 200,
    MOST_WARNINGS = 64,
};

struct ftl_session *ftl_session_new(struct ftl_wire *job, uint32_t layers)
{
    struct ftl_session *session = ftl_calloc(1, sizeof(*session));
    if (session != NULL) {
        session->job = job;
        session->layers = layers;
        (void)pthread_mutex_init(&session->lock, NULL); /* default attributes cannot fail */
    }
    return session;
}

void ftl_session_free(struct ftl_session *session)
{
    if (session != NULL) {
        (void)pthread_mutex_destroy(&session->lock);
        ftl_free(session);
    }
}

static enum ftl_code send_message(struct ftl_session *session, enum ftl_msg_type type,
                                  const void *body, size_t length, struct ftl_err *err)
{
    (void)pthread_mutex_lock(&session->lock);
    enum ftl_code code = ftl_wire_send(session->job, type, body, length, NULL, err);
    session->sent_ms = ftl_mono_ms();
    (void)pthread_mutex_unlock(&session->lock);
    return code;
}

/* Waits for the one message that can come now; its descriptors are the caller's. */
static enum ftl_code wait_message(struct ftl_session *session, enum ftl_msg_type type,
                                  struct ftl_err *err)
{
    if (ftl_wire_recv(session->job, &session->message, err) != FTL_OK) {
        return err->code;
    }
    if (session->message.type != type) { /* the protocol lets only this one through, or the end */
        return ftl_fail(err, FTL_CANCELLED, "the parent is gone");
    }
    return FTL_OK;
}

static enum ftl_code place_inputs(const cJSON *indexes, struct ftl_fds *fds,
                                  struct ftl_session_task *task, struct ftl_err *err)
{
    for (size_t i = 0; i < FTL_WIRE_MAX_INPUTS; i++) {
        task->fds[i] = -1;
    }
    size_t at = 1; /* the first descriptor is the store */
    const cJSON *index = NULL;
    cJSON_ArrayForEach(index, indexes)
    {
        int place = cJSON_IsNumber(index) ? index->valueint : -1;
        if (place < 0 || place >= FTL_WIRE_MAX_INPUTS || task->fds[place] >= 0 || at == fds->count)
        {
            return ftl_fail(err, FTL_INTERNAL, "task: inputs and descriptors do not match");
        }
        task->fds[place] = fds->fd[at++];
        task->fds_count = place + 1 > task->fds_count ? place + 1 : task->fds_count;
    }
    if (at != fds->count) {
        return ftl_fail(err, FTL_INTERNAL, "task: more descriptors than inputs");
    }
    return FTL_OK;
}

enum ftl_code ftl_session_receive(struct ftl_session *session, struct ftl_session_task *ret,
                                  struct ftl_err *err)
{
    const struct ftl_json_limits limits = {
        .bytes = FTL_WIRE_STORE_BYTES, .string = FTL_WIRE_STORE_BYTES, .depth = 32};
    if (wait_message(session, FTL_MSG_TASK, err) != FTL_OK) {
        return err->code;
    }
    session->job->store_fd = session->message.fds.fd[0];
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(FTL_WIRE_STORE_BYTES);
    FTL_AUTO(json) cJSON *document = NULL;
    struct ftl_session_task task = {.fds_count = 0};
    if (ftl_wire_text(session->job, &session->message, &text, err) != FTL_OK ||
        ftl_json_parse(ftl_str_text(&text), text.length, &limits, &document, err) != FTL_OK ||
        place_inputs(ftl_json_get(document, "inputs"), &session->message.fds, &task, err) != FTL_OK)
    {
        return ftl_wrap(err, "task");
    }
    task.kind = ftl_json_string(document, "kind", "");
    task.body = ftl_json_get(document, "body");
    task.document = FTL_TAKE(document);
    *ret = task;
    return FTL_OK;
}

static enum ftl_code send_json(struct ftl_session *session, enum ftl_msg_type type,
                               const cJSON *json, struct ftl_err *err)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(FTL_WIRE_STORE_BYTES);
    ftl_json_print(json, false, &text);
    if (text.is_cut) {
        return ftl_fail(err, FTL_LIMIT, "a result of more than %d bytes", FTL_WIRE_STORE_BYTES);
    }
    return send_message(session, type, text.text, text.length, err);
}

enum ftl_code ftl_session_plan(struct ftl_session *session, const cJSON *plan, struct ftl_err *err)
{
    if (send_json(session, FTL_MSG_PLAN, plan, err) != FTL_OK) {
        return err->code;
    }
    return wait_message(session, FTL_MSG_GO, err);
}

enum ftl_code ftl_session_done(struct ftl_session *session, const cJSON *body, struct ftl_err *err)
{
    return send_json(session, FTL_MSG_DONE, body, err);
}

void ftl_session_fail(struct ftl_session *session, const struct ftl_err *cause)
{
    struct ftl_err err = {.code = FTL_OK};
    if (send_message(session, FTL_MSG_FAIL, cause, sizeof(*cause), &err) != FTL_OK) {
        _exit(1); /* nobody can be told but by the exit status */
    }
}

enum ftl_code ftl_session_open_output(void *opaque, int output, const char *name, int *ret_fd,
                                      struct ftl_err *err)
{
    struct ftl_session *session = opaque;
    struct ftl_msg_open open = {.output = output};
    if (!ftl_copy_text(open.name, sizeof(open.name), name)) {
        return ftl_fail(err, FTL_SPEC, "output name too long: %s", name);
    }
    /* The lock is held over the answer, so that no other thread speaks out of turn. */
    (void)pthread_mutex_lock(&session->lock);
    enum ftl_code code = ftl_wire_send(session->job, FTL_MSG_OPEN, &open, sizeof(open), NULL, err);
    if (code == FTL_OK) {
        code = wait_message(session, FTL_MSG_FILE, err);
    }
    if (code == FTL_OK) {
        *ret_fd = session->message.fds.fd[0];
    }
    session->sent_ms = ftl_mono_ms();
    (void)pthread_mutex_unlock(&session->lock);
    return code;
}

void ftl_session_progress(void *opaque, const char *phase, double fraction, int64_t frames,
                          double speed)
{
    struct ftl_msg_progress progress = {.fraction = fraction, .frames = frames, .speed = speed};
    (void)ftl_copy_text(progress.phase, sizeof(progress.phase), phase);
    struct ftl_err err = {.code = FTL_OK};
    enum ftl_code code = send_message(opaque, FTL_MSG_PROGRESS, &progress, sizeof(progress), &err);
    (void)code; /* that the parent is gone is for check() to notice */
}

/* Processor time of all threads. */
static int64_t cpu_ms(void)
{
    struct timespec used = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used); /* always there on Linux */
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

enum ftl_code ftl_session_check(void *opaque, struct ftl_err *err)
{
    struct ftl_session *session = opaque;
    int64_t now_ms = ftl_mono_ms();
    enum ftl_code code = FTL_OK;
    (void)pthread_mutex_lock(&session->lock);
    if (now_ms - session->looked_ms >= LOOK_MS) {
        session->looked_ms = now_ms;
        struct pollfd polled = {.fd = session->job->fd, .events = POLLIN};
        if (poll(&polled, 1, 0) > 0) { /* it has nothing to say now, so this is the end */
            code = ftl_fail(err, FTL_CANCELLED, "the parent is gone");
        }
    }
    /* Whoever asks may only be waiting for threads: life is what uses the processor. */
    bool is_due = code == FTL_OK && now_ms - session->sent_ms >= ALIVE_MS;
    int64_t used_ms = is_due ? cpu_ms() : 0;
    if (is_due && used_ms - session->used_ms >= ALIVE_CPU_MS) {
        session->sent_ms = now_ms;
        session->used_ms = used_ms;
        code = ftl_wire_send(session->job, FTL_MSG_ALIVE, NULL, 0, NULL, err);
    }
    (void)pthread_mutex_unlock(&session->lock);
    return code;
}

void ftl_session_warn(void *opaque, const char *where, const char *text)
{
    struct ftl_session *session = opaque;
    (void)pthread_mutex_lock(&session->lock);
    bool may_send = session->warnings < MOST_WARNINGS;
    session->warnings += may_send ? 1 : 0;
    (void)pthread_mutex_unlock(&session->lock);
    if (!may_send) {
        return;
    }
    struct ftl_msg_warn warn = {.where = ""};
    (void)ftl_copy_text(warn.where, sizeof(warn.where), where != NULL ? where : "");
    (void)ftl_copy_text(warn.text, sizeof(warn.text), text);
    struct ftl_err err = {.code = FTL_OK};
    enum ftl_code code = send_message(session, FTL_MSG_WARN, &warn, sizeof(warn), &err);
    (void)code; /* as for progress */
}
