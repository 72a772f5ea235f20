/* Manifests: what is read, what is refused, and how findings say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/manifest.h"

struct parsed {
    struct arena *arena;
    struct manifests manifests;
    struct findings findings;
};

static struct parsed parse_files(const struct tree_file *files, size_t count) {
    struct parsed parsed = {.arena = arena_new()};
    struct tree tree = {.files = (struct tree_file *)files, .count = count, .source = "test"};
    manifest_parse(&tree, parsed.arena, &parsed.manifests, &parsed.findings);
    return parsed;
}

static struct parsed parse(const char *yaml) {
    struct tree_file file = {.path = "a.yaml", .bytes = yaml, .length = strlen(yaml)};
    return parse_files(&file, 1);
}

static bool has_finding(const struct parsed *parsed, const char *part, const char *hint) {
    for (size_t i = 0; i < parsed->findings.count; i++) {
        const struct finding *finding = &parsed->findings.items[i];
        if (strstr(finding->text, part) != NULL && (hint == NULL || (finding->hint != NULL && strstr(finding->hint, hint) != NULL)))
            return true;
    }
    return false;
}

static void print_findings(const struct parsed *parsed) {
    for (size_t i = 0; i < parsed->findings.count; i++)
        print_message("%s:%u:%u: %s (%s)\n", parsed->findings.items[i].place.file, parsed->findings.items[i].place.line,
                      parsed->findings.items[i].place.column, parsed->findings.items[i].text,
                      parsed->findings.items[i].hint != NULL ? parsed->findings.items[i].hint : "");
}

static const char node_group[] = "apiVersion: eksact.dev/v1alpha1\n"
                                 "kind: NodeGroup\n"
                                 "metadata: {name: api}\n"
                                 "spec:\n"
                                 "  nodeRole: {ref: IAMRole/node}\n"
                                 "  subnets: [subnet-1]\n";

static const char cluster[] = "apiVersion: eksact.dev/v1alpha1\n"
                              "kind: Cluster\n"
                              "metadata: {name: demo}\n"
                              "spec:\n"
                              "  roleArn: {ref: IAMRole/demo}\n";

static const char network[] = "  resourcesVpcConfig: {subnetIds: [subnet-1, subnet-2]}\n";

struct row {
    const char *base;
    const char *more;    /* what is added at the end */
    const char *finding; /* NULL: none */
    const char *hint;    /* NULL: any */
};

