#include "cli/engine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/proc.h"

/* Set by the signal thread, read by the command: one of the documented globals. */
static atomic_int signal_received;

/* A NULL-terminated list from an array of strings; NULL for an empty one means "none allowed", so
 * the list itself is returned empty. */
static const char *const *roots_list(const struct ftl_array *array, struct ftl_arena *arena)
{
    const char **list = ftl_arena_alloc(arena, array->count + 1, sizeof(*list));
    const char *const *items = array->items;
    for (size_t i = 0; list != NULL && i < array->count; i++) {
        list[i] = items[i];
    }
    return list;
}

enum ftl_code ftl_engine_start(const struct ftl_cli *cli, bool is_open, struct ftl_engine *ret,
                               struct ftl_err *err)
{
    const struct ftl_settings *settings = cli->settings;
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    (void)setrlimit(RLIMIT_CORE, &none); /* a core would hold passwords and headers; cannot fail */
    const char *const *roots = is_open ? NULL : roots_list(&settings->roots, cli->arena);
    if (!is_open && roots == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    if (access(settings->temp_dir, W_OK | X_OK) != 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "temporary directory %s", settings->temp_dir);
    }
    *ret = (struct ftl_engine){.policy = {.allow = settings->allow_hosts, .is_open = is_open}};
    const struct ftl_exec_config exec_config = {
        .path = settings->executor, .require_sandbox = settings->require_sandbox, .log = &cli->log};
    if (ftl_exec_start(&exec_config, &ret->exec, err) != FTL_OK) {
        return err->code;
    }
    if (ftl_transfer_init(err) != FTL_OK) {
        ftl_exec_stop(ret->exec);
        return err->code;
    }
    ret->runner = (struct ftl_runner){
        .exec = ret->exec,
        .fetch = {.policy = &ret->policy,
                  .temp_dir = settings->temp_dir,
                  .roots = roots,
                  .max_bytes = settings->max_source},
        .store_roots = roots,
        .temp_dir = settings->temp_dir,
        .deadline_ms = (int64_t)(settings->job_deadline * 1000),
        .limits = {.memory_bytes = settings->job_memory},
        .cores = settings->cpus > 0 ? settings->cpus : ftl_proc_cgroup_cpus(),
    };
    return FTL_OK;
}

void ftl_engine_stop(struct ftl_engine *engine)
{
    ftl_exec_stop(engine->exec);
    engine->exec = NULL;
    ftl_transfer_done();
}

static void *wait_for_signals(void *opaque)
{
    struct ftl_cancel *cancel = opaque;
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0) {
            continue;
        }
        if (atomic_exchange(&signal_received, number) != 0) {
            _exit(128 + number); /* the second one: whoever sent it does not want to wait */
        }
        ftl_cancel_set(cancel, FTL_CANCEL_USER);
    }
    return NULL;
}

enum ftl_code ftl_engine_cancel_on_signal(struct ftl_cancel *cancel, struct ftl_err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    int number = pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_t thread;
    if (number == 0) {
        number = pthread_create(&thread, NULL, wait_for_signals, cancel);
    }
    if (number != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, number, "signal thread");
    }
    (void)pthread_detach(thread);
    return FTL_OK;
}

int ftl_engine_signal(void)
{
    return atomic_load(&signal_received);
}
