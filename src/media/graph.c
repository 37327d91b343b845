#include "media/graph.h"

#include <stdio.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/opt.h>

#include <fettle/filter.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_compat.h"
#include "media/av_err.h"
#include "media/graph_build.h"
#include "media/side.h"

enum { SINKS_MAX = 64 };

struct ftl_graph {
    AVFilterGraph *graph;
    AVFilterContext *source;
    AVFilterContext *sinks[SINKS_MAX];
    size_t sinks_count;
    struct ftl_side *side; /* borrowed; NULL = none */
    enum ftl_media media;
    int64_t end_pts; /* end of the last frame pushed */
    bool is_ended;   /* the main source was closed: it cannot be what is asked for */
    struct ftl_shape shape;
    /* What it was built for. */
    int width, height, format, sample_rate;
    enum AVColorSpace colour_space;
    enum AVColorRange colour_range;
    AVChannelLayout layout;
};

static void remember(struct ftl_graph *graph, const AVFrame *first)
{
    graph->format = first->format;
    graph->width = first->width;
    graph->height = first->height;
    graph->colour_space = first->colorspace;
    graph->colour_range = first->color_range;
    graph->sample_rate = first->sample_rate;
    (void)av_channel_layout_copy(&graph->layout, &first->ch_layout);
}

bool ftl_graph_fits(const struct ftl_graph *graph, const struct AVFrame *frame)
{
    if (frame->format != graph->format) {
        return false;
    }
    if (graph->media == FTL_MEDIA_AUDIO) {
        return frame->sample_rate == graph->sample_rate &&
               av_channel_layout_compare(&frame->ch_layout, &graph->layout) == 0;
    }
    return frame->width == graph->width && frame->height == graph->height &&
           frame->colorspace == graph->colour_space && frame->color_range == graph->colour_range;
}

/* One filter of the job: what plan() says of the actual shape, then its nodes, and the chain's
 * shape becomes what was said. */
static enum ftl_code build_filter(struct ftl_graph_builder *builder,
                                  const struct ftl_filter_inst *inst, struct ftl_chain *chain,
                                  struct ftl_err *err)
{
    struct ftl_shape after = chain->shape;
    if (inst->filter->plan(inst, &after, err) != FTL_OK ||
        inst->filter->build(&builder->gb, inst, chain, &after, err) != FTL_OK)
    {
        return ftl_err_at(err, inst->where);
    }
    chain->shape = after;
    return FTL_OK;
}

static enum ftl_code build_chain(struct ftl_graph_builder *builder, struct ftl_chain *chain,
                                 struct ftl_err *err)
{
    const struct ftl_graph_config *config = builder->config;
    for (size_t i = 0; i < config->chain_count; i++) {
        const struct ftl_filter_inst *inst = config->run->chain[i];
        if ((inst->filter->media & (unsigned)config->media) == 0) {
            continue;
        }
        builder->current = i;
        if (build_filter(builder, inst, chain, err) != FTL_OK) {
            return err->code;
        }
    }
    builder->current = SIZE_MAX;
    return FTL_OK;
}

static enum ftl_code build_tails(struct ftl_graph_builder *builder, struct ftl_graph *graph,
                                 const struct ftl_chain *chain, struct ftl_err *err)
{
    const struct ftl_graph_config *config = builder->config;
    bool is_video = config->media == FTL_MEDIA_VIDEO;
    struct ftl_port ports[SINKS_MAX] = {is_video ? chain->video : chain->audio};
    if (config->sinks_count > 1) {
        const struct ftl_arg args[] = {FTL_ARG_INT("outputs", (int64_t)config->sinks_count)};
        const struct ftl_port from = ports[0];
        const struct ftl_node split = {.libav_filter = is_video ? "split" : "asplit",
                                       .args = args,
                                       .args_count = 1,
                                       .inputs = &from,
                                       .inputs_count = 1,
                                       .outputs = ports,
                                       .outputs_count = config->sinks_count};
        if (builder->gb.ops->add(&builder->gb, &split, err) != FTL_OK) {
            return err->code;
        }
    }
    for (size_t i = 0; i < config->sinks_count; i++) {
        if (ftl_graph_tail(builder, ports[i], &chain->shape, &config->sinks[i], &graph->sinks[i],
                           err) != FTL_OK)
        {
            return err->code;
        }
    }
    graph->sinks_count = config->sinks_count;
    return FTL_OK;
}

static enum ftl_code build(struct ftl_graph_builder *builder, struct ftl_graph *graph,
                           struct ftl_err *err)
{
    const struct ftl_graph_config *config = builder->config;
    struct ftl_chain chain = {.shape = config->run->source};
    bool is_video = config->media == FTL_MEDIA_VIDEO;
    if (ftl_graph_source(builder, builder->first, builder->origin, "fettle.source", &graph->source,
                         err) != FTL_OK)
    {
        return err->code;
    }
    const struct ftl_port port = {.node = graph->source, .pad = 0, .media = config->media};
    chain.shape.has_video = is_video;
    chain.shape.has_audio = !is_video;
    *(is_video ? &chain.video : &chain.audio) = port;
    if (ftl_graph_head(builder, &chain, err) != FTL_OK ||
        build_chain(builder, &chain, err) != FTL_OK ||
        build_tails(builder, graph, &chain, err) != FTL_OK)
    {
        return err->code;
    }
    graph->shape = chain.shape;
    int status = avfilter_graph_config(builder->graph, NULL);
    return status < 0 ? ftl_fail_av(err, FTL_INTERNAL, status, "the filter graph does not connect")
                      : FTL_OK;
}

