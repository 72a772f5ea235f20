/* kubernetes_workloads.c: what the controllers of Deployments, StatefulSets, DaemonSets and Jobs, the scheduler and the kubelets do, with
 * realistic durations in virtual time. Statuses and conditions as kube-controller-manager 1.36 writes them. */
#include "sandbox/kubernetes.h"

#include "base/hash.h"
#include "base/json.h"

/* A pod needs so long to be pulled, started and ready; plus up to READY_SPREAD_MS, by its name. */
enum { READY_MS = 20000, READY_SPREAD_MS = 10000, PODS_MOST = 500 };

static const char controller[] = "kube-controller-manager";
static const char kubelet[] = "kubelet";

struct workload {
    struct world *world;
    const char *cluster;
    struct arena *arena;
    const struct kubernetes_kind *kind;
    struct value object; /* of the workload, a copy */
    const char *space, *name;
    int64_t generation, replicas;
    bool fails;
};

static uint32_t hash_number(const char *text) {
    struct digest digest = hash_sha256(text, strlen(text));
    return (uint32_t)digest.bytes[0] << 24 | (uint32_t)digest.bytes[1] << 16 | (uint32_t)digest.bytes[2] << 8 | digest.bytes[3];
}

/* Letters as k8s.io/apimachinery util/rand encodes hashes. */
static char *hash_letters(struct arena *arena, const char *text, size_t length) {
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    struct digest digest = hash_sha256(text, strlen(text));
    char *result = arena_take(arena, length + 1);
    for (size_t i = 0; i < length; i++)
        result[i] = letters[digest.bytes[i] % (sizeof letters - 1)];
    return result;
}

bool kubernetes_is_workload(const struct kubernetes_kind *kind) {
    static const char *const kinds[] = {"Deployment", "StatefulSet", "DaemonSet", "Job", NULL};
    return !kind->definition && text_in(kind->kind, kinds);
}

static bool workload_read(struct workload *workload, struct world *world, const char *cluster, const struct kubernetes_kind *kind,
                          const char *space, const char *name, struct arena *arena) {
    const struct value *found = kubernetes_find(world, cluster, kind->group, kind->plural, space, name);
    if (!found || value_at(found, "metadata.deletionTimestamp"))
        return false;
    *workload = (struct workload){
        .world = world, .cluster = cluster, .arena = arena, .kind = kind, .object = value_copy(arena, found), .space = space, .name = name};
    workload->generation = value_integer(value_at(&workload->object, "metadata.generation"), 1);
    workload->replicas = value_integer(value_at(&workload->object, "spec.replicas"), 1);
    if (workload->replicas > PODS_MOST)
        workload->replicas = PODS_MOST;
    const struct value *script = value_find(&world->state, "deployments");
    const char *fate = value_text(value_find(script, arena_text(arena, "%s/%s", space, name)));
    workload->fails = text_equal(fate, "fail");
    return true;
}

/* --- The scheduler. */

static bool toleration_matches(const struct value *toleration, const struct value *taint) {
    const char *key = value_text_at(toleration, "key");
    const char *effect = value_text_at(toleration, "effect");
    if (!text_is_empty(effect) && !text_equal(effect, value_text_at(taint, "effect")))
        return false;
    if (!text_is_empty(key) && !text_equal(key, value_text_at(taint, "key")))
        return false;
    if (text_equal(value_text_at(toleration, "operator"), "Exists"))
        return true;
    const char *wanted = value_text_at(toleration, "value");
    const char *actual = value_text_at(taint, "value");
    return !text_is_empty(key) && text_equal(wanted ? wanted : "", actual ? actual : "");
}

static bool taints_tolerated(const struct value *node, const struct value *tolerations) {
    const struct value *taints = value_at(node, "spec.taints");
    for (size_t i = 0; i < value_count(taints); i++) {
        const struct value *taint = &taints->list.items[i];
        bool tolerated = text_equal(value_text_at(taint, "effect"), "PreferNoSchedule");
        for (size_t j = 0; j < value_count(tolerations) && !tolerated; j++)
            tolerated = toleration_matches(&tolerations->list.items[j], taint);
        if (!tolerated)
            return false;
    }
    return true;
}