static const struct row rows[] = {
    {node_group, "", NULL, NULL},
    {node_group, "  nodeRol: x\n", "unknown field \"spec.nodeRol\"", "did you mean \"nodeRole\"?"},
    {node_group, "  zzz: x\n", "unknown field \"spec.zzz\"", NULL},
    {node_group, "  nodegroupName: x\n", "spec.nodegroupName comes from metadata.name", "take it out"},
    {node_group, "  clusterName: x\n", "spec.clusterName: the Cluster that owns", "take it out"},
    {node_group, "  clientRequestToken: x\n", "spec.clientRequestToken: eksact makes it", "take it out"},
    {node_group, "  force: true\n", "spec.force: a forced update would evict", NULL},
    {node_group, "  status: ACTIVE\n", "spec.status is only in answers", NULL},
    {node_group, "  version: 1.30\n", "spec.version wants a text, found number", "put it in quotes"},
    {node_group, "  version: \"1.30\"\n", NULL, NULL},
    {node_group, "  version: \"v1.30\"\n", "does not have the form", "\"1.33\""},
    {node_group, "  diskSize: \"50\"\n", "spec.diskSize wants a whole number, found string", "for example: 50"},
    {node_group, "  diskSize: 50.5\n", "spec.diskSize wants a whole number, found number", NULL},
    {node_group, "  diskSize: 0\n", "spec.diskSize wants at least 1, found 0", NULL},
    {node_group, "  amiType: AL2023_ARM_64_STANDART\n", "is not known to this version and is sent as it is",
     "did you mean AL2023_ARM_64_STANDARD?"},
    {node_group, "  scalingConfig: {minSize: 1}\n", "belong together", "all of them, or none"},
    {node_group, "  scalingConfig: {minSize: 3, maxSize: 5, desiredSize: 2}\n", "spec.scalingConfig.desiredSize (2) is less", NULL},
    {node_group, "  scalingConfig: {minSize: 1, maxSize: 5, desiredSize: 6}\n", "spec.scalingConfig.maxSize (5) is less", NULL},
    {node_group, "  scalingConfig: {minSize: 1, maxSize: 5, desiredSize: 5}\n", NULL, NULL},
    {node_group, "  scalingConfig: [1]\n", "spec.scalingConfig wants a map, found list", NULL},
    {node_group, "  updateConfig: {maxUnavailable: 1, maxUnavailablePercentage: 5}\n", "exclude each other", "keep one"},
    {node_group, "  launchTemplate: {id: lt-1, name: x}\n", "spec.launchTemplate.id or launchTemplate.name", "exactly one"},
    {node_group, "  launchTemplate: {version: \"3\"}\n", "spec.launchTemplate.id or launchTemplate.name", "exactly one"},
    {node_group, "  launchTemplate: {id: lt-1}\n  diskSize: 20\n", "exclude each other", NULL},
    {node_group, "  taints: [{key: a}]\n", "missing field \"spec.taints[0].effect\"", NULL},
    {node_group, "  taints: [{key: a, efect: X}]\n", "unknown field \"spec.taints[0].efect\"", "did you mean \"effect\"?"},
    {node_group, "  taints: {key: a}\n", "spec.taints wants a list of maps, found map", NULL},
    {node_group, "  tags: {\"aws:x\": y}\n", "keys under aws: are AWS's own", NULL},
    {node_group, "  tags: {\"eksact.dev/id\": y}\n", "keys under eksact.dev/ are eksact's own", NULL},
    {node_group, "  labels: {pool: 1}\n", "spec.labels.pool wants a text, found integer", "quotes"},
    {node_group, "  instanceTypes: []\n", "spec.instanceTypes wants at least 1 items", NULL},
    {node_group, "  instanceTypes: [m5.large, 3]\n", "spec.instanceTypes[1] wants a text", NULL},
    {node_group, "  remoteAccess: {sourceSecurityGroups: [sg-1, sg-1]}\n", "sg-1 stands in the list twice", NULL},
    {node_group, "  releaseVersion: {ref: Cluster/demo.version, x: 1}\n", "a reference has one member", NULL},
    {node_group, "  releaseVersion: {ref: Cluster}\n", "ref wants Kind/name", NULL},
    {cluster, network, NULL, NULL},
    {cluster, "", "missing field \"spec.resourcesVpcConfig\"", NULL},
    {cluster, "  resourcesVpcConfig: {subnetIds: [subnet-1]}\n", "subnetIds wants at least 2 items, found 1", NULL},
    {cluster, "  resourcesVpcConfig: {subnetIds: [a, b], endpointPublicAccess: false}\n", "nothing could reach the API server", NULL},
    {cluster, "  resourcesVpcConfig: {subnetIds: [a, b], endpointPublicAccess: false, endpointPrivateAccess: true}\n", NULL, NULL},
    {cluster, "  resourcesVpcConfig: {subnetIds: [a, b]}\n  computeConfig: {enabled: true}\n", "Auto Mode is switched as one", NULL},
    {cluster, "  resourcesVpcConfig: {subnetIds: [a, b]}\n  accountId: {ref: Cluster/x.arn}\n", "spec.accountId cannot be a reference",
     NULL},
    {cluster, "  resourcesVpcConfig: {subnetIds: [a, b]}\n  accountId: 111122223333\n", "spec.accountId wants a text, found integer",
     "quotes"},
    {cluster, "  resourcesVpcConfig: {subnetIds: [a, b]}\n  region: europe\n", "does not have the form", NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: ExternalCluster\nmetadata: {name: s}\nspec: {}\n", "", "spec.inCluster or kubeconfig", NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: ExternalCluster\nmetadata: {name: s}\nspec: {inCluster: true}\n", "", NULL, NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: ExternalCluster\nmetadata: {name: s}\nspec: {kubeconfig: {}}\n", "", "spec.kubeconfig.file or",
     NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: IAMServiceAccount\nmetadata: {name: s}\n", "", "missing field \"metadata.namespace\"", NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: IAMServiceAccount\nmetadata: {name: s, namespace: shop}\n", "", NULL, NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: IAMServiceAccount\nmetadata: {name: s, namespace: shop}\nspec: {mode: podIdentity}\n", "",
     "podIdentity is not supported by this version", "known: irsa"},
    {"apiVersion: eksact.dev/v1alpha1\nkind: IAMRole\nmetadata: {name: s}\nspec: {assumeRolePolicyDocument: x}\n", "",
     "spec.assumeRolePolicyDocument wants a map", NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: Addon\nmetadata: {name: s}\n", "", "kind Addon is not supported by this version", NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: Clutser\nmetadata: {name: s}\n", "", "kind Clutser is not one of", "did you mean Cluster?"},
    {"apiVersion: eksact.dev/v1\nkind: Cluster\nmetadata: {name: s}\n", "", "apiVersion eksact.dev/v1 is not known", "v1alpha1"},
    {"apiVersion: eksact.dev/v1alpha1\nkind: Cluster\nmetadata: {name: s, namespace: x}\nspec: {}\n", "", "a Cluster has no namespace",
     NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: Cluster\nmetadata: {name: -s}\nspec: {}\n", "", "metadata.name: \"-s\" does not have the form",
     NULL},
    {"apiVersion: eksact.dev/v1alpha1\nkind: Cluster\nmetadata: {name: s}\nspc: {}\n", "", "unknown field \"spc\"",
     "did you mean \"spec\"?"},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "", NULL, NULL},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a}\n", "", "metadata.generateName names another object",
     "write metadata.name"},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "", "no metadata.name", NULL},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1}\n", "", "metadata.name wants a text, found integer", "quotes"},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_b}\n", "", "is no valid name of a ConfigMap", "253"},
    {"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: \"system:Auth\"}\n", "", NULL, NULL},
    {"apiVersion: v1\nkind: Service\nmetadata: {name: 1a}\n", "", "is no valid name of a Service", NULL},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {v: 1}}\n", "", "metadata.labels.v wants a text, found integer",
     "quotes"},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {v: \"a b\"}}\n", "", "metadata.labels.v is no valid label value", NULL},
    {"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, annotations: {x: {ref: IAMRole/r}}}\n", "", NULL, NULL},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: n}\n", "", "metadata.namespace wants a text, found boolean",
     "quotes"},
    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: N_}\n", "", "metadata.namespace \"N_\" is no valid name", NULL},
    {"kind: ConfigMap\nmetadata: {name: a}\n", "", "no apiVersion", NULL},
    {"apiVersion: v1\nmetadata: {name: a}\n", "", "no kind", NULL},
    {"a: 1\n", "", "no apiVersion and kind", "add the file to .eksactignore"},
    {"- 1\n", "", "a manifest is a map, found list", ".eksactignore"},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char yaml[4096];
        snprintf(yaml, sizeof yaml, "%s%s", rows[i].base, rows[i].more);
        struct parsed parsed = parse(yaml);
        bool good = rows[i].finding == NULL ? parsed.findings.count == 0 : has_finding(&parsed, rows[i].finding, rows[i].hint);
        if (!good) {
            print_message("row %zu: %s%s\n", i, rows[i].base, rows[i].more);
            print_findings(&parsed);
        }
        assert_true(good);
        arena_free(parsed.arena);
    }
}

