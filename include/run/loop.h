/* run/loop.h: when the controller runs a pass: at once, when git has moved, when something is under way, when drift is due, and on SIGHUP.
 */
#pragma once

#include "run/engine.h"

struct loop_options {
    int64_t interval_ms;                             /* between looks at git; 0: the Fleet's */
    const char *listen;                              /* address of /healthz, /readyz, /metrics; NULL: none */
    volatile bool *stop;                             /* ends the loop once the pass under way has ended */
    volatile bool *look_now;                         /* set by SIGHUP */
    void (*listening)(void *context, unsigned port); /* told the port; may be NULL */
    void *context;
};

/* Returns when asked to stop. False: it could not begin (address in use). Failures of passes are logged and tried again with backoff. */
bool loop_run(struct engine *engine, const struct loop_options *options, struct error *err);
