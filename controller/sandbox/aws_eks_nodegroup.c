#include "base/hash.h"
#include "base/text.h"
#include "sandbox/eks.h"

enum { NODEGROUPS_MOST = 30, NODES_MOST = 450 };

static int64_t size_of(const struct value *object, const char *path, int64_t fallback) {
    return value_integer(value_at(object, path), fallback);
}

void eks_nodes_set(struct world *world, const struct value *cluster, const char *name, const struct value *record, bool gone) {
    const char *kubernetes = value_text_at(cluster, "kubernetes");
    const struct value *object = value_find(record, "object");
    bool runs = !gone && !text_equal(eks_status(record), "CREATE_FAILED") && !text_equal(eks_status(record), "CREATING");
    int64_t count = size_of(object, "scalingConfig.desiredSize", 0);
    int64_t most = eks_quota(world, "nodes", NODES_MOST);
    if (count < 0 || count > most || !runs)
        count = runs && count > 0 ? most : 0;
    if (kubernetes == NULL)
        kubernetes = value_text_at(cluster, "object.name");
    if (kubernetes != NULL)
        kubernetes_nodes_set(world, kubernetes, name, (unsigned)count, value_find(object, "labels"), value_find(object, "taints"));
}

static bool sizes_check(struct eks_call *call, int64_t least, int64_t desired, int64_t most) {
    if (least > desired)
        return eks_refuse(call, "InvalidParameterException", "Minimum capacity %lld can't be greater than desired size %lld",
                          (long long)least, (long long)desired);
    if (desired > most)
        return eks_refuse(call, "InvalidParameterException", "desired capacity %lld can't be greater than max size %lld",
                          (long long)desired, (long long)most);
    if (most < 1 || least < 0)
        return eks_refuse(call, "InvalidParameterException", "Scaling config is out of range");
    int64_t quota = eks_quota(call->world, "nodes", NODES_MOST);
    if (most > quota)
        return eks_refuse(call, "ResourceLimitExceededException", "Nodes per managed node group limit exceeded: %lld", (long long)quota);
    return true;
}

static bool create_sizes_check(struct eks_call *call) {
    const struct value *scaling = value_find(call->body, "scalingConfig");
    int named =
        (value_find(scaling, "minSize") != NULL) + (value_find(scaling, "maxSize") != NULL) + (value_find(scaling, "desiredSize") != NULL);
    if (named == 0)
        return true;
    if (named != 3)
        return eks_refuse(call, "InvalidParameterException", "Scaling config must have all of minSize, maxSize and desiredSize, or none");
    return sizes_check(call, size_of(scaling, "minSize", 0), size_of(scaling, "desiredSize", 0), size_of(scaling, "maxSize", 0));
}

static bool template_check(struct eks_call *call) {
    const struct value *template = value_find(call->body, "launchTemplate");
    if (template == NULL)
        return true;
    if ((value_find(template, "id") != NULL) == (value_find(template, "name") != NULL))
        return eks_refuse(call, "InvalidParameterException", "Exactly one of launch template id and name must be specified");
    if (value_find(call->body, "diskSize") != NULL)
        return eks_refuse(call, "InvalidParameterException", "Disk size must be specified within the launch template.");
    if (value_find(call->body, "remoteAccess") != NULL)
        return eks_refuse(call, "InvalidParameterException", "Remote access configuration cannot be specified with a launch template.");
    return true;
}

