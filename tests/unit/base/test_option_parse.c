#include <math.h>
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

/* Without the strict JSON layer, so that repeated members get through. */
static enum ftl_code parse(const char *text, struct ftl_arena *arena, struct every *ret,
                           struct ftl_opt_errors *errors)
{
    FTL_AUTO(json) cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    *errors = (struct ftl_opt_errors){0};
    return ftl_opt_parse(&every_table, json, "", arena, ret, errors);
}

static struct every good(const char *text, struct ftl_arena *arena)
{
    struct every every = {0};
    struct ftl_opt_errors errors;
    if (parse(text, arena, &every, &errors) != FTL_OK) {
        fail_msg("%s: %s: %s", text, errors.list[0].where, errors.list[0].msg);
    }
    return every;
}

/* "where: message" of all errors, one a line. */
static void assert_errors(const char *text, struct ftl_arena *arena, const char *expected)
{
    struct every untouched;
    struct every every;
    memset(&untouched, 0x5a, sizeof(untouched));
    memset(&every, 0x5a, sizeof(every));
    struct ftl_opt_errors errors;
    assert_int_equal(parse(text, arena, &every, &errors), FTL_SPEC);
    assert_memory_equal(&every, &untouched, sizeof(every));
    FTL_AUTO_STR struct ftl_str got = FTL_STR_INIT(8192);
    for (size_t i = 0; i < errors.count && i < FTL_OPT_MAX_ERRORS; i++) {
        assert_int_equal(errors.list[i].code, FTL_SPEC);
        ftl_str_printf(&got, "%s%s: %s", i > 0 ? "\n" : "", errors.list[i].where,
                       errors.list[i].msg);
    }
    assert_string_equal(ftl_str_text(&got), expected);
}

static void test_defaults(void **state)
{
    struct every every = good("{}", *state);
    assert_int_equal(every.shade, SHADE_DARK);
    assert_int_equal(every.limit, 1000);
    assert_int_equal(every.crf, -1);
    assert_true(every.margin.is_percent);
    assert_null(every.box);
    assert_null(every.extra);
    assert_int_equal(every.image.index, -1);
    assert_int_equal(every.numbers.count, 0);
    assert_null(every.numbers.items);
}

static void test_scalars(void **state)
{
    struct every every =
        good("{\"flag\":true,\"count\":100,\"id\":\"9007199254740993\",\"opacity\":0.25,\"text\":"
             "\"h\\u00e9\","
             "\"shade\":\"light\",\"length\":\"1:30\",\"at\":\"50%\",\"limit\":\"10MB\",\"rate\":"
             "\"2.5M\","
             "\"canvas\":\"1280x720\",\"ratio\":\"9:16\",\"fps\":29.97,\"margin\":\"24px\","
             "\"colour\":\"#f80\",\"image\":\"logo.png\",\"old\":1}",
             *state);
    assert_true(every.flag);
    assert_int_equal(every.count, 100);
    assert_int_equal(every.id, INT64_C(9007199254740993));
    assert_true(every.opacity > 0.24 && every.opacity < 0.26);
    assert_string_equal(every.text, "h\xc3\xa9");
    assert_int_equal(every.shade, SHADE_LIGHT);
    assert_int_equal((int)every.length, 90);
    assert_true(every.at.is_percent);
    assert_int_equal((int)every.at.value, 50);
    assert_int_equal(every.limit, 10000000);
    assert_int_equal(every.rate, 2500000);
    assert_int_equal(every.canvas.width, 1280);
    assert_int_equal(every.canvas.height, 720);
    assert_int_equal(every.ratio.num, 9);
    assert_int_equal(every.ratio.den, 16);
    assert_int_equal(every.fps.num, 30000);
    assert_int_equal(every.fps.den, 1001);
    assert_false(every.margin.is_percent);
    assert_int_equal((int)every.margin.value, 24);
    assert_int_equal(every.colour.r, 255);
    assert_int_equal(every.colour.g, 0x88);
    assert_int_equal(every.colour.a, 255);
    assert_string_equal(every.image.text, "logo.png");
    assert_null(every.image.source);
}

