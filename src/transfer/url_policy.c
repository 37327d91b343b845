#include "transfer/url_policy.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "transfer/address.h"
#include "transfer/url.h"

struct entry {
    char host[256];       /* name or the part after "*"; "" for a CIDR */
    bool is_suffix;       /* host starts with the dot */
    struct ftl_cidr cidr; /* family 0 for a name */
    uint16_t port;        /* 0 = any */
};

static bool is_host_text(const char *text)
{
    if (text[0] == '\0' || text[0] == '-') {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        bool is_word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                       (*c >= '0' && *c <= '9') || (*c & 0x80) != 0;
        if (!is_word && *c != '-' && *c != '_' && *c != '.') {
            return false;
        }
    }
    return true;
}

static bool port_parse(const char *text, uint16_t *ret)
{
    unsigned value = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || value > UINT16_MAX) {
            return false;
        }
        value = value * 10 + (unsigned)(*c - '0');
    }
    *ret = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX;
}

/* Cuts ":port" off `text`; false if what stands there is no port. */
static bool split_port(char *text, uint16_t *ret_port)
{
    char *bracket = strrchr(text, ']');
    char *colon = bracket != NULL ? strchr(bracket, ':') : strchr(text, ':');
    if (colon == NULL || (bracket == NULL && strchr(colon + 1, ':') != NULL)) {
        return true; /* none, or an IPv6 address without brackets */
    }
    *colon = '\0';
    return port_parse(colon + 1, ret_port);
}

static bool entry_parse(const char *text, struct entry *ret)
{
    char copy[256];
    if (!ftl_copy_text(copy, sizeof(copy), text)) {
        return false;
    }
    struct entry entry = {0};
    if (!split_port(copy, &entry.port)) {
        return false;
    }
    char *host = copy;
    size_t length = strlen(host);
    if (host[0] == '[') {
        if (length < 3 || host[length - 1] != ']') {
            return false;
        }
        host[length - 1] = '\0';
        *ret = entry;
        return ftl_cidr_parse(host + 1, &ret->cidr);
    }
    if (ftl_cidr_parse(host, &entry.cidr)) {
        *ret = entry;
        return true;
    }
    entry.is_suffix = ftl_starts_with(host, "*.");
    if (entry.is_suffix) {
        host++;
    }
    length = strlen(host);
    if (length > 1 && host[length - 1] == '.') {
        host[length - 1] = '\0';
    }
    if (!is_host_text(entry.is_suffix ? host + 1 : host)) {
        return false;
    }
    (void)ftl_copy_text(entry.host, sizeof(entry.host), host);
    *ret = entry;
    return true;
}

/* The next entry's text without surrounding blanks; false at the end of the list. */
static bool next_text(const char **list, char *to, size_t size, bool *ret_fits)
{
    const char *at = *list + strspn(*list, ", \t");
    size_t length = strcspn(at, ",");
    *list = at + length;
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t')) {
        length--;
    }
    if (length == 0) {
        return false;
    }
    *ret_fits = length < size;
    if (*ret_fits) {
        memcpy(to, at, length);
        to[length] = '\0';
    }
    return true;
}

enum ftl_code ftl_url_policy_check_allow(const char *allow, struct ftl_err *err)
{
    const char *list = allow != NULL ? allow : "";
    char text[256];
    bool fits = false;
    while (next_text(&list, text, sizeof(text), &fits)) {
        struct entry entry = {0};
        if (!fits || !entry_parse(text, &entry)) {
            return ftl_fail(err, FTL_SPEC,
                            "allow-list entry \"%.80s\" is no host, *.suffix, address or CIDR "
                            "block (with an optional :port)",
                            fits ? text : "(too long)");
        }
    }
    return FTL_OK;
}

