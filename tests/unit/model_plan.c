/* model_plan.c: steps, their calls, their order, and the digests. */
#include "model_support.h"

static const char *call_text(struct scene *scene, const struct step *step) {
    TEXT_AUTO out;
    text_init(&out, 20000);
    for (size_t i = 0; i < step->call_count; i++)
        text_add(&out, "%s%s %s", i ? "\n" : "", step->calls[i].operation->name, json_text(scene->arena, &step->calls[i].input));
    return out.length ? text_copy(&out, scene->arena) : "";
}

static struct value merged(struct scene *scene, const char *base, const char *patch) {
    struct value one = json(scene->arena, base);
    struct value two = json(scene->arena, patch);
    return value_merge(scene->arena, &one, &two);
}

static const char *merged_text(struct scene *scene, const char *base, const char *patch) {
    struct value value = merged(scene, base, patch);
    return json_text(scene->arena, &value);
}

static void test_one_update_call_and_tags(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api",
              merged_text(&scene, NODE_GROUP_DESIRED,
                          "{\"scalingConfig\": {\"maxSize\": 4}, \"labels\": {\"pool\": \"web\"}, \"tags\": {\"team\": \"api\"},"
                          " \"taints\": [{\"key\": \"d\", \"effect\": \"NO_SCHEDULE\"}]}"),
              merged_text(&scene, NODE_GROUP_LIVE, "{\"labels\": {\"old\": \"1\"}, \"tags\": {\"left\": \"1\"}}"));
    scene_plan(&scene);
    assert_string_equal(
        call_text(&scene, scene_step(&scene, "NodeGroup/api")),
        "UpdateNodegroupConfig {\"clusterName\":\"demo\",\"labels\":{\"addOrUpdateLabels\":{\"pool\":\"web\"},\"removeLabels\":[\"old\"]},"
        "\"nodegroupName\":\"api\",\"scalingConfig\":{\"desiredSize\":4,\"maxSize\":4},"
        "\"taints\":{\"addOrUpdateTaints\":[{\"effect\":\"NO_SCHEDULE\",\"key\":\"d\"}]}}\n"
        "TagResource {\"resourceArn\":\"arn:ng\",\"tags\":{\"team\":\"api\"}}\n"
        "UntagResource {\"resourceArn\":\"arn:ng\",\"tagKeys\":[\"left\"]}");
    scene_done(&scene);
}

#define CLUSTER_DESIRED                                                                                                                    \
    "{\"name\": \"demo\", \"version\": \"1.33\", \"roleArn\": \"arn:aws:iam::111122223333:role/c\", \"resourcesVpcConfig\":"               \
    " {\"subnetIds\": [\"subnet-a\", \"subnet-b\"], \"endpointPublicAccess\": true}, \"tags\": {\"eksact.dev/fleet\": \"production\"}}"
#define CLUSTER_LIVE                                                                                                                       \
    "{\"name\": \"demo\", \"arn\": \"arn:c\", \"status\": \"ACTIVE\", \"version\": \"1.33\", \"roleArn\": "                                \
    "\"arn:aws:iam::111122223333:role/c\","                                                                                                \
    " \"resourcesVpcConfig\": {\"subnetIds\": [\"subnet-a\", \"subnet-b\"], \"endpointPublicAccess\": true, \"endpointPrivateAccess\": "   \
    "false},"                                                                                                                              \
    " \"upgradePolicy\": {\"supportType\": \"EXTENDED\"}, \"tags\": {\"eksact.dev/fleet\": \"production\"}}"

static void test_what_only_informs_is_not_sent(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api", merged_text(&scene, NODE_GROUP_DESIRED, "{\"scalingConfig\": {\"maxSize\": 20}}"),
              NODE_GROUP_LIVE);
    scene_plan(&scene);
    assert_string_equal(call_text(&scene, scene_step(&scene, "NodeGroup/api")),
                        "UpdateNodegroupConfig {\"clusterName\":\"demo\",\"nodegroupName\":\"api\",\"scalingConfig\":{\"maxSize\":20}}");
    scene_done(&scene);
}

