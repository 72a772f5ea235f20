/* Breaks every exchange of an apply of examples/production in turn: the next passes always reach the same end, and nothing is created
 * twice. */
#include "sandbox_support.h"

#define PRODUCTION SOURCE_ROOT "/examples/production"

enum { SETTLE_PASSES = 80 };

static const char *const creations[] = {"CreateCluster production",
                                        "CreateNodegroup production/api-workers",
                                        "CreateRole production-cluster",
                                        "CreateRole production-node",
                                        "CreateRole production-api-api-service-account",
                                        "CreateOpenIDConnectProvider",
                                        NULL};

enum { CREATION_COUNT = sizeof creations / sizeof creations[0] - 1 };

static void creations_add(const struct controller *controller, unsigned *times) {
    for (size_t i = 0; i < CREATION_COUNT; i++)
        times[i] += calls_matching(controller, creations[i]);
}

/* `earlier` counts what a former process did, NULL when there was none. */
static void expect_created_once(const struct controller *controller, const unsigned *earlier, const char *what) {
    for (size_t i = 0; i < CREATION_COUNT; i++) {
        unsigned times = calls_matching(controller, creations[i]) + (earlier == NULL ? 0 : earlier[i]);
        if (times != 1)
            fail_msg("%s: %s happened %u times", what, creations[i], times);
    }
}

static void settles_without_faults(void **state) {
    (void)state;
    struct controller controller;
    controller_open(&controller, NULL, PRODUCTION, NULL);
    assert_true(controller_settle(&controller, SETTLE_PASSES));
    expect_created_once(&controller, NULL, "no fault");
    controller_close(&controller);
}

static unsigned exchanges_of_a_clean_run(void) {
    struct controller controller;
    controller_open(&controller, NULL, PRODUCTION, NULL);
    assert_true(controller_settle(&controller, SETTLE_PASSES));
    unsigned count = sandbox_exchange_count(controller.sandbox);
    controller_close(&controller);
    return count;
}

/* The world as it is after the process died: without the script of faults. */
static char *world_after(struct controller *controller, struct arena *arena) {
    struct value world = sandbox_save(controller->sandbox, arena);
    value_remove(&world, "faults");
    return json_text(arena, &world);
}

static void walk(const char *fault, unsigned stride) {
    unsigned count = exchanges_of_a_clean_run();
    for (unsigned n = 1; n <= count; n += stride) {
        ARENA_AUTO *arena = arena_new();
        struct controller controller;
        char *faults = arena_text(arena, "{\"faults\": [{\"exchange\": %u, \"fault\": \"%s\"}]}", n, fault);
        controller_open(&controller, faults, PRODUCTION, NULL);
        bool settled = controller_settle(&controller, SETTLE_PASSES);
        unsigned earlier[CREATION_COUNT] = {0};
        if (sandbox_was_killed(controller.sandbox)) {
            char *world = world_after(&controller, arena);
            char *ledger = controller.engine.ledger_text == NULL ? NULL : arena_text(arena, "%s", controller.engine.ledger_text);
            creations_add(&controller, earlier);
            controller_close(&controller);
            controller_open(&controller, world, PRODUCTION, ledger);
            settled = controller_settle(&controller, SETTLE_PASSES);
        }
        if (!settled)
            fail_msg("%s at exchange %u of %u: no end is reached", fault, n, count);
        expect_created_once(&controller, earlier, arena_text(arena, "%s at exchange %u", fault, n));
        controller_close(&controller);
    }
}

/* Each fault is a program run of its own, so that several may run side by side: `unit_sandbox_walk FAULT`. */
static void survives(void **state) {
    walk(*state, 1);
}

int main(int count, char **words) {
    char *fault = count > 1 ? words[1] : "none";
    const struct CMUnitTest clean[] = {cmocka_unit_test(settles_without_faults)};
    const struct CMUnitTest broken[] = {cmocka_unit_test_prestate(survives, fault)};
    if (strcmp(fault, "none") == 0)
        return cmocka_run_group_tests_name("no fault", clean, NULL, NULL);
    return cmocka_run_group_tests_name(fault, broken, NULL, NULL);
}
