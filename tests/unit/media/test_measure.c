#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>

#include "media/av_auto.h"
#include "media/measure.h"

enum { FRAME_SAMPLES = 1024 };

/* A sine on every channel, with its own level each. */
struct tone {
    int format;
    int rate_hz;
    uint64_t mask; /* channel layout */
    double hz;
    double seconds;
    double phase;       /* radians */
    double level_db[6]; /* of the peak, dBFS; below -200 = nothing */
};

static void put(AVFrame *frame, int channel, int index, double value)
{
    int channels = frame->ch_layout.nb_channels;
    switch (frame->format) {
    case AV_SAMPLE_FMT_FLTP:
        ((float *)(void *)frame->extended_data[channel])[index] = (float)value;
        break;
    case AV_SAMPLE_FMT_FLT:
        ((float *)(void *)frame->extended_data[0])[index * channels + channel] = (float)value;
        break;
    case AV_SAMPLE_FMT_S16:
        ((int16_t *)(void *)frame->extended_data[0])[index * channels + channel] =
            (int16_t)lrint(value * 32767.0);
        break;
    case AV_SAMPLE_FMT_S32P:
        ((int32_t *)(void *)frame->extended_data[channel])[index] =
            (int32_t)lrint(value * 2147483647.0);
        break;
    default:
        fail_msg("format %d", frame->format);
    }
}

static AVFrame *new_frame(const struct tone *tone, int samples)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = tone->format;
    frame->sample_rate = tone->rate_hz;
    frame->nb_samples = samples;
    assert_int_equal(av_channel_layout_from_mask(&frame->ch_layout, tone->mask), 0);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

static void play(struct ftl_meter *meter, const struct tone *tone)
{
    struct ftl_err err = {0};
    int total = (int)lrint(tone->seconds * tone->rate_hz);
    for (int done = 0; done < total; done += FRAME_SAMPLES) {
        int count = total - done < FRAME_SAMPLES ? total - done : FRAME_SAMPLES;
        AVFrame *frame = new_frame(tone, count);
        for (int i = 0; i < count; i++) {
            double wave = sin(2.0 * M_PI * tone->hz * (done + i) / tone->rate_hz + tone->phase);
            for (int c = 0; c < frame->ch_layout.nb_channels; c++) {
                put(frame, c, i, wave * pow(10.0, tone->level_db[c] / 20.0));
            }
        }
        assert_int_equal(ftl_meter_add(meter, frame, &err), FTL_OK);
        av_frame_free(&frame);
    }
}

static struct ftl_loudness measure(const struct tone *tones, size_t count)
{
    struct ftl_err err = {0};
    FTL_AUTO(meter) struct ftl_meter *meter = NULL;
    assert_int_equal(ftl_meter_new(&meter, &err), FTL_OK);
    for (size_t i = 0; i < count; i++) {
        play(meter, &tones[i]);
    }
    struct ftl_loudness loudness;
    assert_int_equal(ftl_meter_read(meter, &loudness, &err), FTL_OK);
    assert_true(loudness.is_measured);
    return loudness;
}

#define STEREO AV_CH_LAYOUT_STEREO
#define ALL(db)                                                                                    \
    {                                                                                              \
        (db), (db), (db), (db), (db), (db)                                                         \
    }

static void known_loudness(void **state)
{
    (void)state;
    /* EBU Tech 3341, cases 1, 2 and 6, and what follows from BS.1770's weights */
    static const struct {
        struct tone tone;
        double integrated, true_peak;
    } cases[] = {
        {{AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 5, 0, ALL(-23)}, -23.0, -23.0},
        {{AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 5, 0, ALL(-33)}, -33.0, -33.0},
        {{AV_SAMPLE_FMT_S16, 44100, STEREO, 1000, 5, 0, ALL(-23)}, -23.0, -23.0},
        {{AV_SAMPLE_FMT_S32P, 96000, STEREO, 1000, 5, 0, ALL(-23)}, -23.0, -23.0},
        {{AV_SAMPLE_FMT_FLT, 8000, STEREO, 1000, 5, 0, ALL(-23)}, -23.0, -23.0},
        {{AV_SAMPLE_FMT_FLTP, 48000, AV_CH_LAYOUT_MONO, 1000, 5, 0, ALL(-23)}, -26.0, -23.0},
        {{AV_SAMPLE_FMT_FLTP,
          48000,
          AV_CH_LAYOUT_5POINT1,
          1000,
          5,
          0,
          {-28, -28, -24, 0, -30, -30}},
         -23.0,
         0.0}, /* a loud LFE does not count */
        {{AV_SAMPLE_FMT_FLTP,
          48000,
          AV_CH_LAYOUT_5POINT1_BACK,
          1000,
          5,
          0,
          {-28, -28, -24, -300, -30, -30}},
         -23.0,
         -24.0},
        /* above the end of a histogram that stops at +10 */
        {{AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 5, 0, ALL(14)}, 14.0, 14.0},
        /* a peak between two samples: 3 dB above the samples themselves */
        {{AV_SAMPLE_FMT_FLTP, 48000, STEREO, 12000, 5, M_PI / 4, ALL(-6)}, -2.7, -6.0},
        /* 0.2 s: below one block */
        {{AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 0.2, 0, ALL(-23)}, -23.0, -23.0},
        {{AV_SAMPLE_FMT_S16, 44100, AV_CH_LAYOUT_MONO, 1000, 0.05, 0, ALL(-20)}, -23.0, -20.0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ftl_loudness loudness = measure(&cases[i].tone, 1);
        assert_float_equal(loudness.integrated, cases[i].integrated, 0.15);
        assert_float_equal(loudness.true_peak, cases[i].true_peak, 0.3);
        assert_float_equal(loudness.duration_s, cases[i].tone.seconds, 0.001);
        assert_int_equal(loudness.is_ungated, cases[i].tone.seconds < 0.4);
        assert_false(loudness.is_silent);
        assert_float_equal(loudness.range, 0.0, 0.1);
    }
}

static void gating_and_range(void **state)
{
    (void)state;
    /* EBU Tech 3341 case 3 in short: the quiet parts fall below the relative gate */
    static const struct tone gated[] = {
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 5, 0, ALL(-36)},
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 20, 0, ALL(-23)},
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 5, 0, ALL(-36)},
    };
    assert_float_equal(measure(gated, 3).integrated, -23.0, 0.15);
    /* EBU Tech 3342 case 1 */
    static const struct tone ranged[] = {
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 20, 0, ALL(-20)},
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 20, 0, ALL(-30)},
    };
    assert_float_equal(measure(ranged, 2).range, 10.0, 1.0);
}

