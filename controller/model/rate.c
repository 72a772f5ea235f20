/* model/rate.c: which steps may start now. What is decided here is safe whatever the order of crashes: only the ledger and the progress
 * count, and neither fills up by a restart. */
#include "model/rate.h"
#include "model/window.h"

struct rate {
    const struct rate_input *input;
    const struct plan *plan;
    const struct fleet *fleet;
    struct arena *arena;
    size_t disruptive;             /* in flight, those that still bake among them */
    size_t *disruptive_in;         /* beside clusters, from 1 */
    const struct step **update_in; /* the step whose EKS update runs, beside clusters, from 1 */
    size_t *flying_in;             /* beside waves, from 1: creations and changes */
    size_t failures;
    const struct step *baking;      /* some step that is done and still bakes */
    const struct resource *earlier; /* something that an earlier pass changed and that is not through its bake */
    struct window_state window;
};

static const char *short_duration(struct arena *arena, int64_t ms) {
    int64_t seconds = (ms + 999) / 1000;
    if (seconds < 60)
        return arena_text(arena, "%llds", (long long)seconds);
    if (seconds < 3600 && seconds % 60)
        return arena_text(arena, "%lldm%02llds", (long long)(seconds / 60), (long long)(seconds % 60));
    if (seconds < 3600)
        return arena_text(arena, "%lldm", (long long)(seconds / 60));
    return arena_text(arena, "%lldh%02lldm", (long long)(seconds / 3600), (long long)(seconds / 60 % 60));
}

static const char *kind_of(const struct step *step) {
    return step->resource ? step->resource->kind : step->stray->kind;
}

/* What is deleted leaves nothing to watch, and what nobody used before is no disruption. */
static int64_t bake_of(const struct rate *rate, const struct step *step) {
    return step->disruptive && step->action != ACTION_DELETE ? fleet_bake_ms(rate->fleet, kind_of(step)) : 0;
}

static int64_t baked_ms(const struct rate *rate, const struct step *step) {
    int64_t since_ms = value_integer(value_find(&rate->input->ledger->bakes, step->key), 0);
    int64_t baked = rate->input->now_wall_ms - since_ms;
    return since_ms > 0 && baked > 0 ? baked : 0;
}

static bool is_baked(const struct rate *rate, const struct step *step, const struct step_progress *progress) {
    if (progress->state != STEP_DONE)
        return false;
    return bake_of(rate, step) == 0 || (progress->ready && baked_ms(rate, step) >= bake_of(rate, step));
}

static const char *bake_text(const struct rate *rate, const struct step *step) {
    return arena_text(rate->arena, "bake %s of %s", short_duration(rate->arena, baked_ms(rate, step)),
                      short_duration(rate->arena, bake_of(rate, step)));
}

static void take_off(struct rate *rate, const struct step *step) {
    if (step->disruptive) {
        rate->disruptive++;
        rate->disruptive_in[step->cluster]++;
    }
    if (step->eks_update)
        rate->update_in[step->cluster] = step;
    if (step->action != ACTION_DELETE)
        rate->flying_in[step->wave]++;
}

static int compare_key(const void *key, const void *resource) {
    return strcmp(key, (*(struct resource *const *)resource)->key);
}

/* The cluster of what has no step of its own: that of its target's other steps. */
static size_t cluster_of_target(const struct rate *rate, const struct target *target) {
    for (size_t i = 0; target->type == TARGET_KUBERNETES && i < rate->plan->step_count; i++) {
        if (rate->plan->steps[i].target == target)
            return rate->plan->steps[i].cluster;
    }
    return 0;
}

/* What earlier passes changed is not over when its difference is: it counts until it has been healthy for its bake. */
static void count_earlier(struct rate *rate, const struct step *const *step_of, const char *key, int64_t since_ms) {
    const struct graph *graph = rate->plan->graph;
    struct resource *const *found =
        graph->count ? bsearch(key, graph->resources, graph->count, sizeof(struct resource *), compare_key) : NULL;
    if (!found || (since_ms > 0 && rate->input->now_wall_ms - since_ms >= fleet_bake_ms(rate->fleet, (*found)->kind)))
        return;
    const struct step *step = step_of[(*found)->index];
    if (step && step->action != ACTION_WAIT)
        return; /* its progress says more */
    rate->disruptive++;
    rate->disruptive_in[step ? step->cluster : cluster_of_target(rate, (*found)->target)]++;
    rate->earlier = *found;
}

static void count_bakes(struct rate *rate) {
    const struct value *bakes = &rate->input->ledger->bakes;
    if (value_count(bakes) == 0)
        return;
    const struct step **step_of = ARENA_ARRAY(rate->arena, const struct step *, rate->plan->graph->count);
    for (size_t i = 0; i < rate->plan->step_count; i++) {
        if (rate->plan->steps[i].resource)
            step_of[rate->plan->steps[i].resource->index] = &rate->plan->steps[i];
    }
    for (size_t i = 0; value_is(bakes, VALUE_MAP) && i < bakes->map.count; i++)
        count_earlier(rate, step_of, bakes->map.members[i].key, value_integer(&bakes->map.members[i].value, 0));
}

