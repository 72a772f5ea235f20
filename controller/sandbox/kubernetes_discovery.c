/* kubernetes_discovery.c: /version, /api, /apis in the aggregated (KEP-3352) and the older form, and an OpenAPI index. */
#include "sandbox/kubernetes.h"

#include "base/json.h"

struct discovery {
    struct world *world;
    const char *cluster;
    struct arena *arena;
    struct kubernetes_kind *kinds;
    size_t count;
};

static void set_text(struct discovery *discovery, struct value *map, const char *key, const char *text) {
    (void)value_set(discovery->arena, map, key, value_of_text(text));
}

static struct value texts(struct discovery *discovery, const char *commas) {
    struct value list = value_of_list();
    for (const char *at = commas; at && *at;) {
        size_t length = strcspn(at, ",");
        (void)value_append(discovery->arena, &list, value_of_text(arena_copy(discovery->arena, at, length)));
        at += length + (at[length] == ',' ? 1 : 0);
    }
    return list;
}

static const char *verbs_of(const struct kubernetes_kind *kind) {
    return kind->create_only ? "create" : "create,delete,deletecollection,get,list,patch,update,watch";
}

static struct value response_kind(struct discovery *discovery, const char *group, const char *version, const char *kind) {
    struct value result = value_of_map();
    set_text(discovery, &result, "group", group);
    set_text(discovery, &result, "version", version);
    set_text(discovery, &result, "kind", kind);
    return result;
}

static void subresource_add(struct discovery *discovery, struct value *list, const char *name, struct value kind, const char *verbs) {
    struct value item = value_of_map();
    set_text(discovery, &item, "subresource", name);
    (void)value_set(discovery->arena, &item, "responseKind", kind);
    (void)value_set(discovery->arena, &item, "verbs", texts(discovery, verbs));
    (void)value_append(discovery->arena, list, item);
}

static struct value resource_aggregated(struct discovery *discovery, const struct kubernetes_kind *kind) {
    struct value item = value_of_map();
    struct value own = response_kind(discovery, kind->group, kind->version, kind->kind);
    set_text(discovery, &item, "resource", kind->plural);
    (void)value_set(discovery->arena, &item, "responseKind", own);
    set_text(discovery, &item, "scope", kind->namespaced ? "Namespaced" : "Cluster");
    set_text(discovery, &item, "singularResource", kind->singular);
    (void)value_set(discovery->arena, &item, "verbs", texts(discovery, verbs_of(kind)));
    if (kind->short_names)
        (void)value_set(discovery->arena, &item, "shortNames", texts(discovery, kind->short_names));
    if (kind->categories)
        (void)value_set(discovery->arena, &item, "categories", texts(discovery, kind->categories));
    struct value subresources = value_of_list();
    if (kind->scale)
        subresource_add(discovery, &subresources, "scale", response_kind(discovery, "autoscaling", "v1", "Scale"), "get,patch,update");
    if (kind->status)
        subresource_add(discovery, &subresources, "status", own, "get,patch,update");
    if (text_equal(kind->plural, "pods") && !*kind->group)
        subresource_add(discovery, &subresources, "eviction", response_kind(discovery, "policy", "v1", "Eviction"), "create");
    if (value_count(&subresources) > 0)
        (void)value_set(discovery->arena, &item, "subresources", subresources);
    return item;
}

static bool same_version(const struct kubernetes_kind *one, const char *group, const char *version) {
    return text_equal(one->group, group) && text_equal(one->version, version);
}

/* "v1" before "v2beta1" before "v1alpha1": k8s.io/apimachinery version.CompareKubeAwareVersionStrings. */
static int64_t version_rank(const char *version) {
    int64_t major = 0;
    int64_t stage = 2;
    int64_t minor = 0;
    const char *at = version + (*version == 'v' ? 1 : 0);
    for (; *at >= '0' && *at <= '9' && major < 1000; at++)
        major = major * 10 + (*at - '0');
    if (text_starts(at, "beta"))
        stage = 1;
    else if (text_starts(at, "alpha"))
        stage = 0;
    for (; *at && !(*at >= '0' && *at <= '9'); at++)
        continue;
    for (; *at >= '0' && *at <= '9' && minor < 1000; at++)
        minor = minor * 10 + (*at - '0');
    return stage * 10000000 + major * 10000 + minor;
}

