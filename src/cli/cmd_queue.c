/* fettle queue: add, stats, show. The protocol is BullMQ's; any of its clients does the same. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/quantity.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/queue_client.h"
#include "cli/serve_jobs.h"
#include "job/spec.h"
#include "queue/producer.h"
#include "transfer/retry.h"

enum {
    MAX_JOB_BYTES = 1 << 20,
    JOB_ARENA_BYTES = 8 << 20,
    WAIT_POLL_MS = 250,
};

struct queue_opts {
    const char *name, *job_id, *backoff;
    double delay;
    int priority, attempts;
    bool lifo, wait, json;
};

static const struct queue_opts defaults = {
    .name = "fettle", .attempts = 3, .backoff = "exponential:5s"};

static const struct ftl_opt rows[] = {
    FTL_OPT_STRING(struct queue_opts, name, 200, 0, "add: the job's name (fettle)"),
    FTL_OPT_STRING(struct queue_opts, job_id, 255, 0,
                   "add: the job's id; a job that has it already is left as it is"),
    FTL_OPT_DURATION(struct queue_opts, delay, 0, 31536000, "add: not before this has passed"),
    FTL_OPT_INT(struct queue_opts, priority, 0, 2097151, NULL,
                "add: 1 is the most urgent; 0 = none, which goes before all"),
    FTL_OPT_INT(struct queue_opts, attempts, 1, 1000, NULL, "add: tries in all (3)"),
    FTL_OPT_STRING(
        struct queue_opts, backoff, 64, 0,
        "add: wait before the next try, fixed:TIME or exponential:TIME (exponential:5s)"),
    FTL_OPT_BOOL(struct queue_opts, lifo, "add: to the front of the line"),
    FTL_OPT_BOOL(struct queue_opts, wait, "add: wait for the end of the job and print its report"),
    FTL_OPT_BOOL(struct queue_opts, json, "print as JSON"),
    FTL_OPT_END,
};

static const struct ftl_opt_table table =
    FTL_OPT_TABLE(struct queue_opts, "queue", rows, &defaults);

static const char *const settings[] = {"redis", "state_dir", "prefix", "queue", NULL};

/* ---- add ---- */

static enum ftl_code read_job(const char *path, struct ftl_str *text, cJSON **ret,
                              struct ftl_err *err)
{
    const struct ftl_json_limits limits = {.bytes = MAX_JOB_BYTES};
    bool is_stdin = strcmp(path, "-") == 0;
    enum ftl_code code =
        is_stdin ? ftl_fd_read_all(STDIN_FILENO, text, err) : ftl_file_read(path, text, err);
    if (code == FTL_OK) {
        code = ftl_json_parse(ftl_str_text(text), text->length, &limits, ret, err);
        if (code != FTL_OK && !is_stdin) {
            return ftl_wrap(err, "%s", path);
        }
    }
    return code;
}

/* What a worker would refuse is refused here, where somebody looks. Returns 0 or the exit status.
 */
static int check_job(const cJSON *job)
{
    struct ftl_err err = {.code = FTL_OK};
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(JOB_ARENA_BYTES);
    struct ftl_opt_errors errors = {.count = 0};
    const struct ftl_job *parsed = NULL;
    if (arena == NULL) {
        return ftl_code_exit_status(FTL_NOMEM);
    }
    if (ftl_job_parse(job, arena, &parsed, &errors, &err) != FTL_OK) {
        return errors.count > 0 ? ftl_cli_fail_all(&errors) : ftl_cli_fail(&err);
    }
    if (parsed->upload_to == NULL) {
        (void)ftl_fail(&err, FTL_SPEC, "a queued job says where to deliver: upload.to is required");
        (void)ftl_err_at(&err, "/upload");
        return ftl_cli_fail(&err);
    }
    return 0;
}

