/* world/server.c: requests from outside, answered on the thread that asks the http seam for its next exchange.
 *
 * One epoll descriptor is attended. In it are the epoll descriptor of libmicrohttpd, a timer for its timeouts and ours, and the sockets of
 * streams that have nothing to say at the moment: the library does not look at a suspended connection, so it would not notice that its
 * client is gone. */
#include "world/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static const unsigned connection_limit_default = 256;
static const size_t body_limit_default_bytes = (size_t)3 << 20;
/* Of all bodies that are being received together, as a multiple of one body's limit. */
static const size_t bodies_at_once = 16;
/* The request line, the headers and the library's buffers of one connection. */
static const size_t connection_memory_bytes = (size_t)64 << 10;
static const size_t stream_block_bytes = (size_t)16 << 10;
/* No byte for so long ends a connection; a request that drips in must be whole within the other. */
static const unsigned idle_limit_seconds = 30;
static const unsigned receive_limit_default_ms = 30000;

enum { SEAMS = 4 };

struct connection {
    struct connection *next, *previous;
    struct server *server;
    int file_descriptor;
    int64_t receive_by_ms; /* steady; INT64_MAX once the request is whole */
};

struct request {
    struct request *next, *previous; /* in the list of waiting streams */
    struct server *server;
    struct MHD_Connection *connection;
    struct arena *arena; /* of this struct too */
    struct server_request asked;
    struct server_answer answer;
    struct text body;
    bool begun, answered, refused;
    bool waiting; /* a stream without news: suspended */
    bool gone;    /* its client has hung up */
};

struct server {
    struct MHD_Daemon *daemon;
    struct http *seams[SEAMS];
    size_t seam_count;
    struct connection *connections;
    struct request *waiting;
    int wait, timer; /* descriptors */
    unsigned port;
    int64_t receive_limit_ms;
    size_t body_limit_bytes, bodies_bytes;
    bool answered; /* something was answered since `wait` was last ready */
    bool again;    /* the library must run once more before the loop may sleep */
    bool stopping;
    void (*answer)(void *context, const struct server_request *request, struct server_answer *answer);
    void *context;
    char trouble[200]; /* what the library said last */
};

/* Connections. */

static struct connection *connection_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? (struct connection *)info->socket_context : NULL;
}

static int connection_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static void connection_expect(struct MHD_Connection *handle, int64_t receive_by_ms) {
    struct connection *connection = connection_of(handle);
    if (connection)
        connection->receive_by_ms = receive_by_ms;
}

static void connection_open(struct server *server, struct MHD_Connection *handle, void **own) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        abort();
    connection->server = server;
    connection->file_descriptor = connection_socket(handle);
    connection->receive_by_ms = clock_steady_ms(clock_system()) + server->receive_limit_ms;
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    *own = connection;
}

static void connection_close(struct connection *connection) {
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        connection->server->connections = connection->next;
    free(connection);
}

static void connection_noticed(void *context, struct MHD_Connection *handle, void **own, enum MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        connection_open(context, handle, own);
    else if (*own) {
        ((struct server *)context)->again = true;
        connection_close(*own);
    }
}

/* Ends those that have taken too long to ask. The earliest limit of the others comes back, INT64_MAX for none. */
static int64_t connections_check(struct server *server, int64_t now_ms) {
    int64_t earliest_ms = INT64_MAX;
    for (struct connection *connection = server->connections; connection; connection = connection->next) {
        if (connection->receive_by_ms <= now_ms) {
            shutdown(connection->file_descriptor, SHUT_RDWR);
            connection->receive_by_ms = INT64_MAX;
        }
        if (connection->receive_by_ms < earliest_ms)
            earliest_ms = connection->receive_by_ms;
    }
    return earliest_ms;
}

/* The timer that wakes the loop; INT64_MAX is never. */
static void server_arm(struct server *server, int64_t in_ms) {
    struct itimerspec when = {0};
    if (in_ms != INT64_MAX) {
        when.it_value.tv_sec = in_ms / 1000;
        when.it_value.tv_nsec = in_ms % 1000 * 1000000 + (in_ms == 0); /* all zero would disarm it */
    }
    timerfd_settime(server->timer, 0, &when, NULL);
}

