#include "media/video_pass.h"

#include <inttypes.h>
#include <math.h>

#include <libavformat/avformat.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_compat.h"
#include "media/av_err.h"
#include "media/cadence.h"
#include "media/graph.h"
#include "media/graph_build.h"
#include "media/side.h"

enum { LANES_MAX = 64, GRACE_S = 60 };

/* One sink and what is fed from it. */
struct lane {
    size_t place;              /* in run->outputs */
    struct ftl_writer *writer; /* NULL: the canvas, for the stills */
    struct ftl_cadence cadence;
    AVFrame *held;
    double start_s, before_s; /* of the held frame and the one before */
    bool is_ended;
};

struct pass {
    const struct ftl_video_pass_config *config;
    struct ftl_track *track;
    struct ftl_side *side;
    struct ftl_graph *graph;
    struct lane lanes[LANES_MAX];
    struct ftl_graph_sink sinks[LANES_MAX];
    size_t lanes_count;
    AVFrame *frame;
    AVFrame *copy;
    double last_start_s, last_duration_s; /* of the newest decoded frame */
    int64_t decoded;
};

static enum ftl_code emit(struct pass *pass, struct lane *lane, int64_t slot, int64_t count,
                          struct ftl_err *err)
{
    const struct ftl_limits *limits = pass->config->limits;
    double allowed =
        (double)limits->frames_per_frame * (double)pass->decoded + GRACE_S * lane->cadence.rate;
    int64_t out = slot + count;
    if ((double)out > allowed) {
        return ftl_fail(err, FTL_LIMIT, "%" PRId64 " frames would come out of %" PRId64, out,
                        pass->decoded);
    }
    for (int64_t i = 0; i < count; i++) {
        int status = av_frame_ref(pass->copy, lane->held);
        if (status < 0) {
            return ftl_fail_av(err, FTL_NOMEM, status, "repeat a frame");
        }
        pass->copy->pts = slot + i;
        if (ftl_writer_send(lane->writer, pass->copy, err) != FTL_OK) {
            return err->code;
        }
    }
    return FTL_OK;
}

static enum ftl_code take_for_stills(struct pass *pass, double start_s, struct ftl_err *err)
{
    for (size_t i = 0; i < pass->config->run->outputs_count; i++) {
        struct ftl_still *still = pass->config->stills[i];
        if (still != NULL && !ftl_still_is_done(still) &&
            ftl_still_add(still, pass->frame, start_s, err) != FTL_OK)
        {
            return err->code;
        }
    }
    return FTL_OK;
}

/* pass->frame came out of the lane's sink. */
static enum ftl_code take(struct pass *pass, struct lane *lane, double start_s, struct ftl_err *err)
{
    if (lane->writer == NULL) {
        return take_for_stills(pass, start_s, err);
    }
    int64_t slot = lane->cadence.slot;
    int64_t count = ftl_cadence_step(&lane->cadence, start_s);
    if (emit(pass, lane, slot, count, err) != FTL_OK) {
        return err->code;
    }
    lane->before_s = lane->start_s;
    lane->start_s = start_s;
    av_frame_unref(lane->held);
    av_frame_move_ref(lane->held, pass->frame);
    return FTL_OK;
}

/* How long the last frame shows. libavfilter 8 does not keep durations right across time bases, so
 * it is the decoded frame's if that is the one, otherwise as long as the frame before. */
static double last_duration_s(const struct pass *pass, const struct lane *lane)
{
    if (fabs(lane->start_s - pass->last_start_s) < 0.001 && pass->last_duration_s > 0.0) {
        return pass->last_duration_s;
    }
    double delta_s = lane->start_s - lane->before_s;
    return lane->cadence.frames_in > 1 && delta_s > 0.0 ? delta_s : 1.0 / lane->cadence.rate;
}

static enum ftl_code end_lane(struct pass *pass, struct lane *lane, struct ftl_err *err)
{
    lane->is_ended = true;
    if (lane->writer == NULL) {
        return FTL_OK;
    }
    int64_t slot = lane->cadence.slot;
    int64_t count = ftl_cadence_end(&lane->cadence, lane->start_s + last_duration_s(pass, lane));
    enum ftl_code code = emit(pass, lane, slot, count, err);
    av_frame_unref(lane->held);
    return code;
}

