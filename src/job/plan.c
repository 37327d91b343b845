#include "job/plan.h"

#include <math.h>
#include <string.h>

#include "job/plan_impl.h"

/* ---- streams ---- */

static double end_of(const struct ftl_probe *probe, const struct ftl_probe_stream *stream)
{
    double length_s = stream->measured_s > 0 ? stream->measured_s : stream->duration_s;
    return length_s > 0 ? stream->start_s + length_s - probe->start_s : 0;
}

/* The longest of the streams taken; the container's word where they do not say. */
static double duration_of(const struct ftl_planner *planner, unsigned media)
{
    const struct ftl_probe *probe = planner->probe;
    double video_s = (media & FTL_MEDIA_VIDEO) != 0 ? end_of(probe, planner->video) : 0;
    double audio_s = (media & FTL_MEDIA_AUDIO) != 0 ? end_of(probe, planner->audio) : 0;
    bool is_video_unknown = (media & FTL_MEDIA_VIDEO) != 0 && video_s <= 0;
    if (probe->is_still) {
        return 0;
    }
    if (is_video_unknown || fmax(video_s, audio_s) <= 0) {
        return probe->duration_s;
    }
    return fmax(video_s, audio_s);
}

struct ftl_shape ftl_planner_source(const struct ftl_planner *planner, unsigned media)
{
    struct ftl_shape shape = {
        .has_video = (media & FTL_MEDIA_VIDEO) != 0,
        .has_audio = (media & FTL_MEDIA_AUDIO) != 0,
        .duration_s = duration_of(planner, media),
    };
    if (shape.has_video) {
        shape.width = planner->video->width;
        shape.height = planner->video->height;
        shape.frame_rate = ftl_rate_constant(planner->video);
        shape.has_alpha = planner->video->has_alpha;
    }
    if (shape.has_audio) {
        shape.sample_rate_hz = planner->audio->sample_rate_hz;
        shape.channels = planner->audio->channels;
    }
    return shape;
}

static enum ftl_code check_decodable(const struct ftl_probe_stream *stream, const char *kind,
                                     const char *where, struct ftl_err *err)
{
    if (stream->is_decodable) {
        return FTL_OK;
    }
    (void)ftl_fail(err, FTL_UNSUPPORTED, "the input's %s is %s, which cannot be decoded here", kind,
                   stream->codec);
    return ftl_err_at(err, where);
}

static enum ftl_code check_video(const struct ftl_planner *planner,
                                 const struct ftl_job_output *output, struct ftl_err *err)
{
    bool is_still = output->kind == FTL_OUTPUT_THUMBNAIL;
    if (planner->video == NULL) {
        (void)ftl_fail(err, FTL_INPUT,
                       is_still ? "the input has no picture to make a thumbnail of"
                                : "the input has no video: give \"video\": false for a "
                                  "file of its sound");
        return ftl_err_at(err, output->where);
    }
    if (planner->video->width <= 0 || planner->video->height <= 0) {
        (void)ftl_fail(err, FTL_INPUT, "the input's video does not say its size");
        return ftl_err_at(err, output->where);
    }
    if (planner->probe->is_still && !is_still) {
        (void)ftl_fail(err, FTL_UNSUPPORTED,
                       "the input is a single picture: it can become thumbnails, not a video");
        return ftl_err_at(err, output->where);
    }
    return check_decodable(planner->video, "video", output->where, err);
}

/* Which of the input's streams an output takes. No sound is no reason to fail where there is a
 * picture: most generated clips are silent. */
static enum ftl_code choose_media(const struct ftl_planner *planner,
                                  const struct ftl_job_output *output, unsigned *ret,
                                  struct ftl_err *err)
{
    bool wants_video = output->kind == FTL_OUTPUT_THUMBNAIL || output->video != NULL;
    bool wants_audio = output->audio != NULL;
    unsigned media = FTL_MEDIA_NONE;
    if (wants_video) {
        if (check_video(planner, output, err) != FTL_OK) {
            return err->code;
        }
        media |= FTL_MEDIA_VIDEO;
    }
    if (wants_audio && planner->audio == NULL && !wants_video) {
        (void)ftl_fail(err, FTL_INPUT, "the input has no sound to make %s of", output->name);
        return ftl_err_at(err, output->where);
    }
    if (wants_audio && planner->audio != NULL) {
        if (check_decodable(planner->audio, "audio", output->where, err) != FTL_OK) {
            return err->code;
        }
        media |= FTL_MEDIA_AUDIO;
    }
    *ret = media;
    return FTL_OK;
}

