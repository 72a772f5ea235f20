/* The simulated API server, through kubernetes_answer with hand-made requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "sandbox/kubernetes.h"

static const char cluster[] = "demo";
static const char apply_type[] = "application/apply-patch+yaml";

static void note_nothing(struct world *world, const char *format, ...) {
    (void)world;
    (void)format;
}

struct bench {
    struct world world;
    struct sandbox_options options;
    struct arena *arena;
    const char *accept;
    const char *token;
    int status;
    struct value answer;
    const char *body;
    size_t length;
};

static int bench_begin(void **state) {
    struct arena *arena = arena_new();
    struct bench *bench = ARENA_NEW(arena, struct bench);
    bench->arena = arena;
    bench->options = (struct sandbox_options){.account_id = "111122223333"};
    bench->world = (struct world){
        .arena = arena_new(), .state = value_of_map(), .now_ms = 1767225600000, .options = &bench->options, .note = note_nothing};
    bench->token = SANDBOX_EXTERNAL_TOKEN;
    kubernetes_cluster_made(&bench->world, cluster);
    *state = bench;
    return 0;
}

static int bench_end(void **state) {
    struct bench *bench = *state;
    arena_free(bench->world.arena);
    arena_free(bench->arena);
    return 0;
}

static int call_typed(struct bench *bench, const char *method, const char *path_and_query, const char *type, const char *body) {
    const char *query = strchr(path_and_query, '?');
    char *path = arena_copy(bench->arena, path_and_query, query ? (size_t)(query - path_and_query) : strlen(path_and_query));
    struct http_header headers[4] = {{"authorization", arena_text(bench->arena, "Bearer %s", bench->token)},
                                     {"accept", bench->accept ? bench->accept : "application/json"},
                                     {"content-type", type ? type : "application/json"},
                                     {"user-agent", "tester/v1"}};
    struct http_exchange exchange = {.method = method,
                                     .url = "https://demo/",
                                     .headers = headers,
                                     .header_count = 4,
                                     .body = body,
                                     .body_length = body ? strlen(body) : 0,
                                     .arena = bench->arena};
    struct world_request request = {.method = method, .host = "demo", .path = path, .query = query ? query + 1 : "", .exchange = &exchange};
    kubernetes_answer(&bench->world, cluster, path, &request, &exchange);
    bench->status = exchange.status;
    bench->body = exchange.answer;
    bench->length = exchange.answer_length;
    struct error err = {0};
    if (!json_parse(bench->arena, "answer", exchange.answer, exchange.answer_length, &bench->answer, &err))
        bench->answer = value_null();
    return bench->status;
}

static int call(struct bench *bench, const char *method, const char *path, const char *body) {
    return call_typed(bench, method, path, NULL, body);
}

static const char *answer_text(struct bench *bench, const char *path) {
    return value_text_at(&bench->answer, path);
}

static int64_t answer_integer(struct bench *bench, const char *path) {
    return value_integer(value_at(&bench->answer, path), -1);
}

/* Lets virtual time pass. */
static void wait_s(struct bench *bench, int64_t seconds) {
    bench->world.now_ms += seconds * 1000;
    (void)kubernetes_step(&bench->world);
}

static const char deployment_path[] = "/apis/apps/v1/namespaces/default/deployments/web";
static const char deployments_path[] = "/apis/apps/v1/namespaces/default/deployments";
static const char deployment_json[] =
    "{\"apiVersion\":\"apps/"
    "v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"labels\":{\"app\":\"web\"}},"
    "\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},"
    "\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"nginx:1.27\",\"ports\":[{\"containerPort\":80}]}]}}}}";

static const char *with_manager(struct bench *bench, const char *path, const char *query) {
    return arena_text(bench->arena, "%s?%s", path, query);
}

static int apply_as(struct bench *bench, const char *path, const char *manager, bool force, const char *body) {
    const char *query = arena_text(bench->arena, "fieldManager=%s%s", manager, force ? "&force=true" : "");
    return call_typed(bench, "PATCH", with_manager(bench, path, query), apply_type, body);
}

static void set_nodes(struct bench *bench, unsigned count) {
    kubernetes_nodes_set(&bench->world, cluster, "workers", count, NULL, NULL);
}

static const struct value *entry_of(struct bench *bench, const char *manager, const char *operation) {
    const struct value *entries = value_at(&bench->answer, "metadata.managedFields");
    for (size_t i = 0; i < value_count(entries); i++)
        if (text_equal(value_text_at(&entries->list.items[i], "manager"), manager) &&
            text_equal(value_text_at(&entries->list.items[i], "operation"), operation))
            return &entries->list.items[i];
    return NULL;
}

