#include "cli/args.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FLAG_NAME = 64 };

/* One flag found in argv: the row it belongs to, in which table. */
struct target {
    const struct ftl_opt *row;
    bool is_setting;
    bool is_negated; /* --no-name */
};

struct parser {
    const struct ftl_command *command;
    char **argv; /* what is still to read */
    struct ftl_arena *arena;
    struct ftl_config *config;
    struct ftl_args *args;
    uint64_t lists_seen; /* settings lists given by a flag already: further ones append */
};

static bool is_settings_flag(const struct ftl_command *command, const char *name)
{
    for (size_t i = 0; command->settings != NULL && command->settings[i] != NULL; i++) {
        if (strcmp(command->settings[i], name) == 0) {
            return true;
        }
    }
    return strcmp(name, "log_level") == 0;
}

static bool find_row(const struct ftl_command *command, const char *name, struct target *ret)
{
    ret->row = command->table != NULL ? ftl_opt_find(command->table, name) : NULL;
    ret->is_setting = false;
    if (ret->row == NULL && is_settings_flag(command, name)) {
        ret->row = ftl_opt_find(&ftl_settings_table, name);
        ret->is_setting = true;
    }
    return ret->row != NULL;
}

static bool find_long(const struct ftl_command *command, const char *flag, size_t length,
                      struct target *ret)
{
    char name[MAX_FLAG_NAME];
    if (length >= sizeof(name)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        name[i] = flag[i] == '-' ? '_' : flag[i];
    }
    name[length] = '\0';
    ret->is_negated = false;
    if (find_row(command, name, ret)) {
        return true;
    }
    if (ftl_starts_with(name, "no_") && find_row(command, name + 3, ret) &&
        ret->row->kind == FTL_OPT_KIND_BOOL)
    {
        ret->is_negated = true;
        return true;
    }
    return false;
}

static bool find_letter(const struct ftl_command *command, char letter, struct target *ret)
{
    for (size_t i = 0; command->flags != NULL && command->flags[i].option != NULL; i++) {
        if (command->flags[i].letter == letter) {
            ret->is_negated = false;
            return find_row(command, command->flags[i].option, ret);
        }
    }
    return false;
}

static enum ftl_code unknown_flag(const struct ftl_command *command, const char *flag,
                                  struct ftl_err *err)
{
    char name[MAX_FLAG_NAME] = "";
    size_t length = strcspn(flag, "=");
    for (size_t i = 2; i < length && i - 2 < sizeof(name) - 1; i++) {
        name[i - 2] = flag[i] == '-' ? '_' : flag[i];
    }
    const char *meant = command->table != NULL ? ftl_opt_suggest(command->table, name) : NULL;
    if (meant == NULL) {
        meant = ftl_opt_suggest(&ftl_settings_table, name);
        if (meant != NULL && !is_settings_flag(command, meant)) {
            meant = NULL;
        }
    }
    if (meant == NULL) {
        return ftl_fail(err, FTL_SPEC, "unknown option %.*s", (int)length, flag);
    }
    char dashed[MAX_FLAG_NAME];
    (void)ftl_copy_text(dashed, sizeof(dashed), meant);
    for (char *c = dashed; *c != '\0'; c++) {
        *c = (char)(*c == '_' ? '-' : *c);
    }
    return ftl_fail(err, FTL_SPEC, "unknown option %.*s, did you mean --%s?", (int)length, flag,
                    dashed);
}

static enum ftl_code store_setting(struct parser *parser, const struct target *target,
                                   const char *text, struct ftl_err *err)
{
    size_t index = (size_t)(target->row - ftl_settings_table.rows);
    bool is_more = (parser->lists_seen & ((uint64_t)1 << index)) != 0;
    parser->lists_seen |= (uint64_t)1 << index;
    parser->config->origins.of[index] = FTL_FROM_FLAG;
    parser->config->origins.name[index] = target->row->name;
    return ftl_settings_set(&parser->config->settings, target->row->name, text, is_more,
                            parser->arena, err);
}

static enum ftl_code store(struct parser *parser, const struct target *target, const char *text,
                           struct ftl_err *err)
{
    if (target->is_setting) {
        return store_setting(parser, target, text, err);
    }
    if (target->row->kind == FTL_OPT_KIND_ARRAY) {
        struct ftl_array *array =
            (struct ftl_array *)(void *)((char *)parser->args->opts + target->row->offset);
        return ftl_settings_append(array, text, parser->arena, err);
    }
    return ftl_opt_set_text(parser->command->table, target->row->name, text, parser->arena,
                            parser->args->opts, err);
}

