/* A private redis-server for one test program, and a queue on it. */
#ifndef FETTLE_TESTS_SERVER_RIG_H
#define FETTLE_TESTS_SERVER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "queue/embedded.h"
#include "queue/queue.h"
#include "queue/redis_conn.h"
#include "remove_tree.h"

struct rig {
    char directory[64];
    struct ftl_embedded_redis *server;
    struct ftl_redis *redis; /* for looking behind the scenes */
    struct ftl_queue_config config;
};

static inline int rig_setup(void **state)
{
    static struct rig rig; /* cmocka hands on a pointer only */
    struct ftl_err err;
    memset(&rig, 0, sizeof(rig));
    (void)snprintf(rig.directory, sizeof(rig.directory), "/tmp/fettle-unit-XXXXXX");
    if (mkdtemp(rig.directory) == NULL) {
        return -1;
    }
    if (ftl_embedded_start(rig.directory, NULL, &rig.server, &err) != FTL_OK) {
        print_error("%s\n", err.msg);
        return -1;
    }
    rig.config = (struct ftl_queue_config){.redis.url = ftl_embedded_url(rig.server),
                                           .name = "unit",
                                           .max_stalled = 1,
                                           .lock_ms = 30000,
                                           .drain_delay_ms = 50};
    *state = &rig;
    return ftl_redis_new(&rig.config.redis, NULL, NULL, &rig.redis, &err) == FTL_OK ? 0 : -1;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    ftl_redis_free(rig->redis);
    ftl_embedded_stop(rig->server);
    remove_tree(rig->directory, 1);
    return 0;
}

/* A command of at most four words; the caller frees the reply. */
static inline redisReply *rig_call(const struct rig *rig, const char *a, const char *b,
                                   const char *c, const char *d)
{
    const char *const words[] = {a, b, c, d};
    struct ftl_redis_args args = {0};
    redisReply *reply = NULL;
    struct ftl_err err;
    for (size_t i = 0; i < 4 && words[i] != NULL; i++) {
        ftl_redis_arg(&args, words[i]);
    }
    if (ftl_redis_call(rig->redis, &args, &reply, &err) != FTL_OK) {
        fail_msg("%s: %s", a, err.msg);
    }
    return reply;
}

static inline void rig_do(const struct rig *rig, const char *a, const char *b, const char *c,
                          const char *d)
{
    freeReplyObject(rig_call(rig, a, b, c, d));
}

/* Each test starts with nothing in the server. */
static inline int rig_flush(void **state)
{
    rig_do(*state, "FLUSHALL", NULL, NULL, NULL);
    return 0;
}

#endif
