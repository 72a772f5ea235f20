/* kubernetes_controllers.c: what happens by itself in a cluster, and when: timers in virtual time, and the small controllers. */
#include "sandbox/kubernetes.h"

#include "base/hash.h"

enum {
    SYNC_MS = 100,       /* a controller sees a change */
    COLLECT_MS = 500,    /* the garbage collector comes by */
    ESTABLISH_MS = 300,  /* a CustomResourceDefinition is served */
    BIND_MS = 5000,      /* a volume is made */
    BALANCER_MS = 60000, /* a network load balancer is made */
    NAMESPACE_MS = 1000, /* a namespace is looked at again while it ends */
    RUNS_MOST = 1000000, /* in one step: more is a loop */
};

static const char controller[] = "kube-controller-manager";

/* --- Timers: a map whose keys sort by time. */

void kubernetes_timer(struct world *world, const char *cluster, int64_t at_ms, const char *what, const char *group, const char *plural,
                      const char *space, const char *name, int64_t generation) {
    struct value *state = kubernetes_cluster_state(world, cluster);
    struct value *timers = value_find_mutable(state, "timers");
    if (!timers)
        timers = value_set(world->arena, state, "timers", value_of_map());
    char key[1200];
    (void)snprintf(key, sizeof key, "%015lld %s %s/%s %s/%s", (long long)at_ms, what, group, plural, space ? space : "", name);
    if (!value_find(timers, key))
        (void)value_set(world->arena, timers, arena_copy(world->arena, key, strlen(key)), value_of_integer(generation));
}

/* Many wake-ups of one moment become one. */
static int64_t soon(const struct world *world, int64_t delay_ms) {
    return (world->now_ms + delay_ms + delay_ms - 1) / delay_ms * delay_ms;
}

struct timer {
    int64_t at_ms, generation;
    const char *what, *group, *plural, *space, *name;
};

static bool timer_parse(struct arena *arena, const char *key, int64_t generation, struct timer *out) {
    char *rest = NULL;
    char *text = arena_copy(arena, key, strlen(key));
    const char *at = strtok_r(text, " ", &rest);
    const char *what = strtok_r(NULL, " ", &rest);
    char *kind = strtok_r(NULL, " ", &rest);
    char *object = strtok_r(NULL, " ", &rest);
    char *kind_slash = kind ? strchr(kind, '/') : NULL;
    char *object_slash = object ? strchr(object, '/') : NULL;
    if (!what || !kind_slash || !object_slash)
        return false;
    *kind_slash = *object_slash = '\0';
    *out = (struct timer){
        .generation = generation, .what = what, .group = kind, .plural = kind_slash + 1, .space = object, .name = object_slash + 1};
    char *end = NULL;
    out->at_ms = strtoll(at, &end, 10);
    return true;
}

/* --- What wakes whom. */

static void wake_owner(struct world *world, const char *cluster, const struct value *object) {
    const struct value *owners = value_at(object, "metadata.ownerReferences");
    const char *space = value_text_at(object, "metadata.namespace");
    for (size_t i = 0; i < value_count(owners); i++) {
        const struct value *owner = &owners->list.items[i];
        const char *name = value_text_at(owner, "name");
        const char *api_version = value_text_at(owner, "apiVersion");
        const char *slash = api_version ? strchr(api_version, '/') : NULL;
        char group[128] = "";
        if (slash)
            (void)snprintf(group, sizeof group, "%.*s", (int)(slash - api_version), api_version);
        struct kubernetes_kind kind;
        if (!name || !kubernetes_kind_of(world, cluster, group, value_text_at(owner, "kind"), &kind))
            continue;
        if (kubernetes_is_workload(&kind)) {
            kubernetes_timer(world, cluster, soon(world, SYNC_MS), "sync", kind.group, kind.plural, space, name, 0);
        } else if (text_equal(kind.kind, "ReplicaSet")) {
            const struct value *set = kubernetes_find(world, cluster, "apps", "replicasets", space, name);
            if (set && value_at(set, "metadata.ownerReferences"))
                wake_owner(world, cluster, set);
        }
    }
}

