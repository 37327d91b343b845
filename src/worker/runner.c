#include "worker/runner.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "worker/handoff.h"

enum {
    MAX_INPUTS = 32,
    MAX_FILES = 256,
    MAX_CHILD_JSON = 4 * 1024 * 1024,
    MAX_SPEC_BYTES = 1024 * 1024,
};

/* Where each phase's share of the whole begins; the last entry is the end. */
static const double phase_start[FTL_RUNNER_PHASES + 1] = {0.0, 0.10, 0.12, 0.12, 0.85, 0.95, 1.0};

static const char *const phase_names[FTL_RUNNER_PHASES] = {
    [FTL_RUNNER_FETCH] = "fetch", [FTL_RUNNER_PLAN] = "plan",     [FTL_RUNNER_WAIT] = "wait",
    [FTL_RUNNER_RUN] = "run",     [FTL_RUNNER_VERIFY] = "verify", [FTL_RUNNER_UPLOAD] = "upload",
};

const char *ftl_runner_phase_name(enum ftl_runner_phase phase)
{
    return phase < FTL_RUNNER_PHASES ? phase_names[phase] : "unknown";
}

/* A file the executor asked for. */
struct made_file {
    int output;
    char name[256];
    int fd; /* read-write, unlinked */
};

/* Everything one job owns while it runs. */
struct run {
    const struct ftl_runner *runner;
    const struct ftl_runner_task *task;
    struct ftl_runner_outcome *outcome;
    struct ftl_arena *arena;
    struct ftl_cancel *cancel; /* the task's, with the run's deadline */
    struct ftl_fetched inputs[MAX_INPUTS];
    size_t inputs_count;
    struct made_file files[MAX_FILES];
    size_t files_count;
    const char *to;  /* where to deliver, placeholders expanded; in the arena */
    cJSON *plan;     /* the PLAN message: plan, expect, cpu_weight, memory_bytes */
    cJSON *done;     /* the run's DONE message */
    cJSON *verified; /* the verifier's */
    cJSON *warnings;
    bool has_permit;
    int cpu_weight;
    int64_t memory_bytes;
    double fraction; /* highest reported so far */
    double seconds[FTL_RUNNER_PHASES];
    int64_t phase_began_us;
    char layers[96];
    double start_ms, run_cpu_s, verify_cpu_s;
    int64_t peak_rss_bytes;
};

static void report_progress(struct run *run, double phase_fraction, int64_t frames, double speed)
{
    if (run->task->progress == NULL) {
        return;
    }
    enum ftl_runner_phase phase = run->outcome->phase;
    double clamped = phase_fraction < 0 ? 0 : phase_fraction > 1 ? 1 : phase_fraction;
    double whole = phase_start[phase] + clamped * (phase_start[phase + 1] - phase_start[phase]);
    if (whole > run->fraction) {
        run->fraction = whole;
    }
    struct ftl_runner_progress progress = {
        .phase = phase, .fraction = run->fraction, .frames = frames, .speed = speed};
    run->task->progress(run->task->opaque, &progress);
}

static void enter_phase(struct run *run, enum ftl_runner_phase phase)
{
    int64_t now_us = ftl_mono_us();
    run->seconds[run->outcome->phase] += (double)(now_us - run->phase_began_us) / 1e6;
    run->phase_began_us = now_us;
    run->outcome->phase = phase;
    report_progress(run, 0, 0, 0);
}

/* ---- fetch ---- */

struct fetch_share {
    struct run *run;
    size_t index;
};

static void on_fetch_progress(void *opaque, int64_t bytes, int64_t total)
{
    const struct fetch_share *share = opaque;
    double part = total > 0 ? (double)bytes / (double)total : 0;
    report_progress(share->run,
                    ((double)share->index + part) / (double)share->run->task->job->inputs_count, 0,
                    0);
}

/* Two inputs that name the same bytes are fetched once. */
static const struct ftl_fetched *fetched_before(const struct run *run,
                                                const struct ftl_source *source)
{
    for (size_t i = 0; i < run->inputs_count; i++) {
        const struct ftl_source *other = &run->task->job->inputs[i].source;
        if (source->url != NULL && other->url != NULL && strcmp(source->url, other->url) == 0 &&
            source->headers.count == 0 && other->headers.count == 0 && source->sha256 == NULL)
        {
            return &run->inputs[i];
        }
    }
    return NULL;
}

