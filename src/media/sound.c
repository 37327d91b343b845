#include "media/sound.h"

#include <libavcodec/avcodec.h>

void ftl_sound_init(struct ftl_sound *sound)
{
    *sound = (struct ftl_sound){.is_done = false};
    (void)pthread_mutex_init(&sound->mutex, NULL);
    (void)pthread_cond_init(&sound->changed, NULL);
}

void ftl_sound_done(struct ftl_sound *sound)
{
    ftl_packets_done(&sound->packets);
    avcodec_parameters_free(&sound->params);
    (void)pthread_cond_destroy(&sound->changed);
    (void)pthread_mutex_destroy(&sound->mutex);
}

void ftl_sound_set(struct ftl_sound *sound, const struct ftl_err *err)
{
    (void)pthread_mutex_lock(&sound->mutex);
    if (!sound->is_done) {
        sound->is_done = true;
        if (err != NULL) {
            sound->err = *err;
        }
    }
    (void)pthread_cond_broadcast(&sound->changed);
    (void)pthread_mutex_unlock(&sound->mutex);
}

bool ftl_sound_is_ready(struct ftl_sound *sound)
{
    (void)pthread_mutex_lock(&sound->mutex);
    bool is_done = sound->is_done;
    (void)pthread_mutex_unlock(&sound->mutex);
    return is_done;
}

enum ftl_code ftl_sound_wait(struct ftl_sound *sound, struct ftl_err *err)
{
    (void)pthread_mutex_lock(&sound->mutex);
    while (!sound->is_done) {
        (void)pthread_cond_wait(&sound->changed, &sound->mutex);
    }
    enum ftl_code code = sound->err.code;
    if (code != FTL_OK) {
        *err = sound->err;
    }
    (void)pthread_mutex_unlock(&sound->mutex);
    return code;
}
