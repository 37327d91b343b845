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

/* The text of a document printed again, or the error as "CODE: message". */
static void parse(const char *text, size_t length, const struct ftl_json_limits *limits, char *to,
                  size_t size)
{
    struct ftl_err err = {0};
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse(text, length, limits, &json, &err) != FTL_OK) {
        assert_null(json);
        (void)snprintf(to, size, "%s: %s", ftl_code_name(err.code), err.msg);
        return;
    }
    FTL_AUTO_STR struct ftl_str printed = FTL_STR_INIT(4096);
    ftl_json_print(json, false, &printed);
    (void)ftl_copy_text(to, size, ftl_str_text(&printed));
}

static void test_documents(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"{}", "{}"},
        {" [ ] ", "[]"},
        {"\t\r\n{\"a\" : [1, 2.5, -0.25, true, false, null, \"x\"]}\n",
         "{\"a\":[1,2.5,-0.25,true,false,null,\"x\"]}"},
        {"\"\\u00e9\\ud83d\\ude00\\n\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n/\""},
        {"9007199254740991", "9007199254740991"},
        {"1e3", "1000"},
        {"0.1", "0.1"},
        {"-0", "0"},
        {"1e-400", "0"},
        {"{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}"},
        {"[{\"a\":1},{\"a\":1}]", "[{\"a\":1},{\"a\":1}]"},
        {"", "SPEC: line 1, column 1: the document ends before a value"},
        {"  ", "SPEC: line 1, column 3: the document ends before a value"},
        {"{", "SPEC: line 1, column 2: the document ends before a member's name in double quotes"},
        {"[1", "SPEC: line 1, column 3: the document ends before a comma or ]"},
        {"[1,]", "SPEC: line 1, column 4: expected a value"},
        {"{\"a\":1,}", "SPEC: line 1, column 8: expected a member's name in double quotes"},
        {"{\"a\" 1}", "SPEC: line 1, column 6: expected a colon"},
        {"{'a':1}", "SPEC: line 1, column 2: expected a member's name in double quotes"},
        {"{\n  \"a\": tru\n}", "SPEC: line 2, column 8: expected a value"},
        {"// x\n1", "SPEC: line 1, column 1: expected a value"},
        {"NaN", "SPEC: line 1, column 1: expected a value"},
        {"Infinity", "SPEC: line 1, column 1: expected a value"},
        {"01", "SPEC: line 1, column 1: a number with a leading zero"},
        {"-01", "SPEC: line 1, column 1: a number with a leading zero"},
        {"+1", "SPEC: line 1, column 1: expected a value"},
        {"-", "SPEC: line 1, column 1: a sign without a number"},
        {".5", "SPEC: line 1, column 1: expected a value"},
        {"1.", "SPEC: line 1, column 1: a number that is not well formed"},
        {"1e", "SPEC: line 1, column 1: a number that is not well formed"},
        {"1x", "SPEC: line 1, column 1: a number that is not well formed"},
        {"0x10", "SPEC: line 1, column 1: a number that is not well formed"},
        {"1e999", "SPEC: line 1, column 1: a number that is too large or too long"},
        {"[-1e999]", "SPEC: line 1, column 2: a number that is too large or too long"},
        {"1234567890123456789012345678901234567890123456789012345678901234",
         "SPEC: line 1, column 1: a number that is too large or too long"},
        {"1 2", "SPEC: line 1, column 3: something follows the document"},
        {"{}}", "SPEC: line 1, column 3: something follows the document"},
        {"\"a\tb\"", "SPEC: line 1, column 3: control character in a string"},
        {"\"\\u0000\"", "SPEC: line 1, column 2: U+0000 is not allowed in a string"},
        {"\"\\ud800\"", "SPEC: line 1, column 2: half of a surrogate pair"},
        {"\"\\udc00\\ud800\"", "SPEC: line 1, column 2: half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", "SPEC: line 1, column 2: half of a surrogate pair"},
        {"\"\\u12g4\"", "SPEC: line 1, column 2: \\u must be followed by four hexadecimal digits"},
        {"\"\\u12", "SPEC: line 1, column 2: \\u must be followed by four hexadecimal digits"},
        {"\"\\x\"", "SPEC: line 1, column 2: unknown escape in a string"},
        {"\"\\", "SPEC: line 1, column 3: the document ends before the end of a string"},
        {"\"abc", "SPEC: line 1, column 5: the document ends before the end of a string"},
        {"\"\xff\"", "SPEC: line 1, column 2: bytes that are not UTF-8"},
        {"\"\xc0\x80\"", "SPEC: line 1, column 2: bytes that are not UTF-8"},
        {"\"\xed\xa0\x80\"", "SPEC: line 1, column 2: bytes that are not UTF-8"},
        {"[\"\xc3\xa9\", x]", "SPEC: line 1, column 7: expected a value"},
        {"\xef\xbb\xbf{}", "SPEC: line 1, column 1: a byte order mark"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[600];
        parse(rows[i].text, strlen(rows[i].text), NULL, got, sizeof(got));
        assert_string_equal(got, rows[i].expected);
    }
}

