#include <math.h>

#include "engine_rig.h"

/* A loudness filter of the simplest kind: gain, and a hard ceiling on samples. */
struct gain_opts {
    double target;
};

static enum ftl_code gain_plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                               struct ftl_err *err)
{
    (void)inst;
    (void)shape;
    (void)err;
    return FTL_OK;
}

static enum ftl_code gain_build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                                struct ftl_chain *chain, const struct ftl_shape *after,
                                struct ftl_err *err)
{
    const struct gain_opts *opts = inst->opts;
    const struct ftl_loudness *measured = gb->ops->measured(gb, inst);
    (void)after;
    if (measured == NULL) {
        return ftl_fail(err, FTL_INTERNAL, "nothing measured");
    }
    double gain =
        measured->is_silent ? 0.0 : opts->target - measured->integrated + measured->correction_db;
    gb->ops->loudness(gb, inst, gain, measured->is_silent ? "silent" : "linear");
    struct ftl_port out;
    const struct ftl_arg args[] = {FTL_ARG_DOUBLE("volume", pow(10.0, gain / 20.0))};
    const struct ftl_node node = {.libav_filter = "volume",
                                  .args = args,
                                  .args_count = 1,
                                  .inputs = &chain->audio,
                                  .inputs_count = 1,
                                  .outputs = &out,
                                  .outputs_count = 1};
    if (gb->ops->add(gb, &node, err) != FTL_OK) {
        return err->code;
    }
    chain->audio = out;
    return FTL_OK;
}

static const struct ftl_filter gain_filter = {.name = "gain",
                                              .media = FTL_MEDIA_AUDIO,
                                              .needs_loudness = true,
                                              .plan = gain_plan,
                                              .build = gain_build};

static struct rig rig_with_gain(const char *input, const struct ftl_filter_inst *inst)
{
    struct rig rig = rig_new(input);
    const struct gain_opts *opts = inst->opts;
    rig.chain[0] = inst;
    rig.chain_count = 1;
    rig.outputs[0].loudness = (struct ftl_loudness_target){
        .is_set = true, .integrated = opts->target, .true_peak = -1.0, .tolerance = 0.2};
    return rig;
}

static void test_target_by_codec(void **state)
{
    (void)state;
    static const struct {
        const char *codec, *container, *name;
        int rate;
        int64_t bitrate;
    } rows[] = {
        {"aac", "mp4", "a.mp4", 48000, 128000},   {"aac", "mp4", "b.mp4", 44100, 64000},
        {"opus", "webm", "c.webm", 48000, 96000}, {"mp3", "mp3", "d.mp3", 44100, 128000},
        {"flac", "flac", "e.flac", 48000, 0},     {"pcm", "wav", "f.wav", 48000, 0},
    };
    RIG_FFMPEG("-f lavfi -i anoisesrc=d=4:a=0.05:c=pink:seed=7,aformat=channel_layouts=stereo "
               "-c:a pcm_s16le noise.wav");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct gain_opts opts = {.target = -16.0};
        const struct ftl_filter_inst inst = {&gain_filter, &opts, "/filters/0"};
        struct rig rig = rig_with_gain("noise.wav", &inst);
        rig.outputs[0].name = rows[i].name;
        rig.outputs[0].container = rows[i].container;
        rig.outputs[0].audio.codec = rows[i].codec;
        rig.outputs[0].audio.sample_rate_hz = rows[i].rate;
        rig.outputs[0].audio.bitrate = rows[i].bitrate;
        RIG_OK(&rig);
        char text[64];
        (void)rig_shell(text, sizeof(text),
                        "ffmpeg -nostdin -i %s -af ebur128=framelog=verbose -f null - 2>&1 | "
                        "sed -n 's/^ *I: *\\([-0-9.]*\\) LUFS/\\1/p' | tail -1",
                        rows[i].name);
        double judged = strtod(text, NULL);
        const struct ftl_loudness *found = &rig.results[0].loudness;
        if (fabs(judged - opts.target) > 0.25 || fabs(found->integrated - judged) > 0.15) {
            fail_msg("%s: %.2f LUFS by ffmpeg, %.2f by us", rows[i].name, judged,
                     found->integrated);
        }
        assert_true(found->is_measured);
        assert_string_equal(rig.run.loudness_method, "linear");
        assert_true(rig.run.source_loudness.is_measured);
        /* The gain of the last encode: corrections for what the codec takes away included. */
        double plain = opts.target - rig.run.source_loudness.integrated;
        if (fabs(rig.run.gain_db - plain) > 1.5) {
            fail_msg("%s: gain %.2f dB, plain %.2f, %d passes", rows[i].name, rig.run.gain_db,
                     plain, rig.results[0].loudness_passes);
        }
    }
}

