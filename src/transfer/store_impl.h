/* What a kind of store implements. An implementation embeds struct ftl_store as its first member.
 */
#ifndef FETTLE_TRANSFER_STORE_IMPL_H
#define FETTLE_TRANSFER_STORE_IMPL_H

#include "transfer/store.h"

struct ftl_store_ops {
    const char *scheme; /* of the target: "file"; also used for plain paths */
    enum ftl_code (*check)(const char *to, const struct ftl_store_config *config,
                           struct ftl_err *err); /* by the name alone */
    enum ftl_code (*open)(const char *to, const struct ftl_store_config *config,
                          struct ftl_store **ret, struct ftl_err *err);
    enum ftl_code (*put)(struct ftl_store *store, const struct ftl_store_object *object,
                         struct ftl_stored *ret, struct ftl_err *err);
    enum ftl_code (*commit)(struct ftl_store *store, struct ftl_err *err);
    void (*abort)(struct ftl_store *store); /* after put or a failed commit, also twice */
    void (*free)(struct ftl_store *store);
};

struct ftl_store {
    const struct ftl_store_ops *ops;
    bool is_committed;
};

extern const struct ftl_store_ops ftl_store_dir_ops;

#endif
