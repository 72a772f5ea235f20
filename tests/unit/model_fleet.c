/* The fleet's policy: defaults, nonsense, tightening. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/yaml.h"
#include "model/fleet.h"

struct parsed {
    struct arena *arena;
    struct fleet fleet;
    struct findings findings;
};

static struct parsed parse(const char *spec) {
    struct parsed parsed = {.arena = arena_new()};
    const char *yaml = arena_text(parsed.arena, "apiVersion: eksact.dev/v1alpha1\nkind: Fleet\nmetadata: {name: shop}\nspec:\n%s", spec);
    struct yaml_documents documents = {0};
    yaml_parse(parsed.arena, "fleet.yaml", yaml, strlen(yaml), &documents, &parsed.findings);
    assert_int_equal(documents.count, 1);
    fleet_parse(&documents.items[0], "fleet.yaml", parsed.arena, &parsed.fleet, &parsed.findings);
    return parsed;
}

static void test_defaults_are_careful(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_default(&fleet);
    assert_string_equal(fleet.name, "default");
    assert_int_equal(fleet.change_in_flight, 0);
    assert_int_equal(fleet.change_in_flight_percent, 10);
    assert_int_equal(fleet.change_per_cluster, 1);
    assert_true(fleet.slow_start);
    assert_int_equal(fleet.failures, 1);
    assert_int_equal(fleet.delete_at_most, 5);
    assert_int_equal(fleet.delete_per_minute, 6);
    assert_null(fleet.acknowledged[0]);
    assert_int_equal(fleet_bake_ms(&fleet, "Deployment"), 60000);
    assert_int_equal(fleet_bake_ms(&fleet, "NodeGroup"), 10 * 60000);
    assert_int_equal(fleet_bake_ms(&fleet, "Cluster"), 30 * 60000);
}

static void test_all_is_read(void **state) {
    (void)state;
    struct parsed parsed = parse("  source: {url: \"https://git.example/shop/fleet.git\", branch: main, path: ., interval: 2m}\n"
                                 "  aws: {accountId: \"111122223333\", region: eu-west-1}\n"
                                 "  calls: {eks: {read: 10/s, write: 30/m}, iam: {read: 1.5/s, write: 1/s}, kubernetes: {inFlight: 16}}\n"
                                 "  change: {inFlight: 3, perCluster: 1, perZone: 1, slowStart: false, bake: {default: 2m, NodeGroup: 5m, "
                                 "StatefulSet: 3m}, failures: 2}\n"
                                 "  delete: {atMost: 7, perMinute: 3}\n"
                                 "  acknowledge: [\"replace NodeGroup/gpu\", \"delete Namespace/old\"]\n"
                                 "  windows:\n"
                                 "    - {allow: \"0 9 * * 1-5\", lasts: 8h, timeZone: Europe/Berlin, running: pause}\n"
                                 "    - {deny: \"*/15 0,12 24-26 12 *\", lasts: 1d}\n"
                                 "  drift: {interval: 5m, verifyAll: 12h}\n");
    for (size_t i = 0; i < parsed.findings.count; i++)
        print_message("%s\n", parsed.findings.items[i].text);
    assert_int_equal(parsed.findings.count, 0);
    const struct fleet *fleet = &parsed.fleet;
    assert_string_equal(fleet->name, "shop");
    assert_string_equal(fleet->account_id, "111122223333");
    assert_string_equal(fleet->source_branch, "main");
    assert_int_equal(fleet->source_interval_ms, 120000);
    assert_true(fleet->eks_read.per_second > 9.99 && fleet->eks_read.per_second < 10.01);
    assert_true(fleet->eks_write.per_second > 0.499 && fleet->eks_write.per_second < 0.501);
    assert_true(fleet->iam_read.per_second > 1.499 && fleet->iam_read.per_second < 1.501);
    assert_int_equal(fleet->kubernetes_in_flight, 16);
    assert_int_equal(fleet->change_in_flight, 3);
    assert_int_equal(fleet->change_in_flight_percent, 0);
    assert_false(fleet->slow_start);
    assert_int_equal(fleet_bake_ms(fleet, "NodeGroup"), 5 * 60000);
    assert_int_equal(fleet_bake_ms(fleet, "StatefulSet"), 3 * 60000);
    assert_int_equal(fleet_bake_ms(fleet, "Cluster"), 30 * 60000);
    assert_int_equal(fleet_bake_ms(fleet, "Deployment"), 2 * 60000);
    assert_int_equal(fleet->failures, 2);
    assert_int_equal(fleet->delete_at_most, 7);
    assert_string_equal(fleet->acknowledged[1], "delete Namespace/old");
    assert_null(fleet->acknowledged[2]);
    assert_int_equal(fleet->window_count, 2);
    assert_true(fleet->windows[0].allow);
    assert_true(fleet->windows[0].pause_running);
    assert_int_equal(fleet->windows[0].lasts_ms, 8 * 3600000);
    assert_string_equal(fleet->windows[0].time_zone, "Europe/Berlin");
    assert_false(fleet->windows[1].allow);
    assert_string_equal(fleet->windows[1].time_zone, "UTC");
    assert_int_equal(fleet->verify_all_ms, 12 * 3600000);
    arena_free(parsed.arena);
}

