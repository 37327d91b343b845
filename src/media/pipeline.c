#include "media/pipeline.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <libavutil/mem.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/audio_pass.h"
#include "media/ending.h"
#include "media/sound.h"
#include "media/video_pass.h"

enum { PROGRESS_MS = 500, WARNINGS_MAX = 32 };

struct warning {
    char where[96];
    char text[416];
};

struct engine {
    const struct ftl_pipeline_config *config;
    struct ftl_output_result *results;
    struct ftl_run_result *run_result;
    struct ftl_io_budget budget;
    const struct ftl_plan_input *main_input;
    double zero_s;
    enum ftl_whole whole;
    int64_t start_ms, progress_ms;
    size_t runs_done;
    atomic_bool is_stopped; /* tells the audio thread */
    /* Of the audio thread, told to the caller by the main one; under the mutex. */
    pthread_mutex_t mutex;
    struct warning warnings[WARNINGS_MAX];
    size_t warnings_count;
};

/* One run at work. Arrays are by place in run->outputs. */
struct run {
    struct engine *engine;
    const struct ftl_plan_run *plan;
    struct ftl_sound *sounds;
    int *fds;
    struct ftl_writer **writers;
    struct ftl_still **stills;
    struct ftl_writer **video_writers;  /* borrowed: those with video */
    struct ftl_output_result **results; /* borrowed */
    pthread_t audio_thread;
    bool has_audio_thread;
    struct ftl_audio_pass_result audio;
    struct ftl_err audio_err;
    struct ftl_video_pass_result video;
    bool is_allocated;
};

static const struct ftl_plan_output *output_at(const struct run *run, size_t place)
{
    return &run->engine->config->plan->outputs[run->plan->outputs[place]];
}

static enum ftl_code check_main(void *opaque, struct ftl_err *err)
{
    const struct engine *engine = opaque;
    const struct ftl_pipeline_callbacks *callbacks = &engine->config->callbacks;
    return callbacks->check != NULL ? callbacks->check(callbacks->opaque, err) : FTL_OK;
}

static enum ftl_code check_thread(void *opaque, struct ftl_err *err)
{
    struct engine *engine = opaque;
    return atomic_load(&engine->is_stopped) ? ftl_fail(err, FTL_CANCELLED, "stopped") : FTL_OK;
}

static void warn_main(void *opaque, const char *where, const char *text)
{
    const struct engine *engine = opaque;
    const struct ftl_pipeline_callbacks *callbacks = &engine->config->callbacks;
    if (callbacks->warn != NULL) {
        callbacks->warn(callbacks->opaque, where, text);
    }
}

static void warn_thread(void *opaque, const char *where, const char *text)
{
    struct engine *engine = opaque;
    (void)pthread_mutex_lock(&engine->mutex);
    if (engine->warnings_count < WARNINGS_MAX) {
        struct warning *warning = &engine->warnings[engine->warnings_count++];
        (void)ftl_copy_text(warning->where, sizeof(warning->where), where);
        (void)ftl_copy_text(warning->text, sizeof(warning->text), text);
    }
    (void)pthread_mutex_unlock(&engine->mutex);
}

/* Only when the audio thread has been joined. */
static void tell_warnings(struct engine *engine)
{
    for (size_t i = 0; i < engine->warnings_count; i++) {
        warn_main(engine, engine->warnings[i].where, engine->warnings[i].text);
    }
    engine->warnings_count = 0;
}

static void progress(struct engine *engine, const char *phase, double seconds, int64_t frames)
{
    const struct ftl_pipeline_callbacks *callbacks = &engine->config->callbacks;
    int64_t now_ms = ftl_mono_ms();
    if (callbacks->progress == NULL || now_ms - engine->progress_ms < PROGRESS_MS) {
        return;
    }
    double duration_s = engine->main_input->probe->duration_s;
    double runs = (double)engine->config->plan->runs_count;
    double share = duration_s > 0.0 ? fmin(fmax(seconds / duration_s, 0.0), 1.0) : 0.0;
    double elapsed_s = (double)(now_ms - engine->start_ms) / 1000.0;
    engine->progress_ms = now_ms;
    callbacks->progress(callbacks->opaque, phase, ((double)engine->runs_done + share) / runs,
                        frames, elapsed_s > 0.0 ? seconds / elapsed_s : 0.0);
}

