/* The life of zygote and children beside their parent: its death, theirs, threads, and kernels that
 * lack layers of the sandbox. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "exec_rig.h"

enum { THREADS = 8, HANGING = 3, MOST_PIDS = 64 };

/* ---- kill -9 of the parent ---- */

static void say_started(void *opaque)
{
    const int *pipe_end = opaque;
    ssize_t n = write(*pipe_end, "x", 1);
    (void)n; /* the reader notices */
}

struct hanging {
    struct ftl_exec *exec;
    int pipe_end;
};

static void *run_hanging(void *opaque)
{
    struct hanging *hanging = opaque;
    struct rig_outcome outcome;
    rig_run(hanging->exec,
            &(struct rig_try){.body = "{\"act\":\"hang\"}",
                              .on_progress = say_started,
                              .opaque = &hanging->pipe_end},
            &outcome);
    return NULL;
}

/* In a process of its own: a parent with tasks that never end. */
static _Noreturn void be_a_parent(int pipe_end)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test itself fail */
    struct hanging hanging = {.exec = rig_start(FTL_HOSTILE, false), .pipe_end = pipe_end};
    pthread_t threads[HANGING];
    for (int i = 0; i < HANGING; i++) {
        if (pthread_create(&threads[i], NULL, run_hanging, &hanging) != 0) {
            _exit(1);
        }
    }
    for (;;) {
        (void)pause();
    }
}

static void test_killed_parent_leaves_nothing(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) {
        be_a_parent(ends[1]);
    }
    char started[HANGING];
    for (int i = 0; i < HANGING; i++) {
        assert_int_equal(read(ends[0], &started[i], 1), 1);
    }
    int zygote = 0;
    assert_int_equal(rig_children_of(parent, &zygote, 1), 1);
    int pids[MOST_PIDS] = {zygote};
    assert_int_equal(rig_children_of(zygote, pids + 1, MOST_PIDS - 1), HANGING);
    int pidfds[HANGING + 1];
    for (int i = 0; i <= HANGING; i++) {
        pidfds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
        assert_true(pidfds[i] >= 0);
    }
    int64_t killed_ms = ftl_mono_ms();
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    for (int i = 0; i <= HANGING; i++) {
        int64_t left_ms = killed_ms + 1000 - ftl_mono_ms();
        if (!rig_wait_gone(pidfds[i], left_ms > 0 ? (int)left_ms : 0)) {
            fail_msg("process %d lives a second after its parent", pids[i]);
        }
        (void)close(pidfds[i]);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* ---- death of the zygote ---- */

static int zygote_of_this_process(void)
{
    int zygote = 0;
    assert_int_equal(rig_children_of(getpid(), &zygote, 1), 1);
    return zygote;
}

static void kill_zygote(void *opaque)
{
    (void)opaque;
    (void)kill(zygote_of_this_process(), SIGKILL);
}

static void *run_ok(void *opaque)
{
    struct rig_outcome outcome;
    rig_run(opaque, &(struct rig_try){.body = "{\"act\":\"ok\"}"}, &outcome);
    if (outcome.code != FTL_OK) {
        print_message("a task in a thread: %s\n", outcome.err.msg);
    }
    return outcome.code == FTL_OK ? opaque : NULL;
}

static void test_killed_zygote_is_replaced(void **state)
{
    (void)state;
    struct ftl_exec *exec = rig_start(FTL_HOSTILE, false);
    struct rig_outcome outcome;
    int first = zygote_of_this_process();
    rig_run(exec, &(struct rig_try){.body = "{\"act\":\"hang\"}", .on_progress = kill_zygote},
            &outcome);
    assert_int_equal(outcome.code, FTL_CRASH);
    assert_non_null(strstr(outcome.err.msg, "zygote died"));
    /* The next one starts in a thread that ends: the new zygote must outlive it. */
    pthread_t thread;
    void *is_ok = NULL;
    assert_int_equal(pthread_create(&thread, NULL, run_ok, exec), 0);
    assert_int_equal(pthread_join(thread, &is_ok), 0);
    assert_non_null(is_ok);
    int second = zygote_of_this_process();
    assert_int_not_equal(first, second);
    rig_assert_healthy(exec);
    assert_int_equal(zygote_of_this_process(), second);
    ftl_exec_stop(exec);
    int none = 0;
    assert_int_equal(rig_children_of(getpid(), &none, 1), 0);
}

static void test_stop_ends_children(void **state)
{
    (void)state;
    struct ftl_exec *exec = rig_start(FTL_HOSTILE, false);
    int zygote = zygote_of_this_process();
    int pidfd = (int)syscall(SYS_pidfd_open, zygote, 0);
    ftl_exec_stop(exec);
    assert_true(rig_wait_gone(pidfd, 0));
    (void)close(pidfd);
}

static void test_program_that_is_not_there(void **state)
{
    (void)state;
    const struct ftl_exec_config missing = {.path = "/nonexistent/fettle-exec"};
    const struct ftl_exec_config wrong = {.path = "/bin/true"};
    struct ftl_exec *exec = NULL;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_exec_start(&missing, &exec, &err), FTL_INTERNAL);
    assert_non_null(strstr(err.msg, "/nonexistent/fettle-exec"));
    assert_int_equal(ftl_exec_start(&wrong, &exec, &err), FTL_CRASH);
    assert_null(exec);
}

