#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/mem.h"

static void test_heap(void **state)
{
    (void)state;
    FTL_AUTO_FREE char *zeroed = ftl_calloc(4, 2);
    assert_memory_equal(zeroed, "\0\0\0\0\0\0\0\0", 8);
    assert_null(ftl_calloc(SIZE_MAX, 2));
    FTL_AUTO_FREE char *copy = ftl_strdup("text");
    assert_string_equal(copy, "text");
    FTL_AUTO_FREE char *start = ftl_strndup("text", 2);
    assert_string_equal(start, "te");
    FTL_AUTO_FREE char *all = ftl_strndup("text", 9);
    assert_string_equal(all, "text");
    ftl_free(NULL);
    ftl_wipe(copy, 4);
    assert_memory_equal(copy, "\0\0\0\0", 4);
}

static void test_failing(void **state)
{
    (void)state;
    ftl_mem_fail_nth(2);
    FTL_AUTO_FREE void *first = ftl_calloc(1, 1);
    FTL_AUTO_FREE void *second = ftl_calloc(1, 1);
    FTL_AUTO_FREE void *third = ftl_calloc(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    ftl_mem_fail_nth(0);
}

static void test_arena(void **state)
{
    (void)state;
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(100000);
    for (size_t size = 1; size < 100; size += 7) {
        char *bytes = ftl_arena_alloc(arena, 1, size);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(bytes[i], 0);
        }
        memset(bytes, 1, size);
    }
    assert_non_null(ftl_arena_alloc(arena, 1, 40000)); /* more than a block */
    assert_null(ftl_arena_alloc(arena, 1, 90000));     /* over the bound */
    assert_null(ftl_arena_alloc(arena, SIZE_MAX, 2));
    assert_null(ftl_arena_alloc(arena, 1, SIZE_MAX));
    assert_string_equal(ftl_arena_strdup(arena, "abc"), "abc");
    assert_string_equal(ftl_arena_strndup(arena, "abc", 2), "ab");
    assert_string_equal(ftl_arena_printf(arena, "%d-%s", 5, "x"), "5-x");
    ftl_arena_free(NULL);
}

static void note(void *opaque)
{
    char **at = opaque;
    **at = *at[0] == '\0' ? 'x' : 'y';
}

static char order[8];

static void note_first(void *opaque)
{
    (void)opaque;
    order[strlen(order)] = '1';
}

static void note_second(void *opaque)
{
    (void)opaque;
    order[strlen(order)] = '2';
}

static void test_deferred(void **state)
{
    (void)state;
    memset(order, 0, sizeof(order));
    struct ftl_arena *arena = ftl_arena_new(1000);
    assert_int_equal(ftl_arena_defer(arena, note_first, NULL), FTL_OK);
    assert_int_equal(ftl_arena_defer(arena, note_second, NULL), FTL_OK);
    assert_string_equal(order, "");
    ftl_arena_free(arena);
    assert_string_equal(order, "21"); /* newest first */
    struct ftl_arena *small = ftl_arena_new(1);
    char mark[2] = "";
    char *at = mark;
    assert_int_equal(ftl_arena_defer(small, note, &at), FTL_NOMEM);
    assert_string_equal(mark, "x"); /* called at once */
    ftl_arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_failing),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_deferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
