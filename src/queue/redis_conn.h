/* One connection to Redis, made when first needed and made again after a loss. One thread.
 *
 *   ftl_redis_new -> ftl_redis_eval | ftl_redis_call … -> ftl_redis_free
 *
 * Every failure is QUEUE. Its retry class says what to do: LATER when the connection or the server
 * may come back (call again after ftl_redis_pause), NEVER for refused logins and servers that
 * cannot do the job, ONCE for an answer nobody expects. `sub` is the errno where there is one.
 */
#ifndef FETTLE_QUEUE_REDIS_CONN_H
#define FETTLE_QUEUE_REDIS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include <fettle/err.h>

#include "base/auto.h"
#include "base/cancel.h"
#include "base/log.h"
#include "queue/queue.h"
#include "queue/scripts.h"

struct ftl_redis;

enum { FTL_REDIS_MAX_ARGS = 64 };

/* The words of a command, or a script's ARGV. Texts are borrowed; not to be copied by value. */
struct ftl_redis_args {
    size_t count;
    const char *texts[FTL_REDIS_MAX_ARGS];
    size_t lengths[FTL_REDIS_MAX_ARGS];
    char numbers[FTL_REDIS_MAX_ARGS][21];
};

void ftl_redis_arg(struct ftl_redis_args *args, const char *text);
void ftl_redis_arg_int(struct ftl_redis_args *args, int64_t number);

/* `client_name` is set on each connection; NULL = unnamed. SPEC for a bad URL, UNSUPPORTED for
 * rediss:// in a build without TLS. Does not connect. Makes the process
 * ignore SIGPIPE where nobody handles it. */
enum ftl_code ftl_redis_new(const struct ftl_redis_config *config, const char *client_name,
                            const struct ftl_log *log, struct ftl_redis **ret,
                            struct ftl_err *err) FTL_CHECK;
void ftl_redis_free(struct ftl_redis *redis); /* NULL allowed */

/* Milliseconds; 0 keeps what is set. */
void ftl_redis_set_timeouts(struct ftl_redis *redis, int connect_ms, int command_ms);

/* Nothing to do when connected. */
enum ftl_code ftl_redis_connect(struct ftl_redis *redis, struct ftl_err *err) FTL_CHECK;
bool ftl_redis_is_connected(const struct ftl_redis *redis);
void ftl_redis_drop(struct ftl_redis *redis);

/* Reads INFO: refuses servers below 5.0, warns once about old ones and about eviction. */
enum ftl_code ftl_redis_check_server(struct ftl_redis *redis, struct ftl_err *err) FTL_CHECK;
/* major × 10000 + minor × 100 + patch; 0 before the check. */
int ftl_redis_version(const struct ftl_redis *redis);

/* One command; *ret is not an error reply. Caller frees it (FTL_AUTO(reply)). */
enum ftl_code ftl_redis_call(struct ftl_redis *redis, const struct ftl_redis_args *args,
                             redisReply **ret, struct ftl_err *err) FTL_CHECK;
/* A script by its SHA-1, and by its text where the server does not know it. `args` is its ARGV, at
 * most FTL_REDIS_MAX_ARGS - 4. */
enum ftl_code ftl_redis_eval(struct ftl_redis *redis, const struct ftl_script *script,
                             const char *base, const struct ftl_redis_args *args, redisReply **ret,
                             struct ftl_err *err) FTL_CHECK;

/* After a failed call: the server may have carried it out all the same. */
bool ftl_redis_is_in_doubt(const struct ftl_redis *redis);

/* A command whose answer takes its time, in two steps. receive waits until `deadline_ms` (mono)
 * and then fails and drops the connection; when wake_fd becomes readable first, it returns OK with
 * *ret = NULL, and may be called again. */
enum ftl_code ftl_redis_send(struct ftl_redis *redis, const struct ftl_redis_args *args,
                             struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_redis_receive(struct ftl_redis *redis, int64_t deadline_ms, int wake_fd,
                                redisReply **ret, struct ftl_err *err) FTL_CHECK;

/* BullMQ's back-off before try n (from 1): e^n ms, at least 1 s, at most 20 s. */
int64_t ftl_redis_backoff_ms(int attempt);
/* Sleeps that long, or less when cancelled. True when cancelled. NULL is never cancelled. */
bool ftl_redis_pause(int attempt, struct ftl_cancel *cancel);

/* The error that an error reply stands for. */
enum ftl_code ftl_redis_fail_reply(const char *text, const char *what, struct ftl_err *err);

FTL_AUTO_DEFINE(reply, redisReply, freeReplyObject);

#endif
