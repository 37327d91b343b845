/* Whether a source ended where it should: what was decoded, against what the container declared,
 * with a second opinion on declarations that lie (src/media/README.md). */
#ifndef FETTLE_MEDIA_ENDING_H
#define FETTLE_MEDIA_ENDING_H

#include <stdbool.h>

#include <fettle/err.h>
#include <fettle/probe.h>

#include "media/decoder.h"
#include "media/input.h"
#include "media/whole.h"

struct ftl_ending {
    const char *name; /* of the input, for the message */
    const struct ftl_probe *probe;
    int stream;    /* index into probe->streams of the one that was read */
    double zero_s; /* container time of the decoder's 0 */
    bool saw_all;  /* input.packets_end_s covers every stream, not only this one */
    enum ftl_whole whole;
    struct ftl_input_stats input;
    struct ftl_decoder_stats decoder;
};

/* TRUNCATED, INPUT (too much of it does not decode), or OK; a lie that was seen through is told to
 * `warn`. Tolerance: max(0.25 s, 1 %) of what was declared. */
enum ftl_code ftl_ending_check(const struct ftl_ending *ending,
                               void (*warn)(void *opaque, const char *where, const char *text),
                               void *opaque, struct ftl_err *err) FTL_CHECK;

#endif
