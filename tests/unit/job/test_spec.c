#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "job/codec.h"
#include "job/spec.h"

enum { ARENA_MAX = 4 << 20 };

/* Documents are written with ' for ". */
static cJSON *parse_json(const char *text)
{
    FTL_AUTO_STR struct ftl_str quoted = FTL_STR_INIT(65536);
    for (const char *c = text; *c != '\0'; c++) {
        ftl_str_add_bytes(&quoted, *c == '\'' ? "\"" : c, 1);
    }
    struct ftl_err err = {.code = FTL_OK};
    cJSON *json = NULL;
    if (ftl_json_parse(ftl_str_text(&quoted), quoted.length, NULL, &json, &err) != FTL_OK) {
        fail_msg("%s: %s", text, err.msg);
    }
    return json;
}

#define IN          "'input':'https://x.example/a.mp4'"
#define OUT         "'outputs':[{'name':'a.mp4'}]"
#define ONE(output) "{" IN ",'outputs':[" output "]}"

/* ---- documents that are refused ---- */

struct bad_row {
    const char *json;
    const char *pointers; /* of all errors, in order, each followed by a blank */
    const char *says;     /* part of the first message */
};

static const struct bad_row bad_rows[] = {
    {"{}", "/outputs /input ", "is required"},
    {"[]", " ", "expected an object"},
    {"{" IN "}", "/outputs ", "is required"},
    {"{" OUT "}", "/input ", "is required"},
    {"{" IN ",'outputs':[]}", "/outputs ", ""},
    {"{" IN ",'outputs':{}}", "/outputs ", "expected an array"},
    {"{'input':7," OUT "}", "/input ", "expected"},
    {"{'input':{}," OUT "}", "/input ", ""},
    {"{'input':{'url':'https://x.example/a','path':'b'}," OUT "}", "/input/path ", ""},
    {"{" IN ",'inputs':{'main':'b.mp4'}," OUT "}", "/input ", "short for inputs.main"},
    {"{'inputs':{'logo':'b.png'}," OUT "}", "/input ", "is required"},
    {"{" IN ",'inputs':{'a b':'b.png'}," OUT "}", "/inputs/a b ", "letters, digits"},
    {"{" IN ",'ouputs':[{'name':'a.mp4'}]}", "/ouputs /outputs ", "did you mean \"outputs\""},
    {"{" IN "," OUT ",'notify':{'url':'https://x.example'}}", "/notify ", "unknown key"},
    {"{" IN "," OUT ",'preset':'tiktok'}", "/preset ", "unknown key"},
    {"{" IN "," OUT ",'upload':{}}", "/upload/to ", "is required"},
    {"{" IN "," OUT ",'upload':{'to':''}}", "/upload/to ", "empty"},
    {"{" IN "," OUT ",'upload':{'to':'s3://b/{jobid}/'}}", "/upload/to ", "unknown placeholder"},
    {"{" IN "," OUT ",'upload':{'to':'out/{ext}'}}", "/upload/to ", "unknown placeholder"},
    /* names */
    {ONE("{}"), "/outputs/0/name ", "is required"},
    {ONE("{'name':''}"), "/outputs/0/name ", "empty"},
    {ONE("{'name':'/a.mp4'}"), "/outputs/0/name ", "relative"},
    {ONE("{'name':'../a.mp4'}"), "/outputs/0/name ", ".."},
    {ONE("{'name':'a/../b.mp4'}"), "/outputs/0/name ", ".."},
    {ONE("{'name':'a//b.mp4'}"), "/outputs/0/name ", "empty part"},
    {ONE("{'name':'a/.mp4'}"), "/outputs/0/name ", "dot"},
    {ONE("{'name':'.hidden.mp4'}"), "/outputs/0/name ", "dot"},
    {ONE("{'name':'a\\nb.mp4'}"), "/outputs/0/name ", "control"},
    {ONE("{'name':'a\\\\b.mp4'}"), "/outputs/0/name ", "backslash"},
    {ONE("{'name':'a'}"), "/outputs/0/name ", "give format"},
    {ONE("{'name':'a.xyz'}"), "/outputs/0/name ", "give format"},
    {ONE("{'name':'{stem}.{ext}'}"), "/outputs/0/name ", "give format"},
    {ONE("{'name':'{what}.mp4'}"), "/outputs/0/name ", "unknown placeholder {what}"},
    {ONE("{'name':'{stem.mp4'}"), "/outputs/0/name ", "without"},
    {ONE("{'name':'a.mp4'},{'name':'b.mp4'},{'name':'a.mp4'}"), "/outputs/2/name ", "already"},
    /* formats and codecs */
    {ONE("{'name':'a','format':'mp5'}"), "/outputs/0/format ", "did you mean \"mp"},
    {ONE("{'name':'a.jpg'}"), "/outputs/0/thumbnail ", "is a picture"},
    {ONE("{'name':'a.mp4','thumbnail':{}}"), "/outputs/0/name ", "jpeg, png or webp"},
    {ONE("{'name':'a.jpg','format':'mp4','thumbnail':{}}"), "/outputs/0/format ", "not mp4"},
    {ONE("{'name':'a.jpg','thumbnail':{},'video':{},'audio':{}}"),
     "/outputs/0/video /outputs/0/audio ", "no video"},
    {ONE("{'name':'a.webm','video':{'codec':'h264'}}"), "/outputs/0/video/codec ",
     "h264 does not go into webm"},
    {ONE("{'name':'a.webm','audio':{'codec':'aac'}}"), "/outputs/0/audio/codec ", "aac"},
    {ONE("{'name':'a.mp4','video':{'codec':'h246'}}"), "/outputs/0/video/codec ",
     "did you mean \"h264\""},
    {ONE("{'name':'a.m4a','video':{}}"), "/outputs/0/video ", "holds no video"},
    {ONE("{'name':'a.m4a','audio':false}"), "/outputs/0/audio ", "nothing would be left"},
    {ONE("{'name':'a.mp4','video':false,'audio':false}"), "/outputs/0 ", "nothing would be left"},
    {ONE("{'name':'a.mp4','video':true}"), "/outputs/0/video ", "an object or false"},
    {ONE("{'name':'a.jpg','thumbnail':false}"), "/outputs/0/thumbnail ", "expected an object"},
    /* numbers */
    {ONE("{'name':'a.mp4','video':{'crf':20,'bitrate':'2M'}}"), "/outputs/0/video/bitrate ",
     "exclude"},
    {ONE("{'name':'a.mp4','video':{'bitrate':'2M','max_bitrate':'1M'}}"),
     "/outputs/0/video/max_bitrate ", "below bitrate"},
    {ONE("{'name':'a.mp4','video':{'crf':60}}"), "/outputs/0/video/crf ", "outside 0..51 of h264"},
    {ONE("{'name':'a.mp4','video':{'crf':64}}"), "/outputs/0/video/crf ", "outside"},
    {ONE("{'name':'a.mp4','video':{'height':1}}"), "/outputs/0/video/height ", "outside"},
    {ONE("{'name':'a.mp4','video':{'fps':0}}"), "/outputs/0/video/fps ", ""},
    {ONE("{'name':'a.mp4','video':{'heigth':720}}"), "/outputs/0/video/heigth ",
     "did you mean \"height\""},
    {ONE("{'name':'a.mp4','audio':{'sample_rate':11111}}"), "/outputs/0/audio/sample_rate ",
     "11111 Hz"},
    {ONE("{'name':'a.mp4','audio':{'channels':6}}"), "/outputs/0/audio/channels ", "outside"},
    {ONE("{'name':'a.wav','audio':{'bitrate':'128k'}}"), "/outputs/0/audio/bitrate ", "lossless"},
    {ONE("{'name':'a.mp3','audio':{'bitrate':'500k'}}"), "/outputs/0/audio/bitrate ", "of mp3"},
    {ONE("{'name':'a.jpg','thumbnail':{'at':'bset'}}"), "/outputs/0/thumbnail/at ", ""},
    {ONE("{'name':'a.jpg','thumbnail':{'at':-1}}"), "/outputs/0/thumbnail/at ", "outside"},
    {ONE("{'name':'a.jpg','thumbnail':{'at':'101%'}}"), "/outputs/0/thumbnail/at ", "outside"},
    {ONE("{'name':'a.jpg','thumbnail':{'quality':0}}"), "/outputs/0/thumbnail/quality ", "outside"},
    /* filters */
    {"{" IN ",'filters':[{'filter':'aspct','ratio':'9:16'}]," OUT "}", "/filters/0/filter ",
     "did you mean \"aspect\""},
    {"{" IN ",'filters':[{'ratio':'9:16'}]," OUT "}", "/filters/0/filter ", "is required"},
    {"{" IN ",'filters':[{'filter':'aspect'}]," OUT "}", "/filters/0/ratio ", "is required"},
    {"{" IN ",'filters':[{'filter':'aspect','ratio':'9:16','fit':'blurr'}]," OUT "}",
     "/filters/0/fit ", "did you mean \"blur\""},
    {"{" IN ",'filters':[{'filter':'watermark','image':'logo'}]," OUT "}", "/filters/0/image ",
     "no input is named \"logo\""},
    {ONE("{'name':'a.mp4','filters':{'after':[{'filter':'fps','rate':0}]}}"),
     "/outputs/0/filters/after/0/rate ", ""},
    {ONE("{'name':'a.mp4','filters':[]}"), "/outputs/0/filters ", "expected an object"},
    /* all at once */
    {"{'input':1,'filters':[{'filter':'scale'},{'filter':'fps','rate':'x'}],"
     "'outputs':[{'name':'a.mp4','video':{'crf':-1}},{'name':'b.mp4','oops':1},{'name':'b.mp4'}],"
     "'upload':{'to':'{x}'}}",
     "/input /filters/0 /filters/1/rate /outputs/0/video/crf /outputs/1/oops /outputs/2/name "
     "/upload/to ",
     "expected"},
};

