#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/eks.h"

enum {
    CLUSTERS_MOST = 100,
    NODEGROUP_LAG_MOST = 3, /* kubelets may be three minors behind the API server (Kubernetes version skew policy) */
    CREATE_DEFAULT_SUBNETS = 2,
    VERSION_UPDATE_MS = 8 * 60 * 1000
};

/* A certificate authority for clusters that nobody reaches over TLS: clients parse it all the same. */
static const char placeholder_ca[] = "-----BEGIN CERTIFICATE-----\n"
                                     "MIIBXTCCAQOgAwIBAgIBATAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDAprdWJlcm5l\n"
                                     "dGVzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAVMRMwEQYDVQQD\n"
                                     "DAprdWJlcm5ldGVzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0hDS4Q1SOGaR\n"
                                     "BP1nni15Ntg2QLi8CDzXEgDkF5HzyHI+Uq3O1hmch5hagFEm8G5V/1pd5ur74dRN\n"
                                     "ja7lej+8qKNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAqQwHQYD\n"
                                     "VR0OBBYEFBF2dVU56NEVLBc8FS/9b8a/0NhmMAoGCCqGSM49BAMCA0gAMEUCIQCL\n"
                                     "Qq7LWh+3ZMvsj2Am4lwC7UXTCudlL9SlVWzY3IJKMAIgUNuqlxqmAlCRjJuMoZ7Q\n"
                                     "YGCoZNeYA+ji16rSu5trZKc=\n"
                                     "-----END CERTIFICATE-----\n";

static const struct version {
    const char *version, *release, *status;
    bool is_default;
} versions[] = {
    {"1.29", "1.29.15-20251209", "EXTENDED_SUPPORT", false}, {"1.30", "1.30.14-20251209", "EXTENDED_SUPPORT", false},
    {"1.31", "1.31.13-20251209", "EXTENDED_SUPPORT", false}, {"1.32", "1.32.9-20251209", "STANDARD_SUPPORT", false},
    {"1.33", "1.33.5-20251209", "STANDARD_SUPPORT", false},  {"1.34", "1.34.2-20251209", "STANDARD_SUPPORT", true},
    {"1.35", "1.35.0-20251217", "STANDARD_SUPPORT", false},  {"1.36", "1.36.0-20251217", "STANDARD_SUPPORT", false},
};

enum { VERSION_COUNT = sizeof versions / sizeof versions[0] };

static const struct version *version_find(const char *version) {
    for (size_t i = 0; i < VERSION_COUNT; i++)
        if (text_equal(versions[i].version, version))
            return &versions[i];
    return NULL;
}

int64_t version_minor(const char *version) {
    int64_t minor = 0;
    return version_find(version) != NULL && text_to_integer(version + 2, 0, 999, &minor) ? minor : 0;
}

const char *version_default(void) {
    for (size_t i = 0; i < VERSION_COUNT; i++)
        if (versions[i].is_default)
            return versions[i].version;
    return versions[VERSION_COUNT - 1].version;
}

const char *version_release(struct arena *arena, const char *version) {
    const struct version *found = version_find(version);
    return found == NULL ? arena_text(arena, "%s.0-20251209", version) : found->release;
}

static const char *hash_name(struct arena *arena, const char *prefix, const char *seed) {
    struct digest digest = hash_sha256(seed, strlen(seed));
    return arena_text(arena, "%s%.17s", prefix, hash_hex(arena, &digest));
}

