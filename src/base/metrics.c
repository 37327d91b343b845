#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { MAX_LABELS = 32, LABEL_SIZE = 48 };

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct row {
    enum kind kind;
    const char *name, *label, *help;
};

static const struct row rows[FTL_METRICS_COUNT] = {
#define FTL_COUNTER(id, name_, label_, help_)                                                      \
    [FTL_METRIC_##id] = {.kind = COUNTER, .name = (name_), .label = (label_), .help = (help_)},
#define FTL_GAUGE(id, name_, label_, help_)                                                        \
    [FTL_METRIC_##id] = {.kind = GAUGE, .name = (name_), .label = (label_), .help = (help_)},
#define FTL_HISTOGRAM(id, name_, label_, help_)                                                    \
    [FTL_METRIC_##id] = {.kind = HISTOGRAM, .name = (name_), .label = (label_), .help = (help_)},
#include "base/metrics.def"
#undef FTL_COUNTER
#undef FTL_GAUGE
#undef FTL_HISTOGRAM
};

static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                2.5,   5,    10,    30,   60,  120,  300, 600};
enum { BOUNDS_COUNT = sizeof(bounds) / sizeof(bounds[0]) };

struct cell {
    char label[LABEL_SIZE];
    atomic_int_fast64_t value;                     /* counter, gauge; histogram: observations */
    atomic_int_fast64_t buckets[BOUNDS_COUNT + 1]; /* each observation in one; summed up in print */
    atomic_int_fast64_t sum_us;
};

/* Cells are only ever appended, under the lock, and published by the count; so readers and updates
 * of known labels take no lock. The last cell is "other". Process-wide by nature. */
static struct cell cells[FTL_METRICS_COUNT][MAX_LABELS + 1];
static atomic_size_t used[FTL_METRICS_COUNT];
static pthread_mutex_t append_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_label(const struct cell *cell, const char *label)
{
    return strncmp(cell->label, label, LABEL_SIZE - 1) == 0;
}

static struct cell *find(enum ftl_metric metric, const char *label)
{
    size_t count = atomic_load_explicit(&used[metric], memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        if (is_label(&cells[metric][i], label)) {
            return &cells[metric][i];
        }
    }
    return NULL;
}

static struct cell *cell_of(enum ftl_metric metric, const char *label)
{
    if (rows[metric].label[0] == '\0' || label == NULL) {
        label = "";
    }
    struct cell *cell = find(metric, label);
    if (cell != NULL) {
        return cell;
    }
    (void)pthread_mutex_lock(&append_lock);
    cell = find(metric, label); /* another thread may have been first */
    if (cell == NULL) {
        size_t count = atomic_load_explicit(&used[metric], memory_order_relaxed);
        bool is_full = count >= MAX_LABELS;
        cell = &cells[metric][is_full ? MAX_LABELS : count];
        if (count <= MAX_LABELS) { /* else "other" is there already */
            (void)ftl_copy_text(cell->label, sizeof(cell->label), is_full ? "other" : label);
            atomic_store_explicit(&used[metric], count + 1, memory_order_release);
        }
    }
    (void)pthread_mutex_unlock(&append_lock);
    return cell;
}

void ftl_metric_add(enum ftl_metric metric, const char *label, int64_t count)
{
    (void)atomic_fetch_add_explicit(&cell_of(metric, label)->value, count, memory_order_relaxed);
}

void ftl_metric_set(enum ftl_metric metric, const char *label, int64_t value)
{
    atomic_store_explicit(&cell_of(metric, label)->value, value, memory_order_relaxed);
}

void ftl_metric_observe(enum ftl_metric metric, const char *label, double seconds)
{
    if (!(seconds >= 0)) {
        seconds = 0; /* a clock that went back, or NaN */
    }
    const double most = 1e9; /* keeps the sum far from its end */
    seconds = seconds < most ? seconds : most;
    size_t bucket = 0;
    while (bucket < BOUNDS_COUNT && seconds > bounds[bucket]) {
        bucket++;
    }
    struct cell *cell = cell_of(metric, label);
    (void)atomic_fetch_add_explicit(&cell->buckets[bucket], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&cell->sum_us, (int64_t)(seconds * 1e6), memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&cell->value, 1, memory_order_relaxed);
}

int64_t ftl_metric_value(enum ftl_metric metric, const char *label)
{
    struct cell *cell = find(metric, rows[metric].label[0] != '\0' && label != NULL ? label : "");
    return cell != NULL ? atomic_load_explicit(&cell->value, memory_order_relaxed) : 0;
}

/* {label="value",le="0.5"}, each part where there is one; values escaped as the format asks. */
static void print_labels(struct ftl_str *ret, const struct row *row, const char *value,
                         const char *le)
{
    bool has_label = row->label[0] != '\0';
    if (!has_label && le == NULL) {
        return;
    }
    ftl_str_add(ret, "{");
    if (has_label) {
        ftl_str_printf(ret, "%s=\"", row->label);
        for (; *value != '\0'; value++) {
            if (*value == '\n') {
                ftl_str_add(ret, "\\n");
            } else {
                ftl_str_printf(ret, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
            }
        }
        ftl_str_add(ret, "\"");
    }
    if (le != NULL) {
        ftl_str_printf(ret, "%sle=\"%s\"", has_label ? "," : "", le);
    }
    ftl_str_add(ret, "}");
}

struct series {
    struct ftl_str *ret;
    const char *prefix;
    const struct row *row;
    struct cell *cell;
};

static void print_sample(const struct series *series, const char *suffix, const char *le,
                         const char *value)
{
    ftl_str_printf(series->ret, "%s%s%s", series->prefix, series->row->name, suffix);
    print_labels(series->ret, series->row, series->cell->label, le);
    ftl_str_printf(series->ret, " %s\n", value);
}

static void print_count(const struct series *series, const char *suffix, const char *le,
                        int64_t value)
{
    char text[FTL_NUMBER_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    print_sample(series, suffix, le, text);
}

static void print_histogram(const struct series *series)
{
    int64_t count = 0; /* from the buckets, so that one exposition agrees with itself */
    char text[FTL_NUMBER_TEXT_SIZE];
    for (size_t i = 0; i <= BOUNDS_COUNT; i++) {
        count += atomic_load_explicit(&series->cell->buckets[i], memory_order_relaxed);
        if (i < BOUNDS_COUNT) {
            ftl_number_print(bounds[i], text);
        }
        print_count(series, "_bucket", i < BOUNDS_COUNT ? text : "+Inf", count);
    }
    int64_t sum_us = atomic_load_explicit(&series->cell->sum_us, memory_order_relaxed);
    ftl_number_print((double)sum_us / 1e6, text);
    print_sample(series, "_sum", NULL, text);
    print_count(series, "_count", NULL, count);
}

static void print_metric(const char *prefix, enum ftl_metric metric, struct ftl_str *ret)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct row *row = &rows[metric];
    ftl_str_printf(ret, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, row->name, row->help, prefix,
                   row->name, types[row->kind]);
    if (row->label[0] == '\0') {
        (void)cell_of(metric, ""); /* shown from the start, as zero */
    }
    size_t count = atomic_load_explicit(&used[metric], memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        struct series series = {
            .ret = ret, .prefix = prefix, .row = row, .cell = &cells[metric][i]};
        if (row->kind == HISTOGRAM) {
            print_histogram(&series);
        } else {
            print_count(&series, "", NULL,
                        atomic_load_explicit(&series.cell->value, memory_order_relaxed));
        }
    }
}

void ftl_metrics_print(const char *prefix, struct ftl_str *ret)
{
    for (size_t i = 0; i < FTL_METRICS_COUNT; i++) {
        print_metric(prefix, (enum ftl_metric)i, ret);
    }
}
