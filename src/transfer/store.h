/* Delivering outputs: one interface, one implementation per kind of place (a directory now; S3 and
 * HTTP behind the same table). All files of a job are put first, then committed together.
 *
 *   ftl_store_open(to, …) -> put × n (nothing visible yet) -> commit (all become visible) | abort
 * -> close
 */
#ifndef FETTLE_TRANSFER_STORE_H
#define FETTLE_TRANSFER_STORE_H

#include <stdint.h>

#include "base/auto.h"
#include "base/cancel.h"

struct ftl_store;

struct ftl_store_config {
    const char *const
        *roots;     /* directories allowed in the worker, NULL-terminated; NULL = any (CLI) */
    bool overwrite; /* replace existing files (worker: true) */
    struct ftl_cancel *cancel; /* may be NULL */
};

struct ftl_store_object {
    const char *name; /* relative, "/" makes directories; checked again: no "..", nothing hidden */
    int fd;           /* read by pread from 0 */
    const char *content_type;
};

struct ftl_stored {
    char url[4096]; /* file path or URL */
    int64_t bytes;
    char sha256[65]; /* over what was sent */
};

/* `to`: a directory (also as file:///…), made as needed. UNSUPPORTED for a scheme without a store,
 * STORE when it is outside the roots or cannot be made. `config` is copied, what it points at is
 * borrowed until close. */
enum ftl_code ftl_store_open(const char *to, const struct ftl_store_config *config,
                             struct ftl_store **ret, struct ftl_err *err) FTL_CHECK;
/* What ftl_store_open would refuse for the target's name alone, before any work; touches nothing.
 */
enum ftl_code ftl_store_check(const char *to, const struct ftl_store_config *config,
                              struct ftl_err *err) FTL_CHECK;
/* STORE (an existing file without `overwrite`, and a bad name: never), DISK when it is full. */
enum ftl_code ftl_store_put(struct ftl_store *store, const struct ftl_store_object *object,
                            struct ftl_stored *ret, struct ftl_err *err) FTL_CHECK;
/* Makes everything visible in put order. A failure half-way takes back what had become visible, as
 * far as the file system can, and aborts. */
enum ftl_code ftl_store_commit(struct ftl_store *store, struct ftl_err *err) FTL_CHECK;
void ftl_store_abort(struct ftl_store *store); /* removes what was put; nothing after a commit */
void ftl_store_close(struct ftl_store *store); /* aborts unless committed; NULL allowed */

FTL_AUTO_DEFINE(store, struct ftl_store, ftl_store_close);

#endif
