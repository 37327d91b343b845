#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include <fettle/filter.h>

#include "base/str.h"
#include "media/av_auto.h"
#include "media/av_compat.h"
#include "media/av_err.h"
#include "media/graph_build.h"
#include "media/side.h"

static const struct ftl_filter_inst *current_inst(const struct ftl_graph_builder *builder)
{
    return builder->current < builder->config->run->chain_count
               ? builder->config->run->chain[builder->current]
               : NULL;
}

static void node_name(const struct ftl_graph_builder *builder, const char *libav_filter, char *to,
                      size_t size)
{
    const struct ftl_filter_inst *inst = current_inst(builder);
    if (inst != NULL) {
        (void)snprintf(to, size, "f%zu.%s.%s", builder->current, inst->filter->name, libav_filter);
    } else {
        (void)snprintf(to, size, "fettle.%s", libav_filter);
    }
}

/* Numbers for options that libavfilter keeps as expressions go in as text. */
static int set_arg(AVFilterContext *context, const struct ftl_arg *arg)
{
    char text[64];
    const AVOption *option = av_opt_find(context, arg->name, NULL, 0, AV_OPT_SEARCH_CHILDREN);
    if (option == NULL) {
        return AVERROR_OPTION_NOT_FOUND;
    }
    bool is_text = option->type == AV_OPT_TYPE_STRING;
    switch (arg->kind) {
    case FTL_ARG_KIND_TEXT:
        return av_opt_set(context, arg->name, arg->text, AV_OPT_SEARCH_CHILDREN);
    case FTL_ARG_KIND_INT:
        (void)snprintf(text, sizeof(text), "%" PRId64, arg->i);
        return is_text ? av_opt_set(context, arg->name, text, AV_OPT_SEARCH_CHILDREN)
                       : av_opt_set_int(context, arg->name, arg->i, AV_OPT_SEARCH_CHILDREN);
    case FTL_ARG_KIND_DOUBLE:
        (void)snprintf(text, sizeof(text), "%.9f", arg->d);
        /* Durations are kept in microseconds but written in seconds. */
        return is_text || option->type == AV_OPT_TYPE_DURATION
                   ? av_opt_set(context, arg->name, text, AV_OPT_SEARCH_CHILDREN)
                   : av_opt_set_double(context, arg->name, arg->d, AV_OPT_SEARCH_CHILDREN);
    case FTL_ARG_KIND_RATIONAL:
        (void)snprintf(text, sizeof(text), "%d/%d", arg->q.num, arg->q.den);
        return av_opt_set(context, arg->name, text, AV_OPT_SEARCH_CHILDREN);
    }
    return AVERROR_BUG;
}

static enum ftl_code make_node(struct ftl_graph_builder *builder, const struct ftl_node *node,
                               AVFilterContext **ret, struct ftl_err *err)
{
    char name[96];
    const AVFilter *filter = avfilter_get_by_name(node->libav_filter);
    if (filter == NULL) {
        return ftl_fail(err, FTL_UNSUPPORTED, "libavfilter here lacks \"%s\"", node->libav_filter);
    }
    node_name(builder, node->libav_filter, name, sizeof(name));
    AVFilterContext *context = avfilter_graph_alloc_filter(builder->graph, filter, name);
    if (context == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for %s", name);
    }
    for (size_t i = 0; i < node->args_count; i++) {
        int status = set_arg(context, &node->args[i]);
        if (status < 0) {
            return ftl_fail_av(err, FTL_INTERNAL, status, "%s: option \"%s\"", name,
                               node->args[i].name);
        }
    }
    int status = avfilter_init_str(context, NULL);
    if (status < 0) {
        return ftl_fail_av(err, FTL_INTERNAL, status, "%s", name);
    }
    *ret = context;
    return FTL_OK;
}

static enum ftl_media media_of(enum AVMediaType type)
{
    return type == AVMEDIA_TYPE_AUDIO ? FTL_MEDIA_AUDIO : FTL_MEDIA_VIDEO;
}

