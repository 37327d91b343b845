/* Which addresses a job may name: deny by default, checked on the resolved
 * address that is then connected to, on every hop.
 *
 * An allow-list is a comma-separated list of
 *   media.internal   that host          *.cdn.internal   hosts below it
 *   10.0.0.0/8       addresses          [fd00::1]        one address
 * each optionally with ":port" (IPv6 in brackets then). A name opens loopback, private and shared
 * addresses it resolves to; link-local (cloud metadata), multicast and reserved ones are opened by
 * address only, since whoever runs that name's DNS could point it at them.
 */
#ifndef FETTLE_TRANSFER_URL_POLICY_H
#define FETTLE_TRANSFER_URL_POLICY_H

#include <stdbool.h>
#include <sys/socket.h>

#include <fettle/err.h>

struct ftl_url_policy {
    const char *allow; /* NULL = none */
    bool is_open;      /* `fettle run` by a person: everything goes, except that redirects may not
                          leave http(s) */
};

/* SPEC naming the first entry that is none of the forms above. For the start of a process: entries
 * that do not parse open nothing. */
enum ftl_code ftl_url_policy_check_allow(const char *allow, struct ftl_err *err) FTL_CHECK;

/* The URL's form: scheme http/https, no userinfo, no control bytes, port 80, 443 or 1024 and up
 * unless allow-listed; an address literal is judged as by check_address. SOURCE if refused. */
enum ftl_code ftl_url_policy_check_url(const struct ftl_url_policy *policy, const char *url,
                                       struct ftl_err *err) FTL_CHECK;

/* The address about to be connected to for `host` (as in the URL; IPv6 in brackets). SOURCE unless
 * it is public or allow-listed. */
enum ftl_code ftl_url_policy_check_address(const struct ftl_url_policy *policy, const char *host,
                                           const struct sockaddr *address,
                                           struct ftl_err *err) FTL_CHECK;

#endif
