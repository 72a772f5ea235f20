/* model/report_text.c: the plan as a person reads it on a terminal: in the order of execution, one line a step, details where something
 * changes. */
#include "model/view.h"

enum { NAME_LEAST = 24, NAME_MOST = 56, PATH_LEAST = 12, PATH_MOST = 44 };

static const char *colour_of(const struct view *view, enum action action) {
    static const char *const colours[] = {"\033[32m", "\033[36m", "\033[33m", "\033[35m", "\033[31m", "\033[2m"};
    return view->options->colour ? colours[action] : "";
}

static const char *plain(const struct view *view) {
    return view->options->colour ? "\033[0m" : "";
}

/* Columns that a UTF-8 text takes: its code points. */
static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void pad(struct text *out, size_t from, size_t to) {
    for (; from < to; from++)
        text_add_string(out, " ");
}

static void add_header(struct view *view, struct text *out) {
    const struct plan *plan = view->plan;
    text_add(out, "Plan for %s", plan->graph->fleet.name ? plan->graph->fleet.name : "default");
    for (size_t i = 0; i < plan->graph->target_count && plan->graph->target_count <= 4; i++)
        text_add(out, " · %s", plan->graph->targets[i]->name);
    if (plan->graph->target_count > 4)
        text_add(out, " · %zu targets", plan->graph->target_count);
    if (plan->commit)
        text_add(out, " · commit %s", view_short(view, plan->commit, 7));
    if (plan->subject)
        text_add(out, " \"%s\"", mask_text(&view->mask, plan->subject));
    text_add_string(out, "\n\n");
}

static void add_legend(struct view *view, struct text *out) {
    static const char *const meanings[] = {"create", "adopt", "change", "replace", "delete", "wait"};
    bool any = false;
    for (int action = ACTION_CREATE; action <= ACTION_WAIT; action++) {
        if (!plan_count(view->plan, (enum action)action))
            continue;
        text_add(out, "%s%s%s%s %s", any ? "   " : "  ", colour_of(view, (enum action)action), view_glyph((enum action)action), plain(view),
                 meanings[action]);
        any = true;
    }
    text_add_string(out, any ? "\n\n" : "");
}

static size_t name_width(struct view *view) {
    size_t width = NAME_LEAST;
    for (size_t i = 0; i < view->plan->step_count; i++) {
        size_t own = width_of(view_name(view, &view->plan->steps[i]));
        if (own > width)
            width = own;
    }
    return width > NAME_MOST ? NAME_MOST : width;
}

static void add_piece(struct text *out, bool *any, const char *piece) {
    if (!piece)
        return;
    text_add(out, "%s%s", *any ? " · " : "  ", piece);
    *any = true;
}

/* EKS takes one kind of update in a call, and one at a time in a cluster. */
static const char *updates_of(struct view *view, const struct step *step) {
    size_t updates = 0;
    for (size_t i = 0; i < step->call_count; i++)
        updates += step->calls[i].update_type != NULL;
    return updates > 1 ? arena_text(view->arena, "%zu updates, one after another", updates) : NULL;
}

static void add_step_line(struct view *view, const struct step *step, size_t width, struct text *out) {
    const char *name = view_name(view, step);
    text_add(out, "  %u %s%3s%s %s", step->wave, colour_of(view, step->action), view_glyph(step->action), plain(view), name);
    const char *gate = view_gate(view, step);
    const char *disruption = view_disruption(view, step);
    const char *updates = updates_of(view, step);
    const char *about = step->expected_ms[0] > 0 && step->action != ACTION_WAIT
                            ? arena_text(view->arena, "about %s", view_duration(view, step->expected_ms[0]))
                            : NULL;
    bool any = false;
    if (gate || disruption || updates || about)
        pad(out, width_of(name), width);
    add_piece(out, &any, gate);
    add_piece(out, &any, about);
    add_piece(out, &any, updates);
    add_piece(out, &any, disruption);
    text_add_string(out, "\n");
}

/* An item that is its own key is said once: as the value. */
static size_t path_length(const struct change *change) {
    const char *value = change->before ? value_text(change->before) : value_text(change->after);
    size_t length = strlen(change->path);
    size_t own = value && !change->sensitive && !(change->before && change->after) ? strlen(value) + 2 : length;
    bool repeated = own < length && change->path[length - own] == '[' && strncmp(change->path + length - own + 1, value, own - 2) == 0;
    return repeated ? length - own : length;
}

static const char *path_of(struct view *view, const struct change *change) {
    return arena_text(view->arena, "%.*s", (int)path_length(change), change->path);
}

static size_t path_width(struct view *view, const struct difference *difference) {
    size_t width = PATH_LEAST;
    for (size_t i = 0; i < difference->change_count; i++) {
        size_t own = view_is_long(view, &difference->changes[i]) ? 0 : width_of(path_of(view, &difference->changes[i]));
        if (own > width && own <= PATH_MOST)
            width = own;
    }
    return width;
}

