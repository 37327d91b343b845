#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"

static cJSON *must(cJSON *item)
{
    if (item == NULL) {
        abort(); /* a few dozen bytes were not to be had */
    }
    return item;
}

cJSON *ftl_json_object(void)
{
    return must(cJSON_CreateObject());
}

cJSON *ftl_json_array(void)
{
    return must(cJSON_CreateArray());
}

void ftl_json_append(cJSON *array, cJSON *item)
{
    if (!cJSON_AddItemToArray(array, must(item))) {
        abort();
    }
}

void ftl_json_add(cJSON *object, const char *name, cJSON *item)
{
    if (!cJSON_AddItemToObject(object, name, must(item))) {
        abort();
    }
}

void ftl_json_add_string(cJSON *object, const char *name, const char *text)
{
    ftl_json_add(object, name, text != NULL ? cJSON_CreateString(text) : cJSON_CreateNull());
}

cJSON *ftl_json_from_int64(int64_t value)
{
    if (value >= -FTL_EXACT_INT_MAX && value <= FTL_EXACT_INT_MAX) {
        return cJSON_CreateNumber((double)value);
    }
    char text[FTL_NUMBER_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    return cJSON_CreateString(text);
}

void ftl_json_add_int64(cJSON *object, const char *name, int64_t value)
{
    ftl_json_add(object, name, ftl_json_from_int64(value));
}

void ftl_json_add_double(cJSON *object, const char *name, double value, int digits)
{
    cJSON *item =
        isfinite(value) ? cJSON_CreateNumber(ftl_number_round(value, digits)) : cJSON_CreateNull();
    ftl_json_add(object, name, item);
}

void ftl_json_add_bool(cJSON *object, const char *name, bool value)
{
    ftl_json_add(object, name, cJSON_CreateBool(value));
}

static void quote_ascii(struct ftl_str *ret, char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char escaped[] = "\"\\bfnrt";
    const char *at = strchr(plain, c);
    if (at != NULL) {
        const char pair[2] = {'\\', escaped[at - plain]};
        ftl_str_add_bytes(ret, pair, 2);
    } else if ((unsigned char)c < 0x20 || c == 0x7f) {
        ftl_str_printf(ret, "\\u%04x", (unsigned)(unsigned char)c);
    } else {
        ftl_str_add_bytes(ret, &c, 1);
    }
}

void ftl_json_quote(struct ftl_str *ret, const char *text, size_t length)
{
    ftl_str_add_bytes(ret, "\"", 1);
    size_t at = 0;
    while (at < length) {
        size_t n = ftl_utf8_next(text + at, length - at);
        if (n == 1) {
            quote_ascii(ret, text[at]);
        } else if (n > 1) {
            ftl_str_add_bytes(ret, text + at, n);
        } else {
            ftl_str_add(ret, "\xef\xbf\xbd");
        }
        at += n > 0 ? n : 1;
    }
    ftl_str_add_bytes(ret, "\"", 1);
}

struct printer {
    struct ftl_str *ret;
    bool is_pretty;
    int depth;
};

static void new_line(const struct printer *printer)
{
    if (printer->is_pretty) {
        ftl_str_printf(printer->ret, "\n%*s", printer->depth * 2, "");
    }
}

static void print_item(struct printer *printer, const cJSON *item);

static void print_children(struct printer *printer, const cJSON *parent)
{
    bool is_object = cJSON_IsObject(parent) != 0;
    ftl_str_add(printer->ret, is_object ? "{" : "[");
    printer->depth++;
    for (const cJSON *child = parent->child; child != NULL; child = child->next) {
        new_line(printer);
        if (is_object) {
            const char *name = child->string != NULL ? child->string : "";
            ftl_json_quote(printer->ret, name, strlen(name));
            ftl_str_add(printer->ret, printer->is_pretty ? ": " : ":");
        }
        print_item(printer, child);
        if (child->next != NULL) {
            ftl_str_add(printer->ret, ",");
        }
    }
    printer->depth--;
    if (parent->child != NULL) {
        new_line(printer);
    }
    ftl_str_add(printer->ret, is_object ? "}" : "]");
}

/* Recursion is as deep as the tree: what we built, or what the scan allowed. */
static void print_item(struct printer *printer, const cJSON *item)
{
    if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        print_children(printer, item);
    } else if (cJSON_IsString(item)) {
        ftl_json_quote(printer->ret, item->valuestring, strlen(item->valuestring));
    } else if (cJSON_IsNumber(item)) {
        char text[FTL_NUMBER_TEXT_SIZE];
        ftl_number_print(item->valuedouble, text);
        ftl_str_add(printer->ret, text);
    } else if (cJSON_IsBool(item)) {
        ftl_str_add(printer->ret, cJSON_IsTrue(item) ? "true" : "false");
    } else if (cJSON_IsRaw(item)) {
        ftl_str_add(printer->ret, item->valuestring);
    } else {
        ftl_str_add(printer->ret, "null");
    }
}

void ftl_json_print(const cJSON *json, bool is_pretty, struct ftl_str *ret)
{
    struct printer printer = {.ret = ret, .is_pretty = is_pretty};
    print_item(&printer, json);
}

void ftl_json_pointer_add(char *pointer, size_t size, const char *name)
{
    size_t at = strlen(pointer);
    if (at + 1 >= size) {
        return;
    }
    pointer[at++] = '/';
    for (; *name != '\0'; name++) {
        bool is_escaped = *name == '~' || *name == '/';
        if (at + (is_escaped ? 2 : 1) >= size) {
            break;
        }
        pointer[at++] = is_escaped ? '~' : *name;
        if (is_escaped) {
            pointer[at++] = *name == '~' ? '0' : '1';
        }
    }
    pointer[at] = '\0';
}

void ftl_json_pointer_index(char *pointer, size_t size, size_t index)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%zu", index);
    ftl_json_pointer_add(pointer, size, text);
}
