#include <math.h>
#include <stdio.h>

#include <fettle/filter.h>

#include "filters/fragments.h"

/* Keeps one stretch of the clip, and lets it begin at 0. */

enum { TO_THE_END = -1 };

static const struct ftl_choice ends[] = {
    {"end", TO_THE_END, "to the end of the clip"},
    {NULL, 0, NULL},
};

struct trim_opts {
    struct ftl_time start;
    struct ftl_time end;
    double duration;
};

static const struct trim_opts defaults = {.end = {.value = TO_THE_END}};

static const struct ftl_opt rows[] = {
    FTL_OPT_TIME(struct trim_opts, start, "where what is kept begins"),
    FTL_OPT_ROW(struct trim_opts, end, struct ftl_time, TIME, .choices = ends,
                .help = "where it ends"),
    FTL_OPT_DURATION(struct trim_opts, duration, 0.0, 86400.0,
                     "how long it is, instead of end; 0 = as end says"),
    FTL_OPT_END,
};

static void check(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct trim_opts *opts = value;
    bool has_end = opts->end.value >= 0.0;
    if (has_end && opts->duration > 0.0) {
        ftl_opt_report(errors, where, "duration", "give end or duration, not both");
    }
    if (has_end && opts->end.is_percent == opts->start.is_percent &&
        opts->end.value <= opts->start.value)
    {
        ftl_opt_report(errors, where, "end", "end must be after start");
    }
}

extern const struct ftl_filter ftl_filter_trim;

static const struct ftl_opt_table table = {
    .name = "trim",
    .summary = "Keeps one stretch of the clip.",
    .rows = rows,
    .size = sizeof(struct trim_opts),
    .defaults = &defaults,
    .set_offset = SIZE_MAX,
    .owner = &ftl_filter_trim,
    .check = check,
};

struct span {
    double start_s;
    double end_s; /* infinite = to the end */
};

static enum ftl_code resolve(const struct trim_opts *opts, double duration_s, struct span *ret,
                             struct ftl_err *err)
{
    struct span span = {.end_s = HUGE_VAL};
    enum ftl_code code = ftl_time_seconds(opts->start, duration_s, &span.start_s, err);
    if (code == FTL_OK && opts->end.value >= 0.0) {
        code = ftl_time_seconds(opts->end, duration_s, &span.end_s, err);
    }
    if (code != FTL_OK) {
        return code;
    }
    if (opts->duration > 0.0) {
        span.end_s = span.start_s + opts->duration;
    }
    if (duration_s > 0.0 && span.start_s >= duration_s) {
        return ftl_fail(err, FTL_SPEC, "start %.3f s is not before the clip's end at %.3f s",
                        span.start_s, duration_s);
    }
    if (span.end_s <= span.start_s) {
        return ftl_fail(err, FTL_SPEC, "end %.3f s is not after start %.3f s", span.end_s,
                        span.start_s);
    }
    *ret = span;
    return FTL_OK;
}

static enum ftl_code plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err)
{
    struct span span;
    if (resolve(inst->opts, shape->duration_s, &span, err) != FTL_OK) {
        return ftl_err_at(err, inst->where);
    }
    if (shape->duration_s > 0.0) {
        shape->duration_s = fmin(span.end_s, shape->duration_s) - span.start_s;
    }
    return FTL_OK;
}

/* Text of a duration option, in whole microseconds. */
static void print_us(char *to, size_t size, double seconds)
{
    (void)snprintf(to, size, "%.0fus", seconds * 1e6);
}

/* Keeps [start, end) of one stream; `early_s` moves both bounds forward, by half a frame for video,
 * so that the frame nearest to a bound decides. */
static enum ftl_code cut(struct ftl_gb *gb, struct span span, double early_s, struct ftl_port *port,
                         struct ftl_err *err)
{
    bool is_audio = port->media == FTL_MEDIA_AUDIO;
    char start[32];
    char end[32];
    char shift[64];
    double from_s = fmax(span.start_s - early_s, 0.0);
    bool is_open = isinf(span.end_s);
    print_us(start, sizeof(start), from_s);
    /* a frame long at least */
    print_us(end, sizeof(end),
             is_open ? 0.0 : fmax(span.end_s - early_s, from_s + 2.006 * early_s));
    const struct ftl_arg args[] = {FTL_ARG_TEXT("start", start), FTL_ARG_TEXT("end", end)};
    enum ftl_code code =
        ftl_gb_apply(gb, is_audio ? "atrim" : "trim", args, is_open ? 1 : 2, port, err);
    if (code != FTL_OK) {
        return code;
    }
    /* By start, not by the first frame's own time: both streams move by the same amount. */
    (void)snprintf(shift, sizeof(shift), "max(PTS-round(%.6f/TB),0)", span.start_s);
    const struct ftl_arg stamps[] = {FTL_ARG_TEXT("expr", shift)};
    return FTL_GB_APPLY(gb, is_audio ? "asetpts" : "setpts", stamps, port, err);
}

static enum ftl_code build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err)
{
    (void)after;
    struct span span;
    enum ftl_code code = resolve(inst->opts, chain->shape.duration_s, &span, err);
    if (code == FTL_OK && chain->video.node != NULL) {
        /* Every usual frame rate is exact in this clock, and bounds between frames are not rounded
         * to one, as they would be where the clock ticks once a frame. */
        const struct ftl_arg clock[] = {FTL_ARG_TEXT("expr", "1/360000")};
        code = FTL_GB_APPLY(gb, "settb", clock, &chain->video, err);
    }
    if (code == FTL_OK && chain->video.node != NULL) {
        double rate = ftl_rational_to_double(chain->shape.frame_rate);
        /* A hair less than half: of two frames equally near, the later one. */
        code = cut(gb, span, rate > 0.0 ? 0.499 / rate : 0.0, &chain->video, err);
    }
    if (code == FTL_OK && chain->audio.node != NULL) {
        code = cut(gb, span, 0.0, &chain->audio, err);
    }
    return code;
}

const struct ftl_filter ftl_filter_trim = {
    .name = "trim",
    .summary = "Keeps one stretch of the clip.",
    .media = FTL_MEDIA_VIDEO | FTL_MEDIA_AUDIO,
    .table = &table,
    .plan = plan,
    .build = build,
};