static enum ftl_code fetch_one(struct run *run, const struct ftl_job_input *input,
                               struct ftl_err *err)
{
    struct ftl_fetched *fetched = &run->inputs[run->inputs_count];
    const struct ftl_fetched *before = fetched_before(run, &input->source);
    if (before != NULL) {
        *fetched = *before;
        fetched->fd = -1;
        if (ftl_fd_reopen_read(before->fd, &fetched->fd, err) != FTL_OK) {
            return err->code;
        }
    } else {
        struct fetch_share share = {.run = run, .index = run->inputs_count};
        const struct ftl_fetch_progress told = {.report = on_fetch_progress, .opaque = &share};
        if (ftl_fetch(&input->source, &run->runner->fetch, run->cancel, &told, fetched, err) !=
            FTL_OK) {
            (void)ftl_err_at(err, input->where);
            return ftl_wrap(err, "input %s", input->name);
        }
    }
    run->inputs_count++;
    return FTL_OK;
}

static enum ftl_code fetch_inputs(struct run *run, struct ftl_err *err)
{
    const struct ftl_job *job = run->task->job;
    if (job->inputs_count > MAX_INPUTS) {
        return ftl_fail(err, FTL_LIMIT, "%zu inputs, at most %d are allowed", job->inputs_count,
                        (int)MAX_INPUTS);
    }
    for (size_t i = 0; i < job->inputs_count; i++) {
        if (fetch_one(run, &job->inputs[i], err) != FTL_OK) {
            return err->code;
        }
    }
    return FTL_OK;
}

/* ---- run ---- */

static enum ftl_code check_disk(struct run *run, int64_t needed, struct ftl_err *err)
{
    struct statvfs fs = {0};
    if (needed <= 0 || statvfs(run->runner->temp_dir, &fs) != 0) {
        return FTL_OK; /* an estimate, not a guarantee: the write itself fails where it must */
    }
    int64_t available = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    if (available < needed) {
        return ftl_fail(err, FTL_DISK, "%s has %lld kB free, the outputs need about %lld kB",
                        run->runner->temp_dir, (long long)(available / 1000),
                        (long long)(needed / 1000));
    }
    return FTL_OK;
}

static enum ftl_code parse_child_json(const char *text, size_t length, cJSON **ret,
                                      struct ftl_err *err)
{
    const struct ftl_json_limits limits = {.bytes = MAX_CHILD_JSON, .string = 65536, .depth = 32};
    if (ftl_json_parse(text, length, &limits, ret, err) != FTL_OK) {
        char reason[sizeof(err->msg)];
        (void)ftl_copy_text(reason, sizeof(reason), err->msg);
        return ftl_fail(err, FTL_INTERNAL, "the executor's answer is not valid JSON: %s", reason);
    }
    return FTL_OK;
}

static enum ftl_code on_plan(void *opaque, const char *plan_json, size_t length,
                             struct ftl_err *err)
{
    struct run *run = opaque;
    if (run->plan != NULL) {
        return ftl_fail(err, FTL_INTERNAL, "the executor planned twice");
    }
    if (parse_child_json(plan_json, length, &run->plan, err) != FTL_OK) {
        return err->code;
    }
    cJSON *plan = cJSON_GetObjectItemCaseSensitive(run->plan, "plan");
    if (!cJSON_IsObject(plan)) {
        return ftl_fail(err, FTL_INTERNAL, "the executor's plan is not an object");
    }
    if (ftl_handoff_digest(plan, err) != FTL_OK) {
        return err->code;
    }
    if (run->task->is_dry_run) {
        return FTL_OK;
    }
    if (check_disk(run, ftl_json_int64(run->plan, "output_bytes", 0), err) != FTL_OK) {
        return err->code;
    }
    if (run->runner->acquire != NULL) {
        enter_phase(run, FTL_RUNNER_WAIT);
        int weight = (int)ftl_json_int64(run->plan, "cpu_weight", 1);
        run->cpu_weight = weight < 1                    ? 1
                          : weight > run->runner->cores ? run->runner->cores
                                                        : weight;
        run->memory_bytes = ftl_json_int64(run->plan, "memory_bytes", 0);
        if (run->runner->acquire(run->runner->permits, run->cpu_weight, run->memory_bytes,
                                 run->cancel, err) != FTL_OK)
        {
            return err->code;
        }
        run->has_permit = true;
    }
    enter_phase(run, FTL_RUNNER_RUN);
    return FTL_OK;
}

