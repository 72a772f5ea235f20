/* model/view.h: what the report formats share. Only report*.c include this. */
#pragma once

#include "model/mask.h"
#include "model/report.h"

struct view {
    const struct plan *plan;
    const struct report_options *options;
    struct arena *arena;
    struct mask mask;
    bool many_clusters; /* ids alone do not say where */
};
void view_init(struct view *view, const struct plan *plan, const struct report_options *options, struct arena *arena);

const char *view_glyph(enum action action);      /* "+", "~", "-/+", "-", … */
const char *view_place(const struct step *step); /* target's name */
const char *view_kind(const struct step *step);
const char *view_name(struct view *view, const struct step *step); /* id, escaped; with its target when there are several */
/* A value on one line: web-api:v2, [a, b], {key: value}; masked and escaped. */
const char *view_value(struct view *view, const struct change *change, const struct value *value);
/* Whether a change is better read as a diff of lines: documents, long lists and texts of several lines. */
bool view_is_long(struct view *view, const struct change *change);
/* Lines of a change that is long, each with "+", "-" or " " in its first column; `context` lines around each place. */
void view_lines(struct view *view, const struct change *change, unsigned context, const char *indent, struct text *out);
/* A reason that came from outside, with the secrets of its resource masked. */
const char *view_reason(struct view *view, const struct difference *difference, const char *reason);
const char *view_note(struct view *view, const struct change *change); /* NULL when there is nothing to add */
/* "after NodeGroup/api · until ready"; NULL when it depends on nothing. */
const char *view_gate(struct view *view, const struct step *step);
const char *view_disruption(struct view *view, const struct step *step);    /* "4 nodes drained"; NULL */
const char *view_duration(struct view *view, int64_t duration_ms);          /* as exact as an expectation is: "11 min" */
const char *view_short(struct view *view, const char *hash, size_t length); /* its first characters; "" for NULL */
/* Names with runs folded: "ng-0000…ng-0499, gpu". The names must be sorted. */
const char *view_names(struct view *view, const char *const *names, size_t count);

void report_text(const struct plan *plan, const struct report_options *options, struct text *out);
void report_json(const struct plan *plan, const struct report_options *options, struct text *out);
void report_markdown(const struct plan *plan, const struct report_options *options, struct text *out);
void report_mermaid(const struct plan *plan, const struct report_options *options, struct text *out);
/* "No changes. 12 resources match commit 3f2c1ab." or "Plan: 1 to create, …". */
void report_summary(struct view *view, struct text *out);
