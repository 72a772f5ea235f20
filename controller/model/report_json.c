/* model/report_json.c: the plan for machines, and for keeping: schema/published/plan.json describes it. */
#include "base/json.h"
#include "model/view.h"

static void set_text(struct view *view, struct value *map, const char *key, const char *text) {
    if (text)
        value_set(view->arena, map, key, value_of_text(arena_text(view->arena, "%s", text)));
}

static void set_changes(struct view *view, const struct step *step, struct value *out) {
    struct arena *arena = view->arena;
    struct value paths = value_of_list();
    struct value sensitive = value_of_list();
    struct value replacing = value_of_list();
    struct value before = value_of_map();
    struct value after = value_of_map();
    struct value unresolved = value_of_map();
    struct value notes = value_of_map();
    for (size_t i = 0; i < step->difference->change_count; i++) {
        const struct change *change = &step->difference->changes[i];
        const char *path = arena_text(arena, "%s", change->path);
        value_append(arena, &paths, value_of_text(path));
        if (change->sensitive)
            value_append(arena, &sensitive, value_of_text(path));
        if (change->replaces)
            value_append(arena, &replacing, value_of_text(path));
        if (change->before)
            value_set(arena, &before, path, mask_value(&view->mask, change->before, change->path, change->sensitive));
        if (change->after && !change->unresolved)
            value_set(arena, &after, path, mask_value(&view->mask, change->after, change->path, change->sensitive));
        if (change->unresolved)
            value_set(arena, &unresolved, path, value_of_text(change->unresolved));
        set_text(view, &notes, path, change->note);
    }
    value_set(arena, out, "paths", paths);
    value_set(arena, out, "before", before);
    value_set(arena, out, "after", after);
    value_set(arena, out, "after_unknown", unresolved);
    value_set(arena, out, "sensitive_paths", sensitive);
    value_set(arena, out, "replace_paths", replacing);
    value_set(arena, out, "notes", notes);
}

static struct value calls_of(struct view *view, const struct step *step) {
    struct value calls = value_of_list();
    for (size_t i = 0; i < step->call_count; i++) {
        struct value call = value_of_map();
        set_text(view, &call, "operation", step->calls[i].operation->name);
        set_text(view, &call, "update_type", step->calls[i].update_type);
        value_append(view->arena, &calls, call);
    }
    return calls;
}

static struct value edges_of(struct view *view, const struct step *step) {
    static const char *const gates[] = {"done", "ready", "exists"};
    struct value edges = value_of_list();
    for (size_t i = 0; i < step->edge_count; i++) {
        struct value edge = value_of_map();
        set_text(view, &edge, "key", view->plan->steps[step->edges[i].before].key);
        set_text(view, &edge, "gate", gates[step->edges[i].gate]);
        set_text(view, &edge, "reason", step->edges[i].reason);
        value_append(view->arena, &edges, edge);
    }
    return edges;
}

static struct value seconds_of(struct arena *arena, const int64_t ms[2]) {
    struct value seconds = value_of_map();
    value_set(arena, &seconds, "p50", value_of_integer((ms[0] + 999) / 1000));
    value_set(arena, &seconds, "p90", value_of_integer((ms[1] + 999) / 1000));
    return seconds;
}

static struct value step_to_value(struct view *view, const struct step *step) {
    struct arena *arena = view->arena;
    struct value out = value_of_map();
    set_text(view, &out, "id", step->id);
    set_text(view, &out, "key", step->key);
    set_text(view, &out, "target", view_place(step));
    set_text(view, &out, "kind", view_kind(step));
    set_text(view, &out, "name", step->resource ? step->resource->name : step->stray->name);
    set_text(view, &out, "namespace", step->resource ? step->resource->namespace : step->stray->namespace);
    set_text(view, &out, "action", action_name(step->action));
    set_text(view, &out, "reason", view_reason(view, step->difference, step->reason));
    set_text(view, &out, "waits", view_reason(view, step->difference, step->waits));
    if (step->blocked) {
        struct value blocked = value_of_map();
        set_text(view, &blocked, "rule", step->blocked_rule);
        set_text(view, &blocked, "text", view_reason(view, step->difference, step->blocked));
        value_set(arena, &out, "blocked", blocked);
    }
    set_changes(view, step, &out);
    value_set(arena, &out, "disruptive", value_of_boolean(step->disruptive));
    set_text(view, &out, "disruption", view_disruption(view, step));
    value_set(arena, &out, "est_seconds", seconds_of(arena, step->expected_ms));
    value_set(arena, &out, "calls", calls_of(view, step));
    value_set(arena, &out, "deps", edges_of(view, step));
    value_set(arena, &out, "preconditions", step->precondition);
    return out;
}

