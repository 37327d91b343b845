/* Every libav version difference in one place: FFmpeg 5.1 (Debian 12) is the floor, 7.1 (Debian 13)
 * must build. Code elsewhere uses these names and has no version #if. */
#ifndef FETTLE_MEDIA_AV_COMPAT_H
#define FETTLE_MEDIA_AV_COMPAT_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>

#define FTL_LAVU_AT_LEAST(a, b) (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(a, b, 0))
#define FTL_LAVC_AT_LEAST(a, b) (LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(a, b, 0))
#define FTL_LAVF_AT_LEAST(a, b) (LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(a, b, 0))

/* AVIO write callbacks take const bytes from libavformat 61 on. */
#if FTL_LAVF_AT_LEAST(61, 0)
typedef const uint8_t ftl_avio_byte;
#else
typedef uint8_t ftl_avio_byte;
#endif

static inline int64_t ftl_frame_duration(const AVFrame *frame)
{
#if FTL_LAVU_AT_LEAST(57, 30)
    return frame->duration;
#else
    return frame->pkt_duration;
#endif
}

static inline void ftl_frame_set_duration(AVFrame *frame, int64_t duration)
{
#if FTL_LAVU_AT_LEAST(57, 30)
    frame->duration = duration;
#else
    frame->pkt_duration = duration;
#endif
}

static inline bool ftl_frame_is_interlaced(const AVFrame *frame)
{
#if FTL_LAVU_AT_LEAST(58, 7)
    return (frame->flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
    return frame->interlaced_frame != 0;
#endif
}

static inline bool ftl_frame_is_key(const AVFrame *frame)
{
#if FTL_LAVU_AT_LEAST(58, 7)
    return (frame->flags & AV_FRAME_FLAG_KEY) != 0;
#else
    return frame->key_frame != 0;
#endif
}

/* Side data of a stream's parameters; NULL if absent. */
static inline const uint8_t *ftl_stream_side_data(const AVStream *stream,
                                                  enum AVPacketSideDataType type, size_t *ret_size)
{
#if FTL_LAVF_AT_LEAST(60, 15)
    const AVPacketSideData *data = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, type);
    *ret_size = data != NULL ? data->size : 0;
    return data != NULL ? data->data : NULL;
#else
    return av_stream_get_side_data(stream, type, ret_size);
#endif
}

/* libavfilter 10 negotiates colour space and range between links, so a source has to declare them.
 */
static inline void ftl_buffersrc_set_colour(AVBufferSrcParameters *params, const AVFrame *frame)
{
#if LIBAVFILTER_VERSION_INT >= AV_VERSION_INT(10, 0, 0)
    params->color_space = frame->colorspace;
    params->color_range = frame->color_range;
#else
    (void)params;
    (void)frame;
#endif
}

/* Lists an encoder supports, ended by -1 / 0; NULL = anything. */
static inline const enum AVSampleFormat *ftl_codec_sample_fmts(const AVCodec *codec)
{
#if FTL_LAVC_AT_LEAST(61, 13)
    const void *list = NULL;
    (void)avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &list, NULL);
    return list;
#else
    return codec->sample_fmts;
#endif
}

static inline const int *ftl_codec_sample_rates(const AVCodec *codec)
{
#if FTL_LAVC_AT_LEAST(61, 13)
    const void *list = NULL;
    (void)avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_RATE, 0, &list, NULL);
    return list;
#else
    return codec->supported_samplerates;
#endif
}

#endif
