/* model/fleet.h: the policy of the whole: what a Fleet manifest says, with the careful defaults. */
#pragma once

#include "base/finding.h"
#include "base/value.h"

struct rate_limit {
    double per_second;
    double burst;
};

struct window {
    const char *cron;      /* five fields: minute hour day-of-month month day-of-week */
    const char *time_zone; /* IANA name; "UTC" */
    int64_t lasts_ms;
    bool allow;         /* false: a deny window, which wins */
    bool pause_running; /* `running: pause`; default finish */
    struct place place;
};

struct fleet {
    const char *name;                                     /* "default" when there is no Fleet manifest */
    const char *account_id;                               /* NULL when not given */
    const char *region;                                   /* NULL when not given */
    const char *source_url, *source_branch, *source_path; /* NULL when not given */
    int64_t source_interval_ms;

    struct rate_limit eks_read, eks_write, iam_read, iam_write; /* politeness */
    unsigned kubernetes_in_flight;

    unsigned change_in_flight;         /* disruptive steps at once; 0: by percent */
    unsigned change_in_flight_percent; /* of targets, at least 1 step; 0: by number. With both, the lesser counts */
    unsigned change_per_cluster;
    bool slow_start;
    int64_t bake_ms;   /* default of a kind without its own */
    struct value bake; /* map kind → duration text; not to be changed. Ask fleet_bake_ms */
    unsigned failures; /* so many end the roll-out */

    unsigned delete_at_most; /* a plan; the larger of this and 5 % of the inventory */
    unsigned delete_per_minute;

    const char *const *acknowledged; /* "replace NodeGroup/gpu", "delete Cluster/old"; ends with NULL */
    struct window *windows;
    size_t window_count;
    int64_t drift_interval_ms, verify_all_ms;

    const struct fleet *bound; /* the operator's own, after fleet_tighten: its windows must be open too; NULL: none */
};

void fleet_default(struct fleet *fleet);
/* `file` names the manifest in findings. */
void fleet_parse(const struct value *object, const char *file, struct arena *arena, struct fleet *out, struct findings *findings);
/* Git may only tighten what the operator's own fleet (cluster object or local file) allows: the stricter of each limit. */
void fleet_tighten(struct fleet *fleet, const struct fleet *bound);
/* How long a changed resource of that kind must stay healthy before others follow; the longer of the fleet's and its bound's. */
int64_t fleet_bake_ms(const struct fleet *fleet, const char *kind);