static void refuses_bad_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
        const struct bad_row *row = &bad_rows[i];
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
        FTL_AUTO(json) cJSON *json = parse_json(row->json);
        struct ftl_opt_errors errors = {.count = 0};
        struct ftl_err err = {.code = FTL_OK};
        const struct ftl_job *job = NULL;
        enum ftl_code code = ftl_job_parse(json, arena, &job, &errors, &err);
        FTL_AUTO_STR struct ftl_str pointers = FTL_STR_INIT(4096);
        for (size_t k = 0; k < errors.count && k < FTL_OPT_MAX_ERRORS; k++) {
            ftl_str_printf(&pointers, "%s ", errors.list[k].where);
        }
        if (code != FTL_SPEC || job != NULL ||
            strcmp(ftl_str_text(&pointers), row->pointers) != 0 ||
            strstr(err.msg, row->says) == NULL)
        {
            fail_msg("%s\n  code %s, at \"%s\" instead of \"%s\": %s", row->json,
                     ftl_code_name(code), ftl_str_text(&pointers), row->pointers, err.msg);
        }
        assert_int_equal(err.retry, FTL_RETRY_NEVER);
    }
}

/* ---- documents that are taken ---- */

struct fixture {
    struct ftl_arena *arena;
    const struct ftl_job *job;
};

