/* model/report_mermaid.c: the order as a graph that forges draw; folded to at most 30 boxes. */
#include "model/view.h"

enum { BOXES_LIMIT = 30 };

/* How much is folded into one box. */
enum fold { FOLD_NOTHING, FOLD_KIND, FOLD_ACTION, FOLD_WAVE };

struct box {
    const struct step *first;
    size_t count;
};

struct drawing {
    struct view *view;
    struct box *boxes;
    size_t count;
    size_t *box_of; /* beside steps */
};

static bool same_box(enum fold fold, const struct step *one, const struct step *other) {
    if (fold == FOLD_NOTHING || one->wave != other->wave)
        return false;
    if (fold != FOLD_WAVE && one->action != other->action)
        return false;
    return fold != FOLD_KIND || text_equal(view_kind(one), view_kind(other));
}

/* False when there are too many boxes. */
static bool find_boxes(struct drawing *drawing, enum fold fold) {
    const struct plan *plan = drawing->view->plan;
    drawing->count = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct step *step = &plan->steps[i];
        size_t at = 0;
        while (at < drawing->count && !same_box(fold, drawing->boxes[at].first, step))
            at++;
        if (at == BOXES_LIMIT)
            return false;
        if (at == drawing->count)
            drawing->boxes[drawing->count++] = (struct box){.first = step};
        drawing->boxes[at].count++;
        drawing->box_of[i] = at;
    }
    return true;
}

static void add_label(struct text *out, const char *label) {
    for (; *label; label++) {
        if (strchr("\"<>&#;[]{}|`\\", *label))
            text_add(out, "#%d;", *label);
        else
            text_add_bytes(out, label, 1);
    }
}

static void add_box(struct drawing *drawing, size_t at, enum fold fold, struct text *out) {
    const struct box *box = &drawing->boxes[at];
    struct view *view = drawing->view;
    const char *label = view_name(view, box->first);
    if (box->count > 1 && fold == FOLD_KIND)
        label = arena_text(view->arena, "%zu × %s", box->count, view_kind(box->first));
    else if (box->count > 1)
        label = arena_text(view->arena, "%zu objects", box->count);
    bool mixed = fold == FOLD_WAVE && box->count > 1;
    text_add(out, "  n%zu[\"%s", at + 1, mixed ? "" : view_glyph(box->first->action));
    text_add_string(out, mixed ? "" : " ");
    add_label(out, label);
    text_add(out, "\"]%s%s\n", mixed ? "" : ":::", mixed ? "" : action_name(box->first->action));
}

static void add_arrows(struct drawing *drawing, struct text *out) {
    const struct plan *plan = drawing->view->plan;
    bool *drawn = ARENA_ARRAY(drawing->view->arena, bool, BOXES_LIMIT *BOXES_LIMIT);
    for (size_t i = 0; i < plan->step_count; i++) {
        for (size_t j = 0; j < plan->steps[i].edge_count; j++) {
            size_t from = drawing->box_of[plan->steps[i].edges[j].before];
            size_t to = drawing->box_of[i];
            if (from == to || drawn[from * BOXES_LIMIT + to])
                continue;
            drawn[from * BOXES_LIMIT + to] = true;
            text_add(out, "  n%zu %s n%zu\n", from + 1, plan->steps[i].edges[j].gate == GATE_READY ? "-->|ready|" : "-->", to + 1);
        }
    }
}

void report_mermaid(const struct plan *plan, const struct report_options *options, struct text *out) {
    ARENA_AUTO *arena = arena_new();
    struct view view;
    view_init(&view, plan, options, arena);
    struct drawing drawing = {.view = &view};
    drawing.boxes = ARENA_ARRAY(arena, struct box, BOXES_LIMIT);
    drawing.box_of = ARENA_ARRAY(arena, size_t, plan->step_count);
    enum fold fold = FOLD_NOTHING;
    while (!find_boxes(&drawing, fold) && fold < FOLD_WAVE)
        fold++;
    if (plan->wave_count > BOXES_LIMIT && fold == FOLD_WAVE && !find_boxes(&drawing, fold)) {
        text_add(out, "flowchart LR\n  n1[\"%zu steps in %u waves: too many to draw\"]\n", plan->step_count, plan->wave_count);
        return;
    }
    text_add_string(out, "flowchart LR\n");
    if (plan->step_count == 0)
        text_add_string(out, "  n1[\"no changes\"]\n");
    for (size_t i = 0; i < drawing.count; i++)
        add_box(&drawing, i, fold, out);
    add_arrows(&drawing, out);
    if (plan->step_count == 0)
        return;
    text_add_string(out, "  classDef create stroke:#2da44e\n  classDef adopt stroke:#1b7c83\n  classDef change stroke:#bf8700\n"
                         "  classDef replace stroke:#8250df\n  classDef delete stroke:#cf222e\n  classDef wait stroke:#8c959f\n");
}
