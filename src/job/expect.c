#include "job/expect.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "job/codec.h"

enum { TEXT_MAX = 1024, SIDE_MAX = 1 << 16, COUNT_MAX = 1 << 16 };

static const struct ftl_opt rows[] = {
    FTL_OPT_INT(struct ftl_expect, output, 0, COUNT_MAX, NULL, "index in the job's outputs"),
    FTL_OPT_STRING(struct ftl_expect, name, TEXT_MAX, FTL_OPT_REQUIRED, "the file's name"),
    FTL_OPT_STRING(struct ftl_expect, kind, 16, FTL_OPT_REQUIRED, "media or thumbnail"),
    FTL_OPT_STRING(struct ftl_expect, container, 32, FTL_OPT_REQUIRED, "the file's format"),
    FTL_OPT_BOOL(struct ftl_expect, has_video, "it holds video"),
    FTL_OPT_BOOL(struct ftl_expect, has_audio, "it holds sound"),
    FTL_OPT_STRING(struct ftl_expect, video_codec, 32, 0, "how pictures are coded"),
    FTL_OPT_STRING(struct ftl_expect, audio_codec, 32, 0, "how sound is coded"),
    FTL_OPT_INT(struct ftl_expect, width, 0, SIDE_MAX, "px", "of the picture"),
    FTL_OPT_INT(struct ftl_expect, height, 0, SIDE_MAX, "px", "of the picture"),
    FTL_OPT_STRING(struct ftl_expect, pix_fmt, 32, 0, "how pixels are stored"),
    FTL_OPT_DOUBLE(struct ftl_expect, duration_s, 0, 1e9, "s", "of the file; 0 = unknown"),
    FTL_OPT_DOUBLE(struct ftl_expect, fps, 0, 1000, "fps", "frames a second; 0 = unknown"),
    FTL_OPT_INT64(struct ftl_expect, frames, -1, 1e15, NULL, "that were written; -1 = not known"),
    FTL_OPT_BOOL(struct ftl_expect, has_loudness_target, "the three below hold"),
    FTL_OPT_DOUBLE(struct ftl_expect, integrated, -100, 20, "LUFS", "loudness"),
    FTL_OPT_DOUBLE(struct ftl_expect, true_peak, -100, 20, "dBTP", "highest true peak"),
    FTL_OPT_DOUBLE(struct ftl_expect, tolerance, 0, 100, "LU", "either side of the loudness"),
    FTL_OPT_BOOL(struct ftl_expect, may_be_quieter, "the loudness may stay below its target"),
    FTL_OPT_END,
};

static const struct ftl_expect defaults = {
    .frames = -1,
    .video_codec = "",
    .audio_codec = "",
    .pix_fmt = "",
};

const struct ftl_opt_table ftl_expect_table =
    FTL_OPT_TABLE(struct ftl_expect, "expect", rows, &defaults);

static struct ftl_expect expect_of(const struct ftl_plan_output *output)
{
    bool is_still = output->kind == FTL_OUTPUT_THUMBNAIL;
    struct ftl_expect expect = defaults;
    expect.output = output->index;
    expect.name = output->name;
    expect.kind = is_still ? "thumbnail" : "media";
    if (is_still) {
        expect.container = output->still.format;
        expect.has_video = true;
        expect.width = output->still.width;
        expect.height = output->still.height;
        expect.frames = 1;
        return expect;
    }
    const struct ftl_format *format = ftl_format_find(output->container);
    expect.container = format != NULL ? format->name : output->container;
    expect.duration_s = output->duration_s;
    expect.has_video = output->has_video;
    expect.has_audio = output->has_audio;
    if (output->has_video) {
        expect.video_codec = output->video.codec;
        expect.width = output->video.width;
        expect.height = output->video.height;
        expect.pix_fmt = output->video.pix_fmt;
        expect.fps = ftl_rational_to_double(output->video.frame_rate);
    }
    if (output->has_audio) {
        expect.audio_codec = output->audio.codec;
        expect.has_loudness_target = output->loudness.is_set;
        expect.integrated = output->loudness.integrated;
        expect.true_peak = output->loudness.true_peak;
        expect.tolerance = output->loudness.tolerance;
    }
    return expect;
}

