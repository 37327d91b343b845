#include "job/codec.h"

#include <string.h>
#include <strings.h>

#define VIDEO(id) (1u << FTL_VIDEO_##id)
#define AUDIO(id) (1u << FTL_AUDIO_##id)

/* Threads: six for x264 at 1080p, its own default on four cores (1.5 a core). On two cores that
 * costs nothing against three: 2.5 s of 1080x1920 at medium took 10.2 s of CPU and 6.4 s with
 * three, 9.2 s and 6.2 s with six; a thread costs about 9 pictures of memory. Below 720p more than
 * a few only cut the motion search's range short. SVT-AV1 takes the number as its level of
 * parallelism; libvpx uses one thread a tile column of at least 256 px.
 *
 * Pictures: resident memory of ffmpeg 5.1 with each encoder less its 58 MB without one, divided by
 * a picture's bytes, at two thread counts (1080p for x264, 720p for the others). */
const struct ftl_video_codec ftl_video_codecs[FTL_VIDEO_CODECS_COUNT] = {
    [FTL_VIDEO_H264] = {.name = "h264",
                        .libav = "h264",
                        .crf_default = 21,
                        .crf_max = 51,
                        .max_side_px = 8192,
                        .threads = {2, 4, 6, 8},
                        .pictures = 110,
                        .pictures_per_thread = 9,
                        .bits_per_pixel = 0.10},
    [FTL_VIDEO_H265] = {.name = "h265",
                        .libav = "hevc",
                        .crf_default = 25,
                        .crf_max = 51,
                        .max_side_px = 8192,
                        .threads = {2, 4, 6, 8},
                        .pictures = 131,
                        .pictures_per_thread = 7,
                        .bits_per_pixel = 0.07},
    [FTL_VIDEO_AV1] = {.name = "av1",
                       .libav = "av1",
                       .crf_default = 30,
                       .crf_max = 63,
                       .max_side_px = 8192,
                       .threads = {2, 4, 4, 6},
                       .pictures = 150,
                       .pictures_per_thread = 6,
                       .bits_per_pixel = 0.06},
    [FTL_VIDEO_VP9] = {.name = "vp9",
                       .libav = "vp9",
                       .crf_default = 32,
                       .crf_max = 63,
                       .max_side_px = 8192,
                       .threads = {2, 4, 4, 8},
                       .pictures = 98,
                       .pictures_per_thread = 5,
                       .bits_per_pixel = 0.08},
};

const struct ftl_audio_codec ftl_audio_codecs[FTL_AUDIO_CODECS_COUNT] = {
    [FTL_AUDIO_AAC] = {.name = "aac",
                       .libav = "aac",
                       .bitrate_stereo = 128000,
                       .bitrate_mono = 96000,
                       .bitrate_min = 16000,
                       .bitrate_max = 512000,
                       .rates = {48000, 44100, 32000, 24000, 22050, 16000, 96000, 88200}},
    [FTL_AUDIO_OPUS] = {.name = "opus",
                        .libav = "opus",
                        .bitrate_stereo = 128000,
                        .bitrate_mono = 64000,
                        .bitrate_min = 6000,
                        .bitrate_max = 510000,
                        .rates = {48000, 24000, 16000, 12000, 8000}},
    [FTL_AUDIO_MP3] = {.name = "mp3",
                       .libav = "mp3",
                       .bitrate_stereo = 192000,
                       .bitrate_mono = 96000,
                       .bitrate_min = 32000,
                       .bitrate_max = 320000,
                       .rates = {48000, 44100, 32000}},
    [FTL_AUDIO_FLAC] = {.name = "flac", .libav = "flac", .is_lossless = true},
    [FTL_AUDIO_PCM] = {.name = "pcm", .libav = "pcm", .is_lossless = true},
};

