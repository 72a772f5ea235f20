/* model_diff.c: what counts as different, by the rows of AWS kinds and by the API server's answers. */
#include "model_support.h"
#include "model/differ.h"

static struct value with(struct arena *arena, const char *base, const char *patch) {
    struct value a = json(arena, base);
    struct value b = json(arena, patch);
    return value_merge(arena, &a, &b);
}

/* Patches over a node group in order, and the changes that must come out: "path=before>after" a change, separated by spaces. */
static const struct node_group_case {
    const char *name, *desired, *live;
    enum difference_type type;
    const char *changes;
} node_group_cases[] = {
    {"equal, though lists are ordered otherwise", "{}", "{}", DIFFERENCE_NONE, ""},
    {"a field that git does not name is not ours", "{}", "{\"updateConfig\": {\"maxUnavailable\": 3}}", DIFFERENCE_NONE, ""},
    {"a larger bound", "{\"scalingConfig\": {\"maxSize\": 20}}", "{}", DIFFERENCE_CHANGE,
     "scalingConfig.maxSize=10>20 scalingConfig.desiredSize=5>5"},
    {"an unowned size alone", "{\"scalingConfig\": {\"desiredSize\": 3}}", "{}", DIFFERENCE_NONE, NULL},
    {"bounds that push the unowned size down", "{\"scalingConfig\": {\"maxSize\": 4}}", "{}", DIFFERENCE_CHANGE,
     "scalingConfig.maxSize=10>4 scalingConfig.desiredSize=5>4"},
    {"bounds that push the unowned size up", "{\"scalingConfig\": {\"minSize\": 7}}", "{}", DIFFERENCE_CHANGE,
     "scalingConfig.minSize=1>7 scalingConfig.desiredSize=5>7"},
    {"an initial value that is declared", "{\"capacityType\": \"ON_DEMAND\"}", "{\"capacityType\": null}", DIFFERENCE_NONE, ""},
    {"another instance type", "{\"instanceTypes\": [\"m7g.xlarge\"]}", "{}", DIFFERENCE_REPLACE,
     "instanceTypes=[\"m7g.large\"]>[\"m7g.xlarge\"]"},
    {"order matters where it does", "{\"instanceTypes\": [\"b\", \"a\"]}", "{\"instanceTypes\": [\"a\", \"b\"]}", DIFFERENCE_REPLACE,
     "instanceTypes=[\"a\",\"b\"]>[\"b\",\"a\"]"},
    {"a label changed, one gone, one new", "{\"labels\": {\"pool\": \"web\", \"new\": \"1\"}}", "{\"labels\": {\"old\": \"1\"}}",
     DIFFERENCE_CHANGE, "labels[new]=>\"1\" labels[pool]=\"api\">\"web\" labels[old]=\"1\">"},
    {"a tag that left git", "{}", "{\"tags\": {\"left\": \"1\"}}", DIFFERENCE_CHANGE, "tags[left]=\"1\">"},
    {"tags of AWS and its tools stay", "{}",
     "{\"tags\": {\"eks:cluster-name\": \"demo\", \"kubernetes.io/x\": \"1\", \"alpha.eksctl.io/y\": \"1\"}}", DIFFERENCE_NONE, ""},
    {"no tag of git's own: the map is not ours", "{\"tags\": {\"team\": null}}", "{}", DIFFERENCE_NONE, ""},
    {"taints are keyed by key and effect", "{\"taints\": [{\"key\": \"d\", \"value\": \"api\", \"effect\": \"NO_SCHEDULE\"}]}",
     "{\"taints\": [{\"key\": \"d\", \"value\": \"old\", \"effect\": \"NO_SCHEDULE\"}, {\"key\": \"d\", \"value\": \"x\", \"effect\": "
     "\"NO_EXECUTE\"}]}",
     DIFFERENCE_CHANGE,
     "taints[d,NO_EXECUTE]={\"effect\":\"NO_EXECUTE\",\"key\":\"d\",\"value\":\"x\"}> "
     "taints[d,NO_SCHEDULE]={\"effect\":\"NO_SCHEDULE\",\"key\":\"d\",\"value\":\"old\"}>{\"effect\":\"NO_SCHEDULE\",\"key\":\"d\","
     "\"value\":\"api\"}"},
};

