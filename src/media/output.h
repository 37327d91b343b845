/* One file being written: muxer over a descriptor, picture and sound put in order of time. */
#ifndef FETTLE_MEDIA_OUTPUT_H
#define FETTLE_MEDIA_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavutil/rational.h>

#include <fettle/err.h>

#include "base/auto.h"
#include "media/av_io.h"

struct AVCodecContext;
struct AVCodecParameters;
struct AVPacket;
struct ftl_output;

/* Encoded sound, kept whole: it is made before it is written. */
struct ftl_packets {
    struct AVPacket **items;
    size_t count, size;
    int64_t bytes;
};

enum { FTL_PACKETS_MAX_BYTES = 256 * 1024 * 1024 };

/* Moves the packet's content in, also on failure. LIMIT over FTL_PACKETS_MAX_BYTES. */
enum ftl_code ftl_packets_add(struct ftl_packets *packets, struct AVPacket *packet,
                              struct ftl_err *err) FTL_CHECK;
void ftl_packets_done(struct ftl_packets *packets);

struct ftl_output_config {
    const char *container; /* libavformat's muxer name */
    int fd;                /* read-write; borrowed */
    struct ftl_io_budget *budget;
    struct ftl_check check;
};

enum ftl_code ftl_output_open(const struct ftl_output_config *config, struct ftl_output **ret,
                              struct ftl_err *err) FTL_CHECK;
void ftl_output_free(struct ftl_output *output); /* NULL allowed */

/* Whether encoders for this container must keep their headers out of the stream. */
bool ftl_output_has_global_header(const char *container);

/* Streams, before the first packet; video first. The packets of the sound are borrowed until the
 * output is freed. */
enum ftl_code ftl_output_add_video(struct ftl_output *output, const struct AVCodecContext *codec,
                                   struct ftl_err *err) FTL_CHECK;
enum ftl_code ftl_output_add_audio(struct ftl_output *output,
                                   const struct AVCodecParameters *params, AVRational time_base,
                                   const struct ftl_packets *packets,
                                   struct ftl_err *err) FTL_CHECK;

/* Video packets in decoding order, time base of the encoder; sound due before it goes first. The
 * packet is left empty. */
enum ftl_code ftl_output_write(struct ftl_output *output, struct AVPacket *packet,
                               struct ftl_err *err) FTL_CHECK;

/* The rest of the sound, the index (moved to the front in MP4), everything flushed. */
enum ftl_code ftl_output_finish(struct ftl_output *output, struct ftl_err *err) FTL_CHECK;

int64_t ftl_output_bytes(const struct ftl_output *output);

FTL_AUTO_DEFINE(output, struct ftl_output, ftl_output_free);

#endif
