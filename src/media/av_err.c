#include "media/av_err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <libavutil/error.h>

struct av_row {
    int number;
    enum ftl_code code;
    enum ftl_retry retry;
    bool has_retry;
};

static const struct av_row rows[] = {
    {AVERROR_INVALIDDATA, FTL_INPUT, FTL_RETRY_NEVER, false},
    {AVERROR_EOF, FTL_INPUT, FTL_RETRY_NEVER, false},
    {AVERROR_DECODER_NOT_FOUND, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR_DEMUXER_NOT_FOUND, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR_ENCODER_NOT_FOUND, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR_MUXER_NOT_FOUND, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR_FILTER_NOT_FOUND, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR_BSF_NOT_FOUND, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR_PROTOCOL_NOT_FOUND, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR_PATCHWELCOME, FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR(ENOSYS), FTL_UNSUPPORTED, FTL_RETRY_NEVER, false},
    {AVERROR(ENOMEM), FTL_NOMEM, FTL_RETRY_NEVER, false},
    {AVERROR(ENOSPC), FTL_DISK, FTL_RETRY_NEVER, false},
    {AVERROR(EDQUOT), FTL_DISK, FTL_RETRY_NEVER, false},
    {AVERROR(EIO), FTL_DISK, FTL_RETRY_LATER, true},
    {AVERROR(EFBIG), FTL_LIMIT, FTL_RETRY_NEVER, false},
    {AVERROR_EXIT, FTL_CANCELLED, FTL_RETRY_NEVER, false},
    {AVERROR_BUG, FTL_INTERNAL, FTL_RETRY_NEVER, false},
    {AVERROR_BUG2, FTL_INTERNAL, FTL_RETRY_NEVER, false},
    {AVERROR_OPTION_NOT_FOUND, FTL_INTERNAL, FTL_RETRY_NEVER, false},
};

static const struct av_row *find(int number)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].number == number) {
            return &rows[i];
        }
    }
    return NULL;
}

enum ftl_code ftl_code_from_av(int number, enum ftl_code otherwise)
{
    const struct av_row *row = find(number);
    return row != NULL ? row->code : otherwise;
}

enum ftl_code ftl_fail_av(struct ftl_err *err, enum ftl_code otherwise, int number, const char *fmt,
                          ...)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    char context[320] = "";
    const struct av_row *row = find(number);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(context, sizeof(context), fmt, args);
    va_end(args);
    (void)av_strerror(number, text, sizeof(text));
    (void)ftl_fail_sub(err, row != NULL ? row->code : otherwise, number, "%s: %s", context, text);
    if (row != NULL && row->has_retry) {
        err->retry = row->retry;
    }
    return err->code;
}
