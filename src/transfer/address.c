#include "transfer/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct block {
    const char *cidr;
    enum ftl_address_class kind;
};

/* IANA special-purpose registries (RFC 6890 and updates); the first match counts. */
static const struct block blocks_v4[] = {
    {"0.0.0.0/8", FTL_ADDRESS_UNSPECIFIED},     {"10.0.0.0/8", FTL_ADDRESS_PRIVATE},
    {"100.64.0.0/10", FTL_ADDRESS_SHARED},      {"127.0.0.0/8", FTL_ADDRESS_LOOPBACK},
    {"168.63.129.16/32", FTL_ADDRESS_METADATA}, /* Azure's platform channel, a public number */
    {"169.254.0.0/16", FTL_ADDRESS_LINK_LOCAL}, {"172.16.0.0/12", FTL_ADDRESS_PRIVATE},
    {"192.0.0.0/24", FTL_ADDRESS_RESERVED},     {"192.0.2.0/24", FTL_ADDRESS_RESERVED},
    {"192.88.99.0/24", FTL_ADDRESS_RESERVED},   {"192.168.0.0/16", FTL_ADDRESS_PRIVATE},
    {"198.18.0.0/15", FTL_ADDRESS_RESERVED},    {"198.51.100.0/24", FTL_ADDRESS_RESERVED},
    {"203.0.113.0/24", FTL_ADDRESS_RESERVED},   {"224.0.0.0/4", FTL_ADDRESS_MULTICAST},
    {"240.0.0.0/4", FTL_ADDRESS_RESERVED}, /* with 255.255.255.255 */
};

static const struct block blocks_v6[] = {
    {"::/128", FTL_ADDRESS_UNSPECIFIED},
    {"::1/128", FTL_ADDRESS_LOOPBACK},
    {"fc00::/7", FTL_ADDRESS_PRIVATE},
    {"fe80::/10", FTL_ADDRESS_LINK_LOCAL},
    {"fec0::/10", FTL_ADDRESS_PRIVATE}, /* site-local, withdrawn but still routed by some */
    {"ff00::/8", FTL_ADDRESS_MULTICAST},
    {"2001::/23", FTL_ADDRESS_RESERVED}, /* Teredo, benchmarks, ORCHID … */
    {"2001:db8::/32", FTL_ADDRESS_RESERVED},
    {"3fff::/20", FTL_ADDRESS_RESERVED},
    {"2000::/3", FTL_ADDRESS_PUBLIC}, /* nothing outside it is global unicast */
    {"::/0", FTL_ADDRESS_RESERVED},
};

/* Where an IPv6 address carries an IPv4 one that packets end up at. */
static const struct {
    const char *cidr;
    int at; /* byte offset of the IPv4 address */
} embeddings[] = {
    {"::ffff:0:0/96", 12}, /* mapped */
    {"64:ff9b::/96", 12},  /* NAT64 */
    {"2002::/16", 2},      /* 6to4 */
};

static bool is_inside(const struct ftl_cidr *cidr, const unsigned char *bytes)
{
    size_t whole = (size_t)cidr->bits / 8;
    unsigned rest = (unsigned)cidr->bits % 8;
    if (memcmp(cidr->bytes, bytes, whole) != 0) {
        return false;
    }
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return rest == 0 || ((cidr->bytes[whole] ^ bytes[whole]) & mask) == 0;
}

static const unsigned char *bytes_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)
            ->sin_addr;
    }
    if (address->sa_family == AF_INET6) {
        return (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)address)
            ->sin6_addr;
    }
    return NULL;
}

static enum ftl_address_class classify(const struct block *blocks, size_t count,
                                       const unsigned char *bytes, enum ftl_address_class otherwise)
{
    for (size_t i = 0; i < count; i++) {
        struct ftl_cidr cidr = {0};
        if (ftl_cidr_parse(blocks[i].cidr, &cidr) && is_inside(&cidr, bytes)) {
            return blocks[i].kind;
        }
    }
    return otherwise;
}

static enum ftl_address_class classify_v4(const unsigned char *bytes)
{
    return classify(blocks_v4, sizeof(blocks_v4) / sizeof(blocks_v4[0]), bytes, FTL_ADDRESS_PUBLIC);
}

enum ftl_address_class ftl_address_classify(const struct sockaddr *address)
{
    const unsigned char *bytes = bytes_of(address);
    if (bytes == NULL) {
        return FTL_ADDRESS_RESERVED;
    }
    if (address->sa_family == AF_INET) {
        return classify_v4(bytes);
    }
    for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
        struct ftl_cidr cidr = {0};
        if (ftl_cidr_parse(embeddings[i].cidr, &cidr) && is_inside(&cidr, bytes)) {
            return classify_v4(bytes + embeddings[i].at);
        }
    }
    return classify(blocks_v6, sizeof(blocks_v6) / sizeof(blocks_v6[0]), bytes,
                    FTL_ADDRESS_RESERVED);
}

const char *ftl_address_class_name(enum ftl_address_class kind)
{
    static const char *const names[] = {"public",    "loopback",    "private",
                                        "shared",    "link-local",  "cloud metadata",
                                        "multicast", "unspecified", "reserved"};
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "reserved";
}

static bool bits_parse(const char *text, int most, int *ret)
{
    int bits = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || bits > most) {
            return false;
        }
        bits = bits * 10 + (*c - '0');
    }
    *ret = bits;
    return text[0] != '\0' && bits <= most;
}

bool ftl_cidr_parse(const char *text, struct ftl_cidr *ret)
{
    char address[INET6_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (length == 0 || length >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, length);
    struct ftl_cidr cidr = {.family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET};
    if (inet_pton(cidr.family, address, cidr.bytes) != 1) {
        return false;
    }
    int most = cidr.family == AF_INET ? 32 : 128;
    cidr.bits = most;
    if (slash != NULL) {
        if (!bits_parse(slash + 1, most, &cidr.bits)) {
            return false;
        }
    }
    *ret = cidr;
    return true;
}

bool ftl_cidr_contains(const struct ftl_cidr *cidr, const struct sockaddr *address)
{
    const unsigned char *bytes = bytes_of(address);
    if (bytes == NULL) {
        return false;
    }
    if (cidr->family == address->sa_family) {
        return is_inside(cidr, bytes);
    }
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    return cidr->family == AF_INET && memcmp(bytes, mapped, sizeof(mapped)) == 0 &&
           is_inside(cidr, bytes + sizeof(mapped));
}

bool ftl_address_parse(const char *host, uint16_t port, struct sockaddr_storage *ret)
{
    char text[INET6_ADDRSTRLEN] = "";
    size_t length = strlen(host);
    bool is_bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    if (is_bracketed) {
        host++;
        length = strcspn(host, "%]"); /* a zone does not change the class */
    }
    if (length >= sizeof(text)) {
        return false;
    }
    memcpy(text, host, length);
    struct sockaddr_storage address = {0};
    if (is_bracketed) {
        struct sockaddr_in6 *v6 = (void *)&address;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1) {
            return false;
        }
    } else {
        struct sockaddr_in *v4 = (void *)&address;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        if (inet_pton(AF_INET, text, &v4->sin_addr) != 1) {
            return false;
        }
    }
    *ret = address;
    return true;
}

void ftl_address_text(const struct sockaddr *address, char *to, size_t size)
{
    const unsigned char *bytes = bytes_of(address);
    if (bytes == NULL || inet_ntop(address->sa_family, bytes, to, (socklen_t)size) == NULL) {
        to[0] = '\0';
    }
}

uint16_t ftl_address_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    }
    if (address->sa_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    }
    return 0;
}
