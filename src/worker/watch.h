/* What the outside sees of a job in progress: BullMQ progress at most twice a second within a
 * phase, a line in the job's log and in ours per phase. */
#ifndef FETTLE_WORKER_WATCH_H
#define FETTLE_WORKER_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "queue/queue.h"
#include "worker/runner.h"

/* Used by the thread that made it; progress from another one is dropped, because the queue's handle
 * belongs to that thread. */
struct ftl_watch {
    struct ftl_queue *queue;
    const char *job_id;
    const struct ftl_log *log;
    pthread_t thread;
    bool has_phase;
    enum ftl_runner_phase phase;
    int64_t next_ms;       /* no earlier progress within the phase */
    int64_t rest_until_ms; /* after trouble with the queue: nothing before that */
};

/* Everything is borrowed and outlives the watch. */
void ftl_watch_init(struct ftl_watch *watch, struct ftl_queue *queue, const char *job_id,
                    const struct ftl_log *log);
void ftl_watch_progress(struct ftl_watch *watch, const struct ftl_runner_progress *progress);
void ftl_watch_log(struct ftl_watch *watch, const char *text); /* a line of the job's log */
const char *ftl_watch_phase(const struct ftl_watch *watch);    /* "spec" before the first */

/* {"phase", "percent", and in the run phase "frames", "speed"}. Appends to *ret. */
void ftl_watch_print(const struct ftl_runner_progress *progress, struct ftl_str *ret);

#endif
