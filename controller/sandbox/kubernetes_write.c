/* kubernetes_write.c: create, replace and patch: what the API server's generic registry does around a write. */
#include "sandbox/kubernetes.h"

#include "base/json.h"
#include "base/yaml.h"

static const char *plural_group(const struct kubernetes_call *call) {
    return *call->kind.group ? arena_text(call->arena, "%s.%s", call->kind.plural, call->kind.group) : call->kind.plural;
}

static struct value details_of(const struct kubernetes_call *call) {
    struct value details = value_of_map();
    if (*call->name)
        (void)value_set(call->arena, &details, "name", value_of_text(call->name));
    if (*call->kind.group)
        (void)value_set(call->arena, &details, "group", value_of_text(call->kind.group));
    (void)value_set(call->arena, &details, "kind", value_of_text(call->kind.plural));
    return details;
}

bool kubernetes_not_found(const struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    (void)kubernetes_refuse(call->arena, refusal, 404, "NotFound", "%s \"%s\" not found", plural_group(call), call->name);
    refusal->details = details_of(call);
    return false;
}

static bool refuse_conflict(const struct kubernetes_call *call, struct kubernetes_refusal *refusal, const char *why) {
    (void)kubernetes_refuse(call->arena, refusal, 409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s", plural_group(call),
                            call->name, why);
    refusal->details = details_of(call);
    return false;
}

static const char modified[] = "the object has been modified; please apply your changes to the latest version and try again";

const char *kubernetes_call_query(const struct kubernetes_call *call, const char *name) {
    return world_query(call->arena, call->request->query, name);
}

bool kubernetes_call_true(const struct kubernetes_call *call, const char *name) {
    const char *value = kubernetes_call_query(call, name);
    return text_equal(value, "true") || text_equal(value, "1");
}

/* Kinds whose metadata.generation counts changes of the spec. */
static bool counts_generations(const struct kubernetes_kind *kind) {
    static const char *const kinds[] = {"Deployment",
                                        "ReplicaSet",
                                        "StatefulSet",
                                        "DaemonSet",
                                        "Job",
                                        "CronJob",
                                        "PodDisruptionBudget",
                                        "Ingress",
                                        "IngressClass",
                                        "NetworkPolicy",
                                        "CustomResourceDefinition",
                                        "MutatingWebhookConfiguration",
                                        "ValidatingWebhookConfiguration",
                                        "ValidatingAdmissionPolicy",
                                        "ValidatingAdmissionPolicyBinding",
                                        "Pod",
                                        "ReplicationController",
                                        "PriorityClass",
                                        "FlowSchema",
                                        "PriorityLevelConfiguration",
                                        "EndpointSlice",
                                        NULL};
    return kind->definition || text_in(kind->kind, kinds);
}

/* Everything but metadata and, where it is a subresource, status. */
static struct value spec_of(struct arena *arena, const struct kubernetes_kind *kind, const struct value *object) {
    struct value rest = *object;
    rest = value_of_map();
    for (size_t i = 0; i < value_count(object); i++) {
        const struct member *member = &object->map.members[i];
        if (!text_equal(member->key, "metadata") && !(kind->status && text_equal(member->key, "status")))
            (void)value_put(arena, &rest, member->key, member->value);
    }
    (void)value_sort(&rest);
    return rest;
}

static void member_from(struct arena *arena, struct value *map, const struct value *source, const char *key) {
    const struct value *found = value_find(source, key);
    if (found)
        (void)value_set(arena, map, key, *found);
    else
        (void)value_remove(map, key);
}

static struct value *metadata_of(struct arena *arena, struct value *object) {
    struct value *metadata = value_find_mutable(object, "metadata");
    return value_is(metadata, VALUE_MAP) ? metadata : value_set(arena, object, "metadata", value_of_map());
}

static void metadata_tidy(struct value *metadata) {
    static const char *const optional[] = {"annotations", "labels", "finalizers", "ownerReferences", NULL};
    for (size_t i = 0; optional[i]; i++) {
        const struct value *found = value_find(metadata, optional[i]);
        if (found && value_count(found) == 0)
            (void)value_remove(metadata, optional[i]);
    }
    (void)value_remove(metadata, "selfLink");
}

