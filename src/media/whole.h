/* Whether a file ends where its own structure says it does, read from its boxes, elements, chunks
 * or pages alone. libav reads a cut file as far as it goes and calls that success. */
#ifndef FETTLE_MEDIA_WHOLE_H
#define FETTLE_MEDIA_WHOLE_H

#include <stdint.h>

enum ftl_whole {
    FTL_WHOLE_UNKNOWN, /* the format does not say (MPEG-TS on a packet boundary, live Matroska, …)
                        */
    FTL_WHOLE_YES,     /* the structure ends inside the file, or exactly with it */
    FTL_WHOLE_CUT,     /* the file ends inside media or index data */
};

/* Never fails: what cannot be read is UNKNOWN. Reads a few headers by pread. */
enum ftl_whole ftl_whole_check(int fd, int64_t file_bytes);

#endif
