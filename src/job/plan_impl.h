/* What the plan_*.c files share. The public contract is plan.h; what is decided where:
 *
 *   plan.c         which streams each output takes, estimates, the whole
 *   plan_run.c     which outputs share a run, and at which canvas
 *   plan_output.c  sizes, codecs, rates and times of one output
 *   plan_rate.c    frame rates
 *   plan_json.c    the plan as JSON
 */
#ifndef FETTLE_JOB_PLAN_IMPL_H
#define FETTLE_JOB_PLAN_IMPL_H

#include "base/mem.h"
#include "job/doc.h"
#include "job/plan.h"

/* One output on its way into the plan. */
struct ftl_draft {
    const struct ftl_job_output *output;
    int index;                            /* in the job's outputs */
    unsigned media;                       /* enum ftl_media bits it takes of the input */
    const struct ftl_filter_inst **chain; /* its filters that work on those */
    size_t chain_count;
    int want_width, want_height; /* px it asks for, even for files; 0 = free */
    struct ftl_shape shape;      /* what its chain makes at that size */
};

struct ftl_run_draft {
    const struct ftl_draft *lead; /* whose streams, chain and canvas the run has */
    int outputs[FTL_JOB_MAX_OUTPUTS];
    size_t outputs_count;
    struct ftl_shape source, shape;
};

struct ftl_planner {
    const struct ftl_job *job;
    const struct ftl_probe *probe;        /* of the main input */
    const struct ftl_probe_stream *video; /* of it; NULL = none */
    const struct ftl_probe_stream *audio; /* likewise */
    struct ftl_arena *arena;
    struct ftl_draft drafts[FTL_JOB_MAX_OUTPUTS];
    struct ftl_run_draft runs[FTL_JOB_MAX_OUTPUTS];
    size_t runs_count;
};

/* What of the main input enters a chain that takes these streams. */
struct ftl_shape ftl_planner_source(const struct ftl_planner *planner, unsigned media);

/* Runs the plan() of a draft's filters over its source at the size it wants. */
enum ftl_code ftl_planner_shape(const struct ftl_planner *planner, const struct ftl_draft *draft,
                                struct ftl_shape source, struct ftl_shape *ret,
                                struct ftl_err *err) FTL_CHECK;

/* Fills chain, want_* and shape of a draft whose output, index and media are set. */
enum ftl_code ftl_planner_draft(struct ftl_planner *planner, struct ftl_draft *draft,
                                struct ftl_err *err) FTL_CHECK;

/* Groups all drafts into runs. */
enum ftl_code ftl_planner_group(struct ftl_planner *planner, struct ftl_err *err) FTL_CHECK;

/* The finished output of a draft in its run. */
enum ftl_code ftl_planner_output(const struct ftl_planner *planner, const struct ftl_draft *draft,
                                 const struct ftl_run_draft *run, struct ftl_plan_output *ret,
                                 struct ftl_err *err) FTL_CHECK;

/* The constant rate of a file made of this stream when nothing else is asked. */
struct ftl_rational ftl_rate_natural(const struct ftl_probe_stream *video);
/* The stream's own rate in its usual form; 0/0 when it varies or is unknown. */
struct ftl_rational ftl_rate_constant(const struct ftl_probe_stream *video);

#endif
