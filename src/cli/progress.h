/* Progress of one local job on stderr: a bar on a terminal, a line every ten seconds elsewhere,
 * events as NDJSON. */
#ifndef FETTLE_CLI_PROGRESS_H
#define FETTLE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/runner.h"

enum ftl_progress_style {
    FTL_PROGRESS_NONE,
    FTL_PROGRESS_BAR,
    FTL_PROGRESS_LINES,
    FTL_PROGRESS_NDJSON
};

struct ftl_progress_bar {
    enum ftl_progress_style style;
    int64_t began_ms, drawn_ms; /* ftl_mono_ms */
    bool is_drawn;              /* a bar stands on the current line */
};

/* Bar on a terminal that can (TERM is not "dumb"), lines elsewhere. */
enum ftl_progress_style ftl_progress_style_for(bool is_quiet, bool is_ndjson);

void ftl_progress_begin(struct ftl_progress_bar *bar, enum ftl_progress_style style);
void ftl_progress_show(void *opaque,
                       const struct ftl_runner_progress *progress); /* ftl_runner_task.progress */
void ftl_progress_end(struct ftl_progress_bar *bar);                /* clears the bar's line */

#endif
