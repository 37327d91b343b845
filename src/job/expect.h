/* What the verifier holds an output to: taken from the plan by the first executor's PLAN message,
 * kept by the parent, handed to a second executor together with read-only descriptors of the files.
 */
#ifndef FETTLE_JOB_EXPECT_H
#define FETTLE_JOB_EXPECT_H

#include <fettle/option.h>
#include <fettle/plan.h>
#include <fettle/report.h>

#include "base/json.h"

struct ftl_expect {
    int output; /* index in the job's outputs */
    const char *name;
    const char *kind;      /* "media", "thumbnail" */
    const char *container; /* our name of the format: "mp4", "jpeg" */
    bool has_video, has_audio;
    const char *video_codec, *audio_codec; /* our names; "" where there is none */
    int width, height;
    const char *pix_fmt; /* "" = whatever it is */
    double duration_s;   /* 0 = unknown */
    double fps;          /* 0 = unknown */
    int64_t frames; /* that the run wrote; -1 = not known. Not in the plan: the parent adds it */
    bool has_loudness_target;
    double integrated, true_peak, tolerance;
    bool may_be_quieter; /* the run stayed below the target on purpose (gain capped or lowered);
                            likewise added by the parent */
};

extern const struct ftl_opt_table ftl_expect_table;

cJSON *ftl_expect_json(const struct ftl_plan *plan); /* array, in output order; caller frees */
enum ftl_code ftl_expect_parse(const cJSON *array, struct ftl_arena *arena, struct ftl_array *ret,
                               struct ftl_err *err) FTL_CHECK; /* of struct ftl_expect */

/* Compares what was decoded with what was planned; VERIFY with one sentence naming output, what was
 * expected and what was found. */
enum ftl_code ftl_expect_check(const struct ftl_expect *expect,
                               const struct ftl_output_result *found,
                               struct ftl_err *err) FTL_CHECK;

/* After a check that passed: what was found under the job's index and our names of container and
 * codecs, and without the duration and rate that demuxers make up for a still. */
void ftl_expect_adopt(const struct ftl_expect *expect, struct ftl_output_result *found);

#endif