/* Streams that wait. */

static void request_wait(struct request *request) {
    struct server *server = request->server;
    request->waiting = true;
    request->previous = NULL;
    request->next = server->waiting;
    if (request->next)
        request->next->previous = request;
    server->waiting = request;
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = request};
    epoll_ctl(server->wait, EPOLL_CTL_ADD, connection_socket(request->connection), &event);
    MHD_suspend_connection(request->connection);
}

static void request_wake(struct request *request) {
    struct server *server = request->server;
    request->waiting = false;
    if (request->next)
        request->next->previous = request->previous;
    if (request->previous)
        request->previous->next = request->next;
    else
        server->waiting = request->next;
    epoll_ctl(server->wait, EPOLL_CTL_DEL, connection_socket(request->connection), NULL);
    MHD_resume_connection(request->connection);
}

void server_poll(struct server *server) {
    if (!server->waiting)
        return;
    while (server->waiting)
        request_wake(server->waiting);
    /* Not every version of the library makes its descriptor ready on a resume. */
    server->again = true;
    server_arm(server, 0);
}

static ssize_t stream_read(void *context, uint64_t position, char *bytes, size_t room) {
    (void)position;
    struct request *request = context;
    if (request->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (request->server->stopping)
        return MHD_CONTENT_READER_END_OF_STREAM;
    long count = request->answer.stream(request->answer.context, bytes, room);
    if (count < 0)
        return count == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    if (count == 0)
        request_wait(request);
    return (ssize_t)count;
}

/* Requests. */

/* Called with the request line as it came, before the library decodes it; what it returns is the request's own pointer from then on. */
static void *request_open(void *context, const char *uri, struct MHD_Connection *connection) {
    struct server *server = context;
    struct arena *arena = arena_new();
    struct request *request = ARENA_NEW(arena, struct request);
    request->server = server;
    request->connection = connection;
    request->arena = arena;
    text_init(&request->body, server->body_limit_bytes + 1);
    const char *scheme_end = uri[0] == '/' ? NULL : strstr(uri, "://"); /* RFC 9112 3.2.2: absolute form */
    if (scheme_end) {
        uri = scheme_end + 3 + strcspn(scheme_end + 3, "/?");
    }
    size_t path_length = strcspn(uri, "?");
    request->asked.path = path_length ? arena_copy(arena, uri, path_length) : "/";
    request->asked.query = uri[path_length] ? arena_copy(arena, uri + path_length + 1, strlen(uri + path_length + 1)) : "";
    request->asked.arena = arena;
    connection_expect(connection, clock_steady_ms(clock_system()) + server->receive_limit_ms);
    return request;
}

static void request_done(void *context, struct MHD_Connection *connection, void **own, enum MHD_RequestTerminationCode code) {
    (void)context;
    (void)code;
    struct request *request = *own;
    *own = NULL;
    if (!request)
        return;
    /* The library ends a connection that stays idle; this ends one whose next request drips in. */
    connection_expect(connection, clock_steady_ms(clock_system()) + (int64_t)idle_limit_seconds * 1000 + request->server->receive_limit_ms);
    if (request->answer.stream_done)
        request->answer.stream_done(request->answer.context);
    request->server->bodies_bytes -= request->body.length;
    text_done(&request->body);
    arena_free(request->arena);
}

static enum MHD_Result request_take_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value) {
    (void)kind;
    struct request *request = context;
    struct server_request *asked = &request->asked;
    struct http_header *headers =
        arena_grow(request->arena, (void *)(uintptr_t)asked->headers, asked->header_count, sizeof *asked->headers);
    char *lower = arena_copy(request->arena, name, strlen(name));
    for (char *letter = lower; *letter; letter++)
        if (*letter >= 'A' && *letter <= 'Z')
            *letter = (char)(*letter - 'A' + 'a');
    headers[asked->header_count++] = (struct http_header){lower, value ? arena_copy(request->arena, value, strlen(value)) : ""};
    asked->headers = headers;
    return MHD_YES;
}

