#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "job/report.h"

static const struct ftl_output_result full = {
    .index = 1,
    .container = "mp4",
    .duration_s = 8.0213,
    .bytes = 123456789012,
    .has_video = true,
    .video_codec = "h264",
    .pix_fmt = "yuv420p",
    .width = 1080,
    .height = 1920,
    .frame_rate = {30000, 1001},
    .frames = 240,
    .frames_duplicated = 2,
    .frames_dropped = 1,
    .has_audio = true,
    .audio_codec = "aac",
    .sample_rate_hz = 48000,
    .channels = 2,
    .loudness = {.is_measured = true,
                 .integrated = -16.07,
                 .range = 3.2,
                 .true_peak = -1.31,
                 .duration_s = 8},
    .loudness_passes = 2,
};

static void results_survive_the_wire(void **state)
{
    (void)state;
    FTL_AUTO(json) cJSON *json = ftl_output_result_json(&full, "a.mp4");
    assert_string_equal(ftl_json_string(json, "name", ""), "a.mp4");
    assert_float_equal(ftl_json_number(ftl_json_get(json, "video"), "fps", 0), 29.97, 1e-6);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(65536);
    ftl_json_print(json, false, &text);
    FTL_AUTO(json) cJSON *again = NULL;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_json_parse(ftl_str_text(&text), text.length, NULL, &again, &err), FTL_OK);
    struct ftl_output_result back = {.index = 0};
    assert_int_equal(ftl_output_result_parse(again, &back, &err), FTL_OK);
    assert_int_equal(back.index, 1);
    assert_int_equal(back.bytes, full.bytes);
    assert_string_equal(back.container, "mp4");
    assert_string_equal(back.video_codec, "h264");
    assert_string_equal(back.pix_fmt, "yuv420p");
    assert_true(back.has_video && back.has_audio);
    assert_int_equal(back.frame_rate.num, 30000);
    assert_int_equal(back.frame_rate.den, 1001);
    assert_int_equal(back.frames, 240);
    assert_int_equal(back.frames_duplicated, 2);
    assert_int_equal(back.frames_dropped, 1);
    assert_int_equal(back.loudness_passes, 2);
    assert_true(back.loudness.is_measured && !back.loudness.is_silent);
    assert_float_equal(back.loudness.integrated, -16.07, 1e-9);
    assert_float_equal(back.loudness.true_peak, -1.31, 1e-9);
    assert_float_equal(back.duration_s, 8.0213, 1e-9);
}

static void silence_and_stills_survive_too(void **state)
{
    (void)state;
    struct ftl_output_result result = {.container = "jpeg",
                                       .bytes = 1,
                                       .has_video = true,
                                       .video_codec = "mjpeg",
                                       .pix_fmt = "yuvj420p",
                                       .width = 2,
                                       .height = 2,
                                       .frames = 1,
                                       .still_time_s = 1.25,
                                       .still_reason = "sharpest of 12"};
    struct ftl_output_result back = {.index = 9};
    struct ftl_err err = {.code = FTL_OK};
    FTL_AUTO(json) cJSON *still = ftl_output_result_json(&result, NULL);
    assert_null(ftl_json_get(still, "name"));
    assert_null(ftl_json_get(still, "audio"));
    assert_int_equal(ftl_output_result_parse(still, &back, &err), FTL_OK);
    assert_float_equal(back.still_time_s, 1.25, 1e-9);
    assert_string_equal(back.still_reason, "sharpest of 12");
    assert_false(back.has_audio || back.loudness.is_measured);

    const struct ftl_loudness silent = {.is_measured = true,
                                        .is_silent = true,
                                        .integrated = -(double)INFINITY,
                                        .true_peak = -(double)INFINITY};
    struct ftl_loudness loudness = {.is_measured = false};
    FTL_AUTO(json) cJSON *json = ftl_loudness_json(&silent);
    assert_int_equal(ftl_loudness_parse(json, &loudness, &err), FTL_OK);
    assert_true(loudness.is_silent && isinf(loudness.integrated) && loudness.integrated < 0);
    const struct ftl_loudness none = {.is_measured = false};
    FTL_AUTO(json) cJSON *null = ftl_loudness_json(&none);
    assert_true(cJSON_IsNull(null));
    assert_int_equal(ftl_loudness_parse(null, &loudness, &err), FTL_OK);
    assert_false(loudness.is_measured);
}

#define VIDEO(more) "{\"index\":0,\"container\":\"mp4\",\"bytes\":1,\"video\":{" more "}}"
#define AUDIO(more) "{\"index\":0,\"container\":\"mp4\",\"bytes\":1,\"audio\":{" more "}}"

