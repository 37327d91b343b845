/* A job document from bytes to plan: whatever it says, parsing ends in a job or in errors with
 * places, and planning in a plan that keeps its promises. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "job/expect.h"
#include "job/plan.h"
#include "job/report.h"

/* NOLINTBEGIN(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming) */

enum { ARENA_MAX = 16 << 20 };

static void promise(bool is_kept)
{
    if (!is_kept) {
        abort();
    }
}

static struct ftl_probe source_of(size_t kind)
{
    struct ftl_probe probe = {.container = "mp4", .duration_s = 8, .video = -1, .audio = -1};
    if (kind % 3 != 1) {
        probe.video = probe.streams_count;
        probe.streams[probe.streams_count++] =
            (struct ftl_probe_stream){.media = FTL_MEDIA_VIDEO,
                                      .codec = "h264",
                                      .is_decodable = true,
                                      .duration_s = kind % 5 == 0 ? 0 : 8,
                                      .coded_width = 1281,
                                      .coded_height = 721,
                                      .width = 1281,
                                      .height = 721,
                                      .frame_rate = {2997, 100},
                                      .is_variable_rate = kind % 2 == 0,
                                      .bit_depth = 8};
    }
    if (kind % 3 != 2) {
        probe.audio = probe.streams_count;
        probe.streams[probe.streams_count++] = (struct ftl_probe_stream){.media = FTL_MEDIA_AUDIO,
                                                                         .codec = "aac",
                                                                         .is_decodable = true,
                                                                         .duration_s = 8,
                                                                         .sample_rate_hz = 44100,
                                                                         .channels = 2};
    }
    return probe;
}

static void check_plan(const struct ftl_plan *plan)
{
    size_t covered = 0;
    for (size_t i = 0; i < plan->runs_count; i++) {
        covered += plan->runs[i].outputs_count;
    }
    promise(covered == plan->outputs_count);
    for (size_t i = 0; i < plan->outputs_count; i++) {
        const struct ftl_plan_output *output = &plan->outputs[i];
        if (output->kind == FTL_OUTPUT_THUMBNAIL) {
            promise(output->still.width > 0 && output->still.height > 0);
            continue;
        }
        promise(output->has_video || output->has_audio);
        promise(!output->has_video ||
                (output->video.width % 2 == 0 && output->video.height % 2 == 0 &&
                 output->video.width > 0 && output->video.height > 0 &&
                 output->video.frame_rate.den > 0 && output->video.gop_frames > 0));
    }
    cJSON_Delete(ftl_plan_json(plan));
    cJSON_Delete(ftl_expect_json(plan));
}

static void plan_job(const struct ftl_job *job, size_t kind, struct ftl_arena *arena)
{
    struct ftl_probe probe = source_of(kind);
    const struct ftl_probe *probes[64] = {NULL};
    promise(job->inputs_count <= 64);
    for (size_t i = 0; i < job->inputs_count; i++) {
        probes[i] = &probe;
    }
    const struct ftl_plan *plan = NULL;
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_plan_make(job, probes, 4, arena, &plan, &err) == FTL_OK) {
        check_plan(plan);
    } else {
        promise(plan == NULL && err.code != FTL_OK && err.msg[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
    FTL_AUTO(json) cJSON *json = NULL;
    struct ftl_err err = {.code = FTL_OK};
    if (arena == NULL || ftl_json_parse((const char *)data, size, NULL, &json, &err) != FTL_OK) {
        return 0;
    }
    struct ftl_opt_errors errors = {.count = 0};
    const struct ftl_job *job = NULL;
    if (ftl_job_parse(json, arena, &job, &errors, &err) != FTL_OK) {
        promise(job == NULL && errors.count > 0 && err.msg[0] != '\0');
        cJSON_Delete(ftl_opt_errors_json(&errors));
        return 0;
    }
    for (size_t kind = 0; kind < 6; kind++) {
        plan_job(job, kind, arena);
    }
    return 0;
}
