/* model/report.c: the table of formats, and what they share. */
#include "base/json.h"
#include "model/differ.h"
#include "model/view.h"

enum { ONE_LINE = 100, LINES_LIMIT = 500 };

const struct report_format *report_formats(void) {
    static const struct report_format formats[] = {
        {"text", report_text}, {"json", report_json}, {"markdown", report_markdown}, {"mermaid", report_mermaid}, {NULL, NULL}};
    return formats;
}

const struct report_format *report_format_find(const char *name) {
    for (const struct report_format *format = report_formats(); format->name; format++) {
        if (text_equal(format->name, name))
            return format;
    }
    return NULL;
}

static void add_escaped(struct text *out, const char *text) {
    mask_escape(out, text, strlen(text));
}

void report_findings(const struct findings *findings, bool colour, struct text *out) {
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->place.file) {
            add_escaped(out, finding->place.file);
            if (finding->place.line)
                text_add(out, ":%u:%u", (unsigned)finding->place.line, (unsigned)finding->place.column);
            text_add_string(out, ": ");
        }
        const char *label = finding->warning ? "warning: " : "error: ";
        if (colour)
            text_add(out, "%s%s\033[0m", finding->warning ? "\033[33m" : "\033[31m", label);
        else
            text_add_string(out, label);
        add_escaped(out, finding->text);
        if (finding->hint) {
            text_add_string(out, ": ");
            add_escaped(out, finding->hint);
        }
        text_add_string(out, "\n");
    }
}

void view_init(struct view *view, const struct plan *plan, const struct report_options *options, struct arena *arena) {
    *view = (struct view){.plan = plan, .options = options, .arena = arena};
    mask_init(&view->mask, arena);
    size_t clusters = 0;
    for (size_t i = 0; i < plan->graph->target_count; i++)
        clusters += plan->graph->targets[i]->type == TARGET_KUBERNETES;
    view->many_clusters = clusters > 1;
}

const char *view_glyph(enum action action) {
    static const char *const glyphs[] = {"+", ">", "~", "-/+", "-", "."};
    return glyphs[action];
}

const char *view_place(const struct step *step) {
    return step->target && step->target->name ? step->target->name : "";
}

const char *view_kind(const struct step *step) {
    return step->resource ? step->resource->kind : step->stray->kind;
}

static const char *escaped(struct view *view, const char *text) {
    TEXT_AUTO out;
    text_init(&out, 1 << 20);
    add_escaped(&out, text ? text : "");
    return out.length ? text_copy(&out, view->arena) : "";
}

const char *view_name(struct view *view, const struct step *step) {
    if (view->many_clusters && step->target->type == TARGET_KUBERNETES)
        return escaped(view, arena_text(view->arena, "%s @%s", step->id, view_place(step)));
    return escaped(view, step->id);
}

const char *view_short(struct view *view, const char *hash, size_t length) {
    return hash ? escaped(view, arena_text(view->arena, "%.*s", (int)length, hash)) : "";
}

static void add_inline(struct view *view, const struct value *value, struct text *out) {
    if (value_is(value, VALUE_TEXT)) {
        if (value->text.length == 0)
            text_add_string(out, "\"\"");
        mask_escape(out, value->text.bytes, value->text.length);
    } else if (value_is(value, VALUE_LIST)) {
        text_add_string(out, "[");
        for (size_t i = 0; i < value->list.count; i++) {
            text_add_string(out, i ? ", " : "");
            add_inline(view, &value->list.items[i], out);
        }
        text_add_string(out, "]");
    } else if (value_is(value, VALUE_MAP)) {
        const char *reference = graph_is_reference(value) ? value_text_at(value, "ref") : NULL;
        text_add_string(out, reference ? "" : "{");
        if (reference)
            text_add(out, "→%s", escaped(view, reference));
        for (size_t i = 0; i < value->map.count && !reference; i++) {
            text_add_string(out, i ? ", " : "");
            add_escaped(out, value->map.members[i].key);
            text_add_string(out, ": ");
            add_inline(view, &value->map.members[i].value, out);
        }
        text_add_string(out, reference ? "" : "}");
    } else {
        text_add_string(out, json_text(view->arena, value));
    }
}

const char *view_value(struct view *view, const struct change *change, const struct value *value) {
    if (!value)
        return "";
    struct value masked = mask_value(&view->mask, value, change->path, change->sensitive);
    TEXT_AUTO out;
    text_init(&out, 1 << 20);
    add_inline(view, &masked, &out);
    return out.length ? text_copy(&out, view->arena) : "";
}