static enum ftl_code on_open_output(void *opaque, int output, const char *name, int *ret_fd,
                                    struct ftl_err *err)
{
    struct run *run = opaque;
    struct made_file *file = NULL;
    for (size_t i = 0; i < run->files_count && file == NULL; i++) {
        if (run->files[i].output == output && strcmp(run->files[i].name, name) == 0) {
            file = &run->files[i];
        }
    }
    if (file == NULL) {
        if (run->files_count == MAX_FILES) {
            return ftl_fail(err, FTL_LIMIT, "more than %d output files", (int)MAX_FILES);
        }
        file = &run->files[run->files_count];
        *file = (struct made_file){.output = output, .fd = -1};
        (void)ftl_copy_text(file->name, sizeof(file->name), name);
    } else {
        (void)close(file->fd); /* asked for again: the earlier content is replaced */
        file->fd = -1;
    }
    int fd = -1;
    if (ftl_fd_temporary(run->runner->temp_dir, &fd, err) != FTL_OK) {
        return err->code;
    }
    file->fd = fd;
    if (file == &run->files[run->files_count]) {
        run->files_count++;
    }
    *ret_fd = fd;
    return FTL_OK;
}

static void on_run_progress(void *opaque, const char *phase, double fraction, int64_t frames,
                            double speed)
{
    (void)phase; /* the executor's own passes are one phase to whoever watches the job */
    report_progress(opaque, fraction, frames, speed);
}

static void add_warning(struct run *run, const char *where, const char *text)
{
    cJSON *warning = ftl_json_object();
    ftl_json_add_string(warning, "where", where);
    ftl_json_add_string(warning, "message", text);
    ftl_json_append(run->warnings, warning);
}

static void on_warn(void *opaque, const char *where, const char *text)
{
    enum { MAX_WARNINGS = 64 };
    struct run *run = opaque;
    if (cJSON_GetArraySize(run->warnings) < MAX_WARNINGS) {
        add_warning(run, where, text);
    }
}

/* Runs one executor and parses its answer; *ret stays NULL on failure. */
static enum ftl_code execute(struct run *run, const struct ftl_exec_task *task, cJSON **ret,
                             double *ret_cpu_s, struct ftl_err *err)
{
    struct ftl_exec_result result = {.body = FTL_STR_INIT(MAX_CHILD_JSON)};
    enum ftl_code code = ftl_exec_run(run->runner->exec, task, &result, err);
    (void)ftl_copy_text(run->outcome->log_tail, sizeof(run->outcome->log_tail), result.log_tail);
    if (code == FTL_OK) {
        code = parse_child_json(ftl_str_text(&result.body), result.body.length, ret, err);
    }
    (void)ftl_copy_text(run->layers, sizeof(run->layers), result.layers);
    *ret_cpu_s = result.cpu_s;
    if (task->kind == FTL_EXEC_RUN) {
        run->start_ms = result.start_ms;
    }
    if (result.peak_rss_bytes > run->peak_rss_bytes) {
        run->peak_rss_bytes = result.peak_rss_bytes;
    }
    ftl_str_done(&result.body);
    return code;
}

static enum ftl_code run_plan(struct run *run, struct ftl_err *err)
{
    const struct ftl_runner_task *task = run->task;
    FTL_AUTO_STR struct ftl_str body = FTL_STR_INIT(MAX_SPEC_BYTES);
    if (ftl_handoff_spec(task->job, task->job_id, run->runner->cores, run->arena, &body, err) !=
        FTL_OK) {
        return err->code;
    }
    struct ftl_exec_input inputs[MAX_INPUTS];
    for (size_t i = 0; i < run->inputs_count; i++) {
        inputs[i] = (struct ftl_exec_input){.index = (int)i, .fd = run->inputs[i].fd};
    }
    const struct ftl_exec_task exec_task = {
        .kind = task->is_dry_run ? FTL_EXEC_PLAN : FTL_EXEC_RUN,
        .body = ftl_str_text(&body),
        .body_length = body.length,
        .inputs = inputs,
        .inputs_count = run->inputs_count,
        .outputs_count = task->job->outputs_count,
        .limits = run->runner->limits,
        .callbacks = {.opaque = run,
                      .go = on_plan,
                      .open_output = on_open_output,
                      .progress = on_run_progress,
                      .warn = on_warn},
        .cancel = run->cancel,
        .log = task->log,
    };
    if (execute(run, &exec_task, &run->done, &run->run_cpu_s, err) != FTL_OK) {
        return err->code;
    }
    if (run->plan == NULL) {
        return ftl_fail(err, FTL_INTERNAL, "the executor finished without a plan");
    }
    return FTL_OK;
}

