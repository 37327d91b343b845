#include "graph_rig.h"
#include "media/measure.h"

/* ---- sources: fractions of a second in frames of 1024 samples ---- */

enum { SAMPLES = 1024 };

static int rate_hz, channels, total_samples;
static double (*wave)(double t, int channel);

/* Speech-like: bursts with peaks far above their loudness. */
static double crested(double t, int channel)
{
    double burst = pow(fabs(sin(2.0 * M_PI * 0.6 * t)), 150.0);
    double voice = 0.5 * sin(2.0 * M_PI * 220 * t) + 0.3 * sin(2.0 * M_PI * 1730 * t + channel) +
                   0.2 * sin(2.0 * M_PI * 5100 * t);
    return 0.05 * voice + 0.9 * burst * voice;
}

/* Peaks between the samples: a quarter of the sampling rate, 45 degrees off. */
static double intersample(double t, int channel)
{
    (void)channel;
    double swell = pow(fabs(sin(2.0 * M_PI * 0.9 * t)), 100.0);
    return 0.5 * swell * sin(2.0 * M_PI * 12000 * t + M_PI / 4) + 0.05 * sin(2.0 * M_PI * 331 * t);
}

/* Clicks: the hardest case for look-ahead. */
static double clicking(double t, int channel)
{
    (void)channel;
    double since = fmod(t, 0.25);
    double click = since < 0.0005 ? 0.95 : 0.0;
    return click + 0.06 * sin(2.0 * M_PI * 440 * t) * (1.0 + 0.5 * sin(2.0 * M_PI * 3 * t));
}

static double sine(double t, int channel)
{
    (void)channel;
    return 0.1 * sin(2.0 * M_PI * 997 * t);
}

static double silent(double t, int channel)
{
    (void)t;
    (void)channel;
    return 0.0;
}

static AVFrame *make_sound(int index)
{
    int start = index * SAMPLES;
    if (start >= total_samples) {
        return NULL;
    }
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = rate_hz;
    frame->nb_samples = total_samples - start < SAMPLES ? total_samples - start : SAMPLES;
    frame->pts = start;
    av_channel_layout_default(&frame->ch_layout, channels);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    ftl_frame_set_duration(frame, frame->nb_samples);
    for (int c = 0; c < channels; c++) {
        float *samples = (float *)(void *)frame->extended_data[c];
        for (int i = 0; i < frame->nb_samples; i++) {
            samples[i] = (float)wave((double)(start + i) / rate_hz, c);
        }
    }
    return frame;
}

static void set_source(double (*what)(double, int), int rate, int count, double seconds)
{
    wave = what;
    rate_hz = rate;
    channels = count;
    total_samples = (int)lrint(seconds * rate);
}

static struct ftl_loudness measure_source(void)
{
    struct ftl_err err = {0};
    struct ftl_loudness loudness;
    FTL_AUTO(meter) struct ftl_meter *meter = NULL;
    assert_int_equal(ftl_meter_new(&meter, &err), FTL_OK);
    for (int i = 0;; i++) {
        AVFrame *frame = make_sound(i);
        if (frame == NULL) {
            break;
        }
        assert_int_equal(ftl_meter_add(meter, frame, &err), FTL_OK);
        av_frame_free(&frame);
    }
    assert_int_equal(ftl_meter_read(meter, &loudness, &err), FTL_OK);
    return loudness;
}

static struct ftl_loudness measure_result(const struct rig *rig, int64_t *ret_samples)
{
    struct ftl_err err = {0};
    struct ftl_loudness loudness;
    FTL_AUTO(meter) struct ftl_meter *meter = NULL;
    assert_int_equal(ftl_meter_new(&meter, &err), FTL_OK);
    *ret_samples = 0;
    for (int i = 0; i < rig->out_count; i++) {
        assert_int_equal(ftl_meter_add(meter, rig->out[i], &err), FTL_OK);
        *ret_samples += rig->out[i]->nb_samples;
    }
    assert_int_equal(ftl_meter_read(meter, &loudness, &err), FTL_OK);
    return loudness;
}

