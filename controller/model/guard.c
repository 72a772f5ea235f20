/* model/guard.c: which steps may not happen until a person has said so in git. */
#include "model/window.h"

/* What each target holds and would lose; beside graph.targets, and one more for targets that only strays have. */
struct holding {
    const struct target *target;
    size_t present, deleted;
    bool unknown;
};

struct check {
    struct plan *plan;
    struct arena *arena;
    struct holding *holdings;
    size_t count;
    size_t inventory;
};

static struct holding *holding_of(struct check *check, const struct target *target) {
    for (size_t i = 0; i < check->count; i++) {
        if (check->holdings[i].target == target)
            return &check->holdings[i];
    }
    check->holdings = arena_grow(check->arena, check->holdings, check->count, sizeof *check->holdings);
    check->holdings[check->count] = (struct holding){.target = target};
    return &check->holdings[check->count++];
}

static void block(struct step *step, const char *rule, const char *text) {
    if (step->blocked)
        return; /* the first rule is the one to satisfy first */
    step->blocked_rule = rule;
    step->blocked = text;
}

static bool removes(const struct step *step) {
    return step->action == ACTION_DELETE || step->action == ACTION_REPLACE;
}

static const char *kind_of(const struct step *step) {
    return step->resource ? step->resource->kind : step->stray->kind;
}

/* Not knowing an object is no reason to think that it holds nothing. */
static bool has_claims(const struct step *step) {
    const struct value *object = step->difference->live ? &step->difference->live->object : NULL;
    return !value_is(object, VALUE_MAP) || value_count(value_at(object, "spec.volumeClaimTemplates")) > 0;
}

static bool is_guarded(const struct step *step) {
    static const char *const kinds[] = {"Namespace", "CustomResourceDefinition", "PersistentVolume", "PersistentVolumeClaim", NULL};
    const struct kind *row = step->resource ? step->resource->row : step->stray->row;
    if (row)
        return row->guarded_delete;
    return text_in(kind_of(step), kinds) || (text_equal(kind_of(step), "StatefulSet") && has_claims(step));
}

static bool is_acknowledged(const struct check *check, const struct step *step) {
    const char *wanted = arena_text(check->arena, "%s %s", action_name(step->action), step->id);
    const char *const *given = check->plan->graph->fleet.acknowledged;
    return given && text_in(wanted, given);
}

static void count_holdings(struct check *check) {
    const struct graph *graph = check->plan->graph;
    const struct world_state *world = check->plan->world;
    for (size_t i = 0; i < graph->count && i < world->count; i++) {
        struct holding *holding = holding_of(check, graph->resources[i]->target);
        holding->unknown = holding->unknown || world->lives[i].presence == LIVE_UNKNOWN;
        bool local = graph->resources[i]->row && graph->resources[i]->row->scope == SCOPE_LOCAL; /* nothing is there for it */
        if (world->lives[i].presence == LIVE_PRESENT && graph->resources[i]->manage == MANAGE_FULL && !local)
            holding->present++;
    }
    for (size_t i = 0; i < world->stray_count; i++) {
        struct holding *holding = holding_of(check, world->strays[i].target);
        holding->unknown = holding->unknown || world->strays[i].live.presence == LIVE_UNKNOWN;
        if (world->strays[i].live.presence == LIVE_PRESENT)
            holding->present++;
    }
    for (size_t i = 0; i < check->plan->step_count; i++) {
        if (check->plan->steps[i].action == ACTION_DELETE)
            holding_of(check, check->plan->steps[i].target)->deleted++;
    }
    for (size_t i = 0; i < check->count; i++)
        check->inventory += check->holdings[i].present;
}

/* A tree or a world that was not wholly read says nothing about what is missing from it. */
static void guard_reading(struct check *check, struct step *step) {
    const struct findings *findings = check->plan->findings;
    if (findings && findings->error_count > 0)
        block(step, "errors in git",
              arena_text(check->arena, "nothing is deleted while the manifests have errors: mend the %zu finding%s", findings->error_count,
                         findings->error_count == 1 ? "" : "s"));
    bool someone = false;
    for (size_t i = 0; i < check->count; i++)
        someone = someone || check->holdings[i].unknown;
    if (holding_of(check, step->target)->unknown || (!check->plan->world->complete && !someone))
        block(step, "incomplete read",
              arena_text(check->arena, "nothing is deleted in %s while it could not be read wholly", step->target->name));
}

