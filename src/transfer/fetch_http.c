/* Tries and hops of one download; what was received so far survives a broken connection. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "transfer/fetch_impl.h"
#include "transfer/hash.h"
#include "transfer/http_get.h"
#include "transfer/retry.h"
#include "transfer/sniff.h"
#include "transfer/url.h"

enum {
    PROGRESS_STEP_BYTES = 64 * 1024, /* a try that brought this much more is not counted */
    REQUESTS_MAX = 200,              /* whatever progress they make */
    BACKOFF_MAX_MS = 8000,
    RETRY_AFTER_MAX_MS = 30000, /* longer: the job goes back to the queue with it */
    PROGRESS_EVERY_MS = 100,
    ERROR_BODY_MAX_BYTES = 256 * 1024, /* read to keep the connection, then given up */
};

struct slist_owner {
    struct curl_slist *list;
};

static void slist_done(struct slist_owner *owner)
{
    for (struct curl_slist *item = owner->list; item != NULL; item = item->next) {
        ftl_wipe(item->data, strlen(item->data)); /* keys and bearers */
    }
    curl_slist_free_all(owner->list);
}

struct download {
    const struct ftl_fetch *fetch;
    struct ftl_http *http;
    struct ftl_sha256 *hash;
    int fd;
    int64_t have, total; /* bytes; total -1 = not known */
    int64_t best;        /* most that any try had */
    bool can_resume;
    char validator[256];               /* for If-Range: strong ETag or date */
    char etag[256], content_type[128]; /* of the representation that `have` belongs to */
    unsigned char head[FTL_SNIFF_BYTES];
    size_t head_length;
    int64_t reported_ms;
    /* of the request in progress */
    int64_t asked_from;
    bool keeps_body;
    int64_t dropped_bytes;
    int64_t retry_after_ms;
};

static enum ftl_code start_over(struct download *d, struct ftl_err *err)
{
    if (ftruncate(d->fd, 0) != 0 || lseek(d->fd, 0, SEEK_SET) != 0) {
        return ftl_fail_errno(err, FTL_DISK, errno, "temporary file");
    }
    ftl_sha256_reset(d->hash);
    d->have = 0;
    d->total = -1;
    d->head_length = 0;
    d->can_resume = false;
    return FTL_OK;
}

static void remember(struct download *d, const struct ftl_http_reply *reply)
{
    (void)ftl_copy_text(d->etag, sizeof(d->etag), reply->etag);
    (void)ftl_copy_text(d->content_type, sizeof(d->content_type), reply->content_type);
    bool is_strong = reply->etag[0] == '"';
    (void)ftl_copy_text(d->validator, sizeof(d->validator),
                        is_strong ? reply->etag : reply->last_modified);
    /* ranges count encoded bytes, we count decoded ones */
    d->can_resume = d->validator[0] != '\0' && !reply->is_encoded;
}

static enum ftl_code check_room(const struct download *d, struct ftl_err *err)
{
    if (d->total > d->fetch->config.max_bytes) {
        return ftl_fail(err, FTL_LIMIT, "the source has %lld bytes, more than the %lld allowed",
                        (long long)d->total, (long long)d->fetch->config.max_bytes);
    }
    struct statvfs fs = {0};
    if (d->total > 0 && fstatvfs(d->fd, &fs) == 0 &&
        (int64_t)fs.f_bavail < (d->total - d->have) / (int64_t)fs.f_frsize)
    {
        return ftl_fail_sub(err, FTL_DISK, ENOSPC,
                            "the source needs %lld bytes, and %s has less room",
                            (long long)(d->total - d->have), d->fetch->config.temp_dir);
    }
    return FTL_OK;
}

