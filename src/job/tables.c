#include <fettle/filter.h>

#include "base/source.h"
#include "job/doc.h"

enum { SIDE_MIN_PX = 16, SIDE_MAX_PX = 8192 };

/* ---- video ---- */

static void check_video(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct ftl_job_video *video = value;
    if (video->crf >= 0 && video->bitrate > 0) {
        ftl_opt_report(errors, where, "bitrate", "crf and bitrate exclude each other: give one");
    }
    if (video->max_bitrate > 0 && video->max_bitrate < video->bitrate) {
        ftl_opt_report(errors, where, "max_bitrate", "is below bitrate");
    }
}

static const struct ftl_opt video_rows[] = {
    FTL_OPT_CHOICE(struct ftl_job_video, codec, ftl_video_codec_choices, "how pictures are coded"),
    FTL_OPT_DOUBLE(struct ftl_job_video, crf, 0, 63, NULL,
                   "constant quality on the codec's own scale, lower is better"),
    FTL_OPT_BITRATE(struct ftl_job_video, bitrate, 10e3, 400e6,
                    "average bit rate instead of constant quality"),
    FTL_OPT_BITRATE(struct ftl_job_video, max_bitrate, 10e3, 800e6,
                    "cap on the bit rate over any two seconds"),
    FTL_OPT_CHOICE(struct ftl_job_video, speed, ftl_speed_choices, "CPU spent per frame"),
    FTL_OPT_INT(struct ftl_job_video, width, SIDE_MIN_PX, SIDE_MAX_PX, "px",
                "width of the picture; alone it keeps the ratio"),
    FTL_OPT_INT(struct ftl_job_video, height, SIDE_MIN_PX, SIDE_MAX_PX, "px",
                "height of the picture; alone it keeps the ratio"),
    FTL_OPT_RATE(struct ftl_job_video, fps, 1, 120, 0,
                 "frames a second; the source's, up to 60, where not said"),
    {.name = "keyframe_interval",
     .kind = FTL_OPT_KIND_DURATION,
     .offset = FTL_OPT_OFF(struct ftl_job_video, keyframe_interval_s, double),
     .min = 0.1,
     .max = 30,
     .unit = "s",
     .help = "longest time between key frames"},
    FTL_OPT_END,
};

const struct ftl_job_video ftl_job_video_defaults = {
    .codec = FTL_CODEC_AUTO,
    .crf = -1,
    .speed = FTL_SPEED_MEDIUM,
    .keyframe_interval_s = 2,
};

const struct ftl_opt_table ftl_job_video_table = {
    .name = "video",
    .summary = "The video of an output file.",
    .rows = video_rows,
    .size = sizeof(struct ftl_job_video),
    .defaults = &ftl_job_video_defaults,
    .set_offset = offsetof(struct ftl_job_video, set),
    .check = check_video,
};

/* ---- audio ---- */

static const struct ftl_opt audio_rows[] = {
    FTL_OPT_CHOICE(struct ftl_job_audio, codec, ftl_audio_codec_choices, "how sound is coded"),
    FTL_OPT_BITRATE(struct ftl_job_audio, bitrate, 6e3, 512e3,
                    "bit rate; the codec's usual one where not said"),
    FTL_OPT_INT(struct ftl_job_audio, sample_rate, 8000, 192000, "Hz",
                "samples a second; 48000 where not said, the source's for lossless codecs"),
    FTL_OPT_INT(struct ftl_job_audio, channels, 1, 2, NULL,
                "1 or 2; as the source, at most 2, where not said"),
    FTL_OPT_END,
};

const struct ftl_job_audio ftl_job_audio_defaults = {.codec = FTL_CODEC_AUTO};

const struct ftl_opt_table ftl_job_audio_table = {
    .name = "audio",
    .summary = "The sound of an output file.",
    .rows = audio_rows,
    .size = sizeof(struct ftl_job_audio),
    .defaults = &ftl_job_audio_defaults,
    .set_offset = offsetof(struct ftl_job_audio, set),
};

/* ---- thumbnail ---- */

static const struct ftl_choice at_words[] = {
    {"best", FTL_AT_BEST, "the sharpest well-lit frame of a dozen"},
    {NULL, 0, NULL},
};

static const struct ftl_opt thumbnail_rows[] = {
    FTL_OPT_ROW(struct ftl_job_thumbnail, at, struct ftl_time, TIME, .choices = at_words,
                .help = "which frame: a time, a percentage, or best"),
    FTL_OPT_INT(struct ftl_job_thumbnail, width, SIDE_MIN_PX, SIDE_MAX_PX, "px",
                "width of the picture; alone it keeps the ratio"),
    FTL_OPT_INT(struct ftl_job_thumbnail, height, SIDE_MIN_PX, SIDE_MAX_PX, "px",
                "height of the picture; alone it keeps the ratio"),
    FTL_OPT_INT(struct ftl_job_thumbnail, quality, 1, 100, NULL,
                "of a JPEG or WebP, higher is better"),
    FTL_OPT_END,
};

