/* Runs a fuzz target over every file of a corpus folder, without libFuzzer. An empty or missing
 * corpus is a failure: the test would show nothing. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    static uint8_t buffer[MAX_BYTES];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t size = fread(buffer, 1, sizeof(buffer), file);
    (void)fclose(file); /* only read from */
    LLVMFuzzerTestOneInput(buffer, size);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    if (folder == NULL) {
        perror(argv[1]);
        return 1;
    }
    int count = 0;
    int failures = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[4096];
        struct stat st;
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
            continue;
        }
        failures += replay_file(path) != 0;
        count++;
    }
    (void)closedir(folder);
    (void)printf("%d inputs replayed\n", count);
    return count > 0 && failures == 0 ? 0 : 1;
}
