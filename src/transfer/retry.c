#include "transfer/retry.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>
#include <time.h>

#include <curl/curl.h>

#include "base/clock.h"

static const int64_t day_ms = 24 * 3600 * 1000;

int64_t ftl_retry_after_parse(const char *text, int64_t now_wall_ms)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    if (*text >= '0' && *text <= '9') {
        int64_t seconds = 0;
        for (; *text >= '0' && *text <= '9'; text++) {
            seconds = seconds * 10 + (*text - '0');
            if (seconds > day_ms / 1000) {
                return day_ms;
            }
        }
        while (*text == ' ' || *text == '\t') {
            text++;
        }
        return *text == '\0' ? seconds * 1000 : -1;
    }
    time_t date = curl_getdate(text, NULL);
    if (date == (time_t)-1) {
        return -1;
    }
    int64_t wait_ms = (int64_t)date * 1000 - now_wall_ms;
    if (wait_ms < 0) {
        return 0;
    }
    return wait_ms > day_ms ? day_ms : wait_ms;
}

int64_t ftl_backoff_ms(int attempt, int64_t base_ms, int64_t most_ms, uint32_t random)
{
    int64_t whole = base_ms;
    for (int i = 1; i < attempt && whole < most_ms; i++) {
        whole *= 2;
    }
    if (whole > most_ms) {
        whole = most_ms;
    }
    int64_t half = whole / 2;
    return half + (int64_t)((double)(whole - half) * ((double)random / (double)UINT32_MAX));
}

uint32_t ftl_random32(void)
{
    uint32_t value = 0;
    if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value)) {
        value = (uint32_t)ftl_mono_us(); /* jitter, not secrecy */
    }
    return value;
}

enum ftl_code ftl_pause_ms(struct ftl_cancel *cancel, int64_t ms, struct ftl_err *err)
{
    int64_t end = ftl_mono_ms() + ms;
    for (;;) {
        if (ftl_cancel_check(cancel, err) != FTL_OK) {
            return err->code;
        }
        int64_t left = end - ftl_mono_ms();
        if (left <= 0) {
            return FTL_OK;
        }
        int deadline = ftl_cancel_timeout_ms(cancel);
        if (deadline >= 0 && deadline < left) {
            left = deadline;
        }
        struct pollfd wait = {.fd = ftl_cancel_fd(cancel), .events = POLLIN};
        if (poll(&wait, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR) {
            return ftl_fail_errno(err, FTL_INTERNAL, errno, "poll");
        }
    }
}
