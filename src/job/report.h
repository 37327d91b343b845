/* The report: one JSON document, the same as BullMQ return value, CLI output and webhook body
 * (design.md §3). The executor writes its part; the parent checks it and adds what only it knows.
 */
#ifndef FETTLE_JOB_REPORT_H
#define FETTLE_JOB_REPORT_H

#include <fettle/plan.h>
#include <fettle/report.h>

#include "base/json.h"

cJSON *ftl_output_result_json(const struct ftl_output_result *result,
                              const char *name); /* caller frees */
enum ftl_code ftl_output_result_parse(const cJSON *json, struct ftl_output_result *ret,
                                      struct ftl_err *err) FTL_CHECK;
cJSON *
ftl_loudness_json(const struct ftl_loudness *loudness); /* caller frees; null where not measured */
cJSON *ftl_run_result_json(const struct ftl_run_result *run);
cJSON *ftl_err_json(const struct ftl_err *err); /* {code, message, where, retry, retryAfterMs} */
cJSON *ftl_opt_errors_json(const struct ftl_opt_errors *errors);

#endif
