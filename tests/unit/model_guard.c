/* model_guard.c: what may not happen until a person has said so; windows. */
#include "model_support.h"
#include "model/window.h"

#define OBJECT(KIND) "{\"apiVersion\": \"v1\", \"kind\": \"" KIND "\"}"

static struct window allow_window = {.cron = "0 9 * * 1-5", .time_zone = "UTC", .lasts_ms = 8 * 3600000, .allow = true};

/* Some objects that stay, so that not everything goes. */
static void add_company(struct scene *scene, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct resource *resource =
            scene_add(scene, "ConfigMap", "shop", arena_text(scene->arena, "c%zu", i), OBJECT("ConfigMap"), OBJECT("ConfigMap"));
        scene_live(scene, resource)->unchanged = true;
        struct resource *role =
            scene_add(scene, "IAMRole", NULL, arena_text(scene->arena, "r%zu", i), "{\"roleName\": \"r\"}", "{\"roleName\": \"r\"}");
        (void)role;
    }
}

static const char *rule_of(struct scene *scene, const char *id) {
    const struct step *step = scene_step(scene, id);
    assert_non_null(step);
    return step->blocked_rule ? step->blocked_rule : "free";
}

static void test_guarded_kinds(void **state) {
    (void)state;
    static const struct {
        const char *kind, *namespace, *live, *id, *rule;
    } rows[] = {
        {"ConfigMap", "shop", OBJECT("ConfigMap"), "ConfigMap/shop/x", "free"},
        {"Namespace", NULL, OBJECT("Namespace"), "Namespace/x", "acknowledgement"},
        {"PersistentVolumeClaim", "shop", OBJECT("PersistentVolumeClaim"), "PersistentVolumeClaim/shop/x", "acknowledgement"},
        {"CustomResourceDefinition", NULL, OBJECT("CustomResourceDefinition"), "CustomResourceDefinition/x", "acknowledgement"},
        {"StatefulSet", "shop", "{\"apiVersion\": \"apps/v1\", \"spec\": {}}", "StatefulSet/shop/x", "free"},
        {"StatefulSet", "shop", "{\"apiVersion\": \"apps/v1\", \"spec\": {\"volumeClaimTemplates\": [{}]}}", "StatefulSet/shop/x",
         "acknowledgement"},
        {"StatefulSet", "shop", "null", "StatefulSet/shop/x", "acknowledgement"},
        {"NodeGroup", NULL, "{\"clusterName\": \"demo\"}", "NodeGroup/x", "acknowledgement"},
        {"Cluster", NULL, "{\"name\": \"x\"}", "Cluster/x", "acknowledgement"},
        {"Cluster", NULL, "{\"name\": \"x\", \"deletionProtection\": true}", "Cluster/x", "deletion protection"},
        {"IAMRole", NULL, "{\"roleName\": \"x\"}", "IAMRole/x", "free"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene scene;
        scene_init(&scene);
        add_company(&scene, 3);
        struct stray *stray = scene_stray(&scene, rows[i].kind, rows[i].namespace, "x", rows[i].live);
        stray->api_version = "v1";
        scene_plan(&scene);
        assert_string_equal(rule_of(&scene, rows[i].id), rows[i].rule);
        assert_int_equal(scene.plan.blocked, !text_equal(rows[i].rule, "free"));
        scene_done(&scene);
    }
}

static void test_acknowledged_in_git(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    static const char *const given[] = {"delete Namespace/old", "replace NodeGroup/api", NULL};
    scene.graph.fleet.acknowledged = given;
    add_company(&scene, 2);
    scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    value_set_at(scene.arena, &scene.graph.resources[4]->desired, "diskSize", value_of_integer(99));
    scene_stray(&scene, "Namespace", NULL, "old", OBJECT("Namespace"));
    scene_stray(&scene, "Namespace", NULL, "other", OBJECT("Namespace"));
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "Namespace/old"), "free");
    assert_string_equal(rule_of(&scene, "NodeGroup/api"), "not built"); /* create-first replacement is refused by name, consent or not */
    assert_string_equal(rule_of(&scene, "Namespace/other"), "acknowledgement");
    assert_non_null(strstr(scene_step(&scene, "Namespace/other")->blocked, "acknowledge: [\"delete Namespace/other\"]"));
    assert_int_equal(plan_exit_code(&scene.plan), PLAN_BLOCKED);
    scene_done(&scene);
}

