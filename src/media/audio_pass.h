/* The sound of one run: measured where a filter wants it, filtered, encoded, decoded again and
 * corrected until the encoded sound is what was asked for; ready before the picture needs it. Runs
 * in any one thread; its check and warn are called there. */
#ifndef FETTLE_MEDIA_AUDIO_PASS_H
#define FETTLE_MEDIA_AUDIO_PASS_H

#include <fettle/plan.h>

#include "media/reel.h"
#include "media/sound.h"

struct ftl_audio_pass_config {
    const struct ftl_plan *plan; /* borrowed, like all of these */
    const struct ftl_plan_run *run;
    const int *input_fds;
    const struct ftl_limits *limits;
    double zero_s; /* of the main input's timeline */
    struct ftl_check check;
    void (*warn)(void *opaque, const char *where, const char *text);
    void *warn_opaque;
};

struct ftl_audio_pass_result {
    struct ftl_loudness source; /* as it reached the first filter that asked */
    double gain_db;
    char method[24];
    double measure_s, encode_s;
    struct ftl_reel_stats stats;
};

enum { FTL_AUDIO_CORRECTIONS_MAX = 3 };

/* sounds[i] belongs to run->outputs[i]; those without sound are left alone. Every other one is set
 * (ftl_sound_set), to the error if there is one. */
enum ftl_code ftl_audio_pass_run(const struct ftl_audio_pass_config *config,
                                 struct ftl_sound *sounds, struct ftl_audio_pass_result *ret,
                                 struct ftl_err *err) FTL_CHECK;

#endif
