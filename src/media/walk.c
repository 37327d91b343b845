#include "media/walk.h"

#include <math.h>
#include <stdlib.h>

#include <libavformat/avformat.h>

#include "base/mem.h"
#include "media/av_auto.h"
#include "media/decoder.h"

enum { RHYTHM_PACKETS = 300, RHYTHM_MIN = 4, PACKETS_MAX = 200000, JUMP_S = 10 };
static const int64_t bytes_max = 64 * 1024 * 1024;

/* Where the pictures are, the first few hundred of them. */
struct rhythm {
    double at_s[RHYTHM_PACKETS];
    int count;
    bool is_whole; /* the stream has no further picture */
};

/* One stream's time, with clocks that start anew put straight (track.c does the same to frames). */
struct ruler {
    double last_s, offset_s, usual_step_s;
    double start_s, end_s;
    int64_t packets, untimed;
};

struct walk {
    struct rhythm rhythm;
    struct ruler video, audio;
    bool may_jump;
};

static double seconds(int64_t value, AVRational time_base)
{
    return (double)value * av_q2d(time_base);
}

/* False for packets that are not shown or have no time; otherwise *ret_s is where it is shown. */
static bool measure(struct ruler *ruler, const AVPacket *packet, AVRational time_base,
                    bool may_jump, double *ret_s)
{
    int64_t order = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    int64_t shown = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (order == AV_NOPTS_VALUE || (packet->flags & AV_PKT_FLAG_DISCARD) != 0) {
        ruler->untimed += order == AV_NOPTS_VALUE ? 1 : 0;
        return false;
    }
    double step_s = seconds(order, time_base) + ruler->offset_s - ruler->last_s;
    bool is_jump = step_s < -FTL_CLOCK_BACK_S || (may_jump && step_s > JUMP_S);
    if (ruler->packets > 0 && is_jump) {
        ruler->offset_s += ruler->usual_step_s - step_s;
    } else if (ruler->packets > 0) {
        ruler->usual_step_s = step_s;
    }
    double at_s = seconds(shown, time_base) + ruler->offset_s;
    double end_s = at_s + seconds(packet->duration > 0 ? packet->duration : 0, time_base);
    ruler->start_s = ruler->packets == 0 ? at_s : fmin(ruler->start_s, at_s);
    ruler->end_s = ruler->packets == 0 ? end_s : fmax(ruler->end_s, end_s);
    ruler->last_s = seconds(order, time_base) + ruler->offset_s;
    ruler->packets++;
    *ret_s = at_s;
    return packet->pts != AV_NOPTS_VALUE;
}

