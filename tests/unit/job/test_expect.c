#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "job/expect.h"

/* ---- a file that is what was planned ---- */

static struct ftl_expect good_expect(void)
{
    return (struct ftl_expect){
        .output = 0,
        .name = "a.mp4",
        .kind = "media",
        .container = "mp4",
        .has_video = true,
        .has_audio = true,
        .video_codec = "h264",
        .audio_codec = "aac",
        .width = 1080,
        .height = 1920,
        .pix_fmt = "yuv420p",
        .duration_s = 8,
        .fps = 24,
        .frames = 192,
        .has_loudness_target = true,
        .integrated = -16,
        .true_peak = -1,
        .tolerance = 0.2,
    };
}

static struct ftl_output_result good_result(void)
{
    return (struct ftl_output_result){
        .container = "mp4",
        .duration_s = 8.02,
        .bytes = 1000000,
        .has_video = true,
        .video_codec = "h264",
        .pix_fmt = "yuv420p",
        .width = 1080,
        .height = 1920,
        .frame_rate = {24, 1},
        .frames = 192,
        .has_audio = true,
        .audio_codec = "aac",
        .sample_rate_hz = 48000,
        .channels = 2,
        .loudness = {.is_measured = true, .integrated = -16.1, .true_peak = -1.2},
    };
}

/* ---- one thing changed at a time ---- */

struct check_row {
    const char *what;
    void (*change)(struct ftl_expect *expect, struct ftl_output_result *found);
    const char *says; /* part of the VERIFY message; NULL = still good */
};

#define CHANGE(name)                                                                               \
    static void name(__attribute__((unused)) struct ftl_expect *expect,                            \
                     __attribute__((unused)) struct ftl_output_result *found)

CHANGE(nothing)
{
}
CHANGE(other_container)
{
    (void)snprintf(found->container, sizeof(found->container), "matroska,webm");
}
CHANGE(demuxer_list)
{
    (void)snprintf(found->container, sizeof(found->container), "mov,mp4,m4a,3gp,3g2,mj2");
}
CHANGE(no_video)
{
    found->has_video = false;
}
CHANGE(no_audio)
{
    found->has_audio = false;
}
CHANGE(audio_too_many)
{
    expect->has_audio = false;
}
CHANGE(empty)
{
    found->bytes = 0;
}
CHANGE(other_video_codec)
{
    (void)snprintf(found->video_codec, sizeof(found->video_codec), "hevc");
}
CHANGE(hevc_is_h265)
{
    expect->video_codec = "h265";
    (void)snprintf(found->video_codec, sizeof(found->video_codec), "hevc");
}
CHANGE(other_audio_codec)
{
    (void)snprintf(found->audio_codec, sizeof(found->audio_codec), "mp3");
}
CHANGE(other_width)
{
    found->width = 1078;
}
CHANGE(other_height)
{
    found->height = 1080;
}
CHANGE(other_pixels)
{
    (void)snprintf(found->pix_fmt, sizeof(found->pix_fmt), "yuv444p");
}
CHANGE(one_frame_less)
{
    found->frames = 191;
}
CHANGE(one_frame_more)
{
    found->frames = 193;
}
CHANGE(no_frames)
{
    found->frames = 0;
    expect->frames = -1;
}
CHANGE(frames_not_known)
{
    expect->frames = -1;
    found->frames = 10;
}
CHANGE(too_short)
{
    found->duration_s = 7.85;
}
CHANGE(too_long)
{
    found->duration_s = 8.2;
}
CHANGE(slack_of_a_slow_clip)
{
    expect->fps = 8;
    found->duration_s = 8.16; /* a frame of 125 ms, and AAC's priming and padding */
}
CHANGE(beyond_the_slack_of_a_slow_clip)
{
    expect->fps = 8;
    found->duration_s = 8.18;
}
CHANGE(duration_unknown)
{
    expect->duration_s = 0;
    found->duration_s = 3;
}
CHANGE(no_duration)
{
    expect->duration_s = 0;
    found->duration_s = 0;
}
CHANGE(nan_duration)
{
    found->duration_s = (double)NAN;
}
CHANGE(at_the_lower_edge)
{
    found->loudness.integrated = -16.2;
}
CHANGE(at_the_upper_edge)
{
    found->loudness.integrated = -15.8;
}
CHANGE(too_quiet)
{
    found->loudness.integrated = -16.21;
}
CHANGE(too_loud)
{
    found->loudness.integrated = -15.79;
}
CHANGE(quiet_on_purpose)
{
    expect->may_be_quieter = true;
    found->loudness.integrated = -30;
}
CHANGE(loud_is_never_on_purpose)
{
    expect->may_be_quieter = true;
    found->loudness.integrated = -15;
}
CHANGE(at_the_ceiling)
{
    found->loudness.true_peak = -1;
}
CHANGE(above_the_ceiling)
{
    found->loudness.true_peak = -0.99;
}
CHANGE(peak_above_while_quiet_on_purpose)
{
    expect->may_be_quieter = true;
    found->loudness.integrated = -30;
    found->loudness.true_peak = 0.2;
}
CHANGE(silence)
{
    found->loudness.is_silent = true;
    found->loudness.integrated = -(double)INFINITY;
    found->loudness.true_peak = -(double)INFINITY;
}
CHANGE(infinite_but_not_silent)
{
    found->loudness.integrated = (double)INFINITY;
}
CHANGE(not_measured)
{
    found->loudness.is_measured = false;
}
CHANGE(no_target)
{
    expect->has_loudness_target = false;
    found->loudness.is_measured = false;
}

