/* The simulated AWS, through the http seam, in virtual time, with signed requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/sigv4.h"
#include "base/text.h"
#include "sandbox/parts.h"

#define EKS_HOST "https://eks.eu-west-1.amazonaws.com"
#define TRUST(SERVICE)                                                                                                                     \
    "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%"    \
    "22" SERVICE ".amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"
#define CLUSTER_ROLE "arn:aws:iam::111122223333:role/cluster"
#define NODE_ROLE "arn:aws:iam::111122223333:role/node"
#define CLUSTER_BODY(NAME)                                                                                                                 \
    "{\"name\":\"" NAME "\",\"version\":\"1.33\",\"roleArn\":\"" CLUSTER_ROLE                                                              \
    "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"subnet-1\",\"subnet-2\"]}}"
#define NODEGROUP_BODY(NAME, EXTRA) "{\"nodegroupName\":\"" NAME "\",\"nodeRole\":\"" NODE_ROLE "\",\"subnets\":[\"subnet-1\"]" EXTRA "}"
#define MINUTE_MS 60000

struct aws_world {
    struct arena *arena;
    struct sandbox *sandbox;
    struct http *http;
    struct clock *clock;
    const char *key_id, *secret, *session; /* NULL: the sandbox's own */
    int64_t skew_ms;
    bool spoil; /* the body, after it was signed */
};

static struct http_exchange *sent(struct aws_world *world, const char *service, const char *method, const char *url, const char *body) {
    bool form = !text_equal(service, "eks");
    struct http_header type = {"content-type", form ? "application/x-www-form-urlencoded" : "application/json"};
    struct sigv4_credentials credentials = {.access_key_id = world->key_id == NULL ? SANDBOX_ACCESS_KEY_ID : world->key_id};
    const char *secret = world->secret == NULL ? SANDBOX_SECRET_ACCESS_KEY : world->secret;
    secret_set(&credentials.secret_access_key, secret, strlen(secret));
    if (world->session != NULL)
        secret_set(&credentials.session_token, world->session, strlen(world->session));
    struct sigv4_request request = {.method = method,
                                    .url = url,
                                    .headers = &type,
                                    .header_count = 1,
                                    .body = body,
                                    .body_length = body == NULL ? 0 : strlen(body),
                                    .region = text_equal(service, "iam") ? "us-east-1" : "eu-west-1",
                                    .service = service,
                                    .wall_ms = clock_wall_ms(world->clock) + world->skew_ms};
    struct sigv4_signature signature;
    struct error err = {0};
    assert_true(sigv4_sign(world->arena, &credentials, &request, &signature, &err));
    secret_done(&credentials.secret_access_key);
    secret_done(&credentials.session_token);
    struct http_header *headers = ARENA_ARRAY(world->arena, struct http_header, 4);
    headers[0] = type;
    headers[1] = (struct http_header){"Authorization", signature.authorization};
    headers[2] = (struct http_header){"X-Amz-Date", signature.date};
    headers[3] = (struct http_header){"X-Amz-Security-Token", world->session};
    struct http_exchange *exchange = ARENA_NEW(world->arena, struct http_exchange);
    *exchange = (struct http_exchange){.method = method,
                                       .url = url,
                                       .headers = headers,
                                       .header_count = world->session == NULL ? 3 : 4,
                                       .body = world->spoil ? arena_text(world->arena, "%s ", body) : body,
                                       .body_length = body == NULL ? 0 : strlen(body) + world->spoil,
                                       .arena = world->arena};
    world->http->start(world->http, exchange);
    assert_ptr_equal(world->http->next(world->http, INT64_MAX), exchange);
    return exchange;
}

static struct http_exchange *eks_sent(struct aws_world *world, const char *method, const char *path, const char *body) {
    return sent(world, "eks", method, arena_text(world->arena, EKS_HOST "%s", path), body);
}

static const char *iam(struct aws_world *world, int status, const char *form) {
    struct http_exchange *exchange = sent(world, "iam", "POST", "https://iam.amazonaws.com/", form);
    assert_string_equal(exchange->error.text, "");
    if (exchange->status != status)
        fail_msg("%s: HTTP %d: %s", form, exchange->status, exchange->answer);
    return exchange->answer;
}

static struct value parsed(struct aws_world *world, const struct http_exchange *exchange) {
    struct value value;
    struct error err = {0};
    if (!json_parse(world->arena, "answer", exchange->answer, exchange->answer_length, &value, &err))
        fail_msg("%s: %s", err.text, exchange->answer);
    return value;
}

static struct value eks(struct aws_world *world, const char *method, const char *path, const char *body) {
    struct http_exchange *exchange = eks_sent(world, method, path, body);
    if (exchange->status != 200)
        fail_msg("%s %s: HTTP %d: %s", method, path, exchange->status, exchange->answer);
    return parsed(world, exchange);
}

static void eks_refuses(struct aws_world *world, const char *method, const char *path, const char *body, int status, const char *code,
                        const char *message) {
    struct http_exchange *exchange = eks_sent(world, method, path, body);
    struct value answer = parsed(world, exchange);
    const char *text = value_text_at(&answer, "message");
    if (text == NULL || strstr(text, message) == NULL)
        fail_msg("%s %s: HTTP %d: %s", method, path, exchange->status, exchange->answer);
    assert_string_equal(http_answer_header(exchange, "x-amzn-errortype"), code);
    assert_int_equal(exchange->status, status);
}

static void wait_for(struct aws_world *world, int64_t milliseconds) {
    assert_null(world->http->next(world->http, clock_steady_ms(world->clock) + milliseconds));
}

static const char *status_of(struct aws_world *world, const char *path, const char *member) {
    struct value answer = eks(world, "GET", path, NULL);
    return value_text_at(&answer, arena_text(world->arena, "%s.status", member));
}

static int world_open(void **state) {
    struct arena *arena = arena_new();
    struct aws_world *world = ARENA_NEW(arena, struct aws_world);
    struct sandbox_options options = {.check_signatures = true};
    world->arena = arena;
    world->sandbox = sandbox_new(&options);
    world->http = sandbox_http(world->sandbox);
    world->clock = sandbox_clock(world->sandbox);
    *state = world;
    return 0;
}

static int world_close(void **state) {
    struct aws_world *world = *state;
    sandbox_free(world->sandbox);
    arena_free(world->arena);
    return 0;
}

