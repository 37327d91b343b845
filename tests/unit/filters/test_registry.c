/* What holds for every filter: each row of filters.def gets these tests for free. */
#include "filter_rig.h"

/* Enough to satisfy the required options; every filter with some is named here. */
static const struct {
    const char *filter, *options;
} least[] = {
    {"aspect", "{\"ratio\":\"9:16\"}"},
    {"fps", "{\"rate\":25}"},
    {"scale", "{\"width\":64}"},
    {"watermark", "{\"image\":\"logo\"}"},
};

static const char *least_options(const char *filter)
{
    for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
        if (strcmp(least[i].filter, filter) == 0) {
            return least[i].options;
        }
    }
    return "{}";
}

static bool is_numeric(enum ftl_opt_kind kind)
{
    return kind == FTL_OPT_KIND_INT || kind == FTL_OPT_KIND_INT64 || kind == FTL_OPT_KIND_DOUBLE ||
           kind == FTL_OPT_KIND_DURATION || kind == FTL_OPT_KIND_BYTES ||
           kind == FTL_OPT_KIND_BITRATE || kind == FTL_OPT_KIND_RATE;
}

static void descriptors_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        const struct ftl_filter *filter = ftl_filter_at(i);
        assert_non_null(filter->summary);
        assert_true(filter->summary[strlen(filter->summary) - 1] == '.');
        assert_non_null(filter->plan);
        assert_non_null(filter->build);
        assert_true((filter->media & (FTL_MEDIA_VIDEO | FTL_MEDIA_AUDIO)) != 0);
        assert_ptr_equal(filter->table->owner, filter);
        assert_string_equal(filter->table->name, filter->name);
        assert_ptr_equal(ftl_filter_find(filter->name), filter);
        assert_ptr_equal(ftl_filter_union.at(i), filter->table);
        if (i > 0) {
            assert_true(strcmp(ftl_filter_at(i - 1)->name, filter->name) < 0);
        }
    }
    assert_null(ftl_filter_find("movie"));
    assert_null(ftl_filter_union.at(1000));
}

static void options_are_described(void **state)
{
    (void)state;
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        const struct ftl_opt_table *table = ftl_filter_at(i)->table;
        for (const struct ftl_opt *row = table->rows; row->kind != FTL_OPT_KIND_END; row++) {
            if (row->help == NULL || row->help[0] == '\0') {
                fail_msg("%s.%s has no help", table->name, row->name);
            }
            if (is_numeric(row->kind) && (row->unit == NULL || row->min >= row->max)) {
                fail_msg("%s.%s has no unit or range", table->name, row->name);
            }
            if (row->kind == FTL_OPT_KIND_CHOICE && row->choices[0].name == NULL) {
                fail_msg("%s.%s has no choices", table->name, row->name);
            }
        }
    }
}

static void printing_then_parsing_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        const struct ftl_filter *filter = ftl_filter_at(i);
        struct rig rig;
        struct ftl_opt_errors errors = {0};
        rig_open(&rig, filter->name, least_options(filter->name));
        FTL_AUTO(json) cJSON *printed = ftl_opt_print(filter->table, rig.inst.opts, false, true);
        assert_non_null(printed);
        void *again = ftl_arena_alloc(rig.arena, 1, filter->table->size);
        assert_non_null(again);
        enum ftl_code code = ftl_opt_parse(filter->table, printed, "", rig.arena, again, &errors);
        if (code != FTL_OK) {
            fail_msg("%s: %s: %s", filter->name, errors.list[0].where, errors.list[0].msg);
        }
        FTL_AUTO(json) cJSON *reprinted = ftl_opt_print(filter->table, again, false, true);
        assert_true(cJSON_Compare(printed, reprinted, true));
        rig_close(&rig);
    }
}

static void unknown_options_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        struct rig rig;
        struct ftl_opt_errors errors;
        assert_int_equal(rig_init(&rig, ftl_filter_at(i)->name, "{\"no_such\":1}", &errors),
                         FTL_SPEC);
        rig_close(&rig);
    }
}

/* Sizes even (where the filter decides on them), duration untouched unless the filter is there to
 * change it, and never a stream gained or lost. */
static void plans_conserve(void **state)
{
    (void)state;
    static const struct ftl_shape shapes[] = {
        {.has_video = true,
         .has_audio = true,
         .width = 1280,
         .height = 720,
         .frame_rate = {25, 1},
         .duration_s = 8.0,
         .sample_rate_hz = 44100,
         .channels = 2},
        {.has_video = true, .width = 16, .height = 16, .frame_rate = {25, 1}, .duration_s = 0.04},
        {.has_video = true, .width = 853, .height = 481, .duration_s = 3.0},
        {.has_audio = true, .sample_rate_hz = 8000, .channels = 1, .duration_s = 0.2},
        {.has_video = true,
         .has_audio = true,
         .width = 640,
         .height = 360,
         .channels = 6,
         .sample_rate_hz = 96000},
    };
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        const struct ftl_filter *filter = ftl_filter_at(i);
        for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
            struct rig rig;
            struct ftl_err err = {0};
            struct ftl_shape shape = shapes[s];
            rig_open(&rig, filter->name, least_options(filter->name));
            if (filter->plan(&rig.inst, &shape, &err) != FTL_OK) {
                fail_msg("%s, shape %zu: %s", filter->name, s, err.msg);
            }
            assert_float_equal(shape.duration_s, shapes[s].duration_s, 1e-9);
            assert_int_equal(shape.has_video, shapes[s].has_video);
            assert_int_equal(shape.has_audio, shapes[s].has_audio);
            if (shape.width != shapes[s].width || shape.height != shapes[s].height) {
                assert_int_equal(shape.width % 2, 0);
                assert_int_equal(shape.height % 2, 0);
            }
            rig_close(&rig);
        }
    }
}

/* The planner plans once on the probe and the graph builder again on the frame: same answer. */
static void planning_twice_is_planning_once(void **state)
{
    (void)state;
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        const struct ftl_filter *filter = ftl_filter_at(i);
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_shape first = {.has_video = true, .width = 1280, .height = 720};
        struct ftl_shape second = first;
        rig_open(&rig, filter->name, least_options(filter->name));
        assert_int_equal(filter->plan(&rig.inst, &first, &err), FTL_OK);
        assert_int_equal(filter->plan(&rig.inst, &second, &err), FTL_OK);
        assert_int_equal(first.width, second.width);
        assert_int_equal(first.height, second.height);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_complete),
        cmocka_unit_test(options_are_described),
        cmocka_unit_test(printing_then_parsing_changes_nothing),
        cmocka_unit_test(unknown_options_are_refused),
        cmocka_unit_test(plans_conserve),
        cmocka_unit_test(planning_twice_is_planning_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
