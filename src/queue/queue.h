/* BullMQ's protocol, worker side: what one slot does. Each slot has its own client (command
 * connection); the blocking wait on the marker has a connection of its own in the worker's fetcher,
 * and the lease thread (lease.h) another. Protocol rules: BullMQ 5 and 6 as found on the wire.
 *
 *   ftl_queue_open -> loop { ftl_queue_wait, ftl_queue_fetch -> work -> complete | fail | … } ->
 * ftl_queue_close
 */
#ifndef FETTLE_QUEUE_QUEUE_H
#define FETTLE_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/cancel.h"
#include "base/json.h"
#include "base/log.h"

struct ftl_lease;
struct ftl_queue;

enum ftl_pause_mode { FTL_PAUSE_AUTO, FTL_PAUSE_V5, FTL_PAUSE_V6 };

struct ftl_redis_config {
    const char *url; /* redis://[user:pass@]host[:port][/db], rediss://, unix:///path[?db=n] */
    int connect_timeout_ms; /* default 5000 */
    int command_timeout_ms; /* default 10000 */
};

struct ftl_queue_config {
    struct ftl_redis_config redis;
    const char *prefix;                              /* "bull" */
    const char *name;                                /* not empty, no ":" */
    const char *worker_name;                         /* "" = unnamed */
    int64_t lock_ms;                                 /* 30000 */
    int64_t stalled_ms;                              /* 30000 */
    int max_stalled;                                 /* 1 */
    int64_t drain_delay_ms;                          /* 5000 */
    int64_t limiter_max, limiter_duration_ms;        /* 0 = none */
    int metrics_points;                              /* 0 = none */
    const char *remove_on_complete, *remove_on_fail; /* JSON text or NULL = keep */
    enum ftl_pause_mode pause_mode;
    const struct ftl_log *log;
};

struct ftl_queue_job {
    char id[256];
    char token[64];
    char name[256];
    cJSON *data;                         /* {} when absent; owned */
    cJSON *opts;                         /* {} when absent; owned */
    int attempts_made, attempts_started; /* atm before this try; ats of this try */
    int attempts;                        /* opts.attempts, at least 1 */
    int stalled_count;
    int64_t timestamp_ms, processed_ms;
    char deferred_failure[512]; /* `defa`: fail at once with it; "" = none */
    cJSON *stacktrace;          /* array; owned */
};

void ftl_queue_job_done(struct ftl_queue_job *job); /* frees the contents */

enum ftl_code ftl_queue_open(const struct ftl_queue_config *config, struct ftl_queue **ret,
                             struct ftl_err *err) FTL_CHECK;
void ftl_queue_close(struct ftl_queue *queue); /* NULL allowed */

/* Takes the next job, waiting on the marker for up to drain_delay_ms (woken by `cancel`).
 * *ret_found is false when there was none. While it waits it also runs the stalled check when due.
 * One thread per handle. */
enum ftl_code ftl_queue_fetch(struct ftl_queue *queue, struct ftl_cancel *cancel,
                              struct ftl_queue_job *ret, bool *ret_found,
                              struct ftl_err *err) FTL_CHECK;

/* Ends the job under its token. QUEUE with sub -1…-9 as BullMQ's result codes; lost replies are
 * resolved. */
enum ftl_code ftl_queue_complete(struct ftl_queue *queue, const struct ftl_queue_job *job,
                                 const char *return_json, struct ftl_err *err) FTL_CHECK;

/* Decides by attempts and back-off what the failure means (retry now, delayed, failed for good);
 * FTL_RETRY_NEVER is unrecoverable. reason: raw text; stack: one entry for `stacktrace`. */
enum ftl_code ftl_queue_fail(struct ftl_queue *queue, const struct ftl_queue_job *job,
                             const struct ftl_err *cause, const char *stack,
                             struct ftl_err *err) FTL_CHECK;

/* Back to wait with a delay, attempts untouched (the `elsewhere` class). */
enum ftl_code ftl_queue_release(struct ftl_queue *queue, const struct ftl_queue_job *job,
                                int64_t delay_ms, struct ftl_err *err) FTL_CHECK;

enum ftl_code ftl_queue_progress(struct ftl_queue *queue, const char *job_id,
                                 const char *progress_json, struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_queue_log(struct ftl_queue *queue, const char *job_id, const char *line, int keep,
                            struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_queue_set_data(struct ftl_queue *queue, const char *job_id, const char *data_json,
                                 struct ftl_err *err) FTL_CHECK;

#endif
