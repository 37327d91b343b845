#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/str.h"
#include "queue/queue_impl.h"
#include "queue/queue_job.h"

enum {
    MAX_STACKS_BYTES = 1 << 20,
    MAX_RETURN_BYTES = 1 << 20,
};

/* A call that ends a try; sent again until it is known to have happened, or to be impossible. */
struct ending {
    const struct ftl_queue_job *job;
    const struct ftl_script *script;
    struct ftl_redis_args args;
    char next_token[64]; /* of the job to fetch in the same call; "" = none */
    bool is_repeated;    /* an earlier sending may have been carried out */
};

static const char *code_meaning(int code)
{
    switch (code) {
    case -1:
        return "the job is gone";
    case -2:
        return "its lock is gone";
    case -3:
        return "it is no longer active";
    case -4:
        return "it has unfinished children";
    case -6:
        return "another worker holds its lock";
    case -9:
        return "one of its children failed";
    default:
        return "refused";
    }
}

/* Was the end of this try carried out by an earlier sending whose answer was lost? */
static enum ftl_code was_applied(struct ftl_queue *queue, const struct ftl_queue_job *job,
                                 bool *ret, struct ftl_err *err)
{
    struct ftl_redis_args args = {0};
    ftl_redis_arg(&args, job->id);
    ftl_redis_arg_int(&args, job->attempts_made);
    ftl_redis_arg_int(&args, job->stalled_count);
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(queue->redis, &ftl_script_resolve, queue->settings.base, &args, &reply,
                       err) != FTL_OK)
    {
        return err->code;
    }
    *ret = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    return FTL_OK;
}

/* The answer holds the next job where one was asked for and found. */
static enum ftl_code take_next(struct ftl_queue *queue, const struct ending *ending,
                               const redisReply *reply, struct ftl_err *err)
{
    queue->doubt_token[0] = '\0';
    if (ending->next_token[0] == '\0') {
        return FTL_OK;
    }
    if (reply->type != REDIS_REPLY_ARRAY) {
        queue->is_drained = true;
        ftl_queue_hub_heard(queue->hub, 0, 0);
        return FTL_OK;
    }
    return ftl_queue_take(queue, reply, ending->next_token, &queue->next, &queue->has_next, err);
}

static enum ftl_code send_once(struct ftl_queue *queue, struct ending *ending, struct ftl_err *err)
{
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(queue->redis, ending->script, queue->settings.base, &ending->args, &reply,
                       err) != FTL_OK)
    {
        if (ftl_redis_is_in_doubt(queue->redis)) {
            ending->is_repeated = true;
            memcpy(queue->doubt_token, ending->next_token, sizeof(ending->next_token));
        }
        return err->code;
    }
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer >= 0) {
        struct ftl_err trouble; /* with the next job; this one has ended */
        if (take_next(queue, ending, reply, &trouble) != FTL_OK) {
            ftl_log_err(queue->settings.config.log, FTL_LOG_WARN, "the next job was not taken",
                        &trouble);
        }
        return FTL_OK;
    }
    bool is_applied = false;
    if (ending->is_repeated && was_applied(queue, ending->job, &is_applied, err) != FTL_OK) {
        return err->code;
    }
    if (is_applied) {
        return FTL_OK;
    }
    (void)ftl_fail_sub(err, FTL_QUEUE, (int)reply->integer, "job %s: %s", ending->job->id,
                       code_meaning((int)reply->integer));
    err->retry = FTL_RETRY_NEVER;
    return err->code;
}

/* A server that answers but refuses (out of memory, read-only, loading) is asked again without end:
 * the lease goes on meanwhile, and ends this when it does not. A server that does not answer is
 * given one lock time; then the lock is gone anyway. */
static enum ftl_code end_try(struct ftl_queue *queue, struct ending *ending, struct ftl_err *err)
{
    int64_t give_up_ms = ftl_mono_ms() + queue->settings.config.lock_ms;
    for (int failures = 0;; failures++) {
        enum ftl_code code = send_once(queue, ending, err);
        if (code == FTL_OK || err->retry != FTL_RETRY_LATER) {
            return code;
        }
        bool is_refusal = ftl_redis_is_connected(queue->redis);
        if (!is_refusal && ftl_mono_ms() >= give_up_ms) {
            return code;
        }
        if (failures == 0) {
            ftl_log_err(queue->settings.config.log, FTL_LOG_WARN,
                        "the end of a job did not reach the queue, trying again", err);
            if (!is_refusal) {
                continue;
            }
        }
        (void)ftl_redis_pause(failures, NULL); /* cannot be cancelled: the result would be lost */
    }
}

static void start(const struct ftl_queue *queue, const struct ftl_queue_job *job,
                  const struct ftl_script *script, struct ending *ending)
{
    ending->job = job;
    ending->script = script;
    ftl_queue_args_start(queue, &ending->args);
    ftl_redis_arg(&ending->args, job->id);
    ftl_redis_arg(&ending->args, job->token);
}

/* The fetch flag and what fetch needs. */
static void add_fetch(const struct ftl_queue *queue, struct ending *ending)
{
    bool is_fetching = queue->is_fetching_next && queue->hub != NULL;
    if (is_fetching) {
        ftl_queue_hub_token(queue->hub, ending->next_token);
    }
    ftl_redis_arg(&ending->args, is_fetching ? "1" : "0");
    ftl_queue_args_fetch(queue, &ending->args, ending->next_token);
}

