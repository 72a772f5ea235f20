/* run/pass.h: one pass from git to report: the picture of the README as one function. */
#pragma once

#include "run/apply.h"
#include "run/engine.h"

struct pass {
    struct arena *arena; /* of all below */
    struct tree tree;
    struct manifests manifests;
    struct findings findings;
    struct graph graph;
    struct world_state world;
    struct differences differences;
    struct plan plan;
    struct ledger ledger;
    struct apply_result applied;       /* all 0 when only planned */
    struct request_counts requests[2]; /* by request_type */
    int64_t took_ms;
};

enum pass_depth { PASS_VALIDATE, PASS_PLAN, PASS_APPLY };

/* False: nothing trustworthy came out (no tree, nothing declared at all), and nothing was changed. */
bool pass_run(struct engine *engine, enum pass_depth depth, struct pass *out, struct error *err);
/* Applies a plan that pass_run has made with PASS_PLAN. */
bool pass_apply(struct engine *engine, struct pass *pass, struct error *err);
void pass_done(struct pass *pass);
