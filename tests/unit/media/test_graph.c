#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libavutil/frame.h>

#include <fettle/filter.h>

#include "media/av_auto.h"
#include "media/graph.h"

/* A filter that does what the test tells it. */
struct recipe {
    enum ftl_code (*build)(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err);
    int doubled; /* what plan() says of the width */
};

static enum ftl_code plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err)
{
    const struct recipe *recipe = inst->opts;
    (void)err;
    shape->width *= recipe->doubled != 0 ? 2 : 1;
    return FTL_OK;
}

static enum ftl_code build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err)
{
    const struct recipe *recipe = inst->opts;
    (void)after;
    return recipe->build(gb, chain, err);
}

static const struct ftl_filter filter = {
    .name = "test", .media = FTL_MEDIA_VIDEO, .plan = plan, .build = build};

static enum ftl_code add(struct ftl_gb *gb, struct ftl_chain *chain, const char *name,
                         const struct ftl_arg *args, size_t count, struct ftl_err *err)
{
    struct ftl_port out = {0};
    const struct ftl_node node = {.libav_filter = name,
                                  .args = args,
                                  .args_count = count,
                                  .inputs = &chain->video,
                                  .inputs_count = 1,
                                  .outputs = &out,
                                  .outputs_count = 1};
    enum ftl_code code = gb->ops->add(gb, &node, err);
    chain->video = out;
    return code;
}

static enum ftl_code build_scale(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    /* numbers for options that libavfilter keeps as text */
    const struct ftl_arg args[] = {FTL_ARG_INT("w", 128), FTL_ARG_DOUBLE("h", 48.0),
                                   FTL_ARG_TEXT("flags", "neighbor")};
    return add(gb, chain, "scale", args, 3, err);
}

static enum ftl_code build_typo(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    const struct ftl_arg args[] = {FTL_ARG_INT("widht", 128)};
    return add(gb, chain, "scale", args, 1, err);
}

static enum ftl_code build_bad_value(struct ftl_gb *gb, struct ftl_chain *chain,
                                     struct ftl_err *err)
{
    const struct ftl_arg args[] = {FTL_ARG_TEXT("dir", "sideways")};
    return add(gb, chain, "transpose", args, 1, err);
}

static enum ftl_code build_unknown(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    return add(gb, chain, "no_such_filter", NULL, 0, err);
}

static enum ftl_code build_twice(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    const struct ftl_port kept = chain->video;
    enum ftl_code code = add(gb, chain, "null", NULL, 0, err);
    chain->video = kept;
    return code == FTL_OK ? add(gb, chain, "null", NULL, 0, err) : code;
}

static enum ftl_code build_missing(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    chain->video.node = NULL;
    return add(gb, chain, "null", NULL, 0, err);
}

static enum ftl_code build_too_few(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    return add(gb, chain, "overlay", NULL, 0, err);
}

static enum ftl_code build_input(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    struct ftl_shape shape;
    return gb->ops->input(gb, 7, FTL_MEDIA_VIDEO, &chain->video, &shape, err);
}

static enum ftl_code build_unmeasured(struct ftl_gb *gb, struct ftl_chain *chain,
                                      struct ftl_err *err)
{
    (void)chain;
    return gb->ops->measured(gb, NULL) == NULL ? FTL_OK : ftl_fail(err, FTL_VERIFY, "measured");
}

static enum ftl_code build_refusing(struct ftl_gb *gb, struct ftl_chain *chain, struct ftl_err *err)
{
    (void)gb;
    (void)chain;
    return ftl_fail(err, FTL_SPEC, "not like this");
}

static void fill(AVFrame *frame, int width, int height, int64_t pts)
{
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = width;
    frame->height = height;
    frame->pts = pts;
    frame->colorspace = AVCOL_SPC_BT709;
    frame->color_range = AVCOL_RANGE_MPEG;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int plane = 0; plane < 3; plane++) {
        int lines = plane == 0 ? height : (height + 1) / 2;
        memset(frame->data[plane], plane == 0 ? 100 : 128,
               (size_t)frame->linesize[plane] * (size_t)lines);
    }
}

static enum ftl_code build_graph(const struct recipe *recipe, const AVFrame *first,
                                 const struct ftl_graph_sink *sinks, size_t sinks_count,
                                 struct ftl_graph **ret, struct ftl_err *err)
{
    static struct ftl_filter_inst inst;
    static const struct ftl_filter_inst *const chain[] = {&inst};
    static struct ftl_plan_run run;
    static const struct ftl_plan empty;
    inst = (struct ftl_filter_inst){&filter, recipe, "/filters/0"};
    run = (struct ftl_plan_run){.chain = chain, .chain_count = 1};
    const struct ftl_graph_config config = {.plan = &empty,
                                            .run = &run,
                                            .media = FTL_MEDIA_VIDEO,
                                            .chain_count = recipe != NULL ? 1 : 0,
                                            .sinks = sinks,
                                            .sinks_count = sinks_count,
                                            .threads = 1};
    const struct ftl_graph_origin origin = {
        .time_base = {1, 25}, .frame_rate = {25, 1}, .geometry = {.sar = {1, 1}}};
    return ftl_graph_build(&config, &origin, first, ret, err);
}