static void test_all_findings_with_places(void **state) {
    (void)state;
    struct parsed parsed = parse("apiVersion: eksact.dev/v1alpha1\n"
                                 "kind: NodeGroup\n"
                                 "metadata: {name: api}\n"
                                 "spec:\n"
                                 "  nodeRol: x\n"
                                 "  diskSize: big\n");
    assert_int_equal(parsed.findings.error_count, 4);
    assert_int_equal(parsed.manifests.count, 0);
    const struct finding *unknown = &parsed.findings.items[2];
    assert_string_equal(unknown->text, "unknown field \"spec.nodeRol\"");
    assert_int_equal(unknown->place.line, 5);
    assert_int_equal(unknown->place.column, 3);
    assert_string_equal(unknown->resource, "NodeGroup/api");
    assert_int_equal(parsed.findings.items[3].place.line, 6);
    assert_int_equal(parsed.findings.items[3].place.column, 13);
    arena_free(parsed.arena);
}

static void test_lists_are_unpacked(void **state) {
    (void)state;
    struct parsed parsed = parse("apiVersion: v1\nkind: List\nitems:\n"
                                 "- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
                                 "- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Secret, metadata: {name: b}}]}\n"
                                 "---\n"
                                 "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: c}}]\n");
    assert_int_equal(parsed.findings.count, 0);
    assert_int_equal(parsed.manifests.count, 3);
    assert_string_equal(parsed.manifests.items[1].name, "b");
    assert_string_equal(parsed.manifests.items[2].kind, "ConfigMap");
    assert_string_equal(value_text_at(&parsed.manifests.items[2].object, "kind"), "ConfigMap");
    arena_free(parsed.arena);
}

