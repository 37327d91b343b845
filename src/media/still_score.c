#include "media/still_score.h"

#include <math.h>

/* Where a picture stops being usable: mean luma and its spread on the full-range scale. */
static const double darkest = 16.0, brightest = 235.0, flattest = 8.0;

/* Running mean and variance of whole numbers. */
struct moments {
    double sum, sum_of_squares;
    int64_t count;
};

static double mean(const struct moments *m)
{
    return m->count > 0 ? m->sum / (double)m->count : 0.0;
}

static double variance(const struct moments *m)
{
    double average = mean(m);
    return m->count > 0 ? fmax(m->sum_of_squares / (double)m->count - average * average, 0.0) : 0.0;
}

/* A row at a time in integers: exact, and its length keeps it far from overflow. */
static void add_row(struct moments *m, int64_t sum, int64_t sum_of_squares, int count)
{
    m->sum += (double)sum;
    m->sum_of_squares += (double)sum_of_squares;
    m->count += count;
}

static struct moments luma_moments(const struct ftl_still_picture *picture)
{
    struct moments m = {0};
    for (int y = 0; y < picture->height; y++) {
        const uint8_t *row = picture->planes[0] + y * picture->strides[0];
        int64_t sum = 0;
        int64_t squares = 0;
        for (int x = 0; x < picture->width; x++) {
            sum += row[x];
            squares += row[x] * row[x];
        }
        add_row(&m, sum, squares, picture->width);
    }
    return m;
}

static struct moments laplacian_moments(const struct ftl_still_picture *picture)
{
    struct moments m = {0};
    ptrdiff_t stride = picture->strides[0];
    for (int y = 1; y < picture->height - 1; y++) {
        const uint8_t *row = picture->planes[0] + y * stride;
        int64_t sum = 0;
        int64_t squares = 0;
        for (int x = 1; x < picture->width - 1; x++) {
            int value = 4 * row[x] - row[x - 1] - row[x + 1] - row[x - stride] - row[x + stride];
            sum += value;
            squares += value * value;
        }
        add_row(&m, sum, squares, picture->width - 2);
    }
    return m;
}

static struct moments chroma_moments(const struct ftl_still_picture *picture, int plane)
{
    struct moments m = {0};
    int width = (picture->width + 1) / 2;
    int height = (picture->height + 1) / 2;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = picture->planes[plane] + y * picture->strides[plane];
        int64_t sum = 0;
        int64_t squares = 0;
        for (int x = 0; x < width; x++) {
            int value = row[x] - 128;
            sum += value;
            squares += value * value;
        }
        add_row(&m, sum, squares, width);
    }
    return m;
}

void ftl_still_features(const struct ftl_still_picture *picture, struct ftl_still_features *ret)
{
    struct moments luma = luma_moments(picture);
    struct moments edges = laplacian_moments(picture);
    struct moments u = chroma_moments(picture, 1);
    struct moments v = chroma_moments(picture, 2);
    *ret = (struct ftl_still_features){
        .luma_mean = mean(&luma),
        .luma_deviation = sqrt(variance(&luma)),
        .sharpness = variance(&edges),
        .colourfulness = sqrt(variance(&u) + variance(&v)) + 0.3 * hypot(mean(&u), mean(&v)),
    };
}

static enum ftl_still_flaw find_flaw(const struct ftl_still_features *features, bool is_near_cut)
{
    if (features->luma_mean < darkest) {
        return FTL_STILL_FLAW_DARK;
    }
    if (features->luma_mean > brightest) {
        return FTL_STILL_FLAW_BRIGHT;
    }
    if (features->luma_deviation < flattest) {
        return FTL_STILL_FLAW_FLAT;
    }
    return is_near_cut ? FTL_STILL_FLAW_CUT : FTL_STILL_FLAW_NONE;
}

/* 1 between 20 and 50 % of the clip, falling gently to 0 at its ends. */
static double prior(double position)
{
    if (position < 0.0) {
        return 0.5;
    }
    if (position < 0.2) {
        return position / 0.2;
    }
    return position <= 0.5 ? 1.0 : fmax((1.0 - position) / 0.5, 0.0);
}

struct ftl_still_verdict ftl_still_judge(const struct ftl_still_features *features, double position,
                                         bool is_near_cut)
{
    /* Sharpness spans decades: 10 is a blur, 10000 fine texture. */
    double sharp = fmin(log10(1.0 + features->sharpness) / 4.0, 1.0);
    double contrast = fmin(features->luma_deviation / 64.0, 1.0);
    double colour = fmin(features->colourfulness / 60.0, 1.0);
    double exposure = 1.0 - fabs(features->luma_mean - 118.0) / 137.0;
    enum ftl_still_flaw flaw = find_flaw(features, is_near_cut);
    double penalty = 0.0;
    if (flaw != FTL_STILL_FLAW_NONE) {
        /* Beside a cut is a doubt; dark, bright and flat pictures are no pictures. */
        penalty = flaw == FTL_STILL_FLAW_CUT ? 1.0 : 2.0;
    }
    return (struct ftl_still_verdict){
        .score = 0.40 * sharp + 0.20 * contrast + 0.20 * colour + 0.10 * exposure +
                 0.10 * prior(position) - penalty,
        .flaw = flaw,
    };
}

double ftl_still_difference(const uint8_t *a, const uint8_t *b, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int difference = a[i] - b[i];
        sum += difference < 0 ? -difference : difference;
    }
    return count > 0 ? (double)sum / (double)count : 0.0;
}
