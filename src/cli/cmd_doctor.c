/* fettle doctor and version: what this machine and this build have. */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/proc.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "queue/queue.h"

enum { OUT_BYTES = 1024 * 1024 };

struct doctor_opts {
    bool json;
};

static const struct ftl_opt rows[] = {
    FTL_OPT_BOOL(struct doctor_opts, json, "print as JSON"),
    FTL_OPT_END,
};

static const struct ftl_opt_table table = FTL_OPT_TABLE(struct doctor_opts, "doctor", rows, NULL);

static const char *const settings[] = {"redis", "temp_dir", "executor", "require_sandbox", NULL};

enum verdict { GOOD, POOR, BAD };

/* Adds one finding: a line, or a JSON object. */
static void add(cJSON *findings, enum verdict verdict, const char *check, const char *detail)
{
    static const char *const words[] = {"ok", "warning", "error"};
    cJSON *finding = ftl_json_object();
    ftl_json_add_string(finding, "check", check);
    ftl_json_add_string(finding, "result", words[verdict]);
    ftl_json_add_string(finding, "detail", detail);
    ftl_json_append(findings, finding);
}

/* Asks fettle-exec, the only one who knows, for its inventory. */
static enum ftl_code ask_executor(struct ftl_cli *cli, cJSON **ret, struct ftl_exec_result *result,
                                  struct ftl_err *err)
{
    const struct ftl_exec_config config = {.path = cli->settings->executor,
                                           .require_sandbox = cli->settings->require_sandbox,
                                           .log = &cli->log};
    FTL_AUTO(exec) struct ftl_exec *exec = NULL;
    if (ftl_exec_start(&config, &exec, err) != FTL_OK) {
        return err->code;
    }
    const struct ftl_exec_task task = {.kind = FTL_EXEC_INFO, .body = "{}", .body_length = 2};
    if (ftl_exec_run(exec, &task, result, err) != FTL_OK) {
        return err->code;
    }
    const struct ftl_json_limits limits = {.bytes = OUT_BYTES};
    return ftl_json_parse(ftl_str_text(&result->body), result->body.length, &limits, ret, err);
}

static bool has_name(const cJSON *list, const char *name)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What is missing of a list of wanted names, with what that costs. */
static void check_names(cJSON *findings, const char *check, const cJSON *have,
                        const char *const *wanted, enum verdict if_missing)
{
    FTL_AUTO_STR struct ftl_str missing = FTL_STR_INIT(512);
    FTL_AUTO_STR struct ftl_str found = FTL_STR_INIT(512);
    for (size_t i = 0; wanted[i] != NULL; i++) {
        struct ftl_str *list = has_name(have, wanted[i]) ? &found : &missing;
        ftl_str_printf(list, "%s%s", list->length > 0 ? ", " : "", wanted[i]);
    }
    if (missing.length > 0) {
        FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(600);
        ftl_str_printf(&text, "missing: %s", ftl_str_text(&missing));
        add(findings, if_missing, check, ftl_str_text(&text));
    } else {
        add(findings, GOOD, check, ftl_str_text(&found));
    }
}

static void check_executor(struct ftl_cli *cli, cJSON *findings)
{
    static const char *const needed[] = {"libx264", "aac", "mjpeg", "png", NULL};
    static const char *const useful[] = {"libx265",    "libsvtav1", "libvpx-vp9", "libopus",
                                         "libmp3lame", "libwebp",   NULL};
    /* all that filters/ and the engine's graphs ask for */
    static const char *const filters[] = {
        "aformat", "alimiter",      "aresample",   "asetnsamples", "asetpts",     "asplit",
        "atrim",   "bwdif",         "crop",        "format",       "fps",         "gblur",
        "hflip",   "lutyuv",        "mergeplanes", "overlay",      "premultiply", "scale",
        "setpts",  "setsar",        "settb",       "split",        "tonemap",     "transpose",
        "trim",    "unpremultiply", "vflip",       "volume",       "zscale",      NULL};
    static const char *const layers[] = {"seccomp", "landlock", NULL};
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_exec_result result = {.body = FTL_STR_INIT(OUT_BYTES)};
    FTL_AUTO(json) cJSON *info = NULL;
    if (ask_executor(cli, &info, &result, &err) != FTL_OK) {
        add(findings, BAD, "executor", err.msg);
        ftl_str_done(&result.body);
        return;
    }
    char text[160];
    (void)snprintf(text, sizeof(text), "starts a job in %.1f ms", result.start_ms);
    add(findings, GOOD, "executor", text);
    FTL_AUTO_STR struct ftl_str missing = FTL_STR_INIT(200);
    for (size_t i = 0; layers[i] != NULL; i++) {
        if (strstr(result.layers, layers[i]) == NULL) {
            ftl_str_printf(&missing, "%s%s", missing.length > 0 ? ", " : "", layers[i]);
        }
    }
    (void)snprintf(text, sizeof(text), "%s%s%s", result.layers,
                   missing.length > 0 ? "; not active: " : "", ftl_str_text(&missing));
    add(findings, missing.length > 0 ? POOR : GOOD, "sandbox", text);
    check_names(findings, "encoders", ftl_json_get(info, "encoders"), needed, BAD);
    check_names(findings, "more encoders", ftl_json_get(info, "encoders"), useful, POOR);
    check_names(findings, "libavfilter", ftl_json_get(info, "filters"), filters, BAD);
    ftl_str_done(&result.body);
}

