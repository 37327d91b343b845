#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "worker/handoff.h"

#define ARENA_BYTES (1024 * 1024)

struct parsed {
    struct ftl_arena *arena;
    cJSON *json;
    const struct ftl_job *job;
};

static struct parsed parse(const char *text)
{
    struct parsed parsed = {.arena = ftl_arena_new(ARENA_BYTES), .json = cJSON_Parse(text)};
    struct ftl_opt_errors errors = {.count = 0};
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_job_parse(parsed.json, parsed.arena, &parsed.job, &errors, &err), FTL_OK);
    return parsed;
}

static void done(struct parsed *parsed)
{
    ftl_arena_free(parsed->arena);
    cJSON_Delete(parsed->json);
}

static const char secretive[] =
    "{\"inputs\":{\"main\":{\"url\":\"https://cdn.example/"
    "clip.mp4?sig=SECRET1\",\"headers\":{\"authorization\":"
    "\"Bearer "
    "SECRET2\"}}},\"filters\":[{\"filter\":\"watermark\",\"image\":\"https://cdn.example/"
    "l.png?sig=SECRET3\"}],"
    "\"outputs\":[{\"name\":\"{job_id}-{stem}.mp4\"}],\"upload\":{\"to\":\"/srv/SECRET4\"}}";

static void test_executor_sees_no_secret(void **state)
{
    (void)state;
    struct parsed parsed = parse(secretive);
    struct ftl_str body = FTL_STR_INIT(65536);
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_handoff_spec(parsed.job, "7", 2, parsed.arena, &body, &err), FTL_OK);
    const char *text = ftl_str_text(&body);
    assert_null(strstr(text, "SECRET"));
    assert_null(strstr(text, "cdn.example"));
    assert_non_null(strstr(text, "\"main\":\"fd:0\""));
    assert_non_null(strstr(text, "\"image\":\"fd:1\""));
    assert_non_null(strstr(text, "\"name\":\"7-clip.mp4\""));
    ftl_str_done(&body);
    done(&parsed);
}

/* What the executor is given must mean the same job to it, input for input. */
static void test_spec_parses_again(void **state)
{
    (void)state;
    struct parsed parsed = parse(secretive);
    struct ftl_str body = FTL_STR_INIT(65536);
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_handoff_spec(parsed.job, "7", 2, parsed.arena, &body, &err), FTL_OK);
    cJSON *json = cJSON_Parse(ftl_str_text(&body));
    const struct ftl_job *again = NULL;
    struct ftl_opt_errors errors = {.count = 0};
    assert_int_equal(ftl_job_parse(ftl_json_get(json, "spec"), parsed.arena, &again, &errors, &err),
                     FTL_OK);
    assert_int_equal(again->inputs_count, parsed.job->inputs_count);
    for (size_t i = 0; i < again->inputs_count; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "fd:%zu", i);
        assert_string_equal(again->inputs[i].name, parsed.job->inputs[i].name);
        assert_string_equal(again->inputs[i].source.path, expected);
    }
    cJSON_Delete(json);
    ftl_str_done(&body);
    done(&parsed);
}

static void test_names_expand_to_one_segment(void **state)
{
    (void)state;
    static const struct {
        const char *source, *job_id, *text, *expanded;
    } rows[] = {
        {"/a/b/clip.final.mp4", "12", "{stem}.mp4", "clip.final.mp4"},
        {"https://x.example/p/v.webm?tok=1", "12", "{job_id}/{stem}", "12/v"},
        {"https://x.example/", "12", "{stem}", "input"},
        {".hidden", "12", "{stem}", ".hidden"},
        {"a.mp4", "a/../b", "{job_id}", "a_.._b"},
        {"a.mp4", "../x", "{job_id}", "_._x"},
        {"a.mp4", "repeat:x:1", "{job_id}", "repeat:x:1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "{\"input\":\"%s\",\"outputs\":[{\"name\":\"o.mp4\"}]}",
                       rows[i].source);
        struct parsed parsed = parse(text);
        struct ftl_err err = {.code = FTL_OK};
        const char *expanded = NULL;
        assert_int_equal(ftl_handoff_expand(parsed.job, rows[i].job_id, rows[i].text, parsed.arena,
                                            &expanded, &err),
                         FTL_OK);
        assert_string_equal(expanded, rows[i].expanded);
        done(&parsed);
    }
}

/* A brace that came with the source's name is not a placeholder to the executor either. */
static void test_braces_survive(void **state)
{
    (void)state;
    struct parsed parsed =
        parse("{\"input\":\"a{1}.mp4\",\"outputs\":[{\"name\":\"x/{stem}{{.mp4\"}]}");
    struct ftl_str body = FTL_STR_INIT(65536);
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_handoff_spec(parsed.job, "7", 2, parsed.arena, &body, &err), FTL_OK);
    cJSON *json = cJSON_Parse(ftl_str_text(&body));
    struct ftl_opt_errors errors = {.count = 0};
    const struct ftl_job *again = NULL;
    assert_int_equal(ftl_job_parse(ftl_json_get(json, "spec"), parsed.arena, &again, &errors, &err),
                     FTL_OK);
    assert_string_equal(again->outputs[0].name, "x/a{{1}{{.mp4");
    cJSON_Delete(json);
    ftl_str_done(&body);
    done(&parsed);
}

