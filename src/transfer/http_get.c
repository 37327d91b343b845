#include "transfer/http_get.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "transfer/retry.h"
#include "transfer/url.h"

enum { HEADERS_MAX_BYTES = 256 * 1024, POLL_MS = 1000, BUFFER_BYTES = 128 * 1024 };

struct ftl_http {
    CURLM *multi;
    CURL *easy;
};

/* One call of ftl_http_get. */
struct transfer {
    const struct ftl_http_get *get;
    CURL *easy;
    struct ftl_origin origin;
    struct ftl_http_reply *reply;
    struct ftl_err *err; /* of the first callback that failed */
    bool has_failed;
    bool has_reply;  /* on_reply was called */
    bool is_refused; /* the policy refused an address; refusal says why */
    struct ftl_err refusal;
    size_t header_bytes;
    int64_t body_bytes;
    int64_t span_start_ms, span_bytes; /* where the current idle span began */
    char curl_text[CURL_ERROR_SIZE];
};

static curl_socket_t on_open_socket(void *opaque, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct transfer *transfer = opaque;
    if (purpose != CURLSOCKTYPE_IPCXN) {
        return CURL_SOCKET_BAD;
    }
    /* a proxy is the operator's own endpoint, not named by a job */
    if (transfer->get->proxy == NULL &&
        ftl_url_policy_check_address(transfer->get->policy, transfer->origin.host, &address->addr,
                                     &transfer->refusal) != FTL_OK)
    {
        transfer->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *opaque)
{
    (void)bytes;
    struct transfer *transfer = opaque;
    transfer->header_bytes += size * count;
    if (transfer->header_bytes > HEADERS_MAX_BYTES) {
        transfer->has_failed = true;
        (void)ftl_fail(transfer->err, FTL_SOURCE, "the server sends more than %d bytes of headers",
                       HEADERS_MAX_BYTES);
        return 0;
    }
    return size * count;
}

/* false if absent or longer than fits. */
static bool header_get(CURL *easy, const char *name, char *to, size_t size)
{
    struct curl_header *header = NULL;
    to[0] = '\0';
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return false;
    }
    if (!ftl_copy_text(to, size, header->value)) {
        to[0] = '\0';
        return false;
    }
    return true;
}

static int64_t digits_parse(const char **text)
{
    int64_t value = -1;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        int64_t digit = **text - '0';
        if (__builtin_mul_overflow(value < 0 ? 0 : value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
        {
            return -1;
        }
    }
    return value;
}

/* "bytes 100-199/1000", "bytes 0-9/ *" (without the blank) */
static void content_range_parse(const char *text, struct ftl_http_reply *reply)
{
    if (!ftl_starts_with(text, "bytes ")) {
        return;
    }
    text += strlen("bytes ");
    reply->range_start = digits_parse(&text);
    text += strspn(text, "-0123456789");
    if (*text == '/') {
        text++;
        reply->range_total = digits_parse(&text);
    }
}

static void media_type_clean(char *type)
{
    type[strcspn(type, "; \t")] = '\0';
    for (char *c = type; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        } else if (*c < 0x21 || *c > 0x7e) {
            *c = '?'; /* it ends up in reports and logs */
        }
    }
}