static void wake_all_workloads(struct world *world, const char *cluster) {
    static const char *const kinds[][2] = {{"apps", "deployments"}, {"apps", "statefulsets"}, {"apps", "daemonsets"}, {"batch", "jobs"}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t count = 0;
        const struct member *members = kubernetes_range(world, cluster, kinds[k][0], kinds[k][1], NULL, &count);
        for (size_t i = 0; i < count; i++)
            kubernetes_timer(world, cluster, soon(world, SYNC_MS), "sync", kinds[k][0], kinds[k][1],
                             value_text_at(&members[i].value, "metadata.namespace"), value_text_at(&members[i].value, "metadata.name"), 0);
    }
}

static bool spec_differs(const struct value *before, const struct value *object) {
    return !before ||
           value_integer(value_at(before, "metadata.generation"), 0) != value_integer(value_at(object, "metadata.generation"), 0);
}

static void timer_of(struct world *world, const char *cluster, int64_t at_ms, const char *what, const struct kubernetes_kind *kind,
                     const struct value *object) {
    kubernetes_timer(world, cluster, at_ms, what, kind->group, kind->plural, value_text_at(object, "metadata.namespace"),
                     value_text_at(object, "metadata.name"), value_integer(value_at(object, "metadata.generation"), 0));
}

static void wake_core(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const struct value *before,
                      const struct value *object) {
    bool balancer = text_equal(value_text_at(object, "spec.type"), "LoadBalancer");
    if (text_equal(kind->plural, "services") && balancer && !value_at(object, "status.loadBalancer.ingress"))
        timer_of(world, cluster, world->now_ms + BALANCER_MS, "balancer", kind, object);
    else if (text_equal(kind->plural, "persistentvolumeclaims") && !before)
        timer_of(world, cluster, world->now_ms + BIND_MS, "bind", kind, object);
    else if (text_equal(kind->plural, "namespaces") && !before)
        timer_of(world, cluster, soon(world, SYNC_MS), "furnish", kind, object);
    else if (text_equal(kind->plural, "nodes") && (!before || !value_equal(value_find(before, "spec"), value_find(object, "spec"))))
        wake_all_workloads(world, cluster);
}

/* All objects of a custom kind end with its definition. */
static void definition_gone(struct world *world, const char *cluster, const struct value *definition) {
    const char *group = value_text_at(definition, "spec.group");
    const char *plural = value_text_at(definition, "spec.names.plural");
    struct kubernetes_kind kind = {.group = group, .plural = plural, .version = "v1", .kind = value_text_at(definition, "spec.names.kind")};
    size_t count = 0;
    const struct member *members = NULL;
    while (group && plural && (members = kubernetes_range(world, cluster, group, plural, NULL, &count)) && count > 0) {
        const char *space = value_text_at(&members[0].value, "metadata.namespace");
        kubernetes_remove(world, cluster, &kind, space, value_text_at(&members[0].value, "metadata.name"));
    }
}

void kubernetes_wake(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const struct value *before,
                     const struct value *object) {
    if (!object) {
        kubernetes_timer(world, cluster, soon(world, COLLECT_MS), "collect", "", "", "", "", 0);
        if (text_equal(kind->plural, "pods"))
            wake_owner(world, cluster, before);
        else if (text_equal(kind->kind, "CustomResourceDefinition"))
            definition_gone(world, cluster, before);
        else if (text_equal(kind->plural, "nodes"))
            wake_all_workloads(world, cluster);
        return;
    }
    if (value_at(object, "metadata.deletionTimestamp")) {
        bool is_namespace = text_equal(kind->plural, "namespaces") && !*kind->group;
        if (is_namespace)
            timer_of(world, cluster, soon(world, NAMESPACE_MS), "namespace", kind, object);
        else if (value_count(value_at(object, "metadata.finalizers")) > 0)
            kubernetes_timer(world, cluster, soon(world, COLLECT_MS), "collect", "", "", "", "", 0);
        return;
    }
    if (kubernetes_is_workload(kind) && spec_differs(before, object))
        timer_of(world, cluster, soon(world, SYNC_MS), "sync", kind, object);
    else if (text_equal(kind->kind, "CustomResourceDefinition") && spec_differs(before, object))
        timer_of(world, cluster, world->now_ms + ESTABLISH_MS, "establish", kind, object);
    else if (!*kind->group)
        wake_core(world, cluster, kind, before, object);
}

