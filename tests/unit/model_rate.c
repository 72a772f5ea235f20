/* model_rate.c: which steps start, why the others wait, and that the limits hold whatever happens. */
#include "model_support.h"

#define WORKLOAD(VERSION) "{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"spec\": {\"x\": " VERSION "}}"

struct trial {
    struct scene scene;
    struct step_progress progress[64];
    struct rate_decision decisions[64];
    struct ledger ledger;
    unsigned batch;
    int64_t now_ms;
};

static void trial_init(struct trial *trial) {
    *trial = (struct trial){.now_ms = NOW_MS};
    scene_init(&trial->scene);
    trial->scene.graph.fleet.change_in_flight = 2;
    trial->scene.graph.fleet.change_in_flight_percent = 0;
    trial->scene.graph.fleet.change_per_cluster = 10;
    trial->scene.graph.fleet.bake_ms = 600000;
    trial->scene.graph.fleet.failures = 1;
    trial->scene.graph.fleet.delete_per_minute = 6;
    trial->scene.graph.fleet.slow_start = true;
    ledger_parse(NULL, trial->scene.arena, &trial->ledger);
}

static struct resource *add_change(struct trial *trial, const char *name) {
    return scene_add(&trial->scene, "Deployment", "shop", name, WORKLOAD("2"), WORKLOAD("1"));
}

static void look(struct trial *trial) {
    struct rate_input input = {.plan = &trial->scene.plan,
                               .progress = trial->progress,
                               .ledger = &trial->ledger,
                               .batch = trial->batch,
                               .now_wall_ms = trial->now_ms};
    rate_next(&input, trial->scene.arena, trial->decisions);
}

static size_t started(const struct trial *trial) {
    size_t count = 0;
    for (size_t i = 0; i < trial->scene.plan.step_count; i++)
        count += trial->decisions[i].start;
    return count;
}

static size_t at(struct trial *trial, const char *id) {
    const struct step *step = scene_step(&trial->scene, id);
    assert_non_null(step);
    return step->index;
}

static void test_disruption_is_bounded(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    for (int i = 0; i < 5; i++)
        add_change(&trial, arena_text(trial.scene.arena, "d%d", i));
    scene_plan(&trial.scene);
    look(&trial);
    assert_int_equal(started(&trial), 2);
    assert_string_equal(trial.decisions[4].reason, "2 of 2 disruptive steps running");
    trial.progress[0].state = trial.progress[1].state = STEP_RUNNING;
    look(&trial);
    assert_int_equal(started(&trial), 0);
    scene_done(&trial.scene);
}

static void test_one_at_a_time_in_a_cluster(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    struct resource *cluster =
        scene_add(&trial.scene, "Cluster", NULL, "demo", "{\"name\": \"demo\"}", "{\"name\": \"demo\", \"status\": \"ACTIVE\"}");
    trial.scene.kubernetes.cluster = cluster;
    trial.scene.graph.fleet.change_per_cluster = 1;
    add_change(&trial, "a");
    add_change(&trial, "b");
    scene_plan(&trial.scene);
    look(&trial);
    assert_int_equal(started(&trial), 1);
    assert_string_equal(trial.decisions[at(&trial, "Deployment/shop/b")].reason, "1 of 1 disruptive steps running in its cluster");
    scene_done(&trial.scene);
}

static void test_a_change_bakes_before_the_next(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    trial.scene.graph.fleet.change_in_flight = 1;
    struct resource *first = add_change(&trial, "a");
    struct resource *second = add_change(&trial, "b");
    scene_edge(&trial.scene, second, first, GATE_READY, "its backend");
    scene_plan(&trial.scene);
    size_t a = at(&trial, "Deployment/shop/a");
    size_t b = at(&trial, "Deployment/shop/b");
    look(&trial);
    assert_true(trial.decisions[a].start);
    assert_string_equal(trial.decisions[b].reason, "after Deployment/shop/a · until ready");
    trial.progress[a].state = STEP_DONE;
    look(&trial);
    assert_string_equal(trial.decisions[b].reason, "after Deployment/shop/a · until ready");
    trial.progress[a].ready = true;
    value_set(trial.scene.arena, &trial.ledger.bakes, first->key, value_of_integer(NOW_MS));
    trial.now_ms = NOW_MS + 252000;
    look(&trial);
    assert_string_equal(trial.decisions[b].reason, "after Deployment/shop/a · bake 4m12s of 10m");
    trial.now_ms = NOW_MS + 600000;
    look(&trial);
    assert_true(trial.decisions[b].start);
    scene_done(&trial.scene);
}

