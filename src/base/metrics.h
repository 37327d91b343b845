/* Counters, gauges and histograms, one row each in metrics.def. Updates are lock-free and
 * thread-safe. */
#ifndef FETTLE_BASE_METRICS_H
#define FETTLE_BASE_METRICS_H

#include <stdint.h>

#include "base/str.h"

enum ftl_metric {
#define FTL_COUNTER(id, name, label, help)   FTL_METRIC_##id,
#define FTL_GAUGE(id, name, label, help)     FTL_METRIC_##id,
#define FTL_HISTOGRAM(id, name, label, help) FTL_METRIC_##id,
#include "base/metrics.def"
#undef FTL_COUNTER
#undef FTL_GAUGE
#undef FTL_HISTOGRAM
    FTL_METRICS_COUNT
};

/* `label` is the value of the row's label ("" where the row has none); at most 32 values a metric
 * are kept, further ones are counted under "other". */
void ftl_metric_add(enum ftl_metric metric, const char *label,
                    int64_t count); /* counter or gauge */
void ftl_metric_set(enum ftl_metric metric, const char *label, int64_t value);      /* gauge */
void ftl_metric_observe(enum ftl_metric metric, const char *label, double seconds); /* histogram */

int64_t ftl_metric_value(enum ftl_metric metric, const char *label);

/* Prometheus text exposition format 0.0.4; `prefix` goes before every name. */
void ftl_metrics_print(const char *prefix, struct ftl_str *ret);

#endif
