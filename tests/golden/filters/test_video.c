#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

#include "graph_rig.h"

/* ---- sources ---- */

static int source_width, source_height, source_frames;
static const AVRational source_rate = {25, 1};

/* A moving pattern with detail, edges and colour. */
static AVFrame *make_pattern(int index)
{
    if (index >= source_frames) {
        return NULL;
    }
    AVFrame *frame = rig_picture(AV_PIX_FMT_YUV420P, source_width, source_height);
    frame->pts = index;
    for (int y = 0; y < source_height; y++) {
        for (int x = 0; x < source_width; x++) {
            double wave = sin(x * 0.11 + index * 0.3) + sin(y * 0.07 + x * 0.013);
            int block = ((x / 40 + y / 40 + index / 5) % 2) * 30;
            *rig_pixel(frame, 0, x, y) = (uint8_t)lrint(110 + 40 * wave + block);
        }
    }
    for (int y = 0; y < (source_height + 1) / 2; y++) {
        for (int x = 0; x < (source_width + 1) / 2; x++) {
            *rig_pixel(frame, 1, x, y) = (uint8_t)lrint(128 + 60 * sin(x * 0.05));
            *rig_pixel(frame, 2, x, y) = (uint8_t)lrint(128 + 60 * sin(y * 0.04 + index * 0.1));
        }
    }
    return frame;
}

static AVFrame *make_grey(int index)
{
    if (index >= source_frames) {
        return NULL;
    }
    AVFrame *frame = rig_picture(AV_PIX_FMT_YUV420P, source_width, source_height);
    frame->pts = index;
    for (int plane = 0; plane < 3; plane++) {
        int height = plane == 0 ? source_height : (source_height + 1) / 2;
        memset(frame->data[plane], plane == 0 ? 110 : 128,
               (size_t)frame->linesize[plane] * (size_t)height);
    }
    return frame;
}

static void set_source(int width, int height, int frames)
{
    source_width = width;
    source_height = height;
    source_frames = frames;
}

static AVFrame *make_logo(int width, int height, const uint8_t inside[4], const uint8_t around[4])
{
    AVFrame *logo = rig_picture(AV_PIX_FMT_RGBA, width, height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            bool is_inside =
                x >= width / 4 && x < width * 3 / 4 && y >= height / 4 && y < height * 3 / 4;
            memcpy(rig_pixel(logo, 0, 4 * x, y), is_inside ? inside : around, 4);
        }
    }
    return logo;
}

/* ---- judges ---- */

/* Mean SSIM over 8×8 windows of one plane. */
static double ssim_plane(const AVFrame *a, const AVFrame *b, int plane, int width, int height)
{
    const double c1 = 6.5025;
    const double c2 = 58.5225;
    double sum = 0.0;
    int windows = 0;
    for (int y = 0; y + 8 <= height; y += 4) {
        for (int x = 0; x + 8 <= width; x += 4) {
            double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
            for (int i = 0; i < 64; i++) {
                double va = *rig_pixel(a, plane, x + i % 8, y + i / 8);
                double vb = *rig_pixel(b, plane, x + i % 8, y + i / 8);
                sa += va, sb += vb, saa += va * va, sbb += vb * vb, sab += va * vb;
            }
            double ma = sa / 64, mb = sb / 64;
            double var_a = saa / 64 - ma * ma, var_b = sbb / 64 - mb * mb, cov = sab / 64 - ma * mb;
            sum += (2 * ma * mb + c1) * (2 * cov + c2) /
                   ((ma * ma + mb * mb + c1) * (var_a + var_b + c2));
            windows++;
        }
    }
    return windows > 0 ? sum / windows : 1.0;
}

static double ssim(const AVFrame *a, const AVFrame *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    double luma = ssim_plane(a, b, 0, a->width, a->height);
    double u = ssim_plane(a, b, 1, a->width / 2, a->height / 2);
    double v = ssim_plane(a, b, 2, a->width / 2, a->height / 2);
    return (4 * luma + u + v) / 6;
}