static bool affinity_matches(const struct value *spec, const struct value *labels) {
    const struct value *terms = value_at(spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    if (value_count(terms) == 0)
        return true;
    for (size_t i = 0; i < terms->list.count; i++)
        if (value_count(value_find(&terms->list.items[i], "matchExpressions")) > 0 &&
            kubernetes_labels_match(&terms->list.items[i], labels))
            return true;
    return false;
}

static bool node_fits(const struct value *node, const struct value *spec) {
    const struct value *labels = value_at(node, "metadata.labels");
    const struct value *selector = value_find(spec, "nodeSelector");
    if (value_boolean(value_at(node, "spec.unschedulable"), false) || value_at(node, "metadata.deletionTimestamp"))
        return false;
    for (size_t i = 0; i < value_count(selector); i++) {
        const char *actual = value_text(value_find(labels, selector->map.members[i].key));
        if (!text_equal(actual, value_text(&selector->map.members[i].value)))
            return false;
    }
    return taints_tolerated(node, value_find(spec, "tolerations")) && affinity_matches(spec, labels);
}

/* Names of the nodes that a pod of this spec may run on. */
static size_t nodes_fitting(struct workload *workload, const struct value *spec, const char ***out) {
    size_t count = 0;
    const struct member *nodes = kubernetes_range(workload->world, workload->cluster, "", "nodes", NULL, &count);
    const char **names = ARENA_ARRAY(workload->arena, const char *, count);
    size_t fitting = 0;
    for (size_t i = 0; i < count; i++)
        if (node_fits(&nodes[i].value, spec))
            names[fitting++] = arena_text(workload->arena, "%s", value_text_at(&nodes[i].value, "metadata.name"));
    *out = names;
    return fitting;
}

/* --- Conditions. */

static struct value *condition_find(struct value *conditions, const char *type) {
    for (size_t i = 0; i < value_count(conditions); i++)
        if (text_equal(value_text_at(&conditions->list.items[i], "type"), type))
            return &conditions->list.items[i];
    return NULL;
}

struct condition {
    const char *type, *status, *reason, *message;
    bool updates; /* has lastUpdateTime: Deployments */
};

static void condition_set(struct workload *workload, struct value *status, const struct condition *condition) {
    struct arena *arena = workload->arena;
    const char *now = time_text(arena, workload->world->now_ms);
    struct value *conditions = value_find_mutable(status, "conditions");
    if (!value_is(conditions, VALUE_LIST))
        conditions = value_set(arena, status, "conditions", value_of_list());
    struct value *found = condition_find(conditions, condition->type);
    bool same = found && text_equal(value_text_at(found, "status"), condition->status) &&
                text_equal(value_text_at(found, "reason"), condition->reason) &&
                text_equal(value_text_at(found, "message"), condition->message);
    if (same)
        return;
    const char *since =
        found && text_equal(value_text_at(found, "status"), condition->status) ? value_text_at(found, "lastTransitionTime") : now;
    struct value fresh = value_of_map();
    (void)value_set(arena, &fresh, "type", value_of_text(condition->type));
    (void)value_set(arena, &fresh, "status", value_of_text(condition->status));
    (void)value_set(arena, &fresh, "lastTransitionTime", value_of_text(since));
    if (condition->updates)
        (void)value_set(arena, &fresh, "lastUpdateTime", value_of_text(now));
    if (condition->reason)
        (void)value_set(arena, &fresh, "reason", value_of_text(condition->reason));
    if (condition->message)
        (void)value_set(arena, &fresh, "message", value_of_text(condition->message));
    if (found)
        *found = fresh;
    else
        (void)value_append(arena, conditions, fresh);
}

/* --- Pods. */

struct pod_set {
    const struct value *owner; /* the ReplicaSet, or the workload itself */
    const char *owner_kind, *owner_api_version;
    const char **names;
    const char **nodes; /* of each pod; NULL: cannot be scheduled */
    size_t count;
    const char *label, *label_value; /* put on the pods, and what tells old pods from new */
};

static struct value owner_reference(struct arena *arena, const char *api_version, const char *kind, const struct value *owner) {
    struct value reference = value_of_map();
    (void)value_set(arena, &reference, "apiVersion", value_of_text(api_version));
    (void)value_set(arena, &reference, "kind", value_of_text(kind));
    (void)value_set(arena, &reference, "name", value_of_text(value_text_at(owner, "metadata.name")));
    (void)value_set(arena, &reference, "uid", value_of_text(value_text_at(owner, "metadata.uid")));
    (void)value_set(arena, &reference, "controller", value_of_boolean(true));
    (void)value_set(arena, &reference, "blockOwnerDeletion", value_of_boolean(true));
    struct value list = value_of_list();
    (void)value_append(arena, &list, reference);
    return list;
}

static bool is_owned_by(const struct value *object, const char *uid) {
    const struct value *owners = value_at(object, "metadata.ownerReferences");
    for (size_t i = 0; i < value_count(owners); i++)
        if (text_equal(value_text_at(&owners->list.items[i], "uid"), uid))
            return true;
    return false;
}

static struct kubernetes_kind kind_named(struct workload *workload, const char *group, const char *kind) {
    struct kubernetes_kind found = {0};
    (void)kubernetes_kind_of(workload->world, workload->cluster, group, kind, &found);
    return found;
}

static void pod_condition(struct workload *workload, struct value *status, const char *type, bool is_true, const char *reason,
                          const char *message) {
    struct condition condition = {type, is_true ? "True" : "False", reason, message, false};
    condition_set(workload, status, &condition);
}

enum pod_state { POD_UNSCHEDULABLE, POD_STARTING, POD_CRASHING, POD_READY, POD_SUCCEEDED, POD_FAILED };

static struct value container_status(struct workload *workload, const struct value *container, enum pod_state state) {
    struct arena *arena = workload->arena;
    const char *now = time_text(arena, workload->world->now_ms);
    const char *image = value_text_at(container, "image");
    struct value status = value_of_map();
    bool ready = state == POD_READY;
    (void)value_set(arena, &status, "name", value_of_text(value_text_at(container, "name")));
    (void)value_set(arena, &status, "image", value_of_text(image ? image : ""));
    (void)value_set(arena, &status, "imageID", value_of_text(state == POD_STARTING ? "" : image));
    (void)value_set(arena, &status, "ready", value_of_boolean(ready));
    (void)value_set(arena, &status, "started", value_of_boolean(ready));
    (void)value_set(arena, &status, "restartCount", value_of_integer(state == POD_CRASHING ? 5 : 0));
    (void)value_set(arena, &status, "lastState", value_of_map());
    if (state == POD_READY) {
        (void)value_set_at(arena, &status, "state.running.startedAt", value_of_text(now));
    } else if (state == POD_SUCCEEDED || state == POD_FAILED) {
        (void)value_set_at(arena, &status, "state.terminated.exitCode", value_of_integer(state == POD_FAILED));
        (void)value_set_at(arena, &status, "state.terminated.reason", value_of_text(state == POD_FAILED ? "Error" : "Completed"));
        (void)value_set_at(arena, &status, "state.terminated.finishedAt", value_of_text(now));
    } else {
        (void)value_set_at(arena, &status, "state.waiting.reason",
                           value_of_text(state == POD_CRASHING ? "CrashLoopBackOff" : "ContainerCreating"));
        if (state == POD_CRASHING)
            (void)value_set_at(arena, &status, "state.waiting.message", value_of_text("back-off 2m40s restarting failed container"));
    }
    return status;
}

static void pod_conditions(struct workload *workload, struct value *status, enum pod_state state) {
    bool ready = state == POD_READY;
    if (state == POD_UNSCHEDULABLE) {
        size_t nodes = 0;
        (void)kubernetes_range(workload->world, workload->cluster, "", "nodes", NULL, &nodes);
        const char *message =
            nodes ? arena_text(workload->arena,
                               "0/%zu nodes are available: %zu node(s) didn't match the pod's node affinity, selector or taints.", nodes,
                               nodes)
                  : "no nodes available to schedule pods";
        pod_condition(workload, status, "PodScheduled", false, "Unschedulable", message);
        return;
    }
    const char *reason = ready ? NULL : state == POD_SUCCEEDED ? "PodCompleted" : "ContainersNotReady";
    pod_condition(workload, status, "PodReadyToStartContainers", ready || state == POD_CRASHING, NULL, NULL);
    pod_condition(workload, status, "Initialized", true, NULL, NULL);
    pod_condition(workload, status, "Ready", ready, reason, NULL);
    pod_condition(workload, status, "ContainersReady", ready, reason, NULL);
    pod_condition(workload, status, "PodScheduled", true, NULL, NULL);
}

static void pod_status_write(struct workload *workload, const struct value *pod, enum pod_state state) {
    static const char *const phases[] = {"Pending", "Pending", "Running", "Running", "Succeeded", "Failed"};
    struct arena *arena = workload->arena;
    struct value changed = value_copy(arena, pod);
    struct value *status = value_find_mutable(&changed, "status");
    if (!value_is(status, VALUE_MAP))
        status = value_set(arena, &changed, "status", value_of_map());
    (void)value_set(arena, status, "phase", value_of_text(phases[state]));
    pod_conditions(workload, status, state);
    if (state != POD_UNSCHEDULABLE) {
        const struct value *containers = value_at(&changed, "spec.containers");
        struct value statuses = value_of_list();
        for (size_t i = 0; i < value_count(containers); i++)
            (void)value_append(arena, &statuses, container_status(workload, &containers->list.items[i], state));
        (void)value_set(arena, status, "containerStatuses", statuses);
        uint32_t address = hash_number(value_text_at(&changed, "metadata.uid"));
        if (state != POD_STARTING)
            (void)value_set(arena, status, "podIP", value_of_text(arena_text(arena, "10.0.%u.%u", address >> 8 & 255, address & 255)));
        if (!value_find(status, "startTime"))
            (void)value_set(arena, status, "startTime", value_of_text(time_text(arena, workload->world->now_ms)));
    }
    struct kubernetes_kind pods = kind_named(workload, "", "Pod");
    (void)kubernetes_write(workload->world, workload->cluster, &pods, state == POD_UNSCHEDULABLE ? "kube-scheduler" : kubelet, "status",
                           &changed);
}

static const struct value *pod_create(struct workload *workload, const struct pod_set *set, size_t index) {
    struct arena *arena = workload->arena;
    const struct value *template = value_at(&workload->object, "spec.template");
    struct value pod = value_of_map();
    const struct value *spec = value_find(template, "spec");
    struct value metadata = value_of_map();
    const struct value *labels = value_at(template, "metadata.labels");
    const struct value *annotations = value_at(template, "metadata.annotations");
    (void)value_set(arena, &metadata, "name", value_of_text(set->names[index]));
    (void)value_set(arena, &metadata, "namespace", value_of_text(workload->space));
    struct value copied = labels ? value_copy(arena, labels) : value_of_map();
    if (set->label)
        (void)value_set(arena, &copied, set->label, value_of_text(set->label_value));
    (void)value_set(arena, &metadata, "labels", copied);
    if (annotations)
        (void)value_set(arena, &metadata, "annotations", value_copy(arena, annotations));
    (void)value_set(arena, &metadata, "ownerReferences", owner_reference(arena, set->owner_api_version, set->owner_kind, set->owner));
    (void)value_set(arena, &pod, "apiVersion", value_of_text("v1"));
    (void)value_set(arena, &pod, "kind", value_of_text("Pod"));
    (void)value_set(arena, &pod, "metadata", metadata);
    (void)value_set(arena, &pod, "spec", spec ? value_copy(arena, spec) : value_of_map());
    if (set->nodes[index])
        (void)value_set_at(arena, &pod, "spec.nodeName", value_of_text(set->nodes[index]));
    struct kubernetes_kind pods = kind_named(workload, "", "Pod");
    return kubernetes_write(workload->world, workload->cluster, &pods, controller, "", &pod);
}

static const struct value *pod_find(struct workload *workload, const char *name) {
    return kubernetes_find(workload->world, workload->cluster, "", "pods", workload->space, name);
}

static bool pod_is_ready(const struct value *pod) {
    const struct value *conditions = value_at(pod, "status.conditions");
    for (size_t i = 0; i < value_count(conditions); i++)
        if (text_equal(value_text_at(&conditions->list.items[i], "type"), "Ready"))
            return text_equal(value_text_at(&conditions->list.items[i], "status"), "True");
    return false;
}

static void pod_remove(struct workload *workload, const char *name) {
    struct kubernetes_kind pods = kind_named(workload, "", "Pod");
    const struct value *pod = pod_find(workload, name);
    if (pod)
        (void)kubernetes_end(workload->world, workload->cluster, &pods, pod, "Background");
}

/* Pods are there, as far as they can be; tells how many are ready, and whether any waits for its time. */
static size_t pods_ensure(struct workload *workload, const struct pod_set *set, bool *waits) {
    size_t ready = 0;
    *waits = false;
    for (size_t i = 0; i < set->count; i++) {
        const struct value *pod = pod_find(workload, set->names[i]);
        /* A pod that could not be scheduled is bound when a node has come: it is simply made again. */
        bool stale = pod && !value_text_at(pod, "spec.nodeName") && set->nodes[i];
        bool old = pod && set->label && !text_equal(value_text(value_find(value_at(pod, "metadata.labels"), set->label)), set->label_value);
        if (stale || old) {
            pod_remove(workload, set->names[i]);
            pod = NULL;
        }
        if (!pod) {
            pod = pod_create(workload, set, i);
            if (pod)
                pod_status_write(workload, pod, !set->nodes[i] ? POD_UNSCHEDULABLE : workload->fails ? POD_CRASHING : POD_STARTING);
        }
        bool is_ready = pod && pod_is_ready(pod_find(workload, set->names[i]));
        ready += is_ready;
        *waits = *waits || (!is_ready && set->nodes[i] && !workload->fails);
    }
    return ready;
}

/* Pods with the prefix that the set does not name. */
static void pods_trim(struct workload *workload, const struct pod_set *set, const char *prefix, const char *uid) {
    size_t count = 0;
    const struct member *members = kubernetes_range_prefix(workload->world, workload->cluster, "", "pods",
                                                           arena_text(workload->arena, "%s/%s-", workload->space, prefix), &count);
    const char **doomed = ARENA_ARRAY(workload->arena, const char *, count);
    size_t doomed_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = value_text_at(&members[i].value, "metadata.name");
        bool wanted = false;
        for (size_t j = 0; j < set->count && !wanted; j++)
            wanted = text_equal(set->names[j], name);
        if (!wanted && is_owned_by(&members[i].value, uid))
            doomed[doomed_count++] = arena_text(workload->arena, "%s", name);
    }
    for (size_t i = 0; i < doomed_count; i++)
        pod_remove(workload, doomed[i]);
}