static const char *change_text(struct arena *arena, const struct difference *difference) {
    TEXT_AUTO out;
    text_init(&out, 10000);
    for (size_t i = 0; i < difference->change_count; i++) {
        const struct change *change = &difference->changes[i];
        text_add(&out, "%s%s=%s>%s", i ? " " : "", change->path, change->before ? json_text(arena, change->before) : "",
                 change->after ? json_text(arena, change->after) : "");
    }
    return out.length ? text_copy(&out, arena) : "";
}

static void test_node_group_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof node_group_cases / sizeof *node_group_cases; i++) {
        const struct node_group_case *row = &node_group_cases[i];
        struct scene scene;
        scene_init(&scene);
        struct value desired = with(scene.arena, NODE_GROUP_DESIRED, "{\"scalingConfig\": {\"desiredSize\": 5}}");
        desired = with(scene.arena, json_text(scene.arena, &desired), row->desired);
        struct value live = with(scene.arena, NODE_GROUP_LIVE, row->live);
        struct resource *group =
            scene_add(&scene, "NodeGroup", NULL, "api", json_text(scene.arena, &desired), json_text(scene.arena, &live));
        scene_diff(&scene);
        const struct difference *difference = scene_difference(&scene, group);
        const char *text = change_text(scene.arena, difference);
        if (difference->type != row->type)
            fail_msg("%s: type %d, not %d: %s (%s)", row->name, (int)difference->type, (int)row->type, text,
                     difference->reason ? difference->reason : "");
        /* The row without bounds pressure only informs about the size. */
        if (row->changes && !text_equal(text, row->changes) && !text_starts(row->changes, text))
            fail_msg("%s: %s, not %s", row->name, text, row->changes);
        scene_done(&scene);
    }
}

static void test_claimed_size_is_ours(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    static const char *const owns[] = {"scalingConfig.desiredSize", NULL};
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    group->owns = owns;
    scene_diff(&scene);
    assert_string_equal(change_text(scene.arena, scene_difference(&scene, group)), "scalingConfig.desiredSize=5>2");
    assert_false(scene_difference(&scene, group)->changes[0].informs);
    scene_done(&scene);
}

static void test_unowned_size_is_said_and_not_written(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    scene_diff(&scene);
    const struct difference *difference = scene_difference(&scene, group);
    assert_int_equal(difference->type, DIFFERENCE_NONE);
    assert_int_equal(difference->change_count, 1);
    assert_true(difference->changes[0].informs);
    assert_string_equal(difference->changes[0].note, "left to the autoscaler");
    scene_done(&scene);
}

static void test_ignored_fields(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    static const char *const ignores[] = {"scalingConfig", NULL};
    struct value desired = with(scene.arena, NODE_GROUP_DESIRED, "{\"scalingConfig\": {\"maxSize\": 99}}");
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", json_text(scene.arena, &desired), NODE_GROUP_LIVE);
    group->ignores = ignores;
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, group)->type, DIFFERENCE_NONE);
    scene_done(&scene);
}

static void test_ownership_decides(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct value bigger = with(scene.arena, NODE_GROUP_DESIRED, "{\"instanceTypes\": [\"m7g.xlarge\"]}");
    struct resource *same = scene_add(&scene, "NodeGroup", NULL, "same", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    struct resource *other = scene_add(&scene, "NodeGroup", NULL, "other", json_text(scene.arena, &bigger), NODE_GROUP_LIVE);
    struct resource *foreign = scene_add(&scene, "NodeGroup", NULL, "foreign", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    scene_live(&scene, same)->ours = false;
    scene_live(&scene, other)->ours = false;
    scene_live(&scene, foreign)->ours = false;
    scene_live(&scene, foreign)->other_owner = "staging";
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, same)->type, DIFFERENCE_ADOPT);
    assert_int_equal(scene_difference(&scene, other)->type, DIFFERENCE_REFUSED);
    assert_non_null(strstr(scene_difference(&scene, other)->reason, "instanceTypes"));
    assert_int_equal(scene_difference(&scene, foreign)->type, DIFFERENCE_REFUSED);
    assert_non_null(strstr(scene_difference(&scene, foreign)->reason, "staging"));
    scene_done(&scene);
}

