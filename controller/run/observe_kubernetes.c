/* Reads Kubernetes objects: a metadata-only LIST for each kind, and single objects only where that leaves a doubt. */
#include "base/json.h"
#include "run/declared.h"
#include "run/observation.h"

/* One API server in this pass. */
struct cluster_reading {
    struct observation *observation;
    const struct target *target;
    struct kube *kube;
    bool usable;
    bool *read; /* beside graph.resources: found by a LIST */
};

/* One kind of one API server. */
struct kind_listing {
    struct cluster_reading *cluster;
    const struct kube_resource *resource;
    const char *kind;
};

/* One object that is read whole. */
struct object_reading {
    struct cluster_reading *cluster;
    const struct resource *resource;
    bool dry_run; /* also ask what applying it would change */
};

static bool cluster_owns(const struct cluster_reading *cluster, const struct resource *resource) {
    return resource->row == NULL && resource->target == cluster->target;
}

/* All objects of the cluster get the same answer. */
static void cluster_give(struct cluster_reading *cluster, enum presence presence, const struct error *err) {
    const struct graph *graph = cluster->observation->graph;
    cluster->usable = false;
    for (size_t i = 0; i < graph->count; i++) {
        struct live *live = &cluster->observation->world->lives[i];
        if (!cluster_owns(cluster, graph->resources[i]))
            continue;
        live->presence = presence;
        if (err != NULL)
            live->error = *err;
    }
    if (presence == LIVE_UNKNOWN)
        cluster->observation->world->complete = false;
}

static void cluster_fail(struct cluster_reading *cluster, struct error *err) {
    error_wrap(err, "cluster %s", cluster->target->name);
    cluster_give(cluster, LIVE_UNKNOWN, err);
}

static void cluster_open(struct cluster_reading *cluster) {
    struct observation *observation = cluster->observation;
    const struct resource *owner = cluster->target->cluster;
    const struct live *live = &observation->world->lives[owner->index];
    struct error err = {0};
    if (live->presence == LIVE_ABSENT) {
        cluster_give(cluster, LIVE_ABSENT, NULL);
        return;
    }
    if (live->presence == LIVE_UNKNOWN) {
        err = live->error;
        cluster_fail(cluster, &err);
        return;
    }
    if (value_text_at(&live->object, "endpoint") == NULL && live->health == HEALTH_IN_PROGRESS) {
        cluster_give(cluster, LIVE_ABSENT, NULL); /* its API server is still being made */
        return;
    }
    cluster->usable = link_open(observation->engine, cluster->target, live, observation->arena, &cluster->kube, &err);
    if (!cluster->usable)
        cluster_fail(cluster, &err);
}

static struct request *cluster_request(struct cluster_reading *cluster, enum kube_verb verb, void (*done)(struct request *),
                                       void *context) {
    struct request *request = requests_take(cluster->observation->requests, REQUEST_KUBERNETES);
    request->kube = cluster->kube;
    request->lane = cluster->target->name;
    request->done = done;
    request->context = context;
    request->kubernetes.verb = verb;
    request->kubernetes.manager = FIELD_MANAGER;
    return request;
}

static void cluster_add(struct cluster_reading *cluster, struct request *request) {
    requests_add(cluster->observation->requests, request);
}

static bool cluster_needs_discovery(const struct cluster_reading *cluster) {
    const struct graph *graph = cluster->observation->graph;
    if (!kube_is_discovered(cluster->kube))
        return true;
    for (size_t i = 0; i < graph->count; i++) {
        const struct resource *resource = graph->resources[i];
        if (cluster_owns(cluster, resource) && kube_find(cluster->kube, resource->api_version, resource->kind) == NULL)
            return true;
    }
    return false;
}

/* Two calls whose answers are joined once both are there. */
struct discovery {
    struct cluster_reading *cluster;
    struct request *core, *groups;
};

