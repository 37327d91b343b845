#include "exec/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/auto.h"
#include "exec/child.h"
#include "ipc/proto.h"

#ifdef FTL_SANDBOX

enum { NAMES = 512, NAME_BYTES = 24 };

/* Read by the SIGSYS handler, which may not allocate; written once by the zygote. One of the
 * documented globals. */
static char syscall_names[NAMES][NAME_BYTES];

static void name_syscalls(void)
{
    for (int number = 0; number < NAMES; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        (void)snprintf(syscall_names[number], NAME_BYTES, "%s", name != NULL ? name : "unknown");
        ftl_free(name);
    }
}

/* Says which call it was and lets the default action end the process. Only async-signal-safe calls.
 */
static void on_sigsys(int number, siginfo_t *info, void *context)
{
    (void)context;
    bool is_known = info->si_syscall >= 0 && info->si_syscall < NAMES;
    const char *name = is_known ? syscall_names[info->si_syscall] : "unknown";
    char line[sizeof(FTL_SANDBOX_STOPPED) + NAME_BYTES + 2] = FTL_SANDBOX_STOPPED;
    size_t used = sizeof(FTL_SANDBOX_STOPPED) - 1;
    size_t length = strnlen(name, NAME_BYTES);
    memcpy(line + used, name, length);
    line[used + length] = '\n';
    ssize_t n = write(STDERR_FILENO, line, used + length + 1);
    (void)n; /* the signal alone still says what kind of death it was */
    (void)signal(number, SIG_DFL);
    (void)raise(number); /* pending until the handler returns */
}

struct rule {
    const char *name;
    int refuse_errno; /* 0 = allowed */
};

static const struct rule rules[] = {
#define FTL_ALLOW(name)         {#name, 0},
#define FTL_REFUSE(name, errno) {#name, errno},
#include "exec/syscalls.def"
#undef FTL_ALLOW
#undef FTL_REFUSE
};

static enum ftl_code add_rules(scmp_filter_ctx context, struct ftl_err *err)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        int number = seccomp_syscall_resolve_name(rules[i].name);
        if (number < 0) {
            continue; /* not a call of this architecture */
        }
        uint32_t action = rules[i].refuse_errno == 0
                              ? SCMP_ACT_ALLOW
                              : SCMP_ACT_ERRNO((uint32_t)rules[i].refuse_errno);
        int ret = seccomp_rule_add(context, action, number, 0);
        if (ret != 0) {
            return ftl_fail_errno(err, FTL_INTERNAL, -ret, "seccomp rule for %s", rules[i].name);
        }
    }
    return FTL_OK;
}

/* The compiled filter as bytes, through a file in memory: libseccomp 2.5 exports to descriptors
 * only.
 */
static enum ftl_code export_filter(scmp_filter_ctx context, struct ftl_sandbox *ret,
                                   struct ftl_err *err)
{
    FTL_AUTO_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);
    struct stat st = {0};
    if (fd < 0 || seccomp_export_bpf(context, fd) != 0 || fstat(fd, &st) != 0) {
        return ftl_fail(err, FTL_INTERNAL, "export the seccomp filter");
    }
    size_t bytes = (size_t)st.st_size;
    struct sock_filter *filter = ftl_calloc(1, bytes);
    if (filter == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    if (pread(fd, filter, bytes, 0) != (ssize_t)bytes) {
        ftl_free(filter);
        return ftl_fail(err, FTL_INTERNAL, "read the seccomp filter back");
    }
    *ret = (struct ftl_sandbox){.filter = filter, .filter_count = bytes / sizeof(*filter)};
    return FTL_OK;
}

enum ftl_code ftl_sandbox_prepare(struct ftl_sandbox *ret, struct ftl_err *err)
{
    name_syscalls();
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_TRAP);
    if (context == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    (void)seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE,
                           2); /* a tree; older: a list, as good */
    enum ftl_code code = add_rules(context, err);
    if (code == FTL_OK) {
        code = export_filter(context, ret, err);
    }
    seccomp_release(context);
    return code;
}

/* Flags that threads have and processes lack, and those that make anything but a thread. */
enum {
    THREAD_FLAGS = CLONE_THREAD | CLONE_VFORK | CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWUTS |
                   CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP,
    JOB_FD = FTL_CHILD_JOB_FD,
    LOW = 0,
    HIGH = 1,
};

struct arg_rule {
    uint32_t number;
    uint32_t offset; /* of the argument's word in struct seccomp_data */
    uint32_t mask, value;
    uint32_t refuse_errno;
};

static uint32_t word_offset(unsigned argument, unsigned word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = 1 - word;
#endif
    return (uint32_t)(offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t) +
                      word * sizeof(uint32_t));
}

static enum ftl_code install(const struct sock_filter *filter, size_t count, bool *ret_has_seccomp,
                             struct ftl_err *err)
{
    const struct sock_fprog program = {
        .len = (unsigned short)count,
        .filter = (struct sock_filter *)(uintptr_t)filter, /* the kernel only reads it */
    };
    /* prctl and not seccomp(2): the same without flags, and older kernels have only this. */
    *ret_has_seccomp = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
    if (!*ret_has_seccomp && errno != EINVAL && errno != ENOSYS) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "install the seccomp filter");
    }
    return FTL_OK;
}

