#include "queue/lease.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "queue/config.h"
#include "queue/redis_conn.h"

enum {
    BATCH = 24, /* locks a call */
    MIN_TIMEOUT_MS = 200,
    MAX_TIMEOUT_MS = 5000,
    RETRY_MS = 100, /* after a failed round; the lock's own time bounds how often */
    WANTED_NICE = -10,
};

struct lease {
    char id[256];
    char token[64];
    struct ftl_cancel *cancel;
    int64_t renewed_ms; /* mono: when the last renewal that got through was sent */
    bool is_lost;
    bool is_ending; /* the owner is ending the job: no loss is told any more */
    struct lease *next;
};

struct ftl_leases {
    struct ftl_queue_settings settings;
    struct ftl_redis *redis; /* the thread's */
    pthread_t thread;
    bool has_thread;
    int wake_fd;
    pthread_mutex_t lock; /* guards all below */
    bool is_stopping;
    struct lease *list;
    int64_t max_jitter_ms;
};

/* Copies, so that no lock is held while the server is asked. */
struct batch {
    size_t count;
    struct {
        char id[256];
        char token[64];
    } items[BATCH];
};

static void lose(struct ftl_leases *leases, struct lease *lease, const char *why)
{
    lease->is_lost = true;
    if (lease->is_ending) {
        return;
    }
    ftl_cancel_set(lease->cancel, FTL_CANCEL_LEASE_LOST);
    ftl_metric_add(FTL_METRIC_LEASE_RENEWALS, "lost", 1);
    FTL_LOG(leases->settings.config.log, WARN, "the lock of a job is lost, its work is dropped",
            FTL_LOG_TEXT("job", lease->id), FTL_LOG_TEXT("why", why));
}

static struct lease *find(const struct ftl_leases *leases, const char *token)
{
    for (struct lease *lease = leases->list; lease != NULL; lease = lease->next) {
        if (strcmp(lease->token, token) == 0) {
            return lease;
        }
    }
    return NULL;
}

/* The next locks from place `from` on that are still held. */
static void fill(struct ftl_leases *leases, size_t from, struct batch *batch)
{
    size_t place = 0;
    batch->count = 0;
    (void)pthread_mutex_lock(&leases->lock);
    for (const struct lease *lease = leases->list; lease != NULL; lease = lease->next) {
        if (lease->is_lost || place++ < from) {
            continue;
        }
        if (batch->count == BATCH) {
            break;
        }
        memcpy(batch->items[batch->count].id, lease->id, sizeof(lease->id));
        memcpy(batch->items[batch->count].token, lease->token, sizeof(lease->token));
        batch->count++;
    }
    (void)pthread_mutex_unlock(&leases->lock);
}

static bool is_listed(const redisReply *places, size_t place)
{
    for (size_t i = 0; i < places->elements; i++) {
        if (places->element[i]->integer == (long long)place) {
            return true;
        }
    }
    return false;
}

static void apply(struct ftl_leases *leases, const struct batch *batch, const redisReply *lost,
                  int64_t sent_ms)
{
    (void)pthread_mutex_lock(&leases->lock);
    for (size_t i = 0; i < batch->count; i++) {
        struct lease *lease = find(leases, batch->items[i].token);
        if (lease == NULL) {
            continue; /* dropped meanwhile: its lock may be gone because the job has ended */
        }
        if (is_listed(lost, i)) {
            lose(leases, lease, "another worker holds it, or it ran out");
        } else {
            lease->renewed_ms = sent_ms;
            ftl_metric_add(FTL_METRIC_LEASE_RENEWALS, "ok", 1);
        }
    }
    (void)pthread_mutex_unlock(&leases->lock);
}

static enum ftl_code renew_batch(struct ftl_leases *leases, const struct batch *batch,
                                 struct ftl_err *err)
{
    int64_t sent_ms = ftl_mono_ms();
    struct ftl_redis_args args = {0};
    ftl_redis_arg_int(&args, leases->settings.config.lock_ms);
    for (size_t i = 0; i < batch->count; i++) {
        ftl_redis_arg(&args, batch->items[i].id);
        ftl_redis_arg(&args, batch->items[i].token);
    }
    FTL_AUTO(reply) redisReply *reply = NULL;
    if (ftl_redis_eval(leases->redis, &ftl_script_extend, leases->settings.base, &args, &reply,
                       err) != FTL_OK)
    {
        return err->code;
    }
    if (reply->type == REDIS_REPLY_ARRAY) {
        apply(leases, batch, reply, sent_ms);
    }
    return FTL_OK;
}

