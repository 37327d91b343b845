#include "base/log.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/number.h"
#include "base/str.h"

enum { LINE_BYTES = 4096 };

static const struct {
    const char *name;
    enum ftl_log_level level;
} level_names[] = {{"error", FTL_LOG_ERROR}, {"warn", FTL_LOG_WARN},   {"info", FTL_LOG_INFO},
                   {"debug", FTL_LOG_DEBUG}, {"fatal", FTL_LOG_ERROR}, {"warning", FTL_LOG_WARN},
                   {"trace", FTL_LOG_DEBUG}};

static const char *level_name(enum ftl_log_level level)
{
    return level >= FTL_LOG_ERROR && level <= FTL_LOG_DEBUG ? level_names[level].name : "debug";
}

bool ftl_log_level_parse(const char *text, enum ftl_log_level *ret)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(text, level_names[i].name) == 0) {
            *ret = level_names[i].level;
            return true;
        }
    }
    return false;
}

/* A word stands as it is in the text form; anything else is quoted. */
static bool is_plain_word(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '=' || *at == '\\') {
            return false;
        }
    }
    return text[0] != '\0';
}

static void add_text(struct ftl_str *line, bool is_text, const char *text)
{
    if (text == NULL) {
        ftl_str_add(line, "null");
    } else if (is_text && is_plain_word(text)) {
        ftl_str_add(line, text);
    } else {
        ftl_json_quote(line, text, strlen(text));
    }
}

static void add_field(struct ftl_str *line, bool is_text, const struct ftl_log_field *field)
{
    if (is_text) {
        ftl_str_printf(line, " %s=", field->key);
    } else {
        ftl_str_add(line, ",");
        ftl_json_quote(line, field->key, strlen(field->key));
        ftl_str_add(line, ":");
    }
    switch (field->kind) {
    case FTL_LOG_KIND_TEXT:
        add_text(line, is_text, field->text);
        break;
    case FTL_LOG_KIND_INT:
        ftl_str_printf(line, "%lld", (long long)field->i);
        break;
    case FTL_LOG_KIND_DOUBLE: {
        char number[FTL_NUMBER_TEXT_SIZE];
        ftl_number_print(field->d, number);
        ftl_str_add(line, number);
        break;
    }
    case FTL_LOG_KIND_BOOL:
        ftl_str_add(line, field->i != 0 ? "true" : "false");
        break;
    }
}

/* Adds the field whole or, where the line would get too long, a cut text, or nothing. */
static void add_fitting_field(struct ftl_str *line, bool is_text, const struct ftl_log_field *field)
{
    enum { LONGEST_TEXT = 1024 };
    char shorter[LONGEST_TEXT];
    struct ftl_log_field copy = *field;
    if (field->kind == FTL_LOG_KIND_TEXT && field->text != NULL &&
        !ftl_copy_text(shorter, sizeof(shorter), field->text))
    {
        copy.text = shorter;
    }
    FTL_AUTO_STR struct ftl_str one = FTL_STR_INIT(LINE_BYTES);
    add_field(&one, is_text, &copy);
    if (!one.is_cut && line->length + one.length + 4 <= LINE_BYTES) {
        ftl_str_add_bytes(line, one.text, one.length);
    }
}

static void start_json(struct ftl_str *line, enum ftl_log_level level, const char *msg)
{
    char stamp[32];
    ftl_wall_text(ftl_wall_ms(), stamp, sizeof(stamp));
    ftl_str_printf(line, "{\"ts\":\"%s\",\"level\":\"%s\",\"msg\":", stamp, level_name(level));
    ftl_json_quote(line, msg, strnlen(msg, LINE_BYTES / 8)); /* escaped, still less than a line */
}

void ftl_log_line(const struct ftl_log *log, enum ftl_log_level level, const char *msg,
                  const struct ftl_log_field *fields)
{
    if (log == NULL || log->fd < 0 || level > log->level) {
        return;
    }
    FTL_AUTO_STR struct ftl_str line = FTL_STR_INIT(LINE_BYTES);
    if (log->is_text) {
        ftl_str_printf(&line, "%s: %.*s", level_name(level), LINE_BYTES / 2, msg);
    } else {
        start_json(&line, level, msg);
    }
    ftl_str_add(&line, log->bound);
    for (; fields != NULL && fields->key != NULL; fields++) {
        add_fitting_field(&line, log->is_text, fields);
    }
    ftl_str_add(&line, log->is_text ? "\n" : "}\n");
    if (line.is_cut) {
        return; /* no memory: half a line helps nobody */
    }
    struct ftl_err err = {0};
    if (ftl_fd_write_all(log->fd, line.text, line.length, &err) != FTL_OK) {
        return; /* nobody is left to tell */
    }
}

void ftl_log_err(const struct ftl_log *log, enum ftl_log_level level, const char *msg,
                 const struct ftl_err *err)
{
    const struct ftl_log_field fields[] = {
        FTL_LOG_TEXT("code", ftl_code_name(err->code)),
        FTL_LOG_TEXT("error", err->msg),
        FTL_LOG_TEXT("retry", ftl_retry_name(err->retry)),
        err->where[0] != '\0' ? FTL_LOG_TEXT("where", err->where)
                              : (struct ftl_log_field){.key = NULL},
        {.key = NULL},
    };
    ftl_log_line(log, level, msg, fields);
}

struct ftl_log ftl_log_with(const struct ftl_log *log, struct ftl_log_field field)
{
    if (log == NULL) {
        return (struct ftl_log){.fd = -1};
    }
    struct ftl_log child = *log;
    FTL_AUTO_STR struct ftl_str one = FTL_STR_INIT(sizeof(child.bound));
    add_field(&one, log->is_text, &field);
    size_t used = strlen(child.bound);
    if (!one.is_cut && used + one.length < sizeof(child.bound)) {
        memcpy(child.bound + used, one.text, one.length + 1);
    }
    return child;
}

void ftl_log_url(const char *url, char *to, unsigned long size)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end != NULL ? scheme_end + 3 : url;
    size_t authority = strcspn(host, "/?#");
    for (size_t i = authority; scheme_end != NULL && i > 0; i--) {
        if (host[i - 1] == '@') {
            authority -= i;
            host += i;
            break;
        }
    }
    size_t path = strcspn(host + authority, "?#");
    (void)snprintf(to, size, "%.*s%.*s", scheme_end != NULL ? (int)(scheme_end + 3 - url) : 0, url,
                   (int)(authority + path), host);
}
