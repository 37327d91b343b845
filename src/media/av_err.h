/* libav's numbers become ours at the call, so that none leaks upward. */
#ifndef FETTLE_MEDIA_AV_ERR_H
#define FETTLE_MEDIA_AV_ERR_H

#include <fettle/err.h>

/* Fails with libav's text appended. The number chooses the code: invalid data INPUT, things not
 * found or not implemented UNSUPPORTED, ENOMEM NOMEM, ENOSPC and EDQUOT DISK, EFBIG LIMIT,
 * AVERROR_EXIT CANCELLED, libav's own bugs INTERNAL; whatever is not in the table gets `otherwise`.
 */
enum ftl_code ftl_fail_av(struct ftl_err *err, enum ftl_code otherwise, int number, const char *fmt,
                          ...) FTL_PRINTF(4, 5);

/* The code alone. */
enum ftl_code ftl_code_from_av(int number, enum ftl_code otherwise);

#endif
