/* Starts and ends the zygote's process. */
#ifndef FETTLE_EXECC_ZYGOTE_PROCESS_H
#define FETTLE_EXECC_ZYGOTE_PROCESS_H

#include <sys/types.h>

#include <fettle/err.h>

#include "base/log.h"
#include "ipc/wire.h"

struct ftl_zygote_process {
    pid_t pid; /* 0 = none */
    struct ftl_wire control;
};

/* Starts `path` and waits until it is ready. From the main thread the kernel also ends it with this
 * process; from another one only its closed channel does (PDEATHSIG would fire when that *thread*
 * ends). INTERNAL (elsewhere) if there is no such program, CRASH if it ends at once, TIMEOUT. */
enum ftl_code ftl_zygote_process_start(const char *path, const struct ftl_log *log,
                                       struct ftl_zygote_process *ret,
                                       struct ftl_err *err) FTL_CHECK;

/* Closes its channel, which ends it and its children, and reaps it. */
void ftl_zygote_process_stop(struct ftl_zygote_process *process);

#endif
