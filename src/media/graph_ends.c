/* The two ends of a graph: from any source to the working format, and from the canvas to a sink. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/channel_layout.h>
#include <libavutil/pixdesc.h>

#include "media/av_compat.h"
#include "media/av_err.h"
#include "media/graph_build.h"

#define THEN(builder, port, name, args, err)                                                       \
    ftl_graph_then((builder), (port), (name), (args), sizeof(args) / sizeof((args)[0]), (err))

/* accurate_rnd and bitexact: the same bytes whatever vector unit the machine has. */
#define SCALE_FLAGS "bicubic+accurate_rnd+full_chroma_int+bitexact"

static const char *working_format(const struct ftl_graph_builder *builder)
{
    bool is_deep = builder->config->run->outputs_count > 0;
    for (size_t i = 0; i < builder->config->run->outputs_count; i++) {
        const struct ftl_plan_output *output =
            &builder->config->plan->outputs[builder->config->run->outputs[i]];
        is_deep = is_deep && output->has_video && output->video.pix_fmt != NULL &&
                  strcmp(output->video.pix_fmt, "yuv420p10") == 0;
    }
    return is_deep ? "yuv420p10" : "yuv420p";
}

static bool is_rgb(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    return format != NULL && (format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}

static bool is_full_range_format(const AVFrame *frame)
{
    switch (frame->format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P:
        return true;
    default:
        return false;
    }
}

void ftl_graph_tag(AVFrame *frame)
{
    bool is_large = frame->height >= 720 || frame->width >= 1280;
    if (is_rgb(frame)) {
        frame->colorspace = AVCOL_SPC_RGB;
        frame->color_range = AVCOL_RANGE_JPEG;
        return;
    }
    if (is_full_range_format(frame)) {
        frame->color_range = AVCOL_RANGE_JPEG;
    } else if (frame->color_range == AVCOL_RANGE_UNSPECIFIED) {
        frame->color_range = AVCOL_RANGE_MPEG;
    }
    bool is_wide_gamut = frame->color_primaries == AVCOL_PRI_BT2020 ||
                         frame->color_trc == AVCOL_TRC_SMPTE2084 ||
                         frame->color_trc == AVCOL_TRC_ARIB_STD_B67;
    if (frame->colorspace == AVCOL_SPC_UNSPECIFIED || frame->colorspace == AVCOL_SPC_RESERVED ||
        frame->colorspace == AVCOL_SPC_RGB)
    {
        frame->colorspace = is_wide_gamut ? AVCOL_SPC_BT2020_NCL
                            : is_large    ? AVCOL_SPC_BT709
                                          : AVCOL_SPC_SMPTE170M;
    }
    if (is_wide_gamut && frame->color_primaries == AVCOL_PRI_UNSPECIFIED) {
        frame->color_primaries = AVCOL_PRI_BT2020;
    }
}

/* vf_scale's names for a matrix. */
static const char *matrix_name(enum AVColorSpace space)
{
    switch (space) {
    case AVCOL_SPC_FCC:
        return "fcc";
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return "smpte170m";
    case AVCOL_SPC_SMPTE240M:
        return "smpte240m";
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return "bt2020";
    default:
        return "bt709";
    }
}

static enum ftl_code then_format(struct ftl_graph_builder *builder, struct ftl_port *port,
                                 const char *name, struct ftl_err *err)
{
    const struct ftl_arg args[] = {FTL_ARG_TEXT("pix_fmts", name)};
    return THEN(builder, port, "format", args, err);
}

static enum ftl_code turn(struct ftl_graph_builder *builder, const struct ftl_geometry *geometry,
                          struct ftl_port *port, struct ftl_err *err)
{
    static const struct ftl_arg clockwise[] = {FTL_ARG_TEXT("dir", "clock")};
    static const struct ftl_arg counter[] = {FTL_ARG_TEXT("dir", "cclock")};
    bool is_half = geometry->rotate_deg == 180;
    if (geometry->is_mirrored != is_half &&
        ftl_graph_then(builder, port, "hflip", NULL, 0, err) != FTL_OK)
    {
        return err->code; /* mirrored and upside down is a vertical flip alone */
    }
    if (is_half) {
        return ftl_graph_then(builder, port, "vflip", NULL, 0, err);
    }
    if (geometry->rotate_deg == 90) {
        return THEN(builder, port, "transpose", clockwise, err);
    }
    return geometry->rotate_deg == 270 ? THEN(builder, port, "transpose", counter, err) : FTL_OK;
}

enum ftl_code ftl_graph_upright(struct ftl_graph_builder *builder,
                                const struct ftl_geometry *geometry, struct ftl_port *port,
                                struct ftl_size *size, struct ftl_err *err)
{
    if (turn(builder, geometry, port, err) != FTL_OK) {
        return err->code;
    }
    struct ftl_size upright = ftl_geometry_upright(geometry, size->width, size->height);
    if (geometry->sar.num != geometry->sar.den) {
        const struct ftl_arg scale[] = {FTL_ARG_INT("w", upright.width),
                                        FTL_ARG_INT("h", upright.height),
                                        FTL_ARG_TEXT("flags", SCALE_FLAGS)};
        const struct ftl_arg square[] = {FTL_ARG_TEXT("sar", "1")};
        if (THEN(builder, port, "scale", scale, err) != FTL_OK ||
            THEN(builder, port, "setsar", square, err) != FTL_OK)
        {
            return err->code;
        }
    }
    *size = upright;
    return FTL_OK;
}

/* PQ and HLG are tone-mapped, wide gamut is brought to BT.709, both in linear light; 203 cd/m² is
 * reference white (ITU-R BT.2408). */
static enum ftl_code to_standard_range(struct ftl_graph_builder *builder, struct ftl_port *port,
                                       struct ftl_err *err)
{
    static const struct ftl_arg linear[] = {FTL_ARG_TEXT("transfer", "linear"),
                                            FTL_ARG_DOUBLE("npl", 203)};
    static const struct ftl_arg gamut[] = {FTL_ARG_TEXT("primaries", "709")};
    static const struct ftl_arg tone[] = {FTL_ARG_TEXT("tonemap", "mobius"),
                                          FTL_ARG_DOUBLE("desat", 0)};
    static const struct ftl_arg standard[] = {
        FTL_ARG_TEXT("transfer", "709"), FTL_ARG_TEXT("matrix", "709"),
        FTL_ARG_TEXT("primaries", "709"), FTL_ARG_TEXT("range", "limited")};
    bool is_hdr = builder->first->color_trc == AVCOL_TRC_SMPTE2084 ||
                  builder->first->color_trc == AVCOL_TRC_ARIB_STD_B67;
    if (THEN(builder, port, "zscale", linear, err) != FTL_OK ||
        then_format(builder, port, "gbrpf32le", err) != FTL_OK ||
        THEN(builder, port, "zscale", gamut, err) != FTL_OK ||
        (is_hdr && THEN(builder, port, "tonemap", tone, err) != FTL_OK))
    {
        return err->code;
    }
    if (THEN(builder, port, "zscale", standard, err) != FTL_OK) {
        return err->code;
    }
    return then_format(builder, port, working_format(builder), err);
}

static bool has_alpha(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    return format != NULL && (format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
}

/* Over black: colour times alpha, then the alpha plane is dropped by the conversion. */
static enum ftl_code flatten(struct ftl_graph_builder *builder, struct ftl_port *port,
                             struct ftl_err *err)
{
    static const struct ftl_arg inplace[] = {FTL_ARG_INT("inplace", 1)};
    if (then_format(builder, port, "gbrap", err) != FTL_OK) {
        return err->code;
    }
    return THEN(builder, port, "premultiply", inplace, err);
}

static bool is_wide_gamut(const AVFrame *frame)
{
    return !is_rgb(frame) &&
           (frame->color_primaries == AVCOL_PRI_BT2020 || frame->color_trc == AVCOL_TRC_SMPTE2084 ||
            frame->color_trc == AVCOL_TRC_ARIB_STD_B67);
}

/* To the working format; `is_standard` = it is BT.709 limited already (came out of tone mapping).
 */
static enum ftl_code convert(struct ftl_graph_builder *builder, struct ftl_port *port,
                             const struct ftl_size *resized, bool is_standard, struct ftl_err *err)
{
    const AVFrame *first = builder->first;
    const char *format = working_format(builder);
    bool is_yuv = is_standard || (!is_rgb(first) && !has_alpha(first));
    bool is_full = !is_standard && first->color_range == AVCOL_RANGE_JPEG;
    const char *matrix = is_standard ? "bt709" : matrix_name(first->colorspace);
    bool is_same = is_standard || (enum AVPixelFormat)first->format == av_get_pix_fmt(format);
    if (resized == NULL && is_yuv && is_same && !is_full && strcmp(matrix, "bt709") == 0) {
        return FTL_OK;
    }
    struct ftl_arg args[7] = {
        FTL_ARG_TEXT("flags", SCALE_FLAGS),
        FTL_ARG_TEXT("out_color_matrix", "bt709"),
        FTL_ARG_TEXT("out_range", "tv"),
    };
    size_t count = 3;
    if (is_yuv) { /* RGB has no matrix, and its range is not an input's choice */
        args[count++] = (struct ftl_arg)FTL_ARG_TEXT("in_color_matrix", matrix);
        args[count++] = (struct ftl_arg)FTL_ARG_TEXT("in_range", is_full ? "pc" : "tv");
    }
    if (resized != NULL) {
        args[count++] = (struct ftl_arg)FTL_ARG_INT("w", resized->width);
        args[count++] = (struct ftl_arg)FTL_ARG_INT("h", resized->height);
    }
    if (ftl_graph_then(builder, port, "scale", args, count, err) != FTL_OK) {
        return err->code;
    }
    return then_format(builder, port, format, err);
}

/* Deinterlaced, upright, and cut to even sides where it will not be scaled anyway. */
static enum ftl_code straighten(struct ftl_graph_builder *builder, struct ftl_port *port,
                                struct ftl_size *ret_even, bool *ret_is_resized,
                                struct ftl_err *err)
{
    static const struct ftl_arg flagged[] = {FTL_ARG_TEXT("mode", "send_frame"),
                                             FTL_ARG_TEXT("deint", "interlaced")};
    const AVFrame *first = builder->first;
    const struct ftl_geometry *geometry = &builder->origin->geometry;
    if (ftl_frame_is_interlaced(first) && THEN(builder, port, "bwdif", flagged, err) != FTL_OK) {
        return err->code;
    }
    if (turn(builder, geometry, port, err) != FTL_OK) {
        return err->code;
    }
    struct ftl_size size = ftl_geometry_upright(geometry, first->width, first->height);
    struct ftl_size even = {size.width < 2 ? 2 : size.width & ~1,
                            size.height < 2 ? 2 : size.height & ~1};
    *ret_is_resized = geometry->sar.num != geometry->sar.den || size.width < 2 || size.height < 2;
    *ret_even = even;
    if (*ret_is_resized || (even.width == size.width && even.height == size.height)) {
        return FTL_OK;
    }
    const struct ftl_arg crop[] = {FTL_ARG_INT("w", even.width), FTL_ARG_INT("h", even.height),
                                   FTL_ARG_INT("x", 0), FTL_ARG_INT("y", 0)};
    return THEN(builder, port, "crop", crop, err);
}

static enum ftl_code head_video(struct ftl_graph_builder *builder, struct ftl_chain *chain,
                                struct ftl_err *err)
{
    static const struct ftl_arg square[] = {FTL_ARG_TEXT("sar", "1")};
    const AVFrame *first = builder->first;
    struct ftl_port *port = &chain->video;
    struct ftl_size even = {0};
    bool is_resized = false;
    bool is_mapped = is_wide_gamut(first);
    if (straighten(builder, port, &even, &is_resized, err) != FTL_OK ||
        (is_mapped && to_standard_range(builder, port, err) != FTL_OK) ||
        (has_alpha(first) && !is_mapped && flatten(builder, port, err) != FTL_OK) ||
        convert(builder, port, is_resized ? &even : NULL, is_mapped, err) != FTL_OK)
    {
        return err->code;
    }
    chain->shape.width = even.width;
    chain->shape.height = even.height;
    chain->shape.has_alpha = false;
    return is_resized ? THEN(builder, port, "setsar", square, err) : FTL_OK;
}

/* Gaps become silence and overlaps are cut, so that the sample count is the clock; sound starts at
 * the clip's start, or where the graph before this one ended. */
static enum ftl_code head_audio(struct ftl_graph_builder *builder, struct ftl_chain *chain,
                                struct ftl_err *err)
{
    char start[32];
    (void)snprintf(start, sizeof(start), "%lld",
                   llround(builder->origin->start_s * builder->first->sample_rate));
    const struct ftl_arg steady[] = {FTL_ARG_TEXT("async", "1"), FTL_ARG_TEXT("first_pts", start),
                                     FTL_ARG_TEXT("min_hard_comp", "0.05")};
    static const struct ftl_arg planar[] = {FTL_ARG_TEXT("sample_fmts", "fltp")};
    chain->shape.sample_rate_hz = builder->first->sample_rate;
    chain->shape.channels = builder->first->ch_layout.nb_channels;
    if (THEN(builder, &chain->audio, "aresample", steady, err) != FTL_OK) {
        return err->code;
    }
    return THEN(builder, &chain->audio, "aformat", planar, err);
}

enum ftl_code ftl_graph_head(struct ftl_graph_builder *builder, struct ftl_chain *chain,
                             struct ftl_err *err)
{
    return builder->config->media == FTL_MEDIA_VIDEO ? head_video(builder, chain, err)
                                                     : head_audio(builder, chain, err);
}

static enum ftl_code tail_video(struct ftl_graph_builder *builder, struct ftl_port *port,
                                const struct ftl_shape *shape, const struct ftl_graph_sink *sink,
                                struct ftl_err *err)
{
    int width = sink->width > 0 ? sink->width : shape->width;
    int height = sink->height > 0 ? sink->height : shape->height;
    if (width != shape->width || height != shape->height) {
        /* Far below the source, averaging keeps what bicubic's few taps would skip. */
        bool is_far = width * 2 < shape->width && height * 2 < shape->height;
        const struct ftl_arg scale[] = {
            FTL_ARG_INT("w", width), FTL_ARG_INT("h", height),
            FTL_ARG_TEXT("flags",
                         is_far ? "area+accurate_rnd+bitexact" : "bicubic+accurate_rnd+bitexact"),
            FTL_ARG_TEXT("in_color_matrix", "bt709"), FTL_ARG_TEXT("out_color_matrix", "bt709")};
        const struct ftl_arg square[] = {FTL_ARG_TEXT("sar", "1")};
        if (THEN(builder, port, "scale", scale, err) != FTL_OK ||
            THEN(builder, port, "setsar", square, err) != FTL_OK)
        {
            return err->code;
        }
    }
    return sink->pix_fmt != NULL ? then_format(builder, port, sink->pix_fmt, err) : FTL_OK;
}

static enum ftl_code tail_audio(struct ftl_graph_builder *builder, struct ftl_port *port,
                                const struct ftl_graph_sink *sink, struct ftl_err *err)
{
    char rate[16];
    char layout[64] = "";
    AVChannelLayout channels;
    struct ftl_arg args[3] = {
        FTL_ARG_TEXT("sample_fmts", sink->sample_fmt != NULL ? sink->sample_fmt : "flt")};
    size_t count = 1;
    if (sink->sample_rate_hz > 0) {
        (void)snprintf(rate, sizeof(rate), "%d", sink->sample_rate_hz);
        args[count++] = (struct ftl_arg)FTL_ARG_TEXT("sample_rates", rate);
    }
    if (sink->channels > 0) {
        av_channel_layout_default(&channels, sink->channels);
        (void)av_channel_layout_describe(&channels, layout, sizeof(layout));
        args[count++] = (struct ftl_arg)FTL_ARG_TEXT("channel_layouts", layout);
    }
    if (ftl_graph_then(builder, port, "aformat", args, count, err) != FTL_OK) {
        return err->code;
    }
    const struct ftl_arg frames[] = {FTL_ARG_INT("nb_out_samples", sink->frame_size),
                                     FTL_ARG_INT("pad", 0)};
    return sink->frame_size > 0 ? THEN(builder, port, "asetnsamples", frames, err) : FTL_OK;
}

enum ftl_code ftl_graph_tail(struct ftl_graph_builder *builder, struct ftl_port port,
                             const struct ftl_shape *shape, const struct ftl_graph_sink *sink,
                             AVFilterContext **ret, struct ftl_err *err)
{
    bool is_video = builder->config->media == FTL_MEDIA_VIDEO;
    enum ftl_code code = is_video ? tail_video(builder, &port, shape, sink, err)
                                  : tail_audio(builder, &port, sink, err);
    if (code != FTL_OK) {
        return code;
    }
    const struct ftl_node node = {.libav_filter = is_video ? "buffersink" : "abuffersink",
                                  .inputs = &port,
                                  .inputs_count = 1};
    if (builder->gb.ops->add(&builder->gb, &node, err) != FTL_OK) {
        return err->code;
    }
    *ret = builder->graph->filters[builder->graph->nb_filters - 1];
    return FTL_OK;
}
