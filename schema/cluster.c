/* cluster.c: rows of Cluster. Source: EKS API 2017-11-01, CreateCluster, UpdateClusterConfig, UpdateClusterVersion,
 * AssociateEncryptionConfig, DescribeCluster. UpdateClusterConfig takes one update type a call. */
#include "operations.h"

#define BY_CONFIG(TYPE) .change = CHANGE_IN_PLACE, .update = &eks_update_cluster_config, .update_type = TYPE
#define BY_ENCRYPTION .change = CHANGE_ADD_ONCE, .update = &eks_associate_encryption_config, .update_type = "AssociateEncryptionConfig"
/* The three switches of Auto Mode are only accepted together. */
#define AUTO_MODE                                                                                                                      \
    BY_CONFIG("AutoModeUpdate"),                                                                                                       \
        .with = "computeConfig.enabled,kubernetesNetworkConfig.elasticLoadBalancing.enabled,storageConfig.blockStorage.enabled"

static const char *const log_types[] = {"api", "audit", "authenticator", "controllerManager", "scheduler", NULL};
static const char *const ip_families[] = {"ipv4", "ipv6", NULL};
static const char *const authentication_modes[] = {"API", "API_AND_CONFIG_MAP", "CONFIG_MAP", NULL};
static const char *const support_types[] = {"STANDARD", "EXTENDED", NULL};
static const char *const egress_modes[] = {"AWS_MANAGED", "CUSTOMER_ROUTED", "CUSTOMER_ISOLATED", NULL};
static const char *const spread_levels[] = {"host", "rack", NULL};
static const char *const tiers[] = {"standard", "tier-xl", "tier-2xl", "tier-4xl", "tier-8xl", NULL};
static const char *const node_pools[] = {"general-purpose", "system", NULL};

