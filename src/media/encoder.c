#include "media/encoder.h"

#include <stdio.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <libavutil/pixdesc.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_compat.h"
#include "media/av_err.h"

struct encoder_row;

struct ftl_encoder {
    AVCodecContext *codec;
    const struct encoder_row *row;
    const char *name; /* libav's; a literal */
};

struct encoder_row {
    const char *codec; /* ours */
    const char *libav;
    enum ftl_media media;
    uint32_t tag; /* in MP4; 0 = libavformat's choice */
    void (*video_options)(const struct ftl_video_plan *plan, AVDictionary **options);
};

static void set_crf(const struct ftl_video_plan *plan, AVDictionary **options)
{
    char text[32];
    if (plan->crf >= 0.0) {
        (void)snprintf(text, sizeof(text), "%g", plan->crf);
        (void)av_dict_set(options, "crf", text, 0);
    }
}

static const char *x26x_preset(enum ftl_speed speed)
{
    static const char *const names[] = {
        [FTL_SPEED_ULTRAFAST] = "ultrafast", [FTL_SPEED_SUPERFAST] = "superfast",
        [FTL_SPEED_VERYFAST] = "veryfast",   [FTL_SPEED_FASTER] = "faster",
        [FTL_SPEED_FAST] = "fast",           [FTL_SPEED_MEDIUM] = "medium",
        [FTL_SPEED_SLOW] = "slow",           [FTL_SPEED_SLOWER] = "slower",
        [FTL_SPEED_VERYSLOW] = "veryslow"};
    return names[speed];
}

static void x264_options(const struct ftl_video_plan *plan, AVDictionary **options)
{
    (void)av_dict_set(options, "preset", x26x_preset(plan->speed), 0);
    set_crf(plan, options);
}

/* x265 takes its threads from `pools`; frame threads change the bytes, so they follow the plan and
 * not the machine. */
static void x265_options(const struct ftl_video_plan *plan, AVDictionary **options)
{
    char params[160];
    int frame_threads = plan->threads <= 1 ? 1 : plan->threads <= 4 ? 2 : 3;
    (void)snprintf(params, sizeof(params),
                   "pools=%d:frame-threads=%d:open-gop=0:info=0:log-level=error:keyint=%d",
                   plan->threads, frame_threads, plan->gop_frames);
    (void)av_dict_set(options, "x265-params", params, 0);
    (void)av_dict_set(options, "preset", x26x_preset(plan->speed), 0);
    set_crf(plan, options);
}

static void svtav1_options(const struct ftl_video_plan *plan, AVDictionary **options)
{
    static const int presets[] = {
        [FTL_SPEED_ULTRAFAST] = 12, [FTL_SPEED_SUPERFAST] = 11, [FTL_SPEED_VERYFAST] = 10,
        [FTL_SPEED_FASTER] = 9,     [FTL_SPEED_FAST] = 8,       [FTL_SPEED_MEDIUM] = 7,
        [FTL_SPEED_SLOW] = 5,       [FTL_SPEED_SLOWER] = 4,     [FTL_SPEED_VERYSLOW] = 3};
    char params[32];
    (void)snprintf(params, sizeof(params), "lp=%d", plan->threads);
    (void)av_dict_set(options, "svtav1-params", params, 0);
    (void)av_dict_set_int(options, "preset", presets[plan->speed], 0);
    set_crf(plan, options);
}

static void vpx_options(const struct ftl_video_plan *plan, AVDictionary **options)
{
    static const int cpu_used[] = {
        [FTL_SPEED_ULTRAFAST] = 5, [FTL_SPEED_SUPERFAST] = 5, [FTL_SPEED_VERYFAST] = 5,
        [FTL_SPEED_FASTER] = 4,    [FTL_SPEED_FAST] = 3,      [FTL_SPEED_MEDIUM] = 2,
        [FTL_SPEED_SLOW] = 1,      [FTL_SPEED_SLOWER] = 1,    [FTL_SPEED_VERYSLOW] = 0};
    int tile_columns = plan->width >= 1440 ? 2 : plan->width >= 640 ? 1 : 0; /* log2 */
    (void)av_dict_set(options, "deadline", "good", 0);
    (void)av_dict_set_int(options, "cpu-used", cpu_used[plan->speed], 0);
    (void)av_dict_set_int(options, "row-mt", 1, 0);
    (void)av_dict_set_int(options, "tile-columns", tile_columns, 0);
    set_crf(plan, options);
}

