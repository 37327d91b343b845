#include "media/decoder.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_compat.h"
#include "media/av_err.h"

enum { JUMP_S = 10 };

struct ftl_decoder {
    AVCodecContext *codec;
    const char *name;
    const struct ftl_limits *limits;
    AVRational time_base;
    int64_t last_pts; /* AV_NOPTS_VALUE before the first frame */
    int64_t last_duration;
    bool is_draining;
    double length_s; /* sum of the steps from frame to frame, without jumps of the clock */
    struct ftl_decoder_stats stats;
};

static enum ftl_code fail_open(const struct ftl_decoder_config *config, const AVStream *stream,
                               struct ftl_err *err)
{
    const char *name = avcodec_get_name(stream->codecpar->codec_id);
    if (stream->codecpar->codec_id == AV_CODEC_ID_NONE) {
        return ftl_fail(err, FTL_UNSUPPORTED, "%s: stream %d is in a codec unknown here",
                        config->name, stream->index);
    }
    return ftl_fail(err, FTL_UNSUPPORTED, "%s: the codec \"%s\" of stream %d is not supported here",
                    config->name, name, stream->index);
}

static void set_up(AVCodecContext *codec, const AVStream *stream,
                   const struct ftl_decoder_config *config)
{
    codec->pkt_timebase = stream->time_base;
    codec->thread_count = config->threads > 0 ? config->threads : 1;
    codec->max_pixels = config->limits->pixels;
    /* Frames that are only suspect still count and show; they are told apart by their flags. */
    codec->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
}

enum ftl_code ftl_decoder_open(const struct AVStream *stream,
                               const struct ftl_decoder_config *config, struct ftl_decoder **ret,
                               struct ftl_err *err)
{
    const AVCodec *codec = ftl_input_decoder(stream->codecpar, ftl_input_has_alpha(stream));
    if (codec == NULL) {
        return fail_open(config, stream, err);
    }
    FTL_AUTO(decoder) struct ftl_decoder *decoder = ftl_calloc(1, sizeof(*decoder));
    if (decoder == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a decoder");
    }
    decoder->codec = avcodec_alloc_context3(codec);
    if (decoder->codec == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a decoder");
    }
    int status = avcodec_parameters_to_context(decoder->codec, stream->codecpar);
    if (status >= 0) {
        set_up(decoder->codec, stream, config);
        status = avcodec_open2(decoder->codec, codec, NULL);
    }
    if (status < 0) {
        return ftl_fail_av(err, FTL_UNSUPPORTED, status, "%s: decoder %s", config->name,
                           codec->name);
    }
    decoder->name = config->name;
    decoder->limits = config->limits;
    decoder->time_base = stream->time_base;
    decoder->last_pts = AV_NOPTS_VALUE;
    *ret = FTL_TAKE(decoder);
    return FTL_OK;
}

void ftl_decoder_free(struct ftl_decoder *decoder)
{
    if (decoder != NULL) {
        avcodec_free_context(&decoder->codec);
        ftl_free(decoder);
    }
}

enum ftl_code ftl_decoder_send(struct ftl_decoder *decoder, const struct AVPacket *packet,
                               struct ftl_err *err)
{
    int status = avcodec_send_packet(decoder->codec, packet);
    if (packet == NULL) {
        decoder->is_draining = true;
        return FTL_OK;
    }
    if (status == AVERROR(ENOMEM)) {
        return ftl_fail_av(err, FTL_INPUT, status, "%s: decode", decoder->name);
    }
    if (status == AVERROR(EAGAIN)) {
        return ftl_fail(err, FTL_INTERNAL, "%s: packet sent before frames were taken",
                        decoder->name);
    }
    decoder->stats.is_last_corrupt = status < 0;
    decoder->stats.errors += status < 0 ? 1 : 0;
    return FTL_OK;
}