static bool host_matches(const struct entry *entry, const char *host)
{
    size_t length = strlen(host);
    if (length > 1 && host[length - 1] == '.') {
        length--;
    }
    size_t wanted = strlen(entry->host);
    if (entry->is_suffix) {
        return length > wanted && strncasecmp(host + length - wanted, entry->host, wanted) == 0;
    }
    return length == wanted && strncasecmp(host, entry->host, wanted) == 0;
}

/* Who opens it: a name opens less than an address does. */
enum opened { OPENED_NOT, OPENED_BY_NAME, OPENED_BY_ADDRESS };

/* `address` may be NULL: then only names are compared. */
static enum opened opened_by(const struct ftl_url_policy *policy, const char *host, uint16_t port,
                             const struct sockaddr *address)
{
    enum opened best = OPENED_NOT;
    const char *list = policy->allow != NULL ? policy->allow : "";
    char text[256];
    bool fits = false;
    while (next_text(&list, text, sizeof(text), &fits)) {
        struct entry entry = {0};
        if (!fits || !entry_parse(text, &entry) || (entry.port != 0 && entry.port != port)) {
            continue;
        }
        if (entry.cidr.family != 0) {
            if (address != NULL && ftl_cidr_contains(&entry.cidr, address)) {
                return OPENED_BY_ADDRESS;
            }
        } else if (host_matches(&entry, host)) {
            best = OPENED_BY_NAME;
        }
    }
    return best;
}

static bool name_may_open(enum ftl_address_class kind)
{
    return kind == FTL_ADDRESS_LOOPBACK || kind == FTL_ADDRESS_PRIVATE ||
           kind == FTL_ADDRESS_SHARED;
}

enum ftl_code ftl_url_policy_check_address(const struct ftl_url_policy *policy, const char *host,
                                           const struct sockaddr *address, struct ftl_err *err)
{
    enum ftl_address_class kind = ftl_address_classify(address);
    if (policy->is_open || kind == FTL_ADDRESS_PUBLIC) {
        return FTL_OK;
    }
    enum opened opened = opened_by(policy, host, ftl_address_port(address), address);
    if (opened == OPENED_BY_ADDRESS || (opened == OPENED_BY_NAME && name_may_open(kind))) {
        return FTL_OK;
    }
    char text[64];
    ftl_address_text(address, text, sizeof(text));
    return ftl_fail(err, FTL_SOURCE,
                    "%.100s is at the %s address %s, which is not on the allow-list", host,
                    ftl_address_class_name(kind), text);
}

enum ftl_code ftl_url_policy_check_url(const struct ftl_url_policy *policy, const char *url,
                                       struct ftl_err *err)
{
    FTL_AUTO(curlu) CURLU *parsed = NULL;
    if (ftl_url_parse(url, &parsed, err) != FTL_OK) {
        return err->code;
    }
    return ftl_url_policy_check(policy, parsed, err);
}

enum ftl_code ftl_url_policy_check(const struct ftl_url_policy *policy, CURLU *url,
                                   struct ftl_err *err)
{
    struct ftl_origin origin = {0};
    if (ftl_url_origin(url, &origin, err) != FTL_OK) {
        return err->code;
    }
    if (policy->is_open) {
        return FTL_OK;
    }
    if (ftl_url_has_userinfo(url)) {
        return ftl_fail(err, FTL_SOURCE, "URLs with a user name or password are refused");
    }
    struct sockaddr_storage literal = {0};
    const struct sockaddr *address = NULL;
    if (ftl_address_parse(origin.host, origin.port, &literal)) {
        address = (const struct sockaddr *)&literal;
    }
    bool is_usual = origin.port == 80 || origin.port == 443 || origin.port >= 1024;
    if (!is_usual && opened_by(policy, origin.host, origin.port, address) == OPENED_NOT) {
        return ftl_fail(err, FTL_SOURCE, "port %d is refused: 80, 443 and 1024 up are open",
                        origin.port);
    }
    if (address != NULL) {
        return ftl_url_policy_check_address(policy, origin.host, address, err);
    }
    return FTL_OK;
}