static bool create_check(struct eks_call *call, struct value *cluster, const char *name) {
    if (!eks_check_create(call))
        return false;
    call->request->nodegroup = name;
    if (value_find(value_find(cluster, "nodegroups"), name) != NULL)
        return eks_refuse(call, "ResourceInUseException", "NodeGroup already exists with name %s and cluster name %s", name,
                          call->labels[0]);
    if (!text_equal(eks_status(cluster), "ACTIVE") && !text_equal(eks_status(cluster), "UPDATING"))
        return eks_refuse(call, "InvalidRequestException", "Cluster '%s' is not in ACTIVE status", call->labels[0]);
    int64_t quota = eks_quota(call->world, "nodegroups", NODEGROUPS_MOST);
    if ((int64_t)value_count(value_find(cluster, "nodegroups")) >= quota)
        return eks_refuse(call, "ResourceLimitExceededException", "Managed node groups per cluster limit exceeded: %lld", (long long)quota);
    const char *version = value_text_at(call->body, "version");
    if (version != NULL && !text_equal(version, value_text_at(cluster, "object.version")))
        return eks_refuse(call, "InvalidParameterException", "Requested Nodegroup version %s must match cluster version %s", version,
                          value_text_at(cluster, "object.version"));
    if (!create_sizes_check(call) || !template_check(call))
        return false;
    return eks_role_check(call, value_text_at(call->body, "nodeRole"), "ec2.");
}

static void default_set(struct eks_call *call, struct value *object, const char *path, struct value value) {
    if (value_at(object, path) == NULL)
        value_set_at(call->arena, object, path, value);
}

static struct value list_of_one(struct arena *arena, struct value item) {
    struct value list = value_of_list();
    value_append(arena, &list, item);
    return list;
}

static void template_fill(struct eks_call *call, struct value *object) {
    struct arena *arena = call->arena;
    const char *id = value_text_at(object, "launchTemplate.id");
    const char *name = value_text_at(object, "launchTemplate.name");
    struct digest digest = hash_sha256(name == NULL ? "" : name, name == NULL ? 0 : strlen(name));
    if (id == NULL)
        value_set_at(arena, object, "launchTemplate.id", value_of_text(arena_text(arena, "lt-%.17s", hash_hex(arena, &digest))));
    if (name == NULL)
        value_set_at(arena, object, "launchTemplate.name", value_of_text(arena_text(arena, "template-%s", id)));
    default_set(call, object, "launchTemplate.version", value_of_text("1"));
}

static void defaults_fill(struct eks_call *call, struct value *object, const struct value *cluster) {
    struct arena *arena = call->arena;
    default_set(call, object, "scalingConfig.minSize", value_of_integer(1));
    default_set(call, object, "scalingConfig.maxSize", value_of_integer(2));
    default_set(call, object, "scalingConfig.desiredSize", value_of_integer(2));
    default_set(call, object, "version", value_of_text(value_text_at(cluster, "object.version")));
    default_set(call, object, "releaseVersion", value_of_text(version_release(arena, value_text_at(object, "version"))));
    default_set(call, object, "capacityType", value_of_text("ON_DEMAND"));
    default_set(call, object, "amiType", value_of_text("AL2023_x86_64_STANDARD"));
    default_set(call, object, "labels", value_of_map());
    default_set(call, object, "tags", value_of_map());
    if (value_at(object, "updateConfig.maxUnavailablePercentage") == NULL)
        default_set(call, object, "updateConfig.maxUnavailable", value_of_integer(1));
    if (value_find(object, "launchTemplate") != NULL) {
        template_fill(call, object);
        return;
    }
    bool windows = text_starts(value_text_at(object, "amiType"), "WINDOWS");
    default_set(call, object, "instanceTypes", list_of_one(arena, value_of_text("t3.medium")));
    default_set(call, object, "diskSize", value_of_integer(windows ? 50 : 20));
}

static struct value health_of(struct arena *arena) {
    struct value health = value_of_map();
    value_set(arena, &health, "issues", value_of_list());
    return health;
}

