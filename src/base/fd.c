#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum ftl_code ftl_fd_write_all(int fd, const void *bytes, size_t length, struct ftl_err *err)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t n = write(fd, at, length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ftl_fail_errno(err, FTL_DISK, errno, "write %zu bytes", length);
        }
        at += n;
        length -= (size_t)n;
    }
    return FTL_OK;
}

enum ftl_code ftl_fd_read_all(int fd, struct ftl_str *ret, struct ftl_err *err)
{
    char buffer[16384];
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(fd, buffer, sizeof(buffer), at);
        if (n < 0 && errno == ESPIPE) {
            n = read(fd, buffer, sizeof(buffer));
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ftl_fail_errno(err, FTL_DISK, errno, "read");
        }
        if (n == 0) {
            return FTL_OK;
        }
        ftl_str_add_bytes(ret, buffer, (size_t)n);
        if (ret->is_cut) {
            return ftl_fail(err, FTL_LIMIT, "longer than %zu bytes", ret->max);
        }
        at += n;
    }
}

enum ftl_code ftl_file_read(const char *path, struct ftl_str *ret, struct ftl_err *err)
{
    FTL_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ftl_fail_errno(err, FTL_SOURCE, errno, "open %s", path);
    }
    if (ftl_fd_read_all(fd, ret, err) != FTL_OK) {
        return ftl_wrap(err, "%s", path);
    }
    return FTL_OK;
}

enum ftl_code ftl_fd_temporary(const char *directory, int *ret_fd, struct ftl_err *err)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        char path[4096];
        int length = snprintf(path, sizeof(path), "%s/.fettle-XXXXXX", directory);
        if (length < 0 || (size_t)length >= sizeof(path)) {
            return ftl_fail(err, FTL_DISK, "directory name too long");
        }
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) {
            (void)unlink(path); /* a name that stays is reaped at the next start */
        }
    }
    if (fd < 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "temporary file in %s", directory);
    }
    *ret_fd = fd;
    return FTL_OK;
}

enum ftl_code ftl_fd_memory(const char *name, const void *bytes, size_t length, int *ret_fd,
                            struct ftl_err *err)
{
    FTL_AUTO_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return ftl_fail_errno(err, FTL_NOMEM, errno, "memfd_create");
    }
    if (ftl_fd_write_all(fd, bytes, length, err) != FTL_OK) {
        return err->code;
    }
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "lseek");
    }
    *ret_fd = ftl_take_fd(&fd);
    return FTL_OK;
}

enum ftl_code ftl_fd_reopen_read(int fd, int *ret_fd, struct ftl_err *err)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int copy = open(path, O_RDONLY | O_CLOEXEC);
    if (copy < 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "reopen descriptor %d", fd);
    }
    *ret_fd = copy;
    return FTL_OK;
}

enum ftl_code ftl_fd_size(int fd, int64_t *ret_bytes, struct ftl_err *err)
{
    struct stat st = {0};
    if (fstat(fd, &st) != 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "fstat");
    }
    *ret_bytes = (int64_t)st.st_size;
    return FTL_OK;
}
