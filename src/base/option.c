#include <stdio.h>
#include <string.h>

#include <fettle/option.h>

#include "base/mem.h"
#include "base/option_impl.h"
#include "base/suggest.h"

static void add_error(struct ftl_opt_errors *errors, const struct ftl_err *err)
{
    if (errors->count < FTL_OPT_MAX_ERRORS) {
        errors->list[errors->count] = *err;
    }
    errors->count++;
}

void ftl_opt_report(struct ftl_opt_errors *errors, const char *where, const char *member,
                    const char *fmt, ...)
{
    struct ftl_err err = {0};
    va_list args;
    va_start(args, fmt);
    char msg[sizeof(err.msg)];
    (void)vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    (void)ftl_fail(&err, FTL_SPEC, "%s", msg);
    (void)ftl_err_at(&err, where);
    if (member != NULL) {
        ftl_json_pointer_add(err.where, sizeof(err.where), member);
    }
    add_error(errors, &err);
}

bool ftl_opt_bad(struct ftl_opt_reader *reader, const char *fmt, ...)
{
    struct ftl_err err = {0};
    char msg[sizeof(err.msg)];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    ftl_opt_report(reader->errors, reader->place, NULL, "%s", msg);
    return false;
}

bool ftl_opt_no_memory(struct ftl_opt_reader *reader)
{
    struct ftl_err err = {0};
    (void)ftl_fail(&err, FTL_NOMEM, "no memory for the options");
    (void)ftl_err_at(&err, reader->place);
    add_error(reader->errors, &err);
    return false;
}

void ftl_opt_show(const struct ftl_opt *row, const char *text, char to[FTL_OPT_SHOWN_SIZE])
{
    if (row != NULL && (row->flags & FTL_OPT_SECRET) != 0) {
        (void)ftl_copy_text(to, FTL_OPT_SHOWN_SIZE, "***");
        return;
    }
    size_t length = strlen(text);
    size_t shown = 0; /* whole characters, and few enough that their escapes fit below */
    while (shown < length && shown < 40) {
        size_t n = ftl_utf8_next(text + shown, length - shown);
        shown += n > 0 ? n : 1;
    }
    FTL_AUTO_STR struct ftl_str quoted = FTL_STR_INIT(FTL_OPT_SHOWN_SIZE - 8);
    ftl_json_quote(&quoted, text, shown);
    (void)snprintf(to, FTL_OPT_SHOWN_SIZE, "%s%s", ftl_str_text(&quoted),
                   shown < length || quoted.is_cut ? "..." : "");
}

size_t ftl_opt_enter(struct ftl_opt_reader *reader, const char *name)
{
    size_t mark = strlen(reader->place);
    ftl_json_pointer_add(reader->place, sizeof(reader->place), name);
    return mark;
}

size_t ftl_opt_enter_index(struct ftl_opt_reader *reader, size_t index)
{
    size_t mark = strlen(reader->place);
    ftl_json_pointer_index(reader->place, sizeof(reader->place), index);
    return mark;
}

void ftl_opt_leave(struct ftl_opt_reader *reader, size_t mark)
{
    reader->place[mark] = '\0';
}

const struct ftl_opt_kind_ops *ftl_opt_ops(enum ftl_opt_kind kind)
{
    const struct ftl_opt_kind_ops *ops = ftl_opt_scalar_ops(kind);
    return ops != NULL ? ops : ftl_opt_container_ops(kind);
}

struct ftl_opt ftl_opt_item_row(const struct ftl_opt *row)
{
    return (struct ftl_opt){.name = row->name,
                            .kind = row->item,
                            .flags = row->flags & FTL_OPT_SECRET,
                            .unit = row->unit,
                            .help = row->help,
                            .choices = row->choices,
                            .table = row->table,
                            .alternatives = row->alternatives};
}

static const char *json_type(const cJSON *json)
{
    if (cJSON_IsNull(json)) {
        return "null";
    }
    if (cJSON_IsBool(json)) {
        return cJSON_IsTrue(json) ? "true" : "false";
    }
    if (cJSON_IsNumber(json)) {
        return "a number";
    }
    if (cJSON_IsString(json)) {
        return "a string";
    }
    return cJSON_IsArray(json) ? "an array" : "an object";
}

