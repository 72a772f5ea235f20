/* Kubernetes calls as requests, answers as results, and what an API server serves. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "world/kube_parts.h"

#define SERVER "https://api.example:6443/clusters/demo"

struct fixture {
    struct arena *arena;
    struct kube *kube;
    struct error err;
    const char *token;
    bool token_fails;
};

static const struct kube_resource config_map = {
    .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .namespaced = true};
static const struct kube_resource secret = {.group = "", .version = "v1", .kind = "Secret", .plural = "secrets", .namespaced = true};
static const struct kube_resource deployment = {
    .group = "apps", .version = "v1", .kind = "Deployment", .plural = "deployments", .namespaced = true};
static const struct kube_resource role = {
    .group = "rbac.authorization.k8s.io", .version = "v1", .kind = "ClusterRole", .plural = "clusterroles", .namespaced = false};

static bool give_token(void *context, struct secret *out, struct error *err) {
    struct fixture *fixture = context;
    if (fixture->token_fails)
        return error_set(err, ERROR_DENIED, "no credentials");
    secret_set(out, fixture->token, strlen(fixture->token));
    return true;
}

static int fixture_begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->arena = arena_new();
    fixture->token = "tok.en";
    *state = fixture;
    return kube_new(SERVER "/", NULL, give_token, fixture, &fixture->kube, &fixture->err) ? 0 : 1;
}

static int fixture_end(void **state) {
    struct fixture *fixture = *state;
    kube_free(fixture->kube);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct value parsed(struct fixture *fixture, const char *text) {
    struct value value;
    struct error err = {0};
    if (!json_parse(fixture->arena, "test", text, strlen(text), &value, &err))
        fail_msg("%s", err.text);
    return value;
}

static struct kube_call call_of(struct fixture *fixture, enum kube_verb verb, const struct kube_resource *resource, const char *namespace,
                                const char *name) {
    return (struct kube_call){
        .verb = verb, .resource = resource, .namespace = namespace, .name = name, .manager = "eksact", .arena = fixture->arena};
}

static void prepare(struct fixture *fixture, struct kube_call *call) {
    fixture->err = (struct error){0};
    if (!kube_prepare(fixture->kube, call, &fixture->err))
        fail_msg("%s", fixture->err.text);
}

static void answer(struct fixture *fixture, struct kube_call *call, int status, const char *body) {
    call->exchange.status = status;
    call->exchange.answer = arena_copy(fixture->arena, body, strlen(body));
    call->exchange.answer_length = strlen(body);
    if (call->exchange.on_bytes != NULL && status == 200)
        call->exchange.on_bytes(call->exchange.reader, body, strlen(body), &call->exchange.error);
    kube_finish(fixture->kube, call);
}

static const char *header_of(const struct kube_call *call, const char *name) {
    for (size_t i = 0; i < call->exchange.header_count; i++) {
        if (text_equal(call->exchange.headers[i].name, name))
            return call->exchange.headers[i].value;
    }
    return NULL;
}

static void assert_has(const char *text, const char *piece) {
    if (strstr(text, piece) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", piece, text);
}

/* ---- requests ---- */

