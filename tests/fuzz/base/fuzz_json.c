/* Any bytes as a JSON document: what is taken prints, and the print reads back as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* NOLINTBEGIN(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
/* NOLINTEND(readability-identifier-naming) */

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_document(const cJSON *json, bool is_pretty)
{
    const struct ftl_json_limits limits = {.bytes = 16 << 20, .string = 4 << 20};
    FTL_AUTO_STR struct ftl_str first = FTL_STR_INIT(16 << 20);
    FTL_AUTO_STR struct ftl_str second = FTL_STR_INIT(16 << 20);
    ftl_json_print(json, is_pretty, &first);
    must(ftl_is_utf8(first.text, first.length));
    struct ftl_err err = {0};
    FTL_AUTO(json) cJSON *again = NULL;
    must(ftl_json_parse(first.text, first.length, &limits, &again, &err) == FTL_OK);
    ftl_json_print(again, is_pretty, &second);
    must(strcmp(first.text, second.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct ftl_err err = {0};
    FTL_AUTO(json) cJSON *json = NULL;
    enum ftl_code code = ftl_json_parse((const char *)bytes, length, NULL, &json, &err);
    if (code == FTL_OK) {
        check_document(json, false);
        check_document(json, true);
    } else {
        must(json == NULL && err.code == code && err.msg[0] != '\0');
        must(code == FTL_SPEC || code == FTL_LIMIT);
    }
    return 0;
}