static enum ftl_code on_range(struct download *d, const struct ftl_http_reply *reply,
                              struct ftl_err *err)
{
    bool is_same =
        d->etag[0] == '\0' || reply->etag[0] == '\0' || strcmp(d->etag, reply->etag) == 0;
    bool is_same_length = d->total < 0 || reply->range_total < 0 || reply->range_total == d->total;
    if (reply->range_start != d->have || reply->is_encoded || !is_same || !is_same_length) {
        if (start_over(d, err) != FTL_OK) {
            return err->code;
        }
        return ftl_fail(err, FTL_NET, "the server's range reply does not continue what it sent");
    }
    if (d->have == 0) {
        remember(d, reply);
    }
    if (reply->range_total >= 0) {
        d->total = reply->range_total;
    }
    return check_room(d, err);
}

static enum ftl_code on_reply(void *opaque, const struct ftl_http_reply *reply, struct ftl_err *err)
{
    struct download *d = opaque;
    d->keeps_body = reply->status == 200 || reply->status == 206;
    if (reply->status == 206) {
        return on_range(d, reply, err);
    }
    if (reply->status == 200) { /* also when it changed, or knows no ranges */
        if (start_over(d, err) != FTL_OK) {
            return err->code;
        }
        remember(d, reply);
        d->total = reply->is_encoded ? -1 : reply->content_length;
        return check_room(d, err);
    }
    return FTL_OK;
}

static void report(struct download *d, bool is_end)
{
    int64_t now = ftl_mono_ms();
    if (d->fetch->progress != NULL && (is_end || now - d->reported_ms >= PROGRESS_EVERY_MS)) {
        d->reported_ms = now;
        d->fetch->progress->report(d->fetch->progress->opaque, d->have, d->total);
    }
}

