/* iam_service_account.c: rows of IAMServiceAccount: IAM roles for service accounts as one unit.
 *
 * The pods' token is exchanged by sts:AssumeRoleWithWebIdentity, so the trust policy pins the issuer, the audience and the one subject;
 * the pod identity webhook reads the role from the ServiceAccount's annotation. */
#include "operations.h"

#define ROLE_NAME "${spec.roleName?${cluster}-${metadata.namespace}-${metadata.name}}"
#define ISSUER "${@Cluster/${cluster}.oidcIssuer|bare}"

static const char *const modes[] = {"irsa", NULL};

static const struct field fields[] = {
    {.path = "mode", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .values = modes, .initial = "\"irsa\"",
     .doc = "How pods get the role's credentials; podIdentity is not supported by this version."},
    {.path = "roleName", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .least = 1, .most = 64, .pattern = "[A-Za-z0-9_+=,.@-]+",
     .example = "\"demo-app\"", .doc = "Name of the role; absent: <cluster>-<namespace>-<name>."},
    {.path = "path", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .least = 1, .most = 512, .pattern = "/|/[!-~]*/",
     .example = "\"/eksact/shop/\"", .doc = "IAM path of the role; absent: /eksact/<fleet>/."},
    {.path = "description", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .most = 1000, .example = "\"reads the shop's bucket\"",
     .doc = "Description of the role."},
    {.path = "attachPolicyArns", .type = TYPE_TEXT_LIST, .change = CHANGE_LOCAL, .unordered = true, .most = 20,
     .pattern = "arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+", .example = "[\"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess\"]",
     .doc = "Managed policies of the role, 20 at most."},
    {.path = "attachPolicy", .type = TYPE_DOCUMENT, .change = CHANGE_LOCAL, .most = 10240,
     .example = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\","
                " \"Resource\": \"arn:aws:s3:::shop/*\"}]}",
     .doc = "A policy inside the role."},
    {.path = "permissionsBoundary", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+",
     .example = "\"arn:aws:iam::111122223333:policy/boundary\"", .doc = "Policy that bounds what the role may ever do."},
    {.path = "labels", .type = TYPE_TEXT_MAP, .change = CHANGE_LOCAL, .most = 100, .example = "{\"app\": \"api\"}",
     .doc = "Labels of the ServiceAccount."},
    {.path = "annotations", .type = TYPE_TEXT_MAP, .change = CHANGE_LOCAL, .most = 100, .example = "{\"team\": \"shop\"}",
     .doc = "Annotations of the ServiceAccount, besides the one that names the role."},
    {.path = "tags", .type = TYPE_TEXT_MAP, .change = CHANGE_LOCAL, .most = 50, .example = "{\"team\": \"shop\"}",
     .doc = "AWS tags of the role."},
    {.path = NULL},
};

static const struct kind_part parts[] = {
    {.when = "mode=irsa",
     .template = "{\"apiVersion\": \"" SCHEMA_API_VERSION "\", \"kind\": \"OIDCProvider\", \"metadata\": {\"name\": \"${cluster}\"},"
                 " \"spec\": {\"url\": \"${@Cluster/${cluster}.oidcIssuer}\", \"clientIDList\": [\"sts.amazonaws.com\"]}}"},
    {.when = "mode=irsa",
     .template = "{\"apiVersion\": \"" SCHEMA_API_VERSION "\", \"kind\": \"IAMRole\", \"metadata\": {\"name\": \"" ROLE_NAME "\"},"
                 " \"spec\": {\"path\": \"${spec.path}\", \"description\": \"${spec.description}\","
                 " \"permissionsBoundary\": \"${spec.permissionsBoundary}\","
                 " \"managedPolicyArns\": \"${spec.attachPolicyArns?[]}\", \"inlinePolicies\": {\"eksact\": \"${spec.attachPolicy}\"},"
                 " \"tags\": \"${spec.tags}\","
                 " \"assumeRolePolicyDocument\": {\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\","
                 " \"Principal\": {\"Federated\": \"${@OIDCProvider/${cluster}.arn}\"}, \"Action\": \"sts:AssumeRoleWithWebIdentity\","
                 " \"Condition\": {\"StringEquals\": {\"" ISSUER ":aud\": \"sts.amazonaws.com\","
                 " \"" ISSUER ":sub\": \"system:serviceaccount:${metadata.namespace}:${metadata.name}\"}}}]}}}"},
    {.when = "mode=irsa",
     .template = "{\"apiVersion\": \"v1\", \"kind\": \"ServiceAccount\", \"metadata\": {\"name\": \"${metadata.name}\","
                 " \"namespace\": \"${metadata.namespace}\", \"labels\": \"${spec.labels}\", \"annotations\": {"
                 " \"${*}\": \"${spec.annotations}\","
                 " \"eks.amazonaws.com/role-arn\": \"${@IAMRole/" ROLE_NAME ".arn}\"}}}"},
    {.template = NULL},
};

const struct kind kind_iam_service_account = {
    .name = "IAMServiceAccount",
    .plural_doc = "IAM service accounts",
    .service = SERVICE_NONE,
    .scope = SCOPE_CLUSTER,
    .namespaced = true,
    .fields = fields,
    .parts = parts,
    .doc = "A ServiceAccount whose pods act with an IAM role: the OIDC provider of the cluster, the role, its trust and policies, and the annotation.",
    .example = "apiVersion: eksact.dev/v1alpha1\n"
               "kind: IAMServiceAccount\n"
               "metadata: {name: app, namespace: production}\n"
               "spec:\n"
               "  attachPolicyArns:\n"
               "    - arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess\n",
};
