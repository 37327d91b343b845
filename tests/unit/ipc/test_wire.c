#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/wire.h"

struct pair {
    int fds[2];
    struct ftl_wire parent, child;
    struct ftl_msg message;
};

static int start(void **state)
{
    static struct pair pair;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.fds), 0);
    pair.parent = ftl_wire_make(pair.fds[0], FTL_PROTO_PARENT, FTL_PROTO_JOB_NEW);
    pair.child = ftl_wire_make(pair.fds[1], FTL_PROTO_CHILD, FTL_PROTO_JOB_NEW);
    *state = &pair;
    return 0;
}

static int stop(void **state)
{
    struct pair *pair = *state;
    ftl_fds_close(&pair->message.fds);
    (void)close(pair->fds[0]);
    if (pair->fds[1] >= 0) {
        (void)close(pair->fds[1]);
    }
    return 0;
}

static void say_hello(struct pair *pair)
{
    struct ftl_err err = {.code = FTL_OK};
    const struct ftl_msg_hello hello = {.layers = 5, .landlock_abi = 7};
    assert_int_equal(ftl_wire_send(&pair->child, FTL_MSG_HELLO, &hello, sizeof(hello), NULL, &err),
                     FTL_OK);
    assert_int_equal(ftl_wire_recv(&pair->parent, &pair->message, &err), FTL_OK);
    assert_int_equal(pair->message.type, FTL_MSG_HELLO);
    assert_int_equal(pair->message.body.hello.landlock_abi, 7);
}

static void test_there_and_back(void **state)
{
    struct pair *pair = *state;
    struct ftl_err err = {.code = FTL_OK};
    say_hello(pair);
    int store = -1;
    assert_int_equal(ftl_wire_store_new(&store, &err), FTL_OK);
    const struct ftl_fds fds = {.count = 2, .fd = {store, STDIN_FILENO}};
    assert_int_equal(ftl_wire_send(&pair->parent, FTL_MSG_TASK, "{}", 2, &fds, &err), FTL_OK);
    assert_int_equal(ftl_wire_recv(&pair->child, &pair->message, &err), FTL_OK);
    assert_int_equal(pair->message.type, FTL_MSG_TASK);
    assert_int_equal(pair->message.fds.count, 2);
    assert_int_equal(fcntl(pair->message.fds.fd[1], F_GETFD), FD_CLOEXEC);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(100);
    assert_int_equal(ftl_wire_text(&pair->child, &pair->message, &text, &err), FTL_OK);
    assert_string_equal(ftl_str_text(&text), "{}");
    assert_int_equal(pair->parent.state, pair->child.state);
    (void)close(store);
}

static void test_long_bodies_go_to_the_store(void **state)
{
    enum { LONG = 3 * 1000 * 1000 };
    struct pair *pair = *state;
    struct ftl_err err = {.code = FTL_OK};
    say_hello(pair);
    FTL_AUTO_FREE char *body = ftl_calloc(LONG, 1);
    assert_non_null(body);
    memset(body, 'b', LONG);
    const struct ftl_fds none = {.count = 1, .fd = {STDIN_FILENO}};
    /* without a store it cannot be sent, and the state stays */
    assert_int_equal(ftl_wire_send(&pair->parent, FTL_MSG_TASK, body, LONG, &none, &err),
                     FTL_INTERNAL);
    assert_int_equal(pair->parent.state, FTL_PROTO_JOB_READY);
    int store = -1;
    assert_int_equal(ftl_wire_store_new(&store, &err), FTL_OK);
    pair->parent.store_fd = store;
    const struct ftl_fds fds = {.count = 1, .fd = {store}};
    assert_int_equal(ftl_wire_send(&pair->parent, FTL_MSG_TASK, body, LONG, &fds, &err), FTL_OK);
    assert_int_equal(ftl_wire_recv(&pair->child, &pair->message, &err), FTL_OK);
    assert_true(pair->message.is_stored);
    pair->child.store_fd = pair->message.fds.fd[0];
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(LONG);
    assert_int_equal(ftl_wire_text(&pair->child, &pair->message, &text, &err), FTL_OK);
    assert_int_equal(text.length, LONG);
    assert_memory_equal(text.text, body, LONG);
    FTL_AUTO_STR struct ftl_str small = FTL_STR_INIT(10);
    assert_int_equal(ftl_wire_text(&pair->child, &pair->message, &small, &err), FTL_LIMIT);
    /* the child cannot make it grow or shrink */
    assert_int_equal(ftruncate(pair->child.store_fd, (off_t)FTL_WIRE_STORE_BYTES * 2), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(pair->child.store_fd, 0), -1);
    (void)close(store);
}

