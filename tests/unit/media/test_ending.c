#include "engine_rig.h"
#include "media/ending.h"
#include "media/whole.h"

#define CLIP "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 "
#define TONE "-f lavfi -i sine=frequency=440:duration=4 "
#define FAST "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 "

struct cut {
    const char *name; /* the whole file; NULL = the one before */
    const char *make; /* ffmpeg's arguments */
    int percent;      /* kept; 100 = all */
    enum ftl_code code;
};

/* What a broken download leaves of each container. */
static const struct cut cuts[] = {
    {"moov-last.mp4", CLIP TONE FAST "-c:a aac", 100, FTL_OK},
    {"moov-last.mp4", NULL, 40, FTL_TRUNCATED},
    {"moov-last.mp4", NULL, 99, FTL_TRUNCATED},
    {"moov-first.mp4", CLIP TONE FAST "-c:a aac -movflags +faststart", 100, FTL_OK},
    {"moov-first.mp4", NULL, 40, FTL_TRUNCATED},
    {"moov-first.mp4", NULL, 99, FTL_TRUNCATED},
    {"fragments.mp4", CLIP TONE FAST "-c:a aac -movflags +frag_keyframe+empty_moov", 100, FTL_OK},
    {"fragments.mp4", NULL, 60, FTL_TRUNCATED},
    {"silent.mp4", CLIP FAST "-movflags +faststart", 60, FTL_TRUNCATED},
    {"matroska.mkv", CLIP TONE FAST "-c:a aac", 100, FTL_OK},
    {"matroska.mkv", NULL, 40, FTL_TRUNCATED},
    {"matroska.mkv", NULL, 97, FTL_TRUNCATED},
    {"web.webm", CLIP TONE "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus", 100, FTL_OK},
    {"web.webm", NULL, 50, FTL_TRUNCATED},
    {"live.mkv", CLIP TONE FAST "-c:a aac -live 1", 100, FTL_OK},
    {"live.mkv", NULL, 40, FTL_TRUNCATED},
    {"live.webm", CLIP "-c:v libvpx -deadline realtime -cpu-used 8 -f webm -live 1", 100, FTL_OK},
    {"stream.ts", CLIP TONE FAST "-c:a aac", 100, FTL_OK},
    {"stream.ts", NULL, 50, FTL_TRUNCATED},
    {"old.avi", CLIP TONE "-c:v mpeg4 -c:a mp3", 100, FTL_OK},
    {"old.avi", NULL, 50, FTL_TRUNCATED},
    {"flash.flv", CLIP TONE FAST "-c:a aac", 100, FTL_OK},
    {"flash.flv", NULL, 50, FTL_TRUNCATED},
    {"sound.wav", TONE, 100, FTL_OK},
    {"sound.wav", NULL, 50, FTL_TRUNCATED},
    {"sound.ogg", TONE "-c:a libvorbis", 100, FTL_OK},
    {"sound.mp3", TONE "-c:a libmp3lame", 100, FTL_OK},
    {"sound.mp3", NULL, 50, FTL_TRUNCATED},
    {"sound.flac", TONE "-c:a flac", 100, FTL_OK},
    {"sound.flac", NULL, 50, FTL_TRUNCATED},
    {"quiet-then-loud.aac",
     "-f lavfi -i aevalsrc='if(lt(t\\,6)\\,0\\,random(0)-0.5)':d=8 -c:a aac -b:a 256k", 100,
     FTL_OK},
    {"loud-then-quiet.mp3",
     "-f lavfi -i aevalsrc='if(lt(t\\,2)\\,random(0)-0.5\\,0)':d=8 -c:a libmp3lame -q:a 2 "
     "-write_xing 0",
     100, FTL_OK},
    {"short-sound.mp4", CLIP "-f lavfi -i sine=d=1 " FAST "-c:a aac", 100, FTL_OK},
    {"short-sound.mkv", CLIP "-f lavfi -i sine=d=1 " FAST "-c:a aac", 100, FTL_OK},
    {"short-sound.mkv", NULL, 60, FTL_TRUNCATED},
    {"long-sound.mkv", "-f lavfi -i testsrc2=size=320x180:rate=25:duration=1 " TONE FAST "-c:a aac",
     100, FTL_OK},
    {"moving.gif", "-f lavfi -i testsrc2=size=64x64:rate=10:duration=1", 100, FTL_OK},
};

