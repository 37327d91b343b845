#include "filters/fragments.h"

#include <math.h>
#include <stdio.h>

const struct ftl_choice ftl_anchor_choices[] = {
    {"top-left", FTL_ANCHOR_TOP_LEFT, NULL},
    {"top", FTL_ANCHOR_TOP, NULL},
    {"top-right", FTL_ANCHOR_TOP_RIGHT, NULL},
    {"left", FTL_ANCHOR_LEFT, NULL},
    {"center", FTL_ANCHOR_CENTER, NULL},
    {"right", FTL_ANCHOR_RIGHT, NULL},
    {"bottom-left", FTL_ANCHOR_BOTTOM_LEFT, NULL},
    {"bottom", FTL_ANCHOR_BOTTOM, NULL},
    {"bottom-right", FTL_ANCHOR_BOTTOM_RIGHT, NULL},
    {NULL, 0, NULL},
};

/* Products of sizes and ratios land a hair beside the integer they mean. */
static const double snap = 1e-6;

static int at_least_two(double px)
{
    return px < 2.0 ? 2 : (int)px;
}

int ftl_even_near(double px)
{
    return at_least_two(2.0 * floor(px / 2.0 + 0.5 + snap));
}

int ftl_even_floor(double px)
{
    return at_least_two(2.0 * floor(px / 2.0 + snap));
}

int ftl_even_ceil(double px)
{
    return at_least_two(2.0 * ceil(px / 2.0 - snap));
}

static double contain_factor(struct ftl_size source, struct ftl_size box)
{
    return fmin((double)box.width / source.width, (double)box.height / source.height);
}

