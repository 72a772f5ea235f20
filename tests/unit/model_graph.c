/* The graph: owners, targets, marks, references, order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "model/graph.h"

struct built {
    struct arena *arena;
    struct graph graph;
    struct findings findings;
};

struct source {
    const char *path;
    const char *yaml;
};

static struct built build_with(const struct source *sources, size_t count, const struct graph_defaults *defaults) {
    struct built built = {.arena = arena_new()};
    struct tree_file *files = ARENA_ARRAY(built.arena, struct tree_file, count + 1);
    for (size_t i = 0; i < count; i++)
        files[i] = (struct tree_file){.path = sources[i].path, .bytes = sources[i].yaml, .length = strlen(sources[i].yaml)};
    struct tree tree = {.files = files, .count = count, .source = "test"};
    struct manifests manifests;
    manifest_parse(&tree, built.arena, &manifests, &built.findings);
    graph_build(&manifests, defaults, built.arena, &built.graph, &built.findings);
    return built;
}

static const struct graph_defaults known = {.account_id = "111122223333", .region = "eu-west-1", .fleet_name = "shop"};

#define BUILD(...)                                                                                                                         \
    build_with((const struct source[]){__VA_ARGS__}, sizeof((const struct source[]){__VA_ARGS__}) / sizeof(struct source), &known)

static void print_graph(const struct built *built) {
    for (size_t i = 0; i < built->graph.count; i++) {
        const struct resource *resource = built->graph.resources[i];
        print_message("%s\n", resource->key);
        for (size_t j = 0; j < resource->edge_count; j++)
            print_message("    %d %s (%s)\n", (int)resource->edges[j].gate, resource->edges[j].before->key, resource->edges[j].reason);
    }
    for (size_t i = 0; i < built->findings.count; i++)
        print_message("%s:%u:%u: %s\n", built->findings.items[i].place.file, built->findings.items[i].place.line,
                      built->findings.items[i].place.column, built->findings.items[i].text);
}

static struct resource *find(const struct built *built, const char *id) {
    for (size_t i = 0; i < built->graph.count; i++)
        if (text_equal(built->graph.resources[i]->id, id))
            return built->graph.resources[i];
    return NULL;
}

static const struct edge *edge(const struct built *built, const char *after, const char *before) {
    const struct resource *resource = find(built, after);
    for (size_t i = 0; resource != NULL && i < resource->edge_count; i++)
        if (text_equal(resource->edges[i].before->id, before))
            return &resource->edges[i];
    return NULL;
}

static void assert_edge(const struct built *built, const char *after, const char *before, enum gate gate) {
    const struct edge *found = edge(built, after, before);
    if (found == NULL || found->gate != gate) {
        print_graph(built);
        fail_msg("no edge %s after %s with gate %d", after, before, (int)gate);
    }
}

static bool has_finding(const struct built *built, const char *part) {
    for (size_t i = 0; i < built->findings.count; i++)
        if (strstr(built->findings.items[i].text, part) != NULL)
            return true;
    print_graph(built);
    return false;
}

static void assert_clean(const struct built *built) {
    if (built->findings.count != 0)
        print_graph(built);
    assert_int_equal(built->findings.count, 0);
}

#define API "apiVersion: eksact.dev/v1alpha1\n"
static const char cluster[] = API "kind: Cluster\nmetadata: {name: demo}\n"
                                  "spec:\n  roleArn: {ref: IAMRole/demo-cluster}\n"
                                  "  resourcesVpcConfig: {subnetIds: [subnet-1, subnet-2]}\n";
static const char role[] = API "kind: IAMRole\nmetadata: {name: demo-cluster}\n"
                               "spec: {assumeRolePolicyDocument: {Version: \"2012-10-17\", Statement: []}}\n";
static const char node_group[] = API "kind: NodeGroup\nmetadata: {name: api}\n"
                                     "spec: {nodeRole: {ref: IAMRole/demo-cluster}, subnets: [subnet-1]}\n";
static const char external[] = API "kind: ExternalCluster\nmetadata: {name: here}\nspec: {inCluster: true}\n";
static const char service_account[] = API "kind: IAMServiceAccount\nmetadata: {name: app, namespace: production}\n"
                                          "spec: {attachPolicyArns: [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]}\n";

static void test_targets_and_marks(void **state) {
    (void)state;
    struct built built = BUILD({"eu/cluster.yaml", cluster}, {"eu/nodes.yaml", node_group}, {"roles.yaml", role});
    assert_clean(&built);
    assert_int_equal(built.graph.count, 3);
    const struct resource *group = find(&built, "NodeGroup/api");
    assert_string_equal(group->key, "111122223333/eu-west-1 NodeGroup/api");
    assert_string_equal(group->target->name, "111122223333/eu-west-1");
    assert_string_equal(value_text_at(&group->desired, "clusterName"), "demo");
    assert_string_equal(value_text_at(&group->desired, "nodegroupName"), "api");
    const struct value *tags = value_find(&group->desired, "tags");
    assert_string_equal(value_text(value_find(tags, TAG_FLEET)), "shop");
    assert_string_equal(value_text(value_find(tags, TAG_ID)), "NodeGroup/api");
    assert_string_equal(value_text_at(&find(&built, "IAMRole/demo-cluster")->desired, "path"), "/eksact/shop/");
    assert_edge(&built, "NodeGroup/api", "Cluster/demo", GATE_READY);
    assert_edge(&built, "NodeGroup/api", "IAMRole/demo-cluster", GATE_DONE);
    assert_edge(&built, "Cluster/demo", "IAMRole/demo-cluster", GATE_DONE);
    assert_int_equal(built.graph.target_count, 2);
    assert_string_equal(built.graph.targets[1]->name, "demo");
    assert_ptr_equal(built.graph.targets[1]->cluster, find(&built, "Cluster/demo"));
    arena_free(built.arena);
}

static void test_indexes_and_order(void **state) {
    (void)state;
    struct built built = BUILD({"eu/cluster.yaml", cluster}, {"eu/nodes.yaml", node_group}, {"roles.yaml", role});
    for (size_t i = 0; i < built.graph.count; i++) {
        assert_int_equal(built.graph.resources[i]->index, i);
        assert_ptr_equal(graph_find(&built.graph, built.graph.resources[i]->target, built.graph.resources[i]->id),
                         built.graph.resources[i]);
        if (i > 0)
            assert_true(strcmp(built.graph.resources[i - 1]->key, built.graph.resources[i]->key) < 0);
    }
    assert_null(graph_find(&built.graph, built.graph.targets[0], "NodeGroup/none"));
    arena_free(built.arena);
}

static void test_own_account_and_region(void **state) {
    (void)state;
    struct built built = BUILD({"eu/cluster.yaml", API "kind: Cluster\nmetadata: {name: demo}\n"
                                                       "spec:\n  roleArn: \"arn:aws:iam::444455556666:role/x\"\n  region: us-east-1\n"
                                                       "  assumeRoleArn: \"arn:aws:iam::444455556666:role/eksact\"\n"
                                                       "  resourcesVpcConfig: {subnetIds: [subnet-1, subnet-2]}\n"},
                               {"eu/roles.yaml", role});
    assert_clean(&built);
    const struct resource *demo = find(&built, "Cluster/demo");
    assert_string_equal(demo->target->name, "444455556666/us-east-1");
    assert_string_equal(demo->target->assume_role_arn, "arn:aws:iam::444455556666:role/eksact");
    assert_null(value_find(&demo->desired, "region"));
    assert_ptr_equal(find(&built, "IAMRole/demo-cluster")->target, demo->target);
    arena_free(built.arena);
}

static void test_no_region_is_a_finding(void **state) {
    (void)state;
    const struct graph_defaults nothing = {.account_id = NULL};
    struct built built = build_with((const struct source[]){{"cluster.yaml", cluster}, {"roles.yaml", role}}, 2, &nothing);
    assert_true(has_finding(&built, "no AWS region is known for Cluster/demo"));
    assert_int_equal(built.graph.count, 0);
    arena_free(built.arena);
}

static void test_kubernetes_objects_are_marked(void **state) {
    (void)state;
    struct built built =
        BUILD({"c.yaml", external}, {"s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s, creationTimestamp: null}\n"
                                               "stringData: {a: hello}\ndata: {b: eA==}\nstatus: {}\n"});
    assert_clean(&built);
    const struct resource *secret = find(&built, "Secret/default/s");
    assert_non_null(secret);
    assert_string_equal(secret->key, "here Secret/default/s");
    assert_string_equal(value_text_at(&secret->desired, "data.a"), "aGVsbG8=");
    assert_string_equal(value_text_at(&secret->desired, "data.b"), "eA==");
    assert_null(value_find(&secret->desired, "stringData"));
    assert_null(value_find(&secret->desired, "status"));
    assert_null(value_at(&secret->desired, "metadata.creationTimestamp"));
    const struct value *labels = value_at(&secret->desired, "metadata.labels");
    assert_string_equal(value_text(value_find(labels, LABEL_PART_OF)), built.graph.applyset_id);
    struct value *annotations = value_find_mutable(value_find_mutable((struct value *)&secret->desired, "metadata"), "annotations");
    assert_string_equal(value_text(value_find(annotations, ANNOTATION_APPLIED)), secret->applied_hash);
    value_remove(value_find_mutable((struct value *)&secret->desired, "metadata"), "annotations");
    struct digest digest = hash_value(&secret->desired);
    assert_string_equal(hash_hex(built.arena, &digest), secret->applied_hash);
    arena_free(built.arena);
}

static void test_applyset_id(void **state) {
    (void)state;
    struct built built = BUILD({"c.yaml", external});
    /* echo -n eksact-shop.kube-system.ConfigMap. | sha256sum, in base64url */
    assert_string_equal(built.graph.applyset_id, "applyset-"
                                                 "SKI4kSgVKoQZF9hf4EyHe1yLUAaEX1BDsJd_DYUVdNI"
                                                 "-v1");
    arena_free(built.arena);
}

