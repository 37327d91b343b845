#include <math.h>

#include "job/plan_impl.h"

/* Rates that players and editors expect. */
static const struct ftl_rational standard[] = {
    {24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {50, 1}, {60000, 1001}, {60, 1},
};
enum { STANDARD_COUNT = sizeof(standard) / sizeof(standard[0]) };

static const double cap_fps = 60;
static const double odd_fps = 240; /* above it, a time base was taken for a rate */

static bool is_known(struct ftl_rational rate)
{
    return rate.num > 0 && rate.den > 0;
}

static struct ftl_rational nearest_standard(double fps)
{
    struct ftl_rational nearest = standard[0];
    for (size_t i = 1; i < STANDARD_COUNT; i++) {
        if (fabs(ftl_rational_to_double(standard[i]) - fps) <
            fabs(ftl_rational_to_double(nearest) - fps)) {
            nearest = standard[i];
        }
    }
    return nearest;
}

/* Averages of short clips miss the true rate by a few parts in 10⁴: 29.9697 is 30000/1001, and
 * 15.001 is 15. NTSC and whole rates lie 10⁻³ apart. */
static struct ftl_rational tidy(struct ftl_rational rate)
{
    double fps = ftl_rational_to_double(rate);
    struct ftl_rational near = nearest_standard(fps);
    const double close = 4e-4;
    if (fabs(ftl_rational_to_double(near) / fps - 1) < close) {
        return near;
    }
    double whole = round(fps);
    if (whole >= 1 && fabs(whole / fps - 1) < close) {
        return (struct ftl_rational){.num = (int)whole, .den = 1};
    }
    return rate;
}

struct ftl_rational ftl_rate_constant(const struct ftl_probe_stream *video)
{
    const struct ftl_rational unknown = {0, 0};
    struct ftl_rational rate =
        is_known(video->frame_rate) ? video->frame_rate : video->nominal_rate;
    if (video->is_variable_rate || !is_known(rate) || ftl_rational_to_double(rate) > odd_fps) {
        return unknown;
    }
    return tidy(rate);
}

/* Every second, third … frame, so that what is kept stays evenly spaced. */
static struct ftl_rational divide_below_cap(struct ftl_rational rate)
{
    double fps = ftl_rational_to_double(rate);
    int divisor = (int)ceil(fps / cap_fps - 1e-9);
    struct ftl_rational divided = {.num = rate.num, .den = rate.den * divisor};
    return tidy(divided);
}

/* Time stamps on the grid of a usual rate, with frames left out: that grid, unless most of it would
 * be repetitions while a slower usual rate fits. The average of such a clip says little. */
static bool is_grid(struct ftl_rational nominal, double average_fps)
{
    double fps = ftl_rational_to_double(nominal);
    bool is_usual = false;
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        is_usual = is_usual || fabs(ftl_rational_to_double(standard[i]) - fps) < 1e-6 * fps;
    }
    double slowest = ftl_rational_to_double(standard[0]);
    return is_usual && fps > average_fps * 0.98 &&
           (fps < average_fps * 1.25 || (average_fps < slowest && fps <= 30));
}

struct ftl_rational ftl_rate_natural(const struct ftl_probe_stream *video)
{
    const struct ftl_rational usual = {30, 1};
    struct ftl_rational rate = ftl_rate_constant(video);
    if (is_known(rate)) {
        return ftl_rational_to_double(rate) > cap_fps ? divide_below_cap(rate) : rate;
    }
    struct ftl_rational average =
        is_known(video->frame_rate) ? video->frame_rate : video->nominal_rate;
    if (!is_known(average) || ftl_rational_to_double(average) > odd_fps) {
        return usual;
    }
    double average_fps = ftl_rational_to_double(average);
    return is_grid(video->nominal_rate, average_fps) ? tidy(video->nominal_rate)
                                                     : nearest_standard(average_fps);
}
