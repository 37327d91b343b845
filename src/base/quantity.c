#include "base/quantity.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/str.h"

struct unit {
    const char *name;
    double factor;
};

/* A number >= 0 without sign or exponent, then one of `units` (ended by NULL). */
static bool parse_with_unit(const char *text, const struct unit *units, double *ret)
{
    double number = 0;
    size_t length = strspn(text, "0123456789.");
    if (length == 0 || ftl_number_read(text, &number) != length) {
        return false;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(text + length, units->name) == 0) {
            *ret = number * units->factor;
            return true;
        }
    }
    return false;
}

/* Two digits, or as many as there are for the first field; stops at ':' or the end. */
static bool clock_field(const char **text, bool is_first, double *ret)
{
    size_t length = strspn(*text, "0123456789");
    if (length == 0 || length > 6 || (!is_first && length != 2)) {
        return false;
    }
    double value = 0;
    for (size_t i = 0; i < length; i++) {
        value = value * 10 + ((*text)[i] - '0');
    }
    *text += length;
    *ret = value;
    return is_first || value < 60;
}

/* "mm:ss.ms" or "hh:mm:ss.ms" */
static bool parse_clock(const char *text, double *ret)
{
    double total = 0;
    double field = 0;
    int fields = 0;
    for (;; text++) {
        if (fields == 3 || !clock_field(&text, fields == 0, &field)) {
            return false;
        }
        total = total * 60 + field;
        fields++;
        if (*text != ':') {
            break;
        }
    }
    if (fields < 2) {
        return false;
    }
    if (*text == '.') {
        size_t digits = strspn(text + 1, "0123456789");
        if (digits == 0 || digits > 9 || text[1 + digits] != '\0') {
            return false;
        }
        double fraction = 0;
        for (size_t i = 1; i <= digits; i++) {
            fraction = fraction * 10 + (text[i] - '0');
        }
        total += fraction / pow(10, (double)digits);
        text += 1 + digits;
    }
    if (*text != '\0') {
        return false;
    }
    *ret = total;
    return true;
}

bool ftl_duration_parse(const char *text, double *ret_s)
{
    static const struct unit units[] = {{"", 1},     {"s", 1},     {"m", 60},
                                        {"h", 3600}, {"d", 86400}, {NULL, 0}};
    double ms = 0;
    static const struct unit milliseconds[] = {{"ms", 1}, {NULL, 0}};
    if (parse_with_unit(text, milliseconds, &ms)) {
        *ret_s = ms / 1000; /* a division rounds better than times 0.001 */
        return true;
    }
    return parse_with_unit(text, units, ret_s) || parse_clock(text, ret_s);
}

bool ftl_time_parse(const char *text, struct ftl_time *ret)
{
    static const struct unit percent[] = {{"%", 1}, {NULL, 0}};
    double value = 0;
    if (parse_with_unit(text, percent, &value)) {
        *ret = (struct ftl_time){.value = value, .is_percent = true};
        return true;
    }
    if (ftl_duration_parse(text, &value)) {
        *ret = (struct ftl_time){.value = value};
        return true;
    }
    return false;
}

static bool whole_with_unit(const char *text, const struct unit *units, int64_t *ret)
{
    double value = 0;
    if (!parse_with_unit(text, units, &value) || value > (double)FTL_EXACT_INT_MAX) {
        return false;
    }
    size_t length = strlen(text);
    bool is_plain = text[length - 1] >= '0' && text[length - 1] <= '9';
    if (is_plain && !ftl_number_is_int(value)) {
        return false;
    }
    *ret = llround(value);
    return true;
}

bool ftl_bytes_parse(const char *text, int64_t *ret)
{
    static const struct unit units[] = {{"", 1},           {"B", 1},           {"k", 1e3},
                                        {"K", 1e3},        {"kB", 1e3},        {"KB", 1e3},
                                        {"M", 1e6},        {"MB", 1e6},        {"G", 1e9},
                                        {"GB", 1e9},       {"T", 1e12},        {"TB", 1e12},
                                        {"Ki", 0x400},     {"KiB", 0x400},     {"Mi", 0x100000},
                                        {"MiB", 0x100000}, {"Gi", 0x40000000}, {"GiB", 0x40000000},
                                        {"Ti", 0x1p40},    {"TiB", 0x1p40},    {NULL, 0}};
    return whole_with_unit(text, units, ret);
}

