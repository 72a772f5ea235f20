#include "run/requests.h"

#include <math.h>

enum { LANE_LIMIT = 256, ATTEMPTS_DEFAULT = 5 };

/* What shares one budget of calls. */
struct lane {
    const char *name;
    enum request_type type;
    enum service service;
    bool write;
    double per_second; /* now; lowered when throttled */
    double most_per_second;
    double burst;
    double tokens;
    int64_t filled_ms;
    unsigned in_flight, in_flight_limit;
    struct request *queue, *queue_last; /* in the order they came */
};

struct requests {
    struct engine *engine;
    struct arena *arena;
    const struct fleet *fleet;
    struct lane lanes[LANE_LIMIT];
    size_t lane_count;
    struct request *delayed; /* to be tried again, each at its own time */
    size_t queued;           /* in lanes and delayed */
    struct request *flying;  /* linked by next */
    size_t flying_count;
    struct request_counts counts[2];
};

struct requests *requests_new(struct engine *engine, const struct fleet *fleet, struct arena *arena) {
    struct requests *requests = ARENA_NEW(arena, struct requests);
    requests->engine = engine;
    requests->arena = arena;
    requests->fleet = fleet;
    return requests;
}

static struct http_exchange *request_exchange(struct request *request) {
    return request->type == REQUEST_AWS ? &request->aws.exchange : &request->kubernetes.exchange;
}

void requests_done(struct requests *requests) {
    for (struct request *request = requests->flying; request != NULL; request = request->next)
        requests->engine->http->cancel(requests->engine->http, request_exchange(request));
    requests->flying = NULL;
    requests->flying_count = 0;
}

struct request *requests_take(struct requests *requests, enum request_type type) {
    struct request *request = ARENA_NEW(requests->arena, struct request);
    request->type = type;
    if (type == REQUEST_AWS)
        request->aws.arena = requests->arena;
    else
        request->kubernetes.arena = requests->arena;
    return request;
}

struct error *request_error(struct request *request) {
    return request->type == REQUEST_AWS ? &request->aws.error : &request->kubernetes.error;
}

bool request_ok(const struct request *request) {
    if (request->type == REQUEST_AWS)
        return request->aws.error.kind == ERROR_NONE || request->aws.no_change;
    return request->kubernetes.error.kind == ERROR_NONE;
}

static bool request_writes(const struct request *request) {
    if (request->type == REQUEST_AWS)
        return request->aws.operation->write;
    return request->kubernetes.verb == KUBE_APPLY || request->kubernetes.verb == KUBE_DELETE;
}

struct request_counts requests_counts(const struct requests *requests, enum request_type type) {
    return requests->counts[type];
}

static void lane_budget(struct lane *lane, const struct fleet *fleet) {
    struct rate_limit limit = {0};
    if (lane->type == REQUEST_KUBERNETES) {
        lane->in_flight_limit = fleet->kubernetes_in_flight;
        return;
    }
    if (lane->service == SERVICE_IAM)
        limit = lane->write ? fleet->iam_write : fleet->iam_read;
    else
        limit = lane->write ? fleet->eks_write : fleet->eks_read;
    lane->per_second = limit.per_second;
    lane->most_per_second = limit.per_second;
    lane->burst = limit.burst < 1 ? 1 : limit.burst;
    lane->tokens = lane->burst;
    lane->in_flight_limit = 32;
}

static struct lane *lane_find(struct requests *requests, const struct request *request) {
    bool aws = request->type == REQUEST_AWS;
    enum service service = aws ? request->aws.operation->service : SERVICE_NONE;
    bool write = aws && request_writes(request);
    for (size_t i = 0; i < requests->lane_count; i++) {
        struct lane *lane = &requests->lanes[i];
        if (lane->type == request->type && lane->service == service && lane->write == write && text_equal(lane->name, request->lane))
            return lane;
    }
    if (requests->lane_count == LANE_LIMIT)
        return &requests->lanes[LANE_LIMIT - 1]; /* beyond so many clusters the last ones share one */
    struct lane *lane = &requests->lanes[requests->lane_count++];
    *lane = (struct lane){.name = request->lane, .type = request->type, .service = service, .write = write};
    lane->filled_ms = clock_steady_ms(requests->engine->clock);
    lane_budget(lane, requests->fleet);
    return lane;
}

/* When the lane has a token: 0 now, else in how many milliseconds. */
static int64_t lane_delay(struct lane *lane, int64_t now_ms) {
    if (lane->most_per_second <= 0)
        return 0;
    lane->tokens += (double)(now_ms - lane->filled_ms) * lane->per_second / 1000.0;
    if (lane->tokens > lane->burst)
        lane->tokens = lane->burst;
    lane->filled_ms = now_ms;
    if (lane->tokens >= 1)
        return 0;
    return (int64_t)ceil((1 - lane->tokens) * 1000.0 / lane->per_second);
}

/* Multiplicative decrease when told to slow down, additive increase with each answer: the shape of TCP and of the AWS SDKs. */
static void lane_learn(struct lane *lane, bool throttled) {
    if (lane->most_per_second <= 0)
        return;
    if (throttled) {
        lane->per_second *= 0.7;
        if (lane->per_second < 0.5)
            lane->per_second = 0.5;
        lane->tokens = 0;
        return;
    }
    lane->per_second += lane->most_per_second * 0.02;
    if (lane->per_second > lane->most_per_second)
        lane->per_second = lane->most_per_second;
}