/* The first frame of the source through a libavfilter graph given as text. */
static AVFrame *reference(const char *graph_text)
{
    char args[128];
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterContext *source = NULL;
    AVFilterContext *sink = NULL;
    AVFilterInOut *in = avfilter_inout_alloc();
    AVFilterInOut *out = avfilter_inout_alloc();
    assert_true(graph != NULL && in != NULL && out != NULL);
    (void)snprintf(args, sizeof(args), "video_size=%dx%d:pix_fmt=yuv420p:time_base=1/25:sar=1",
                   source_width, source_height);
    assert_true(avfilter_graph_create_filter(&source, avfilter_get_by_name("buffer"), "in", args,
                                             NULL, graph) >= 0);
    assert_true(avfilter_graph_create_filter(&sink, avfilter_get_by_name("buffersink"), "out", NULL,
                                             NULL, graph) >= 0);
    *out = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = source};
    *in = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = sink};
    assert_true(avfilter_graph_parse_ptr(graph, graph_text, &in, &out, NULL) >= 0);
    assert_true(avfilter_graph_config(graph, NULL) >= 0);
    AVFrame *frame = make_pattern(0);
    AVFrame *result = av_frame_alloc();
    assert_int_equal(av_buffersrc_add_frame(source, frame), 0);
    assert_int_equal(av_buffersrc_add_frame(source, NULL), 0);
    assert_int_equal(av_buffersink_get_frame(sink, result), 0);
    av_frame_free(&frame);
    avfilter_inout_free(&in);
    avfilter_inout_free(&out);
    avfilter_graph_free(&graph);
    return result;
}

/* A file to look at, where FTL_GOLDEN_SAVE names a directory. */
static void save(const AVFrame *frame, const char *name)
{
    const char *folder = getenv("FTL_GOLDEN_SAVE");
    char path[512];
    if (folder == NULL) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/%s-%dx%d.yuv", folder, name, frame->width,
                   frame->height);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane == 0 ? 0 : 1;
        for (int y = 0; y < frame->height >> shift; y++) {
            (void)fwrite(rig_pixel(frame, plane, 0, y), 1, (size_t)(frame->width >> shift), file);
        }
    }
    (void)fclose(file);
}

/* ---- every filter, on awkward pictures ---- */

static void every_filter_takes_every_picture(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *options;
    } filters[] = {
        {"aspect", "{\"ratio\":\"9:16\",\"fit\":\"crop\"}"},
        {"aspect", "{\"ratio\":\"9:16\",\"fit\":\"pad\",\"color\":\"#336699\"}"},
        {"aspect", "{\"ratio\":\"9:16\",\"fit\":\"blur\",\"darken\":0.3}"},
        {"aspect", "{\"ratio\":\"16:9\",\"fit\":\"blur\",\"blur\":\"20%\"}"},
        {"aspect", "{\"ratio\":\"1:1\",\"fit\":\"stretch\"}"},
        {"fps", "{\"rate\":25}"},
        {"loudness", "{}"},
        {"scale", "{\"width\":62}"},
        {"scale", "{\"width\":40,\"height\":62,\"fit\":\"cover\"}"},
        {"trim", "{}"},
        {"watermark", "{\"image\":\"logo\",\"opacity\":0.5}"},
        {"watermark", "{\"image\":\"logo\",\"size\":\"100%\",\"margin\":\"50%\"}"},
    };
    static const struct {
        int width, height, frames;
    } sources[] = {{16, 16, 3}, {17, 33, 3}, {2, 2, 2}, {641, 359, 2}, {64, 36, 1}, {36, 64, 30}};
    static const uint8_t red[4] = {255, 0, 0, 255}, clear[4] = {0, 0, 0, 0};
    for (size_t f = 0; f < sizeof(filters) / sizeof(filters[0]); f++) {
        for (size_t s = 0; s < sizeof(sources) / sizeof(sources[0]); s++) {
            struct rig rig;
            struct ftl_err err = {0};
            rig_init(&rig);
            rig_set_logo(&rig, make_logo(50, 30, red, clear));
            rig_add(&rig, filters[f].filter, filters[f].options);
            set_source(sources[s].width, sources[s].height, sources[s].frames);
            struct ftl_shape planned = {.has_video = true,
                                        .width = sources[s].width & ~1,
                                        .height = sources[s].height & ~1,
                                        .frame_rate = {25, 1}};
            rig.run.source = planned;
            assert_int_equal(rig.insts[0].filter->plan(&rig.insts[0], &planned, &err), FTL_OK);
            rig_run(&rig, FTL_MEDIA_VIDEO, source_rate, make_pattern);
            if (rig.out_count != sources[s].frames) {
                fail_msg("%s %s on %dx%d: %d frames became %d", filters[f].filter,
                         filters[f].options, source_width, source_height, source_frames,
                         rig.out_count);
            }
            for (int i = 0; i < rig.out_count; i++) {
                assert_int_equal(rig.out[i]->width, planned.width);
                assert_int_equal(rig.out[i]->height, planned.height);
                assert_int_equal(rig.out[i]->format, AV_PIX_FMT_YUV420P);
                assert_int_equal(rig.out[i]->sample_aspect_ratio.num,
                                 rig.out[i]->sample_aspect_ratio.den);
                assert_float_equal(rig.times_s[i], (i / 25.0), 1e-6);
            }
            assert_int_equal(rig.shape.width, planned.width);
            assert_int_equal(rig.shape.height, planned.height);
            rig_done(&rig);
        }
    }
}

