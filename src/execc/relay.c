#include "execc/relay.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "ipc/proto.h"

struct ftl_relay ftl_relay_make(const struct ftl_log *log)
{
    return (struct ftl_relay){.log = log, .allowance = FTL_RELAY_BURST, .filled_ms = ftl_mono_ms()};
}

static bool may_pass(struct ftl_relay *relay)
{
    int64_t now_ms = ftl_mono_ms();
    relay->allowance += (double)(now_ms - relay->filled_ms) * FTL_RELAY_PER_SECOND / 1000.0;
    relay->filled_ms = now_ms;
    if (relay->allowance > FTL_RELAY_BURST) {
        relay->allowance = FTL_RELAY_BURST;
    }
    if (relay->allowance < 1) {
        relay->dropped++;
        return false;
    }
    relay->allowance -= 1;
    return true;
}

/* A line of ours is an object with level and msg; its text members go along. */
static bool pass_json(struct ftl_relay *relay, const char *line)
{
    enum { MOST_FIELDS = 6 };
    if (line[0] != '{') {
        return false;
    }
    FTL_AUTO(json) cJSON *json = NULL;
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_json_parse(line, strlen(line), NULL, &json, &err) != FTL_OK) {
        return false;
    }
    const char *msg = ftl_json_string(json, "msg", NULL);
    enum ftl_log_level level = FTL_LOG_WARN;
    if (msg == NULL || !ftl_log_level_parse(ftl_json_string(json, "level", "warn"), &level)) {
        return false;
    }
    if (level == FTL_LOG_ERROR) {
        level = FTL_LOG_WARN; /* whether a job failed is not for the child to say */
    }
    struct ftl_log_field fields[MOST_FIELDS + 2] = {FTL_LOG_TEXT("from", "executor")};
    size_t count = 1;
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, json)
    {
        bool is_own = strcmp(member->string, "ts") == 0 || strcmp(member->string, "level") == 0 ||
                      strcmp(member->string, "msg") == 0;
        if (!is_own && cJSON_IsString(member) && count <= MOST_FIELDS) {
            fields[count++] = FTL_LOG_TEXT(member->string, member->valuestring);
        }
    }
    ftl_log_line(relay->log, level, msg, fields);
    return true;
}

static void pass_line(struct ftl_relay *relay)
{
    char text[FTL_RELAY_LINE + 1];
    ftl_proto_text(text, sizeof(text), relay->line, relay->line_used);
    relay->line_used = 0;
    if (text[0] == '\0' || relay->log == NULL || !may_pass(relay) || pass_json(relay, text)) {
        return;
    }
    FTL_LOG(relay->log, WARN, text, FTL_LOG_TEXT("from", "executor"));
}

static void keep_tail(struct ftl_relay *relay, const char *bytes, size_t length)
{
    if (length >= FTL_RELAY_TAIL) {
        bytes += length - FTL_RELAY_TAIL;
        length = FTL_RELAY_TAIL;
    }
    size_t keep = relay->tail_used;
    if (keep > FTL_RELAY_TAIL - length) {
        size_t drop = keep - (FTL_RELAY_TAIL - length);
        keep -= drop;
        memmove(relay->tail, relay->tail + drop, keep);
    }
    memcpy(relay->tail + keep, bytes, length);
    relay->tail_used = keep + length;
}

void ftl_relay_take(struct ftl_relay *relay, const char *bytes, size_t length)
{
    keep_tail(relay, bytes, length);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            pass_line(relay);
        } else if (relay->line_used < FTL_RELAY_LINE) {
            relay->line[relay->line_used++] = bytes[i];
        }
    }
}

bool ftl_relay_read(struct ftl_relay *relay, int fd)
{
    enum { CHUNKS = 16 };
    char chunk[4096];
    for (int i = 0; i < CHUNKS; i++) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        ftl_relay_take(relay, chunk, (size_t)n);
    }
    return true;
}

void ftl_relay_finish(struct ftl_relay *relay, char ret_tail[FTL_RELAY_TAIL])
{
    pass_line(relay);
    if (relay->dropped > 0) {
        FTL_LOG(relay->log, WARN, "lines of the executor's log were dropped",
                FTL_LOG_INT("lines", relay->dropped));
    }
    /* From the first whole line, in case the start of one was cut off. */
    size_t start = 0;
    if (relay->tail_used == FTL_RELAY_TAIL) {
        const char *line_end = memchr(relay->tail, '\n', relay->tail_used);
        start = line_end != NULL ? (size_t)(line_end - relay->tail) + 1 : 1;
    }
    size_t at = 0;
    while (start < relay->tail_used) {
        const char *from = relay->tail + start;
        const char *line_end = memchr(from, '\n', relay->tail_used - start);
        size_t length = line_end != NULL ? (size_t)(line_end - from) : relay->tail_used - start;
        for (size_t i = 0; i < length; i++) {
            relay->tail[start + i] = from[i] != '\0' ? from[i] : '?';
        }
        ftl_proto_text(ret_tail + at, FTL_RELAY_TAIL - at, from, length);
        at += strlen(ret_tail + at);
        start += length + 1;
        if (line_end != NULL && at < FTL_RELAY_TAIL - 1) {
            ret_tail[at++] = '\n';
        }
    }
    ret_tail[at] = '\0';
}
