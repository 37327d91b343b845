#include "worker/handoff.h"

#include <stdio.h>
#include <string.h>

#include "base/json_edit.h"
#include "job/codec.h"
#include "transfer/hash.h"

/* "stem" of where the main input comes from: the last path segment without its ending. */
static const char *stem_of(const struct ftl_job *job, struct ftl_arena *arena)
{
    const struct ftl_source *source = &job->inputs[job->main_input].source;
    const char *from = source->path != NULL ? source->path : source->url;
    if (from == NULL) {
        return "input";
    }
    size_t length = source->path != NULL ? strlen(from) : strcspn(from, "?#");
    size_t start = length;
    while (start > 0 && from[start - 1] != '/') {
        start--;
    }
    size_t end = length;
    for (size_t i = length; i > start + 1; i--) {
        if (from[i - 1] == '.') {
            end = i - 1;
            break;
        }
    }
    char *stem = ftl_arena_strndup(arena, from + start, end - start);
    return stem == NULL || stem[0] == '\0' ? "input" : stem;
}

enum ftl_code ftl_handoff_expand(const struct ftl_job *job, const char *job_id, const char *text,
                                 struct ftl_arena *arena, const char **ret, struct ftl_err *err)
{
    /* a job id may hold ":" and "/" (BullMQ custom ids); in a path it must stay one segment */
    char *id = ftl_arena_strdup(arena, job_id);
    if (id == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    for (char *c = id; *c != '\0'; c++) {
        if (*c == '/' || (unsigned char)*c < 0x20 || (c == id && *c == '.')) {
            *c = '_';
        }
    }
    const struct ftl_placeholder values[] = {{.name = "job_id", .value = id},
                                             {.name = "stem", .value = stem_of(job, arena)},
                                             {.name = NULL}};
    return ftl_placeholders_expand(text, values, arena, ret, err);
}

static enum ftl_code replace_at(cJSON *document, const char *pointer, const char *text,
                                struct ftl_err *err)
{
    if (!ftl_json_edit_replace_at(document, pointer, cJSON_CreateString(text))) {
        return ftl_fail(err, FTL_INTERNAL, "nothing to replace at %s", pointer);
    }
    return FTL_OK;
}

/* The executor reads the name as one of a job again, where a single brace would open a placeholder.
 */
static const char *with_doubled_braces(const char *name, struct ftl_arena *arena)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(4096);
    for (; *name != '\0'; name++) {
        ftl_str_add_bytes(&text, name, 1);
        ftl_str_add(&text, *name == '{' ? "{" : "");
    }
    return ftl_arena_strdup(arena, ftl_str_text(&text));
}

enum ftl_code ftl_handoff_spec(const struct ftl_job *job, const char *job_id, int cores,
                               struct ftl_arena *arena, struct ftl_str *ret, struct ftl_err *err)
{
    FTL_AUTO(json) cJSON *spec = cJSON_Duplicate(job->json, true);
    if (spec == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(spec, "upload");
    for (size_t i = 0; i < job->inputs_count; i++) {
        char text[24];
        (void)snprintf(text, sizeof(text), "fd:%zu", i);
        if (replace_at(spec, job->inputs[i].where, text, err) != FTL_OK) {
            return err->code;
        }
    }
    for (size_t i = 0; i < job->outputs_count; i++) {
        const char *name = NULL;
        char pointer[64];
        (void)snprintf(pointer, sizeof(pointer), "/outputs/%zu/name", i);
        if (ftl_handoff_expand(job, job_id, job->outputs[i].name, arena, &name, err) != FTL_OK ||
            replace_at(spec, pointer, with_doubled_braces(name, arena), err) != FTL_OK)
        {
            return ftl_err_at(err, pointer);
        }
        const char *fault = ftl_output_name_fault(name);
        if (fault != NULL) {
            (void)ftl_fail(err, FTL_SPEC, "\"%s\", once expanded: %s", name, fault);
            return ftl_err_at(err, pointer);
        }
    }
    FTL_AUTO(json) cJSON *body = ftl_json_object();
    ftl_json_add(body, "spec", FTL_TAKE(spec));
    ftl_json_add_int64(body, "cores", cores);
    ftl_json_print(body, false, ret);
    if (ret->is_cut) {
        return ftl_fail(err, FTL_LIMIT, "the job is longer than %zu bytes", ret->max);
    }
    return FTL_OK;
}

enum ftl_code ftl_handoff_digest(cJSON *plan, struct ftl_err *err)
{
    enum { PLAN_BYTES = 4 * 1024 * 1024 };
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(PLAN_BYTES);
    cJSON *machine = cJSON_DetachItemFromObjectCaseSensitive(plan, "machine");
    ftl_json_print(plan, false, &text);
    if (machine != NULL) {
        ftl_json_add(plan, "machine", machine);
    }
    FTL_AUTO(sha256) struct ftl_sha256 *hash = ftl_sha256_new();
    char digest[65];
    if (text.is_cut || hash == NULL) {
        return ftl_fail(err, FTL_INTERNAL, "the plan has no digest");
    }
    ftl_sha256_add(hash, ftl_str_text(&text), text.length);
    if (ftl_sha256_end(hash, digest, err) != FTL_OK) {
        return err->code;
    }
    ftl_json_add_string(plan, "digest", digest);
    return FTL_OK;
}

/* The executor's "outputs" entry of one output; NULL when it left it out or named it twice. */
static const cJSON *entry_of(const cJSON *document, int output)
{
    const cJSON *found = NULL;
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, ftl_json_get(document, "outputs"))
    {
        if (ftl_json_int64(entry, "index", -1) == output) {
            if (found != NULL) {
                return NULL;
            }
            found = entry;
        }
    }
    return found;
}