static void test_one_update_type_a_call(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "Cluster", NULL, "demo",
              merged_text(&scene, CLUSTER_DESIRED,
                          "{\"version\": \"1.34\", \"resourcesVpcConfig\": {\"subnetIds\": [\"subnet-a\", \"subnet-c\"],"
                          " \"endpointPrivateAccess\": true}, \"upgradePolicy\": {\"supportType\": \"STANDARD\"}}"),
              CLUSTER_LIVE);
    scene_plan(&scene);
    const struct step *step = scene_step(&scene, "Cluster/demo");
    assert_int_equal(step->call_count, 4);
    static const char *const types[] = {"VersionUpdate", "VpcConfigUpdate", "EndpointAccessUpdate", "UpgradePolicyUpdate"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(step->calls[i].update_type, types[i]);
        assert_string_equal(value_text_at(&step->calls[i].input, "name"), "demo");
    }
    assert_string_equal(json_of(scene.arena, value_at(&step->calls[2].input, "resourcesVpcConfig")), "{\"endpointPrivateAccess\":true}");
    assert_true(step->disruptive);
    assert_true(step->eks_update);
    scene_done(&scene);
}

static void test_iam_calls_item_by_item(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const char *trust =
        "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"ec2.amazonaws.com\"},"
        " \"Action\": \"sts:AssumeRole\"}]}";
    scene_add(
        &scene, "IAMRole", NULL, "node",
        arena_text(
            scene.arena,
            "{\"roleName\": \"node\", \"path\": \"/\", \"assumeRolePolicyDocument\": %s, \"managedPolicyArns\": [\"arn:b\", \"arn:a\"],"
            " \"inlinePolicies\": {\"p\": {\"Statement\": [{\"Action\": \"x\"}]}}}",
            trust),
        arena_text(scene.arena,
                   "{\"roleName\": \"node\", \"path\": \"/\", \"arn\": \"arn:r\", \"assumeRolePolicyDocument\": %s,"
                   " \"managedPolicyArns\": [\"arn:a\", \"arn:old\"], \"inlinePolicies\": {\"gone\": {\"Statement\": []}}}",
                   trust));
    scene_plan(&scene);
    assert_string_equal(
        call_text(&scene, scene_step(&scene, "IAMRole/node")),
        "DetachRolePolicy {\"policyArn\":\"arn:old\",\"roleName\":\"node\"}\n"
        "AttachRolePolicy {\"policyArn\":\"arn:b\",\"roleName\":\"node\"}\n"
        "PutRolePolicy {\"policyDocument\":{\"Statement\":[{\"Action\":\"x\"}]},\"policyName\":\"p\",\"roleName\":\"node\"}\n"
        "DeleteRolePolicy {\"policyName\":\"gone\",\"roleName\":\"node\"}");
    scene_done(&scene);
}

static void test_replacement_of_nodes_is_made_first(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api", merged_text(&scene, NODE_GROUP_DESIRED, "{\"instanceTypes\": [\"g5.xlarge\"]}"),
              NODE_GROUP_LIVE);
    scene_plan(&scene);
    const struct step *step = scene_step(&scene, "NodeGroup/api");
    assert_int_equal(step->action, ACTION_REPLACE);
    assert_int_equal(step->call_count, 2);
    assert_string_equal(step->calls[0].operation->name, "CreateNodegroup");
    const char *name = value_text_at(&step->calls[0].input, "nodegroupName");
    assert_true(text_starts(name, "api-") && strlen(name) == 8);
    assert_string_equal(step->calls[1].operation->name, "DeleteNodegroup");
    assert_string_equal(value_text_at(&step->calls[1].input, "nodegroupName"), "api");
    assert_int_equal(step->calls[1].after, CALL_AFTER_READY);
    scene_done(&scene);
}

