#include "sandbox/route.h"

#include "base/text.h"
#include "sandbox/aws.h"
#include "sandbox/world.h"

/* Behind one server, "/clusters/NAME/…" is both EKS's own path and our prefix of NAME's API server. What follows tells them apart. */
static bool path_is_served_by_kubernetes(const char *rest) {
    static const char *const roots[] = {"api", "apis", "version", "healthz", "readyz", "livez", "openapi", NULL};
    char first[16];
    size_t length = strcspn(rest, "/?");
    if (length >= sizeof first)
        return false;
    memcpy(first, rest, length);
    first[length] = '\0';
    return text_in(first, roots);
}

/* After "/clusters/NAME/", or NULL. */
static const char *path_rest(const char *path) {
    if (!text_starts(path, "/clusters/"))
        return NULL;
    const char *slash = strchr(path + strlen("/clusters/"), '/');
    return slash == NULL ? NULL : slash + 1;
}

static bool host_is_cluster(const char *host) {
    static const char *const services[] = {"eks.", "eks-fips.", "fips.eks.", "iam.", "sts.", NULL};
    for (size_t i = 0; services[i] != NULL; i++)
        if (text_starts(host, services[i]))
            return false;
    return strstr(host, ".eks.amazonaws.") != NULL;
}

bool route_is_kubernetes(const char *url) {
    const char *host = strstr(url, "://");
    if (host == NULL)
        return false;
    host += 3;
    size_t length = strcspn(host, "/?");
    char name[256];
    if (length >= sizeof name)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    const char *rest = path_rest(host + length);
    return host_is_cluster(name) || (rest != NULL && path_is_served_by_kubernetes(rest));
}

/* An API server that EKS does not know: one that the state has, or, in process, an external cluster, which is there as soon as it is asked.
 */
static const char *other_cluster(struct world *world, const struct world_request *request, const char *name) {
    if (value_find(value_find(&world->state, "clusters"), name) != NULL)
        return name;
    if (!text_equal(request->host, "sandbox.invalid") || eks_cluster_taken(world, name))
        return NULL;
    kubernetes_cluster_made(world, name);
    struct value none = value_of_map(), untainted = value_of_list();
    kubernetes_nodes_set(world, name, "nodes", 3, &none, &untainted); /* somewhere for pods to run */
    return name;
}

/* The cluster whose API server is asked, and the path there. NULL: AWS, unless *out_nowhere. */
static const char *route_cluster(struct world *world, const struct world_request *request, const char **out_path, bool *out_nowhere) {
    struct arena *arena = request->exchange->arena;
    *out_nowhere = false;
    if (host_is_cluster(request->host)) {
        const char *cluster = eks_cluster_at(world, arena_text(arena, "https://%s", request->host));
        *out_path = request->path;
        *out_nowhere = cluster == NULL;
        return cluster;
    }
    const char *rest = path_rest(request->path);
    const char *authorization = world_header(request->exchange, "authorization");
    if (rest == NULL || !path_is_served_by_kubernetes(rest) || text_starts(authorization == NULL ? "" : authorization, "AWS4-"))
        return NULL;
    const char *name = request->path + strlen("/clusters/");
    *out_path = rest - 1;
    name = world_decode(arena, arena_copy(arena, name, (size_t)(rest - 1 - name)));
    const char *cluster = eks_cluster_served(world, name);
    if (cluster == NULL)
        cluster = other_cluster(world, request, name);
    *out_nowhere = cluster == NULL;
    return cluster;
}

static void kubernetes_fail(struct http_exchange *exchange, int status) {
    struct arena *arena = exchange->arena;
    const char *reason = status == 404   ? "NotFound"
                         : status == 429 ? "TooManyRequests"
                         : status == 503 ? "ServiceUnavailable"
                                         : "InternalError";
    const char *message = status == 404   ? "the simulated world has no API server of that name"
                          : status == 429 ? "the server has received too many requests and has asked us to try again later"
                                          : "the simulated API server fails as its script says";
    struct value body = value_of_map();
    value_set(arena, &body, "apiVersion", value_of_text("v1"));
    value_set(arena, &body, "kind", value_of_text("Status"));
    value_set(arena, &body, "metadata", value_of_map());
    value_set(arena, &body, "status", value_of_text("Failure"));
    value_set(arena, &body, "reason", value_of_text(reason));
    value_set(arena, &body, "message", value_of_text(message));
    value_set(arena, &body, "code", value_of_integer(status));
    if (status == 429)
        world_header_add(exchange, "retry-after", "1");
    world_respond_json(exchange, status, &body);
}

const char *route_cluster_of(struct world *world, const struct world_request *request, const char **out_path) {
    bool nowhere = false;
    return route_cluster(world, request, out_path, &nowhere);
}

void route_answer(struct world *world, const struct world_request *request, struct http_exchange *exchange) {
    const char *path = NULL;
    bool nowhere = false;
    const char *cluster = route_cluster(world, request, &path, &nowhere);
    if (nowhere && !host_is_cluster(request->host))
        kubernetes_fail(exchange, 404);
    else if (nowhere)
        error_set(&exchange->error, ERROR_BUSY, "could not resolve host %s", request->host);
    else if (cluster != NULL)
        kubernetes_answer(world, cluster, path, request, exchange);
    else
        aws_answer(world, request, exchange);
}

void route_fail(struct world *world, const struct world_request *request, struct http_exchange *exchange, int status) {
    if (route_is_kubernetes(exchange->url))
        kubernetes_fail(exchange, status);
    else
        aws_fail(world, request, exchange, status);
}
