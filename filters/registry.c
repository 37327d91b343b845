#include <string.h>

#include <fettle/filter.h>

#define FILTER(name) extern const struct ftl_filter ftl_filter_##name;
#include "filters/filters.def"
#undef FILTER

static const struct ftl_filter *const filters[] = {
#define FILTER(name) &ftl_filter_##name,
#include "filters/filters.def"
#undef FILTER
};

const struct ftl_filter *ftl_filter_at(size_t index)
{
    return index < sizeof(filters) / sizeof(filters[0]) ? filters[index] : NULL;
}

const struct ftl_filter *ftl_filter_find(const char *name)
{
    for (size_t i = 0; ftl_filter_at(i) != NULL; i++) {
        if (strcmp(filters[i]->name, name) == 0) {
            return filters[i];
        }
    }
    return NULL;
}

static const struct ftl_opt_table *table_at(size_t index)
{
    const struct ftl_filter *filter = ftl_filter_at(index);
    return filter != NULL ? filter->table : NULL;
}

const struct ftl_opt_union ftl_filter_union = {.tag = "filter", .at = table_at};
