/* The engine: carries out a plan on descriptors. Runs inside fettle-exec's child only.
 *
 *   ftl_media_init(&log);                      once per process, before fork
 *   ftl_media_probe(fd, name, &limits, &probe, &err);
 *   … plan …
 *   ftl_pipeline_run(&config, results, &run, &err);
 *   ftl_media_verify(fd, &result, …);          in another process
 */
#ifndef FETTLE_MEDIA_PIPELINE_H
#define FETTLE_MEDIA_PIPELINE_H

#include <fettle/plan.h>
#include <fettle/probe.h>
#include <fettle/report.h>

#include "base/log.h"

struct ftl_pipeline_callbacks {
    void *opaque;
    /* A read-write descriptor for a new file of output `output`; the pipeline owns and closes it.
     */
    enum ftl_code (*open_output)(void *opaque, int output, const char *name, int *ret_fd,
                                 struct ftl_err *err);
    /* At most a few times a second. fraction 0..1 of the whole run; phase "measure", "audio",
     * "video". */
    void (*progress)(void *opaque, const char *phase, double fraction, int64_t frames,
                     double speed);
    /* Polled between packets and in every I/O callback; not OK ends the run with that error. */
    enum ftl_code (*check)(void *opaque, struct ftl_err *err);
    void (*warn)(void *opaque, const char *where, const char *text);
};

struct ftl_pipeline_config {
    const struct ftl_plan *plan;
    const int *input_fds; /* by ftl_plan_input.index; readable by pread, not closed here */
    struct ftl_limits limits;
    struct ftl_pipeline_callbacks callbacks;
};

/* One-time libav set-up: log callback, max alloc, encoder look-ups that dlopen or read /proc. */
void ftl_media_init(const struct ftl_log *log);

/* Reads headers only as far as needed. INPUT, UNSUPPORTED or LIMIT with the input's name. */
enum ftl_code ftl_media_probe(int fd, const char *name, const struct ftl_limits *limits,
                              struct ftl_probe *ret, struct ftl_err *err) FTL_CHECK;

/* results[i] belongs to plan->outputs[i]. TRUNCATED when the source ended before what it declared
 * (decoded end against container and stream durations, tolerance max(0.25 s, 1 %)). On failure
 * outputs are garbage. */
enum ftl_code ftl_pipeline_run(const struct ftl_pipeline_config *config,
                               struct ftl_output_result *results, struct ftl_run_result *ret_run,
                               struct ftl_err *err) FTL_CHECK;

/* Decodes a finished file from start to end and says what is in it: independent of the plan.
 * `want_loudness` measures the audio by BS.1770. INPUT when anything in it does not decode. */
enum ftl_code ftl_media_verify(int fd, const char *name, bool want_loudness,
                               const struct ftl_limits *limits, struct ftl_output_result *ret,
                               struct ftl_err *err) FTL_CHECK;

/* What this build has: {"libavcodec":"59.37.100", …, "encoders":[…], "decoders":[…], "filters":[…]}
 * as text rows for doctor and version. `each` gets kind ("library", "encoder", "muxer", "filter")
 * and name. */
void ftl_media_inventory(void (*each)(void *opaque, const char *kind, const char *name,
                                      const char *detail),
                         void *opaque);

#endif