static void roles_make(struct aws_world *world) {
    iam(world, 200, "Action=CreateRole&Version=2010-05-08&RoleName=cluster&AssumeRolePolicyDocument=" TRUST("eks"));
    iam(world, 200, "Action=CreateRole&Version=2010-05-08&RoleName=node&AssumeRolePolicyDocument=" TRUST("ec2"));
}

static int cluster_open(void **state) {
    world_open(state);
    struct aws_world *world = *state;
    roles_make(world);
    eks(world, "POST", "/clusters", CLUSTER_BODY("demo"));
    wait_for(world, 30 * MINUTE_MS);
    return 0;
}

static int nodegroup_open(void **state) {
    cluster_open(state);
    struct aws_world *world = *state;
    eks(world, "POST", "/clusters/demo/node-groups",
        NODEGROUP_BODY("api", ",\"scalingConfig\":{\"minSize\":1,\"maxSize\":5,\"desiredSize\":3}"));
    wait_for(world, 30 * MINUTE_MS);
    return 0;
}

static void cluster_walks_its_life(void **state) {
    struct aws_world *world = *state;
    roles_make(world);
    struct value made = eks(world, "POST", "/clusters", CLUSTER_BODY("demo"));
    assert_string_equal(value_text_at(&made, "cluster.status"), "CREATING");
    assert_string_equal(value_text_at(&made, "cluster.arn"), "arn:aws:eks:eu-west-1:111122223333:cluster/demo");
    assert_null(value_at(&made, "cluster.endpoint"));
    wait_for(world, 5 * MINUTE_MS);
    assert_string_equal(status_of(world, "/clusters/demo", "cluster"), "CREATING");
    wait_for(world, 10 * MINUTE_MS);
    assert_string_equal(status_of(world, "/clusters/demo", "cluster"), "ACTIVE");
    eks(world, "DELETE", "/clusters/demo", NULL);
    assert_string_equal(status_of(world, "/clusters/demo", "cluster"), "DELETING");
    wait_for(world, 20 * MINUTE_MS);
    eks_refuses(world, "GET", "/clusters/demo", NULL, 404, "ResourceNotFoundException", "No cluster found for name: demo.");
}

static void cluster_is_described_wholly(void **state) {
    struct aws_world *world = *state;
    static const char *const texts[] = {"cluster.endpoint",
                                        "cluster.certificateAuthority.data",
                                        "cluster.identity.oidc.issuer",
                                        "cluster.platformVersion",
                                        "cluster.resourcesVpcConfig.vpcId",
                                        "cluster.resourcesVpcConfig.clusterSecurityGroupId",
                                        "cluster.kubernetesNetworkConfig.serviceIpv4Cidr",
                                        "cluster.kubernetesNetworkConfig.ipFamily",
                                        "cluster.accessConfig.authenticationMode",
                                        "cluster.upgradePolicy.supportType",
                                        NULL};
    struct value answer = eks(world, "GET", "/clusters/demo", NULL);
    for (size_t i = 0; texts[i] != NULL; i++)
        if (value_text_at(&answer, texts[i]) == NULL)
            fail_msg("%s is not there: %s", texts[i], json_text(world->arena, &answer));
    assert_true(value_integer(value_at(&answer, "cluster.createdAt"), 0) > 0 ||
                value_is(value_at(&answer, "cluster.createdAt"), VALUE_NUMBER));
    assert_true(value_is(value_at(&answer, "cluster.health.issues"), VALUE_LIST));
    assert_null(value_at(&answer, "cluster.bootstrapSelfManagedAddons"));
    const char *issuer = strrchr(value_text_at(&answer, "cluster.identity.oidc.issuer"), '/') + 1;
    assert_int_equal(strspn(issuer, "0123456789ABCDEF"), 32);
    char *pem = NULL;
    size_t length = 0;
    const char *data = value_text_at(&answer, "cluster.certificateAuthority.data");
    assert_true(base64_decode(world->arena, data, strlen(data), &pem, &length));
    assert_true(text_starts(pem, "-----BEGIN CERTIFICATE-----\n"));
}

