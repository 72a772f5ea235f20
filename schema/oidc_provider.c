/* oidc_provider.c: rows of OIDCProvider. Source: IAM API 2010-05-08, CreateOpenIDConnectProvider and the calls around it. Its ARN is made of its URL,
 * so another URL is another resource; reads answer the URL without its scheme. */
#include "operations.h"

static const struct field fields[] = {
    {.path = "accountId", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "[0-9]{12}", .example = "\"111122223333\"",
     .doc = "AWS account of the provider; absent: that of the Cluster that owns the directory, else that of the Fleet."},
    {.path = "assumeRoleArn", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "arn:[a-z-]+:iam::[0-9]{12}:role/.+",
     .doc = "Role that eksact takes on for every call about this provider."},
    {.path = "url", .type = TYPE_TEXT, .required = true, .change = CHANGE_HIDDEN, .reference = "Cluster", .least = 1, .most = 255,
     .pattern = "https://[^/?#]+[^?#]*", .example = "{\"ref\": \"Cluster/demo.oidcIssuer\"}", .doc = "URL of the issuer."},
    {.path = "clientIDList", .type = TYPE_TEXT_LIST, .unordered = true, .change = CHANGE_IN_PLACE, .encode = ENCODE_EACH, .with_create = true,
     .update = &iam_add_client_id, .remove = &iam_remove_client_id, .add_path = "clientID", .remove_path = "clientID", .most = 100,
     .preset = "[\"sts.amazonaws.com\"]", .example = "[\"sts.amazonaws.com\"]", .doc = "Audiences that tokens may have."},
    {.path = "thumbprintList", .type = TYPE_TEXT_LIST, .unordered = true, .change = CHANGE_IN_PLACE,
     .update = &iam_update_oidc_provider_thumbprint, .most = 5, .pattern = "[0-9A-Fa-f]{40}",
     .example = "[\"9e99a48a9960b14926bb7f3b02e22da2b0ab7280\"]",
     .doc = "SHA-1 thumbprints of the issuer's certificate authority; IAM needs none for issuers of EKS."},
    {.path = "tags", .type = TYPE_TEXT_MAP, .change = CHANGE_IN_PLACE, .encode = ENCODE_TAGS, .update = &iam_tag_oidc_provider,
     .remove = &iam_untag_oidc_provider, .add_path = "tags", .remove_path = "tagKeys", .most = 50, .example = "{\"team\": \"shop\"}",
     .doc = "AWS tags of the provider."},
    {.path = "arn", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "ARN of the provider."},
    {.path = "createDate", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "When the provider was created."},
    {.path = NULL},
};

static const struct kind_read reads[] = {{.operation = &iam_get_oidc_provider, .into = ""}, {.operation = NULL}};

static const struct attribute attributes[] = {
    {.name = "arn", .from = "arn", .predict = "arn:${partition}:iam::${accountId}:oidc-provider/${url|bare}", .doc = "ARN of the provider."},
    {.name = NULL},
};

const struct kind kind_oidc_provider = {
    .name = "OIDCProvider",
    .plural_doc = "OIDC providers",
    .service = SERVICE_IAM,
    .scope = SCOPE_ACCOUNT,
    .fields = fields,
    .create = &iam_create_oidc_provider,
    .reads = reads,
    .list = &iam_list_oidc_providers,
    .list_name = "arn",
    .remove = &iam_delete_oidc_provider,
    .create_ms = {1000, 2000},
    .update_ms = {500, 1500},
    .delete_ms = {1000, 2000},
    .attributes = attributes,
    .doc = "IAM's trust in a cluster's OIDC issuer. An IAMServiceAccount brings its own: this kind is for what else needs one.",
    .example = "apiVersion: eksact.dev/v1alpha1\n"
               "kind: OIDCProvider\n"
               "metadata: {name: demo}\n"
               "spec:\n"
               "  url: {ref: Cluster/demo.oidcIssuer}\n",
};
