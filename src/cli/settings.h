/* Everything an operator can set, one option row each, shared by all commands. */
#ifndef FETTLE_CLI_SETTINGS_H
#define FETTLE_CLI_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/option.h>

struct ftl_settings {
    const char *redis; /* NULL = not configured */
    const char *prefix;
    struct ftl_array queue;  /* const char *; names */
    int concurrency;         /* active jobs at once; 0 = usable cores */
    const char *worker_name; /* NULL = host name and pid */
    double lock_duration;    /* s */
    double stalled_interval; /* s */
    int max_stalled;
    double grace;        /* s a stopping worker lets jobs finish */
    double job_deadline; /* s of wall time per job; 0 = none */
    int64_t job_memory;  /* bytes an executor may map */
    int64_t memory; /* bytes all executors may plan together; 0 = 80 % of what the machine or cgroup
                       has */
    int cpus;       /* CPU permits; 0 = usable cores */
    const char *allow_hosts; /* url_policy.h */
    struct ftl_array roots;  /* const char *; directories jobs may read and deliver to (worker) */
    int64_t max_source;      /* bytes of one download */
    const char *temp_dir;
    const char *executor; /* path of fettle-exec; NULL = beside fettle */
    bool require_sandbox;
    const char *state_dir; /* `fettle up` keeps its Redis here */
    int log_level;         /* enum ftl_log_level */
    uint64_t set;
};

enum ftl_setting_origin { FTL_FROM_DEFAULT, FTL_FROM_FILE, FTL_FROM_ENVIRONMENT, FTL_FROM_FLAG };

enum { FTL_SETTINGS_MAX = 64 };

/* Where each row's value came from, by row number. */
struct ftl_setting_origins {
    enum ftl_setting_origin of[FTL_SETTINGS_MAX];
    const char *name[FTL_SETTINGS_MAX]; /* variable, flag or file; NULL for the default */
};

struct ftl_config {
    struct ftl_settings settings;
    struct ftl_setting_origins origins;
};

extern const struct ftl_opt_table ftl_settings_table;

/* Defaults, then the config file (`path`, or $FETTLE_CONFIG; NULL = none), then the environment.
 * SPEC errors name the variable or the place in the file. */
enum ftl_code ftl_settings_load(const char *path, struct ftl_arena *arena, struct ftl_config *ret,
                                struct ftl_err *err) FTL_CHECK;

/* One setting from text; lists take "a,b" and are appended to when `is_more`. */
enum ftl_code ftl_settings_set(struct ftl_settings *settings, const char *name, const char *text,
                               bool is_more, struct ftl_arena *arena,
                               struct ftl_err *err) FTL_CHECK;

/* Names of the environment variables of row `index`: FETTLE_<NAME>, then names that deployments
 * already use; NULL-terminated, valid until the next call in this thread. */
const char *const *ftl_settings_variables(size_t index);

/* Adds one string to an array of strings. */
enum ftl_code ftl_settings_append(struct ftl_array *array, const char *text,
                                  struct ftl_arena *arena, struct ftl_err *err) FTL_CHECK;

#endif
