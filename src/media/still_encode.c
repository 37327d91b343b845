#include "media/still_encode.h"

#include <math.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "base/fd.h"
#include "base/str.h"
#include "media/av_auto.h"
#include "media/av_err.h"

FTL_AUTO_DEFINE(sws, struct SwsContext, sws_freeContext);

struct format {
    const char *name;    /* ours */
    const char *encoder; /* libavcodec's */
    const char *codec;   /* for the report, like the next */
    const char *pix_fmt;
    bool is_yuv;  /* else RGB */
    bool is_full; /* range of the YUV */
};

/* JPEG is full-range BT.601 by JFIF, WebP limited BT.601 by its specification. */
static const struct format formats[] = {
    {"jpeg", "mjpeg", "mjpeg", "yuvj420p", true, true},
    {"png", "png", "png", "rgb24", false, true},
    {"webp", "libwebp", "webp", "yuv420p", true, false},
};

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

static enum ftl_code new_picture(enum AVPixelFormat pix_fmt, int width, int height, AVFrame **ret,
                                 struct ftl_err *err)
{
    FTL_AUTO(av_frame) AVFrame *frame = av_frame_alloc();
    if (frame == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a %dx%d picture", width, height);
    }
    frame->format = pix_fmt;
    frame->width = width;
    frame->height = height;
    int number = av_frame_get_buffer(frame, 0);
    if (number < 0) {
        return ftl_fail_av(err, FTL_NOMEM, number, "a %dx%d picture", width, height);
    }
    *ret = FTL_TAKE(frame);
    return FTL_OK;
}

/* Converts by the matrix and range each side's frame states; swscale's own guess is BT.601. */
static enum ftl_code convert(const AVFrame *from, int from_matrix, AVFrame *to, struct ftl_err *err)
{
    FTL_AUTO(sws)
    struct SwsContext *sws = sws_getContext(
        from->width, from->height, from->format, to->width, to->height, to->format,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT,
        NULL, NULL, NULL);
    if (sws == NULL) {
        return ftl_fail(err, FTL_UNSUPPORTED, "a still from %s pictures",
                        av_get_pix_fmt_name(from->format));
    }
    (void)sws_setColorspaceDetails(sws, sws_getCoefficients(from_matrix),
                                   from->color_range == AVCOL_RANGE_JPEG,
                                   sws_getCoefficients(SWS_CS_ITU601),
                                   to->color_range == AVCOL_RANGE_JPEG, 0, 1 << 16, 1 << 16);
    int lines = sws_scale(sws, (const uint8_t *const *)from->data, from->linesize, 0, from->height,
                          to->data, to->linesize);
    return lines == to->height
               ? FTL_OK
               : ftl_fail_sub(err, FTL_INTERNAL, lines, "scaling the still stopped half way");
}

/* swscale averages pairs of pixels into one of chroma, also where the second lies past an odd
 * width: in the padding, whose content would differ from run to run. */
static void repeat_last_column(AVFrame *rgb)
{
    enum { RGB_BYTES = 3 };
    size_t row_bytes = (size_t)rgb->width * RGB_BYTES;
    if (rgb->width % 2 == 0 || row_bytes + RGB_BYTES > (size_t)rgb->linesize[0]) {
        return;
    }
    for (int y = 0; y < rgb->height; y++) {
        uint8_t *end = rgb->data[0] + (ptrdiff_t)y * rgb->linesize[0] + row_bytes;
        memcpy(end, end - RGB_BYTES, RGB_BYTES);
    }
}

/* To full-range RGB of the still's size. */
static enum ftl_code to_rgb(const AVFrame *frame, int width, int height, AVFrame **ret,
                            struct ftl_err *err)
{
    FTL_AUTO(av_frame) AVFrame *rgb = NULL;
    enum ftl_code code = new_picture(AV_PIX_FMT_RGB24, width, height, &rgb, err);
    if (code != FTL_OK) {
        return code;
    }
    rgb->color_range = AVCOL_RANGE_JPEG;
    bool is_tagged = frame->colorspace != AVCOL_SPC_UNSPECIFIED &&
                     frame->colorspace != AVCOL_SPC_RGB && frame->colorspace != AVCOL_SPC_RESERVED;
    code = convert(frame, is_tagged ? (int)frame->colorspace : SWS_CS_ITU709, rgb, err);
    if (code == FTL_OK) {
        repeat_last_column(rgb);
        *ret = FTL_TAKE(rgb);
    }
    return code;
}

/* By way of RGB, because the matrix changes from BT.709 to BT.601. */
static enum ftl_code to_yuv(const AVFrame *rgb, bool is_full, AVFrame **ret, struct ftl_err *err)
{
    FTL_AUTO(av_frame) AVFrame *yuv = NULL;
    enum ftl_code code = new_picture(AV_PIX_FMT_YUV420P, rgb->width, rgb->height, &yuv, err);
    if (code != FTL_OK) {
        return code;
    }
    yuv->color_range = is_full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    yuv->colorspace = AVCOL_SPC_BT470BG;
    code = convert(rgb, SWS_CS_ITU601, yuv, err);
    if (code == FTL_OK) {
        *ret = FTL_TAKE(yuv);
    }
    return code;
}

