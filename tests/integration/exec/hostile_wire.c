/* Lies on the wire: what goes over descriptor 3 past the checks of our own sender. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exec/child.h"
#include "hostile.h"

struct raw_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t length;
    uint32_t is_stored;
};

static struct raw_header header_of(enum ftl_msg_type type, size_t length)
{
    return (struct raw_header){.magic = FTL_WIRE_MAGIC,
                               .version = FTL_WIRE_VERSION,
                               .type = (uint16_t)type,
                               .length = (uint32_t)length};
}

/* `copies` of descriptor 2 go along. */
static bool send_raw(const struct raw_header *header, const void *body, size_t length, int copies)
{
    struct raw_header copy = *header;
    unsigned char bytes[70 * 1024];
    memcpy(bytes, body, length);
    struct iovec parts[2] = {{.iov_base = &copy, .iov_len = sizeof(copy)},
                             {.iov_base = bytes, .iov_len = length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 250)];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    if (copies > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)copies);
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)copies);
        for (int i = 0; i < copies; i++) {
            const int fd = STDERR_FILENO;
            memcpy(CMSG_DATA(part) + (size_t)i * sizeof(int), &fd, sizeof(fd));
        }
    }
    return sendmsg(FTL_CHILD_JOB_FD, &message, MSG_NOSIGNAL) >= 0;
}

static _Noreturn void wait_for_the_end(void)
{
    for (;;) {
        (void)poll(NULL, 0, -1);
    }
}

#define ACT(name) static void name(struct ftl_session *session, const struct ftl_session_task *task)
#define UNUSED                                                                                     \
    (void)session;                                                                                 \
    (void)task

ACT(bad_magic)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_ALIVE, 0);
    header.magic = 0xdeadbeef;
    (void)send_raw(&header, "", 0, 0);
    wait_for_the_end();
}

ACT(bad_version)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_ALIVE, 0);
    header.version = 99;
    (void)send_raw(&header, "", 0, 0);
    wait_for_the_end();
}

ACT(too_short)
{
    UNUSED;
    struct iovec part = {.iov_base = (char[]){1, 2, 3}, .iov_len = 3};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    (void)sendmsg(FTL_CHILD_JOB_FD, &message, MSG_NOSIGNAL);
    wait_for_the_end();
}

ACT(too_long)
{
    UNUSED;
    static const unsigned char zeros[66 * 1024];
    struct raw_header header = header_of(FTL_MSG_DONE, sizeof(zeros));
    (void)send_raw(&header, zeros, sizeof(zeros), 0);
    wait_for_the_end();
}

/* The header promises more than comes. */
ACT(long_promise)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_DONE, 1000);
    (void)send_raw(&header, "{}", 2, 0);
    wait_for_the_end();
}

ACT(short_promise)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_DONE, 1);
    (void)send_raw(&header, "{}", 2, 0);
    wait_for_the_end();
}

ACT(half_progress)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_PROGRESS, 8);
    (void)send_raw(&header, "12345678", 8, 0);
    wait_for_the_end();
}

ACT(huge_store)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_DONE, 0xffffffff);
    header.is_stored = 1;
    (void)send_raw(&header, "", 0, 0);
    wait_for_the_end();
}

/* Promises a body in the store that was never written: zeros, which are not JSON. */
ACT(empty_store)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_DONE, FTL_WIRE_STORE_BYTES);
    header.is_stored = 1;
    (void)send_raw(&header, "", 0, 0);
    wait_for_the_end();
}

ACT(not_json)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_DONE, 9);
    (void)send_raw(&header, "{\"a\":1,,}", 9, 0);
    wait_for_the_end();
}

ACT(unknown_type)
{
    UNUSED;
    struct raw_header header = header_of((enum ftl_msg_type)4711, 0);
    (void)send_raw(&header, "", 0, 0);
    wait_for_the_end();
}

ACT(parents_message)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_GO, 0);
    (void)send_raw(&header, "", 0, 0);
    wait_for_the_end();
}

ACT(second_hello)
{
    UNUSED;
    struct ftl_msg_hello hello = {.layers = ~0u};
    struct raw_header header = header_of(FTL_MSG_HELLO, sizeof(hello));
    (void)send_raw(&header, &hello, sizeof(hello), 0);
    wait_for_the_end();
}

ACT(open_before_go)
{
    UNUSED;
    struct ftl_msg_open open = {.name = "x"};
    struct raw_header header = header_of(FTL_MSG_OPEN, sizeof(open));
    (void)send_raw(&header, &open, sizeof(open), 0);
    wait_for_the_end();
}

ACT(with_descriptor)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_ALIVE, 0);
    (void)send_raw(&header, "", 0, 1);
    wait_for_the_end();
}