static const char *fields_text(struct bench *bench, const char *manager, const char *operation) {
    const struct value *fields = value_find(entry_of(bench, manager, operation), "fieldsV1");
    return fields ? json_text(bench->arena, fields) : NULL;
}

/* --- Access and discovery. */

static void test_no_token_is_401(void **state) {
    struct bench *bench = *state;
    bench->token = "nonsense";
    assert_int_equal(call(bench, "GET", "/api/v1/namespaces", NULL), 401);
    assert_string_equal(answer_text(bench, "reason"), "Unauthorized");
}

static void test_version_needs_no_token(void **state) {
    struct bench *bench = *state;
    bench->token = "nonsense";
    assert_int_equal(call(bench, "GET", "/version", NULL), 200);
    assert_string_equal(answer_text(bench, "major"), "1");
}

static void test_paths_of_discovery(void **state) {
    struct bench *bench = *state;
    static const struct {
        const char *path, *kind;
    } rows[] = {{"/api", "APIVersions"},
                {"/apis", "APIGroupList"},
                {"/api/v1", "APIResourceList"},
                {"/apis/apps", "APIGroup"},
                {"/apis/apps/v1", "APIResourceList"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(call(bench, "GET", rows[i].path, NULL), 200);
        assert_string_equal(answer_text(bench, "kind"), rows[i].kind);
    }
    bench->accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    assert_int_equal(call(bench, "GET", "/apis", NULL), 200);
    assert_string_equal(answer_text(bench, "kind"), "APIGroupDiscoveryList");
}

static void test_unknown_resources_are_404(void **state) {
    struct bench *bench = *state;
    static const char *const paths[] = {"/api/v2/pods",
                                        "/apis/nope/v1/things",
                                        "/api/v1/things",
                                        "/apis/apps/v1/namespaces/default",
                                        "/api/v1/namespaces/default/nodes",
                                        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o",
                                        "/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(call(bench, "GET", paths[i], NULL), 404);
}

/* --- Reading and writing. */

static void test_created_object_has_identity_and_defaults(void **state) {
    struct bench *bench = *state;
    assert_int_equal(call(bench, "POST", deployments_path, deployment_json), 201);
    assert_non_null(answer_text(bench, "metadata.uid"));
    assert_string_equal(answer_text(bench, "metadata.creationTimestamp"), "2026-01-01T00:00:00Z");
    assert_int_equal(answer_integer(bench, "metadata.generation"), 1);
    assert_int_equal(answer_integer(bench, "spec.progressDeadlineSeconds"), 600);
    assert_string_equal(answer_text(bench, "spec.strategy.rollingUpdate.maxSurge"), "25%");
    const struct value *container = &value_at(&bench->answer, "spec.template.spec.containers")->list.items[0];
    assert_string_equal(value_text_at(container, "imagePullPolicy"), "IfNotPresent");
    assert_string_equal(value_text_at(&value_find(container, "ports")->list.items[0], "protocol"), "TCP");
    assert_int_equal(call(bench, "POST", deployments_path, deployment_json), 409);
    assert_string_equal(answer_text(bench, "reason"), "AlreadyExists");
}

static void test_replace_needs_the_current_version(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}");
    const char *stale = "{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"1\"},\"data\":{\"a\":\"2\"}}";
    assert_int_equal(call(bench, "PUT", "/api/v1/namespaces/default/configmaps/c", stale), 409);
    assert_string_equal(answer_text(bench, "reason"), "Conflict");
    assert_int_equal(
        call(bench, "PUT", "/api/v1/namespaces/default/configmaps/c", "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"2\"}}"), 200);
    assert_string_equal(answer_text(bench, "data.a"), "2");
}

static void test_bad_requests(void **state) {
    struct bench *bench = *state;
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *message;
    } rows[] = {
        {"POST", "/api/v1/namespaces/nope/configmaps", "{\"metadata\":{\"name\":\"c\"}}", 404, "namespaces \"nope\" not found"},
        {"POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"c\",\"namespace\":\"other\"}}", 400,
         "the namespace of the provided object does not match the namespace sent on the request"},
        {"PUT", "/api/v1/namespaces/default/configmaps/c", "{\"metadata\":{\"name\":\"d\"}}", 400,
         "the name of the object (d) does not match the name on the URL (c)"},
        {"POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"c\"},", 400, NULL},
        {"POST", "/api/v1/namespaces/default/configmaps", "[]", 400, NULL},
        {"POST", "/api/v1/namespaces/default/configmaps", "", 400, NULL},
        {"POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"Bad_Name\"}}", 422, NULL},
        {"POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{}}", 422, NULL},
        {"POST", "/apis/apps/v1/namespaces/default/deployments", "{\"metadata\":{\"name\":\"x\"},\"spec\":{}}", 422, NULL},
        {"POST", "/apis/apps/v1/namespaces/default/deployments", "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"replicas\":\"two\"}}", 400,
         NULL},
        {"DELETE", "/api/v1/namespaces/default/configmaps/c", NULL, 404, "configmaps \"c\" not found"},
        {"GET", "/apis/apps/v1/namespaces/default/deployments/x", NULL, 404, "deployments.apps \"x\" not found"},
        {"GET", "/api/v1/configmaps?labelSelector=a==b==,%21", NULL, 400, NULL},
        {"GET", "/api/v1/configmaps?continue=zzz", NULL, 400, NULL},
        {"PATCH", "/api/v1/namespaces/default/configmaps/c", "{}", 404, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(call(bench, rows[i].method, rows[i].path, rows[i].body), rows[i].status);
        assert_string_equal(answer_text(bench, "kind"), "Status");
        if (rows[i].message)
            assert_string_equal(answer_text(bench, "message"), rows[i].message);
    }
}

static void test_dry_run_stores_nothing(void **state) {
    struct bench *bench = *state;
    uint64_t counter = bench->world.counter;
    assert_int_equal(call(bench, "POST", "/apis/apps/v1/namespaces/default/deployments?dryRun=All", deployment_json), 201);
    assert_int_equal(call(bench, "GET", deployment_path, NULL), 404);
    assert_true(bench->world.counter == counter);
}

static void test_immutable_fields_are_422(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "POST", deployments_path, deployment_json);
    const char *patch =
        "{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"other\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"other\"}}}}}";
    assert_int_equal(call_typed(bench, "PATCH", deployment_path, "application/merge-patch+json", patch), 422);
    assert_non_null(strstr(answer_text(bench, "message"), "field is immutable"));
    assert_string_equal(value_text_at(&value_at(&bench->answer, "details.causes")->list.items[0], "field"), "spec.selector");
}