static struct value object_make(struct eks_call *call, const struct value *cluster, const char *name) {
    struct arena *arena = call->arena;
    const struct aws_request *request = call->request;
    struct value object = eks_object_begin(call);
    struct value group = value_of_map(), resources = value_of_map();
    const char *uuid = id_uuid(call->world, arena);
    defaults_fill(call, &object, cluster);
    value_set(arena, &object, "clusterName", value_of_text(call->labels[0]));
    value_set(arena, &object, "nodegroupName", value_of_text(name));
    value_set(arena, &object, "nodegroupArn",
              value_of_text(arena_text(arena, "arn:%s:eks:%s:%s:nodegroup/%s/%s/%s", request->partition, request->region, request->account,
                                       call->labels[0], name, uuid)));
    value_set(arena, &object, "status", value_of_text("CREATING"));
    value_set(arena, &object, "createdAt", eks_time(call->world->now_ms));
    value_set(arena, &object, "modifiedAt", eks_time(call->world->now_ms));
    value_set(arena, &object, "health", health_of(arena));
    value_set(arena, &group, "name", value_of_text(arena_text(arena, "eks-%s-%s", name, uuid)));
    value_set(arena, &resources, "autoScalingGroups", list_of_one(arena, group));
    value_set(arena, &object, "resources", resources);
    return object;
}

static bool nodegroup_create(struct eks_call *call, struct value *result) {
    const char *name = value_text_at(call->body, "nodegroupName");
    struct value *cluster = eks_cluster_need(call, call->labels[0]);
    if (cluster == NULL || !create_check(call, cluster, name == NULL ? "" : name))
        return false;
    struct value record = value_of_map();
    struct value object = object_make(call, cluster, name);
    value_set(call->arena, &record, "object", object);
    struct value *stored = state_set(call->world, state_map(call->world, cluster, "nodegroups"), name, &record);
    eks_change_at(call->world, stored, call->world->now_ms + eks_duration(call->kind, call->kind->create_ms), "ACTIVE");
    call->world->note(call->world, "CreateNodegroup %s/%s", call->labels[0], name);
    value_set(call->arena, result, "nodegroup", object);
    return true;
}

static void creation_fail(struct world *world, struct value *record) {
    ARENA_AUTO *arena = arena_new();
    struct value issue = value_of_map(), health = value_of_map();
    const char *instance = arena_text(arena, "i-0%.16s", id_hex(world, arena, "instance", 16));
    value_set(arena, &issue, "code", value_of_text("NodeCreationFailure"));
    value_set(arena, &issue, "message", value_of_text("Instances failed to join the kubernetes cluster"));
    value_set(arena, &issue, "resourceIds", list_of_one(arena, value_of_text(instance)));
    value_set(arena, &health, "issues", list_of_one(arena, issue));
    state_set(world, state_map(world, record, "object"), "health", &health);
    eks_status_set(world, record, "CREATE_FAILED");
}

void eks_nodegroup_event(struct world *world, struct value *cluster, const char *name, struct value *record) {
    char key[256];
    const char *cluster_name = value_text_at(cluster, "object.name");
    snprintf(key, sizeof key, "%s/%s", cluster_name == NULL ? "" : cluster_name, name);
    value_remove(record, "change");
    if (text_equal(value_text(value_find(value_find(&world->state, "nodegroups"), key)), "fail")) {
        creation_fail(world, record);
        return;
    }
    eks_status_set(world, record, "ACTIVE");
    eks_nodes_set(world, cluster, name, record, false);
}

static bool nodegroup_describe(struct eks_call *call, struct value *result) {
    struct value *cluster = eks_cluster_need(call, call->labels[0]);
    const struct value *record = cluster == NULL ? NULL : eks_nodegroup_need(call, cluster, call->labels[1]);
    if (record == NULL)
        return false;
    value_set(call->arena, result, "nodegroup", value_copy(call->arena, value_find(record, "object")));
    return true;
}

static bool nodegroups_list(struct eks_call *call, struct value *result) {
    struct value *cluster = eks_cluster_need(call, call->labels[0]);
    if (cluster == NULL)
        return false;
    const char *query = call->request->http->query;
    size_t count = 0;
    const char **names = names_of(call->request, value_find(cluster, "nodegroups"), &count);
    struct page page;
    if (!page_of(call->request, names, count, world_query(call->arena, query, "maxResults"), 100, 100,
                 world_query(call->arena, query, "nextToken"), &page))
        return false;
    struct value list = value_of_list();
    for (size_t i = page.first; i < page.first + page.count; i++)
        value_append(call->arena, &list, value_of_text(names[i]));
    value_set(call->arena, result, "nodegroups", list);
    value_set(call->arena, result, "nextToken", value_of_text(page.next));
    return true;
}

