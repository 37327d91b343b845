#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "media/still_score.h"

enum { SIZE = 64 };

static uint8_t luma[SIZE * SIZE], u[SIZE * SIZE / 4], v[SIZE * SIZE / 4];

static const struct ftl_still_picture picture = {
    .width = SIZE, .height = SIZE, .planes = {luma, u, v}, .strides = {SIZE, SIZE / 2, SIZE / 2}};

/* A checkerboard of `cell` pixels between two lumas, chroma likewise on two values. */
static struct ftl_still_features draw(int dark, int light, int cell, int chroma_a, int chroma_b)
{
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            bool is_light = (x / cell + y / cell) % 2 == 0;
            luma[y * SIZE + x] = (uint8_t)(is_light ? light : dark);
            if (x % 2 == 0 && y % 2 == 0) {
                u[y / 2 * SIZE / 2 + x / 2] = (uint8_t)(is_light ? chroma_a : chroma_b);
                v[y / 2 * SIZE / 2 + x / 2] = (uint8_t)(is_light ? chroma_b : chroma_a);
            }
        }
    }
    struct ftl_still_features features;
    ftl_still_features(&picture, &features);
    return features;
}

static void features(void **state)
{
    (void)state;
    struct ftl_still_features flat = draw(100, 100, 8, 128, 128);
    assert_float_equal(flat.luma_mean, 100.0, 1e-6);
    assert_float_equal(flat.luma_deviation, 0.0, 1e-6);
    assert_float_equal(flat.sharpness, 0.0, 1e-6);
    assert_float_equal(flat.colourfulness, 0.0, 1e-6);

    struct ftl_still_features board = draw(80, 120, 8, 100, 156);
    assert_float_equal(board.luma_mean, 100.0, 1e-6);
    assert_float_equal(board.luma_deviation, 20.0, 1e-6);
    assert_true(board.sharpness > 100.0);
    assert_float_equal(board.colourfulness, 39.598, 0.001);

    struct ftl_still_features fine = draw(80, 120, 1, 128, 128);
    assert_true(fine.sharpness > board.sharpness);
    struct ftl_still_features tinted = draw(100, 100, 8, 148, 148);
    assert_float_equal(tinted.colourfulness, 8.4853, 0.001);
}

static void flaws(void **state)
{
    (void)state;
    static const struct {
        struct ftl_still_features features;
        bool is_near_cut;
        enum ftl_still_flaw flaw;
    } cases[] = {
        {{118, 50, 500, 30}, false, FTL_STILL_FLAW_NONE},
        {{118, 50, 500, 30}, true, FTL_STILL_FLAW_CUT},
        {{15, 30, 500, 30}, false, FTL_STILL_FLAW_DARK},
        {{240, 30, 500, 30}, false, FTL_STILL_FLAW_BRIGHT},
        {{118, 5, 5, 0}, true, FTL_STILL_FLAW_FLAT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_still_verdict verdict =
            ftl_still_judge(&cases[i].features, 0.3, cases[i].is_near_cut);
        assert_int_equal(verdict.flaw, cases[i].flaw);
    }
}

/* Each row's first picture must win over its second. */
static void preferences(void **state)
{
    (void)state;
    static const struct {
        struct ftl_still_features better;
        double better_at;
        bool better_near_cut;
        struct ftl_still_features worse;
        double worse_at;
        bool worse_near_cut;
    } cases[] = {
        {{118, 50, 900, 30}, 0.3, false, {118, 50, 20, 30}, 0.3, false}, /* sharp over soft */
        {{118, 50, 500, 40}, 0.3, false, {118, 50, 500, 2}, 0.3, false}, /* colour over grey */
        {{118, 60, 500, 30}, 0.3, false, {118, 15, 500, 30}, 0.3, false},
        {{118, 50, 500, 30}, 0.3, false, {30, 50, 500, 30}, 0.3, false},
        {{118, 50, 500, 30}, 0.3, false, {118, 50, 500, 30}, 0.0, false}, /* only the place */
        {{118, 50, 500, 30}, 0.3, false, {118, 50, 500, 30}, 0.95, false},
        {{118, 55, 2000, 40}, 0.0, false, {118, 45, 200, 25}, 0.3, false}, /* first, but better */
        {{40, 10, 20, 2}, 0.9, false, {118, 60, 5000, 60}, 0.3, true},     /* any over a cut */
        {{118, 60, 500, 30}, 0.3, true, {10, 60, 500, 60}, 0.3, false},    /* a cut over black */
        {{40, 10, 20, 2}, 1.0, false, {118, 7, 5, 60}, 0.3, false},        /* any over a fade */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double better =
            ftl_still_judge(&cases[i].better, cases[i].better_at, cases[i].better_near_cut).score;
        double worse =
            ftl_still_judge(&cases[i].worse, cases[i].worse_at, cases[i].worse_near_cut).score;
        if (better <= worse) {
            fail_msg("case %zu: %f is not above %f", i, better, worse);
        }
    }
    const struct ftl_still_features same = {118, 50, 500, 30};
    double unknown = ftl_still_judge(&same, -1.0, false).score;
    assert_true(unknown < ftl_still_judge(&same, 0.3, false).score);
    assert_true(unknown > ftl_still_judge(&same, 1.0, false).score);
}

static void differences(void **state)
{
    (void)state;
    const uint8_t a[] = {0, 10, 255, 7};
    const uint8_t b[] = {20, 0, 255, 7};
    assert_float_equal(ftl_still_difference(a, b, 4), 7.5, 1e-9);
    assert_float_equal(ftl_still_difference(a, a, 4), 0.0, 1e-9);
    assert_float_equal(ftl_still_difference(a, b, 0), 0.0, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features),
        cmocka_unit_test(flaws),
        cmocka_unit_test(preferences),
        cmocka_unit_test(differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
