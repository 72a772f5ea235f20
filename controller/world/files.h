/* files.h: the files of a tree while it is read, from a commit or from a directory: which are wanted, what is refused, and the limits. */
#pragma once

#include "world/git.h"

struct files {
    struct arena *arena; /* of the tree and the findings */
    const struct git_limits *limits;
    struct findings *findings;
    struct tree_file *items;
    size_t count;
    size_t total_bytes;
    size_t entries; /* looked at, also those that are not read */
};

enum file_kind { FILE_REGULAR, FILE_FOLDER, FILE_LINK, FILE_SUBMODULE, FILE_SPECIAL };
enum file_fate { FILE_SKIP, FILE_READ, FILE_ENTER };

/* What to do with an entry of a folder. `name` need not end with its length. Says by a finding what is refused; *path_out is then its path
 * in the tree. False: a limit of the whole tree is passed. */
bool files_judge(struct files *files, const char *folder, const char *name, size_t name_length, unsigned depth, enum file_kind kind,
                 enum file_fate *fate, const char **path_out, struct error *err);

/* True when a file of that size may be read; else a finding was added, or *err set for a limit of the whole tree (then *stop). */
bool files_has_room(struct files *files, const char *path, uint64_t size_bytes, bool *stop, struct error *err);
/* `bytes` in the files' arena. */
void files_add(struct files *files, const char *path, const char *bytes, size_t length);
void files_refuse(struct files *files, const char *path, const char *hint, const char *why);

/* Sorts, and refuses a path that is there twice. */
void files_finish(struct files *files, struct tree *out);

/* A path inside a tree without "./", doubled or closing slashes; "" for the root. False when it leaves the tree. */
bool path_clean(struct arena *arena, const char *path, const char **out, struct error *err);

/* The files below `path` (clean) of a directory, or one file, as they stand. */
bool directory_read(const char *location, const char *path, struct files *files, struct error *err);
