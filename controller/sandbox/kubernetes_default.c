/* kubernetes_default.c: what the API server fills in: the defaulting functions and create strategies of Kubernetes 1.36. */
#include "sandbox/kubernetes.h"

#include "base/hash.h"

static void text_default(struct arena *arena, struct value *map, const char *key, const char *text) {
    const struct value *found = value_find(map, key);
    if (!found || found->type == VALUE_NULL || (value_is(found, VALUE_TEXT) && found->text.length == 0))
        (void)value_set(arena, map, key, value_of_text(text));
}

static void integer_default(struct arena *arena, struct value *map, const char *key, int64_t integer) {
    const struct value *found = value_find(map, key);
    if (!found || found->type == VALUE_NULL)
        (void)value_set(arena, map, key, value_of_integer(integer));
}

static void boolean_default(struct arena *arena, struct value *map, const char *key, bool boolean) {
    const struct value *found = value_find(map, key);
    if (!found || found->type == VALUE_NULL)
        (void)value_set(arena, map, key, value_of_boolean(boolean));
}

static struct value *map_default(struct arena *arena, struct value *map, const char *key) {
    struct value *found = value_find_mutable(map, key);
    return value_is(found, VALUE_MAP) ? found : value_set(arena, map, key, value_of_map());
}

/* Calls `each` with every map of the list at `key`. */
static void each_item(struct arena *arena, struct value *map, const char *key, void (*each)(struct arena *arena, struct value *item)) {
    struct value *list = value_find_mutable(map, key);
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++)
        if (value_is(&list->list.items[i], VALUE_MAP))
            each(arena, &list->list.items[i]);
}

static void http_get_default(struct arena *arena, struct value *handler) {
    struct value *get = value_find_mutable(handler, "httpGet");
    if (!value_is(get, VALUE_MAP))
        return;
    text_default(arena, get, "path", "/");
    text_default(arena, get, "scheme", "HTTP");
}

static void probe_default(struct arena *arena, struct value *container, const char *key) {
    struct value *probe = value_find_mutable(container, key);
    if (!value_is(probe, VALUE_MAP))
        return;
    http_get_default(arena, probe);
    struct value *grpc = value_find_mutable(probe, "grpc");
    if (value_is(grpc, VALUE_MAP) && !value_find(grpc, "service"))
        (void)value_set(arena, grpc, "service", value_of_text(""));
    integer_default(arena, probe, "timeoutSeconds", 1);
    integer_default(arena, probe, "periodSeconds", 10);
    integer_default(arena, probe, "successThreshold", 1);
    integer_default(arena, probe, "failureThreshold", 3);
}

static void port_default(struct arena *arena, struct value *port) {
    text_default(arena, port, "protocol", "TCP");
}

static void field_ref_default(struct arena *arena, struct value *source) {
    struct value *reference = value_find_mutable(source, "fieldRef");
    if (value_is(reference, VALUE_MAP))
        text_default(arena, reference, "apiVersion", "v1");
    struct value *resource = value_find_mutable(source, "resourceFieldRef");
    if (value_is(resource, VALUE_MAP))
        text_default(arena, resource, "divisor", "0");
}

static void environment_default(struct arena *arena, struct value *variable) {
    struct value *from = value_find_mutable(variable, "valueFrom");
    if (value_is(from, VALUE_MAP))
        field_ref_default(arena, from);
}

static const char *pull_policy(const char *image) {
    const char *slash = image ? strrchr(image, '/') : NULL;
    const char *name = slash ? slash + 1 : image;
    if (!name || strchr(name, '@'))
        return "IfNotPresent";
    const char *tag = strchr(name, ':');
    return !tag || text_equal(tag, ":latest") ? "Always" : "IfNotPresent";
}

