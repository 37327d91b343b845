/* BullMQ's protocol, producer side, as far as Fettle itself needs it. Calls are made once: QUEUE,
 * LATER when the server does not answer, and then an add may or may not have happened. */
#ifndef FETTLE_QUEUE_PRODUCER_H
#define FETTLE_QUEUE_PRODUCER_H

#include "queue/queue.h"

struct ftl_add_options {
    const char *job_id; /* NULL = counter; not an integer, no ":" */
    int64_t delay_ms;
    int priority; /* 0 = none, 1 highest … 2097151 */
    bool is_lifo;
    int attempts;             /* 0 = one try */
    const char *backoff_type; /* "fixed", "exponential"; NULL = none */
    int64_t backoff_ms;
    const char *remove_on_complete, *remove_on_fail; /* JSON text or NULL */
};

struct ftl_queue_counts {
    int64_t waiting, active, completed, failed, delayed, prioritized, waiting_children;
    bool is_paused;
};

/* SPEC for data or options that BullMQ would refuse. An id that exists already is returned as it
 * is, its job untouched. `options` may be NULL. */
enum ftl_code ftl_producer_add(struct ftl_queue *queue, const char *name, const char *data_json,
                               const struct ftl_add_options *options, char ret_id[256],
                               struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_producer_counts(struct ftl_queue *queue, struct ftl_queue_counts *ret,
                                  struct ftl_err *err) FTL_CHECK;
/* The job as a JSON object {id, name, state, data, opts, progress, returnvalue, failedReason,
 * stacktrace, attemptsMade, …, logs}; SOURCE if there is none. Caller frees. */
enum ftl_code ftl_producer_show(struct ftl_queue *queue, const char *job_id, cJSON **ret,
                                struct ftl_err *err) FTL_CHECK;

#endif
