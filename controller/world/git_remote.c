/* world/git_remote.c: a repository behind a URL: its references, and fetching one of them into the cache. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "git_parts.h"

/* What was fetched last is kept reachable under this name, so that the next fetch brings only what is new. */
static const char kept_reference[] = "refs/eksact/desired";

struct remote {
    struct git_call *call;
    struct git_http git_http;
    git_remote *handle;
    const git_remote_head **heads;
    size_t head_count;
};

static void remote_done(struct remote *remote) {
    git_remote_free(remote->handle);
    if (remote->git_http.spool_folder >= 0)
        close(remote->git_http.spool_folder);
}
#define REMOTE_AUTO __attribute__((cleanup(remote_done))) struct remote

static bool remote_trouble(struct remote *remote, const char *doing, struct error *err) {
    if (remote->git_http.error.kind == ERROR_NONE)
        return git_trouble(err, ERROR_BROKEN, "%s %s", doing, remote->git_http.base);
    const struct error *cause = &remote->git_http.error;
    error_set(err, cause->kind, "%s", cause->text);
    return error_wrap(err, "%s", doing);
}

static git_remote_callbacks remote_callbacks(struct remote *remote) {
    git_remote_callbacks callbacks;
    git_remote_init_callbacks(&callbacks, GIT_REMOTE_CALLBACKS_VERSION);
    callbacks.transport = git_http_transport;
    callbacks.payload = &remote->git_http;
    return callbacks;
}