static void video_progress(void *opaque, double seconds, int64_t frames)
{
    progress(opaque, "video", seconds, frames);
}

static void *audio_main(void *opaque)
{
    struct run *run = opaque;
    struct engine *engine = run->engine;
    const struct ftl_audio_pass_config config = {.plan = engine->config->plan,
                                                 .run = run->plan,
                                                 .input_fds = engine->config->input_fds,
                                                 .limits = &engine->config->limits,
                                                 .zero_s = engine->zero_s,
                                                 .check = {.check = check_thread, .opaque = engine},
                                                 .warn = warn_thread,
                                                 .warn_opaque = engine};
    if (ftl_audio_pass_run(&config, run->sounds, &run->audio, &run->audio_err) != FTL_OK) {
        /* The caller learns it from the writers or the join; nothing to do here. */
        return NULL;
    }
    run->audio_err.code = FTL_OK;
    return NULL;
}

static enum ftl_code start_audio(struct run *run, struct ftl_err *err)
{
    bool has_audio = false;
    for (size_t i = 0; i < run->plan->outputs_count; i++) {
        has_audio = has_audio || output_at(run, i)->has_audio;
    }
    if (!has_audio) {
        return FTL_OK;
    }
    int status = pthread_create(&run->audio_thread, NULL, audio_main, run);
    if (status != 0) {
        return ftl_fail_errno(err, FTL_NOMEM, status, "start the audio thread");
    }
    run->has_audio_thread = true;
    return FTL_OK;
}

static enum ftl_code join_audio(struct run *run, struct ftl_err *err)
{
    if (!run->has_audio_thread) {
        return FTL_OK;
    }
    (void)pthread_join(run->audio_thread, NULL);
    run->has_audio_thread = false;
    tell_warnings(run->engine);
    if (run->audio_err.code != FTL_OK) {
        *err = run->audio_err;
    }
    return run->audio_err.code;
}

static enum ftl_code open_writer(struct run *run, size_t place, struct ftl_err *err)
{
    struct engine *engine = run->engine;
    const struct ftl_plan_output *output = output_at(run, place);
    const struct ftl_writer_config config = {.output = output,
                                             .fd = run->fds[place],
                                             .budget = &engine->budget,
                                             .sound =
                                                 output->has_audio ? &run->sounds[place] : NULL,
                                             .check = {.check = check_main, .opaque = engine}};
    if (ftl_writer_open(&config, &run->writers[place], err) != FTL_OK) {
        return err->code;
    }
    run->video_writers[place] = output->has_video ? run->writers[place] : NULL;
    return FTL_OK;
}

static enum ftl_code open_outputs(struct run *run, struct ftl_err *err)
{
    const struct ftl_pipeline_callbacks *callbacks = &run->engine->config->callbacks;
    for (size_t i = 0; i < run->plan->outputs_count; i++) {
        const struct ftl_plan_output *output = output_at(run, i);
        run->results[i] = &run->engine->results[run->plan->outputs[i]];
        *run->results[i] = (struct ftl_output_result){.index = output->index};
        enum ftl_code code = callbacks->open_output(callbacks->opaque, output->index, output->name,
                                                    &run->fds[i], err);
        if (code == FTL_OK) {
            code = output->kind == FTL_OUTPUT_MEDIA
                       ? open_writer(run, i, err)
                       : ftl_still_new(&output->still, run->plan->shape.duration_s, &run->stills[i],
                                       err);
        }
        if (code != FTL_OK) {
            return ftl_err_at(err, output->where);
        }
    }
    return FTL_OK;
}

static bool needs_video(const struct run *run)
{
    for (size_t i = 0; i < run->plan->outputs_count; i++) {
        if (run->video_writers[i] != NULL || run->stills[i] != NULL) {
            return true;
        }
    }
    return false;
}

