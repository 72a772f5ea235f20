/* operations.c: the AWS operations that eksact calls, and how each is spoken to.
 *
 * Sources: EKS API 2017-11-01, IAM API 2010-05-08, STS API 2011-06-15. */
#include "operations.h"

#include "base/text.h"

static const struct service_row services[] = {
    [SERVICE_EKS] = {.name = "eks", .api_version = "2017-11-01"},
    [SERVICE_IAM] = {.name = "iam", .api_version = "2010-05-08", .query = true, .global_region = "us-east-1"},
    [SERVICE_STS] = {.name = "sts", .api_version = "2011-06-15", .query = true},
};

const struct service_row *schema_service(enum service service)
{
    return service == SERVICE_NONE || (size_t)service >= sizeof services / sizeof services[0] ? NULL : &services[service];
}

#define KEYS_OF(...) ((const struct operation_key[]){__VA_ARGS__, {NULL, NULL}})

/* EKS: clusters. Deletes and tag calls have no idempotency token in the API. */
#define CLUSTER_KEY {"name", "name"}

const struct operation eks_create_cluster = {
    .name = "CreateCluster", .service = SERVICE_EKS, .method = "POST", .path = "/clusters", .token = "clientRequestToken",
    .result = "cluster", .write = true, .keys = NO_KEYS};
const struct operation eks_describe_cluster = {.name = "DescribeCluster", .service = SERVICE_EKS, .method = "GET", .path = "/clusters/{name}",
    .result = "cluster", .keys = KEYS_OF(CLUSTER_KEY)};
const struct operation eks_list_clusters = {.name = "ListClusters", .service = SERVICE_EKS, .method = "GET", .path = "/clusters",
    .query = "maxResults,nextToken,include", .list = "clusters", .keys = NO_KEYS};
const struct operation eks_delete_cluster = {.name = "DeleteCluster", .service = SERVICE_EKS, .method = "DELETE", .path = "/clusters/{name}",
    .result = "cluster", .write = true, .keys = KEYS_OF(CLUSTER_KEY)};
const struct operation eks_update_cluster_config = {.name = "UpdateClusterConfig", .service = SERVICE_EKS, .method = "POST",
    .path = "/clusters/{name}/update-config", .token = "clientRequestToken", .result = "update", .write = true, .update = true,
    .keys = KEYS_OF(CLUSTER_KEY)};
const struct operation eks_update_cluster_version = {.name = "UpdateClusterVersion", .service = SERVICE_EKS, .method = "POST",
    .path = "/clusters/{name}/updates", .token = "clientRequestToken", .result = "update", .write = true, .update = true,
    .keys = KEYS_OF(CLUSTER_KEY)};
const struct operation eks_associate_encryption_config = {.name = "AssociateEncryptionConfig", .service = SERVICE_EKS, .method = "POST",
    .path = "/clusters/{clusterName}/encryption-config/associate", .token = "clientRequestToken", .result = "update", .write = true,
    .update = true, .keys = KEYS_OF({"clusterName", "name"})};
const struct operation eks_tag_cluster = {.name = "TagResource", .service = SERVICE_EKS, .method = "POST", .path = "/tags/{resourceArn}",
    .write = true, .keys = KEYS_OF({"resourceArn", "arn"})};
const struct operation eks_untag_cluster = {.name = "UntagResource", .service = SERVICE_EKS, .method = "DELETE", .path = "/tags/{resourceArn}",
    .query = "tagKeys", .write = true, .keys = KEYS_OF({"resourceArn", "arn"})};

/* EKS: node groups. */
#define NODEGROUP_KEYS {"clusterName", "clusterName"}, {"nodegroupName", "nodegroupName"}

const struct operation eks_create_nodegroup = {.name = "CreateNodegroup", .service = SERVICE_EKS, .method = "POST",
    .path = "/clusters/{clusterName}/node-groups", .token = "clientRequestToken", .result = "nodegroup", .write = true,
    .keys = KEYS_OF({"clusterName", "clusterName"})};
const struct operation eks_describe_nodegroup = {.name = "DescribeNodegroup", .service = SERVICE_EKS, .method = "GET",
    .path = "/clusters/{clusterName}/node-groups/{nodegroupName}", .result = "nodegroup", .keys = KEYS_OF(NODEGROUP_KEYS)};
const struct operation eks_list_nodegroups = {.name = "ListNodegroups", .service = SERVICE_EKS, .method = "GET",
    .path = "/clusters/{clusterName}/node-groups", .query = "maxResults,nextToken", .list = "nodegroups",
    .keys = KEYS_OF({"clusterName", "clusterName"})};
