/* world/git.c: what a location is, and who reads it. */
#include "world/git.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "git_parts.h"

static const size_t pack_objects_limit = 20000000;

struct git_limits git_limits_default(void) {
    return (struct git_limits){.pack_bytes = (size_t)512 << 20,
                               .file_bytes = (size_t)1 << 20,
                               .tree_bytes = (size_t)256 << 20,
                               .file_count = 100000,
                               .stall_ms = 15000,
                               .limit_ms = 600000};
}

bool git_trouble(struct error *err, enum error_kind kind, const char *format, ...) {
    const git_error *last = git_error_last();
    ARENA_AUTO *arena = arena_new();
    char *said = arena_text(arena, "%.300s", last && last->message ? last->message : "libgit2 gives no reason");
    for (char *letter = said; *letter; letter++) /* it may be what a server says */
        if ((unsigned char)*letter < 0x20 || *letter == 0x7f)
            *letter = ' ';
    error_set(err, kind, "%s", said);
    va_list values;
    va_start(values, format);
    const char *doing = arena_textv(arena, format, values);
    va_end(values);
    return error_wrap(err, "%s", doing);
}

/* The library counts its users. The first call takes the count to 1 and leaves it there, as do all later ones.
 *
 * What git is configured to do on this machine (proxies, replaced URLs, credential helpers) is not for us: the paths of all but the
 * repository's own configuration are emptied. The owner of a repository is not asked for either: that check (safe.directory) keeps git from
 * running the commands that a stranger's repository names, and nothing is run here. */
static bool library_start(struct error *err) {
    int users = git_libgit2_init();
    if (users < 0)
        return git_trouble(err, ERROR_BROKEN, "start libgit2");
    if (users > 1) {
        git_libgit2_shutdown();
        return true;
    }
    static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
    int result = 0;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        result |= git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    result |= git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    result |= git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    result |= git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, pack_objects_limit);
    return result == 0 || git_trouble(err, ERROR_BROKEN, "start libgit2");
}

/* Locations. */

enum location_kind { LOCATION_DIRECTORY, LOCATION_FILE_URL, LOCATION_HTTP };

