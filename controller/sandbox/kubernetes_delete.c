/* kubernetes_delete.c: deletion: preconditions, finalizers, propagation (k8s.io/apiserver pkg/registry/generic/registry/store.go). */
#include "sandbox/kubernetes.h"

#include "base/json.h"

static void finalizer_add(struct arena *arena, struct value *object, const char *finalizer) {
    struct value *list = value_find_mutable(value_find_mutable(object, "metadata"), "finalizers");
    if (!value_is(list, VALUE_LIST)) {
        (void)value_set_at(arena, object, "metadata.finalizers", value_of_list());
        list = value_find_mutable(value_find_mutable(object, "metadata"), "finalizers");
    }
    for (size_t i = 0; i < list->list.count; i++)
        if (text_equal(value_text(&list->list.items[i]), finalizer))
            return;
    (void)value_append(arena, list, value_of_text(finalizer));
}

bool kubernetes_end(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const struct value *object,
                    const char *policy) {
    ARENA_AUTO *arena = arena_new();
    struct value copy = value_copy(arena, object);
    const char *space = value_text_at(&copy, "metadata.namespace");
    const char *name = value_text_at(&copy, "metadata.name");
    bool is_namespace = text_equal(kind->kind, "Namespace") && !*kind->group;
    if (text_equal(policy, "Foreground"))
        finalizer_add(arena, &copy, "foregroundDeletion");
    else if (text_equal(policy, "Orphan"))
        finalizer_add(arena, &copy, "orphan");
    bool waits =
        value_count(value_at(&copy, "metadata.finalizers")) > 0 || (is_namespace && value_count(value_at(&copy, "spec.finalizers")) > 0);
    if (!waits) {
        kubernetes_remove(world, cluster, kind, space, name);
        return true;
    }
    if (value_at(&copy, "metadata.deletionTimestamp") && value_equal(&copy, object))
        return false;
    if (!value_at(&copy, "metadata.deletionTimestamp")) {
        (void)value_set_at(arena, &copy, "metadata.deletionTimestamp", value_of_text(time_text(arena, world->now_ms)));
        if (!is_namespace)
            (void)value_set_at(arena, &copy, "metadata.deletionGracePeriodSeconds", value_of_integer(0));
        int64_t generation = value_integer(value_at(&copy, "metadata.generation"), 0);
        if (generation > 0)
            (void)value_set_at(arena, &copy, "metadata.generation", value_of_integer(generation + 1));
    }
    if (is_namespace)
        (void)value_set_at(arena, &copy, "status.phase", value_of_text("Terminating"));
    (void)kubernetes_put(world, cluster, kind, &copy);
    return false;
}

