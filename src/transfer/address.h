/* Classes of IP addresses and CIDR blocks. Pure functions. */
#ifndef FETTLE_TRANSFER_ADDRESS_H
#define FETTLE_TRANSFER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Which kind of special address it is; forms that carry an IPv4 address inside (mapped, NAT64,
 * 6to4) have the class of that address. */
enum ftl_address_class {
    FTL_ADDRESS_PUBLIC,
    FTL_ADDRESS_LOOPBACK,
    FTL_ADDRESS_PRIVATE,    /* RFC 1918, unique-local */
    FTL_ADDRESS_SHARED,     /* carrier-grade NAT */
    FTL_ADDRESS_LINK_LOCAL, /* with most clouds' metadata services */
    FTL_ADDRESS_METADATA,   /* those that live elsewhere */
    FTL_ADDRESS_MULTICAST,
    FTL_ADDRESS_UNSPECIFIED,
    FTL_ADDRESS_RESERVED, /* documentation, benchmarks, relays, not assigned, other families */
};

struct ftl_cidr {
    int family; /* AF_INET or AF_INET6 */
    unsigned char bytes[16];
    int bits;
};

enum ftl_address_class ftl_address_classify(const struct sockaddr *address);
const char *ftl_address_class_name(enum ftl_address_class kind); /* "loopback", "private", … */

/* "10.0.0.0/8", "10.1.2.3", "fd00::/8", "::1"; false if it is none of these. */
bool ftl_cidr_parse(const char *text, struct ftl_cidr *ret);
/* An IPv4 block also holds the IPv4-mapped forms of its addresses. */
bool ftl_cidr_contains(const struct ftl_cidr *cidr, const struct sockaddr *address);

/* A literal as it stands in a URL ("127.0.0.1", "[::1]", "[fe80::1%25eth0]") with that port; false
 * for a name. */
bool ftl_address_parse(const char *host, uint16_t port, struct sockaddr_storage *ret);

/* "127.0.0.1" or "::1", without the port; size >= 46. */
void ftl_address_text(const struct sockaddr *address, char *to, size_t size);
uint16_t ftl_address_port(const struct sockaddr *address); /* 0 for other families */

#endif