static void urls_follow_group_scope_and_verb(void **state) {
    struct fixture *fixture = *state;
    struct value body = value_of_map();
    static const struct {
        enum kube_verb verb;
        const struct kube_resource *resource;
        const char *namespace, *name, *method, *url;
    } rows[] = {
        {KUBE_GET, &config_map, "a", "x", "GET", SERVER "/api/v1/namespaces/a/configmaps/x"},
        {KUBE_GET, &deployment, "a", "x", "GET", SERVER "/apis/apps/v1/namespaces/a/deployments/x"},
        {KUBE_GET, &role, NULL, "system:node", "GET", SERVER "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode"},
        {KUBE_APPLY, &role, NULL, "r", "PATCH",
         SERVER "/apis/rbac.authorization.k8s.io/v1/clusterroles/r?fieldManager=eksact&force=true&fieldValidation=Strict"},
        {KUBE_DRY_RUN, &config_map, "a", "x", "PATCH",
         SERVER "/api/v1/namespaces/a/configmaps/x?fieldManager=eksact&force=true&fieldValidation=Strict&dryRun=All"},
        {KUBE_DELETE, &config_map, "a", "x", "DELETE", SERVER "/api/v1/namespaces/a/configmaps/x"},
        {KUBE_LIST_METADATA, &config_map, "a", NULL, "GET", SERVER "/api/v1/namespaces/a/configmaps?limit=500"},
        {KUBE_LIST_METADATA, &config_map, NULL, NULL, "GET", SERVER "/api/v1/configmaps?limit=500"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kube_call call = call_of(fixture, rows[i].verb, rows[i].resource, rows[i].namespace, rows[i].name);
        call.body = &body;
        prepare(fixture, &call);
        assert_string_equal(call.exchange.method, rows[i].method);
        assert_string_equal(call.exchange.url, rows[i].url);
        assert_string_equal(header_of(&call, "Authorization"), "Bearer tok.en");
        assert_ptr_equal(call.exchange.trust, &fixture->kube->trust);
    }
}

static void list_has_selector_page_and_accepts(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_LIST_METADATA, &config_map, NULL, NULL);
    call.label_selector = "a=b,c in (d)";
    call.page = "to/ken=";
    call.page_size = 7;
    prepare(fixture, &call);
    assert_string_equal(call.exchange.url, SERVER "/api/v1/configmaps?limit=7&labelSelector=a%3Db%2Cc%20in%20%28d%29&continue=to%2Fken%3D");
    assert_true(
        text_starts(header_of(&call, "Accept"), "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,"));
    assert_int_equal(call.exchange.limit_bytes, (size_t)64 << 20);
    answer(fixture, &call, 200, "{\"kind\":\"ConfigMapList\",\"metadata\":{\"continue\":\"next\"},\"items\":[]}");
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_string_equal(call.next_page, "next");
}

static void apply_sends_json_as_apply_patch(void **state) {
    struct fixture *fixture = *state;
    struct value body = parsed(fixture, "{\"kind\":\"ConfigMap\",\"data\":{\"b\":\"1\",\"a\":\"\\u00e9\"}}");
    struct kube_call call = call_of(fixture, KUBE_APPLY, &config_map, "a", "x");
    call.body = &body;
    prepare(fixture, &call);
    assert_string_equal(header_of(&call, "Content-Type"), "application/apply-patch+yaml");
    assert_string_equal(call.exchange.body, "{\"data\":{\"a\":\"\xc3\xa9\",\"b\":\"1\"},\"kind\":\"ConfigMap\"}");
}

static void delete_says_preconditions(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_DELETE, &config_map, "a", "x");
    prepare(fixture, &call);
    assert_string_equal(call.exchange.body, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"propagationPolicy\":\"Foreground\"}");
    call.uid = "u-1";
    call.resource_version = "7";
    prepare(fixture, &call);
    assert_string_equal(call.exchange.body,
                        "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{\"resourceVersion\":\"7\",\"uid\":\"u-1\"},"
                        "\"propagationPolicy\":\"Foreground\"}");
    assert_string_equal(header_of(&call, "Content-Type"), "application/json");
}

static void calls_that_cannot_be_made_are_refused(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        enum kube_verb verb;
        const struct kube_resource *resource;
        const char *namespace, *name, *text;
    } rows[] = {
        {KUBE_GET, &config_map, "a", "..", "cannot stand in a path"},
        {KUBE_GET, &config_map, "a", "x/../y", "cannot stand in a path"},
        {KUBE_GET, &config_map, "a%2f", "x", "the namespace \"a%2f\" cannot stand"},
        {KUBE_GET, &config_map, "", "x", "the namespace \"\" cannot stand"},
        {KUBE_GET, &config_map, NULL, "x", "needs a namespace"},
        {KUBE_DELETE, &role, "a", "x", "it takes no namespace"},
        {KUBE_LIST_METADATA, &role, "a", NULL, "it takes no namespace"},
        {KUBE_GET, &config_map, "a", NULL, "has no name"},
        {KUBE_APPLY, &config_map, "a", "x", "no manager or no object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kube_call call = call_of(fixture, rows[i].verb, rows[i].resource, rows[i].namespace, rows[i].name);
        struct error err = {0};
        assert_false(kube_prepare(fixture->kube, &call, &err));
        assert_has(err.text, rows[i].text);
    }
}

