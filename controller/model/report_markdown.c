/* model/report_markdown.c: the plan as a comment on a pull request: one that fits, that nothing inside can break out of, and that never
 * leaves out a delete, a replacement or an error. Everything from outside stands in <code> or in a fence, where forges make no mentions and
 * no links of it. */
#include "model/view.h"

enum { GITHUB_LIMIT = 65536, NAMES_LIMIT = 2000 };

/* What is left out, in this order, until it fits. */
enum level { LEVEL_ALL, LEVEL_NO_CONTEXT, LEVEL_NO_CREATE, LEVEL_NO_CHANGE, LEVEL_NO_NAMES, LEVEL_NO_BODY, LEVEL_COUNT };

/* Steps of one action and kind whose diffs are the same bytes. */
struct group {
    const struct step *first;
    const char *body;
    const struct step **steps;
    size_t count;
};

struct page {
    struct view *view;
    struct group *groups;
    size_t count;
    enum level level;
};

/* Code points beyond the basic plane count twice, as forges count UTF-16. */
static size_t characters_of(const char *text, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        count += (byte & 0xc0) != 0x80;
        count += byte >= 0xf0;
    }
    return count;
}

/* Text in <code>: nothing in it is markup, a mention, a comment or the end of a table cell. */
static void add_code(struct text *out, const char *text) {
    text_add_string(out, "<code>");
    for (; *text; text++) {
        if (strchr("<>&|`*_[]\\~#@!\"", *text))
            text_add(out, "&#%d;", *text);
        else
            text_add_bytes(out, text, 1);
    }
    text_add_string(out, "</code>");
}

static void add_body_line(struct text *out, const char *sign, const struct change *change, const char *value, const char *note) {
    text_add(out, "%s ", sign);
    mask_escape(out, change->path, strlen(change->path));
    if (*value)
        text_add(out, ": %s", value);
    if (note)
        text_add(out, "%s(%s)", *value ? "   " : "  ", note);
    text_add_string(out, "\n");
}

static void add_body_change(struct view *view, const struct change *change, unsigned context, struct text *out) {
    const char *note = view_note(view, change);
    if (view_is_long(view, change)) {
        add_body_line(out, "!", change, "", note);
        view_lines(view, change, context, "", out);
        return;
    }
    if (change->informs || change->unresolved) {
        add_body_line(out, change->informs ? " " : "+", change, "", note);
        return;
    }
    if (change->before)
        add_body_line(out, "-", change, view_value(view, change, change->before), change->after ? NULL : note);
    if (change->after)
        add_body_line(out, "+", change, view_value(view, change, change->after), note);
}

static const char *body_of(struct view *view, const struct step *step, unsigned context) {
    TEXT_AUTO out;
    text_init(&out, 1 << 20);
    for (size_t i = 0; i < step->difference->change_count; i++)
        add_body_change(view, &step->difference->changes[i], context, &out);
    return out.length ? text_copy(&out, view->arena) : "";
}

struct body {
    const struct step *step;
    const char *text;
};

static int compare_bodies(const void *one, const void *other) {
    const struct body *a = one;
    const struct body *b = other;
    if (a->step->action != b->step->action)
        return a->step->action < b->step->action ? -1 : 1;
    int kinds = strcmp(view_kind(a->step), view_kind(b->step));
    if (kinds)
        return kinds;
    int texts = strcmp(a->text, b->text);
    return texts ? texts : a->step->index < b->step->index ? -1 : 1;
}

static int compare_groups(const void *one, const void *other) {
    const struct group *a = one;
    const struct group *b = other;
    return a->first->index < b->first->index ? -1 : a->first->index > b->first->index;
}

static bool belongs(const struct body *one, const struct body *other) {
    return one->step->action == other->step->action && text_equal(view_kind(one->step), view_kind(other->step)) &&
           text_equal(one->text, other->text);
}