static void container_default(struct arena *arena, struct value *container) {
    text_default(arena, container, "imagePullPolicy", pull_policy(value_text_at(container, "image")));
    text_default(arena, container, "terminationMessagePath", "/dev/termination-log");
    text_default(arena, container, "terminationMessagePolicy", "File");
    (void)map_default(arena, container, "resources");
    each_item(arena, container, "ports", port_default);
    each_item(arena, container, "env", environment_default);
    probe_default(arena, container, "livenessProbe");
    probe_default(arena, container, "readinessProbe");
    probe_default(arena, container, "startupProbe");
    struct value *lifecycle = value_find_mutable(container, "lifecycle");
    static const char *const hooks[] = {"postStart", "preStop", NULL};
    for (size_t i = 0; value_is(lifecycle, VALUE_MAP) && hooks[i]; i++) {
        struct value *handler = value_find_mutable(lifecycle, hooks[i]);
        if (value_is(handler, VALUE_MAP))
            http_get_default(arena, handler);
    }
}

enum { MODE_FILE = 420 }; /* 0644 */

static void mode_default(struct arena *arena, struct value *volume, const char *key) {
    struct value *source = value_find_mutable(volume, key);
    if (value_is(source, VALUE_MAP))
        integer_default(arena, source, "defaultMode", MODE_FILE);
}

static void projection_default(struct arena *arena, struct value *projection) {
    struct value *token = value_find_mutable(projection, "serviceAccountToken");
    if (value_is(token, VALUE_MAP))
        integer_default(arena, token, "expirationSeconds", 3600);
    struct value *downward = value_find_mutable(projection, "downwardAPI");
    if (value_is(downward, VALUE_MAP))
        each_item(arena, downward, "items", field_ref_default);
}

static void volume_default(struct arena *arena, struct value *volume) {
    static const char *const with_mode[] = {"configMap", "secret", "downwardAPI", "projected", NULL};
    for (size_t i = 0; with_mode[i]; i++)
        mode_default(arena, volume, with_mode[i]);
    struct value *downward = value_find_mutable(volume, "downwardAPI");
    if (value_is(downward, VALUE_MAP))
        each_item(arena, downward, "items", field_ref_default);
    struct value *projected = value_find_mutable(volume, "projected");
    if (value_is(projected, VALUE_MAP))
        each_item(arena, projected, "sources", projection_default);
    struct value *host_path = value_find_mutable(volume, "hostPath");
    if (value_is(host_path, VALUE_MAP) && !value_find(host_path, "type"))
        (void)value_set(arena, host_path, "type", value_of_text(""));
    if (volume->map.count == 1)
        (void)value_set(arena, volume, "emptyDir", value_of_map());
}

static void pod_spec_default(struct arena *arena, struct value *spec) {
    text_default(arena, spec, "restartPolicy", "Always");
    text_default(arena, spec, "dnsPolicy", "ClusterFirst");
    text_default(arena, spec, "schedulerName", "default-scheduler");
    integer_default(arena, spec, "terminationGracePeriodSeconds", 30);
    (void)map_default(arena, spec, "securityContext");
    /* serviceAccount is the deprecated name of serviceAccountName and is kept equal. */
    const char *account = value_text_at(spec, "serviceAccountName");
    const char *old_account = value_text_at(spec, "serviceAccount");
    if (account)
        (void)value_set(arena, spec, "serviceAccount", value_of_text(account));
    else if (old_account)
        (void)value_set(arena, spec, "serviceAccountName", value_of_text(old_account));
    each_item(arena, spec, "containers", container_default);
    each_item(arena, spec, "initContainers", container_default);
    each_item(arena, spec, "volumes", volume_default);
}

static void template_default(struct arena *arena, struct value *spec) {
    struct value *template = map_default(arena, spec, "template");
    (void)map_default(arena, template, "metadata");
    pod_spec_default(arena, map_default(arena, template, "spec"));
}

