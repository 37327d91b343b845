/* One ftl_fetch with every knob, for the tests: prints what came out as one JSON object.
 * fetch_cli [--option value …] URL */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fettle/option.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "transfer/fetch.h"
#include "transfer/retry.h"

enum {
    OPT_ALLOW = 1,
    OPT_OPEN,
    OPT_TEMP,
    OPT_MAX_BYTES,
    OPT_CONNECT_MS,
    OPT_IDLE_MS,
    OPT_REDIRECTS,
    OPT_ATTEMPTS,
    OPT_BACKOFF_MS,
    OPT_PROXY,
    OPT_HEADER,
    OPT_SHA256,
    OPT_CANCEL_MS,
    OPT_DEADLINE_MS,
    OPT_SAVE,
};

static const struct option options[] = {
    {"allow", required_argument, NULL, OPT_ALLOW},
    {"open", no_argument, NULL, OPT_OPEN},
    {"temp", required_argument, NULL, OPT_TEMP},
    {"max-bytes", required_argument, NULL, OPT_MAX_BYTES},
    {"connect-ms", required_argument, NULL, OPT_CONNECT_MS},
    {"idle-ms", required_argument, NULL, OPT_IDLE_MS},
    {"redirects", required_argument, NULL, OPT_REDIRECTS},
    {"attempts", required_argument, NULL, OPT_ATTEMPTS},
    {"backoff-ms", required_argument, NULL, OPT_BACKOFF_MS},
    {"proxy", required_argument, NULL, OPT_PROXY},
    {"header", required_argument, NULL, OPT_HEADER},
    {"sha256", required_argument, NULL, OPT_SHA256},
    {"cancel-ms", required_argument, NULL, OPT_CANCEL_MS},
    {"deadline-ms", required_argument, NULL, OPT_DEADLINE_MS},
    {"save", required_argument, NULL, OPT_SAVE},
    {NULL, 0, NULL, 0},
};

struct arguments {
    struct ftl_url_policy policy;
    struct ftl_fetch_config config;
    struct ftl_source source;
    struct ftl_map_entry headers[8];
    long cancel_ms, deadline_ms;
    const char *save; /* where to copy the bytes to */
};

static void add_header(struct arguments *to, char *text)
{
    char *mark = strchr(text, '=');
    size_t *count = &to->source.headers.count;
    if (mark == NULL || *count == sizeof(to->headers) / sizeof(to->headers[0])) {
        return;
    }
    *mark = '\0';
    to->headers[*count].name = text;
    to->headers[*count].value.string = mark + 1;
    to->source.headers.items = to->headers;
    ++*count;
}

static int parse(int argc, char **argv, struct arguments *to)
{
    to->config.policy = &to->policy;
    to->config.temp_dir = "/tmp";
    for (;;) {
        int option = getopt_long(argc, argv, "", options, NULL);
        long number = optarg != NULL ? strtol(optarg, NULL, 10) : 0;
        switch (option) {
        case -1:
            if (optind + 1 != argc) {
                return -1;
            }
            to->source.url = argv[optind];
            return 0;
        case OPT_ALLOW:
            to->policy.allow = optarg;
            break;
        case OPT_OPEN:
            to->policy.is_open = true;
            break;
        case OPT_TEMP:
            to->config.temp_dir = optarg;
            break;
        case OPT_MAX_BYTES:
            to->config.max_bytes = number;
            break;
        case OPT_CONNECT_MS:
            to->config.connect_timeout_ms = (int)number;
            break;
        case OPT_IDLE_MS:
            to->config.idle_timeout_ms = (int)number;
            break;
        case OPT_REDIRECTS:
            to->config.redirects = (int)number;
            break;
        case OPT_ATTEMPTS:
            to->config.attempts = (int)number;
            break;
        case OPT_BACKOFF_MS:
            to->config.backoff_ms = (int)number;
            break;
        case OPT_PROXY:
            to->config.proxy = optarg;
            break;
        case OPT_HEADER:
            add_header(to, optarg);
            break;
        case OPT_SHA256:
            to->source.sha256 = optarg;
            break;
        case OPT_CANCEL_MS:
            to->cancel_ms = number;
            break;
        case OPT_DEADLINE_MS:
            to->deadline_ms = number;
            break;
        case OPT_SAVE:
            to->save = optarg;
            break;
        default:
            return -1;
        }
    }
}

