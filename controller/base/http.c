/* base/http.c: what every user of the http seam needs, whichever implementation stands behind it. */
#include "base/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* An exchange that somebody else waits for cannot be handed on from here; dropping it would leave them waiting for ever. */
static void must_be_one_of(const struct http_exchange *exchange, const struct http_exchange *exchanges, size_t count) {
    if (exchange >= exchanges && exchange < exchanges + count)
        return;
    (void)fputs("eksact: http_run met an exchange of another caller: it needs an http with nothing else under way\n", stderr);
    abort();
}

void http_run(struct http *http, struct http_exchange *exchanges, size_t count, size_t in_flight) {
    size_t started = 0;
    size_t done = 0;
    size_t room = in_flight == 0 ? 1 : in_flight;

    while (done < count) {
        while (started < count && started - done < room)
            http->start(http, &exchanges[started++]);
        const struct http_exchange *exchange = http->next(http, INT64_MAX);
        if (exchange == NULL) /* an attended descriptor asked to be looked at */
            continue;
        must_be_one_of(exchange, exchanges, count);
        done++;
    }
}

void http_pause(struct http *http, struct clock *clock, int64_t wait_ms) {
    int64_t until_ms = clock_steady_ms(clock) + wait_ms;
    while (clock_steady_ms(clock) < until_ms) {
        const struct http_exchange *exchange = http->next(http, until_ms);
        if (exchange != NULL)
            must_be_one_of(exchange, NULL, 0);
    }
}

const char *http_answer_header(const struct http_exchange *exchange, const char *name) {
    for (size_t i = 0; i < exchange->answer_header_count; i++)
        if (strcmp(exchange->answer_headers[i].name, name) == 0)
            return exchange->answer_headers[i].value;
    return NULL;
}

/* RFC 9110 §15, read as what a reconciler does next. */
static enum error_kind kind_of_status(int status) {
    switch (status) {
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
    case 410:
        return ERROR_MISSING;
    case 409:
    case 412:
        return ERROR_CONFLICT;
    case 408:
    case 425:
    case 429:
        return ERROR_BUSY;
    default:
        break;
    }
    if (status >= 500)
        return ERROR_BUSY;
    return status >= 400 ? ERROR_INVALID : ERROR_BROKEN;
}

bool http_failed(const struct http_exchange *exchange, struct error *err) {
    if (exchange->error.kind == ERROR_NONE && exchange->status >= 200 && exchange->status < 300)
        return false;
    if (exchange->error.kind != ERROR_NONE) {
        if (err->kind == ERROR_NONE)
            *err = exchange->error;
        return true;
    }
    /* A query may carry a signature, a token or a continuation: it stays out. */
    int length = (int)strcspn(exchange->url, "?#");
    const char *hint = exchange->status >= 300 && exchange->status < 400 ? " (redirects are not followed: give the final URL)" : "";
    error_set(err, kind_of_status(exchange->status), "%s %.*s: HTTP %d%s", exchange->method, length, exchange->url, exchange->status, hint);
    return true;
}

static bool is_unreserved(unsigned char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
           byte == '.' || byte == '~';
}

char *http_encode(struct arena *arena, const char *text) {
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_take(arena, strlen(text) * 3 + 1);
    size_t length = 0;

    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (is_unreserved(*at)) {
            out[length++] = (char)*at;
            continue;
        }
        out[length++] = '%';
        out[length++] = digits[*at >> 4];
        out[length++] = digits[*at & 15];
    }
    return out;
}