static void token_is_never_kept(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_GET, &config_map, "a", "x");
    prepare(fixture, &call);
    const char *authorization = header_of(&call, "Authorization");
    answer(fixture, &call, 200, "{}");
    assert_int_equal(authorization[0], '\0');
}

static void token_trouble_stops_the_call(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_LIST_METADATA, &config_map, NULL, NULL);
    struct error err = {0}, other = {0};
    fixture->token_fails = true;
    assert_false(kube_prepare(fixture->kube, &call, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_null(call.stream);
    fixture->token_fails = false;
    fixture->token = "two\r\nlines";
    assert_false(kube_prepare(fixture->kube, &call, &other));
    assert_null(strstr(other.text, "two"));
}

static void readers_of_lists_are_used_again(void **state) {
    struct fixture *fixture = *state;
    struct kube_call one = call_of(fixture, KUBE_LIST_METADATA, &config_map, NULL, NULL), two = one;
    prepare(fixture, &one);
    prepare(fixture, &two);
    assert_ptr_not_equal(one.stream, two.stream);
    void *first = one.stream;
    answer(fixture, &one, 200, "{\"kind\":\"ConfigMapList\"}");
    assert_null(one.stream);
    prepare(fixture, &one);
    assert_ptr_equal(one.stream, first);
    prepare(fixture, &one); /* tried again without an end */
    assert_int_equal(fixture->kube->list_count, 2);
}

/* ---- answers ---- */

static void object_is_the_answer(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_GET, &config_map, "a", "x");
    prepare(fixture, &call);
    answer(fixture, &call, 200, "{\"metadata\":{\"uid\":\"u\"}}");
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_string_equal(value_text_at(&call.answer, "metadata.uid"), "u");
}

static void answer_that_is_no_object_is_broken(void **state) {
    struct fixture *fixture = *state;
    static const char *const bodies[] = {"", "[]", "{\"data\":\"hunter2", "null"};
    for (size_t i = 0; i < 4; i++) {
        struct kube_call call = call_of(fixture, KUBE_GET, &secret, "a", "x");
        prepare(fixture, &call);
        answer(fixture, &call, 200, bodies[i]);
        assert_int_equal(call.error.kind, ERROR_BROKEN);
        assert_null(strstr(call.error.text, "hunter2"));
        assert_true(value_is(&call.answer, VALUE_NULL));
    }
}

#define STATUS(reason, message, details)                                                                                                   \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"" reason "\",\"message\":\"" message                   \
    "\",\"details\":{" details "}}"
#define CAUSE(reason, message, field) "\"causes\":[{\"reason\":\"" reason "\",\"message\":\"" message "\",\"field\":\"" field "\"}]"