static const char *const nonsense[] = {
    "  chnage: {}\n",
    "  calls: {eks: {read: fast}}\n",
    "  calls: {eks: {read: 0/s}}\n",
    "  calls: {eks: {read: 5000/s}}\n",
    "  calls: {kubernetes: {inFlight: 0}}\n",
    "  change: {inFlight: 0}\n",
    "  change: {inFlight: 0%}\n",
    "  change: {inFlight: 101%}\n",
    "  change: {inFlight: true}\n",
    "  change: {perCluster: 0}\n",
    "  change: {perZone: 2}\n",
    "  change: {perZone: 1, perCluster: 2}\n",
    "  change: {bake: 5m}\n",
    "  change: {bake: {default: soon}}\n",
    "  change: {bake: {default: 5}}\n",
    "  change: {failures: -1}\n",
    "  delete: {atMost: -1}\n",
    "  delete: {perMinute: 0}\n",
    "  acknowledge: [NodeGroup/gpu]\n",
    "  acknowledge: [\"delete everything\"]\n",
    "  windows: [{lasts: 8h}]\n",
    "  windows: [{allow: \"0 9 * * *\", deny: \"0 9 * * *\", lasts: 8h}]\n",
    "  windows: [{allow: \"0 9 * *\", lasts: 8h}]\n",
    "  windows: [{allow: \"0 9 * * * *\", lasts: 8h}]\n",
    "  windows: [{allow: \"60 9 * * *\", lasts: 8h}]\n",
    "  windows: [{allow: \"0 9 * * 8\", lasts: 8h}]\n",
    "  windows: [{allow: \"0 9 5-1 * *\", lasts: 8h}]\n",
    "  windows: [{allow: \"0 9 * * MON\", lasts: 8h}]\n",
    "  windows: [{allow: \"0 */0 * * *\", lasts: 8h}]\n",
    "  windows: [{allow: \"0 9 * * *\"}]\n",
    "  windows: [{allow: \"0 9 * * *\", lasts: 5s}]\n",
    "  windows: [{allow: \"0 9 * * *\", lasts: 8h, timeZone: Berlin}]\n",
    "  windows: [{allow: \"0 9 * * *\", lasts: 8h, timeZone: \"../../etc/passwd\"}]\n",
    "  windows: [{allow: \"0 9 * * *\", lasts: 8h, running: maybe}]\n",
    "  aws: {accountId: 111122223333}\n",
    "  source: {url: \"ssh://git.example/x\"}\n",
    "  source: {interval: 1s}\n",
};

static void test_nonsense_is_a_finding(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct parsed parsed = parse(nonsense[i]);
        if (parsed.findings.error_count == 0)
            fail_msg("taken: %s", nonsense[i]);
        assert_true(parsed.findings.items[0].place.line >= 4);
        arena_free(parsed.arena);
    }
}

static void test_git_can_only_tighten(void **state) {
    (void)state;
    struct parsed git = parse("  calls: {eks: {read: 100/s, write: 1/m}}\n  change: {inFlight: 50%, perCluster: 5, slowStart: false, bake: "
                              "{default: 0s, Cluster: 1m}, failures: 9}\n"
                              "  delete: {atMost: 100, perMinute: 1}\n  source: {url: \"https://evil.example/x\"}\n");
    struct parsed owner = parse("  change: {inFlight: 2}\n  source: {url: \"https://git.example/x\", branch: main}\n");
    assert_int_equal(git.findings.count, 0);
    fleet_tighten(&git.fleet, &owner.fleet);
    assert_true(git.fleet.eks_read.per_second < 5.01);
    assert_true(git.fleet.eks_write.per_second < 0.02);
    assert_int_equal(git.fleet.change_in_flight, 2);
    assert_int_equal(git.fleet.change_in_flight_percent, 50);
    assert_int_equal(git.fleet.change_per_cluster, 1);
    assert_true(git.fleet.slow_start);
    assert_int_equal(git.fleet.failures, 1);
    assert_int_equal(git.fleet.delete_at_most, 5);
    assert_int_equal(git.fleet.delete_per_minute, 1);
    assert_int_equal(fleet_bake_ms(&git.fleet, "Cluster"), 30 * 60000);
    assert_int_equal(fleet_bake_ms(&git.fleet, "Deployment"), 60000);
    assert_string_equal(git.fleet.source_url, "https://git.example/x");
    assert_ptr_equal(git.fleet.bound, &owner.fleet);
    arena_free(git.arena);
    arena_free(owner.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_careful),
        cmocka_unit_test(test_all_is_read),
        cmocka_unit_test(test_nonsense_is_a_finding),
        cmocka_unit_test(test_git_can_only_tighten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
