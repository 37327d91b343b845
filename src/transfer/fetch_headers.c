#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include <fettle/option.h>

#include "base/str.h"
#include "transfer/fetch_impl.h"

enum { HEADERS_MAX = 32 };

/* Framing and caching belong to the fetcher; Host could reach another virtual host than the one
 * whose address was checked. */
static const char *const owned[] = {"Host",
                                    "Content-Length",
                                    "Transfer-Encoding",
                                    "Connection",
                                    "Upgrade",
                                    "TE",
                                    "Expect",
                                    "Range",
                                    "If-Range",
                                    "If-Match",
                                    "If-None-Match",
                                    "If-Modified-Since",
                                    "If-Unmodified-Since",
                                    "Accept-Encoding",
                                    "Proxy-Authorization"};

static bool is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool is_word =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!is_word && strchr("!#$%&'*+-.^_`|~", *c) == NULL) {
            return false;
        }
    }
    return text[0] != '\0';
}

static bool is_value(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

static enum ftl_code check(const char *name, const char *value, struct ftl_err *err)
{
    if (!is_token(name)) {
        return ftl_fail(err, FTL_SPEC, "\"%.60s\" is not a header name", name);
    }
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        if (strcasecmp(name, owned[i]) == 0) {
            return ftl_fail(err, FTL_SPEC, "a job may not set the header %s", owned[i]);
        }
    }
    if (!is_value(value)) { /* the value may be a secret: it is not printed */
        return ftl_fail(err, FTL_SPEC, "the value of header %.60s holds a control byte", name);
    }
    return FTL_OK;
}

enum ftl_code ftl_fetch_headers(const struct ftl_array *headers, struct curl_slist **ret,
                                struct ftl_err *err)
{
    const struct ftl_map_entry *entries = headers->items;
    if (headers->count > HEADERS_MAX) {
        return ftl_fail(err, FTL_SPEC, "more than %d headers", HEADERS_MAX);
    }
    for (size_t i = 0; i < headers->count; i++) {
        if (check(entries[i].name, entries[i].value.string, err) != FTL_OK) {
            return err->code;
        }
        FTL_AUTO_STR struct ftl_str line = FTL_STR_INIT(16384);
        /* libcurl sends a header without value only for "Name;" */
        const char *joint = entries[i].value.string[0] != '\0' ? ": " : ";";
        ftl_str_printf(&line, "%s%s%s", entries[i].name, joint, entries[i].value.string);
        struct curl_slist *longer =
            line.is_cut ? NULL : curl_slist_append(*ret, ftl_str_text(&line));
        ftl_wipe(line.text, line.length);
        if (longer == NULL) {
            return ftl_fail(err, FTL_LIMIT, "header %.60s is too long", entries[i].name);
        }
        *ret = longer;
    }
    return FTL_OK;
}