static void identity_new(struct world *world, struct arena *arena, const struct kubernetes_kind *kind, struct value *object) {
    struct value *metadata = metadata_of(arena, object);
    static const char *const foreign[] = {"resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", NULL};
    for (size_t i = 0; foreign[i]; i++)
        (void)value_remove(metadata, foreign[i]);
    (void)value_set(arena, metadata, "uid", value_of_text(kubernetes_uid(world, arena)));
    (void)value_set(arena, metadata, "creationTimestamp", value_of_text(time_text(arena, world->now_ms)));
    if (counts_generations(kind))
        (void)value_set(arena, metadata, "generation", value_of_integer(1));
    metadata_tidy(metadata);
}

static void identity_keep(struct arena *arena, const struct value *live, struct value *object) {
    static const char *const kept[] = {
        "uid",  "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
        "name", "namespace",         NULL};
    struct value *metadata = metadata_of(arena, object);
    for (size_t i = 0; kept[i]; i++)
        member_from(arena, metadata, value_find(live, "metadata"), kept[i]);
    metadata_tidy(metadata);
}

static void generation_count(struct arena *arena, const struct kubernetes_kind *kind, const struct value *live, struct value *object) {
    if (!counts_generations(kind))
        return;
    struct value before = spec_of(arena, kind, live);
    struct value after = spec_of(arena, kind, object);
    int64_t generation = value_integer(value_at(live, "metadata.generation"), 1);
    if (!value_equal(&before, &after))
        (void)value_set_at(arena, object, "metadata.generation", value_of_integer(generation + 1));
}

/* Which half of the object a write may touch: PrepareForUpdate of the strategies. */
static void halves(struct arena *arena, const struct kubernetes_kind *kind, const char *subresource, const struct value *live,
                   struct value *object) {
    if (text_equal(subresource, "status") && live) {
        struct value status = value_null();
        const struct value *sent = value_find(object, "status");
        if (sent)
            status = *sent;
        struct value managed = value_null();
        const struct value *entries = value_at(object, "metadata.managedFields");
        if (entries)
            managed = *entries;
        struct value annotations = value_null();
        const struct value *notes = value_at(object, "metadata.annotations");
        if (notes && text_equal(kind->group, "apps")) /* these strategies keep only spec and labels */
            annotations = *notes;
        *object = value_copy(arena, live);
        if (annotations.type != VALUE_NULL)
            (void)value_set_at(arena, object, "metadata.annotations", annotations);
        if (status.type != VALUE_NULL)
            (void)value_set(arena, object, "status", status);
        else
            (void)value_remove(object, "status");
        if (managed.type != VALUE_NULL)
            (void)value_set_at(arena, object, "metadata.managedFields", managed);
        return;
    }
    if (kind->status && *subresource == '\0')
        member_from(arena, object, live, "status");
}

/* apiextensions-apiserver, strategy.PrepareForCreate: what is stored is known, what is accepted is not yet. */
static void definition_status(struct arena *arena, struct value *object) {
    struct value stored = value_of_list();
    const struct value *versions = value_at(object, "spec.versions");
    for (size_t i = 0; i < value_count(versions); i++)
        if (value_boolean(value_find(&versions->list.items[i], "storage"), false))
            (void)value_append(arena, &stored, *value_find(&versions->list.items[i], "name"));
    (void)value_set_at(arena, object, "status.acceptedNames.kind", value_of_text(""));
    (void)value_set_at(arena, object, "status.acceptedNames.plural", value_of_text(""));
    (void)value_set_at(arena, object, "status.conditions", value_of_list());
    (void)value_set_at(arena, object, "status.storedVersions", stored);
}

/* What a new object's status shows: Go structs have members without omitempty. */
static void create_status(struct arena *arena, const struct kubernetes_kind *kind, struct value *object) {
    static const struct {
        const char *kind, *counts[7]; /* that are 0; none: an empty status */
    } rows[] = {
        {"Deployment", {NULL}},
        {"Job", {NULL}},
        {"CronJob", {NULL}},
        {"ResourceQuota", {NULL}},
        {"StatefulSet", {"replicas", "availableReplicas", NULL}},
        {"ReplicaSet", {"replicas", NULL}},
        {"DaemonSet", {"currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady", NULL}},
        {"PodDisruptionBudget", {"currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods", NULL}},
        {"HorizontalPodAutoscaler", {"desiredReplicas", NULL}},
    };
    if (kind->definition || value_find(object, "status"))
        return;
    if (text_equal(kind->kind, "CustomResourceDefinition"))
        definition_status(arena, object);
    if (text_equal(kind->kind, "Service") || text_equal(kind->kind, "Ingress"))
        (void)value_set_at(arena, object, "status.loadBalancer", value_of_map());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!text_equal(rows[i].kind, kind->kind))
            continue;
        struct value status = value_of_map();
        for (size_t j = 0; rows[i].counts[j]; j++)
            (void)value_set(arena, &status, rows[i].counts[j], value_of_integer(0));
        (void)value_set(arena, object, "status", status);
    }
}

