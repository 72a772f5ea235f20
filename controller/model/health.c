/* model/health.c: is a live object as it should be? The rules of kstatus (sigs.k8s.io/cli-utils, pkg/kstatus) in their order, with ours
 * where it is too kind: a failed Pod has failed, a started Job is not done, a LoadBalancer without an address serves nobody. */
#include "base/clock.h"
#include "model/live.h"

struct judged {
    const struct value *object, *spec, *status;
    int64_t now_ms;
    struct arena *arena;
    const char *reason;
};

/* kstatus gives the scheduler so long before an unschedulable Pod counts as failed. */
#define SCHEDULE_GRACE_MS 15000

static enum health say(struct judged *judged, enum health health, const char *reason) {
    judged->reason = reason;
    return health;
}

static enum health say_short(struct judged *judged, int64_t have, int64_t want, const char *what) {
    return say(judged, HEALTH_IN_PROGRESS, arena_text(judged->arena, "%lld of %lld %s", (long long)have, (long long)want, what));
}

static int64_t status_count(const struct judged *judged, const char *member) {
    return value_integer(value_find(judged->status, member), 0);
}

static const struct value *condition_find(const struct judged *judged, const char *type) {
    const struct value *conditions = value_find(judged->status, "conditions");
    if (!value_is(conditions, VALUE_LIST))
        return NULL;
    for (size_t i = 0; i < conditions->list.count; i++) {
        if (text_equal(value_text_at(&conditions->list.items[i], "type"), type))
            return &conditions->list.items[i];
    }
    return NULL;
}

static bool condition_is(const struct value *condition, const char *status) {
    return text_equal(value_text_at(condition, "status"), status);
}

static const char *condition_text(const struct judged *judged, const struct value *condition) {
    const char *message = value_text_at(condition, "message");
    if (text_is_empty(message))
        message = value_text_at(condition, "reason");
    return text_is_empty(message) ? value_text_at(condition, "type") : arena_text(judged->arena, "%s", message);
}

static enum health judge_current(struct judged *judged) {
    return say(judged, HEALTH_CURRENT, NULL);
}

static enum health judge_service(struct judged *judged) {
    if (!text_equal(value_text_at(judged->spec, "type"), "LoadBalancer"))
        return HEALTH_CURRENT;
    if (text_is_empty(value_text_at(judged->spec, "clusterIP")))
        return say(judged, HEALTH_IN_PROGRESS, "no cluster IP yet");
    if (value_count(value_at(judged->status, "loadBalancer.ingress")) == 0)
        return say(judged, HEALTH_IN_PROGRESS, "the load balancer has no address yet");
    return HEALTH_CURRENT;
}

static const char *crashing_container(const struct value *statuses) {
    for (size_t i = 0; value_is(statuses, VALUE_LIST) && i < statuses->list.count; i++) {
        if (text_equal(value_text_at(&statuses->list.items[i], "state.waiting.reason"), "CrashLoopBackOff"))
            return value_text_at(&statuses->list.items[i], "name");
    }
    return NULL;
}

static enum health judge_pod_running(struct judged *judged) {
    if (condition_is(condition_find(judged, "Ready"), "True"))
        return HEALTH_CURRENT;
    const char *crashing = crashing_container(value_find(judged->status, "containerStatuses"));
    if (!crashing)
        crashing = crashing_container(value_find(judged->status, "initContainerStatuses"));
    if (crashing)
        return say(judged, HEALTH_FAILED, arena_text(judged->arena, "container %s: CrashLoopBackOff", crashing));
    return say(judged, HEALTH_IN_PROGRESS, "running, but not ready");
}

static enum health judge_pod_pending(struct judged *judged) {
    const struct value *scheduled = condition_find(judged, "PodScheduled");
    if (!condition_is(scheduled, "False") || !text_equal(value_text_at(scheduled, "reason"), "Unschedulable"))
        return say(judged, HEALTH_IN_PROGRESS, "pending");
    int64_t created_ms = 0;
    bool known = time_parse(
        value_text_at(judged->object, "metadata.creationTimestamp") ? value_text_at(judged->object, "metadata.creationTimestamp") : "",
        &created_ms);
    enum health health = known && judged->now_ms - created_ms > SCHEDULE_GRACE_MS ? HEALTH_FAILED : HEALTH_IN_PROGRESS;
    return say(judged, health, arena_text(judged->arena, "cannot be scheduled: %s", condition_text(judged, scheduled)));
}

