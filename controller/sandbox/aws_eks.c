#include "sandbox/eks.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/world.h"

enum {
    SEGMENTS_MOST = 8,
    BODY_MOST = 1 << 20,
    TOKENS_MOST = 5000,
    TOKEN_LIFE_MS = 3600 * 1000,
};

bool eks_refuse(struct eks_call *call, const char *code, const char *format, ...) {
    static const struct {
        const char *code;
        int status;
    } rows[] = {{"ResourceInUseException", 409}, {"ResourceNotFoundException", 404},
                {"NotFoundException", 404},      {"ServiceUnavailableException", 503},
                {"ThrottlingException", 429},    {"AccessDeniedException", 403},
                {"ServerException", 500}};
    int status = 400;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (text_equal(rows[i].code, code))
            status = rows[i].status;
    va_list values;
    va_start(values, format);
    const char *message = arena_textv(call->arena, format, values);
    va_end(values);
    return aws_refuse(call->request, status, code, "%s", message);
}

struct value eks_time(int64_t ms) {
    return ms % 1000 == 0 ? value_of_integer(ms / 1000) : value_of_number((double)ms / 1000.0);
}

int64_t eks_duration(const struct kind *kind, const int64_t *durations_ms) {
    return kind == NULL || durations_ms[0] <= 0 ? 60000 : durations_ms[0];
}

int64_t eks_quota(struct world *world, const char *name, int64_t usual) {
    return value_integer(value_find(value_find(&world->state, "quotas"), name), usual);
}

struct value *eks_region(struct eks_call *call) {
    struct value *account = state_account(call->world, call->request->account);
    return state_map(call->world, state_map(call->world, account, "regions"), call->request->region);
}

struct value *eks_clusters(struct eks_call *call) {
    return state_map(call->world, eks_region(call), "clusters");
}

struct value *eks_cluster_need(struct eks_call *call, const char *name) {
    call->request->cluster = name;
    struct value *cluster = value_find_mutable(eks_clusters(call), name);
    if (!value_is(value_find(cluster, "object"), VALUE_MAP))
        cluster = NULL; /* only a state that somebody wrote by hand has such */
    if (cluster == NULL)
        eks_refuse(call, "ResourceNotFoundException", "No cluster found for name: %s.", name);
    return cluster;
}

struct value *eks_nodegroup_need(struct eks_call *call, struct value *cluster, const char *name) {
    call->request->nodegroup = name;
    struct value *nodegroup = value_find_mutable(state_map(call->world, cluster, "nodegroups"), name);
    if (!value_is(value_find(nodegroup, "object"), VALUE_MAP))
        nodegroup = NULL;
    if (nodegroup == NULL)
        eks_refuse(call, "ResourceNotFoundException", "No node group found for name: %s.", name);
    return nodegroup;
}

const char *eks_status(const struct value *record) {
    const char *status = value_text_at(record, "object.status");
    return status == NULL ? "FAILED" : status;
}

void eks_status_set(struct world *world, struct value *record, const char *status) {
    state_set_text(world, state_map(world, record, "object"), "status", status);
}

void eks_soon(struct world *world, int64_t at_ms) {
    if (at_ms < world->aws_next_ms)
        world->aws_next_ms = at_ms;
}

void eks_change_at(struct world *world, struct value *record, int64_t at_ms, const char *to) {
    struct value at = value_of_integer(at_ms);
    struct value *change = state_map(world, record, "change");
    state_set(world, change, "at", &at);
    state_set_text(world, change, "to", to);
    eks_soon(world, at_ms);
}

bool eks_role_check(struct eks_call *call, const char *arn, const char *service) {
    const struct value *role = iam_role_find(call->world, arn);
    if (role != NULL && iam_role_trusts(role, service))
        return true;
    return eks_refuse(call, "InvalidParameterException",
                      "Role with arn: %.300s, could not be assumed because it does not exist or the trusted entity is not correct",
                      arn == NULL ? "null" : arn);
}

/* Clusters by what Kubernetes calls them, over all accounts and regions. */
struct finding_cluster {
    bool (*wanted)(const struct value *record, const char *name, const char *text);
    const char *text;
    const char *name; /* found: EKS's */
    const struct value *record;
};

static void cluster_search_region(const struct value *region, struct finding_cluster *search) {
    const struct value *clusters = value_find(region, "clusters");
    for (size_t i = 0; value_is(clusters, VALUE_MAP) && i < clusters->map.count && search->record == NULL; i++) {
        const struct member *member = &clusters->map.members[i];
        if (!search->wanted(&member->value, member->key, search->text))
            continue;
        search->name = member->key;
        search->record = &member->value;
    }
}

