#include "queue/queue.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "queue/queue_impl.h"
#include "queue/queue_job.h"

enum ftl_code ftl_queue_open(const struct ftl_queue_config *config, struct ftl_queue **ret,
                             struct ftl_err *err)
{
    struct ftl_queue *queue = ftl_calloc(1, sizeof(*queue));
    if (queue == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a queue");
    }
    queue->hub = config->hub;
    enum ftl_code code = ftl_queue_settings_init(&queue->settings, config, err);
    if (code == FTL_OK) {
        code = ftl_redis_new(&config->redis, NULL, config->log, &queue->redis, err);
    }
    if (code == FTL_OK) {
        code = ftl_redis_connect(queue->redis, err);
    }
    if (code != FTL_OK) {
        ftl_queue_close(queue);
        return code;
    }
    *ret = queue;
    return FTL_OK;
}

/* A job fetched ahead that nobody will run goes back to the front of the line. */
static void return_next(struct ftl_queue *queue)
{
    struct ftl_err err;
    queue->has_next = false;
    if (ftl_queue_release(queue, &queue->next, 0, &err) != FTL_OK) {
        ftl_log_err(queue->settings.config.log, FTL_LOG_WARN,
                    "a job fetched ahead was not handed back, it will stall and be recovered",
                    &err);
    }
    ftl_queue_job_done(&queue->next);
}

void ftl_queue_close(struct ftl_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    if (queue->has_next) {
        return_next(queue);
    }
    ftl_queue_hub_close(queue->own_hub);
    ftl_redis_free(queue->redis);
    ftl_queue_settings_done(&queue->settings);
    ftl_free(queue);
}

void ftl_queue_set_fetch_next(struct ftl_queue *queue, bool is_wanted)
{
    queue->is_fetching_next = is_wanted;
}

enum ftl_code ftl_queue_need_hub(struct ftl_queue *queue, struct ftl_err *err)
{
    if (queue->hub == NULL) {
        if (ftl_queue_hub_open(&queue->settings.config, &queue->own_hub, err) != FTL_OK) {
            return err->code;
        }
        queue->hub = queue->own_hub;
    }
    return FTL_OK;
}

void ftl_queue_args_start(const struct ftl_queue *queue, struct ftl_redis_args *args)
{
    ftl_redis_arg_int(args, ftl_wall_ms());
    ftl_redis_arg(args, ftl_pause_mode_name(queue->settings.config.pause_mode));
}

void ftl_queue_args_fetch(const struct ftl_queue *queue, struct ftl_redis_args *args,
                          const char *token)
{
    const struct ftl_queue_config *config = &queue->settings.config;
    ftl_redis_arg(args, token);
    ftl_redis_arg_int(args, config->lock_ms);
    ftl_redis_arg(args, config->worker_name);
    ftl_redis_arg_int(args, config->limiter_max);
    ftl_redis_arg_int(args, config->limiter_duration_ms);
}

static int64_t integer(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

/* An id that does not fit our struct cannot be run, and would stall for ever: it is failed here. */
static enum ftl_code refuse_job(struct ftl_queue *queue, const redisReply *id, const char *token,
                                struct ftl_err *err)
{
    struct ftl_redis_args args = {0};
    ftl_queue_args_start(queue, &args);
    ftl_redis_arg(&args, id->str);
    ftl_redis_arg(&args, token);
    ftl_redis_arg(&args, "failed");
    ftl_redis_arg(&args, err->msg);
    ftl_redis_arg(&args, "[]");
    ftl_redis_arg(&args, queue->settings.config.remove_on_fail);
    ftl_redis_arg_int(&args, queue->settings.config.metrics_points);
    ftl_redis_arg(&args, "0");
    ftl_queue_args_fetch(queue, &args, "");
    FTL_AUTO(reply) redisReply *reply = NULL;
    ftl_log_err(queue->settings.config.log, FTL_LOG_ERROR, "a job cannot be run", err);
    return ftl_redis_eval(queue->redis, &ftl_script_finish, queue->settings.base, &args, &reply,
                          err);
}

enum ftl_code ftl_queue_take(struct ftl_queue *queue, const redisReply *reply, const char *token,
                             struct ftl_queue_job *ret, bool *ret_found, struct ftl_err *err)
{
    *ret_found = false;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 4) {
        (void)ftl_fail(err, FTL_QUEUE, "fetch: an answer of another form than expected");
        err->retry = FTL_RETRY_ONCE;
        return err->code;
    }
    const redisReply *fields = reply->element[0];
    const redisReply *id = reply->element[1];
    if (id->type != REDIS_REPLY_STRING) {
        queue->is_drained = true;
        ftl_queue_hub_heard(queue->hub, integer(reply->element[2]), integer(reply->element[3]));
        return FTL_OK;
    }
    queue->is_drained = false;
    if (ftl_queue_job_read(fields, id, token, ret, err) != FTL_OK) {
        return refuse_job(queue, id, token, err);
    }
    if (ftl_queue_job_is_scheduled(fields) && ftl_queue_hub_warn_scheduler(queue->hub)) {
        FTL_LOG(queue->settings.config.log, WARN,
                "this queue has a job scheduler: this worker runs its jobs but does not make the "
                "next ones, leave a BullMQ worker running for that",
                FTL_LOG_TEXT("queue", queue->settings.config.name), FTL_LOG_TEXT("job", ret->id));
    }
    *ret_found = true;
    return FTL_OK;
}

