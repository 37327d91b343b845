#include "cli/job_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json_edit.h"
#include "job/codec.h"

enum { MAX_JOB_BYTES = 64 * 1024, MAX_PATH = 4096, MAX_TOKEN = 128 };

/* A flag's value is JSON where it reads as a number, boolean, null, array or object, else a string.
 */
static cJSON *value_from_text(const char *text)
{
    struct ftl_err ignored;
    cJSON *value = NULL;
    if (text[0] != '\0' && strchr("-0123456789tfn[{\"", text[0]) != NULL &&
        ftl_json_parse(text, strlen(text), NULL, &value, &ignored) == FTL_OK)
    {
        return value;
    }
    return cJSON_CreateString(text);
}

/* ---- --set ---- */

/* The member or element `token` of `at`; made as an empty object when it is missing. NULL if `at`
 * cannot hold it. */
static cJSON *step_into(cJSON *at, const char *token)
{
    if (cJSON_IsArray(at)) {
        int size = cJSON_GetArraySize(at);
        char number[16];
        for (int i = 0; i <= size; i++) {
            (void)snprintf(number, sizeof(number), "%d", i);
            if (strcmp(number, token) != 0) {
                continue;
            }
            if (i == size) {
                (void)cJSON_AddItemToArray(at, cJSON_CreateObject());
            }
            return cJSON_GetArrayItem(at, i);
        }
        return NULL;
    }
    if (!cJSON_IsObject(at)) {
        return NULL;
    }
    cJSON *member = cJSON_GetObjectItemCaseSensitive(at, token);
    return member != NULL ? member : cJSON_AddObjectToObject(at, token);
}

/* Copies the next token of the path and moves past it and its separator. */
static bool next_token(const char **path, char separator, char token[MAX_TOKEN])
{
    const char *at = *path;
    const char *end = strchr(at, separator);
    size_t length = end != NULL ? (size_t)(end - at) : strlen(at);
    if (length == 0 || length >= MAX_TOKEN) {
        return false;
    }
    memcpy(token, at, length);
    token[length] = '\0';
    *path = at + length + (end != NULL ? 1 : 0);
    return true;
}

enum ftl_code ftl_job_args_set(cJSON *document, const char *assignment, struct ftl_err *err)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment) {
        return ftl_fail(err, FTL_SPEC, "--set %s: expected PATH=VALUE", assignment);
    }
    char path[MAX_PATH];
    size_t length = (size_t)(equals - assignment);
    if (length >= sizeof(path)) {
        return ftl_fail(err, FTL_SPEC, "--set: the path is too long");
    }
    memcpy(path, assignment, length);
    path[length] = '\0';
    const char *rest = path[0] == '/' ? path + 1 : path;
    char separator = path[0] == '/' ? '/' : '.';
    cJSON *parent = NULL;
    cJSON *at = document;
    while (*rest != '\0') {
        char token[MAX_TOKEN];
        parent = at;
        at = next_token(&rest, separator, token) ? step_into(parent, token) : NULL;
        if (at == NULL) {
            return ftl_fail(err, FTL_SPEC, "--set %s: there is no such place in the job", path);
        }
    }
    if (!ftl_json_edit_replace(parent, at, value_from_text(equals + 1))) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    return FTL_OK;
}

/* ---- --filter ---- */

