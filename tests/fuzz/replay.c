/* Runs a fuzz target over every file of a corpus folder, without libFuzzer. An empty or missing
 * corpus is a failure: the test would show nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { LONGEST_INPUT = 4 << 20 };

/* The input lies in memory of exactly its size, so that a sanitizer sees a read past its end. */
static int replay_file(const char *path)
{
    struct ftl_err err = {0};
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(LONGEST_INPUT);
    if (ftl_file_read(path, &text, &err) != FTL_OK) {
        (void)fprintf(stderr, "%s\n", err.msg);
        return -1;
    }
    FTL_AUTO_FREE uint8_t *bytes = ftl_calloc(text.length > 0 ? text.length : 1, 1);
    if (bytes == NULL) {
        return -1;
    }
    for (size_t i = 0; i < text.length; i++) {
        bytes[i] = (uint8_t)text.text[i];
    }
    (void)LLVMFuzzerTestOneInput(bytes, text.length); /* it aborts on what must not be */
    return 0;
}

static int replay_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        perror(folder);
        return -1;
    }
    int count = 0;
    const struct dirent *entry = NULL;
    while (count >= 0 && (entry = readdir(directory)) != NULL) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.') {
            count = replay_file(path) == 0 ? count + 1 : -1;
        }
    }
    (void)closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    int count = replay_folder(argv[1]);
    (void)printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
