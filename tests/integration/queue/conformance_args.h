/* Command line of conformance_worker. */
#ifndef FETTLE_TESTS_CONFORMANCE_ARGS_H
#define FETTLE_TESTS_CONFORMANCE_ARGS_H

#include <stdbool.h>

#include "queue/queue.h"

struct conformance_args {
    struct ftl_queue_config config; /* texts point into argv */
    int concurrency;
    bool is_separate; /* fetch in a call of its own instead of with the end of the job before */
};

/* False, with a line on stderr, when something is not understood. */
bool conformance_args_parse(int argc, char **argv, struct conformance_args *ret);

#endif