static void test_irsa_is_one_unit(void **state) {
    (void)state;
    struct built built = BUILD({"eu/cluster.yaml", cluster}, {"roles.yaml", role}, {"eu/app.yaml", service_account},
                               {"eu/web.yaml", API "kind: IAMServiceAccount\nmetadata: {name: web, namespace: production}\n"},
                               {"eu/d.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, namespace: production}\n"
                                             "spec: {template: {spec: {serviceAccountName: app, containers: [{name: a, image: b}]}}}\n"});
    assert_clean(&built);
    assert_int_equal(built.graph.count, 8);
    const struct resource *app = find(&built, "IAMRole/demo-production-app");
    const struct resource *provider = find(&built, "OIDCProvider/demo");
    const struct resource *account = find(&built, "ServiceAccount/production/app");
    assert_non_null(app);
    assert_non_null(provider);
    assert_non_null(account);
    assert_string_equal(app->declared_by->id, "IAMServiceAccount/production/app");
    assert_edge(&built, "OIDCProvider/demo", "Cluster/demo", GATE_READY);
    assert_edge(&built, "IAMRole/demo-production-app", "OIDCProvider/demo", GATE_DONE);
    assert_edge(&built, "ServiceAccount/production/app", "IAMRole/demo-production-app", GATE_DONE);
    assert_edge(&built, "Deployment/production/app", "ServiceAccount/production/app", GATE_DONE);
    assert_edge(&built, "Deployment/production/app", "Cluster/demo", GATE_READY);
    assert_int_equal(built.graph.declared_count, 5);
    arena_free(built.arena);
}

