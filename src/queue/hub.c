#include "queue/hub.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"
#include "queue/config.h"
#include "queue/redis_conn.h"

enum {
    MAX_BLOCK_MS = 10000,   /* longest wait when a delayed job is known */
    MAX_LIMITED_MS = 30000, /* longest wait for the rate limit, so that delayed jobs move on */
    WATCHDOG_MS = 1500,     /* an answer to a blocking call may come this much late */
    SLOT_MARGIN_MS = 2000,  /* a slot looks by itself when the hub is this much late */
};

struct ftl_queue_hub {
    struct ftl_queue_settings settings;
    struct ftl_redis *redis; /* the thread's, after open */
    pthread_t thread;
    bool has_thread;
    int wake_fd; /* an event: the thread looks at what changed */
    int turn_fd; /* a semaphore: one slot each time may look for a job */
    char token_prefix[40];
    atomic_uint_fast64_t tokens;
    atomic_bool has_warned_scheduler;
    pthread_mutex_t lock; /* guards all below */
    bool is_stopping;
    int idle;                 /* slots that wait and were given no turn yet */
    int64_t limited_until_ms; /* mono */
    int64_t due_ms;           /* wall clock; 0 = no delayed job known */
};

/* What the thread alone knows. */
struct watch {
    int64_t stalled_at_ms; /* mono: the next stalled check */
    int64_t poll_at_ms;    /* mono: a slot looks then, marker or not; 0 = not waiting */
    int failures;          /* in a row */
    bool is_blocking;      /* a BZPOPMIN is on its way */
    int64_t block_until_ms;
};

struct snapshot {
    bool is_stopping;
    int idle;
    int64_t limited_until_ms, due_ms;
};

static struct snapshot look(struct ftl_queue_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct snapshot now = {hub->is_stopping, hub->idle, hub->limited_until_ms, hub->due_ms};
    (void)pthread_mutex_unlock(&hub->lock);
    return now;
}

static void wake_thread(const struct ftl_queue_hub *hub)
{
    (void)eventfd_write(hub->wake_fd, 1); /* fails only when already full of wake-ups */
}

/* Sleeps until then or until something changed. */
static void doze(const struct ftl_queue_hub *hub, int64_t until_ms)
{
    int64_t left_ms = until_ms - ftl_mono_ms();
    if (left_ms > 0) {
        struct pollfd entry = {.fd = hub->wake_fd, .events = POLLIN};
        (void)poll(&entry, 1, left_ms < MAX_LIMITED_MS ? (int)left_ms : MAX_LIMITED_MS);
    }
    eventfd_t count;
    (void)eventfd_read(hub->wake_fd, &count); /* empty when it was the clock */
}

static void give_turn(struct ftl_queue_hub *hub, struct watch *watch)
{
    (void)pthread_mutex_lock(&hub->lock);
    if (hub->idle > 0) {
        hub->idle--;
        (void)eventfd_write(hub->turn_fd, 1); /* cannot be full: one per slot */
    }
    (void)pthread_mutex_unlock(&hub->lock);
    watch->poll_at_ms = 0;
}

static void log_recovered(const struct ftl_queue_hub *hub, const redisReply *ids)
{
    for (size_t i = 0; ids->type == REDIS_REPLY_ARRAY && i < ids->elements; i++) {
        FTL_LOG(hub->settings.config.log, WARN, "stalled job put back",
                FTL_LOG_TEXT("queue", hub->settings.config.name),
                FTL_LOG_TEXT("job", ids->element[i]->str));
    }
}

static enum ftl_code check_stalled(struct ftl_queue_hub *hub, struct watch *watch,
                                   struct ftl_err *err)
{
    const struct ftl_queue_config *config = &hub->settings.config;
    struct ftl_redis_args args = {0};
    ftl_redis_arg_int(&args, ftl_wall_ms());
    ftl_redis_arg(&args, ftl_pause_mode_name(config->pause_mode));
    ftl_redis_arg_int(&args, config->stalled_ms);
    ftl_redis_arg_int(&args, config->max_stalled);
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(hub->redis, &ftl_script_stalled, hub->settings.base, &args, &reply, err) !=
        FTL_OK)
    {
        return err->code;
    }
    watch->stalled_at_ms = ftl_mono_ms() + config->stalled_ms;
    log_recovered(hub, reply);
    return FTL_OK;
}

