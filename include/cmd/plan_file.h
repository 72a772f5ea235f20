/* cmd/plan_file.h: a plan on paper and in a file. */
#pragma once

#include "cmd/session.h"
#include "run/pass.h"

enum { PLAN_OUTPUT_LIMIT_BYTES = 256 << 20 };

/* In the format that --format names. */
bool plan_print(const struct session *session, const struct arguments *arguments, const struct plan *plan, FILE *out, struct error *err);
/* On standard error: what is wrong with the manifests, when there is no plan to show it. */
void plan_findings_print(const struct session *session, const struct pass *pass);

/* Where the plan came from, its steps and its digests, as JSON. */
bool plan_file_save(const char *path, const struct engine *engine, const struct pass *pass, struct error *err);

struct plan_file {
    const char *location, *reference, *path; /* as for a git_source */
    const char *digest, *live_digest;
};
/* False without an error: the file is no saved plan. */
bool plan_file_load(const char *path, struct arena *arena, struct plan_file *out, struct error *err);
/* Whether a plan made now is the plan that was saved; the error says what moved. */
bool plan_file_holds(const struct plan_file *file, const struct plan *plan, struct error *err);
