/* How good a picture is as a poster: numbers of one reduced frame, and the verdict on them. Pure.
 */
#ifndef FETTLE_MEDIA_STILL_SCORE_H
#define FETTLE_MEDIA_STILL_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Full-range 4:2:0, chroma planes half the luma's size rounded up. Borrowed. */
struct ftl_still_picture {
    int width, height; /* px, at least 3 each */
    const uint8_t *planes[3];
    ptrdiff_t strides[3]; /* bytes */
};

struct ftl_still_features {
    double luma_mean;      /* 0..255 */
    double luma_deviation; /* standard deviation */
    double sharpness;      /* variance of the Laplacian */
    double colourfulness;  /* Hasler and Suesstrunk's measure, on chroma: 0 grey, about 60 vivid */
};

enum ftl_still_flaw {
    FTL_STILL_FLAW_NONE,
    FTL_STILL_FLAW_DARK,
    FTL_STILL_FLAW_BRIGHT,
    FTL_STILL_FLAW_FLAT, /* a fade or an empty picture */
    FTL_STILL_FLAW_CUT,  /* beside a scene change */
};

struct ftl_still_verdict {
    double score; /* higher is better; one with a flaw is below every one without */
    enum ftl_still_flaw flaw;
};

void ftl_still_features(const struct ftl_still_picture *picture, struct ftl_still_features *ret);

/* `position` is the frame's place in the clip, 0..1, negative when unknown. */
struct ftl_still_verdict ftl_still_judge(const struct ftl_still_features *features, double position,
                                         bool is_near_cut);

/* Mean absolute difference of two equal-sized grey thumbnails, 0..255. */
double ftl_still_difference(const uint8_t *a, const uint8_t *b, size_t count);

#endif
