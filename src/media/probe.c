#include <math.h>
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
#include "media/walk.h"
#include "media/whole.h"

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
    ret->bytes = ftl_input_bytes(input);
    ret->start_s = seconds(format->start_time, AV_TIME_BASE_Q);
    ret->duration_s = fmax(seconds(format->duration, AV_TIME_BASE_Q), 0.0);
    ret->is_duration_guessed = format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE;
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
    if (!probe->is_still && ftl_walk_packets(input, probe, err) != FTL_OK) {
        return err->code;
    }
    *ret = *probe;
    return FTL_OK;
}