/* The step is gone from the plan once it is applied; its bake is not. */
static void test_what_an_earlier_pass_changed_still_counts(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    trial.scene.graph.fleet.change_in_flight = 1;
    struct resource *before = scene_add(&trial.scene, "Deployment", "shop", "before", WORKLOAD("1"), WORKLOAD("1"));
    scene_live(&trial.scene, before)->unchanged = true;
    add_change(&trial, "next");
    scene_plan(&trial.scene);
    value_set(trial.scene.arena, &trial.ledger.bakes, before->key, value_of_integer(0));
    look(&trial);
    assert_int_equal(started(&trial), 0);
    assert_non_null(strstr(trial.decisions[0].reason, "Deployment/shop/before"));
    value_set(trial.scene.arena, &trial.ledger.bakes, before->key, value_of_integer(NOW_MS - 599000));
    look(&trial);
    assert_int_equal(started(&trial), 0);
    value_set(trial.scene.arena, &trial.ledger.bakes, before->key, value_of_integer(NOW_MS - 600000));
    look(&trial);
    assert_int_equal(started(&trial), 1);
    scene_done(&trial.scene);
}

static void test_creations_are_not_disruptions(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    for (int i = 0; i < 6; i++)
        scene_add(&trial.scene, "Deployment", "shop", arena_text(trial.scene.arena, "d%d", i), WORKLOAD("1"), NULL);
    scene_plan(&trial.scene);
    look(&trial);
    assert_int_equal(started(&trial), 6);
    trial.batch = 2;
    look(&trial);
    assert_int_equal(started(&trial), 2);
    assert_string_equal(trial.decisions[5].reason, "slow start: 2 of 2 running");
    trial.scene.graph.fleet.slow_start = false;
    look(&trial);
    assert_int_equal(started(&trial), 6);
    scene_done(&trial.scene);
}

static void test_one_eks_update_in_a_cluster(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    struct resource *one = scene_add(&trial.scene, "NodeGroup", NULL, "one", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    struct resource *two = scene_add(&trial.scene, "NodeGroup", NULL, "two", NODE_GROUP_DESIRED, NODE_GROUP_LIVE);
    value_set_at(trial.scene.arena, &one->desired, "scalingConfig.maxSize", value_of_integer(20));
    value_set_at(trial.scene.arena, &two->desired, "scalingConfig.maxSize", value_of_integer(20));
    scene_plan(&trial.scene);
    look(&trial);
    assert_int_equal(started(&trial), 1);
    assert_string_equal(trial.decisions[1].reason, "an EKS update at a time in a cluster: that of NodeGroup/one is in progress");
    scene_done(&trial.scene);
}

static void test_deletes_keep_their_distance(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    trial.scene.graph.fleet.change_in_flight = 100;
    for (int i = 0; i < 3; i++) {
        struct resource *stays =
            scene_add(&trial.scene, "ConfigMap", "shop", arena_text(trial.scene.arena, "c%d", i), WORKLOAD("1"), WORKLOAD("1"));
        scene_live(&trial.scene, stays)->unchanged = true;
        scene_stray(&trial.scene, "ConfigMap", "shop", arena_text(trial.scene.arena, "old%d", i), "{\"apiVersion\": \"v1\"}");
    }
    scene_plan(&trial.scene);
    assert_int_equal(trial.scene.plan.step_count, 3);
    look(&trial);
    assert_int_equal(started(&trial), 0); /* a restart is no burst */
    assert_string_equal(trial.decisions[0].reason, "deletes: 6 a minute, the next in 11s");
    size_t total = 0;
    for (int second = 1; second <= 25; second++) {
        trial.now_ms = NOW_MS + second * 1000;
        look(&trial);
        for (size_t i = 0; i < 3; i++) {
            if (trial.decisions[i].start)
                trial.progress[i].state = STEP_DONE;
            total += trial.decisions[i].start;
        }
    }
    assert_int_equal(total, 2);
    /* A long silence gives one, not many. */
    trial.progress[0].state = trial.progress[1].state = STEP_PENDING;
    trial.now_ms += 3600000;
    look(&trial);
    assert_int_equal(started(&trial), 1);
    scene_done(&trial.scene);
}

static void test_failures_halt(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    struct resource *first = add_change(&trial, "a");
    struct resource *second = add_change(&trial, "b");
    add_change(&trial, "c");
    scene_edge(&trial.scene, second, first, GATE_DONE, "x");
    trial.scene.graph.fleet.failures = 2;
    scene_plan(&trial.scene);
    trial.progress[at(&trial, "Deployment/shop/a")].state = STEP_FAILED;
    look(&trial);
    assert_string_equal(trial.decisions[at(&trial, "Deployment/shop/b")].reason, "after Deployment/shop/a, which failed");
    assert_true(trial.decisions[at(&trial, "Deployment/shop/c")].start);
    trial.ledger.failures = 2;
    look(&trial);
    assert_int_equal(started(&trial), 0);
    assert_true(text_starts(trial.decisions[at(&trial, "Deployment/shop/c")].reason, "halted: 2 of 2"));
    trial.ledger.halted = "by hand";
    look(&trial);
    assert_string_equal(trial.decisions[at(&trial, "Deployment/shop/c")].reason, "halted: by hand");
    scene_done(&trial.scene);
}

static void test_windows_close_while_it_runs(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    struct window window = {.cron = "0 9 * * 1-5", .time_zone = "UTC", .lasts_ms = 3600000, .allow = true};
    trial.scene.graph.fleet.windows = &window;
    trial.scene.graph.fleet.window_count = 1;
    add_change(&trial, "a");
    scene_plan(&trial.scene);
    look(&trial);
    assert_true(trial.decisions[0].start);
    trial.now_ms = NOW_MS + 3600000;
    look(&trial);
    assert_string_equal(trial.decisions[0].reason, "window opens Tue 09:00 UTC");
    scene_done(&trial.scene);
}

static void test_blocked_and_waiting_never_start(void **state) {
    (void)state;
    struct trial trial;
    trial_init(&trial);
    struct resource *first = add_change(&trial, "a");
    struct resource *second = add_change(&trial, "b");
    scene_edge(&trial.scene, second, first, GATE_DONE, "x");
    scene_plan(&trial.scene);
    scene_step(&trial.scene, "Deployment/shop/a")->blocked = "not yet";
    look(&trial);
    assert_int_equal(started(&trial), 0);
    assert_string_equal(trial.decisions[0].reason, "blocked: not yet");
    assert_string_equal(trial.decisions[1].reason, "after Deployment/shop/a, which is blocked");
    scene_done(&trial.scene);
}

/* A cheap generator: the same every time. */
static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

/* R1: whatever order steps end in, and whatever is forgotten but the ledger, no more disruptive steps run than are allowed. */
static void test_the_bound_holds_in_any_order(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 30; round++) {
        struct trial trial;
        trial_init(&trial);
        trial.scene.graph.fleet.bake_ms = 1000;
        struct resource *all[20];
        for (int i = 0; i < 20; i++) {
            all[i] = add_change(&trial, arena_text(trial.scene.arena, "d%02d", i));
            if (i > 0 && next_random(&seed) % 2)
                scene_edge(&trial.scene, all[i], all[next_random(&seed) % (uint32_t)i], GATE_READY, "x");
        }
        scene_plan(&trial.scene);
        for (int tick = 0; tick < 200; tick++) {
            trial.now_ms += 500;
            look(&trial);
            size_t running = 0;
            for (size_t i = 0; i < trial.scene.plan.step_count; i++) {
                struct step_progress *progress = &trial.progress[i];
                if (progress->state == STEP_RUNNING && next_random(&seed) % 3 == 0) {
                    *progress = (struct step_progress){.state = STEP_DONE, .ready = true};
                    value_set(trial.scene.arena, &trial.ledger.bakes, trial.scene.plan.steps[i].key, value_of_integer(trial.now_ms));
                }
                if (trial.decisions[i].start)
                    progress->state = STEP_RUNNING;
                running += progress->state == STEP_RUNNING;
            }
            assert_true(running <= 2);
        }
        for (size_t i = 0; i < trial.scene.plan.step_count; i++)
            assert_int_equal(trial.progress[i].state, STEP_DONE);
        scene_done(&trial.scene);
    }
}

