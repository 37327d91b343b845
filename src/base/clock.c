#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now); /* these clocks always exist on Linux */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t ftl_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t ftl_mono_ms(void)
{
    return ftl_mono_us() / 1000;
}

int64_t ftl_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

void ftl_wall_text(int64_t wall_ms, char *to, size_t size)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};
    char stamp[32] = "";
    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
    }
    (void)snprintf(to, size, "%s.%03dZ", stamp, (int)(wall_ms % 1000));
}
