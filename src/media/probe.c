#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "base/mem.h"
#include "base/str.h"
#include "media/av_auto.h"
#include "media/av_compat.h"
#include "media/av_err.h"
#include "media/geometry.h"
#include "media/input.h"
#include "media/pipeline.h"
#include "media/whole.h"

/* Packets read to learn the rhythm of the pictures, and how much of the file that may take. */
enum { RHYTHM_PACKETS = 300, RHYTHM_READS = 4000, RHYTHM_MIN = 4 };
static const int64_t rhythm_bytes_max = 64 * 1024 * 1024;

static void copy_name(char *to, size_t size, const char *name)
{
    (void)ftl_copy_text(to, size, name != NULL ? name : "unknown");
}

static double seconds(int64_t value, AVRational time_base)
{
    return value != AV_NOPTS_VALUE ? (double)value * av_q2d(time_base) : 0.0;
}

static struct ftl_rational rational(AVRational q)
{
    bool is_known = q.num > 0 && q.den > 0;
    return is_known ? (struct ftl_rational){q.num, q.den} : (struct ftl_rational){0, 0};
}

static void fill_colour(struct ftl_probe_stream *ret, const AVCodecParameters *params)
{
    copy_name(ret->colour_space, sizeof(ret->colour_space),
              av_color_space_name(params->color_space));
    copy_name(ret->colour_primaries, sizeof(ret->colour_primaries),
              av_color_primaries_name(params->color_primaries));
    copy_name(ret->colour_transfer, sizeof(ret->colour_transfer),
              av_color_transfer_name(params->color_trc));
    ret->is_full_range = params->color_range == AVCOL_RANGE_JPEG;
}

static void fill_video(struct ftl_probe_stream *ret, const AVStream *stream)
{
    const AVCodecParameters *params = stream->codecpar;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)params->format);
    struct ftl_geometry geometry;
    ftl_geometry_of_stream(stream, &geometry);
    struct ftl_size upright = ftl_geometry_upright(&geometry, params->width, params->height);
    ret->coded_width = params->width;
    ret->coded_height = params->height;
    ret->sar = geometry.sar;
    ret->rotate_deg = geometry.rotate_deg;
    ret->is_mirrored = geometry.is_mirrored;
    ret->width = upright.width;
    ret->height = upright.height;
    ret->frame_rate = rational(stream->avg_frame_rate);
    ret->nominal_rate = rational(stream->r_frame_rate);
    copy_name(ret->pix_fmt, sizeof(ret->pix_fmt), format != NULL ? format->name : NULL);
    ret->bit_depth = format != NULL ? format->comp[0].depth : 0;
    ret->has_alpha = ftl_input_has_alpha(stream) ||
                     (format != NULL && (format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0);
    ret->is_interlaced =
        params->field_order != AV_FIELD_UNKNOWN && params->field_order != AV_FIELD_PROGRESSIVE;
    fill_colour(ret, params);
}

static void fill_audio(struct ftl_probe_stream *ret, const AVCodecParameters *params)
{
    ret->sample_rate_hz = params->sample_rate;
    ret->channels = params->ch_layout.nb_channels;
    if (av_channel_layout_describe(&params->ch_layout, ret->channel_layout,
                                   sizeof(ret->channel_layout)) < 0)
    {
        copy_name(ret->channel_layout, sizeof(ret->channel_layout), NULL);
    }
}

