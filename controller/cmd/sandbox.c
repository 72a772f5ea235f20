#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "cmd/session.h"
#include "cmd/world_file.h"
#include "sandbox/certificate.h"
#include "world/http_curl.h"
#include "world/server.h"

enum {
    EVENTS_LIMIT_BYTES = 256 << 20, /* of one watch, that its client has not read yet */
    ANSWER_LIMIT_BYTES = 512 << 20, /* a whole LIST without pages */
    PEM_LIMIT_BYTES = 1 << 20,
    KEEP_EVERY_MS = 5000, /* what a crash may lose */
    TURN_LEAST_MS = 10,   /* so that a fast world with many events leaves time for its clients */
    TURN_MOST_MS = 1000   /* bookmarks and ends of watches are no events of the world */
};

#define YEAR_MS (365LL * 24 * 3600 * 1000)

/* The simulated world as a server: the same world that --sandbox has in process, in real or scaled time. */
struct sandbox_service {
    struct session session;
    struct sandbox *sandbox;
    struct server *server, *plain;
    struct certificate authority;
    const char *authority_file, *own_directory; /* the directory is ours to remove; NULL when there is none */
    const char *url, *plain_url;
    int64_t speed;
    bool moved;         /* since the watches were last looked at */
    bool changed;       /* since the world was last kept */
    int64_t keep_at_ms; /* steady */
    bool keep_failed;   /* and that was said */
};

/* A WATCH of a client, from its answer to its end. */
struct watch_stream {
    struct sandbox_service *service;
    struct sandbox_watch *watch;
    struct text events;
    size_t sent;
    bool ended;
};

static long watch_read(void *context, char *bytes, size_t room) {
    struct watch_stream *stream = context;
    if (stream->sent == stream->events.length) {
        if (stream->ended)
            return -1;
        text_clear(&stream->events);
        stream->sent = 0;
        stream->ended = !sandbox_watch_next(stream->service->sandbox, stream->watch, &stream->events);
        if (stream->events.full)
            return -2;
    }
    size_t left = stream->events.length - stream->sent;
    size_t count = left < room ? left : room;
    if (count == 0)
        return stream->ended ? -1 : 0;
    memcpy(bytes, stream->events.data + stream->sent, count);
    stream->sent += count;
    return (long)count;
}

static void watch_done(void *context) {
    struct watch_stream *stream = context;
    sandbox_watch_close(stream->watch);
    text_done(&stream->events);
}

static void watch_answer(struct sandbox_service *service, struct sandbox_watch *watch, struct arena *arena, struct server_answer *answer) {
    struct watch_stream *stream = ARENA_NEW(arena, struct watch_stream);
    stream->service = service;
    stream->watch = watch;
    text_init(&stream->events, EVENTS_LIMIT_BYTES);
    answer->stream = watch_read;
    answer->stream_done = watch_done;
    answer->context = stream;
}

/* What a script of faults has left of an answer, and then the end of the connection. */
struct torn_answer {
    const char *body;
    size_t length, sent;
};

static long torn_read(void *context, char *bytes, size_t room) {
    struct torn_answer *torn = context;
    size_t count = torn->length - torn->sent < room ? torn->length - torn->sent : room;
    if (count == 0)
        return -2;
    memcpy(bytes, torn->body + torn->sent, count);
    torn->sent += count;
    return (long)count;
}

static void answer_tear(const struct http_exchange *exchange, struct server_answer *answer) {
    struct torn_answer *torn = ARENA_NEW(exchange->arena, struct torn_answer);
    *torn = (struct torn_answer){.body = exchange->answer, .length = exchange->answer_length};
    answer->stream = torn_read;
    answer->context = torn;
}