/* How long the marker is waited for. */
static int64_t block_ms(const struct ftl_queue_hub *hub, int64_t due_ms)
{
    if (due_ms == 0) {
        return hub->settings.config.drain_delay_ms;
    }
    int64_t ms = due_ms - ftl_wall_ms();
    return ms < MAX_BLOCK_MS ? ms : MAX_BLOCK_MS;
}

static enum ftl_code start_block(struct ftl_queue_hub *hub, struct watch *watch,
                                 struct ftl_err *err)
{
    int64_t now_ms = ftl_mono_ms();
    int64_t until_ms =
        watch->poll_at_ms < watch->stalled_at_ms ? watch->poll_at_ms : watch->stalled_at_ms;
    int64_t ms = until_ms - now_ms;
    int64_t least_ms = ftl_redis_version(hub->redis) >= 70008 ? 1 : 2;
    ms = ms > least_ms ? ms : least_ms;
    char timeout[32];
    if (ftl_redis_version(hub->redis) >= 60000) {
        (void)snprintf(timeout, sizeof(timeout), "%lld.%03lld", (long long)(ms / 1000),
                       (long long)(ms % 1000)); /* fits */
    } else {
        (void)snprintf(timeout, sizeof(timeout), "%lld", (long long)((ms + 999) / 1000));
        ms = (ms + 999) / 1000 * 1000;
    }
    FTL_AUTO_STR struct ftl_str key = FTL_STR_INIT(2048);
    ftl_str_printf(&key, "%smarker", hub->settings.base);
    struct ftl_redis_args args = {0};
    ftl_redis_arg(&args, "BZPOPMIN");
    ftl_redis_arg(&args, ftl_str_text(&key));
    ftl_redis_arg(&args, timeout);
    if (ftl_redis_send(hub->redis, &args, err) != FTL_OK) {
        return err->code;
    }
    watch->is_blocking = true;
    watch->block_until_ms = now_ms + ms + WATCHDOG_MS;
    return FTL_OK;
}

/* The marker was popped, or not. A score in the future is the next due time. */
static void judge_marker(struct ftl_queue_hub *hub, struct watch *watch, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3) {
        if (watch->poll_at_ms <= ftl_mono_ms()) {
            give_turn(hub, watch);
        }
        return;
    }
    double score = 0.0;
    if (!ftl_number_parse(reply->element[2]->str, &score) || score <= (double)(ftl_wall_ms() + 1)) {
        give_turn(hub, watch);
        return;
    }
    (void)pthread_mutex_lock(&hub->lock);
    if (hub->due_ms == 0 || (double)hub->due_ms > score) {
        hub->due_ms = (int64_t)score;
    }
    (void)pthread_mutex_unlock(&hub->lock);
    watch->poll_at_ms = 0; /* counted anew, from the new due time */
}

static enum ftl_code block(struct ftl_queue_hub *hub, struct watch *watch, struct ftl_err *err)
{
    if (!watch->is_blocking && start_block(hub, watch, err) != FTL_OK) {
        return err->code;
    }
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_receive(hub->redis, watch->block_until_ms, hub->wake_fd, &reply, err) != FTL_OK) {
        watch->is_blocking = false;
        return err->code;
    }
    if (reply == NULL) { /* woken: the loop sees why, and comes back unless nobody waits any more */
        doze(hub, 0);
        return FTL_OK;
    }
    watch->is_blocking = false;
    if (reply->type == REDIS_REPLY_ERROR) {
        return ftl_redis_fail_reply(reply->str, "wait for a job", err);
    }
    judge_marker(hub, watch, reply);
    return FTL_OK;
}

