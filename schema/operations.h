/* operations.h: the operations that more than one file of rows names. */
#pragma once

#include "schema/kind.h"

#define NO_KEYS ((const struct operation_key[]){{NULL, NULL}})

extern const struct operation eks_create_cluster, eks_describe_cluster, eks_list_clusters, eks_delete_cluster, eks_update_cluster_config,
    eks_update_cluster_version, eks_associate_encryption_config, eks_tag_cluster, eks_untag_cluster;
extern const struct operation eks_create_nodegroup, eks_describe_nodegroup, eks_list_nodegroups, eks_delete_nodegroup,
    eks_update_nodegroup_config, eks_update_nodegroup_version, eks_tag_nodegroup, eks_untag_nodegroup;
extern const struct operation eks_describe_update, eks_list_updates, eks_describe_cluster_versions, eks_list_tags;

extern const struct operation iam_create_role, iam_get_role, iam_list_roles, iam_delete_role, iam_update_role, iam_update_assume_role_policy,
    iam_put_role_permissions_boundary, iam_delete_role_permissions_boundary, iam_attach_role_policy, iam_detach_role_policy,
    iam_list_attached_role_policies, iam_put_role_policy, iam_get_role_policy, iam_delete_role_policy, iam_list_role_policies, iam_tag_role,
    iam_untag_role;
extern const struct operation iam_create_oidc_provider, iam_get_oidc_provider, iam_list_oidc_providers, iam_delete_oidc_provider,
    iam_update_oidc_provider_thumbprint, iam_add_client_id, iam_remove_client_id, iam_tag_oidc_provider, iam_untag_oidc_provider;

extern const struct operation sts_get_caller_identity, sts_assume_role, sts_assume_role_with_web_identity;

extern const struct kind kind_cluster, kind_external_cluster, kind_fleet, kind_iam_role, kind_iam_service_account, kind_node_group,
    kind_oidc_provider;
