#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "base/number.h"

enum { DEFAULT_BYTES = 64 * 1024, DEFAULT_DEPTH = 16, MAX_DEPTH = 200 };

struct member {
    const cJSON *item;
    size_t ordinal;
};

static int compare_members(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    int order = strcmp(a->item->string, b->item->string);
    if (order != 0) {
        return order;
    }
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

/* The first member (in document order) whose name came before in `object`. Sorting, because a
 * hostile document can have 10^5 members. */
static enum ftl_code repeated_member(const cJSON *object, const cJSON **ret)
{
    size_t count = 0;
    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        count++;
    }
    if (count < 2) {
        return FTL_OK;
    }
    FTL_AUTO_FREE struct member *members = ftl_calloc(count, sizeof(*members));
    if (members == NULL) {
        return FTL_NOMEM;
    }
    size_t i = 0;
    for (const cJSON *child = object->child; child != NULL; child = child->next, i++) {
        members[i] = (struct member){.item = child, .ordinal = i};
    }
    qsort(members, count, sizeof(*members), compare_members);
    size_t first = SIZE_MAX;
    for (i = 1; i < count; i++) {
        if (strcmp(members[i - 1].item->string, members[i].item->string) == 0 &&
            members[i].ordinal < first) {
            first = members[i].ordinal;
            *ret = members[i].item;
        }
    }
    return FTL_OK;
}

/* Recursion is bounded by the depth that the scan allowed. */
static enum ftl_code find_repeated(const cJSON *json, const cJSON **ret)
{
    if (cJSON_IsObject(json) && repeated_member(json, ret) != FTL_OK) {
        return FTL_NOMEM;
    }
    for (const cJSON *child = json->child; child != NULL && *ret == NULL; child = child->next) {
        if (child->child != NULL && find_repeated(child, ret) != FTL_OK) {
            return FTL_NOMEM;
        }
    }
    return FTL_OK;
}

struct place {
    const cJSON *target;
    size_t members; /* passed so far, in document order */
    char pointer[96];
};

static bool find_place(const cJSON *json, struct place *place)
{
    size_t index = 0;
    for (const cJSON *child = json->child; child != NULL; child = child->next, index++) {
        size_t mark = strlen(place->pointer);
        if (cJSON_IsObject(json)) {
            place->members++;
            ftl_json_pointer_add(place->pointer, sizeof(place->pointer), child->string);
        } else {
            ftl_json_pointer_index(place->pointer, sizeof(place->pointer), index);
        }
        if (child == place->target || find_place(child, place)) {
            return true;
        }
        place->pointer[mark] = '\0';
    }
    return false;
}

static enum ftl_code refuse_repeated(const char *text, size_t length,
                                     const struct ftl_json_limits *limits, const cJSON *json,
                                     struct ftl_err *err)
{
    const cJSON *repeated = NULL;
    if (find_repeated(json, &repeated) != FTL_OK) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a JSON document");
    }
    if (repeated == NULL) {
        return FTL_OK;
    }
    struct place place = {.target = repeated};
    (void)find_place(json, &place); /* it is in there */
    if (ftl_json_scan(text, length, limits, place.members, err) == FTL_OK) {
        return ftl_fail(err, FTL_INTERNAL, "duplicate member not found again");
    }
    FTL_AUTO_STR struct ftl_str quoted = FTL_STR_INIT(64);
    ftl_json_quote(&quoted, repeated->string, strlen(repeated->string));
    (void)ftl_fail(err, FTL_SPEC, "%s %s", err->msg, ftl_str_text(&quoted));
    return ftl_err_at(err, place.pointer);
}

