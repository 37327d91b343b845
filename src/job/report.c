#include "job/report.h"

#include <math.h>
#include <stdio.h>

#include "base/quantity.h"
#include "base/str.h"

enum { DIGITS_TIME = 6, DIGITS_LEVEL = 2, DIGITS_RATE = 3 };

void ftl_rate_text(struct ftl_rational rate, char to[24])
{
    if (rate.num <= 0 || rate.den <= 0) {
        to[0] = '\0';
        return;
    }
    (void)snprintf(to, 24, "%d/%d", rate.num, rate.den);
}

/* ---- printing ---- */

cJSON *ftl_loudness_json(const struct ftl_loudness *loudness)
{
    if (!loudness->is_measured) {
        return cJSON_CreateNull();
    }
    cJSON *json = ftl_json_object();
    ftl_json_add_double(json, "integrated", loudness->integrated, DIGITS_LEVEL);
    ftl_json_add_double(json, "range", loudness->range, DIGITS_LEVEL);
    ftl_json_add_double(json, "true_peak", loudness->true_peak, DIGITS_LEVEL);
    ftl_json_add_bool(json, "is_silent", loudness->is_silent);
    ftl_json_add_bool(json, "is_ungated", loudness->is_ungated);
    ftl_json_add_double(json, "duration_s", loudness->duration_s, DIGITS_TIME);
    return json;
}

static cJSON *video_json(const struct ftl_output_result *result)
{
    char rate[24];
    ftl_rate_text(result->frame_rate, rate);
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "codec", result->video_codec);
    ftl_json_add_int64(json, "width", result->width);
    ftl_json_add_int64(json, "height", result->height);
    ftl_json_add_string(json, "pix_fmt", result->pix_fmt);
    if (rate[0] != '\0') {
        ftl_json_add_string(json, "frame_rate", rate);
        ftl_json_add_double(json, "fps", ftl_rational_to_double(result->frame_rate), DIGITS_RATE);
    }
    ftl_json_add_int64(json, "frames", result->frames);
    return json;
}

static cJSON *audio_json(const struct ftl_output_result *result)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "codec", result->audio_codec);
    ftl_json_add_int64(json, "sample_rate_hz", result->sample_rate_hz);
    ftl_json_add_int64(json, "channels", result->channels);
    if (result->loudness.is_measured) {
        ftl_json_add(json, "loudness", ftl_loudness_json(&result->loudness));
    }
    return json;
}

cJSON *ftl_output_result_json(const struct ftl_output_result *result, const char *name)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_int64(json, "index", result->index);
    if (name != NULL) {
        ftl_json_add_string(json, "name", name);
    }
    ftl_json_add_string(json, "container", result->container);
    ftl_json_add_int64(json, "bytes", result->bytes);
    if (result->duration_s > 0) {
        ftl_json_add_double(json, "duration_s", result->duration_s, DIGITS_TIME);
    }
    if (result->has_video) {
        ftl_json_add(json, "video", video_json(result));
    }
    if (result->has_audio) {
        ftl_json_add(json, "audio", audio_json(result));
    }
    if (result->frames_duplicated > 0) {
        ftl_json_add_int64(json, "frames_duplicated", result->frames_duplicated);
    }
    if (result->frames_dropped > 0) {
        ftl_json_add_int64(json, "frames_dropped", result->frames_dropped);
    }
    if (result->loudness_passes > 0) {
        ftl_json_add_int64(json, "loudness_passes", result->loudness_passes);
    }
    if (result->still_reason[0] != '\0') {
        cJSON *still = ftl_json_object();
        ftl_json_add_double(still, "time_s", result->still_time_s, DIGITS_TIME);
        ftl_json_add_string(still, "reason", result->still_reason);
        ftl_json_add(json, "still", still);
    }
    return json;
}

