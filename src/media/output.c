#include "media/output.h"

#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/av_err.h"

struct ftl_output {
    AVFormatContext *format;
    struct ftl_io *io;
    AVStream *video, *audio;           /* of the format; NULL = none */
    AVRational video_base, audio_base; /* of the packets that come in */
    const struct ftl_packets *packets; /* the sound */
    size_t next;                       /* of those */
    AVPacket *shell;
    bool has_header;
};

enum ftl_code ftl_packets_add(struct ftl_packets *packets, struct AVPacket *packet,
                              struct ftl_err *err)
{
    if (packets->bytes + packet->size > FTL_PACKETS_MAX_BYTES) {
        av_packet_unref(packet);
        return ftl_fail(err, FTL_LIMIT, "the encoded sound is larger than %d MiB",
                        FTL_PACKETS_MAX_BYTES / 1024 / 1024);
    }
    if (packets->count == packets->size) {
        size_t size = packets->size * 2 + 256;
        AVPacket **items = ftl_realloc(packets->items, size * sizeof(*items));
        if (items == NULL) {
            av_packet_unref(packet);
            return ftl_fail(err, FTL_NOMEM, "no memory for packets");
        }
        packets->items = items;
        packets->size = size;
    }
    AVPacket *item = av_packet_alloc();
    if (item == NULL) {
        av_packet_unref(packet);
        return ftl_fail(err, FTL_NOMEM, "no memory for packets");
    }
    packets->bytes += packet->size;
    av_packet_move_ref(item, packet);
    packets->items[packets->count++] = item;
    return FTL_OK;
}

void ftl_packets_done(struct ftl_packets *packets)
{
    for (size_t i = 0; i < packets->count; i++) {
        av_packet_free(&packets->items[i]);
    }
    ftl_free(packets->items);
    *packets = (struct ftl_packets){0};
}

bool ftl_output_has_global_header(const char *container)
{
    const AVOutputFormat *format = av_guess_format(container, NULL, NULL);
    return format != NULL && (format->flags & AVFMT_GLOBALHEADER) != 0;
}

enum ftl_code ftl_output_open(const struct ftl_output_config *config, struct ftl_output **ret,
                              struct ftl_err *err)
{
    FTL_AUTO(output) struct ftl_output *output = ftl_calloc(1, sizeof(*output));
    if (output == NULL || (output->shell = av_packet_alloc()) == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for an output");
    }
    /* The name matters only as something that no protocol opens, and its ending in that the ipod
     * muxer warns of any other. */
    int status = avformat_alloc_output_context2(&output->format, NULL, config->container,
                                                "ftl:///output.m4a");
    if (status < 0) {
        return ftl_fail_av(err, FTL_UNSUPPORTED, status, "container \"%s\"", config->container);
    }
    if (ftl_io_open_write(config->fd, config->budget, config->check, &output->io, err) != FTL_OK) {
        return err->code;
    }
    ftl_io_attach(output->io, output->format);
    output->format->flags |= AVFMT_FLAG_BITEXACT;
    *ret = FTL_TAKE(output);
    return FTL_OK;
}

void ftl_output_free(struct ftl_output *output)
{
    if (output != NULL) {
        avformat_free_context(output->format);
        ftl_io_free(output->io);
        av_packet_free(&output->shell);
        ftl_free(output);
    }
}

static enum ftl_code fail(const struct ftl_output *output, int status, const char *what,
                          struct ftl_err *err)
{
    if (ftl_io_error(output->io, err) != FTL_OK) {
        return err->code;
    }
    return ftl_fail_av(err, FTL_INTERNAL, status, "%s", what);
}

static enum ftl_code add_stream(struct ftl_output *output, AVRational time_base, AVStream **ret,
                                struct ftl_err *err)
{
    AVStream *stream = avformat_new_stream(output->format, NULL);
    if (stream == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a stream");
    }
    stream->time_base = time_base;
    *ret = stream;
    return FTL_OK;
}

