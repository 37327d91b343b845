#include "transfer/hash.h"

#include <stdbool.h>

#include <openssl/evp.h>

struct ftl_sha256 {
    EVP_MD_CTX *context;
    bool has_failed; /* kept until _end, so that adding needs no error path */
};

struct ftl_sha256 *ftl_sha256_new(void)
{
    FTL_AUTO(sha256) struct ftl_sha256 *hash = ftl_calloc(1, sizeof(*hash));
    if (hash == NULL) {
        return NULL;
    }
    hash->context = EVP_MD_CTX_new();
    if (hash->context == NULL) {
        return NULL;
    }
    ftl_sha256_reset(hash);
    return hash->has_failed ? NULL : FTL_TAKE(hash);
}

void ftl_sha256_free(struct ftl_sha256 *hash)
{
    if (hash == NULL) {
        return;
    }
    EVP_MD_CTX_free(hash->context);
    ftl_free(hash);
}

void ftl_sha256_reset(struct ftl_sha256 *hash)
{
    hash->has_failed = EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1;
}

void ftl_sha256_add(struct ftl_sha256 *hash, const void *bytes, size_t length)
{
    if (EVP_DigestUpdate(hash->context, bytes, length) != 1) {
        hash->has_failed = true;
    }
}

enum ftl_code ftl_sha256_end(struct ftl_sha256 *hash, char ret_hex[65], struct ftl_err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (hash->has_failed || EVP_DigestFinal_ex(hash->context, digest, &length) != 1 || length != 32)
    {
        return ftl_fail(err, FTL_INTERNAL, "libcrypto could not compute a SHA-256");
    }
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < length; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[64] = '\0';
    return FTL_OK;
}
