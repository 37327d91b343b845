/* {placeholders} in names and addresses. The public part is in spec.h. */
#ifndef FETTLE_JOB_PLACEHOLDER_H
#define FETTLE_JOB_PLACEHOLDER_H

#include "base/str.h"
#include "job/spec.h"

/* As ftl_placeholders_expand, appending to *ret. LIMIT when it does not fit. */
enum ftl_code ftl_placeholders_print(const char *text, const struct ftl_placeholder *values,
                                     struct ftl_str *ret, struct ftl_err *err) FTL_CHECK;

/* Puts `one` in and leaves everything else, braces too, as it is. */
void ftl_placeholders_fill(const char *text, const struct ftl_placeholder *one,
                           struct ftl_str *ret);

#endif
