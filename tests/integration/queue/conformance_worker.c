/* A worker whose jobs say what it does, so that the same scenario runs through BullMQ's own Worker
 * and through src/queue: {"do": [{"progress": v}, {"log": "s"}, {"sleep": ms}, {"spin": ms},
 * {"set": v}, {"delay": ms}, {"return": v} | {"fail": "msg"} | {"unrecoverable": "msg"} |
 * {"kill": signal}]}. Prints one JSON line per step of a job on stdout. SIGTERM drains. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "conformance_args.h"
#include "queue/hub.h"
#include "queue/lease.h"
#include "queue/queue.h"

enum { MAX_SLOTS = 64 };

struct worker {
    const struct conformance_args *args;
    struct ftl_queue_config config;
    struct ftl_cancel *stop;
    struct ftl_leases *leases;
};

enum outcome { GOES_ON, RETURNS, FAILS, MOVED, LOST };

/* One job being run. */
struct run {
    struct ftl_queue *queue;
    const struct ftl_queue_job *job;
    struct ftl_cancel *cancel;
    struct ftl_str value; /* RETURNS: JSON */
    struct ftl_err cause; /* FAILS */
};

static void say(const char *event, const char *job, int number)
{
    FTL_AUTO_STR struct ftl_str line = FTL_STR_INIT(2048);
    ftl_str_add(&line, "{\"event\":");
    ftl_json_quote(&line, event, strlen(event));
    ftl_str_add(&line, ",\"job\":");
    ftl_json_quote(&line, job, strlen(job));
    ftl_str_printf(&line, ",\"number\":%d}\n", number);
    (void)!write(STDOUT_FILENO, ftl_str_text(&line), line.length); /* the test may be gone */
}

static enum outcome fail(struct run *run, const char *message, bool is_final)
{
    (void)ftl_fail(&run->cause, FTL_NET, "%s", message);
    run->cause.retry = is_final ? FTL_RETRY_NEVER : FTL_RETRY_LATER;
    return FAILS;
}

static enum outcome call_failed(struct run *run, const struct ftl_err *err)
{
    say("trouble", run->job->id, err->sub);
    return fail(run, err->msg, true);
}

static enum outcome nap(struct run *run, int64_t ms, bool is_busy)
{
    int64_t until_ms = ftl_mono_ms() + ms;
    while (ftl_mono_ms() < until_ms) {
        if (!is_busy) {
            struct pollfd entry = {.fd = ftl_cancel_fd(run->cancel), .events = POLLIN};
            (void)poll(&entry, 1, (int)(until_ms - ftl_mono_ms())); /* seen below */
        }
        if (ftl_cancel_state(run->cancel) == FTL_CANCEL_LEASE_LOST) {
            return LOST;
        }
    }
    return GOES_ON;
}

static enum outcome update(struct run *run, const char *what, const cJSON *value)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1 << 20);
    struct ftl_err err;
    enum ftl_code code = FTL_OK;
    ftl_json_print(value, false, &text);
    if (strcmp(what, "progress") == 0) {
        code = ftl_queue_progress(run->queue, run->job->id, ftl_str_text(&text), &err);
    } else if (strcmp(what, "set") == 0) {
        code = ftl_queue_set_data(run->queue, run->job->id, ftl_str_text(&text), &err);
    } else {
        int keep = (int)ftl_json_int64(run->job->opts, "kl", 0);
        code = ftl_queue_log(run->queue, run->job->id,
                             cJSON_IsString(value) ? value->valuestring : "", keep, &err);
    }
    return code == FTL_OK ? GOES_ON : call_failed(run, &err);
}

static enum outcome move_away(struct run *run, int64_t delay_ms)
{
    struct ftl_err err;
    if (ftl_queue_release(run->queue, run->job, delay_ms, &err) != FTL_OK) {
        return call_failed(run, &err);
    }
    return MOVED;
}

static enum outcome act(struct run *run, const cJSON *step)
{
    const cJSON *value = cJSON_IsObject(step) ? step->child : NULL;
    if (value == NULL || value->string == NULL) {
        return fail(run, "a step is not an object with one member", true);
    }
    const char *what = value->string;
    const char *text = cJSON_IsString(value) ? value->valuestring : "";
    int64_t number = cJSON_IsNumber(value) ? (int64_t)value->valuedouble : 0;
    if (strcmp(what, "progress") == 0 || strcmp(what, "log") == 0 || strcmp(what, "set") == 0) {
        return update(run, what, value);
    }
    if (strcmp(what, "sleep") == 0 || strcmp(what, "spin") == 0) {
        return nap(run, number, strcmp(what, "spin") == 0);
    }
    if (strcmp(what, "delay") == 0) {
        return move_away(run, number);
    }
    if (strcmp(what, "return") == 0) {
        ftl_json_print(value, false, &run->value);
        return RETURNS;
    }
    if (strcmp(what, "fail") == 0 || strcmp(what, "unrecoverable") == 0) {
        return fail(run, text, strcmp(what, "unrecoverable") == 0);
    }
    if (strcmp(what, "kill") == 0) {
        (void)raise((int)number); /* what follows, if anything, is what the signal leaves */
        return GOES_ON;
    }
    return fail(run, "an unknown step", true);
}

