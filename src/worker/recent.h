/* Jobs that this process handed back lately and should leave to others for a while. Thread-safe. */
#ifndef FETTLE_WORKER_RECENT_H
#define FETTLE_WORKER_RECENT_H

#include <stdint.h>

#include <fettle/err.h>

#include "base/auto.h"

struct ftl_recent;

/* NULL = out of memory. */
struct ftl_recent *ftl_recent_new(void) FTL_CHECK;
void ftl_recent_free(struct ftl_recent *recent); /* NULL allowed */

/* Remembers `job` of `queue` until `until_ms` (ftl_mono_ms's clock). The oldest of 64 is forgotten
 * for it: at worst a job comes back early. */
void ftl_recent_add(struct ftl_recent *recent, const char *queue, const char *job,
                    int64_t until_ms);

/* How long that still is at `now_ms`; 0 = not remembered. */
int64_t ftl_recent_left_ms(struct ftl_recent *recent, const char *queue, const char *job,
                           int64_t now_ms);

FTL_AUTO_DEFINE(recent, struct ftl_recent, ftl_recent_free);

#endif
