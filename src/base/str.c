#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool make_room(struct ftl_str *str, size_t more)
{
    if (str->length + more + 1 <= str->size) {
        return true;
    }
    size_t want = str->size == 0 ? 64 : str->size * 2;
    if (want < str->length + more + 1) {
        want = str->length + more + 1;
    }
    if (want > str->max + 1) {
        want = str->max + 1;
    }
    char *text = ftl_realloc(str->text, want);
    if (text == NULL) {
        str->is_cut = true;
        return false;
    }
    str->text = text;
    str->size = want;
    return true;
}

void ftl_str_add_bytes(struct ftl_str *str, const void *bytes, size_t length)
{
    if (str->is_cut) {
        return;
    }
    if (length > str->max - str->length) {
        length = str->max - str->length;
        if (!make_room(str, length)) {
            return;
        }
        str->is_cut = true;
    } else if (!make_room(str, length)) {
        return;
    }
    if (length > 0) {
        memcpy(str->text + str->length, bytes, length);
    }
    str->length += length;
    str->text[str->length] = '\0';
}

void ftl_str_add(struct ftl_str *str, const char *text)
{
    ftl_str_add_bytes(str, text, strlen(text));
}

void ftl_str_printf(struct ftl_str *str, const char *fmt, ...)
{
    char fixed[512];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(fixed, sizeof(fixed), fmt, args);
    va_end(args);
    if (length < 0) {
        return;
    }
    if ((size_t)length < sizeof(fixed)) {
        ftl_str_add_bytes(str, fixed, (size_t)length);
        return;
    }
    FTL_AUTO_FREE char *text = ftl_calloc((size_t)length + 1, 1);
    if (text == NULL) {
        str->is_cut = true;
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)length + 1, fmt, args);
    va_end(args);
    ftl_str_add_bytes(str, text, (size_t)length);
}

void ftl_str_clear(struct ftl_str *str)
{
    str->length = 0;
    str->is_cut = false;
    if (str->text != NULL) {
        str->text[0] = '\0';
    }
}

void ftl_str_done(struct ftl_str *str)
{
    ftl_free(str->text);
    *str = (struct ftl_str){.max = str->max};
}

const char *ftl_str_text(const struct ftl_str *str)
{
    return str->text != NULL ? str->text : "";
}

bool ftl_copy_text(char *to, size_t size, const char *text)
{
    if (size == 0) {
        return false;
    }
    size_t length = strnlen(text, size);
    bool fits = length < size;
    if (!fits) {
        length = size - 1;
    }
    memcpy(to, text, length);
    to[length] = '\0';
    return fits;
}

bool ftl_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool ftl_ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

/* Length of the sequence a lead byte starts, with the range of its second byte (Unicode table 3-7).
 */
static size_t utf8_sequence(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (lead >= 0x01 && lead <= 0x7f) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *ret_low = lead == 0xe0 ? 0xa0 : 0x80;
        *ret_high = lead == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *ret_low = lead == 0xf0 ? 0x90 : 0x80;
        *ret_high = lead == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

size_t ftl_utf8_next(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char low = 0;
    unsigned char high = 0;
    size_t n = length > 0 ? utf8_sequence(bytes[0], &low, &high) : 0;
    if (n == 0 || n > length || (n > 1 && (bytes[1] < low || bytes[1] > high))) {
        return 0;
    }
    for (size_t k = 2; k < n; k++) {
        if ((bytes[k] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

bool ftl_is_utf8(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        size_t n = ftl_utf8_next(text + i, length - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}
