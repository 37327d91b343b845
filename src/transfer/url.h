/* One parser for every URL a job can name, so that what was checked is what is requested. */
#ifndef FETTLE_TRANSFER_URL_H
#define FETTLE_TRANSFER_URL_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include <fettle/err.h>

#include "base/auto.h"
#include "transfer/url_policy.h"

enum { FTL_URL_MAX = 8192 }; /* bytes, with the NUL */

FTL_AUTO_DEFINE(curlu, CURLU, curl_url_cleanup);

struct ftl_origin {
    char scheme[8]; /* "http" or "https" */
    char host[256]; /* lower case, no trailing dot; IPv6 in brackets */
    uint16_t port;
};

/* http(s) only; spaces and bytes above 0x7f are percent-encoded, control bytes refused. SOURCE,
 * without the query in its message. Caller frees with curl_url_cleanup. */
enum ftl_code ftl_url_parse(const char *text, CURLU **ret, struct ftl_err *err) FTL_CHECK;

/* Follows a Location header: `url` is changed in place; relative ones are resolved against it. */
enum ftl_code ftl_url_follow(CURLU *url, const char *location, struct ftl_err *err) FTL_CHECK;

enum ftl_code ftl_url_origin(CURLU *url, struct ftl_origin *ret, struct ftl_err *err) FTL_CHECK;
bool ftl_origin_equal(const struct ftl_origin *a, const struct ftl_origin *b);

/* Scheme, host, port and path; no userinfo, query or fragment. For messages and logs. */
void ftl_url_text(CURLU *url, char *to, size_t size);
bool ftl_url_has_userinfo(CURLU *url);

/* ftl_url_policy_check_url on what was already parsed. */
enum ftl_code ftl_url_policy_check(const struct ftl_url_policy *policy, CURLU *url,
                                   struct ftl_err *err) FTL_CHECK;

#endif