static void test_nul_bytes(void **state)
{
    (void)state;
    char got[600];
    parse("{}\0", 3, NULL, got, sizeof(got));
    assert_string_equal(got, "SPEC: line 1, column 3: something follows the document");
    parse("[1\0]", 4, NULL, got, sizeof(got));
    assert_string_equal(got, "SPEC: line 1, column 3: expected a comma or ]");
    parse("\"a\0b\"", 5, NULL, got, sizeof(got));
    assert_string_equal(got, "SPEC: line 1, column 3: control character in a string");
    parse("{}x", 2, NULL, got, sizeof(got)); /* what lies beyond the length is not read */
    assert_string_equal(got, "{}");
    parse("12", 1, NULL, got, sizeof(got));
    assert_string_equal(got, "1");
}

static void test_duplicates(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where, *msg;
    } rows[] = {
        {"{\"a\":1,\"a\":1}", "/a", "line 1, column 8: duplicate member \"a\""},
        {"{\"a\":1,\"\\u0061\":2}", "/a", "line 1, column 8: duplicate member \"a\""},
        {"{\"x\":[{},\n{\"b/c\":{\"d\":1},\"e\":2,\"b/c\":3}]}", "/x/1/b~1c",
         "line 2, column 22: duplicate member \"b/c\""},
        {"{\"\":1,\"\":2}", "/", "line 1, column 7: duplicate member \"\""},
        {"{\"z\":0,\"y\":0,\"z\":1,\"y\":1}", "/z", "line 1, column 14: duplicate member \"z\""},
        {"{\"a\\n\":1,\"a\\n\":1}", "/a\n", "line 1, column 10: duplicate member \"a\\n\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err = {0};
        cJSON *json = NULL;
        assert_int_equal(ftl_json_parse(rows[i].text, strlen(rows[i].text), NULL, &json, &err),
                         FTL_SPEC);
        assert_string_equal(err.msg, rows[i].msg);
        assert_string_equal(err.where, rows[i].where);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        struct ftl_json_limits limits;
    } rows[] = {
        {"[[1]]", "[[1]]", {.depth = 2}},
        {"[[[1]]]", "LIMIT: line 1, column 3: nested too deeply", {.depth = 2}},
        {"{\"a\":{\"b\":[]}}", "LIMIT: line 1, column 11: nested too deeply", {.depth = 2}},
        {"[[],[],[]]", "[[],[],[]]", {.depth = 2}},
        {"\"abcd\"", "\"abcd\"", {.string = 4}},
        {"\"abcde\"", "LIMIT: line 1, column 1: string too long", {.string = 4}},
        {"\"\\u00e9\\u00e9\"", "\"\xc3\xa9\xc3\xa9\"", {.string = 4}},
        {"\"\\ud83d\\ude00x\"", "LIMIT: line 1, column 1: string too long", {.string = 4}},
        {"{\"abcde\":1}", "LIMIT: line 1, column 2: string too long", {.string = 4}},
        {"[1,2]", "[1,2]", {.bytes = 5}},
        {"[1,23]", "LIMIT: JSON of 6 bytes; at most 5 are taken", {.bytes = 5}},
        {"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", {0}},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "LIMIT: line 1, column 17: nested too deeply", {0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[600];
        parse(rows[i].text, strlen(rows[i].text), &rows[i].limits, got, sizeof(got));
        assert_string_equal(got, rows[i].expected);
    }
}

/* A megabyte of members must not take quadratic time: this takes minutes if it does. */
static void test_many_members(void **state)
{
    (void)state;
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(4 << 20);
    ftl_str_add(&text, "{");
    for (int i = 0; i < 100000; i++) {
        ftl_str_printf(&text, "\"%d\":1,", i);
    }
    ftl_str_add(&text, "\"77777\":2}");
    struct ftl_err err = {0};
    cJSON *json = NULL;
    const struct ftl_json_limits limits = {.bytes = 4 << 20};
    assert_int_equal(ftl_json_parse(text.text, text.length, &limits, &json, &err), FTL_SPEC);
    assert_string_equal(err.where, "/77777");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":{\"b\":1,\"c\":[1,2,{\"d\":\"e\",\"f\":2}]},\"g\":2}";
    struct ftl_err err = {0};
    int failures = 0;
    for (long nth = 1; nth < 20; nth++) {
        cJSON *json = NULL;
        ftl_mem_fail_nth(nth);
        enum ftl_code code = ftl_json_parse(text, strlen(text), NULL, &json, &err);
        ftl_mem_fail_nth(0);
        if (code == FTL_OK) {
            cJSON_Delete(json);
            continue;
        }
        assert_int_equal(code, FTL_NOMEM);
        assert_null(json);
        failures++;
    }
    assert_int_equal(failures, 4); /* the copy, and the members of three objects */
}

static void test_lookup(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":{\"b\":[10,20]},\"A\":1,\"x/y\":2,\"m~n\":3,\"\":4,\"id\":\"9223372036854775807\","
        "\"f\":1.5,\"t\":true,\"s\":\"text\",\"n\":null}";
    struct ftl_err err = {0};
    FTL_AUTO(json) cJSON *json = NULL;
    assert_int_equal(ftl_json_parse(text, strlen(text), NULL, &json, &err), FTL_OK);
    static const struct {
        const char *pointer;
        double number; /* NaN = nothing there */
    } rows[] = {
        {"/a/b/0", 10},
        {"/a/b/1", 20},
        {"/a/b/2", (double)NAN},
        {"/a/b/01", (double)NAN},
        {"/a/b/-", (double)NAN},
        {"/a/b/", (double)NAN},
        {"/A", 1},
        {"/x~1y", 2},
        {"/m~0n", 3},
        {"/", 4},
        {"/none", (double)NAN},
        {"a", (double)NAN},
        {"/a/b/99999999999", (double)NAN},
        {"/A/b", (double)NAN},
        {"/x/y", (double)NAN},
        {"/f", 1.5},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const cJSON *item = ftl_json_at(json, rows[i].pointer);
        if (isnan(rows[i].number)) {
            assert_null(item);
        } else {
            assert_non_null(item);
            assert_true(item->valuedouble >= rows[i].number && item->valuedouble <= rows[i].number);
        }
    }
    assert_ptr_equal(ftl_json_at(json, ""), json);
    assert_null(ftl_json_get(json, "T"));
    assert_null(ftl_json_get(NULL, "a"));
    assert_null(ftl_json_get(ftl_json_get(json, "A"), "a"));
    assert_string_equal(ftl_json_string(json, "s", "-"), "text");
    assert_string_equal(ftl_json_string(json, "A", "-"), "-");
    assert_true(ftl_json_bool(json, "t", false));
    assert_true(ftl_json_bool(json, "s", true));
    assert_int_equal(ftl_json_int64(json, "id", 0), INT64_MAX);
    assert_int_equal(ftl_json_int64(json, "f", -7), -7);
    assert_int_equal(ftl_json_int64(json, "s", -7), -7);
    assert_int_equal(ftl_json_int64(json, "A", -7), 1);
    assert_true(ftl_json_number(json, "f", 0) > 1.4);
    assert_true(ftl_json_number(json, "n", -1) < 0);
}

static void test_building(void **state)
{
    (void)state;
    FTL_AUTO(json) cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "s", "a\"\\\n\x01\xff\x7f");
    ftl_json_add_string(json, "none", NULL);
    ftl_json_add_int64(json, "most", INT64_C(9007199254740991));
    ftl_json_add_int64(json, "id", INT64_MIN);
    ftl_json_add_double(json, "d", -16.0249999, 2);
    ftl_json_add_double(json, "whole", 3.0004, 2);
    ftl_json_add_double(json, "third", 1.0 / 3, 17);
    ftl_json_add_double(json, "inf", (double)INFINITY, 2);
    ftl_json_add_double(json, "nan", (double)NAN, 2);
    ftl_json_add_bool(json, "b", true);
    cJSON *list = ftl_json_array();
    ftl_json_append(list, cJSON_CreateNumber(1));
    ftl_json_append(list, ftl_json_object());
    ftl_json_add(json, "l", list);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(4096);
    ftl_json_print(json, false, &text);
    assert_string_equal(
        ftl_str_text(&text),
        "{\"s\":\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\\u007f\",\"none\":null,"
        "\"most\":9007199254740991,\"id\":\"-9223372036854775808\",\"d\":-16.02,\"whole\":3,"
        "\"third\":0.3333333333333333,\"inf\":null,\"nan\":null,\"b\":true,\"l\":[1,{}]}");
    ftl_str_clear(&text);
    ftl_json_print(ftl_json_get(json, "l"), true, &text);
    assert_string_equal(ftl_str_text(&text), "[\n  1,\n  {}\n]");
}

static void test_pointers(void **state)
{
    (void)state;
    char pointer[16] = "";
    ftl_json_pointer_add(pointer, sizeof(pointer), "a/b~c");
    assert_string_equal(pointer, "/a~1b~0c");
    ftl_json_pointer_index(pointer, sizeof(pointer), 12);
    assert_string_equal(pointer, "/a~1b~0c/12");
    ftl_json_pointer_add(pointer, sizeof(pointer), "xy~z");
    assert_string_equal(pointer, "/a~1b~0c/12/xy"); /* no half of an escape */
    ftl_json_pointer_add(pointer, sizeof(pointer), "more");
    assert_string_equal(pointer, "/a~1b~0c/12/xy/"); /* full */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),    cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_duplicates),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_members), cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_lookup),       cmocka_unit_test(test_building),
        cmocka_unit_test(test_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
