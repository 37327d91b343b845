#include "base/json_scan.h"

#include <stdint.h>
#include <string.h>

#include "base/number.h"

struct scan {
    const char *text; /* NUL-terminated, so that one character ahead can always be read */
    size_t length, at;
    const struct ftl_json_limits *limits;
    int depth;
    size_t members, stop_member;
    struct ftl_err *err;
};

static enum ftl_code fail_at(struct scan *scan, enum ftl_code code, size_t at, const char *what)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < at && i < scan->length; i++) {
        unsigned char byte = (unsigned char)scan->text[i];
        if (byte == '\n') {
            line++;
            column = 1;
        } else if ((byte & 0xc0) != 0x80) {
            column++;
        }
    }
    return ftl_fail(scan->err, code, "line %zu, column %zu: %s", line, column, what);
}

static enum ftl_code expected(struct scan *scan, const char *what)
{
    char text[96];
    if (scan->at >= scan->length) {
        (void)ftl_copy_text(text, sizeof(text), "the document ends before ");
    } else {
        (void)ftl_copy_text(text, sizeof(text), "expected ");
    }
    size_t used = strlen(text);
    (void)ftl_copy_text(text + used, sizeof(text) - used, what);
    return fail_at(scan, FTL_SPEC, scan->at, text);
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->length && strchr(" \t\r\n", scan->text[scan->at]) != NULL &&
           scan->text[scan->at] != '\0')
    {
        scan->at++;
    }
}

static bool take(struct scan *scan, char want)
{
    if (scan->at < scan->length && scan->text[scan->at] == want) {
        scan->at++;
        return true;
    }
    return false;
}

/* Four hexadecimal digits at `at`, or -1. */
static int hex4(const struct scan *scan, size_t at)
{
    int value = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = at + i < scan->length ? scan->text[at + i] : '\0';
        int digit = -1;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = c - 'A' + 10;
        }
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static size_t utf8_bytes(int unit)
{
    if (unit < 0x80) {
        return 1;
    }
    return unit < 0x800 ? 2 : 3;
}

/* At the u of a \u escape; adds the bytes it stands for. */
static enum ftl_code scan_unicode_escape(struct scan *scan, size_t *bytes)
{
    size_t start = scan->at - 1;
    int unit = hex4(scan, scan->at + 1);
    if (unit < 0) {
        return fail_at(scan, FTL_SPEC, start, "\\u must be followed by four hexadecimal digits");
    }
    if (unit == 0) {
        return fail_at(scan, FTL_SPEC, start, "U+0000 is not allowed in a string");
    }
    scan->at += 5;
    if (unit < 0xd800 || unit > 0xdfff) {
        *bytes += utf8_bytes(unit);
        return FTL_OK;
    }
    int low = -1;
    if (unit <= 0xdbff && take(scan, '\\') && take(scan, 'u')) {
        low = hex4(scan, scan->at);
    }
    if (low < 0xdc00 || low > 0xdfff) {
        return fail_at(scan, FTL_SPEC, start, "half of a surrogate pair");
    }
    scan->at += 4;
    *bytes += 4;
    return FTL_OK;
}

static enum ftl_code scan_escape(struct scan *scan, size_t *bytes)
{
    scan->at++;
    if (scan->at >= scan->length) {
        return expected(scan, "the end of a string");
    }
    char kind = scan->text[scan->at];
    if (kind == 'u') {
        return scan_unicode_escape(scan, bytes);
    }
    if (kind == '\0' || strchr("\"\\/bfnrt", kind) == NULL) {
        return fail_at(scan, FTL_SPEC, scan->at - 1, "unknown escape in a string");
    }
    scan->at++;
    *bytes += 1;
    return FTL_OK;
}

/* After the opening quote, through the closing one. */
static enum ftl_code scan_string(struct scan *scan)
{
    size_t start = scan->at - 1;
    size_t bytes = 0; /* decoded */
    while (!take(scan, '"')) {
        if (scan->at >= scan->length) {
            return expected(scan, "the end of a string");
        }
        unsigned char byte = (unsigned char)scan->text[scan->at];
        if (byte == '\\') {
            if (scan_escape(scan, &bytes) != FTL_OK) {
                return scan->err->code;
            }
        } else if (byte < 0x20) {
            return fail_at(scan, FTL_SPEC, scan->at, "control character in a string");
        } else {
            size_t n = ftl_utf8_next(scan->text + scan->at, scan->length - scan->at);
            if (n == 0) {
                return fail_at(scan, FTL_SPEC, scan->at, "bytes that are not UTF-8");
            }
            scan->at += n;
            bytes += n;
        }
        if (bytes > scan->limits->string) {
            return fail_at(scan, FTL_LIMIT, start, "string too long");
        }
    }
    return FTL_OK;
}