static void test_ledger_goes_there_and_back(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct value value =
        json(arena, "{\"deletes\": {\"tokens\": 0.5, \"filledMs\": 7}, \"failures\": 1, \"halted\": \"x\", \"planDigest\": \"d\","
                    " \"updates\": {\"k\": {\"id\": \"u\"}}, \"bakes\": {\"k\": 5}, \"rolling\": {\"r\": true}, \"epochs\": {\"k\": 2}, "
                    "\"lastDisruptionMs\": 3, \"appliedCommit\": \"c\"}");
    struct ledger ledger;
    ledger_parse(&value, arena, &ledger);
    struct value back = ledger_to_value(&ledger, arena);
    assert_true(value_equal(&value, &back));
    struct value broken = json(arena, "{\"deletes\": {\"tokens\": -5}, \"failures\": -1, \"updates\": 3, \"halted\": []}");
    ledger_parse(&broken, arena, &ledger);
    assert_true(ledger.deletes.tokens >= 0 && ledger.failures == 0 && !ledger.halted && value_is(&ledger.updates, VALUE_MAP));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disruption_is_bounded),          cmocka_unit_test(test_one_at_a_time_in_a_cluster),
        cmocka_unit_test(test_a_change_bakes_before_the_next), cmocka_unit_test(test_what_an_earlier_pass_changed_still_counts),
        cmocka_unit_test(test_creations_are_not_disruptions),  cmocka_unit_test(test_one_eks_update_in_a_cluster),
        cmocka_unit_test(test_deletes_keep_their_distance),    cmocka_unit_test(test_failures_halt),
        cmocka_unit_test(test_windows_close_while_it_runs),    cmocka_unit_test(test_blocked_and_waiting_never_start),
        cmocka_unit_test(test_the_bound_holds_in_any_order),   cmocka_unit_test(test_ledger_goes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
