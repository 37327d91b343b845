/* How long to wait before the next try. */
#ifndef FETTLE_TRANSFER_RETRY_H
#define FETTLE_TRANSFER_RETRY_H

#include <stdint.h>

#include <fettle/err.h>

#include "base/cancel.h"

/* Retry-After as seconds or as an HTTP date, in ms from `now_wall_ms`; at least 0 and at most a
 * day. -1 if it is neither. */
int64_t ftl_retry_after_parse(const char *text, int64_t now_wall_ms);

/* Back-off before try `attempt` (1 = the first retry): base, doubled each time up to `most`, of
 * which a part given by `random` (all 32 bits used) between a half and the whole. */
int64_t ftl_backoff_ms(int attempt, int64_t base_ms, int64_t most_ms, uint32_t random);

/* 32 bits for jitter. */
uint32_t ftl_random32(void);

/* Sleeps, unless cancelled: then the error that belongs to it. */
enum ftl_code ftl_pause_ms(struct ftl_cancel *cancel, int64_t ms, struct ftl_err *err) FTL_CHECK;

#endif
