/* The decoded sound of an input, readable again and again: kept in memory while small, otherwise
 * decoded each time. One thread. */
#ifndef FETTLE_MEDIA_REEL_H
#define FETTLE_MEDIA_REEL_H

#include "base/auto.h"
#include "media/track.h"

struct ftl_reel;

enum { FTL_REEL_KEEP_BYTES = 64 * 1024 * 1024 };

/* What `config` points at is borrowed for the reel's life. */
enum ftl_code ftl_reel_new(const struct ftl_track_config *config, struct ftl_reel **ret,
                           struct ftl_err *err) FTL_CHECK;
void ftl_reel_free(struct ftl_reel *reel); /* NULL allowed */

/* Back to the first frame. */
enum ftl_code ftl_reel_rewind(struct ftl_reel *reel, struct ftl_err *err) FTL_CHECK;

/* As ftl_track_next. */
enum ftl_code ftl_reel_next(struct ftl_reel *reel, struct AVFrame *frame, enum ftl_flow *ret_flow,
                            struct ftl_err *err) FTL_CHECK;

AVRational ftl_reel_time_base(const struct ftl_reel *reel);

/* Of a complete reading; is_complete tells whether one happened. */
struct ftl_reel_stats {
    bool is_complete;
    struct ftl_input_stats input;
    struct ftl_decoder_stats decoder;
};
void ftl_reel_stats(const struct ftl_reel *reel, struct ftl_reel_stats *ret);

FTL_AUTO_DEFINE(reel, struct ftl_reel, ftl_reel_free);

#endif
