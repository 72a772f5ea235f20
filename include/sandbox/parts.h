/* sandbox/parts.h: how the simulated world is cut: its shared state, and one part for AWS and one for Kubernetes. Only sandbox/ includes
 * this. */
#pragma once

#include "sandbox/sandbox.h"

/* What both parts share. State is one value tree, saved as it is:
 * {"now": ms, "aws": {...}, "clusters": {name: {...}}, "faults": [...], "deployments": {...}, "nodegroups": {...}, "keys": {...},
 * "counter": n}. */
struct world {
    struct arena *arena; /* of the state; rebuilt from the state when it has grown four times */
    struct value state;  /* map */
    int64_t now_ms;      /* wall */
    uint64_t counter;    /* for ids and resourceVersions: deterministic */
    int64_t aws_next_ms; /* AWS's next event; at or before now when that must be looked for */
    const struct sandbox_options *options;
    void (*note)(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3))); /* a line of sandbox_calls */
};

/* A request taken apart once. */
struct world_request {
    const char *method, *host, *path, *query; /* path still encoded; query without "?" */
    const struct http_exchange *exchange;
};

/* Fill exchange->status, headers and answer. AWS: hosts of EKS, IAM and STS (service known by the Authorization header's scope, or by the
 * host). */
void aws_answer(struct world *world, const struct world_request *request, struct http_exchange *exchange);
int64_t aws_step(struct world *world); /* next event, INT64_MAX when none */

/* Kubernetes: `cluster` names whose API server it is; `path` begins at "/api…", "/apis…", "/version". */
void kubernetes_answer(struct world *world, const char *cluster, const char *path, const struct world_request *request,
                       struct http_exchange *exchange);
int64_t kubernetes_step(struct world *world);
/* Fills a new cluster with its namespaces and default objects; nodes of a node group join and leave. */
void kubernetes_cluster_made(struct world *world, const char *cluster);
void kubernetes_cluster_gone(struct world *world, const char *cluster);
void kubernetes_nodes_set(struct world *world, const char *cluster, const char *nodegroup, unsigned count, const struct value *labels,
                          const struct value *taints);

/* The AWS identity behind a bearer token (presigned GetCallerIdentity), or NULL: signature, cluster name and age are checked. */
const char *aws_token_identity(struct world *world, const char *token, const char *cluster);

/* Helpers for both. */
void world_respond(struct http_exchange *exchange, int status, const char *content_type, const char *body, size_t length);
void world_respond_json(struct http_exchange *exchange, int status, const struct value *value);
const char *world_header(const struct http_exchange *exchange, const char *lower_case_name); /* of the request */
char *world_decode(struct arena *arena, const char *encoded);                                /* percent-decoding */
const char *world_query(struct arena *arena, const char *query, const char *name);           /* decoded value, NULL when absent */
