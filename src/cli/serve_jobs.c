#include "cli/serve_jobs.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/str.h"
#include "cli/engine.h"
#include "worker/supervisor.h"

enum { INTERRUPTED = 128 };

const char *ftl_serve_queue(const struct ftl_settings *settings)
{
    const char *const *names = settings->queue.items;
    return settings->queue.count > 0 ? names[0] : FTL_DEFAULT_QUEUE;
}

enum ftl_code ftl_serve_prepare(struct ftl_cancel **ret, struct ftl_err *err)
{
    (void)mallopt(M_ARENA_MAX, 2); /* an arena per thread would cost an idle worker megabytes */
    struct ftl_cancel *stop = ftl_cancel_new(NULL, 0);
    if (stop == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    if (ftl_engine_cancel_on_signal(stop, err) != FTL_OK) {
        ftl_cancel_free(stop);
        return err->code;
    }
    *ret = stop;
    return FTL_OK;
}

/* "media-7-4711": BullMQ shows it as the worker's name and as processedBy. */
static void make_worker_name(char *to, size_t size)
{
    char host[65] = "";
    if (gethostname(host, sizeof(host) - 1) != 0) {
        (void)ftl_copy_text(host, sizeof(host), "fettle"); /* fits */
    }
    (void)snprintf(to, size, "%s-%d", host, (int)getpid()); /* fits */
}

static int64_t memory_permits(const struct ftl_settings *settings)
{
    return settings->memory > 0 ? settings->memory : ftl_proc_memory_bytes() / 10 * 8;
}

static int64_t to_ms(double seconds)
{
    return (int64_t)(seconds * 1000.0 + 0.5);
}

static struct ftl_worker_config make_config(const struct ftl_cli *cli,
                                            const struct ftl_engine *engine, const char *redis,
                                            const char *worker_name)
{
    static const char *const default_queues[] = {FTL_DEFAULT_QUEUE};
    const struct ftl_settings *settings = cli->settings;
    bool has_queues = settings->queue.count > 0;
    return (struct ftl_worker_config){
        .runner = &engine->runner,
        .queue = {.redis = {.url = redis},
                  .prefix = settings->prefix,
                  .worker_name = worker_name,
                  .lock_ms = to_ms(settings->lock_duration),
                  .stalled_ms = to_ms(settings->stalled_interval),
                  .max_stalled = settings->max_stalled},
        .queues = has_queues ? settings->queue.items : default_queues,
        .queues_count = has_queues ? settings->queue.count : 1,
        .concurrency = settings->concurrency > 0 ? settings->concurrency : engine->runner.cores,
        .cores = engine->runner.cores,
        .memory_bytes = memory_permits(settings),
        .grace_ms = to_ms(settings->grace),
        .log = &cli->log,
    };
}

int ftl_serve_jobs(struct ftl_cli *cli, const char *redis, struct ftl_cancel *stop, int stop_fd,
                   void (*started)(const struct ftl_cli *cli))
{
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_engine engine;
    if (ftl_url_policy_check_allow(cli->settings->allow_hosts, &err) != FTL_OK ||
        ftl_engine_start(cli, false, &engine, &err) != FTL_OK)
    {
        return ftl_cli_fail(&err);
    }
    char name[96];
    make_worker_name(name, sizeof(name));
    struct ftl_worker_config config =
        make_config(cli, &engine, redis,
                    cli->settings->worker_name != NULL ? cli->settings->worker_name : name);
    config.stop = stop;
    config.stop_fd = stop_fd;
    if (started != NULL) {
        started(cli);
    }
    enum ftl_code code = ftl_worker_run(&config, &err);
    ftl_engine_stop(&engine);
    if (code != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    int number = ftl_engine_signal();
    return number != 0 ? INTERRUPTED + number : 0;
}