static void deployment_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    integer_default(arena, spec, "replicas", 1);
    integer_default(arena, spec, "revisionHistoryLimit", 10);
    integer_default(arena, spec, "progressDeadlineSeconds", 600);
    struct value *strategy = map_default(arena, spec, "strategy");
    text_default(arena, strategy, "type", "RollingUpdate");
    if (text_equal(value_text_at(strategy, "type"), "RollingUpdate")) {
        struct value *rolling = map_default(arena, strategy, "rollingUpdate");
        text_default(arena, rolling, "maxSurge", "25%");
        text_default(arena, rolling, "maxUnavailable", "25%");
    }
    template_default(arena, spec);
}

static void stateful_set_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    integer_default(arena, spec, "replicas", 1);
    integer_default(arena, spec, "revisionHistoryLimit", 10);
    text_default(arena, spec, "podManagementPolicy", "OrderedReady");
    struct value *strategy = map_default(arena, spec, "updateStrategy");
    text_default(arena, strategy, "type", "RollingUpdate");
    if (text_equal(value_text_at(strategy, "type"), "RollingUpdate"))
        integer_default(arena, map_default(arena, strategy, "rollingUpdate"), "partition", 0);
    struct value *retention = map_default(arena, spec, "persistentVolumeClaimRetentionPolicy");
    text_default(arena, retention, "whenDeleted", "Retain");
    text_default(arena, retention, "whenScaled", "Retain");
    template_default(arena, spec);
    struct value *claims = value_find_mutable(spec, "volumeClaimTemplates");
    for (size_t i = 0; value_is(claims, VALUE_LIST) && i < claims->list.count; i++) {
        struct value *claim = &claims->list.items[i];
        (void)value_set(arena, claim, "apiVersion", value_of_text("v1"));
        (void)value_set(arena, claim, "kind", value_of_text("PersistentVolumeClaim"));
        text_default(arena, map_default(arena, claim, "spec"), "volumeMode", "Filesystem");
        text_default(arena, map_default(arena, claim, "status"), "phase", "Pending");
    }
}

static void daemon_set_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    integer_default(arena, spec, "revisionHistoryLimit", 10);
    struct value *strategy = map_default(arena, spec, "updateStrategy");
    text_default(arena, strategy, "type", "RollingUpdate");
    if (text_equal(value_text_at(strategy, "type"), "RollingUpdate")) {
        struct value *rolling = map_default(arena, strategy, "rollingUpdate");
        integer_default(arena, rolling, "maxSurge", 0);
        integer_default(arena, rolling, "maxUnavailable", 1);
    }
    template_default(arena, spec);
    struct value *annotations = map_default(arena, map_default(arena, object, "metadata"), "annotations");
    text_default(arena, annotations, "deprecated.daemonset.template.generation", "1");
}

static void replica_set_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    integer_default(arena, spec, "replicas", 1);
    template_default(arena, spec);
}

static void job_spec_default(struct arena *arena, struct value *spec) {
    if (!value_find(spec, "completions") && !value_find(spec, "parallelism"))
        integer_default(arena, spec, "completions", 1);
    integer_default(arena, spec, "parallelism", 1);
    integer_default(arena, spec, "backoffLimit", 6);
    text_default(arena, spec, "completionMode", "NonIndexed");
    text_default(arena, spec, "podReplacementPolicy", "TerminatingOrFailed");
    boolean_default(arena, spec, "suspend", false);
    template_default(arena, spec);
}

static void cron_job_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    text_default(arena, spec, "concurrencyPolicy", "Allow");
    boolean_default(arena, spec, "suspend", false);
    integer_default(arena, spec, "successfulJobsHistoryLimit", 3);
    integer_default(arena, spec, "failedJobsHistoryLimit", 1);
    struct value *template = map_default(arena, spec, "jobTemplate");
    (void)map_default(arena, template, "metadata");
    struct value *job = map_default(arena, template, "spec");
    /* Only the template of the pods: the rest is defaulted in the Job itself. */
    template_default(arena, job);
}