static struct value waves_of(struct view *view) {
    struct arena *arena = view->arena;
    struct value waves = value_of_list();
    struct value *steps = NULL;
    unsigned last = 0;
    for (size_t i = 0; i < view->plan->step_count; i++) {
        const struct step *step = &view->plan->steps[i];
        if (step->wave != last) {
            struct value wave = value_of_map();
            value_set(arena, &wave, "wave", value_of_integer(step->wave));
            struct value *stored = value_append(arena, &waves, wave);
            steps = value_set(arena, stored, "steps", value_of_list());
            last = step->wave;
        }
        value_append(arena, steps, step_to_value(view, step));
    }
    return waves;
}

static const char *aside_state(const struct difference *difference) {
    if (difference->type == DIFFERENCE_UNKNOWN)
        return "unknown";
    if (difference->type == DIFFERENCE_REFUSED)
        return "refused";
    return difference->type == DIFFERENCE_NONE && difference->reason ? "kept" : NULL;
}

static struct value asides_of(struct view *view) {
    struct value asides = value_of_list();
    for (size_t i = 0; i < view->plan->differences->count; i++) {
        const struct difference *difference = &view->plan->differences->items[i];
        const char *state = aside_state(difference);
        if (!state)
            continue;
        struct value aside = value_of_map();
        set_text(view, &aside, "id", difference->resource ? difference->resource->id : difference->stray->id);
        set_text(view, &aside, "key", difference->resource ? difference->resource->key : difference->stray->key);
        set_text(view, &aside, "state", state);
        set_text(view, &aside, "reason", view_reason(view, difference, difference->reason));
        value_append(view->arena, &asides, aside);
    }
    return asides;
}

static struct value findings_of(struct view *view) {
    struct value list = value_of_list();
    const struct findings *findings = view->plan->findings;
    for (size_t i = 0; findings && i < findings->count; i++) {
        struct value finding = value_of_map();
        set_text(view, &finding, "file", findings->items[i].place.file);
        value_set(view->arena, &finding, "line", value_of_integer(findings->items[i].place.line));
        value_set(view->arena, &finding, "column", value_of_integer(findings->items[i].place.column));
        set_text(view, &finding, "resource", findings->items[i].resource);
        set_text(view, &finding, "text", findings->items[i].text);
        set_text(view, &finding, "hint", findings->items[i].hint);
        value_set(view->arena, &finding, "warning", value_of_boolean(findings->items[i].warning));
        value_append(view->arena, &list, finding);
    }
    return list;
}

static struct value counts_of(struct view *view) {
    struct value counts = value_of_map();
    for (int action = ACTION_CREATE; action <= ACTION_WAIT; action++)
        value_set(view->arena, &counts, action_name((enum action)action), value_of_integer(plan_count(view->plan, (enum action)action)));
    value_set(view->arena, &counts, "unchanged", value_of_integer((int64_t)view->plan->differences->unchanged_count));
    value_set(view->arena, &counts, "unknown", value_of_integer(view->plan->unknown_count));
    return counts;
}

struct value plan_to_value(const struct plan *plan, struct arena *arena) {
    static const struct report_options options = {0};
    struct view view;
    view_init(&view, plan, &options, arena);
    struct value out = value_of_map();
    value_set(arena, &out, "plan_version", value_of_integer(1));
    set_text(&view, &out, "fleet", plan->graph->fleet.name);
    set_text(&view, &out, "source", plan->source);
    set_text(&view, &out, "commit", plan->commit);
    set_text(&view, &out, "subject", plan->subject);
    value_set(arena, &out, "complete", value_of_boolean(plan->complete));
    value_set(arena, &out, "applyable", value_of_boolean(plan->applyable));
    value_set(arena, &out, "blocked", value_of_boolean(plan->blocked));
    value_set(arena, &out, "exit_code", value_of_integer(plan_exit_code(plan)));
    set_text(&view, &out, "digest", plan->digest);
    set_text(&view, &out, "live_digest", plan->live_digest);
    value_set(arena, &out, "counts", counts_of(&view));
    value_set(arena, &out, "est_seconds", seconds_of(arena, plan->forecast_ms));
    value_set(arena, &out, "peak_disruption", value_of_integer(plan->peak_disruption));
    value_set(arena, &out, "waves", waves_of(&view));
    value_set(arena, &out, "asides", asides_of(&view));
    value_set(arena, &out, "findings", findings_of(&view));
    return out;
}

void report_json(const struct plan *plan, const struct report_options *options, struct text *out) {
    (void)options;
    ARENA_AUTO *arena = arena_new();
    struct value value = plan_to_value(plan, arena);
    json_render(out, &value, 2);
    text_add_string(out, "\n");
}
