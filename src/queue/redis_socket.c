#include "queue/redis_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/str.h"

enum { KEEPALIVE_S = 15 };

FTL_AUTO_DEFINE(addrinfo, struct addrinfo, freeaddrinfo);

void ftl_redis_where(const struct ftl_redis_url *url, char *to, size_t size)
{
    if (url->is_unix) {
        (void)ftl_copy_text(to, size, url->path); /* cut in a message at worst */
    } else {
        (void)snprintf(to, size, strchr(url->host, ':') != NULL ? "[%s]:%d" : "%s:%d", url->host,
                       url->port); /* likewise */
    }
}

/* 0 or an errno value. */
static int finish_connect(int fd, int timeout_ms)
{
    int64_t deadline_ms = ftl_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left_ms = deadline_ms - ftl_mono_ms();
        struct pollfd entry = {.fd = fd, .events = POLLOUT};
        int ready = left_ms > 0 ? poll(&entry, 1, (int)left_ms) : 0;
        if (ready == 0) {
            return ETIMEDOUT;
        }
        if (ready > 0) {
            break;
        }
        if (errno != EINTR) {
            return errno;
        }
    }
    int number = 0;
    socklen_t size = sizeof(number);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) == 0 ? number : errno;
}

/* 0 or an errno value. */
static int connect_to(int family, const struct sockaddr *address, socklen_t size, int timeout_ms,
                      int *ret_fd)
{
    FTL_AUTO_FD int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    if (connect(fd, address, size) != 0) {
        if (errno != EINPROGRESS) {
            return errno;
        }
        int number = finish_connect(fd, timeout_ms);
        if (number != 0) {
            return number;
        }
    }
    *ret_fd = ftl_take_fd(&fd);
    return 0;
}

/* Small requests go out at once, and a peer that vanished is noticed. Not fatal where refused. */
static void tune(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S / 3},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof(options[i].value)); /* see above */
    }
}

static int connect_unix(const struct ftl_redis_url *url, int timeout_ms, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, url->path, sizeof(url->path));
    return connect_to(AF_UNIX, (const struct sockaddr *)&address, sizeof(address), timeout_ms,
                      ret_fd);
}

enum ftl_code ftl_redis_socket(const struct ftl_redis_url *url, int timeout_ms, int *ret_fd,
                               struct ftl_err *err)
{
    char where[320];
    ftl_redis_where(url, where, sizeof(where));
    if (url->is_unix) {
        int number = connect_unix(url, timeout_ms, ret_fd);
        return number == 0
                   ? FTL_OK
                   : ftl_fail_errno(err, FTL_QUEUE, number, "connect to redis at %s", where);
    }
    char port[8];
    (void)snprintf(port, sizeof(port), "%d", url->port); /* at most five digits */
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    FTL_AUTO(addrinfo) struct addrinfo *list = NULL;
    int failed = getaddrinfo(url->host, port, &hints, &list);
    if (failed != 0) {
        return ftl_fail(err, FTL_QUEUE, "connect to redis at %s: %s", where, gai_strerror(failed));
    }
    int number = EHOSTUNREACH;
    for (const struct addrinfo *item = list; item != NULL; item = item->ai_next) {
        number = connect_to(item->ai_family, item->ai_addr, item->ai_addrlen, timeout_ms, ret_fd);
        if (number == 0) {
            tune(*ret_fd);
            return FTL_OK;
        }
    }
    return ftl_fail_errno(err, FTL_QUEUE, number, "connect to redis at %s", where);
}