cJSON *ftl_expect_json(const struct ftl_plan *plan)
{
    cJSON *array = ftl_json_array();
    for (size_t i = 0; i < plan->outputs_count; i++) {
        struct ftl_expect expect = expect_of(&plan->outputs[i]);
        cJSON *item = ftl_opt_print(&ftl_expect_table, &expect, false, true);
        ftl_json_append(array, item != NULL ? item : ftl_json_object());
    }
    return array;
}

enum ftl_code ftl_expect_parse(const cJSON *array, struct ftl_arena *arena, struct ftl_array *ret,
                               struct ftl_err *err)
{
    if (!cJSON_IsArray(array)) {
        return ftl_fail(err, FTL_INTERNAL, "the expectations are not an array");
    }
    size_t count = (size_t)cJSON_GetArraySize(array);
    struct ftl_expect *items = ftl_arena_alloc(arena, count + 1, sizeof(*items));
    if (items == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for %zu expectations", count);
    }
    size_t index = 0;
    for (const cJSON *item = array->child; item != NULL; item = item->next, index++) {
        struct ftl_opt_errors errors = {.count = 0};
        if (ftl_opt_parse(&ftl_expect_table, item, "", arena, &items[index], &errors) != FTL_OK) {
            return ftl_fail(err, FTL_INTERNAL, "expectation %zu: %s: %s", index,
                            errors.list[0].where, errors.list[0].msg);
        }
    }
    *ret = (struct ftl_array){.items = items, .count = count};
    return FTL_OK;
}

/* ---- the comparison ---- */

static const char *yes_no(bool has)
{
    return has ? "with" : "without";
}

static enum ftl_code check_streams(const struct ftl_expect *expect,
                                   const struct ftl_output_result *found, struct ftl_err *err)
{
    if (!ftl_format_is(expect->container, found->container)) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %s, found %s", expect->name,
                        expect->container, found->container);
    }
    if (expect->has_video != found->has_video) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %s video, found it %s", expect->name,
                        yes_no(expect->has_video), yes_no(found->has_video));
    }
    if (expect->has_audio != found->has_audio) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %s audio, found it %s", expect->name,
                        yes_no(expect->has_audio), yes_no(found->has_audio));
    }
    if (found->bytes <= 0) {
        return ftl_fail(err, FTL_VERIFY, "%s: the file is empty", expect->name);
    }
    return FTL_OK;
}

static enum ftl_code check_video(const struct ftl_expect *expect,
                                 const struct ftl_output_result *found, struct ftl_err *err)
{
    if (expect->video_codec[0] != '\0' &&
        !ftl_video_codec_is(expect->video_codec, found->video_codec)) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %s video, found %s", expect->name,
                        expect->video_codec, found->video_codec);
    }
    if (expect->width != found->width || expect->height != found->height) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %dx%d, found %dx%d", expect->name,
                        expect->width, expect->height, found->width, found->height);
    }
    if (expect->pix_fmt[0] != '\0' && strcmp(expect->pix_fmt, found->pix_fmt) != 0) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %s pixels, found %s", expect->name,
                        expect->pix_fmt, found->pix_fmt);
    }
    if (found->frames <= 0) {
        return ftl_fail(err, FTL_VERIFY, "%s: no frame could be decoded", expect->name);
    }
    if (expect->frames >= 0 && expect->frames != found->frames) {
        return ftl_fail(err, FTL_VERIFY, "%s: %lld frames were written, %lld could be decoded",
                        expect->name, (long long)expect->frames, (long long)found->frames);
    }
    return FTL_OK;
}