static void status_write(struct workload *workload, struct value status) {
    (void)value_set(workload->arena, &workload->object, "status", status);
    (void)kubernetes_write(workload->world, workload->cluster, workload->kind, controller, "status", &workload->object);
}

static struct value status_begin(struct workload *workload) {
    const struct value *before = value_find(&workload->object, "status");
    struct value status = value_is(before, VALUE_MAP) ? value_copy(workload->arena, before) : value_of_map();
    (void)value_set(workload->arena, &status, "observedGeneration", value_of_integer(workload->generation));
    return status;
}

/* Counts without omitempty are always there; others only when not 0. */
static void count_set(struct workload *workload, struct value *status, const char *name, int64_t count, bool always) {
    if (count != 0 || always)
        (void)value_set(workload->arena, status, name, value_of_integer(count));
    else
        (void)value_remove(status, name);
}

static void timers_set(struct workload *workload, bool waits, int64_t deadline_s) {
    int64_t now = workload->world->now_ms;
    const char *key = arena_text(workload->arena, "%s/%s/%s", workload->kind->kind, workload->space, workload->name);
    if (waits)
        kubernetes_timer(workload->world, workload->cluster, now + READY_MS + hash_number(key) % READY_SPREAD_MS, "ready",
                         workload->kind->group, workload->kind->plural, workload->space, workload->name, workload->generation);
    if (deadline_s > 0)
        kubernetes_timer(workload->world, workload->cluster, now + deadline_s * 1000, "deadline", workload->kind->group,
                         workload->kind->plural, workload->space, workload->name, workload->generation);
}

