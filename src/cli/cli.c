#include "cli/cli.h"

#include <stdio.h>

#include "base/str.h"

enum { OUT_BYTES = 4 * 1024 * 1024 };

int ftl_cli_fail(const struct ftl_err *err)
{
    (void)fprintf(stderr, "fettle: %s%s%s: %s\n", ftl_code_name(err->code),
                  err->where[0] != '\0' ? " " : "", err->where, err->msg);
    return ftl_code_exit_status(err->code);
}

int ftl_cli_fail_all(const struct ftl_opt_errors *errors)
{
    size_t shown = errors->count < FTL_OPT_MAX_ERRORS ? errors->count : FTL_OPT_MAX_ERRORS;
    for (size_t i = 0; i < shown; i++) {
        (void)ftl_cli_fail(&errors->list[i]);
    }
    if (errors->count > shown) {
        (void)fprintf(stderr, "fettle: and %zu more\n", errors->count - shown);
    }
    return ftl_code_exit_status(FTL_SPEC);
}

int ftl_cli_usage(const struct ftl_cli *cli, const char *fmt, ...)
{
    char text[512] = "";
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)fprintf(stderr, "fettle %s: %s\nTry: fettle %s --help\n", cli->command->name, text,
                  cli->command->name);
    return ftl_code_exit_status(FTL_SPEC);
}

void ftl_cli_print_json(const cJSON *json, bool is_pretty)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(OUT_BYTES);
    ftl_json_print(json, is_pretty, &text);
    (void)printf("%s\n", ftl_str_text(&text)); /* a failing stdout is main()'s to find */
}
