/* sandbox/kubernetes.h: how the simulated API server is cut. Only sandbox/kubernetes*.c and the server part include this.
 *
 * Objects are values that are never changed once stored: a write stores a changed copy. State of a cluster, at state.clusters.NAME:
 * {"objects": {"GROUP/PLURAL": {"NAMESPACE/NAME": object}}, "resourceVersion": n, "events": [{"type", "kind", "object"}], "eventsAfter": n,
 * "timers": {"MILLISECONDS what GROUP/PLURAL NAMESPACE/NAME": generation}, "nextAddress": n}. The key of a cluster-scoped object is
 * "/NAME". */
#pragma once

#include "sandbox/parts.h"

/* What server-side apply and validation know about a value: a row's shape (kubernetes_schema.c), or a CRD's OpenAPI schema, or nothing
 * (then the value's own shape decides: maps are granular, lists atomic). */
struct kubernetes_type {
    const char *shape; /* not NUL-terminated */
    size_t length;
    const struct value *openapi;
    bool object; /* openapi is of a whole object: its metadata is ObjectMeta */
};

enum kubernetes_form { FORM_SCALAR, FORM_LIST, FORM_SET, FORM_KEYED, FORM_MAP };

/* A type resolved for one value. */
struct kubernetes_atom {
    enum kubernetes_form form;
    bool atomic;
    bool open;        /* a map that may hold any key; its values are of `element` */
    bool deduced;     /* nothing is declared */
    bool object;      /* of a whole custom object */
    char scalar;      /* 's' text, 'n' number, 'b' boolean, 'u' any */
    const char *keys; /* FORM_KEYED of a row: "port,protocol=TCP" */
    size_t keys_length;
    const struct value *key_list; /* FORM_KEYED of OpenAPI */
    const char *fields;           /* FORM_MAP of a row: "name:type …" */
    size_t fields_length;
    const struct value *properties; /* FORM_MAP of OpenAPI */
    struct kubernetes_type element;
};

struct kubernetes_type kubernetes_type_named(const char *name); /* "core.v1.Pod"; an unknown name is a type without declarations */
struct kubernetes_type kubernetes_type_of_openapi(const struct value *schema);
struct kubernetes_atom kubernetes_type_resolve(struct kubernetes_type type, const struct value *value);
/* The type of a map's member; true when the member is declared by name. */
bool kubernetes_type_field(const struct kubernetes_atom *atom, const char *name, struct kubernetes_type *out);
/* "k:{…}" or "v:…" of an item of a keyed list or set (FieldsV1, k8s.io/apimachinery meta/v1); NULL when a key is missing. */
const char *kubernetes_type_item(struct arena *arena, const struct kubernetes_atom *atom, const struct value *item);
/* The rows of the built-in schema, sorted by name. */
struct kubernetes_type_row {
    const char *name;
    const char *shape;
};
extern const struct kubernetes_type_row kubernetes_type_rows[];
extern const size_t kubernetes_type_row_count;

/* --- Sets of fields. A set is a map as in FieldsV1, with "." in every node that is a member itself. */

struct value fields_parse(struct arena *arena, const struct value *fields_v1);
struct value fields_render(struct arena *arena, const struct value *set);
bool fields_is_empty(const struct value *set);
struct value fields_union(struct arena *arena, const struct value *one, const struct value *other);
struct value fields_difference(struct arena *arena, const struct value *one, const struct value *other);
struct value fields_intersection(struct arena *arena, const struct value *one, const struct value *other);
/* Without the whole subtree below the dotted path. */
struct value fields_without(struct arena *arena, const struct value *set, const char *const *path);
/* Calls `each` with every member's path as the API server prints it in a conflict: .spec.template.spec.containers[name="a"].image */
void fields_each(struct arena *arena, const struct value *set, void (*each)(void *context, const char *path), void *context);

struct value fields_of(struct arena *arena, struct kubernetes_type type, const struct value *value);

struct fields_comparison {
    struct value added, modified, removed;
};
void fields_compare(struct arena *arena, struct kubernetes_type type, const struct value *before, const struct value *after,
                    struct fields_comparison *out);