static void test_generation_counts_changes_of_spec(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "POST", deployments_path, deployment_json);
    (void)call_typed(bench, "PATCH", deployment_path, "application/merge-patch+json", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}");
    assert_int_equal(answer_integer(bench, "metadata.generation"), 1);
    (void)call_typed(bench, "PATCH", deployment_path, "application/merge-patch+json",
                     "{\"spec\":{\"replicas\":3},\"status\":{\"replicas\":9}}");
    assert_int_equal(answer_integer(bench, "metadata.generation"), 2);
    assert_int_equal(answer_integer(bench, "status.replicas"), -1);
}

static void test_patches(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "POST", deployments_path, deployment_json);
    const char *strategic = "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"nginx:2\"},{\"name\":"
                            "\"side\",\"image\":\"busybox:1\"}]}}}}";
    assert_int_equal(call_typed(bench, "PATCH", deployment_path, "application/strategic-merge-patch+json", strategic), 200);
    const struct value *containers = value_at(&bench->answer, "spec.template.spec.containers");
    assert_int_equal(value_count(containers), 2);
    assert_string_equal(value_text_at(&containers->list.items[0], "image"), "nginx:2");
    assert_int_equal(value_count(value_find(&containers->list.items[0], "ports")), 1);
    const char *json =
        "[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":2},{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/1\"},"
        "{\"op\":\"add\",\"path\":\"/metadata/labels/a~1b\",\"value\":\"c\"}]";
    assert_int_equal(call_typed(bench, "PATCH", deployment_path, "application/json-patch+json", json), 200);
    assert_string_equal(value_text(value_find(value_at(&bench->answer, "metadata.labels"), "a/b")), "c");
    assert_int_equal(value_count(value_at(&bench->answer, "spec.template.spec.containers")), 1);
    const char *fails = "[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":7}]";
    assert_int_equal(call_typed(bench, "PATCH", deployment_path, "application/json-patch+json", fails), 422);
    assert_int_equal(call_typed(bench, "PATCH", deployment_path, "text/plain", "{}"), 415);
}

/* --- Server-side apply. */

static void test_apply_owns_what_it_declares(void **state) {
    struct bench *bench = *state;
    assert_int_equal(apply_as(bench, deployment_path, "eksact", false, deployment_json), 201);
    assert_string_equal(
        fields_text(bench, "eksact", "Apply"),
        "{\"f:metadata\":{\"f:labels\":{\"f:app\":{}}},\"f:spec\":{\"f:replicas\":{},\"f:selector\":{},\"f:template\":{\"f:metadata\":{\"f:"
        "labels\":{\"f:app\":{}}},"
        "\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":{},\"f:ports\":{"
        "\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{}}}}}}}}}");
}

