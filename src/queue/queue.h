/* BullMQ's protocol, worker side: what one slot does. Each slot has its own client (command
 * connection). The blocking wait on the marker and the stalled check have a thread and a connection
 * of their own in the worker's hub (hub.h), which all slots of one queue share; the lease thread
 * (lease.h) has another. Protocol rules: BullMQ 5 and 6 as found on the wire.
 *
 *   ftl_queue_hub_open -> per slot: ftl_queue_open -> loop {
 *       ftl_queue_fetch -> ftl_lease_hold -> work -> ftl_lease_ending -> complete | fail | release
 *       -> ftl_lease_drop } -> ftl_queue_close -> ftl_queue_hub_close
 *
 * When the connection is lost, calls reconnect by themselves with BullMQ's back-off: fetch until it
 * is cancelled, the calls that end a job for a whole lock time, the others not at all.
 */
#ifndef FETTLE_QUEUE_QUEUE_H
#define FETTLE_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/cancel.h"
#include "base/json.h"
#include "base/log.h"

struct ftl_queue;
struct ftl_queue_hub;

/* Milliseconds until the next try, 0 = at once, -1 = no further try. attempts_made counts this
 * failure. Called on the slot's thread. */
typedef int64_t (*ftl_backoff_fn)(void *data, int attempts_made, const char *type,
                                  int64_t delay_ms);

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
    ftl_backoff_fn backoff; /* for back-off types that BullMQ does not know; NULL = fail for good */
    void *backoff_data;
    struct ftl_queue_hub *hub; /* shared by the slots of a worker; outlives them. NULL: the handle
                                * starts one of its own at its first fetch */
    const struct ftl_log *log; /* borrowed; NULL = silent */
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
    char deferred_failure[512]; /* `defa`: fail at once with it; "" = none. Also set when the data
                                 * are not JSON. */
    cJSON *stacktrace;          /* array; owned */
};

void ftl_queue_job_done(struct ftl_queue_job *job); /* frees the contents */

enum ftl_code ftl_queue_open(const struct ftl_queue_config *config, struct ftl_queue **ret,
                             struct ftl_err *err) FTL_CHECK;
void ftl_queue_close(struct ftl_queue *queue); /* NULL allowed */

/* Takes the next job, waiting for up to drain_delay_ms (10 s when a delayed job is known; woken by
 * `cancel`). *ret_found is false when there was none. Fails only where trying again is of no use at
 * once: refused logins, a server that cannot do the job. One thread per handle. */
enum ftl_code ftl_queue_fetch(struct ftl_queue *queue, struct ftl_cancel *cancel,
                              struct ftl_queue_job *ret, bool *ret_found,
                              struct ftl_err *err) FTL_CHECK;

/* With it, complete and fail take the next job in the same call to the server, for the next
 * ftl_queue_fetch to return. Off at first; to be turned off before the last job. A job still held
 * at ftl_queue_close goes back to the line. */
void ftl_queue_set_fetch_next(struct ftl_queue *queue, bool is_wanted);

/* Ends the job under its token. return_json is JSON (SPEC otherwise, nothing done), NULL = null.
 * QUEUE with sub -1…-9 as BullMQ's result codes, nothing written then, but for -4 and -9 (children
 * unfinished or failed): those have been made a failure of the job. Lost replies are resolved. */
enum ftl_code ftl_queue_complete(struct ftl_queue *queue, const struct ftl_queue_job *job,
                                 const char *return_json, struct ftl_err *err) FTL_CHECK;

/* Decides by attempts and back-off what the failure means (retry now, delayed, failed for good).
 * cause->msg is the reason. FTL_RETRY_NEVER is unrecoverable; FTL_RETRY_ONCE gets one more try,
 * whatever the attempts say, unless the failure before was of that class too. retry_after_ms
 * lengthens the back-off. stack: what follows the reason in the new entry of `stacktrace`; NULL =
 * nothing. Result codes as above. */
enum ftl_code ftl_queue_fail(struct ftl_queue *queue, const struct ftl_queue_job *job,
                             const struct ftl_err *cause, const char *stack,
                             struct ftl_err *err) FTL_CHECK;

/* Back to the queue, due in delay_ms (0 = the front of the line), attempts untouched (the
 * `elsewhere` class). */
enum ftl_code ftl_queue_release(struct ftl_queue *queue, const struct ftl_queue_job *job,
                                int64_t delay_ms, struct ftl_err *err) FTL_CHECK;

/* QUEUE with sub -1 when the job is gone. JSON that is not valid is SPEC, nothing written; keep:
 * the newest lines to keep, 0 = all. */
enum ftl_code ftl_queue_progress(struct ftl_queue *queue, const char *job_id,
                                 const char *progress_json, struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_queue_log(struct ftl_queue *queue, const char *job_id, const char *line, int keep,
                            struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_queue_set_data(struct ftl_queue *queue, const char *job_id, const char *data_json,
                                 struct ftl_err *err) FTL_CHECK;

#endif
