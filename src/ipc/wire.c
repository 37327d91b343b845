#include "ipc/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t length;
    uint32_t is_stored;
};

/* Room for more descriptors than any row allows, so that too many are counted and closed rather
 * than cut. SCM_MAX_FD is 253. */
enum { MOST_FDS = 253 };

union control {
    char bytes[CMSG_SPACE(sizeof(int) * MOST_FDS)];
    struct cmsghdr align;
};

void ftl_fds_close(struct ftl_fds *fds)
{
    for (size_t i = 0; i < fds->count; i++) {
        if (fds->fd[i] >= 0) {
            (void)close(fds->fd[i]); /* nothing was written through it here */
        }
    }
    fds->count = 0;
}

struct ftl_wire ftl_wire_make(int fd, enum ftl_proto_side side, enum ftl_proto_state state)
{
    return (struct ftl_wire){.fd = fd,
                             .store_fd = -1,
                             .side = side,
                             .state = state,
                             .never_blocks = side != FTL_PROTO_CHILD};
}

enum ftl_code ftl_wire_store_new(int *ret_fd, struct ftl_err *err)
{
    int fd = memfd_create("fettle-store", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return ftl_fail_errno(err, FTL_NOMEM, errno, "memfd_create");
    }
    if (ftruncate(fd, FTL_WIRE_STORE_BYTES) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    {
        int number = errno;
        (void)close(fd);
        return ftl_fail_errno(err, FTL_NOMEM, number, "set up the store");
    }
    *ret_fd = fd;
    return FTL_OK;
}

static enum ftl_code store_write(int fd, const unsigned char *bytes, size_t length,
                                 struct ftl_err *err)
{
    size_t at = 0;
    while (at < length) {
        ssize_t n = pwrite(fd, bytes + at, length - at, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ftl_fail_errno(err, FTL_INTERNAL, n < 0 ? errno : EIO, "write the store");
        }
        at += (size_t)n;
    }
    return FTL_OK;
}

static void attach_fds(struct msghdr *message, union control *control, const struct ftl_fds *fds)
{
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof(int) * fds->count);
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    if (part == NULL) {
        return; /* never: the control buffer is there; said for the compiler */
    }
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * fds->count);
    memcpy(CMSG_DATA(part), fds->fd, sizeof(int) * fds->count);
}

enum ftl_code ftl_wire_send(struct ftl_wire *wire, enum ftl_msg_type type, const void *body,
                            size_t length, const struct ftl_fds *fds, struct ftl_err *err)
{
    enum ftl_proto_state next = wire->state;
    size_t fds_count = fds != NULL ? fds->count : 0;
    if (ftl_proto_step(&next, wire->side, type, length, fds_count, err) != FTL_OK) {
        return ftl_wrap(err, "send");
    }
    struct header header = {.magic = FTL_WIRE_MAGIC,
                            .version = FTL_WIRE_VERSION,
                            .type = (uint16_t)type,
                            .length = (uint32_t)length,
                            .is_stored = length > FTL_WIRE_INLINE_BYTES};
    if (header.is_stored != 0 && store_write(wire->store_fd, body, length, err) != FTL_OK) {
        return err->code;
    }
    char *inline_body = NULL; /* iovec wants it writable; sendmsg only reads */
    memcpy(&inline_body, &body, sizeof(body));
    struct iovec parts[2] = {{.iov_base = &header, .iov_len = sizeof(header)},
                             {.iov_base = inline_body, .iov_len = length}};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = length > 0 && header.is_stored == 0 ? 2 : 1};
    union control control = {0};
    if (fds_count > 0) {
        attach_fds(&message, &control, fds);
    }
    ssize_t n = 0;
    do {
        n = sendmsg(wire->fd, &message, MSG_NOSIGNAL | (wire->never_blocks ? MSG_DONTWAIT : 0));
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        return ftl_fail(err, FTL_CRASH, "the other side does not read its messages");
    }
    if (n < 0) {
        return ftl_fail_errno(err, FTL_CRASH, errno, "send to the other side");
    }
    wire->state = next;
    return FTL_OK;
}

/* Collects every descriptor of the message; those that do not fit the list are closed but counted.
 */
