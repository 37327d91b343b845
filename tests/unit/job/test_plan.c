#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "job/expect.h"
#include "job/plan.h"

enum { ARENA_MAX = 8 << 20, CORES = 4 };

/* ---- sources ---- */

struct source {
    const char *name;
    double video_s, audio_s, container_s; /* 0 = unknown */
    int width, height;                    /* upright; 0 = no video */
    int channels, rate_hz;                /* 0 = no audio */
    struct ftl_rational rate;
    bool is_variable_rate;
    bool is_still;
    bool is_odd_codec; /* no decoder for either stream */
};

static const struct source sources[] = {
    {"landscape", 8, 8, 8, 1280, 720, 2, 48000, {24, 1}, false, false, false},
    {"hd60", 10, 10, 10, 1920, 1080, 2, 44100, {60, 1}, false, false, false},
    {"hd120", 10, 0, 10, 1920, 1080, 0, 0, {120000, 1001}, false, false, false},
    {"rotated", 6, 6, 6, 720, 1280, 1, 44100, {30, 1}, false, false, false},
    {"silent", 5, 0, 5, 1280, 720, 0, 0, {30000, 1001}, false, false, false},
    {"odd", 4, 4, 4, 1281, 721, 2, 48000, {25, 1}, false, false, false},
    {"speck", 4, 0, 4, 1, 1, 0, 0, {25, 1}, false, false, false},
    {"variable", 5, 5, 5, 640, 360, 2, 48000, {2917, 100}, true, false, false},
    {"averaged", 5, 0, 5, 640, 360, 0, 0, {299697, 10000}, false, false, false},
    {"slow", 5, 0, 5, 640, 360, 0, 0, {8, 1}, false, false, false},
    {"browser", 0, 0, 0, 640, 360, 2, 48000, {1000, 1}, false, false, false},
    {"short", 2, 2, 2, 640, 360, 2, 48000, {25, 1}, false, false, false},
    {"surround", 8, 8, 8, 1920, 1080, 6, 48000, {25, 1}, false, false, false},
    {"tail", 4, 5, 5, 640, 360, 2, 48000, {25, 1}, false, false, false},
    {"song", 0, 60, 60, 0, 0, 2, 44100, {0, 0}, false, false, false},
    {"picture", 0, 0, 0.04, 801, 601, 0, 0, {25, 1}, false, true, false},
    {"logo", 0, 0, 0.04, 200, 100, 0, 0, {25, 1}, false, true, false},
    {"empty", 0, 0, 0, 0, 0, 0, 0, {0, 0}, false, false, false},
    {"strange", 4, 4, 4, 640, 360, 2, 48000, {25, 1}, false, false, true},
};

static void fill_probe(const struct source *source, struct ftl_probe *probe)
{
    *probe = (struct ftl_probe){.container = "mov,mp4,m4a,3gp,3g2,mj2",
                                .duration_s = source->container_s,
                                .video = -1,
                                .audio = -1,
                                .is_still = source->is_still};
    if (source->width > 0) {
        probe->video = probe->streams_count;
        probe->streams[probe->streams_count++] =
            (struct ftl_probe_stream){.media = FTL_MEDIA_VIDEO,
                                      .codec = "h264",
                                      .is_decodable = !source->is_odd_codec,
                                      .duration_s = source->video_s,
                                      .coded_width = source->width,
                                      .coded_height = source->height,
                                      .width = source->width,
                                      .height = source->height,
                                      .frame_rate = source->rate,
                                      .nominal_rate = source->rate,
                                      .is_variable_rate = source->is_variable_rate,
                                      .bit_depth = 8};
    }
    if (source->channels > 0) {
        probe->audio = probe->streams_count;
        probe->streams[probe->streams_count++] =
            (struct ftl_probe_stream){.media = FTL_MEDIA_AUDIO,
                                      .codec = "aac",
                                      .is_decodable = !source->is_odd_codec,
                                      .duration_s = source->audio_s,
                                      .sample_rate_hz = source->rate_hz,
                                      .channels = source->channels};
    }
}

