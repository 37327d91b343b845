#include "media/writer.h"

#include <pthread.h>
#include <time.h>

#include <libavcodec/avcodec.h>

#include "base/mem.h"
#include "base/str.h"
#include "media/av_auto.h"
#include "media/av_err.h"
#include "media/encoder.h"
#include "media/output.h"
#include "media/sound.h"

enum { QUEUE_FRAMES = 8, POLL_MS = 200, PENDING_MAX = 4096 };

struct ftl_writer {
    /* Constant once the thread runs. */
    struct ftl_writer_config config;
    pthread_t thread;
    bool has_thread;

    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    AVFrame *queue[QUEUE_FRAMES]; /* shells, a ring */
    size_t head, count;
    bool is_sent_all; /* the producer's end */
    bool is_stopped;  /* nobody wants the result any more */
    bool is_done;     /* the thread's end */
    struct ftl_err err;

    /* The thread's own while it runs; read by others after is_done. */
    struct ftl_encoder *encoder;
    struct ftl_output *output;
    AVFrame *frame;
    AVPacket *packet;
    struct ftl_packets pending; /* encoded before the sound was ready */
    int64_t frames;
    bool is_writing; /* streams are added, packets go straight to the file */
};

static enum ftl_code check_stopped(void *opaque, struct ftl_err *err)
{
    struct ftl_writer *writer = opaque;
    (void)pthread_mutex_lock(&writer->mutex);
    bool is_stopped = writer->is_stopped;
    (void)pthread_mutex_unlock(&writer->mutex);
    return is_stopped ? ftl_fail(err, FTL_CANCELLED, "stopped") : FTL_OK;
}

