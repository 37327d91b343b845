/* TLS on a Redis connection, where hiredis has it (hiredis_ssl). */
#ifndef FETTLE_QUEUE_REDIS_TLS_H
#define FETTLE_QUEUE_REDIS_TLS_H

#include <stdbool.h>

#include <hiredis/hiredis.h>

#include "queue/redis_url.h"

bool ftl_redis_has_tls(void);

/* The handshake, with the server's certificate checked against the system's authorities
 * (SSL_CERT_FILE, SSL_CERT_DIR) and its name. The socket blocks meanwhile, for `timeout_ms` at most
 * per read. */
enum ftl_code ftl_redis_tls_start(redisContext *context, const struct ftl_redis_url *url,
                                  int timeout_ms, struct ftl_err *err) FTL_CHECK;

#endif
