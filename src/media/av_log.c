#include "media/av_log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavutil/log.h>

#include <fettle/plan.h>

enum { LINES_MAX = 100 };

static const struct ftl_log *sink; /* set once, before any thread */
static atomic_long lines;

const char *ftl_av_log_pointer(const struct AVFilterContext *instance)
{
    const struct ftl_plan_run *run = instance->graph != NULL ? instance->graph->opaque : NULL;
    unsigned index = 0;
    const char *at = instance->name;
    if (run == NULL || at == NULL || *at++ != 'f' || *at < '0' || *at > '9') {
        return NULL;
    }
    for (; *at >= '0' && *at <= '9' && index <= run->chain_count; at++) {
        index = index * 10 + (unsigned)(*at - '0');
    }
    return *at == '.' && index < run->chain_count ? run->chain[index]->where : NULL;
}

static enum ftl_log_level level_of(int av_level)
{
    if (av_level <= AV_LOG_ERROR) {
        return FTL_LOG_WARN; /* what it means for the job is for the engine to say */
    }
    return av_level <= AV_LOG_WARNING ? FTL_LOG_INFO : FTL_LOG_DEBUG;
}

/* libav ends some messages by a second call that holds no more than ".\n". */
static bool says_something(const char *text)
{
    return strpbrk(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}

/* Who speaks; objects without a name of their own call themselves "NULL". */
static const char *name_of(void *object, const AVClass *class)
{
    if (class == NULL || class->item_name == NULL) {
        return "libav";
    }
    const char *name = class->item_name(object);
    return name == NULL || strcmp(name, "NULL") == 0 ? class->class_name : name;
}

__attribute__((format(printf, 3, 0))) static void callback(void *object, int av_level,
                                                           const char *fmt, va_list args)
{
    char text[512];
    const AVClass *class = object != NULL ? *(const AVClass **)object : NULL;
    enum ftl_log_level level = level_of(av_level & 0xff);
    const char *pointer = NULL;
    if (sink == NULL || level > sink->level) {
        return;
    }
    (void)vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\r\n")] = '\0';
    if (!says_something(text)) {
        return;
    }
    long count = atomic_fetch_add_explicit(&lines, 1, memory_order_relaxed);
    if (count > LINES_MAX) {
        return;
    }
    if (count == LINES_MAX) {
        FTL_LOG(sink, WARN, "libav has more to say; the rest is left out");
        return;
    }
    if (class == avfilter_get_class()) {
        pointer = ftl_av_log_pointer(object);
    }
    const struct ftl_log_field fields[] = {FTL_LOG_TEXT("libav", name_of(object, class)),
                                           pointer != NULL ? FTL_LOG_TEXT("where", pointer)
                                                           : (struct ftl_log_field){.key = NULL},
                                           {.key = NULL}};
    ftl_log_line(sink, level, text, fields);
}

void ftl_av_log_init(const struct ftl_log *log)
{
    sink = log;
    av_log_set_level(log != NULL && log->level >= FTL_LOG_DEBUG ? AV_LOG_VERBOSE : AV_LOG_WARNING);
    av_log_set_callback(callback);
}

long ftl_av_log_left_out(void)
{
    long count = atomic_load_explicit(&lines, memory_order_relaxed);
    return count > LINES_MAX ? count - LINES_MAX : 0;
}