struct canceller {
    struct ftl_cancel *cancel;
    long after_ms;
};

static void *cancel_later(void *opaque)
{
    struct canceller *canceller = opaque;
    struct ftl_err err = {0};
    if (ftl_pause_ms(NULL, canceller->after_ms, &err) == FTL_OK) {
        ftl_cancel_set(canceller->cancel, FTL_CANCEL_USER);
    }
    return NULL;
}

static void on_progress(void *opaque, int64_t bytes, int64_t total)
{
    cJSON *list = opaque;
    cJSON *pair = ftl_json_array();
    ftl_json_append(pair, cJSON_CreateNumber((double)bytes));
    ftl_json_append(pair, cJSON_CreateNumber((double)total));
    ftl_json_append(list, pair);
}

static void save(const char *path, int fd)
{
    FTL_AUTO_STR struct ftl_str bytes = FTL_STR_INIT(1u << 28);
    struct ftl_err err = {0};
    FILE *file = fopen(path, "we");
    if (file != NULL && ftl_fd_read_all(fd, &bytes, &err) == FTL_OK) {
        (void)fwrite(ftl_str_text(&bytes), 1, bytes.length, file); /* the test compares */
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void print(enum ftl_code code, const struct ftl_err *err, const struct ftl_fetched *got,
                  int64_t took_ms, cJSON *progress)
{
    cJSON *json = ftl_json_object();
    ftl_json_add_string(json, "code", ftl_code_name(code));
    ftl_json_add_int64(json, "took_ms", took_ms);
    ftl_json_add(json, "progress", progress);
    if (code == FTL_OK) {
        struct stat st = {0};
        (void)fstat(got->fd, &st);
        ftl_json_add_int64(json, "bytes", got->bytes);
        ftl_json_add_int64(json, "file_bytes", st.st_size);
        ftl_json_add_int64(json, "links", (int64_t)st.st_nlink);
        ftl_json_add_string(json, "sha256", got->sha256);
        ftl_json_add_string(json, "content_type", got->content_type);
        ftl_json_add_int64(json, "attempts", got->attempts);
    } else {
        ftl_json_add_string(json, "retry", ftl_retry_name(err->retry));
        ftl_json_add_string(json, "msg", err->msg);
        ftl_json_add_int64(json, "sub", err->sub);
        ftl_json_add_int64(json, "retry_after_ms", err->retry_after_ms);
    }
    FTL_AUTO_STR struct ftl_str text = FTL_STR_INIT(1u << 20);
    ftl_json_print(json, false, &text);
    (void)puts(ftl_str_text(&text));
    cJSON_Delete(json);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct ftl_err err = {0};
    if (parse(argc, argv, &arguments) != 0 || ftl_transfer_init(&err) != FTL_OK) {
        return 2;
    }
    int64_t start = ftl_mono_ms();
    int64_t deadline = arguments.deadline_ms > 0 ? start + arguments.deadline_ms : 0;
    FTL_AUTO(cancel) struct ftl_cancel *cancel = ftl_cancel_new(NULL, deadline);
    struct canceller canceller = {.cancel = cancel, .after_ms = arguments.cancel_ms};
    pthread_t thread;
    if (arguments.cancel_ms > 0 && pthread_create(&thread, NULL, cancel_later, &canceller) != 0) {
        return 2;
    }
    struct ftl_fetched got = {.fd = -1};
    cJSON *progress = ftl_json_array();
    const struct ftl_fetch_progress told = {.report = on_progress, .opaque = progress};
    enum ftl_code code = ftl_fetch(&arguments.source, &arguments.config, cancel, &told, &got, &err);
    if (code == FTL_OK && arguments.save != NULL) {
        save(arguments.save, got.fd);
    }
    print(code, &err, &got, ftl_mono_ms() - start, progress);
    if (arguments.cancel_ms > 0) {
        (void)pthread_join(thread, NULL);
    }
    if (got.fd >= 0) {
        (void)close(got.fd);
    }
    ftl_transfer_done();
    return 0;
}
