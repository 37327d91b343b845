#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/source.h"
#include "every_kind.h"

enum { ARENA_BYTES = 1 << 20 };

static int new_arena(void **state)
{
    *state = ftl_arena_new(ARENA_BYTES);
    return *state != NULL ? 0 : -1;
}

static int free_arena(void **state)
{
    ftl_arena_free(*state);
    return 0;
}

static struct every parse(const cJSON *json, struct ftl_arena *arena)
{
    struct every every = {0};
    struct ftl_opt_errors errors = {0};
    if (ftl_opt_parse(&every_table, json, "", arena, &every, &errors) != FTL_OK) {
        fail_msg("%s: %s", errors.list[0].where, errors.list[0].msg);
    }
    return every;
}

static struct every parse_text(const char *text, struct ftl_arena *arena)
{
    FTL_AUTO(json) cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    return parse(json, arena);
}

static void print(const struct every *every, bool only_changed, bool reveal, struct ftl_str *ret)
{
    FTL_AUTO(json) cJSON *json = ftl_opt_print(&every_table, every, only_changed, reveal);
    assert_non_null(json);
    ftl_str_clear(ret);
    ftl_json_print(json, false, ret);
}

static const char *const documents[] = {
    "{}",
    "{\"flag\":true,\"count\":7,\"id\":\"9223372036854775807\",\"opacity\":0.1,\"text\":\"t\","
    "\"shade\":\"light\",\"length\":\"1:30.25\",\"at\":\"12.5%\",\"limit\":\"10MB\"}",
    "{\"id\":\"-9007199254740993\",\"at\":3.3,\"rate\":\"128k\",\"canvas\":\"1280x720\","
    "\"ratio\":\"1.85:1\",\"fps\":\"30000/1001\",\"margin\":\"2.5%\",\"colour\":\"#11223344\"}",
    "{\"ratio\":1.7778,\"fps\":30,\"margin\":12.25,\"colour\":\"orange\",\"crf\":20,\"old\":1}",
    "{\"fps\":23.976,\"ratio\":\"9:16\",\"opacity\":0.30000000000000004,\"length\":\"7ms\"}",
    "{\"image\":{\"url\":\"https://h/a?b=c\",\"headers\":{\"X-A\":\"1\",\"X-B\":\"2\"},\"sha256\":"
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}}",
    "{\"image\":\"x\",\"box\":{\"label\":\"b\",\"side\":4},\"numbers\":[3,2,1],\"words\":[\"\"]}",
    "{\"boxes\":[{\"label\":\"p\"},{\"label\":\"q\",\"image\":{\"path\":\"i\"}}],"
    "\"steps\":[{\"kind\":\"tone\",\"pitch\":441.5},{\"kind\":\"box\",\"label\":\"z\"}]}",
    "{\"labels\":{\"b/x\":\"2\",\"a\":\"1\"},\"named\":{\"n\":{\"label\":\"m\",\"side\":2}},"
    "\"inputs\":{\"main\":\"clip.mp4\",\"l\":{\"url\":\"http://h/\"}},\"extra\":{\"k\":[null,1.5]},"
    "\"password\":\"secret\",\"link\":\"https://user:key@h/p?token=1#f\"}",
};

/* Printing and reading again gives the same values: seen by printing once more, and by the way of
 * the changed options only. */
static void test_round_trip(void **state)
{
    FTL_AUTO_STR struct ftl_str first = FTL_STR_INIT(8192);
    FTL_AUTO_STR struct ftl_str second = FTL_STR_INIT(8192);
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct every every = parse_text(documents[i], *state);
        for (int only_changed = 0; only_changed < 2; only_changed++) {
            print(&every, only_changed != 0, true, &first);
            struct every again = parse_text(ftl_str_text(&first), *state);
            print(&again, only_changed != 0, true, &second);
            assert_string_equal(ftl_str_text(&first), ftl_str_text(&second));
            print(&every, false, true, &first);
            print(&again, false, true, &second);
            assert_string_equal(ftl_str_text(&first), ftl_str_text(&second));
        }
    }
}

