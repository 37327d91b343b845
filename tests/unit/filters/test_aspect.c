#include "filter_rig.h"

static struct ftl_shape video(int width, int height)
{
    return (struct ftl_shape){.has_video = true, .width = width, .height = height};
}

static void canvas(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int width, height;
        int want_width, want_height;
        int canvas_width, canvas_height;
    } cases[] = {
        /* the smallest canvas that holds the source */
        {"{\"ratio\":\"9:16\"}", 1280, 720, 0, 0, 1280, 2276},
        {"{\"ratio\":\"9:16\",\"fit\":\"pad\"}", 720, 1280, 0, 0, 720, 1280},
        {"{\"ratio\":\"1:1\"}", 720, 1280, 0, 0, 1280, 1280},
        {"{\"ratio\":\"16:9\",\"fit\":\"stretch\"}", 720, 1280, 0, 0, 2276, 1280},
        {"{\"ratio\":\"9:16\"}", 853, 480, 0, 0, 854, 1518},
        {"{\"ratio\":\"16:9\"}", 853, 480, 0, 0, 854, 480},
        {"{\"ratio\":\"9:16\"}", 16, 16, 0, 0, 16, 30},
        {"{\"ratio\":\"9:16\"}", 1, 1, 0, 0, 2, 2},
        /* crop: the largest inside it */
        {"{\"ratio\":\"9:16\",\"fit\":\"crop\"}", 1280, 720, 0, 0, 406, 720},
        {"{\"ratio\":\"16:9\",\"fit\":\"crop\"}", 720, 1280, 0, 0, 720, 406},
        {"{\"ratio\":\"1:1\",\"fit\":\"crop\"}", 853, 481, 0, 0, 480, 480},
        {"{\"ratio\":\"9:16\",\"fit\":\"crop\"}", 16, 16, 0, 0, 10, 16},
        /* what the outputs want */
        {"{\"ratio\":\"9:16\"}", 1280, 720, 1080, 1920, 1080, 1920},
        {"{\"ratio\":\"9:16\"}", 1280, 720, 0, 1920, 1080, 1920},
        {"{\"ratio\":\"9:16\"}", 1280, 720, 1080, 0, 1080, 1920},
        {"{\"ratio\":\"9:16\",\"fit\":\"crop\"}", 1280, 720, 0, 1920, 1080, 1920},
        {"{\"ratio\":\"9:16\"}", 1280, 720, 406, 720, 406, 720},
        {"{\"ratio\":\"9:16\"}", 1280, 720, 404, 720, 404, 720},
        {"{\"ratio\":\"1.85:1\"}", 1280, 720, 0, 1080, 1998, 1080},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_shape shape = video(cases[i].width, cases[i].height);
        shape.want_width = cases[i].want_width;
        shape.want_height = cases[i].want_height;
        rig_open(&rig, "aspect", cases[i].options);
        assert_int_equal(rig.inst.filter->plan(&rig.inst, &shape, &err), FTL_OK);
        assert_int_equal(shape.width, cases[i].canvas_width);
        assert_int_equal(shape.height, cases[i].canvas_height);
        rig_close(&rig);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const char *const options[] = {
        "{}",
        "{\"ratio\":\"9:16\",\"fit\":\"squash\"}",
        "{\"ratio\":\"1:200\"}",
        "{\"ratio\":\"9:16\",\"color\":\"#ff000080\"}",
        "{\"ratio\":\"9:16\",\"darken\":1.5}",
        "{\"ratio\":\"9:16\",\"gravity\":\"centre\"}",
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct rig rig;
        struct ftl_opt_errors errors;
        assert_int_equal(rig_init(&rig, "aspect", options[i], &errors), FTL_SPEC);
        rig_close(&rig);
    }
    struct rig rig;
    struct ftl_err err = {0};
    struct ftl_shape shape = video(1280, 720);
    shape.want_width = 1920;
    shape.want_height = 1080;
    rig_open(&rig, "aspect", "{\"ratio\":\"9:16\"}");
    assert_int_equal(rig.inst.filter->plan(&rig.inst, &shape, &err), FTL_SPEC);
    assert_string_equal(err.where, "/filters/0");
    assert_int_equal(shape.width, 1280);
    rig_close(&rig);
}

#define EXACT "+accurate_rnd+bitexact\n"

