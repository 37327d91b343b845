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
};

struct ftl_job_video {
    int codec;                  /* index into ftl_video_codecs (codec.h) */
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
    int codec; /* index into ftl_audio_codecs */
    int64_t bitrate;
    int sample_rate; /* Hz; 0 = 48000 for lossy, source's for lossless */
    int channels;    /* 0 = as the source, at most 2 */
    uint64_t set;
};

struct ftl_job_thumbnail {
    struct ftl_time at;
    bool is_best; /* "best" was said (default) */
    int width, height;
    int quality; /* 1..100, default 85 */
};

struct ftl_job_output {
    const char *name;
    const char *where;
    enum ftl_output_kind kind;
    const char *format; /* container or image format, resolved from `format` or the name's ending */
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
 * it on failure. Returns SPEC with the first error in *err and all in *errors. */
enum ftl_code ftl_job_parse(const cJSON *json, struct ftl_arena *arena, const struct ftl_job **ret,
                            struct ftl_opt_errors *errors, struct ftl_err *err) FTL_CHECK;

/* JSON Schema (2020-12) of a job, with every filter's table. Caller frees. */
cJSON *ftl_job_schema(void);

/* Expands {job_id}, {stem}, {preset}, {ext}; "{{" is a brace. SPEC for an unknown one. `values` is
 * a list ended by {NULL}. The result is in the arena. */
struct ftl_placeholder {
    const char *name, *value;
};
enum ftl_code ftl_placeholders_expand(const char *text, const struct ftl_placeholder *values,
                                      struct ftl_arena *arena, const char **ret,
                                      struct ftl_err *err) FTL_CHECK;

#endif