static void cluster_search(struct world *world, struct finding_cluster *search) {
    const struct value *accounts = value_at(&world->state, "aws.accounts");
    for (size_t i = 0; value_is(accounts, VALUE_MAP) && i < accounts->map.count; i++) {
        const struct value *regions = value_find(&accounts->map.members[i].value, "regions");
        for (size_t j = 0; value_is(regions, VALUE_MAP) && j < regions->map.count; j++)
            cluster_search_region(&regions->map.members[j].value, search);
    }
}

static bool wanted_by_endpoint(const struct value *record, const char *name, const char *text) {
    (void)name;
    const char *endpoint = value_text_at(record, "object.endpoint");
    return endpoint != NULL && strcasecmp(endpoint, text) == 0; /* hosts have no case */
}

static bool wanted_by_kubernetes(const struct value *record, const char *name, const char *text) {
    const char *kubernetes = value_text_at(record, "kubernetes");
    return text_equal(kubernetes == NULL ? name : kubernetes, text);
}

static const char *kubernetes_of(const struct finding_cluster *search) {
    if (search->record == NULL)
        return NULL;
    const char *kubernetes = value_text_at(search->record, "kubernetes");
    return kubernetes == NULL ? search->name : kubernetes;
}

const char *eks_cluster_at(struct world *world, const char *endpoint) {
    struct finding_cluster search = {wanted_by_endpoint, endpoint, NULL, NULL};
    cluster_search(world, &search);
    return kubernetes_of(&search);
}

const char *eks_cluster_served(struct world *world, const char *name) {
    struct finding_cluster search = {wanted_by_kubernetes, name, NULL, NULL};
    cluster_search(world, &search);
    bool ready = search.record != NULL && value_at(search.record, "object.endpoint") != NULL;
    return ready ? kubernetes_of(&search) : NULL;
}

bool eks_cluster_taken(struct world *world, const char *kubernetes) {
    struct finding_cluster search = {wanted_by_kubernetes, kubernetes, NULL, NULL};
    cluster_search(world, &search);
    return search.record != NULL;
}

const char *eks_cluster_name(struct world *world, const char *kubernetes) {
    struct finding_cluster search = {wanted_by_kubernetes, kubernetes, NULL, NULL};
    cluster_search(world, &search);
    return search.record == NULL ? kubernetes : search.name;
}

static bool segments_match(const char *pattern, char *const *segments, size_t count, struct eks_call *call) {
    size_t label = 0, at = 0;
    while (*pattern == '/') {
        pattern++;
        size_t length = strcspn(pattern, "/");
        if (at == count)
            return false;
        bool any = length == 1 && *pattern == '*';
        if (!any && (strlen(segments[at]) != length || strncmp(segments[at], pattern, length) != 0))
            return false;
        if (any && label < sizeof call->labels / sizeof call->labels[0])
            call->labels[label++] = world_decode(call->arena, segments[at]);
        at++;
        pattern += length;
    }
    return at == count;
}

static const struct eks_route *route_find(struct eks_call *call) {
    static const struct eks_route *const tables[] = {eks_cluster_routes, eks_nodegroup_routes, eks_update_routes, eks_other_routes};
    char *segments[SEGMENTS_MOST];
    size_t count = 0;
    char *save = NULL;
    char *path = arena_text(call->arena, "%s", call->request->http->path);
    for (char *segment = strtok_r(path, "/", &save); segment != NULL; segment = strtok_r(NULL, "/", &save)) {
        if (count == SEGMENTS_MOST)
            return NULL;
        segments[count++] = segment;
    }
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct eks_route *route = tables[i]; route->operation != NULL; route++)
            if (text_equal(route->method, call->request->http->method) && segments_match(route->path, segments, count, call))
                return route;
    return NULL;
}

static bool body_read(struct eks_call *call, struct value *out) {
    const struct http_exchange *exchange = call->request->exchange;
    struct error err = {0};
    *out = value_of_map();
    if (exchange->body == NULL || exchange->body_length == 0)
        return true;
    if (exchange->body_length > BODY_MOST)
        return eks_refuse(call, "InvalidRequestException", "the request's body is longer than %d bytes", BODY_MOST);
    if (!json_parse(call->arena, "request", exchange->body, exchange->body_length, out, &err) || !value_is(out, VALUE_MAP)) {
        aws_refuse(call->request, 400, "SerializationException", "the request's body is no JSON object");
        return false;
    }
    struct value empty = value_of_map();
    *out = value_merge(call->arena, &empty, out); /* a null member is an absent one */
    return true;
}

/* Idempotency: a token stands for one request and its answer. */
static const char *token_name(struct eks_call *call) {
    const char *token = value_text_at(call->body, "clientRequestToken");
    if (token == NULL)
        return NULL;
    return arena_text(call->arena, "%s/%s/%s/%s", call->request->account, call->request->region, call->operation, token);
}

