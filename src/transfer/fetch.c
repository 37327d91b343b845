#include "transfer/fetch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/metrics.h"
#include "base/str.h"
#include "transfer/fetch_impl.h"
#include "transfer/hash.h"
#include "transfer/roots.h"

enum { READ_BYTES = 256 * 1024 };

enum ftl_code ftl_transfer_init(struct ftl_err *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        return ftl_fail_sub(err, FTL_INTERNAL, (int)code, "libcurl: %s", curl_easy_strerror(code));
    }
    return FTL_OK;
}

void ftl_transfer_done(void)
{
    curl_global_cleanup();
}

static void fill_defaults(struct ftl_fetch_config *config)
{
    if (config->max_bytes == 0) {
        config->max_bytes = (int64_t)8 << 30;
    }
    if (config->connect_timeout_ms == 0) {
        config->connect_timeout_ms = 10000;
    }
    if (config->idle_timeout_ms == 0) {
        config->idle_timeout_ms = 30000;
    }
    if (config->min_speed == 0) {
        config->min_speed = 1024;
    }
    if (config->redirects == 0) {
        config->redirects = 5;
    }
    if (config->attempts == 0) {
        config->attempts = 4;
    }
    if (config->backoff_ms == 0) {
        config->backoff_ms = 500;
    }
}

static enum ftl_code hash_file(const struct ftl_fetch *fetch, int fd, char ret_hex[65],
                               struct ftl_err *err)
{
    FTL_AUTO(sha256) struct ftl_sha256 *hash = ftl_sha256_new();
    FTL_AUTO_FREE unsigned char *buffer = ftl_calloc(1, READ_BYTES);
    if (hash == NULL || buffer == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory reading the source");
    }
    int64_t at = 0;
    for (;;) {
        if (ftl_cancel_check(fetch->cancel, err) != FTL_OK) {
            return err->code;
        }
        ssize_t n = pread(fd, buffer, READ_BYTES, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ftl_fail_errno(err, FTL_SOURCE, errno, "read");
        }
        if (n == 0) {
            break;
        }
        ftl_sha256_add(hash, buffer, (size_t)n);
        at += n;
    }
    return ftl_sha256_end(hash, ret_hex, err);
}

enum ftl_code ftl_fetch_file(const struct ftl_fetch *fetch, struct ftl_fetched *ret,
                             struct ftl_err *err)
{
    const char *path = fetch->source->path;
    if (ftl_roots_open_file(path, fetch->config.roots, &ret->fd, err) != FTL_OK ||
        ftl_fd_size(ret->fd, &ret->bytes, err) != FTL_OK)
    {
        return err->code;
    }
    if (ret->bytes == 0) {
        return ftl_fail(err, FTL_INPUT, "%.200s is empty", path);
    }
    if (ret->bytes > fetch->config.max_bytes) {
        return ftl_fail(err, FTL_LIMIT, "%.200s has %lld bytes, more than the %lld allowed", path,
                        (long long)ret->bytes, (long long)fetch->config.max_bytes);
    }
    if (hash_file(fetch, ret->fd, ret->sha256, err) != FTL_OK) {
        return ftl_wrap(err, "%.200s", path);
    }
    return FTL_OK;
}

static enum ftl_code check_sha256(const struct ftl_source *source, const struct ftl_fetched *got,
                                  struct ftl_err *err)
{
    if (source->sha256 != NULL && strcmp(source->sha256, got->sha256) != 0) {
        return ftl_fail(err, FTL_INPUT, "the source's sha256 is %s, expected %.64s", got->sha256,
                        source->sha256);
    }
    return FTL_OK;
}

enum ftl_code ftl_fetch(const struct ftl_source *source, const struct ftl_fetch_config *config,
                        struct ftl_cancel *cancel, const struct ftl_fetch_progress *progress,
                        struct ftl_fetched *ret, struct ftl_err *err)
{
    int64_t start_ms = ftl_mono_ms();
    struct ftl_fetch fetch = {
        .source = source, .config = *config, .cancel = cancel, .progress = progress};
    fill_defaults(&fetch.config);
    if ((source->url != NULL) == (source->path != NULL)) {
        return ftl_fail(err, FTL_SPEC, "a source is either a URL or a path");
    }
    struct ftl_fetched got = {.fd = -1};
    enum ftl_code code =
        source->url != NULL ? ftl_fetch_http(&fetch, &got, err) : ftl_fetch_file(&fetch, &got, err);
    if (code == FTL_OK) {
        code = check_sha256(source, &got, err);
    }
    if (code != FTL_OK) {
        if (got.fd >= 0) {
            (void)close(got.fd); /* read-only */
        }
        return code;
    }
    got.seconds = (double)(ftl_mono_ms() - start_ms) / 1000.0;
    *ret = got;
    return FTL_OK;
}
