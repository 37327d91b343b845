/* Runs one act of the hostile executor (hostile.c) and keeps what came of it. */
#ifndef FETTLE_TESTS_EXEC_RIG_H
#define FETTLE_TESTS_EXEC_RIG_H

#include "execc/exec.h"

struct rig_try {
    const char *body; /* {"act": "segv"} */
    enum ftl_exec_kind kind;
    const struct ftl_exec_input *inputs;
    size_t inputs_count;
    struct ftl_exec_limits limits;
    struct ftl_cancel *cancel;
    void (*on_progress)(void *opaque);
    void *opaque;
};

struct rig_outcome {
    enum ftl_code code;
    struct ftl_err err;
    char said[256];     /* DONE's "said" */
    size_t body_length; /* of DONE */
    int opened;         /* files that were asked for and given */
    int progressed;
    bool wrote; /* the last file given has content now */
    struct ftl_exec_result result;
};

/* A silent log: what the child says is part of result.log_tail. */
struct ftl_exec *rig_start(const char *path, bool require_sandbox);

void rig_run(struct ftl_exec *exec, const struct rig_try *what, struct rig_outcome *ret);

/* The next task after whatever happened must be served by a healthy child. */
void rig_assert_healthy(struct ftl_exec *exec);

/* Pids whose parent is `parent`, at most `most`; returns how many there are. */
int rig_children_of(int parent, int *ret_pids, int most);

/* Waits for the end of a process that need not be ours; false when it still runs after the time. */
bool rig_wait_gone(int pidfd, int timeout_ms);

#endif
