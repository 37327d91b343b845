#include "engine_rig.h"

#define FAST "-c:v libx264 -preset ultrafast -pix_fmt yuv420p "

static enum ftl_code probe(const char *name, struct ftl_probe *ret, struct ftl_err *err)
{
    int fd = rig_open(name, O_RDONLY);
    enum ftl_code code = ftl_media_probe(fd, name, &rig_limits, ret, err);
    (void)close(fd);
    return code;
}

static const struct ftl_probe *probe_ok(const char *name)
{
    static struct ftl_probe found;
    struct ftl_err err = {0};
    if (probe(name, &found, &err) != FTL_OK) {
        fail_msg("%s: %s", name, err.msg);
    }
    return &found;
}

static void test_fields(void **state)
{
    (void)state;
    RIG_FFMPEG("-f lavfi -i testsrc2=size=320x180:rate=24000/1001:duration=1 "
               "-f lavfi -i sine=r=44100:d=1 " FAST "-c:a aac -metadata:s:a language=deu "
               "-colorspace bt709 -color_primaries bt709 -color_trc bt709 fields.mp4");
    const struct ftl_probe *found = probe_ok("fields.mp4");
    const struct ftl_probe_stream *video = &found->streams[found->video];
    const struct ftl_probe_stream *audio = &found->streams[found->audio];
    assert_string_equal(found->container, "mov,mp4,m4a,3gp,3g2,mj2");
    assert_int_equal(found->streams_count, 2);
    assert_false(found->is_still);
    assert_true(found->duration_s > 0.95 && found->duration_s < 1.1);
    assert_string_equal(video->codec, "h264");
    assert_int_equal(video->width, 320);
    assert_int_equal(video->frame_rate.num, 24000);
    assert_int_equal(video->frame_rate.den, 1001);
    assert_false(video->is_variable_rate);
    assert_string_equal(video->pix_fmt, "yuv420p");
    assert_int_equal(video->bit_depth, 8);
    assert_string_equal(video->colour_space, "bt709");
    assert_true(video->is_decodable && video->is_default);
    assert_string_equal(audio->codec, "aac");
    assert_int_equal(audio->sample_rate_hz, 44100);
    assert_string_equal(audio->channel_layout, "mono");
    assert_string_equal(audio->language, "deu");
}

/* Millisecond clocks blur rates; the rhythm of the packets tells them. */
static void test_rates(void **state)
{
    (void)state;
    static const struct {
        const char *rate;
        int num, den;
    } rows[] = {{"24", 24, 1},
                {"24000/1001", 24000, 1001},
                {"25", 25, 1},
                {"30000/1001", 30000, 1001},
                {"16", 16, 1},
                {"60", 60, 1},
                {"60000/1001", 60000, 1001}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64:rate=%s:duration=5 " FAST "rate.mkv",
                   rows[i].rate);
        const struct ftl_probe *found = probe_ok("rate.mkv");
        struct ftl_rational rate = found->streams[found->video].frame_rate;
        if (rate.num != rows[i].num || rate.den != rows[i].den) {
            fail_msg("%s is %d/%d", rows[i].rate, rate.num, rate.den);
        }
        assert_false(found->streams[found->video].is_variable_rate);
    }
}

static void test_variable(void **state)
{
    (void)state;
    RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64:rate=30:duration=3 -vf "
               "\"select='not(mod(n\\,7))+not(mod(n\\,5))'\" -vsync vfr " FAST "variable.mp4");
    const struct ftl_probe *found = probe_ok("variable.mp4");
    assert_true(found->streams[found->video].is_variable_rate);
}

