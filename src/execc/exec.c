#include "execc/exec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "execc/exec_impl.h"

/* fettle-exec beside the running program. */
static enum ftl_code default_path(char *to, size_t size, struct ftl_err *err)
{
    static const char name[] = "fettle-exec";
    ssize_t n = readlink("/proc/self/exe", to, size - 1);
    if (n < 0) {
        return ftl_fail_errno(err, FTL_SOURCE, errno, "find fettle-exec");
    }
    to[n] = '\0';
    char *slash = strrchr(to, '/');
    size_t folder = slash != NULL ? (size_t)(slash - to) + 1 : 0;
    if (folder + sizeof(name) > size) {
        return ftl_fail(err, FTL_SOURCE, "find fettle-exec: path too long");
    }
    memcpy(to + folder, name, sizeof(name));
    return FTL_OK;
}

enum ftl_code ftl_exec_start(const struct ftl_exec_config *config, struct ftl_exec **ret,
                             struct ftl_err *err)
{
    FTL_AUTO_FREE struct ftl_exec *exec = ftl_calloc(1, sizeof(*exec));
    if (exec == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    exec->require_sandbox = config->require_sandbox;
    exec->log = config->log;
    if (config->path == NULL) {
        if (default_path(exec->path, sizeof(exec->path), err) != FTL_OK) {
            return err->code;
        }
    } else if (!ftl_copy_text(exec->path, sizeof(exec->path), config->path)) {
        return ftl_fail(err, FTL_SOURCE, "path of fettle-exec too long");
    }
    if (ftl_zygote_process_start(exec->path, exec->log, &exec->zygote, err) != FTL_OK) {
        return err->code;
    }
    (void)pthread_mutex_init(&exec->lock, NULL); /* default attributes cannot fail on Linux */
    *ret = FTL_TAKE(exec);
    return FTL_OK;
}

void ftl_exec_stop(struct ftl_exec *exec)
{
    if (exec == NULL) {
        return;
    }
    ftl_zygote_process_stop(&exec->zygote);
    (void)pthread_mutex_destroy(&exec->lock);
    ftl_free(exec);
}

enum ftl_code ftl_exec_order(struct ftl_exec *exec, const struct ftl_msg_spawn *spawn,
                             const struct ftl_fds *fds, pid_t *ret_zygote, struct ftl_err *err)
{
    (void)pthread_mutex_lock(&exec->lock);
    enum ftl_code code = FTL_CRASH;
    if (exec->zygote.pid != 0) {
        code = ftl_wire_send(&exec->zygote.control, FTL_MSG_SPAWN, spawn, sizeof(*spawn), fds, err);
    }
    if (code == FTL_CRASH) { /* it died, or hangs: either way a new one serves better */
        FTL_LOG(exec->log, WARN, "the zygote is gone, starting another");
        ftl_zygote_process_stop(&exec->zygote);
        code = ftl_zygote_process_start(exec->path, exec->log, &exec->zygote, err);
        if (code == FTL_OK) {
            code = ftl_wire_send(&exec->zygote.control, FTL_MSG_SPAWN, spawn, sizeof(*spawn), fds,
                                 err);
        }
    }
    *ret_zygote = exec->zygote.pid;
    (void)pthread_mutex_unlock(&exec->lock);
    return code;
}

void ftl_exec_zygote_lost(struct ftl_exec *exec, pid_t zygote)
{
    (void)pthread_mutex_lock(&exec->lock);
    if (exec->zygote.pid == zygote) {
        ftl_zygote_process_stop(&exec->zygote);
    }
    (void)pthread_mutex_unlock(&exec->lock);
}