static enum ftl_code check_ending(struct engine *engine, int stream,
                                  const struct ftl_input_stats *input,
                                  const struct ftl_decoder_stats *decoder, struct ftl_err *err)
{
    const struct ftl_probe *probe = engine->main_input->probe;
    const struct ftl_ending ending = {.name = engine->main_input->name,
                                      .probe = probe,
                                      .stream = stream,
                                      .zero_s = engine->zero_s,
                                      .saw_all = stream == probe->video || probe->video < 0,
                                      .whole = engine->whole,
                                      .input = *input,
                                      .decoder = *decoder};
    /* Every run reads the same source: one of them speaks for all. */
    return ftl_ending_check(&ending, engine->runs_done == 0 ? warn_main : NULL, engine, err);
}

static enum ftl_code run_video(struct run *run, struct ftl_err *err)
{
    struct engine *engine = run->engine;
    const struct ftl_video_pass_config config = {.plan = engine->config->plan,
                                                 .run = run->plan,
                                                 .input_fds = engine->config->input_fds,
                                                 .limits = &engine->config->limits,
                                                 .zero_s = engine->zero_s,
                                                 .check = {.check = check_main, .opaque = engine},
                                                 .writers = run->video_writers,
                                                 .stills = run->stills,
                                                 .progress = video_progress,
                                                 .warn = warn_main,
                                                 .opaque = engine};
    int64_t start_us = ftl_mono_us();
    enum ftl_code code = ftl_video_pass_run(&config, run->results, &run->video, err);
    engine->run_result->video_s += (double)(ftl_mono_us() - start_us) / 1e6;
    engine->run_result->frames_decoded = run->video.decoder.frames;
    engine->run_result->decoded_end_s = run->video.decoder.end_s;
    if (code == FTL_OK && run->video.is_complete) {
        code = check_ending(engine, engine->main_input->probe->video, &run->video.input,
                            &run->video.decoder, err);
    }
    return code;
}

