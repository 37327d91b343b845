/* Small typed values that options, filters, probe and plan share. Plain data, copied by value. */
#ifndef FETTLE_VALUE_H
#define FETTLE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ftl_media {
    FTL_MEDIA_NONE = 0,
    FTL_MEDIA_VIDEO = 1,
    FTL_MEDIA_AUDIO = 2,
};

struct ftl_rational {
    int num; /* 0/0 = unknown */
    int den;
};

/* A picture length: pixels, or percent of the canvas's short side. */
struct ftl_length {
    double value; /* >= 0 */
    bool is_percent;
};

/* A point in time: seconds from the start of the (trimmed) clip, or percent of its duration. */
struct ftl_time {
    double value; /* seconds >= 0, or 0..100 */
    bool is_percent;
};

struct ftl_colour {
    uint8_t r, g, b, a; /* a: 255 = opaque */
};

struct ftl_size {
    int width, height; /* px; 0 = not said */
};

/* Items live in the arena of whoever parsed them. */
struct ftl_array {
    void *items; /* NULL when count is 0 */
    size_t count;
};

/* Loudness by ITU-R BS.1770-4 / EBU R 128. */
struct ftl_loudness {
    bool is_measured;
    bool is_silent;        /* nothing above -70 LUFS: integrated and true_peak may be -inf */
    bool is_ungated;       /* too short for a 400 ms block: ungated loudness */
    double integrated;     /* LUFS */
    double range;          /* LU */
    double true_peak;      /* dBTP, the highest of all channels */
    double duration_s;     /* seconds measured */
    double correction_db;  /* set when an encode missed its target: to be added to the gain */
    double ceiling_cut_db; /* likewise: how much further the limiter's ceiling must come down */
};

static inline double ftl_rational_to_double(struct ftl_rational q)
{
    return q.den != 0 ? (double)q.num / (double)q.den : 0.0;
}

#ifdef __cplusplus
}
#endif

#endif
