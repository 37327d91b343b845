#include "media/input.h"

#include <errno.h>
#include <string.h>

#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/dict.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>

#include "base/mem.h"
#include "base/str.h"
#include "media/av_auto.h"
#include "media/av_err.h"
#include "media/whole.h"

enum { ERRORS_IN_A_ROW_MAX = 256, SCORE_MIN = AVPROBE_SCORE_RETRY };

struct ftl_input {
    AVFormatContext *format;
    struct ftl_io *io;
    int fd;
    const char *name;
    struct ftl_check check;
    bool *is_used; /* by stream index, streams_count of them */
    unsigned streams_count;
    struct ftl_input_stats stats;
};

/* Containers that hold their media themselves. Left out on purpose: playlists and manifests (hls,
 * dash, concat, imf), anything that opens further files (image2, vobsub, sdp), scripts and text art
 * (tty, sbg), and raw formats without a magic number, which take any rubbish for sound (amrnb). */
static const char accepted_formats[] =
    "mov,matroska,webm,avi,mpegts,mpeg,flv,live_flv,ogg,wav,w64,mp3,aac,flac,ac3,eac3,dts,truehd,"
    "gif,apng,"
    "asf,mxf,gxf,nut,ivf,h264,hevc,obu,av1,m4v,mjpeg,mpegvideo,vc1,vc1test,rm,dv,caf,aiff,au,amr,"
    "ape,wv,tta,tak,dsf,yuv4mpegpipe,nsv,wtv,dirac,voc,mpjpeg,3dostr,swf,cavsvideo,h261,h263,"
    "bmp_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,j2k_pipe,png_pipe,webp_pipe,tiff_pipe,qoi_pipe,"
    "pam_pipe,ppm_pipe,pgm_pipe,pbm_pipe,pgmyuv_pipe,dpx_pipe,exr_pipe,hdr_pipe,psd_pipe,sgi_pipe,"
    "sunrast_pipe,pcx_pipe,dds_pipe,xwd_pipe,gif_pipe,qdraw_pipe,photocd_pipe";

/* CVE-2026-8461: heap write, fixed in 5.1.10; Debian 12 has 5.1.9. */
static const char refused_decoders[] = "magicyuv";

static bool is_decoder_refused(const AVCodec *codec)
{
    return av_match_list(codec->name, refused_decoders, ',') > 0;
}

int64_t ftl_input_sound_end(const struct ftl_input *input, const struct AVStream *stream)
{
    bool is_exact = stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
                    ftl_starts_with(input->format->iformat->name, "mov,") &&
                    stream->start_time != AV_NOPTS_VALUE && stream->duration > 0;
    return is_exact ? stream->start_time + stream->duration : AV_NOPTS_VALUE;
}

bool ftl_input_has_alpha(const struct AVStream *stream)
{
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, "alpha_mode", NULL, 0);
    return entry != NULL && strcmp(entry->value, "1") == 0;
}

const struct AVCodec *ftl_input_decoder(const struct AVCodecParameters *params, bool alpha)
{
    const AVCodec *codec = NULL;
    if (alpha && params->codec_id == AV_CODEC_ID_VP9) {
        codec = avcodec_find_decoder_by_name("libvpx-vp9");
    } else if (alpha && params->codec_id == AV_CODEC_ID_VP8) {
        codec = avcodec_find_decoder_by_name("libvpx");
    }
    if (codec == NULL) {
        codec = avcodec_find_decoder(params->codec_id);
    }
    return codec != NULL && !is_decoder_refused(codec) ? codec : NULL;
}

/* Every decoder but the refused ones, for libavformat's own use while it looks for parameters. */
static char *decoder_whitelist(void)
{
    void *state = NULL;
    const AVCodec *codec = NULL;
    struct ftl_str list = FTL_STR_INIT(64 * 1024);
    while ((codec = av_codec_iterate(&state)) != NULL) {
        if (av_codec_is_decoder(codec) && !is_decoder_refused(codec)) {
            ftl_str_printf(&list, "%s,", codec->name);
        }
    }
    char *copy = av_strdup(ftl_str_text(&list));
    ftl_str_done(&list);
    return copy;
}

/* The callback's own reason where it stopped; otherwise libav's. */
static enum ftl_code fail_read(const struct ftl_input *input, int number, const char *what,
                               struct ftl_err *err)
{
    if (ftl_io_error(input->io, err) != FTL_OK) {
        return ftl_wrap(err, "%s", input->name);
    }
    return ftl_fail_av(err, FTL_INPUT, number, "%s: %s", input->name, what);
}

