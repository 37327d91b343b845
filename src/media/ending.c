#include "media/ending.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LIE_FACTOR = 50, BROKEN_SHARE = 10, BROKEN_MIN = 3 };

struct shortfall {
    double declared_s; /* what is missing its end: its declared length */
    double found_s;
};

static bool is_short(double declared_end_s, double found_end_s)
{
    return declared_end_s - found_end_s > fmax(0.25, 0.01 * declared_end_s);
}

/* The stream's own claim against what was decoded of it; the container's against the last packet of
 * any stream, because subtitles or data may be what lasts that long. */
static bool find_shortfall(const struct ftl_ending *ending, struct shortfall *ret)
{
    const struct ftl_probe *probe = ending->probe;
    const struct ftl_probe_stream *stream = &probe->streams[ending->stream];
    double stream_end_s = stream->start_s + stream->duration_s - ending->zero_s;
    double container_end_s = probe->start_s + probe->duration_s;
    double seen_s = fmax(ending->input.packets_end_s, ending->decoder.end_s + ending->zero_s);
    if (ending->decoder.has_new_clock || probe->is_duration_guessed) {
        return false; /* ends on another clock than starts, or no claim at all */
    }
    if (stream->duration_s > 0.0 && is_short(stream_end_s, ending->decoder.end_s)) {
        *ret = (struct shortfall){stream_end_s, ending->decoder.end_s};
        return true;
    }
    if (ending->saw_all && probe->duration_s > 0.0 && is_short(container_end_s, seen_s)) {
        *ret = (struct shortfall){container_end_s, seen_s};
        return true;
    }
    return false;
}

/* Formats that carry no length: an end in the middle of a picture is all that can be seen. */
static bool is_cut_in_frame(const struct ftl_ending *ending)
{
    bool has_no_length = strcmp(ending->probe->container, "mpegts") == 0 ||
                         strcmp(ending->probe->container, "mpeg") == 0 ||
                         strcmp(ending->probe->container, "flv") == 0;
    return has_no_length && ending->whole == FTL_WHOLE_UNKNOWN &&
           (ending->decoder.is_last_corrupt || ending->input.is_last_corrupt);
}

static bool is_lie(const struct ftl_ending *ending, const struct shortfall *shortfall)
{
    bool is_clean = ending->input.errors == 0 && ending->decoder.errors == 0;
    return is_clean && (ending->whole == FTL_WHOLE_YES ||
                        shortfall->declared_s > LIE_FACTOR * shortfall->found_s);
}

enum ftl_code ftl_ending_check(const struct ftl_ending *ending,
                               void (*warn)(void *opaque, const char *where, const char *text),
                               void *opaque, struct ftl_err *err)
{
    const struct ftl_decoder_stats *decoder = &ending->decoder;
    struct shortfall shortfall = {0};
    bool is_short_of_claim = find_shortfall(ending, &shortfall);
    char text[160];
    if (decoder->frames == 0) {
        return ftl_fail(err, FTL_INPUT, "%s: nothing in it can be decoded", ending->name);
    }
    if (ending->whole == FTL_WHOLE_CUT || ending->input.missing_samples > 0 ||
        is_cut_in_frame(ending)) {
        return ftl_fail(err, FTL_TRUNCATED,
                        "%s: the file ends in the middle of its media, at %.2f s", ending->name,
                        decoder->end_s);
    }
    if (is_short_of_claim && !is_lie(ending, &shortfall)) {
        return ftl_fail(err, FTL_TRUNCATED, "%s: %.2f s were found of %.2f s declared",
                        ending->name, shortfall.found_s, shortfall.declared_s);
    }
    if (decoder->errors > BROKEN_MIN &&
        decoder->errors * BROKEN_SHARE > decoder->frames + decoder->errors)
    {
        return ftl_fail(err, FTL_INPUT, "%s: %lld of %lld frames are damaged", ending->name,
                        (long long)decoder->errors, (long long)decoder->frames);
    }
    if (warn != NULL && is_short_of_claim) {
        (void)snprintf(text, sizeof(text), "the input claims %.2f s but holds %.2f s",
                       shortfall.declared_s, shortfall.found_s);
        warn(opaque, "/input", text);
    }
    if (warn != NULL && decoder->errors > 0) {
        (void)snprintf(text, sizeof(text), "%lld frames of the input are damaged",
                       (long long)decoder->errors);
        warn(opaque, "/input", text);
    }
    return FTL_OK;
}