static void test_observed_only(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct value other = with(scene.arena, NODE_GROUP_DESIRED, "{\"instanceTypes\": [\"z\"]}");
    struct resource *there = scene_add(&scene, "NodeGroup", NULL, "there", json_text(scene.arena, &other), NODE_GROUP_LIVE);
    struct resource *absent = scene_add(&scene, "NodeGroup", NULL, "absent", NODE_GROUP_DESIRED, NULL);
    there->manage = MANAGE_OBSERVE;
    absent->manage = MANAGE_OBSERVE;
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, there)->type, DIFFERENCE_NONE);
    assert_int_equal(scene_difference(&scene, absent)->type, DIFFERENCE_REFUSED);
    assert_non_null(strstr(scene_difference(&scene, absent)->reason, "must exist"));
    scene_done(&scene);
}

static void test_what_is_under_way_waits(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct value creating = with(scene.arena, NODE_GROUP_LIVE, "{\"status\": \"CREATING\"}");
    struct value bigger = with(scene.arena, NODE_GROUP_DESIRED, "{\"scalingConfig\": {\"maxSize\": 20}}");
    struct resource *quiet = scene_add(&scene, "NodeGroup", NULL, "quiet", NODE_GROUP_DESIRED, json_text(scene.arena, &creating));
    struct resource *busy = scene_add(&scene, "NodeGroup", NULL, "busy", json_text(scene.arena, &bigger), NODE_GROUP_LIVE);
    scene_live(&scene, busy)->update_id = "408c0738";
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, quiet)->type, DIFFERENCE_WAIT);
    assert_int_equal(scene_difference(&scene, busy)->type, DIFFERENCE_CHANGE);
    assert_string_equal(scene_difference(&scene, busy)->waits, "update 408c0738 in progress");
    scene_done(&scene);
}

static void test_failed_creation_is_refused_with_its_cause(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct value failed = with(scene.arena, NODE_GROUP_LIVE,
                               "{\"status\": \"CREATE_FAILED\", \"health\": {\"issues\": [{\"code\": \"NodeCreationFailure\","
                               " \"message\": \"Instances failed to join the kubernetes cluster\"}]}}");
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, json_text(scene.arena, &failed));
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, group)->type, DIFFERENCE_REFUSED);
    assert_non_null(strstr(scene_difference(&scene, group)->reason, "NodeCreationFailure: Instances failed to join"));
    scene_done(&scene);
}

static void test_unread_is_unknown(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NULL);
    struct live *live = scene_live(&scene, group);
    live->presence = LIVE_UNKNOWN;
    error_set(&live->error, ERROR_BUSY, "HTTP 503");
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, group)->type, DIFFERENCE_UNKNOWN);
    assert_string_equal(scene_difference(&scene, group)->reason, "HTTP 503");
    scene_done(&scene);
}

static void test_creation_knows_what_it_does_not_know(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *cluster = scene_add(&scene, "Cluster", NULL, "demo",
                                         "{\"name\": \"demo\", \"roleArn\": \"arn:aws:iam::111122223333:role/c\","
                                         " \"resourcesVpcConfig\": {\"subnetIds\": [\"subnet-a\", \"subnet-b\"]}}",
                                         NULL);
    struct resource *provider = scene_add(&scene, "OIDCProvider", NULL, "demo", "{\"url\": {\"ref\": \"Cluster/demo.issuer\"}}", NULL);
    scene_edge(&scene, provider, cluster, GATE_READY, "its issuer");
    scene_diff(&scene);
    const struct difference *difference = scene_difference(&scene, provider);
    assert_int_equal(difference->type, DIFFERENCE_CREATE);
    assert_non_null(difference->unresolved);
    assert_string_equal(difference->unresolved, "Cluster/demo.issuer");
    scene_done(&scene);
}

