/* model/plan.c: differences become steps in an order: edges from the graph, deletes against them, waves. */
#include "base/hash.h"
#include "model/calls.h"

struct build {
    const struct plan_input *input;
    struct arena *arena;
    struct plan *plan;
    size_t *step_of; /* beside differences: index of the step + 1, or 0 */
    struct cluster_name {
        const char *name;
        const struct target *target; /* AWS account and region, so that two clusters of one name stay apart */
    } * clusters;
    size_t cluster_count;
};

const char *action_name(enum action action) {
    static const char *const names[] = {"create", "adopt", "change", "replace", "delete", "wait"};
    return names[action];
}

static bool is_workload(const char *kind) {
    static const char *const kinds[] = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", NULL};
    return text_in(kind, kinds);
}

static bool action_of(const struct difference *difference, enum action *out) {
    static const struct {
        enum difference_type type;
        enum action action;
    } actions[] = {{DIFFERENCE_CREATE, ACTION_CREATE},   {DIFFERENCE_ADOPT, ACTION_ADOPT},   {DIFFERENCE_CHANGE, ACTION_CHANGE},
                   {DIFFERENCE_REPLACE, ACTION_REPLACE}, {DIFFERENCE_DELETE, ACTION_DELETE}, {DIFFERENCE_WAIT, ACTION_WAIT}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (actions[i].type == difference->type) {
            *out = actions[i].action;
            return true;
        }
    }
    return false;
}

/* Versions go one minor a hop (EKS: UpdateClusterVersion), and nodes never ahead of their control plane. */

static bool version_parse(const char *text, int *major, int *minor) {
    char *end = NULL;
    if (!text)
        return false;
    long first = strtol(text, &end, 10);
    if (end == text || *end != '.')
        return false;
    const char *rest = end + 1;
    long second = strtol(rest, &end, 10);
    if (end == rest || *end || first < 0 || first > 1000 || second < 0 || second > 10000)
        return false;
    *major = (int)first;
    *minor = (int)second;
    return true;
}

static struct change *version_change(struct difference *difference) {
    for (size_t i = 0; i < difference->change_count; i++) {
        struct change *change = &difference->changes[i];
        if (change->field && text_equal(change->field->path, "version") && !change->informs)
            return change;
    }
    return NULL;
}

static const char *live_version(const struct build *build, const struct resource *resource) {
    const struct world_state *world = build->input->world;
    return resource->index < world->count ? value_text_at(&world->lives[resource->index].object, "version") : NULL;
}

static bool set_version(struct build *build, struct change *change, int major, int minor, const char *declared) {
    struct value *value = ARENA_NEW(build->arena, struct value);
    *value = value_of_text(arena_text(build->arena, "%d.%d", major, minor));
    change->after = value;
    change->note = arena_text(build->arena, "a hop on the way to %s: one minor version at a time", declared);
    return true;
}

static const struct resource *cluster_of(const struct resource *resource) {
    if (resource->row && resource->row->serves_kubernetes)
        return resource;
    if (!resource->row)
        return resource->target->cluster;
    for (size_t i = 0; i < resource->edge_count; i++) {
        const struct resource *before = resource->edges[i].before;
        if (before->row && before->row->serves_kubernetes)
            return before;
    }
    return NULL;
}

static struct difference *difference_of(const struct build *build, const struct resource *resource) {
    return &build->input->differences->items[resource->index];
}

/* Nodes that are behind their control plane and have somewhere to go come before its next hop. */
static const struct resource *lagging_nodes(const struct build *build, const struct resource *cluster) {
    const struct graph *graph = build->input->graph;
    int major = 0;
    int control = 0;
    int nodes = 0;
    if (!version_parse(live_version(build, cluster), &major, &control))
        return NULL;
    for (size_t i = 0; i < graph->count; i++) {
        const struct resource *resource = graph->resources[i];
        if (!resource->row || !resource->row->runs_pods || cluster_of(resource) != cluster)
            continue;
        if (version_change(difference_of(build, resource)) && version_parse(live_version(build, resource), &major, &nodes) &&
            nodes < control)
            return resource;
    }
    return NULL;
}

