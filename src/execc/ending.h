/* How a child ended, and what that means. */
#ifndef FETTLE_EXECC_ENDING_H
#define FETTLE_EXECC_ENDING_H

#include <stdbool.h>

#include <fettle/err.h>

#include "ipc/proto.h"

struct ftl_exec_ending {
    struct ftl_err ours; /* why the parent gave up on it; OK = it did not */
    bool was_killed;     /* by us */
    bool has_exited;     /* `exited` is set; false: the zygote died or does not answer */
    struct ftl_msg_exited exited;
    bool has_failed; /* FAIL came; `theirs` is it, sanitised */
    struct ftl_err theirs;
    bool is_done;        /* DONE came, with a body that was accepted */
    int64_t cpu_limit_s; /* RLIMIT_CPU it ran under */
    const char *log_tail;
};

/* OK only for a child that said DONE and then exited with status 0. */
enum ftl_code ftl_exec_ending_judge(const struct ftl_exec_ending *ending, struct ftl_err *err);

/* "SIGSEGV"; "signal 77" where it has no name. */
void ftl_signal_name(int number, char *to, size_t size);

#endif