/* Makes `object` what would be stored over `live`. Its managedFields are those of an apply, or made here for `manager`. */
static bool prepare(struct world *world, const char *cluster, struct arena *arena, const struct kubernetes_kind *kind,
                    const char *subresource, const struct value *live, struct value *object, const char *manager, bool applied,
                    struct kubernetes_refusal *refusal) {
    *object = kubernetes_without_nulls(arena, object);
    if (live)
        identity_keep(arena, live, object);
    else
        identity_new(world, arena, kind, object);
    halves(arena, kind, subresource, live, object);
    kubernetes_default(arena, kind, object);
    if (!applied && !text_equal(subresource, "finalize"))
        kubernetes_managed_update(arena, world->now_ms, kind, live, object, manager, subresource);
    kubernetes_allocate(world, cluster, arena, kind, live, object);
    if (!live)
        create_status(arena, kind, object);
    if (live && !text_equal(subresource, "status"))
        generation_count(arena, kind, live, object);
    return kubernetes_check(arena, kind, live, object, refusal);
}

const struct value *kubernetes_write(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *manager,
                                     const char *subresource, struct value *object) {
    struct arena *arena = arena_new();
    struct kubernetes_refusal refusal = {0};
    const char *space = value_text_at(object, "metadata.namespace");
    const char *name = value_text_at(object, "metadata.name");
    const struct value *live = kubernetes_find(world, cluster, kind->group, kind->plural, space, name);
    struct value kept = live ? *live : value_null();
    struct value status = value_null();
    const struct value *sent = value_find(object, "status");
    if (sent)
        status = *sent;
    struct value copy = value_copy(arena, object);
    const struct value *stored = live;
    bool good = prepare(world, cluster, arena, kind, subresource, live ? &kept : NULL, &copy, manager, false, &refusal);
    if (!live && status.type != VALUE_NULL)
        (void)value_set(arena, &copy, "status", status);
    if (good && !(live && value_equal(&kept, &copy)))
        stored = kubernetes_put(world, cluster, kind, &copy);
    if (!good)
        world->note(world, "refused %s/%s: %s", kind->kind, name, refusal.message);
    arena_free(arena);
    return stored;
}

bool kubernetes_call_body(struct kubernetes_call *call, struct value *out, struct kubernetes_refusal *refusal) {
    const struct http_exchange *exchange = call->exchange;
    const char *type = world_header(exchange, "content-type");
    struct error err = {0};
    if (type && strstr(type, "protobuf"))
        return kubernetes_refuse(
            call->arena, refusal, 415, "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml");
    if (exchange->body_length == 0)
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "the request has no body");
    bool yaml = type && strstr(type, "yaml");
    /* YAML is a superset of JSON, and clients send JSON under its name: that is the quicker parser. */
    if (json_parse(call->arena, "request", exchange->body, exchange->body_length, out, &err))
        return true;
    if (!yaml)
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "%s", err.text);
    struct yaml_documents documents = {0};
    struct findings findings = {0};
    yaml_parse(call->arena, "request", exchange->body, exchange->body_length, &documents, &findings);
    if (findings.error_count > 0 || documents.count != 1)
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "error decoding YAML: %s",
                                 findings.error_count ? findings.items[0].text : "not one document");
    *out = documents.items[0];
    return true;
}

