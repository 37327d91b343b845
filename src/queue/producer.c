#include "queue/producer.h"

#include <string.h>

#include "base/number.h"
#include "base/str.h"
#include "queue/queue_impl.h"

enum {
    MAX_DATA_BYTES = 1 << 20,
    MAX_OPTS_BYTES = 16 << 10,
    MAX_ID_BYTES = 255,
    MAX_PRIORITY = 2097151,
};

static const int64_t max_delay_ms = INT64_C(315360000000); /* ten years: scores stay exact */

static const struct ftl_json_limits json_limits = {
    .bytes = MAX_DATA_BYTES, .string = MAX_DATA_BYTES, .depth = 32};

/* BullMQ's own ids are integers, "0:" marked its list entries once, and ":" separates key parts. */
static enum ftl_code check_id(const char *id, struct ftl_err *err)
{
    int64_t number = 0;
    if (id[0] == '\0' || strlen(id) > MAX_ID_BYTES || strchr(id, ':') != NULL ||
        !ftl_is_utf8(id, strlen(id)) || ftl_int64_parse(id, &number))
    {
        return ftl_fail(err, FTL_SPEC,
                        "job id: 1 to %d bytes of UTF-8, not an integer and without \":\"",
                        MAX_ID_BYTES);
    }
    return FTL_OK;
}

static enum ftl_code check_options(const struct ftl_add_options *options, struct ftl_err *err)
{
    if (options->job_id != NULL && check_id(options->job_id, err) != FTL_OK) {
        return err->code;
    }
    if (options->priority < 0 || options->priority > MAX_PRIORITY) {
        return ftl_fail(err, FTL_SPEC, "priority %d is outside 0..%d", options->priority,
                        MAX_PRIORITY);
    }
    if (options->delay_ms < 0 || options->delay_ms > max_delay_ms || options->backoff_ms < 0 ||
        options->backoff_ms > max_delay_ms || options->attempts < 0)
    {
        return ftl_fail(err, FTL_SPEC, "delay, back-off and attempts: from 0, at most ten years");
    }
    return FTL_OK;
}

static enum ftl_code add_json(cJSON *object, const char *name, const char *text,
                              struct ftl_err *err)
{
    if (text == NULL) {
        return FTL_OK;
    }
    cJSON *value = NULL;
    if (ftl_json_parse(text, strlen(text), &json_limits, &value, err) != FTL_OK) {
        return ftl_wrap(err, "%s", name);
    }
    ftl_json_add(object, name, value);
    return FTL_OK;
}

/* The `opts` field, in BullMQ's names. */
static enum ftl_code print_options(const struct ftl_add_options *options, struct ftl_str *ret,
                                   struct ftl_err *err)
{
    FTL_AUTO(json) cJSON *json = ftl_json_object();
    ftl_json_add_int64(json, "attempts", options->attempts);
    if (options->job_id != NULL) {
        ftl_json_add_string(json, "jobId", options->job_id);
    }
    if (options->delay_ms > 0) {
        ftl_json_add_int64(json, "delay", options->delay_ms);
    }
    if (options->priority > 0) {
        ftl_json_add_int64(json, "priority", options->priority);
    }
    if (options->is_lifo) {
        ftl_json_add_bool(json, "lifo", true);
    }
    if (options->backoff_type != NULL) {
        cJSON *backoff = ftl_json_object();
        ftl_json_add_string(backoff, "type", options->backoff_type);
        ftl_json_add_int64(backoff, "delay", options->backoff_ms);
        ftl_json_add(json, "backoff", backoff);
    }
    if (add_json(json, "removeOnComplete", options->remove_on_complete, err) != FTL_OK ||
        add_json(json, "removeOnFail", options->remove_on_fail, err) != FTL_OK)
    {
        return err->code;
    }
    ftl_json_print(json, false, ret);
    return FTL_OK;
}

enum ftl_code ftl_producer_add(struct ftl_queue *queue, const char *name, const char *data_json,
                               const struct ftl_add_options *options, char ret_id[256],
                               struct ftl_err *err)
{
    const struct ftl_add_options defaults = {0};
    options = options != NULL ? options : &defaults;
    FTL_AUTO(json) cJSON *data = NULL;
    FTL_AUTO_STR struct ftl_str opts = FTL_STR_INIT(MAX_OPTS_BYTES);
    if (!ftl_is_utf8(name, strlen(name))) {
        return ftl_fail(err, FTL_SPEC, "the job's name is not UTF-8");
    }
    if (ftl_json_parse(data_json, strlen(data_json), &json_limits, &data, err) != FTL_OK) {
        return ftl_wrap(err, "job data");
    }
    if (check_options(options, err) != FTL_OK || print_options(options, &opts, err) != FTL_OK) {
        return err->code;
    }
    struct ftl_redis_args args = {0};
    ftl_queue_args_start(queue, &args);
    ftl_redis_arg(&args, options->job_id != NULL ? options->job_id : "");
    ftl_redis_arg(&args, name);
    ftl_redis_arg(&args, data_json);
    ftl_redis_arg(&args, ftl_str_text(&opts));
    ftl_redis_arg_int(&args, options->delay_ms);
    ftl_redis_arg_int(&args, options->priority);
    ftl_redis_arg(&args, options->is_lifo ? "1" : "0");
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(queue->redis, &ftl_script_add, queue->settings.base, &args, &reply, err) !=
        FTL_OK)
    {
        return err->code;
    }
    if (reply->type != REDIS_REPLY_STRING || !ftl_copy_text(ret_id, MAX_ID_BYTES + 1, reply->str)) {
        return ftl_fail(err, FTL_QUEUE, "add: an answer of another form than expected");
    }
    return FTL_OK;
}

