/* A whole controller against the simulated world, in this process and in virtual time. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "run/pass.h"
#include "sandbox/sandbox.h"

struct controller {
    struct sandbox *sandbox;
    struct engine engine;
    bool stop;
};

static const char *controller_variable(void *context, const char *name) {
    (void)context;
    if (text_equal(name, "AWS_ACCESS_KEY_ID"))
        return SANDBOX_ACCESS_KEY_ID;
    if (text_equal(name, "AWS_SECRET_ACCESS_KEY"))
        return SANDBOX_SECRET_ACCESS_KEY;
    return text_equal(name, "AWS_REGION") ? "eu-west-1" : NULL;
}

/* `state` is JSON of the world, NULL for a new one; `ledger` what a former process left, or NULL. */
static inline void controller_open(struct controller *controller, const char *state, const char *directory, const char *ledger) {
    struct sandbox_options options = {.check_signatures = true};
    *controller = (struct controller){.sandbox = sandbox_new(&options)};
    if (state != NULL) {
        ARENA_AUTO *arena = arena_new();
        struct value value;
        struct error err = {0};
        if (!json_parse(arena, "world", state, strlen(state), &value, &err) || !sandbox_load(controller->sandbox, &value, &err))
            fail_msg("%s", err.text);
    }
    struct engine *engine = &controller->engine;
    engine->http = sandbox_http(controller->sandbox);
    engine->clock = sandbox_clock(controller->sandbox);
    engine->environment = (struct environment){controller_variable, NULL};
    engine->aws_options = (struct aws_options){.http = engine->http, .clock = engine->clock, .environment = engine->environment};
    engine->external_url = "https://sandbox.invalid/clusters/";
    engine->source.location = directory;
    if (ledger != NULL)
        engine->ledger_text = strdup(ledger);
}

static inline void controller_close(struct controller *controller) {
    engine_done(&controller->engine);
    sandbox_free(controller->sandbox);
}

/* Passes until nothing is left to do; false when that takes more than `most`. */
static inline bool controller_settle(struct controller *controller, unsigned most) {
    for (unsigned i = 0; i < most && !sandbox_was_killed(controller->sandbox); i++) {
        struct pass pass;
        struct error err = {0};
        bool ran = pass_run(&controller->engine, PASS_APPLY, &pass, &err);
        bool settled = ran && pass.plan.complete && pass.plan.step_count == 0;
        pass_done(&pass);
        if (settled)
            return true;
        struct http *http = controller->engine.http;
        http->next(http, clock_steady_ms(controller->engine.clock) + 60000);
    }
    return false;
}

static inline unsigned calls_matching(const struct controller *controller, const char *prefix) {
    size_t count = 0;
    const char *const *calls = sandbox_calls(controller->sandbox, &count);
    unsigned found = 0;
    for (size_t i = 0; i < count; i++)
        found += text_starts(calls[i], prefix);
    return found;
}