static enum ftl_code renew_all(struct ftl_leases *leases, struct ftl_err *err)
{
    struct batch batch;
    size_t done = 0;
    do {
        fill(leases, done, &batch);
        if (batch.count > 0 && renew_batch(leases, &batch, err) != FTL_OK) {
            ftl_metric_add(FTL_METRIC_LEASE_RENEWALS, "error", 1);
            return err->code;
        }
        done += batch.count;
    } while (batch.count == BATCH);
    return FTL_OK;
}

/* Locks that were not renewed for their whole time are gone on the server, whatever it says later.
 */
static void expire(struct ftl_leases *leases)
{
    int64_t now_ms = ftl_mono_ms();
    (void)pthread_mutex_lock(&leases->lock);
    for (struct lease *lease = leases->list; lease != NULL; lease = lease->next) {
        if (!lease->is_lost && now_ms - lease->renewed_ms >= leases->settings.config.lock_ms) {
            lose(leases, lease, "no renewal got through for a whole lock time");
        }
    }
    (void)pthread_mutex_unlock(&leases->lock);
}

/* How long the thread may sleep before the next lock would be overdue. */
static int64_t next_expiry_ms(struct ftl_leases *leases)
{
    int64_t soonest_ms = INT64_MAX;
    (void)pthread_mutex_lock(&leases->lock);
    for (const struct lease *lease = leases->list; lease != NULL; lease = lease->next) {
        int64_t until_ms = lease->renewed_ms + leases->settings.config.lock_ms;
        if (!lease->is_lost && until_ms < soonest_ms) {
            soonest_ms = until_ms;
        }
    }
    (void)pthread_mutex_unlock(&leases->lock);
    return soonest_ms;
}

static bool is_stopping(struct ftl_leases *leases)
{
    (void)pthread_mutex_lock(&leases->lock);
    bool is_set = leases->is_stopping;
    (void)pthread_mutex_unlock(&leases->lock);
    return is_set;
}

static void sleep_until(const struct ftl_leases *leases, int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms - ftl_mono_ms();
        struct pollfd entry = {.fd = leases->wake_fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&entry, 1, left_ms < 60000 ? (int)left_ms : 60000) > 0) {
            return;
        }
    }
}

static void note_jitter(struct ftl_leases *leases, int64_t late_us)
{
    ftl_metric_observe(FTL_METRIC_LEASE_JITTER_SECONDS, "", (double)late_us / 1e6);
    (void)pthread_mutex_lock(&leases->lock);
    if (leases->list != NULL && late_us / 1000 > leases->max_jitter_ms) {
        leases->max_jitter_ms = late_us / 1000;
    }
    (void)pthread_mutex_unlock(&leases->lock);
}

/* Renewals must run even while encoders take every core. Children do not inherit it. */
static void raise_priority(void)
{
    const struct sched_param parameters = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) != 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), WANTED_NICE); /* not permitted: as we are */
    }
}

static void *run(void *data)
{
    struct ftl_leases *leases = data;
    const int64_t period_ms =
        leases->settings.config.lock_ms >= 3 ? leases->settings.config.lock_ms / 3 : 1;
    int failures = 0;
    raise_priority();
    int64_t due_ms = ftl_mono_ms() + period_ms;
    while (!is_stopping(leases)) {
        sleep_until(leases, due_ms);
        if (is_stopping(leases)) {
            break;
        }
        note_jitter(leases, ftl_mono_us() - due_ms * 1000);
        struct ftl_err err;
        if (renew_all(leases, &err) == FTL_OK) {
            due_ms += period_ms;
            int64_t now_ms = ftl_mono_ms();
            due_ms = due_ms > now_ms ? due_ms : now_ms + period_ms;
            failures = 0;
        } else {
            if (failures++ == 0) {
                ftl_log_err(leases->settings.config.log, FTL_LOG_WARN,
                            "locks were not renewed, trying again", &err);
            }
            due_ms = ftl_mono_ms() + (failures > 1 ? RETRY_MS : 0);
            int64_t expiry_ms = next_expiry_ms(leases);
            due_ms = expiry_ms < due_ms ? expiry_ms : due_ms;
        }
        expire(leases);
    }
    return NULL;
}