static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        const struct cut *row = &cuts[i];
        const char *suffix = strchr(row->name, '.');
        if (row->make != NULL) {
            RIG_FFMPEG("%s %s", row->make, row->name);
        }
        char part[64];
        (void)snprintf(part, sizeof(part), "part%s", suffix);
        assert_int_equal(rig_shell(NULL, 0,
                                   "size=$(stat -c %%s %s); head -c $((size * %d / 100)) %s > %s",
                                   row->name, row->percent, row->name, part),
                         0);
        struct rig rig = rig_new(part);
        enum ftl_code code = rig_run(&rig);
        if (code != row->code) {
            fail_msg("%d %% of %s: %s, not %s: %s", row->percent, row->name, ftl_code_name(code),
                     ftl_code_name(row->code), rig.err.msg);
        }
        assert_string_equal(rig.warnings, "");
    }
}

/* Bytes are all there, but a stretch of them never arrived (zeros in a sparse file). */
static void test_hole(void **state)
{
    (void)state;
    RIG_FFMPEG(CLIP FAST "-movflags +faststart hole.mp4");
    assert_int_equal(rig_shell(NULL, 0,
                               "size=$(stat -c %%s hole.mp4); dd if=/dev/zero of=hole.mp4 bs=1 "
                               "conv=notrunc seek=$((size / 2)) count=$((size / 2)) 2>/dev/null"),
                     0);
    struct rig rig = rig_new("hole.mp4");
    enum ftl_code code = rig_run(&rig);
    if (code != FTL_INPUT && code != FTL_TRUNCATED) {
        fail_msg("%s: %s", ftl_code_name(code), rig.err.msg);
    }
}

/* A header that claims far more than there is does not make a whole file a broken one. */
static void test_lying_duration(void **state)
{
    (void)state;
    static uint8_t bytes[65536];
    RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64:rate=25:duration=1 " FAST
               "-movflags +faststart lie.mp4");
    int fd = rig_open("lie.mp4", O_RDWR);
    ssize_t length = pread(fd, bytes, sizeof(bytes), 0);
    uint8_t *header = memmem(bytes, (size_t)length, "mvhd", 4);
    assert_non_null(header);
    header[4 + 16] = 0x10; /* duration: 2^28 milliseconds */
    assert_int_equal(pwrite(fd, bytes, (size_t)length, 0), length);
    (void)close(fd);
    struct rig rig = rig_new("lie.mp4");
    RIG_OK(&rig);
    assert_int_equal(rig_frames("out.mp4"), 25);
}

struct claim {
    const char *container;
    double container_s, stream_s;        /* declared */
    double packets_end_s, decoded_end_s; /* found */
    int64_t errors, frames, missing;
    bool is_last_corrupt;
    enum ftl_whole whole;
    enum ftl_code code;
};

