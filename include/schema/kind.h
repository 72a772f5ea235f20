/* schema/kind.h: a kind is rows. Manifests are checked, differences found, calls planned, requests made, the simulated world run, and
 * documentation printed from the same rows; no engine knows a kind by name. Adding a kind is one file of rows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum service { SERVICE_NONE, SERVICE_EKS, SERVICE_IAM, SERVICE_STS };

/* How a service is spoken to. */
struct service_row {
    const char *name;            /* as in SigV4 and in AWS_ENDPOINT_URL_<NAME>: "eks" */
    const char *api_version;     /* "2017-11-01" */
    bool query;                  /* form in, XML out (AWS Query); else REST with JSON */
    const char *global_region;   /* region to sign with when the service has one endpoint; NULL: regional */
};
const struct service_row *schema_service(enum service service);

/* One member of an operation's input that names the resource, and where its value stands in the live or else the desired object. */
struct operation_key {
    const char *member; /* "resourceArn"; REST: a label of the path or a member of the body */
    const char *from;   /* "arn"; where neither object has it, the kind's attribute of that name (graph_attribute predicts it) */
};

/* Query services: every member is written here with its first letter in lower case ("roleName"), as in manifests and live objects, and goes
 * on the wire with it in upper case ("RoleName"). Lists travel as Member.member.N; a map of tags as Tags.member.N.Key and .Value, and comes
 * back as a map again; a TYPE_DOCUMENT travels as text and comes back, percent-decoded, as a map. */

struct operation {
    const char *name; /* "CreateNodegroup" */
    enum service service;
    const char *method; /* REST: "POST"; Query: NULL */
    const char *path;   /* REST: "/clusters/{clusterName}/node-groups"; Query: NULL */
    const char *query;  /* REST: comma-separated members that go into the query string ("tagKeys"); NULL: none */
    const char *token;  /* idempotency member, "clientRequestToken"; NULL: none */
    const char *result; /* member of the answer that holds the object or the update ("cluster", "update"); NULL: the answer itself */
    const char *list;   /* paged reads: member with the items ("nodegroups"); NULL: not a list */
    bool write;
    bool update;        /* answers with an update id that DescribeUpdate follows */
    const struct operation_key *keys; /* ends with {NULL, NULL} */
};

enum field_type {
    TYPE_TEXT,
    TYPE_INTEGER,
    TYPE_BOOLEAN,
    TYPE_OBJECT,
    TYPE_TEXT_LIST,
    TYPE_OBJECT_LIST,
    TYPE_TEXT_MAP,
    TYPE_DOCUMENT,     /* JSON: a map in the manifest, text on the wire; compared as JSON */
    TYPE_DOCUMENT_MAP, /* name → document */
    TYPE_FREE          /* checked elsewhere (Fleet policy, Kubernetes objects) */
};

enum field_change {
    CHANGE_REPLACE,  /* only at creation: another value means another resource */
    CHANGE_IN_PLACE, /* by `update` */
    CHANGE_ADD_ONCE, /* absent to present by `update`, never changed or removed after */
    CHANGE_SET_ONCE, /* may be set by `update` while it is unset */
    CHANGE_REQUEST,  /* travels in requests, is no state: refused in manifests, `doc` says who sets it */
    CHANGE_HIDDEN,   /* only at creation and not returned by reads: no drift can be seen */
    CHANGE_OBSERVED, /* only in answers; refused in manifests */
    CHANGE_LOCAL,    /* for eksact itself, never sent ("region") */
    CHANGE_MEMBERS   /* an object whose members say it each */
};

enum field_encode {
    ENCODE_WHOLE,     /* the update carries the field as declared, at add_path where the update calls it otherwise; a field that is to go is
                         taken away by `remove` where there is one */
    ENCODE_DELTA,     /* the update carries what to add at add_path and what to remove at remove_path (labels, taints) */
    ENCODE_TAGS,      /* `update` takes a map of tags to set at add_path, `remove` a list of keys at remove_path */
    ENCODE_EACH       /* one call an item or member: `update` with the item at add_path (and a map's value at value_path), or `remove` with it
                         at remove_path. Not a member of the create call unless `with_create`: its calls then follow the creation */
};

struct field {
    const char *path; /* from spec: "scalingConfig.maxSize", "taints[].key" */
    enum field_type type;
    bool required;
    bool unordered;  /* a list that is a set */
    bool sensitive;  /* never printed */
    bool name;       /* the resource's own name: comes from metadata.name */
    enum field_change change;
    enum field_encode encode;
    const struct operation *update;
    const struct operation *remove;
    const char *add_path;
    const char *remove_path;
    const char *value_path;
    const char *update_type; /* fields of one operation and type travel in one call: "LoggingUpdate"; NULL: all of the operation's do */
    const char *item_key;    /* keyed lists: "key,effect" */
    const char *const *values; /* enum, ends with NULL; values the API adds later are let through with a warning */
    const char *initial;     /* JSON: what the API assumes when absent at creation; NULL: nothing */
    bool unowned;            /* set at creation, then another's (an autoscaler's) unless eksact.dev/owns claims it */
    const char *clamp;       /* "scalingConfig.minSize,scalingConfig.maxSize": an unowned live value is moved into these bounds */
    int64_t least, most;     /* integers: the value; texts: the length; lists and maps: the count. most 0: unbounded */
    const char *pattern;     /* POSIX extended regular expression over the whole text, or NULL */
    const char *live;        /* where it stands in the live object when that is not `path`: "permissionsBoundary.permissionsBoundaryArn" */
    const char *with;        /* "launchTemplate.id,launchTemplate.name": declared fields that its update call carries too, changed or not */
    const char *preset;      /* JSON, with the slots ${fleet} and ${cluster}: what eksact puts where git names nothing; NULL: nothing */
    bool with_create;        /* ENCODE_EACH: the create call takes it whole */
    bool switches;           /* a list of {types, enabled}: desired state names every known type once, on first, as EKS answers */
    const char *reference;   /* what {ref: …} usually names here: "IAMRole"; only documentation and hints */
    const char *doc;         /* one sentence */
    const char *example;     /* JSON, or NULL */
};