/* As DescribeCluster has it: one item with the types that are on, one with those that are off. */
static struct value logging_normal(struct arena *arena, const struct value *logging, const struct value *before) {
    static const char *const types[] = {"api", "audit", "authenticator", "controllerManager", "scheduler"};
    const struct value *lists[2] = {value_find(before, "clusterLogging"), value_find(logging, "clusterLogging")};
    struct value out = value_of_map(), rows = value_of_list();
    struct value sides[2] = {value_of_list(), value_of_list()};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        bool enabled = false;
        for (size_t l = 0; l < 2; l++)
            for (size_t i = 0; i < value_count(lists[l]) && value_is(lists[l], VALUE_LIST); i++) {
                const struct value *row = &lists[l]->list.items[i];
                const struct value *named = value_find(row, "types");
                for (size_t j = 0; value_is(named, VALUE_LIST) && j < named->list.count; j++)
                    if (text_equal(value_text(&named->list.items[j]), types[t]))
                        enabled = value_boolean(value_find(row, "enabled"), false);
            }
        value_append(arena, &sides[enabled ? 0 : 1], value_of_text(types[t]));
    }
    for (size_t s = 0; s < 2; s++) {
        struct value row = value_of_map();
        if (value_count(&sides[s]) == 0)
            continue;
        value_set(arena, &row, "types", sides[s]);
        value_set(arena, &row, "enabled", value_of_boolean(s == 0));
        value_append(arena, &rows, row);
    }
    value_set(arena, &out, "clusterLogging", rows);
    return out;
}

static bool create_check(struct eks_call *call, const char *name) {
    if (!eks_check_create(call))
        return false;
    call->request->cluster = name;
    if (value_find(eks_clusters(call), name) != NULL)
        return eks_refuse(call, "ResourceInUseException", "Cluster already exists with name: %s", name);
    if (value_count(eks_clusters(call)) >= (size_t)eks_quota(call->world, "clusters", CLUSTERS_MOST))
        return eks_refuse(call, "ResourceLimitExceededException", "Cluster limit exceeded for account");
    const char *version = value_text_at(call->body, "version");
    if (version != NULL && version_minor(version) == 0)
        return eks_refuse(call, "InvalidParameterException", "unsupported Kubernetes version");
    if (value_count(value_at(call->body, "resourcesVpcConfig.subnetIds")) < CREATE_DEFAULT_SUBNETS &&
        value_find(call->body, "outpostConfig") == NULL)
        return eks_refuse(call, "InvalidParameterException", "Subnets specified must be in at least two different AZs");
    return eks_role_check(call, value_text_at(call->body, "roleArn"), "eks.");
}

/* The API server's name within the simulated world: unique over accounts and regions. */
static const char *kubernetes_name(struct eks_call *call, const char *name) {
    if (eks_cluster_taken(call->world, name))
        return arena_text(call->arena, "%s.%s.%s", name, call->request->region, call->request->account);
    return name;
}

static void networks_fill(struct eks_call *call, struct value *object, const char *arn) {
    struct arena *arena = call->arena;
    const char *place = arena_text(arena, "vpc/%s/%s", call->request->account, call->request->region);
    if (value_at(object, "resourcesVpcConfig.securityGroupIds") == NULL)
        value_set_at(arena, object, "resourcesVpcConfig.securityGroupIds", value_of_list());
    value_set_at(arena, object, "resourcesVpcConfig.vpcId", value_of_text(hash_name(arena, "vpc-", place)));
    value_set_at(arena, object, "resourcesVpcConfig.clusterSecurityGroupId", value_of_text(hash_name(arena, "sg-", arn)));
    if (!value_boolean(value_at(object, "resourcesVpcConfig.endpointPublicAccess"), true))
        value_set_at(arena, object, "resourcesVpcConfig.publicAccessCidrs", value_of_list());
    if (text_equal(value_text_at(object, "kubernetesNetworkConfig.ipFamily"), "ipv6"))
        value_set_at(arena, object, "kubernetesNetworkConfig.serviceIpv6Cidr", value_of_text("fd7d:6e5d:8c2f::/108"));
    else if (value_at(object, "kubernetesNetworkConfig.serviceIpv4Cidr") == NULL)
        value_set_at(arena, object, "kubernetesNetworkConfig.serviceIpv4Cidr", value_of_text("10.100.0.0/16"));
}

