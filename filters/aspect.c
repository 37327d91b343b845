#include <math.h>
#include <stdio.h>
#include <string.h>

#include <fettle/filter.h>

#include "filters/fragments.h"

/* Gives the picture another shape without squeezing it. */

enum fit { FIT_CROP, FIT_PAD, FIT_BLUR, FIT_STRETCH };

static const struct ftl_choice fits[] = {
    {"crop", FIT_CROP, "fill the canvas, cut what stands over"},
    {"pad", FIT_PAD, "show all of the picture, bars of one colour"},
    {"blur", FIT_BLUR, "show all of the picture before a blurred, enlarged copy of itself"},
    {"stretch", FIT_STRETCH, "distort the picture to the canvas"},
    {NULL, 0, NULL},
};

struct aspect_opts {
    struct ftl_rational ratio;
    int fit;
    int gravity;
    struct ftl_colour color;
    struct ftl_length blur;
    double darken;
};

static const struct aspect_opts defaults = {
    .fit = FIT_BLUR,
    .gravity = FTL_ANCHOR_CENTER,
    .color = {0, 0, 0, 255},
    .blur = {.value = 1.85, .is_percent = true}, /* sigma 20 at 1080 */
};

static const struct ftl_opt rows[] = {
    FTL_OPT_RATIO(struct aspect_opts, ratio, FTL_OPT_REQUIRED, "shape of the canvas, \"9:16\""),
    FTL_OPT_CHOICE(struct aspect_opts, fit, fits, "how the picture gets into that shape"),
    FTL_OPT_CHOICE(struct aspect_opts, gravity, ftl_anchor_choices,
                   "which part of the picture crop keeps; where pad and blur put it"),
    FTL_OPT_COLOUR(struct aspect_opts, color, "colour of pad's bars"),
    FTL_OPT_LENGTH(struct aspect_opts, blur, 500,
                   "blur: standard deviation of the Gaussian on the canvas"),
    FTL_OPT_DOUBLE(struct aspect_opts, darken, 0.0, 1.0, "fraction",
                   "blur: how much darker the background is, 1 = black"),
    FTL_OPT_END,
};

static void check(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct aspect_opts *opts = value;
    double ratio = ftl_rational_to_double(opts->ratio);
    if (ratio != 0.0 && (ratio < 0.05 || ratio > 20.0)) {
        ftl_opt_report(errors, where, "ratio", "%d:%d is outside 1:20..20:1", opts->ratio.num,
                       opts->ratio.den);
    }
    if (opts->color.a != 255) {
        ftl_opt_report(errors, where, "color", "bars can't be transparent");
    }
}

extern const struct ftl_filter ftl_filter_aspect;

static const struct ftl_opt_table table = {
    .name = "aspect",
    .summary = "Brings the picture to another aspect ratio by cropping, bars, a blurred background "
               "or stretching.",
    .rows = rows,
    .size = sizeof(struct aspect_opts),
    .defaults = &defaults,
    .set_offset = SIZE_MAX,
    .owner = &ftl_filter_aspect,
    .check = check,
};

static struct ftl_size source_size(const struct ftl_shape *shape)
{
    return (struct ftl_size){shape->width, shape->height};
}

/* The smallest even canvas of that ratio that holds the source; for crop the largest inside it:
 * enlarging what is left would add pixels and no picture. */
static struct ftl_size free_canvas(const struct aspect_opts *opts, struct ftl_size source)
{
    double ratio = ftl_rational_to_double(opts->ratio);
    bool is_wider = source.width >= source.height * ratio; /* the source, than the canvas */
    if (opts->fit == FIT_CROP) {
        return is_wider ? (struct ftl_size){ftl_even_near(ftl_even_floor(source.height) * ratio),
                                            ftl_even_floor(source.height)}
                        : (struct ftl_size){ftl_even_floor(source.width),
                                            ftl_even_near(ftl_even_floor(source.width) / ratio)};
    }
    return is_wider
               ? (struct ftl_size){ftl_even_ceil(source.width), ftl_even_ceil(source.width / ratio)}
               : (struct ftl_size){ftl_even_ceil(source.height * ratio),
                                   ftl_even_ceil(source.height)};
}

