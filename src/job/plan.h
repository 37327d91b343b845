/* The planner: job + probes -> plan (fettle/plan.h). Pure; runs in the executor, and its result as
 * JSON is what --dry-run prints. */
#ifndef FETTLE_JOB_PLAN_H
#define FETTLE_JOB_PLAN_H

#include <fettle/plan.h>
#include <fettle/probe.h>

#include "job/spec.h"

/* `probes[i]` belongs to job->inputs[i]; NULL where that input was not handed over. `cores` bounds
 * CPU permits, never encoder threads. The plan lives in `arena`, which also keeps job and probes
 * alive. Errors carry the JSON pointer of the output or filter at fault. */
enum ftl_code ftl_plan_make(const struct ftl_job *job, const struct ftl_probe *const *probes,
                            int cores, struct ftl_arena *arena, const struct ftl_plan **ret,
                            struct ftl_err *err) FTL_CHECK;

/* The plan; what depends on the machine (threads, permits, estimates) is under "machine", and all
 * else decides the bytes of the outputs. Caller frees. */
cJSON *ftl_plan_json(const struct ftl_plan *plan);
cJSON *ftl_probe_json(const struct ftl_probe *probe);

#endif
