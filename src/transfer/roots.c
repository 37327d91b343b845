#include "transfer/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

/* The rest of `path` below `root`, without leading slashes; NULL if it is not below it. */
static const char *below(const char *path, const char *root)
{
    size_t length = strlen(root);
    while (length > 0 && root[length - 1] == '/') {
        length--;
    }
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0')) {
        return NULL;
    }
    return path + length + strspn(path + length, "/");
}

/* As `below`, for the root as it was given and as it really is. */
static const char *below_root(const char *path, const char *root)
{
    const char *rest = below(path, root);
    char real[PATH_MAX];
    if (rest == NULL && realpath(root, real) != NULL) {
        rest = below(path, real);
    }
    return rest;
}

enum ftl_code ftl_fd_path(int fd, char *to, size_t size, struct ftl_err *err)
{
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, to, size);
    if (length < 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "readlink %s", link);
    }
    if ((size_t)length >= size) {
        return ftl_fail(err, FTL_DISK, "a path is longer than %zu bytes", size - 1);
    }
    to[length] = '\0';
    return FTL_OK;
}

static bool is_inside(int fd, const char *const *roots)
{
    char path[PATH_MAX];
    struct ftl_err ignored = {0};
    if (ftl_fd_path(fd, path, sizeof(path), &ignored) != FTL_OK) {
        return false;
    }
    for (size_t i = 0; roots[i] != NULL; i++) {
        char real[PATH_MAX];
        if (realpath(roots[i], real) != NULL && below(path, real) != NULL) {
            return true;
        }
    }
    return false;
}

static enum ftl_code fail_outside(const char *path, struct ftl_err *err)
{
    return ftl_fail(err, FTL_SOURCE, "%.200s is outside the directories a job may read", path);
}

/* O_PATH first: opening a device or FIFO for real could have effects. */
static enum ftl_code open_regular(const char *path, const char *const *roots, int *ret_fd,
                                  struct ftl_err *err)
{
    FTL_AUTO_FD int handle = open(path, O_PATH | O_CLOEXEC);
    if (handle < 0) {
        return ftl_fail_errno(err, FTL_SOURCE, errno, "%.200s", path);
    }
    if (roots != NULL && !is_inside(handle, roots)) {
        return fail_outside(path, err);
    }
    struct stat st = {0};
    if (fstat(handle, &st) != 0) {
        return ftl_fail_errno(err, FTL_SOURCE, errno, "%.200s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return ftl_fail(err, FTL_SOURCE, "%.200s is %s", path,
                        S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
    }
    if (ftl_fd_reopen_read(handle, ret_fd, err) != FTL_OK) {
        return ftl_fail_errno(err, FTL_SOURCE, err->sub, "%.200s", path);
    }
    return FTL_OK;
}

enum ftl_code ftl_roots_open_file(const char *path, const char *const *roots, int *ret_fd,
                                  struct ftl_err *err)
{
    if (roots == NULL) {
        return open_regular(path, NULL, ret_fd, err);
    }
    (void)fail_outside(path, err);
    for (size_t i = 0; roots[i] != NULL; i++) {
        char full[PATH_MAX];
        const char *rest = path[0] == '/' ? below_root(path, roots[i]) : path;
        if (rest == NULL) {
            continue;
        }
        int length = snprintf(full, sizeof(full), "%s/%s", roots[i], rest);
        if (length < 0 || (size_t)length >= sizeof(full)) {
            return ftl_fail(err, FTL_SOURCE, "the path is too long");
        }
        if (open_regular(full, roots, ret_fd, err) == FTL_OK) {
            return FTL_OK;
        }
        if (err->sub != ENOENT) {
            break;
        }
    }
    return err->code;
}

enum { BELOW_FOLLOW = 1 }; /* links are followed, ".." means what it says */

/* One step down; consumes *fd. */
static enum ftl_code step(int *fd, const char *name, unsigned how, struct ftl_err *err)
{
    if (mkdirat(*fd, name, 0777) != 0 && errno != EEXIST) {
        return ftl_fail_errno(err, FTL_STORE, errno, "make directory %.200s", name);
    }
    int flags = O_PATH | O_DIRECTORY | O_CLOEXEC | ((how & BELOW_FOLLOW) != 0 ? 0 : O_NOFOLLOW);
    int next = openat(*fd, name, flags);
    if (next < 0) {
        bool is_link = errno == ELOOP || errno == ENOTDIR;
        (void)ftl_fail_errno(err, FTL_STORE, errno, "directory %.200s", name);
        err->retry = is_link ? FTL_RETRY_NEVER : err->retry;
        return err->code;
    }
    (void)close(*fd); /* O_PATH: nothing to lose */
    *fd = next;
    return FTL_OK;
}

static enum ftl_code walk(int at, const char *path, unsigned how, int *ret_fd, struct ftl_err *err)
{
    FTL_AUTO_FD int fd = openat(at, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ftl_fail_errno(err, FTL_STORE, errno, "open directory");
    }
    while (*path != '\0') {
        char name[NAME_MAX + 1];
        size_t length = strcspn(path, "/");
        if (length >= sizeof(name)) {
            return ftl_fail(err, FTL_STORE, "a directory name is longer than %d bytes", NAME_MAX);
        }
        memcpy(name, path, length);
        name[length] = '\0';
        path += length + strspn(path + length, "/");
        if (name[0] == '\0' || strcmp(name, ".") == 0) {
            continue;
        }
        if (strcmp(name, "..") == 0 && (how & BELOW_FOLLOW) == 0) {
            (void)ftl_fail(err, FTL_STORE, "\"..\" is refused in a target directory");
            err->retry = FTL_RETRY_NEVER;
            return err->code;
        }
        if (step(&fd, name, how, err) != FTL_OK) {
            return err->code;
        }
    }
    int readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0) {
        return ftl_fail_errno(err, FTL_STORE, errno, "open directory");
    }
    *ret_fd = readable;
    return FTL_OK;
}