/* --- The small controllers. */

static struct value object_new(struct arena *arena, const char *api_version, const char *kind, const char *space, const char *name) {
    struct value object = value_of_map();
    (void)value_set(arena, &object, "apiVersion", value_of_text(api_version));
    (void)value_set(arena, &object, "kind", value_of_text(kind));
    (void)value_set_at(arena, &object, "metadata.name", value_of_text(name));
    if (space)
        (void)value_set_at(arena, &object, "metadata.namespace", value_of_text(space));
    return object;
}

static void object_ensure(struct world *world, const char *cluster, const char *group, const char *manager, struct value *object) {
    struct kubernetes_kind kind;
    const char *space = value_text_at(object, "metadata.namespace");
    if (!kubernetes_kind_of(world, cluster, group, value_text_at(object, "kind"), &kind) ||
        kubernetes_find(world, cluster, group, kind.plural, space, value_text_at(object, "metadata.name")))
        return;
    (void)kubernetes_write(world, cluster, &kind, manager, "", object);
}

static void namespace_furnish(struct world *world, const char *cluster, const char *name) {
    ARENA_AUTO *arena = arena_new();
    const struct value *space = kubernetes_find(world, cluster, "", "namespaces", "", name);
    if (!space || value_at(space, "metadata.deletionTimestamp"))
        return;
    struct value account = object_new(arena, "v1", "ServiceAccount", name, "default");
    object_ensure(world, cluster, "", controller, &account);
    struct value authority = object_new(arena, "v1", "ConfigMap", name, "kube-root-ca.crt");
    struct value data = value_of_map();
    const char *pem = world->options && world->options->server_ca_pem ? world->options->server_ca_pem : "";
    (void)value_set(arena, &data, "ca.crt", value_of_text(pem));
    (void)value_set(arena, &authority, "data", data);
    object_ensure(world, cluster, "", controller, &authority);
}

/* True when nothing is left of it. */
static bool namespace_empty(struct world *world, const char *cluster, const char *name) {
    ARENA_AUTO *arena = arena_new();
    struct kubernetes_kind *kinds = NULL;
    size_t kind_count = kubernetes_kinds(world, cluster, arena, &kinds);
    size_t left = 0;
    for (size_t k = 0; k < kind_count; k++) {
        if (!kinds[k].namespaced || kinds[k].create_only)
            continue;
        size_t count = 0;
        const struct member *members = kubernetes_range(world, cluster, kinds[k].group, kinds[k].plural, name, &count);
        struct value *objects = ARENA_ARRAY(arena, struct value, count);
        for (size_t i = 0; i < count; i++)
            objects[i] = members[i].value;
        for (size_t i = 0; i < count; i++)
            left += !kubernetes_end(world, cluster, &kinds[k], &objects[i], "Background");
    }
    return left == 0;
}

static void namespace_end(struct world *world, const char *cluster, const struct timer *timer) {
    ARENA_AUTO *arena = arena_new();
    struct kubernetes_kind kind;
    const struct value *found = kubernetes_find(world, cluster, "", "namespaces", "", timer->name);
    if (!found || !value_at(found, "metadata.deletionTimestamp") || !kubernetes_kind_of(world, cluster, "", "Namespace", &kind))
        return;
    if (!namespace_empty(world, cluster, timer->name)) {
        kubernetes_timer(world, cluster, soon(world, NAMESPACE_MS), "namespace", "", "namespaces", "", timer->name, 0);
        return;
    }
    found = kubernetes_find(world, cluster, "", "namespaces", "", timer->name);
    struct value copy = value_copy(arena, found);
    (void)value_remove(value_find_mutable(&copy, "spec"), "finalizers");
    if (value_count(value_at(&copy, "metadata.finalizers")) == 0)
        kubernetes_remove(world, cluster, &kind, "", timer->name);
    else if (value_at(found, "spec.finalizers"))
        (void)kubernetes_put(world, cluster, &kind, &copy);
}

