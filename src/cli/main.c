#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/args.h"
#include "cli/cli.h"

enum { CLI_ARENA_BYTES = 16 * 1024 * 1024, HELP_BYTES = 64 * 1024 };

static const struct ftl_command *const commands[] = {
    &ftl_cmd_run,     &ftl_cmd_worker, &ftl_cmd_up,     &ftl_cmd_probe,  &ftl_cmd_queue,
    &ftl_cmd_filters, &ftl_cmd_schema, &ftl_cmd_config, &ftl_cmd_doctor, &ftl_cmd_version,
};

enum { COMMANDS_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_overview(FILE *to)
{
    (void)fprintf(
        to,
        "Usage: fettle COMMAND [OPTION]… [OPERAND]…\n\n"
        "Takes video jobs from a BullMQ queue, or from the command line, and runs them through\n"
        "in-process FFmpeg filter graphs in a sandbox.\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        (void)fprintf(to, "  %-10s%s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fprintf(
        to, "\nExamples:\n"
            "  fettle run clip.mp4 -f aspect,ratio=9:16 -f loudness -o out/final.mp4\n"
            "  fettle run job.json -o out/\n"
            "  fettle up                          a private Redis and a worker, to try it\n"
            "  fettle queue add job.json          queue a job for it\n"
            "  fettle worker --redis redis://localhost:6379 --queue clips --roots /srv/media\n"
            "\nMore: fettle COMMAND --help\n");
}

static const struct ftl_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/* The status, unless what was printed got lost. A reader that has seen enough (`| head`) is no
 * failure; buffers written early leave their error on the stream only. */
static int settle_stdout(int status)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    bool is_lost = fflush(stdout) != 0 || ferror(stdout) != 0;
    bool is_reader_gone = is_lost && poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
    if (!is_lost || is_reader_gone || status != 0) {
        return status;
    }
    (void)fprintf(stderr, "fettle: writing to standard output failed\n");
    return ftl_code_exit_status(FTL_STORE);
}

static int print_help(const struct ftl_command *command)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(HELP_BYTES);
    ftl_args_help(command, &text);
    (void)fputs(ftl_str_text(&text), stdout);
    return settle_stdout(0);
}

static int run_command(const struct ftl_command *command, char **argv, struct ftl_arena *arena)
{
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_config config;
    struct ftl_args args = {.operands = NULL};
    if (ftl_settings_load(ftl_args_config_path(argv), arena, &config, &err) != FTL_OK) {
        return ftl_cli_fail(&err);
    }
    if (ftl_args_parse(command, argv, arena, &config, &args, &err) != FTL_OK) {
        (void)fprintf(stderr, "fettle %s: %s\nTry: fettle %s --help\n", command->name, err.msg,
                      command->name);
        return ftl_code_exit_status(err.code);
    }
    if (args.wants_help) {
        return print_help(command);
    }
    struct ftl_cli cli = {
        .command = command,
        .operands = args.operands,
        .operands_count = args.operands_count,
        .opts = args.opts,
        .settings = &config.settings,
        .origins = &config.origins,
        .arena = arena,
        .log = {.fd = STDERR_FILENO, .level = (enum ftl_log_level)config.settings.log_level},
    };
    return settle_stdout(command->run(&cli));
}

static int run_help(char **argv)
{
    if (*argv == NULL) {
        print_overview(stdout);
        return 0;
    }
    const struct ftl_command *command = find_command(*argv);
    if (command == NULL) {
        (void)fprintf(stderr, "fettle: no command %s\n", *argv);
        return ftl_code_exit_status(FTL_SPEC);
    }
    return print_help(command);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of that write */
    if (argc < 2) {
        print_overview(stderr);
        return ftl_code_exit_status(FTL_SPEC);
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return run_help(argv + 2);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        name = "version";
    }
    const struct ftl_command *command = find_command(name);
    if (command == NULL) {
        (void)fprintf(stderr, "fettle: no command %s\nTry: fettle --help\n", name);
        return ftl_code_exit_status(FTL_SPEC);
    }
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(CLI_ARENA_BYTES);
    if (arena == NULL) {
        (void)fprintf(stderr, "fettle: out of memory\n");
        return ftl_code_exit_status(FTL_NOMEM);
    }
    return run_command(command, argv + 2, arena);
}
