/* The job document as its option tables parse it, before names are resolved (spec.c) into a
 * struct ftl_job. Internal to src/job. */
#ifndef FETTLE_JOB_DOC_H
#define FETTLE_JOB_DOC_H

#include <fettle/option.h>

#include "job/codec.h"
#include "job/spec.h"

enum {
    FTL_JOB_MAX_INPUTS = 32, /* descriptors one executor takes */
    FTL_JOB_MAX_OUTPUTS = 32,
    FTL_JOB_MAX_FILTERS = 64,     /* in one list */
    FTL_JOB_MAX_NAME = 255,       /* bytes of an output's name, expanded */
    FTL_JOB_MAX_NAME_TEXT = 1024, /* bytes of it as written; expanding {ext} makes it no longer */
};

/* An output's own filters, around the job's. */
struct ftl_doc_around {
    struct ftl_array before, after; /* struct ftl_variant */
};

struct ftl_doc_output {
    const char *name;
    int format; /* ftl_format_at's index; -1 = by the name's ending */
    const struct ftl_job_video *video;
    const struct ftl_job_audio *audio;
    const struct ftl_job_thumbnail *thumbnail;
    const struct ftl_doc_around *filters;
    uint64_t set; /* tells `false` from absent */
};

struct ftl_doc_upload {
    const char *to;
};

struct ftl_doc {
    struct ftl_input_ref input;
    struct ftl_array inputs;  /* struct ftl_map_entry of INPUT */
    struct ftl_array filters; /* struct ftl_variant */
    struct ftl_array outputs; /* struct ftl_doc_output */
    const struct ftl_doc_upload *upload;
};

extern const struct ftl_opt_table ftl_job_table;
extern const struct ftl_opt_table ftl_job_output_table;
extern const struct ftl_opt_table ftl_job_video_table;
extern const struct ftl_opt_table ftl_job_audio_table;
extern const struct ftl_opt_table ftl_job_thumbnail_table;

/* What an output that says nothing of it gets. */
extern const struct ftl_job_video ftl_job_video_defaults;
extern const struct ftl_job_audio ftl_job_audio_defaults;
extern const struct ftl_job_thumbnail ftl_job_thumbnail_defaults;

/* The value of `at` that the word "best" parses to. */
enum { FTL_AT_BEST = -1 };

/* The output's format; NULL when neither `format` nor the name's ending says it. */
const struct ftl_format *ftl_doc_output_format(const struct ftl_doc_output *output);
/* Whether the file will hold video / audio, if the input has it. */
bool ftl_doc_output_has_video(const struct ftl_doc_output *output, const struct ftl_format *format);
bool ftl_doc_output_has_audio(const struct ftl_doc_output *output, const struct ftl_format *format);

/* Every rule that crosses options of one output; ftl_job_output_table.check. */
void ftl_doc_output_check(const void *value, const char *where, struct ftl_opt_errors *errors);

/* Placeholders that an output's name and upload.to may use, ended by {NULL}; values are samples. */
extern const struct ftl_placeholder ftl_name_placeholders[];
extern const struct ftl_placeholder ftl_upload_placeholders[];

#endif
