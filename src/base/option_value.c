/* Option kinds whose value is a number, a word or a short text. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/option_impl.h"
#include "base/quantity.h"
#include "base/suggest.h"

static bool has_range(const struct ftl_opt *row)
{
    return row->min < 0 || row->min > 0 || row->max < 0 || row->max > 0;
}

static bool is_within(const struct ftl_opt *row, double number)
{
    return isfinite(number) && (!has_range(row) || (number >= row->min && number <= row->max));
}

static bool check_range(struct ftl_opt_reader *reader, const struct ftl_opt *row, double number)
{
    if (is_within(row, number)) {
        return true;
    }
    char text[FTL_NUMBER_TEXT_SIZE];
    char min[FTL_NUMBER_TEXT_SIZE];
    char max[FTL_NUMBER_TEXT_SIZE];
    ftl_number_print(number, text);
    ftl_number_print(row->min, min);
    ftl_number_print(row->max, max);
    return ftl_opt_bad(reader, "%s is outside %s..%s%s%s", text, min, max,
                       row->unit != NULL ? " " : "", row->unit != NULL ? row->unit : "");
}

/* "expected a size such as 10MB, got "ten"" */
static bool bad_text(struct ftl_opt_reader *reader, const struct ftl_opt *row, const char *text)
{
    char shown[FTL_OPT_SHOWN_SIZE];
    ftl_opt_show(row, text, shown);
    const struct ftl_opt_kind_ops *ops = ftl_opt_scalar_ops(row->kind);
    return ftl_opt_bad(reader, "expected %s, got %s", ops != NULL ? ops->expects : "another value",
                       shown);
}

static bool check_whole(struct ftl_opt_reader *reader, double number)
{
    if (ftl_number_is_int(number)) {
        return true;
    }
    char text[FTL_NUMBER_TEXT_SIZE];
    ftl_number_print(number, text);
    if (number >= trunc(number) && number <= trunc(number)) {
        return ftl_opt_bad(reader, "%s is not exact as a number", text);
    }
    return ftl_opt_bad(reader, "expected a whole number, got %s", text);
}

static bool bool_from_json(struct ftl_opt_reader *reader, const struct ftl_opt *row, bool value,
                           void *to)
{
    (void)reader;
    (void)row;
    *(bool *)to = value;
    return true;
}

static bool bool_from_flag(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                           const char *text, void *to)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            *(bool *)to = i % 2 == 1;
            return true;
        }
    }
    return bad_text(reader, row, text);
}

static bool int_from_number(struct ftl_opt_reader *reader, const struct ftl_opt *row, double number,
                            void *to)
{
    if (!check_whole(reader, number) || !check_range(reader, row, number)) {
        return false;
    }
    if (number < INT_MIN || number > INT_MAX) {
        return ftl_opt_bad(reader, "does not fit in an integer");
    }
    *(int *)to = (int)number;
    return true;
}

static bool int_from_flag(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                          const char *text, void *to)
{
    double number = 0;
    return ftl_number_parse(text, &number) ? int_from_number(reader, row, number, to)
                                           : bad_text(reader, row, text);
}

static bool int64_from_number(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                              double number, void *to)
{
    if (!check_whole(reader, number) || !check_range(reader, row, number)) {
        return false;
    }
    *(int64_t *)to = (int64_t)number;
    return true;
}

static bool int64_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                              const char *text, void *to)
{
    int64_t value = 0;
    if (!ftl_int64_parse(text, &value)) {
        return bad_text(reader, row, text);
    }
    if (!check_range(reader, row, (double)value)) {
        return false;
    }
    *(int64_t *)to = value;
    return true;
}

static bool double_from_number(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                               double number, void *to)
{
    if (!check_range(reader, row, number)) {
        return false;
    }
    *(double *)to = number;
    return true;
}

static bool double_from_flag(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                             const char *text, void *to)
{
    double number = 0;
    return ftl_number_parse(text, &number) ? double_from_number(reader, row, number, to)
                                           : bad_text(reader, row, text);
}

static bool string_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                               const char *text, void *to)
{
    size_t length = strlen(text);
    if (row->max > 0 && (double)length > row->max) {
        return ftl_opt_bad(reader, "%zu bytes long, at most %.0f", length, row->max);
    }
    const char *copy = ftl_arena_strdup(reader->arena, text);
    if (copy == NULL) {
        return ftl_opt_no_memory(reader);
    }
    *(const char **)to = copy;
    return true;
}

