#include "run/loop.h"

#include "run/metrics.h"
#include "run/pass.h"
#include "world/server.h"

enum { BACKOFF_LEAST_MS = 5000, BACKOFF_MOST_MS = 300000, METRICS_LIMIT_BYTES = 1 << 20 };

struct loop {
    struct engine *engine;
    const struct loop_options *options;
    struct metrics metrics;
    char commit[41]; /* that the last pass read; "" none yet */
    int64_t interval_ms, drift_ms;
    int64_t next_git_ms, next_pass_ms, next_drift_ms; /* steady; INT64_MAX: not planned */
    int64_t backoff_ms;
    int64_t beat_ms; /* steady time of the last sign of life */
};

static void answer_text(struct server_answer *answer, struct arena *arena, int status, const char *type, const char *text) {
    answer->headers = ARENA_ARRAY(arena, struct http_header, 1);
    answer->headers[0] = (struct http_header){"content-type", type};
    answer->header_count = 1;
    answer->status = status;
    answer->body = arena_copy(arena, text, strlen(text));
    answer->body_length = strlen(text);
}

static void loop_answer(void *context, const struct server_request *request, struct server_answer *answer) {
    struct loop *loop = context;
    if (!text_equal(request->method, "GET") && !text_equal(request->method, "HEAD")) {
        answer_text(answer, request->arena, 405, "text/plain", "only GET\n");
    } else if (text_equal(request->path, "/healthz")) {
        answer_text(answer, request->arena, 200, "text/plain", "ok\n"); /* the loop answers itself: to answer is to be alive */
    } else if (text_equal(request->path, "/readyz")) {
        bool ready = loop->metrics.last_success_ms > 0;
        answer_text(answer, request->arena, ready ? 200 : 503, "text/plain", ready ? "ok\n" : "no pass has succeeded yet\n");
    } else if (text_equal(request->path, "/metrics")) {
        TEXT_AUTO text;
        text_init(&text, METRICS_LIMIT_BYTES);
        metrics_render(&loop->metrics, &text);
        answer_text(answer, request->arena, 200, "text/plain; version=0.0.4", text.data);
    } else {
        answer_text(answer, request->arena, 404, "text/plain", "served here: /healthz /readyz /metrics\n");
    }
}

static void pass_log(struct loop *loop, const struct pass *pass) {
    struct log *log = loop->engine->log;
    ARENA_AUTO *scratch = arena_new();
    const struct apply_result *applied = &pass->applied;
    bool quiet = pass->plan.step_count == 0 && pass->findings.count == 0;
    log_write(log, quiet ? LOG_DEBUG : LOG_INFO, "pass",
              KEYS("commit", pass->tree.commit, "done", arena_text(scratch, "%u", applied->done), "running",
                   arena_text(scratch, "%u", applied->running), "waiting", arena_text(scratch, "%u", applied->waiting), "failed",
                   arena_text(scratch, "%u", applied->failed), "took_ms", arena_text(scratch, "%lld", (long long)pass->took_ms)));
    for (size_t i = 0; i < pass->findings.count; i++) {
        const struct finding *finding = &pass->findings.items[i];
        log_write(log, finding->warning ? LOG_WARNING : LOG_ERROR, finding->text,
                  KEYS("file", finding->place.file, "line", arena_text(scratch, "%u", finding->place.line), "hint", finding->hint));
    }
    for (size_t i = 0; i < pass->plan.step_count; i++) {
        const struct step *step = &pass->plan.steps[i];
        if (step->blocked != NULL)
            log_write(log, LOG_WARNING, "blocked",
                      KEYS("resource", step->id, "action", action_name(step->action), "reason", step->blocked));
    }
    for (size_t i = 0; i < pass->world.count; i++) {
        if (pass->world.lives[i].presence == LIVE_UNKNOWN)
            log_write(log, LOG_WARNING, "unknown",
                      KEYS("resource", pass->graph.resources[i]->id, "reason", pass->world.lives[i].error.text));
    }
}

/* Steps are logged when they begin and when they end. */
static void step_log(void *context, const struct plan *plan, const struct step *step, const struct step_progress *progress) {
    static const char *const names[] = {
        [STEP_PENDING] = "waits", [STEP_RUNNING] = "started", [STEP_DONE] = "done", [STEP_FAILED] = "failed", [STEP_SKIPPED] = "put off"};
    struct loop *loop = context;
    if (step->action == ACTION_WAIT)
        return;
    log_write(loop->engine->log, progress->state == STEP_FAILED ? LOG_ERROR : LOG_INFO, names[progress->state],
              KEYS("resource", step->id, "action", action_name(step->action), "reason", progress->reason, "commit", plan->commit));
}

