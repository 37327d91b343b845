#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>

#include <fettle/filter.h>
#include <fettle/plan.h>

#include "base/fd.h"
#include "media/av_err.h"
#include "media/av_io.h"
#include "media/av_log.h"

static int temporary(void)
{
    struct ftl_err err;
    int fd = -1;
    assert_int_equal(ftl_fd_temporary("/tmp", &fd, &err), FTL_OK);
    return fd;
}

static void test_write_seek_read(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_io_budget budget = {.left_bytes = 100};
    struct ftl_io *io = NULL;
    char text[8] = "";
    int fd = temporary();
    assert_int_equal(ftl_io_open_write(fd, &budget, (struct ftl_check){0}, &io, &err), FTL_OK);
    avio_write(ftl_io_context(io), (const uint8_t *)"abcdef", 6);
    assert_int_equal(avio_seek(ftl_io_context(io), 2, SEEK_SET), 2);
    avio_write(ftl_io_context(io), (const uint8_t *)"XY", 2);
    avio_flush(ftl_io_context(io));
    assert_int_equal(ftl_io_size_bytes(io), 6);
    assert_int_equal(budget.left_bytes, 94); /* overwriting costs nothing */
    assert_int_equal(ftl_io_error(io, &err), FTL_OK);
    ftl_io_free(io);
    assert_int_equal(ftl_io_open_read(fd, (struct ftl_check){0}, &io, &err), FTL_OK);
    assert_int_equal(avio_size(ftl_io_context(io)), 6);
    assert_int_equal(avio_read(ftl_io_context(io), (uint8_t *)text, 7), 6);
    assert_string_equal(text, "abXYef");
    ftl_io_free(io);
    (void)close(fd);
}

static void test_budget(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_io_budget budget = {.left_bytes = 4};
    struct ftl_io *io = NULL;
    int fd = temporary();
    assert_int_equal(ftl_io_open_write(fd, &budget, (struct ftl_check){0}, &io, &err), FTL_OK);
    avio_write(ftl_io_context(io), (const uint8_t *)"abcdef", 6);
    avio_flush(ftl_io_context(io));
    assert_true(ftl_io_context(io)->error < 0);
    assert_int_equal(ftl_io_error(io, &err), FTL_LIMIT);
    ftl_io_free(io);
    (void)close(fd);
}

static enum ftl_code refuse(void *opaque, struct ftl_err *err)
{
    int *calls = opaque;
    (*calls)++;
    return ftl_fail(err, FTL_TIMEOUT, "the deadline passed");
}

/* libav only sees AVERROR_EXIT; the reason is kept, and asked for once. */
static void test_check(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_io *io = NULL;
    uint8_t byte = 0;
    int calls = 0;
    int fd = temporary();
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(ftl_io_open_read(fd, (struct ftl_check){refuse, &calls}, &io, &err), FTL_OK);
    assert_int_equal(avio_read(ftl_io_context(io), &byte, 1), AVERROR_EXIT);
    assert_int_equal(avio_read(ftl_io_context(io), &byte, 1), AVERROR_EXIT);
    assert_int_equal(calls, 1);
    assert_int_equal(ftl_io_error(io, &err), FTL_TIMEOUT);
    assert_string_equal(err.msg, "the deadline passed");
    ftl_io_free(io);
    (void)close(fd);
}

static void test_closed_descriptor(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_io *io = NULL;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ftl_io_open_write(fd, NULL, (struct ftl_check){0}, &io, &err), FTL_OK);
    avio_write(ftl_io_context(io), (const uint8_t *)"x", 1); /* not open for writing */
    avio_flush(ftl_io_context(io));
    assert_int_equal(ftl_io_error(io, &err), FTL_DISK);
    assert_int_equal(err.sub, EBADF);
    ftl_io_free(io);
    (void)close(fd);
    assert_int_equal(ftl_io_open_read(-1, (struct ftl_check){0}, &io, &err), FTL_DISK);
}

/* A muxer may read its own file again, and nothing else. */
static void test_attached_format(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_io *io = NULL;
    AVFormatContext *format = NULL;
    AVIOContext *again = NULL;
    int fd = temporary();
    assert_int_equal(avformat_alloc_output_context2(&format, NULL, "mp4", "ftl:///output"), 0);
    assert_int_equal(ftl_io_open_write(fd, NULL, (struct ftl_check){0}, &io, &err), FTL_OK);
    ftl_io_attach(io, format);
    assert_int_equal(format->io_open(format, &again, "/etc/passwd", AVIO_FLAG_READ, NULL),
                     AVERROR(EACCES));
    assert_int_equal(format->io_open(format, &again, "ftl:///output", AVIO_FLAG_WRITE, NULL),
                     AVERROR(EACCES));
    assert_int_equal(format->io_open(format, &again, "ftl:///output", AVIO_FLAG_READ, NULL), 0);
    assert_int_equal(format->io_close2(format, again), 0);
    avformat_free_context(format);
    ftl_io_free(io);
    (void)close(fd);
}