static void fill_stream(struct ftl_probe_stream *ret, const AVStream *stream)
{
    const AVCodecParameters *params = stream->codecpar;
    const AVDictionaryEntry *language = av_dict_get(stream->metadata, "language", NULL, 0);
    *ret = (struct ftl_probe_stream){.index = stream->index,
                                     .bit_rate = params->bit_rate,
                                     .frames = stream->nb_frames,
                                     .start_s = seconds(stream->start_time, stream->time_base),
                                     .duration_s =
                                         fmax(seconds(stream->duration, stream->time_base), 0.0)};
    copy_name(ret->codec, sizeof(ret->codec),
              params->codec_id != AV_CODEC_ID_NONE ? avcodec_get_name(params->codec_id) : NULL);
    const char *profile = avcodec_profile_name(params->codec_id, params->profile);
    (void)ftl_copy_text(ret->profile, sizeof(ret->profile), profile != NULL ? profile : "");
    (void)ftl_copy_text(ret->language, sizeof(ret->language),
                        language != NULL ? language->value : "");
    ret->is_default = (stream->disposition & AV_DISPOSITION_DEFAULT) != 0;
    ret->is_attached_pic = (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    ret->is_decodable = ftl_input_decoder(params, ftl_input_has_alpha(stream)) != NULL;
    if (params->codec_type == AVMEDIA_TYPE_VIDEO) {
        ret->media = FTL_MEDIA_VIDEO;
        ret->is_decodable = ret->is_decodable && params->width > 0 && params->height > 0;
        fill_video(ret, stream);
    } else if (params->codec_type == AVMEDIA_TYPE_AUDIO) {
        ret->media = FTL_MEDIA_AUDIO;
        ret->is_decodable =
            ret->is_decodable && params->sample_rate > 0 && params->ch_layout.nb_channels > 0;
        fill_audio(ret, params);
    }
}

/* How much a stream is worth as "the" picture: one that moves before one that does not (a motion
 * photo's still may be the larger track), the default one, the larger one. */
static double video_worth(const struct ftl_probe_stream *stream)
{
    double area = (double)stream->width * stream->height;
    bool moves = stream->frames != 1;
    return area + (stream->is_default ? 1e12 : 0.0) + (moves ? 1e13 : 0.0);
}

static double audio_worth(const struct ftl_probe_stream *stream)
{
    return (stream->is_default ? 1e6 : 0.0) + fmin(stream->channels, 64);
}

static int choose(const struct ftl_probe *probe, enum ftl_media media)
{
    int best = -1;
    double best_worth = 0.0;
    for (int i = 0; i < probe->streams_count; i++) {
        const struct ftl_probe_stream *stream = &probe->streams[i];
        if (stream->media != media || !stream->is_decodable || stream->is_attached_pic) {
            continue;
        }
        double worth = media == FTL_MEDIA_VIDEO ? video_worth(stream) : audio_worth(stream);
        if (best < 0 || worth > best_worth) {
            best = i;
            best_worth = worth;
        }
    }
    return best;
}

/* --- rhythm ----------------------------------------------------------------------------------- */

struct rhythm {
    double at_s[RHYTHM_PACKETS];
    int count;
    bool is_whole; /* the stream has no further picture */
};

static int compare_seconds(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static enum ftl_code read_rhythm(struct ftl_input *input, const AVStream *stream,
                                 struct rhythm *ret, struct ftl_err *err)
{
    FTL_AUTO(av_packet) AVPacket *packet = av_packet_alloc();
    int64_t bytes = 0;
    if (packet == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a packet");
    }
    ftl_input_use(input, stream->index);
    for (int reads = 0; reads < RHYTHM_READS && ret->count < RHYTHM_PACKETS; reads++) {
        bool is_end = false;
        if (ftl_input_read(input, packet, &is_end, err) != FTL_OK) {
            return err->code;
        }
        if (is_end) {
            ret->is_whole = true;
            break;
        }
        if (packet->pts != AV_NOPTS_VALUE && (packet->flags & AV_PKT_FLAG_DISCARD) == 0) {
            ret->at_s[ret->count++] = seconds(packet->pts, stream->time_base);
        }
        bytes += packet->size;
        av_packet_unref(packet);
        if (bytes > rhythm_bytes_max) {
            break;
        }
    }
    qsort(ret->at_s, (size_t)ret->count, sizeof(ret->at_s[0]), compare_seconds);
    return FTL_OK;
}

/* The exact rate behind a measured one: containers with millisecond clocks blur it. */
static struct ftl_rational nearest_rate(double rate)
{
    static const struct ftl_rational standard[] = {
        {24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {48, 1}, {50, 1}, {60000, 1001},
        {60, 1},       {12, 1}, {15, 1}, {16, 1},       {8, 1},  {10, 1}, {20, 1}, {120, 1}};
    struct ftl_rational best = {0, 0};
    double best_off = 0.0004; /* 24 and 24000/1001 are 0.001 apart */
    for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++) {
        double off = fabs(ftl_rational_to_double(standard[i]) / rate - 1.0);
        if (off < best_off) {
            best = standard[i];
            best_off = off;
        }
    }
    if (best.den == 0) {
        AVRational q = av_d2q(rate, 100000);
        best = (struct ftl_rational){q.num, q.den};
    }
    return best;
}

/* Steady when no picture is further from its turn than half a frame, or two clock ticks. */
static void judge_rhythm(const struct rhythm *rhythm, double tick_s, struct ftl_probe_stream *ret)
{
    if (rhythm->count < RHYTHM_MIN) {
        return;
    }
    int steps = rhythm->count - 1;
    double span_s = rhythm->at_s[steps] - rhythm->at_s[0];
    double mean_s = span_s / steps;
    bool is_steady = span_s > 0.0;
    for (int i = 1; is_steady && i <= steps; i++) {
        double off_s = fabs(rhythm->at_s[i] - rhythm->at_s[0] - i * mean_s);
        double step_s = rhythm->at_s[i] - rhythm->at_s[i - 1];
        is_steady = off_s <= fmax(0.25 * mean_s, 2.0 * tick_s) &&
                    fabs(step_s - mean_s) <= fmax(0.25 * mean_s, 2.0 * tick_s);
    }
    ret->is_variable_rate = !is_steady;
    if (span_s > 0.0 && (is_steady || rhythm->is_whole)) {
        ret->frame_rate = nearest_rate(1.0 / mean_s);
    }
}

static enum ftl_code learn_rhythm(struct ftl_input *input, struct ftl_probe_stream *stream,
                                  struct ftl_err *err)
{
    struct rhythm rhythm = {.count = 0};
    const AVStream *from = ftl_input_stream(input, stream->index);
    if (read_rhythm(input, from, &rhythm, err) != FTL_OK) {
        return err->code;
    }
    judge_rhythm(&rhythm, av_q2d(from->time_base), stream);
    return FTL_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool is_still_format(const AVFormatContext *format)
{
    const char *name = format->iformat->name;
    return format->nb_streams == 1 && strcmp(name, "gif_pipe") != 0 &&
           (ftl_ends_with(name, "_pipe") || strcmp(name, "image2") == 0);
}

static void fill_container(struct ftl_probe *ret, struct ftl_input *input)
{
    const AVFormatContext *format = ftl_input_format(input);
    copy_name(ret->container, sizeof(ret->container), format->iformat->name);
    ret->probe_score = format->probe_score;
    ret->bytes = ftl_input_bytes(input);
    ret->start_s = seconds(format->start_time, AV_TIME_BASE_Q);
    ret->duration_s = fmax(seconds(format->duration, AV_TIME_BASE_Q), 0.0);
    ret->bit_rate = format->bit_rate;
    ret->is_still = is_still_format(format);
    for (unsigned i = 0; i < format->nb_streams; i++) {
        if (ret->streams_count < FTL_PROBE_MAX_STREAMS) {
            fill_stream(&ret->streams[ret->streams_count++], format->streams[i]);
        } else {
            ret->streams_left_out++;
        }
    }
}

/* Names what stands in the way when nothing can be used. */
static enum ftl_code check_usable(const struct ftl_probe *probe, const char *name,
                                  struct ftl_err *err)
{
    bool has_cover = false;
    if (probe->video >= 0 || probe->audio >= 0) {
        return FTL_OK;
    }
    for (int i = 0; i < probe->streams_count; i++) {
        const struct ftl_probe_stream *stream = &probe->streams[i];
        has_cover = has_cover || stream->is_attached_pic;
        if (stream->media != FTL_MEDIA_NONE && !stream->is_decodable) {
            return ftl_fail(err, FTL_UNSUPPORTED, "%s: the codec \"%s\" is not supported here",
                            name, stream->codec);
        }
    }
    return ftl_fail(err, FTL_INPUT, "%s: holds neither picture nor sound%s", name,
                    has_cover ? ", only a cover" : "");
}

enum ftl_code ftl_media_probe(int fd, const char *name, const struct ftl_limits *limits,
                              struct ftl_probe *ret, struct ftl_err *err)
{
    FTL_AUTO(input) struct ftl_input *input = NULL;
    FTL_AUTO_FREE struct ftl_probe *probe = ftl_calloc(1, sizeof(*probe));
    const struct ftl_input_config config = {.fd = fd, .name = name, .limits = limits};
    if (probe == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a probe");
    }
    av_max_alloc((size_t)limits->alloc_bytes);
    if (ftl_input_open(&config, &input, err) != FTL_OK) {
        return err->code;
    }
    fill_container(probe, input);
    probe->video = choose(probe, FTL_MEDIA_VIDEO);
    probe->audio = choose(probe, FTL_MEDIA_AUDIO);
    if (check_usable(probe, name, err) != FTL_OK) {
        bool is_cut = ftl_whole_check(fd, probe->bytes) == FTL_WHOLE_CUT;
        return is_cut ? ftl_fail(err, FTL_TRUNCATED, "%s: the file ends inside its index", name)
                      : err->code;
    }
    if (probe->video >= 0 && !probe->is_still &&
        learn_rhythm(input, &probe->streams[probe->video], err) != FTL_OK)
    {
        return err->code;
    }
    *ret = *probe;
    return FTL_OK;
}
