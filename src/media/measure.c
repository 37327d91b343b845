#include "media/measure.h"

#include <math.h>

#include <ebur128.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>
#include <libswresample/swresample.h>

#include "base/mem.h"

enum {
    MAX_CHANNELS = 64,
    SHORTEST_BLOCK_MS = 400, /* BS.1770's gating block */
    DRAIN_SAMPLES = 4096,    /* per channel, read at once from a converter that ends */
};

static const double gate_lufs = -70.0; /* BS.1770's absolute gate */

struct ftl_meter {
    ebur128_state *state; /* NULL until the first frame */
    int rate_hz;          /* of the first frame */
    AVChannelLayout layout;
    SwrContext *swr;           /* to interleaved float at rate_hz and layout */
    int in_format, in_rate_hz; /* what swr was made for */
    AVChannelLayout in_layout;
    float *samples;   /* converted, interleaved */
    int samples_room; /* per channel */
    int64_t frames;   /* samples per channel given to the meter */
};

enum ftl_code ftl_meter_new(struct ftl_meter **ret, struct ftl_err *err)
{
    struct ftl_meter *meter = ftl_calloc(1, sizeof(*meter));
    if (meter == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a loudness meter");
    }
    *ret = meter;
    return FTL_OK;
}

void ftl_meter_free(struct ftl_meter *meter)
{
    if (meter == NULL) {
        return;
    }
    if (meter->state != NULL) {
        ebur128_destroy(&meter->state);
    }
    swr_free(&meter->swr);
    av_channel_layout_uninit(&meter->layout);
    av_channel_layout_uninit(&meter->in_layout);
    ftl_free(meter->samples);
    ftl_free(meter);
}

/* BS.1770's weights: 1.0 in front, 1.41 at the sides and back of the ring, nothing for LFE. */
static int ebur128_channel(enum AVChannel channel, int channels)
{
    switch (channel) {
    case AV_CHAN_LOW_FREQUENCY:
    case AV_CHAN_LOW_FREQUENCY_2:
        return EBUR128_UNUSED;
    case AV_CHAN_FRONT_RIGHT:
        return EBUR128_RIGHT;
    case AV_CHAN_FRONT_CENTER:
        return EBUR128_CENTER;
    case AV_CHAN_SIDE_LEFT:
        return EBUR128_LEFT_SURROUND;
    case AV_CHAN_SIDE_RIGHT:
        return EBUR128_RIGHT_SURROUND;
    case AV_CHAN_BACK_LEFT: /* of 5.1 and quad; in 7.1 the side channels are the surrounds */
        return channels <= 6 ? EBUR128_LEFT_SURROUND : EBUR128_Mp135;
    case AV_CHAN_BACK_RIGHT:
        return channels <= 6 ? EBUR128_RIGHT_SURROUND : EBUR128_Mm135;
    default:
        return EBUR128_LEFT;
    }
}

static enum ftl_code start(struct ftl_meter *meter, const AVFrame *frame, struct ftl_err *err)
{
    int channels = frame->ch_layout.nb_channels;
    meter->state = ebur128_init((unsigned)channels, (unsigned long)frame->sample_rate,
                                EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_TRUE_PEAK);
    if (meter->state == NULL || av_channel_layout_copy(&meter->layout, &frame->ch_layout) < 0) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a loudness meter of %d channels at %d Hz",
                        channels, frame->sample_rate);
    }
    meter->rate_hz = frame->sample_rate;
    for (int i = 0; i < channels; i++) {
        enum AVChannel channel = av_channel_layout_channel_from_index(&meter->layout, (unsigned)i);
        if (channels > 1 &&
            ebur128_set_channel(meter->state, (unsigned)i, ebur128_channel(channel, channels)) !=
                EBUR128_SUCCESS)
        {
            return ftl_fail(err, FTL_INTERNAL, "channel %d of %d has no weight", i, channels);
        }
    }
    return FTL_OK;
}

static bool fits_converter(const struct ftl_meter *meter, const AVFrame *frame)
{
    return meter->swr != NULL && meter->in_format == frame->format &&
           meter->in_rate_hz == frame->sample_rate &&
           av_channel_layout_compare(&meter->in_layout, &frame->ch_layout) == 0;
}

/* Hands `count` converted samples to the meter. */
static enum ftl_code feed(struct ftl_meter *meter, int count, struct ftl_err *err)
{
    if (count < 0) {
        return ftl_fail_sub(err, FTL_INTERNAL, count, "converting samples for the loudness meter");
    }
    /* One NaN would stay in the filter's memory for the rest of the clip. */
    int total = count * meter->layout.nb_channels;
    for (int i = 0; i < total; i++) {
        if (!isfinite(meter->samples[i])) {
            meter->samples[i] = 0.0F;
        }
    }
    if (ebur128_add_frames_float(meter->state, meter->samples, (size_t)count) != EBUR128_SUCCESS) {
        return ftl_fail(err, FTL_NOMEM, "no memory in the loudness meter");
    }
    meter->frames += count;
    return FTL_OK;
}

static enum ftl_code make_room(struct ftl_meter *meter, int count, struct ftl_err *err)
{
    if (count <= meter->samples_room) {
        return FTL_OK;
    }
    size_t bytes = (size_t)count * (size_t)meter->layout.nb_channels * sizeof(float);
    float *samples = ftl_realloc(meter->samples, bytes);
    if (samples == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory to measure a frame of %d samples", count);
    }
    meter->samples = samples;
    meter->samples_room = count;
    return FTL_OK;
}