static void creation_is_checked(void **state) {
    struct aws_world *world = *state;
    static const struct {
        const char *body, *message;
        int status;
        const char *code;
    } rows[] = {
        {"{\"name\":\"-x\",\"roleArn\":\"" CLUSTER_ROLE "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}", "regular expression",
         400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}", "roleArn is required", 400, "InvalidParameterException"},
        {"{\"roleArn\":\"" CLUSTER_ROLE "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}", "name is required", 400,
         "InvalidParameterException"},
        {"{\"name\":\"x\",\"roleArn\":\"arn:aws:iam::111122223333:role/none\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}",
         "does not exist", 400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"roleArn\":\"" NODE_ROLE "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}",
         "trusted entity is not correct", 400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"roleArn\":\"" CLUSTER_ROLE "\",\"resourcesVpcConfig\":{\"subnetIds\":\"a\"}}", "resourcesVpcConfig.subnetIds",
         400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"version\":\"1.99\",\"roleArn\":\"" CLUSTER_ROLE "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}",
         "unsupported Kubernetes version", 400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"roleArn\":\"" CLUSTER_ROLE "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"],\"subnets\":[]}}",
         "does not know the member resourcesVpcConfig.subnets", 400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"roleArn\":\"" CLUSTER_ROLE
         "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]},\"kubernetesNetworkConfig\":{\"ipFamily\":\"ipx\"}}",
         "enum", 400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"region\":\"eu-west-1\",\"roleArn\":\"" CLUSTER_ROLE "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}",
         "does not know the member region", 400, "InvalidParameterException"},
        {"{\"name\":\"x\",\"endpoint\":\"https://x\",\"roleArn\":\"" CLUSTER_ROLE
         "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]}}",
         "does not know the member endpoint", 400, "InvalidParameterException"},
        {CLUSTER_BODY("demo"), "Cluster already exists with name: demo", 409, "ResourceInUseException"},
        {"[]", "no JSON object", 400, "SerializationException"},
        {"{\"name\":", "no JSON object", 400, "SerializationException"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        eks_refuses(world, "POST", "/clusters", rows[i].body, rows[i].status, rows[i].code, rows[i].message);
}

static void config_updates_are_checked(void **state) {
    struct aws_world *world = *state;
    static const struct {
        const char *body, *message;
    } rows[] = {
        {"{}", "The type for cluster update was not provided."},
        {"{\"logging\":{\"clusterLogging\":[{\"types\":[\"api\"],\"enabled\":true}]},\"deletionProtection\":true}",
         "Only one type of update can be allowed"},
        {"{\"logging\":{\"clusterLogging\":[{\"types\":[\"api\"],\"enabled\":false}]}}",
         "No changes needed for the logging config provided"},
        {"{\"resourcesVpcConfig\":{\"endpointPublicAccess\":true}}",
         "Cluster is already at the desired configuration with endpointPrivateAccess: false , endpointPublicAccess: true, and Public "
         "Endpoint Restrictions: [0.0.0.0/0]"},
        {"{\"resourcesVpcConfig\":{\"endpointPublicAccess\":false}}", "cannot both be false"},
        {"{\"deletionProtection\":false}", "No changes detected"},
        {"{\"accessConfig\":{\"authenticationMode\":\"API\"}}", "Unsupported authentication mode update from CONFIG_MAP to API"},
        {"{\"computeConfig\":{\"enabled\":true}}", "EKS Auto Mode"},
        {"{\"upgradePolicy\":{\"supportType\":\"SOME\"}}", "enum"},
        {"{\"deletionProtection\":true,\"colour\":1}", "does not know the member colour"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        eks_refuses(world, "POST", "/clusters/demo/update-config", rows[i].body, 400, "InvalidParameterException", rows[i].message);
}

static void update_is_followed_by_its_id(void **state) {
    struct aws_world *world = *state;
    struct value begun = eks(world, "POST", "/clusters/demo/update-config",
                             "{\"logging\":{\"clusterLogging\":[{\"types\":[\"api\",\"audit\"],\"enabled\":true}]}}");
    const char *id = value_text_at(&begun, "update.id");
    const char *path = arena_text(world->arena, "/clusters/demo/updates/%s", id);
    assert_string_equal(value_text_at(&begun, "update.type"), "LoggingUpdate");
    assert_string_equal(status_of(world, "/clusters/demo", "cluster"), "ACTIVE");
    wait_for(world, 5000);
    assert_string_equal(status_of(world, "/clusters/demo", "cluster"), "UPDATING");
    assert_string_equal(status_of(world, path, "update"), "InProgress");
    eks_refuses(world, "POST", "/clusters/demo/update-config", "{\"deletionProtection\":true}", 409, "ResourceInUseException",
                arena_text(world->arena, "Cannot DeletionProtectionUpdate because cluster demo currently has update %s in progress", id));
    wait_for(world, 30 * MINUTE_MS);
    assert_string_equal(status_of(world, path, "update"), "Successful");
    struct value cluster = eks(world, "GET", "/clusters/demo", NULL);
    const struct value *rows = value_at(&cluster, "cluster.logging.clusterLogging");
    assert_int_equal(value_count(value_find(&rows->list.items[0], "types")), 2);
    assert_true(value_boolean(value_find(&rows->list.items[0], "enabled"), false));
    struct value list = eks(world, "GET", "/clusters/demo/updates", NULL);
    assert_int_equal(value_count(value_find(&list, "updateIds")), 1);
}

static void version_rises_by_one_minor(void **state) {
    struct aws_world *world = *state;
    eks_refuses(world, "POST", "/clusters/demo/updates", "{\"version\":\"1.36\"}", 400, "InvalidParameterException",
                "Unsupported Kubernetes minor version update from 1.33 to 1.36");
    eks_refuses(world, "POST", "/clusters/demo/updates", "{\"version\":\"1.33\"}", 400, "InvalidParameterException", "from 1.33 to 1.33");
    eks(world, "POST", "/clusters/demo/updates", "{\"version\":\"1.34\"}");
    wait_for(world, 60 * MINUTE_MS);
    struct value cluster = eks(world, "GET", "/clusters/demo", NULL);
    assert_string_equal(value_text_at(&cluster, "cluster.version"), "1.34");
}

static void token_makes_a_repeat_one_change(void **state) {
    struct aws_world *world = *state;
    const char *first = "{\"version\":\"1.34\",\"clientRequestToken\":\"one\"}";
    struct value one = eks(world, "POST", "/clusters/demo/updates", first);
    struct value two = eks(world, "POST", "/clusters/demo/updates", first);
    assert_true(value_equal(&one, &two));
    eks_refuses(world, "POST", "/clusters/demo/updates", "{\"version\":\"1.35\",\"clientRequestToken\":\"one\"}", 400,
                "InvalidParameterException", "different parameters");
    size_t count = 0;
    const char *const *calls = sandbox_calls(world->sandbox, &count);
    assert_string_equal(calls[count - 1], "UpdateClusterVersion demo VersionUpdate");
    assert_string_equal(calls[count - 2], "CreateCluster demo");
}

static void token_is_forgotten_with_what_it_made(void **state) {
    struct aws_world *world = *state;
    const char *body = "{\"name\":\"two\",\"roleArn\":\"" CLUSTER_ROLE
                       "\",\"resourcesVpcConfig\":{\"subnetIds\":[\"a\",\"b\"]},\"clientRequestToken\":\"t\"}";
    eks(world, "POST", "/clusters", body);
    wait_for(world, 20 * MINUTE_MS);
    eks(world, "DELETE", "/clusters/two", NULL);
    wait_for(world, 20 * MINUTE_MS);
    eks(world, "POST", "/clusters", body);
    assert_string_equal(status_of(world, "/clusters/two", "cluster"), "CREATING");
}

static void encryption_is_added_once(void **state) {
    struct aws_world *world = *state;
    const char *body =
        "{\"encryptionConfig\":[{\"resources\":[\"secrets\"],\"provider\":{\"keyArn\":\"arn:aws:kms:eu-west-1:111122223333:key/1\"}}]}";
    eks(world, "POST", "/clusters/demo/encryption-config/associate", body);
    wait_for(world, 60 * MINUTE_MS);
    eks_refuses(world, "POST", "/clusters/demo/encryption-config/associate", body, 400, "InvalidParameterException", "already enabled");
}

static void protected_cluster_is_not_deleted(void **state) {
    struct aws_world *world = *state;
    eks(world, "POST", "/clusters/demo/update-config", "{\"deletionProtection\":true}");
    wait_for(world, 60 * MINUTE_MS);
    eks_refuses(world, "DELETE", "/clusters/demo", NULL, 400, "InvalidRequestException", "deletion protection");
}

static void nodegroup_walks_its_life(void **state) {
    struct aws_world *world = *state;
    eks(world, "POST", "/clusters/demo/node-groups", NODEGROUP_BODY("api", ""));
    assert_string_equal(status_of(world, "/clusters/demo/node-groups/api", "nodegroup"), "CREATING");
    eks_refuses(world, "POST", "/clusters/demo/node-groups", NODEGROUP_BODY("api", ""), 409, "ResourceInUseException",
                "NodeGroup already exists with name api and cluster name demo");
    wait_for(world, 30 * MINUTE_MS);
    struct value answer = eks(world, "GET", "/clusters/demo/node-groups/api", NULL);
    assert_string_equal(value_text_at(&answer, "nodegroup.status"), "ACTIVE");
    assert_string_equal(value_text_at(&answer, "nodegroup.version"), "1.33");
    assert_string_equal(value_text_at(&answer, "nodegroup.capacityType"), "ON_DEMAND");
    assert_true(text_starts(value_text_at(&answer, "nodegroup.releaseVersion"), "1.33."));
    assert_int_equal(value_count(value_at(&answer, "nodegroup.resources.autoScalingGroups")), 1);
    eks_refuses(world, "DELETE", "/clusters/demo", NULL, 409, "ResourceInUseException", "Cluster has nodegroups attached");
    eks(world, "DELETE", "/clusters/demo/node-groups/api", NULL);
    wait_for(world, 30 * MINUTE_MS);
    eks_refuses(world, "GET", "/clusters/demo/node-groups/api", NULL, 404, "ResourceNotFoundException",
                "No node group found for name: api.");
}

static void nodegroup_sizes_are_checked_against_live(void **state) {
    struct aws_world *world = *state;
    static const struct {
        const char *body, *message;
    } rows[] = {
        {"{\"scalingConfig\":{\"minSize\":4}}", "Minimum capacity 4 can't be greater than desired size 3"},
        {"{\"scalingConfig\":{\"maxSize\":2}}", "desired capacity 3 can't be greater than max size 2"},
        {"{\"scalingConfig\":{\"maxSize\":5}}", "No changes detected"},
        {"{\"labels\":{\"addOrUpdateLabels\":[]}}", "labels"},
        {"{\"colour\":{}}", "does not know the member colour"},
        {"{}", "No changes detected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        eks_refuses(world, "POST", "/clusters/demo/node-groups/api/update-config", rows[i].body, 400, "InvalidParameterException",
                    rows[i].message);
    eks(world, "POST", "/clusters/demo/node-groups/api/update-config", "{\"scalingConfig\":{\"minSize\":4,\"desiredSize\":4}}");
}

static void nodegroup_labels_and_taints_change_by_delta(void **state) {
    struct aws_world *world = *state;
    eks(world, "POST", "/clusters/demo/node-groups/api/update-config",
        "{\"labels\":{\"addOrUpdateLabels\":{\"a\":\"1\",\"b\":\"2\"}},"
        "\"taints\":{\"addOrUpdateTaints\":[{\"key\":\"k\",\"value\":\"1\",\"effect\":\"NO_SCHEDULE\"},{\"key\":\"k\",\"effect\":\"NO_"
        "EXECUTE\"}]}}");
    wait_for(world, 30 * MINUTE_MS);
    struct value begun = eks(world, "POST", "/clusters/demo/node-groups/api/update-config",
                             "{\"labels\":{\"addOrUpdateLabels\":{\"a\":\"3\"},\"removeLabels\":[\"b\"]},"
                             "\"taints\":{\"removeTaints\":[{\"key\":\"k\",\"effect\":\"NO_EXECUTE\"}]}}");
    const char *id = value_text_at(&begun, "update.id");
    eks_refuses(world, "POST", "/clusters/demo/node-groups/api/update-config", "{\"scalingConfig\":{\"maxSize\":6}}", 409,
                "ResourceInUseException", id);
    eks_refuses(world, "GET", arena_text(world->arena, "/clusters/demo/updates/%s", id), NULL, 404, "ResourceNotFoundException",
                "No update found for ID");
    wait_for(world, 30 * MINUTE_MS);
    assert_string_equal(status_of(world, arena_text(world->arena, "/clusters/demo/updates/%s?nodegroupName=api", id), "update"),
                        "Successful");
    struct value answer = eks(world, "GET", "/clusters/demo/node-groups/api", NULL);
    assert_string_equal(value_text_at(&answer, "nodegroup.labels.a"), "3");
    assert_int_equal(value_count(value_at(&answer, "nodegroup.labels")), 1);
    const struct value *taints = value_at(&answer, "nodegroup.taints");
    assert_int_equal(value_count(taints), 1);
    assert_string_equal(value_text_at(&taints->list.items[0], "effect"), "NO_SCHEDULE");
}

static void nodegroup_version_follows_the_cluster(void **state) {
    struct aws_world *world = *state;
    eks_refuses(world, "POST", "/clusters/demo/node-groups/api/update-version", "{\"version\":\"1.34\"}", 400, "InvalidParameterException",
                "greater than the cluster version");
    eks_refuses(world, "POST", "/clusters/demo/node-groups/api/update-version", "{\"version\":\"1.32\"}", 400, "InvalidParameterException",
                "downgraded");
    eks(world, "POST", "/clusters/demo/updates", "{\"version\":\"1.34\"}");
    wait_for(world, 60 * MINUTE_MS);
    eks(world, "POST", "/clusters/demo/node-groups/api/update-version", "{}");
    wait_for(world, 60 * MINUTE_MS);
    struct value answer = eks(world, "GET", "/clusters/demo/node-groups/api", NULL);
    assert_string_equal(value_text_at(&answer, "nodegroup.version"), "1.34");
    assert_true(text_starts(value_text_at(&answer, "nodegroup.releaseVersion"), "1.34."));
}

static void nodegroup_creation_fails_by_script(void **state) {
    struct aws_world *world = *state;
    struct value saved = sandbox_save(world->sandbox, world->arena);
    value_set_at(world->arena, &saved, "nodegroups.demo/bad", value_of_text("fail"));
    struct error err = {0};
    assert_true(sandbox_load(world->sandbox, &saved, &err));
    eks(world, "POST", "/clusters/demo/node-groups", NODEGROUP_BODY("bad", ""));
    wait_for(world, 30 * MINUTE_MS);
    struct value answer = eks(world, "GET", "/clusters/demo/node-groups/bad", NULL);
    assert_string_equal(value_text_at(&answer, "nodegroup.status"), "CREATE_FAILED");
    assert_string_equal(value_text_at(&value_at(&answer, "nodegroup.health.issues")->list.items[0], "code"), "NodeCreationFailure");
}

static void update_fails_by_script(void **state) {
    struct aws_world *world = *state;
    struct value saved = sandbox_save(world->sandbox, world->arena);
    value_set_at(world->arena, &saved, "updates.demo/api", value_of_text("fail"));
    struct error err = {0};
    assert_true(sandbox_load(world->sandbox, &saved, &err));
    struct value begun =
        eks(world, "POST", "/clusters/demo/node-groups/api/update-config", "{\"labels\":{\"addOrUpdateLabels\":{\"a\":\"1\"}}}");
    wait_for(world, 30 * MINUTE_MS);
    struct value update = eks(
        world, "GET", arena_text(world->arena, "/clusters/demo/updates/%s?nodegroupName=api", value_text_at(&begun, "update.id")), NULL);
    assert_string_equal(value_text_at(&update, "update.status"), "Failed");
    assert_string_equal(value_text_at(&value_at(&update, "update.errors")->list.items[0], "errorCode"), "PodEvictionFailure");
    struct value answer = eks(world, "GET", "/clusters/demo/node-groups/api", NULL);
    assert_string_equal(value_text_at(&answer, "nodegroup.status"), "ACTIVE");
    assert_int_equal(value_count(value_at(&answer, "nodegroup.labels")), 0);
}

static void quotas_are_kept(void **state) {
    struct aws_world *world = *state;
    struct value saved = sandbox_save(world->sandbox, world->arena);
    value_set_at(world->arena, &saved, "quotas.clusters", value_of_integer(1));
    value_set_at(world->arena, &saved, "quotas.nodegroups", value_of_integer(1));
    struct error err = {0};
    assert_true(sandbox_load(world->sandbox, &saved, &err));
    eks_refuses(world, "POST", "/clusters", CLUSTER_BODY("two"), 400, "ResourceLimitExceededException", "limit exceeded");
    eks_refuses(world, "POST", "/clusters/demo/node-groups", NODEGROUP_BODY("two", ""), 400, "ResourceLimitExceededException",
                "limit exceeded: 1");
}

static void nodegroup_creation_is_checked(void **state) {
    struct aws_world *world = *state;
    static const struct {
        const char *body, *message;
    } rows[] = {
        {NODEGROUP_BODY("x", ",\"scalingConfig\":{\"minSize\":1}"), "all of minSize, maxSize and desiredSize"},
        {NODEGROUP_BODY("x", ",\"scalingConfig\":{\"minSize\":3,\"maxSize\":4,\"desiredSize\":2}"), "Minimum capacity 3"},
        {NODEGROUP_BODY("x", ",\"version\":\"1.32\""), "must match cluster version"},
        {NODEGROUP_BODY("x", ",\"launchTemplate\":{\"version\":\"1\"}"), "Exactly one of launch template id and name"},
        {"{\"nodegroupName\":\"x\",\"nodeRole\":\"" CLUSTER_ROLE "\",\"subnets\":[\"a\"]}", "could not be assumed"},
        {"{\"nodegroupName\":\"x\",\"nodeRole\":\"" NODE_ROLE "\"}", "subnets is required"},
        {NODEGROUP_BODY("x", ",\"taints\":[{\"key\":\"k\",\"effect\":\"NEVER\"}]"), "enum"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        eks_refuses(world, "POST", "/clusters/demo/node-groups", rows[i].body, 400, "InvalidParameterException", rows[i].message);
    eks_refuses(world, "POST", "/clusters/none/node-groups", NODEGROUP_BODY("x", ""), 404, "ResourceNotFoundException",
                "No cluster found for name: none.");
}

static void lists_come_in_pages(void **state) {
    struct aws_world *world = *state;
    roles_make(world);
    eks(world, "POST", "/clusters", CLUSTER_BODY("a"));
    eks(world, "POST", "/clusters", CLUSTER_BODY("b"));
    eks(world, "POST", "/clusters", CLUSTER_BODY("c"));
    struct value page = eks(world, "GET", "/clusters?maxResults=2", NULL);
    assert_int_equal(value_count(value_find(&page, "clusters")), 2);
    const char *next = value_text_at(&page, "nextToken");
    assert_non_null(next);
    page = eks(world, "GET", arena_text(world->arena, "/clusters?maxResults=2&nextToken=%s", next), NULL);
    assert_string_equal(value_text(&value_find(&page, "clusters")->list.items[0]), "c");
    assert_null(value_text_at(&page, "nextToken"));
    eks_refuses(world, "GET", "/clusters?nextToken=x", NULL, 400, "InvalidParameterException", "nextToken");
    eks_refuses(world, "GET", "/clusters?maxResults=0", NULL, 400, "InvalidParameterException", "maxResults");
}

static void tags_are_set_listed_and_taken(void **state) {
    struct aws_world *world = *state;
    const char *path = "/tags/arn%3Aaws%3Aeks%3Aeu-west-1%3A111122223333%3Acluster%2Fdemo";
    eks(world, "POST", path, "{\"tags\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}");
    eks(world, "DELETE", arena_text(world->arena, "%s?tagKeys=a&tagKeys=b", path), NULL);
    struct value tags = eks(world, "GET", path, NULL);
    assert_int_equal(value_count(value_find(&tags, "tags")), 1);
    assert_string_equal(value_text_at(&tags, "tags.c"), "3");
    eks_refuses(world, "GET", "/tags/arn%3Aaws%3Aeks%3Aeu-west-1%3A111122223333%3Acluster%2Fnone", NULL, 404, "NotFoundException",
                "was not found");
    eks_refuses(world, "POST", path, "{\"tags\":{\"aws:x\":\"1\"}}", 400, "BadRequestException", "aws:x");
    eks_refuses(world, "GET", "/tags/demo", NULL, 400, "BadRequestException", "Invalid ARN");
}

static void unknown_operation_is_named(void **state) {
    struct aws_world *world = *state;
    eks_refuses(world, "POST", "/clusters/demo/dreams", "{}", 404, "UnknownOperationException", "no operation POST /clusters/demo/dreams");
}

static void versions_are_described(void **state) {
    struct aws_world *world = *state;
    struct value answer = eks(world, "GET", "/cluster-versions", NULL);
    unsigned defaults = 0;
    const struct value *rows = value_find(&answer, "clusterVersions");
    for (size_t i = 0; i < value_count(rows); i++)
        defaults += value_boolean(value_find(&rows->list.items[i], "defaultVersion"), false);
    assert_int_equal(defaults, 1);
}

static void signatures_are_checked(void **state) {
    struct aws_world *world = *state;
    world->spoil = true;
    eks_refuses(world, "POST", "/clusters", "{}", 403, "InvalidSignatureException", "does not match");
    assert_non_null(strstr(iam(world, 403, "Action=ListRoles"), "<Code>SignatureDoesNotMatch</Code>"));
    world->spoil = false;
    world->skew_ms = -6 * MINUTE_MS;
    eks_refuses(world, "GET", "/clusters", NULL, 403, "InvalidSignatureException", "Signature expired: ");
    world->skew_ms = 6 * MINUTE_MS;
    eks_refuses(world, "GET", "/clusters", NULL, 403, "InvalidSignatureException", "Signature not yet current: ");
    world->skew_ms = -4 * MINUTE_MS;
    eks(world, "GET", "/clusters", NULL);
    world->skew_ms = 0;
    world->key_id = "AKIAUNKNOWN000000000";
    eks_refuses(world, "GET", "/clusters", NULL, 403, "UnrecognizedClientException", "security token included in the request is invalid");
    assert_non_null(strstr(iam(world, 403, "Action=ListRoles"), "<Code>InvalidClientTokenId</Code>"));
}

static void unsigned_call_is_refused(void **state) {
    struct aws_world *world = *state;
    struct http_exchange exchange = {.method = "GET", .url = EKS_HOST "/clusters", .arena = world->arena};
    world->http->start(world->http, &exchange);
    assert_ptr_equal(world->http->next(world->http, INT64_MAX), &exchange);
    assert_int_equal(exchange.status, 403);
    assert_string_equal(http_answer_header(&exchange, "x-amzn-errortype"), "MissingAuthenticationTokenException");
}

static const char *between(struct arena *arena, const char *text, const char *element) {
    const char *found = strstr(text, arena_text(arena, "<%s>", element));
    assert_non_null(found);
    found += strlen(element) + 2;
    return arena_copy(arena, found, strcspn(found, "<"));
}

static void assumed_role_gets_a_key_that_works(void **state) {
    struct aws_world *world = *state;
    roles_make(world);
    const char *url = "https://sts.eu-west-1.amazonaws.com/";
    struct http_exchange *refused =
        sent(world, "sts", "POST", url,
             "Action=AssumeRole&Version=2011-06-15&RoleSessionName=ses&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fnone");
    assert_int_equal(refused->status, 403);
    assert_non_null(strstr(refused->answer, "<Code>AccessDenied</Code>"));
    struct http_exchange *exchange =
        sent(world, "sts", "POST", url,
             "Action=AssumeRole&Version=2011-06-15&RoleSessionName=ses&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fnode");
    assert_int_equal(exchange->status, 200);
    world->key_id = between(world->arena, exchange->answer, "AccessKeyId");
    world->secret = between(world->arena, exchange->answer, "SecretAccessKey");
    world->session = between(world->arena, exchange->answer, "SessionToken");
    exchange = sent(world, "sts", "POST", url, "Action=GetCallerIdentity&Version=2011-06-15");
    assert_string_equal(between(world->arena, exchange->answer, "Arn"), "arn:aws:sts::111122223333:assumed-role/node/ses");
    eks(world, "GET", "/clusters", NULL);
    wait_for(world, 61 * MINUTE_MS);
    eks_refuses(world, "GET", "/clusters", NULL, 403, "ExpiredTokenException", "expired");
    world->session = "other";
    eks_refuses(world, "GET", "/clusters", NULL, 403, "UnrecognizedClientException", "invalid");
}

static void token_of(struct aws_world *world, const char *cluster, int64_t wall_ms, struct secret *out) {
    struct sigv4_credentials credentials = {.access_key_id = SANDBOX_ACCESS_KEY_ID};
    struct error err = {0};
    secret_set(&credentials.secret_access_key, SANDBOX_SECRET_ACCESS_KEY, strlen(SANDBOX_SECRET_ACCESS_KEY));
    assert_true(sigv4_eks_token(world->arena, &credentials, "sts.eu-west-1.amazonaws.com", "eu-west-1", cluster, wall_ms, out, &err));
    secret_done(&credentials.secret_access_key);
}

static void cluster_tokens_are_verified(void **state) {
    struct aws_world *world = *state;
    struct world *parts = (struct world *)world->sandbox; /* the sandbox begins with it (sandbox/core.h) */
    struct secret token = {0};
    int64_t now_ms = clock_wall_ms(world->clock);
    token_of(world, "demo", now_ms, &token);
    assert_string_equal(aws_token_identity(parts, token.reveal, "demo"), "arn:aws:iam::111122223333:user/sandbox");
    assert_null(aws_token_identity(parts, token.reveal, "other"));
    token.reveal[token.length - 8] = token.reveal[token.length - 8] == 'A' ? 'B' : 'A';
    assert_null(aws_token_identity(parts, token.reveal, "demo"));
    token_of(world, "demo", now_ms - 15 * MINUTE_MS, &token);
    assert_null(aws_token_identity(parts, token.reveal, "demo"));
    token_of(world, "demo", now_ms - 14 * MINUTE_MS, &token);
    assert_non_null(aws_token_identity(parts, token.reveal, "demo"));
    assert_null(aws_token_identity(parts, "k8s-aws-v1.!", "demo"));
    assert_null(aws_token_identity(parts, "eyJ", "demo"));
    secret_done(&token);
}

static void endpoint_takes_its_clusters_token(void **state) {
    struct aws_world *world = *state;
    static const struct {
        const char *cluster;
        int status;
    } rows[] = {{"demo", 200}, {"other", 401}};
    struct value answer = eks(world, "GET", "/clusters/demo", NULL);
    for (size_t i = 0; i < 2; i++) {
        struct secret token = {0};
        token_of(world, rows[i].cluster, clock_wall_ms(world->clock), &token);
        struct http_header header = {"Authorization", arena_text(world->arena, "Bearer %s", token.reveal)};
        struct http_exchange exchange = {.method = "GET",
                                         .url =
                                             arena_text(world->arena, "%s/api/v1/namespaces", value_text_at(&answer, "cluster.endpoint")),
                                         .headers = &header,
                                         .header_count = 1,
                                         .arena = world->arena};
        secret_done(&token);
        world->http->start(world->http, &exchange);
        assert_ptr_equal(world->http->next(world->http, INT64_MAX), &exchange);
        assert_int_equal(exchange.status, rows[i].status);
    }
}

static void presigned_identity_answers_as_json(void **state) {
    struct aws_world *world = *state;
    struct sigv4_credentials credentials = {.access_key_id = SANDBOX_ACCESS_KEY_ID};
    secret_set(&credentials.secret_access_key, SANDBOX_SECRET_ACCESS_KEY, strlen(SANDBOX_SECRET_ACCESS_KEY));
    struct http_header header = {"x-k8s-aws-id", "demo"};
    struct sigv4_request request = {.method = "GET",
                                    .url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
                                    .headers = &header,
                                    .header_count = 1,
                                    .region = "eu-west-1",
                                    .service = "sts",
                                    .wall_ms = clock_wall_ms(world->clock)};
    struct sigv4_signature signature;
    const char *url = NULL;
    struct error err = {0};
    assert_true(sigv4_presign(world->arena, &credentials, &request, 60, &url, &signature, &err));
    secret_done(&credentials.secret_access_key);
    struct http_header headers[] = {header, {"Accept", "application/json"}};
    struct http_exchange exchange = {.method = "GET", .url = url, .headers = headers, .header_count = 2, .arena = world->arena};
    world->http->start(world->http, &exchange);
    assert_ptr_equal(world->http->next(world->http, INT64_MAX), &exchange);
    assert_int_equal(exchange.status, 200);
    struct value answer = parsed(world, &exchange);
    assert_string_equal(value_text_at(&answer, "GetCallerIdentityResponse.GetCallerIdentityResult.Account"), "111122223333");
    wait_for(world, 61 * 1000);
    struct http_exchange late = {.method = "GET", .url = url, .headers = headers, .header_count = 2, .arena = world->arena};
    world->http->start(world->http, &late);
    assert_ptr_equal(world->http->next(world->http, INT64_MAX), &late);
    assert_int_equal(late.status, 403);
}

static void web_identity_needs_provider_and_trust(void **state) {
    struct aws_world *world = *state;
    const char *claims = "{\"iss\":\"https://oidc.example/id/1\",\"sub\":\"system:serviceaccount:a:b\",\"aud\":\"sts.amazonaws.com\"}";
    const char *form =
        arena_text(world->arena,
                   "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=ses&WebIdentityToken=e30.%s.e30&RoleArn="
                   "arn%%3Aaws%%3Aiam%%3A%%3A111122223333%%3Arole%%2Firsa",
                   base64url_encode(world->arena, claims, strlen(claims)));
    struct http_header type = {"content-type", "application/x-www-form-urlencoded"};
    iam(world, 200, "Action=CreateRole&RoleName=irsa&AssumeRolePolicyDocument=%7B%22Statement%22%3A%5B%22oidc.example%2Fid%2F1%22%5D%7D");
    for (int attempt = 0; attempt < 2; attempt++) {
        struct http_exchange exchange = {.method = "POST",
                                         .url = "https://sts.eu-west-1.amazonaws.com/",
                                         .headers = &type,
                                         .header_count = 1,
                                         .body = form,
                                         .body_length = strlen(form),
                                         .arena = world->arena};
        world->http->start(world->http, &exchange);
        assert_ptr_equal(world->http->next(world->http, INT64_MAX), &exchange);
        assert_non_null(
            strstr(exchange.answer, attempt == 0 ? "InvalidIdentityToken" : "<SubjectFromWebIdentityToken>system:serviceaccount:a:b<"));
        if (attempt == 0)
            iam(world, 200,
                "Action=CreateOpenIDConnectProvider&Url=https%3A%2F%2Foidc.example%2Fid%2F1&ClientIDList.member.1=sts.amazonaws.com");
    }
}

static void roles_are_kept(void **state) {
    struct aws_world *world = *state;
    iam(world, 200,
        "Action=CreateRole&RoleName=r&Path=%2Feksact%2Fshop%2F&Description=a%26b&Tags.member.1.Key=k&Tags.member.1.Value=v&"
        "AssumeRolePolicyDocument=" TRUST("ec2"));
    const char *answer = iam(world, 200, "Action=GetRole&RoleName=r");
    assert_non_null(strstr(answer, "<Arn>arn:aws:iam::111122223333:role/eksact/shop/r</Arn>"));
    assert_non_null(strstr(answer, "<Description>a&amp;b</Description>"));
    assert_non_null(strstr(answer, "<AssumeRolePolicyDocument>%7B%22Version%22%3A"));
    assert_non_null(strstr(answer, "<member><Key>k</Key><Value>v</Value></member>"));
    assert_non_null(strstr(iam(world, 200, "Action=ListRoles&PathPrefix=%2Feksact%2F"), "<RoleName>r</RoleName>"));
    assert_null(strstr(iam(world, 200, "Action=ListRoles&PathPrefix=%2Fother%2F"), "<RoleName>r</RoleName>"));
    iam(world, 200, "Action=UpdateRole&RoleName=r&Description=new&MaxSessionDuration=7200");
    iam(world, 200, "Action=PutRolePermissionsBoundary&RoleName=r&PermissionsBoundary=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FPowerUserAccess");
    iam(world, 200, "Action=UntagRole&RoleName=r&TagKeys.member.1=k");
    answer = iam(world, 200, "Action=GetRole&RoleName=r");
    assert_non_null(strstr(answer, "<Description>new</Description><MaxSessionDuration>7200</MaxSessionDuration><PermissionsBoundary>"));
    assert_null(strstr(answer, "<Tags>"));
}

static void role_refusals_are_named(void **state) {
    struct aws_world *world = *state;
    roles_make(world);
    iam(world, 200, "Action=AttachRolePolicy&RoleName=node&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FAmazonEKSWorkerNodePolicy");
    iam(world, 200, "Action=PutRolePolicy&RoleName=cluster&PolicyName=p&PolicyDocument=%7B%22Statement%22%3A%5B%5D%7D");
    static const struct {
        const char *form;
        int status;
        const char *code;
    } rows[] = {
        {"Action=GetRole&RoleName=none", 404, "NoSuchEntity"},
        {"Action=CreateRole&RoleName=node&AssumeRolePolicyDocument=" TRUST("ec2"), 409, "EntityAlreadyExists"},
        {"Action=CreateRole&RoleName=x&AssumeRolePolicyDocument=nonsense", 400, "MalformedPolicyDocument"},
        {"Action=CreateRole&RoleName=a%2Fb&AssumeRolePolicyDocument=" TRUST("ec2"), 400, "ValidationError"},
        {"Action=CreateRole&AssumeRolePolicyDocument=" TRUST("ec2"), 400, "ValidationError"},
        {"Action=DeleteRole&RoleName=node", 409, "DeleteConflict"},
        {"Action=DeleteRole&RoleName=cluster", 409, "DeleteConflict"},
        {"Action=AttachRolePolicy&RoleName=node&PolicyArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Apolicy%2Fmine", 404, "NoSuchEntity"},
        {"Action=DetachRolePolicy&RoleName=node&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FOther", 404, "NoSuchEntity"},
        {"Action=GetRolePolicy&RoleName=cluster&PolicyName=none", 404, "NoSuchEntity"},
        {"Action=CreatePolicy&PolicyName=p", 400, "InvalidAction"},
        {"Action=Dream", 400, "InvalidAction"},
        {"Action=GetRole&RoleName=a&RoleName=b", 400, "MalformedInput"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *code = arena_text(world->arena, "<Code>%s</Code>", rows[i].code);
        const char *answer = iam(world, rows[i].status, rows[i].form);
        if (strstr(answer, code) == NULL)
            fail_msg("%s: %s", rows[i].form, answer);
    }
}

static void policies_are_listed(void **state) {
    struct aws_world *world = *state;
    roles_make(world);
    iam(world, 200, "Action=AttachRolePolicy&RoleName=node&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FA");
    iam(world, 200, "Action=AttachRolePolicy&RoleName=node&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FB");
    iam(world, 200, "Action=PutRolePolicy&RoleName=node&PolicyName=p&PolicyDocument=%7B%22Statement%22%3A%5B%5D%7D");
    const char *answer = iam(world, 200, "Action=ListAttachedRolePolicies&RoleName=node&MaxItems=1");
    assert_non_null(strstr(answer, "<IsTruncated>true</IsTruncated>"));
    const char *marker = between(world->arena, answer, "Marker");
    answer = iam(world, 200, arena_text(world->arena, "Action=ListAttachedRolePolicies&RoleName=node&Marker=%s", marker));
    assert_string_equal(between(world->arena, answer, "PolicyName"), "B");
    assert_non_null(strstr(iam(world, 200, "Action=ListRolePolicies&RoleName=node"), "<PolicyNames><member>p</member></PolicyNames>"));
    assert_string_equal(between(world->arena, iam(world, 200, "Action=GetRolePolicy&RoleName=node&PolicyName=p"), "PolicyDocument"),
                        "%7B%22Statement%22%3A%5B%5D%7D");
}

static void providers_are_kept(void **state) {
    struct aws_world *world = *state;
    const char *form = "Action=CreateOpenIDConnectProvider&Url=https%3A%2F%2Foidc.example%2Fid%2FA&ClientIDList.member.1=sts.amazonaws.com";
    const char *arn = "arn%3Aaws%3Aiam%3A%3A111122223333%3Aoidc-provider%2Foidc.example%2Fid%2FA";
    assert_string_equal(between(world->arena, iam(world, 200, form), "OpenIDConnectProviderArn"),
                        "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/A");
    assert_non_null(strstr(iam(world, 409, form), "EntityAlreadyExists"));
    iam(world, 200, arena_text(world->arena, "Action=AddClientIDToOpenIDConnectProvider&ClientID=two&OpenIDConnectProviderArn=%s", arn));
    iam(world, 200,
        arena_text(world->arena, "Action=RemoveClientIDFromOpenIDConnectProvider&ClientID=sts.amazonaws.com&OpenIDConnectProviderArn=%s",
                   arn));
    const char *answer = iam(world, 200, arena_text(world->arena, "Action=GetOpenIDConnectProvider&OpenIDConnectProviderArn=%s", arn));
    assert_non_null(strstr(answer, "<Url>oidc.example/id/A</Url><ClientIDList><member>two</member></ClientIDList>"));
    iam(world, 200, arena_text(world->arena, "Action=DeleteOpenIDConnectProvider&OpenIDConnectProviderArn=%s", arn));
    assert_non_null(strstr(iam(world, 404, arena_text(world->arena, "Action=GetOpenIDConnectProvider&OpenIDConnectProviderArn=%s", arn)),
                           "NoSuchEntity"));
}

static void custom_endpoint_is_told_by_the_scope(void **state) {
    struct aws_world *world = *state;
    struct http_exchange *exchange = sent(world, "eks", "GET", "http://127.0.0.1:4566/clusters", NULL);
    assert_int_equal(exchange->status, 200);
    exchange = sent(world, "iam", "POST", "http://127.0.0.1:4566/", "Action=ListRoles");
    assert_int_equal(exchange->status, 200);
}

int main(void) {
#define IN_WORLD(TEST) cmocka_unit_test_setup_teardown(TEST, world_open, world_close)
#define IN_CLUSTER(TEST) cmocka_unit_test_setup_teardown(TEST, cluster_open, world_close)
#define IN_NODEGROUP(TEST) cmocka_unit_test_setup_teardown(TEST, nodegroup_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(cluster_walks_its_life),
        IN_CLUSTER(cluster_is_described_wholly),
        IN_CLUSTER(creation_is_checked),
        IN_CLUSTER(config_updates_are_checked),
        IN_CLUSTER(update_is_followed_by_its_id),
        IN_CLUSTER(version_rises_by_one_minor),
        IN_CLUSTER(token_makes_a_repeat_one_change),
        IN_CLUSTER(token_is_forgotten_with_what_it_made),
        IN_CLUSTER(encryption_is_added_once),
        IN_CLUSTER(protected_cluster_is_not_deleted),
        IN_CLUSTER(nodegroup_walks_its_life),
        IN_NODEGROUP(nodegroup_sizes_are_checked_against_live),
        IN_NODEGROUP(nodegroup_labels_and_taints_change_by_delta),
        IN_NODEGROUP(nodegroup_version_follows_the_cluster),
        IN_CLUSTER(nodegroup_creation_fails_by_script),
        IN_NODEGROUP(update_fails_by_script),
        IN_NODEGROUP(quotas_are_kept),
        IN_CLUSTER(nodegroup_creation_is_checked),
        IN_WORLD(lists_come_in_pages),
        IN_CLUSTER(tags_are_set_listed_and_taken),
        IN_CLUSTER(unknown_operation_is_named),
        IN_WORLD(versions_are_described),
        IN_WORLD(signatures_are_checked),
        IN_WORLD(unsigned_call_is_refused),
        IN_WORLD(assumed_role_gets_a_key_that_works),
        IN_CLUSTER(cluster_tokens_are_verified),
        IN_CLUSTER(endpoint_takes_its_clusters_token),
        IN_WORLD(presigned_identity_answers_as_json),
        IN_WORLD(web_identity_needs_provider_and_trust),
        IN_WORLD(roles_are_kept),
        IN_WORLD(role_refusals_are_named),
        IN_WORLD(policies_are_listed),
        IN_WORLD(providers_are_kept),
        IN_WORLD(custom_endpoint_is_told_by_the_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