static size_t collect_fds(struct msghdr *message, struct ftl_fds *ret)
{
    size_t seen = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++, seen++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            if (ret->count < FTL_WIRE_MAX_FDS) {
                ret->fd[ret->count++] = fd;
            } else {
                (void)close(fd);
            }
        }
    }
    return seen;
}

static enum ftl_code check_message(struct ftl_wire *wire, const struct header *header, size_t got,
                                   size_t fds_seen, struct ftl_err *err)
{
    if (got < sizeof(*header) || header->magic != FTL_WIRE_MAGIC) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: not a message of ours");
    }
    if (header->version != FTL_WIRE_VERSION) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: version %u, this side speaks %d",
                        header->version, FTL_WIRE_VERSION);
    }
    size_t expected = header->is_stored != 0 ? 0 : header->length;
    if (got - sizeof(*header) != expected) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: length says %u, %zu came", header->length,
                        got - sizeof(*header));
    }
    if (header->is_stored != 0 && header->length <= FTL_WIRE_INLINE_BYTES) {
        return ftl_fail(err, FTL_INTERNAL, "protocol: a short body in the store");
    }
    enum ftl_proto_side peers = FTL_PROTO_PARENT;
    if (wire->side == FTL_PROTO_PARENT) {
        bool is_job = wire->state >= FTL_PROTO_JOB_NEW;
        peers = is_job ? FTL_PROTO_CHILD : FTL_PROTO_ZYGOTE;
    }
    return ftl_proto_step(&wire->state, peers, header->type, header->length, fds_seen, err);
}

enum ftl_code ftl_wire_recv(struct ftl_wire *wire, struct ftl_msg *ret, struct ftl_err *err)
{
    ret->type = FTL_MSG_NONE;
    ret->is_eof = false;
    ret->is_stored = false;
    ret->length = 0;
    ret->fds.count = 0;
    struct header header = {0};
    struct iovec parts[2] = {{.iov_base = &header, .iov_len = sizeof(header)},
                             {.iov_base = ret->body.bytes, .iov_len = sizeof(ret->body.bytes)}};
    union control control = {0};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t n = 0;
    do {
        n = recvmsg(wire->fd, &message, MSG_CMSG_CLOEXEC | (wire->never_blocks ? MSG_DONTWAIT : 0));
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        return FTL_OK;
    }
    if (n == 0 || (n < 0 && errno == ECONNRESET)) {
        if (n == 0) { /* an empty packet reads as the end too, and may bring descriptors */
            (void)collect_fds(&message, &ret->fds);
            ftl_fds_close(&ret->fds);
        }
        ret->is_eof = true;
        return FTL_OK;
    }
    if (n < 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "receive from the other side");
    }
    size_t fds_seen = collect_fds(&message, &ret->fds);
    enum ftl_code code = FTL_OK;
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        code = ftl_fail(err, FTL_INTERNAL, "protocol: a message that does not fit");
    } else {
        code = check_message(wire, &header, (size_t)n, fds_seen, err);
    }
    if (code != FTL_OK) {
        ftl_fds_close(&ret->fds);
        return code;
    }
    ret->type = (enum ftl_msg_type)header.type;
    ret->is_stored = header.is_stored != 0;
    ret->length = header.length;
    return FTL_OK;
}

static enum ftl_code store_read(int fd, size_t length, struct ftl_str *ret, struct ftl_err *err)
{
    unsigned char chunk[16 * 1024];
    size_t at = 0;
    while (at < length) {
        size_t want = length - at < sizeof(chunk) ? length - at : sizeof(chunk);
        ssize_t n = pread(fd, chunk, want, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ftl_fail_errno(err, FTL_INTERNAL, n < 0 ? errno : EIO, "read the store");
        }
        ftl_str_add_bytes(ret, chunk, (size_t)n);
        at += (size_t)n;
    }
    return FTL_OK;
}

enum ftl_code ftl_wire_text(const struct ftl_wire *wire, const struct ftl_msg *msg,
                            struct ftl_str *ret, struct ftl_err *err)
{
    if (msg->is_stored) {
        if (store_read(wire->store_fd, msg->length, ret, err) != FTL_OK) {
            return err->code;
        }
    } else {
        ftl_str_add_bytes(ret, msg->body.bytes, msg->length);
    }
    if (ret->is_cut) {
        return ftl_fail(err, FTL_LIMIT, "a message body of %zu bytes", msg->length);
    }
    return FTL_OK;
}
