/* world/git.h: a commit, or a directory, as a tree. Nothing is checked out; no hook, filter, submodule or symlink is followed. */
#pragma once

#include "base/clock.h"
#include "base/finding.h"
#include "base/http.h"
#include "base/secret.h"
#include "base/tree.h"

struct git_source {
    const char *location; /* a directory or a file, a local repository, file://, http:// or https:// URL without userinfo */
    /* A branch, else a tag (else, on this machine, a branch of the remote "origin"), else a commit's id (all 40 digits, or on this machine
     * also its beginning or an expression such as main~1). NULL: the remote's or bare repository's HEAD; for another directory its files as
     * they stand, also in a working tree. With a reference, a directory stands for the same folder in that commit of the repository that it
     * is in. */
    const char *reference;
    /* Only below this directory of the tree; NULL or ".": all. Paths of files begin at the tree's root all the same. */
    const char *path;
    const char *cache; /* directory that keeps the bare repositories of URLs; made when missing, locked while one is read */
    const char *user;  /* HTTP basic authentication, sent only to the location's own scheme, host and port; NULL: none */
    struct secret password;
    const struct http_trust *trust; /* NULL: the system's authorities */
};

/* Defaults in git_limits_default. */
struct git_limits {
    size_t pack_bytes; /* of one fetch [512 MiB] */
    size_t file_bytes; /* larger manifests are findings [1 MiB] */
    size_t tree_bytes; /* of all files read [256 MiB] */
    size_t file_count; /* [100,000] */
    int64_t stall_ms;  /* no byte for so long [15 s] */
    int64_t limit_ms;  /* whole fetch [10 min] */
};
struct git_limits git_limits_default(void);

/* Only files that may be manifests are read (*.yaml, *.yml, *.json, and .eksactignore); other names that begin with a dot are passed over.
 * Symlinks, submodules, names with "..", backslashes, control characters and the like are findings by name: warnings where it is not sure
 * that a manifest is missed (submodules, symlinks that may be directories). `http` is only used for http:// and https://, where no other
 * exchange may be under way on it (http_run), and may otherwise be NULL. An unreadable cache is fetched anew. False: nothing was read (no
 * repository, no such branch, no answer): *err says what. */
bool git_read(struct http *http, const struct git_source *source, const struct git_limits *limits, struct arena *arena, struct tree *out,
              struct findings *findings, struct error *err);

/* The commit that the reference names now, without fetching it: for polling. out_commit has 41 bytes. */
bool git_resolve(struct http *http, const struct git_source *source, const struct git_limits *limits, char *out_commit, struct error *err);