static const struct ftl_job *parse_good(struct fixture *fixture, const char *text)
{
    FTL_AUTO(json) cJSON *json = parse_json(text);
    struct ftl_opt_errors errors = {.count = 0};
    struct ftl_err err = {.code = FTL_OK};
    ftl_arena_free(fixture->arena);
    fixture->arena = ftl_arena_new(ARENA_MAX);
    if (ftl_job_parse(json, fixture->arena, &fixture->job, &errors, &err) != FTL_OK) {
        fail_msg("%s\n  %s: %s", text, err.where, err.msg);
    }
    return fixture->job;
}

static int set_up(void **state)
{
    *state = ftl_calloc(1, sizeof(struct fixture));
    return *state != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ftl_arena_free(fixture->arena);
    ftl_free(fixture);
    return 0;
}

static void fills_in_what_is_not_said(void **state)
{
    const struct ftl_job *job = parse_good(*state, ONE("{'name':'a.MP4'}"));
    assert_int_equal(job->inputs_count, 1);
    assert_int_equal(job->main_input, 0);
    assert_string_equal(job->inputs[0].name, "main");
    assert_string_equal(job->inputs[0].where, "/input");
    assert_string_equal(job->inputs[0].source.url, "https://x.example/a.mp4");
    assert_null(job->upload_to);
    assert_int_equal(job->outputs_count, 1);
    const struct ftl_job_output *output = &job->outputs[0];
    assert_int_equal(output->kind, FTL_OUTPUT_MEDIA);
    assert_string_equal(output->format, "mp4");
    assert_string_equal(output->where, "/outputs/0");
    assert_int_equal(output->video->codec, FTL_VIDEO_H264);
    assert_true(output->video->crf < 0);
    assert_int_equal(output->video->speed, FTL_SPEED_MEDIUM);
    assert_int_equal(output->audio->codec, FTL_AUDIO_AAC);
    assert_int_equal(output->filters_count, 0);
    assert_string_equal(ftl_json_string(job->json, "input", ""), "https://x.example/a.mp4");
}