static enum ftl_code choose_canvas(const struct aspect_opts *opts, const struct ftl_shape *shape,
                                   struct ftl_size *ret, struct ftl_err *err)
{
    double ratio = ftl_rational_to_double(opts->ratio);
    int width = shape->want_width;
    int height = shape->want_height;
    if (width <= 0 && height <= 0) {
        *ret = free_canvas(opts, source_size(shape));
        return FTL_OK;
    }
    struct ftl_size canvas = {
        .width = width > 0 ? ftl_even_near(width) : ftl_even_near(height * ratio),
        .height = height > 0 ? ftl_even_near(height) : ftl_even_near(width / ratio),
    };
    /* Even rounding may move either side by one pixel, callers may have rounded before us. */
    bool is_off = fabs(canvas.width - canvas.height * ratio) > 2.0 + 2.0 * ratio;
    if (is_off) {
        return ftl_fail(err, FTL_SPEC, "ratio %d:%d contradicts the output's size of %dx%d",
                        opts->ratio.num, opts->ratio.den, width, height);
    }
    *ret = canvas;
    return FTL_OK;
}

static enum ftl_code plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err)
{
    if (!shape->has_video) {
        return FTL_OK;
    }
    struct ftl_size canvas = {0};
    if (choose_canvas(inst->opts, shape, &canvas, err) != FTL_OK) {
        return ftl_err_at(err, inst->where);
    }
    shape->width = canvas.width;
    shape->height = canvas.height;
    return FTL_OK;
}

static bool is_same_size(struct ftl_size a, struct ftl_size b)
{
    return a.width == b.width && a.height == b.height;
}

static enum ftl_code scale_to(struct ftl_gb *gb, struct ftl_size from, struct ftl_size to,
                              struct ftl_port *port, struct ftl_err *err)
{
    return is_same_size(from, to) ? FTL_OK : ftl_gb_scale(gb, to, "bicubic", port, err);
}

/* Cuts before scaling, so that nothing is scaled to be thrown away, and once more by the pixels
 * that even rounding left over, so that both directions are scaled alike. */
static enum ftl_code build_crop(struct ftl_gb *gb, struct ftl_size source, struct ftl_size canvas,
                                enum ftl_anchor anchor, struct ftl_port *port, struct ftl_err *err)
{
    struct ftl_rect region = ftl_cover_region(source, canvas, anchor);
    struct ftl_size cut = {region.width, region.height};
    if (!is_same_size(cut, source)) {
        enum ftl_code code = ftl_gb_crop(gb, region, port, err);
        if (code != FTL_OK) {
            return code;
        }
    }
    struct ftl_size scaled = is_same_size(cut, canvas) ? canvas : ftl_fit_cover(cut, canvas);
    enum ftl_code code = scale_to(gb, cut, scaled, port, err);
    if (code != FTL_OK || is_same_size(scaled, canvas)) {
        return code;
    }
    return ftl_gb_crop(gb, ftl_place(canvas, scaled, anchor, 0.0), port, err);
}

/* A background of one colour: a few pixels of the source, recoloured by constants and enlarged. It
 * keeps the source's time stamps, and the colour doesn't depend on which matrix this libavfilter's
 * pad uses (BT.601 up to 6.x). */
static enum ftl_code build_colour(struct ftl_gb *gb, const struct aspect_opts *opts,
                                  struct ftl_size canvas, struct ftl_port *port,
                                  struct ftl_err *err)
{
    enum ftl_code code = ftl_gb_scale(gb, (struct ftl_size){16, 16}, "neighbor", port, err);
    if (code == FTL_OK) {
        code = ftl_gb_fill(gb, ftl_colour_bt709(opts->color), port, err);
    }
    return code == FTL_OK ? ftl_gb_scale(gb, canvas, "neighbor", port, err) : code;
}

static enum ftl_code apply_blur(struct ftl_gb *gb, double sigma, struct ftl_port *port,
                                struct ftl_err *err)
{
    const struct ftl_arg args[] = {FTL_ARG_DOUBLE("sigma", sigma)};
    return sigma < 0.1 ? FTL_OK : FTL_GB_APPLY(gb, "gblur", args, port, err);
}