#define HVC1 ((uint32_t)'h' | (uint32_t)'v' << 8 | (uint32_t)'c' << 16 | (uint32_t)'1' << 24)

static const struct encoder_row rows[] = {
    {"h264", "libx264", FTL_MEDIA_VIDEO, 0, x264_options},
    {"h265", "libx265", FTL_MEDIA_VIDEO, HVC1, x265_options}, /* Apple plays no hev1 */
    {"av1", "libsvtav1", FTL_MEDIA_VIDEO, 0, svtav1_options},
    {"vp9", "libvpx-vp9", FTL_MEDIA_VIDEO, 0, vpx_options},
    {"aac", "aac", FTL_MEDIA_AUDIO, 0, NULL},
    {"opus", "libopus", FTL_MEDIA_AUDIO, 0, NULL},
    {"mp3", "libmp3lame", FTL_MEDIA_AUDIO, 0, NULL},
    {"flac", "flac", FTL_MEDIA_AUDIO, 0, NULL},
    {"pcm", "pcm_s16le", FTL_MEDIA_AUDIO, 0, NULL},
};

static const struct encoder_row *find_row(const char *codec)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].codec, codec) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *ftl_encoder_libav_name(const char *codec)
{
    const struct encoder_row *row = find_row(codec);
    return row != NULL ? row->libav : NULL;
}

const char *ftl_encoder_codec_at(size_t index)
{
    return index < sizeof(rows) / sizeof(rows[0]) ? rows[index].codec : NULL;
}

static enum ftl_code alloc_encoder(const char *codec, enum ftl_media media, bool has_global_header,
                                   struct ftl_encoder **ret, struct ftl_err *err)
{
    const struct encoder_row *row = find_row(codec);
    if (row == NULL || row->media != media) {
        return ftl_fail(err, FTL_INTERNAL, "no encoder is known for \"%s\"", codec);
    }
    const AVCodec *found = avcodec_find_encoder_by_name(row->libav);
    if (found == NULL) {
        return ftl_fail(err, FTL_UNSUPPORTED, "libavcodec here lacks the encoder \"%s\"",
                        row->libav);
    }
    FTL_AUTO(encoder) struct ftl_encoder *encoder = ftl_calloc(1, sizeof(*encoder));
    if (encoder == NULL || (encoder->codec = avcodec_alloc_context3(found)) == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for an encoder");
    }
    encoder->row = row;
    encoder->name = row->libav;
    encoder->codec->codec_tag = row->tag;
    /* No version strings: the same job gives the same bytes. */
    encoder->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    if (has_global_header) {
        encoder->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    }
    *ret = FTL_TAKE(encoder);
    return FTL_OK;
}

static enum ftl_code open_encoder(struct ftl_encoder *encoder, AVDictionary **options,
                                  struct ftl_err *err)
{
    int status = avcodec_open2(encoder->codec, NULL, options);
    const AVDictionaryEntry *left = av_dict_get(*options, "", NULL, AV_DICT_IGNORE_SUFFIX);
    if (status < 0) {
        return ftl_fail_av(err, FTL_INTERNAL, status, "encoder %s", encoder->name);
    }
    if (left != NULL) {
        return ftl_fail(err, FTL_INTERNAL, "encoder %s has no option \"%s\"", encoder->name,
                        left->key);
    }
    return FTL_OK;
}

static void set_video(AVCodecContext *codec, const struct ftl_video_plan *plan)
{
    codec->width = plan->width;
    codec->height = plan->height;
    codec->pix_fmt = av_get_pix_fmt(plan->pix_fmt);
    codec->time_base = (AVRational){plan->frame_rate.den, plan->frame_rate.num};
    codec->framerate = (AVRational){plan->frame_rate.num, plan->frame_rate.den};
    codec->sample_aspect_ratio = (AVRational){1, 1};
    codec->thread_count = plan->threads > 0 ? plan->threads : 1;
    codec->gop_size = plan->gop_frames;
    codec->flags |= (int)AV_CODEC_FLAG_CLOSED_GOP;
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->colorspace = AVCOL_SPC_BT709;
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = AVCOL_TRC_BT709;
    codec->chroma_sample_location = AVCHROMA_LOC_LEFT;
    codec->bit_rate = plan->crf >= 0.0 ? 0 : plan->bitrate;
    if (plan->max_bitrate > 0) {
        codec->rc_max_rate = plan->max_bitrate;
        codec->rc_buffer_size = (int)FFMIN(plan->max_bitrate * 2, INT32_MAX);
    }
}