static void service_port_default(struct arena *arena, struct value *port) {
    text_default(arena, port, "protocol", "TCP");
    const struct value *target = value_find(port, "targetPort");
    const struct value *own = value_find(port, "port");
    bool empty = !target || target->type == VALUE_NULL || (value_is(target, VALUE_INTEGER) && target->integer == 0);
    if (empty && own)
        (void)value_set(arena, port, "targetPort", *own);
}

static void node_ports_default(struct world *world, struct arena *arena, struct value *spec) {
    struct value *ports = value_find_mutable(spec, "ports");
    for (size_t i = 0; value_is(ports, VALUE_LIST) && i < ports->list.count; i++)
        if (value_integer(value_find(&ports->list.items[i], "nodePort"), 0) == 0)
            (void)value_set(arena, &ports->list.items[i], "nodePort", value_of_integer(30000 + (int64_t)(++world->counter % 2768)));
}

/* EKS gives services 10.100.0.0/16 unless the VPC uses it; ".0.1" is the Service kubernetes. */
static const char *service_address(struct world *world, const char *cluster, struct arena *arena) {
    struct value *state = kubernetes_cluster_state(world, cluster);
    int64_t next = value_integer(value_find(state, "nextAddress"), 1);
    (void)value_set(world->arena, state, "nextAddress", value_of_integer(next + 1));
    return arena_text(arena, "10.100.%lld.%lld", (long long)(next / 250 % 256), (long long)(next % 250 + (next < 250 ? 0 : 1)));
}

static void keep_from_live(struct arena *arena, struct value *spec, const struct value *live, const char *key) {
    const struct value *before = value_find(value_find(live, "spec"), key);
    if (before && text_is_empty(value_text_at(spec, key)) && !value_is(value_find(spec, key), VALUE_LIST))
        (void)value_set(arena, spec, key, value_copy(arena, before));
}

static void secret_default(struct arena *arena, struct value *object) {
    text_default(arena, object, "type", "Opaque");
}

static void claim_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    text_default(arena, spec, "volumeMode", "Filesystem");
    text_default(arena, map_default(arena, object, "status"), "phase", "Pending");
}

static void subject_default(struct arena *arena, struct value *subject) {
    const char *kind = value_text_at(subject, "kind");
    if (text_equal(kind, "User") || text_equal(kind, "Group"))
        text_default(arena, subject, "apiGroup", "rbac.authorization.k8s.io");
}

static void binding_default(struct arena *arena, struct value *object) {
    text_default(arena, map_default(arena, object, "roleRef"), "apiGroup", "rbac.authorization.k8s.io");
    each_item(arena, object, "subjects", subject_default);
}

static void autoscaler_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    integer_default(arena, spec, "minReplicas", 1);
    if (value_find(spec, "metrics"))
        return;
    struct value *metrics = value_set(arena, spec, "metrics", value_of_list());
    struct value metric = value_of_map();
    (void)value_set_at(arena, &metric, "type", value_of_text("Resource"));
    (void)value_set_at(arena, &metric, "resource.name", value_of_text("cpu"));
    (void)value_set_at(arena, &metric, "resource.target.type", value_of_text("Utilization"));
    (void)value_set_at(arena, &metric, "resource.target.averageUtilization", value_of_integer(80));
    (void)value_append(arena, metrics, metric);
}

static void network_port_default(struct arena *arena, struct value *port) {
    text_default(arena, port, "protocol", "TCP");
}

static void network_rule_default(struct arena *arena, struct value *rule) {
    each_item(arena, rule, "ports", network_port_default);
}

static void network_policy_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    each_item(arena, spec, "ingress", network_rule_default);
    each_item(arena, spec, "egress", network_rule_default);
    if (value_find(spec, "policyTypes"))
        return;
    struct value *types = value_set(arena, spec, "policyTypes", value_of_list());
    (void)value_append(arena, types, value_of_text("Ingress"));
    if (value_count(value_find(spec, "egress")) > 0)
        (void)value_append(arena, value_find_mutable(spec, "policyTypes"), value_of_text("Egress"));
}