static void run(struct rig *rig, const char *filter, const char *options)
{
    rig_add(rig, filter, options);
    rig->run.source = (struct ftl_shape){.has_audio = true,
                                         .sample_rate_hz = rate_hz,
                                         .channels = channels,
                                         .duration_s = (double)total_samples / rate_hz};
    rig_run(rig, FTL_MEDIA_AUDIO, (AVRational){rate_hz, 1}, make_sound);
}

static void loudness_hits_its_target_under_the_ceiling(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        double (*source)(double, int);
        int rate_hz, channels;
        double seconds;
        double target, ceiling; /* of the samples: half a dB below the file's */
        double below;           /* how far the limiter may take the loudness down, LU */
    } cases[] = {
        {"{}", sine, 48000, 2, 5, -16, -1.5, 0.1},
        {"{}", sine, 44100, 1, 5, -16, -1.5, 0.1},
        {"{}", sine, 48000, 6, 5, -16, -1.5, 0.1},
        {"{}", sine, 8000, 1, 0.2, -16, -1.5, 0.1},
        {"{\"integrated\":-30}", crested, 48000, 2, 5, -30, -1.5, 0.1},
        {"{}", crested, 48000, 2, 5, -16, -1.5, 1.5},
        {"{}", crested, 44100, 1, 5, -16, -1.5, 1.5},
        {"{\"integrated\":-14,\"true_peak\":-2}", crested, 48000, 2, 5, -14, -2.5, 2.5},
        {"{}", intersample, 48000, 2, 5, -16, -1.5, 1.0},
        {"{\"integrated\":-9}", intersample, 48000, 2, 5, -9, -1.5, 2.0},
        {"{}", clicking, 48000, 2, 5, -16, -1.5, 3.5},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        int64_t samples = 0;
        rig_init(&rig);
        set_source(cases[i].source, cases[i].rate_hz, cases[i].channels, cases[i].seconds);
        rig.measured[0] = measure_source();
        run(&rig, "loudness", cases[i].options);
        struct ftl_loudness out = measure_result(&rig, &samples);
        if (getenv("FTL_GOLDEN_SAVE") != NULL) {
            printf("%zu: %.2f LUFS %.2f dBTP -> %.2f LUFS %.2f dBTP\n", i,
                   rig.measured[0].integrated, rig.measured[0].true_peak, out.integrated,
                   out.true_peak);
        }
        if (out.true_peak > cases[i].ceiling + 0.6) {
            fail_msg("case %zu: true peak %f", i, out.true_peak);
        }
        if (out.integrated > cases[i].target + 0.1 ||
            out.integrated < cases[i].target - cases[i].below) {
            fail_msg("case %zu: %f LUFS", i, out.integrated);
        }
        assert_int_equal(rig.out[0]->sample_rate, 48000);
        assert_int_equal(rig.out[0]->ch_layout.nb_channels, channels);
        assert_int_equal(samples, lrint(cases[i].seconds * 48000));
        rig_done(&rig);
    }
}

/* Correction fed back, as the pipeline does after it measured what it encoded. */
static void correction_brings_a_limited_clip_to_its_target(void **state)
{
    (void)state;
    struct rig rig;
    int64_t samples = 0;
    set_source(crested, 48000, 2, 5);
    struct ftl_loudness source = measure_source();
    struct ftl_loudness out = {0};
    double correction_db = 0.0;
    double slope = 1.0; /* LU per dB of gain: the limiter takes some of it back */
    double previous = 0.0;
    double step_db = 0.0;
    for (int pass = 0; pass < 4; pass++) {
        rig_init(&rig);
        rig.measured[0] = source;
        rig.measured[0].correction_db = correction_db;
        run(&rig, "loudness", "{\"integrated\":-14}");
        out = measure_result(&rig, &samples);
        if (pass > 0) {
            slope = fmin(fmax((out.integrated - previous) / step_db, 0.3), 1.0);
        }
        previous = out.integrated;
        step_db = (-14.0 - out.integrated) / slope;
        correction_db += step_db;
        if (getenv("FTL_GOLDEN_SAVE") != NULL) {
            printf("pass %d: %.2f LUFS %.2f dBTP slope %.2f\n", pass, out.integrated, out.true_peak,
                   slope);
        }
        rig_done(&rig);
    }
    assert_float_equal(out.integrated, -14.0, 0.2);
    assert_true(out.true_peak < -1.0);
}

