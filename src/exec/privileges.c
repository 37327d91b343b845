#include "exec/privileges.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/number.h"
#include "ipc/proto.h"

enum {
    NICE_STEP = 5,
    MOST_FILES = 512,
    MOST_THREADS = 512, /* of one child that has a user of its own; encoders take up to 160 */
    MOST_THREADS_SHARED = 4096, /* beyond what the user runs already, where all children share it */
};

static enum ftl_code limit(int resource, const char *name, rlim_t soft, rlim_t hard,
                           struct ftl_err *err)
{
    struct rlimit now = {0};
    if (getrlimit((__rlimit_resource_t)resource, &now) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "read %s", name);
    }
    /* The hard limit may only go down. */
    struct rlimit wanted = {.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max,
                            .rlim_max = hard < now.rlim_max ? hard : now.rlim_max};
    if (setrlimit((__rlimit_resource_t)resource, &wanted) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "set %s", name);
    }
    return FTL_OK;
}

#ifdef FTL_SANDBOX

static enum ftl_code set_limits(const struct ftl_privileges *privileges, struct ftl_err *err)
{
    rlim_t memory = (rlim_t)(privileges->idle_bytes + privileges->memory_bytes);
    rlim_t cpu = (rlim_t)privileges->cpu_s;
    rlim_t file = (rlim_t)privileges->file_bytes;
    if (limit(RLIMIT_AS, "RLIMIT_AS", memory, memory, err) != FTL_OK ||
        /* SIGXCPU names the cause; the KILL after it is for whoever ignores that */
        limit(RLIMIT_CPU, "RLIMIT_CPU", cpu, cpu + 5, err) != FTL_OK ||
        limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", file, file, err) != FTL_OK ||
        limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", MOST_FILES, MOST_FILES, err) != FTL_OK)
    {
        return err->code;
    }
    return limit(RLIMIT_CORE, "RLIMIT_CORE", 0, 0, err);
}

static bool has_capabilities(const unsigned *wanted, size_t count)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};
    if (syscall(SYS_capget, &header, sets) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if ((sets[wanted[i] / 32].effective & (1u << (wanted[i] % 32))) == 0) {
            return false;
        }
    }
    return true;
}

static bool become(uid_t user)
{
    return setgroups(0, NULL) == 0 && setresgid(user, user, user) == 0 &&
           setresuid(user, user, user) == 0;
}

/* As root, a user and group that own nothing and that no other job shares, so that RLIMIT_NPROC
 * counts this child's threads alone and kernel checks by user keep it from everyone else. Where
 * user ids are mapped (rootless containers) high ones may not exist: then systemd's range for
 * dynamic users is tried. *ret = 0 where it stays as it was. */
static enum ftl_code leave_root(uid_t *ret, struct ftl_err *err)
{
    /* Without CAP_KILL the zygote could not end a child of another user. */
    static const unsigned wanted[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
    *ret = 0;
    if (geteuid() != 0 || !has_capabilities(wanted, sizeof(wanted) / sizeof(wanted[0]))) {
        return FTL_OK;
    }
    const uid_t self = (uid_t)getpid();
    const uid_t choices[] = {0x70000000u + self % 0x1000000u, 61184u + self % 4336u};
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (become(choices[i])) {
            *ret = choices[i];
            return FTL_OK;
        }
        if (errno != EINVAL) {
            break; /* refused outright, or setgroups is denied in this namespace */
        }
    }
    if (getegid() != 0) {
        return ftl_fail(err, FTL_INTERNAL, "left root's group but not root");
    }
    return FTL_OK;
}

static enum ftl_code limit_threads(const struct ftl_privileges *privileges, bool has_own_user,
                                   struct ftl_err *err)
{
    rlim_t most = MOST_THREADS;
    if (!has_own_user) {
        most = (rlim_t)(privileges->user_tasks + MOST_THREADS_SHARED);
    }
    return limit(RLIMIT_NPROC, "RLIMIT_NPROC", most, most, err);
}

#endif

/* So that nothing can be gained back; this itself takes a capability, hence before leaving root. */
static void empty_bounding_set(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* not root: no-new-privs does as much */
    }
}

static enum ftl_code drop_capabilities(struct ftl_err *err)
{
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* kernels before 4.3 lack it */
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "drop capabilities");
    }
    return FTL_OK;
}

enum ftl_code ftl_privileges_drop(const struct ftl_privileges *privileges, uint32_t *layers,
                                  struct ftl_err *err)
{
    errno = 0;
    int priority = getpriority(PRIO_PROCESS, 0);
    if (errno == 0) {
        (void)setpriority(PRIO_PROCESS, 0, priority + NICE_STEP); /* upwards needs no privilege */
    }
    if (limit(RLIMIT_RTPRIO, "RLIMIT_RTPRIO", 0, 0, err) != FTL_OK) {
        return err->code;
    }
    empty_bounding_set();
#ifdef FTL_SANDBOX
    uid_t own_user = 0;
    if (set_limits(privileges, err) != FTL_OK || leave_root(&own_user, err) != FTL_OK ||
        limit_threads(privileges, own_user != 0, err) != FTL_OK)
    {
        return err->code;
    }
    *layers |= FTL_LAYER_RLIMITS | (own_user != 0 ? (unsigned)FTL_LAYER_UID : 0u);
#else
    (void)privileges;
#endif
    if (drop_capabilities(err) != FTL_OK) {
        return err->code;
    }
    *layers |= FTL_LAYER_CAPS;
#ifdef FTL_SANDBOX
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) { /* no ptrace, no core, /proc/PID is root's */
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "not dumpable");
    }
#endif
    return FTL_OK;
}

int64_t ftl_privileges_mapped_bytes(void)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(512);
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_file_read("/proc/self/statm", &text, &err) != FTL_OK) {
        return 0;
    }
    char pages[24];
    int64_t count = 0;
    size_t length = strcspn(ftl_str_text(&text), " ");
    if (length >= sizeof(pages)) {
        return 0;
    }
    memcpy(pages, ftl_str_text(&text), length);
    pages[length] = '\0';
    return ftl_int64_parse(pages, &count) ? count * sysconf(_SC_PAGESIZE) : 0;
}

int64_t ftl_privileges_user_tasks(uid_t user)
{
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return 0;
    }
    int64_t tasks = 0;
    for (const struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        char path[sizeof(entry->d_name) + 8];
        struct stat st = {0};
        (void)snprintf(path, sizeof(path), "%s/task", entry->d_name);
        bool is_process = isdigit((unsigned char)entry->d_name[0]);
        if (is_process && fstatat(dirfd(proc), path, &st, 0) == 0 && st.st_uid == user) {
            tasks += st.st_nlink > 2 ? (int64_t)st.st_nlink - 2 : 0; /* one folder a thread */
        }
    }
    (void)closedir(proc); /* only read */
    return tasks;
}
