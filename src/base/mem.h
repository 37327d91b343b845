/* Heap and arena. Raw malloc/calloc/realloc/strdup/free are banned elsewhere (banned.h).
 *
 * An arena owns everything parsed from one document; it is freed as a whole. Not thread-safe. */
#ifndef FETTLE_BASE_MEM_H
#define FETTLE_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#include <fettle/err.h>

/* NULL when out of memory, when count × size overflows, or when the test hook says so. Zeroed. */
void *ftl_calloc(size_t count, size_t size) FTL_CHECK;
void *ftl_realloc(void *ptr, size_t size) FTL_CHECK;
char *ftl_strdup(const char *text) FTL_CHECK;
char *ftl_strndup(const char *text, size_t length) FTL_CHECK;
void ftl_free(void *ptr); /* NULL allowed */

/* Test hook: the nth allocation from now (1 = the next) fails, once; 0 turns it off. */
void ftl_mem_fail_nth(long nth);

/* Bytes wiped so that the compiler cannot drop it, for secrets. */
void ftl_wipe(void *ptr, size_t size);

struct ftl_arena;

/* `max_bytes` bounds the sum of what it hands out. NULL = out of memory. */
struct ftl_arena *ftl_arena_new(size_t max_bytes) FTL_CHECK;
void ftl_arena_free(struct ftl_arena *arena); /* NULL allowed */

/* Zeroed, aligned for any type; NULL when out of memory or over the bound. */
void *ftl_arena_alloc(struct ftl_arena *arena, size_t count, size_t size) FTL_CHECK;
char *ftl_arena_strdup(struct ftl_arena *arena, const char *text) FTL_CHECK;
char *ftl_arena_strndup(struct ftl_arena *arena, const char *text, size_t length) FTL_CHECK;
char *ftl_arena_printf(struct ftl_arena *arena, const char *fmt, ...) FTL_CHECK FTL_PRINTF(2, 3);

/* Calls `release(ptr)` when the arena is freed, newest first. NOMEM after having called it at once.
 */
enum ftl_code ftl_arena_defer(struct ftl_arena *arena, void (*release)(void *),
                              void *ptr) FTL_CHECK;

#endif