cJSON *ftl_run_result_json(const struct ftl_run_result *run)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_int64(json, "frames_decoded", run->frames_decoded);
    ftl_json_add_double(json, "decoded_end_s", run->decoded_end_s, DIGITS_TIME);
    if (run->source_loudness.is_measured) {
        cJSON *loudness = ftl_json_object();
        ftl_json_add(loudness, "source", ftl_loudness_json(&run->source_loudness));
        ftl_json_add_double(loudness, "gain_db", run->gain_db, DIGITS_LEVEL);
        ftl_json_add_string(loudness, "method", run->loudness_method);
        ftl_json_add(json, "loudness", loudness);
    }
    cJSON *seconds = ftl_json_object();
    ftl_json_add_double(seconds, "measure", run->measure_s, DIGITS_RATE);
    ftl_json_add_double(seconds, "audio", run->audio_s, DIGITS_RATE);
    ftl_json_add_double(seconds, "video", run->video_s, DIGITS_RATE);
    ftl_json_add_double(seconds, "cpu", run->cpu_s, DIGITS_RATE);
    ftl_json_add(json, "seconds", seconds);
    return json;
}

cJSON *ftl_err_json(const struct ftl_err *err)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "code", ftl_code_name(err->code));
    ftl_json_add_string(json, "message", err->msg);
    if (err->where[0] != '\0') {
        ftl_json_add_string(json, "where", err->where);
    }
    ftl_json_add_string(json, "retry", ftl_retry_name(err->retry));
    if (err->retry_after_ms > 0) {
        ftl_json_add_int64(json, "retry_after_ms", err->retry_after_ms);
    }
    return json;
}

cJSON *ftl_opt_errors_json(const struct ftl_opt_errors *errors)
{
    cJSON *json = ftl_json_array();
    for (size_t i = 0; i < errors->count && i < FTL_OPT_MAX_ERRORS; i++) {
        ftl_json_append(json, ftl_err_json(&errors->list[i]));
    }
    if (errors->count > FTL_OPT_MAX_ERRORS) {
        struct ftl_err more = {.code = FTL_OK};
        (void)ftl_fail(&more, FTL_SPEC, "%zu more errors", errors->count - FTL_OPT_MAX_ERRORS);
        ftl_json_append(json, ftl_err_json(&more));
    }
    return json;
}

/* ---- reading back ---- */

/* The reader of one object: the first member that does not fit is kept in *err. */
struct reader {
    const cJSON *object;
    struct ftl_err *err;
};

static bool is_good(const struct reader *reader)
{
    return reader->err->code == FTL_OK;
}

static void refuse(const struct reader *reader, const char *name)
{
    if (is_good(reader)) {
        (void)ftl_fail(reader->err, FTL_INTERNAL, "\"%s\" of a result is missing or absurd", name);
    }
}

static double read_double(const struct reader *reader, const char *name, double lowest,
                          double highest, double otherwise)
{
    const cJSON *item = ftl_json_get(reader->object, name);
    if (item == NULL) {
        return otherwise;
    }
    double value = ftl_json_number(reader->object, name, (double)NAN);
    if (!(value >= lowest && value <= highest)) {
        refuse(reader, name);
        return otherwise;
    }
    return value;
}

static int64_t read_int(const struct reader *reader, const char *name, int64_t highest)
{
    int64_t value = ftl_json_int64(reader->object, name, -1);
    if (value < 0 || value > highest) {
        refuse(reader, name);
        return 0;
    }
    return value;
}

static int64_t read_count(const struct reader *reader, const char *name)
{
    return ftl_json_get(reader->object, name) != NULL ? read_int(reader, name, INT64_MAX) : 0;
}

static bool read_bool(const struct reader *reader, const char *name)
{
    if (!cJSON_IsBool(ftl_json_get(reader->object, name))) {
        refuse(reader, name);
    }
    return ftl_json_bool(reader->object, name, false);
}

static void read_text(const struct reader *reader, const char *name, char *to, size_t size)
{
    const char *text = ftl_json_string(reader->object, name, NULL);
    if (text == NULL || !ftl_copy_text(to, size, text)) {
        refuse(reader, name);
    }
}

/* -infinity prints as null. */
static double read_level(const struct reader *reader, const char *name)
{
    if (cJSON_IsNull(ftl_json_get(reader->object, name))) {
        return -(double)INFINITY;
    }
    double level = read_double(reader, name, -1000, 1000, (double)NAN);
    if (isnan(level)) {
        refuse(reader, name);
    }
    return level;
}

