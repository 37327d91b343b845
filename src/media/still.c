#include "media/still.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/frame.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_err.h"
#include "media/still_encode.h"
#include "media/still_score.h"

enum {
    MAX_CANDIDATES = 12,
    THUMB_WIDTH = 32, /* what cuts are seen by */
    THUMB_HEIGHT = 18,
    THUMB_PIXELS = THUMB_WIDTH * THUMB_HEIGHT,
};

static const double time_slack_s = 0.001; /* rounding of time stamps */
static const double cut_window_s = 0.25;  /* a frame this near to a cut is doubtful */
static const double cut_difference = 20.0;

struct candidate {
    AVFrame *frame;
    double time_s;
    struct ftl_still_features features;
    bool is_near_cut;
    struct ftl_still_verdict verdict; /* set once the cut window has passed */
};

struct ftl_still {
    const struct ftl_still_plan *plan;
    double duration_s; /* as announced; 0 = unknown */
    AVFrame *kept;     /* AT_TIME: the choice, or the latest frame before it */
    double kept_s;
    bool is_chosen;           /* AT_TIME */
    struct candidate best;    /* AT_BEST: frame NULL = none yet */
    struct candidate pending; /* scored, but a cut may still follow it closely */
    int candidates;
    double next_s; /* time from which the next candidate is taken */
    double last_cut_s;
    uint8_t thumb[THUMB_PIXELS]; /* of the previous frame */
    bool has_thumb;
    double usual_difference; /* running mean between neighbours */
    struct SwsContext *thumb_sws, *quarter_sws;
};

enum ftl_code ftl_still_new(const struct ftl_still_plan *plan, double duration_s,
                            struct ftl_still **ret, struct ftl_err *err)
{
    struct ftl_still *still = ftl_calloc(1, sizeof(*still));
    if (still == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a still");
    }
    still->plan = plan;
    still->duration_s = duration_s > 0.0 ? duration_s : 0.0;
    still->last_cut_s = -HUGE_VAL;
    *ret = still;
    return FTL_OK;
}

void ftl_still_free(struct ftl_still *still)
{
    if (still == NULL) {
        return;
    }
    av_frame_free(&still->kept);
    av_frame_free(&still->best.frame);
    av_frame_free(&still->pending.frame);
    sws_freeContext(still->thumb_sws);
    sws_freeContext(still->quarter_sws);
    ftl_free(still);
}

static enum ftl_code keep(AVFrame **slot, const AVFrame *frame, struct ftl_err *err)
{
    AVFrame *clone = av_frame_clone(frame);
    if (clone == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory to keep a frame");
    }
    av_frame_free(slot);
    *slot = clone;
    return FTL_OK;
}

static enum ftl_code add_at_time(struct ftl_still *still, const AVFrame *frame, double time_s,
                                 struct ftl_err *err)
{
    enum ftl_code code = keep(&still->kept, frame, err);
    if (code == FTL_OK) {
        still->kept_s = time_s;
        still->is_chosen = time_s >= still->plan->time_s - time_slack_s;
    }
    return code;
}

/* Where and how a frame is made smaller. */
struct reduction {
    enum AVPixelFormat pix_fmt;
    int width, height;
    int kernel;
    uint8_t *planes[4]; /* the caller's */
    int strides[4];
};