/* ---- verify ---- */

static const struct made_file *file_of_output(const struct run *run, int output)
{
    for (size_t i = 0; i < run->files_count; i++) {
        if (run->files[i].output == output) {
            return &run->files[i];
        }
    }
    return NULL;
}

static enum ftl_code verify_outputs(struct run *run, struct ftl_err *err)
{
    FTL_AUTO(json) cJSON *expect = NULL;
    if (ftl_handoff_expect(run->task->job, run->plan, run->done, &expect, err) != FTL_OK) {
        return err->code;
    }
    struct ftl_exec_input inputs[MAX_INPUTS];
    int owned[MAX_INPUTS];
    size_t count = run->task->job->outputs_count;
    if (count > MAX_INPUTS) {
        return ftl_fail(err, FTL_LIMIT, "%zu outputs, at most %d are allowed", count,
                        (int)MAX_INPUTS);
    }
    size_t opened = 0;
    enum ftl_code code = FTL_OK;
    for (size_t i = 0; i < count && code == FTL_OK; i++) {
        const struct made_file *file = file_of_output(run, (int)i);
        if (file == NULL) {
            code = ftl_fail(err, FTL_VERIFY, "output %zu was never written", i);
            continue;
        }
        code = ftl_fd_reopen_read(file->fd, &owned[opened], err);
        if (code == FTL_OK) {
            inputs[opened] = (struct ftl_exec_input){.index = (int)i, .fd = owned[opened]};
            opened++;
        }
    }
    FTL_AUTO_STR struct ftl_str body = FTL_STR_INIT(MAX_SPEC_BYTES);
    if (code == FTL_OK) {
        ftl_json_print(expect, false, &body);
        const struct ftl_exec_task exec_task = {
            .kind = FTL_EXEC_VERIFY,
            .body = ftl_str_text(&body),
            .body_length = body.length,
            .inputs = inputs,
            .inputs_count = opened,
            .limits = run->runner->limits,
            .callbacks = {.opaque = run, .progress = on_run_progress, .warn = on_warn},
            .cancel = run->cancel,
            .log = run->task->log,
        };
        code = execute(run, &exec_task, &run->verified, &run->verify_cpu_s, err);
    }
    for (size_t i = 0; i < opened; i++) {
        (void)close(owned[i]); /* read-only */
    }
    return code;
}

/* ---- deliver and report ---- */

/* The executor names files without folders; the folders are those of the output's own name. */
static enum ftl_code delivered_name(const struct run *run, const struct made_file *file,
                                    const char **ret, struct ftl_err *err)
{
    const struct ftl_runner_task *task = run->task;
    const char *name = NULL;
    if (ftl_handoff_expand(task->job, task->job_id, task->job->outputs[file->output].name,
                           run->arena, &name, err) != FTL_OK)
    {
        return err->code;
    }
    const char *slash = strrchr(name, '/');
    int folder_length = slash != NULL ? (int)(slash - name) + 1 : 0;
    *ret = ftl_arena_printf(run->arena, "%.*s%s", folder_length, name, file->name);
    return *ret != NULL ? FTL_OK : ftl_fail(err, FTL_NOMEM, "out of memory");
}

static enum ftl_code deliver_file(struct run *run, struct ftl_store *store,
                                  const struct made_file *file, cJSON *output, struct ftl_err *err)
{
    const char *name = NULL;
    if (delivered_name(run, file, &name, err) != FTL_OK) {
        return err->code;
    }
    const struct ftl_store_object object = {
        .name = name, .fd = file->fd, .content_type = ftl_handoff_content_type(file->name)};
    struct ftl_stored stored = {.bytes = 0};
    if (ftl_store_put(store, &object, &stored, err) != FTL_OK) {
        (void)ftl_err_at(err, run->task->job->outputs[file->output].where);
        return ftl_wrap(err, "deliver %s", file->name);
    }
    ftl_json_add_string(output, "url", stored.url);
    ftl_json_add_int64(output, "bytes", stored.bytes);
    ftl_json_add_string(output, "sha256", stored.sha256);
    return FTL_OK;
}