static void service_answer(void *context, const struct server_request *request, struct server_answer *answer) {
    struct sandbox_service *service = context;
    struct http_exchange exchange = {
        .method = request->method,
        .url = arena_text(request->arena, "%s%s%s%s", service->url, request->path, request->query[0] == '\0' ? "" : "?", request->query),
        .headers = request->headers,
        .header_count = request->header_count,
        .body = request->body,
        .body_length = request->body_length,
        .limit_bytes = ANSWER_LIMIT_BYTES,
        .arena = request->arena};
    struct sandbox_watch *watch = NULL;
    bool watches = sandbox_watch_open(service->sandbox, &exchange, &watch);
    if (!watches && !text_equal(request->method, "GET"))
        service->moved = service->changed = true;
    answer->drop = exchange.status == 0;
    answer->status = exchange.status;
    answer->headers = exchange.answer_headers;
    answer->header_count = exchange.answer_header_count;
    answer->body = exchange.answer;
    answer->body_length = exchange.answer_length;
    if (watches)
        watch_answer(service, watch, request->arena, answer);
    else if (exchange.status != 0 && exchange.error.kind != ERROR_NONE)
        answer_tear(&exchange, answer);
}

static bool authority_load(struct sandbox_service *service, const char *key_file, struct error *err) {
    struct arena *arena = service->session.arena;
    char *key = NULL;
    size_t length = 0;
    if (!file_load(service->authority_file, PEM_LIMIT_BYTES, arena, &service->authority.pem, &length, err) ||
        !file_load(key_file, PEM_LIMIT_BYTES, arena, &key, &length, err))
        return false;
    secret_set(&service->authority.key, key, length);
    secret_wipe(key, length);
    return true;
}

static bool authority_make(struct sandbox_service *service, struct error *err) {
    int64_t now = clock_wall_ms(clock_system());
    return certificate_authority_make(service->session.arena, "eksact sandbox", now - 3600000, now + 10 * YEAR_MS, &service->authority,
                                      err) &&
           file_save(service->authority_file, service->authority.pem, strlen(service->authority.pem), err);
}

/* A world that is not kept has its authority's certificate, which clients read, in a directory of its own, and its key nowhere. */
static bool authority_lend(struct sandbox_service *service, struct error *err) {
    struct arena *arena = service->session.arena;
    const char *temporary = getenv("TMPDIR");
    char *directory = arena_text(arena, "%s/eksact-sandbox-XXXXXX", text_is_empty(temporary) ? "/tmp" : temporary);
    if (mkdtemp(directory) == NULL)
        return error_set(err, ERROR_DENIED, "make the directory %s: %s", directory, strerror(errno));
    service->own_directory = directory;
    service->authority_file = arena_text(arena, "%s/ca.pem", directory);
    return authority_make(service, err);
}

/* One authority for each world, so that clients that trust it go on doing so after a restart. */
static bool authority_open(struct sandbox_service *service, const char *state, struct error *err) {
    struct arena *arena = service->session.arena;
    if (state == NULL)
        return authority_lend(service, err);
    service->authority_file = arena_text(arena, "%s.ca.pem", state);
    const char *key_file = arena_text(arena, "%s.ca.key", state);
    struct error missing = {0};
    if (authority_load(service, key_file, &missing))
        return true;
    if (missing.kind != ERROR_MISSING) {
        *err = missing;
        return false;
    }
    return authority_make(service, err) && file_save(key_file, service->authority.key.reveal, service->authority.key.length, err);
}

static void authority_close(struct sandbox_service *service) {
    secret_done(&service->authority.key);
    if (service->own_directory == NULL)
        return;
    (void)unlink(service->authority_file);
    (void)rmdir(service->own_directory);
}

/* The host of "ADDRESS:PORT", as it stands in a URL: one that means all addresses is reached by loopback. */
static const char *host_of(struct arena *arena, const char *address) {
    static const char *const all[] = {"", "0.0.0.0", "[::]", NULL};
    const char *host = arena_copy(arena, address, (size_t)(strrchr(address, ':') - address));
    return text_in(host, all) ? "127.0.0.1" : host;
}

static bool serve(struct sandbox_service *service, const char *address, const struct certificate *certificate, struct server **server,
                  const char **url, struct error *err) {
    struct arena *arena = service->session.arena;
    struct server_options options = {.address = address,
                                     .certificate_pem = certificate == NULL ? NULL : certificate->pem,
                                     .key_pem = certificate == NULL ? NULL : certificate->key.reveal,
                                     .answer = service_answer,
                                     .context = service};
    if (!server_start(&options, service->session.http, server, err))
        return false;
    *url = arena_text(arena, "http%s://%s:%u", certificate == NULL ? "" : "s", host_of(arena, address), server_port(*server));
    return true;
}

