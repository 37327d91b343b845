#include "worker/slot.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "job/spec.h"
#include "transfer/retry.h"
#include "worker/fate.h"
#include "worker/handoff.h"
#include "worker/watch.h"

enum {
    JOB_ARENA_BYTES = 8 * 1024 * 1024,
    RETURN_BYTES = 900 * 1024, /* the queue takes 1 MiB */
    STACK_BYTES = 16 * 1024,
    DATA_BYTES = 1 << 20,
    REST_AFTER_ERROR_MS = 5000,
    LEAVE_ALONE_MS = 60000, /* by a worker that could not do the job */
    STEP_BACK_MS = 5000,    /* how long such a job is offered to others at a time */
};

/* One job in this slot's hands. */
struct work {
    const struct ftl_slot_shared *shared;
    struct ftl_queue *queue;
    struct ftl_queue_job *job;
    struct ftl_cancel *cancel;
    struct ftl_log log;
    struct ftl_watch watch;
    int64_t started_ms;
    char errors[FTL_OPT_MAX_ERRORS * 512]; /* of the spec, a line each; "" = none */
};

/* ---- ends ---- */

static void end_completed(struct work *work, cJSON *report)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(RETURN_BYTES);
    ftl_json_print(report, false, &text);
    if (text.is_cut) { /* thousands of files: what was delivered matters most */
        cJSON_DeleteItemFromObjectCaseSensitive(report, "plan");
        cJSON_DeleteItemFromObjectCaseSensitive(report, "warnings");
        ftl_str_clear(&text);
        ftl_json_print(report, false, &text);
    }
    struct ftl_err err = {.code = FTL_OK};
    enum ftl_code code =
        ftl_queue_complete(work->queue, work->job, text.is_cut ? "{}" : ftl_str_text(&text), &err);
    if (code != FTL_OK) {
        ftl_log_err(&work->log, FTL_LOG_ERROR, "the job is done, but the queue does not take it",
                    &err);
        return;
    }
    FTL_LOG(&work->log, INFO, "job completed",
            FTL_LOG_DOUBLE("seconds", (double)(ftl_mono_ms() - work->started_ms) / 1000.0));
    ftl_metric_add(FTL_METRIC_JOBS, ftl_code_name(FTL_OK), 1);
}

/* Below the reason in the job's stacktrace: phase, origin's number, all errors, log tail. */
static void print_stack(const struct work *work, const struct ftl_err *cause, const char *log_tail,
                        struct ftl_str *ret)
{
    ftl_str_printf(ret, "    at phase %s, retry %s", ftl_watch_phase(&work->watch),
                   ftl_retry_name(cause->retry));
    if (cause->sub != 0) {
        ftl_str_printf(ret, ", origin %d", cause->sub);
    }
    if (work->errors[0] != '\0') {
        ftl_str_printf(ret, "\n%s", work->errors);
    }
    if (log_tail[0] != '\0' && cause->code != FTL_SPEC) {
        ftl_str_printf(ret, "\nexecutor's log:\n%s", log_tail);
    }
}

static void fail(struct work *work, const struct ftl_err *cause, const char *log_tail)
{
    FTL_AUTO_STR struct ftl_str stack = FTL_STR_INIT(STACK_BYTES);
    print_stack(work, cause, log_tail, &stack);
    struct ftl_err err = {.code = FTL_OK};
    ftl_watch_log(&work->watch, cause->msg);
    if (ftl_queue_fail(work->queue, work->job, cause, ftl_str_text(&stack), &err) != FTL_OK) {
        ftl_log_err(&work->log, FTL_LOG_ERROR, "the queue does not take the job's failure", &err);
    }
    ftl_metric_add(FTL_METRIC_JOBS, ftl_code_name(cause->code), 1);
}

static void release(struct work *work, const struct ftl_err *cause, const struct ftl_fate *fate)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(DATA_BYTES);
    struct ftl_err err = {.code = FTL_OK};
    ftl_handovers_set(work->job->data, fate->handovers);
    ftl_json_print(work->job->data, false, &text);
    if (!text.is_cut &&
        ftl_queue_set_data(work->queue, work->job->id, ftl_str_text(&text), &err) != FTL_OK)
    {
        ftl_log_err(&work->log, FTL_LOG_WARN, "a hand-over is not counted", &err);
    }
    if (fate->delay_ms > 0) {
        ftl_recent_add(work->shared->recent, work->shared->queue.name, work->job->id,
                       ftl_mono_ms() + LEAVE_ALONE_MS);
    }
    ftl_watch_log(&work->watch, cause->msg);
    if (ftl_queue_release(work->queue, work->job, fate->delay_ms, &err) != FTL_OK) {
        ftl_log_err(&work->log, FTL_LOG_ERROR, "the job cannot be handed back", &err);
    }
}