ACT(with_many_descriptors)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_ALIVE, 0);
    (void)send_raw(&header, "", 0, 250);
    wait_for_the_end();
}

ACT(million_messages)
{
    UNUSED;
    struct raw_header header = header_of(FTL_MSG_ALIVE, 0);
    for (int i = 0; i < 1000000 && send_raw(&header, "", 0, 0); i++) {
    }
    wait_for_the_end();
}

static void send_done(const char *text)
{
    struct raw_header header = header_of(FTL_MSG_DONE, strlen(text));
    (void)send_raw(&header, text, strlen(text), 0);
}

ACT(done_twice)
{
    UNUSED;
    send_done("{}");
    send_done("{}");
    wait_for_the_end();
}

ACT(progress_after_done)
{
    UNUSED;
    send_done("{}");
    struct ftl_msg_progress progress = {.phase = "late"};
    struct raw_header header = header_of(FTL_MSG_PROGRESS, sizeof(progress));
    (void)send_raw(&header, &progress, sizeof(progress), 0);
    wait_for_the_end();
}

ACT(done_then_crash)
{
    UNUSED;
    send_done("{}");
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

/* Says it is done and goes on living, perhaps writing to its outputs. */
ACT(done_and_stays)
{
    UNUSED;
    send_done("{}");
    wait_for_the_end();
}

ACT(closes_and_stays)
{
    UNUSED;
    (void)close(FTL_CHILD_JOB_FD);
    wait_for_the_end();
}

ACT(wild_failure)
{
    UNUSED;
    struct ftl_err err;
    memset(&err, 0xc3, sizeof(err)); /* no terminator anywhere, no valid number, no UTF-8 */
    struct raw_header header = header_of(FTL_MSG_FAIL, sizeof(err));
    (void)send_raw(&header, &err, sizeof(err), 0);
    _exit(0);
}

ACT(wild_progress)
{
    struct ftl_msg_progress progress;
    memset(&progress, 0xff, sizeof(progress));
    struct raw_header header = header_of(FTL_MSG_PROGRESS, sizeof(progress));
    (void)send_raw(&header, &progress, sizeof(progress), 0);
    (void)task;
    say(session, "ok");
}

/* Plans, gets GO, and opens what the body says: {"act": "open", "output": 0, "name": "x"}. */
ACT(open_output)
{
    struct ftl_err err = {.code = FTL_OK};
    cJSON *plan = ftl_json_object();
    struct ftl_msg_open open = {.output = (int32_t)ftl_json_int64(task->body, "output", 0)};
    const char *name = ftl_json_string(task->body, "name", "");
    memset(open.name, 'x', sizeof(open.name)); /* as long as it gets where no name is given */
    if (name[0] != '!') {
        (void)ftl_copy_text(open.name, sizeof(open.name), name);
    }
    if (ftl_session_plan(session, plan, &err) != FTL_OK) {
        _exit(8);
    }
    struct raw_header header = header_of(FTL_MSG_OPEN, sizeof(open));
    (void)send_raw(&header, &open, sizeof(open), 0);
    session->job->state = FTL_PROTO_JOB_OPENING;
    if (ftl_wire_recv(session->job, &session->message, &err) != FTL_OK ||
        session->message.type != FTL_MSG_FILE)
    {
        _exit(7);
    }
    ssize_t n = pwrite(session->message.fds.fd[0], "written", 7, 0);
    say(session, n == 7 ? "opened" : "not writable");
}

/* A result longer than a message: through the store. */
ACT(long_result)
{
    (void)task;
    enum { LENGTH = 1000000 };
    char *text = ftl_calloc(LENGTH + 1, 1);
    if (text == NULL) {
        _exit(6);
    }
    memset(text, 'a', LENGTH);
    say(session, text);
}

const struct act wire_acts[] = {
    {"bad_magic", bad_magic},
    {"bad_version", bad_version},
    {"too_short", too_short},
    {"too_long", too_long},
    {"long_promise", long_promise},
    {"short_promise", short_promise},
    {"half_progress", half_progress},
    {"huge_store", huge_store},
    {"empty_store", empty_store},
    {"not_json", not_json},
    {"unknown_type", unknown_type},
    {"parents_message", parents_message},
    {"second_hello", second_hello},
    {"open_before_go", open_before_go},
    {"with_descriptor", with_descriptor},
    {"with_many_descriptors", with_many_descriptors},
    {"million_messages", million_messages},
    {"done_twice", done_twice},
    {"progress_after_done", progress_after_done},
    {"done_then_crash", done_then_crash},
    {"done_and_stays", done_and_stays},
    {"closes_and_stays", closes_and_stays},
    {"wild_failure", wild_failure},
    {"wild_progress", wild_progress},
    {"open_output", open_output},
    {"long_result", long_result},
    {NULL, NULL},
};
