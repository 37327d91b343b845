#include "media/audio_encode.h"

#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/intreadwrite.h>

#include "media/av_auto.h"
#include "media/av_err.h"
#include "media/measure.h"

enum ftl_code ftl_audio_encode_open(struct ftl_audio_encode *encode,
                                    const struct ftl_plan_output *output, struct ftl_err *err)
{
    *encode = (struct ftl_audio_encode){.packet = av_packet_alloc()};
    if (encode->packet == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for sound");
    }
    if (ftl_encoder_open_audio(&output->audio, ftl_output_has_global_header(output->container),
                               &encode->encoder, err) != FTL_OK)
    {
        return err->code;
    }
    const AVCodecContext *codec = ftl_encoder_context(encode->encoder);
    encode->rest =
        av_audio_fifo_alloc(codec->sample_fmt, codec->ch_layout.nb_channels, codec->frame_size + 1);
    return encode->rest != NULL ? FTL_OK : ftl_fail(err, FTL_NOMEM, "no memory for sound");
}

void ftl_audio_encode_done(struct ftl_audio_encode *encode)
{
    ftl_packets_done(&encode->packets);
    ftl_encoder_free(encode->encoder);
    encode->encoder = NULL;
    av_audio_fifo_free(encode->rest);
    encode->rest = NULL;
    av_packet_free(&encode->packet);
}

static enum ftl_code send(struct ftl_audio_encode *encode, AVFrame *frame, struct ftl_err *err)
{
    if (frame != NULL) {
        frame->pts = encode->samples;
        encode->samples += frame->nb_samples;
    }
    if (ftl_encoder_send(encode->encoder, frame, err) != FTL_OK) {
        return err->code;
    }
    for (;;) {
        enum ftl_flow flow = FTL_FLOW_END;
        if (ftl_encoder_receive(encode->encoder, encode->packet, &flow, err) != FTL_OK) {
            return err->code;
        }
        if (flow != FTL_FLOW_FRAME) {
            return FTL_OK;
        }
        if (ftl_packets_add(&encode->packets, encode->packet, err) != FTL_OK) {
            return err->code;
        }
    }
}

/* Encodes `count` samples of those that wait. */
static enum ftl_code send_rest(struct ftl_audio_encode *encode, int count, struct ftl_err *err)
{
    FTL_AUTO(av_frame) AVFrame *frame = av_frame_alloc();
    const AVCodecContext *codec = ftl_encoder_context(encode->encoder);
    if (frame == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for sound");
    }
    frame->nb_samples = count;
    frame->format = codec->sample_fmt;
    frame->sample_rate = codec->sample_rate;
    int status = av_channel_layout_copy(&frame->ch_layout, &codec->ch_layout);
    if (status >= 0) {
        status = av_frame_get_buffer(frame, 0);
    }
    if (status >= 0) {
        status = av_audio_fifo_read(encode->rest, (void **)frame->extended_data, count);
    }
    return status < 0 ? ftl_fail_av(err, FTL_NOMEM, status, "put sound together")
                      : send(encode, frame, err);
}

enum ftl_code ftl_audio_encode_frame(struct ftl_audio_encode *encode, struct AVFrame *frame,
                                     struct ftl_err *err)
{
    int size = ftl_encoder_context(encode->encoder)->frame_size;
    int waiting = av_audio_fifo_size(encode->rest);
    if (frame == NULL) {
        return waiting > 0 && send_rest(encode, waiting, err) != FTL_OK ? err->code
                                                                        : send(encode, NULL, err);
    }
    if (size == 0 || (waiting == 0 && frame->nb_samples == size)) {
        return send(encode, frame, err);
    }
    int status =
        av_audio_fifo_write(encode->rest, (void **)frame->extended_data, frame->nb_samples);
    if (status < 0) {
        return ftl_fail_av(err, FTL_NOMEM, status, "put sound together");
    }
    while (av_audio_fifo_size(encode->rest) >= size) {
        if (send_rest(encode, size, err) != FTL_OK) {
            return err->code;
        }
    }
    return FTL_OK;
}