/* IAM keeps a policy's meaning, not its spelling. */
static const struct {
    const char *one, *other;
    bool equal;
} documents[] = {
    {"{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:Get*\", \"Resource\": \"*\"}}",
     "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"s3:Get*\"], \"Resource\": [\"*\"]}]}", true},
    {"{\"Statement\": [{\"Action\": [\"b\", \"a\"]}]}", "{\"Statement\": [{\"Action\": [\"a\", \"b\", \"a\"]}]}", true},
    {"{\"Statement\": [{\"Principal\": {\"AWS\": \"111122223333\"}}]}",
     "{\"Statement\": [{\"Principal\": {\"AWS\": [\"arn:aws:iam::111122223333:root\"]}}]}", true},
    {"{\"Statement\": [{\"Condition\": {\"Bool\": {\"x\": true}}}]}", "{\"Statement\": [{\"Condition\": {\"Bool\": {\"x\": [\"true\"]}}}]}",
     true},
    {"{\"Statement\": [{\"Sid\": \"\", \"Action\": \"a\"}]}", "{\"Statement\": [{\"Action\": \"a\"}]}", true},
    {"{\"Statement\": [{\"Action\": \"a\"}, {\"Action\": \"b\"}]}", "{\"Statement\": [{\"Action\": \"b\"}, {\"Action\": \"a\"}]}", true},
    {"{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"a\"}]}", "{\"Statement\": [{\"Effect\": \"Deny\", \"Action\": \"a\"}]}",
     false},
    {"{\"Statement\": [{\"Action\": \"a\"}]}", "{\"Statement\": [{\"NotAction\": \"a\"}]}", false},
    {"{\"Statement\": [{\"Principal\": {\"AWS\": \"111122223333\"}}]}",
     "{\"Statement\": [{\"Principal\": {\"AWS\": \"arn:aws:iam::111122223333:role/root\"}}]}", false},
    {"{\"replicas\": [1, 2]}", "{\"replicas\": [2, 1]}", false},
};

static void test_documents(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        ARENA_AUTO *arena = arena_new();
        struct value one = json(arena, documents[i].one);
        struct value other = value_of_text(documents[i].other); /* as it travels */
        if (document_equal(arena, &one, &other) != documents[i].equal)
            fail_msg("%s and %s", documents[i].one, documents[i].other);
    }
}

static void test_quantities(void **state) {
    (void)state;
    static const struct {
        const char *one, *other;
        bool equal;
    } rows[] = {{"\"1000m\"", "1", true},     {"\"1Gi\"", "\"1024Mi\"", true}, {"\"0.5\"", "\"500m\"", true}, {"\"1e3\"", "\"1k\"", true},
                {"\"1G\"", "\"1Gi\"", false}, {"\"100m\"", "\"101m\"", false}, {"\"abc\"", "\"abc\"", false}, {"\"\"", "0", false},
                {"\"1Q\"", "1", false}};
    ARENA_AUTO *arena = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value one = json(arena, rows[i].one);
        struct value other = json(arena, rows[i].other);
        if (quantity_equal(&one, &other) != rows[i].equal)
            fail_msg("%s and %s", rows[i].one, rows[i].other);
    }
}

#define DEPLOYMENT(REPLICAS, IMAGE, EXTRA)                                                                                                 \
    "{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"metadata\": {\"name\": \"web\", \"namespace\": \"shop\"" EXTRA "},"         \
    " \"spec\": {\"replicas\": " REPLICAS ", \"template\": {\"spec\": {\"containers\": [{\"name\": \"side\", \"image\": \"s:1\"},"         \
    " {\"name\": \"api\", \"image\": \"" IMAGE "\"}]}}}}"