static struct value object_make(struct eks_call *call, const char *name) {
    struct arena *arena = call->arena;
    struct value object = eks_object_begin(call);
    struct value logging = logging_normal(arena, value_find(call->body, "logging"), NULL);
    struct value health = value_of_map();
    const char *arn =
        arena_text(arena, "arn:%s:eks:%s:%s:cluster/%s", call->request->partition, call->request->region, call->request->account, name);
    networks_fill(call, &object, arn);
    value_set(arena, &object, "name", value_of_text(name));
    value_set(arena, &object, "arn", value_of_text(arn));
    value_set(arena, &object, "createdAt", eks_time(call->world->now_ms));
    value_set(arena, &object, "status", value_of_text("CREATING"));
    value_set(arena, &object, "logging", logging);
    if (value_find(&object, "version") == NULL)
        value_set(arena, &object, "version", value_of_text(version_default()));
    value_set(arena, &object, "platformVersion", value_of_text("eks.9"));
    if (value_find(&object, "tags") == NULL)
        value_set(arena, &object, "tags", value_of_map());
    value_set(arena, &health, "issues", value_of_list());
    value_set(arena, &object, "health", health);
    value_set(arena, &object, "certificateAuthority", value_of_map());
    return object;
}

static void result_set(struct eks_call *call, struct value *result, const char *member, const struct value *object) {
    value_set(call->arena, result, member, value_copy(call->arena, object));
}

static bool cluster_create(struct eks_call *call, struct value *result) {
    const char *name = value_text_at(call->body, "name");
    if (!create_check(call, name == NULL ? "" : name))
        return false;
    struct value record = value_of_map();
    struct value object = object_make(call, name);
    value_set(call->arena, &record, "object", object);
    value_set(call->arena, &record, "kubernetes", value_of_text(kubernetes_name(call, name)));
    struct value *stored = state_set(call->world, eks_clusters(call), name, &record);
    eks_change_at(call->world, stored, call->world->now_ms + eks_duration(call->kind, call->kind->create_ms), "ACTIVE");
    call->world->note(call->world, "CreateCluster %s", name);
    result_set(call, result, "cluster", &object);
    return true;
}

/* Where real clients reach a cluster's API server; NULL: nowhere, the world is in process. */
static const char *endpoint_served(const struct sandbox_options *options, struct arena *arena, const char *kubernetes) {
    if (options->kubernetes_url != NULL)
        return options->kubernetes_url;
    return options->server_url == NULL ? NULL : arena_text(arena, "%s/clusters/%s", options->server_url, http_encode(arena, kubernetes));
}

static const char *authority_of(const struct sandbox_options *options) {
    const char *pem = options->kubernetes_url != NULL ? options->kubernetes_ca_pem
                      : options->server_url != NULL   ? options->server_ca_pem
                                                      : NULL;
    return pem == NULL ? placeholder_ca : pem;
}

/* What is known once the control plane runs. */
static void endpoint_fill(struct world *world, struct value *record, const char *region, const char *account, const char *name) {
    ARENA_AUTO *arena = arena_new();
    const struct sandbox_options *options = world->options;
    struct value *object = state_map(world, record, "object");
    const char *hex = id_hex(world, arena, arena_text(arena, "cluster/%s/%s/%s", account, region, name), 64);
    char *id = arena_text(arena, "%.32s", hex);
    for (char *c = id; *c != '\0'; c++)
        *c = *c >= 'a' ? (char)(*c - 'a' + 'A') : *c;
    const char *kubernetes = value_text_at(record, "kubernetes");
    const char *served = endpoint_served(options, arena, kubernetes == NULL ? name : kubernetes);
    const char *endpoint = served != NULL ? served : arena_text(arena, "https://%s.gr7.%s.eks.%s", id, region, region_suffix(region));
    const char *pem = authority_of(options);
    const char *issuer = arena_text(arena, "https://oidc.eks.%s.%s/id/%s", region, region_suffix(region), id);
    state_set_text(world, object, "endpoint", endpoint);
    state_set_text(world, state_map(world, object, "certificateAuthority"), "data", base64_encode(arena, pem, strlen(pem)));
    state_set_text(world, state_map(world, state_map(world, object, "identity"), "oidc"), "issuer", issuer);
}