static enum ftl_code open_decoder(const AVCodecContext *encoder, AVCodecContext **ret,
                                  struct ftl_err *err)
{
    AVCodecParameters *params = avcodec_parameters_alloc();
    const AVCodec *codec = avcodec_find_decoder(encoder->codec_id);
    FTL_AUTO(av_codec) AVCodecContext *context = avcodec_alloc_context3(codec);
    int status = params != NULL && context != NULL ? 0 : AVERROR(ENOMEM);
    if (status >= 0) {
        status = avcodec_parameters_from_context(params, encoder);
    }
    if (status >= 0) {
        status = avcodec_parameters_to_context(context, params);
    }
    avcodec_parameters_free(&params);
    if (status >= 0) {
        context->pkt_timebase = encoder->time_base;
        status = avcodec_open2(context, codec, NULL);
    }
    if (status < 0) {
        return ftl_fail_av(err, FTL_UNSUPPORTED, status, "decode what was encoded");
    }
    *ret = FTL_TAKE(context);
    return FTL_OK;
}

/* The encoder's run-in is not part of the sound: players skip it by the container's edit list. */
static int mark_run_in(AVPacket *packet, int samples)
{
    uint8_t *data = av_packet_new_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, 10);
    if (data == NULL) {
        return AVERROR(ENOMEM);
    }
    memset(data, 0, 10);
    AV_WL32(data, (uint32_t)samples);
    return 0;
}

static enum ftl_code meter_packet(AVCodecContext *decoder, const AVPacket *packet, AVFrame *frame,
                                  struct ftl_meter *meter, struct ftl_err *err)
{
    int status = avcodec_send_packet(decoder, packet);
    while (status >= 0) {
        status = avcodec_receive_frame(decoder, frame);
        if (status >= 0 && ftl_meter_add(meter, frame, err) != FTL_OK) {
            av_frame_unref(frame);
            return err->code;
        }
        av_frame_unref(frame);
    }
    return status == AVERROR(EAGAIN) || status == AVERROR_EOF
               ? FTL_OK
               : ftl_fail_av(err, FTL_INTERNAL, status, "decode what was encoded");
}

enum ftl_code ftl_audio_encode_measure(const struct ftl_audio_encode *encode,
                                       struct ftl_loudness *ret, struct ftl_err *err)
{
    FTL_AUTO(av_codec) AVCodecContext *decoder = NULL;
    FTL_AUTO(meter) struct ftl_meter *meter = NULL;
    FTL_AUTO(av_frame) AVFrame *frame = av_frame_alloc();
    const AVCodecContext *encoder = ftl_encoder_context(encode->encoder);
    if (frame == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for sound");
    }
    if (open_decoder(encoder, &decoder, err) != FTL_OK || ftl_meter_new(&meter, err) != FTL_OK) {
        return err->code;
    }
    for (size_t i = 0; i < encode->packets.count; i++) {
        if (encode->packets.items[i]->size == 0) {
            continue; /* FLAC's last one carries only the header as it should have been */
        }
        FTL_AUTO(av_packet) AVPacket *packet = av_packet_clone(encode->packets.items[i]);
        int status = packet != NULL ? 0 : AVERROR(ENOMEM);
        if (status >= 0 && i == 0 && encoder->initial_padding > 0) {
            status = mark_run_in(packet, encoder->initial_padding);
        }
        if (status < 0) {
            return ftl_fail_av(err, FTL_NOMEM, status, "decode what was encoded");
        }
        if (meter_packet(decoder, packet, frame, meter, err) != FTL_OK) {
            return err->code;
        }
    }
    if (meter_packet(decoder, NULL, frame, meter, err) != FTL_OK) {
        return err->code;
    }
    return ftl_meter_read(meter, ret, err);
}
