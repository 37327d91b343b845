/* Keeping what a job names inside the directories the operator allowed. What counts is where the
 * opened descriptor really is (/proc/self/fd), so that no link and no race leads out. */
#ifndef FETTLE_TRANSFER_ROOTS_H
#define FETTLE_TRANSFER_ROOTS_H

#include <stdbool.h>
#include <stddef.h>

#include <fettle/err.h>

/* `roots` is ended by NULL; NULL itself allows everything, and paths are then as everywhere else.
 *
 * Opens an existing regular file read-only. With roots, a relative path is looked for below each of
 * them in order. SOURCE when outside, missing, not readable or not a regular file. */
enum ftl_code ftl_roots_open_file(const char *path, const char *const *roots, int *ret_fd,
                                  struct ftl_err *err) FTL_CHECK;

/* Opens a directory, making it and what is missing above it. With roots, a relative path is below
 * the first one, and no part below the root may be a link. STORE when outside or in the way. */
enum ftl_code ftl_roots_make_directory(const char *path, const char *const *roots, int *ret_fd,
                                       struct ftl_err *err) FTL_CHECK;

/* Whether ftl_roots_make_directory would be allowed to, by its name alone; touches nothing. */
enum ftl_code ftl_roots_check_directory(const char *path, const char *const *roots,
                                        struct ftl_err *err) FTL_CHECK;

/* Makes and opens the directory `path` ("a/b") below `at` without following links. */
enum ftl_code ftl_directory_below(int at, const char *path, int *ret_fd,
                                  struct ftl_err *err) FTL_CHECK;

/* Where a descriptor really is. DISK when unknown or longer than `size` allows. */
enum ftl_code ftl_fd_path(int fd, char *to, size_t size, struct ftl_err *err) FTL_CHECK;

#endif