static void test_apply_of_the_same_changes_nothing(void **state) {
    struct bench *bench = *state;
    (void)apply_as(bench, deployment_path, "eksact", false, deployment_json);
    const char *version = answer_text(bench, "metadata.resourceVersion");
    bench->world.now_ms += 60000;
    assert_int_equal(apply_as(bench, deployment_path, "eksact", false, deployment_json), 200);
    assert_string_equal(answer_text(bench, "metadata.resourceVersion"), version);
}

static void test_apply_conflicts_unless_forced(void **state) {
    struct bench *bench = *state;
    const char *path = "/api/v1/namespaces/default/configmaps/c";
    (void)apply_as(bench, path, "one", false,
                   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\",\"b\":\"1\"}}");
    const char *other = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"2\"}}";
    assert_int_equal(apply_as(bench, path, "two", false, other), 409);
    assert_string_equal(answer_text(bench, "message"), "Apply failed with 1 conflict: conflict with \"one\": .data.a");
    assert_string_equal(value_text_at(&value_at(&bench->answer, "details.causes")->list.items[0], "reason"), "FieldManagerConflict");
    assert_int_equal(apply_as(bench, path, "two", true, other), 200);
    assert_string_equal(fields_text(bench, "one", "Apply"), "{\"f:data\":{\"f:b\":{}}}");
    assert_string_equal(fields_text(bench, "two", "Apply"), "{\"f:data\":{\"f:a\":{}}}");
}

static void test_fields_no_longer_declared_go(void **state) {
    struct bench *bench = *state;
    const char *path = "/api/v1/namespaces/default/configmaps/c";
    (void)apply_as(
        bench, path, "one", false,
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\"}}");
    (void)apply_as(bench, path, "two", false,
                   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"b\":\"1\"}}");
    (void)apply_as(bench, path, "one", false,
                   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}");
    assert_string_equal(answer_text(bench, "data.a"), "1");
    assert_string_equal(answer_text(bench, "data.b"), "1");
    assert_null(value_at(&bench->answer, "data.c"));
}

static void test_a_removed_container_goes_whole(void **state) {
    struct bench *bench = *state;
    const char *two =
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},"
        "\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},"
        "\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"a:1\"},{\"name\":\"side\",\"image\":\"b:1\"}]}}}}";
    const char *one =
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},"
        "\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},"
        "\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"a:1\"}]}}}}";
    (void)apply_as(bench, deployment_path, "eksact", false, two);
    assert_int_equal(value_count(value_at(&bench->answer, "spec.template.spec.containers")), 2);
    assert_int_equal(apply_as(bench, deployment_path, "eksact", false, one), 200);
    assert_int_equal(value_count(value_at(&bench->answer, "spec.template.spec.containers")), 1);
}

static void test_an_update_takes_fields_from_an_apply(void **state) {
    struct bench *bench = *state;
    (void)apply_as(bench, deployment_path, "eksact", false, deployment_json);
    assert_int_equal(call_typed(bench, "PATCH", with_manager(bench, deployment_path, "fieldManager=kubectl-edit"),
                                "application/merge-patch+json", "{\"spec\":{\"replicas\":5}}"),
                     200);
    assert_null(strstr(fields_text(bench, "eksact", "Apply"), "f:replicas"));
    assert_string_equal(fields_text(bench, "kubectl-edit", "Update"), "{\"f:spec\":{\"f:replicas\":{}}}");
}

static void test_create_owns_defaults_too(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "POST", deployments_path, deployment_json);
    assert_non_null(strstr(fields_text(bench, "tester", "Update"), "f:terminationMessagePath"));
    assert_non_null(strstr(fields_text(bench, "tester", "Update"), "\"f:labels\":{\".\":{},\"f:app\":{}}"));
}

/* What strategies allocate is nobody's: as a real API server answers the same request. */
static void test_allocated_fields_have_no_owner(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "POST", "/api/v1/namespaces/default/services",
               "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}],\"selector\":{\"a\":\"b\"}}}");
    assert_non_null(answer_text(bench, "spec.clusterIP"));
    assert_string_equal(
        fields_text(bench, "tester", "Update"),
        "{\"f:spec\":{\"f:internalTrafficPolicy\":{},\"f:ports\":{\".\":{},\"k:{\\\"port\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},"
        "\"f:port\":{},\"f:protocol\":{},\"f:targetPort\":{}}},\"f:selector\":{},\"f:sessionAffinity\":{},\"f:type\":{}}}");
}