static void graphs(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int width, height, want_width, want_height;
        const char *nodes;
    } cases[] = {
        {"{\"ratio\":\"9:16\",\"fit\":\"crop\"}", 1280, 720, 0, 0, "crop w=406 h=720 x=436 y=0\n"},
        {"{\"ratio\":\"9:16\",\"fit\":\"crop\",\"gravity\":\"left\"}", 1280, 720, 1080, 1920,
         "crop w=406 h=720 x=0 y=0\n"
         "scale w=1082 h=1920 flags=bicubic" EXACT "setsar sar=1\n"
         "crop w=1080 h=1920 x=0 y=0\n"},
        {"{\"ratio\":\"9:16\",\"fit\":\"crop\"}", 1080, 1920, 1080, 1920, ""},
        {"{\"ratio\":\"16:9\",\"fit\":\"pad\"}", 854, 480, 854, 480, ""},
        {"{\"ratio\":\"9:16\",\"fit\":\"stretch\"}", 1280, 720, 1080, 1920,
         "scale w=1080 h=1920 flags=bicubic" EXACT "setsar sar=1\n"},
        {"{\"ratio\":\"9:16\",\"fit\":\"pad\",\"gravity\":\"top\",\"color\":\"#f00\"}", 1280, 720,
         1080, 1920,
         "split outputs=2\n"
         "scale w=16 h=16 flags=neighbor" EXACT "setsar sar=1\n"
         "lutyuv y=maxval*0.266210+0.5 u=maxval*0.426399+0.5 v=maxval*1.000000+0.5\n"
         "scale w=1080 h=1920 flags=neighbor" EXACT "setsar sar=1\n"
         "scale w=1080 h=608 flags=bicubic" EXACT "setsar sar=1\n"
         "overlay x=0 y=0 eval=init format=yuv420 eof_action=repeat\n"},
        {"{\"ratio\":\"9:16\"}", 1280, 720, 1080, 1920,
         "split outputs=2\n"
         "crop w=406 h=720 x=436 y=0\n"
         "scale w=136 h=240 flags=area" EXACT "setsar sar=1\n"
         "gblur sigma=2.5\n"
         "scale w=1080 h=1920 flags=bilinear" EXACT "setsar sar=1\n"
         "scale w=1080 h=608 flags=bicubic" EXACT "setsar sar=1\n"
         "overlay x=0 y=656 eval=init format=yuv420 eof_action=repeat\n"},
        {"{\"ratio\":\"1:1\",\"blur\":\"4px\",\"darken\":0.25}", 640, 480, 0, 0,
         "split outputs=2\n"
         "crop w=480 h=480 x=80 y=0\n"
         "scale w=400 h=400 flags=area" EXACT "setsar sar=1\n"
         "gblur sigma=2.5\n"
         "lutyuv y=minval+(val-minval)*0.750000+0.5 "
         "u=maxval*128/240+(val-maxval*128/240)*0.750000+0.5 "
         "v=maxval*128/240+(val-maxval*128/240)*0.750000+0.5\n"
         "scale w=640 h=640 flags=bilinear" EXACT "setsar sar=1\n"
         "overlay x=0 y=80 eval=init format=yuv420 eof_action=repeat\n"},
        /* a source smaller than the reduced background is enlarged, not averaged */
        {"{\"ratio\":\"9:16\",\"blur\":0}", 16, 16, 108, 192,
         "split outputs=2\n"
         "crop w=10 h=16 x=2 y=0\n"
         "scale w=108 h=192 flags=bilinear" EXACT "setsar sar=1\n"
         "scale w=108 h=108 flags=bicubic" EXACT "setsar sar=1\n"
         "overlay x=0 y=42 eval=init format=yuv420 eof_action=repeat\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_shape shape = video(cases[i].width, cases[i].height);
        shape.want_width = cases[i].want_width;
        shape.want_height = cases[i].want_height;
        rig_open(&rig, "aspect", cases[i].options);
        assert_int_equal(rig_build(&rig, &shape, &err), FTL_OK);
        assert_string_equal(ftl_str_text(&rig.nodes), cases[i].nodes);
        rig_close(&rig);
    }
}

static void failures_of_any_node_reach_the_caller(void **state)
{
    (void)state;
    static const char *const nodes[] = {"split", "crop", "scale", "setsar", "gblur", "overlay"};
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        struct rig rig;
        struct ftl_err err = {0};
        struct ftl_shape shape = video(1280, 720);
        rig_open(&rig, "aspect", "{\"ratio\":\"9:16\"}");
        rig.fail_at = nodes[i];
        assert_int_equal(rig_build(&rig, &shape, &err), FTL_UNSUPPORTED);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canvas),
        cmocka_unit_test(refusals),
        cmocka_unit_test(graphs),
        cmocka_unit_test(failures_of_any_node_reach_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
