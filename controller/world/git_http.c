/* world/git_http.c: git's smart HTTP protocol (gitprotocol-http) as a "smart subtransport" of libgit2: one GET for the references, then a
 * POST a round of negotiation, the last of which brings the pack. libgit2 pulls bytes and the seam pushes them, so an exchange is run to
 * its end first, and a pack waits in a file without a name meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "git_parts.h"

static const size_t references_limit_bytes = (size_t)64 << 20;
static const size_t request_limit_bytes = (size_t)8 << 20;
static const unsigned redirect_limit = 5;

static const char references_query[] = "/info/refs?service=git-upload-pack";

struct subtransport {
    git_smart_subtransport parent; /* first: libgit2 hands this pointer back */
    struct git_http *git_http;
};

struct stream {
    git_smart_subtransport_stream parent; /* first, as above */
    struct git_http *git_http;
    bool is_post, has_run;
    struct text request;
    const char *answer; /* of a GET, in the call's arena */
    size_t answer_length, answer_read;
    int spool; /* of a POST */
};

/* The exchanges. */

static bool spool_open(struct git_http *git_http, int *out, struct error *err) {
    *out = openat(git_http->spool_folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*out >= 0)
        return true;
    /* Not every file system has files without a name. */
    char name[64];
    snprintf(name, sizeof name, "pack.%ld", (long)getpid());
    unlinkat(git_http->spool_folder, name, 0);
    *out = openat(git_http->spool_folder, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
    if (*out < 0)
        return error_set(err, ERROR_INVALID, "write to the cache: %s", strerror(errno));
    unlinkat(git_http->spool_folder, name, 0);
    return true;
}

static bool spool_write(void *reader, const char *bytes, size_t length, struct error *err) {
    const struct stream *stream = reader;
    while (length > 0) {
        ssize_t count = write(stream->spool, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set(err, ERROR_BUSY, "write to the cache: %s", strerror(errno));
        bytes += count;
        length -= (size_t)count;
    }
    return true;
}

/* "Basic …" (RFC 7617), or NULL. Goes to the source's own origin only: redirects elsewhere are not followed. */
static char *authorization(const struct git_source *source, struct arena *arena) {
    if (!source->user)
        return NULL;
    TEXT_AUTO pair;
    text_init(&pair, 1 << 16);
    text_add(&pair, "%s:", source->user);
    text_add_bytes(&pair, source->password.reveal ? source->password.reveal : "", source->password.length);
    char *encoded = base64_encode(arena, pair.data, pair.length);
    char *value = arena_text(arena, "Basic %s", encoded);
    secret_wipe(encoded, strlen(encoded));
    secret_wipe(pair.data, pair.length);
    return value;
}

static bool exchange_run(struct git_http *git_http, struct http_exchange *exchange, const char *accept, struct error *err) {
    const struct git_call *call = git_http->call;
    int64_t left_ms = call->end_ms - clock_steady_ms(clock_system());
    if (left_ms <= 0)
        return error_set(err, ERROR_BUSY, "%s: not done within %lld s", git_http->base, (long long)(call->limits.limit_ms / 1000));
    char *value = authorization(call->source, call->arena);
    struct http_header headers[4] = {{"accept", accept}};
    size_t count = 1;
    if (exchange->body)
        headers[count++] = (struct http_header){"content-type", "application/x-git-upload-pack-request"};
    if (value)
        headers[count++] = (struct http_header){"authorization", value};
    exchange->headers = headers;
    exchange->header_count = count;
    exchange->trust = call->source->trust;
    exchange->limit_ms = left_ms;
    exchange->stall_ms = call->limits.stall_ms;
    exchange->arena = call->arena;
    http_run(call->http, exchange, 1, 1);
    if (value)
        secret_wipe(value, strlen(value));
    exchange->headers = NULL;
    exchange->header_count = 0;
    return true;
}

/* What a person should do about a refusal. */
static bool exchange_refused(const struct git_http *git_http, const struct http_exchange *exchange, struct error *err) {
    struct error cause = {0};
    if (exchange->status >= 300 && exchange->status < 400)
        return !error_set(err, ERROR_INVALID, "%s redirects (HTTP %d), which is not followed: give the URL that it leads to",
                          git_http->base, exchange->status);
    if (!http_failed(exchange, &cause))
        return false;
    bool known = git_http->call->source->user != NULL;
    const char *advice = "";
    if (exchange->status == 401)
        advice = known ? ": the user and password are not accepted" : ": the server wants a user and a password";
    else if (exchange->status == 403)
        advice = ": the user may not read this repository";
    else if (exchange->status == 404)
        advice = known ? ": there is no such repository, or the user may not see it"
                       : ": there is no such repository, or it is hidden from those who give no user and password";
    error_set(err, cause.kind, "%s%s", cause.text, advice);
    return true;
}

static bool content_is(const struct http_exchange *exchange, const char *type) {
    const char *given = http_answer_header(exchange, "content-type");
    return given && strncasecmp(given, type, strlen(type)) == 0 && strchr("; ", given[strlen(type)]);
}

/* Scheme, host and port. */
static size_t origin_length(const char *url) {
    const char *authority = strstr(url, "://");
    return authority ? (size_t)(authority + 3 - url) + strcspn(authority + 3, "/?#") : 0;
}

/* Forges redirect /shop/fleet to /shop/fleet.git. As git does, such an answer to the first request gives the base of those that follow, but
 * here only on the same origin. */
static bool redirect_follow(struct git_http *git_http, const struct http_exchange *exchange) {
    const char *location = http_answer_header(exchange, "location");
    if (exchange->status < 300 || exchange->status >= 400 || !location)
        return false;
    size_t origin = origin_length(git_http->base), length = strlen(location), tail = sizeof references_query - 1;
    bool is_whole = origin_length(location) == origin && strncmp(location, git_http->base, origin) == 0;
    bool is_path = location[0] == '/' && location[1] != '/';
    if ((!is_whole && !is_path) || length <= tail || strcmp(location + length - tail, references_query) != 0)
        return false;
    struct arena *arena = git_http->call->arena;
    const char *base = arena_copy(arena, location, length - tail);
    git_http->base = is_whole ? base : arena_text(arena, "%.*s%s", (int)origin, git_http->base, base);
    return true;
}

static bool references_get(struct stream *stream, struct error *err) {
    struct git_http *git_http = stream->git_http;
    struct http_exchange exchange;
    unsigned redirects = 0;
    do {
        exchange = (struct http_exchange){.method = "GET",
                                          .url = arena_text(git_http->call->arena, "%s%s", git_http->base, references_query),
                                          .limit_bytes = references_limit_bytes};
        if (!exchange_run(git_http, &exchange, "application/x-git-upload-pack-advertisement", err))
            return false;
    } while (redirect_follow(git_http, &exchange) && ++redirects < redirect_limit);
    if (exchange_refused(git_http, &exchange, err))
        return false;
    if (!content_is(&exchange, "application/x-git-upload-pack-advertisement"))
        return error_set(err, ERROR_INVALID, "%s is no git repository over smart HTTP: the answer is of another kind", git_http->base);
    stream->answer = exchange.answer;
    stream->answer_length = exchange.answer_length;
    return true;
}

static bool pack_post(struct stream *stream, struct error *err) {
    struct git_http *git_http = stream->git_http;
    if (stream->request.full)
        return error_set(err, ERROR_BROKEN, "%s: the negotiation is larger than %zu bytes", git_http->base, request_limit_bytes);
    struct http_exchange exchange = {.method = "POST",
                                     .url = arena_text(git_http->call->arena, "%s/git-upload-pack", git_http->base),
                                     .body = stream->request.data ? stream->request.data : "",
                                     .body_length = stream->request.length,
                                     .limit_bytes = git_http->call->limits.pack_bytes,
                                     .on_bytes = spool_write,
                                     .reader = stream};
    if (!spool_open(git_http, &stream->spool, err) || !exchange_run(git_http, &exchange, "application/x-git-upload-pack-result", err))
        return false;
    if (exchange_refused(git_http, &exchange, err))
        return false;
    if (!content_is(&exchange, "application/x-git-upload-pack-result"))
        return error_set(err, ERROR_BROKEN, "%s: the answer holds no pack", git_http->base);
    if (lseek(stream->spool, 0, SEEK_SET) != 0)
        return error_set(err, ERROR_BROKEN, "read the cache: %s", strerror(errno));
    return true;
}

/* What libgit2 calls. */

static int stream_read(git_smart_subtransport_stream *parent, char *bytes, size_t room, size_t *count) {
    struct stream *stream = (struct stream *)parent;
    struct error *err = &stream->git_http->error;
    *count = 0;
    if (!stream->has_run) {
        stream->has_run = true;
        if (!(stream->is_post ? pack_post(stream, err) : references_get(stream, err)))
            return -1;
    }
    if (!stream->is_post) {
        size_t left = stream->answer_length - stream->answer_read;
        *count = left < room ? left : room;
        if (*count > 0)
            memcpy(bytes, stream->answer + stream->answer_read, *count);
        stream->answer_read += *count;
        return 0;
    }
    ssize_t got;
    do
        got = stream->spool < 0 ? 0 : read(stream->spool, bytes, room);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        error_set(err, ERROR_BUSY, "read the cache: %s", strerror(errno));
        return -1;
    }
    *count = (size_t)got;
    return 0;
}

static int stream_write(git_smart_subtransport_stream *parent, const char *bytes, size_t length) {
    struct stream *stream = (struct stream *)parent;
    text_add_bytes(&stream->request, bytes, length);
    return 0;
}

static void stream_free(git_smart_subtransport_stream *parent) {
    struct stream *stream = (struct stream *)parent;
    text_done(&stream->request);
    if (stream->spool >= 0)
        close(stream->spool);
    free(stream);
}

static int subtransport_action(git_smart_subtransport_stream **out, git_smart_subtransport *parent, const char *url,
                               git_smart_service_t action) {
    (void)url;
    struct git_http *git_http = ((struct subtransport *)parent)->git_http;
    if (action != GIT_SERVICE_UPLOADPACK_LS && action != GIT_SERVICE_UPLOADPACK) {
        error_set(&git_http->error, ERROR_BROKEN, "%s: a source is only read", git_http->base);
        return -1;
    }
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        abort();
    stream->parent = (git_smart_subtransport_stream){parent, stream_read, stream_write, stream_free};
    stream->git_http = git_http;
    stream->is_post = action == GIT_SERVICE_UPLOADPACK;
    stream->spool = -1;
    text_init(&stream->request, request_limit_bytes);
    *out = &stream->parent;
    return 0;
}

static int subtransport_close(git_smart_subtransport *parent) {
    (void)parent;
    return 0;
}

static void subtransport_free(git_smart_subtransport *parent) {
    free(parent);
}

static int subtransport_new(git_smart_subtransport **out, git_transport *owner, void *git_http) {
    (void)owner;
    struct subtransport *subtransport = calloc(1, sizeof *subtransport);
    if (!subtransport)
        abort();
    subtransport->parent = (git_smart_subtransport){subtransport_action, subtransport_close, subtransport_free};
    subtransport->git_http = git_http;
    *out = &subtransport->parent;
    return 0;
}

int git_http_transport(git_transport **out, git_remote *owner, void *git_http) {
    struct git_http *own = git_http;
    own->definition = (git_smart_subtransport_definition){subtransport_new, 1, own};
    return git_transport_smart(out, owner, &own->definition);
}
