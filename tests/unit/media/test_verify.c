#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>

#include "base/fd.h"
#include "media/av_auto.h"
#include "media/measure.h"
#include "media/pipeline.h"
#include "media/still_encode.h"

enum { WIDTH = 64, HEIGHT = 36, FPS = 25, RATE = 48000 };

static const struct ftl_limits limits = {.pixels = 1 << 24,
                                         .streams = 8,
                                         .duration_s = 3600,
                                         .output_bytes = 1 << 30,
                                         .frames_per_frame = 100,
                                         .alloc_bytes = 1 << 30};

static int new_file(void)
{
    struct ftl_err err = {0};
    int fd = -1;
    assert_int_equal(ftl_fd_memory("clip", "", 0, &fd, &err), FTL_OK);
    return fd;
}

static AVFrame *picture(int index)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = WIDTH;
    frame->height = HEIGHT;
    frame->pts = index;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            frame->data[0][y * frame->linesize[0] + x] = (uint8_t)(x * 3 + y * 5 + index * 7);
        }
    }
    for (int y = 0; y < HEIGHT / 2; y++) {
        memset(frame->data[1] + y * frame->linesize[1], 100 + index, WIDTH / 2);
        memset(frame->data[2] + y * frame->linesize[2], 150 - index, WIDTH / 2);
    }
    return frame;
}

static AVFrame *sound(int index, int size)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = RATE;
    frame->nb_samples = size;
    frame->pts = (int64_t)index * size;
    av_channel_layout_default(&frame->ch_layout, 2);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i < size; i++) {
        double value = 0.1 * sin(2.0 * M_PI * 997.0 * (index * size + i) / RATE);
        ((float *)(void *)frame->extended_data[0])[i] = (float)value;
        ((float *)(void *)frame->extended_data[1])[i] = (float)value;
    }
    return frame;
}

static AVCodecContext *open_encoder(const char *name, AVFormatContext *format)
{
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_encoder_by_name(name));
    assert_non_null(codec);
    if (codec->codec_type == AVMEDIA_TYPE_VIDEO) {
        codec->width = WIDTH;
        codec->height = HEIGHT;
        codec->pix_fmt = AV_PIX_FMT_YUV420P;
        codec->time_base = (AVRational){1, FPS};
        codec->framerate = (AVRational){FPS, 1};
    } else {
        codec->sample_fmt = AV_SAMPLE_FMT_FLTP;
        codec->sample_rate = RATE;
        codec->time_base = (AVRational){1, RATE};
        av_channel_layout_default(&codec->ch_layout, 2);
    }
    codec->thread_count = 1;
    codec->flags |=
        (format->oformat->flags & AVFMT_GLOBALHEADER) != 0 ? AV_CODEC_FLAG_GLOBAL_HEADER : 0;
    assert_int_equal(avcodec_open2(codec, NULL, NULL), 0);
    AVStream *stream = avformat_new_stream(format, NULL);
    assert_non_null(stream);
    assert_true(avcodec_parameters_from_context(stream->codecpar, codec) >= 0);
    stream->time_base = codec->time_base;
    stream->avg_frame_rate = codec->framerate;
    return codec;
}

/* Frees the frame; NULL drains. */
static void encode(AVFormatContext *format, AVCodecContext *codec, int index, AVFrame *frame)
{
    AVPacket *packet = av_packet_alloc();
    assert_non_null(packet);
    assert_int_equal(avcodec_send_frame(codec, frame), 0);
    av_frame_free(&frame);
    while (avcodec_receive_packet(codec, packet) == 0) {
        packet->stream_index = index;
        if (codec->codec_type == AVMEDIA_TYPE_VIDEO) {
            packet->duration = 1;
        }
        av_packet_rescale_ts(packet, codec->time_base, format->streams[index]->time_base);
        assert_int_equal(av_interleaved_write_frame(format, packet), 0);
    }
    av_packet_free(&packet);
}

/* Two seconds of picture and sound, or of either. */
static int make_clip(const char *muxer, const char *video, const char *audio)
{
    int fd = new_file();
    char url[64];
    AVFormatContext *format = NULL;
    (void)snprintf(url, sizeof(url), "/proc/self/fd/%d", fd);
    assert_true(avformat_alloc_output_context2(&format, NULL, muxer, NULL) >= 0);
    assert_true(avio_open(&format->pb, url, AVIO_FLAG_WRITE) >= 0);
    AVCodecContext *pictures = video != NULL ? open_encoder(video, format) : NULL;
    AVCodecContext *sounds = audio != NULL ? open_encoder(audio, format) : NULL;
    assert_true(avformat_write_header(format, NULL) >= 0);
    int sound_index = pictures != NULL ? 1 : 0;
    for (int i = 0; pictures != NULL && i < 2 * FPS; i++) {
        encode(format, pictures, 0, picture(i));
    }
    int size = sounds != NULL && sounds->frame_size > 0 ? sounds->frame_size : 1000;
    for (int i = 0; sounds != NULL && i < 2 * RATE / size; i++) {
        encode(format, sounds, sound_index, sound(i, size));
    }
    if (pictures != NULL) {
        encode(format, pictures, 0, NULL);
    }
    if (sounds != NULL) {
        encode(format, sounds, sound_index, NULL);
    }
    assert_int_equal(av_write_trailer(format), 0);
    avcodec_free_context(&pictures);
    avcodec_free_context(&sounds);
    avio_closep(&format->pb);
    avformat_free_context(format);
    return fd;
}