static bool is_document(const struct change *change) {
    return change->field && (change->field->type == TYPE_DOCUMENT || change->field->type == TYPE_DOCUMENT_MAP);
}

/* The value as lines: texts as they are, everything else as indented JSON; policies in their normal form, so that only meaning differs. */
static const char *as_lines(struct view *view, const struct change *change, const struct value *value) {
    if (!value)
        return "";
    struct value normal = is_document(change) ? document_normal(view->arena, value) : *value;
    struct value masked = mask_value(&view->mask, &normal, change->path, change->sensitive);
    if (value_is(&masked, VALUE_TEXT))
        return masked.text.bytes;
    TEXT_AUTO out;
    text_init(&out, 1 << 20);
    json_render(&out, &masked, 2);
    return out.length ? text_copy(&out, view->arena) : "";
}

bool view_is_long(struct view *view, const struct change *change) {
    if (change->sensitive || change->unresolved || change->informs)
        return false;
    const struct value *values[] = {change->before, change->after};
    for (size_t i = 0; i < 2; i++) {
        if (values[i] && is_document(change))
            return true;
        const char *text = value_text(values[i]);
        if (text && strchr(text, '\n') && strchr(text, '\n')[1] && !mask_text_is_secret(text))
            return true;
        bool nested = value_is(values[i], VALUE_MAP) || value_is(values[i], VALUE_LIST);
        if (nested && strlen(view_value(view, change, values[i])) > ONE_LINE)
            return true;
    }
    return false;
}

struct lines {
    const char **items;
    size_t count;
};

static struct lines split(struct view *view, const char *text) {
    struct lines lines = {0};
    for (const char *at = text; *at && lines.count < LINES_LIMIT;) {
        size_t length = strcspn(at, "\n");
        lines.items = arena_grow(view->arena, lines.items, lines.count, sizeof *lines.items);
        lines.items[lines.count++] = arena_copy(view->arena, at, length);
        at += length + (at[length] == '\n');
    }
    return lines;
}

/* Longest common subsequence, from the end: lengths[i][j] of the rests from line i and line j. */
static uint16_t *common_lengths(struct view *view, const struct lines *one, const struct lines *other) {
    size_t width = other->count + 1;
    uint16_t *lengths = ARENA_ARRAY(view->arena, uint16_t, (one->count + 1) * width);
    for (size_t i = one->count; i-- > 0;) {
        for (size_t j = other->count; j-- > 0;) {
            uint16_t down = lengths[(i + 1) * width + j];
            uint16_t right = lengths[i * width + j + 1];
            if (text_equal(one->items[i], other->items[j]))
                lengths[i * width + j] = (uint16_t)(lengths[(i + 1) * width + j + 1] + 1);
            else
                lengths[i * width + j] = down > right ? down : right;
        }
    }
    return lengths;
}

struct edit {
    char sign;
    const char *line;
};

static size_t find_edits(struct view *view, const struct lines *one, const struct lines *other, struct edit *edits) {
    const uint16_t *lengths = common_lengths(view, one, other);
    size_t width = other->count + 1;
    size_t i = 0;
    size_t j = 0;
    size_t count = 0;
    while (i < one->count || j < other->count) {
        bool same = i < one->count && j < other->count && text_equal(one->items[i], other->items[j]);
        bool drop = i < one->count && (j == other->count || lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]);
        if (same) {
            edits[count++] = (struct edit){' ', one->items[i]};
            i++;
            j++;
        } else if (drop) {
            edits[count++] = (struct edit){'-', one->items[i++]};
        } else {
            edits[count++] = (struct edit){'+', other->items[j++]};
        }
    }
    return count;
}

static bool near_edit(const struct edit *edits, size_t count, size_t at, unsigned context) {
    size_t from = at > context ? at - context : 0;
    for (size_t i = from; i < count && i <= at + context; i++) {
        if (edits[i].sign != ' ')
            return true;
    }
    return false;
}

void view_lines(struct view *view, const struct change *change, unsigned context, const char *indent, struct text *out) {
    struct lines one = split(view, as_lines(view, change, change->before));
    struct lines other = split(view, as_lines(view, change, change->after));
    struct edit *edits = ARENA_ARRAY(view->arena, struct edit, one.count + other.count);
    size_t count = find_edits(view, &one, &other, edits);
    bool gap = false;
    for (size_t i = 0; i < count; i++) {
        if (!near_edit(edits, count, i, context)) {
            gap = true;
            continue;
        }
        if (gap)
            text_add(out, "%s  …\n", indent);
        gap = false;
        text_add(out, "%s%c ", indent, edits[i].sign);
        add_escaped(out, edits[i].line);
        text_add_string(out, "\n");
    }
    if (one.count == LINES_LIMIT || other.count == LINES_LIMIT)
        text_add(out, "%s  (only the first %d lines are compared here)\n", indent, LINES_LIMIT);
}

