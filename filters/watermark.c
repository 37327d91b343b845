#include <math.h>
#include <stdio.h>

#include <fettle/filter.h>

#include "filters/fragments.h"

/* Lays an image, usually a logo with alpha, over the picture. */

enum { TO_THE_END = -1 };

#define LOGO_CHROMA "full_chroma_int+full_chroma_inp"
#define LOGO_FLAGS  LOGO_CHROMA "+accurate_rnd+bitexact"

static const struct ftl_choice ends[] = {
    {"end", TO_THE_END, "to the end of the clip"},
    {NULL, 0, NULL},
};

struct watermark_opts {
    struct ftl_input_ref image;
    int anchor;
    struct ftl_length size;
    struct ftl_length margin;
    double opacity;
    struct ftl_time from;
    struct ftl_time until;
};

static const struct watermark_opts defaults = {
    .image = {.index = -1},
    .anchor = FTL_ANCHOR_BOTTOM_RIGHT,
    .size = {.value = 15.0, .is_percent = true},
    .margin = {.value = 4.0, .is_percent = true},
    .opacity = 1.0,
    .until = {.value = TO_THE_END},
};

static const struct ftl_opt rows[] = {
    FTL_OPT_INPUT(struct watermark_opts, image, FTL_OPT_REQUIRED, "the image, alpha is kept"),
    FTL_OPT_CHOICE(struct watermark_opts, anchor, ftl_anchor_choices, "where it stands"),
    FTL_OPT_LENGTH(struct watermark_opts, size, 16384,
                   "its longer side, never more than the canvas has room for"),
    FTL_OPT_LENGTH(struct watermark_opts, margin, 16384, "distance from the edges it touches"),
    FTL_OPT_DOUBLE(struct watermark_opts, opacity, 0.0, 1.0, "fraction", "1 = as the image is"),
    FTL_OPT_TIME(struct watermark_opts, from, "when it appears"),
    FTL_OPT_ROW(struct watermark_opts, until, struct ftl_time, TIME, .choices = ends,
                .help = "when it is gone"),
    FTL_OPT_END,
};

static void check(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct watermark_opts *opts = value;
    if (opts->size.value <= 0.0) {
        ftl_opt_report(errors, where, "size", "size must be more than 0");
    }
    if (opts->until.value >= 0.0 && opts->until.is_percent == opts->from.is_percent &&
        opts->until.value <= opts->from.value)
    {
        ftl_opt_report(errors, where, "until", "until must be after from");
    }
}

extern const struct ftl_filter ftl_filter_watermark;

static const struct ftl_opt_table table = {
    .name = "watermark",
    .summary = "Lays an image over the picture.",
    .rows = rows,
    .size = sizeof(struct watermark_opts),
    .defaults = &defaults,
    .set_offset = SIZE_MAX,
    .owner = &ftl_filter_watermark,
    .check = check,
};

/* The expression in t for when it shows; "" = always. */
static enum ftl_code print_enable(const struct watermark_opts *opts, double duration_s, char *to,
                                  size_t size, struct ftl_err *err)
{
    double from_s = 0.0;
    double until_s = HUGE_VAL;
    enum ftl_code code = ftl_time_seconds(opts->from, duration_s, &from_s, err);
    if (code == FTL_OK && opts->until.value >= 0.0) {
        code = ftl_time_seconds(opts->until, duration_s, &until_s, err);
    }
    if (code != FTL_OK) {
        return code;
    }
    if (until_s <= from_s) {
        return ftl_fail(err, FTL_SPEC, "until %.3f s is not after from %.3f s", until_s, from_s);
    }
    to[0] = '\0';
    if (!isinf(until_s)) {
        (void)snprintf(to, size, "gte(t,%.6f)*lt(t,%.6f)", from_s, until_s);
    } else if (from_s > 0.0) {
        (void)snprintf(to, size, "gte(t,%.6f)", from_s);
    }
    return FTL_OK;
}

static enum ftl_code plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err)
{
    char enable[96];
    if (shape->has_video &&
        print_enable(inst->opts, shape->duration_s, enable, sizeof(enable), err) != FTL_OK)
    {
        return ftl_err_at(err, inst->where);
    }
    return FTL_OK;
}

static struct ftl_size logo_size(const struct watermark_opts *opts, struct ftl_size image,
                                 struct ftl_size canvas)
{
    double side = ftl_length_px(opts->size, canvas);
    double factor = side / fmax(image.width, image.height);
    factor = fmin(factor,
                  fmin((double)canvas.width / image.width, (double)canvas.height / image.height));
    return (struct ftl_size){
        .width = ftl_even_near(fmin(image.width * factor, ftl_even_floor(canvas.width))),
        .height = ftl_even_near(fmin(image.height * factor, ftl_even_floor(canvas.height))),
    };
}

/* One resolution of the logo: scaled while premultiplied, so that what transparent pixels hide does
 * not bleed in, then straight BT.709 without chroma subsampling. */