static bool servers_start(struct sandbox_service *service, const struct arguments *arguments, struct error *err) {
    const char *address = arguments->values[OPTION_LISTEN] == NULL ? "127.0.0.1:8443" : arguments->values[OPTION_LISTEN];
    const char *plain = arguments->values[OPTION_LISTEN_PLAIN];
    if (strrchr(address, ':') == NULL)
        return error_set(err, ERROR_INVALID, "--listen %s: an address and a port, such as 127.0.0.1:8443", address);
    if (plain != NULL && strrchr(plain, ':') == NULL)
        return error_set(err, ERROR_INVALID, "--listen-plain %s: an address and a port, such as 127.0.0.1:8080", plain);
    int64_t now = clock_wall_ms(clock_system());
    const char *names[] = {host_of(service->session.arena, address), NULL};
    struct certificate certificate = {0};
    bool started =
        certificate_server_make(service->session.arena, &service->authority, names, now - 3600000, now + YEAR_MS, &certificate, err) &&
        serve(service, address, &certificate, &service->server, &service->url, err) &&
        (plain == NULL || serve(service, plain, NULL, &service->plain, &service->plain_url, err));
    secret_done(&certificate.key);
    return started;
}

static bool world_open(struct sandbox_service *service, const struct arguments *arguments, struct error *err) {
    const char *kubernetes = arguments->values[OPTION_KUBERNETES], *ca_file = arguments->values[OPTION_KUBERNETES_CA];
    char *kubernetes_ca = NULL;
    size_t length = 0;
    if (ca_file != NULL && !file_load(ca_file, PEM_LIMIT_BYTES, service->session.arena, &kubernetes_ca, &length, err))
        return error_wrap(err, "--kubernetes-ca");
    struct sandbox_options options = {.real_clock = clock_system(),
                                      .start_ms = clock_wall_ms(clock_system()),
                                      .speed = (double)service->speed,
                                      .kubernetes_url = kubernetes,
                                      .kubernetes_ca_pem = kubernetes_ca,
                                      .server_url = service->url,
                                      .server_ca_pem = service->authority.pem,
                                      .check_signatures = true};
    service->sandbox = sandbox_new(&options);
    const char *file = service->session.sandbox_file;
    return file == NULL || world_file_load(file, service->sandbox, service->session.arena, err);
}

/* What can be refused before anything is begun. */
static bool arguments_check(struct sandbox_service *service, const struct arguments *arguments, struct error *err) {
    const char *speed = arguments->values[OPTION_SPEED], *kubernetes = arguments->values[OPTION_KUBERNETES];
    service->speed = 1;
    if (speed != NULL && !text_to_integer(speed, 1, 100000, &service->speed))
        return error_set(err, ERROR_INVALID, "--speed %s: a whole number from 1 to 100000", speed);
    if (kubernetes != NULL && !text_starts(kubernetes, "https://"))
        return error_set(err, ERROR_INVALID, "--kubernetes %s: the URL of an API server, beginning with https://", kubernetes);
    if ((kubernetes == NULL) != (arguments->values[OPTION_KUBERNETES_CA] == NULL))
        return error_set(err, ERROR_INVALID,
                         "--kubernetes and --kubernetes-ca belong together: an API server and its certificate authority");
    return true;
}

static bool world_keep(struct sandbox_service *service, struct error *err) {
    const char *file = service->session.sandbox_file;
    return file == NULL || service->sandbox == NULL || world_file_save(file, service->sandbox, err);
}

/* From time to time, so that a crash of this process or its machine loses little. A failure is said once; the last attempt, at the end,
 * decides. */
static void world_keep_now_and_then(struct sandbox_service *service) {
    int64_t now_ms = clock_steady_ms(clock_system());
    if (!service->changed || now_ms < service->keep_at_ms)
        return;
    struct error err = {0};
    bool kept = world_keep(service, &err);
    if (!kept && !service->keep_failed)
        (void)command_fail(&err);
    service->keep_failed = !kept;
    service->changed = !kept;
    /* A large world takes its time to write: its clients get at least ten times as much. */
    int64_t took_ms = clock_steady_ms(clock_system()) - now_ms;
    service->keep_at_ms = now_ms + (took_ms * 11 > KEEP_EVERY_MS ? took_ms * 11 : KEEP_EVERY_MS);
}

