/* One decoded stream of an input: demuxer and decoder together. Frames come with pts on the input's
 * timeline moved to start at 0 (`zero_s` of the config), in the stream's time base. */
#ifndef FETTLE_MEDIA_TRACK_H
#define FETTLE_MEDIA_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/rational.h>

#include "media/decoder.h"
#include "media/input.h"

struct ftl_track;

struct ftl_track_config {
    struct ftl_input_config input;
    int stream;     /* index in the container */
    int threads;    /* of the decoder */
    double zero_s;  /* container time that becomes 0 */
    bool track_all; /* see every stream's packets, for ftl_input_stats.packets_end_s */
};

enum ftl_code ftl_track_open(const struct ftl_track_config *config, struct ftl_track **ret,
                             struct ftl_err *err) FTL_CHECK;
void ftl_track_free(struct ftl_track *track); /* NULL allowed */

/* FRAME or END; never NEED_INPUT. Polls the config's check between packets. */
enum ftl_code ftl_track_next(struct ftl_track *track, struct AVFrame *frame,
                             enum ftl_flow *ret_flow, struct ftl_err *err) FTL_CHECK;

AVRational ftl_track_time_base(const struct ftl_track *track);
const struct AVStream *ftl_track_stream(const struct ftl_track *track); /* borrowed */
void ftl_track_stats(const struct ftl_track *track, struct ftl_input_stats *ret_input,
                     struct ftl_decoder_stats *ret_decoder);

FTL_AUTO_DEFINE(track, struct ftl_track, ftl_track_free);

#endif
