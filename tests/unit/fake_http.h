/* fake_http.h: an http seam that plays a script, a clock that stands still, and an environment from a list. For tests only. */
#pragma once

#include "base/clock.h"
#include "base/http.h"
#include "base/text.h"
#include "world/credentials.h"

struct reply {
    int status; /* 0: no answer, with ERROR_BUSY */
    const char *body;
    const char *header_name, *header_value; /* one more header, or NULL */
};

struct seen {
    char method[8];
    char url[512];
    char body[4096];
    char headers[4096]; /* "name: value\n" each */
};

struct fake {
    struct http seam;
    struct clock clock;
    int64_t wall_ms, steady_ms;
    struct reply replies[16]; /* in order; past them there is no answer */
    struct seen seen[16];
    size_t seen_count;
    struct http_exchange *waiting;
    const char *variables[32]; /* NAME, VALUE … */
};

static inline void fake_start(struct http *seam, struct http_exchange *exchange) {
    struct fake *fake = (struct fake *)seam;
    fake->waiting = exchange;
}

static inline void fake_answer(struct fake *fake, struct http_exchange *exchange) {
    struct seen *seen = &fake->seen[fake->seen_count];
    const struct reply *reply = &fake->replies[fake->seen_count++];
    size_t at = 0;
    (void)snprintf(seen->method, sizeof seen->method, "%s", exchange->method);
    (void)snprintf(seen->url, sizeof seen->url, "%s", exchange->url);
    (void)snprintf(seen->body, sizeof seen->body, "%s", exchange->body == NULL ? "" : exchange->body);
    for (size_t i = 0; i < exchange->header_count; i++)
        at += (size_t)snprintf(seen->headers + at, sizeof seen->headers - at, "%s: %s\n", exchange->headers[i].name,
                               exchange->headers[i].value);
    exchange->status = reply->status;
    exchange->error = (struct error){0};
    exchange->answer = arena_text(exchange->arena, "%s", reply->body == NULL ? "" : reply->body);
    exchange->answer_length = strlen(exchange->answer);
    exchange->answer_header_count = reply->header_name != NULL;
    exchange->answer_headers = ARENA_NEW(exchange->arena, struct http_header);
    exchange->answer_headers[0] = (struct http_header){.name = reply->header_name, .value = reply->header_value};
    if (reply->status == 0)
        error_set(&exchange->error, ERROR_BUSY, "%s %s: no answer", exchange->method, exchange->url);
}

static inline struct http_exchange *fake_next(struct http *seam, int64_t deadline_steady_ms) {
    struct fake *fake = (struct fake *)seam;
    struct http_exchange *exchange = fake->waiting;
    fake->waiting = NULL;
    if (exchange == NULL) {
        fake->wall_ms += deadline_steady_ms - fake->steady_ms;
        fake->steady_ms = deadline_steady_ms;
        return NULL;
    }
    fake_answer(fake, exchange);
    return exchange;
}

static inline int64_t fake_wall(struct clock *clock) {
    return ((struct fake *)(void *)((char *)clock - offsetof(struct fake, clock)))->wall_ms;
}

static inline int64_t fake_steady(struct clock *clock) {
    return ((struct fake *)(void *)((char *)clock - offsetof(struct fake, clock)))->steady_ms;
}

static inline const char *fake_get(void *context, const char *name) {
    struct fake *fake = context;
    for (size_t i = 0; fake->variables[i] != NULL; i += 2)
        if (strcmp(fake->variables[i], name) == 0)
            return fake->variables[i + 1];
    return NULL;
}

/* Wall time 2026-01-02T03:04:05Z, as the vectors. */
static inline void fake_begin(struct fake *fake) {
    fake->seam = (struct http){.start = fake_start, .next = fake_next};
    fake->clock = (struct clock){.wall_ms = fake_wall, .steady_ms = fake_steady};
    fake->wall_ms = 1767323045000;
    fake->steady_ms = 1000;
}