static void hop_cluster(struct build *build, struct step *step, struct difference *difference) {
    struct change *change = version_change(difference);
    int major = 0;
    int from = 0;
    int to = 0;
    const char *declared = change ? value_text(change->after) : NULL;
    if (!change || !version_parse(value_text(change->before), &major, &from) || !version_parse(declared, &major, &to))
        return;
    if (to > from + 1) {
        set_version(build, change, major, from + 1, declared);
        step->reason = arena_text(build->arena, "%d.%d is the next hop on the way to %s; the hops after it are planned when it is done",
                                  major, from + 1, declared);
    }
}

/* The version that the nodes may have: that of their control plane after this plan, or now, when it waits for them. */
static void hop_nodes(struct build *build, struct step *step, struct difference *difference) {
    struct change *change = version_change(difference);
    const struct resource *cluster = cluster_of(difference->resource);
    const char *declared = change ? value_text(change->after) : NULL;
    if (!change || !cluster)
        return;
    struct change *hop = version_change(difference_of(build, cluster));
    bool first = lagging_nodes(build, cluster) != NULL;
    const char *limit =
        hop && !first && difference_of(build, cluster)->type != DIFFERENCE_REFUSED ? value_text(hop->after) : live_version(build, cluster);
    int major = 0;
    int most = 0;
    int to = 0;
    if (!version_parse(limit, &major, &most) || !version_parse(declared, &major, &to) || to <= most)
        return;
    int from = 0;
    if (version_parse(value_text(change->before), &major, &from) && from >= most) {
        step->waits = arena_text(build->arena, "the control plane %s is at %s, and nodes are never ahead of it", cluster->id, limit);
        return;
    }
    set_version(build, change, major, most, declared);
    step->reason = arena_text(build->arena, "%d.%d is the control plane's version on the way to %s", major, most, declared);
}

static void plan_versions(struct build *build) {
    for (int nodes = 0; nodes <= 1; nodes++) {
        for (size_t i = 0; i < build->plan->step_count; i++) {
            struct step *step = &build->plan->steps[i];
            if (!step->resource || !step->resource->row || (step->action != ACTION_CHANGE && step->action != ACTION_ADOPT))
                continue;
            struct difference *difference = difference_of(build, step->resource);
            if (!nodes && step->resource->row->serves_kubernetes)
                hop_cluster(build, step, difference);
            else if (nodes && step->resource->row->runs_pods)
                hop_nodes(build, step, difference);
        }
    }
}

/* Steps. */

static size_t cluster_number(struct build *build, const struct target *target, const char *name) {
    for (size_t i = 0; i < build->cluster_count; i++) {
        if (text_equal(build->clusters[i].name, name) && build->clusters[i].target == target)
            return i + 1;
    }
    build->clusters = arena_grow(build->arena, build->clusters, build->cluster_count, sizeof *build->clusters);
    build->clusters[build->cluster_count] = (struct cluster_name){.name = name, .target = target};
    return ++build->cluster_count;
}

/* The name of the cluster that a step stirs, and the AWS target that it is in. */
static const char *cluster_name(const struct step *step, const struct target **target) {
    const struct resource *cluster = step->resource ? cluster_of(step->resource) : step->target->cluster;
    if (cluster) {
        *target = cluster->target;
        return cluster->name;
    }
    *target = step->target;
    const struct kind *row = step->resource ? step->resource->row : step->stray->row;
    if (row && row->serves_kubernetes)
        return step->stray ? step->stray->name : step->resource->name;
    const struct value *live = step->difference->live ? &step->difference->live->object : NULL;
    const char *name = row && row->cluster_member ? value_text_at(live, row->cluster_member) : NULL;
    if (!name && row && row->cluster_member)
        name = value_text_at(&step->difference->desired, row->cluster_member);
    return name;
}

