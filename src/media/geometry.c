#include "media/geometry.h"

#include <math.h>
#include <string.h>

#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/frame.h>

#include "media/av_compat.h"

enum { SAR_ABSURD = 20 };

struct ftl_rational ftl_geometry_sane_sar(int num, int den)
{
    if (num <= 0 || den <= 0 || (int64_t)num > (int64_t)den * SAR_ABSURD ||
        (int64_t)den > (int64_t)num * SAR_ABSURD)
    {
        return (struct ftl_rational){1, 1};
    }
    /* Within a percent it is what rounding of sizes left behind: not worth a scaling. */
    if (fabs((double)num / den - 1.0) < 0.01) {
        return (struct ftl_rational){1, 1};
    }
    return (struct ftl_rational){num, den};
}

/* The matrix maps stored (x, y) to (x a + y c, x b + y d), y pointing down. A picture that is
 * flipped and then turned by r clockwise has a = f cos r, b = f sin r, c = -sin r, d = cos r with
 * f = -1 for the flip. */
void ftl_geometry_from_matrix(const int32_t matrix[9], struct ftl_geometry *ret)
{
    double a = matrix[0];
    double b = matrix[1];
    double c = matrix[3];
    double d = matrix[4];
    double scale = fmax(hypot(a, b), hypot(c, d));
    ret->rotate_deg = 0;
    ret->is_mirrored = false;
    if (scale <= 0.0) {
        return;
    }
    bool is_mirrored = a * d - b * c < 0.0;
    double degrees = atan2(-c, d) * 180.0 / M_PI;
    int quarter = (int)lround(degrees / 90.0);
    if (fabs(degrees - quarter * 90.0) > 10.0) {
        return; /* no player shows slanted pictures either */
    }
    ret->is_mirrored = is_mirrored;
    ret->rotate_deg = ((quarter % 4) + 4) % 4 * 90;
}

void ftl_geometry_of_stream(const struct AVStream *stream, struct ftl_geometry *ret)
{
    size_t size = 0;
    const uint8_t *matrix = ftl_stream_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    AVRational sar = stream->sample_aspect_ratio;
    *ret = (struct ftl_geometry){.sar = {1, 1}};
    if (matrix != NULL && size >= 9 * sizeof(int32_t)) {
        int32_t numbers[9];
        memcpy(numbers, matrix, sizeof(numbers));
        ftl_geometry_from_matrix(numbers, ret);
    }
    if (sar.num <= 0 || sar.den <= 0) {
        sar = stream->codecpar->sample_aspect_ratio;
    }
    ret->sar = ftl_geometry_sane_sar(sar.num, sar.den);
}

void ftl_geometry_of_frame(const struct ftl_geometry *stream, const struct AVFrame *frame,
                           struct ftl_geometry *ret)
{
    const AVFrameSideData *matrix = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    *ret = *stream;
    if (matrix != NULL && matrix->size >= 9 * sizeof(int32_t)) {
        int32_t numbers[9];
        memcpy(numbers, matrix->data, sizeof(numbers));
        ftl_geometry_from_matrix(numbers, ret);
    }
}

static int even(double value)
{
    int rounded = (int)lround(value / 2.0) * 2;
    return rounded < 2 ? 2 : rounded;
}

struct ftl_size ftl_geometry_upright(const struct ftl_geometry *geometry, int width, int height)
{
    struct ftl_size size = {width, height};
    if (geometry->sar.num > geometry->sar.den) {
        size.width = even(width * ftl_rational_to_double(geometry->sar));
        size.height = even(height);
    } else if (geometry->sar.num < geometry->sar.den) {
        size.width = even(width);
        size.height = even(height / ftl_rational_to_double(geometry->sar));
    }
    if (geometry->rotate_deg % 180 != 0) {
        size = (struct ftl_size){size.height, size.width};
    }
    return size;
}