static void format_changes_are_followed(void **state)
{
    (void)state;
    static const struct tone tones[] = {
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 3, 0, ALL(-23)},
        {AV_SAMPLE_FMT_S16, 44100, STEREO, 1000, 3, 0, ALL(-23)},
        {AV_SAMPLE_FMT_S16, 48000, STEREO, 1000, 3, 0, ALL(-23)},
    };
    struct ftl_loudness loudness = measure(tones, 3);
    assert_float_equal(loudness.integrated, -23.0, 0.15);
    assert_float_equal(loudness.duration_s, 9.0, 0.01);
}

static void silence(void **state)
{
    (void)state;
    static const struct tone tones[] = {
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 2, 0, ALL(-300)},
        {AV_SAMPLE_FMT_S16, 48000, STEREO, 1000, 2, 0, ALL(-300)},
        {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 2, 0, ALL(-80)},
        {AV_SAMPLE_FMT_FLTP, 48000, AV_CH_LAYOUT_MONO, 1000, 0.1, 0, ALL(-90)},
        {AV_SAMPLE_FMT_FLTP, 48000, AV_CH_LAYOUT_MONO, 1000, 0.0001, 0, ALL(0)},
    };
    for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++) {
        assert_true(measure(&tones[i], 1).is_silent);
    }
    struct ftl_loudness nothing = measure(NULL, 0);
    assert_true(nothing.is_silent);
    assert_float_equal(nothing.duration_s, 0.0, 1e-9);
}

static void not_a_number_is_not_sound(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    const struct tone tone = {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 3, 0, ALL(-23)};
    FTL_AUTO(meter) struct ftl_meter *meter = NULL;
    assert_int_equal(ftl_meter_new(&meter, &err), FTL_OK);
    AVFrame *broken = new_frame(&tone, FRAME_SAMPLES);
    for (int i = 0; i < FRAME_SAMPLES; i++) {
        put(broken, 0, i, i % 2 == 0 ? (double)NAN : HUGE_VAL);
        put(broken, 1, i, 0.0);
    }
    assert_int_equal(ftl_meter_add(meter, broken, &err), FTL_OK);
    av_frame_free(&broken);
    play(meter, &tone);
    struct ftl_loudness loudness;
    assert_int_equal(ftl_meter_read(meter, &loudness, &err), FTL_OK);
    assert_float_equal(loudness.integrated, -23.0, 0.3);
}

static void refusals(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    const struct tone tone = {AV_SAMPLE_FMT_FLTP, 48000, STEREO, 1000, 1, 0, ALL(-23)};
    FTL_AUTO(meter) struct ftl_meter *meter = NULL;
    assert_int_equal(ftl_meter_new(&meter, &err), FTL_OK);
    AVFrame *frame = new_frame(&tone, 16);
    frame->nb_samples = 0;
    assert_int_equal(ftl_meter_add(meter, frame, &err), FTL_INPUT);
    frame->nb_samples = 16;
    frame->sample_rate = 0;
    assert_int_equal(ftl_meter_add(meter, frame, &err), FTL_INPUT);
    frame->sample_rate = 48000;
    frame->ch_layout.nb_channels = 65;
    assert_int_equal(ftl_meter_add(meter, frame, &err), FTL_UNSUPPORTED);
    frame->ch_layout.nb_channels = 2;
    av_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_loudness),
        cmocka_unit_test(gating_and_range),
        cmocka_unit_test(format_changes_are_followed),
        cmocka_unit_test(silence),
        cmocka_unit_test(not_a_number_is_not_sound),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