static const struct kind *row_of(const struct step *step) {
    return step->resource ? step->resource->row : step->stray->row;
}

static const char *kind_of(const struct step *step) {
    return step->resource ? step->resource->kind : step->stray->kind;
}

static void set_calls(struct build *build, struct step *step) {
    const struct kind *row = row_of(step);
    struct calls calls = {0};
    if (!row) {
        step->kubernetes_writes = step->action == ACTION_REPLACE ? 2 : step->action == ACTION_WAIT ? 0 : 1;
        return;
    }
    if (step->action == ACTION_CREATE)
        calls_create(step->difference, build->arena, &calls);
    else if (step->action == ACTION_CHANGE || step->action == ACTION_ADOPT)
        calls_change(step->difference, build->arena, &calls);
    else if (step->action == ACTION_REPLACE)
        calls_replace(step->difference, build->arena, &calls);
    else if (step->action == ACTION_DELETE)
        calls_delete(row, &step->difference->live->object, NULL, build->arena, &calls);
    step->calls = calls.items;
    step->call_count = calls.count;
    step->aws_writes = (unsigned)calls.count;
    for (size_t i = 0; i < calls.count; i++)
        step->eks_update = step->eks_update || (calls.items[i].operation->update && row->one_update_at_a_time);
}

static bool writes(const struct difference *difference) {
    for (size_t i = 0; i < difference->change_count; i++) {
        if (!difference->changes[i].informs)
            return true;
    }
    return false;
}

/* What is in use stands still, moves or goes while the step runs. */
static bool is_disruptive(const struct step *step) {
    const struct kind *row = row_of(step);
    if (step->action == ACTION_REPLACE || step->action == ACTION_DELETE)
        return true;
    if (step->action != ACTION_CHANGE && step->action != ACTION_ADOPT)
        return false;
    if (!row)
        return is_workload(kind_of(step)) && writes(step->difference);
    for (size_t i = 0; i < step->call_count; i++) {
        if (step->calls[i].operation->update)
            return true;
    }
    return false;
}

enum { CALL_MS = 1000, WORKLOAD_MS = 30000, WORKLOAD_LATE_MS = 120000 };

static void add_expected(struct step *step, const int64_t expected_ms[2]) {
    step->expected_ms[0] += expected_ms[0];
    step->expected_ms[1] += expected_ms[1];
}

static void set_expected(struct step *step) {
    static const int64_t one_call[2] = {CALL_MS, 2 * CALL_MS};
    static const int64_t workload[2] = {WORKLOAD_MS, WORKLOAD_LATE_MS};
    const struct kind *row = row_of(step);
    if (!row) {
        bool rolls = is_workload(kind_of(step)) && step->action != ACTION_DELETE;
        add_expected(step, rolls ? workload : one_call);
        return;
    }
    bool remakes = step->action == ACTION_CREATE || step->action == ACTION_REPLACE;
    if (remakes || (step->action == ACTION_WAIT && text_equal(step->difference->live->status, "CREATING")))
        add_expected(step, row->create_ms);
    if (step->action == ACTION_REPLACE || step->action == ACTION_DELETE)
        add_expected(step, row->delete_ms);
    if (step->action == ACTION_WAIT && step->expected_ms[0] == 0)
        add_expected(step, row->update_ms);
    for (size_t i = 0; i < step->call_count && (step->action == ACTION_CHANGE || step->action == ACTION_ADOPT); i++)
        add_expected(step, step->calls[i].operation->update ? row->update_ms : one_call);
}

