#include "queue/redis_conn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "queue/redis_socket.h"
#include "queue/redis_tls.h"
#include "queue/redis_url.h"

enum {
    CONNECT_MS = 5000,
    COMMAND_MS = 10000,
    MIN_VERSION = 50000,
    ADVISED_VERSION = 60200,
    MIN_BACKOFF_MS = 1000,
    MAX_BACKOFF_MS = 20000,
};

struct ftl_redis {
    struct ftl_redis_url url;
    char where[320];
    char *client_name; /* NULL = unnamed */
    int connect_ms, command_ms;
    const struct ftl_log *log;
    redisContext *context; /* NULL = not connected */
    bool was_connected;
    bool is_in_doubt;
    int version;
    bool has_warned;
};

void ftl_redis_arg(struct ftl_redis_args *args, const char *text)
{
    if (args->count < FTL_REDIS_MAX_ARGS) {
        args->texts[args->count] = text;
        args->lengths[args->count++] = strlen(text);
    }
}

void ftl_redis_arg_int(struct ftl_redis_args *args, int64_t number)
{
    if (args->count < FTL_REDIS_MAX_ARGS) {
        char *text = args->numbers[args->count];
        (void)snprintf(text, sizeof(args->numbers[0]), "%lld", (long long)number); /* 20 digits */
        ftl_redis_arg(args, text);
    }
}

/* hiredis writes with write(2): a server that went away must be an error, not the process's end. */
static void ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
        (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
    }
}

enum ftl_code ftl_redis_new(const struct ftl_redis_config *config, const char *client_name,
                            const struct ftl_log *log, struct ftl_redis **ret, struct ftl_err *err)
{
    struct ftl_redis *redis = ftl_calloc(1, sizeof(*redis));
    if (redis == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a redis connection");
    }
    redis->connect_ms = config->connect_timeout_ms > 0 ? config->connect_timeout_ms : CONNECT_MS;
    redis->command_ms = config->command_timeout_ms > 0 ? config->command_timeout_ms : COMMAND_MS;
    redis->log = log;
    ignore_sigpipe();
    enum ftl_code code = ftl_redis_url_parse(config->url, &redis->url, err);
    if (code == FTL_OK && redis->url.is_tls && !ftl_redis_has_tls()) {
        code = ftl_fail(err, FTL_UNSUPPORTED,
                        "rediss:// needs a hiredis with TLS (Debian 13 has it), this build has "
                        "none: use a TLS tunnel such as stunnel");
    }
    if (code == FTL_OK && client_name != NULL) {
        redis->client_name = ftl_strdup(client_name);
        if (redis->client_name == NULL) {
            code = ftl_fail(err, FTL_NOMEM, "no memory for a redis connection");
        }
    }
    if (code != FTL_OK) {
        ftl_redis_free(redis);
        return code;
    }
    ftl_redis_where(&redis->url, redis->where, sizeof(redis->where));
    *ret = redis;
    return FTL_OK;
}

void ftl_redis_free(struct ftl_redis *redis)
{
    if (redis == NULL) {
        return;
    }
    ftl_redis_drop(redis);
    ftl_wipe(&redis->url, sizeof(redis->url));
    ftl_free(redis->client_name);
    ftl_free(redis);
}

void ftl_redis_set_timeouts(struct ftl_redis *redis, int connect_ms, int command_ms)
{
    redis->connect_ms = connect_ms > 0 ? connect_ms : redis->connect_ms;
    redis->command_ms = command_ms > 0 ? command_ms : redis->command_ms;
}

bool ftl_redis_is_connected(const struct ftl_redis *redis)
{
    return redis->context != NULL;
}

bool ftl_redis_is_in_doubt(const struct ftl_redis *redis)
{
    return redis->is_in_doubt;
}

int ftl_redis_version(const struct ftl_redis *redis)
{
    return redis->version;
}

void ftl_redis_drop(struct ftl_redis *redis)
{
    if (redis->context != NULL) {
        redisFree(redis->context);
        redis->context = NULL;
    }
}

/* Reports what went wrong with the connection, and gives it up. */
static enum ftl_code fail_connection(struct ftl_redis *redis, struct ftl_err *err)
{
    int number = errno;
    if (redis->context->err == REDIS_ERR_IO && number != 0) {
        (void)ftl_fail_errno(err, FTL_QUEUE, number, "redis at %s", redis->where);
    } else {
        (void)ftl_fail(err, FTL_QUEUE, "redis at %s: %s", redis->where, redis->context->errstr);
    }
    ftl_redis_drop(redis);
    return err->code;
}

