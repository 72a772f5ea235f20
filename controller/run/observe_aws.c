/* Reads AWS resources by their rows: the first read of a row tells existence, the others fill the live object in. */
#include "run/observation.h"

/* One resource, or one candidate for a stray, being read. */
struct reading {
    struct observation *observation;
    const struct kind *row;
    const struct target *target;
    const struct resource *resource; /* NULL: a candidate that git does not name */
    const char *candidate;           /* its id */
    size_t stray;                    /* its place among the strays, counted from 1; 0: it is none */
    struct value desired;            /* where keys are looked up when the live object has none */
    struct live live;
};

/* One row of reads of one resource, with its pages. */
struct part_reading {
    struct reading *reading;
    const struct kind_read *read;
    struct value items; /* what the pages held so far */
    const char *item;   /* of an `each` read: its name */
};

static void reading_store(struct reading *reading) {
    if (reading->resource != NULL)
        reading->observation->world->lives[reading->resource->index] = reading->live;
    else if (reading->stray > 0)
        reading->observation->world->strays[reading->stray - 1].live = reading->live;
}

static const char *reading_id(const struct reading *reading) {
    return reading->resource != NULL ? reading->resource->id : reading->candidate;
}

static void reading_judge(struct reading *reading) {
    struct live *live = &reading->live;
    const struct kind *row = reading->row;
    live->status = row->status == NULL ? NULL : value_text_at(&live->object, row->status);
    const char *fleet = value_text(value_find(value_find(&live->object, "tags"), TAG_FLEET));
    live->ours = text_equal(fleet, reading->observation->graph->fleet.name);
    live->other_owner = fleet != NULL && !live->ours ? fleet : NULL;
    if (row->status == NULL || schema_status_in(live->status, row->ready))
        live->health = HEALTH_CURRENT;
    else if (schema_status_in(live->status, row->moving))
        live->health = HEALTH_IN_PROGRESS;
    else
        live->health = HEALTH_FAILED;
    live->health_reason = live->status;
}

/* A key that only the resource's attributes give: the ARN of what is named otherwise, which its row predicts. */
static bool key_predict(const struct reading *reading, const char *from, struct value *out) {
    if (reading->resource == NULL)
        return false;
    struct observation *observation = reading->observation;
    struct value reference = value_of_map();
    value_set(observation->arena, &reference, "ref", value_of_text(arena_text(observation->arena, "%s.%s", reading->resource->id, from)));
    struct graph_lookup lookup = {observe_lookup, observation->world};
    const char *unresolved = NULL;
    *out = graph_resolve(observation->graph, reading->resource, &reference, &lookup, observation->arena, &unresolved);
    return unresolved == NULL && value_text(out) != NULL;
}

/* The operation's keys from the live or else the desired object; false when one is not known. */
static bool reading_input(const struct reading *reading, const struct operation *operation, struct value *input) {
    struct arena *arena = reading->observation->arena;
    *input = value_of_map();
    for (const struct operation_key *key = operation->keys; key != NULL && key->member != NULL; key++) {
        const struct value *value = value_at(&reading->live.object, key->from);
        if (value == NULL)
            value = value_at(&reading->desired, key->from);
        struct value predicted;
        if (value_text(value) == NULL && key_predict(reading, key->from, &predicted))
            value = &predicted;
        if (value_text(value) == NULL)
            return false;
        value_set(arena, input, key->member, *value);
    }
    return true;
}

static struct request *reading_request(struct reading *reading, const struct operation *operation, struct value input,
                                       void (*done)(struct request *), void *context) {
    struct request *request = requests_take(reading->observation->requests, REQUEST_AWS);
    request->aws.scope = link_scope(reading->target);
    request->aws.operation = operation;
    request->aws.input = input;
    request->lane = reading->target->name;
    request->done = done;
    request->context = context;
    return request;
}

static void part_failed(struct part_reading *part, const struct error *err) {
    observation_unknown(&part->reading->live, err);
    reading_store(part->reading);
}

static void part_store(struct part_reading *part, const char *path, struct value value) {
    struct reading *reading = part->reading;
    if (reading->live.presence == LIVE_UNKNOWN)
        return; /* another part failed: the object is not whole */
    if (path[0] == '\0')
        reading->live.object = value_merge(reading->observation->arena, &reading->live.object, &value);
    else
        value_set_at(reading->observation->arena, &reading->live.object, path, value);
    reading_store(reading);
}

