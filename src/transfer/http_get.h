/* One GET, one hop: no redirects, no retries, policy checked on the URL and on the address that is
 * connected to. The handle keeps its connections for the next hop or try. */
#ifndef FETTLE_TRANSFER_HTTP_GET_H
#define FETTLE_TRANSFER_HTTP_GET_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include <fettle/err.h>

#include "base/auto.h"
#include "base/cancel.h"
#include "transfer/url_policy.h"

struct ftl_http;

struct ftl_http_reply {
    int status;
    int64_t content_length;           /* of this body; -1 = not said */
    int64_t range_start, range_total; /* Content-Range; -1 = not said */
    int64_t retry_after_ms;           /* -1 = not said */
    bool is_encoded;                  /* a Content-Encoding that libcurl undoes */
    char etag[256];                   /* "" = none, or too long to be repeated */
    char last_modified[64];           /* likewise */
    char content_type[128];           /* lower case, without parameters */
    char location[8192];
};

struct ftl_http_get {
    CURLU *url; /* borrowed */
    const struct ftl_url_policy *policy;
    const char *proxy;
    struct curl_slist *headers; /* borrowed; NULL = none */
    int connect_timeout_ms, idle_timeout_ms, min_speed;
    struct ftl_cancel *cancel; /* may be NULL */
    void *opaque;
    /* Once, before the first byte of the body. An error ends the transfer. */
    enum ftl_code (*on_reply)(void *opaque, const struct ftl_http_reply *reply,
                              struct ftl_err *err);
    enum ftl_code (*on_body)(void *opaque, const void *bytes, size_t length, struct ftl_err *err);
};

/* NULL = out of memory. */
struct ftl_http *ftl_http_new(void) FTL_CHECK;
void ftl_http_free(struct ftl_http *http); /* NULL allowed */

/* OK for any status once the whole body was read; *ret is the reply (also set when on_body or the
 * connection failed after it). SOURCE for a refused address, bad certificate or a peer that speaks
 * no HTTP; NET for what may pass; TRUNCATED when the body ended before its declared end; the
 * callbacks' own errors; the cancel token's. */
enum ftl_code ftl_http_get(struct ftl_http *http, const struct ftl_http_get *get,
                           struct ftl_http_reply *ret, struct ftl_err *err) FTL_CHECK;

FTL_AUTO_DEFINE(http, struct ftl_http, ftl_http_free);

#endif