static bool nodegroup_delete(struct eks_call *call, struct value *result) {
    struct value *cluster = eks_cluster_need(call, call->labels[0]);
    struct value *record = cluster == NULL ? NULL : eks_nodegroup_need(call, cluster, call->labels[1]);
    if (record == NULL)
        return false;
    const char *update = eks_update_in_progress(cluster, call->labels[1]);
    if (update != NULL)
        return eks_refuse(call, "ResourceInUseException", "Cannot delete nodegroup %s because it currently has update %s in progress",
                          call->labels[1], update);
    if (!text_equal(eks_status(record), "DELETING")) {
        eks_status_set(call->world, record, "DELETING");
        eks_change_at(call->world, record, call->world->now_ms + eks_duration(call->kind, call->kind->delete_ms), "gone");
        call->world->note(call->world, "DeleteNodegroup %s/%s", call->labels[0], call->labels[1]);
    }
    value_set(call->arena, result, "nodegroup", value_copy(call->arena, value_find(record, "object")));
    return true;
}

/* The node group that may be updated now. */
static struct value *nodegroup_for_update(struct eks_call *call, const char *type, struct value **out_cluster) {
    struct value *cluster = eks_cluster_need(call, call->labels[0]);
    struct value *record = cluster == NULL ? NULL : eks_nodegroup_need(call, cluster, call->labels[1]);
    *out_cluster = cluster;
    if (record == NULL)
        return NULL;
    const char *own = eks_update_in_progress(cluster, call->labels[1]);
    const char *any = own;
    if (any == NULL && call->kind->one_update_at_a_time)
        any = eks_update_in_progress(cluster, "*");
    if (any != NULL) {
        eks_refuse(call, "ResourceInUseException", "Cannot %s because %s %s currently has update %s in progress", type,
                   own == NULL ? "cluster" : "nodegroup", own == NULL ? call->labels[0] : call->labels[1], any);
        return NULL;
    }
    if (!text_equal(eks_status(record), "ACTIVE") && !text_equal(eks_status(record), "DEGRADED")) {
        eks_refuse(call, "InvalidRequestException", "Nodegroup cannot be updated as it is currently not in Active State");
        return NULL;
    }
    return record;
}

static struct value labels_patched(struct eks_call *call, const struct value *before) {
    struct value labels = before == NULL ? value_of_map() : value_copy(call->arena, before);
    const struct value *add = value_at(call->body, "labels.addOrUpdateLabels");
    const struct value *remove = value_at(call->body, "labels.removeLabels");
    for (size_t i = 0; value_is(remove, VALUE_LIST) && i < remove->list.count; i++)
        if (value_text(&remove->list.items[i]) != NULL)
            value_remove(&labels, value_text(&remove->list.items[i]));
    for (size_t i = 0; value_is(add, VALUE_MAP) && i < add->map.count; i++)
        value_set(call->arena, &labels, add->map.members[i].key, add->map.members[i].value);
    return labels;
}

/* A taint is told by its key and effect. */
static bool taint_is_named(const struct value *taint, const struct value *list) {
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        const struct value *other = &list->list.items[i];
        if (text_equal(value_text_at(taint, "key"), value_text_at(other, "key")) &&
            text_equal(value_text_at(taint, "effect"), value_text_at(other, "effect")))
            return true;
    }
    return false;
}

static struct value taints_patched(struct eks_call *call, const struct value *before) {
    const struct value *add = value_at(call->body, "taints.addOrUpdateTaints");
    const struct value *remove = value_at(call->body, "taints.removeTaints");
    struct value taints = value_of_list();
    for (size_t i = 0; value_is(before, VALUE_LIST) && i < before->list.count; i++)
        if (!taint_is_named(&before->list.items[i], remove) && !taint_is_named(&before->list.items[i], add))
            value_append(call->arena, &taints, before->list.items[i]);
    for (size_t i = 0; value_is(add, VALUE_LIST) && i < add->list.count; i++)
        value_append(call->arena, &taints, add->list.items[i]);
    return taints;
}