void eks_cluster_event(struct world *world, const char *name, struct value *record, const char *region, const char *account) {
    bool creating = text_equal(eks_status(record), "CREATING");
    const char *kubernetes = value_text_at(record, "kubernetes");
    eks_status_set(world, record, "ACTIVE");
    value_remove(record, "change");
    if (!creating)
        return;
    endpoint_fill(world, record, region, account, name);
    kubernetes_cluster_made(world, kubernetes == NULL ? name : kubernetes);
}

/* A world that was kept may be served elsewhere than when the cluster was made: at another port, or with a real API server behind it. */
static void endpoint_refresh(struct eks_call *call, const struct value *record, struct value *object) {
    struct arena *arena = call->arena;
    const struct sandbox_options *options = call->world->options;
    const char *kubernetes = value_text_at(record, "kubernetes");
    const char *served = endpoint_served(options, arena, kubernetes == NULL ? value_text_at(object, "name") : kubernetes);
    if (served == NULL || value_find(object, "endpoint") == NULL)
        return;
    const char *pem = authority_of(options);
    value_set(arena, object, "endpoint", value_of_text(served));
    value_set_at(arena, object, "certificateAuthority.data", value_of_text(base64_encode(arena, pem, strlen(pem))));
}

/* A cluster reads ACTIVE for a moment after an update was accepted (UpdateClusterConfig: "eventually consistent"). */
static struct value object_seen(struct eks_call *call, const struct value *record) {
    const int64_t lag_ms = 1500;
    struct value object = value_copy(call->arena, value_find(record, "object"));
    const char *id = eks_update_in_progress(record, NULL);
    const struct value *update = id == NULL ? NULL : value_find(value_find(record, "updates"), id);
    if (text_equal(eks_status(record), "UPDATING") && call->world->now_ms - value_integer(value_find(update, "began"), 0) < lag_ms)
        value_set(call->arena, &object, "status", value_of_text("ACTIVE"));
    endpoint_refresh(call, record, &object);
    return object;
}

static bool cluster_describe(struct eks_call *call, struct value *result) {
    const struct value *record = eks_cluster_need(call, call->labels[0]);
    if (record == NULL)
        return false;
    struct value object = object_seen(call, record);
    value_set(call->arena, result, "cluster", object);
    return true;
}

static bool clusters_list(struct eks_call *call, struct value *result) {
    size_t count = 0;
    const char *query = call->request->http->query;
    const char **names = names_of(call->request, eks_clusters(call), &count);
    struct page page;
    if (!page_of(call->request, names, count, world_query(call->arena, query, "maxResults"), 100, 100,
                 world_query(call->arena, query, "nextToken"), &page))
        return false;
    struct value list = value_of_list();
    for (size_t i = page.first; i < page.first + page.count; i++)
        value_append(call->arena, &list, value_of_text(names[i]));
    value_set(call->arena, result, "clusters", list);
    value_set(call->arena, result, "nextToken", value_of_text(page.next));
    return true;
}

static bool cluster_delete(struct eks_call *call, struct value *result) {
    const char *name = call->labels[0];
    struct value *record = eks_cluster_need(call, name);
    if (record == NULL)
        return false;
    const char *status = eks_status(record);
    if (value_boolean(value_at(record, "object.deletionProtection"), false))
        return eks_refuse(call, "InvalidRequestException", "Cannot delete cluster %s because deletion protection is enabled", name);
    if (value_count(value_find(record, "nodegroups")) > 0)
        return eks_refuse(call, "ResourceInUseException", "Cluster has nodegroups attached");
    if (eks_update_in_progress(record, NULL) != NULL)
        return eks_refuse(call, "ResourceInUseException", "Cannot delete because cluster %s currently has update %s in progress", name,
                          eks_update_in_progress(record, NULL));
    if (text_equal(status, "CREATING"))
        return eks_refuse(call, "ResourceInUseException", "Cannot delete because cluster %s currently has an update in progress", name);
    if (!text_equal(status, "DELETING")) {
        eks_status_set(call->world, record, "DELETING");
        eks_change_at(call->world, record, call->world->now_ms + eks_duration(call->kind, call->kind->delete_ms), "gone");
        call->world->note(call->world, "DeleteCluster %s", name);
    }
    result_set(call, result, "cluster", value_find(record, "object"));
    return true;
}

