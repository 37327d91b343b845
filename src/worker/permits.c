#include "worker/permits.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

/* Lives on the stack of whoever waits. */
struct waiter {
    struct waiter *next;
    int event_fd;
    int weight;
    int64_t memory_bytes;
    bool is_granted;
};

struct ftl_permits {
    int cores;
    int64_t memory_bytes; /* 0 = not counted */
    pthread_mutex_t lock; /* guards all below */
    int free_cores;
    int64_t free_bytes;
    struct waiter *first, **end; /* for a permit, in order of arrival */
    struct waiter *idlers;       /* for nobody to wait for a permit */
    struct ftl_permits_watch *watches;
};

struct ftl_permits *ftl_permits_new(int cores, int64_t memory_bytes)
{
    struct ftl_permits *permits = ftl_calloc(1, sizeof(*permits));
    if (permits == NULL) {
        return NULL;
    }
    permits->cores = cores > 0 ? cores : 1;
    permits->free_cores = permits->cores;
    permits->memory_bytes = memory_bytes;
    permits->free_bytes = memory_bytes;
    permits->end = &permits->first;
    (void)pthread_mutex_init(&permits->lock, NULL); /* default attributes cannot fail on Linux */
    return permits;
}

void ftl_permits_free(struct ftl_permits *permits)
{
    if (permits == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&permits->lock);
    ftl_free(permits);
}

static int clamp_weight(const struct ftl_permits *permits, int weight)
{
    if (weight < 1) {
        return 1;
    }
    return weight < permits->cores ? weight : permits->cores;
}

static int64_t count_memory(const struct ftl_permits *permits, int64_t bytes)
{
    return permits->memory_bytes > 0 && bytes > 0 ? bytes : 0;
}

/* Wakes those it is the turn of. Called with the lock held. */
static void serve(struct ftl_permits *permits)
{
    while (permits->first != NULL && permits->first->weight <= permits->free_cores &&
           permits->first->memory_bytes <= permits->free_bytes)
    {
        struct waiter *waiter = permits->first;
        permits->free_cores -= waiter->weight;
        permits->free_bytes -= waiter->memory_bytes;
        permits->first = waiter->next;
        waiter->is_granted = true;
        (void)eventfd_write(waiter->event_fd, 1); /* written once */
    }
    if (permits->first == NULL) {
        permits->end = &permits->first;
        for (struct waiter *idler = permits->idlers; idler != NULL; idler = idler->next) {
            (void)eventfd_write(idler->event_fd, 1); /* full only when already awake */
        }
    }
}

static void unlink_waiter(struct waiter **list, const struct waiter *waiter)
{
    while (*list != NULL && *list != waiter) {
        list = &(*list)->next;
    }
    if (*list != NULL) {
        *list = waiter->next;
    }
}

/* Called with the lock held. */
static void leave(struct ftl_permits *permits, const struct waiter *waiter)
{
    unlink_waiter(&permits->first, waiter);
    permits->end = &permits->first;
    while (*permits->end != NULL) {
        permits->end = &(*permits->end)->next;
    }
    serve(permits); /* it may have stood in the way of those behind it */
}

/* Returns when the waiter was woken (true) or the token is cancelled. */
static bool sleep_on(const struct waiter *waiter, struct ftl_cancel *cancel)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = waiter->event_fd, .events = POLLIN},
                                {.fd = ftl_cancel_fd(cancel), .events = POLLIN}};
        eventfd_t count = 0;
        if (eventfd_read(waiter->event_fd, &count) == 0) {
            return true;
        }
        if (ftl_cancel_state(cancel) != FTL_CANCEL_NONE) {
            return false;
        }
        (void)poll(fds, 2, ftl_cancel_timeout_ms(cancel)); /* what it was is seen above */
    }
}

static void interrupt_watched(const struct ftl_permits *permits)
{
    for (struct ftl_permits_watch *one = permits->watches; one != NULL; one = one->next) {
        ftl_cancel_set(one->fetching, FTL_CANCEL_SHUTDOWN);
    }
}