static void set_precondition(struct build *build, struct step *step) {
    const struct live *live = step->difference->live;
    step->precondition = value_of_map();
    if (!live || live->presence != LIVE_PRESENT)
        return;
    if (row_of(step)) {
        struct digest digest = hash_value(step->stray ? &live->object : &step->difference->observed);
        value_set(build->arena, &step->precondition, "fieldsHash", value_of_text(hash_hex(build->arena, &digest)));
        return;
    }
    if (live->uid)
        value_set(build->arena, &step->precondition, "uid", value_of_text(live->uid));
    if (live->resource_version)
        value_set(build->arena, &step->precondition, "resourceVersion", value_of_text(live->resource_version));
}

static void add_steps(struct build *build) {
    const struct differences *differences = build->input->differences;
    struct plan *plan = build->plan;
    for (size_t i = 0; i < differences->count; i++) {
        const struct difference *difference = &differences->items[i];
        enum action action;
        if (difference->type == DIFFERENCE_UNKNOWN)
            plan->unknown_count++;
        if (!action_of(difference, &action))
            continue;
        plan->steps = arena_grow(build->arena, plan->steps, plan->step_count, sizeof *plan->steps);
        struct step *step = &plan->steps[plan->step_count++];
        build->step_of[i] = plan->step_count;
        *step = (struct step){.action = action, .difference = difference, .resource = difference->resource, .stray = difference->stray};
        step->key = step->resource ? step->resource->key : step->stray->key;
        step->id = step->resource ? step->resource->id : step->stray->id;
        step->target = step->resource ? step->resource->target : step->stray->target;
        step->waits = action == ACTION_WAIT ? difference->reason : difference->waits;
        step->reason = action == ACTION_WAIT ? NULL : difference->reason;
        if (!step->waits && (action == ACTION_WAIT))
            step->waits = "something is still under way";
    }
}

static void finish_steps(struct build *build) {
    for (size_t i = 0; i < build->plan->step_count; i++) {
        struct step *step = &build->plan->steps[i];
        const struct target *target = NULL;
        const char *name = cluster_name(step, &target);
        step->cluster = name ? cluster_number(build, target, name) : 0;
        set_calls(build, step);
        step->disruptive = is_disruptive(step);
        set_expected(step);
        set_precondition(build, step);
    }
    build->plan->cluster_count = build->cluster_count;
}

/* Edges. */

static void add_edge(struct build *build, struct step *step, size_t before, enum gate gate, const char *reason) {
    for (size_t i = 0; i < step->edge_count; i++) {
        if (step->edges[i].before == before) {
            if (gate == GATE_READY)
                step->edges[i].gate = gate;
            return;
        }
    }
    step->edges = arena_grow(build->arena, step->edges, step->edge_count, sizeof *step->edges);
    step->edges[step->edge_count++] = (struct step_edge){.before = before, .gate = gate, .reason = reason};
}

/* A predecessor that exists and is not made anew opens a gate that asks for no more than that. */
static bool is_open(const struct step *before, enum gate gate) {
    bool there = before->action != ACTION_CREATE && before->action != ACTION_REPLACE;
    return (gate == GATE_EXISTS && there) || (gate != GATE_READY && before->action == ACTION_WAIT);
}

static void add_graph_edge(struct build *build, struct step *step, const struct edge *edge) {
    const struct difference *before = difference_of(build, edge->before);
    size_t number = build->step_of[edge->before->index];
    if (before->type == DIFFERENCE_UNKNOWN ||
        (before->type == DIFFERENCE_REFUSED && before->live && before->live->presence != LIVE_PRESENT)) {
        if (!step->waits)
            step->waits = arena_text(build->arena, "needs %s (%s), which %s", edge->before->id, edge->reason,
                                     before->type == DIFFERENCE_UNKNOWN ? "could not be read" : "is not there and must not be made");
        return;
    }
    bool nodes_first = edge->before->row && edge->before->row->serves_kubernetes && step->resource->row && step->resource->row->runs_pods &&
                       number && version_change(difference_of(build, edge->before)) && lagging_nodes(build, edge->before);
    if (number && !nodes_first && !is_open(&build->plan->steps[number - 1], edge->gate))
        add_edge(build, step, number - 1, edge->gate, edge->reason);
    else if (nodes_first)
        add_edge(build, &build->plan->steps[number - 1], build->step_of[step->resource->index] - 1, GATE_READY,
                 "nodes reach the control plane's version before its next hop");
}

