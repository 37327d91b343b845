/* fettle run: one job, here and now. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/job_args.h"
#include "cli/progress.h"
#include "job/report.h"
#include "worker/handoff.h"

struct run_opts {
    struct ftl_array output, filter, set;
    bool json, ndjson, dry_run, quiet, overwrite, skip;
};

static const struct ftl_opt rows[] = {
    FTL_OPT_ARRAY(struct run_opts, output, STRING, 32, 0,
                  "where to: a directory, or a file per output (its ending decides what it is); "
                  "replaces `upload`"),
    FTL_OPT_ARRAY(struct run_opts, filter, STRING, 64, 0,
                  "add a filter: NAME[,key=value]…, see `fettle filters`; repeatable, in order"),
    FTL_OPT_ARRAY(
        struct run_opts, set, STRING, 64, 0,
        "set a value of the job: outputs.0.video.crf=20 or /outputs/0/video/crf=20; repeatable"),
    FTL_OPT_BOOL(struct run_opts, dry_run,
                 "print the plan and stop: nothing is decoded or written"),
    FTL_OPT_BOOL(struct run_opts, json,
                 "print the report (or plan, or error) as one JSON document"),
    FTL_OPT_BOOL(struct run_opts, ndjson,
                 "print events, one JSON object a line: start, progress, done or error"),
    FTL_OPT_BOOL(struct run_opts, quiet, "no progress"),
    FTL_OPT_BOOL(struct run_opts, overwrite, "replace files that are there"),
    FTL_OPT_BOOL(struct run_opts, skip,
                 "do nothing, successfully, where all files are there already"),
    FTL_OPT_END,
};

static const struct ftl_opt_table table = FTL_OPT_TABLE(struct run_opts, "run", rows, NULL);

static const struct ftl_flag flags[] = {
    {.option = "output", .letter = 'o', .metavar = "PATH"},
    {.option = "filter", .letter = 'f', .metavar = "FILTER"},
    {.option = "set", .letter = 's', .metavar = "PATH=VALUE"},
    {.option = "dry_run", .letter = 'd'},
    {.option = "quiet", .letter = 'q'},
    {.option = "overwrite", .letter = 'y'},
    {.option = "skip", .letter = 'n'},
    {.option = NULL},
};

static const char *const settings[] = {"temp_dir",     "executor",   "require_sandbox",
                                       "job_deadline", "job_memory", "max_source",
                                       "cpus",         NULL};

static int fail(const struct run_opts *opts, const struct ftl_err *err,
                const struct ftl_opt_errors *errors)
{
    if (opts->json || opts->ndjson) {
        FTL_AUTO(json) cJSON *document = ftl_json_object();
        if (opts->ndjson) {
            ftl_json_add_string(document, "event", "error");
        }
        ftl_json_add(document, "error", ftl_err_json(err));
        if (errors != NULL && errors->count > 0) {
            ftl_json_add(document, "errors", ftl_opt_errors_json(errors));
        }
        ftl_cli_print_json(document, !opts->ndjson);
    }
    if (errors != NULL && errors->count > 0) {
        return ftl_cli_fail_all(errors);
    }
    int signal_number = ftl_engine_signal();
    int status = ftl_cli_fail(err);
    return signal_number != 0 && err->code == FTL_CANCELLED ? 128 + signal_number : status;
}

/* ---- what is there already ---- */

/* Counts the outputs that exist at `to`, and copies the first such path. */
static enum ftl_code count_existing(const struct ftl_job *job, const char *to,
                                    struct ftl_arena *arena, size_t *ret_count,
                                    const char **ret_first, struct ftl_err *err)
{
    *ret_count = 0;
    for (size_t i = 0; i < job->outputs_count; i++) {
        const char *name = NULL;
        if (ftl_handoff_expand(job, "local", job->outputs[i].name, arena, &name, err) != FTL_OK) {
            return err->code;
        }
        char *path = ftl_arena_printf(arena, "%s%s%s", to, ftl_ends_with(to, "/") ? "" : "/", name);
        if (path == NULL) {
            return ftl_fail(err, FTL_NOMEM, "out of memory");
        }
        if (access(path, F_OK) == 0) {
            *ret_first = *ret_count == 0 ? path : *ret_first;
            (*ret_count)++;
        }
    }
    return FTL_OK;
}

