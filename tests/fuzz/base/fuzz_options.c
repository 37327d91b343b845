/* Any document against a table of every kind: what is taken prints and reads back as the same; what
 * is refused leaves the target alone. A line that is not JSON goes to an option as a flag's text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "every_kind.h"

/* NOLINTBEGIN(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
/* NOLINTEND(readability-identifier-naming) */

enum { ARENA_BYTES = 1 << 22 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Padding included: nothing at all may have been written. */
static bool is_same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void print(const struct every *every, bool only_changed, struct ftl_str *ret)
{
    FTL_AUTO(json) cJSON *json = ftl_opt_print(&every_table, every, only_changed, true);
    must(json != NULL);
    ftl_str_clear(ret);
    ftl_json_print(json, false, ret);
}

static void check_round_trip(const struct every *every, bool only_changed)
{
    FTL_AUTO_STR struct ftl_str first = FTL_STR_INIT(16 << 20);
    FTL_AUTO_STR struct ftl_str second = FTL_STR_INIT(16 << 20);
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_BYTES);
    must(arena != NULL);
    print(every, only_changed, &first);
    struct ftl_err err = {0};
    FTL_AUTO(json) cJSON *json = NULL;
    const struct ftl_json_limits limits = {.bytes = 16 << 20, .depth = 20};
    must(ftl_json_parse(first.text, first.length, &limits, &json, &err) == FTL_OK);
    struct every again = {0};
    struct ftl_opt_errors errors = {0};
    must(ftl_opt_parse(&every_table, json, "", arena, &again, &errors) == FTL_OK);
    print(every, false, &first);
    print(&again, false, &second);
    must(strcmp(first.text, second.text) == 0);
}

static void count_input(void *opaque, struct ftl_input_ref *ref, const char *where)
{
    size_t *count = opaque;
    must(where[0] == '/' && (ref->text != NULL) != (ref->source != NULL));
    *count += 1;
}

static void check_document(const cJSON *json, struct ftl_arena *arena)
{
    struct every every;
    struct every untouched;
    memset(&every, 0x5a, sizeof(every));
    memset(&untouched, 0x5a, sizeof(untouched));
    struct ftl_opt_errors errors = {0};
    if (ftl_opt_parse(&every_table, json, "", arena, &every, &errors) != FTL_OK) {
        must(errors.count > 0 && is_same(&every, &untouched, sizeof(every)));
        for (size_t i = 0; i < errors.count && i < FTL_OPT_MAX_ERRORS; i++) {
            must(errors.list[i].code != FTL_OK && errors.list[i].msg[0] != '\0');
        }
        return;
    }
    size_t inputs = 0;
    ftl_opt_each_input(&every_table, &every, "", count_input, &inputs);
    check_round_trip(&every, false);
    check_round_trip(&every, true);
}

/* "name=text" */
static void check_flag(const char *bytes, size_t length, struct ftl_arena *arena)
{
    const char *line = ftl_arena_strndup(arena, bytes, length);
    must(line != NULL);
    size_t split = strcspn(line, "=");
    if (line[split] != '=') {
        return;
    }
    const char *name = ftl_arena_strndup(arena, line, split);
    must(name != NULL);
    struct every every = every_defaults;
    struct ftl_err err = {0};
    if (ftl_opt_set_text(&every_table, name, line + split + 1, arena, &every, &err) == FTL_OK) {
        check_round_trip(&every, true);
    } else {
        must(is_same(&every, &every_defaults, sizeof(every)) && err.msg[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length > 65536) {
        return 0; /* longer documents are refused before any table sees them */
    }
    struct ftl_err err = {0};
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_BYTES);
    must(arena != NULL);
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse((const char *)bytes, length, NULL, &json, &err) == FTL_OK) {
        check_document(json, arena);
    } else {
        check_flag((const char *)bytes, length, arena);
    }
    return 0;
}
