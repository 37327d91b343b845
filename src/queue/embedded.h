/* A private redis-server for `fettle up`: own directory, append-only file, unix socket only. */
#ifndef FETTLE_QUEUE_EMBEDDED_H
#define FETTLE_QUEUE_EMBEDDED_H

#include <fettle/err.h>

#include "base/log.h"

struct ftl_embedded_redis;

/* `directory` is created; DEPENDENCY errors (no redis-server found, did not come up in 10 s) are
 * QUEUE. The server dies with this process. */
enum ftl_code ftl_embedded_start(const char *directory, const struct ftl_log *log,
                                 struct ftl_embedded_redis **ret, struct ftl_err *err) FTL_CHECK;
const char *ftl_embedded_url(const struct ftl_embedded_redis *server); /* unix://…; borrowed */
void ftl_embedded_stop(struct ftl_embedded_redis *server); /* SHUTDOWN, waits; NULL allowed */

#endif