/* `config` over `live`, list items by their keys. */
bool fields_merge(struct arena *arena, struct kubernetes_type type, const struct value *live, const struct value *config, struct value *out,
                  struct error *err);
/* `value` without the members of `set`. */
struct value fields_remove(struct arena *arena, struct kubernetes_type type, const struct value *value, const struct value *set);
/* Every declared struct field that has a member below it becomes a member. */
struct value fields_named(struct arena *arena, struct kubernetes_type type, const struct value *set);

/* --- Kinds. */

struct kubernetes_kind {
    const char *group, *version, *kind, *plural, *singular;
    const char *short_names; /* "deploy" or "a,b"; NULL */
    const char *categories;  /* "all" or NULL */
    bool namespaced;
    bool status; /* has the subresource */
    bool scale;
    bool create_only;               /* a review: POST only, nothing is stored */
    const char *type;               /* row of the schema, NULL: of `definition` */
    const struct value *definition; /* the version of a CustomResourceDefinition that declares it */
};
/* Served by the cluster, custom ones included. False: no such resource. */
bool kubernetes_kind_find(struct world *world, const char *cluster, const char *group, const char *version, const char *plural,
                          struct kubernetes_kind *out);
/* By group and kind, of any version. */
bool kubernetes_kind_of(struct world *world, const char *cluster, const char *group, const char *kind, struct kubernetes_kind *out);
struct kubernetes_type kubernetes_kind_type(const struct kubernetes_kind *kind);
const char *kubernetes_api_version(struct arena *arena, const struct kubernetes_kind *kind);
/* /api, /apis, /api/v1, /apis/GROUP, /apis/GROUP/VERSION, /openapi/…, /version. False: not such a path. */
bool kubernetes_discovery(struct world *world, const char *cluster, char *const *parts, size_t count, struct http_exchange *exchange);
/* Every kind served, for a walk of all objects. */
size_t kubernetes_kinds(struct world *world, const char *cluster, struct arena *arena, struct kubernetes_kind **out);

/* --- Store. */

const struct value *kubernetes_find(struct world *world, const char *cluster, const char *group, const char *plural, const char *space,
                                    const char *name);
/* Members (key, object) of one kind, in order; `space` NULL or "" is all. Valid until the next write. */
const struct member *kubernetes_range(struct world *world, const char *cluster, const char *group, const char *plural, const char *space,
                                      size_t *count);
/* Members whose key begins with `prefix` ("NAMESPACE/NAME-"). */
const struct member *kubernetes_range_prefix(struct world *world, const char *cluster, const char *group, const char *plural,
                                             const char *prefix, size_t *count);
/* Stores a copy with the next resourceVersion, logs the event, wakes the controllers. Returns what is stored. */
const struct value *kubernetes_put(struct world *world, const char *cluster, const struct kubernetes_kind *kind,
                                   const struct value *object);
/* Takes it away for good. Its dependents follow. */
void kubernetes_remove(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space, const char *name);
int64_t kubernetes_version_now(struct world *world, const char *cluster);
char *kubernetes_uid(struct world *world, struct arena *arena);
struct value *kubernetes_cluster_state(struct world *world, const char *cluster); /* made when missing */

/* --- Requests. */