static void read_reply(struct transfer *transfer)
{
    struct ftl_http_reply *reply = transfer->reply;
    CURL *easy = transfer->easy;
    char text[128];
    long status = 0;
    curl_off_t length = -1;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 on failure */
    (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    *reply = (struct ftl_http_reply){.status = (int)status,
                                     .content_length = length,
                                     .range_start = -1,
                                     .range_total = -1,
                                     .retry_after_ms = -1};
    (void)header_get(easy, "ETag", reply->etag, sizeof(reply->etag));
    (void)header_get(easy, "Last-Modified", reply->last_modified, sizeof(reply->last_modified));
    (void)header_get(easy, "Location", reply->location, sizeof(reply->location));
    (void)header_get(easy, "Content-Type", reply->content_type, sizeof(reply->content_type));
    media_type_clean(reply->content_type);
    if (header_get(easy, "Content-Range", text, sizeof(text))) {
        content_range_parse(text, reply);
    }
    if (header_get(easy, "Retry-After", text, sizeof(text))) {
        reply->retry_after_ms = ftl_retry_after_parse(text, ftl_wall_ms());
    }
    reply->is_encoded = header_get(easy, "Content-Encoding", text, sizeof(text)) &&
                        strcasecmp(text, "identity") != 0;
}

static bool reply_once(struct transfer *transfer)
{
    if (transfer->has_reply) {
        return true;
    }
    transfer->has_reply = true;
    read_reply(transfer);
    if (transfer->get->on_reply(transfer->get->opaque, transfer->reply, transfer->err) != FTL_OK) {
        transfer->has_failed = true;
        return false;
    }
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *opaque)
{
    struct transfer *transfer = opaque;
    size_t length = size * count;
    if (!reply_once(transfer)) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (transfer->get->on_body(transfer->get->opaque, bytes, length, transfer->err) != FTL_OK) {
        transfer->has_failed = true;
        return CURL_WRITEFUNC_ERROR;
    }
    transfer->body_bytes += (int64_t)length;
    return length;
}

static bool set_up(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    const struct ftl_http_get *get = transfer->get;
    curl_easy_reset(easy); /* keeps the connections */
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad = bad != CURLE_OK ? bad : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_CURLU, get->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, get->proxy != NULL ? get->proxy : ""); /* "" = not the environment's */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a cancelled look-up is left behind, not waited for */
    SET(CURLOPT_USERAGENT, "fettle/" FTL_VERSION);
    SET(CURLOPT_ACCEPT_ENCODING, "identity");
    SET(CURLOPT_HTTPHEADER, get->headers);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)get->connect_timeout_ms);
    SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    SET(CURLOPT_ERRORBUFFER, transfer->curl_text);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, transfer);
#undef SET
    return bad == CURLE_OK;
}

static enum ftl_code check_idle(struct transfer *transfer, struct ftl_err *err)
{
    curl_off_t sent_us = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    int64_t now = ftl_mono_ms();
    if (sent_us == 0) { /* still connecting, which has its own time-out */
        transfer->span_start_ms = now;
        return FTL_OK;
    }
    int64_t span_ms = now - transfer->span_start_ms;
    if (span_ms < transfer->get->idle_timeout_ms) {
        return FTL_OK;
    }
    int64_t came = transfer->body_bytes - transfer->span_bytes;
    if (came * 1000 < span_ms * transfer->get->min_speed) {
        return ftl_fail_sub(err, FTL_NET, CURLE_OPERATION_TIMEDOUT,
                            "the server sent %lld bytes in %.1f s", (long long)came,
                            (double)span_ms / 1000.0);
    }
    transfer->span_start_ms = now;
    transfer->span_bytes = transfer->body_bytes;
    return FTL_OK;
}

static int poll_ms(const struct transfer *transfer)
{
    int64_t idle = transfer->span_start_ms + transfer->get->idle_timeout_ms - ftl_mono_ms();
    int64_t wait = POLL_MS;
    if (idle < wait) {
        wait = idle < 0 ? 0 : idle;
    }
    int deadline = ftl_cancel_timeout_ms(transfer->get->cancel);
    return deadline >= 0 && deadline < wait ? deadline : (int)wait;
}

/* Until the transfer is over, one way or the other; *ret is libcurl's verdict. */
static enum ftl_code drive(CURLM *multi, struct transfer *transfer, CURLcode *ret,
                           struct ftl_err *err)
{
    struct curl_waitfd cancel_fd = {.fd = ftl_cancel_fd(transfer->get->cancel),
                                    .events = CURL_WAIT_POLLIN};
    unsigned extra = cancel_fd.fd >= 0 ? 1 : 0;
    for (;;) {
        int running = 0;
        CURLMcode code = curl_multi_perform(multi, &running);
        if (code != CURLM_OK) {
            return ftl_fail_sub(err, FTL_INTERNAL, (int)code, "libcurl: %s",
                                curl_multi_strerror(code));
        }
        if (running == 0) {
            break;
        }
        if (ftl_cancel_check(transfer->get->cancel, err) != FTL_OK ||
            check_idle(transfer, err) != FTL_OK) {
            return err->code;
        }
        code = curl_multi_poll(multi, &cancel_fd, extra, poll_ms(transfer), NULL);
        if (code != CURLM_OK) {
            return ftl_fail_sub(err, FTL_INTERNAL, (int)code, "libcurl: %s",
                                curl_multi_strerror(code));
        }
    }
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE) {
        return ftl_fail(err, FTL_INTERNAL, "libcurl ended without a result");
    }
    *ret = message->data.result;
    return FTL_OK;
}