static enum health judge_pod(struct judged *judged) {
    const char *phase = value_text_at(judged->status, "phase");
    if (text_is_empty(phase))
        return say(judged, HEALTH_IN_PROGRESS, "no phase yet");
    if (text_equal(phase, "Succeeded"))
        return HEALTH_CURRENT;
    if (text_equal(phase, "Failed")) {
        const char *why = value_text_at(judged->status, "message");
        return say(judged, HEALTH_FAILED, text_is_empty(why) ? "the pod failed" : arena_text(judged->arena, "the pod failed: %s", why));
    }
    if (text_equal(phase, "Running"))
        return judge_pod_running(judged);
    if (text_equal(phase, "Pending"))
        return judge_pod_pending(judged);
    return say(judged, HEALTH_UNKNOWN, arena_text(judged->arena, "unknown phase %s", phase));
}

static enum health judge_claim(struct judged *judged) {
    const char *phase = value_text_at(judged->status, "phase");
    if (text_equal(phase, "Bound"))
        return HEALTH_CURRENT;
    return say(judged, HEALTH_IN_PROGRESS, arena_text(judged->arena, "%s, not bound", text_is_empty(phase) ? "no phase yet" : phase));
}

static int64_t wanted_replicas(const struct judged *judged) {
    return value_integer(value_find(judged->spec, "replicas"), 1);
}

static enum health judge_stateful_set(struct judged *judged) {
    if (text_equal(value_text_at(judged->spec, "updateStrategy.type"), "OnDelete"))
        return HEALTH_CURRENT;
    int64_t want = wanted_replicas(judged);
    int64_t have = status_count(judged, "replicas");
    int64_t updated = status_count(judged, "updatedReplicas");
    if (want > have)
        return say_short(judged, have, want, "replicas made");
    if (want > status_count(judged, "readyReplicas"))
        return say_short(judged, status_count(judged, "readyReplicas"), want, "replicas ready");
    if (have > want)
        return say(judged, HEALTH_IN_PROGRESS, arena_text(judged->arena, "%lld replicas too many", (long long)(have - want)));
    const struct value *partition = value_at(judged->spec, "updateStrategy.rollingUpdate.partition");
    if (partition && value_integer(partition, 0) != 0) {
        int64_t due = want - value_integer(partition, 0);
        return updated < due ? say_short(judged, updated, due, "replicas updated") : HEALTH_CURRENT;
    }
    if (want > status_count(judged, "currentReplicas"))
        return say_short(judged, status_count(judged, "currentReplicas"), want, "replicas of the current revision");
    if (!text_equal(value_text_at(judged->status, "currentRevision"), value_text_at(judged->status, "updateRevision")))
        return say(judged, HEALTH_IN_PROGRESS, "waiting for the update revision to become the current one");
    return HEALTH_CURRENT;
}

static enum health judge_daemon_set(struct judged *judged) {
    if (!value_at(judged->object, "metadata.generation") || !value_find(judged->status, "observedGeneration"))
        return say(judged, HEALTH_IN_PROGRESS, "not observed by its controller yet");
    if (!value_find(judged->status, "desiredNumberScheduled"))
        return say(judged, HEALTH_IN_PROGRESS, "number of nodes not known yet");
    static const struct {
        const char *member, *what;
    } counts[] = {{"currentNumberScheduled", "pods scheduled"},
                  {"updatedNumberScheduled", "pods updated"},
                  {"numberAvailable", "pods available"},
                  {"numberReady", "pods ready"}};
    int64_t want = status_count(judged, "desiredNumberScheduled");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (want > status_count(judged, counts[i].member))
            return say_short(judged, status_count(judged, counts[i].member), want, counts[i].what);
    }
    return HEALTH_CURRENT;
}

