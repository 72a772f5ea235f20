/* kubernetes_kinds.c: the kinds that a simulated API server serves, built in and by CustomResourceDefinition, and how it tells of them. */
#include "sandbox/kubernetes.h"

#include "base/json.h"

#define ROW(group, version, kind, plural, singular, shorts, categories, namespaced, status, scale, type)                                   \
    { group, version, kind, plural, singular, shorts, categories, namespaced, status, scale, false, type, NULL }
#define REVIEW(group, version, kind, plural, singular, namespaced)                                                                         \
    { group, version, kind, plural, singular, NULL, NULL, namespaced, false, false, true, NULL, NULL }

/* Kubernetes API reference, v1.36: one served version a kind, which is the stored one. */
static const struct kubernetes_kind built_in[] = {
    ROW("", "v1", "ConfigMap", "configmaps", "configmap", "cm", NULL, true, false, false, "core.v1.ConfigMap"),
    ROW("", "v1", "Endpoints", "endpoints", "endpoints", "ep", NULL, true, false, false, "core.v1.Endpoints"),
    ROW("", "v1", "Event", "events", "event", "ev", NULL, true, false, false, "core.v1.Event"),
    ROW("", "v1", "LimitRange", "limitranges", "limitrange", "limits", NULL, true, false, false, "core.v1.LimitRange"),
    ROW("", "v1", "Namespace", "namespaces", "namespace", "ns", NULL, false, true, false, "core.v1.Namespace"),
    ROW("", "v1", "Node", "nodes", "node", "no", NULL, false, true, false, "core.v1.Node"),
    ROW("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", "pvc", NULL, true, true, false,
        "core.v1.PersistentVolumeClaim"),
    ROW("", "v1", "PersistentVolume", "persistentvolumes", "persistentvolume", "pv", NULL, false, true, false, "core.v1.PersistentVolume"),
    ROW("", "v1", "Pod", "pods", "pod", "po", "all", true, true, false, "core.v1.Pod"),
    ROW("", "v1", "PodTemplate", "podtemplates", "podtemplate", NULL, NULL, true, false, false, "core.v1.PodTemplate"),
    ROW("", "v1", "ReplicationController", "replicationcontrollers", "replicationcontroller", "rc", "all", true, true, true,
        "core.v1.ReplicationController"),
    ROW("", "v1", "ResourceQuota", "resourcequotas", "resourcequota", "quota", NULL, true, true, false, "core.v1.ResourceQuota"),
    ROW("", "v1", "Secret", "secrets", "secret", NULL, NULL, true, false, false, "core.v1.Secret"),
    ROW("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", "sa", NULL, true, false, false, "core.v1.ServiceAccount"),
    ROW("", "v1", "Service", "services", "service", "svc", "all", true, true, false, "core.v1.Service"),
    ROW("apps", "v1", "ControllerRevision", "controllerrevisions", "controllerrevision", NULL, NULL, true, false, false,
        "apps.v1.ControllerRevision"),
    ROW("apps", "v1", "DaemonSet", "daemonsets", "daemonset", "ds", "all", true, true, false, "apps.v1.DaemonSet"),
    ROW("apps", "v1", "Deployment", "deployments", "deployment", "deploy", "all", true, true, true, "apps.v1.Deployment"),
    ROW("apps", "v1", "ReplicaSet", "replicasets", "replicaset", "rs", "all", true, true, true, "apps.v1.ReplicaSet"),
    ROW("apps", "v1", "StatefulSet", "statefulsets", "statefulset", "sts", "all", true, true, true, "apps.v1.StatefulSet"),
    ROW("batch", "v1", "CronJob", "cronjobs", "cronjob", "cj", "all", true, true, false, "batch.v1.CronJob"),
    ROW("batch", "v1", "Job", "jobs", "job", NULL, "all", true, true, false, "batch.v1.Job"),
    ROW("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa", "all", true, true,
        false, "autoscaling.v2.HorizontalPodAutoscaler"),
    ROW("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", "pdb", NULL, true, true, false,
        "policy.v1.PodDisruptionBudget"),
    ROW("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", "clusterrole", NULL, NULL, false, false, false,
        "rbac.v1.ClusterRole"),
    ROW("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding", NULL, NULL, false, false,
        false, "rbac.v1.ClusterRoleBinding"),
    ROW("rbac.authorization.k8s.io", "v1", "Role", "roles", "role", NULL, NULL, true, false, false, "rbac.v1.Role"),
    ROW("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", "rolebinding", NULL, NULL, true, false, false,
        "rbac.v1.RoleBinding"),
    ROW("networking.k8s.io", "v1", "IngressClass", "ingressclasses", "ingressclass", NULL, NULL, false, false, false,
        "networking.v1.IngressClass"),
    ROW("networking.k8s.io", "v1", "Ingress", "ingresses", "ingress", "ing", NULL, true, true, false, "networking.v1.Ingress"),
    ROW("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "networkpolicy", "netpol", NULL, true, false, false,
        "networking.v1.NetworkPolicy"),
    ROW("storage.k8s.io", "v1", "CSIDriver", "csidrivers", "csidriver", NULL, NULL, false, false, false, "storage.v1.CSIDriver"),
    ROW("storage.k8s.io", "v1", "CSINode", "csinodes", "csinode", NULL, NULL, false, false, false, "storage.v1.CSINode"),
    ROW("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities", "csistoragecapacity", NULL, NULL, true, false, false,
        "storage.v1.CSIStorageCapacity"),
    ROW("storage.k8s.io", "v1", "StorageClass", "storageclasses", "storageclass", "sc", NULL, false, false, false,
        "storage.v1.StorageClass"),
    ROW("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", "volumeattachment", NULL, NULL, false, true, false,
        "storage.v1.VolumeAttachment"),
    ROW("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", "customresourcedefinition", "crd,crds",
        "api-extensions", false, true, false, "apiextensions.v1.CustomResourceDefinition"),
    ROW("apiregistration.k8s.io", "v1", "APIService", "apiservices", "apiservice", NULL, "api-extensions", false, true, false,
        "apiregistration.v1.APIService"),
    ROW("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
        "mutatingwebhookconfiguration", NULL, "api-extensions", false, false, false,
        "admissionregistration.v1.MutatingWebhookConfiguration"),
    ROW("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", "validatingadmissionpolicy", NULL,
        "api-extensions", false, true, false, "admissionregistration.v1.ValidatingAdmissionPolicy"),
    ROW("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings",
        "validatingadmissionpolicybinding", NULL, "api-extensions", false, false, false,
        "admissionregistration.v1.ValidatingAdmissionPolicyBinding"),
    ROW("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
        "validatingwebhookconfiguration", NULL, "api-extensions", false, false, false,
        "admissionregistration.v1.ValidatingWebhookConfiguration"),
    ROW("coordination.k8s.io", "v1", "Lease", "leases", "lease", NULL, NULL, true, false, false, "coordination.v1.Lease"),
    ROW("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "endpointslice", NULL, NULL, true, false, false,
        "discovery.v1.EndpointSlice"),
    ROW("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "priorityclass", "pc", NULL, false, false, false,
        "scheduling.v1.PriorityClass"),
    ROW("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", "runtimeclass", NULL, NULL, false, false, false, "node.v1.RuntimeClass"),
    ROW("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", "certificatesigningrequest", "csr", NULL,
        false, true, false, "certificates.v1.CertificateSigningRequest"),
    ROW("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas", "flowschema", NULL, NULL, false, true, false,
        "flowcontrol.v1.FlowSchema"),
    ROW("flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", "prioritylevelconfiguration",
        NULL, NULL, false, true, false, "flowcontrol.v1.PriorityLevelConfiguration"),
    REVIEW("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", "tokenreview", false),
    REVIEW("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview", false),
    REVIEW("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", "selfsubjectaccessreview", false),
    REVIEW("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", "selfsubjectrulesreview", false),
    REVIEW("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", "subjectaccessreview", false),
    REVIEW("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", "localsubjectaccessreview", true),
};
enum { BUILT_IN_COUNT = sizeof built_in / sizeof *built_in };

