/* A job as it comes out of Redis, and what its options say about a failure. */
#ifndef FETTLE_QUEUE_QUEUE_JOB_H
#define FETTLE_QUEUE_QUEUE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "queue/queue.h"

/* `fields` is HGETALL's answer; any field may be missing (a ghost job). The id must fit. */
enum ftl_code ftl_queue_job_read(const redisReply *fields, const redisReply *id, const char *token,
                                 struct ftl_queue_job *ret, struct ftl_err *err) FTL_CHECK;
/* Made by a job scheduler. */
bool ftl_queue_job_is_scheduled(const redisReply *fields);

/* The stack trace array with one more entry, "CODE…: msg" (the code is put in front unless the
 * message begins with it) and `stack` below, cut by the job's stackTraceLimit. Caller frees. */
cJSON *ftl_queue_job_stack(const struct ftl_queue_job *job, const struct ftl_err *cause,
                           const char *stack);

enum ftl_verdict { FTL_VERDICT_FAIL, FTL_VERDICT_RETRY_NOW, FTL_VERDICT_DELAY };

struct ftl_judgement {
    enum ftl_verdict verdict;
    int64_t delay_ms; /* DELAY */
    bool is_unknown;  /* FAIL, because nobody knows the job's back-off type */
    char type[64];    /* that type */
};

/* What the failure means. `random` is in [0, 1), for jitter. */
struct ftl_judgement ftl_queue_job_judge(const struct ftl_queue_job *job,
                                         const struct ftl_err *cause,
                                         const struct ftl_queue_config *config, double random);

#endif
