/* world/server.h: a small HTTP server on our own thread: libmicrohttpd's epoll descriptor is attended by the http seam. Serves the
 * controller's /healthz, /readyz, /metrics and the simulated world for real clients. */
#pragma once

#include "base/error.h"
#include "base/http.h"

struct server;

struct server_request {
    const char *method;
    const char *path;                  /* as on the wire, still encoded, without query */
    const char *query;                 /* as on the wire, without "?"; "" when none */
    const struct http_header *headers; /* names in lower case */
    size_t header_count;
    const char *body;
    size_t body_length;
    struct arena *arena; /* lives until the answer has been sent */
};

struct server_answer {
    int status;
    bool drop; /* no answer at all: the connection is closed, as by a server that crashes; for the simulated world's faults */
    struct http_header *headers;
    size_t header_count;
    const char *body; /* in the request's arena, or static */
    size_t body_length;
    /* A body that has no end yet (WATCH): called whenever the connection can take bytes and server_poll runs; returns how many were written
     * to `bytes`, 0 for none now, -1 at the end, -2 to break off: the client sees that the body is not whole. NULL: `body` is all. */
    long (*stream)(void *context, char *bytes, size_t room);
    void (*stream_done)(void *context);
    void *context;
};

struct server_options {
    const char *address;                   /* "127.0.0.1:8080", "[::1]:0"; port 0 chooses a free one */
    const char *certificate_pem, *key_pem; /* both NULL: no TLS */
    unsigned connection_limit;             /* 0: 256 */
    size_t body_limit_bytes;               /* 0: 3 MiB; larger requests get 413 */
    unsigned receive_limit_ms;             /* of one request's headers, and then of its body; 0: 30 s. Slower ones lose their connection */
    void (*answer)(void *context, const struct server_request *request, struct server_answer *answer);
    void *context;
};
bool server_start(const struct server_options *options, struct http *http, struct server **out, struct error *err);
/* Serves also while that seam waits, until the server stops: for seams that are used in turns. At most 4. `server_start` has attended the
 * first. */
void server_attend(struct server *server, struct http *http);
void server_stop(struct server *server); /* NULL is allowed */
unsigned server_port(const struct server *server);
/* Lets waiting streams write; call it when what they watch has changed. */
void server_poll(struct server *server);
