/* The resolved plan of a job: what the planner (src/job/plan.c) decided from spec and probe, and
 * what the engine (src/media/pipeline.c) carries out to the letter. Plain data without libav or
 * JSON; it lives in the arena of whoever planned and is read-only afterwards.
 *
 * Order of work: every run's audio is measured, filtered, encoded, decoded again and corrected
 * first (packets kept), then each run's video is decoded once, filtered once and fed to all its
 * outputs.
 */
#ifndef FETTLE_PLAN_H
#define FETTLE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/filter.h>
#include <fettle/probe.h>
#include <fettle/value.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ftl_output_kind {
    FTL_OUTPUT_MEDIA,     /* video and/or audio in a container */
    FTL_OUTPUT_THUMBNAIL, /* one still */
};

enum ftl_speed { /* mapped per codec; libx264's names */
                 FTL_SPEED_ULTRAFAST,
                 FTL_SPEED_SUPERFAST,
                 FTL_SPEED_VERYFAST,
                 FTL_SPEED_FASTER,
                 FTL_SPEED_FAST,
                 FTL_SPEED_MEDIUM,
                 FTL_SPEED_SLOW,
                 FTL_SPEED_SLOWER,
                 FTL_SPEED_VERYSLOW,
};

struct ftl_video_plan {
    const char *codec;              /* our name: "h264", "h265", "av1", "vp9" */
    int width, height;              /* px, even */
    struct ftl_rational frame_rate; /* constant output rate */
    double crf;                     /* the codec's own scale; < 0 = bitrate mode */
    int64_t bitrate;                /* bit/s; 0 = by crf */
    int64_t max_bitrate;            /* bit/s cap (VBV); 0 = none */
    enum ftl_speed speed;
    int gop_frames;      /* keyframe interval */
    const char *pix_fmt; /* "yuv420p" */
    int threads;         /* part of the plan: bytes depend on it */
};

struct ftl_audio_plan {
    const char *codec; /* "aac", "opus", "mp3", "flac", "pcm" */
    int sample_rate_hz;
    int channels;
    int64_t bitrate; /* bit/s; 0 = lossless or codec default */
};

enum ftl_still_at { FTL_STILL_AT_TIME, FTL_STILL_AT_BEST };

struct ftl_still_plan {
    const char *format; /* "jpeg", "png", "webp" */
    int width, height;  /* px */
    int quality;        /* 1..100 */
    enum ftl_still_at at;
    double time_s; /* AT_TIME: seconds of the filtered clip, already clamped into it */
};

/* What the encoded file must be; the verifier judges by it. */
struct ftl_loudness_target {
    bool is_set;
    double integrated; /* LUFS */
    double true_peak;  /* dBTP ceiling of the encoded file */
    double tolerance;  /* LU either side */
};

struct ftl_plan_output {
    int index;        /* in the job's outputs */
    const char *name; /* file name after expansion: no "/", no ".." */
    enum ftl_output_kind kind;
    const char *where;     /* "/outputs/0" */
    const char *container; /* libavformat muxer: "mp4", "mov", "matroska", "webm" …; MEDIA only */
    bool has_video, has_audio; /* MEDIA */
    struct ftl_video_plan video;
    struct ftl_audio_plan audio;
    struct ftl_still_plan still; /* THUMBNAIL */
    struct ftl_loudness_target loudness;
    double duration_s; /* expected; 0 = unknown */
};

/* One filter chain, run once at one canvas, feeding one or more outputs. */
struct ftl_plan_run {
    const struct ftl_filter_inst *const *chain; /* filters in order, video and audio together */
    size_t chain_count;
    struct ftl_shape source; /* what enters the chain */
    struct ftl_shape shape;  /* what leaves it (the canvas) */
    const int *outputs;      /* indexes into ftl_plan.outputs */
    size_t outputs_count;
};

struct ftl_plan_input {
    const char *name; /* "main", "logo"; anonymous ones are named by their JSON pointer */
    int index;        /* in the job's inputs; the descriptor handed over at that place */
    const struct ftl_probe *probe;
};

struct ftl_plan {
    const struct ftl_plan_input *inputs;
    size_t inputs_count;
    int main_input; /* index into inputs */
    const struct ftl_plan_run *runs;
    size_t runs_count;
    const struct ftl_plan_output *outputs;
    size_t outputs_count;
    int decoder_threads;
    int filter_threads;
    int cpu_weight;       /* permits: cores it can keep busy */
    int64_t memory_bytes; /* estimate of the executor's peak */
    int64_t output_bytes; /* estimate of everything written; 0 = unknown */
};

/* Limits the engine enforces while it runs; all > 0. */
struct ftl_limits {
    int64_t pixels;       /* width × height of any decoded picture */
    int streams;          /* in one input */
    double duration_s;    /* decoded */
    int64_t output_bytes; /* written over all outputs */
    int frames_per_frame; /* frames out per frame in: runaway guard */
    int64_t alloc_bytes;  /* one allocation (av_max_alloc) */
};

#ifdef __cplusplus
}
#endif

#endif
