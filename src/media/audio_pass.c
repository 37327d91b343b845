#include "media/audio_pass.h"

#include <math.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/audio_encode.h"
#include "media/av_auto.h"
#include "media/av_err.h"
#include "media/graph.h"
#include "media/measure.h"
#include "media/side.h"

/* Of the ±0.2 LU that are accepted: other meters differ in the second decimal. */
static const double corrected_from_lu = 0.15;
static const double cut_margin_db = 0.5;  /* beyond the measured excess of a peak */
static const double peak_margin_db = 0.1; /* by which other meters see higher peaks */

struct pass {
    const struct ftl_audio_pass_config *config;
    struct ftl_reel *reel;
    struct ftl_side *side;
    AVFrame *frame;
    AVPacket *packet;
    struct ftl_loudness *measured; /* by index in the chain */
    struct ftl_graph_applied applied;
    double end_s; /* of the sound filtered so far */
};

/* Where filtered frames go. */
struct receiver {
    enum ftl_code (*take)(void *opaque, AVFrame *frame, AVRational time_base, struct ftl_err *err);
    void *opaque;
};

static enum ftl_code drain(struct pass *pass, struct ftl_graph *graph,
                           const struct receiver *receiver, enum ftl_flow *ret_flow,
                           struct ftl_err *err)
{
    for (;;) {
        if (ftl_graph_pull(graph, 0, pass->frame, ret_flow, err) != FTL_OK) {
            return err->code;
        }
        if (*ret_flow != FTL_FLOW_FRAME) {
            return FTL_OK;
        }
        enum ftl_code code =
            receiver->take(receiver->opaque, pass->frame, ftl_graph_time_base(graph, 0), err);
        av_frame_unref(pass->frame);
        if (code != FTL_OK) {
            return code;
        }
    }
}

/* The graph for pass->frame: kept while it fits, otherwise drained and built anew. */
static enum ftl_code fit_graph(struct pass *pass, const struct ftl_graph_config *config,
                               const struct receiver *receiver, struct ftl_graph **graph,
                               struct ftl_err *err)
{
    const struct ftl_graph_origin origin = {.time_base = ftl_reel_time_base(pass->reel),
                                            .start_s = pass->end_s};
    if (*graph != NULL && ftl_graph_fits(*graph, pass->frame)) {
        return FTL_OK;
    }
    if (*graph != NULL) {
        FTL_AUTO(av_frame) AVFrame *waiting = av_frame_alloc();
        enum ftl_flow flow = FTL_FLOW_END;
        if (waiting == NULL) {
            return ftl_fail(err, FTL_NOMEM, "no memory for sound");
        }
        av_frame_move_ref(waiting, pass->frame);
        if (ftl_graph_push(*graph, NULL, err) != FTL_OK ||
            drain(pass, *graph, receiver, &flow, err) != FTL_OK)
        {
            return err->code;
        }
        av_frame_move_ref(pass->frame, waiting);
        ftl_graph_free(FTL_TAKE(*graph));
    }
    return ftl_graph_build(config, &origin, pass->frame, graph, err);
}

static double end_of(const struct pass *pass)
{
    const AVFrame *frame = pass->frame;
    return (double)frame->pts * av_q2d(ftl_reel_time_base(pass->reel)) +
           (double)frame->nb_samples / FFMAX(frame->sample_rate, 1);
}

/* The whole source through the graph into the receiver. */
static enum ftl_code filter_all(struct pass *pass, const struct ftl_graph_config *config,
                                const struct receiver *receiver, struct ftl_err *err)
{
    FTL_AUTO(graph) struct ftl_graph *graph = NULL;
    enum ftl_flow flow = FTL_FLOW_END;
    pass->end_s = 0.0;
    if (ftl_reel_rewind(pass->reel, err) != FTL_OK) {
        return err->code;
    }
    for (;;) {
        if (ftl_check_now(&pass->config->check, err) != FTL_OK ||
            ftl_reel_next(pass->reel, pass->frame, &flow, err) != FTL_OK)
        {
            return err->code;
        }
        if (flow == FTL_FLOW_END) {
            break;
        }
        double end_s = end_of(pass);
        if (fit_graph(pass, config, receiver, &graph, err) != FTL_OK) {
            return err->code;
        }
        pass->end_s = fmax(pass->end_s, end_s);
        if (ftl_graph_push(graph, pass->frame, err) != FTL_OK ||
            drain(pass, graph, receiver, &flow, err) != FTL_OK)
        {
            return err->code;
        }
        if (flow == FTL_FLOW_END) {
            return FTL_OK; /* nobody wants more (trim) */
        }
    }
    if (graph == NULL) {
        return ftl_fail(err, FTL_INPUT, "nothing of the sound can be decoded");
    }
    if (ftl_graph_push(graph, NULL, err) != FTL_OK) {
        return err->code;
    }
    return drain(pass, graph, receiver, &flow, err);
}