static bool check_identity(struct kubernetes_call *call, struct value *object, struct kubernetes_refusal *refusal) {
    const char *api_version = kubernetes_api_version(call->arena, &call->kind);
    const char *kind = value_text_at(object, "kind");
    const char *version = value_text_at(object, "apiVersion");
    if (!value_is(object, VALUE_MAP))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "the object is not a map");
    if ((kind && !text_equal(kind, call->kind.kind)) || (version && !text_equal(version, api_version)))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest",
                                 "the API version in the data (%s) does not match the expected API version (%s)", version ? version : kind,
                                 api_version);
    (void)value_set(call->arena, object, "apiVersion", value_of_text(api_version));
    (void)value_set(call->arena, object, "kind", value_of_text(call->kind.kind));
    struct value *metadata = metadata_of(call->arena, object);
    const char *space = value_text_at(metadata, "namespace");
    if (!call->kind.namespaced)
        (void)value_remove(metadata, "namespace");
    else if (!text_is_empty(space) && !text_equal(space, call->space))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest",
                                 "the namespace of the provided object does not match the namespace sent on the request");
    else
        (void)value_set(call->arena, metadata, "namespace", value_of_text(call->space));
    const char *name = value_text_at(metadata, "name");
    if (*call->name && !text_is_empty(name) && !text_equal(name, call->name))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest",
                                 "the name of the object (%s) does not match the name on the URL (%s)", name, call->name);
    if (*call->name)
        (void)value_set(call->arena, metadata, "name", value_of_text(call->name));
    return true;
}

static bool check_namespace(const struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    if (!call->kind.namespaced)
        return true;
    const struct value *space = kubernetes_find(call->world, call->cluster, "", "namespaces", "", call->space);
    struct kubernetes_call missing = *call;
    missing.kind.group = "";
    missing.kind.plural = "namespaces";
    missing.name = call->space;
    if (!space)
        return kubernetes_not_found(&missing, refusal);
    if (!value_at(space, "metadata.deletionTimestamp"))
        return true;
    (void)kubernetes_refuse(call->arena, refusal, 403, "Forbidden",
                            "%s \"%s\" is forbidden: unable to create new content in namespace %s because it is being terminated",
                            plural_group(call), call->name, call->space);
    refusal->details = details_of(call);
    struct value cause = value_of_map();
    (void)value_set(call->arena, &cause, "reason", value_of_text("NamespaceTerminating"));
    (void)value_set(call->arena, &cause, "message",
                    value_of_text(arena_text(call->arena, "namespace %s is being terminated", call->space)));
    (void)value_set(call->arena, &cause, "field", value_of_text("metadata.namespace"));
    struct value causes = value_of_list();
    (void)value_append(call->arena, &causes, cause);
    (void)value_set(call->arena, &refusal->details, "causes", causes);
    return false;
}

/* Types first; undeclared fields as fieldValidation asks (Warn is the default, Strict refuses, Ignore says nothing). */
static bool check_declared(struct kubernetes_call *call, const struct value *object, bool apply, struct kubernetes_refusal *refusal) {
    bool mistyped = false;
    struct value found = kubernetes_undeclared(call->arena, &call->kind, object, apply, &mistyped);
    if (found.list.count == 0)
        return true;
    const char *first = value_text(&found.list.items[0]);
    const char *space = value_text_at(object, "metadata.namespace");
    if (apply)
        return kubernetes_refuse(call->arena, refusal, 500, "", "failed to create typed patch object (%s/%s; %s/%s, Kind=%s): %s",
                                 space ? space : "", call->name, call->kind.group, call->kind.version, call->kind.kind, first);
    if (mistyped && !call->kind.definition)
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "%s in version \"%s\" cannot be handled as a %s: %s",
                                 call->kind.kind, call->kind.version, call->kind.kind, first);
    if (mistyped || !text_equal(kubernetes_call_query(call, "fieldValidation"), "Strict"))
        return true;
    const char *all = first;
    for (size_t i = 1; i < found.list.count; i++)
        all = arena_text(call->arena, "%s, %s", all, value_text(&found.list.items[i]));
    return kubernetes_refuse(call->arena, refusal, 400, "BadRequest",
                             "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s", call->kind.kind,
                             call->kind.version, call->kind.kind, all);
}

/* Undeclared fields are dropped: decoding into Go types does so for built-in kinds, pruning for structural schemas. */
static struct value declared_only(struct arena *arena, struct kubernetes_type type, const struct value *value) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, value);
    struct value result = *value;
    if (atom.deduced || atom.form == FORM_SCALAR)
        return result;
    if (value->type == VALUE_MAP) {
        result = value_of_map();
        for (size_t i = 0; i < value->map.count; i++) {
            struct kubernetes_type below;
            bool named = kubernetes_type_field(&atom, value->map.members[i].key, &below);
            if (named || atom.open)
                (void)value_put(arena, &result, value->map.members[i].key, declared_only(arena, below, &value->map.members[i].value));
        }
        (void)value_sort(&result);
    } else if (value->type == VALUE_LIST) {
        result = value_of_list();
        for (size_t i = 0; i < value->list.count; i++)
            (void)value_append(arena, &result, declared_only(arena, atom.element, &value->list.items[i]));
    }
    return result;
}

