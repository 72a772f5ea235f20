/* external_cluster.c: rows of ExternalCluster: a Kubernetes API server that eksact uses and does not create. */
#include "operations.h"

static const struct field fields[] = {
    {.path = "inCluster", .type = TYPE_BOOLEAN, .change = CHANGE_LOCAL,
     .doc = "true: the cluster that eksact runs in, with the token of its own ServiceAccount."},
    {.path = "kubeconfig", .type = TYPE_OBJECT, .change = CHANGE_LOCAL,
     .doc = "A kubeconfig, from a file or a Secret; its exec plugins and insecure TLS are refused."},
    {.path = "kubeconfig.file", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .least = 1, .most = 4096, .example = "\"/etc/eksact/staging.kubeconfig\"",
     .doc = "Path on the machine that eksact runs on."},
    {.path = "kubeconfig.secretRef", .type = TYPE_OBJECT, .change = CHANGE_LOCAL, .doc = "A Secret of the cluster that eksact runs in."},
    {.path = "kubeconfig.secretRef.name", .type = TYPE_TEXT, .required = true, .change = CHANGE_LOCAL, .least = 1, .most = 253,
     .example = "\"staging\"", .doc = "Name of the Secret."},
    {.path = "kubeconfig.secretRef.namespace", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .least = 1, .most = 63, .example = "\"eksact\"",
     .doc = "Its namespace; absent: eksact's own."},
    {.path = "kubeconfig.secretRef.key", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .initial = "\"value\"", .least = 1, .most = 253,
     .example = "\"value\"", .doc = "Key in the Secret that holds the kubeconfig."},
    {.path = "context", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .least = 1, .most = 1024, .example = "\"staging\"",
     .doc = "Context of the kubeconfig; absent: its current one."},
    {.path = NULL},
};

static const struct rule rules[] = {
    {RULE_EXACTLY_ONE, "inCluster,kubeconfig", "it says how the API server is reached"},
    {RULE_EXACTLY_ONE, "kubeconfig.file,kubeconfig.secretRef", "it says where the kubeconfig is"},
    {RULE_NEEDS, "context,kubeconfig", "contexts are in a kubeconfig"},
    {.paths = NULL},
};

const struct kind kind_external_cluster = {
    .name = "ExternalCluster",
    .plural_doc = "external clusters",
    .service = SERVICE_NONE,
    .scope = SCOPE_LOCAL,
    .serves_kubernetes = true,
    .fields = fields,
    .rules = rules,
    .doc = "A Kubernetes cluster that something else made. Every manifest in its directory, and below, belongs to it.",
    .example = "apiVersion: eksact.dev/v1alpha1\n"
               "kind: ExternalCluster\n"
               "metadata: {name: staging}\n"
               "spec:\n"
               "  kubeconfig: {file: /etc/eksact/staging.kubeconfig}\n",
};