static void each_done(struct request *request) {
    struct part_reading *part = request->context;
    if (!request_ok(request)) {
        part_failed(part, request_error(request));
        return;
    }
    const struct value *value =
        part->read->each_pick == NULL ? &request->aws.result : value_find(&request->aws.result, part->read->each_pick);
    struct reading *reading = part->reading;
    struct arena *arena = reading->observation->arena;
    const struct value *map = value_at(&reading->live.object, part->read->into);
    struct value copy = value_is(map, VALUE_MAP) ? value_copy(arena, map) : value_of_map();
    value_set(arena, &copy, part->item, value == NULL ? value_null() : *value);
    part_store(part, part->read->into, copy);
}

static void each_start(struct part_reading *part, const char *item) {
    struct reading *reading = part->reading;
    struct arena *arena = reading->observation->arena;
    struct value input;
    if (!reading_input(reading, part->read->each, &input)) {
        struct error err = {0};
        error_set(&err, ERROR_BROKEN, "%s of %s: its keys are not known", part->read->each->name, reading_id(reading));
        part_failed(part, &err);
        return;
    }
    value_set(arena, &input, part->read->each_member, value_of_text(item));
    struct part_reading *each = ARENA_NEW(arena, struct part_reading);
    *each = (struct part_reading){.reading = reading, .read = part->read, .item = item};
    requests_add(reading->observation->requests, reading_request(reading, part->read->each, input, each_done, each));
}

static void part_collected(struct part_reading *part) {
    const struct kind_read *read = part->read;
    struct arena *arena = part->reading->observation->arena;
    if (read->each != NULL) {
        part_store(part, read->into, value_of_map());
        for (size_t i = 0; i < value_count(&part->items); i++)
            each_start(part, value_text(&part->items.list.items[i]));
        return;
    }
    part_store(part, read->into, value_copy(arena, &part->items));
}

static void part_done(struct request *request) {
    struct part_reading *part = request->context;
    struct arena *arena = part->reading->observation->arena;
    if (!request_ok(request)) {
        part_failed(part, request_error(request));
        return;
    }
    if (request->aws.operation->list == NULL) {
        part_store(part, part->read->into, request->aws.result);
        return;
    }
    const struct value *items = value_find(&request->aws.answer, request->aws.operation->list);
    for (size_t i = 0; i < (value_is(items, VALUE_LIST) ? value_count(items) : 0); i++) {
        const struct value *item = &items->list.items[i];
        const struct value *picked = part->read->pick == NULL ? item : value_find(item, part->read->pick);
        if (picked != NULL)
            value_append(arena, &part->items, *picked);
    }
    if (request->aws.next_page == NULL) {
        part_collected(part);
        return;
    }
    struct request *next = reading_request(part->reading, request->aws.operation, request->aws.input, part_done, part);
    next->aws.page = request->aws.next_page;
    requests_add(part->reading->observation->requests, next);
}

static void part_start(struct reading *reading, const struct kind_read *read) {
    struct arena *arena = reading->observation->arena;
    struct part_reading *part = ARENA_NEW(arena, struct part_reading);
    *part = (struct part_reading){.reading = reading, .read = read, .items = value_of_list()};
    struct value input;
    if (!reading_input(reading, read->operation, &input)) {
        struct error err = {0};
        error_set(&err, ERROR_BROKEN, "%s: its keys are not known", read->operation->name);
        part_failed(part, &err);
        return;
    }
    requests_add(reading->observation->requests, reading_request(reading, read->operation, input, part_done, part));
}

/* A candidate that carries our mark is a stray; the others are somebody else's and forgotten. */
static void reading_keep_stray(struct reading *reading) {
    if (reading->resource != NULL || !reading->live.ours)
        return;
    struct stray *stray = observation_add_stray(reading->observation, reading->target, reading->candidate);
    stray->row = reading->row;
    stray->kind = reading->row->name;
    stray->name = strchr(reading->candidate, '/') + 1;
    stray->live = reading->live;
    reading->stray = reading->observation->world->stray_count;
    const char *kept = value_text(value_find(value_find(&reading->live.object, "tags"), ANNOTATION_ON_REMOVE));
    if (text_equal(kept, "retain"))
        stray->protected_by = "tag " ANNOTATION_ON_REMOVE "=retain";
}

