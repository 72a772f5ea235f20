/* edges.c: what must come before what, as the Kubernetes API and EKS need it. */
#include "edges.h"

#include "base/text.h"
#include "names.h"

struct builder {
    struct graph *graph;
    struct arena *arena;
    struct findings *findings;
    struct resource **definitions; /* CustomResourceDefinitions */
    size_t definition_count;
    struct resource **webhooks; /* validating and mutating configurations */
    size_t webhook_count;
    struct resource **pools; /* what workloads can run on */
    size_t pool_count;
};

/* Groups that every API server brings (Kubernetes API reference), and their kinds without a namespace. */
static const char *const builtin_groups[] = {
    "",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    NULL,
};
static const char *const clustered_kinds[] = {
    "Namespace",
    "Node",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "StorageClass",
    "VolumeAttachment",
    "VolumeAttributesClass",
    "CSIDriver",
    "CSINode",
    "PriorityClass",
    "RuntimeClass",
    "IngressClass",
    "IPAddress",
    "ServiceCIDR",
    "FlowSchema",
    "PriorityLevelConfiguration",
    "CertificateSigningRequest",
    "ClusterTrustBundle",
    "DeviceClass",
    "ResourceSlice",
    NULL,
};

enum object_scope object_scope(const char *group, const char *kind) {
    bool is_kubernetes = text_in(group, builtin_groups) || text_ends(group, ".k8s.io");
    if (is_kubernetes && text_in(kind, clustered_kinds))
        return SCOPE_CLUSTERED;
    return text_in(group, builtin_groups) ? SCOPE_NAMESPACED : SCOPE_UNKNOWN;
}

void edge_add(struct arena *arena, struct resource *after, struct resource *before, enum gate gate, const char *reason) {
    if (before == NULL || before == after)
        return;
    after->edges = arena_grow(arena, after->edges, after->edge_count, sizeof after->edges[0]);
    after->edges[after->edge_count++] = (struct edge){.before = before, .gate = gate, .reason = reason};
}

static struct resource *find(struct builder *builder, const struct resource *near, const char *kind, const char *namespace,
                             const char *name) {
    if (name == NULL)
        return NULL;
    char id[1024];
    int length =
        namespace != NULL ? snprintf(id, sizeof id, "%s/%s/%s", kind, namespace, name) : snprintf(id, sizeof id, "%s/%s", kind, name);
    return length < (int)sizeof id ? graph_find(builder->graph, near->target, id) : NULL;
}

static void after_named(struct builder *builder, struct resource *after, const char *kind, const char *namespace, const char *name,
                        enum gate gate, const char *what) {
    struct resource *before = find(builder, after, kind, namespace, name);
    if (before != NULL)
        edge_add(builder->arena, after, before, gate, arena_text(builder->arena, "%s %s", what, name));
}

/* Pods, and what makes them. */

static const struct value *pod_spec(const struct resource *resource) {
    const struct value *spec = value_find(&resource->desired, "spec");
    if (text_equal(resource->kind, "Pod") && text_equal(resource->api_version, "v1"))
        return spec;
    if (text_equal(resource->kind, "CronJob"))
        return value_at(spec, "jobTemplate.spec.template.spec");
    const struct value *template = value_at(spec, "template.spec");
    return value_is(value_find(template, "containers"), VALUE_LIST) ? template : NULL;
}

static void after_sources(struct builder *builder, struct resource *resource, const struct value *sources) {
    for (size_t i = 0; value_is(sources, VALUE_LIST) && i < sources->list.count; i++) {
        const struct value *item = &sources->list.items[i];
        const char *namespace = resource->namespace;
        after_named(builder, resource, "ConfigMap", namespace, value_text_at(item, "configMapRef.name"), GATE_DONE, "config map");
        after_named(builder, resource, "Secret", namespace, value_text_at(item, "secretRef.name"), GATE_DONE, "secret");
        after_named(builder, resource, "ConfigMap", namespace, value_text_at(item, "valueFrom.configMapKeyRef.name"), GATE_DONE,
                    "config map");
        after_named(builder, resource, "Secret", namespace, value_text_at(item, "valueFrom.secretKeyRef.name"), GATE_DONE, "secret");
        /* volumes, and the sources of a projected one */
        after_named(builder, resource, "ConfigMap", namespace, value_text_at(item, "configMap.name"), GATE_DONE, "config map");
        after_named(builder, resource, "Secret", namespace, value_text_at(item, "secret.secretName"), GATE_DONE, "secret");
        after_named(builder, resource, "Secret", namespace, value_text_at(item, "secret.name"), GATE_DONE, "secret");
        /* A claim may be bound only when its pod is placed (WaitForFirstConsumer): it need not be ready. */
        after_named(builder, resource, "PersistentVolumeClaim", namespace, value_text_at(item, "persistentVolumeClaim.claimName"),
                    GATE_DONE, "volume claim");
        after_sources(builder, resource, value_at(item, "projected.sources"));
    }
}