static enum ftl_code on_body(void *opaque, const void *bytes, size_t length, struct ftl_err *err)
{
    struct download *d = opaque;
    if (ftl_cancel_check(d->fetch->cancel, err) != FTL_OK) {
        return err->code;
    }
    if (!d->keeps_body) {
        d->dropped_bytes += (int64_t)length;
        return d->dropped_bytes <= ERROR_BODY_MAX_BYTES
                   ? FTL_OK
                   : ftl_fail(err, FTL_NET, "the error page is too long");
    }
    if ((int64_t)length > d->fetch->config.max_bytes - d->have) {
        return ftl_fail(err, FTL_LIMIT, "the source has more than the %lld bytes allowed",
                        (long long)d->fetch->config.max_bytes);
    }
    if (d->head_length < sizeof(d->head)) {
        size_t room = sizeof(d->head) - d->head_length;
        size_t part = length < room ? length : room;
        memcpy(d->head + d->head_length, bytes, part);
        d->head_length += part;
    }
    if (ftl_fd_write_all(d->fd, bytes, length, err) != FTL_OK) {
        return ftl_wrap(err, "temporary file in %s", d->fetch->config.temp_dir);
    }
    ftl_sha256_add(d->hash, bytes, length);
    d->have += (int64_t)length;
    ftl_metric_add(FTL_METRIC_FETCHED_BYTES, "", (int64_t)length);
    report(d, false);
    return FTL_OK;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {204, "no content"},
        {400, "bad request"},
        {401, "not authorised"},
        {403, "forbidden, or the signed URL has expired"},
        {404, "not found"},
        {408, "request time-out"},
        {410, "gone: the source has expired"},
        {416, "range not satisfiable"},
        {429, "too many requests"},
        {451, "unavailable for legal reasons"},
        {500, "internal server error"},
        {502, "bad gateway"},
        {503, "service unavailable"},
        {504, "gateway time-out"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return status >= 500 ? "server error" : "refused";
}

static enum ftl_code from_status(struct download *d, const struct ftl_http_reply *reply,
                                 struct ftl_err *err)
{
    int status = reply->status;
    if (status == 200 || status == 206) {
        return FTL_OK;
    }
    if (d->asked_from > 0 && (status == 412 || status == 416)) {
        if (start_over(d, err) != FTL_OK) {
            return err->code;
        }
        return ftl_fail_sub(err, FTL_NET, status, "HTTP %d to a resumed download", status);
    }
    bool may_pass = status >= 500 || status == 408 || status == 425 || status == 429;
    (void)ftl_fail_sub(err, may_pass ? FTL_NET : FTL_SOURCE, status, "HTTP %d: %s", status,
                       status_text(status));
    if (may_pass && reply->retry_after_ms > 0) {
        err->retry_after_ms = reply->retry_after_ms;
    }
    return err->code;
}

/* The headers of this hop: the job's own only where they were meant for. */
static enum ftl_code hop_headers(const struct download *d, bool is_own_origin,
                                 struct slist_owner *ret, struct ftl_err *err)
{
    if (is_own_origin && ftl_fetch_headers(&d->fetch->source->headers, &ret->list, err) != FTL_OK) {
        return err->code;
    }
    if (d->asked_from == 0) {
        return FTL_OK;
    }
    char line[320];
    struct curl_slist *longer = NULL;
    (void)snprintf(line, sizeof(line), "Range: bytes=%lld-", (long long)d->asked_from);
    longer = curl_slist_append(ret->list, line);
    if (longer != NULL) {
        ret->list = longer;
        (void)snprintf(line, sizeof(line), "If-Range: %s", d->validator);
        longer = curl_slist_append(ret->list, line);
    }
    if (longer == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory fetching");
    }
    ret->list = longer;
    return FTL_OK;
}

static enum ftl_code one_hop(struct download *d, CURLU *url, bool is_own_origin,
                             struct ftl_http_reply *reply, struct ftl_err *err)
{
    FTL_CLEANUP(slist_done) struct slist_owner headers = {0};
    if (hop_headers(d, is_own_origin, &headers, err) != FTL_OK) {
        return err->code;
    }
    const struct ftl_fetch_config *config = &d->fetch->config;
    const struct ftl_http_get get = {
        .url = url,
        .policy = config->policy,
        .proxy = config->proxy,
        .headers = headers.list,
        .connect_timeout_ms = config->connect_timeout_ms,
        .idle_timeout_ms = config->idle_timeout_ms,
        .min_speed = config->min_speed,
        .cancel = d->fetch->cancel,
        .opaque = d,
        .on_reply = on_reply,
        .on_body = on_body,
    };
    d->keeps_body = false;
    d->dropped_bytes = 0;
    if (ftl_http_get(d->http, &get, reply, err) != FTL_OK) {
        bool is_error_page = reply->status != 0 && !d->keeps_body && err->code == FTL_NET;
        if (!is_error_page) { /* the status says more than how its page ended */
            return err->code;
        }
    }
    return FTL_OK;
}

/* From the given URL to a reply that is no redirect. */
static enum ftl_code one_try(struct download *d, struct ftl_err *err)
{
    FTL_AUTO(curlu) CURLU *url = NULL;
    struct ftl_origin own = {0};
    char text[512] = "(URL)";
    if (ftl_url_parse(d->fetch->source->url, &url, err) != FTL_OK ||
        ftl_url_origin(url, &own, err) != FTL_OK)
    {
        return err->code;
    }
    d->asked_from = d->can_resume ? d->have : 0;
    for (int hops = 0;; hops++) {
        struct ftl_origin origin = {0};
        struct ftl_http_reply reply = {0};
        ftl_url_text(url, text, sizeof(text));
        if (ftl_url_origin(url, &origin, err) != FTL_OK ||
            one_hop(d, url, ftl_origin_equal(&own, &origin), &reply, err) != FTL_OK)
        {
            return ftl_wrap(err, hops > 0 ? "redirected to %s" : "%s", text);
        }
        if (!is_redirect(reply.status) || reply.location[0] == '\0') {
            if (from_status(d, &reply, err) != FTL_OK) {
                return ftl_wrap(err, "%s", text);
            }
            return FTL_OK;
        }
        if (hops >= d->fetch->config.redirects) {
            return ftl_fail(err, FTL_SOURCE, "%s: more than %d redirects", text, hops);
        }
        if (ftl_url_follow(url, reply.location, err) != FTL_OK) {
            return ftl_wrap(err, "%s", text);
        }
    }
}

static enum ftl_code check_whole(const struct download *d, struct ftl_err *err)
{
    char text[512];
    ftl_log_url(d->fetch->source->url, text, sizeof(text));
    if (d->total >= 0 && d->have != d->total) {
        return ftl_fail(err, FTL_TRUNCATED, "%s: %lld of %lld bytes came", text, (long long)d->have,
                        (long long)d->total);
    }
    if (d->have == 0) {
        return ftl_fail(err, FTL_INPUT, "%s: the source is empty", text);
    }
    const char *page = ftl_sniff_page(d->head, d->head_length);
    if (page != NULL) {
        return ftl_fail(err, FTL_INPUT, "%s: the server sent %s where media was expected", text,
                        page);
    }
    return FTL_OK;
}

static bool may_try_again(const struct ftl_err *err)
{
    return err->code == FTL_NET || err->code == FTL_TRUNCATED;
}

/* Waits before the next try; fails with what is to be reported when there is none. */
static enum ftl_code wait_for_next(struct download *d, int failures, int requests,
                                   struct ftl_err *err)
{
    const struct ftl_fetch_config *config = &d->fetch->config;
    if (!may_try_again(err) || failures >= config->attempts || requests >= REQUESTS_MAX ||
        err->retry_after_ms > RETRY_AFTER_MAX_MS)
    {
        if (err->code == FTL_TRUNCATED) {
            return ftl_wrap(err, "after %d tries", requests);
        }
        return err->code;
    }
    int64_t wait_ms = ftl_backoff_ms(failures > 0 ? failures : 1, config->backoff_ms,
                                     BACKOFF_MAX_MS, ftl_random32());
    if (err->retry_after_ms > wait_ms) {
        wait_ms = err->retry_after_ms;
    }
    return ftl_pause_ms(d->fetch->cancel, wait_ms, err);
}

static enum ftl_code all_tries(struct download *d, int *ret_requests, struct ftl_err *err)
{
    int failures = 0; /* in a row, without progress */
    for (;;) {
        ++*ret_requests;
        enum ftl_code code = one_try(d, err);
        if (code == FTL_OK) {
            code = check_whole(d, err);
        }
        if (code == FTL_OK) {
            return FTL_OK;
        }
        failures = d->have >= d->best + PROGRESS_STEP_BYTES ? 0 : failures + 1;
        d->best = d->have > d->best ? d->have : d->best;
        if (wait_for_next(d, failures, *ret_requests, err) != FTL_OK) {
            return err->code;
        }
        if (!d->can_resume && start_over(d, err) != FTL_OK) {
            return err->code;
        }
    }
}

enum ftl_code ftl_fetch_http(const struct ftl_fetch *fetch, struct ftl_fetched *ret,
                             struct ftl_err *err)
{
    FTL_AUTO(http) struct ftl_http *http = ftl_http_new();
    FTL_AUTO(sha256) struct ftl_sha256 *hash = ftl_sha256_new();
    if (http == NULL || hash == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory fetching");
    }
    FTL_AUTO_FD int fd = -1;
    if (ftl_fd_temporary(fetch->config.temp_dir, &fd, err) != FTL_OK) {
        return err->code;
    }
    struct download d = {.fetch = fetch, .http = http, .hash = hash, .fd = fd, .total = -1};
    if (all_tries(&d, &ret->attempts, err) != FTL_OK) {
        return err->code;
    }
    d.total = d.have;
    report(&d, true);
    ret->bytes = d.have;
    (void)ftl_copy_text(ret->content_type, sizeof(ret->content_type), d.content_type);
    if (ftl_sha256_end(hash, ret->sha256, err) != FTL_OK) {
        return err->code;
    }
    return ftl_fd_reopen_read(fd, &ret->fd, err);
}
