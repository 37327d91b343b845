/* Loudness by ITU-R BS.1770-4 / EBU R 128, of decoded or filtered audio.
 *
 *   ftl_meter_new(&meter, &err);
 *   ftl_meter_add(meter, frame, &err);      for every frame, in order
 *   ftl_meter_read(meter, &loudness, &err); once, after the last
 *   ftl_meter_free(meter);
 */
#ifndef FETTLE_MEDIA_MEASURE_H
#define FETTLE_MEDIA_MEASURE_H

#include <fettle/err.h>
#include <fettle/value.h>

#include "base/auto.h"

struct AVFrame;
struct ftl_meter;

enum ftl_code ftl_meter_new(struct ftl_meter **ret, struct ftl_err *err) FTL_CHECK;
void ftl_meter_free(struct ftl_meter *meter); /* NULL allowed */

/* Any sample format, rate and layout; the first frame's rate and layout are what is measured, later
 * changes are converted to it. The frame stays the caller's. UNSUPPORTED for more than 64 channels,
 * INPUT for a frame without samples or layout. */
enum ftl_code ftl_meter_add(struct ftl_meter *meter, const struct AVFrame *frame,
                            struct ftl_err *err) FTL_CHECK;

/* is_measured is always set: without a single frame the result is silent and 0 s long. Integrated
 * loudness is -inf where nothing is above the gate; true peak is -inf for digital silence. Below
 * 400 ms the loudness is that of the whole clip without gate (is_ungated). */
enum ftl_code ftl_meter_read(struct ftl_meter *meter, struct ftl_loudness *ret,
                             struct ftl_err *err) FTL_CHECK;

FTL_AUTO_DEFINE(meter, struct ftl_meter, ftl_meter_free);

#endif
