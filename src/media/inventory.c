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
    list_libraries(each, opaque);
    void *at = NULL;
    for (const AVCodec *codec = NULL; (codec = av_codec_iterate(&at)) != NULL;) {
        if (av_codec_is_encoder(codec)) {
            each(opaque, "encoder", codec->name, codec->long_name);
        }
    }
    at = NULL;
    for (const AVOutputFormat *format = NULL; (format = av_muxer_iterate(&at)) != NULL;) {
        each(opaque, "muxer", format->name, format->long_name);
    }
    at = NULL;
    for (const AVFilter *filter = NULL; (filter = av_filter_iterate(&at)) != NULL;) {
        each(opaque, "filter", filter->name, filter->description);
    }
}
