/* iam_role.c: rows of IAMRole. Source: IAM API 2010-05-08, CreateRole, UpdateRole, GetRole and the policy calls around them. UpdateRole sets
 * what it is not told back to its default, so both its members always travel. */
#include "operations.h"

#define ROLE_ARN "arn:${partition}:iam::${accountId}:role${path}${roleName}"

static const struct field fields[] = {
    {.path = "accountId", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "[0-9]{12}", .example = "\"111122223333\"",
     .doc = "AWS account of the role; absent: that of the Cluster that owns the directory, else that of the Fleet."},
    {.path = "assumeRoleArn", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "arn:[a-z-]+:iam::[0-9]{12}:role/.+",
     .doc = "Role that eksact takes on for every call about this one."},
    {.path = "roleName", .type = TYPE_TEXT, .name = true, .least = 1, .most = 64, .pattern = "[A-Za-z0-9_+=,.@-]+",
     .doc = "The role's name, from metadata.name."},
    {.path = "path", .type = TYPE_TEXT, .preset = "\"/eksact/${fleet}/\"", .least = 1, .most = 512, .pattern = "/|/[!-~]*/",
     .example = "\"/eksact/shop/\"", .doc = "IAM path; absent: /eksact/<fleet>/, which marks the role as this fleet's."},
    {.path = "description", .type = TYPE_TEXT, .change = CHANGE_IN_PLACE, .update = &iam_update_role, .with = "description,maxSessionDuration",
     .most = 1000, .example = "\"nodes of demo\"", .doc = "What the role is for."},
    {.path = "maxSessionDuration", .type = TYPE_INTEGER, .change = CHANGE_IN_PLACE, .update = &iam_update_role,
     .with = "description,maxSessionDuration", .least = 3600, .most = 43200, .initial = "3600", .example = "3600",
     .doc = "Longest session, in seconds: one hour to twelve."},
    {.path = "permissionsBoundary", .type = TYPE_TEXT, .change = CHANGE_IN_PLACE, .update = &iam_put_role_permissions_boundary,
     .remove = &iam_delete_role_permissions_boundary, .live = "permissionsBoundary.permissionsBoundaryArn",
     .pattern = "arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+", .example = "\"arn:aws:iam::111122223333:policy/boundary\"",
     .doc = "Policy that bounds what the role may ever do."},
    {.path = "assumeRolePolicyDocument", .type = TYPE_DOCUMENT, .required = true, .change = CHANGE_IN_PLACE,
     .update = &iam_update_assume_role_policy, .add_path = "policyDocument", .most = 4096,
     .example = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"ec2.amazonaws.com\"},"
                " \"Action\": \"sts:AssumeRole\"}]}",
     .doc = "Trust policy: who may take the role on."},
    {.path = "managedPolicyArns", .type = TYPE_TEXT_LIST, .unordered = true, .change = CHANGE_IN_PLACE, .encode = ENCODE_EACH,
     .update = &iam_attach_role_policy, .remove = &iam_detach_role_policy, .add_path = "policyArn", .remove_path = "policyArn", .most = 20,
     .pattern = "arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+", .example = "[\"arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy\"]",
     .doc = "Managed policies attached to the role, 20 at most."},
    {.path = "inlinePolicies", .type = TYPE_DOCUMENT_MAP, .change = CHANGE_IN_PLACE, .encode = ENCODE_EACH, .update = &iam_put_role_policy,
     .remove = &iam_delete_role_policy, .add_path = "policyName", .value_path = "policyDocument", .remove_path = "policyName", .most = 100,
     .example = "{\"read-bucket\": {\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\","
                " \"Resource\": \"arn:aws:s3:::shop/*\"}]}}",
     .doc = "Policies inside the role, by name."},
    {.path = "tags", .type = TYPE_TEXT_MAP, .change = CHANGE_IN_PLACE, .encode = ENCODE_TAGS, .update = &iam_tag_role,
     .remove = &iam_untag_role, .add_path = "tags", .remove_path = "tagKeys", .most = 50, .example = "{\"team\": \"shop\"}",
     .doc = "AWS tags of the role."},
    {.path = "arn", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "ARN of the role."},
    {.path = "roleId", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "Unique id of the role."},
    {.path = "createDate", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "When the role was created."},
    {.path = NULL},
};

static const struct kind_read reads[] = {
    {.operation = &iam_get_role, .into = ""},
    {.operation = &iam_list_attached_role_policies, .into = "managedPolicyArns", .pick = "policyArn"},
    {.operation = &iam_list_role_policies, .into = "inlinePolicies", .each = &iam_get_role_policy, .each_member = "policyName",
     .each_pick = "policyDocument"},
    {.operation = NULL},
};

/* DeleteRole answers DeleteConflict while a policy is in it. */
static const struct kind_read before_remove[] = {
    {.operation = &iam_list_attached_role_policies, .into = "managedPolicyArns", .pick = "policyArn"},
    {.operation = &iam_list_role_policies, .into = "inlinePolicies"},
    {.operation = NULL},
};

static const struct attribute attributes[] = {
    {.name = "arn", .from = "arn", .predict = ROLE_ARN, .doc = "ARN of the role."},
    {.name = "name", .from = "roleName", .predict = "${roleName}", .doc = "Name of the role."},
    {.name = "roleId", .from = "roleId", .doc = "Unique id of the role, as in policies' aws:userId."},
    {.name = NULL},
};

const struct kind kind_iam_role = {
    .name = "IAMRole",
    .plural_doc = "IAM roles",
    .service = SERVICE_IAM,
    .scope = SCOPE_ACCOUNT,
    .name_member = "roleName",
    .fields = fields,
    .create = &iam_create_role,
    .reads = reads,
    .list = &iam_list_roles,
    .list_name = "roleName",
    .remove = &iam_delete_role,
    .before_remove = before_remove,
    .create_ms = {1000, 2000},
    .update_ms = {500, 1500},
    .delete_ms = {1000, 2000},
    .attributes = attributes,
    .doc = "An IAM role with its trust policy, its policies and its boundary.",
    .example = "apiVersion: eksact.dev/v1alpha1\n"
               "kind: IAMRole\n"
               "metadata: {name: demo-node}\n"
               "spec:\n"
               "  assumeRolePolicyDocument:\n"
               "    Version: \"2012-10-17\"\n"
               "    Statement:\n"
               "      - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: \"sts:AssumeRole\"}\n"
               "  managedPolicyArns:\n"
               "    - arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy\n",
};