static double cover_factor(struct ftl_size source, struct ftl_size box)
{
    return fmax((double)box.width / source.width, (double)box.height / source.height);
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

struct ftl_size ftl_fit_contain(struct ftl_size source, struct ftl_size box)
{
    double factor = contain_factor(source, box);
    return (struct ftl_size){
        .width = min_int(ftl_even_near(source.width * factor), ftl_even_floor(box.width)),
        .height = min_int(ftl_even_near(source.height * factor), ftl_even_floor(box.height)),
    };
}

struct ftl_size ftl_fit_cover(struct ftl_size source, struct ftl_size box)
{
    double factor = cover_factor(source, box);
    return (struct ftl_size){
        .width = max_int(ftl_even_near(source.width * factor), ftl_even_ceil(box.width)),
        .height = max_int(ftl_even_near(source.height * factor), ftl_even_ceil(box.height)),
    };
}

/* An odd source side may be kept whole: cropping it would cost a column nobody asked to lose. */
static int region_side(double wanted, int source)
{
    return min_int(ftl_even_ceil(wanted), source);
}

struct ftl_rect ftl_cover_region(struct ftl_size source, struct ftl_size box,
                                 enum ftl_anchor anchor)
{
    double factor = cover_factor(source, box);
    struct ftl_size region = {
        .width = region_side(box.width / factor, source.width),
        .height = region_side(box.height / factor, source.height),
    };
    return ftl_place(region, source, anchor, 0.0);
}

/* Offset along one side; `step` 0 = start, 1 = middle, 2 = end. */
static int place_side(int inner, int outer, int step, double margin_px)
{
    double room = outer - inner;
    double offset = room * step / 2.0 + margin_px * (1 - step);
    offset = fmin(fmax(offset, 0.0), fmax(room, 0.0));
    return 2 * (int)floor(offset / 2.0 + snap);
}

struct ftl_rect ftl_place(struct ftl_size inner, struct ftl_size outer, enum ftl_anchor anchor,
                          double margin_px)
{
    return (struct ftl_rect){
        .x = place_side(inner.width, outer.width, (int)anchor % 3, margin_px),
        .y = place_side(inner.height, outer.height, (int)anchor / 3, margin_px),
        .width = inner.width,
        .height = inner.height,
    };
}

double ftl_length_px(struct ftl_length length, struct ftl_size canvas)
{
    int short_side = min_int(canvas.width, canvas.height);
    return length.is_percent ? length.value * short_side / 100.0 : length.value;
}

enum ftl_code ftl_time_seconds(struct ftl_time time, double duration_s, double *ret,
                               struct ftl_err *err)
{
    if (!time.is_percent) {
        *ret = time.value;
        return FTL_OK;
    }
    if (duration_s <= 0.0) {
        return ftl_fail(err, FTL_SPEC,
                        "%g%% of the duration: this clip does not say how long it is, give seconds",
                        time.value);
    }
    *ret = duration_s * time.value / 100.0;
    return FTL_OK;
}

struct ftl_yuv ftl_colour_bt709(struct ftl_colour colour)
{
    const double kr = 0.2126;
    const double kb = 0.0722;
    double r = colour.r / 255.0;
    double g = colour.g / 255.0;
    double b = colour.b / 255.0;
    double luma = kr * r + (1.0 - kr - kb) * g + kb * b;
    return (struct ftl_yuv){
        .y = 16.0 + 219.0 * luma,
        .u = 128.0 + 224.0 * (b - luma) / (2.0 * (1.0 - kb)),
        .v = 128.0 + 224.0 * (r - luma) / (2.0 * (1.0 - kr)),
    };
}

double ftl_db_to_gain(double db)
{
    return pow(10.0, db / 20.0);
}

enum ftl_code ftl_gb_apply(struct ftl_gb *gb, const char *libav_filter, const struct ftl_arg *args,
                           size_t args_count, struct ftl_port *port, struct ftl_err *err)
{
    struct ftl_port out = {0};
    const struct ftl_node node = {
        .libav_filter = libav_filter,
        .args = args,
        .args_count = args_count,
        .inputs = port,
        .inputs_count = 1,
        .outputs = &out,
        .outputs_count = 1,
    };
    enum ftl_code code = gb->ops->add(gb, &node, err);
    *port = code == FTL_OK ? out : (struct ftl_port){0};
    return code;
}

enum ftl_code ftl_gb_scale(struct ftl_gb *gb, struct ftl_size size, const char *kernel,
                           struct ftl_port *port, struct ftl_err *err)
{
    /* accurate_rnd and bitexact: the same bytes whatever vector unit the machine has. */
    char flags[64];
    (void)snprintf(flags, sizeof(flags), "%s+accurate_rnd+bitexact", kernel);
    const struct ftl_arg args[] = {
        FTL_ARG_INT("w", size.width),
        FTL_ARG_INT("h", size.height),
        FTL_ARG_TEXT("flags", flags),
    };
    enum ftl_code code = FTL_GB_APPLY(gb, "scale", args, port, err);
    if (code != FTL_OK) {
        return code;
    }
    /* Even rounding leaves a pixel aspect such as 1216:1215 behind. */
    const struct ftl_arg square[] = {FTL_ARG_TEXT("sar", "1")};
    return FTL_GB_APPLY(gb, "setsar", square, port, err);
}

enum ftl_code ftl_gb_crop(struct ftl_gb *gb, struct ftl_rect rect, struct ftl_port *port,
                          struct ftl_err *err)
{
    const struct ftl_arg args[] = {
        FTL_ARG_INT("w", rect.width),
        FTL_ARG_INT("h", rect.height),
        FTL_ARG_INT("x", rect.x),
        FTL_ARG_INT("y", rect.y),
    };
    return FTL_GB_APPLY(gb, "crop", args, port, err);
}

enum ftl_code ftl_gb_split(struct ftl_gb *gb, struct ftl_port *port, struct ftl_port *ret_second,
                           struct ftl_err *err)
{
    struct ftl_port out[2] = {0};
    const struct ftl_arg args[] = {FTL_ARG_INT("outputs", 2)};
    const struct ftl_node node = {
        .libav_filter = port->media == FTL_MEDIA_AUDIO ? "asplit" : "split",
        .args = args,
        .args_count = 1,
        .inputs = port,
        .inputs_count = 1,
        .outputs = out,
        .outputs_count = 2,
    };
    enum ftl_code code = gb->ops->add(gb, &node, err);
    if (code != FTL_OK) {
        return code;
    }
    *port = out[0];
    *ret_second = out[1];
    return FTL_OK;
}

enum ftl_code ftl_gb_overlay(struct ftl_gb *gb, struct ftl_rect place, const char *enable,
                             struct ftl_port over, struct ftl_port *port, struct ftl_err *err)
{
    const struct ftl_port inputs[] = {*port, over};
    struct ftl_port out = {0};
    const struct ftl_arg args[] = {
        FTL_ARG_INT("x", place.x),
        FTL_ARG_INT("y", place.y),
        FTL_ARG_TEXT("eval", "init"),
        FTL_ARG_TEXT("format", "yuv420"),
        FTL_ARG_TEXT("eof_action", "repeat"),
        FTL_ARG_TEXT("enable", enable),
    };
    const struct ftl_node node = {
        .libav_filter = "overlay",
        .args = args,
        .args_count = sizeof(args) / sizeof(args[0]) - (enable == NULL ? 1 : 0),
        .inputs = inputs,
        .inputs_count = 2,
        .outputs = &out,
        .outputs_count = 1,
    };
    enum ftl_code code = gb->ops->add(gb, &node, err);
    *port = code == FTL_OK ? out : (struct ftl_port){0};
    return code;
}

enum ftl_code ftl_gb_fill(struct ftl_gb *gb, struct ftl_yuv colour, struct ftl_port *port,
                          struct ftl_err *err)
{
    /* maxval is 235 or 240 at 8 bit and grows with the depth; the filter cuts fractions off. */
    char y[48];
    char u[48];
    char v[48];
    (void)snprintf(y, sizeof(y), "maxval*%.6f+0.5", colour.y / 235.0);
    (void)snprintf(u, sizeof(u), "maxval*%.6f+0.5", colour.u / 240.0);
    (void)snprintf(v, sizeof(v), "maxval*%.6f+0.5", colour.v / 240.0);
    const struct ftl_arg args[] = {
        FTL_ARG_TEXT("y", y),
        FTL_ARG_TEXT("u", u),
        FTL_ARG_TEXT("v", v),
    };
    return FTL_GB_APPLY(gb, "lutyuv", args, port, err);
}