static void after_containers(struct builder *builder, struct resource *resource, const struct value *containers) {
    for (size_t i = 0; value_is(containers, VALUE_LIST) && i < containers->list.count; i++) {
        after_sources(builder, resource, value_find(&containers->list.items[i], "env"));
        after_sources(builder, resource, value_find(&containers->list.items[i], "envFrom"));
    }
}

static void after_nodes(struct builder *builder, struct resource *resource, const struct value *pod) {
    /* Pods on the host's network make the nodes ready in the first place (a CNI plugin): waiting for ready nodes would never end. */
    if (value_boolean(value_find(pod, "hostNetwork"), false) || resource->target->cluster == NULL)
        return;
    const struct resource *cluster = resource->target->cluster;
    for (size_t i = 0; i < builder->pool_count; i++) {
        struct resource *pool = builder->pools[i];
        const char *in = value_text(value_find(&pool->desired, pool->row->cluster_member));
        if (pool->target == cluster->target && text_equal(in, cluster->name))
            edge_add(builder->arena, resource, pool, GATE_READY, "nodes to run on");
    }
}

static void after_pod_needs(struct builder *builder, struct resource *resource) {
    const struct value *pod = pod_spec(resource);
    if (pod == NULL)
        return;
    const char *namespace = resource->namespace;
    after_nodes(builder, resource, pod);
    const char *account = value_text(value_find(pod, "serviceAccountName"));
    after_named(builder, resource, "ServiceAccount", namespace, account, GATE_DONE, "service account");
    after_named(builder, resource, "PriorityClass", NULL, value_text(value_find(pod, "priorityClassName")), GATE_DONE, "priority class");
    after_named(builder, resource, "RuntimeClass", NULL, value_text(value_find(pod, "runtimeClassName")), GATE_DONE, "runtime class");
    after_containers(builder, resource, value_find(pod, "initContainers"));
    after_containers(builder, resource, value_find(pod, "containers"));
    after_sources(builder, resource, value_find(pod, "volumes"));
    const struct value *pull = value_find(pod, "imagePullSecrets");
    for (size_t i = 0; value_is(pull, VALUE_LIST) && i < pull->list.count; i++)
        after_named(builder, resource, "Secret", namespace, value_text_at(&pull->list.items[i], "name"), GATE_DONE, "secret");
}

/* Definitions and webhooks. */

static bool is_custom(struct builder *builder, const struct resource *resource) {
    return object_scope(name_group(builder->arena, resource->api_version), resource->kind) == SCOPE_UNKNOWN;
}

static struct resource *definition_of(struct builder *builder, const struct resource *resource) {
    const char *group = name_group(builder->arena, resource->api_version);
    for (size_t i = 0; i < builder->definition_count; i++) {
        struct resource *definition = builder->definitions[i];
        if (definition->target == resource->target && text_equal(value_text_at(&definition->desired, "spec.group"), group) &&
            text_equal(value_text_at(&definition->desired, "spec.names.kind"), resource->kind))
            return definition;
    }
    return NULL;
}

static bool list_has(const struct value *list, const char *text) {
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++)
        if (text_equal(value_text(&list->list.items[i]), text))
            return true;
    return false;
}

/* Only webhooks that name the group: one for "*" (a policy engine) would stand before everything, itself included. */
static bool webhook_covers(const struct resource *webhook, const char *group, const char *plural) {
    const struct value *hooks = value_find(&webhook->desired, "webhooks");
    for (size_t i = 0; value_is(hooks, VALUE_LIST) && i < hooks->list.count; i++) {
        const struct value *rules = value_find(&hooks->list.items[i], "rules");
        for (size_t j = 0; value_is(rules, VALUE_LIST) && j < rules->list.count; j++) {
            const struct value *resources = value_find(&rules->list.items[j], "resources");
            bool is_named = list_has(resources, "*") || list_has(resources, "*/*") || (plural != NULL && list_has(resources, plural));
            if (is_named && list_has(value_find(&rules->list.items[j], "apiGroups"), group))
                return true;
        }
    }
    return false;
}

