#include "worker/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "worker/slot.h"

/* Address space, not memory; libcurl, TLS and the runner's own state fit several times. */
#ifdef FTL_SANITIZE
enum { SLOT_STACK_BYTES = 4 * 1024 * 1024 };
#else
enum { SLOT_STACK_BYTES = 512 * 1024 };
#endif

struct worker;

struct slot_thread {
    struct worker *worker;
    const struct ftl_slot_shared *shared;
    pthread_t thread;
    int index;
};

struct worker {
    const struct ftl_worker_config *config;
    struct ftl_runner runner;
    struct ftl_permits *permits;
    struct ftl_recent *recent;
    struct ftl_cancel *abort;
    struct ftl_slot_shared *queues;
    size_t queues_opened;
    struct slot_thread *threads;
    size_t threads_started;
    pthread_mutex_t lock; /* guards running */
    pthread_cond_t ended; /* one more slot has; monotonic clock */
    size_t running;
};

static enum ftl_code acquire(void *opaque, int weight, int64_t bytes, struct ftl_cancel *cancel,
                             struct ftl_err *err)
{
    return ftl_permits_acquire(opaque, weight, bytes, cancel, err);
}

static void release(void *opaque, int weight, int64_t bytes)
{
    ftl_permits_release(opaque, weight, bytes);
}

static enum ftl_code check_config(const struct ftl_worker_config *config, struct ftl_err *err)
{
    if (config->queues_count == 0 || config->queues_count > FTL_WORKER_MAX_QUEUES) {
        return ftl_fail(err, FTL_SPEC, "%zu queues: 1 to %d are possible", config->queues_count,
                        (int)FTL_WORKER_MAX_QUEUES);
    }
    if (config->concurrency < 1 ||
        (size_t)config->concurrency > FTL_WORKER_MAX_SLOTS / config->queues_count)
    {
        return ftl_fail(err, FTL_SPEC, "concurrency %d on %zu queues: 1 to %d jobs in all",
                        config->concurrency, config->queues_count, (int)FTL_WORKER_MAX_SLOTS);
    }
    return FTL_OK;
}

static enum ftl_code allocate(struct worker *worker, struct ftl_err *err)
{
    const struct ftl_worker_config *config = worker->config;
    worker->permits = ftl_permits_new(config->cores, config->memory_bytes);
    worker->recent = ftl_recent_new();
    worker->abort = ftl_cancel_new(NULL, 0);
    worker->queues = ftl_calloc(config->queues_count, sizeof(*worker->queues));
    worker->threads =
        ftl_calloc(config->queues_count * (size_t)config->concurrency, sizeof(*worker->threads));
    if (worker->permits == NULL || worker->recent == NULL || worker->abort == NULL ||
        worker->queues == NULL || worker->threads == NULL)
    {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the worker");
    }
    worker->runner = *config->runner;
    worker->runner.permits = worker->permits;
    worker->runner.acquire = acquire;
    worker->runner.release = release;
    return FTL_OK;
}

static enum ftl_code open_queue(struct worker *worker, const char *name, struct ftl_err *err)
{
    const struct ftl_worker_config *config = worker->config;
    struct ftl_slot_shared *shared = &worker->queues[worker->queues_opened];
    *shared = (struct ftl_slot_shared){.queue = config->queue,
                                       .runner = &worker->runner,
                                       .permits = worker->permits,
                                       .recent = worker->recent,
                                       .stop = config->stop,
                                       .abort = worker->abort,
                                       .log = config->log};
    shared->queue.name = name;
    shared->queue.log = config->log;
    if (ftl_queue_hub_open(&shared->queue, &shared->queue.hub, err) != FTL_OK) {
        return ftl_wrap(err, "queue %s", name);
    }
    worker->queues_opened++; /* from here on it is closed at the end */
    if (ftl_leases_start(&shared->queue, &shared->leases, err) != FTL_OK) {
        return ftl_wrap(err, "queue %s", name);
    }
    return FTL_OK;
}

