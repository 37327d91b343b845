#include "engine_rig.h"
#include "media/geometry.h"

/* Red, green, blue and white quarters; a picture that no turn or flip leaves as it is. */
#define QUARTERS                                                                                   \
    "-f lavfi -i color=red:size=64x48:rate=10:duration=0.5 -vf "                                   \
    "drawbox=x=32:y=0:w=32:h=24:c=lime:t=fill,drawbox=x=0:y=24:w=32:h=24:c=blue:t=fill,"           \
    "drawbox=x=32:y=24:w=32:h=24:c=white:t=fill"

enum { RED = 0xff0000, GREEN = 0x00ff00, BLUE = 0x0000ff, WHITE = 0xffffff };

struct orientation {
    const char *name;
    int a, b, c, d; /* of the display matrix, in ones */
    int rotate_deg;
    bool is_mirrored;
    unsigned quarters[4]; /* upright: top left, top right, bottom left, bottom right */
};

static const struct orientation orientations[] = {
    {"upright", 1, 0, 0, 1, 0, false, {RED, GREEN, BLUE, WHITE}},
    {"90", 0, 1, -1, 0, 90, false, {BLUE, RED, WHITE, GREEN}},
    {"180", -1, 0, 0, -1, 180, false, {WHITE, BLUE, GREEN, RED}},
    {"270", 0, -1, 1, 0, 270, false, {GREEN, WHITE, RED, BLUE}},
    {"mirrored", -1, 0, 0, 1, 0, true, {GREEN, RED, WHITE, BLUE}},
    {"mirrored 90", 0, -1, -1, 0, 90, true, {WHITE, GREEN, BLUE, RED}},
    {"mirrored 180", 1, 0, 0, -1, 180, true, {BLUE, WHITE, RED, GREEN}},
    {"mirrored 270", 0, 1, 1, 0, 270, true, {RED, BLUE, GREEN, WHITE}},
};

static void put32(uint8_t *to, int32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)((uint32_t)value >> (24 - 8 * i));
    }
}

/* Writes the matrix into the track header (ISO 14496-12 8.3.2, version 0) of an MP4 in place. */
static void patch_matrix(const char *name, const struct orientation *orientation)
{
    static uint8_t bytes[65536];
    int fd = rig_open(name, O_RDWR);
    ssize_t length = pread(fd, bytes, sizeof(bytes), 0);
    uint8_t *track = memmem(bytes, (size_t)length, "tkhd", 4);
    assert_non_null(track);
    uint8_t *matrix = track + 4 + 40;
    put32(matrix, orientation->a * 65536);
    put32(matrix + 4, orientation->b * 65536);
    put32(matrix + 12, orientation->c * 65536);
    put32(matrix + 16, orientation->d * 65536);
    assert_int_equal(pwrite(fd, bytes, (size_t)length, 0), length);
    (void)close(fd);
}

static void test_matrices(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(orientations) / sizeof(orientations[0]); i++) {
        const struct orientation *row = &orientations[i];
        const int32_t matrix[9] = {
            row->a * 65536, row->b * 65536, 0, row->c * 65536, row->d * 65536, 0, 0, 0, 1 << 30};
        struct ftl_geometry geometry = {.sar = {1, 1}};
        ftl_geometry_from_matrix(matrix, &geometry);
        assert_int_equal(geometry.rotate_deg, row->rotate_deg);
        assert_int_equal(geometry.is_mirrored, row->is_mirrored);
    }
}

static void test_odd_matrices(void **state)
{
    (void)state;
    static const struct {
        int32_t matrix[9];
        int rotate_deg;
    } rows[] = {
        {{0}, 0},                                                 /* nothing in it */
        {{46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30}, 0},  /* 45 degrees */
        {{-5712, 65287, 0, -65287, -5712, 0, 0, 0, 1 << 30}, 90}, /* 95: meant as 90 */
        {{0, 131072, 0, -131072, 0, 0, 0, 0, 1 << 30}, 90},       /* and twice the size */
        {{INT32_MIN, 0, 0, 0, INT32_MIN, 0, 0, 0, 1 << 30}, 180},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_geometry geometry = {.sar = {1, 1}};
        ftl_geometry_from_matrix(rows[i].matrix, &geometry);
        assert_int_equal(geometry.rotate_deg, rows[i].rotate_deg);
        assert_false(geometry.is_mirrored);
    }
}