static void count_updates(struct rate *rate) {
    for (size_t i = 0; i < rate->plan->step_count; i++) {
        const struct step *step = &rate->plan->steps[i];
        const struct live *live = step->difference->live;
        if (live && live->update_id && step->cluster)
            rate->update_in[step->cluster] = step;
    }
}

static void count_flying(struct rate *rate) {
    count_bakes(rate);
    count_updates(rate);
    for (size_t i = 0; i < rate->plan->step_count; i++) {
        const struct step *step = &rate->plan->steps[i];
        const struct step_progress *progress = &rate->input->progress[i];
        rate->failures += progress->state == STEP_FAILED;
        if (step->action == ACTION_WAIT)
            continue;
        if (progress->state == STEP_RUNNING) {
            take_off(rate, step);
            /* Slow start is for calls that may be refused; what was accepted and only has to become ready is no reason to hold others back.
             */
            if (progress->answered && !step->disruptive && rate->flying_in[step->wave] > 0)
                rate->flying_in[step->wave]--;
        } else if (progress->state == STEP_DONE && step->disruptive && !is_baked(rate, step, progress)) {
            rate->disruptive++;
            rate->disruptive_in[step->cluster]++;
            rate->baking = step;
        }
    }
}

static const char *halt_reason(const struct rate *rate) {
    const struct ledger *ledger = rate->input->ledger;
    if (ledger->halted)
        return arena_text(rate->arena, "halted: %s", ledger->halted);
    size_t failures = rate->failures > ledger->failures ? rate->failures : ledger->failures;
    size_t most = rate->fleet->failures ? rate->fleet->failures : 1;
    if (failures >= most)
        return arena_text(rate->arena, "halted: %zu of %zu allowed failures; a new commit begins again", failures, most);
    return NULL;
}

/* NULL when the edge is open. */
static const char *edge_reason(const struct rate *rate, const struct step *step, const struct step_edge *edge) {
    const struct step *before = &rate->plan->steps[edge->before];
    const struct step_progress *progress = &rate->input->progress[edge->before];
    struct arena *arena = rate->arena;
    if (progress->state == STEP_FAILED)
        return arena_text(arena, "after %s, which failed", before->id);
    if (progress->state == STEP_SKIPPED)
        return arena_text(arena, "after %s, which was skipped", before->id);
    if (before->blocked && progress->state == STEP_PENDING)
        return arena_text(arena, "after %s, which is blocked", before->id);
    if (progress->state != STEP_DONE)
        return arena_text(arena, edge->gate == GATE_READY ? "after %s · until ready" : "after %s", before->id);
    if (edge->gate != GATE_READY)
        return NULL;
    if (!progress->ready)
        return arena_text(arena, "after %s · until ready", before->id);
    if (step->disruptive && !is_baked(rate, before, progress))
        return arena_text(arena, "after %s · %s", before->id, bake_text(rate, before));
    return NULL;
}

static const char *order_reason(const struct rate *rate, const struct step *step) {
    for (size_t i = 0; i < step->edge_count; i++) {
        const char *reason = edge_reason(rate, step, &step->edges[i]);
        if (reason)
            return reason;
    }
    return NULL;
}

static const char *window_reason(const struct rate *rate, const struct step *step) {
    const struct rate_input *input = rate->input;
    const char *reason = NULL;
    const struct window_state *window = &rate->window;
    if (window->open && (window->closes_ms == INT64_MAX || window->closes_ms - input->now_wall_ms >= step->expected_ms[1]))
        return NULL;
    guard_window_check(rate->fleet, &rate->plan->zones, input->now_wall_ms, step->expected_ms[1], rate->arena, &reason);
    return reason;
}

/* A percentage is of the clusters, as what fails together is a cluster. */
static size_t disruption_limit(const struct rate *rate) {
    size_t number = rate->fleet->change_in_flight;
    if (number && rate->fleet->change_in_flight_percent == 0)
        return number;
    size_t clusters = 0;
    for (size_t i = 0; i < rate->plan->graph->target_count; i++)
        clusters += rate->plan->graph->targets[i]->type == TARGET_KUBERNETES;
    size_t limit = clusters * rate->fleet->change_in_flight_percent / 100;
    limit = limit ? limit : 1;
    return number && number < limit ? number : limit;
}