const struct ftl_job_thumbnail ftl_job_thumbnail_defaults = {
    .at = {.value = FTL_AT_BEST},
    .quality = 85,
};

const struct ftl_opt_table ftl_job_thumbnail_table = FTL_OPT_TABLE(
    struct ftl_job_thumbnail, "thumbnail", thumbnail_rows, &ftl_job_thumbnail_defaults);

/* ---- output ---- */

static const struct ftl_opt around_rows[] = {
    FTL_OPT_UNIONS(struct ftl_doc_around, before, &ftl_filter_union, FTL_JOB_MAX_FILTERS,
                   "filters that run before the job's, for this output"),
    FTL_OPT_UNIONS(struct ftl_doc_around, after, &ftl_filter_union, FTL_JOB_MAX_FILTERS,
                   "filters that run after the job's, for this output"),
    FTL_OPT_END,
};

static const struct ftl_opt_table around_table =
    FTL_OPT_TABLE(struct ftl_doc_around, "filters", around_rows, NULL);

static const struct ftl_opt output_rows[] = {
    FTL_OPT_STRING(
        struct ftl_doc_output, name, FTL_JOB_MAX_NAME_TEXT, FTL_OPT_REQUIRED,
        "the file's name; its ending says the format. {job_id}, {stem} and {ext} expand"),
    FTL_OPT_CHOICE(struct ftl_doc_output, format, ftl_format_choices,
                   "the file's format, where the name's ending does not say it"),
    FTL_OPT_OBJECT(struct ftl_doc_output, video, struct ftl_job_video, &ftl_job_video_table,
                   FTL_OPT_OR_FALSE, "how the video is encoded; false leaves it out"),
    FTL_OPT_OBJECT(struct ftl_doc_output, audio, struct ftl_job_audio, &ftl_job_audio_table,
                   FTL_OPT_OR_FALSE, "how the sound is encoded; false leaves it out"),
    FTL_OPT_OBJECT(struct ftl_doc_output, thumbnail, struct ftl_job_thumbnail,
                   &ftl_job_thumbnail_table, 0, "makes this output one still picture"),
    FTL_OPT_OBJECT(struct ftl_doc_output, filters, struct ftl_doc_around, &around_table, 0,
                   "filters of this output alone, around the job's"),
    FTL_OPT_END,
};

static const struct ftl_doc_output output_defaults = {.format = -1};

const struct ftl_opt_table ftl_job_output_table = {
    .name = "output",
    .summary = "One file that the job makes.",
    .rows = output_rows,
    .size = sizeof(struct ftl_doc_output),
    .defaults = &output_defaults,
    .set_offset = offsetof(struct ftl_doc_output, set),
    .check = ftl_doc_output_check,
};

/* ---- job ---- */

static const struct ftl_opt upload_rows[] = {
    FTL_OPT_STRING(struct ftl_doc_upload, to, 4096, FTL_OPT_REQUIRED,
                   "a directory or URL; {job_id} and {stem} expand"),
    FTL_OPT_END,
};

static const struct ftl_opt_table upload_table =
    FTL_OPT_TABLE(struct ftl_doc_upload, "upload", upload_rows, NULL);

static const struct ftl_opt job_rows[] = {
    FTL_OPT_INPUT(struct ftl_doc, input, 0, "the clip: a URL, a path or a source; inputs.main"),
    FTL_OPT_MAP(struct ftl_doc, inputs, INPUT, NULL, FTL_JOB_MAX_INPUTS, 0,
                "named sources that filters refer to; main is the clip"),
    FTL_OPT_UNIONS(struct ftl_doc, filters, &ftl_filter_union, FTL_JOB_MAX_FILTERS,
                   "what is done to the clip, in order"),
    FTL_OPT_ROW(struct ftl_doc, outputs, struct ftl_array, ARRAY, .item = FTL_OPT_KIND_OBJECT,
                .table = &ftl_job_output_table, .min = 1, .max = FTL_JOB_MAX_OUTPUTS,
                .flags = FTL_OPT_REQUIRED, .help = "the files to make"),
    FTL_OPT_OBJECT(struct ftl_doc, upload, struct ftl_doc_upload, &upload_table, 0,
                   "where the files go"),
    FTL_OPT_END,
};

static const struct ftl_doc job_defaults = {.input = {.index = -1}};

const struct ftl_opt_table ftl_job_table = {
    .name = "job",
    .summary = "One clip, what is done to it, and the files to make of it.",
    .rows = job_rows,
    .size = sizeof(struct ftl_doc),
    .defaults = &job_defaults,
    .set_offset = SIZE_MAX,
};
