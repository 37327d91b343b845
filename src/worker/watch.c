#include "worker/watch.h"

#include "base/clock.h"
#include "base/json.h"

enum {
    PROGRESS_EVERY_MS = 500,
    REST_AFTER_ERROR_MS = 5000, /* a server in trouble must not hold up the work */
    JOB_LOG_LINES = 1000,
};

void ftl_watch_init(struct ftl_watch *watch, struct ftl_queue *queue, const char *job_id,
                    const struct ftl_log *log)
{
    *watch =
        (struct ftl_watch){.queue = queue, .job_id = job_id, .log = log, .thread = pthread_self()};
}

const char *ftl_watch_phase(const struct ftl_watch *watch)
{
    return watch->has_phase ? ftl_runner_phase_name(watch->phase) : "spec";
}

void ftl_watch_print(const struct ftl_runner_progress *progress, struct ftl_str *ret)
{
    FTL_AUTO(json) cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "phase", ftl_runner_phase_name(progress->phase));
    ftl_json_add_double(json, "percent", progress->fraction * 100.0, 1);
    if (progress->phase == FTL_RUNNER_RUN) {
        ftl_json_add_int64(json, "frames", progress->frames);
        if (progress->speed > 0) {
            ftl_json_add_double(json, "speed", progress->speed, 2);
        }
    }
    ftl_json_print(json, false, ret);
}

void ftl_watch_log(struct ftl_watch *watch, const char *text)
{
    char when[32];
    FTL_AUTO_STR struct ftl_str line = FTL_STR_INIT(1024);
    ftl_wall_text(ftl_wall_ms(), when, sizeof(when));
    ftl_str_printf(&line, "%s %s: %s", when, ftl_watch_phase(watch), text);
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_queue_log(watch->queue, watch->job_id, ftl_str_text(&line), JOB_LOG_LINES, &err) !=
        FTL_OK) {
        ftl_log_err(watch->log, FTL_LOG_DEBUG, "a line of the job's log is lost", &err);
    }
}

static void tell(struct ftl_watch *watch, const struct ftl_runner_progress *progress, int64_t now)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(512);
    struct ftl_err err = {.code = FTL_OK};
    ftl_watch_print(progress, &text);
    watch->next_ms = now + PROGRESS_EVERY_MS;
    if (ftl_queue_progress(watch->queue, watch->job_id, ftl_str_text(&text), &err) != FTL_OK) {
        ftl_log_err(watch->log, FTL_LOG_DEBUG, "a progress report is lost", &err);
        watch->rest_until_ms = ftl_mono_ms() + REST_AFTER_ERROR_MS;
    }
}

void ftl_watch_progress(struct ftl_watch *watch, const struct ftl_runner_progress *progress)
{
    if (pthread_equal(pthread_self(), watch->thread) == 0) {
        return;
    }
    int64_t now = ftl_mono_ms();
    bool is_new_phase = !watch->has_phase || watch->phase != progress->phase;
    watch->has_phase = true;
    watch->phase = progress->phase;
    if (is_new_phase) {
        FTL_LOG(watch->log, INFO, "job in progress",
                FTL_LOG_TEXT("phase", ftl_runner_phase_name(progress->phase)));
    }
    bool is_due = is_new_phase || now >= watch->next_ms || progress->fraction >= 1.0;
    if (now < watch->rest_until_ms || !is_due) {
        return;
    }
    tell(watch, progress, now);
    if (is_new_phase && now >= watch->rest_until_ms) {
        ftl_watch_log(watch, "started");
    }
}