static void write_note(const struct kubernetes_call *call, const char *verb) {
    if (*call->space)
        call->world->note(call->world, "%s %s/%s/%s", verb, call->kind.kind, call->space, call->name);
    else
        call->world->note(call->world, "%s %s/%s", verb, call->kind.kind, call->name);
}

/* A dry run leaves no trace: also not in what addresses and ids come next. */
struct traces {
    uint64_t counter;
    int64_t next_address;
};

static struct traces traces_take(const struct kubernetes_call *call) {
    const struct value *next = value_find(kubernetes_cluster_state(call->world, call->cluster), "nextAddress");
    return (struct traces){call->world->counter, value_integer(next, 1)};
}

static void traces_restore(const struct kubernetes_call *call, struct traces traces) {
    struct value *state = kubernetes_cluster_state(call->world, call->cluster);
    call->world->counter = traces.counter;
    (void)value_set(call->world->arena, state, "nextAddress", value_of_integer(traces.next_address));
}

static bool is_finished(const struct kubernetes_kind *kind, const struct value *object) {
    bool is_namespace = text_equal(kind->kind, "Namespace") && !*kind->group;
    return value_at(object, "metadata.deletionTimestamp") && value_count(value_at(object, "metadata.finalizers")) == 0 &&
           !(is_namespace && value_count(value_at(object, "spec.finalizers")) > 0);
}

static bool store(struct kubernetes_call *call, const struct value *live, struct value *object, bool applied, const char *verb,
                  struct kubernetes_refusal *refusal) {
    struct traces traces = traces_take(call);
    struct value before = live ? *live : value_null();
    bool good = prepare(call->world, call->cluster, call->arena, &call->kind, call->subresource, live ? &before : NULL, object,
                        call->manager, applied, refusal);
    if (!good || call->dry_run)
        traces_restore(call, traces);
    if (!good)
        return false;
    int status = live ? 200 : 201;
    bool same = live && value_equal(&before, object);
    if (same || call->dry_run) {
        kubernetes_answer_object(call->world, &call->kind, object, status, call->exchange);
        return true;
    }
    if (live && is_finished(&call->kind, object)) {
        /* The last finalizer went: so does the object. */
        kubernetes_remove(call->world, call->cluster, &call->kind, call->space, call->name);
        kubernetes_answer_object(call->world, &call->kind, object, status, call->exchange);
        return true;
    }
    const struct value *stored = kubernetes_put(call->world, call->cluster, &call->kind, object);
    write_note(call, verb);
    kubernetes_answer_object(call->world, &call->kind, stored, status, call->exchange);
    return true;
}

static const struct value *live_of(const struct kubernetes_call *call) {
    return kubernetes_find(call->world, call->cluster, call->kind.group, call->kind.plural, call->space, call->name);
}

/* As names/generate.go: five of the letters that make no words. */
static const char *name_generate(const struct kubernetes_call *call, const char *base) {
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char suffix[6] = {0};
    uint64_t seed = ++call->world->counter * 6364136223846793005u + 1442695040888963407u;
    for (size_t i = 0; i < 5; i++) {
        seed ^= seed >> 29;
        suffix[i] = letters[seed % (sizeof letters - 1)];
        seed *= 0x9E3779B97F4A7C15u;
    }
    return arena_text(call->arena, "%s%s", base, suffix);
}

bool kubernetes_create(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    struct value object;
    if (!kubernetes_call_body(call, &object, refusal) || !check_identity(call, &object, refusal))
        return false;
    struct value *metadata = metadata_of(call->arena, &object);
    const char *base = value_text_at(metadata, "generateName");
    if (text_is_empty(value_text_at(metadata, "name")) && !text_is_empty(base))
        (void)value_set(call->arena, metadata, "name", value_of_text(name_generate(call, base)));
    const char *name = value_text_at(metadata, "name");
    call->name = name ? name : "";
    if (!check_namespace(call, refusal) || !check_declared(call, &object, false, refusal))
        return false;
    if (!text_is_empty(value_text_at(metadata, "resourceVersion")))
        return kubernetes_refuse(call->arena, refusal, 500, "", "resourceVersion should not be set on objects to be created");
    if (*call->name && live_of(call)) {
        (void)kubernetes_refuse(call->arena, refusal, 409, "AlreadyExists", "%s \"%s\" already exists", plural_group(call), call->name);
        refusal->details = details_of(call);
        return false;
    }
    object = declared_only(call->arena, kubernetes_kind_type(&call->kind), &object);
    if (call->kind.status)
        (void)value_remove(&object, "status");
    return store(call, NULL, &object, false, "create", refusal);
}

