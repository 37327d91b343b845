#include <math.h>
#include <string.h>

#include "job/plan_impl.h"

/* ---- one output's chain ---- */

static enum ftl_code prune(struct ftl_planner *planner, struct ftl_draft *draft,
                           struct ftl_err *err)
{
    const struct ftl_job_output *output = draft->output;
    draft->chain = ftl_arena_alloc(planner->arena, output->filters_count + 1, sizeof(void *));
    if (draft->chain == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the plan");
    }
    for (size_t i = 0; i < output->filters_count; i++) {
        if ((output->filters[i].filter->media & draft->media) != 0) {
            draft->chain[draft->chain_count++] = &output->filters[i];
        }
    }
    return FTL_OK;
}

enum ftl_code ftl_planner_shape(const struct ftl_planner *planner, const struct ftl_draft *draft,
                                struct ftl_shape source, struct ftl_shape *ret, struct ftl_err *err)
{
    (void)planner;
    struct ftl_shape shape = source;
    shape.want_width = draft->want_width;
    shape.want_height = draft->want_height;
    for (size_t i = 0; i < draft->chain_count; i++) {
        const struct ftl_filter_inst *inst = draft->chain[i];
        if (inst->filter->plan(inst, &shape, err) != FTL_OK) {
            (void)ftl_err_at(err, inst->where);
            return ftl_wrap(err, "%s", inst->filter->name);
        }
    }
    *ret = shape;
    return FTL_OK;
}

static int even(int px)
{
    return px - px % 2;
}

enum ftl_code ftl_planner_draft(struct ftl_planner *planner, struct ftl_draft *draft,
                                struct ftl_err *err)
{
    const struct ftl_job_output *output = draft->output;
    if (output->kind == FTL_OUTPUT_THUMBNAIL) {
        draft->want_width = output->thumbnail->width;
        draft->want_height = output->thumbnail->height;
    } else if (output->video != NULL) {
        draft->want_width = even(output->video->width);
        draft->want_height = even(output->video->height);
    }
    if (prune(planner, draft, err) != FTL_OK) {
        return err->code;
    }
    return ftl_planner_shape(planner, draft, ftl_planner_source(planner, draft->media),
                             &draft->shape, err);
}

/* ---- grouping ---- */

static bool is_same_filter(const struct ftl_filter_inst *a, const struct ftl_filter_inst *b)
{
    if (a->opts == b->opts || a->filter != b->filter) {
        return a->opts == b->opts;
    }
    FTL_AUTO(json) cJSON *a_json = ftl_opt_print(a->filter->table, a->opts, false, true);
    FTL_AUTO(json) cJSON *b_json = ftl_opt_print(b->filter->table, b->opts, false, true);
    return a_json != NULL && b_json != NULL && cJSON_Compare(a_json, b_json, true);
}

/* The next filter at or after *at that works on one of `media`; NULL past the end. */
static const struct ftl_filter_inst *next_on(const struct ftl_draft *draft, unsigned media,
                                             size_t *at)
{
    while (*at < draft->chain_count) {
        const struct ftl_filter_inst *inst = draft->chain[(*at)++];
        if ((inst->filter->media & media) != 0) {
            return inst;
        }
    }
    return NULL;
}

/* Whether both treat the streams of `media` alike. */
static bool is_same_chain(const struct ftl_draft *a, const struct ftl_draft *b, unsigned media)
{
    size_t at_a = 0;
    size_t at_b = 0;
    for (;;) {
        const struct ftl_filter_inst *inst_a = next_on(a, media, &at_a);
        const struct ftl_filter_inst *inst_b = next_on(b, media, &at_b);
        if (inst_a == NULL || inst_b == NULL) {
            return inst_a == inst_b;
        }
        if (!is_same_filter(inst_a, inst_b)) {
            return false;
        }
    }
}