static void find_groups(struct page *page, unsigned context) {
    struct view *view = page->view;
    size_t count = view->plan->step_count;
    struct body *bodies = ARENA_ARRAY(view->arena, struct body, count);
    for (size_t i = 0; i < count; i++)
        bodies[i] = (struct body){&view->plan->steps[i], body_of(view, &view->plan->steps[i], context)};
    if (count > 1)
        qsort(bodies, count, sizeof *bodies, compare_bodies);
    page->groups = ARENA_ARRAY(view->arena, struct group, count);
    page->count = 0;
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && belongs(&bodies[i], &bodies[end]))
            end++;
        struct group *group = &page->groups[page->count++];
        *group = (struct group){.first = bodies[i].step, .body = bodies[i].text, .count = end - i};
        group->steps = ARENA_ARRAY(view->arena, const struct step *, end - i);
        for (size_t j = i; j < end; j++)
            group->steps[j - i] = bodies[j].step;
        i = end;
    }
    if (page->count > 1)
        qsort(page->groups, page->count, sizeof *page->groups, compare_groups);
}

static int compare_names(const void *one, const void *other) {
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static const char *group_names(struct page *page, const struct group *group, size_t limit) {
    struct view *view = page->view;
    const char **names = ARENA_ARRAY(view->arena, const char *, group->count);
    for (size_t i = 0; i < group->count; i++)
        names[i] = view_name(view, group->steps[i]);
    qsort(names, group->count, sizeof *names, compare_names);
    const char *folded = view_names(view, names, group->count);
    if (strlen(folded) <= limit)
        return folded;
    size_t cut = limit;
    while (cut > 0 && folded[cut] != ',')
        cut--;
    return arena_text(view->arena, "%.*s, … (%zu in all)", (int)cut, folded, group->count);
}

static bool takes_away(enum action action) {
    return action == ACTION_DELETE || action == ACTION_REPLACE;
}

/* The longest run of backticks inside, and one more. */
static void add_fenced(struct text *out, const char *body) {
    size_t longest = 2;
    for (const char *at = body; *at;) {
        size_t run = strspn(at, "`");
        longest = run > longest ? run : longest;
        at += run ? run : 1;
    }
    for (size_t i = 0; i <= longest; i++)
        text_add_string(out, "`");
    text_add(out, "diff\n%s", body);
    for (size_t i = 0; i <= longest; i++)
        text_add_string(out, "`");
    text_add_string(out, "\n");
}

/* A name that can neither end the comment nor begin another. */
static const char *marker_name(struct view *view, const char *name) {
    char *safe = arena_text(view->arena, "%.64s", name);
    for (char *at = safe; *at; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || *at == '.' || *at == '_';
        bool dash = *at == '-' && at[1] != '-' && at[1] != '>';
        *at = plain || dash ? *at : '_';
    }
    return safe;
}

static void add_title(struct view *view, struct text *out) {
    const struct plan *plan = view->plan;
    const char *fleet = plan->graph->fleet.name ? plan->graph->fleet.name : "default";
    text_add(out, "<!-- eksact-plan:v1 key=%s plan=%s head=%s -->\n", marker_name(view, fleet), view_short(view, plan->digest, 12),
             view_short(view, plan->commit, 12));
    text_add_string(out, "### Plan ");
    add_code(out, view_short(view, fleet, 64));
    static const enum action shown[] = {ACTION_CREATE, ACTION_ADOPT, ACTION_CHANGE, ACTION_REPLACE};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (plan_count(plan, shown[i]))
            text_add(out, " · %u %s", plan_count(plan, shown[i]), action_name(shown[i]));
    }
    text_add(out, " · **%u delete**", plan_count(plan, ACTION_DELETE));
    text_add(out, " · %u wave%s", plan->wave_count, plan->wave_count == 1 ? "" : "s");
    if (plan->forecast_ms[0] > 0)
        text_add(out, " · forecast %s (p50) – %s (p90)", view_duration(view, plan->forecast_ms[0]),
                 view_duration(view, plan->forecast_ms[1]));
    if (!plan->complete)
        text_add_string(out, " · **partial**");
    text_add_string(out, "\n\n");
}

static void add_caution_of(struct page *page, enum action action, const char *verb, struct text *out) {
    struct view *view = page->view;
    unsigned count = plan_count(view->plan, action);
    if (count == 0)
        return;
    text_add(out, "> %u %s %s:\n", count, count == 1 ? "object is" : "objects are", verb);
    for (size_t i = 0; i < page->count; i++) {
        const struct group *group = &page->groups[i];
        if (group->first->action != action)
            continue;
        text_add_string(out, "> - ");
        add_code(out, group_names(page, group, page->level >= LEVEL_NO_BODY ? NAMES_LIMIT : (size_t)GITHUB_LIMIT));
        const char *reason = view_reason(view, group->first->difference, group->first->reason);
        if (reason) {
            text_add_string(out, " — ");
            add_code(out, reason);
        }
        text_add_string(out, "\n");
    }
}

