#include "ipc/proto.h"

#include <string.h>

#include "base/str.h"

/* Two steps, so that the states of a row may be written without their prefix. */
enum {
    KEEP = FTL_PROTO_KEEP,
    CONTROL_NEW = FTL_PROTO_CONTROL_NEW,
    CONTROL = FTL_PROTO_CONTROL,
    LEASH_NEW = FTL_PROTO_LEASH_NEW,
    LEASH_LIVE = FTL_PROTO_LEASH_LIVE,
    LEASH_GONE = FTL_PROTO_LEASH_GONE,
    JOB_NEW = FTL_PROTO_JOB_NEW,
    JOB_READY = FTL_PROTO_JOB_READY,
    JOB_WORKING = FTL_PROTO_JOB_WORKING,
    JOB_PLANNED = FTL_PROTO_JOB_PLANNED,
    JOB_RUNNING = FTL_PROTO_JOB_RUNNING,
    JOB_OPENING = FTL_PROTO_JOB_OPENING,
    JOB_ENDED = FTL_PROTO_JOB_ENDED,
};

static const struct ftl_proto_row rows[] = {
#define FTL_MSG(id, number, from, legal, after, kind, bytes, fewest, most)                         \
    {.type = FTL_MSG_##id,                                                                         \
     .name = #id,                                                                                  \
     .sender = FTL_PROTO_##from,                                                                   \
     .states = (legal),                                                                            \
     .next = (enum ftl_proto_state)(after),                                                        \
     .body = FTL_PROTO_##kind,                                                                     \
     .max_bytes = (bytes),                                                                         \
     .min_fds = (fewest),                                                                          \
     .max_fds = (most)},
#include "ipc/proto.def"
#undef FTL_MSG
};

const struct ftl_proto_row *ftl_proto_row(unsigned type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((unsigned)rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool length_ok(const struct ftl_proto_row *row, size_t length)
{
    switch (row->body) {
    case FTL_PROTO_EMPTY:
        return length == 0;
    case FTL_PROTO_FIXED:
        return length == row->max_bytes;
    case FTL_PROTO_TEXT:
        return length > 0 && length <= row->max_bytes;
    }
    return false;
}

enum ftl_code ftl_proto_step(enum ftl_proto_state *state, enum ftl_proto_side sender, unsigned type,
                             size_t length, size_t fds, struct ftl_err *err)
{
    const struct ftl_proto_row *row = ftl_proto_row(type);
    if (row == NULL) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: unknown message %u", type);
    }
    if (row->sender != sender) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: %s from the wrong side", row->name);
    }
    if ((row->states & (unsigned)*state) == 0) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: %s out of turn (state %#x)", row->name,
                        (unsigned)*state);
    }
    if (!length_ok(row, length)) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: %s with a body of %zu bytes", row->name,
                        length);
    }
    if (fds < row->min_fds || fds > row->max_fds) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: %s with %zu descriptors", row->name, fds);
    }
    if (row->next != FTL_PROTO_KEEP) {
        *state = row->next;
    }
    return FTL_OK;
}

void ftl_proto_text(char *to, size_t to_size, const char *from, size_t from_size)
{
    size_t length = strnlen(from, from_size);
    if (length > to_size - 1) {
        length = to_size - 1;
    }
    memcpy(to, from, length);
    to[length] = '\0';
    bool is_utf8 = ftl_is_utf8(to, length);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)to[i];
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8)) {
            to[i] = '?';
        }
    }
}

struct ftl_err ftl_proto_err(const struct ftl_err *from)
{
    struct ftl_err err = {0};
    bool known = from->code > FTL_OK && from->code <= FTL_INTERNAL;
    err.code = known ? from->code : FTL_INTERNAL;
    bool is_class = from->retry >= FTL_RETRY_NEVER && from->retry <= FTL_RETRY_ELSEWHERE;
    err.retry = is_class ? from->retry : FTL_RETRY_ONCE;
    err.sub = from->sub;
    enum { DAY_MS = 24 * 3600 * 1000 };
    if (from->retry_after_ms > 0) {
        err.retry_after_ms = from->retry_after_ms < DAY_MS ? from->retry_after_ms : DAY_MS;
    }
    ftl_proto_text(err.where, sizeof(err.where), from->where, sizeof(from->where));
    ftl_proto_text(err.msg, sizeof(err.msg), from->msg, sizeof(from->msg));
    return err;
}

bool ftl_proto_name_ok(const char *name, size_t size)
{
    size_t length = strnlen(name, size);
    if (length == 0 || length > 255 || length == size || name[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte < 0x20 || byte == 0x7f || byte == '/') {
            return false;
        }
    }
    return ftl_is_utf8(name, length);
}

void ftl_proto_layers_text(uint32_t layers, char *to, size_t size)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
#define X(id, bit, name) {FTL_LAYER_##id, name},
        FTL_LAYERS(X)
#undef X
    };
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t length = strlen(names[i].name);
        if ((layers & names[i].bit) == 0 || used + length + 2 > size) {
            continue;
        }
        if (used > 0) {
            to[used++] = ',';
        }
        memcpy(to + used, names[i].name, length + 1);
        used += length;
    }
}
