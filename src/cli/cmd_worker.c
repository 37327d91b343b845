/* fettle worker: takes jobs from queues in an existing Redis. */
#include <unistd.h>

#include "cli/cli.h"
#include "cli/serve_jobs.h"

static const char *const settings[] = {"redis", FTL_WORKER_SETTINGS, NULL};

/* Warnings only: a directory may be mounted later. */
static void warn_about_roots(const struct ftl_cli *cli)
{
    const char *const *roots = cli->settings->roots.items;
    if (cli->settings->roots.count == 0) {
        FTL_LOG(&cli->log, WARN, "no --roots given: jobs can neither read nor deliver local files");
    }
    for (size_t i = 0; i < cli->settings->roots.count; i++) {
        if (access(roots[i], X_OK) != 0) {
            FTL_LOG(&cli->log, WARN, "a directory of --roots is missing or closed to this worker",
                    FTL_LOG_TEXT("directory", roots[i]));
        }
    }
}

static int run(struct ftl_cli *cli)
{
    if (cli->operands_count > 0) {
        return ftl_cli_usage(cli, "%s is not expected here; queues are given by --queue",
                             cli->operands[0]);
    }
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_cancel *stop = NULL;
    if (ftl_serve_prepare(&stop, &err) != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    const char *redis = cli->settings->redis != NULL ? cli->settings->redis : FTL_DEFAULT_REDIS;
    warn_about_roots(cli);
    return ftl_serve_jobs(cli, redis, stop, -1, NULL);
}

const struct ftl_command ftl_cmd_worker = {
    .name = "worker",
    .synopsis = "[--redis URL] [--queue NAME]… [--roots DIR]… [OPTION]…",
    .summary = "take jobs from BullMQ queues",
    .details =
        "Any BullMQ producer queues jobs for it: the job's data is the job document. Several\n"
        "queues each get --concurrency jobs at once; all share --cpus and --memory.\n"
        "Without --redis (or REDIS_URL) it is " FTL_DEFAULT_REDIS ", without --queue (or\n"
        "FETTLE_QUEUE) the queue \"" FTL_DEFAULT_QUEUE "\".\n\n"
        "SIGTERM or Ctrl-C: no further job is taken, those in progress get --grace to end, the\n"
        "rest is handed back to the queue. A second signal ends the worker at once; its jobs\n"
        "are then recovered as stalled. Logs are JSON lines on standard error.",
    .settings = settings,
    .run = run,
};
