#include "job/plan.h"
#include "job/report.h"

enum { DIGITS_TIME = 6, DIGITS_RATE = 3 };

static void add_time(cJSON *json, const char *name, double seconds)
{
    if (seconds > 0) {
        ftl_json_add_double(json, name, seconds, DIGITS_TIME);
    }
}

static void add_count(cJSON *json, const char *name, int64_t count)
{
    if (count > 0) {
        ftl_json_add_int64(json, name, count);
    }
}

static void add_text(cJSON *json, const char *name, const char *text)
{
    if (text[0] != '\0') {
        ftl_json_add_string(json, name, text);
    }
}

static void add_flag(cJSON *json, const char *name, bool value)
{
    if (value) {
        ftl_json_add_bool(json, name, true);
    }
}

static void add_rate(cJSON *json, const char *name, struct ftl_rational rate)
{
    char text[24];
    ftl_rate_text(rate, text);
    add_text(json, name, text);
}

static void add_video(cJSON *json, const struct ftl_probe_stream *stream)
{
    char sar[24];
    ftl_json_add_int64(json, "width", stream->width);
    ftl_json_add_int64(json, "height", stream->height);
    ftl_json_add_int64(json, "coded_width", stream->coded_width);
    ftl_json_add_int64(json, "coded_height", stream->coded_height);
    ftl_rate_text(stream->sar, sar);
    add_text(json, "sar", sar);
    add_count(json, "rotate_deg", stream->rotate_deg);
    add_flag(json, "is_mirrored", stream->is_mirrored);
    add_rate(json, "frame_rate", stream->frame_rate);
    if (stream->frame_rate.num > 0) {
        ftl_json_add_double(json, "fps", ftl_rational_to_double(stream->frame_rate), DIGITS_RATE);
    }
    add_rate(json, "nominal_rate", stream->nominal_rate);
    add_flag(json, "is_variable_rate", stream->is_variable_rate);
    add_text(json, "pix_fmt", stream->pix_fmt);
    add_count(json, "bit_depth", stream->bit_depth);
    add_flag(json, "has_alpha", stream->has_alpha);
    add_flag(json, "is_interlaced", stream->is_interlaced);
    add_flag(json, "is_full_range", stream->is_full_range);
    add_text(json, "colour_space", stream->colour_space);
    add_text(json, "colour_primaries", stream->colour_primaries);
    add_text(json, "colour_transfer", stream->colour_transfer);
}

static const char *media_name(enum ftl_media media)
{
    return media == FTL_MEDIA_VIDEO ? "video" : media == FTL_MEDIA_AUDIO ? "audio" : "other";
}

static cJSON *stream_json(const struct ftl_probe_stream *stream)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_int64(json, "index", stream->index);
    ftl_json_add_string(json, "media", media_name(stream->media));
    ftl_json_add_string(json, "codec", stream->codec);
    add_text(json, "profile", stream->profile);
    add_text(json, "language", stream->language);
    ftl_json_add_bool(json, "is_decodable", stream->is_decodable);
    add_flag(json, "is_default", stream->is_default);
    add_flag(json, "is_attached_pic", stream->is_attached_pic);
    ftl_json_add_double(json, "start_s", stream->start_s, DIGITS_TIME);
    add_time(json, "duration_s", stream->duration_s);
    add_count(json, "bit_rate", stream->bit_rate);
    add_count(json, "frames", stream->frames);
    if (stream->media == FTL_MEDIA_VIDEO) {
        add_video(json, stream);
    } else if (stream->media == FTL_MEDIA_AUDIO) {
        ftl_json_add_int64(json, "sample_rate_hz", stream->sample_rate_hz);
        ftl_json_add_int64(json, "channels", stream->channels);
        add_text(json, "channel_layout", stream->channel_layout);
    }
    return json;
}

cJSON *ftl_probe_json(const struct ftl_probe *probe)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "container", probe->container);
    ftl_json_add_int64(json, "bytes", probe->bytes);
    ftl_json_add_double(json, "start_s", probe->start_s, DIGITS_TIME);
    add_time(json, "duration_s", probe->duration_s);
    add_count(json, "bit_rate", probe->bit_rate);
    ftl_json_add_bool(json, "is_still", probe->is_still);
    if (probe->video >= 0) {
        ftl_json_add_int64(json, "video", probe->video);
    }
    if (probe->audio >= 0) {
        ftl_json_add_int64(json, "audio", probe->audio);
    }
    cJSON *streams = ftl_json_array();
    for (int i = 0; i < probe->streams_count && i < FTL_PROBE_MAX_STREAMS; i++) {
        ftl_json_append(streams, stream_json(&probe->streams[i]));
    }
    ftl_json_add(json, "streams", streams);
    add_count(json, "streams_left_out", probe->streams_left_out);
    return json;
}