static enum ftl_code from_curl(const struct transfer *transfer, CURLcode code, struct ftl_err *err)
{
    const char *text =
        transfer->curl_text[0] != '\0' ? transfer->curl_text : curl_easy_strerror(code);
    switch (code) {
    case CURLE_PARTIAL_FILE:
        return ftl_fail_sub(err, FTL_TRUNCATED, (int)code,
                            "the connection closed after %lld bytes, before the declared end",
                            (long long)transfer->body_bytes);
    case CURLE_OUT_OF_MEMORY:
        return ftl_fail(err, FTL_NOMEM, "libcurl ran out of memory");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL: /* also: the peer speaks no HTTP */
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_TOO_MANY_REDIRECTS:
        return ftl_fail_sub(err, FTL_SOURCE, (int)code, "%s", text);
    default:
        return ftl_fail_sub(err, FTL_NET, (int)code, "%s", text);
    }
}

static enum ftl_code judge(struct transfer *transfer, CURLcode code, struct ftl_err *err)
{
    if (transfer->has_failed) {
        return err->code; /* a callback filled it */
    }
    bool has_headers = code == CURLE_OK || code == CURLE_PARTIAL_FILE;
    if (has_headers && !reply_once(transfer)) { /* no body came that would have called it */
        return err->code;
    }
    if (code == CURLE_OK) {
        return FTL_OK;
    }
    if (transfer->is_refused && !transfer->has_reply &&
        (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT))
    {
        *err = transfer->refusal;
        return err->code;
    }
    return from_curl(transfer, code, err);
}

enum ftl_code ftl_http_get(struct ftl_http *http, const struct ftl_http_get *get,
                           struct ftl_http_reply *ret, struct ftl_err *err)
{
    struct transfer transfer = {.get = get, .easy = http->easy, .reply = ret, .err = err};
    *ret = (struct ftl_http_reply){.content_length = -1, .retry_after_ms = -1};
    if (ftl_url_policy_check(get->policy, get->url, err) != FTL_OK ||
        ftl_url_origin(get->url, &transfer.origin, err) != FTL_OK)
    {
        return err->code;
    }
    if (!set_up(&transfer)) {
        return ftl_fail(err, FTL_INTERNAL, "libcurl refused an option");
    }
    if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK) {
        return ftl_fail(err, FTL_NOMEM, "libcurl ran out of memory");
    }
    transfer.span_start_ms = ftl_mono_ms();
    CURLcode code = CURLE_OK;
    enum ftl_code result = drive(http->multi, &transfer, &code, err);
    (void)curl_multi_remove_handle(http->multi, http->easy); /* it is in there */
    return result == FTL_OK ? judge(&transfer, code, err) : result;
}

struct ftl_http *ftl_http_new(void)
{
    FTL_AUTO(http) struct ftl_http *http = ftl_calloc(1, sizeof(*http));
    if (http == NULL) {
        return NULL;
    }
    http->multi = curl_multi_init();
    http->easy = curl_easy_init();
    return http->multi != NULL && http->easy != NULL ? FTL_TAKE(http) : NULL;
}

void ftl_http_free(struct ftl_http *http)
{
    if (http == NULL) {
        return;
    }
    curl_easy_cleanup(http->easy);
    (void)curl_multi_cleanup(http->multi); /* nothing is left in it */
    ftl_free(http);
}