static void test_containers(void **state)
{
    struct every every =
        good("{\"image\":{\"url\":\"https://h/a\",\"headers\":{\"X-Key\":\"v\"}},"
             "\"box\":{\"label\":\"b\"},\"numbers\":[1,2,3],\"words\":[\"x\",\"\"],"
             "\"boxes\":[{\"label\":\"p\"},{\"label\":\"q\",\"side\":9,\"image\":\"i\"}],"
             "\"steps\":[{\"kind\":\"tone\",\"length\":\"2s\"},{\"label\":\"u\",\"kind\":\"box\"}],"
             "\"labels\":{\"b\":\"2\",\"a\":\"1\"},\"named\":{\"n/1\":{\"label\":\"m\"}},"
             "\"inputs\":{\"main\":\"clip.mp4\",\"logo\":{\"path\":\"/l.png\"}},"
             "\"extra\":{\"k\":[null,{\"z\":1}]}}",
             *state);
    assert_string_equal(every.image.source->url, "https://h/a");
    const struct ftl_map_entry *header = every.image.source->headers.items;
    assert_string_equal(header->name, "X-Key");
    assert_string_equal(header->value.string, "v");
    assert_string_equal(header->where, "/image/headers/X-Key");
    assert_string_equal(every.box->label, "b");
    assert_int_equal(every.box->side, 4);
    assert_int_equal(every.box->image.index, -1);
    assert_int_equal(every.numbers.count, 3);
    assert_int_equal(((const int *)every.numbers.items)[2], 3);
    assert_string_equal(((const char **)every.words.items)[0], "x");
    const struct box *boxes = every.boxes.items;
    assert_int_equal(boxes[0].side, 4);
    assert_int_equal(boxes[1].side, 9);
    assert_string_equal(boxes[1].image.text, "i");
    const struct ftl_variant *steps = every.steps.items;
    assert_ptr_equal(steps[0].table, &tone_table);
    assert_string_equal(steps[0].where, "/steps/0");
    const struct tone *tone = steps[0].value;
    assert_int_equal((int)tone->pitch, 440);
    assert_int_equal(tone->set, 1 << 1);
    assert_ptr_equal(steps[1].table, &box_table);
    assert_string_equal(((const struct box *)steps[1].value)->label, "u");
    const struct ftl_map_entry *labels = every.labels.items;
    assert_string_equal(labels[0].name, "b"); /* document order */
    assert_string_equal(labels[1].value.string, "1");
    const struct ftl_map_entry *named = every.named.items;
    assert_string_equal(named->name, "n/1");
    assert_string_equal(named->where, "/named/n~11");
    assert_string_equal(((const struct box *)named->value.object)->label, "m");
    const struct ftl_map_entry *inputs = every.inputs.items;
    assert_string_equal(inputs[0].value.input->text, "clip.mp4");
    assert_string_equal(inputs[1].value.input->source->path, "/l.png");
    const cJSON *deep = ftl_json_at(every.extra, "/k/1/z");
    assert_non_null(deep);
}

struct error_row {
    const char *text, *expected;
};

