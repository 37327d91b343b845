/* What fetch.c and its two kinds of source share. */
#ifndef FETTLE_TRANSFER_FETCH_IMPL_H
#define FETTLE_TRANSFER_FETCH_IMPL_H

#include "transfer/fetch.h"

struct ftl_fetch {
    const struct ftl_source *source;
    struct ftl_fetch_config config; /* defaults filled in */
    struct ftl_cancel *cancel;
    const struct ftl_fetch_progress *progress; /* may be NULL */
};

/* Both fill fd, bytes, sha256, content_type and attempts of *ret, which is zeroed, fd -1; the
 * caller closes the fd also after a failure. */
enum ftl_code ftl_fetch_http(const struct ftl_fetch *fetch, struct ftl_fetched *ret,
                             struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_fetch_file(const struct ftl_fetch *fetch, struct ftl_fetched *ret,
                             struct ftl_err *err) FTL_CHECK;

/* The job's headers as "Name: value" lines, added to *ret. SPEC for a name or value that would
 * break the request or that belongs to Fettle (Host, Range …). */
struct curl_slist;
enum ftl_code ftl_fetch_headers(const struct ftl_array *headers, struct curl_slist **ret,
                                struct ftl_err *err) FTL_CHECK;

#endif
