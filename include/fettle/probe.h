/* What is known of an input before it is decoded. Filled by src/media/probe.c, read by the planner.
 */
#ifndef FETTLE_PROBE_H
#define FETTLE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/value.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FTL_PROBE_MAX_STREAMS = 32 };

struct ftl_probe_stream {
    int index;            /* in the container */
    enum ftl_media media; /* NONE for data, subtitles, attachments */
    char codec[32];       /* libavcodec's name, "h264"; "unknown" where there is none */
    char profile[32];
    char language[8]; /* ISO 639-2; "" = not said */
    bool is_default;
    bool is_attached_pic; /* cover art */
    bool is_decodable;    /* a decoder exists here and is not on the deny list */
    double start_s;       /* of this stream; 0 if unknown */
    double duration_s;    /* as declared; 0 = unknown */
    double measured_s;    /* by its packets; of the chosen streams of files read whole, else 0 */
    int64_t bit_rate;     /* bit/s; 0 = unknown */
    int64_t frames;       /* as declared by the container; 0 = unknown */
    /* video */
    int coded_width, coded_height;    /* px as stored */
    struct ftl_rational sar;          /* of the stored picture; 1/1 when unset or absurd */
    int rotate_deg;                   /* clockwise turn that makes it upright: 0, 90, 180, 270 */
    bool is_mirrored;                 /* horizontal flip before that turn */
    int width, height;                /* px upright with square pixels: what filters see */
    struct ftl_rational frame_rate;   /* average; 0/0 = unknown */
    struct ftl_rational nominal_rate; /* libavformat's r_frame_rate */
    bool is_variable_rate;
    char pix_fmt[32];
    int bit_depth;
    bool has_alpha;
    bool is_interlaced; /* flagged so */
    bool is_full_range;
    char colour_space[24], colour_primaries[24], colour_transfer[24]; /* "unknown" where untagged */
    /* audio */
    int sample_rate_hz;
    int channels;
    char channel_layout[48]; /* "stereo" */
};

struct ftl_probe {
    char container[48]; /* libavformat's demuxer name: "mov,mp4,m4a,3gp,3g2,mj2" */
    int64_t bytes;
    double start_s;           /* earliest stream start */
    double duration_s;        /* container's claim; 0 = unknown */
    bool is_duration_guessed; /* from size and bit rate: the container claims nothing */
    int64_t bit_rate;
    int streams_count; /* stored below; further streams are counted in streams_left_out */
    int streams_left_out;
    struct ftl_probe_stream streams[FTL_PROBE_MAX_STREAMS];
    int video;     /* index into streams[] of the one to use; -1 = none */
    int audio;     /* likewise */
    bool is_still; /* one picture: a still image format */
};

#ifdef __cplusplus
}
#endif

#endif
