#include <math.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <libavutil/pixdesc.h>

#include "base/mem.h"
#include "base/str.h"
#include "media/av_auto.h"
#include "media/decoder.h"
#include "media/input.h"
#include "media/measure.h"
#include "media/pipeline.h"

/* Decodes every sound and picture stream of a file from start to end. The result speaks of the
 * first of each; an error in any of them is the file's. */

enum { MOST_THREADS = 8 };

struct check {
    const char *name;
    struct ftl_input *input;
    struct ftl_decoder **decoders; /* by stream index; NULL = not sound or picture */
    int streams;
    int video, audio;        /* stream indexes the result speaks of; -1 = none */
    struct ftl_meter *meter; /* NULL unless wanted */
    AVFrame *frame;
    AVPacket *packet;
    struct ftl_output_result *result;
};

static void check_done(struct check *check)
{
    for (int i = 0; i < check->streams; i++) {
        ftl_decoder_free(check->decoders[i]);
    }
    ftl_free(check->decoders);
    ftl_meter_free(check->meter);
    ftl_input_free(check->input);
    av_frame_free(&check->frame);
    av_packet_free(&check->packet);
}

static int decoder_threads(void)
{
    int cores = av_cpu_count();
    return cores < MOST_THREADS ? cores : MOST_THREADS;
}

static enum ftl_code open_stream(struct check *check, int index, const struct ftl_limits *limits,
                                 struct ftl_err *err)
{
    const AVStream *stream = ftl_input_stream(check->input, index);
    enum AVMediaType type = stream->codecpar->codec_type;
    if (type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO) {
        return FTL_OK;
    }
    int *first = type == AVMEDIA_TYPE_VIDEO ? &check->video : &check->audio;
    if (*first < 0) {
        *first = index;
    }
    const struct ftl_decoder_config config = {
        .threads = type == AVMEDIA_TYPE_VIDEO ? decoder_threads() : 1,
        .limits = limits,
        .name = check->name,
    };
    ftl_input_use(check->input, index);
    return ftl_decoder_open(stream, &config, &check->decoders[index], err);
}

static enum ftl_code open_streams(struct check *check, const struct ftl_limits *limits,
                                  struct ftl_err *err)
{
    int count = (int)ftl_input_format(check->input)->nb_streams;
    check->decoders = ftl_calloc((size_t)count + 1, sizeof(struct ftl_decoder *));
    check->frame = av_frame_alloc();
    check->packet = av_packet_alloc();
    if (check->decoders == NULL || check->frame == NULL || check->packet == NULL) {
        return ftl_fail(err, FTL_NOMEM, "%s: no memory to decode %d streams", check->name, count);
    }
    check->streams = count;
    for (int i = 0; i < count; i++) {
        enum ftl_code code = open_stream(check, i, limits, err);
        if (code != FTL_OK) {
            return code;
        }
    }
    return check->video < 0 && check->audio < 0
               ? ftl_fail(err, FTL_INPUT, "%s: no sound or picture in it", check->name)
               : FTL_OK;
}

static void note_first_frame(struct check *check, int index)
{
    const AVFrame *frame = check->frame;
    struct ftl_output_result *result = check->result;
    if (index == check->video && !result->has_video) {
        result->has_video = true;
        result->width = frame->width;
        result->height = frame->height;
        const char *format = av_get_pix_fmt_name(frame->format);
        (void)ftl_copy_text(result->pix_fmt, sizeof(result->pix_fmt), format ? format : "unknown");
    }
    if (index == check->audio && !result->has_audio) {
        result->has_audio = true;
        result->sample_rate_hz = frame->sample_rate;
        result->channels = frame->ch_layout.nb_channels;
    }
}

/* Takes all frames the decoder has. */
static enum ftl_code take_frames(struct check *check, int index, struct ftl_err *err)
{
    for (;;) {
        enum ftl_flow flow = FTL_FLOW_END;
        enum ftl_code code = ftl_decoder_receive(check->decoders[index], check->frame, &flow, err);
        if (code != FTL_OK || flow != FTL_FLOW_FRAME) {
            return code;
        }
        note_first_frame(check, index);
        if (index == check->audio && check->meter != NULL) {
            code = ftl_meter_add(check->meter, check->frame, err);
        }
        av_frame_unref(check->frame);
        if (code != FTL_OK) {
            return code;
        }
    }
}

static enum ftl_code drain_all(struct check *check, struct ftl_err *err)
{
    for (int i = 0; i < check->streams; i++) {
        if (check->decoders[i] == NULL) {
            continue;
        }
        enum ftl_code code = ftl_decoder_send(check->decoders[i], NULL, err);
        if (code == FTL_OK) {
            code = take_frames(check, i, err);
        }
        if (code != FTL_OK) {
            return code;
        }
    }
    return FTL_OK;
}

static enum ftl_code decode_all(struct check *check, struct ftl_err *err)
{
    for (;;) {
        bool is_end = false;
        enum ftl_code code = ftl_input_read(check->input, check->packet, &is_end, err);
        if (code != FTL_OK) {
            return code;
        }
        if (is_end) {
            return drain_all(check, err);
        }
        int index = check->packet->stream_index;
        bool is_used = index < check->streams && check->decoders[index] != NULL;
        if (is_used) {
            code = ftl_decoder_send(check->decoders[index], check->packet, err);
        }
        av_packet_unref(check->packet);
        if (code == FTL_OK && is_used) {
            code = take_frames(check, index, err);
        }
        if (code != FTL_OK) {
            return code;
        }
    }
}

