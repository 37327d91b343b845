#include <math.h>
#include <string.h>

#include "job/placeholder.h"
#include "job/plan_impl.h"

static enum ftl_code fail_at(struct ftl_err *err, const char *where, const char *member)
{
    (void)ftl_err_at(err, where);
    for (const char *part = member; part != NULL;) {
        const char *slash = strchr(part, '/');
        char name[32];
        size_t length = slash != NULL ? (size_t)(slash - part) : strlen(part);
        (void)ftl_copy_text(name, length + 1 < sizeof(name) ? length + 1 : sizeof(name), part);
        ftl_json_pointer_add(err->where, sizeof(err->where), name);
        part = slash != NULL ? slash + 1 : NULL;
    }
    return err->code;
}

/* ---- size ---- */

static int round_px(double px, bool is_even)
{
    return is_even ? 2 * (int)lround(px / 2) : (int)lround(px);
}

/* The size of an output scaled from `canvas`: both sides as asked, the missing one by the canvas's
 * ratio, neither = the canvas itself. `is_even` for files, whose pictures are 4:2:0. */
static enum ftl_code choose_size(const struct ftl_draft *draft, const struct ftl_shape *canvas,
                                 bool is_even, struct ftl_size *ret, struct ftl_err *err)
{
    const double distortion = 0.01; /* nobody sees it, and 854x480 is a 16:9 size to everybody */
    const char *member = is_even ? "video/width" : "thumbnail/width";
    int width = draft->want_width;
    int height = draft->want_height;
    double ratio = (double)canvas->width / canvas->height;
    if (width > 0 && height > 0) {
        double off_px = fabs(width - height * ratio);
        if (off_px > fmax(2, width * distortion)) {
            (void)ftl_fail(err, FTL_SPEC,
                           "%dx%d would distort a picture of %dx%d: give one side, or add the "
                           "filter aspect",
                           width, height, canvas->width, canvas->height);
            return fail_at(err, draft->output->where, member);
        }
    } else if (width > 0) {
        height = round_px(width / ratio, is_even);
    } else if (height > 0) {
        width = round_px(height * ratio, is_even);
    } else {
        /* a source of one pixel is scaled to two before anything else */
        width = canvas->width < 2 ? 2 : canvas->width - (is_even ? canvas->width % 2 : 0);
        height = canvas->height < 2 ? 2 : canvas->height - (is_even ? canvas->height % 2 : 0);
    }
    if (width < 2 || height < 2) {
        (void)ftl_fail(err, FTL_SPEC, "a picture of %dx%d is too small", width, height);
        return fail_at(err, draft->output->where, NULL);
    }
    *ret = (struct ftl_size){.width = width, .height = height};
    return FTL_OK;
}

/* ---- video ---- */

/* The rate that filters or the output ask for, else the source's natural one. */
static enum ftl_code choose_rate(const struct ftl_planner *planner, const struct ftl_draft *draft,
                                 const struct ftl_run_draft *run, struct ftl_rational *ret,
                                 struct ftl_err *err)
{
    struct ftl_rational asked = draft->output->video->fps;
    struct ftl_rational source = run->source.frame_rate;
    struct ftl_rational left = run->shape.frame_rate;
    if (asked.num > 0) {
        *ret = asked;
        return FTL_OK;
    }
    /* a filter that sets the rate the source already has shows only where the source's is hidden */
    struct ftl_shape blind = run->source;
    blind.frame_rate = (struct ftl_rational){0, 0};
    if (ftl_planner_shape(planner, run->lead, blind, &blind, err) != FTL_OK) {
        return err->code;
    }
    bool is_changed = left.num > 0 && (left.num != source.num || left.den != source.den);
    if (is_changed) {
        *ret = left;
    } else {
        *ret = blind.frame_rate.num > 0 ? blind.frame_rate : ftl_rate_natural(planner->video);
    }
    return FTL_OK;
}

static enum ftl_code plan_video(const struct ftl_planner *planner, const struct ftl_draft *draft,
                                const struct ftl_run_draft *run, struct ftl_video_plan *ret,
                                struct ftl_err *err)
{
    const struct ftl_job_video *asked = draft->output->video;
    const struct ftl_video_codec *codec = &ftl_video_codecs[asked->codec];
    struct ftl_size size = {0, 0};
    struct ftl_rational rate = {0, 0};
    if (choose_size(draft, &run->shape, true, &size, err) != FTL_OK ||
        choose_rate(planner, draft, run, &rate, err) != FTL_OK)
    {
        return err->code;
    }
    if (size.width > codec->max_side_px || size.height > codec->max_side_px) {
        (void)ftl_fail(err, FTL_SPEC, "%dx%d is larger than the %d px a side that %s can have",
                       size.width, size.height, codec->max_side_px, codec->name);
        return fail_at(err, draft->output->where, "video");
    }
    double keyframe_s = asked->keyframe_interval_s > 0 ? asked->keyframe_interval_s : 2;
    double default_crf = asked->bitrate > 0 ? -1 : codec->crf_default;
    *ret = (struct ftl_video_plan){
        .codec = codec->name,
        .width = size.width,
        .height = size.height,
        .frame_rate = rate,
        .crf = asked->crf >= 0 ? asked->crf : default_crf,
        .bitrate = asked->bitrate,
        .max_bitrate = asked->max_bitrate,
        .speed = (enum ftl_speed)asked->speed,
        .gop_frames = (int)fmax(1, round(keyframe_s * ftl_rational_to_double(rate))),
        .pix_fmt = "yuv420p",
        .threads = ftl_video_codec_threads(codec, size.width, size.height),
    };
    return FTL_OK;
}

/* ---- audio ---- */