static bool choice_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                               const char *text, void *to)
{
    struct ftl_suggest suggest = ftl_suggest_start(text);
    FTL_AUTO_STR struct ftl_str names = FTL_STR_INIT(200);
    for (const struct ftl_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (strcmp(choice->name, text) == 0) {
            *(int *)to = choice->value;
            return true;
        }
        ftl_suggest_offer(&suggest, choice->name);
        ftl_str_printf(&names, "%s%s", choice == row->choices ? "" : ", ", choice->name);
    }
    char shown[FTL_OPT_SHOWN_SIZE];
    ftl_opt_show(row, text, shown);
    if (suggest.nearest != NULL) {
        return ftl_opt_bad(reader, "unknown value %s, did you mean \"%s\"?", shown,
                           suggest.nearest);
    }
    return ftl_opt_bad(reader, "unknown value %s; one of %s%s", shown, ftl_str_text(&names),
                       names.is_cut ? "..." : "");
}

static bool duration_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                                 const char *text, void *to)
{
    double seconds = 0;
    return ftl_duration_parse(text, &seconds) ? double_from_number(reader, row, seconds, to)
                                              : bad_text(reader, row, text);
}

static bool keep_time(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                      struct ftl_time time, void *to)
{
    const struct ftl_opt percent = {.max = 100, .unit = "%"};
    const struct ftl_opt any = {.max = 1e6, .unit = "s"};
    const struct ftl_opt *range = has_range(row) ? row : &any;
    if (!check_range(reader, time.is_percent ? &percent : range, time.value)) {
        return false;
    }
    *(struct ftl_time *)to = time;
    return true;
}

static bool time_from_number(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                             double number, void *to)
{
    return keep_time(reader, row, (struct ftl_time){.value = number}, to);
}

static bool time_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                             const char *text, void *to)
{
    struct ftl_time time = {0};
    for (const struct ftl_choice *word = row->choices; word != NULL && word->name != NULL; word++) {
        if (strcmp(word->name, text) == 0) {
            *(struct ftl_time *)to = (struct ftl_time){.value = word->value};
            return true;
        }
    }
    return ftl_time_parse(text, &time) ? keep_time(reader, row, time, to)
                                       : bad_text(reader, row, text);
}

static bool bytes_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                              const char *text, void *to)
{
    int64_t bytes = 0;
    return ftl_bytes_parse(text, &bytes) ? int64_from_number(reader, row, (double)bytes, to)
                                         : bad_text(reader, row, text);
}

static bool bitrate_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                                const char *text, void *to)
{
    int64_t bits = 0;
    return ftl_bitrate_parse(text, &bits) ? int64_from_number(reader, row, (double)bits, to)
                                          : bad_text(reader, row, text);
}

static bool size_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                             const char *text, void *to)
{
    struct ftl_size size = {0};
    if (!ftl_size_parse(text, &size)) {
        return bad_text(reader, row, text);
    }
    if (!check_range(reader, row, size.width) || !check_range(reader, row, size.height)) {
        return false;
    }
    *(struct ftl_size *)to = size;
    return true;
}

static bool ratio_from_number(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                              double number, void *to)
{
    const struct ftl_opt sane = {.min = 0.01, .max = 100};
    (void)row;
    return check_range(reader, &sane, number) && ftl_ratio_from_number(number, to);
}

static bool ratio_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                              const char *text, void *to)
{
    return ftl_ratio_parse(text, to) || bad_text(reader, row, text);
}

static bool keep_rate(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                      struct ftl_rational rate, void *to)
{
    if (!check_range(reader, row, ftl_rational_to_double(rate))) {
        return false;
    }
    *(struct ftl_rational *)to = rate;
    return true;
}

static bool rate_from_number(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                             double number, void *to)
{
    struct ftl_rational rate = {0};
    if (!check_range(reader, row, number)) {
        return false;
    }
    return ftl_rate_from_number(number, &rate) ? keep_rate(reader, row, rate, to)
                                               : ftl_opt_bad(reader, "is not a frame rate");
}

static bool rate_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                             const char *text, void *to)
{
    struct ftl_rational rate = {0};
    return ftl_rate_parse(text, &rate) ? keep_rate(reader, row, rate, to)
                                       : bad_text(reader, row, text);
}

static bool keep_length(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                        struct ftl_length length, void *to)
{
    const struct ftl_opt percent = {.max = 100, .unit = "%"};
    const struct ftl_opt pixels = {
        .min = row->min, .max = has_range(row) ? row->max : 1e6, .unit = "px"};
    if (!check_range(reader, length.is_percent ? &percent : &pixels, length.value)) {
        return false;
    }
    *(struct ftl_length *)to = length;
    return true;
}

static bool length_from_number(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                               double number, void *to)
{
    return keep_length(reader, row, (struct ftl_length){.value = number}, to);
}

static bool length_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                               const char *text, void *to)
{
    struct ftl_length length = {0};
    return ftl_length_parse(text, &length) ? keep_length(reader, row, length, to)
                                           : bad_text(reader, row, text);
}

static bool colour_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                               const char *text, void *to)
{
    return ftl_colour_parse(text, to) || bad_text(reader, row, text);
}