/* What another resource may refer to: {ref: Kind/name.attribute}. The first is the default. */
struct attribute {
    const char *name;    /* "arn" */
    const char *from;    /* path in the live object */
    const char *predict; /* known before it exists: "arn:${partition}:iam::${accountId}:role${path}${roleName}", slots from desired and
                            target; NULL: only the live object knows. ${url|bare} is the text without a leading "https://" */
    const char *doc;
};

/* A live object may need several reads. Each answer's result is merged into the live object at `into`. A key that the answer lacks is set
 * in the live object at its `from` (an OIDC provider's answer does not repeat its ARN). */
struct kind_read {
    const struct operation *operation;
    const char *into;             /* "" is the object itself */
    const char *pick;             /* lists: the one member of each item that is kept ("policyArn"); NULL: whole items */
    const struct operation *each; /* for every item of the list: this read, kept under the item's name; NULL: none */
    const char *each_member;      /* input member that takes the item ("policyName") */
    const char *each_pick;        /* result member kept ("policyDocument") */
};

/* A resource that stands for several: each part becomes a resource of its own, made from a JSON template.
 * Slots: ${metadata.name} ${spec.x} from the manifest, ${cluster} ${fleet} ${accountId} ${partition} from where it stands,
 * ${@Kind/name.attribute} a reference, ${spec.x?text} the text where spec.x is absent; slots may stand in slots, and in keys. A member whose
 * whole text is ${…} takes the value with its type; an absent value removes it. A member called ${*} stands for the members of its map. */
struct kind_part {
    const char *when;     /* "mode=irsa": spec member and value, its default included; NULL: always */
    const char *template; /* a whole manifest as JSON */
};

/* What holds between fields, checked offline. A field is given when it is there and neither null nor false. */
enum rule_type {
    RULE_ALL_OR_NONE, /* of `paths` */
    RULE_AT_MOST_ONE,
    RULE_EXACTLY_ONE, /* where the object that holds the first of them is given */
    RULE_ASCENDING,   /* numbers, each at least the one before it; absent ones do not count */
    RULE_ANY_TRUE,    /* what is absent counts as its `initial` */
    RULE_NEEDS        /* the first given needs the others */
};

struct rule {
    enum rule_type type;
    const char *paths; /* comma-separated */
    const char *why;   /* what the API would say, in a person's words */
};

enum kind_scope { SCOPE_ACCOUNT, SCOPE_CLUSTER, SCOPE_LOCAL };

struct kind {
    const char *name; /* "NodeGroup" */
    const char *plural_doc;
    enum service service;
    enum kind_scope scope; /* SCOPE_CLUSTER: lives in the Cluster that owns its directory; SCOPE_LOCAL: nothing is created for it */
    bool serves_kubernetes; /* Kubernetes objects may live in it (Cluster, ExternalCluster) */
    bool runs_pods;         /* workloads need one of these to be ready */
    bool namespaced;
    const char *cluster_member; /* input member that takes the cluster's name: "clusterName"; NULL */
    const char *name_member;    /* input member that takes metadata.name: "nodegroupName" */
    const struct field *fields; /* ends with path NULL */
    const struct rule *rules;   /* ends with paths NULL; NULL: none */
    const struct operation *create;
    const struct kind_read *reads; /* ends with operation NULL; the first tells existence */
    const struct operation *list;  /* names or ARNs of all, for finding what left git */
    const char *list_name;         /* list item's member with the name; NULL: the item is the name */
    const struct operation *remove;
    const struct kind_read *before_remove; /* what must be emptied first, as ENCODE_EACH fields' removals; NULL: nothing */
    const char *status;            /* path of the status in the live object; NULL: present is ready */
    const char *const *ready;      /* statuses; each list ends with NULL */
    const char *const *moving;     /* a change is under way */
    const char *const *failed;
    bool guarded_delete;           /* needs acknowledgement in git */
    bool create_first;             /* replaced by a new one under a generated name before the old one goes */
    bool one_update_at_a_time;     /* updates of it and of all in it are serialised with its cluster */
    int64_t create_ms[2], update_ms[2], delete_ms[2]; /* expected durations, p50 and p90 */
    const struct attribute *attributes; /* ends with name NULL */
    const struct kind_part *parts;      /* ends with template NULL; NULL: stands for itself */
    const char *doc;
    const char *example; /* YAML of a whole manifest */
};

#define SCHEMA_API_VERSION "eksact.dev/v1alpha1"

/* All kinds, sorted by name; ends with NULL. */
const struct kind *const *schema_kinds(void);
const struct kind *schema_find(const char *kind_name); /* NULL when it is not ours */
const struct operation *const *schema_operations(void); /* all that the rows name, sorted by service and name; ends with NULL */
const struct operation *schema_operation(enum service service, const char *name); /* NULL when no row has it */
/* A name of this API group that has no rows in this version ("Addon"). */
bool schema_is_planned(const char *kind_name);
const struct field *schema_field(const struct kind *kind, const char *path); /* NULL when there is none */
bool schema_status_in(const char *status, const char *const *statuses);