static void test_deletion_budget(void **state) {
    (void)state;
    for (unsigned over = 0; over <= 1; over++) {
        struct scene scene;
        scene_init(&scene);
        scene.graph.fleet.delete_at_most = 5;
        add_company(&scene, 5);
        for (unsigned i = 0; i < 5 + over; i++)
            scene_stray(&scene, "ConfigMap", "old", arena_text(scene.arena, "s%u", i), OBJECT("ConfigMap"));
        scene_plan(&scene);
        assert_string_equal(rule_of(&scene, "ConfigMap/old/s0"), over ? "deletion budget" : "free");
        scene_done(&scene);
    }
}

static void test_never_to_nothing(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_stray(&scene, "ConfigMap", "old", "last", OBJECT("ConfigMap"));
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "ConfigMap/old/last"), "never to nothing");
    scene_done(&scene);
    scene_init(&scene);
    add_company(&scene, 2);
    scene.graph.declared_count = 0;
    scene_stray(&scene, "ConfigMap", "old", "x", OBJECT("ConfigMap"));
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "ConfigMap/old/x"), "never to nothing");
    scene_done(&scene);
}

static void test_errors_and_unread_targets_block_deletes(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    add_company(&scene, 2);
    scene.lives[0].presence = LIVE_UNKNOWN; /* in the cluster */
    scene_stray(&scene, "ConfigMap", "old", "x", OBJECT("ConfigMap"));
    scene_stray(&scene, "IAMRole", NULL, "old", "{\"roleName\": \"old\"}");
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "ConfigMap/old/x"), "incomplete read");
    assert_string_equal(rule_of(&scene, "IAMRole/old"), "free");
    findings_add(&scene.findings, scene.arena, (struct place){0}, NULL, "broken");
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "IAMRole/old"), "errors in git");
    scene_done(&scene);
}

static void test_an_incomplete_listing_blocks_all_deletes(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    add_company(&scene, 2);
    scene.world.complete = false;
    scene_stray(&scene, "ConfigMap", "old", "x", OBJECT("ConfigMap"));
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "ConfigMap/old/x"), "incomplete read");
    scene_done(&scene);
}

static void test_retained_is_not_replaced(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct resource *group = scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    value_set_at(scene.arena, &group->desired, "diskSize", value_of_integer(99));
    group->retain = true;
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "NodeGroup/api"), "retain");
    scene_done(&scene);
}