/* "exponential:5s" -> type (static) and milliseconds. */
static enum ftl_code parse_backoff(const char *text, struct ftl_add_options *ret,
                                   struct ftl_err *err)
{
    static const char *const types[] = {"fixed", "exponential"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t length = strlen(types[i]);
        double seconds = 0;
        if (strncmp(text, types[i], length) == 0 && text[length] == ':' &&
            ftl_duration_parse(text + length + 1, &seconds))
        {
            ret->backoff_type = types[i];
            ret->backoff_ms = (int64_t)(seconds * 1000.0);
            return FTL_OK;
        }
    }
    return ftl_fail(err, FTL_SPEC, "--backoff is fixed:TIME or exponential:TIME, not \"%.60s\"",
                    text);
}

static bool has_ended(const char *state)
{
    return strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0;
}

static void show_progress(const cJSON *job, char *last, size_t size)
{
    const cJSON *progress = ftl_json_get(job, "progress");
    char line[128];
    (void)snprintf(line, sizeof(line), "%s %s %.0f %%", ftl_json_string(job, "state", "unknown"),
                   ftl_json_string(progress, "phase", ""), ftl_json_number(progress, "percent", 0));
    if (strcmp(line, last) != 0 && isatty(STDERR_FILENO) != 0) {
        (void)fprintf(stderr, "\r\033[K%s", line);
        (void)ftl_copy_text(last, size, line);
    }
}

/* Asks until the job has ended; *ret is the job. */
static enum ftl_code wait_for_end(struct ftl_queue *queue, const char *id, cJSON **ret,
                                  struct ftl_err *err)
{
    struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0); /* the signal thread keeps it to the end */
    if (cancel == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    if (ftl_engine_cancel_on_signal(cancel, err) != FTL_OK) {
        return err->code;
    }
    char last[128] = "";
    for (;;) {
        FTL_AUTO(json) cJSON *job = NULL;
        if (ftl_producer_show(queue, id, &job, err) != FTL_OK) {
            return err->code;
        }
        show_progress(job, last, sizeof(last));
        if (has_ended(ftl_json_string(job, "state", "unknown"))) {
            (void)fprintf(stderr, "%s", last[0] != '\0' ? "\r\033[K" : "");
            *ret = FTL_TAKE(job);
            return FTL_OK;
        }
        if (ftl_pause_ms(cancel, WAIT_POLL_MS, err) != FTL_OK) {
            return err->code;
        }
    }
}

/* "SPEC /filters/1: …" -> SPEC; INTERNAL for a reason of another form. */
static enum ftl_code code_of_reason(const char *reason)
{
    char name[32];
    size_t length = strcspn(reason, " :");
    if (length >= sizeof(name)) {
        return FTL_INTERNAL;
    }
    memcpy(name, reason, length);
    name[length] = '\0';
    return ftl_code_from_name(name);
}

static int print_end(const cJSON *job)
{
    const char *reason = ftl_json_string(job, "failedReason", "");
    if (strcmp(ftl_json_string(job, "state", ""), "completed") == 0) {
        ftl_cli_print_json(ftl_json_get(job, "returnvalue"), true);
        return 0;
    }
    (void)fprintf(stderr, "fettle: job %s failed: %s\n", ftl_json_string(job, "id", "?"), reason);
    return ftl_code_exit_status(code_of_reason(reason));
}

static int after_add(const struct queue_opts *opts, struct ftl_queue *queue, const char *id)
{
    struct ftl_err err = {.code = FTL_OK};
    if (opts->wait) {
        FTL_AUTO(json) cJSON *job = NULL;
        if (wait_for_end(queue, id, &job, &err) != FTL_OK) {
            int number = ftl_engine_signal();
            return number != 0 ? 128 + number : ftl_cli_fail(&err);
        }
        return print_end(job);
    }
    if (opts->json) {
        FTL_AUTO(json) cJSON *json = ftl_json_object();
        ftl_json_add_string(json, "id", id);
        ftl_cli_print_json(json, true);
    } else {
        (void)printf("%s\n", id);
    }
    return 0;
}