static int64_t later(int64_t now, int64_t delay) {
    return delay < 0 || now > INT64_MAX - delay ? INT64_MAX : now + delay;
}

static void loop_failed(struct loop *loop, const struct error *err, int64_t now) {
    log_write(loop->engine->log, LOG_ERROR, "pass failed", KEYS("error", err->text, "kind", error_kind_name(err->kind)));
    loop->backoff_ms = loop->backoff_ms == 0 ? BACKOFF_LEAST_MS : loop->backoff_ms * 2;
    if (loop->backoff_ms > BACKOFF_MOST_MS)
        loop->backoff_ms = BACKOFF_MOST_MS;
    loop->next_pass_ms = later(now, loop->backoff_ms);
}

static void loop_pass(struct loop *loop) {
    struct pass pass;
    struct error err = {0};
    struct clock *clock = loop->engine->clock;
    bool succeeded = pass_run(loop->engine, PASS_APPLY, &pass, &err);
    int64_t now = clock_steady_ms(clock);
    metrics_add(&loop->metrics, &pass, succeeded, clock_wall_ms(clock));
    if (!succeeded) {
        loop_failed(loop, &err, now);
    } else {
        pass_log(loop, &pass);
        loop->backoff_ms = 0;
        snprintf(loop->commit, sizeof loop->commit, "%s", pass.tree.commit == NULL ? "" : pass.tree.commit);
        loop->drift_ms = pass.graph.fleet.drift_interval_ms;
        if (loop->options->interval_ms == 0)
            loop->interval_ms = pass.graph.fleet.source_interval_ms;
        loop->next_pass_ms = later(now, pass.applied.look_again_ms);
        if (!pass.plan.complete)
            loop->next_pass_ms = later(now, BACKOFF_LEAST_MS * 6);
        loop->next_drift_ms = later(now, loop->drift_ms);
    }
    loop->next_git_ms = later(now, loop->interval_ms);
    pass_done(&pass);
}

/* Whether git has something else than the last pass read; a source that cannot say so is read again. */
static bool git_moved(struct loop *loop) {
    struct git_limits limits = git_limits_default();
    struct error err = {0};
    char commit[41] = {0};
    struct http *http = loop->engine->git_http != NULL ? loop->engine->git_http : loop->engine->http;
    if (git_resolve(http, &loop->engine->source, &limits, commit, &err))
        return strcmp(commit, loop->commit) != 0;
    if (err.kind == ERROR_INVALID)
        return true;
    log_write(loop->engine->log, LOG_WARNING, "git did not answer", KEYS("error", err.text));
    return false;
}

static bool loop_due(struct loop *loop, int64_t now) {
    if (*loop->options->look_now) {
        *loop->options->look_now = false;
        return true;
    }
    if (now >= loop->next_pass_ms || now >= loop->next_drift_ms)
        return true;
    if (now < loop->next_git_ms)
        return false;
    loop->next_git_ms = later(now, loop->interval_ms);
    return git_moved(loop);
}

static int64_t least(int64_t one, int64_t other) {
    return one < other ? one : other;
}

static void loop_wait(struct loop *loop, int64_t now) {
    int64_t until = least(loop->next_git_ms, least(loop->next_pass_ms, loop->next_drift_ms));
    /* A signal may come between the test and the wait: never sleep longer than a second. */
    loop->engine->http->next(loop->engine->http, least(until, now + 1000));
}

bool loop_run(struct engine *engine, const struct loop_options *options, struct error *err) {
    struct loop loop = {.engine = engine, .options = options, .next_drift_ms = INT64_MAX};
    loop.interval_ms = options->interval_ms == 0 ? 60000 : options->interval_ms;
    struct server *server = NULL;
    struct server_options server_options = {.address = options->listen, .connection_limit = 64, .answer = loop_answer, .context = &loop};
    if (options->listen != NULL && !server_start(&server_options, engine->http, &server, err))
        return false;
    if (server != NULL && options->listening != NULL)
        options->listening(options->context, server_port(server));
    engine->observer = (struct observer){.step = step_log, .context = &loop};
    while (!*options->stop) {
        int64_t now = clock_steady_ms(engine->clock);
        if (loop_due(&loop, now))
            loop_pass(&loop);
        else
            loop_wait(&loop, now);
    }
    log_write(engine->log, LOG_INFO, "stopped", KEYS("reason", "asked to"));
    server_stop(server);
    return true;
}
