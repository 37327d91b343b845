#include "job/spec.h"

#include <stdio.h>
#include <string.h>

#include "job/doc.h"
#include "job/placeholder.h"

/* ---- rules over the whole document ---- */

/* Read from the JSON, so that they are reported beside errors elsewhere in the document. */
static void check_main_input(const cJSON *json, struct ftl_opt_errors *errors)
{
    bool has_input = ftl_json_get(json, "input") != NULL;
    bool has_main = ftl_json_get(ftl_json_get(json, "inputs"), "main") != NULL;
    if (has_input && has_main) {
        ftl_opt_report(errors, "", "input", "input is short for inputs.main: give one of them");
    } else if (!has_input && !has_main) {
        ftl_opt_report(errors, "", "input", "is required: the clip, as a URL, a path or a source");
    }
}

static void check_input_names(const cJSON *json, struct ftl_opt_errors *errors)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    enum { LONGEST = 64 };
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, ftl_json_get(json, "inputs"))
    {
        const char *name = entry->string != NULL ? entry->string : "";
        size_t length = strlen(name);
        if (length == 0 || length > LONGEST || strspn(name, allowed) != length) {
            ftl_opt_report(errors, "/inputs", name,
                           "an input's name is 1 to %d letters, digits, \"_\" or \"-\"",
                           (int)LONGEST);
        }
    }
}

static void check_unique_names(const cJSON *json, struct ftl_opt_errors *errors)
{
    const cJSON *outputs = ftl_json_get(json, "outputs");
    if (!cJSON_IsArray(outputs)) {
        return;
    }
    size_t index = 0;
    for (const cJSON *output = outputs->child; output != NULL && index < FTL_JOB_MAX_OUTPUTS;
         output = output->next, index++)
    {
        const char *name = ftl_json_string(output, "name", NULL);
        for (const cJSON *other = outputs->child; name != NULL && other != output;
             other = other->next) {
            const char *taken = ftl_json_string(other, "name", NULL);
            if (taken != NULL && strcmp(taken, name) == 0) {
                char where[40];
                (void)snprintf(where, sizeof(where), "/outputs/%zu", index);
                ftl_opt_report(errors, where, "name", "another output has this name already");
                break;
            }
        }
    }
}

static void check_upload(const cJSON *json, struct ftl_opt_errors *errors)
{
    const char *to = ftl_json_string(ftl_json_get(json, "upload"), "to", NULL);
    FTL_AUTO_STR struct ftl_str sample = FTL_STR_INIT(65536);
    struct ftl_err err = {.code = FTL_OK};
    if (to == NULL) {
        return;
    }
    if (to[0] == '\0') {
        ftl_opt_report(errors, "/upload", "to", "is empty");
    } else if (ftl_placeholders_print(to, ftl_upload_placeholders, &sample, &err) != FTL_OK) {
        ftl_opt_report(errors, "/upload", "to", "%s", err.msg);
    }
}

/* ---- inputs ---- */

/* Collects the job's inputs while references to them are resolved. */
struct inputs {
    struct ftl_job_input list[FTL_JOB_MAX_INPUTS];
    size_t count;
    size_t named;   /* the first `named` of them come from `inputs`; the rest are anonymous */
    unsigned media; /* of the filter being visited */
    struct ftl_arena *arena;
    struct ftl_opt_errors *errors;
    bool is_out_of_memory;
};

/* -1 when there is no room or no memory, which is then noted. */
static int add_input(struct inputs *inputs, const char *name, const char *where,
                     const struct ftl_input_ref *ref)
{
    if (inputs->count == FTL_JOB_MAX_INPUTS) {
        ftl_opt_report(inputs->errors, where, NULL, "the job has more than %d inputs",
                       (int)FTL_JOB_MAX_INPUTS);
        return -1;
    }
    struct ftl_job_input *input = &inputs->list[inputs->count];
    *input = (struct ftl_job_input){
        .name = ftl_arena_strdup(inputs->arena, name),
        .where = ftl_arena_strdup(inputs->arena, where),
        .source = ref->source != NULL ? *ref->source : ftl_source_from_text(ref->text),
    };
    if (input->name == NULL || input->where == NULL) {
        inputs->is_out_of_memory = true;
        return -1;
    }
    return (int)inputs->count++;
}

static void collect_named(struct inputs *inputs, const struct ftl_doc *doc)
{
    if (doc->input.text != NULL || doc->input.source != NULL) {
        (void)add_input(inputs, "main", "/input", &doc->input);
    }
    const struct ftl_map_entry *entries = doc->inputs.items;
    for (size_t i = 0; i < doc->inputs.count; i++) {
        (void)add_input(inputs, entries[i].name, entries[i].where, entries[i].value.input);
    }
    inputs->named = inputs->count;
}