static enum outcome run_steps(struct run *run)
{
    if (run->job->deferred_failure[0] != '\0') {
        return fail(run, run->job->deferred_failure, true);
    }
    say("start", run->job->id, run->job->attempts_started);
    const cJSON *step = NULL;
    cJSON_ArrayForEach(step, ftl_json_get(run->job->data, "do"))
    {
        enum outcome outcome = act(run, step);
        if (outcome != GOES_ON) {
            return outcome;
        }
    }
    return RETURNS;
}

static void end_job(const struct worker *worker, struct run *run, enum outcome outcome)
{
    struct ftl_err err;
    enum ftl_code code = FTL_OK;
    ftl_queue_set_fetch_next(run->queue, !worker->args->is_separate &&
                                             ftl_cancel_state(worker->stop) == FTL_CANCEL_NONE);
    if (outcome == RETURNS) {
        code = ftl_queue_complete(run->queue, run->job,
                                  run->value.length > 0 ? ftl_str_text(&run->value) : NULL, &err);
    } else if (outcome == FAILS) {
        code = ftl_queue_fail(run->queue, run->job, &run->cause, "at conformance_worker", &err);
    }
    if (code != FTL_OK) {
        say("refused", run->job->id, err.sub);
        return;
    }
    static const char *const words[] = {"?", "returned", "failed", "moved", "lost"};
    say(words[outcome], run->job->id, 0);
}

static void run_job(const struct worker *worker, struct ftl_queue *queue,
                    const struct ftl_queue_job *job)
{
    struct ftl_err err;
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    if (cancel == NULL || ftl_lease_hold(worker->leases, job, cancel, &err) != FTL_OK) {
        return;
    }
    struct run run = {.queue = queue, .job = job, .cancel = cancel, .value = FTL_STR_INIT(1 << 20)};
    enum outcome outcome = run_steps(&run);
    ftl_lease_ending(worker->leases, job);
    if (ftl_cancel_state(cancel) == FTL_CANCEL_LEASE_LOST) {
        outcome = LOST;
    }
    end_job(worker, &run, outcome); /* the lease goes on until the end is written */
    ftl_lease_drop(worker->leases, job);
    ftl_str_done(&run.value);
}

static void *run_slot(void *data)
{
    const struct worker *worker = data;
    struct ftl_queue *queue = NULL;
    struct ftl_err err;
    if (ftl_queue_open(&worker->config, &queue, &err) != FTL_OK) {
        ftl_log_err(worker->config.log, FTL_LOG_ERROR, "slot", &err);
        return NULL;
    }
    for (;;) {
        struct ftl_queue_job job;
        bool is_found = false;
        if (ftl_queue_fetch(queue, worker->stop, &job, &is_found, &err) != FTL_OK) {
            ftl_log_err(worker->config.log, FTL_LOG_ERROR, "fetch", &err);
            break;
        }
        if (is_found) {
            run_job(worker, queue, &job);
            ftl_queue_job_done(&job);
        } else if (ftl_cancel_state(worker->stop) != FTL_CANCEL_NONE) {
            break;
        }
    }
    ftl_queue_close(queue);
    return NULL;
}

/* Starts the slots and waits for SIGTERM; then for them. */
static int run_slots(struct worker *worker)
{
    pthread_t slots[MAX_SLOTS];
    int started = 0;
    for (; started < worker->args->concurrency; started++) {
        if (pthread_create(&slots[started], NULL, run_slot, worker) != 0) {
            break;
        }
    }
    sigset_t set;
    int number = 0;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    say("ready", "", started);
    (void)sigwait(&set, &number); /* either of the two means the same */
    ftl_cancel_set(worker->stop, FTL_CANCEL_SHUTDOWN);
    while (started > 0) {
        (void)pthread_join(slots[--started], NULL); /* ours alone */
    }
    say("exit", "", (int)ftl_leases_max_jitter_ms(worker->leases));
    return 0;
}

int main(int argc, char **argv)
{
    struct conformance_args args;
    if (!conformance_args_parse(argc, argv, &args)) {
        return 2;
    }
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread; cannot fail */
    const struct ftl_log log = {.fd = STDERR_FILENO, .level = FTL_LOG_DEBUG};
    struct worker worker = {.args = &args, .config = args.config};
    struct ftl_err err;
    worker.config.log = &log;
    worker.stop = ftl_cancel_new(NULL, 0);
    struct ftl_queue_hub *hub = NULL;
    int status = 1;
    if (worker.stop != NULL && ftl_queue_hub_open(&worker.config, &hub, &err) == FTL_OK &&
        ftl_leases_start(&worker.config, &worker.leases, &err) == FTL_OK)
    {
        worker.config.hub = hub;
        status = run_slots(&worker);
    } else {
        ftl_log_err(&log, FTL_LOG_ERROR, "start", &err);
    }
    ftl_leases_stop(worker.leases);
    ftl_queue_hub_close(hub);
    ftl_cancel_free(worker.stop);
    return status;
}
