/* The encoded sound of one output, handed from the audio pass to the writer: made in one thread,
 * read in another once it is ready. */
#ifndef FETTLE_MEDIA_SOUND_H
#define FETTLE_MEDIA_SOUND_H

#include <pthread.h>
#include <stdbool.h>

#include <libavutil/rational.h>

#include <fettle/value.h>

#include "media/output.h"

struct AVCodecParameters;

struct ftl_sound {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_done;       /* under mutex */
    struct ftl_err err; /* under mutex; code OK = the fields below are filled and constant */
    struct AVCodecParameters *params;
    AVRational time_base;
    struct ftl_packets packets;
    struct ftl_loudness loudness; /* of the packets decoded again */
    int passes;                   /* encodes it took */
    int64_t samples;              /* per channel that went into the encoder */
};

void ftl_sound_init(struct ftl_sound *sound);
void ftl_sound_done(struct ftl_sound *sound); /* frees; only once no thread uses it */

/* From the making thread, once: `err` NULL = ready. */
void ftl_sound_set(struct ftl_sound *sound, const struct ftl_err *err);

bool ftl_sound_is_ready(struct ftl_sound *sound); /* does not block; true also when it failed */

/* Blocks until it is there; the maker's error if it failed. */
enum ftl_code ftl_sound_wait(struct ftl_sound *sound, struct ftl_err *err) FTL_CHECK;

#endif