struct format_row {
    const char *output;
    const char *format;
    int video, audio; /* codec ids; FTL_CODEC_AUTO = no such stream */
};

static const struct format_row format_rows[] = {
    {"{'name':'a.mp4'}", "mp4", FTL_VIDEO_H264, FTL_AUDIO_AAC},
    {"{'name':'a.m4v'}", "mp4", FTL_VIDEO_H264, FTL_AUDIO_AAC},
    {"{'name':'a.mov'}", "mov", FTL_VIDEO_H264, FTL_AUDIO_AAC},
    {"{'name':'a.mkv','video':{'codec':'av1'}}", "mkv", FTL_VIDEO_AV1, FTL_AUDIO_AAC},
    {"{'name':'a.webm'}", "webm", FTL_VIDEO_VP9, FTL_AUDIO_OPUS},
    {"{'name':'a.webm','video':{}}", "webm", FTL_VIDEO_VP9, FTL_AUDIO_OPUS},
    {"{'name':'a.bin','format':'mp4'}", "mp4", FTL_VIDEO_H264, FTL_AUDIO_AAC},
    {"{'name':'a.mov','format':'mp4'}", "mp4", FTL_VIDEO_H264, FTL_AUDIO_AAC},
    {"{'name':'a.mp4','format':'auto','audio':false}", "mp4", FTL_VIDEO_H264, FTL_CODEC_AUTO},
    {"{'name':'a.mp4','video':false}", "mp4", FTL_CODEC_AUTO, FTL_AUDIO_AAC},
    {"{'name':'a.m4a'}", "m4a", FTL_CODEC_AUTO, FTL_AUDIO_AAC},
    {"{'name':'a.m4a','video':false}", "m4a", FTL_CODEC_AUTO, FTL_AUDIO_AAC},
    {"{'name':'a.mp3'}", "mp3", FTL_CODEC_AUTO, FTL_AUDIO_MP3},
    {"{'name':'a.opus'}", "ogg", FTL_CODEC_AUTO, FTL_AUDIO_OPUS},
    {"{'name':'a.ogg','audio':{'codec':'flac'}}", "ogg", FTL_CODEC_AUTO, FTL_AUDIO_FLAC},
    {"{'name':'a.flac'}", "flac", FTL_CODEC_AUTO, FTL_AUDIO_FLAC},
    {"{'name':'a.wav'}", "wav", FTL_CODEC_AUTO, FTL_AUDIO_PCM},
    {"{'name':'a.jpeg','thumbnail':{}}", "jpeg", FTL_CODEC_AUTO, FTL_CODEC_AUTO},
    {"{'name':'a.webp','thumbnail':{}}", "webp", FTL_CODEC_AUTO, FTL_CODEC_AUTO},
    {"{'name':'a.png','thumbnail':{},'video':false,'audio':false}", "png", FTL_CODEC_AUTO,
     FTL_CODEC_AUTO},
};