static void test_frames_pass(void **state)
{
    (void)state;
    FTL_AUTO(graph) struct ftl_graph *graph = NULL;
    FTL_AUTO(av_frame) AVFrame *frame = av_frame_alloc();
    const struct recipe recipe = {.build = build_scale, .doubled = 1};
    const struct ftl_graph_sink sinks[] = {{0}, {.width = 32, .height = 24}};
    struct ftl_err err = {0};
    enum ftl_flow flow = FTL_FLOW_END;
    int out[2] = {0};
    fill(frame, 64, 48, 0);
    assert_int_equal(build_graph(&recipe, frame, sinks, 2, &graph, &err), FTL_OK);
    assert_int_equal(ftl_graph_shape(graph)->width, 128);
    for (int n = 0; n <= 10; n++) {
        if (n > 0) {
            fill(frame, 64, 48, n);
        }
        assert_int_equal(ftl_graph_push(graph, n < 10 ? frame : NULL, &err), FTL_OK);
        for (size_t sink = 0; sink < 2; sink++) {
            while (ftl_graph_pull(graph, sink, frame, &flow, &err) == FTL_OK &&
                   flow == FTL_FLOW_FRAME) {
                assert_int_equal(frame->width, sink == 0 ? 128 : 32);
                out[sink]++;
                av_frame_unref(frame);
            }
            assert_int_equal(flow, n < 10 ? FTL_FLOW_NEED_INPUT : FTL_FLOW_END);
        }
        av_frame_unref(frame);
    }
    assert_int_equal(out[0], 10);
    assert_int_equal(out[1], 10);
}

static void test_fits(void **state)
{
    (void)state;
    FTL_AUTO(graph) struct ftl_graph *graph = NULL;
    FTL_AUTO(av_frame) AVFrame *frame = av_frame_alloc();
    const struct ftl_graph_sink sink = {0};
    struct ftl_err err = {0};
    fill(frame, 64, 48, 0);
    assert_int_equal(build_graph(NULL, frame, &sink, 1, &graph, &err), FTL_OK);
    assert_true(ftl_graph_fits(graph, frame));
    frame->width = 62;
    assert_false(ftl_graph_fits(graph, frame));
    frame->width = 64;
    frame->color_range = AVCOL_RANGE_JPEG;
    assert_false(ftl_graph_fits(graph, frame));
}

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        struct recipe recipe;
        enum ftl_code code;
        const char *says;
    } rows[] = {
        {{.build = build_typo}, FTL_INTERNAL, "\"widht\""},
        {{.build = build_bad_value}, FTL_INTERNAL, "\"dir\""},
        {{.build = build_unknown}, FTL_UNSUPPORTED, "no_such_filter"},
        {{.build = build_twice}, FTL_INTERNAL, "used already"},
        {{.build = build_missing}, FTL_INTERNAL, "is missing"},
        {{.build = build_too_few}, FTL_INTERNAL, "2 inputs"},
        {{.build = build_input}, FTL_INTERNAL, "no other inputs"},
        {{.build = build_refusing}, FTL_SPEC, "not like this"},
        {{.build = build_unmeasured}, FTL_OK, ""},
    };
    const struct ftl_graph_sink sink = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FTL_AUTO(graph) struct ftl_graph *graph = NULL;
        FTL_AUTO(av_frame) AVFrame *frame = av_frame_alloc();
        struct ftl_err err = {0};
        fill(frame, 64, 48, 0);
        enum ftl_code code = build_graph(&rows[i].recipe, frame, &sink, 1, &graph, &err);
        if (code != rows[i].code || strstr(err.msg, rows[i].says) == NULL) {
            fail_msg("row %zu: %s: %s", i, ftl_code_name(code), err.msg);
        }
        assert_string_equal(err.where, code != FTL_OK ? "/filters/0" : "");
        assert_int_equal(graph != NULL, code == FTL_OK);
    }
}

static void test_no_sinks(void **state)
{
    (void)state;
    FTL_AUTO(graph) struct ftl_graph *graph = NULL;
    FTL_AUTO(av_frame) AVFrame *frame = av_frame_alloc();
    struct ftl_err err = {0};
    fill(frame, 64, 48, 0);
    assert_int_equal(build_graph(NULL, frame, NULL, 0, &graph, &err), FTL_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_pass),
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_no_sinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
