/* What Fettle can write: codecs and formats as const tables, from which the job's choices, the
 * defaults, the combinations allowed and the encoder threads come. No libav here: names only. */
#ifndef FETTLE_JOB_CODEC_H
#define FETTLE_JOB_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fettle/option.h>
#include <fettle/plan.h>

enum ftl_video_codec_id {
    FTL_VIDEO_H264,
    FTL_VIDEO_H265,
    FTL_VIDEO_AV1,
    FTL_VIDEO_VP9,
    FTL_VIDEO_CODECS_COUNT,
};

enum ftl_audio_codec_id {
    FTL_AUDIO_AAC,
    FTL_AUDIO_OPUS,
    FTL_AUDIO_MP3,
    FTL_AUDIO_FLAC,
    FTL_AUDIO_PCM,
    FTL_AUDIO_CODECS_COUNT,
};

/* What `"auto"` (the default) becomes once the format is known. */
enum { FTL_CODEC_AUTO = -1 };

enum { FTL_PICTURE_SIZES = 4, FTL_RATES_MAX = 10 };

struct ftl_video_codec {
    const char *name;  /* in jobs, plans and reports */
    const char *libav; /* libavcodec's name of the bit stream, as a probe or verifier says it */
    double crf_default;
    double crf_max; /* crf runs from 0 to this */
    int max_side_px;
    /* Encoder threads by size of the picture: up to 640x360, 1280x736, 1920x1088 (either way up),
     * and larger. They belong to the plan, since x264's and x265's bytes depend on them.
     */
    int threads[FTL_PICTURE_SIZES];
    /* Memory: 4:2:0 pictures an encoder keeps at `medium`, counting what hangs off each (planes of
     * half-pels, low-resolution copies, motion data). */
    int pictures;            /* whatever the threads */
    int pictures_per_thread; /* more per thread */
    double bits_per_pixel;   /* at crf_default, of ordinary material: for estimates only */
};

struct ftl_audio_codec {
    const char *name;
    const char *libav; /* "pcm" stands for every pcm_* */
    bool is_lossless;
    int64_t bitrate_stereo, bitrate_mono; /* bit/s, defaults; 0 for lossless */
    int64_t bitrate_min, bitrate_max;
    int rates[FTL_RATES_MAX]; /* Hz allowed, ended by 0; none = any */
};

enum ftl_format_kind { FTL_FORMAT_MEDIA, FTL_FORMAT_IMAGE };

struct ftl_format {
    const char *name; /* in jobs and reports: "mp4", "jpeg" */
    enum ftl_format_kind kind;
    const char *muxer;        /* libavformat; NULL for images */
    const char *aliases[5];   /* other names of it (demuxers, encoders), ended by NULL */
    const char *endings[4];   /* without the dot, lower case, the usual one first, ended by NULL */
    const char *content_type; /* RFC 9110 media type */
    unsigned video;           /* bit 1 << enum ftl_video_codec_id: codecs it may hold */
    unsigned audio;           /* bit 1 << enum ftl_audio_codec_id */
    int video_default;        /* FTL_CODEC_AUTO = holds no video */
    int audio_default;
};

extern const struct ftl_video_codec ftl_video_codecs[FTL_VIDEO_CODECS_COUNT];
extern const struct ftl_audio_codec ftl_audio_codecs[FTL_AUDIO_CODECS_COUNT];

/* The option choices, "auto" first. */
extern const struct ftl_choice ftl_video_codec_choices[];
extern const struct ftl_choice ftl_audio_codec_choices[];
extern const struct ftl_choice ftl_format_choices[]; /* value = ftl_format_at's index */
extern const struct ftl_choice ftl_speed_choices[];  /* value = enum ftl_speed */

const struct ftl_format *ftl_format_at(size_t index); /* NULL past the end */
/* By our name or the muxer's; NULL if unknown. */
const struct ftl_format *ftl_format_find(const char *name);
/* By the ending of a file name, in any case; NULL where it has none of ours. */
const struct ftl_format *ftl_format_of_file(const char *file_name);

const struct ftl_video_codec *ftl_video_codec_find(const char *name); /* NULL if unknown */
const struct ftl_audio_codec *ftl_audio_codec_find(const char *name);

/* Whether `found`, as a demuxer or decoder names it, is what our `name` means. */
bool ftl_format_is(const char *name, const char *found);
bool ftl_video_codec_is(const char *name, const char *found);
bool ftl_audio_codec_is(const char *name, const char *found);

bool ftl_audio_codec_has_rate(const struct ftl_audio_codec *codec, int rate_hz);
const char *ftl_speed_name(enum ftl_speed speed);

/* Encoder threads for a picture of this size. */
int ftl_video_codec_threads(const struct ftl_video_codec *codec, int width, int height);
/* The encoder's own memory for it. */
int64_t ftl_video_codec_bytes(const struct ftl_video_codec *codec, int width, int height);

#endif