static enum MHD_Result request_send(struct request *request, int status, struct MHD_Response *response) {
    if (!response)
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(request->connection, (unsigned)status, response);
    MHD_destroy_response(response); /* the library holds its own reference */
    request->server->answered = true;
    return queued;
}

static enum MHD_Result request_refuse(struct request *request, int status, const char *reason) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(reason), arena_copy(request->arena, reason, strlen(reason)), MHD_RESPMEM_PERSISTENT);
    if (response) {
        MHD_add_response_header(response, "content-type", "text/plain; charset=utf-8");
        MHD_add_response_header(response, "connection", "close");
    }
    request->refused = true;
    return request_send(request, status, response);
}

static enum MHD_Result request_begin(struct request *request, const char *method) {
    request->begun = true;
    request->asked.method = arena_copy(request->arena, method, strlen(method));
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, request_take_header, request);
    const char *length = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "content-length");
    int64_t length_bytes;
    if (length && (!text_to_integer(length, 0, INT64_MAX, &length_bytes) || (uint64_t)length_bytes > request->server->body_limit_bytes))
        return request_refuse(request, 413, "the body is too large\n");
    return MHD_YES;
}

/* A body of unstated length is known to be too large only on its way; the library takes an answer at the body's end, so the rest is passed
 * over, and a client that does not come to its end soon loses its connection. */
static enum MHD_Result request_take_body(struct request *request, const char *bytes, size_t length) {
    struct server *server = request->server;
    if (server->bodies_bytes + length > server->body_limit_bytes * bodies_at_once)
        return MHD_NO;
    if (length > server->body_limit_bytes - request->body.length)
        request->refused = true;
    if (request->refused)
        return MHD_YES;
    server->bodies_bytes += length;
    text_add_bytes(&request->body, bytes, length);
    return MHD_YES;
}

static struct MHD_Response *answer_response(struct request *request) {
    struct server_answer *answer = &request->answer;
    if (answer->stream)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, stream_block_bytes, stream_read, request, NULL);
    return MHD_create_response_from_buffer(answer->body_length, (void *)(uintptr_t)answer->body, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result request_answer(struct request *request) {
    static const char *const by_the_library[] = {"content-length", "transfer-encoding", "connection", "keep-alive", "date", NULL};
    struct server_answer *answer = &request->answer;
    connection_expect(request->connection, INT64_MAX);
    request->asked.body = request->body.data ? request->body.data : "";
    request->asked.body_length = request->body.length;
    request->server->answer(request->server->context, &request->asked, answer);
    if (answer->drop) {
        request->server->answered = true;
        return MHD_NO;
    }
    if (answer->status < 200 || answer->status > 599)
        return request_refuse(request, 500, "no answer\n");
    struct MHD_Response *response = answer_response(request);
    for (size_t i = 0; response && i < answer->header_count; i++) {
        char *lower = arena_copy(request->arena, answer->headers[i].name, strlen(answer->headers[i].name));
        for (char *letter = lower; *letter; letter++)
            if (*letter >= 'A' && *letter <= 'Z')
                *letter = (char)(*letter - 'A' + 'a');
        if (text_in(lower, by_the_library))
            continue;
        if (MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value) != MHD_YES) {
            MHD_destroy_response(response);
            return request_refuse(request, 500, "the answer has a header that cannot be sent\n");
        }
    }
    return request_send(request, answer->status, response);
}

/* Called when the headers are there, for each piece of the body, and when the request is whole. */
static enum MHD_Result request_handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                      const char *version, const char *bytes, size_t *length, void **own) {
    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    struct request *request = *own;
    if (!request->begun)
        return request_begin(request, method);
    if (*length) {
        size_t taken = *length;
        *length = 0;
        return request_take_body(request, bytes, taken);
    }
    if (request->answered)
        return MHD_YES;
    request->answered = true;
    if (request->refused)
        return request_refuse(request, 413, "the body is too large\n");
    return request_answer(request);
}

