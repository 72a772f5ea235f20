/* sandbox/world.h: what sandbox.c needs of world.c besides parts.h. */
#pragma once

#include "sandbox/parts.h"

/* Takes the exchange's URL apart; false when it is no URL. */
bool world_request_read(struct arena *arena, const struct http_exchange *exchange, struct world_request *out);

/* Adds a header to the answer; both are copied. */
void world_header_add(struct http_exchange *exchange, const char *lower_case_name, const char *value);

/* Walks the pairs of a query string or form: the next pair's decoded value, NULL at the end. */
const char *world_query_next(struct arena *arena, const char **cursor, const char **out_name);
