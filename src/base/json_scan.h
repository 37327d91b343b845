/* The grammar check that runs before cJSON sees a document; see json.h. */
#ifndef FETTLE_BASE_JSON_SCAN_H
#define FETTLE_BASE_JSON_SCAN_H

#include <stddef.h>

#include <fettle/err.h>

#include "base/json.h"

/* Checks `length` bytes (followed by a NUL) against RFC 8259 and `limits`, whose fields are all
 * set. With stop_member > 0 it fails at that member (counted through the whole document, from 1) as
 * a duplicate: so a second scan finds the line and column that cJSON's tree does not keep. */
enum ftl_code ftl_json_scan(const char *text, size_t length, const struct ftl_json_limits *limits,
                            size_t stop_member, struct ftl_err *err) FTL_CHECK;

#endif
