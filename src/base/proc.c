#include "base/proc.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/number.h"
#include "base/proc_parse.h"
#include "base/str.h"

static bool parse_digits(const char *text, size_t length, int64_t *ret)
{
    char digits[24];
    if (length == 0 || length >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, length);
    digits[length] = '\0';
    return ftl_int64_parse(digits, ret);
}

bool ftl_proc_parse_cpu_max(const char *text, int *ret_cpus)
{
    int64_t quota = 0;
    int64_t period = 0;
    size_t first = strcspn(text, " \n");
    if (text[first] != ' ' || !parse_digits(text, first, &quota)) {
        return false;
    }
    const char *second = text + first + 1;
    if (!parse_digits(second, strcspn(second, " \n"), &period) || quota <= 0 || period <= 0) {
        return false;
    }
    int64_t cpus = quota / period + (quota % period != 0 ? 1 : 0);
    *ret_cpus = cpus < INT_MAX ? (int)cpus : INT_MAX;
    return true;
}

bool ftl_proc_parse_memory_max(const char *text, int64_t *ret_bytes)
{
    int64_t bytes = 0;
    if (!parse_digits(text, strcspn(text, "\n"), &bytes) || bytes <= 0) {
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

bool ftl_proc_parse_kb(const char *text, const char *name, int64_t *ret_bytes)
{
    size_t length = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (strncmp(line, name, length) != 0 || line[length] != ':') {
            continue;
        }
        const char *value = line + length + 1;
        value += strspn(value, " \t");
        int64_t kb = 0;
        if (!parse_digits(value, strcspn(value, " \n"), &kb)) {
            return false;
        }
        return !__builtin_mul_overflow(kb, (int64_t)1024, ret_bytes);
    }
    return false;
}

bool ftl_proc_parse_cgroup(const char *text, char *to, size_t size)
{
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (strncmp(line, "0::/", 4) == 0) {
            size_t length = strcspn(line + 3, "\n");
            int needed = snprintf(to, size, "%.*s", (int)length, line + 3);
            return needed >= 0 && (size_t)needed < size;
        }
    }
    return false;
}

static bool read_small(const char *path, struct ftl_str *ret)
{
    struct ftl_err ignored = {0}; /* a file that is not there means no limit */
    ftl_str_clear(ret);
    return ftl_file_read(path, ret, &ignored) == FTL_OK && ret->length > 0;
}

/* Calls `use` with the text of `file` in this process's cgroup and in every one above it, since
 * each level's limit counts. */
static void each_cgroup(const char *file, void (*use)(const char *text, void *opaque), void *opaque)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(65536);
    char group[PATH_MAX];
    if (!read_small("/proc/self/cgroup", &text) ||
        !ftl_proc_parse_cgroup(ftl_str_text(&text), group, sizeof(group)))
    {
        return;
    }
    for (;;) {
        char path[PATH_MAX + 64];
        const char *below = strcmp(group, "/") == 0 ? "" : group;
        (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", below, file);
        if (read_small(path, &text)) {
            use(ftl_str_text(&text), opaque);
        }
        if (*below == '\0') {
            return;
        }
        *strrchr(group, '/') = '\0'; /* it starts with one */
    }
}

static void lower_cpus(const char *text, void *opaque)
{
    int *least = opaque;
    int cpus = 0;
    if (ftl_proc_parse_cpu_max(text, &cpus) && cpus < *least) {
        *least = cpus;
    }
}

static void lower_bytes(const char *text, void *opaque)
{
    int64_t *least = opaque;
    int64_t bytes = 0;
    if (ftl_proc_parse_memory_max(text, &bytes) && (*least == 0 || bytes < *least)) {
        *least = bytes;
    }
}

int ftl_proc_cgroup_cpus(void)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    int cpus = 0;
    if (sched_getaffinity(0, sizeof(mask), &mask) == 0) {
        cpus = CPU_COUNT(&mask);
    } else { /* more processors than the mask has bits */
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    }
    each_cgroup("cpu.max", lower_cpus, &cpus);
    return cpus > 1 ? cpus : 1;
}

int64_t ftl_proc_memory_bytes(void)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(65536);
    int64_t bytes = 0;
    if (!read_small("/proc/meminfo", &text) ||
        !ftl_proc_parse_kb(ftl_str_text(&text), "MemTotal", &bytes))
    {
        bytes = 0;
    }
    each_cgroup("memory.max", lower_bytes, &bytes);
    return bytes;
}

int64_t ftl_proc_self_rss_bytes(void)
{
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(65536);
    int64_t bytes = 0;
    bool is_read = read_small("/proc/self/status", &text) &&
                   ftl_proc_parse_kb(ftl_str_text(&text), "VmRSS", &bytes);
    return is_read ? bytes : 0;
}
