/* Quantities as people write them: "1:30", "10MB", "16:9", "#f80". Each takes the whole text, is
 * the same in every locale, and leaves *ret alone when it returns false. Ranges are the caller's.
 */
#ifndef FETTLE_BASE_QUANTITY_H
#define FETTLE_BASE_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>
#include <fettle/value.h>

/* Seconds: "90", "1.5s", "250ms", "5m", "24h", "7d", "mm:ss.ms", "hh:mm:ss.ms". */
bool ftl_duration_parse(const char *text, double *ret_s) FTL_CHECK;

/* A duration, or "50%". */
bool ftl_time_parse(const char *text, struct ftl_time *ret) FTL_CHECK;

/* "4096", "10MB", "1.5GiB": k, M, G, T are powers of 1000 and Ki, Mi, Gi, Ti of 1024; the B may be
 * left out. */
bool ftl_bytes_parse(const char *text, int64_t *ret) FTL_CHECK;

/* Bits a second: "128000", "128k", "2.5M". */
bool ftl_bitrate_parse(const char *text, int64_t *ret) FTL_CHECK;

/* "1280x720", both > 0. */
bool ftl_size_parse(const char *text, struct ftl_size *ret) FTL_CHECK;

/* "9:16", "1.85:1", "1.7778"; in lowest terms, between 1:100 and 100:1. A plain decimal becomes the
 * simplest fraction within 0.005 %, so that 1.7778 is 16:9. */
bool ftl_ratio_parse(const char *text, struct ftl_rational *ret) FTL_CHECK;
bool ftl_ratio_from_number(double number, struct ftl_rational *ret) FTL_CHECK;

/* Frames a second: "30", "30000/1001", "29.97" (the NTSC forms snap to n*1000/1001). */
bool ftl_rate_parse(const char *text, struct ftl_rational *ret) FTL_CHECK;
bool ftl_rate_from_number(double number, struct ftl_rational *ret) FTL_CHECK;

/* "24", "24px", "4%". */
bool ftl_length_parse(const char *text, struct ftl_length *ret) FTL_CHECK;

/* "#rgb", "#rrggbb", "#rrggbbaa", a CSS basic colour name or "transparent". */
bool ftl_colour_parse(const char *text, struct ftl_colour *ret) FTL_CHECK;

#endif
