#include "run/apply.h"

#include "base/hash.h"
#include "base/json.h"
#include "run/declared.h"
#include "run/links.h"

/* Whether a cluster's ApplySet parent names all kinds: it must, before the first object of a new kind is written (KEP-3659). */
enum parent_state { PARENT_UNASKED, PARENT_ASKED, PARENT_WRITTEN, PARENT_FAILED };

struct cluster_writing {
    const struct target *target;
    struct kube *kube;
    enum parent_state parent;
    struct error error;
};

struct running_step {
    struct application *application;
    const struct step *step;
    size_t next_call;
    bool held; /* started, but waits for the ApplySet parent */
    struct cluster_writing *cluster;
};

struct application {
    struct engine *engine;
    struct requests *requests;
    const struct plan *plan;
    struct world_state *world;
    struct ledger *ledger;
    struct arena *arena;
    struct step_progress *progress;
    struct running_step *running; /* beside plan.steps */
    struct cluster_writing *clusters;
    size_t cluster_count;
    unsigned batch, batch_done, wave;
    size_t under_way, ended; /* steps with a call out; steps that ended since the rate was last asked */
    bool soon;               /* something is worth another look in a moment */
};

static const struct value *live_lookup(void *context, const struct resource *resource) {
    const struct application *application = context;
    const struct live *live = &application->world->lives[resource->index];
    return live->presence == LIVE_PRESENT ? &live->object : NULL;
}

static void step_tell(struct application *application, const struct step *step) {
    const struct observer *observer = &application->engine->observer;
    if (observer->step != NULL)
        observer->step(observer->context, application->plan, step, &application->progress[step->index]);
}

static void ledger_keep(struct application *application) {
    struct error err = {0};
    if (!engine_ledger_store(application->engine, application->ledger, &err) && application->engine->log != NULL)
        log_write(application->engine->log, LOG_ERROR, "the ledger could not be kept", KEYS("error", err.text));
}

/* The step has no call out any more. */
static void step_settle(struct running_step *running, enum step_state state, bool ready, const char *reason) {
    struct application *application = running->application;
    struct step_progress *progress = &application->progress[running->step->index];
    progress->state = state;
    progress->answered = true;
    progress->ready = ready;
    progress->reason = reason == NULL ? NULL : arena_copy(application->arena, reason, strlen(reason));
    application->under_way--;
    application->ended++;
    if (state == STEP_FAILED) {
        application->ledger->failures++;
        application->batch = 1;
        application->batch_done = 0;
    } else if (++application->batch_done >= application->batch) {
        application->batch_done = 0;
        if (application->batch < 4096)
            application->batch *= 2;
    }
    step_tell(application, running->step);
}

/* What a failed call means for its step: some errors end it until a commit or a person changes something, others only until the next pass.
 */
static void step_fail(struct running_step *running, const struct error *err) {
    bool again = err->kind == ERROR_BUSY || err->kind == ERROR_CONFLICT || err->kind == ERROR_MISSING;
    if (again)
        running->application->soon = true;
    step_settle(running, again ? STEP_SKIPPED : STEP_FAILED, false, err->text);
}

static struct live *step_live(const struct running_step *running) {
    return running->step->resource == NULL ? NULL : &running->application->world->lives[running->step->resource->index];
}

/* Same resource, same wish, same number of creations before: the same token, so that a call sent again after a crash is one change. */
static const char *call_token(const struct running_step *running, const struct call *call, const struct value *input) {
    struct application *application = running->application;
    if (call->operation->token == NULL)
        return NULL;
    const struct value *epoch = value_find(&application->ledger->epochs, running->step->key);
    struct value parts = value_of_list();
    value_append(application->arena, &parts, value_of_text(running->step->key));
    value_append(application->arena, &parts, value_of_text(call->operation->name));
    value_append(application->arena, &parts, *input);
    value_append(application->arena, &parts, value_of_integer(value_integer(epoch, 0)));
    if (running->step->action != ACTION_CREATE && running->step->difference != NULL)
        value_append(application->arena, &parts, running->step->precondition);
    struct digest digest = hash_value(&parts);
    char *token = hash_hex(application->arena, &digest);
    token[60] = '\0'; /* EKS takes at most 64 characters */
    return token;
}