static void storage_class_default(struct arena *arena, struct value *object) {
    text_default(arena, object, "reclaimPolicy", "Delete");
    text_default(arena, object, "volumeBindingMode", "Immediate");
}

static void priority_class_default(struct arena *arena, struct value *object) {
    text_default(arena, object, "preemptionPolicy", "PreemptLowerPriority");
}

static void webhook_rule_default(struct arena *arena, struct value *rule) {
    text_default(arena, rule, "scope", "*");
}

static void webhook_default(struct arena *arena, struct value *webhook) {
    text_default(arena, webhook, "failurePolicy", "Fail");
    text_default(arena, webhook, "matchPolicy", "Equivalent");
    (void)map_default(arena, webhook, "namespaceSelector");
    (void)map_default(arena, webhook, "objectSelector");
    integer_default(arena, webhook, "timeoutSeconds", 10);
    struct value *service = value_is(value_find(webhook, "clientConfig"), VALUE_MAP)
                                ? value_find_mutable(value_find_mutable(webhook, "clientConfig"), "service")
                                : NULL;
    if (value_is(service, VALUE_MAP))
        integer_default(arena, service, "port", 443);
    each_item(arena, webhook, "rules", webhook_rule_default);
}

static void mutating_webhook_default(struct arena *arena, struct value *webhook) {
    webhook_default(arena, webhook);
    text_default(arena, webhook, "reinvocationPolicy", "Never");
}

static void mutating_default(struct arena *arena, struct value *object) {
    each_item(arena, object, "webhooks", mutating_webhook_default);
}

static void validating_default(struct arena *arena, struct value *object) {
    each_item(arena, object, "webhooks", webhook_default);
}

static void definition_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    text_default(arena, map_default(arena, spec, "conversion"), "strategy", "None");
    struct value *names = map_default(arena, spec, "names");
    const char *kind = value_text_at(names, "kind");
    if (!kind)
        return;
    text_default(arena, names, "listKind", arena_text(arena, "%sList", kind));
    if (value_find(names, "singular"))
        return;
    char *singular = arena_copy(arena, kind, strlen(kind));
    for (char *at = singular; *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    (void)value_set(arena, names, "singular", value_of_text(singular));
}

static void job_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    job_spec_default(arena, spec);
    boolean_default(arena, spec, "manualSelector", false);
}

static void service_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    text_default(arena, spec, "type", "ClusterIP");
    text_default(arena, spec, "sessionAffinity", "None");
    const char *type = value_text_at(spec, "type");
    each_item(arena, spec, "ports", service_port_default);
    if (text_equal(type, "ExternalName"))
        return;
    text_default(arena, spec, "internalTrafficPolicy", "Cluster");
    if (text_equal(type, "LoadBalancer") || text_equal(type, "NodePort"))
        text_default(arena, spec, "externalTrafficPolicy", "Cluster");
    if (text_equal(type, "LoadBalancer"))
        boolean_default(arena, spec, "allocateLoadBalancerNodePorts", true);
}

static void namespace_default(struct arena *arena, struct value *object) {
    struct value *metadata = map_default(arena, object, "metadata");
    const char *name = value_text_at(metadata, "name");
    struct value *labels = map_default(arena, metadata, "labels");
    (void)value_set(arena, labels, "kubernetes.io/metadata.name", value_of_text(name ? name : ""));
    (void)map_default(arena, object, "spec");
}

/* A request that is not given is the limit. */
static void resources_default(struct arena *arena, struct value *container) {
    struct value *resources = map_default(arena, container, "resources");
    const struct value *limits = value_find(resources, "limits");
    for (size_t i = 0; i < value_count(limits); i++) {
        const struct member *limit = &limits->map.members[i];
        struct value *requests = map_default(arena, resources, "requests");
        if (!value_find(requests, limit->key))
            (void)value_set(arena, requests, limit->key, limit->value);
        limits = value_find(resources, "limits");
    }
}