static void status_patch(struct world *world, const char *cluster, const struct timer *timer, const char *manager,
                         bool (*change)(struct world *world, struct arena *arena, struct value *object)) {
    ARENA_AUTO *arena = arena_new();
    struct kubernetes_kind kind;
    const struct value *found = kubernetes_find(world, cluster, timer->group, timer->plural, timer->space, timer->name);
    if (!found || !kubernetes_kind_of(world, cluster, timer->group, value_text_at(found, "kind"), &kind))
        return;
    struct value copy = value_copy(arena, found);
    if (change(world, arena, &copy))
        (void)kubernetes_write(world, cluster, &kind, manager, "status", &copy);
}

/* As the AWS load balancer controller names a network load balancer. */
static bool balancer_change(struct world *world, struct arena *arena, struct value *object) {
    (void)world;
    if (!text_equal(value_text_at(object, "spec.type"), "LoadBalancer"))
        return false;
    const char *uid = value_text_at(object, "metadata.uid");
    struct digest digest = hash_sha256(uid, strlen(uid));
    const char *hex = hash_hex(arena, &digest);
    struct value ingress = value_of_map();
    (void)value_set(
        arena, &ingress, "hostname",
        value_of_text(arena_text(arena, "k8s-%.8s-%.8s-%.10s-%.16s.elb.us-east-1.amazonaws.com",
                                 value_text_at(object, "metadata.namespace"), value_text_at(object, "metadata.name"), hex, hex + 10)));
    struct value list = value_of_list();
    (void)value_append(arena, &list, ingress);
    (void)value_set_at(arena, object, "status.loadBalancer.ingress", list);
    return true;
}

static bool claim_change(struct world *world, struct arena *arena, struct value *object) {
    (void)world;
    const struct value *requests = value_at(object, "spec.resources.requests");
    const struct value *modes = value_at(object, "spec.accessModes");
    (void)value_set_at(arena, object, "status.phase", value_of_text("Bound"));
    if (modes)
        (void)value_set_at(arena, object, "status.accessModes", value_copy(arena, modes));
    if (requests)
        (void)value_set_at(arena, object, "status.capacity", value_copy(arena, requests));
    return true;
}

static void condition_add(struct arena *arena, struct value *conditions, const char *now, const char *type, const char *reason,
                          const char *message) {
    struct value condition = value_of_map();
    (void)value_set(arena, &condition, "type", value_of_text(type));
    (void)value_set(arena, &condition, "status", value_of_text("True"));
    (void)value_set(arena, &condition, "lastTransitionTime", value_of_text(now));
    (void)value_set(arena, &condition, "reason", value_of_text(reason));
    (void)value_set(arena, &condition, "message", value_of_text(message));
    (void)value_append(arena, conditions, condition);
}

static bool definition_change(struct world *world, struct arena *arena, struct value *object) {
    struct value conditions = value_of_list();
    struct value stored = value_of_list();
    const char *now = time_text(arena, world->now_ms);
    const struct value *versions = value_at(object, "spec.versions");
    const struct value *names = value_at(object, "spec.names");
    for (size_t i = 0; i < value_count(versions); i++)
        if (value_boolean(value_find(&versions->list.items[i], "storage"), false))
            (void)value_append(arena, &stored, *value_find(&versions->list.items[i], "name"));
    condition_add(arena, &conditions, now, "NamesAccepted", "NoConflicts", "no conflicts found");
    condition_add(arena, &conditions, now, "Established", "InitialNamesAccepted", "the initial names have been accepted");
    struct value copy = names ? value_copy(arena, names) : value_of_map();
    (void)value_set_at(arena, object, "status.acceptedNames", copy);
    if (value_count(value_at(object, "status.conditions")) == 0)
        (void)value_set_at(arena, object, "status.conditions", conditions);
    (void)value_set_at(arena, object, "status.storedVersions", stored);
    return true;
}