static struct ftl_graph_config graph_config(struct pass *pass, size_t chain_count,
                                            const struct ftl_loudness *measured,
                                            const struct ftl_graph_sink *sink)
{
    return (struct ftl_graph_config){.plan = pass->config->plan,
                                     .run = pass->config->run,
                                     .media = FTL_MEDIA_AUDIO,
                                     .chain_count = chain_count,
                                     .sinks = sink,
                                     .sinks_count = 1,
                                     .threads = 1,
                                     .measured = measured,
                                     .applied = &pass->applied,
                                     .side = pass->side,
                                     .warn = pass->config->warn,
                                     .warn_opaque = pass->config->warn_opaque};
}

/* --- measuring -------------------------------------------------------------------------------- */

static enum ftl_code meter_frame(void *opaque, AVFrame *frame, AVRational time_base,
                                 struct ftl_err *err)
{
    (void)time_base;
    return ftl_meter_add(opaque, frame, err);
}

static enum ftl_code measure_chain(struct pass *pass, struct ftl_audio_pass_result *ret,
                                   struct ftl_err *err)
{
    const struct ftl_plan_run *run = pass->config->run;
    const struct ftl_graph_sink any = {0};
    for (size_t i = 0; i < run->chain_count; i++) {
        if (!run->chain[i]->filter->needs_loudness) {
            continue;
        }
        FTL_AUTO(meter) struct ftl_meter *meter = NULL;
        if (ftl_meter_new(&meter, err) != FTL_OK) {
            return err->code;
        }
        const struct ftl_graph_config config = graph_config(pass, i, pass->measured, &any);
        if (filter_all(pass, &config, &(struct receiver){meter_frame, meter}, err) != FTL_OK ||
            ftl_meter_read(meter, &pass->measured[i], err) != FTL_OK)
        {
            return ftl_err_at(err, run->chain[i]->where);
        }
        if (!ret->source.is_measured) {
            ret->source = pass->measured[i];
        }
    }
    return FTL_OK;
}

/* --- encoding --------------------------------------------------------------------------------- */

static enum ftl_code encode_frame(void *opaque, AVFrame *frame, AVRational time_base,
                                  struct ftl_err *err)
{
    (void)time_base;
    return ftl_audio_encode_frame(opaque, frame, err);
}

static enum ftl_code encode_once(struct pass *pass, const struct ftl_plan_output *output,
                                 const struct ftl_loudness *measured,
                                 struct ftl_audio_encode *encode, struct ftl_err *err)
{
    if (ftl_audio_encode_open(encode, output, err) != FTL_OK) {
        return err->code;
    }
    const AVCodecContext *codec = ftl_encoder_context(encode->encoder);
    const struct ftl_graph_sink sink = {.sample_fmt = av_get_sample_fmt_name(codec->sample_fmt),
                                        .sample_rate_hz = codec->sample_rate,
                                        .channels = codec->ch_layout.nb_channels,
                                        .frame_size = codec->frame_size};
    const struct ftl_graph_config config =
        graph_config(pass, pass->config->run->chain_count, measured, &sink);
    if (filter_all(pass, &config, &(struct receiver){encode_frame, encode}, err) != FTL_OK) {
        return err->code;
    }
    return ftl_audio_encode_frame(encode, NULL, err);
}

/* --- aiming ----------------------------------------------------------------------------------- */

struct miss {
    double off_lu;    /* target minus result; 0 when it cannot be told */
    double excess_db; /* of the peak over the ceiling; <= 0 is good */
};

static struct miss miss_of(const struct pass *pass, const struct ftl_loudness_target *target,
                           const struct ftl_loudness *result)
{
    struct miss miss = {0};
    bool is_unreachable = result->is_silent || !isfinite(result->integrated) ||
                          strcmp(pass->applied.method, "silent") == 0 ||
                          strcmp(pass->applied.method, "lowered") == 0 ||
                          strcmp(pass->applied.method, "capped") == 0;
    if (target->is_set && !is_unreachable) {
        miss.off_lu = target->integrated - result->integrated;
    }
    if (target->is_set && isfinite(result->true_peak)) {
        miss.excess_db = result->true_peak - (target->true_peak - peak_margin_db);
    }
    return miss;
}

static bool is_hit(const struct miss *miss)
{
    return fabs(miss->off_lu) <= corrected_from_lu && miss->excess_db <= 0.0;
}

/* Peaks first: a file above its ceiling is worse than one that is a little off. */
static bool is_better(const struct miss *a, const struct miss *b)
{
    double excess_a = fmax(a->excess_db, 0.0);
    double excess_b = fmax(b->excess_db, 0.0);
    return excess_a != excess_b ? excess_a < excess_b : fabs(a->off_lu) < fabs(b->off_lu);
}

