/* The other inputs of a run (a logo, a bed of sound): opened when a filter asks for one, fed into
 * the graph on demand. Each use by a filter is a reader of its own; a graph that is built again
 * asks in the same order and goes on with the same readers. One thread. */
#ifndef FETTLE_MEDIA_SIDE_H
#define FETTLE_MEDIA_SIDE_H

#include <stddef.h>

#include <fettle/plan.h>

#include "base/auto.h"
#include "media/geometry.h"
#include "media/track.h"

struct AVFilterContext;
struct ftl_side;
struct ftl_side_use;

struct ftl_side_config {
    const struct ftl_plan *plan; /* borrowed, like all of these */
    const int *input_fds;        /* by ftl_plan_input.index */
    const struct ftl_limits *limits;
    struct ftl_check check;
};

enum ftl_code ftl_side_new(const struct ftl_side_config *config, struct ftl_side **ret,
                           struct ftl_err *err) FTL_CHECK;
void ftl_side_free(struct ftl_side *side); /* NULL allowed */

/* Before a graph is built (again). */
void ftl_side_rewind(struct ftl_side *side);

/* The next use, of the job's input `input_index`. INPUT if it has no stream of that medium. */
enum ftl_code ftl_side_use(struct ftl_side *side, int input_index, enum ftl_media media,
                           struct ftl_side_use **ret, struct ftl_err *err) FTL_CHECK;

/* Uses so far, in order of asking; NULL past the end. */
struct ftl_side_use *ftl_side_at(struct ftl_side *side, size_t index);

const struct AVFrame *ftl_side_use_first(const struct ftl_side_use *use); /* borrowed */
const struct ftl_track *ftl_side_use_track(const struct ftl_side_use *use);
const struct ftl_plan_input *ftl_side_use_input(const struct ftl_side_use *use);

/* Where its frames go in the graph as now built. */
void ftl_side_use_connect(struct ftl_side_use *use, struct AVFilterContext *source);
struct AVFilterContext *ftl_side_use_source(const struct ftl_side_use *use);

/* Pushes one more frame, or the end, into that source; a still is one frame and the end. */
enum ftl_code ftl_side_use_feed(struct ftl_side_use *use, struct ftl_err *err) FTL_CHECK;

FTL_AUTO_DEFINE(side, struct ftl_side, ftl_side_free);

#endif
