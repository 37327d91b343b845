/* Texts of /proc and cgroup files, apart from reading them, so that tests can feed them. */
#ifndef FETTLE_BASE_PROC_PARSE_H
#define FETTLE_BASE_PROC_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>

/* cpu.max: "150000 100000" is 2 processors; false for "max 100000" and what is not understood. */
bool ftl_proc_parse_cpu_max(const char *text, int *ret_cpus) FTL_CHECK;

/* memory.max: bytes; false for "max" and what is not understood. */
bool ftl_proc_parse_memory_max(const char *text, int64_t *ret_bytes) FTL_CHECK;

/* "Name:   1234 kB" lines of /proc/meminfo and /proc/self/status. */
bool ftl_proc_parse_kb(const char *text, const char *name, int64_t *ret_bytes) FTL_CHECK;

/* The v2 line of /proc/self/cgroup ("0::/a/b"): copies "/a/b". */
bool ftl_proc_parse_cgroup(const char *text, char *to, size_t size) FTL_CHECK;

#endif