static void refusals_have_kind_reason_and_words(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body;
        enum error_kind kind;
        const char *reason, *text;
    } rows[] = {
        {404, STATUS("NotFound", "configmaps \\\"x\\\" not found", ""), ERROR_MISSING, "NotFound", "HTTP 404: configmaps \"x\" not found"},
        {404, "404 page not found\n", ERROR_MISSING, NULL, "configmaps/x: HTTP 404"},
        {409, STATUS("Conflict", "the object has been\\nmodified", ""), ERROR_CONFLICT, "Conflict",
         "HTTP 409: the object has been modified"},
        {422, STATUS("Invalid", "x is invalid", CAUSE("FieldValueInvalid", "too long", "data.a")), ERROR_INVALID, "Invalid",
         "data.a: too long"},
        {401, STATUS("Unauthorized", "Unauthorized", ""), ERROR_DENIED, "Unauthorized",
         "the token of eksact's AWS identity is not accepted: give that identity access"},
        {403, STATUS("Forbidden", "configmaps \\\"x\\\" is forbidden", ""), ERROR_DENIED, "Forbidden",
         "needs patch (and create, for what does not exist) on configmaps in namespace a: "},
        {429, STATUS("TooManyRequests", "slow down", "\"retryAfterSeconds\":3"), ERROR_BUSY, "TooManyRequests", "slow down"},
        {500, STATUS("", "failed to create typed patch object (a/x; /v1, Kind=ConfigMap): .datta: field not declared in schema", ""),
         ERROR_INVALID, NULL, "field not declared"},
        {500, STATUS("InternalError", "etcd is away", ""), ERROR_BUSY, "InternalError", "etcd is away"},
        {502, "<html>bad gateway</html>", ERROR_BUSY, NULL, "HTTP 502"},
        {410, STATUS("Gone", "gone", ""), ERROR_MISSING, "Gone", "gone"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct value body = value_of_map();
        struct kube_call call = call_of(fixture, KUBE_APPLY, &config_map, "a", "x");
        call.body = &body;
        prepare(fixture, &call);
        answer(fixture, &call, rows[i].status, rows[i].body);
        assert_int_equal(call.error.kind, rows[i].kind);
        assert_true(text_equal(call.reason, rows[i].reason));
        assert_has(call.error.text, rows[i].text);
        assert_int_equal(call.retry_after_ms, i == 6 ? 3000 : 0);
        assert_false(call.immutable);
    }
}

static void verb_of_a_refusal_is_named(void **state) {
    struct fixture *fixture = *state;
    struct kube_call list = call_of(fixture, KUBE_LIST_METADATA, &deployment, NULL, NULL),
                     get = call_of(fixture, KUBE_GET, &deployment, "a", "x");
    struct kube_call discover = {.verb = KUBE_DISCOVER, .path = "/apis", .arena = fixture->arena};
    prepare(fixture, &list);
    answer(fixture, &list, 403, "{}");
    assert_has(list.error.text, "needs list on deployments.apps in the whole cluster");
    prepare(fixture, &get);
    answer(fixture, &get, 403, "{}");
    assert_has(get.error.text, "needs get on deployments.apps in namespace a");
    prepare(fixture, &discover);
    assert_string_equal(discover.exchange.url, SERVER "/apis");
    answer(fixture, &discover, 403, "{}");
    assert_has(discover.error.text, "needs get on the path /apis");
}

static void immutable_is_told_by_causes_alone(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body;
        bool immutable;
    } rows[] = {
        {422,
         STATUS(
             "Invalid", "m",
             CAUSE("FieldValueInvalid", "Invalid value: {\\\"matchLabels\\\":{\\\"a\\\":\\\"b\\\"}}: field is immutable", "spec.selector")),
         true},
        {422, STATUS("Invalid", "m", CAUSE("FieldValueInvalid", "Invalid value: \\\"a/c\\\": field is immutable", "type")), true},
        {422,
         STATUS(
             "Invalid", "m",
             CAUSE("FieldValueForbidden", "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden", "spec")),
         true},
        {422,
         STATUS("Invalid", "m",
                CAUSE("FieldValueInvalid", "Invalid value: [\\\"10.0.0.2\\\"]: may not change once set", "spec.clusterIPs")),
         true},
        {422,
         STATUS("Invalid", "m", CAUSE("FieldValueInvalid", "Invalid value: {\\\"Name\\\":\\\"edit\\\"}: cannot change roleRef", "roleRef")),
         true},
        {422, STATUS("Invalid", "m", CAUSE("FieldValueForbidden", "Forbidden: may not be changed in an update.", "value")), true},
        {422, STATUS("Invalid", "m", CAUSE("FieldValueInvalid", "Invalid value: \\\"immutable\\\": must be short", "data")), false},
        {422,
         STATUS("Invalid", "m", CAUSE("FieldValueInvalid", "Invalid value: {\\\"x\\\":\\\"field is immutable\\\"}: must be short", "data")),
         false},
        {422, STATUS("Invalid", "field is immutable", ""), false},
        {422, STATUS("Invalid", "m", CAUSE("FieldValueRequired", "field is immutable", "x")), false},
        {403, STATUS("Forbidden", "m", CAUSE("FieldValueForbidden", "field is immutable", "x")), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kube_call call = call_of(fixture, KUBE_GET, &config_map, "a", "x");
        prepare(fixture, &call);
        answer(fixture, &call, rows[i].status, rows[i].body);
        if (call.immutable != rows[i].immutable)
            fail_msg("row %zu", i);
    }
}