static void add_caution(struct page *page, struct text *out) {
    if (!plan_count(page->view->plan, ACTION_DELETE) && !plan_count(page->view->plan, ACTION_REPLACE))
        return;
    text_add_string(out, "> [!CAUTION]\n");
    add_caution_of(page, ACTION_DELETE, "DELETED", out);
    add_caution_of(page, ACTION_REPLACE, "REPLACED", out);
    text_add_string(out, "\n");
}

static void add_blocked(struct page *page, struct text *out) {
    struct view *view = page->view;
    if (!view->plan->blocked)
        return;
    text_add_string(out, "> [!WARNING]\n");
    size_t most = page->level >= LEVEL_NO_NAMES ? 20 : SIZE_MAX;
    size_t shown = 0;
    for (size_t i = 0; i < view->plan->step_count; i++) {
        const struct step *step = &view->plan->steps[i];
        bool same = i > 0 && step->blocked && text_equal(view->plan->steps[i - 1].blocked, step->blocked);
        if (!step->blocked || same || shown++ >= most)
            continue;
        text_add_string(out, "> ");
        add_code(out, view_name(view, step));
        text_add_string(out, " is blocked: ");
        add_code(out, view_reason(view, step->difference, step->blocked));
        text_add_string(out, "\n>\n");
    }
    if (shown > most)
        text_add(out, "> and %zu more are blocked\n", shown - most);
    text_add_string(out, "\n");
}

/* One row of the table: all steps of a wave with the same action and kind. */
static void add_row(struct view *view, const struct step *first, size_t count, const char *gate, struct text *out) {
    text_add(out, "| %u | %s ", first->wave, view_glyph(first->action));
    if (count == 1)
        add_code(out, view_name(view, first));
    else
        add_code(out, view_kind(first));
    text_add(out, " | %zu | ", count);
    const char *disruption = view_disruption(view, first);
    text_add_string(out, disruption && count == 1 ? disruption : first->disruptive ? "yes" : "none");
    text_add_string(out, " | ");
    if (first->blocked)
        text_add_string(out, "**blocked**");
    else if (gate)
        add_code(out, gate);
    text_add_string(out, " |\n");
}

static void add_table(struct view *view, struct text *out) {
    const struct plan *plan = view->plan;
    if (plan->step_count == 0)
        return;
    text_add_string(out, "| wave | what | count | disruption | gate |\n|---:|---|---:|---|---|\n");
    bool *done = ARENA_ARRAY(view->arena, bool, plan->step_count);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct step *first = &plan->steps[i];
        size_t count = 0;
        const char *gate = view_gate(view, first);
        for (size_t j = i; !done[i] && j < plan->step_count && plan->steps[j].wave == first->wave; j++) {
            const struct step *step = &plan->steps[j];
            bool same = !done[j] && step->action == first->action && text_equal(view_kind(step), view_kind(first)) &&
                        !step->blocked == !first->blocked;
            count += same;
            if (same && gate && !text_equal(view_gate(view, step), gate))
                gate = "each after its own";
            if (same && j > i)
                done[j] = true;
        }
        if (count)
            add_row(view, first, count, gate, out);
    }
    text_add_string(out, "\n");
}

static bool shows_body(const struct page *page, const struct group *group) {
    enum action action = group->first->action;
    if (group->body[0] == 0 || action == ACTION_WAIT)
        return false;
    if (takes_away(action))
        return page->level < LEVEL_NO_BODY;
    if (action == ACTION_CREATE)
        return page->level < LEVEL_NO_CREATE;
    return page->level < LEVEL_NO_CHANGE;
}

static void add_group(struct page *page, const struct group *group, struct text *out) {
    struct view *view = page->view;
    bool names = takes_away(group->first->action) || page->level < LEVEL_NO_NAMES;
    if (!names)
        return;
    bool body = shows_body(page, group);
    if (body)
        text_add(out, "<details><summary>%s ", view_glyph(group->first->action));
    else /* a sign alone would be read as that of a list */
        text_add(out, "- %s ", action_name(group->first->action));
    if (group->count == 1) {
        add_code(out, view_name(view, group->first));
    } else {
        text_add(out, "%zu × ", group->count);
        add_code(out, view_kind(group->first));
        text_add_string(out, body ? " (identical)" : "");
    }
    if (!body && group->count > 1) {
        text_add_string(out, ": ");
        add_code(out, group_names(page, group, NAMES_LIMIT));
    }
    text_add_string(out, body ? "</summary>\n\n" : "\n\n");
    if (!body)
        return;
    if (group->count > 1) {
        add_code(out, group_names(page, group, takes_away(group->first->action) ? (size_t)GITHUB_LIMIT : (size_t)NAMES_LIMIT));
        text_add_string(out, "\n\n");
    }
    add_fenced(out, group->body);
    text_add_string(out, "\n</details>\n\n");
}

