/* AVIO over descriptors. Each reader and writer keeps its own offset (pread, pwrite), so that
 * several may share one descriptor.
 *
 * A callback that stops the run keeps its error here: after libav returned a failure, ask
 * ftl_io_error() first, because AVERROR_EXIT says nothing. */
#ifndef FETTLE_MEDIA_AV_IO_H
#define FETTLE_MEDIA_AV_IO_H

#include <stdatomic.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/auto.h"

struct AVFormatContext;
struct AVIOContext;
struct ftl_io;

/* Asked in every I/O callback and between packets; not OK ends the run with that error. By value;
 * a NULL function never stops anything. */
struct ftl_check {
    enum ftl_code (*check)(void *opaque, struct ftl_err *err);
    void *opaque;
};

static inline enum ftl_code ftl_check_now(const struct ftl_check *check, struct ftl_err *err)
{
    return check->check != NULL ? check->check(check->opaque, err) : FTL_OK;
}

/* Bytes that may still be written, shared by all outputs of a run; any thread. */
struct ftl_io_budget {
    _Atomic int64_t left_bytes;
};

/* Reads the whole file behind `fd`, seekable; the descriptor is borrowed. */
enum ftl_code ftl_io_open_read(int fd, struct ftl_check check, struct ftl_io **ret,
                               struct ftl_err *err) FTL_CHECK;

/* Writes from offset 0, seekable; `fd` (read-write) and `budget` are borrowed. LIMIT once the
 * budget is spent. */
enum ftl_code ftl_io_open_write(int fd, struct ftl_io_budget *budget, struct ftl_check check,
                                struct ftl_io **ret, struct ftl_err *err) FTL_CHECK;

void ftl_io_free(struct ftl_io *io); /* NULL allowed; does not flush */

struct AVIOContext *ftl_io_context(struct ftl_io *io); /* borrowed */
int64_t ftl_io_size_bytes(const struct ftl_io *io); /* of the file; for a writer, written so far */

/* The error a callback stopped with: fills *err and returns its code; OK if there was none. */
enum ftl_code ftl_io_error(const struct ftl_io *io, struct ftl_err *err);

/* Gives `format` this io and refuses everything else it may want to open, with one exception: a
 * writer's own file may be opened again for reading (+faststart moves the index that way). */
void ftl_io_attach(struct ftl_io *io, struct AVFormatContext *format);

FTL_AUTO_DEFINE(io, struct ftl_io, ftl_io_free);

#endif