static void test_claims(void **state)
{
    (void)state;
    static const struct claim rows[] = {
        {"mov,mp4", 10, 10, 10, 10, 0, 250, 0, false, FTL_WHOLE_YES, FTL_OK},
        {"mov,mp4", 10, 10, 9.8, 9.8, 0, 245, 0, false, FTL_WHOLE_UNKNOWN, FTL_OK},
        {"mov,mp4", 10, 10, 9.7, 9.7, 0, 243, 0, false, FTL_WHOLE_UNKNOWN, FTL_TRUNCATED},
        {"mov,mp4", 100, 100, 99.1, 99.1, 0, 2477, 0, false, FTL_WHOLE_UNKNOWN, FTL_OK},
        {"mov,mp4", 100, 100, 98.9, 98.9, 0, 2472, 0, false, FTL_WHOLE_UNKNOWN, FTL_TRUNCATED},
        /* a claim that the structure does not support */
        {"mov,mp4", 143165, 0, 1.07, 1.07, 0, 32, 0, false, FTL_WHOLE_YES, FTL_OK},
        {"mov,mp4", 720, 720, 30.6, 30.6, 0, 900, 0, false, FTL_WHOLE_YES, FTL_OK},
        {"matroska,webm", 1e7, 0, 10, 10, 0, 250, 0, false, FTL_WHOLE_UNKNOWN, FTL_OK},
        {"matroska,webm", 20, 0, 10, 10, 0, 250, 0, false, FTL_WHOLE_UNKNOWN, FTL_TRUNCATED},
        /* the same claim where pictures are broken too */
        {"mov,mp4", 720, 720, 30.6, 30.6, 2, 900, 0, false, FTL_WHOLE_YES, FTL_TRUNCATED},
        /* a subtitle lasts longer than the picture */
        {"matroska,webm", 30, 0, 30, 10, 0, 250, 0, false, FTL_WHOLE_YES, FTL_OK},
        {"mov,mp4", 10, 10, 10, 10, 0, 250, 1, false, FTL_WHOLE_YES, FTL_TRUNCATED},
        {"mpegts", 10, 10, 10, 10, 1, 250, 0, true, FTL_WHOLE_UNKNOWN, FTL_TRUNCATED},
        {"mpegts", 10, 10, 10, 10, 1, 250, 0, false, FTL_WHOLE_UNKNOWN, FTL_OK},
        {"mp3", 10, 10, 10, 10, 1, 250, 0, true, FTL_WHOLE_UNKNOWN, FTL_OK},
        {"mov,mp4", 10, 10, 10, 10, 40, 250, 0, false, FTL_WHOLE_YES, FTL_INPUT},
        {"mov,mp4", 10, 10, 10, 0, 40, 0, 0, false, FTL_WHOLE_YES, FTL_INPUT},
        {"mov,mp4", 0, 0, 10, 10, 0, 250, 0, false, FTL_WHOLE_UNKNOWN, FTL_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct claim *row = &rows[i];
        struct ftl_probe probe = {.duration_s = row->container_s,
                                  .streams_count = 1,
                                  .streams = {{.duration_s = row->stream_s}}};
        (void)ftl_copy_text(probe.container, sizeof(probe.container), row->container);
        const struct ftl_ending ending = {
            .name = "clip",
            .probe = &probe,
            .saw_all = true,
            .whole = row->whole,
            .input = {.packets_end_s = row->packets_end_s, .missing_samples = row->missing},
            .decoder = {.frames = row->frames,
                        .errors = row->errors,
                        .is_last_corrupt = row->is_last_corrupt,
                        .end_s = row->decoded_end_s}};
        struct ftl_err err = {0};
        enum ftl_code code = ftl_ending_check(&ending, NULL, NULL, &err);
        if (code != row->code) {
            fail_msg("row %zu: %s: %s", i, ftl_code_name(code), err.msg);
        }
    }
}

struct bytes {
    const char *text;
    size_t length;
    enum ftl_whole whole;
};

#define BYTES(t) (t), sizeof(t) - 1

static const struct bytes structures[] = {
    {BYTES(""), FTL_WHOLE_UNKNOWN},
    {BYTES("no media at all, only text"), FTL_WHOLE_UNKNOWN},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\x0c"
           "mdat"
           "1234"),
     FTL_WHOLE_YES},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\x0d"
           "mdat"
           "1234"),
     FTL_WHOLE_CUT},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\x0d"
           "free"
           "1234"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\0"
           "mdat"
           "1234"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\1"
           "mdat"
           "\0\0\0\0\0\0\0\x14"
           "1234"),
     FTL_WHOLE_YES},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\1"
           "mdat"
           "\xff\xff\xff\xff\xff\xff\xff\xff"
           "1234"),
     FTL_WHOLE_CUT},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\1"
           "mdat"
           "\0\0"),
     FTL_WHOLE_CUT},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\x08"
           "moof"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\x08"
           "moof"
           "\0\0\0\x08"
           "mfra"),
     FTL_WHOLE_YES},
    {BYTES("\0\0\0\x0c"
           "ftyp"
           "isom"
           "\0\0\0\2"
           "mdat"
           "1234"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("\x1a\x45\xdf\xa3\x84"
           "abcd"
           "\x18\x53\x80\x67\x84"
           "1234"),
     FTL_WHOLE_YES},
    {BYTES("\x1a\x45\xdf\xa3\x84"
           "abcd"
           "\x18\x53\x80\x67\x85"
           "1234"),
     FTL_WHOLE_CUT},
    {BYTES("\x1a\x45\xdf\xa3\x84"
           "abcd"
           "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
           "1234"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("\x1a\x45\xdf\xa3\x84"
           "abcd"
           "\x18\x53"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0"), FTL_WHOLE_UNKNOWN},
    {BYTES("RIFF\x08\0\0\0"
           "WAVEdata"),
     FTL_WHOLE_YES},
    {BYTES("RIFF\xff\0\0\0"
           "WAVEdata"),
     FTL_WHOLE_CUT},
    {BYTES("RIFF\xff\xff\xff\xff"
           "WAVEdata"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("GIF89a1234567890;"), FTL_WHOLE_YES},
    {BYTES("GIF89a1234567890"), FTL_WHOLE_UNKNOWN},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\0IENDcrc!"), FTL_WHOLE_YES},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\1IDATcrc!"), FTL_WHOLE_CUT},
    {BYTES("\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT"), FTL_WHOLE_CUT},
    {BYTES("OggS\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4"
           "1234"),
     FTL_WHOLE_YES},
    {BYTES("OggS\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4"
           "1234"),
     FTL_WHOLE_UNKNOWN},
    {BYTES("OggS\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\5"
           "1234"),
     FTL_WHOLE_CUT},
};

static void test_structures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++) {
        int fd = rig_open("structure", O_RDWR | O_CREAT | O_TRUNC);
        assert_int_equal(write(fd, structures[i].text, structures[i].length), structures[i].length);
        enum ftl_whole whole = ftl_whole_check(fd, (int64_t)structures[i].length);
        (void)close(fd);
        if (whole != structures[i].whole) {
            fail_msg("row %zu: %d, not %d", i, (int)whole, (int)structures[i].whole);
        }
    }
}

static void test_ts_packets(void **state)
{
    (void)state;
    static char bytes[188 * 10 + 1];
    for (int kind = 0; kind < 2; kind++) {
        int length = kind == 0 ? 188 : 192;
        int count = kind == 0 ? 10 : 9;
        memset(bytes, 0, sizeof(bytes));
        for (int i = 0; i < count; i++) {
            bytes[i * length + (kind == 0 ? 0 : 4)] = 0x47;
        }
        int fd = rig_open("packets", O_RDWR | O_CREAT | O_TRUNC);
        assert_int_equal(write(fd, bytes, (size_t)(count * length)), count * length);
        assert_int_equal(ftl_whole_check(fd, (int64_t)count * length), FTL_WHOLE_UNKNOWN);
        assert_int_equal(ftl_whole_check(fd, (int64_t)count * length - 1), FTL_WHOLE_CUT);
        (void)close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),           cmocka_unit_test(test_hole),
        cmocka_unit_test(test_lying_duration), cmocka_unit_test(test_claims),
        cmocka_unit_test(test_structures),     cmocka_unit_test(test_ts_packets),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
