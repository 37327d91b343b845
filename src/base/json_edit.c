#include "base/json_edit.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TOKEN = 256 };

/* Copies the reference token that starts at `at` (after its "/") unescaped; returns its end, NULL
 * if too long. */
static const char *read_token(const char *at, char token[MAX_TOKEN])
{
    size_t used = 0;
    for (; *at != '\0' && *at != '/'; at++) {
        if (used + 1 >= MAX_TOKEN) {
            return NULL;
        }
        bool is_escape = *at == '~' && (at[1] == '0' || at[1] == '1');
        token[used++] = (char)(!is_escape ? *at : at[1] == '1' ? '/' : '~');
        at += is_escape ? 1 : 0;
    }
    token[used] = '\0';
    return at;
}

static cJSON *child_named(cJSON *parent, const char *token)
{
    if (!cJSON_IsArray(parent)) {
        return cJSON_GetObjectItemCaseSensitive(parent, token);
    }
    int index = 0;
    for (cJSON *item = parent->child; item != NULL; item = item->next, index++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", index);
        if (strcmp(number, token) == 0) {
            return item;
        }
    }
    return NULL;
}

/* Walks the pointer, keeping the last step's parent. */
static cJSON *walk(cJSON *document, const char *pointer, cJSON **ret_parent)
{
    cJSON *at = document;
    *ret_parent = NULL;
    while (at != NULL && *pointer == '/') {
        char token[MAX_TOKEN];
        pointer = read_token(pointer + 1, token);
        if (pointer == NULL) {
            return NULL;
        }
        *ret_parent = at;
        at = child_named(at, token);
    }
    return at;
}

bool ftl_json_edit_replace(cJSON *parent, cJSON *old, cJSON *fresh)
{
    if (fresh == NULL) {
        return false;
    }
    /* cJSON_ReplaceItemViaPointer drops the member's name, hence by name for objects */
    bool is_done = cJSON_IsObject(parent)
                       ? cJSON_ReplaceItemInObjectCaseSensitive(parent, old->string, fresh)
                       : cJSON_ReplaceItemViaPointer(parent, old, fresh);
    if (!is_done) {
        cJSON_Delete(fresh);
    }
    return is_done;
}

bool ftl_json_edit_replace_at(cJSON *document, const char *pointer, cJSON *fresh)
{
    cJSON *parent = NULL;
    cJSON *old = walk(document, pointer, &parent);
    if (old == NULL || parent == NULL) {
        cJSON_Delete(fresh);
        return false;
    }
    return ftl_json_edit_replace(parent, old, fresh);
}
