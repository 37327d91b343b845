/* Option tables: one const row per option, from which JSON parsing, validation, printing, --help,
 * the JSON Schema, documentation and fuzz dictionaries come.
 *
 *   struct fade_opts { double seconds; int curve; };
 *   static const struct fade_opts defaults = {.seconds = 0.5};
 *   static const struct ftl_opt rows[] = {
 *       FTL_OPT_DOUBLE(struct fade_opts, seconds, 0.0, 60.0, "s", "length of the fade"),
 *       FTL_OPT_CHOICE(struct fade_opts, curve, curves, "shape of the fade"),
 *       FTL_OPT_END};
 *   static const struct ftl_opt_table table = FTL_OPT_TABLE(struct fade_opts, "fade", rows,
 * &defaults);
 *
 * The macros check the C type of the field at compile time. Rows of a table are `static const`.
 */
#ifndef FETTLE_OPTION_H
#define FETTLE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>
#include <fettle/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cJSON;
struct ftl_arena;
struct ftl_opt_errors;
struct ftl_opt_table;
struct ftl_source;

enum ftl_opt_kind {
    FTL_OPT_KIND_END,
    FTL_OPT_KIND_BOOL,     /* bool */
    FTL_OPT_KIND_INT,      /* int; a JSON number without fraction */
    FTL_OPT_KIND_INT64,    /* int64_t; number, or decimal string above 2^53 */
    FTL_OPT_KIND_DOUBLE,   /* double, finite */
    FTL_OPT_KIND_STRING,   /* const char *, in the arena; `max` = longest, in bytes */
    FTL_OPT_KIND_CHOICE,   /* int, one of `choices` */
    FTL_OPT_KIND_DURATION, /* double seconds: number, "mm:ss.ms", "hh:mm:ss", "250ms", "2s", "5m",
                              "24h", "7d" */
    FTL_OPT_KIND_TIME,     /* struct ftl_time: as DURATION, or "50%", or one of the row's
                              `choices`, stored as {.value = the choice's (negative) value} */
    FTL_OPT_KIND_BYTES,    /* int64_t: number, or "10MB", "1GiB" (k, M, G = powers of 1000; Ki … =
                              1024) */
    FTL_OPT_KIND_BITRATE,  /* int64_t bit/s: number, or "128k", "2.5M" */
    FTL_OPT_KIND_SIZE,     /* struct ftl_size: "1280x720" */
    FTL_OPT_KIND_RATIO,    /* struct ftl_rational: "9:16", "1.85:1" or a number; both sides > 0 */
    FTL_OPT_KIND_RATE, /* struct ftl_rational: 30, "30000/1001", "29.97" (snapped to /1001 forms) */
    FTL_OPT_KIND_LENGTH, /* struct ftl_length: 24, "24px", "4%" */
    FTL_OPT_KIND_COLOUR, /* struct ftl_colour: "#rgb", "#rrggbb", "#rrggbbaa", CSS basic colour name
                          */
    FTL_OPT_KIND_INPUT,  /* struct ftl_input_ref: name of an input, URL or path, or a source object
                          */
    FTL_OPT_KIND_OBJECT, /* `const struct T *` (NULL = absent), row's `table` describes T */
    FTL_OPT_KIND_ARRAY,  /* struct ftl_array of the row's `item` kind (STRING: const char *; OBJECT:
                            struct T by value) */
    FTL_OPT_KIND_UNION,  /* item of an ARRAY: struct ftl_variant, table chosen by the tag member */
    FTL_OPT_KIND_MAP,    /* struct ftl_array of struct ftl_map_entry, in document order */
    FTL_OPT_KIND_JSON,   /* const struct cJSON *, duplicated into the arena; any JSON value */
};

