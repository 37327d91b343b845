#include "media/reel.h"

#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_err.h"

struct ftl_reel {
    struct ftl_track_config config;
    struct ftl_track *track; /* while decoding */
    AVFrame **frames;        /* kept ones */
    size_t count, size, next;
    int64_t bytes;
    AVRational time_base;
    bool is_kept;    /* all of it is in frames[] */
    bool is_keeping; /* may become so */
    struct ftl_reel_stats stats;
};

static void drop_frames(struct ftl_reel *reel)
{
    for (size_t i = 0; i < reel->count; i++) {
        av_frame_free(&reel->frames[i]);
    }
    ftl_free(reel->frames);
    reel->frames = NULL;
    reel->count = 0;
    reel->size = 0;
}

enum ftl_code ftl_reel_new(const struct ftl_track_config *config, struct ftl_reel **ret,
                           struct ftl_err *err)
{
    FTL_AUTO(reel) struct ftl_reel *reel = ftl_calloc(1, sizeof(*reel));
    if (reel == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for sound");
    }
    reel->config = *config;
    reel->is_keeping = true;
    if (ftl_track_open(&reel->config, &reel->track, err) != FTL_OK) {
        return err->code;
    }
    reel->time_base = ftl_track_time_base(reel->track);
    *ret = FTL_TAKE(reel);
    return FTL_OK;
}

void ftl_reel_free(struct ftl_reel *reel)
{
    if (reel != NULL) {
        drop_frames(reel);
        ftl_track_free(reel->track);
        ftl_free(reel);
    }
}

enum ftl_code ftl_reel_rewind(struct ftl_reel *reel, struct ftl_err *err)
{
    reel->next = 0;
    if (reel->is_kept) {
        return FTL_OK;
    }
    drop_frames(reel); /* of a reading that was broken off */
    reel->bytes = 0;
    ftl_track_free(FTL_TAKE(reel->track));
    return ftl_track_open(&reel->config, &reel->track, err);
}

/* A reference to the frame goes into the list; over the bound the list is given up. */
static enum ftl_code keep(struct ftl_reel *reel, const AVFrame *frame, struct ftl_err *err)
{
    reel->bytes += av_samples_get_buffer_size(NULL, frame->ch_layout.nb_channels, frame->nb_samples,
                                              (enum AVSampleFormat)frame->format, 1);
    if (reel->bytes > FTL_REEL_KEEP_BYTES) {
        reel->is_keeping = false;
        drop_frames(reel);
        return FTL_OK;
    }
    if (reel->count == reel->size) {
        size_t size = reel->size * 2 + 256;
        AVFrame **frames = ftl_realloc(reel->frames, size * sizeof(AVFrame *));
        if (frames == NULL) {
            return ftl_fail(err, FTL_NOMEM, "no memory for sound");
        }
        reel->frames = frames;
        reel->size = size;
    }
    AVFrame *copy = av_frame_clone(frame);
    if (copy == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for sound");
    }
    reel->frames[reel->count++] = copy;
    return FTL_OK;
}

enum ftl_code ftl_reel_next(struct ftl_reel *reel, struct AVFrame *frame, enum ftl_flow *ret_flow,
                            struct ftl_err *err)
{
    if (reel->is_kept) {
        *ret_flow = reel->next < reel->count ? FTL_FLOW_FRAME : FTL_FLOW_END;
        if (*ret_flow == FTL_FLOW_END) {
            return FTL_OK;
        }
        int status = av_frame_ref(frame, reel->frames[reel->next++]);
        return status < 0 ? ftl_fail_av(err, FTL_NOMEM, status, "read kept sound") : FTL_OK;
    }
    if (ftl_track_next(reel->track, frame, ret_flow, err) != FTL_OK) {
        return err->code;
    }
    if (*ret_flow == FTL_FLOW_FRAME) {
        return reel->is_keeping ? keep(reel, frame, err) : FTL_OK;
    }
    reel->stats.is_complete = true;
    ftl_track_stats(reel->track, &reel->stats.input, &reel->stats.decoder);
    reel->is_kept = reel->is_keeping;
    return FTL_OK;
}

AVRational ftl_reel_time_base(const struct ftl_reel *reel)
{
    return reel->time_base;
}

void ftl_reel_stats(const struct ftl_reel *reel, struct ftl_reel_stats *ret)
{
    *ret = reel->stats;
}