static void *slot_main(void *opaque)
{
    struct slot_thread *slot = opaque;
    ftl_slot_run(slot->shared, slot->index);
    struct worker *worker = slot->worker;
    (void)pthread_mutex_lock(&worker->lock);
    worker->running--;
    (void)pthread_cond_signal(&worker->ended);
    (void)pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static enum ftl_code start_slot(struct worker *worker, const struct ftl_slot_shared *shared,
                                const pthread_attr_t *attributes, struct ftl_err *err)
{
    struct slot_thread *slot = &worker->threads[worker->threads_started];
    *slot = (struct slot_thread){
        .worker = worker, .shared = shared, .index = (int)worker->threads_started};
    (void)pthread_mutex_lock(&worker->lock);
    worker->running++;
    (void)pthread_mutex_unlock(&worker->lock);
    int number = pthread_create(&slot->thread, attributes, slot_main, slot);
    if (number != 0) {
        (void)pthread_mutex_lock(&worker->lock);
        worker->running--;
        (void)pthread_mutex_unlock(&worker->lock);
        return ftl_fail_errno(err, FTL_NOMEM, number, "start a slot");
    }
    worker->threads_started++;
    return FTL_OK;
}

static enum ftl_code start(struct worker *worker, struct ftl_err *err)
{
    const struct ftl_worker_config *config = worker->config;
    for (size_t i = 0; i < config->queues_count; i++) {
        if (open_queue(worker, config->queues[i], err) != FTL_OK) {
            return err->code;
        }
    }
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);                           /* cannot fail on Linux */
    (void)pthread_attr_setstacksize(&attributes, SLOT_STACK_BYTES); /* a legal size */
    enum ftl_code code = FTL_OK;
    for (size_t i = 0; i < config->queues_count && code == FTL_OK; i++) {
        for (int k = 0; k < config->concurrency && code == FTL_OK; k++) {
            code = start_slot(worker, &worker->queues[i], &attributes, err);
        }
    }
    (void)pthread_attr_destroy(&attributes);
    return code;
}

static void wait_for_stop(const struct worker *worker)
{
    const struct ftl_worker_config *config = worker->config;
    while (ftl_cancel_state(config->stop) == FTL_CANCEL_NONE) {
        struct pollfd fds[2] = {{.fd = ftl_cancel_fd(config->stop), .events = POLLIN},
                                {.fd = config->stop_fd, .events = POLLIN}};
        (void)poll(fds, 2, ftl_cancel_timeout_ms(config->stop)); /* what it was is seen below */
        if (fds[1].revents != 0) {
            ftl_cancel_set(config->stop, FTL_CANCEL_SHUTDOWN);
        }
    }
}

/* False when slots are still busy at that time. */
static bool wait_for_slots(struct worker *worker, int64_t until_ms)
{
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    (void)pthread_mutex_lock(&worker->lock);
    int number = 0;
    while (worker->running > 0 && number != ETIMEDOUT) {
        number = pthread_cond_timedwait(&worker->ended, &worker->lock, &until);
    }
    bool has_ended = worker->running == 0;
    (void)pthread_mutex_unlock(&worker->lock);
    return has_ended;
}

static void stop(struct worker *worker, int64_t grace_ms)
{
    ftl_cancel_set(worker->config->stop, FTL_CANCEL_SHUTDOWN);
    if (worker->threads_started > 0 && !wait_for_slots(worker, ftl_mono_ms() + grace_ms)) {
        FTL_LOG(worker->config->log, WARN, "the grace time is over, jobs are handed back");
        ftl_cancel_set(worker->abort, FTL_CANCEL_SHUTDOWN);
    }
    for (size_t i = 0; i < worker->threads_started; i++) {
        (void)pthread_join(worker->threads[i].thread, NULL); /* it exists and is ours alone */
    }
}

static void clean_up(struct worker *worker)
{
    for (size_t i = 0; i < worker->queues_opened; i++) {
        ftl_leases_stop(worker->queues[i].leases);
        ftl_queue_hub_close(worker->queues[i].queue.hub);
    }
    ftl_permits_free(worker->permits);
    ftl_recent_free(worker->recent);
    ftl_cancel_free(worker->abort);
    ftl_free(worker->queues);
    ftl_free(worker->threads);
    (void)pthread_cond_destroy(&worker->ended);
    (void)pthread_mutex_destroy(&worker->lock);
}

static void log_start(const struct ftl_worker_config *config)
{
    for (size_t i = 0; i < config->queues_count; i++) {
        FTL_LOG(config->log, INFO, "taking jobs", FTL_LOG_TEXT("queue", config->queues[i]),
                FTL_LOG_INT("concurrency", config->concurrency), FTL_LOG_INT("cpus", config->cores),
                FTL_LOG_INT("memory_mb", config->memory_bytes / 1000000),
                FTL_LOG_TEXT("version", FTL_VERSION));
    }
}

enum ftl_code ftl_worker_run(const struct ftl_worker_config *config, struct ftl_err *err)
{
    if (check_config(config, err) != FTL_OK) {
        return err->code;
    }
    struct worker worker = {.config = config};
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&worker.lock, NULL); /* default attributes cannot fail on Linux */
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* a legal clock */
    (void)pthread_cond_init(&worker.ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    enum ftl_code code = allocate(&worker, err);
    if (code == FTL_OK) {
        code = start(&worker, err);
    }
    if (code == FTL_OK) {
        log_start(config);
        wait_for_stop(&worker);
        FTL_LOG(config->log, INFO, "stopping, no further jobs are taken");
    }
    stop(&worker, code == FTL_OK ? config->grace_ms : 0);
    clean_up(&worker);
    if (code == FTL_OK) {
        FTL_LOG(config->log, INFO, "stopped");
    }
    return code;
}
