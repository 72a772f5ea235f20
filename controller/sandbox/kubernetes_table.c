/* kubernetes_table.c: meta.k8s.io/v1 Table, as kubectl get asks for it (pkg/printers/internalversion of Kubernetes 1.36). */
#include "sandbox/kubernetes.h"

#include "base/json.h"

struct cell {
    struct world *world;
    struct arena *arena;
    const struct value *object;
    const char *path; /* of the column */
};

static struct value of_text(const struct cell *cell, const char *text) {
    return value_of_text(arena_text(cell->arena, "%s", text));
}

static struct value cell_plain(const struct cell *cell) {
    const struct value *found = value_at(cell->object, cell->path);
    if (!found)
        return value_of_text("<none>");
    if (found->type == VALUE_TEXT || found->type == VALUE_INTEGER || found->type == VALUE_BOOLEAN)
        return *found;
    return of_text(cell, json_text(cell->arena, found));
}

static struct value cell_number(const struct cell *cell) {
    return value_of_integer(value_integer(value_at(cell->object, cell->path), 0));
}

static struct value cell_count(const struct cell *cell) {
    return value_of_integer((int64_t)value_count(value_at(cell->object, cell->path)));
}

/* duration.HumanDuration: two units where the first is small. */
static char *human(struct arena *arena, int64_t seconds) {
    long long s = (long long)(seconds < 0 ? 0 : seconds);
    if (s < 120)
        return arena_text(arena, "%llds", s);
    if (s < 600)
        return s % 60 ? arena_text(arena, "%lldm%llds", s / 60, s % 60) : arena_text(arena, "%lldm", s / 60);
    if (s < 10800)
        return arena_text(arena, "%lldm", s / 60);
    if (s < 28800)
        return s / 60 % 60 ? arena_text(arena, "%lldh%lldm", s / 3600, s / 60 % 60) : arena_text(arena, "%lldh", s / 3600);
    if (s < 172800)
        return arena_text(arena, "%lldh", s / 3600);
    if (s < 691200)
        return s / 3600 % 24 ? arena_text(arena, "%lldd%lldh", s / 86400, s / 3600 % 24) : arena_text(arena, "%lldd", s / 86400);
    return arena_text(arena, "%lldd", s / 86400);
}

static struct value cell_age(const struct cell *cell) {
    int64_t since = 0;
    const char *time = value_text_at(cell->object, cell->path);
    if (!time || !time_parse(time, &since))
        return value_of_text("<unknown>");
    return value_of_text(human(cell->arena, (cell->world->now_ms - since) / 1000));
}

static struct value cell_ready(const struct cell *cell) {
    int64_t ready = value_integer(value_at(cell->object, "status.readyReplicas"), 0);
    int64_t wanted = value_integer(value_at(cell->object, "spec.replicas"), 0);
    return value_of_text(arena_text(cell->arena, "%lld/%lld", (long long)ready, (long long)wanted));
}

static struct value cell_pod_ready(const struct cell *cell) {
    const struct value *statuses = value_at(cell->object, "status.containerStatuses");
    size_t ready = 0;
    for (size_t i = 0; i < value_count(statuses); i++)
        ready += value_boolean(value_find(&statuses->list.items[i], "ready"), false);
    return value_of_text(arena_text(cell->arena, "%zu/%zu", ready, value_count(value_at(cell->object, "spec.containers"))));
}

static struct value cell_pod_status(const struct cell *cell) {
    const struct value *statuses = value_at(cell->object, "status.containerStatuses");
    const char *text = value_text_at(cell->object, "status.phase");
    for (size_t i = 0; i < value_count(statuses); i++) {
        const char *waiting = value_text_at(&statuses->list.items[i], "state.waiting.reason");
        const char *ended = value_text_at(&statuses->list.items[i], "state.terminated.reason");
        text = waiting ? waiting : ended ? ended : text;
    }
    if (value_at(cell->object, "metadata.deletionTimestamp"))
        text = "Terminating";
    return of_text(cell, text ? text : "Unknown");
}

static struct value cell_restarts(const struct cell *cell) {
    const struct value *statuses = value_at(cell->object, "status.containerStatuses");
    int64_t restarts = 0;
    for (size_t i = 0; i < value_count(statuses); i++)
        restarts += value_integer(value_find(&statuses->list.items[i], "restartCount"), 0);
    return value_of_text(arena_text(cell->arena, "%lld", (long long)restarts));
}

