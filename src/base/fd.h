/* Descriptors: whole reads and writes, and temporaries that leave nothing behind. */
#ifndef FETTLE_BASE_FD_H
#define FETTLE_BASE_FD_H

#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/str.h"

/* Writes all of it, retrying on EINTR and short writes. DISK on failure. */
enum ftl_code ftl_fd_write_all(int fd, const void *bytes, size_t length,
                               struct ftl_err *err) FTL_CHECK;

/* Reads a whole file from its start into *ret (init'ed with its maximum). LIMIT when longer than
 * that. */
enum ftl_code ftl_fd_read_all(int fd, struct ftl_str *ret, struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_file_read(const char *path, struct ftl_str *ret, struct ftl_err *err) FTL_CHECK;

/* A fresh file in `directory` without a name (O_TMPFILE, or created and unlinked at once),
 * read-write, CLOEXEC. DISK on failure. */
enum ftl_code ftl_fd_temporary(const char *directory, int *ret_fd, struct ftl_err *err) FTL_CHECK;

/* An anonymous file in memory holding `length` bytes, for bodies that cross IPC; offset 0. */
enum ftl_code ftl_fd_memory(const char *name, const void *bytes, size_t length, int *ret_fd,
                            struct ftl_err *err) FTL_CHECK;

/* A second, read-only open file description of the same file (through /proc/self/fd), own offset.
 */
enum ftl_code ftl_fd_reopen_read(int fd, int *ret_fd, struct ftl_err *err) FTL_CHECK;

enum ftl_code ftl_fd_size(int fd, int64_t *ret_bytes, struct ftl_err *err) FTL_CHECK;

#endif
