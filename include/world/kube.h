/* world/kube.h: a Kubernetes API server, and calls to it as data. */
#pragma once

#include "base/clock.h"
#include "base/http.h"
#include "base/secret.h"
#include "base/value.h"
#include "world/credentials.h"

/* One API server: address, trust, credentials, and what it serves. */
struct kube;

/* Fills `out` with the bearer token to use now; called before each request (keep your own cache). */
typedef bool kube_token(void *context, struct secret *out, struct error *err);

/* `server_url`: https://HOST[:PORT][/PATH]; plain http only to this machine. `ca_pem` NULL: the system's authorities. `context` must live
 * as long as the kube. */
bool kube_new(const char *server_url, const char *ca_pem, kube_token *token, void *context, struct kube **out, struct error *err);
/* From kubeconfig text (YAML). `context_name` NULL: current-context. exec, auth-provider and insecure-skip-tls-verify are refused by name;
 * file references are read relative to `directory` (NULL refuses them). */
bool kube_new_from_config(const char *file, const char *bytes, size_t length, const char *directory, const char *context_name,
                          struct kube **out, struct error *err);
/* The pod's own: /var/run/secrets/kubernetes.io/serviceaccount and KUBERNETES_SERVICE_HOST/_PORT; the token file is read again each minute.
 */
bool kube_new_in_cluster(const struct environment *environment, struct clock *clock, struct kube **out, struct error *err);
void kube_free(struct kube *kube);
const char *kube_server(const struct kube *kube);

/* Kubeconfig text for `cluster_name` as `aws eks update-kubeconfig` writes it (exec: aws eks get-token). */
void kube_config_render(const char *cluster_name, const char *cluster_arn, const char *region, const char *server_url,
                        const char *ca_base64, const char *assume_role_arn, struct text *out);

/* A kind that the API server serves. */
struct kube_resource {
    const char *group; /* "" is the core group */
    const char *version;
    const char *kind;
    const char *plural;
    bool namespaced;
    bool can_list, can_patch, can_delete;
    bool preferred; /* the group's preferred version */
};

enum kube_verb {
    KUBE_DISCOVER,      /* aggregated discovery: two calls (/api, /apis) that kube_discovered joins */
    KUBE_LIST_METADATA, /* a page, protobuf, item by item */
    KUBE_GET,
    KUBE_APPLY,   /* server-side apply as FIELD_MANAGER, forced */
    KUBE_DRY_RUN, /* the same, dryRun=All */
    KUBE_DELETE   /* foreground, with preconditions */
};

/* What a metadata-only LIST says of one object. Borrowed: copy what is to be kept. */
struct kube_item {
    const char *name, *namespace; /* namespace NULL when cluster-scoped */
    const char *uid, *resource_version;
    bool deleting;
    struct value labels, annotations; /* maps of texts */
    const char *our_fields;           /* JSON of FieldsV1 of the one Apply entry of our manager without subresource, or NULL */
    const char *our_fields_version;   /* its apiVersion */
    unsigned our_entry_count;         /* more than one is doubt */
};

struct kube_call {
    /* In. */
    enum kube_verb verb;
    const struct kube_resource *resource; /* not for KUBE_DISCOVER */
    const char *namespace, *name;         /* LIST: name NULL, namespace NULL for all */
    const char *path;                     /* KUBE_DISCOVER: "/api" or "/apis" */
    const char *label_selector;           /* LIST; NULL: all */
    const char *manager;                  /* whose entry to pick from managedFields, and whose name to write with */
    const struct value *body;             /* APPLY, DRY_RUN */
    const char *uid, *resource_version;   /* DELETE: preconditions; NULL: none */
    unsigned page_size;                   /* LIST; 0: 500 */
    const char *page;                     /* LIST: continue token; NULL: the first. kube_finish replaces one that has expired, so that the
                                           * same call, prepared again, goes on where the list was */
    bool (*on_item)(void *context, const struct kube_item *item, struct error *err); /* LIST */
    void *context;
    struct arena *arena;
    void *owner;

    /* Out. */
    struct http_exchange exchange;
    struct value answer;   /* the object; null for LIST and for a refused call */
    const char *next_page; /* LIST: continue token, NULL at the end */
    struct error error;    /* text from Status.message, with the values of a Secret taken out */
    const char *reason;    /* Status.reason: "Conflict", "Invalid", "NotFound"; or NULL */
    bool immutable;        /* a cause says that a field is immutable */
    int64_t retry_after_ms;
    void *stream; /* of the list's reader: the kube's own, given back by kube_finish */
};

/* Fills call->exchange, and may be called anew for the same call to try it again: items of a LIST that were handed out then come again.
 * False when the call cannot be made (no token; a name that no path can hold; a namespace where none belongs). */
bool kube_prepare(struct kube *kube, struct kube_call *call, struct error *err);
/* Reads the answer into the call's lower half. Kinds of errors as http_failed tells them, save: a LIST that expired is BUSY; an apply that
 * the server's typed merge refuses is INVALID, though it says 500. */
void kube_finish(struct kube *kube, struct kube_call *call);

/* Keeps what two KUBE_DISCOVER answers ("/api", "/apis") say. Kinds found before stay findable. */
bool kube_discovered(struct kube *kube, const struct kube_call *core, const struct kube_call *groups, struct error *err);
bool kube_is_discovered(const struct kube *kube);
/* api_version "apps/v1"; kind "Deployment". NULL: not served. */
const struct kube_resource *kube_find(const struct kube *kube, const char *api_version, const char *kind);
/* Preferred version of a group and kind, for the group-kinds that an ApplySet records ("Deployment.apps"). NULL: not served. */
const struct kube_resource *kube_find_group_kind(const struct kube *kube, const char *group, const char *kind);
