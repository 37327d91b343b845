#include "queue/queue_job.h"

#include <string.h>

#include "base/str.h"

enum {
    MAX_DATA_BYTES = 1 << 20,
    MAX_DATA_DEPTH = 32,
    MAX_STACK_BYTES = 32 << 10,
};

/* Ten years: due times stay exact in the score of a sorted set (2^53 / 4096). */
static const int64_t max_delay_ms = INT64_C(315360000000);

static const redisReply *field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *key = fields->element[i];
        const redisReply *value = fields->element[i + 1];
        if (key->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
            strcmp(key->str, name) == 0)
        {
            return value;
        }
    }
    return NULL;
}

static const char *field_text(const redisReply *fields, const char *name, const char *otherwise)
{
    const redisReply *value = field(fields, name);
    return value != NULL ? value->str : otherwise;
}

static int64_t field_int64(const redisReply *fields, const char *name)
{
    const char *text = field_text(fields, name, "0");
    int64_t value = 0;
    for (; *text >= '0' && *text <= '9' && value < INT64_MAX / 100; text++) {
        value = value * 10 + (*text - '0');
    }
    return value;
}

static int field_int(const redisReply *fields, const char *name)
{
    int64_t value = field_int64(fields, name);
    return value < INT32_MAX ? (int)value : INT32_MAX;
}

bool ftl_queue_job_is_scheduled(const redisReply *fields)
{
    return field(fields, "rjk") != NULL;
}

/* Options come out of a Lua encoder: read them with what cJSON takes, and ignore the rest. */
static cJSON *lenient(const char *text, bool (*is_kind)(const cJSON *), cJSON *(*fresh)(void))
{
    cJSON *json = cJSON_Parse(text);
    if (json == NULL || !is_kind(json)) {
        cJSON_Delete(json);
        json = fresh();
    }
    return json;
}

static bool is_object(const cJSON *json)
{
    return cJSON_IsObject(json) != 0;
}

static bool is_array(const cJSON *json)
{
    return cJSON_IsArray(json) != 0;
}

/* Data that cannot be read fail the job, when it is run, with a reason its producer can see. */
static void read_data(const redisReply *fields, struct ftl_queue_job *job)
{
    static const struct ftl_json_limits limits = {
        .bytes = MAX_DATA_BYTES, .string = MAX_DATA_BYTES, .depth = MAX_DATA_DEPTH};
    const redisReply *text = field(fields, "data");
    if (text == NULL) {
        job->data = ftl_json_object();
        return;
    }
    struct ftl_err err;
    if (ftl_json_parse(text->str, text->len, &limits, &job->data, &err) != FTL_OK) {
        job->data = ftl_json_object();
        if (job->deferred_failure[0] == '\0') {
            FTL_AUTO_STR struct ftl_str reason = FTL_STR_INIT(sizeof(job->deferred_failure) - 1);
            ftl_str_printf(&reason, "the job's data cannot be read: %s", err.msg);
            (void)ftl_copy_text(job->deferred_failure, sizeof(job->deferred_failure),
                                ftl_str_text(&reason)); /* the same size */
        }
    }
}

enum ftl_code ftl_queue_job_read(const redisReply *fields, const redisReply *id, const char *token,
                                 struct ftl_queue_job *ret, struct ftl_err *err)
{
    struct ftl_queue_job job = {0};
    if (fields->type != REDIS_REPLY_ARRAY || id->type != REDIS_REPLY_STRING ||
        !ftl_copy_text(job.id, sizeof(job.id), id->str) ||
        !ftl_copy_text(job.token, sizeof(job.token), token))
    {
        return ftl_fail(err, FTL_QUEUE, "a job id is longer than %zu bytes", sizeof(job.id) - 1);
    }
    (void)ftl_copy_text(job.name, sizeof(job.name), field_text(fields, "name", "")); /* for logs */
    (void)ftl_copy_text(job.deferred_failure, sizeof(job.deferred_failure),
                        field_text(fields, "defa", "")); /* a reason, cut at worst */
    job.attempts_made = field_int(fields, "atm");
    job.attempts_started = field_int(fields, "ats");
    job.stalled_count = field_int(fields, "stc");
    job.timestamp_ms = field_int64(fields, "timestamp");
    job.processed_ms = field_int64(fields, "processedOn");
    job.opts = lenient(field_text(fields, "opts", "{}"), is_object, ftl_json_object);
    job.stacktrace = lenient(field_text(fields, "stacktrace", "[]"), is_array, ftl_json_array);
    int64_t attempts = ftl_json_int64(job.opts, "attempts", 0);
    job.attempts = attempts < 1 ? 1 : attempts < INT32_MAX ? (int)attempts : INT32_MAX;
    read_data(fields, &job);
    *ret = job;
    return FTL_OK;
}

void ftl_queue_job_done(struct ftl_queue_job *job)
{
    cJSON_Delete(FTL_TAKE(job->data));
    cJSON_Delete(FTL_TAKE(job->opts));
    cJSON_Delete(FTL_TAKE(job->stacktrace));
}

/* "CRASH: …" or, with the place, "CRASH /filters/1: …". */
static bool names_code(const char *text, enum ftl_code code)
{
    const char *name = ftl_code_name(code);
    size_t length = strlen(name);
    return strncmp(text, name, length) == 0 && (text[length] == ':' || text[length] == ' ');
}

