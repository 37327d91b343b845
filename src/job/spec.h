/* The job: JSON -> typed, validated, read-only struct. Parsed by the parent before any download,
 * and again by the executor, with the same tables. */
#ifndef FETTLE_JOB_SPEC_H
#define FETTLE_JOB_SPEC_H

#include <stddef.h>

#include <fettle/filter.h>
#include <fettle/option.h>
#include <fettle/plan.h>

#include "base/json.h"
#include "base/source.h"

struct ftl_job_input {
    const char *name;  /* "main"; anonymous ones carry their JSON pointer, "/filters/1/image" */
    const char *where; /* JSON pointer */
    struct ftl_source source;
    unsigned media;      /* enum ftl_media bits that filters want of it; 0 for the main input */
    const char *used_at; /* JSON pointer of the first option that refers to it; NULL = none does */
};

struct ftl_job_video {
    int codec;                  /* enum ftl_video_codec_id (codec.h), resolved */
    double crf;                 /* < 0 = not said */
    int64_t bitrate;            /* 0 = not said */
    int64_t max_bitrate;        /* 0 = none */
    int speed;                  /* enum ftl_speed */
    int width, height;          /* 0 = not said */
    struct ftl_rational fps;    /* 0/0 = not said */
    double keyframe_interval_s; /* 0 = default 2 s */
    uint64_t set;               /* option.h: which rows were given */
};

struct ftl_job_audio {
    int codec; /* enum ftl_audio_codec_id, resolved */
    int64_t bitrate;
    int sample_rate; /* Hz; 0 = 48000 for lossy, the chain's for lossless */
    int channels;    /* 0 = as the source, at most 2 */
    uint64_t set;
};

struct ftl_job_thumbnail {
    struct ftl_time at; /* meaningless when is_best */
    bool is_best;       /* "best" was said (default) */
    int width, height;  /* 0 = not said */
    int quality;        /* 1..100, default 85 */
};

struct ftl_job_output {
    const char *name;  /* {ext} expanded, other placeholders not */
    const char *where; /* "/outputs/0" */
    enum ftl_output_kind kind;
    const char *format; /* our name ("mp4", "jpeg"), from `format` or the name's ending */
    const struct ftl_job_video *video; /* MEDIA; NULL = `video: false` or audio-only container */
    const struct ftl_job_audio *audio; /* MEDIA; NULL = `audio: false` */
    const struct ftl_job_thumbnail *thumbnail;
    struct ftl_filter_inst *filters; /* the whole chain: before + job's + after */
    size_t filters_count;
};

struct ftl_job {
    struct ftl_job_input *inputs;
    size_t inputs_count;
    int main_input;
    struct ftl_job_output *outputs;
    size_t outputs_count;
    const char *upload_to; /* directory or URL, placeholders unexpanded; NULL = not said */
    const cJSON *json;     /* the document it came from, in the arena */
};

/* Parses and validates a whole job document: all errors at once. `ret` lives in `arena`; nothing of
 * it on failure. Returns SPEC with the first error in *err and all in *errors (which is cleared
 * first). After it, every input reference of a filter holds the input's index and, as text, only
 * the input's name: no URL or header is reachable through filter options. */
enum ftl_code ftl_job_parse(const cJSON *json, struct ftl_arena *arena, const struct ftl_job **ret,
                            struct ftl_opt_errors *errors, struct ftl_err *err) FTL_CHECK;

/* JSON Schema (2020-12) of a job, with every filter's table. Caller frees. */
cJSON *ftl_job_schema(void);

/* One sentence why an output cannot have this (expanded) name; NULL if it can. */
const char *ftl_output_name_fault(const char *name);

/* Expands {name} by `values`, a list ended by {NULL}; "{{" is a brace. SPEC for an unknown or
 * unfinished one. The result is in the arena. */
struct ftl_placeholder {
    const char *name, *value;
};
enum ftl_code ftl_placeholders_expand(const char *text, const struct ftl_placeholder *values,
                                      struct ftl_arena *arena, const char **ret,
                                      struct ftl_err *err) FTL_CHECK;

#endif
