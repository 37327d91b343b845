/* The command line: a table of commands, each with its flags as an option table. Flags, environment
 * and the config file fill the same settings table (settings.h); precedence: flag > environment >
 * file > default.
 *
 * stdout is data, stderr is talk. A command returns its exit status (README.md has the list).
 */
#ifndef FETTLE_CLI_CLI_H
#define FETTLE_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include <fettle/err.h>
#include <fettle/option.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/settings.h"

/* What a flag needs besides its option row. The option "dry_run" is the flag --dry-run. */
struct ftl_flag {
    const char *option;  /* row in the command's table */
    char letter;         /* short form; 0 = none */
    const char *metavar; /* "FILE"; NULL = from the kind */
};

struct ftl_cli {
    const struct ftl_command *command;
    const char *const *operands; /* NULL-terminated */
    size_t operands_count;
    const void *opts; /* struct of command->table */
    const struct ftl_settings *settings;
    const struct ftl_setting_origins *origins;
    struct ftl_arena *arena; /* for the life of the process */
    struct ftl_log log;
};

struct ftl_command {
    const char *name;
    const char *synopsis;              /* after "fettle NAME" */
    const char *summary;               /* one clause for the list */
    const char *details;               /* paragraphs and examples for --help; NULL = none */
    const struct ftl_opt_table *table; /* own flags; NULL = none */
    const struct ftl_flag *flags;      /* short forms and metavars, ended by {NULL}; may be NULL */
    const char *const
        *settings; /* settings that are flags of this command, NULL-terminated; NULL = none */
    int (*run)(struct ftl_cli *cli);
};

extern const struct ftl_command ftl_cmd_run, ftl_cmd_probe, ftl_cmd_worker, ftl_cmd_up,
    ftl_cmd_queue, ftl_cmd_filters, ftl_cmd_schema, ftl_cmd_config, ftl_cmd_doctor, ftl_cmd_version;

/* Prints "fettle: CODE /where: message" (or what the logger's form is) and returns the exit status.
 */
int ftl_cli_fail(const struct ftl_err *err);

/* Prints every error of a document, and returns the exit status of SPEC. */
int ftl_cli_fail_all(const struct ftl_opt_errors *errors);

/* One document on stdout, indented or on one line. */
void ftl_cli_print_json(const cJSON *json, bool is_pretty);

/* A usage error: message, hint at --help, exit status 2. */
int ftl_cli_usage(const struct ftl_cli *cli, const char *fmt, ...) FTL_PRINTF(2, 3);

#endif