enum ftl_opt_flags {
    FTL_OPT_REQUIRED = 1u << 0,
    FTL_OPT_SECRET = 1u << 1,     /* printed as "***"; never quoted in a message */
    FTL_OPT_DEPRECATED = 1u << 2, /* accepted; hidden from help, marked in the schema */
    FTL_OPT_URL = 1u << 3,        /* STRING: a URL is printed without userinfo, query and fragment
                                     (they may hold secrets); INPUT texts always are */
    FTL_OPT_OR_FALSE = 1u << 4,   /* OBJECT: `false` is accepted and leaves NULL, marked as given */
};

struct ftl_choice {
    const char *name; /* NULL ends the list */
    int value;
    const char *help;
};

struct ftl_input_ref {
    const char *text; /* as written when it was a string: a name, URL or path; else NULL */
    const struct ftl_source *source; /* when it was an object; else NULL */
    int index; /* into ftl_job.inputs once the job is resolved; -1 = not given */
};

struct ftl_map_entry {
    const char *name;
    const char *where; /* JSON pointer */
    union {
        const char *string;          /* item kind STRING */
        void *object;                /* item kind OBJECT: struct T */
        struct ftl_input_ref *input; /* item kind INPUT */
    } value;
};

/* One element of a tagged-union array such as `filters`. */
struct ftl_variant {
    const struct ftl_opt_table
        *table;        /* the alternative; table->owner leads back to its descriptor */
    void *value;       /* its options, struct of the table's type */
    const char *where; /* JSON pointer of the element */
};

/* How a tagged union finds its alternatives. */
struct ftl_opt_union {
    const char *tag;                                 /* member that names the alternative */
    const struct ftl_opt_table *(*at)(size_t index); /* NULL past the end */
};

struct ftl_opt {
    const char *name;
    enum ftl_opt_kind kind;
    enum ftl_opt_kind item; /* ARRAY and MAP: kind of the items */
    unsigned flags;         /* enum ftl_opt_flags */
    size_t offset;
    /* numbers: inclusive range, 0 and 0 = none; STRING: longest; ARRAY/MAP: fewest and most items
     */
    double min, max;
    const char *unit; /* "px", "s", "dB" …; NULL = none */
    const char *help; /* one clause, lower case, no full stop */
    const struct ftl_choice *choices;
    const struct ftl_opt_table *table;        /* OBJECT, or ARRAY/MAP of OBJECT */
    const struct ftl_opt_union *alternatives; /* ARRAY of UNION */
};

struct ftl_opt_table {
    const char *name;
    const char *summary;        /* one sentence for help and schema; may be NULL */
    const struct ftl_opt *rows; /* ended by FTL_OPT_END; at most 64 */
    size_t size;                /* sizeof the struct */
    const void *defaults;       /* a const object of the struct; NULL = zeros */
    size_t set_offset; /* offset of a uint64_t whose bit i says that row i was given; SIZE_MAX =
                          none */
    const void *owner; /* descriptor this table belongs to, e.g. struct ftl_filter; may be NULL */
    /* Cross-field rules, called when all rows parsed; errors through ftl_opt_report. May be NULL.
     */
    void (*check)(const void *value, const char *where, struct ftl_opt_errors *errors);
};

/* Every error of one document, up to a cap; `count` goes on counting past it. */
enum { FTL_OPT_MAX_ERRORS = 16 };
struct ftl_opt_errors {
    size_t count;
    struct ftl_err list[FTL_OPT_MAX_ERRORS];
};

/* Adds a SPEC error at JSON pointer `where`/`member` (member may be NULL). */
void ftl_opt_report(struct ftl_opt_errors *errors, const char *where, const char *member,
                    const char *fmt, ...) FTL_PRINTF(4, 5);

/* Parses a JSON object strictly into *ret (table->size bytes): defaults first, then the members.
 * Unknown, duplicate, mistyped, out-of-range and missing members are all reported, each with its
 * JSON pointer (prefixed by `where`, "" for the document) and a suggestion for a near miss. Strings
 * and arrays go to `arena`. On any error *ret is untouched and SPEC (or NOMEM) is returned, which
 * is the code of the first error it added to *errors. */
