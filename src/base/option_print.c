/* Options back to JSON, such that reading them again gives the same values. */
#include <stdio.h>
#include <string.h>

#include <fettle/option.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/option_impl.h"
#include "base/source.h"

static const char masked[] = "***";

static const char *choice_name(const struct ftl_opt *row, int value)
{
    for (const struct ftl_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (choice->value == value) {
            return choice->name;
        }
    }
    return "";
}

static cJSON *print_percent(double value)
{
    char text[FTL_NUMBER_PLAIN_SIZE + 1];
    ftl_number_print_plain(value, text); /* a number before a unit has no exponent */
    size_t length = strlen(text);
    text[length] = '%';
    text[length + 1] = '\0';
    return cJSON_CreateString(text);
}

static cJSON *print_colour(struct ftl_colour colour)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "#%02x%02x%02x", colour.r, colour.g, colour.b);
    if (colour.a != 255) {
        (void)snprintf(text + 7, sizeof(text) - 7, "%02x", colour.a);
    }
    return cJSON_CreateString(text);
}

static cJSON *print_pair(int first, const char *separator, int second)
{
    char text[40];
    (void)snprintf(text, sizeof(text), "%d%s%d", first, separator, second);
    return cJSON_CreateString(text);
}

static cJSON *print_rate(struct ftl_rational rate)
{
    return rate.den == 1 ? cJSON_CreateNumber(rate.num) : print_pair(rate.num, "/", rate.den);
}

/* NULL-able values: true when there is nothing to print. */
static bool is_absent(const struct ftl_opt *row, const void *value)
{
    switch (row->kind) {
    case FTL_OPT_KIND_STRING:
        return *(const char *const *)value == NULL;
    case FTL_OPT_KIND_OBJECT:
    case FTL_OPT_KIND_JSON:
        return *(const void *const *)value == NULL;
    case FTL_OPT_KIND_RATIO:
    case FTL_OPT_KIND_RATE:
        return ((const struct ftl_rational *)value)->den == 0 ||
               ((const struct ftl_rational *)value)->num == 0;
    case FTL_OPT_KIND_SIZE:
        return ((const struct ftl_size *)value)->width == 0 ||
               ((const struct ftl_size *)value)->height == 0;
    case FTL_OPT_KIND_INPUT:
        return ((const struct ftl_input_ref *)value)->text == NULL &&
               ((const struct ftl_input_ref *)value)->source == NULL;
    default:
        return false;
    }
}

static cJSON *print_text(const char *text, bool is_url, bool reveal)
{
    if (reveal || !is_url || strstr(text, "://") == NULL) {
        return cJSON_CreateString(text);
    }
    size_t size = strlen(text) + 1;
    FTL_AUTO_FREE char *bare = ftl_calloc(size, 1);
    if (bare == NULL) {
        return NULL;
    }
    ftl_log_url(text, bare, size);
    return cJSON_CreateString(bare);
}

static cJSON *print_scalar(const struct ftl_opt *row, const void *value)
{
    switch (row->kind) {
    case FTL_OPT_KIND_BOOL:
        return cJSON_CreateBool(*(const bool *)value);
    case FTL_OPT_KIND_INT:
        return cJSON_CreateNumber(*(const int *)value);
    case FTL_OPT_KIND_INT64:
    case FTL_OPT_KIND_BYTES:
    case FTL_OPT_KIND_BITRATE:
        return ftl_json_from_int64(*(const int64_t *)value);
    case FTL_OPT_KIND_DOUBLE:
    case FTL_OPT_KIND_DURATION:
        return cJSON_CreateNumber(*(const double *)value);
    case FTL_OPT_KIND_CHOICE:
        return cJSON_CreateString(choice_name(row, *(const int *)value));
    case FTL_OPT_KIND_TIME: {
        const struct ftl_time *time = value;
        if (time->value < 0 && row->choices != NULL) {
            return cJSON_CreateString(choice_name(row, (int)time->value));
        }
        return time->is_percent ? print_percent(time->value) : cJSON_CreateNumber(time->value);
    }
    case FTL_OPT_KIND_LENGTH: {
        const struct ftl_length *length = value;
        return length->is_percent ? print_percent(length->value)
                                  : cJSON_CreateNumber(length->value);
    }
    case FTL_OPT_KIND_SIZE: {
        const struct ftl_size *size = value;
        return print_pair(size->width, "x", size->height);
    }
    case FTL_OPT_KIND_RATIO: {
        const struct ftl_rational *ratio = value;
        return print_pair(ratio->num, ":", ratio->den);
    }
    case FTL_OPT_KIND_RATE:
        return print_rate(*(const struct ftl_rational *)value);
    case FTL_OPT_KIND_COLOUR:
        return print_colour(*(const struct ftl_colour *)value);
    default:
        return NULL;
    }
}

