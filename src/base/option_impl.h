/* What the option_*.c files share. The public contract is fettle/option.h.
 *
 * Parsers of values write to *to only when they return true; when they return false they have
 * reported why at the reader's current place. Recursion over tables ends because documents are
 * bounded in depth (json.h) and tables nest finitely. */
#ifndef FETTLE_BASE_OPTION_IMPL_H
#define FETTLE_BASE_OPTION_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include <fettle/option.h>

#include "base/json.h"

enum { FTL_OPT_PLACE_SIZE = 256, FTL_OPT_MAX_ROWS = 64 };

struct ftl_opt_reader {
    struct ftl_arena *arena;
    struct ftl_opt_errors *errors;
    char place[FTL_OPT_PLACE_SIZE]; /* JSON pointer of the value at hand */
};

/* Reports at the reader's place; always false. */
bool ftl_opt_bad(struct ftl_opt_reader *reader, const char *fmt, ...) FTL_PRINTF(2, 3);
bool ftl_opt_no_memory(struct ftl_opt_reader *reader);

/* Text as it may be shown in a message: quoted, escaped, cut to a few words; "***" for a secret. */
enum { FTL_OPT_SHOWN_SIZE = 64 };
void ftl_opt_show(const struct ftl_opt *row, const char *text, char to[FTL_OPT_SHOWN_SIZE]);

/* Moves the place to a member or element, and back to where `mark` says. */
size_t ftl_opt_enter(struct ftl_opt_reader *reader, const char *name);
size_t ftl_opt_enter_index(struct ftl_opt_reader *reader, size_t index);
void ftl_opt_leave(struct ftl_opt_reader *reader, size_t mark);

/* What a kind is made of. */
struct ftl_opt_kind_ops {
    size_t size;
    const char *expects; /* "a number", "a string such as …" */
    /* The JSON types that are taken; a NULL one is refused as "expected …, got …". */
    bool (*from_bool)(struct ftl_opt_reader *reader, const struct ftl_opt *row, bool value,
                      void *to);
    bool (*from_number)(struct ftl_opt_reader *reader, const struct ftl_opt *row, double number,
                        void *to);
    bool (*from_string)(struct ftl_opt_reader *reader, const struct ftl_opt *row, const char *text,
                        void *to);
    bool (*from_json)(struct ftl_opt_reader *reader, const struct ftl_opt *row, const cJSON *json,
                      void *to); /* objects and arrays, and whatever the three above leave */
    /* Command line and environment, where it is not from_string. */
    bool (*from_flag)(struct ftl_opt_reader *reader, const struct ftl_opt *row, const char *text,
                      void *to);
};

/* option_value.c: the scalar kinds; NULL for the others. option_container.c: the rest. */
const struct ftl_opt_kind_ops *ftl_opt_scalar_ops(enum ftl_opt_kind kind);
const struct ftl_opt_kind_ops *ftl_opt_container_ops(enum ftl_opt_kind kind);
const struct ftl_opt_kind_ops *ftl_opt_ops(enum ftl_opt_kind kind);

/* A row that describes the items of an ARRAY or MAP row. */
struct ftl_opt ftl_opt_item_row(const struct ftl_opt *row);

/* Bytes of one item of an ARRAY; objects lie in it by value. 0 = unknown kind. */
size_t ftl_opt_item_size(const struct ftl_opt *item);

/* option.c. `tag` is the member that chose the table out of a union; NULL = none. */
bool ftl_opt_read_object(struct ftl_opt_reader *reader, const struct ftl_opt_table *table,
                         const char *tag, const cJSON *json, void *to);
bool ftl_opt_read_value(struct ftl_opt_reader *reader, const struct ftl_opt *row, const cJSON *json,
                        void *to);

/* True if the value lies within the row's range and choices; what does not, and equals the default,
 * means "not said" and is not printed. */
bool ftl_opt_is_in_range(const struct ftl_opt *row, const void *value);

/* option_print.c: NULL in *ret and true for an absent value; false = no memory. */
bool ftl_opt_print_value(const struct ftl_opt *row, const void *value, bool reveal, cJSON **ret);

#endif