static void pod_default(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    pod_spec_default(arena, spec);
    each_item(arena, spec, "containers", resources_default);
    each_item(arena, spec, "initContainers", resources_default);
    boolean_default(arena, spec, "enableServiceLinks", true);
}

/* --- What strategies and admission set behind the field managers' back: nobody owns it. */

/* The job strategy makes the selector and the pods' labels from the uid (pkg/registry/batch/job/strategy.go, generateSelector). */
static void job_allocate(struct arena *arena, const struct value *live, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    const char *uid = value_text_at(object, "metadata.uid");
    const char *name = value_text_at(object, "metadata.name");
    if (value_boolean(value_find(spec, "manualSelector"), false) || !uid || !name)
        return;
    struct value *labels = map_default(arena, map_default(arena, map_default(arena, spec, "template"), "metadata"), "labels");
    text_default(arena, labels, "batch.kubernetes.io/controller-uid", uid);
    text_default(arena, labels, "batch.kubernetes.io/job-name", name);
    text_default(arena, labels, "controller-uid", uid);
    text_default(arena, labels, "job-name", name);
    struct value copied = value_copy(arena, labels);
    struct value *selector = map_default(arena, map_default(arena, spec, "selector"), "matchLabels");
    text_default(arena, selector, "batch.kubernetes.io/controller-uid", uid);
    if (!live && value_count(value_at(object, "metadata.labels")) == 0)
        (void)value_set_at(arena, object, "metadata.labels", copied);
}

static void service_allocate(struct world *world, const char *cluster, struct arena *arena, const struct value *live,
                             struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    const char *type = value_text_at(spec, "type");
    if (text_equal(type, "ExternalName"))
        return;
    keep_from_live(arena, spec, live, "clusterIP");
    keep_from_live(arena, spec, live, "clusterIPs");
    if (text_is_empty(value_text_at(spec, "clusterIP")))
        (void)value_set(arena, spec, "clusterIP", value_of_text(service_address(world, cluster, arena)));
    if (!value_find(spec, "clusterIPs")) {
        struct value addresses = value_of_list();
        (void)value_append(arena, &addresses, *value_find(spec, "clusterIP"));
        (void)value_set(arena, spec, "clusterIPs", addresses);
    }
    text_default(arena, spec, "ipFamilyPolicy", "SingleStack");
    if (!value_find(spec, "ipFamilies")) {
        struct value families = value_of_list();
        (void)value_append(arena, &families, value_of_text("IPv4"));
        (void)value_set(arena, spec, "ipFamilies", families);
    }
    if (text_equal(type, "LoadBalancer") || text_equal(type, "NodePort"))
        node_ports_default(world, arena, spec);
}

static void namespace_allocate(struct arena *arena, const struct value *live, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    if (!live) {
        struct value finalizers = value_of_list();
        (void)value_append(arena, &finalizers, value_of_text("kubernetes"));
        (void)value_set(arena, spec, "finalizers", finalizers);
    } else if (!value_find(spec, "finalizers") && value_at(live, "spec.finalizers")) {
        (void)value_set(arena, spec, "finalizers", *value_at(live, "spec.finalizers"));
    }
    text_default(arena, map_default(arena, object, "status"), "phase", "Active");
}

static void pod_allocate(struct arena *arena, struct value *object) {
    struct value *spec = map_default(arena, object, "spec");
    integer_default(arena, spec, "priority", 0);
    text_default(arena, spec, "preemptionPolicy", "PreemptLowerPriority");
    text_default(arena, spec, "serviceAccountName", "default");
    text_default(arena, spec, "serviceAccount", value_text_at(spec, "serviceAccountName"));
    struct value *status = map_default(arena, object, "status");
    text_default(arena, status, "phase", "Pending");
    text_default(arena, status, "qosClass", "BestEffort");
}

