/* A test executor: what a child taken over by hostile media might try. */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "exec/zygote.h"

_Noreturn void say(struct ftl_session *session, const char *text)
{
    cJSON *body = ftl_json_object();
    ftl_json_add_string(body, "said", text);
    struct ftl_err err = {.code = FTL_OK};
    _exit(ftl_session_done(session, body, &err) == FTL_OK ? 0 : 1);
}

_Noreturn void say_result(struct ftl_session *session, long result)
{
    say(session, result >= 0 ? "allowed" : strerrorname_np(errno));
}

#define ACT(name) static void name(struct ftl_session *session, const struct ftl_session_task *task)
#define UNUSED    (void)task

ACT(ok)
{
    UNUSED;
    say(session, "ok");
}

/* ---- what the sandbox must refuse ---- */

ACT(open_file)
{
    UNUSED;
    say_result(session, open("/etc/hostname", O_RDONLY | O_CLOEXEC));
}

ACT(create_file)
{
    UNUSED;
    say_result(session, open("/tmp/fettle-hostile", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

ACT(open_proc)
{
    UNUSED;
    say_result(session, open("/proc/1/mem", O_RDWR | O_CLOEXEC));
}

ACT(stat_file)
{
    UNUSED;
    struct stat st;
    say_result(session, stat("/etc/hostname", &st));
}

ACT(make_socket)
{
    UNUSED;
    say_result(session, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

ACT(make_unix_socket)
{
    UNUSED;
    say_result(session, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

ACT(exec_program)
{
    UNUSED;
    char name[] = "/bin/true";
    char *const arguments[] = {name, NULL};
    say_result(session, execve(name, arguments, NULL));
}

ACT(fork_libc)
{
    UNUSED;
    say_result(session, fork());
}

ACT(fork_raw)
{
    UNUSED;
#ifdef SYS_fork
    say_result(session, syscall(SYS_fork));
#else
    say_result(session, fork());
#endif
}

ACT(vfork_raw)
{
    UNUSED;
#ifdef SYS_vfork
    say_result(session, syscall(SYS_vfork));
#else
    say_result(session, fork());
#endif
}

ACT(clone_process)
{
    UNUSED;
    say_result(session, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

/* Looks like a thread to a filter that tests one bit only. */
ACT(clone_vfork_thread)
{
    UNUSED;
    say_result(session, syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER,
                                0, 0, 0, 0));
}

ACT(clone3_process)
{
    UNUSED;
    unsigned long long arguments[8] = {0};
    arguments[4] = SIGCHLD;
    say_result(session, syscall(SYS_clone3, arguments, sizeof(arguments)));
}

ACT(trace_parent)
{
    UNUSED;
    say_result(session, ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

ACT(read_parent)
{
    UNUSED;
    char byte = 0;
    struct iovec local = {.iov_base = &byte, .iov_len = 1};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)&say, .iov_len = 1};
    say_result(session, process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

ACT(take_descriptor)
{
    UNUSED;
    say_result(session, syscall(SYS_pidfd_open, getppid(), 0));
}

ACT(kill_parent)
{
    UNUSED;
    say_result(session, kill(getppid(), SIGKILL));
}

ACT(tgkill_parent)
{
    UNUSED;
    say_result(session, syscall(SYS_tgkill, getppid(), getppid(), SIGKILL));
}

ACT(map_executable)
{
    UNUSED;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
    say_result(session, page == MAP_FAILED ? -1 : 0);
}

ACT(make_memory_file)
{
    UNUSED;
    say_result(session, memfd_create("x", MFD_CLOEXEC));
}

ACT(steal_signals)
{
    UNUSED;
    say_result(session, fcntl(FTL_CHILD_JOB_FD, F_SETOWN, getppid()));
}

ACT(raise_limit)
{
    UNUSED;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    say_result(session, setrlimit(RLIMIT_AS, &limit));
}

ACT(be_dumpable)
{
    UNUSED;
    say_result(session, prctl(PR_SET_DUMPABLE, 1));
}

/* What SVT-AV1 does as root; refused with or without the sandbox. */
ACT(real_time)
{
    UNUSED;
    struct sched_param param = {.sched_priority = 1};
    int number = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
    say(session, number == 0 ? "allowed" : strerrorname_np(number));
}

/* The descriptors it has: its own, the store and the inputs, and none of the zygote's or other
 * jobs'. */
ACT(count_fds)
{
    UNUSED;
    int count = 0;
    for (int fd = 0; fd < 512; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    char text[32];
    (void)snprintf(text, sizeof(text), "%d", count);
    say(session, text);
}

/* Reads its input through the descriptor it was handed, and tries to write to it. */
ACT(read_input)
{
    char text[32] = "";
    ssize_t n = pread(task->fds[0], text, sizeof(text) - 1, 0);
    bool can_write = pwrite(task->fds[0], "x", 1, 0) == 1;
    say(session, n > 0 && !can_write ? text : "not readable, or writable");
}

ACT(user)
{
    UNUSED;
    say(session, geteuid() == 0 ? "root" : "not root");
}

/* ---- accidents ---- */

ACT(segv)
{
    (void)session;
    UNUSED;
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

ACT(give_up)
{
    (void)session;
    UNUSED;
    abort();
}

ACT(spin)
{
    (void)session;
    UNUSED;
    for (volatile unsigned i = 0;; i++) {
    }
}

ACT(hang)
{
    UNUSED;
    ftl_session_progress(session, "hang", 0, 0, 0); /* says that it is here */
    for (;;) {
        (void)poll(NULL, 0, -1);
    }
}

ACT(stay_alive)
{
    UNUSED;
    ftl_session_progress(session, "stay", 0, 0, 0);
    struct ftl_err err = {.code = FTL_OK};
    while (ftl_session_check(session, &err) == FTL_OK) {
    }
    _exit(0);
}

/* A deadlock whose watcher goes on asking. */
ACT(idle)
{
    UNUSED;
    struct ftl_err err = {.code = FTL_OK};
    while (ftl_session_check(session, &err) == FTL_OK) {
        (void)poll(NULL, 0, 100);
    }
    _exit(0);
}

/* Works for longer than a stall may last, and says so. */
ACT(work)
{
    UNUSED;
    struct ftl_err err = {.code = FTL_OK};
    for (int64_t until_ms = ftl_mono_ms() + 2500; ftl_mono_ms() < until_ms;) {
        if (ftl_session_check(session, &err) != FTL_OK) {
            _exit(0);
        }
    }
    say(session, "worked");
}

ACT(memory_bomb)
{
    UNUSED;
    const size_t step = (size_t)16 << 20;
    for (size_t taken = 0;; taken += step) {
        char *block = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) {
            struct ftl_err err = {.code = FTL_OK};
            (void)ftl_fail(&err, FTL_NOMEM, "out of memory after %zu MiB", taken >> 20);
            ftl_session_fail(session, &err);
            _exit(0);
        }
        memset(block, 1, step);
    }
}

static void *wait_forever(void *opaque)
{
    for (;;) {
        (void)poll(NULL, 0, -1);
    }
    return opaque;
}

ACT(thread_bomb)
{
    UNUSED;
    pthread_attr_t small;
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, 64 * 1024);
    struct ftl_err err = {.code = FTL_OK};
    for (int count = 0;; count++) {
        pthread_t thread;
        int number = pthread_create(&thread, &small, wait_forever, NULL);
        if (number != 0) {
            (void)ftl_fail(&err, FTL_LIMIT, "no thread after %d", count);
            ftl_session_fail(session, &err);
            _exit(0);
        }
    }
}

ACT(exit_3)
{
    (void)session;
    UNUSED;
    _exit(3);
}

ACT(exit_silently)
{
    (void)session;
    UNUSED;
    _exit(0);
}

ACT(log_flood)
{
    UNUSED;
    char line[] = "the same line again and again and again and again and again and again and a\n";
    for (int i = 0; i < 100000; i++) {
        if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0) {
            break;
        }
    }
    say(session, "flooded");
}

ACT(log_dirt)
{
    (void)session;
    UNUSED;
    static const char dirt[] =
        "{\"msg\":\"x\",\"level\":\n\x1b[2J\xff\xfe\0bell\a\n{\"level\":\"error\","
        "\"msg\":\"said by the child\",\"key\":\"value\"}\nlast words";
    ssize_t n = write(STDERR_FILENO, dirt, sizeof(dirt) - 1);
    (void)n;
    abort();
}

static const struct act acts[] = {
    {"ok", ok},
    {"open_file", open_file},
    {"create_file", create_file},
    {"open_proc", open_proc},
    {"stat_file", stat_file},
    {"make_socket", make_socket},
    {"make_unix_socket", make_unix_socket},
    {"exec_program", exec_program},
    {"fork_libc", fork_libc},
    {"fork_raw", fork_raw},
    {"vfork_raw", vfork_raw},
    {"clone_process", clone_process},
    {"clone_vfork_thread", clone_vfork_thread},
    {"clone3_process", clone3_process},
    {"trace_parent", trace_parent},
    {"read_parent", read_parent},
    {"take_descriptor", take_descriptor},
    {"kill_parent", kill_parent},
    {"tgkill_parent", tgkill_parent},
    {"map_executable", map_executable},
    {"make_memory_file", make_memory_file},
    {"steal_signals", steal_signals},
    {"raise_limit", raise_limit},
    {"be_dumpable", be_dumpable},
    {"real_time", real_time},
    {"count_fds", count_fds},
    {"read_input", read_input},
    {"user", user},
    {"segv", segv},
    {"give_up", give_up},
    {"spin", spin},
    {"hang", hang},
    {"stay_alive", stay_alive},
    {"idle", idle},
    {"work", work},
    {"memory_bomb", memory_bomb},
    {"thread_bomb", thread_bomb},
    {"exit_3", exit_3},
    {"exit_silently", exit_silently},
    {"log_flood", log_flood},
    {"log_dirt", log_dirt},
    {NULL, NULL},
};

static void act_from(const struct act *list, const char *name, struct ftl_session *session,
                     const struct ftl_session_task *task)
{
    for (; list->name != NULL; list++) {
        if (strcmp(list->name, name) == 0) {
            list->run(session, task);
        }
    }
}

static void run(struct ftl_wire *job, uint32_t layers)
{
    struct ftl_session *session = ftl_session_new(job, layers);
    struct ftl_session_task task = {.document = NULL};
    struct ftl_err err = {.code = FTL_OK};
    if (session == NULL || ftl_session_receive(session, &task, &err) != FTL_OK) {
        _exit(9);
    }
    const char *name = ftl_json_string(task.body, "act", "");
    act_from(acts, name, session, &task);
    act_from(wire_acts, name, session, &task);
    (void)ftl_fail(&err, FTL_INTERNAL, "no such act: %s", name);
    ftl_session_fail(session, &err);
}

int main(int argc, char **argv)
{
    struct ftl_log log = {.fd = STDERR_FILENO, .level = FTL_LOG_WARN};
    struct ftl_err err = {.code = FTL_OK};
    bool dies_with_parent = argc > 2 && strcmp(argv[2], "dies-with-parent") == 0;
    if (ftl_zygote_init(dies_with_parent, &err) != FTL_OK) {
        return 2;
    }
    struct ftl_image image = {.run = run, .log = &log};
    _exit(ftl_zygote_serve(&image));
}