/* libseccomp cannot say "refuse unless (argument & mask) == value", so these few are written by
 * hand and stacked: of two filters the stricter answer counts. */
static enum ftl_code bound_arguments(bool *ret_has_seccomp, struct ftl_err *err)
{
    const uint32_t self = (uint32_t)getpid();
    const struct arg_rule bounds[] = {
#define FTL_ARG_RULE(name, argument, word, bits, wanted, refusal)                                  \
    {.number = (uint32_t)__NR_##name,                                                              \
     .offset = word_offset((argument), (word)),                                                    \
     .mask = (uint32_t)(bits),                                                                     \
     .value = (uint32_t)(wanted),                                                                  \
     .refuse_errno = (refusal)},
#include "exec/syscalls_args.def"
#undef FTL_ARG_RULE
    };
    enum { BOUNDS = sizeof(bounds) / sizeof(bounds[0]), STEPS = 6 };
    struct sock_filter code[BOUNDS * STEPS + 1];
    size_t at = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        const struct sock_filter steps[STEPS] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bounds[i].number, 0, 4),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, bounds[i].offset),
            BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bounds[i].mask),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bounds[i].value, 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | bounds[i].refuse_errno),
        };
        memcpy(&code[at], steps, sizeof(steps));
        at += STEPS;
    }
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return install(code, at, ret_has_seccomp, err);
}

static enum ftl_code enter_seccomp(const struct ftl_sandbox *sandbox, uint32_t *layers,
                                   struct ftl_err *err)
{
    struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
    (void)sigaction(SIGSYS, &action, NULL); /* cannot fail for a valid signal */
    bool has_seccomp = false;
    if (install(sandbox->filter, sandbox->filter_count, &has_seccomp, err) != FTL_OK) {
        return err->code;
    }
    /* The second one last: it leaves nothing of prctl but names. */
    if (has_seccomp && bound_arguments(&has_seccomp, err) != FTL_OK) {
        return err->code;
    }
    *layers |= has_seccomp ? FTL_LAYER_SECCOMP : 0;
    return FTL_OK;
}

/* What each Landlock ABI can restrict, as bits of the kernel's interface; Debian 12's header knows
 * only the first two. */
struct landlock_rights {
    uint64_t fs;
    uint64_t net;    /* ABI 4: bind, connect */
    uint64_t scoped; /* ABI 6: abstract sockets, signals */
};

static struct landlock_rights rights_of_abi(long abi, size_t *ret_size)
{
    static const unsigned fs_bits[] = {0, 13, 14, 15, 15, 16}; /* by ABI: how many rights */
    struct landlock_rights rights = {0};
    const long known = (long)(sizeof(fs_bits) / sizeof(fs_bits[0])) - 1;
    rights.fs = ((uint64_t)1 << fs_bits[abi < known ? abi : known]) - 1;
    *ret_size = sizeof(rights.fs);
    if (abi >= 4) {
        rights.net = 3;
        *ret_size += sizeof(rights.net);
    }
    if (abi >= 6) {
        rights.scoped = 3;
        *ret_size += sizeof(rights.scoped);
    }
    return rights;
}

static enum ftl_code enter_landlock(uint32_t *layers, uint32_t *ret_abi, struct ftl_err *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi <= 0) {
        return FTL_OK; /* ENOSYS, or EOPNOTSUPP where it is turned off */
    }
    size_t size = 0;
    const struct landlock_rights rights = rights_of_abi(abi, &size);
    FTL_AUTO_FD int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, size, 0);
    if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "enter Landlock (ABI %ld)", abi);
    }
    *layers |= FTL_LAYER_LANDLOCK;
    *ret_abi = (uint32_t)abi;
    return FTL_OK;
}

enum ftl_code ftl_sandbox_enter(const struct ftl_sandbox *sandbox, uint32_t *layers,
                                uint32_t *ret_landlock_abi, struct ftl_err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return ftl_fail_errno(err, FTL_INTERNAL, errno, "no-new-privs");
    }
    *layers |= FTL_LAYER_NO_NEW_PRIVS;
    if (enter_landlock(layers, ret_landlock_abi, err) != FTL_OK) {
        return err->code;
    }
    return enter_seccomp(sandbox, layers, err);
}

#else

enum ftl_code ftl_sandbox_prepare(struct ftl_sandbox *ret, struct ftl_err *err)
{
    (void)err;
    *ret = (struct ftl_sandbox){.filter = NULL};
    return FTL_OK;
}

enum ftl_code ftl_sandbox_enter(const struct ftl_sandbox *sandbox, uint32_t *layers,
                                uint32_t *ret_landlock_abi, struct ftl_err *err)
{
    (void)sandbox;
    (void)layers;
    (void)err;
    *ret_landlock_abi = 0;
    return FTL_OK;
}

#endif

void ftl_sandbox_done(struct ftl_sandbox *sandbox)
{
    ftl_free(sandbox->filter);
    *sandbox = (struct ftl_sandbox){.filter = NULL};
}