static void add_asides(struct view *view, struct text *out) {
    const struct differences *differences = view->plan->differences;
    size_t left = 0;
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];
        bool unknown = difference->type == DIFFERENCE_UNKNOWN;
        if (!unknown && difference->type != DIFFERENCE_REFUSED)
            continue;
        if (left++ >= 100)
            continue;
        text_add_string(out, "- ");
        add_code(out, mask_text(&view->mask, difference->resource ? difference->resource->id : difference->stray->id));
        text_add(out, " %s: ", unknown ? "**could not be read**" : "**refused**");
        add_code(out, view_reason(view, difference, difference->reason ? difference->reason : ""));
        text_add_string(out, "\n");
    }
    if (left > 100)
        text_add(out, "- and %zu more that could not be read or were refused\n", left - 100);
    text_add_string(out, left ? "\n" : "");
}

static void add_findings(struct view *view, struct text *out) {
    const struct findings *findings = view->plan->findings;
    if (!findings || findings->count == 0)
        return;
    TEXT_AUTO lines;
    text_init(&lines, 24000);
    report_findings(findings, false, &lines);
    text_add(out, "%zu error%s and %zu warning%s in git:\n\n", findings->error_count, findings->error_count == 1 ? "" : "s",
             findings->count - findings->error_count, findings->count - findings->error_count == 1 ? "" : "s");
    add_fenced(out, lines.length ? lines.data : "");
    text_add_string(out, lines.full ? "(more findings than fit here)\n\n" : "\n");
}

static const char *omitted(enum level level) {
    static const char *const texts[] = {NULL,
                                        "unchanged lines",
                                        "unchanged lines and what new objects hold",
                                        "unchanged lines, what new objects hold and the diffs of changes",
                                        "all diffs but those of deletes and replacements, and the names of what is created or changed",
                                        "all diffs, and the names of what is created or changed"};
    return texts[level];
}

static void add_footer(struct page *page, struct text *out) {
    struct view *view = page->view;
    report_summary(view, out);
    text_add(out, "\n<sub>%zu unchanged · plan digest %s · live digest %s: applies only while both still match",
             view->plan->differences->unchanged_count, view_short(view, view->plan->digest, 12),
             view_short(view, view->plan->live_digest, 12));
    if (omitted(page->level))
        text_add(out, " · left out to fit: %s", omitted(page->level));
    if (view->options->full_plan_url && page->level != LEVEL_ALL) {
        text_add_string(out, " · whole plan: ");
        add_code(out, view->options->full_plan_url);
    }
    text_add_string(out, "</sub>\n");
}

static void add_page(struct page *page, struct text *out) {
    add_title(page->view, out);
    add_caution(page, out);
    add_blocked(page, out);
    add_table(page->view, out);
    for (size_t i = 0; i < page->count; i++)
        add_group(page, &page->groups[i], out);
    add_asides(page->view, out);
    add_findings(page->view, out);
    add_footer(page, out);
}

void report_markdown(const struct plan *plan, const struct report_options *options, struct text *out) {
    size_t limit = options->limit_characters ? options->limit_characters : GITHUB_LIMIT;
    for (int level = LEVEL_ALL; level < LEVEL_COUNT; level++) {
        ARENA_AUTO *arena = arena_new();
        struct view view;
        view_init(&view, plan, options, arena);
        struct page page = {.view = &view, .level = (enum level)level};
        find_groups(&page, level < LEVEL_NO_CONTEXT ? 2 : 0);
        TEXT_AUTO text;
        text_init(&text, 64 << 20);
        add_page(&page, &text);
        if (level + 1 == LEVEL_COUNT || characters_of(text.data, text.length) <= limit) {
            text_add_bytes(out, text.data, text.length);
            return;
        }
    }
}
