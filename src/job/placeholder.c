#include "job/placeholder.h"

#include <string.h>

#include "job/doc.h"

enum { EXPANDED_MAX = 16384 };

const struct ftl_placeholder ftl_name_placeholders[] = {
    {"job_id", "x"}, {"stem", "x"}, {"ext", "x"}, {NULL, NULL}};
const struct ftl_placeholder ftl_upload_placeholders[] = {
    {"job_id", "x"}, {"stem", "x"}, {NULL, NULL}};

static const struct ftl_placeholder *find(const struct ftl_placeholder *values, const char *name,
                                          size_t length)
{
    for (; values->name != NULL; values++) {
        if (strlen(values->name) == length && strncmp(values->name, name, length) == 0) {
            return values;
        }
    }
    return NULL;
}

static enum ftl_code fail_unknown(const struct ftl_placeholder *values, const char *name,
                                  size_t length, struct ftl_err *err)
{
    FTL_AUTO_STR struct ftl_str known = FTL_STR_INIT(200);
    for (; values->name != NULL; values++) {
        ftl_str_printf(&known, "%s{%s}", known.length > 0 ? ", " : "", values->name);
    }
    return ftl_fail(err, FTL_SPEC, "unknown placeholder {%.*s}; known: %s; a brace is {{",
                    (int)(length < 64 ? length : 64), name,
                    known.length > 0 ? ftl_str_text(&known) : "none");
}

enum ftl_code ftl_placeholders_print(const char *text, const struct ftl_placeholder *values,
                                     struct ftl_str *ret, struct ftl_err *err)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "{");
        ftl_str_add_bytes(ret, text, plain);
        text += plain;
        if (text[0] == '{' && text[1] == '{') {
            ftl_str_add(ret, "{");
            text += 2;
        } else if (text[0] == '{') {
            size_t length = strcspn(text + 1, "{}");
            if (text[1 + length] != '}') {
                return ftl_fail(err, FTL_SPEC, "\"{\" without \"}\"; a brace is {{");
            }
            const struct ftl_placeholder *value = find(values, text + 1, length);
            if (value == NULL) {
                return fail_unknown(values, text + 1, length, err);
            }
            ftl_str_add(ret, value->value);
            text += length + 2;
        }
    }
    if (ret->is_cut) {
        return ftl_fail(err, FTL_LIMIT, "longer than %zu bytes once expanded", ret->max);
    }
    return FTL_OK;
}

void ftl_placeholders_fill(const char *text, const struct ftl_placeholder *one, struct ftl_str *ret)
{
    size_t length = strlen(one->name);
    while (*text != '\0') {
        size_t plain = strcspn(text, "{");
        if (text[plain] == '{' && text[plain + 1] == '{') {
            plain += 2;
        } else if (text[plain] == '{' && strncmp(text + plain + 1, one->name, length) == 0 &&
                   text[plain + 1 + length] == '}')
        {
            ftl_str_add_bytes(ret, text, plain);
            ftl_str_add(ret, one->value);
            text += plain + length + 2;
            continue;
        } else if (text[plain] == '{') {
            plain++;
        }
        ftl_str_add_bytes(ret, text, plain);
        text += plain;
    }
}

enum ftl_code ftl_placeholders_expand(const char *text, const struct ftl_placeholder *values,
                                      struct ftl_arena *arena, const char **ret,
                                      struct ftl_err *err)
{
    FTL_AUTO_STR struct ftl_str expanded = FTL_STR_INIT(EXPANDED_MAX);
    if (ftl_placeholders_print(text, values, &expanded, err) != FTL_OK) {
        return err->code;
    }
    const char *copy = ftl_arena_strdup(arena, ftl_str_text(&expanded));
    if (copy == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    *ret = copy;
    return FTL_OK;
}