static enum ftl_code verify(int fd, bool want_loudness, struct ftl_output_result *ret,
                            struct ftl_err *err)
{
    *ret = (struct ftl_output_result){0};
    return ftl_media_verify(fd, "clip", want_loudness, &limits, ret, err);
}

static void whole_files(void **state)
{
    (void)state;
    static const struct {
        const char *muxer, *video, *audio;
        const char *video_codec, *audio_codec;
        const char *container; /* how its name begins */
    } cases[] = {
        {"mp4", "libx264", "aac", "h264", "aac", "mov,mp4"},
        {"mp4", "libx264", NULL, "h264", "", "mov,mp4"},
        {"mp4", NULL, "aac", "", "aac", "mov,mp4"},
        {"matroska", "libx264", "aac", "h264", "aac", "matroska"},
        {"nut", "ffv1", "aac", "ffv1", "aac", "nut"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_err err = {0};
        struct ftl_output_result result;
        FTL_AUTO_FD int fd = make_clip(cases[i].muxer, cases[i].video, cases[i].audio);
        if (verify(fd, true, &result, &err) != FTL_OK) {
            fail_msg("case %zu: %s", i, err.msg);
        }
        assert_memory_equal(result.container, cases[i].container, strlen(cases[i].container));
        assert_int_equal(result.has_video, cases[i].video != NULL);
        assert_int_equal(result.has_audio, cases[i].audio != NULL);
        assert_string_equal(result.video_codec, cases[i].video_codec);
        assert_string_equal(result.audio_codec, cases[i].audio_codec);
        assert_true(fabs(result.duration_s - 2.0) < 0.06);
        assert_true(result.bytes > 500);
        if (cases[i].video != NULL) {
            assert_int_equal(result.frames, 2 * FPS);
            assert_int_equal(result.width, WIDTH);
            assert_int_equal(result.height, HEIGHT);
            assert_string_equal(result.pix_fmt, "yuv420p");
            assert_float_equal(ftl_rational_to_double(result.frame_rate), FPS, 0.01);
        }
        assert_int_equal(result.loudness.is_measured, cases[i].audio != NULL);
        if (cases[i].audio != NULL) {
            assert_int_equal(result.sample_rate_hz, RATE);
            assert_int_equal(result.channels, 2);
            assert_float_equal(result.loudness.integrated, -20.0, 0.3);
        }
    }
}

static void stills(void **state)
{
    (void)state;
    static const char *const formats[] = {"jpeg", "png", "webp"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct ftl_err err = {0};
        struct ftl_output_result written = {0};
        struct ftl_output_result result;
        const struct ftl_still_plan plan = {.format = formats[i], .quality = 85};
        FTL_AUTO_FD int fd = new_file();
        AVFrame *frame = picture(0);
        assert_int_equal(ftl_still_encode(frame, &plan, fd, &written, &err), FTL_OK);
        av_frame_free(&frame);
        if (verify(fd, true, &result, &err) != FTL_OK) {
            fail_msg("%s: %s", formats[i], err.msg);
        }
        assert_true(result.has_video);
        assert_false(result.has_audio);
        assert_int_equal(result.frames, 1);
        assert_int_equal(result.width, WIDTH);
        assert_int_equal(result.height, HEIGHT);
        assert_string_equal(result.video_codec, written.video_codec);
        assert_string_equal(result.pix_fmt, written.pix_fmt);
        assert_int_equal(result.bytes, written.bytes);
        assert_false(result.loudness.is_measured);
    }
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *muxer;
        double keep;       /* fraction of the file */
        double scratch_at; /* fraction of it where 200 bytes become junk; < 0 = nowhere */
    } cases[] = {
        {"mp4", 0.5, -1}, /* no index */
        {"mp4", 1, 0.4},  {"matroska", 1, 0.3}, {"matroska", 0.02, -1}, {"mp4", 0, -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_err err = {0};
        struct ftl_output_result result;
        int64_t bytes = 0;
        FTL_AUTO_FD int fd = make_clip(cases[i].muxer, "libx264", "aac");
        assert_int_equal(ftl_fd_size(fd, &bytes, &err), FTL_OK);
        assert_int_equal(ftruncate(fd, (off_t)((double)bytes * cases[i].keep)), 0);
        if (cases[i].scratch_at >= 0) {
            char junk[200];
            memset(junk, 0x5a, sizeof(junk));
            assert_int_equal(
                pwrite(fd, junk, sizeof(junk), (off_t)((double)bytes * cases[i].scratch_at)),
                (ssize_t)sizeof(junk));
        }
        enum ftl_code code = verify(fd, false, &result, &err);
        if (code != FTL_INPUT && code != FTL_TRUNCATED) {
            fail_msg("case %zu: %s %s", i, ftl_code_name(code), err.msg);
        }
        assert_int_equal(result.frames, 0); /* untouched on failure */
    }
}

static void limits_hold(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_output_result result = {0};
    struct ftl_limits tight = limits;
    FTL_AUTO_FD int fd = make_clip("mp4", "libx264", NULL);
    tight.pixels = WIDTH * HEIGHT - 1;
    assert_int_equal(ftl_media_verify(fd, "clip", false, &tight, &result, &err), FTL_LIMIT);
    tight = limits;
    tight.duration_s = 1.0;
    assert_int_equal(ftl_media_verify(fd, "clip", false, &tight, &result, &err), FTL_LIMIT);
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files),
        cmocka_unit_test(stills),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
