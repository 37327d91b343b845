#include "worker/recent.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

enum { ENTRIES = 64 };

struct entry {
    char queue[128], job[256]; /* cut names only make two jobs look alike */
    int64_t until_ms;          /* 0 = unused */
};

struct ftl_recent {
    pthread_mutex_t lock; /* guards all below */
    struct entry entries[ENTRIES];
};

struct ftl_recent *ftl_recent_new(void)
{
    struct ftl_recent *recent = ftl_calloc(1, sizeof(*recent));
    if (recent != NULL) {
        (void)pthread_mutex_init(&recent->lock, NULL); /* cannot fail with default attributes */
    }
    return recent;
}

void ftl_recent_free(struct ftl_recent *recent)
{
    if (recent != NULL) {
        (void)pthread_mutex_destroy(&recent->lock);
        ftl_free(recent);
    }
}

static void make_entry(const char *queue, const char *job, int64_t until_ms, struct entry *ret)
{
    *ret = (struct entry){.until_ms = until_ms};
    (void)ftl_copy_text(ret->queue, sizeof(ret->queue), queue);
    (void)ftl_copy_text(ret->job, sizeof(ret->job), job);
}

static bool is_same(const struct entry *a, const struct entry *b)
{
    return strcmp(a->job, b->job) == 0 && strcmp(a->queue, b->queue) == 0;
}

void ftl_recent_add(struct ftl_recent *recent, const char *queue, const char *job, int64_t until_ms)
{
    struct entry entry;
    make_entry(queue, job, until_ms, &entry);
    (void)pthread_mutex_lock(&recent->lock);
    struct entry *to = &recent->entries[0];
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *one = &recent->entries[i];
        if (is_same(one, &entry)) {
            to = one;
            break;
        }
        to = one->until_ms < to->until_ms ? one : to;
    }
    *to = entry;
    (void)pthread_mutex_unlock(&recent->lock);
}

int64_t ftl_recent_left_ms(struct ftl_recent *recent, const char *queue, const char *job,
                           int64_t now_ms)
{
    struct entry entry;
    make_entry(queue, job, 0, &entry);
    int64_t left = 0;
    (void)pthread_mutex_lock(&recent->lock);
    for (size_t i = 0; i < ENTRIES; i++) {
        if (is_same(&recent->entries[i], &entry)) {
            left = recent->entries[i].until_ms - now_ms;
        }
    }
    (void)pthread_mutex_unlock(&recent->lock);
    return left > 0 ? left : 0;
}