/* `inline_value` follows the flag in the same word, or is NULL. */
static enum ftl_code take_value(struct parser *parser, const struct target *target,
                                const char *flag, const char *inline_value, struct ftl_err *err)
{
    const char *text = inline_value;
    if (target->row->kind == FTL_OPT_KIND_BOOL) {
        if (text == NULL) {
            text = target->is_negated ? "false" : "true";
        } else if (target->is_negated) {
            return ftl_fail(err, FTL_SPEC, "%s takes no value", flag);
        }
    } else if (text == NULL) {
        if (*parser->argv == NULL) {
            return ftl_fail(err, FTL_SPEC, "%s needs a value", flag);
        }
        text = *parser->argv++;
    }
    if (store(parser, target, text, err) != FTL_OK) {
        err->where[0] = '\0'; /* the flag is the place */
        return ftl_wrap(err, "%s", flag);
    }
    return FTL_OK;
}

static enum ftl_code parse_long(struct parser *parser, const char *word, struct ftl_err *err)
{
    size_t length = strcspn(word, "=");
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    if (strcmp(word, "--help") == 0) {
        parser->args->wants_help = true;
        return FTL_OK;
    }
    if (ftl_starts_with(word, "--config")) {
        if (value == NULL && *parser->argv != NULL) {
            parser->argv++; /* read by ftl_args_config_path */
        }
        return FTL_OK;
    }
    struct target target = {.row = NULL};
    if (!find_long(parser->command, word + 2, length - 2, &target)) {
        return unknown_flag(parser->command, word, err);
    }
    char *flag = ftl_arena_strndup(parser->arena, word, length);
    return take_value(parser, &target, flag != NULL ? flag : "option", value, err);
}

/* -abc: booleans may be joined, the last may take a value in the same word. */
static enum ftl_code parse_letters(struct parser *parser, const char *word, struct ftl_err *err)
{
    for (const char *at = word + 1; *at != '\0'; at++) {
        char flag[3] = {'-', *at, '\0'};
        struct target target = {.row = NULL};
        if (*at == 'h') {
            parser->args->wants_help = true;
            continue;
        }
        if (!find_letter(parser->command, *at, &target)) {
            return ftl_fail(err, FTL_SPEC, "unknown option %s", flag);
        }
        bool is_last = target.row->kind != FTL_OPT_KIND_BOOL;
        const char *value = is_last && at[1] != '\0' ? at + 1 : NULL;
        if (take_value(parser, &target, flag, value, err) != FTL_OK) {
            return err->code;
        }
        if (is_last) {
            break;
        }
    }
    return FTL_OK;
}

static enum ftl_code prepare(struct parser *parser, struct ftl_err *err)
{
    size_t words = 0;
    while (parser->argv[words] != NULL) {
        words++;
    }
    struct ftl_args *args = parser->args;
    *args =
        (struct ftl_args){.operands = ftl_arena_alloc(parser->arena, words + 1, sizeof(char *))};
    const struct ftl_opt_table *table = parser->command->table;
    if (table != NULL) {
        args->opts = ftl_arena_alloc(parser->arena, 1, table->size);
        if (args->opts != NULL && table->defaults != NULL) {
            memcpy(args->opts, table->defaults, table->size);
        }
    }
    if (args->operands == NULL || (table != NULL && args->opts == NULL)) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    return FTL_OK;
}