static const char *token_digest(struct eks_call *call) {
    struct digest digest = hash_value(call->body);
    return arena_text(call->arena, "%s %s", call->request->http->path, hash_hex(call->arena, &digest));
}

static struct value *tokens_of(struct world *world) {
    return state_map(world, state_map(world, &world->state, "aws"), "tokens");
}

/* True when the token was met before: answered. */
static bool token_answers(struct eks_call *call, const char *name) {
    const struct value *known = name == NULL ? NULL : value_find(tokens_of(call->world), name);
    if (known == NULL || value_integer(value_find(known, "until"), 0) <= call->world->now_ms)
        return false;
    if (!text_equal(value_text_at(known, "digest"), token_digest(call)))
        eks_refuse(call, "InvalidParameterException", "The clientRequestToken was used before with different parameters");
    else
        world_respond_json(call->request->exchange, 200, value_find(known, "answer"));
    return true;
}

static void tokens_prune(struct world *world, struct value *tokens) {
    for (size_t i = tokens->map.count; i > 0 && value_count(tokens) >= TOKENS_MOST; i--)
        if (value_integer(value_find(&tokens->map.members[i - 1].value, "until"), 0) <= world->now_ms)
            value_remove(tokens, tokens->map.members[i - 1].key);
}

static void token_keep(struct eks_call *call, const char *name, const struct value *answer) {
    struct value record = value_of_map();
    value_set(call->arena, &record, "digest", value_of_text(token_digest(call)));
    value_set(call->arena, &record, "answer", *answer);
    value_set(call->arena, &record, "until", value_of_integer(call->world->now_ms + TOKEN_LIFE_MS));
    if (call->request->cluster != NULL)
        value_set(call->arena, &record, "cluster", value_of_text(call->request->cluster));
    if (call->request->nodegroup != NULL)
        value_set(call->arena, &record, "nodegroup", value_of_text(call->request->nodegroup));
    struct value *tokens = tokens_of(call->world);
    tokens_prune(call->world, tokens);
    if (value_count(tokens) < TOKENS_MOST)
        state_set(call->world, tokens, name, &record);
}

/* What is gone may be made again with the same token. */
static void tokens_forget(struct world *world, const char *cluster, const char *nodegroup) {
    struct value *tokens = tokens_of(world);
    for (size_t i = tokens->map.count; i > 0; i--) {
        const struct value *record = &tokens->map.members[i - 1].value;
        bool same = text_equal(value_text_at(record, "cluster"), cluster);
        if (same && (nodegroup == NULL || text_equal(value_text_at(record, "nodegroup"), nodegroup)))
            value_remove(tokens, tokens->map.members[i - 1].key);
    }
}

void eks_answer(struct aws_request *request) {
    struct eks_call call = {.request = request, .world = request->world, .arena = request->arena};
    struct value body, result = value_of_map();
    const struct eks_route *route = route_find(&call);
    if (route == NULL) {
        aws_refuse(request, 404, "UnknownOperationException", "The simulated EKS has no operation %s %s", request->http->method,
                   request->http->path);
        return;
    }
    call.operation = route->operation;
    call.kind = route->kind == NULL ? NULL : schema_find(route->kind);
    if (!body_read(&call, &body))
        return;
    call.body = &body;
    const char *token = token_name(&call);
    if (token_answers(&call, token) || !route->answer(&call, &result))
        return;
    if (token != NULL)
        token_keep(&call, token, &result);
    world_respond_json(request->exchange, 200, &result);
}

/* The script wants it to fail: it ends, and has changed nothing. */
static bool update_fails(struct world *world, const struct value *cluster, struct value *update) {
    const char *nodegroup = value_text_at(update, "nodegroup");
    const char *name = value_text_at(cluster, "object.name");
    ARENA_AUTO *arena = arena_new();
    const char *key =
        arena_text(arena, "%s%s%s", name == NULL ? "" : name, nodegroup == NULL ? "" : "/", nodegroup == NULL ? "" : nodegroup);
    if (!text_equal(value_text(value_find(value_find(&world->state, "updates"), key)), "fail"))
        return false;
    struct value row = value_of_map(), rows = value_of_list();
    value_set(arena, &row, "errorCode", value_of_text(nodegroup == NULL ? "OperationNotPermitted" : "PodEvictionFailure"));
    value_set(arena, &row, "errorMessage",
              value_of_text(nodegroup == NULL ? "The update could not be made"
                                              : "Reached max retries while trying to evict pods from nodes in node group"));
    value_append(arena, &rows, row);
    state_set(world, state_map(world, update, "object"), "errors", &rows);
    state_set_text(world, state_map(world, update, "object"), "status", "Failed");
    value_remove(update, "patch");
    return true;
}

