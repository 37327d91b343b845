/* Option kinds that hold others: inputs, objects, arrays, tagged unions, maps, plain JSON. */
#include <string.h>

#include "base/mem.h"
#include "base/option_impl.h"
#include "base/source.h"
#include "base/suggest.h"

/* A copy of the current place, for what keeps it. */
static const char *keep_place(struct ftl_opt_reader *reader)
{
    const char *copy = ftl_arena_strdup(reader->arena, reader->place);
    if (copy == NULL) {
        (void)ftl_opt_no_memory(reader);
    }
    return copy;
}

static void *object_from_json(struct ftl_opt_reader *reader, const struct ftl_opt_table *table,
                              const char *tag, const cJSON *json)
{
    void *object = ftl_arena_alloc(reader->arena, 1, table->size);
    if (object == NULL) {
        (void)ftl_opt_no_memory(reader);
        return NULL;
    }
    return ftl_opt_read_object(reader, table, tag, json, object) ? object : NULL;
}

static bool input_from_string(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                              const char *text, void *to)
{
    (void)row;
    if (text[0] == '\0') {
        return ftl_opt_bad(reader, "is empty; expected the name of an input, a URL or a path");
    }
    const char *copy = ftl_arena_strdup(reader->arena, text);
    if (copy == NULL) {
        return ftl_opt_no_memory(reader);
    }
    *(struct ftl_input_ref *)to = (struct ftl_input_ref){.text = copy, .index = -1};
    return true;
}

static bool input_from_json(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                            const cJSON *json, void *to)
{
    (void)row;
    const struct ftl_source *source = object_from_json(reader, &ftl_source_table, NULL, json);
    if (source == NULL) {
        return false;
    }
    *(struct ftl_input_ref *)to = (struct ftl_input_ref){.source = source, .index = -1};
    return true;
}

/* `false` for an object that may be switched off: NULL, and its row marked as given. */
static bool object_from_bool(struct ftl_opt_reader *reader, const struct ftl_opt *row, bool value,
                             void *to)
{
    bool may_be_false = (row->flags & FTL_OPT_OR_FALSE) != 0;
    if (value || !may_be_false) {
        return ftl_opt_bad(reader, "expected an object%s, got %s", may_be_false ? " or false" : "",
                           value ? "true" : "false");
    }
    *(const void **)to = NULL;
    return true;
}

static bool read_object(struct ftl_opt_reader *reader, const struct ftl_opt *row, const cJSON *json,
                        void *to)
{
    const void *object = object_from_json(reader, row->table, NULL, json);
    if (object == NULL) {
        return false;
    }
    *(const void **)to = object;
    return true;
}

/* Checks `count` against the row's bounds, where it has any. */
static bool check_count(struct ftl_opt_reader *reader, const struct ftl_opt *row, size_t count)
{
    if (row->max > 0 && (double)count > row->max) {
        return ftl_opt_bad(reader, "has %zu items, at most %.0f", count, row->max);
    }
    if ((double)count < row->min) {
        return ftl_opt_bad(reader, "has %zu items, at least %.0f", count, row->min);
    }
    return true;
}

/* Objects are items by value, so they are read in place. */
static bool read_item(struct ftl_opt_reader *reader, const struct ftl_opt *item, const cJSON *json,
                      void *to)
{
    return item->kind == FTL_OPT_KIND_OBJECT
               ? ftl_opt_read_object(reader, item->table, NULL, json, to)
               : ftl_opt_read_value(reader, item, json, to);
}

size_t ftl_opt_item_size(const struct ftl_opt *item)
{
    if (item->kind == FTL_OPT_KIND_OBJECT) {
        return item->table->size;
    }
    const struct ftl_opt_kind_ops *ops = ftl_opt_ops(item->kind);
    return ops != NULL ? ops->size : 0;
}

static bool array_from_json(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                            const cJSON *json, void *to)
{
    if (!cJSON_IsArray(json)) {
        return ftl_opt_bad(reader, "expected an array, got an object");
    }
    size_t count = (size_t)cJSON_GetArraySize(json);
    if (!check_count(reader, row, count)) {
        return false;
    }
    struct ftl_opt item = ftl_opt_item_row(row);
    size_t size = ftl_opt_item_size(&item);
    char *items = count > 0 ? ftl_arena_alloc(reader->arena, count, size) : NULL;
    if (count > 0 && items == NULL) {
        return ftl_opt_no_memory(reader);
    }
    bool is_good = true;
    size_t index = 0;
    for (const cJSON *child = json->child; child != NULL; child = child->next, index++) {
        size_t mark = ftl_opt_enter_index(reader, index);
        is_good = read_item(reader, &item, child, items + index * size) && is_good;
        ftl_opt_leave(reader, mark);
    }
    if (is_good) {
        *(struct ftl_array *)to = (struct ftl_array){.items = items, .count = count};
    }
    return is_good;
}

