/* git_parts.h: what the files that talk to libgit2 share. */
#pragma once

/* Not git2.h as a whole: its index.h has a member that is called as a banned function is. */
#include <git2/commit.h>
#include <git2/common.h>
#include <git2/config.h>
#include <git2/errors.h>
#include <git2/global.h>
#include <git2/object.h>
#include <git2/odb.h>
#include <git2/oid.h>
#include <git2/refs.h>
#include <git2/remote.h>
#include <git2/repository.h>
#include <git2/revparse.h>
#include <git2/sys/transport.h>
#include <git2/tree.h>

#include "files.h"
#include "world/git.h"

/* SHA-1, the only kind of id that all versions of libgit2 read. */
#define COMMIT_DIGITS 40

/* One call of git_read or git_resolve. */
struct git_call {
    struct http *http;
    const struct git_source *source;
    struct git_limits limits;
    struct arena *arena; /* scratch, until the call ends */
    int64_t end_ms;      /* steady: the whole call's limit */
};

#define GIT_HANDLE(type)                                                                                                                   \
    static inline void git_##type##_done(git_##type **handle) {                                                                            \
        git_##type##_free(*handle);                                                                                                        \
    }
GIT_HANDLE(repository)
GIT_HANDLE(remote)
GIT_HANDLE(reference)
GIT_HANDLE(reference_iterator)
GIT_HANDLE(object)
GIT_HANDLE(commit)
GIT_HANDLE(tree)
GIT_HANDLE(tree_entry)
GIT_HANDLE(odb)
GIT_HANDLE(odb_object)
#undef GIT_HANDLE
#define GIT_AUTO(type) __attribute__((cleanup(git_##type##_done))) git_##type

/* "DOING: what libgit2 said last". Returns false. */
bool git_trouble(struct error *err, enum error_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* git_repository.c: repositories on this machine. */

/* The repository that has `location` in it (`search`) or is at it. False without an error set when there is none. */
bool repository_open(const char *location, bool search, git_repository **out, struct error *err);
/* The commit that a branch, a tag, an id or its unambiguous beginning names; NULL names HEAD. */
bool repository_find(git_repository *repository, struct arena *arena, const char *reference, git_commit **out, struct error *err);
/* Where what is fetched from a URL is kept, for this process alone until cache_close. */
struct cache {
    const char *path; /* of the bare repository */
    int lock;
};
bool cache_open(const struct git_call *call, struct cache *out, struct error *err);
void cache_close(const struct cache *cache);
/* The repository; made when missing. */
bool cache_repository(const struct cache *cache, struct arena *arena, git_repository **out, struct error *err);
/* Removes it, to be fetched anew. */
bool cache_forget(const struct cache *cache, struct error *err);
/* No branch or tag `reference` among those: says which there are, nearest first. `branches` ends with NULL. Returns false. */
bool reference_missing(struct arena *arena, const char *reference, const char **branches, size_t count, struct error *err);

/* git_tree.c. `path` is clean. Paths of the files begin at the folder `root` (clean), which `path` is below of. */
bool commit_read(git_repository *repository, git_commit *commit, const char *root, const char *path, struct files *files, struct tree *out,
                 struct error *err);

/* git_remote.c: a repository behind a URL. */
bool remote_read(struct git_call *call, const char *path, struct files *files, struct tree *out, struct error *err);
bool remote_resolve(struct git_call *call, char *out_commit, struct error *err);

/* git_http.c: git's smart protocol over the http seam. Lives as long as the remote that it is given to. */
struct git_http {
    struct git_call *call;
    const char *base; /* URL of the repository, without a slash at its end */
    int spool_folder; /* descriptor of a directory for the answer while it comes; -1: it is small and stays in memory */
    struct error error;
    git_smart_subtransport_definition definition;
};
/* For git_remote_callbacks: transport, with a struct git_http as payload. */
int git_http_transport(git_transport **out, git_remote *owner, void *git_http);
