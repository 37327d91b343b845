/* The zygote: a process that has linked and initialised everything, never sees a job's data, stays
 * single-threaded, and forks a fresh child for each task. It tells the parent on the child's leash
 * which pid it got and how it ended; it kills a child whose leash is closed or says KILL; it ends,
 * with all children, when its control channel closes. */
#ifndef FETTLE_EXEC_ZYGOTE_H
#define FETTLE_EXEC_ZYGOTE_H

#include "base/log.h"
#include "exec/child.h"

enum { FTL_ZYGOTE_CONTROL_FD = 3 };

/* Set-up before libav or anything else opens a descriptor: closes what leaked in, fixes signals.
 * With `dies_with_parent` the kernel kills it when the *thread* that started it ends. INTERNAL if
 * descriptor 3 is not a control channel. */
enum ftl_code ftl_zygote_init(bool dies_with_parent, struct ftl_err *err) FTL_CHECK;

/* Serves until the control channel closes; returns the exit status. `image` is complete but for
 * sandbox, zygote, idle_bytes and user_tasks. */
int ftl_zygote_serve(struct ftl_image *image);

#endif