static const struct source *find_source(const char *name)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (strcmp(sources[i].name, name) == 0) {
            return &sources[i];
        }
    }
    fail_msg("no source %s", name);
    return NULL;
}

/* ---- planning ---- */

static const struct ftl_job *parse_job(const char *text, struct ftl_arena *arena)
{
    FTL_AUTO_STR struct ftl_str quoted = FTL_STR_INIT(65536);
    for (const char *c = text; *c != '\0'; c++) {
        ftl_str_add_bytes(&quoted, *c == '\'' ? "\"" : c, 1);
    }
    struct ftl_err err = {.code = FTL_OK};
    FTL_AUTO(json) cJSON *json = NULL;
    struct ftl_opt_errors errors = {.count = 0};
    const struct ftl_job *job = NULL;
    if (ftl_json_parse(ftl_str_text(&quoted), quoted.length, NULL, &json, &err) != FTL_OK ||
        ftl_job_parse(json, arena, &job, &errors, &err) != FTL_OK)
    {
        fail_msg("%s: %s: %s", text, err.where, err.msg);
    }
    return job;
}

struct setting {
    const char *source; /* of the clip */
    const char *other;  /* of every other input */
    int cores;
};

static enum ftl_code make_plan(const char *text, struct setting setting, struct ftl_arena *arena,
                               const struct ftl_plan **ret, struct ftl_err *err)
{
    const struct ftl_job *job = parse_job(text, arena);
    const struct ftl_probe *probes[32] = {NULL};
    for (size_t i = 0; i < job->inputs_count; i++) {
        struct ftl_probe *probe = ftl_arena_alloc(arena, 1, sizeof(*probe));
        fill_probe(find_source((int)i == job->main_input ? setting.source : setting.other), probe);
        probes[i] = probe;
    }
    return ftl_plan_make(job, probes, setting.cores, arena, ret, err);
}

static void describe_output(const struct ftl_plan_output *output, struct ftl_str *to)
{
    ftl_str_printf(to, "\n%d %s", output->index, output->name);
    if (output->kind == FTL_OUTPUT_THUMBNAIL) {
        ftl_str_printf(to, " %s %dx%d q%d", output->still.format, output->still.width,
                       output->still.height, output->still.quality);
        if (output->still.at == FTL_STILL_AT_BEST) {
            ftl_str_add(to, " best");
        } else {
            ftl_str_printf(to, " at %.3f", output->still.time_s);
        }
        return;
    }
    ftl_str_printf(to, " %s %.2fs", output->container, output->duration_s);
    if (output->has_video) {
        const struct ftl_video_plan *video = &output->video;
        ftl_str_printf(to, " | %s %dx%d %d/%d gop%d t%d", video->codec, video->width, video->height,
                       video->frame_rate.num, video->frame_rate.den, video->gop_frames,
                       video->threads);
        if (video->crf >= 0) {
            ftl_str_printf(to, " crf%g", video->crf);
        }
        if (video->bitrate > 0) {
            ftl_str_printf(to, " %lldk", (long long)video->bitrate / 1000);
        }
    }
    if (output->has_audio) {
        ftl_str_printf(to, " | %s %d %dch %lldk", output->audio.codec, output->audio.sample_rate_hz,
                       output->audio.channels, (long long)output->audio.bitrate / 1000);
    }
    if (output->has_audio && output->loudness.is_set) {
        ftl_str_printf(to, " %gLUFS %gdBTP %gLU", output->loudness.integrated,
                       output->loudness.true_peak, output->loudness.tolerance);
    }
}