/* By content only: a name proves nothing. */
static enum ftl_code detect(struct ftl_input *input, const AVInputFormat **ret, struct ftl_err *err)
{
    const AVInputFormat *format = NULL;
    int score = av_probe_input_buffer2(ftl_io_context(input->io), &format, "", NULL, 0, 0);
    if (score < 0 && ftl_io_error(input->io, err) != FTL_OK) {
        return ftl_wrap(err, "%s", input->name);
    }
    if (score < SCORE_MIN || format == NULL) {
        return ftl_fail_sub(err, FTL_INPUT, score < 0 ? score : 0,
                            "%s: not a media file of any kind known here", input->name);
    }
    char name[64];
    (void)ftl_copy_text(name, sizeof(name), format->name);
    name[strcspn(name, ",")] = '\0';
    if ((format->flags & AVFMT_NOFILE) != 0 || av_match_list(name, accepted_formats, ',') <= 0) {
        return ftl_fail(err, FTL_UNSUPPORTED, "%s: the format \"%s\" is not accepted", input->name,
                        name);
    }
    *ret = format;
    return FTL_OK;
}

static enum ftl_code open_format(struct ftl_input *input, const AVInputFormat *format,
                                 const struct ftl_limits *limits, struct ftl_err *err)
{
    FTL_AUTO(av_dict) AVDictionary *options = NULL;
    input->format = avformat_alloc_context();
    char *whitelist = decoder_whitelist();
    if (input->format == NULL || whitelist == NULL) {
        av_free(whitelist);
        return ftl_fail(err, FTL_NOMEM, "%s: no memory for the demuxer", input->name);
    }
    input->format->codec_whitelist = whitelist;
    ftl_io_attach(input->io, input->format);
    /* One more than allowed, so that the excess is seen below and named. */
    (void)av_dict_set_int(&options, "max_streams", limits->streams + 1, 0);
    (void)av_dict_set(&options, "protocol_whitelist", "none", 0);
    int status = avformat_open_input(&input->format, "", format, &options);
    if (status < 0) {
        return fail_read(input, status, "cannot be opened", err);
    }
    return FTL_OK;
}

static enum ftl_code check_streams(const struct ftl_input *input, const struct ftl_limits *limits,
                                   struct ftl_err *err)
{
    if (input->format->nb_streams > (unsigned)limits->streams) {
        return ftl_fail(err, FTL_LIMIT, "%s: more than %d streams", input->name, limits->streams);
    }
    for (unsigned i = 0; i < input->format->nb_streams; i++) {
        const AVCodecParameters *params = input->format->streams[i]->codecpar;
        if (params->codec_type == AVMEDIA_TYPE_VIDEO &&
            (int64_t)params->width * params->height > limits->pixels)
        {
            return ftl_fail(err, FTL_LIMIT, "%s: a picture of %dx%d is larger than allowed",
                            input->name, params->width, params->height);
        }
    }
    return FTL_OK;
}

/* Finding parameters may decode a frame: never one that is larger than allowed. */
static enum ftl_code find_parameters(struct ftl_input *input, const struct ftl_limits *limits,
                                     struct ftl_err *err)
{
    unsigned count = input->format->nb_streams;
    AVDictionary **options = count > 0 ? ftl_calloc(count, sizeof(*options)) : NULL;
    if (count > 0 && options == NULL) {
        return ftl_fail(err, FTL_NOMEM, "%s: no memory for options", input->name);
    }
    for (unsigned i = 0; i < count; i++) {
        (void)av_dict_set_int(&options[i], "max_pixels", limits->pixels, 0);
    }
    int status = avformat_find_stream_info(input->format, options);
    for (unsigned i = 0; i < count; i++) {
        av_dict_free(&options[i]);
    }
    ftl_free(options);
    if (status < 0) {
        return fail_read(input, status, "its streams cannot be read", err);
    }
    return FTL_OK;
}

static enum ftl_code open_steps(struct ftl_input *input, const struct ftl_limits *limits,
                                struct ftl_err *err)
{
    const AVInputFormat *format = NULL;
    enum ftl_code code = detect(input, &format, err);
    if (code == FTL_OK) {
        code = open_format(input, format, limits, err);
    }
    if (code == FTL_OK) {
        code = check_streams(input, limits, err);
    }
    if (code == FTL_OK) {
        code = find_parameters(input, limits, err);
    }
    if (code == FTL_OK) {
        code = check_streams(input, limits, err);
    }
    if (code == FTL_OK && input->format->nb_streams == 0) {
        code = ftl_fail(err, FTL_INPUT, "%s: holds no stream", input->name);
    }
    return code;
}

