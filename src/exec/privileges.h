/* What a child gives up by ordinary means, before and besides the sandbox. */
#ifndef FETTLE_EXEC_PRIVILEGES_H
#define FETTLE_EXEC_PRIVILEGES_H

#include <stdint.h>
#include <sys/types.h>

#include <fettle/err.h>

struct ftl_privileges {
    int64_t memory_bytes; /* RLIMIT_AS, on top of idle_bytes */
    int64_t idle_bytes;
    int64_t cpu_s;      /* RLIMIT_CPU */
    int64_t file_bytes; /* RLIMIT_FSIZE */
    int64_t user_tasks; /* for RLIMIT_NPROC where the child keeps its user */
};

/* Priority, resource limits, user and group (as root: one of its own, unprivileged), capabilities,
 * not dumpable. Adds to *layers the bits that hold. Priority, RLIMIT_RTPRIO and capabilities also
 * without FTL_SANDBOX: as root, SVT-AV1 would start a hundred SCHED_FIFO threads. */
enum ftl_code ftl_privileges_drop(const struct ftl_privileges *privileges, uint32_t *layers,
                                  struct ftl_err *err) FTL_CHECK;

/* Bytes of address space this process maps; 0 = unknown. */
int64_t ftl_privileges_mapped_bytes(void);

/* Threads of all processes of `user`; 0 = unknown. */
int64_t ftl_privileges_user_tasks(uid_t user);

#endif
