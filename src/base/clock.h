/* Time. Monotonic for intervals and deadlines, wall clock for what is stored or logged. */
#ifndef FETTLE_BASE_CLOCK_H
#define FETTLE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t ftl_mono_ms(void);
int64_t ftl_mono_us(void);
int64_t ftl_wall_ms(void); /* Unix epoch */

/* "2026-01-31T23:59:59.123Z"; size >= 25. */
void ftl_wall_text(int64_t wall_ms, char *to, size_t size);

#endif