/* Versions of a group, best first. */
static size_t versions_of(const struct discovery *discovery, const char *group, const char ***out) {
    const char **versions = ARENA_ARRAY(discovery->arena, const char *, discovery->count);
    size_t count = 0;
    for (size_t i = 0; i < discovery->count; i++) {
        const char *version = discovery->kinds[i].version;
        bool seen = !text_equal(discovery->kinds[i].group, group);
        for (size_t j = 0; j < count; j++)
            seen = seen || text_equal(versions[j], version);
        if (seen)
            continue;
        size_t at = count++;
        for (; at > 0 && version_rank(versions[at - 1]) < version_rank(version); at--)
            versions[at] = versions[at - 1];
        versions[at] = version;
    }
    *out = versions;
    return count;
}

static size_t groups_of(const struct discovery *discovery, const char ***out) {
    const char **groups = ARENA_ARRAY(discovery->arena, const char *, discovery->count);
    size_t count = 0;
    for (size_t i = 0; i < discovery->count; i++) {
        bool seen = !*discovery->kinds[i].group;
        for (size_t j = 0; j < count; j++)
            seen = seen || text_equal(groups[j], discovery->kinds[i].group);
        if (!seen)
            groups[count++] = discovery->kinds[i].group;
    }
    *out = groups;
    return count;
}

static struct value group_aggregated(struct discovery *discovery, const char *group) {
    struct value item = value_of_map();
    struct value metadata = value_of_map();
    struct value versions = value_of_list();
    const char **names = NULL;
    size_t count = versions_of(discovery, group, &names);
    if (*group)
        set_text(discovery, &metadata, "name", group);
    (void)value_set(discovery->arena, &metadata, "creationTimestamp", value_null());
    for (size_t v = 0; v < count; v++) {
        struct value version = value_of_map();
        struct value resources = value_of_list();
        for (size_t i = 0; i < discovery->count; i++)
            if (same_version(&discovery->kinds[i], group, names[v]))
                (void)value_append(discovery->arena, &resources, resource_aggregated(discovery, &discovery->kinds[i]));
        set_text(discovery, &version, "version", names[v]);
        set_text(discovery, &version, "freshness", "Current");
        (void)value_set(discovery->arena, &version, "resources", resources);
        (void)value_append(discovery->arena, &versions, version);
    }
    (void)value_set(discovery->arena, &item, "metadata", metadata);
    (void)value_set(discovery->arena, &item, "versions", versions);
    return item;
}

static struct value kind_value(struct discovery *discovery, const char *kind, const char *api_version) {
    struct value result = value_of_map();
    set_text(discovery, &result, "kind", kind);
    if (api_version)
        set_text(discovery, &result, "apiVersion", api_version);
    return result;
}

