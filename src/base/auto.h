/* Cleanup at scope end, so that an early return cannot leak. FTL_TAKE hands a pointer over. */
#ifndef FETTLE_BASE_AUTO_H
#define FETTLE_BASE_AUTO_H

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

#define FTL_CLEANUP(fn) __attribute__((cleanup(fn)))

/* FTL_AUTO(name) needs FTL_AUTO_DEFINE(name, type, free_fn) somewhere before; free_fn takes the
 * pointer and is called only when it is not NULL. */
#define FTL_AUTO_DEFINE(name, type, free_fn)                                                       \
    static inline void ftl_auto_##name(type **ptr)                                                 \
    {                                                                                              \
        if (*ptr != NULL) {                                                                        \
            free_fn(*ptr);                                                                         \
        }                                                                                          \
    }                                                                                              \
    struct ftl_auto_semicolon_##name
#define FTL_AUTO(name) FTL_CLEANUP(ftl_auto_##name)

static inline void ftl_auto_free(void *ptr_to_ptr)
{
    ftl_free(*(void **)ptr_to_ptr);
}

static inline void ftl_auto_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* nothing was promised about what is still unwritten */
    }
}

static inline void ftl_auto_file(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file); /* as above */
    }
}

#define FTL_AUTO_FREE FTL_CLEANUP(ftl_auto_free)
#define FTL_AUTO_FD   FTL_CLEANUP(ftl_auto_fd)
#define FTL_AUTO_FILE FTL_CLEANUP(ftl_auto_file)

FTL_AUTO_DEFINE(arena, struct ftl_arena, ftl_arena_free);

/* Moves a pointer out of an auto variable: p is NULL afterwards. */
#define FTL_TAKE(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

static inline int ftl_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#endif