/* Waits for the socket or wake_fd. 1 = socket, 0 = deadline, -1 = woken. */
static int wait_socket(const struct ftl_redis *redis, short events, int64_t deadline_ms,
                       int wake_fd)
{
    for (;;) {
        int64_t left_ms = deadline_ms - ftl_mono_ms();
        struct pollfd entries[2] = {{.fd = redis->context->fd, .events = events},
                                    {.fd = wake_fd, .events = POLLIN}};
        int ready = poll(entries, 2, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0) {
            return entries[0].revents != 0 ? 1 : -1;
        }
        if (ready == 0 && left_ms <= 0) {
            return 0;
        }
    }
}

enum ftl_code ftl_redis_receive(struct ftl_redis *redis, int64_t deadline_ms, int wake_fd,
                                redisReply **ret, struct ftl_err *err)
{
    *ret = NULL;
    for (;;) {
        void *reply = NULL;
        if (redisGetReplyFromReader(redis->context, &reply) != REDIS_OK) {
            return fail_connection(redis, err);
        }
        if (reply != NULL) {
            *ret = reply;
            return FTL_OK;
        }
        int ready = wait_socket(redis, POLLIN, deadline_ms, wake_fd);
        if (ready < 0) {
            return FTL_OK;
        }
        if (ready == 0) {
            ftl_redis_drop(redis);
            return ftl_fail_sub(err, FTL_QUEUE, ETIMEDOUT, "redis at %s: no answer in time",
                                redis->where);
        }
        errno = 0;
        if (redisBufferRead(redis->context) != REDIS_OK) {
            return fail_connection(redis, err);
        }
    }
}

/* Writes a command to a connection that is there. */
static enum ftl_code write_command(struct ftl_redis *redis, int count, const char **texts,
                                   const size_t *lengths, struct ftl_err *err)
{
    int64_t deadline_ms = ftl_mono_ms() + redis->command_ms;
    if (redisAppendCommandArgv(redis->context, count, texts, lengths) != REDIS_OK) {
        return fail_connection(redis, err);
    }
    int is_done = 0;
    for (;;) {
        errno = 0;
        if (redisBufferWrite(redis->context, &is_done) != REDIS_OK) {
            return fail_connection(redis, err);
        }
        if (is_done != 0) {
            return FTL_OK;
        }
        if (wait_socket(redis, POLLOUT, deadline_ms, -1) == 0) {
            ftl_redis_drop(redis);
            return ftl_fail_sub(err, FTL_QUEUE, ETIMEDOUT, "redis at %s: cannot send",
                                redis->where);
        }
    }
}

/* The raw exchange on a connection that is there; *ret may be an error reply. */
static enum ftl_code exchange(struct ftl_redis *redis, int count, const char **texts,
                              const size_t *lengths, redisReply **ret, struct ftl_err *err)
{
    redis->is_in_doubt = true;
    if (write_command(redis, count, texts, lengths, err) != FTL_OK ||
        ftl_redis_receive(redis, ftl_mono_ms() + redis->command_ms, -1, ret, err) != FTL_OK)
    {
        return err->code;
    }
    redis->is_in_doubt = false;
    return FTL_OK;
}

/* A command of the connection's own set-up. */
static enum ftl_code set_up(struct ftl_redis *redis, int count, const char **words,
                            const char *what, struct ftl_err *err)
{
    size_t lengths[4] = {0};
    for (int i = 0; i < count; i++) {
        lengths[i] = strlen(words[i]);
    }
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (exchange(redis, count, words, lengths, &reply, err) != FTL_OK) {
        return err->code;
    }
    if (reply->type != REDIS_REPLY_ERROR) {
        return FTL_OK;
    }
    /* Only its first word is told: some servers repeat the arguments in their errors. */
    char word[24] = "";
    (void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(reply->str, " "), reply->str); /* cut */
    (void)ftl_redis_fail_reply(word, what, err);
    return err->code;
}