static bool has_controls(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

/* A URL that may hold a password is never put into a message. */
static bool url_check(const char *url, struct error *err) {
    const char *authority = strstr(url, "://") + 3;
    size_t length = strcspn(authority, "/?#");
    if (memchr(authority, '@', length))
        return error_set(err, ERROR_INVALID, "the source's URL has a user or a password in it: give them apart from the URL");
    if (strpbrk(url, "?# \\") || has_controls(url))
        return error_set(err, ERROR_INVALID, "the source's URL has a query, a fragment, a blank or a backslash in it");
    if (length == 0)
        return error_set(err, ERROR_INVALID, "the source's URL \"%s\" names no host", url);
    /* Where clouds answer with credentials to whoever asks (EC2 User Guide, instance metadata). */
    if (strncmp(authority, "169.254.", 8) == 0 || strncasecmp(authority, "[fe80:", 6) == 0 || strncasecmp(authority, "[fd00:ec2:", 10) == 0)
        return error_set(err, ERROR_INVALID, "the source's URL \"%s\" is a link-local address, where no repository is read from", url);
    return true;
}

static bool is_directory_or_file(const char *location) {
    struct stat status;
    return stat(location, &status) == 0;
}

static bool location_judge(const char *location, enum location_kind *out, struct error *err) {
    if (text_is_empty(location))
        return error_set(err, ERROR_INVALID, "the source is empty: give a directory or an https:// URL");
    *out = LOCATION_DIRECTORY;
    const char *scheme_end = strstr(location, "://");
    const char *colon = strchr(location, ':'), *slash = strchr(location, '/');
    if (text_starts(location, "https://") || text_starts(location, "http://")) {
        *out = LOCATION_HTTP;
        return url_check(location, err);
    }
    if (text_starts(location, "file://")) {
        *out = LOCATION_FILE_URL;
        return true;
    }
    if (scheme_end && scheme_end < (slash ? slash : "") + 1)
        return error_set(err, ERROR_INVALID, "sources over %.*s:// are not read: use https:// with a user and a token",
                         (int)(scheme_end - location > 20 ? 20 : scheme_end - location), location);
    if (colon && (!slash || colon < slash) && !is_directory_or_file(location))
        return error_set(err, ERROR_INVALID,
                         "the source is in ssh's form HOST:PATH, which is not read: use https://HOST/PATH with a user and a token");
    return true;
}

static int hex_digit(char letter) {
    const char *digits = "0123456789abcdef", *found = letter ? strchr(digits, letter | 0x20) : NULL;
    return found && (letter <= '9' || letter >= 'A') ? (int)(found - digits) : -1;
}

/* The path of file:///a%20b or file://localhost/a. */
static bool file_url_path(struct arena *arena, const char *url, const char **out, struct error *err) {
    const char *path = url + strlen("file://");
    if (text_starts(path, "localhost/"))
        path += strlen("localhost");
    if (*path != '/')
        return error_set(err, ERROR_INVALID,
                         "the source \"%s\" is not on this machine: a file URL has three slashes, as in file:///srv/fleet.git", url);
    char *decoded = arena_take(arena, strlen(path) + 1), *end = decoded;
    while (*path) {
        int high = *path == '%' ? hex_digit(path[1]) : -1, low = high >= 0 ? hex_digit(path[2]) : -1;
        if (*path == '%' && (low < 0 || high + low == 0))
            return error_set(err, ERROR_INVALID, "the source \"%s\" has a %% that two hexadecimal digits do not follow", url);
        *end++ = low >= 0 ? (char)(high * 16 + low) : *path;
        path += low >= 0 ? 3 : 1;
    }
    *out = decoded;
    return true;
}

/* Sources on this machine. */

/* The folder of the repository's working tree that `directory` is, "" for its root or a bare repository. */
static bool folder_in_repository(git_repository *repository, struct arena *arena, const char *directory, const char **out,
                                 struct error *err) {
    const char *root = git_repository_workdir(repository);
    *out = "";
    if (!root)
        return true;
    char whole[PATH_MAX], whole_root[PATH_MAX];
    if (!realpath(directory, whole) || !realpath(root, whole_root))
        return error_set(err, ERROR_INVALID, "read \"%s\": it cannot be found", directory);
    size_t length = strlen(whole_root);
    if (strcmp(whole, whole_root) == 0)
        return true;
    if (strncmp(whole, whole_root, length) != 0 || whole[length] != '/' || strncmp(whole + length, "/.git", 5) == 0)
        return error_set(err, ERROR_INVALID, "\"%s\" is not in the working tree of its repository", directory);
    *out = arena_text(arena, "%s", whole + length + 1);
    return true;
}

/* What the directory itself is, and which repository it belongs to. Without a repository *out stays NULL. */
static bool local_open(struct git_call *call, enum location_kind kind, const char *directory, git_repository **out, struct error *err) {
    const char *reference = call->source->reference;
    struct stat status;
    if (stat(directory, &status) != 0)
        return error_set(err, errno == EACCES ? ERROR_DENIED : ERROR_INVALID, "read \"%s\": %s", directory, strerror(errno));
    bool search = kind == LOCATION_DIRECTORY && reference;
    if (!repository_open(directory, search, out, err) && err->kind != ERROR_NONE)
        return false;
    if (!*out && kind == LOCATION_FILE_URL)
        return error_set(err, ERROR_INVALID, "\"%s\" is no git repository", directory);
    if (!*out && reference)
        return error_set(err, ERROR_INVALID, "\"%s\" is in no git repository, so it has no \"%s\"", directory, reference);
    if (*out && kind == LOCATION_DIRECTORY && !reference && !git_repository_is_bare(*out)) {
        git_repository_free(*out);
        *out = NULL;
    }
    return true;
}

static bool local_read(struct git_call *call, enum location_kind kind, const char *path, struct files *files, struct tree *out,
                       struct error *err) {
    const struct git_source *source = call->source;
    const char *directory = source->location, *root;
    if (kind == LOCATION_FILE_URL && !file_url_path(call->arena, source->location, &directory, err))
        return false;
    GIT_AUTO(repository) *repository = NULL;
    if (!local_open(call, kind, directory, &repository, err))
        return false;
    if (!repository)
        return directory_read(directory, path, files, err);
    GIT_AUTO(commit) *commit = NULL;
    if (!folder_in_repository(repository, call->arena, directory, &root, err) ||
        !repository_find(repository, call->arena, source->reference, &commit, err) ||
        !commit_read(repository, commit, root, path, files, out, err))
        return error_wrap(err, "read %s", source->location);
    return true;
}

static bool local_resolve(struct git_call *call, enum location_kind kind, char *out_commit, struct error *err) {
    const struct git_source *source = call->source;
    const char *directory = source->location;
    if (kind == LOCATION_FILE_URL && !file_url_path(call->arena, source->location, &directory, err))
        return false;
    GIT_AUTO(repository) *repository = NULL;
    GIT_AUTO(commit) *commit = NULL;
    if (!local_open(call, kind, directory, &repository, err))
        return false;
    if (!repository)
        return error_set(err, ERROR_INVALID, "\"%s\" is read as it stands, so no commit is named", directory);
    if (!repository_find(repository, call->arena, source->reference, &commit, err))
        return error_wrap(err, "read %s", source->location);
    git_oid_tostr(out_commit, COMMIT_DIGITS + 1, git_commit_id(commit));
    return true;
}

/* The two functions of the header. */

static bool call_begin(struct git_call *call, enum location_kind *kind, struct error *err) {
    call->end_ms = clock_steady_ms(clock_system()) + call->limits.limit_ms;
    const char *reference = call->source->reference;
    if (reference && (!*reference || has_controls(reference) || strlen(reference) > 1000))
        return error_set(err, ERROR_INVALID, "the source's branch, tag or commit is empty, or no name that git takes");
    return location_judge(call->source->location, kind, err) && library_start(err);
}

bool git_read(struct http *http, const struct git_source *source, const struct git_limits *limits, struct arena *arena, struct tree *out,
              struct findings *findings, struct error *err) {
    ARENA_AUTO *scratch = arena_new();
    struct git_call call = {http, source, *limits, scratch, 0};
    struct files files = {.arena = arena, .limits = &call.limits, .findings = findings};
    struct tree tree = {.source = arena_text(arena, "%s", source->location ? source->location : "")};
    enum location_kind kind;
    const char *path;
    if (!call_begin(&call, &kind, err) || !path_clean(scratch, source->path, &path, err))
        return false;
    bool done = kind == LOCATION_HTTP ? remote_read(&call, path, &files, &tree, err) : local_read(&call, kind, path, &files, &tree, err);
    if (!done)
        return false;
    files_finish(&files, &tree);
    *out = tree;
    return true;
}

bool git_resolve(struct http *http, const struct git_source *source, const struct git_limits *limits, char *out_commit, struct error *err) {
    ARENA_AUTO *scratch = arena_new();
    struct git_call call = {http, source, *limits, scratch, 0};
    enum location_kind kind;
    if (!call_begin(&call, &kind, err))
        return false;
    return kind == LOCATION_HTTP ? remote_resolve(&call, out_commit, err) : local_resolve(&call, kind, out_commit, err);
}
