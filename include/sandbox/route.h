/* sandbox/route.h: which part of the simulated world a request is for. */
#pragma once

#include "sandbox/parts.h"

bool route_is_kubernetes(const char *url); /* by the URL alone */
/* The cluster whose API server is asked, and the path there; NULL: none. Both are borrowed from the state and the request. */
const char *route_cluster_of(struct world *world, const struct world_request *request, const char **out_path);
void route_answer(struct world *world, const struct world_request *request, struct http_exchange *exchange);
/* A fault in the shape of the service that was asked: 429, 500 or 503. */
void route_fail(struct world *world, const struct world_request *request, struct http_exchange *exchange, int status);