/* ---- aspect ---- */

static AVFrame *run_aspect(struct rig *rig, const char *options, int want_width, int want_height)
{
    rig_init(rig);
    rig_add(rig, "aspect", options);
    rig->run.source = (struct ftl_shape){.has_video = true,
                                         .width = source_width,
                                         .height = source_height,
                                         .frame_rate = {25, 1},
                                         .want_width = want_width,
                                         .want_height = want_height};
    rig_run(rig, FTL_MEDIA_VIDEO, source_rate, make_pattern);
    assert_int_equal(rig->out_count, source_frames);
    return rig->out[0];
}

static void blur_looks_like_the_full_size_gaussian(void **state)
{
    (void)state;
    struct rig rig;
    set_source(1280, 720, 1);
    AVFrame *out = run_aspect(&rig, "{\"ratio\":\"9:16\",\"fit\":\"blur\"}", 1080, 1920);
    save(out, "blur");
    AVFrame *expected =
        reference("split[a][b];[a]crop=406:720,scale=1080:1920:flags=bicubic,gblur=sigma=20[bg];"
                  "[b]scale=1080:608:flags=bicubic+accurate_rnd[fg];[bg][fg]overlay=0:656");
    /* Background alone: above and below the picture. */
    AVFrame top = *out;
    AVFrame top_expected = *expected;
    top.height = top_expected.height = 656;
    assert_true(ssim(&top, &top_expected) >= 0.97);
    assert_true(ssim(out, expected) >= 0.985);
    av_frame_free(&expected);
    rig_done(&rig);
}

