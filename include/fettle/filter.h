/* A filter: one descriptor per file under filters/, listed in filters/filters.def. How to write
 * one: filters/README.md. */
#ifndef FETTLE_FILTER_H
#define FETTLE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include <fettle/err.h>
#include <fettle/graph.h>
#include <fettle/option.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ftl_filter;

/* One filter of a job's chain: descriptor, typed options, place in the spec. Read-only after parse.
 */
struct ftl_filter_inst {
    const struct ftl_filter *filter;
    const void *opts;  /* struct of filter->table; borrowed from the job's arena */
    const char *where; /* "/filters/1"; borrowed likewise */
};

struct ftl_filter {
    const char *name;
    const char *summary; /* one sentence */
    unsigned media; /* enum ftl_media bits it works on; it is skipped where the stream is missing */
    const struct ftl_opt_table *table; /* table->owner is this descriptor */
    bool needs_loudness; /* the audio reaching this filter is measured before the run (audio-only
                            pass) */

    /* What it makes of `shape`, without building anything: sizes (even), rate, duration. Pure; used
     * by the planner, and again on the decoded frame's real size. SPEC (with `where`) if it cannot
     * apply. */
    enum ftl_code (*plan)(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err);

    /* Adds its nodes to `gb`, moving the chain's ports on. chain->shape is what comes in; `after`
     * is what plan() said of it. Never reads files, never looks at other filters; on failure the
     * chain's ports are invalid and the graph is thrown away. */
    enum ftl_code (*build)(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err);
};

/* The registry, in the order of filters.def. */
const struct ftl_filter *ftl_filter_at(size_t index); /* NULL past the end */
const struct ftl_filter *ftl_filter_find(const char *name);

/* The alternatives of a "filters" array, for FTL_OPT_UNIONS: tag "filter". */
extern const struct ftl_opt_union ftl_filter_union;

#ifdef __cplusplus
}
#endif

#endif