static const struct error_row scalar_errors[] = {
    {"{\"anhcor\":1}", "/anhcor: unknown key"},
    {"{\"opcaity\":1}", "/opcaity: unknown key, did you mean \"opacity\"?"},
    {"{\"Opacity\":1}", "/Opacity: unknown key, did you mean \"opacity\"?"},
    {"{\"odl\":1}", "/odl: unknown key"}, /* what is deprecated is not suggested */
    {"{\"a/b~c\":1}", "/a~1b~0c: unknown key"},
    {"{\"count\":1,\"count\":2}", "/count: given twice"},
    {"[]", ": expected an object, got an array"},
    {"7", ": expected an object, got a number"},
    {"{\"flag\":\"true\"}", "/flag: expected true or false, got a string"},
    {"{\"flag\":0}", "/flag: expected true or false, got a number"},
    {"{\"flag\":null}", "/flag: expected true or false, got null"},
    {"{\"count\":\"5\"}", "/count: expected a whole number, got a string"},
    {"{\"count\":1.5}", "/count: expected a whole number, got 1.5"},
    {"{\"count\":101}", "/count: 101 is outside 0..100"},
    {"{\"count\":-1}", "/count: -1 is outside 0..100"},
    {"{\"count\":1e300}", "/count: 1e+300 is not exact as a number"},
    {"{\"count\":true}", "/count: expected a whole number, got true"},
    {"{\"id\":9007199254740993}", "/id: 9007199254740992 is not exact as a number"},
    {"{\"id\":\"9223372036854775808\"}",
     "/id: expected a whole number, got \"9223372036854775808\""},
    {"{\"id\":\"1.5\"}", "/id: expected a whole number, got \"1.5\""},
    {"{\"opacity\":1.5}", "/opacity: 1.5 is outside 0..1"},
    {"{\"opacity\":[1]}", "/opacity: expected a number, got an array"},
    {"{\"text\":5}", "/text: expected a string, got a number"},
    {"{\"text\":\"12345678901234567\"}", "/text: 17 bytes long, at most 16"},
    {"{\"text\":{}}", "/text: expected a string, got an object"},
    {"{\"shade\":\"drak\"}", "/shade: unknown value \"drak\", did you mean \"dark\"?"},
    {"{\"shade\":\"x\\ny\"}", "/shade: unknown value \"x\\ny\"; one of light, dark"},
    {"{\"shade\":3}", "/shade: expected a string, got a number"},
    {"{\"length\":\"1:75\"}",
     "/length: expected seconds, or a text such as \"1:30\", \"250ms\", \"24h\", got \"1:75\""},
    {"{\"length\":\"25h\"}", "/length: 90000 is outside 0..86400 s"},
    {"{\"length\":-1}", "/length: -1 is outside 0..86400 s"},
    {"{\"at\":\"101%\"}", "/at: 101 is outside 0..100 %"},
    {"{\"at\":-0.5}", "/at: -0.5 is outside 0..1000000 s"},
    {"{\"at\":\"soon\"}",
     "/at: expected seconds, or a text such as \"1:30\", \"1.5s\", \"50%\", got \"soon\""},
    {"{\"limit\":\"10mb\"}",
     "/limit: expected bytes, or a text such as \"10MB\", \"1GiB\", got \"10mb\""},
    {"{\"limit\":0}", "/limit: 0 is outside 1..1000000000000 B"},
    {"{\"limit\":0.5}", "/limit: expected a whole number, got 0.5"},
    {"{\"rate\":\"2G\"}", "/rate: 2000000000 is outside 0..1000000000 bit/s"},
    {"{\"canvas\":\"8x720\"}", "/canvas: 8 is outside 16..8192 px"},
    {"{\"canvas\":\"1280*720\"}",
     "/canvas: expected a text such as \"1280x720\", got \"1280*720\""},
    {"{\"canvas\":{\"width\":1}}", "/canvas: expected a text such as \"1280x720\", got an object"},
    {"{\"ratio\":\"0:1\"}", "/ratio: expected a ratio such as \"9:16\" or \"1.85:1\", got \"0:1\""},
    {"{\"ratio\":0}", "/ratio: 0 is outside 0.01..100"},
    {"{\"fps\":0}", "/fps: 0 is outside 1..240 fps"},
    {"{\"fps\":\"1000\"}", "/fps: 1000 is outside 1..240 fps"},
    {"{\"fps\":\"fast\"}",
     "/fps: expected frames a second such as 30, \"30000/1001\", \"29.97\", got \"fast\""},
    {"{\"margin\":501}", "/margin: 501 is outside 0..500 px"},
    {"{\"margin\":\"4em\"}",
     "/margin: expected pixels, or a text such as \"24px\", \"4%\", got \"4em\""},
    {"{\"colour\":\"#ff\"}",
     "/colour: expected a colour such as \"#ff8800\" or \"white\", got \"#ff\""},
};

static const struct error_row container_errors[] = {
    {"{\"image\":\"\"}", "/image: is empty; expected the name of an input, a URL or a path"},
    {"{\"image\":5}", "/image: expected the name of an input, a URL, a path or a source object, "
                      "got a number"},
    {"{\"image\":{\"url\":\"https://h/\",\"path\":\"p\"}}",
     "/image/path: cannot be given together with \"url\""},
    {"{\"image\":{\"urk\":\"https://h/\"}}", "/image/urk: unknown key, did you mean \"url\"?"},
    {"{\"image\":[]}", "/image: expected an object, got an array"},
    {"{\"box\":{}}", "/box/label: is required"},
    {"{\"box\":[]}", "/box: expected an object, got an array"},
    {"{\"box\":\"b\"}", "/box: expected an object, got a string"},
    {"{\"numbers\":{}}", "/numbers: expected an array, got an object"},
    {"{\"numbers\":1}", "/numbers: expected an array, got a number"},
    {"{\"numbers\":[1,2,3,4,5]}", "/numbers: has 5 items, at most 4"},
    {"{\"numbers\":[1,\"2\",3.5]}", "/numbers/1: expected a whole number, got a string\n"
                                    "/numbers/2: expected a whole number, got 3.5"},
    {"{\"words\":[null]}", "/words/0: expected a string, got null"},
    {"{\"boxes\":[{\"label\":\"a\"},{\"side\":10}]}",
     "/boxes/1/side: 10 is outside 1..9 px\n/boxes/1/label: is required"},
    {"{\"steps\":[{}]}", "/steps/0/kind: is required"},
    {"{\"steps\":[{\"kind\":1}]}", "/steps/0/kind: expected a string"},
    {"{\"steps\":[{\"kind\":\"tune\"}]}",
     "/steps/0/kind: unknown kind \"tune\", did you mean \"tone\"?"},
    {"{\"steps\":[{\"kind\":\"whistle\"}]}",
     "/steps/0/kind: unknown kind \"whistle\"; one of box, tone"},
    {"{\"steps\":[\"tone\"]}", "/steps/0: expected an object, got a string"},
    {"{\"steps\":[[]]}", "/steps/0: expected an object, got an array"},
    {"{\"steps\":[{\"kind\":\"tone\"},{\"kind\":\"tone\",\"pitch\":1}]}",
     "/steps/1/pitch: 1 is outside 20..20000 Hz"},
    {"{\"steps\":[{\"kind\":\"tone\",\"pitch\":11000,\"length\":31}]}",
     "/steps/0/length: too long for so high a tone"},
    {"{\"steps\":[{\"kind\":\"tone\",\"tone\":1}]}", "/steps/0/tone: unknown key"},
    {"{\"labels\":{\"a\":1}}", "/labels/a: expected a string, got a number"},
    {"{\"labels\":[]}", "/labels: expected an object, got an array"},
    {"{\"labels\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}}",
     "/labels: has 4 items, at most 3"},
    {"{\"named\":{\"n\":{\"label\":1}}}", "/named/n/label: expected a string, got a number"},
    {"{\"inputs\":{\"main\":{}}}", "/inputs/main: needs a \"url\" or a \"path\""},
};

