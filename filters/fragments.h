/* Pieces that several filters share: geometry and colour as pure functions, and the few graph
 * fragments that recur. Sizes are even throughout, because 4:2:0 pictures are. */
#ifndef FETTLE_FILTERS_FRAGMENTS_H
#define FETTLE_FILTERS_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include <fettle/filter.h>
#include <fettle/graph.h>
#include <fettle/value.h>

/* Where something sits: values are row × 3 + column. */
enum ftl_anchor {
    FTL_ANCHOR_TOP_LEFT,
    FTL_ANCHOR_TOP,
    FTL_ANCHOR_TOP_RIGHT,
    FTL_ANCHOR_LEFT,
    FTL_ANCHOR_CENTER,
    FTL_ANCHOR_RIGHT,
    FTL_ANCHOR_BOTTOM_LEFT,
    FTL_ANCHOR_BOTTOM,
    FTL_ANCHOR_BOTTOM_RIGHT,
};

extern const struct ftl_choice ftl_anchor_choices[];

struct ftl_rect {
    int x, y, width, height; /* px; x and y even, chroma aligned */
};

struct ftl_yuv {
    double y, u, v; /* BT.709 limited range on the 8-bit scale: 16..235, 16..240 */
};

/* The nearest even number, at least 2; halves go up. */
int ftl_even_near(double px);
int ftl_even_floor(double px); /* at least 2 */
int ftl_even_ceil(double px);  /* at least 2 */

/* The largest even size of `source`'s shape inside `box`, and the smallest that covers it (each
 * side ≥ the box's). Sides of both are > 0. */
struct ftl_size ftl_fit_contain(struct ftl_size source, struct ftl_size box);
struct ftl_size ftl_fit_cover(struct ftl_size source, struct ftl_size box);

/* The part of `source` that, scaled alike both ways, covers `box`: even where the source is, never
 * beyond it; where there is too much, `anchor` says which part stays. */
struct ftl_rect ftl_cover_region(struct ftl_size source, struct ftl_size box,
                                 enum ftl_anchor anchor);

/* Even offsets of `inner` within `outer` at `anchor`, `margin_px` away from the edges it touches;
 * always inside where it fits. */
struct ftl_rect ftl_place(struct ftl_size inner, struct ftl_size outer, enum ftl_anchor anchor,
                          double margin_px);

/* Percent is of the canvas's short side. */
double ftl_length_px(struct ftl_length length, struct ftl_size canvas);

/* Seconds; a percentage of an unknown duration is SPEC. */
enum ftl_code ftl_time_seconds(struct ftl_time time, double duration_s, double *ret,
                               struct ftl_err *err) FTL_CHECK;

struct ftl_yuv ftl_colour_bt709(struct ftl_colour colour); /* alpha is ignored */

double ftl_db_to_gain(double db);

/* Adds a node with one input and one output at the end of `port`. */
enum ftl_code ftl_gb_apply(struct ftl_gb *gb, const char *libav_filter, const struct ftl_arg *args,
                           size_t args_count, struct ftl_port *port, struct ftl_err *err) FTL_CHECK;
#define FTL_GB_APPLY(gb, filter, args, port, err)                                                  \
    ftl_gb_apply(gb, filter, args, sizeof(args) / sizeof((args)[0]), port, err)

/* Scales to exactly `size`, square pixels after; `kernel` is swscale's name ("bicubic", "area" …).
 */
enum ftl_code ftl_gb_scale(struct ftl_gb *gb, struct ftl_size size, const char *kernel,
                           struct ftl_port *port, struct ftl_err *err) FTL_CHECK;

enum ftl_code ftl_gb_crop(struct ftl_gb *gb, struct ftl_rect rect, struct ftl_port *port,
                          struct ftl_err *err) FTL_CHECK;

/* Afterwards both ports carry what `port` carried. */
enum ftl_code ftl_gb_split(struct ftl_gb *gb, struct ftl_port *port, struct ftl_port *ret_second,
                           struct ftl_err *err) FTL_CHECK;

/* Lays `over` (repeated past its end) onto `port` at x, y. `enable` is an expression of numbers in
 * t, or NULL for always. The result has port's time stamps. */
enum ftl_code ftl_gb_overlay(struct ftl_gb *gb, struct ftl_rect place, const char *enable,
                             struct ftl_port over, struct ftl_port *port,
                             struct ftl_err *err) FTL_CHECK;

/* Replaces every pixel by `colour` in the format at hand. */
enum ftl_code ftl_gb_fill(struct ftl_gb *gb, struct ftl_yuv colour, struct ftl_port *port,
                          struct ftl_err *err) FTL_CHECK;

#endif
