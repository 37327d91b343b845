/* Frames at any times become frames at a constant rate: says how often each is shown. Works on
 * numbers only; the caller holds the one frame whose length is not known yet. */
#ifndef FETTLE_MEDIA_CADENCE_H
#define FETTLE_MEDIA_CADENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/value.h>

struct ftl_cadence {
    double rate;  /* output frames per second */
    int64_t slot; /* of the held frame: output frames before it */
    bool has_held;
    double held_at; /* where the held frame starts, in slots */
    int64_t frames_in, duplicated, dropped;
};

void ftl_cadence_init(struct ftl_cadence *cadence, struct ftl_rational rate);

/* A frame starts at start_s: how often the frame held before it is shown (0 = dropped), beginning
 * at output frame `slot` as it was before the call. The new frame is then the held one. The first
 * frame also fills the time before it. */
int64_t ftl_cadence_step(struct ftl_cadence *cadence, double start_s);

/* The last frame ends at end_s: how often it is shown; at least once when it is the only one. */
int64_t ftl_cadence_end(struct ftl_cadence *cadence, double end_s);

#endif