/* A merge patch replaces no map: labels that are gone must be said to be gone. */
static struct value labels_as_patch(struct eks_call *call, const struct value *before, const struct value *after) {
    struct value patch = value_copy(call->arena, after);
    for (size_t i = 0; value_is(before, VALUE_MAP) && i < before->map.count; i++)
        if (value_find(after, before->map.members[i].key) == NULL)
            value_set(call->arena, &patch, before->map.members[i].key, value_null());
    return patch;
}

static bool config_body_check(struct eks_call *call) {
    static const char *const members[] = {"labels",
                                          "taints",
                                          "scalingConfig",
                                          "updateConfig",
                                          "nodeRepairConfig",
                                          "warmPoolConfig",
                                          "clientRequestToken",
                                          "clusterName",
                                          "nodegroupName",
                                          NULL};
    struct value whole = value_of_map();
    size_t named = 0;
    for (size_t i = 0; i < call->body->map.count; i++) {
        const struct member *member = &call->body->map.members[i];
        if (!text_in(member->key, members))
            return eks_refuse(call, "InvalidParameterException", "The simulated EKS does not know the member %s of %s", member->key,
                              call->operation);
        named += text_ends(member->key, "Config") || text_in(member->key, (const char *const[]){"labels", "taints", NULL});
        if (text_ends(member->key, "Config"))
            value_set(call->arena, &whole, member->key, member->value);
    }
    if (named == 0)
        return eks_refuse(call, "InvalidParameterException", "No changes detected");
    if (value_at(call->body, "labels.addOrUpdateLabels") != NULL)
        value_set(call->arena, &whole, "labels", *value_at(call->body, "labels.addOrUpdateLabels"));
    if (value_at(call->body, "taints.addOrUpdateTaints") != NULL)
        value_set(call->arena, &whole, "taints", *value_at(call->body, "taints.addOrUpdateTaints"));
    return eks_check_update(call, &whole);
}

/* The other way of saying how many nodes goes when one is set. */
static void update_config_choose(struct eks_call *call, struct value *patch) {
    bool count = value_at(patch, "updateConfig.maxUnavailable") != NULL;
    bool part = value_at(patch, "updateConfig.maxUnavailablePercentage") != NULL;
    if (count && !part)
        value_set_at(call->arena, patch, "updateConfig.maxUnavailablePercentage", value_null());
    if (part && !count)
        value_set_at(call->arena, patch, "updateConfig.maxUnavailable", value_null());
}

static struct value config_patch(struct eks_call *call, const struct value *object) {
    struct value patch = value_of_map();
    for (size_t i = 0; i < call->body->map.count; i++) {
        const struct member *member = &call->body->map.members[i];
        if (text_ends(member->key, "Config"))
            value_set(call->arena, &patch, member->key, value_copy(call->arena, &member->value));
    }
    update_config_choose(call, &patch);
    if (value_find(call->body, "labels") != NULL) {
        struct value labels = labels_patched(call, value_find(object, "labels"));
        value_set(call->arena, &patch, "labels", labels_as_patch(call, value_find(object, "labels"), &labels));
    }
    if (value_find(call->body, "taints") != NULL)
        value_set(call->arena, &patch, "taints", taints_patched(call, value_find(object, "taints")));
    return patch;
}