const struct operation eks_delete_nodegroup = {.name = "DeleteNodegroup", .service = SERVICE_EKS, .method = "DELETE",
    .path = "/clusters/{clusterName}/node-groups/{nodegroupName}", .result = "nodegroup", .write = true, .keys = KEYS_OF(NODEGROUP_KEYS)};
const struct operation eks_update_nodegroup_config = {.name = "UpdateNodegroupConfig", .service = SERVICE_EKS, .method = "POST",
    .path = "/clusters/{clusterName}/node-groups/{nodegroupName}/update-config", .token = "clientRequestToken", .result = "update",
    .write = true, .update = true, .keys = KEYS_OF(NODEGROUP_KEYS)};
const struct operation eks_update_nodegroup_version = {.name = "UpdateNodegroupVersion", .service = SERVICE_EKS, .method = "POST",
    .path = "/clusters/{clusterName}/node-groups/{nodegroupName}/update-version", .token = "clientRequestToken", .result = "update",
    .write = true, .update = true, .keys = KEYS_OF(NODEGROUP_KEYS)};
const struct operation eks_tag_nodegroup = {.name = "TagResource", .service = SERVICE_EKS, .method = "POST", .path = "/tags/{resourceArn}",
    .write = true, .keys = KEYS_OF({"resourceArn", "nodegroupArn"})};
const struct operation eks_untag_nodegroup = {.name = "UntagResource", .service = SERVICE_EKS, .method = "DELETE",
    .path = "/tags/{resourceArn}", .query = "tagKeys", .write = true, .keys = KEYS_OF({"resourceArn", "nodegroupArn"})};

/* EKS: what is read besides the kinds. */
const struct operation eks_describe_update = {.name = "DescribeUpdate", .service = SERVICE_EKS, .method = "GET",
    .path = "/clusters/{name}/updates/{updateId}", .query = "nodegroupName,addonName,capabilityName", .result = "update",
    .keys = KEYS_OF(CLUSTER_KEY, {"updateId", "updateId"})};
const struct operation eks_list_updates = {.name = "ListUpdates", .service = SERVICE_EKS, .method = "GET", .path = "/clusters/{name}/updates",
    .query = "nodegroupName,addonName,capabilityName,maxResults,nextToken", .list = "updateIds", .keys = KEYS_OF(CLUSTER_KEY)};
const struct operation eks_describe_cluster_versions = {.name = "DescribeClusterVersions", .service = SERVICE_EKS, .method = "GET",
    .path = "/cluster-versions", .query = "clusterType,clusterVersions,defaultOnly,includeAll,maxResults,nextToken,status,versionStatus",
    .list = "clusterVersions", .keys = NO_KEYS};
const struct operation eks_list_tags = {.name = "ListTagsForResource", .service = SERVICE_EKS, .method = "GET",
    .path = "/tags/{resourceArn}", .result = "tags", .keys = KEYS_OF({"resourceArn", "arn"})};

/* IAM: roles. */
#define ROLE_KEY {"roleName", "roleName"}
#define IAM_READ(NAME, ...) {.name = NAME, .service = SERVICE_IAM, __VA_ARGS__}
#define IAM_WRITE(NAME, ...) {.name = NAME, .service = SERVICE_IAM, .write = true, __VA_ARGS__}