static const struct check_row check_rows[] = {
    {"nothing", nothing, NULL},
    {"container", other_container, "expected mp4, found matroska,webm"},
    {"demuxer's list", demuxer_list, NULL},
    {"no video", no_video, "with video, found it without"},
    {"no audio", no_audio, "with audio, found it without"},
    {"audio too many", audio_too_many, "without audio"},
    {"empty", empty, "empty"},
    {"video codec", other_video_codec, "h264 video, found hevc"},
    {"hevc", hevc_is_h265, NULL},
    {"audio codec", other_audio_codec, "aac audio, found mp3"},
    {"width", other_width, "1080x1920, found 1078x1920"},
    {"height", other_height, "found 1080x1080"},
    {"pixels", other_pixels, "yuv444p"},
    {"frame less", one_frame_less, "192 frames were written, 191"},
    {"frame more", one_frame_more, "193"},
    {"no frames", no_frames, "no frame"},
    {"frames not known", frames_not_known, NULL},
    {"short", too_short, "8.000 s within 0.100 s, found 7.850"},
    {"long", too_long, "found 8.200"},
    {"slow clip", slack_of_a_slow_clip, NULL},
    {"slow clip, beyond", beyond_the_slack_of_a_slow_clip, "within 0.168"},
    {"duration unknown", duration_unknown, NULL},
    {"no duration", no_duration, "no duration"},
    {"nan", nan_duration, "no duration"},
    {"lower edge", at_the_lower_edge, NULL},
    {"upper edge", at_the_upper_edge, NULL},
    {"quiet", too_quiet, "-16.0 LUFS within 0.2 LU, found -16.21"},
    {"loud", too_loud, "-15.79"},
    {"quiet on purpose", quiet_on_purpose, NULL},
    {"loud on purpose", loud_is_never_on_purpose, "-15.00"},
    {"ceiling", at_the_ceiling, NULL},
    {"above ceiling", above_the_ceiling, "at most -1.00 dBTP, found -0.99"},
    {"peak", peak_above_while_quiet_on_purpose, "found 0.20"},
    {"silence", silence, NULL},
    {"infinite", infinite_but_not_silent, "LUFS"},
    {"not measured", not_measured, "not measured"},
    {"no target", no_target, NULL},
};

static void judges_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(check_rows) / sizeof(check_rows[0]); i++) {
        const struct check_row *row = &check_rows[i];
        struct ftl_expect expect = good_expect();
        struct ftl_output_result found = good_result();
        row->change(&expect, &found);
        struct ftl_err err = {.code = FTL_OK};
        enum ftl_code code = ftl_expect_check(&expect, &found, &err);
        bool is_right = row->says == NULL
                            ? code == FTL_OK
                            : code == FTL_VERIFY && strstr(err.msg, row->says) != NULL &&
                                  strncmp(err.msg, "a.mp4: ", 7) == 0;
        if (!is_right) {
            fail_msg("%s: %s: %s", row->what, ftl_code_name(code), err.msg);
        }
    }
}

static void judges_stills(void **state)
{
    (void)state;
    const struct ftl_expect expect = {.name = "a.jpg",
                                      .kind = "thumbnail",
                                      .container = "jpeg",
                                      .has_video = true,
                                      .video_codec = "",
                                      .audio_codec = "",
                                      .pix_fmt = "",
                                      .width = 720,
                                      .height = 1280,
                                      .frames = 1};
    struct ftl_output_result found = {.container = "jpeg_pipe",
                                      .bytes = 5000,
                                      .has_video = true,
                                      .video_codec = "mjpeg",
                                      .pix_fmt = "yuvj420p",
                                      .width = 720,
                                      .height = 1280,
                                      .frames = 1};
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_expect_check(&expect, &found, &err), FTL_OK);
    found.width = 721;
    assert_int_equal(ftl_expect_check(&expect, &found, &err), FTL_VERIFY);
    found.width = 720;
    (void)snprintf(found.container, sizeof(found.container), "png_pipe");
    assert_int_equal(ftl_expect_check(&expect, &found, &err), FTL_VERIFY);
}