static void resolves_formats_and_codecs(void **state)
{
    for (size_t i = 0; i < sizeof(format_rows) / sizeof(format_rows[0]); i++) {
        const struct format_row *row = &format_rows[i];
        char text[512];
        (void)snprintf(text, sizeof(text), "{" IN ",'outputs':[%s]}", row->output);
        const struct ftl_job_output *output = &parse_good(*state, text)->outputs[0];
        assert_string_equal(output->format, row->format);
        assert_int_equal(output->video != NULL ? output->video->codec : FTL_CODEC_AUTO, row->video);
        assert_int_equal(output->audio != NULL ? output->audio->codec : FTL_CODEC_AUTO, row->audio);
    }
}

static void reads_thumbnails(void **state)
{
    const struct ftl_job *job = parse_good(
        *state, ONE("{'name':'a.jpg','thumbnail':{}},{'name':'b.jpg','thumbnail':{'at':'best'}},"
                    "{'name':'c.jpg','thumbnail':{'at':'50%','width':720}},"
                    "{'name':'d.jpg','thumbnail':{'at':'00:01.5','quality':60}},"
                    "{'name':'e.jpg','thumbnail':{'at':0}}"));
    const struct ftl_job_thumbnail *stills[5];
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(job->outputs[i].kind, FTL_OUTPUT_THUMBNAIL);
        assert_null(job->outputs[i].video);
        assert_null(job->outputs[i].audio);
        stills[i] = job->outputs[i].thumbnail;
    }
    assert_true(stills[0]->is_best && stills[1]->is_best);
    assert_int_equal(stills[0]->quality, 85);
    assert_true(!stills[2]->is_best && stills[2]->at.is_percent);
    assert_int_equal(stills[2]->width, 720);
    assert_float_equal(stills[3]->at.value, 1.5, 1e-9);
    assert_int_equal(stills[3]->quality, 60);
    assert_true(!stills[4]->is_best && stills[4]->at.value == 0);
}

static void resolves_inputs(void **state)
{
    const struct ftl_job *job = parse_good(
        *state,
        "{'inputs':{'logo':'https://x.example/l.png?sig=secret','main':{'path':'a.mp4'}},"
        "'filters':[{'filter':'watermark','image':'logo'},"
        "{'filter':'watermark','image':'./b.png'},"
        "{'filter':'watermark','image':{'url':'https://x.example/c.png?sig=secret'}}],"
        "'outputs':[{'name':'a.mp4','filters':{'after':[{'filter':'watermark','image':'logo'},"
        "{'filter':'watermark','image':'https://x.example/d.png'}]}}]}");
    const char *const names[] = {"logo", "main", "/filters/1/image", "/filters/2/image",
                                 "/outputs/0/filters/after/1/image"};
    assert_int_equal(job->inputs_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(job->inputs[i].name, names[i]);
    }
    assert_int_equal(job->main_input, 1);
    assert_string_equal(job->inputs[0].where, "/inputs/logo");
    assert_string_equal(job->inputs[0].used_at, "/filters/0/image");
    assert_int_equal(job->inputs[0].media, FTL_MEDIA_VIDEO);
    assert_null(job->inputs[1].used_at);
    assert_string_equal(job->inputs[2].source.path, "./b.png");
    assert_string_equal(job->inputs[4].source.url, "https://x.example/d.png");
    /* the chain: the job's three, then its own two; none shows an address */
    assert_int_equal(job->outputs[0].filters_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct ftl_filter_inst *inst = &job->outputs[0].filters[i];
        FTL_AUTO(json) cJSON *json = ftl_opt_print(inst->filter->table, inst->opts, false, true);
        const char *image = ftl_json_string(json, "image", "");
        assert_true(strcmp(image, "logo") == 0 || image[0] == '/');
    }
    assert_string_equal(job->outputs[0].filters[4].where, "/outputs/0/filters/after/1");
}

