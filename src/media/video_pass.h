/* The picture of one run: decoded once, filtered once, fed to every output and still of the run. */
#ifndef FETTLE_MEDIA_VIDEO_PASS_H
#define FETTLE_MEDIA_VIDEO_PASS_H

#include <fettle/plan.h>
#include <fettle/report.h>

#include "media/still.h"
#include "media/track.h"
#include "media/writer.h"

struct ftl_video_pass_config {
    const struct ftl_plan *plan; /* borrowed, like all of these */
    const struct ftl_plan_run *run;
    const int *input_fds;
    const struct ftl_limits *limits;
    double zero_s;
    struct ftl_check check;
    /* Both by place in run->outputs; NULL where the output has no video, or is no still. */
    struct ftl_writer *const *writers;
    struct ftl_still *const *stills;
    void (*progress)(void *opaque, double seconds, int64_t frames); /* after every decoded frame */
    void (*warn)(void *opaque, const char *where, const char *text);
    void *opaque; /* of both */
};

struct ftl_video_pass_result {
    bool is_complete; /* the source was read to its end, not only as far as the outputs wanted */
    struct ftl_input_stats input;
    struct ftl_decoder_stats decoder;
};

/* INPUT when not one frame decodes. results[i] gets frames_duplicated and frames_dropped of
 * run->outputs[i]. */
enum ftl_code ftl_video_pass_run(const struct ftl_video_pass_config *config,
                                 struct ftl_output_result *const *results,
                                 struct ftl_video_pass_result *ret, struct ftl_err *err) FTL_CHECK;

#endif