bool ftl_opt_read_value(struct ftl_opt_reader *reader, const struct ftl_opt *row, const cJSON *json,
                        void *to)
{
    const struct ftl_opt_kind_ops *ops = ftl_opt_ops(row->kind);
    if (ops == NULL) {
        return ftl_opt_bad(reader, "option of an unknown kind %d", (int)row->kind);
    }
    if (cJSON_IsBool(json) && ops->from_bool != NULL) {
        return ops->from_bool(reader, row, cJSON_IsTrue(json) != 0, to);
    }
    if (cJSON_IsNumber(json) && ops->from_number != NULL) {
        return ops->from_number(reader, row, json->valuedouble, to);
    }
    if (cJSON_IsString(json) && ops->from_string != NULL) {
        return ops->from_string(reader, row, json->valuestring, to);
    }
    bool is_container = cJSON_IsObject(json) || cJSON_IsArray(json);
    if (ops->from_json != NULL && (is_container || row->kind == FTL_OPT_KIND_JSON)) {
        return ops->from_json(reader, row, json, to);
    }
    return ftl_opt_bad(reader, "expected %s, got %s", ops->expects, json_type(json));
}

static size_t rows_count(const struct ftl_opt_table *table)
{
    size_t count = 0;
    while (table->rows[count].kind != FTL_OPT_KIND_END) {
        count++;
    }
    return count;
}