static int find_named(const struct inputs *inputs, const char *name)
{
    for (size_t i = 0; i < inputs->named; i++) {
        if (strcmp(inputs->list[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* A word without a dot, slash or colon is meant as a name; "./logo" says a file. */
static bool is_bare_word(const char *text)
{
    return strpbrk(text, "./:\\") == NULL;
}

static void report_unknown(const struct inputs *inputs, const char *where, const char *text)
{
    FTL_AUTO_STR struct ftl_str names = FTL_STR_INIT(200);
    for (size_t i = 0; i < inputs->named; i++) {
        ftl_str_printf(&names, "%s%s", i > 0 ? ", " : "", inputs->list[i].name);
    }
    ftl_opt_report(
        inputs->errors, where, NULL,
        "no input is named \"%.64s\" (there is %s); a file beside the job is \"./%.64s\"", text,
        ftl_str_text(&names), text);
}

static void resolve_ref(void *opaque, struct ftl_input_ref *ref, const char *where)
{
    struct inputs *inputs = opaque;
    ref->index = -1;
    if (ref->text == NULL && ref->source == NULL) {
        return;
    }
    ref->index = ref->text != NULL ? find_named(inputs, ref->text) : -1;
    if (ref->index < 0 && ref->text != NULL && is_bare_word(ref->text)) {
        report_unknown(inputs, where, ref->text);
        return;
    }
    if (ref->index < 0) {
        ref->index = add_input(inputs, where, where, ref);
    }
    if (ref->index < 0) {
        return;
    }
    struct ftl_job_input *input = &inputs->list[ref->index];
    input->media |= inputs->media;
    if (input->used_at == NULL) {
        input->used_at = ftl_arena_strdup(inputs->arena, where);
    }
    /* from here on only the name is reachable: a URL may hold a secret */
    ref->text = input->name;
    ref->source = NULL;
}

static void resolve_filters(struct inputs *inputs, const struct ftl_array *filters)
{
    struct ftl_variant *variants = filters->items;
    for (size_t i = 0; i < filters->count; i++) {
        const struct ftl_filter *filter = variants[i].table->owner;
        inputs->media = filter->media;
        ftl_opt_each_input(variants[i].table, variants[i].value, variants[i].where, resolve_ref,
                           inputs);
    }
}

static void resolve_inputs(struct inputs *inputs, const struct ftl_doc *doc)
{
    collect_named(inputs, doc);
    resolve_filters(inputs, &doc->filters);
    const struct ftl_doc_output *outputs = doc->outputs.items;
    for (size_t i = 0; i < doc->outputs.count; i++) {
        if (outputs[i].filters != NULL) {
            resolve_filters(inputs, &outputs[i].filters->before);
            resolve_filters(inputs, &outputs[i].filters->after);
        }
    }
}

/* ---- building the job ---- */

static void add_filters(struct ftl_job_output *output, const struct ftl_array *filters)
{
    const struct ftl_variant *variants = filters->items;
    for (size_t i = 0; i < filters->count; i++) {
        output->filters[output->filters_count++] = (struct ftl_filter_inst){
            .filter = variants[i].table->owner,
            .opts = variants[i].value,
            .where = variants[i].where,
        };
    }
}

static enum ftl_code build_chain(const struct ftl_doc *doc, const struct ftl_doc_output *from,
                                 struct ftl_arena *arena, struct ftl_job_output *to)
{
    static const struct ftl_doc_around nothing = {.before = {.count = 0}};
    const struct ftl_doc_around *around = from->filters != NULL ? from->filters : &nothing;
    size_t count = around->before.count + doc->filters.count + around->after.count;
    to->filters = ftl_arena_alloc(arena, count + 1, sizeof(*to->filters));
    if (to->filters == NULL) {
        return FTL_NOMEM;
    }
    add_filters(to, &around->before);
    add_filters(to, &doc->filters);
    add_filters(to, &around->after);
    return FTL_OK;
}

static void build_streams(const struct ftl_doc_output *from, const struct ftl_format *format,
                          struct ftl_job_video *video, struct ftl_job_audio *audio)
{
    *video = from->video != NULL ? *from->video : ftl_job_video_defaults;
    *audio = from->audio != NULL ? *from->audio : ftl_job_audio_defaults;
    video->codec = video->codec == FTL_CODEC_AUTO ? format->video_default : video->codec;
    audio->codec = audio->codec == FTL_CODEC_AUTO ? format->audio_default : audio->codec;
}

static enum ftl_code build_output(const struct ftl_doc *doc, const struct ftl_doc_output *from,
                                  struct ftl_arena *arena, struct ftl_job_output *to)
{
    const struct ftl_format *format = ftl_doc_output_format(from);
    const struct ftl_placeholder ext = {.name = "ext", .value = format->endings[0]};
    FTL_AUTO_STR struct ftl_str name = FTL_STR_INIT(FTL_JOB_MAX_NAME_TEXT);
    ftl_placeholders_fill(from->name, &ext, &name);
    to->name = ftl_arena_strdup(arena, ftl_str_text(&name));
    to->format = format->name;
    to->kind = from->thumbnail != NULL ? FTL_OUTPUT_THUMBNAIL : FTL_OUTPUT_MEDIA;
    struct ftl_job_video *video = ftl_arena_alloc(arena, 1, sizeof(*video));
    struct ftl_job_audio *audio = ftl_arena_alloc(arena, 1, sizeof(*audio));
    struct ftl_job_thumbnail *still = ftl_arena_alloc(arena, 1, sizeof(*still));
    if (to->name == NULL || video == NULL || audio == NULL || still == NULL) {
        return FTL_NOMEM;
    }
    if (to->kind == FTL_OUTPUT_THUMBNAIL) {
        *still = *from->thumbnail;
        still->is_best = !still->at.is_percent && still->at.value < 0;
        to->thumbnail = still;
    } else {
        build_streams(from, format, video, audio);
        to->video = ftl_doc_output_has_video(from, format) ? video : NULL;
        to->audio = ftl_doc_output_has_audio(from, format) ? audio : NULL;
    }
    return build_chain(doc, from, arena, to);
}

static void release_json(void *json)
{
    cJSON_Delete(json);
}

static enum ftl_code build_job(const struct ftl_doc *doc, const struct inputs *inputs,
                               const cJSON *json, struct ftl_arena *arena, struct ftl_job *job)
{
    job->inputs = ftl_arena_alloc(arena, inputs->count, sizeof(*job->inputs));
    job->outputs = ftl_arena_alloc(arena, doc->outputs.count, sizeof(*job->outputs));
    cJSON *copy = cJSON_Duplicate(json, true);
    if (copy == NULL || ftl_arena_defer(arena, release_json, copy) != FTL_OK ||
        job->inputs == NULL || job->outputs == NULL)
    {
        return FTL_NOMEM;
    }
    job->json = copy;
    memcpy(job->inputs, inputs->list, inputs->count * sizeof(*job->inputs));
    job->inputs_count = inputs->count;
    job->main_input = find_named(inputs, "main");
    job->upload_to = doc->upload != NULL ? doc->upload->to : NULL;
    const struct ftl_doc_output *outputs = doc->outputs.items;
    for (size_t i = 0; i < doc->outputs.count; i++) {
        job->outputs[i].where = ftl_arena_printf(arena, "/outputs/%zu", i);
        if (job->outputs[i].where == NULL ||
            build_output(doc, &outputs[i], arena, &job->outputs[i]) != FTL_OK)
        {
            return FTL_NOMEM;
        }
    }
    job->outputs_count = doc->outputs.count;
    return FTL_OK;
}

static enum ftl_code first_error(const struct ftl_opt_errors *errors, struct ftl_err *err)
{
    *err = errors->list[0];
    return err->code;
}

enum ftl_code ftl_job_parse(const cJSON *json, struct ftl_arena *arena, const struct ftl_job **ret,
                            struct ftl_opt_errors *errors, struct ftl_err *err)
{
    *errors = (struct ftl_opt_errors){.count = 0};
    struct ftl_doc doc = {.upload = NULL};
    enum ftl_code code = ftl_opt_parse(&ftl_job_table, json, "", arena, &doc, errors);
    if (code != FTL_OK && errors->count == 0) {
        return ftl_fail(err, code, "the job cannot be read: %s", ftl_code_meaning(code));
    }
    if (cJSON_IsObject(json)) {
        check_main_input(json, errors);
        check_input_names(json, errors);
        check_unique_names(json, errors);
        check_upload(json, errors);
    }
    struct inputs inputs = {.arena = arena, .errors = errors};
    if (code == FTL_OK) {
        resolve_inputs(&inputs, &doc);
    }
    if (errors->count > 0) {
        return first_error(errors, err);
    }
    struct ftl_job *job = ftl_arena_alloc(arena, 1, sizeof(*job));
    if (job == NULL || inputs.is_out_of_memory ||
        build_job(&doc, &inputs, json, arena, job) != FTL_OK) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the job");
    }
    *ret = job;
    return FTL_OK;
}

static cJSON *requires(const char *member)
{
    cJSON *names = ftl_json_array();
    ftl_json_append(names, cJSON_CreateString(member));
    cJSON *properties = ftl_json_object(); /* strict validators want it named here too */
    ftl_json_add_bool(properties, member, true);
    cJSON *schema = ftl_json_object();
    ftl_json_add(schema, "properties", properties);
    ftl_json_add(schema, "required", names);
    return schema;
}

cJSON *ftl_job_schema(void)
{
    cJSON *schema = ftl_opt_schema(&ftl_job_table);
    if (schema != NULL && ftl_json_get(schema, "$schema") == NULL) {
        ftl_json_add_string(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    }
    if (schema != NULL && ftl_json_get(schema, "title") == NULL) {
        ftl_json_add_string(schema, "title", "Fettle job");
    }
    if (schema != NULL) { /* the clip, by one name or the other */
        cJSON *ways = ftl_json_array();
        ftl_json_append(ways, requires("input"));
        ftl_json_append(ways, requires("inputs"));
        ftl_json_add(schema, "anyOf", ways);
    }
    return schema;
}