static int compare_seconds(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void note_picture(struct rhythm *rhythm, double at_s)
{
    if (rhythm->count < RHYTHM_PACKETS) {
        rhythm->at_s[rhythm->count++] = at_s;
    }
}

/* All packets of the two streams, as far as the bounds allow. */
static enum ftl_code read_all(struct ftl_input *input, const struct ftl_probe *probe,
                              struct walk *walk, bool *ret_is_end, struct ftl_err *err)
{
    FTL_AUTO(av_packet) AVPacket *packet = av_packet_alloc();
    int video = probe->video >= 0 ? probe->streams[probe->video].index : -1;
    int64_t bytes = 0;
    if (packet == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a packet");
    }
    *ret_is_end = false;
    for (int reads = 0; reads < PACKETS_MAX && bytes < bytes_max; reads++) {
        if (ftl_input_read(input, packet, ret_is_end, err) != FTL_OK) {
            return err->code;
        }
        if (*ret_is_end) {
            return FTL_OK;
        }
        AVRational time_base = ftl_input_stream(input, packet->stream_index)->time_base;
        bool is_video = packet->stream_index == video;
        double at_s = 0.0;
        bool is_shown = measure(is_video ? &walk->video : &walk->audio, packet, time_base,
                                walk->may_jump, &at_s);
        if (is_video && is_shown) {
            note_picture(&walk->rhythm, at_s);
        }
        bytes += packet->size;
        av_packet_unref(packet);
    }
    return FTL_OK;
}

/* The exact rate behind a measured one: containers with millisecond clocks blur it. */
static struct ftl_rational nearest_rate(double rate)
{
    static const struct ftl_rational standard[] = {
        {24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {48, 1}, {50, 1}, {60000, 1001},
        {60, 1},       {12, 1}, {15, 1}, {16, 1},       {8, 1},  {10, 1}, {20, 1}, {120, 1}};
    struct ftl_rational best = {0, 0};
    double best_off = 0.0004; /* 24 and 24000/1001 are 0.001 apart */
    for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++) {
        double off = fabs(ftl_rational_to_double(standard[i]) / rate - 1.0);
        if (off < best_off) {
            best = standard[i];
            best_off = off;
        }
    }
    if (best.den == 0) {
        AVRational q = av_d2q(rate, 100000);
        best = (struct ftl_rational){q.num, q.den};
    }
    return best;
}

/* Steady when no picture is further from its turn than half a frame, or two clock ticks. */
static void judge_rhythm(const struct rhythm *rhythm, double tick_s, struct ftl_probe_stream *ret)
{
    if (rhythm->count < RHYTHM_MIN) {
        return;
    }
    int steps = rhythm->count - 1;
    double span_s = rhythm->at_s[steps] - rhythm->at_s[0];
    double mean_s = span_s / steps;
    bool is_steady = span_s > 0.0;
    for (int i = 1; is_steady && i <= steps; i++) {
        double off_s = fabs(rhythm->at_s[i] - rhythm->at_s[0] - i * mean_s);
        double step_s = rhythm->at_s[i] - rhythm->at_s[i - 1];
        is_steady = off_s <= fmax(0.25 * mean_s, 2.0 * tick_s) &&
                    fabs(step_s - mean_s) <= fmax(0.25 * mean_s, 2.0 * tick_s);
    }
    ret->is_variable_rate = !is_steady;
    if (span_s > 0.0 && (is_steady || rhythm->is_whole)) {
        ret->frame_rate = nearest_rate(1.0 / mean_s);
    }
}

/* Several pictures without a length of their own: the last lasts as long as the others. */
static double length_of(const struct ruler *ruler, const struct ftl_probe_stream *stream)
{
    double rate = ftl_rational_to_double(stream->frame_rate);
    if (ruler->untimed > 0) { /* a raw stream: pictures can be counted, sound cannot */
        bool is_counted = stream->media == FTL_MEDIA_VIDEO && rate > 0.0;
        return is_counted ? (double)(ruler->packets + ruler->untimed) / rate : 0.0;
    }
    double start_s = ruler->offset_s != 0.0 ? ruler->start_s : stream->start_s;
    double last_s = ruler->end_s - ruler->last_s;
    bool is_bare = stream->media == FTL_MEDIA_VIDEO && last_s <= 0.0 && rate > 0.0;
    return fmax(ruler->end_s - start_s, 0.0) + (is_bare ? 1.0 / rate : 0.0);
}

enum ftl_code ftl_walk_packets(struct ftl_input *input, struct ftl_probe *probe,
                               struct ftl_err *err)
{
    FTL_AUTO_FREE struct walk *walk = ftl_calloc(1, sizeof(*walk));
    bool is_end = false;
    if (walk == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory for a walk");
    }
    struct ftl_probe_stream *video = probe->video >= 0 ? &probe->streams[probe->video] : NULL;
    struct ftl_probe_stream *audio = probe->audio >= 0 ? &probe->streams[probe->audio] : NULL;
    walk->may_jump = (ftl_input_format(input)->iformat->flags & AVFMT_TS_DISCONT) != 0;
    if (video != NULL) {
        ftl_input_use(input, video->index);
    }
    if (audio != NULL) {
        ftl_input_use(input, audio->index);
    }
    if (read_all(input, probe, walk, &is_end, err) != FTL_OK) {
        return err->code;
    }
    if (video != NULL) {
        struct rhythm *rhythm = &walk->rhythm;
        rhythm->is_whole = is_end && walk->video.packets <= RHYTHM_PACKETS;
        qsort(rhythm->at_s, (size_t)rhythm->count, sizeof(rhythm->at_s[0]), compare_seconds);
        judge_rhythm(rhythm, av_q2d(ftl_input_stream(input, video->index)->time_base), video);
        video->measured_s = is_end ? length_of(&walk->video, video) : 0.0;
    }
    if (audio != NULL) {
        audio->measured_s = is_end ? length_of(&walk->audio, audio) : 0.0;
    }
    return FTL_OK;
}
