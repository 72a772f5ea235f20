/* base/tree.h: the files of one commit, or of a directory. */
#pragma once

#include <stddef.h>

struct tree_file {
    const char *path; /* from the tree's root, "/" between, no "." or ".." parts */
    const char *bytes;
    size_t length;
};

struct tree {
    struct tree_file *files; /* sorted by path */
    size_t count;
    const char *source;  /* what a person would call it: a URL without credentials, or a directory */
    const char *commit;  /* 40 hex digits, or NULL for a plain directory */
    const char *subject; /* first line of the commit's message, or NULL */
};
