#include "media/side.h"

#include <libavfilter/buffersrc.h>
#include <libavutil/frame.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_err.h"

enum { USES_MAX = 64 };

struct ftl_side_use {
    const struct ftl_plan_input *input;
    enum ftl_media media;
    struct ftl_track *track;
    AVFrame *first; /* kept: a still is pushed into every graph anew */
    AVFrame *shell;
    bool is_first_pending;
    bool is_ended;
    AVFilterContext *source; /* borrowed from the graph */
};

struct ftl_side {
    struct ftl_side_config config;
    struct ftl_side_use *uses[USES_MAX];
    size_t count;
    size_t cursor;
};

static void use_free(struct ftl_side_use *use)
{
    ftl_track_free(use->track);
    av_frame_free(&use->first);
    av_frame_free(&use->shell);
    ftl_free(use);
}

FTL_AUTO_DEFINE(side_use, struct ftl_side_use, use_free);

enum ftl_code ftl_side_new(const struct ftl_side_config *config, struct ftl_side **ret,
                           struct ftl_err *err)
{
    struct ftl_side *side = ftl_calloc(1, sizeof(*side));
    if (side == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for inputs");
    }
    side->config = *config;
    *ret = side;
    return FTL_OK;
}

void ftl_side_free(struct ftl_side *side)
{
    if (side != NULL) {
        for (size_t i = 0; i < side->count; i++) {
            use_free(side->uses[i]);
        }
        ftl_free(side);
    }
}

void ftl_side_rewind(struct ftl_side *side)
{
    side->cursor = 0;
    for (size_t i = 0; i < side->count; i++) {
        side->uses[i]->source = NULL;
        side->uses[i]->is_first_pending = side->uses[i]->input->probe->is_still;
        side->uses[i]->is_ended = side->uses[i]->is_ended && !side->uses[i]->is_first_pending;
    }
}

static const struct ftl_plan_input *find_input(const struct ftl_plan *plan, int input_index)
{
    for (size_t i = 0; i < plan->inputs_count; i++) {
        if (plan->inputs[i].index == input_index) {
            return &plan->inputs[i];
        }
    }
    return NULL;
}

static enum ftl_code open_track(const struct ftl_side *side, struct ftl_side_use *use,
                                struct ftl_err *err)
{
    const struct ftl_probe *probe = use->input->probe;
    int stream = use->media == FTL_MEDIA_VIDEO ? probe->video : probe->audio;
    if (stream < 0) {
        return ftl_fail(err, FTL_INPUT, "%s has no %s", use->input->name,
                        use->media == FTL_MEDIA_VIDEO ? "picture" : "sound");
    }
    const struct ftl_track_config config = {
        .input = {.fd = side->config.input_fds[use->input->index],
                  .name = use->input->name,
                  .limits = side->config.limits,
                  .check = side->config.check},
        .stream = probe->streams[stream].index,
        .threads = 1,
        .zero_s = probe->start_s};
    if (ftl_track_open(&config, &use->track, err) != FTL_OK) {
        return err->code;
    }
    enum ftl_flow flow = FTL_FLOW_END;
    if (ftl_track_next(use->track, use->first, &flow, err) != FTL_OK) {
        return err->code;
    }
    return flow == FTL_FLOW_FRAME
               ? FTL_OK
               : ftl_fail(err, FTL_INPUT, "%s: nothing in it can be decoded", use->input->name);
}

enum ftl_code ftl_side_use(struct ftl_side *side, int input_index, enum ftl_media media,
                           struct ftl_side_use **ret, struct ftl_err *err)
{
    const struct ftl_plan_input *input = find_input(side->config.plan, input_index);
    if (input == NULL) {
        return ftl_fail(err, FTL_INTERNAL, "the plan has no input %d", input_index);
    }
    if (side->cursor < side->count) {
        *ret = side->uses[side->cursor++];
        return (*ret)->input == input && (*ret)->media == media
                   ? FTL_OK
                   : ftl_fail(err, FTL_INTERNAL, "inputs were asked for in another order");
    }
    if (side->count == USES_MAX) {
        return ftl_fail(err, FTL_LIMIT, "inputs are used more than %d times", USES_MAX);
    }
    FTL_AUTO(side_use) struct ftl_side_use *use = ftl_calloc(1, sizeof(*use));
    if (use == NULL || (use->first = av_frame_alloc()) == NULL ||
        (use->shell = av_frame_alloc()) == NULL)
    {
        return ftl_fail(err, FTL_NOMEM, "no memory for an input");
    }
    use->input = input;
    use->media = media;
    use->is_first_pending = true;
    if (open_track(side, use, err) != FTL_OK) {
        return err->code;
    }
    *ret = use;
    side->uses[side->count++] = FTL_TAKE(use);
    side->cursor = side->count;
    return FTL_OK;
}

struct ftl_side_use *ftl_side_at(struct ftl_side *side, size_t index)
{
    return index < side->count ? side->uses[index] : NULL;
}

const struct AVFrame *ftl_side_use_first(const struct ftl_side_use *use)
{
    return use->first;
}

const struct ftl_track *ftl_side_use_track(const struct ftl_side_use *use)
{
    return use->track;
}

const struct ftl_plan_input *ftl_side_use_input(const struct ftl_side_use *use)
{
    return use->input;
}

void ftl_side_use_connect(struct ftl_side_use *use, struct AVFilterContext *source)
{
    use->source = source;
}

struct AVFilterContext *ftl_side_use_source(const struct ftl_side_use *use)
{
    return use->source;
}

/* Puts the next frame into use->shell; flow END when there is none. */
static enum ftl_code next_frame(struct ftl_side_use *use, enum ftl_flow *ret_flow,
                                struct ftl_err *err)
{
    if (use->is_first_pending) {
        use->is_first_pending = false;
        int status = av_frame_ref(use->shell, use->first);
        *ret_flow = FTL_FLOW_FRAME;
        return status < 0 ? ftl_fail_av(err, FTL_NOMEM, status, "%s", use->input->name) : FTL_OK;
    }
    *ret_flow = FTL_FLOW_END;
    return use->input->probe->is_still ? FTL_OK
                                       : ftl_track_next(use->track, use->shell, ret_flow, err);
}

enum ftl_code ftl_side_use_feed(struct ftl_side_use *use, struct ftl_err *err)
{
    enum ftl_flow flow = FTL_FLOW_END;
    if (use->is_ended) {
        return FTL_OK;
    }
    if (next_frame(use, &flow, err) != FTL_OK) {
        return err->code;
    }
    if (flow == FTL_FLOW_FRAME && use->media == FTL_MEDIA_VIDEO &&
        (use->shell->width != use->first->width || use->shell->height != use->first->height ||
         use->shell->format != use->first->format))
    {
        av_frame_unref(use->shell);
        return ftl_fail(err, FTL_UNSUPPORTED, "%s changes its picture size in the middle",
                        use->input->name);
    }
    use->is_ended = flow != FTL_FLOW_FRAME;
    use->shell->sample_aspect_ratio = (AVRational){1, 1};
    int status = av_buffersrc_add_frame(use->source, use->is_ended ? NULL : use->shell);
    av_frame_unref(use->shell);
    if (status < 0 && status != AVERROR_EOF) {
        return ftl_fail_av(err, FTL_INTERNAL, status, "%s: feed", use->input->name);
    }
    return FTL_OK;
}