static void test_limits_become_requests_of_pods_only(void **state) {
    struct bench *bench = *state;
    const char *pod = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i:1\",\"resources\":{"
                      "\"limits\":{\"cpu\":\"1\"}}}]}}";
    (void)call(bench, "POST", "/api/v1/namespaces/default/pods", pod);
    assert_string_equal(value_text_at(&value_at(&bench->answer, "spec.containers")->list.items[0], "resources.requests.cpu"), "1");
    const char *job =
        "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\","
        "\"image\":\"i:1\",\"resources\":{\"limits\":{\"cpu\":\"1\"}}}]}}}}";
    (void)call(bench, "POST", "/apis/batch/v1/namespaces/default/jobs", job);
    assert_null(value_at(&value_at(&bench->answer, "spec.template.spec.containers")->list.items[0], "resources.requests"));
}

static void test_claim_binds_and_is_protected(void **state) {
    struct bench *bench = *state;
    const char *path = "/api/v1/namespaces/default/persistentvolumeclaims/c";
    (void)call(bench, "POST", "/api/v1/namespaces/default/persistentvolumeclaims",
               "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":"
               "\"1Gi\"}}}}");
    wait_s(bench, 10);
    (void)call(bench, "GET", path, NULL);
    assert_string_equal(answer_text(bench, "status.phase"), "Bound");
    (void)call(bench, "DELETE", path, NULL);
    assert_non_null(answer_text(bench, "metadata.deletionTimestamp"));
    wait_s(bench, 2);
    assert_int_equal(call(bench, "GET", path, NULL), 404);
}

static void test_apply_refuses_undeclared_fields(void **state) {
    struct bench *bench = *state;
    const char *body = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"dta\":{}}";
    assert_int_equal(apply_as(bench, "/api/v1/namespaces/default/configmaps/c", "one", false, body), 500);
    assert_non_null(strstr(answer_text(bench, "message"), ".dta: field not declared in schema"));
    assert_int_equal(call_typed(bench, "PATCH", "/api/v1/namespaces/default/configmaps/c", apply_type, body), 422);
}

static void test_wiped_owners_become_before_first_apply(void **state) {
    struct bench *bench = *state;
    const char *path = "/api/v1/namespaces/default/configmaps/c";
    const char *body = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}";
    (void)apply_as(bench, path, "one", false, body);
    (void)call_typed(bench, "PATCH", path, "application/merge-patch+json", "{\"metadata\":{\"managedFields\":[{}]}}");
    assert_null(value_at(&bench->answer, "metadata.managedFields"));
    assert_int_equal(apply_as(bench, path, "one", false, body), 200);
    assert_string_equal(fields_text(bench, "before-first-apply", "Update"), "{\"f:data\":{\".\":{},\"f:a\":{}}}");
}

/* --- Lists. */

static void make_maps(struct bench *bench, size_t count) {
    for (size_t i = 0; i < count; i++)
        (void)call(bench, "POST", "/api/v1/namespaces/default/configmaps",
                   arena_text(bench->arena, "{\"metadata\":{\"name\":\"m%02zu\",\"labels\":{\"part\":\"%s\",\"n\":\"%zu\"}}}", i,
                              i % 2 ? "odd" : "even", i));
}

static void test_selectors(void **state) {
    struct bench *bench = *state;
    make_maps(bench, 6);
    static const struct {
        const char *query;
        size_t count;
    } rows[] = {{"labelSelector=part%3Dodd", 3},           {"labelSelector=part!%3Dodd", 4},   {"labelSelector=n%20in%20(1,2)", 2},
                {"labelSelector=part,n%20notin%20(1)", 5}, {"labelSelector=!part", 1},         {"fieldSelector=metadata.name%3Dm03", 1},
                {"fieldSelector=metadata.name!%3Dm03", 6}, {"labelSelector=part==even,n=2", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)call(bench, "GET", with_manager(bench, "/api/v1/namespaces/default/configmaps", rows[i].query), NULL);
        assert_int_equal(value_count(value_find(&bench->answer, "items")), rows[i].count);
    }
}

static void test_pages_hold_everything_once(void **state) {
    struct bench *bench = *state;
    make_maps(bench, 10);
    size_t seen = 0;
    const char *token = "";
    const char *query = "limit=3";
    for (unsigned page = 0; page < 10 && token; page++) {
        assert_int_equal(call(bench, "GET", with_manager(bench, "/api/v1/namespaces/default/configmaps", query), NULL), 200);
        seen += value_count(value_find(&bench->answer, "items"));
        token = answer_text(bench, "metadata.continue");
        query = arena_text(bench->arena, "limit=3&continue=%s", token);
    }
    assert_int_equal(seen, 11); /* and kube-root-ca.crt */
}

