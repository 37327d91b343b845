/* CPU and memory that the jobs of this process share. A job takes its plan's weight before it runs
 * and gives it back afterwards; who waits longest is served first, so that a heavy job is not
 * starved by light ones. Thread-safe. */
#ifndef FETTLE_WORKER_PERMITS_H
#define FETTLE_WORKER_PERMITS_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/auto.h"
#include "base/cancel.h"

struct ftl_permits;

/* `cores` >= 1; memory_bytes 0 = not counted. NULL = out of memory. */
struct ftl_permits *ftl_permits_new(int cores, int64_t memory_bytes) FTL_CHECK;
void ftl_permits_free(struct ftl_permits *permits); /* nobody waits any more; NULL allowed */

/* Waits until both fit. A weight above `cores` counts as all of them. NOMEM (elsewhere) at once
 * when the memory would never fit; the cancel token's error when it comes first. */
enum ftl_code ftl_permits_acquire(struct ftl_permits *permits, int cpu_weight, int64_t memory_bytes,
                                  struct ftl_cancel *cancel, struct ftl_err *err) FTL_CHECK;
void ftl_permits_release(struct ftl_permits *permits, int cpu_weight, int64_t memory_bytes);

/* A worker takes no further job while one of its jobs waits here, so that idle workers elsewhere
 * get it. Waits until none does; false when cancelled. */
bool ftl_permits_wait_free(struct ftl_permits *permits, struct ftl_cancel *cancel);
/* Cancels `fetching` (SHUTDOWN) as soon as a job waits here. Filled by the caller, linked until
 * unwatch returns; then the token is not touched any more. */
struct ftl_permits_watch {
    struct ftl_permits_watch *next;
    struct ftl_cancel *fetching;
};
void ftl_permits_watch(struct ftl_permits *permits, struct ftl_permits_watch *watch);
void ftl_permits_unwatch(struct ftl_permits *permits, struct ftl_permits_watch *watch);

FTL_AUTO_DEFINE(permits, struct ftl_permits, ftl_permits_free);

#endif
