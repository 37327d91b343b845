/* How a stored picture becomes an upright one with square pixels: shared by probe and graph, so
 * that the planner's sizes are the ones the graph makes. */
#ifndef FETTLE_MEDIA_GEOMETRY_H
#define FETTLE_MEDIA_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/value.h>

struct AVFrame;
struct AVStream;

struct ftl_geometry {
    int rotate_deg;          /* clockwise turn after the mirroring: 0, 90, 180, 270 */
    bool is_mirrored;        /* horizontal flip first */
    struct ftl_rational sar; /* of the stored picture; 1/1 when unset or absurd */
};

/* Reads a 3×3 display matrix (nine 16.16/2.30 numbers): any of the eight orientations, and turns
 * near a right angle; everything else is identity. */
void ftl_geometry_from_matrix(const int32_t matrix[9], struct ftl_geometry *ret);

/* Stream side data and sample aspect ratios (container first, then codec). */
void ftl_geometry_of_stream(const struct AVStream *stream, struct ftl_geometry *ret);

/* The frame's own aspect ratio and display matrix (JPEG's and HEIF's orientation arrive that way)
 * over what the stream said. */
void ftl_geometry_of_frame(const struct ftl_geometry *stream, const struct AVFrame *frame,
                           struct ftl_geometry *ret);

/* Size upright with square pixels: the stored size unless the pixels are not square, in which case
 * the longer side grows and both are made even. */
struct ftl_size ftl_geometry_upright(const struct ftl_geometry *geometry, int width, int height);

/* 1/1 for unset, non-positive, absurd (over 1:20) or almost square ratios. */
struct ftl_rational ftl_geometry_sane_sar(int num, int den);

#endif