/* What an update needs: the cluster ACTIVE, and nothing under way. */
static struct value *cluster_for_update(struct eks_call *call, const char *type) {
    const char *name = call->labels[0];
    struct value *record = eks_cluster_need(call, name);
    if (record == NULL)
        return NULL;
    const char *id = eks_update_in_progress(record, "*");
    if (id != NULL) {
        eks_refuse(call, "ResourceInUseException", "Cannot %s because cluster %s currently has update %s in progress", type, name, id);
        return NULL;
    }
    if (!text_equal(eks_status(record), "ACTIVE")) {
        eks_refuse(call, "ResourceInUseException", "Cannot %s because cluster %s is in status %s", type, name, eks_status(record));
        return NULL;
    }
    return record;
}

/* The one update type of the body, or the refusal. */
static const char *update_type_of(struct eks_call *call) {
    const char *type = NULL;
    for (const struct field *field = call->kind->fields; field->path != NULL; field++) {
        if (field->update == NULL || field->update_type == NULL || !text_equal(field->update->name, "UpdateClusterConfig"))
            continue;
        if (strstr(field->path, "[]") != NULL || value_at(call->body, field->path) == NULL)
            continue;
        if (type != NULL && !text_equal(type, field->update_type)) {
            eks_refuse(call, "InvalidParameterException", "Only one type of update can be allowed.");
            return NULL;
        }
        type = field->update_type;
    }
    if (type == NULL)
        eks_refuse(call, "InvalidParameterException", "The type for cluster update was not provided.");
    return type;
}

/* CONFIG_MAP → API_AND_CONFIG_MAP → API, never back. */
static int mode_rank(const char *mode) {
    return text_equal(mode, "API") ? 2 : text_equal(mode, "API_AND_CONFIG_MAP") ? 1 : 0;
}

static bool one_way_check(struct eks_call *call, const struct value *object) {
    const char *mode = value_text_at(call->body, "accessConfig.authenticationMode");
    const char *have = value_text_at(object, "accessConfig.authenticationMode");
    if (mode != NULL && mode_rank(mode) < mode_rank(have))
        return eks_refuse(call, "InvalidParameterException", "Unsupported authentication mode update from %s to %s", have, mode);
    if (mode != NULL && mode_rank(mode) > mode_rank(have) + 1)
        return eks_refuse(call, "InvalidParameterException", "Unsupported authentication mode update from %s to %s", have, mode);
    const char *role = value_text_at(call->body, "computeConfig.nodeRoleArn");
    const char *have_role = value_text_at(object, "computeConfig.nodeRoleArn");
    if (role != NULL && have_role != NULL && !text_equal(role, have_role))
        return eks_refuse(call, "InvalidParameterException", "nodeRoleArn cannot be changed once Auto Mode is enabled");
    static const char *const switches[] = {"computeConfig.enabled", "kubernetesNetworkConfig.elasticLoadBalancing.enabled",
                                           "storageConfig.blockStorage.enabled"};
    unsigned named = 0;
    for (size_t i = 0; i < 3; i++)
        named += value_at(call->body, switches[i]) != NULL;
    if (named != 0 && named != 3)
        return eks_refuse(call, "InvalidParameterException",
                          "For EKS Auto Mode, please ensure that all required configs, including computeConfig, "
                          "kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled.");
    return true;
}

static bool boolean_at(const struct value *object, const char *path) {
    return value_boolean(value_at(object, path), false);
}