static enum ftl_code apply_darken(struct ftl_gb *gb, double darken, struct ftl_port *port,
                                  struct ftl_err *err)
{
    if (darken <= 0.0) {
        return FTL_OK;
    }
    /* minval is black; chroma's centre is at 128/240 of its maximum at any depth. */
    char luma[64];
    char chroma[96];
    (void)snprintf(luma, sizeof(luma), "minval+(val-minval)*%.6f+0.5", 1.0 - darken);
    (void)snprintf(chroma, sizeof(chroma), "maxval*128/240+(val-maxval*128/240)*%.6f+0.5",
                   1.0 - darken);
    const struct ftl_arg args[] = {
        FTL_ARG_TEXT("y", luma),
        FTL_ARG_TEXT("u", chroma),
        FTL_ARG_TEXT("v", chroma),
    };
    return FTL_GB_APPLY(gb, "lutyuv", args, port, err);
}

/* The background of `blur`: down, blur small, up. At a standard deviation of 2.5 small pixels it is
 * told from the full-size Gaussian by nobody (SSIM 0.998, filters/README.md), at a thirtieth of its
 * cost. */
static enum ftl_code build_blurred(struct ftl_gb *gb, const struct aspect_opts *opts,
                                   struct ftl_size source, struct ftl_size canvas,
                                   struct ftl_port *port, struct ftl_err *err)
{
    const double small_sigma = 2.5;
    const double most = 32.0;
    double sigma = ftl_length_px(opts->blur, canvas);
    double factor = fmin(fmax(sigma / small_sigma, 1.0), most);
    struct ftl_size reduced = {ftl_even_near(canvas.width / factor),
                               ftl_even_near(canvas.height / factor)};
    struct ftl_rect region = ftl_cover_region(source, canvas, FTL_ANCHOR_CENTER);
    bool shrinks = reduced.width <= region.width && reduced.height <= region.height;

    enum ftl_code code = ftl_gb_crop(gb, region, port, err);
    if (code == FTL_OK) {
        /* area averages every pixel, which bicubic does not when it enlarges */
        code = ftl_gb_scale(gb, reduced, shrinks ? "area" : "bilinear", port, err);
    }
    if (code == FTL_OK) {
        code = apply_blur(gb, sigma / factor, port, err);
    }
    if (code == FTL_OK) {
        code = apply_darken(gb, opts->darken, port, err);
    }
    if (code == FTL_OK && !is_same_size(reduced, canvas)) {
        code = ftl_gb_scale(gb, canvas, "bilinear", port, err);
    }
    return code;
}

static enum ftl_code build_on_background(struct ftl_gb *gb, const struct aspect_opts *opts,
                                         struct ftl_size source, struct ftl_size canvas,
                                         struct ftl_port *port, struct ftl_err *err)
{
    struct ftl_port picture = {0};
    enum ftl_code code = ftl_gb_split(gb, port, &picture, err);
    if (code != FTL_OK) {
        return code;
    }
    code = opts->fit == FIT_BLUR ? build_blurred(gb, opts, source, canvas, port, err)
                                 : build_colour(gb, opts, canvas, port, err);
    if (code != FTL_OK) {
        return code;
    }
    struct ftl_size scaled = ftl_fit_contain(source, canvas);
    code = scale_to(gb, source, scaled, &picture, err);
    if (code != FTL_OK) {
        return code;
    }
    struct ftl_rect place = ftl_place(scaled, canvas, (enum ftl_anchor)opts->gravity, 0.0);
    return ftl_gb_overlay(gb, place, NULL, picture, port, err);
}

static enum ftl_code build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err)
{
    const struct aspect_opts *opts = inst->opts;
    struct ftl_size source = source_size(&chain->shape);
    struct ftl_size canvas = {after->width, after->height};
    if (opts->fit == FIT_STRETCH) {
        return scale_to(gb, source, canvas, &chain->video, err);
    }
    struct ftl_size scaled = ftl_fit_contain(source, canvas);
    /* A bar one or two pixels wide is a rounding remainder, not a wish. */
    bool has_bars = canvas.width - scaled.width > 2 || canvas.height - scaled.height > 2;
    if (opts->fit == FIT_CROP || !has_bars) {
        return build_crop(gb, source, canvas, (enum ftl_anchor)opts->gravity, &chain->video, err);
    }
    return build_on_background(gb, opts, source, canvas, &chain->video, err);
}

const struct ftl_filter ftl_filter_aspect = {
    .name = "aspect",
    .summary = "Brings the picture to another aspect ratio by cropping, bars, a blurred background "
               "or stretching.",
    .media = FTL_MEDIA_VIDEO,
    .table = &table,
    .plan = plan,
    .build = build,
};
