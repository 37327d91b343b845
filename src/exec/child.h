/* A fresh child of the zygote: from fork to its task. Runs with three descriptors: 0 and 1 are
 * /dev/null, 2 its log pipe, 3 its job channel. */
#ifndef FETTLE_EXEC_CHILD_H
#define FETTLE_EXEC_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "exec/sandbox.h"
#include "ipc/wire.h"

enum { FTL_CHILD_JOB_FD = 3 };

/* What every child of a zygote shares; set up once, read-only for children but for the log's level.
 */
struct ftl_image {
    /* Carries out one task over `job`, whose HELLO was sent, up to DONE or FAIL. */
    void (*run)(struct ftl_wire *job, uint32_t layers);
    struct ftl_log *log; /* on descriptor 2 */
    struct ftl_sandbox sandbox;
    pid_t zygote;
    int64_t idle_bytes; /* address space that the image maps before any job */
    int64_t user_tasks; /* threads that this user runs already, for RLIMIT_NPROC */
};

/* In the forked child. `fds`: job channel, log pipe, leash (which is closed). */
_Noreturn void ftl_child_main(const struct ftl_image *image, const struct ftl_msg_spawn *spawn,
                              const struct ftl_fds *fds);

#endif
