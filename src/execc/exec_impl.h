/* Inside of struct ftl_exec, shared by exec.c (life of the zygote) and task.c (one child). */
#ifndef FETTLE_EXECC_EXEC_IMPL_H
#define FETTLE_EXECC_EXEC_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "execc/exec.h"
#include "execc/zygote_process.h"
#include "ipc/wire.h"

struct ftl_exec {
    char path[4096];
    bool require_sandbox;
    const struct ftl_log *log;
    atomic_bool has_warned; /* of a missing sandbox layer, once is enough */
    pthread_mutex_t lock;   /* guards `zygote` */
    struct ftl_zygote_process zygote;
};

/* Sends SPAWN, starting the zygote anew if it has died. `fds` stay the caller's. *ret_zygote is who
 * got the order. */
enum ftl_code ftl_exec_order(struct ftl_exec *exec, const struct ftl_msg_spawn *spawn,
                             const struct ftl_fds *fds, pid_t *ret_zygote,
                             struct ftl_err *err) FTL_CHECK;

/* Tells that `zygote` died; the next order then starts another. */
void ftl_exec_zygote_lost(struct ftl_exec *exec, pid_t zygote);

#endif
