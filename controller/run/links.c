#include "run/links.h"

#include <libgen.h>

#include "base/hash.h"
#include "run/files.h"

enum { KUBECONFIG_LIMIT_BYTES = 1 << 20 };

struct link {
    struct link *next;
    struct engine *engine;
    char *name;   /* of the target */
    char *server; /* and the authority: when they change, the connection is made anew */
    char *authority;
    char *region, *role, *cluster; /* of the token */
    struct kube *kube;
};

struct aws_scope link_scope(const struct target *target) {
    return (struct aws_scope){.region = target->region, .assume_role_arn = target->assume_role_arn};
}

static void link_free(struct link *link) {
    kube_free(link->kube);
    free(link->name);
    free(link->server);
    free(link->authority);
    free(link->region);
    free(link->role);
    free(link->cluster);
    free(link);
}

void links_done(struct engine *engine) {
    while (engine->links != NULL) {
        struct link *link = engine->links;
        engine->links = link->next;
        link_free(link);
    }
}

static bool link_token(void *context, struct secret *out, struct error *err) {
    struct link *link = context;
    struct aws_scope scope = {.region = link->region, .assume_role_arn = link->role};
    return engine_aws(link->engine, err) && aws_ready(link->engine->aws, &scope, err) &&
           aws_cluster_token(link->engine->aws, &scope, link->cluster, out, err);
}

static struct link *link_find(struct engine *engine, const char *name) {
    for (struct link *link = engine->links; link != NULL; link = link->next) {
        if (text_equal(link->name, name))
            return link;
    }
    return NULL;
}

static void link_remove(struct engine *engine, struct link *link) {
    struct link **at = &engine->links;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link_free(link);
}

static char *copy_or_null(const char *text) {
    return text == NULL ? NULL : strdup(text);
}

static struct link *link_new(struct engine *engine, const struct target *target, const char *server, const char *authority) {
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL)
        abort();
    link->engine = engine;
    link->name = strdup(target->name);
    link->server = copy_or_null(server);
    link->authority = copy_or_null(authority);
    const struct target *account = target->cluster->target; /* tokens are of the account that the cluster lives in */
    link->region = copy_or_null(account->region);
    link->role = copy_or_null(account->assume_role_arn);
    link->cluster = strdup(target->cluster->name);
    return link;
}

static bool link_keep(struct link *link, struct kube **out) {
    link->next = link->engine->links;
    link->engine->links = link;
    *out = link->kube;
    return true;
}

/* An EKS cluster: endpoint and authority from DescribeCluster, a token signed locally. */
static bool link_eks(struct engine *engine, const struct target *target, const struct live *live, struct arena *arena, struct kube **out,
                     struct error *err) {
    const char *server = live == NULL ? NULL : value_text_at(&live->object, "endpoint");
    const char *authority = live == NULL ? NULL : value_text_at(&live->object, "certificateAuthority.data");
    if (server == NULL || authority == NULL)
        return error_set(err, ERROR_BUSY, "cluster %s has no endpoint yet", target->cluster->name);
    struct link *link = link_find(engine, target->name);
    if (link != NULL && text_equal(link->server, server) && text_equal(link->authority, authority)) {
        *out = link->kube;
        return true;
    }
    char *pem = NULL;
    size_t length = 0;
    if (!base64_decode(arena, authority, strlen(authority), &pem, &length))
        return error_set(err, ERROR_BROKEN, "cluster %s: certificateAuthority.data is not base64", target->cluster->name);
    if (link != NULL)
        link_remove(engine, link);
    link = link_new(engine, target, server, authority);
    if (kube_new(server, pem, link_token, link, &link->kube, err))
        return link_keep(link, out);
    link_free(link);
    return error_wrap(err, "cluster %s", target->cluster->name);
}

static bool link_config(struct link *link, const char *path, const char *context, struct arena *arena, struct error *err) {
    size_t length = 0;
    char *bytes = NULL;
    if (!file_load(path, KUBECONFIG_LIMIT_BYTES, arena, &bytes, &length, err))
        return error_wrap(err, "kubeconfig");
    char *directory = dirname(arena_copy(arena, path, strlen(path)));
    return kube_new_from_config(path, bytes, length, directory, context, &link->kube, err);
}

/* --kubeconfig, else what the manifest names. */
static bool link_external_kube(struct engine *engine, struct link *link, const struct target *target, struct arena *arena,
                               struct error *err) {
    const struct value *spec = &target->cluster->desired;
    const char *context = engine->context != NULL ? engine->context : value_text_at(spec, "context");
    if (engine->kubeconfig != NULL)
        return link_config(link, engine->kubeconfig, context, arena, err);
    if (value_boolean(value_find(spec, "inCluster"), false))
        return kube_new_in_cluster(&engine->environment, engine->clock, &link->kube, err);
    const char *file = value_text_at(spec, "kubeconfig.file");
    if (file == NULL)
        return error_set(
            err, ERROR_INVALID,
            "a kubeconfig from a Secret cannot be read yet: mount the Secret into the pod and name the file in spec.kubeconfig.file");
    const char *home = engine->environment.get(engine->environment.context, "HOME");
    if (text_starts(file, "~/") && home != NULL)
        file = arena_text(arena, "%s%s", home, file + 1);
    return link_config(link, file, context, arena, err);
}

/* In the simulated world an ExternalCluster is served like any other cluster of it. */
static bool token_none(void *context, struct secret *out, struct error *err) {
    (void)context;
    (void)err;
    secret_set(out, "sandbox", strlen("sandbox"));
    return true;
}

static bool link_external(struct engine *engine, const struct target *target, struct arena *arena, struct kube **out, struct error *err) {
    struct link *link = link_find(engine, target->name);
    if (link != NULL) {
        *out = link->kube;
        return true;
    }
    link = link_new(engine, target, NULL, NULL);
    bool opened = engine->external_url != NULL ? kube_new(arena_text(arena, "%s%s", engine->external_url, target->cluster->name), NULL,
                                                          token_none, NULL, &link->kube, err)
                                               : link_external_kube(engine, link, target, arena, err);
    if (opened)
        return link_keep(link, out);
    link_free(link);
    return error_wrap(err, "ExternalCluster/%s", target->cluster->name);
}

bool link_open(struct engine *engine, const struct target *target, const struct live *live, struct arena *arena, struct kube **out,
               struct error *err) {
    if (target->cluster->row->service == SERVICE_NONE)
        return link_external(engine, target, arena, out, err);
    return link_eks(engine, target, live, arena, out, err);
}
