/* model/manifest.h: the YAML documents of a tree that mean something, checked against the rows. */
#pragma once

#include "base/finding.h"
#include "base/tree.h"
#include "base/value.h"
#include "schema/kind.h"

struct manifest {
    const char *file;
    const char *directory; /* of the file, "" at the root */
    struct value object;   /* whole document */
    const char *api_version, *kind, *name;
    const char *namespace;  /* NULL when not given */
    const struct kind *row; /* NULL: a Kubernetes object */
};

struct manifests {
    struct manifest *items; /* in order of file and place */
    size_t count;
    size_t file_count; /* files read */
};

/* Reads every *.yaml, *.yml and *.json but dot-files and what .eksactignore (gitignore syntax) names; unpacks `List` kinds. A document that
 * is wrong becomes findings and is left out; the others stay. Duplicate ids are findings of both. */
void manifest_parse(const struct tree *tree, struct arena *arena, struct manifests *out, struct findings *findings);

/* Checks `spec` of a manifest of ours: unknown, missing, mistyped, out-of-range and refused fields. */
void manifest_check(const struct manifest *manifest, struct arena *arena, struct findings *findings);

/* True when `path` is excluded by the ignore text (lines of gitignore syntax, relative to `directory`). */
bool ignore_matches(const char *ignore_text, const char *directory, const char *path);

/* One .eksactignore, and the directory that it stands in. */
struct ignore_rules {
    const char *directory;
    const char *text;
};
/* As git does with several of them: the last line that matches in the deepest file decides, and nothing comes back from an excluded
 * directory. Sorted by directory. */
bool ignore_excludes(const struct ignore_rules *rules, size_t count, const char *path);
/* Those of a tree. */
const struct ignore_rules *ignore_read(const struct tree *tree, struct arena *arena, size_t *count);