static void add_change_line(struct view *view, const struct change *change, size_t width, struct text *out) {
    const char *path = path_of(view, change);
    text_add_string(out, "       ");
    mask_escape(out, path, strlen(path));
    const char *note = view_note(view, change);
    bool is_long = view_is_long(view, change);
    if (note || !is_long) {
        pad(out, width_of(path), width);
        text_add_string(out, "  ");
    }
    if (is_long) {
        text_add(out, "%s\n", note ? note : "");
        view_lines(view, change, 2, "         ", out);
        return;
    }
    const char *before = view_value(view, change, change->before); /* first: secrets are numbered as they are met */
    const char *after = view_value(view, change, change->after);
    if (change->informs) {
        text_add(out, "%s\n", note ? note : "");
        return;
    }
    if (change->unresolved)
        text_add_string(out, change->before ? before : "");
    else if (change->before && change->after)
        text_add(out, "%s → %s", before, after);
    else if (change->after)
        text_add(out, "+ %s", after);
    else
        text_add(out, "- %s", before);
    if (note)
        text_add(out, "%s%s", change->unresolved && !change->before ? "" : "   ", note);
    text_add_string(out, "\n");
}

static void add_changes(struct view *view, const struct step *step, struct text *out) {
    const struct difference *difference = step->difference;
    if (step->action == ACTION_CREATE && !view->options->verbose) {
        if (difference->unresolved)
            text_add(out, "       known after %s\n", mask_text(&view->mask, difference->unresolved));
        return;
    }
    size_t width = path_width(view, difference);
    for (size_t i = 0; i < difference->change_count; i++)
        add_change_line(view, &difference->changes[i], width, out);
}

static void add_step(struct view *view, const struct step *step, size_t width, struct text *out) {
    add_step_line(view, step, width, out);
    add_changes(view, step, out);
    bool said = step->action == ACTION_REPLACE && step->call_count > 0; /* beside the field that asks for it */
    if (step->reason && !said)
        text_add(out, "       because: %s\n", view_reason(view, step->difference, step->reason));
    if (step->waits)
        text_add(out, "       waits: %s\n", view_reason(view, step->difference, step->waits));
    if (step->blocked)
        text_add(out, "       %s! blocked%s: %s\n", view->options->colour ? "\033[31m" : "", plain(view),
                 view_reason(view, step->difference, step->blocked));
    for (size_t i = 0; view->options->verbose && i < step->edge_count; i++)
        text_add(out, "       after %s: %s\n", mask_text(&view->mask, view->plan->steps[step->edges[i].before].id),
                 mask_text(&view->mask, step->edges[i].reason));
}

static const char *id_of(const struct difference *difference) {
    return difference->resource ? difference->resource->id : difference->stray->id;
}

/* What the plan does not touch though something is to be said about it. */
static void add_aside(struct view *view, const struct difference *difference, struct text *out) {
    const char *glyph = difference->type == DIFFERENCE_UNKNOWN ? "?" : difference->type == DIFFERENCE_REFUSED ? "x" : "=";
    const char *what = difference->type == DIFFERENCE_UNKNOWN   ? "could not be read"
                       : difference->type == DIFFERENCE_REFUSED ? "refused"
                                                                : NULL; /* its reason says it all */
    const char *reason = view_reason(view, difference, difference->reason);
    bool mended_in_git = difference->type == DIFFERENCE_REFUSED && difference->resource && difference->resource->place.file;
    text_add(out, "  %s %s", glyph, mask_text(&view->mask, id_of(difference)));
    if (mended_in_git)
        text_add(out, " (%s:%u)", mask_text(&view->mask, difference->resource->place.file), (unsigned)difference->resource->place.line);
    text_add(out, "  %s%s%s\n", what ? what : "", what && reason ? ": " : "", reason ? reason : "");
}

/* Whether there was anything to say. */
static bool add_asides(struct view *view, struct text *out) {
    const struct differences *differences = view->plan->differences;
    bool any = false;
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];
        bool kept = difference->type == DIFFERENCE_NONE && difference->reason;
        bool said = difference->type == DIFFERENCE_UNKNOWN || difference->type == DIFFERENCE_REFUSED || kept;
        bool listed = !said && difference->type == DIFFERENCE_NONE && view->options->verbose && difference->resource;
        if (said)
            add_aside(view, difference, out);
        else if (listed)
            text_add(out, "  = %s\n", mask_text(&view->mask, id_of(difference)));
        any = any || said || listed;
    }
    return any;
}

static const char *grouped(struct arena *arena, size_t number) {
    if (number < 1000)
        return arena_text(arena, "%zu", number);
    return arena_text(arena, "%s,%03zu", grouped(arena, number / 1000), number % 1000);
}

void report_text(const struct plan *plan, const struct report_options *options, struct text *out) {
    ARENA_AUTO *arena = arena_new();
    struct view view;
    view_init(&view, plan, options, arena);
    add_header(&view, out);
    add_legend(&view, out);
    size_t width = name_width(&view);
    for (size_t i = 0; i < plan->step_count; i++)
        add_step(&view, &plan->steps[i], width, out);
    bool asides = add_asides(&view, out);
    if (plan->step_count && plan->differences->unchanged_count)
        text_add(out, "  = %s object%s unchanged\n", grouped(arena, plan->differences->unchanged_count),
                 plan->differences->unchanged_count == 1 ? "" : "s");
    text_add_string(out, plan->step_count || asides ? "\n" : "");
    if (plan->findings && plan->findings->count) {
        report_findings(plan->findings, options->colour, out);
        text_add_string(out, "\n");
    }
    report_summary(&view, out);
}