static struct ftl_store_config store_config(const struct run *run)
{
    return (struct ftl_store_config){.roots = run->runner->store_roots,
                                     .overwrite = run->task->overwrite,
                                     .cancel = run->cancel};
}

/* Where to deliver, refused before any work is done where it can be. */
static enum ftl_code choose_target(struct run *run, struct ftl_err *err)
{
    const struct ftl_runner_task *task = run->task;
    const struct ftl_store_config config = store_config(run);
    const char *target = task->upload_to != NULL ? task->upload_to : task->job->upload_to;
    if (target == NULL) {
        return ftl_fail(err, FTL_SPEC, "the job does not say where to deliver: give upload.to");
    }
    if (ftl_handoff_expand(task->job, task->job_id, target, run->arena, &run->to, err) != FTL_OK ||
        ftl_store_check(run->to, &config, err) != FTL_OK)
    {
        return ftl_err_at(err, "/upload/to");
    }
    return FTL_OK;
}

static enum ftl_code deliver(struct run *run, cJSON *outputs, struct ftl_err *err)
{
    const struct ftl_runner_task *task = run->task;
    const struct ftl_store_config config = store_config(run);
    struct ftl_store *store = NULL;
    if (ftl_store_open(run->to, &config, &store, err) != FTL_OK) {
        return ftl_err_at(err, "/upload/to");
    }
    enum ftl_code code = FTL_OK;
    for (size_t i = 0; i < task->job->outputs_count && code == FTL_OK; i++) {
        code = deliver_file(run, store, file_of_output(run, (int)i),
                            cJSON_GetArrayItem(outputs, (int)i), err);
        report_progress(run, (double)(i + 1) / (double)(task->job->outputs_count + 1), 0, 0);
    }
    if (code == FTL_OK) {
        code = ftl_cancel_check(run->cancel, err);
    }
    if (code == FTL_OK) {
        code = ftl_store_commit(store, err);
    }
    ftl_store_close(store);
    return code;
}

static cJSON *seconds_json(const struct run *run)
{
    cJSON *seconds = ftl_json_object();
    double total = run->task->wait_s;
    ftl_json_add_double(seconds, "wait", run->task->wait_s + run->seconds[FTL_RUNNER_WAIT], 3);
    for (int phase = 0; phase < FTL_RUNNER_PHASES; phase++) {
        total += run->seconds[phase];
        if (phase != FTL_RUNNER_WAIT) {
            ftl_json_add_double(seconds, phase_names[phase], run->seconds[phase], 3);
        }
    }
    ftl_json_add_double(seconds, "total", total, 3);
    return seconds;
}

static cJSON *executor_json(const struct run *run)
{
    cJSON *executor = ftl_json_object();
    ftl_json_add_string(executor, "sandbox", run->layers);
    ftl_json_add_double(executor, "start_ms", run->start_ms, 2);
    ftl_json_add_double(executor, "run_cpu_s", run->run_cpu_s, 3);
    ftl_json_add_double(executor, "verify_cpu_s", run->verify_cpu_s, 3);
    ftl_json_add_int64(executor, "peak_rss_bytes", run->peak_rss_bytes);
    return executor;
}

static void add_copy(cJSON *to, const char *name, const cJSON *from)
{
    if (from != NULL) {
        ftl_json_add(to, name, cJSON_Duplicate(from, true));
    }
}

/* Ours, and those of the libraries the executor runs on. */
static cJSON *versions_json(const struct run *run)
{
    cJSON *versions = ftl_json_object();
    ftl_json_add_string(versions, "fettle", FTL_VERSION);
    const cJSON *library = NULL;
    cJSON_ArrayForEach(library, ftl_json_get(run->done, "versions"))
    {
        add_copy(versions, library->string, library);
    }
    return versions;
}