static void test_held_back_gain_is_expected(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        bool may_be_quieter;
    } rows[] = {{"linear", false}, {"limited", false}, {"lowered", true}, {"capped", true}};
    struct parsed parsed = parse("{\"input\":\"a.mp4\",\"outputs\":[{\"name\":\"o.mp4\"}]}");
    cJSON *plan = cJSON_Parse("{\"expect\":[{\"output\":0}]}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text),
                       "{\"outputs\":[{\"index\":0}],\"run\":{\"loudness\":{\"method\":\"%s\"}}}",
                       rows[i].method);
        cJSON *finished = cJSON_Parse(text);
        cJSON *made = NULL;
        struct ftl_err err = {.code = FTL_OK};
        assert_int_equal(ftl_handoff_expect(parsed.job, plan, finished, &made, &err), FTL_OK);
        assert_int_equal(ftl_json_bool(ftl_json_at(made, "/expect/0"), "may_be_quieter", false),
                         rows[i].may_be_quieter);
        cJSON_Delete(made);
        cJSON_Delete(finished);
    }
    cJSON_Delete(plan);
    done(&parsed);
}

static void test_scrub(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scrubbed;
    } rows[] = {
        {"nothing here", "nothing here"},
        {"GET https://h/p?sig=S failed", "GET https://h/p failed"},
        {"https://u:p@h:8080/p#f", "https://h:8080/p"},
        {"from https://h/a?x=1: 404", "from https://h/a: 404"},
        {"\"https://h/a?b\" and http://user@k", "\"https://h/a\" and http://k"},
        {"://", "://"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "%s", rows[i].text);
        ftl_handoff_scrub(text);
        assert_string_equal(text, rows[i].scrubbed);
    }
}

static void test_answers_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *plan, *done, *verified;
        enum ftl_code expect, outputs;
    } rows[] = {
        {"{\"expect\":[{\"output\":0}]}", "{\"outputs\":[{\"index\":0,\"video\":{\"frames\":5}}]}",
         "{\"outputs\":[{\"index\":0}]}", FTL_OK, FTL_OK},
        {"{\"expect\":[]}", "{\"outputs\":[{\"index\":0}]}", "{}", FTL_INTERNAL, FTL_INTERNAL},
        {"{\"expect\":[{\"output\":1}]}", "{\"outputs\":[{\"index\":0}]}",
         "{\"outputs\":[{\"index\":1}]}", FTL_INTERNAL, FTL_INTERNAL},
        {"{\"expect\":[{\"output\":0}]}", "{\"outputs\":[]}", "{\"outputs\":[{\"index\":0}]}",
         FTL_VERIFY, FTL_INTERNAL},
        {"{\"expect\":[{\"output\":0}]}", "{\"outputs\":[{\"index\":0},{\"index\":0}]}",
         "{\"outputs\":[{\"index\":0},{\"index\":0}]}", FTL_VERIFY, FTL_INTERNAL},
    };
    struct parsed parsed = parse("{\"input\":\"a.mp4\",\"outputs\":[{\"name\":\"o.mp4\"}]}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err = {.code = FTL_OK};
        cJSON *plan = cJSON_Parse(rows[i].plan);
        cJSON *finished = cJSON_Parse(rows[i].done);
        cJSON *verified = cJSON_Parse(rows[i].verified);
        cJSON *made = NULL;
        assert_int_equal(ftl_handoff_expect(parsed.job, plan, finished, &made, &err),
                         rows[i].expect);
        cJSON_Delete(made);
        made = NULL;
        assert_int_equal(ftl_handoff_outputs(parsed.job, finished, verified, &made, &err),
                         rows[i].outputs);
        cJSON_Delete(made);
        cJSON_Delete(plan);
        cJSON_Delete(finished);
        cJSON_Delete(verified);
    }
    done(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_executor_sees_no_secret),
        cmocka_unit_test(test_spec_parses_again),
        cmocka_unit_test(test_names_expand_to_one_segment),
        cmocka_unit_test(test_braces_survive),
        cmocka_unit_test(test_held_back_gain_is_expected),
        cmocka_unit_test(test_scrub),
        cmocka_unit_test(test_answers_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
