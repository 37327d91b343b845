#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "media/cadence.h"

enum { MOST = 400 };

struct rhythm {
    const char *name;
    double first_s, step_s, jitter_s; /* every second frame is late by jitter_s */
    int count;
    double last_s; /* length of the last frame; 0 = step_s */
    struct ftl_rational rate;
    int64_t out, duplicated, dropped;
};

static const struct rhythm rhythms[] = {
    {"as it is", 0, 1 / 25.0, 0, 100, 0, {25, 1}, 100, 0, 0},
    {"one frame", 0, 1 / 25.0, 0, 1, 0, {25, 1}, 1, 0, 0},
    {"one frame without length", 0, 0, 0, 1, 0, {25, 1}, 1, 0, 0},
    {"one long frame", 0, 1 / 25.0, 0, 1, 2.0, {25, 1}, 50, 49, 0},
    {"millisecond clock", 0, 1001 / 30000.0, 0.0005, 300, 0, {30000, 1001}, 300, 0, 0},
    {"half a frame late", 0.02, 1 / 25.0, 0, 100, 0, {25, 1}, 100, 0, 0},
    {"half a frame late, jittering", 0.02, 1 / 25.0, 0.004, 100, 0, {25, 1}, 100, 0, 0},
    {"a fifth early", -0.008, 1 / 25.0, 0, 100, 0, {25, 1}, 100, 0, 0},
    {"starts after five frames", 0.2, 1 / 25.0, 0, 20, 0, {25, 1}, 25, 5, 0},
    {"60 to 30", 0, 1 / 60.0, 0, 120, 0, {30, 1}, 60, 0, 60},
    {"30 to 60", 0, 1 / 30.0, 0, 60, 0, {60, 1}, 120, 60, 0},
    {"24 to 60", 0, 1 / 24.0, 0, 48, 0, {60, 1}, 120, 72, 0},
    {"25 to 24", 0, 1 / 25.0, 0, 250, 0, {24, 1}, 240, 0, 10},
    {"30 to 30000/1001", 0, 1 / 30.0, 0, 300, 0, {30000, 1001}, 300, 0, 0},
    {"slow pictures", 0, 1.0, 0, 5, 0, {10, 1}, 50, 45, 0},
    {"last one short", 0, 0.1, 0, 10, 0.01, {10, 1}, 10, 0, 0},
    {"last one long", 0, 0.1, 0, 10, 1.39, {10, 1}, 23, 13, 0},
};

static void test_rhythms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rhythms) / sizeof(rhythms[0]); i++) {
        const struct rhythm *row = &rhythms[i];
        struct ftl_cadence cadence;
        int64_t out = 0;
        double start_s = 0.0;
        ftl_cadence_init(&cadence, row->rate);
        for (int n = 0; n < row->count; n++) {
            start_s = row->first_s + n * row->step_s + (n % 2 != 0 ? row->jitter_s : 0.0);
            assert_int_equal(cadence.slot, out);
            out += ftl_cadence_step(&cadence, start_s);
        }
        out += ftl_cadence_end(&cadence, start_s + (row->last_s > 0.0 ? row->last_s : row->step_s));
        if (out != row->out || cadence.duplicated != row->duplicated ||
            cadence.dropped != row->dropped) {
            fail_msg("%s: %lld out, %lld repeated, %lld dropped", row->name, (long long)out,
                     (long long)cadence.duplicated, (long long)cadence.dropped);
        }
        assert_int_equal(cadence.frames_in, row->count);
        assert_int_equal(cadence.frames_in + cadence.duplicated - cadence.dropped, out);
    }
}

/* No frame is shown further from its time than 0.75 of an output frame. */
static void test_never_far_off(void **state)
{
    (void)state;
    static const double rates[] = {10, 12.5, 15, 23.976, 24, 25, 29.97, 30, 47, 50, 59.94, 60, 90};
    for (size_t from = 0; from < sizeof(rates) / sizeof(rates[0]); from++) {
        for (size_t to = 0; to < sizeof(rates) / sizeof(rates[0]); to++) {
            struct ftl_cadence cadence;
            ftl_cadence_init(&cadence, (struct ftl_rational){(int)(rates[to] * 1000), 1000});
            for (int n = 0; n < MOST; n++) {
                double at = n / rates[from] * rates[to];
                double before = (n - 1) / rates[from] * rates[to];
                int64_t slot = cadence.slot;
                int64_t count = ftl_cadence_step(&cadence, n / rates[from]);
                assert_true(count >= 0);
                assert_true(count == 0 || before - (double)slot < 0.76);
                assert_true(count == 0 || (double)slot - before < 0.76);
                assert_true((double)cadence.slot - at < 0.76);
            }
        }
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct ftl_cadence cadence;
    ftl_cadence_init(&cadence, (struct ftl_rational){25, 1});
    assert_int_equal(ftl_cadence_end(&cadence, 1.0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rhythms),
        cmocka_unit_test(test_never_far_off),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
