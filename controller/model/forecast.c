/* model/forecast.c: the rate function run forward over expected durations: how long, and how much is disturbed at once. */
#include "model/rate.h"
#include "model/window.h"

enum { LOOKS_LIMIT = 20000 };
#define KUBERNETES_WRITE_MS 4 /* a write's share of one API server's time, many in flight */

struct run {
    const struct plan *plan;
    int which; /* 0: p50, 1: p90 */
    struct step_progress *progress;
    struct rate_decision *decisions;
    int64_t *ends_ms; /* of running steps */
    struct ledger ledger;
    struct arena *arena; /* of a whole run */
    int64_t now_ms;
    unsigned batch;
    size_t running;
    unsigned peak;
};

static int64_t least(int64_t one, int64_t other) {
    return one < other ? one : other;
}

/* The next moment at which something can be different. */
static int64_t next_moment(struct run *run) {
    int64_t next_ms = INT64_MAX;
    const struct fleet *fleet = &run->plan->graph->fleet;
    bool pending = false;
    bool deletes = false;
    for (size_t i = 0; i < run->plan->step_count; i++) {
        const struct step *step = &run->plan->steps[i];
        if (run->progress[i].state == STEP_RUNNING)
            next_ms = least(next_ms, run->ends_ms[i]);
        if (run->progress[i].state == STEP_DONE && step->disruptive && step->action != ACTION_DELETE) {
            int64_t baked_ms = run->ends_ms[i] + fleet_bake_ms(fleet, step->resource ? step->resource->kind : step->stray->kind);
            if (baked_ms > run->now_ms)
                next_ms = least(next_ms, baked_ms);
        }
        bool waits = run->progress[i].state == STEP_PENDING && !step->blocked && !step->waits;
        pending = pending || waits;
        deletes = deletes || (waits && (step->action == ACTION_DELETE || step->action == ACTION_REPLACE));
    }
    if (deletes && fleet->delete_per_minute && run->ledger.deletes.tokens < 1)
        next_ms = least(next_ms, run->now_ms + (int64_t)((1 - run->ledger.deletes.tokens) * 60000.0 / fleet->delete_per_minute) + 1);
    if (pending && window_any(fleet) && next_ms == INT64_MAX) {
        struct window_state state;
        window_look(fleet, &run->plan->zones, run->now_ms, run->arena, &state);
        int64_t change_ms = state.open ? state.closes_ms : state.opens_ms;
        if (!state.problem && change_ms != INT64_MAX && change_ms > run->now_ms)
            next_ms = change_ms;
    }
    return next_ms;
}

static void end_steps(struct run *run) {
    bool ended = false;
    for (size_t i = 0; i < run->plan->step_count; i++) {
        if (run->progress[i].state != STEP_RUNNING || run->ends_ms[i] > run->now_ms)
            continue;
        run->progress[i].state = STEP_DONE;
        run->progress[i].ready = true;
        if (run->plan->steps[i].disruptive)
            value_set(run->arena, &run->ledger.bakes, run->plan->steps[i].key, value_of_integer(run->ends_ms[i]));
        run->running--;
        ended = true;
    }
    if (ended && run->batch < 1U << 30)
        run->batch *= 2;
}

static void start_steps(struct run *run) {
    ARENA_AUTO *arena = arena_new();
    struct rate_input input = {
        .plan = run->plan, .progress = run->progress, .ledger = &run->ledger, .batch = run->batch, .now_wall_ms = run->now_ms};
    rate_next(&input, arena, run->decisions);
    unsigned disruptive = 0;
    for (size_t i = 0; i < run->plan->step_count; i++) {
        if (run->decisions[i].start) {
            run->progress[i].state = STEP_RUNNING;
            run->ends_ms[i] = run->now_ms + run->plan->steps[i].expected_ms[run->which];
            run->running++;
        }
        disruptive += run->progress[i].state == STEP_RUNNING && run->plan->steps[i].disruptive;
    }
    if (disruptive > run->peak)
        run->peak = disruptive;
}

/* What is under way already goes on by itself. */
static void begin(struct run *run) {
    for (size_t i = 0; i < run->plan->step_count; i++) {
        const struct step *step = &run->plan->steps[i];
        if ((step->action != ACTION_WAIT && !step->waits) || (step->difference->live && step->difference->live->health == HEALTH_FAILED))
            continue;
        run->progress[i].state = STEP_RUNNING;
        run->ends_ms[i] = run->now_ms + step->expected_ms[run->which];
        run->running++;
    }
}

static int64_t run_forward(const struct plan *plan, int which, unsigned *peak) {
    ARENA_AUTO *arena = arena_new();
    struct run run = {.plan = plan, .which = which, .arena = arena, .now_ms = plan->now_wall_ms, .batch = 1};
    run.progress = ARENA_ARRAY(arena, struct step_progress, plan->step_count);
    run.decisions = ARENA_ARRAY(arena, struct rate_decision, plan->step_count);
    run.ends_ms = ARENA_ARRAY(arena, int64_t, plan->step_count);
    run.ledger.bakes = value_of_map();
    run.ledger.updates = value_of_map();
    begin(&run);
    int64_t last_ms = run.now_ms;
    for (size_t look = 0; look < LOOKS_LIMIT; look++) {
        start_steps(&run);
        int64_t next_ms = next_moment(&run);
        if (next_ms == INT64_MAX)
            break;
        run.now_ms = next_ms;
        if (run.running)
            last_ms = run.now_ms;
        end_steps(&run);
    }
    *peak = run.peak;
    return last_ms - plan->now_wall_ms;
}

/* Calls take turns, however much may be in flight. */
static int64_t calls_ms(const struct plan *plan) {
    double aws_ms = 0;
    int64_t kubernetes_ms = 0;
    double per_second = plan->graph->fleet.eks_write.per_second;
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].blocked)
            continue;
        aws_ms += per_second > 0 ? plan->steps[i].aws_writes * 1000.0 / per_second : 0;
        kubernetes_ms += (int64_t)plan->steps[i].kubernetes_writes * KUBERNETES_WRITE_MS;
    }
    int64_t whole_ms = aws_ms < 1e12 ? (int64_t)aws_ms : INT64_C(1000000000000);
    return whole_ms > kubernetes_ms ? whole_ms : kubernetes_ms;
}

void forecast_run(struct plan *plan, struct arena *arena) {
    (void)arena;
    int64_t floor_ms = calls_ms(plan);
    for (int which = 0; which < 2 && plan->step_count; which++) {
        unsigned peak = 0;
        int64_t length_ms = run_forward(plan, which, &peak);
        plan->forecast_ms[which] = length_ms > floor_ms ? length_ms : floor_ms;
        if (peak > plan->peak_disruption)
            plan->peak_disruption = peak;
    }
    if (plan->forecast_ms[1] < plan->forecast_ms[0])
        plan->forecast_ms[1] = plan->forecast_ms[0];
}
