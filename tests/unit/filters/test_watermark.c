#include "filter_rig.h"

static const struct ftl_shape logo = {.has_video = true, .width = 400, .height = 200};

/* The line of the first node of that name, from its first argument on; "" = there is none. */
static const char *node(struct rig *rig, const char *name, char *to, size_t size)
{
    to[0] = '\0';
    for (const char *line = ftl_str_text(&rig->nodes); *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ') {
            const char *args = line + strlen(name) + 1;
            size_t count = length - strlen(name) - 1;
            assert_true(count < size);
            memcpy(to, args, count);
            to[count] = '\0';
            return to;
        }
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    return to;
}

static void size_and_place(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int width, height;
        const char *scale, *overlay;
    } cases[] = {
        {"{\"image\":\"l\"}", 1080, 1920, "scale w=162 h=82 flags", "x=874 y=1794"},
        {"{\"image\":\"l\",\"size\":\"18%\",\"anchor\":\"top-left\",\"margin\":\"4%\"}", 1080, 1920,
         "scale w=194 h=98 flags", "x=42 y=42"},
        {"{\"image\":\"l\",\"size\":200,\"anchor\":\"center\",\"margin\":300}", 1920, 1080,
         "scale w=200 h=100 flags", "x=860 y=490"},
        {"{\"image\":\"l\",\"size\":\"90px\",\"anchor\":\"top\",\"margin\":0}", 1920, 1080,
         "scale w=90 h=46 flags", "x=914 y=0"},
        {"{\"image\":\"l\",\"size\":5000}", 640, 360, "scale w=640 h=320 flags", "x=0 y=24"},
        {"{\"image\":\"l\"}", 16, 16, "scale w=2 h=2 flags", "x=12 y=12"},
        {"{\"image\":\"l\",\"size\":\"100%\"}", 17, 33, "scale w=16 h=8 flags", "x=0 y=24"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        char args[256];
        struct ftl_shape shape = {
            .has_video = true, .width = cases[i].width, .height = cases[i].height};
        rig_open(&rig, "watermark", cases[i].options);
        rig.image = logo;
        assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
        assert_non_null(strstr(ftl_str_text(&rig.nodes), cases[i].scale));
        assert_memory_equal(node(&rig, "overlay", args, sizeof(args)), cases[i].overlay,
                            strlen(cases[i].overlay));
        assert_int_equal(shape.width, cases[i].width);
        assert_int_equal(shape.height, cases[i].height);
        rig_close(&rig);
    }
}

static void when_it_shows(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        double duration_s;
        const char *enable; /* NULL = always */
    } cases[] = {
        {"{\"image\":\"l\"}", 0.0, NULL},
        {"{\"image\":\"l\",\"from\":1.5}", 0.0, "enable=gte(t,1.500000)"},
        {"{\"image\":\"l\",\"until\":2}", 8.0, "enable=gte(t,0.000000)*lt(t,2.000000)"},
        {"{\"image\":\"l\",\"from\":\"25%\",\"until\":\"75%\"}", 8.0,
         "enable=gte(t,2.000000)*lt(t,6.000000)"},
        {"{\"image\":\"l\",\"until\":\"end\"}", 8.0, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        char args[256];
        struct ftl_shape shape = {
            .has_video = true, .width = 640, .height = 360, .duration_s = cases[i].duration_s};
        rig_open(&rig, "watermark", cases[i].options);
        rig.image = logo;
        assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
        const char *found = strstr(node(&rig, "overlay", args, sizeof(args)), "enable=");
        if (cases[i].enable == NULL) {
            assert_null(found);
        } else {
            assert_non_null(found);
            assert_string_equal(found, cases[i].enable);
        }
        rig_close(&rig);
    }
}

static void opacity(void **state)
{
    (void)state;
    struct rig rig;
    struct ftl_err err = {0};
    char args[256];
    struct ftl_shape shape = {.has_video = true, .width = 640, .height = 360};
    rig_open(&rig, "watermark", "{\"image\":\"l\",\"opacity\":0.85}");
    rig.image = logo;
    assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
    assert_string_equal(node(&rig, "lutyuv", args, sizeof(args)), "a=val*0.850000+0.5");
    rig_close(&rig);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const options[] = {
        "{}",
        "{\"image\":\"l\",\"size\":0}",
        "{\"image\":\"l\",\"opacity\":2}",
        "{\"image\":\"l\",\"from\":3,\"until\":3}",
        "{\"image\":\"l\",\"anchor\":\"middle\"}",
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct rig rig;
        struct ftl_opt_errors errors;
        assert_int_equal(rig_init(&rig, "watermark", options[i], &errors), FTL_SPEC);
        rig_close(&rig);
    }
    struct rig rig;
    struct ftl_err err = {0};
    struct ftl_shape shape = {.has_video = true, .width = 640, .height = 360};
    rig_open(&rig, "watermark", "{\"image\":\"l\"}");
    assert_int_equal(rig_build(&rig, &shape, &err), FTL_INPUT);
    rig_close(&rig);
    rig_open(&rig, "watermark", "{\"image\":\"l\",\"from\":\"50%\"}");
    assert_int_equal(rig.inst.filter->plan(&rig.inst, &shape, &err), FTL_SPEC);
    assert_string_equal(err.where, "/filters/0");
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_and_place),
        cmocka_unit_test(when_it_shows),
        cmocka_unit_test(opacity),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