/* A deployment without a deadline never says NewReplicaSetAvailable in time; kstatus then takes progress for granted. */
static bool has_progress_deadline(const struct judged *judged) {
    const struct value *deadline = value_find(judged->spec, "progressDeadlineSeconds");
    return deadline && value_integer(deadline, 0) != INT32_MAX;
}

static enum health judge_deployment(struct judged *judged) {
    const struct value *progressing = condition_find(judged, "Progressing");
    const char *progress = value_text_at(progressing, "reason");
    if (text_equal(progress, "ProgressDeadlineExceeded"))
        return say(judged, HEALTH_FAILED, condition_text(judged, progressing));
    int64_t want = wanted_replicas(judged);
    int64_t have = status_count(judged, "replicas");
    int64_t updated = status_count(judged, "updatedReplicas");
    int64_t available = status_count(judged, "availableReplicas");
    int64_t ready = status_count(judged, "readyReplicas");
    if (want > have)
        return say_short(judged, have, want, "replicas made");
    if (want > updated)
        return say_short(judged, updated, want, "replicas updated");
    if (have > want)
        return say(judged, HEALTH_IN_PROGRESS,
                   arena_text(judged->arena, "%lld replicas of an older revision still there", (long long)(have - want)));
    if (updated > available)
        return say_short(judged, available, updated, "replicas available");
    if (want > ready)
        return say_short(judged, ready, want, "replicas ready");
    if (has_progress_deadline(judged) && !(condition_is(progressing, "True") && text_equal(progress, "NewReplicaSetAvailable")))
        return say(judged, HEALTH_IN_PROGRESS, "the new replica set is not available yet");
    if (!condition_is(condition_find(judged, "Available"), "True"))
        return say(judged, HEALTH_IN_PROGRESS, "not available yet");
    return HEALTH_CURRENT;
}

static enum health judge_replica_set(struct judged *judged) {
    const struct value *failure = condition_find(judged, "ReplicaFailure");
    if (condition_is(failure, "True"))
        return say(judged, HEALTH_IN_PROGRESS, condition_text(judged, failure));
    static const struct {
        const char *member, *what;
    } counts[] = {
        {"fullyLabeledReplicas", "replicas labelled"}, {"availableReplicas", "replicas available"}, {"readyReplicas", "replicas ready"}};
    int64_t want = wanted_replicas(judged);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (want > status_count(judged, counts[i].member))
            return say_short(judged, status_count(judged, counts[i].member), want, counts[i].what);
    }
    if (status_count(judged, "replicas") > want)
        return say(judged, HEALTH_IN_PROGRESS, "replicas of an older size still there");
    return HEALTH_CURRENT;
}

static enum health judge_job(struct judged *judged) {
    if (condition_is(condition_find(judged, "Complete"), "True"))
        return HEALTH_CURRENT;
    const struct value *failed = condition_find(judged, "Failed");
    if (condition_is(failed, "True"))
        return say(judged, HEALTH_FAILED, condition_text(judged, failed));
    if (value_boolean(value_find(judged->spec, "suspend"), false) && condition_is(condition_find(judged, "Suspended"), "True"))
        return say(judged, HEALTH_CURRENT, "suspended");
    if (!value_find(judged->status, "startTime"))
        return say(judged, HEALTH_IN_PROGRESS, "not started yet");
    return say_short(judged, status_count(judged, "succeeded"), value_integer(value_find(judged->spec, "completions"), 1), "completions");
}

static enum health judge_definition(struct judged *judged) {
    const struct value *names = condition_find(judged, "NamesAccepted");
    if (condition_is(names, "False"))
        return say(judged, HEALTH_FAILED, condition_text(judged, names));
    const struct value *established = condition_find(judged, "Established");
    if (condition_is(established, "False") && !text_equal(value_text_at(established, "reason"), "Installing"))
        return say(judged, HEALTH_FAILED, condition_text(judged, established));
    if (condition_is(established, "True"))
        return HEALTH_CURRENT;
    return say(judged, HEALTH_IN_PROGRESS, "not established yet");
}

