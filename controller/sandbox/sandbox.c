#include "sandbox/sandbox.h"

#include <poll.h>

#include "base/text.h"
#include "sandbox/core.h"
#include "sandbox/route.h"
#include "sandbox/watch.h"
#include "sandbox/world.h"

enum {
    AWS_LATENCY_MS = 40,
    KUBERNETES_LATENCY_MS = 8,
    LIMIT_DEFAULT_MS = 30000,
    LIMIT_DEFAULT_BYTES = 16 << 20,
    PIECE_BYTES = 16 << 10, /* how much of a body a reader gets at once, as from a socket */
    CALL_LENGTH_MOST = 400
};

static struct sandbox *sandbox_of(struct http *http) {
    return ((struct sandbox_seam *)http)->sandbox;
}

static void call_note(struct world *world, const char *format, ...) {
    struct sandbox *sandbox = (struct sandbox *)world;
    va_list values;
    va_start(values, format);
    const char *line = arena_textv(sandbox->own, format, values);
    va_end(values);
    sandbox->calls = arena_grow(sandbox->own, (void *)sandbox->calls, sandbox->call_count, sizeof *sandbox->calls);
    sandbox->calls[sandbox->call_count++] = strlen(line) > CALL_LENGTH_MOST ? arena_copy(sandbox->own, line, CALL_LENGTH_MOST) : line;
}

static void exchange_clear(struct http_exchange *exchange) {
    exchange->status = 0;
    exchange->answer_headers = NULL;
    exchange->answer_header_count = 0;
    exchange->answer = arena_text(exchange->arena, "%s", "");
    exchange->answer_length = 0;
    exchange->error = (struct error){0};
}

static void exchange_lose(struct http_exchange *exchange, const char *why) {
    exchange_clear(exchange);
    error_set(&exchange->error, ERROR_BUSY, "%s", why);
}

/* What a client over the network would do with the body: pieces for a reader, a limit for all. */
static void answer_hand_out(struct http_exchange *exchange) {
    size_t limit_bytes = exchange->limit_bytes == 0 ? LIMIT_DEFAULT_BYTES : exchange->limit_bytes;
    bool streams = exchange->on_bytes != NULL && exchange->status >= 200 && exchange->status < 300;
    if (exchange->answer_length > limit_bytes && !streams) {
        exchange->answer = arena_text(exchange->arena, "%s", "");
        exchange->answer_length = 0;
        error_set(&exchange->error, ERROR_BROKEN, "the answer is longer than %zu bytes", limit_bytes);
        return;
    }
    if (!streams)
        return;
    const char *body = exchange->answer;
    size_t length = exchange->answer_length;
    exchange->answer = arena_text(exchange->arena, "%s", "");
    exchange->answer_length = 0;
    for (size_t done = 0; done < length;) {
        size_t piece = length - done < PIECE_BYTES ? length - done : PIECE_BYTES;
        done += piece;
        if (done > limit_bytes) {
            error_set(&exchange->error, ERROR_BROKEN, "the answer is longer than %zu bytes", limit_bytes);
            return;
        }
        struct error err = {0};
        if (!exchange->on_bytes(exchange->reader, body + done - piece, piece, &err)) {
            exchange->error = err;
            return;
        }
    }
}

static void exchange_dispatch(struct sandbox *sandbox, struct http_exchange *exchange) {
    struct world_request request;
    state_compact(sandbox);
    if (!world_request_read(exchange->arena, exchange, &request)) {
        error_set(&exchange->error, ERROR_INVALID, "this is no URL");
        return;
    }
    route_answer(&sandbox->world, &request, exchange);
    if (exchange->answer == NULL)
        exchange->answer = arena_text(exchange->arena, "%s", "");
}

static void exchange_fail(struct sandbox *sandbox, struct http_exchange *exchange, int status) {
    struct world_request request;
    if (world_request_read(exchange->arena, exchange, &request))
        route_fail(&sandbox->world, &request, exchange, status);
}

/* The exchange takes effect, or its fault does. */
static void exchange_perform(struct sandbox *sandbox, struct http_exchange *exchange, enum fault fault) {
    exchange_clear(exchange);
    if (sandbox->killed || fault == FAULT_KILL) {
        sandbox->killed = true;
        exchange_lose(exchange, "the sandbox's script has killed this process");
        return;
    }
    switch (fault) {
    case FAULT_RESET:
        exchange_lose(exchange, "connection reset before the request was received");
        return;
    case FAULT_TIMEOUT:
        exchange_lose(exchange, "timed out");
        return;
    case FAULT_500:
        exchange_fail(sandbox, exchange, 500);
        return;
    case FAULT_503:
        exchange_fail(sandbox, exchange, 503);
        return;
    case FAULT_THROTTLE:
        exchange_fail(sandbox, exchange, 429);
        return;
    default:
        exchange_dispatch(sandbox, exchange);
    }
    if (fault == FAULT_RESET_AFTER || fault == FAULT_KILL_AFTER) {
        sandbox->killed = fault == FAULT_KILL_AFTER;
        exchange_lose(exchange, "connection reset before the answer was complete");
        return;
    }
    if (fault == FAULT_TRUNCATE) {
        exchange->answer_length /= 2;
        exchange->answer[exchange->answer_length] = '\0';
    }
    answer_hand_out(exchange);
    if (fault == FAULT_TRUNCATE)
        error_set(&exchange->error, ERROR_BUSY, "the connection ended in the middle of the answer");
}

