#include "queue/redis_tls.h"

#ifdef FTL_REDIS_TLS

#include <fcntl.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>

#include "base/auto.h"

FTL_AUTO_DEFINE(ssl_context, SSL_CTX, SSL_CTX_free);
FTL_AUTO_DEFINE(ssl, SSL, SSL_free);

bool ftl_redis_has_tls(void)
{
    return true;
}

static enum ftl_code new_session(const struct ftl_redis_url *url, SSL **ret, struct ftl_err *err)
{
    FTL_AUTO(ssl_context) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_default_verify_paths(context) != 1)
    {
        return ftl_fail(err, FTL_QUEUE, "redis: TLS cannot be set up");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    char host[sizeof(url->host)]; /* OpenSSL's macro wants it writable */
    memcpy(host, url->host, sizeof(host));
    FTL_AUTO(ssl) SSL *ssl = SSL_new(context); /* keeps the context alive */
    if (ssl == NULL || SSL_set_tlsext_host_name(ssl, host) != 1 ||
        SSL_set1_host(ssl, url->host) != 1) {
        return ftl_fail(err, FTL_QUEUE, "redis: TLS cannot be set up");
    }
    *ret = FTL_TAKE(ssl);
    return FTL_OK;
}

static void set_blocking(redisContext *context, bool is_blocking)
{
    int flags = fcntl(context->fd, F_GETFL);
    flags = is_blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    (void)fcntl(context->fd, F_SETFL, flags); /* cannot fail on an open socket */
    context->flags = is_blocking ? context->flags | REDIS_BLOCK : context->flags & ~REDIS_BLOCK;
}

enum ftl_code ftl_redis_tls_start(redisContext *context, const struct ftl_redis_url *url,
                                  int timeout_ms, struct ftl_err *err)
{
    FTL_AUTO(ssl) SSL *ssl = NULL;
    if (new_session(url, &ssl, err) != FTL_OK) {
        return err->code;
    }
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                    .tv_usec = (timeout_ms % 1000) * 1000L};
    set_blocking(context, true);
    int result = redisSetTimeout(context, timeout);
    if (result == REDIS_OK) {
        result = redisInitiateSSL(context, ssl);
        if (result == REDIS_OK) {
            (void)FTL_TAKE(ssl); /* the connection owns it now */
        }
    }
    if (result != REDIS_OK) {
        return ftl_fail(err, FTL_QUEUE, "redis: TLS handshake: %.200s", context->errstr);
    }
    set_blocking(context, false);
    return FTL_OK;
}

#else

bool ftl_redis_has_tls(void)
{
    return false;
}

enum ftl_code ftl_redis_tls_start(redisContext *context, const struct ftl_redis_url *url,
                                  int timeout_ms, struct ftl_err *err)
{
    (void)context;
    (void)url;
    (void)timeout_ms;
    return ftl_fail(err, FTL_UNSUPPORTED, "rediss:// needs a hiredis with TLS, this one has none");
}

#endif