static bool no_change_refuse(struct eks_call *call, const char *type, const struct value *object) {
    if (text_equal(type, "LoggingUpdate"))
        return eks_refuse(call, "InvalidParameterException", "No changes needed for the logging config provided");
    if (!text_equal(type, "EndpointAccessUpdate"))
        return eks_refuse(call, "InvalidParameterException", "No changes detected");
    const struct value *cidrs = value_at(object, "resourcesVpcConfig.publicAccessCidrs");
    const char *list = "";
    for (size_t i = 0; i < value_count(cidrs); i++)
        list = arena_text(call->arena, "%s%s%s", list, i == 0 ? "" : ", ", value_text(&cidrs->list.items[i]));
    return eks_refuse(
        call, "InvalidParameterException",
        "Cluster is already at the desired configuration with endpointPrivateAccess: %s , endpointPublicAccess: %s, and Public Endpoint "
        "Restrictions: [%s]",
        boolean_at(object, "resourcesVpcConfig.endpointPrivateAccess") ? "true" : "false",
        boolean_at(object, "resourcesVpcConfig.endpointPublicAccess") ? "true" : "false", list);
}

/* The body as a patch over the object: without the request's own members, logging in its described form. */
static struct value config_patch(struct eks_call *call, const struct value *object) {
    struct value patch = value_copy(call->arena, call->body);
    value_remove(&patch, "clientRequestToken");
    value_remove(&patch, "name");
    if (value_find(&patch, "logging") != NULL)
        value_set(call->arena, &patch, "logging",
                  logging_normal(call->arena, value_find(call->body, "logging"), value_find(object, "logging")));
    return patch;
}

static bool cluster_config_update(struct eks_call *call, struct value *result) {
    const char *type = update_type_of(call);
    if (type == NULL || !eks_check_update(call, call->body))
        return false;
    struct value *record = cluster_for_update(call, type);
    if (record == NULL)
        return false;
    const struct value *object = value_find(record, "object");
    if (!one_way_check(call, object))
        return false;
    struct value patch = config_patch(call, object);
    struct value merged = value_merge(call->arena, object, &patch);
    if (value_equal(&merged, object))
        return no_change_refuse(call, type, object);
    if (!boolean_at(&merged, "resourcesVpcConfig.endpointPublicAccess") && !boolean_at(&merged, "resourcesVpcConfig.endpointPrivateAccess"))
        return eks_refuse(call, "InvalidParameterException", "Private and public endpoint access cannot both be false");
    return eks_update_begin(call, record, NULL, type, &patch, eks_duration(call->kind, call->kind->update_ms), result);
}

/* Node groups that would fall too far behind. */
static bool lag_check(struct eks_call *call, const struct value *record, const char *version) {
    const struct value *nodegroups = value_find(record, "nodegroups");
    for (size_t i = 0; value_is(nodegroups, VALUE_MAP) && i < nodegroups->map.count; i++) {
        const struct member *member = &nodegroups->map.members[i];
        const char *have = value_text_at(&member->value, "object.version");
        if (version_minor(version) - version_minor(have) > NODEGROUP_LAG_MOST)
            return eks_refuse(call, "InvalidRequestException",
                              "Nodegroups [%s] must be updated to match cluster version %s before updating cluster version", member->key,
                              value_text_at(record, "object.version"));
    }
    return true;
}

static bool cluster_version_update(struct eks_call *call, struct value *result) {
    const char *version = value_text_at(call->body, "version");
    struct value *record = cluster_for_update(call, "VersionUpdate");
    if (record == NULL)
        return false;
    const char *have = value_text_at(record, "object.version");
    if (version == NULL)
        return eks_refuse(call, "InvalidParameterException", "version is required");
    if (version_minor(version) == 0)
        return eks_refuse(call, "InvalidParameterException", "unsupported Kubernetes version");
    if (version_minor(version) != version_minor(have) + 1)
        return eks_refuse(call, "InvalidParameterException", "Unsupported Kubernetes minor version update from %s to %s",
                          have == NULL ? "" : have, version);
    if (!lag_check(call, record, version))
        return false;
    struct value patch = value_of_map();
    value_set(call->arena, &patch, "version", value_of_text(version));
    value_set(call->arena, &patch, "platformVersion", value_of_text("eks.9"));
    int64_t duration_ms = eks_duration(call->kind, call->kind->update_ms);
    return eks_update_begin(call, record, NULL, "VersionUpdate", &patch, duration_ms < VERSION_UPDATE_MS ? VERSION_UPDATE_MS : duration_ms,
                            result);
}