/* `cause` as it was raised; what producers see is made here. */
static void end_failed(struct work *work, const struct ftl_err *cause, const char *log_tail)
{
    const struct ftl_fate fate =
        ftl_fate_of(cause, ftl_cancel_state(work->cancel), ftl_handovers_get(work->job->data));
    const struct ftl_log log =
        ftl_log_with(&work->log, FTL_LOG_TEXT("phase", ftl_watch_phase(&work->watch)));
    struct ftl_err told = *cause;
    ftl_handoff_scrub(told.msg);
    switch (fate.kind) {
    case FTL_FATE_ABANDON:
        ftl_log_err(&log, FTL_LOG_WARN, "job abandoned: its lease was lost", &told);
        return;
    case FTL_FATE_RELEASE:
        ftl_log_err(&log, FTL_LOG_WARN, "job handed back", &told);
        release(work, &told, &fate);
        return;
    case FTL_FATE_FAIL:
        break;
    }
    ftl_log_err(&log, FTL_LOG_ERROR, "job failed", &told);
    told.retry = fate.retry;
    ftl_reason_print(cause, told.msg, sizeof(told.msg));
    ftl_handoff_scrub(told.msg);
    fail(work, &told, log_tail);
}

/* ---- the job itself ---- */

static void keep_errors(struct work *work, const struct ftl_opt_errors *errors)
{
    size_t held = errors->count < FTL_OPT_MAX_ERRORS ? errors->count : FTL_OPT_MAX_ERRORS;
    size_t at = 0;
    for (size_t i = 0; i < held && at < sizeof(work->errors); i++) {
        int used = snprintf(work->errors + at, sizeof(work->errors) - at, "%s%s: %s",
                            i > 0 ? "\n" : "", errors->list[i].where, errors->list[i].msg);
        at += used > 0 ? (size_t)used : 0;
    }
    ftl_handoff_scrub(work->errors);
}

/* The data without what Fettle keeps in there. */
static enum ftl_code parse(struct work *work, struct ftl_arena *arena, const struct ftl_job **ret,
                           struct ftl_err *err)
{
    cJSON *data = work->job->data;
    if (ftl_json_get(data, "outputs") == NULL) {
        return ftl_fail(err, FTL_SPEC,
                        "the job's data has no `outputs`, so it is not a job that "
                        "this worker can run");
    }
    cJSON *own = cJSON_DetachItemFromObjectCaseSensitive(data, "fettle");
    struct ftl_opt_errors errors = {.count = 0};
    enum ftl_code code = ftl_job_parse(data, arena, ret, &errors, err);
    if (own != NULL) {
        ftl_json_add(data, "fettle", own);
    }
    if (code == FTL_SPEC && errors.count > 1) {
        keep_errors(work, &errors);
        char all[sizeof(err->msg)];
        ftl_reason_print_all(&errors, all, sizeof(all));
        (void)ftl_fail(err, FTL_SPEC, "%s", all);
    }
    if (code == FTL_OK && (*ret)->upload_to == NULL) {
        (void)ftl_fail(err, FTL_SPEC, "a queued job says where to deliver: upload.to is required");
        return ftl_err_at(err, "/upload");
    }
    return code;
}

static void observe_phases(const cJSON *report)
{
    const cJSON *phase = NULL;
    cJSON_ArrayForEach(phase, ftl_json_get(report, "seconds"))
    {
        if (cJSON_IsNumber(phase) && strcmp(phase->string, "total") != 0) {
            ftl_metric_observe(FTL_METRIC_PHASE_SECONDS, phase->string, phase->valuedouble);
        }
    }
}

static void on_progress(void *opaque, const struct ftl_runner_progress *progress)
{
    struct work *work = opaque;
    ftl_watch_progress(&work->watch, progress);
}

static enum ftl_code run(struct work *work, struct ftl_runner_outcome *outcome, struct ftl_err *err)
{
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(JOB_ARENA_BYTES);
    const struct ftl_job *job = NULL;
    if (arena == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the job");
    }
    if (parse(work, arena, &job, err) != FTL_OK) {
        return err->code;
    }
    const struct ftl_queue_job *queued = work->job;
    double waited_s = (double)(queued->processed_ms - queued->timestamp_ms) / 1000.0;
    const struct ftl_runner_task task = {
        .job = job,
        .job_id = queued->id,
        .overwrite = true,
        .wait_s = waited_s > 0 ? waited_s : 0,
        .cancel = work->cancel,
        .log = &work->log,
        .opaque = work,
        .progress = on_progress,
    };
    return ftl_runner_run(work->shared->runner, &task, outcome, err);
}

static void do_job(struct work *work)
{
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_runner_outcome outcome = {.report = NULL};
    if (work->job->deferred_failure[0] != '\0') {
        (void)ftl_fail(&err, FTL_SPEC, "%s", work->job->deferred_failure);
        ftl_log_err(&work->log, FTL_LOG_ERROR, "job failed before it ran", &err);
        ftl_lease_ending(work->shared->leases, work->job);
        fail(work, &err, "");
        return;
    }
    enum ftl_code code = run(work, &outcome, &err);
    ftl_lease_ending(work->shared->leases, work->job);
    if (code == FTL_OK) { /* the queue refuses it if the lease was lost just now */
        observe_phases(outcome.report);
        end_completed(work, outcome.report);
    } else {
        end_failed(work, &err, outcome.log_tail);
    }
    cJSON_Delete(outcome.report);
}