static const struct field fields[] = {
    {.path = "accountId", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "[0-9]{12}", .example = "\"111122223333\"",
     .doc = "AWS account that the cluster is in; absent: that of the Fleet, else that of the credentials."},
    {.path = "region", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "[a-z]{2,}(-[a-z]+)+-[0-9]+", .example = "\"eu-west-1\"",
     .doc = "AWS region that the cluster is in; absent: that of the Fleet."},
    {.path = "assumeRoleArn", .type = TYPE_TEXT, .change = CHANGE_LOCAL, .pattern = "arn:[a-z-]+:iam::[0-9]{12}:role/.+",
     .example = "\"arn:aws:iam::111122223333:role/eksact\"",
     .doc = "Role that eksact takes on for every call about this cluster and what is in it."},

    {.path = "name", .type = TYPE_TEXT, .name = true, .least = 1, .most = 100, .pattern = "[0-9A-Za-z][A-Za-z0-9_-]*",
     .doc = "The cluster's name, from metadata.name."},
    {.path = "version", .type = TYPE_TEXT, .change = CHANGE_IN_PLACE, .update = &eks_update_cluster_version, .update_type = "VersionUpdate",
     .pattern = "1\\.[0-9]{1,3}", .example = "\"1.33\"",
     .doc = "Kubernetes minor version; absent: the newest at creation, then left alone. It rises one minor at a time, and eksact plans each hop."},
    {.path = "roleArn", .type = TYPE_TEXT, .required = true, .reference = "IAMRole", .pattern = "arn:[a-z-]+:iam::[0-9]{12}:role/.+",
     .example = "{\"ref\": \"IAMRole/demo-cluster\"}", .doc = "IAM role that the control plane acts with."},

    {.path = "resourcesVpcConfig", .type = TYPE_OBJECT, .required = true, .change = CHANGE_MEMBERS,
     .doc = "Where the control plane is attached to the network, and who reaches it."},
    {.path = "resourcesVpcConfig.subnetIds", .type = TYPE_TEXT_LIST, .required = true, .unordered = true, BY_CONFIG("VpcConfigUpdate"),
     .least = 2, .most = 16, .example = "[\"subnet-0a1\", \"subnet-0b2\"]",
     .doc = "Subnets of one VPC, in at least two availability zones, for the control plane's network interfaces."},
    {.path = "resourcesVpcConfig.securityGroupIds", .type = TYPE_TEXT_LIST, .unordered = true, BY_CONFIG("VpcConfigUpdate"), .most = 4,
     .example = "[\"sg-0a1\"]", .doc = "Further security groups of the control plane's network interfaces, four at most."},
    {.path = "resourcesVpcConfig.endpointPublicAccess", .type = TYPE_BOOLEAN, BY_CONFIG("EndpointAccessUpdate"), .initial = "true",
     .doc = "Whether the API server is reached from the internet."},
    {.path = "resourcesVpcConfig.endpointPrivateAccess", .type = TYPE_BOOLEAN, BY_CONFIG("EndpointAccessUpdate"), .initial = "false",
     .doc = "Whether the API server is reached from inside the VPC."},
    {.path = "resourcesVpcConfig.publicAccessCidrs", .type = TYPE_TEXT_LIST, .unordered = true, BY_CONFIG("EndpointAccessUpdate"),
     .initial = "[\"0.0.0.0/0\"]", .most = 40, .example = "[\"203.0.113.0/24\"]",
     .doc = "Address blocks that may reach the public endpoint, 40 at most."},
    {.path = "resourcesVpcConfig.controlPlaneEgressMode", .type = TYPE_TEXT, BY_CONFIG("ControlPlaneEgressUpdate"), .values = egress_modes,
     .doc = "Who routes what the control plane sends."},

    {.path = "kubernetesNetworkConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Addresses of Services, and load balancing."},
    {.path = "kubernetesNetworkConfig.serviceIpv4Cidr", .type = TYPE_TEXT, .example = "\"10.100.0.0/16\"",
     .pattern = "[0-9]{1,3}(\\.[0-9]{1,3}){3}/(1[2-9]|2[0-4])", .doc = "Private address block of Services, between /12 and /24."},
    {.path = "kubernetesNetworkConfig.ipFamily", .type = TYPE_TEXT, .values = ip_families, .initial = "\"ipv4\"",
     .doc = "Address family of pods and Services."},
    {.path = "kubernetesNetworkConfig.elasticLoadBalancing", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS,
     .doc = "Load balancing of Auto Mode."},
    {.path = "kubernetesNetworkConfig.elasticLoadBalancing.enabled", .type = TYPE_BOOLEAN, AUTO_MODE, .initial = "false",
     .doc = "Whether Auto Mode makes load balancers; goes together with computeConfig and storageConfig."},

    {.path = "logging", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Which control plane logs go to CloudWatch."},
    {.path = "logging.clusterLogging", .type = TYPE_OBJECT_LIST, .unordered = true, .switches = true, .item_key = "enabled",
     BY_CONFIG("LoggingUpdate"), .most = 5, .example = "[{\"enabled\": true, \"types\": [\"api\", \"audit\"]}]",
     .doc = "Log types to switch on and off; a type that no item names is off."},
    {.path = "logging.clusterLogging[].types", .type = TYPE_TEXT_LIST, .unordered = true, BY_CONFIG("LoggingUpdate"), .values = log_types,
     .doc = "The log types of this item."},
    {.path = "logging.clusterLogging[].enabled", .type = TYPE_BOOLEAN, BY_CONFIG("LoggingUpdate"), .doc = "Whether they are written."},

    {.path = "clientRequestToken", .type = TYPE_TEXT, .change = CHANGE_REQUEST,
     .doc = "eksact makes it from the resource and what is declared, so that a repeated call is one change"},
    {.path = "force", .type = TYPE_BOOLEAN, .change = CHANGE_REQUEST,
     .doc = "eksact never overrides the upgrade checks of EKS: settle what they found instead"},
    {.path = "rollbackConfig", .type = TYPE_OBJECT, .change = CHANGE_REQUEST,
     .doc = "it belongs to one version rollback, not to the cluster: this version of eksact sends none"},
    {.path = "tags", .type = TYPE_TEXT_MAP, .change = CHANGE_IN_PLACE, .encode = ENCODE_TAGS, .update = &eks_tag_cluster,
     .remove = &eks_untag_cluster, .add_path = "tags", .remove_path = "tagKeys", .most = 50, .example = "{\"team\": \"shop\"}",
     .doc = "AWS tags of the cluster itself; they do not spread to what EKS makes for it."},

    {.path = "encryptionConfig", .type = TYPE_OBJECT_LIST, BY_ENCRYPTION, .most = 1,
     .example = "[{\"resources\": [\"secrets\"], \"provider\": {\"keyArn\": \"arn:aws:kms:eu-west-1:111122223333:key/1234\"}}]",
     .doc = "Encryption of Secrets with a key of yours; can be added later, never changed or taken away."},
    {.path = "encryptionConfig[].resources", .type = TYPE_TEXT_LIST, .unordered = true, BY_ENCRYPTION, .example = "[\"secrets\"]",
     .doc = "What is encrypted; only \"secrets\" is known."},
    {.path = "encryptionConfig[].provider", .type = TYPE_OBJECT, BY_ENCRYPTION, .doc = "Who holds the key."},
    {.path = "encryptionConfig[].provider.keyArn", .type = TYPE_TEXT, BY_ENCRYPTION, .pattern = "arn:[a-z-]+:kms:.+",
     .example = "\"arn:aws:kms:eu-west-1:111122223333:key/1234\"", .doc = "ARN of a symmetric KMS key in the cluster's region."},

    {.path = "outpostConfig", .type = TYPE_OBJECT, .doc = "A control plane on an AWS Outpost."},
    {.path = "outpostConfig.outpostArns", .type = TYPE_TEXT_LIST, .required = true, .least = 1, .most = 1,
     .example = "[\"arn:aws:outposts:eu-west-1:111122223333:outpost/op-1\"]", .doc = "The Outpost; EKS takes exactly one."},
    {.path = "outpostConfig.controlPlaneInstanceType", .type = TYPE_TEXT, .required = true, .example = "\"m5.large\"",
     .doc = "EC2 instance type of all control plane instances."},
    {.path = "outpostConfig.controlPlanePlacement", .type = TYPE_OBJECT, .doc = "Placement of the control plane instances."},
    {.path = "outpostConfig.controlPlanePlacement.groupName", .type = TYPE_TEXT, .doc = "Name of their placement group."},
    {.path = "outpostConfig.controlPlanePlacement.spreadLevel", .type = TYPE_TEXT, .values = spread_levels,
     .doc = "What the control plane instances are spread over."},
    {.path = "outpostConfig.etcdInstanceType", .type = TYPE_TEXT, .example = "\"m5.large\"", .doc = "EC2 instance type of the etcd instances."},
    {.path = "outpostConfig.etcdPlacement", .type = TYPE_OBJECT, .doc = "Placement of the etcd instances."},
    {.path = "outpostConfig.etcdPlacement.spreadLevel", .type = TYPE_TEXT, .values = spread_levels,
     .doc = "What the etcd instances are spread over."},

    {.path = "accessConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Who may use the cluster's Kubernetes API, by which means."},
    {.path = "accessConfig.bootstrapClusterCreatorAdminPermissions", .type = TYPE_BOOLEAN, .change = CHANGE_HIDDEN, .initial = "true",
     .doc = "Whether the creator (eksact's own identity) becomes an administrator of the cluster."},
    {.path = "accessConfig.authenticationMode", .type = TYPE_TEXT, BY_CONFIG("AccessConfigUpdate"), .values = authentication_modes,
     .initial = "\"CONFIG_MAP\"", .doc = "Source of authenticated principals; it moves from CONFIG_MAP over API_AND_CONFIG_MAP to API and never back."},
    {.path = "bootstrapSelfManagedAddons", .type = TYPE_BOOLEAN, .change = CHANGE_HIDDEN, .initial = "true",
     .doc = "Whether a new cluster comes with vpc-cni, kube-proxy and coredns that nobody manages."},
    {.path = "upgradePolicy", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "What happens when the version's standard support ends."},
    {.path = "upgradePolicy.supportType", .type = TYPE_TEXT, BY_CONFIG("UpgradePolicyUpdate"), .values = support_types,
     .initial = "\"EXTENDED\"", .doc = "STANDARD upgrades at the end of support, EXTENDED keeps the version and costs more."},
    {.path = "zonalShiftConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Moving traffic away from an impaired zone."},
    {.path = "zonalShiftConfig.enabled", .type = TYPE_BOOLEAN, BY_CONFIG("ZonalShiftConfigUpdate"), .initial = "false",
     .doc = "Whether AWS may do so."},

    {.path = "remoteNetworkConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS,
     .doc = "Networks of hybrid nodes; taken away by declaring both lists empty."},
    {.path = "remoteNetworkConfig.remoteNodeNetworks", .type = TYPE_OBJECT_LIST, BY_CONFIG("RemoteNetworkConfigUpdate"), .most = 1,
     .with = "remoteNetworkConfig.remoteNodeNetworks,remoteNetworkConfig.remotePodNetworks",
     .example = "[{\"cidrs\": [\"10.80.0.0/16\"]}]", .doc = "Where hybrid nodes are."},
    {.path = "remoteNetworkConfig.remoteNodeNetworks[].cidrs", .type = TYPE_TEXT_LIST, .unordered = true,
     BY_CONFIG("RemoteNetworkConfigUpdate"), .most = 15, .example = "[\"10.80.0.0/16\"]", .doc = "Address blocks, 15 at most."},
    {.path = "remoteNetworkConfig.remotePodNetworks", .type = TYPE_OBJECT_LIST, BY_CONFIG("RemoteNetworkConfigUpdate"), .most = 1,
     .with = "remoteNetworkConfig.remoteNodeNetworks,remoteNetworkConfig.remotePodNetworks",
     .example = "[{\"cidrs\": [\"10.85.0.0/16\"]}]", .doc = "Where the pods of hybrid nodes are."},
    {.path = "remoteNetworkConfig.remotePodNetworks[].cidrs", .type = TYPE_TEXT_LIST, .unordered = true,
     BY_CONFIG("RemoteNetworkConfigUpdate"), .most = 15, .example = "[\"10.85.0.0/16\"]", .doc = "Address blocks, 15 at most."},

    {.path = "computeConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Nodes of Auto Mode."},
    {.path = "computeConfig.enabled", .type = TYPE_BOOLEAN, AUTO_MODE, .initial = "false", .doc = "Whether Auto Mode makes nodes."},
    {.path = "computeConfig.nodePools", .type = TYPE_TEXT_LIST, .unordered = true, AUTO_MODE, .values = node_pools,
     .example = "[\"general-purpose\", \"system\"]", .doc = "Built-in node pools of Auto Mode."},
    {.path = "computeConfig.nodeRoleArn", .type = TYPE_TEXT, .change = CHANGE_SET_ONCE, .update = &eks_update_cluster_config,
     .update_type = "AutoModeUpdate", .reference = "IAMRole", .pattern = "arn:[a-z-]+:iam::[0-9]{12}:role/.+",
     .with = "computeConfig.enabled,kubernetesNetworkConfig.elasticLoadBalancing.enabled,storageConfig.blockStorage.enabled",
     .example = "{\"ref\": \"IAMRole/demo-node\"}", .doc = "Role of Auto Mode's nodes; fixed once Auto Mode is on."},
    {.path = "storageConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Storage of Auto Mode."},
    {.path = "storageConfig.blockStorage", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "EBS volumes of Auto Mode."},
    {.path = "storageConfig.blockStorage.enabled", .type = TYPE_BOOLEAN, AUTO_MODE, .initial = "false",
     .doc = "Whether Auto Mode makes EBS volumes."},

    {.path = "deletionProtection", .type = TYPE_BOOLEAN, BY_CONFIG("DeletionProtectionUpdate"), .initial = "false",
     .doc = "Whether EKS refuses to delete the cluster."},
    {.path = "controlPlaneScalingConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Capacity of the control plane."},
    {.path = "controlPlaneScalingConfig.tier", .type = TYPE_TEXT, BY_CONFIG("ControlPlaneScalingConfigUpdate"), .values = tiers,
     .doc = "Provisioned tier; standard scales by itself."},

    {.path = "arn", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "ARN of the cluster."},
    {.path = "endpoint", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "URL of the API server."},
    {.path = "certificateAuthority", .type = TYPE_OBJECT, .change = CHANGE_OBSERVED, .doc = "Authority that signed the API server's certificate."},
    {.path = "identity", .type = TYPE_OBJECT, .change = CHANGE_OBSERVED, .doc = "The cluster's own OIDC issuer."},
    {.path = "status", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "CREATING, ACTIVE, DELETING, FAILED, UPDATING or PENDING."},
    {.path = "platformVersion", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "EKS's own version of the control plane."},
    {.path = "health", .type = TYPE_OBJECT, .change = CHANGE_OBSERVED, .doc = "Problems that EKS sees."},
    {.path = "createdAt", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "When the cluster was created."},
    {.path = NULL},
};

static const struct rule rules[] = {
    {RULE_ALL_OR_NONE, "computeConfig.enabled,kubernetesNetworkConfig.elasticLoadBalancing.enabled,storageConfig.blockStorage.enabled",
     "Auto Mode is switched as one"},
    {RULE_NEEDS, "computeConfig.nodePools,computeConfig.nodeRoleArn", "the nodes of built-in node pools need a role"},
    {RULE_ANY_TRUE, "resourcesVpcConfig.endpointPublicAccess,resourcesVpcConfig.endpointPrivateAccess",
     "nothing could reach the API server otherwise"},
    {.paths = NULL},
};

static const struct kind_read reads[] = {{.operation = &eks_describe_cluster, .into = ""}, {.operation = NULL}};

static const struct attribute attributes[] = {
    {.name = "arn", .from = "arn", .predict = "arn:${partition}:eks:${region}:${accountId}:cluster/${name}", .doc = "ARN of the cluster."},
    {.name = "name", .from = "name", .predict = "${name}", .doc = "Name of the cluster."},
    {.name = "endpoint", .from = "endpoint", .doc = "URL of the API server."},
    {.name = "certificateAuthority", .from = "certificateAuthority.data", .doc = "The API server's certificate authority, in base64."},
    {.name = "oidcIssuer", .from = "identity.oidc.issuer", .doc = "URL of the cluster's OIDC issuer."},
    {.name = "clusterSecurityGroupId", .from = "resourcesVpcConfig.clusterSecurityGroupId",
     .doc = "Security group that EKS made for the control plane and its node groups."},
    {.name = "vpcId", .from = "resourcesVpcConfig.vpcId", .doc = "VPC that the cluster is attached to."},
    {.name = "version", .from = "version", .doc = "Kubernetes version that runs now."},
    {.name = "platformVersion", .from = "platformVersion", .doc = "EKS platform version that runs now."},
    {.name = "serviceIpv4Cidr", .from = "kubernetesNetworkConfig.serviceIpv4Cidr", .doc = "IPv4 address block of Services."},
    {.name = "serviceIpv6Cidr", .from = "kubernetesNetworkConfig.serviceIpv6Cidr", .doc = "IPv6 address block of Services."},
    {.name = NULL},
};

static const char *const ready[] = {"ACTIVE", NULL};
static const char *const moving[] = {"CREATING", "UPDATING", "DELETING", "PENDING", NULL};
static const char *const failed[] = {"FAILED", NULL};

const struct kind kind_cluster = {
    .name = "Cluster",
    .plural_doc = "clusters",
    .service = SERVICE_EKS,
    .scope = SCOPE_ACCOUNT,
    .serves_kubernetes = true,
    .name_member = "name",
    .fields = fields,
    .rules = rules,
    .create = &eks_create_cluster,
    .reads = reads,
    .list = &eks_list_clusters,
    .remove = &eks_delete_cluster,
    .status = "status",
    .ready = ready,
    .moving = moving,
    .failed = failed,
    .guarded_delete = true,
    .one_update_at_a_time = true,
    .create_ms = {9 * 60000, 15 * 60000},
    .update_ms = {4 * 60000, 12 * 60000},
    .delete_ms = {6 * 60000, 10 * 60000},
    .attributes = attributes,
    .doc = "An EKS cluster. Every manifest in its directory, and below, belongs to it.",
    .example = "apiVersion: eksact.dev/v1alpha1\n"
               "kind: Cluster\n"
               "metadata: {name: demo}\n"
               "spec:\n"
               "  region: eu-west-1\n"
               "  version: \"1.33\"\n"
               "  roleArn: {ref: IAMRole/demo-cluster}\n"
               "  resourcesVpcConfig:\n"
               "    subnetIds: [subnet-0a1, subnet-0b2]\n",
};