static void test_kubernetes_unchanged(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *ready = scene_add(&scene, "Deployment", "shop", "ready", DEPLOYMENT("2", "a:1", ""), DEPLOYMENT("2", "a:1", ""));
    struct resource *rolling = scene_add(&scene, "Deployment", "shop", "rolling", DEPLOYMENT("2", "a:1", ""), DEPLOYMENT("2", "a:1", ""));
    scene_live(&scene, ready)->unchanged = true;
    scene_live(&scene, rolling)->unchanged = true;
    scene_live(&scene, rolling)->health = HEALTH_IN_PROGRESS;
    scene_live(&scene, rolling)->health_reason = "1 of 2 replicas ready";
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, ready)->type, DIFFERENCE_NONE);
    assert_int_equal(scene_difference(&scene, rolling)->type, DIFFERENCE_WAIT);
    assert_string_equal(scene_difference(&scene, rolling)->reason, "1 of 2 replicas ready");
    assert_int_equal(scene.differences.unchanged_count, 1);
    scene_done(&scene);
}

static void test_kubernetes_change_names_items_and_owners(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const char *fields =
        ", \"resourceVersion\": \"1\", \"managedFields\": [{\"manager\": \"kubectl-edit\", \"operation\": \"Update\", \"fieldsV1\":"
        " {\"f:spec\": {\"f:template\": {\"f:spec\": {\"f:containers\": {\"k:{\\\"name\\\":\\\"api\\\"}\": {\"f:image\": {}}}}}}}},"
        " {\"manager\": \"eksact\", \"operation\": \"Apply\", \"fieldsV1\": {\"f:spec\": {\"f:replicas\": {}}}}]";
    const char *live =
        arena_text(scene.arena,
                   "{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"metadata\": {\"name\": \"web\"%s}, \"status\": {\"x\": 1},"
                   " \"spec\": {\"replicas\": 2, \"template\": {\"spec\": {\"containers\": [{\"name\": \"side\", \"image\": \"s:1\"},"
                   " {\"name\": \"api\", \"image\": \"a:9\"}]}}}}",
                   fields);
    struct resource *web = scene_add(&scene, "Deployment", "shop", "web", DEPLOYMENT("3", "a:2", ""), live);
    scene_live(&scene, web)->dry_run = json(scene.arena, DEPLOYMENT("3", "a:2", ", \"resourceVersion\": \"2\", \"generation\": 4"));
    struct value *metadata = value_find_mutable(&scene_live(&scene, web)->dry_run, "metadata");
    value_remove(metadata, "namespace");
    scene_diff(&scene);
    const struct difference *difference = scene_difference(&scene, web);
    assert_int_equal(difference->type, DIFFERENCE_CHANGE);
    assert_string_equal(change_text(scene.arena, difference), "replicas=2>3 containers[api].image=\"a:9\">\"a:2\"");
    assert_null(change_find(difference, "replicas")->note);
    assert_string_equal(change_find(difference, "containers[api].image")->note, "taken from kubectl-edit");
    scene_done(&scene);
}

static void test_kubernetes_items_come_and_go(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const char *live = "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"spec\": {\"ports\": [{\"port\": 80, \"protocol\": \"TCP\"},"
                       " {\"port\": 53, \"protocol\": \"UDP\"}]}}";
    const char *next = "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"spec\": {\"ports\": [{\"port\": 80, \"protocol\": \"TCP\"},"
                       " {\"port\": 53, \"protocol\": \"TCP\"}]}}";
    struct resource *service = scene_add(&scene, "Service", "shop", "dns", next, live);
    scene_live(&scene, service)->dry_run = json(scene.arena, next);
    scene_diff(&scene);
    assert_string_equal(change_text(scene.arena, scene_difference(&scene, service)),
                        "ports[53/UDP]={\"port\":53,\"protocol\":\"UDP\"}> ports[53/TCP]=>{\"port\":53,\"protocol\":\"TCP\"}");
    scene_done(&scene);
}

static void test_kubernetes_secret_values_are_sensitive(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const char *live =
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"s\"}, \"data\": {\"password\": \"b2xk\"}}";
    const char *next =
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"s\"}, \"data\": {\"password\": \"bmV3\"}}";
    struct resource *secret = scene_add(&scene, "Secret", "shop", "s", next, live);
    scene_live(&scene, secret)->dry_run = json(scene.arena, next);
    scene_diff(&scene);
    assert_int_equal(scene_difference(&scene, secret)->change_count, 1);
    assert_true(scene_difference(&scene, secret)->changes[0].sensitive);
    scene_done(&scene);
}