/* Thread side: the next frame, or the producer's end. */
static enum ftl_code take_frame(struct ftl_writer *writer, bool *ret_is_end, struct ftl_err *err)
{
    (void)pthread_mutex_lock(&writer->mutex);
    while (writer->count == 0 && !writer->is_sent_all && !writer->is_stopped) {
        (void)pthread_cond_wait(&writer->changed, &writer->mutex);
    }
    bool is_stopped = writer->is_stopped;
    *ret_is_end = writer->count == 0;
    if (writer->count > 0) {
        av_frame_move_ref(writer->frame, writer->queue[writer->head]);
        writer->head = (writer->head + 1) % QUEUE_FRAMES;
        writer->count--;
        (void)pthread_cond_broadcast(&writer->changed);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return is_stopped ? ftl_fail(err, FTL_CANCELLED, "stopped") : FTL_OK;
}

static enum ftl_code add_streams(struct ftl_writer *writer, struct ftl_err *err)
{
    struct ftl_sound *sound = writer->config.sound;
    if (writer->encoder != NULL &&
        ftl_output_add_video(writer->output, ftl_encoder_context(writer->encoder), err) != FTL_OK)
    {
        return err->code;
    }
    if (sound != NULL && ftl_output_add_audio(writer->output, sound->params, sound->time_base,
                                              &sound->packets, err) != FTL_OK)
    {
        return err->code;
    }
    writer->is_writing = true;
    for (size_t i = 0; i < writer->pending.count; i++) {
        if (ftl_output_write(writer->output, writer->pending.items[i], err) != FTL_OK) {
            return err->code;
        }
    }
    ftl_packets_done(&writer->pending);
    return FTL_OK;
}

/* The container's header names both streams, so packets wait while the sound is being made. */
static enum ftl_code write_packet(struct ftl_writer *writer, struct ftl_err *err)
{
    struct ftl_sound *sound = writer->config.sound;
    if (!writer->is_writing) {
        bool must_wait = sound != NULL && writer->pending.count >= PENDING_MAX;
        if (sound != NULL && !must_wait && !ftl_sound_is_ready(sound)) {
            return ftl_packets_add(&writer->pending, writer->packet, err);
        }
        if ((sound != NULL && ftl_sound_wait(sound, err) != FTL_OK) ||
            add_streams(writer, err) != FTL_OK) {
            return err->code;
        }
    }
    return ftl_output_write(writer->output, writer->packet, err);
}

static enum ftl_code encode(struct ftl_writer *writer, const AVFrame *frame, struct ftl_err *err)
{
    if (writer->encoder == NULL) {
        bool has_global_header = ftl_output_has_global_header(writer->config.output->container);
        if (ftl_encoder_open_video(&writer->config.output->video, has_global_header,
                                   &writer->encoder, err) != FTL_OK)
        {
            return err->code;
        }
    }
    if (ftl_encoder_send(writer->encoder, frame, err) != FTL_OK) {
        return err->code;
    }
    writer->frames += frame != NULL ? 1 : 0;
    for (;;) {
        enum ftl_flow flow = FTL_FLOW_END;
        if (ftl_encoder_receive(writer->encoder, writer->packet, &flow, err) != FTL_OK) {
            return err->code;
        }
        if (flow != FTL_FLOW_FRAME) {
            return FTL_OK;
        }
        if (write_packet(writer, err) != FTL_OK) {
            return err->code;
        }
    }
}

static enum ftl_code encode_video(struct ftl_writer *writer, struct ftl_err *err)
{
    for (;;) {
        bool is_end = false;
        if (take_frame(writer, &is_end, err) != FTL_OK) {
            return err->code;
        }
        if (is_end) {
            break;
        }
        writer->frame->pict_type = AV_PICTURE_TYPE_NONE; /* the source's types are not ours */
        enum ftl_code code = encode(writer, writer->frame, err);
        av_frame_unref(writer->frame);
        if (code != FTL_OK) {
            return code;
        }
    }
    return writer->frames > 0 ? encode(writer, NULL, err)
                              : ftl_fail(err, FTL_INPUT, "no picture reached output \"%s\"",
                                         writer->config.output->name);
}

static enum ftl_code work(struct ftl_writer *writer, struct ftl_err *err)
{
    struct ftl_sound *sound = writer->config.sound;
    if (writer->config.output->has_video && encode_video(writer, err) != FTL_OK) {
        return err->code;
    }
    if (!writer->is_writing && ((sound != NULL && ftl_sound_wait(sound, err) != FTL_OK) ||
                                add_streams(writer, err) != FTL_OK))
    {
        return err->code;
    }
    return ftl_output_finish(writer->output, err);
}

static void *run(void *opaque)
{
    struct ftl_writer *writer = opaque;
    struct ftl_err err = {.code = FTL_OK};
    enum ftl_code code = work(writer, &err);
    if (code != FTL_OK) {
        (void)ftl_err_at(&err, writer->config.output->where);
    }
    (void)pthread_mutex_lock(&writer->mutex);
    writer->is_done = true;
    writer->err = err;
    (void)pthread_cond_broadcast(&writer->changed);
    (void)pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

static bool alloc_shells(struct ftl_writer *writer)
{
    writer->frame = av_frame_alloc();
    writer->packet = av_packet_alloc();
    for (size_t i = 0; i < QUEUE_FRAMES; i++) {
        writer->queue[i] = av_frame_alloc();
        if (writer->queue[i] == NULL) {
            return false;
        }
    }
    return writer->frame != NULL && writer->packet != NULL;
}

enum ftl_code ftl_writer_open(const struct ftl_writer_config *config, struct ftl_writer **ret,
                              struct ftl_err *err)
{
    struct ftl_writer *allocated = ftl_calloc(1, sizeof(*allocated));
    if (allocated == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for an output");
    }
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&allocated->mutex, NULL);
    (void)pthread_cond_init(&allocated->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    FTL_AUTO(writer) struct ftl_writer *writer = allocated;
    writer->config = *config;
    if (!alloc_shells(writer)) {
        return ftl_fail(err, FTL_NOMEM, "no memory for an output");
    }
    const struct ftl_output_config output = {.container = config->output->container,
                                             .fd = config->fd,
                                             .budget = config->budget,
                                             .check = {.check = check_stopped, .opaque = writer}};
    if (ftl_output_open(&output, &writer->output, err) != FTL_OK) {
        return ftl_err_at(err, config->output->where);
    }
    int status = pthread_create(&writer->thread, NULL, run, writer);
    if (status != 0) {
        return ftl_fail_errno(err, FTL_NOMEM, status, "start an encoder thread");
    }
    writer->has_thread = true;
    *ret = FTL_TAKE(writer);
    return FTL_OK;
}

/* Waits a little for a change, under the mutex; then lets the caller's check speak, outside it. */
static enum ftl_code wait_and_check(struct ftl_writer *writer, struct ftl_err *err)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&writer->changed, &writer->mutex, &until);
    (void)pthread_mutex_unlock(&writer->mutex);
    enum ftl_code code = ftl_check_now(&writer->config.check, err);
    (void)pthread_mutex_lock(&writer->mutex);
    return code;
}