static void epoch_advance(struct application *application, const char *key) {
    int64_t epoch = value_integer(value_find(&application->ledger->epochs, key), 0);
    value_set(application->arena, &application->ledger->epochs, key, value_of_integer(epoch + 1));
}

static void call_start(struct running_step *running);

/* All calls are made: does the world still work on it? */
static void calls_ended(struct running_step *running) {
    struct live *live = step_live(running);
    const struct kind *row = running->step->resource != NULL ? running->step->resource->row : running->step->stray->row;
    const char *status = NULL;
    if (live != NULL && row->status != NULL) {
        live->status = value_text_at(&live->object, row->status);
        status = live->status;
    }
    if (status != NULL && schema_status_in(status, row->moving)) {
        step_settle(running, STEP_RUNNING, false, arena_text(running->application->arena, "%s", status));
        return;
    }
    if (running->step->action == ACTION_DELETE && row->status != NULL) {
        step_settle(running, STEP_RUNNING, false, "DELETING");
        return;
    }
    step_settle(running, STEP_DONE, true, NULL);
}

static void call_created(struct running_step *running, const struct value *result) {
    struct application *application = running->application;
    struct live *live = step_live(running);
    live->presence = LIVE_PRESENT;
    live->ours = true;
    const struct value *desired = &running->step->resource->desired;
    live->object = value_is(result, VALUE_MAP) ? value_merge(application->arena, desired, result) : *desired;
}

/* What was disturbed has to stay healthy for its bake before more is disturbed; what is new only has to become healthy. */
static void health_await(struct running_step *running) {
    struct ledger *ledger = running->application->ledger;
    struct value *map = running->step->disruptive ? &ledger->bakes : &ledger->rolling;
    struct value since = running->step->disruptive ? value_of_integer(0) : value_of_boolean(true);
    value_set(running->application->arena, map, running->step->key, since);
}

static void call_updating(struct running_step *running, const struct call *call, const struct value *result) {
    struct application *application = running->application;
    const char *id = value_text_at(result, "id");
    struct value update = value_of_map();
    value_set(application->arena, &update, "id", value_of_text(id));
    if (call->update_type != NULL)
        value_set(application->arena, &update, "type", value_of_text(call->update_type));
    value_set(application->arena, &update, "started", value_of_integer(clock_wall_ms(application->engine->clock)));
    value_set(application->arena, &application->ledger->updates, running->step->resource->key, update);
    if (running->step->disruptive)
        health_await(running);
    ledger_keep(application);
    step_settle(running, STEP_RUNNING, false, arena_text(application->arena, "UPDATING, update %s", id));
}

static void call_done(struct request *request) {
    struct running_step *running = request->context;
    const struct call *call = &running->step->calls[running->next_call];
    bool removing = running->step->action == ACTION_DELETE || running->step->action == ACTION_REPLACE;
    bool gone = removing && request_error(request)->kind == ERROR_MISSING;
    if (!request_ok(request) && !gone) {
        struct error err = *request_error(request);
        step_fail(running, &err);
        return;
    }
    const struct value *result = &request->aws.result;
    const struct kind *row = running->step->resource == NULL ? NULL : running->step->resource->row;
    if (row != NULL && call->operation == row->create)
        call_created(running, result);
    if (row != NULL && call->operation == row->remove)
        epoch_advance(running->application, running->step->key);
    if (row != NULL && call->operation->update && !request->aws.no_change && value_text_at(result, "id") != NULL) {
        call_updating(running, call, result);
        return;
    }
    running->next_call++;
    call_start(running);
}

