/* model_support.h: makes graphs, worlds and plans out of JSON for the tests of the back of the model. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/json.h"
#include "model/plan.h"
#include "model/rate.h"

#define NOW_MS INT64_C(1767603600000) /* Mon 2026-01-05 09:00:00 UTC */

static inline struct value json(struct arena *arena, const char *text) {
    struct value value;
    struct error err = {0};
    if (!json_parse(arena, "test", text, strlen(text), &value, &err))
        fail_msg("%s: %s", err.text, text);
    return value;
}

/* A small world of one AWS target and one cluster "demo". */
struct scene {
    struct arena *arena;
    struct graph graph;
    struct world_state world;
    struct differences differences;
    struct findings findings;
    struct tree tree;
    struct plan plan;
    struct target aws, kubernetes;
    struct live lives[64];
    struct stray strays[64];
    struct zones zones;
};

static inline void scene_init(struct scene *scene) {
    *scene = (struct scene){.arena = arena_new()};
    scene->aws = (struct target){.type = TARGET_AWS, .name = "111122223333/eu-west-1", .account_id = "111122223333", .region = "eu-west-1"};
    scene->kubernetes = (struct target){.type = TARGET_KUBERNETES, .name = "demo"};
    scene->graph.targets = ARENA_ARRAY(scene->arena, struct target *, 2);
    scene->graph.targets[0] = &scene->aws;
    scene->graph.targets[1] = &scene->kubernetes;
    scene->graph.target_count = 2;
    scene->graph.declared_count = 1;
    scene->graph.resources = ARENA_ARRAY(scene->arena, struct resource *, 64);
    fleet_default(&scene->graph.fleet);
    scene->graph.fleet.name = "production";
    scene->world = (struct world_state){.lives = scene->lives, .strays = scene->strays, .complete = true};
    scene->tree.commit = "3f2c1ab4d5e6f708192a3b4c5d6e7f8091a2b3c4";
    scene->tree.subject = "raise api-workers";
}

static inline void scene_done(struct scene *scene) {
    arena_free(scene->arena);
}

static inline struct resource *scene_add(struct scene *scene, const char *kind, const char *namespace, const char *name,
                                         const char *desired, const char *live) {
    struct arena *arena = scene->arena;
    struct resource *resource = ARENA_NEW(arena, struct resource);
    size_t index = scene->graph.count++;
    assert_true(index < 64);
    scene->graph.resources[index] = resource;
    resource->index = index;
    resource->row = schema_find(kind);
    resource->kind = kind;
    resource->name = name;
    resource->namespace = namespace;
    resource->target = resource->row ? &scene->aws : &scene->kubernetes;
    resource->id = namespace ? arena_text(arena, "%s/%s/%s", kind, namespace, name) : arena_text(arena, "%s/%s", kind, name);
    resource->key = arena_text(arena, "%s/%s", resource->target->name, resource->id);
    resource->desired = json(arena, desired);
    resource->api_version = resource->row ? SCHEMA_API_VERSION : value_text_at(&resource->desired, "apiVersion");
    resource->applied_hash = "hash-of-git";
    struct live *state = &scene->lives[index];
    *state = (struct live){.presence = LIVE_ABSENT, .ours = true};
    if (live) {
        state->presence = LIVE_PRESENT;
        state->object = json(arena, live);
        state->status = resource->row && resource->row->status ? value_text_at(&state->object, resource->row->status) : NULL;
        state->health = HEALTH_CURRENT;
        state->uid = "uid-1";
        state->resource_version = "7";
    }
    scene->world.count = scene->graph.count;
    return resource;
}

static inline struct live *scene_live(struct scene *scene, const struct resource *resource) {
    return &scene->lives[resource->index];
}

static inline void scene_edge(struct scene *scene, struct resource *resource, struct resource *before, enum gate gate, const char *reason) {
    resource->edges = arena_grow(scene->arena, resource->edges, resource->edge_count, sizeof *resource->edges);
    resource->edges[resource->edge_count++] = (struct edge){.before = before, .gate = gate, .reason = reason};
}