/* Refuses early what the delivery would refuse after all the work. *ret_skip: -n, and all files are
 * there. */
static enum ftl_code check_existing(const struct run_opts *opts, const struct ftl_job *job,
                                    const char *to, struct ftl_arena *arena, bool *ret_skip,
                                    struct ftl_err *err)
{
    *ret_skip = false;
    const char *target = to != NULL ? to : job->upload_to;
    if (opts->overwrite || target == NULL || strstr(target, "://") != NULL) {
        return FTL_OK;
    }
    const char *expanded = NULL;
    size_t count = 0;
    const char *first = NULL;
    if (ftl_handoff_expand(job, "local", target, arena, &expanded, err) != FTL_OK ||
        count_existing(job, expanded, arena, &count, &first, err) != FTL_OK)
    {
        return err->code;
    }
    if (opts->skip && count == job->outputs_count) {
        *ret_skip = true;
        return FTL_OK;
    }
    if (count > 0) {
        return ftl_fail(err, FTL_STORE, "%s exists; -y overwrites, -n skips", first);
    }
    return FTL_OK;
}

/* ---- the summary for a person ---- */

static void print_output(const cJSON *output)
{
    const cJSON *video = ftl_json_get(output, "video");
    const cJSON *loudness = ftl_json_get(ftl_json_get(output, "audio"), "loudness");
    (void)printf("%s", ftl_json_string(output, "url", "?"));
    if (cJSON_IsObject(video)) {
        (void)printf("  %dx%d", (int)ftl_json_number(video, "width", 0),
                     (int)ftl_json_number(video, "height", 0));
    }
    double duration = ftl_json_number(output, "duration_s", 0);
    if (duration > 0) {
        (void)printf("  %.2f s", duration);
    }
    (void)printf("  %.1f kB", ftl_json_number(output, "bytes", 0) / 1000);
    if (cJSON_IsNumber(ftl_json_get(loudness, "integrated"))) {
        (void)printf("  %.1f LUFS  %.1f dBTP", ftl_json_number(loudness, "integrated", 0),
                     ftl_json_number(loudness, "true_peak", 0));
    }
    (void)printf("\n");
}

static void print_summary(const cJSON *report)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, ftl_json_get(report, "outputs"))
    {
        print_output(item);
    }
    cJSON_ArrayForEach(item, ftl_json_get(report, "warnings"))
    {
        const char *where = ftl_json_string(item, "where", "");
        (void)fprintf(stderr, "warning%s%s: %s\n", where[0] != '\0' ? " " : "", where,
                      ftl_json_string(item, "message", ""));
    }
}

static void print_result(const struct run_opts *opts, const cJSON *report)
{
    if (opts->ndjson) {
        FTL_AUTO(json) cJSON *event = ftl_json_object();
        ftl_json_add_string(event, "event", opts->dry_run ? "plan" : "done");
        ftl_json_add(event, opts->dry_run ? "plan" : "report", cJSON_Duplicate(report, true));
        ftl_cli_print_json(event, false);
    } else if (opts->json || opts->dry_run) {
        ftl_cli_print_json(report, true);
    } else {
        print_summary(report);
    }
}

/* ---- the command ---- */