static enum ftl_code keep_result(struct ftl_sound *sound, struct ftl_audio_encode *encode,
                                 const struct ftl_loudness *loudness, struct ftl_err *err)
{
    const AVCodecContext *codec = ftl_encoder_context(encode->encoder);
    avcodec_parameters_free(&sound->params);
    sound->params = avcodec_parameters_alloc();
    int status = sound->params != NULL ? avcodec_parameters_from_context(sound->params, codec)
                                       : AVERROR(ENOMEM);
    if (status < 0) {
        return ftl_fail_av(err, FTL_NOMEM, status, "keep the encoded sound");
    }
    ftl_packets_done(&sound->packets);
    sound->packets = encode->packets;
    encode->packets = (struct ftl_packets){0};
    sound->time_base = codec->time_base;
    sound->loudness = *loudness;
    sound->samples = encode->samples;
    return FTL_OK;
}

/* How loudness answers to gain. */
struct aim {
    double last_off_lu, last_step_db; /* of the previous correction; step 0 = none yet */
};

/* The gain to add. A limiter gives back part of what it gets, more the harder it works, so the
 * slope of the last correction counts, within reason. */
static double next_step_db(struct aim *aim, double off_lu)
{
    double slope = 1.0;
    if (aim->last_step_db != 0.0) {
        slope = fmin(fmax((aim->last_off_lu - off_lu) / aim->last_step_db, 0.3), 1.0);
    }
    *aim = (struct aim){.last_off_lu = off_lu, .last_step_db = off_lu / slope};
    return aim->last_step_db;
}

static void correct(const struct pass *pass, struct ftl_loudness *measured, struct aim *aim,
                    struct miss miss)
{
    double step_db = next_step_db(aim, miss.off_lu);
    for (size_t i = 0; i < pass->config->run->chain_count; i++) {
        if (measured[i].is_measured) {
            measured[i].correction_db += step_db;
            measured[i].ceiling_cut_db +=
                miss.excess_db > 0.0 ? miss.excess_db + cut_margin_db : 0.0;
        }
    }
}

static enum ftl_code make_sound(struct pass *pass, const struct ftl_plan_output *output,
                                struct ftl_sound *sound, struct ftl_err *err)
{
    size_t chain_count = pass->config->run->chain_count;
    FTL_AUTO_FREE struct ftl_loudness *measured =
        ftl_calloc(chain_count + 1, sizeof(struct ftl_loudness));
    struct miss best = {0};
    struct aim aim = {0};
    if (measured == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for sound");
    }
    if (chain_count > 0) {
        memcpy(measured, pass->measured, chain_count * sizeof(*measured));
    }
    for (int attempt = 0; attempt <= FTL_AUDIO_CORRECTIONS_MAX; attempt++) {
        struct ftl_audio_encode encode = {0};
        struct ftl_loudness loudness = {0};
        enum ftl_code code = encode_once(pass, output, measured, &encode, err);
        if (code == FTL_OK && output->loudness.is_set) {
            code = ftl_audio_encode_measure(&encode, &loudness, err);
        }
        struct miss miss = miss_of(pass, &output->loudness, &loudness);
        if (code == FTL_OK && (attempt == 0 || is_better(&miss, &best))) {
            best = miss;
            code = keep_result(sound, &encode, &loudness, err);
        }
        ftl_audio_encode_done(&encode);
        if (code != FTL_OK) {
            return code;
        }
        sound->passes = attempt + 1;
        if (is_hit(&miss)) {
            return FTL_OK;
        }
        correct(pass, measured, &aim, miss);
    }
    if (pass->config->warn != NULL) {
        pass->config->warn(pass->config->warn_opaque, output->where,
                           "the loudness could not be brought nearer to its target");
    }
    return FTL_OK;
}

static bool is_same_sound(const struct ftl_plan_output *a, const struct ftl_plan_output *b)
{
    return strcmp(a->audio.codec, b->audio.codec) == 0 &&
           a->audio.sample_rate_hz == b->audio.sample_rate_hz &&
           a->audio.channels == b->audio.channels && a->audio.bitrate == b->audio.bitrate &&
           a->loudness.is_set == b->loudness.is_set &&
           a->loudness.integrated == b->loudness.integrated &&
           a->loudness.true_peak == b->loudness.true_peak &&
           ftl_output_has_global_header(a->container) == ftl_output_has_global_header(b->container);
}