static void adopts_our_names(void **state)
{
    (void)state;
    struct ftl_expect expect = good_expect();
    struct ftl_output_result found = good_result();
    expect.output = 3;
    expect.video_codec = "h265";
    (void)snprintf(found.video_codec, sizeof(found.video_codec), "hevc");
    (void)snprintf(found.container, sizeof(found.container), "mov,mp4,m4a,3gp,3g2,mj2");
    ftl_expect_adopt(&expect, &found);
    assert_int_equal(found.index, 3);
    assert_string_equal(found.container, "mp4");
    assert_string_equal(found.video_codec, "h265");
    assert_string_equal(found.audio_codec, "aac");
    assert_true(found.duration_s > 8 && found.frame_rate.num == 24);
    expect.kind = "thumbnail";
    ftl_expect_adopt(&expect, &found);
    assert_true(found.duration_s == 0 && found.frame_rate.num == 0);
}

/* ---- plan -> JSON -> expectations ---- */

static const struct ftl_plan_output outputs[] = {
    {.index = 0,
     .name = "a.m4a",
     .kind = FTL_OUTPUT_MEDIA,
     .container = "ipod",
     .has_audio = true,
     .audio = {.codec = "aac", .sample_rate_hz = 48000, .channels = 2},
     .loudness = {.is_set = true, .integrated = -23, .true_peak = -2, .tolerance = 0.5},
     .duration_s = 2.5},
    {.index = 1,
     .name = "b.webm",
     .kind = FTL_OUTPUT_MEDIA,
     .container = "webm",
     .has_video = true,
     .video = {.codec = "vp9",
               .width = 640,
               .height = 360,
               .frame_rate = {30000, 1001},
               .pix_fmt = "yuv420p"}},
    {.index = 2,
     .name = "c.png",
     .kind = FTL_OUTPUT_THUMBNAIL,
     .still = {.format = "png", .width = 101, .height = 51}},
};

static void survives_the_wire(void **state)
{
    (void)state;
    const struct ftl_plan plan = {.outputs = outputs, .outputs_count = 3};
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(1 << 20);
    FTL_AUTO(json) cJSON *json = ftl_expect_json(&plan);
    struct ftl_array list = {.count = 0};
    struct ftl_err err = {.code = FTL_OK};
    /* written out even where it is the default: the parent tells expectations apart by it */
    assert_int_equal(ftl_json_int64(cJSON_GetArrayItem(json, 0), "output", -1), 0);
    assert_int_equal(ftl_expect_parse(json, arena, &list, &err), FTL_OK);
    assert_int_equal(list.count, 3);
    const struct ftl_expect *expects = list.items;
    assert_string_equal(expects[0].container, "m4a");
    assert_true(expects[0].has_audio && !expects[0].has_video && expects[0].has_loudness_target);
    assert_float_equal(expects[0].integrated, -23, 1e-9);
    assert_float_equal(expects[0].tolerance, 0.5, 1e-9);
    assert_float_equal(expects[0].duration_s, 2.5, 1e-9);
    assert_int_equal(expects[0].frames, -1);
    assert_int_equal(expects[1].output, 1);
    assert_string_equal(expects[1].video_codec, "vp9");
    assert_string_equal(expects[1].audio_codec, "");
    assert_float_equal(expects[1].fps, 29.97003, 1e-4);
    assert_string_equal(expects[2].kind, "thumbnail");
    assert_string_equal(expects[2].container, "png");
    assert_int_equal(expects[2].frames, 1);
    assert_int_equal(expects[2].width, 101);
}

static void refuses_what_is_no_expectation(void **state)
{
    (void)state;
    const char *const texts[] = {
        "{}", "[1]", "[{}]", "[{\"name\":\"a\",\"kind\":\"media\",\"container\":\"mp4\",\"x\":1}]",
        "[{\"name\":\"a\",\"kind\":\"media\",\"container\":\"mp4\",\"width\":-1}]"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(1 << 20);
        FTL_AUTO(json) cJSON *json = cJSON_Parse(texts[i]);
        struct ftl_array list = {.count = 7};
        struct ftl_err err = {.code = FTL_OK};
        assert_int_equal(ftl_expect_parse(json, arena, &list, &err), FTL_INTERNAL);
        assert_int_equal(list.count, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_files),
        cmocka_unit_test(judges_stills),
        cmocka_unit_test(adopts_our_names),
        cmocka_unit_test(survives_the_wire),
        cmocka_unit_test(refuses_what_is_no_expectation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