enum ftl_code ftl_job_args_filter(const char *text, cJSON **ret, struct ftl_err *err)
{
    FTL_AUTO(json) cJSON *filter = ftl_json_object();
    const char *rest = text;
    bool is_first = true;
    while (*rest != '\0' || is_first) {
        char part[MAX_PATH];
        size_t length = strcspn(rest, ",");
        if (length == 0 || length >= sizeof(part)) {
            return ftl_fail(err, FTL_SPEC, "--filter %s: expected NAME[,key=value]…", text);
        }
        memcpy(part, rest, length);
        part[length] = '\0';
        rest += length + (rest[length] == ',' ? 1 : 0);
        char *equals = strchr(part, '=');
        if (is_first && equals == NULL) {
            ftl_json_add_string(filter, "filter", part);
        } else if (!is_first && equals != NULL && equals != part) {
            *equals = '\0';
            if (cJSON_HasObjectItem(filter, part)) {
                return ftl_fail(err, FTL_SPEC, "--filter %s: %s is given twice", text, part);
            }
            ftl_json_add(filter, part, value_from_text(equals + 1));
        } else {
            return ftl_fail(err, FTL_SPEC, "--filter %s: expected NAME[,key=value]…", text);
        }
        is_first = false;
    }
    *ret = FTL_TAKE(filter);
    return FTL_OK;
}

static enum ftl_code add_filters(cJSON *document, const struct ftl_array *texts,
                                 struct ftl_err *err)
{
    const char *const *items = texts->items;
    for (size_t i = 0; i < texts->count; i++) {
        cJSON *filter = NULL;
        if (ftl_job_args_filter(items[i], &filter, err) != FTL_OK) {
            return err->code;
        }
        cJSON *filters = cJSON_GetObjectItemCaseSensitive(document, "filters");
        if (filters == NULL) {
            filters = cJSON_AddArrayToObject(document, "filters");
        }
        if (!cJSON_IsArray(filters)) {
            cJSON_Delete(filter);
            return ftl_fail(err, FTL_SPEC, "the job's filters are not an array");
        }
        ftl_json_append(filters, filter);
    }
    return FTL_OK;
}

/* ---- the document ---- */

static enum ftl_code read_job(const char *operand, cJSON **ret, struct ftl_err *err)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(MAX_JOB_BYTES);
    enum ftl_code code = strcmp(operand, "-") == 0 ? ftl_fd_read_all(STDIN_FILENO, &text, err)
                                                   : ftl_file_read(operand, &text, err);
    if (code != FTL_OK) {
        return code;
    }
    if (ftl_json_parse(ftl_str_text(&text), text.length, NULL, ret, err) != FTL_OK) {
        return ftl_wrap(err, "%s", strcmp(operand, "-") == 0 ? "standard input" : operand);
    }
    return FTL_OK;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return ftl_ends_with(path, "/") || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) ||
           strstr(path, "://") != NULL;
}

/* Splits "dir/name.mp4"; the directory of a bare name is ".". */
static enum ftl_code split_path(const char *path, struct ftl_arena *arena,
                                const char **ret_directory, const char **ret_name,
                                struct ftl_err *err)
{
    const char *slash = strrchr(path, '/');
    *ret_name = slash != NULL ? slash + 1 : path;
    *ret_directory =
        slash == NULL ? "." : ftl_arena_strndup(arena, path, (size_t)(slash - path) + 1);
    return *ret_directory != NULL ? FTL_OK : ftl_fail(err, FTL_NOMEM, "out of memory");
}

static cJSON *output_named(const char *name)
{
    cJSON *output = ftl_json_object();
    ftl_json_add_string(output, "name", name);
    const struct ftl_format *format = ftl_format_of_file(name);
    if (format != NULL && format->kind == FTL_FORMAT_IMAGE) {
        ftl_json_add(output, "thumbnail", ftl_json_object());
    }
    return output;
}