static struct value cell_external(const struct cell *cell) {
    const char *name = value_text_at(cell->object, "spec.externalName");
    const struct value *ingress = value_at(cell->object, "status.loadBalancer.ingress");
    if (name)
        return of_text(cell, name);
    if (!text_equal(value_text_at(cell->object, "spec.type"), "LoadBalancer"))
        return value_of_text("<none>");
    const struct value *first = value_count(ingress) ? &ingress->list.items[0] : NULL;
    const char *address = value_text_at(first, "hostname") ? value_text_at(first, "hostname") : value_text_at(first, "ip");
    return address ? of_text(cell, address) : value_of_text("<pending>");
}

static struct value cell_ports(const struct cell *cell) {
    const struct value *ports = value_at(cell->object, "spec.ports");
    char *text = NULL;
    for (size_t i = 0; i < value_count(ports); i++) {
        const struct value *port = &ports->list.items[i];
        long long number = (long long)value_integer(value_find(port, "port"), 0);
        long long node = (long long)value_integer(value_find(port, "nodePort"), 0);
        const char *protocol = value_text_at(port, "protocol");
        char *one =
            node ? arena_text(cell->arena, "%lld:%lld/%s", number, node, protocol) : arena_text(cell->arena, "%lld/%s", number, protocol);
        text = arena_text(cell->arena, "%s%s%s", text ? text : "", text ? "," : "", one);
    }
    return value_of_text(text ? text : "<none>");
}

static const char *condition_status(const struct value *object, const char *type) {
    const struct value *conditions = value_at(object, "status.conditions");
    for (size_t i = 0; i < value_count(conditions); i++)
        if (text_equal(value_text_at(&conditions->list.items[i], "type"), type))
            return value_text_at(&conditions->list.items[i], "status");
    return NULL;
}

static struct value cell_node_status(const struct cell *cell) {
    const char *ready = text_equal(condition_status(cell->object, "Ready"), "True") ? "Ready" : "NotReady";
    bool cordoned = value_boolean(value_at(cell->object, "spec.unschedulable"), false);
    return value_of_text(arena_text(cell->arena, "%s%s", ready, cordoned ? ",SchedulingDisabled" : ""));
}

static struct value cell_roles(const struct cell *cell) {
    (void)cell;
    return value_of_text("<none>");
}

static struct value cell_job_status(const struct cell *cell) {
    static const char *const types[] = {"Complete", "Failed", "Suspended", NULL};
    for (size_t i = 0; types[i]; i++)
        if (text_equal(condition_status(cell->object, types[i]), "True"))
            return value_of_text(types[i]);
    return value_of_text("Running");
}

static struct value cell_completions(const struct cell *cell) {
    return value_of_text(arena_text(cell->arena, "%lld/%lld", (long long)value_integer(value_at(cell->object, "status.succeeded"), 0),
                                    (long long)value_integer(value_at(cell->object, "spec.completions"), 1)));
}

static struct value cell_containers(const struct cell *cell) {
    bool images = text_equal(cell->path, "image");
    const struct value *containers = value_at(cell->object, "spec.template.spec.containers");
    char *text = NULL;
    for (size_t i = 0; i < value_count(containers); i++) {
        const char *one = value_text_at(&containers->list.items[i], images ? "image" : "name");
        text = arena_text(cell->arena, "%s%s%s", text ? text : "", text ? "," : "", one ? one : "");
    }
    return value_of_text(text ? text : "<none>");
}

static struct value cell_selector(const struct cell *cell) {
    const struct value *labels = value_at(cell->object, cell->path);
    char *text = NULL;
    for (size_t i = 0; i < value_count(labels); i++)
        text = arena_text(cell->arena, "%s%s%s=%s", text ? text : "", text ? "," : "", labels->map.members[i].key,
                          value_text(&labels->map.members[i].value));
    return value_of_text(text ? text : "<none>");
}

struct column {
    const char *kind; /* NULL: of every kind that has no row of its own */
    const char *name, *type, *path;
    struct value (*text)(const struct cell *cell);
    int priority; /* 1: only with -o wide */
};

static const char age_path[] = "metadata.creationTimestamp";
#define NAME(kind)                                                                                                                         \
    { kind, "Name", "string", "metadata.name", cell_plain, 0 }
#define AGE(kind)                                                                                                                          \
    { kind, "Age", "string", age_path, cell_age, 0 }
#define WIDE(kind, selector)                                                                                                               \
    {kind, "Containers", "string", "name", cell_containers, 1}, {kind, "Images", "string", "image", cell_containers, 1}, {                 \
        kind, "Selector", "string", selector, cell_selector, 1                                                                             \
    }