/* The loop's side. */

static void server_turn(struct server *server) {
    int64_t now_ms = clock_steady_ms(clock_system());
    int64_t earliest_ms = connections_check(server, now_ms);
    int64_t in_ms = earliest_ms == INT64_MAX ? INT64_MAX : earliest_ms - now_ms;
    unsigned long long timeout_ms = 0;
    enum MHD_Result has_timeout = MHD_YES;
    /* At its limit of connections the library stops listening, and begins again only in the turn after the one that closed some. */
    for (int turns = 0; turns < 16 && (server->again || (has_timeout == MHD_YES && timeout_ms == 0)); turns++) {
        server->again = false;
        MHD_run(server->daemon);
        has_timeout = MHD_get_timeout(server->daemon, &timeout_ms);
    }
    if (has_timeout == MHD_YES && timeout_ms < (unsigned long long)in_ms)
        in_ms = (int64_t)timeout_ms;
    server_arm(server, in_ms);
}

static bool server_ready(void *context) {
    struct server *server = context;
    struct epoll_event events[64];
    int count = epoll_wait(server->wait, events, 64, 0);
    uint64_t expirations;
    (void)!read(server->timer, &expirations, sizeof expirations);
    for (int i = 0; i < count; i++) {
        struct request *request = events[i].data.ptr;
        if (!request)
            continue;
        request->gone = true;
        request_wake(request);
        server->again = true;
    }
    server->answered = false;
    server_turn(server);
    return server->answered;
}

/* Start and stop. */

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses). */
static bool address_split(struct arena *arena, const char *address, const char **host, const char **port, struct error *err) {
    const char *colon = address ? strrchr(address, ':') : NULL;
    int64_t number;
    if (!colon || !text_to_integer(colon + 1, 0, 65535, &number))
        return error_set(err, ERROR_INVALID, "listen on \"%s\": give ADDRESS:PORT, as in 127.0.0.1:8080", address ? address : "");
    size_t length = (size_t)(colon - address);
    *port = colon + 1;
    if (length > 2 && address[0] == '[' && address[length - 1] == ']')
        *host = arena_copy(arena, address + 1, length - 2);
    else if (memchr(address, ':', length))
        return error_set(err, ERROR_INVALID, "listen on \"%s\": an IPv6 address stands in brackets, as in [::1]:8080", address);
    else
        *host = length ? arena_copy(arena, address, length) : NULL;
    return true;
}

static int socket_listen(const struct addrinfo *candidate) {
    int listener = socket(candidate->ai_family, candidate->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, candidate->ai_protocol);
    if (listener < 0)
        return -1;
    int yes = 1, no = 0;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (candidate->ai_family == AF_INET6)
        setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(listener, candidate->ai_addr, candidate->ai_addrlen) == 0 && listen(listener, 128) == 0)
        return listener;
    int cause = errno;
    close(listener);
    errno = cause;
    return -1;
}

static bool address_listen(const char *address, int *out, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    const char *host = NULL, *port = NULL;
    if (!address_split(arena, address, &host, &port, err))
        return false;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *candidates;
    int found = getaddrinfo(host, port, &hints, &candidates);
    if (found != 0)
        return error_set(err, ERROR_INVALID, "listen on \"%s\": %s", address, gai_strerror(found));
    /* Without a host both families are offered; the IPv6 wildcard takes IPv4 too, so it goes first. */
    int listener = -1;
    for (int family = AF_INET6; listener < 0; family = AF_INET) {
        for (struct addrinfo *candidate = candidates; candidate && listener < 0; candidate = candidate->ai_next)
            if (candidate->ai_family == family)
                listener = socket_listen(candidate);
        if (family == AF_INET)
            break;
    }
    int cause = errno;
    freeaddrinfo(candidates);
    if (listener < 0)
        return error_set(err, cause == EACCES ? ERROR_DENIED : ERROR_INVALID, "listen on \"%s\": %s", address, strerror(cause));
    *out = listener;
    return true;
}

