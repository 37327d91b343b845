#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "transfer/retry.h"
#include "transfer/sniff.h"

static void retry_after(void **state)
{
    (void)state;
    /* Sun, 06 Nov 1994 08:49:37 GMT */
    const int64_t now = INT64_C(784111777000);
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"120", 120000},
        {"  7 ", 7000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:07 GMT", 30000},
        {"Sun, 06 Nov 1994 08:00:00 GMT", 0}, /* past */
        {"Sunday, 06-Nov-94 08:49:47 GMT", 10000},
        {"99999999999999999999", INT64_C(86400000)},
        {"Sun, 06 Nov 2094 08:49:37 GMT", INT64_C(86400000)},
        {"-5", -1},
        {"1.5", -1},
        {"5s", -1},
        {"soon", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t got = ftl_retry_after_parse(rows[i].text, now);
        if (got != rows[i].ms) {
            fail_msg("\"%s\": %lld", rows[i].text, (long long)got);
        }
    }
}

static void backoff(void **state)
{
    (void)state;
    assert_int_equal(ftl_backoff_ms(1, 500, 8000, 0), 250);
    assert_int_equal(ftl_backoff_ms(1, 500, 8000, UINT32_MAX), 500);
    assert_int_equal(ftl_backoff_ms(3, 500, 8000, UINT32_MAX), 2000);
    assert_int_equal(ftl_backoff_ms(40, 500, 8000, UINT32_MAX), 8000);
    assert_int_equal(ftl_backoff_ms(40, 500, 8000, 0), 4000);
}

static void pause_is_cancelled(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    assert_int_equal(ftl_pause_ms(NULL, 1, &err), FTL_OK);
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, 0);
    ftl_cancel_set(cancel, FTL_CANCEL_USER);
    int64_t start = ftl_mono_ms();
    assert_int_equal(ftl_pause_ms(cancel, 60000, &err), FTL_CANCELLED);
    FTL_AUTO(cancel) struct ftl_cancel *late = ftl_cancel_new(NULL, ftl_mono_ms() + 20);
    assert_int_equal(ftl_pause_ms(late, 60000, &err), FTL_TIMEOUT);
    assert_true(ftl_mono_ms() - start < 5000);
}

static void sniffing(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *page;
    } rows[] = {
        {"<!DOCTYPE html><html>", "an HTML page"},
        {"\n  <html lang=en>", "an HTML page"},
        {"\xef\xbb\xbf<HTML>", "an HTML page"},
        {"<?xml version='1.0'?><html xmlns=x>", "an HTML page"},
        {"<?xml version='1.0'?><Error><Code>", "an XML document"},
        {"<Error><Code>AccessDenied", "an XML document"},
        {"{\"error\": \"expired\"}", "a JSON document"},
        {" {\n \"detail\": 1}", "a JSON document"},
        {"[{\"a\":1}]", "a JSON document"},
        {"{}", "a JSON document"},
        {"[ar:Artist]\n[00:12.00]Line", NULL}, /* lyrics */
        {"[Script Info]", NULL},               /* ASS */
        {"{1}{25}text", NULL},                 /* MicroDVD */
        {"<svg xmlns=", NULL},
        {"WEBVTT\n", NULL},
        {"#EXTM3U\n", NULL},
        {"RIFF....WEBP", NULL},
        {"\x89PNG\r\n", NULL},
        {"{", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *page = ftl_sniff_page(rows[i].bytes, strlen(rows[i].bytes));
        if ((page == NULL) != (rows[i].page == NULL) ||
            (page != NULL && strcmp(page, rows[i].page) != 0)) {
            fail_msg("row %zu: %s", i, page != NULL ? page : "media");
        }
    }
    assert_null(ftl_sniff_page("\0\0\0 ftypisom", 12));
    assert_null(ftl_sniff_page("{\0", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after),
        cmocka_unit_test(backoff),
        cmocka_unit_test(pause_is_cancelled),
        cmocka_unit_test(sniffing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