static void pending_room(struct sandbox *sandbox) {
    if (sandbox->pending_count < sandbox->pending_capacity)
        return;
    sandbox->pending_capacity = sandbox->pending_capacity == 0 ? 64 : sandbox->pending_capacity * 2;
    sandbox->pending = realloc(sandbox->pending, sandbox->pending_capacity * sizeof *sandbox->pending);
    if (sandbox->pending == NULL)
        abort(); /* as the arenas end the process */
}

static void seam_start(struct http *http, struct http_exchange *exchange) {
    struct sandbox *sandbox = sandbox_of(http);
    unsigned number = ++sandbox->exchange_count;
    enum fault fault = fault_find(&sandbox->world.state, number);
    int64_t limit_ms = exchange->limit_ms == 0 ? LIMIT_DEFAULT_MS : exchange->limit_ms;
    int64_t latency_ms = route_is_kubernetes(exchange->url) ? KUBERNETES_LATENCY_MS : AWS_LATENCY_MS;
    if (latency_ms > limit_ms)
        fault = FAULT_TIMEOUT;
    if (fault == FAULT_TIMEOUT)
        latency_ms = limit_ms;
    pending_room(sandbox);
    sandbox->pending[sandbox->pending_count++] = (struct pending){.exchange = exchange,
                                                                  .number = number,
                                                                  .fault = fault,
                                                                  .due_ms = clock_now(sandbox) + latency_ms,
                                                                  .limit_at_ms = clock_now(sandbox) + limit_ms};
}

static void pending_remove(struct sandbox *sandbox, size_t index) {
    sandbox_watch_close(sandbox->pending[index].watch);
    memmove(&sandbox->pending[index], &sandbox->pending[index + 1], (sandbox->pending_count - index - 1) * sizeof sandbox->pending[0]);
    sandbox->pending_count--;
}

static void seam_cancel(struct http *http, struct http_exchange *exchange) {
    struct sandbox *sandbox = sandbox_of(http);
    for (size_t i = 0; i < sandbox->pending_count; i++) {
        if (sandbox->pending[i].exchange != exchange)
            continue;
        pending_remove(sandbox, i);
        return;
    }
}

static void seam_attend(struct http *http, int file_descriptor, bool (*ready)(void *context), void *context) {
    struct sandbox *sandbox = sandbox_of(http);
    size_t at = 0;
    while (at < sandbox->attended_count && sandbox->attended[at].file_descriptor != file_descriptor)
        at++;
    if (ready == NULL) {
        if (at < sandbox->attended_count)
            sandbox->attended[at] = sandbox->attended[--sandbox->attended_count];
        return;
    }
    if (at == SANDBOX_ATTENDED_LIMIT)
        abort();
    sandbox->attended[at] = (struct attended){file_descriptor, ready, context};
    if (at == sandbox->attended_count)
        sandbox->attended_count++;
}

/* True when one of the attended descriptors wants `next` to return. */
static bool attended_wait(struct sandbox *sandbox, int timeout_ms) {
    struct pollfd polled[SANDBOX_ATTENDED_LIMIT];
    struct attended attended[SANDBOX_ATTENDED_LIMIT]; /* `ready` may change the sandbox's own list */
    size_t count = sandbox->attended_count;
    if (count == 0 && timeout_ms == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        attended[i] = sandbox->attended[i];
        polled[i] = (struct pollfd){.fd = attended[i].file_descriptor, .events = POLLIN};
    }
    if (poll(polled, count, timeout_ms) <= 0)
        return false;
    bool returns = false;
    for (size_t i = 0; i < count; i++)
        if (polled[i].revents != 0 && attended[i].ready(attended[i].context))
            returns = true;
    return returns;
}

static size_t pending_first(const struct sandbox *sandbox) {
    size_t first = 0;
    for (size_t i = 1; i < sandbox->pending_count; i++)
        if (sandbox->pending[i].due_ms < sandbox->pending[first].due_ms)
            first = i;
    return first;
}

static bool watches_are_open(const struct sandbox *sandbox) {
    for (size_t i = 0; i < sandbox->pending_count; i++)
        if (sandbox->pending[i].watch != NULL)
            return true;
    return false;
}