/* Empties one sink; `is_last` = its end is the end of the lane and not of a graph to be rebuilt. */
static enum ftl_code drain_lane(struct pass *pass, size_t index, bool is_last, struct ftl_err *err)
{
    struct lane *lane = &pass->lanes[index];
    double tick_s = av_q2d(ftl_graph_time_base(pass->graph, index));
    while (!lane->is_ended) {
        enum ftl_flow flow = FTL_FLOW_END;
        if (ftl_graph_pull(pass->graph, index, pass->frame, &flow, err) != FTL_OK) {
            return err->code;
        }
        if (flow == FTL_FLOW_NEED_INPUT || (flow == FTL_FLOW_END && !is_last)) {
            return FTL_OK;
        }
        if (flow == FTL_FLOW_END) {
            return end_lane(pass, lane, err);
        }
        double start_s = pass->frame->pts != AV_NOPTS_VALUE ? (double)pass->frame->pts * tick_s
                                                            : pass->last_start_s;
        enum ftl_code code = take(pass, lane, start_s, err);
        av_frame_unref(pass->frame);
        if (code != FTL_OK) {
            return code;
        }
    }
    return FTL_OK;
}

static enum ftl_code drain_all(struct pass *pass, bool is_last, bool *ret_is_ended,
                               struct ftl_err *err)
{
    *ret_is_ended = true;
    for (size_t i = 0; i < pass->lanes_count; i++) {
        if (drain_lane(pass, i, is_last, err) != FTL_OK) {
            return err->code;
        }
        *ret_is_ended = *ret_is_ended && pass->lanes[i].is_ended;
    }
    return FTL_OK;
}

static enum ftl_code build_graph(struct pass *pass, struct ftl_err *err)
{
    const struct ftl_video_pass_config *config = pass->config;
    const AVStream *stream = ftl_track_stream(pass->track);
    struct ftl_graph_origin origin = {.time_base = ftl_track_time_base(pass->track),
                                      .frame_rate = stream->avg_frame_rate};
    ftl_geometry_of_stream(stream, &origin.geometry);
    ftl_geometry_of_frame(&origin.geometry, pass->frame, &origin.geometry);
    const struct ftl_graph_config graph = {.plan = config->plan,
                                           .run = config->run,
                                           .media = FTL_MEDIA_VIDEO,
                                           .chain_count = config->run->chain_count,
                                           .sinks = pass->sinks,
                                           .sinks_count = pass->lanes_count,
                                           .threads = config->plan->filter_threads,
                                           .side = pass->side,
                                           .warn = config->warn,
                                           .warn_opaque = config->opaque};
    return ftl_graph_build(&graph, &origin, pass->frame, &pass->graph, err);
}

/* A graph for pass->frame: kept while it fits, else drained and built again. */
static enum ftl_code fit_graph(struct pass *pass, struct ftl_err *err)
{
    if (pass->graph != NULL && !ftl_graph_fits(pass->graph, pass->frame)) {
        FTL_AUTO(av_frame) AVFrame *waiting = av_frame_alloc();
        bool is_ended = false;
        if (waiting == NULL) {
            return ftl_fail(err, FTL_NOMEM, "no memory for a frame");
        }
        av_frame_move_ref(waiting, pass->frame);
        if (ftl_graph_push(pass->graph, NULL, err) != FTL_OK ||
            drain_all(pass, false, &is_ended, err) != FTL_OK)
        {
            return err->code;
        }
        av_frame_move_ref(pass->frame, waiting);
        ftl_graph_free(FTL_TAKE(pass->graph));
    }
    return pass->graph != NULL ? FTL_OK : build_graph(pass, err);
}

static enum ftl_code feed(struct pass *pass, bool *ret_is_end, struct ftl_err *err)
{
    enum ftl_flow flow = FTL_FLOW_END;
    if (ftl_track_next(pass->track, pass->frame, &flow, err) != FTL_OK) {
        return err->code;
    }
    *ret_is_end = flow == FTL_FLOW_END;
    if (*ret_is_end) {
        return pass->graph != NULL
                   ? ftl_graph_push(pass->graph, NULL, err)
                   : ftl_fail(err, FTL_INPUT, "nothing of the picture can be decoded");
    }
    double tick_s = av_q2d(ftl_track_time_base(pass->track));
    pass->decoded++;
    pass->last_start_s = (double)pass->frame->pts * tick_s;
    pass->last_duration_s = (double)ftl_frame_duration(pass->frame) * tick_s;
    ftl_graph_tag(pass->frame);
    if (fit_graph(pass, err) != FTL_OK || ftl_graph_push(pass->graph, pass->frame, err) != FTL_OK) {
        return err->code;
    }
    pass->config->progress(pass->config->opaque, pass->last_start_s + pass->last_duration_s,
                           pass->decoded);
    return FTL_OK;
}

