#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "cli/job_args.h"

#define ARENA_BYTES (1024 * 1024)

static struct ftl_array list(const char **items, size_t count)
{
    return (struct ftl_array){.items = (void *)items, .count = count};
}

static void assert_json(const cJSON *json, const char *expected)
{
    struct ftl_str text = FTL_STR_INIT(65536);
    ftl_json_print(json, false, &text);
    assert_string_equal(ftl_str_text(&text), expected);
    ftl_str_done(&text);
}

static void test_filter_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json; /* NULL = refused */
    } rows[] = {
        {"loudness", "{\"filter\":\"loudness\"}"},
        {"aspect,ratio=9:16,fit=blur",
         "{\"filter\":\"aspect\",\"ratio\":\"9:16\",\"fit\":\"blur\"}"},
        {"loudness,integrated=-16", "{\"filter\":\"loudness\",\"integrated\":-16}"},
        {"watermark,image=a=b.png", "{\"filter\":\"watermark\",\"image\":\"a=b.png\"}"},
        {"x,flag=true,n=null", "{\"filter\":\"x\",\"flag\":true,\"n\":null}"},
        {"", NULL},
        {",", NULL},
        {"a=b", NULL},
        {"aspect,ratio", NULL},
        {"aspect,=1", NULL},
        {"aspect,ratio=1:1,ratio=2:1", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err = {.code = FTL_OK};
        cJSON *filter = NULL;
        enum ftl_code code = ftl_job_args_filter(rows[i].text, &filter, &err);
        if (rows[i].json == NULL) {
            assert_int_equal(code, FTL_SPEC);
            assert_null(filter);
        } else {
            assert_int_equal(code, FTL_OK);
            assert_json(filter, rows[i].json);
            cJSON_Delete(filter);
        }
    }
}

static void test_set(void **state)
{
    (void)state;
    static const char start[] = "{\"outputs\":[{\"name\":\"a.mp4\",\"crf\":1}],\"x\":\"text\"}";
    static const struct {
        const char *assignment, *json; /* NULL = refused */
    } rows[] = {
        {"x=2", "{\"outputs\":[{\"name\":\"a.mp4\",\"crf\":1}],\"x\":2}"},
        {"outputs.0.crf=20", "{\"outputs\":[{\"name\":\"a.mp4\",\"crf\":20}],\"x\":\"text\"}"},
        {"/outputs/0/name=b.mp4", "{\"outputs\":[{\"name\":\"b.mp4\",\"crf\":1}],\"x\":\"text\"}"},
        {"outputs.1.name=c",
         "{\"outputs\":[{\"name\":\"a.mp4\",\"crf\":1},{\"name\":\"c\"}],\"x\":\"text\"}"},
        {"upload.to=/out", "{\"outputs\":[{\"name\":\"a.mp4\",\"crf\":1}],\"x\":\"text\","
                           "\"upload\":{\"to\":\"/out\"}}"},
        {"x={\"y\":[1]}", "{\"outputs\":[{\"name\":\"a.mp4\",\"crf\":1}],\"x\":{\"y\":[1]}}"},
        {"outputs.7.name=c", NULL},
        {"x.y=1", NULL},
        {"=1", NULL},
        {"x", NULL},
        {"a..b=1", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err = {.code = FTL_OK};
        cJSON *document = cJSON_Parse(start);
        enum ftl_code code = ftl_job_args_set(document, rows[i].assignment, &err);
        if (rows[i].json == NULL) {
            assert_int_equal(code, FTL_SPEC);
        } else {
            assert_int_equal(code, FTL_OK);
            assert_json(document, rows[i].json);
        }
        cJSON_Delete(document);
    }
}

static void test_document_from_input(void **state)
{
    (void)state;
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_arena *arena = ftl_arena_new(ARENA_BYTES);
    const char *filters[] = {"loudness"};
    const char *outputs[] = {"/tmp/x/v.mp4", "/tmp/x/p.jpg"};
    const struct ftl_job_args args = {
        .operand = "clip.mov", .filter = list(filters, 1), .output = list(outputs, 2)};
    cJSON *document = NULL;
    const char *to = NULL;
    assert_int_equal(ftl_job_args_build(&args, arena, &document, &to, &err), FTL_OK);
    assert_json(
        document,
        "{\"input\":\"clip.mov\",\"filters\":[{\"filter\":\"loudness\"}],\"outputs\":[{\"name\":"
        "\"v.mp4\"},{\"name\":\"p.jpg\",\"thumbnail\":{}}]}");
    assert_string_equal(to, "/tmp/x/");
    cJSON_Delete(document);
    ftl_arena_free(arena);
}

static void test_directory_takes_the_stem(void **state)
{
    (void)state;
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_arena *arena = ftl_arena_new(ARENA_BYTES);
    const char *outputs[] = {"/somewhere/new/"};
    const struct ftl_job_args args = {.operand = "clip.mov", .output = list(outputs, 1)};
    cJSON *document = NULL;
    const char *to = NULL;
    assert_int_equal(ftl_job_args_build(&args, arena, &document, &to, &err), FTL_OK);
    assert_json(document, "{\"input\":\"clip.mov\",\"outputs\":[{\"name\":\"{stem}.mp4\"}]}");
    assert_string_equal(to, "/somewhere/new/");
    cJSON_Delete(document);
    ftl_arena_free(arena);
}

static void test_two_directories_are_refused(void **state)
{
    (void)state;
    struct ftl_err err = {.code = FTL_OK};
    struct ftl_arena *arena = ftl_arena_new(ARENA_BYTES);
    const char *outputs[] = {"/a/v.mp4", "/b/p.jpg"};
    const struct ftl_job_args args = {.operand = "clip.mov", .output = list(outputs, 2)};
    cJSON *document = NULL;
    const char *to = NULL;
    assert_int_equal(ftl_job_args_build(&args, arena, &document, &to, &err), FTL_SPEC);
    assert_null(document);
    ftl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_text),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_document_from_input),
        cmocka_unit_test(test_directory_takes_the_stem),
        cmocka_unit_test(test_two_directories_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