static struct pod_set pods_numbered(struct workload *workload, const char *prefix, bool random_names, size_t count) {
    struct arena *arena = workload->arena;
    struct pod_set set = {
        .names = ARENA_ARRAY(arena, const char *, count), .nodes = ARENA_ARRAY(arena, const char *, count), .count = count};
    const char **fitting = NULL;
    size_t nodes = nodes_fitting(workload, value_at(&workload->object, "spec.template.spec"), &fitting);
    for (size_t i = 0; i < count; i++) {
        const char *seed = arena_text(arena, "%s/%s/%zu", workload->space, prefix, i);
        set.names[i] =
            random_names ? arena_text(arena, "%s-%s", prefix, hash_letters(arena, seed, 5)) : arena_text(arena, "%s-%zu", prefix, i);
        set.nodes[i] = nodes ? fitting[(hash_number(prefix) + i) % nodes] : NULL;
    }
    return set;
}

static const char *template_hash(struct workload *workload) {
    const struct value *template = value_at(&workload->object, "spec.template");
    return hash_letters(workload->arena, template ? json_text(workload->arena, template) : "", 10);
}

/* --- Deployments. */

static const struct value *replica_set_find(struct workload *workload, const char *name) {
    return kubernetes_find(workload->world, workload->cluster, "apps", "replicasets", workload->space, name);
}

