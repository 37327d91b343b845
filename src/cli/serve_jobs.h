/* What `fettle worker` and `fettle up` share. */
#ifndef FETTLE_CLI_SERVE_JOBS_H
#define FETTLE_CLI_SERVE_JOBS_H

#include "cli/cli.h"
#include "queue/queue.h"

#define FTL_DEFAULT_REDIS "redis://127.0.0.1:6379"
#define FTL_DEFAULT_QUEUE "fettle"

/* The settings that both take as flags. */
#define FTL_WORKER_SETTINGS                                                                        \
    "prefix", "queue", "concurrency", "worker_name", "lock_duration", "stalled_interval",          \
        "max_stalled", "grace", "job_deadline", "job_memory", "memory", "cpus", "allow_hosts",     \
        "roots", "max_source", "temp_dir", "executor", "require_sandbox"

/* Before any other thread and before ftl_serve_jobs: SIGINT and SIGTERM cancel *ret, which lives to
 * the end of the process. */
enum ftl_code ftl_serve_prepare(struct ftl_cancel **ret, struct ftl_err *err) FTL_CHECK;

/* Runs a worker with cli->settings until `stop`, or until `stop_fd` (-1 = none) is readable.
 * `started`, if not NULL, is called once before jobs are taken. Returns the exit status. */
int ftl_serve_jobs(struct ftl_cli *cli, const char *redis, struct ftl_cancel *stop, int stop_fd,
                   void (*started)(const struct ftl_cli *cli));

/* The queue settings name, or the default. */
const char *ftl_serve_queue(const struct ftl_settings *settings);

#endif
