/* The lease thread: renews every held lock at a third of the lock time on its own connection, and
 * does nothing else, so that CPU-bound work never loses a job. One for each queue of a worker. */
#ifndef FETTLE_QUEUE_LEASE_H
#define FETTLE_QUEUE_LEASE_H

#include "queue/queue.h"

struct ftl_leases;

/* Starts the thread (real-time-ish: raised priority where permitted). It connects by itself; a
 * server that is away is not an error yet. */
enum ftl_code ftl_leases_start(const struct ftl_queue_config *config, struct ftl_leases **ret,
                               struct ftl_err *err) FTL_CHECK;
void ftl_leases_stop(struct ftl_leases *leases); /* joins; NULL allowed */

/* From fetch to finish. When the lock is lost (another token, or no renewal got through for a whole
 * lock time), `cancel` is set with FTL_CANCEL_LEASE_LOST. `cancel` outlives the lease. Thread-safe.
 */
enum ftl_code ftl_lease_hold(struct ftl_leases *leases, const struct ftl_queue_job *job,
                             struct ftl_cancel *cancel, struct ftl_err *err) FTL_CHECK;
/* Before complete or fail: the lock is still renewed, however long the server makes them wait, but
 * its end is no loss any more, since they end it themselves. */
void ftl_lease_ending(struct ftl_leases *leases, const struct ftl_queue_job *job);
/* Renewing ends when this returns. Nothing to do for a job that is not held. */
void ftl_lease_drop(struct ftl_leases *leases, const struct ftl_queue_job *job);

/* The worst lateness of a round of renewals so far. */
int64_t ftl_leases_max_jitter_ms(struct ftl_leases *leases);

#endif