/* "[filters] canvas: outputs" a run, then a line an output. */
static void describe(const struct ftl_plan *plan, struct ftl_str *to)
{
    for (size_t i = 0; i < plan->runs_count; i++) {
        const struct ftl_plan_run *run = &plan->runs[i];
        ftl_str_add(to, i > 0 ? "\n[" : "[");
        for (size_t k = 0; k < run->chain_count; k++) {
            ftl_str_printf(to, "%s%s", k > 0 ? " " : "", run->chain[k]->filter->name);
        }
        ftl_str_printf(to, "] %dx%d%s:", run->shape.width, run->shape.height,
                       run->source.has_audio ? "+a" : "");
        for (size_t k = 0; k < run->outputs_count; k++) {
            ftl_str_printf(to, " %d", run->outputs[k]);
        }
    }
    for (size_t i = 0; i < plan->outputs_count; i++) {
        describe_output(&plan->outputs[i], to);
    }
}

/* ---- plans ---- */

#define JOB(rest)    "{'input':'a.mp4'," rest "}"
#define OUT(outputs) "'outputs':[" outputs "]"
#define BLUR         "{'filter':'aspect','ratio':'9:16','fit':'blur'}"

struct plan_row {
    const char *source;
    const char *job;
    const char *expected;
};

static const struct plan_row plan_rows[] = {
    {"landscape", JOB(OUT("{'name':'a.mp4'}")),
     "[] 1280x720+a: 0\n"
     "0 a.mp4 mp4 8.00s | h264 1280x720 24/1 gop48 t4 crf21 | aac 48000 2ch 128k"},
    /* the job of README.md */
    {"landscape",
     JOB("'filters':[" BLUR ",{'filter':'watermark','image':'./l.png'},{'filter':'loudness'}]," OUT(
         "{'name':'final.mp4','video':{'height':1920}},"
         "{'name':'poster.jpg','thumbnail':{'width':720}}")),
     "[aspect watermark loudness] 1080x1920+a: 0 1\n"
     "0 final.mp4 mp4 8.00s | h264 1080x1920 24/1 gop48 t6 crf21 | aac 48000 2ch 128k -16LUFS "
     "-1dBTP 0.2LU\n"
     "1 poster.jpg jpeg 720x1280 q85 best"},
    /* nothing asked: the smallest canvas that holds the source */
    {"landscape", JOB("'filters':[" BLUR "]," OUT("{'name':'a.mp4'}")),
     "[aspect] 1280x2276+a: 0\n"
     "0 a.mp4 mp4 8.00s | h264 1280x2276 24/1 gop48 t8 crf21 | aac 48000 2ch 128k"},
    /* two renditions and a still share one run at the larger canvas, whatever their order */
    {"landscape",
     JOB("'filters':[" BLUR
         "]," OUT("{'name':'t.jpg','thumbnail':{'at':0}},{'name':'s.mp4','video':{'height':640}},"
                  "{'name':'l.mp4','video':{'width':720}}")),
     "[aspect] 720x1280+a: 2 1 0\n"
     "0 t.jpg jpeg 720x1280 q85 at 0.000\n"
     "1 s.mp4 mp4 8.00s | h264 360x640 24/1 gop48 t2 crf21 | aac 48000 2ch 128k\n"
     "2 l.mp4 mp4 8.00s | h264 720x1280 24/1 gop48 t4 crf21 | aac 48000 2ch 128k"},
    /* a file without sound shares the run, and its size counts */
    {"landscape",
     JOB("'filters':[" BLUR
         "]," OUT("{'name':'a.mp4','video':{'height':640}},"
                  "{'name':'b.mp4','audio':false,'video':{'height':1280}},{'name':'c.m4a'}")),
     "[aspect] 720x1280+a: 0 1 2\n"
     "0 a.mp4 mp4 8.00s | h264 360x640 24/1 gop48 t2 crf21 | aac 48000 2ch 128k\n"
     "1 b.mp4 mp4 8.00s | h264 720x1280 24/1 gop48 t4 crf21\n"
     "2 c.m4a ipod 8.00s | aac 48000 2ch 128k"},
    /* equal chains written twice are one chain; another ratio is not */
    {"landscape",
     JOB(OUT("{'name':'a.mp4','filters':{'after':[" BLUR "]}},"
             "{'name':'b.mp4','filters':{'before':[" BLUR "]}},"
             "{'name':'c.mp4','filters':{'after':[{'filter':'aspect','ratio':'1:1'}]}},"
             "{'name':'d.jpg','thumbnail':{'height':100},'filters':{'after':[" BLUR "]}}")),
     "[aspect] 1280x2276+a: 0 1 3\n[aspect] 1280x1280+a: 2\n"
     "0 a.mp4 mp4 8.00s | h264 1280x2276 24/1 gop48 t8 crf21 | aac 48000 2ch 128k\n"
     "1 b.mp4 mp4 8.00s | h264 1280x2276 24/1 gop48 t8 crf21 | aac 48000 2ch 128k\n"
     "2 c.mp4 mp4 8.00s | h264 1280x1280 24/1 gop48 t6 crf21 | aac 48000 2ch 128k\n"
     "3 d.jpg jpeg 56x100 q85 best"},
    /* stills alone: the canvas is what the largest of them asks for, and sound is not touched */
    {"landscape",
     JOB("'filters':[" BLUR ",{'filter':'loudness'}]," OUT(
         "{'name':'a.jpg','thumbnail':{'width':360}},"
         "{'name':'b.webp','thumbnail':{'width':180,'at':'50%','quality':70}}")),
     "[aspect] 360x640: 0 1\n0 a.jpg jpeg 360x640 q85 best\n1 b.webp webp 180x320 q70 at 4.000"},
    /* a still's time cannot lie past the end, which trim moves */
    {"landscape",
     JOB(OUT("{'name':'a.png','thumbnail':{'at':99}},{'name':'b.png','thumbnail':{'at':'100%'}},"
             "{'name':'c.png','thumbnail':{'at':'25%'},"
             "'filters':{'after':[{'filter':'trim','start':2,'end':'75%'}]}}")),
     "[] 1280x720: 0 1\n[trim] 1280x720: 2\n0 a.png png 1280x720 q85 at 7.979\n"
     "1 b.png png 1280x720 q85 at 7.979\n2 c.png png 1280x720 q85 at 1.000"},
    {"tail", JOB(OUT("{'name':'a.mp4'},{'name':'b.jpg','thumbnail':{'at':'100%'}}")),
     "[] 640x360+a: 0 1\n"
     "0 a.mp4 mp4 5.00s | h264 640x360 25/1 gop50 t2 crf21 | aac 48000 2ch 128k\n"
     "1 b.jpg jpeg 640x360 q85 at 3.980"},
    {"rotated", JOB(OUT("{'name':'a.mp4','video':{'width':360}}")),
     "[] 720x1280+a: 0\n"
     "0 a.mp4 mp4 6.00s | h264 360x640 30/1 gop60 t2 crf21 | aac 48000 1ch 96k"},
    {"silent", JOB("'filters':[{'filter':'loudness'}]," OUT("{'name':'a.mp4'}")),
     "[] 1280x720: 0\n0 a.mp4 mp4 5.00s | h264 1280x720 30000/1001 gop60 t4 crf21"},
    {"odd", JOB(OUT("{'name':'a.mp4'},{'name':'b.jpg','thumbnail':{}}")),
     "[] 1281x721+a: 0 1\n"
     "0 a.mp4 mp4 4.00s | h264 1280x720 25/1 gop50 t4 crf21 | aac 48000 2ch 128k\n"
     "1 b.jpg jpeg 1281x721 q85 best"},
    {"speck", JOB(OUT("{'name':'a.mp4'},{'name':'b.jpg','thumbnail':{}}")),
     "[] 1x1: 0 1\n0 a.mp4 mp4 4.00s | h264 2x2 25/1 gop50 t2 crf21\n1 b.jpg jpeg 2x2 q85 best"},
    {"landscape", JOB(OUT("{'name':'a.mp4','video':{'width':853,'height':481}}")),
     "[] 1280x720+a: 0\n"
     "0 a.mp4 mp4 8.00s | h264 852x480 24/1 gop48 t4 crf21 | aac 48000 2ch 128k"},
    {"landscape", JOB(OUT("{'name':'a.jpg','thumbnail':{'width':175}}")),
     "[] 1280x720: 0\n0 a.jpg jpeg 175x98 q85 best"},
    /* rates */
    {"variable", JOB(OUT("{'name':'a.mp4','audio':false}")),
     "[] 640x360: 0\n0 a.mp4 mp4 5.00s | h264 640x360 30000/1001 gop60 t2 crf21"},
    {"averaged", JOB(OUT("{'name':'a.mp4'}")),
     "[] 640x360: 0\n0 a.mp4 mp4 5.00s | h264 640x360 30000/1001 gop60 t2 crf21"},
    {"slow", JOB(OUT("{'name':'a.mp4','video':{'keyframe_interval':1}}")),
     "[] 640x360: 0\n0 a.mp4 mp4 5.00s | h264 640x360 8/1 gop8 t2 crf21"},
    {"hd120", JOB(OUT("{'name':'a.mp4'}")),
     "[] 1920x1080: 0\n0 a.mp4 mp4 10.00s | h264 1920x1080 60000/1001 gop120 t6 crf21"},
    {"hd120", JOB("'filters':[{'filter':'fps','rate':'120000/1001'}]," OUT("{'name':'a.mp4'}")),
     "[fps] 1920x1080: 0\n0 a.mp4 mp4 10.00s | h264 1920x1080 120000/1001 gop240 t6 crf21"},
    {"hd60",
     JOB("'filters':[{'filter':'fps','rate':15}]," OUT(
         "{'name':'a.mp4'},{'name':'b.mp4','video':{'fps':30}}")),
     "[fps] 1920x1080+a: 0 1\n"
     "0 a.mp4 mp4 10.00s | h264 1920x1080 15/1 gop30 t6 crf21 | aac 48000 2ch 128k\n"
     "1 b.mp4 mp4 10.00s | h264 1920x1080 30/1 gop60 t6 crf21 | aac 48000 2ch 128k"},
    /* a browser's recording: no duration, a time base for a rate */
    {"browser",
     JOB(OUT("{'name':'a.webm'},{'name':'b.jpg','thumbnail':{'at':'50%'}},"
             "{'name':'c.jpg','thumbnail':{'at':3}}")),
     "[] 640x360+a: 0 1 2\n"
     "0 a.webm webm 0.00s | vp9 640x360 30/1 gop60 t2 crf32 | opus 48000 2ch 128k\n"
     "1 b.jpg jpeg 640x360 q85 best\n2 c.jpg jpeg 640x360 q85 at 3.000"},
    /* sound */
    {"surround", JOB(OUT("{'name':'a.mp4','video':{'bitrate':'3M'}}")),
     "[] 1920x1080+a: 0\n"
     "0 a.mp4 mp4 8.00s | h264 1920x1080 25/1 gop50 t6 3000k | aac 48000 2ch 128k"},
    {"short", JOB("'filters':[{'filter':'loudness','integrated':-23}]," OUT("{'name':'a.mp4'}")),
     "[loudness] 640x360+a: 0\n"
     "0 a.mp4 mp4 2.00s | h264 640x360 25/1 gop50 t2 crf21 | aac 48000 2ch 128k -23LUFS -1dBTP "
     "0.5LU"},
    {"song",
     JOB("'filters':[" BLUR
         "]," OUT("{'name':'a.m4a'},{'name':'b.flac'},{'name':'c.mp3','audio':{'channels':1}},"
                  "{'name':'d.mp4','video':false,'audio':{'sample_rate':44100}}")),
     "[] 0x0+a: 0 1 2 3\n0 a.m4a ipod 60.00s | aac 48000 2ch 128k\n"
     "1 b.flac flac 60.00s | flac 44100 2ch 0k\n2 c.mp3 mp3 60.00s | mp3 48000 1ch 96k\n"
     "3 d.mp4 mp4 60.00s | aac 44100 2ch 128k"},
    {"picture",
     JOB(OUT("{'name':'a.jpg','thumbnail':{}},"
             "{'name':'b.jpg','thumbnail':{'at':'50%','width':400}}")),
     "[] 801x601: 0 1\n0 a.jpg jpeg 801x601 q85 at 0.000\n1 b.jpg jpeg 400x300 q85 at 0.000"},
    /* names */
    {"silent", JOB(OUT("{'name':'x/{{y}.mp4'}")),
     "[] 1280x720: 0\n0 {y}.mp4 mp4 5.00s | h264 1280x720 30000/1001 gop60 t4 crf21"},
};