enum ftl_code ftl_producer_counts(struct ftl_queue *queue, struct ftl_queue_counts *ret,
                                  struct ftl_err *err)
{
    enum { COUNTS = 8 };
    const struct ftl_redis_args args = {0};
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(queue->redis, &ftl_script_counts, queue->settings.base, &args, &reply,
                       err) != FTL_OK)
    {
        return err->code;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != COUNTS) {
        return ftl_fail(err, FTL_QUEUE, "counts: an answer of another form than expected");
    }
    int64_t counts[COUNTS];
    for (size_t i = 0; i < COUNTS; i++) {
        counts[i] = reply->element[i]->integer;
    }
    *ret = (struct ftl_queue_counts){
        .waiting = counts[0],
        .active = counts[1],
        .completed = counts[2],
        .failed = counts[3],
        .delayed = counts[4],
        .prioritized = counts[5],
        .waiting_children = counts[6],
        .is_paused = counts[7] == 1,
    };
    return FTL_OK;
}

enum field_kind { FIELD_TEXT, FIELD_INT, FIELD_JSON };

/* Fields of the job hash as `show` prints them, in this order. */
static const struct {
    const char *stored, *shown;
    enum field_kind kind;
} shown_fields[] = {
    {"name", "name", FIELD_TEXT},
    {"data", "data", FIELD_JSON},
    {"opts", "opts", FIELD_JSON},
    {"progress", "progress", FIELD_JSON},
    {"returnvalue", "returnvalue", FIELD_JSON},
    {"failedReason", "failedReason", FIELD_TEXT},
    {"defa", "deferredFailure", FIELD_TEXT},
    {"stacktrace", "stacktrace", FIELD_JSON},
    {"atm", "attemptsMade", FIELD_INT},
    {"ats", "attemptsStarted", FIELD_INT},
    {"stc", "stalledCounter", FIELD_INT},
    {"pb", "processedBy", FIELD_TEXT},
    {"priority", "priority", FIELD_INT},
    {"delay", "delay", FIELD_INT},
    {"timestamp", "timestamp", FIELD_INT},
    {"processedOn", "processedOn", FIELD_INT},
    {"finishedOn", "finishedOn", FIELD_INT},
    {"parentKey", "parentKey", FIELD_TEXT},
    {"deid", "deduplicationId", FIELD_TEXT},
    {"rjk", "repeatJobKey", FIELD_TEXT},
};

/* What is stored may be anything: text where it is not what it should be. */
static void add_field(cJSON *json, size_t which, const char *text)
{
    const char *name = shown_fields[which].shown;
    int64_t number = 0;
    if (shown_fields[which].kind == FIELD_INT && ftl_int64_parse(text, &number)) {
        ftl_json_add_int64(json, name, number);
        return;
    }
    cJSON *value = shown_fields[which].kind == FIELD_JSON ? cJSON_Parse(text) : NULL;
    if (value != NULL) {
        ftl_json_add(json, name, value);
    } else {
        ftl_json_add_string(json, name, text);
    }
}

static void add_fields(cJSON *json, const redisReply *fields)
{
    for (size_t which = 0; which < sizeof(shown_fields) / sizeof(shown_fields[0]); which++) {
        for (size_t i = 0; i + 1 < fields->elements; i += 2) {
            if (strcmp(fields->element[i]->str, shown_fields[which].stored) == 0) {
                add_field(json, which, fields->element[i + 1]->str);
            }
        }
    }
}

enum ftl_code ftl_producer_show(struct ftl_queue *queue, const char *job_id, cJSON **ret,
                                struct ftl_err *err)
{
    struct ftl_redis_args args = {0};
    ftl_redis_arg(&args, job_id);
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(queue->redis, &ftl_script_show, queue->settings.base, &args, &reply, err) !=
        FTL_OK)
    {
        return err->code;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
        return ftl_fail(err, FTL_QUEUE, "show: an answer of another form than expected");
    }
    const redisReply *lines = reply->element[2];
    if (reply->element[1]->elements == 0) {
        return ftl_fail(err, FTL_SOURCE, "queue %s has no job \"%.200s\"",
                        queue->settings.config.name, job_id);
    }
    FTL_AUTO(json) cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "id", job_id);
    ftl_json_add_string(json, "state", reply->element[0]->str);
    add_fields(json, reply->element[1]);
    cJSON *logs = ftl_json_array();
    for (size_t i = 0; i < lines->elements; i++) {
        ftl_json_append(logs, cJSON_CreateString(lines->element[i]->str));
    }
    ftl_json_add(json, "logs", logs);
    *ret = FTL_TAKE(json);
    return FTL_OK;
}
