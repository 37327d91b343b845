/* The kind "verify": decodes finished files, several at once, and holds each to what was planned.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "exec/tasks.h"
#include "job/expect.h"
#include "job/report.h"
#include "media/pipeline.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, MOST_THREADS = 4, WAKE_MS = 500 };

struct item {
    const struct ftl_expect *expect;
    int fd;
    struct ftl_output_result found;
    struct ftl_err err; /* code OK = it is what it should be */
};

struct verify {
    const struct ftl_limits *limits;
    struct item *items;
    size_t count;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t ended; /* a worker is through */
    size_t next;          /* item to take */
    size_t workers;       /* still at work */
};

static void verify_item(const struct verify *verify, struct item *item)
{
    const struct ftl_expect *expect = item->expect;
    item->found.index = expect->output;
    if (ftl_media_verify(item->fd, expect->name, expect->has_loudness_target, verify->limits,
                         &item->found, &item->err) != FTL_OK)
    {
        /* The file is ours: that it does not decode is no fault of the job's input. */
        if (item->err.code == FTL_INPUT || item->err.code == FTL_TRUNCATED) {
            item->err.code = FTL_VERIFY;
        }
        (void)ftl_wrap(&item->err, "verify");
        return;
    }
    item->found.index = expect->output;
    if (ftl_expect_check(expect, &item->found, &item->err) == FTL_OK) {
        item->err.code = FTL_OK;
        ftl_expect_adopt(expect, &item->found);
    }
}

static void *worker(void *opaque)
{
    struct verify *verify = opaque;
    (void)pthread_mutex_lock(&verify->lock);
    while (verify->next < verify->count) {
        struct item *item = &verify->items[verify->next++];
        (void)pthread_mutex_unlock(&verify->lock);
        verify_item(verify, item);
        (void)pthread_mutex_lock(&verify->lock);
    }
    verify->workers--;
    (void)pthread_cond_signal(&verify->ended);
    (void)pthread_mutex_unlock(&verify->lock);
    return NULL;
}

/* Waits for the workers, which have no say in the channel. */
static void wait_workers(struct verify *verify, struct ftl_session *session)
{
    struct ftl_err err = {.code = FTL_OK};
    (void)pthread_mutex_lock(&verify->lock);
    while (verify->workers > 0) {
        struct timespec until = {0};
        (void)clock_gettime(CLOCK_REALTIME, &until); /* what pthread_cond_timedwait counts by */
        until.tv_nsec += WAKE_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        int number = pthread_cond_timedwait(&verify->ended, &verify->lock, &until);
        if (number == ETIMEDOUT && ftl_session_check(session, &err) != FTL_OK) {
            _exit(1); /* nobody is left to answer, and the workers cannot be stopped */
        }
    }
    (void)pthread_mutex_unlock(&verify->lock);
}

static size_t worker_count(size_t items)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    int cores = sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask) : 1;
    size_t most = cores < MOST_THREADS ? (size_t)cores : MOST_THREADS;
    return items < most ? items : most;
}

static enum ftl_code verify_all(struct verify *verify, struct ftl_session *session,
                                struct ftl_err *err)
{
    (void)pthread_mutex_init(&verify->lock, NULL); /* default attributes cannot fail on Linux */
    (void)pthread_cond_init(&verify->ended, NULL);
    size_t wanted = worker_count(verify->count);
    int number = 0;
    for (size_t i = 0; i < wanted && number == 0; i++) {
        pthread_t thread;
        (void)pthread_mutex_lock(&verify->lock);
        verify->workers++;
        (void)pthread_mutex_unlock(&verify->lock);
        number = pthread_create(&thread, NULL, worker, verify);
        if (number == 0) {
            (void)pthread_detach(thread); /* waited for by `workers` */
            continue;
        }
        (void)pthread_mutex_lock(&verify->lock);
        verify->workers--;
        bool is_alone = verify->workers == 0 && i == 0;
        (void)pthread_mutex_unlock(&verify->lock);
        if (is_alone) {
            return ftl_fail_errno(err, FTL_NOMEM, number, "start a thread");
        }
    }
    wait_workers(verify, session);
    return FTL_OK;
}

static enum ftl_code make_items(const struct ftl_session_task *task, struct ftl_arena *arena,
                                struct verify *ret, struct ftl_err *err)
{
    struct ftl_array expects = {.items = NULL};
    if (ftl_expect_parse(ftl_json_get(task->body, "expect"), arena, &expects, err) != FTL_OK) {
        return err->code;
    }
    if (expects.count == 0 || expects.count != (size_t)task->fds_count) {
        return ftl_fail(err, FTL_INTERNAL, "verify: %d files for %zu expectations", task->fds_count,
                        expects.count);
    }
    ret->items = ftl_arena_alloc(arena, expects.count, sizeof(*ret->items));
    if (ret->items == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    ret->count = expects.count;
    const struct ftl_expect *list = expects.items;
    for (size_t i = 0; i < expects.count; i++) {
        ret->items[i] = (struct item){.expect = &list[i], .fd = task->fds[i]};
        if (task->fds[i] < 0) {
            return ftl_fail(err, FTL_INTERNAL, "verify: no file for expectation %zu", i);
        }
    }
    return FTL_OK;
}

enum ftl_code ftl_task_verify(struct ftl_session *session, const struct ftl_session_task *task,
                              cJSON **ret, struct ftl_err *err)
{
    struct ftl_limits limits = {0};
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_BYTES);
    if (arena == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    struct verify verify = {.limits = &limits};
    if (ftl_tasks_limits(task->body, &limits, err) != FTL_OK ||
        make_items(task, arena, &verify, err) != FTL_OK ||
        verify_all(&verify, session, err) != FTL_OK)
    {
        return err->code;
    }
    cJSON *outputs = ftl_json_array();
    for (size_t i = 0; i < verify.count; i++) {
        const struct item *item = &verify.items[i];
        if (item->err.code != FTL_OK) {
            *err = item->err;
            cJSON_Delete(outputs);
            return err->code;
        }
        ftl_json_append(outputs, ftl_output_result_json(&item->found, item->expect->name));
    }
    *ret = ftl_json_object();
    ftl_json_add(*ret, "outputs", outputs);
    return FTL_OK;
}
