/* Three lines: a URL, a Location header, an allow-list. What the policy lets pass without a list is
 * http(s), has no userinfo and names no special address; following a redirect keeps that checkable.
 * The same bytes go through the readers of Retry-After, CIDR blocks and first bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "transfer/address.h"
#include "transfer/retry.h"
#include "transfer/sniff.h"
#include "transfer/url.h"

/* NOLINTBEGIN(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
/* NOLINTEND(readability-identifier-naming) */

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_passed(CURLU *url)
{
    struct ftl_err err = {0};
    struct ftl_origin origin = {0};
    struct sockaddr_storage address = {0};
    char text[FTL_URL_MAX];
    must(ftl_url_origin(url, &origin, &err) == FTL_OK);
    must(strcmp(origin.scheme, "http") == 0 || strcmp(origin.scheme, "https") == 0);
    must(!ftl_url_has_userinfo(url));
    must(origin.port == 80 || origin.port == 443 || origin.port >= 1024);
    if (ftl_address_parse(origin.host, origin.port, &address)) {
        must(ftl_address_classify((const struct sockaddr *)&address) == FTL_ADDRESS_PUBLIC);
    }
    ftl_url_text(url, text, sizeof(text));
    must(strpbrk(text, "?#\n\r") == NULL);
}

static void check_url(CURLU *url, const char *allow)
{
    const struct ftl_url_policy closed = {.allow = NULL};
    const struct ftl_url_policy listed = {.allow = allow};
    struct ftl_err err = {0};
    bool passes = ftl_url_policy_check(&closed, url, &err) == FTL_OK;
    if (passes) {
        check_passed(url);
    }
    bool passes_listed = ftl_url_policy_check(&listed, url, &err) == FTL_OK;
    must(passes_listed || !passes); /* a list only opens */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1 << 20);
    ftl_str_add_bytes(&text, bytes, length);
    ftl_str_add_bytes(&text, "\n\n", 2);
    char *location = strchr(text.text, '\n');
    if (location == NULL) {
        return 0; /* a NUL before the first line's end */
    }
    *location++ = '\0';
    char *allow = strchr(location, '\n');
    if (allow == NULL) {
        return 0;
    }
    *allow++ = '\0';
    struct ftl_err err = {0};
    struct ftl_cidr cidr = {0};
    FTL_AUTO(curlu) CURLU *url = NULL;
    (void)ftl_sniff_page(bytes, length);
    int64_t wait_ms = ftl_retry_after_parse(text.text, INT64_C(1700000000000));
    must(wait_ms >= -1 && wait_ms <= 86400000);
    must(!ftl_cidr_parse(text.text, &cidr) ||
         (cidr.bits >= 0 && cidr.bits <= (cidr.family == AF_INET ? 32 : 128)));
    must(ftl_url_policy_check_allow(allow, &err) == FTL_OK || err.code == FTL_SPEC);
    if (ftl_url_parse(text.text, &url, &err) != FTL_OK) {
        must(err.code == FTL_SOURCE && url == NULL);
        return 0;
    }
    check_url(url, allow);
    if (ftl_url_follow(url, location, &err) == FTL_OK) {
        check_url(url, allow);
    }
    return 0;
}
