/* A connected, non-blocking, close-on-exec socket to a Redis server. */
#ifndef FETTLE_QUEUE_REDIS_SOCKET_H
#define FETTLE_QUEUE_REDIS_SOCKET_H

#include <stddef.h>

#include "queue/redis_url.h"

/* Tries every address of the host within `timeout_ms` each. QUEUE, LATER on failure. */
enum ftl_code ftl_redis_socket(const struct ftl_redis_url *url, int timeout_ms, int *ret_fd,
                               struct ftl_err *err) FTL_CHECK;

/* "host:port" or the socket's path, for messages. */
void ftl_redis_where(const struct ftl_redis_url *url, char *to, size_t size);

#endif
