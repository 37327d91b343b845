#include "conformance_args.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum flag {
    OPT_REDIS = 1,
    OPT_PREFIX,
    OPT_QUEUE,
    OPT_CONCURRENCY,
    OPT_LOCK,
    OPT_STALLED,
    OPT_MAX_STALLED,
    OPT_DRAIN,
    OPT_LIMITER,
    OPT_METRICS,
    OPT_NAME,
    OPT_REMOVE_ON_COMPLETE,
    OPT_REMOVE_ON_FAIL,
    OPT_PAUSE_MODE,
    OPT_SEPARATE,
};

static const struct option options[] = {
    {"redis", required_argument, NULL, OPT_REDIS},
    {"prefix", required_argument, NULL, OPT_PREFIX},
    {"queue", required_argument, NULL, OPT_QUEUE},
    {"concurrency", required_argument, NULL, OPT_CONCURRENCY},
    {"lock", required_argument, NULL, OPT_LOCK},
    {"stalled", required_argument, NULL, OPT_STALLED},
    {"max-stalled", required_argument, NULL, OPT_MAX_STALLED},
    {"drain", required_argument, NULL, OPT_DRAIN},
    {"limiter", required_argument, NULL, OPT_LIMITER},
    {"metrics", required_argument, NULL, OPT_METRICS},
    {"name", required_argument, NULL, OPT_NAME},
    {"remove-on-complete", required_argument, NULL, OPT_REMOVE_ON_COMPLETE},
    {"remove-on-fail", required_argument, NULL, OPT_REMOVE_ON_FAIL},
    {"pause-mode", required_argument, NULL, OPT_PAUSE_MODE},
    {"separate-fetch", no_argument, NULL, OPT_SEPARATE},
    {NULL, 0, NULL, 0},
};

static bool number(const char *text, int64_t *ret)
{
    return ftl_int64_parse(text, ret) && *ret >= 0 && *ret <= INT32_MAX;
}

static bool number_int(const char *text, int *ret)
{
    int64_t value = 0;
    bool is_ok = number(text, &value);
    *ret = (int)value;
    return is_ok;
}

/* "MAX,MS" */
static bool limiter(char *text, struct ftl_queue_config *config)
{
    char *comma = strchr(text, ',');
    if (comma == NULL) {
        return false;
    }
    *comma = '\0';
    return number(text, &config->limiter_max) && number(comma + 1, &config->limiter_duration_ms);
}

static bool pause_mode(const char *text, enum ftl_pause_mode *ret)
{
    static const char *const names[] = {"auto", "v5", "v6"};
    static const enum ftl_pause_mode modes[] = {FTL_PAUSE_AUTO, FTL_PAUSE_V5, FTL_PAUSE_V6};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = modes[i];
            return true;
        }
    }
    return false;
}

static bool apply(int option, char *value, struct conformance_args *args)
{
    struct ftl_queue_config *config = &args->config;
    switch (option) {
    case OPT_REDIS:
        config->redis.url = value;
        return true;
    case OPT_PREFIX:
        config->prefix = value;
        return true;
    case OPT_QUEUE:
        config->name = value;
        return true;
    case OPT_CONCURRENCY:
        return number_int(value, &args->concurrency);
    case OPT_LOCK:
        return number(value, &config->lock_ms);
    case OPT_STALLED:
        return number(value, &config->stalled_ms);
    case OPT_MAX_STALLED:
        return number_int(value, &config->max_stalled);
    case OPT_DRAIN:
        return number(value, &config->drain_delay_ms);
    case OPT_LIMITER:
        return limiter(value, config);
    case OPT_METRICS:
        return number_int(value, &config->metrics_points);
    case OPT_NAME:
        config->worker_name = value;
        return true;
    case OPT_REMOVE_ON_COMPLETE:
        config->remove_on_complete = value;
        return true;
    case OPT_REMOVE_ON_FAIL:
        config->remove_on_fail = value;
        return true;
    case OPT_PAUSE_MODE:
        return pause_mode(value, &config->pause_mode);
    case OPT_SEPARATE:
        args->is_separate = true;
        return true;
    default:
        return false;
    }
}

bool conformance_args_parse(int argc, char **argv, struct conformance_args *ret)
{
    *ret = (struct conformance_args){.config = {.max_stalled = 1}, .concurrency = 1};
    for (;;) {
        int option = getopt_long(argc, argv, "", options, NULL);
        if (option < 0) {
            break;
        }
        if (!apply(option, optarg, ret)) {
            (void)fprintf(stderr, "conformance_worker: a flag or its value is not understood\n");
            return false;
        }
    }
    if (ret->config.redis.url == NULL || ret->config.name == NULL || ret->concurrency < 1 ||
        ret->concurrency > 64)
    {
        (void)fprintf(stderr, "conformance_worker: needs --redis, --queue, --concurrency 1..64\n");
        return false;
    }
    return true;
}