/* One try. A fetch whose answer was lost before is looked for first. */
static enum ftl_code fetch_once(struct ftl_queue *queue, struct ftl_queue_job *ret, bool *ret_found,
                                struct ftl_err *err)
{
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (queue->doubt_token[0] != '\0') {
        struct ftl_redis_args args = {0};
        ftl_redis_arg(&args, queue->doubt_token);
        if (ftl_redis_eval(queue->redis, &ftl_script_reclaim, queue->settings.base, &args, &reply,
                           err) != FTL_OK ||
            ftl_queue_take(queue, reply, queue->doubt_token, ret, ret_found, err) != FTL_OK)
        {
            return err->code;
        }
        queue->doubt_token[0] = '\0';
        if (*ret_found) {
            return FTL_OK;
        }
        freeReplyObject(FTL_TAKE(reply));
    }
    char token[64];
    ftl_queue_hub_token(queue->hub, token);
    struct ftl_redis_args args = {0};
    ftl_queue_args_start(queue, &args);
    ftl_queue_args_fetch(queue, &args, token);
    if (ftl_redis_eval(queue->redis, &ftl_script_fetch, queue->settings.base, &args, &reply, err) !=
        FTL_OK)
    {
        if (ftl_redis_is_in_doubt(queue->redis)) {
            memcpy(queue->doubt_token, token, sizeof(token));
        }
        return err->code;
    }
    return ftl_queue_take(queue, reply, token, ret, ret_found, err);
}

static enum ftl_code fetch_now(struct ftl_queue *queue, struct ftl_cancel *cancel,
                               struct ftl_queue_job *ret, bool *ret_found, struct ftl_err *err)
{
    for (int failures = 0;; failures++) {
        enum ftl_code code = fetch_once(queue, ret, ret_found, err);
        if (code == FTL_OK || err->retry != FTL_RETRY_LATER) {
            return code;
        }
        if (failures == 0) {
            ftl_log_err(queue->settings.config.log, FTL_LOG_WARN,
                        "fetching jobs was interrupted, trying again", err);
            continue; /* a connection that was closed while idle is just made again */
        }
        if (ftl_redis_pause(failures, cancel)) {
            return FTL_OK;
        }
    }
}

enum ftl_code ftl_queue_fetch(struct ftl_queue *queue, struct ftl_cancel *cancel,
                              struct ftl_queue_job *ret, bool *ret_found, struct ftl_err *err)
{
    *ret_found = false;
    if (queue->has_next) {
        *ret = queue->next;
        queue->has_next = false;
        *ret_found = true;
        return FTL_OK;
    }
    if (ftl_queue_need_hub(queue, err) != FTL_OK) {
        return err->code;
    }
    if (ftl_cancel_state(cancel) != FTL_CANCEL_NONE) {
        return FTL_OK;
    }
    if (!queue->is_drained) {
        if (fetch_now(queue, cancel, ret, ret_found, err) != FTL_OK) {
            return err->code;
        }
        if (*ret_found) {
            return FTL_OK;
        }
    }
    if (!ftl_queue_hub_wait(queue->hub, cancel)) {
        return FTL_OK;
    }
    return fetch_now(queue, cancel, ret, ret_found, err);
}

/* A script that answers 0 or more, or -1 for a job that is gone. */
static enum ftl_code update(struct ftl_queue *queue, const struct ftl_script *script,
                            const struct ftl_redis_args *args, struct ftl_err *err)
{
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(queue->redis, script, queue->settings.base, args, &reply, err) != FTL_OK) {
        return err->code;
    }
    if (integer(reply) < 0) {
        (void)ftl_fail_sub(err, FTL_QUEUE, (int)integer(reply), "%s: the job is gone",
                           script->name);
        err->retry = FTL_RETRY_NEVER;
        return err->code;
    }
    return FTL_OK;
}

static enum ftl_code check_json(const char *text, const char *what, struct ftl_err *err)
{
    static const struct ftl_json_limits limits = {.bytes = 1 << 20, .string = 1 << 20, .depth = 64};
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse(text, strlen(text), &limits, &json, err) != FTL_OK) {
        return ftl_wrap(err, "%s", what);
    }
    return FTL_OK;
}

enum ftl_code ftl_queue_progress(struct ftl_queue *queue, const char *job_id,
                                 const char *progress_json, struct ftl_err *err)
{
    if (check_json(progress_json, "progress", err) != FTL_OK) {
        return err->code; /* it would break every reader of the queue's events */
    }
    struct ftl_redis_args args = {0};
    ftl_redis_arg(&args, job_id);
    ftl_redis_arg(&args, progress_json);
    return update(queue, &ftl_script_progress, &args, err);
}

enum ftl_code ftl_queue_log(struct ftl_queue *queue, const char *job_id, const char *line, int keep,
                            struct ftl_err *err)
{
    struct ftl_redis_args args = {0};
    ftl_redis_arg(&args, job_id);
    ftl_redis_arg(&args, line);
    ftl_redis_arg_int(&args, keep > 0 ? keep : 0);
    return update(queue, &ftl_script_log, &args, err);
}

enum ftl_code ftl_queue_set_data(struct ftl_queue *queue, const char *job_id, const char *data_json,
                                 struct ftl_err *err)
{
    if (check_json(data_json, "job data", err) != FTL_OK) {
        return err->code;
    }
    struct ftl_redis_args args = {0};
    ftl_redis_arg(&args, job_id);
    ftl_redis_arg(&args, data_json);
    return update(queue, &ftl_script_set_data, &args, err);
}
