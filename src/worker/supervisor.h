/* A worker: `concurrency` slots on each of its queues, sharing the CPU and memory permits of the
 * process. */
#ifndef FETTLE_WORKER_SUPERVISOR_H
#define FETTLE_WORKER_SUPERVISOR_H

#include <stdint.h>

#include "queue/queue.h"
#include "worker/runner.h"

enum { FTL_WORKER_MAX_SLOTS = 1024, FTL_WORKER_MAX_QUEUES = 64 };

struct ftl_worker_config {
    const struct ftl_runner *runner; /* copied; its permits are replaced by the worker's own */
    struct ftl_queue_config queue;   /* of every queue; name and hub are filled in here */
    const char *const *queues;       /* names; at least one, at most FTL_WORKER_MAX_QUEUES */
    size_t queues_count;
    int concurrency;         /* slots per queue; their sum is at most FTL_WORKER_MAX_SLOTS */
    int cores;               /* CPU permits */
    int64_t memory_bytes;    /* memory permits; 0 = not counted */
    int64_t grace_ms;        /* that jobs in progress get after `stop` */
    struct ftl_cancel *stop; /* whoever cancels it stops the worker */
    int stop_fd;             /* readable = stop too; -1 = none */
    const struct ftl_log *log;
};

/* Takes jobs until stopped: no further ones then, those in progress get the grace time, and what is
 * left is handed back. QUEUE when Redis cannot be reached at the start, SPEC for bad names. Nothing
 * is left running either way. The calling thread only waits. */
enum ftl_code ftl_worker_run(const struct ftl_worker_config *config, struct ftl_err *err) FTL_CHECK;

#endif