static void first_done(struct request *request) {
    struct reading *reading = request->context;
    struct live *live = &reading->live;
    if (request_error(request)->kind == ERROR_MISSING) {
        live->presence = LIVE_ABSENT;
    } else if (!request_ok(request)) {
        observation_unknown(live, request_error(request));
    } else {
        live->presence = LIVE_PRESENT;
        live->object = value_is(&request->aws.result, VALUE_MAP) ? request->aws.result : value_of_map();
        /* Keys that the answer does not repeat, so that later reads and writes find them. */
        for (const struct operation_key *key = request->aws.operation->keys; key != NULL && key->member != NULL; key++) {
            const struct value *value = value_find(&request->aws.input, key->member);
            if (value != NULL && value_at(&live->object, key->from) == NULL)
                value_set_at(reading->observation->arena, &live->object, key->from, *value);
        }
        reading_judge(reading);
    }
    reading_store(reading);
    reading_keep_stray(reading);
    if (live->presence != LIVE_PRESENT || (reading->resource == NULL && !live->ours))
        return;
    for (const struct kind_read *read = reading->row->reads + 1; read->operation != NULL; read++)
        part_start(reading, read);
}

static void reading_begin(struct reading *reading, struct value input) {
    requests_add(reading->observation->requests, reading_request(reading, reading->row->reads[0].operation, input, first_done, reading));
}

/* Why a resource whose key depends on others cannot be there, or cannot be known. */
static void reading_give_up(struct observation *observation, const struct resource *resource) {
    struct live *live = &observation->world->lives[resource->index];
    live->presence = LIVE_ABSENT;
    for (size_t i = 0; i < resource->edge_count; i++) {
        const struct live *before = &observation->world->lives[resource->edges[i].before->index];
        if (before->presence == LIVE_UNKNOWN && before->error.kind != ERROR_NONE) {
            observation_unknown(live, &before->error);
            error_wrap(&live->error, "read after %s", resource->edges[i].before->id);
        }
    }
}

/* Reads what can be named now; true when something was read. Resources whose names hang on others come in a later round. */
static bool observe_round(struct observation *observation, bool *read) {
    const struct graph *graph = observation->graph;
    struct graph_lookup lookup = {observe_lookup, observation->world};
    bool any = false;
    for (size_t i = 0; i < graph->count; i++) {
        struct resource *resource = graph->resources[i];
        if (read[i] || resource->row == NULL)
            continue;
        if (resource->row->reads == NULL) { /* only for eksact itself: it is as declared */
            observation->world->lives[i] = (struct live){
                .presence = LIVE_PRESENT, .ours = true, .unchanged = true, .object = resource->desired, .health = HEALTH_CURRENT};
            read[i] = true;
            continue;
        }
        struct reading *reading = ARENA_NEW(observation->arena, struct reading);
        *reading = (struct reading){.observation = observation, .row = resource->row, .target = resource->target, .resource = resource};
        const char *unresolved = NULL;
        reading->desired = graph_resolve(graph, resource, &resource->desired, &lookup, observation->arena, &unresolved);
        struct value input;
        if (!reading_input(reading, resource->row->reads[0].operation, &input))
            continue;
        read[i] = true;
        any = true;
        reading_begin(reading, input);
    }
    requests_finish(observation->requests);
    return any;
}

/* Credentials of another account than the manifests name would read the wrong world and find everything missing. */
static bool target_check(struct observation *observation, const struct target *target, struct error *err) {
    struct engine *engine = observation->engine;
    struct aws_scope scope = link_scope(target);
    const char *account = NULL, *arn = NULL;
    if (!engine_identity(engine, &scope, observation->arena, &account, &arn, err))
        return error_wrap(err, "reach AWS account %s", target->name);
    if (target->account_id == NULL || text_equal(account, target->account_id))
        return true;
    return error_set(
        err, ERROR_DENIED,
        "the credentials are of account %s (%s), the manifests are for %s: use credentials of that account, or set assumeRoleArn", account,
        arn, target->account_id);
}

static void targets_check(struct observation *observation, bool *read) {
    for (size_t t = 0; t < observation->graph->target_count; t++) {
        const struct target *target = observation->graph->targets[t];
        struct error err = {0};
        if (target->type != TARGET_AWS || target_check(observation, target, &err))
            continue;
        observation->world->complete = false;
        for (size_t i = 0; i < observation->graph->count; i++) {
            if (observation->graph->resources[i]->target != target)
                continue;
            read[i] = true;
            observation_unknown(&observation->world->lives[i], &err);
        }
    }
}

