/* node_group.c: rows of NodeGroup. Source: EKS API 2017-11-01, CreateNodegroup, UpdateNodegroupConfig, UpdateNodegroupVersion,
 * DescribeNodegroup. */
#include "operations.h"

#define BY_CONFIG .change = CHANGE_IN_PLACE, .update = &eks_update_nodegroup_config
/* An update to another template version names the template that the node group was created with. */
#define BY_VERSION .change = CHANGE_IN_PLACE, .update = &eks_update_nodegroup_version, .update_type = "VersionUpdate"

static const char *const ami_types[] = {
    "AL2_x86_64", "AL2_x86_64_GPU", "AL2_ARM_64", "CUSTOM", "BOTTLEROCKET_ARM_64", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64_FIPS",
    "BOTTLEROCKET_x86_64_FIPS", "BOTTLEROCKET_ARM_64_NVIDIA", "BOTTLEROCKET_x86_64_NVIDIA", "BOTTLEROCKET_ARM_64_NVIDIA_FIPS",
    "BOTTLEROCKET_x86_64_NVIDIA_FIPS", "WINDOWS_CORE_2019_x86_64", "WINDOWS_FULL_2019_x86_64", "WINDOWS_CORE_2022_x86_64",
    "WINDOWS_FULL_2022_x86_64", "WINDOWS_CORE_2025_x86_64", "WINDOWS_FULL_2025_x86_64", "AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NEURON", "AL2023_x86_64_NVIDIA", "AL2023_ARM_64_NVIDIA", NULL,
};
static const char *const capacity_types[] = {"ON_DEMAND", "SPOT", "CAPACITY_BLOCK", NULL};
static const char *const effects[] = {"NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE", NULL};
static const char *const strategies[] = {"DEFAULT", "MINIMAL", NULL};
static const char *const repair_actions[] = {"Replace", "Reboot", "NoAction", NULL};
static const char *const pool_states[] = {"STOPPED", "RUNNING", "HIBERNATED", NULL};

