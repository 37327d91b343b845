/* A real worker (slots, permits, leases, queue) whose jobs do what their `input` says instead of
 * running an executor: this file's ftl_runner_run replaces the library's. The input is a path of
 * steps, "do/phase:run/progress:0.5/sleep:200/fail:DISK". Prints an event per job on stdout. */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "transfer/retry.h"
#include "worker/supervisor.h"

const char *ftl_runner_phase_name(enum ftl_runner_phase phase)
{
    static const char *const names[] = {"fetch", "plan", "wait", "run", "verify", "upload"};
    return names[phase];
}

struct run {
    const struct ftl_runner *runner;
    const struct ftl_runner_task *task;
    struct ftl_runner_outcome *outcome;
    int permits;
};

static void say(const char *event, const struct ftl_runner_task *task)
{
    FTL_AUTO(json) cJSON *json = ftl_json_object();
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(4096);
    ftl_json_add_string(json, "event", event);
    ftl_json_add_string(json, "job", task->job_id);
    ftl_json_add_int64(json, "at", ftl_mono_ms());
    ftl_json_print(json, false, &text);
    (void)printf("%s\n", ftl_str_text(&text));
    (void)fflush(stdout);
}

static void report(const struct run *run, double fraction)
{
    const struct ftl_runner_progress progress = {
        .phase = run->outcome->phase, .fraction = fraction, .frames = (int64_t)(fraction * 100)};
    run->task->progress(run->task->opaque, &progress);
}

static void enter(const struct run *run, const char *name)
{
    for (int phase = 0; phase < FTL_RUNNER_PHASES; phase++) {
        if (strcmp(ftl_runner_phase_name((enum ftl_runner_phase)phase), name) == 0) {
            run->outcome->phase = (enum ftl_runner_phase)phase;
        }
    }
    report(run, 0);
}

static enum ftl_code step(struct run *run, const char *name, const char *value, struct ftl_err *err)
{
    struct ftl_cancel *cancel = run->task->cancel;
    if (strcmp(name, "phase") == 0) {
        enter(run, value);
    } else if (strcmp(name, "progress") == 0) {
        report(run, strtod(value, NULL));
    } else if (strcmp(name, "sleep") == 0) {
        return ftl_pause_ms(cancel, strtol(value, NULL, 10), err);
    } else if (strcmp(name, "permit") == 0) {
        enter(run, "wait");
        int weight = (int)strtol(value, NULL, 10);
        if (run->runner->acquire(run->runner->permits, weight, 0, cancel, err) != FTL_OK) {
            return err->code;
        }
        run->permits += weight;
        enter(run, "run");
        say("permit", run->task);
    } else if (strcmp(name, "memory") == 0) {
        return run->runner->acquire(run->runner->permits, 1, strtoll(value, NULL, 10), cancel, err);
    } else if (strcmp(name, "fail") == 0) {
        (void)ftl_copy_text(run->outcome->log_tail, sizeof(run->outcome->log_tail),
                            "last words of the executor");
        (void)ftl_fail_sub(err, ftl_code_from_name(value), 11,
                           "on purpose, at http://u:S3CRET@h/x?sig=S3CRET: really");
        return ftl_err_at(err, "/input");
    }
    return FTL_OK;
}

static enum ftl_code run_steps(struct run *run, struct ftl_err *err)
{
    const struct ftl_job *job = run->task->job;
    const char *at = job->inputs[job->main_input].source.path;
    while (at != NULL && *at != '\0') {
        char word[128] = "";
        size_t length = strcspn(at, "/");
        (void)snprintf(word, sizeof(word), "%.*s", (int)length, at);
        at += length + (at[length] == '/' ? 1 : 0);
        char *colon = strchr(word, ':');
        if (colon != NULL) {
            *colon = '\0';
            if (step(run, word, colon + 1, err) != FTL_OK) {
                return err->code;
            }
        }
    }
    return FTL_OK;
}

enum ftl_code ftl_runner_run(const struct ftl_runner *runner, const struct ftl_runner_task *task,
                             struct ftl_runner_outcome *ret, struct ftl_err *err)
{
    struct run run = {.runner = runner, .task = task, .outcome = ret};
    say("start", task);
    enum ftl_code code = run_steps(&run, err);
    if (run.permits > 0) {
        runner->release(runner->permits, run.permits, 0);
    }
    say("end", task);
    if (code == FTL_OK) {
        ret->report = ftl_json_object();
        ftl_json_add_string(ret->report, "done", task->job_id);
        ftl_json_add_double(ret->report, "waited", task->wait_s, 3);
    }
    return code;
}

enum {
    OPT_REDIS = 1,
    OPT_QUEUE,
    OPT_CONCURRENCY,
    OPT_CORES,
    OPT_GRACE,
    OPT_LOCK,
    OPT_STALLED,
    OPT_MEMORY,
};

static const struct option options[] = {
    {"redis", required_argument, NULL, OPT_REDIS},
    {"queue", required_argument, NULL, OPT_QUEUE},
    {"concurrency", required_argument, NULL, OPT_CONCURRENCY},
    {"cores", required_argument, NULL, OPT_CORES},
    {"grace", required_argument, NULL, OPT_GRACE},
    {"lock", required_argument, NULL, OPT_LOCK},
    {"stalled", required_argument, NULL, OPT_STALLED},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {NULL, 0, NULL, 0},
};

static void set_number(struct ftl_worker_config *to, int option, long number)
{
    switch (option) {
    case OPT_CONCURRENCY:
        to->concurrency = (int)number;
        break;
    case OPT_CORES:
        to->cores = (int)number;
        break;
    case OPT_GRACE:
        to->grace_ms = number;
        break;
    case OPT_LOCK:
        to->queue.lock_ms = number;
        break;
    case OPT_STALLED:
        to->queue.stalled_ms = number;
        break;
    case OPT_MEMORY:
        to->memory_bytes = number;
        break;
    default:
        break;
    }
}

int main(int argc, char **argv)
{
    static const char *queues[FTL_WORKER_MAX_QUEUES];
    const struct ftl_runner runner = {.cores = 4};
    const struct ftl_log log = {.fd = STDERR_FILENO, .level = FTL_LOG_INFO};
    struct ftl_worker_config config = {.runner = &runner,
                                       .queues = queues,
                                       .concurrency = 1,
                                       .cores = 4,
                                       .grace_ms = 5000,
                                       .log = &log};
    for (int option = 0; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPT_REDIS) {
            config.queue.redis.url = optarg;
        } else if (option == OPT_QUEUE && config.queues_count < FTL_WORKER_MAX_QUEUES) {
            queues[config.queues_count++] = optarg;
        } else if (option == '?') {
            return 2;
        } else {
            set_number(&config, option, strtol(optarg, NULL, 10));
        }
    }
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    config.stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
    config.stop = ftl_cancel_new(NULL, 0);
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_worker_run(&config, &err) != FTL_OK) {
        ftl_log_err(&log, FTL_LOG_ERROR, "the worker did not start", &err);
    }
    ftl_cancel_free(config.stop);
    (void)close(config.stop_fd);
    return ftl_code_exit_status(err.code);
}
