/* Prints the names and words of the option tables as a libFuzzer dictionary. */
#include <stdio.h>

#include "base/source.h"
#include "every_kind.h"

static void print_word(const char *word)
{
    (void)printf("\"\\\"%s\\\"\"\n", word); /* with the quotes it has in JSON */
}

static void print_table(const struct ftl_opt_table *table);

static void print_row(const struct ftl_opt *row)
{
    print_word(row->name);
    for (const struct ftl_choice *c = row->choices; c != NULL && c->name != NULL; c++) {
        print_word(c->name);
    }
    if (row->alternatives != NULL) {
        print_word(row->alternatives->tag);
        const struct ftl_opt_table *table = NULL;
        for (size_t i = 0; (table = row->alternatives->at(i)) != NULL; i++) {
            print_word(table->name);
            print_table(table);
        }
    } else if (row->table != NULL) {
        print_table(row->table);
    }
}

static void print_table(const struct ftl_opt_table *table)
{
    for (const struct ftl_opt *row = table->rows; row->kind != FTL_OPT_KIND_END; row++) {
        print_row(row);
    }
}

int main(void)
{
    static const char *const values[] = {"1:30", "250ms", "50%",      "10MB",       "1GiB",
                                         "128k", "9:16",  "1280x720", "30000/1001", "29.97",
                                         "24px", "#f80",  "white",    "https://h/"};
    print_table(&every_table);
    print_table(&ftl_source_table);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        print_word(values[i]);
    }
    return 0;
}
