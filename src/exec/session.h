/* The child's side of a job channel while it works: what the engine's callbacks and the task loop
 * say to the parent. Thread-safe but for `task`. */
#ifndef FETTLE_EXEC_SESSION_H
#define FETTLE_EXEC_SESSION_H

#include <pthread.h>
#include <stdint.h>

#include "base/json.h"
#include "ipc/wire.h"

struct ftl_session {
    struct ftl_wire *job;
    uint32_t layers;
    pthread_mutex_t lock; /* guards sending, and all below */
    int64_t sent_ms;      /* when the parent last heard of us */
    int64_t used_ms;      /* processor time when we last said that we live */
    int64_t looked_ms;    /* when we last looked whether it is there */
    int warnings;         /* sent so far */
    struct ftl_msg message;
};

/* One task as TASK gave it. */
struct ftl_session_task {
    cJSON *document;              /* owned */
    const char *kind;             /* "run"; borrowed from the document, as is the body */
    const cJSON *body;            /* object */
    int fds[FTL_WIRE_MAX_INPUTS]; /* by input index; -1 = not handed over */
    int fds_count;                /* highest index + 1 */
};

struct ftl_session *ftl_session_new(struct ftl_wire *job, uint32_t layers);
void ftl_session_free(struct ftl_session *session); /* NULL allowed */

/* Waits for TASK. */
enum ftl_code ftl_session_receive(struct ftl_session *session, struct ftl_session_task *ret,
                                  struct ftl_err *err) FTL_CHECK;

/* Sends PLAN and waits for GO. */
enum ftl_code ftl_session_plan(struct ftl_session *session, const cJSON *plan,
                               struct ftl_err *err) FTL_CHECK;

enum ftl_code ftl_session_done(struct ftl_session *session, const cJSON *body,
                               struct ftl_err *err) FTL_CHECK;
void ftl_session_fail(struct ftl_session *session, const struct ftl_err *cause);

/* Callbacks of ftl_pipeline_run; `opaque` is the session. */
enum ftl_code ftl_session_open_output(void *opaque, int output, const char *name, int *ret_fd,
                                      struct ftl_err *err) FTL_CHECK;
void ftl_session_progress(void *opaque, const char *phase, double fraction, int64_t frames,
                          double speed);
/* Tells the parent once a second that work goes on, as long as it uses the processor: of a deadlock
 * nothing is said, and the parent ends it. CANCELLED when the parent is gone. */
enum ftl_code ftl_session_check(void *opaque, struct ftl_err *err) FTL_CHECK;
void ftl_session_warn(void *opaque, const char *where, const char *text);

#endif