static void crop_pad_and_stretch_match_libavfilter(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int width, height;
        const char *graph;
        const char *name;
    } cases[] = {
        {"{\"ratio\":\"4:5\",\"fit\":\"crop\"}", 1080, 1350,
         "crop=576:720,scale=1080:1350:flags=bicubic", "crop"},
        {"{\"ratio\":\"4:5\",\"fit\":\"crop\",\"gravity\":\"right\"}", 1080, 1350,
         "crop=576:720:704:0,scale=1080:1350:flags=bicubic", "crop-right"},
        {"{\"ratio\":\"9:16\",\"fit\":\"pad\"}", 1080, 1920,
         "scale=1080:608:flags=bicubic,pad=1080:1920:0:656:black", "pad"},
        {"{\"ratio\":\"9:16\",\"fit\":\"pad\",\"gravity\":\"bottom\"}", 1080, 1920,
         "scale=1080:608:flags=bicubic,pad=1080:1920:0:1312:black", "pad-bottom"},
        {"{\"ratio\":\"9:16\",\"fit\":\"stretch\"}", 1080, 1920, "scale=1080:1920:flags=bicubic",
         "stretch"},
    };
    set_source(1280, 720, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        AVFrame *out = run_aspect(&rig, cases[i].options, cases[i].width, cases[i].height);
        save(out, cases[i].name);
        AVFrame *expected = reference(cases[i].graph);
        double likeness = ssim(out, expected);
        if (likeness < 0.99) {
            fail_msg("%s: SSIM %f", cases[i].options, likeness);
        }
        av_frame_free(&expected);
        rig_done(&rig);
    }
}

static void bars_have_the_colour_in_bt709(void **state)
{
    (void)state;
    struct rig rig;
    set_source(640, 360, 1);
    AVFrame *out =
        run_aspect(&rig, "{\"ratio\":\"1:1\",\"fit\":\"pad\",\"color\":\"#ff0000\"}", 0, 0);
    static const int places[][2] = {{0, 0}, {638, 0}, {320, 138}, {0, 638}, {638, 502}};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int x = places[i][0];
        int y = places[i][1];
        assert_int_equal(*rig_pixel(out, 0, x, y), 63);
        assert_int_equal(*rig_pixel(out, 1, x / 2, y / 2), 102);
        assert_int_equal(*rig_pixel(out, 2, x / 2, y / 2), 240);
    }
    rig_done(&rig);
}

static void darken_dims_only_the_background(void **state)
{
    (void)state;
    struct rig plain;
    struct rig dark;
    set_source(640, 360, 1);
    AVFrame *a = run_aspect(&plain, "{\"ratio\":\"1:1\"}", 0, 0);
    AVFrame *b = run_aspect(&dark, "{\"ratio\":\"1:1\",\"darken\":0.5}", 0, 0);
    for (int x = 0; x < 640; x += 16) {
        assert_int_equal(*rig_pixel(a, 0, x, 320), *rig_pixel(b, 0, x, 320));
        double expected = 16 + (*rig_pixel(a, 0, x, 20) - 16) * 0.5;
        assert_float_equal(*rig_pixel(b, 0, x, 20), expected, 1.6);
        expected = 128 + (*rig_pixel(a, 1, x / 2, 10) - 128) * 0.5;
        assert_float_equal(*rig_pixel(b, 1, x / 2, 10), expected, 1.6);
    }
    rig_done(&plain);
    rig_done(&dark);
}

/* ---- watermark ---- */

static void run_watermark(struct rig *rig, const char *options, AVFrame *logo,
                          AVFrame *(*make)(int))
{
    rig_init(rig);
    rig_set_logo(rig, logo);
    rig_add(rig, "watermark", options);
    rig->run.source = (struct ftl_shape){.has_video = true,
                                         .width = source_width,
                                         .height = source_height,
                                         .frame_rate = {25, 1},
                                         .duration_s = source_frames / 25.0};
    rig_run(rig, FTL_MEDIA_VIDEO, source_rate, make);
    assert_int_equal(rig->out_count, source_frames);
}

static void expect_yuv(const AVFrame *frame, int x, int y, const int yuv[3], int slack)
{
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane == 0 ? 0 : 1;
        int value = *rig_pixel(frame, plane, x >> shift, y >> shift);
        if (abs(value - yuv[plane]) > slack) {
            fail_msg("plane %d at %d,%d is %d, not %d", plane, x, y, value, yuv[plane]);
        }
    }
}