bool ftl_bitrate_parse(const char *text, int64_t *ret)
{
    static const struct unit units[] = {{"", 1},    {"k", 1e3}, {"K", 1e3},
                                        {"M", 1e6}, {"G", 1e9}, {NULL, 0}};
    return whole_with_unit(text, units, ret);
}

/* Digits up to `end`, as an int > 0. */
static bool parse_side(const char *text, const char *end, int *ret)
{
    int value = 0;
    if (text == end || end - text > 9) {
        return false;
    }
    for (; text < end; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (*text - '0');
    }
    *ret = value;
    return value > 0;
}

static bool parse_pair(const char *text, char separator, int *ret_first, int *ret_second)
{
    const char *at = strchr(text, separator);
    int first = 0;
    int second = 0;
    if (at == NULL || !parse_side(text, at, &first) ||
        !parse_side(at + 1, at + 1 + strlen(at + 1), &second))
    {
        return false;
    }
    *ret_first = first;
    *ret_second = second;
    return true;
}

bool ftl_size_parse(const char *text, struct ftl_size *ret)
{
    return parse_pair(text, 'x', &ret->width, &ret->height);
}

/* In lowest terms; false when that does not fit. */
static bool reduce(int64_t num, int64_t den, struct ftl_rational *ret)
{
    int64_t a = num;
    int64_t b = den;
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    if (num / a > INT_MAX || den / a > INT_MAX) {
        return false;
    }
    *ret = (struct ftl_rational){.num = (int)(num / a), .den = (int)(den / a)};
    return true;
}

/* The simplest fraction within `tolerance` (relative) of x > 0, by continued fractions. */
static struct ftl_rational simplest_fraction(double x, double tolerance)
{
    int64_t num = 1;
    int64_t den = 0;
    int64_t last_num = 0;
    int64_t last_den = 1;
    double rest = x;
    for (int i = 0; i < 32; i++) {
        int64_t whole = (int64_t)floor(rest);
        int64_t next_num = whole * num + last_num;
        int64_t next_den = whole * den + last_den;
        if (next_num > 1000000 || next_den > 1000000) {
            break;
        }
        last_num = num;
        last_den = den;
        num = next_num;
        den = next_den;
        if (fabs((double)num / (double)den - x) <= x * tolerance || rest - floor(rest) <= 1e-12) {
            break;
        }
        rest = 1 / (rest - floor(rest));
    }
    return (struct ftl_rational){.num = (int)num, .den = (int)den};
}

static bool is_ratio(double value)
{
    return value >= 0.01 && value <= 100;
}

bool ftl_ratio_from_number(double number, struct ftl_rational *ret)
{
    if (!is_ratio(number)) {
        return false;
    }
    *ret = simplest_fraction(number, 5e-5);
    return true;
}

/* "1.85" -> 185 over 100; at most six digits either side of the point. */
static bool parse_decimal(const char *text, const char *end, int64_t *ret_num, int64_t *ret_den)
{
    int64_t num = 0;
    int64_t den = 1;
    bool has_point = false;
    if (end == text || end - text > 13) {
        return false;
    }
    for (; text < end; text++) {
        if (*text == '.' && !has_point && end - text > 1) {
            has_point = true;
            continue;
        }
        if (*text < '0' || *text > '9') {
            return false;
        }
        num = num * 10 + (*text - '0');
        den = has_point ? den * 10 : den;
    }
    *ret_num = num;
    *ret_den = den;
    return num > 0 && num <= 1000000 && den <= 1000000;
}

bool ftl_ratio_parse(const char *text, struct ftl_rational *ret)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL) {
        double number = 0;
        return ftl_number_parse(text, &number) && ftl_ratio_from_number(number, ret);
    }
    int64_t width[2];
    int64_t height[2];
    if (!parse_decimal(text, colon, &width[0], &width[1]) ||
        !parse_decimal(colon + 1, colon + 1 + strlen(colon + 1), &height[0], &height[1]))
    {
        return false;
    }
    int64_t num = width[0] * height[1];
    int64_t den = width[1] * height[0];
    return is_ratio((double)num / (double)den) && reduce(num, den, ret);
}