/* The limiter must not move the sound in time: a click stays where it was. */
static void limiter_does_not_delay(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    set_source(clicking, 48000, 1, 1);
    rig.measured[0] = measure_source();
    run(&rig, "loudness", "{\"integrated\":-12}");
    float highest = 0.0F;
    int64_t at = 0;
    int64_t position = 0;
    for (int i = 0; i < rig.out_count; i++) {
        for (int s = 0; s < rig.out[i]->nb_samples; s++, position++) {
            float value = fabsf(((float *)(void *)rig.out[i]->extended_data[0])[s]);
            if (position > 6000 && position < 18000 && value > highest) {
                highest = value;
                at = position;
            }
        }
    }
    assert_in_range(at, 12000 - 8, 12024 + 8); /* the click at 0.25 s, half a millisecond long */
    assert_float_equal(rig.times_s[0], 0.0, 1e-9);
    rig_done(&rig);
}

static void silence_is_left_alone(void **state)
{
    (void)state;
    struct rig rig;
    int64_t samples = 0;
    rig_init(&rig);
    set_source(silent, 44100, 2, 2);
    rig.measured[0] = measure_source();
    assert_true(rig.measured[0].is_silent);
    run(&rig, "loudness", "{}");
    assert_true(measure_result(&rig, &samples).is_silent);
    assert_int_equal(samples, 96000);
    rig_done(&rig);
}

static void trim_is_exact_to_the_sample(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int rate_hz;
        int64_t first, samples;
    } cases[] = {
        {"{\"start\":1}", 48000, 48000, 48000},
        {"{\"start\":0.333333,\"duration\":0.5}", 48000, 16000, 24000},
        {"{\"start\":\"25%\",\"end\":\"75%\"}", 44100, 22050, 44100},
        {"{\"end\":0.01}", 44100, 0, 441},
        {"{\"end\":60}", 8000, 0, 16000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        int64_t samples = 0;
        rig_init(&rig);
        set_source(sine, cases[i].rate_hz, 2, 2);
        run(&rig, "trim", cases[i].options);
        (void)measure_result(&rig, &samples);
        if (samples != cases[i].samples) {
            fail_msg("%s: %lld samples", cases[i].options, (long long)samples);
        }
        assert_float_equal(rig.times_s[0], 0.0, 1e-9);
        double expected = sine((double)cases[i].first / cases[i].rate_hz, 0);
        assert_float_equal(((float *)(void *)rig.out[0]->extended_data[0])[0], expected, 1e-4);
        rig_done(&rig);
    }
}

/* Filters of the picture leave sound untouched where both run through one chain. */
static void picture_filters_do_not_touch_sound(void **state)
{
    (void)state;
    struct rig rig;
    int64_t samples = 0;
    rig_init(&rig);
    rig_add(&rig, "aspect", "{\"ratio\":\"9:16\"}");
    rig_add(&rig, "watermark", "{\"image\":\"logo\"}");
    set_source(crested, 44100, 2, 1);
    run(&rig, "fps", "{\"rate\":25}");
    struct ftl_loudness out = measure_result(&rig, &samples);
    assert_float_equal(out.integrated, measure_source().integrated, 0.01);
    assert_int_equal(samples, 44100);
    rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loudness_hits_its_target_under_the_ceiling),
        cmocka_unit_test(correction_brings_a_limited_clip_to_its_target),
        cmocka_unit_test(limiter_does_not_delay),
        cmocka_unit_test(silence_is_left_alone),
        cmocka_unit_test(trim_is_exact_to_the_sample),
        cmocka_unit_test(picture_filters_do_not_touch_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