static const struct value *live_cluster(void *context, const struct resource *resource) {
    return text_equal(resource->id, "Cluster/demo") ? context : NULL;
}

static void test_late_texts_are_resolved(void **state) {
    (void)state;
    struct built built = BUILD({"eu/cluster.yaml", cluster}, {"roles.yaml", role}, {"eu/app.yaml", service_account});
    assert_clean(&built);
    const struct resource *app = find(&built, "IAMRole/demo-production-app");
    const char *unresolved = NULL;
    struct value early = graph_resolve(&built.graph, app, &app->desired, NULL, built.arena, &unresolved);
    assert_string_equal(unresolved, "Cluster/demo.oidcIssuer");
    (void)early;
    struct value live;
    struct error err = {0};
    static const char json[] = "{\"identity\": {\"oidc\": {\"issuer\": \"https://oidc.example/id/A1\"}}}";
    assert_true(json_parse(built.arena, "live", json, sizeof json - 1, &live, &err));
    struct graph_lookup lookup = {.live = live_cluster, .context = &live};
    struct value resolved = graph_resolve(&built.graph, app, &app->desired, &lookup, built.arena, &unresolved);
    assert_null(unresolved);
    const struct value *statement = &value_at(&resolved, "assumeRolePolicyDocument.Statement")->list.items[0];
    assert_string_equal(value_text_at(statement, "Principal.Federated"), "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/A1");
    const struct value *equals = value_at(statement, "Condition.StringEquals");
    assert_string_equal(value_text(value_find(equals, "oidc.example/id/A1:sub")), "system:serviceaccount:production:app");
    assert_string_equal(value_text(value_find(equals, "oidc.example/id/A1:aud")), "sts.amazonaws.com");
    const struct resource *provider = find(&built, "OIDCProvider/demo");
    struct value key = graph_resolve(&built.graph, provider, &provider->desired, &lookup, built.arena, &unresolved);
    assert_string_equal(value_text_at(&key, "arn"), "arn:aws:iam::111122223333:oidc-provider/oidc.example/id/A1");
    assert_string_equal(graph_attribute(&built.graph, provider, "arn", &lookup, built.arena), value_text_at(&key, "arn"));
    const struct resource *account = find(&built, "ServiceAccount/production/app");
    struct value object = graph_resolve(&built.graph, account, &account->desired, &lookup, built.arena, &unresolved);
    assert_string_equal(value_text(value_find(value_at(&object, "metadata.annotations"), "eks.amazonaws.com/role-arn")),
                        "arn:aws:iam::111122223333:role/eksact/shop/demo-production-app");
    arena_free(built.arena);
}