const struct ftl_opt *ftl_opt_find(const struct ftl_opt_table *table, const char *name)
{
    for (const struct ftl_opt *row = table->rows; row->kind != FTL_OPT_KIND_END; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

const char *ftl_opt_suggest(const struct ftl_opt_table *table, const char *name)
{
    struct ftl_suggest suggest = ftl_suggest_start(name);
    for (const struct ftl_opt *row = table->rows; row->kind != FTL_OPT_KIND_END; row++) {
        if ((row->flags & FTL_OPT_DEPRECATED) == 0) {
            ftl_suggest_offer(&suggest, row->name);
        }
    }
    return suggest.nearest;
}

static void *field(const struct ftl_opt *row, void *object)
{
    return (char *)object + row->offset;
}

static void start_with_defaults(const struct ftl_opt_table *table, void *to)
{
    if (table->defaults != NULL) {
        memcpy(to, table->defaults, table->size);
    } else {
        memset(to, 0, table->size);
    }
    for (const struct ftl_opt *row = table->rows; row->kind != FTL_OPT_KIND_END; row++) {
        if (row->kind == FTL_OPT_KIND_INPUT) {
            struct ftl_input_ref *ref = field(row, to);
            ref->index = -1; /* also where the defaults are zeros */
        }
    }
}

/* Reads one member; marks its row's bit in *seen. */
static void read_member(struct ftl_opt_reader *reader, const struct ftl_opt_table *table,
                        const cJSON *member, uint64_t *seen, void *to)
{
    size_t mark = ftl_opt_enter(reader, member->string);
    const struct ftl_opt *row = ftl_opt_find(table, member->string);
    if (row == NULL) {
        const char *nearest = ftl_opt_suggest(table, member->string);
        if (nearest != NULL) {
            (void)ftl_opt_bad(reader, "unknown key, did you mean \"%s\"?", nearest);
        } else {
            (void)ftl_opt_bad(reader, "unknown key");
        }
    } else {
        uint64_t bit = UINT64_C(1) << (row - table->rows);
        if ((*seen & bit) != 0) {
            (void)ftl_opt_bad(reader, "given twice");
        } else {
            (void)ftl_opt_read_value(reader, row, member, field(row, to));
        }
        *seen |= bit;
    }
    ftl_opt_leave(reader, mark);
}

bool ftl_opt_read_object(struct ftl_opt_reader *reader, const struct ftl_opt_table *table,
                         const char *tag, const cJSON *json, void *to)
{
    if (!cJSON_IsObject(json)) {
        return ftl_opt_bad(reader, "expected an object, got %s", json_type(json));
    }
    if (rows_count(table) > FTL_OPT_MAX_ROWS) {
        return ftl_opt_bad(reader, "the option table \"%s\" has too many rows", table->name);
    }
    size_t errors_before = reader->errors->count;
    start_with_defaults(table, to);
    uint64_t seen = 0;
    for (const cJSON *child = json->child; child != NULL; child = child->next) {
        if (tag == NULL || strcmp(child->string, tag) != 0) {
            read_member(reader, table, child, &seen, to);
        }
    }
    for (size_t i = 0; table->rows[i].kind != FTL_OPT_KIND_END; i++) {
        const struct ftl_opt *row = &table->rows[i];
        if ((row->flags & FTL_OPT_REQUIRED) != 0 && (seen >> i & 1) == 0) {
            ftl_opt_report(reader->errors, reader->place, row->name, "is required");
        }
    }
    if (table->set_offset != SIZE_MAX) {
        memcpy((char *)to + table->set_offset, &seen, sizeof(seen));
    }
    if (reader->errors->count == errors_before && table->check != NULL) {
        table->check(to, reader->place, reader->errors);
    }
    return reader->errors->count == errors_before;
}

enum ftl_code ftl_opt_parse(const struct ftl_opt_table *table, const struct cJSON *json,
                            const char *where, struct ftl_arena *arena, void *ret,
                            struct ftl_opt_errors *errors)
{
    struct ftl_opt_reader reader = {.arena = arena, .errors = errors};
    (void)ftl_copy_text(reader.place, sizeof(reader.place), where);
    size_t before = errors->count;
    void *value = ftl_arena_alloc(arena, 1, table->size);
    if (value == NULL) {
        (void)ftl_opt_no_memory(&reader);
        return FTL_NOMEM;
    }
    if (ftl_opt_read_object(&reader, table, NULL, json, value)) {
        memcpy(ret, value, table->size);
        return FTL_OK;
    }
    bool is_kept = before < FTL_OPT_MAX_ERRORS;
    return is_kept ? errors->list[before].code : FTL_SPEC;
}

enum ftl_code ftl_opt_set_text(const struct ftl_opt_table *table, const char *name,
                               const char *text, struct ftl_arena *arena, void *value,
                               struct ftl_err *err)
{
    struct ftl_opt_errors errors = {0};
    struct ftl_opt_reader reader = {.arena = arena, .errors = &errors};
    const struct ftl_opt *row = ftl_opt_find(table, name);
    if (row == NULL) {
        const char *nearest = ftl_opt_suggest(table, name);
        (void)ftl_fail(err, FTL_SPEC, "unknown option%s%s%s",
                       nearest != NULL ? ", did you mean \"" : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "\"?" : "");
        return ftl_err_at(err, name);
    }
    const struct ftl_opt_kind_ops *ops = ftl_opt_ops(row->kind);
    void *scratch = ops != NULL ? ftl_arena_alloc(arena, 1, ops->size) : NULL;
    if (scratch == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for the options");
    }
    (void)ftl_copy_text(reader.place, sizeof(reader.place), name);
    bool is_read = false;
    if (!ftl_is_utf8(text, strlen(text))) {
        (void)ftl_opt_bad(&reader, "is not UTF-8");
    } else if (ops->from_flag != NULL) {
        is_read = ops->from_flag(&reader, row, text, scratch);
    } else {
        is_read = ops->from_string(&reader, row, text, scratch);
    }
    if (!is_read) {
        *err = errors.list[0];
        return err->code;
    }
    memcpy(field(row, value), scratch, ops->size);
    if (table->set_offset != SIZE_MAX) {
        uint64_t seen = 0;
        memcpy(&seen, (char *)value + table->set_offset, sizeof(seen));
        seen |= UINT64_C(1) << (row - table->rows);
        memcpy((char *)value + table->set_offset, &seen, sizeof(seen));
    }
    return FTL_OK;
}