static void test_cron_lines(void **state) {
    (void)state;
    static const struct {
        const char *line;
        bool valid;
        int64_t minute; /* since 2026-01-05 00:00 UTC, a Monday */
        bool matches;
    } rows[] = {
        {"* * * * *", true, 0, true},        {"0 9 * * 1-5", true, 540, true},
        {"0 9 * * 1-5", true, 541, false},   {"0 9 * * sat,sun", true, 540, false},
        {"*/15 * * * *", true, 45, true},    {"*/15 * * * *", true, 46, false},
        {"0 0 5 jan *", true, 0, true},      {"0 0 6 * *", true, 0, false},
        {"0 0 6 * mon", true, 0, true},                                           /* either day is enough */
        {"0 0 5 * sun", true, 0, true},      {"0 0 * * 7", true, 6 * 1440, true}, /* Sunday, too */
        {"10-20/5 0 * * *", true, 15, true}, {"10-20/5 0 * * *", true, 16, false},
        {"60 * * * *", false, 0, false},     {"* * * *", false, 0, false},
        {"* * * * * *", false, 0, false},    {"", false, 0, false},
        {"a * * * *", false, 0, false},      {"5-1 * * * *", false, 0, false},
        {"*/0 * * * *", false, 0, false},    {"0 0 0 * *", false, 0, false},
        {"1,,2 * * * *", false, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cron cron;
        if (cron_parse(rows[i].line, &cron) != rows[i].valid)
            fail_msg("\"%s\"", rows[i].line);
        if (rows[i].valid && cron_matches(&cron, (NOW_MS - 9 * 3600000) / 60000 + rows[i].minute) != rows[i].matches)
            fail_msg("\"%s\" at minute %lld", rows[i].line, (long long)rows[i].minute);
    }
    assert_false(cron_parse(NULL, &(struct cron){0}));
}

static int64_t berlin(void *context, const char *zone, int64_t wall_ms, bool *known) {
    (void)context;
    (void)wall_ms;
    *known = text_equal(zone, "Europe/Berlin");
    return 3600000;
}

static void test_windows(void **state) {
    (void)state;
    static const struct {
        const char *name, *zone, *deny;
        int64_t offset_ms, needs_ms; /* from Monday 09:00 UTC */
        const char *reason;          /* NULL: allowed */
    } rows[] = {
        {"at its beginning", "UTC", NULL, 0, 60000, NULL},
        {"a minute before", "UTC", NULL, -60000, 60000, "window opens Mon 09:00 UTC"},
        {"just before its end", "UTC", NULL, 8 * 3600000 - 60000, 60000, NULL},
        {"at its end", "UTC", NULL, 8 * 3600000, 60000, "window opens Tue 09:00 UTC"},
        {"what cannot finish is not started", "UTC", NULL, 7 * 3600000 + 1800000, 3600000,
         "needs up to 1 h, and the window closes Mon 17:00 UTC"},
        {"over a weekend", "UTC", NULL, 4 * 86400000LL + 9 * 3600000, 1, "window opens Mon 09:00 UTC"},
        {"a named zone", "Europe/Berlin", NULL, -3600000, 60000, NULL},
        {"a named zone, closed", "Europe/Berlin", NULL, -2 * 3600000, 60000, "window opens Mon 09:00 Europe/Berlin"},
        {"an unknown zone opens nothing", "Mars/Olympus", NULL, 0, 1,
         "the time zone \"Mars/Olympus\" of a window is not known here, so nothing is started"},
        {"a fixed offset has the sign of POSIX", "Etc/GMT-2", NULL, -2 * 3600000, 1, NULL},
        {"deny wins", "UTC", "0 10 * * *", 3600000, 1, "window opens Mon 12:00 UTC"},
        {"deny comes soon", "UTC", "0 10 * * *", 0, 2 * 3600000, "needs up to 2 h, and the window closes Mon 10:00 UTC"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ARENA_AUTO *arena = arena_new();
        struct window windows[2] = {allow_window, {.cron = rows[i].deny, .time_zone = "UTC", .lasts_ms = 2 * 3600000}};
        windows[0].time_zone = rows[i].zone;
        struct fleet fleet = {.windows = windows, .window_count = rows[i].deny ? 2 : 1};
        struct zones zones = {.offset_ms = berlin};
        const char *reason = NULL;
        bool allowed = guard_window_check(&fleet, &zones, NOW_MS + rows[i].offset_ms, rows[i].needs_ms, arena, &reason);
        if (allowed != (rows[i].reason == NULL) || (reason && !text_equal(reason, rows[i].reason)))
            fail_msg("%s: %s", rows[i].name, reason ? reason : "allowed");
    }
}

static void test_the_operators_windows_count_too(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct window night = {.cron = "0 22 * * *", .time_zone = "UTC", .lasts_ms = 4 * 3600000, .allow = true};
    struct window late = {.cron = "0 23 * * *", .time_zone = "UTC", .lasts_ms = 8 * 3600000, .allow = true};
    struct fleet bound = {.windows = &late, .window_count = 1};
    struct fleet fleet = {.windows = &night, .window_count = 1, .bound = &bound};
    const char *reason = NULL;
    assert_false(guard_window_allows(&fleet, NOW_MS, 1, arena, &reason));
    assert_string_equal(reason, "window opens Mon 23:00 UTC");
    assert_true(guard_window_allows(&fleet, NOW_MS + 14 * 3600000, 1, arena, &reason));
}

static void test_windows_block_steps(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct window window = {.cron = "0 22 * * *", .time_zone = "UTC", .lasts_ms = 3600000, .allow = true};
    scene.graph.fleet.windows = &window;
    scene.graph.fleet.window_count = 1;
    scene_add(&scene, "ConfigMap", "shop", "new", OBJECT("ConfigMap"), NULL);
    scene_plan(&scene);
    assert_string_equal(rule_of(&scene, "ConfigMap/shop/new"), "window");
    assert_int_equal(plan_exit_code(&scene.plan), PLAN_BLOCKED);
    scene_done(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guarded_kinds),
        cmocka_unit_test(test_acknowledged_in_git),
        cmocka_unit_test(test_deletion_budget),
        cmocka_unit_test(test_never_to_nothing),
        cmocka_unit_test(test_errors_and_unread_targets_block_deletes),
        cmocka_unit_test(test_an_incomplete_listing_blocks_all_deletes),
        cmocka_unit_test(test_retained_is_not_replaced),
        cmocka_unit_test(test_cron_lines),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_the_operators_windows_count_too),
        cmocka_unit_test(test_windows_block_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