enum ftl_code ftl_input_open(const struct ftl_input_config *config, struct ftl_input **ret,
                             struct ftl_err *err)
{
    FTL_AUTO(input) struct ftl_input *input = ftl_calloc(1, sizeof(*input));
    if (input == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for an input");
    }
    input->fd = config->fd;
    input->name = config->name;
    input->check = config->check;
    if (ftl_io_open_read(config->fd, config->check, &input->io, err) != FTL_OK) {
        return ftl_wrap(err, "%s", config->name);
    }
    if (ftl_input_bytes(input) == 0) {
        return ftl_fail(err, FTL_INPUT, "%s: the file is empty", config->name);
    }
    if (open_steps(input, config->limits, err) != FTL_OK) {
        if (err->code == FTL_INPUT &&
            ftl_whole_check(config->fd, ftl_input_bytes(input)) == FTL_WHOLE_CUT) {
            return ftl_fail_sub(err, FTL_TRUNCATED, err->sub,
                                "%s: the file ends before its declared end, at byte %lld",
                                config->name, (long long)ftl_input_bytes(input));
        }
        return err->code;
    }
    input->streams_count = input->format->nb_streams;
    input->is_used = ftl_calloc(input->streams_count, sizeof(*input->is_used));
    if (input->is_used == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for an input");
    }
    for (unsigned i = 0; i < input->streams_count; i++) {
        input->format->streams[i]->discard = AVDISCARD_ALL;
    }
    *ret = FTL_TAKE(input);
    return FTL_OK;
}

void ftl_input_free(struct ftl_input *input)
{
    if (input == NULL) {
        return;
    }
    avformat_close_input(&input->format);
    ftl_io_free(input->io);
    ftl_free(input->is_used);
    ftl_free(input);
}

struct AVFormatContext *ftl_input_format(struct ftl_input *input)
{
    return input->format;
}

struct AVStream *ftl_input_stream(struct ftl_input *input, int index)
{
    return index >= 0 && (unsigned)index < input->streams_count ? input->format->streams[index]
                                                                : NULL;
}

int64_t ftl_input_bytes(const struct ftl_input *input)
{
    return ftl_io_size_bytes(input->io);
}

void ftl_input_use(struct ftl_input *input, int stream_index)
{
    if (ftl_input_stream(input, stream_index) != NULL) {
        input->is_used[stream_index] = true;
        input->format->streams[stream_index]->discard = AVDISCARD_DEFAULT;
    }
}

void ftl_input_track_all(struct ftl_input *input)
{
    for (unsigned i = 0; i < input->streams_count; i++) {
        enum AVMediaType type = input->format->streams[i]->codecpar->codec_type;
        if (type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO) {
            input->format->streams[i]->discard = AVDISCARD_DEFAULT;
        }
    }
}

static void note_packet(struct ftl_input *input, const AVPacket *packet)
{
    const AVStream *stream = input->format->streams[packet->stream_index];
    int64_t at = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (at != AV_NOPTS_VALUE) {
        double end_s = (double)(at + FFMAX(packet->duration, 0)) * av_q2d(stream->time_base);
        input->stats.packets_end_s = FFMAX(input->stats.packets_end_s, end_s);
    }
    if (input->is_used[packet->stream_index]) {
        bool is_corrupt = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
        input->stats.packets++;
        input->stats.errors += is_corrupt ? 1 : 0;
        input->stats.is_last_corrupt = is_corrupt;
    }
}

enum ftl_code ftl_input_read(struct ftl_input *input, struct AVPacket *packet, bool *ret_is_end,
                             struct ftl_err *err)
{
    int errors = 0;
    for (;;) {
        if (ftl_check_now(&input->check, err) != FTL_OK) {
            return err->code;
        }
        int status = av_read_frame(input->format, packet);
        if (status == AVERROR_EOF || errors > ERRORS_IN_A_ROW_MAX) {
            *ret_is_end = true;
            return FTL_OK;
        }
        if (status < 0) {
            if (status == AVERROR(ENOMEM) || ftl_io_error(input->io, err) != FTL_OK) {
                return fail_read(input, status, "cannot be read", err);
            }
            errors++;
            input->stats.errors += status != AVERROR(EAGAIN) ? 1 : 0;
            continue;
        }
        if ((unsigned)packet->stream_index < input->streams_count) {
            note_packet(input, packet);
            if (input->is_used[packet->stream_index]) {
                *ret_is_end = false;
                return FTL_OK;
            }
        } /* else a stream that appeared only now: its parameters were never checked */
        av_packet_unref(packet);
    }
}

void ftl_input_stats(const struct ftl_input *input, struct ftl_input_stats *ret)
{
    *ret = input->stats;
    ret->missing_samples = 0;
    for (unsigned i = 0; i < input->streams_count; i++) {
        AVStream *stream = input->format->streams[i];
        int count = input->is_used[i] ? avformat_index_get_entries_count(stream) : 0;
        for (int entry = 0; entry < count; entry++) {
            const AVIndexEntry *row = avformat_index_get_entry(stream, entry);
            ret->missing_samples += row->pos + row->size > ftl_input_bytes(input) ? 1 : 0;
        }
    }
}
