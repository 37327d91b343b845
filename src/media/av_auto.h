/* Cleanup attributes for libav objects (base/auto.h): FTL_AUTO(av_frame) AVFrame *frame = NULL; */
#ifndef FETTLE_MEDIA_AV_AUTO_H
#define FETTLE_MEDIA_AV_AUTO_H

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/dict.h>
#include <libavutil/frame.h>

#include "base/auto.h"

static inline void ftl_av_frame_free(AVFrame *frame)
{
    av_frame_free(&frame);
}

static inline void ftl_av_packet_free(AVPacket *packet)
{
    av_packet_free(&packet);
}

static inline void ftl_av_codec_free(AVCodecContext *codec)
{
    avcodec_free_context(&codec);
}

static inline void ftl_av_graph_free(AVFilterGraph *graph)
{
    avfilter_graph_free(&graph);
}

static inline void ftl_av_dict_free(AVDictionary *dict)
{
    av_dict_free(&dict);
}

FTL_AUTO_DEFINE(av_frame, AVFrame, ftl_av_frame_free);
FTL_AUTO_DEFINE(av_packet, AVPacket, ftl_av_packet_free);
FTL_AUTO_DEFINE(av_codec, AVCodecContext, ftl_av_codec_free);
FTL_AUTO_DEFINE(av_graph, AVFilterGraph, ftl_av_graph_free);
FTL_AUTO_DEFINE(av_dict, AVDictionary, ftl_av_dict_free);

#endif
