/* The child's sandbox: no-new-privs, Landlock (no file, no network, no abstract socket, no signal
 * to others) and a seccomp allow-list from syscalls.def.
 *
 *   ftl_sandbox_prepare(&sandbox, &err)     in the zygote, once: compiles the filter
 *   ftl_sandbox_enter(&sandbox, …)          in each child, before the first untrusted byte
 *
 * Compiled out (no layer is reported) without FTL_SANDBOX: sanitizers and valgrind need calls that
 * it forbids.
 */
#ifndef FETTLE_EXEC_SANDBOX_H
#define FETTLE_EXEC_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>

struct sock_filter;

struct ftl_sandbox {
    struct sock_filter *filter; /* NULL = compiled out; owned */
    size_t filter_count;
};

/* Done by every child that a forbidden call stops; the parent looks for it in the log. */
#define FTL_SANDBOX_STOPPED "forbidden system call "

enum ftl_code ftl_sandbox_prepare(struct ftl_sandbox *ret, struct ftl_err *err) FTL_CHECK;
void ftl_sandbox_done(struct ftl_sandbox *sandbox);

/* Adds to *layers the bits of the layers that hold now. A layer that this kernel lacks is left out;
 * one that fails for any other reason is INTERNAL. */
enum ftl_code ftl_sandbox_enter(const struct ftl_sandbox *sandbox, uint32_t *layers,
                                uint32_t *ret_landlock_abi, struct ftl_err *err) FTL_CHECK;

#endif