static void clusters_discover(struct observation *observation, struct cluster_reading *clusters, size_t count) {
    struct discovery *discoveries = ARENA_ARRAY(observation->arena, struct discovery, count);
    for (size_t i = 0; i < count; i++) {
        if (!clusters[i].usable || !cluster_needs_discovery(&clusters[i]))
            continue;
        discoveries[i].cluster = &clusters[i];
        discoveries[i].core = cluster_request(&clusters[i], KUBE_DISCOVER, NULL, NULL);
        discoveries[i].core->kubernetes.path = "/api";
        discoveries[i].groups = cluster_request(&clusters[i], KUBE_DISCOVER, NULL, NULL);
        discoveries[i].groups->kubernetes.path = "/apis";
        cluster_add(&clusters[i], discoveries[i].core);
        cluster_add(&clusters[i], discoveries[i].groups);
    }
    requests_finish(observation->requests);
    for (size_t i = 0; i < count; i++) {
        struct discovery *discovery = &discoveries[i];
        if (discovery->cluster == NULL)
            continue;
        struct error err = {0};
        if (!request_ok(discovery->core))
            err = *request_error(discovery->core);
        else if (!request_ok(discovery->groups))
            err = *request_error(discovery->groups);
        else
            kube_discovered(clusters[i].kube, &discovery->core->kubernetes, &discovery->groups->kubernetes, &err);
        if (err.kind != ERROR_NONE)
            cluster_fail(&clusters[i], &err);
    }
}

static struct resource *listing_resource(const struct kind_listing *listing, const struct kube_item *item, char *id, size_t room) {
    if (item->namespace != NULL)
        snprintf(id, room, "%s/%s/%s", listing->kind, item->namespace, item->name);
    else
        snprintf(id, room, "%s/%s", listing->kind, item->name);
    struct resource *resource = graph_find(listing->cluster->observation->graph, listing->cluster->target, id);
    if (resource == NULL || resource->row != NULL)
        return NULL;
    const struct kube_resource *served = kube_find(listing->cluster->kube, resource->api_version, resource->kind);
    bool same =
        served != NULL && text_equal(served->group, listing->resource->group) && text_equal(served->plural, listing->resource->plural);
    return same ? resource : NULL;
}

/* Whether metadata alone proves that the object is as it was applied. */
static bool item_is_unchanged(const struct observation *observation, const struct resource *resource, const struct kube_item *item) {
    const char *hash = value_text(value_find(&item->annotations, ANNOTATION_APPLIED));
    if (item->deleting || item->our_fields == NULL || item->our_entry_count != 1 || hash == NULL ||
        !text_equal(item->our_fields_version, resource->api_version))
        return false;
    ARENA_AUTO *scratch = arena_new();
    struct graph_lookup lookup = {observe_lookup, observation->world};
    const char *unresolved = NULL;
    struct value declared = declared_resolve(observation->graph, resource, &lookup, scratch, &unresolved);
    if (unresolved != NULL || !text_equal(hash, declared_hash(&declared)))
        return false;
    struct value fields;
    struct error err = {0};
    return json_parse(scratch, "managedFields", item->our_fields, strlen(item->our_fields), &fields, &err) &&
           ownership_covers(&declared, &fields);
}

static char *copied(struct arena *arena, const char *text) {
    return text == NULL ? NULL : arena_copy(arena, text, strlen(text));
}

static void live_from_item(struct live *live, const struct kube_item *item, struct arena *arena) {
    live->presence = LIVE_PRESENT;
    live->ours = true;
    live->uid = copied(arena, item->uid);
    live->resource_version = copied(arena, item->resource_version);
    live->applied_hash = copied(arena, value_text(value_find(&item->annotations, ANNOTATION_APPLIED)));
    live->health = item->deleting ? HEALTH_TERMINATING : HEALTH_UNKNOWN;
}

/* Annotations by which their owners keep objects from being pruned: ours, Helm's, Config Sync's, cli-utils' and Flux's. */
static const struct {
    const char *name, *value;
} keepers[] = {{ANNOTATION_ON_REMOVE, "retain"},
               {"helm.sh/resource-policy", "keep"},
               {"client.lifecycle.config.k8s.io/deletion", "detach"},
               {"cli-utils.sigs.k8s.io/on-remove", "keep"},
               {"kustomize.toolkit.fluxcd.io/prune", "disabled"}};

static const char *item_keeper(const struct kube_item *item, struct arena *arena) {
    for (size_t i = 0; i < sizeof keepers / sizeof keepers[0]; i++) {
        if (text_equal(value_text(value_find(&item->annotations, keepers[i].name)), keepers[i].value))
            return arena_text(arena, "annotation %s: %s", keepers[i].name, keepers[i].value);
    }
    return NULL;
}

