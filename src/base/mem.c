#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long fail_countdown;

static int should_fail(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0) {
        return 0;
    }
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void ftl_mem_fail_nth(long nth)
{
    atomic_store(&fail_countdown, nth);
}

void *ftl_calloc(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || should_fail()) {
        return NULL;
    }
    return calloc(count, size);
}

void *ftl_realloc(void *ptr, size_t size)
{
    return should_fail() ? NULL : realloc(ptr, size);
}

char *ftl_strndup(const char *text, size_t length)
{
    size_t used = strnlen(text, length);
    char *copy = ftl_calloc(used + 1, 1);
    if (copy != NULL) {
        memcpy(copy, text, used);
    }
    return copy;
}

char *ftl_strdup(const char *text)
{
    return ftl_strndup(text, strlen(text));
}

void ftl_free(void *ptr)
{
    free(ptr);
}

void ftl_wipe(void *ptr, size_t size)
{
    explicit_bzero(ptr, size);
}

enum { ARENA_BLOCK_BYTES = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena_cleanup {
    struct arena_cleanup *next;
    void (*release)(void *);
    void *ptr;
};

struct ftl_arena {
    struct arena_block *blocks;
    struct arena_cleanup *cleanups;
    size_t handed_out, max_bytes;
};

struct ftl_arena *ftl_arena_new(size_t max_bytes)
{
    struct ftl_arena *arena = ftl_calloc(1, sizeof(*arena));
    if (arena != NULL) {
        arena->max_bytes = max_bytes;
    }
    return arena;
}

void ftl_arena_free(struct ftl_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    for (struct arena_cleanup *c = arena->cleanups; c != NULL; c = c->next) {
        c->release(c->ptr);
    }
    struct arena_block *next = NULL;
    for (struct arena_block *b = arena->blocks; b != NULL; b = next) {
        next = b->next;
        ftl_free(b);
    }
    ftl_free(arena);
}

static struct arena_block *block_with_room(struct ftl_arena *arena, size_t bytes)
{
    struct arena_block *first = arena->blocks;
    if (first != NULL && first->size - first->used >= bytes) {
        return first;
    }
    size_t size = bytes > ARENA_BLOCK_BYTES ? bytes : ARENA_BLOCK_BYTES;
    struct arena_block *block = ftl_calloc(1, sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    block->next = first;
    arena->blocks = block;
    return block;
}

void *ftl_arena_alloc(struct ftl_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > arena->max_bytes) {
        return NULL;
    }
    const size_t align = _Alignof(max_align_t);
    bytes = (bytes + align - 1) / align * align;
    if (bytes > arena->max_bytes - arena->handed_out) {
        return NULL;
    }
    struct arena_block *block = block_with_room(arena, bytes);
    if (block == NULL) {
        return NULL;
    }
    void *ptr = block->bytes + block->used;
    block->used += bytes;
    arena->handed_out += bytes;
    return ptr;
}

char *ftl_arena_strndup(struct ftl_arena *arena, const char *text, size_t length)
{
    size_t used = strnlen(text, length);
    char *copy = ftl_arena_alloc(arena, used + 1, 1);
    if (copy != NULL) {
        memcpy(copy, text, used);
    }
    return copy;
}

char *ftl_arena_strdup(struct ftl_arena *arena, const char *text)
{
    return ftl_arena_strndup(arena, text, strlen(text));
}

char *ftl_arena_printf(struct ftl_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0) {
        return NULL;
    }
    char *text = ftl_arena_alloc(arena, (size_t)length + 1, 1);
    if (text != NULL) {
        va_start(args, fmt);
        (void)vsnprintf(text, (size_t)length + 1, fmt, args);
        va_end(args);
    }
    return text;
}

enum ftl_code ftl_arena_defer(struct ftl_arena *arena, void (*release)(void *), void *ptr)
{
    struct arena_cleanup *cleanup = ftl_arena_alloc(arena, 1, sizeof(*cleanup));
    if (cleanup == NULL) {
        release(ptr);
        return FTL_NOMEM;
    }
    *cleanup = (struct arena_cleanup){.next = arena->cleanups, .release = release, .ptr = ptr};
    arena->cleanups = cleanup;
    return FTL_OK;
}