static const struct ftl_opt_kind_ops scalars[] = {
    [FTL_OPT_KIND_BOOL] = {.size = sizeof(bool),
                           .expects = "true or false",
                           .from_bool = bool_from_json,
                           .from_flag = bool_from_flag},
    [FTL_OPT_KIND_INT] = {.size = sizeof(int),
                          .expects = "a whole number",
                          .from_number = int_from_number,
                          .from_flag = int_from_flag},
    [FTL_OPT_KIND_INT64] = {.size = sizeof(int64_t),
                            .expects = "a whole number",
                            .from_number = int64_from_number,
                            .from_string = int64_from_string},
    [FTL_OPT_KIND_DOUBLE] = {.size = sizeof(double),
                             .expects = "a number",
                             .from_number = double_from_number,
                             .from_flag = double_from_flag},
    [FTL_OPT_KIND_STRING] = {.size = sizeof(const char *),
                             .expects = "a string",
                             .from_string = string_from_string},
    [FTL_OPT_KIND_CHOICE] = {.size = sizeof(int),
                             .expects = "a string",
                             .from_string = choice_from_string},
    [FTL_OPT_KIND_DURATION] = {.size = sizeof(double),
                               .expects = "seconds, or a text such as \"1:30\", \"250ms\", \"24h\"",
                               .from_number = double_from_number,
                               .from_string = duration_from_string},
    [FTL_OPT_KIND_TIME] = {.size = sizeof(struct ftl_time),
                           .expects = "seconds, or a text such as \"1:30\", \"1.5s\", \"50%\"",
                           .from_number = time_from_number,
                           .from_string = time_from_string},
    [FTL_OPT_KIND_BYTES] = {.size = sizeof(int64_t),
                            .expects = "bytes, or a text such as \"10MB\", \"1GiB\"",
                            .from_number = int64_from_number,
                            .from_string = bytes_from_string},
    [FTL_OPT_KIND_BITRATE] = {.size = sizeof(int64_t),
                              .expects = "bits a second, or a text such as \"128k\", \"2.5M\"",
                              .from_number = int64_from_number,
                              .from_string = bitrate_from_string},
    [FTL_OPT_KIND_SIZE] = {.size = sizeof(struct ftl_size),
                           .expects = "a text such as \"1280x720\"",
                           .from_string = size_from_string},
    [FTL_OPT_KIND_RATIO] = {.size = sizeof(struct ftl_rational),
                            .expects = "a ratio such as \"9:16\" or \"1.85:1\"",
                            .from_number = ratio_from_number,
                            .from_string = ratio_from_string},
    [FTL_OPT_KIND_RATE] = {.size = sizeof(struct ftl_rational),
                           .expects = "frames a second such as 30, \"30000/1001\", \"29.97\"",
                           .from_number = rate_from_number,
                           .from_string = rate_from_string},
    [FTL_OPT_KIND_LENGTH] = {.size = sizeof(struct ftl_length),
                             .expects = "pixels, or a text such as \"24px\", \"4%\"",
                             .from_number = length_from_number,
                             .from_string = length_from_string},
    [FTL_OPT_KIND_COLOUR] = {.size = sizeof(struct ftl_colour),
                             .expects = "a colour such as \"#ff8800\" or \"white\"",
                             .from_string = colour_from_string},
};

const struct ftl_opt_kind_ops *ftl_opt_scalar_ops(enum ftl_opt_kind kind)
{
    size_t index = (size_t)kind;
    if (index >= sizeof(scalars) / sizeof(scalars[0]) || scalars[index].size == 0) {
        return NULL;
    }
    return &scalars[index];
}

static bool is_choice(const struct ftl_opt *row, int value)
{
    for (const struct ftl_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (choice->value == value) {
            return true;
        }
    }
    return false;
}

bool ftl_opt_is_in_range(const struct ftl_opt *row, const void *value)
{
    switch (row->kind) {
    case FTL_OPT_KIND_INT:
        return is_within(row, *(const int *)value);
    case FTL_OPT_KIND_CHOICE:
        return is_choice(row, *(const int *)value);
    case FTL_OPT_KIND_INT64:
    case FTL_OPT_KIND_BYTES:
    case FTL_OPT_KIND_BITRATE:
        return is_within(row, (double)*(const int64_t *)value);
    case FTL_OPT_KIND_DOUBLE:
    case FTL_OPT_KIND_DURATION:
        return is_within(row, *(const double *)value);
    case FTL_OPT_KIND_TIME: {
        const struct ftl_time *time = value;
        return time->value >= 0 || (row->choices != NULL && is_choice(row, (int)time->value));
    }
    case FTL_OPT_KIND_LENGTH: {
        const struct ftl_length *length = value;
        return length->is_percent ? length->value >= 0 : is_within(row, length->value);
    }
    default:
        return true;
    }
}