static bool unknown_alternative(struct ftl_opt_reader *reader, const struct ftl_opt_union *from,
                                const char *written)
{
    struct ftl_suggest suggest = ftl_suggest_start(written);
    FTL_AUTO_STR struct ftl_str names = FTL_STR_INIT(200);
    const struct ftl_opt_table *table = NULL;
    for (size_t i = 0; (table = from->at(i)) != NULL; i++) {
        ftl_suggest_offer(&suggest, table->name);
        ftl_str_printf(&names, "%s%s", i == 0 ? "" : ", ", table->name);
    }
    char shown[FTL_OPT_SHOWN_SIZE];
    ftl_opt_show(NULL, written, shown);
    size_t mark = ftl_opt_enter(reader, from->tag);
    if (suggest.nearest != NULL) {
        (void)ftl_opt_bad(reader, "unknown %s %s, did you mean \"%s\"?", from->tag, shown,
                          suggest.nearest);
    } else {
        (void)ftl_opt_bad(reader, "unknown %s %s; one of %s%s", from->tag, shown,
                          ftl_str_text(&names), names.is_cut ? "..." : "");
    }
    ftl_opt_leave(reader, mark);
    return false;
}

static const struct ftl_opt_table *find_alternative(const struct ftl_opt_union *from,
                                                    const char *name)
{
    const struct ftl_opt_table *table = NULL;
    for (size_t i = 0; (table = from->at(i)) != NULL; i++) {
        if (strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

static bool union_from_json(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                            const cJSON *json, void *to)
{
    const struct ftl_opt_union *from = row->alternatives;
    if (!cJSON_IsObject(json)) {
        return ftl_opt_bad(reader, "expected an object, got an array");
    }
    const cJSON *tag = ftl_json_get(json, from->tag);
    if (!cJSON_IsString(tag)) {
        ftl_opt_report(reader->errors, reader->place, from->tag, "%s",
                       tag == NULL ? "is required" : "expected a string");
        return false;
    }
    const struct ftl_opt_table *table = find_alternative(from, tag->valuestring);
    if (table == NULL) {
        return unknown_alternative(reader, from, tag->valuestring);
    }
    void *value = object_from_json(reader, table, from->tag, json);
    const char *where = value != NULL ? keep_place(reader) : NULL;
    if (where == NULL) {
        return false;
    }
    *(struct ftl_variant *)to =
        (struct ftl_variant){.table = table, .value = value, .where = where};
    return true;
}

/* Reads one entry's value; object and input values get memory of their own. */
static bool read_entry(struct ftl_opt_reader *reader, const struct ftl_opt *item, const cJSON *json,
                       struct ftl_map_entry *entry)
{
    entry->name = ftl_arena_strdup(reader->arena, json->string);
    if (entry->name == NULL) {
        return ftl_opt_no_memory(reader);
    }
    entry->where = keep_place(reader);
    if (entry->where == NULL) {
        return false;
    }
    if (item->kind == FTL_OPT_KIND_STRING) {
        return ftl_opt_read_value(reader, item, json, &entry->value.string);
    }
    if (item->kind == FTL_OPT_KIND_OBJECT) {
        entry->value.object = object_from_json(reader, item->table, NULL, json);
        return entry->value.object != NULL;
    }
    if (item->kind != FTL_OPT_KIND_INPUT) {
        return ftl_opt_bad(reader, "a map cannot hold items of kind %d", (int)item->kind);
    }
    entry->value.input = ftl_arena_alloc(reader->arena, 1, sizeof(*entry->value.input));
    if (entry->value.input == NULL) {
        return ftl_opt_no_memory(reader);
    }
    return ftl_opt_read_value(reader, item, json, entry->value.input);
}

static bool map_from_json(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                          const cJSON *json, void *to)
{
    if (!cJSON_IsObject(json)) {
        return ftl_opt_bad(reader, "expected an object, got an array");
    }
    size_t count = (size_t)cJSON_GetArraySize(json);
    if (!check_count(reader, row, count)) {
        return false;
    }
    struct ftl_opt item = ftl_opt_item_row(row);
    struct ftl_map_entry *entries =
        count > 0 ? ftl_arena_alloc(reader->arena, count, sizeof(*entries)) : NULL;
    if (count > 0 && entries == NULL) {
        return ftl_opt_no_memory(reader);
    }
    bool is_good = true;
    size_t index = 0;
    for (const cJSON *child = json->child; child != NULL; child = child->next, index++) {
        size_t mark = ftl_opt_enter(reader, child->string);
        is_good = read_entry(reader, &item, child, &entries[index]) && is_good;
        ftl_opt_leave(reader, mark);
    }
    if (is_good) {
        *(struct ftl_array *)to = (struct ftl_array){.items = entries, .count = count};
    }
    return is_good;
}

static void delete_json(void *json)
{
    cJSON_Delete(json);
}

static bool json_from_json(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                           const cJSON *json, void *to)
{
    (void)row;
    cJSON *copy = cJSON_Duplicate(json, true);
    if (copy == NULL || ftl_arena_defer(reader->arena, delete_json, copy) != FTL_OK) {
        return ftl_opt_no_memory(reader);
    }
    *(const cJSON **)to = copy;
    return true;
}

/* A flag's text is the JSON of the value. */
static bool from_json_flag(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                           const char *text, void *to)
{
    struct ftl_err err = {0};
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse(text, strlen(text), NULL, &json, &err) != FTL_OK) {
        return ftl_opt_bad(reader, "is not JSON: %s", err.msg);
    }
    return ftl_opt_read_value(reader, row, json, to);
}

static bool input_from_flag(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                            const char *text, void *to)
{
    return text[0] == '{' ? from_json_flag(reader, row, text, to)
                          : input_from_string(reader, row, text, to);
}

/* "a,b,c"; an empty text is an empty array. */
static bool array_from_list(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                            const char *text, void *to)
{
    struct ftl_opt item = ftl_opt_item_row(row);
    const struct ftl_opt_kind_ops *ops = ftl_opt_ops(item.kind);
    size_t count = text[0] != '\0' ? 1 : 0;
    for (const char *at = text; *at != '\0'; at++) {
        count += *at == ',' ? 1 : 0;
    }
    if (!check_count(reader, row, count)) {
        return false;
    }
    char *items = count > 0 ? ftl_arena_alloc(reader->arena, count, ops->size) : NULL;
    if (count > 0 && items == NULL) {
        return ftl_opt_no_memory(reader);
    }
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(text, ",");
        const char *one = ftl_arena_strndup(reader->arena, text, length);
        if (one == NULL) {
            return ftl_opt_no_memory(reader);
        }
        void *at = items + i * ops->size;
        bool is_good = ops->from_flag != NULL ? ops->from_flag(reader, &item, one, at)
                                              : ops->from_string(reader, &item, one, at);
        if (!is_good) {
            return false;
        }
        text += length + (text[length] == ',' ? 1 : 0);
    }
    *(struct ftl_array *)to = (struct ftl_array){.items = items, .count = count};
    return true;
}

static bool array_from_flag(struct ftl_opt_reader *reader, const struct ftl_opt *row,
                            const char *text, void *to)
{
    bool is_list = ftl_opt_scalar_ops(row->item) != NULL || row->item == FTL_OPT_KIND_INPUT;
    return is_list && text[0] != '[' ? array_from_list(reader, row, text, to)
                                     : from_json_flag(reader, row, text, to);
}

static const struct ftl_opt_kind_ops containers[] = {
    [FTL_OPT_KIND_INPUT] = {.size = sizeof(struct ftl_input_ref),
                            .expects = "the name of an input, a URL, a path or a source object",
                            .from_string = input_from_string,
                            .from_json = input_from_json,
                            .from_flag = input_from_flag},
    [FTL_OPT_KIND_OBJECT] = {.size = sizeof(const void *),
                             .expects = "an object",
                             .from_bool = object_from_bool,
                             .from_json = read_object,
                             .from_flag = from_json_flag},
    [FTL_OPT_KIND_ARRAY] = {.size = sizeof(struct ftl_array),
                            .expects = "an array",
                            .from_json = array_from_json,
                            .from_flag = array_from_flag},
    [FTL_OPT_KIND_UNION] = {.size = sizeof(struct ftl_variant),
                            .expects = "an object",
                            .from_json = union_from_json,
                            .from_flag = from_json_flag},
    [FTL_OPT_KIND_MAP] = {.size = sizeof(struct ftl_array),
                          .expects = "an object",
                          .from_json = map_from_json,
                          .from_flag = from_json_flag},
    [FTL_OPT_KIND_JSON] = {.size = sizeof(const cJSON *),
                           .expects = "JSON",
                           .from_json = json_from_json,
                           .from_flag = from_json_flag},
};

const struct ftl_opt_kind_ops *ftl_opt_container_ops(enum ftl_opt_kind kind)
{
    size_t index = (size_t)kind;
    if (index >= sizeof(containers) / sizeof(containers[0]) || containers[index].size == 0) {
        return NULL;
    }
    return &containers[index];
}
