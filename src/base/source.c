#include "base/source.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

static const struct ftl_opt rows[] = {
    FTL_OPT_STRING(struct ftl_source, url, 8192, FTL_OPT_URL, "http or https URL to read"),
    FTL_OPT_STRING(struct ftl_source, path, 4096, 0, "local file to read"),
    FTL_OPT_MAP(struct ftl_source, headers, STRING, NULL, 32, FTL_OPT_SECRET,
                "request headers to send, by name"),
    FTL_OPT_STRING(struct ftl_source, sha256, 64, 0, "SHA-256 the bytes must have, in hexadecimal"),
    FTL_OPT_END};

static bool is_header_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "!#$%&'*+-.^_`|~"; /* RFC 9110 §5.6.2 */
    return name[0] != '\0' && strspn(name, allowed) == strlen(name);
}

static void check_headers(const struct ftl_source *source, struct ftl_opt_errors *errors)
{
    const struct ftl_map_entry *headers = source->headers.items;
    for (size_t i = 0; i < source->headers.count; i++) {
        if (!is_header_name(headers[i].name)) {
            ftl_opt_report(errors, headers[i].where, NULL, "is not a header name");
        } else if (strpbrk(headers[i].value.string, "\r\n") != NULL) {
            ftl_opt_report(errors, headers[i].where, NULL, "a header cannot hold a line break");
        }
    }
}

static void check(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct ftl_source *source = value;
    if (source->url == NULL && source->path == NULL) {
        ftl_opt_report(errors, where, NULL, "needs a \"url\" or a \"path\"");
    } else if (source->url != NULL && source->path != NULL) {
        ftl_opt_report(errors, where, "path", "cannot be given together with \"url\"");
    }
    if (source->url != NULL && strncasecmp(source->url, "http://", 7) != 0 &&
        strncasecmp(source->url, "https://", 8) != 0)
    {
        ftl_opt_report(errors, where, "url", "expected an http or https URL");
    }
    if (source->path != NULL && source->path[0] == '\0') {
        ftl_opt_report(errors, where, "path", "is empty");
    }
    if (source->path != NULL && source->headers.count > 0) {
        ftl_opt_report(errors, where, "headers", "only a \"url\" takes headers");
    }
    const char *sha256 = source->sha256;
    if (sha256 != NULL && (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)) {
        ftl_opt_report(errors, where, "sha256", "expected 64 lower-case hexadecimal digits");
    }
    check_headers(source, errors);
}

const struct ftl_opt_table ftl_source_table = {.name = "source",
                                               .summary = "Where the bytes of an input come from.",
                                               .rows = rows,
                                               .size = sizeof(struct ftl_source),
                                               .set_offset = SIZE_MAX,
                                               .check = check};

struct ftl_source ftl_source_from_text(const char *text)
{
    size_t scheme =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    bool is_url = scheme > 0 && ftl_starts_with(text + scheme, "://");
    return is_url ? (struct ftl_source){.url = text} : (struct ftl_source){.path = text};
}
