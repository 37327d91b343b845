/* A directory as target: files are written under a hidden name beside their place, flushed, and
 * renamed when all of them are there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/metrics.h"
#include "base/str.h"
#include "transfer/hash.h"
#include "transfer/roots.h"
#include "transfer/store_impl.h"

#define PART_PREFIX ".fettle-part-"
enum { PART_NAME_BYTES = 48, PART_MAX_AGE_S = 3600, COPY_BYTES = 256 * 1024 };

enum part_state {
    PART_WRITTEN,  /* under its hidden name */
    PART_NEW,      /* visible, nothing was there before */
    PART_SWAPPED,  /* visible, and the earlier file stands under the hidden name */
    PART_REPLACED, /* visible, the earlier file is gone */
    PART_GONE,
};

struct part {
    struct part *next, *previous;
    int dir_fd;       /* of the directory it is in; owned */
    char *name;       /* relative to the target, as put */
    const char *leaf; /* last part of it */
    char hidden[PART_NAME_BYTES];
    enum part_state state;
};

struct store_dir {
    struct ftl_store base;
    struct ftl_store_config config;
    int fd;
    char path[PATH_MAX];
    struct part *parts, *last; /* in put order */
};

/* What a worker that was killed left behind. */
static void reap(int dir_fd)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return; /* tidying up is no reason to fail */
    }
    time_t limit = time(NULL) - PART_MAX_AGE_S;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct stat st = {0};
        if (ftl_starts_with(entry->d_name, PART_PREFIX) &&
            fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtime < limit)
        {
            (void)unlinkat(dir_fd, entry->d_name, 0); /* another worker may have been quicker */
        }
    }
    (void)closedir(dir);
}

static void dir_free(struct ftl_store *store)
{
    struct store_dir *dir = (struct store_dir *)store;
    struct part *next = NULL;
    for (struct part *part = dir->parts; part != NULL; part = next) {
        next = part->next;
        if (part->dir_fd >= 0) {
            (void)close(part->dir_fd); /* a directory */
        }
        ftl_free(part->name);
        ftl_free(part);
    }
    if (dir->fd >= 0) {
        (void)close(dir->fd); /* a directory */
    }
    ftl_free(dir);
}

static enum ftl_code dir_check(const char *to, const struct ftl_store_config *config,
                               struct ftl_err *err)
{
    return ftl_roots_check_directory(to, config->roots, err);
}

static enum ftl_code dir_open(const char *to, const struct ftl_store_config *config,
                              struct ftl_store **ret, struct ftl_err *err)
{
    struct store_dir *dir = ftl_calloc(1, sizeof(*dir));
    if (dir == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory opening a target");
    }
    dir->base.ops = &ftl_store_dir_ops;
    dir->config = *config;
    dir->fd = -1;
    if (ftl_roots_make_directory(to, config->roots, &dir->fd, err) != FTL_OK ||
        ftl_fd_path(dir->fd, dir->path, sizeof(dir->path), err) != FTL_OK)
    {
        dir_free(&dir->base);
        return err->code;
    }
    reap(dir->fd);
    *ret = &dir->base;
    return FTL_OK;
}

static enum ftl_code fail_exists(const char *name, struct ftl_err *err)
{
    (void)ftl_fail_sub(err, FTL_STORE, EEXIST, "%.200s exists already", name);
    err->retry = FTL_RETRY_NEVER;
    return err->code;
}

/* A directory, device or the like under the final name; or any file, where none may be replaced. */
static enum ftl_code check_target(const struct store_dir *dir, const struct part *part,
                                  struct ftl_err *err)
{
    struct stat st = {0};
    if (fstatat(part->dir_fd, part->leaf, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? FTL_OK
                               : ftl_fail_errno(err, FTL_STORE, errno, "%.200s", part->name);
    }
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        (void)ftl_fail(err, FTL_STORE, "%.200s is in the way and not a file", part->name);
        err->retry = FTL_RETRY_NEVER;
        return err->code;
    }
    return dir->config.overwrite ? FTL_OK : fail_exists(part->name, err);
}

