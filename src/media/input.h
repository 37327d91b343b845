/* A demuxer over a descriptor: opened by content, never by name, with a list of formats that are
 * refused because they reach for other files or devices.
 *
 *   ftl_input_open(&config, &input, &err);
 *   ftl_input_use(input, stream);              others are discarded
 *   ftl_input_read(input, packet, &is_end, &err) … until is_end
 *   ftl_input_free(input);
 */
#ifndef FETTLE_MEDIA_INPUT_H
#define FETTLE_MEDIA_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <fettle/plan.h>
#include <fettle/probe.h>

#include "base/auto.h"
#include "media/av_io.h"

struct AVCodec;
struct AVCodecParameters;
struct AVFormatContext;
struct AVPacket;
struct AVStream;
struct ftl_input;

struct ftl_input_config {
    int fd;                          /* readable by pread; borrowed */
    const char *name;                /* for messages; borrowed */
    const struct ftl_limits *limits; /* borrowed */
    struct ftl_check check;
};

/* INPUT (nothing in it is known, or it is empty), TRUNCATED (the file ends inside what its own
 * structure declares and cannot be opened for it), UNSUPPORTED (a refused format), LIMIT (streams,
 * picture size), NOMEM. */
enum ftl_code ftl_input_open(const struct ftl_input_config *config, struct ftl_input **ret,
                             struct ftl_err *err) FTL_CHECK;
void ftl_input_free(struct ftl_input *input); /* NULL allowed */

struct AVFormatContext *ftl_input_format(struct ftl_input *input);     /* borrowed */
struct AVStream *ftl_input_stream(struct ftl_input *input, int index); /* borrowed; NULL if none */
int64_t ftl_input_bytes(const struct ftl_input *input);

/* Delivers packets of this stream; call once per wanted stream before the first read. Streams not
 * asked for are skipped by the demuxer where it can. */
void ftl_input_use(struct ftl_input *input, int stream_index);

/* Lets the packets of all sound and picture streams pass the demuxer, so that packets_end_s of the
 * stats covers them; only used ones are delivered. */
void ftl_input_track_all(struct ftl_input *input);

/* The next packet of a used stream, or *ret_is_end. Read errors in the middle are counted, not
 * returned: a damaged file plays on as far as it goes, and whoever asked judges at the end. Fails
 * only when the check stops it, memory runs out, or errors do not end. */
enum ftl_code ftl_input_read(struct ftl_input *input, struct AVPacket *packet, bool *ret_is_end,
                             struct ftl_err *err) FTL_CHECK;

struct ftl_input_stats {
    int64_t packets;         /* of used streams */
    int64_t errors;          /* failed reads and packets marked corrupt */
    bool is_last_corrupt;    /* the last packet of a used stream was marked corrupt */
    double packets_end_s;    /* latest end of any packet seen, container time; 0 if none */
    int64_t missing_samples; /* index entries whose bytes lie past the end of the file */
};
void ftl_input_stats(const struct ftl_input *input, struct ftl_input_stats *ret);

/* Decoder for these parameters, NULL if none exists here or it is on the deny list; `alpha` asks
 * for the one that keeps an alpha channel carried beside the codec (VP8, VP9 in WebM). */
const struct AVCodec *ftl_input_decoder(const struct AVCodecParameters *params, bool alpha);

/* Whether a stream carries such an alpha channel. */
bool ftl_input_has_alpha(const struct AVStream *stream);

/* Where a stream of sound ends, in its time base, if the container says so to the sample (MP4);
 * decoders of libavcodec 59 hand out the whole last frame. AV_NOPTS_VALUE if it does not. */
int64_t ftl_input_sound_end(const struct ftl_input *input, const struct AVStream *stream);

FTL_AUTO_DEFINE(input, struct ftl_input, ftl_input_free);

#endif
