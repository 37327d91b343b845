#include "base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX_CHARS = 63 }; /* what cJSON takes, too */

static size_t skip_digits(const char *text, size_t at)
{
    while (text[at] >= '0' && text[at] <= '9') {
        at++;
    }
    return at;
}

/* Where the number ends; *ret_point is the index of its decimal point, or of its end. */
static size_t number_extent(const char *text, size_t *ret_point)
{
    size_t start = text[0] == '-' ? 1 : 0;
    size_t at = skip_digits(text, start);
    *ret_point = at;
    if (at == start) {
        return 0;
    }
    if (text[at] == '.') {
        size_t end = skip_digits(text, at + 1);
        if (end == at + 1) {
            return at;
        }
        at = end;
    }
    if (text[at] == 'e' || text[at] == 'E') {
        size_t digits = at + 1 + (text[at + 1] == '+' || text[at + 1] == '-' ? 1 : 0);
        size_t end = skip_digits(text, digits);
        at = end > digits ? end : at;
    }
    return at;
}

size_t ftl_number_read(const char *text, double *ret)
{
    size_t point = 0;
    size_t length = number_extent(text, &point);
    if (length == 0 || length > NUMBER_MAX_CHARS) {
        return 0;
    }
    /* strtod wants the locale's decimal point */
    char local[NUMBER_MAX_CHARS + 16];
    size_t rest = point < length && text[point] == '.' ? point + 1 : point;
    (void)snprintf(local, sizeof(local), "%.*s%s%.*s", (int)point, text,
                   rest > point ? localeconv()->decimal_point : "", (int)(length - rest),
                   text + rest);
    double number = strtod(local, NULL);
    if (!isfinite(number)) {
        return 0;
    }
    *ret = number;
    return length;
}

bool ftl_number_parse(const char *text, double *ret)
{
    double number = 0;
    size_t length = ftl_number_read(text, &number);
    if (length == 0 || text[length] != '\0') {
        return false;
    }
    *ret = number;
    return true;
}

bool ftl_int64_parse(const char *text, int64_t *ret)
{
    size_t start = text[0] == '-' ? 1 : 0;
    size_t end = skip_digits(text, start);
    if (end == start || text[end] != '\0') {
        return false;
    }
    int64_t value = 0;
    for (size_t i = start; i < end; i++) {
        int digit = text[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) { /* negative: reaches INT64_MIN */
            return false;
        }
    }
    if (start == 0 && __builtin_sub_overflow((int64_t)0, value, &value)) {
        return false;
    }
    *ret = value;
    return true;
}

static void use_point(char *text)
{
    const char *point = localeconv()->decimal_point;
    char *at = strstr(text, point);
    size_t length = strlen(point);
    if (at != NULL && length > 0) {
        *at = '.';
        memmove(at + 1, at + length, strlen(at + length) + 1);
    }
}

void ftl_number_print(double number, char to[FTL_NUMBER_TEXT_SIZE])
{
    if (!isfinite(number)) {
        (void)snprintf(to, FTL_NUMBER_TEXT_SIZE, "null");
        return;
    }
    if (ftl_number_is_int(number)) {
        (void)snprintf(to, FTL_NUMBER_TEXT_SIZE, "%" PRId64, (int64_t)number);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(to, FTL_NUMBER_TEXT_SIZE, "%.*g", digits, number);
        double back = strtod(to, NULL);
        if (back >= number && back <= number) {
            break;
        }
    }
    use_point(to);
}

void ftl_number_print_plain(double number, char to[FTL_NUMBER_PLAIN_SIZE])
{
    for (int digits = 0; digits <= 60; digits++) {
        (void)snprintf(to, FTL_NUMBER_PLAIN_SIZE, "%.*f", digits, number);
        double back = strtod(to, NULL);
        if (back >= number && back <= number) {
            break;
        }
    }
    use_point(to);
}

double ftl_number_round(double number, int digits)
{
    char text[400]; /* DBL_MAX has 309 digits before the point */
    int length = snprintf(text, sizeof(text), "%.*f", digits, number);
    return length > 0 && (size_t)length < sizeof(text) ? strtod(text, NULL) : number;
}

bool ftl_number_is_int(double number)
{
    const double most = (double)FTL_EXACT_INT_MAX;
    double whole = trunc(number);
    return number >= -most && number <= most && number >= whole && number <= whole;
}
