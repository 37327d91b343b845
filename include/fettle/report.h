/* What came out of a run or a verification. Plain data; strings point into the plan's arena or into
 * fixed arrays. src/job/report.c prints it as JSON. */
#ifndef FETTLE_REPORT_H
#define FETTLE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One output file as measured on what was written. */
struct ftl_output_result {
    int index;          /* in the job's outputs */
    char container[32]; /* "mp4", "jpeg" */
    double duration_s;
    int64_t bytes;
    bool has_video;
    char video_codec[32], pix_fmt[32];
    int width, height;
    struct ftl_rational frame_rate;
    int64_t frames;            /* run: encoded; verify: decoded */
    int64_t frames_duplicated; /* run only */
    int64_t frames_dropped;    /* run only */
    bool has_audio;
    char audio_codec[32];
    int sample_rate_hz, channels;
    struct ftl_loudness loudness; /* of the encoded audio */
    int loudness_passes;          /* run only: encodes of the audio it took; 0 = no target */
    double still_time_s;          /* THUMBNAIL: time of the picture in the filtered clip */
    char still_reason[96];        /* how `best` was chosen */
};

/* One execution of a plan. */
struct ftl_run_result {
    int64_t frames_decoded; /* of the main video */
    double decoded_end_s;   /* end of the last decoded frame or sample, from the source's start */
    struct ftl_loudness source_loudness; /* of the main input's audio where the plan measured it */
    double gain_db;                      /* linear gain applied; 0 where none */
    char loudness_method[24];            /* linear, limited, lowered, capped, silent, none */
    double measure_s, audio_s, video_s;  /* wall seconds per pass */
    double cpu_s;                        /* user + system seconds of the executor */
};

#ifdef __cplusplus
}
#endif

#endif