/* Deletes have no edges in git. Lower ranks go first; equal ranks do not wait for each other. */
enum delete_rank { RANK_OBJECT, RANK_NAMESPACE, RANK_NODES, RANK_IN_CLUSTER, RANK_CLUSTER, RANK_ACCOUNT };

static enum delete_rank rank_of(const struct step *step) {
    const struct kind *row = row_of(step);
    if (!row) {
        bool holder = text_equal(kind_of(step), "Namespace") || text_equal(kind_of(step), "CustomResourceDefinition");
        return holder ? RANK_NAMESPACE : RANK_OBJECT;
    }
    if (row->serves_kubernetes)
        return RANK_CLUSTER;
    if (row->scope != SCOPE_CLUSTER)
        return RANK_ACCOUNT;
    return row->runs_pods ? RANK_NODES : RANK_IN_CLUSTER;
}

static bool holds(const struct step *holder, const struct step *object) {
    if (holder->target != object->target || !object->stray || !holder->stray)
        return false;
    if (text_equal(holder->stray->kind, "Namespace"))
        return text_equal(object->stray->namespace, holder->stray->name);
    const char *dot = strchr(holder->stray->name, '.'); /* a definition's name is plural.group */
    size_t length = dot ? strlen(dot + 1) : 0;
    return dot && strncmp(object->stray->api_version, dot + 1, length) == 0 && object->stray->api_version[length] == '/';
}

static bool goes_before(const struct step *first, const struct step *then) {
    enum delete_rank one = rank_of(first);
    enum delete_rank two = rank_of(then);
    if (one >= two)
        return false;
    if (two == RANK_NAMESPACE)
        return holds(then, first);
    if (two == RANK_ACCOUNT)
        return row_of(first) && row_of(first)->scope == SCOPE_CLUSTER ? true : one == RANK_CLUSTER;
    return first->cluster != 0 && first->cluster == then->cluster;
}

static const char *delete_reason(const struct step *first, const struct step *then) {
    switch (rank_of(then)) {
    case RANK_NAMESPACE:
        return "what is in it goes first";
    case RANK_NODES:
        return rank_of(first) == RANK_OBJECT ? "its load balancers and volumes are released first" : "what runs there goes first";
    case RANK_ACCOUNT:
        return "may still be in use";
    default:
        return "what is in the cluster goes first";
    }
}

static void add_delete_edges(struct build *build, struct step *step) {
    struct plan *plan = build->plan;
    for (size_t i = 0; i < plan->step_count; i++) {
        struct step *other = &plan->steps[i];
        if (other == step)
            continue;
        bool leaves = other->action == ACTION_DELETE || (other->action == ACTION_WAIT && other->stray); /* or is being deleted already */
        if (leaves) {
            if (goes_before(other, step))
                add_edge(build, step, i, GATE_DONE, delete_reason(other, step));
        } else if (other->action != ACTION_WAIT && rank_of(step) == RANK_ACCOUNT && row_of(other) && rank_of(other) < RANK_ACCOUNT) {
            add_edge(build, step, i, GATE_DONE, "may still use it");
        } else if (other->action == ACTION_CREATE && rank_of(step) == RANK_NODES && rank_of(other) == RANK_NODES &&
                   other->cluster == step->cluster) {
            add_edge(build, step, i, GATE_READY, "its pods move there");
        }
    }
}

static void add_edges(struct build *build) {
    for (size_t i = 0; i < build->plan->step_count; i++) {
        struct step *step = &build->plan->steps[i];
        for (size_t j = 0; step->resource && step->action != ACTION_WAIT && j < step->resource->edge_count; j++)
            add_graph_edge(build, step, &step->resource->edges[j]);
        if (step->action == ACTION_DELETE && rank_of(step) != RANK_OBJECT)
            add_delete_edges(build, step);
    }
}