static bool nodegroup_config_update(struct eks_call *call, struct value *result) {
    struct value *cluster = NULL;
    struct value *record = nodegroup_for_update(call, "ConfigUpdate", &cluster);
    if (record == NULL || !config_body_check(call))
        return false;
    const struct value *object = value_find(record, "object");
    struct value patch = config_patch(call, object);
    struct value merged = value_merge(call->arena, object, &patch);
    if (!sizes_check(call, size_of(&merged, "scalingConfig.minSize", 0), size_of(&merged, "scalingConfig.desiredSize", 0),
                     size_of(&merged, "scalingConfig.maxSize", 0)))
        return false;
    if (value_at(&merged, "updateConfig.maxUnavailable") != NULL && value_at(&merged, "updateConfig.maxUnavailablePercentage") != NULL)
        return eks_refuse(call, "InvalidParameterException", "Only one of maxUnavailable and maxUnavailablePercentage can be specified");
    if (value_equal(&merged, object))
        return eks_refuse(call, "InvalidParameterException", "No changes detected");
    const int64_t shortest_ms = 30 * 1000;
    int64_t duration_ms = eks_duration(call->kind, call->kind->update_ms) / 4; /* no node is replaced */
    return eks_update_begin(call, cluster, call->labels[1], "ConfigUpdate", &patch, duration_ms < shortest_ms ? shortest_ms : duration_ms,
                            result);
}

static bool template_update_check(struct eks_call *call, const struct value *object) {
    const struct value *template = value_find(call->body, "launchTemplate");
    const char *id = value_text_at(template, "id");
    const char *name = value_text_at(template, "name");
    if (template == NULL)
        return true;
    if ((id != NULL) == (name != NULL))
        return eks_refuse(call, "InvalidParameterException", "Exactly one of launch template id and name must be specified");
    bool same = id != NULL ? text_equal(id, value_text_at(object, "launchTemplate.id"))
                           : text_equal(name, value_text_at(object, "launchTemplate.name"));
    if (!same)
        return eks_refuse(call, "InvalidParameterException",
                          "Cannot update the nodegroup to a launch template other than the one it was created with");
    return true;
}

static bool nodegroup_version_update(struct eks_call *call, struct value *result) {
    struct value *cluster = NULL;
    struct value *record = nodegroup_for_update(call, "VersionUpdate", &cluster);
    if (record == NULL)
        return false;
    const struct value *object = value_find(record, "object");
    const char *newest = value_text_at(cluster, "object.version");
    const char *version = value_text_at(call->body, "version");
    const char *release = value_text_at(call->body, "releaseVersion");
    if (version == NULL)
        version = release == NULL ? newest : value_text_at(object, "version");
    if (version_minor(version) == 0 || version_minor(version) > version_minor(newest))
        return eks_refuse(call, "InvalidParameterException", "Requested Nodegroup version %.20s is greater than the cluster version %s",
                          version, newest);
    if (version_minor(version) < version_minor(value_text_at(object, "version")))
        return eks_refuse(call, "InvalidParameterException", "Nodegroup version cannot be downgraded from %s to %s",
                          value_text_at(object, "version"), version);
    if (!template_update_check(call, object))
        return false;
    struct value patch = value_of_map();
    value_set(call->arena, &patch, "version", value_of_text(version));
    value_set(call->arena, &patch, "releaseVersion", value_of_text(release == NULL ? version_release(call->arena, version) : release));
    if (value_at(call->body, "launchTemplate.version") != NULL)
        value_set_at(call->arena, &patch, "launchTemplate.version", *value_at(call->body, "launchTemplate.version"));
    return eks_update_begin(call, cluster, call->labels[1], "VersionUpdate", &patch, eks_duration(call->kind, call->kind->update_ms),
                            result);
}

const struct eks_route eks_nodegroup_routes[] = {
    {"POST", "/clusters/*/node-groups", "CreateNodegroup", "NodeGroup", nodegroup_create},
    {"GET", "/clusters/*/node-groups", "ListNodegroups", "NodeGroup", nodegroups_list},
    {"GET", "/clusters/*/node-groups/*", "DescribeNodegroup", "NodeGroup", nodegroup_describe},
    {"DELETE", "/clusters/*/node-groups/*", "DeleteNodegroup", "NodeGroup", nodegroup_delete},
    {"POST", "/clusters/*/node-groups/*/update-config", "UpdateNodegroupConfig", "NodeGroup", nodegroup_config_update},
    {"POST", "/clusters/*/node-groups/*/update-version", "UpdateNodegroupVersion", "NodeGroup", nodegroup_version_update},
    {NULL, NULL, NULL, NULL, NULL},
};