static void listing_stray(struct kind_listing *listing, const struct kube_item *item, const char *id) {
    struct observation *observation = listing->cluster->observation;
    struct arena *arena = observation->arena;
    for (size_t i = 0; i < observation->world->stray_count; i++) { /* a page that is asked for again says everything twice */
        if (observation->world->strays[i].target == listing->cluster->target && text_equal(observation->world->strays[i].id, id))
            return;
    }
    struct stray *stray = observation_add_stray(observation, listing->cluster->target, copied(arena, id));
    stray->api_version = listing->resource->group[0] == '\0'
                             ? listing->resource->version
                             : arena_text(arena, "%s/%s", listing->resource->group, listing->resource->version);
    stray->kind = listing->kind;
    stray->name = copied(arena, item->name);
    stray->namespace = copied(arena, item->namespace);
    live_from_item(&stray->live, item, arena);
    stray->protected_by = item_keeper(item, arena);
}

static bool listing_item(void *context, const struct kube_item *item, struct error *err) {
    struct kind_listing *listing = context;
    struct observation *observation = listing->cluster->observation;
    (void)err;
    char id[1024];
    struct resource *resource = listing_resource(listing, item, id, sizeof id);
    if (resource == NULL) {
        listing_stray(listing, item, id);
        return true;
    }
    struct live *live = &observation->world->lives[resource->index];
    live_from_item(live, item, observation->arena);
    live->unchanged = item_is_unchanged(observation, resource, item);
    listing->cluster->read[resource->index] = true;
    return true;
}

/* The objects of a kind that could not be listed are unknown, and what of the kind is not in git stays. */
static void listing_failed(struct kind_listing *listing, struct error err) {
    struct observation *observation = listing->cluster->observation;
    error_wrap(&err, "list %s in cluster %s", listing->resource->plural, listing->cluster->target->name);
    observation->world->complete = false;
    for (size_t i = 0; i < observation->graph->count; i++) {
        const struct resource *resource = observation->graph->resources[i];
        if (!cluster_owns(listing->cluster, resource) || !text_equal(resource->kind, listing->kind))
            continue;
        observation_unknown(&observation->world->lives[i], &err);
        listing->cluster->read[i] = true;
    }
}

static void listing_done(struct request *request);

static void listing_request(struct kind_listing *listing, const char *page) {
    struct request *request = cluster_request(listing->cluster, KUBE_LIST_METADATA, listing_done, listing);
    request->kubernetes.resource = listing->resource;
    request->kubernetes.label_selector =
        arena_text(listing->cluster->observation->arena, "%s=%s", LABEL_PART_OF, listing->cluster->observation->graph->applyset_id);
    request->kubernetes.page = page;
    request->kubernetes.on_item = listing_item;
    request->kubernetes.context = listing;
    cluster_add(listing->cluster, request);
}

static void listing_done(struct request *request) {
    struct kind_listing *listing = request->context;
    if (!request_ok(request))
        listing_failed(listing, *request_error(request));
    else if (request->kubernetes.next_page != NULL)
        listing_request(listing, request->kubernetes.next_page);
}

static bool kinds_have(const struct kind_listing *kinds, size_t count, const struct kube_resource *resource) {
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].resource == resource)
            return true;
    }
    return false;
}

static void cluster_list_kind(struct cluster_reading *cluster, struct kind_listing **kinds, size_t *count,
                              const struct kube_resource *resource, const char *kind) {
    for (size_t i = 0; i < *count; i++) {
        if ((*kinds)[i].resource == resource)
            return;
    }
    struct arena *arena = cluster->observation->arena;
    *kinds = arena_grow(arena, *kinds, *count, sizeof **kinds);
    (*kinds)[(*count)++] = (struct kind_listing){.cluster = cluster, .resource = resource, .kind = kind};
}