static void test_a_cluster_that_does_not_exist_yet(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *role = scene_add(&scene, "IAMRole", NULL, "node",
                                      "{\"roleName\": \"node\", \"path\": \"/\", \"assumeRolePolicyDocument\": {\"Statement\": []},"
                                      " \"managedPolicyArns\": [\"arn:a\"]}",
                                      NULL);
    struct resource *cluster = scene_add(&scene, "Cluster", NULL, "demo", CLUSTER_DESIRED, NULL);
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NULL);
    struct resource *web =
        scene_add(&scene, "Deployment", "shop", "web",
                  "{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"metadata\": {\"name\": \"web\"}, \"spec\": {}}", NULL);
    scene.kubernetes.cluster = cluster;
    scene_edge(&scene, cluster, role, GATE_DONE, "its role");
    scene_edge(&scene, group, cluster, GATE_READY, "its cluster");
    scene_edge(&scene, web, group, GATE_READY, "nodes to run on");
    scene_plan(&scene);
    assert_int_equal(plan_count(&scene.plan, ACTION_CREATE), 4);
    assert_int_equal(scene.plan.wave_count, 4);
    assert_int_equal(scene_step(&scene, "IAMRole/node")->wave, 1);
    assert_int_equal(scene_step(&scene, "Cluster/demo")->wave, 2);
    assert_int_equal(scene_step(&scene, "NodeGroup/api")->wave, 3);
    assert_int_equal(scene_step(&scene, "Deployment/shop/web")->wave, 4);
    assert_int_equal(scene_step(&scene, "IAMRole/node")->call_count, 2);
    assert_int_equal(scene_step(&scene, "NodeGroup/api")->cluster, scene_step(&scene, "Deployment/shop/web")->cluster);
    assert_int_equal(plan_exit_code(&scene.plan), PLAN_CHANGES);
    assert_true(scene.plan.forecast_ms[0] > 0 && scene.plan.forecast_ms[1] >= scene.plan.forecast_ms[0]);
    assert_int_equal(scene.plan.peak_disruption, 0);
    scene_done(&scene);
}

static void test_versions_go_in_hops(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *cluster =
        scene_add(&scene, "Cluster", NULL, "demo", merged_text(&scene, CLUSTER_DESIRED, "{\"version\": \"1.36\"}"), CLUSTER_LIVE);
    struct resource *group =
        scene_add(&scene, "NodeGroup", NULL, "api", merged_text(&scene, NODE_GROUP_DESIRED, "{\"version\": \"1.36\"}"), NODE_GROUP_LIVE);
    scene_edge(&scene, group, cluster, GATE_READY, "its cluster");
    scene_plan(&scene);
    const struct step *first = scene_step(&scene, "Cluster/demo");
    const struct step *second = scene_step(&scene, "NodeGroup/api");
    assert_string_equal(value_text_at(&first->calls[0].input, "version"), "1.34");
    assert_non_null(strstr(first->reason, "1.36"));
    assert_string_equal(value_text_at(&second->calls[0].input, "version"), "1.34");
    assert_true(first->wave < second->wave);
    scene_done(&scene);
}

static void test_lagging_nodes_come_before_the_next_hop(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *cluster = scene_add(&scene, "Cluster", NULL, "demo", merged_text(&scene, CLUSTER_DESIRED, "{\"version\": \"1.36\"}"),
                                         merged_text(&scene, CLUSTER_LIVE, "{\"version\": \"1.34\"}"));
    struct resource *group =
        scene_add(&scene, "NodeGroup", NULL, "api", merged_text(&scene, NODE_GROUP_DESIRED, "{\"version\": \"1.36\"}"), NODE_GROUP_LIVE);
    scene_edge(&scene, group, cluster, GATE_READY, "its cluster");
    scene_plan(&scene);
    assert_string_equal(value_text_at(&scene_step(&scene, "NodeGroup/api")->calls[0].input, "version"), "1.34");
    assert_string_equal(value_text_at(&scene_step(&scene, "Cluster/demo")->calls[0].input, "version"), "1.35");
    assert_true(scene_step(&scene, "NodeGroup/api")->wave < scene_step(&scene, "Cluster/demo")->wave);
    scene_done(&scene);
}

static void test_old_versions_are_refused(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api", merged_text(&scene, NODE_GROUP_DESIRED, "{\"version\": \"1.32\"}"), NODE_GROUP_LIVE);
    scene_plan(&scene);
    assert_int_equal(scene.plan.step_count, 0);
    assert_int_equal(scene.differences.items[0].type, DIFFERENCE_REFUSED);
    assert_int_equal(plan_exit_code(&scene.plan), PLAN_PARTIAL);
    scene_done(&scene);
}

static void test_deletes_run_against_the_order(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *cluster = scene_add(&scene, "Cluster", NULL, "demo", CLUSTER_DESIRED, CLUSTER_LIVE);
    scene.kubernetes.cluster = cluster;
    scene_stray(&scene, "IAMRole", NULL, "node", "{\"roleName\": \"node\", \"managedPolicyArns\": [\"arn:a\"]}");
    scene_stray(&scene, "NodeGroup", NULL, "old", "{\"clusterName\": \"demo\", \"nodegroupName\": \"old\"}");
    scene_stray(&scene, "Namespace", NULL, "shop", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\"}");
    scene_stray(&scene, "Service", "shop", "web", "{\"apiVersion\": \"v1\", \"kind\": \"Service\"}");
    scene_plan(&scene);
    unsigned service = scene_step(&scene, "Service/shop/web")->wave;
    assert_true(service < scene_step(&scene, "Namespace/shop")->wave);
    assert_true(service < scene_step(&scene, "NodeGroup/old")->wave);
    assert_true(scene_step(&scene, "NodeGroup/old")->wave < scene_step(&scene, "IAMRole/node")->wave);
    assert_string_equal(call_text(&scene, scene_step(&scene, "IAMRole/node")),
                        "DetachRolePolicy {\"policyArn\":\"arn:a\",\"roleName\":\"node\"}\nDeleteRole {\"roleName\":\"node\"}");
    scene_done(&scene);
}