/* Without the default refspec and the "insteadOf" rules libgit2 1.5 matches no regular expression, of which each leaks some 100 kB. */
static bool remote_connect(struct remote *remote, struct git_call *call, git_repository *repository, struct error *err) {
    const char *url = call->source->location;
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    *remote = (struct remote){.call = call, .git_http = {.call = call, .base = arena_copy(call->arena, url, length), .spool_folder = -1}};
    git_remote_create_options options;
    git_remote_create_options_init(&options, GIT_REMOTE_CREATE_OPTIONS_VERSION);
    options.repository = repository;
    options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
    git_remote_callbacks callbacks = remote_callbacks(remote);
    if (git_remote_create_with_opts(&remote->handle, remote->git_http.base, &options) != 0)
        return git_trouble(err, ERROR_INVALID, "use %s", remote->git_http.base);
    if (repository)
        remote->git_http.spool_folder = open(call->source->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (git_remote_connect(remote->handle, GIT_DIRECTION_FETCH, &callbacks, NULL, NULL) != 0 ||
        git_remote_ls(&remote->heads, &remote->head_count, remote->handle) != 0)
        return remote_trouble(remote, "ask for branches", err);
    return true;
}

/* Finding what the reference names. */

static const git_remote_head *head_named(const struct remote *remote, const char *name) {
    for (size_t i = 0; i < remote->head_count; i++)
        if (text_equal(remote->heads[i]->name, name))
            return remote->heads[i];
    return NULL;
}

static bool remote_misses(const struct remote *remote, const char *reference, struct error *err) {
    struct arena *arena = remote->call->arena;
    const char **branches = ARENA_ARRAY(arena, const char *, remote->head_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < remote->head_count; i++)
        if (text_starts(remote->heads[i]->name, "refs/heads/"))
            branches[count++] = arena_text(arena, "%s", remote->heads[i]->name + strlen("refs/heads/"));
    return reference_missing(arena, reference, branches, count, err);
}

static bool is_commit_id(const char *reference) {
    return reference && strlen(reference) == COMMIT_DIGITS && strspn(reference, "0123456789abcdefABCDEF") == COMMIT_DIGITS;
}

static const git_remote_head *remote_find(const struct remote *remote, struct error *err) {
    struct arena *arena = remote->call->arena;
    const char *reference = remote->call->source->reference;
    const git_remote_head *head;
    if (remote->head_count == 0) {
        error_set(err, ERROR_INVALID, "the repository is empty: push a commit first");
        return NULL;
    }
    if (!reference || text_equal(reference, "HEAD")) {
        head = head_named(remote, "HEAD");
        if (!head) {
            remote_misses(remote, "HEAD", err);
            error_wrap(err, "the repository's HEAD names a branch without a commit");
        }
        return head;
    }
    head = head_named(remote, arena_text(arena, "refs/heads/%s", reference));
    if (!head)
        head = head_named(remote, arena_text(arena, "refs/tags/%s", reference));
    if (!head && text_starts(reference, "refs/"))
        head = head_named(remote, reference);
    if (!head)
        remote_misses(remote, reference, err);
    return head;
}

/* A tag with a message of its own is an object; the server says beside it which commit it is for. */
static const git_oid *head_commit(const struct remote *remote, const git_remote_head *head) {
    const git_remote_head *peeled = head_named(remote, arena_text(remote->call->arena, "%s^{}", head->name));
    return peeled ? &peeled->oid : &head->oid;
}

/* Fetching. */

static int fetch_progress(const git_indexer_progress *progress, void *git_http) {
    struct git_http *own = git_http;
    const struct git_call *call = own->call;
    (void)progress;
    if (clock_steady_ms(clock_system()) < call->end_ms)
        return 0;
    error_set(&own->error, ERROR_BUSY, "%s: not done within %lld s", own->base, (long long)(call->limits.limit_ms / 1000));
    return -1;
}

static bool remote_fetch(struct remote *remote, const char *from, const char *to, struct error *err) {
    char *refspec = arena_text(remote->call->arena, "+%s:%s", from, to);
    git_strarray refspecs = {&refspec, 1};
    git_fetch_options options;
    git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    options.callbacks = remote_callbacks(remote);
    options.callbacks.transfer_progress = fetch_progress;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.update_fetchhead = 0;
    if (git_remote_fetch(remote->handle, &refspecs, &options, NULL) != 0)
        return remote_trouble(remote, "fetch", err);
    return true;
}

static bool has_commit(git_repository *repository, const git_oid *id, git_commit **out) {
    return git_commit_lookup(out, repository, id) == 0;
}

/* A commit that no branch or tag names directly can only be found in the history of one. */
static bool commit_fetch(struct git_call *call, git_repository *repository, git_commit **out, struct error *err) {
    git_oid id;
    REMOTE_AUTO remote = {.git_http = {.spool_folder = -1}};
    git_oid_fromstr(&id, call->source->reference);
    if (has_commit(repository, &id, out))
        return true;
    if (!remote_connect(&remote, call, repository, err))
        return false;
    if (!remote_fetch(&remote, "refs/heads/*", "refs/eksact/heads/*", err))
        return false;
    if (!has_commit(repository, &id, out) &&
        (!remote_fetch(&remote, "refs/tags/*", "refs/eksact/tags/*", err) || !has_commit(repository, &id, out)))
        return error_set(err, ERROR_INVALID, "no branch or tag has the commit %s in its history", call->source->reference);
    return true;
}

static bool head_fetch(struct git_call *call, git_repository *repository, git_commit **out, struct error *err) {
    REMOTE_AUTO remote = {.git_http = {.spool_folder = -1}};
    if (!remote_connect(&remote, call, repository, err))
        return false;
    const git_remote_head *head = remote_find(&remote, err);
    if (!head)
        return false;
    git_oid id, kept;
    git_oid_cpy(&id, head_commit(&remote, head));
    bool is_kept = git_reference_name_to_id(&kept, repository, kept_reference) == 0 && git_oid_equal(&kept, &head->oid);
    if (!is_kept && !remote_fetch(&remote, head->name, kept_reference, err))
        return false;
    if (has_commit(repository, &id, out))
        return true;
    GIT_AUTO(object) *object = NULL;
    if (git_object_lookup(&object, repository, &id, GIT_OBJECT_ANY) != 0)
        return git_trouble(err, ERROR_BROKEN, "read the commit");
    return error_set(err, ERROR_INVALID, "\"%s\" is no commit but a %s", head->name, git_object_type2string(git_object_type(object)));
}

/* Whether it is our files that cannot be read, and not what a server sent. */
static bool is_damage(const struct error *err) {
    const git_error *last = git_error_last();
    return err->kind == ERROR_BROKEN && last && last->klass != GIT_ERROR_NET && last->klass != GIT_ERROR_HTTP &&
           last->klass != GIT_ERROR_INDEXER;
}

static bool cache_read(struct git_call *call, const struct cache *cache, const char *path, struct files *files, struct tree *out,
                       bool *damaged, struct error *err) {
    GIT_AUTO(repository) *repository = NULL;
    GIT_AUTO(commit) *commit = NULL;
    if (!cache_repository(cache, call->arena, &repository, err))
        return false;
    bool found =
        is_commit_id(call->source->reference) ? commit_fetch(call, repository, &commit, err) : head_fetch(call, repository, &commit, err);
    if (found && commit_read(repository, commit, "", path, files, out, err))
        return true;
    *damaged = is_damage(err);
    return false;
}

/* A cache that cannot be read (a disk that lost power, a file cut short) is fetched anew, once. */
bool remote_read(struct git_call *call, const char *path, struct files *files, struct tree *out, struct error *err) {
    __attribute__((cleanup(cache_close))) struct cache cache = {.lock = -1};
    struct files begin = *files;
    struct error first = {0};
    bool damaged = false;
    if (!cache_open(call, &cache, err))
        return error_wrap(err, "read %s", call->source->location);
    if (cache_read(call, &cache, path, files, out, &damaged, &first))
        return true;
    if (!damaged)
        return error_set(err, first.kind, "read %s: %s", call->source->location, first.text);
    *files = begin;
    if (!cache_forget(&cache, err) || !cache_read(call, &cache, path, files, out, &damaged, err))
        return error_wrap(err, "read %s", call->source->location);
    return true;
}

bool remote_resolve(struct git_call *call, char *out_commit, struct error *err) {
    git_oid id;
    if (is_commit_id(call->source->reference)) {
        git_oid_fromstr(&id, call->source->reference);
        git_oid_tostr(out_commit, COMMIT_DIGITS + 1, &id);
        return true;
    }
    REMOTE_AUTO remote = {.git_http = {.spool_folder = -1}};
    if (!remote_connect(&remote, call, NULL, err))
        return error_wrap(err, "read %s", call->source->location);
    const git_remote_head *head = remote_find(&remote, err);
    if (!head)
        return error_wrap(err, "read %s", call->source->location);
    git_oid_tostr(out_commit, COMMIT_DIGITS + 1, head_commit(&remote, head));
    return true;
}