static bool encryption_associate(struct eks_call *call, struct value *result) {
    struct value *record = cluster_for_update(call, "AssociateEncryptionConfig");
    const struct value *config = value_find(call->body, "encryptionConfig");
    if (record == NULL)
        return false;
    if (!eks_check_update(call, call->body))
        return false;
    if (value_count(config) != 1 || value_text_at(&config->list.items[0], "provider.keyArn") == NULL)
        return eks_refuse(call, "InvalidParameterException", "encryptionConfig must have exactly one item with a provider's keyArn");
    if (value_count(value_at(record, "object.encryptionConfig")) > 0)
        return eks_refuse(call, "InvalidParameterException", "Encryption is already enabled on cluster %s", call->labels[0]);
    struct value patch = value_of_map();
    value_set(call->arena, &patch, "encryptionConfig", *config);
    return eks_update_begin(call, record, NULL, "AssociateEncryptionConfig", &patch, eks_duration(call->kind, call->kind->update_ms),
                            result);
}

static struct value version_row(struct eks_call *call, const struct version *version) {
    struct arena *arena = call->arena;
    int64_t minor = version_minor(version->version);
    const int64_t month_ms = INT64_C(30) * 24 * 3600 * 1000;
    int64_t release_ms = INT64_C(1748390400000) + (minor - 33) * 4 * month_ms; /* 1.33: 2025-05-28; a minor every four months */
    struct value row = value_of_map();
    value_set(arena, &row, "clusterVersion", value_of_text(version->version));
    value_set(arena, &row, "clusterType", value_of_text("eks"));
    value_set(arena, &row, "defaultPlatformVersion", value_of_text("eks.9"));
    value_set(arena, &row, "defaultVersion", value_of_boolean(version->is_default));
    value_set(arena, &row, "releaseDate", eks_time(release_ms));
    value_set(arena, &row, "endOfStandardSupportDate", eks_time(release_ms + 14 * month_ms));
    value_set(arena, &row, "endOfExtendedSupportDate", eks_time(release_ms + 26 * month_ms));
    value_set(arena, &row, "versionStatus", value_of_text(version->status));
    value_set(arena, &row, "status",
              value_of_text(text_equal(version->status, "STANDARD_SUPPORT") ? "standard-support" : "extended-support"));
    value_set(arena, &row, "kubernetesPatchVersion", value_of_text(arena_copy(arena, version->release, strcspn(version->release, "-"))));
    return row;
}

static bool versions_describe(struct eks_call *call, struct value *result) {
    const char *query = call->request->http->query;
    const char *only = world_query(call->arena, query, "clusterVersions");
    bool default_only = text_equal(world_query(call->arena, query, "defaultOnly"), "true");
    struct value list = value_of_list();
    for (size_t i = VERSION_COUNT; i > 0; i--) {
        const struct version *version = &versions[i - 1];
        if ((only == NULL || text_equal(only, version->version)) && (!default_only || version->is_default))
            value_append(call->arena, &list, version_row(call, version));
    }
    value_set(call->arena, result, "clusterVersions", list);
    return true;
}

const struct eks_route eks_cluster_routes[] = {
    {"POST", "/clusters", "CreateCluster", "Cluster", cluster_create},
    {"GET", "/clusters", "ListClusters", "Cluster", clusters_list},
    {"GET", "/clusters/*", "DescribeCluster", "Cluster", cluster_describe},
    {"DELETE", "/clusters/*", "DeleteCluster", "Cluster", cluster_delete},
    {"POST", "/clusters/*/update-config", "UpdateClusterConfig", "Cluster", cluster_config_update},
    {"POST", "/clusters/*/updates", "UpdateClusterVersion", "Cluster", cluster_version_update},
    {"POST", "/clusters/*/encryption-config/associate", "AssociateEncryptionConfig", "Cluster", encryption_associate},
    {"GET", "/cluster-versions", "DescribeClusterVersions", NULL, versions_describe},
    {NULL, NULL, NULL, NULL, NULL},
};