const char *view_reason(struct view *view, const struct difference *difference, const char *reason) {
    if (!reason)
        return NULL;
    if (difference && difference->resource)
        mask_learn(&view->mask, &difference->resource->desired);
    if (difference && difference->live)
        mask_learn(&view->mask, &difference->live->object);
    return mask_text(&view->mask, reason);
}

const char *view_note(struct view *view, const struct change *change) {
    if (change->unresolved)
        return arena_text(view->arena, "known after %s", escaped(view, change->unresolved));
    if (change->replaces)
        return change->note ? arena_text(view->arena, "cannot change in place; %s", escaped(view, change->note)) : "cannot change in place";
    return change->note ? escaped(view, change->note) : NULL;
}

/* What is expected is not known to the second once it takes minutes. */
const char *view_duration(struct view *view, int64_t duration_ms) {
    int64_t step_ms = duration_ms < 60000 ? 1000 : duration_ms < 600000 ? 10000 : 60000;
    int64_t rounded_ms = (duration_ms + step_ms / 2) / step_ms * step_ms;
    return rounded_ms > 0 ? text_of_duration(view->arena, rounded_ms) : "1 s";
}

/* What disturbs waits until what disturbed before it has been healthy for its bake. */
static const char *gate_text(struct view *view, const struct step *step, const struct step_edge *edge) {
    const struct step *before = &view->plan->steps[edge->before];
    if (before->blocked)
        return ", which is blocked";
    if (edge->gate != GATE_READY)
        return "";
    int64_t bake_ms = step->disruptive && before->disruptive ? fleet_bake_ms(&view->plan->graph->fleet, view_kind(before)) : 0;
    return bake_ms > 0 ? arena_text(view->arena, " · until healthy for %s", view_duration(view, bake_ms)) : " · until ready";
}

/* What holds a step back: the one before it that is blocked, or else the one that comes last. */
const char *view_gate(struct view *view, const struct step *step) {
    const struct step *steps = view->plan->steps;
    const struct step_edge *last = NULL;
    for (size_t i = 0; i < step->edge_count; i++) {
        const struct step_edge *edge = &step->edges[i];
        bool later = !last || steps[edge->before].wave > steps[last->before].wave;
        if (!last || !steps[last->before].blocked == !steps[edge->before].blocked ? later : steps[edge->before].blocked != NULL)
            last = edge;
    }
    if (!last)
        return NULL;
    const char *name = escaped(view, steps[last->before].id);
    const char *ready = gate_text(view, step, last);
    if (step->edge_count == 1)
        return arena_text(view->arena, "after %s%s", name, ready);
    return arena_text(view->arena, "after %s%s, and %zu more", name, ready, step->edge_count - 1);
}

const char *view_disruption(struct view *view, const struct step *step) {
    const struct kind *row = step->resource ? step->resource->row : step->stray->row;
    bool drains = row && row->runs_pods && (step->action == ACTION_REPLACE || step->action == ACTION_DELETE);
    if (!drains || !step->difference->live)
        return NULL;
    int64_t nodes = value_integer(value_at(&step->difference->live->object, "scalingConfig.desiredSize"), 0);
    return nodes > 0 ? arena_text(view->arena, "%lld node%s drained", (long long)nodes, nodes == 1 ? "" : "s") : "its pods move";
}

/* Splits "ng-0017" into "ng-" and 17 of width 4. */
static bool split_number(const char *name, size_t *stem, uint64_t *number, size_t *width) {
    size_t length = strlen(name);
    size_t at = length;
    while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9')
        at--;
    *stem = at;
    *width = length - at;
    *number = 0;
    if (*width == 0 || *width > 15)
        return false;
    for (size_t i = at; i < length; i++)
        *number = *number * 10 + (uint64_t)(name[i] - '0');
    return true;
}

static bool follows(const char *one, const char *next) {
    size_t stem[2];
    size_t width[2];
    uint64_t number[2];
    return split_number(one, &stem[0], &number[0], &width[0]) && split_number(next, &stem[1], &number[1], &width[1]) &&
           stem[0] == stem[1] && width[0] == width[1] && strncmp(one, next, stem[0]) == 0 && number[1] == number[0] + 1;
}