/* The kinds that were applied before are recorded on the ApplySet's parent ("Deployment.apps,ConfigMap"; KEP-3659). */
static void kinds_recorded(struct cluster_reading *cluster, const char *recorded, struct kind_listing **kinds, size_t *count) {
    struct arena *arena = cluster->observation->arena;
    char *rest = NULL;
    for (char *name = strtok_r(copied(arena, recorded), ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        char *group = strchr(name, '.');
        if (group != NULL)
            *group++ = '\0';
        const struct kube_resource *resource = kube_find_group_kind(cluster->kube, group == NULL ? "" : group, name);
        if (resource != NULL && !kinds_have(*kinds, *count, resource))
            cluster_list_kind(cluster, kinds, count, resource, resource->kind);
    }
}

/* Served kinds of the graph; an object of a kind that is not served is absent when its definition is declared too, else a mistake. */
static void kinds_declared(struct cluster_reading *cluster, struct kind_listing **kinds, size_t *count) {
    const struct graph *graph = cluster->observation->graph;
    for (size_t i = 0; i < graph->count; i++) {
        const struct resource *resource = graph->resources[i];
        if (!cluster_owns(cluster, resource))
            continue;
        const struct kube_resource *served = kube_find(cluster->kube, resource->api_version, resource->kind);
        if (served != NULL) {
            cluster_list_kind(cluster, kinds, count, served, served->kind);
            continue;
        }
        cluster->read[i] = true;
        struct live *live = &cluster->observation->world->lives[i];
        live->presence = LIVE_ABSENT;
        bool defined = false;
        for (size_t e = 0; e < resource->edge_count; e++)
            defined = defined || text_equal(resource->edges[e].before->kind, "CustomResourceDefinition");
        if (defined)
            continue;
        struct error err = {0};
        error_set_at(&err, ERROR_INVALID, resource->place,
                     "cluster %s does not serve %s %s: its definition is missing, or the version is wrong", cluster->target->name,
                     resource->api_version, resource->kind);
        observation_unknown(live, &err);
    }
}

static void clusters_list(struct observation *observation, struct cluster_reading *clusters, size_t count) {
    struct request **parents = ARENA_ARRAY(observation->arena, struct request *, count);
    static const struct kube_resource config_map = {
        .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .namespaced = true};
    for (size_t i = 0; i < count; i++) {
        if (!clusters[i].usable)
            continue;
        parents[i] = cluster_request(&clusters[i], KUBE_GET, NULL, NULL);
        parents[i]->kubernetes.resource = &config_map;
        parents[i]->kubernetes.namespace = APPLYSET_NAMESPACE;
        parents[i]->kubernetes.name = arena_text(observation->arena, "eksact-%s", observation->graph->fleet.name);
        cluster_add(&clusters[i], parents[i]);
    }
    requests_finish(observation->requests);
    struct kind_listing **kinds = ARENA_ARRAY(observation->arena, struct kind_listing *, count);
    size_t *kind_counts = ARENA_ARRAY(observation->arena, size_t, count);
    for (size_t i = 0; i < count; i++) {
        if (!clusters[i].usable)
            continue;
        if (!request_ok(parents[i]) && request_error(parents[i])->kind != ERROR_MISSING) {
            cluster_fail(&clusters[i], request_error(parents[i]));
            continue;
        }
        const struct value *annotations = value_at(&parents[i]->kubernetes.answer, "metadata.annotations");
        const char *recorded = value_text(value_find(annotations, "applyset.kubernetes.io/contains-group-kinds"));
        kinds_declared(&clusters[i], &kinds[i], &kind_counts[i]);
        if (recorded != NULL) {
            value_set(observation->arena, &observation->world->recorded_kinds, clusters[i].target->name, value_of_text(recorded));
            kinds_recorded(&clusters[i], recorded, &kinds[i], &kind_counts[i]);
        }
    }
    /* Only now are the arrays at rest, so that requests may point into them. */
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < kind_counts[i]; k++)
            listing_request(&kinds[i][k], NULL);
    }
    requests_finish(observation->requests);
}

static void dry_run_done(struct request *request) {
    struct object_reading *reading = request->context;
    struct live *live = &reading->cluster->observation->world->lives[reading->resource->index];
    if (request_ok(request)) {
        live->dry_run = request->kubernetes.answer;
        return;
    }
    struct error err = *request_error(request);
    if (err.kind == ERROR_INVALID || err.kind == ERROR_DENIED || err.kind == ERROR_CONFLICT) {
        live->dry_run_error = err;
        live->dry_run_immutable = request->kubernetes.immutable;
        return;
    }
    if (err.kind == ERROR_MISSING)
        return; /* gone since it was read: the next pass sees that */
    observation_unknown(live, &err);
}

static void object_dry_run(struct object_reading *reading) {
    struct cluster_reading *cluster = reading->cluster;
    struct observation *observation = cluster->observation;
    struct graph_lookup lookup = {observe_lookup, observation->world};
    const char *unresolved = NULL;
    struct value *body = ARENA_NEW(observation->arena, struct value);
    *body = declared_resolve(observation->graph, reading->resource, &lookup, observation->arena, &unresolved);
    if (unresolved != NULL)
        return; /* what it will be is not known before another resource exists; the plan says which */
    struct request *request = cluster_request(cluster, KUBE_DRY_RUN, dry_run_done, reading);
    request->kubernetes.resource = kube_find(cluster->kube, reading->resource->api_version, reading->resource->kind);
    request->kubernetes.namespace = reading->resource->namespace;
    request->kubernetes.name = reading->resource->name;
    request->kubernetes.body = body;
    cluster_add(cluster, request);
}

