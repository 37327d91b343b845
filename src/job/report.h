/* The report: one JSON document, the same as BullMQ return value, CLI output and webhook body
 *. The executor writes its part; the parent checks it and adds what only it knows.
 * Keys are snake_case, numbers are rounded to what they mean, what is not known is left out.
 */
#ifndef FETTLE_JOB_REPORT_H
#define FETTLE_JOB_REPORT_H

#include <fettle/option.h>
#include <fettle/plan.h>
#include <fettle/report.h>

#include "base/json.h"

/* {index, name, container, bytes, duration_s, video: {codec, width, height, pix_fmt, frame_rate,
 * fps, frames}, audio: {codec, sample_rate_hz, channels, loudness}, frames_duplicated,
 * frames_dropped, loudness_passes, still: {time_s, reason}}; `name` may be NULL. Caller frees. */
cJSON *ftl_output_result_json(const struct ftl_output_result *result, const char *name);
/* Reads the same back; INTERNAL when something is missing, mistyped or absurd. */
enum ftl_code ftl_output_result_parse(const cJSON *json, struct ftl_output_result *ret,
                                      struct ftl_err *err) FTL_CHECK;

/* {integrated, range, true_peak, is_silent, is_ungated, duration_s}; levels of silence, which are
 * -infinity, are null. JSON null where not measured. Caller frees. */
cJSON *ftl_loudness_json(const struct ftl_loudness *loudness);
/* null is not measured. */
enum ftl_code ftl_loudness_parse(const cJSON *json, struct ftl_loudness *ret,
                                 struct ftl_err *err) FTL_CHECK;

cJSON *ftl_run_result_json(const struct ftl_run_result *run); /* caller frees */

/* {code, message, where, retry, retry_after_ms}; `where` and `retry_after_ms` only where set. */
cJSON *ftl_err_json(const struct ftl_err *err);
/* All errors of a document as an array of the above; those past the cap are counted in a last
 * one's message. */
cJSON *ftl_opt_errors_json(const struct ftl_opt_errors *errors);

/* "30000/1001"; "" where unknown. */
void ftl_rate_text(struct ftl_rational rate, char to[24]);

#endif
