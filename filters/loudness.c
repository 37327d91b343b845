#include <math.h>
#include <stdio.h>
#include <string.h>

#include <fettle/filter.h>

#include "filters/fragments.h"

/* Brings the audio to a loudness: plain gain, and a true-peak limiter where the gain needs one. */

enum policy { POLICY_LIMIT, POLICY_LOWER };

static const struct ftl_choice policies[] = {
    {"limit", POLICY_LIMIT, "a true-peak limiter takes what stands above the ceiling"},
    {"lower", POLICY_LOWER, "less gain, so that nothing does"},
    {NULL, 0, NULL},
};

struct loudness_opts {
    double integrated;
    double true_peak;
    int policy;
};

static const struct loudness_opts defaults = {.integrated = -16.0, .true_peak = -1.0};

static const struct ftl_opt rows[] = {
    FTL_OPT_DOUBLE(struct loudness_opts, integrated, -70.0, -5.0, "LUFS",
                   "loudness the clip is brought to, by BS.1770"),
    FTL_OPT_DOUBLE(struct loudness_opts, true_peak, -20.0, 0.0, "dBTP",
                   "ceiling of the true peak in the encoded file"),
    FTL_OPT_CHOICE(struct loudness_opts, policy, policies,
                   "what happens where the gain would lift peaks above the ceiling"),
    FTL_OPT_END,
};

extern const struct ftl_filter ftl_filter_loudness;

static const struct ftl_opt_table table = {
    .name = "loudness",
    .summary = "Brings the audio to a loudness by linear gain, with a true-peak limiter where "
               "needed.",
    .rows = rows,
    .size = sizeof(struct loudness_opts),
    .defaults = &defaults,
    .set_offset = SIZE_MAX,
    .owner = &ftl_filter_loudness,
};

enum { SAMPLE_RATE_HZ = 48000, OVERSAMPLED_HZ = 4 * SAMPLE_RATE_HZ };

static enum ftl_code plan(const struct ftl_filter_inst *inst, struct ftl_shape *shape,
                          struct ftl_err *err)
{
    (void)err;
    const struct loudness_opts *opts = inst->opts;
    if (shape->has_audio) {
        shape->sample_rate_hz = SAMPLE_RATE_HZ;
        shape->target_lufs = opts->integrated;
        shape->target_true_peak = opts->true_peak;
    }
    return FTL_OK;
}

struct decision {
    double gain_db;
    double ceiling_db; /* of the samples that go to the encoder */
    bool is_limited;
    const char *method;
};

static struct decision decide(const struct loudness_opts *opts, const struct ftl_loudness *measured)
{
    const double headroom_db = 0.5; /* what a lossy encoder adds to peaks */
    /* Beyond that it is noise that is being lifted. Downwards there is no cap: float sources reach
     * +14 LUFS. */
    const double most_db = 20.0;
    struct decision decision = {
        .ceiling_db = opts->true_peak - headroom_db - measured->ceiling_cut_db,
    };
    if (measured->is_silent || !isfinite(measured->integrated)) {
        decision.method = "silent";
        return decision;
    }
    double gain_db = opts->integrated - measured->integrated + measured->correction_db;
    bool is_capped = gain_db > most_db; /* out of reach: the verifier must know */
    decision.gain_db = is_capped ? most_db : gain_db;
    decision.method = "linear";
    double room_db = decision.ceiling_db - measured->true_peak;
    if (decision.gain_db > room_db && opts->policy == POLICY_LOWER) {
        decision.gain_db = room_db;
        decision.method = "lowered";
    } else if (decision.gain_db > room_db) {
        decision.is_limited = true;
        decision.method = "limited";
    }
    if (is_capped) {
        decision.method = "capped";
    }
    return decision;
}

static enum ftl_code resample(struct ftl_gb *gb, int rate_hz, struct ftl_port *port,
                              struct ftl_err *err)
{
    const struct ftl_arg args[] = {FTL_ARG_INT("sample_rate", rate_hz)};
    return FTL_GB_APPLY(gb, "aresample", args, port, err);
}

/* At four times the rate the peaks between samples are samples. */
static enum ftl_code limit(struct ftl_gb *gb, double ceiling_db, struct ftl_port *port,
                           struct ftl_err *err)
{
    const struct ftl_arg args[] = {
        FTL_ARG_DOUBLE("limit", fmax(ftl_db_to_gain(ceiling_db), 0.0625)), /* its own minimum */
        FTL_ARG_DOUBLE("attack", 5.0),
        FTL_ARG_DOUBLE("release", 50.0),
        FTL_ARG_INT("level", 0),
        FTL_ARG_INT("latency", 1),
    };
    enum ftl_code code = resample(gb, OVERSAMPLED_HZ, port, err);
    if (code == FTL_OK) {
        code = FTL_GB_APPLY(gb, "alimiter", args, port, err);
    }
    return code == FTL_OK ? resample(gb, SAMPLE_RATE_HZ, port, err) : code;
}

/* Said once: a corrective pass builds the filter again. */
static void warn_if_missed(struct ftl_gb *gb, const struct loudness_opts *opts,
                           const struct ftl_loudness *measured, const struct decision *decision)
{
    bool is_first = measured->correction_db == 0.0 && measured->ceiling_cut_db == 0.0;
    double reached = measured->integrated + decision->gain_db;
    if (is_first && strcmp(decision->method, "capped") == 0) {
        gb->ops->warn(gb,
                      "the sound is very quiet: %+.0f dB, the most there is, brings it to %.1f "
                      "LUFS, not %.1f",
                      decision->gain_db, reached, opts->integrated);
    } else if (is_first && strcmp(decision->method, "lowered") == 0) {
        gb->ops->warn(gb, "its peaks leave room for %+.1f dB only: %.1f LUFS, not %.1f",
                      decision->gain_db, reached, opts->integrated);
    }
}

static enum ftl_code build(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                           struct ftl_chain *chain, const struct ftl_shape *after,
                           struct ftl_err *err)
{
    (void)after;
    const struct ftl_loudness *measured = gb->ops->measured(gb, inst);
    if (measured == NULL) {
        return ftl_fail(err, FTL_INTERNAL, "no measurement reached the loudness filter");
    }
    struct decision decision = decide(inst->opts, measured);
    if (gb->ops->loudness != NULL) {
        gb->ops->loudness(gb, inst, decision.gain_db, decision.method);
    }
    warn_if_missed(gb, inst->opts, measured, &decision);
    char gain[32];
    (void)snprintf(gain, sizeof(gain), "%.9f", ftl_db_to_gain(decision.gain_db));
    const struct ftl_arg args[] = {
        FTL_ARG_TEXT("volume", gain),
        FTL_ARG_TEXT("precision", "float"),
    };
    enum ftl_code code = resample(gb, SAMPLE_RATE_HZ, &chain->audio, err);
    if (code == FTL_OK && decision.gain_db != 0.0) {
        code = FTL_GB_APPLY(gb, "volume", args, &chain->audio, err);
    }
    if (code == FTL_OK && decision.is_limited) {
        code = limit(gb, decision.ceiling_db, &chain->audio, err);
    }
    return code;
}

const struct ftl_filter ftl_filter_loudness = {
    .name = "loudness",
    .summary = "Brings the audio to a loudness by linear gain, with a true-peak limiter where "
               "needed.",
    .media = FTL_MEDIA_AUDIO,
    .table = &table,
    .needs_loudness = true,
    .plan = plan,
    .build = build,
};