static void values_of_a_secret_are_never_told(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body, *said;
    } rows[] = {
        {422,
         STATUS("Invalid", "Secret x is invalid: data[k]: Invalid value: \\\"hunter2\\\"",
                CAUSE("FieldValueInvalid", "Invalid value: \\\"hunter2\\\": bad", "data[k]")),
         "Invalid (data[k] FieldValueInvalid)"},
        {500,
         STATUS("",
                "failed to create typed patch object (a/x; /v1, Kind=Secret): .data.k: expected string, got "
                "&value.valueUnstructured{Value:hunter2}",
                ""),
         "refused: .data.k: expected string"},
        {403, STATUS("Forbidden", "admission webhook \\\"check.example\\\" denied the request: hunter2 is weak", ""),
         "Forbidden by webhook \"check.example\""},
        {400, STATUS("BadRequest", "cannot parse hunter2", ""), "BadRequest; "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct value body = value_of_map();
        struct kube_call call = call_of(fixture, KUBE_APPLY, &secret, "a", "x");
        call.body = &body;
        prepare(fixture, &call);
        answer(fixture, &call, rows[i].status, rows[i].body);
        assert_null(strstr(call.error.text, "hunter2"));
        assert_has(call.error.text, rows[i].said);
    }
    struct kube_call call = call_of(fixture, KUBE_GET, &secret, "a", "x");
    prepare(fixture, &call);
    answer(fixture, &call, 403, STATUS("Forbidden", "secrets \\\"x\\\" is forbidden: User \\\"u\\\" cannot get", ""));
    assert_has(call.error.text, "User \"u\" cannot get");
}

static void long_words_keep_both_ends(void **state) {
    struct fixture *fixture = *state;
    TEXT_AUTO text;
    text_init(&text, 10000);
    text_add_string(&text, "{\"kind\":\"Status\",\"message\":\"Job j is invalid: spec.template: ");
    for (unsigned i = 0; i < 1000; i++)
        text_add_string(&text, "\xc3\xa9");
    text_add_string(&text, ": field is immutable\"}");
    struct kube_call call = call_of(fixture, KUBE_GET, &config_map, "a", "x");
    prepare(fixture, &call);
    answer(fixture, &call, 422, text.data);
    assert_has(call.error.text, "HTTP 422: Job j is invalid: spec.template: \xc3\xa9");
    assert_has(call.error.text, "\xc3\xa9: field is immutable");
    for (size_t i = 0; call.error.text[i] != '\0'; i += text_utf8_step(call.error.text + i, strlen(call.error.text + i)))
        assert_true(text_utf8_step(call.error.text + i, strlen(call.error.text + i)) > 0);
}

static void retry_after_of_the_header_comes_first(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *header;
        int64_t ms;
    } rows[] = {{"7", 7000}, {"soon", 3000}, {"-1", 3000}, {"999999", 600000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_header headers[] = {{.name = "retry-after", .value = rows[i].header}};
        struct kube_call call = call_of(fixture, KUBE_GET, &config_map, "a", "x");
        prepare(fixture, &call);
        call.exchange.answer_headers = headers;
        call.exchange.answer_header_count = 1;
        answer(fixture, &call, 429, STATUS("TooManyRequests", "m", "\"retryAfterSeconds\":3"));
        assert_int_equal(call.retry_after_ms, rows[i].ms);
    }
}

