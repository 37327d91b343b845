#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    BAR_INTERVAL_MS = 100,
    EVENT_INTERVAL_MS = 500,
    LINE_INTERVAL_MS = 10000,
    ETA_AFTER_MS = 2000,
};

enum ftl_progress_style ftl_progress_style_for(bool is_quiet, bool is_ndjson)
{
    if (is_ndjson) {
        return FTL_PROGRESS_NDJSON;
    }
    if (is_quiet) {
        return FTL_PROGRESS_NONE;
    }
    const char *term =
        getenv("TERM"); /* NOLINT(concurrency-mt-unsafe): nothing sets the environment */
    bool is_capable = term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
    return isatty(STDERR_FILENO) && is_capable ? FTL_PROGRESS_BAR : FTL_PROGRESS_LINES;
}

void ftl_progress_begin(struct ftl_progress_bar *bar, enum ftl_progress_style style)
{
    int64_t now_ms = ftl_mono_ms();
    *bar = (struct ftl_progress_bar){.style = style, .began_ms = now_ms, .drawn_ms = now_ms};
}

static int terminal_columns(void)
{
    struct winsize size = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* " 12.3x  ETA 0:07", as far as it is known. */
static void describe(const struct ftl_progress_bar *bar, const struct ftl_runner_progress *progress,
                     char *to, size_t size)
{
    int64_t elapsed_ms = ftl_mono_ms() - bar->began_ms;
    int used = 0;
    to[0] = '\0';
    if (progress->speed > 0) {
        used = snprintf(to, size, "  %.1fx", progress->speed);
    }
    if (elapsed_ms >= ETA_AFTER_MS && progress->fraction > 0.05 && progress->fraction < 1 &&
        used >= 0 && (size_t)used < size)
    {
        double left_s = (double)elapsed_ms / 1000 * (1 - progress->fraction) / progress->fraction;
        (void)snprintf(to + used, size - (size_t)used, "  ETA %d:%02d", (int)left_s / 60,
                       (int)left_s % 60);
    }
}

static void draw_bar(struct ftl_progress_bar *bar, const struct ftl_runner_progress *progress)
{
    char tail[48];
    describe(bar, progress, tail, sizeof(tail));
    /* 100 % is shown by the result alone */
    int percent = progress->fraction >= 1 ? 99 : (int)(progress->fraction * 100);
    int width = terminal_columns() - 18 - (int)strlen(tail);
    if (width > 40) {
        width = 40;
    }
    (void)fprintf(stderr, "\r%-7s ", ftl_runner_phase_name(progress->phase));
    for (int i = 0; i < width; i++) {
        (void)fputc(i * 100 < percent * width ? '#' : '-', stderr);
    }
    (void)fprintf(stderr, " %3d %%%s\033[K", percent, tail);
    (void)fflush(stderr);
    bar->is_drawn = true;
}

static void print_event(const struct ftl_runner_progress *progress)
{
    (void)printf("{\"event\":\"progress\",\"phase\":\"%s\",\"percent\":%.1f,\"frames\":%lld,"
                 "\"speed\":%.2f}\n",
                 ftl_runner_phase_name(progress->phase), progress->fraction * 100,
                 (long long)progress->frames, progress->speed);
    (void)fflush(stdout);
}

void ftl_progress_show(void *opaque, const struct ftl_runner_progress *progress)
{
    static const int intervals[] = {[FTL_PROGRESS_NONE] = 0,
                                    [FTL_PROGRESS_BAR] = BAR_INTERVAL_MS,
                                    [FTL_PROGRESS_LINES] = LINE_INTERVAL_MS,
                                    [FTL_PROGRESS_NDJSON] = EVENT_INTERVAL_MS};
    struct ftl_progress_bar *bar = opaque;
    int64_t now_ms = ftl_mono_ms();
    if (bar->style == FTL_PROGRESS_NONE || now_ms - bar->drawn_ms < intervals[bar->style]) {
        return;
    }
    bar->drawn_ms = now_ms;
    if (bar->style == FTL_PROGRESS_BAR) {
        draw_bar(bar, progress);
    } else if (bar->style == FTL_PROGRESS_NDJSON) {
        print_event(progress);
    } else {
        char tail[48];
        describe(bar, progress, tail, sizeof(tail));
        (void)fprintf(stderr, "%s %d %%%s\n", ftl_runner_phase_name(progress->phase),
                      (int)(progress->fraction * 100), tail);
    }
}

void ftl_progress_end(struct ftl_progress_bar *bar)
{
    if (bar->is_drawn) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        bar->is_drawn = false;
    }
}