enum ftl_code ftl_opt_parse(const struct ftl_opt_table *table, const struct cJSON *json,
                            const char *where, struct ftl_arena *arena, void *ret,
                            struct ftl_opt_errors *errors) FTL_CHECK;

/* Parses one option from text, as a command-line flag or environment variable gives it: booleans
 * also as yes/no, on/off, 1/0; arrays of scalars as "a,b" or JSON; objects and maps as JSON.
 * `where` of the error is the name. *value is untouched on failure. */
enum ftl_code ftl_opt_set_text(const struct ftl_opt_table *table, const char *name,
                               const char *text, struct ftl_arena *arena, void *value,
                               struct ftl_err *err) FTL_CHECK;

/* Prints *value as a JSON object with every option (or, with `only_changed`, those that were given
 * or differ from the defaults); secrets as "***" unless `reveal`. What is absent (NULL, 0/0, a
 * default outside the row's own range) is left out, so what is revealed reads back as it was. The
 * caller frees it with cJSON_Delete. NULL = no memory. */
struct cJSON *ftl_opt_print(const struct ftl_opt_table *table, const void *value, bool only_changed,
                            bool reveal);

/* JSON Schema (2020-12) of the table as an object schema; nested tables inline. Caller frees; never
 * NULL. */
struct cJSON *ftl_opt_schema(const struct ftl_opt_table *table);

/* Calls `visit` for every INPUT-kind value reachable from *value. */
void ftl_opt_each_input(const struct ftl_opt_table *table, void *value, const char *where,
                        void (*visit)(void *opaque, struct ftl_input_ref *ref, const char *where),
                        void *opaque);

const struct ftl_opt *ftl_opt_find(const struct ftl_opt_table *table, const char *name);

/* Nearest option name by base/suggest.h, else NULL. */
const char *ftl_opt_suggest(const struct ftl_opt_table *table, const char *name);

/* offsetof with a compile-time check that the field has the type the row promises. */
#ifndef __cplusplus
#define FTL_OPT_OFF(T, field, type)                                                                \
    (offsetof(T, field) + 0 * sizeof(char[_Generic(((T *)0)->field, type : 1, default : -1)]))
#define FTL_OPT_ROW(T, field, type, k, ...)                                                        \
    {                                                                                              \
        .name = #field, .kind = FTL_OPT_KIND_##k, .offset = FTL_OPT_OFF(T, field, type),           \
        __VA_ARGS__                                                                                \
    }
#define FTL_OPT_BOOL(T, f, h) FTL_OPT_ROW(T, f, bool, BOOL, .help = (h))
#define FTL_OPT_INT(T, f, lo, hi, u, h)                                                            \
    FTL_OPT_ROW(T, f, int, INT, .min = (lo), .max = (hi), .unit = (u), .help = (h))
#define FTL_OPT_INT64(T, f, lo, hi, u, h)                                                          \
    FTL_OPT_ROW(T, f, int64_t, INT64, .min = (lo), .max = (hi), .unit = (u), .help = (h))
#define FTL_OPT_DOUBLE(T, f, lo, hi, u, h)                                                         \
    FTL_OPT_ROW(T, f, double, DOUBLE, .min = (lo), .max = (hi), .unit = (u), .help = (h))
#define FTL_OPT_STRING(T, f, longest, fl, h)                                                       \
    FTL_OPT_ROW(T, f, const char *, STRING, .max = (longest), .flags = (fl), .help = (h))
#define FTL_OPT_CHOICE(T, f, list, h) FTL_OPT_ROW(T, f, int, CHOICE, .choices = (list), .help = (h))
#define FTL_OPT_DURATION(T, f, lo, hi, h)                                                          \
    FTL_OPT_ROW(T, f, double, DURATION, .min = (lo), .max = (hi), .unit = "s", .help = (h))
