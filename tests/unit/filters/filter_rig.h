/* What filter tests share: options from JSON, and a graph that writes down what it is asked to add:
 * one node per line, "name key=value …", so that a test can compare or search it. */
#ifndef FETTLE_TESTS_FILTER_RIG_H
#define FETTLE_TESTS_FILTER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fettle/filter.h>

#include "base/json.h"
#include "base/mem.h"

struct rig {
    struct ftl_gb gb; /* first */
    struct ftl_arena *arena;
    struct ftl_filter_inst inst;
    struct ftl_str nodes;
    const struct ftl_loudness *measured;
    struct ftl_shape image; /* what input() answers */
    int asked_input;        /* the index input() was asked for */
    const char *fail_at;    /* add() fails at this libavfilter */
    double gain_db;         /* what the loudness filter reported */
    const char *method;
    int warnings;
    int tokens; /* ports handed out */
};

/* Ports are told apart by their node pointer alone. */
static char rig_tokens[64];

static inline struct ftl_port rig_port(struct rig *rig, enum ftl_media media)
{
    assert_true(rig->tokens < (int)sizeof(rig_tokens));
    return (struct ftl_port){.node = &rig_tokens[rig->tokens++], .media = media};
}

static inline void rig_print_arg(struct ftl_str *str, const struct ftl_arg *arg)
{
    switch (arg->kind) {
    case FTL_ARG_KIND_INT:
        ftl_str_printf(str, " %s=%lld", arg->name, (long long)arg->i);
        break;
    case FTL_ARG_KIND_DOUBLE:
        ftl_str_printf(str, " %s=%.4g", arg->name, arg->d);
        break;
    case FTL_ARG_KIND_TEXT:
        ftl_str_printf(str, " %s=%s", arg->name, arg->text);
        break;
    case FTL_ARG_KIND_RATIONAL:
        ftl_str_printf(str, " %s=%d/%d", arg->name, arg->q.num, arg->q.den);
        break;
    }
}

static inline enum ftl_code rig_add(struct ftl_gb *gb, const struct ftl_node *node,
                                    struct ftl_err *err)
{
    struct rig *rig = (struct rig *)gb;
    if (rig->fail_at != NULL && strcmp(rig->fail_at, node->libav_filter) == 0) {
        return ftl_fail(err, FTL_UNSUPPORTED, "no %s here", node->libav_filter);
    }
    ftl_str_add(&rig->nodes, node->libav_filter);
    for (size_t i = 0; i < node->args_count; i++) {
        rig_print_arg(&rig->nodes, &node->args[i]);
    }
    ftl_str_add(&rig->nodes, "\n");
    for (size_t i = 0; i < node->inputs_count; i++) {
        assert_non_null(node->inputs[i].node);
    }
    for (size_t i = 0; i < node->outputs_count; i++) {
        node->outputs[i] = rig_port(rig, node->inputs[0].media);
    }
    return FTL_OK;
}

static inline enum ftl_code rig_input(struct ftl_gb *gb, int input_index, enum ftl_media media,
                                      struct ftl_port *ret_port, struct ftl_shape *ret_shape,
                                      struct ftl_err *err)
{
    struct rig *rig = (struct rig *)gb;
    rig->asked_input = input_index;
    if (!rig->image.has_video) {
        return ftl_fail(err, FTL_INPUT, "no picture in there");
    }
    *ret_port = rig_port(rig, media);
    *ret_shape = rig->image;
    return FTL_OK;
}

static inline const struct ftl_loudness *rig_measured(struct ftl_gb *gb,
                                                      const struct ftl_filter_inst *inst)
{
    (void)inst;
    return ((struct rig *)gb)->measured;
}

static inline void rig_loudness(struct ftl_gb *gb, const struct ftl_filter_inst *inst,
                                double gain_db, const char *method)
{
    (void)inst;
    ((struct rig *)gb)->gain_db = gain_db;
    ((struct rig *)gb)->method = method;
}

static inline void rig_warn(struct ftl_gb *gb, const char *fmt, ...)
{
    (void)fmt;
    ((struct rig *)gb)->warnings++;
}

static const struct ftl_graph_ops rig_ops = {
    .add = rig_add,
    .input = rig_input,
    .measured = rig_measured,
    .loudness = rig_loudness,
    .warn = rig_warn,
};

/* Parses `options` (a JSON object) for the filter; the code of that. */
static inline enum ftl_code rig_init(struct rig *rig, const char *filter, const char *options,
                                     struct ftl_opt_errors *errors)
{
    struct ftl_err err = {0};
    *rig = (struct rig){.gb = {.ops = &rig_ops}, .nodes = FTL_STR_INIT(1 << 16)};
    rig->arena = ftl_arena_new(1 << 20);
    assert_non_null(rig->arena);
    const struct ftl_filter *found = ftl_filter_find(filter);
    assert_non_null(found);
    FTL_AUTO(json) cJSON *json = NULL;
    if (ftl_json_parse(options, strlen(options), &(struct ftl_json_limits){0}, &json, &err) !=
        FTL_OK) {
        fail_msg("%s: %s", options, err.msg);
    }
    void *opts = ftl_arena_alloc(rig->arena, 1, found->table->size);
    assert_non_null(opts);
    *errors = (struct ftl_opt_errors){0};
    rig->inst = (struct ftl_filter_inst){.filter = found, .opts = opts, .where = "/filters/0"};
    return ftl_opt_parse(found->table, json, "/filters/0", rig->arena, opts, errors);
}

static inline void rig_open(struct rig *rig, const char *filter, const char *options)
{
    struct ftl_opt_errors errors;
    if (rig_init(rig, filter, options, &errors) != FTL_OK) {
        fail_msg("%s %s: %s: %s", filter, options, errors.list[0].where, errors.list[0].msg);
    }
}

static inline void rig_close(struct rig *rig)
{
    ftl_str_done(&rig->nodes);
    ftl_arena_free(rig->arena);
}

/* plan and build on `shape`; *shape becomes what plan made of it. */
static inline enum ftl_code rig_build(struct rig *rig, struct ftl_shape *shape, struct ftl_err *err)
{
    const struct ftl_filter *filter = rig->inst.filter;
    struct ftl_chain chain = {.shape = *shape};
    if (shape->has_video) {
        chain.video = rig_port(rig, FTL_MEDIA_VIDEO);
    }
    if (shape->has_audio) {
        chain.audio = rig_port(rig, FTL_MEDIA_AUDIO);
    }
    enum ftl_code code = filter->plan(&rig->inst, shape, err);
    if (code == FTL_OK) {
        code = filter->build(&rig->gb, &rig->inst, &chain, shape, err);
    }
    if (code == FTL_OK) {
        assert_int_equal(chain.video.node != NULL, shape->has_video);
        assert_int_equal(chain.audio.node != NULL, shape->has_audio);
    }
    return code;
}

#endif