static void call_start(struct running_step *running) {
    struct application *application = running->application;
    const struct step *step = running->step;
    if (running->next_call == step->call_count) {
        calls_ended(running);
        return;
    }
    const struct call *call = &step->calls[running->next_call];
    const struct kind *row = step->resource != NULL ? step->resource->row : step->stray->row;
    if (call->after != CALL_AFTER_DONE && row->status != NULL) {
        step_settle(running, STEP_RUNNING, false,
                    call->after == CALL_AFTER_GONE ? "DELETING" : "CREATING"); /* the next passes see it through */
        return;
    }
    struct request *request = requests_take(application->requests, REQUEST_AWS);
    struct graph_lookup lookup = {live_lookup, application};
    const char *unresolved = NULL;
    request->aws.input = step->resource == NULL ? call->input
                                                : graph_resolve(application->plan->graph, step->resource, &call->input, &lookup,
                                                                application->arena, &unresolved);
    if (unresolved != NULL) {
        struct error err = {0};
        error_set(&err, ERROR_BUSY, "%s is not known yet", unresolved);
        step_fail(running, &err);
        return;
    }
    request->aws.scope = link_scope(step->target);
    request->aws.operation = call->operation;
    request->aws.token = call_token(running, call, &request->aws.input);
    request->lane = step->target->name;
    request->done = call_done;
    request->context = running;
    requests_add(application->requests, request);
}

/* Kubernetes. */

static void object_written(struct running_step *running, const struct value *object) {
    struct application *application = running->application;
    struct live *live = step_live(running);
    live->presence = LIVE_PRESENT;
    live->object = *object;
    live->health = health_of_object(object, clock_wall_ms(application->engine->clock), application->arena, &live->health_reason);
    if (live->health == HEALTH_CURRENT) {
        value_remove(&application->ledger->rolling, running->step->key);
        if (running->step->disruptive)
            value_set(application->arena, &application->ledger->bakes, running->step->key,
                      value_of_integer(clock_wall_ms(application->engine->clock)));
        step_settle(running, STEP_DONE, true, NULL);
        return;
    }
    health_await(running);
    step_settle(running, STEP_RUNNING, false, live->health_reason);
}

static void object_done(struct request *request) {
    struct running_step *running = request->context;
    bool removing = request->kubernetes.verb == KUBE_DELETE;
    if (removing && (request_ok(request) || request_error(request)->kind == ERROR_MISSING)) {
        step_settle(running, STEP_DONE, true, NULL);
        running->application->soon = true; /* whether finalizers hold it is seen by the next look */
        return;
    }
    if (request_ok(request)) {
        object_written(running, &request->kubernetes.answer);
        return;
    }
    struct error err = *request_error(request);
    step_fail(running, &err);
}

static void object_start(struct running_step *running) {
    struct application *application = running->application;
    const struct step *step = running->step;
    struct cluster_writing *cluster = running->cluster;
    if (cluster->parent == PARENT_FAILED) {
        step_fail(running, &cluster->error);
        return;
    }
    bool removing = step->action == ACTION_DELETE || step->action == ACTION_REPLACE;
    const struct resource *resource = step->resource;
    const char *api_version = resource != NULL ? resource->api_version : step->stray->api_version;
    const char *kind = resource != NULL ? resource->kind : step->stray->kind;
    struct request *request = requests_take(application->requests, REQUEST_KUBERNETES);
    request->kube = cluster->kube;
    request->lane = step->target->name;
    request->done = object_done;
    request->context = running;
    request->kubernetes.verb = removing ? KUBE_DELETE : KUBE_APPLY;
    request->kubernetes.manager = FIELD_MANAGER;
    request->kubernetes.resource = kube_find(cluster->kube, api_version, kind);
    request->kubernetes.namespace = resource != NULL ? resource->namespace : step->stray->namespace;
    request->kubernetes.name = resource != NULL ? resource->name : step->stray->name;
    if (request->kubernetes.resource == NULL) {
        struct error err = {0};
        error_set(&err, ERROR_BUSY, "cluster %s does not serve %s %s yet", step->target->name, api_version, kind);
        step_fail(running, &err);
        return;
    }
    if (removing) {
        const struct live *live = resource != NULL ? &application->world->lives[resource->index] : &step->stray->live;
        request->kubernetes.uid = live->uid;
        request->kubernetes.resource_version = live->resource_version;
    } else {
        struct graph_lookup lookup = {live_lookup, application};
        const char *unresolved = NULL;
        struct value *body = ARENA_NEW(application->arena, struct value);
        *body = declared_resolve(application->plan->graph, resource, &lookup, application->arena, &unresolved);
        if (unresolved != NULL) {
            struct error err = {0};
            error_set(&err, ERROR_BUSY, "%s is not known yet", unresolved);
            step_fail(running, &err);
            return;
        }
        request->kubernetes.body = body;
    }
    requests_add(application->requests, request);
}

