/* scale, fps and trim. */
#include <math.h>

#include "filter_rig.h"

static void scaling(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int width, height, to_width, to_height;
        const char *nodes;
    } cases[] = {
        {"{\"width\":640}", 1280, 720, 640, 360,
         "scale w=640 h=360 flags=bicubic+accurate_rnd+bitexact\nsetsar sar=1\n"},
        {"{\"height\":480}", 1280, 720, 854, 480,
         "scale w=854 h=480 flags=bicubic+accurate_rnd+bitexact\nsetsar sar=1\n"},
        {"{\"width\":641}", 1280, 720, 642, 360,
         "scale w=642 h=360 flags=bicubic+accurate_rnd+bitexact\nsetsar sar=1\n"},
        {"{\"width\":640,\"height\":640}", 1280, 720, 640, 360,
         "scale w=640 h=360 flags=bicubic+accurate_rnd+bitexact\nsetsar sar=1\n"},
        {"{\"width\":640,\"height\":640,\"fit\":\"cover\"}", 1280, 720, 640, 640,
         "scale w=1138 h=640 flags=bicubic+accurate_rnd+bitexact\nsetsar sar=1\n"
         "crop w=640 h=640 x=248 y=0\n"},
        {"{\"width\":640,\"height\":640,\"fit\":\"stretch\"}", 1280, 720, 640, 640,
         "scale w=640 h=640 flags=bicubic+accurate_rnd+bitexact\nsetsar sar=1\n"},
        {"{\"width\":1280}", 1280, 720, 1280, 720, ""},
        {"{\"height\":2}", 16, 4000, 2, 2,
         "scale w=2 h=2 flags=bicubic+accurate_rnd+bitexact\nsetsar sar=1\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_shape shape = {
            .has_video = true, .width = cases[i].width, .height = cases[i].height};
        rig_open(&rig, "scale", cases[i].options);
        assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
        assert_int_equal(shape.width, cases[i].to_width);
        assert_int_equal(shape.height, cases[i].to_height);
        assert_string_equal(ftl_str_text(&rig.nodes), cases[i].nodes);
        rig_close(&rig);
    }
}

static void scaling_beyond_bounds(void **state)
{
    (void)state;
    struct rig rig;
    struct ftl_err err = {0};
    struct ftl_shape shape = {.has_video = true, .width = 16, .height = 4000};
    rig_open(&rig, "scale", "{\"width\":1920}");
    assert_int_equal(rig.inst.filter->plan(&rig.inst, &shape, &err), FTL_SPEC);
    assert_string_equal(err.where, "/filters/0");
    rig_close(&rig);
}

static void frame_rate(void **state)
{
    (void)state;
    struct rig rig;
    struct ftl_err err = {0};
    struct ftl_shape shape = {.has_video = true, .frame_rate = {25, 1}, .duration_s = 4.0};
    rig_open(&rig, "fps", "{\"rate\":\"30000/1001\"}");
    assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
    assert_int_equal(shape.frame_rate.num, 30000);
    assert_int_equal(shape.frame_rate.den, 1001);
    assert_string_equal(ftl_str_text(&rig.nodes), "fps fps=30000/1001 round=near\n");
    rig_close(&rig);
}

static void trimming(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        double duration_s, left_s;
        const char *nodes;
    } cases[] = {
        {"{\"start\":1}", 8.0, 7.0,
         "settb expr=1/360000\ntrim start=980040us\nsetpts expr=max(PTS-round(1.000000/TB),0)\n"
         "atrim start=1000000us\nasetpts expr=max(PTS-round(1.000000/TB),0)\n"},
        {"{\"end\":\"25%\"}", 8.0, 2.0,
         "settb expr=1/360000\ntrim start=0us end=1980040us\nsetpts "
         "expr=max(PTS-round(0.000000/TB),0)\n"
         "atrim start=0us end=2000000us\nasetpts expr=max(PTS-round(0.000000/TB),0)\n"},
        {"{\"start\":\"50%\",\"duration\":\"500ms\"}", 8.0, 0.5,
         "settb expr=1/360000\ntrim start=3980040us end=4480040us\nsetpts "
         "expr=max(PTS-round(4.000000/TB),0)\n"
         "atrim start=4000000us end=4500000us\nasetpts expr=max(PTS-round(4.000000/TB),0)\n"},
        {"{\"start\":7,\"end\":20}", 8.0, 1.0, NULL},
        {"{\"start\":7,\"end\":20}", 0.0, 0.0, NULL},
        {"{\"end\":0.001}", 8.0, 0.001, /* shorter than a frame: one frame */
         "settb expr=1/360000\ntrim start=0us end=40040us\nsetpts "
         "expr=max(PTS-round(0.000000/TB),0)\n"
         "atrim start=0us end=1000us\nasetpts expr=max(PTS-round(0.000000/TB),0)\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_shape shape = {.has_video = true,
                                  .has_audio = true,
                                  .frame_rate = {25, 1},
                                  .duration_s = cases[i].duration_s};
        rig_open(&rig, "trim", cases[i].options);
        assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
        assert_float_equal(shape.duration_s, cases[i].left_s, 1e-9);
        if (cases[i].nodes != NULL) {
            assert_string_equal(ftl_str_text(&rig.nodes), cases[i].nodes);
        }
        rig_close(&rig);
    }
}

static void trims_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        double duration_s;
    } late[] = {
        {"{\"start\":8}", 8.0},
        {"{\"start\":\"10%\"}", 0.0},
        {"{\"start\":\"50%\",\"end\":2}", 8.0},
    };
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_shape shape = {.has_video = true, .duration_s = late[i].duration_s};
        rig_open(&rig, "trim", late[i].options);
        assert_int_equal(rig.inst.filter->plan(&rig.inst, &shape, &err), FTL_SPEC);
        assert_string_equal(err.where, "/filters/0");
        rig_close(&rig);
    }
    static const char *const options[] = {
        "{\"start\":3,\"end\":2}",
        "{\"end\":2,\"duration\":1}",
        "{\"start\":-1}",
        "{\"end\":\"start\"}",
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct rig rig;
        struct ftl_opt_errors errors;
        assert_int_equal(rig_init(&rig, "trim", options[i], &errors), FTL_SPEC);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaling),
        cmocka_unit_test(scaling_beyond_bounds),
        cmocka_unit_test(frame_rate),
        cmocka_unit_test(trimming),
        cmocka_unit_test(trims_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