/* Every decoder must have delivered, and without a complaint. */
static enum ftl_code judge(const struct check *check, struct ftl_err *err)
{
    struct ftl_input_stats input;
    ftl_input_stats(check->input, &input);
    if (input.errors > 0 || input.missing_samples > 0) {
        return ftl_fail(err, FTL_INPUT, "%s: %lld read errors, %lld samples past the end of file",
                        check->name, (long long)input.errors, (long long)input.missing_samples);
    }
    for (int i = 0; i < check->streams; i++) {
        if (check->decoders[i] == NULL) {
            continue;
        }
        struct ftl_decoder_stats stats;
        ftl_decoder_stats(check->decoders[i], &stats);
        if (stats.errors > 0) {
            return ftl_fail(err, FTL_INPUT, "%s: stream %d does not decode cleanly, %lld errors",
                            check->name, i, (long long)stats.errors);
        }
        if (stats.frames == 0) {
            return ftl_fail(err, FTL_INPUT, "%s: nothing in stream %d could be decoded",
                            check->name, i);
        }
    }
    return FTL_OK;
}

/* Padding in the last frame of a sound is not part of it. */
static double end_s(const struct check *check, int index, const struct ftl_decoder_stats *stats)
{
    const AVStream *stream = ftl_input_stream(check->input, index);
    int64_t declared = ftl_input_sound_end(check->input, stream);
    if (declared == AV_NOPTS_VALUE || stream->codecpar->sample_rate <= 0) {
        return stats->end_s;
    }
    double declared_s = (double)declared * av_q2d(stream->time_base);
    double frame_s = (double)stream->codecpar->frame_size / stream->codecpar->sample_rate;
    bool is_padding = stats->end_s > declared_s && stats->end_s - declared_s < frame_s;
    return is_padding ? declared_s : stats->end_s;
}

static double span_s(const struct check *check)
{
    double start_s = HUGE_VAL;
    double latest_s = -HUGE_VAL;
    for (int i = 0; i < check->streams; i++) {
        if (check->decoders[i] != NULL) {
            struct ftl_decoder_stats stats;
            ftl_decoder_stats(check->decoders[i], &stats);
            start_s = fmin(start_s, stats.start_s);
            latest_s = fmax(latest_s, end_s(check, i, &stats));
        }
    }
    return fmax(latest_s - start_s, 0.0);
}

static void fill(struct check *check)
{
    struct ftl_output_result *result = check->result;
    const AVFormatContext *format = ftl_input_format(check->input);
    (void)ftl_copy_text(result->container, sizeof(result->container), format->iformat->name);
    result->bytes = ftl_input_bytes(check->input);
    result->duration_s = span_s(check);
    if (check->video >= 0) {
        const AVStream *stream = ftl_input_stream(check->input, check->video);
        struct ftl_decoder_stats stats;
        ftl_decoder_stats(check->decoders[check->video], &stats);
        result->frames = stats.frames;
        result->frame_rate =
            (struct ftl_rational){stream->avg_frame_rate.num, stream->avg_frame_rate.den};
        (void)ftl_copy_text(result->video_codec, sizeof(result->video_codec),
                            avcodec_get_name(stream->codecpar->codec_id));
    }
    if (check->audio >= 0) {
        const AVStream *stream = ftl_input_stream(check->input, check->audio);
        (void)ftl_copy_text(result->audio_codec, sizeof(result->audio_codec),
                            avcodec_get_name(stream->codecpar->codec_id));
    }
}

static enum ftl_code run(struct check *check, const struct ftl_input_config *config,
                         bool want_loudness, struct ftl_err *err)
{
    enum ftl_code code = ftl_input_open(config, &check->input, err);
    if (code == FTL_OK) {
        code = open_streams(check, config->limits, err);
    }
    if (code == FTL_OK && want_loudness && check->audio >= 0) {
        code = ftl_meter_new(&check->meter, err);
    }
    if (code == FTL_OK) {
        code = decode_all(check, err);
    }
    if (code == FTL_OK) {
        code = judge(check, err);
    }
    if (code == FTL_OK && check->meter != NULL) {
        code = ftl_meter_read(check->meter, &check->result->loudness, err);
    }
    if (code == FTL_OK) {
        fill(check);
    }
    return code;
}

enum ftl_code ftl_media_verify(int fd, const char *name, bool want_loudness,
                               const struct ftl_limits *limits, struct ftl_output_result *ret,
                               struct ftl_err *err)
{
    struct ftl_output_result result = {0};
    struct check check = {.name = name, .video = -1, .audio = -1, .result = &result};
    const struct ftl_input_config config = {.fd = fd, .name = name, .limits = limits};
    enum ftl_code code = run(&check, &config, want_loudness, err);
    check_done(&check);
    if (code == FTL_OK) {
        *ret = result;
    }
    return code;
}
