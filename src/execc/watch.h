/* One task being watched: shared by task.c (the loop) and answer.c (the child's messages). */
#ifndef FETTLE_EXECC_WATCH_H
#define FETTLE_EXECC_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "execc/ending.h"
#include "execc/exec_impl.h"
#include "execc/relay.h"

struct ftl_watch {
    struct ftl_exec *exec;
    const struct ftl_exec_task *task;
    struct ftl_exec_result *result;
    struct ftl_wire job, leash; /* their descriptors are owned */
    int log_fd;
    int store_fd;
    pid_t zygote;
    bool is_spawned; /* the zygote said so */
    struct ftl_relay relay;
    struct ftl_exec_ending ending;
    int64_t started_us;
    int64_t heard_ms;  /* when the child last did something that is not waiting for us */
    int64_t killed_ms; /* 0 = we have not */
    double allowance;  /* messages */
    int64_t filled_ms;
    int64_t progress_ms;
    int warnings;
    struct ftl_msg message;
};

/* Acts on watch->message, which passed the protocol's checks. CRASH when the child did not live to
 * take the answer; any other failure is a reason to end it. */
enum ftl_code ftl_watch_answer(struct ftl_watch *watch, struct ftl_err *err) FTL_CHECK;

#endif
