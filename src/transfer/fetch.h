/* Downloading a source into an unlinked file. libcurl, one place; URL policy on every hop. */
#ifndef FETTLE_TRANSFER_FETCH_H
#define FETTLE_TRANSFER_FETCH_H

#include "base/cancel.h"
#include "base/source.h"
#include "transfer/url_policy.h"

struct ftl_fetch_config {
    const struct ftl_url_policy *policy;
    const char *temp_dir; /* where unlinked files live */
    const char *const
        *roots; /* directories a job may read local files from; NULL-terminated; NULL = any (CLI) */
    int64_t max_bytes;      /* default 8 GiB */
    int connect_timeout_ms; /* 10 s */
    int idle_timeout_ms;    /* 30 s without a byte */
    int redirects;          /* 5 */
    int attempts; /* 4 in all, back-off with jitter, Retry-After honoured, resume by Range +
                     If-Range */
};

struct ftl_fetched {
    int fd; /* read-only, owned by the caller */
    int64_t bytes;
    char sha256[65];
    char content_type[128];
    double seconds;
    int attempts;
};

/* SOURCE (4xx, never), NET (5xx, resets; later), LIMIT (byte cap), TRUNCATED (shorter than
 * Content-Length after all tries), INPUT (sha256 differs; an HTML or JSON page where media was
 * expected is named so). */
enum ftl_code ftl_fetch(const struct ftl_source *source, const struct ftl_fetch_config *config,
                        struct ftl_cancel *cancel,
                        void (*progress)(void *opaque, int64_t bytes, int64_t total), void *opaque,
                        struct ftl_fetched *ret, struct ftl_err *err) FTL_CHECK;

enum ftl_code
ftl_transfer_init(struct ftl_err *err) FTL_CHECK; /* curl_global_init; once, from main */
void ftl_transfer_done(void);

#endif
