#include "exec/tasks.h"

#include <string.h>

#include "base/auto.h"
#include "job/plan.h"
#include "media/pipeline.h"

static const struct {
    const char *kind;
    enum ftl_code (*run)(struct ftl_session *session, const struct ftl_session_task *task,
                         cJSON **ret, struct ftl_err *err);
} kinds[] = {
    {"info", ftl_task_info}, {"probe", ftl_task_probe},   {"run", ftl_task_run},
    {"plan", ftl_task_run},  {"verify", ftl_task_verify},
};

static enum ftl_code carry_out(struct ftl_session *session, struct ftl_session_task *task,
                               struct ftl_err *err)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kind, task->kind) == 0) {
            FTL_AUTO(json) cJSON *result = NULL;
            if (kinds[i].run(session, task, &result, err) != FTL_OK) {
                return err->code;
            }
            return ftl_session_done(session, result, err);
        }
    }
    return ftl_fail(err, FTL_INTERNAL, "unknown kind of task \"%s\"", task->kind);
}

void ftl_tasks_run(struct ftl_wire *job, uint32_t layers)
{
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_session *session = ftl_session_new(job, layers);
    if (session == NULL) {
        return; /* ends without a result, which the parent reports */
    }
    struct ftl_session_task task = {.document = NULL};
    enum ftl_code code = ftl_session_receive(session, &task, &err);
    if (code == FTL_OK) {
        code = carry_out(session, &task, &err);
    }
    if (code != FTL_OK) {
        ftl_session_fail(session, &err);
    }
    cJSON_Delete(task.document);
    ftl_session_free(session);
}

enum ftl_code ftl_tasks_limits(const cJSON *body, struct ftl_limits *ret, struct ftl_err *err)
{
    const cJSON *given = ftl_json_get(body, "limits");
    const struct ftl_limits limits = {
        .pixels = ftl_json_int64(given, "pixels", (int64_t)8192 * 8192),
        .streams = (int)ftl_json_int64(given, "streams", 32),
        .duration_s = ftl_json_number(given, "duration_s", 4 * 3600.0),
        .output_bytes = ftl_json_int64(given, "output_bytes", (int64_t)64 << 30),
        .frames_per_frame = (int)ftl_json_int64(given, "frames_per_frame", 100),
        .alloc_bytes = ftl_json_int64(given, "alloc_bytes", (int64_t)1 << 30),
    };
    if (limits.pixels <= 0 || limits.streams <= 0 || !(limits.duration_s > 0) ||
        limits.output_bytes <= 0 || limits.frames_per_frame <= 0 || limits.alloc_bytes <= 0)
    {
        return ftl_fail(err, FTL_SPEC, "limits must be above 0");
    }
    *ret = limits;
    return FTL_OK;
}

/* ---- info ---- */

static void add_version(void *opaque, const char *kind, const char *name, const char *detail)
{
    if (strcmp(kind, "library") == 0) {
        ftl_json_add_string(opaque, name, detail);
    }
}

cJSON *ftl_tasks_versions(void)
{
    cJSON *versions = ftl_json_object();
    ftl_media_inventory(add_version, versions);
    return versions;
}

struct inventory {
    cJSON *encoders, *muxers, *filters;
};

static void add_item(void *opaque, const char *kind, const char *name, const char *detail)
{
    (void)detail;
    struct inventory *inventory = opaque;
    if (strcmp(kind, "encoder") == 0) {
        ftl_json_append(inventory->encoders, cJSON_CreateString(name));
    } else if (strcmp(kind, "muxer") == 0) {
        ftl_json_append(inventory->muxers, cJSON_CreateString(name));
    } else if (strcmp(kind, "filter") == 0) {
        ftl_json_append(inventory->filters, cJSON_CreateString(name));
    }
}

enum ftl_code ftl_task_info(struct ftl_session *session, const struct ftl_session_task *task,
                            cJSON **ret, struct ftl_err *err)
{
    (void)task;
    (void)err;
    struct inventory inventory = {
        .encoders = ftl_json_array(), .muxers = ftl_json_array(), .filters = ftl_json_array()};
    ftl_media_inventory(add_item, &inventory);
    char layers[96];
    ftl_proto_layers_text(session->layers, layers, sizeof(layers));
    cJSON *info = ftl_json_object();
    ftl_json_add(info, "versions", ftl_tasks_versions());
    ftl_json_add(info, "encoders", inventory.encoders);
    ftl_json_add(info, "muxers", inventory.muxers);
    ftl_json_add(info, "filters", inventory.filters);
    ftl_json_add_string(info, "layers", layers);
    *ret = info;
    return FTL_OK;
}

/* ---- probe ---- */

enum ftl_code ftl_task_probe(struct ftl_session *session, const struct ftl_session_task *task,
                             cJSON **ret, struct ftl_err *err)
{
    (void)session;
    struct ftl_limits limits = {0};
    if (ftl_tasks_limits(task->body, &limits, err) != FTL_OK) {
        return err->code;
    }
    if (task->fds_count != 1) {
        return ftl_fail(err, FTL_INTERNAL, "probe: one input, not %d", task->fds_count);
    }
    FTL_AUTO_FREE struct ftl_probe *probe = ftl_calloc(1, sizeof(*probe));
    if (probe == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    if (ftl_media_probe(task->fds[0], "input", &limits, probe, err) != FTL_OK) {
        return err->code;
    }
    *ret = ftl_json_object();
    ftl_json_add(*ret, "probe", ftl_probe_json(probe));
    return FTL_OK;
}
