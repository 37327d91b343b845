/* The graph under construction: what graph.c, graph_ops.c and graph_ends.c share. */
#ifndef FETTLE_MEDIA_GRAPH_BUILD_H
#define FETTLE_MEDIA_GRAPH_BUILD_H

#include <libavfilter/avfilter.h>

#include "media/graph.h"

struct ftl_graph_builder {
    struct ftl_gb gb; /* first: filters see only this */
    AVFilterGraph *graph;
    const struct ftl_graph_config *config;
    const struct ftl_graph_origin *origin;
    const AVFrame *first;
    size_t current; /* index in the chain of the filter being built; chain_count = none */
};

extern const struct ftl_graph_ops ftl_graph_builder_ops;

/* Short form for head and tail: one input, one output, which replaces *port. */
enum ftl_code ftl_graph_then(struct ftl_graph_builder *builder, struct ftl_port *port,
                             const char *libav_filter, const struct ftl_arg *args,
                             size_t args_count, struct ftl_err *err) FTL_CHECK;

/* A buffer source for frames like `frame`; of `origin`, the clocks are used. */
enum ftl_code ftl_graph_source(struct ftl_graph_builder *builder, const AVFrame *frame,
                               const struct ftl_graph_origin *origin, const char *name,
                               AVFilterContext **ret, struct ftl_err *err) FTL_CHECK;

/* Whatever the source is, to what filters may rely on (graph.h). */
enum ftl_code ftl_graph_head(struct ftl_graph_builder *builder, struct ftl_chain *chain,
                             struct ftl_err *err) FTL_CHECK;

/* Turns and squares the picture of another input, keeping format and alpha; updates *shape. */
enum ftl_code ftl_graph_upright(struct ftl_graph_builder *builder,
                                const struct ftl_geometry *geometry, struct ftl_port *port,
                                struct ftl_size *size, struct ftl_err *err) FTL_CHECK;

/* From the chain's end to one sink. */
enum ftl_code ftl_graph_tail(struct ftl_graph_builder *builder, struct ftl_port port,
                             const struct ftl_shape *shape, const struct ftl_graph_sink *sink,
                             AVFilterContext **ret, struct ftl_err *err) FTL_CHECK;

/* Fills in what the frame's tags leave open, as players guess it: matrix by size (from 720 lines or
 * 1280 columns on BT.709, below BT.601), limited range. */
void ftl_graph_tag(AVFrame *frame);

#endif
