/* A queue's settings, checked, with defaults filled in, and owned. */
#ifndef FETTLE_QUEUE_CONFIG_H
#define FETTLE_QUEUE_CONFIG_H

#include "queue/queue.h"

struct ftl_queue_settings {
    struct ftl_queue_config config; /* its texts belong to this struct */
    char *base;                     /* "bull:video:" */
    char *client_name;              /* of the blocking connection */
};

/* SPEC for a queue name that BullMQ refuses. Nothing to clean up on failure. */
enum ftl_code ftl_queue_settings_init(struct ftl_queue_settings *settings,
                                      const struct ftl_queue_config *config,
                                      struct ftl_err *err) FTL_CHECK;
void ftl_queue_settings_done(struct ftl_queue_settings *settings); /* wipes the URL */

/* "auto", "v5" or "v6", as the scripts want it. */
const char *ftl_pause_mode_name(enum ftl_pause_mode mode);

#endif