static void absurd_results_are_refused(void **state)
{
    (void)state;
    const char *const texts[] = {
        "[]",
        "{}",
        "{\"index\":-1,\"container\":\"mp4\",\"bytes\":1}",
        "{\"index\":0,\"container\":\"mp4\"}",
        "{\"index\":0,\"container\":7,\"bytes\":1}",
        "{\"index\":0,\"container\":\"mp4\",\"bytes\":-1}",
        "{\"index\":0,\"container\":\"mp4\",\"bytes\":1,\"duration_s\":-1}",
        "{\"index\":0,\"container\":\"mp4\",\"bytes\":1,\"duration_s\":\"8\"}",
        "{\"index\":0,\"container\":\"0123456789012345678901234567890123456789\",\"bytes\":1}",
        VIDEO(""),
        VIDEO("\"codec\":\"h264\",\"pix_fmt\":\"yuv420p\",\"width\":1,\"height\":1"),
        VIDEO(
            "\"codec\":\"h264\",\"pix_fmt\":\"yuv420p\",\"width\":99999,\"height\":1,\"frames\":1"),
        VIDEO("\"codec\":\"h264\",\"pix_fmt\":\"yuv420p\",\"width\":1,\"height\":1,\"frames\":1,"
              "\"frame_rate\":\"x\""),
        AUDIO("\"codec\":\"aac\",\"sample_rate_hz\":48000"),
        AUDIO("\"codec\":\"aac\",\"sample_rate_hz\":48000,\"channels\":2,\"loudness\":{}"),
        AUDIO("\"codec\":\"aac\",\"sample_rate_hz\":48000,\"channels\":2,\"loudness\":{"
              "\"integrated\":-16,\"true_peak\":5000,\"is_silent\":false,\"is_ungated\":false}"),
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FTL_AUTO(json) cJSON *json = cJSON_Parse(texts[i]);
        assert_non_null(json);
        struct ftl_output_result back = {.index = 42};
        struct ftl_err err = {.code = FTL_OK};
        if (ftl_output_result_parse(json, &back, &err) != FTL_INTERNAL || back.index != 42) {
            fail_msg("%s was taken", texts[i]);
        }
    }
}

static void run_result_says_what_was_done(void **state)
{
    (void)state;
    const struct ftl_run_result run = {
        .frames_decoded = 192,
        .decoded_end_s = 8,
        .source_loudness = {.is_measured = true, .integrated = -24.3, .true_peak = -3},
        .gain_db = 8.3,
        .loudness_method = "limited",
        .video_s = 1.5};
    FTL_AUTO(json) cJSON *json = ftl_run_result_json(&run);
    assert_string_equal(ftl_json_string(ftl_json_get(json, "loudness"), "method", ""), "limited");
    assert_float_equal(ftl_json_number(ftl_json_at(json, "/loudness/source"), "integrated", 0),
                       -24.3, 1e-9);
    assert_float_equal(ftl_json_number(ftl_json_get(json, "seconds"), "video", 0), 1.5, 1e-9);
    const struct ftl_run_result silent = {.frames_decoded = 1};
    FTL_AUTO(json) cJSON *none = ftl_run_result_json(&silent);
    assert_null(ftl_json_get(none, "loudness"));
}

static void errors_carry_their_class(void **state)
{
    (void)state;
    struct ftl_err err = {.code = FTL_OK};
    (void)ftl_fail(&err, FTL_NET, "reset by peer");
    err.retry_after_ms = 2500;
    (void)ftl_err_at(&err, "/input");
    FTL_AUTO(json) cJSON *json = ftl_err_json(&err);
    assert_string_equal(ftl_json_string(json, "code", ""), "NET");
    assert_string_equal(ftl_json_string(json, "message", ""), "reset by peer");
    assert_string_equal(ftl_json_string(json, "where", ""), "/input");
    assert_string_equal(ftl_json_string(json, "retry", ""), "later");
    assert_int_equal(ftl_json_int64(json, "retry_after_ms", 0), 2500);
}

static void many_errors_are_counted(void **state)
{
    (void)state;
    struct ftl_opt_errors errors = {.count = 0};
    for (int i = 0; i < FTL_OPT_MAX_ERRORS + 3; i++) {
        ftl_opt_report(&errors, "/x", NULL, "error %d", i);
    }
    FTL_AUTO(json) cJSON *json = ftl_opt_errors_json(&errors);
    assert_int_equal(cJSON_GetArraySize(json), FTL_OPT_MAX_ERRORS + 1);
    const cJSON *last = cJSON_GetArrayItem(json, FTL_OPT_MAX_ERRORS);
    assert_string_equal(ftl_json_string(last, "message", ""), "3 more errors");
    const struct ftl_opt_errors none = {.count = 0};
    FTL_AUTO(json) cJSON *empty = ftl_opt_errors_json(&none);
    assert_int_equal(cJSON_GetArraySize(empty), 0);
}

static void rates_print(void **state)
{
    (void)state;
    char text[24];
    ftl_rate_text((struct ftl_rational){30000, 1001}, text);
    assert_string_equal(text, "30000/1001");
    ftl_rate_text((struct ftl_rational){0, 0}, text);
    assert_string_equal(text, "");
    ftl_rate_text((struct ftl_rational){-1, 1}, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_survive_the_wire),
        cmocka_unit_test(silence_and_stills_survive_too),
        cmocka_unit_test(absurd_results_are_refused),
        cmocka_unit_test(run_result_says_what_was_done),
        cmocka_unit_test(errors_carry_their_class),
        cmocka_unit_test(many_errors_are_counted),
        cmocka_unit_test(rates_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