/* In single quotes, in which a shell leaves everything as it is. */
static void setting_print(const char *name, const char *value) {
    printf("%s='", name);
    for (; *value != '\0'; value++) {
        if (*value == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*value);
    }
    puts("'");
}

static bool addresses_print(const struct sandbox_service *service, struct error *err) {
    char authority_file[PATH_MAX];
    if (realpath(service->authority_file, authority_file) == NULL)
        return error_set(err, ERROR_DENIED, "find %s: %s", service->authority_file, strerror(errno));
    printf("# The simulated world. In a shell, these lines lead the AWS CLI, eksact and terraform to it; for kubectl: `eksact kubeconfig "
           "CLUSTER`.\n");
    setting_print("AWS_ENDPOINT_URL", service->plain_url != NULL ? service->plain_url : service->url);
    if (service->plain_url != NULL)
        setting_print("AWS_ENDPOINT_URL_STS", service->url); /* `aws eks get-token` signs for this one, and API servers take only https */
    setting_print("AWS_CA_BUNDLE", authority_file);
    setting_print("AWS_ACCESS_KEY_ID", SANDBOX_ACCESS_KEY_ID);
    setting_print("AWS_SECRET_ACCESS_KEY", SANDBOX_SECRET_ACCESS_KEY);
    printf("export AWS_ENDPOINT_URL%s AWS_CA_BUNDLE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\n",
           service->plain_url == NULL ? "" : " AWS_ENDPOINT_URL_STS");
    if (fflush(stdout) != 0)
        return error_set(err, ERROR_DENIED, "print the addresses: %s", strerror(errno));
    return true;
}

/* In real time, until the world's next event. */
static int64_t turn_ms(struct sandbox_service *service, int64_t next_ms) {
    int64_t left_ms = next_ms - clock_wall_ms(sandbox_clock(service->sandbox));
    if (next_ms == INT64_MAX || left_ms / service->speed >= TURN_MOST_MS)
        return TURN_MOST_MS;
    return left_ms / service->speed < TURN_LEAST_MS ? TURN_LEAST_MS : left_ms / service->speed + 1;
}

static void service_turn(struct sandbox_service *service) {
    struct clock *clock = clock_system();
    int64_t next_ms = sandbox_step(service->sandbox);
    int64_t until_ms = clock_steady_ms(clock) + turn_ms(service, next_ms);
    service->session.http->next(service->session.http, until_ms);
    bool happened = clock_wall_ms(sandbox_clock(service->sandbox)) >= next_ms;
    service->changed = service->changed || happened;
    if (happened)
        sandbox_step(service->sandbox);
    if (happened || service->moved || clock_steady_ms(clock) >= until_ms) {
        server_poll(service->server);
        if (service->plain != NULL)
            server_poll(service->plain);
        service->moved = false;
    }
    world_keep_now_and_then(service);
}

static bool service_run(struct sandbox_service *service, const struct arguments *arguments, struct error *err) {
    const char *state = arguments->values[OPTION_STATE];
    struct http_curl_options options = {.clock = clock_system(), .user_agent = "eksact/" EKSACT_VERSION};
    service->session.sandbox_file = state;
    if (!arguments_check(service, arguments, err))
        return false;
    service->session.http = http_curl_new(&options, err);
    if (service->session.http == NULL || !authority_open(service, state, err) || !servers_start(service, arguments, err) ||
        !world_open(service, arguments, err) || !world_keep(service, err) || !addresses_print(service, err))
        return false;
    while (!session_stopped(&service->session))
        service_turn(service);
    return world_keep(service, err);
}

int sandbox_command(const struct arguments *arguments) {
    struct sandbox_service service = {0};
    struct error err = {0};
    session_begin(&service.session);
    bool ran = service_run(&service, arguments, &err);
    int code = ran ? 0 : command_fail(&err);
    server_stop(service.server);
    server_stop(service.plain);
    if (service.sandbox != NULL)
        sandbox_free(service.sandbox);
    authority_close(&service);
    if (service.session.http != NULL)
        service.session.http->free(service.session.http);
    arena_free(service.session.arena);
    return code;
}