/* Scales `frame` into the planes of `to`, full range. */
static enum ftl_code reduce(struct SwsContext **sws, const AVFrame *frame,
                            const struct reduction *to, struct ftl_err *err)
{
    *sws = sws_getCachedContext(*sws, frame->width, frame->height, frame->format, to->width,
                                to->height, to->pix_fmt,
                                to->kernel | SWS_BITEXACT | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (*sws == NULL) {
        return ftl_fail(err, FTL_UNSUPPORTED, "a still from %s pictures",
                        av_get_pix_fmt_name(frame->format));
    }
    const int *matrix = sws_getCoefficients(SWS_CS_ITU709);
    (void)sws_setColorspaceDetails(*sws, matrix, frame->color_range == AVCOL_RANGE_JPEG, matrix, 1,
                                   0, 1 << 16, 1 << 16);
    int lines = sws_scale(*sws, (const uint8_t *const *)frame->data, frame->linesize, 0,
                          frame->height, to->planes, to->strides);
    return lines == to->height ? FTL_OK
                               : ftl_fail_sub(err, FTL_INTERNAL, lines, "reducing a frame failed");
}

/* Follows scene changes on a thumbnail of every frame. */
static enum ftl_code watch_cuts(struct ftl_still *still, const AVFrame *frame, double time_s,
                                struct ftl_err *err)
{
    uint8_t thumb[THUMB_PIXELS];
    const struct reduction reduction = {
        .pix_fmt = AV_PIX_FMT_GRAY8,
        .width = THUMB_WIDTH,
        .height = THUMB_HEIGHT,
        .kernel = SWS_POINT,
        .planes = {thumb},
        .strides = {THUMB_WIDTH},
    };
    enum ftl_code code = reduce(&still->thumb_sws, frame, &reduction, err);
    if (code != FTL_OK) {
        return code;
    }
    if (still->has_thumb) {
        double difference = ftl_still_difference(thumb, still->thumb, THUMB_PIXELS);
        if (difference > cut_difference && difference > 4.0 * still->usual_difference) {
            still->last_cut_s = time_s;
        }
        still->usual_difference += 0.2 * (difference - still->usual_difference);
    }
    memcpy(still->thumb, thumb, sizeof(thumb));
    still->has_thumb = true;
    return FTL_OK;
}

/* The pending candidate is judged, and kept if it is the best so far. */
static void settle(struct ftl_still *still)
{
    struct candidate *pending = &still->pending;
    if (pending->frame == NULL) {
        return;
    }
    double position =
        still->duration_s > 0.0 ? fmin(pending->time_s / still->duration_s, 1.0) : -1.0;
    pending->verdict = ftl_still_judge(&pending->features, position, pending->is_near_cut);
    if (still->best.frame == NULL || pending->verdict.score > still->best.verdict.score) {
        av_frame_free(&still->best.frame);
        still->best = *pending;
        pending->frame = NULL;
    }
    av_frame_free(&pending->frame);
}

static int quarter(int side)
{
    return side / 4 > 16 ? side / 4 : 16;
}

static enum ftl_code measure(struct ftl_still *still, const AVFrame *frame,
                             struct ftl_still_features *ret, struct ftl_err *err)
{
    FTL_AUTO(av_frame) AVFrame *small = av_frame_alloc();
    if (small == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory to look at a frame");
    }
    small->format = AV_PIX_FMT_YUV420P;
    small->width = quarter(frame->width);
    small->height = quarter(frame->height);
    int number = av_frame_get_buffer(small, 0);
    if (number < 0) {
        return ftl_fail_av(err, FTL_NOMEM, number, "looking at a frame");
    }
    const struct reduction reduction = {
        .pix_fmt = AV_PIX_FMT_YUV420P,
        .width = small->width,
        .height = small->height,
        .kernel = SWS_AREA,
        .planes = {small->data[0], small->data[1], small->data[2]},
        .strides = {small->linesize[0], small->linesize[1], small->linesize[2]},
    };
    enum ftl_code code = reduce(&still->quarter_sws, frame, &reduction, err);
    if (code != FTL_OK) {
        return code;
    }
    const struct ftl_still_picture picture = {
        .width = small->width,
        .height = small->height,
        .planes = {small->data[0], small->data[1], small->data[2]},
        .strides = {small->linesize[0], small->linesize[1], small->linesize[2]},
    };
    ftl_still_features(&picture, ret);
    return FTL_OK;
}

/* Every eighth of the duration, with a denser start: a duration may be unknown or far too long, and
 * times that grow threefold still reach any length in a dozen. */
static double next_candidate_s(const struct ftl_still *still, double time_s)
{
    const double first_step_s = 0.5;
    double step_s = fmax(2.0 * time_s, first_step_s);
    if (still->duration_s > 0.0) {
        double even_s = still->duration_s / 8.0;
        step_s = fmin(step_s, fmax(even_s, fmin(cut_window_s, still->duration_s / 4.0)));
    }
    return time_s + step_s;
}

static enum ftl_code add_candidate(struct ftl_still *still, const AVFrame *frame, double time_s,
                                   struct ftl_err *err)
{
    struct ftl_still_features features;
    enum ftl_code code = measure(still, frame, &features, err);
    if (code == FTL_OK) {
        settle(still);
        code = keep(&still->pending.frame, frame, err);
    }
    if (code != FTL_OK) {
        return code;
    }
    still->pending.time_s = time_s;
    still->pending.features = features;
    still->pending.is_near_cut = false;
    still->candidates++;
    still->next_s = next_candidate_s(still, time_s);
    return FTL_OK;
}

static enum ftl_code add_for_best(struct ftl_still *still, const AVFrame *frame, double time_s,
                                  struct ftl_err *err)
{
    enum ftl_code code = watch_cuts(still, frame, time_s, err);
    if (code != FTL_OK) {
        return code;
    }
    if (time_s > still->duration_s) {
        still->duration_s = 0.0; /* the announcement was wrong */
    }
    bool is_first = still->candidates == 0;
    if (is_first || (still->candidates < MAX_CANDIDATES && time_s >= still->next_s - time_slack_s))
    {
        code = add_candidate(still, frame, time_s, err);
    }
    if (code == FTL_OK && still->pending.frame != NULL) {
        still->pending.is_near_cut |=
            fabs(still->pending.time_s - still->last_cut_s) <= cut_window_s;
        if (time_s > still->pending.time_s + cut_window_s) {
            settle(still);
        }
    }
    return code;
}

enum ftl_code ftl_still_add(struct ftl_still *still, const AVFrame *frame, double time_s,
                            struct ftl_err *err)
{
    if (ftl_still_is_done(still)) {
        return FTL_OK;
    }
    return still->plan->at == FTL_STILL_AT_TIME ? add_at_time(still, frame, time_s, err)
                                                : add_for_best(still, frame, time_s, err);
}

bool ftl_still_is_done(const struct ftl_still *still)
{
    return still->is_chosen ||
           (still->candidates == MAX_CANDIDATES && still->pending.frame == NULL);
}

static void print_reason(const struct ftl_still *still, char *to, size_t size)
{
    static const char *const flaws[] = {[FTL_STILL_FLAW_NONE] = "",
                                        [FTL_STILL_FLAW_DARK] = "dark",
                                        [FTL_STILL_FLAW_BRIGHT] = "bright",
                                        [FTL_STILL_FLAW_FLAT] = "flat",
                                        [FTL_STILL_FLAW_CUT] = "beside a cut"};
    const struct candidate *best = &still->best;
    if (best->verdict.flaw != FTL_STILL_FLAW_NONE) {
        (void)snprintf(to, size, "least bad of %d candidates, %s", still->candidates,
                       flaws[best->verdict.flaw]);
        return;
    }
    (void)snprintf(to, size, "best of %d candidates: luma %.0f, contrast %.0f, sharpness %.0f",
                   still->candidates, best->features.luma_mean, best->features.luma_deviation,
                   best->features.sharpness);
}

enum ftl_code ftl_still_write(struct ftl_still *still, int fd, struct ftl_output_result *ret,
                              struct ftl_err *err)
{
    settle(still);
    bool is_timed = still->plan->at == FTL_STILL_AT_TIME;
    const AVFrame *frame = is_timed ? still->kept : still->best.frame;
    if (frame == NULL) {
        return ftl_fail(err, FTL_INPUT, "no picture came out, so there is none to keep");
    }
    enum ftl_code code = ftl_still_encode(frame, still->plan, fd, ret, err);
    if (code != FTL_OK) {
        return code;
    }
    ret->still_time_s = is_timed ? still->kept_s : still->best.time_s;
    if (!is_timed) {
        print_reason(still, ret->still_reason, sizeof(ret->still_reason));
    } else {
        (void)snprintf(ret->still_reason, sizeof(ret->still_reason), "%s",
                       still->is_chosen ? "at the time asked for" : "the last frame");
    }
    return FTL_OK;
}