/* Waves: the longest way from a step without predecessors. */

static void find_waves(struct plan *plan, struct arena *arena) {
    size_t count = plan->step_count;
    size_t *open = ARENA_ARRAY(arena, size_t, count);
    size_t *followers_at = ARENA_ARRAY(arena, size_t, count + 1);
    size_t edge_total = 0;
    for (size_t i = 0; i < count; i++) {
        open[i] = plan->steps[i].edge_count;
        edge_total += open[i];
        for (size_t j = 0; j < open[i]; j++)
            followers_at[plan->steps[i].edges[j].before + 1]++;
    }
    for (size_t i = 0; i < count; i++)
        followers_at[i + 1] += followers_at[i];
    size_t *followers = ARENA_ARRAY(arena, size_t, edge_total);
    size_t *filled = ARENA_ARRAY(arena, size_t, count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < plan->steps[i].edge_count; j++) {
            size_t before = plan->steps[i].edges[j].before;
            followers[followers_at[before] + filled[before]++] = i;
        }
    }
    size_t *queue = ARENA_ARRAY(arena, size_t, count);
    size_t head = 0;
    size_t tail = 0;
    for (size_t i = 0; i < count; i++) {
        plan->steps[i].wave = 1;
        if (open[i] == 0)
            queue[tail++] = i;
    }
    while (head < tail) {
        size_t at = queue[head++];
        for (size_t i = followers_at[at]; i < followers_at[at + 1]; i++) {
            struct step *follower = &plan->steps[followers[i]];
            if (follower->wave <= plan->steps[at].wave)
                follower->wave = plan->steps[at].wave + 1;
            if (--open[followers[i]] == 0)
                queue[tail++] = followers[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (open[i] && !plan->steps[i].waits)
            plan->steps[i].waits = "its order is a cycle";
    }
}

static int compare_steps(const void *one, const void *other) {
    const struct step *a = one;
    const struct step *b = other;
    if (a->wave != b->wave)
        return a->wave < b->wave ? -1 : 1;
    return strcmp(a->key, b->key);
}

static void sort_steps(struct plan *plan, struct arena *arena) {
    size_t *new_index = ARENA_ARRAY(arena, size_t, plan->step_count);
    for (size_t i = 0; i < plan->step_count; i++)
        plan->steps[i].index = i;
    if (plan->step_count > 1)
        qsort(plan->steps, plan->step_count, sizeof *plan->steps, compare_steps);
    for (size_t i = 0; i < plan->step_count; i++) {
        new_index[plan->steps[i].index] = i;
        if (plan->steps[i].wave > plan->wave_count)
            plan->wave_count = plan->steps[i].wave;
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        plan->steps[i].index = i;
        for (size_t j = 0; j < plan->steps[i].edge_count; j++)
            plan->steps[i].edges[j].before = new_index[plan->steps[i].edges[j].before];
    }
}

/* Digests: of what would be done, and of what was read to decide it. */

static const struct value *or_null(const struct value *value) {
    static const struct value null = {.type = VALUE_NULL};
    return value ? value : &null;
}

static void set_digests(struct plan *plan, struct arena *arena) {
    struct value doing = value_of_list();
    struct value reading = value_of_list();
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct step *step = &plan->steps[i];
        const struct live *live = step->difference->live;
        struct value done = value_of_map();
        value_set(arena, &done, "key", value_of_text(step->key));
        value_set(arena, &done, "action", value_of_text(action_name(step->action)));
        value_set(arena, &done, "desired", step->difference->desired);
        struct value calls = value_of_list();
        for (size_t j = 0; j < step->call_count; j++) {
            struct value call = value_of_map();
            value_set(arena, &call, "operation", value_of_text(step->calls[j].operation->name));
            value_set(arena, &call, "input", step->calls[j].input);
            value_append(arena, &calls, call);
        }
        value_set(arena, &done, "calls", calls);
        value_append(arena, &doing, done);

        struct value read = value_of_map();
        value_set(arena, &read, "key", value_of_text(step->key));
        value_set(arena, &read, "present", value_of_boolean(live && live->presence == LIVE_PRESENT));
        value_set(arena, &read, "uid", value_of_text(live ? live->uid : NULL));
        value_set(arena, &read, "observed", step->difference->observed);
        struct value before = value_of_list();
        for (size_t j = 0; j < step->difference->change_count; j++)
            value_append(arena, &before, *or_null(step->difference->changes[j].before));
        value_set(arena, &read, "before", before);
        value_append(arena, &reading, read);
    }
    struct digest done = hash_value(&doing);
    struct digest read = hash_value(&reading);
    plan->digest = hash_hex(arena, &done);
    plan->live_digest = hash_hex(arena, &read);
}