/* -o for an input: each file name is an output; a directory takes "{stem}.mp4". */
static enum ftl_code outputs_from_flags(cJSON *document, const struct ftl_array *flags,
                                        struct ftl_arena *arena, const char **ret_to,
                                        struct ftl_err *err)
{
    cJSON *outputs = cJSON_GetObjectItemCaseSensitive(document, "outputs");
    if (outputs == NULL) {
        outputs = cJSON_AddArrayToObject(document, "outputs");
    }
    const char *const *items = flags->items;
    for (size_t i = 0; i < flags->count; i++) {
        const char *directory = items[i];
        const char *name = "{stem}.mp4";
        if (!is_directory(items[i]) &&
            split_path(items[i], arena, &directory, &name, err) != FTL_OK) {
            return err->code;
        }
        if (*ret_to != NULL && strcmp(*ret_to, directory) != 0) {
            return ftl_fail(err, FTL_SPEC, "all -o must be in one directory, not %s and %s",
                            *ret_to, directory);
        }
        *ret_to = directory;
        ftl_json_append(outputs, output_named(name));
    }
    return FTL_OK;
}

/* -o for a job file: where to deliver; a file name renames the job's only output. */
static enum ftl_code redirect_job(cJSON *document, const struct ftl_array *flags,
                                  struct ftl_arena *arena, const char **ret_to, struct ftl_err *err)
{
    if (flags->count == 0) {
        return FTL_OK;
    }
    const char *to = *(const char *const *)flags->items;
    if (flags->count > 1) {
        return ftl_fail(err, FTL_SPEC, "a job file takes one -o: the directory to deliver to");
    }
    cJSON *outputs = cJSON_GetObjectItemCaseSensitive(document, "outputs");
    const char *dot = strrchr(to, '.');
    bool looks_like_file = !is_directory(to) && dot != NULL && strchr(dot, '/') == NULL;
    if (!looks_like_file) {
        *ret_to = to;
        return FTL_OK;
    }
    if (!cJSON_IsArray(outputs) || cJSON_GetArraySize(outputs) != 1) {
        return ftl_fail(err, FTL_SPEC,
                        "-o %s names one file, but the job has several outputs: give a directory",
                        to);
    }
    const char *name = NULL;
    if (split_path(to, arena, ret_to, &name, err) != FTL_OK) {
        return err->code;
    }
    cJSON *output = cJSON_GetArrayItem(outputs, 0);
    cJSON_DeleteItemFromObjectCaseSensitive(output, "name");
    ftl_json_add_string(output, "name", name);
    return FTL_OK;
}

static enum ftl_code build(const struct ftl_job_args *args, struct ftl_arena *arena,
                           cJSON **document, const char **ret_to, struct ftl_err *err)
{
    bool is_job = strcmp(args->operand, "-") == 0 || ftl_ends_with(args->operand, ".json");
    enum ftl_code code = FTL_OK;
    if (is_job) {
        code = read_job(args->operand, document, err);
        if (code == FTL_OK && !cJSON_IsObject(*document)) {
            code = ftl_fail(err, FTL_SPEC, "%s: a job is a JSON object", args->operand);
        }
    } else {
        *document = ftl_json_object();
        ftl_json_add_string(*document, "input", args->operand);
    }
    if (code == FTL_OK) {
        code = add_filters(*document, &args->filter, err);
    }
    if (code == FTL_OK) {
        code = is_job ? redirect_job(*document, &args->output, arena, ret_to, err)
                      : outputs_from_flags(*document, &args->output, arena, ret_to, err);
    }
    /* Last, so that --set reaches the outputs that -o made. */
    const char *const *sets = args->set.items;
    for (size_t i = 0; i < args->set.count && code == FTL_OK; i++) {
        code = ftl_job_args_set(*document, sets[i], err);
    }
    if (code == FTL_OK && !is_job && cJSON_GetArraySize(ftl_json_get(*document, "outputs")) == 0) {
        code = ftl_fail(err, FTL_SPEC, "nothing to make of %s: give -o PATH", args->operand);
    }
    return code;
}

enum ftl_code ftl_job_args_build(const struct ftl_job_args *args, struct ftl_arena *arena,
                                 cJSON **ret, const char **ret_to, struct ftl_err *err)
{
    *ret_to = NULL;
    FTL_AUTO(json) cJSON *document = NULL;
    if (build(args, arena, &document, ret_to, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(document);
    return FTL_OK;
}
