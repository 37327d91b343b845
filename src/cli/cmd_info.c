/* fettle filters, schema, config: what the tables say. */
#include <stdio.h>
#include <string.h>

#include <fettle/filter.h>

#include "base/json.h"
#include "cli/cli.h"
#include "job/spec.h"

struct json_opts {
    bool json;
};

static const struct ftl_opt json_rows[] = {
    FTL_OPT_BOOL(struct json_opts, json, "print as JSON"),
    FTL_OPT_END,
};

static const struct ftl_opt_table json_table =
    FTL_OPT_TABLE(struct json_opts, "json", json_rows, NULL);

/* ---- filters ---- */

static void print_default(const struct ftl_opt *row, const cJSON *defaults)
{
    const cJSON *value = ftl_json_get(defaults, row->name);
    if (value == NULL || cJSON_IsNull(value)) {
        return;
    }
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(256);
    ftl_json_print(value, false, &text);
    (void)printf(" [%s]", ftl_str_text(&text));
}

static void print_filter(const struct ftl_filter *filter)
{
    (void)printf("%s: %s\n", filter->name, filter->summary);
    FTL_AUTO_FREE void *values = ftl_calloc(1, filter->table->size);
    FTL_AUTO(json) cJSON *defaults = NULL;
    if (values != NULL && filter->table->defaults != NULL) {
        memcpy(values, filter->table->defaults, filter->table->size);
        defaults = ftl_opt_print(filter->table, values, false, false);
    }
    for (const struct ftl_opt *row = filter->table->rows; row->name != NULL; row++) {
        (void)printf("  %-16s %s", row->name, row->help);
        if (row->unit != NULL) {
            (void)printf(", %s", row->unit);
        }
        if (row->kind == FTL_OPT_KIND_INT || row->kind == FTL_OPT_KIND_DOUBLE ||
            row->kind == FTL_OPT_KIND_DURATION)
        {
            (void)printf(" (%g..%g)", row->min, row->max);
        }
        for (size_t i = 0; row->choices != NULL && row->choices[i].name != NULL; i++) {
            (void)printf("%s%s", i == 0 ? ": " : "|", row->choices[i].name);
        }
        if ((row->flags & FTL_OPT_REQUIRED) != 0) {
            (void)printf(" (required)");
        } else {
            print_default(row, defaults);
        }
        (void)printf("\n");
    }
}

static cJSON *filter_json(const struct ftl_filter *filter)
{
    cJSON *object = ftl_json_object();
    ftl_json_add_string(object, "filter", filter->name);
    ftl_json_add_string(object, "summary", filter->summary);
    cJSON *media = ftl_json_array();
    if ((filter->media & FTL_MEDIA_VIDEO) != 0) {
        ftl_json_append(media, cJSON_CreateString("video"));
    }
    if ((filter->media & FTL_MEDIA_AUDIO) != 0) {
        ftl_json_append(media, cJSON_CreateString("audio"));
    }
    ftl_json_add(object, "media", media);
    ftl_json_add(object, "options", ftl_opt_schema(filter->table));
    return object;
}

static const struct ftl_filter *wanted_filter(struct ftl_cli *cli, int *ret_status)
{
    const struct ftl_filter *filter = ftl_filter_find(cli->operands[0]);
    if (filter == NULL) {
        *ret_status = ftl_cli_usage(cli, "no filter %s", cli->operands[0]);
    }
    return filter;
}

static int run_filters(struct ftl_cli *cli)
{
    const struct json_opts *opts = cli->opts;
    if (cli->operands_count > 1) {
        return ftl_cli_usage(cli, "expected at most one filter");
    }
    const struct ftl_filter *only = NULL;
    int status = 0;
    if (cli->operands_count == 1 && (only = wanted_filter(cli, &status)) == NULL) {
        return status;
    }
    FTL_AUTO(json) cJSON *list = ftl_json_array();
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        const struct ftl_filter *filter = ftl_filter_at(i);
        if (only != NULL && filter != only) {
            continue;
        }
        if (opts->json) {
            ftl_json_append(list, filter_json(filter));
        } else {
            print_filter(filter);
            (void)printf("%s", only == NULL && ftl_filter_at(i + 1) != NULL ? "\n" : "");
        }
    }
    if (opts->json) {
        ftl_cli_print_json(list, true);
    }
    return 0;
}

const struct ftl_command ftl_cmd_filters = {
    .name = "filters",
    .synopsis = "[NAME] [--json]",
    .summary = "list the filters and their options",
    .table = &json_table,
    .run = run_filters,
};

/* ---- schema ---- */

static int run_schema(struct ftl_cli *cli)
{
    if (cli->operands_count != 0) {
        return ftl_cli_usage(cli, "expected no operand");
    }
    FTL_AUTO(json) cJSON *schema = ftl_job_schema();
    ftl_cli_print_json(schema, true);
    return 0;
}

const struct ftl_command ftl_cmd_schema = {
    .name = "schema",
    .synopsis = "",
    .summary = "print the JSON Schema (2020-12) of a job",
    .run = run_schema,
};

/* ---- config ---- */

static const char *origin_text(const struct ftl_cli *cli, size_t index)
{
    static const char *const kinds[] = {"default", "file", "environment", "flag"};
    return kinds[cli->origins->of[index]];
}

static void print_setting(const struct ftl_cli *cli, size_t index, const cJSON *values)
{
    const struct ftl_opt *row = &ftl_settings_table.rows[index];
    FTL_AUTO_STR struct ftl_str value = FTL_STR_INIT(4096);
    const cJSON *item = ftl_json_get(values, row->name);
    if (item == NULL) {
        ftl_str_add(&value, "null");
    } else {
        ftl_json_print(item, false, &value);
    }
    const char *name = cli->origins->name[index];
    (void)printf("%-18s %-28s %s%s%s\n", row->name, ftl_str_text(&value), origin_text(cli, index),
                 name != NULL ? " " : "", name != NULL ? name : "");
}

static int run_config(struct ftl_cli *cli)
{
    const struct json_opts *opts = cli->opts;
    if (cli->operands_count != 0) {
        return ftl_cli_usage(cli, "expected no operand");
    }
    FTL_AUTO(json) cJSON *values = ftl_opt_print(&ftl_settings_table, cli->settings, false, false);
    FTL_AUTO(json) cJSON *document = ftl_json_object();
    for (size_t i = 0; ftl_settings_table.rows[i].name != NULL; i++) {
        const struct ftl_opt *row = &ftl_settings_table.rows[i];
        if (!opts->json) {
            print_setting(cli, i, values);
            continue;
        }
        cJSON *setting = ftl_json_object();
        const cJSON *value = ftl_json_get(values, row->name);
        ftl_json_add(setting, "value",
                     value != NULL ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
        ftl_json_add_string(setting, "origin", origin_text(cli, i));
        if (cli->origins->name[i] != NULL) {
            ftl_json_add_string(setting, "name", cli->origins->name[i]);
        }
        ftl_json_add_string(setting, "help", row->help);
        ftl_json_add(document, row->name, setting);
    }
    if (opts->json) {
        ftl_cli_print_json(document, true);
    }
    return 0;
}

const struct ftl_command ftl_cmd_config = {
    .name = "config",
    .synopsis = "[--json]",
    .summary = "show every setting, its value and where it came from",
    .details = "A setting is taken from a flag of the command, else from its environment variable "
               "(FETTLE_NAME, or\n"
               "a name people already use, such as REDIS_URL), else from the JSON file of "
               "--config, else its\n"
               "default. Secrets are shown as \"***\".",
    .table = &json_table,
    .run = run_config,
};
