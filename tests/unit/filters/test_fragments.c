#include <math.h>

#include "filter_rig.h"
#include "filters/fragments.h"

static void even_rounding(void **state)
{
    (void)state;
    static const struct {
        double px;
        int near, floor, ceil;
    } cases[] = {
        {0.0, 2, 2, 2},
        {1.0, 2, 2, 2},
        {2.0, 2, 2, 2},
        {3.0, 4, 2, 4},
        {404.9, 404, 404, 406},
        {405.0, 406, 404, 406},
        {607.5, 608, 606, 608},
        {1080.0, 1080, 1080, 1080},
        {1079.9999999, 1080, 1080, 1080},
        {1080.0000001, 1080, 1080, 1080},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ftl_even_near(cases[i].px), cases[i].near);
        assert_int_equal(ftl_even_floor(cases[i].px), cases[i].floor);
        assert_int_equal(ftl_even_ceil(cases[i].px), cases[i].ceil);
    }
}

static void fitting(void **state)
{
    (void)state;
    static const struct {
        struct ftl_size source, box, contain, cover;
    } cases[] = {
        {{1280, 720}, {1080, 1920}, {1080, 608}, {3414, 1920}},
        {{1080, 1920}, {1080, 1920}, {1080, 1920}, {1080, 1920}},
        {{16, 16}, {1080, 1920}, {1080, 1080}, {1920, 1920}},
        {{1920, 1080}, {16, 16}, {16, 10}, {28, 16}},
        {{4000, 2}, {100, 100}, {100, 2}, {200000, 100}},
        {{853, 480}, {854, 480}, {854, 480}, {854, 480}},
        {{639, 359}, {640, 360}, {640, 360}, {640, 360}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_size contain = ftl_fit_contain(cases[i].source, cases[i].box);
        struct ftl_size cover = ftl_fit_cover(cases[i].source, cases[i].box);
        assert_int_equal(contain.width, cases[i].contain.width);
        assert_int_equal(contain.height, cases[i].contain.height);
        assert_int_equal(cover.width, cases[i].cover.width);
        assert_int_equal(cover.height, cases[i].cover.height);
    }
}

static void covering_region(void **state)
{
    (void)state;
    static const struct {
        struct ftl_size source, box;
        enum ftl_anchor anchor;
        struct ftl_rect region;
    } cases[] = {
        {{1280, 720}, {1080, 1920}, FTL_ANCHOR_CENTER, {436, 0, 406, 720}},
        {{1280, 720}, {1080, 1920}, FTL_ANCHOR_LEFT, {0, 0, 406, 720}},
        {{1280, 720}, {1080, 1920}, FTL_ANCHOR_BOTTOM_RIGHT, {874, 0, 406, 720}},
        {{720, 1280}, {1920, 1080}, FTL_ANCHOR_TOP, {0, 0, 720, 406}},
        {{720, 1280}, {1920, 1080}, FTL_ANCHOR_BOTTOM, {0, 874, 720, 406}},
        {{17, 33}, {1080, 1920}, FTL_ANCHOR_CENTER, {0, 0, 17, 32}},
        {{17, 33}, {100, 100}, FTL_ANCHOR_CENTER, {0, 6, 17, 18}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_rect region = ftl_cover_region(cases[i].source, cases[i].box, cases[i].anchor);
        assert_int_equal(region.x, cases[i].region.x);
        assert_int_equal(region.y, cases[i].region.y);
        assert_int_equal(region.width, cases[i].region.width);
        assert_int_equal(region.height, cases[i].region.height);
        assert_true(region.x + region.width <= cases[i].source.width);
        assert_true(region.y + region.height <= cases[i].source.height);
    }
}

static void placing(void **state)
{
    (void)state;
    static const struct {
        enum ftl_anchor anchor;
        double margin;
        int x, y;
    } cases[] = {
        {FTL_ANCHOR_TOP_LEFT, 20, 20, 20},
        {FTL_ANCHOR_TOP, 20, 450, 20},
        {FTL_ANCHOR_TOP_RIGHT, 20, 880, 20},
        {FTL_ANCHOR_LEFT, 20, 20, 200},
        {FTL_ANCHOR_CENTER, 20, 450, 200},
        {FTL_ANCHOR_RIGHT, 20, 880, 200},
        {FTL_ANCHOR_BOTTOM_LEFT, 20, 20, 380},
        {FTL_ANCHOR_BOTTOM, 20, 450, 380},
        {FTL_ANCHOR_BOTTOM_RIGHT, 20, 880, 380},
        {FTL_ANCHOR_TOP_LEFT, 21.5, 20, 20}, /* chroma aligned */
        {FTL_ANCHOR_BOTTOM_RIGHT, 5000, 0, 0},
        {FTL_ANCHOR_TOP_LEFT, 5000, 900, 400},
    };
    const struct ftl_size inner = {100, 50};
    const struct ftl_size outer = {1000, 450};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_rect place = ftl_place(inner, outer, cases[i].anchor, cases[i].margin);
        assert_int_equal(place.x, cases[i].x);
        assert_int_equal(place.y, cases[i].y);
    }
    struct ftl_rect larger = ftl_place(outer, inner, FTL_ANCHOR_BOTTOM_RIGHT, 3.0);
    assert_int_equal(larger.x, 0);
    assert_int_equal(larger.y, 0);
}

static void lengths_and_times(void **state)
{
    (void)state;
    const struct ftl_size canvas = {1080, 1920};
    struct ftl_err err = {0};
    double seconds = -1.0;
    assert_float_equal(ftl_length_px((struct ftl_length){24, false}, canvas), 24.0, 1e-9);
    assert_float_equal(ftl_length_px((struct ftl_length){18, true}, canvas), 194.4, 1e-9);
    assert_int_equal(ftl_time_seconds((struct ftl_time){2.5, false}, 0.0, &seconds, &err), FTL_OK);
    assert_float_equal(seconds, 2.5, 1e-9);
    assert_int_equal(ftl_time_seconds((struct ftl_time){50, true}, 8.0, &seconds, &err), FTL_OK);
    assert_float_equal(seconds, 4.0, 1e-9);
    assert_int_equal(ftl_time_seconds((struct ftl_time){50, true}, 0.0, &seconds, &err), FTL_SPEC);
    assert_float_equal(seconds, 4.0, 1e-9);
}

static void colours(void **state)
{
    (void)state;
    /* ITU-R BT.709 values of the colour bars, 8 bit */
    static const struct {
        struct ftl_colour rgb;
        double y, u, v;
    } cases[] = {
        {{0, 0, 0, 255}, 16, 128, 128},       {{255, 255, 255, 255}, 235, 128, 128},
        {{255, 0, 0, 255}, 62.6, 102.3, 240}, {{0, 255, 0, 255}, 172.6, 41.7, 26.3},
        {{0, 0, 255, 255}, 31.8, 240, 117.7}, {{128, 128, 128, 255}, 125.9, 128, 128},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_yuv yuv = ftl_colour_bt709(cases[i].rgb);
        assert_float_equal(yuv.y, cases[i].y, 0.06);
        assert_float_equal(yuv.u, cases[i].u, 0.06);
        assert_float_equal(yuv.v, cases[i].v, 0.06);
    }
    assert_float_equal(ftl_db_to_gain(-6.0), 0.501187, 1e-6);
}

static void a_failing_node_leaves_no_port(void **state)
{
    (void)state;
    struct rig rig;
    struct ftl_err err = {0};
    rig_open(&rig, "fps", "{\"rate\":25}");
    struct ftl_port port = rig_port(&rig, FTL_MEDIA_VIDEO);
    rig.fail_at = "setsar";
    assert_int_equal(ftl_gb_scale(&rig.gb, (struct ftl_size){2, 2}, "area", &port, &err),
                     FTL_UNSUPPORTED);
    assert_null(port.node);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_rounding),
        cmocka_unit_test(fitting),
        cmocka_unit_test(covering_region),
        cmocka_unit_test(placing),
        cmocka_unit_test(lengths_and_times),
        cmocka_unit_test(colours),
        cmocka_unit_test(a_failing_node_leaves_no_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
