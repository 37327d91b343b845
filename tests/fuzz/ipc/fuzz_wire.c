/* What a hostile peer may send: raw packets on a channel whose store it can write. The first byte
 * picks the channel and our side; then packets, each a length of two bytes and its bytes. Whatever
 * comes through is within the row's limits, and its texts and errors can be taken over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "ipc/wire.h"

/* NOLINTBEGIN(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
/* NOLINTEND(readability-identifier-naming) */

enum { MAX_PACKETS = 16, MAX_TEXT = FTL_WIRE_STORE_BYTES + 1 };

static const struct {
    enum ftl_proto_side side;
    enum ftl_proto_state state;
} channels[] = {
    {FTL_PROTO_PARENT, FTL_PROTO_JOB_NEW},     {FTL_PROTO_PARENT, FTL_PROTO_JOB_WORKING},
    {FTL_PROTO_PARENT, FTL_PROTO_JOB_RUNNING}, {FTL_PROTO_PARENT, FTL_PROTO_CONTROL_NEW},
    {FTL_PROTO_PARENT, FTL_PROTO_LEASH_NEW},   {FTL_PROTO_CHILD, FTL_PROTO_JOB_READY},
    {FTL_PROTO_CHILD, FTL_PROTO_JOB_PLANNED},  {FTL_PROTO_ZYGOTE, FTL_PROTO_CONTROL},
};

enum { CHANNELS = sizeof(channels) / sizeof(channels[0]) };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_fixed(const struct ftl_msg *msg)
{
    if (msg->type == FTL_MSG_FAIL) {
        const struct ftl_err err = ftl_proto_err(&msg->body.err);
        must(err.code != FTL_OK && memchr(err.msg, '\0', sizeof(err.msg)) != NULL);
        must(strcmp(ftl_retry_name(err.retry), "") != 0);
    }
    if (msg->type == FTL_MSG_OPEN &&
        ftl_proto_name_ok(msg->body.open.name, sizeof(msg->body.open.name)))
    {
        char name[sizeof(msg->body.open.name)];
        ftl_proto_text(name, sizeof(name), msg->body.open.name, sizeof(msg->body.open.name));
        must(name[0] != '.' && name[0] != '\0' && strchr(name, '/') == NULL);
    }
    if (msg->type == FTL_MSG_WARN) {
        char text[64];
        ftl_proto_text(text, sizeof(text), msg->body.warn.text, sizeof(msg->body.warn.text));
        must(strlen(text) < sizeof(text));
    }
}

static void check(const struct ftl_wire *wire, const struct ftl_msg *msg)
{
    const struct ftl_proto_row *row = ftl_proto_row((unsigned)msg->type);
    must(row != NULL && row->sender != wire->side && msg->length <= row->max_bytes);
    must(msg->fds.count >= row->min_fds && msg->fds.count <= row->max_fds);
    if (row->body == FTL_PROTO_TEXT) {
        struct ftl_err err = {.code = FTL_OK};
        FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(MAX_TEXT);
        if (ftl_wire_text(wire, msg, &text, &err) == FTL_OK) {
            must(text.length == msg->length);
        }
    }
    check_fixed(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct ftl_msg msg; /* 64 KiB: not for the stack */
    struct ftl_err err = {.code = FTL_OK};
    int pair[2];
    FTL_AUTO_FD int store = -1;
    if (length == 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return 0;
    }
    FTL_AUTO_FD int peer = pair[0];
    FTL_AUTO_FD int own = pair[1];
    must(ftl_wire_store_new(&store, &err) == FTL_OK);
    struct ftl_wire wire =
        ftl_wire_make(own, channels[bytes[0] % CHANNELS].side, channels[bytes[0] % CHANNELS].state);
    wire.store_fd = store;
    wire.never_blocks = true;
    size_t at = 1;
    for (int i = 0; i < MAX_PACKETS && at + 2 <= length; i++) {
        size_t size = (size_t)bytes[at] | (size_t)bytes[at + 1] << 8;
        at += 2;
        size = size < length - at ? size : length - at;
        if (size == 0 || send(peer, bytes + at, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            break;
        }
        at += size;
        if (ftl_wire_recv(&wire, &msg, &err) != FTL_OK) {
            must(err.code != FTL_OK);
            break;
        }
        if (msg.type != FTL_MSG_NONE) {
            check(&wire, &msg);
        }
        ftl_fds_close(&msg.fds);
    }
    return 0;
}
