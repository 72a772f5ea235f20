/* model_forecast.c: the rate function run forward. */
#include "model_support.h"

#define WORKLOAD(VERSION) "{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"spec\": {\"x\": " VERSION "}}"

static void add_changes(struct scene *scene, int count) {
    scene->graph.fleet.change_in_flight_percent = 0;
    scene->graph.fleet.change_per_cluster = 10;
    for (int i = 0; i < count; i++)
        scene_add(scene, "Deployment", "shop", arena_text(scene->arena, "d%02d", i), WORKLOAD("2"), WORKLOAD("1"));
}

static void test_two_at_a_time_with_bakes(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.graph.fleet.change_in_flight = 2;
    scene.graph.fleet.slow_start = false;
    scene.graph.fleet.bake = value_of_map();
    scene.graph.fleet.bake_ms = 60000;
    add_changes(&scene, 4);
    scene_plan(&scene);
    /* 30 s, a minute's bake, 30 s. */
    assert_int_equal(scene.plan.forecast_ms[0], 120000);
    assert_int_equal(scene.plan.forecast_ms[1], 300000);
    assert_int_equal(scene.plan.peak_disruption, 2);
    scene_done(&scene);
}

static void test_more_at_once_is_shorter_and_disturbs_more(void **state) {
    (void)state;
    int64_t last_ms = INT64_MAX;
    for (unsigned in_flight = 1; in_flight <= 8; in_flight *= 2) {
        struct scene scene;
        scene_init(&scene);
        scene.graph.fleet.change_in_flight = in_flight;
        scene.graph.fleet.slow_start = false;
        add_changes(&scene, 8);
        scene_plan(&scene);
        assert_true(scene.plan.forecast_ms[0] < last_ms);
        assert_int_equal(scene.plan.peak_disruption, in_flight);
        last_ms = scene.plan.forecast_ms[0];
        scene_done(&scene);
    }
}

static void test_blocked_steps_take_no_time(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_add(&scene, "NodeGroup", NULL, "api", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    value_set_at(scene.arena, &scene.graph.resources[0]->desired, "diskSize", value_of_integer(99));
    scene_plan(&scene);
    assert_true(scene.plan.blocked);
    assert_int_equal(scene.plan.forecast_ms[0], 0);
    scene_done(&scene);
}

static void test_politeness_is_a_floor(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.graph.fleet.slow_start = false;
    scene.graph.fleet.eks_write.per_second = 0.1;
    for (int i = 0; i < 4; i++)
        scene_add(&scene, "IAMRole", NULL, arena_text(scene.arena, "r%d", i), "{\"roleName\": \"r\", \"assumeRolePolicyDocument\": {}}",
                  NULL);
    scene_plan(&scene);
    assert_int_equal(scene.plan.forecast_ms[0], 40000);
    scene_done(&scene);
}

static void test_nothing_takes_no_time(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene_plan(&scene);
    assert_int_equal(scene.plan.forecast_ms[0], 0);
    assert_int_equal(scene.plan.forecast_ms[1], 0);
    scene_done(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_at_a_time_with_bakes),   cmocka_unit_test(test_more_at_once_is_shorter_and_disturbs_more),
        cmocka_unit_test(test_blocked_steps_take_no_time), cmocka_unit_test(test_politeness_is_a_floor),
        cmocka_unit_test(test_nothing_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
