/* What the parent does on each message of a child. */
#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "execc/watch.h"

enum {
    MOST_WARNINGS = 64,
    PROGRESS_MS = 100, /* shortest distance of two progress calls */
};

static const char *const kind_names[] = {[FTL_EXEC_INFO] = "info",
                                         [FTL_EXEC_PROBE] = "probe",
                                         [FTL_EXEC_RUN] = "run",
                                         [FTL_EXEC_PLAN] = "plan",
                                         [FTL_EXEC_VERIFY] = "verify"};

static enum ftl_code accept_json(struct ftl_watch *watch, struct ftl_str *ret, struct ftl_err *err)
{
    const struct ftl_json_limits limits = {
        .bytes = FTL_WIRE_STORE_BYTES, .string = FTL_WIRE_STORE_BYTES, .depth = 32};
    if (ftl_wire_text(&watch->job, &watch->message, ret, err) != FTL_OK) {
        return err->code;
    }
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse(ftl_str_text(ret), ret->length, &limits, &json, err) != FTL_OK) {
        err->code = FTL_INTERNAL;
        err->retry = FTL_RETRY_ONCE;
        return ftl_wrap(err, "the executor's result is not JSON");
    }
    return FTL_OK;
}

static enum ftl_code send_task(struct ftl_watch *watch, struct ftl_err *err)
{
    const struct ftl_exec_task *task = watch->task;
    FTL_AUTO_STR struct ftl_str body = FTL_STR_INIT(FTL_WIRE_STORE_BYTES);
    struct ftl_fds fds = {.count = 1, .fd = {watch->store_fd}};
    ftl_str_printf(&body, "{\"kind\":\"%s\",\"inputs\":[", kind_names[task->kind]);
    for (size_t i = 0; i < task->inputs_count; i++) {
        ftl_str_printf(&body, "%s%d", i > 0 ? "," : "", task->inputs[i].index);
        fds.fd[fds.count++] = task->inputs[i].fd;
    }
    ftl_str_add(&body, "],\"body\":");
    ftl_str_add_bytes(&body, task->body_length > 0 ? task->body : "{}",
                      task->body_length > 0 ? task->body_length : 2);
    ftl_str_add(&body, "}");
    if (body.is_cut) {
        return ftl_fail(err, FTL_LIMIT, "a task of more than %d bytes", FTL_WIRE_STORE_BYTES);
    }
    return ftl_wire_send(&watch->job, FTL_MSG_TASK, body.text, body.length, &fds, err);
}

static void note_layers(struct ftl_watch *watch, const struct ftl_msg_hello *hello)
{
    const uint32_t wanted = FTL_LAYER_SECCOMP | FTL_LAYER_LANDLOCK;
    ftl_proto_layers_text(hello->layers, watch->result->layers, sizeof(watch->result->layers));
    if ((hello->layers & wanted) != wanted && !atomic_exchange(&watch->exec->has_warned, true)) {
        FTL_LOG(watch->exec->log, WARN, "executors run with an incomplete sandbox",
                FTL_LOG_TEXT("layers", watch->result->layers));
    }
}

static enum ftl_code on_hello(struct ftl_watch *watch, struct ftl_err *err)
{
    double elapsed_ms = (double)(ftl_mono_us() - watch->started_us) / 1000.0;
    watch->result->start_ms = elapsed_ms;
    ftl_metric_observe(FTL_METRIC_EXECUTOR_START_SECONDS, "", elapsed_ms / 1000.0);
    note_layers(watch, &watch->message.body.hello);
    return send_task(watch, err);
}

static enum ftl_code on_plan(struct ftl_watch *watch, struct ftl_err *err)
{
    const struct ftl_exec_callbacks *callbacks = &watch->task->callbacks;
    bool is_planned = watch->task->kind == FTL_EXEC_RUN || watch->task->kind == FTL_EXEC_PLAN;
    if (!is_planned) {
        return ftl_fail(err, FTL_INTERNAL, "the executor planned where nothing is to plan");
    }
    FTL_AUTO_STR struct ftl_str plan = FTL_STR_INIT(FTL_WIRE_STORE_BYTES);
    if (accept_json(watch, &plan, err) != FTL_OK) {
        return err->code;
    }
    if (callbacks->go != NULL &&
        callbacks->go(callbacks->opaque, plan.text, plan.length, err) != FTL_OK)
    {
        return err->code;
    }
    return ftl_wire_send(&watch->job, FTL_MSG_GO, NULL, 0, NULL, err);
}