static void plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plan_rows) / sizeof(plan_rows[0]); i++) {
        const struct plan_row *row = &plan_rows[i];
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
        struct ftl_err err = {.code = FTL_OK};
        const struct ftl_plan *plan = NULL;
        if (make_plan(row->job, (struct setting){row->source, "logo", CORES}, arena, &plan, &err) !=
            FTL_OK) {
            fail_msg("%s\n  %s: %s", row->job, err.where, err.msg);
        }
        FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(8192);
        describe(plan, &text);
        if (strcmp(ftl_str_text(&text), row->expected) != 0) {
            fail_msg("%s of %s\n--- planned\n%s\n--- expected\n%s", row->job, row->source,
                     ftl_str_text(&text), row->expected);
        }
    }
}

/* ---- refusals ---- */

struct refused_row {
    const char *source, *other;
    const char *job;
    enum ftl_code code;
    const char *where;
    const char *says;
};

static const struct refused_row refused_rows[] = {
    {"song", "logo", JOB(OUT("{'name':'a.m4a'},{'name':'b.mp4'}")), FTL_INPUT, "/outputs/1",
     "no video"},
    {"song", "logo", JOB(OUT("{'name':'a.jpg','thumbnail':{}}")), FTL_INPUT, "/outputs/0",
     "no picture"},
    {"silent", "logo", JOB(OUT("{'name':'a.m4a'}")), FTL_INPUT, "/outputs/0", "no sound"},
    {"silent", "logo", JOB(OUT("{'name':'a.mp4','video':false}")), FTL_INPUT, "/outputs/0",
     "no sound"},
    {"empty", "logo", JOB(OUT("{'name':'a.mp4'}")), FTL_INPUT, "/input", "neither"},
    {"picture", "logo", JOB(OUT("{'name':'a.jpg','thumbnail':{}},{'name':'b.mp4'}")),
     FTL_UNSUPPORTED, "/outputs/1", "single picture"},
    {"strange", "logo", JOB(OUT("{'name':'a.mp4'}")), FTL_UNSUPPORTED, "/outputs/0",
     "cannot be decoded"},
    {"strange", "logo", JOB(OUT("{'name':'a.mp4','video':false}")), FTL_UNSUPPORTED, "/outputs/0",
     "cannot be decoded"},
    {"landscape", "logo", JOB(OUT("{'name':'a.mp4','video':{'width':1000,'height':1000}}")),
     FTL_SPEC, "/outputs/0/video/width", "distort"},
    {"landscape", "logo", JOB(OUT("{'name':'a.jpg','thumbnail':{'width':100,'height':100}}")),
     FTL_SPEC, "/outputs/0/thumbnail/width", "distort"},
    {"landscape", "logo",
     JOB("'filters':[" BLUR "]," OUT("{'name':'a.mp4','video':{'width':1920,'height':1080}}")),
     FTL_SPEC, "/filters/0", "9:16"},
    {"landscape", "logo",
     JOB("'filters':[{'filter':'aspect','ratio':'10:1'}]," OUT(
         "{'name':'a.mp4','video':{'height':1080}}")),
     FTL_SPEC, "/outputs/0/video", "larger"},
    {"landscape", "logo", JOB("'filters':[{'filter':'trim','start':9}]," OUT("{'name':'a.mp4'}")),
     FTL_SPEC, "/filters/0", "trim"},
    {"landscape", "song",
     JOB("'filters':[{'filter':'watermark','image':'./l.png'}]," OUT("{'name':'a.mp4'}")),
     FTL_INPUT, "/filters/0/image", "no picture"},
    {"landscape", "strange",
     JOB("'filters':[{'filter':'watermark','image':'./l.png'}]," OUT("{'name':'a.mp4'}")),
     FTL_UNSUPPORTED, "/filters/0/image", "cannot be decoded"},
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused_rows) / sizeof(refused_rows[0]); i++) {
        const struct refused_row *row = &refused_rows[i];
        FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
        struct ftl_err err = {.code = FTL_OK};
        const struct ftl_plan *plan = NULL;
        enum ftl_code code = make_plan(row->job, (struct setting){row->source, row->other, CORES},
                                       arena, &plan, &err);
        if (code != row->code || plan != NULL || strcmp(err.where, row->where) != 0 ||
            strstr(err.msg, row->says) == NULL)
        {
            fail_msg("%s of %s\n  %s at \"%s\": %s", row->job, row->source, ftl_code_name(code),
                     err.where, err.msg);
        }
    }
}