enum ftl_code ftl_json_parse(const char *text, size_t length, const struct ftl_json_limits *limits,
                             cJSON **ret, struct ftl_err *err)
{
    struct ftl_json_limits all = limits != NULL ? *limits : (struct ftl_json_limits){0};
    all.bytes = all.bytes != 0 ? all.bytes : DEFAULT_BYTES;
    all.string = all.string != 0 ? all.string : DEFAULT_BYTES;
    all.depth = all.depth > 0 ? all.depth : DEFAULT_DEPTH;
    all.depth = all.depth < MAX_DEPTH ? all.depth : MAX_DEPTH;
    if (length > all.bytes) {
        return ftl_fail(err, FTL_LIMIT, "JSON of %zu bytes; at most %zu are taken", length,
                        all.bytes);
    }
    /* the scan may look one character ahead, so it works on a terminated copy */
    FTL_AUTO_FREE char *copy = ftl_calloc(length + 1, 1);
    if (copy == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a JSON document");
    }
    if (length > 0) {
        memcpy(copy, text, length);
    }
    if (ftl_json_scan(copy, length, &all, 0, err) != FTL_OK) {
        return err->code;
    }
    FTL_AUTO(json) cJSON *json = cJSON_ParseWithLength(copy, length + 1);
    if (json == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a JSON document");
    }
    if (refuse_repeated(copy, length, &all, json, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(json);
    return FTL_OK;
}

const cJSON *ftl_json_get(const cJSON *object, const char *name)
{
    if (!cJSON_IsObject(object)) {
        return NULL;
    }
    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        if (child->string != NULL && strcmp(child->string, name) == 0) {
            return child;
        }
    }
    return NULL;
}

/* True if the pointer's token (up to "/" or the end) is `name` with ~ and / escaped. */
static bool token_is(const char *token, size_t length, const char *name)
{
    size_t at = 0;
    for (; *name != '\0'; name++) {
        const char *want = *name == '~' ? "~0" : *name == '/' ? "~1" : NULL;
        size_t n = want != NULL ? 2 : 1;
        if (length - at < n || memcmp(token + at, want != NULL ? want : name, n) != 0) {
            return false;
        }
        at += n;
    }
    return at == length;
}

static const cJSON *child_at(const cJSON *json, const char *token, size_t length)
{
    const cJSON *child = json->child;
    if (cJSON_IsObject(json)) {
        while (child != NULL && !token_is(token, length, child->string)) {
            child = child->next;
        }
        return child;
    }
    if (!cJSON_IsArray(json) || length == 0 || length > 9 || (token[0] == '0' && length > 1)) {
        return NULL;
    }
    size_t index = 0;
    for (size_t i = 0; i < length; i++) {
        if (token[i] < '0' || token[i] > '9') {
            return NULL;
        }
        index = index * 10 + (size_t)(token[i] - '0');
    }
    while (child != NULL && index > 0) {
        child = child->next;
        index--;
    }
    return child;
}

const cJSON *ftl_json_at(const cJSON *document, const char *pointer)
{
    const cJSON *json = document;
    while (json != NULL && *pointer == '/') {
        pointer++;
        size_t length = strcspn(pointer, "/");
        json = child_at(json, pointer, length);
        pointer += length;
    }
    return *pointer == '\0' ? json : NULL;
}

const char *ftl_json_string(const cJSON *object, const char *name, const char *otherwise)
{
    const cJSON *item = ftl_json_get(object, name);
    return cJSON_IsString(item) ? item->valuestring : otherwise;
}

double ftl_json_number(const cJSON *object, const char *name, double otherwise)
{
    const cJSON *item = ftl_json_get(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

int64_t ftl_json_int64(const cJSON *object, const char *name, int64_t otherwise)
{
    const cJSON *item = ftl_json_get(object, name);
    int64_t value = 0;
    if (cJSON_IsNumber(item) && ftl_number_is_int(item->valuedouble)) {
        return (int64_t)item->valuedouble;
    }
    return cJSON_IsString(item) && ftl_int64_parse(item->valuestring, &value) ? value : otherwise;
}

bool ftl_json_bool(const cJSON *object, const char *name, bool otherwise)
{
    const cJSON *item = ftl_json_get(object, name);
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) != 0 : otherwise;
}