static void watch_plan(const struct sandbox *sandbox, struct pending *pending) {
    int64_t due_ms = watch_due(pending->watch);
    if (due_ms <= sandbox->world.now_ms) /* it has had its say for now */
        due_ms = sandbox->world.now_ms + 1;
    pending->due_ms = due_ms < pending->limit_at_ms ? due_ms : pending->limit_at_ms;
}

/* Hands out what came to the open watches; one that has ended is due now. */
static void watches_poll(struct sandbox *sandbox) {
    for (size_t i = 0; i < sandbox->pending_count; i++) {
        struct pending pending = sandbox->pending[i];
        if (pending.watch == NULL || pending.ended)
            continue;
        bool goes_on = watch_hand_out(sandbox, pending.watch, pending.exchange);
        if (i >= sandbox->pending_count || sandbox->pending[i].exchange != pending.exchange)
            continue; /* its reader has cancelled it */
        struct pending *now = &sandbox->pending[i];
        watch_plan(sandbox, now);
        now->ended = !goes_on;
        if (now->ended)
            now->due_ms = sandbox->world.now_ms;
    }
}

/* A watch is opened, and stays among the pending. False: it is done already. */
static bool pending_opens(struct sandbox *sandbox, struct pending *pending) {
    struct http_exchange *exchange = pending->exchange;
    if (sandbox->killed || pending->fault != FAULT_NONE || exchange->on_bytes == NULL || !watch_is_asked(exchange))
        return false;
    exchange_clear(exchange);
    state_compact(sandbox);
    if (!watch_begin(sandbox, exchange, &pending->watch)) {
        pending->ended = true;
        return true;
    }
    watch_plan(sandbox, pending);
    return true;
}

static bool watch_is_out_of_time(const struct sandbox *sandbox, const struct pending *pending) {
    return pending->watch != NULL && !pending->ended && sandbox->world.now_ms >= pending->limit_at_ms;
}

/* The pending that is due: its exchange when it is done, NULL when it goes on. */
static struct http_exchange *pending_finish(struct sandbox *sandbox, size_t index) {
    struct pending *pending = &sandbox->pending[index];
    struct http_exchange *exchange = pending->exchange;
    enum fault fault = pending->fault;
    bool was_open = pending->watch != NULL;
    bool watches = was_open || pending_opens(sandbox, pending);
    if (watch_is_out_of_time(sandbox, pending)) {
        error_set(&exchange->error, ERROR_BUSY, "timed out");
        pending->ended = true;
    }
    if (watches && !pending->ended)
        return NULL;
    pending_remove(sandbox, index);
    if (!watches)
        exchange_perform(sandbox, exchange, fault);
    return exchange;
}

/* Waits in real time until the world's clock shows `until_ms`, or a watch has ended. True when an attended descriptor ended the wait. */
static bool real_wait(struct sandbox *sandbox, int64_t until_ms) {
    const int64_t longest_ms = 1000; /* so that the world's own events are seen while nobody asks */
    for (;;) {
        int64_t now_ms = clock_now(sandbox);
        clock_advance(sandbox, now_ms);
        watches_poll(sandbox);
        bool ended = sandbox->pending_count > 0 && sandbox->pending[pending_first(sandbox)].due_ms <= now_ms;
        if (now_ms >= until_ms || ended)
            return attended_wait(sandbox, 0);
        double left_ms = (double)(until_ms - now_ms) / sandbox->options.speed;
        int timeout_ms = left_ms > (double)longest_ms ? (int)longest_ms : (int)left_ms + 1;
        if (attended_wait(sandbox, timeout_ms))
            return true;
    }
}

/* Waiting for ever is waiting for whatever happens next: the world may have no last event. Open watches see every event as it comes. */
static void virtual_wait(struct sandbox *sandbox, int64_t until_ms) {
    bool stepwise = until_ms == INT64_MAX || watches_are_open(sandbox);
    int64_t next_ms = stepwise ? clock_advance(sandbox, sandbox->world.now_ms) : until_ms;
    if (next_ms > until_ms)
        next_ms = until_ms;
    if (next_ms != INT64_MAX)
        clock_advance(sandbox, next_ms);
    watches_poll(sandbox);
}