/* libjpeg's quality scale expressed in mjpeg's: both multiply a fixed matrix, and libjpeg's 50 (its
 * matrix as it is) matches a scale of about 16 eighths here. */
static int jpeg_lambda(int quality)
{
    double percent = quality < 50 ? 5000.0 / quality : 200.0 - 2.0 * quality;
    double scale = fmin(fmax(percent / 6.25, 1.0), 31.0);
    return (int)lrint(scale * FF_QP2LAMBDA);
}

static enum ftl_code open_encoder(const struct format *format, const AVFrame *picture, int quality,
                                  AVCodecContext **ret, struct ftl_err *err)
{
    const AVCodec *encoder = avcodec_find_encoder_by_name(format->encoder);
    if (encoder == NULL) {
        return ftl_fail(err, FTL_UNSUPPORTED, "this libavcodec has no %s encoder", format->encoder);
    }
    FTL_AUTO(av_codec) AVCodecContext *codec = avcodec_alloc_context3(encoder);
    if (codec == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for the %s encoder", format->encoder);
    }
    codec->width = picture->width;
    codec->height = picture->height;
    codec->pix_fmt = picture->format;
    codec->color_range = picture->color_range;
    codec->colorspace = picture->colorspace;
    codec->sample_aspect_ratio = (AVRational){1, 1};
    codec->time_base = (AVRational){1, 25};
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_BITEXACT; /* no version comment in the file */
    if (encoder->id == AV_CODEC_ID_MJPEG) {
        codec->flags |= AV_CODEC_FLAG_QSCALE;
        codec->global_quality = jpeg_lambda(quality);
        codec->qmin = 1;
    }
    /* Options the encoder lacks are not set: png has no quality. */
    (void)av_opt_set_double(codec->priv_data, "quality", quality, 0);
    (void)av_opt_set(codec->priv_data, "pred", "mixed", 0);
    int number = avcodec_open2(codec, encoder, NULL);
    if (number < 0) {
        return ftl_fail_av(err, FTL_INTERNAL, number, "opening the %s encoder at %dx%d",
                           format->encoder, picture->width, picture->height);
    }
    *ret = FTL_TAKE(codec);
    return FTL_OK;
}

static enum ftl_code write_picture(const struct format *format, AVFrame *picture, int quality,
                                   int fd, int64_t *ret_bytes, struct ftl_err *err)
{
    FTL_AUTO(av_codec) AVCodecContext *codec = NULL;
    FTL_AUTO(av_packet) AVPacket *packet = av_packet_alloc();
    if (packet == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a packet");
    }
    enum ftl_code code = open_encoder(format, picture, quality, &codec, err);
    if (code != FTL_OK) {
        return code;
    }
    picture->pts = 0;
    picture->quality = jpeg_lambda(quality); /* read by mjpeg alone */
    int number = avcodec_send_frame(codec, picture);
    if (number >= 0) {
        number = avcodec_send_frame(codec, NULL);
    }
    if (number >= 0) {
        number = avcodec_receive_packet(codec, packet);
    }
    if (number < 0) {
        return ftl_fail_av(err, FTL_INTERNAL, number, "encoding a %dx%d still as %s",
                           picture->width, picture->height, format->name);
    }
    code = ftl_fd_write_all(fd, packet->data, (size_t)packet->size, err);
    *ret_bytes = packet->size;
    return code;
}

enum ftl_code ftl_still_encode(const AVFrame *frame, const struct ftl_still_plan *plan, int fd,
                               struct ftl_output_result *ret, struct ftl_err *err)
{
    const struct format *format = find_format(plan->format);
    if (format == NULL) {
        return ftl_fail(err, FTL_UNSUPPORTED, "stills of format %s", plan->format);
    }
    int width = plan->width > 0 ? plan->width : frame->width;
    int height = plan->height > 0 ? plan->height : frame->height;
    FTL_AUTO(av_frame) AVFrame *rgb = NULL;
    FTL_AUTO(av_frame) AVFrame *yuv = NULL;
    enum ftl_code code = to_rgb(frame, width, height, &rgb, err);
    if (code == FTL_OK && format->is_yuv) {
        code = to_yuv(rgb, format->is_full, &yuv, err);
    }
    int64_t bytes = 0;
    if (code == FTL_OK) {
        code = write_picture(format, format->is_yuv ? yuv : rgb, plan->quality, fd, &bytes, err);
    }
    if (code != FTL_OK) {
        return code;
    }
    (void)ftl_copy_text(ret->container, sizeof(ret->container), format->name);
    (void)ftl_copy_text(ret->video_codec, sizeof(ret->video_codec), format->codec);
    (void)ftl_copy_text(ret->pix_fmt, sizeof(ret->pix_fmt), format->pix_fmt);
    ret->has_video = true;
    ret->width = width;
    ret->height = height;
    ret->frames = 1;
    ret->bytes = bytes;
    return FTL_OK;
}
