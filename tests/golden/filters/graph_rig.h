/* What golden filter tests share: a chain from JSON, run through the real graph on frames made
 * here. */
#ifndef FETTLE_TESTS_GRAPH_RIG_H
#define FETTLE_TESTS_GRAPH_RIG_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>

#include <fettle/filter.h>

#include "base/fd.h"
#include "base/json.h"
#include "media/av_auto.h"
#include "media/av_compat.h"
#include "media/graph.h"
#include "media/side.h"

enum { RIG_FILTERS = 4, RIG_FRAMES = 512 };

struct rig {
    struct ftl_arena *arena;
    struct ftl_filter_inst insts[RIG_FILTERS];
    const struct ftl_filter_inst *chain[RIG_FILTERS];
    struct ftl_loudness measured[RIG_FILTERS];
    struct ftl_plan_run run;
    struct ftl_plan plan;
    struct ftl_plan_input inputs[2];
    struct ftl_probe probe; /* of the logo */
    int fds[2];
    /* what came out */
    AVFrame *out[RIG_FRAMES];
    double times_s[RIG_FRAMES];
    int out_count;
    struct ftl_shape shape; /* that left the chain */
};

static const struct ftl_limits rig_limits = {.pixels = 1 << 24,
                                             .streams = 8,
                                             .duration_s = 3600,
                                             .output_bytes = 1 << 30,
                                             .frames_per_frame = 100,
                                             .alloc_bytes = 1 << 30};

static inline void rig_init(struct rig *rig)
{
    *rig = (struct rig){.fds = {-1, -1}};
    rig->arena = ftl_arena_new(1 << 20);
    assert_non_null(rig->arena);
    rig->run.chain = rig->chain;
    rig->plan.runs = &rig->run;
    rig->plan.runs_count = 1;
    rig->plan.inputs = rig->inputs;
    rig->inputs[0] = (struct ftl_plan_input){.name = "main", .index = 0};
}

static inline void rig_drop_frames(struct rig *rig)
{
    for (int i = 0; i < rig->out_count; i++) {
        av_frame_free(&rig->out[i]);
    }
    rig->out_count = 0;
}

static inline void rig_done(struct rig *rig)
{
    rig_drop_frames(rig);
    ftl_arena_free(rig->arena);
    if (rig->fds[1] >= 0) {
        close(rig->fds[1]);
    }
}

static inline void rig_set_input(void *opaque, struct ftl_input_ref *ref, const char *where)
{
    (void)where;
    ref->index = *(const int *)opaque;
}

/* Every input option of the filter becomes the logo. */
static inline void rig_add(struct rig *rig, const char *name, const char *options)
{
    struct ftl_err err = {0};
    struct ftl_opt_errors errors = {0};
    int logo = 1;
    const struct ftl_filter *filter = ftl_filter_find(name);
    assert_non_null(filter);
    FTL_AUTO(json) cJSON *json = NULL;
    assert_int_equal(
        ftl_json_parse(options, strlen(options), &(struct ftl_json_limits){0}, &json, &err),
        FTL_OK);
    void *opts = ftl_arena_alloc(rig->arena, 1, filter->table->size);
    assert_non_null(opts);
    if (ftl_opt_parse(filter->table, json, "", rig->arena, opts, &errors) != FTL_OK) {
        fail_msg("%s %s: %s", name, options, errors.list[0].msg);
    }
    ftl_opt_each_input(filter->table, opts, "", rig_set_input, &logo);
    size_t index = rig->run.chain_count++;
    assert_true(index < RIG_FILTERS);
    rig->insts[index] =
        (struct ftl_filter_inst){.filter = filter, .opts = opts, .where = "/filters/0"};
    rig->chain[index] = &rig->insts[index];
}