enum ftl_code ftl_graph_build(const struct ftl_graph_config *config,
                              const struct ftl_graph_origin *origin, const struct AVFrame *first,
                              struct ftl_graph **ret, struct ftl_err *err)
{
    FTL_AUTO(graph) struct ftl_graph *graph = ftl_calloc(1, sizeof(*graph));
    if (config->sinks_count == 0 || config->sinks_count > SINKS_MAX) {
        return ftl_fail(err, FTL_LIMIT, "a run has %zu sinks, not 1 to %d", config->sinks_count,
                        SINKS_MAX);
    }
    if (graph == NULL || (graph->graph = avfilter_graph_alloc()) == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a filter graph");
    }
    graph->media = config->media;
    graph->side = config->side;
    graph->graph->nb_threads = config->threads > 0 ? config->threads : 1;
    /* For log lines: av_log.h. libav keeps it as a plain pointer and never writes through it. */
    graph->graph->opaque = (void *)(uintptr_t)config->run;
    /* Conversions that libavfilter puts in by itself: without this RGB pictures (a logo) would meet
     * the clip by BT.601's matrix. */
    (void)av_opt_set(graph->graph, "scale_sws_opts",
                     "flags=bicubic+accurate_rnd+full_chroma_int+bitexact:out_color_matrix=bt709",
                     0);
    remember(graph, first);
    if (config->side != NULL) {
        ftl_side_rewind(config->side);
    }
    struct ftl_graph_builder builder = {.gb = {.ops = &ftl_graph_builder_ops},
                                        .graph = graph->graph,
                                        .config = config,
                                        .origin = origin,
                                        .first = first,
                                        .current = SIZE_MAX};
    if (build(&builder, graph, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(graph);
    return FTL_OK;
}

void ftl_graph_free(struct ftl_graph *graph)
{
    if (graph != NULL) {
        avfilter_graph_free(&graph->graph);
        av_channel_layout_uninit(&graph->layout);
        ftl_free(graph);
    }
}

enum ftl_code ftl_graph_push(struct ftl_graph *graph, struct AVFrame *frame, struct ftl_err *err)
{
    if (frame != NULL && graph->media == FTL_MEDIA_VIDEO) {
        frame->sample_aspect_ratio = (AVRational){1, 1};
    }
    int status;
    if (frame != NULL) {
        graph->end_pts = frame->pts + FFMAX(ftl_frame_duration(frame), 1);
        status = av_buffersrc_add_frame(graph->source, frame);
        av_frame_unref(frame);
    } else {
        /* With the time it ends at: fps would drop the last frame without. */
        status = av_buffersrc_close(graph->source, graph->end_pts, 0);
        graph->is_ended = true;
    }
    /* EOF: every sink has what it wants (trim). */
    return status < 0 && status != AVERROR_EOF
               ? ftl_fail_av(err, FTL_INTERNAL, status, "feed the filter graph")
               : FTL_OK;
}

/* Feeds the other input that was asked for most, if any was asked for more often than the main one;
 * false = the main one is next. */
static enum ftl_code feed_side(struct ftl_graph *graph, bool *ret_is_fed, struct ftl_err *err)
{
    unsigned most = graph->is_ended ? 0 : av_buffersrc_get_nb_failed_requests(graph->source);
    struct ftl_side_use *chosen = NULL;
    for (size_t i = 0; graph->side != NULL && ftl_side_at(graph->side, i) != NULL; i++) {
        struct ftl_side_use *use = ftl_side_at(graph->side, i);
        AVFilterContext *source = ftl_side_use_source(use);
        unsigned failed = source != NULL ? av_buffersrc_get_nb_failed_requests(source) : 0;
        if (failed > most) {
            most = failed;
            chosen = use;
        }
    }
    *ret_is_fed = chosen != NULL;
    return chosen != NULL ? ftl_side_use_feed(chosen, err) : FTL_OK;
}

enum ftl_code ftl_graph_pull(struct ftl_graph *graph, size_t sink, struct AVFrame *frame,
                             enum ftl_flow *ret_flow, struct ftl_err *err)
{
    for (;;) {
        bool is_fed = false;
        int status = av_buffersink_get_frame(graph->sinks[sink], frame);
        if (status >= 0) {
            *ret_flow = FTL_FLOW_FRAME;
            return FTL_OK;
        }
        if (status == AVERROR_EOF) {
            *ret_flow = FTL_FLOW_END;
            return FTL_OK;
        }
        if (status != AVERROR(EAGAIN)) {
            return ftl_fail_av(err, FTL_INTERNAL, status, "the filter graph failed");
        }
        if (feed_side(graph, &is_fed, err) != FTL_OK) {
            return err->code;
        }
        if (!is_fed) {
            *ret_flow = FTL_FLOW_NEED_INPUT;
            return FTL_OK;
        }
    }
}

AVRational ftl_graph_time_base(const struct ftl_graph *graph, size_t sink)
{
    return av_buffersink_get_time_base(graph->sinks[sink]);
}

const struct ftl_shape *ftl_graph_shape(const struct ftl_graph *graph)
{
    return &graph->shape;
}