static struct ftl_audio_plan plan_audio(const struct ftl_draft *draft,
                                        const struct ftl_shape *shape)
{
    enum { USUAL_HZ = 48000, MOST_CHANNELS = 2 };
    const struct ftl_job_audio *asked = draft->output->audio;
    const struct ftl_audio_codec *codec = &ftl_audio_codecs[asked->codec];
    int channels = shape->channels > MOST_CHANNELS ? MOST_CHANNELS : shape->channels;
    int own_hz = shape->sample_rate_hz > 0 ? shape->sample_rate_hz : USUAL_HZ;
    struct ftl_audio_plan plan = {
        .codec = codec->name,
        .sample_rate_hz = codec->is_lossless ? own_hz : USUAL_HZ,
        .channels = channels > 0 ? channels : MOST_CHANNELS,
        .bitrate = asked->bitrate,
    };
    if (asked->sample_rate > 0) {
        plan.sample_rate_hz = asked->sample_rate;
    }
    if (asked->channels > 0) {
        plan.channels = asked->channels;
    }
    if (plan.bitrate == 0) {
        plan.bitrate = plan.channels == 1 ? codec->bitrate_mono : codec->bitrate_stereo;
    }
    return plan;
}

static struct ftl_loudness_target plan_loudness(const struct ftl_shape *shape)
{
    const double short_clip_s = 3; /* a few 400 ms blocks: the measure itself is coarse */
    bool is_short = shape->duration_s > 0 && shape->duration_s < short_clip_s;
    return (struct ftl_loudness_target){
        .is_set = shape->target_lufs != 0,
        .integrated = shape->target_lufs,
        .true_peak = shape->target_true_peak,
        .tolerance = is_short ? 0.5 : 0.2,
    };
}

/* ---- stills ---- */

/* Inside the last frame at the latest: a time past the end is the end. */
static double clamp_time(double time_s, const struct ftl_planner *planner,
                         const struct ftl_shape *shape)
{
    double fps = ftl_rational_to_double(shape->frame_rate);
    if (fps <= 0) {
        fps = ftl_rational_to_double(ftl_rate_natural(planner->video));
    }
    if (shape->duration_s <= 0) {
        return time_s;
    }
    double last_s = fmax(0, shape->duration_s - 0.5 / fps);
    return fmin(time_s, last_s);
}

static enum ftl_code plan_still(const struct ftl_planner *planner, const struct ftl_draft *draft,
                                const struct ftl_run_draft *run, struct ftl_still_plan *ret,
                                struct ftl_err *err)
{
    const struct ftl_job_thumbnail *asked = draft->output->thumbnail;
    const struct ftl_shape *shape =
        &draft->shape; /* its own streams: no sound that outlasts them */
    struct ftl_size size = {0, 0};
    if (choose_size(draft, &run->shape, false, &size, err) != FTL_OK) {
        return err->code;
    }
    /* a percentage of an unknown duration is no time; neither has a picture any */
    bool is_lost = asked->at.is_percent && shape->duration_s <= 0;
    double time_s = asked->at.value;
    if (asked->at.is_percent) {
        time_s = asked->at.value / 100 * shape->duration_s;
    }
    bool is_best = (asked->is_best || is_lost) && !planner->probe->is_still;
    *ret = (struct ftl_still_plan){
        .format = draft->output->format,
        .width = size.width,
        .height = size.height,
        .quality = asked->quality,
        .at = is_best ? FTL_STILL_AT_BEST : FTL_STILL_AT_TIME,
    };
    if (!is_best && !planner->probe->is_still) {
        ret->time_s = clamp_time(time_s, planner, shape);
    }
    return FTL_OK;
}

/* ---- the whole ---- */

/* The name that the executor asks for: the last part, with doubled braces made single. */
static const char *file_name(const struct ftl_planner *planner, const char *name)
{
    const char *slash = strrchr(name, '/');
    char *copy = ftl_arena_strdup(planner->arena, slash != NULL ? slash + 1 : name);
    size_t used = 0;
    for (size_t i = 0; copy != NULL && copy[i] != '\0'; i++) {
        copy[used++] = copy[i];
        i += copy[i] == '{' && copy[i + 1] == '{' ? 1 : 0;
    }
    if (copy != NULL) {
        copy[used] = '\0';
    }
    return copy;
}

enum ftl_code ftl_planner_output(const struct ftl_planner *planner, const struct ftl_draft *draft,
                                 const struct ftl_run_draft *run, struct ftl_plan_output *ret,
                                 struct ftl_err *err)
{
    struct ftl_plan_output output = {
        .index = draft->index,
        .name = file_name(planner, draft->output->name),
        .kind = draft->output->kind,
        .where = draft->output->where,
    };
    if (output.name == NULL) {
        return ftl_fail(err, FTL_NOMEM, "out of memory for the plan");
    }
    if (output.kind == FTL_OUTPUT_THUMBNAIL) {
        if (plan_still(planner, draft, run, &output.still, err) != FTL_OK) {
            return err->code;
        }
        *ret = output;
        return FTL_OK;
    }
    output.container = ftl_format_find(draft->output->format)->muxer;
    output.duration_s = draft->shape.duration_s;
    output.has_video = (draft->media & FTL_MEDIA_VIDEO) != 0;
    output.has_audio = (draft->media & FTL_MEDIA_AUDIO) != 0;
    if (output.has_video && plan_video(planner, draft, run, &output.video, err) != FTL_OK) {
        return err->code;
    }
    if (output.has_audio) {
        output.audio = plan_audio(draft, &draft->shape);
        output.loudness = plan_loudness(&draft->shape);
    }
    *ret = output;
    return FTL_OK;
}
