/* What a filter may do to the graph it is built into: an interface of function pointers that
 * src/media implements, so that filter objects carry no libav symbol and link into both images.
 *
 * A filter receives the chain's current ends (one video and one audio port) and replaces them with
 * the outputs of the libavfilter nodes it adds. Arguments are typed: user text never becomes filter
 * syntax.
 */
#ifndef FETTLE_GRAPH_H
#define FETTLE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>
#include <fettle/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ftl_filter_inst;
struct ftl_gb; /* the graph under construction; lives for one build, borrowed by filters */

/* An output pad that nothing is linked to yet. By value; using one twice is a bug (split it first).
 */
struct ftl_port {
    void *node; /* NULL = no such stream */
    int pad;
    enum ftl_media media;
};

/* What flows through a chain at one point: the planner computes it ahead (ftl_filter.plan), the
 * graph builder starts from the decoded frame and checks that each filter's build did what its plan
 * said. */
struct ftl_shape {
    bool has_video;
    bool has_audio;
    int width, height;              /* px, upright, square pixels; even unless the source is odd */
    struct ftl_rational frame_rate; /* 0/0 = variable or unknown */
    double duration_s;              /* 0 = unknown */
    bool has_alpha;
    int sample_rate_hz;
    int channels;
    int want_width, want_height; /* canvas asked for by the outputs of this run; 0 = free */
    double target_lufs;          /* loudness the audio was brought to; 0 = none asked */
    double target_true_peak;     /* dBTP ceiling of the encoded file, when target_lufs is set */
};

struct ftl_chain {
    struct ftl_port video;
    struct ftl_port audio;
    struct ftl_shape shape;
};

enum ftl_arg_kind {
    FTL_ARG_KIND_INT,
    FTL_ARG_KIND_DOUBLE,
    FTL_ARG_KIND_TEXT,
    FTL_ARG_KIND_RATIONAL
};

/* One option of a libavfilter node ("enable" included). INT and DOUBLE also reach options that
 * libavfilter keeps as expression text ("w" of scale): they are printed there. Durations are TEXT
 * ("1500000us"). TEXT is for the filter's own keywords and for expressions made of constants and
 * numbers; never for text that came with a job. */
struct ftl_arg {
    const char *name;
    enum ftl_arg_kind kind;
    int64_t i;
    double d;
    const char *text;
    struct ftl_rational q;
};

#define FTL_ARG_INT(n, v)                                                                          \
    {                                                                                              \
        .name = (n), .kind = FTL_ARG_KIND_INT, .i = (v)                                            \
    }
#define FTL_ARG_DOUBLE(n, v)                                                                       \
    {                                                                                              \
        .name = (n), .kind = FTL_ARG_KIND_DOUBLE, .d = (v)                                         \
    }
#define FTL_ARG_TEXT(n, v)                                                                         \
    {                                                                                              \
        .name = (n), .kind = FTL_ARG_KIND_TEXT, .text = (v)                                        \
    }
#define FTL_ARG_RATIONAL(n, v)                                                                     \
    {                                                                                              \
        .name = (n), .kind = FTL_ARG_KIND_RATIONAL, .q = (v)                                       \
    }

/* One libavfilter node to add: its inputs are consumed, its outputs written. */
struct ftl_node {
    const char *libav_filter; /* "scale" */
    const struct ftl_arg *args;
    size_t args_count;
    const struct ftl_port *inputs;
    size_t inputs_count;
    struct ftl_port *outputs; /* filled; their media comes from the node's pads */
    size_t outputs_count;
};

struct ftl_graph_ops {
    /* Adds and links a node. Its instance name becomes "f<N>.<filter>.<libav_filter>", from which
     * log lines and errors get their JSON pointer. UNSUPPORTED if this libavfilter lacks the
     * filter, INTERNAL for a misspelt option or a port used twice. */
    enum ftl_code (*add)(struct ftl_gb *gb, const struct ftl_node *node, struct ftl_err *err);
    /* The port of another input of the job: its video as a stream of frames (a still is one frame,
     * which overlay-like nodes repeat), size in *ret_shape. INPUT if that input has no such stream.
     */
    enum ftl_code (*input)(struct ftl_gb *gb, int input_index, enum ftl_media media,
                           struct ftl_port *ret_port, struct ftl_shape *ret_shape,
                           struct ftl_err *err);
    /* What the measure pass found for this instance; NULL if it asked for none. Borrowed. */
    const struct ftl_loudness *(*measured)(struct ftl_gb *gb, const struct ftl_filter_inst *inst);
    /* What was decided for this instance, for the report: gain in dB, and how the target is reached
     * ("linear", "limited") or why it is not ("lowered", "capped", "silent"). */
    void (*loudness)(struct ftl_gb *gb, const struct ftl_filter_inst *inst, double gain_db,
                     const char *method);
    /* A sentence for the report's warnings. */
    void (*warn)(struct ftl_gb *gb, const char *fmt, ...) FTL_PRINTF(2, 3);
};

/* Implementations embed this as their first member. */
struct ftl_gb {
    const struct ftl_graph_ops *ops;
};

#ifdef __cplusplus
}
#endif

#endif
