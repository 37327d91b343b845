/* The protocol between fettle and fettle-exec: message types, bodies and states. Rows: proto.def.
 *
 * Both sides hold a state per channel and step it with every message sent and received, so that an
 * out-of-turn message is refused wherever it is seen. Fixed bodies are plain structs: both images
 * come from one build (the header's version guards that). Their texts come from the other side:
 * take them through ftl_proto_text() or ftl_proto_err() before use.
 */
#ifndef FETTLE_IPC_PROTO_H
#define FETTLE_IPC_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>

enum {
    FTL_WIRE_MAGIC = 0x6c746566, /* "fetl" */
    FTL_WIRE_VERSION = 1,
    FTL_WIRE_INLINE_BYTES = 64 * 1024,      /* longer bodies go to the channel's store */
    FTL_WIRE_STORE_BYTES = 8 * 1024 * 1024, /* longest body of all */
    FTL_WIRE_MAX_INPUTS = 32,
    FTL_WIRE_MAX_FDS = FTL_WIRE_MAX_INPUTS + 1, /* TASK: the store, then the inputs */
};

enum ftl_proto_side {
    FTL_PROTO_PARENT = 1,
    FTL_PROTO_ZYGOTE = 2,
    FTL_PROTO_CHILD = 4,
};

/* One bit each, so that a row can name several. */
enum ftl_proto_state {
    FTL_PROTO_KEEP = 0,
    FTL_PROTO_CONTROL_NEW = 1 << 0,
    FTL_PROTO_CONTROL = 1 << 1,
    FTL_PROTO_LEASH_NEW = 1 << 2,
    FTL_PROTO_LEASH_LIVE = 1 << 3,
    FTL_PROTO_LEASH_GONE = 1 << 4,
    FTL_PROTO_JOB_NEW = 1 << 5,      /* the child enters its sandbox */
    FTL_PROTO_JOB_READY = 1 << 6,    /* it waits for TASK */
    FTL_PROTO_JOB_WORKING = 1 << 7,  /* it probes, plans or verifies */
    FTL_PROTO_JOB_PLANNED = 1 << 8,  /* it waits for GO */
    FTL_PROTO_JOB_RUNNING = 1 << 9,  /* it encodes */
    FTL_PROTO_JOB_OPENING = 1 << 10, /* it waits for FILE */
    FTL_PROTO_JOB_ENDED = 1 << 11,
};

enum ftl_msg_type {
    FTL_MSG_NONE = 0,
#define FTL_MSG(id, number, ...) FTL_MSG_##id = (number),
#include "ipc/proto.def"
#undef FTL_MSG
};

enum ftl_proto_body {
    FTL_PROTO_EMPTY,
    FTL_PROTO_FIXED, /* exactly the row's length */
    FTL_PROTO_TEXT,  /* JSON, up to the row's length */
};

struct ftl_proto_row {
    enum ftl_msg_type type;
    const char *name;
    enum ftl_proto_side sender;
    unsigned states; /* enum ftl_proto_state bits it is legal in */
    enum ftl_proto_state next;
    enum ftl_proto_body body;
    size_t max_bytes;
    size_t min_fds, max_fds;
};

/* Layers of a child's sandbox, as HELLO reports them. */
#define FTL_LAYERS(X)                                                                              \
    X(RLIMITS, 0, "rlimits")                                                                       \
    X(CAPS, 1, "caps")                                                                             \
    X(NO_NEW_PRIVS, 2, "no-new-privs")                                                             \
    X(UID, 3, "uid")                                                                               \
    X(LANDLOCK, 4, "landlock")                                                                     \
    X(SECCOMP, 5, "seccomp")
enum ftl_layer {
#define X(id, bit, name) FTL_LAYER_##id = 1 << (bit),
    FTL_LAYERS(X)
#undef X
};

struct ftl_msg_ready {
    int32_t threads; /* of the zygote after its set-up; 1 is right */
};

/* Descriptors: the child's end of the job channel, its log pipe, the zygote's end of the leash. */
struct ftl_msg_spawn {
    int64_t memory_bytes; /* address space beyond what the idle image maps */
    int64_t cpu_s;
    int64_t file_bytes;
    int32_t require_sandbox; /* 0 or 1: a missing layer is FAIL instead of a missing bit in HELLO */
    int32_t log_level;       /* enum ftl_log_level */
};

struct ftl_msg_spawned {
    int32_t pid;
};

struct ftl_msg_exited {
    int32_t spawn_errno; /* not 0: there never was a child */
    int32_t wait_status; /* as waitpid gives it */
    double cpu_s;
    int64_t peak_rss_bytes;
};

struct ftl_msg_hello {
    uint32_t layers;       /* enum ftl_layer bits that hold */
    uint32_t landlock_abi; /* 0 = none */
};

struct ftl_msg_open {
    int32_t output;
    char name[256];
};

struct ftl_msg_progress {
    char phase[16];
    double fraction;
    int64_t frames;
    double speed;
};

struct ftl_msg_warn {
    char where[96];
    char text[416];
};

/* NULL for an unknown number. */
const struct ftl_proto_row *ftl_proto_row(unsigned type);

/* Steps *state by a message `sender` sends. INTERNAL, and *state unchanged, if the row forbids it:
 * wrong sender, state, length or number of descriptors. */
enum ftl_code ftl_proto_step(enum ftl_proto_state *state, enum ftl_proto_side sender, unsigned type,
                             size_t length, size_t fds, struct ftl_err *err) FTL_CHECK;

/* Copies a text of the other side: at most `from_size` bytes up to a NUL; control characters and
 * bytes that are not UTF-8 become '?'. Always terminated. */
void ftl_proto_text(char *to, size_t to_size, const char *from, size_t from_size);

/* An error from the other side with every field forced into range. */
struct ftl_err ftl_proto_err(const struct ftl_err *from);

/* A file name the parent will create: 1..255 bytes of UTF-8, no '/', no control character, not
 * hidden (so neither "." nor ".."). `name` need not be terminated within `size`. */
bool ftl_proto_name_ok(const char *name, size_t size);

/* "seccomp,landlock,…" of the bits set; cut to `size`. */
void ftl_proto_layers_text(uint32_t layers, char *to, size_t size);

#endif
