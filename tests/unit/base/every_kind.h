/* An option table with every kind in it, for the tests and the fuzz target of options. */
#ifndef FETTLE_TESTS_EVERY_KIND_H
#define FETTLE_TESTS_EVERY_KIND_H

#include <string.h>

#include <cjson/cJSON.h>

#include <fettle/option.h>

enum shade { SHADE_LIGHT = 3, SHADE_DARK = 5 };

static const struct ftl_choice shades[] = {
    {"light", SHADE_LIGHT, "pale"}, {"dark", SHADE_DARK, "deep"}, {0}};

/* An object, also as an alternative of the union. */
struct box {
    const char *label;
    int side;
    struct ftl_input_ref image;
};
static const struct box box_defaults = {.side = 4};
static const struct ftl_opt box_rows[] = {
    FTL_OPT_STRING(struct box, label, 8, FTL_OPT_REQUIRED, "what it is called"),
    FTL_OPT_INT(struct box, side, 1, 9, "px", "length of a side"),
    FTL_OPT_INPUT(struct box, image, 0, "what is on it"), FTL_OPT_END};
static const struct ftl_opt_table box_table =
    FTL_OPT_TABLE(struct box, "box", box_rows, &box_defaults);

struct tone {
    double pitch, length;
    uint64_t set;
};
static const struct ftl_opt tone_rows[] = {
    FTL_OPT_DOUBLE(struct tone, pitch, 20, 20000, "Hz", "frequency"),
    FTL_OPT_DURATION(struct tone, length, 0, 60, "how long it sounds"), FTL_OPT_END};
static void check_tone(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct tone *tone = (const struct tone *)value;
    if (tone->pitch > 10000 && tone->length > 30) {
        ftl_opt_report(errors, where, "length", "too long for so high a tone");
    }
}
static const struct tone tone_defaults = {.pitch = 440, .length = 1};
static const struct ftl_opt_table tone_table = {.name = "tone",
                                                .rows = tone_rows,
                                                .size = sizeof(struct tone),
                                                .defaults = &tone_defaults,
                                                .set_offset = offsetof(struct tone, set),
                                                .check = check_tone};

static inline const struct ftl_opt_table *alternative_at(size_t index)
{
    static const struct ftl_opt_table *const tables[] = {&box_table, &tone_table};
    return index < 2 ? tables[index] : NULL;
}
static const struct ftl_opt_union alternatives = {.tag = "kind", .at = alternative_at};

struct every {
    bool flag;
    int count;
    int64_t id;
    double opacity;
    const char *text;
    const char *password;
    const char *link;
    int shade;
    double length;
    struct ftl_time at;
    int64_t limit;
    int64_t rate;
    struct ftl_size canvas;
    struct ftl_rational ratio;
    struct ftl_rational fps;
    struct ftl_length margin;
    struct ftl_colour colour;
    struct ftl_input_ref image;
    const struct box *box;
    struct ftl_array numbers;
    struct ftl_array words;
    struct ftl_array boxes;
    struct ftl_array steps;
    struct ftl_array labels;
    struct ftl_array named;
    struct ftl_array inputs;
    const struct cJSON *extra;
    double old;
    int crf;
};

static const struct every every_defaults = {.opacity = 1,
                                            .shade = SHADE_DARK,
                                            .length = 2.5,
                                            .limit = 1000,
                                            .margin = {.value = 4, .is_percent = true},
                                            .colour = {.a = 255},
                                            .crf = -1};

static const struct ftl_opt every_rows[] = {
    FTL_OPT_BOOL(struct every, flag, "yes or no"),
    FTL_OPT_INT(struct every, count, 0, 100, NULL, "how many"),
    FTL_OPT_INT64(struct every, id, 0, 0, NULL, "a long number"),
    FTL_OPT_DOUBLE(struct every, opacity, 0, 1, NULL, "how opaque"),
    FTL_OPT_STRING(struct every, text, 16, 0, "some words"),
    FTL_OPT_STRING(struct every, password, 16, FTL_OPT_SECRET, "not shown"),
    FTL_OPT_STRING(struct every, link, 200, FTL_OPT_URL, "shown without its query"),
    FTL_OPT_CHOICE(struct every, shade, shades, "light or dark"),
    FTL_OPT_DURATION(struct every, length, 0, 86400, "how long"),
    FTL_OPT_TIME(struct every, at, "when"),
    FTL_OPT_BYTES(struct every, limit, 1, 1e12, "how much"),
    FTL_OPT_BITRATE(struct every, rate, 0, 1e9, "how fast"),
    FTL_OPT_SIZE(struct every, canvas, 16, 8192, "how large"),
    FTL_OPT_RATIO(struct every, ratio, 0, "how wide"),
    FTL_OPT_RATE(struct every, fps, 1, 240, 0, "how smooth"),
    FTL_OPT_LENGTH(struct every, margin, 500, "how far"),
    FTL_OPT_COLOUR(struct every, colour, "which colour"),
    FTL_OPT_INPUT(struct every, image, 0, "which picture"),
    FTL_OPT_OBJECT(struct every, box, struct box, &box_table, 0, "one box"),
    FTL_OPT_ARRAY(struct every, numbers, INT, 4, 0, "some numbers"),
    FTL_OPT_ARRAY(struct every, words, STRING, 4, 0, "some words"),
    FTL_OPT_OBJECTS(struct every, boxes, &box_table, 3, 0, "some boxes"),
    FTL_OPT_UNIONS(struct every, steps, &alternatives, 4, "some steps"),
    FTL_OPT_MAP(struct every, labels, STRING, NULL, 3, FTL_OPT_SECRET, "texts by name"),
    FTL_OPT_MAP(struct every, named, OBJECT, &box_table, 3, 0, "boxes by name"),
    FTL_OPT_MAP(struct every, inputs, INPUT, NULL, 3, 0, "inputs by name"),
    FTL_OPT_JSON(struct every, extra, 0, "anything"),
    FTL_OPT_ROW(struct every, old, double, DOUBLE, .max = 5, .flags = FTL_OPT_DEPRECATED,
                .help = "no longer used"),
    FTL_OPT_INT(struct every, crf, 0, 63, NULL, "quality; -1 inside means not said"),
    FTL_OPT_END};

static const struct ftl_opt_table every_table =
    FTL_OPT_TABLE(struct every, "every", every_rows, &every_defaults);

#endif