/* True if it was given back: the worker began to stop while it was fetched, or had trouble with it
 * a moment ago. */
static bool leave_to_others(struct work *work)
{
    bool is_stopping = ftl_cancel_state(work->shared->stop) != FTL_CANCEL_NONE;
    int64_t left_ms = ftl_recent_left_ms(work->shared->recent, work->shared->queue.name,
                                         work->job->id, ftl_mono_ms());
    if (!is_stopping && left_ms == 0) {
        return false;
    }
    struct ftl_err err = {.code = FTL_OK};
    int64_t delay_ms = left_ms < STEP_BACK_MS ? left_ms : STEP_BACK_MS;
    if (ftl_queue_release(work->queue, work->job, delay_ms, &err) != FTL_OK) {
        ftl_log_err(&work->log, FTL_LOG_ERROR, "the job cannot be handed back", &err);
    }
    return true;
}

static void handle(const struct ftl_slot_shared *shared, struct ftl_queue *queue,
                   struct ftl_queue_job *job, const struct ftl_log *slot_log)
{
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(shared->abort, 0);
    struct ftl_log job_log = ftl_log_with(slot_log, FTL_LOG_TEXT("job", job->id));
    struct work work = {.shared = shared,
                        .queue = queue,
                        .job = job,
                        .cancel = cancel,
                        .log =
                            ftl_log_with(&job_log, FTL_LOG_INT("attempt", job->attempts_started)),
                        .started_ms = ftl_mono_ms()};
    ftl_watch_init(&work.watch, queue, job->id, &work.log);
    if (leave_to_others(&work)) {
        return;
    }
    struct ftl_err err = {.code = FTL_OK};
    if (cancel == NULL) {
        (void)ftl_fail(&err, FTL_NOMEM, "out of memory for the job");
        end_failed(&work, &err, "");
        return;
    }
    if (ftl_lease_hold(shared->leases, job, cancel, &err) != FTL_OK) {
        end_failed(&work, &err, "");
        return;
    }
    FTL_LOG(&work.log, INFO, "job taken", FTL_LOG_TEXT("name", job->name));
    ftl_metric_add(FTL_METRIC_JOBS_ACTIVE, "", 1);
    do_job(&work);
    ftl_lease_drop(shared->leases, job);
    ftl_metric_add(FTL_METRIC_JOBS_ACTIVE, "", -1);
}

/* ---- the slot ---- */

/* One turn: waits for a job, while none of this worker's jobs waits for a permit. */
static enum ftl_code fetch(const struct ftl_slot_shared *shared, struct ftl_queue *queue,
                           struct ftl_queue_job *job, bool *ret_found, struct ftl_err *err)
{
    *ret_found = false;
    if (!ftl_permits_wait_free(shared->permits, shared->stop)) {
        return FTL_OK;
    }
    FTL_AUTO(cancel) struct ftl_cancel *fetching = ftl_cancel_new(shared->stop, 0);
    if (fetching == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory to wait for a job");
    }
    struct ftl_permits_watch watch = {.fetching = fetching};
    ftl_permits_watch(shared->permits, &watch);
    enum ftl_code code = ftl_queue_fetch(queue, fetching, job, ret_found, err);
    ftl_permits_unwatch(shared->permits, &watch);
    return code;
}

void ftl_slot_run(const struct ftl_slot_shared *shared, int index)
{
    struct ftl_log queue_log = ftl_log_with(shared->log, FTL_LOG_TEXT("queue", shared->queue.name));
    struct ftl_log log = ftl_log_with(&queue_log, FTL_LOG_INT("slot", index));
    struct ftl_queue *queue = NULL;
    struct ftl_err err = {.code = FTL_OK};
    while (ftl_cancel_state(shared->stop) == FTL_CANCEL_NONE) {
        struct ftl_queue_job job = {.data = NULL};
        bool is_found = false;
        enum ftl_code code = queue != NULL ? FTL_OK : ftl_queue_open(&shared->queue, &queue, &err);
        if (code == FTL_OK) {
            code = fetch(shared, queue, &job, &is_found, &err);
        }
        if (code != FTL_OK) {
            ftl_log_err(&log, FTL_LOG_ERROR, "no jobs can be taken", &err);
            if (ftl_pause_ms(shared->stop, REST_AFTER_ERROR_MS, &err) != FTL_OK) {
                break;
            }
        } else if (is_found) {
            handle(shared, queue, &job, &log);
            ftl_queue_job_done(&job);
        }
    }
    ftl_queue_close(queue);
}