static enum ftl_code scale_logo(struct ftl_gb *gb, struct ftl_size from, struct ftl_size to,
                                struct ftl_port *port, struct ftl_err *err)
{
    const struct ftl_arg in_place[] = {FTL_ARG_INT("inplace", 1)};
    const struct ftl_arg convert[] = {
        FTL_ARG_TEXT("out_color_matrix", "bt709"),
        FTL_ARG_TEXT("out_range", "tv"),
        FTL_ARG_TEXT("flags", LOGO_FLAGS),
    };
    const struct ftl_arg format[] = {FTL_ARG_TEXT("pix_fmts", "yuva444p")};
    /* Averaging has no lobes: bicubic rings around the hard edges that logos are made of. */
    bool is_smaller = to.width <= from.width && to.height <= from.height;
    enum ftl_code code =
        ftl_gb_scale(gb, to, is_smaller ? "area+" LOGO_CHROMA : "bicubic+" LOGO_CHROMA, port, err);
    if (code == FTL_OK) {
        code = FTL_GB_APPLY(gb, "unpremultiply", in_place, port, err);
    }
    if (code == FTL_OK) {
        code = FTL_GB_APPLY(gb, "scale", convert, port, err);
    }
    return code == FTL_OK ? FTL_GB_APPLY(gb, "format", format, port, err) : code;
}

/* Takes luma and alpha from `port`, chroma from `chroma` of half its size. */
static enum ftl_code merge_logo(struct ftl_gb *gb, struct ftl_port chroma, struct ftl_port *port,
                                struct ftl_err *err)
{
    const struct ftl_port inputs[] = {*port, chroma};
    struct ftl_port out = {0};
    const struct ftl_arg args[] = {
        FTL_ARG_TEXT("format", "yuva420p"),
        FTL_ARG_INT("map0s", 0),
        FTL_ARG_INT("map0p", 0),
        FTL_ARG_INT("map1s", 1),
        FTL_ARG_INT("map1p", 1),
        FTL_ARG_INT("map2s", 1),
        FTL_ARG_INT("map2p", 2),
        FTL_ARG_INT("map3s", 0),
        FTL_ARG_INT("map3p", 3),
    };
    const struct ftl_node node = {
        .libav_filter = "mergeplanes",
        .args = args,
        .args_count = sizeof(args) / sizeof(args[0]),
        .inputs = inputs,
        .inputs_count = 2,
        .outputs = &out,
        .outputs_count = 1,
    };
    enum ftl_code code = gb->ops->add(gb, &node, err);
    *port = out;
    return code;
}

static enum ftl_code fade_logo(struct ftl_gb *gb, double opacity, struct ftl_port *port,
                               struct ftl_err *err)
{
    char alpha[48];
    (void)snprintf(alpha, sizeof(alpha), "val*%.6f+0.5", opacity);
    const struct ftl_arg args[] = {FTL_ARG_TEXT("a", alpha)};
    return opacity >= 1.0 ? FTL_OK : FTL_GB_APPLY(gb, "lutyuv", args, port, err);
}

/* The overlay works in 4:2:0. Subsampling straight colours would mix in those of transparent
 * pixels at the logo's edge, so chroma is scaled on its own, premultiplied, at 16 bit. A still runs
 * through this once per job. */
static enum ftl_code prepare_logo(struct ftl_gb *gb, struct ftl_size image, struct ftl_size size,
                                  struct ftl_port *port, struct ftl_err *err)
{
    /* A node of its own: the conversion libavfilter would insert takes a matrix from the graph's
     * defaults, and RGB to RGB between two matrices shifts colours. */
    const struct ftl_arg convert[] = {FTL_ARG_TEXT("flags", LOGO_FLAGS)};
    const struct ftl_arg format[] = {FTL_ARG_TEXT("pix_fmts", "gbrap16")};
    const struct ftl_arg in_place[] = {FTL_ARG_INT("inplace", 1)};
    struct ftl_port chroma = {0};
    enum ftl_code code = FTL_GB_APPLY(gb, "scale", convert, port, err);
    if (code == FTL_OK) {
        code = FTL_GB_APPLY(gb, "format", format, port, err);
    }
    if (code == FTL_OK) {
        code = FTL_GB_APPLY(gb, "premultiply", in_place, port, err);
    }
    if (code == FTL_OK) {
        code = ftl_gb_split(gb, port, &chroma, err);
    }
    if (code == FTL_OK) {
        code = scale_logo(gb, image, size, port, err);
    }
    if (code == FTL_OK) {
        struct ftl_size half = {size.width / 2, size.height / 2};
        code = scale_logo(gb, image, half, &chroma, err);
    }
    if (code == FTL_OK) {
        code = merge_logo(gb, chroma, port, err);
    }
    return code;
}

static enum ftl_code build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err)
{
    (void)after;
    const struct watermark_opts *opts = inst->opts;
    struct ftl_port logo = {0};
    struct ftl_shape image = {0};
    enum ftl_code code = gb->ops->input(gb, opts->image.index, FTL_MEDIA_VIDEO, &logo, &image, err);
    if (code != FTL_OK) {
        return code;
    }
    char enable[96];
    code = print_enable(opts, chain->shape.duration_s, enable, sizeof(enable), err);
    if (code != FTL_OK) {
        return code;
    }
    struct ftl_size canvas = {chain->shape.width, chain->shape.height};
    struct ftl_size image_size = {image.width, image.height};
    struct ftl_size size = logo_size(opts, image_size, canvas);
    code = prepare_logo(gb, image_size, size, &logo, err);
    if (code == FTL_OK) {
        code = fade_logo(gb, opts->opacity, &logo, err);
    }
    if (code != FTL_OK) {
        return code;
    }
    struct ftl_rect place =
        ftl_place(size, canvas, (enum ftl_anchor)opts->anchor, ftl_length_px(opts->margin, canvas));
    return ftl_gb_overlay(gb, place, enable[0] != '\0' ? enable : NULL, logo, &chain->video, err);
}

const struct ftl_filter ftl_filter_watermark = {
    .name = "watermark",
    .summary = "Lays an image over the picture.",
    .media = FTL_MEDIA_VIDEO,
    .table = &table,
    .plan = plan,
    .build = build,
};