/* Numbers come back bit by bit. */
static void test_exact_numbers(void **state)
{
    static const double numbers[] = {0.1, 1.0 / 3, 0.30000000000000004, 1e-9, 0.99999999999999989};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct every every = every_defaults;
        every.opacity = numbers[i];
        every.margin = (struct ftl_length){.value = numbers[i], .is_percent = true};
        FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(8192);
        print(&every, false, true, &text);
        struct every again = parse_text(ftl_str_text(&text), *state);
        assert_memory_equal(&again.opacity, &every.opacity, sizeof(double));
        assert_memory_equal(&again.margin.value, &every.margin.value, sizeof(double));
    }
}

static void test_changed_only(void **state)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(8192);
    struct every every = parse_text("{}", *state);
    print(&every, true, true, &text);
    assert_string_equal(ftl_str_text(&text), "{}");
    every = parse_text("{\"opacity\":1,\"count\":3,\"steps\":[{\"kind\":\"tone\"}]}", *state);
    print(&every, true, true, &text);
    assert_string_equal(ftl_str_text(&text),
                        "{\"count\":3,\"steps\":[{\"kind\":\"tone\",\"pitch\":440,\"length\":1}]}");
    struct tone tone = tone_defaults;
    tone.set = 1; /* given, though it says what the default says */
    FTL_AUTO(json) cJSON *json = ftl_opt_print(&tone_table, &tone, true, true);
    ftl_str_clear(&text);
    ftl_json_print(json, false, &text);
    assert_string_equal(ftl_str_text(&text), "{\"pitch\":440}");
}

static void test_everything(void **state)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(8192);
    struct every every = parse_text("{}", *state);
    print(&every, false, true, &text);
    assert_string_equal(
        ftl_str_text(&text),
        "{\"flag\":false,\"count\":0,\"id\":0,\"opacity\":1,\"shade\":\"dark\",\"length\":2.5,"
        "\"at\":0,\"limit\":1000,\"rate\":0,\"margin\":\"4%\",\"colour\":\"#000000\","
        "\"numbers\":[],\"words\":[],\"boxes\":[],\"steps\":[],\"labels\":{},\"named\":{},"
        "\"inputs\":{},\"old\":0}");
}

static void test_secrets(void **state)
{
    static const char document[] =
        "{\"password\":\"s3cret\",\"link\":\"https://user:s3cret@h/p?t=s3cret#s3cret\","
        "\"labels\":{\"a\":\"s3cret\"},\"image\":\"https://h/i.png?sig=s3cret\","
        "\"inputs\":{\"m\":{\"url\":\"http://s3cret@h/c?s3cret\",\"headers\":{\"K\":\"s3cret\"}}}}";
    struct every every = parse_text(document, *state);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(8192);
    print(&every, true, false, &text);
    assert_string_equal(
        ftl_str_text(&text),
        "{\"password\":\"***\",\"link\":\"https://h/p\",\"image\":\"https://h/i.png\","
        "\"labels\":{\"a\":\"***\"},"
        "\"inputs\":{\"m\":{\"url\":\"http://h/c\",\"headers\":{\"K\":\"***\"}}}}");
}

static void test_out_of_memory(void **state)
{
    struct every every = parse_text(documents[8], *state);
    int failures = 0;
    for (long nth = 1; nth < 40; nth++) {
        ftl_mem_fail_nth(nth);
        FTL_AUTO(json) cJSON *json = ftl_opt_print(&every_table, &every, true, true);
        ftl_mem_fail_nth(0);
        failures += json == NULL ? 1 : 0;
    }
    assert_true(failures > 10);
}

static void assert_schema(const cJSON *schema, const char *pointer, const char *expected)
{
    const cJSON *part = ftl_json_at(schema, pointer);
    assert_non_null(part);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(8192);
    ftl_json_print(part, false, &text);
    assert_string_equal(ftl_str_text(&text), expected);
}

