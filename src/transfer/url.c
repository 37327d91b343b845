#include "transfer/url.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/str.h"

/* Same flags everywhere: a second reading with other flags could see another host. */
static const unsigned parse_flags = CURLU_URLENCODE | CURLU_ALLOW_SPACE;

static enum ftl_code from_curl(CURLUcode code, struct ftl_err *err)
{
    if (code == CURLUE_OUT_OF_MEMORY) {
        return ftl_fail(err, FTL_NOMEM, "out of memory reading a URL");
    }
    return ftl_fail_sub(err, FTL_SOURCE, (int)code, "not a URL that can be fetched: %s",
                        curl_url_strerror(code));
}

static enum ftl_code check_bytes(const char *text, struct ftl_err *err)
{
    size_t length = strnlen(text, FTL_URL_MAX);
    if (length == FTL_URL_MAX) {
        return ftl_fail(err, FTL_SOURCE, "the URL is longer than %d bytes", FTL_URL_MAX - 1);
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            return ftl_fail(err, FTL_SOURCE, "the URL holds the control byte 0x%02x at offset %zu",
                            c, i);
        }
        if (c == '\\') {
            return ftl_fail(err, FTL_SOURCE, "the URL holds a backslash"); /* parsers differ */
        }
    }
    return FTL_OK;
}

static enum ftl_code check_scheme(CURLU *url, struct ftl_err *err)
{
    char *scheme = NULL;
    CURLUcode code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    if (code != CURLUE_OK) {
        return from_curl(code, err);
    }
    if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0) {
        (void)ftl_fail(err, FTL_SOURCE,
                       "\"%.16s\" URLs are refused: only http and https are fetched", scheme);
        curl_free(scheme);
        return err->code;
    }
    curl_free(scheme);
    return FTL_OK;
}

/* What a name can consist of, IDN included. Anything else is resolved by nobody, and libcurl 7.88
 * encodes a "%" in the host once more each time the URL is asked for. */
static enum ftl_code check_host(CURLU *url, struct ftl_err *err)
{
    char *host = NULL;
    CURLUcode code = curl_url_get(url, CURLUPART_HOST, &host, 0);
    if (code != CURLUE_OK) {
        return from_curl(code, err);
    }
    bool is_bad = host[0] == '\0';
    for (const char *c = host; *c != '\0' && host[0] != '['; c++) {
        bool is_word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                       (*c >= '0' && *c <= '9') || (*c & 0x80) != 0;
        is_bad = is_bad || (!is_word && *c != '-' && *c != '_' && *c != '.');
    }
    curl_free(host);
    return is_bad ? ftl_fail(err, FTL_SOURCE, "the URL's host is no name and no address") : FTL_OK;
}

enum ftl_code ftl_url_parse(const char *text, CURLU **ret, struct ftl_err *err)
{
    if (check_bytes(text, err) != FTL_OK) {
        return err->code;
    }
    FTL_AUTO(curlu) CURLU *url = curl_url();
    if (url == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory reading a URL");
    }
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, parse_flags | CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK) {
        return from_curl(code, err);
    }
    if (check_scheme(url, err) != FTL_OK || check_host(url, err) != FTL_OK) {
        return err->code;
    }
    *ret = FTL_TAKE(url);
    return FTL_OK;
}

enum ftl_code ftl_url_follow(CURLU *url, const char *location, struct ftl_err *err)
{
    if (check_bytes(location, err) != FTL_OK) {
        return ftl_wrap(err, "redirect");
    }
    CURLUcode code =
        curl_url_set(url, CURLUPART_URL, location, parse_flags | CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK) {
        (void)from_curl(code, err);
        return ftl_wrap(err, "redirect");
    }
    if (check_scheme(url, err) != FTL_OK || check_host(url, err) != FTL_OK) {
        return ftl_wrap(err, "redirect");
    }
    return FTL_OK;
}

static void to_lower(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z') {
            *text = (char)(*text - 'A' + 'a');
        }
    }
}

enum ftl_code ftl_url_origin(CURLU *url, struct ftl_origin *ret, struct ftl_err *err)
{
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    CURLUcode code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK) {
        code = curl_url_get(url, CURLUPART_HOST, &host, 0);
    }
    if (code == CURLUE_OK) {
        code = curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }
    enum ftl_code result = FTL_OK;
    struct ftl_origin origin = {0};
    if (code != CURLUE_OK) {
        result = from_curl(code, err);
    } else if (!ftl_copy_text(origin.scheme, sizeof(origin.scheme), scheme) ||
               !ftl_copy_text(origin.host, sizeof(origin.host), host))
    {
        result = ftl_fail(err, FTL_SOURCE, "the URL's host name is too long");
    } else {
        to_lower(origin.scheme);
        to_lower(origin.host);
        size_t length = strlen(origin.host);
        if (length > 1 && origin.host[length - 1] == '.') {
            origin.host[length - 1] = '\0';
        }
        unsigned number = 0;
        for (const char *digit = port; *digit >= '0' && *digit <= '9'; digit++) {
            number = number * 10 + (unsigned)(*digit - '0'); /* libcurl has checked the range */
        }
        origin.port = (uint16_t)number;
        *ret = origin;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return result;
}

bool ftl_origin_equal(const struct ftl_origin *a, const struct ftl_origin *b)
{
    return a->port == b->port && strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0;
}

void ftl_url_text(CURLU *url, char *to, size_t size)
{
    char *text = NULL;
    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK) {
        (void)ftl_copy_text(to, size, "(URL)");
        return;
    }
    ftl_log_url(text, to, size);
    curl_free(text);
}

bool ftl_url_has_userinfo(CURLU *url)
{
    char *user = NULL;
    char *password = NULL;
    bool has = curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK;
    has = curl_url_get(url, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK || has;
    curl_free(user);
    curl_free(password);
    return has;
}
