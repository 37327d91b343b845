#include "job/plan_impl.h"
#include "job/report.h"

enum { DIGITS = 6 };

static void add_rate(cJSON *json, struct ftl_rational rate)
{
    char text[24];
    ftl_rate_text(rate, text);
    if (text[0] != '\0') {
        ftl_json_add_string(json, "frame_rate", text);
    }
}

static cJSON *shape_json(const struct ftl_shape *shape)
{
    cJSON *json = ftl_json_object();
    if (shape->has_video) {
        ftl_json_add_int64(json, "width", shape->width);
        ftl_json_add_int64(json, "height", shape->height);
        add_rate(json, shape->frame_rate);
        ftl_json_add_bool(json, "has_alpha", shape->has_alpha);
    }
    if (shape->has_audio) {
        ftl_json_add_int64(json, "sample_rate_hz", shape->sample_rate_hz);
        ftl_json_add_int64(json, "channels", shape->channels);
    }
    if (shape->duration_s > 0) {
        ftl_json_add_double(json, "duration_s", shape->duration_s, DIGITS);
    }
    return json;
}

/* Options hold names of inputs, never their addresses (spec.h). */
static cJSON *filter_json(const struct ftl_filter_inst *inst)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "filter", inst->filter->name);
    ftl_json_add_string(json, "where", inst->where);
    cJSON *options = ftl_opt_print(inst->filter->table, inst->opts, false, false);
    ftl_json_add(json, "options", options != NULL ? options : ftl_json_object());
    return json;
}

static cJSON *run_json(const struct ftl_plan_run *run)
{
    cJSON *json = ftl_json_object();
    cJSON *filters = ftl_json_array();
    for (size_t i = 0; i < run->chain_count; i++) {
        ftl_json_append(filters, filter_json(run->chain[i]));
    }
    cJSON *outputs = ftl_json_array();
    for (size_t i = 0; i < run->outputs_count; i++) {
        ftl_json_append(outputs, cJSON_CreateNumber(run->outputs[i]));
    }
    ftl_json_add(json, "source", shape_json(&run->source));
    ftl_json_add(json, "filters", filters);
    ftl_json_add(json, "canvas", shape_json(&run->shape));
    ftl_json_add(json, "outputs", outputs);
    return json;
}

static cJSON *video_json(const struct ftl_video_plan *video)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "codec", video->codec);
    ftl_json_add_int64(json, "width", video->width);
    ftl_json_add_int64(json, "height", video->height);
    add_rate(json, video->frame_rate);
    if (video->crf >= 0) {
        ftl_json_add_double(json, "crf", video->crf, DIGITS);
    }
    if (video->bitrate > 0) {
        ftl_json_add_int64(json, "bitrate", video->bitrate);
    }
    if (video->max_bitrate > 0) {
        ftl_json_add_int64(json, "max_bitrate", video->max_bitrate);
    }
    ftl_json_add_string(json, "speed", ftl_speed_name(video->speed));
    ftl_json_add_int64(json, "gop_frames", video->gop_frames);
    ftl_json_add_string(json, "pix_fmt", video->pix_fmt);
    ftl_json_add_int64(json, "threads", video->threads);
    return json;
}

static cJSON *audio_json(const struct ftl_audio_plan *audio)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "codec", audio->codec);
    ftl_json_add_int64(json, "sample_rate_hz", audio->sample_rate_hz);
    ftl_json_add_int64(json, "channels", audio->channels);
    if (audio->bitrate > 0) {
        ftl_json_add_int64(json, "bitrate", audio->bitrate);
    }
    return json;
}

static cJSON *still_json(const struct ftl_still_plan *still)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "format", still->format);
    ftl_json_add_int64(json, "width", still->width);
    ftl_json_add_int64(json, "height", still->height);
    ftl_json_add_int64(json, "quality", still->quality);
    if (still->at == FTL_STILL_AT_BEST) {
        ftl_json_add_string(json, "at", "best");
    } else {
        ftl_json_add_double(json, "at", still->time_s, DIGITS);
    }
    return json;
}

static cJSON *loudness_json(const struct ftl_loudness_target *target)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_double(json, "integrated", target->integrated, DIGITS);
    ftl_json_add_double(json, "true_peak", target->true_peak, DIGITS);
    ftl_json_add_double(json, "tolerance", target->tolerance, DIGITS);
    return json;
}

static cJSON *output_json(const struct ftl_plan_output *output)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_int64(json, "index", output->index);
    ftl_json_add_string(json, "name", output->name);
    ftl_json_add_string(json, "where", output->where);
    if (output->kind == FTL_OUTPUT_THUMBNAIL) {
        ftl_json_add_string(json, "kind", "thumbnail");
        ftl_json_add(json, "still", still_json(&output->still));
        return json;
    }
    ftl_json_add_string(json, "kind", "media");
    ftl_json_add_string(json, "container", output->container);
    if (output->duration_s > 0) {
        ftl_json_add_double(json, "duration_s", output->duration_s, DIGITS);
    }
    if (output->has_video) {
        ftl_json_add(json, "video", video_json(&output->video));
    }
    if (output->has_audio) {
        ftl_json_add(json, "audio", audio_json(&output->audio));
    }
    if (output->has_audio && output->loudness.is_set) {
        ftl_json_add(json, "loudness", loudness_json(&output->loudness));
    }
    return json;
}

/* What the bytes of the outputs depend on: not permits or estimates. */
static cJSON *core_json(const struct ftl_plan *plan)
{
    cJSON *json = ftl_json_object();
    cJSON *inputs = ftl_json_array();
    for (size_t i = 0; i < plan->inputs_count; i++) {
        cJSON *input = ftl_json_object();
        ftl_json_add_string(input, "name", plan->inputs[i].name);
        ftl_json_add_int64(input, "index", plan->inputs[i].index);
        ftl_json_append(inputs, input);
    }
    cJSON *runs = ftl_json_array();
    for (size_t i = 0; i < plan->runs_count; i++) {
        ftl_json_append(runs, run_json(&plan->runs[i]));
    }
    cJSON *outputs = ftl_json_array();
    for (size_t i = 0; i < plan->outputs_count; i++) {
        ftl_json_append(outputs, output_json(&plan->outputs[i]));
    }
    ftl_json_add(json, "inputs", inputs);
    ftl_json_add_int64(json, "main_input", plan->main_input);
    ftl_json_add(json, "runs", runs);
    ftl_json_add(json, "outputs", outputs);
    return json;
}

cJSON *ftl_plan_json(const struct ftl_plan *plan)
{
    cJSON *json = core_json(plan);
    cJSON *machine = ftl_json_object();
    ftl_json_add_int64(machine, "decoder_threads", plan->decoder_threads);
    ftl_json_add_int64(machine, "filter_threads", plan->filter_threads);
    ftl_json_add_int64(machine, "cpu_weight", plan->cpu_weight);
    ftl_json_add_int64(machine, "memory_bytes", plan->memory_bytes);
    ftl_json_add_int64(machine, "output_bytes", plan->output_bytes);
    ftl_json_add(json, "machine", machine);
    return json;
}