static void test_predicted_arn(void **state) {
    (void)state;
    struct built built = BUILD({"cluster.yaml", cluster}, {"roles.yaml", role});
    const struct resource *demo = find(&built, "Cluster/demo");
    const char *unresolved = NULL;
    struct value resolved = graph_resolve(&built.graph, demo, &demo->desired, NULL, built.arena, &unresolved);
    assert_null(unresolved);
    assert_string_equal(value_text_at(&resolved, "roleArn"), "arn:aws:iam::111122223333:role/eksact/shop/demo-cluster");
    arena_free(built.arena);
}

static void test_policy_variables_stay(void **state) {
    (void)state;
    struct built built =
        BUILD({"roles.yaml", API "kind: IAMRole\nmetadata: {name: r}\nspec:\n"
                                 "  assumeRolePolicyDocument: {Statement: [{\"${aws:username}\": \"${aws:username}\"}]}\n"});
    assert_clean(&built);
    const struct resource *r = find(&built, "IAMRole/r");
    const char *unresolved = NULL;
    struct value resolved = graph_resolve(&built.graph, r, &r->desired, NULL, built.arena, &unresolved);
    assert_null(unresolved);
    assert_true(value_equal(&resolved, &r->desired));
    arena_free(built.arena);
}

struct broken {
    const char *finding;
    struct source sources[4];
    size_t left; /* resources that stay */
};

