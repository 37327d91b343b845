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
    int64_t turn = cadence->slot + llround(end - cadence->held_at);
    int64_t target = fabs(end - (double)turn) < slack ? turn : llround(end);
    int64_t count = target - cadence->slot;
    /* However short a last frame says it is: on its own turn it is shown. */
    bool is_on_turn = fabs(cadence->held_at - (double)cadence->slot) < slack / 3;
    if (count < 1 && (is_on_turn || cadence->slot == 0)) {
        count = 1;
    }
    cadence->has_held = false;
    return show(cadence, count);
}
