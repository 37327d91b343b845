/* What crosses from `fettle` to fettle-exec and back, as JSON: the spec without anything secret,
 * the expectations for the verifier, and the checked merge of what the two executors said. */
#ifndef FETTLE_WORKER_HANDOFF_H
#define FETTLE_WORKER_HANDOFF_H

#include <fettle/err.h>

#include "base/json.h"
#include "base/str.h"
#include "job/spec.h"

/* Body of a RUN or PLAN task: {"spec", "cores"}. Every input is replaced by "fd:<index>", `upload`
 * is left out (the executor sees no URL, path, header or credential), and output names have their
 * placeholders expanded. */
enum ftl_code ftl_handoff_spec(const struct ftl_job *job, const char *job_id, int cores,
                               struct ftl_arena *arena, struct ftl_str *ret,
                               struct ftl_err *err) FTL_CHECK;

/* Adds "digest" to a plan (ftl_plan_json): SHA-256 in hex over all that decides the outputs' bytes.
 * Made here, since fettle-exec links no cryptography. */
enum ftl_code ftl_handoff_digest(cJSON *plan, struct ftl_err *err) FTL_CHECK;

/* Body of a VERIFY task: {"expect": […]} from the plan, with the frame counts of the run. Caller
 * frees. */
enum ftl_code ftl_handoff_expect(const struct ftl_job *job, const cJSON *plan, const cJSON *done,
                                 cJSON **ret, struct ftl_err *err) FTL_CHECK;

/* The report's "outputs": one object per output of the job, in order, facts from the verifier, and
 * from the run what only it knows. INTERNAL when the executors' answers do not fit the job. Caller
 * frees. */
enum ftl_code ftl_handoff_outputs(const struct ftl_job *job, const cJSON *done,
                                  const cJSON *verified, cJSON **ret,
                                  struct ftl_err *err) FTL_CHECK;

/* Expands {job_id} and {stem}, the main input's name without folder and ending, in `text`. */
enum ftl_code ftl_handoff_expand(const struct ftl_job *job, const char *job_id, const char *text,
                                 struct ftl_arena *arena, const char **ret,
                                 struct ftl_err *err) FTL_CHECK;

const char *
ftl_handoff_content_type(const char *file_name); /* by its ending; "application/octet-stream" */

/* Cuts userinfo and query from every URL in a message, in place. */
void ftl_handoff_scrub(char *text);

#endif