static enum ftl_code check_memory(const struct ftl_permits *permits, int64_t memory_bytes,
                                  struct ftl_err *err)
{
    if (memory_bytes <= permits->memory_bytes || permits->memory_bytes == 0) {
        return FTL_OK;
    }
    (void)ftl_fail(err, FTL_NOMEM, "the job needs about %lld MB, this worker may use %lld MB",
                   (long long)(memory_bytes / 1000000),
                   (long long)(permits->memory_bytes / 1000000));
    err->retry = FTL_RETRY_ELSEWHERE;
    return err->code;
}

enum ftl_code ftl_permits_acquire(struct ftl_permits *permits, int cpu_weight, int64_t memory_bytes,
                                  struct ftl_cancel *cancel, struct ftl_err *err)
{
    if (check_memory(permits, memory_bytes, err) != FTL_OK) {
        return err->code;
    }
    FTL_AUTO_FD int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        return ftl_fail(err, FTL_NOMEM, "no descriptor to wait for a CPU permit with");
    }
    struct waiter waiter = {.event_fd = event_fd,
                            .weight = clamp_weight(permits, cpu_weight),
                            .memory_bytes = count_memory(permits, memory_bytes)};
    (void)pthread_mutex_lock(&permits->lock);
    *permits->end = &waiter;
    permits->end = &waiter.next;
    serve(permits);
    if (!waiter.is_granted) {
        interrupt_watched(permits);
    }
    (void)pthread_mutex_unlock(&permits->lock);
    if (sleep_on(&waiter, cancel)) {
        return FTL_OK;
    }
    (void)pthread_mutex_lock(&permits->lock);
    bool is_granted = waiter.is_granted; /* both at once: the permit goes back */
    if (!is_granted) {
        leave(permits, &waiter);
    }
    (void)pthread_mutex_unlock(&permits->lock);
    if (is_granted) {
        ftl_permits_release(permits, cpu_weight, memory_bytes);
    }
    return ftl_cancel_check(cancel, err);
}

void ftl_permits_release(struct ftl_permits *permits, int cpu_weight, int64_t memory_bytes)
{
    (void)pthread_mutex_lock(&permits->lock);
    permits->free_cores += clamp_weight(permits, cpu_weight);
    permits->free_bytes += count_memory(permits, memory_bytes);
    serve(permits);
    (void)pthread_mutex_unlock(&permits->lock);
}

bool ftl_permits_wait_free(struct ftl_permits *permits, struct ftl_cancel *cancel)
{
    (void)pthread_mutex_lock(&permits->lock);
    bool is_free = permits->first == NULL;
    (void)pthread_mutex_unlock(&permits->lock);
    if (is_free) {
        return ftl_cancel_state(cancel) == FTL_CANCEL_NONE;
    }
    FTL_AUTO_FD int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        return ftl_cancel_state(cancel) == FTL_CANCEL_NONE; /* a job too many is no harm */
    }
    struct waiter idler = {.event_fd = event_fd};
    (void)pthread_mutex_lock(&permits->lock);
    is_free = permits->first == NULL;
    idler.next = permits->idlers;
    permits->idlers = &idler;
    (void)pthread_mutex_unlock(&permits->lock);
    bool was_woken = is_free || sleep_on(&idler, cancel);
    (void)pthread_mutex_lock(&permits->lock);
    unlink_waiter(&permits->idlers, &idler);
    (void)pthread_mutex_unlock(&permits->lock);
    return was_woken && ftl_cancel_state(cancel) == FTL_CANCEL_NONE;
}

void ftl_permits_watch(struct ftl_permits *permits, struct ftl_permits_watch *watch)
{
    (void)pthread_mutex_lock(&permits->lock);
    watch->next = permits->watches;
    permits->watches = watch;
    if (permits->first != NULL) {
        ftl_cancel_set(watch->fetching, FTL_CANCEL_SHUTDOWN);
    }
    (void)pthread_mutex_unlock(&permits->lock);
}

void ftl_permits_unwatch(struct ftl_permits *permits, struct ftl_permits_watch *watch)
{
    (void)pthread_mutex_lock(&permits->lock);
    struct ftl_permits_watch **link = &permits->watches;
    while (*link != NULL && *link != watch) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = watch->next;
    }
    (void)pthread_mutex_unlock(&permits->lock);
}
