/* Inside of a queue handle, shared by queue.c (fetching) and queue_end.c (ending a job). */
#ifndef FETTLE_QUEUE_QUEUE_IMPL_H
#define FETTLE_QUEUE_QUEUE_IMPL_H

#include "queue/config.h"
#include "queue/hub.h"
#include "queue/queue.h"
#include "queue/redis_conn.h"

struct ftl_queue {
    struct ftl_queue_settings settings;
    struct ftl_redis *redis;
    struct ftl_queue_hub *hub, *own_hub; /* own_hub is NULL where the slots share one */
    bool is_drained;                     /* the last fetch had no job: wait for the marker first */
    bool is_fetching_next;
    bool has_next;
    struct ftl_queue_job next; /* came with the end of the last one */
    char doubt_token[64];      /* of a fetch whose answer was lost; "" = none */
};

/* A hub is there afterwards. */
enum ftl_code ftl_queue_need_hub(struct ftl_queue *queue, struct ftl_err *err) FTL_CHECK;

/* The first two of every script that pushes: now, pause mode. */
void ftl_queue_args_start(const struct ftl_queue *queue, struct ftl_redis_args *args);
/* The last five of every script that fetches. */
void ftl_queue_args_fetch(const struct ftl_queue *queue, struct ftl_redis_args *args,
                          const char *token);

/* Takes a fetch's answer apart. A job goes to *ret; the hub hears the rest. */
enum ftl_code ftl_queue_take(struct ftl_queue *queue, const redisReply *reply, const char *token,
                             struct ftl_queue_job *ret, bool *ret_found,
                             struct ftl_err *err) FTL_CHECK;

#endif
