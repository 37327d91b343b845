/* libav's process-wide log callback, turned into our log lines. Its sink is the one mutable global
 * of media; libav offers nothing narrower. */
#ifndef FETTLE_MEDIA_AV_LOG_H
#define FETTLE_MEDIA_AV_LOG_H

#include "base/log.h"

struct AVFilterContext;

/* `log` is borrowed for the life of the process; NULL silences libav. A damaged file can cause
 * thousands of lines: a hundred are passed on, one says that the rest is left out. */
void ftl_av_log_init(const struct ftl_log *log);

/* Lines that were left out so far. Any thread. */
long ftl_av_log_left_out(void);

/* The JSON pointer of the job's filter that a libavfilter instance belongs to: its name is
 * "f<N>.<filter>.<libav filter>", N counting in the chain of the run that its graph's opaque points
 * at. NULL for instances that belong to no filter of the job. */
const char *ftl_av_log_pointer(const struct AVFilterContext *instance);

#endif
