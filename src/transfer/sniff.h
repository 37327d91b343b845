/* Telling an error page from media by its first bytes. */
#ifndef FETTLE_TRANSFER_SNIFF_H
#define FETTLE_TRANSFER_SNIFF_H

#include <stddef.h>

enum { FTL_SNIFF_BYTES = 512 };

/* "an HTML page", "a JSON document", "an XML document", or NULL for anything else. `length` may be
 * less than the whole. */
const char *ftl_sniff_page(const void *bytes, size_t length);

#endif