static const char crd_group[] = "apiextensions.k8s.io";

static bool condition_is_true(const struct value *object, const char *type) {
    const struct value *conditions = value_at(object, "status.conditions");
    for (size_t i = 0; value_is(conditions, VALUE_LIST) && i < conditions->list.count; i++)
        if (text_equal(value_text_at(&conditions->list.items[i], "type"), type))
            return text_equal(value_text_at(&conditions->list.items[i], "status"), "True");
    return false;
}

static const char *joined(struct arena *arena, const struct value *list) {
    const char *text = NULL;
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++)
        text = arena_text(arena, "%s%s%s", text ? text : "", text ? "," : "", value_text(&list->list.items[i]));
    return text;
}

static struct kubernetes_kind kind_of_definition(struct arena *arena, const struct value *crd, const struct value *version) {
    struct kubernetes_kind kind = {
        .group = value_text_at(crd, "spec.group"),
        .version = value_text_at(version, "name"),
        .kind = value_text_at(crd, "spec.names.kind"),
        .plural = value_text_at(crd, "spec.names.plural"),
        .singular = value_text_at(crd, "spec.names.singular"),
        .short_names = joined(arena, value_at(crd, "spec.names.shortNames")),
        .categories = joined(arena, value_at(crd, "spec.names.categories")),
        .namespaced = text_equal(value_text_at(crd, "spec.scope"), "Namespaced"),
        .status = value_at(version, "subresources.status") != NULL,
        .scale = value_at(version, "subresources.scale") != NULL,
        .definition = version,
    };
    if (!kind.singular)
        kind.singular = kind.plural;
    return kind;
}