static const struct {
    const char *group, *kind;
    enum health (*judge)(struct judged *judged);
} rules[] = {
    {"", "ConfigMap", judge_current},
    {"", "PersistentVolumeClaim", judge_claim},
    {"", "Pod", judge_pod},
    {"", "Secret", judge_current},
    {"", "Service", judge_service},
    {"apiextensions.k8s.io", "CustomResourceDefinition", judge_definition},
    {"apps", "DaemonSet", judge_daemon_set},
    {"apps", "Deployment", judge_deployment},
    {"apps", "ReplicaSet", judge_replica_set},
    {"apps", "StatefulSet", judge_stateful_set},
    {"batch", "CronJob", judge_current},
    {"batch", "Job", judge_job},
    {"extensions", "DaemonSet", judge_daemon_set},
    {"extensions", "Deployment", judge_deployment},
    {"extensions", "ReplicaSet", judge_replica_set},
    {"policy", "PodDisruptionBudget", judge_current},
};

/* What holds for every kind, before its own rule. True when it decides. */
static bool judge_generic(struct judged *judged, enum health *out) {
    if (!text_is_empty(value_text_at(judged->object, "metadata.deletionTimestamp"))) {
        *out = say(judged, HEALTH_TERMINATING, "being deleted");
        return true;
    }
    const struct value *generation = value_at(judged->object, "metadata.generation");
    const struct value *observed = value_find(judged->status, "observedGeneration");
    if (generation && observed && value_integer(generation, 0) != value_integer(observed, 0)) {
        *out = say(judged, HEALTH_IN_PROGRESS,
                   arena_text(judged->arena, "its controller has seen generation %lld of %lld", (long long)value_integer(observed, 0),
                              (long long)value_integer(generation, 0)));
        return true;
    }
    const struct value *conditions = value_find(judged->status, "conditions");
    for (size_t i = 0; value_is(conditions, VALUE_LIST) && i < conditions->list.count; i++) {
        const struct value *condition = &conditions->list.items[i];
        bool reconciling = text_equal(value_text_at(condition, "type"), "Reconciling");
        bool stalled = text_equal(value_text_at(condition, "type"), "Stalled");
        if ((!reconciling && !stalled) || !condition_is(condition, "True"))
            continue;
        *out = say(judged, reconciling ? HEALTH_IN_PROGRESS : HEALTH_FAILED, condition_text(judged, condition));
        return true;
    }
    return false;
}

static enum health judge_by_ready(struct judged *judged) {
    const struct value *ready = condition_find(judged, "Ready");
    if (!ready || condition_is(ready, "True"))
        return HEALTH_CURRENT;
    return say(judged, HEALTH_IN_PROGRESS, condition_text(judged, ready));
}

static bool group_is(const char *api_version, const char *group) {
    const char *slash = api_version ? strchr(api_version, '/') : NULL;
    size_t length = slash ? (size_t)(slash - api_version) : 0;
    return strlen(group) == length && (length == 0 || strncmp(api_version, group, length) == 0);
}

enum health health_of_object(const struct value *object, int64_t now_ms, struct arena *arena, const char **reason) {
    struct judged judged = {
        .object = object, .spec = value_find(object, "spec"), .status = value_find(object, "status"), .now_ms = now_ms, .arena = arena};
    enum health health = HEALTH_UNKNOWN;
    const char *kind = value_text_at(object, "kind");
    if (!kind) {
        say(&judged, HEALTH_UNKNOWN, "not a Kubernetes object");
    } else if (!judge_generic(&judged, &health)) {
        enum health (*judge)(struct judged *) = judge_by_ready;
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
            if (text_equal(kind, rules[i].kind) && group_is(value_text_at(object, "apiVersion"), rules[i].group))
                judge = rules[i].judge;
        }
        health = judge(&judged);
    }
    if (reason)
        *reason = judged.reason;
    return health;
}

const char *health_name(enum health health) {
    static const char *const names[] = {"Unknown", "Current", "InProgress", "Failed", "Terminating"};
    return names[health];
}
