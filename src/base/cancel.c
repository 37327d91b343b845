#include "base/cancel.h"

#include <limits.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct ftl_cancel {
    struct ftl_cancel *parent;
    int64_t deadline_ms; /* 0 = none */
    int event_fd;
    pthread_mutex_t lock; /* guards all below; a parent's lock is taken before its child's */
    enum ftl_cancel_reason reason;
    struct ftl_cancel *children, *sibling;
};

struct ftl_cancel *ftl_cancel_new(struct ftl_cancel *parent, int64_t deadline_ms)
{
    struct ftl_cancel *cancel = ftl_calloc(1, sizeof(*cancel));
    if (cancel == NULL) {
        return NULL;
    }
    cancel->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel->event_fd < 0) {
        ftl_free(cancel);
        return NULL;
    }
    cancel->parent = parent;
    cancel->deadline_ms = deadline_ms;
    (void)pthread_mutex_init(&cancel->lock, NULL); /* default attributes cannot fail on Linux */
    if (parent != NULL) {
        (void)pthread_mutex_lock(&parent->lock);
        cancel->sibling = parent->children;
        parent->children = cancel;
        enum ftl_cancel_reason reason = parent->reason;
        (void)pthread_mutex_unlock(&parent->lock);
        if (reason != FTL_CANCEL_NONE) {
            ftl_cancel_set(cancel, reason);
        }
    }
    return cancel;
}

void ftl_cancel_free(struct ftl_cancel *cancel)
{
    if (cancel == NULL) {
        return;
    }
    if (cancel->parent != NULL) {
        struct ftl_cancel *parent = cancel->parent;
        (void)pthread_mutex_lock(&parent->lock);
        struct ftl_cancel **link = &parent->children;
        while (*link != NULL && *link != cancel) {
            link = &(*link)->sibling;
        }
        if (*link == cancel) {
            *link = cancel->sibling;
        }
        (void)pthread_mutex_unlock(&parent->lock);
    }
    (void)close(cancel->event_fd);
    (void)pthread_mutex_destroy(&cancel->lock);
    ftl_free(cancel);
}

void ftl_cancel_set(struct ftl_cancel *cancel, enum ftl_cancel_reason reason)
{
    (void)pthread_mutex_lock(&cancel->lock);
    if (cancel->reason == FTL_CANCEL_NONE) {
        cancel->reason = reason;
        (void)eventfd_write(cancel->event_fd, 1); /* the counter cannot overflow: written once */
        for (struct ftl_cancel *child = cancel->children; child != NULL; child = child->sibling) {
            ftl_cancel_set(child, reason); /* depth is the nesting of our own code */
        }
    }
    (void)pthread_mutex_unlock(&cancel->lock);
}

enum ftl_cancel_reason ftl_cancel_state(struct ftl_cancel *cancel)
{
    if (cancel == NULL) {
        return FTL_CANCEL_NONE;
    }
    (void)pthread_mutex_lock(&cancel->lock);
    enum ftl_cancel_reason reason = cancel->reason;
    (void)pthread_mutex_unlock(&cancel->lock);
    if (reason == FTL_CANCEL_NONE && ftl_cancel_timeout_ms(cancel) == 0) {
        ftl_cancel_set(cancel, FTL_CANCEL_DEADLINE);
        reason = FTL_CANCEL_DEADLINE;
    }
    return reason;
}

enum ftl_code ftl_cancel_check(struct ftl_cancel *cancel, struct ftl_err *err)
{
    switch (ftl_cancel_state(cancel)) {
    case FTL_CANCEL_NONE:
        return FTL_OK;
    case FTL_CANCEL_USER:
        return ftl_fail(err, FTL_CANCELLED, "cancelled");
    case FTL_CANCEL_LEASE_LOST:
        return ftl_fail(err, FTL_QUEUE, "the lease was lost; another worker may own the job");
    case FTL_CANCEL_SHUTDOWN:
        (void)ftl_fail(err, FTL_CANCELLED, "the worker is shutting down");
        err->retry = FTL_RETRY_ELSEWHERE;
        return err->code;
    case FTL_CANCEL_DEADLINE:
        return ftl_fail(err, FTL_TIMEOUT, "the deadline passed");
    }
    return ftl_fail(err, FTL_INTERNAL, "unknown cancel reason");
}

int ftl_cancel_fd(const struct ftl_cancel *cancel)
{
    return cancel != NULL ? cancel->event_fd : -1;
}

int ftl_cancel_timeout_ms(const struct ftl_cancel *cancel)
{
    int64_t nearest = 0;
    for (; cancel != NULL; cancel = cancel->parent) {
        if (cancel->deadline_ms != 0 && (nearest == 0 || cancel->deadline_ms < nearest)) {
            nearest = cancel->deadline_ms;
        }
    }
    if (nearest == 0) {
        return -1;
    }
    int64_t left = nearest - ftl_mono_ms();
    if (left < 0) {
        return 0;
    }
    return left > INT_MAX ? INT_MAX : (int)left;
}