enum ftl_code ftl_handoff_expect(const struct ftl_job *job, const cJSON *plan, const cJSON *done,
                                 cJSON **ret, struct ftl_err *err)
{
    const cJSON *planned = ftl_json_get(plan, "expect");
    if (!cJSON_IsArray(planned) || cJSON_GetArraySize(planned) != (int)job->outputs_count) {
        return ftl_fail(err, FTL_INTERNAL, "the plan does not say what to expect of %zu outputs",
                        job->outputs_count);
    }
    FTL_AUTO(json) cJSON *expect = cJSON_Duplicate(planned, true);
    if (expect == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory");
    }
    /* the gain was held back on purpose: by the filter's policy, or by its cap on lifting noise */
    const char *method = ftl_json_string(ftl_json_at(done, "/run/loudness"), "method", "");
    bool may_be_quieter = strcmp(method, "lowered") == 0 || strcmp(method, "capped") == 0;
    for (int i = 0; i < (int)job->outputs_count; i++) {
        cJSON *item = cJSON_GetArrayItem(expect, i);
        if (ftl_json_int64(item, "output", -1) != i) {
            return ftl_fail(err, FTL_INTERNAL, "the plan's expectations are out of order");
        }
        const cJSON *result = entry_of(done, i);
        if (result == NULL) {
            return ftl_fail(err, FTL_VERIFY, "the executor reported nothing about %s",
                            job->outputs[i].name);
        }
        int64_t frames = ftl_json_int64(ftl_json_get(result, "video"), "frames", -1);
        cJSON_DeleteItemFromObjectCaseSensitive(item, "frames");
        ftl_json_add_int64(item, "frames", frames);
        cJSON_DeleteItemFromObjectCaseSensitive(item, "may_be_quieter");
        ftl_json_add_bool(item, "may_be_quieter", may_be_quieter);
    }
    *ret = ftl_json_object();
    ftl_json_add(*ret, "expect", FTL_TAKE(expect));
    return FTL_OK;
}

enum ftl_code ftl_handoff_outputs(const struct ftl_job *job, const cJSON *done,
                                  const cJSON *verified, cJSON **ret, struct ftl_err *err)
{
    /* facts about the run, not about the file: the verifier cannot know them */
    static const char *const run_only[] = {"frames_duplicated", "frames_dropped", "loudness_passes",
                                           "still"};
    FTL_AUTO(json) cJSON *outputs = ftl_json_array();
    for (int i = 0; i < (int)job->outputs_count; i++) {
        const cJSON *found = entry_of(verified, i);
        if (found == NULL) {
            return ftl_fail(err, FTL_INTERNAL, "the verifier reported nothing about %s",
                            job->outputs[i].name);
        }
        cJSON *output = cJSON_Duplicate(found, true);
        const cJSON *made = entry_of(done, i);
        if (output == NULL || made == NULL) {
            cJSON_Delete(output);
            return ftl_fail(err, FTL_INTERNAL, "no account of %s", job->outputs[i].name);
        }
        for (size_t k = 0; k < sizeof(run_only) / sizeof(run_only[0]); k++) {
            const cJSON *item = ftl_json_get(made, run_only[k]);
            if (item != NULL && !cJSON_HasObjectItem(output, run_only[k])) {
                ftl_json_add(output, run_only[k], cJSON_Duplicate(item, true));
            }
        }
        cJSON_DeleteItemFromObjectCaseSensitive(output,
                                                "bytes"); /* counted again over what is sent */
        ftl_json_append(outputs, output);
    }
    *ret = FTL_TAKE(outputs);
    return FTL_OK;
}

const char *ftl_handoff_content_type(const char *file_name)
{
    const struct ftl_format *format = ftl_format_of_file(file_name);
    return format != NULL ? format->content_type : "application/octet-stream";
}

void ftl_handoff_scrub(char *text)
{
    char *read = text;
    char *write = text;
    while (*read != '\0') {
        if (strncmp(read, "://", 3) != 0) {
            *write++ = *read++;
            continue;
        }
        memmove(write, read, 3);
        read += 3;
        write += 3;
        size_t length = strcspn(read, " \t\r\n\"'<>");
        size_t authority = strcspn(read, "/?# \t\r\n\"'<>");
        char *at = memrchr(read, '@', authority);
        size_t skip = at != NULL ? (size_t)(at - read) + 1 : 0;
        size_t keep = strcspn(read, "?# \t\r\n\"'<>");
        memmove(write, read + skip, keep - skip);
        write += keep - skip;
        read += length;
        if (keep < length && (length > 0 && (read[-1] == ':' || read[-1] == ','))) {
            *write++ = read[-1]; /* the sentence's punctuation, not the URL's */
        }
    }
    *write = '\0';
}
