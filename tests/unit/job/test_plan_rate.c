#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job/plan_impl.h"

static void natural_rates(void **state)
{
    (void)state;
    static const struct {
        struct ftl_rational average, nominal;
        bool is_variable;
        struct ftl_rational expected;
    } rows[] = {
        {{24, 1}, {24, 1}, false, {24, 1}},
        {{299697, 10000}, {30, 1}, false, {30000, 1001}},
        {{120, 1}, {120, 1}, false, {60, 1}},
        /* the grid of the time stamps, not the average of what is left of it */
        {{63778, 2689}, {24, 1}, true, {24, 1}},
        {{56, 5}, {24, 1}, true, {24, 1}},
        {{12, 1}, {30, 1}, true, {30, 1}},
        {{29, 1}, {30000, 1001}, true, {30000, 1001}},
        /* a grid that would only repeat frames, or is none */
        {{295, 10}, {60, 1}, true, {30000, 1001}},
        {{12, 1}, {60, 1}, true, {24000, 1001}},
        {{2917, 100}, {90000, 1}, true, {30000, 1001}},
        {{25, 1}, {0, 0}, true, {25, 1}},
        {{0, 0}, {1000, 1}, true, {30, 1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ftl_probe_stream video = {.frame_rate = rows[i].average,
                                               .nominal_rate = rows[i].nominal,
                                               .is_variable_rate = rows[i].is_variable};
        struct ftl_rational rate = ftl_rate_natural(&video);
        if (rate.num != rows[i].expected.num || rate.den != rows[i].expected.den) {
            fail_msg("row %zu: %d/%d, not %d/%d", i, rate.num, rate.den, rows[i].expected.num,
                     rows[i].expected.den);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(natural_rates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