static const struct ftl_format formats[] = {
    {.name = "mp4",
     .muxer = "mp4",
     .endings = {"mp4", "m4v"},
     .content_type = "video/mp4",
     .video = VIDEO(H264) | VIDEO(H265) | VIDEO(AV1) | VIDEO(VP9),
     .audio = AUDIO(AAC) | AUDIO(OPUS) | AUDIO(MP3),
     .video_default = FTL_VIDEO_H264,
     .audio_default = FTL_AUDIO_AAC},
    {.name = "mov",
     .muxer = "mov",
     .endings = {"mov"},
     .content_type = "video/quicktime",
     .video = VIDEO(H264) | VIDEO(H265),
     .audio = AUDIO(AAC) | AUDIO(PCM),
     .video_default = FTL_VIDEO_H264,
     .audio_default = FTL_AUDIO_AAC},
    {.name = "mkv",
     .muxer = "matroska",
     .endings = {"mkv"},
     .content_type = "video/x-matroska",
     .video = VIDEO(H264) | VIDEO(H265) | VIDEO(AV1) | VIDEO(VP9),
     .audio = AUDIO(AAC) | AUDIO(OPUS) | AUDIO(MP3) | AUDIO(FLAC) | AUDIO(PCM),
     .video_default = FTL_VIDEO_H264,
     .audio_default = FTL_AUDIO_AAC},
    {.name = "webm",
     .muxer = "webm",
     .endings = {"webm"},
     .content_type = "video/webm",
     .video = VIDEO(VP9) | VIDEO(AV1),
     .audio = AUDIO(OPUS),
     .video_default = FTL_VIDEO_VP9,
     .audio_default = FTL_AUDIO_OPUS},
    {.name = "m4a",
     .muxer = "ipod",
     .endings = {"m4a"},
     .content_type = "audio/mp4",
     .audio = AUDIO(AAC),
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_AUDIO_AAC},
    {.name = "mp3",
     .muxer = "mp3",
     .endings = {"mp3"},
     .content_type = "audio/mpeg",
     .audio = AUDIO(MP3),
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_AUDIO_MP3},
    {.name = "ogg",
     .muxer = "ogg",
     .aliases = {"oga", "opus"},
     .endings = {"ogg", "oga", "opus"},
     .content_type = "audio/ogg",
     .audio = AUDIO(OPUS) | AUDIO(FLAC),
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_AUDIO_OPUS},
    {.name = "flac",
     .muxer = "flac",
     .endings = {"flac"},
     .content_type = "audio/flac",
     .audio = AUDIO(FLAC),
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_AUDIO_FLAC},
    {.name = "wav",
     .muxer = "wav",
     .aliases = {"w64", "rf64"},
     .endings = {"wav"},
     .content_type = "audio/wav",
     .audio = AUDIO(PCM),
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_AUDIO_PCM},
    {.name = "jpeg",
     .kind = FTL_FORMAT_IMAGE,
     .aliases = {"mjpeg", "jpeg_pipe", "image2"},
     .endings = {"jpg", "jpeg"},
     .content_type = "image/jpeg",
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_CODEC_AUTO},
    {.name = "png",
     .kind = FTL_FORMAT_IMAGE,
     .aliases = {"png_pipe", "image2"},
     .endings = {"png"},
     .content_type = "image/png",
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_CODEC_AUTO},
    {.name = "webp",
     .kind = FTL_FORMAT_IMAGE,
     .aliases = {"webp_pipe", "libwebp", "image2"},
     .endings = {"webp"},
     .content_type = "image/webp",
     .video_default = FTL_CODEC_AUTO,
     .audio_default = FTL_CODEC_AUTO},
};

const struct ftl_choice ftl_video_codec_choices[] = {
    {"auto", FTL_CODEC_AUTO, "the format's usual one"},
    {"h264", FTL_VIDEO_H264, "H.264/AVC, plays everywhere"},
    {"h265", FTL_VIDEO_H265, "H.265/HEVC"},
    {"av1", FTL_VIDEO_AV1, "AV1"},
    {"vp9", FTL_VIDEO_VP9, "VP9"},
    {NULL, 0, NULL},
};

const struct ftl_choice ftl_audio_codec_choices[] = {
    {"auto", FTL_CODEC_AUTO, "the format's usual one"},
    {"aac", FTL_AUDIO_AAC, "AAC-LC"},
    {"opus", FTL_AUDIO_OPUS, "Opus"},
    {"mp3", FTL_AUDIO_MP3, "MP3"},
    {"flac", FTL_AUDIO_FLAC, "FLAC, lossless"},
    {"pcm", FTL_AUDIO_PCM, "PCM, 16 bit, uncompressed"},
    {NULL, 0, NULL},
};

/* In the order of formats[]; a unit test holds the two together. */
const struct ftl_choice ftl_format_choices[] = {
    {"auto", -1, "by the name's ending"},
    {"mp4", 0, "MPEG-4, moov first"},
    {"mov", 1, "QuickTime"},
    {"mkv", 2, "Matroska"},
    {"webm", 3, "WebM"},
    {"m4a", 4, "AAC in MPEG-4, sound only"},
    {"mp3", 5, "MP3 file"},
    {"ogg", 6, "Ogg with Opus or FLAC"},
    {"flac", 7, "FLAC file"},
    {"wav", 8, "WAVE file"},
    {"jpeg", 9, "JPEG picture"},
    {"png", 10, "PNG picture, keeps transparency"},
    {"webp", 11, "WebP picture"},
    {NULL, 0, NULL},
};

const struct ftl_choice ftl_speed_choices[] = {
    {"ultrafast", FTL_SPEED_ULTRAFAST, "least CPU, largest files"},
    {"superfast", FTL_SPEED_SUPERFAST, NULL},
    {"veryfast", FTL_SPEED_VERYFAST, "previews, live-like turnaround"},
    {"faster", FTL_SPEED_FASTER, NULL},
    {"fast", FTL_SPEED_FAST, NULL},
    {"medium", FTL_SPEED_MEDIUM, "the usual balance"},
    {"slow", FTL_SPEED_SLOW, NULL},
    {"slower", FTL_SPEED_SLOWER, NULL},
    {"veryslow", FTL_SPEED_VERYSLOW, "smallest files, most CPU"},
    {NULL, 0, NULL},
};

