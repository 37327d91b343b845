/* Changing a JSON document in place, by RFC 6901 pointer. */
#ifndef FETTLE_BASE_JSON_EDIT_H
#define FETTLE_BASE_JSON_EDIT_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* Puts `fresh` in the place of `old`, a child of `parent`, keeping its member name. Takes `fresh`
 * over, also on failure (false: out of memory, or `fresh` is NULL). */
bool ftl_json_edit_replace(cJSON *parent, cJSON *old, cJSON *fresh);

/* The same by pointer; false also if nothing is there. */
bool ftl_json_edit_replace_at(cJSON *document, const char *pointer, cJSON *fresh);

#endif