enum ftl_code ftl_loudness_parse(const cJSON *json, struct ftl_loudness *ret, struct ftl_err *err)
{
    *err = (struct ftl_err){.code = FTL_OK};
    struct ftl_loudness loudness = {.is_measured = false};
    if (json != NULL && !cJSON_IsNull(json)) {
        struct reader reader = {.object = json, .err = err};
        loudness.is_measured = true;
        loudness.integrated = read_level(&reader, "integrated");
        loudness.range = read_double(&reader, "range", 0, 1000, 0);
        loudness.true_peak = read_level(&reader, "true_peak");
        loudness.is_silent = read_bool(&reader, "is_silent");
        loudness.is_ungated = read_bool(&reader, "is_ungated");
        loudness.duration_s = read_double(&reader, "duration_s", 0, 1e9, 0);
    }
    if (err->code == FTL_OK) {
        *ret = loudness;
    }
    return err->code;
}

static void read_video(const cJSON *json, struct ftl_output_result *ret, struct ftl_err *err)
{
    struct reader reader = {.object = json, .err = err};
    ret->has_video = true;
    read_text(&reader, "codec", ret->video_codec, sizeof(ret->video_codec));
    read_text(&reader, "pix_fmt", ret->pix_fmt, sizeof(ret->pix_fmt));
    ret->width = (int)read_int(&reader, "width", 1 << 16);
    ret->height = (int)read_int(&reader, "height", 1 << 16);
    ret->frames = read_int(&reader, "frames", INT64_MAX);
    const char *rate = ftl_json_string(json, "frame_rate", NULL);
    if (rate != NULL && !ftl_rate_parse(rate, &ret->frame_rate)) {
        refuse(&reader, "frame_rate");
    }
}

static void read_audio(const cJSON *json, struct ftl_output_result *ret, struct ftl_err *err)
{
    struct reader reader = {.object = json, .err = err};
    ret->has_audio = true;
    read_text(&reader, "codec", ret->audio_codec, sizeof(ret->audio_codec));
    ret->sample_rate_hz = (int)read_int(&reader, "sample_rate_hz", 1 << 24);
    ret->channels = (int)read_int(&reader, "channels", 1024);
    if (is_good(&reader) &&
        ftl_loudness_parse(ftl_json_get(json, "loudness"), &ret->loudness, err) != FTL_OK)
    {
        (void)ftl_wrap(err, "audio");
    }
}

static void read_still(const cJSON *json, struct ftl_output_result *ret, struct ftl_err *err)
{
    struct reader reader = {.object = json, .err = err};
    ret->still_time_s = read_double(&reader, "time_s", 0, 1e9, 0);
    read_text(&reader, "reason", ret->still_reason, sizeof(ret->still_reason));
}

enum ftl_code ftl_output_result_parse(const cJSON *json, struct ftl_output_result *ret,
                                      struct ftl_err *err)
{
    *err = (struct ftl_err){.code = FTL_OK};
    if (!cJSON_IsObject(json)) {
        return ftl_fail(err, FTL_INTERNAL, "a result is not an object");
    }
    struct ftl_output_result result = {.index = 0};
    struct reader reader = {.object = json, .err = err};
    result.index = (int)read_int(&reader, "index", 1 << 16);
    read_text(&reader, "container", result.container, sizeof(result.container));
    result.bytes = read_int(&reader, "bytes", INT64_MAX);
    result.duration_s = read_double(&reader, "duration_s", 0, 1e9, 0);
    result.frames_duplicated = read_count(&reader, "frames_duplicated");
    result.frames_dropped = read_count(&reader, "frames_dropped");
    result.loudness_passes = (int)read_count(&reader, "loudness_passes");
    const cJSON *video = ftl_json_get(json, "video");
    const cJSON *audio = ftl_json_get(json, "audio");
    const cJSON *still = ftl_json_get(json, "still");
    if (is_good(&reader) && video != NULL) {
        read_video(video, &result, err);
    }
    if (is_good(&reader) && audio != NULL) {
        read_audio(audio, &result, err);
    }
    if (is_good(&reader) && still != NULL) {
        read_still(still, &result, err);
    }
    if (err->code == FTL_OK) {
        *ret = result;
    }
    return err->code;
}
