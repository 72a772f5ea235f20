#include "base/json.h"
#include "base/text.h"
#include "sandbox/eks.h"

/* nodegroup NULL: the cluster itself; "*": anything in the cluster. */
const char *eks_update_in_progress(const struct value *cluster, const char *nodegroup) {
    const struct value *updates = value_find(cluster, "updates");
    for (size_t i = 0; value_is(updates, VALUE_MAP) && i < updates->map.count; i++) {
        const struct member *member = &updates->map.members[i];
        if (value_find(&member->value, "at") == NULL)
            continue;
        if (text_equal(nodegroup, "*") || text_equal(value_text_at(&member->value, "nodegroup"), nodegroup))
            return member->key;
    }
    return NULL;
}

/* What the API calls the parameters of an update (UpdateParamType). */
static const struct {
    const char *path, *name;
} parameters[] = {
    {"version", "Version"},
    {"releaseVersion", "ReleaseVersion"},
    {"platformVersion", "PlatformVersion"},
    {"resourcesVpcConfig.endpointPrivateAccess", "EndpointPrivateAccess"},
    {"resourcesVpcConfig.endpointPublicAccess", "EndpointPublicAccess"},
    {"resourcesVpcConfig.publicAccessCidrs", "PublicAccessCidrs"},
    {"resourcesVpcConfig.subnetIds", "Subnets"},
    {"resourcesVpcConfig.securityGroupIds", "SecurityGroups"},
    {"logging", "ClusterLogging"},
    {"accessConfig.authenticationMode", "AuthenticationMode"},
    {"upgradePolicy", "UpgradePolicy"},
    {"zonalShiftConfig", "ZonalShiftConfig"},
    {"computeConfig", "ComputeConfig"},
    {"storageConfig", "StorageConfig"},
    {"kubernetesNetworkConfig", "KubernetesNetworkConfig"},
    {"remoteNetworkConfig", "RemoteNetworkConfig"},
    {"deletionProtection", "DeletionProtection"},
    {"controlPlaneScalingConfig.tier", "UpdatedTier"},
    {"encryptionConfig", "EncryptionConfig"},
    {"scalingConfig.minSize", "MinSize"},
    {"scalingConfig.maxSize", "MaxSize"},
    {"scalingConfig.desiredSize", "DesiredSize"},
    {"updateConfig.maxUnavailable", "MaxUnavailable"},
    {"updateConfig.maxUnavailablePercentage", "MaxUnavailablePercentage"},
    {"updateConfig.updateStrategy", "UpdateStrategy"},
    {"nodeRepairConfig", "NodeRepairConfig"},
    {"launchTemplate.version", "LaunchTemplateVersion"},
    {"labels", "LabelsToAdd"},
    {"taints", "TaintsToAdd"},
};

static struct value parameters_of(struct arena *arena, const struct value *patch) {
    struct value list = value_of_list();
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        const struct value *found = value_at(patch, parameters[i].path);
        if (found == NULL || value_is(found, VALUE_NULL))
            continue;
        struct value parameter = value_of_map();
        value_set(arena, &parameter, "type", value_of_text(parameters[i].name));
        value_set(arena, &parameter, "value", value_of_text(value_text(found) != NULL ? value_text(found) : json_text(arena, found)));
        value_append(arena, &list, parameter);
    }
    return list;
}

bool eks_update_begin(struct eks_call *call, struct value *cluster, const char *nodegroup, const char *type, const struct value *patch,
                      int64_t duration_ms, struct value *result) {
    struct world *world = call->world;
    struct arena *arena = call->arena;
    const char *id = id_uuid(world, arena);
    struct value update = value_of_map(), object = value_of_map();
    value_set(arena, &object, "id", value_of_text(id));
    value_set(arena, &object, "status", value_of_text("InProgress"));
    value_set(arena, &object, "type", value_of_text(type));
    value_set(arena, &object, "params", parameters_of(arena, patch));
    value_set(arena, &object, "createdAt", eks_time(world->now_ms));
    value_set(arena, &object, "errors", value_of_list());
    value_set(arena, &update, "object", object);
    value_set(arena, &update, "patch", *patch);
    value_set(arena, &update, "began", value_of_integer(world->now_ms));
    value_set(arena, &update, "at", value_of_integer(world->now_ms + duration_ms));
    if (nodegroup != NULL)
        value_set(arena, &update, "nodegroup", value_of_text(nodegroup));
    state_set(world, state_map(world, cluster, "updates"), id, &update);
    eks_status_set(world, nodegroup == NULL ? cluster : value_find_mutable(state_map(world, cluster, "nodegroups"), nodegroup), "UPDATING");
    eks_soon(world, world->now_ms + duration_ms);
    if (nodegroup == NULL)
        world->note(world, "%s %s %s", call->operation, call->labels[0], type);
    else
        world->note(world, "%s %s/%s", call->operation, call->labels[0], nodegroup);
    value_set(arena, result, "update", object);
    return true;
}

static bool update_describe(struct eks_call *call, struct value *result) {
    const char *nodegroup = world_query(call->arena, call->request->http->query, "nodegroupName");
    struct value *cluster = eks_cluster_need(call, call->labels[0]);
    if (cluster == NULL || (nodegroup != NULL && eks_nodegroup_need(call, cluster, nodegroup) == NULL))
        return false;
    const struct value *update = value_find(value_find(cluster, "updates"), call->labels[1]);
    if (update == NULL || !text_equal(value_text_at(update, "nodegroup"), nodegroup))
        return eks_refuse(call, "ResourceNotFoundException", "No update found for ID: %s", call->labels[1]);
    value_set(call->arena, result, "update", value_copy(call->arena, value_find(update, "object")));
    return true;
}

static bool updates_list(struct eks_call *call, struct value *result) {
    const char *query = call->request->http->query;
    const char *nodegroup = world_query(call->arena, query, "nodegroupName");
    struct value *cluster = eks_cluster_need(call, call->labels[0]);
    if (cluster == NULL || (nodegroup != NULL && eks_nodegroup_need(call, cluster, nodegroup) == NULL))
        return false;
    const struct value *updates = value_find(cluster, "updates");
    size_t all = 0, count = 0;
    const char **ids = names_of(call->request, updates, &all);
    for (size_t i = 0; i < all; i++)
        if (text_equal(value_text_at(value_find(updates, ids[i]), "nodegroup"), nodegroup))
            ids[count++] = ids[i];
    struct page page;
    if (!page_of(call->request, ids, count, world_query(call->arena, query, "maxResults"), 100, 100,
                 world_query(call->arena, query, "nextToken"), &page))
        return false;
    struct value list = value_of_list();
    for (size_t i = page.first; i < page.first + page.count; i++)
        value_append(call->arena, &list, value_of_text(ids[i]));
    value_set(call->arena, result, "updateIds", list);
    value_set(call->arena, result, "nextToken", value_of_text(page.next));
    return true;
}

const struct eks_route eks_update_routes[] = {
    {"GET", "/clusters/*/updates", "ListUpdates", NULL, updates_list},
    {"GET", "/clusters/*/updates/*", "DescribeUpdate", NULL, update_describe},
    {NULL, NULL, NULL, NULL, NULL},
};
