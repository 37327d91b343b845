/* Decimal numbers as text, the same in every locale. */
#ifndef FETTLE_BASE_NUMBER_H
#define FETTLE_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/err.h>

/* Integers up to here, in absolute value, are exact in a double and in everybody's JSON. */
#define FTL_EXACT_INT_MAX INT64_C(9007199254740991)

enum { FTL_NUMBER_TEXT_SIZE = 32, FTL_NUMBER_PLAIN_SIZE = 72 };

/* Reads "[-]digits[.digits][e[+-]digits]" from the start of `text`; returns how many characters
 * that took, 0 when there is no number or it is not finite or longer than 63 characters. */
size_t ftl_number_read(const char *text, double *ret) FTL_CHECK;

/* The whole of `text` as a number, likewise. */
bool ftl_number_parse(const char *text, double *ret) FTL_CHECK;

/* The whole of `text` as "[-]digits". */
bool ftl_int64_parse(const char *text, int64_t *ret) FTL_CHECK;

/* The shortest text that reads back as the same double; "null" for NaN and infinities. */
void ftl_number_print(double number, char to[FTL_NUMBER_TEXT_SIZE]);

/* The same without an exponent, for 0 <= number < 1e6; at most 60 decimals. */
void ftl_number_print_plain(double number, char to[FTL_NUMBER_PLAIN_SIZE]);

/* The double nearest to `number` written with at most `digits` decimals. */
double ftl_number_round(double number, int digits);

/* True for a whole number within ±FTL_EXACT_INT_MAX. */
bool ftl_number_is_int(double number);

#endif
