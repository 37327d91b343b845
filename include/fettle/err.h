/* Errors: one caller-owned value, the last parameter of every function that can fail.
 *
 * The place that raises an error fills it with ftl_fail(); callers on the way up may prefix context
 * with ftl_wrap() and return the code. Library code never logs errors: the three top loops (slot,
 * HTTP request, CLI command) do, once.
 */
#ifndef FETTLE_ERR_H
#define FETTLE_ERR_H

#include <stdarg.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, default retry class, HTTP status, exit status, meaning). Numbers are never
 * reused. */
#define FTL_CODES(X)                                                                               \
    X(OK, 0, NEVER, 200, 0, "success")                                                             \
    X(SPEC, 1, NEVER, 422, 2, "the job or command line is not valid")                              \
    X(INPUT, 2, NEVER, 422, 4, "the input is corrupt or not what it claims to be")                 \
    X(TRUNCATED, 3, NEVER, 422, 4, "the input ends before its declared end")                       \
    X(UNSUPPORTED, 4, NEVER, 415, 5, "a stream, codec or feature this build does not support")     \
    X(LIMIT, 5, NEVER, 413, 3, "a configured limit was exceeded")                                  \
    X(SOURCE, 6, NEVER, 404, 3, "the source is missing, refused or expired")                       \
    X(NET, 7, LATER, 502, 9, "a network peer failed")                                              \
    X(STORE, 8, LATER, 502, 7, "the output or storage failed")                                     \
    X(QUEUE, 9, LATER, 503, 9, "the queue server failed")                                          \
    X(DISK, 10, ELSEWHERE, 507, 7, "no disk space or a local I/O error")                           \
    X(NOMEM, 11, LATER, 503, 6, "out of memory")                                                   \
    X(TIMEOUT, 12, LATER, 504, 124, "a deadline passed")                                           \
    X(CANCELLED, 13, NEVER, 499, 130, "cancelled or interrupted")                                  \
    X(CRASH, 14, ONCE, 500, 6, "the executor died")                                                \
    X(VERIFY, 15, NEVER, 500, 8, "an output failed its verification")                              \
    X(INTERNAL, 16, ONCE, 500, 6, "a bug in Fettle")

enum ftl_code {
#define X(name, number, retry, http, status, meaning) FTL_##name = number,
    FTL_CODES(X)
#undef X
};

enum ftl_retry {
    FTL_RETRY_NEVER,     /* the same job fails the same way: unrecoverable */
    FTL_RETRY_LATER,     /* retry with the queue's back-off, honouring retry_after_ms */
    FTL_RETRY_ONCE,      /* crash or hang: one more try, then failed */
    FTL_RETRY_ELSEWHERE, /* this machine's fault: hand the job back, attempts untouched */
};

/* Plain data, no heap; may be copied by value and sent across IPC as bytes. */
struct ftl_err {
    enum ftl_code code;
    enum ftl_retry retry;
    int sub; /* the origin's own number: AVERROR, errno, CURLcode, HTTP status, signal; 0 = none */
    int64_t retry_after_ms; /* 0 = not said */
    char where[96]; /* JSON pointer into the spec ("/filters/1"), file or option; "" = none */
    char msg[416];  /* one sentence, no newline, no secret */
};

#define FTL_CHECK             __attribute__((warn_unused_result))
#define FTL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Fills *err with the code's default retry class and returns `code`. Overwrites what was there. */
enum ftl_code ftl_fail(struct ftl_err *err, enum ftl_code code, const char *fmt, ...)
    FTL_PRINTF(3, 4);

/* The same, with the origin's number. */
enum ftl_code ftl_fail_sub(struct ftl_err *err, enum ftl_code code, int sub, const char *fmt, ...)
    FTL_PRINTF(4, 5);

/* Fails with the text of errno value `number` appended; ENOSPC/EDQUOT become DISK, ENOMEM NOMEM,
 * whatever `code` says. */
enum ftl_code ftl_fail_errno(struct ftl_err *err, enum ftl_code code, int number, const char *fmt,
                             ...) FTL_PRINTF(4, 5);

/* Prefixes "context: " to the message, cutting the tail if it no longer fits; returns err->code. */
enum ftl_code ftl_wrap(struct ftl_err *err, const char *fmt, ...) FTL_PRINTF(2, 3);

/* Sets `where` if it is still empty; returns err->code. */
enum ftl_code ftl_err_at(struct ftl_err *err, const char *pointer);

const char *ftl_code_name(enum ftl_code code); /* "TRUNCATED"; "INTERNAL" for an unknown number */
const char *ftl_code_meaning(enum ftl_code code); /* a static sentence */
int ftl_code_exit_status(enum ftl_code code);
int ftl_code_http_status(enum ftl_code code);
const char *ftl_retry_name(enum ftl_retry retry);   /* "never", "later", "once", "elsewhere" */
enum ftl_code ftl_code_from_name(const char *name); /* INTERNAL if unknown */

#ifdef __cplusplus
}
#endif

#endif