cJSON *ftl_queue_job_stack(const struct ftl_queue_job *job, const struct ftl_err *cause,
                           const char *stack)
{
    FTL_AUTO_STR struct ftl_str entry = FTL_STR_INIT(MAX_STACK_BYTES);
    if (!names_code(cause->msg, cause->code)) {
        ftl_str_printf(&entry, "%s: ", ftl_code_name(cause->code));
    }
    ftl_str_add(&entry, cause->msg);
    if (stack != NULL && stack[0] != '\0') {
        ftl_str_add(&entry, "\n");
        ftl_str_add(&entry, stack);
    }
    cJSON *array = ftl_json_array();
    const cJSON *limit = ftl_json_get(job->opts, "stackTraceLimit");
    int keep = cJSON_IsNumber(limit) ? limit->valueint : INT32_MAX;
    if (keep <= 0) {
        return array;
    }
    int skip = cJSON_GetArraySize(job->stacktrace) + 1 - keep;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, job->stacktrace)
    {
        if (skip-- <= 0 && cJSON_IsString(item)) {
            ftl_json_append(array, cJSON_CreateString(item->valuestring));
        }
    }
    ftl_json_append(array, cJSON_CreateString(ftl_str_text(&entry)));
    return array;
}

/* The failure before this one was a crash too: its entry starts with such a code's name. */
static bool has_crashed_before(const struct ftl_queue_job *job)
{
    int count = cJSON_GetArraySize(job->stacktrace);
    const cJSON *last = count > 0 ? cJSON_GetArrayItem(job->stacktrace, count - 1) : NULL;
    if (!cJSON_IsString(last)) {
        return false;
    }
    return names_code(last->valuestring, FTL_CRASH) || names_code(last->valuestring, FTL_INTERNAL);
}

/* How much of `ms` the jitter leaves. */
static double jittered(double ms, const cJSON *backoff, double random)
{
    double jitter = ftl_json_number(backoff, "jitter", 0.0);
    if (!(jitter > 0.0)) {
        return ms;
    }
    jitter = jitter > 1.0 ? 1.0 : jitter;
    return (double)(int64_t)(random * ms * jitter + ms * (1.0 - jitter));
}

static double exponential(int made, double delay_ms)
{
    double ms = delay_ms;
    for (int i = 0; i < made && ms < (double)max_delay_ms; i++) {
        ms *= 2.0;
    }
    return ms;
}

static int64_t bounded(double ms)
{
    if (!(ms > 0.0)) {
        return 0;
    }
    return ms < (double)max_delay_ms ? (int64_t)(ms + 0.5) : max_delay_ms;
}

/* Milliseconds; -1 = fail, because of the callback or because nobody knows the type. */
static int64_t backoff_ms(const struct ftl_queue_job *job, const struct ftl_queue_config *config,
                          double random, struct ftl_judgement *judgement)
{
    const cJSON *backoff = ftl_json_get(job->opts, "backoff");
    if (cJSON_IsNumber(backoff)) {
        return bounded(backoff->valuedouble);
    }
    if (!cJSON_IsObject(backoff)) {
        return 0;
    }
    const char *type = ftl_json_string(backoff, "type", "");
    double delay_ms = ftl_json_number(backoff, "delay", 0.0);
    if (strcmp(type, "fixed") == 0) {
        return bounded(jittered(delay_ms, backoff, random));
    }
    if (strcmp(type, "exponential") == 0) {
        return bounded(jittered(exponential(job->attempts_made, delay_ms), backoff, random));
    }
    if (config->backoff != NULL) {
        int64_t ms =
            config->backoff(config->backoff_data, job->attempts_made + 1, type, bounded(delay_ms));
        return ms < max_delay_ms ? ms : max_delay_ms;
    }
    judgement->is_unknown = true;
    (void)ftl_copy_text(judgement->type, sizeof(judgement->type), type); /* for a message */
    return -1;
}

struct ftl_judgement ftl_queue_job_judge(const struct ftl_queue_job *job,
                                         const struct ftl_err *cause,
                                         const struct ftl_queue_config *config, double random)
{
    struct ftl_judgement judgement = {.verdict = FTL_VERDICT_FAIL};
    /* A crash gets its one more try even where the producer gave a single attempt, the default; one
     * over them is also the bound where no stack entry is kept to know an earlier crash by. */
    bool may_retry = cause->retry == FTL_RETRY_ONCE
                         ? job->attempts_made < job->attempts && !has_crashed_before(job)
                         : job->attempts_made + 1 < job->attempts;
    if (cause->retry == FTL_RETRY_NEVER || !may_retry) {
        return judgement;
    }
    int64_t ms = backoff_ms(job, config, random, &judgement);
    if (ms < 0) {
        return judgement;
    }
    if (cause->retry_after_ms > ms) {
        ms = cause->retry_after_ms < max_delay_ms ? cause->retry_after_ms : max_delay_ms;
    }
    judgement.verdict = ms > 0 ? FTL_VERDICT_DELAY : FTL_VERDICT_RETRY_NOW;
    judgement.delay_ms = ms;
    return judgement;
}