/* What a refused request answers: metav1.Status. */
struct kubernetes_refusal {
    int code;
    const char *reason, *message;
    struct value details; /* map or null */
};
bool kubernetes_refuse(struct arena *arena, struct kubernetes_refusal *refusal, int code, const char *reason, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* A 422 with causes; the first call begins it, more add to it. Returns false. */
bool kubernetes_invalid(struct arena *arena, struct kubernetes_refusal *refusal, const struct kubernetes_kind *kind, const char *name,
                        const char *cause_reason, const char *field, const char *cause_message);
struct value kubernetes_status_value(struct arena *arena, const struct kubernetes_refusal *refusal);
void kubernetes_refusal_answer(struct http_exchange *exchange, const struct kubernetes_refusal *refusal);

/* Fills in what decoding's defaulting functions fill in, which the writer then owns. */
void kubernetes_default(struct arena *arena, const struct kubernetes_kind *kind, struct value *object);
/* Fills in what strategies and admission allocate (addresses, ports, selectors), which nobody owns. `live` NULL on create. */
void kubernetes_allocate(struct world *world, const char *cluster, struct arena *arena, const struct kubernetes_kind *kind,
                         const struct value *live, struct value *object);
bool kubernetes_check(struct arena *arena, const struct kubernetes_kind *kind, const struct value *live, const struct value *object,
                      struct kubernetes_refusal *refusal);

/* What is not declared or has a wrong type: paths as server-side apply says them (".spec.foo: field not declared in schema"), or as
 * decoding does
 * ("unknown field \"spec.foo\""). The list is empty when all is well; `mistyped` tells whether something is worse than unknown. */
struct value kubernetes_undeclared(struct arena *arena, const struct kubernetes_kind *kind, const struct value *object, bool apply,
                                   bool *mistyped);
/* Without null members, at any depth. */
struct value kubernetes_without_nulls(struct arena *arena, const struct value *value);

/* A request taken apart. */
struct kubernetes_call {
    struct world *world;
    const char *cluster;
    const struct world_request *request;
    struct http_exchange *exchange;
    struct arena *arena; /* of the exchange */
    struct kubernetes_kind kind;
    const char *space, *name, *subresource; /* "" when absent */
    const char *identity;                   /* ARN */
    const char *manager;
    bool dry_run;
};
bool kubernetes_call_body(struct kubernetes_call *call, struct value *out, struct kubernetes_refusal *refusal);
const char *kubernetes_call_query(const struct kubernetes_call *call, const char *name);
bool kubernetes_call_true(const struct kubernetes_call *call, const char *name); /* "true" or "1" */
bool kubernetes_not_found(const struct kubernetes_call *call, struct kubernetes_refusal *refusal);
/* Each answers the exchange, or returns false with a refusal. */
bool kubernetes_create(struct kubernetes_call *call, struct kubernetes_refusal *refusal);
bool kubernetes_replace(struct kubernetes_call *call, struct kubernetes_refusal *refusal);
bool kubernetes_change(struct kubernetes_call *call, struct kubernetes_refusal *refusal); /* PATCH */
bool kubernetes_delete(struct kubernetes_call *call, struct kubernetes_refusal *refusal);
bool kubernetes_delete_all(struct kubernetes_call *call, struct kubernetes_refusal *refusal);
bool kubernetes_review(struct kubernetes_call *call, struct kubernetes_refusal *refusal);
bool kubernetes_scale(struct kubernetes_call *call, struct kubernetes_refusal *refusal);
/* Ends an object: its finalizers are waited for. `policy` "Foreground", "Background" or "Orphan". True when it is gone at once. */
bool kubernetes_end(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const struct value *object,
                    const char *policy);
/* Stores a controller's or the server's own object: defaults, identity and managedFields as a write by `manager` gets them. */
const struct value *kubernetes_write(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *manager,
                                     const char *subresource, struct value *object);

/* Writes metadata.managedFields of `object`, which `manager` has written over `live` (NULL: created) by anything but apply. */
void kubernetes_managed_update(struct arena *arena, int64_t now_ms, const struct kubernetes_kind *kind, const struct value *live,
                               struct value *object, const char *manager, const char *subresource);
/* Server-side apply. `live` NULL: creates. `out` is not yet defaulted; `changed` is false when nothing but managedFields may differ. */
struct kubernetes_apply {
    const char *manager, *subresource;
    bool force;
};
bool kubernetes_managed_apply(struct arena *arena, int64_t now_ms, const struct kubernetes_kind *kind, const struct value *live,
                              const struct value *config, const struct kubernetes_apply *apply, struct value *out,
                              struct kubernetes_refusal *refusal);
bool kubernetes_patch(struct arena *arena, const char *content_type, struct kubernetes_type type, const struct value *live,
                      const struct value *patch, struct value *out, struct kubernetes_refusal *refusal);

/* Label and field selectors. False: cannot be read. */
struct kubernetes_selector {
    struct value requirements; /* list of {"key", "operator", "values"} */
    struct value fields;       /* list of {"key", "operator": "=" or "!=", "values": [one]} */
};
bool kubernetes_selector_parse(struct arena *arena, const char *labels, const char *fields, struct kubernetes_selector *out,
                               struct kubernetes_refusal *refusal);
bool kubernetes_selector_matches(const struct kubernetes_selector *selector, const struct value *object);
/* metav1.LabelSelector, as in spec.selector, over labels. An absent selector matches nothing. */
bool kubernetes_labels_match(const struct value *selector, const struct value *labels);

/* How an answer is to be written, from the Accept header. */
enum kubernetes_form_of_answer { ANSWER_JSON, ANSWER_METADATA, ANSWER_TABLE, ANSWER_PROTOBUF_METADATA };
enum kubernetes_form_of_answer kubernetes_accept(const char *accept);
void kubernetes_answer_object(struct world *world, const struct kubernetes_kind *kind, const struct value *object, int status,
                              struct http_exchange *exchange);
void kubernetes_list(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                     const struct world_request *request, struct http_exchange *exchange);
struct value kubernetes_table(struct arena *arena, struct world *world, const struct kubernetes_kind *kind,
                              const struct value *const *objects, size_t count, bool with_columns, const char *include);
/* PartialObjectMetadata(List) in the protobuf envelope. */
void kubernetes_protobuf_list(struct text *text, const struct value *list_metadata, const struct value *const *objects, size_t count);
void kubernetes_protobuf_object(struct text *text, const struct value *object);
void kubernetes_protobuf_event(struct text *text, const char *type, const struct value *object); /* with its length in front */

/* --- Watch, for the server part. */

struct kubernetes_watch {
    const char *cluster, *space, *plural, *group, *version;
    int64_t after;       /* resourceVersion seen */
    int64_t bookmark_ms; /* when the next bookmark is due; 0: none wanted */
    int64_t end_ms;
    bool initial;     /* the list itself comes first, as ADDED */
    bool initial_end; /* and a bookmark behind it that says so (KEP-3157) */
    bool expired;
    bool columns_said; /* of a Table */
    enum kubernetes_form_of_answer form;
    const char *include; /* includeObject of a Table */
    struct kubernetes_selector selector;
    bool selects;
};
/* Of GET …?watch=true whose request `kubernetes_answer` would accept. False: refused, the exchange holds the answer. `arena` keeps what the
 * watch needs. */
bool kubernetes_watch_open(struct world *world, const char *cluster, const char *path, const struct world_request *request,
                           struct arena *arena, struct kubernetes_watch *out, struct http_exchange *exchange);
/* Adds the events since last time to `out`. False: the watch has ended (410 has been written, or its time is over). */
bool kubernetes_watch_next(struct world *world, struct kubernetes_watch *watch, struct text *out);
const char *kubernetes_watch_content_type(const struct kubernetes_watch *watch);

/* --- Controllers. */

/* Something was written: wakes whoever cares. */
void kubernetes_wake(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const struct value *before,
                     const struct value *object);
void kubernetes_timer(struct world *world, const char *cluster, int64_t at_ms, const char *what, const char *group, const char *plural,
                      const char *space, const char *name, int64_t generation);

/* Brings a workload's pods and status to what its spec says (kubernetes_workloads.c). */
void kubernetes_workload_sync(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                              const char *name);
/* Its pods have had their time: they become ready, or complete, unless they cannot. */
void kubernetes_workload_ready(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                               const char *name, int64_t generation);
void kubernetes_workload_deadline(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space,
                                  const char *name, int64_t generation);
bool kubernetes_is_workload(const struct kubernetes_kind *kind);
/* Deletes what has lost its owners, and ends foreground and orphaning deletions (kubernetes_collect.c). */
void kubernetes_collect(struct world *world, const char *cluster);