static const struct field fields[] = {
    {.path = "clusterName", .type = TYPE_TEXT, .change = CHANGE_REQUEST,
     .doc = "the Cluster that owns the manifest's directory is the one"},
    {.path = "nodegroupName", .type = TYPE_TEXT, .name = true, .least = 1, .most = 63, .pattern = "[0-9A-Za-z][A-Za-z0-9_-]*",
     .doc = "The node group's name, from metadata.name."},
    {.path = "nodeRole", .type = TYPE_TEXT, .required = true, .reference = "IAMRole", .pattern = "arn:[a-z-]+:iam::[0-9]{12}:role/.+",
     .example = "{\"ref\": \"IAMRole/demo-node\"}", .doc = "IAM role of the nodes."},
    {.path = "subnets", .type = TYPE_TEXT_LIST, .required = true, .unordered = true, .least = 1, .most = 64,
     .example = "[\"subnet-0a1\", \"subnet-0b2\"]", .doc = "Subnets that the nodes are put in."},

    {.path = "scalingConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "How many nodes; all three numbers, or none."},
    {.path = "scalingConfig.minSize", .type = TYPE_INTEGER, BY_CONFIG, .least = 0, .most = 1000, .example = "1", .doc = "Fewest nodes."},
    {.path = "scalingConfig.maxSize", .type = TYPE_INTEGER, BY_CONFIG, .least = 1, .most = 1000, .example = "6", .doc = "Most nodes."},
    {.path = "scalingConfig.desiredSize", .type = TYPE_INTEGER, BY_CONFIG, .unowned = true,
     .clamp = "scalingConfig.minSize,scalingConfig.maxSize", .least = 0, .most = 1000, .example = "2",
     .doc = "Nodes to begin with; then the autoscaler's, unless the annotation eksact.dev/owns: desiredSize claims it."},

    {.path = "diskSize", .type = TYPE_INTEGER, .least = 1, .most = 65536, .example = "50",
     .doc = "GiB of a node's root disk; absent: 20, with Windows 50. Not together with a launch template."},
    {.path = "instanceTypes", .type = TYPE_TEXT_LIST, .least = 1, .most = 30, .example = "[\"m7g.large\", \"m6g.large\"]",
     .doc = "EC2 instance types, the preferred first."},
    {.path = "amiType", .type = TYPE_TEXT, .values = ami_types, .example = "\"AL2023_ARM_64_STANDARD\"",
     .doc = "Family of machine images that EKS keeps for this node group."},
    {.path = "capacityType", .type = TYPE_TEXT, .values = capacity_types, .initial = "\"ON_DEMAND\"", .doc = "How the instances are bought."},
    {.path = "remoteAccess", .type = TYPE_OBJECT, .doc = "SSH to the nodes."},
    {.path = "remoteAccess.ec2SshKey", .type = TYPE_TEXT, .example = "\"operators\"", .doc = "Name of an EC2 key pair."},
    {.path = "remoteAccess.sourceSecurityGroups", .type = TYPE_TEXT_LIST, .unordered = true, .example = "[\"sg-0a1\"]",
     .doc = "Security groups that may reach port 22; absent with a key: everybody."},

    {.path = "labels", .type = TYPE_TEXT_MAP, BY_CONFIG, .encode = ENCODE_DELTA, .add_path = "labels.addOrUpdateLabels",
     .remove_path = "labels.removeLabels", .most = 50, .example = "{\"pool\": \"api\"}", .doc = "Kubernetes labels of every node."},
    {.path = "taints", .type = TYPE_OBJECT_LIST, .unordered = true, .item_key = "key,effect", BY_CONFIG, .encode = ENCODE_DELTA,
     .add_path = "taints.addOrUpdateTaints", .remove_path = "taints.removeTaints", .most = 50,
     .example = "[{\"key\": \"gpu\", \"value\": \"true\", \"effect\": \"NO_SCHEDULE\"}]", .doc = "Kubernetes taints of every node."},
    {.path = "taints[].key", .type = TYPE_TEXT, .required = true, BY_CONFIG, .least = 1, .most = 63, .example = "\"gpu\"",
     .doc = "Key of the taint."},
    {.path = "taints[].value", .type = TYPE_TEXT, BY_CONFIG, .most = 63, .example = "\"true\"", .doc = "Value of the taint."},
    {.path = "taints[].effect", .type = TYPE_TEXT, .required = true, BY_CONFIG, .values = effects, .doc = "What it does to pods without a toleration."},
    {.path = "tags", .type = TYPE_TEXT_MAP, .change = CHANGE_IN_PLACE, .encode = ENCODE_TAGS, .update = &eks_tag_nodegroup,
     .remove = &eks_untag_nodegroup, .add_path = "tags", .remove_path = "tagKeys", .most = 50, .example = "{\"team\": \"shop\"}",
     .doc = "AWS tags of the node group itself; they do not spread to its instances."},
    {.path = "clientRequestToken", .type = TYPE_TEXT, .change = CHANGE_REQUEST,
     .doc = "eksact makes it from the resource and what is declared, so that a repeated call is one change"},
    {.path = "force", .type = TYPE_BOOLEAN, .change = CHANGE_REQUEST,
     .doc = "a forced update would evict pods against their PodDisruptionBudgets: change the budget instead"},

    {.path = "launchTemplate", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "EC2 launch template of the nodes, by id or by name."},
    {.path = "launchTemplate.id", .type = TYPE_TEXT, .example = "\"lt-0a1\"", .doc = "Id of the template."},
    {.path = "launchTemplate.name", .type = TYPE_TEXT, .example = "\"api-workers\"", .doc = "Name of the template."},
    {.path = "launchTemplate.version", .type = TYPE_TEXT, BY_VERSION, .with = "launchTemplate.id,launchTemplate.name", .pattern = "[0-9]+",
     .example = "\"7\"", .doc = "Version of the template, a number; absent: its default version at creation."},

    {.path = "updateConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "How many nodes an update takes at once."},
    {.path = "updateConfig.maxUnavailable", .type = TYPE_INTEGER, BY_CONFIG, .least = 1, .most = 100, .example = "1",
     .doc = "As a number of nodes; not together with maxUnavailablePercentage."},
    {.path = "updateConfig.maxUnavailablePercentage", .type = TYPE_INTEGER, BY_CONFIG, .least = 1, .most = 100, .example = "10",
     .doc = "As a part of the nodes; not together with maxUnavailable."},
    {.path = "updateConfig.updateStrategy", .type = TYPE_TEXT, BY_CONFIG, .values = strategies,
     .doc = "DEFAULT starts new nodes before old ones go; MINIMAL ends old ones first."},

    {.path = "nodeRepairConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Whether EKS repairs nodes, and how carefully."},
    {.path = "nodeRepairConfig.enabled", .type = TYPE_BOOLEAN, BY_CONFIG, .doc = "Whether unhealthy nodes are repaired."},
    {.path = "nodeRepairConfig.maxUnhealthyNodeThresholdCount", .type = TYPE_INTEGER, BY_CONFIG, .least = 1, .most = 1000, .example = "5",
     .doc = "With more unhealthy nodes than this nothing is repaired; not together with the percentage."},
    {.path = "nodeRepairConfig.maxUnhealthyNodeThresholdPercentage", .type = TYPE_INTEGER, BY_CONFIG, .least = 1, .most = 100,
     .example = "20", .doc = "The same as a part of the nodes."},
    {.path = "nodeRepairConfig.maxParallelNodesRepairedCount", .type = TYPE_INTEGER, BY_CONFIG, .least = 1, .most = 1000, .example = "1",
     .doc = "Most nodes repaired at once; not together with the percentage."},
    {.path = "nodeRepairConfig.maxParallelNodesRepairedPercentage", .type = TYPE_INTEGER, BY_CONFIG, .least = 1, .most = 100,
     .example = "10", .doc = "The same as a part of the unhealthy nodes."},
    {.path = "nodeRepairConfig.nodeRepairConfigOverrides", .type = TYPE_OBJECT_LIST, .unordered = true,
     .item_key = "nodeMonitoringCondition,nodeUnhealthyReason", BY_CONFIG, .most = 100,
     .example = "[{\"nodeMonitoringCondition\": \"AcceleratedHardwareReady\", \"nodeUnhealthyReason\": \"NvidiaXID13Error\","
                " \"minRepairWaitTimeMins\": 10, \"repairAction\": \"Reboot\"}]",
     .doc = "What to do about certain conditions instead."},
    {.path = "nodeRepairConfig.nodeRepairConfigOverrides[].nodeMonitoringCondition", .type = TYPE_TEXT, .required = true, BY_CONFIG,
     .doc = "Condition of the node."},
    {.path = "nodeRepairConfig.nodeRepairConfigOverrides[].nodeUnhealthyReason", .type = TYPE_TEXT, .required = true, BY_CONFIG,
     .doc = "Reason that the condition gives."},
    {.path = "nodeRepairConfig.nodeRepairConfigOverrides[].minRepairWaitTimeMins", .type = TYPE_INTEGER, .required = true, BY_CONFIG,
     .least = 1, .most = 100000, .example = "10", .doc = "Minutes to wait before repairing."},
    {.path = "nodeRepairConfig.nodeRepairConfigOverrides[].repairAction", .type = TYPE_TEXT, .required = true, BY_CONFIG,
     .values = repair_actions, .doc = "What to do."},

    {.path = "version", .type = TYPE_TEXT, BY_VERSION, .pattern = "1\\.[0-9]{1,3}", .example = "\"1.33\"",
     .doc = "Kubernetes minor version of the nodes; absent: the cluster's at creation, then left alone. It never falls."},
    {.path = "releaseVersion", .type = TYPE_TEXT, BY_VERSION, .example = "\"1.33.0-20250704\"",
     .doc = "Version of the machine image; absent: the newest at creation, then left alone."},

    {.path = "warmPoolConfig", .type = TYPE_OBJECT, .change = CHANGE_MEMBERS, .doc = "Instances kept initialised for fast scaling."},
    {.path = "warmPoolConfig.enabled", .type = TYPE_BOOLEAN, BY_CONFIG, .doc = "Whether there is a warm pool."},
    {.path = "warmPoolConfig.minSize", .type = TYPE_INTEGER, BY_CONFIG, .least = 0, .most = 1000, .example = "1", .doc = "Fewest warm instances."},
    {.path = "warmPoolConfig.maxGroupPreparedCapacity", .type = TYPE_INTEGER, BY_CONFIG, .least = -1, .most = 1000, .example = "4",
     .doc = "Most instances, warm and in service together."},
    {.path = "warmPoolConfig.poolState", .type = TYPE_TEXT, BY_CONFIG, .values = pool_states, .doc = "State that warm instances wait in."},
    {.path = "warmPoolConfig.reuseOnScaleIn", .type = TYPE_BOOLEAN, BY_CONFIG, .doc = "Whether instances go back to the pool on scale-in."},

    {.path = "nodegroupArn", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "ARN of the node group."},
    {.path = "status", .type = TYPE_TEXT, .change = CHANGE_OBSERVED,
     .doc = "CREATING, ACTIVE, UPDATING, DELETING, CREATE_FAILED, DELETE_FAILED or DEGRADED."},
    {.path = "health", .type = TYPE_OBJECT, .change = CHANGE_OBSERVED, .doc = "Problems that EKS sees."},
    {.path = "resources", .type = TYPE_OBJECT, .change = CHANGE_OBSERVED, .doc = "Auto Scaling groups and security group that EKS made."},
    {.path = "createdAt", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "When the node group was created."},
    {.path = "modifiedAt", .type = TYPE_TEXT, .change = CHANGE_OBSERVED, .doc = "When it last changed."},
    {.path = NULL},
};

static const struct rule rules[] = {
    {RULE_ALL_OR_NONE, "scalingConfig.minSize,scalingConfig.maxSize,scalingConfig.desiredSize", "EKS creates a node group with all three or none"},
    {RULE_ASCENDING, "scalingConfig.minSize,scalingConfig.desiredSize,scalingConfig.maxSize", "EKS refuses the call otherwise"},
    {RULE_AT_MOST_ONE, "updateConfig.maxUnavailable,updateConfig.maxUnavailablePercentage", "they say the same twice"},
    {RULE_AT_MOST_ONE, "nodeRepairConfig.maxUnhealthyNodeThresholdCount,nodeRepairConfig.maxUnhealthyNodeThresholdPercentage",
     "they say the same twice"},
    {RULE_AT_MOST_ONE, "nodeRepairConfig.maxParallelNodesRepairedCount,nodeRepairConfig.maxParallelNodesRepairedPercentage",
     "they say the same twice"},
    {RULE_EXACTLY_ONE, "launchTemplate.id,launchTemplate.name", "either names the template"},
    {RULE_AT_MOST_ONE, "diskSize,launchTemplate", "the disk is then in the launch template"},
    {RULE_AT_MOST_ONE, "remoteAccess,launchTemplate", "the key and the security groups are then in the launch template"},
    {.paths = NULL},
};

static const struct kind_read reads[] = {{.operation = &eks_describe_nodegroup, .into = ""}, {.operation = NULL}};

static const struct attribute attributes[] = {
    {.name = "name", .from = "nodegroupName", .predict = "${nodegroupName}", .doc = "Name of the node group."},
    {.name = "arn", .from = "nodegroupArn", .doc = "ARN of the node group; it ends with an id that EKS makes."},
    {.name = "version", .from = "version", .doc = "Kubernetes version that its nodes run."},
    {.name = "releaseVersion", .from = "releaseVersion", .doc = "Machine image version that its nodes run."},
    {.name = NULL},
};

static const char *const ready[] = {"ACTIVE", NULL};
static const char *const moving[] = {"CREATING", "UPDATING", "DELETING", NULL};
static const char *const failed[] = {"CREATE_FAILED", "DELETE_FAILED", "DEGRADED", NULL};

const struct kind kind_node_group = {
    .name = "NodeGroup",
    .plural_doc = "node groups",
    .service = SERVICE_EKS,
    .scope = SCOPE_CLUSTER,
    .runs_pods = true,
    .cluster_member = "clusterName",
    .name_member = "nodegroupName",
    .fields = fields,
    .rules = rules,
    .create = &eks_create_nodegroup,
    .reads = reads,
    .list = &eks_list_nodegroups,
    .remove = &eks_delete_nodegroup,
    .status = "status",
    .ready = ready,
    .moving = moving,
    .failed = failed,
    .guarded_delete = true,
    .create_first = true,
    .one_update_at_a_time = true,
    .create_ms = {2 * 60000, 5 * 60000},
    .update_ms = {4 * 60000, 15 * 60000},
    .delete_ms = {3 * 60000, 8 * 60000},
    .attributes = attributes,
    .doc = "A managed node group of the cluster that owns the manifest's directory.",
    .example = "apiVersion: eksact.dev/v1alpha1\n"
               "kind: NodeGroup\n"
               "metadata: {name: api-workers}\n"
               "spec:\n"
               "  nodeRole: {ref: IAMRole/demo-node}\n"
               "  subnets: [subnet-0a1, subnet-0b2]\n"
               "  instanceTypes: [m7g.large]\n"
               "  amiType: AL2023_ARM_64_STANDARD\n"
               "  scalingConfig: {minSize: 1, maxSize: 6, desiredSize: 2}\n"
               "  updateConfig: {maxUnavailable: 1}\n",
};
