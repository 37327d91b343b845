/* One job from validated spec to report: fetch inputs, plan, run, verify in a second child,
 * deliver. The CLI and the worker's slots both go through here; nothing else starts an executor for
 * a job.
 *
 * Nothing is visible at the destination before every output of the job is verified.
 */
#ifndef FETTLE_WORKER_RUNNER_H
#define FETTLE_WORKER_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/cancel.h"
#include "base/json.h"
#include "base/log.h"
#include "execc/exec.h"
#include "job/spec.h"
#include "transfer/fetch.h"
#include "transfer/store.h"

/* What a process sets up once; read-only afterwards, shared by all threads. */
struct ftl_runner {
    struct ftl_exec *exec;
    struct ftl_fetch_config fetch;
    const char *const *store_roots; /* as ftl_store_config.roots */
    const char *temp_dir;           /* unlinked temporaries */
    int64_t deadline_ms;            /* of a whole job, waiting for permits too; 0 = none */
    struct ftl_exec_limits limits;
    int cores; /* usable cores; bounds a plan's CPU weight */
    /* Waits for CPU permit and memory before the run starts, and gives them back after it; NULL =
     * never wait. */
    void *permits;
    enum ftl_code (*acquire)(void *permits, int cpu_weight, int64_t memory_bytes,
                             struct ftl_cancel *cancel, struct ftl_err *err);
    void (*release)(void *permits, int cpu_weight, int64_t memory_bytes);
};

enum ftl_runner_phase {
    FTL_RUNNER_FETCH,
    FTL_RUNNER_PLAN,
    FTL_RUNNER_WAIT, /* for a permit */
    FTL_RUNNER_RUN,
    FTL_RUNNER_VERIFY,
    FTL_RUNNER_UPLOAD,
    FTL_RUNNER_PHASES,
};

const char *ftl_runner_phase_name(enum ftl_runner_phase phase); /* "fetch", "plan", … */

struct ftl_runner_progress {
    enum ftl_runner_phase phase;
    double fraction; /* of the whole job, monotonic, 1.0 only after delivery */
    int64_t frames;  /* encoded so far, in the run phase */
    double speed;    /* seconds of clip per second, in the run phase; 0 = unknown */
};

struct ftl_runner_task {
    const struct ftl_job *job;
    const char *job_id;    /* for {job_id}; "local" on the command line */
    const char *upload_to; /* replaces the job's; NULL = the job's */
    bool overwrite;
    bool is_dry_run;           /* stop after the plan */
    double wait_s;             /* seconds the job waited in the queue, for the report */
    struct ftl_cancel *cancel; /* may be NULL */
    const struct ftl_log *log;
    void *opaque;
    void (*progress)(void *opaque,
                     const struct ftl_runner_progress *progress); /* may be NULL; any thread */
};

struct ftl_runner_outcome {
    cJSON *report; /* the report, or the plan for a dry run; NULL on failure. Owned by the caller */
    enum ftl_runner_phase phase; /* where it ended */
    char log_tail[8192];         /* of the executor, for a crash's stack trace; "" = none */
};

/* Blocking. On failure nothing was published and *ret->report is NULL; the error carries the code,
 * retry class and JSON pointer of whoever raised it, with secrets stripped. */
enum ftl_code ftl_runner_run(const struct ftl_runner *runner, const struct ftl_runner_task *task,
                             struct ftl_runner_outcome *ret, struct ftl_err *err) FTL_CHECK;

#endif