static bool is_same_ratio(const struct ftl_shape *a, const struct ftl_shape *b)
{
    double off = fabs((double)a->width * b->height - (double)b->width * a->height);
    double rounding_px = 2; /* either side may have been rounded to even */
    return off <= rounding_px * (fmax(a->width, b->width) + fmax(a->height, b->height));
}

static bool can_join(const struct ftl_draft *draft, const struct ftl_run_draft *run)
{
    if ((draft->media & ~run->lead->media) != 0) {
        return false;
    }
    bool is_video_alike = (draft->media & FTL_MEDIA_VIDEO) == 0 ||
                          (is_same_chain(draft, run->lead, FTL_MEDIA_VIDEO) &&
                           is_same_ratio(&draft->shape, &run->lead->shape));
    bool is_audio_alike =
        (draft->media & FTL_MEDIA_AUDIO) == 0 || is_same_chain(draft, run->lead, FTL_MEDIA_AUDIO);
    return is_video_alike && is_audio_alike;
}

static int64_t area(const struct ftl_draft *draft)
{
    return (int64_t)draft->shape.width * draft->shape.height;
}

/* Files come before stills, which then never decide about a canvas; what takes more streams before
 * what takes fewer; the larger canvas before the smaller; else the order of the job. */
static bool goes_before(const struct ftl_draft *a, const struct ftl_draft *b)
{
    if (a->output->kind != b->output->kind) {
        return a->output->kind == FTL_OUTPUT_MEDIA;
    }
    if (a->media != b->media) {
        bool has_both = a->media == (FTL_MEDIA_VIDEO | FTL_MEDIA_AUDIO);
        return has_both || (a->media == FTL_MEDIA_VIDEO && b->media == FTL_MEDIA_AUDIO);
    }
    return area(a) != area(b) ? area(a) > area(b) : a->index < b->index;
}

static void sort_drafts(const struct ftl_planner *planner, const struct ftl_draft **sorted)
{
    for (size_t i = 0; i < planner->job->outputs_count; i++) {
        size_t at = i;
        for (; at > 0 && goes_before(&planner->drafts[i], sorted[at - 1]); at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = &planner->drafts[i];
    }
}

static struct ftl_run_draft *find_run(struct ftl_planner *planner, const struct ftl_draft *draft)
{
    for (size_t i = 0; i < planner->runs_count; i++) {
        if (can_join(draft, &planner->runs[i])) {
            return &planner->runs[i];
        }
    }
    return NULL;
}

/* A file that drops the sound may have a larger canvas than the one that leads its run. */
static enum ftl_code enlarge(const struct ftl_planner *planner, struct ftl_run_draft *run,
                             const struct ftl_draft *draft, struct ftl_err *err)
{
    bool is_file = draft->output->kind == FTL_OUTPUT_MEDIA;
    int64_t canvas = (int64_t)run->shape.width * run->shape.height;
    if (!is_file || (draft->media & FTL_MEDIA_VIDEO) == 0 || area(draft) <= canvas) {
        return FTL_OK;
    }
    struct ftl_draft larger = *run->lead;
    larger.want_width = draft->want_width;
    larger.want_height = draft->want_height;
    return ftl_planner_shape(planner, &larger, run->source, &run->shape, err);
}

enum ftl_code ftl_planner_group(struct ftl_planner *planner, struct ftl_err *err)
{
    const struct ftl_draft *sorted[FTL_JOB_MAX_OUTPUTS] = {NULL};
    sort_drafts(planner, sorted);
    for (size_t i = 0; i < planner->job->outputs_count; i++) {
        const struct ftl_draft *draft = sorted[i];
        struct ftl_run_draft *run = find_run(planner, draft);
        if (run == NULL) {
            run = &planner->runs[planner->runs_count++];
            run->lead = draft;
            run->source = ftl_planner_source(planner, draft->media);
            run->shape = draft->shape;
        } else if (enlarge(planner, run, draft, err) != FTL_OK) {
            return err->code;
        }
        run->outputs[run->outputs_count++] = draft->index;
    }
    return FTL_OK;
}