static void test_upright_sizes(void **state)
{
    (void)state;
    static const struct {
        struct ftl_rational sar;
        int rotate_deg, width, height, upright_width, upright_height;
    } rows[] = {
        {{1, 1}, 0, 1280, 720, 1280, 720},    {{1, 1}, 90, 1280, 720, 720, 1280},
        {{16, 11}, 0, 720, 576, 1048, 576},   {{1, 2}, 90, 64, 32, 64, 64},
        {{2, 1}, 0, 100, 50, 200, 50},        {{1, 1}, 0, 101, 51, 101, 51},
        {{64, 45}, 270, 720, 576, 576, 1024},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ftl_geometry geometry = {.sar = rows[i].sar, .rotate_deg = rows[i].rotate_deg};
        struct ftl_size size = ftl_geometry_upright(&geometry, rows[i].width, rows[i].height);
        assert_int_equal(size.width, rows[i].upright_width);
        assert_int_equal(size.height, rows[i].upright_height);
    }
}

static void test_sane_sar(void **state)
{
    (void)state;
    static const struct {
        int num, den;
        struct ftl_rational sane;
    } rows[] = {
        {16, 11, {16, 11}},   {0, 1, {1, 1}},         {1, 0, {1, 1}},
        {-4, 3, {1, 1}},      {400000000, 1, {1, 1}}, {1, 400000000, {1, 1}},
        {20, 1, {20, 1}},     {21, 1, {1, 1}},        {INT32_MAX, INT32_MAX, {1, 1}},
        {1216, 1215, {1, 1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_rational sar = ftl_geometry_sane_sar(rows[i].num, rows[i].den);
        assert_int_equal(sar.num, rows[i].sane.num);
        assert_int_equal(sar.den, rows[i].sane.den);
    }
}

static void check_quarters(const char *file, const struct orientation *row)
{
    unsigned found[4];
    rig_quarters(file, 0, found);
    for (int q = 0; q < 4; q++) {
        if (!rig_is_near(found[q], row->quarters[q], 40)) {
            fail_msg("%s %s: quarter %d is %06x, not %06x", file, row->name, q, found[q],
                     row->quarters[q]);
        }
    }
}

/* Pixels are turned and the output carries no matrix; the command line agrees with the table. */
static void test_orientations(void **state)
{
    (void)state;
    RIG_FFMPEG(QUARTERS " -c:v libx264 -preset ultrafast -pix_fmt yuv444p -movflags +faststart "
                        "base.mp4");
    for (size_t i = 0; i < sizeof(orientations) / sizeof(orientations[0]); i++) {
        const struct orientation *row = &orientations[i];
        assert_int_equal(rig_shell(NULL, 0, "cp base.mp4 turned.mp4"), 0);
        patch_matrix("turned.mp4", row);
        check_quarters("turned.mp4", row);
        struct rig rig = rig_new("turned.mp4");
        RIG_OK(&rig);
        const struct ftl_probe_stream *video = &rig.probe.streams[rig.probe.video];
        assert_int_equal(video->rotate_deg, row->rotate_deg);
        assert_int_equal(video->is_mirrored, row->is_mirrored);
        assert_int_equal(video->width, row->rotate_deg % 180 == 0 ? 64 : 48);
        check_quarters("out.mp4", row);
        assert_string_equal(rig_value("out.mp4", "v:0", "stream_side_data=rotation"), "");
    }
}

/* The pixel shape turns with the picture. */
static void test_turned_pixel_shape(void **state)
{
    (void)state;
    RIG_FFMPEG(QUARTERS ",setsar=1/2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p "
                        "-movflags +faststart turned.mp4");
    patch_matrix("turned.mp4", &orientations[1]);
    struct rig rig = rig_new("turned.mp4");
    RIG_OK(&rig);
    /* 64x48 of pixels 1:2 is 64x96 in squares; on its side 96x64. */
    assert_string_equal(rig_value("out.mp4", "v:0", "stream=width"), "96");
    assert_string_equal(rig_value("out.mp4", "v:0", "stream=height"), "64");
    assert_string_equal(rig_value("out.mp4", "v:0", "stream=sample_aspect_ratio"), "1:1");
    check_quarters("out.mp4", &orientations[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrices),      cmocka_unit_test(test_odd_matrices),
        cmocka_unit_test(test_upright_sizes), cmocka_unit_test(test_sane_sar),
        cmocka_unit_test(test_orientations),  cmocka_unit_test(test_turned_pixel_shape),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