static int name_order(const void *one, const void *other) {
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static const char *group_kind(struct arena *arena, const char *api_version, const char *kind) {
    const char *slash = strchr(api_version, '/');
    return slash == NULL ? kind : arena_text(arena, "%s.%.*s", kind, (int)(slash - api_version), api_version);
}

/* Kinds of the graph and of what is still to be pruned; when not everything could be read, also all that was recorded before. */
static char *parent_kinds(struct application *application, const struct target *target) {
    struct arena *arena = application->arena;
    const struct graph *graph = application->plan->graph;
    const char **names = NULL;
    size_t count = 0;
    for (size_t i = 0; i < graph->count; i++) {
        if (graph->resources[i]->target != target || graph->resources[i]->row != NULL)
            continue;
        names = arena_grow(arena, names, count, sizeof *names);
        names[count++] = group_kind(arena, graph->resources[i]->api_version, graph->resources[i]->kind);
    }
    for (size_t i = 0; i < application->world->stray_count; i++) {
        const struct stray *stray = &application->world->strays[i];
        if (stray->target != target || stray->row != NULL)
            continue;
        names = arena_grow(arena, names, count, sizeof *names);
        names[count++] = group_kind(arena, stray->api_version, stray->kind);
    }
    const char *recorded = value_text(value_find(&application->world->recorded_kinds, target->name));
    char *rest = NULL;
    char *old = recorded == NULL || application->world->complete ? NULL : arena_copy(arena, recorded, strlen(recorded));
    for (char *name = old == NULL ? NULL : strtok_r(old, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        names = arena_grow(arena, names, count, sizeof *names);
        names[count++] = name;
    }
    if (count > 0)
        qsort(names, count, sizeof *names, name_order);
    TEXT_AUTO joined;
    text_init(&joined, 1 << 18);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
            text_add(&joined, "%s%s", joined.length == 0 ? "" : ",", names[i]);
    }
    return text_copy(&joined, arena);
}

static struct value parent_object(struct application *application, const struct target *target) {
    struct arena *arena = application->arena;
    struct value object = value_of_map();
    value_set(arena, &object, "apiVersion", value_of_text("v1"));
    value_set(arena, &object, "kind", value_of_text("ConfigMap"));
    value_set_at(arena, &object, "metadata.name", value_of_text(arena_text(arena, "eksact-%s", application->plan->graph->fleet.name)));
    value_set_at(arena, &object, "metadata.namespace", value_of_text(APPLYSET_NAMESPACE));
    struct value labels = value_of_map(), annotations = value_of_map();
    value_set(arena, &labels, "applyset.kubernetes.io/id", value_of_text(application->plan->graph->applyset_id));
    value_set(arena, &annotations, "applyset.kubernetes.io/tooling", value_of_text("eksact/v1"));
    value_set(arena, &annotations, "applyset.kubernetes.io/contains-group-kinds", value_of_text(parent_kinds(application, target)));
    value_set_at(arena, &object, "metadata.labels", labels);
    value_set_at(arena, &object, "metadata.annotations", annotations);
    return object;
}

struct parent_writing {
    struct application *application;
    struct cluster_writing *cluster;
    struct value object;
};

static void parent_done(struct request *request) {
    struct parent_writing *writing = request->context;
    struct application *application = writing->application;
    struct cluster_writing *cluster = writing->cluster;
    cluster->parent = PARENT_WRITTEN;
    if (!request_ok(request)) {
        cluster->parent = PARENT_FAILED;
        cluster->error = *request_error(request);
        error_wrap(&cluster->error, "record the kinds in ConfigMap %s/eksact-%s", APPLYSET_NAMESPACE, application->plan->graph->fleet.name);
    }
    for (size_t i = 0; i < application->plan->step_count; i++) {
        struct running_step *running = &application->running[i];
        if (!running->held || running->cluster != cluster)
            continue;
        running->held = false;
        object_start(running);
    }
}

static void parent_start(struct application *application, struct cluster_writing *cluster) {
    static const struct kube_resource config_map = {
        .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .namespaced = true};
    struct parent_writing *writing = ARENA_NEW(application->arena, struct parent_writing);
    writing->application = application;
    writing->cluster = cluster;
    writing->object = parent_object(application, cluster->target);
    struct request *request = requests_take(application->requests, REQUEST_KUBERNETES);
    request->kube = cluster->kube;
    request->lane = cluster->target->name;
    request->done = parent_done;
    request->context = writing;
    request->kubernetes.verb = KUBE_APPLY;
    request->kubernetes.manager = FIELD_MANAGER;
    request->kubernetes.resource = &config_map;
    request->kubernetes.namespace = APPLYSET_NAMESPACE;
    request->kubernetes.name = value_text_at(&writing->object, "metadata.name");
    request->kubernetes.body = &writing->object;
    cluster->parent = PARENT_ASKED;
    requests_add(application->requests, request);
}

static struct cluster_writing *cluster_of(struct application *application, const struct target *target) {
    for (size_t i = 0; i < application->cluster_count; i++) {
        if (application->clusters[i].target == target)
            return &application->clusters[i];
    }
    struct cluster_writing *cluster = &application->clusters[application->cluster_count++];
    *cluster = (struct cluster_writing){.target = target};
    const struct live *live = &application->world->lives[target->cluster->index];
    if (!link_open(application->engine, target, live, application->arena, &cluster->kube, &cluster->error))
        cluster->parent = PARENT_FAILED;
    else if (!kube_is_discovered(cluster->kube)) {
        /* The cluster became ready within this very pass; the next one knows what it serves. */
        error_set(&cluster->error, ERROR_BUSY, "cluster %s has just begun to serve", target->name);
        cluster->parent = PARENT_FAILED;
    }
    return cluster;
}

static void step_start(struct application *application, const struct step *step) {
    struct running_step *running = &application->running[step->index];
    struct step_progress *progress = &application->progress[step->index];
    *running = (struct running_step){.application = application, .step = step};
    progress->state = STEP_RUNNING;
    progress->started_ms = clock_wall_ms(application->engine->clock);
    progress->reason = NULL;
    application->under_way++;
    if (step->wave > application->wave) {
        application->wave = step->wave;
        application->batch = 1;
        application->batch_done = 0;
    }
    step_tell(application, step);
    if (step->target->type == TARGET_AWS) {
        call_start(running);
        return;
    }
    running->cluster = cluster_of(application, step->target);
    if (running->cluster->parent == PARENT_UNASKED)
        parent_start(application, running->cluster);
    if (running->cluster->parent == PARENT_ASKED)
        running->held = true;
    else
        object_start(running);
}

/* Asks the rate function, and starts what it lets start; true when something started. */
static bool steps_start(struct application *application, bool keep_reasons) {
    ARENA_AUTO *scratch = arena_new();
    const struct plan *plan = application->plan;
    struct rate_decision *decisions = ARENA_ARRAY(scratch, struct rate_decision, plan->step_count);
    struct rate_input input = {.plan = plan,
                               .progress = application->progress,
                               .ledger = application->ledger,
                               .batch = application->batch,
                               .now_wall_ms = clock_wall_ms(application->engine->clock)};
    rate_next(&input, keep_reasons ? application->arena : scratch, decisions);
    application->ended = 0;
    bool started = false;
    for (size_t i = 0; i < plan->step_count; i++) {
        if (decisions[i].start) {
            step_start(application, &plan->steps[i]);
            started = true;
        } else if (keep_reasons && application->progress[i].state == STEP_PENDING) {
            application->progress[i].reason = decisions[i].reason;
        }
    }
    return started;
}

static bool engine_stops(const struct engine *engine) {
    return engine->stop != NULL && *engine->stop;
}

/* The last look copies the reasons into the pass's arena, and may itself start what time has made possible. */
static void application_run(struct application *application) {
    bool started = !engine_stops(application->engine) && steps_start(application, false);
    while (started || application->under_way > 0) {
        if (application->under_way > 0 && !requests_step(application->requests, INT64_MAX))
            break;
        bool due = application->under_way == 0 || application->ended > application->under_way / 4;
        started = due && application->ended > 0 && !engine_stops(application->engine) && steps_start(application, false);
    }
    if (!engine_stops(application->engine) && steps_start(application, true))
        requests_finish(application->requests);
}

/* Steps that a guard blocks, and those that come after such a one: no pass of this commit gets to them. Steps stand in the order of waves.
 */
static bool *steps_held(const struct application *application) {
    bool *held = ARENA_ARRAY(application->arena, bool, application->plan->step_count);
    for (size_t i = 0; i < application->plan->step_count; i++) {
        const struct step *step = &application->plan->steps[i];
        held[i] = step->blocked != NULL;
        for (size_t j = 0; j < step->edge_count; j++)
            held[i] = held[i] || held[step->edges[j].before];
    }
    return held;
}

static void application_sum(struct application *application, struct apply_result *out) {
    bool aws = false, kubernetes = false;
    const bool *held = steps_held(application);
    for (size_t i = 0; i < application->plan->step_count; i++) {
        const struct step *step = &application->plan->steps[i];
        switch (application->progress[i].state) {
        case STEP_DONE:
            out->done++;
            break;
        case STEP_FAILED:
            out->failed++;
            break;
        case STEP_RUNNING:
            out->running++;
            aws = aws || step->target->type == TARGET_AWS;
            kubernetes = kubernetes || step->target->type == TARGET_KUBERNETES;
            break;
        case STEP_PENDING:
        case STEP_SKIPPED:
            if (held[i])
                out->held++;
            else
                out->waiting++;
            break;
        }
    }
    out->look_again_ms = -1;
    if (aws || out->waiting > 0)
        out->look_again_ms = 10000;
    if (kubernetes || application->soon)
        out->look_again_ms = 3000;
    if (out->waiting == 0 && out->running == 0 && out->done == 0 && !application->soon)
        out->look_again_ms = -1;
}

void apply(struct engine *engine, struct requests *requests, const struct plan *plan, struct world_state *world, struct ledger *ledger,
           struct arena *arena, struct apply_result *out) {
    struct application application = {
        .engine = engine, .requests = requests, .plan = plan, .world = world, .ledger = ledger, .arena = arena};
    application.progress = ARENA_ARRAY(arena, struct step_progress, plan->step_count);
    application.running = ARENA_ARRAY(arena, struct running_step, plan->step_count);
    application.clusters = ARENA_ARRAY(arena, struct cluster_writing, plan->graph->target_count);
    application.batch = 1;
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].action != ACTION_WAIT)
            continue;
        const struct live *live = plan->steps[i].difference->live;
        application.progress[i].state = live != NULL && live->health == HEALTH_FAILED ? STEP_FAILED : STEP_RUNNING;
        application.progress[i].answered = true;
        application.progress[i].reason = plan->steps[i].waits;
        step_tell(&application, &plan->steps[i]);
    }
    application_run(&application);
    ledger_keep(&application);
    *out = (struct apply_result){.progress = application.progress};
    application_sum(&application, out);
}