static enum ftl_code part_create(struct part *part, int *ret_fd, struct ftl_err *err)
{
    for (int tries = 0; tries < 16; tries++) {
        uint64_t random = 0;
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
            return ftl_fail_errno(err, FTL_STORE, errno, "getrandom");
        }
        (void)snprintf(part->hidden, sizeof(part->hidden), PART_PREFIX "%016" PRIx64, random);
        int fd = openat(part->dir_fd, part->hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *ret_fd = fd;
            return FTL_OK;
        }
        if (errno != EEXIST) {
            return ftl_fail_errno(err, FTL_STORE, errno, "%.200s", part->name);
        }
    }
    return ftl_fail(err, FTL_STORE, "no free temporary name for %.200s", part->name);
}

/* Hashes exactly the bytes it writes. */
static enum ftl_code copy(const struct store_dir *dir, int from, int to, struct ftl_stored *stored,
                          struct ftl_err *err)
{
    FTL_AUTO(sha256) struct ftl_sha256 *hash = ftl_sha256_new();
    FTL_AUTO_FREE unsigned char *buffer = ftl_calloc(1, COPY_BYTES);
    if (hash == NULL || buffer == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory delivering");
    }
    for (;;) {
        if (ftl_cancel_check(dir->config.cancel, err) != FTL_OK) {
            return err->code;
        }
        ssize_t n = pread(from, buffer, COPY_BYTES, stored->bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ftl_fail_errno(err, FTL_DISK, errno, "read the output");
        }
        if (n == 0) {
            break;
        }
        if (ftl_fd_write_all(to, buffer, (size_t)n, err) != FTL_OK) {
            return err->code;
        }
        ftl_sha256_add(hash, buffer, (size_t)n);
        stored->bytes += n;
    }
    if (fsync(to) != 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "fsync");
    }
    return ftl_sha256_end(hash, stored->sha256, err);
}

/* NULL with *err on failure; dir_free frees it. */
static struct part *part_new(struct store_dir *dir, const char *name, struct ftl_err *err)
{
    for (const struct part *part = dir->parts; part != NULL; part = part->next) {
        if (strcmp(part->name, name) == 0) {
            (void)ftl_fail(err, FTL_STORE, "%.200s is delivered twice", name);
            err->retry = FTL_RETRY_NEVER;
            return NULL;
        }
    }
    struct part *part = ftl_calloc(1, sizeof(*part));
    char *copy_of_name = ftl_strdup(name);
    if (part == NULL || copy_of_name == NULL) {
        ftl_free(part);
        ftl_free(copy_of_name);
        (void)ftl_fail(err, FTL_NOMEM, "out of memory delivering");
        return NULL;
    }
    const char *slash = strrchr(copy_of_name, '/');
    *part = (struct part){.previous = dir->last,
                          .dir_fd = -1,
                          .name = copy_of_name,
                          .leaf = slash != NULL ? slash + 1 : copy_of_name,
                          .state = PART_GONE};
    if (dir->last != NULL) {
        dir->last->next = part;
    } else {
        dir->parts = part;
    }
    dir->last = part;
    return part;
}

static enum ftl_code part_open_directory(const struct store_dir *dir, struct part *part,
                                         struct ftl_err *err)
{
    FTL_AUTO_FREE char *path = ftl_strndup(part->name, strlen(part->name) - strlen(part->leaf));
    if (path == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory delivering");
    }
    return ftl_directory_below(dir->fd, path, &part->dir_fd, err);
}

static enum ftl_code dir_put(struct ftl_store *store, const struct ftl_store_object *object,
                             struct ftl_stored *ret, struct ftl_err *err)
{
    struct store_dir *dir = (struct store_dir *)store;
    struct ftl_stored stored = {0};
    int length = snprintf(stored.url, sizeof(stored.url), "%s/%s",
                          strcmp(dir->path, "/") == 0 ? "" : dir->path, object->name);
    if (length < 0 || (size_t)length >= sizeof(stored.url)) {
        return ftl_fail(err, FTL_STORE, "the path of %.100s is too long", object->name);
    }
    struct part *part = part_new(dir, object->name, err);
    if (part == NULL || part_open_directory(dir, part, err) != FTL_OK ||
        check_target(dir, part, err) != FTL_OK)
    {
        return err->code;
    }
    FTL_AUTO_FD int fd = -1;
    if (part_create(part, &fd, err) != FTL_OK) {
        return err->code;
    }
    part->state = PART_WRITTEN;
    if (copy(dir, object->fd, fd, &stored, err) != FTL_OK) {
        return ftl_wrap(err, "%.200s", stored.url);
    }
    *ret = stored;
    return FTL_OK;
}