static void test_duplicates_are_findings_of_both(void **state) {
    (void)state;
    struct parsed parsed = parse("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: shop}}\n---\n"
                                 "{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: a, namespace: shop}}\n---\n"
                                 "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop}}\n");
    if (parsed.findings.count != 2)
        print_findings(&parsed);
    assert_int_equal(parsed.findings.error_count, 2);
    assert_string_equal(parsed.findings.items[0].text, "Deployment/shop/a is declared twice: also at a.yaml:3");
    assert_string_equal(parsed.findings.items[1].text, "Deployment/shop/a is declared twice: also at a.yaml:1");
    assert_int_equal(parsed.manifests.count, 1);
    arena_free(parsed.arena);
}

static void test_a_refused_manifest_stops_no_other(void **state) {
    (void)state;
    struct parsed parsed = parse("{apiVersion: v1, kind: ConfigMap, metadata: {name: A}}\n---\n"
                                 "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n");
    assert_int_equal(parsed.findings.error_count, 1);
    assert_int_equal(parsed.manifests.count, 1);
    assert_string_equal(parsed.manifests.items[0].name, "b");
    arena_free(parsed.arena);
}

static void test_which_files(void **state) {
    (void)state;
    static const char object[] = "{\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"%s\"}}";
    static const char *const paths[] = {".eksactignore", ".github/ci.yaml", "README.md", "a.json",   "b.yml",
                                        "c/.d.yaml",     "c/e.yaml",        "x/f.yaml",  "x/g.yaml", "x/values.yaml"};
    static const char *const names[] = {"", "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"};
    struct tree_file files[10];
    char bytes[10][256];
    for (size_t i = 0; i < 10; i++) {
        int length = snprintf(bytes[i], sizeof bytes[i], i == 0 ? "x/*\n!x/f.yaml\n%s" : object, names[i]);
        if (text_ends(paths[i], ".yml") || text_ends(paths[i], ".yaml"))
            for (char *at = bytes[i]; *at != '\0'; at++)
                *at = *at == '\t' ? ' ' : *at;
        files[i] = (struct tree_file){.path = paths[i], .bytes = bytes[i], .length = (size_t)length};
    }
    struct parsed parsed = parse_files(files, 10);
    print_findings(&parsed);
    assert_int_equal(parsed.findings.count, 0);
    assert_int_equal(parsed.manifests.file_count, 4);
    assert_int_equal(parsed.manifests.count, 4);
    assert_string_equal(parsed.manifests.items[0].file, "a.json");
    assert_string_equal(parsed.manifests.items[2].file, "c/e.yaml");
    assert_string_equal(parsed.manifests.items[2].directory, "c");
    assert_string_equal(parsed.manifests.items[3].file, "x/f.yaml");
    arena_free(parsed.arena);
}

static void test_json_with_surrogates(void **state) {
    (void)state;
    static const char json[] =
        "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}, \"data\": {\"x\": \"\\ud83d\\ude00\"}}";
    struct tree_file file = {.path = "a.json", .bytes = json, .length = sizeof json - 1};
    struct parsed parsed = parse_files(&file, 1);
    assert_int_equal(parsed.manifests.count, 1);
    assert_string_equal(value_text_at(&parsed.manifests.items[0].object, "data.x"), "\xF0\x9F\x98\x80");
    arena_free(parsed.arena);
}

static void test_too_many_tags(void **state) {
    (void)state;
    char yaml[4096];
    int length = snprintf(yaml, sizeof yaml, "%s  tags:\n", node_group);
    for (int i = 0; i < 48; i++)
        length += snprintf(yaml + length, sizeof yaml - (size_t)length, "    t%d: x\n", i);
    struct parsed parsed = parse(yaml);
    assert_true(has_finding(&parsed, "AWS allows 50 tags", NULL));
    arena_free(parsed.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_all_findings_with_places),
        cmocka_unit_test(test_lists_are_unpacked),
        cmocka_unit_test(test_duplicates_are_findings_of_both),
        cmocka_unit_test(test_a_refused_manifest_stops_no_other),
        cmocka_unit_test(test_which_files),
        cmocka_unit_test(test_json_with_surrogates),
        cmocka_unit_test(test_too_many_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
