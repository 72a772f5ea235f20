/* base/http.h: the one seam for all I/O. An exchange goes in, its answer comes back; behind it stand libcurl (world/http_curl) or the
 * simulated world (sandbox/). Nothing here retries: that is the caller's decision. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"

struct http_header {
    const char *name;
    const char *value;
};

/* Whom to believe, and who we are, on a TLS connection. Exchanges that share connections share this struct by address. */
struct http_trust {
    const char *ca_pem;         /* NULL: the system's authorities */
    const char *client_pem;     /* certificate chain, or NULL */
    const char *client_key_pem; /* with client_pem; never logged */
    const char *server_name;    /* name to verify instead of the URL's host, or NULL */
};

struct http_exchange {
    /* What to send. Borrowed until the exchange is done. */
    const char *method; /* "GET", "POST", … */
    const char *url;    /* http or https, with query; no userinfo, no fragment */
    const struct http_header *headers;
    size_t header_count;
    const char *body; /* NULL when there is none */
    size_t body_length;
    const struct http_trust *trust; /* NULL: the system's authorities, no client certificate */

    /* Limits. 0 means the default in brackets. */
    int64_t limit_ms;   /* whole exchange [30 s] */
    int64_t stall_ms;   /* no byte for so long [15 s]; for a watch set both high */
    size_t limit_bytes; /* of the answer's body, decompressed [16 MiB] */

    /* When set, a 2xx body goes here piece by piece instead of into `answer`. Returning false ends the exchange; *err becomes its error. */
    bool (*on_bytes)(void *reader, const char *bytes, size_t length, struct error *err);
    void *reader;

    struct arena *arena; /* of the answer; required */
    void *owner;         /* the caller's; not looked at */

    /* The answer. `error` is set when there is none (refused, reset, timeout, TLS, over a limit): then status is 0 or what had come. A
     * status of 4xx or 5xx is an answer, not an error. */
    int status;
    struct http_header *answer_headers; /* names in lower case */
    size_t answer_header_count;
    char *answer; /* NUL-terminated; never NULL once done */
    size_t answer_length;
    struct error error;

    void *transport; /* the implementation's own */
};

struct http {
    /* Begins an exchange; its end, also a failure to begin, comes out of `next`. */
    void (*start)(struct http *http, struct http_exchange *exchange);
    /* The next exchange that is done, or NULL when the deadline (clock_steady_ms; INT64_MAX is never) came first. With nothing under way it
     * waits for the deadline all the same: this is how the program sleeps. */
    struct http_exchange *(*next)(struct http *http, int64_t deadline_steady_ms);
    /* Ends an exchange at once; it will not come out of `next`. Not from within on_bytes, which ends its exchange by returning false. */
    void (*cancel)(struct http *http, struct http_exchange *exchange);
    /* While `next` waits, calls `ready` whenever the descriptor can be read; if `ready` returns true, `next` returns NULL early.
     * ready == NULL takes the descriptor off. */
    void (*attend)(struct http *http, int file_descriptor, bool (*ready)(void *context), void *context);
    void (*free)(struct http *http);
};

/* Starts all, at most `in_flight` at once, and returns when all are done. Other exchanges must not be under way. */
void http_run(struct http *http, struct http_exchange *exchanges, size_t count, size_t in_flight);

/* Sleeps, while attended descriptors are looked at. Nothing may be under way. */
void http_pause(struct http *http, struct clock *clock, int64_t wait_ms);

/* First header of that lower-case name in the answer, or NULL. */
const char *http_answer_header(const struct http_exchange *exchange, const char *name);

/* An exchange without an answer, or with one that is no success: true when *err was set from it. Kinds: 401 and 403 DENIED; 404 and 410
 * MISSING; 409 and 412 CONFLICT; 408, 425, 429 and 5xx BUSY; other 4xx INVALID. The text has the method, the URL without its query, and the
 * status; never a body. */
bool http_failed(const struct http_exchange *exchange, struct error *err);

/* Percent-encodes all but A-Z a-z 0-9 - _ . ~ (RFC 3986 unreserved). */
char *http_encode(struct arena *arena, const char *text);