static void test_scalar_errors(void **state)
{
    for (size_t i = 0; i < sizeof(scalar_errors) / sizeof(scalar_errors[0]); i++) {
        assert_errors(scalar_errors[i].text, *state, scalar_errors[i].expected);
    }
}

static void test_container_errors(void **state)
{
    for (size_t i = 0; i < sizeof(container_errors) / sizeof(container_errors[0]); i++) {
        assert_errors(container_errors[i].text, *state, container_errors[i].expected);
    }
}

static void test_all_errors_at_once(void **state)
{
    assert_errors("{\"opacity\":1.5,\"anhcor\":1,\"boxes\":[{\"side\":0}],\"text\":1}", *state,
                  "/opacity: 1.5 is outside 0..1\n/anhcor: unknown key\n"
                  "/boxes/0/side: 0 is outside 1..9 px\n/boxes/0/label: is required\n"
                  "/text: expected a string, got a number");
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(4096);
    ftl_str_add(&text, "{");
    for (int i = 0; i < 40; i++) {
        ftl_str_printf(&text, "%s\"zzzzzzz%d\":1", i > 0 ? "," : "", i);
    }
    ftl_str_add(&text, "}");
    struct every every;
    struct ftl_opt_errors errors;
    assert_int_equal(parse(text.text, *state, &every, &errors), FTL_SPEC);
    assert_int_equal(errors.count, 40);
    assert_string_equal(errors.list[FTL_OPT_MAX_ERRORS - 1].where, "/zzzzzzz15");
}

static void test_prefix(void **state)
{
    FTL_AUTO(json) cJSON *json = cJSON_Parse("{\"side\":0,\"label\":\"x\"}");
    struct box box = {0};
    struct ftl_opt_errors errors = {.count = 1};
    assert_int_equal(ftl_opt_parse(&box_table, json, "/filters/3", *state, &box, &errors),
                     FTL_SPEC);
    assert_int_equal(errors.count, 2); /* what was there stays */
    assert_string_equal(errors.list[1].where, "/filters/3/side");
}

/* A secret's text is in no message. */
static void test_secrets_stay_out(void **state)
{
    struct every every;
    struct ftl_opt_errors errors;
    assert_int_equal(parse("{\"password\":\"hunter2hunter2hunter2\"}", *state, &every, &errors),
                     FTL_SPEC);
    assert_null(strstr(errors.list[0].msg, "hunter2"));
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char text[] =
        "{\"text\":\"t\",\"image\":{\"url\":\"https://h/\",\"headers\":{\"a\":\"b\"}},"
        "\"boxes\":[{\"label\":\"l\"}],\"steps\":[{\"kind\":\"tone\"}],\"labels\":{\"a\":\"b\"},"
        "\"named\":{\"n\":{\"label\":\"m\"}},\"inputs\":{\"i\":\"x\"},\"extra\":[1]}";
    /* too small an arena at first, then ever larger ones */
    int failures = 0;
    enum ftl_code code = FTL_NOMEM;
    for (size_t bytes = 64; code != FTL_OK; bytes += 16) {
        assert_true(bytes < 16384);
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(bytes);
        struct every every = {.count = 77};
        struct ftl_opt_errors errors;
        code = parse(text, arena, &every, &errors);
        if (code != FTL_OK) {
            assert_int_equal(code, FTL_NOMEM);
            assert_int_equal(errors.list[0].code, FTL_NOMEM);
            assert_int_equal(every.count, 77);
            failures++;
        }
    }
    assert_true(failures > 20);
}

