/* Encoders by the plan's names: one table says which libav encoder, which options, what "speed"
 * means to it. */
#ifndef FETTLE_MEDIA_ENCODER_H
#define FETTLE_MEDIA_ENCODER_H

#include <stdbool.h>

#include <fettle/plan.h>

#include "base/auto.h"
#include "media/decoder.h"

struct AVCodecContext;
struct AVFrame;
struct AVPacket;
struct ftl_encoder;

/* has_global_header: the container keeps the codec's headers itself (MP4, Matroska). UNSUPPORTED
 * when this libavcodec lacks the encoder, INTERNAL for options it refuses. */
enum ftl_code ftl_encoder_open_video(const struct ftl_video_plan *plan, bool has_global_header,
                                     struct ftl_encoder **ret, struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_encoder_open_audio(const struct ftl_audio_plan *plan, bool has_global_header,
                                     struct ftl_encoder **ret, struct ftl_err *err) FTL_CHECK;
void ftl_encoder_free(struct ftl_encoder *encoder); /* NULL allowed */

/* Borrowed: format, frame_size, time base (1/rate), parameters for the muxer. */
const struct AVCodecContext *ftl_encoder_context(const struct ftl_encoder *encoder);

/* The frame's pts counts in the encoder's time base; it stays the caller's. NULL = no more. */
enum ftl_code ftl_encoder_send(struct ftl_encoder *encoder, const struct AVFrame *frame,
                               struct ftl_err *err) FTL_CHECK;

/* Every packet has a duration: MP4 would lose the last frame without. */
enum ftl_code ftl_encoder_receive(struct ftl_encoder *encoder, struct AVPacket *packet,
                                  enum ftl_flow *ret_flow, struct ftl_err *err) FTL_CHECK;

/* libav's name of the encoder for our codec name; NULL if the name is unknown. For the inventory.
 */
const char *ftl_encoder_libav_name(const char *codec);
const char *ftl_encoder_codec_at(size_t index); /* our names; NULL past the end */

FTL_AUTO_DEFINE(encoder, struct ftl_encoder, ftl_encoder_free);

#endif
