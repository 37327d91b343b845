/* One stream's decoder. Push packets, pull frames:
 *
 *   ftl_decoder_open(stream, &config, &decoder, &err);
 *   ftl_decoder_send(decoder, packet, &err);            NULL = no more packets
 *   ftl_decoder_receive(decoder, frame, &state, &err);  until NEED_INPUT or END
 *
 * Or let a track (track.h) read and decode together. */
#ifndef FETTLE_MEDIA_DECODER_H
#define FETTLE_MEDIA_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/plan.h>

#include "base/auto.h"
#include "media/input.h"

struct AVFrame;
struct AVPacket;
struct ftl_decoder;

/* Time that goes back further than this is a clock that starts anew (parts put together, however
 * short); less is jitter. */
#define FTL_CLOCK_BACK_S 0.3

enum ftl_flow {
    FTL_FLOW_FRAME,      /* something was delivered */
    FTL_FLOW_NEED_INPUT, /* nothing yet: feed more */
    FTL_FLOW_END,        /* nothing any more */
};

struct ftl_decoder_config {
    int threads;                     /* 0 = 1 */
    const struct ftl_limits *limits; /* borrowed */
    const char *name;                /* of the input, for messages; borrowed */
};

/* UNSUPPORTED (no decoder, or refused), LIMIT (picture too large), NOMEM. */
enum ftl_code ftl_decoder_open(const struct AVStream *stream,
                               const struct ftl_decoder_config *config, struct ftl_decoder **ret,
                               struct ftl_err *err) FTL_CHECK;
void ftl_decoder_free(struct ftl_decoder *decoder); /* NULL allowed */

/* The packet stays the caller's. A packet that does not decode is counted, not returned. */
enum ftl_code ftl_decoder_send(struct ftl_decoder *decoder, const struct AVPacket *packet,
                               struct ftl_err *err) FTL_CHECK;

/* Moves the next frame into *frame (an empty shell): pts is best effort in the stream's time base,
 * never AV_NOPTS_VALUE, strictly increasing but for clocks that start anew; frame->time_base is
 * not used. LIMIT when the picture or the decoded duration is over its bound. */
enum ftl_code ftl_decoder_receive(struct ftl_decoder *decoder, struct AVFrame *frame,
                                  enum ftl_flow *ret_flow, struct ftl_err *err) FTL_CHECK;

struct ftl_decoder_stats {
    int64_t frames;       /* delivered */
    int64_t samples;      /* audio: per channel */
    int64_t errors;       /* packets that failed, frames marked corrupt or concealed */
    bool is_last_corrupt; /* the last frame or packet was one of those */
    bool has_new_clock;   /* set by a track: the clock started anew, declared ends mean nothing */
    double start_s;       /* pts of the first frame, stream time in seconds */
    double end_s;         /* the latest end of a frame likewise */
};
void ftl_decoder_stats(const struct ftl_decoder *decoder, struct ftl_decoder_stats *ret);

FTL_AUTO_DEFINE(decoder, struct ftl_decoder, ftl_decoder_free);

#endif
