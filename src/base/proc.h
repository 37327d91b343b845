/* What this process may use: processors and memory, as the kernel and the container limit them. */
#ifndef FETTLE_BASE_PROC_H
#define FETTLE_BASE_PROC_H

#include <stdint.h>

/* Processors that this process can keep busy: the affinity mask, cut by the cgroup's CPU quota
 * (rounded up). At least 1. */
int ftl_proc_cgroup_cpus(void);

/* The smaller of the machine's memory and the cgroup's limit, in bytes; 0 = unknown. */
int64_t ftl_proc_memory_bytes(void);

/* This process's resident memory in bytes; 0 = unknown. */
int64_t ftl_proc_self_rss_bytes(void);

#endif
