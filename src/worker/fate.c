#include "worker/fate.h"

#include <stdio.h>
#include <string.h>

static const char data_key[] = "fettle";

enum { RELEASE_DELAY_MS = 5000 };

struct ftl_fate ftl_fate_of(const struct ftl_err *cause, enum ftl_cancel_reason state,
                            int handovers)
{
    if (state == FTL_CANCEL_LEASE_LOST) {
        return (struct ftl_fate){.kind = FTL_FATE_ABANDON};
    }
    bool is_stopping = state == FTL_CANCEL_SHUTDOWN && cause->code == FTL_CANCELLED;
    if (!is_stopping && cause->retry != FTL_RETRY_ELSEWHERE) {
        return (struct ftl_fate){.kind = FTL_FATE_FAIL, .retry = cause->retry};
    }
    if (handovers >= FTL_HANDOVERS_MAX) {
        return (struct ftl_fate){.kind = FTL_FATE_FAIL, .retry = FTL_RETRY_LATER};
    }
    return (struct ftl_fate){.kind = FTL_FATE_RELEASE,
                             .delay_ms = is_stopping ? 0 : RELEASE_DELAY_MS,
                             .handovers = handovers + 1};
}

int ftl_handovers_get(const cJSON *data)
{
    int64_t count = ftl_json_int64(ftl_json_get(data, data_key), "handovers", 0);
    if (count < 0) {
        return 0;
    }
    return count > FTL_HANDOVERS_MAX ? FTL_HANDOVERS_MAX : (int)count;
}

void ftl_handovers_set(cJSON *data, int count)
{
    cJSON *own = cJSON_DetachItemFromObjectCaseSensitive(data, data_key);
    if (!cJSON_IsObject(own)) {
        cJSON_Delete(own);
        own = ftl_json_object();
    }
    cJSON_DeleteItemFromObjectCaseSensitive(own, "handovers");
    ftl_json_add_int64(own, "handovers", count);
    ftl_json_add(data, data_key, own);
}

void ftl_reason_print(const struct ftl_err *cause, char *to, size_t size)
{
    (void)snprintf(to, size, "%s%s%s: %s", ftl_code_name(cause->code),
                   cause->where[0] != '\0' ? " " : "", cause->where, cause->msg); /* may be cut */
}

void ftl_reason_print_all(const struct ftl_opt_errors *errors, char *to, size_t size)
{
    enum { ROOM_FOR_MORE = 32 };
    size_t held = errors->count < FTL_OPT_MAX_ERRORS ? errors->count : FTL_OPT_MAX_ERRORS;
    size_t at = 0;
    size_t shown = 0;
    for (; shown < held && at < size; shown++) {
        const struct ftl_err *one = &errors->list[shown];
        size_t room = size - at;
        int used = snprintf(to + at, room, "%s%s%s%s", shown > 0 ? "; " : "", one->where,
                            one->where[0] != '\0' ? ": " : "", one->msg);
        bool is_last = shown + 1 == errors->count;
        if (shown > 0 && (size_t)used + (is_last ? 0 : ROOM_FOR_MORE) >= room) {
            break; /* overwritten below */
        }
        at += (size_t)used;
    }
    if (shown < errors->count && at < size) {
        (void)snprintf(to + at, size - at, "; and %zu more", errors->count - shown); /* fits */
    }
}
