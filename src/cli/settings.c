#include "cli/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"

enum { MAX_CONFIG_BYTES = 64 * 1024, MAX_LIST = 64 };

static const struct ftl_choice log_levels[] = {
    {.name = "error", .value = FTL_LOG_ERROR, .help = "a job failed or the process is unwell"},
    {.name = "warn", .value = FTL_LOG_WARN, .help = "degraded but done"},
    {.name = "info", .value = FTL_LOG_INFO, .help = "a line per step of a job"},
    {.name = "debug", .value = FTL_LOG_DEBUG, .help = "a line per object"},
    {.name = NULL},
};

static const struct ftl_settings defaults = {
    .prefix = "bull",
    .lock_duration = 30,
    .stalled_interval = 30,
    .max_stalled = 1,
    .grace = 30,
    .job_deadline = 3600,
    .job_memory = (int64_t)4 << 30,
    .max_source = (int64_t)8 << 30,
    .temp_dir = "/tmp",
    .state_dir = ".fettle",
    .log_level = FTL_LOG_INFO,
};

static const struct ftl_opt rows[] = {
    FTL_OPT_STRING(struct ftl_settings, redis, 2048, FTL_OPT_SECRET,
                   "Redis to use: redis://[user:password@]host[:port][/db] or unix:///path[?db=n]"),
    FTL_OPT_STRING(struct ftl_settings, prefix, 200, 0, "key prefix of the queues, as in BullMQ"),
    FTL_OPT_ARRAY(struct ftl_settings, queue, STRING, MAX_LIST, 0,
                  "queue to take jobs from; several by a comma list or by repeating the flag"),
    FTL_OPT_INT(struct ftl_settings, concurrency, 0, 256, NULL,
                "jobs in progress at once; 0 = one per usable core"),
    FTL_OPT_STRING(
        struct ftl_settings, worker_name, 128, 0,
        "name shown by getWorkers and as processedBy; default: host name and process id"),
    FTL_OPT_DURATION(struct ftl_settings, lock_duration, 0.1, 3600,
                     "how long a job's lock lasts; it is renewed at a third of that"),
    FTL_OPT_DURATION(struct ftl_settings, stalled_interval, 0.1, 3600,
                     "how often lost jobs are looked for; the same for all workers of a queue"),
    FTL_OPT_INT(struct ftl_settings, max_stalled, 0, 100, NULL,
                "times a job may be recovered before it fails"),
    FTL_OPT_DURATION(
        struct ftl_settings, grace, 0, 86400,
        "how long a stopping worker lets running jobs finish before it hands them back"),
    FTL_OPT_DURATION(struct ftl_settings, job_deadline, 0, 604800,
                     "wall time one job may take; 0 = no limit"),
    FTL_OPT_BYTES(struct ftl_settings, job_memory, (double)((int64_t)256 << 20),
                  (double)((int64_t)1 << 46), "address space of one executor"),
    FTL_OPT_BYTES(struct ftl_settings, memory, 0, (double)((int64_t)1 << 46),
                  "memory all running plans may estimate together; 0 = 80 % of what there is"),
    FTL_OPT_INT(struct ftl_settings, cpus, 0, 1024, NULL, "CPU permits; 0 = usable cores"),
    FTL_OPT_STRING(
        struct ftl_settings, allow_hosts, 4096, 0,
        "private hosts that jobs may name: host, *.suffix, CIDR or host:port, comma-separated"),
    FTL_OPT_ARRAY(struct ftl_settings, roots, STRING, MAX_LIST, 0,
                  "directory that jobs may read from and deliver to; repeatable (workers only)"),
    FTL_OPT_BYTES(struct ftl_settings, max_source, 1, (double)((int64_t)1 << 46),
                  "largest source to download"),
    FTL_OPT_STRING(struct ftl_settings, temp_dir, 4096, 0, "where unlinked temporary files live"),
    FTL_OPT_STRING(struct ftl_settings, executor, 4096, 0,
                   "path of fettle-exec; default: beside fettle"),
    FTL_OPT_BOOL(struct ftl_settings, require_sandbox,
                 "refuse to run where a sandbox layer is missing"),
    FTL_OPT_STRING(struct ftl_settings, state_dir, 4096, 0, "where `fettle up` keeps its Redis"),
    FTL_OPT_CHOICE(struct ftl_settings, log_level, log_levels, "how much is logged on stderr"),
    FTL_OPT_END,
};

const struct ftl_opt_table ftl_settings_table = {
    .name = "settings",
    .summary = "Everything an operator can set.",
    .rows = rows,
    .size = sizeof(struct ftl_settings),
    .defaults = &defaults,
    .set_offset = offsetof(struct ftl_settings, set),
};

/* Names that deployments already have; FETTLE_* wins over them. */
static const struct {
    const char *option, *variable;
} known_variables[] = {
    {"redis", "REDIS_URL"},
    {"prefix", "BULL_PREFIX"},
    {"log_level", "LOG_LEVEL"},
    {"temp_dir", "TMPDIR"},
};

enum { KNOWN_COUNT = sizeof(known_variables) / sizeof(known_variables[0]) };

