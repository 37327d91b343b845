/* Finding every input that a parsed value refers to. */
#include <string.h>

#include <fettle/option.h>

#include "base/option_impl.h"

struct walk {
    void (*visit)(void *opaque, struct ftl_input_ref *ref, const char *where);
    void *opaque;
    char place[FTL_OPT_PLACE_SIZE];
};

static void walk_object(struct walk *walk, const struct ftl_opt_table *table, char *value);

static void visit_input(struct walk *walk, struct ftl_input_ref *ref)
{
    if (ref->text != NULL || ref->source != NULL) {
        walk->visit(walk->opaque, ref, walk->place);
    }
}

static void walk_item(struct walk *walk, const struct ftl_opt *item, char *at)
{
    if (item->kind == FTL_OPT_KIND_INPUT) {
        visit_input(walk, (struct ftl_input_ref *)(void *)at);
    } else if (item->kind == FTL_OPT_KIND_OBJECT) {
        walk_object(walk, item->table, at);
    } else if (item->kind == FTL_OPT_KIND_UNION) {
        const struct ftl_variant *variant = (const struct ftl_variant *)(const void *)at;
        walk_object(walk, variant->table, variant->value);
    }
}

static void walk_array(struct walk *walk, const struct ftl_opt *row, const struct ftl_array *array)
{
    struct ftl_opt item = ftl_opt_item_row(row);
    size_t size = ftl_opt_item_size(&item);
    size_t mark = strlen(walk->place);
    for (size_t i = 0; i < array->count; i++) {
        ftl_json_pointer_index(walk->place, sizeof(walk->place), i);
        walk_item(walk, &item, (char *)array->items + i * size);
        walk->place[mark] = '\0';
    }
}

static void walk_map(struct walk *walk, const struct ftl_opt *row, const struct ftl_array *array)
{
    const struct ftl_map_entry *entries = array->items;
    size_t mark = strlen(walk->place);
    for (size_t i = 0; i < array->count; i++) {
        ftl_json_pointer_add(walk->place, sizeof(walk->place), entries[i].name);
        if (row->item == FTL_OPT_KIND_INPUT) {
            visit_input(walk, entries[i].value.input);
        } else if (row->item == FTL_OPT_KIND_OBJECT) {
            walk_object(walk, row->table, entries[i].value.object);
        }
        walk->place[mark] = '\0';
    }
}

static void walk_row(struct walk *walk, const struct ftl_opt *row, char *at)
{
    if (row->kind == FTL_OPT_KIND_ARRAY) {
        walk_array(walk, row, (const struct ftl_array *)(const void *)at);
    } else if (row->kind == FTL_OPT_KIND_MAP) {
        walk_map(walk, row, (const struct ftl_array *)(const void *)at);
    } else if (row->kind == FTL_OPT_KIND_OBJECT) {
        void *object = NULL;
        memcpy(&object, at, sizeof(object));
        if (object != NULL) {
            walk_object(walk, row->table, object);
        }
    } else if (row->kind == FTL_OPT_KIND_INPUT) {
        visit_input(walk, (struct ftl_input_ref *)(void *)at);
    }
}

/* Recursion is as deep as tables nest. */
static void walk_object(struct walk *walk, const struct ftl_opt_table *table, char *value)
{
    size_t mark = strlen(walk->place);
    for (const struct ftl_opt *row = table->rows; row->kind != FTL_OPT_KIND_END; row++) {
        ftl_json_pointer_add(walk->place, sizeof(walk->place), row->name);
        walk_row(walk, row, value + row->offset);
        walk->place[mark] = '\0';
    }
}

void ftl_opt_each_input(const struct ftl_opt_table *table, void *value, const char *where,
                        void (*visit)(void *opaque, struct ftl_input_ref *ref, const char *where),
                        void *opaque)
{
    struct walk walk = {.visit = visit, .opaque = opaque};
    (void)ftl_copy_text(walk.place, sizeof(walk.place), where);
    walk_object(&walk, table, value);
}
