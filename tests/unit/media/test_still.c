#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "base/fd.h"
#include "media/av_auto.h"
#include "media/still.h"

enum { WIDTH = 192, HEIGHT = 108 };

/* What a drawn frame is like. */
struct look {
    int luma;     /* mean, limited range */
    int contrast; /* of the stripes */
    int cell;     /* px of a stripe: less is sharper */
    int u, v;
};

static const struct look black = {16, 0, 8, 128, 128};
static const struct look flat = {120, 0, 8, 128, 128};
static const struct look soft = {120, 20, 48, 120, 136};
static const struct look good = {120, 60, 4, 90, 160};

static AVFrame *draw(const struct look *look, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = width;
    frame->height = height;
    frame->colorspace = AVCOL_SPC_BT709;
    frame->color_range = AVCOL_RANGE_MPEG;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int sign = (x / look->cell + y / look->cell) % 2 == 0 ? 1 : -1;
            frame->data[0][y * frame->linesize[0] + x] =
                (uint8_t)(look->luma + sign * look->contrast);
        }
    }
    for (int y = 0; y < (height + 1) / 2; y++) {
        memset(frame->data[1] + y * frame->linesize[1], look->u, (size_t)(width + 1) / 2);
        memset(frame->data[2] + y * frame->linesize[2], look->v, (size_t)(width + 1) / 2);
    }
    return frame;
}

/* One look from its time on. */
struct scene {
    double from_s;
    const struct look *look;
};

static void show(struct ftl_still *still, const struct scene *scenes, double seconds, double fps)
{
    struct ftl_err err = {0};
    const struct scene *scene = scenes;
    for (int i = 0; i / fps < seconds - 1e-9; i++) {
        while (scene[1].look != NULL && i / fps >= scene[1].from_s - 1e-9) {
            scene++;
        }
        AVFrame *frame = draw(scene->look, WIDTH, HEIGHT);
        assert_int_equal(ftl_still_add(still, frame, i / fps, &err), FTL_OK);
        av_frame_free(&frame);
    }
}

static struct ftl_output_result finish(struct ftl_still *still)
{
    struct ftl_err err = {0};
    struct ftl_output_result result = {0};
    FTL_AUTO_FD int fd = -1;
    assert_int_equal(ftl_fd_memory("still", "", 0, &fd, &err), FTL_OK);
    if (ftl_still_write(still, fd, &result, &err) != FTL_OK) {
        fail_msg("%s", err.msg);
    }
    int64_t bytes = 0;
    assert_int_equal(ftl_fd_size(fd, &bytes, &err), FTL_OK);
    assert_int_equal(bytes, result.bytes);
    return result;
}