/* ---- what the plan says of itself ---- */

static const char vertical[] =
    JOB("'filters':[" BLUR
        ",{'filter':'watermark','image':'https://x.example/l.png?sig=planted'}]," OUT(
            "{'name':'a.mp4','video':{'height':1920}},{'name':'b.jpg','thumbnail':{}}"));

static bool same_but_machine(const struct ftl_plan *a, const struct ftl_plan *b)
{
    FTL_AUTO(json) cJSON *left = ftl_plan_json(a);
    FTL_AUTO(json) cJSON *right = ftl_plan_json(b);
    cJSON_DeleteItemFromObjectCaseSensitive(left, "machine");
    cJSON_DeleteItemFromObjectCaseSensitive(right, "machine");
    return cJSON_Compare(left, right, true);
}

static void all_but_machine_is_machine_independent(void **state)
{
    (void)state;
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
    const struct ftl_plan *two = NULL;
    const struct ftl_plan *sixty = NULL;
    const struct ftl_plan *other = NULL;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(
        make_plan(vertical, (struct setting){"landscape", "logo", 2}, arena, &two, &err), FTL_OK);
    assert_int_equal(
        make_plan(vertical, (struct setting){"landscape", "logo", 60}, arena, &sixty, &err),
        FTL_OK);
    assert_int_equal(make_plan(vertical, (struct setting){"hd60", "logo", 2}, arena, &other, &err),
                     FTL_OK);
    assert_true(same_but_machine(two, sixty));
    assert_false(same_but_machine(two, other));
    assert_int_equal(two->outputs[0].video.threads, sixty->outputs[0].video.threads);
    assert_int_equal(two->cpu_weight, 2);
    assert_true(sixty->cpu_weight > 2 && sixty->cpu_weight <= 60);
}

