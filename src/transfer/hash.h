/* SHA-256 over what passes by. */
#ifndef FETTLE_TRANSFER_HASH_H
#define FETTLE_TRANSFER_HASH_H

#include <stddef.h>

#include <fettle/err.h>

#include "base/auto.h"

struct ftl_sha256;

/* NULL = out of memory, or a libcrypto without SHA-256. */
struct ftl_sha256 *ftl_sha256_new(void) FTL_CHECK;
void ftl_sha256_free(struct ftl_sha256 *hash); /* NULL allowed */
void ftl_sha256_reset(struct ftl_sha256 *hash);
void ftl_sha256_add(struct ftl_sha256 *hash, const void *bytes, size_t length);
/* Lower-case hex. Ends the hash; reset before using it again. INTERNAL when libcrypto failed. */
enum ftl_code ftl_sha256_end(struct ftl_sha256 *hash, char ret_hex[65],
                             struct ftl_err *err) FTL_CHECK;

FTL_AUTO_DEFINE(sha256, struct ftl_sha256, ftl_sha256_free);

#endif