/* Admission plugin StorageObjectInUseProtection. */
static void claim_protect(struct arena *arena, const struct value *live, struct value *object) {
    if (live)
        return;
    struct value finalizers = value_of_list();
    (void)value_append(arena, &finalizers, value_of_text("kubernetes.io/pvc-protection"));
    if (!value_at(object, "metadata.finalizers"))
        (void)value_set_at(arena, object, "metadata.finalizers", finalizers);
}

void kubernetes_allocate(struct world *world, const char *cluster, struct arena *arena, const struct kubernetes_kind *kind,
                         const struct value *live, struct value *object) {
    if (kind->definition)
        return;
    if (text_equal(kind->kind, "Service"))
        service_allocate(world, cluster, arena, live, object);
    else if (text_equal(kind->kind, "Namespace"))
        namespace_allocate(arena, live, object);
    else if (text_equal(kind->kind, "Job"))
        job_allocate(arena, live, object);
    else if (text_equal(kind->kind, "Pod"))
        pod_allocate(arena, object);
    else if (text_equal(kind->kind, "PersistentVolumeClaim"))
        claim_protect(arena, live, object);
}

static const struct {
    const char *kind;
    void (*fill)(struct arena *arena, struct value *object);
} fillers[] = {
    {"Deployment", deployment_default},
    {"StatefulSet", stateful_set_default},
    {"DaemonSet", daemon_set_default},
    {"ReplicaSet", replica_set_default},
    {"Job", job_default},
    {"Service", service_default},
    {"Namespace", namespace_default},
    {"CronJob", cron_job_default},
    {"Pod", pod_default},
    {"Secret", secret_default},
    {"PersistentVolumeClaim", claim_default},
    {"RoleBinding", binding_default},
    {"ClusterRoleBinding", binding_default},
    {"HorizontalPodAutoscaler", autoscaler_default},
    {"NetworkPolicy", network_policy_default},
    {"StorageClass", storage_class_default},
    {"PriorityClass", priority_class_default},
    {"MutatingWebhookConfiguration", mutating_default},
    {"ValidatingWebhookConfiguration", validating_default},
    {"CustomResourceDefinition", definition_default},
};

/* stringData is write-only: it ends up in data. */
static void fold_string_data(struct arena *arena, struct value *object) {
    const struct value *texts = value_find(object, "stringData");
    if (!value_is(texts, VALUE_MAP))
        return;
    struct value copy = *texts;
    struct value *data = map_default(arena, object, "data");
    for (size_t i = 0; i < copy.map.count; i++) {
        const char *text = value_text(&copy.map.members[i].value);
        if (text)
            (void)value_set(arena, data, copy.map.members[i].key, value_of_text(base64_encode(arena, text, strlen(text))));
    }
    (void)value_remove(object, "stringData");
}

/* Structural schemas carry their own defaults (apiextensions.k8s.io/v1). */
static void openapi_default(struct arena *arena, const struct value *schema, struct value *value) {
    const struct value *properties = value_find(schema, "properties");
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value_count(properties); i++) {
        const struct member *property = &properties->map.members[i];
        const struct value *otherwise = value_find(&property->value, "default");
        if (otherwise && !value_find(value, property->key))
            (void)value_set(arena, value, property->key, value_copy(arena, otherwise));
        struct value *below = value_find_mutable(value, property->key);
        if (below)
            openapi_default(arena, &property->value, below);
    }
    const struct value *items = value_find(schema, "items");
    for (size_t i = 0; items && value_is(value, VALUE_LIST) && i < value->list.count; i++)
        openapi_default(arena, items, &value->list.items[i]);
}

void kubernetes_default(struct arena *arena, const struct kubernetes_kind *kind, struct value *object) {
    if (kind->definition) {
        openapi_default(arena, value_at(kind->definition, "schema.openAPIV3Schema"), object);
        return;
    }
    if (text_equal(kind->kind, "Secret") && !*kind->group)
        fold_string_data(arena, object);
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++)
        if (text_equal(fillers[i].kind, kind->kind))
            fillers[i].fill(arena, object);
}