/* What a guard keeps from being changed stays as it is, and goes on to serve: nothing has to wait for a person because of it. A creation
 * that is blocked does hold what needs it, and deletes keep their order. */
static void release_edges(struct plan *plan) {
    for (size_t i = 0; i < plan->step_count; i++) {
        struct step *step = &plan->steps[i];
        size_t kept = 0;
        for (size_t e = 0; e < step->edge_count && step->action != ACTION_DELETE; e++) {
            const struct step *before = &plan->steps[step->edges[e].before];
            bool stays = before->blocked && (before->action == ACTION_CHANGE || before->action == ACTION_REPLACE);
            if (!stays)
                step->edges[kept++] = step->edges[e];
        }
        if (step->action != ACTION_DELETE)
            step->edge_count = kept;
    }
}

void plan_build(const struct plan_input *input, struct arena *arena, struct plan *out) {
    struct plan plan = {.graph = input->graph,
                        .differences = input->differences,
                        .world = input->world,
                        .findings = input->findings,
                        .complete = input->world->complete,
                        .zones = input->zones,
                        .now_wall_ms = input->now_wall_ms};
    if (input->tree) {
        plan.commit = input->tree->commit;
        plan.subject = input->tree->subject;
        plan.source = input->tree->source;
    }
    struct build build = {.input = input, .arena = arena, .plan = &plan};
    build.step_of = ARENA_ARRAY(arena, size_t, input->differences->count);
    add_steps(&build);
    plan_versions(&build);
    finish_steps(&build);
    add_edges(&build);
    find_waves(&plan, arena);
    sort_steps(&plan, arena);
    plan.complete = plan.complete && plan.unknown_count == 0 && !(input->findings && input->findings->error_count);
    guard_check(&plan, input->now_wall_ms, arena);
    release_edges(&plan);
    find_waves(&plan, arena);
    sort_steps(&plan, arena);
    set_digests(&plan, arena);
    for (size_t i = 0; i < plan.step_count; i++)
        plan.applyable = plan.applyable || (plan.steps[i].action != ACTION_WAIT && !plan.steps[i].blocked && !plan.steps[i].waits);
    forecast_run(&plan, arena);
    *out = plan;
}

unsigned plan_count(const struct plan *plan, enum action action) {
    unsigned count = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        count += plan->steps[i].action == action;
    return count;
}

enum plan_exit plan_exit_code(const struct plan *plan) {
    if (plan->blocked)
        return PLAN_BLOCKED;
    if (!plan->complete)
        return PLAN_PARTIAL;
    for (size_t i = 0; i < plan->differences->count; i++) {
        if (plan->differences->items[i].type == DIFFERENCE_REFUSED)
            return PLAN_PARTIAL;
    }
    return plan->step_count > plan_count(plan, ACTION_WAIT) ? PLAN_CHANGES : PLAN_NONE;
}