static enum ftl_code scan_number(struct scan *scan)
{
    size_t start = scan->at;
    const char *text = scan->text + start;
    size_t digits = text[0] == '-' ? 1 : 0;
    if (text[digits] < '0' || text[digits] > '9') {
        return fail_at(scan, FTL_SPEC, start, "a sign without a number");
    }
    if (text[digits] == '0' && text[digits + 1] >= '0' && text[digits + 1] <= '9') {
        return fail_at(scan, FTL_SPEC, start, "a number with a leading zero");
    }
    double number = 0;
    size_t length = ftl_number_read(text, &number);
    if (length == 0) {
        return fail_at(scan, FTL_SPEC, start, "a number that is too large or too long");
    }
    scan->at += length;
    char next = scan->at < scan->length ? scan->text[scan->at] : ' ';
    if (strchr(" \t\r\n,]}", next) == NULL) {
        return fail_at(scan, FTL_SPEC, start, "a number that is not well formed");
    }
    return FTL_OK;
}

static enum ftl_code scan_value(struct scan *scan);

static enum ftl_code enter(struct scan *scan)
{
    scan->depth++;
    if (scan->depth > scan->limits->depth) {
        return fail_at(scan, FTL_LIMIT, scan->at - 1, "nested too deeply");
    }
    skip_space(scan);
    return FTL_OK;
}

static enum ftl_code scan_array(struct scan *scan)
{
    if (enter(scan) != FTL_OK) {
        return scan->err->code;
    }
    if (!take(scan, ']')) {
        do {
            if (scan_value(scan) != FTL_OK) {
                return scan->err->code;
            }
        } while (take(scan, ','));
        if (!take(scan, ']')) {
            return expected(scan, "a comma or ]");
        }
    }
    scan->depth--;
    return FTL_OK;
}

static enum ftl_code scan_member(struct scan *scan)
{
    skip_space(scan);
    size_t start = scan->at;
    if (!take(scan, '"')) {
        return expected(scan, "a member's name in double quotes");
    }
    if (scan_string(scan) != FTL_OK) {
        return scan->err->code;
    }
    scan->members++;
    if (scan->members == scan->stop_member) {
        return fail_at(scan, FTL_SPEC, start, "duplicate member");
    }
    skip_space(scan);
    if (!take(scan, ':')) {
        return expected(scan, "a colon");
    }
    return scan_value(scan);
}

static enum ftl_code scan_object(struct scan *scan)
{
    if (enter(scan) != FTL_OK) {
        return scan->err->code;
    }
    if (!take(scan, '}')) {
        do {
            if (scan_member(scan) != FTL_OK) {
                return scan->err->code;
            }
        } while (take(scan, ','));
        if (!take(scan, '}')) {
            return expected(scan, "a comma or }");
        }
    }
    scan->depth--;
    return FTL_OK;
}

static enum ftl_code scan_word(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i]);
        if (scan->length - scan->at >= length &&
            memcmp(scan->text + scan->at, words[i], length) == 0) {
            scan->at += length;
            return FTL_OK;
        }
    }
    return expected(scan, "a value");
}

/* One value with the space around it. Recursion is bounded by limits->depth. */
static enum ftl_code scan_value(struct scan *scan)
{
    skip_space(scan);
    char first = scan->at < scan->length ? scan->text[scan->at] : '\0';
    enum ftl_code code = FTL_OK;
    if (take(scan, '{')) {
        code = scan_object(scan);
    } else if (take(scan, '[')) {
        code = scan_array(scan);
    } else if (take(scan, '"')) {
        code = scan_string(scan);
    } else if (first == '-' || (first >= '0' && first <= '9')) {
        code = scan_number(scan);
    } else {
        code = scan_word(scan);
    }
    skip_space(scan);
    return code;
}

enum ftl_code ftl_json_scan(const char *text, size_t length, const struct ftl_json_limits *limits,
                            size_t stop_member, struct ftl_err *err)
{
    struct scan scan = {
        .text = text, .length = length, .limits = limits, .stop_member = stop_member, .err = err};
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        return fail_at(&scan, FTL_SPEC, 0, "a byte order mark");
    }
    if (scan_value(&scan) != FTL_OK) {
        return err->code;
    }
    if (scan.at < length) {
        return fail_at(&scan, FTL_SPEC, scan.at, "something follows the document");
    }
    return FTL_OK;
}
