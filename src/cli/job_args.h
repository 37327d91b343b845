/* Makes a job document from `fettle run`'s operand and flags: a job file, or an input with filters
 * and outputs named on the command line. */
#ifndef FETTLE_CLI_JOB_ARGS_H
#define FETTLE_CLI_JOB_ARGS_H

#include <fettle/option.h>

#include "base/json.h"
#include "base/mem.h"

struct ftl_job_args {
    const char *operand; /* JOB.json, "-" for a job on standard input, or an input file or URL */
    struct ftl_array filter; /* const char *: "NAME[,key=value]…", appended to the job's filters */
    struct ftl_array set;    /* const char *: "PATH=VALUE" */
    struct ftl_array output; /* const char *: -o values */
};

/* *ret is the document (caller frees), *ret_to where -o says to deliver, NULL if it does not. */
enum ftl_code ftl_job_args_build(const struct ftl_job_args *args, struct ftl_arena *arena,
                                 cJSON **ret, const char **ret_to, struct ftl_err *err) FTL_CHECK;

/* Sets `value` (JSON, or else taken as a string) at "a.0.b" or "/a/0/b" in `document`, making
 * objects on the way; an array index may be one past the end. */
enum ftl_code ftl_job_args_set(cJSON *document, const char *assignment,
                               struct ftl_err *err) FTL_CHECK;

/* "aspect,ratio=9:16,fit=blur" as a filter object. Caller frees. */
enum ftl_code ftl_job_args_filter(const char *text, cJSON **ret, struct ftl_err *err) FTL_CHECK;

#endif
