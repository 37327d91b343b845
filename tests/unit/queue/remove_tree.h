#ifndef FETTLE_TESTS_REMOVE_TREE_H
#define FETTLE_TESTS_REMOVE_TREE_H

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Removes a directory and what is in it, `depth` folders deep. */
static inline void remove_tree(const char *directory, int depth)
{
    DIR *dir = opendir(directory);
    for (struct dirent *entry = dir != NULL ? readdir(dir) : NULL; entry != NULL;
         entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        FTL_AUTO_STR struct ftl_str path = FTL_STR_INIT(1024);
        ftl_str_printf(&path, "%s/%s", directory, entry->d_name);
        if (remove(ftl_str_text(&path)) != 0 && depth > 0) {
            remove_tree(ftl_str_text(&path), depth - 1);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)remove(directory);
}

#endif