/* Appends `item` (as a member if `name` is given) and takes it over; false when it is NULL or there
 * is no memory. */
static bool put(cJSON *parent, const char *name, cJSON *item)
{
    if (item == NULL) {
        return false;
    }
    bool is_put = name != NULL ? cJSON_AddItemToObject(parent, name, item) != 0
                               : cJSON_AddItemToArray(parent, item) != 0;
    if (!is_put) {
        cJSON_Delete(item);
    }
    return is_put;
}

static cJSON *print_variant(const struct ftl_opt_union *from, const struct ftl_variant *variant,
                            bool reveal)
{
    FTL_AUTO(json) cJSON *json = ftl_opt_print(variant->table, variant->value, false, reveal);
    FTL_AUTO(json) cJSON *tag = cJSON_CreateString(variant->table->name);
    FTL_AUTO(json) cJSON *object = cJSON_CreateObject();
    if (json == NULL || tag == NULL || object == NULL || !put(object, from->tag, FTL_TAKE(tag))) {
        return NULL;
    }
    cJSON *child = NULL;
    while ((child = json->child) != NULL) { /* the tag comes first */
        (void)cJSON_DetachItemViaPointer(json, child);
        char *name = child->string;
        child->string = NULL;
        bool is_put = put(object, name, child);
        cJSON_free(name);
        if (!is_put) {
            return NULL;
        }
    }
    return FTL_TAKE(object);
}

static cJSON *print_input(const struct ftl_input_ref *ref, bool reveal)
{
    return ref->source != NULL ? ftl_opt_print(&ftl_source_table, ref->source, true, reveal)
                               : print_text(ref->text, true, reveal);
}

/* One item of an ARRAY; objects lie in it by value. */
static cJSON *print_item(const struct ftl_opt *item, const void *at, bool reveal)
{
    if (item->kind == FTL_OPT_KIND_OBJECT) {
        return ftl_opt_print(item->table, at, false, reveal);
    }
    if (item->kind == FTL_OPT_KIND_UNION) {
        return print_variant(item->alternatives, at, reveal);
    }
    cJSON *json = NULL;
    return ftl_opt_print_value(item, at, reveal, &json) ? json : NULL;
}

static cJSON *print_array(const struct ftl_opt *row, const struct ftl_array *array, bool reveal)
{
    struct ftl_opt item = ftl_opt_item_row(row);
    size_t size = ftl_opt_item_size(&item);
    FTL_AUTO(json) cJSON *json = cJSON_CreateArray();
    for (size_t i = 0; json != NULL && i < array->count; i++) {
        if (!put(json, NULL, print_item(&item, (const char *)array->items + i * size, reveal))) {
            return NULL;
        }
    }
    return FTL_TAKE(json);
}

static cJSON *print_entry(const struct ftl_opt *item, const struct ftl_map_entry *entry,
                          bool reveal)
{
    if (item->kind == FTL_OPT_KIND_OBJECT) {
        return ftl_opt_print(item->table, entry->value.object, false, reveal);
    }
    if (item->kind == FTL_OPT_KIND_INPUT) {
        return print_input(entry->value.input, reveal);
    }
    bool is_masked = !reveal && (item->flags & FTL_OPT_SECRET) != 0;
    return cJSON_CreateString(is_masked ? masked : entry->value.string);
}

static cJSON *print_map(const struct ftl_opt *row, const struct ftl_array *array, bool reveal)
{
    struct ftl_opt item = ftl_opt_item_row(row);
    const struct ftl_map_entry *entries = array->items;
    FTL_AUTO(json) cJSON *json = cJSON_CreateObject();
    for (size_t i = 0; json != NULL && i < array->count; i++) {
        if (!put(json, entries[i].name, print_entry(&item, &entries[i], reveal))) {
            return NULL;
        }
    }
    return FTL_TAKE(json);
}

