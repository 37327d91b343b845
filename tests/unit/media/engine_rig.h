/* Runs the engine on clips that the ffmpeg command line makes: a plan built by hand, outputs in a
 * directory of the test's own, judged by ffprobe. */
#ifndef TESTS_MEDIA_ENGINE_RIG_H
#define TESTS_MEDIA_ENGINE_RIG_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <fettle/filter.h>

#include "base/str.h"
#include "media/pipeline.h"

/* x265 3.5 does not free all of its own when it closes. LeakSanitizer asks by this name. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265";
}

enum { RIG_OUTPUTS_MAX = 4, RIG_CHAIN_MAX = 4 };

static char rig_dir[64];

static const struct ftl_limits rig_limits = {.pixels = 8192LL * 4320,
                                             .streams = 32,
                                             .duration_s = 3600,
                                             .output_bytes = 1LL << 30,
                                             .frames_per_frame = 50,
                                             .alloc_bytes = 1LL << 29};

static inline int rig_group_setup(void **state)
{
    static const struct ftl_log log = {.fd = STDERR_FILENO, .level = FTL_LOG_INFO, .is_text = true};
    (void)state;
    (void)snprintf(rig_dir, sizeof(rig_dir), "/tmp/fettle-media-XXXXXX");
    ftl_media_init(getenv("RIG_LOG") != NULL ? &log : NULL); /* RIG_LOG=1: what libav says */
    return mkdtemp(rig_dir) == NULL ? -1 : 0;
}

/* Runs one shell command in the test's directory; its exit status, stdout in `text` if given. */
static inline int rig_shell(char *text, size_t size, const char *fmt, ...) FTL_PRINTF(3, 4);
static inline int rig_shell(char *text, size_t size, const char *fmt, ...)
{
    char command[4096];
    int ends[2];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        if (chdir(rig_dir) == 0) {
            (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        }
        _exit(127);
    }
    (void)close(ends[1]);
    size_t length = 0;
    char rest[512];
    for (;;) {
        bool is_kept = text != NULL && length + 1 < size;
        ssize_t got = is_kept ? read(ends[0], text + length, size - 1 - length)
                              : read(ends[0], rest, sizeof(rest));
        if (got <= 0) {
            break;
        }
        length += is_kept ? (size_t)got : 0;
    }
    if (text != NULL && size > 0) {
        text[length] = '\0';
        text[strcspn(text, "\n")] = '\0';
    }
    (void)close(ends[0]);
    int status = 0;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int rig_group_teardown(void **state)
{
    (void)state;
    return rig_shell(NULL, 0, "rm -rf '%s'", rig_dir);
}

/* ffmpeg with these arguments, quiet; the test fails if it does. */
#define RIG_FFMPEG(...)                                                                            \
    assert_int_equal(rig_shell(NULL, 0, "ffmpeg -nostdin -y -v error " __VA_ARGS__), 0)

struct rig {
    /* to be set */
    const char *input; /* file in the test's directory */
    const char *logo;  /* second input, index 1; NULL = none */
    const struct ftl_filter_inst *chain[RIG_CHAIN_MAX];
    size_t chain_count;
    struct ftl_plan_output outputs[RIG_OUTPUTS_MAX];
    size_t outputs_count;
    struct ftl_limits limits;
    int checks_left; /* the check says CANCELLED after so many; 0 = never */
    /* found */
    struct ftl_probe probe, logo_probe;
    struct ftl_output_result results[RIG_OUTPUTS_MAX];
    struct ftl_run_result run;
    struct ftl_err err;
    char warnings[1024];
    int checks;
};

static inline int rig_open(const char *name, int flags)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", rig_dir, name);
    return open(path, flags | O_CLOEXEC, 0600);
}

static inline enum ftl_code rig_open_output(void *opaque, int output, const char *name, int *ret_fd,
                                            struct ftl_err *err)
{
    (void)opaque;
    (void)output;
    *ret_fd = rig_open(name, O_RDWR | O_CREAT | O_TRUNC);
    return *ret_fd >= 0 ? FTL_OK : ftl_fail(err, FTL_DISK, "open %s", name);
}

static inline enum ftl_code rig_check(void *opaque, struct ftl_err *err)
{
    struct rig *rig = opaque;
    rig->checks++;
    return rig->checks_left > 0 && rig->checks > rig->checks_left
               ? ftl_fail(err, FTL_CANCELLED, "cancelled by the test")
               : FTL_OK;
}

static inline void rig_warn(void *opaque, const char *where, const char *text)
{
    struct rig *rig = opaque;
    size_t used = strlen(rig->warnings);
    (void)snprintf(rig->warnings + used, sizeof(rig->warnings) - used, "%s: %s\n", where, text);
}

/* A rig with one H.264/AAC MP4 named out.mp4, at the source's upright size and rate. */
static inline struct rig rig_new(const char *input)
{
    struct rig rig = {.input = input, .outputs_count = 1, .limits = rig_limits};
    rig.outputs[0] = (struct ftl_plan_output){
        .name = "out.mp4",
        .kind = FTL_OUTPUT_MEDIA,
        .where = "/outputs/0",
        .container = "mp4",
        .has_video = true,
        .video = {.codec = "h264",
                  .crf = 18,
                  .speed = FTL_SPEED_ULTRAFAST,
                  .gop_frames = 50,
                  .pix_fmt = "yuv420p",
                  .threads = 1},
        .audio = {.codec = "aac", .sample_rate_hz = 48000, .channels = 2, .bitrate = 128000}};
    return rig;
}