static void expired_list_goes_on(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_LIST_METADATA, &config_map, NULL, NULL);
    call.page = "old";
    prepare(fixture, &call);
    answer(fixture, &call, 410, "{\"kind\":\"Status\",\"metadata\":{\"continue\":\"new\"},\"reason\":\"Expired\",\"message\":\"too old\"}");
    assert_int_equal(call.error.kind, ERROR_BUSY);
    assert_has(call.error.text, "list expired");
    assert_string_equal(call.reason, "Expired");
    prepare(fixture, &call);
    assert_string_equal(call.exchange.url, SERVER "/api/v1/configmaps?limit=500&continue=new");
    answer(fixture, &call, 410, STATUS("Expired", "too old", ""));
    prepare(fixture, &call);
    assert_string_equal(call.exchange.url, SERVER "/api/v1/configmaps?limit=500");
}

static void cut_list_is_an_error(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_LIST_METADATA, &config_map, NULL, NULL);
    prepare(fixture, &call);
    answer(fixture, &call, 200, "");
    assert_int_equal(call.error.kind, ERROR_BUSY);
    assert_has(call.error.text, "ended before it was whole");
}

static void lost_answer_keeps_its_error(void **state) {
    struct fixture *fixture = *state;
    struct kube_call call = call_of(fixture, KUBE_GET, &config_map, "a", "x");
    prepare(fixture, &call);
    error_set(&call.exchange.error, ERROR_BUSY, "connection lost");
    kube_finish(fixture->kube, &call);
    assert_int_equal(call.error.kind, ERROR_BUSY);
    assert_string_equal(call.error.text, "connection lost");
}

/* ---- discovery ---- */

#define RESOURCE(plural, kind, scope, verbs)                                                                                               \
    "{\"resource\":\"" plural "\",\"responseKind\":{\"group\":\"\",\"version\":\"\",\"kind\":\"" kind "\"},\"scope\":\"" scope             \
    "\",\"verbs\":[" verbs "]}"
#define ALL "\"create\",\"delete\",\"get\",\"list\",\"patch\",\"update\",\"watch\""
#define DISCOVERY(items)                                                                                                                   \
    "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[" items "]}"
#define GROUP(name, versions) "{\"metadata\":{\"name\":\"" name "\"},\"versions\":[" versions "]}"
#define VERSION(name, resources) "{\"version\":\"" name "\",\"freshness\":\"Current\",\"resources\":[" resources "]}"

static const char core_text[] = DISCOVERY("{\"metadata\":{},\"versions\":[" VERSION(
    "v1", RESOURCE("configmaps", "ConfigMap", "Namespaced", ALL) "," RESOURCE("events", "Event", "Namespaced", ALL) "," RESOURCE(
              "namespaces", "Namespace", "Cluster", ALL) "," RESOURCE("bindings", "Binding", "Namespaced", "\"create\"")) "]}");
static const char groups_text[] =
    DISCOVERY(GROUP("apps", VERSION("v1", RESOURCE("deployments", "Deployment", "Namespaced", ALL))) "," GROUP(
        "autoscaling",
        VERSION("v2", RESOURCE("horizontalpodautoscalers", "HorizontalPodAutoscaler", "Namespaced", ALL)) "," VERSION(
            "v1", RESOURCE("horizontalpodautoscalers", "HorizontalPodAutoscaler", "Namespaced", ALL) "," RESOURCE(
                      "olds", "Old", "Namespaced",
                      ALL))) "," GROUP("events.k8s.io",
                                       VERSION("v1",
                                               RESOURCE("events", "Event", "Namespaced",
                                                        ALL))) "," GROUP("two.example",
                                                                         VERSION("v1",
                                                                                 RESOURCE("asks", "Thing", "Namespaced",
                                                                                          "\"create\"") "," RESOURCE("things", "Thing",
                                                                                                                     "Cluster", ALL))));

static bool discover(struct fixture *fixture, const char *core, const char *groups) {
    struct kube_call calls[2] = {{.path = "/api", .answer = parsed(fixture, core)}, {.path = "/apis", .answer = parsed(fixture, groups)}};
    fixture->err = (struct error){0};
    return kube_discovered(fixture->kube, &calls[0], &calls[1], &fixture->err);
}

