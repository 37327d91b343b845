/* Option tables as JSON Schema 2020-12. */
#include <stdio.h>
#include <string.h>

#include <fettle/option.h>

#include "base/mem.h"
#include "base/option_impl.h"
#include "base/source.h"

static cJSON *typed(const char *type)
{
    cJSON *schema = ftl_json_object();
    ftl_json_add_string(schema, "type", type);
    return schema;
}

static cJSON *bounded(const char *type, double min, double max)
{
    cJSON *schema = typed(type);
    if (min < 0 || min > 0 || max < 0 || max > 0) {
        ftl_json_add(schema, "minimum", cJSON_CreateNumber(min));
        ftl_json_add(schema, "maximum", cJSON_CreateNumber(max));
    }
    return schema;
}

static cJSON *patterned(const char *pattern)
{
    cJSON *schema = typed("string");
    ftl_json_add_string(schema, "pattern", pattern);
    return schema;
}

static cJSON *any_of(cJSON *first, cJSON *second)
{
    cJSON *list = ftl_json_array();
    ftl_json_append(list, first);
    ftl_json_append(list, second);
    cJSON *schema = ftl_json_object();
    ftl_json_add(schema, "anyOf", list);
    return schema;
}

static cJSON *choices(const struct ftl_opt *row)
{
    cJSON *list = ftl_json_array();
    for (const struct ftl_choice *choice = row->choices; choice->name != NULL; choice++) {
        ftl_json_append(list, cJSON_CreateString(choice->name));
    }
    cJSON *schema = ftl_json_object();
    ftl_json_add(schema, "enum", list);
    return schema;
}

static cJSON *string(const struct ftl_opt *row)
{
    cJSON *schema = typed("string");
    if (row->max > 0) { /* characters are at most bytes */
        ftl_json_add(schema, "maxLength", cJSON_CreateNumber(row->max));
    }
    return schema;
}

#define DECIMAL "[0-9]+(\\.[0-9]+)?"
#define CLOCK   "[0-9]{1,6}(:[0-5][0-9]){1,2}(\\.[0-9]{1,9})?"

/* Texts are anchored; the forms are those of quantity.h. */
static const char duration_text[] = "^(" DECIMAL "(ms|s|m|h|d)?|" CLOCK ")$";
static const char time_text[] = "^(" DECIMAL "(ms|s|m|h|d|%)?|" CLOCK ")$";
static const char bytes_text[] = "^" DECIMAL "([kKMGT]B?|[KMGT]iB?|B)?$";
static const char bitrate_text[] = "^" DECIMAL "[kKMG]?$";
static const char size_text[] = "^[0-9]{1,9}x[0-9]{1,9}$";
static const char ratio_text[] = "^" DECIMAL "(:" DECIMAL ")?$";
static const char rate_text[] = "^(" DECIMAL "|[0-9]{1,9}/[0-9]{1,9})$";
static const char length_text[] = "^" DECIMAL "(px|%)?$";
static const char colour_text[] = "^(#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})|[a-zA-Z]+)$";

static cJSON *scalar(const struct ftl_opt *row)
{
    switch (row->kind) {
    case FTL_OPT_KIND_BOOL:
        return typed("boolean");
    case FTL_OPT_KIND_INT:
        return bounded("integer", row->min, row->max);
    case FTL_OPT_KIND_INT64:
        return any_of(bounded("integer", row->min, row->max), patterned("^-?[0-9]{1,19}$"));
    case FTL_OPT_KIND_DOUBLE:
        return bounded("number", row->min, row->max);
    case FTL_OPT_KIND_STRING:
        return string(row);
    case FTL_OPT_KIND_CHOICE:
        return choices(row);
    case FTL_OPT_KIND_DURATION:
        return any_of(bounded("number", row->min, row->max), patterned(duration_text));
    case FTL_OPT_KIND_TIME: {
        cJSON *schema = any_of(bounded("number", row->min, row->max > 0 ? row->max : 1e6),
                               patterned(time_text));
        return row->choices != NULL ? any_of(schema, choices(row)) : schema;
    }
    case FTL_OPT_KIND_BYTES:
        return any_of(bounded("integer", row->min, row->max), patterned(bytes_text));
    case FTL_OPT_KIND_BITRATE:
        return any_of(bounded("integer", row->min, row->max), patterned(bitrate_text));
    case FTL_OPT_KIND_SIZE:
        return patterned(size_text);
    case FTL_OPT_KIND_RATIO:
        return any_of(bounded("number", 0.01, 100), patterned(ratio_text));
    case FTL_OPT_KIND_RATE:
        return any_of(bounded("number", row->min, row->max), patterned(rate_text));
    case FTL_OPT_KIND_LENGTH:
        return any_of(bounded("number", row->min, row->max > 0 ? row->max : 1e6),
                      patterned(length_text));
    case FTL_OPT_KIND_COLOUR:
        return patterned(colour_text);
    default:
        return ftl_json_object(); /* JSON: anything */
    }
}

static cJSON *object(const struct ftl_opt_table *table, const char *tag);

