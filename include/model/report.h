/* model/report.h: what people and machines read. Deterministic: same plan, same bytes. Secrets are masked here, whatever comes in. */
#pragma once

#include "base/text.h"
#include "model/plan.h"

struct report_options {
    bool colour;
    bool verbose;              /* also unchanged resources, and the order's reasons */
    size_t limit_characters;   /* markdown: folds to fit; 0: 65,536 */
    const char *full_plan_url; /* where the whole is, when something was left out; NULL */
};

struct report_format {
    const char *name; /* "text", "json", "markdown", "mermaid" */
    void (*render)(const struct plan *plan, const struct report_options *options, struct text *out);
};
/* Ends with name NULL. */
const struct report_format *report_formats(void);
const struct report_format *report_format_find(const char *name);

/* "file:line:column: what: hint" a line. */
void report_findings(const struct findings *findings, bool colour, struct text *out);
