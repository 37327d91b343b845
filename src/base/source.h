/* Where bytes come from, as a job names it: a URL or path, with what it takes to read it. The table
 * serves every option of kind INPUT and the job's `inputs`. */
#ifndef FETTLE_BASE_SOURCE_H
#define FETTLE_BASE_SOURCE_H

#include <fettle/option.h>
#include <fettle/value.h>

struct ftl_source {
    const char *url;          /* http(s) URL, or NULL */
    const char *path;         /* local file, or NULL; exactly one of the two */
    struct ftl_array headers; /* struct ftl_map_entry of STRING; values are secret */
    const char *sha256;       /* expected, lower-case hex; NULL = not checked */
};

extern const struct ftl_opt_table ftl_source_table;

/* What the plain-string form means: "scheme://…" is a URL, anything else a path. */
struct ftl_source ftl_source_from_text(const char *text);

#endif