static void lane_push(struct lane *lane, struct request *request) {
    request->next = NULL;
    if (lane->queue == NULL)
        lane->queue = request;
    else
        lane->queue_last->next = request;
    lane->queue_last = request;
}

void requests_add(struct requests *requests, struct request *request) {
    lane_push(lane_find(requests, request), request);
    requests->queued++;
}

static void request_end(struct requests *requests, struct request *request) {
    struct request_counts *counts = &requests->counts[request->type];
    if (request_writes(request))
        counts->writes++;
    else
        counts->reads++;
    if (request->done != NULL)
        request->done(request);
}

static bool request_prepare(struct requests *requests, struct request *request) {
    struct engine *engine = requests->engine;
    struct error *err = request_error(request);
    *err = (struct error){0};
    *request_exchange(request) = (struct http_exchange){0};
    if (request->type == REQUEST_KUBERNETES)
        return kube_prepare(request->kube, &request->kubernetes, err);
    return aws_ready(engine->aws, &request->aws.scope, err) && aws_prepare(engine->aws, &request->aws, err);
}

static void request_launch(struct requests *requests, struct request *request, struct lane *lane) {
    if (!request_prepare(requests, request)) {
        request_end(requests, request);
        return;
    }
    struct http_exchange *exchange = request_exchange(request);
    exchange->owner = request;
    if (exchange->limit_ms == 0)
        exchange->limit_ms = request->limit_ms;
    request->attempts++;
    request->next = requests->flying;
    requests->flying = request;
    requests->flying_count++;
    lane->in_flight++;
    if (lane->most_per_second > 0)
        lane->tokens -= 1;
    requests->engine->http->start(requests->engine->http, exchange);
}

static bool lane_is_full(const struct lane *lane) {
    return lane->in_flight_limit > 0 && lane->in_flight >= lane->in_flight_limit;
}

/* Starts what the lane allows; returns when it allows the next, INT64_MAX when only answers can help. */
static int64_t lane_launch(struct requests *requests, struct lane *lane, int64_t now_ms) {
    while (lane->queue != NULL && !lane_is_full(lane)) {
        int64_t delay = lane_delay(lane, now_ms);
        if (delay > 0)
            return now_ms + delay;
        struct request *request = lane->queue;
        lane->queue = request->next;
        requests->queued--;
        request_launch(requests, request, lane);
    }
    return INT64_MAX;
}

/* Puts those back into their lanes whose time has come; returns when the next one's comes. */
static int64_t delayed_release(struct requests *requests, int64_t now_ms) {
    int64_t soonest = INT64_MAX;
    struct request **link = &requests->delayed;
    while (*link != NULL) {
        struct request *request = *link;
        if (request->not_before_ms > now_ms) {
            if (request->not_before_ms < soonest)
                soonest = request->not_before_ms;
            link = &request->next;
            continue;
        }
        *link = request->next;
        lane_push(lane_find(requests, request), request);
    }
    return soonest;
}

static int64_t requests_launch(struct requests *requests) {
    int64_t now = clock_steady_ms(requests->engine->clock);
    int64_t soonest = delayed_release(requests, now);
    for (size_t i = 0; i < requests->lane_count; i++) {
        int64_t when = lane_launch(requests, &requests->lanes[i], now);
        if (when < soonest)
            soonest = when;
    }
    return soonest;
}

/* Deterministic backoff: half a second doubled each time, at most 10 s, spread by the attempt's own number so that many do not meet. */
static int64_t request_backoff(const struct request *request, int64_t said_ms) {
    int64_t backoff = 500;
    for (unsigned i = 1; i < request->attempts && backoff < 10000; i++)
        backoff *= 2;
    backoff += (int64_t)(request->attempts * 137 % 100);
    return said_ms > backoff ? said_ms : backoff;
}

static void requests_answered(struct requests *requests, struct request *request) {
    struct request **link = &requests->flying;
    while (*link != request)
        link = &(*link)->next;
    *link = request->next;
    requests->flying_count--;
    struct lane *lane = lane_find(requests, request);
    lane->in_flight--;

    if (request->type == REQUEST_AWS)
        aws_finish(requests->engine->aws, &request->aws);
    else
        kube_finish(request->kube, &request->kubernetes);

    enum error_kind kind = request_error(request)->kind;
    int status = request_exchange(request)->status;
    lane_learn(lane, kind == ERROR_BUSY && status >= 400 && status < 500);
    unsigned limit = request->attempt_limit == 0 ? ATTEMPTS_DEFAULT : request->attempt_limit;
    bool stop = requests->engine->stop != NULL && *requests->engine->stop;
    if (kind != ERROR_BUSY || request->attempts >= limit || stop) {
        request_end(requests, request);
        return;
    }
    int64_t said = request->type == REQUEST_AWS ? request->aws.retry_after_ms : request->kubernetes.retry_after_ms;
    request->not_before_ms = clock_steady_ms(requests->engine->clock) + request_backoff(request, said);
    requests->counts[request->type].retries++;
    request->next = requests->delayed;
    requests->delayed = request;
    requests->queued++;
}

bool requests_step(struct requests *requests, int64_t deadline_steady_ms) {
    int64_t soonest = requests_launch(requests);
    if (requests->flying_count == 0 && requests->queued == 0)
        return false;
    struct http *http = requests->engine->http;
    struct http_exchange *exchange = http->next(http, soonest < deadline_steady_ms ? soonest : deadline_steady_ms);
    if (exchange != NULL)
        requests_answered(requests, exchange->owner);
    return true;
}

void requests_finish(struct requests *requests) {
    while (requests_step(requests, INT64_MAX))
        continue;
}
