#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "base/quantity.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool same(double a, double b)
{
    return a >= b && a <= b;
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds; /* < 0 = refused */
    } rows[] = {
        {"0", 0},           {"90", 90},      {"1.5", 1.5},
        {"2s", 2},          {"250ms", 0.25}, {"0.1ms", 0.0001},
        {"5m", 300},        {"1.5h", 5400},  {"7d", 604800},
        {"1:30", 90},       {"01:30", 90},   {"90:00", 5400},
        {"1:02:03", 3723},  {"0:00.5", 0.5}, {"1:02:03.25", 3723.25},
        {"", -1},           {"s", -1},       {"-1", -1},
        {"+1", -1},         {"1e3", -1},     {"1 s", -1},
        {" 1", -1},         {"1.", -1},      {".5", -1},
        {"1..5", -1},       {"1:5", -1},     {"1:60", -1},
        {"1:60:00", -1},    {"1:2:3:4", -1}, {"1:02.", -1},
        {":30", -1},        {"1:", -1},      {"1:30s", -1},
        {"2S", -1},         {"1h30m", -1},   {"inf", -1},
        {"nan", -1},        {"0x10", -1},    {"1,5", -1},
        {"1234567:00", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double seconds = -1;
        bool is_taken = ftl_duration_parse(rows[i].text, &seconds);
        if (is_taken != (rows[i].seconds >= 0) || !same(seconds, rows[i].seconds)) {
            fail_msg("\"%s\" gave %g", rows[i].text, seconds);
        }
    }
    struct ftl_time time = {0};
    assert_true(ftl_time_parse("50%", &time));
    assert_true(time.is_percent && same(time.value, 50));
    assert_true(ftl_time_parse("0:10", &time));
    assert_true(!time.is_percent && same(time.value, 10));
    assert_false(ftl_time_parse("%", &time));
    assert_false(ftl_time_parse("50 %", &time));
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes; /* < 0 = refused */
    } rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"5B", 5},
        {"1k", 1000},
        {"1K", 1000},
        {"1kB", 1000},
        {"1Ki", 1024},
        {"1KiB", 1024},
        {"10MB", 10000000},
        {"1.5M", 1500000},
        {"1MiB", 1048576},
        {"2G", 2000000000},
        {"1GiB", 1 << 30},
        {"1TB", INT64_C(1000000000000)},
        {"0.5KiB", 512},
        {"1.1KiB", 1126},
        {"1.5", -1},
        {"10mb", -1},
        {"10Mb", -1},
        {"1ki", -1},
        {"1kib", -1},
        {"", -1},
        {"MB", -1},
        {"-1", -1},
        {"1 MB", -1},
        {"1e3", -1},
        {"99999999TB", -1},
        {"9007199254740991", INT64_C(9007199254740991)},
        {"9007199254740992", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t bytes = -1;
        (void)!ftl_bytes_parse(rows[i].text, &bytes);
        if (bytes != rows[i].bytes) {
            fail_msg("\"%s\" gave %lld", rows[i].text, (long long)bytes);
        }
    }
    int64_t bits = -1;
    assert_true(ftl_bitrate_parse("128k", &bits) && bits == 128000);
    assert_true(ftl_bitrate_parse("2.5M", &bits) && bits == 2500000);
    assert_true(ftl_bitrate_parse("64000", &bits) && bits == 64000);
    assert_false(ftl_bitrate_parse("128kb", &bits));
    assert_false(ftl_bitrate_parse("64000.5", &bits));
}