/* k8s.io/apiserver pkg/storage, Preconditions.Check. */
static bool check_preconditions(const struct kubernetes_call *call, const struct value *live, const struct value *options,
                                struct kubernetes_refusal *refusal) {
    static const struct {
        const char *wanted, *actual, *wanted_name, *actual_name;
    } rows[] = {{"preconditions.uid", "metadata.uid", "UID", "UID"},
                {"preconditions.resourceVersion", "metadata.resourceVersion", "ResourceVersion", "ResourceVersion"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *wanted = value_text_at(options, rows[i].wanted);
        const char *actual = value_text_at(live, rows[i].actual);
        if (!wanted || text_equal(wanted, actual))
            continue;
        (void)kubernetes_refuse(
            call->arena, refusal, 409, "Conflict",
            "Operation cannot be fulfilled on %s \"%s\": the %s in the precondition (%s) does not match the %s in record (%s). "
            "The object might have been %s",
            call->kind.kind, call->name, rows[i].wanted_name, wanted, rows[i].actual_name, actual,
            i == 0 ? "deleted and then recreated" : "modified");
        refusal->details = value_of_map();
        (void)value_set(call->arena, &refusal->details, "name", value_of_text(call->name));
        (void)value_set(call->arena, &refusal->details, "kind", value_of_text(call->kind.kind));
        return false;
    }
    return true;
}

static bool options_read(struct kubernetes_call *call, struct value *options, const char **policy, struct kubernetes_refusal *refusal) {
    *options = value_of_map();
    if (call->exchange->body_length > 0 && !kubernetes_call_body(call, options, refusal))
        return false;
    *policy = value_text_at(options, "propagationPolicy");
    if (!*policy)
        *policy = kubernetes_call_query(call, "propagationPolicy");
    if (!*policy)
        *policy = value_boolean(value_find(options, "orphanDependents"), false) ? "Orphan" : "Background";
    static const char *const policies[] = {"Orphan", "Background", "Foreground", NULL};
    if (!text_in(*policy, policies))
        return kubernetes_refuse(
            call->arena, refusal, 422, "Invalid",
            "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"%s\": supported values: "
            "\"Foreground\", \"Background\", \"Orphan\", \"nil\"",
            *policy);
    const struct value *dry_run = value_find(options, "dryRun");
    if (value_count(dry_run) > 0)
        call->dry_run = true;
    return true;
}

static void answer_deleted(struct kubernetes_call *call, const struct value *object) {
    struct value status = value_of_map();
    struct value details = value_of_map();
    (void)value_set(call->arena, &details, "name", value_of_text(call->name));
    if (*call->kind.group)
        (void)value_set(call->arena, &details, "group", value_of_text(call->kind.group));
    (void)value_set(call->arena, &details, "kind", value_of_text(call->kind.plural));
    const char *uid = value_text_at(object, "metadata.uid");
    (void)value_set(call->arena, &details, "uid", value_of_text(uid ? uid : ""));
    (void)value_set(call->arena, &status, "kind", value_of_text("Status"));
    (void)value_set(call->arena, &status, "apiVersion", value_of_text("v1"));
    (void)value_set(call->arena, &status, "metadata", value_of_map());
    (void)value_set(call->arena, &status, "status", value_of_text("Success"));
    (void)value_set(call->arena, &status, "details", details);
    world_respond_json(call->exchange, 200, &status);
}

bool kubernetes_delete(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    struct value options;
    const char *policy = NULL;
    if (!options_read(call, &options, &policy, refusal))
        return false;
    const struct value *live = kubernetes_find(call->world, call->cluster, call->kind.group, call->kind.plural, call->space, call->name);
    if (!live)
        return kubernetes_not_found(call, refusal);
    if (!check_preconditions(call, live, &options, refusal))
        return false;
    static const char *const kept[] = {"default", "kube-system", "kube-public", "kube-node-lease", NULL};
    if (text_equal(call->kind.kind, "Namespace") && text_in(call->name, kept))
        return kubernetes_refuse(call->arena, refusal, 403, "Forbidden",
                                 "namespaces \"%s\" is forbidden: this namespace may not be deleted", call->name);
    struct value last = value_copy(call->arena, live);
    if (call->dry_run) {
        answer_deleted(call, &last);
        return true;
    }
    bool again = value_at(&last, "metadata.deletionTimestamp") != NULL;
    bool gone = kubernetes_end(call->world, call->cluster, &call->kind, live, policy);
    if (!again)
        call->world->note(call->world, "delete %s/%s%s%s", call->kind.kind, call->space, *call->space ? "/" : "", call->name);
    if (gone) {
        answer_deleted(call, &last);
        return true;
    }
    live = kubernetes_find(call->world, call->cluster, call->kind.group, call->kind.plural, call->space, call->name);
    kubernetes_answer_object(call->world, &call->kind, live, 200, call->exchange);
    return true;
}

bool kubernetes_delete_all(struct kubernetes_call *call, struct kubernetes_refusal *refusal) {
    struct value options;
    const char *policy = NULL;
    struct kubernetes_selector selector;
    if (!options_read(call, &options, &policy, refusal) ||
        !kubernetes_selector_parse(call->arena, kubernetes_call_query(call, "labelSelector"), kubernetes_call_query(call, "fieldSelector"),
                                   &selector, refusal))
        return false;
    size_t count = 0;
    const struct member *members = kubernetes_range(call->world, call->cluster, call->kind.group, call->kind.plural, call->space, &count);
    struct value *found = ARENA_ARRAY(call->arena, struct value, count);
    size_t found_count = 0;
    for (size_t i = 0; i < count; i++)
        if (kubernetes_selector_matches(&selector, &members[i].value))
            found[found_count++] = members[i].value;
    for (size_t i = 0; i < found_count && !call->dry_run; i++) {
        (void)kubernetes_end(call->world, call->cluster, &call->kind, &found[i], policy);
        call->world->note(call->world, "delete %s/%s", call->kind.kind, value_text_at(&found[i], "metadata.name"));
    }
    answer_deleted(call, NULL);
    return true;
}