static unsigned socket_port(int listener) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &length);
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
                                         : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void server_hear(void *context, const char *format, va_list values) {
    struct server *server = context;
    vsnprintf(server->trouble, sizeof server->trouble, format, values);
    server->trouble[strcspn(server->trouble, "\n")] = '\0';
}

static struct MHD_Daemon *daemon_start(struct server *server, const struct server_options *options, int listener) {
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate_pem},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key_pem},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
                                   {MHD_OPTION_END, 0, NULL}};
    bool encrypted = options->certificate_pem != NULL;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (encrypted ? MHD_USE_TLS : 0u);
    unsigned connection_limit = options->connection_limit ? options->connection_limit : connection_limit_default;
    return MHD_start_daemon(flags, 0, NULL, NULL, request_handle, server, MHD_OPTION_EXTERNAL_LOGGER, server_hear,
                            (void *)server, /* first, so that it hears about the others */
                            MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, connection_limit,
                            MHD_OPTION_CONNECTION_TIMEOUT, idle_limit_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory_bytes,
                            MHD_OPTION_URI_LOG_CALLBACK, request_open, (void *)server, MHD_OPTION_NOTIFY_COMPLETED, request_done,
                            (void *)server, MHD_OPTION_NOTIFY_CONNECTION, connection_noticed, (void *)server, MHD_OPTION_ARRAY,
                            encrypted ? tls : &tls[3], MHD_OPTION_END);
}

static bool server_watch(struct server *server, struct error *err) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    server->wait = epoll_create1(EPOLL_CLOEXEC);
    server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (!info || server->wait < 0 || server->timer < 0 || epoll_ctl(server->wait, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0 ||
        epoll_ctl(server->wait, EPOLL_CTL_ADD, server->timer, &event) != 0)
        return error_set(err, ERROR_BROKEN, "listen: %s", strerror(errno));
    return true;
}

bool server_start(const struct server_options *options, struct http *http, struct server **out, struct error *err) {
    if (!options->certificate_pem != !options->key_pem)
        return error_set(err, ERROR_INVALID, "listen on \"%s\": TLS takes a certificate and its key, and only one is given",
                         options->address);
    int listener = -1;
    if (!address_listen(options->address, &listener, err))
        return false;
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    server->wait = server->timer = -1;
    server->port = socket_port(listener);
    server->body_limit_bytes = options->body_limit_bytes ? options->body_limit_bytes : body_limit_default_bytes;
    server->receive_limit_ms = options->receive_limit_ms ? options->receive_limit_ms : receive_limit_default_ms;
    server->answer = options->answer;
    server->context = options->context;
    server->daemon = daemon_start(server, options, listener);
    if (!server->daemon) {
        error_set(err, options->certificate_pem ? ERROR_INVALID : ERROR_BROKEN, "listen on \"%s\": %s", options->address,
                  server->trouble[0] ? server->trouble : "the server does not start");
        close(listener); /* the library may have closed it, which on one thread makes this a no-op */
        free(server);
        return false;
    }
    if (!server_watch(server, err)) {
        server_stop(server);
        return false;
    }
    server_attend(server, http);
    *out = server;
    return true;
}

void server_attend(struct server *server, struct http *http) {
    assert(server->seam_count < SEAMS);
    server->seams[server->seam_count++] = http;
    http->attend(http, server->wait, server_ready, server);
}

void server_stop(struct server *server) {
    if (!server)
        return;
    for (size_t i = 0; i < server->seam_count; i++)
        server->seams[i]->attend(server->seams[i], server->wait, NULL, NULL);
    /* The library must not be stopped while connections are suspended. Woken streams end, and a few turns send their ends. */
    server->stopping = true;
    server_poll(server);
    for (int turns = 0; turns < 4; turns++)
        MHD_run(server->daemon);
    MHD_stop_daemon(server->daemon);
    if (server->wait >= 0)
        close(server->wait);
    if (server->timer >= 0)
        close(server->timer);
    free(server);
}

unsigned server_port(const struct server *server) {
    return server->port;
}