static const char *disruption_reason(const struct rate *rate, const struct step *step) {
    size_t limit = disruption_limit(rate);
    size_t per_cluster = rate->fleet->change_per_cluster ? rate->fleet->change_per_cluster : 1;
    if (!step->disruptive)
        return NULL;
    bool full = rate->disruptive >= limit;
    bool cluster_full = step->cluster && rate->disruptive_in[step->cluster] >= per_cluster;
    if (!full && !cluster_full)
        return NULL;
    if (rate->baking && (rate->baking->cluster == step->cluster || full))
        return arena_text(rate->arena, "%s (%s)", bake_text(rate, rate->baking), rate->baking->id);
    if (rate->earlier)
        return arena_text(rate->arena, "%s was changed before, and is not yet healthy for %s", rate->earlier->id,
                          short_duration(rate->arena, fleet_bake_ms(rate->fleet, rate->earlier->kind)));
    if (full)
        return arena_text(rate->arena, "%zu of %zu disruptive steps running", rate->disruptive, limit);
    return arena_text(rate->arena, "%zu of %zu disruptive steps running in its cluster", rate->disruptive_in[step->cluster], per_cluster);
}

static const char *update_reason(const struct rate *rate, const struct step *step) {
    const struct step *running = step->eks_update && step->cluster ? rate->update_in[step->cluster] : NULL;
    return running ? arena_text(rate->arena, "an EKS update at a time in a cluster: that of %s is in progress", running->id) : NULL;
}

static const char *batch_reason(const struct rate *rate, const struct step *step) {
    unsigned batch = rate->input->batch;
    if (!rate->fleet->slow_start || batch == 0 || step->action == ACTION_DELETE || rate->flying_in[step->wave] < batch)
        return NULL;
    return arena_text(rate->arena, "slow start: %zu of %u running", rate->flying_in[step->wave], batch);
}

/* Empty at first and never over one: a restart gives no new burst, and deletes keep their distance. */
static void fill_bucket(const struct rate *rate) {
    struct bucket *bucket = &rate->input->ledger->deletes;
    int64_t now_ms = rate->input->now_wall_ms;
    if (bucket->filled_ms == 0 || bucket->filled_ms > now_ms) {
        bucket->tokens = 0;
    } else {
        bucket->tokens += (double)(now_ms - bucket->filled_ms) * rate->fleet->delete_per_minute / 60000.0;
    }
    if (bucket->tokens > 1)
        bucket->tokens = 1;
    bucket->filled_ms = now_ms;
}

/* The last rule: what passes it takes its token. */
static const char *delete_reason(const struct rate *rate, const struct step *step) {
    struct bucket *bucket = &rate->input->ledger->deletes;
    unsigned per_minute = rate->fleet->delete_per_minute;
    if (step->action != ACTION_DELETE && step->action != ACTION_REPLACE)
        return NULL;
    if (per_minute == 0)
        return "deletes: 0 a minute are allowed";
    if (bucket->tokens >= 1 - 1e-9) {
        bucket->tokens -= 1;
        return NULL;
    }
    int64_t wait_ms = (int64_t)((1 - bucket->tokens) * 60000.0 / per_minute) + 1;
    return arena_text(rate->arena, "deletes: %u a minute, the next in %s", per_minute, short_duration(rate->arena, wait_ms));
}

static const char *reason_to_wait(const struct rate *rate, const struct step *step, const char *halted) {
    if (step->action == ACTION_WAIT)
        return step->waits;
    if (step->blocked)
        return arena_text(rate->arena, "blocked: %s", step->blocked);
    if (step->waits)
        return step->waits;
    const char *reason = halted;
    static const char *(*const rules[])(const struct rate *, const struct step *) = {order_reason,      window_reason, update_reason,
                                                                                     disruption_reason, batch_reason,  delete_reason};
    for (size_t i = 0; !reason && i < sizeof rules / sizeof *rules; i++)
        reason = rules[i](rate, step);
    return reason;
}

void rate_next(const struct rate_input *input, struct arena *arena, struct rate_decision *decisions) {
    const struct plan *plan = input->plan;
    struct rate rate = {.input = input, .plan = plan, .fleet = &plan->graph->fleet, .arena = arena};
    rate.disruptive_in = ARENA_ARRAY(arena, size_t, plan->cluster_count + 1);
    rate.update_in = ARENA_ARRAY(arena, const struct step *, plan->cluster_count + 1);
    rate.flying_in = ARENA_ARRAY(arena, size_t, plan->wave_count + 1);
    rate.window = (struct window_state){.open = true, .closes_ms = INT64_MAX};
    if (window_any(rate.fleet))
        window_look(rate.fleet, &plan->zones, input->now_wall_ms, arena, &rate.window);
    count_flying(&rate);
    fill_bucket(&rate);
    const char *halted = halt_reason(&rate);
    for (size_t i = 0; i < plan->step_count; i++) {
        decisions[i] = (struct rate_decision){0};
        if (input->progress[i].state != STEP_PENDING)
            continue;
        decisions[i].reason = reason_to_wait(&rate, &plan->steps[i], halted);
        decisions[i].start = decisions[i].reason == NULL;
        if (decisions[i].start) {
            take_off(&rate, &plan->steps[i]);
            if (plan->steps[i].disruptive)
                input->ledger->last_disruption_ms = input->now_wall_ms;
        }
    }
}