static void test_text(void **state)
{
    static const struct {
        const char *name, *text, *error; /* NULL = taken */
    } rows[] = {
        {"flag", "yes", NULL},
        {"flag", "off", NULL},
        {"flag", "maybe", "flag: expected true or false, got \"maybe\""},
        {"count", "12", NULL},
        {"count", "1e1", NULL},
        {"count", "", "count: expected a whole number, got \"\""},
        {"count", "12x", "count: expected a whole number, got \"12x\""},
        {"count", "200", "count: 200 is outside 0..100"},
        {"id", "-5", NULL},
        {"opacity", "0.5", NULL},
        {"opacity", "nan", "opacity: expected a number, got \"nan\""},
        {"opacity", "0x1", "opacity: expected a number, got \"0x1\""},
        {"text", "as it is", NULL},
        {"text", "\xff", "text: is not UTF-8"},
        {"shade", "light", NULL},
        {"shade", "lihgt", "shade: unknown value \"lihgt\", did you mean \"light\"?"},
        {"length", "90", NULL},
        {"limit", "1GiB", NULL},
        {"canvas", "640x480", NULL},
        {"ratio", "1.7778", NULL},
        {"fps", "24000/1001", NULL},
        {"margin", "5%", NULL},
        {"colour", "white", NULL},
        {"image", "logo.png", NULL},
        {"image", "{\"path\":\"x\"}", NULL},
        {"image", "{\"path\"",
         "image: is not JSON: line 1, column 8: the document ends before a colon"},
        {"numbers", "1,2,3", NULL},
        {"numbers", "[1,2]", NULL},
        {"numbers", "", NULL},
        {"numbers", "1,,2", "numbers: expected a whole number, got \"\""},
        {"numbers", "1,2,3,4,5", "numbers: has 5 items, at most 4"},
        {"words", "a,b", NULL},
        {"box", "{\"label\":\"x\"}", NULL},
        {"box", "{\"lable\":\"x\"}", "box/lable: unknown key, did you mean \"label\"?"},
        {"boxes", "[{\"label\":\"x\"}]", NULL},
        {"boxes", "x", "boxes: is not JSON: line 1, column 1: expected a value"},
        {"steps", "[{\"kind\":\"tone\"}]", NULL},
        {"labels", "{\"a\":\"b\"}", NULL},
        {"extra", "[1,\"x\"]", NULL},
        {"extra", "5", NULL},
        {"extra", "nope", "extra: is not JSON: line 1, column 1: expected a value"},
        {"opactiy", "1", "opactiy: unknown option, did you mean \"opacity\"?"},
        {"whatever", "1", "whatever: unknown option"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct every every = every_defaults;
        struct ftl_err err = {0};
        enum ftl_code code =
            ftl_opt_set_text(&every_table, rows[i].name, rows[i].text, *state, &every, &err);
        char got[600] = "";
        if (code != FTL_OK) {
            (void)snprintf(got, sizeof(got), "%s: %s", err.where, err.msg);
            assert_memory_equal(&every, &every_defaults, sizeof(every));
        }
        assert_string_equal(got, rows[i].error != NULL ? rows[i].error : "");
    }
}

static void test_text_values(void **state)
{
    struct every every = every_defaults;
    struct ftl_err err = {0};
    assert_int_equal(ftl_opt_set_text(&every_table, "numbers", "7,8", *state, &every, &err),
                     FTL_OK);
    assert_int_equal(every.numbers.count, 2);
    assert_int_equal(((const int *)every.numbers.items)[1], 8);
    assert_int_equal(ftl_opt_set_text(&every_table, "flag", "on", *state, &every, &err), FTL_OK);
    assert_true(every.flag);
    assert_int_equal(ftl_opt_set_text(&every_table, "flag", "no", *state, &every, &err), FTL_OK);
    assert_false(every.flag);
    struct tone tone = tone_defaults;
    assert_int_equal(ftl_opt_set_text(&tone_table, "length", "250ms", *state, &tone, &err), FTL_OK);
    assert_true(tone.length > 0.249 && tone.length < 0.251);
    assert_int_equal(tone.set, 1 << 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_scalars, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_containers, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_scalar_errors, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_container_errors, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_all_errors_at_once, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_prefix, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_secrets_stay_out, new_arena, free_arena),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test_setup_teardown(test_text, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_text_values, new_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