static void test_pairs(void **state)
{
    (void)state;
    enum kind { SIZE, RATIO, RATE };
    static const struct {
        enum kind kind;
        const char *text;
        int first, second; /* 0 = refused */
    } rows[] = {
        {SIZE, "1280x720", 1280, 720},
        {SIZE, "1x1", 1, 1},
        {SIZE, "0x1", 0, 0},
        {SIZE, "1x0", 0, 0},
        {SIZE, "x1", 0, 0},
        {SIZE, "1x", 0, 0},
        {SIZE, "1X1", 0, 0},
        {SIZE, "1x1x1", 0, 0},
        {SIZE, "-1x1", 0, 0},
        {SIZE, "1.5x1", 0, 0},
        {SIZE, "9999999999x1", 0, 0},
        {SIZE, "", 0, 0},
        {RATIO, "9:16", 9, 16},
        {RATIO, "18:32", 9, 16},
        {RATIO, "1.85:1", 37, 20},
        {RATIO, "1:1", 1, 1},
        {RATIO, "2.39:1", 239, 100},
        {RATIO, "1.7778", 16, 9},
        {RATIO, "0.5625", 9, 16},
        {RATIO, "1.78", 89, 50},
        {RATIO, "4", 4, 1},
        {RATIO, "100:1", 100, 1},
        {RATIO, "1:100", 1, 100},
        {RATIO, "101:1", 0, 0},
        {RATIO, "0:1", 0, 0},
        {RATIO, "1:0", 0, 0},
        {RATIO, "1:", 0, 0},
        {RATIO, ":1", 0, 0},
        {RATIO, "1:2:3", 0, 0},
        {RATIO, "-9:16", 0, 0},
        {RATIO, "9/16", 0, 0},
        {RATIO, ".5:1", 1, 2},
        {RATIO, "1.:1", 0, 0},
        {RATIO, "1000001:1000000", 0, 0},
        {RATIO, "0.000001:0.000001", 1, 1},
        {RATE, "30", 30, 1},
        {RATE, "29.97", 30000, 1001},
        {RATE, "29.970", 30000, 1001},
        {RATE, "23.976", 24000, 1001},
        {RATE, "23.98", 24000, 1001},
        {RATE, "59.94", 60000, 1001},
        {RATE, "30000/1001", 30000, 1001},
        {RATE, "60/2", 30, 1},
        {RATE, "12.5", 25, 2},
        {RATE, "15", 15, 1},
        {RATE, "24", 24, 1},
        {RATE, "0", 0, 0},
        {RATE, "30/0", 0, 0},
        {RATE, "0/1", 0, 0},
        {RATE, "-30", 0, 0},
        {RATE, "30fps", 0, 0},
        {RATE, "", 0, 0},
        {RATE, "1e9", 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ftl_size size = {0};
        struct ftl_rational q = {0};
        if (rows[i].kind == SIZE) {
            (void)!ftl_size_parse(rows[i].text, &size);
            q = (struct ftl_rational){.num = size.width, .den = size.height};
        } else if (rows[i].kind == RATIO) {
            (void)!ftl_ratio_parse(rows[i].text, &q);
        } else {
            (void)!ftl_rate_parse(rows[i].text, &q);
        }
        if (q.num != rows[i].first || q.den != rows[i].second) {
            fail_msg("\"%s\" gave %d and %d", rows[i].text, q.num, q.den);
        }
    }
}

static void test_lengths(void **state)
{
    (void)state;
    struct ftl_length length = {0};
    assert_true(ftl_length_parse("24", &length));
    assert_true(!length.is_percent && same(length.value, 24));
    assert_true(ftl_length_parse("24.5px", &length));
    assert_true(!length.is_percent && same(length.value, 24.5));
    assert_true(ftl_length_parse("4%", &length));
    assert_true(length.is_percent && same(length.value, 4));
    static const char *const refused[] = {"", "px", "%", "-1", "1em", "1 px", "1%%", "1e2"};
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_false(ftl_length_parse(refused[i], &length));
    }
}

static void test_colours(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t rgba;
        bool is_taken;
    } rows[] = {
        {"#f80", 0xff8800ff, true},
        {"#FF8800", 0xff8800ff, true},
        {"#ff880040", 0xff880040, true},
        {"white", 0xffffffff, true},
        {"White", 0xffffffff, true},
        {"green", 0x008000ff, true},
        {"transparent", 0, true},
        {"", 0, false},
        {"#", 0, false},
        {"#ff", 0, false},
        {"#ff88", 0, false},
        {"#ff88001", 0, false},
        {"#ff8800400", 0, false},
        {"#gg8800", 0, false},
        {"ff8800", 0, false},
        {"whitee", 0, false},
        {"0xff8800", 0, false},
        {"#ff 800", 0, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ftl_colour c = {0};
        assert_int_equal(ftl_colour_parse(rows[i].text, &c), rows[i].is_taken);
        uint32_t rgba = (uint32_t)c.r << 24 | (uint32_t)c.g << 16 | (uint32_t)c.b << 8 | c.a;
        assert_int_equal(rgba, rows[i].rgba);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } printed[] = {
        {0, "0"},
        {-3, "-3"},
        {0.1, "0.1"},
        {1e15, "1000000000000000"},
        {1e16, "1e+16"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "4.94065645841247e-324"},
        {(double)NAN, "null"},
        {-(double)INFINITY, "null"},
        {0.1 + 0.2, "0.30000000000000004"},
        {9007199254740991.0, "9007199254740991"},
    };
    for (size_t i = 0; i < COUNT(printed); i++) {
        char text[FTL_NUMBER_TEXT_SIZE];
        ftl_number_print(printed[i].number, text);
        assert_string_equal(text, printed[i].text);
        double back = 0;
        if (isfinite(printed[i].number)) {
            assert_true(ftl_number_parse(text, &back));
            assert_true(same(back, printed[i].number));
        }
    }
    static const struct {
        const char *text;
        int64_t value;
        bool is_taken;
    } integers[] = {
        {"0", 0, true},
        {"-12", -12, true},
        {"9223372036854775807", INT64_MAX, true},
        {"-9223372036854775808", INT64_MIN, true},
        {"9223372036854775808", 0, false},
        {"-9223372036854775809", 0, false},
        {"", 0, false},
        {"-", 0, false},
        {"+1", 0, false},
        {"1x", 0, false},
        {"0x1", 0, false},
    };
    for (size_t i = 0; i < COUNT(integers); i++) {
        int64_t value = 0;
        assert_int_equal(ftl_int64_parse(integers[i].text, &value), integers[i].is_taken);
        assert_int_equal(value, integers[i].value);
    }
    assert_true(same(ftl_number_round(2.345678, 3), 2.346));
    assert_true(ftl_number_is_int(-4));
    assert_false(ftl_number_is_int(0.5));
    assert_false(ftl_number_is_int(1e300));
    assert_false(ftl_number_is_int((double)NAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_pairs),     cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_colours),   cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