static void update_done(struct request *request) {
    struct reading *reading = request->context;
    struct live *live = &reading->observation->world->lives[reading->resource->index];
    if (!request_ok(request))
        return; /* the update is asked for again in the next pass; the status still says UPDATING */
    const char *status = value_text_at(&request->aws.result, "status");
    if (text_equal(status, "InProgress")) {
        live->update_id = value_text_at(&request->aws.result, "id");
        live->update_type = value_text_at(&request->aws.result, "type");
        live->health = HEALTH_IN_PROGRESS;
        return;
    }
    value_remove(&reading->observation->ledger->updates, reading->resource->key);
    const struct value *errors = value_find(&request->aws.result, "errors");
    if (text_equal(status, "Failed") && errors != NULL)
        live->update_errors = *errors;
}

/* Follows the updates that we sent by their ids: the cluster's status lags behind (EKS API, UpdateClusterConfig). */
static void observe_updates(struct observation *observation) {
    const struct operation *operation = schema_operation(SERVICE_EKS, "DescribeUpdate");
    for (size_t i = 0; i < observation->graph->count; i++) {
        struct resource *resource = observation->graph->resources[i];
        const char *id = value_text_at(value_find(&observation->ledger->updates, resource->key), "id");
        if (id == NULL || resource->row == NULL || observation->world->lives[i].presence != LIVE_PRESENT)
            continue;
        struct reading *reading = ARENA_NEW(observation->arena, struct reading);
        *reading = (struct reading){.observation = observation, .row = resource->row, .target = resource->target, .resource = resource};
        reading->live = observation->world->lives[i];
        struct value input = value_of_map();
        const char *cluster = resource->row->cluster_member;
        const struct value *name = value_find(&reading->live.object, resource->row->name_member);
        if (cluster != NULL) {
            value_set(observation->arena, &input, "name", *value_find(&reading->live.object, cluster));
            value_set(observation->arena, &input, resource->row->name_member, *name);
        } else {
            value_set(observation->arena, &input, "name", *name);
        }
        value_set(observation->arena, &input, "updateId", value_of_text(id));
        requests_add(observation->requests, reading_request(reading, operation, input, update_done, reading));
    }
    requests_finish(observation->requests);
}

/* Everything of a kind in one place (an account, or one cluster), to find what left git. */
struct listing {
    struct observation *observation;
    const struct kind *row;
    const struct target *target;
    const char *cluster; /* NULL: of the account */
    struct value keys;
};

/* IAM has one list for all regions: what is declared for another region of the account is no stray here. */
static bool listing_covers(const struct listing *listing, const struct target *target) {
    if (target == listing->target)
        return true;
    bool global = schema_service(listing->row->service)->global_region != NULL;
    return global && target->type == TARGET_AWS && text_equal(target->account_id, listing->target->account_id) &&
           text_equal(target->assume_role_arn, listing->target->assume_role_arn);
}

static bool listing_knows(const struct listing *listing, const char *name) {
    const struct graph *graph = listing->observation->graph;
    for (size_t i = 0; i < graph->count; i++) {
        const struct resource *resource = graph->resources[i];
        if (resource->row != listing->row || !listing_covers(listing, resource->target))
            continue;
        const struct live *live = &listing->observation->world->lives[i];
        const struct value *desired = &resource->desired;
        if (listing->cluster != NULL && !text_equal(value_text_at(desired, listing->row->cluster_member), listing->cluster))
            continue;
        const char *member = listing->row->name_member;
        bool named = member != NULL && text_equal(value_text_at(desired, member), name);
        if (named || text_equal(value_text_at(&live->object, "arn"), name))
            return true;
    }
    return false;
}

static void listing_candidate(struct listing *listing, const char *name) {
    struct arena *arena = listing->observation->arena;
    struct reading *reading = ARENA_NEW(arena, struct reading);
    *reading = (struct reading){.observation = listing->observation, .row = listing->row, .target = listing->target};
    reading->candidate = arena_text(arena, "%s/%s", listing->row->name, name);
    reading->desired = value_copy(arena, &listing->keys);
    if (listing->row->name_member != NULL) /* some kinds are named by their ARN alone */
        value_set(arena, &reading->desired, listing->row->name_member, value_of_text(name));
    value_set(arena, &reading->desired, "arn", value_of_text(name));
    struct value input;
    if (reading_input(reading, listing->row->reads[0].operation, &input))
        reading_begin(reading, input);
}

static void listing_done(struct request *request);