static inline void rig_fill(struct rig *rig, struct ftl_shape *shape)
{
    const struct ftl_probe *probe = &rig->probe;
    *shape = (struct ftl_shape){.duration_s = probe->duration_s};
    if (probe->video >= 0) {
        const struct ftl_probe_stream *video = &probe->streams[probe->video];
        shape->has_video = true;
        shape->width = video->width > 1 ? video->width & ~1 : 2;
        shape->height = video->height > 1 ? video->height & ~1 : 2;
        shape->frame_rate =
            video->frame_rate.num > 0 ? video->frame_rate : (struct ftl_rational){25, 1};
    }
    shape->has_audio = probe->audio >= 0;
    for (size_t i = 0; i < rig->outputs_count; i++) {
        struct ftl_plan_output *output = &rig->outputs[i];
        bool is_media = output->kind == FTL_OUTPUT_MEDIA;
        output->index = (int)i;
        output->has_video = is_media && output->has_video && shape->has_video;
        output->has_audio = is_media && shape->has_audio;
        if (output->video.width == 0) {
            output->video.width = shape->width;
            output->video.height = shape->height;
        }
        if (output->video.frame_rate.num == 0) {
            output->video.frame_rate = shape->frame_rate;
        }
        if (output->still.width == 0) {
            output->still.width = shape->width;
            output->still.height = shape->height;
        }
    }
}

/* Probes, plans, runs. */
static inline enum ftl_code rig_run(struct rig *rig)
{
    int fds[2] = {rig_open(rig->input, O_RDONLY), -1};
    assert_true(fds[0] >= 0);
    if (ftl_media_probe(fds[0], rig->input, &rig->limits, &rig->probe, &rig->err) != FTL_OK) {
        (void)close(fds[0]);
        return rig->err.code;
    }
    struct ftl_plan_input inputs[2] = {{.name = "main", .index = 0, .probe = &rig->probe}};
    if (rig->logo != NULL) {
        fds[1] = rig_open(rig->logo, O_RDONLY);
        assert_int_equal(
            ftl_media_probe(fds[1], rig->logo, &rig->limits, &rig->logo_probe, &rig->err), FTL_OK);
        inputs[1] = (struct ftl_plan_input){.name = "logo", .index = 1, .probe = &rig->logo_probe};
    }
    struct ftl_shape shape;
    int places[RIG_OUTPUTS_MAX] = {0, 1, 2, 3};
    rig_fill(rig, &shape);
    const struct ftl_plan_run run = {.chain = rig->chain,
                                     .chain_count = rig->chain_count,
                                     .source = shape,
                                     .shape = shape,
                                     .outputs = places,
                                     .outputs_count = rig->outputs_count};
    const struct ftl_plan plan = {.inputs = inputs,
                                  .inputs_count = rig->logo != NULL ? 2 : 1,
                                  .runs = &run,
                                  .runs_count = 1,
                                  .outputs = rig->outputs,
                                  .outputs_count = rig->outputs_count,
                                  .decoder_threads = 1,
                                  .filter_threads = 1};
    const struct ftl_pipeline_config config = {
        .plan = &plan,
        .input_fds = fds,
        .limits = rig->limits,
        .callbacks = {
            .opaque = rig, .open_output = rig_open_output, .check = rig_check, .warn = rig_warn}};
    enum ftl_code code = ftl_pipeline_run(&config, rig->results, &rig->run, &rig->err);
    (void)close(fds[0]);
    if (fds[1] >= 0) {
        (void)close(fds[1]);
    }
    return code;
}

#define RIG_OK(rig)                                                                                \
    do {                                                                                           \
        if (rig_run(rig) != FTL_OK) {                                                              \
            fail_msg("%s: %s (%s)", (rig)->input, (rig)->err.msg, (rig)->err.where);               \
        }                                                                                          \
    } while (0)

/* One value from ffprobe, e.g. rig_value("out.mp4", "v:0", "stream=width"). */
static inline const char *rig_value(const char *file, const char *streams, const char *entry)
{
    static char text[256];
    (void)rig_shell(text, sizeof(text),
                    "ffprobe -v error -select_streams %s -show_entries %s -of "
                    "default=nk=1:nw=1 %s",
                    streams, entry, file);
    return text;
}

/* Frames that a decoder delivers, not what the container says. */
static inline int rig_frames(const char *file)
{
    char text[64];
    (void)rig_shell(text, sizeof(text),
                    "ffprobe -v error -select_streams v:0 -count_frames -show_entries "
                    "stream=nb_read_frames -of default=nk=1:nw=1 %s",
                    file);
    return (int)strtol(text, NULL, 10);
}

/* The picture's four quarters (top left, top right, bottom left, bottom right) as 0xRRGGBB,
 * averaged by the command line, which turns pictures as their display matrix says. */
static inline void rig_quarters(const char *file, int frame, unsigned quarters[4])
{
    char text[64];
    (void)rig_shell(text, sizeof(text),
                    "ffmpeg -nostdin -v error -i %s -vf "
                    "\"select=eq(n\\,%d),format=gbrp,scale=2:2:flags=area,format=rgb24\" "
                    "-frames:v 1 -f rawvideo - | od -An -v -tx1 | tr -d ' \n'",
                    file, frame);
    for (int i = 0; i < 4; i++) {
        char colour[7] = "";
        (void)memcpy(colour, text + (size_t)i * 6, 6);
        quarters[i] = (unsigned)strtoul(colour, NULL, 16);
    }
}

/* True when each channel is within `slack`. */
static inline bool rig_is_near(unsigned a, unsigned b, int slack)
{
    for (int shift = 0; shift <= 16; shift += 8) {
        if (abs((int)(a >> shift & 0xff) - (int)(b >> shift & 0xff)) > slack) {
            return false;
        }
    }
    return true;
}

#endif