static void check_machine(struct ftl_cli *cli, cJSON *findings)
{
    char text[512];
    int64_t memory = ftl_proc_memory_bytes();
    (void)snprintf(text, sizeof(text), "%d usable cores, %.1f GB of memory", ftl_proc_cgroup_cpus(),
                   (double)memory / 1e9);
    add(findings, memory >= (int64_t)1 << 30 ? GOOD : POOR, "machine", text);
    struct statvfs fs = {0};
    const char *directory = cli->settings->temp_dir;
    if (access(directory, W_OK | X_OK) != 0 || statvfs(directory, &fs) != 0) {
        (void)snprintf(text, sizeof(text), "%s cannot be written", directory);
        add(findings, BAD, "temporary files", text);
        return;
    }
    double free_gb = (double)fs.f_bavail * (double)fs.f_frsize / 1e9;
    (void)snprintf(text, sizeof(text), "%s has %.1f GB free", directory, free_gb);
    add(findings, free_gb >= 1 ? GOOD : POOR, "temporary files", text);
}

static void check_redis(struct ftl_cli *cli, cJSON *findings)
{
    if (cli->settings->redis == NULL) {
        add(findings, POOR, "redis", "not configured (REDIS_URL); `fettle up` brings its own");
        return;
    }
    struct ftl_err err = {.code = FTL_OK};
    const struct ftl_queue_config config = {
        .redis = {.url = cli->settings->redis, .connect_timeout_ms = 3000},
        .prefix = cli->settings->prefix,
        .name = "doctor",
        .worker_name = "",
        .log = &cli->log};
    struct ftl_queue *queue = NULL;
    if (ftl_queue_open(&config, &queue, &err) != FTL_OK) {
        add(findings, BAD, "redis", err.msg);
        return;
    }
    add(findings, GOOD, "redis", "answers");
    ftl_queue_close(queue);
}

static int run_doctor(struct ftl_cli *cli)
{
    const struct doctor_opts *opts = cli->opts;
    if (cli->operands_count != 0) {
        return ftl_cli_usage(cli, "expected no operand");
    }
    cli->log.is_text = true;
    cli->log.level = cli->log.level == FTL_LOG_INFO ? FTL_LOG_ERROR : cli->log.level;
    FTL_AUTO(json) cJSON *findings = ftl_json_array();
    check_executor(cli, findings);
    check_machine(cli, findings);
    check_redis(cli, findings);
    bool is_bad = false;
    const cJSON *finding = NULL;
    cJSON_ArrayForEach(finding, findings)
    {
        const char *result = ftl_json_string(finding, "result", "");
        is_bad = is_bad || strcmp(result, "error") == 0;
        if (!opts->json) {
            (void)printf("%-8s %-16s %s\n", result, ftl_json_string(finding, "check", ""),
                         ftl_json_string(finding, "detail", ""));
        }
    }
    if (opts->json) {
        ftl_cli_print_json(findings, true);
    }
    return is_bad ? ftl_code_exit_status(FTL_QUEUE) : 0;
}

const struct ftl_command ftl_cmd_doctor = {
    .name = "doctor",
    .synopsis = "[--json]",
    .summary = "check this machine: executor, sandbox, encoders, Redis, disk",
    .details = "Exit status: 0 all is well or degraded, 9 something that jobs need is missing.",
    .table = &table,
    .settings = settings,
    .run = run_doctor,
};

/* ---- version ---- */

static const char *const version_settings[] = {"executor", NULL};

static int run_version(struct ftl_cli *cli)
{
    const struct doctor_opts *opts = cli->opts;
    if (cli->operands_count != 0) {
        return ftl_cli_usage(cli, "expected no operand");
    }
    cli->log.level = FTL_LOG_ERROR;
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_exec_result result = {.body = FTL_STR_INIT(OUT_BYTES)};
    FTL_AUTO(json) cJSON *info = NULL;
    enum ftl_code code = ask_executor(cli, &info, &result, &err);
    ftl_str_done(&result.body);
    FTL_AUTO(json) cJSON *document = ftl_json_object();
    ftl_json_add_string(document, "fettle", FTL_VERSION);
    const cJSON *versions = ftl_json_get(info, "versions");
    if (versions != NULL) {
        ftl_json_add(document, "libraries", cJSON_Duplicate(versions, true));
    }
    if (opts->json) {
        ftl_cli_print_json(document, true);
    } else {
        (void)printf("fettle %s\n", FTL_VERSION);
        const cJSON *library = NULL;
        cJSON_ArrayForEach(library, versions)
        {
            if (cJSON_IsString(library)) {
                (void)printf("%s %s\n", library->string, library->valuestring);
            }
        }
    }
    return code == FTL_OK ? 0 : ftl_cli_fail(&err);
}

const struct ftl_command ftl_cmd_version = {
    .name = "version",
    .synopsis = "[--json]",
    .summary = "print the version, and those of the FFmpeg libraries",
    .table = &table,
    .settings = version_settings,
    .run = run_version,
};
