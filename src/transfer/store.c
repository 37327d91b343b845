#include "transfer/store.h"

#include <string.h>

#include "base/str.h"
#include "transfer/store_impl.h"

static const struct ftl_store_ops *const kinds[] = {&ftl_store_dir_ops};

/* "." and ".." as a part, empty parts, control bytes, hidden parts (they could name our own
 * temporaries). */
static bool name_is_safe(const char *name)
{
    if (name[0] == '\0' || strnlen(name, 1024) == 1024 || !ftl_is_utf8(name, strlen(name))) {
        return false;
    }
    bool is_part_start = true;
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '\\') {
            return false;
        }
        if (is_part_start && (*c == '/' || *c == '.')) {
            return false;
        }
        is_part_start = *c == '/';
    }
    return !is_part_start;
}

/* The kind of store for a target, and the target as that kind takes it. */
static enum ftl_code find_kind(const char *to, const struct ftl_store_ops **ret_kind,
                               const char **ret_target, struct ftl_err *err)
{
    const char *mark = strstr(to, "://");
    if (to[0] == '\0') {
        return ftl_fail(err, FTL_SPEC, "the target is empty");
    }
    if (mark == NULL) {
        *ret_kind = &ftl_store_dir_ops;
        *ret_target = to;
        return FTL_OK;
    }
    size_t length = (size_t)(mark - to);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strlen(kinds[i]->scheme) == length && strncmp(kinds[i]->scheme, to, length) == 0) {
            *ret_kind = kinds[i];
            *ret_target = mark + 3;
            return FTL_OK;
        }
    }
    return ftl_fail(err, FTL_UNSUPPORTED, "this build cannot deliver to \"%.*s://\"",
                    length > 16 ? 16 : (int)length, to);
}

enum ftl_code ftl_store_check(const char *to, const struct ftl_store_config *config,
                              struct ftl_err *err)
{
    const struct ftl_store_ops *kind = NULL;
    const char *target = NULL;
    if (find_kind(to, &kind, &target, err) != FTL_OK) {
        return err->code;
    }
    return kind->check(target, config, err);
}

enum ftl_code ftl_store_open(const char *to, const struct ftl_store_config *config,
                             struct ftl_store **ret, struct ftl_err *err)
{
    const struct ftl_store_ops *kind = NULL;
    const char *target = NULL;
    if (find_kind(to, &kind, &target, err) != FTL_OK) {
        return err->code;
    }
    return kind->open(target, config, ret, err);
}

enum ftl_code ftl_store_put(struct ftl_store *store, const struct ftl_store_object *object,
                            struct ftl_stored *ret, struct ftl_err *err)
{
    if (!name_is_safe(object->name)) {
        (void)ftl_fail(err, FTL_STORE, "\"%.100s\" is not a name a file may be delivered under",
                       object->name);
        err->retry = FTL_RETRY_NEVER;
        return err->code;
    }
    return store->ops->put(store, object, ret, err);
}

enum ftl_code ftl_store_commit(struct ftl_store *store, struct ftl_err *err)
{
    if (store->ops->commit(store, err) != FTL_OK) {
        store->ops->abort(store);
        return err->code;
    }
    store->is_committed = true;
    return FTL_OK;
}

void ftl_store_abort(struct ftl_store *store)
{
    if (!store->is_committed) {
        store->ops->abort(store);
    }
}

void ftl_store_close(struct ftl_store *store)
{
    if (store == NULL) {
        return;
    }
    ftl_store_abort(store);
    (store->ops->free)(store);
}
