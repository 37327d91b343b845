/* The parent's side of fettle-exec: starts the zygote, hands a task and its descriptors to a fresh
 * child, answers its OPENs, watches it, kills it, reports how it ended. The child is hostile until
 * proven otherwise: lengths, states, counts, names are checked here.
 *
 *   ftl_exec_start(&config, &exec, &err)       from the main thread (PDEATHSIG is per thread)
 *   ftl_exec_run(exec, &task, &result, &err)   from any thread, blocking; one child per call
 *   ftl_exec_stop(exec)
 */
#ifndef FETTLE_EXECC_EXEC_H
#define FETTLE_EXECC_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/str.h"

struct ftl_exec;

struct ftl_exec_config {
    const char *path;          /* fettle-exec; NULL = next to this executable (/proc/self/exe) */
    bool require_sandbox;      /* a missing layer is an error, not a warning */
    const struct ftl_log *log; /* borrowed */
};

enum ftl_exec_kind {
    FTL_EXEC_INFO,  /* no input; body: inventory and sandbox layers */
    FTL_EXEC_PROBE, /* one input; body: probe JSON */
    FTL_EXEC_RUN,   /* body in: {"spec": job, "cores", "limits" or not}; PLAN, after `go` the run */
    FTL_EXEC_PLAN,  /* as RUN but ends after PLAN (--dry-run) */
    FTL_EXEC_VERIFY, /* body in: {"expect": […]}; inputs are the outputs to check */
};

struct ftl_exec_input {
    int index; /* its place in the job's inputs (VERIFY: in the expect array) */
    int fd;    /* read-only; the caller keeps it */
};

struct ftl_exec_callbacks {
    void *opaque;
    /* The child's plan (validated JSON text). Blocks until the job has CPU permit, memory and disk;
     * not OK ends the child. NULL = go at once. */
    enum ftl_code (*go)(void *opaque, const char *plan_json, size_t length, struct ftl_err *err);
    /* A file of output `output`; `name` has passed the name check (no "/", no "..", not hidden, ≤
     * 255 bytes). The callee keeps the file, *ret_fd is borrowed for one send. */
    enum ftl_code (*open_output)(void *opaque, int output, const char *name, int *ret_fd,
                                 struct ftl_err *err);
    void (*progress)(void *opaque, const char *phase, double fraction, int64_t frames,
                     double speed);
    void (*warn)(void *opaque, const char *where, const char *text);
};

struct ftl_exec_limits {  /* 0 = default */
    int64_t memory_bytes; /* RLIMIT_AS beyond what the idle image maps; default 4 GiB */
    int64_t cpu_s;        /* RLIMIT_CPU; default 4 h */
    int64_t file_bytes;   /* RLIMIT_FSIZE; default 64 GiB */
    int64_t
        stall_ms; /* longest silence of the child (heartbeats come from its loop); default 60 s */
};

struct ftl_exec_task {
    enum ftl_exec_kind kind;
    const char *body; /* JSON text; may be long */
    size_t body_length;
    const struct ftl_exec_input *inputs;
    size_t inputs_count;  /* at most 32 */
    size_t outputs_count; /* RUN: OPEN is accepted for indexes below it */
    struct ftl_exec_limits limits;
    struct ftl_exec_callbacks callbacks;
    struct ftl_cancel *cancel; /* NULL = none; cancelling kills the child within a second */
    const struct ftl_log *log; /* for the child's lines, with the job's keys; NULL = the config's */
};

struct ftl_exec_result {
    struct ftl_str body; /* the child's result, JSON text, syntax-checked; init it with a maximum */
    double start_ms;     /* from asking the zygote to the child's HELLO */
    double cpu_s;        /* user + system */
    int64_t peak_rss_bytes;
    char layers[96];     /* "seccomp,landlock,rlimits,no-new-privs,caps" as the child reported */
    char log_tail[8192]; /* last lines of its log, for crash reports */
};

enum ftl_code ftl_exec_start(const struct ftl_exec_config *config, struct ftl_exec **ret,
                             struct ftl_err *err) FTL_CHECK;
void ftl_exec_stop(struct ftl_exec *exec); /* ends zygote and children; NULL allowed */

/* Errors: the child's own (FAIL message), CRASH (signal, log tail) retry once, TIMEOUT (stalled or
 * deadline), CANCELLED, NOMEM, INTERNAL (protocol broken). *result->log_tail is set in every case.
 */
enum ftl_code ftl_exec_run(struct ftl_exec *exec, const struct ftl_exec_task *task,
                           struct ftl_exec_result *result, struct ftl_err *err) FTL_CHECK;

FTL_AUTO_DEFINE(exec, struct ftl_exec, ftl_exec_stop);

#endif