static enum ftl_code log_in(struct ftl_redis *redis, struct ftl_err *err)
{
    const struct ftl_redis_url *url = &redis->url;
    if (url->password[0] != '\0' || url->user[0] != '\0') {
        const char *with_user[] = {"AUTH", url->user, url->password};
        const char *alone[] = {"AUTH", url->password};
        bool has_user = url->user[0] != '\0';
        if (set_up(redis, has_user ? 3 : 2, has_user ? with_user : alone, "log in to redis", err) !=
            FTL_OK) {
            if (err->retry == FTL_RETRY_ONCE) {
                err->retry = FTL_RETRY_NEVER; /* "ERR …": this server knows no such login */
            }
            return err->code;
        }
    }
    if (url->db != 0) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", url->db); /* at most seven digits */
        const char *words[] = {"SELECT", number};
        if (set_up(redis, 2, words, "select the redis database", err) != FTL_OK) {
            return err->code;
        }
    }
    if (redis->client_name != NULL) {
        const char *words[] = {"CLIENT", "SETNAME", redis->client_name};
        if (set_up(redis, 3, words, "name the redis connection", err) != FTL_OK &&
            redis->context == NULL) {
            return err->code; /* some servers have no CLIENT; that alone is no reason to fail */
        }
    }
    return FTL_OK;
}

enum ftl_code ftl_redis_connect(struct ftl_redis *redis, struct ftl_err *err)
{
    if (redis->context != NULL) {
        return FTL_OK;
    }
    FTL_AUTO_FD int fd = -1;
    if (ftl_redis_socket(&redis->url, redis->connect_ms, &fd, err) != FTL_OK) {
        return err->code;
    }
    redis->context = redisConnectFd(fd);
    if (redis->context == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a redis connection");
    }
    (void)ftl_take_fd(&fd);                /* the context owns it */
    redis->context->flags &= ~REDIS_BLOCK; /* all waiting is poll()'s */
    if (redis->url.is_tls &&
        ftl_redis_tls_start(redis->context, &redis->url, redis->connect_ms, err) != FTL_OK)
    {
        ftl_redis_drop(redis);
        return err->code;
    }
    if (log_in(redis, err) != FTL_OK) {
        ftl_redis_drop(redis);
        return err->code;
    }
    redis->is_in_doubt = false;
    if (redis->was_connected) {
        ftl_metric_add(FTL_METRIC_REDIS_RECONNECTS, "", 1);
    }
    redis->was_connected = true;
    return FTL_OK;
}

/* An error reply becomes an error; a server that lost its master's role is left. */
static enum ftl_code judge(struct ftl_redis *redis, const char *what, redisReply *reply,
                           struct ftl_err *err)
{
    if (reply->type != REDIS_REPLY_ERROR) {
        return FTL_OK;
    }
    (void)ftl_redis_fail_reply(reply->str, what, err);
    if (strstr(reply->str, "READONLY") != NULL || strstr(reply->str, "MASTERDOWN") != NULL) {
        ftl_redis_drop(redis);
    }
    return err->code;
}

enum ftl_code ftl_redis_call(struct ftl_redis *redis, const struct ftl_redis_args *args,
                             redisReply **ret, struct ftl_err *err)
{
    redis->is_in_doubt = false;
    if (ftl_redis_connect(redis, err) != FTL_OK) {
        return err->code;
    }
    const char *texts[FTL_REDIS_MAX_ARGS];
    memcpy(texts, args->texts, sizeof(texts));
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (exchange(redis, (int)args->count, texts, args->lengths, &reply, err) != FTL_OK ||
        judge(redis, args->texts[0], reply, err) != FTL_OK)
    {
        return err->code;
    }
    *ret = FTL_TAKE(reply);
    return FTL_OK;
}