static void test_kubernetes_refusals(void **state) {
    (void)state;
    static const struct {
        enum error_kind kind;
        const char *text;
        enum difference_type type;
    } rows[] = {
        {ERROR_INVALID, "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: field is immutable", DIFFERENCE_REPLACE},
        {ERROR_INVALID,
         "StatefulSet.apps \"web\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas'",
         DIFFERENCE_REPLACE},
        {ERROR_DENIED, "admission webhook \"policy\" denied the request: no latest tags", DIFFERENCE_REFUSED},
        {ERROR_INVALID, "spec.replicas: Invalid value: -1", DIFFERENCE_REFUSED},
        {ERROR_BUSY, "HTTP 503", DIFFERENCE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene scene;
        scene_init(&scene);
        struct resource *web = scene_add(&scene, "Deployment", "shop", "web", DEPLOYMENT("3", "a:2", ""), DEPLOYMENT("2", "a:1", ""));
        error_set(&scene_live(&scene, web)->dry_run_error, rows[i].kind, "%s", rows[i].text);
        scene_diff(&scene);
        assert_int_equal(scene_difference(&scene, web)->type, rows[i].type);
        assert_non_null(strstr(scene_difference(&scene, web)->reason, rows[i].text));
        scene_done(&scene);
    }
}

static void test_strays(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_stray(&scene, "ConfigMap", "shop", "gone", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}");
    scene_stray(&scene, "ConfigMap", "shop", "kept", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}")->protected_by =
        "eksact.dev/on-remove: retain";
    scene_stray(&scene, "ConfigMap", "shop", "unread", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}")->live.presence = LIVE_UNKNOWN;
    scene_diff(&scene);
    assert_int_equal(scene.differences.items[0].type, DIFFERENCE_DELETE);
    assert_int_equal(scene.differences.items[1].type, DIFFERENCE_NONE);
    assert_non_null(strstr(scene.differences.items[1].reason, "retain"));
    assert_int_equal(scene.differences.items[2].type, DIFFERENCE_UNKNOWN);
    scene_done(&scene);
}

static void test_objects_equal(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value one =
        json(arena, "{\"metadata\": {\"name\": \"x\", \"resourceVersion\": \"1\", \"labels\": {\"a\": \"1\"}}, \"status\": {\"n\": 1}}");
    struct value same = json(arena, "{\"metadata\": {\"name\": \"x\", \"resourceVersion\": \"2\", \"labels\": {\"a\": \"1\","
                                    " \"applyset.kubernetes.io/part-of\": \"me\"}, \"annotations\": {\"eksact.dev/applied\": \"h\"}}}");
    struct value other = json(arena, "{\"metadata\": {\"name\": \"x\", \"labels\": {\"a\": \"2\"}}}");
    assert_true(objects_equal(&one, &same));
    assert_false(objects_equal(&one, &other));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_group_rows),
        cmocka_unit_test(test_claimed_size_is_ours),
        cmocka_unit_test(test_unowned_size_is_said_and_not_written),
        cmocka_unit_test(test_ignored_fields),
        cmocka_unit_test(test_ownership_decides),
        cmocka_unit_test(test_observed_only),
        cmocka_unit_test(test_what_is_under_way_waits),
        cmocka_unit_test(test_failed_creation_is_refused_with_its_cause),
        cmocka_unit_test(test_unread_is_unknown),
        cmocka_unit_test(test_creation_knows_what_it_does_not_know),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_kubernetes_unchanged),
        cmocka_unit_test(test_kubernetes_change_names_items_and_owners),
        cmocka_unit_test(test_kubernetes_items_come_and_go),
        cmocka_unit_test(test_kubernetes_secret_values_are_sensitive),
        cmocka_unit_test(test_kubernetes_refusals),
        cmocka_unit_test(test_strays),
        cmocka_unit_test(test_objects_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
