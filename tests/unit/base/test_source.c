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

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error; /* "" = taken */
    } rows[] = {
        {"{\"url\":\"https://h/a\"}", ""},
        {"{\"url\":\"HTTP://h/a\",\"sha256\":\"" HASH "\",\"headers\":{\"X-Key_1\":\"v w\"}}", ""},
        {"{\"path\":\"a b.mp4\"}", ""},
        {"{}", "/in: needs a \"url\" or a \"path\""},
        {"{\"url\":\"https://h\",\"path\":\"x\"}",
         "/in/path: cannot be given together with \"url\""},
        {"{\"url\":\"file:///etc/passwd\"}", "/in/url: expected an http or https URL"},
        {"{\"url\":\"\"}", "/in/url: expected an http or https URL"},
        {"{\"path\":\"\"}", "/in/path: is empty"},
        {"{\"path\":\"x\",\"headers\":{\"a\":\"b\"}}", "/in/headers: only a \"url\" takes headers"},
        {"{\"path\":\"x\",\"sha256\":\"abc\"}",
         "/in/sha256: expected 64 lower-case hexadecimal digits"},
        {"{\"path\":\"x\",\"sha256\":\"G123456789abcdef0123456789abcdef0123456789abcdef0123456789"
         "abcdef\"}",
         "/in/sha256: expected 64 lower-case hexadecimal digits"},
        {"{\"url\":\"http://h\",\"headers\":{\"a:b\":\"c\"}}",
         "/in/headers/a:b: is not a header name"},
        {"{\"url\":\"http://h\",\"headers\":{\"\":\"c\"}}", "/in/headers/: is not a header name"},
        {"{\"url\":\"http://h\",\"headers\":{\"a\":\"b\\r\\nc: d\"}}",
         "/in/headers/a: a header cannot hold a line break"},
        {"{\"url\":\"http://h\",\"headers\":{\"a\":1}}",
         "/in/headers/a: expected a string, got a number"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(65536);
        FTL_AUTO(json) cJSON *json = cJSON_Parse(rows[i].text);
        assert_non_null(json);
        struct ftl_source source = {0};
        struct ftl_opt_errors errors = {0};
        enum ftl_code code = ftl_opt_parse(&ftl_source_table, json, "/in", arena, &source, &errors);
        char got[600] = "";
        if (code != FTL_OK) {
            (void)snprintf(got, sizeof(got), "%s: %s", errors.list[0].where, errors.list[0].msg);
        }
        assert_string_equal(got, rows[i].error);
    }
}

static void test_from_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_url;
    } rows[] = {
        {"https://h/a", true},
        {"HTTP://h", true},
        {"s3+x://bucket/key", true},
        {"clip.mp4", false},
        {"/a/b", false},
        {"a/b://c", false},
        {"://x", false},
        {"", false},
        {"http:/x", false},
        {"dir with space://x", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_source source = ftl_source_from_text(rows[i].text);
        assert_ptr_equal(source.url, rows[i].is_url ? rows[i].text : NULL);
        assert_ptr_equal(source.path, rows[i].is_url ? NULL : rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_from_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