static void estimates_are_plausible(void **state)
{
    (void)state;
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
    const struct ftl_plan *plan = NULL;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(
        make_plan(vertical, (struct setting){"landscape", "logo", 4}, arena, &plan, &err), FTL_OK);
    assert_true(plan->memory_bytes > INT64_C(200) << 20 && plan->memory_bytes < INT64_C(2) << 30);
    assert_true(plan->output_bytes > 1000000 && plan->output_bytes < 100000000);
    assert_true(plan->decoder_threads >= 1 && plan->filter_threads >= 1);
    assert_int_equal(make_plan(JOB(OUT("{'name':'a.webm'}")),
                               (struct setting){"browser", "logo", 4}, arena, &plan, &err),
                     FTL_OK);
    assert_int_equal(plan->output_bytes, 0);
    assert_int_equal(make_plan(JOB(OUT("{'name':'a.m4a'}")), (struct setting){"song", "logo", 4},
                               arena, &plan, &err),
                     FTL_OK);
    assert_int_equal(plan->cpu_weight, 1);
}

static void json_shows_names_not_addresses(void **state)
{
    (void)state;
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
    const struct ftl_plan *plan = NULL;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(
        make_plan(vertical, (struct setting){"landscape", "logo", 4}, arena, &plan, &err), FTL_OK);
    FTL_AUTO(json) cJSON *json = ftl_plan_json(plan);
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(65536);
    ftl_json_print(json, false, &text);
    assert_null(strstr(ftl_str_text(&text), "planted"));
    assert_null(strstr(ftl_str_text(&text), "x.example"));
    const cJSON *run = ftl_json_at(json, "/runs/0");
    assert_string_equal(ftl_json_string(ftl_json_at(run, "/filters/1"), "filter", ""), "watermark");
    assert_string_equal(ftl_json_string(ftl_json_at(run, "/filters/1/options"), "image", ""),
                        "/filters/1/image");
    assert_int_equal(ftl_json_int64(ftl_json_get(run, "canvas"), "height", 0), 1920);
    assert_int_equal(ftl_json_int64(ftl_json_get(json, "machine"), "cpu_weight", 0), 4);
    assert_string_equal(ftl_json_string(ftl_json_at(json, "/outputs/1/still"), "at", ""), "best");
    assert_int_equal(plan->runs[0].source.want_height, 1920);
}