static enum ftl_code link_inputs(const struct ftl_node *node, AVFilterContext *context,
                                 struct ftl_err *err)
{
    if (node->inputs_count != context->nb_inputs || node->outputs_count > context->nb_outputs) {
        return ftl_fail(err, FTL_INTERNAL, "%s has %u inputs and %u outputs, not %zu and %zu",
                        context->name, context->nb_inputs, context->nb_outputs, node->inputs_count,
                        node->outputs_count);
    }
    for (size_t i = 0; i < node->inputs_count; i++) {
        AVFilterContext *from = node->inputs[i].node;
        if (from == NULL) {
            return ftl_fail(err, FTL_INTERNAL, "%s: input %zu is missing", context->name, i);
        }
        if (from->outputs[node->inputs[i].pad] != NULL) {
            return ftl_fail(err, FTL_INTERNAL, "%s: input %zu is used already", context->name, i);
        }
        int status = avfilter_link(from, (unsigned)node->inputs[i].pad, context, (unsigned)i);
        if (status < 0) {
            return ftl_fail_av(err, FTL_INTERNAL, status, "%s: link %zu", context->name, i);
        }
    }
    return FTL_OK;
}

static enum ftl_code add(struct ftl_gb *gb, const struct ftl_node *node, struct ftl_err *err)
{
    struct ftl_graph_builder *builder = (struct ftl_graph_builder *)gb;
    const struct ftl_filter_inst *inst = current_inst(builder);
    AVFilterContext *context = NULL;
    if (make_node(builder, node, &context, err) != FTL_OK || context == NULL ||
        link_inputs(node, context, err) != FTL_OK)
    {
        return inst != NULL ? ftl_err_at(err, inst->where) : err->code;
    }
    for (size_t i = 0; i < node->outputs_count; i++) {
        node->outputs[i] = (struct ftl_port){
            .node = context,
            .pad = (int)i,
            .media = media_of(avfilter_pad_get_type(context->output_pads, (int)i))};
    }
    return FTL_OK;
}

enum ftl_code ftl_graph_then(struct ftl_graph_builder *builder, struct ftl_port *port,
                             const char *libav_filter, const struct ftl_arg *args,
                             size_t args_count, struct ftl_err *err)
{
    struct ftl_port next = {0};
    const struct ftl_node node = {.libav_filter = libav_filter,
                                  .args = args,
                                  .args_count = args_count,
                                  .inputs = port,
                                  .inputs_count = 1,
                                  .outputs = &next,
                                  .outputs_count = 1};
    if (add(&builder->gb, &node, err) != FTL_OK) {
        return err->code;
    }
    *port = next;
    return FTL_OK;
}

static int set_parameters(AVFilterContext *context, const AVFrame *frame,
                          const struct ftl_graph_origin *origin)
{
    AVBufferSrcParameters *params = av_buffersrc_parameters_alloc();
    if (params == NULL) {
        return AVERROR(ENOMEM);
    }
    params->format = frame->format;
    params->time_base = origin->time_base;
    if (frame->nb_samples > 0) {
        params->sample_rate = frame->sample_rate;
        params->ch_layout = frame->ch_layout; /* copied by the call below */
    } else {
        params->width = frame->width;
        params->height = frame->height;
        params->sample_aspect_ratio = (AVRational){1, 1};
        params->frame_rate = origin->frame_rate;
        ftl_buffersrc_set_colour(params, frame);
    }
    int status = av_buffersrc_parameters_set(context, params);
    av_free(params);
    return status;
}

enum ftl_code ftl_graph_source(struct ftl_graph_builder *builder, const AVFrame *frame,
                               const struct ftl_graph_origin *origin, const char *name,
                               AVFilterContext **ret, struct ftl_err *err)
{
    const AVFilter *filter = avfilter_get_by_name(frame->nb_samples > 0 ? "abuffer" : "buffer");
    AVFilterContext *context = avfilter_graph_alloc_filter(builder->graph, filter, name);
    if (context == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a graph source");
    }
    int status = set_parameters(context, frame, origin);
    if (status >= 0) {
        status = avfilter_init_str(context, NULL);
    }
    if (status < 0) {
        return ftl_fail_av(err, FTL_INTERNAL, status, "%s: graph source", name);
    }
    *ret = context;
    return FTL_OK;
}

