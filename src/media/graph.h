/* The libavfilter graph of one run and one medium; implements struct ftl_graph_ops, by API only.
 *
 *   source -> head -> filter 1 … n -> split -> tail per sink -> sink
 *
 * What a filter may rely on: video enters the chain as BT.709 limited yuv420p (yuv420p10 where
 * every output of the run is 10 bit), progressive, upright, square pixels, even size, no alpha;
 * audio as float planar at the source's rate and layout (mono or stereo kept, more than that too);
 * time starts at 0. A parameter change in the middle of the input drains the graph and builds it
 * again, with time going on: filters must therefore not count from "their first frame"
 * (setpts=PTS-STARTPTS) but from the clip's time.
 *
 *   ftl_graph_build(&config, first_frame, …, &graph, &err);
 *   ftl_graph_push(graph, frame, &err);              NULL = end
 *   ftl_graph_pull(graph, sink, frame, &flow, &err); until NEED_INPUT or END
 */
#ifndef FETTLE_MEDIA_GRAPH_H
#define FETTLE_MEDIA_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include <libavutil/rational.h>

#include <fettle/graph.h>
#include <fettle/plan.h>

#include "base/auto.h"
#include "media/decoder.h"
#include "media/geometry.h"

struct AVFrame;
struct ftl_graph;
struct ftl_side;

/* What leaves one sink. Video: scaled to width × height (0 = the run's canvas as it is) in pix_fmt
 * (NULL = as it is). Audio: in sample_fmt (libav's name), rate, channels, frames of frame_size
 * samples (0 = any; the last may be shorter). */
struct ftl_graph_sink {
    int width, height;
    const char *pix_fmt;
    const char *sample_fmt; /* NULL = float, interleaved, as it is */
    int sample_rate_hz;     /* 0 = as it is */
    int channels;           /* 0 = as it is */
    int frame_size;
};

/* What a loudness filter decided. */
struct ftl_graph_applied {
    double gain_db;
    char method[24]; /* "linear", "limited", "lowered", "capped", "silent"; "" = there was none */
};

struct ftl_graph_config {
    const struct ftl_plan *plan;
    const struct ftl_plan_run *run;
    enum ftl_media media;
    size_t chain_count; /* filters of the run to build: all, or up to the one that measures */
    const struct ftl_graph_sink *sinks;
    size_t sinks_count;
    int threads; /* slice threads */
    /* By index in run->chain; NULL = nothing measured. Read while building only. */
    const struct ftl_loudness *measured;
    struct ftl_graph_applied *applied; /* filled while building; NULL allowed */
    /* Opens the other inputs; NULL = there are none. Lives longer than the graph. */
    struct ftl_side *side;
    void (*warn)(void *opaque, const char *where, const char *text); /* NULL allowed */
    void *warn_opaque;
};

/* Where the frames come from. */
struct ftl_graph_origin {
    AVRational time_base;
    struct ftl_geometry geometry; /* video */
    AVRational frame_rate;        /* video; 0/0 = unknown */
    double start_s;               /* audio: where the sound goes on; 0 = the clip's start */
};

/* Builds for frames like `first`, which stays the caller's. Everything borrowed by `config` but the
 * side inputs is copied or used only here. Errors carry the filter's JSON pointer. */
enum ftl_code ftl_graph_build(const struct ftl_graph_config *config,
                              const struct ftl_graph_origin *origin, const struct AVFrame *first,
                              struct ftl_graph **ret, struct ftl_err *err) FTL_CHECK;
void ftl_graph_free(struct ftl_graph *graph); /* NULL allowed */

/* Whether `frame` fits the graph as built; if not: push NULL, pull all, build anew. */
bool ftl_graph_fits(const struct ftl_graph *graph, const struct AVFrame *frame);

/* Takes the frame's content, also on failure; NULL ends the source. */
enum ftl_code ftl_graph_push(struct ftl_graph *graph, struct AVFrame *frame,
                             struct ftl_err *err) FTL_CHECK;

/* Moves a frame out of one sink. NEED_INPUT: push to the main source (side inputs are fed inside).
 */
enum ftl_code ftl_graph_pull(struct ftl_graph *graph, size_t sink, struct AVFrame *frame,
                             enum ftl_flow *ret_flow, struct ftl_err *err) FTL_CHECK;

AVRational ftl_graph_time_base(const struct ftl_graph *graph, size_t sink);

/* The shape that left the chain. */
const struct ftl_shape *ftl_graph_shape(const struct ftl_graph *graph);

FTL_AUTO_DEFINE(graph, struct ftl_graph, ftl_graph_free);

#endif
