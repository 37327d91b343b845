/* fettle up: a private Redis, unless one is configured, and a worker. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/serve_jobs.h"
#include "queue/embedded.h"

static const char *const settings_flags[] = {"redis", "state_dir", FTL_WORKER_SETTINGS, NULL};

static void tell_how(const struct ftl_cli *cli)
{
    const struct ftl_settings *settings = cli->settings;
    const char *queue = ftl_serve_queue(settings);
    const char *const *roots = settings->roots.items;
    if (!cli->log.is_text) { /* a log that a program reads stays JSON lines */
        FTL_LOG(&cli->log, INFO, "fettle is up", FTL_LOG_TEXT("queue", queue),
                FTL_LOG_TEXT("roots", roots[0]));
        return;
    }
    (void)fprintf(stderr,
                  "fettle is up: queue \"%s\", jobs may read and deliver below %s%s\n"
                  "  add a job      fettle queue add JOB.json --wait\n"
                  "  look           fettle queue stats\n"
                  "  stop           Ctrl-C\n",
                  queue, roots[0], settings->roots.count > 1 ? " and others" : "");
}

/* For a try-out the working directory is open; a service says what is. */
static enum ftl_code open_working_directory(struct ftl_settings *settings, struct ftl_arena *arena,
                                            struct ftl_err *err)
{
    char path[4096];
    if (settings->roots.count > 0) {
        return FTL_OK;
    }
    if (getcwd(path, sizeof(path)) == NULL) {
        return ftl_fail(err, FTL_SPEC, "the working directory is gone: give --roots");
    }
    return ftl_settings_append(&settings->roots, path, arena, err);
}

static int run(struct ftl_cli *cli)
{
    if (cli->operands_count > 0) {
        return ftl_cli_usage(cli, "%s is not expected here", cli->operands[0]);
    }
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_cancel *stop = NULL;
    struct ftl_settings settings = *cli->settings;
    cli->settings = &settings;
    cli->log.is_text = isatty(STDERR_FILENO) != 0;
    if (ftl_serve_prepare(&stop, &err) != FTL_OK ||
        open_working_directory(&settings, cli->arena, &err) != FTL_OK)
    {
        return ftl_cli_fail(&err);
    }
    if (settings.redis != NULL) {
        return ftl_serve_jobs(cli, settings.redis, stop, -1, tell_how);
    }
    struct ftl_embedded_redis *server = NULL;
    if (ftl_embedded_start(settings.state_dir, &cli->log, &server, &err) != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    int status =
        ftl_serve_jobs(cli, ftl_embedded_url(server), stop, ftl_embedded_fd(server), tell_how);
    ftl_embedded_stop(server);
    if (status == 0) { /* no signal: the server ended by itself */
        (void)ftl_fail(&err, FTL_QUEUE, "the private redis-server ended; see %s",
                       settings.state_dir);
        return ftl_cli_fail(&err);
    }
    return status;
}

const struct ftl_command ftl_cmd_up = {
    .name = "up",
    .synopsis = "[--queue NAME] [--roots DIR]… [OPTION]…",
    .summary = "a private Redis and a worker, in one command",
    .details =
        "Starts a redis-server of its own below --state-dir (unix socket, append-only file:\n"
        "jobs survive a restart) and a worker on it. With --redis or REDIS_URL that Redis is\n"
        "used instead. Jobs may read and deliver below the working directory unless --roots\n"
        "says otherwise. Ctrl-C ends all of it.",
    .settings = settings_flags,
    .run = run,
};
