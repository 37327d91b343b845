#include "base/suggest.h"

#include <string.h>

enum { LONGEST = 63 };

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c == '-' ? '_' : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance with transpositions of neighbours as one edit. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(b);
    size_t rows[3][LONGEST + 1]; /* the row before last, the last, this one */
    for (size_t j = 0; j <= n; j++) {
        rows[0][j] = 0;
        rows[1][j] = j;
        rows[2][j] = 0;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        const size_t *older = rows[(i + 2) % 3];
        const size_t *old = rows[i % 3];
        size_t *row = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = fold(a[i - 1]) == fold(b[j - 1]) ? 0 : 1;
            row[j] = least(least(old[j] + 1, row[j - 1] + 1), old[j - 1] + change);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1])) {
                row[j] = least(row[j], older[j - 2] + 1);
            }
        }
    }
    return rows[(strlen(a) + 1) % 3][n];
}

struct ftl_suggest ftl_suggest_start(const char *written)
{
    size_t length = strlen(written);
    size_t most = length / 3 > 2 ? length / 3 : 2;
    if (length <= 3) {
        most = 1;
    }
    return (struct ftl_suggest){.written = written, .distance = most + 1};
}

void ftl_suggest_offer(struct ftl_suggest *suggest, const char *name)
{
    if (strlen(name) > LONGEST || strlen(suggest->written) > LONGEST) {
        return;
    }
    size_t far = distance(suggest->written, name);
    if (far < suggest->distance) {
        suggest->distance = far;
        suggest->nearest = name;
    }
}