/* ---- inputs ---- */

static const struct ftl_probe_stream *stream_at(const struct ftl_probe *probe, int index)
{
    return index >= 0 && index < probe->streams_count ? &probe->streams[index] : NULL;
}

/* The other inputs must have what the filters that name them want. */
static enum ftl_code check_inputs(const struct ftl_job *job, const struct ftl_probe *const *probes,
                                  struct ftl_err *err)
{
    for (size_t i = 0; i < job->inputs_count; i++) {
        const struct ftl_job_input *input = &job->inputs[i];
        if (input->used_at == NULL) {
            continue;
        }
        const char *where = input->used_at;
        if (probes[i] == NULL) {
            (void)ftl_fail(err, FTL_INTERNAL, "input %s was not handed over", input->name);
            return ftl_err_at(err, where);
        }
        const struct ftl_probe_stream *video = stream_at(probes[i], probes[i]->video);
        const struct ftl_probe_stream *audio = stream_at(probes[i], probes[i]->audio);
        bool lacks_video = (input->media & FTL_MEDIA_VIDEO) != 0 && video == NULL;
        bool lacks_audio = (input->media & FTL_MEDIA_AUDIO) != 0 && audio == NULL;
        if (lacks_video && ((input->media & FTL_MEDIA_AUDIO) == 0 || lacks_audio)) {
            (void)ftl_fail(err, FTL_INPUT, "it holds no picture");
            return ftl_err_at(err, where);
        }
        if (lacks_audio && (input->media & FTL_MEDIA_VIDEO) == 0) {
            (void)ftl_fail(err, FTL_INPUT, "it holds no sound");
            return ftl_err_at(err, where);
        }
        if (video != NULL && (input->media & FTL_MEDIA_VIDEO) != 0 &&
            check_decodable(video, "picture", where, err) != FTL_OK)
        {
            return err->code;
        }
    }
    return FTL_OK;
}

static enum ftl_code list_inputs(const struct ftl_job *job, const struct ftl_probe *const *probes,
                                 struct ftl_arena *arena, struct ftl_plan *plan,
                                 struct ftl_err *err)
{
    struct ftl_plan_input *inputs = ftl_arena_alloc(arena, job->inputs_count, sizeof(*inputs));
    if (inputs == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the plan");
    }
    size_t count = 0;
    for (size_t i = 0; i < job->inputs_count; i++) {
        if (probes[i] == NULL) {
            continue;
        }
        if ((int)i == job->main_input) {
            plan->main_input = (int)count;
        }
        inputs[count++] = (struct ftl_plan_input){
            .name = job->inputs[i].name, .index = (int)i, .probe = probes[i]};
    }
    plan->inputs = inputs;
    plan->inputs_count = count;
    return FTL_OK;
}

/* ---- estimates ---- */

static int64_t picture_bytes(int width, int height)
{
    return (int64_t)width * height * 3 / 2;
}

static int threads_for(int64_t pixels)
{
    const int64_t hd = INT64_C(1280) * 736;
    const int64_t full_hd = INT64_C(1920) * 1088;
    return pixels <= hd ? 2 : pixels <= full_hd ? 3 : 4;
}

static int64_t run_pixels(const struct ftl_plan_run *run)
{
    int64_t in = (int64_t)run->source.width * run->source.height;
    int64_t out = (int64_t)run->shape.width * run->shape.height;
    return in > out ? in : out;
}

/* Neither changes a byte of what comes out; both follow the picture's size all the same, so that a
 * plan reads alike on every machine. */
static void choose_threads(const struct ftl_planner *planner, struct ftl_plan *plan)
{
    int64_t source = planner->video != NULL
                         ? (int64_t)planner->video->coded_width * planner->video->coded_height
                         : 0;
    int64_t largest = 0;
    for (size_t i = 0; i < plan->runs_count; i++) {
        int64_t pixels = run_pixels(&plan->runs[i]);
        largest = pixels > largest ? pixels : largest;
    }
    plan->decoder_threads = threads_for(source);
    plan->filter_threads = threads_for(largest);
}

