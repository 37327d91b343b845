/* Reads a command's flags and prints its help, both from its tables. */
#ifndef FETTLE_CLI_ARGS_H
#define FETTLE_CLI_ARGS_H

#include "base/str.h"
#include "cli/cli.h"

struct ftl_args {
    const char **operands; /* NULL-terminated, in the arena */
    size_t operands_count;
    void *opts; /* of the command's table, in the arena; NULL if it has none */
    bool wants_help;
};

/* Flags may stand anywhere before "--": --name value, --name=value, -n value, --no-name for
 * booleans. A flag of kind ARRAY of STRING may be repeated. SPEC errors name the flag and, for a
 * near miss, the one meant. */
enum ftl_code ftl_args_parse(const struct ftl_command *command, char **argv,
                             struct ftl_arena *arena, struct ftl_config *config,
                             struct ftl_args *ret, struct ftl_err *err) FTL_CHECK;

/* The value of --config in argv, before anything else is parsed; NULL if it is not there. */
const char *ftl_args_config_path(char **argv);

void ftl_args_help(const struct ftl_command *command, struct ftl_str *ret);

#endif
