#include "run/pass.h"

#include "base/hash.h"
#include "base/json.h"
#include "run/observe.h"
#include "run/zone.h"

static void stage(struct engine *engine, const char *what) {
    if (engine->observer.stage != NULL)
        engine->observer.stage(engine->observer.context, what, 0, 0);
}

/* Nothing readable is not the same as nothing wanted: an empty tree never leads to deletes. */
static bool tree_check(const struct pass *pass, struct error *err) {
    if (pass->tree.count == 0 && pass->findings.count == 0)
        return error_set(err, ERROR_INVALID, "%s holds no manifests (*.yaml, *.yml, *.json): nothing is planned, and nothing is deleted",
                         pass->tree.source);
    if (pass->manifests.count == 0 && pass->findings.error_count == 0)
        return error_set(err, ERROR_INVALID, "%s declares nothing: nothing is planned, and nothing is deleted", pass->tree.source);
    return true;
}

/* What git could not read is no finding where .eksactignore leaves it out anyway. */
static void findings_ignore(const struct tree *tree, struct arena *arena, struct findings *findings) {
    size_t kept = 0, rule_count = 0;
    const struct ignore_rules *rules = ignore_read(tree, arena, &rule_count);
    findings->error_count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const char *file = findings->items[i].place.file;
        if (file != NULL && ignore_excludes(rules, rule_count, file))
            continue;
        findings->items[kept++] = findings->items[i];
        findings->error_count += !findings->items[i].warning;
    }
    findings->count = kept;
}

/* Manifests that name no account mean that of the credentials; its number makes ARNs known before what they name exists. */
static bool account_learn(struct engine *engine, struct pass *pass) {
    for (size_t i = 0; i < pass->graph.target_count; i++) {
        const struct target *target = pass->graph.targets[i];
        struct aws_scope scope = {.region = target->region, .assume_role_arn = target->assume_role_arn};
        struct error err = {0}; /* whoever reads from the account meets the same error, and reports it */
        const char *account = NULL, *arn = NULL;
        if (target->type != TARGET_AWS || target->account_id != NULL || target->region == NULL || engine->account_id != NULL)
            continue;
        if (engine_identity(engine, &scope, pass->arena, &account, &arn, &err))
            engine->account_id = engine->learnt_account_id = strdup(account);
    }
    return engine->learnt_account_id != NULL;
}

static void graph_make(struct engine *engine, enum pass_depth depth, struct pass *pass) {
    struct graph_defaults defaults = {
        .account_id = engine->account_id, .region = engine->region, .fleet_name = engine->fleet_name, .bound = engine->bound};
    if (defaults.region == NULL)
        defaults.region = credentials_region(&engine->environment, pass->arena);
    struct findings findings = pass->findings;
    graph_build(&pass->manifests, &defaults, pass->arena, &pass->graph, &pass->findings);
    if (depth == PASS_VALIDATE || engine->account_id != NULL || !account_learn(engine, pass))
        return;
    defaults.account_id = engine->account_id;
    pass->findings = findings;
    graph_build(&pass->manifests, &defaults, pass->arena, &pass->graph, &pass->findings);
}

static bool desired_read(struct engine *engine, enum pass_depth depth, struct pass *pass, struct error *err) {
    struct git_limits limits = git_limits_default();
    stage(engine, "reading git");
    struct http *http = engine->git_http != NULL ? engine->git_http : engine->http;
    if (!git_read(http, &engine->source, &limits, pass->arena, &pass->tree, &pass->findings, err))
        return false;
    findings_ignore(&pass->tree, pass->arena, &pass->findings);
    manifest_parse(&pass->tree, pass->arena, &pass->manifests, &pass->findings);
    graph_make(engine, depth, pass);
    findings_sort(&pass->findings);
    return tree_check(pass, err);
}

