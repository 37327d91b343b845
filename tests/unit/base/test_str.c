#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

static void test_growing(void **state)
{
    (void)state;
    FTL_AUTO_STR struct ftl_str str = FTL_STR_INIT(10000);
    assert_string_equal(ftl_str_text(&str), "");
    for (int i = 0; i < 1000; i++) {
        ftl_str_add(&str, "abc");
    }
    assert_int_equal(str.length, 3000);
    assert_int_equal(strlen(str.text), 3000);
    assert_false(str.is_cut);
    ftl_str_clear(&str);
    assert_string_equal(ftl_str_text(&str), "");
    ftl_str_printf(&str, "%s-%d", "x", 7);
    assert_string_equal(ftl_str_text(&str), "x-7");
    char longer[700];
    memset(longer, 'y', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    ftl_str_printf(&str, "%s!", longer); /* beyond the buffer on the stack */
    assert_int_equal(str.length, 3 + 699 + 1);
    assert_int_equal(str.text[str.length - 1], '!');
}

static void test_cut(void **state)
{
    (void)state;
    FTL_AUTO_STR struct ftl_str str = FTL_STR_INIT(5);
    ftl_str_add(&str, "12345");
    assert_false(str.is_cut);
    ftl_str_add(&str, "");
    assert_false(str.is_cut);
    ftl_str_add(&str, "6");
    assert_true(str.is_cut);
    assert_string_equal(str.text, "12345");
    ftl_str_clear(&str);
    ftl_str_add(&str, "abcdefgh");
    assert_string_equal(str.text, "abcde");
    ftl_str_add(&str, "x"); /* nothing is added to a prefix */
    assert_string_equal(str.text, "abcde");
}

static void test_no_memory(void **state)
{
    (void)state;
    FTL_AUTO_STR struct ftl_str str = FTL_STR_INIT(1000);
    ftl_mem_fail_nth(1);
    ftl_str_add(&str, "abc");
    ftl_mem_fail_nth(0);
    assert_true(str.is_cut);
    assert_string_equal(ftl_str_text(&str), "");
}

static void test_copying(void **state)
{
    (void)state;
    char to[4] = "zzz";
    assert_true(ftl_copy_text(to, sizeof(to), "abc"));
    assert_string_equal(to, "abc");
    assert_false(ftl_copy_text(to, sizeof(to), "defg"));
    assert_string_equal(to, "def");
    assert_false(ftl_copy_text(to, 0, "x"));
    assert_string_equal(to, "def");
    assert_true(ftl_starts_with("abc", "ab"));
    assert_true(ftl_starts_with("abc", ""));
    assert_false(ftl_starts_with("ab", "abc"));
    assert_true(ftl_ends_with("a.mp4", ".mp4"));
    assert_false(ftl_ends_with("mp4", ".mp4"));
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t first; /* bytes of the first character; 0 = ill-formed */
    } rows[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\xc2\x80", 2},
        {"\xdf\xbf", 2},
        {"\xe0\xa0\x80", 3},
        {"\xed\x9f\xbf", 3},
        {"\xee\x80\x80", 3},
        {"\xef\xbf\xbf", 3},
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\x80", 0},             /* a continuation alone */
        {"\xc1\xbf", 0},         /* overlong */
        {"\xe0\x9f\xbf", 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\xc2", 0}, /* cut */
        {"\xe1\x80", 0},
        {"\xf1\x80\x80", 0},
        {"\xe1\x80z", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t length = strlen(rows[i].text);
        assert_int_equal(ftl_utf8_next(rows[i].text, length), rows[i].first);
        assert_int_equal(ftl_is_utf8(rows[i].text, length), rows[i].first > 0);
    }
    assert_int_equal(ftl_utf8_next("", 0), 0);
    assert_int_equal(ftl_utf8_next("\0", 1), 0);
    assert_true(ftl_is_utf8("", 0));
    assert_false(ftl_is_utf8("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growing),   cmocka_unit_test(test_cut),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_copying),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
