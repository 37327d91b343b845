/* fettle probe: what is in a file, as the engine sees it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/engine.h"

enum { OUT_BYTES = 1024 * 1024 };

struct probe_opts {
    bool json;
};

static const struct ftl_opt rows[] = {
    FTL_OPT_BOOL(struct probe_opts, json, "print as JSON"),
    FTL_OPT_END,
};

static const struct ftl_opt_table table = FTL_OPT_TABLE(struct probe_opts, "probe", rows, NULL);

static const char *const settings[] = {"temp_dir", "executor", "require_sandbox", "max_source",
                                       NULL};

static void print_stream(const cJSON *stream, bool is_chosen)
{
    const char *media = ftl_json_string(stream, "media", "data");
    (void)printf("  %s%d  %-5s  %s", is_chosen ? "*" : " ",
                 (int)ftl_json_number(stream, "index", 0), media,
                 ftl_json_string(stream, "codec", "unknown"));
    if (strcmp(media, "video") == 0) {
        (void)printf("  %dx%d  %s  %.3f fps", (int)ftl_json_number(stream, "width", 0),
                     (int)ftl_json_number(stream, "height", 0),
                     ftl_json_string(stream, "pix_fmt", "?"), ftl_json_number(stream, "fps", 0));
        int rotate = (int)ftl_json_number(stream, "rotate_deg", 0);
        if (rotate != 0) {
            (void)printf("  rotated %d", rotate);
        }
    } else if (strcmp(media, "audio") == 0) {
        (void)printf("  %d Hz  %s", (int)ftl_json_number(stream, "sample_rate_hz", 0),
                     ftl_json_string(stream, "channel_layout", "?"));
    }
    (void)printf("\n");
}

static void print_probe(const char *name, const cJSON *probe)
{
    (void)printf("%s: %s, %.3f s, %.0f bytes\n", name,
                 ftl_json_string(probe, "container", "unknown"),
                 ftl_json_number(probe, "duration_s", 0), ftl_json_number(probe, "bytes", 0));
    int video = (int)ftl_json_number(probe, "video", -1);
    int audio = (int)ftl_json_number(probe, "audio", -1);
    int index = 0;
    const cJSON *stream = NULL;
    cJSON_ArrayForEach(stream, ftl_json_get(probe, "streams"))
    {
        print_stream(stream, index == video || index == audio);
        index++;
    }
}

static enum ftl_code probe_source(struct ftl_engine *engine, const struct ftl_source *source,
                                  struct ftl_cancel *cancel, cJSON **ret, struct ftl_err *err)
{
    struct ftl_fetched fetched = {.fd = -1};
    if (ftl_fetch(source, &engine->runner.fetch, cancel, NULL, &fetched, err) != FTL_OK) {
        return err->code;
    }
    FTL_AUTO_FD int fd = fetched.fd;
    const struct ftl_exec_input input = {.index = 0, .fd = fd};
    const struct ftl_exec_task task = {.kind = FTL_EXEC_PROBE,
                                       .body = "{}",
                                       .body_length = 2,
                                       .inputs = &input,
                                       .inputs_count = 1,
                                       .limits = engine->runner.limits,
                                       .cancel = cancel};
    struct ftl_exec_result result = {.body = FTL_STR_INIT(OUT_BYTES)};
    enum ftl_code code = ftl_exec_run(engine->exec, &task, &result, err);
    if (code == FTL_OK) {
        const struct ftl_json_limits limits = {.bytes = OUT_BYTES};
        code = ftl_json_parse(ftl_str_text(&result.body), result.body.length, &limits, ret, err);
    }
    ftl_str_done(&result.body);
    return code;
}

static int run(struct ftl_cli *cli)
{
    const struct probe_opts *opts = cli->opts;
    if (cli->operands_count != 1) {
        return ftl_cli_usage(cli, "expected one file or URL, got %zu", cli->operands_count);
    }
    cli->log.is_text = true;
    cli->log.level = cli->log.level == FTL_LOG_INFO ? FTL_LOG_WARN : cli->log.level;
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_cancel *cancel =
        ftl_cancel_new(NULL, 0); /* lives as long as the signal thread: to the end */
    struct ftl_engine engine;
    if (cancel == NULL) {
        return ftl_code_exit_status(FTL_NOMEM);
    }
    if (ftl_engine_cancel_on_signal(cancel, &err) != FTL_OK ||
        ftl_engine_start(cli, true, &engine, &err) != FTL_OK)
    {
        return ftl_cli_fail(&err);
    }
    const struct ftl_source source = ftl_source_from_text(cli->operands[0]);
    FTL_AUTO(json) cJSON *document = NULL;
    enum ftl_code code = probe_source(&engine, &source, cancel, &document, &err);
    ftl_engine_stop(&engine);
    if (code != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    const cJSON *probe = ftl_json_get(document, "probe");
    if (opts->json) {
        ftl_cli_print_json(probe, true);
    } else {
        char shown[512];
        ftl_log_url(cli->operands[0], shown, sizeof(shown));
        print_probe(shown, probe);
    }
    return 0;
}

const struct ftl_command ftl_cmd_probe = {
    .name = "probe",
    .synopsis = "FILE | URL [--json]",
    .summary = "show what is in a file, as the engine sees it",
    .details =
        "Streams marked * are the ones a job would use. Sizes are upright, with square pixels.",
    .table = &table,
    .settings = settings,
    .run = run,
};