/* Empties what a converter still holds. */
static enum ftl_code drain(struct ftl_meter *meter, struct ftl_err *err)
{
    enum ftl_code code = make_room(meter, DRAIN_SAMPLES, err);
    while (code == FTL_OK && meter->swr != NULL) {
        uint8_t *out[] = {(uint8_t *)meter->samples};
        int count = swr_convert(meter->swr, out, DRAIN_SAMPLES, NULL, 0);
        if (count == 0) {
            return FTL_OK;
        }
        code = feed(meter, count, err);
    }
    return code;
}

static enum ftl_code set_converter(struct ftl_meter *meter, const AVFrame *frame,
                                   struct ftl_err *err)
{
    enum ftl_code code = drain(meter, err);
    if (code != FTL_OK) {
        return code;
    }
    swr_free(&meter->swr);
    int ret = av_channel_layout_copy(&meter->in_layout, &frame->ch_layout);
    if (ret >= 0) {
        ret = swr_alloc_set_opts2(&meter->swr, &meter->layout, AV_SAMPLE_FMT_FLT, meter->rate_hz,
                                  &meter->in_layout, frame->format, frame->sample_rate, 0, NULL);
    }
    if (ret >= 0) {
        ret = swr_init(meter->swr);
    }
    if (ret < 0) {
        swr_free(&meter->swr);
        return ftl_fail_sub(err, FTL_UNSUPPORTED, ret,
                            "samples of %d channels at %d Hz can't be measured",
                            frame->ch_layout.nb_channels, frame->sample_rate);
    }
    meter->in_format = frame->format;
    meter->in_rate_hz = frame->sample_rate;
    return FTL_OK;
}

enum ftl_code ftl_meter_add(struct ftl_meter *meter, const AVFrame *frame, struct ftl_err *err)
{
    int channels = frame->ch_layout.nb_channels;
    if (frame->nb_samples <= 0 || frame->sample_rate <= 0 || channels <= 0) {
        return ftl_fail(err, FTL_INPUT, "an audio frame without samples or layout");
    }
    if (channels > MAX_CHANNELS) {
        return ftl_fail(err, FTL_UNSUPPORTED, "loudness of %d channels", channels);
    }
    enum ftl_code code = meter->state == NULL ? start(meter, frame, err) : FTL_OK;
    if (code == FTL_OK && !fits_converter(meter, frame)) {
        code = set_converter(meter, frame, err);
    }
    if (code != FTL_OK) {
        return code;
    }
    int room = swr_get_out_samples(meter->swr, frame->nb_samples);
    code = make_room(meter, room, err);
    if (code != FTL_OK) {
        return code;
    }
    const uint8_t *in[MAX_CHANNELS] = {NULL};
    int planes = av_sample_fmt_is_planar(frame->format) ? frame->ch_layout.nb_channels : 1;
    for (int i = 0; i < planes; i++) {
        in[i] = frame->extended_data[i];
    }
    uint8_t *out[] = {(uint8_t *)meter->samples};
    return feed(meter, swr_convert(meter->swr, out, room, in, frame->nb_samples), err);
}

/* Loudness of all there is, without gate. */
static double ungated(struct ftl_meter *meter)
{
    double loudness = -HUGE_VAL;
    int64_t window_ms = meter->frames * 1000 / meter->rate_hz;
    if (window_ms < 1 || ebur128_loudness_window(meter->state, (unsigned long)window_ms,
                                                 &loudness) != EBUR128_SUCCESS)
    {
        return -HUGE_VAL;
    }
    return loudness;
}

static double highest_peak(struct ftl_meter *meter)
{
    double highest = 0.0;
    for (int i = 0; i < meter->layout.nb_channels; i++) {
        double peak = 0.0;
        if (ebur128_true_peak(meter->state, (unsigned)i, &peak) == EBUR128_SUCCESS) {
            highest = fmax(highest, peak);
        }
    }
    return highest > 0.0 ? 20.0 * log10(highest) : -HUGE_VAL;
}

enum ftl_code ftl_meter_read(struct ftl_meter *meter, struct ftl_loudness *ret, struct ftl_err *err)
{
    struct ftl_loudness result = {
        .is_measured = true,
        .is_silent = true,
        .integrated = -HUGE_VAL,
        .true_peak = -HUGE_VAL,
    };
    if (meter->state == NULL) {
        *ret = result;
        return FTL_OK;
    }
    enum ftl_code code = drain(meter, err);
    if (code != FTL_OK) {
        return code;
    }
    result.duration_s = (double)meter->frames / meter->rate_hz;
    result.is_ungated = meter->frames * 1000 < (int64_t)SHORTEST_BLOCK_MS * meter->rate_hz;
    if (result.is_ungated) {
        result.integrated = ungated(meter);
    } else if (ebur128_loudness_global(meter->state, &result.integrated) != EBUR128_SUCCESS ||
               ebur128_loudness_range(meter->state, &result.range) != EBUR128_SUCCESS)
    {
        return ftl_fail(err, FTL_NOMEM, "no memory to sum the loudness up");
    }
    result.is_silent = !(result.integrated >= gate_lufs);
    result.true_peak = highest_peak(meter);
    *ret = result;
    return FTL_OK;
}