/* --- The step. */

static void timer_run(struct world *world, const char *cluster, const struct timer *timer) {
    struct kubernetes_kind kind = {0};
    const struct value *found =
        *timer->name ? kubernetes_find(world, cluster, timer->group, timer->plural, timer->space, timer->name) : NULL;
    bool is_workload =
        found && kubernetes_kind_of(world, cluster, timer->group, value_text_at(found, "kind"), &kind) && kubernetes_is_workload(&kind);
    if (text_equal(timer->what, "collect"))
        kubernetes_collect(world, cluster);
    else if (text_equal(timer->what, "sync") && is_workload)
        kubernetes_workload_sync(world, cluster, &kind, timer->space, timer->name);
    else if (text_equal(timer->what, "ready") && is_workload)
        kubernetes_workload_ready(world, cluster, &kind, timer->space, timer->name, timer->generation);
    else if (text_equal(timer->what, "deadline") && is_workload)
        kubernetes_workload_deadline(world, cluster, &kind, timer->space, timer->name, timer->generation);
    else if (text_equal(timer->what, "balancer"))
        status_patch(world, cluster, timer, "aws-load-balancer-controller", balancer_change);
    else if (text_equal(timer->what, "bind"))
        status_patch(world, cluster, timer, controller, claim_change);
    else if (text_equal(timer->what, "establish"))
        status_patch(world, cluster, timer, "kube-apiserver", definition_change);
    else if (text_equal(timer->what, "furnish"))
        namespace_furnish(world, cluster, timer->name);
    else if (text_equal(timer->what, "namespace"))
        namespace_end(world, cluster, timer);
}

/* The cluster whose timer is first of all; NULL when none has any. */
static const char *cluster_next(struct world *world, const char **out_key) {
    const struct value *clusters = value_find(&world->state, "clusters");
    const char *first = NULL;
    *out_key = NULL;
    for (size_t i = 0; i < value_count(clusters); i++) {
        const struct value *timers = value_find(&clusters->map.members[i].value, "timers");
        if (value_count(timers) == 0)
            continue;
        const char *key = timers->map.members[0].key;
        if (*out_key && strcmp(key, *out_key) >= 0)
            continue;
        *out_key = key;
        first = clusters->map.members[i].key;
    }
    return first;
}

int64_t kubernetes_step(struct world *world) {
    int64_t now_ms = world->now_ms;
    for (unsigned run = 0; run < RUNS_MOST; run++) {
        const char *key = NULL;
        const char *cluster = cluster_next(world, &key);
        if (!cluster)
            return INT64_MAX;
        ARENA_AUTO *arena = arena_new();
        struct value *timers = value_find_mutable(kubernetes_cluster_state(world, cluster), "timers");
        struct timer timer;
        bool good = timer_parse(arena, key, value_integer(value_find(timers, key), 0), &timer);
        if (good && timer.at_ms > now_ms)
            return timer.at_ms;
        (void)value_remove(timers, key);
        if (!good)
            continue;
        world->now_ms = timer.at_ms;
        timer_run(world, cluster, &timer);
        world->now_ms = now_ms;
    }
    return now_ms + 1;
}

/* --- Clusters and their nodes. */

void kubernetes_cluster_made(struct world *world, const char *cluster) {
    static const char *const names[] = {"default", "kube-node-lease", "kube-public", "kube-system", NULL};
    ARENA_AUTO *arena = arena_new();
    if (kubernetes_find(world, cluster, "", "namespaces", "", "default"))
        return;
    for (size_t i = 0; names[i]; i++) {
        struct value space = object_new(arena, "v1", "Namespace", NULL, names[i]);
        object_ensure(world, cluster, "", "kube-apiserver", &space);
        namespace_furnish(world, cluster, names[i]);
    }
    struct value service = object_new(arena, "v1", "Service", "default", "kubernetes");
    struct value ports = value_of_list();
    struct value port = value_of_map();
    (void)value_set(arena, &port, "name", value_of_text("https"));
    (void)value_set(arena, &port, "port", value_of_integer(443));
    (void)value_set(arena, &port, "targetPort", value_of_integer(443));
    (void)value_append(arena, &ports, port);
    (void)value_set_at(arena, &service, "metadata.labels.component", value_of_text("apiserver"));
    (void)value_set_at(arena, &service, "metadata.labels.provider", value_of_text("kubernetes"));
    (void)value_set_at(arena, &service, "spec.ports", ports);
    object_ensure(world, cluster, "", "kube-apiserver", &service);
}