enum ftl_code ftl_directory_below(int at, const char *path, int *ret_fd, struct ftl_err *err)
{
    return walk(at, path, 0, ret_fd, err);
}

static enum ftl_code make_below_root(const char *root, const char *rest, const char *const *roots,
                                     int *ret_fd, struct ftl_err *err)
{
    FTL_AUTO_FD int at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) {
        return ftl_fail_errno(err, FTL_STORE, errno, "allowed directory %.200s", root);
    }
    FTL_AUTO_FD int fd = -1;
    if (walk(at, rest, 0, &fd, err) != FTL_OK) {
        return ftl_wrap(err, "%.200s", root);
    }
    if (!is_inside(fd, roots)) {
        return ftl_fail(err, FTL_STORE, "%.200s moved out of the allowed directories", rest);
    }
    *ret_fd = ftl_take_fd(&fd);
    return FTL_OK;
}

static bool goes_up(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2) {
        bool is_start = at == path || at[-1] == '/';
        if (is_start && (at[2] == '/' || at[2] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The root that a directory to write would be below, and the path from there. */
static enum ftl_code find_root(const char *path, const char *const *roots, size_t *ret_root,
                               const char **ret_rest, struct ftl_err *err)
{
    for (size_t i = 0; roots[i] != NULL; i++) {
        const char *rest = path[0] == '/' ? below_root(path, roots[i]) : path;
        if (rest != NULL && !goes_up(rest)) {
            *ret_root = i;
            *ret_rest = rest;
            return FTL_OK;
        }
    }
    (void)ftl_fail(err, FTL_STORE, "%.200s is outside the directories a job may write", path);
    err->retry = FTL_RETRY_NEVER;
    return err->code;
}

enum ftl_code ftl_roots_check_directory(const char *path, const char *const *roots,
                                        struct ftl_err *err)
{
    const char *rest = NULL;
    size_t root = 0;
    return roots == NULL ? FTL_OK : find_root(path, roots, &root, &rest, err);
}

enum ftl_code ftl_roots_make_directory(const char *path, const char *const *roots, int *ret_fd,
                                       struct ftl_err *err)
{
    if (roots == NULL) {
        FTL_AUTO_FD int at = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (at < 0) {
            return ftl_fail_errno(err, FTL_STORE, errno, "open directory");
        }
        if (walk(at, path, BELOW_FOLLOW, ret_fd, err) != FTL_OK) {
            return ftl_wrap(err, "%.200s", path);
        }
        return FTL_OK;
    }
    const char *rest = NULL;
    size_t root = 0;
    if (find_root(path, roots, &root, &rest, err) != FTL_OK) {
        return err->code;
    }
    return make_below_root(roots[root], rest, roots, ret_fd, err);
}
