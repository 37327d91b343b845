/* Turns one frame into an image file. */
#ifndef FETTLE_MEDIA_STILL_ENCODE_H
#define FETTLE_MEDIA_STILL_ENCODE_H

#include <fettle/err.h>
#include <fettle/plan.h>
#include <fettle/report.h>

struct AVFrame;

/* Scales `frame` to plan->width × height (0 = as it is), encodes it as plan->format with
 * plan->quality and writes the file at fd's offset. YUV is converted by its tags; untagged it
 * counts as limited BT.709. Sets container, codec, pix_fmt, size, frames and bytes of *ret.
 * UNSUPPORTED for a format this libavcodec cannot encode. */
enum ftl_code ftl_still_encode(const struct AVFrame *frame, const struct ftl_still_plan *plan,
                               int fd, struct ftl_output_result *ret,
                               struct ftl_err *err) FTL_CHECK;

#endif