static int run_add(const struct ftl_cli *cli)
{
    const struct queue_opts *opts = cli->opts;
    if (cli->operands_count != 2) {
        return ftl_cli_usage(cli, "add takes one job file, or - for standard input");
    }
    struct ftl_err err = {.code = FTL_OK};
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(MAX_JOB_BYTES);
    FTL_AUTO(json) cJSON *job = NULL;
    if (read_job(cli->operands[1], &text, &job, &err) != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    int status = check_job(job);
    if (status != 0) {
        return status;
    }
    struct ftl_add_options options = {.job_id = opts->job_id,
                                      .delay_ms = (int64_t)(opts->delay * 1000.0),
                                      .priority = opts->priority,
                                      .is_lifo = opts->lifo,
                                      .attempts = opts->attempts};
    struct ftl_queue *queue = NULL;
    char id[256];
    if (parse_backoff(opts->backoff, &options, &err) != FTL_OK ||
        ftl_queue_client_open(cli, NULL, &queue, &err) != FTL_OK)
    {
        return ftl_cli_fail(&err);
    }
    if (ftl_producer_add(queue, opts->name, ftl_str_text(&text), &options, id, &err) != FTL_OK) {
        status = ftl_cli_fail(&err);
    } else {
        status = after_add(opts, queue, id);
    }
    ftl_queue_close(queue);
    return status;
}

/* ---- stats ---- */

struct count {
    const char *name;
    int64_t value;
};

static void add_counts(const char *name, const struct ftl_queue_counts *counts, cJSON *list,
                       bool is_json)
{
    const struct count all[] = {
        {"waiting", counts->waiting}, {"prioritized", counts->prioritized},
        {"delayed", counts->delayed}, {"waiting-children", counts->waiting_children},
        {"active", counts->active},   {"completed", counts->completed},
        {"failed", counts->failed},
    };
    cJSON *one = ftl_json_object();
    ftl_json_add_string(one, "queue", name);
    if (!is_json) {
        (void)printf("%s%s\n", name, counts->is_paused ? " (paused)" : "");
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        ftl_json_add_int64(one, all[i].name, all[i].value);
        if (!is_json) {
            (void)printf("  %-17s%8lld\n", all[i].name, (long long)all[i].value);
        }
    }
    ftl_json_add_bool(one, "paused", counts->is_paused);
    ftl_json_append(list, one);
}

static enum ftl_code count_one(const struct ftl_cli *cli, const char *name, cJSON *list,
                               struct ftl_err *err)
{
    const struct queue_opts *opts = cli->opts;
    struct ftl_queue *queue = NULL;
    struct ftl_queue_counts counts = {.waiting = 0};
    if (ftl_queue_client_open(cli, name, &queue, err) != FTL_OK) {
        return err->code;
    }
    enum ftl_code code = ftl_producer_counts(queue, &counts, err);
    ftl_queue_close(queue);
    if (code == FTL_OK) {
        add_counts(name, &counts, list, opts->json);
    }
    return code;
}

static int run_stats(const struct ftl_cli *cli)
{
    const struct queue_opts *opts = cli->opts;
    const struct ftl_settings *all = cli->settings;
    const char *const *named = cli->operands + 1;
    size_t count = cli->operands_count - 1;
    const char *const fallback = FTL_DEFAULT_QUEUE;
    if (count == 0) {
        named = all->queue.count > 0 ? all->queue.items : &fallback;
        count = all->queue.count > 0 ? all->queue.count : 1;
    }
    FTL_AUTO(json) cJSON *list = ftl_json_array();
    struct ftl_err err = {.code = FTL_OK};
    for (size_t i = 0; i < count; i++) {
        if (count_one(cli, named[i], list, &err) != FTL_OK) {
            return ftl_cli_fail(&err);
        }
    }
    if (opts->json) {
        ftl_cli_print_json(list, true);
    }
    return 0;
}

/* ---- show ---- */

static void print_outputs(const cJSON *report)
{
    const cJSON *output = NULL;
    cJSON_ArrayForEach(output, ftl_json_get(report, "outputs"))
    {
        (void)printf("  %s  %lld bytes\n", ftl_json_string(output, "url", "?"),
                     (long long)ftl_json_int64(output, "bytes", 0));
    }
}

static void print_lines(const char *title, const cJSON *list)
{
    const cJSON *line = NULL;
    if (cJSON_GetArraySize(list) == 0) {
        return;
    }
    (void)printf("%s\n", title);
    cJSON_ArrayForEach(line, list)
    {
        (void)printf("  %s\n", cJSON_IsString(line) ? line->valuestring : "");
    }
}

/* A person's view: without the data, which may hold keys. */
static void print_job(const cJSON *job)
{
    const cJSON *progress = ftl_json_get(job, "progress");
    (void)printf("job %s  %s  %s\n", ftl_json_string(job, "id", "?"),
                 ftl_json_string(job, "name", ""), ftl_json_string(job, "state", "unknown"));
    (void)printf("attempts made %lld\n", (long long)ftl_json_int64(job, "attemptsMade", 0));
    if (cJSON_IsObject(progress)) {
        (void)printf("progress %s %.1f %%\n", ftl_json_string(progress, "phase", ""),
                     ftl_json_number(progress, "percent", 0));
    }
    const char *reason = ftl_json_string(job, "failedReason", NULL);
    if (reason != NULL) {
        (void)printf("failed: %s\n", reason);
    }
    if (cJSON_IsObject(ftl_json_get(job, "returnvalue"))) {
        (void)printf("outputs\n");
        print_outputs(ftl_json_get(job, "returnvalue"));
    }
    print_lines("stacktrace", ftl_json_get(job, "stacktrace"));
    print_lines("logs", ftl_json_get(job, "logs"));
}

static int run_show(const struct ftl_cli *cli)
{
    const struct queue_opts *opts = cli->opts;
    if (cli->operands_count != 2) {
        return ftl_cli_usage(cli, "show takes one job id");
    }
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_queue *queue = NULL;
    if (ftl_queue_client_open(cli, NULL, &queue, &err) != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    FTL_AUTO(json) cJSON *job = NULL;
    enum ftl_code code = ftl_producer_show(queue, cli->operands[1], &job, &err);
    ftl_queue_close(queue);
    if (code != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    if (opts->json) {
        ftl_cli_print_json(job, true);
    } else {
        print_job(job);
    }
    return 0;
}

static int run(struct ftl_cli *cli)
{
    static const struct {
        const char *name;
        int (*run)(const struct ftl_cli *cli);
    } actions[] = {{"add", run_add}, {"stats", run_stats}, {"show", run_show}};
    cli->log.is_text = true;
    cli->log.level = cli->log.level == FTL_LOG_INFO ? FTL_LOG_WARN : cli->log.level;
    if (cli->operands_count == 0) {
        return ftl_cli_usage(cli, "expected add, stats or show");
    }
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(cli->operands[0], actions[i].name) == 0) {
            return actions[i].run(cli);
        }
    }
    return ftl_cli_usage(cli, "there is no action %s: expected add, stats or show",
                         cli->operands[0]);
}

const struct ftl_command ftl_cmd_queue = {
    .name = "queue",
    .synopsis = "add JOB.json | stats [QUEUE]… | show ID   [OPTION]…",
    .summary = "add jobs to a queue, count them, look at one",
    .details =
        "add    checks the job document, queues it and prints its id; - reads standard input\n"
        "stats  jobs by state\n"
        "show   one job: state, progress, report or failure, log (--json: everything)\n\n"
        "Without --redis (or REDIS_URL) it is the Redis of the `fettle up` that runs with this\n"
        "--state-dir, else " FTL_DEFAULT_REDIS ".",
    .table = &table,
    .settings = settings,
    .run = run,
};
