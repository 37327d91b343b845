/* One media output at work in a thread of its own: frames come in through a bounded queue, are
 * encoded, and written together with the sound, so that decoding and filtering go on meanwhile.
 *
 *   ftl_writer_open(&config, &writer, &err);
 *   ftl_writer_send(writer, frame, &err) …       blocks while the queue is full
 *   ftl_writer_end(writer);                      no more frames: the encoder drains meanwhile
 *   ftl_writer_finish(writer, &result, &err);    waits for the file to be complete
 *   ftl_writer_free(writer);                     at any time: stops and joins
 *
 * The queue knows both ends: after the producer's end the thread drains and finishes, and after the
 * thread's end (an error) sending returns that error at once. Bytes do not depend on who waits for
 * whom. */
#ifndef FETTLE_MEDIA_WRITER_H
#define FETTLE_MEDIA_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <fettle/plan.h>
#include <fettle/report.h>

#include "base/auto.h"
#include "media/av_io.h"

struct AVFrame;
struct ftl_sound;
struct ftl_writer;

struct ftl_writer_config {
    const struct ftl_plan_output *output; /* borrowed */
    int fd;                               /* read-write; borrowed */
    struct ftl_io_budget *budget;         /* borrowed */
    struct ftl_sound *sound;              /* NULL = none; borrowed */
    struct ftl_check check;               /* polled by send and finish, in the caller's thread */
};

enum ftl_code ftl_writer_open(const struct ftl_writer_config *config, struct ftl_writer **ret,
                              struct ftl_err *err) FTL_CHECK;

/* Moves the frame's content in, also on failure; pts counts output frames. */
enum ftl_code ftl_writer_send(struct ftl_writer *writer, struct AVFrame *frame,
                              struct ftl_err *err) FTL_CHECK;

/* Says that no frame follows; returns at once. ftl_writer_finish says it too. */
void ftl_writer_end(struct ftl_writer *writer);

/* Fills container, bytes, codecs, size, rate, frames, loudness of *ret. INPUT when the output has
 * video and not one frame came. */
enum ftl_code ftl_writer_finish(struct ftl_writer *writer, struct ftl_output_result *ret,
                                struct ftl_err *err) FTL_CHECK;

void ftl_writer_free(struct ftl_writer *writer); /* NULL allowed */

FTL_AUTO_DEFINE(writer, struct ftl_writer, ftl_writer_free);

#endif
