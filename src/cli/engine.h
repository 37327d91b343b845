/* What a command that runs jobs sets up: executor, transfer, runner; and the signals that cancel
 * it. */
#ifndef FETTLE_CLI_ENGINE_H
#define FETTLE_CLI_ENGINE_H

#include "cli/cli.h"
#include "worker/runner.h"

struct ftl_engine {
    struct ftl_exec *exec;
    struct ftl_url_policy policy;
    struct ftl_runner runner; /* complete but for permits */
};

/* Main thread only, before others start. `is_open`: a person's own command, which may read any file
 * and reach any address; otherwise settings' roots and allow_hosts hold. On failure nothing is left
 * running. */
enum ftl_code ftl_engine_start(const struct ftl_cli *cli, bool is_open, struct ftl_engine *ret,
                               struct ftl_err *err) FTL_CHECK;
void ftl_engine_stop(struct ftl_engine *engine);

/* SIGINT and SIGTERM set `cancel` (USER) once; the second one ends the process at once. The
 * descriptor and handler live until the process ends. */
enum ftl_code ftl_engine_cancel_on_signal(struct ftl_cancel *cancel, struct ftl_err *err) FTL_CHECK;

/* The signal that came, or 0. */
int ftl_engine_signal(void);

#endif
