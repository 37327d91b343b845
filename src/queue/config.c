#include "queue/config.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum {
    LOCK_MS = 30000,
    STALLED_MS = 30000,
    DRAIN_MS = 5000,
    MAX_NAME_BYTES = 512,
};

const char *ftl_pause_mode_name(enum ftl_pause_mode mode)
{
    switch (mode) {
    case FTL_PAUSE_V5:
        return "v5";
    case FTL_PAUSE_V6:
        return "v6";
    case FTL_PAUSE_AUTO:
        break;
    }
    return "auto";
}

static void base64(const char *text, struct ftl_str *ret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i += 3) {
        size_t here = length - i < 3 ? length - i : 3;
        unsigned bits = 0;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < here ? (unsigned char)text[i + j] : 0U);
        }
        char quad[5] = "====";
        for (size_t j = 0; j <= here; j++) {
            quad[j] = digits[bits >> (18 - 6 * j) & 63U];
        }
        ftl_str_add(ret, quad);
    }
}

/* What getWorkers looks for. A space or control character would make the worker invisible there. */
static char *make_client_name(const struct ftl_queue_config *config)
{
    FTL_AUTO_STR struct ftl_str name = FTL_STR_INIT(4 * MAX_NAME_BYTES);
    ftl_str_printf(&name, "%s:", config->prefix);
    base64(config->name, &name);
    if (config->worker_name[0] != '\0') {
        ftl_str_printf(&name, ":w:%s", config->worker_name);
    }
    char *text = ftl_strdup(ftl_str_text(&name));
    for (char *c = text; c != NULL && *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') { /* char may be signed: this takes bytes above 127 too */
            *c = '_';
        }
    }
    return text;
}

static char *make_base(const struct ftl_queue_config *config)
{
    FTL_AUTO_STR struct ftl_str base = FTL_STR_INIT(2 * MAX_NAME_BYTES + 2);
    ftl_str_printf(&base, "%s:%s:", config->prefix, config->name);
    return ftl_strdup(ftl_str_text(&base));
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static void fill_defaults(struct ftl_queue_config *config)
{
    config->prefix = config->prefix != NULL && config->prefix[0] != '\0' ? config->prefix : "bull";
    config->worker_name = or_else(config->worker_name, "");
    config->lock_ms = config->lock_ms > 0 ? config->lock_ms : LOCK_MS;
    config->stalled_ms = config->stalled_ms > 0 ? config->stalled_ms : STALLED_MS;
    config->drain_delay_ms = config->drain_delay_ms > 0 ? config->drain_delay_ms : DRAIN_MS;
}

enum ftl_code ftl_queue_settings_init(struct ftl_queue_settings *settings,
                                      const struct ftl_queue_config *config, struct ftl_err *err)
{
    const char *name = or_else(config->name, "");
    if (name[0] == '\0' || strchr(name, ':') != NULL || strlen(name) > MAX_NAME_BYTES) {
        return ftl_fail(err, FTL_SPEC, "a queue name may not be empty, hold ':' or pass %d bytes",
                        MAX_NAME_BYTES);
    }
    struct ftl_queue_config filled = *config;
    fill_defaults(&filled);
    if (strlen(filled.prefix) > MAX_NAME_BYTES || strlen(filled.worker_name) > MAX_NAME_BYTES) {
        return ftl_fail(err, FTL_SPEC, "the queue prefix or worker name passes %d bytes",
                        MAX_NAME_BYTES);
    }
    struct ftl_queue_settings own = {.config = filled};
    struct ftl_queue_config *to = &own.config;
    own.base = make_base(&filled);
    own.client_name = make_client_name(&filled);
    to->redis.url = ftl_strdup(or_else(filled.redis.url, ""));
    to->prefix = ftl_strdup(filled.prefix);
    to->name = ftl_strdup(filled.name);
    to->worker_name = ftl_strdup(filled.worker_name);
    to->remove_on_complete = ftl_strdup(or_else(filled.remove_on_complete, ""));
    to->remove_on_fail = ftl_strdup(or_else(filled.remove_on_fail, ""));
    if (own.base == NULL || own.client_name == NULL || to->redis.url == NULL ||
        to->prefix == NULL || to->name == NULL || to->worker_name == NULL ||
        to->remove_on_complete == NULL || to->remove_on_fail == NULL)
    {
        ftl_queue_settings_done(&own);
        return ftl_fail(err, FTL_NOMEM, "no memory for a queue");
    }
    *settings = own;
    return FTL_OK;
}

static void free_text(const char **text)
{
    union {
        const char *read;
        char *own; /* ours since init: const only towards the readers of the config */
    } pointer = {.read = *text};
    ftl_free(pointer.own);
    *text = NULL;
}

void ftl_queue_settings_done(struct ftl_queue_settings *settings)
{
    struct ftl_queue_config *config = &settings->config;
    if (config->redis.url != NULL) {
        union {
            const char *read;
            char *own;
        } url = {.read = config->redis.url};
        ftl_wipe(url.own, strlen(url.own));
    }
    free_text(&config->redis.url);
    free_text(&config->prefix);
    free_text(&config->name);
    free_text(&config->worker_name);
    free_text(&config->remove_on_complete);
    free_text(&config->remove_on_fail);
    ftl_free(FTL_TAKE(settings->base));
    ftl_free(FTL_TAKE(settings->client_name));
}