bool ftl_rate_from_number(double number, struct ftl_rational *ret)
{
    static const int ntsc[] = {24, 30, 48, 60, 90, 120, 240};
    if (!(number > 0) || number > 100000) {
        return false;
    }
    for (size_t i = 0; i < sizeof(ntsc) / sizeof(ntsc[0]); i++) {
        if (fabs(number - ntsc[i] * 1000 / 1001.0) < 0.005) {
            *ret = (struct ftl_rational){.num = ntsc[i] * 1000, .den = 1001};
            return true;
        }
    }
    struct ftl_rational rate = simplest_fraction(number, 1e-7);
    if (rate.num <= 0) {
        return false;
    }
    *ret = rate;
    return true;
}

bool ftl_rate_parse(const char *text, struct ftl_rational *ret)
{
    struct ftl_rational rate = {0};
    if (parse_pair(text, '/', &rate.num, &rate.den)) {
        return reduce(rate.num, rate.den, ret);
    }
    double number = 0;
    return ftl_number_parse(text, &number) && ftl_rate_from_number(number, ret);
}

bool ftl_length_parse(const char *text, struct ftl_length *ret)
{
    static const struct unit pixels[] = {{"", 1}, {"px", 1}, {NULL, 0}};
    static const struct unit percent[] = {{"%", 1}, {NULL, 0}};
    double value = 0;
    if (parse_with_unit(text, pixels, &value)) {
        *ret = (struct ftl_length){.value = value};
        return true;
    }
    if (parse_with_unit(text, percent, &value)) {
        *ret = (struct ftl_length){.value = value, .is_percent = true};
        return true;
    }
    return false;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)((at - digits) % 16) : -1;
}

static bool parse_hex_colour(const char *text, struct ftl_colour *ret)
{
    int digits[8];
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        if (length == 8 || hex_digit(text[length]) < 0) {
            return false;
        }
        digits[length] = hex_digit(text[length]);
    }
    uint8_t parts[4] = {0, 0, 0, 255};
    if (length == 3) {
        for (size_t i = 0; i < 3; i++) {
            parts[i] = (uint8_t)(digits[i] * 17);
        }
    } else if (length == 6 || length == 8) {
        for (size_t i = 0; i < length / 2; i++) {
            parts[i] = (uint8_t)(digits[2 * i] * 16 + digits[2 * i + 1]);
        }
    } else {
        return false;
    }
    *ret = (struct ftl_colour){.r = parts[0], .g = parts[1], .b = parts[2], .a = parts[3]};
    return true;
}

bool ftl_colour_parse(const char *text, struct ftl_colour *ret)
{
    static const struct {
        const char *name;
        struct ftl_colour colour;
    } names[] = {
        {"black", {0, 0, 0, 255}},       {"silver", {192, 192, 192, 255}},
        {"gray", {128, 128, 128, 255}},  {"grey", {128, 128, 128, 255}},
        {"white", {255, 255, 255, 255}}, {"maroon", {128, 0, 0, 255}},
        {"red", {255, 0, 0, 255}},       {"purple", {128, 0, 128, 255}},
        {"fuchsia", {255, 0, 255, 255}}, {"magenta", {255, 0, 255, 255}},
        {"green", {0, 128, 0, 255}},     {"lime", {0, 255, 0, 255}},
        {"olive", {128, 128, 0, 255}},   {"yellow", {255, 255, 0, 255}},
        {"navy", {0, 0, 128, 255}},      {"blue", {0, 0, 255, 255}},
        {"teal", {0, 128, 128, 255}},    {"aqua", {0, 255, 255, 255}},
        {"cyan", {0, 255, 255, 255}},    {"orange", {255, 165, 0, 255}},
        {"transparent", {0, 0, 0, 0}},
    };
    if (text[0] == '#') {
        return parse_hex_colour(text + 1, ret);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            *ret = names[i].colour;
            return true;
        }
    }
    return false;
}
