#include "media/av_io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavformat/avformat.h>
#include <libavutil/mem.h>

#include "base/mem.h"
#include "media/av_compat.h"

enum { IO_BUFFER_BYTES = 64 * 1024 };

struct ftl_io {
    AVIOContext *context;
    int fd;
    bool is_writer;
    int64_t offset;
    int64_t size; /* of the file; a writer's grows */
    struct ftl_io_budget *budget;
    struct ftl_check check;
    struct ftl_err err; /* why a callback stopped */
};

/* Stops the run: libav sees AVERROR_EXIT, ftl_io_error() the reason. */
static bool is_stopped(struct ftl_io *io)
{
    return io->err.code != FTL_OK || ftl_check_now(&io->check, &io->err) != FTL_OK;
}

static int read_packet(void *opaque, uint8_t *buffer, int length)
{
    struct ftl_io *io = opaque;
    if (is_stopped(io)) {
        return AVERROR_EXIT;
    }
    for (;;) {
        ssize_t got = pread(io->fd, buffer, (size_t)length, io->offset);
        if (got > 0) {
            io->offset += got;
            return (int)got;
        }
        if (got == 0) {
            return AVERROR_EOF;
        }
        if (errno != EINTR) {
            int number = errno;
            (void)ftl_fail_errno(&io->err, FTL_DISK, number, "read at byte %lld",
                                 (long long)io->offset);
            return AVERROR(number);
        }
    }
}

/* Books the growth of the file; false when the budget does not cover it. */
static bool take_budget(struct ftl_io *io, int64_t end)
{
    int64_t growth = end - io->size;
    if (growth <= 0) {
        return true;
    }
    if (io->budget != NULL &&
        atomic_fetch_sub_explicit(&io->budget->left_bytes, growth, memory_order_relaxed) < growth)
    {
        (void)ftl_fail(&io->err, FTL_LIMIT, "the outputs are larger than allowed");
        return false;
    }
    io->size = end;
    return true;
}

static int write_packet(void *opaque, ftl_avio_byte *buffer, int length)
{
    struct ftl_io *io = opaque;
    if (is_stopped(io)) {
        return AVERROR_EXIT;
    }
    if (!take_budget(io, io->offset + length)) {
        return AVERROR(EFBIG);
    }
    int done = 0;
    while (done < length) {
        ssize_t put = pwrite(io->fd, buffer + done, (size_t)(length - done), io->offset);
        if (put >= 0) {
            done += (int)put;
            io->offset += put;
        } else if (errno != EINTR) {
            int number = errno;
            (void)ftl_fail_errno(&io->err, FTL_DISK, number, "write at byte %lld",
                                 (long long)io->offset);
            return AVERROR(number);
        }
    }
    return length;
}

static int64_t seek(void *opaque, int64_t offset, int whence)
{
    struct ftl_io *io = opaque;
    int64_t base = 0;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return io->size;
    case SEEK_SET:
        break;
    case SEEK_CUR:
        base = io->offset;
        break;
    case SEEK_END:
        base = io->size;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (offset < -base || (offset > 0 && base > INT64_MAX - offset)) {
        return AVERROR(EINVAL);
    }
    io->offset = base + offset;
    return io->offset;
}

static enum ftl_code open_io(const struct ftl_io *like, struct ftl_io **ret, struct ftl_err *err)
{
    FTL_AUTO(io) struct ftl_io *io = ftl_calloc(1, sizeof(*io));
    unsigned char *buffer = av_malloc(IO_BUFFER_BYTES);
    if (io == NULL || buffer == NULL) {
        av_free(buffer);
        return ftl_fail(err, FTL_NOMEM, "no memory for I/O");
    }
    *io = *like;
    io->context = avio_alloc_context(buffer, IO_BUFFER_BYTES, io->is_writer ? 1 : 0, io,
                                     io->is_writer ? NULL : read_packet,
                                     io->is_writer ? write_packet : NULL, seek);
    if (io->context == NULL) {
        av_free(buffer);
        return ftl_fail(err, FTL_NOMEM, "no memory for I/O");
    }
    *ret = FTL_TAKE(io);
    return FTL_OK;
}

enum ftl_code ftl_io_open_read(int fd, struct ftl_check check, struct ftl_io **ret,
                               struct ftl_err *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "stat");
    }
    return open_io(&(struct ftl_io){.fd = fd, .size = status.st_size, .check = check}, ret, err);
}

enum ftl_code ftl_io_open_write(int fd, struct ftl_io_budget *budget, struct ftl_check check,
                                struct ftl_io **ret, struct ftl_err *err)
{
    return open_io(&(struct ftl_io){.fd = fd, .is_writer = true, .budget = budget, .check = check},
                   ret, err);
}

void ftl_io_free(struct ftl_io *io)
{
    if (io == NULL) {
        return;
    }
    if (io->context != NULL) {
        av_freep(&io->context->buffer);
        avio_context_free(&io->context);
    }
    ftl_free(io);
}

struct AVIOContext *ftl_io_context(struct ftl_io *io)
{
    return io->context;
}

int64_t ftl_io_size_bytes(const struct ftl_io *io)
{
    return io->size;
}

enum ftl_code ftl_io_error(const struct ftl_io *io, struct ftl_err *err)
{
    if (io->err.code != FTL_OK) {
        *err = io->err;
    }
    return io->err.code;
}

static int io_open(struct AVFormatContext *format, AVIOContext **ret, const char *url, int flags,
                   AVDictionary **options)
{
    struct ftl_io *io = format->opaque;
    struct ftl_io *reader = NULL;
    struct ftl_err err;
    (void)options;
    if (!io->is_writer || flags != AVIO_FLAG_READ || strcmp(url, format->url) != 0) {
        return AVERROR(EACCES);
    }
    if (ftl_io_open_read(io->fd, io->check, &reader, &err) != FTL_OK) {
        return AVERROR(ENOMEM);
    }
    *ret = reader->context;
    return 0;
}

static int io_close(struct AVFormatContext *format, AVIOContext *context)
{
    (void)format;
    ftl_io_free(context->opaque);
    return 0;
}

void ftl_io_attach(struct ftl_io *io, struct AVFormatContext *format)
{
    format->pb = io->context;
    format->opaque = io;
    format->io_open = io_open;
    format->io_close2 = io_close;
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
}
