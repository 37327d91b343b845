/* A private redis-server for `fettle up`: own directory, append-only file, unix socket only. */
#ifndef FETTLE_QUEUE_EMBEDDED_H
#define FETTLE_QUEUE_EMBEDDED_H

#include <fettle/err.h>

#include "base/log.h"

struct ftl_embedded_redis;

/* `directory` is created (mode 0700). QUEUE: no redis-server found, it did not come up, or another
 * one uses the directory. The server dies with the calling thread: call it from the main one. It
 * holds the directory's lock until it is gone, so a new start waits for an old server to end. */
enum ftl_code ftl_embedded_start(const char *directory, const struct ftl_log *log,
                                 struct ftl_embedded_redis **ret, struct ftl_err *err) FTL_CHECK;
const char *ftl_embedded_url(const struct ftl_embedded_redis *server); /* unix://…; borrowed */
/* Readable when the server has ended by itself; for poll(). Borrowed. */
int ftl_embedded_fd(const struct ftl_embedded_redis *server);
void ftl_embedded_stop(struct ftl_embedded_redis *server); /* ends it cleanly; NULL allowed */

#endif