static void after_definition(struct builder *builder, struct resource *resource) {
    if (!is_custom(builder, resource))
        return;
    struct resource *definition = definition_of(builder, resource);
    edge_add(builder->arena, resource, definition, GATE_READY, "its definition");
    const char *group = name_group(builder->arena, resource->api_version);
    const char *plural = definition != NULL ? value_text_at(&definition->desired, "spec.names.plural") : NULL;
    for (size_t i = 0; i < builder->webhook_count; i++)
        if (builder->webhooks[i]->target == resource->target && webhook_covers(builder->webhooks[i], group, plural))
            edge_add(builder->arena, resource, builder->webhooks[i], GATE_DONE, "the webhook that checks it");
}

static bool selects(const struct value *selector, const struct value *labels) {
    if (!value_is(selector, VALUE_MAP) || selector->map.count == 0)
        return false;
    for (size_t i = 0; i < selector->map.count; i++) {
        const char *wanted = value_text(&selector->map.members[i].value);
        if (wanted == NULL || !text_equal(value_text(value_find(labels, selector->map.members[i].key)), wanted))
            return false;
    }
    return true;
}

/* After the Service and the pods that answer for it. */
static void after_service(struct builder *builder, struct resource *resource, const struct value *named, const char *reason) {
    const char *namespace = value_text(value_find(named, "namespace"));
    struct resource *service =
        namespace != NULL ? find(builder, resource, "Service", namespace, value_text(value_find(named, "name"))) : NULL;
    if (service == NULL)
        return;
    edge_add(builder->arena, resource, service, GATE_DONE, reason);
    const struct value *selector = value_at(&service->desired, "spec.selector");
    for (size_t i = 0; i < builder->graph->count; i++) {
        struct resource *workload = builder->graph->resources[i];
        if (workload->target != resource->target || !text_equal(workload->namespace, namespace) || pod_spec(workload) == NULL)
            continue;
        const char *labels = text_equal(workload->kind, "Pod") ? "metadata.labels" : "spec.template.metadata.labels";
        if (selects(selector, value_at(&workload->desired, labels)))
            edge_add(builder->arena, resource, workload, GATE_READY, reason);
    }
}

static bool is_webhook(const struct resource *resource) {
    return text_starts(resource->api_version, "admissionregistration.k8s.io/") && text_ends(resource->kind, "WebhookConfiguration");
}

static void after_webhook_service(struct builder *builder, struct resource *resource) {
    const struct value *hooks = is_webhook(resource) ? value_find(&resource->desired, "webhooks") : NULL;
    for (size_t i = 0; value_is(hooks, VALUE_LIST) && i < hooks->list.count; i++)
        after_service(builder, resource, value_at(&hooks->list.items[i], "clientConfig.service"), "the webhook's own service");
    if (text_equal(resource->kind, "APIService") && text_starts(resource->api_version, "apiregistration.k8s.io/"))
        after_service(builder, resource, value_at(&resource->desired, "spec.service"), "the API's own service");
}

/* Objects that name others. */

static void after_backends(struct builder *builder, struct resource *ingress, const struct value *value) {
    const char *service = value_text_at(value, "service.name");
    if (service != NULL)
        after_named(builder, ingress, "Service", ingress->namespace, service, GATE_DONE, "service");
    for (size_t i = 0; value_is(value, VALUE_LIST) && i < value->list.count; i++)
        after_backends(builder, ingress, &value->list.items[i]);
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value->map.count; i++)
        after_backends(builder, ingress, &value->map.members[i].value);
}

static void after_what_it_names(struct builder *builder, struct resource *resource) {
    const struct value *desired = &resource->desired;
    const char *namespace = resource->namespace;
    if (text_equal(resource->kind, "HorizontalPodAutoscaler")) {
        const char *kind = value_text_at(desired, "spec.scaleTargetRef.kind");
        if (kind != NULL)
            after_named(builder, resource, kind, namespace, value_text_at(desired, "spec.scaleTargetRef.name"), GATE_DONE,
                        "what it scales:");
    } else if (text_equal(resource->kind, "Ingress")) {
        after_backends(builder, resource, value_find(desired, "spec"));
        const struct value *tls = value_at(desired, "spec.tls");
        for (size_t i = 0; value_is(tls, VALUE_LIST) && i < tls->list.count; i++)
            after_named(builder, resource, "Secret", namespace, value_text_at(&tls->list.items[i], "secretName"), GATE_DONE, "secret");
    } else if (text_equal(resource->kind, "RoleBinding") || text_equal(resource->kind, "ClusterRoleBinding")) {
        const char *kind = value_text_at(desired, "roleRef.kind");
        bool is_clustered = text_equal(kind, "ClusterRole");
        if (kind != NULL)
            after_named(builder, resource, kind, is_clustered ? NULL : namespace, value_text_at(desired, "roleRef.name"), GATE_DONE,
                        "role");
    } else if (text_equal(resource->kind, "PersistentVolumeClaim")) {
        after_named(builder, resource, "StorageClass", NULL, value_text_at(desired, "spec.storageClassName"), GATE_DONE, "storage class");
        after_named(builder, resource, "PersistentVolume", NULL, value_text_at(desired, "spec.volumeName"), GATE_DONE, "volume");
    }
}

