/* What the slots of one worker share on one queue: a thread with the one connection that waits on
 * the marker (the one that getWorkers shows), and that runs the stalled check. */
#ifndef FETTLE_QUEUE_HUB_H
#define FETTLE_QUEUE_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/queue.h"

/* Connects, checks the server (its version, eviction) and starts the thread. */
enum ftl_code ftl_queue_hub_open(const struct ftl_queue_config *config, struct ftl_queue_hub **ret,
                                 struct ftl_err *err) FTL_CHECK;
/* After all its slots. Joins; NULL allowed. */
void ftl_queue_hub_close(struct ftl_queue_hub *hub);

/* For the slots. Waits until it is this slot's turn to look for a job; false when cancelled. */
bool ftl_queue_hub_wait(struct ftl_queue_hub *hub, struct ftl_cancel *cancel);
/* What a fetch without a job said: ms for which the rate limit forbids more, and when the next
 * delayed job is due (0 = none known). */
void ftl_queue_hub_heard(struct ftl_queue_hub *hub, int64_t limited_ms, int64_t due_ms);
/* A lock token that was never used. */
void ftl_queue_hub_token(struct ftl_queue_hub *hub, char ret[64]);
/* True once: job schedulers on this queue deserve one warning. */
bool ftl_queue_hub_warn_scheduler(struct ftl_queue_hub *hub);

#endif
