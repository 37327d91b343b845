/* What becomes of a job that failed, by the classes of fettle/err.h. Pure. */
#ifndef FETTLE_WORKER_FATE_H
#define FETTLE_WORKER_FATE_H

#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>
#include <fettle/option.h>

#include "base/cancel.h"
#include "base/json.h"
#include "base/str.h"

enum ftl_fate_kind {
    FTL_FATE_FAIL,    /* the queue decides by the retry class and the job's attempts */
    FTL_FATE_RELEASE, /* back to the queue, attempts untouched */
    FTL_FATE_ABANDON, /* another worker may own it: nothing is written */
};

enum { FTL_HANDOVERS_MAX = 5 };

struct ftl_fate {
    enum ftl_fate_kind kind;
    enum ftl_retry retry; /* FAIL */
    int64_t delay_ms;     /* RELEASE */
    int handovers;        /* RELEASE: to be written into the job's data */
};

/* `state` is the job's own cancel token's; `handovers` what its data count so far. */
struct ftl_fate ftl_fate_of(const struct ftl_err *cause, enum ftl_cancel_reason state,
                            int handovers);

/* Counted in the job's data as {"fettle": {"handovers": n}}; 0 when absent or no sensible number.
 */
int ftl_handovers_get(const cJSON *data);
void ftl_handovers_set(cJSON *data, int count);

/* What producers see as failedReason: "TRUNCATED /input: …". */
void ftl_reason_print(const struct ftl_err *cause, char *to, size_t size);

/* The message for a document with several errors: as many as fit, and how many more there are. */
void ftl_reason_print_all(const struct ftl_opt_errors *errors, char *to, size_t size);

#endif