static int64_t revision_of(const struct value *object) {
    int64_t revision = 0;
    const char *text = value_text(value_find(value_at(object, "metadata.annotations"), "deployment.kubernetes.io/revision"));
    (void)text_to_integer(text ? text : "0", 0, INT32_MAX, &revision);
    return revision;
}

static void text_at_set(struct workload *workload, struct value *object, const char *path, const char *key, const char *text) {
    struct value *map = NULL;
    const struct value *found = value_at(object, path);
    struct value copy = value_is(found, VALUE_MAP) ? value_copy(workload->arena, found) : value_of_map();
    (void)value_set(workload->arena, &copy, key, value_of_text(text));
    map = value_set_at(workload->arena, object, path, copy);
    (void)map;
}

static void replica_set_write(struct workload *workload, const char *name, const char *hash, int64_t replicas, int64_t revision) {
    struct arena *arena = workload->arena;
    struct kubernetes_kind kind = kind_named(workload, "apps", "ReplicaSet");
    const struct value *live = replica_set_find(workload, name);
    struct value set = live ? value_copy(arena, live) : value_of_map();
    if (!live) {
        (void)value_set(arena, &set, "apiVersion", value_of_text("apps/v1"));
        (void)value_set(arena, &set, "kind", value_of_text("ReplicaSet"));
        (void)value_set_at(arena, &set, "metadata.name", value_of_text(name));
        (void)value_set_at(arena, &set, "metadata.namespace", value_of_text(workload->space));
        const struct value *labels = value_at(&workload->object, "spec.template.metadata.labels");
        (void)value_set_at(arena, &set, "metadata.labels", labels ? value_copy(arena, labels) : value_of_map());
        (void)value_set_at(arena, &set, "metadata.ownerReferences", owner_reference(arena, "apps/v1", "Deployment", &workload->object));
        (void)value_set_at(arena, &set, "spec.selector", value_copy(arena, value_at(&workload->object, "spec.selector")));
        (void)value_set_at(arena, &set, "spec.template", value_copy(arena, value_at(&workload->object, "spec.template")));
        text_at_set(workload, &set, "metadata.labels", "pod-template-hash", hash);
        text_at_set(workload, &set, "spec.selector.matchLabels", "pod-template-hash", hash);
        text_at_set(workload, &set, "spec.template.metadata.labels", "pod-template-hash", hash);
    }
    (void)value_set_at(arena, &set, "spec.replicas", value_of_integer(replicas));
    text_at_set(workload, &set, "metadata.annotations", "deployment.kubernetes.io/desired-replicas",
                arena_text(arena, "%lld", (long long)workload->replicas));
    text_at_set(workload, &set, "metadata.annotations", "deployment.kubernetes.io/max-replicas",
                arena_text(arena, "%lld", (long long)(workload->replicas + (workload->replicas + 3) / 4)));
    if (revision > 0)
        text_at_set(workload, &set, "metadata.annotations", "deployment.kubernetes.io/revision",
                    arena_text(arena, "%lld", (long long)revision));
    (void)kubernetes_write(workload->world, workload->cluster, &kind, controller, "", &set);
}

static void replica_set_status(struct workload *workload, const char *name, int64_t replicas, int64_t ready) {
    const struct value *live = replica_set_find(workload, name);
    if (!live)
        return;
    struct value set = value_copy(workload->arena, live);
    struct value status = value_of_map();
    (void)value_set(workload->arena, &status, "observedGeneration", *value_at(&set, "metadata.generation"));
    count_set(workload, &status, "replicas", replicas, true);
    count_set(workload, &status, "fullyLabeledReplicas", replicas, false);
    count_set(workload, &status, "readyReplicas", ready, false);
    count_set(workload, &status, "availableReplicas", ready, false);
    (void)value_set(workload->arena, &set, "status", status);
    struct kubernetes_kind kind = kind_named(workload, "apps", "ReplicaSet");
    (void)kubernetes_write(workload->world, workload->cluster, &kind, controller, "status", &set);
}

struct old_sets {
    const char **names;
    size_t count;
    int64_t pods, ready, revision; /* the highest, also of the new one */
};

static size_t pods_count(struct workload *workload, const char *prefix, const char *uid, int64_t *ready) {
    size_t count = 0;
    size_t owned = 0;
    const struct member *members = kubernetes_range_prefix(workload->world, workload->cluster, "", "pods",
                                                           arena_text(workload->arena, "%s/%s-", workload->space, prefix), &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_owned_by(&members[i].value, uid))
            continue;
        owned++;
        *ready += pod_is_ready(&members[i].value);
    }
    return owned;
}