/* How long the frame lasts, in the stream's time base; 0 if nobody says. */
static int64_t duration_of(const struct ftl_decoder *decoder, const AVFrame *frame)
{
    if (frame->nb_samples > 0 && frame->sample_rate > 0) {
        return av_rescale_q(frame->nb_samples, (AVRational){1, frame->sample_rate},
                            decoder->time_base);
    }
    if (ftl_frame_duration(frame) > 0) {
        return ftl_frame_duration(frame);
    }
    if (decoder->codec->framerate.num > 0 && decoder->codec->framerate.den > 0) {
        return av_rescale_q(1, av_inv_q(decoder->codec->framerate), decoder->time_base);
    }
    return 0;
}

/* Frames come in order, so far back is no jitter: the clock has started anew. */
static bool is_new_clock(const struct ftl_decoder *decoder, int64_t pts)
{
    return (double)(decoder->last_pts - pts) * av_q2d(decoder->time_base) > FTL_CLOCK_BACK_S;
}

static void set_time(struct ftl_decoder *decoder, AVFrame *frame)
{
    int64_t pts = frame->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE) {
        pts = decoder->last_pts == AV_NOPTS_VALUE
                  ? 0
                  : decoder->last_pts + FFMAX(decoder->last_duration, 1);
    }
    if (decoder->last_pts != AV_NOPTS_VALUE && pts <= decoder->last_pts &&
        !is_new_clock(decoder, pts)) {
        pts = decoder->last_pts + 1;
    }
    int64_t duration = duration_of(decoder, frame);
    double step_s = decoder->last_pts != AV_NOPTS_VALUE
                        ? (double)(pts - decoder->last_pts) * av_q2d(decoder->time_base)
                        : 0.0;
    decoder->length_s += step_s > 0.0 && step_s < JUMP_S ? step_s : 0.0;
    frame->pts = pts;
    ftl_frame_set_duration(frame, duration);
    if (decoder->last_pts == AV_NOPTS_VALUE) {
        decoder->stats.start_s = (double)pts * av_q2d(decoder->time_base);
    }
    decoder->last_pts = pts;
    decoder->last_duration = duration;
    decoder->stats.end_s =
        FFMAX(decoder->stats.end_s, (double)(pts + duration) * av_q2d(decoder->time_base));
}

static enum ftl_code accept(struct ftl_decoder *decoder, AVFrame *frame, struct ftl_err *err)
{
    struct ftl_decoder_stats *stats = &decoder->stats;
    if (frame->width > 0 && (int64_t)frame->width * frame->height > decoder->limits->pixels) {
        return ftl_fail(err, FTL_LIMIT, "%s: a picture of %dx%d is larger than allowed",
                        decoder->name, frame->width, frame->height);
    }
    bool is_corrupt = (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0;
    set_time(decoder, frame);
    stats->frames++;
    stats->samples += frame->nb_samples;
    stats->errors += is_corrupt ? 1 : 0;
    stats->is_last_corrupt = is_corrupt;
    if (decoder->length_s > decoder->limits->duration_s) {
        return ftl_fail(err, FTL_LIMIT, "%s: longer than %.0f s", decoder->name,
                        decoder->limits->duration_s);
    }
    return FTL_OK;
}

enum ftl_code ftl_decoder_receive(struct ftl_decoder *decoder, struct AVFrame *frame,
                                  enum ftl_flow *ret_flow, struct ftl_err *err)
{
    for (;;) {
        int status = avcodec_receive_frame(decoder->codec, frame);
        if (status == 0) {
            *ret_flow = FTL_FLOW_FRAME;
            return accept(decoder, frame, err);
        }
        if (status == AVERROR_EOF) {
            *ret_flow = FTL_FLOW_END;
            return FTL_OK;
        }
        if (status == AVERROR(EAGAIN)) {
            *ret_flow = decoder->is_draining ? FTL_FLOW_END : FTL_FLOW_NEED_INPUT;
            return FTL_OK;
        }
        if (status == AVERROR(ENOMEM)) {
            return ftl_fail_av(err, FTL_INPUT, status, "%s: decode", decoder->name);
        }
        decoder->stats.errors++;
        decoder->stats.is_last_corrupt = true;
    }
}

void ftl_decoder_stats(const struct ftl_decoder *decoder, struct ftl_decoder_stats *ret)
{
    *ret = decoder->stats;
}
