#include "queue/redis_url.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct span {
    const char *from;
    size_t length;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

/* False when it does not fit, on a broken escape, and on control characters. */
static bool decode(struct span part, char *to, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < part.length; i++) {
        char c = part.from[i];
        if (c == '%') {
            int high = i + 2 < part.length ? hex_digit(part.from[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(part.from[i + 2]) : -1;
            if (low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if ((unsigned char)c < 0x20 || used + 1 >= size) {
            return false;
        }
        to[used++] = c;
    }
    to[used] = '\0';
    return true;
}

static bool number(struct span part, int max, int *ret)
{
    int value = 0;
    if (part.length == 0 || part.length > 9) {
        return false;
    }
    for (size_t i = 0; i < part.length; i++) {
        if (part.from[i] < '0' || part.from[i] > '9') {
            return false;
        }
        value = value * 10 + (part.from[i] - '0');
    }
    *ret = value;
    return value <= max;
}

/* Cuts `whole` at the first (or last) `mark`: what follows goes to *after. False without one. */
static bool cut(struct span *whole, char mark, bool is_last, struct span *after)
{
    const char *found = is_last ? memrchr(whole->from, mark, whole->length)
                                : memchr(whole->from, mark, whole->length);
    if (found == NULL) {
        return false;
    }
    size_t before = (size_t)(found - whole->from);
    *after = (struct span){.from = found + 1, .length = whole->length - before - 1};
    whole->length = before;
    return true;
}

static enum ftl_code parse_userinfo(struct span info, struct ftl_redis_url *ret,
                                    struct ftl_err *err)
{
    struct span password = {.from = ""};
    (void)cut(&info, ':', false, &password); /* a lone user name is fine */
    if (!decode(info, ret->user, sizeof(ret->user)) ||
        !decode(password, ret->password, sizeof(ret->password)))
    {
        return ftl_fail(err, FTL_SPEC, "redis URL: user or password is too long or badly escaped");
    }
    return FTL_OK;
}

static enum ftl_code parse_query(struct span query, struct ftl_redis_url *ret, struct ftl_err *err)
{
    while (query.length > 0) {
        struct span rest = {.from = ""};
        (void)cut(&query, '&', false, &rest); /* the last one has no & */
        struct span value = {.from = ""};
        (void)cut(&query, '=', false, &value); /* a bare name has no value, and is refused */
        if (query.length != 2 || strncmp(query.from, "db", 2) != 0) {
            return ftl_fail(err, FTL_SPEC, "redis URL: unknown parameter, only db is known");
        }
        if (!number(value, 1000000, &ret->db)) {
            return ftl_fail(err, FTL_SPEC, "redis URL: db is not a number");
        }
        query = rest;
    }
    return FTL_OK;
}

static enum ftl_code parse_authority(struct span host, struct ftl_redis_url *ret,
                                     struct ftl_err *err)
{
    struct span port = {.from = ""};
    bool has_port = false;
    if (host.length > 0 && host.from[0] == '[') {
        struct span after = {.from = ""};
        host = (struct span){.from = host.from + 1, .length = host.length - 1};
        if (!cut(&host, ']', false, &after)) {
            return ftl_fail(err, FTL_SPEC, "redis URL: no ] after an IPv6 address");
        }
        if (after.length > 0 && !(has_port = cut(&after, ':', false, &port))) {
            return ftl_fail(err, FTL_SPEC, "redis URL: only a port may follow an IPv6 address");
        }
    } else {
        has_port = cut(&host, ':', false, &port);
    }
    ret->port = 6379;
    if (has_port && (!number(port, 65535, &ret->port) || ret->port == 0)) {
        return ftl_fail(err, FTL_SPEC, "redis URL: the port is not a number from 1 to 65535");
    }
    if (host.length == 0) {
        host = (struct span){.from = "localhost", .length = strlen("localhost")};
    }
    if (!decode(host, ret->host, sizeof(ret->host))) {
        return ftl_fail(err, FTL_SPEC, "redis URL: the host name is too long or badly escaped");
    }
    return FTL_OK;
}

static enum ftl_code parse_tcp(struct span rest, struct ftl_redis_url *ret, struct ftl_err *err)
{
    struct span path = {.from = ""};
    bool has_path = cut(&rest, '/', false, &path);
    struct span host = rest;
    if (rest.length > 0) {
        struct span after = {.from = ""};
        struct span info = rest;
        if (cut(&info, '@', true, &after)) {
            if (parse_userinfo(info, ret, err) != FTL_OK) {
                return err->code;
            }
            host = after;
        }
    }
    if (parse_authority(host, ret, err) != FTL_OK) {
        return err->code;
    }
    if (has_path && path.length > 0 && !number(path, 1000000, &ret->db)) {
        return ftl_fail(err, FTL_SPEC, "redis URL: the path is not a database number");
    }
    return FTL_OK;
}

static enum ftl_code parse_unix(struct span rest, struct ftl_redis_url *ret, struct ftl_err *err)
{
    struct span info = rest;
    struct span after = {.from = ""};
    ret->is_unix = true;
    if (rest.length > 0 && rest.from[0] != '/' && cut(&info, '@', false, &after)) {
        if (parse_userinfo(info, ret, err) != FTL_OK) {
            return err->code;
        }
        rest = after;
    }
    if (rest.length == 0 || rest.from[0] != '/') {
        return ftl_fail(err, FTL_SPEC, "redis URL: unix:// needs an absolute path");
    }
    if (!decode(rest, ret->path, sizeof(ret->path))) {
        return ftl_fail(err, FTL_SPEC, "redis URL: the socket path is longer than %zu bytes",
                        sizeof(ret->path) - 1);
    }
    return FTL_OK;
}

enum ftl_code ftl_redis_url_parse(const char *text, struct ftl_redis_url *ret, struct ftl_err *err)
{
    static const struct {
        const char *scheme;
        bool is_unix, is_tls;
    } schemes[] = {
        {"redis://", false, false},
        {"rediss://", false, true},
        {"unix://", true, false},
        {"redis+unix://", true, false},
    };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!ftl_starts_with(text, schemes[i].scheme)) {
            continue;
        }
        struct ftl_redis_url url = {.is_tls = schemes[i].is_tls};
        const char *from = text + strlen(schemes[i].scheme);
        struct span rest = {.from = from, .length = strlen(from)};
        struct span query = {.from = ""};
        (void)cut(&rest, '?', false, &query); /* most have no query */
        enum ftl_code code =
            schemes[i].is_unix ? parse_unix(rest, &url, err) : parse_tcp(rest, &url, err);
        if (code == FTL_OK) {
            code = parse_query(query, &url, err);
        }
        if (code == FTL_OK) {
            *ret = url;
        }
        ftl_wipe(&url, sizeof(url));
        return code;
    }
    return ftl_fail(err, FTL_SPEC, "redis URL must start with redis://, rediss:// or unix://");
}
