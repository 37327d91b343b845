/* Which addresses a job may name (design.md §1.12): deny by default, checked on the resolved
 * address that is then connected to, on every hop. */
#ifndef FETTLE_TRANSFER_URL_POLICY_H
#define FETTLE_TRANSFER_URL_POLICY_H

#include <stdbool.h>
#include <sys/socket.h>

#include <fettle/err.h>

struct ftl_url_policy {
    const char *allow; /* comma-separated hosts, *.suffixes, CIDRs, host:port: these pass although
                          private; NULL = none */
    bool is_open; /* `fettle run` by a person: everything goes, except that redirects may not leave
                     http(s) */
};

/* The URL's form: scheme http/https, no userinfo, no control characters, port 80/443/1024+ … SOURCE
 * if refused. */
enum ftl_code ftl_url_policy_check_url(const struct ftl_url_policy *policy, const char *url,
                                       struct ftl_err *err) FTL_CHECK;

/* The address about to be connected to for `host`. SOURCE if loopback, private, link-local, CGNAT,
 * multicast, metadata, unspecified, IPv4-mapped/NAT64 of such, and not allow-listed. */
enum ftl_code ftl_url_policy_check_address(const struct ftl_url_policy *policy, const char *host,
                                           const struct sockaddr *address,
                                           struct ftl_err *err) FTL_CHECK;

#endif