static void logo_stands_at_every_anchor_in_its_colours(void **state)
{
    (void)state;
    static const uint8_t red[4] = {255, 0, 0, 255}, clear[4] = {0, 255, 0, 0};
    static const int red_yuv[3] = {63, 102, 240}, grey[3] = {110, 128, 128};
    static const struct {
        const char *anchor;
        int x, y; /* centre of the logo */
    } cases[] = {
        {"top-left", 70, 54},     {"top", 320, 54},     {"top-right", 570, 54},
        {"left", 70, 180},        {"center", 320, 180}, {"right", 570, 180},
        {"bottom-left", 70, 306}, {"bottom", 320, 306}, {"bottom-right", 570, 306},
    };
    set_source(640, 360, 2);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char options[128];
        struct rig rig;
        (void)snprintf(options, sizeof(options),
                       "{\"image\":\"l\",\"size\":100,\"margin\":20,\"anchor\":\"%s\"}",
                       cases[i].anchor);
        run_watermark(&rig, options, make_logo(300, 204, red, clear), make_grey);
        const AVFrame *out = rig.out[1];
        expect_yuv(out, cases[i].x, cases[i].y, red_yuv, 1);
        /* transparent parts and everything outside are untouched, to the bit */
        for (size_t other = 0; other < sizeof(cases) / sizeof(cases[0]); other++) {
            if (other != i) {
                expect_yuv(out, cases[other].x, cases[other].y, grey, 0);
            }
        }
        expect_yuv(out, cases[i].x - 40, cases[i].y, grey, 0);
        rig_done(&rig);
    }
}

static void opacity_and_alpha_multiply(void **state)
{
    (void)state;
    static const uint8_t half_red[4] = {255, 0, 0, 128}, clear[4] = {0, 0, 0, 0};
    static const struct {
        const char *options;
        double opacity;
    } cases[] = {
        {"{\"image\":\"l\",\"size\":100,\"anchor\":\"center\"}", 128 / 255.0},
        {"{\"image\":\"l\",\"size\":100,\"anchor\":\"center\",\"opacity\":0.5}", 64 / 255.0},
        {"{\"image\":\"l\",\"size\":100,\"anchor\":\"center\",\"opacity\":0}", 0.0},
    };
    set_source(640, 360, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        double k = cases[i].opacity;
        const int expected[3] = {(int)lrint(110 + (62.6 - 110) * k),
                                 (int)lrint(128 + (102.3 - 128) * k),
                                 (int)lrint(128 + (240 - 128) * k)};
        run_watermark(&rig, cases[i].options, make_logo(300, 300, half_red, clear), make_grey);
        expect_yuv(rig.out[0], 320, 180, expected, 1);
        rig_done(&rig);
    }
}

/* What fully transparent pixels hide must not shine through at the edge: a red logo in a green or a
 * black surrounding of alpha 0 gives the same picture. */
static void hidden_colours_do_not_bleed(void **state)
{
    (void)state;
    static const uint8_t red[4] = {255, 0, 0, 255};
    static const uint8_t hidden[][4] = {{0, 255, 0, 0}, {0, 0, 0, 0}, {255, 0, 0, 0}};
    struct rig rigs[3];
    set_source(640, 360, 1);
    for (size_t i = 0; i < 3; i++) {
        run_watermark(&rigs[i], "{\"image\":\"l\",\"size\":77,\"anchor\":\"center\"}",
                      make_logo(301, 301, red, hidden[i]), make_grey);
    }
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane == 0 ? 0 : 1;
        for (int y = 0; y < 360 >> shift; y++) {
            for (int x = 0; x < 640 >> shift; x++) {
                int value = *rig_pixel(rigs[0].out[0], plane, x, y);
                assert_int_equal(value, *rig_pixel(rigs[1].out[0], plane, x, y));
                assert_int_equal(value, *rig_pixel(rigs[2].out[0], plane, x, y));
                /* every pixel is a mixture of grey and red, nothing else */
                assert_in_range(value,
                                plane == 0   ? 61
                                : plane == 1 ? 101
                                             : 127,
                                plane == 0   ? 111
                                : plane == 1 ? 129
                                             : 241);
            }
        }
    }
    save(rigs[0].out[0], "bleed");
    for (size_t i = 0; i < 3; i++) {
        rig_done(&rigs[i]);
    }
}

