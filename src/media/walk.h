/* A walk through an input's packets, without decoding: the rhythm of the pictures and how long the
 * streams really are, where containers blur the one and claim the other. */
#ifndef FETTLE_MEDIA_WALK_H
#define FETTLE_MEDIA_WALK_H

#include <fettle/err.h>
#include <fettle/probe.h>

#include "media/input.h"

/* For the streams chosen in *probe: frame_rate and is_variable_rate of the picture, measured_s of
 * both if the walk reached the end of the file (small files: at most 64 MiB are read). */
enum ftl_code ftl_walk_packets(struct ftl_input *input, struct ftl_probe *probe,
                               struct ftl_err *err) FTL_CHECK;

#endif
