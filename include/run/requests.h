/* run/requests.h: many AWS and Kubernetes calls at once, politely: a token bucket for each service, account, region and direction, a limit
 * in flight for each API server, retries with backoff, and a lower rate after being throttled. */
#pragma once

#include "run/engine.h"

enum request_type { REQUEST_AWS, REQUEST_KUBERNETES };

struct request {
    enum request_type type;
    union {
        struct aws_call aws;
        struct kube_call kubernetes;
    };
    struct kube *kube;      /* of a Kubernetes request */
    const char *lane;       /* account/region or cluster: who shares a bucket */
    unsigned attempt_limit; /* 0: 5. Only ERROR_BUSY is tried again */
    int64_t limit_ms;       /* of one attempt; 0: the seam's default */
    /* Called once, when the request has ended for good; may add more requests. */
    void (*done)(struct request *request);
    void *context;

    /* Set by requests.c. */
    unsigned attempts;
    int64_t not_before_ms; /* steady */
    struct request *next;
};

struct requests;

struct requests *requests_new(struct engine *engine, const struct fleet *fleet, struct arena *arena);
void requests_done(struct requests *requests); /* cancels what is under way */
/* Zeroed, in the pass's arena. */
struct request *requests_take(struct requests *requests, enum request_type type);
void requests_add(struct requests *requests, struct request *request);
/* Starts what may start and waits for one end, or until the deadline. False when nothing is queued or under way. */
bool requests_step(struct requests *requests, int64_t deadline_steady_ms);
void requests_finish(struct requests *requests); /* steps until all have ended */

struct error *request_error(struct request *request);
bool request_ok(const struct request *request);

struct request_counts {
    unsigned reads, writes, retries;
};
struct request_counts requests_counts(const struct requests *requests, enum request_type type);
