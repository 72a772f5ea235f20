#include "cmd/session.h"
#include "run/links.h"
#include "run/requests.h"

enum { KUBECONFIG_LIMIT_BYTES = 1 << 20 };

static void keep_result(struct request *request) {
    (void)request; /* read after requests_finish */
}

static bool cluster_describe(struct session *session, const char *name, const char *region, struct value *out, struct error *err) {
    struct fleet fleet;
    fleet_default(&fleet);
    struct requests *requests = requests_new(&session->engine, &fleet, session->arena);
    struct request *request = requests_take(requests, REQUEST_AWS);
    request->aws.operation = schema_operation(SERVICE_EKS, "DescribeCluster");
    request->aws.scope.region = region;
    request->aws.input = value_of_map();
    value_set(session->arena, &request->aws.input, "name", value_of_text(name));
    request->lane = region;
    request->done = keep_result;
    requests_add(requests, request);
    requests_finish(requests);
    if (!request_ok(request)) {
        *err = *request_error(request);
        return error_wrap(err, "kubeconfig of %s in %s", name, region);
    }
    *out = request->aws.result;
    return true;
}

static bool kubeconfig_print(struct session *session, const char *name, struct error *err) {
    struct value cluster;
    const char *region = session->engine.region;
    if (region == NULL)
        region = credentials_region(&session->engine.environment, session->arena);
    if (region == NULL)
        return error_set(err, ERROR_INVALID, "no region: set AWS_REGION, or say --region");
    if (!engine_aws(&session->engine, err) || !cluster_describe(session, name, region, &cluster, err))
        return false;
    const char *server = value_text_at(&cluster, "endpoint"), *authority = value_text_at(&cluster, "certificateAuthority.data");
    if (server == NULL || authority == NULL)
        return error_set(err, ERROR_BUSY, "cluster %s has no endpoint yet (it is %s)", name, value_text_at(&cluster, "status"));
    TEXT_AUTO text;
    text_init(&text, KUBECONFIG_LIMIT_BYTES);
    kube_config_render(name, value_text_at(&cluster, "arn"), region, server, authority, NULL, &text);
    fputs(text.data, stdout);
    return true;
}

int kubeconfig_command(const struct arguments *arguments) {
    struct session session;
    struct error err = {0};
    if (arguments->names[0] == NULL) {
        error_set(&err, ERROR_INVALID, "which cluster? `eksact kubeconfig CLUSTER`");
        return command_fail(&err);
    }
    bool printed = session_open(&session, arguments, &err) && kubeconfig_print(&session, arguments->names[0], &err);
    return session_close(&session, printed ? 0 : command_fail(&err));
}
