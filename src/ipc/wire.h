/* Messages over SOCK_SEQPACKET: one fixed header, a body, descriptors by SCM_RIGHTS. Every message,
 * sent or received, is checked against proto.def.
 *
 *   struct ftl_wire wire = ftl_wire_make(fd, FTL_PROTO_PARENT, FTL_PROTO_JOB_NEW);
 *   ftl_wire_send(&wire, FTL_MSG_TASK, body, length, &fds, &err);
 *   ftl_wire_recv(&wire, &msg, &err);   then ftl_wire_text(&wire, &msg, &text, &err) for TEXT
 * bodies ftl_fds_close(&msg.fds)             whatever was not taken
 *
 * Bodies over 64 KiB travel in the channel's store: a file in memory of fixed size that the parent
 * makes and hands over with TASK. It cannot grow, so a child has no way to fill memory through it,
 * and children never send descriptors at all. A reader copies out of it before it looks.
 */
#ifndef FETTLE_IPC_WIRE_H
#define FETTLE_IPC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/str.h"
#include "ipc/proto.h"

struct ftl_fds {
    size_t count;
    int fd[FTL_WIRE_MAX_FDS];
};

/* Closes all and empties the list. */
void ftl_fds_close(struct ftl_fds *fds);

struct ftl_wire {
    int fd;                   /* borrowed; -1 once closed by its owner */
    int store_fd;             /* borrowed; -1 = long bodies are refused */
    enum ftl_proto_side side; /* ours */
    enum ftl_proto_state state;
    bool never_blocks; /* neither send nor recv waits: parent and zygote, which a stuck peer must
                          not stop */
};

struct ftl_msg {
    enum ftl_msg_type type; /* NONE: nothing there yet, or is_eof */
    bool is_eof;            /* the other side is gone */
    bool is_stored;         /* the body is in the store */
    size_t length;
    struct ftl_fds fds; /* CLOEXEC; owned by the caller */
    union {
        unsigned char bytes[FTL_WIRE_INLINE_BYTES];
        struct ftl_msg_ready ready;
        struct ftl_msg_spawn spawn;
        struct ftl_msg_spawned spawned;
        struct ftl_msg_exited exited;
        struct ftl_msg_hello hello;
        struct ftl_msg_open open;
        struct ftl_msg_progress progress;
        struct ftl_msg_warn warn;
        struct ftl_err err;
    } body; /* FIXED bodies have exactly their struct's length */
};

struct ftl_wire ftl_wire_make(int fd, enum ftl_proto_side side, enum ftl_proto_state state);

/* A fresh store, sealed against growing and shrinking. */
enum ftl_code ftl_wire_store_new(int *ret_fd, struct ftl_err *err) FTL_CHECK;

/* `fds` may be NULL and stays the caller's. INTERNAL when proto.def forbids it; CRASH when the
 * other side is gone, or (never_blocks) does not read. */
enum ftl_code ftl_wire_send(struct ftl_wire *wire, enum ftl_msg_type type, const void *body,
                            size_t length, const struct ftl_fds *fds,
                            struct ftl_err *err) FTL_CHECK;

/* INTERNAL for anything that breaks the protocol; descriptors that came with it are closed. */
enum ftl_code ftl_wire_recv(struct ftl_wire *wire, struct ftl_msg *ret,
                            struct ftl_err *err) FTL_CHECK;

/* Appends the body of a TEXT message to *ret; LIMIT when it does not fit. */
enum ftl_code ftl_wire_text(const struct ftl_wire *wire, const struct ftl_msg *msg,
                            struct ftl_str *ret, struct ftl_err *err) FTL_CHECK;

#endif