static enum ftl_code on_open(struct ftl_watch *watch, struct ftl_err *err)
{
    const struct ftl_exec_callbacks *callbacks = &watch->task->callbacks;
    const struct ftl_msg_open *open = &watch->message.body.open;
    bool may_open = watch->task->kind == FTL_EXEC_RUN && callbacks->open_output != NULL;
    if (!may_open || open->output < 0 || (size_t)open->output >= watch->task->outputs_count ||
        !ftl_proto_name_ok(open->name, sizeof(open->name)))
    {
        char shown[64];
        ftl_proto_text(shown, sizeof(shown), open->name, sizeof(open->name));
        return ftl_fail(err, FTL_INTERNAL,
                        "the executor asked for a file it must not have: \"%s\""
                        " of output %d",
                        shown, (int)open->output);
    }
    struct ftl_fds fds = {.count = 1, .fd = {-1}};
    if (callbacks->open_output(callbacks->opaque, open->output, open->name, &fds.fd[0], err) !=
        FTL_OK) {
        return err->code;
    }
    return ftl_wire_send(&watch->job, FTL_MSG_FILE, NULL, 0, &fds, err);
}

static double within(double value, double least, double most)
{
    return isfinite(value) ? fmin(fmax(value, least), most) : least;
}

static void on_progress(struct ftl_watch *watch)
{
    const struct ftl_exec_callbacks *callbacks = &watch->task->callbacks;
    const struct ftl_msg_progress *progress = &watch->message.body.progress;
    int64_t now_ms = ftl_mono_ms();
    if (callbacks->progress == NULL ||
        (watch->progress_ms != 0 && now_ms - watch->progress_ms < PROGRESS_MS))
    {
        return;
    }
    watch->progress_ms = now_ms;
    char phase[sizeof(progress->phase)];
    ftl_proto_text(phase, sizeof(phase), progress->phase, sizeof(progress->phase));
    callbacks->progress(callbacks->opaque, phase, within(progress->fraction, 0, 1),
                        progress->frames > 0 ? progress->frames : 0,
                        within(progress->speed, 0, 1e6));
}

static void on_warn(struct ftl_watch *watch)
{
    const struct ftl_exec_callbacks *callbacks = &watch->task->callbacks;
    const struct ftl_msg_warn *warn = &watch->message.body.warn;
    if (callbacks->warn == NULL || watch->warnings == MOST_WARNINGS) {
        return;
    }
    watch->warnings++;
    char where[sizeof(warn->where)];
    char text[sizeof(warn->text)];
    ftl_proto_text(where, sizeof(where), warn->where, sizeof(warn->where));
    ftl_proto_text(text, sizeof(text), warn->text, sizeof(warn->text));
    callbacks->warn(callbacks->opaque, where, text);
}

enum ftl_code ftl_watch_answer(struct ftl_watch *watch, struct ftl_err *err)
{
    switch (watch->message.type) {
    case FTL_MSG_HELLO:
        return on_hello(watch, err);
    case FTL_MSG_PLAN:
        return on_plan(watch, err);
    case FTL_MSG_OPEN:
        return on_open(watch, err);
    case FTL_MSG_PROGRESS:
        on_progress(watch);
        return FTL_OK;
    case FTL_MSG_WARN:
        on_warn(watch);
        return FTL_OK;
    case FTL_MSG_DONE:
        if (accept_json(watch, &watch->result->body, err) != FTL_OK) {
            return err->code;
        }
        watch->ending.is_done = true;
        return FTL_OK;
    case FTL_MSG_FAIL:
        watch->ending.theirs = ftl_proto_err(&watch->message.body.err);
        watch->ending.has_failed = true;
        return FTL_OK;
    default: /* ALIVE; the protocol lets nothing else through */
        return FTL_OK;
    }
}
