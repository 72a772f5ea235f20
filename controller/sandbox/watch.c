#include "sandbox/watch.h"

#include "base/text.h"
#include "sandbox/core.h"
#include "sandbox/kubernetes.h"
#include "sandbox/route.h"
#include "sandbox/world.h"

enum { EVENTS_BYTES_MOST = 16 << 20 };

struct sandbox_watch {
    struct arena *arena;
    struct kubernetes_watch watch;
};

bool watch_is_asked(const struct http_exchange *exchange) {
    ARENA_AUTO *arena = arena_new();
    struct world_request request;
    if (!text_equal(exchange->method, "GET") || strstr(exchange->url, "watch=") == NULL || !world_request_read(arena, exchange, &request))
        return false;
    const char *watch = world_query(arena, request.query, "watch");
    return text_equal(watch, "true") || text_equal(watch, "1");
}

bool watch_begin(struct sandbox *sandbox, struct http_exchange *exchange, struct sandbox_watch **out) {
    struct world *world = &sandbox->world;
    struct arena *arena = arena_new();
    struct sandbox_watch *watch = ARENA_NEW(arena, struct sandbox_watch);
    struct world_request request;
    const char *path = NULL;
    watch->arena = arena;
    const char *cluster = world_request_read(arena, exchange, &request) ? route_cluster_of(world, &request, &path) : NULL;
    bool opened = false;
    if (cluster == NULL) {
        if (world_request_read(exchange->arena, exchange, &request))
            route_answer(world, &request, exchange);
    } else {
        cluster = arena_text(arena, "%s", cluster); /* the watch outlives the state's arena */
        opened = kubernetes_watch_open(world, cluster, arena_text(arena, "%s", path), &request, arena, &watch->watch, exchange);
    }
    if (!opened) {
        arena_free(arena);
        return false;
    }
    if (exchange->status == 0) {
        exchange->status = 200;
        world_header_add(exchange, "content-type", kubernetes_watch_content_type(&watch->watch));
    }
    *out = watch;
    return true;
}

int64_t watch_due(const struct sandbox_watch *watch) {
    int64_t bookmark_ms = watch->watch.bookmark_ms;
    return bookmark_ms != 0 && bookmark_ms < watch->watch.end_ms ? bookmark_ms : watch->watch.end_ms;
}

bool sandbox_watch_next(struct sandbox *sandbox, struct sandbox_watch *watch, struct text *out) {
    if (sandbox->killed)
        return false;
    return kubernetes_watch_next(&sandbox->world, &watch->watch, out);
}

void sandbox_watch_close(struct sandbox_watch *watch) {
    if (watch != NULL)
        arena_free(watch->arena);
}

/* What came since last time goes to the exchange's reader. False when the watch has ended, for whatever reason. */
bool watch_hand_out(struct sandbox *sandbox, struct sandbox_watch *watch, struct http_exchange *exchange) {
    TEXT_AUTO events;
    text_init(&events, EVENTS_BYTES_MOST);
    bool goes_on = sandbox_watch_next(sandbox, watch, &events);
    if (events.full)
        return error_set(&exchange->error, ERROR_BROKEN, "more than %d bytes of events came at once", EVENTS_BYTES_MOST);
    if (sandbox->killed)
        return error_set(&exchange->error, ERROR_BUSY, "the sandbox's script has killed this process");
    struct error err = {0};
    if (events.length > 0 && !exchange->on_bytes(exchange->reader, events.data, events.length, &err)) {
        exchange->error = err;
        return false;
    }
    return goes_on;
}