static void logo_comes_and_goes_on_time(void **state)
{
    (void)state;
    static const uint8_t white[4] = {255, 255, 255, 255};
    static const struct {
        const char *options;
        int first, last; /* frames that show it; 25 fps, 2 s */
    } cases[] = {
        {"{\"image\":\"l\",\"anchor\":\"center\"}", 0, 49},
        {"{\"image\":\"l\",\"anchor\":\"center\",\"from\":0.4}", 10, 49},
        {"{\"image\":\"l\",\"anchor\":\"center\",\"until\":\"50%\"}", 0, 24},
        {"{\"image\":\"l\",\"anchor\":\"center\",\"from\":\"25%\",\"until\":1}", 13, 24},
    };
    set_source(320, 180, 50);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        run_watermark(&rig, cases[i].options, make_logo(40, 40, white, white), make_grey);
        for (int n = 0; n < 50; n++) {
            bool shows = *rig_pixel(rig.out[n], 0, 160, 90) > 200;
            if (shows != (n >= cases[i].first && n <= cases[i].last)) {
                fail_msg("%s: frame %d %s", cases[i].options, n, shows ? "shows it" : "does not");
            }
        }
        rig_done(&rig);
    }
}

/* ---- trim and fps ---- */

static void trim_and_fps_count_frames(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *options;
        int frames;
        double last_s;
        int first_luma; /* number of the source frame that comes first */
    } cases[] = {
        {"trim", "{\"start\":1}", 25, 24 / 25.0, 25},
        {"trim", "{\"start\":1.01,\"duration\":0.4}", 10, 9 / 25.0 - 0.01, 25},
        {"trim", "{\"end\":0.5}", 13, 12 / 25.0, 0},
        {"trim", "{\"start\":\"50%\",\"end\":\"75%\"}", 13, 12 / 25.0, 25},
        {"trim", "{\"start\":0.5,\"end\":0.501}", 1, 0.02, 13},
        {"trim", "{\"start\":1.9,\"end\":30}", 2, 0.06, 48},
        {"fps", "{\"rate\":50}", 100, 99 / 50.0, 0},
        {"fps", "{\"rate\":10}", 20, 19 / 10.0, 1},
        {"fps", "{\"rate\":\"30000/1001\"}", 60, 59 * 1001 / 30000.0, 0},
    };
    set_source(32, 32, 50);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        rig_init(&rig);
        rig_add(&rig, cases[i].filter, cases[i].options);
        rig.run.source = (struct ftl_shape){
            .has_video = true, .width = 32, .height = 32, .frame_rate = {25, 1}, .duration_s = 2};
        rig_run(&rig, FTL_MEDIA_VIDEO, source_rate, make_pattern);
        if (rig.out_count != cases[i].frames) {
            fail_msg("%s %s: %d frames", cases[i].filter, cases[i].options, rig.out_count);
        }
        assert_float_equal(rig.times_s[0], 0.0, 0.0201);
        assert_float_equal(rig.times_s[rig.out_count - 1], cases[i].last_s, 1e-4);
        AVFrame *first = make_pattern(cases[i].first_luma);
        assert_memory_equal(rig.out[0]->data[0], first->data[0], 32);
        av_frame_free(&first);
        rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_takes_every_picture),
        cmocka_unit_test(blur_looks_like_the_full_size_gaussian),
        cmocka_unit_test(crop_pad_and_stretch_match_libavfilter),
        cmocka_unit_test(bars_have_the_colour_in_bt709),
        cmocka_unit_test(darken_dims_only_the_background),
        cmocka_unit_test(logo_stands_at_every_anchor_in_its_colours),
        cmocka_unit_test(opacity_and_alpha_multiply),
        cmocka_unit_test(hidden_colours_do_not_bleed),
        cmocka_unit_test(logo_comes_and_goes_on_time),
        cmocka_unit_test(trim_and_fps_count_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