const char *const *ftl_settings_variables(size_t index)
{
    static _Thread_local char own[64];
    static _Thread_local const char *list[1 + KNOWN_COUNT + 1];
    const char *name = rows[index].name;
    size_t used = (size_t)snprintf(own, sizeof(own), "FETTLE_");
    for (size_t i = 0; name[i] != '\0' && used + 1 < sizeof(own); i++) {
        char c = name[i];
        own[used++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    own[used] = '\0';
    size_t count = 0;
    list[count++] = own;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (strcmp(known_variables[i].option, name) == 0) {
            list[count++] = known_variables[i].variable;
        }
    }
    list[count] = NULL;
    return list;
}

enum ftl_code ftl_settings_append(struct ftl_array *array, const char *text,
                                  struct ftl_arena *arena, struct ftl_err *err)
{
    const char **items = ftl_arena_alloc(arena, array->count + 1, sizeof(*items));
    char *copy = ftl_arena_strdup(arena, text);
    if (items == NULL || copy == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    if (array->count > 0) {
        memcpy(items, array->items, array->count * sizeof(*items));
    }
    items[array->count] = copy;
    array->items = items;
    array->count++;
    return FTL_OK;
}

static enum ftl_code set_list(struct ftl_array *array, const char *text, bool is_more,
                              struct ftl_arena *arena, struct ftl_err *err)
{
    if (!is_more) {
        *array = (struct ftl_array){.items = NULL};
    }
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        if (length > 0) {
            char *item = ftl_arena_strndup(arena, text, length);
            if (item == NULL) {
                return ftl_fail(err, FTL_NOMEM, "out of memory");
            }
            if (array->count >= MAX_LIST) {
                return ftl_fail(err, FTL_SPEC, "more than %d entries", (int)MAX_LIST);
            }
            if (ftl_settings_append(array, item, arena, err) != FTL_OK) {
                return err->code;
            }
        }
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return FTL_OK;
}

enum ftl_code ftl_settings_set(struct ftl_settings *settings, const char *name, const char *text,
                               bool is_more, struct ftl_arena *arena, struct ftl_err *err)
{
    const struct ftl_opt *row = ftl_opt_find(&ftl_settings_table, name);
    if (row != NULL && row->kind == FTL_OPT_KIND_ARRAY) {
        struct ftl_array *array = (struct ftl_array *)(void *)((char *)settings + row->offset);
        return set_list(array, text, is_more, arena, err);
    }
    return ftl_opt_set_text(&ftl_settings_table, name, text, arena, settings, err);
}

static enum ftl_code load_file(const char *path, struct ftl_arena *arena, struct ftl_config *ret,
                               struct ftl_err *err)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(MAX_CONFIG_BYTES);
    if (ftl_file_read(path, &text, err) != FTL_OK) {
        return ftl_wrap(err, "config file");
    }
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse(ftl_str_text(&text), text.length, NULL, &json, err) != FTL_OK) {
        return ftl_wrap(err, "config file %s", path);
    }
    struct ftl_opt_errors errors = {.count = 0};
    if (ftl_opt_parse(&ftl_settings_table, json, "", arena, &ret->settings, &errors) != FTL_OK) {
        *err = errors.list[0];
        return ftl_wrap(err, "config file %s", path);
    }
    for (size_t i = 0; rows[i].name != NULL; i++) {
        if ((ret->settings.set & ((uint64_t)1 << i)) != 0) {
            ret->origins.of[i] = FTL_FROM_FILE;
            ret->origins.name[i] = path;
        }
    }
    return FTL_OK;
}

static enum ftl_code load_variable(size_t index, struct ftl_arena *arena, struct ftl_config *ret,
                                   struct ftl_err *err)
{
    const char *const *variables = ftl_settings_variables(index);
    for (size_t i = 0; variables[i] != NULL; i++) {
        const char *text =
            getenv(variables[i]); /* NOLINT(concurrency-mt-unsafe): before any thread */
        if (text == NULL || text[0] == '\0') {
            continue;
        }
        if (ftl_settings_set(&ret->settings, rows[index].name, text, false, arena, err) != FTL_OK) {
            return ftl_wrap(err, "environment variable %s", variables[i]);
        }
        ret->origins.of[index] = FTL_FROM_ENVIRONMENT;
        ret->origins.name[index] = ftl_arena_strdup(arena, variables[i]);
        return FTL_OK;
    }
    return FTL_OK;
}

enum ftl_code ftl_settings_load(const char *path, struct ftl_arena *arena, struct ftl_config *ret,
                                struct ftl_err *err)
{
    *ret = (struct ftl_config){.settings = defaults};
    if (path == NULL) {
        path = getenv("FETTLE_CONFIG"); /* NOLINT(concurrency-mt-unsafe): before any thread */
    }
    if (path != NULL && path[0] != '\0' && load_file(path, arena, ret, err) != FTL_OK) {
        return err->code;
    }
    for (size_t i = 0; rows[i].name != NULL; i++) {
        if (load_variable(i, arena, ret, err) != FTL_OK) {
            return err->code;
        }
    }
    return FTL_OK;
}