#define FTL_OPT_TIME(T, f, h) FTL_OPT_ROW(T, f, struct ftl_time, TIME, .help = (h))
#define FTL_OPT_BYTES(T, f, lo, hi, h)                                                             \
    FTL_OPT_ROW(T, f, int64_t, BYTES, .min = (lo), .max = (hi), .unit = "B", .help = (h))
#define FTL_OPT_BITRATE(T, f, lo, hi, h)                                                           \
    FTL_OPT_ROW(T, f, int64_t, BITRATE, .min = (lo), .max = (hi), .unit = "bit/s", .help = (h))
#define FTL_OPT_SIZE(T, f, lo, hi, h)                                                              \
    FTL_OPT_ROW(T, f, struct ftl_size, SIZE, .min = (lo), .max = (hi), .unit = "px", .help = (h))
#define FTL_OPT_RATIO(T, f, fl, h)                                                                 \
    FTL_OPT_ROW(T, f, struct ftl_rational, RATIO, .flags = (fl), .help = (h))
#define FTL_OPT_RATE(T, f, lo, hi, fl, h)                                                          \
    FTL_OPT_ROW(T, f, struct ftl_rational, RATE, .min = (lo), .max = (hi), .flags = (fl),          \
                .unit = "fps", .help = (h))
#define FTL_OPT_LENGTH(T, f, hi, h)                                                                \
    FTL_OPT_ROW(T, f, struct ftl_length, LENGTH, .min = 0, .max = (hi), .help = (h))
#define FTL_OPT_COLOUR(T, f, h) FTL_OPT_ROW(T, f, struct ftl_colour, COLOUR, .help = (h))
#define FTL_OPT_INPUT(T, f, fl, h)                                                                 \
    FTL_OPT_ROW(T, f, struct ftl_input_ref, INPUT, .flags = (fl), .help = (h))
#define FTL_OPT_OBJECT(T, f, S, tab, fl, h)                                                        \
    FTL_OPT_ROW(T, f, const S *, OBJECT, .table = (tab), .flags = (fl), .help = (h))
#define FTL_OPT_ARRAY(T, f, k, most, fl, h)                                                        \
    FTL_OPT_ROW(T, f, struct ftl_array, ARRAY, .item = FTL_OPT_KIND_##k, .max = (most),            \
                .flags = (fl), .help = (h))
#define FTL_OPT_OBJECTS(T, f, tab, most, fl, h)                                                    \
    FTL_OPT_ROW(T, f, struct ftl_array, ARRAY, .item = FTL_OPT_KIND_OBJECT, .table = (tab),        \
                .max = (most), .flags = (fl), .help = (h))
#define FTL_OPT_UNIONS(T, f, alts, most, h)                                                        \
    FTL_OPT_ROW(T, f, struct ftl_array, ARRAY, .item = FTL_OPT_KIND_UNION, .alternatives = (alts), \
                .max = (most), .help = (h))
#define FTL_OPT_MAP(T, f, k, tab, most, fl, h)                                                     \
    FTL_OPT_ROW(T, f, struct ftl_array, MAP, .item = FTL_OPT_KIND_##k, .table = (tab),             \
                .max = (most), .flags = (fl), .help = (h))
#define FTL_OPT_JSON(T, f, fl, h)                                                                  \
    FTL_OPT_ROW(T, f, const struct cJSON *, JSON, .flags = (fl), .help = (h))
#define FTL_OPT_END                                                                                \
    {                                                                                              \
        .name = NULL, .kind = FTL_OPT_KIND_END                                                     \
    }
#define FTL_OPT_TABLE(T, n, r, d)                                                                  \
    {                                                                                              \
        .name = (n), .rows = (r), .size = sizeof(T), .defaults = (d), .set_offset = SIZE_MAX       \
    }
#endif

#ifdef __cplusplus
}
#endif

#endif