/* The connection is in the middle of a blocking call that nobody wants any more. */
static void abandon_block(struct ftl_queue_hub *hub, struct watch *watch)
{
    if (watch->is_blocking) {
        ftl_redis_drop(hub->redis);
        watch->is_blocking = false;
    }
    watch->poll_at_ms = 0;
}

static enum ftl_code step(struct ftl_queue_hub *hub, struct watch *watch, struct snapshot now,
                          struct ftl_err *err)
{
    int64_t now_ms = ftl_mono_ms();
    if (now.idle == 0) {
        abandon_block(hub, watch);
    }
    if (!watch->is_blocking && now_ms >= watch->stalled_at_ms) {
        return check_stalled(hub, watch, err);
    }
    if (now.idle == 0) {
        doze(hub, watch->stalled_at_ms);
        return FTL_OK;
    }
    if (watch->is_blocking) {
        return block(hub, watch, err);
    }
    if (now.limited_until_ms > now_ms) {
        doze(hub, now.limited_until_ms < watch->stalled_at_ms ? now.limited_until_ms
                                                              : watch->stalled_at_ms);
        watch->poll_at_ms = now.limited_until_ms; /* then without waiting for the marker */
        return FTL_OK;
    }
    if (watch->poll_at_ms == 0) {
        watch->poll_at_ms = now_ms + block_ms(hub, now.due_ms);
    }
    if (watch->poll_at_ms <= now_ms) {
        give_turn(hub, watch);
        return FTL_OK;
    }
    return block(hub, watch, err);
}

static void recover(struct ftl_queue_hub *hub, struct watch *watch, const struct ftl_err *err)
{
    if (watch->failures++ == 0) {
        ftl_log_err(hub->settings.config.log, FTL_LOG_WARN, "waiting for jobs was interrupted",
                    err);
    }
    watch->poll_at_ms = 0;
    watch->is_blocking = false;
    int64_t until_ms = ftl_mono_ms() + ftl_redis_backoff_ms(watch->failures);
    while (!look(hub).is_stopping && ftl_mono_ms() < until_ms) {
        doze(hub, until_ms);
    }
}

static void *run(void *data)
{
    struct ftl_queue_hub *hub = data;
    struct watch watch = {0}; /* the first stalled check is due at once */
    for (;;) {
        struct snapshot now = look(hub);
        if (now.is_stopping) {
            return NULL;
        }
        struct ftl_err err;
        if (step(hub, &watch, now, &err) != FTL_OK) {
            recover(hub, &watch, &err);
        } else if (watch.failures > 0 && ftl_redis_is_connected(hub->redis)) {
            watch.failures = 0;
            FTL_LOG(hub->settings.config.log, INFO, "waiting for jobs again",
                    FTL_LOG_TEXT("queue", hub->settings.config.name));
        }
    }
}

static bool make_token_prefix(char *to, size_t size)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(bytes) && 2 * i + 2 < size; i++) {
        (void)snprintf(to + 2 * i, 3, "%02x", bytes[i]); /* fits */
    }
    return true;
}

enum ftl_code ftl_queue_hub_open(const struct ftl_queue_config *config, struct ftl_queue_hub **ret,
                                 struct ftl_err *err)
{
    struct ftl_queue_hub *hub = ftl_calloc(1, sizeof(*hub));
    if (hub == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a queue");
    }
    (void)pthread_mutex_init(&hub->lock, NULL); /* default attributes cannot fail on Linux */
    hub->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hub->turn_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    enum ftl_code code = FTL_OK;
    if (hub->wake_fd < 0 || hub->turn_fd < 0 ||
        !make_token_prefix(hub->token_prefix, sizeof(hub->token_prefix)))
    {
        code = ftl_fail_errno(err, FTL_INTERNAL, errno, "set up the queue");
    }
    if (code == FTL_OK) {
        code = ftl_queue_settings_init(&hub->settings, config, err);
    }
    if (code == FTL_OK) {
        code =
            ftl_redis_new(&config->redis, hub->settings.client_name, config->log, &hub->redis, err);
    }
    if (code == FTL_OK) {
        code = ftl_redis_check_server(hub->redis, err);
    }
    if (code == FTL_OK) {
        int number = pthread_create(&hub->thread, NULL, run, hub);
        hub->has_thread = number == 0;
        code = number == 0 ? FTL_OK : ftl_fail_errno(err, FTL_NOMEM, number, "start a thread");
    }
    if (code != FTL_OK) {
        ftl_queue_hub_close(hub);
        return code;
    }
    *ret = hub;
    return FTL_OK;
}