const char *view_names(struct view *view, const char *const *names, size_t count) {
    TEXT_AUTO out;
    text_init(&out, 4 << 20);
    for (size_t i = 0; i < count;) {
        size_t last = i;
        while (last + 1 < count && follows(names[last], names[last + 1]))
            last++;
        if (out.length)
            text_add_string(&out, ", ");
        text_add_string(&out, names[i]);
        if (last >= i + 2) {
            text_add(&out, "…%s", names[last]);
            i = last + 1;
        } else {
            i++;
        }
    }
    return out.length ? text_copy(&out, view->arena) : "";
}

static unsigned blocked_count(const struct plan *plan, enum action action) {
    unsigned count = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        count += plan->steps[i].action == action && plan->steps[i].blocked;
    return count;
}

static unsigned refused_count(const struct plan *plan) {
    unsigned count = 0;
    for (size_t i = 0; i < plan->differences->count; i++)
        count += plan->differences->items[i].type == DIFFERENCE_REFUSED;
    return count;
}

static void add_count(struct view *view, struct text *out, enum action action, const char *before) {
    unsigned count = plan_count(view->plan, action);
    unsigned blocked = blocked_count(view->plan, action);
    text_add(out, "%s%u to %s", before, count, action_name(action));
    if (blocked && blocked == count)
        text_add_string(out, " (blocked)");
    else if (blocked)
        text_add(out, " (%u blocked)", blocked);
}

static void add_effort(struct view *view, struct text *out) {
    const struct plan *plan = view->plan;
    unsigned aws = 0;
    unsigned kubernetes = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        aws += plan->steps[i].aws_writes;
        kubernetes += plan->steps[i].kubernetes_writes;
    }
    text_add(out, " · %u wave%s", plan->wave_count, plan->wave_count == 1 ? "" : "s");
    if (plan->forecast_ms[0] > 0)
        text_add(out, " · about %s (at worst %s)", view_duration(view, plan->forecast_ms[0]), view_duration(view, plan->forecast_ms[1]));
    if (aws && kubernetes)
        text_add(out, " · %u AWS and %u Kubernetes writes", aws, kubernetes);
    else if (aws + kubernetes)
        text_add(out, " · %u %s write%s", aws + kubernetes, aws ? "AWS" : "Kubernetes", aws + kubernetes == 1 ? "" : "s");
}

static void add_shortfall(struct text *out, const char **comma, size_t count, const char *what) {
    if (count == 0)
        return;
    text_add(out, "%s%zu %s", *comma, count, what);
    *comma = ", ";
}

void report_summary(struct view *view, struct text *out) {
    const struct plan *plan = view->plan;
    unsigned waiting = plan_count(plan, ACTION_WAIT);
    unsigned refused = refused_count(plan);
    bool trusted = plan->complete && refused == 0;
    const char *commit = view_short(view, plan->commit, 7);
    if (plan->step_count == 0 && trusted) {
        text_add(out, "No changes. %zu resource%s match%s %s%s.\n", plan->graph->count, plan->graph->count == 1 ? "" : "s",
                 plan->graph->count == 1 ? "es" : "", *commit ? "commit " : "what is declared", commit);
        return;
    }
    if (plan->step_count == waiting && trusted) {
        text_add(out, "No changes to make. %u resource%s still under way.\n", waiting, waiting == 1 ? " is" : "s are");
        return;
    }
    if (plan->step_count == waiting) {
        text_add_string(out, "No changes found");
    } else {
        add_count(view, out, ACTION_CREATE, "Plan: ");
        if (plan_count(plan, ACTION_ADOPT))
            add_count(view, out, ACTION_ADOPT, ", ");
        add_count(view, out, ACTION_CHANGE, ", ");
        add_count(view, out, ACTION_REPLACE, ", ");
        add_count(view, out, ACTION_DELETE, ", ");
        if (waiting)
            text_add(out, ", %u under way", waiting);
        add_effort(view, out);
    }
    if (!trusted) {
        text_add(out, "%s: ", plan->step_count == waiting ? ", but the plan is partial" : " · partial");
        size_t errors = plan->findings ? plan->findings->error_count : 0;
        const char *comma = "";
        add_shortfall(out, &comma, plan->unknown_count, "could not be read");
        add_shortfall(out, &comma, refused, "refused");
        add_shortfall(out, &comma, errors, errors == 1 ? "error in git" : "errors in git");
        if (!plan->world->complete && plan->unknown_count == 0)
            text_add(out, "%snot everything could be listed", comma);
    }
    text_add_string(out, plan->step_count == waiting ? ".\n" : "\n");
}