/* Takes `outputs` over. */
static cJSON *make_report(struct run *run, cJSON *outputs)
{
    cJSON *report = ftl_json_object();
    ftl_json_add_string(report, "job", run->task->job_id);
    ftl_json_add(report, "outputs", outputs);
    add_copy(report, "input", ftl_json_get(run->done, "input"));
    add_copy(report, "run", ftl_json_get(run->done, "run"));
    add_copy(report, "plan", ftl_json_get(run->plan, "plan"));
    ftl_json_add(report, "seconds", seconds_json(run));
    ftl_json_add(report, "executor", executor_json(run));
    ftl_json_add(report, "warnings", FTL_TAKE(run->warnings));
    ftl_json_add(report, "versions", versions_json(run));
    return report;
}

static void warn_about_sandbox(struct run *run)
{
    static const char *const layers[] = {"seccomp", "landlock"};
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        if (strstr(run->layers, layers[i]) == NULL) {
            char text[96];
            (void)snprintf(text, sizeof(text), "the executor ran without its %s layer", layers[i]);
            add_warning(run, "", text);
        }
    }
}

static void release_permit(struct run *run)
{
    if (run->has_permit) {
        run->runner->release(run->runner->permits, run->cpu_weight, run->memory_bytes);
        run->has_permit = false;
    }
}

static enum ftl_code run_phases(struct run *run, struct ftl_err *err)
{
    run->phase_began_us = ftl_mono_us();
    report_progress(run, 0, 0, 0);
    if ((!run->task->is_dry_run && choose_target(run, err) != FTL_OK) ||
        fetch_inputs(run, err) != FTL_OK)
    {
        return err->code;
    }
    enter_phase(run, FTL_RUNNER_PLAN);
    if (run_plan(run, err) != FTL_OK) {
        return err->code;
    }
    if (run->task->is_dry_run) {
        run->outcome->report = FTL_TAKE(run->plan);
        return FTL_OK;
    }
    enter_phase(run, FTL_RUNNER_VERIFY);
    if (verify_outputs(run, err) != FTL_OK) {
        return err->code;
    }
    release_permit(run); /* the next encode may start while this job uploads */
    warn_about_sandbox(run);
    enter_phase(run, FTL_RUNNER_UPLOAD);
    FTL_AUTO(json) cJSON *outputs = NULL;
    if (ftl_handoff_outputs(run->task->job, run->done, run->verified, &outputs, err) != FTL_OK ||
        deliver(run, outputs, err) != FTL_OK)
    {
        return err->code;
    }
    enter_phase(run, FTL_RUNNER_UPLOAD); /* closes the upload's clock */
    run->outcome->report = make_report(run, FTL_TAKE(outputs));
    run->fraction = 1.0;
    report_progress(run, 1.0, 0, 0);
    return FTL_OK;
}

static void run_done(struct run *run)
{
    release_permit(run);
    for (size_t i = 0; i < run->inputs_count; i++) {
        (void)close(run->inputs[i].fd); /* read-only */
    }
    for (size_t i = 0; i < run->files_count; i++) {
        if (run->files[i].fd >= 0) {
            (void)close(run->files[i].fd); /* delivered, or not wanted any more */
        }
    }
    cJSON_Delete(run->plan);
    cJSON_Delete(run->done);
    cJSON_Delete(run->verified);
    cJSON_Delete(run->warnings);
    ftl_cancel_free(run->cancel);
    ftl_arena_free(run->arena);
}

enum ftl_code ftl_runner_run(const struct ftl_runner *runner, const struct ftl_runner_task *task,
                             struct ftl_runner_outcome *ret, struct ftl_err *err)
{
    *ret = (struct ftl_runner_outcome){.phase = FTL_RUNNER_FETCH};
    struct run *run = ftl_calloc(1, sizeof(*run));
    if (run == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    run->runner = runner;
    run->task = task;
    run->outcome = ret;
    run->arena = ftl_arena_new(MAX_CHILD_JSON);
    int64_t deadline_ms = runner->deadline_ms > 0 ? ftl_mono_ms() + runner->deadline_ms : 0;
    run->cancel = ftl_cancel_new(task->cancel, deadline_ms);
    run->warnings = ftl_json_array();
    enum ftl_code code = FTL_OK;
    if (run->arena == NULL || run->cancel == NULL) {
        code = ftl_fail(err, FTL_NOMEM, "out of memory");
    } else {
        code = run_phases(run, err);
    }
    run_done(run);
    ftl_free(run);
    if (code != FTL_OK) {
        ftl_handoff_scrub(err->msg);
        ftl_handoff_scrub(ret->log_tail);
    }
    return code;
}
