#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/suggest.h"

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"anchor", "opacity", "fps", "keyframe_interval", "size"};
    static const struct {
        const char *written, *nearest;
    } rows[] = {
        {"anhcor", "anchor"},
        {"ancor", "anchor"},
        {"Anchor", "anchor"},
        {"opactiy", "opacity"},
        {"fpa", "fps"},
        {"fxa", NULL}, /* two of three letters are too many */
        {"keyframe-interval", "keyframe_interval"},
        {"keyfram_intrval_s", "keyframe_interval"},
        {"side", "size"},
        {"", NULL},
        {"zzzzzz", NULL},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_suggest suggest = ftl_suggest_start(rows[i].written);
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            ftl_suggest_offer(&suggest, names[k]);
        }
        if (rows[i].nearest == NULL) {
            assert_null(suggest.nearest);
        } else {
            assert_non_null(suggest.nearest);
            assert_string_equal(suggest.nearest, rows[i].nearest);
        }
    }
}

static void test_the_nearest_wins(void **state)
{
    (void)state;
    struct ftl_suggest suggest = ftl_suggest_start("scale");
    ftl_suggest_offer(&suggest, "stale");
    ftl_suggest_offer(&suggest, "scales");
    assert_string_equal(suggest.nearest, "stale"); /* the first of equals */
    ftl_suggest_offer(&suggest, "scale");
    assert_string_equal(suggest.nearest, "scale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_the_nearest_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
