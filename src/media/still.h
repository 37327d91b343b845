/* One still picture out of a stream of frames: at a time, or the best of a few candidates.
 *
 *   ftl_still_new(&plan, duration_s, &still, &err);
 *   ftl_still_add(still, frame, time_s, &err);     for every frame, in order of time
 *   ftl_still_write(still, fd, &result, &err);     once, after the last
 *   ftl_still_free(still);
 *
 * Keeps references to at most three frames. One thread.
 */
#ifndef FETTLE_MEDIA_STILL_H
#define FETTLE_MEDIA_STILL_H

#include <stdbool.h>

#include <fettle/err.h>
#include <fettle/plan.h>
#include <fettle/report.h>

#include "base/auto.h"

struct AVFrame;
struct ftl_still;

/* `plan` is borrowed until the still is freed; duration_s is that of the frames to come, 0 when
 * unknown, and may be wrong. */
enum ftl_code ftl_still_new(const struct ftl_still_plan *plan, double duration_s,
                            struct ftl_still **ret, struct ftl_err *err) FTL_CHECK;
void ftl_still_free(struct ftl_still *still); /* NULL allowed */

/* Takes its own reference where it keeps the frame: upright, square pixels, any size and YUV or RGB
 * format swscale reads; untagged YUV is taken as limited BT.709. time_s counts from the start of
 * the filtered clip. */
enum ftl_code ftl_still_add(struct ftl_still *still, const struct AVFrame *frame, double time_s,
                            struct ftl_err *err) FTL_CHECK;

/* True once no later frame can change the choice, so that nothing more need be added. */
bool ftl_still_is_done(const struct ftl_still *still);

/* Scales to plan->width × height, encodes and writes the whole file at the descriptor's offset.
 * Fills container, size, codec, pix_fmt, frames, bytes, still_time_s and still_reason of *ret.
 * INPUT when no frame was ever added; UNSUPPORTED for a format this libavcodec cannot encode. */
enum ftl_code ftl_still_write(struct ftl_still *still, int fd, struct ftl_output_result *ret,
                              struct ftl_err *err) FTL_CHECK;

FTL_AUTO_DEFINE(still, struct ftl_still, ftl_still_free);

#endif