bool ftl_opt_print_value(const struct ftl_opt *row, const void *value, bool reveal, cJSON **ret)
{
    *ret = NULL;
    if (is_absent(row, value)) {
        return true;
    }
    if (row->kind == FTL_OPT_KIND_MAP) {
        *ret = print_map(row, value, reveal);
    } else if (!reveal && (row->flags & FTL_OPT_SECRET) != 0) {
        *ret = cJSON_CreateString(masked);
    } else if (row->kind == FTL_OPT_KIND_STRING) {
        *ret = print_text(*(const char *const *)value, (row->flags & FTL_OPT_URL) != 0, reveal);
    } else if (row->kind == FTL_OPT_KIND_OBJECT) {
        *ret = ftl_opt_print(row->table, *(const void *const *)value, false, reveal);
    } else if (row->kind == FTL_OPT_KIND_ARRAY) {
        *ret = print_array(row, value, reveal);
    } else if (row->kind == FTL_OPT_KIND_INPUT) {
        *ret = print_input(value, reveal);
    } else if (row->kind == FTL_OPT_KIND_JSON) {
        *ret = cJSON_Duplicate(*(const cJSON *const *)value, true);
    } else {
        *ret = print_scalar(row, value);
    }
    return *ret != NULL;
}

/* Whether the value says the same as its default, secrets compared in full. */
static bool is_default(const struct ftl_opt *row, const void *value, const void *standard,
                       bool *ret)
{
    FTL_AUTO(json) cJSON *a = NULL;
    FTL_AUTO(json) cJSON *b = NULL;
    if (!ftl_opt_print_value(row, value, true, &a) || !ftl_opt_print_value(row, standard, true, &b))
    {
        return false;
    }
    if (a == NULL || b == NULL) {
        *ret = a == b;
        return true;
    }
    FTL_AUTO_STR struct ftl_str text_a = FTL_STR_INIT(SIZE_MAX / 4);
    FTL_AUTO_STR struct ftl_str text_b = FTL_STR_INIT(SIZE_MAX / 4);
    ftl_json_print(a, false, &text_a);
    ftl_json_print(b, false, &text_b);
    *ret = strcmp(ftl_str_text(&text_a), ftl_str_text(&text_b)) == 0;
    return !text_a.is_cut && !text_b.is_cut;
}

struct printing {
    const struct ftl_opt_table *table;
    const char *value, *standard;
    bool only_changed, reveal;
    uint64_t set; /* rows that were given */
};

static bool print_row(const struct printing *what, size_t index, cJSON *json)
{
    const struct ftl_opt *row = &what->table->rows[index];
    const void *at = what->value + row->offset;
    bool is_same = false;
    if (!is_default(row, at, what->standard + row->offset, &is_same)) {
        return false;
    }
    bool is_given = (what->set >> index & 1) != 0;
    if (is_same && !is_given && (what->only_changed || !ftl_opt_is_in_range(row, at))) {
        return true;
    }
    cJSON *item = NULL;
    if (!ftl_opt_print_value(row, at, what->reveal, &item)) {
        return false;
    }
    if (item == NULL && is_given && (row->flags & FTL_OPT_OR_FALSE) != 0) {
        return put(json, row->name, cJSON_CreateFalse());
    }
    return item == NULL || put(json, row->name, item);
}

struct cJSON *ftl_opt_print(const struct ftl_opt_table *table, const void *value, bool only_changed,
                            bool reveal)
{
    FTL_AUTO_FREE void *zeros = ftl_calloc(1, table->size);
    FTL_AUTO(json) cJSON *json = cJSON_CreateObject();
    if (zeros == NULL || json == NULL) {
        return NULL;
    }
    struct printing what = {.table = table,
                            .value = value,
                            .standard = table->defaults != NULL ? table->defaults : zeros,
                            .only_changed = only_changed,
                            .reveal = reveal};
    if (table->set_offset != SIZE_MAX) {
        memcpy(&what.set, what.value + table->set_offset, sizeof(what.set));
    }
    for (size_t i = 0; table->rows[i].kind != FTL_OPT_KIND_END; i++) {
        if (!print_row(&what, i, json)) {
            return NULL;
        }
    }
    return FTL_TAKE(json);
}
