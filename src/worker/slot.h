/* A slot: one thread that takes jobs from one queue, one at a time, and sees each to its end. */
#ifndef FETTLE_WORKER_SLOT_H
#define FETTLE_WORKER_SLOT_H

#include "queue/hub.h"
#include "queue/lease.h"
#include "queue/queue.h"
#include "worker/permits.h"
#include "worker/recent.h"
#include "worker/runner.h"

/* What the slots of one queue share; all of it outlives them. */
struct ftl_slot_shared {
    struct ftl_queue_config queue; /* with its hub */
    struct ftl_leases *leases;
    const struct ftl_runner *runner; /* with the permits below */
    struct ftl_permits *permits;
    struct ftl_recent *recent;
    struct ftl_cancel *stop;  /* no further job is taken */
    struct ftl_cancel *abort; /* jobs in progress end */
    const struct ftl_log *log;
};

/* Until `stop` is cancelled; then finishes the job it has. */
void ftl_slot_run(const struct ftl_slot_shared *shared, int index);

#endif
