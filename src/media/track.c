#include "media/track.h"

#include <math.h>

#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_compat.h"

enum { JUMP_S = 10 };

struct ftl_track {
    struct ftl_input *input;
    struct ftl_decoder *decoder;
    AVPacket *packet;
    const AVStream *stream;
    AVRational time_base; /* of the frames handed out */
    const char *name;
    double limit_s;    /* how long it may be */
    int64_t audio_end; /* in the stream's time base; AV_NOPTS_VALUE = not said to the sample */
    bool has_jumped;
    bool may_jump;    /* a format whose clock may start anew in the middle */
    int64_t offset;   /* added to pts, in time_base */
    int64_t last_pts; /* of the frame before */
    int64_t next_pts; /* where the next frame belongs if time just goes on */
    bool has_next;
    double start_s, end_s; /* of what was handed out, on the moved timeline */
};

/* Sound counts in samples: containers with coarse clocks (Matroska: 1 ms) would make it jitter. */
static AVRational frame_time_base(const AVStream *stream)
{
    const AVCodecParameters *params = stream->codecpar;
    if (params->codec_type == AVMEDIA_TYPE_AUDIO && params->sample_rate > 0) {
        return (AVRational){1, params->sample_rate};
    }
    return stream->time_base;
}

enum ftl_code ftl_track_open(const struct ftl_track_config *config, struct ftl_track **ret,
                             struct ftl_err *err)
{
    FTL_AUTO(track) struct ftl_track *track = ftl_calloc(1, sizeof(*track));
    if (track == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a track");
    }
    track->packet = av_packet_alloc();
    if (track->packet == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a track");
    }
    if (ftl_input_open(&config->input, &track->input, err) != FTL_OK) {
        return err->code;
    }
    track->stream = ftl_input_stream(track->input, config->stream);
    if (track->stream == NULL) {
        return ftl_fail(err, FTL_INPUT, "%s: has no stream %d", config->input.name, config->stream);
    }
    ftl_input_use(track->input, config->stream);
    if (config->track_all) {
        ftl_input_track_all(track->input);
    }
    track->audio_end = ftl_input_sound_end(track->input, track->stream);
    track->time_base = frame_time_base(track->stream);
    track->name = config->input.name;
    track->limit_s = config->input.limits->duration_s;
    track->offset = -llround(config->zero_s / av_q2d(track->time_base));
    track->may_jump = (ftl_input_format(track->input)->iformat->flags & AVFMT_TS_DISCONT) != 0;
    if (ftl_decoder_open(track->stream,
                         &(struct ftl_decoder_config){.threads = config->threads,
                                                      .limits = config->input.limits,
                                                      .name = config->input.name},
                         &track->decoder, err) != FTL_OK)
    {
        return err->code;
    }
    *ret = FTL_TAKE(track);
    return FTL_OK;
}

void ftl_track_free(struct ftl_track *track)
{
    if (track != NULL) {
        ftl_decoder_free(track->decoder);
        ftl_input_free(track->input);
        av_packet_free(&track->packet);
        ftl_free(track);
    }
}

/* Uncompressed sound often does not say which channel is which; graphs want to know. */
static void settle_layout(AVFrame *frame)
{
    int count = frame->ch_layout.nb_channels;
    if (frame->ch_layout.order != AV_CHANNEL_ORDER_UNSPEC || count <= 0) {
        return;
    }
    av_channel_layout_default(&frame->ch_layout, count);
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC && count < 63) {
        (void)av_channel_layout_from_mask(&frame->ch_layout, ((uint64_t)1 << count) - 1);
    }
}

/* MP4 says to the sample where sound ends; decoders of libavcodec 59 give the whole last frame. */
static void trim_padding(const struct ftl_track *track, AVFrame *frame)
{
    if (track->audio_end == AV_NOPTS_VALUE) {
        return;
    }
    int64_t end = av_rescale_q(track->audio_end, track->stream->time_base, track->time_base);
    int64_t at = av_rescale_q(frame->pts, track->stream->time_base, track->time_base);
    if (at < end && end < at + frame->nb_samples) {
        frame->nb_samples = (int)(end - at);
    }
}

/* Moves pts onto the source's timeline. Two repairs: a clock that starts anew (MPEG-TS, parts put
 * together) goes on where it was; sound within 50 ms of where it belongs is put exactly there. */
static enum ftl_code place(struct ftl_track *track, AVFrame *frame, struct ftl_err *err)
{
    bool is_audio = frame->nb_samples > 0;
    AVRational from = track->stream->time_base;
    if (is_audio) {
        settle_layout(frame);
        trim_padding(track, frame);
    }
    int64_t pts = av_rescale_q(frame->pts, from, track->time_base) + track->offset;
    int64_t duration =
        is_audio
            ? av_rescale_q(frame->nb_samples, (AVRational){1, frame->sample_rate}, track->time_base)
            : av_rescale_q(ftl_frame_duration(frame), from, track->time_base);
    if (track->has_next) {
        double gap_s = (double)(pts - track->next_pts) * av_q2d(track->time_base);
        double step_s = (double)(pts - track->last_pts) * av_q2d(track->time_base);
        /* the decoder lets time go back for a new clock only; durations may lie */
        if (step_s < -FTL_CLOCK_BACK_S / 2 || (track->may_jump && gap_s > JUMP_S)) {
            track->offset += track->next_pts - pts;
            pts = track->next_pts;
            track->has_jumped = true;
        } else if (is_audio && fabs(gap_s) < 0.05) {
            pts = track->next_pts;
        }
    } else {
        track->start_s = (double)pts * av_q2d(track->time_base);
    }
    frame->pts = pts;
    ftl_frame_set_duration(frame, duration);
    track->last_pts = pts;
    track->next_pts = pts + duration;
    track->has_next = true;
    track->end_s = (double)track->next_pts * av_q2d(track->time_base);
    if (track->end_s - track->start_s > track->limit_s) {
        return ftl_fail(err, FTL_LIMIT, "%s: longer than %.0f s", track->name, track->limit_s);
    }
    return FTL_OK;
}

static enum ftl_code feed(struct ftl_track *track, struct ftl_err *err)
{
    bool is_end = false;
    if (ftl_input_read(track->input, track->packet, &is_end, err) != FTL_OK) {
        return err->code;
    }
    enum ftl_code code = ftl_decoder_send(track->decoder, is_end ? NULL : track->packet, err);
    av_packet_unref(track->packet);
    return code;
}

enum ftl_code ftl_track_next(struct ftl_track *track, struct AVFrame *frame,
                             enum ftl_flow *ret_flow, struct ftl_err *err)
{
    for (;;) {
        if (ftl_decoder_receive(track->decoder, frame, ret_flow, err) != FTL_OK) {
            return err->code;
        }
        if (*ret_flow == FTL_FLOW_FRAME) {
            return place(track, frame, err);
        }
        if (*ret_flow == FTL_FLOW_END) {
            return FTL_OK;
        }
        if (feed(track, err) != FTL_OK) {
            return err->code;
        }
    }
}

AVRational ftl_track_time_base(const struct ftl_track *track)
{
    return track->time_base;
}

const struct AVStream *ftl_track_stream(const struct ftl_track *track)
{
    return track->stream;
}

void ftl_track_stats(const struct ftl_track *track, struct ftl_input_stats *ret_input,
                     struct ftl_decoder_stats *ret_decoder)
{
    ftl_input_stats(track->input, ret_input);
    ftl_decoder_stats(track->decoder, ret_decoder);
    ret_decoder->start_s = track->start_s;
    ret_decoder->end_s = track->end_s;
    ret_decoder->has_new_clock = track->has_jumped;
}