static struct http_exchange *seam_next(struct http *http, int64_t deadline_steady_ms) {
    struct sandbox *sandbox = sandbox_of(http);
    int64_t deadline_ms =
        deadline_steady_ms > INT64_MAX - sandbox->steady_offset_ms ? INT64_MAX : deadline_steady_ms + sandbox->steady_offset_ms;
    for (;;) {
        bool waits = sandbox->pending_count == 0;
        int64_t due_ms = waits ? INT64_MAX : sandbox->pending[pending_first(sandbox)].due_ms;
        int64_t until_ms = due_ms < deadline_ms ? due_ms : deadline_ms;
        if (sandbox->options.real_clock == NULL ? attended_wait(sandbox, 0) : real_wait(sandbox, until_ms))
            return NULL;
        if (sandbox->options.real_clock == NULL)
            virtual_wait(sandbox, until_ms);
        size_t first = pending_first(sandbox); /* an attended descriptor or a reader may have cancelled some */
        bool due = sandbox->pending_count > 0 && sandbox->pending[first].due_ms <= sandbox->world.now_ms;
        struct http_exchange *done = due ? pending_finish(sandbox, first) : NULL;
        if (done != NULL)
            return done;
        if (!due && (sandbox->world.now_ms >= deadline_ms || (waits && deadline_ms == INT64_MAX)))
            return NULL;
    }
}

static void seam_free(struct http *http) {
    (void)http; /* the sandbox owns it */
}

static int64_t seam_wall_ms(struct clock *clock) {
    return clock_now(((struct sandbox_clock *)clock)->sandbox);
}

static int64_t seam_steady_ms(struct clock *clock) {
    struct sandbox *sandbox = ((struct sandbox_clock *)clock)->sandbox;
    return clock_now(sandbox) - sandbox->steady_offset_ms;
}

static const char *option_copy(struct arena *arena, const char *text) {
    return text == NULL ? NULL : arena_text(arena, "%s", text);
}

static void options_take(struct sandbox *sandbox, const struct sandbox_options *options) {
    struct sandbox_options *own = &sandbox->options;
    *own = *options;
    own->account_id = option_copy(sandbox->own, options->account_id == NULL ? "111122223333" : options->account_id);
    own->kubernetes_url = option_copy(sandbox->own, options->kubernetes_url);
    own->kubernetes_ca_pem = option_copy(sandbox->own, options->kubernetes_ca_pem);
    own->server_url = option_copy(sandbox->own, options->server_url);
    own->server_ca_pem = option_copy(sandbox->own, options->server_ca_pem);
    if (own->start_ms == 0)
        own->start_ms = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */
    if (!(own->speed > 0))
        own->speed = 1;
}

struct sandbox *sandbox_new(const struct sandbox_options *options) {
    struct arena *own = arena_new();
    struct sandbox *sandbox = ARENA_NEW(own, struct sandbox);
    sandbox->own = own;
    options_take(sandbox, options);
    sandbox->world.arena = arena_new();
    sandbox->world.state = value_of_map();
    sandbox->world.options = &sandbox->options;
    sandbox->world.note = call_note;
    sandbox->compact_at_bytes = 1 << 20;
    sandbox->seam = (struct sandbox_seam){{seam_start, seam_next, seam_cancel, seam_attend, seam_free}, sandbox};
    sandbox->clock = (struct sandbox_clock){{seam_wall_ms, seam_steady_ms}, sandbox};
    clock_begin(sandbox, sandbox->options.start_ms);
    return sandbox;
}

void sandbox_free(struct sandbox *sandbox) {
    if (sandbox == NULL)
        return;
    for (size_t i = 0; i < sandbox->pending_count; i++)
        sandbox_watch_close(sandbox->pending[i].watch);
    free(sandbox->pending);
    arena_free(sandbox->world.arena);
    arena_free(sandbox->own);
}

struct http *sandbox_http(struct sandbox *sandbox) {
    return &sandbox->seam.http;
}

struct clock *sandbox_clock(struct sandbox *sandbox) {
    return &sandbox->clock.clock;
}

void sandbox_answer(struct sandbox *sandbox, struct http_exchange *exchange) {
    clock_advance(sandbox, clock_now(sandbox));
    exchange_perform(sandbox, exchange, fault_find(&sandbox->world.state, ++sandbox->exchange_count));
}

bool sandbox_watch_open(struct sandbox *sandbox, struct http_exchange *exchange, struct sandbox_watch **out) {
    enum fault fault = fault_find(&sandbox->world.state, sandbox->exchange_count + 1);
    if (sandbox->killed || fault != FAULT_NONE || !watch_is_asked(exchange)) {
        sandbox_answer(sandbox, exchange);
        return false;
    }
    sandbox->exchange_count++;
    clock_advance(sandbox, clock_now(sandbox));
    exchange_clear(exchange);
    return watch_begin(sandbox, exchange, out);
}

bool sandbox_was_killed(const struct sandbox *sandbox) {
    return sandbox->killed;
}

unsigned sandbox_exchange_count(const struct sandbox *sandbox) {
    return sandbox->exchange_count;
}

int64_t sandbox_step(struct sandbox *sandbox) {
    return clock_advance(sandbox, clock_now(sandbox));
}

const char *const *sandbox_calls(struct sandbox *sandbox, size_t *count) {
    *count = sandbox->call_count;
    return sandbox->calls;
}