/* Makes `rgba` (an RGBA frame, freed here) the second input, as a PNG file. */
static inline void rig_set_logo(struct rig *rig, AVFrame *rgba)
{
    struct ftl_err err = {0};
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_PNG));
    AVPacket *packet = av_packet_alloc();
    assert_true(codec != NULL && packet != NULL);
    codec->width = rgba->width;
    codec->height = rgba->height;
    codec->pix_fmt = AV_PIX_FMT_RGBA;
    codec->time_base = (AVRational){1, 25};
    assert_int_equal(avcodec_open2(codec, NULL, NULL), 0);
    rgba->pts = 0;
    assert_int_equal(avcodec_send_frame(codec, rgba), 0);
    assert_int_equal(avcodec_send_frame(codec, NULL), 0);
    assert_int_equal(avcodec_receive_packet(codec, packet), 0);
    assert_int_equal(ftl_fd_memory("logo", packet->data, (size_t)packet->size, &rig->fds[1], &err),
                     FTL_OK);
    rig->probe = (struct ftl_probe){.container = "png_pipe",
                                    .bytes = packet->size,
                                    .streams_count = 1,
                                    .video = 0,
                                    .audio = -1,
                                    .is_still = true};
    rig->probe.streams[0] = (struct ftl_probe_stream){.media = FTL_MEDIA_VIDEO,
                                                      .is_decodable = true,
                                                      .sar = {1, 1},
                                                      .width = rgba->width,
                                                      .height = rgba->height};
    rig->inputs[1] = (struct ftl_plan_input){.name = "logo", .index = 1, .probe = &rig->probe};
    rig->plan.inputs_count = 2;
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    av_frame_free(&rgba);
}

static inline void rig_collect(struct rig *rig, struct ftl_graph *graph, bool *ret_is_end)
{
    struct ftl_err err = {0};
    *ret_is_end = false;
    for (;;) {
        enum ftl_flow flow = FTL_FLOW_END;
        AVFrame *frame = av_frame_alloc();
        assert_non_null(frame);
        if (ftl_graph_pull(graph, 0, frame, &flow, &err) != FTL_OK) {
            fail_msg("pull: %s", err.msg);
        }
        if (flow != FTL_FLOW_FRAME) {
            av_frame_free(&frame);
            *ret_is_end = flow == FTL_FLOW_END;
            return;
        }
        assert_true(rig->out_count < RIG_FRAMES);
        rig->times_s[rig->out_count] = (double)frame->pts * av_q2d(ftl_graph_time_base(graph, 0));
        rig->out[rig->out_count++] = frame;
    }
}

/* Runs all filters over frames from `make` (owned here; NULL ends), in 1/rate. */
static inline void rig_run(struct rig *rig, enum ftl_media media, AVRational rate,
                           AVFrame *(*make)(int index))
{
    struct ftl_err err = {0};
    FTL_AUTO(side) struct ftl_side *side = NULL;
    FTL_AUTO(graph) struct ftl_graph *graph = NULL;
    const struct ftl_side_config side_config = {
        .plan = &rig->plan, .input_fds = rig->fds, .limits = &rig_limits};
    assert_int_equal(ftl_side_new(&side_config, &side, &err), FTL_OK);
    const struct ftl_graph_sink sink = {0};
    const struct ftl_graph_config config = {.plan = &rig->plan,
                                            .run = &rig->run,
                                            .media = media,
                                            .chain_count = rig->run.chain_count,
                                            .sinks = &sink,
                                            .sinks_count = 1,
                                            .threads = 2,
                                            .measured = rig->measured,
                                            .side = side};
    const struct ftl_graph_origin origin = {
        .time_base = av_inv_q(rate), .geometry = {.sar = {1, 1}}, .frame_rate = rate};
    bool is_end = false;
    rig_drop_frames(rig);
    for (int i = 0; !is_end; i++) {
        AVFrame *frame = make(i);
        if (frame != NULL && media == FTL_MEDIA_VIDEO) {
            ftl_frame_set_duration(frame, 1); /* as the decoder does */
        }
        if (graph == NULL) {
            assert_non_null(frame);
            if (ftl_graph_build(&config, &origin, frame, &graph, &err) != FTL_OK) {
                fail_msg("build: %s", err.msg);
            }
            rig->shape = *ftl_graph_shape(graph);
        }
        if (ftl_graph_push(graph, frame, &err) != FTL_OK) {
            fail_msg("push: %s", err.msg);
        }
        bool was_last = frame == NULL;
        av_frame_free(&frame);
        rig_collect(rig, graph, &is_end);
        if (was_last && !is_end) {
            fail_msg("no end after the last frame");
        }
    }
}

static inline AVFrame *rig_picture(enum AVPixelFormat format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    frame->colorspace = AVCOL_SPC_BT709;
    frame->color_range = AVCOL_RANGE_MPEG;
    frame->sample_aspect_ratio = (AVRational){1, 1};
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

static inline uint8_t *rig_pixel(const AVFrame *frame, int plane, int x, int y)
{
    return frame->data[plane] + y * frame->linesize[plane] + x;
}

#endif