/* Renditions mostly share their sound: encoded once, referenced by the others. */
static enum ftl_code share_sound(const struct ftl_sound *from, struct ftl_sound *to,
                                 AVPacket *shell, struct ftl_err *err)
{
    to->params = avcodec_parameters_alloc();
    int status =
        to->params != NULL ? avcodec_parameters_copy(to->params, from->params) : AVERROR(ENOMEM);
    for (size_t i = 0; status >= 0 && i < from->packets.count; i++) {
        status = av_packet_ref(shell, from->packets.items[i]);
        if (status >= 0 && ftl_packets_add(&to->packets, shell, err) != FTL_OK) {
            return err->code;
        }
    }
    to->time_base = from->time_base;
    to->loudness = from->loudness;
    to->passes = from->passes;
    to->samples = from->samples;
    return status < 0 ? ftl_fail_av(err, FTL_NOMEM, status, "share the encoded sound") : FTL_OK;
}

static enum ftl_code make_sounds(struct pass *pass, struct ftl_sound *sounds, struct ftl_err *err)
{
    const struct ftl_plan *plan = pass->config->plan;
    const struct ftl_plan_run *run = pass->config->run;
    for (size_t i = 0; i < run->outputs_count; i++) {
        const struct ftl_plan_output *output = &plan->outputs[run->outputs[i]];
        const struct ftl_sound *same = NULL;
        if (!output->has_audio) {
            continue;
        }
        for (size_t j = 0; j < i && same == NULL; j++) {
            const struct ftl_plan_output *other = &plan->outputs[run->outputs[j]];
            same = other->has_audio && is_same_sound(other, output) ? &sounds[j] : NULL;
        }
        enum ftl_code code = same != NULL ? share_sound(same, &sounds[i], pass->packet, err)
                                          : make_sound(pass, output, &sounds[i], err);
        if (code != FTL_OK) {
            return ftl_err_at(err, output->where);
        }
        ftl_sound_set(&sounds[i], NULL);
    }
    return FTL_OK;
}

static enum ftl_code run_pass(struct pass *pass, struct ftl_sound *sounds,
                              struct ftl_audio_pass_result *ret, struct ftl_err *err)
{
    int64_t start_us = ftl_mono_us();
    if (measure_chain(pass, ret, err) != FTL_OK) {
        return err->code;
    }
    int64_t measured_us = ftl_mono_us();
    enum ftl_code code = make_sounds(pass, sounds, err);
    ret->measure_s = (double)(measured_us - start_us) / 1e6;
    ret->encode_s = (double)(ftl_mono_us() - measured_us) / 1e6;
    ret->gain_db = pass->applied.gain_db;
    (void)ftl_copy_text(ret->method, sizeof(ret->method),
                        pass->applied.method[0] != '\0' ? pass->applied.method : "none");
    ftl_reel_stats(pass->reel, &ret->stats);
    return code;
}

static enum ftl_code open_pass(struct pass *pass, struct ftl_err *err)
{
    const struct ftl_audio_pass_config *config = pass->config;
    const struct ftl_plan_input *input = &config->plan->inputs[config->plan->main_input];
    if (input->probe->audio < 0) {
        return ftl_fail(err, FTL_INTERNAL, "the plan wants sound of an input without");
    }
    const struct ftl_track_config track = {.input = {.fd = config->input_fds[input->index],
                                                     .name = input->name,
                                                     .limits = config->limits,
                                                     .check = config->check},
                                           .stream =
                                               input->probe->streams[input->probe->audio].index,
                                           .threads = 1,
                                           .zero_s = config->zero_s,
                                           .track_all = input->probe->video < 0};
    const struct ftl_side_config side = {.plan = config->plan,
                                         .input_fds = config->input_fds,
                                         .limits = config->limits,
                                         .check = config->check};
    pass->frame = av_frame_alloc();
    pass->packet = av_packet_alloc();
    pass->measured = ftl_calloc(config->run->chain_count + 1, sizeof(*pass->measured));
    if (pass->frame == NULL || pass->packet == NULL || pass->measured == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for sound");
    }
    if (ftl_reel_new(&track, &pass->reel, err) != FTL_OK) {
        return err->code;
    }
    return ftl_side_new(&side, &pass->side, err);
}

enum ftl_code ftl_audio_pass_run(const struct ftl_audio_pass_config *config,
                                 struct ftl_sound *sounds, struct ftl_audio_pass_result *ret,
                                 struct ftl_err *err)
{
    struct pass pass = {.config = config};
    enum ftl_code code = open_pass(&pass, err);
    if (code == FTL_OK) {
        code = run_pass(&pass, sounds, ret, err);
    }
    for (size_t i = 0; code != FTL_OK && i < config->run->outputs_count; i++) {
        ftl_sound_set(&sounds[i], err); /* those that are ready stay so */
    }
    ftl_side_free(pass.side);
    ftl_reel_free(pass.reel);
    ftl_free(pass.measured);
    av_packet_free(&pass.packet);
    av_frame_free(&pass.frame);
    return code;
}