/* ---- many at once ---- */

struct mixed {
    struct ftl_exec *exec;
    int number;
    int wrong;
};

static void *run_mixed(void *opaque)
{
    static const struct {
        const char *body;
        enum ftl_code code;
    } acts[] = {{"{\"act\":\"ok\"}", FTL_OK},
                {"{\"act\":\"exit_3\"}", FTL_CRASH},
                {"{\"act\":\"bad_magic\"}", FTL_INTERNAL},
                {"{\"act\":\"long_result\"}", FTL_OK}};
    enum { ROUNDS = 8, ACTS = sizeof(acts) / sizeof(acts[0]) };
    struct mixed *mixed = opaque;
    for (int i = 0; i < ROUNDS; i++) {
        struct rig_outcome outcome;
        int act = (mixed->number + i) % ACTS;
        rig_run(mixed->exec, &(struct rig_try){.body = acts[act].body}, &outcome);
        mixed->wrong += outcome.code != acts[act].code ? 1 : 0;
    }
    return NULL;
}

static void test_many_tasks_at_once(void **state)
{
    (void)state;
    struct ftl_exec *exec = rig_start(FTL_HOSTILE, false);
    pthread_t threads[THREADS];
    struct mixed mixed[THREADS];
    for (int i = 0; i < THREADS; i++) {
        mixed[i] = (struct mixed){.exec = exec, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_mixed, &mixed[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(mixed[i].wrong, 0);
    }
    int children[MOST_PIDS];
    int zygote = zygote_of_this_process();
    assert_int_equal(rig_children_of(zygote, children, MOST_PIDS), 0); /* all reaped */
    ftl_exec_stop(exec);
}

#ifdef FTL_SANDBOX

static void test_thread_bomb_beside_others(void **state)
{
    (void)state;
    struct ftl_exec *exec = rig_start(FTL_HOSTILE, false);
    struct rig_outcome outcome;
    pthread_t thread;
    void *is_ok = NULL;
    assert_int_equal(pthread_create(&thread, NULL, run_ok, exec), 0);
    rig_run(exec, &(struct rig_try){.body = "{\"act\":\"thread_bomb\"}"}, &outcome);
    assert_int_equal(pthread_join(thread, &is_ok), 0);
    assert_non_null(is_ok);
    assert_int_equal(outcome.code, FTL_LIMIT);
    ftl_exec_stop(exec);
}

/* ---- kernels without Landlock or seccomp ---- */

/* Answers like such a kernel from now on, in this process and all it starts. */
static bool hide(bool landlock, bool seccomp)
{
    const uint32_t nr = offsetof(struct seccomp_data, nr);
    const uint32_t first = offsetof(struct seccomp_data, args);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, landlock ? SYS_landlock_create_ruleset : ~0u, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seccomp ? SYS_seccomp : ~0u, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seccomp ? SYS_prctl : ~0u, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 2, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
    };
    const struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/* In a process of its own: 0 when everything is as it should be, else the step that was not. */
static int look_from_old_kernel(bool landlock, bool seccomp)
{
    if (!hide(landlock, seccomp)) {
        return 1;
    }
    struct rig_outcome outcome;
    struct ftl_exec *exec = rig_start(FTL_HOSTILE, false);
    rig_run(exec, &(struct rig_try){.body = "{\"act\":\"ok\"}"}, &outcome);
    bool has_landlock = strstr(outcome.result.layers, "landlock") != NULL;
    bool has_seccomp = strstr(outcome.result.layers, "seccomp") != NULL;
    if (outcome.code != FTL_OK || (landlock && has_landlock) || has_seccomp == seccomp) {
        return 2;
    }
    rig_run(exec, &(struct rig_try){.body = "{\"act\":\"open_file\"}"}, &outcome);
    if (landlock != seccomp && strcmp(outcome.said, "EACCES") != 0) {
        return 3; /* the other layer still holds */
    }
    ftl_exec_stop(exec);
    exec = rig_start(FTL_HOSTILE, true);
    rig_run(exec, &(struct rig_try){.body = "{\"act\":\"ok\"}"}, &outcome);
    ftl_exec_stop(exec);
    bool is_refused = outcome.code == FTL_UNSUPPORTED && outcome.err.retry == FTL_RETRY_ELSEWHERE;
    return is_refused && strstr(outcome.err.msg, seccomp ? "seccomp" : "landlock") != NULL ? 0 : 4;
}

static void test_old_kernels(void **state)
{
    (void)state;
    static const struct {
        bool landlock, seccomp;
    } missing[] = {{true, false}, {false, true}, {true, true}};
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(look_from_old_kernel(missing[i].landlock, missing[i].seccomp));
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fail_msg("without%s%s: step %d", missing[i].landlock ? " Landlock" : "",
                     missing[i].seccomp ? " seccomp" : "", WEXITSTATUS(status));
        }
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_parent_leaves_nothing),
        cmocka_unit_test(test_killed_zygote_is_replaced),
        cmocka_unit_test(test_stop_ends_children),
        cmocka_unit_test(test_program_that_is_not_there),
        cmocka_unit_test(test_many_tasks_at_once),
#ifdef FTL_SANDBOX
        cmocka_unit_test(test_thread_bomb_beside_others),
        cmocka_unit_test(test_old_kernels),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