static bool lacks_flag(int number)
{
    return number == EINVAL || number == ENOSYS || number == EOPNOTSUPP;
}

static enum ftl_code publish_over(struct part *part, struct ftl_err *err)
{
    int fd = part->dir_fd;
    if (renameat2(fd, part->hidden, fd, part->leaf, RENAME_EXCHANGE) == 0) {
        part->state = PART_SWAPPED;
        return FTL_OK;
    }
    bool is_new = errno == ENOENT;
    if (!is_new && !lacks_flag(errno)) {
        return ftl_fail_errno(err, FTL_STORE, errno, "%.200s", part->name);
    }
    if (renameat(fd, part->hidden, fd, part->leaf) != 0) {
        return ftl_fail_errno(err, FTL_STORE, errno, "%.200s", part->name);
    }
    part->state = is_new ? PART_NEW : PART_REPLACED;
    return FTL_OK;
}

static enum ftl_code publish_new(struct part *part, struct ftl_err *err)
{
    int fd = part->dir_fd;
    int result = renameat2(fd, part->hidden, fd, part->leaf, RENAME_NOREPLACE);
    if (result != 0 && lacks_flag(errno)) {
        result = linkat(fd, part->hidden, fd, part->leaf, 0);
        if (result == 0) {
            (void)unlinkat(fd, part->hidden, 0); /* a second name is reaped later */
        }
    }
    if (result != 0) {
        return errno == EEXIST ? fail_exists(part->name, err)
                               : ftl_fail_errno(err, FTL_STORE, errno, "%.200s", part->name);
    }
    part->state = PART_NEW;
    return FTL_OK;
}

static void take_back(struct part *part)
{
    int fd = part->dir_fd;
    if (part->state == PART_SWAPPED &&
        renameat2(fd, part->hidden, fd, part->leaf, RENAME_EXCHANGE) == 0)
    {
        part->state = PART_WRITTEN;
    }
    if (part->state == PART_NEW) {
        (void)unlinkat(fd, part->leaf, 0); /* may be gone already */
        part->state = PART_GONE;
    }
    if (part->state == PART_WRITTEN) {
        (void)unlinkat(fd, part->hidden, 0); /* what stays is reaped later */
        part->state = PART_GONE;
    }
}

static void dir_abort(struct ftl_store *store)
{
    struct store_dir *dir = (struct store_dir *)store;
    /* backwards, so that what refers to a file disappears before the file */
    for (struct part *part = dir->last; part != NULL; part = part->previous) {
        take_back(part);
    }
}

static enum ftl_code sync_directories(const struct store_dir *dir, struct ftl_err *err)
{
    for (const struct part *part = dir->parts; part != NULL; part = part->next) {
        if (fsync(part->dir_fd) != 0 && !lacks_flag(errno)) {
            return ftl_fail_errno(err, FTL_STORE, errno, "fsync the directory of %.200s",
                                  part->name);
        }
    }
    return FTL_OK;
}

static enum ftl_code dir_commit(struct ftl_store *store, struct ftl_err *err)
{
    struct store_dir *dir = (struct store_dir *)store;
    if (ftl_cancel_check(dir->config.cancel, err) != FTL_OK) {
        return err->code;
    }
    for (struct part *part = dir->parts; part != NULL; part = part->next) {
        if (part->state != PART_WRITTEN) {
            return ftl_fail(err, FTL_INTERNAL, "commit after a failed put of %.200s", part->name);
        }
        if (check_target(dir, part, err) != FTL_OK ||
            (dir->config.overwrite ? publish_over(part, err) : publish_new(part, err)) != FTL_OK)
        {
            return err->code;
        }
    }
    if (sync_directories(dir, err) != FTL_OK) {
        return err->code;
    }
    for (struct part *part = dir->parts; part != NULL; part = part->next) {
        if (part->state == PART_SWAPPED) {
            (void)unlinkat(part->dir_fd, part->hidden,
                           0); /* the earlier file; reaped if it stays */
        }
        part->state = PART_GONE; /* nothing to take back any more */
    }
    return FTL_OK;
}

const struct ftl_store_ops ftl_store_dir_ops = {
    .scheme = "file",
    .check = dir_check,
    .open = dir_open,
    .put = dir_put,
    .commit = dir_commit,
    .abort = dir_abort,
    .free = dir_free,
};