static void takes_descriptors_in_place_of_sources(void **state)
{
    const struct ftl_job *job = parse_good(
        *state, "{'inputs':{'main':'fd:0','logo':'fd:1'},'filters':[{'filter':'watermark',"
                "'image':'logo'},{'filter':'watermark','image':'fd:2'}]," OUT "}");
    assert_int_equal(job->inputs_count, 3);
    assert_string_equal(job->inputs[2].source.path, "fd:2");
}

static void orders_chains(void **state)
{
    const struct ftl_job *job = parse_good(
        *state, "{" IN ",'filters':[{'filter':'loudness'}],'outputs':[{'name':'a.mp4','filters':{"
                "'after':[{'filter':'fps','rate':30}],'before':[{'filter':'trim','end':'50%'}]}},"
                "{'name':'b.mp4'}]}");
    const char *const names[] = {"trim", "loudness", "fps"};
    const char *const wheres[] = {"/outputs/0/filters/before/0", "/filters/0",
                                  "/outputs/0/filters/after/0"};
    assert_int_equal(job->outputs[0].filters_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(job->outputs[0].filters[i].filter->name, names[i]);
        assert_string_equal(job->outputs[0].filters[i].where, wheres[i]);
    }
    assert_int_equal(job->outputs[1].filters_count, 1);
    assert_ptr_equal(job->outputs[1].filters[0].opts, job->outputs[0].filters[1].opts);
}

static void fills_the_ending_in(void **state)
{
    const struct ftl_job *job =
        parse_good(*state, ONE("{'name':'{stem}.{ext}','format':'jpeg','thumbnail':{}},"
                               "{'name':'{job_id}/{{ext}.mkv'}"));
    assert_string_equal(job->outputs[0].name, "{stem}.jpg");
    assert_string_equal(job->outputs[1].name, "{job_id}/{{ext}.mkv");
}

static void limits_the_number_of_inputs(void **state)
{
    (void)state;
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(65536);
    ftl_str_add(&text, "{" IN ",'filters':[");
    for (int i = 0; i < 32; i++) {
        ftl_str_printf(&text, "%s{'filter':'watermark','image':'./%d.png'}", i > 0 ? "," : "", i);
    }
    ftl_str_add(&text, "]," OUT "}");
    FTL_AUTO(json) cJSON *json = parse_json(ftl_str_text(&text));
    struct ftl_opt_errors errors = {.count = 0};
    struct ftl_err err = {.code = FTL_OK};
    const struct ftl_job *job = NULL;
    assert_int_equal(ftl_job_parse(json, arena, &job, &errors, &err), FTL_SPEC);
    assert_string_equal(err.where, "/filters/31/image");
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    FTL_AUTO(json)
    cJSON *json =
        parse_json("{" IN ",'filters':[{'filter':'watermark','image':'./l.png'}],"
                   "'outputs':[{'name':'{stem}.{ext}','format':'mp4','video':{'height':720}}]}");
    bool is_done = false;
    for (long nth = 1; !is_done && nth < 400; nth++) {
        struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
        struct ftl_opt_errors errors = {.count = 0};
        struct ftl_err err = {.code = FTL_OK};
        const struct ftl_job *job = NULL;
        ftl_mem_fail_nth(nth);
        enum ftl_code code = ftl_job_parse(json, arena, &job, &errors, &err);
        ftl_mem_fail_nth(0);
        is_done = code == FTL_OK;
        if (code != FTL_OK) {
            assert_null(job);
            assert_true(err.code == code && err.msg[0] != '\0');
        }
        ftl_arena_free(arena);
    }
    assert_true(is_done);
}