static void test_schema(void **state)
{
    (void)state;
    FTL_AUTO(json) cJSON *schema = ftl_opt_schema(&every_table);
    static const struct {
        const char *pointer, *expected;
    } rows[] = {
        {"/type", "\"object\""},
        {"/additionalProperties", "false"},
        {"/properties/flag",
         "{\"type\":\"boolean\",\"description\":\"yes or no\",\"default\":false}"},
        {"/properties/count", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":100,"
                              "\"description\":\"how many\",\"default\":0}"},
        {"/properties/opacity", "{\"type\":\"number\",\"minimum\":0,\"maximum\":1,"
                                "\"description\":\"how opaque\",\"default\":1}"},
        {"/properties/text",
         "{\"type\":\"string\",\"maxLength\":16,\"description\":\"some words\"}"},
        {"/properties/password/writeOnly", "true"},
        {"/properties/shade", "{\"enum\":[\"light\",\"dark\"],\"description\":\"light or dark\","
                              "\"default\":\"dark\"}"},
        {"/properties/length/anyOf/0", "{\"type\":\"number\",\"minimum\":0,\"maximum\":86400}"},
        {"/properties/length/anyOf/1/type", "\"string\""},
        {"/properties/length/description", "\"how long (s)\""},
        {"/properties/limit/default", "1000"},
        {"/properties/margin/default", "\"4%\""},
        {"/properties/numbers/items", "{\"type\":\"integer\"}"},
        {"/properties/numbers/maxItems", "4"},
        {"/properties/box/required", "[\"label\"]"},
        {"/properties/boxes/items/properties/label/maxLength", "8"},
        {"/properties/steps/items/oneOf/0/properties/kind", "{\"const\":\"box\"}"},
        {"/properties/steps/items/oneOf/0/required", "[\"kind\",\"label\"]"},
        {"/properties/steps/items/oneOf/1/properties/pitch/maximum", "20000"},
        {"/properties/labels/additionalProperties", "{\"type\":\"string\"}"},
        {"/properties/named/additionalProperties/required", "[\"label\"]"},
        {"/properties/inputs/maxProperties", "3"},
        {"/properties/image/anyOf/1/properties/url/type", "\"string\""},
        {"/properties/extra", "{\"description\":\"anything\"}"},
        {"/properties/old/deprecated", "true"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_schema(schema, rows[i].pointer, rows[i].expected);
    }
    assert_null(ftl_json_at(schema, "/required"));
    assert_null(ftl_json_at(schema, "/properties/crf/default")); /* -1: "not said" */
    assert_null(ftl_json_at(schema, "/properties/canvas/default"));
}

struct seen {
    struct ftl_str text;
};

static void note_input(void *opaque, struct ftl_input_ref *ref, const char *where)
{
    struct seen *seen = opaque;
    ref->index = 9;
    ftl_str_printf(&seen->text, "%s=%s ", where, ref->text != NULL ? ref->text : ref->source->path);
}

static void test_each_input(void **state)
{
    struct every every = parse_text(
        "{\"image\":\"a\",\"box\":{\"label\":\"l\",\"image\":\"b\"},"
        "\"boxes\":[{\"label\":\"l\"},{\"label\":\"l\",\"image\":\"c\"}],"
        "\"steps\":[{\"kind\":\"tone\"},{\"kind\":\"box\",\"label\":\"l\",\"image\":{\"path\":"
        "\"d\"}}],"
        "\"named\":{\"n/n\":{\"label\":\"l\",\"image\":\"e\"}},\"inputs\":{\"i\":\"f\"}}",
        *state);
    struct seen seen = {.text = FTL_STR_INIT(1000)};
    ftl_opt_each_input(&every_table, &every, "/x", note_input, &seen);
    assert_string_equal(ftl_str_text(&seen.text),
                        "/x/image=a /x/box/image=b /x/boxes/1/image=c /x/steps/1/image=d "
                        "/x/named/n~1n/image=e /x/inputs/i=f ");
    assert_int_equal(every.box->image.index, 9);
    ftl_str_done(&seen.text);
}

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(ftl_opt_find(&box_table, "side"), &box_rows[1]);
    assert_null(ftl_opt_find(&box_table, "Side"));
    assert_string_equal(ftl_opt_suggest(&box_table, "sdie"), "side");
    assert_null(ftl_opt_suggest(&box_table, "colour"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_exact_numbers, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_changed_only, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_everything, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_secrets, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_out_of_memory, new_arena, free_arena),
        cmocka_unit_test(test_schema),
        cmocka_unit_test_setup_teardown(test_each_input, new_arena, free_arena),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
