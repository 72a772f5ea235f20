/* model_report.c: what people and machines read. */
#include "model_support.h"
#include "model/mask.h"
#include "model/report.h"

static const char *render(struct scene *scene, const char *format, size_t limit, bool verbose) {
    TEXT_AUTO out;
    text_init(&out, 8 << 20);
    struct report_options options = {.limit_characters = limit, .verbose = verbose, .full_plan_url = "https://ci.example/plan"};
    const struct report_format *found = report_format_find(format);
    assert_non_null(found);
    found->render(&scene->plan, &options, &out);
    assert_false(out.full);
    return text_copy(&out, scene->arena);
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("lacks \"%s\":\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("has \"%s\":\n%s", part, text);
}

#define DEPLOYMENT(IMAGE, SECRET)                                                                                                          \
    "{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"metadata\": {\"name\": \"web-api\"}, \"spec\": {\"template\": {\"spec\":"   \
    " {\"containers\": [{\"name\": \"api\", \"image\": \"" IMAGE "\", \"env\": [{\"name\": \"DB_PASSWORD\", \"value\": \"" SECRET          \
    "\"}]}]}}}}"

/* The plan that the documentation shows. */
static void add_example(struct scene *scene) {
    struct resource *workers = scene_add(scene, "NodeGroup", NULL, "api-workers", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    value_set_at(scene->arena, &workers->desired, "scalingConfig.maxSize", value_of_integer(20));
    struct resource *gpu = scene_add(scene, "NodeGroup", NULL, "gpu", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    value_set_at(scene->arena, &gpu->desired, "instanceTypes", json(scene->arena, "[\"g5.xlarge\"]"));
    struct resource *web = scene_add(scene, "Deployment", "production", "web-api", DEPLOYMENT("web-api:v2.2", "new-secret"),
                                     DEPLOYMENT("web-api:v2.1", "old-secret"));
    scene_edge(scene, web, workers, GATE_READY, "nodes to run on");
    scene_add(scene, "NodeGroup", NULL, "quiet", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    scene_plan(scene);
}

static void test_text(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    add_example(&scene);
    const char *text = render(&scene, "text", 0, false);
    if (getenv("SHOW"))
        puts(text);
    assert_has(text, "Plan for production · 111122223333/eu-west-1 · demo · commit 3f2c1ab \"raise api-workers\"\n");
    assert_has(text, "  ~ change   -/+ replace\n");
    assert_has(text, "  1   ~ NodeGroup/api-workers");
    assert_has(text, "scalingConfig.maxSize      10 → 20\n");
    assert_has(text, "left to the autoscaler");
    assert_has(text, "  2   ~ Deployment/production/web-api  after NodeGroup/api-workers · until healthy for 10 min · about 30 s\n");
    assert_has(text, "containers[api].image                   web-api:v2.1 → web-api:v2.2\n");
    assert_has(text, "containers[api].env[DB_PASSWORD].value  •••(#1) → •••(#2)\n");
    assert_has(text, "instanceTypes              [m7g.large] → [g5.xlarge]   cannot change in place\n");
    assert_has(
        text,
        "! blocked: a replacement needs acknowledgement. In the spec of Fleet/production: acknowledge: [\"replace NodeGroup/gpu\"]\n");
    assert_has(text, "5 nodes drained");
    assert_has(text, "  = 1 object unchanged\n");
    assert_has(text, "\nPlan: 0 to create, 2 to change, 1 to replace (blocked), 0 to delete · 2 waves · about ");
    assert_has(text, " · 3 AWS and 1 Kubernetes writes\n");
    assert_lacks(text, "-secret");
    scene_done(&scene);
}

static void test_no_changes(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    scene_plan(&scene);
    assert_has(render(&scene, "text", 0, false), "No changes. 1 resource matches commit 3f2c1ab.\n");
    scene_done(&scene);
}

/* A plan that could not look everywhere never says that nothing changes. */
static void test_what_was_not_seen_is_said(void **state) {
    (void)state;
    static const char *const formats[] = {"text", "markdown"};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_init(&scene);
        struct resource *unread = scene_add(&scene, "NodeGroup", NULL, "unread", NODE_GROUP_DESIRED, NULL);
        scene_live(&scene, unread)->presence = LIVE_UNKNOWN;
        error_set(&scene_live(&scene, unread)->error, ERROR_BUSY, "HTTP 503");
        struct resource *foreign = scene_add(&scene, "NodeGroup", NULL, "foreign", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
        scene_live(&scene, foreign)->ours = false;
        scene_live(&scene, foreign)->other_owner = "staging";
        findings_add(&scene.findings, scene.arena, (struct place){.file = "a.yaml", .line = 3, .column = 5}, "did you mean \"x\"?",
                     "unknown field \"y\"");
        scene_plan(&scene);
        const char *text = render(&scene, formats[i], 0, false);
        assert_lacks(text, "No changes.");
        assert_has(text, "HTTP 503");
        assert_has(text, "staging");
        assert_has(text, "a.yaml:3:5: error: unknown field");
        assert_has(text, "1 could not be read, 1 refused, 1 error in git");
        scene_done(&scene);
    }
}

static void test_json(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    add_example(&scene);
    const char *text = render(&scene, "json", 0, false);
    struct value plan = json(scene.arena, text);
    assert_int_equal(value_integer(value_find(&plan, "plan_version"), 0), 1);
    assert_int_equal(value_count(value_find(&plan, "waves")), 2);
    const struct value *web = &value_at(&value_find(&plan, "waves")->list.items[1], "steps")->list.items[0];
    assert_string_equal(value_text_at(web, "id"), "Deployment/production/web-api");
    assert_string_equal(value_text(value_find(value_find(web, "after"), "containers[api].image")), "web-api:v2.2");
    assert_string_equal(value_text_at(&value_find(web, "deps")->list.items[0], "gate"), "ready");
    assert_string_equal(value_text_at(web, "preconditions.uid"), "uid-1");
    assert_int_equal(value_integer(value_at(&plan, "counts.replace"), 0), 1);
    assert_int_equal(value_integer(value_at(&plan, "exit_code"), 0), PLAN_BLOCKED);
    assert_lacks(text, "-secret");
    scene_done(&scene);
}

/* Every member of the published schema's top level is there, and no other. */
static void test_json_follows_its_schema(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    add_example(&scene);
    char bytes[65536];
    FILE *file = fopen(SOURCE_ROOT "/schema/published/plan.json", "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[length] = 0;
    struct value schema = json(scene.arena, bytes);
    struct value plan = plan_to_value(&scene.plan, scene.arena);
    const struct value *required = value_find(&schema, "required");
    for (size_t i = 0; i < value_count(required); i++) {
        if (!value_find(&plan, value_text(&required->list.items[i])))
            fail_msg("the plan lacks %s", value_text(&required->list.items[i]));
    }
    for (size_t i = 0; i < value_count(&plan); i++) {
        if (!value_find(value_find(&schema, "properties"), plan.map.members[i].key))
            fail_msg("the schema lacks %s", plan.map.members[i].key);
    }
    const struct value *step_schema = value_at(&schema, "definitions.step");
    const struct value *step = &value_find(&value_find(&plan, "waves")->list.items[0], "steps")->list.items[0];
    for (size_t i = 0; i < value_count(step); i++) {
        if (!value_find(value_find(step_schema, "properties"), step->map.members[i].key))
            fail_msg("the schema's step lacks %s", step->map.members[i].key);
    }
    scene_done(&scene);
}

static void test_markdown(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    add_example(&scene);
    const char *text = render(&scene, "markdown", 0, false);
    if (getenv("SHOW"))
        puts(text);
    assert_true(text_starts(text, "<!-- eksact-plan:v1 key=production plan="));
    assert_has(text, "### Plan <code>production</code> · 2 change · 1 replace · **0 delete** · 2 waves · forecast ");
    assert_has(text, "> [!CAUTION]\n> 1 object is REPLACED:\n> - <code>NodeGroup/gpu</code>");
    assert_has(text, "| wave | what | count | disruption | gate |\n");
    assert_has(text, "```diff\n- containers[api].env[DB_PASSWORD].value: •••(#1)\n+ containers[api].env[DB_PASSWORD].value: •••(#2)\n"
                     "- containers[api].image: web-api:v2.1\n+ containers[api].image: web-api:v2.2\n```");
    assert_lacks(text, "-secret");
    scene_done(&scene);
}

static void test_identical_diffs_are_folded(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (int i = 0; i < 50; i++) {
        struct resource *group =
            scene_add(&scene, "NodeGroup", NULL, arena_text(scene.arena, "ng-%04d", i), NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
        value_set_at(scene.arena, &group->desired, "scalingConfig.maxSize", value_of_integer(20));
    }
    scene_plan(&scene);
    const char *text = render(&scene, "markdown", 0, false);
    assert_has(text, "50 × <code>NodeGroup</code> (identical)");
    assert_has(text, "NodeGroup/ng-0000…NodeGroup/ng-0049");
    assert_true(strlen(text) < 3000);
    scene_done(&scene);
}

static size_t points_of(const char *text) {
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void test_markdown_fits_and_keeps_what_counts(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (int i = 0; i < 40; i++) {
        TEXT_AUTO data;
        text_init(&data, 10000);
        text_add(&data, "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"data\": {");
        for (int j = 0; j < 30; j++)
            text_add(&data, "%s\"k%d\": \"value %d of %d\"", j ? ", " : "", j, j, i * 7919);
        text_add_string(&data, "}}");
        scene_add(&scene, "ConfigMap", "shop", arena_text(scene.arena, "c%c%c", 'a' + i % 26, 'a' + i / 26), data.data,
                  i % 2 ? "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"data\": {}}" : NULL);
    }
    scene_stray(&scene, "Service", "shop", "precious", "{\"apiVersion\": \"v1\", \"kind\": \"Service\"}");
    struct resource *refused = scene_add(&scene, "ConfigMap", "shop", "refused", "{\"apiVersion\": \"v1\"}", "{\"apiVersion\": \"v1\"}");
    error_set(&scene_live(&scene, refused)->dry_run_error, ERROR_DENIED, "webhook says no");
    scene_plan(&scene);
    assert_true(points_of(render(&scene, "markdown", 0, false)) > 20000);
    static const size_t limits[] = {20000, 8000, 4000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const char *text = render(&scene, "markdown", limits[i], false);
        if (points_of(text) > limits[i])
            fail_msg("%zu characters, %zu allowed", points_of(text), limits[i]);
        assert_has(text, "Service/shop/precious");
        assert_has(text, "webhook says no");
        assert_has(text, "left out to fit");
        assert_has(text, "Plan: 20 to create");
        size_t fences = 0;
        for (const char *at = text; (at = strstr(at, "```")); at += 3)
            fences++;
        assert_int_equal(fences % 2, 0);
    }
    scene_done(&scene);
}

static void test_nothing_breaks_out(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "ConfigMap", "shop", "evil",
              "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"data\": {\"a\": \"x\\n```\\n@everyone <!-- #1\\n\", \"b\": "
              "\"\\u202egnp\\u001b[31m\"}}",
              "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"data\": {\"a\": \"y\\n````\\nz\"}}");
    scene.tree.subject = "hi @team <!-- \033[0m";
    scene_plan(&scene);
    const char *markdown = render(&scene, "markdown", 0, false);
    assert_has(markdown, "`````diff\n");
    assert_lacks(markdown, "\033");
    assert_lacks(markdown, "\u202e");
    assert_has(markdown, "\\u202egnp\\u001b[31m");
    const char *text = render(&scene, "text", 0, false);
    assert_lacks(text, "\033");
    assert_has(text, "\\u202e");
    scene_done(&scene);
}

static void test_secrets_in_refusals(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *secret =
        scene_add(&scene, "Secret", "shop", "db",
                  "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"data\": {\"password\": \"aHVudGVyMi1iaWc=\"}}", NULL);
    error_set(&scene_live(&scene, secret)->dry_run_error, ERROR_DENIED, "webhook: value hunter2-big (aHVudGVyMi1iaWc=) is too weak");
    scene_plan(&scene);
    static const char *const formats[] = {"text", "json", "markdown"};
    for (size_t i = 0; i < 3; i++) {
        const char *text = render(&scene, formats[i], 0, true);
        assert_lacks(text, "hunter2");
        assert_lacks(text, "aHVudGVyMi1iaWc");
        assert_has(text, i == 2 ? "•••(&#35;1) (•••(&#35;1)) is too weak" : "•••(#1) (•••(#1)) is too weak");
    }
    scene_done(&scene);
}

static void test_which_names_and_texts_are_secret(void **state) {
    (void)state;
    static const char *const secret_names[] = {"DB_PASSWORD", "API_TOKEN",   "clientSecret", "AWS_SECRET_ACCESS_KEY",
                                               "KEY",         "SIGNING_KEY", "apiKey"};
    static const char *const plain_names[] = {"LOG_LEVEL", "secretName", "key", "topologyKey", "image", "KEYSPACE", ""};
    static const char *const secret_texts[] = {"AKIAIOSFODNN7EXAMPLE", "-----BEGIN RSA PRIVATE KEY-----", "postgres://u:p@h/db", "ghp_abc",
                                               "eyJhbGciOiJub25lIn0.e30.x"};
    static const char *const plain_texts[] = {"hello", "https://example.org/a@b", "https://example.org:8080/", "AKIA", "web-api:v2", ""};
    for (size_t i = 0; i < sizeof secret_names / sizeof *secret_names; i++)
        if (!mask_name_is_secret(secret_names[i]))
            fail_msg("%s", secret_names[i]);
    for (size_t i = 0; i < sizeof plain_names / sizeof *plain_names; i++)
        if (mask_name_is_secret(plain_names[i]))
            fail_msg("%s", plain_names[i]);
    for (size_t i = 0; i < sizeof secret_texts / sizeof *secret_texts; i++)
        if (!mask_text_is_secret(secret_texts[i]))
            fail_msg("%s", secret_texts[i]);
    for (size_t i = 0; i < sizeof plain_texts / sizeof *plain_texts; i++)
        if (mask_text_is_secret(plain_texts[i]))
            fail_msg("%s", plain_texts[i]);
}

static void test_equal_secrets_have_equal_numbers(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct mask mask;
    mask_init(&mask, arena);
    struct value one = value_of_text("a");
    struct value two = value_of_text("b");
    assert_string_equal(mask_of(&mask, &one), "•••(#1)");
    assert_string_equal(mask_of(&mask, &two), "•••(#2)");
    assert_string_equal(mask_of(&mask, &one), "•••(#1)");
}

static void test_mermaid(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    add_example(&scene);
    const char *text = render(&scene, "mermaid", 0, false);
    assert_true(text_starts(text, "flowchart LR\n"));
    assert_has(text, "n1[\"~ NodeGroup/api-workers\"]:::change");
    assert_has(text, "n1 -->|ready| n3");
    scene_done(&scene);
    scene_init(&scene);
    for (int i = 0; i < 50; i++)
        scene_add(&scene, "ConfigMap", "shop", arena_text(scene.arena, "c%d", i), "{\"apiVersion\": \"v1\"}", NULL);
    scene_plan(&scene);
    assert_has(render(&scene, "mermaid", 0, false), "n1[\"+ 50 × ConfigMap\"]:::create");
    scene_done(&scene);
}

static void test_same_plan_same_bytes(void **state) {
    (void)state;
    for (const struct report_format *format = report_formats(); format->name; format++) {
        struct scene one;
        struct scene two;
        scene_init(&one);
        scene_init(&two);
        add_example(&one);
        add_example(&two);
        assert_string_equal(render(&one, format->name, 0, true), render(&two, format->name, 0, true));
        scene_done(&one);
        scene_done(&two);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_no_changes),
        cmocka_unit_test(test_what_was_not_seen_is_said),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_follows_its_schema),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_identical_diffs_are_folded),
        cmocka_unit_test(test_markdown_fits_and_keeps_what_counts),
        cmocka_unit_test(test_nothing_breaks_out),
        cmocka_unit_test(test_secrets_in_refusals),
        cmocka_unit_test(test_which_names_and_texts_are_secret),
        cmocka_unit_test(test_equal_secrets_have_equal_numbers),
        cmocka_unit_test(test_mermaid),
        cmocka_unit_test(test_same_plan_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