void ftl_queue_hub_close(struct ftl_queue_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    if (hub->has_thread) {
        (void)pthread_mutex_lock(&hub->lock);
        hub->is_stopping = true;
        (void)pthread_mutex_unlock(&hub->lock);
        wake_thread(hub);
        (void)pthread_join(hub->thread, NULL); /* it exists and is ours alone */
    }
    ftl_redis_free(hub->redis);
    ftl_queue_settings_done(&hub->settings);
    ftl_auto_fd(&hub->wake_fd);
    ftl_auto_fd(&hub->turn_fd);
    (void)pthread_mutex_destroy(&hub->lock);
    ftl_free(hub);
}

/* The slot stops waiting without a turn; one that was given just now is taken back. */
static void leave(struct ftl_queue_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    eventfd_t count;
    if (eventfd_read(hub->turn_fd, &count) != 0 && hub->idle > 0) {
        hub->idle--;
    }
    (void)pthread_mutex_unlock(&hub->lock);
    wake_thread(hub);
}

bool ftl_queue_hub_wait(struct ftl_queue_hub *hub, struct ftl_cancel *cancel)
{
    (void)pthread_mutex_lock(&hub->lock);
    hub->idle++;
    (void)pthread_mutex_unlock(&hub->lock);
    wake_thread(hub);
    int64_t longest_ms = hub->settings.config.drain_delay_ms;
    longest_ms = (longest_ms > MAX_LIMITED_MS ? longest_ms : MAX_LIMITED_MS) + SLOT_MARGIN_MS;
    int64_t until_ms = ftl_mono_ms() + longest_ms;
    for (;;) {
        eventfd_t count;
        bool is_cancelled = ftl_cancel_state(cancel) != FTL_CANCEL_NONE;
        int64_t left_ms = until_ms - ftl_mono_ms();
        if (is_cancelled || left_ms <= 0) {
            leave(hub);
            return !is_cancelled;
        }
        if (eventfd_read(hub->turn_fd, &count) == 0) {
            return true;
        }
        int deadline_ms = ftl_cancel_timeout_ms(cancel);
        left_ms = deadline_ms >= 0 && deadline_ms < left_ms ? deadline_ms : left_ms;
        struct pollfd entries[2] = {{.fd = hub->turn_fd, .events = POLLIN},
                                    {.fd = ftl_cancel_fd(cancel), .events = POLLIN}};
        (void)poll(entries, 2, (int)left_ms); /* how it ended is seen above */
    }
}

void ftl_queue_hub_heard(struct ftl_queue_hub *hub, int64_t limited_ms, int64_t due_ms)
{
    limited_ms = limited_ms < MAX_LIMITED_MS ? limited_ms : MAX_LIMITED_MS;
    (void)pthread_mutex_lock(&hub->lock);
    hub->limited_until_ms = limited_ms > 0 ? ftl_mono_ms() + limited_ms : 0;
    hub->due_ms = due_ms;
    (void)pthread_mutex_unlock(&hub->lock);
}

void ftl_queue_hub_token(struct ftl_queue_hub *hub, char ret[64])
{
    unsigned long long number = atomic_fetch_add(&hub->tokens, 1) + 1;
    (void)snprintf(ret, 64, "%s:%llu", hub->token_prefix, number); /* at most 53 characters */
}

bool ftl_queue_hub_warn_scheduler(struct ftl_queue_hub *hub)
{
    return !atomic_exchange(&hub->has_warned_scheduler, true);
}