/* Under the mutex. */
static enum ftl_code thread_error(const struct ftl_writer *writer, struct ftl_err *err)
{
    if (writer->is_done && writer->err.code != FTL_OK) {
        *err = writer->err;
        return err->code;
    }
    return FTL_OK;
}

enum ftl_code ftl_writer_send(struct ftl_writer *writer, struct AVFrame *frame, struct ftl_err *err)
{
    enum ftl_code code = FTL_OK;
    (void)pthread_mutex_lock(&writer->mutex);
    while (code == FTL_OK && writer->count == QUEUE_FRAMES && !writer->is_done) {
        code = wait_and_check(writer, err);
    }
    if (code == FTL_OK) {
        code = thread_error(writer, err);
    }
    if (code == FTL_OK) {
        size_t tail = (writer->head + writer->count) % QUEUE_FRAMES;
        av_frame_move_ref(writer->queue[tail], frame);
        writer->count++;
        (void)pthread_cond_broadcast(&writer->changed);
    } else {
        av_frame_unref(frame);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return code;
}

static void fill_result(const struct ftl_writer *writer, struct ftl_output_result *ret)
{
    const struct ftl_plan_output *plan = writer->config.output;
    (void)ftl_copy_text(ret->container, sizeof(ret->container), plan->container);
    ret->index = plan->index;
    ret->bytes = ftl_output_bytes(writer->output);
    ret->has_video = plan->has_video;
    if (plan->has_video) {
        (void)ftl_copy_text(ret->video_codec, sizeof(ret->video_codec), plan->video.codec);
        (void)ftl_copy_text(ret->pix_fmt, sizeof(ret->pix_fmt), plan->video.pix_fmt);
        ret->width = plan->video.width;
        ret->height = plan->video.height;
        ret->frame_rate = plan->video.frame_rate;
        ret->frames = writer->frames;
        ret->duration_s = (double)writer->frames / ftl_rational_to_double(plan->video.frame_rate);
    }
    if (writer->config.sound != NULL) {
        const struct ftl_sound *sound = writer->config.sound;
        double seconds = (double)sound->samples / plan->audio.sample_rate_hz;
        ret->has_audio = true;
        (void)ftl_copy_text(ret->audio_codec, sizeof(ret->audio_codec), plan->audio.codec);
        ret->sample_rate_hz = plan->audio.sample_rate_hz;
        ret->channels = plan->audio.channels;
        ret->loudness = sound->loudness;
        ret->loudness_passes = plan->loudness.is_set ? sound->passes : 0;
        ret->duration_s = seconds > ret->duration_s ? seconds : ret->duration_s;
    }
}

void ftl_writer_end(struct ftl_writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    writer->is_sent_all = true;
    (void)pthread_cond_broadcast(&writer->changed);
    (void)pthread_mutex_unlock(&writer->mutex);
}

enum ftl_code ftl_writer_finish(struct ftl_writer *writer, struct ftl_output_result *ret,
                                struct ftl_err *err)
{
    enum ftl_code code = FTL_OK;
    ftl_writer_end(writer);
    (void)pthread_mutex_lock(&writer->mutex);
    while (code == FTL_OK && !writer->is_done) {
        code = wait_and_check(writer, err);
    }
    if (code == FTL_OK) {
        code = thread_error(writer, err);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    if (code == FTL_OK) {
        fill_result(writer, ret);
    }
    return code;
}

void ftl_writer_free(struct ftl_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->has_thread) {
        (void)pthread_mutex_lock(&writer->mutex);
        writer->is_stopped = true;
        (void)pthread_cond_broadcast(&writer->changed);
        (void)pthread_mutex_unlock(&writer->mutex);
        (void)pthread_join(writer->thread, NULL);
    }
    ftl_encoder_free(writer->encoder);
    ftl_output_free(writer->output);
    ftl_packets_done(&writer->pending);
    for (size_t i = 0; i < QUEUE_FRAMES; i++) {
        av_frame_free(&writer->queue[i]);
    }
    av_frame_free(&writer->frame);
    av_packet_free(&writer->packet);
    (void)pthread_cond_destroy(&writer->changed);
    (void)pthread_mutex_destroy(&writer->mutex);
    ftl_free(writer);
}