const struct ftl_format *ftl_format_at(size_t index)
{
    return index < sizeof(formats) / sizeof(formats[0]) ? &formats[index] : NULL;
}

const struct ftl_format *ftl_format_find(const char *name)
{
    const struct ftl_format *format = NULL;
    for (size_t i = 0; (format = ftl_format_at(i)) != NULL; i++) {
        if (strcmp(format->name, name) == 0 ||
            (format->muxer != NULL && strcmp(format->muxer, name) == 0)) {
            return format;
        }
    }
    return NULL;
}

const struct ftl_format *ftl_format_of_file(const char *file_name)
{
    const char *dot = strrchr(file_name, '.');
    const struct ftl_format *format = NULL;
    for (size_t i = 0; dot != NULL && (format = ftl_format_at(i)) != NULL; i++) {
        for (size_t k = 0; format->endings[k] != NULL; k++) {
            if (strcasecmp(dot + 1, format->endings[k]) == 0) {
                return format;
            }
        }
    }
    return NULL;
}

const struct ftl_video_codec *ftl_video_codec_find(const char *name)
{
    for (size_t i = 0; i < FTL_VIDEO_CODECS_COUNT; i++) {
        if (strcmp(ftl_video_codecs[i].name, name) == 0) {
            return &ftl_video_codecs[i];
        }
    }
    return NULL;
}

const struct ftl_audio_codec *ftl_audio_codec_find(const char *name)
{
    for (size_t i = 0; i < FTL_AUDIO_CODECS_COUNT; i++) {
        if (strcmp(ftl_audio_codecs[i].name, name) == 0) {
            return &ftl_audio_codecs[i];
        }
    }
    return NULL;
}

/* One of the names in a demuxer's list, "mov,mp4,m4a,3gp,3g2,mj2". */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *item = list; *item != '\0';) {
        size_t item_length = strcspn(item, ",");
        if (item_length == length && strncmp(item, name, length) == 0) {
            return true;
        }
        item += item_length + (item[item_length] == ',' ? 1 : 0);
    }
    return false;
}

bool ftl_format_is(const char *name, const char *found)
{
    const struct ftl_format *format = ftl_format_find(name);
    if (format == NULL || is_listed(found, name)) {
        return format != NULL;
    }
    if (is_listed(found, format->name) || (format->muxer && is_listed(found, format->muxer))) {
        return true;
    }
    for (size_t i = 0; format->aliases[i] != NULL; i++) {
        if (is_listed(found, format->aliases[i])) {
            return true;
        }
    }
    return false;
}

bool ftl_video_codec_is(const char *name, const char *found)
{
    const struct ftl_video_codec *codec = ftl_video_codec_find(name);
    return strcmp(name, found) == 0 || (codec != NULL && strcmp(codec->libav, found) == 0);
}

bool ftl_audio_codec_is(const char *name, const char *found)
{
    const struct ftl_audio_codec *codec = ftl_audio_codec_find(name);
    if (strcmp(name, found) == 0 || codec == NULL) {
        return strcmp(name, found) == 0;
    }
    bool is_pcm = codec == &ftl_audio_codecs[FTL_AUDIO_PCM];
    return strcmp(codec->libav, found) == 0 || (is_pcm && strncmp(found, "pcm_", 4) == 0);
}

bool ftl_audio_codec_has_rate(const struct ftl_audio_codec *codec, int rate_hz)
{
    if (codec->rates[0] == 0) {
        return true;
    }
    for (size_t i = 0; i < FTL_RATES_MAX && codec->rates[i] != 0; i++) {
        if (codec->rates[i] == rate_hz) {
            return true;
        }
    }
    return false;
}

const char *ftl_speed_name(enum ftl_speed speed)
{
    for (const struct ftl_choice *choice = ftl_speed_choices; choice->name != NULL; choice++) {
        if (choice->value == (int)speed) {
            return choice->name;
        }
    }
    return "medium";
}

int ftl_video_codec_threads(const struct ftl_video_codec *codec, int width, int height)
{
    static const int64_t pixels[FTL_PICTURE_SIZES - 1] = {INT64_C(640) * 360, INT64_C(1280) * 736,
                                                          INT64_C(1920) * 1088};
    int size = 0;
    while (size < FTL_PICTURE_SIZES - 1 && (int64_t)width * height > pixels[size]) {
        size++;
    }
    return codec->threads[size];
}

int64_t ftl_video_codec_bytes(const struct ftl_video_codec *codec, int width, int height)
{
    int64_t picture = (int64_t)width * height * 3 / 2;
    int threads = ftl_video_codec_threads(codec, width, height);
    return picture * (codec->pictures + (int64_t)codec->pictures_per_thread * threads);
}