static enum ftl_code finish(struct ftl_queue *queue, const struct ftl_queue_job *job,
                            const char *value, const char *stack, struct ftl_err *err)
{
    const struct ftl_queue_config *config = &queue->settings.config;
    struct ending ending = {0};
    start(queue, job, &ftl_script_finish, &ending);
    ftl_redis_arg(&ending.args, stack != NULL ? "failed" : "completed");
    ftl_redis_arg(&ending.args, value);
    ftl_redis_arg(&ending.args, stack != NULL ? stack : "");
    ftl_redis_arg(&ending.args,
                  stack != NULL ? config->remove_on_fail : config->remove_on_complete);
    ftl_redis_arg_int(&ending.args, config->metrics_points);
    add_fetch(queue, &ending);
    return end_try(queue, &ending, err);
}

static enum ftl_code retry_now(struct ftl_queue *queue, const struct ftl_queue_job *job,
                               const char *reason, const char *stack, struct ftl_err *err)
{
    struct ending ending = {0};
    start(queue, job, &ftl_script_retry, &ending);
    ftl_redis_arg(&ending.args, reason);
    ftl_redis_arg(&ending.args, stack);
    ftl_redis_arg(&ending.args, ftl_json_bool(job->opts, "lifo", false) ? "1" : "0");
    return end_try(queue, &ending, err);
}

/* Without a stack it is a release: not counted as a try, reason untouched, nothing fetched. */
static enum ftl_code delay(struct ftl_queue *queue, const struct ftl_queue_job *job,
                           int64_t delay_ms, const char *reason, const char *stack,
                           struct ftl_err *err)
{
    struct ending ending = {0};
    start(queue, job, &ftl_script_delay, &ending);
    ftl_redis_arg(&ending.args, reason);
    ftl_redis_arg(&ending.args, stack != NULL ? stack : "");
    ftl_redis_arg_int(&ending.args, delay_ms);
    ftl_redis_arg(&ending.args, stack != NULL ? "0" : "1");
    if (stack != NULL) {
        add_fetch(queue, &ending);
    } else {
        ftl_redis_arg(&ending.args, "0");
    }
    return end_try(queue, &ending, err);
}

enum ftl_code ftl_queue_complete(struct ftl_queue *queue, const struct ftl_queue_job *job,
                                 const char *return_json, struct ftl_err *err)
{
    static const struct ftl_json_limits limits = {
        .bytes = MAX_RETURN_BYTES, .string = MAX_RETURN_BYTES, .depth = 64};
    const char *value = return_json != NULL ? return_json : "null";
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse(value, strlen(value), &limits, &json, err) != FTL_OK) {
        return ftl_wrap(err, "return value of job %s", job->id);
    }
    if (finish(queue, job, value, NULL, err) == FTL_OK) {
        return FTL_OK;
    }
    if (err->sub == -4 || err->sub == -9) { /* the job failed after all, and must not stay active */
        struct ftl_err cause = *err;
        struct ftl_err trouble;
        cause.retry = err->sub == -4 ? FTL_RETRY_LATER : FTL_RETRY_NEVER;
        if (ftl_queue_fail(queue, job, &cause, NULL, &trouble) != FTL_OK) {
            *err = trouble;
        }
    }
    return err->code;
}

/* In [0, 1). */
static double random_fraction(void)
{
    uint32_t bits = 0;
    if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits)) {
        return 0.5; /* jitter only */
    }
    return (double)bits / 4294967296.0;
}

/* The stack traces as text; only the newest where all are too long together. */
static void print_stack(const struct ftl_queue_job *job, const struct ftl_err *cause,
                        const char *stack, struct ftl_str *ret)
{
    FTL_AUTO(json) cJSON *array = ftl_queue_job_stack(job, cause, stack);
    ftl_json_print(array, false, ret);
    while (ret->is_cut && cJSON_GetArraySize(array) > 0) {
        cJSON_DeleteItemFromArray(array, 0);
        ftl_str_clear(ret);
        ftl_json_print(array, false, ret);
    }
}

enum ftl_code ftl_queue_fail(struct ftl_queue *queue, const struct ftl_queue_job *job,
                             const struct ftl_err *cause, const char *stack, struct ftl_err *err)
{
    const struct ftl_judgement judgement =
        ftl_queue_job_judge(job, cause, &queue->settings.config, random_fraction());
    FTL_AUTO_STR struct ftl_str stacks = FTL_STR_INIT(MAX_STACKS_BYTES);
    print_stack(job, cause, stack, &stacks);
    const char *text = ftl_str_text(&stacks);
    switch (judgement.verdict) {
    case FTL_VERDICT_RETRY_NOW:
        return retry_now(queue, job, cause->msg, text, err);
    case FTL_VERDICT_DELAY:
        return delay(queue, job, judgement.delay_ms, cause->msg, text, err);
    case FTL_VERDICT_FAIL:
        break;
    }
    if (!judgement.is_unknown) {
        return finish(queue, job, cause->msg, text, err);
    }
    FTL_AUTO_STR struct ftl_str reason = FTL_STR_INIT(1024);
    ftl_str_printf(&reason, "%s (not retried: its back-off type \"%s\" is unknown here)",
                   cause->msg, judgement.type);
    return finish(queue, job, ftl_str_text(&reason), text, err);
}

enum ftl_code ftl_queue_release(struct ftl_queue *queue, const struct ftl_queue_job *job,
                                int64_t delay_ms, struct ftl_err *err)
{
    if (delay_ms > 0) {
        return delay(queue, job, delay_ms, "", NULL, err);
    }
    struct ending ending = {0};
    start(queue, job, &ftl_script_to_wait, &ending);
    return end_try(queue, &ending, err);
}
