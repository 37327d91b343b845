/* fettle-exec: parses media, and holds nothing worth stealing. Started by fettle (src/execc). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exec/tasks.h"
#include "exec/zygote.h"
#include "media/pipeline.h"

int main(int argc, char **argv)
{
    struct ftl_log log = {.fd = STDERR_FILENO, .level = FTL_LOG_WARN};
    struct ftl_err err = {.code = FTL_OK};
    bool dies_with_parent = argc > 2 && strcmp(argv[2], "dies-with-parent") == 0;
    if (ftl_zygote_init(dies_with_parent, &err) != FTL_OK) {
        (void)fprintf(stderr, "fettle-exec: %s\n", err.msg);
        return ftl_code_exit_status(err.code);
    }
    ftl_media_init(&log);
    struct ftl_image image = {.run = ftl_tasks_run, .log = &log};
    _exit(ftl_zygote_serve(
        &image)); /* nothing is buffered, and libraries' exit handlers have no say */
}
