/* A growable string with a maximum given at init. Always NUL-terminated once something was added.
 */
#ifndef FETTLE_BASE_STR_H
#define FETTLE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include <fettle/err.h>

#include "base/auto.h"

struct ftl_str {
    char *text;       /* NULL while empty and unused */
    size_t length;    /* without the NUL */
    size_t size, max; /* allocated; longest length allowed */
    bool is_cut;      /* something did not fit or memory ran out: the content is a prefix */
};

#define FTL_STR_INIT(max_length)                                                                   \
    {                                                                                              \
        .max = (max_length)                                                                        \
    }

/* What does not fit is cut, and is_cut set; later additions are then ignored. */
void ftl_str_add(struct ftl_str *str, const char *text);
void ftl_str_add_bytes(struct ftl_str *str, const void *bytes, size_t length);
void ftl_str_printf(struct ftl_str *str, const char *fmt, ...) FTL_PRINTF(2, 3);
void ftl_str_clear(struct ftl_str *str); /* keeps the memory */
void ftl_str_done(struct ftl_str *str);
const char *ftl_str_text(const struct ftl_str *str); /* "" when empty */

#define FTL_AUTO_STR FTL_CLEANUP(ftl_str_done)

/* Copies at most size-1 bytes and terminates; true if all of it fitted. */
bool ftl_copy_text(char *to, size_t size, const char *text);

bool ftl_starts_with(const char *text, const char *prefix);
bool ftl_ends_with(const char *text, const char *suffix);

/* True for well-formed UTF-8 without U+0000 (RFC 3629: no surrogates, no overlongs). */
bool ftl_is_utf8(const char *text, size_t length);

/* Bytes of the well-formed sequence that `text` starts with; 0 if it is ill-formed or U+0000. */
size_t ftl_utf8_next(const char *text, size_t length);

#endif
