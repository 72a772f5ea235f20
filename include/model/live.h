/* model/live.h: what the world says about each resource, and about what is ours but no longer in git. */
#pragma once

#include "base/value.h"
#include "model/graph.h"

enum presence {
    LIVE_UNKNOWN, /* could not be read: `error` says why. Nothing is decided from it, least of all a delete */
    LIVE_ABSENT,
    LIVE_PRESENT
};

/* Health, as kstatus names it. */
enum health { HEALTH_UNKNOWN, HEALTH_CURRENT, HEALTH_IN_PROGRESS, HEALTH_FAILED, HEALTH_TERMINATING };

struct live {
    enum presence presence;
    struct error error;
    bool ours;               /* marked as this fleet's */
    const char *other_owner; /* another fleet's mark, or NULL */

    /* AWS: members as in a manifest's spec, and what the API adds. Kubernetes: the whole object, or null while metadata was enough. */
    struct value object;
    const char *status;                  /* AWS: "ACTIVE"; NULL when the kind has none */
    const char *update_id, *update_type; /* an EKS update in flight on it, or NULL; anybody's */
    struct value update_errors;          /* list of {errorCode, errorMessage} of the last failed update we sent, or null */

    /* Kubernetes. */
    const char *uid, *resource_version;
    const char *applied_hash;       /* of its annotation, or NULL */
    struct value our_fields;        /* FieldsV1 of our Apply entry, or null */
    const char *our_fields_version; /* apiVersion of that entry */
    bool unchanged;                 /* proved by metadata alone, or by an equal dry run */
    struct value dry_run;           /* answer of the dry-run apply when one was needed, or null */
    struct error dry_run_error;     /* set when the API server refused it */
    bool dry_run_immutable;         /* a cause of that refusal says that a field cannot change */

    enum health health;
    const char *health_reason; /* "1 of 2 replicas available", or NULL */
};

/* Ours by its mark, but not in git. */
struct stray {
    const struct target *target;
    const char *id;  /* "NodeGroup/old"; Kubernetes: "Deployment/ns/name" */
    const char *key; /* sort order, as a resource's */
    const struct kind *row;
    const char *api_version, *kind, *name, *namespace;
    struct live live;
    const char *protected_by; /* an annotation that keeps it ("eksact.dev/on-remove: retain"), or NULL */
};

struct world_state {
    struct live *lives; /* beside graph.resources */
    size_t count;
    struct stray *strays; /* sorted by key */
    size_t stray_count;
    bool complete;               /* every target could be read */
    struct value recorded_kinds; /* map cluster name → the kinds that its ApplySet parent records ("ConfigMap,Deployment.apps") */
    struct {
        unsigned reads, writes;
    } requests[2]; /* by target_type */
};

/* Judges a live Kubernetes object by the kstatus rules, with ours where kstatus is too kind (a failed Pod, a running Job, a LoadBalancer
 * without an address). `now_ms` is for rules with a time in them. The reason is made in the arena. */
enum health health_of_object(const struct value *object, int64_t now_ms, struct arena *arena, const char **reason);
const char *health_name(enum health health); /* "Current", "InProgress", "Failed", "Terminating", "Unknown" */

/* True when two objects differ in nothing that anybody declares: without status, managedFields, resourceVersion, generation, and our own
 * label and annotation; quantities compare by worth. For judging a dry run's answer. */
bool objects_equal(const struct value *live, const struct value *answer);

/* Whether the field set (FieldsV1) covers every declared field of the object. False is doubt, not a difference. */
bool ownership_covers(const struct value *declared, const struct value *fields);
