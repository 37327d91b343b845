/* Downloading a source into an unlinked file. libcurl, one place; URL policy on every hop.
 *
 * The proxy variables of the environment (http_proxy …) and ~/.netrc are never read: a proxy would
 * resolve names itself, past the policy. An operator who sets config.proxy hands that duty to it.
 */
#ifndef FETTLE_TRANSFER_FETCH_H
#define FETTLE_TRANSFER_FETCH_H

#include "base/cancel.h"
#include "base/source.h"
#include "transfer/url_policy.h"

struct ftl_fetch_config { /* 0 = the default in brackets */
    const struct ftl_url_policy *policy;
    const char *temp_dir; /* where unlinked files live */
    const char *const
        *roots; /* directories a job may read local files from; NULL-terminated; NULL = any (CLI) */
    int64_t max_bytes;      /* [8 GiB] */
    int connect_timeout_ms; /* [10 s] */
    int idle_timeout_ms;    /* [30 s]; in each such span at least min_speed must have come */
    int min_speed;          /* bytes a second [1024]; a server that drips is a server that hangs */
    int redirects;          /* [5]; negative = none */
    int attempts;   /* [4] without progress; one that brought 64 KiB more does not count. Back-off
                       with jitter, Retry-After up to 30 s waited for, resume by Range + If-Range */
    int backoff_ms; /* first one [500], doubled each time up to 8 s */
    const char *proxy; /* the operator's, a URL; NULL = none */
};

struct ftl_fetched {
    int fd; /* read-only, owned by the caller */
    int64_t bytes;
    char sha256[65];
    char content_type[128]; /* as the server says, lower case, without parameters; "" = not said */
    double seconds;
    int attempts; /* requests made, redirects not counted; 0 for a local file */
};

struct ftl_fetch_progress {
    /* From the fetching thread, at most ten times a second; total < 0 while it is not known. */
    void (*report)(void *opaque, int64_t bytes, int64_t total);
    void *opaque;
};

/* `progress` may be NULL.
 *
 * SOURCE (4xx, refused address, missing file; never), NET (5xx, 429, resets, stalls; later, with
 * Retry-After), LIMIT (byte cap), TRUNCATED (shorter than declared after all tries), INPUT (sha256
 * differs, empty, or an HTML, JSON or XML page where media was expected), DISK, SPEC (a header that
 * a job may not set). Messages name URLs without their query. */
enum ftl_code ftl_fetch(const struct ftl_source *source, const struct ftl_fetch_config *config,
                        struct ftl_cancel *cancel, const struct ftl_fetch_progress *progress,
                        struct ftl_fetched *ret, struct ftl_err *err) FTL_CHECK;

enum ftl_code
ftl_transfer_init(struct ftl_err *err) FTL_CHECK; /* curl_global_init; once, from main */
void ftl_transfer_done(void);

#endif
