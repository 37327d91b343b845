/* The Lua scripts under lua/, embedded at build time: one script, one atomic step of the protocol.
 * Each takes the base of the queue's keys ("bull:video:") as KEYS[1]; its ARGV are said at its top.
 */
#ifndef FETTLE_QUEUE_SCRIPTS_H
#define FETTLE_QUEUE_SCRIPTS_H

#include <stddef.h>

struct ftl_script {
    const char *name;
    const char *sha1; /* hex */
    const char *text;
    size_t length;
};

extern const struct ftl_script ftl_script_add, ftl_script_counts, ftl_script_delay,
    ftl_script_extend, ftl_script_fetch, ftl_script_finish, ftl_script_log, ftl_script_progress,
    ftl_script_reclaim, ftl_script_resolve, ftl_script_retry, ftl_script_set_data, ftl_script_show,
    ftl_script_stalled, ftl_script_to_wait;

#endif
