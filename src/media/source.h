/* One decoded stream of an input: demuxer and decoder together. Frames come with pts on the input's
 * timeline moved to start at 0 (`zero_s` of the config), in the stream's time base. */
#ifndef FETTLE_MEDIA_SOURCE_H
#define FETTLE_MEDIA_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/rational.h>

#include "media/decoder.h"
#include "media/input.h"

struct ftl_source;

struct ftl_source_config {
    struct ftl_input_config input;
    int stream;     /* index in the container */
    int threads;    /* of the decoder */
    double zero_s;  /* container time that becomes 0 */
    bool track_all; /* see every stream's packets, for ftl_input_stats.packets_end_s */
};

enum ftl_code ftl_source_open(const struct ftl_source_config *config, struct ftl_source **ret,
                              struct ftl_err *err) FTL_CHECK;
void ftl_source_free(struct ftl_source *source); /* NULL allowed */

/* FRAME or END; never NEED_INPUT. Polls the config's check between packets. */
enum ftl_code ftl_source_next(struct ftl_source *source, struct AVFrame *frame,
                              enum ftl_flow *ret_flow, struct ftl_err *err) FTL_CHECK;

AVRational ftl_source_time_base(const struct ftl_source *source);
const struct AVStream *ftl_source_stream(const struct ftl_source *source); /* borrowed */
struct ftl_input *ftl_source_input(struct ftl_source *source);             /* borrowed */
void ftl_source_stats(const struct ftl_source *source, struct ftl_input_stats *ret_input,
                      struct ftl_decoder_stats *ret_decoder);

FTL_AUTO_DEFINE(source, struct ftl_source, ftl_source_free);

#endif