static inline struct stray *scene_stray(struct scene *scene, const char *kind, const char *namespace, const char *name, const char *live) {
    struct arena *arena = scene->arena;
    struct stray *stray = &scene->strays[scene->world.stray_count++];
    assert_true(scene->world.stray_count <= 64);
    stray->row = schema_find(kind);
    stray->kind = kind;
    stray->name = name;
    stray->namespace = namespace;
    stray->target = stray->row ? &scene->aws : &scene->kubernetes;
    stray->id = namespace ? arena_text(arena, "%s/%s/%s", kind, namespace, name) : arena_text(arena, "%s/%s", kind, name);
    stray->key = arena_text(arena, "%s/%s", stray->target->name, stray->id);
    stray->live =
        (struct live){.presence = LIVE_PRESENT, .ours = true, .object = json(arena, live), .uid = "uid-2", .resource_version = "9"};
    stray->api_version = stray->row ? SCHEMA_API_VERSION : value_text_at(&stray->live.object, "apiVersion");
    stray->live.status = value_text_at(&stray->live.object, "status");
    return stray;
}

static inline void scene_diff(struct scene *scene) {
    diff_build(&scene->graph, &scene->world, scene->arena, &scene->differences);
}

static inline void scene_plan(struct scene *scene) {
    scene_diff(scene);
    struct plan_input input = {.graph = &scene->graph,
                               .world = &scene->world,
                               .differences = &scene->differences,
                               .findings = &scene->findings,
                               .tree = &scene->tree,
                               .now_wall_ms = NOW_MS,
                               .zones = scene->zones};
    plan_build(&input, scene->arena, &scene->plan);
}

static inline const struct difference *scene_difference(const struct scene *scene, const struct resource *resource) {
    return &scene->differences.items[resource->index];
}

static inline struct step *scene_step(struct scene *scene, const char *id) {
    for (size_t i = 0; i < scene->plan.step_count; i++) {
        if (text_equal(scene->plan.steps[i].id, id))
            return &scene->plan.steps[i];
    }
    return NULL;
}

static inline const struct change *change_find(const struct difference *difference, const char *path) {
    for (size_t i = 0; i < difference->change_count; i++) {
        if (text_equal(difference->changes[i].path, path))
            return &difference->changes[i];
    }
    return NULL;
}

static inline const char *json_of(struct arena *arena, const struct value *value) {
    return value ? json_text(arena, value) : "absent";
}

/* The live answer of a node group, and the create input that made it. */
#define NODE_GROUP_DESIRED                                                                                                                 \
    "{\"clusterName\": \"demo\", \"nodegroupName\": \"api\", \"nodeRole\": \"arn:aws:iam::111122223333:role/node\","                       \
    " \"subnets\": [\"subnet-b\", \"subnet-a\"], \"instanceTypes\": [\"m7g.large\"],"                                                      \
    " \"scalingConfig\": {\"minSize\": 1, \"maxSize\": 10, \"desiredSize\": 2}, \"labels\": {\"pool\": \"api\"},"                          \
    " \"tags\": {\"team\": \"shop\", \"eksact.dev/fleet\": \"production\", \"eksact.dev/id\": \"NodeGroup/api\"}}"
#define NODE_GROUP_LIVE                                                                                                                    \
    "{\"clusterName\": \"demo\", \"nodegroupName\": \"api\", \"nodegroupArn\": \"arn:ng\", \"status\": \"ACTIVE\","                        \
    " \"nodeRole\": \"arn:aws:iam::111122223333:role/node\", \"subnets\": [\"subnet-a\", \"subnet-b\"],"                                   \
    " \"instanceTypes\": [\"m7g.large\"], \"capacityType\": \"ON_DEMAND\", \"version\": \"1.33\","                                         \
    " \"scalingConfig\": {\"minSize\": 1, \"maxSize\": 10, \"desiredSize\": 5}, \"labels\": {\"pool\": \"api\"},"                          \
    " \"tags\": {\"team\": \"shop\", \"aws:x\": \"1\", \"eksact.dev/fleet\": \"production\", \"eksact.dev/id\": \"NodeGroup/api\"}}"