void kubernetes_cluster_gone(struct world *world, const char *cluster) {
    struct value *clusters = value_find_mutable(&world->state, "clusters");
    if (clusters)
        (void)value_remove(clusters, cluster);
}

static struct value taints_converted(struct arena *arena, const struct value *taints) {
    /* EKS writes NO_SCHEDULE where Kubernetes writes NoSchedule (EKS API, Taint). */
    static const char *const effects[][2] = {
        {"NO_SCHEDULE", "NoSchedule"}, {"NO_EXECUTE", "NoExecute"}, {"PREFER_NO_SCHEDULE", "PreferNoSchedule"}};
    struct value list = value_of_list();
    for (size_t i = 0; i < value_count(taints); i++) {
        struct value taint = value_copy(arena, &taints->list.items[i]);
        for (size_t j = 0; j < sizeof effects / sizeof *effects; j++)
            if (text_equal(value_text_at(&taint, "effect"), effects[j][0]))
                (void)value_set(arena, &taint, "effect", value_of_text(effects[j][1]));
        (void)value_append(arena, &list, taint);
    }
    return list;
}

static void node_status(struct world *world, struct arena *arena, struct value *node, const char *address) {
    static const char *const pressures[] = {"MemoryPressure", "DiskPressure", "PIDPressure", NULL};
    const char *now = time_text(arena, world->now_ms);
    struct value conditions = value_of_list();
    for (size_t i = 0; pressures[i]; i++) {
        condition_add(arena, &conditions, now, pressures[i], "KubeletHasSufficient", "kubelet has sufficient resources available");
        (void)value_set(arena, &conditions.list.items[i], "status", value_of_text("False"));
    }
    condition_add(arena, &conditions, now, "Ready", "KubeletReady", "kubelet is posting ready status");
    struct value internal = value_of_map();
    (void)value_set(arena, &internal, "type", value_of_text("InternalIP"));
    (void)value_set(arena, &internal, "address", value_of_text(address));
    struct value addresses = value_of_list();
    (void)value_append(arena, &addresses, internal);
    struct value capacity = value_of_map();
    (void)value_set(arena, &capacity, "cpu", value_of_text("2"));
    (void)value_set(arena, &capacity, "memory", value_of_text("7934384Ki"));
    (void)value_set(arena, &capacity, "pods", value_of_text("29"));
    (void)value_set_at(arena, node, "status.conditions", conditions);
    (void)value_set_at(arena, node, "status.addresses", addresses);
    (void)value_set_at(arena, node, "status.capacity", capacity);
    (void)value_set_at(arena, node, "status.allocatable", value_copy(arena, &capacity));
    (void)value_set_at(arena, node, "status.nodeInfo.kubeletVersion", value_of_text("v1.36.3-eks-0000000"));
    (void)value_set_at(arena, node, "status.nodeInfo.operatingSystem", value_of_text("linux"));
    (void)value_set_at(arena, node, "status.nodeInfo.architecture", value_of_text("amd64"));
    (void)value_set_at(arena, node, "status.nodeInfo.osImage", value_of_text("Amazon Linux 2023"));
    (void)value_set_at(arena, node, "status.nodeInfo.containerRuntimeVersion", value_of_text("containerd://2.1.0"));
}

