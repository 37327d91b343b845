/* How `fettle queue` finds the queue: --redis, else the private Redis of a running `fettle up`,
 * else the usual local one. */
#ifndef FETTLE_CLI_QUEUE_CLIENT_H
#define FETTLE_CLI_QUEUE_CLIENT_H

#include "cli/cli.h"
#include "queue/queue.h"

/* `name` NULL = the first queue of the settings. */
enum ftl_code ftl_queue_client_open(const struct ftl_cli *cli, const char *name,
                                    struct ftl_queue **ret, struct ftl_err *err) FTL_CHECK;

#endif
