/* JSON lines on a descriptor (stderr): {"ts":…,"level":…,"msg":…,bound keys…,own keys…}.
 *
 * A logger is a small value: a sink, a level and bound keys (job, attempt, slot, phase); children
 * are made by ftl_log_with and must not outlive their parent. Thread-safe: one line is one
 * write(2). Only the top loops log errors; see fettle/err.h. Values never hold secrets: URLs go
 * through ftl_log_url. */
#ifndef FETTLE_BASE_LOG_H
#define FETTLE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/err.h>

enum ftl_log_level { FTL_LOG_ERROR, FTL_LOG_WARN, FTL_LOG_INFO, FTL_LOG_DEBUG };

enum ftl_log_kind { FTL_LOG_KIND_TEXT, FTL_LOG_KIND_INT, FTL_LOG_KIND_DOUBLE, FTL_LOG_KIND_BOOL };

struct ftl_log_field {
    const char *key; /* NULL ends the list */
    enum ftl_log_kind kind;
    const char *text; /* NULL prints null */
    int64_t i;
    double d;
};

#define FTL_LOG_TEXT(k, v)                                                                         \
    ((struct ftl_log_field){.key = (k), .kind = FTL_LOG_KIND_TEXT, .text = (v)})
#define FTL_LOG_INT(k, v) ((struct ftl_log_field){.key = (k), .kind = FTL_LOG_KIND_INT, .i = (v)})
#define FTL_LOG_DOUBLE(k, v)                                                                       \
    ((struct ftl_log_field){.key = (k), .kind = FTL_LOG_KIND_DOUBLE, .d = (v)})
#define FTL_LOG_BOOL(k, v) ((struct ftl_log_field){.key = (k), .kind = FTL_LOG_KIND_BOOL, .i = (v)})

struct ftl_log {
    int fd;                   /* -1 = silent */
    enum ftl_log_level level; /* lines above it are dropped */
    bool is_text;             /* "level: msg key=value" for a person at a terminal, not JSON */
    char bound[256];          /* keys already printed as ,"k":v (or k=v) */
};

/* Does nothing for a NULL logger. `fields` is an array ended by {.key = NULL}, or NULL.
 * FTL_LOG(log, INFO, "job done", FTL_LOG_INT("files", 2)) makes it from its arguments. */
void ftl_log_line(const struct ftl_log *log, enum ftl_log_level level, const char *msg,
                  const struct ftl_log_field *fields);
#define FTL_LOG(log, lvl, ...) FTL_LOG_LIST((log), FTL_LOG_##lvl, __VA_ARGS__, FTL_LOG_FIELDS_END)
#define FTL_LOG_LIST(log, level, msg, ...)                                                         \
    ftl_log_line(log, level, msg, (const struct ftl_log_field[]){__VA_ARGS__})
#define FTL_LOG_FIELDS_END                                                                         \
    {                                                                                              \
        .key = NULL                                                                                \
    }

/* An error with its code, retry class and place. */
void ftl_log_err(const struct ftl_log *log, enum ftl_log_level level, const char *msg,
                 const struct ftl_err *err);

/* A copy of `log` that adds one key to every line; dropped when `bound` is full. */
struct ftl_log ftl_log_with(const struct ftl_log *log, struct ftl_log_field field);

/* "info" -> FTL_LOG_INFO; false if unknown. Accepts also "warning", "trace", "fatal". */
bool ftl_log_level_parse(const char *text, enum ftl_log_level *ret);

/* Copies a URL without userinfo, query and fragment. */
void ftl_log_url(const char *url, char *to, unsigned long size);

#endif