static struct old_sets old_sets_of(struct workload *workload, const char *new_name) {
    size_t count = 0;
    struct old_sets old = {0};
    const char *uid = value_text_at(&workload->object, "metadata.uid");
    const char *prefix = arena_text(workload->arena, "%s/%s-", workload->space, workload->name);
    const struct member *members = kubernetes_range_prefix(workload->world, workload->cluster, "apps", "replicasets", prefix, &count);
    old.names = ARENA_ARRAY(workload->arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        const struct value *set = &members[i].value;
        if (!is_owned_by(set, uid))
            continue;
        if (revision_of(set) > old.revision)
            old.revision = revision_of(set);
        const char *name = value_text_at(set, "metadata.name");
        if (text_equal(name, new_name))
            continue;
        old.names[old.count++] = arena_text(workload->arena, "%s", name);
        old.pods += (int64_t)pods_count(workload, name, value_text_at(set, "metadata.uid"), &old.ready);
    }
    return old;
}

static void old_sets_empty(struct workload *workload, const struct old_sets *old) {
    for (size_t i = 0; i < old->count; i++) {
        const struct value *set = replica_set_find(workload, old->names[i]);
        if (!set || value_integer(value_at(set, "spec.replicas"), 0) == 0)
            continue;
        struct pod_set none = {0};
        const char *uid = arena_text(workload->arena, "%s", value_text_at(set, "metadata.uid"));
        replica_set_write(workload, old->names[i], NULL, 0, 0);
        pods_trim(workload, &none, old->names[i], uid);
        replica_set_status(workload, old->names[i], 0, 0);
    }
}