/* All kinds, built in first. Versions of custom kinds in the order of their definition. */
size_t kubernetes_kinds(struct world *world, const char *cluster, struct arena *arena, struct kubernetes_kind **out) {
    size_t crd_count = 0;
    const struct member *crds = kubernetes_range(world, cluster, crd_group, "customresourcedefinitions", NULL, &crd_count);
    size_t version_count = 0;
    for (size_t i = 0; i < crd_count; i++)
        version_count += value_count(value_at(&crds[i].value, "spec.versions"));
    struct kubernetes_kind *kinds = ARENA_ARRAY(arena, struct kubernetes_kind, BUILT_IN_COUNT + version_count);
    memcpy(kinds, built_in, sizeof built_in);
    size_t count = BUILT_IN_COUNT;
    for (size_t i = 0; i < crd_count; i++) {
        const struct value *versions = value_at(&crds[i].value, "spec.versions");
        if (!condition_is_true(&crds[i].value, "Established"))
            continue;
        for (size_t j = 0; j < value_count(versions); j++)
            if (value_boolean(value_find(&versions->list.items[j], "served"), false))
                kinds[count++] = kind_of_definition(arena, &crds[i].value, &versions->list.items[j]);
    }
    *out = kinds;
    return count;
}

static const struct kubernetes_kind *built_in_find(const char *group, const char *version, const char *plural) {
    for (size_t i = 0; i < BUILT_IN_COUNT; i++)
        if (text_equal(built_in[i].plural, plural) && text_equal(built_in[i].group, group) && text_equal(built_in[i].version, version))
            return &built_in[i];
    return NULL;
}

bool kubernetes_kind_find(struct world *world, const char *cluster, const char *group, const char *version, const char *plural,
                          struct kubernetes_kind *out) {
    const struct kubernetes_kind *row = built_in_find(group, version, plural);
    if (row) {
        *out = *row;
        return true;
    }
    const struct value *crd =
        kubernetes_find(world, cluster, crd_group, "customresourcedefinitions", "", arena_text(world->arena, "%s.%s", plural, group));
    const struct value *versions = value_at(crd, "spec.versions");
    if (!condition_is_true(crd, "Established"))
        return false;
    for (size_t i = 0; i < value_count(versions); i++) {
        const struct value *item = &versions->list.items[i];
        if (!text_equal(value_text_at(item, "name"), version) || !value_boolean(value_find(item, "served"), false))
            continue;
        *out = kind_of_definition(world->arena, crd, item);
        return true;
    }
    return false;
}

bool kubernetes_kind_of(struct world *world, const char *cluster, const char *group, const char *kind, struct kubernetes_kind *out) {
    for (size_t i = 0; i < BUILT_IN_COUNT; i++) {
        if (!text_equal(built_in[i].kind, kind) || !text_equal(built_in[i].group, group))
            continue;
        *out = built_in[i];
        return true;
    }
    size_t count = 0;
    const struct member *crds = kubernetes_range(world, cluster, crd_group, "customresourcedefinitions", NULL, &count);
    for (size_t i = 0; i < count; i++) {
        const struct value *versions = value_at(&crds[i].value, "spec.versions");
        if (!text_equal(value_text_at(&crds[i].value, "spec.group"), group) ||
            !text_equal(value_text_at(&crds[i].value, "spec.names.kind"), kind) || value_count(versions) == 0)
            continue;
        *out = kind_of_definition(world->arena, &crds[i].value, &versions->list.items[0]);
        return true;
    }
    return false;
}

struct kubernetes_type kubernetes_kind_type(const struct kubernetes_kind *kind) {
    if (kind->type || !kind->definition)
        return kubernetes_type_named(kind->type);
    const struct value *schema = value_at(kind->definition, "schema.openAPIV3Schema");
    struct kubernetes_type type = kubernetes_type_of_openapi(schema);
    type.object = true;
    return type;
}

const char *kubernetes_api_version(struct arena *arena, const struct kubernetes_kind *kind) {
    return *kind->group ? arena_text(arena, "%s/%s", kind->group, kind->version) : kind->version;
}