/* The stills first: they are written while the encoders still drain. */
static enum ftl_code finish_outputs(struct run *run, struct ftl_err *err)
{
    size_t count = run->plan->outputs_count;
    for (size_t i = 0; i < count; i++) {
        if (run->writers[i] != NULL) {
            ftl_writer_end(run->writers[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (run->stills[i] != NULL &&
            ftl_still_write(run->stills[i], run->fds[i], run->results[i], err) != FTL_OK)
        {
            return ftl_err_at(err, output_at(run, i)->where);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (run->writers[i] != NULL &&
            ftl_writer_finish(run->writers[i], run->results[i], err) != FTL_OK) {
            return ftl_err_at(err, output_at(run, i)->where);
        }
    }
    return FTL_OK;
}

static enum ftl_code finish_audio(struct run *run, struct ftl_err *err)
{
    struct engine *engine = run->engine;
    const struct ftl_reel_stats *stats = &run->audio.stats;
    bool had_audio = run->has_audio_thread;
    if (join_audio(run, err) != FTL_OK) {
        return err->code;
    }
    if (!had_audio) {
        return FTL_OK;
    }
    engine->run_result->measure_s += run->audio.measure_s;
    engine->run_result->audio_s += run->audio.encode_s;
    if (!engine->run_result->source_loudness.is_measured) {
        engine->run_result->source_loudness = run->audio.source;
        engine->run_result->gain_db = run->audio.gain_db;
        (void)ftl_copy_text(engine->run_result->loudness_method,
                            sizeof(engine->run_result->loudness_method), run->audio.method);
    }
    engine->run_result->decoded_end_s =
        fmax(engine->run_result->decoded_end_s, stats->decoder.end_s);
    return stats->is_complete ? check_ending(engine, engine->main_input->probe->audio,
                                             &stats->input, &stats->decoder, err)
                              : FTL_OK;
}

static enum ftl_code run_steps(struct run *run, struct ftl_err *err)
{
    if (open_outputs(run, err) != FTL_OK || start_audio(run, err) != FTL_OK) {
        return err->code;
    }
    if (needs_video(run) && run_video(run, err) != FTL_OK) {
        return err->code;
    }
    if (finish_outputs(run, err) != FTL_OK) {
        return err->code;
    }
    return finish_audio(run, err);
}

static enum ftl_code alloc_run(struct run *run, struct ftl_err *err)
{
    size_t count = run->plan->outputs_count;
    run->sounds = ftl_calloc(count, sizeof(struct ftl_sound));
    run->fds = ftl_calloc(count, sizeof(int));
    run->writers = ftl_calloc(count, sizeof(struct ftl_writer *));
    run->stills = ftl_calloc(count, sizeof(struct ftl_still *));
    run->video_writers = ftl_calloc(count, sizeof(struct ftl_writer *));
    run->results = ftl_calloc(count, sizeof(struct ftl_output_result *));
    if (run->sounds == NULL || run->fds == NULL || run->writers == NULL || run->stills == NULL ||
        run->video_writers == NULL || run->results == NULL)
    {
        return ftl_fail(err, FTL_NOMEM, "no memory for a run");
    }
    for (size_t i = 0; i < count; i++) {
        ftl_sound_init(&run->sounds[i]);
        run->fds[i] = -1;
    }
    run->is_allocated = true;
    return FTL_OK;
}

static void free_run(struct run *run, size_t count)
{
    struct ftl_err stopped; /* the run has failed already, or nothing waits any more */
    (void)ftl_fail(&stopped, FTL_CANCELLED, "stopped");
    atomic_store(&run->engine->is_stopped, true);
    (void)join_audio(run, &stopped);
    for (size_t i = 0; run->is_allocated && i < count; i++) {
        ftl_sound_set(&run->sounds[i], &stopped); /* no writer may wait for what never comes */
        ftl_writer_free(run->writers[i]);
        ftl_still_free(run->stills[i]);
        ftl_sound_done(&run->sounds[i]);
        ftl_auto_fd(&run->fds[i]);
    }
    atomic_store(&run->engine->is_stopped, false);
    ftl_free(run->sounds);
    ftl_free(run->fds);
    ftl_free(run->writers);
    ftl_free(run->stills);
    ftl_free(run->video_writers);
    ftl_free(run->results);
}

static enum ftl_code execute(struct engine *engine, const struct ftl_plan_run *plan,
                             struct ftl_err *err)
{
    struct run run = {.engine = engine, .plan = plan};
    enum ftl_code code = alloc_run(&run, err);
    if (code == FTL_OK) {
        code = run_steps(&run, err);
    }
    free_run(&run, plan->outputs_count);
    engine->runs_done++;
    return code;
}

/* The clip starts where the first of the streams in use does. */
static double zero_of(const struct ftl_probe *probe)
{
    double video_s = probe->video >= 0 ? probe->streams[probe->video].start_s : HUGE_VAL;
    double audio_s = probe->audio >= 0 ? probe->streams[probe->audio].start_s : HUGE_VAL;
    double zero_s = fmin(video_s, audio_s);
    return isfinite(zero_s) ? zero_s : 0.0;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0.0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

enum ftl_code ftl_pipeline_run(const struct ftl_pipeline_config *config,
                               struct ftl_output_result *results, struct ftl_run_result *ret_run,
                               struct ftl_err *err)
{
    const struct ftl_plan *plan = config->plan;
    struct ftl_run_result result = {.loudness_method = "none"};
    struct engine engine = {.config = config,
                            .results = results,
                            .run_result = &result,
                            .main_input = &plan->inputs[plan->main_input],
                            .start_ms = ftl_mono_ms()};
    int fd = config->input_fds[engine.main_input->index];
    av_max_alloc((size_t)config->limits.alloc_bytes);
    atomic_init(&engine.budget.left_bytes, config->limits.output_bytes);
    engine.zero_s = zero_of(engine.main_input->probe);
    engine.whole = ftl_whole_check(fd, engine.main_input->probe->bytes);
    if (engine.whole == FTL_WHOLE_CUT) {
        return ftl_fail(err, FTL_TRUNCATED,
                        "%s: the file ends before its declared end, at byte %lld",
                        engine.main_input->name, (long long)engine.main_input->probe->bytes);
    }
    (void)pthread_mutex_init(&engine.mutex, NULL);
    enum ftl_code code = FTL_OK;
    for (size_t i = 0; code == FTL_OK && i < plan->runs_count; i++) {
        code = execute(&engine, &plan->runs[i], err);
    }
    (void)pthread_mutex_destroy(&engine.mutex);
    result.cpu_s = cpu_seconds();
    if (code == FTL_OK) {
        *ret_run = result;
    }
    return code;
}