static void side_shape(const struct ftl_side_use *use, struct ftl_size size, struct ftl_shape *ret)
{
    const AVFrame *frame = ftl_side_use_first(use);
    const struct ftl_probe *probe = ftl_side_use_input(use)->probe;
    *ret = (struct ftl_shape){.duration_s = probe->duration_s};
    if (frame->nb_samples > 0) {
        ret->has_audio = true;
        ret->sample_rate_hz = frame->sample_rate;
        ret->channels = frame->ch_layout.nb_channels;
        return;
    }
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    ret->has_video = true;
    ret->width = size.width;
    ret->height = size.height;
    ret->has_alpha = format != NULL && (format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
    ret->frame_rate = probe->streams[probe->video].frame_rate;
}

static enum ftl_code input(struct ftl_gb *gb, int input_index, enum ftl_media media,
                           struct ftl_port *ret_port, struct ftl_shape *ret_shape,
                           struct ftl_err *err)
{
    struct ftl_graph_builder *builder = (struct ftl_graph_builder *)gb;
    struct ftl_side_use *use = NULL;
    AVFilterContext *source = NULL;
    char name[96];
    if (builder->config->side == NULL) {
        return ftl_fail(err, FTL_INTERNAL, "no other inputs here");
    }
    if (ftl_side_use(builder->config->side, input_index, media, &use, err) != FTL_OK) {
        return err->code;
    }
    const AVFrame *first = ftl_side_use_first(use);
    const struct ftl_track *track = ftl_side_use_track(use);
    node_name(builder, media == FTL_MEDIA_VIDEO ? "buffer" : "abuffer", name, sizeof(name));
    const struct ftl_graph_origin origin = {.time_base = ftl_track_time_base(track),
                                            .frame_rate = ftl_track_stream(track)->avg_frame_rate};
    if (ftl_graph_source(builder, first, &origin, name, &source, err) != FTL_OK) {
        return err->code;
    }
    ftl_side_use_connect(use, source);
    *ret_port = (struct ftl_port){.node = source, .pad = 0, .media = media};
    struct ftl_size size = {first->width, first->height};
    if (media == FTL_MEDIA_VIDEO) {
        struct ftl_geometry geometry;
        ftl_geometry_of_stream(ftl_track_stream(track), &geometry);
        ftl_geometry_of_frame(&geometry, first, &geometry);
        if (ftl_graph_upright(builder, &geometry, ret_port, &size, err) != FTL_OK) {
            return err->code;
        }
    }
    side_shape(use, size, ret_shape);
    return FTL_OK;
}

static const struct ftl_loudness *measured(struct ftl_gb *gb, const struct ftl_filter_inst *inst)
{
    const struct ftl_graph_builder *builder = (const struct ftl_graph_builder *)gb;
    const struct ftl_loudness *all = builder->config->measured;
    for (size_t i = 0; all != NULL && i < builder->config->run->chain_count; i++) {
        if (builder->config->run->chain[i] == inst) {
            return all[i].is_measured ? &all[i] : NULL;
        }
    }
    return NULL;
}

static void loudness(struct ftl_gb *gb, const struct ftl_filter_inst *inst, double gain_db,
                     const char *method)
{
    const struct ftl_graph_builder *builder = (const struct ftl_graph_builder *)gb;
    struct ftl_graph_applied *applied = builder->config->applied;
    (void)inst;
    if (applied != NULL) {
        applied->gain_db = gain_db;
        (void)ftl_copy_text(applied->method, sizeof(applied->method), method);
    }
}

static void FTL_PRINTF(2, 3) warn(struct ftl_gb *gb, const char *fmt, ...)
{
    const struct ftl_graph_builder *builder = (const struct ftl_graph_builder *)gb;
    const struct ftl_filter_inst *inst = current_inst(builder);
    char text[416];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (builder->config->warn != NULL) {
        builder->config->warn(builder->config->warn_opaque, inst != NULL ? inst->where : "", text);
    }
}

const struct ftl_graph_ops ftl_graph_builder_ops = {
    .add = add, .input = input, .measured = measured, .warn = warn, .loudness = loudness};
