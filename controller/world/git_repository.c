/* world/git_repository.c: repositories on this machine: the user's own, which are only read, and the cache of what was fetched. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "git_parts.h"

/* Each fetch adds a pack, and each pack costs an open file and a lookup: beyond so many the cache is made anew. */
static const unsigned pack_count_limit = 100;
static const int64_t lock_limit_ms = 10000;
static const size_t branches_shown = 8;

bool repository_open(const char *location, bool search, git_repository **out, struct error *err) {
    unsigned flags = search ? 0u : (unsigned)GIT_REPOSITORY_OPEN_NO_SEARCH;
    int result = git_repository_open_ext(out, location, flags, NULL);
    if (result == 0 || result == GIT_ENOTFOUND)
        return result == 0;
    return git_trouble(err, ERROR_INVALID, "open the repository \"%s\"", location);
}

/* Branches in messages. */

static int name_compare(const void *one, const void *other) {
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

bool reference_missing(struct arena *arena, const char *reference, const char **branches, size_t count, struct error *err) {
    if (count == 0)
        return error_set(err, ERROR_INVALID, "the repository is empty, without any branch: make a commit first");
    qsort(branches, count, sizeof *branches, name_compare);
    const char *nearest = text_nearest(reference, branches);
    TEXT_AUTO list;
    text_init(&list, 400);
    text_add(&list, "%s", nearest ? nearest : branches[0]);
    size_t shown = 1;
    for (size_t i = 0; i < count && shown < branches_shown; i++) {
        if (branches[i] == (nearest ? nearest : branches[0]))
            continue;
        text_add(&list, ", %s", branches[i]);
        shown++;
    }
    if (count > shown)
        text_add(&list, " and %zu more", count - shown);
    return error_set(err, ERROR_INVALID, "there is no branch, tag or commit \"%s\"; branches: %s", reference, text_copy(&list, arena));
}

static bool repository_misses(git_repository *repository, struct arena *arena, const char *reference, struct error *err) {
    GIT_AUTO(reference_iterator) *iterator = NULL;
    const char **branches = NULL, *name;
    size_t count = 0;
    if (git_reference_iterator_glob_new(&iterator, repository, "refs/heads/*") != 0)
        return git_trouble(err, ERROR_BROKEN, "list the branches");
    while (git_reference_next_name(&name, iterator) == 0) {
        branches = arena_grow(arena, branches, count, sizeof *branches);
        branches[count++] = arena_text(arena, "%s", name + strlen("refs/heads/"));
    }
    branches = arena_grow(arena, branches, count, sizeof *branches);
    branches[count] = NULL;
    return reference_missing(arena, reference, branches, count, err);
}

/* References. */

static bool head_find(git_repository *repository, struct arena *arena, git_object **out, struct error *err) {
    GIT_AUTO(reference) *head = NULL;
    int result = git_repository_head(&head, repository);
    if (result == GIT_EUNBORNBRANCH) {
        GIT_AUTO(reference) *symbolic = NULL;
        const char *target = git_reference_lookup(&symbolic, repository, "HEAD") == 0 ? git_reference_symbolic_target(symbolic) : NULL;
        target = target && text_starts(target, "refs/heads/") ? target + strlen("refs/heads/") : "HEAD";
        repository_misses(repository, arena, target, err);
        return error_wrap(err, "HEAD names a branch without a commit");
    }
    if (result != 0 || git_reference_peel(out, head, GIT_OBJECT_COMMIT) != 0)
        return git_trouble(err, ERROR_INVALID, "read HEAD");
    return true;
}

/* A branch goes before a tag of the same name. A clone that a delivery workflow made often has but the remote's branches. What is none of
 * them may be an id or its beginning, or an expression such as main~1. */
static int object_find(git_repository *repository, struct arena *arena, const char *reference, git_object **out) {
    static const char *const folders[] = {"refs/heads/", "refs/tags/", "refs/remotes/origin/", ""};
    for (size_t i = 0; i < 4; i++) {
        if (i == 3 && !text_starts(reference, "refs/"))
            break;
        git_oid id;
        const char *name = arena_text(arena, "%s%s", folders[i], reference);
        if (git_reference_name_to_id(&id, repository, name) == 0)
            return git_object_lookup(out, repository, &id, GIT_OBJECT_ANY);
    }
    return git_revparse_single(out, repository, reference);
}

bool repository_find(git_repository *repository, struct arena *arena, const char *reference, git_commit **out, struct error *err) {
    GIT_AUTO(object) *object = NULL, *commit = NULL;
    if (!reference || text_equal(reference, "HEAD")) {
        if (!head_find(repository, arena, &commit, err))
            return false;
    } else {
        int result = object_find(repository, arena, reference, &object);
        if (result == GIT_EAMBIGUOUS)
            return error_set(err, ERROR_INVALID, "\"%s\" begins more than one id: give more of its digits", reference);
        if (result == GIT_ENOTFOUND || result == GIT_EINVALIDSPEC)
            return repository_misses(repository, arena, reference, err);
        if (result != 0)
            return git_trouble(err, ERROR_INVALID, "find \"%s\"", reference);
        if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0)
            return error_set(err, ERROR_INVALID, "\"%s\" is no commit but a %s", reference,
                             git_object_type2string(git_object_type(object)));
    }
    if (git_commit_lookup(out, repository, git_object_id(commit)) != 0)
        return git_trouble(err, ERROR_BROKEN, "read the commit");
    return true;
}