static enum ftl_code run_loop(struct pass *pass, struct ftl_video_pass_result *ret,
                              struct ftl_err *err)
{
    for (;;) {
        bool is_end = false;
        bool is_ended = false;
        if (ret->is_complete) {
            return ftl_fail(err, FTL_INTERNAL, "the filter graph does not end");
        }
        if (ftl_check_now(&pass->config->check, err) != FTL_OK ||
            feed(pass, &is_end, err) != FTL_OK) {
            return err->code;
        }
        ret->is_complete = is_end;
        if (drain_all(pass, true, &is_ended, err) != FTL_OK) {
            return err->code;
        }
        if (is_ended) {
            return FTL_OK;
        }
    }
}

static enum ftl_code add_lane(struct pass *pass, const struct lane *lane,
                              const struct ftl_graph_sink *sink, struct ftl_err *err)
{
    if (pass->lanes_count == LANES_MAX) {
        return ftl_fail(err, FTL_LIMIT, "more than %d outputs in one run", LANES_MAX);
    }
    struct lane *added = &pass->lanes[pass->lanes_count];
    *added = *lane;
    added->held = av_frame_alloc();
    pass->sinks[pass->lanes_count++] = *sink;
    return added->held != NULL ? FTL_OK : ftl_fail(err, FTL_NOMEM, "no memory for a frame");
}

static enum ftl_code add_lanes(struct pass *pass, struct ftl_err *err)
{
    const struct ftl_video_pass_config *config = pass->config;
    bool has_still = false;
    for (size_t i = 0; i < config->run->outputs_count; i++) {
        const struct ftl_video_plan *video = &config->plan->outputs[config->run->outputs[i]].video;
        has_still = has_still || config->stills[i] != NULL;
        if (config->writers[i] == NULL) {
            continue;
        }
        struct lane lane = {.place = i, .writer = config->writers[i]};
        ftl_cadence_init(&lane.cadence, video->frame_rate);
        const struct ftl_graph_sink sink = {
            .width = video->width, .height = video->height, .pix_fmt = video->pix_fmt};
        if (add_lane(pass, &lane, &sink, err) != FTL_OK) {
            return err->code;
        }
    }
    return has_still
               ? add_lane(pass, &(struct lane){.writer = NULL}, &(struct ftl_graph_sink){0}, err)
               : FTL_OK;
}

static enum ftl_code open_pass(struct pass *pass, struct ftl_err *err)
{
    const struct ftl_video_pass_config *config = pass->config;
    const struct ftl_plan_input *input = &config->plan->inputs[config->plan->main_input];
    if (input->probe->video < 0) {
        return ftl_fail(err, FTL_INTERNAL, "the plan wants a picture of an input without");
    }
    const struct ftl_track_config track = {.input = {.fd = config->input_fds[input->index],
                                                     .name = input->name,
                                                     .limits = config->limits,
                                                     .check = config->check},
                                           .stream =
                                               input->probe->streams[input->probe->video].index,
                                           .threads = config->plan->decoder_threads,
                                           .zero_s = config->zero_s,
                                           .track_all = true};
    const struct ftl_side_config side = {.plan = config->plan,
                                         .input_fds = config->input_fds,
                                         .limits = config->limits,
                                         .check = config->check};
    pass->frame = av_frame_alloc();
    pass->copy = av_frame_alloc();
    if (pass->frame == NULL || pass->copy == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for frames");
    }
    if (add_lanes(pass, err) != FTL_OK || ftl_track_open(&track, &pass->track, err) != FTL_OK) {
        return err->code;
    }
    return ftl_side_new(&side, &pass->side, err);
}

static void close_pass(struct pass *pass)
{
    ftl_graph_free(pass->graph);
    ftl_side_free(pass->side);
    ftl_track_free(pass->track);
    for (size_t i = 0; i < pass->lanes_count; i++) {
        av_frame_free(&pass->lanes[i].held);
    }
    av_frame_free(&pass->frame);
    av_frame_free(&pass->copy);
}

enum ftl_code ftl_video_pass_run(const struct ftl_video_pass_config *config,
                                 struct ftl_output_result *const *results,
                                 struct ftl_video_pass_result *ret, struct ftl_err *err)
{
    struct pass *pass = ftl_calloc(1, sizeof(*pass));
    if (pass == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a video pass");
    }
    pass->config = config;
    enum ftl_code code = open_pass(pass, err);
    if (code == FTL_OK) {
        code = run_loop(pass, ret, err);
    }
    if (pass->track != NULL) {
        ftl_track_stats(pass->track, &ret->input, &ret->decoder);
    }
    for (size_t i = 0; code == FTL_OK && i < pass->lanes_count; i++) {
        const struct lane *lane = &pass->lanes[i];
        if (lane->writer != NULL) {
            results[lane->place]->frames_duplicated = lane->cadence.duplicated;
            results[lane->place]->frames_dropped = lane->cadence.dropped;
        }
    }
    close_pass(pass);
    ftl_free(pass);
    return code;
}