static const struct column columns[] = {
    NAME("Deployment"),
    {"Deployment", "Ready", "string", "", cell_ready, 0},
    {"Deployment", "Up-to-date", "string", "status.updatedReplicas", cell_number, 0},
    {"Deployment", "Available", "string", "status.availableReplicas", cell_number, 0},
    AGE("Deployment"),
    WIDE("Deployment", "spec.selector.matchLabels"),
    NAME("ReplicaSet"),
    {"ReplicaSet", "Desired", "integer", "spec.replicas", cell_number, 0},
    {"ReplicaSet", "Current", "integer", "status.replicas", cell_number, 0},
    {"ReplicaSet", "Ready", "integer", "status.readyReplicas", cell_number, 0},
    AGE("ReplicaSet"),
    WIDE("ReplicaSet", "spec.selector.matchLabels"),
    NAME("StatefulSet"),
    {"StatefulSet", "Ready", "string", "", cell_ready, 0},
    AGE("StatefulSet"),
    NAME("DaemonSet"),
    {"DaemonSet", "Desired", "integer", "status.desiredNumberScheduled", cell_number, 0},
    {"DaemonSet", "Current", "integer", "status.currentNumberScheduled", cell_number, 0},
    {"DaemonSet", "Ready", "integer", "status.numberReady", cell_number, 0},
    {"DaemonSet", "Up-to-date", "integer", "status.updatedNumberScheduled", cell_number, 0},
    {"DaemonSet", "Available", "integer", "status.numberAvailable", cell_number, 0},
    {"DaemonSet", "Node Selector", "string", "spec.template.spec.nodeSelector", cell_selector, 0},
    AGE("DaemonSet"),
    NAME("Pod"),
    {"Pod", "Ready", "string", "", cell_pod_ready, 0},
    {"Pod", "Status", "string", "", cell_pod_status, 0},
    {"Pod", "Restarts", "string", "", cell_restarts, 0},
    AGE("Pod"),
    {"Pod", "IP", "string", "status.podIP", cell_plain, 1},
    {"Pod", "Node", "string", "spec.nodeName", cell_plain, 1},
    NAME("Service"),
    {"Service", "Type", "string", "spec.type", cell_plain, 0},
    {"Service", "Cluster-IP", "string", "spec.clusterIP", cell_plain, 0},
    {"Service", "External-IP", "string", "", cell_external, 0},
    {"Service", "Port(s)", "string", "", cell_ports, 0},
    AGE("Service"),
    {"Service", "Selector", "string", "spec.selector", cell_selector, 1},
    NAME("Node"),
    {"Node", "Status", "string", "", cell_node_status, 0},
    {"Node", "Roles", "string", "", cell_roles, 0},
    AGE("Node"),
    {"Node", "Version", "string", "status.nodeInfo.kubeletVersion", cell_plain, 0},
    NAME("Namespace"),
    {"Namespace", "Status", "string", "status.phase", cell_plain, 0},
    AGE("Namespace"),
    NAME("Job"),
    {"Job", "Status", "string", "", cell_job_status, 0},
    {"Job", "Completions", "string", "", cell_completions, 0},
    AGE("Job"),
    NAME("CronJob"),
    {"CronJob", "Schedule", "string", "spec.schedule", cell_plain, 0},
    {"CronJob", "Suspend", "boolean", "spec.suspend", cell_plain, 0},
    AGE("CronJob"),
    NAME("ConfigMap"),
    {"ConfigMap", "Data", "string", "data", cell_count, 0},
    AGE("ConfigMap"),
    NAME("Secret"),
    {"Secret", "Type", "string", "type", cell_plain, 0},
    {"Secret", "Data", "string", "data", cell_count, 0},
    AGE("Secret"),
    NAME("ServiceAccount"),
    {"ServiceAccount", "Secrets", "string", "secrets", cell_count, 0},
    AGE("ServiceAccount"),
    NAME("PersistentVolumeClaim"),
    {"PersistentVolumeClaim", "Status", "string", "status.phase", cell_plain, 0},
    {"PersistentVolumeClaim", "Volume", "string", "spec.volumeName", cell_plain, 0},
    {"PersistentVolumeClaim", "Capacity", "string", "status.capacity.storage", cell_plain, 0},
    {"PersistentVolumeClaim", "StorageClass", "string", "spec.storageClassName", cell_plain, 0},
    AGE("PersistentVolumeClaim"),
    NAME("CustomResourceDefinition"),
    {"CustomResourceDefinition", "Created At", "date", age_path, cell_plain, 0},
    NAME(NULL),
    AGE(NULL),
};
enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

static void definition_add(struct arena *arena, struct value *list, const char *name, const char *type, int priority) {
    struct value definition = value_of_map();
    (void)value_set(arena, &definition, "name", value_of_text(name));
    (void)value_set(arena, &definition, "type", value_of_text(type));
    (void)value_set(arena, &definition, "format", value_of_text(text_equal(name, "Name") ? "name" : ""));
    (void)value_set(arena, &definition, "description", value_of_text(""));
    (void)value_set(arena, &definition, "priority", value_of_integer(priority));
    (void)value_append(arena, list, definition);
}