static cJSON *one_of(const struct ftl_opt_union *from)
{
    cJSON *list = ftl_json_array();
    const struct ftl_opt_table *table = NULL;
    for (size_t i = 0; (table = from->at(i)) != NULL; i++) {
        ftl_json_append(list, object(table, from->tag));
    }
    cJSON *schema = typed("object");
    ftl_json_add(schema, "oneOf", list);
    return schema;
}

static cJSON *input(void)
{
    cJSON *text = typed("string");
    ftl_json_add(text, "minLength", cJSON_CreateNumber(1));
    return any_of(text, object(&ftl_source_table, NULL));
}

static cJSON *refusal(void)
{
    cJSON *schema = ftl_json_object();
    ftl_json_add_bool(schema, "const", false);
    return schema;
}

static cJSON *value_of(const struct ftl_opt *row);

static void add_counts(cJSON *schema, const struct ftl_opt *row, const char *least,
                       const char *most)
{
    if (row->min > 0) {
        ftl_json_add(schema, least, cJSON_CreateNumber(row->min));
    }
    if (row->max > 0) {
        ftl_json_add(schema, most, cJSON_CreateNumber(row->max));
    }
}

/* The schema of a value alone, without description and default. */
static cJSON *value_of(const struct ftl_opt *row)
{
    struct ftl_opt item = ftl_opt_item_row(row);
    cJSON *schema = NULL;
    switch (row->kind) {
    case FTL_OPT_KIND_ARRAY:
        schema = typed("array");
        ftl_json_add(schema, "items", value_of(&item));
        add_counts(schema, row, "minItems", "maxItems");
        return schema;
    case FTL_OPT_KIND_MAP:
        schema = typed("object");
        ftl_json_add(schema, "additionalProperties", value_of(&item));
        add_counts(schema, row, "minProperties", "maxProperties");
        return schema;
    case FTL_OPT_KIND_OBJECT:
        return (row->flags & FTL_OPT_OR_FALSE) != 0 ? any_of(object(row->table, NULL), refusal())
                                                    : object(row->table, NULL);
    case FTL_OPT_KIND_UNION:
        return one_of(row->alternatives);
    case FTL_OPT_KIND_INPUT:
        return input();
    default:
        return scalar(row);
    }
}

static void add_default(cJSON *schema, const struct ftl_opt_table *table, const struct ftl_opt *row)
{
    bool is_optional = (row->flags & (FTL_OPT_REQUIRED | FTL_OPT_SECRET)) == 0;
    if (table->defaults == NULL || !is_optional || ftl_opt_container_ops(row->kind) != NULL) {
        return;
    }
    const void *value = (const char *)table->defaults + row->offset;
    cJSON *json = NULL;
    if (ftl_opt_is_in_range(row, value) && ftl_opt_print_value(row, value, false, &json) &&
        json != NULL)
    {
        ftl_json_add(schema, "default", json);
    }
}

static cJSON *property(const struct ftl_opt_table *table, const struct ftl_opt *row)
{
    cJSON *schema = value_of(row);
    if (row->help != NULL && row->unit != NULL) {
        char text[512];
        (void)snprintf(text, sizeof(text), "%s (%s)", row->help, row->unit);
        cJSON_DeleteItemFromObjectCaseSensitive(schema, "description");
        ftl_json_add_string(schema, "description", text);
    } else if (row->help != NULL) {
        cJSON_DeleteItemFromObjectCaseSensitive(schema, "description");
        ftl_json_add_string(schema, "description", row->help);
    }
    add_default(schema, table, row);
    if ((row->flags & FTL_OPT_DEPRECATED) != 0) {
        ftl_json_add_bool(schema, "deprecated", true);
    }
    if ((row->flags & FTL_OPT_SECRET) != 0) {
        ftl_json_add_bool(schema, "writeOnly", true);
    }
    return schema;
}

/* Recursion is as deep as tables nest. */
static cJSON *object(const struct ftl_opt_table *table, const char *tag)
{
    cJSON *schema = typed("object");
    if (table->summary != NULL) {
        ftl_json_add_string(schema, "description", table->summary);
    }
    cJSON *properties = ftl_json_object();
    cJSON *required = ftl_json_array();
    if (tag != NULL) {
        cJSON *name = ftl_json_object();
        ftl_json_add_string(name, "const", table->name);
        ftl_json_add(properties, tag, name);
        ftl_json_append(required, cJSON_CreateString(tag));
    }
    for (const struct ftl_opt *row = table->rows; row->kind != FTL_OPT_KIND_END; row++) {
        ftl_json_add(properties, row->name, property(table, row));
        if ((row->flags & FTL_OPT_REQUIRED) != 0) {
            ftl_json_append(required, cJSON_CreateString(row->name));
        }
    }
    ftl_json_add(schema, "properties", properties);
    if (cJSON_GetArraySize(required) > 0) {
        ftl_json_add(schema, "required", required);
    } else {
        cJSON_Delete(required);
    }
    ftl_json_add_bool(schema, "additionalProperties", false);
    return schema;
}

struct cJSON *ftl_opt_schema(const struct ftl_opt_table *table)
{
    return object(table, NULL);
}