static void test_forms_of_lists(void **state) {
    struct bench *bench = *state;
    make_maps(bench, 2);
    bench->accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    (void)call(bench, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    assert_string_equal(answer_text(bench, "kind"), "Table");
    bench->accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    (void)call(bench, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    assert_string_equal(answer_text(bench, "kind"), "PartialObjectMetadataList");
    bench->accept = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    (void)call(bench, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    assert_memory_equal(bench->body, "k8s\0", 4);
}

/* --- Controllers. */

static const char *condition_text(struct bench *bench, const char *type, const char *member) {
    const struct value *conditions = value_at(&bench->answer, "status.conditions");
    for (size_t i = 0; i < value_count(conditions); i++)
        if (text_equal(value_text_at(&conditions->list.items[i], "type"), type))
            return value_text_at(&conditions->list.items[i], member);
    return NULL;
}

static void test_deployment_becomes_ready(void **state) {
    struct bench *bench = *state;
    set_nodes(bench, 2);
    (void)apply_as(bench, deployment_path, "eksact", false, deployment_json);
    wait_s(bench, 1);
    (void)call(bench, "GET", deployment_path, NULL);
    assert_int_equal(answer_integer(bench, "status.observedGeneration"), 1);
    assert_int_equal(answer_integer(bench, "status.unavailableReplicas"), 2);
    wait_s(bench, 35);
    (void)call(bench, "GET", deployment_path, NULL);
    assert_int_equal(answer_integer(bench, "status.readyReplicas"), 2);
    assert_string_equal(condition_text(bench, "Progressing", "reason"), "NewReplicaSetAvailable");
    assert_string_equal(condition_text(bench, "Available", "status"), "True");
    (void)call(bench, "GET", "/api/v1/namespaces/default/pods", NULL);
    assert_int_equal(value_count(value_find(&bench->answer, "items")), 2);
}

static void test_no_nodes_no_pods_run(void **state) {
    struct bench *bench = *state;
    (void)apply_as(bench, deployment_path, "eksact", false, deployment_json);
    wait_s(bench, 100);
    (void)call(bench, "GET", "/api/v1/namespaces/default/pods", NULL);
    const struct value *pod = &value_find(&bench->answer, "items")->list.items[0];
    assert_string_equal(value_text_at(&value_at(pod, "status.conditions")->list.items[0], "reason"), "Unschedulable");
    set_nodes(bench, 1);
    wait_s(bench, 60);
    (void)call(bench, "GET", deployment_path, NULL);
    assert_int_equal(answer_integer(bench, "status.readyReplicas"), 2);
}

static void test_scripted_failure_misses_its_deadline(void **state) {
    struct bench *bench = *state;
    struct value script = value_of_map();
    (void)value_set(bench->world.arena, &script, "default/web", value_of_text("fail"));
    (void)value_set(bench->world.arena, &bench->world.state, "deployments", script);
    set_nodes(bench, 1);
    (void)apply_as(bench, deployment_path, "eksact", false, deployment_json);
    wait_s(bench, 300);
    (void)call(bench, "GET", deployment_path, NULL);
    assert_string_equal(condition_text(bench, "Progressing", "reason"), "ReplicaSetUpdated");
    wait_s(bench, 400);
    (void)call(bench, "GET", deployment_path, NULL);
    assert_string_equal(condition_text(bench, "Progressing", "reason"), "ProgressDeadlineExceeded");
}

static void test_rollout_replaces_pods(void **state) {
    struct bench *bench = *state;
    set_nodes(bench, 1);
    (void)apply_as(bench, deployment_path, "eksact", false, deployment_json);
    wait_s(bench, 60);
    (void)call_typed(bench, "PATCH", deployment_path, "application/strategic-merge-patch+json",
                     "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"nginx:2\"}]}}}}");
    wait_s(bench, 5);
    (void)call(bench, "GET", deployment_path, NULL);
    assert_string_equal(condition_text(bench, "Available", "status"), "True");
    wait_s(bench, 60);
    (void)call(bench, "GET", deployment_path, NULL);
    assert_int_equal(answer_integer(bench, "status.replicas"), 2);
    assert_int_equal(answer_integer(bench, "status.updatedReplicas"), 2);
    assert_string_equal(value_text(value_find(value_at(&bench->answer, "metadata.annotations"), "deployment.kubernetes.io/revision")), "2");
    (void)call(bench, "GET", "/api/v1/namespaces/default/pods", NULL);
    assert_int_equal(value_count(value_find(&bench->answer, "items")), 2);
    (void)call(bench, "GET", "/apis/apps/v1/namespaces/default/replicasets", NULL);
    assert_int_equal(value_count(value_find(&bench->answer, "items")), 2);
}

static void test_dependents_follow_their_owner(void **state) {
    struct bench *bench = *state;
    static const char *const policies[] = {"Foreground", "Background"};
    set_nodes(bench, 1);
    for (size_t i = 0; i < 2; i++) {
        (void)apply_as(bench, deployment_path, "eksact", false, deployment_json);
        wait_s(bench, 60);
        assert_int_equal(call(bench, "DELETE", deployment_path, arena_text(bench->arena, "{\"propagationPolicy\":\"%s\"}", policies[i])),
                         200);
        wait_s(bench, 30);
        assert_int_equal(call(bench, "GET", deployment_path, NULL), 404);
        (void)call(bench, "GET", "/api/v1/pods", NULL);
        assert_int_equal(value_count(value_find(&bench->answer, "items")), 0);
        (void)call(bench, "GET", "/apis/apps/v1/replicasets", NULL);
        assert_int_equal(value_count(value_find(&bench->answer, "items")), 0);
    }
}

static void test_delete_preconditions_and_finalizers(void **state) {
    struct bench *bench = *state;
    const char *path = "/api/v1/namespaces/default/configmaps/c";
    (void)call(bench, "POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"x/y\"]}}");
    assert_int_equal(call(bench, "DELETE", path, "{\"preconditions\":{\"uid\":\"wrong\"}}"), 409);
    assert_int_equal(call(bench, "DELETE", path, NULL), 200);
    assert_non_null(answer_text(bench, "metadata.deletionTimestamp"));
    assert_int_equal(call_typed(bench, "PATCH", path, "application/merge-patch+json", "{\"metadata\":{\"finalizers\":null}}"), 200);
    assert_int_equal(call(bench, "GET", path, NULL), 404);
}

static void test_namespace_takes_its_objects_along(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"shop\"}}");
    assert_string_equal(answer_text(bench, "status.phase"), "Active");
    wait_s(bench, 1);
    assert_int_equal(call(bench, "GET", "/api/v1/namespaces/shop/serviceaccounts/default", NULL), 200);
    (void)call(bench, "POST", "/api/v1/namespaces/shop/configmaps", "{\"metadata\":{\"name\":\"c\"}}");
    assert_int_equal(call(bench, "DELETE", "/api/v1/namespaces/shop", NULL), 200);
    assert_string_equal(answer_text(bench, "status.phase"), "Terminating");
    assert_int_equal(call(bench, "POST", "/api/v1/namespaces/shop/configmaps", "{\"metadata\":{\"name\":\"d\"}}"), 403);
    wait_s(bench, 20);
    assert_int_equal(call(bench, "GET", "/api/v1/namespaces/shop", NULL), 404);
    assert_int_equal(call(bench, "GET", "/api/v1/namespaces/shop/configmaps/c", NULL), 404);
}

static void test_custom_kind_is_served_when_established(void **state) {
    struct bench *bench = *state;
    const char *crd =
        "{\"apiVersion\":\"apiextensions.k8s.io/"
        "v1\",\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":\"things.example.com\"},\"spec\":{\"group\":\"example.com\","
        "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},\"versions\":[{\"name\":\"v1\",\"served\":true,"
        "\"storage\":true,\"schema\":{"
        "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{\"size\":{\"type\":"
        "\"integer\",\"default\":3},"
        "\"parts\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[\"name\"],\"items\":{\"type\":"
        "\"object\",\"properties\":{"
        "\"name\":{\"type\":\"string\"},\"v\":{\"type\":\"string\"}}}}}}}}}}]}}";
    assert_int_equal(apply_as(bench, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com", "eksact", false, crd),
                     201);
    assert_int_equal(call(bench, "GET", "/apis/example.com/v1/things", NULL), 404);
    wait_s(bench, 1);
    assert_int_equal(call(bench, "GET", "/apis/example.com/v1/things", NULL), 200);
    const char *thing = "{\"apiVersion\":\"example.com/"
                        "v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"t\"},\"spec\":{\"parts\":[{\"name\":\"a\",\"v\":\"1\"}]}}";
    assert_int_equal(apply_as(bench, "/apis/example.com/v1/namespaces/default/things/t", "eksact", false, thing), 201);
    assert_int_equal(answer_integer(bench, "spec.size"), 3);
    assert_string_equal(fields_text(bench, "eksact", "Apply"),
                        "{\"f:spec\":{\"f:parts\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\".\":{},\"f:name\":{},\"f:v\":{}}}}}");
    (void)call(bench, "DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com", NULL);
    assert_int_equal(call(bench, "GET", "/apis/example.com/v1/things", NULL), 404);
}

static void test_load_balancer_gets_an_address(void **state) {
    struct bench *bench = *state;
    const char *service =
        "{\"metadata\":{\"name\":\"lb\"},\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{\"port\":80}],\"selector\":{\"a\":\"b\"}}}";
    assert_int_equal(call(bench, "POST", "/api/v1/namespaces/default/services", service), 201);
    assert_non_null(answer_text(bench, "spec.clusterIP"));
    wait_s(bench, 30);
    (void)call(bench, "GET", "/api/v1/namespaces/default/services/lb", NULL);
    assert_null(value_at(&bench->answer, "status.loadBalancer.ingress"));
    wait_s(bench, 60);
    (void)call(bench, "GET", "/api/v1/namespaces/default/services/lb", NULL);
    assert_non_null(value_at(&bench->answer, "status.loadBalancer.ingress"));
}

static void test_job_completes(void **state) {
    struct bench *bench = *state;
    set_nodes(bench, 1);
    const char *job = "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{"
                      "\"name\":\"c\",\"image\":\"i:1\"}]}}}}";
    assert_int_equal(call(bench, "POST", "/apis/batch/v1/namespaces/default/jobs", job), 201);
    wait_s(bench, 60);
    (void)call(bench, "GET", "/apis/batch/v1/namespaces/default/jobs/j", NULL);
    assert_string_equal(condition_text(bench, "Complete", "status"), "True");
    assert_int_equal(answer_integer(bench, "status.succeeded"), 1);
}

/* --- Watch. */

static void test_watch_says_what_changed(void **state) {
    struct bench *bench = *state;
    (void)call(bench, "GET", "/api/v1/namespaces/default/configmaps", NULL);
    const char *version = answer_text(bench, "metadata.resourceVersion");
    make_maps(bench, 1);
    (void)call(bench, "DELETE", "/api/v1/namespaces/default/configmaps/m00", NULL);
    (void)call(bench, "GET", arena_text(bench->arena, "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=%s", version),
               NULL);
    assert_int_equal(bench->status, 200);
    assert_non_null(strstr(bench->body, "{\"type\":\"ADDED\""));
    assert_non_null(strstr(bench->body, "{\"type\":\"DELETED\""));
}

static void test_watch_too_old_is_410(void **state) {
    struct bench *bench = *state;
    for (unsigned i = 0; i < 2100; i++) {
        struct arena *scratch = bench->arena;
        bench->arena = arena_new();
        (void)call_typed(bench, "PATCH", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", "application/merge-patch+json",
                         arena_text(bench->arena, "{\"data\":{\"n\":\"%u\"}}", i));
        arena_free(bench->arena);
        bench->arena = scratch;
    }
    (void)call(bench, "GET", "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=1", NULL);
    assert_non_null(strstr(bench->body, "\"code\":410"));
}

/* --- Reviews. */

static void test_reviews(void **state) {
    struct bench *bench = *state;
    assert_int_equal(call(bench, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "{\"spec\":{}}"), 201);
    assert_true(value_boolean(value_at(&bench->answer, "status.allowed"), false));
    assert_int_equal(call(bench, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", "{\"spec\":{\"token\":\"bad\"}}"), 201);
    assert_false(value_boolean(value_at(&bench->answer, "status.authenticated"), false));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_begin, bench_end)
    const struct CMUnitTest tests[] = {
        TEST(test_no_token_is_401),
        TEST(test_version_needs_no_token),
        TEST(test_paths_of_discovery),
        TEST(test_unknown_resources_are_404),
        TEST(test_created_object_has_identity_and_defaults),
        TEST(test_replace_needs_the_current_version),
        TEST(test_bad_requests),
        TEST(test_dry_run_stores_nothing),
        TEST(test_immutable_fields_are_422),
        TEST(test_generation_counts_changes_of_spec),
        TEST(test_patches),
        TEST(test_apply_owns_what_it_declares),
        TEST(test_apply_of_the_same_changes_nothing),
        TEST(test_apply_conflicts_unless_forced),
        TEST(test_fields_no_longer_declared_go),
        TEST(test_a_removed_container_goes_whole),
        TEST(test_an_update_takes_fields_from_an_apply),
        TEST(test_create_owns_defaults_too),
        TEST(test_allocated_fields_have_no_owner),
        TEST(test_limits_become_requests_of_pods_only),
        TEST(test_claim_binds_and_is_protected),
        TEST(test_apply_refuses_undeclared_fields),
        TEST(test_wiped_owners_become_before_first_apply),
        TEST(test_selectors),
        TEST(test_pages_hold_everything_once),
        TEST(test_forms_of_lists),
        TEST(test_deployment_becomes_ready),
        TEST(test_no_nodes_no_pods_run),
        TEST(test_scripted_failure_misses_its_deadline),
        TEST(test_rollout_replaces_pods),
        TEST(test_dependents_follow_their_owner),
        TEST(test_delete_preconditions_and_finalizers),
        TEST(test_namespace_takes_its_objects_along),
        TEST(test_custom_kind_is_served_when_established),
        TEST(test_load_balancer_gets_an_address),
        TEST(test_job_completes),
        TEST(test_watch_says_what_changed),
        TEST(test_watch_too_old_is_410),
        TEST(test_reviews),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
