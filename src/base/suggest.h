/* "Did you mean …?": the nearest of some names to what was written. */
#ifndef FETTLE_BASE_SUGGEST_H
#define FETTLE_BASE_SUGGEST_H

#include <stddef.h>

struct ftl_suggest {
    const char *written;
    const char *nearest; /* the answer: NULL = nothing near enough */
    size_t distance;     /* of `nearest`; worse offers are passed over */
};

/* Looks for names within edit distance 2, or a third of a long name's length; 1 for names of up to
 * three characters. Upper and lower case, "-" and "_" count as equal. */
struct ftl_suggest ftl_suggest_start(const char *written);
void ftl_suggest_offer(struct ftl_suggest *suggest, const char *name);

#endif