static void guard_keeping(struct step *step) {
    const struct value *live = step->difference->live ? &step->difference->live->object : NULL;
    if (step->resource && step->resource->retain)
        block(step, "retain", "eksact.dev/on-remove: retain keeps it from being deleted: take the annotation away first");
    if (value_boolean(value_find(live, "deletionProtection"), false))
        block(step, "deletion protection", "its deletionProtection is on: set it to false in git, and let that be applied first");
}

static void guard_acknowledgement(struct check *check, struct step *step) {
    if (step->action == ACTION_REPLACE && step->resource != NULL && step->resource->row != NULL && step->resource->row->create_first &&
        is_acknowledged(check, step)) {
        /* To make the new one first, move what runs on the old one, and only then delete that takes more than one pass remembers. */
        block(
            step, "not built",
            arena_text(check->arena,
                       "replacing a %s is not built yet. Declare a second one under another name, let what runs move, then remove this one "
                       "and acknowledge: [\"delete %s\"]",
                       step->resource->kind, step->id));
        return;
    }
    if (!is_guarded(step) || is_acknowledged(check, step))
        return;
    block(step, "acknowledgement",
          arena_text(check->arena, "a %s needs acknowledgement. In the spec of Fleet/%s: acknowledge: [\"%s %s\"]",
                     step->action == ACTION_REPLACE ? "replacement" : "delete", check->plan->graph->fleet.name, action_name(step->action),
                     step->id));
}

/* The budget is for what nobody named: a delete that is acknowledged by name was looked at. */
static size_t unnamed_removals(const struct check *check) {
    size_t count = 0;
    for (size_t i = 0; i < check->plan->step_count; i++) {
        const struct step *step = &check->plan->steps[i];
        count += removes(step) && !is_acknowledged(check, step);
    }
    return count;
}

static void guard_budget(struct check *check, struct step *step, size_t removals) {
    size_t share = check->inventory / 20;
    size_t most = check->plan->graph->fleet.delete_at_most;
    most = share > most ? share : most;
    if (removals > most && !is_acknowledged(check, step))
        block(step, "deletion budget",
              arena_text(check->arena,
                         "%zu deletes and replacements, and %zu are allowed at once. In the spec of Fleet/%s: delete: {atMost: %zu}, or "
                         "acknowledge: "
                         "[\"%s %s\"]",
                         removals, most, check->plan->graph->fleet.name, removals, action_name(step->action), step->id));
}

static void guard_nothing(struct check *check, struct step *step) {
    if (step->action != ACTION_DELETE || is_acknowledged(check, step))
        return;
    const struct holding *holding = holding_of(check, step->target);
    if (check->plan->graph->declared_count == 0)
        block(step, "never to nothing",
              arena_text(check->arena,
                         "git declares nothing at all, and that is no order to delete everything. If it is: acknowledge: [\"delete %s\"]",
                         step->id));
    else if (holding->deleted >= holding->present)
        block(step, "never to nothing",
              arena_text(check->arena, "nothing would be left in %s. In the spec of Fleet/%s: acknowledge: [\"delete %s\"]",
                         step->target->name, check->plan->graph->fleet.name, step->id));
}

static void guard_removal(struct check *check, struct step *step, size_t removals) {
    guard_reading(check, step);
    guard_keeping(step);
    guard_acknowledgement(check, step);
    guard_nothing(check, step);
    guard_budget(check, step, removals);
}

static void guard_window(struct check *check, struct step *step, int64_t now_wall_ms, const struct window_state *state) {
    const struct fleet *fleet = &check->plan->graph->fleet;
    const char *reason = NULL;
    bool fits = state->open && (state->closes_ms == INT64_MAX || state->closes_ms - now_wall_ms >= step->expected_ms[1]);
    if (!fits && !guard_window_check(fleet, &check->plan->zones, now_wall_ms, step->expected_ms[1], check->arena, &reason))
        block(step, "window", reason);
}

void guard_check(struct plan *plan, int64_t now_wall_ms, struct arena *arena) {
    struct check check = {.plan = plan, .arena = arena};
    count_holdings(&check);
    size_t removals = unnamed_removals(&check);
    struct window_state state = {.open = true, .closes_ms = INT64_MAX};
    if (window_any(&plan->graph->fleet))
        window_look(&plan->graph->fleet, &plan->zones, now_wall_ms, arena, &state);
    for (size_t i = 0; i < plan->step_count; i++) {
        struct step *step = &plan->steps[i];
        if (removes(step))
            guard_removal(&check, step, removals);
        if (step->action != ACTION_WAIT)
            guard_window(&check, step, now_wall_ms, &state);
        plan->blocked = plan->blocked || step->blocked;
    }
}