static const struct broken broken[] = {
    {"refers to nothing: there is no IAMRole/demo-cluster", {{"c.yaml", cluster}}, 0},
    {"1 manifest in Cluster/demo is left out with it",
     {{"c.yaml", cluster}, {"n.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"}},
     0},
    {"ConfigMap/a belongs to no cluster", {{"n.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"}}, 0},
    {"NodeGroup/api belongs to no cluster", {{"n.yaml", node_group}, {"r.yaml", role}}, 1},
    {"a NodeGroup needs a Cluster, and its directory belongs to ExternalCluster/here",
     {{"c.yaml", external}, {"n.yaml", node_group}, {"r.yaml", role}},
     2},
    {"are both in the root", {{"c.yaml", cluster}, {"e.yaml", external}, {"r.yaml", role}}, 1},
    {"Cluster/demo is declared twice", {{"a/c.yaml", cluster}, {"b/c.yaml", cluster}, {"r.yaml", role}}, 1},
    {"nothing can refer to a IAMRol",
     {{"r.yaml", API "kind: IAMRole\nmetadata: {name: r}\nspec: {assumeRolePolicyDocument: {a: {ref: IAMRol/x}}}"}},
     0},
    {"a Cluster has no attribute \"arm\"",
     {{"r.yaml", API "kind: IAMRole\nmetadata: {name: r}\nspec: {assumeRolePolicyDocument: {a: {ref: Cluster/demo.arm}}}"}},
     0},
    {"IAMRole/a after (its role) IAMRole/b after (its role) IAMRole/a",
     {{"r.yaml", API "kind: IAMRole\nmetadata: {name: a}\nspec: {assumeRolePolicyDocument: {a: {ref: IAMRole/b}}}\n---\n" API
                     "kind: IAMRole\nmetadata: {name: b}\nspec: {assumeRolePolicyDocument: {a: {ref: IAMRole/a}}}\n"}},
     0},
    {"IAMRole/b is left out with IAMRole/a",
     {{"r.yaml", API "kind: IAMRole\nmetadata: {name: a}\nspec: {assumeRolePolicyDocument: {a: {ref: IAMRole/none}}}\n---\n" API
                     "kind: IAMRole\nmetadata: {name: b}\nspec: {assumeRolePolicyDocument: {a: {ref: IAMRole/a}}}\n"}},
     0},
    {"depends-on \"/namespaces/n/Pod/x\" names nothing",
     {{"c.yaml", external},
      {"n.yaml",
       "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {config.kubernetes.io/depends-on: /namespaces/n/Pod/x}}}"}},
     2},
    {"eksact.dev/manage wants observe or full",
     {{"c.yaml", external}, {"n.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {eksact.dev/manage: watch}}}"}},
     1},
    {"annotation eksact.dev/own is not known",
     {{"c.yaml", external}, {"n.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {eksact.dev/own: x}}}"}},
     1},
    {"there are several Fleet manifests",
     {{"f.yaml", API "kind: Fleet\nmetadata: {name: a}\n---\n" API "kind: Fleet\nmetadata: {name: b}\n"}},
     0},
};

static void test_what_is_wrong(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        size_t count = 0;
        while (count < 4 && broken[i].sources[count].path != NULL)
            count++;
        struct built built = build_with(broken[i].sources, count, &known);
        if (built.graph.count != broken[i].left || !has_finding(&built, broken[i].finding)) {
            print_graph(&built);
            fail_msg("row %zu: %s", i, broken[i].finding);
        }
        arena_free(built.arena);
    }
}

static void test_directories_own(void **state) {
    (void)state;
    static const char map[] = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}";
    struct built built =
        BUILD({"c.yaml", external}, {"x/app/a.yaml", map},
              {"y/c.yaml", API "kind: ExternalCluster\nmetadata: {name: there}\nspec: {inCluster: true}\n"}, {"y/app/a.yaml", map});
    assert_clean(&built);
    assert_int_equal(built.graph.count, 4);
    assert_string_equal(built.graph.resources[0]->key, "here ConfigMap/shop/a");
    assert_string_equal(built.graph.resources[2]->key, "there ConfigMap/shop/a");
    arena_free(built.arena);
}

