/* One encode of filtered sound, and how loud the result is when it is decoded again. */
#ifndef FETTLE_MEDIA_AUDIO_ENCODE_H
#define FETTLE_MEDIA_AUDIO_ENCODE_H

#include <stdint.h>

#include <fettle/plan.h>
#include <fettle/value.h>

#include "media/encoder.h"
#include "media/output.h"

struct ftl_audio_encode {
    struct ftl_encoder *encoder;
    struct AVPacket *packet; /* a shell */
    struct ftl_packets packets;
    /* Short of a full frame: a graph that was drained in the middle ends with less. */
    struct AVAudioFifo *rest;
    int64_t samples; /* per channel that went in */
};

/* For the sound of `output`. Also after a failure, ftl_audio_encode_done() releases it. */
enum ftl_code ftl_audio_encode_open(struct ftl_audio_encode *encode,
                                    const struct ftl_plan_output *output,
                                    struct ftl_err *err) FTL_CHECK;
void ftl_audio_encode_done(struct ftl_audio_encode *encode);

/* Frames in the encoder's format, in order; NULL = no more. The pts is set here: gaps were filled
 * before, so the count of samples is the clock. */
enum ftl_code ftl_audio_encode_frame(struct ftl_audio_encode *encode, struct AVFrame *frame,
                                     struct ftl_err *err) FTL_CHECK;

/* Decodes all packets and measures them, without the encoder's run-in. */
enum ftl_code ftl_audio_encode_measure(const struct ftl_audio_encode *encode,
                                       struct ftl_loudness *ret, struct ftl_err *err) FTL_CHECK;

#endif
