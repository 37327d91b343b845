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

/* A message is one line, whatever its parts held. */
static void blank_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = ' ';
        }
    }
}

static void fill(struct ftl_err *err, enum ftl_code code, int sub, const char *fmt, va_list args)
    FTL_PRINTF(4, 0);

/* Formats before it overwrites, since the arguments may lie in *err. */
static void fill(struct ftl_err *err, enum ftl_code code, int sub, const char *fmt, va_list args)
{
    const struct code_row *row = row_of(code);
    struct ftl_err fresh = {.code = (enum ftl_code)row->number, .retry = row->retry, .sub = sub};
    (void)vsnprintf(fresh.msg, sizeof(fresh.msg), fmt, args);
    blank_controls(fresh.msg);
    *err = fresh;
}

enum ftl_code ftl_fail(struct ftl_err *err, enum ftl_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, 0, fmt, args);
    va_end(args);
    return err->code;
}

enum ftl_code ftl_fail_sub(struct ftl_err *err, enum ftl_code code, int sub, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, sub, fmt, args);
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
    va_list args;
    va_start(args, fmt);
    fill(err, code, number, fmt, args);
    va_end(args);
    size_t used = strlen(err->msg);
    char text[128] = "";
    (void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
                   strerror_r(number, text, sizeof(text)));
    return err->code;
}

enum ftl_code ftl_wrap(struct ftl_err *err, const char *fmt, ...)
{
    char msg[sizeof(err->msg)];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    blank_controls(msg);
    size_t at = strlen(msg);
    if (at + 2 < sizeof(msg)) {
        memcpy(msg + at, ": ", 2);
        (void)ftl_copy_text(msg + at + 2, sizeof(msg) - at - 2, err->msg);
    }
    memcpy(err->msg, msg, sizeof(msg));
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