enum ftl_code ftl_args_parse(const struct ftl_command *command, char **argv,
                             struct ftl_arena *arena, struct ftl_config *config,
                             struct ftl_args *ret, struct ftl_err *err)
{
    struct parser parser = {
        .command = command, .argv = argv, .arena = arena, .config = config, .args = ret};
    if (prepare(&parser, err) != FTL_OK) {
        return err->code;
    }
    bool only_operands = false;
    while (*parser.argv != NULL) {
        const char *word = *parser.argv++;
        enum ftl_code code = FTL_OK;
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            ret->operands[ret->operands_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (word[1] == '-') {
            code = parse_long(&parser, word, err);
        } else {
            code = parse_letters(&parser, word, err);
        }
        if (code != FTL_OK) {
            return code;
        }
    }
    return FTL_OK;
}

const char *ftl_args_config_path(char **argv)
{
    for (size_t i = 0; argv[i] != NULL && strcmp(argv[i], "--") != 0; i++) {
        if (ftl_starts_with(argv[i], "--config=")) {
            return argv[i] + strlen("--config=");
        }
        if (strcmp(argv[i], "--config") == 0) {
            return argv[i + 1];
        }
    }
    return NULL;
}

/* ---- help ---- */

static const char *metavar_of(const struct ftl_command *command, const struct ftl_opt *row)
{
    for (size_t i = 0; command->flags != NULL && command->flags[i].option != NULL; i++) {
        if (strcmp(command->flags[i].option, row->name) == 0 && command->flags[i].metavar != NULL) {
            return command->flags[i].metavar;
        }
    }
    switch (row->kind) {
    case FTL_OPT_KIND_INT:
    case FTL_OPT_KIND_INT64:
    case FTL_OPT_KIND_DOUBLE:
        return "N";
    case FTL_OPT_KIND_DURATION:
        return "TIME";
    case FTL_OPT_KIND_BYTES:
        return "SIZE";
    default: /* every other kind is written as text */
        return "TEXT";
    }
}

static void help_choices(const struct ftl_opt *row, struct ftl_str *ret)
{
    for (size_t i = 0; row->choices != NULL && row->choices[i].name != NULL; i++) {
        ftl_str_printf(ret, "%s%s", i == 0 ? "" : "|", row->choices[i].name);
    }
}

static void help_row(const struct ftl_command *command, const struct ftl_opt *row, bool is_setting,
                     struct ftl_str *ret)
{
    enum { HELP_COLUMN = 30 };
    FTL_AUTO_STR struct ftl_str left = FTL_STR_INIT(256);
    char letter = 0;
    for (size_t i = 0; command->flags != NULL && command->flags[i].option != NULL; i++) {
        if (strcmp(command->flags[i].option, row->name) == 0) {
            letter = command->flags[i].letter;
        }
    }
    if (letter != 0) {
        ftl_str_printf(&left, "  -%c, --", letter);
    } else {
        ftl_str_add(&left, "      --");
    }
    for (const char *c = row->name; *c != '\0'; c++) {
        char shown = (char)(*c == '_' ? '-' : *c);
        ftl_str_add_bytes(&left, &shown, 1);
    }
    if (row->kind == FTL_OPT_KIND_CHOICE) {
        ftl_str_add(&left, " ");
        help_choices(row, &left);
    } else if (row->kind != FTL_OPT_KIND_BOOL) {
        ftl_str_printf(&left, " %s", metavar_of(command, row));
    }
    if (left.length >= HELP_COLUMN) {
        ftl_str_printf(ret, "%s\n%*s%s", ftl_str_text(&left), (int)HELP_COLUMN, "", row->help);
    } else {
        ftl_str_printf(ret, "%-*s%s", (int)HELP_COLUMN, ftl_str_text(&left), row->help);
    }
    if (is_setting) {
        const char *const *variables =
            ftl_settings_variables((size_t)(row - ftl_settings_table.rows));
        const char *shown = variables[1] != NULL ? variables[1] : variables[0];
        ftl_str_printf(ret, " [$%s]", shown);
    }
    ftl_str_add(ret, "\n");
}

void ftl_args_help(const struct ftl_command *command, struct ftl_str *ret)
{
    ftl_str_printf(ret, "Usage: fettle %s %s\n\n%c%s.\n", command->name, command->synopsis,
                   toupper((unsigned char)command->summary[0]), command->summary + 1);
    if (command->details != NULL) {
        ftl_str_printf(ret, "\n%s\n", command->details);
    }
    ftl_str_add(ret, "\nOptions:\n");
    for (size_t i = 0; command->table != NULL && command->table->rows[i].name != NULL; i++) {
        if ((command->table->rows[i].flags & FTL_OPT_DEPRECATED) == 0) {
            help_row(command, &command->table->rows[i], false, ret);
        }
    }
    for (size_t i = 0; command->settings != NULL && command->settings[i] != NULL; i++) {
        help_row(command, ftl_opt_find(&ftl_settings_table, command->settings[i]), true, ret);
    }
    help_row(command, ftl_opt_find(&ftl_settings_table, "log_level"), true, ret);
    ftl_str_add(ret, "      --config FILE           JSON file of settings (see `fettle config`) "
                     "[$FETTLE_CONFIG]\n"
                     "  -h, --help                  this text\n");
}
