/* The shipped fettle-exec with its sandbox on: how fast a task starts; every encoder, muxer and
 * filter that the product uses, encoded in one child and decoded in a second; no real-time threads.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/json.h"
#include "exec_rig.h"

enum { MOST_OUTPUTS = 8, BODY_BYTES = 1024 * 1024 };

struct fixture {
    char folder[64];
    int clip, logo; /* read-only */
    struct ftl_exec *exec;
};

extern char **environ;

/* Runs ffmpeg with the arguments in `line`, which are separated by single spaces. */
static void ffmpeg(const char *line, const char *output)
{
    enum { MOST = 64 };
    char text[1024];
    char *arguments[MOST] = {NULL};
    size_t count = 0;
    (void)snprintf(text, sizeof(text), "ffmpeg -v error -nostdin -y %s %s", line, output);
    for (char *at = text; at != NULL && count < MOST - 1;) {
        arguments[count++] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    pid_t pid = 0;
    int status = 0;
    assert_int_equal(posix_spawnp(&pid, "ffmpeg", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int made(const char *folder, const char *name, const char *line)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    ffmpeg(line, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)unlink(path); /* ours to read, nobody's to clean up */
    return fd;
}

static int start(void **state)
{
    static struct fixture fixture = {.folder = "/tmp/fettle-test-XXXXXX"};
    assert_non_null(mkdtemp(fixture.folder));
    fixture.clip = made(fixture.folder, "clip.mp4",
                        "-f lavfi -i testsrc2=size=1280x720:rate=25:duration=1.2 -f lavfi -i "
                        "sine=frequency=440:sample_rate=44100:duration=1.2 -c:v libx264 -preset "
                        "ultrafast -pix_fmt yuv420p -c:a aac -ac 2");
    fixture.logo = made(fixture.folder, "logo.png",
                        "-f lavfi -i color=c=red@0.5:size=200x100,format=rgba -frames:v 1");
    (void)rmdir(fixture.folder);
    fixture.exec = rig_start(FTL_EXECUTOR, false);
    *state = &fixture;
    return 0;
}

static int stop(void **state)
{
    const struct fixture *fixture = *state;
    ftl_exec_stop(fixture->exec);
    (void)close(fixture->clip);
    (void)close(fixture->logo);
    return 0;
}

/* ---- start-up ---- */

static int by_value(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static void test_start_of_a_task(void **state)
{
    enum { ROUNDS = 21 };
    const struct fixture *fixture = *state;
    double ms[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct rig_outcome outcome;
        rig_run(fixture->exec, &(struct rig_try){.body = "{}", .kind = FTL_EXEC_INFO}, &outcome);
        assert_int_equal(outcome.code, FTL_OK);
        ms[i] = outcome.result.start_ms;
    }
    qsort(ms, ROUNDS, sizeof(ms[0]), by_value);
    print_message("start of a task in a warm zygote: median %.2f ms, %.2f..%.2f ms\n",
                  ms[ROUNDS / 2], ms[0], ms[ROUNDS - 1]);
    assert_true(ms[ROUNDS / 4] < 10); /* the lower quartile: other tests use the machine, too */
}

/* ---- whole jobs ---- */

struct job {
    const struct fixture *fixture;
    cJSON *plan;
    int files[MOST_OUTPUTS];
    int zygote;
    int real_time_threads;
};

static enum ftl_code keep_plan(void *opaque, const char *plan, size_t length, struct ftl_err *err)
{
    struct job *job = opaque;
    const struct ftl_json_limits limits = {.bytes = BODY_BYTES, .depth = 32};
    return ftl_json_parse(plan, length, &limits, &job->plan, err);
}

static enum ftl_code open_output(void *opaque, int output, const char *name, int *ret_fd,
                                 struct ftl_err *err)
{
    struct job *job = opaque;
    if (output >= MOST_OUTPUTS || ftl_fd_memory(name, "", 0, ret_fd, err) != FTL_OK) {
        return err->code;
    }
    ftl_auto_fd(&job->files[output]);
    job->files[output] = *ret_fd;
    return FTL_OK;
}

/* Looks at the scheduling of every thread of the child that runs now. */
static void look_at_threads(void *opaque, const char *phase, double fraction, int64_t frames,
                            double speed)
{
    (void)phase;
    (void)fraction;
    (void)frames;
    (void)speed;
    struct job *job = opaque;
    int child = 0;
    if (rig_children_of(job->zygote, &child, 1) != 1) {
        return;
    }
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/task", child);
    DIR *tasks = opendir(path);
    for (const struct dirent *entry = tasks != NULL ? readdir(tasks) : NULL; entry != NULL;
         entry = readdir(tasks))
    {
        int policy = sched_getscheduler((pid_t)strtol(entry->d_name, NULL, 10));
        job->real_time_threads += policy == SCHED_FIFO || policy == SCHED_RR ? 1 : 0;
    }
    if (tasks != NULL) {
        (void)closedir(tasks);
    }
}

static void assert_verified(struct job *job)
{
    const cJSON *expect = ftl_json_get(job->plan, "expect");
    FTL_AUTO(json) cJSON *body = ftl_json_object();
    ftl_json_add(body, "expect", cJSON_Duplicate(expect, true));
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(BODY_BYTES);
    ftl_json_print(body, false, &text);
    struct ftl_exec_input inputs[MOST_OUTPUTS];
    struct ftl_err err = {.code = FTL_OK};
    int count = cJSON_GetArraySize(expect);
    assert_in_range(count, 1, MOST_OUTPUTS);
    for (int i = 0; i < count; i++) {
        inputs[i].index = i;
        assert_int_equal(ftl_fd_reopen_read(job->files[i], &inputs[i].fd, &err), FTL_OK);
    }
    const struct ftl_exec_task task = {.kind = FTL_EXEC_VERIFY,
                                       .body = ftl_str_text(&text),
                                       .body_length = text.length,
                                       .inputs = inputs,
                                       .inputs_count = (size_t)count};
    struct ftl_exec_result result = {.body = FTL_STR_INIT(BODY_BYTES)};
    if (ftl_exec_run(job->fixture->exec, &task, &result, &err) != FTL_OK) {
        fail_msg("verify: %s (log: %s)", err.msg, result.log_tail);
    }
    ftl_str_done(&result.body);
    for (int i = 0; i < count; i++) {
        (void)close(inputs[i].fd);
        (void)close(job->files[i]);
    }
}

static void run_job(const struct fixture *fixture, const char *spec)
{
    struct job job = {.fixture = fixture};
    for (int i = 0; i < MOST_OUTPUTS; i++) {
        job.files[i] = -1;
    }
    assert_int_equal(rig_children_of(getpid(), &job.zygote, 1), 1);
    FTL_AUTO_STR struct ftl_str body = FTL_STR_INIT(BODY_BYTES);
    ftl_str_printf(&body, "{\"cores\":2,\"spec\":%s}", spec);
    const struct ftl_exec_input inputs[] = {{.index = 0, .fd = fixture->clip},
                                            {.index = 1, .fd = fixture->logo}};
    const struct ftl_exec_task task = {
        .kind = FTL_EXEC_RUN,
        .body = ftl_str_text(&body),
        .body_length = body.length,
        .inputs = inputs,
        .inputs_count = strstr(spec, "watermark") != NULL ? 2 : 1,
        .outputs_count = MOST_OUTPUTS,
        .callbacks = {.opaque = &job,
                      .go = keep_plan,
                      .open_output = open_output,
                      .progress = look_at_threads},
    };
    struct ftl_exec_result result = {.body = FTL_STR_INIT(BODY_BYTES)};
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_exec_run(fixture->exec, &task, &result, &err) != FTL_OK) {
        fail_msg("%s: %s (log: %s)", spec, err.msg, result.log_tail);
    }
    ftl_str_done(&result.body);
    assert_int_equal(job.real_time_threads, 0);
    assert_verified(&job);
    cJSON_Delete(job.plan);
}

static void test_filters_and_stills(void **state)
{
    run_job(*state,
            "{\"inputs\":{\"main\":\"fd:0\",\"logo\":\"fd:1\"},\"filters\":["
            "{\"filter\":\"trim\",\"start\":0.1},"
            "{\"filter\":\"fps\",\"rate\":30},"
            "{\"filter\":\"aspect\",\"ratio\":\"9:16\",\"fit\":\"blur\"},"
            "{\"filter\":\"scale\",\"width\":360},"
            "{\"filter\":\"watermark\",\"image\":\"logo\",\"opacity\":0.5},"
            "{\"filter\":\"loudness\",\"integrated\":-16}],\"outputs\":["
            "{\"name\":\"a.mp4\",\"video\":{\"codec\":\"h264\"},\"audio\":{\"codec\":\"aac\"}},"
            "{\"name\":\"b.jpg\",\"thumbnail\":{\"at\":\"best\"}},"
            "{\"name\":\"c.png\",\"thumbnail\":{\"at\":0.5}},"
            "{\"name\":\"d.webp\",\"thumbnail\":{\"at\":\"50%\"}}]}");
}

static void test_video_encoders(void **state)
{
    run_job(*state, "{\"input\":\"fd:0\",\"outputs\":["
                    "{\"name\":\"a.mp4\",\"video\":{\"codec\":\"h265\",\"speed\":\"ultrafast\"}},"
                    "{\"name\":\"b.webm\",\"video\":{\"codec\":\"vp9\",\"speed\":\"ultrafast\"},"
                    "\"audio\":{\"codec\":\"opus\"}},"
                    "{\"name\":\"c.mkv\",\"video\":{\"codec\":\"h264\"},\"audio\":{\"codec\":"
                    "\"flac\"}}]}");
}

/* As root, SVT-AV1 left to itself starts its threads as SCHED_FIFO. */
static void test_av1(void **state)
{
    run_job(*state, "{\"input\":\"fd:0\",\"outputs\":[{\"name\":\"a.mp4\",\"video\":{\"codec\":"
                    "\"av1\",\"width\":1920,\"height\":1080,\"speed\":\"veryfast\"},\"audio\":"
                    "{\"codec\":\"opus\"}}]}");
}

static void test_audio_encoders(void **state)
{
    run_job(*state, "{\"input\":\"fd:0\",\"filters\":[{\"filter\":\"loudness\"}],\"outputs\":["
                    "{\"name\":\"a.mp3\"},{\"name\":\"b.flac\"},{\"name\":\"c.wav\"},"
                    "{\"name\":\"d.m4a\"},{\"name\":\"e.ogg\"}]}");
}

static void test_faults_of_the_job_come_back(void **state)
{
    static const struct {
        enum ftl_exec_kind kind;
        const char *body;
        enum ftl_code code;
    } rows[] = {
        {FTL_EXEC_RUN, "{\"spec\":{\"input\":\"fd:0\",\"outputs\":[]}}", FTL_SPEC},
        {FTL_EXEC_RUN, "{}", FTL_SPEC},
        {FTL_EXEC_PROBE, "{\"limits\":{\"pixels\":100}}", FTL_LIMIT},
        {FTL_EXEC_PROBE, "{\"limits\":{\"streams\":0}}", FTL_SPEC},
        {FTL_EXEC_VERIFY, "{\"expect\":[]}", FTL_INTERNAL},
    };
    const struct fixture *fixture = *state;
    const struct ftl_exec_input inputs[] = {{.index = 0, .fd = fixture->clip}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig_outcome outcome;
        rig_run(
            fixture->exec,
            &(struct rig_try){
                .kind = rows[i].kind, .body = rows[i].body, .inputs = inputs, .inputs_count = 1},
            &outcome);
        if (outcome.code != rows[i].code) {
            fail_msg("%s: %s", rows[i].body, outcome.err.msg);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_of_a_task), cmocka_unit_test(test_filters_and_stills),
        cmocka_unit_test(test_video_encoders),  cmocka_unit_test(test_av1),
        cmocka_unit_test(test_audio_encoders),  cmocka_unit_test(test_faults_of_the_job_come_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
