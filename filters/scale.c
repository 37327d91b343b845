#include <fettle/filter.h>

#include "filters/fragments.h"

/* Changes the size of the picture. */

enum fit { FIT_CONTAIN, FIT_COVER, FIT_STRETCH };

static const struct ftl_choice fits[] = {
    {"contain", FIT_CONTAIN, "as large as fits into width x height, without bars"},
    {"cover", FIT_COVER, "fill width x height, cut what stands over on both sides"},
    {"stretch", FIT_STRETCH, "exactly width x height, distorted if need be"},
    {NULL, 0, NULL},
};

struct scale_opts {
    int width, height;
    int fit;
};

static const struct scale_opts defaults = {.fit = FIT_CONTAIN};

static const struct ftl_opt rows[] = {
    FTL_OPT_INT(struct scale_opts, width, 0, 16384, "px", "width; 0 = follows from the height"),
    FTL_OPT_INT(struct scale_opts, height, 0, 16384, "px", "height; 0 = follows from the width"),
    FTL_OPT_CHOICE(struct scale_opts, fit, fits, "what happens where both are given"),
    FTL_OPT_END,
};

static void check(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct scale_opts *opts = value;
    if (opts->width == 0 && opts->height == 0) {
        ftl_opt_report(errors, where, NULL, "scale needs width or height");
    }
}

extern const struct ftl_filter ftl_filter_scale;

static const struct ftl_opt_table table = {
    .name = "scale",
    .summary = "Changes the size of the picture.",
    .rows = rows,
    .size = sizeof(struct scale_opts),
    .defaults = &defaults,
    .set_offset = SIZE_MAX,
    .owner = &ftl_filter_scale,
    .check = check,
};

/* The size the picture is scaled to, before cover cuts it. */
static struct ftl_size scaled_size(const struct scale_opts *opts, struct ftl_size source)
{
    double width = opts->width;
    double height = opts->height;
    if (opts->width == 0) {
        width = height * source.width / source.height;
    }
    if (opts->height == 0) {
        height = width * source.height / source.width;
    }
    struct ftl_size box = {ftl_even_near(width), ftl_even_near(height)};
    if (opts->width == 0 || opts->height == 0 || opts->fit == FIT_STRETCH) {
        return box;
    }
    return opts->fit == FIT_COVER ? ftl_fit_cover(source, box) : ftl_fit_contain(source, box);
}

static struct ftl_size final_size(const struct scale_opts *opts, struct ftl_size scaled)
{
    bool is_cut = opts->width > 0 && opts->height > 0 && opts->fit == FIT_COVER;
    return is_cut ? (struct ftl_size){ftl_even_near(opts->width), ftl_even_near(opts->height)}
                  : scaled;
}

static enum ftl_code plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err)
{
    if (!shape->has_video) {
        return FTL_OK;
    }
    struct ftl_size scaled =
        scaled_size(inst->opts, (struct ftl_size){shape->width, shape->height});
    struct ftl_size size = final_size(inst->opts, scaled);
    if (scaled.width > 16384 || scaled.height > 16384) {
        (void)ftl_fail(err, FTL_SPEC, "scaling %dx%d like this makes %dx%d, more than 16384",
                       shape->width, shape->height, scaled.width, scaled.height);
        return ftl_err_at(err, inst->where);
    }
    shape->width = size.width;
    shape->height = size.height;
    return FTL_OK;
}

static enum ftl_code build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err)
{
    struct ftl_size source = {chain->shape.width, chain->shape.height};
    struct ftl_size scaled = scaled_size(inst->opts, source);
    struct ftl_size size = {after->width, after->height};
    if (scaled.width != source.width || scaled.height != source.height) {
        enum ftl_code code = ftl_gb_scale(gb, scaled, "bicubic", &chain->video, err);
        if (code != FTL_OK) {
            return code;
        }
    }
    if (scaled.width == size.width && scaled.height == size.height) {
        return FTL_OK;
    }
    struct ftl_rect rect = ftl_place(size, scaled, FTL_ANCHOR_CENTER, 0.0);
    return ftl_gb_crop(gb, rect, &chain->video, err);
}

const struct ftl_filter ftl_filter_scale = {
    .name = "scale",
    .summary = "Changes the size of the picture.",
    .media = FTL_MEDIA_VIDEO,
    .table = &table,
    .plan = plan,
    .build = build,
};
