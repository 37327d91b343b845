#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fettle/err.h>

#include "base/str.h"

struct code_row {
    const char *name, *meaning;
    enum ftl_retry retry;
    int number, http, exit_status;
};

static const struct code_row rows[] = {
#define X(name_, number_, retry_, http_, exit_, meaning_)                                          \
    {.name = #name_,                                                                               \
     .meaning = (meaning_),                                                                        \
     .retry = FTL_RETRY_##retry_,                                                                  \
     .number = (number_),                                                                          \
     .http = (http_),                                                                              \
     .exit_status = (exit_)},
    FTL_CODES(X)
#undef X
};

enum { ROWS_COUNT = sizeof(rows) / sizeof(rows[0]) };

static const struct code_row *row_of(enum ftl_code code)
{
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        if (rows[i].number == (int)code) {
            return &rows[i];
        }
    }
    return &rows[FTL_INTERNAL];
}

static void start(struct ftl_err *err, enum ftl_code code, int sub)
{
    const struct code_row *row = row_of(code);
    *err = (struct ftl_err){.code = (enum ftl_code)row->number, .retry = row->retry, .sub = sub};
}

enum ftl_code ftl_fail(struct ftl_err *err, enum ftl_code code, const char *fmt, ...)
{
    start(err, code, 0);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    return err->code;
}

enum ftl_code ftl_fail_sub(struct ftl_err *err, enum ftl_code code, int sub, const char *fmt, ...)
{
    start(err, code, sub);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    return err->code;
}

enum ftl_code ftl_fail_errno(struct ftl_err *err, enum ftl_code code, int number, const char *fmt,
                             ...)
{
    if (number == ENOSPC || number == EDQUOT) {
        code = FTL_DISK;
    } else if (number == ENOMEM) {
        code = FTL_NOMEM;
    }
    start(err, code, number);
    va_list args;
    va_start(args, fmt);
    int used = vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof(err->msg)) {
        char text[128] = "";
        (void)snprintf(err->msg + used, sizeof(err->msg) - (size_t)used, ": %s",
                       strerror_r(number, text, sizeof(text)));
    }
    return err->code;
}

enum ftl_code ftl_wrap(struct ftl_err *err, const char *fmt, ...)
{
    char old[sizeof(err->msg)];
    memcpy(old, err->msg, sizeof(old));
    va_list args;
    va_start(args, fmt);
    int used = vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    size_t at = used < 0 ? 0 : (size_t)used;
    if (at + 2 < sizeof(err->msg)) {
        memcpy(err->msg + at, ": ", 2);
        (void)ftl_copy_text(err->msg + at + 2, sizeof(err->msg) - at - 2, old);
    }
    return err->code;
}

enum ftl_code ftl_err_at(struct ftl_err *err, const char *pointer)
{
    if (err->where[0] == '\0') {
        (void)ftl_copy_text(err->where, sizeof(err->where), pointer);
    }
    return err->code;
}

const char *ftl_code_name(enum ftl_code code)
{
    return row_of(code)->name;
}

const char *ftl_code_meaning(enum ftl_code code)
{
    return row_of(code)->meaning;
}

int ftl_code_exit_status(enum ftl_code code)
{
    return row_of(code)->exit_status;
}

int ftl_code_http_status(enum ftl_code code)
{
    return row_of(code)->http;
}

const char *ftl_retry_name(enum ftl_retry retry)
{
    static const char *const names[] = {"never", "later", "once", "elsewhere"};
    return retry <= FTL_RETRY_ELSEWHERE ? names[retry] : "never";
}

enum ftl_code ftl_code_from_name(const char *name)
{
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return (enum ftl_code)rows[i].number;
        }
    }
    return FTL_INTERNAL;
}
