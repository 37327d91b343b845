#include "exec_rig.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/number.h"

struct ftl_exec *rig_start(const char *path, bool require_sandbox)
{
    static const struct ftl_log silent = {.fd = -1, .level = FTL_LOG_WARN};
    const struct ftl_exec_config config = {
        .path = path, .require_sandbox = require_sandbox, .log = &silent};
    struct ftl_exec *exec = NULL;
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_exec_start(&config, &exec, &err) != FTL_OK) {
        fail_msg("start %s: %s", path, err.msg);
    }
    return exec;
}

struct tally {
    const struct rig_try *what;
    struct rig_outcome *outcome;
    int fd; /* the last file given */
};

static enum ftl_code open_output(void *opaque, int output, const char *name, int *ret_fd,
                                 struct ftl_err *err)
{
    struct tally *tally = opaque;
    (void)output;
    (void)name;
    if (ftl_fd_memory("output", "", 0, ret_fd, err) != FTL_OK) {
        return err->code;
    }
    tally->outcome->opened++;
    ftl_auto_fd(&tally->fd);
    tally->fd = *ret_fd;
    return FTL_OK;
}

static void on_progress(void *opaque, const char *phase, double fraction, int64_t frames,
                        double speed)
{
    struct tally *tally = opaque;
    tally->outcome->progressed++;
    bool is_clean = fraction >= 0 && fraction <= 1 && frames >= 0 && speed >= 0 &&
                    ftl_is_utf8(phase, strlen(phase));
    if (!is_clean) {
        tally->outcome->progressed = -1000;
    }
    if (tally->what->on_progress != NULL) {
        tally->what->on_progress(tally->what->opaque);
    }
}

void rig_run(struct ftl_exec *exec, const struct rig_try *what, struct rig_outcome *ret)
{
    *ret = (struct rig_outcome){.result = {.body = FTL_STR_INIT(8 * 1024 * 1024)}};
    struct tally tally = {.what = what, .outcome = ret, .fd = -1};
    const struct ftl_exec_task task = {
        .kind = what->kind,
        .body = what->body,
        .body_length = strlen(what->body),
        .inputs = what->inputs,
        .inputs_count = what->inputs_count,
        .outputs_count = 2,
        .limits = what->limits,
        .callbacks = {.opaque = &tally, .open_output = open_output, .progress = on_progress},
        .cancel = what->cancel,
    };
    ret->code = ftl_exec_run(exec, &task, &ret->result, &ret->err);
    ret->body_length = ret->result.body.length;
    FTL_AUTO(json) cJSON *json = NULL;
    const struct ftl_json_limits limits = {.bytes = 8 * 1024 * 1024, .string = 8 * 1024 * 1024};
    struct ftl_err err = {.code = FTL_OK};
    if (ret->code == FTL_OK && ftl_json_parse(ftl_str_text(&ret->result.body), ret->body_length,
                                              &limits, &json, &err) == FTL_OK)
    {
        (void)ftl_copy_text(ret->said, sizeof(ret->said), ftl_json_string(json, "said", ""));
    }
    struct stat st = {0};
    ret->wrote = tally.fd >= 0 && fstat(tally.fd, &st) == 0 && st.st_size > 0;
    ftl_auto_fd(&tally.fd);
    ftl_str_done(&ret->result.body);
}

void rig_assert_healthy(struct ftl_exec *exec)
{
    struct rig_outcome outcome;
    rig_run(exec, &(struct rig_try){.body = "{\"act\":\"ok\"}"}, &outcome);
    if (outcome.code != FTL_OK) {
        fail_msg("the next task failed: %s", outcome.err.msg);
    }
    assert_string_equal(outcome.said, "ok");
}

/* The fourth field of /proc/PID/stat, which comes after a name that may hold anything but ')'. */
static int parent_of(const char *pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%.32s/stat", pid);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(4096);
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_file_read(path, &text, &err) != FTL_OK) {
        return -1; /* ended meanwhile */
    }
    const char *after = strrchr(ftl_str_text(&text), ')');
    char number[16] = "";
    if (after == NULL || strlen(after) < 5) {
        return -1;
    }
    (void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(after + 4, " "), after + 4);
    int64_t parent = 0;
    return ftl_int64_parse(number, &parent) ? (int)parent : -1;
}

int rig_children_of(int parent, int *ret_pids, int most)
{
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    int count = 0;
    for (const struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        int64_t pid = 0;
        if (ftl_int64_parse(entry->d_name, &pid) && parent_of(entry->d_name) == parent) {
            if (count < most) {
                ret_pids[count] = (int)pid;
            }
            count++;
        }
    }
    (void)closedir(proc);
    return count;
}

bool rig_wait_gone(int pidfd, int timeout_ms)
{
    struct pollfd polled = {.fd = pidfd, .events = POLLIN};
    return poll(&polled, 1, timeout_ms) == 1;
}