static void test_stream_choice(void **state)
{
    (void)state;
    /* the default one, not the first; the larger one; neither a cover nor a single frame */
    RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64:rate=25:d=1 -f lavfi -i "
               "testsrc2=size=128x96:rate=25:d=1 -f lavfi -i sine=d=1 -f lavfi -i sine=d=1:f=600 "
               "-map 0 -map 1 -map 2 -map 3 -disposition:v:0 0 -disposition:v:1 0 -disposition:a:0 "
               "0 -disposition:a:1 default " FAST "-c:a aac choice.mkv");
    const struct ftl_probe *found = probe_ok("choice.mkv");
    assert_int_equal(found->streams[found->video].index, 1);
    assert_int_equal(found->streams[found->audio].index, 3);
    RIG_FFMPEG("-f lavfi -i testsrc2=size=256x192:rate=25:d=0.04 -f lavfi -i "
               "testsrc2=size=64x48:rate=25:d=1 -map 0 -map 1 -disposition:v:0 "
               "0 -disposition:v:1 0 " FAST "photo.mp4");
    found = probe_ok("photo.mp4");
    assert_int_equal(found->streams[found->video].width, 64);
    RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64 -frames:v 1 cover.jpg");
    RIG_FFMPEG("-f lavfi -i sine=d=1 -i cover.jpg -map 0 -map 1 -c:v copy -disposition:v "
               "attached_pic cover.flac");
    found = probe_ok("cover.flac");
    assert_int_equal(found->video, -1);
    assert_true(found->audio >= 0);
}

static void test_stills(void **state)
{
    (void)state;
    static const char *const names[] = {"a.png", "a.jpg", "a.webp", "a.bmp", "a.tiff"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        RIG_FFMPEG("-f lavfi -i testsrc2=size=102x64 -vf scale=101:63 -frames:v 1 %s", names[i]);
        const struct ftl_probe *found = probe_ok(names[i]);
        assert_true(found->is_still);
        assert_int_equal(found->streams[found->video].width, 101);
        assert_int_equal(found->streams[found->video].height, 63);
    }
}

/* A decoder that is refused is named; a second stream that is fine is used instead. */
static void test_refused_codec(void **state)
{
    (void)state;
    struct ftl_probe found;
    struct ftl_err err = {0};
    RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64:d=0.2 -c:v magicyuv magic.mkv");
    assert_int_equal(probe("magic.mkv", &found, &err), FTL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "magicyuv"));
    RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64:d=0.2 -f lavfi -i testsrc2=size=32x32:d=0.2 "
               "-map 0 -map 1 -c:v:0 magicyuv -c:v:1 ffv1 two.mkv");
    assert_int_equal(probe_ok("two.mkv")->streams[probe_ok("two.mkv")->video].width, 32);
}

static void test_many_streams(void **state)
{
    (void)state;
    struct ftl_probe found;
    struct ftl_err err = {0};
    struct ftl_limits limits = rig_limits;
    RIG_FFMPEG("-f lavfi -i sine=d=0.1 -map 0 -map 0 -map 0 -map 0 -c:a pcm_s16le many.mkv");
    int fd = rig_open("many.mkv", O_RDONLY);
    limits.streams = 4;
    assert_int_equal(ftl_media_probe(fd, "many.mkv", &limits, &found, &err), FTL_OK);
    limits.streams = 3;
    assert_int_equal(ftl_media_probe(fd, "many.mkv", &limits, &found, &err), FTL_LIMIT);
    (void)close(fd);
}

struct tally {
    int libraries, encoders, muxers, filters;
    bool has_h264;
};

static void count(void *opaque, const char *kind, const char *name, const char *detail)
{
    struct tally *tally = opaque;
    assert_non_null(detail);
    tally->libraries += strcmp(kind, "library") == 0 ? 1 : 0;
    tally->encoders += strcmp(kind, "encoder") == 0 ? 1 : 0;
    tally->muxers += strcmp(kind, "muxer") == 0 ? 1 : 0;
    tally->filters += strcmp(kind, "filter") == 0 ? 1 : 0;
    tally->has_h264 = tally->has_h264 || strcmp(name, "h264") == 0;
}

static void test_inventory(void **state)
{
    (void)state;
    struct tally tally = {0};
    ftl_media_inventory(count, &tally);
    assert_int_equal(tally.libraries, 7);
    assert_true(tally.encoders >= 5 && tally.muxers >= 5 && tally.filters >= 10);
    assert_true(tally.has_h264);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),       cmocka_unit_test(test_rates),
        cmocka_unit_test(test_variable),     cmocka_unit_test(test_stream_choice),
        cmocka_unit_test(test_stills),       cmocka_unit_test(test_refused_codec),
        cmocka_unit_test(test_many_streams), cmocka_unit_test(test_inventory),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