static void update_finish(struct world *world, struct value *cluster, struct value *update) {
    const char *nodegroup = value_text_at(update, "nodegroup");
    struct value *record = nodegroup == NULL ? cluster : value_find_mutable(state_map(world, cluster, "nodegroups"), nodegroup);
    if (!update_fails(world, cluster, update))
        state_set_text(world, state_map(world, update, "object"), "status", "Successful");
    value_remove(update, "at");
    if (!value_is(value_find(record, "object"), VALUE_MAP))
        return;
    const struct value *patch = value_find(update, "patch");
    if (patch != NULL) {
        struct value merged = value_merge(world->arena, value_find(record, "object"), patch);
        value_set(world->arena, record, "object", merged);
    }
    value_remove(update, "patch");
    if (text_equal(eks_status(record), "UPDATING"))
        eks_status_set(world, record, "ACTIVE");
    if (nodegroup != NULL) {
        struct value now = eks_time(world->now_ms);
        state_set(world, state_map(world, record, "object"), "modifiedAt", &now);
        eks_nodes_set(world, cluster, nodegroup, record, false);
    }
}

static int64_t updates_step(struct world *world, struct value *cluster) {
    struct value *updates = value_find_mutable(cluster, "updates");
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; value_is(updates, VALUE_MAP) && i < updates->map.count; i++) {
        struct value *update = &updates->map.members[i].value;
        int64_t at_ms = value_integer(value_find(update, "at"), INT64_MAX);
        if (at_ms <= world->now_ms) {
            update_finish(world, cluster, update);
            updates = value_find_mutable(cluster, "updates"); /* the cluster's members may have moved */
        } else if (at_ms < next_ms) {
            next_ms = at_ms;
        }
    }
    return next_ms;
}

/* True when a change of the record is due. *next_ms is lowered to when it will be. */
static bool change_is_due(struct world *world, const struct value *record, int64_t *next_ms) {
    int64_t at_ms = value_integer(value_at(record, "change.at"), INT64_MAX);
    if (at_ms <= world->now_ms)
        return true;
    if (at_ms < *next_ms)
        *next_ms = at_ms;
    return false;
}

static int64_t nodegroups_step(struct world *world, struct value *cluster, const char *cluster_name) {
    struct value *nodegroups = value_find_mutable(cluster, "nodegroups");
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; value_is(nodegroups, VALUE_MAP) && i < nodegroups->map.count;) {
        struct member *member = &nodegroups->map.members[i];
        bool due = change_is_due(world, &member->value, &next_ms);
        if (due && text_equal(value_text_at(&member->value, "change.to"), "gone")) {
            eks_nodes_set(world, cluster, member->key, &member->value, true);
            tokens_forget(world, cluster_name, member->key);
            value_remove(nodegroups, member->key);
            continue;
        }
        if (due)
            eks_nodegroup_event(world, cluster, member->key, &member->value);
        i++;
    }
    return next_ms;
}

static int64_t clusters_step(struct world *world, struct value *clusters, const char *account, const char *region) {
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; value_is(clusters, VALUE_MAP) && i < clusters->map.count;) {
        struct member *member = &clusters->map.members[i];
        bool due = change_is_due(world, &member->value, &next_ms);
        if (due && text_equal(value_text_at(&member->value, "change.to"), "gone")) {
            const char *kubernetes = value_text_at(&member->value, "kubernetes");
            kubernetes_cluster_gone(world, kubernetes == NULL ? member->key : kubernetes);
            tokens_forget(world, member->key, NULL);
            value_remove(clusters, member->key);
            continue;
        }
        if (due)
            eks_cluster_event(world, member->key, &member->value, region, account);
        int64_t updates_ms = updates_step(world, &member->value);
        int64_t nodegroups_ms = nodegroups_step(world, &member->value, member->key);
        next_ms = updates_ms < next_ms ? updates_ms : next_ms;
        next_ms = nodegroups_ms < next_ms ? nodegroups_ms : next_ms;
        i++;
    }
    return next_ms;
}

int64_t eks_step(struct world *world) {
    if (world->now_ms < world->aws_next_ms)
        return world->aws_next_ms;
    world->aws_next_ms = INT64_MAX;
    struct value *accounts = value_find_mutable(value_find_mutable(&world->state, "aws"), "accounts");
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; value_is(accounts, VALUE_MAP) && i < accounts->map.count; i++) {
        struct value *regions = value_find_mutable(&accounts->map.members[i].value, "regions");
        for (size_t j = 0; value_is(regions, VALUE_MAP) && j < regions->map.count; j++) {
            struct member *region = &regions->map.members[j];
            int64_t region_ms =
                clusters_step(world, value_find_mutable(&region->value, "clusters"), accounts->map.members[i].key, region->key);
            next_ms = region_ms < next_ms ? region_ms : next_ms;
        }
    }
    if (next_ms < world->aws_next_ms)
        world->aws_next_ms = next_ms;
    return world->aws_next_ms;
}