enum ftl_code ftl_leases_start(const struct ftl_queue_config *config, struct ftl_leases **ret,
                               struct ftl_err *err)
{
    struct ftl_leases *leases = ftl_calloc(1, sizeof(*leases));
    if (leases == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for the lease thread");
    }
    (void)pthread_mutex_init(&leases->lock, NULL); /* default attributes cannot fail on Linux */
    leases->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum ftl_code code = leases->wake_fd >= 0
                             ? FTL_OK
                             : ftl_fail_errno(err, FTL_INTERNAL, errno, "start the lease thread");
    if (code == FTL_OK) {
        code = ftl_queue_settings_init(&leases->settings, config, err);
    }
    if (code == FTL_OK) {
        code = ftl_redis_new(&config->redis, NULL, config->log, &leases->redis, err);
    }
    if (code == FTL_OK) {
        int64_t timeout_ms = leases->settings.config.lock_ms / 3;
        timeout_ms = timeout_ms > MIN_TIMEOUT_MS ? timeout_ms : MIN_TIMEOUT_MS;
        timeout_ms = timeout_ms < MAX_TIMEOUT_MS ? timeout_ms : MAX_TIMEOUT_MS;
        ftl_redis_set_timeouts(leases->redis, (int)timeout_ms, (int)timeout_ms);
        int number = pthread_create(&leases->thread, NULL, run, leases);
        leases->has_thread = number == 0;
        code = number == 0 ? FTL_OK : ftl_fail_errno(err, FTL_NOMEM, number, "start a thread");
    }
    if (code != FTL_OK) {
        ftl_leases_stop(leases);
        return code;
    }
    *ret = leases;
    return FTL_OK;
}

void ftl_leases_stop(struct ftl_leases *leases)
{
    if (leases == NULL) {
        return;
    }
    if (leases->has_thread) {
        (void)pthread_mutex_lock(&leases->lock);
        leases->is_stopping = true;
        (void)pthread_mutex_unlock(&leases->lock);
        (void)eventfd_write(leases->wake_fd, 1);  /* cannot be full: written once */
        (void)pthread_join(leases->thread, NULL); /* it exists and is ours alone */
    }
    while (leases->list != NULL) {
        struct lease *lease = leases->list;
        leases->list = lease->next;
        ftl_free(lease);
    }
    ftl_redis_free(leases->redis);
    ftl_queue_settings_done(&leases->settings);
    ftl_auto_fd(&leases->wake_fd);
    (void)pthread_mutex_destroy(&leases->lock);
    ftl_free(leases);
}

enum ftl_code ftl_lease_hold(struct ftl_leases *leases, const struct ftl_queue_job *job,
                             struct ftl_cancel *cancel, struct ftl_err *err)
{
    struct lease *lease = ftl_calloc(1, sizeof(*lease));
    if (lease == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a lease");
    }
    memcpy(lease->id, job->id, sizeof(lease->id));
    memcpy(lease->token, job->token, sizeof(lease->token));
    lease->cancel = cancel;
    lease->renewed_ms = ftl_mono_ms();
    (void)pthread_mutex_lock(&leases->lock);
    lease->next = leases->list;
    leases->list = lease;
    (void)pthread_mutex_unlock(&leases->lock);
    return FTL_OK;
}

void ftl_lease_ending(struct ftl_leases *leases, const struct ftl_queue_job *job)
{
    (void)pthread_mutex_lock(&leases->lock);
    struct lease *lease = find(leases, job->token);
    if (lease != NULL) {
        lease->is_ending = true;
    }
    (void)pthread_mutex_unlock(&leases->lock);
}

void ftl_lease_drop(struct ftl_leases *leases, const struct ftl_queue_job *job)
{
    struct lease *found = NULL;
    (void)pthread_mutex_lock(&leases->lock);
    for (struct lease **link = &leases->list; *link != NULL; link = &(*link)->next) {
        if (strcmp((*link)->token, job->token) == 0) {
            found = *link;
            *link = found->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&leases->lock);
    ftl_free(found);
}

int64_t ftl_leases_max_jitter_ms(struct ftl_leases *leases)
{
    (void)pthread_mutex_lock(&leases->lock);
    int64_t ms = leases->max_jitter_ms;
    (void)pthread_mutex_unlock(&leases->lock);
    return ms;
}