static void test_silence(void **state)
{
    (void)state;
    RIG_FFMPEG("-f lavfi -i anullsrc=d=1:r=48000:cl=stereo -c:a pcm_s16le silence.wav");
    const struct gain_opts opts = {.target = -16.0};
    const struct ftl_filter_inst inst = {&gain_filter, &opts, "/filters/0"};
    struct rig rig = rig_with_gain("silence.wav", &inst);
    rig.outputs[0].name = "silence.m4a";
    rig.outputs[0].container = "ipod";
    RIG_OK(&rig);
    assert_true(rig.run.source_loudness.is_silent);
    assert_string_equal(rig.run.loudness_method, "silent");
    assert_int_equal(rig.results[0].loudness_passes, 1);
    assert_string_equal(rig.warnings, "");
}

/* 0.2 s is less than one gating block. */
static void test_very_short(void **state)
{
    (void)state;
    RIG_FFMPEG("-f lavfi -i sine=frequency=997:duration=0.2:r=48000 -c:a pcm_s16le short.wav");
    const struct gain_opts opts = {.target = -20.0};
    const struct ftl_filter_inst inst = {&gain_filter, &opts, "/filters/0"};
    struct rig rig = rig_with_gain("short.wav", &inst);
    rig.outputs[0].name = "short.m4a";
    rig.outputs[0].container = "ipod";
    RIG_OK(&rig);
    assert_true(rig.run.source_loudness.is_ungated);
    assert_true(fabs(rig.results[0].duration_s - 0.2) < 0.001);
}

/* The second output shares the sound of the first; the third needs its own. */
static void test_shared_sound(void **state)
{
    (void)state;
    RIG_FFMPEG("-f lavfi -i sine=d=1:r=48000 -c:a pcm_s16le shared.wav");
    const struct gain_opts opts = {.target = -20.0};
    const struct ftl_filter_inst inst = {&gain_filter, &opts, "/filters/0"};
    struct rig rig = rig_with_gain("shared.wav", &inst);
    rig.outputs[0].name = "one.m4a";
    rig.outputs[0].container = "ipod";
    rig.outputs[1] = rig.outputs[2] = rig.outputs[0];
    rig.outputs[1].name = "two.m4a";
    rig.outputs[2].name = "three.m4a";
    rig.outputs[2].audio.bitrate = 64000;
    rig.outputs_count = 3;
    RIG_OK(&rig);
    assert_int_equal(rig_shell(NULL, 0, "cmp -s one.m4a two.m4a"), 0);
    assert_int_not_equal(rig_shell(NULL, 0, "cmp -s one.m4a three.m4a"), 0);
}

/* Sound that starts late is where it was; a hole in it is silence, not a jump. */
static void test_timeline(void **state)
{
    (void)state;
    RIG_FFMPEG("-f lavfi -i testsrc2=size=64x64:rate=25:duration=2 "
               "-itsoffset 0.5 -f lavfi -i sine=d=1.5:r=48000 -c:v libx264 -preset ultrafast "
               "-c:a flac late.mkv");
    struct rig rig = rig_new("late.mkv");
    RIG_OK(&rig);
    char text[64];
    (void)rig_shell(text, sizeof(text),
                    "ffmpeg -nostdin -i out.mp4 -vn -af silencedetect=n=-40dB:d=0.1 -f null - 2>&1 "
                    "| sed -n 's/.*silence_end: \\([0-9.]*\\).*/\\1/p' | head -1");
    assert_true(fabs(strtod(text, NULL) - 0.5) < 0.03);
    assert_int_equal(rig_frames("out.mp4"), 50);
}

/* MP4's last AAC frame ends where the sound does, not where the frame does. */
static void test_padding(void **state)
{
    (void)state;
    RIG_FFMPEG("-f lavfi -i sine=d=1:r=44100 -c:a aac padded.m4a");
    struct rig rig = rig_new("padded.m4a");
    rig.outputs[0].name = "padded.wav";
    rig.outputs[0].container = "wav";
    rig.outputs[0].audio.codec = "pcm";
    rig.outputs[0].audio.sample_rate_hz = 44100;
    RIG_OK(&rig);
    assert_string_equal(rig_value("padded.wav", "a:0", "stream=duration_ts"), "44100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_by_codec), cmocka_unit_test(test_silence),
        cmocka_unit_test(test_very_short),      cmocka_unit_test(test_shared_sound),
        cmocka_unit_test(test_timeline),        cmocka_unit_test(test_padding),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