enum ftl_code ftl_output_add_video(struct ftl_output *output, const struct AVCodecContext *codec,
                                   struct ftl_err *err)
{
    if (add_stream(output, codec->time_base, &output->video, err) != FTL_OK) {
        return err->code;
    }
    int status = avcodec_parameters_from_context(output->video->codecpar, codec);
    output->video_base = codec->time_base;
    output->video->avg_frame_rate = codec->framerate;
    output->video->sample_aspect_ratio = codec->sample_aspect_ratio;
    return status < 0 ? ftl_fail_av(err, FTL_INTERNAL, status, "video stream") : FTL_OK;
}

enum ftl_code ftl_output_add_audio(struct ftl_output *output,
                                   const struct AVCodecParameters *params, AVRational time_base,
                                   const struct ftl_packets *packets, struct ftl_err *err)
{
    if (add_stream(output, time_base, &output->audio, err) != FTL_OK) {
        return err->code;
    }
    int status = avcodec_parameters_copy(output->audio->codecpar, params);
    output->audio->codecpar->codec_tag = 0; /* the container's own */
    output->audio_base = time_base;
    output->packets = packets;
    return status < 0 ? ftl_fail_av(err, FTL_INTERNAL, status, "audio stream") : FTL_OK;
}

static enum ftl_code write_header(struct ftl_output *output, struct ftl_err *err)
{
    FTL_AUTO(av_dict) AVDictionary *options = NULL;
    const char *name = output->format->oformat->name;
    if (output->has_header) {
        return FTL_OK;
    }
    if (strcmp(name, "mp4") == 0 || strcmp(name, "mov") == 0 || strcmp(name, "ipod") == 0) {
        (void)av_dict_set(&options, "movflags", "+faststart+write_colr", 0);
    }
    int status = avformat_write_header(output->format, &options);
    if (status < 0) {
        return fail(output, status, "write the header", err);
    }
    output->has_header = true;
    return FTL_OK;
}

static enum ftl_code write_packet(struct ftl_output *output, AVStream *stream, AVRational from,
                                  AVPacket *packet, struct ftl_err *err)
{
    av_packet_rescale_ts(packet, from, stream->time_base);
    packet->stream_index = stream->index;
    int status = av_write_frame(output->format, packet);
    av_packet_unref(packet);
    return status < 0 ? fail(output, status, "write a packet", err) : FTL_OK;
}

/* Sound whose time has come; all of it when video is NULL. */
static enum ftl_code write_audio_until(struct ftl_output *output, const AVPacket *video,
                                       struct ftl_err *err)
{
    while (output->packets != NULL && output->next < output->packets->count) {
        const AVPacket *packet = output->packets->items[output->next];
        if (video != NULL &&
            av_compare_ts(packet->dts, output->audio_base, video->dts, output->video_base) > 0)
        {
            break;
        }
        int status = av_packet_ref(output->shell, packet);
        if (status < 0) {
            return ftl_fail_av(err, FTL_NOMEM, status, "write sound");
        }
        output->next++;
        if (write_packet(output, output->audio, output->audio_base, output->shell, err) != FTL_OK) {
            return err->code;
        }
    }
    return FTL_OK;
}

enum ftl_code ftl_output_write(struct ftl_output *output, struct AVPacket *packet,
                               struct ftl_err *err)
{
    if (write_header(output, err) != FTL_OK || write_audio_until(output, packet, err) != FTL_OK) {
        return err->code;
    }
    return write_packet(output, output->video, output->video_base, packet, err);
}

enum ftl_code ftl_output_finish(struct ftl_output *output, struct ftl_err *err)
{
    if (write_header(output, err) != FTL_OK || write_audio_until(output, NULL, err) != FTL_OK) {
        return err->code;
    }
    int status = av_write_trailer(output->format);
    if (status < 0) {
        return fail(output, status, "write the index", err);
    }
    avio_flush(output->format->pb);
    return output->format->pb->error < 0 ? fail(output, output->format->pb->error, "write", err)
                                         : FTL_OK;
}

int64_t ftl_output_bytes(const struct ftl_output *output)
{
    return ftl_io_size_bytes(output->io);
}