static void probe_json_is_complete(void **state)
{
    (void)state;
    struct ftl_probe probe;
    fill_probe(find_source("landscape"), &probe);
    FTL_AUTO(json) cJSON *json = ftl_probe_json(&probe);
    assert_int_equal(ftl_json_int64(json, "video", -1), 0);
    assert_int_equal(ftl_json_int64(json, "audio", -1), 1);
    assert_int_equal(cJSON_GetArraySize(ftl_json_get(json, "streams")), 2);
    assert_string_equal(ftl_json_string(ftl_json_at(json, "/streams/0"), "frame_rate", ""), "24/1");
    assert_int_equal(ftl_json_int64(ftl_json_at(json, "/streams/1"), "channels", 0), 2);
    fill_probe(find_source("silent"), &probe);
    FTL_AUTO(json) cJSON *silent = ftl_probe_json(&probe);
    assert_null(ftl_json_get(silent, "audio"));
}

static void missing_probe_is_a_bug(void **state)
{
    (void)state;
    FTL_AUTO(arena) struct ftl_arena *arena = ftl_arena_new(ARENA_MAX);
    const struct ftl_job *job = parse_job(JOB(OUT("{'name':'a.mp4'}")), arena);
    const struct ftl_probe *probes[1] = {NULL};
    const struct ftl_plan *plan = NULL;
    struct ftl_err err = {.code = FTL_OK};
    assert_int_equal(ftl_plan_make(job, probes, 1, arena, &plan, &err), FTL_INTERNAL);
    assert_string_equal(err.where, "/input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(refuses),
        cmocka_unit_test(all_but_machine_is_machine_independent),
        cmocka_unit_test(estimates_are_plausible),
        cmocka_unit_test(json_shows_names_not_addresses),
        cmocka_unit_test(probe_json_is_complete),
        cmocka_unit_test(missing_probe_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
