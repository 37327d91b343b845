#include "media/cadence.h"

#include <math.h>

/* How far, in output frames, a frame may be from its turn before one is repeated or left out. More
 * than half, so that jitter round the half never causes both in turn. */
static const double slack = 0.75;

void ftl_cadence_init(struct ftl_cadence *cadence, struct ftl_rational rate)
{
    *cadence = (struct ftl_cadence){.rate = ftl_rational_to_double(rate)};
}

static int64_t show(struct ftl_cadence *cadence, int64_t count)
{
    if (count <= 0) {
        cadence->dropped++;
        return 0;
    }
    cadence->duplicated += count - 1;
    cadence->slot += count;
    return count;
}

int64_t ftl_cadence_step(struct ftl_cadence *cadence, double start_s)
{
    double at = start_s * cadence->rate;
    int64_t count = 0;
    if (cadence->has_held) {
        int64_t turn = cadence->slot + 1;
        int64_t target = fabs(at - (double)turn) < slack ? turn : llround(at);
        count = show(cadence, target - cadence->slot);
    }
    cadence->has_held = true;
    cadence->held_at = at;
    cadence->frames_in++;
    return count;
}

int64_t ftl_cadence_end(struct ftl_cadence *cadence, double end_s)
{
    if (!cadence->has_held) {
        return 0;
    }
    double end = end_s * cadence->rate;
    double length = end - cadence->held_at;
    /* A frame near its own turn lasts what it says; one that only rounds up to the end does not. */
    bool is_on_turn = length >= slack && fabs(cadence->held_at - (double)cadence->slot) < slack;
    int64_t count = is_on_turn ? llround(length) : llround(end) - cadence->slot;
    if (count < 1 && (is_on_turn || cadence->slot == 0)) {
        count = 1;
    }
    cadence->has_held = false;
    return show(cadence, count);
}
