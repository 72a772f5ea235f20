/* model/graph.h: what git wants, as resources with their targets and edges. */
#pragma once

#include "base/finding.h"
#include "base/value.h"
#include "model/fleet.h"
#include "model/manifest.h"
#include "schema/kind.h"

enum target_type { TARGET_AWS, TARGET_KUBERNETES };

/* Where resources live. */
struct target {
    enum target_type type;
    const char *name;       /* AWS: "111122223333/eu-west-1"; Kubernetes: the cluster's name */
    const char *account_id; /* AWS, and of a Cluster's Kubernetes API; NULL: that of the credentials */
    const char *region;
    const char *assume_role_arn; /* NULL: none */
    struct resource *cluster;    /* Kubernetes: the Cluster or ExternalCluster that serves it */
};

enum manage { MANAGE_FULL, MANAGE_OBSERVE };

/* What an edge waits for. */
enum gate {
    GATE_DONE,  /* the predecessor's own step has ended */
    GATE_READY, /* and it is healthy in the revision that was applied */
    GATE_EXISTS /* it is there */
};

struct edge {
    struct resource *before;
    enum gate gate;
    const char *reason; /* "its role", "namespace production", "nodes to run on" */
};

struct resource {
    const char *id;         /* "NodeGroup/api-workers", "Deployment/production/web-api"; unique within its target: where two clusters of one
                               target have node groups of one name they are "NodeGroup/<cluster>/api-workers" */
    const char *key;        /* target name, a space, id: unique in the graph, and its sort order */
    size_t index;           /* its place in graph.resources, and in every array beside it */
    const struct kind *row; /* NULL: a Kubernetes object */
    const char *api_version, *kind, *name;
    const char *namespace; /* NULL: none */
    const struct target *target;
    struct place place;
    const struct resource *declared_by; /* made from a part of this one (which is not in the graph itself), or NULL */

    /* AWS: the create input (spec, names, our tags), references still in it as {"ref": "Kind/name.attribute"} or {"$text":
     * "…${Kind/name.attribute}…"}; such slots may also stand in keys of its maps. Keys of its first read that can be predicted ("arn") are
     * in it too. Kubernetes: the object to apply, stringData folded into data, our label and annotation in it. */
    struct value desired;
    const char *applied_hash; /* Kubernetes: value of eksact.dev/applied; hex of the digest of `desired` without that annotation */

    enum manage manage;
    bool retain;                /* eksact.dev/on-remove: retain */
    const char *const *owns;    /* field paths claimed by eksact.dev/owns; ends with NULL */
    const char *const *ignores; /* field paths of eksact.dev/ignore; ends with NULL */

    struct edge *edges; /* what must come before it, sorted by key */
    size_t edge_count;
};

struct graph {
    struct resource **resources; /* sorted by key */
    size_t count;
    struct target **targets; /* sorted by name */
    size_t target_count;
    struct fleet fleet;
    const char *applyset_id; /* value of applyset.kubernetes.io/part-of, KEP-3659 */
    size_t declared_count;   /* manifests that became resources */
};

#define ANNOTATION_APPLIED "eksact.dev/applied"
#define ANNOTATION_MANAGE "eksact.dev/manage"
#define ANNOTATION_ON_REMOVE "eksact.dev/on-remove"
#define ANNOTATION_OWNS "eksact.dev/owns"
#define ANNOTATION_IGNORE "eksact.dev/ignore"
#define LABEL_PART_OF "applyset.kubernetes.io/part-of"
#define TAG_FLEET "eksact.dev/fleet"
#define TAG_ID "eksact.dev/id"
#define FIELD_MANAGER "eksact"
/* The ApplySet's parent in every cluster: ConfigMap kube-system/eksact-<fleet>. */
#define APPLYSET_NAMESPACE "kube-system"

/* All problems become findings: no cluster for a manifest, a reference to nothing, two resources of one id, a cycle (printed in full). A
 * resource with a finding is left out, and what refers to it or lives in it is left out too, with a finding that says so: it could never
 * start. `defaults` holds what the command line or environment knows (account, region); NULL members are unknown. */
struct graph_defaults {
    const char *account_id;
    const char *region;
    const char *fleet_name;
    const struct fleet *bound; /* the operator's limits, or NULL */
};
void graph_build(const struct manifests *manifests, const struct graph_defaults *defaults, struct arena *arena, struct graph *out,
                 struct findings *findings);

struct resource *graph_find(const struct graph *graph, const struct target *target, const char *id);

/* Looks up a resource's live object; NULL when it is not known. */
struct graph_lookup {
    const struct value *(*live)(void *context, const struct resource *resource);
    void *context;
};
/* Copies `value` with its references resolved from live objects, or from rows that predict. `unresolved` gets the first that cannot be yet
 * ("Cluster/demo.issuer"), else NULL; unresolved references stay in the copy. */
struct value graph_resolve(const struct graph *graph, const struct resource *resource, const struct value *value,
                           const struct graph_lookup *lookup, struct arena *arena, const char **unresolved);
/* {ref: Kind/…} of a kind that has attributes, or {$text: …}. */
bool graph_is_reference(const struct value *value);
/* An attribute of a resource ("arn"), from its live object or predicted; NULL when it is not known yet. An operation's key that neither the
 * live nor the desired object has is found by this. */
const char *graph_attribute(const struct graph *graph, const struct resource *resource, const char *name, const struct graph_lookup *lookup,
                            struct arena *arena);