static void test_error_codes(void **state)
{
    (void)state;
    static const struct {
        int number;
        enum ftl_code code;
    } rows[] = {
        {AVERROR_INVALIDDATA, FTL_INPUT},
        {AVERROR_DECODER_NOT_FOUND, FTL_UNSUPPORTED},
        {AVERROR_PATCHWELCOME, FTL_UNSUPPORTED},
        {AVERROR(ENOMEM), FTL_NOMEM},
        {AVERROR(ENOSPC), FTL_DISK},
        {AVERROR(EDQUOT), FTL_DISK},
        {AVERROR(EIO), FTL_DISK},
        {AVERROR(EFBIG), FTL_LIMIT},
        {AVERROR_EXIT, FTL_CANCELLED},
        {AVERROR_BUG, FTL_INTERNAL},
        {AVERROR_OPTION_NOT_FOUND, FTL_INTERNAL},
        {AVERROR(EXDEV), FTL_VERIFY}, /* in no table: what the caller says */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ftl_err err = {0};
        assert_int_equal(ftl_code_from_av(rows[i].number, FTL_VERIFY), rows[i].code);
        assert_int_equal(ftl_fail_av(&err, FTL_VERIFY, rows[i].number, "stream %d", 3),
                         rows[i].code);
        assert_int_equal(err.sub, rows[i].number);
        assert_memory_equal(err.msg, "stream 3: ", 10);
    }
    struct ftl_err err = {0};
    assert_int_equal(ftl_fail_av(&err, FTL_INPUT, AVERROR(EIO), "read"), FTL_DISK);
    assert_int_equal(err.retry, FTL_RETRY_LATER);
}

static void test_log_pointers(void **state)
{
    (void)state;
    static const struct ftl_filter_inst inst = {.where = "/outputs/0/filters/after/1"};
    static const struct ftl_filter_inst *const chain[] = {&inst, &inst};
    static const struct ftl_plan_run run = {.chain = chain, .chain_count = 2};
    static const struct {
        const char *name;
        bool is_found;
    } rows[] = {
        {"f0.scale.scale", true},  {"f1.watermark.overlay", true}, {"f2.scale.scale", false},
        {"f.scale.scale", false},  {"fettle.scale", false},        {"f1", false},
        {"f99999999999.x", false}, {"auto_scale_0", false},        {"", false},
    };
    AVFilterGraph *graph = avfilter_graph_alloc();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AVFilterContext *context =
            avfilter_graph_alloc_filter(graph, avfilter_get_by_name("null"), rows[i].name);
        graph->opaque = NULL;
        assert_null(ftl_av_log_pointer(context));
        graph->opaque = (void *)(uintptr_t)&run;
        const char *found = ftl_av_log_pointer(context);
        assert_int_equal(found != NULL, rows[i].is_found);
        if (found != NULL) {
            assert_string_equal(found, inst.where);
        }
    }
    avfilter_graph_free(&graph);
}

/* A flood is cut; what passes is one JSON line each. */
static void test_log_flood(void **state)
{
    (void)state;
    struct ftl_err err = {0};
    struct ftl_str text = FTL_STR_INIT(1 << 20);
    int fd = temporary();
    static struct ftl_log log;
    log = (struct ftl_log){.fd = fd, .level = FTL_LOG_INFO};
    ftl_av_log_init(&log);
    av_log(NULL, AV_LOG_DEBUG, "not for us\n");
    av_log(NULL, AV_LOG_ERROR, ".\n");
    for (int i = 0; i < 1447; i++) {
        av_log(NULL, AV_LOG_ERROR, "broken %d\nsecond line", i);
    }
    ftl_av_log_init(NULL);
    av_log(NULL, AV_LOG_ERROR, "into nothing\n");
    assert_int_equal(ftl_fd_read_all(fd, &text, &err), FTL_OK);
    int lines = 0;
    for (const char *at = text.text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, 101);
    assert_int_equal(ftl_av_log_left_out(), 1347);
    assert_non_null(strstr(text.text, "\"broken 99\""));
    assert_null(strstr(text.text, "second line"));
    assert_null(strstr(text.text, "\".\""));
    assert_null(strstr(text.text, "not for us"));
    ftl_str_done(&text);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_seek_read), cmocka_unit_test(test_budget),
        cmocka_unit_test(test_check),           cmocka_unit_test(test_closed_descriptor),
        cmocka_unit_test(test_attached_format), cmocka_unit_test(test_error_codes),
        cmocka_unit_test(test_log_pointers),    cmocka_unit_test(test_log_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