static void node_write(struct world *world, const char *cluster, struct arena *arena, const char *nodegroup, unsigned index,
                       const char *name, const char *address, const struct value *labels, const struct value *taints) {
    struct kubernetes_kind kind;
    const struct value *live = kubernetes_find(world, cluster, "", "nodes", "", name);
    struct value node = live ? value_copy(arena, live) : object_new(arena, "v1", "Node", NULL, name);
    struct value own = labels ? value_copy(arena, labels) : value_of_map();
    (void)value_set(arena, &own, "eks.amazonaws.com/nodegroup", value_of_text(nodegroup));
    (void)value_set(arena, &own, "kubernetes.io/hostname", value_of_text(name));
    (void)value_set(arena, &own, "kubernetes.io/os", value_of_text("linux"));
    (void)value_set(arena, &own, "kubernetes.io/arch", value_of_text("amd64"));
    (void)value_set(arena, &own, "topology.kubernetes.io/zone", value_of_text(arena_text(arena, "us-east-1%c", 'a' + (int)(index % 3))));
    (void)value_set_at(arena, &node, "metadata.labels", own);
    struct value converted = taints_converted(arena, taints);
    if (value_count(&converted) > 0)
        (void)value_set_at(arena, &node, "spec.taints", converted);
    else if (value_find_mutable(&node, "spec"))
        (void)value_remove(value_find_mutable(&node, "spec"), "taints");
    (void)value_set_at(arena, &node, "spec.providerID", value_of_text(arena_text(arena, "aws:///us-east-1a/i-%s-%u", nodegroup, index)));
    if (!live)
        node_status(world, arena, &node, address);
    if (kubernetes_kind_of(world, cluster, "", "Node", &kind))
        (void)kubernetes_write(world, cluster, &kind, "kubelet", "", &node);
}

/* Pods on nodes that have gone are gone too; their controllers make new ones. */
static void node_remove(struct world *world, const char *cluster, struct arena *arena, const char *name) {
    struct kubernetes_kind nodes;
    struct kubernetes_kind pods;
    size_t count = 0;
    if (!kubernetes_kind_of(world, cluster, "", "Node", &nodes) || !kubernetes_kind_of(world, cluster, "", "Pod", &pods))
        return;
    const struct member *members = kubernetes_range(world, cluster, "", "pods", NULL, &count);
    struct value *doomed = ARENA_ARRAY(arena, struct value, count);
    size_t doomed_count = 0;
    for (size_t i = 0; i < count; i++)
        if (text_equal(value_text_at(&members[i].value, "spec.nodeName"), name))
            doomed[doomed_count++] = members[i].value;
    kubernetes_remove(world, cluster, &nodes, "", name);
    for (size_t i = 0; i < doomed_count; i++)
        (void)kubernetes_end(world, cluster, &pods, &doomed[i], "Background");
}

void kubernetes_nodes_set(struct world *world, const char *cluster, const char *nodegroup, unsigned count, const struct value *labels,
                          const struct value *taints) {
    ARENA_AUTO *arena = arena_new();
    struct value wanted = value_of_map();
    for (unsigned i = 0; i < count; i++) {
        const char *seed = arena_text(arena, "%s/%s/%u", cluster, nodegroup, i);
        struct digest digest = hash_sha256(seed, strlen(seed));
        const char *address = arena_text(arena, "10.%u.%u.%u", digest.bytes[0], digest.bytes[1], digest.bytes[2]);
        const char *name = arena_text(arena, "ip-10-%u-%u-%u.ec2.internal", digest.bytes[0], digest.bytes[1], digest.bytes[2]);
        (void)value_set(arena, &wanted, name, value_null());
        node_write(world, cluster, arena, nodegroup, i, name, address, labels, taints);
    }
    size_t total = 0;
    const struct member *members = kubernetes_range(world, cluster, "", "nodes", NULL, &total);
    const char **doomed = ARENA_ARRAY(arena, const char *, total);
    size_t doomed_count = 0;
    for (size_t i = 0; i < total; i++) {
        const char *name = value_text_at(&members[i].value, "metadata.name");
        const char *group = value_text(value_find(value_at(&members[i].value, "metadata.labels"), "eks.amazonaws.com/nodegroup"));
        if (text_equal(group, nodegroup) && !value_find(&wanted, name))
            doomed[doomed_count++] = arena_text(arena, "%s", name);
    }
    for (size_t i = 0; i < doomed_count; i++)
        node_remove(world, cluster, arena, doomed[i]);
}