static int64_t encoders_bytes(const struct ftl_plan *plan, const struct ftl_plan_run *run)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < run->outputs_count; i++) {
        const struct ftl_plan_output *output = &plan->outputs[run->outputs[i]];
        if (output->kind == FTL_OUTPUT_MEDIA && output->has_video) {
            bytes += ftl_video_codec_bytes(ftl_video_codec_find(output->video.codec),
                                           output->video.width, output->video.height);
        }
    }
    return bytes;
}

/* The process with libav linked, the decoder's reference pictures and one a thread, a dozen
 * pictures in flight in the graph on either side of the canvas, and the encoders. */
static int64_t estimate_memory(const struct ftl_planner *planner, const struct ftl_plan *plan)
{
    const int64_t process = INT64_C(96) << 20;
    enum { REFERENCES = 17, IN_FLIGHT = 12 };
    int64_t decoder = 0;
    if (planner->video != NULL) {
        int depth_factor = planner->video->bit_depth > 8 ? 2 : 1;
        decoder = picture_bytes(planner->video->coded_width, planner->video->coded_height) *
                  depth_factor * (REFERENCES + plan->decoder_threads);
    }
    int64_t largest = 0;
    for (size_t i = 0; i < plan->runs_count; i++) {
        const struct ftl_plan_run *run = &plan->runs[i];
        int64_t bytes = IN_FLIGHT * (picture_bytes(run->source.width, run->source.height) +
                                     picture_bytes(run->shape.width, run->shape.height)) +
                        encoders_bytes(plan, run);
        largest = bytes > largest ? bytes : largest;
    }
    return process + decoder + largest;
}

static double video_bits(const struct ftl_video_plan *video)
{
    const struct ftl_video_codec *codec = ftl_video_codec_find(video->codec);
    if (video->bitrate > 0) {
        return (double)video->bitrate;
    }
    double scale = exp2((codec->crf_default - video->crf) / 6); /* six steps double the rate */
    double bits = codec->bits_per_pixel * scale * video->width * video->height *
                  ftl_rational_to_double(video->frame_rate);
    return video->max_bitrate > 0 ? fmin(bits, (double)video->max_bitrate) : bits;
}

static double audio_bits(const struct ftl_audio_plan *audio)
{
    return audio->bitrate > 0 ? (double)audio->bitrate
                              : 16.0 * audio->sample_rate_hz * audio->channels;
}

/* With half as much again for material that is not ordinary; 0 where a duration is unknown. */
static int64_t estimate_output(const struct ftl_plan *plan)
{
    const double margin = 1.5;
    const double still_bytes_per_pixel = 1;
    double bytes = 0;
    for (size_t i = 0; i < plan->outputs_count; i++) {
        const struct ftl_plan_output *output = &plan->outputs[i];
        if (output->kind == FTL_OUTPUT_THUMBNAIL) {
            bytes += still_bytes_per_pixel * output->still.width * output->still.height;
            continue;
        }
        if (output->duration_s <= 0) {
            return 0;
        }
        double bits = output->has_video ? video_bits(&output->video) : 0;
        bits += output->has_audio ? audio_bits(&output->audio) : 0;
        bytes += margin * bits / 8 * output->duration_s;
    }
    return (int64_t)fmin(bytes, 1e15) + 65536;
}

/* Runs follow each other, so the widest one counts. */
static int weigh(const struct ftl_plan *plan, int cores)
{
    int widest = 1;
    for (size_t i = 0; i < plan->runs_count; i++) {
        int threads = plan->runs[i].source.has_video ? 1 : 0; /* decoding and filtering */
        for (size_t k = 0; k < plan->runs[i].outputs_count; k++) {
            const struct ftl_plan_output *output = &plan->outputs[plan->runs[i].outputs[k]];
            threads += output->has_video ? output->video.threads : 0;
        }
        widest = threads > widest ? threads : widest;
    }
    return widest < cores ? widest : (cores > 1 ? cores : 1);
}

/* ---- the whole ---- */

static enum ftl_code draft_outputs(struct ftl_planner *planner, struct ftl_err *err)
{
    for (size_t i = 0; i < planner->job->outputs_count; i++) {
        struct ftl_draft *draft = &planner->drafts[i];
        draft->output = &planner->job->outputs[i];
        draft->index = (int)i;
        if (choose_media(planner, draft->output, &draft->media, err) != FTL_OK ||
            ftl_planner_draft(planner, draft, err) != FTL_OK)
        {
            return err->code;
        }
    }
    return FTL_OK;
}