/* config.kubernetes.io/depends-on, as cli-utils writes it: GROUP/namespaces/NAMESPACE/KIND/NAME or GROUP/KIND/NAME, with commas between.
 * The group is empty for core kinds. */
static struct resource *depended_on(struct builder *builder, const struct resource *resource, char *text) {
    char *parts[5] = {NULL};
    size_t count = 0;
    for (char *at = text; at != NULL && count < 5; count++) {
        parts[count] = at;
        at = strchr(at, '/');
        if (at != NULL)
            *at++ = '\0';
        else {
            count++;
            break;
        }
    }
    if (count == 3)
        return find(builder, resource, parts[1], NULL, parts[2]);
    if (count == 5 && text_equal(parts[1], "namespaces"))
        return find(builder, resource, parts[3], parts[2], parts[4]);
    return NULL;
}

static void after_depends_on(struct builder *builder, struct resource *resource) {
    const struct value *annotations = value_at(&resource->desired, "metadata.annotations");
    const struct value *value = value_find(annotations, "config.kubernetes.io/depends-on");
    if (value_text(value) == NULL)
        return;
    char *rest = NULL;
    char *list = arena_copy(builder->arena, value->text.bytes, value->text.length);
    for (char *one = strtok_r(list, ", ", &rest); one != NULL; one = strtok_r(NULL, ", ", &rest)) {
        struct resource *before = depended_on(builder, resource, arena_copy(builder->arena, one, strlen(one)));
        if (before != NULL) {
            edge_add(builder->arena, resource, before, GATE_READY, "depends-on");
            continue;
        }
        findings_add(builder->findings, builder->arena, value_place(value, resource->place.file),
                     "group/namespaces/namespace/Kind/name or group/Kind/name of an object of the same cluster",
                     "%s: depends-on \"%s\" names nothing that is declared", resource->id, one);
        builder->findings->items[builder->findings->count - 1].resource = resource->id;
    }
}

static void collect(struct builder *builder) {
    size_t count = builder->graph->count;
    builder->definitions = ARENA_ARRAY(builder->arena, struct resource *, count + 1);
    builder->webhooks = ARENA_ARRAY(builder->arena, struct resource *, count + 1);
    builder->pools = ARENA_ARRAY(builder->arena, struct resource *, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct resource *resource = builder->graph->resources[i];
        if (resource->row != NULL && resource->row->runs_pods && resource->row->cluster_member != NULL)
            builder->pools[builder->pool_count++] = resource;
        else if (resource->row == NULL && text_equal(resource->kind, "CustomResourceDefinition"))
            builder->definitions[builder->definition_count++] = resource;
        else if (resource->row == NULL && is_webhook(resource))
            builder->webhooks[builder->webhook_count++] = resource;
    }
}

static void build_one(struct builder *builder, struct resource *resource) {
    if (resource->row != NULL) {
        const char *cluster =
            resource->row->cluster_member != NULL ? value_text(value_find(&resource->desired, resource->row->cluster_member)) : NULL;
        struct resource *before = cluster != NULL ? find(builder, resource, "Cluster", NULL, cluster) : NULL;
        edge_add(builder->arena, resource, before, GATE_READY, "its cluster");
        return;
    }
    struct resource *cluster = resource->target->cluster;
    if (cluster != NULL && cluster->row->service != SERVICE_NONE)
        edge_add(builder->arena, resource, cluster, GATE_READY, "its cluster");
    if (resource->namespace != NULL)
        after_named(builder, resource, "Namespace", NULL, resource->namespace, GATE_DONE, "namespace");
    after_definition(builder, resource);
    after_pod_needs(builder, resource);
    after_webhook_service(builder, resource);
    after_what_it_names(builder, resource);
    after_depends_on(builder, resource);
}

