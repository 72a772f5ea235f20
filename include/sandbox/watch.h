/* sandbox/watch.h: watches of the simulated API servers, which stay open: for sandbox.c. */
#pragma once

#include "sandbox/sandbox.h"

bool watch_is_asked(const struct http_exchange *exchange);

/* False: answered, with a refusal. */
bool watch_begin(struct sandbox *sandbox, struct http_exchange *exchange, struct sandbox_watch **out);
int64_t watch_due(const struct sandbox_watch *watch); /* wall ms when it has something to say by itself */
bool watch_hand_out(struct sandbox *sandbox, struct sandbox_watch *watch, struct http_exchange *exchange);
