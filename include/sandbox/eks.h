/* sandbox/eks.h: what the files of the simulated EKS share. */
#pragma once

#include "sandbox/aws.h"

struct eks_call {
    struct aws_request *request;
    struct world *world;
    struct arena *arena;
    const char *operation;
    const char *labels[4];    /* of the path, decoded */
    const struct value *body; /* a map, empty when there was none */
    const struct kind *kind;  /* rows of what is called, or NULL */
};

struct eks_route {
    const char *method;
    const char *path; /* "*" stands for one label */
    const char *operation;
    const char *kind;
    bool (*answer)(struct eks_call *call, struct value *result); /* false: it has refused */
};

/* Each ends with operation NULL. */
extern const struct eks_route eks_cluster_routes[], eks_nodegroup_routes[], eks_update_routes[], eks_other_routes[];

/* Records. A cluster's and a node group's: {"object": as described, "change": {"at", "to"}, …}. The find functions refuse when there is
 * none. */
struct value *eks_region(struct eks_call *call);
struct value *eks_clusters(struct eks_call *call);
struct value *eks_cluster_need(struct eks_call *call, const char *name);
struct value *eks_nodegroup_need(struct eks_call *call, struct value *cluster, const char *name);
const char *eks_status(const struct value *record);
void eks_status_set(struct world *world, struct value *record, const char *status);
void eks_change_at(struct world *world, struct value *record, int64_t at_ms, const char *to); /* "gone" deletes */
void eks_soon(struct world *world, int64_t at_ms);                                            /* something happens then */
struct value eks_time(int64_t ms);                                          /* as the API has times: seconds with a fraction */
int64_t eks_duration(const struct kind *kind, const int64_t *durations_ms); /* kind NULL: a minute */

/* Checks a create's body against the kind's rows; answers with InvalidParameterException. `except`: members that are no fields. */
bool eks_check_create(struct eks_call *call);
/* Checks those members of an update's body that stand as in create. */
bool eks_check_update(struct eks_call *call, const struct value *body);
/* The body without request-only members, with the rows' initial values where nothing is said. */
struct value eks_object_begin(struct eks_call *call);
bool eks_role_check(struct eks_call *call, const char *arn, const char *service);
bool eks_refuse(struct eks_call *call, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The id of the update under way on the cluster itself (nodegroup NULL) or the node group, or NULL. */
const char *eks_update_in_progress(const struct value *cluster, const char *nodegroup);
/* Begins an update: `patch` is merged into the object when it ends. *result is the answer. */
bool eks_update_begin(struct eks_call *call, struct value *cluster, const char *nodegroup, const char *type, const struct value *patch,
                      int64_t duration_ms, struct value *result);

/* A quota of the state ("nodegroups"), or what AWS gives a new account. */
int64_t eks_quota(struct world *world, const char *name, int64_t usual);

/* Events. */
void eks_cluster_event(struct world *world, const char *name, struct value *record, const char *region, const char *account);
void eks_nodegroup_event(struct world *world, struct value *cluster, const char *name, struct value *record);
void eks_nodes_set(struct world *world, const struct value *cluster, const char *name, const struct value *record, bool gone);

/* "1.33" → 33; 0 when it is no version that the simulated EKS has. */
int64_t version_minor(const char *version);
const char *version_default(void);
const char *version_release(struct arena *arena, const char *version); /* of the newest image: "1.33.5-20251209" */
