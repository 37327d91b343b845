/* Where a Redis server is and how to log in: redis://[user[:password]@][host][:port][/db],
 * rediss:// (TLS), unix:// or redis+unix:// with a path. `?db=n` works with each. */
#ifndef FETTLE_QUEUE_REDIS_URL_H
#define FETTLE_QUEUE_REDIS_URL_H

#include <stdbool.h>

#include <fettle/err.h>

struct ftl_redis_url {
    bool is_unix, is_tls;
    char host[256]; /* name or address; IPv6 without brackets */
    int port;
    char path[108]; /* of the unix socket */
    char user[256]; /* "" = none */
    char password[512];
    int db;
};

/* SPEC on anything it does not understand; messages never hold user or password. */
enum ftl_code ftl_redis_url_parse(const char *text, struct ftl_redis_url *ret,
                                  struct ftl_err *err) FTL_CHECK;

#endif