static enum ftl_code run_job(struct ftl_cli *cli, const struct ftl_job *job, const char *to,
                             cJSON **ret_report, struct ftl_err *err)
{
    const struct run_opts *opts = cli->opts;
    struct ftl_cancel *cancel =
        ftl_cancel_new(NULL, 0); /* lives as long as the signal thread: to the end */
    if (cancel == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    struct ftl_engine engine;
    if (ftl_engine_cancel_on_signal(cancel, err) != FTL_OK ||
        ftl_engine_start(cli, true, &engine, err) != FTL_OK)
    {
        return err->code;
    }
    struct ftl_progress_bar bar;
    ftl_progress_begin(
        &bar, ftl_progress_style_for(opts->quiet || opts->json || opts->dry_run, opts->ndjson));
    const struct ftl_runner_task task = {
        .job = job,
        .job_id = "local",
        .upload_to = to,
        .overwrite = opts->overwrite,
        .is_dry_run = opts->dry_run,
        .cancel = cancel,
        .log = &cli->log,
        .opaque = &bar,
        .progress = ftl_progress_show,
    };
    struct ftl_runner_outcome outcome;
    enum ftl_code code = ftl_runner_run(&engine.runner, &task, &outcome, err);
    ftl_progress_end(&bar);
    ftl_engine_stop(&engine);
    *ret_report = outcome.report;
    return code;
}

static int run(struct ftl_cli *cli)
{
    const struct run_opts *opts = cli->opts;
    if (cli->operands_count != 1) {
        return ftl_cli_usage(cli, "expected one job file or input, got %zu", cli->operands_count);
    }
    if (cli->log.level == FTL_LOG_INFO && isatty(STDERR_FILENO)) {
        cli->log.level =
            FTL_LOG_WARN; /* a person watches the bar; --log-level debug still shows all */
    }
    cli->log.is_text = true;
    struct ftl_err err = {.code = FTL_OK};
    const struct ftl_job_args args = {.operand = cli->operands[0],
                                      .filter = opts->filter,
                                      .set = opts->set,
                                      .output = opts->output};
    FTL_AUTO(json) cJSON *document = NULL;
    const char *to = NULL;
    if (ftl_job_args_build(&args, cli->arena, &document, &to, &err) != FTL_OK) {
        return fail(opts, &err, NULL);
    }
    struct ftl_opt_errors errors = {.count = 0};
    const struct ftl_job *job = NULL;
    if (ftl_job_parse(document, cli->arena, &job, &errors, &err) != FTL_OK) {
        return fail(opts, &err, &errors);
    }
    if (to == NULL && job->upload_to == NULL && !opts->dry_run) {
        return ftl_cli_usage(cli, "where to? Give -o DIRECTORY or -o FILE");
    }
    bool is_skip = false;
    if (!opts->dry_run && check_existing(opts, job, to, cli->arena, &is_skip, &err) != FTL_OK) {
        return fail(opts, &err, NULL);
    }
    if (is_skip) {
        (void)fprintf(stderr, "fettle run: all outputs exist, skipped\n");
        return 0;
    }
    FTL_AUTO(json) cJSON *report = NULL;
    if (run_job(cli, job, to, &report, &err) != FTL_OK) {
        return fail(opts, &err, NULL);
    }
    print_result(opts, report);
    return 0;
}

const struct ftl_command ftl_cmd_run = {
    .name = "run",
    .synopsis = "JOB.json | INPUT [-f FILTER]… [-o PATH]…",
    .summary = "run one job here and now",
    .details =
        "A job file is what a producer queues (`fettle schema` describes it); \"-\" reads it from "
        "standard\n"
        "input. An INPUT is a file or URL; filters and outputs are then given by -f, -o and "
        "--set.\n"
        "Nothing is overwritten without -y, and nothing is written unless every output passes its\n"
        "verification.\n\n"
        "Examples:\n"
        "  fettle run clip.mp4 -o out/clip.mp4\n"
        "  fettle run clip.mp4 -f aspect,ratio=9:16,fit=blur -f loudness -o out/v.mp4 -o "
        "out/poster.jpg\n"
        "  fettle run clip.mp4 -f watermark,image=logo.png,size=18% --set outputs.0.video.crf=20 "
        "-o v.mp4\n"
        "  fettle run job.json --dry-run | jq .plan.outputs\n"
        "  fettle run job.json -o out/ --json > report.json\n\n"
        "Exit status: 0 done, 2 usage or job, 3 input refused or missing, 4 corrupt or truncated,\n"
        "5 unsupported, 6 run failed, 7 output, 8 verification, 9 dependency, 124 deadline, 130 "
        "interrupted.",
    .table = &table,
    .flags = flags,
    .settings = settings,
    .run = run,
};