static void kinds_are_found(void **state) {
    struct fixture *fixture = *state;
    assert_false(kube_is_discovered(fixture->kube));
    assert_null(kube_find(fixture->kube, "v1", "ConfigMap"));
    assert_null(kube_find_group_kind(fixture->kube, "", "ConfigMap"));
    assert_true(discover(fixture, core_text, groups_text));
    assert_true(kube_is_discovered(fixture->kube));
    static const struct {
        const char *api_version, *kind, *plural;
        bool namespaced, preferred, can_list;
    } rows[] = {
        {"v1", "ConfigMap", "configmaps", true, true, true},
        {"v1", "Namespace", "namespaces", false, true, true},
        {"v1", "Binding", "bindings", true, true, false},
        {"apps/v1", "Deployment", "deployments", true, true, true},
        {"autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true, true, true},
        {"autoscaling/v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true, false, true},
        {"v1", "Event", "events", true, true, true},
        {"events.k8s.io/v1", "Event", "events", true, true, true},
        {"two.example/v1", "Thing", "things", false, true, true},
        {"apps/v1", "Nothing", NULL, false, false, false},
        {"apps/v2", "Deployment", NULL, false, false, false},
        {"app/v1", "Deployment", NULL, false, false, false},
        {"apps", "Deployment", NULL, false, false, false},
        {"", "", NULL, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct kube_resource *found = kube_find(fixture->kube, rows[i].api_version, rows[i].kind);
        if ((found == NULL) != (rows[i].plural == NULL))
            fail_msg("row %zu", i);
        if (found == NULL)
            continue;
        assert_string_equal(found->plural, rows[i].plural);
        assert_true(found->namespaced == rows[i].namespaced && found->preferred == rows[i].preferred &&
                    found->can_list == rows[i].can_list);
    }
}

static void preferred_version_has_the_kind(void **state) {
    struct fixture *fixture = *state;
    assert_true(discover(fixture, core_text, groups_text));
    assert_string_equal(kube_find_group_kind(fixture->kube, "autoscaling", "HorizontalPodAutoscaler")->version, "v2");
    assert_string_equal(kube_find_group_kind(fixture->kube, "autoscaling", "Old")->version, "v1");
    assert_string_equal(kube_find_group_kind(fixture->kube, "", "Event")->group, "");
    assert_null(kube_find_group_kind(fixture->kube, "auto", "Old"));
}

static void kinds_stay_where_they_are(void **state) {
    struct fixture *fixture = *state;
    assert_true(discover(fixture, core_text, groups_text));
    const struct kube_resource *before = kube_find(fixture->kube, "apps/v1", "Deployment"),
                               *gone = kube_find(fixture->kube, "autoscaling/v2", "HorizontalPodAutoscaler");
    assert_true(discover(
        fixture, core_text,
        DISCOVERY(GROUP("apps", VERSION("v1", RESOURCE("deployments", "Deployment", "Namespaced", ALL) "," RESOURCE(
                                                  "aa", "Aa", "Namespaced",
                                                  ALL))) "," GROUP("autoscaling", VERSION("v1", RESOURCE("horizontalpodautoscalers",
                                                                                                         "HorizontalPodAutoscaler",
                                                                                                         "Namespaced", ALL))))));
    assert_ptr_equal(kube_find(fixture->kube, "apps/v1", "Deployment"), before);
    assert_ptr_equal(kube_find(fixture->kube, "autoscaling/v2", "HorizontalPodAutoscaler"), gone);
    assert_string_equal(kube_find_group_kind(fixture->kube, "autoscaling", "HorizontalPodAutoscaler")->version, "v1");
    assert_non_null(kube_find(fixture->kube, "apps/v1", "Aa"));
}

static void version_that_is_gone_is_not_preferred(void **state) {
    struct fixture *fixture = *state;
    assert_true(
        discover(fixture, core_text, DISCOVERY(GROUP("one.example", VERSION("v1", RESOURCE("things", "Thing", "Namespaced", ALL))))));
    assert_true(
        discover(fixture, core_text, DISCOVERY(GROUP("one.example", VERSION("v2", RESOURCE("things", "Thing", "Namespaced", ALL))))));
    assert_string_equal(kube_find_group_kind(fixture->kube, "one.example", "Thing")->version, "v2");
    assert_false(kube_find(fixture->kube, "one.example/v1", "Thing")->preferred);
}

static void old_or_odd_discovery_is_named(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *core, *text;
    } rows[] = {
        {"{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}", "Kubernetes 1.27 or newer is needed"},
        {"{\"kind\":\"APIGroupList\",\"groups\":[]}", "Kubernetes 1.27 or newer is needed"},
        {"{\"kind\":\"Status\"}", "the answer of /api is no APIGroupDiscoveryList"},
        {"{\"kind\":\"APIGroupDiscoveryList\",\"items\":4}", "no APIGroupDiscoveryList"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(discover(fixture, rows[i].core, groups_text));
        assert_has(fixture->err.text, rows[i].text);
        assert_false(kube_is_discovered(fixture->kube));
    }
    assert_true(discover(fixture,
                         DISCOVERY("{},{\"versions\":7},{\"versions\":[{\"version\":\"v1\",\"resources\":[{},{\"resource\":\"x\"}]}]}"),
                         groups_text));
}

/* ---- addresses ---- */

static void servers_are_checked(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *url, *ca, *text; /* text NULL: fine */
    } rows[] = {
        {"https://a.example", NULL, NULL},
        {"http://127.0.0.1:8080", NULL, NULL},
        {"http://[::1]:8080/x", NULL, NULL},
        {"http://localhost:1", NULL, NULL},
        {"http://localhost.example:1", NULL, "must begin with https"},
        {"http://a.example", NULL, "must begin with https"},
        {"ftp://a.example", NULL, "must begin with https"},
        {"https://", NULL, "HOST"},
        {"https://user:hunter2@a.example", NULL, "no user"},
        {"https://a.example?x", NULL, "no user, query or fragment"},
        {"https://a.example/\n", NULL, "blank or a control"},
        {"https://a.example", "nothing", "not PEM"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kube *kube = NULL;
        struct error err = {0};
        bool fine = kube_new(rows[i].url, rows[i].ca, give_token, fixture, &kube, &err);
        assert_true(fine == (rows[i].text == NULL));
        if (!fine)
            assert_has(err.text, rows[i].text);
        assert_null(strstr(err.text, "hunter2"));
        kube_free(kube);
    }
    assert_string_equal(kube_server(fixture->kube), SERVER);
}

static const char *no_variable(void *context, const char *name) {
    (void)context;
    (void)name;
    return NULL;
}

static void outside_of_a_pod_is_named(void **state) {
    struct fixture *fixture = *state;
    struct environment environment = {.get = no_variable};
    struct kube *kube = NULL;
    assert_false(kube_new_in_cluster(&environment, clock_system(), &kube, &fixture->err));
    assert_has(fixture->err.text, "KUBERNETES_SERVICE_HOST");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(urls_follow_group_scope_and_verb),
        TEST(list_has_selector_page_and_accepts),
        TEST(apply_sends_json_as_apply_patch),
        TEST(delete_says_preconditions),
        TEST(calls_that_cannot_be_made_are_refused),
        TEST(token_is_never_kept),
        TEST(token_trouble_stops_the_call),
        TEST(readers_of_lists_are_used_again),
        TEST(object_is_the_answer),
        TEST(answer_that_is_no_object_is_broken),
        TEST(refusals_have_kind_reason_and_words),
        TEST(verb_of_a_refusal_is_named),
        TEST(immutable_is_told_by_causes_alone),
        TEST(values_of_a_secret_are_never_told),
        TEST(long_words_keep_both_ends),
        TEST(retry_after_of_the_header_comes_first),
        TEST(expired_list_goes_on),
        TEST(cut_list_is_an_error),
        TEST(lost_answer_keeps_its_error),
        TEST(kinds_are_found),
        TEST(preferred_version_has_the_kind),
        TEST(kinds_stay_where_they_are),
        TEST(version_that_is_gone_is_not_preferred),
        TEST(old_or_odd_discovery_is_named),
        TEST(servers_are_checked),
        TEST(outside_of_a_pod_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