void edges_build(struct graph *graph, struct arena *arena, struct findings *findings) {
    struct builder builder = {.graph = graph, .arena = arena, .findings = findings};
    collect(&builder);
    for (size_t i = 0; i < graph->count; i++)
        build_one(&builder, graph->resources[i]);
}

/* GATE_READY includes GATE_DONE, which includes GATE_EXISTS. */
static int strictness(enum gate gate) {
    return gate == GATE_READY ? 2 : gate == GATE_DONE ? 1 : 0;
}

static int compare_edges(const void *left, const void *right) {
    const struct edge *one = left;
    const struct edge *other = right;
    int order = strcmp(one->before->key, other->before->key);
    if (order == 0)
        order = strictness(other->gate) - strictness(one->gate);
    return order != 0 ? order : strcmp(one->reason, other->reason);
}

void edges_sort(struct graph *graph) {
    for (size_t i = 0; i < graph->count; i++) {
        struct resource *resource = graph->resources[i];
        if (resource->edge_count == 0)
            continue;
        qsort(resource->edges, resource->edge_count, sizeof resource->edges[0], compare_edges);
        size_t kept = 1;
        for (size_t j = 1; j < resource->edge_count; j++)
            if (resource->edges[j].before != resource->edges[kept - 1].before)
                resource->edges[kept++] = resource->edges[j];
        resource->edge_count = kept;
    }
}

/* Depth-first, with a stack of its own: a chain may be as long as the tree is large. */
struct walk {
    const struct graph *graph;
    struct arena *arena;
    struct findings *findings;
    bool *out;
    unsigned char *colour; /* 0 not met, 1 on the stack, 2 done */
    size_t *stack;
    size_t *next_edge;
    size_t depth;
};

static void say_cycle(struct walk *walk, size_t from) {
    const char *text = "";
    /* Begins at the least key, so that one circle is always told the same way. */
    size_t length = walk->depth - from;
    size_t first = 0;
    for (size_t i = 1; i < length; i++)
        if (walk->stack[from + i] < walk->stack[from + first])
            first = i;
    for (size_t i = 0; i < length; i++) {
        const struct resource *resource = walk->graph->resources[walk->stack[from + (first + i) % length]];
        const struct resource *before = walk->graph->resources[walk->stack[from + (first + i + 1) % length]];
        const char *reason = "";
        for (size_t j = 0; j < resource->edge_count; j++)
            if (resource->edges[j].before == before)
                reason = resource->edges[j].reason;
        text = arena_text(walk->arena, "%s%s after (%s) ", text, resource->id, reason);
        walk->out[resource->index] = true;
    }
    const struct resource *start = walk->graph->resources[walk->stack[from + first]];
    findings_add(walk->findings, walk->arena, start->place, "take one of these dependencies out",
                 "a circle, in which nothing can be first: %s%s", text, start->id);
    walk->findings->items[walk->findings->count - 1].resource = start->id;
}

static void walk_edge(struct walk *walk, size_t next) {
    if (walk->colour[next] == 0) {
        walk->colour[next] = 1;
        walk->next_edge[next] = 0;
        walk->stack[walk->depth++] = next;
        return;
    }
    if (walk->colour[next] == 2)
        return;
    size_t from = walk->depth;
    while (walk->stack[--from] != next)
        continue;
    say_cycle(walk, from);
}

void edges_find_cycles(const struct graph *graph, struct arena *arena, bool *out, struct findings *findings) {
    struct walk walk = {.graph = graph,
                        .arena = arena,
                        .findings = findings,
                        .out = out,
                        .colour = ARENA_ARRAY(arena, unsigned char, graph->count + 1),
                        .stack = ARENA_ARRAY(arena, size_t, graph->count + 1),
                        .next_edge = ARENA_ARRAY(arena, size_t, graph->count + 1)};
    for (size_t i = 0; i < graph->count; i++) {
        if (walk.colour[i] != 0)
            continue;
        walk_edge(&walk, i);
        while (walk.depth > 0) {
            size_t top = walk.stack[walk.depth - 1];
            const struct resource *resource = graph->resources[top];
            if (walk.next_edge[top] < resource->edge_count) {
                walk_edge(&walk, resource->edges[walk.next_edge[top]++].before->index);
                continue;
            }
            walk.colour[top] = 2;
            walk.depth--;
        }
    }
}
