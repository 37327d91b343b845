#include "cli/queue_client.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "cli/serve_jobs.h"

/* Percent-encodes what would end the path of a URL. */
static void add_path(struct ftl_str *url, const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if (strchr("%?#", *c) != NULL) {
            ftl_str_printf(url, "%%%02X", (unsigned)(unsigned char)*c);
        } else {
            ftl_str_add_bytes(url, c, 1);
        }
    }
}

/* NULL when no `fettle up` was ever started with this state directory. */
static const char *private_url(const struct ftl_cli *cli)
{
    char path[PATH_MAX];
    char real[PATH_MAX];
    struct stat st = {0};
    int length = snprintf(path, sizeof(path), "%s/redis.sock", cli->settings->state_dir);
    if (length < 0 || (size_t)length >= sizeof(path) || realpath(path, real) == NULL ||
        stat(real, &st) != 0 || !S_ISSOCK(st.st_mode))
    {
        return NULL;
    }
    FTL_AUTO_STR struct ftl_str url = FTL_STR_INIT(3 * PATH_MAX);
    ftl_str_add(&url, "unix://");
    add_path(&url, real);
    return ftl_arena_strdup(cli->arena, ftl_str_text(&url));
}

enum ftl_code ftl_queue_client_open(const struct ftl_cli *cli, const char *name,
                                    struct ftl_queue **ret, struct ftl_err *err)
{
    const char *url = cli->settings->redis;
    bool is_said = url != NULL;
    if (!is_said) {
        url = private_url(cli);
    }
    bool is_private = !is_said && url != NULL;
    if (url == NULL) {
        url = FTL_DEFAULT_REDIS;
    }
    const struct ftl_queue_config config = {
        .redis = {.url = url},
        .prefix = cli->settings->prefix,
        .name = name != NULL ? name : ftl_serve_queue(cli->settings),
        .log = &cli->log,
    };
    if (ftl_queue_open(&config, ret, err) != FTL_OK) {
        if (is_private) {
            return ftl_wrap(err, "the private Redis in %s (is `fettle up` running?)",
                            cli->settings->state_dir);
        }
        return is_said ? err->code
                       : ftl_wrap(err, "no --redis given and no `fettle up` in %s, so %s",
                                  cli->settings->state_dir, url);
    }
    return FTL_OK;
}