const struct operation iam_create_role = IAM_WRITE("CreateRole", .result = "role", .keys = NO_KEYS);
const struct operation iam_get_role = IAM_READ("GetRole", .result = "role", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_list_roles = IAM_READ("ListRoles", .list = "roles", .keys = KEYS_OF({"pathPrefix", "pathPrefix"}));
const struct operation iam_delete_role = IAM_WRITE("DeleteRole", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_update_role = IAM_WRITE("UpdateRole", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_update_assume_role_policy = IAM_WRITE("UpdateAssumeRolePolicy", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_put_role_permissions_boundary = IAM_WRITE("PutRolePermissionsBoundary", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_delete_role_permissions_boundary = IAM_WRITE("DeleteRolePermissionsBoundary", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_attach_role_policy = IAM_WRITE("AttachRolePolicy", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_detach_role_policy = IAM_WRITE("DetachRolePolicy", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_list_attached_role_policies =
    IAM_READ("ListAttachedRolePolicies", .list = "attachedPolicies", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_put_role_policy = IAM_WRITE("PutRolePolicy", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_get_role_policy = IAM_READ("GetRolePolicy", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_delete_role_policy = IAM_WRITE("DeleteRolePolicy", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_list_role_policies = IAM_READ("ListRolePolicies", .list = "policyNames", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_tag_role = IAM_WRITE("TagRole", .keys = KEYS_OF(ROLE_KEY));
const struct operation iam_untag_role = IAM_WRITE("UntagRole", .keys = KEYS_OF(ROLE_KEY));

/* IAM: OIDC providers. */
#define OIDC_KEY {"openIDConnectProviderArn", "arn"}

const struct operation iam_create_oidc_provider = IAM_WRITE("CreateOpenIDConnectProvider", .keys = NO_KEYS);
const struct operation iam_get_oidc_provider = IAM_READ("GetOpenIDConnectProvider", .keys = KEYS_OF(OIDC_KEY));
const struct operation iam_list_oidc_providers =
    IAM_READ("ListOpenIDConnectProviders", .list = "openIDConnectProviderList", .keys = NO_KEYS);
const struct operation iam_delete_oidc_provider = IAM_WRITE("DeleteOpenIDConnectProvider", .keys = KEYS_OF(OIDC_KEY));
const struct operation iam_update_oidc_provider_thumbprint = IAM_WRITE("UpdateOpenIDConnectProviderThumbprint", .keys = KEYS_OF(OIDC_KEY));
const struct operation iam_add_client_id = IAM_WRITE("AddClientIDToOpenIDConnectProvider", .keys = KEYS_OF(OIDC_KEY));
const struct operation iam_remove_client_id = IAM_WRITE("RemoveClientIDFromOpenIDConnectProvider", .keys = KEYS_OF(OIDC_KEY));
const struct operation iam_tag_oidc_provider = IAM_WRITE("TagOpenIDConnectProvider", .keys = KEYS_OF(OIDC_KEY));
const struct operation iam_untag_oidc_provider = IAM_WRITE("UntagOpenIDConnectProvider", .keys = KEYS_OF(OIDC_KEY));

/* STS. */
const struct operation sts_get_caller_identity = {.name = "GetCallerIdentity", .service = SERVICE_STS, .keys = NO_KEYS};
const struct operation sts_assume_role = {.name = "AssumeRole", .service = SERVICE_STS, .keys = NO_KEYS};
const struct operation sts_assume_role_with_web_identity = {.name = "AssumeRoleWithWebIdentity", .service = SERVICE_STS, .keys = NO_KEYS};

/* The tag calls of EKS differ between kinds only in where the ARN stands: one row each is listed. */
static const struct operation *const operations[] = {
    &eks_associate_encryption_config,
    &eks_create_cluster,
    &eks_create_nodegroup,
    &eks_delete_cluster,
    &eks_delete_nodegroup,
    &eks_describe_cluster,
    &eks_describe_cluster_versions,
    &eks_describe_nodegroup,
    &eks_describe_update,
    &eks_list_clusters,
    &eks_list_nodegroups,
    &eks_list_tags,
    &eks_list_updates,
    &eks_tag_cluster,
    &eks_untag_cluster,
    &eks_update_cluster_config,
    &eks_update_cluster_version,
    &eks_update_nodegroup_config,
    &eks_update_nodegroup_version,
    &iam_add_client_id,
    &iam_attach_role_policy,
    &iam_create_oidc_provider,
    &iam_create_role,
    &iam_delete_oidc_provider,
    &iam_delete_role,
    &iam_delete_role_permissions_boundary,
    &iam_delete_role_policy,
    &iam_detach_role_policy,
    &iam_get_oidc_provider,
    &iam_get_role,
    &iam_get_role_policy,
    &iam_list_attached_role_policies,
    &iam_list_oidc_providers,
    &iam_list_role_policies,
    &iam_list_roles,
    &iam_put_role_permissions_boundary,
    &iam_put_role_policy,
    &iam_remove_client_id,
    &iam_tag_oidc_provider,
    &iam_tag_role,
    &iam_untag_oidc_provider,
    &iam_untag_role,
    &iam_update_assume_role_policy,
    &iam_update_oidc_provider_thumbprint,
    &iam_update_role,
    &sts_assume_role,
    &sts_assume_role_with_web_identity,
    &sts_get_caller_identity,
    NULL,
};

const struct operation *const *schema_operations(void)
{
    return operations;
}

const struct operation *schema_operation(enum service service, const char *name)
{
    for (size_t i = 0; operations[i] != NULL; i++)
        if (operations[i]->service == service && text_equal(operations[i]->name, name))
            return operations[i];
    return NULL;
}