/* additionalPrinterColumns whose JSONPath is plain members: ".spec.size". */
static struct value cell_custom(const struct cell *cell, const struct value *column) {
    const char *path = value_text_at(column, "jsonPath");
    struct cell plain = *cell;
    plain.path = path && *path == '.' ? path + 1 : "";
    if (text_equal(value_text_at(column, "type"), "date"))
        return cell_age(&plain);
    return value_at(cell->object, plain.path) ? cell_plain(&plain) : value_null();
}

static void row_custom(const struct cell *cell, const struct kubernetes_kind *kind, struct value *cells) {
    struct cell name = *cell;
    name.path = "metadata.name";
    (void)value_append(cell->arena, cells, cell_plain(&name));
    const struct value *custom = value_find(kind->definition, "additionalPrinterColumns");
    for (size_t i = 0; i < value_count(custom); i++)
        (void)value_append(cell->arena, cells, cell_custom(cell, &custom->list.items[i]));
    name.path = age_path;
    if (value_count(custom) == 0)
        (void)value_append(cell->arena, cells, cell_age(&name));
}

static const char *rows_of(const struct kubernetes_kind *kind) {
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (text_equal(columns[i].kind, kind->kind))
            return columns[i].kind;
    return NULL;
}

static struct value definitions_of(struct arena *arena, const struct kubernetes_kind *kind) {
    struct value list = value_of_list();
    if (kind->definition) {
        const struct value *custom = value_find(kind->definition, "additionalPrinterColumns");
        definition_add(arena, &list, "Name", "string", 0);
        for (size_t i = 0; i < value_count(custom); i++)
            definition_add(arena, &list, value_text_at(&custom->list.items[i], "name"), value_text_at(&custom->list.items[i], "type"),
                           (int)value_integer(value_find(&custom->list.items[i], "priority"), 0));
        if (value_count(custom) == 0)
            definition_add(arena, &list, "Age", "date", 0);
        return list;
    }
    const char *wanted = rows_of(kind);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (text_equal(columns[i].kind, wanted))
            definition_add(arena, &list, columns[i].name, columns[i].type, columns[i].priority);
    return list;
}

static struct value row_of(struct world *world, struct arena *arena, const struct kubernetes_kind *kind, const struct value *object,
                           const char *include) {
    struct value row = value_of_map();
    struct value cells = value_of_list();
    struct cell cell = {world, arena, object, ""};
    const char *wanted = rows_of(kind);
    if (kind->definition)
        row_custom(&cell, kind, &cells);
    for (size_t i = 0; !kind->definition && i < COLUMN_COUNT; i++) {
        if (!text_equal(columns[i].kind, wanted))
            continue;
        cell.path = columns[i].path;
        (void)value_append(arena, &cells, columns[i].text(&cell));
    }
    (void)value_set(arena, &row, "cells", cells);
    if (text_equal(include, "None"))
        return row;
    struct value shown = *object;
    if (!text_equal(include, "Object")) {
        shown = value_of_map();
        (void)value_set(arena, &shown, "kind", value_of_text("PartialObjectMetadata"));
        (void)value_set(arena, &shown, "apiVersion", value_of_text("meta.k8s.io/v1"));
        (void)value_set(arena, &shown, "metadata", *value_find(object, "metadata"));
    }
    (void)value_set(arena, &row, "object", shown);
    return row;
}

struct value kubernetes_table(struct arena *arena, struct world *world, const struct kubernetes_kind *kind,
                              const struct value *const *objects, size_t count, bool with_columns, const char *include) {
    struct value table = value_of_map();
    struct value rows = value_of_list();
    for (size_t i = 0; i < count; i++)
        (void)value_append(arena, &rows, row_of(world, arena, kind, objects[i], include));
    struct value metadata = value_of_map();
    const char *version = count == 1 ? value_text_at(objects[0], "metadata.resourceVersion") : NULL;
    if (version)
        (void)value_set(arena, &metadata, "resourceVersion", value_of_text(version));
    (void)value_set(arena, &table, "kind", value_of_text("Table"));
    (void)value_set(arena, &table, "apiVersion", value_of_text("meta.k8s.io/v1"));
    (void)value_set(arena, &table, "metadata", metadata);
    (void)value_set(arena, &table, "columnDefinitions", with_columns ? definitions_of(arena, kind) : value_of_list());
    (void)value_set(arena, &table, "rows", rows);
    return table;
}