static void test_node_groups_of_two_clusters(void **state) {
    (void)state;
    static const char two[] = API "kind: Cluster\nmetadata: {name: two}\n"
                                  "spec:\n  roleArn: {ref: IAMRole/demo-cluster}\n"
                                  "  resourcesVpcConfig: {subnetIds: [subnet-1, subnet-2]}\n";
    struct built built =
        BUILD({"a/c.yaml", cluster}, {"a/n.yaml", node_group}, {"b/c.yaml", two}, {"b/n.yaml", node_group}, {"r.yaml", role});
    assert_clean(&built);
    assert_non_null(find(&built, "NodeGroup/demo/api"));
    assert_non_null(find(&built, "NodeGroup/two/api"));
    assert_edge(&built, "NodeGroup/two/api", "Cluster/two", GATE_READY);
    arena_free(built.arena);
}

static void test_order_of_objects(void **state) {
    (void)state;
    struct built built = BUILD(
        {"c.yaml", cluster}, {"r.yaml", role}, {"n.yaml", node_group},
        {"o.yaml",
         "{apiVersion: v1, kind: Namespace, metadata: {name: p}}\n---\n"
         "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: p}}\n---\n"
         "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: p}}\n---\n"
         "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: claim, namespace: p}}\n---\n"
         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: p}\nspec:\n  template:\n    metadata: {labels: {app: "
         "web}}\n"
         "    spec:\n      containers: [{name: a, image: b, envFrom: [{configMapRef: {name: cm}}]}]\n"
         "      volumes: [{name: v, secret: {secretName: s}}, {name: c, persistentVolumeClaim: {claimName: claim}}]\n---\n"
         "{apiVersion: v1, kind: Service, metadata: {name: svc, namespace: p}, spec: {selector: {app: web}}}\n---\n"
         "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: in, namespace: p}, spec: {rules: [{http: {paths: [{backend: "
         "{service: {name: svc}}}]}}]}}\n---\n"
         "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h, namespace: p}, spec: {scaleTargetRef: {kind: "
         "Deployment, name: web}}}\n---\n"
         "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: hook},"
         " webhooks: [{clientConfig: {service: {namespace: p, name: svc}}, rules: [{apiGroups: [x.dev], resources: [things]}]}]}\n---\n"
         "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: things.x.dev}, spec: {group: x.dev, "
         "scope: Cluster, names: {kind: Thing, plural: things}}}\n---\n"
         "{apiVersion: x.dev/v1, kind: Thing, metadata: {name: t}}\n---\n"
         "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: cni, namespace: p}, spec: {template: {spec: {hostNetwork: true, "
         "containers: [{name: a}]}}}}\n---\n"
         "{apiVersion: v1, kind: ConfigMap, metadata: {name: last, namespace: p, annotations: {config.kubernetes.io/depends-on: "
         "apps/namespaces/p/Deployment/web}}}\n"});
    assert_clean(&built);
    assert_edge(&built, "ConfigMap/p/cm", "Namespace/p", GATE_DONE);
    assert_edge(&built, "ConfigMap/p/cm", "Cluster/demo", GATE_READY);
    assert_edge(&built, "Deployment/p/web", "NodeGroup/api", GATE_READY);
    assert_edge(&built, "Deployment/p/web", "ConfigMap/p/cm", GATE_DONE);
    assert_edge(&built, "Deployment/p/web", "Secret/p/s", GATE_DONE);
    assert_edge(&built, "Deployment/p/web", "PersistentVolumeClaim/p/claim", GATE_DONE);
    assert_null(edge(&built, "ConfigMap/p/cm", "NodeGroup/api"));
    assert_null(edge(&built, "DaemonSet/p/cni", "NodeGroup/api"));
    assert_edge(&built, "Ingress/p/in", "Service/p/svc", GATE_DONE);
    assert_edge(&built, "HorizontalPodAutoscaler/p/h", "Deployment/p/web", GATE_DONE);
    assert_edge(&built, "ValidatingWebhookConfiguration/hook", "Deployment/p/web", GATE_READY);
    assert_edge(&built, "ValidatingWebhookConfiguration/hook", "Service/p/svc", GATE_DONE);
    assert_edge(&built, "Thing/t", "CustomResourceDefinition/things.x.dev", GATE_READY);
    assert_edge(&built, "Thing/t", "ValidatingWebhookConfiguration/hook", GATE_DONE);
    assert_edge(&built, "ConfigMap/p/last", "Deployment/p/web", GATE_READY);
    assert_string_equal(edge(&built, "ConfigMap/p/cm", "Namespace/p")->reason, "namespace p");
    assert_string_equal(edge(&built, "Deployment/p/web", "NodeGroup/api")->reason, "nodes to run on");
    arena_free(built.arena);
}

static void test_annotations_and_presets(void **state) {
    (void)state;
    struct built built = BUILD(
        {"c.yaml", cluster}, {"r.yaml", role},
        {"n.yaml", API "kind: NodeGroup\nmetadata: {name: api, annotations: {eksact.dev/owns: desiredSize, eksact.dev/on-remove: retain}}\n"
                       "spec: {nodeRole: {ref: IAMRole/demo-cluster}, subnets: [subnet-1], tags: null}\n"},
        {"o.yaml", API "kind: IAMRole\nmetadata: {name: old, annotations: {eksact.dev/manage: observe}}\n"});
    assert_clean(&built);
    const struct resource *group = find(&built, "NodeGroup/api");
    assert_string_equal(group->owns[0], "scalingConfig.desiredSize");
    assert_null(group->owns[1]);
    assert_true(group->retain);
    assert_string_equal(value_text(value_find(value_find(&group->desired, "tags"), ANNOTATION_ON_REMOVE)), "retain");
    const struct resource *old = find(&built, "IAMRole/old");
    assert_int_equal(old->manage, MANAGE_OBSERVE);
    assert_null(value_find(&old->desired, "path"));
    assert_null(value_find(&old->desired, "tags"));
    arena_free(built.arena);
}

static void test_log_switches_are_canonical(void **state) {
    (void)state;
    char yaml[1024];
    snprintf(yaml, sizeof yaml, "%s  logging: {clusterLogging: [{enabled: true, types: [audit, api]}]}\n", cluster);
    struct built built = BUILD({"c.yaml", yaml}, {"r.yaml", role});
    assert_clean(&built);
    const struct value *list = value_at(&find(&built, "Cluster/demo")->desired, "logging.clusterLogging");
    assert_string_equal(json_text(built.arena, list),
                        "[{\"enabled\":true,\"types\":[\"api\",\"audit\"]},"
                        "{\"enabled\":false,\"types\":[\"authenticator\",\"controllerManager\",\"scheduler\"]}]");
    arena_free(built.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_and_marks),
        cmocka_unit_test(test_indexes_and_order),
        cmocka_unit_test(test_own_account_and_region),
        cmocka_unit_test(test_no_region_is_a_finding),
        cmocka_unit_test(test_kubernetes_objects_are_marked),
        cmocka_unit_test(test_applyset_id),
        cmocka_unit_test(test_irsa_is_one_unit),
        cmocka_unit_test(test_late_texts_are_resolved),
        cmocka_unit_test(test_predicted_arn),
        cmocka_unit_test(test_policy_variables_stay),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_directories_own),
        cmocka_unit_test(test_node_groups_of_two_clusters),
        cmocka_unit_test(test_order_of_objects),
        cmocka_unit_test(test_annotations_and_presets),
        cmocka_unit_test(test_log_switches_are_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
