#include <fettle/filter.h>

#include "filters/fragments.h"

/* Constant frame rate: frames are repeated or dropped, never blended. */

struct fps_opts {
    struct ftl_rational rate;
};

static const struct fps_opts defaults = {.rate = {30, 1}};

static const struct ftl_opt rows[] = {
    FTL_OPT_RATE(struct fps_opts, rate, 1, 240, FTL_OPT_REQUIRED, "frames per second"),
    FTL_OPT_END,
};

extern const struct ftl_filter ftl_filter_fps;

static const struct ftl_opt_table table = {
    .name = "fps",
    .summary = "Brings the video to a constant frame rate by repeating or dropping frames.",
    .rows = rows,
    .size = sizeof(struct fps_opts),
    .defaults = &defaults,
    .set_offset = SIZE_MAX,
    .owner = &ftl_filter_fps,
};

static enum ftl_code plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err)
{
    (void)err;
    const struct fps_opts *opts = inst->opts;
    if (shape->has_video) {
        shape->frame_rate = opts->rate;
    }
    return FTL_OK;
}

static enum ftl_code build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err)
{
    (void)after;
    const struct fps_opts *opts = inst->opts;
    const struct ftl_arg args[] = {
        FTL_ARG_RATIONAL("fps", opts->rate),
        FTL_ARG_TEXT("round", "near"),
    };
    return FTL_GB_APPLY(gb, "fps", args, &chain->video, err);
}

const struct ftl_filter ftl_filter_fps = {
    .name = "fps",
    .summary = "Brings the video to a constant frame rate by repeating or dropping frames.",
    .media = FTL_MEDIA_VIDEO,
    .table = &table,
    .plan = plan,
    .build = build,
};