static void listing_request(struct listing *listing, const char *page) {
    struct request *request = requests_take(listing->observation->requests, REQUEST_AWS);
    struct reading probe = {.observation = listing->observation, .desired = listing->keys};
    request->aws.operation = listing->row->list;
    request->aws.scope = link_scope(listing->target);
    request->aws.page = page;
    request->lane = listing->target->name;
    request->done = listing_done;
    request->context = listing;
    if (reading_input(&probe, listing->row->list, &request->aws.input))
        requests_add(listing->observation->requests, request);
}

static void listing_done(struct request *request) {
    struct listing *listing = request->context;
    if (!request_ok(request)) {
        if (request_error(request)->kind != ERROR_MISSING)
            listing->observation->world->complete = false;
        return;
    }
    const struct value *items = value_find(&request->aws.answer, listing->row->list->list);
    for (size_t i = 0; i < (value_is(items, VALUE_LIST) ? value_count(items) : 0); i++) {
        const struct value *item = &items->list.items[i];
        const char *name = value_text(listing->row->list_name == NULL ? item : value_find(item, listing->row->list_name));
        if (name != NULL && !listing_knows(listing, name))
            listing_candidate(listing, name);
    }
    if (request->aws.next_page != NULL)
        listing_request(listing, request->aws.next_page);
}

/* Whether an earlier target of the graph has listed the same already. */
static bool listing_is_double(struct observation *observation, const struct kind *row, const struct target *target) {
    struct listing listing = {.observation = observation, .row = row, .target = target};
    for (size_t i = 0; i < observation->graph->target_count && observation->graph->targets[i] != target; i++) {
        if (listing_covers(&listing, observation->graph->targets[i]))
            return true;
    }
    return false;
}

static void listing_start(struct observation *observation, const struct kind *row, const struct target *target, const char *cluster) {
    struct listing *listing = ARENA_NEW(observation->arena, struct listing);
    *listing = (struct listing){.observation = observation, .row = row, .target = target, .cluster = cluster, .keys = value_of_map()};
    value_set(observation->arena, &listing->keys, "fleet", value_of_text(observation->graph->fleet.name));
    value_set(observation->arena, &listing->keys, "pathPrefix",
              value_of_text(arena_text(observation->arena, "/eksact/%s/", observation->graph->fleet.name)));
    if (cluster != NULL)
        value_set(observation->arena, &listing->keys, row->cluster_member, value_of_text(cluster));
    listing_request(listing, NULL);
}

static void strays_of_cluster(struct observation *observation, const struct target *target, const char *cluster) {
    for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
        if ((*kind)->list != NULL && (*kind)->scope == SCOPE_CLUSTER)
            listing_start(observation, *kind, target, cluster);
    }
}

static void observe_strays(struct observation *observation) {
    const struct graph *graph = observation->graph;
    for (size_t t = 0; t < graph->target_count; t++) {
        if (graph->targets[t]->type != TARGET_AWS)
            continue;
        for (const struct kind *const *kind = schema_kinds(); *kind != NULL; kind++) {
            if ((*kind)->list != NULL && (*kind)->scope == SCOPE_ACCOUNT && !listing_is_double(observation, *kind, graph->targets[t]))
                listing_start(observation, *kind, graph->targets[t], NULL);
        }
    }
    for (size_t i = 0; i < graph->count; i++) {
        const struct resource *resource = graph->resources[i];
        const struct live *live = &observation->world->lives[i];
        bool managed = resource->manage == MANAGE_FULL;
        if (resource->target->type == TARGET_AWS && resource->row->serves_kubernetes && live->presence == LIVE_PRESENT && managed)
            strays_of_cluster(observation, resource->target, resource->name);
    }
    requests_finish(observation->requests);
    size_t known = observation->world->stray_count;
    for (size_t i = 0; i < known; i++) {
        struct stray stray = observation->world->strays[i];
        if (stray.row->serves_kubernetes)
            strays_of_cluster(observation, stray.target, stray.name);
    }
    requests_finish(observation->requests);
}

void observe_aws(struct observation *observation) {
    const struct graph *graph = observation->graph;
    bool *read = ARENA_ARRAY(observation->arena, bool, graph->count);
    targets_check(observation, read);
    while (observe_round(observation, read))
        continue;
    for (size_t i = 0; i < graph->count; i++) {
        if (!read[i] && graph->resources[i]->row != NULL)
            reading_give_up(observation, graph->resources[i]);
    }
    observe_updates(observation);
    if (observation->world->complete)
        observe_strays(observation);
}