static void answer_aggregated(struct discovery *discovery, bool core, struct http_exchange *exchange) {
    struct value list = kind_value(discovery, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2");
    struct value items = value_of_list();
    const char **groups = NULL;
    size_t count = groups_of(discovery, &groups);
    if (core)
        (void)value_append(discovery->arena, &items, group_aggregated(discovery, ""));
    for (size_t i = 0; !core && i < count; i++)
        (void)value_append(discovery->arena, &items, group_aggregated(discovery, groups[i]));
    (void)value_set(discovery->arena, &list, "metadata", value_of_map());
    (void)value_set(discovery->arena, &list, "items", items);
    const char *json = json_text(discovery->arena, &list);
    world_respond(exchange, 200, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", json, strlen(json));
}

static struct value group_value(struct discovery *discovery, const char *group) {
    const char **names = NULL;
    size_t count = versions_of(discovery, group, &names);
    struct value result = value_of_map();
    struct value versions = value_of_list();
    set_text(discovery, &result, "name", group);
    for (size_t i = 0; i < count; i++) {
        struct value version = value_of_map();
        set_text(discovery, &version, "groupVersion", arena_text(discovery->arena, "%s/%s", group, names[i]));
        set_text(discovery, &version, "version", names[i]);
        if (i == 0)
            (void)value_set(discovery->arena, &result, "preferredVersion", version);
        (void)value_append(discovery->arena, &versions, version);
    }
    (void)value_set(discovery->arena, &result, "versions", versions);
    return result;
}

static void resource_add(struct discovery *discovery, struct value *list, const struct kubernetes_kind *kind, const char *subresource,
                         const char *verbs) {
    struct value item = value_of_map();
    const char *name = subresource ? arena_text(discovery->arena, "%s/%s", kind->plural, subresource) : kind->plural;
    bool scale = text_equal(subresource, "scale");
    set_text(discovery, &item, "name", name);
    set_text(discovery, &item, "singularName", subresource ? "" : kind->singular);
    (void)value_set(discovery->arena, &item, "namespaced", value_of_boolean(kind->namespaced));
    set_text(discovery, &item, "kind", scale ? "Scale" : kind->kind);
    if (scale) {
        set_text(discovery, &item, "group", "autoscaling");
        set_text(discovery, &item, "version", "v1");
    }
    (void)value_set(discovery->arena, &item, "verbs", texts(discovery, verbs));
    if (!subresource && kind->short_names)
        (void)value_set(discovery->arena, &item, "shortNames", texts(discovery, kind->short_names));
    if (!subresource && kind->categories)
        (void)value_set(discovery->arena, &item, "categories", texts(discovery, kind->categories));
    (void)value_append(discovery->arena, list, item);
}

static bool answer_resources(struct discovery *discovery, const char *group, const char *version, struct http_exchange *exchange) {
    struct value list = kind_value(discovery, "APIResourceList", "v1");
    struct value resources = value_of_list();
    for (size_t i = 0; i < discovery->count; i++) {
        const struct kubernetes_kind *kind = &discovery->kinds[i];
        if (!same_version(kind, group, version))
            continue;
        resource_add(discovery, &resources, kind, NULL, verbs_of(kind));
        if (kind->scale)
            resource_add(discovery, &resources, kind, "scale", "get,patch,update");
        if (kind->status)
            resource_add(discovery, &resources, kind, "status", "get,patch,update");
    }
    if (value_count(&resources) == 0)
        return false;
    set_text(discovery, &list, "groupVersion", *group ? arena_text(discovery->arena, "%s/%s", group, version) : version);
    (void)value_set(discovery->arena, &list, "resources", resources);
    world_respond_json(exchange, 200, &list);
    return true;
}

static void answer_core_versions(struct discovery *discovery, struct http_exchange *exchange) {
    struct value list = kind_value(discovery, "APIVersions", NULL);
    (void)value_set(discovery->arena, &list, "versions", texts(discovery, "v1"));
    (void)value_set(discovery->arena, &list, "serverAddressByClientCIDRs", value_of_list());
    world_respond_json(exchange, 200, &list);
}

static void answer_groups(struct discovery *discovery, struct http_exchange *exchange) {
    struct value list = kind_value(discovery, "APIGroupList", "v1");
    struct value items = value_of_list();
    const char **groups = NULL;
    size_t count = groups_of(discovery, &groups);
    for (size_t i = 0; i < count; i++)
        (void)value_append(discovery->arena, &items, group_value(discovery, groups[i]));
    (void)value_set(discovery->arena, &list, "groups", items);
    world_respond_json(exchange, 200, &list);
}

/* The version of the cluster in EKS's form; the minor version comes from the control plane where it is known. */
static void answer_version(struct discovery *discovery, struct http_exchange *exchange) {
    const struct value *state = kubernetes_cluster_state(discovery->world, discovery->cluster);
    const char *version = value_text_at(state, "version");
    struct value answer = value_of_map();
    const char *minor = version && text_starts(version, "1.") ? version + 2 : "36";
    set_text(discovery, &answer, "major", "1");
    set_text(discovery, &answer, "minor", arena_text(discovery->arena, "%s+", minor));
    set_text(discovery, &answer, "gitVersion", arena_text(discovery->arena, "v1.%s.3-eks-0000000", minor));
    set_text(discovery, &answer, "gitCommit", "0000000000000000000000000000000000000000");
    set_text(discovery, &answer, "gitTreeState", "clean");
    set_text(discovery, &answer, "buildDate", "2026-01-01T00:00:00Z");
    set_text(discovery, &answer, "goVersion", "go1.25.0");
    set_text(discovery, &answer, "compiler", "gc");
    set_text(discovery, &answer, "platform", "linux/amd64");
    world_respond_json(exchange, 200, &answer);
}

static const char *group_path(struct arena *arena, const char *group, const char *version) {
    return *group ? arena_text(arena, "apis/%s/%s", group, version) : arena_text(arena, "api/%s", version);
}

static void answer_openapi_index(struct discovery *discovery, struct http_exchange *exchange) {
    struct value index = value_of_map();
    struct value paths = value_of_map();
    for (size_t i = 0; i < discovery->count; i++) {
        const char *path = group_path(discovery->arena, discovery->kinds[i].group, discovery->kinds[i].version);
        struct value item = value_of_map();
        set_text(discovery, &item, "serverRelativeURL", arena_text(discovery->arena, "/openapi/v3/%s", path));
        (void)value_set(discovery->arena, &paths, path, item);
    }
    (void)value_set(discovery->arena, &index, "paths", paths);
    world_respond_json(exchange, 200, &index);
}

/* Enough for kubectl to learn that the server validates fields itself (KEP-2885): each kind's PATCH with its fieldValidation parameter. */
static bool answer_openapi(struct discovery *discovery, const char *group, const char *version, struct http_exchange *exchange) {
    struct value parameter = value_of_map();
    set_text(discovery, &parameter, "name", "fieldValidation");
    set_text(discovery, &parameter, "in", "query");
    (void)value_set_at(discovery->arena, &parameter, "schema.type", value_of_text("string"));
    struct value parameters = value_of_list();
    (void)value_append(discovery->arena, &parameters, parameter);
    struct value paths = value_of_map();
    for (size_t i = 0; i < discovery->count; i++) {
        const struct kubernetes_kind *kind = &discovery->kinds[i];
        if (!same_version(kind, group, version) || kind->create_only)
            continue;
        struct value operation = value_of_map();
        (void)value_set(discovery->arena, &operation, "parameters", parameters);
        (void)value_set(discovery->arena, &operation, "responses", value_of_map());
        (void)value_set(discovery->arena, &operation, "x-kubernetes-action", value_of_text("patch"));
        (void)value_set(discovery->arena, &operation, "x-kubernetes-group-version-kind",
                        response_kind(discovery, group, version, kind->kind));
        struct value item = value_of_map();
        (void)value_set(discovery->arena, &item, "patch", operation);
        const char *path = arena_text(discovery->arena, "/%s/%s%s/{name}", group_path(discovery->arena, group, version),
                                      kind->namespaced ? "namespaces/{namespace}/" : "", kind->plural);
        (void)value_set(discovery->arena, &paths, path, item);
    }
    if (value_count(&paths) == 0)
        return false;
    struct value document = value_of_map();
    set_text(discovery, &document, "openapi", "3.0.0");
    (void)value_set_at(discovery->arena, &document, "info.title", value_of_text("Kubernetes"));
    (void)value_set_at(discovery->arena, &document, "info.version", value_of_text("v1.36.3"));
    (void)value_set(discovery->arena, &document, "paths", paths);
    world_respond_json(exchange, 200, &document);
    return true;
}

static bool discover_openapi(struct discovery *discovery, char *const *parts, size_t count, struct http_exchange *exchange) {
    if (count < 2 || !text_equal(parts[1], "v3"))
        return false;
    if (count == 2) {
        answer_openapi_index(discovery, exchange);
        return true;
    }
    if (count == 4 && text_equal(parts[2], "api"))
        return answer_openapi(discovery, "", parts[3], exchange);
    return count == 5 && text_equal(parts[2], "apis") && answer_openapi(discovery, parts[3], parts[4], exchange);
}

bool kubernetes_discovery(struct world *world, const char *cluster, char *const *parts, size_t count, struct http_exchange *exchange) {
    struct discovery discovery = {.world = world, .cluster = cluster, .arena = exchange->arena};
    const char *accept = world_header(exchange, "accept");
    bool aggregated = accept && strstr(accept, "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    const char *first = count > 0 ? parts[0] : "";
    if (text_equal(first, "version") && count == 1) {
        answer_version(&discovery, exchange);
        return true;
    }
    discovery.count = kubernetes_kinds(world, cluster, exchange->arena, &discovery.kinds);
    if (text_equal(first, "openapi"))
        return discover_openapi(&discovery, parts, count, exchange);
    bool core = text_equal(first, "api");
    if ((!core && !text_equal(first, "apis")) || count > 3)
        return false;
    if (count == 1 && aggregated)
        answer_aggregated(&discovery, core, exchange);
    else if (count == 1 && core)
        answer_core_versions(&discovery, exchange);
    else if (count == 1)
        answer_groups(&discovery, exchange);
    else if (count == 2 && core)
        return answer_resources(&discovery, "", parts[1], exchange);
    else if (count == 2) {
        struct value group = group_value(&discovery, parts[1]);
        if (value_count(value_find(&group, "versions")) == 0)
            return false;
        set_text(&discovery, &group, "kind", "APIGroup");
        set_text(&discovery, &group, "apiVersion", "v1");
        world_respond_json(exchange, 200, &group);
    } else
        return !core && answer_resources(&discovery, parts[1], parts[2], exchange);
    return true;
}
