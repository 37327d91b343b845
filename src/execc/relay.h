/* A child's log: its pipe is read without blocking, its lines are passed on to the parent's log at
 * a bounded rate, and the last 8 kB are kept for the report of a crash. Everything in it is
 * untrusted.
 */
#ifndef FETTLE_EXECC_RELAY_H
#define FETTLE_EXECC_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

enum {
    FTL_RELAY_TAIL = 8192,
    FTL_RELAY_LINE = 2048,
    FTL_RELAY_BURST = 100,     /* lines passed on at once … */
    FTL_RELAY_PER_SECOND = 10, /* … and after that */
};

struct ftl_relay {
    const struct ftl_log *log; /* may be NULL */
    char tail[FTL_RELAY_TAIL]; /* not terminated */
    size_t tail_used;
    char line[FTL_RELAY_LINE]; /* being collected; the rest of a longer one is dropped */
    size_t line_used;
    double allowance; /* lines */
    int64_t filled_ms;
    int64_t dropped;
};

struct ftl_relay ftl_relay_make(const struct ftl_log *log);

/* Reads what is there, at most 64 kB. False once the child's end is closed. */
bool ftl_relay_read(struct ftl_relay *relay, int fd);

/* Bytes of a log; ftl_relay_read is this over a descriptor. */
void ftl_relay_take(struct ftl_relay *relay, const char *bytes, size_t length);

/* Passes on what has no line end yet, says how many lines were dropped, and copies the tail:
 * terminated, control characters but line ends replaced. */
void ftl_relay_finish(struct ftl_relay *relay, char ret_tail[FTL_RELAY_TAIL]);

#endif