/* The cache. */

static bool folder_make(struct arena *arena, const char *path, struct error *err) {
    for (const char *end = path; end; end = strchr(end, '/')) {
        end += *end == '/';
        size_t length = strcspn(end, "/");
        if (length == 0)
            continue;
        end += length;
        const char *part = arena_copy(arena, path, (size_t)(end - path));
        if (mkdir(part, 0700) != 0 && errno != EEXIST && errno != EISDIR && errno != EROFS)
            return error_set(err, ERROR_INVALID, "make the cache \"%s\": %s", path, strerror(errno));
        if (*end == '\0')
            break;
    }
    if (access(path, R_OK | W_OK | X_OK) != 0)
        return error_set(err, ERROR_INVALID, "use the cache \"%s\": %s", path, strerror(errno));
    return true;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int remove_lock(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)place;
    if (type == FTW_F && text_ends(path, ".lock"))
        unlink(path);
    return 0;
}

/* Counts packs, and takes away what an interrupted fetch left. */
static unsigned packs_count(struct arena *arena, const char *path) {
    unsigned count = 0;
    const char *folder = arena_text(arena, "%s/objects/pack", path);
    DIR *packs = opendir(folder);
    if (!packs)
        return 0;
    for (struct dirent *entry; (entry = readdir(packs));) {
        count += text_ends(entry->d_name, ".pack");
        if (text_starts(entry->d_name, "pack_git2_"))
            unlink(arena_text(arena, "%s/%s", folder, entry->d_name));
    }
    closedir(packs);
    return count;
}

/* One repository a URL: an id that another source had must not be found for this one. */
bool cache_open(const struct git_call *call, struct cache *out, struct error *err) {
    const struct git_source *source = call->source;
    if (text_is_empty(source->cache))
        return error_set(err, ERROR_BROKEN, "no directory to keep what is fetched");
    if (!folder_make(call->arena, source->cache, err))
        return false;
    struct digest digest = hash_sha256(source->location, strlen(source->location));
    const char *path = arena_text(call->arena, "%s/%.16s", source->cache, hash_hex(call->arena, &digest));
    int lock = open(arena_text(call->arena, "%s.lock", path), O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock < 0)
        return error_set(err, ERROR_INVALID, "use the cache \"%s\": %s", source->cache, strerror(errno));
    int64_t end_ms = clock_steady_ms(clock_system()) + lock_limit_ms;
    while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (clock_steady_ms(clock_system()) < end_ms) {
            poll(NULL, 0, 50);
            continue;
        }
        close(lock);
        return error_set(err, ERROR_BUSY, "another process fetches into the cache \"%s\"", source->cache);
    }
    *out = (struct cache){.path = arena_text(call->arena, "%s.git", path), .lock = lock};
    return true;
}

void cache_close(const struct cache *cache) {
    if (cache->lock >= 0)
        close(cache->lock);
}

bool cache_forget(const struct cache *cache, struct error *err) {
    if (nftw(cache->path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return error_set(err, ERROR_INVALID, "remove \"%s\" to fetch it anew: %s", cache->path, strerror(errno));
    return true;
}

bool cache_repository(const struct cache *cache, struct arena *arena, git_repository **out, struct error *err) {
    if (packs_count(arena, cache->path) > pack_count_limit && !cache_forget(cache, err))
        return false;
    if (git_repository_open_bare(out, cache->path) == 0) {
        /* Nobody else writes here now: locks are of a process that was ended. */
        nftw(arena_text(arena, "%s/refs", cache->path), remove_lock, 16, FTW_PHYS);
        unlink(arena_text(arena, "%s/packed-refs.lock", cache->path));
        return true;
    }
    if (!cache_forget(cache, err)) /* what is there is half made */
        return false;
    if (git_repository_init(out, cache->path, true) != 0)
        return git_trouble(err, ERROR_INVALID, "make the cache \"%s\"", cache->path);
    return true;
}