static bool check_preconditions(const struct kubernetes_call *call, const struct value *live, const struct value *object,
                                struct kubernetes_refusal *refusal) {
    const char *version = value_text_at(object, "metadata.resourceVersion");
    const char *uid = value_text_at(object, "metadata.uid");
    if (!text_is_empty(version) && !text_equal(version, "0") && !text_equal(version, value_text_at(live, "metadata.resourceVersion")))
        return refuse_conflict(call, refusal, modified);
    if (!text_is_empty(uid) && !text_equal(uid, value_text_at(live, "metadata.uid")))
        return refuse_conflict(call, refusal,
                               arena_text(call->arena, "Precondition failed: UID in precondition: %s, UID in object meta: %s", uid,
                                          live ? value_text_at(live, "metadata.uid") : ""));
    return true;
}

bool kubernetes_replace(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    struct value object;
    if (!kubernetes_call_body(call, &object, refusal) || !check_identity(call, &object, refusal) ||
        !check_declared(call, &object, false, refusal))
        return false;
    const struct value *live = live_of(call);
    if (!live)
        return kubernetes_not_found(call, refusal);
    if (!check_preconditions(call, live, &object, refusal))
        return false;
    object = declared_only(call->arena, kubernetes_kind_type(&call->kind), &object);
    return store(call, live, &object, false, "replace", refusal);
}

static bool change_applied(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    struct value config;
    if (!kubernetes_call_body(call, &config, refusal))
        return false;
    if (text_is_empty(kubernetes_call_query(call, "fieldManager"))) {
        struct kubernetes_kind options = {.group = "meta.k8s.io", .kind = "PatchOptions"};
        return kubernetes_invalid(call->arena, refusal, &options, "", "FieldValueRequired", "fieldManager",
                                  "Required value: is required for apply patch");
    }
    if (!value_text_at(&config, "apiVersion") || !value_text_at(&config, "kind"))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "invalid object type: apiVersion and kind must be set");
    const char *said = value_text_at(&config, "apiVersion");
    if (!text_equal(said, kubernetes_api_version(call->arena, &call->kind)) || !text_equal(value_text_at(&config, "kind"), call->kind.kind))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "invalid object type: %s%s, Kind=%s",
                                 strchr(said, '/') ? "" : "/", said, value_text_at(&config, "kind"));
    if (!check_declared(call, &config, true, refusal) || !check_identity(call, &config, refusal))
        return false;
    if (value_at(&config, "metadata.managedFields"))
        return kubernetes_refuse(call->arena, refusal, 400, "BadRequest", "metadata.managedFields must be nil");
    const struct value *live = live_of(call);
    if (!live && *call->subresource)
        return kubernetes_not_found(call, refusal);
    if (!check_preconditions(call, live, &config, refusal) || (!live && !check_namespace(call, refusal)))
        return false;
    config = declared_only(call->arena, kubernetes_kind_type(&call->kind), &config);
    struct kubernetes_apply apply = {call->manager, call->subresource, kubernetes_call_true(call, "force")};
    struct value object;
    if (!kubernetes_managed_apply(call->arena, call->world->now_ms, &call->kind, live, &config, &apply, &object, refusal))
        return false;
    if (!live && call->kind.status)
        (void)value_remove(&object, "status");
    return store(call, live, &object, true, "apply", refusal);
}

bool kubernetes_change(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    const char *type = world_header(call->exchange, "content-type");
    if (type && text_starts(type, "application/apply-patch+yaml"))
        return change_applied(call, refusal);
    struct value patch;
    if (!kubernetes_call_body(call, &patch, refusal))
        return false;
    const struct value *live = live_of(call);
    if (!live)
        return kubernetes_not_found(call, refusal);
    struct value object;
    if (!kubernetes_patch(call->arena, type ? type : "", kubernetes_kind_type(&call->kind), live, &patch, &object, refusal))
        return false;
    if (!check_identity(call, &object, refusal) || !check_declared(call, &object, false, refusal) ||
        !check_preconditions(call, live, &object, refusal))
        return false;
    object = declared_only(call->arena, kubernetes_kind_type(&call->kind), &object);
    return store(call, live, &object, false, "patch", refusal);
}