static void deployment_conditions(struct workload *workload, struct value *status, const char *set_name, int64_t available, bool complete) {
    bool enough = available >= workload->replicas - workload->replicas / 4; /* maxUnavailable 25% rounds down */
    struct condition progressing = {"Progressing", "True", complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
                                    complete ? arena_text(workload->arena, "ReplicaSet \"%s\" has successfully progressed.", set_name)
                                             : arena_text(workload->arena, "ReplicaSet \"%s\" is progressing.", set_name),
                                    true};
    struct condition availability = {
        "Available", enough ? "True" : "False", enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
        enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.", true};
    condition_set(workload, status, &availability);
    /* A deadline that was missed stays so until there is progress: the reason of the same generation is kept. */
    struct value *before = condition_find(value_find_mutable(status, "conditions"), "Progressing");
    bool missed = before && text_equal(value_text_at(before, "reason"), "ProgressDeadlineExceeded") &&
                  value_integer(value_at(&workload->object, "status.observedGeneration"), 0) == workload->generation;
    if (complete || !missed)
        condition_set(workload, status, &progressing);
}

static void deployment_paused(struct workload *workload) {
    struct value status = status_begin(workload);
    struct condition paused = {"Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", true};
    condition_set(workload, &status, &paused);
    status_write(workload, status);
}

static void deployment_sync(struct workload *workload) {
    const char *hash = template_hash(workload);
    const char *name = arena_text(workload->arena, "%s-%s", workload->name, hash);
    if (value_boolean(value_at(&workload->object, "spec.paused"), false)) {
        deployment_paused(workload);
        return;
    }
    struct old_sets old = old_sets_of(workload, name);
    const struct value *live = replica_set_find(workload, name);
    int64_t own_revision = live ? revision_of(live) : 0;
    int64_t revision = own_revision == old.revision && own_revision > 0 ? own_revision : old.revision + 1;
    replica_set_write(workload, name, hash, workload->replicas, revision);
    live = replica_set_find(workload, name);
    if (!live)
        return;
    struct value owner = value_copy(workload->arena, live);
    struct pod_set set = pods_numbered(workload, name, true, (size_t)workload->replicas);
    set.owner = &owner;
    set.owner_kind = "ReplicaSet";
    set.owner_api_version = "apps/v1";
    set.label = "pod-template-hash";
    set.label_value = hash;
    bool waits = false;
    int64_t ready = (int64_t)pods_ensure(workload, &set, &waits);
    pods_trim(workload, &set, name, value_text_at(&owner, "metadata.uid"));
    replica_set_status(workload, name, workload->replicas, ready);
    bool complete = ready >= workload->replicas;
    if (complete) {
        old_sets_empty(workload, &old);
        old.pods = old.ready = 0;
    }
    struct value status = status_begin(workload);
    int64_t total = workload->replicas + old.pods;
    int64_t available = ready + old.ready;
    count_set(workload, &status, "replicas", total, false);
    count_set(workload, &status, "updatedReplicas", workload->replicas, false);
    count_set(workload, &status, "readyReplicas", available, false);
    count_set(workload, &status, "availableReplicas", available, false);
    count_set(workload, &status, "unavailableReplicas", total > available ? total - available : 0, false);
    deployment_conditions(workload, &status, name, available, complete);
    text_at_set(workload, &workload->object, "metadata.annotations", "deployment.kubernetes.io/revision",
                arena_text(workload->arena, "%lld", (long long)revision));
    bool began = value_integer(value_at(&workload->object, "status.observedGeneration"), 0) != workload->generation;
    status_write(workload, status);
    timers_set(workload, waits, !complete && began ? value_integer(value_at(&workload->object, "spec.progressDeadlineSeconds"), 600) : 0);
}

/* --- StatefulSets, DaemonSets, Jobs. */

static void claims_ensure(struct workload *workload) {
    struct kubernetes_kind kind = kind_named(workload, "", "PersistentVolumeClaim");
    const struct value *templates = value_at(&workload->object, "spec.volumeClaimTemplates");
    for (size_t i = 0; i < value_count(templates); i++) {
        for (int64_t ordinal = 0; ordinal < workload->replicas; ordinal++) {
            struct value claim = value_copy(workload->arena, &templates->list.items[i]);
            const char *name =
                arena_text(workload->arena, "%s-%s-%lld", value_text_at(&claim, "metadata.name"), workload->name, (long long)ordinal);
            if (kubernetes_find(workload->world, workload->cluster, "", kind.plural, workload->space, name))
                continue;
            (void)value_set_at(workload->arena, &claim, "metadata.name", value_of_text(name));
            (void)value_set_at(workload->arena, &claim, "metadata.namespace", value_of_text(workload->space));
            (void)value_remove(&claim, "status");
            (void)kubernetes_write(workload->world, workload->cluster, &kind, controller, "", &claim);
        }
    }
}

static void set_owner(struct workload *workload, struct pod_set *set, const char *api_version) {
    set->owner = &workload->object;
    set->owner_kind = workload->kind->kind;
    set->owner_api_version = api_version;
}

static void stateful_set_sync(struct workload *workload) {
    const char *revision = arena_text(workload->arena, "%s-%s", workload->name, template_hash(workload));
    struct pod_set set = pods_numbered(workload, workload->name, false, (size_t)workload->replicas);
    set_owner(workload, &set, "apps/v1");
    set.label = "controller-revision-hash";
    set.label_value = revision;
    bool waits = false;
    claims_ensure(workload);
    int64_t ready = (int64_t)pods_ensure(workload, &set, &waits);
    pods_trim(workload, &set, workload->name, value_text_at(&workload->object, "metadata.uid"));
    struct value status = status_begin(workload);
    const char *current = value_text_at(&status, "currentRevision");
    bool complete = ready >= workload->replicas;
    count_set(workload, &status, "replicas", workload->replicas, true);
    count_set(workload, &status, "availableReplicas", ready, true);
    count_set(workload, &status, "readyReplicas", ready, false);
    count_set(workload, &status, "updatedReplicas", workload->replicas, false);
    count_set(workload, &status, "currentReplicas", complete || !current || text_equal(current, revision) ? workload->replicas : 0, false);
    count_set(workload, &status, "collisionCount", 0, true);
    (void)value_set(workload->arena, &status, "updateRevision", value_of_text(revision));
    if (complete || !current)
        (void)value_set(workload->arena, &status, "currentRevision", value_of_text(revision));
    status_write(workload, status);
    timers_set(workload, waits, 0);
}

static void daemon_set_sync(struct workload *workload) {
    struct arena *arena = workload->arena;
    const char **nodes = NULL;
    struct value spec = value_copy(arena, value_at(&workload->object, "spec.template.spec"));
    size_t count = nodes_fitting(workload, &spec, &nodes);
    struct pod_set set = {.names = ARENA_ARRAY(arena, const char *, count), .nodes = nodes, .count = count};
    for (size_t i = 0; i < count; i++)
        set.names[i] = arena_text(arena, "%s-%s", workload->name,
                                  hash_letters(arena, arena_text(arena, "%s/%s/%s", workload->space, workload->name, nodes[i]), 5));
    set_owner(workload, &set, "apps/v1");
    set.label = "controller-revision-hash";
    set.label_value = template_hash(workload);
    bool waits = false;
    int64_t ready = (int64_t)pods_ensure(workload, &set, &waits);
    pods_trim(workload, &set, workload->name, value_text_at(&workload->object, "metadata.uid"));
    struct value status = status_begin(workload);
    count_set(workload, &status, "currentNumberScheduled", (int64_t)count, true);
    count_set(workload, &status, "desiredNumberScheduled", (int64_t)count, true);
    count_set(workload, &status, "numberMisscheduled", 0, true);
    count_set(workload, &status, "numberReady", ready, true);
    count_set(workload, &status, "updatedNumberScheduled", (int64_t)count, false);
    count_set(workload, &status, "numberAvailable", ready, false);
    count_set(workload, &status, "numberUnavailable", (int64_t)count - ready, false);
    status_write(workload, status);
    timers_set(workload, waits, 0);
}

static bool job_is_finished(const struct value *job) {
    const struct value *conditions = value_at(job, "status.conditions");
    for (size_t i = 0; i < value_count(conditions); i++) {
        const char *type = value_text_at(&conditions->list.items[i], "type");
        if ((text_equal(type, "Complete") || text_equal(type, "Failed")) &&
            text_equal(value_text_at(&conditions->list.items[i], "status"), "True"))
            return true;
    }
    return false;
}

static struct pod_set job_pods(struct workload *workload) {
    int64_t completions = value_integer(value_at(&workload->object, "spec.completions"), 1);
    struct pod_set set = pods_numbered(workload, workload->name, true,
                                       (size_t)(completions > PODS_MOST ? PODS_MOST
                                                : completions < 0       ? 0
                                                                        : completions));
    set_owner(workload, &set, "batch/v1");
    return set;
}

static void job_sync(struct workload *workload) {
    if (job_is_finished(&workload->object))
        return;
    struct value status = status_begin(workload);
    (void)value_remove(&status, "observedGeneration"); /* JobStatus has none */
    if (value_boolean(value_at(&workload->object, "spec.suspend"), false)) {
        struct condition suspended = {"Suspended", "True", "JobSuspended", "Job suspended", false};
        condition_set(workload, &status, &suspended);
        status_write(workload, status);
        return;
    }
    struct pod_set set = job_pods(workload);
    bool waits = false;
    bool fails = workload->fails;
    workload->fails = false; /* a Job's pods run before they fail */
    (void)pods_ensure(workload, &set, &waits);
    workload->fails = fails;
    if (!value_find(&status, "startTime"))
        (void)value_set(workload->arena, &status, "startTime", value_of_text(time_text(workload->arena, workload->world->now_ms)));
    count_set(workload, &status, "active", (int64_t)set.count, false);
    count_set(workload, &status, "ready", 0, true);
    count_set(workload, &status, "terminating", 0, true);
    (void)value_set(workload->arena, &status, "uncountedTerminatedPods", value_of_map());
    status_write(workload, status);
    timers_set(workload, waits, 0);
}

static void job_finish(struct workload *workload) {
    struct pod_set set = job_pods(workload);
    for (size_t i = 0; i < set.count; i++) {
        const struct value *pod = pod_find(workload, set.names[i]);
        if (pod)
            pod_status_write(workload, pod, workload->fails ? POD_FAILED : POD_SUCCEEDED);
    }
    struct value status = status_begin(workload);
    (void)value_remove(&status, "observedGeneration");
    (void)value_remove(&status, "active");
    count_set(workload, &status, workload->fails ? "failed" : "succeeded", (int64_t)set.count, false);
    if (workload->fails) {
        struct condition target = {"FailureTarget", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit", false};
        struct condition failed = {"Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit", false};
        condition_set(workload, &status, &target);
        condition_set(workload, &status, &failed);
    } else {
        struct condition met = {"SuccessCriteriaMet", "True", "CompletionsReached", "Reached expected number of succeeded pods", false};
        struct condition complete = {"Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods", false};
        (void)value_set(workload->arena, &status, "completionTime", value_of_text(time_text(workload->arena, workload->world->now_ms)));
        condition_set(workload, &status, &met);
        condition_set(workload, &status, &complete);
    }
    status_write(workload, status);
}

/* --- Entries. */

static const struct {
    const char *kind;
    void (*sync)(struct workload *workload);
} syncs[] = {{"Deployment", deployment_sync}, {"StatefulSet", stateful_set_sync}, {"DaemonSet", daemon_set_sync}, {"Job", job_sync}};

static void workload_run(struct workload *workload) {
    for (size_t i = 0; i < sizeof syncs / sizeof *syncs; i++)
        if (text_equal(syncs[i].kind, workload->kind->kind))
            syncs[i].sync(workload);
}

void kubernetes_workload_sync(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                              const char *name) {
    ARENA_AUTO *arena = arena_new();
    struct workload workload;
    if (workload_read(&workload, world, cluster, kind, space, name, arena))
        workload_run(&workload);
}

static void pods_become_ready(struct workload *workload) {
    bool deployment = text_equal(workload->kind->kind, "Deployment");
    const char *prefix = deployment ? arena_text(workload->arena, "%s-%s", workload->name, template_hash(workload)) : workload->name;
    const struct value *owner = deployment ? replica_set_find(workload, prefix) : &workload->object;
    if (!owner)
        return;
    const char *uid = arena_text(workload->arena, "%s", value_text_at(owner, "metadata.uid"));
    size_t count = 0;
    const struct member *members = kubernetes_range_prefix(workload->world, workload->cluster, "", "pods",
                                                           arena_text(workload->arena, "%s/%s-", workload->space, prefix), &count);
    struct value *pods = ARENA_ARRAY(workload->arena, struct value, count);
    for (size_t i = 0; i < count; i++)
        pods[i] = members[i].value;
    for (size_t i = 0; i < count; i++)
        if (is_owned_by(&pods[i], uid) && value_text_at(&pods[i], "spec.nodeName") && !pod_is_ready(&pods[i]))
            pod_status_write(workload, &pods[i], POD_READY);
}

void kubernetes_workload_ready(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                               const char *name, int64_t generation) {
    ARENA_AUTO *arena = arena_new();
    struct workload workload;
    if (!workload_read(&workload, world, cluster, kind, space, name, arena) || workload.generation != generation)
        return;
    if (text_equal(kind->kind, "Job")) {
        if (!job_is_finished(&workload.object))
            job_finish(&workload);
        return;
    }
    if (workload.fails)
        return;
    pods_become_ready(&workload);
    workload_run(&workload);
}

void kubernetes_workload_deadline(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                                  const char *name, int64_t generation) {
    ARENA_AUTO *arena = arena_new();
    struct workload workload;
    if (!workload_read(&workload, world, cluster, kind, space, name, arena) || workload.generation != generation)
        return;
    struct value status = status_begin(&workload);
    struct value *progressing = condition_find(value_find_mutable(&status, "conditions"), "Progressing");
    if (!progressing || text_equal(value_text_at(progressing, "reason"), "NewReplicaSetAvailable") ||
        text_equal(value_text_at(progressing, "reason"), "DeploymentPaused"))
        return;
    const char *message = arena_text(arena, "ReplicaSet \"%s-%s\" has timed out progressing.", name, template_hash(&workload));
    struct condition missed = {"Progressing", "False", "ProgressDeadlineExceeded", message, true};
    condition_set(&workload, &status, &missed);
    status_write(&workload, status);
}