/* Notes since when what was applied has been healthy; what is healthy for long enough needs no more watching. */
static void bakes_note(struct pass *pass, int64_t now_ms) {
    for (size_t i = 0; i < pass->graph.count; i++) {
        const struct resource *resource = pass->graph.resources[i];
        const struct live *live = &pass->world.lives[i];
        const struct value *since = value_find(&pass->ledger.bakes, resource->key);
        if (live->presence == LIVE_ABSENT || (live->presence == LIVE_PRESENT && live->health == HEALTH_CURRENT))
            value_remove(&pass->ledger.rolling, resource->key);
        if (since == NULL || live->presence != LIVE_PRESENT || live->health != HEALTH_CURRENT)
            continue;
        int64_t since_ms = value_integer(since, 0);
        if (since_ms == 0)
            value_set(pass->arena, &pass->ledger.bakes, resource->key, value_of_integer(now_ms));
        else if (now_ms - since_ms >= fleet_bake_ms(&pass->graph.fleet, resource->kind))
            value_remove(&pass->ledger.bakes, resource->key);
    }
}

/* A roll-out is what one commit (or one content of a directory) wants: failures and a halt end with it. */
static void rollout_begin(struct pass *pass) {
    struct value files = value_of_list();
    for (size_t i = 0; i < pass->tree.count && pass->tree.commit == NULL; i++) {
        struct digest digest = hash_sha256(pass->tree.files[i].bytes, pass->tree.files[i].length);
        value_append(pass->arena, &files, value_of_text(pass->tree.files[i].path));
        value_append(pass->arena, &files, value_of_text(hash_hex(pass->arena, &digest)));
    }
    struct digest content = hash_value(&files);
    const char *name = pass->tree.commit != NULL ? pass->tree.commit : hash_hex(pass->arena, &content);
    if (text_equal(pass->ledger.plan_digest, name))
        return;
    pass->ledger.plan_digest = name;
    pass->ledger.failures = 0;
    pass->ledger.halted = NULL;
}

static void counts_add(struct pass *pass, const struct requests *requests) {
    for (int type = REQUEST_AWS; type <= REQUEST_KUBERNETES; type++) {
        struct request_counts counts = requests_counts(requests, (enum request_type)type);
        pass->requests[type].reads += counts.reads;
        pass->requests[type].writes += counts.writes;
        pass->requests[type].retries += counts.retries;
    }
}

static bool plan_make(struct engine *engine, struct pass *pass, struct error *err) {
    if (!engine_ledger_load(engine, pass->arena, &pass->ledger, err))
        return false;
    rollout_begin(pass);
    stage(engine, "reading the world");
    struct requests *requests = requests_new(engine, &pass->graph.fleet, pass->arena);
    observe(engine, requests, &pass->graph, &pass->ledger, pass->arena, &pass->world);
    requests_done(requests);
    counts_add(pass, requests);
    int64_t now = clock_wall_ms(engine->clock);
    bakes_note(pass, now);
    diff_build(&pass->graph, &pass->world, pass->arena, &pass->differences);
    struct plan_input input = {.graph = &pass->graph,
                               .world = &pass->world,
                               .differences = &pass->differences,
                               .findings = &pass->findings,
                               .tree = &pass->tree,
                               .zones = {.offset_ms = zone_offset_ms},
                               .now_wall_ms = now};
    plan_build(&input, pass->arena, &pass->plan);
    if (engine->observer.planned != NULL)
        engine->observer.planned(engine->observer.context, &pass->plan);
    return true;
}

bool pass_apply(struct engine *engine, struct pass *pass, struct error *err) {
    struct requests *requests = requests_new(engine, &pass->graph.fleet, pass->arena);
    apply(engine, requests, &pass->plan, &pass->world, &pass->ledger, pass->arena, &pass->applied);
    requests_done(requests);
    counts_add(pass, requests);
    if (pass->applied.done + pass->applied.running + pass->applied.failed + pass->applied.waiting == 0 && !pass->plan.blocked)
        pass->ledger.applied_commit = pass->tree.commit;
    return engine_ledger_store(engine, &pass->ledger, err);
}

bool pass_run(struct engine *engine, enum pass_depth depth, struct pass *out, struct error *err) {
    *out = (struct pass){.arena = arena_new()};
    int64_t began = clock_steady_ms(engine->clock);
    bool whole = desired_read(engine, depth, out, err) && (depth < PASS_PLAN || plan_make(engine, out, err)) &&
                 (depth < PASS_APPLY || pass_apply(engine, out, err));
    out->took_ms = clock_steady_ms(engine->clock) - began;
    return whole;
}

void pass_done(struct pass *pass) {
    arena_free(pass->arena);
    *pass = (struct pass){0};
}