static enum ftl_code finish_run(const struct ftl_planner *planner,
                                const struct ftl_run_draft *draft, struct ftl_plan_run *run,
                                struct ftl_plan_output *outputs, struct ftl_err *err)
{
    int *members = ftl_arena_alloc(planner->arena, draft->outputs_count, sizeof(*members));
    if (members == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the plan");
    }
    memcpy(members, draft->outputs, draft->outputs_count * sizeof(*members));
    *run = (struct ftl_plan_run){
        .chain = draft->lead->chain,
        .chain_count = draft->lead->chain_count,
        .source = draft->source,
        .shape = draft->shape,
        .outputs = members,
        .outputs_count = draft->outputs_count,
    };
    run->source.want_width = run->shape.want_width;
    run->source.want_height = run->shape.want_height;
    for (size_t i = 0; i < draft->outputs_count; i++) {
        int index = members[i];
        if (ftl_planner_output(planner, &planner->drafts[index], draft, &outputs[index], err) !=
            FTL_OK) {
            return err->code;
        }
    }
    return FTL_OK;
}

static enum ftl_code finish_runs(const struct ftl_planner *planner, struct ftl_plan *plan,
                                 struct ftl_err *err)
{
    struct ftl_plan_run *runs = ftl_arena_alloc(planner->arena, planner->runs_count, sizeof(*runs));
    struct ftl_plan_output *outputs =
        ftl_arena_alloc(planner->arena, planner->job->outputs_count, sizeof(*outputs));
    if (runs == NULL || outputs == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the plan");
    }
    for (size_t i = 0; i < planner->runs_count; i++) {
        if (finish_run(planner, &planner->runs[i], &runs[i], outputs, err) != FTL_OK) {
            return err->code;
        }
    }
    plan->runs = runs;
    plan->runs_count = planner->runs_count;
    plan->outputs = outputs;
    plan->outputs_count = planner->job->outputs_count;
    return FTL_OK;
}

static enum ftl_code start_planner(struct ftl_planner *planner,
                                   const struct ftl_probe *const *probes, struct ftl_err *err)
{
    const struct ftl_job_input *input = &planner->job->inputs[planner->job->main_input];
    planner->probe = probes[planner->job->main_input];
    if (planner->probe == NULL) {
        (void)ftl_fail(err, FTL_INTERNAL, "the main input was not handed over");
        return ftl_err_at(err, input->where);
    }
    planner->video = stream_at(planner->probe, planner->probe->video);
    planner->audio = stream_at(planner->probe, planner->probe->audio);
    if (planner->video == NULL && planner->audio == NULL) {
        (void)ftl_fail(err, FTL_INPUT, "the input has neither video nor sound");
        return ftl_err_at(err, input->where);
    }
    return FTL_OK;
}

static enum ftl_code make(struct ftl_planner *planner, const struct ftl_probe *const *probes,
                          struct ftl_plan *plan, struct ftl_err *err)
{
    if (start_planner(planner, probes, err) != FTL_OK ||
        check_inputs(planner->job, probes, err) != FTL_OK ||
        draft_outputs(planner, err) != FTL_OK || ftl_planner_group(planner, err) != FTL_OK ||
        list_inputs(planner->job, probes, planner->arena, plan, err) != FTL_OK ||
        finish_runs(planner, plan, err) != FTL_OK)
    {
        return err->code;
    }
    choose_threads(planner, plan);
    return FTL_OK;
}

enum ftl_code ftl_plan_make(const struct ftl_job *job, const struct ftl_probe *const *probes,
                            int cores, struct ftl_arena *arena, const struct ftl_plan **ret,
                            struct ftl_err *err)
{
    struct ftl_planner *planner = ftl_arena_alloc(arena, 1, sizeof(*planner));
    struct ftl_plan *plan = ftl_arena_alloc(arena, 1, sizeof(*plan));
    if (planner == NULL || plan == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the plan");
    }
    planner->job = job;
    planner->arena = arena;
    *err = (struct ftl_err){.code = FTL_OK};
    if (make(planner, probes, plan, err) != FTL_OK) {
        return err->code;
    }
    plan->cpu_weight = weigh(plan, cores);
    plan->memory_bytes = estimate_memory(planner, plan);
    plan->output_bytes = estimate_output(plan);
    *ret = plan;
    return FTL_OK;
}
