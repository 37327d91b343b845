#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/mem.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "media/av_log.h"
#include "media/encoder.h"
#include "media/pipeline.h"

void ftl_media_init(const struct ftl_log *log)
{
    ftl_av_log_init(log);
    (void)setenv("SVT_LOG", "1", 0); /* SVT-AV1 writes to stderr by itself: errors only */
    /* One allocation is a picture at most: 16384 × 16384 at 4 bytes. Jobs bound theirs further. */
    av_max_alloc((size_t)1 << 30);
    /* First look-ups build tables that children then share. */
    for (size_t i = 0; ftl_encoder_codec_at(i) != NULL; i++) {
        (void)avcodec_find_encoder_by_name(ftl_encoder_libav_name(ftl_encoder_codec_at(i)));
    }
    (void)avfilter_get_by_name("scale");
}

struct library {
    const char *name;
    unsigned (*version)(void);
};

static void list_libraries(void (*each)(void *opaque, const char *kind, const char *name,
                                        const char *detail),
                           void *opaque)
{
    static const struct library libraries[] = {
        {"libavutil", avutil_version},     {"libavcodec", avcodec_version},
        {"libavformat", avformat_version}, {"libavfilter", avfilter_version},
        {"libswscale", swscale_version},   {"libswresample", swresample_version}};
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        char text[32];
        unsigned version = libraries[i].version();
        (void)snprintf(text, sizeof(text), "%u.%u.%u", AV_VERSION_MAJOR(version),
                       AV_VERSION_MINOR(version), AV_VERSION_MICRO(version));
        each(opaque, "library", libraries[i].name, text);
    }
    each(opaque, "library", "ffmpeg", av_version_info());
}

void ftl_media_inventory(void (*each)(void *opaque, const char *kind, const char *name,
                                      const char *detail),
                         void *opaque)
{
    static const char *const muxers[] = {"mp4",  "mov", "matroska", "webm", "mp3",
                                         "flac", "wav", "ogg",      "ipod", "adts"};
    static const char *const filters[] = {
        "scale",     "overlay", "crop",        "pad",    "transpose", "boxblur",
        "gblur",     "fps",     "trim",        "format", "alimiter",  "volume",
        "aresample", "bwdif",   "premultiply", "zscale", "tonemap",   "setsar"};
    list_libraries(each, opaque);
    for (size_t i = 0; ftl_encoder_codec_at(i) != NULL; i++) {
        const char *name = ftl_encoder_libav_name(ftl_encoder_codec_at(i));
        if (avcodec_find_encoder_by_name(name) != NULL) {
            each(opaque, "encoder", ftl_encoder_codec_at(i), name);
        }
    }
    for (size_t i = 0; i < sizeof(muxers) / sizeof(muxers[0]); i++) {
        const AVOutputFormat *format = av_guess_format(muxers[i], NULL, NULL);
        if (format != NULL) {
            each(opaque, "muxer", muxers[i], format->long_name);
        }
    }
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        const AVFilter *filter = avfilter_get_by_name(filters[i]);
        if (filter != NULL) {
            each(opaque, "filter", filters[i], filter->description);
        }
    }
}