static void at_a_time(void **state)
{
    (void)state;
    static const struct scene scenes[] = {{0, &good}, {0, NULL}};
    static const struct {
        double at_s, expected_s;
        bool is_done;
        const char *reason;
    } cases[] = {
        {0.0, 0.0, true, "at the time asked for"},   {1.0, 1.0, true, "at the time asked for"},
        {1.01, 1.04, true, "at the time asked for"}, {1.9999, 1.96, false, "the last frame"},
        {60.0, 1.96, false, "the last frame"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_err err = {0};
        const struct ftl_still_plan plan = {.format = "jpeg",
                                            .width = WIDTH,
                                            .height = HEIGHT,
                                            .quality = 85,
                                            .at = FTL_STILL_AT_TIME,
                                            .time_s = cases[i].at_s};
        FTL_AUTO(still) struct ftl_still *still = NULL;
        assert_int_equal(ftl_still_new(&plan, 2.0, &still, &err), FTL_OK);
        show(still, scenes, 2.0, 25.0);
        assert_int_equal(ftl_still_is_done(still), cases[i].is_done);
        struct ftl_output_result result = finish(still);
        assert_float_equal(result.still_time_s, cases[i].expected_s, 1e-6);
        assert_string_equal(result.still_reason, cases[i].reason);
    }
}

static void best(void **state)
{
    (void)state;
    static const struct {
        struct scene scenes[6];
        double seconds, announced_s;
        double from_s, to_s; /* where the choice must lie */
        const char *reason;  /* how it begins */
    } cases[] = {
        {{{0, &good}}, 8, 8, 1.6, 4.0, "best of"}, /* all alike: the middle of the first half */
        {{{0, &black}, {3, &good}}, 8, 8, 3.25, 8, "best of"},  /* a fade-in */
        {{{0, &good}, {0.8, &soft}}, 8, 8, 0, 0.55, "best of"}, /* the conditioning image */
        {{{0, &soft}, {4, &good}, {6, &black}}, 8, 8, 4.25, 5.75, "best of"},
        {{{0, &black}}, 4, 4, 0, 4, "least bad of"},
        {{{0, &black}, {1, &flat}}, 4, 4, 0, 4, "least bad of"},
        {{{0, &good}}, 0.04, 0.04, 0, 0, "best of 1 "}, /* one frame */
        {{{0, &good}}, 0.3, 0.3, 0, 0.3, "best of"},
        {{{0, &soft}, {4, &good}}, 30, 0, 4.25, 30, "best of"},  /* length unknown */
        {{{0, &black}, {2, &good}}, 8, 720, 2.25, 8, "best of"}, /* length a lie */
        {{{0, &soft}, {2, &good}}, 8, 0.5, 2.25, 8, "best of"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_err err = {0};
        const struct ftl_still_plan plan = {
            .format = "jpeg", .quality = 85, .at = FTL_STILL_AT_BEST};
        FTL_AUTO(still) struct ftl_still *still = NULL;
        assert_int_equal(ftl_still_new(&plan, cases[i].announced_s, &still, &err), FTL_OK);
        show(still, cases[i].scenes, cases[i].seconds, 25.0);
        struct ftl_output_result result = finish(still);
        if (result.still_time_s < cases[i].from_s - 1e-6 ||
            result.still_time_s > cases[i].to_s + 1e-6) {
            fail_msg("case %zu: %f, %s", i, result.still_time_s, result.still_reason);
        }
        assert_memory_equal(result.still_reason, cases[i].reason, strlen(cases[i].reason));
    }
}

static void nothing_came(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_output_result result = {0};
    const struct ftl_still_plan plan = {.format = "jpeg", .quality = 85, .at = FTL_STILL_AT_BEST};
    FTL_AUTO(still) struct ftl_still *still = NULL;
    assert_int_equal(ftl_still_new(&plan, 2.0, &still, &err), FTL_OK);
    assert_int_equal(ftl_still_write(still, -1, &result, &err), FTL_INPUT);
}

/* Decodes a written file with libavcodec and converts it the way a viewer does. */
static AVFrame *view(int fd, enum AVCodecID id)
{
    struct ftl_err err = {0};
    struct ftl_str bytes = FTL_STR_INIT(1 << 24);
    assert_int_equal(ftl_fd_read_all(fd, &bytes, &err), FTL_OK);
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(id));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    AVFrame *rgb = av_frame_alloc();
    assert_true(codec && packet && frame && rgb);
    assert_int_equal(avcodec_open2(codec, NULL, NULL), 0);
    assert_int_equal(av_new_packet(packet, (int)bytes.length), 0);
    memcpy(packet->data, bytes.text, bytes.length);
    assert_int_equal(avcodec_send_packet(codec, packet), 0);
    assert_int_equal(avcodec_send_packet(codec, NULL), 0);
    assert_int_equal(avcodec_receive_frame(codec, frame), 0);
    AVRational sar = frame->sample_aspect_ratio;
    assert_true(sar.num == 0 || sar.num == sar.den);
    rgb->format = AV_PIX_FMT_RGB24;
    rgb->width = frame->width;
    rgb->height = frame->height;
    assert_int_equal(av_frame_get_buffer(rgb, 0), 0);
    struct SwsContext *sws = sws_getContext(
        frame->width, frame->height, frame->format, frame->width, frame->height, AV_PIX_FMT_RGB24,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    assert_non_null(sws);
    const int *bt601 = sws_getCoefficients(SWS_CS_ITU601); /* JFIF and WebP say so */
    sws_setColorspaceDetails(sws, bt601, frame->color_range == AVCOL_RANGE_JPEG, bt601, 1, 0,
                             1 << 16, 1 << 16);
    sws_scale(sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
              rgb->data, rgb->linesize);
    sws_freeContext(sws);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    ftl_str_done(&bytes);
    return rgb;
}

static void formats_keep_size_and_colour(void **state)
{
    (void)state;
    /* pure BT.709 red, 8-bit limited; and what it must look like */
    static const struct look red = {63, 0, 8, 102, 240};
    static const struct {
        const char *format, *codec, *pix_fmt;
        enum AVCodecID id;
        int width, height;
    } cases[] = {
        {"jpeg", "mjpeg", "yuvj420p", AV_CODEC_ID_MJPEG, 96, 54},
        {"jpeg", "mjpeg", "yuvj420p", AV_CODEC_ID_MJPEG, 0, 0},
        {"png", "png", "rgb24", AV_CODEC_ID_PNG, 101, 57},
        {"webp", "webp", "yuv420p", AV_CODEC_ID_WEBP, 64, 36},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_err err = {0};
        struct ftl_output_result result = {0};
        const struct ftl_still_plan plan = {.format = cases[i].format,
                                            .width = cases[i].width,
                                            .height = cases[i].height,
                                            .quality = 90,
                                            .at = FTL_STILL_AT_TIME};
        FTL_AUTO(still) struct ftl_still *still = NULL;
        FTL_AUTO_FD int fd = -1;
        assert_int_equal(ftl_fd_memory("still", "", 0, &fd, &err), FTL_OK);
        assert_int_equal(ftl_still_new(&plan, 1.0, &still, &err), FTL_OK);
        AVFrame *frame = draw(&red, WIDTH, HEIGHT);
        assert_int_equal(ftl_still_add(still, frame, 0.0, &err), FTL_OK);
        av_frame_free(&frame);
        if (ftl_still_write(still, fd, &result, &err) != FTL_OK) {
            fail_msg("%s: %s", cases[i].format, err.msg);
        }
        assert_string_equal(result.container, cases[i].format);
        assert_string_equal(result.video_codec, cases[i].codec);
        assert_string_equal(result.pix_fmt, cases[i].pix_fmt);
        assert_int_equal(result.frames, 1);
        AVFrame *seen = view(fd, cases[i].id);
        assert_int_equal(seen->width, cases[i].width ? cases[i].width : WIDTH);
        assert_int_equal(seen->height, cases[i].height ? cases[i].height : HEIGHT);
        assert_int_equal(result.width, seen->width);
        assert_int_equal(result.height, seen->height);
        const uint8_t *pixel = seen->data[0] + seen->height / 2 * seen->linesize[0];
        if (pixel[0] < 248 || pixel[1] > 8 || pixel[2] > 8) {
            fail_msg("%s: red became %d %d %d", cases[i].format, pixel[0], pixel[1], pixel[2]);
        }
        av_frame_free(&seen);
    }
}

static void unknown_formats_are_refused(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_output_result result = {0};
    const struct ftl_still_plan plan = {.format = "bmp", .at = FTL_STILL_AT_TIME};
    FTL_AUTO(still) struct ftl_still *still = NULL;
    assert_int_equal(ftl_still_new(&plan, 1.0, &still, &err), FTL_OK);
    AVFrame *frame = draw(&good, WIDTH, HEIGHT);
    assert_int_equal(ftl_still_add(still, frame, 0.0, &err), FTL_OK);
    av_frame_free(&frame);
    assert_int_equal(ftl_still_write(still, -1, &result, &err), FTL_UNSUPPORTED);
}

static void quality_and_determinism(void **state)
{
    (void)state;
    static const struct look busy = {120, 90, 1, 90, 160};
    static const int qualities[] = {10, 50, 75, 90, 100};
    static const char *const formats[] = {"jpeg", "webp"};
    for (size_t f = 0; f < 2; f++) {
        int64_t previous = 0;
        for (size_t i = 0; i < sizeof(qualities) / sizeof(qualities[0]); i++) {
            int64_t bytes[2];
            for (int round = 0; round < 2; round++) {
                struct ftl_err err = {0};
                const struct ftl_still_plan plan = {
                    .format = formats[f], .quality = qualities[i], .at = FTL_STILL_AT_TIME};
                FTL_AUTO(still) struct ftl_still *still = NULL;
                assert_int_equal(ftl_still_new(&plan, 1.0, &still, &err), FTL_OK);
                AVFrame *frame = draw(&busy, 97, 61);
                assert_int_equal(ftl_still_add(still, frame, 0.0, &err), FTL_OK);
                av_frame_free(&frame);
                bytes[round] = finish(still).bytes;
            }
            assert_int_equal(bytes[0], bytes[1]);
            assert_true(bytes[0] >= previous);
            previous = bytes[0];
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_a_time),
        cmocka_unit_test(best),
        cmocka_unit_test(nothing_came),
        cmocka_unit_test(formats_keep_size_and_colour),
        cmocka_unit_test(unknown_formats_are_refused),
        cmocka_unit_test(quality_and_determinism),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
