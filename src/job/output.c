/* The rules of one output that no single option row can say. */
#include <string.h>

#include "base/str.h"
#include "job/doc.h"
#include "job/placeholder.h"

static bool was_given(const struct ftl_doc_output *output, const char *name)
{
    size_t row = (size_t)(ftl_opt_find(&ftl_job_output_table, name) - ftl_job_output_table.rows);
    return (output->set & (UINT64_C(1) << row)) != 0;
}

const struct ftl_format *ftl_doc_output_format(const struct ftl_doc_output *output)
{
    return output->format >= 0 ? ftl_format_at((size_t)output->format)
                               : ftl_format_of_file(output->name);
}

bool ftl_doc_output_has_video(const struct ftl_doc_output *output, const struct ftl_format *format)
{
    bool is_dropped = output->video == NULL && was_given(output, "video");
    return format->video != 0 && !is_dropped;
}

bool ftl_doc_output_has_audio(const struct ftl_doc_output *output, const struct ftl_format *format)
{
    bool is_dropped = output->audio == NULL && was_given(output, "audio");
    return format->audio != 0 && !is_dropped;
}

const char *ftl_output_name_fault(const char *name)
{
    size_t length = strlen(name);
    if (length == 0) {
        return "is empty";
    }
    if (length > FTL_JOB_MAX_NAME) {
        return "is longer than 255 bytes";
    }
    if (name[0] == '/') {
        return "must be relative: upload.to says where it goes";
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '\\') {
            return "holds a control character or a backslash";
        }
    }
    for (const char *part = name;; part++) {
        size_t part_length = strcspn(part, "/");
        if (part_length == 0) {
            return "has an empty part between slashes";
        }
        if (part[0] == '.') {
            return part_length == 2 && part[1] == '.' ? "must not hold \"..\""
                                                      : "must not start with a dot";
        }
        part += part_length;
        if (*part == '\0') {
            return NULL;
        }
    }
}

static bool check_name(const struct ftl_doc_output *output, const char *where,
                       struct ftl_opt_errors *errors)
{
    FTL_AUTO_STR struct ftl_str sample = FTL_STR_INIT(FTL_JOB_MAX_NAME_TEXT);
    struct ftl_err err = {.code = FTL_OK};
    if (ftl_placeholders_print(output->name, ftl_name_placeholders, &sample, &err) != FTL_OK) {
        ftl_opt_report(errors, where, "name", "%s", err.msg);
        return false;
    }
    const char *fault = ftl_output_name_fault(ftl_str_text(&sample));
    if (fault != NULL) {
        ftl_opt_report(errors, where, "name", "%s", fault);
    }
    return fault == NULL;
}

static void check_video(const struct ftl_doc_output *output, const struct ftl_format *format,
                        const char *where, struct ftl_opt_errors *errors)
{
    const struct ftl_job_video *video = output->video;
    if (video == NULL) {
        return;
    }
    if (format->video == 0) {
        ftl_opt_report(errors, where, "video", "%s holds no video", format->name);
        return;
    }
    char inner[128];
    (void)ftl_copy_text(inner, sizeof(inner), where);
    ftl_json_pointer_add(inner, sizeof(inner), "video");
    int id = video->codec == FTL_CODEC_AUTO ? format->video_default : video->codec;
    const struct ftl_video_codec *codec = &ftl_video_codecs[id];
    if ((format->video & (1u << id)) == 0) {
        ftl_opt_report(errors, inner, "codec", "%s does not go into %s", codec->name, format->name);
    }
    if (video->crf > codec->crf_max) {
        ftl_opt_report(errors, inner, "crf", "%g is outside 0..%g of %s", video->crf,
                       codec->crf_max, codec->name);
    }
}

static void check_audio(const struct ftl_doc_output *output, const struct ftl_format *format,
                        const char *where, struct ftl_opt_errors *errors)
{
    const struct ftl_job_audio *audio = output->audio;
    if (audio == NULL) {
        return;
    }
    char inner[128];
    (void)ftl_copy_text(inner, sizeof(inner), where);
    ftl_json_pointer_add(inner, sizeof(inner), "audio");
    int id = audio->codec == FTL_CODEC_AUTO ? format->audio_default : audio->codec;
    const struct ftl_audio_codec *codec = &ftl_audio_codecs[id];
    if ((format->audio & (1u << id)) == 0) {
        ftl_opt_report(errors, inner, "codec", "%s does not go into %s", codec->name, format->name);
    }
    if (audio->sample_rate > 0 && !ftl_audio_codec_has_rate(codec, audio->sample_rate)) {
        ftl_opt_report(errors, inner, "sample_rate", "%s has no sample rate of %d Hz", codec->name,
                       audio->sample_rate);
    }
    if (audio->bitrate > 0 && codec->is_lossless) {
        ftl_opt_report(errors, inner, "bitrate", "%s is lossless and takes no bit rate",
                       codec->name);
    } else if (audio->bitrate > 0 &&
               (audio->bitrate < codec->bitrate_min || audio->bitrate > codec->bitrate_max))
    {
        ftl_opt_report(errors, inner, "bitrate", "%lld is outside %lld..%lld of %s",
                       (long long)audio->bitrate, (long long)codec->bitrate_min,
                       (long long)codec->bitrate_max, codec->name);
    }
}

static void check_media(const struct ftl_doc_output *output, const struct ftl_format *format,
                        const char *where, struct ftl_opt_errors *errors)
{
    if (format->kind == FTL_FORMAT_IMAGE) {
        ftl_opt_report(errors, where, "thumbnail", "%s is a picture: give \"thumbnail\": {}",
                       format->name);
        return;
    }
    bool has_video = ftl_doc_output_has_video(output, format);
    bool has_audio = ftl_doc_output_has_audio(output, format);
    if (!has_video && !has_audio) {
        ftl_opt_report(errors, where, format->video == 0 ? "audio" : NULL,
                       "nothing would be left in the file");
    }
    check_video(output, format, where, errors);
    check_audio(output, format, where, errors);
}

static void check_thumbnail(const struct ftl_doc_output *output, const struct ftl_format *format,
                            const char *where, struct ftl_opt_errors *errors)
{
    if (format->kind != FTL_FORMAT_IMAGE) {
        ftl_opt_report(errors, where, output->format >= 0 ? "format" : "name",
                       "a thumbnail is jpeg, png or webp, not %s", format->name);
    }
    if (output->video != NULL) {
        ftl_opt_report(errors, where, "video", "an output with thumbnail has no video");
    }
    if (output->audio != NULL) {
        ftl_opt_report(errors, where, "audio", "an output with thumbnail has no audio");
    }
}

void ftl_doc_output_check(const void *value, const char *where, struct ftl_opt_errors *errors)
{
    const struct ftl_doc_output *output = value;
    bool is_named = check_name(output, where, errors);
    const struct ftl_format *format = ftl_doc_output_format(output);
    if (format == NULL && is_named) {
        ftl_opt_report(errors, where, "name",
                       "does not end in a format Fettle writes (.mp4, .webm, .jpg …): give format");
    }
    if (format == NULL) {
        return;
    }
    if (output->thumbnail != NULL) {
        check_thumbnail(output, format, where, errors);
    } else {
        check_media(output, format, where, errors);
    }
}
