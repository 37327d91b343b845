/* The kinds "run" and "plan": spec and probes to a plan, and after GO the plan to files. */
#include <stdio.h>

#include "base/auto.h"
#include "exec/tasks.h"
#include "job/expect.h"
#include "job/plan.h"
#include "job/report.h"
#include "job/spec.h"
#include "media/pipeline.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

struct run {
    struct ftl_session *session;
    const struct ftl_session_task *task;
    struct ftl_arena *arena;
    struct ftl_limits limits;
    const struct ftl_job *job;
    const struct ftl_probe **probes; /* by input index; NULL where not handed over */
    const struct ftl_plan *plan;
};

static enum ftl_code parse_job(struct run *run, struct ftl_err *err)
{
    FTL_AUTO_FREE struct ftl_opt_errors *errors = ftl_calloc(1, sizeof(*errors));
    if (errors == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    const cJSON *spec = ftl_json_get(run->task->body, "spec");
    if (ftl_job_parse(spec, run->arena, &run->job, errors, err) != FTL_OK) {
        return err->code;
    }
    if (run->job->inputs_count > FTL_WIRE_MAX_INPUTS ||
        (size_t)run->task->fds_count > run->job->inputs_count)
    {
        return ftl_fail(err, FTL_INTERNAL, "%d inputs were handed over, the job has %zu",
                        run->task->fds_count, run->job->inputs_count);
    }
    return FTL_OK;
}

static enum ftl_code probe_inputs(struct run *run, struct ftl_err *err)
{
    size_t count = run->job->inputs_count;
    run->probes = ftl_arena_alloc(run->arena, count, sizeof(*run->probes));
    if (run->probes == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        if (run->task->fds[i] < 0) {
            continue;
        }
        struct ftl_probe *probe = ftl_arena_alloc(run->arena, 1, sizeof(*probe));
        if (probe == NULL) {
            return ftl_fail(err, FTL_NOMEM, "out of memory");
        }
        const struct ftl_job_input *input = &run->job->inputs[i];
        if (ftl_media_probe(run->task->fds[i], input->name, &run->limits, probe, err) != FTL_OK) {
            return ftl_err_at(err, input->where);
        }
        run->probes[i] = probe;
        if (ftl_session_check(run->session, err) != FTL_OK) {
            return err->code;
        }
    }
    return FTL_OK;
}

static enum ftl_code announce(struct run *run, struct ftl_err *err)
{
    FTL_AUTO(json) cJSON *document = ftl_json_object();
    ftl_json_add(document, "plan", ftl_plan_json(run->plan));
    ftl_json_add(document, "expect", ftl_expect_json(run->plan));
    ftl_json_add_int64(document, "cpu_weight", run->plan->cpu_weight);
    ftl_json_add_int64(document, "memory_bytes", run->plan->memory_bytes);
    ftl_json_add_int64(document, "output_bytes", run->plan->output_bytes);
    return ftl_session_plan(run->session, document, err);
}

static enum ftl_code encode(struct run *run, cJSON *result, struct ftl_err *err)
{
    const struct ftl_plan *plan = run->plan;
    struct ftl_output_result *results =
        ftl_arena_alloc(run->arena, plan->outputs_count, sizeof(*results));
    if (results == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    const struct ftl_pipeline_config config = {
        .plan = plan,
        .input_fds = run->task->fds,
        .limits = run->limits,
        .callbacks = {.opaque = run->session,
                      .open_output = ftl_session_open_output,
                      .progress = ftl_session_progress,
                      .check = ftl_session_check,
                      .warn = ftl_session_warn},
    };
    struct ftl_run_result measured = {0};
    if (ftl_pipeline_run(&config, results, &measured, err) != FTL_OK) {
        return err->code;
    }
    cJSON *outputs = ftl_json_array();
    for (size_t i = 0; i < plan->outputs_count; i++) {
        ftl_json_append(outputs, ftl_output_result_json(&results[i], plan->outputs[i].name));
    }
    ftl_json_add(result, "outputs", outputs);
    ftl_json_add(result, "run", ftl_run_result_json(&measured));
    return FTL_OK;
}

static enum ftl_code steps(struct run *run, cJSON *result, struct ftl_err *err)
{
    if (ftl_tasks_limits(run->task->body, &run->limits, err) != FTL_OK ||
        parse_job(run, err) != FTL_OK || probe_inputs(run, err) != FTL_OK)
    {
        return err->code;
    }
    int cores = (int)ftl_json_int64(run->task->body, "cores", 1);
    if (ftl_plan_make(run->job, run->probes, cores > 0 ? cores : 1, run->arena, &run->plan, err) !=
            FTL_OK ||
        announce(run, err) != FTL_OK)
    {
        return err->code;
    }
    if (run->task->kind[0] == 'r' && encode(run, result, err) != FTL_OK) { /* "run", not "plan" */
        return err->code;
    }
    const struct ftl_probe *main_probe = run->probes[run->job->main_input];
    ftl_json_add(result, "input",
                 main_probe != NULL ? ftl_probe_json(main_probe) : cJSON_CreateNull());
    ftl_json_add(result, "versions", ftl_tasks_versions());
    return FTL_OK;
}

enum ftl_code ftl_task_run(struct ftl_session *session, const struct ftl_session_task *task,
                           cJSON **ret, struct ftl_err *err)
{
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_BYTES);
    if (arena == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    struct run run = {.session = session, .task = task, .arena = arena};
    FTL_AUTO(json) cJSON *result = ftl_json_object();
    if (steps(&run, result, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(result);
    return FTL_OK;
}