static void test_what_depends_on_the_unknown_waits(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *cluster = scene_add(&scene, "Cluster", NULL, "demo", CLUSTER_DESIRED, NULL);
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NULL);
    scene_live(&scene, cluster)->presence = LIVE_UNKNOWN;
    scene_edge(&scene, group, cluster, GATE_READY, "its cluster");
    scene_plan(&scene);
    assert_non_null(strstr(scene_step(&scene, "NodeGroup/api")->waits, "Cluster/demo"));
    assert_int_equal(scene.plan.unknown_count, 1);
    assert_false(scene.plan.applyable);
    assert_int_equal(plan_exit_code(&scene.plan), PLAN_PARTIAL);
    scene_done(&scene);
}

static const char *digest_of(const char *desired_patch, const char *live_patch, const char **live_digest) {
    static char digests[2][65];
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api", merged_text(&scene, NODE_GROUP_DESIRED, desired_patch),
              merged_text(&scene, NODE_GROUP_LIVE, live_patch));
    scene_plan(&scene);
    snprintf(digests[0], sizeof digests[0], "%s", scene.plan.digest);
    snprintf(digests[1], sizeof digests[1], "%s", scene.plan.live_digest);
    scene_done(&scene);
    *live_digest = digests[1];
    return digests[0];
}

static void test_digests(void **state) {
    (void)state;
    const char *live = NULL;
    char first[65];
    char first_live[65];
    snprintf(first, sizeof first, "%s", digest_of("{\"scalingConfig\": {\"maxSize\": 20}}", "{}", &live));
    snprintf(first_live, sizeof first_live, "%s", live);
    assert_string_equal(digest_of("{\"scalingConfig\": {\"maxSize\": 20}}", "{}", &live), first);
    assert_string_equal(live, first_live);
    assert_string_not_equal(digest_of("{\"scalingConfig\": {\"maxSize\": 21}}", "{}", &live), first);
    assert_string_equal(live, first_live);
    /* A field that nobody declared moved: the plan still holds. */
    assert_string_equal(digest_of("{\"scalingConfig\": {\"maxSize\": 20}}", "{\"releaseVersion\": \"2\"}", &live), first);
    assert_string_equal(live, first_live);
    digest_of("{\"scalingConfig\": {\"maxSize\": 20}}", "{\"scalingConfig\": {\"maxSize\": 12}}", &live);
    assert_string_not_equal(live, first_live);
}

static void test_nothing_to_do(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    scene_plan(&scene);
    assert_int_equal(scene.plan.step_count, 0);
    assert_int_equal(plan_exit_code(&scene.plan), PLAN_NONE);
    scene_done(&scene);
}

static void test_an_error_in_git_is_partial(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    findings_add(&scene.findings, scene.arena, (struct place){.file = "a.yaml", .line = 1, .column = 2}, NULL, "unknown field");
    scene_plan(&scene);
    assert_int_equal(plan_exit_code(&scene.plan), PLAN_PARTIAL);
    scene_done(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_update_call_and_tags),
        cmocka_unit_test(test_what_only_informs_is_not_sent),
        cmocka_unit_test(test_one_update_type_a_call),
        cmocka_unit_test(test_iam_calls_item_by_item),
        cmocka_unit_test(test_replacement_of_nodes_is_made_first),
        cmocka_unit_test(test_a_cluster_that_does_not_exist_yet),
        cmocka_unit_test(test_versions_go_in_hops),
        cmocka_unit_test(test_lagging_nodes_come_before_the_next_hop),
        cmocka_unit_test(test_old_versions_are_refused),
        cmocka_unit_test(test_deletes_run_against_the_order),
        cmocka_unit_test(test_what_depends_on_the_unknown_waits),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_an_error_in_git_is_partial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