static void live_from_object(struct observation *observation, struct live *live, const struct value *object) {
    live->presence = LIVE_PRESENT;
    live->object = *object;
    live->uid = value_text_at(object, "metadata.uid");
    live->resource_version = value_text_at(object, "metadata.resourceVersion");
    const char *part_of = value_text(value_find(value_at(object, "metadata.labels"), LABEL_PART_OF));
    live->ours = text_equal(part_of, observation->graph->applyset_id);
    live->other_owner = part_of != NULL && !live->ours ? part_of : NULL;
    live->applied_hash = value_text(value_find(value_at(object, "metadata.annotations"), ANNOTATION_APPLIED));
    live->health = health_of_object(object, clock_wall_ms(observation->engine->clock), observation->arena, &live->health_reason);
}

static void object_done(struct request *request) {
    struct object_reading *reading = request->context;
    struct observation *observation = reading->cluster->observation;
    struct live *live = &observation->world->lives[reading->resource->index];
    if (request_error(request)->kind == ERROR_MISSING) {
        live->presence = LIVE_ABSENT;
        live->unchanged = false;
    } else if (!request_ok(request)) {
        observation_unknown(live, request_error(request));
    } else {
        live_from_object(observation, live, &request->kubernetes.answer);
        if (reading->dry_run && live->health != HEALTH_TERMINATING && reading->resource->manage == MANAGE_FULL)
            object_dry_run(reading);
    }
}

static void object_read(struct cluster_reading *cluster, const struct resource *resource, bool dry_run) {
    struct object_reading *reading = ARENA_NEW(cluster->observation->arena, struct object_reading);
    *reading = (struct object_reading){.cluster = cluster, .resource = resource, .dry_run = dry_run};
    struct request *request = cluster_request(cluster, KUBE_GET, object_done, reading);
    request->kubernetes.resource = kube_find(cluster->kube, resource->api_version, resource->kind);
    request->kubernetes.namespace = resource->namespace;
    request->kubernetes.name = resource->name;
    cluster_add(cluster, request);
}

/* Unchanged objects are read only while their health is in question: they roll out, or something that is to change waits for them. */
static void mark_awaited(struct observation *observation, bool *awaited) {
    const struct graph *graph = observation->graph;
    for (size_t i = 0; i < graph->count; i++) {
        const struct resource *resource = graph->resources[i];
        const struct live *live = &observation->world->lives[i];
        const struct ledger *ledger = observation->ledger;
        if (value_find(&ledger->bakes, resource->key) != NULL || value_find(&ledger->rolling, resource->key) != NULL)
            awaited[i] = true;
        bool settled = live->presence == LIVE_UNKNOWN || (live->presence == LIVE_PRESENT && live->unchanged);
        for (size_t e = 0; e < resource->edge_count && !settled; e++) {
            if (resource->edges[e].gate == GATE_READY)
                awaited[resource->edges[e].before->index] = true;
        }
    }
}

static void clusters_read_objects(struct observation *observation, struct cluster_reading *clusters, size_t count) {
    const struct graph *graph = observation->graph;
    bool *awaited = ARENA_ARRAY(observation->arena, bool, graph->count);
    mark_awaited(observation, awaited);
    for (size_t c = 0; c < count; c++) {
        for (size_t i = 0; i < graph->count && clusters[c].usable; i++) {
            const struct resource *resource = graph->resources[i];
            const struct live *live = &observation->world->lives[i];
            if (!cluster_owns(&clusters[c], resource))
                continue;
            bool listed = clusters[c].read[i];
            if (!listed)
                object_read(&clusters[c], resource, true);
            else if (live->presence == LIVE_PRESENT && (!live->unchanged || awaited[i]))
                object_read(&clusters[c], resource, !live->unchanged);
        }
    }
    requests_finish(observation->requests);
}

void observe_kubernetes(struct observation *observation) {
    const struct graph *graph = observation->graph;
    struct cluster_reading *clusters = ARENA_ARRAY(observation->arena, struct cluster_reading, graph->target_count);
    size_t count = 0;
    for (size_t i = 0; i < graph->target_count; i++) {
        if (graph->targets[i]->type != TARGET_KUBERNETES)
            continue;
        struct cluster_reading *cluster = &clusters[count++];
        *cluster = (struct cluster_reading){.observation = observation, .target = graph->targets[i]};
        cluster->read = ARENA_ARRAY(observation->arena, bool, graph->count);
        cluster_open(cluster);
    }
    clusters_discover(observation, clusters, count);
    clusters_list(observation, clusters, count);
    clusters_read_objects(observation, clusters, count);
}