static void test_nothing_and_the_end(void **state)
{
    struct pair *pair = *state;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_wire_recv(&pair->parent, &pair->message, &err), FTL_OK);
    assert_int_equal(pair->message.type, FTL_MSG_NONE);
    assert_false(pair->message.is_eof);
    (void)close(pair->fds[1]);
    pair->fds[1] = -1;
    assert_int_equal(ftl_wire_recv(&pair->parent, &pair->message, &err), FTL_OK);
    assert_true(pair->message.is_eof);
    pair->parent.state = FTL_PROTO_JOB_PLANNED;
    assert_int_equal(ftl_wire_send(&pair->parent, FTL_MSG_GO, NULL, 0, NULL, &err), FTL_CRASH);
}

/* Open descriptors of this process. */
static int count_open(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

/* Nothing is left in this process of descriptors that come with an empty packet. */
static void test_descriptors_of_an_empty_packet(void **state)
{
    struct pair *pair = *state;
    struct ftl_err err = {.code = FTL_OK};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    assert_non_null(part);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &pair->fds[1], sizeof(int));
    assert_int_equal(sendmsg(pair->fds[1], &message, 0), 0);
    int before = count_open();
    assert_int_equal(ftl_wire_recv(&pair->parent, &pair->message, &err), FTL_OK);
    assert_true(pair->message.is_eof);
    assert_int_equal(pair->message.fds.count, 0);
    assert_int_equal(count_open(), before);
}

/* A peer that never reads must not stop the parent. */
static void test_full_channel(void **state)
{
    struct pair *pair = *state;
    struct ftl_err err = {.code = FTL_OK};
    pair->parent.state = FTL_PROTO_LEASH_LIVE;
    enum ftl_code code = FTL_OK;
    int sent = 0;
    for (; sent < 100000 && code == FTL_OK; sent++) {
        code = ftl_wire_send(&pair->parent, FTL_MSG_KILL, NULL, 0, NULL, &err);
    }
    assert_int_equal(code, FTL_CRASH);
    assert_non_null(strstr(err.msg, "does not read"));
}

static void test_own_mistakes_are_not_sent(void **state)
{
    struct pair *pair = *state;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_wire_send(&pair->child, FTL_MSG_DONE, "{}", 2, NULL, &err), FTL_INTERNAL);
    assert_int_equal(ftl_wire_send(&pair->child, FTL_MSG_HELLO, "x", 1, NULL, &err), FTL_INTERNAL);
    assert_int_equal(ftl_wire_recv(&pair->parent, &pair->message, &err), FTL_OK);
    assert_int_equal(pair->message.type, FTL_MSG_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_there_and_back, start, stop),
        cmocka_unit_test_setup_teardown(test_long_bodies_go_to_the_store, start, stop),
        cmocka_unit_test_setup_teardown(test_nothing_and_the_end, start, stop),
        cmocka_unit_test_setup_teardown(test_descriptors_of_an_empty_packet, start, stop),
        cmocka_unit_test_setup_teardown(test_full_channel, start, stop),
        cmocka_unit_test_setup_teardown(test_own_mistakes_are_not_sent, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