/* ---- samples ---- */

static void samples_are_valid(void **state)
{
    (void)state;
    const char *const names[] = {"minimal", "renditions", "thumbnails", "vertical"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[512];
        (void)snprintf(path, sizeof(path), FTL_SOURCE_DIR "/samples/jobs/%s.json", names[i]);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        char text[8192];
        size_t length = fread(text, 1, sizeof(text), file);
        assert_int_equal(fclose(file), 0);
        struct ftl_err err = {.code = FTL_OK};
        FTL_AUTO(json) cJSON *json = NULL;
        assert_int_equal(ftl_json_parse(text, length, NULL, &json, &err), FTL_OK);
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
        struct ftl_opt_errors errors = {.count = 0};
        const struct ftl_job *job = NULL;
        if (ftl_job_parse(json, arena, &job, &errors, &err) != FTL_OK) {
            fail_msg("%s: %s: %s", path, err.where, err.msg);
        }
    }
}

/* ---- schema ---- */

static void schema_names_everything(void **state)
{
    (void)state;
    FTL_AUTO(json) cJSON *schema = ftl_job_schema();
    assert_non_null(schema);
    assert_string_equal(ftl_json_string(schema, "$schema", ""),
                        "https://json-schema.org/draft/2020-12/schema");
    assert_non_null(
        ftl_json_at(schema, "/properties/outputs/items/properties/video/anyOf/1/const"));
    assert_non_null(ftl_json_at(
        schema, "/properties/outputs/items/properties/thumbnail/properties/at/anyOf/1/enum/0"));
    const cJSON *filters = ftl_json_at(schema, "/properties/filters/items/oneOf");
    size_t count = 0;
    while (ftl_filter_at(count) != NULL) {
        count++;
    }
    assert_int_equal(cJSON_GetArraySize(filters), count);
}

/* ---- codecs ---- */

static void tables_hold_together(void **state)
{
    (void)state;
    const struct ftl_format *format = NULL;
    for (size_t i = 0; (format = ftl_format_at(i)) != NULL; i++) {
        assert_string_equal(ftl_format_choices[i + 1].name, format->name);
        assert_int_equal(ftl_format_choices[i + 1].value, i);
        assert_ptr_equal(ftl_format_find(format->name), format);
        assert_true(ftl_format_is(format->name, format->name));
        assert_non_null(format->endings[0]);
        assert_true(format->video == 0 || (format->video & (1u << format->video_default)) != 0);
        assert_true(format->audio == 0 || (format->audio & (1u << format->audio_default)) != 0);
        assert_int_equal(format->muxer == NULL, format->kind == FTL_FORMAT_IMAGE);
    }
    assert_null(ftl_format_choices[ftl_format_find("webp") - ftl_format_at(0) + 2].name);
    for (int i = 0; i < FTL_VIDEO_CODECS_COUNT; i++) {
        assert_string_equal(ftl_video_codec_choices[i + 1].name, ftl_video_codecs[i].name);
        assert_int_equal(ftl_video_codec_choices[i + 1].value, i);
    }
    for (int i = 0; i < FTL_AUDIO_CODECS_COUNT; i++) {
        assert_string_equal(ftl_audio_codec_choices[i + 1].name, ftl_audio_codecs[i].name);
        assert_int_equal(ftl_audio_codec_choices[i + 1].value, i);
    }
    assert_string_equal(ftl_speed_name(FTL_SPEED_VERYFAST), "veryfast");
}

static void threads_follow_the_picture(void **state)
{
    (void)state;
    const struct ftl_video_codec *h264 = ftl_video_codec_find("h264");
    assert_int_equal(ftl_video_codec_threads(h264, 16, 16), 2);
    assert_int_equal(ftl_video_codec_threads(h264, 1280, 720), 4);
    assert_int_equal(ftl_video_codec_threads(h264, 720, 1280), 4);
    assert_int_equal(ftl_video_codec_threads(h264, 1080, 1920), 6);
    assert_int_equal(ftl_video_codec_threads(h264, 3840, 2160), 8);
    assert_true(ftl_video_codec_bytes(h264, 1920, 1080) > ftl_video_codec_bytes(h264, 640, 360));
}

