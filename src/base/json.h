/* Strict JSON over cJSON. cJSON alone keeps duplicate keys, matches names regardless of case,
 * rounds integers and accepts bad UTF-8; this layer refuses such documents before anything reads
 * them. */
#ifndef FETTLE_BASE_JSON_H
#define FETTLE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <fettle/err.h>

#include "base/auto.h"
#include "base/str.h"

struct ftl_json_limits {
    size_t bytes;  /* longest document; 0 = 64 KiB */
    size_t string; /* longest string, bytes; 0 = 64 KiB */
    int depth;     /* 0 = 16 */
};

/* Parses one document. SPEC with line and column (RFC 8259 syntax, UTF-8, no U+0000, no duplicate
 * member, no number that is not finite), LIMIT when over a bound. The caller frees *ret with
 * cJSON_Delete. */
enum ftl_code ftl_json_parse(const char *text, size_t length, const struct ftl_json_limits *limits,
                             cJSON **ret, struct ftl_err *err) FTL_CHECK;

/* Case-sensitive member; NULL if absent or `object` is not an object (or NULL). */
const cJSON *ftl_json_get(const cJSON *object, const char *name);
/* RFC 6901 pointer, "" is the document itself; NULL if nothing is there. */
const cJSON *ftl_json_at(const cJSON *document, const char *pointer);

const char *ftl_json_string(const cJSON *object, const char *name, const char *otherwise);
double ftl_json_number(const cJSON *object, const char *name, double otherwise);
int64_t ftl_json_int64(const cJSON *object, const char *name,
                       int64_t otherwise); /* also from "123" */
bool ftl_json_bool(const cJSON *object, const char *name, bool otherwise);

/* Building. Each adds to `object`; out of memory aborts (small allocations). Integers beyond 2^53
 * become strings. Doubles print with at most `digits` decimals and without a tail of zeros; NaN and
 * infinities become null. */
void ftl_json_add_string(cJSON *object, const char *name, const char *text);
void ftl_json_add_int64(cJSON *object, const char *name, int64_t value);
void ftl_json_add_double(cJSON *object, const char *name, double value, int digits);
void ftl_json_add_bool(cJSON *object, const char *name, bool value);
/* Takes `item` over, also on failure. */
void ftl_json_add(cJSON *object, const char *name, cJSON *item);
cJSON *ftl_json_from_int64(int64_t value);       /* NULL = no memory */
cJSON *ftl_json_object(void);                    /* never NULL */
cJSON *ftl_json_array(void);                     /* never NULL */
void ftl_json_append(cJSON *array, cJSON *item); /* takes item over */

/* One line, or indented by two spaces. Appends to *ret. */
void ftl_json_print(const cJSON *json, bool is_pretty, struct ftl_str *ret);

/* Appends `text` as a JSON string with quotes; bytes that are not UTF-8 become U+FFFD. */
void ftl_json_quote(struct ftl_str *ret, const char *text, size_t length);

/* Appends `name` to an RFC 6901 pointer, escaping ~ and /. Cut when it does not fit. */
void ftl_json_pointer_add(char *pointer, size_t size, const char *name);
void ftl_json_pointer_index(char *pointer, size_t size, size_t index);

FTL_AUTO_DEFINE(json, cJSON, cJSON_Delete);

#endif