enum ftl_code ftl_encoder_open_video(const struct ftl_video_plan *plan, bool has_global_header,
                                     struct ftl_encoder **ret, struct ftl_err *err)
{
    FTL_AUTO(encoder) struct ftl_encoder *encoder = NULL;
    FTL_AUTO(av_dict) AVDictionary *options = NULL;
    if (alloc_encoder(plan->codec, FTL_MEDIA_VIDEO, has_global_header, &encoder, err) != FTL_OK) {
        return err->code;
    }
    set_video(encoder->codec, plan);
    encoder->row->video_options(plan, &options);
    if (open_encoder(encoder, &options, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(encoder);
    return FTL_OK;
}

/* Float where the encoder takes it, so that nothing is rounded twice. */
static enum AVSampleFormat choose_sample_format(const AVCodec *codec)
{
    static const enum AVSampleFormat wanted[] = {AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_FLT,
                                                 AV_SAMPLE_FMT_S16, AV_SAMPLE_FMT_S16P};
    const enum AVSampleFormat *formats = ftl_codec_sample_fmts(codec);
    for (size_t w = 0; formats != NULL && w < sizeof(wanted) / sizeof(wanted[0]); w++) {
        for (size_t i = 0; formats[i] != AV_SAMPLE_FMT_NONE; i++) {
            if (formats[i] == wanted[w]) {
                return wanted[w];
            }
        }
    }
    return formats != NULL ? formats[0] : AV_SAMPLE_FMT_FLT;
}

enum ftl_code ftl_encoder_open_audio(const struct ftl_audio_plan *plan, bool has_global_header,
                                     struct ftl_encoder **ret, struct ftl_err *err)
{
    FTL_AUTO(encoder) struct ftl_encoder *encoder = NULL;
    FTL_AUTO(av_dict) AVDictionary *options = NULL;
    if (alloc_encoder(plan->codec, FTL_MEDIA_AUDIO, has_global_header, &encoder, err) != FTL_OK) {
        return err->code;
    }
    AVCodecContext *codec = encoder->codec;
    codec->sample_fmt = choose_sample_format(codec->codec);
    codec->sample_rate = plan->sample_rate_hz;
    codec->time_base = (AVRational){1, plan->sample_rate_hz};
    av_channel_layout_default(&codec->ch_layout, plan->channels);
    codec->bit_rate = plan->bitrate;
    if (open_encoder(encoder, &options, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(encoder);
    return FTL_OK;
}

void ftl_encoder_free(struct ftl_encoder *encoder)
{
    if (encoder != NULL) {
        avcodec_free_context(&encoder->codec);
        ftl_free(encoder);
    }
}

const struct AVCodecContext *ftl_encoder_context(const struct ftl_encoder *encoder)
{
    return encoder->codec;
}

enum ftl_code ftl_encoder_send(struct ftl_encoder *encoder, const struct AVFrame *frame,
                               struct ftl_err *err)
{
    int status = avcodec_send_frame(encoder->codec, frame);
    return status < 0 ? ftl_fail_av(err, FTL_INTERNAL, status, "encoder %s", encoder->name)
                      : FTL_OK;
}

enum ftl_code ftl_encoder_receive(struct ftl_encoder *encoder, struct AVPacket *packet,
                                  enum ftl_flow *ret_flow, struct ftl_err *err)
{
    int status = avcodec_receive_packet(encoder->codec, packet);
    if (status == AVERROR(EAGAIN)) {
        *ret_flow = FTL_FLOW_NEED_INPUT;
        return FTL_OK;
    }
    if (status == AVERROR_EOF) {
        *ret_flow = FTL_FLOW_END;
        return FTL_OK;
    }
    if (status < 0) {
        return ftl_fail_av(err, FTL_INTERNAL, status, "encoder %s", encoder->name);
    }
    if (packet->duration <= 0 && encoder->codec->codec_type == AVMEDIA_TYPE_VIDEO) {
        packet->duration = 1; /* constant rate: one tick */
    }
    *ret_flow = FTL_FLOW_FRAME;
    return FTL_OK;
}