/* One frame, plus the priming and the padding of an AAC encoder (1024 samples each). */
static double duration_slack_s(const struct ftl_expect *expect,
                               const struct ftl_output_result *found)
{
    const double least_s = 0.1;
    double frame_s = expect->has_video && expect->fps > 0 ? 1 / expect->fps : 0;
    double padding_s =
        found->has_audio && found->sample_rate_hz > 0 ? 2 * 1024.0 / found->sample_rate_hz : 0;
    return fmax(least_s, frame_s + padding_s);
}

static enum ftl_code check_duration(const struct ftl_expect *expect,
                                    const struct ftl_output_result *found, struct ftl_err *err)
{
    if (!(found->duration_s > 0)) {
        return ftl_fail(err, FTL_VERIFY, "%s: it has no duration", expect->name);
    }
    double slack_s = duration_slack_s(expect, found);
    if (expect->duration_s > 0 && fabs(found->duration_s - expect->duration_s) > slack_s) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %.3f s within %.3f s, found %.3f s",
                        expect->name, expect->duration_s, slack_s, found->duration_s);
    }
    return FTL_OK;
}

static enum ftl_code check_loudness(const struct ftl_expect *expect,
                                    const struct ftl_output_result *found, struct ftl_err *err)
{
    const struct ftl_loudness *loudness = &found->loudness;
    const double rounding = 1e-6;
    if (!loudness->is_measured) {
        return ftl_fail(err, FTL_VERIFY, "%s: its loudness was not measured", expect->name);
    }
    if (loudness->is_silent) {
        return FTL_OK; /* there is nothing to bring to a loudness */
    }
    double off = loudness->integrated - expect->integrated;
    bool is_too_quiet = off < -expect->tolerance - rounding && !expect->may_be_quieter;
    if (!isfinite(off) || off > expect->tolerance + rounding || is_too_quiet) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %.1f LUFS within %.1f LU, found %.2f LUFS",
                        expect->name, expect->integrated, expect->tolerance, loudness->integrated);
    }
    if (!(loudness->true_peak <= expect->true_peak + rounding)) {
        return ftl_fail(err, FTL_VERIFY,
                        "%s: expected a true peak of at most %.2f dBTP, found %.2f", expect->name,
                        expect->true_peak, loudness->true_peak);
    }
    return FTL_OK;
}

static enum ftl_code check_audio(const struct ftl_expect *expect,
                                 const struct ftl_output_result *found, struct ftl_err *err)
{
    if (!ftl_audio_codec_is(expect->audio_codec, found->audio_codec)) {
        return ftl_fail(err, FTL_VERIFY, "%s: expected %s audio, found %s", expect->name,
                        expect->audio_codec, found->audio_codec);
    }
    return expect->has_loudness_target ? check_loudness(expect, found, err) : FTL_OK;
}

enum ftl_code ftl_expect_check(const struct ftl_expect *expect,
                               const struct ftl_output_result *found, struct ftl_err *err)
{
    bool is_still = strcmp(expect->kind, "thumbnail") == 0;
    enum ftl_code code = check_streams(expect, found, err);
    if (code == FTL_OK && expect->has_video) {
        code = check_video(expect, found, err);
    }
    if (code == FTL_OK && !is_still) {
        code = check_duration(expect, found, err);
    }
    if (code == FTL_OK && expect->has_audio) {
        code = check_audio(expect, found, err);
    }
    return code;
}

void ftl_expect_adopt(const struct ftl_expect *expect, struct ftl_output_result *found)
{
    found->index = expect->output;
    (void)ftl_copy_text(found->container, sizeof(found->container), expect->container);
    if (expect->video_codec[0] != '\0') {
        (void)ftl_copy_text(found->video_codec, sizeof(found->video_codec), expect->video_codec);
    }
    if (expect->audio_codec[0] != '\0') {
        (void)ftl_copy_text(found->audio_codec, sizeof(found->audio_codec), expect->audio_codec);
    }
    if (strcmp(expect->kind, "thumbnail") == 0) {
        found->duration_s = 0;
        found->frame_rate = (struct ftl_rational){0, 0};
    }
}
