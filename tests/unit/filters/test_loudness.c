#include <math.h>

#include "filter_rig.h"

static void gain_and_method(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        struct ftl_loudness measured;
        double gain_db;
        const char *method;
        const char *limit; /* NULL = no limiter */
    } cases[] = {
        {"{}", {.integrated = -20, .true_peak = -8}, 4.0, "linear", NULL},
        {"{}", {.integrated = -10, .true_peak = 0}, -6.0, "linear", NULL},
        {"{}", {.integrated = -20, .true_peak = -3}, 4.0, "limited", "limit=0.8414"},
        {"{\"policy\":\"lower\"}", {.integrated = -20, .true_peak = -3}, 1.5, "lowered", NULL},
        {"{\"policy\":\"lower\"}", {.integrated = -20, .true_peak = -8}, 4.0, "linear", NULL},
        {"{}", {.integrated = -60, .true_peak = -50}, 20.0, "capped", NULL},
        {"{}", {.integrated = -60, .true_peak = -5}, 20.0, "capped", "limit=0.8414"},
        {"{}", {.integrated = 13.8, .true_peak = 20}, -29.8, "linear", NULL},
        {"{}",
         {.is_silent = true, .integrated = -HUGE_VAL, .true_peak = -HUGE_VAL},
         0.0,
         "silent",
         NULL},
        {"{}", {.is_silent = true, .integrated = -75, .true_peak = -60}, 0.0, "silent", NULL},
        {"{\"integrated\":-14,\"true_peak\":-2}",
         {.integrated = -14.5, .true_peak = -0.5, .correction_db = 0.3, .ceiling_cut_db = 1.0},
         0.8,
         "limited",
         "limit=0.6683"},
        {"{\"true_peak\":-20}",
         {.integrated = -20, .true_peak = 0, .ceiling_cut_db = 9.0},
         4.0,
         "limited",
         "limit=0.0625"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_loudness measured = cases[i].measured;
        measured.is_measured = true;
        struct ftl_shape shape = {.has_audio = true, .sample_rate_hz = 44100, .channels = 1};
        rig_open(&rig, "loudness", cases[i].options);
        rig.measured = &measured;
        assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
        assert_float_equal(rig.gain_db, cases[i].gain_db, 1e-9);
        assert_string_equal(rig.method, cases[i].method);
        bool is_missed = strcmp(rig.method, "capped") == 0 || strcmp(rig.method, "lowered") == 0;
        assert_int_equal(rig.warnings, is_missed ? 1 : 0);
        assert_int_equal(shape.sample_rate_hz, 48000);
        assert_int_equal(shape.channels, 1);
        const char *nodes = ftl_str_text(&rig.nodes);
        assert_non_null(strstr(nodes, "aresample sample_rate=48000"));
        assert_int_equal(strstr(nodes, "volume") != NULL, cases[i].gain_db != 0.0);
        assert_int_equal(strstr(nodes, "alimiter") != NULL, cases[i].limit != NULL);
        if (cases[i].limit != NULL) {
            assert_non_null(strstr(nodes, cases[i].limit));
            assert_non_null(strstr(nodes, "aresample sample_rate=192000\nalimiter"));
        }
        rig_close(&rig);
    }
}

static void promises_its_target(void **state)
{
    (void)state;
    struct rig rig;
    struct ftl_err err = {0};
    struct ftl_shape shape = {.has_audio = true};
    rig_open(&rig, "loudness", "{\"integrated\":-14,\"true_peak\":-1.5}");
    assert_int_equal(rig.inst.filter->plan(&rig.inst, &shape, &err), FTL_OK);
    assert_float_equal(shape.target_lufs, -14.0, 1e-9);
    assert_float_equal(shape.target_true_peak, -1.5, 1e-9);
    struct ftl_shape mute = {.has_video = true};
    assert_int_equal(rig.inst.filter->plan(&rig.inst, &mute, &err), FTL_OK);
    assert_float_equal(mute.target_lufs, 0.0, 1e-9);
    rig_close(&rig);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const options[] = {
        "{\"integrated\":-4}",  "{\"integrated\":-71}",     "{\"true_peak\":0.5}",
        "{\"policy\":\"off\"}", "{\"policy\":\"dynamic\"}",
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct rig rig;
        struct ftl_opt_errors errors;
        assert_int_equal(rig_init(&rig, "loudness", options[i], &errors), FTL_SPEC);
        rig_close(&rig);
    }
    struct rig rig;
    struct ftl_err err = {0};
    struct ftl_shape shape = {.has_audio = true};
    rig_open(&rig, "loudness", "{}");
    assert_int_equal(rig_build(&rig, &shape, &err), FTL_INTERNAL);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gain_and_method),
        cmocka_unit_test(promises_its_target),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