struct same_row {
    bool (*is)(const char *, const char *);
    const char *name, *found;
    bool expected;
};

static const struct same_row same_rows[] = {
    {ftl_format_is, "mp4", "mov,mp4,m4a,3gp,3g2,mj2", true},
    {ftl_format_is, "m4a", "mov,mp4,m4a,3gp,3g2,mj2", true},
    {ftl_format_is, "mkv", "matroska,webm", true},
    {ftl_format_is, "webm", "matroska,webm", true},
    {ftl_format_is, "jpeg", "mjpeg", true},
    {ftl_format_is, "png", "png_pipe", true},
    {ftl_format_is, "mp4", "matroska,webm", false},
    {ftl_format_is, "mp4", "mp", false},
    {ftl_format_is, "nothing", "nothing", false},
    {ftl_video_codec_is, "h265", "hevc", true},
    {ftl_video_codec_is, "h264", "h264", true},
    {ftl_video_codec_is, "h264", "hevc", false},
    {ftl_audio_codec_is, "pcm", "pcm_s16le", true},
    {ftl_audio_codec_is, "aac", "aac", true},
    {ftl_audio_codec_is, "aac", "pcm_s16le", false},
};

static void knows_others_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(same_rows) / sizeof(same_rows[0]); i++) {
        const struct same_row *row = &same_rows[i];
        if (row->is(row->name, row->found) != row->expected) {
            fail_msg("%s and %s", row->name, row->found);
        }
    }
}

/* ---- placeholders ---- */

struct placeholder_row {
    const char *text;
    const char *expected; /* NULL = SPEC */
};

static const struct placeholder_row placeholder_rows[] = {
    {"", ""},
    {"plain", "plain"},
    {"{job_id}", "7"},
    {"a/{job_id}/{stem}.mp4", "a/7/clip.mp4"},
    {"{{job_id}", "{job_id}"},
    {"{{{job_id}", "{7"},
    {"}", "}"},
    {"{stem}}", "clip}"},
    {"{}", NULL},
    {"{", NULL},
    {"{job_id", NULL},
    {"{job_id{stem}", NULL},
    {"{JOB_ID}", NULL},
    {"{job_id }", NULL},
    {"{job_i}", NULL},
};

static void expands_placeholders(void **state)
{
    (void)state;
    const struct ftl_placeholder values[] = {{"job_id", "7"}, {"stem", "clip"}, {NULL, NULL}};
    for (size_t i = 0; i < sizeof(placeholder_rows) / sizeof(placeholder_rows[0]); i++) {
        const struct placeholder_row *row = &placeholder_rows[i];
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
        struct ftl_err err = {.code = FTL_OK};
        const char *expanded = NULL;
        enum ftl_code code = ftl_placeholders_expand(row->text, values, arena, &expanded, &err);
        if (row->expected == NULL) {
            assert_int_equal(code, FTL_SPEC);
            assert_null(expanded);
        } else {
            assert_int_equal(code, FTL_OK);
            assert_string_equal(expanded, row->expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_documents),
        cmocka_unit_test_setup_teardown(fills_in_what_is_not_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resolves_formats_and_codecs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_thumbnails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resolves_inputs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_descriptors_in_place_of_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_chains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fills_the_ending_in, set_up, tear_down),
        cmocka_unit_test(limits_the_number_of_inputs),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(samples_are_valid),
        cmocka_unit_test(schema_names_everything),
        cmocka_unit_test(tables_hold_together),
        cmocka_unit_test(threads_follow_the_picture),
        cmocka_unit_test(knows_others_names),
        cmocka_unit_test(expands_placeholders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