enum ftl_code ftl_redis_eval(struct ftl_redis *redis, const struct ftl_script *script,
                             const char *base, const struct ftl_redis_args *args, redisReply **ret,
                             struct ftl_err *err)
{
    const char *texts[FTL_REDIS_MAX_ARGS] = {"EVALSHA", script->sha1, "1", base};
    size_t lengths[FTL_REDIS_MAX_ARGS] = {strlen("EVALSHA"), strlen(script->sha1), 1, strlen(base)};
    size_t count = args->count < FTL_REDIS_MAX_ARGS - 4 ? args->count : FTL_REDIS_MAX_ARGS - 4;
    memcpy(texts + 4, args->texts, count * sizeof(texts[0]));
    memcpy(lengths + 4, args->lengths, count * sizeof(lengths[0]));
    redis->is_in_doubt = false;
    if (ftl_redis_connect(redis, err) != FTL_OK) {
        return err->code;
    }
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (exchange(redis, (int)count + 4, texts, lengths, &reply, err) != FTL_OK) {
        return err->code;
    }
    if (reply->type == REDIS_REPLY_ERROR && ftl_starts_with(reply->str, "NOSCRIPT")) {
        freeReplyObject(FTL_TAKE(reply));
        texts[0] = "EVAL";
        lengths[0] = strlen("EVAL");
        texts[1] = script->text;
        lengths[1] = script->length;
        if (exchange(redis, (int)count + 4, texts, lengths, &reply, err) != FTL_OK) {
            return err->code;
        }
    }
    if (judge(redis, script->name, reply, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(reply);
    return FTL_OK;
}

enum ftl_code ftl_redis_send(struct ftl_redis *redis, const struct ftl_redis_args *args,
                             struct ftl_err *err)
{
    if (ftl_redis_connect(redis, err) != FTL_OK) {
        return err->code;
    }
    const char *texts[FTL_REDIS_MAX_ARGS];
    memcpy(texts, args->texts, sizeof(texts));
    return write_command(redis, (int)args->count, texts, args->lengths, err);
}

/* The value of a line "name:value" in INFO's text, cut to size. False if it is not there. */
static bool info_value(const char *info, const char *name, char *to, size_t size)
{
    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (ftl_starts_with(line, name) && line[strlen(name)] == ':') {
            const char *value = line + strlen(name) + 1;
            (void)snprintf(to, size, "%.*s", (int)strcspn(value, "\r\n"), value); /* cut */
            return true;
        }
    }
    return false;
}

/* "7.0.15" -> 70015. */
static int version_number(const char *text)
{
    int parts[3] = {0, 0, 0};
    int part = 0;
    for (; part < 3; text++) {
        if (*text >= '0' && *text <= '9' && parts[part] < 10) {
            parts[part] = parts[part] * 10 + (*text - '0');
        } else if (*text != '.' || ++part == 3) {
            break;
        }
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

enum ftl_code ftl_redis_check_server(struct ftl_redis *redis, struct ftl_err *err)
{
    FTL_AUTO(reply) redisReply *reply = NULL;
    struct ftl_redis_args args = {0};
    ftl_redis_arg(&args, "INFO");
    if (ftl_redis_call(redis, &args, &reply, err) != FTL_OK) {
        return err->code;
    }
    char version[32] = "";
    char policy[32] = "";
    if (reply->type != REDIS_REPLY_STRING ||
        !info_value(reply->str, "redis_version", version, sizeof(version)))
    {
        return FTL_OK; /* some clouds hide it */
    }
    redis->version = version_number(version);
    if (redis->version < MIN_VERSION) {
        (void)ftl_fail(err, FTL_QUEUE, "redis at %s is version %s, at least 5.0 is needed",
                       redis->where, version);
        err->retry = FTL_RETRY_NEVER;
        return err->code;
    }
    if (redis->has_warned) {
        return FTL_OK;
    }
    redis->has_warned = true;
    if (redis->version < ADVISED_VERSION) {
        FTL_LOG(redis->log, WARN, "redis is old, 6.2 or newer is advised",
                FTL_LOG_TEXT("version", version));
    }
    if (info_value(reply->str, "maxmemory_policy", policy, sizeof(policy)) &&
        strcmp(policy, "noeviction") != 0)
    {
        FTL_LOG(redis->log, WARN, "redis may evict jobs and locks: set maxmemory-policy noeviction",
                FTL_LOG_TEXT("policy", policy));
    }
    return FTL_OK;
}

int64_t ftl_redis_backoff_ms(int attempt)
{
    double ms = 1.0;
    for (int i = 0; i < attempt && ms < MAX_BACKOFF_MS; i++) {
        ms *= 2.718281828459045;
    }
    return ms < MIN_BACKOFF_MS   ? MIN_BACKOFF_MS
           : ms > MAX_BACKOFF_MS ? MAX_BACKOFF_MS
                                 : (int64_t)ms;
}

bool ftl_redis_pause(int attempt, struct ftl_cancel *cancel)
{
    int64_t until_ms = ftl_mono_ms() + ftl_redis_backoff_ms(attempt);
    for (;;) {
        int64_t left_ms = until_ms - ftl_mono_ms();
        if (ftl_cancel_state(cancel) != FTL_CANCEL_NONE) {
            return true;
        }
        if (left_ms <= 0) {
            return false;
        }
        int deadline_ms = ftl_cancel_timeout_ms(cancel);
        if (deadline_ms >= 0 && deadline_ms < left_ms) {
            left_ms = deadline_ms;
        }
        struct pollfd entry = {.fd = ftl_cancel_fd(cancel), .events = POLLIN};
        (void)poll(&entry, 1, (int)left_ms); /* how it ended is read from the clock and the token */
    }
}
