/* Cancel tokens with a deadline. Whoever starts work makes one; children look up at their parents.
 * Thread-safe. A token waits on a descriptor, so that poll() loops wake at once. */
#ifndef FETTLE_BASE_CANCEL_H
#define FETTLE_BASE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/auto.h"

struct ftl_cancel;

enum ftl_cancel_reason {
    FTL_CANCEL_NONE,
    FTL_CANCEL_USER,       /* asked for by a person or producer: CANCELLED */
    FTL_CANCEL_LEASE_LOST, /* another worker may own the job now: QUEUE, publish nothing */
    FTL_CANCEL_SHUTDOWN,   /* the grace time ended: CANCELLED, retry elsewhere */
    FTL_CANCEL_DEADLINE,   /* TIMEOUT */
};

/* `parent` may be NULL; it must outlive the child. deadline_ms is on ftl_mono_ms()'s clock, 0 =
 * none. NULL = out of memory or descriptors. */
struct ftl_cancel *ftl_cancel_new(struct ftl_cancel *parent, int64_t deadline_ms) FTL_CHECK;
void ftl_cancel_free(struct ftl_cancel *cancel); /* NULL allowed */

/* The first reason wins; reaches all children. */
void ftl_cancel_set(struct ftl_cancel *cancel, enum ftl_cancel_reason reason);

/* NULL is never cancelled. Checks the deadline too. */
enum ftl_cancel_reason ftl_cancel_state(struct ftl_cancel *cancel);

/* OK, or the error that belongs to the reason. */
enum ftl_code ftl_cancel_check(struct ftl_cancel *cancel, struct ftl_err *err) FTL_CHECK;

/* Readable from the moment of cancelling (not for the deadline); -1 for NULL. Borrowed. */
int ftl_cancel_fd(const struct ftl_cancel *cancel);

/* Milliseconds until the nearest deadline up the chain, at least 0; -1 = none. For poll(). */
int ftl_cancel_timeout_ms(const struct ftl_cancel *cancel);

FTL_AUTO_DEFINE(cancel, struct ftl_cancel, ftl_cancel_free);

#endif
