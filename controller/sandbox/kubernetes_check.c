/* kubernetes_check.c: what a write must not say: names, required fields, and fields that cannot change (pkg/apis/... validation of
 * Kubernetes 1.36). */
#include "sandbox/kubernetes.h"

#include "base/json.h"

struct check {
    struct arena *arena;
    const struct kubernetes_kind *kind;
    const struct value *live, *object;
    struct kubernetes_refusal *refusal;
};

bool kubernetes_refuse(struct arena *arena, struct kubernetes_refusal *refusal, int code, const char *reason, const char *format, ...) {
    va_list values;
    va_start(values, format);
    *refusal = (struct kubernetes_refusal){.code = code, .reason = reason, .message = arena_textv(arena, format, values)};
    va_end(values);
    return false;
}

/* errors.NewInvalid: one cause stands behind the colon, several in brackets. */
static void invalid_message(struct arena *arena, struct kubernetes_refusal *refusal, const struct kubernetes_kind *kind, const char *name) {
    const struct value *causes = value_find(&refusal->details, "causes");
    size_t count = value_count(causes);
    char *text =
        arena_text(arena, "%s%s%s \"%s\" is invalid: %s", kind->kind, *kind->group ? "." : "", kind->group, name, count > 1 ? "[" : "");
    for (size_t i = 0; i < count; i++)
        text = arena_text(arena, "%s%s%s: %s", text, i ? ", " : "", value_text_at(&causes->list.items[i], "field"),
                          value_text_at(&causes->list.items[i], "message"));
    refusal->message = arena_text(arena, "%s%s", text, count > 1 ? "]" : "");
}

bool kubernetes_invalid(struct arena *arena, struct kubernetes_refusal *refusal, const struct kubernetes_kind *kind, const char *name,
                        const char *cause_reason, const char *field, const char *cause_message) {
    if (refusal->code != 422) {
        *refusal = (struct kubernetes_refusal){.code = 422, .reason = "Invalid", .details = value_of_map()};
        if (!text_is_empty(name))
            (void)value_set(arena, &refusal->details, "name", value_of_text(name));
        if (*kind->group)
            (void)value_set(arena, &refusal->details, "group", value_of_text(kind->group));
        (void)value_set(arena, &refusal->details, "kind", value_of_text(kind->kind));
        (void)value_set(arena, &refusal->details, "causes", value_of_list());
    }
    struct value cause = value_of_map();
    (void)value_set(arena, &cause, "reason", value_of_text(cause_reason));
    (void)value_set(arena, &cause, "message", value_of_text(cause_message));
    (void)value_set(arena, &cause, "field", value_of_text(field));
    (void)value_append(arena, value_find_mutable(&refusal->details, "causes"), cause);
    invalid_message(arena, refusal, kind, name ? name : "");
    return false;
}

static void complain(const struct check *check, const char *reason, const char *field, const char *message) {
    (void)kubernetes_invalid(check->arena, check->refusal, check->kind, value_text_at(check->object, "metadata.name"), reason, field,
                             message);
}

static void require(const struct check *check, const struct value *map, const char *path, const char *key) {
    const struct value *found = value_find(map, key);
    bool empty = !found || found->type == VALUE_NULL || (value_is(found, VALUE_TEXT) && found->text.length == 0) ||
                 (value_is(found, VALUE_LIST) && found->list.count == 0);
    if (empty)
        complain(check, "FieldValueRequired", arena_text(check->arena, "%s%s%s", path, *path ? "." : "", key), "Required value");
}

static bool is_lower_or_digit(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
}

/* RFC 1123; a subdomain may have dots. RBAC names may be any path segment. */
static bool name_is_good(const char *name, bool dots) {
    size_t length = strlen(name);
    if (length == 0 || length > (dots ? 253u : 63u) || !is_lower_or_digit(name[0]) || !is_lower_or_digit(name[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_lower_or_digit(name[i]) && name[i] != '-' && !(dots && name[i] == '.'))
            return false;
    return true;
}

static void check_name(const struct check *check) {
    static const char *const label_kinds[] = {"Namespace", "Service", NULL};
    const char *name = value_text_at(check->object, "metadata.name");
    if (text_is_empty(name)) {
        complain(check, "FieldValueRequired", "metadata.name", "Required value: name or generateName is required");
        return;
    }
    if (text_equal(check->kind->group, "rbac.authorization.k8s.io")) {
        if (strchr(name, '/') || strchr(name, '%'))
            complain(check, "FieldValueInvalid", "metadata.name",
                     arena_text(check->arena, "Invalid value: \"%s\": may not contain '/' or '%%'", name));
        return;
    }
    bool label = text_in(check->kind->kind, label_kinds) && !*check->kind->group;
    if (name_is_good(name, !label))
        return;
    const char *rule =
        label ? "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
                "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
              : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
                "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    complain(check, "FieldValueInvalid", "metadata.name", arena_text(check->arena, "Invalid value: \"%s\": %s", name, rule));
}

static void check_container(const struct check *check, const struct value *container, const char *path, struct value *names) {
    require(check, container, path, "name");
    require(check, container, path, "image");
    const char *name = value_text_at(container, "name");
    if (name && value_find(names, name))
        complain(check, "FieldValueDuplicate", arena_text(check->arena, "%s.name", path),
                 arena_text(check->arena, "Duplicate value: \"%s\"", name));
    if (name)
        (void)value_set(check->arena, names, name, value_null());
    const struct value *ports = value_find(container, "ports");
    for (size_t i = 0; value_is(ports, VALUE_LIST) && i < ports->list.count; i++) {
        int64_t port = value_integer(value_find(&ports->list.items[i], "containerPort"), 0);
        if (port < 1 || port > 65535)
            complain(check, "FieldValueInvalid", arena_text(check->arena, "%s.ports[%zu].containerPort", path, i),
                     arena_text(check->arena, "Invalid value: %lld: must be between 1 and 65535, inclusive", (long long)port));
    }
    const struct value *mounts = value_find(container, "volumeMounts");
    for (size_t i = 0; value_is(mounts, VALUE_LIST) && i < mounts->list.count; i++) {
        char *mount = arena_text(check->arena, "%s.volumeMounts[%zu]", path, i);
        const char *volume = value_text_at(&mounts->list.items[i], "name");
        if (volume && !value_find(names, arena_text(check->arena, "volume %s", volume)))
            complain(check, "FieldValueNotFound", arena_text(check->arena, "%s.name", mount),
                     arena_text(check->arena, "Not found: \"%s\"", volume));
        require(check, &mounts->list.items[i], mount, "mountPath");
    }
}

static void check_pod_spec(const struct check *check, const struct value *spec, const char *path) {
    require(check, spec, path, "containers");
    static const char *const lists[] = {"initContainers", "containers", NULL};
    struct value names = value_of_map();
    const struct value *volumes = value_find(spec, "volumes");
    for (size_t i = 0; value_is(volumes, VALUE_LIST) && i < volumes->list.count; i++) {
        const char *name = value_text_at(&volumes->list.items[i], "name");
        if (name)
            (void)value_set(check->arena, &names, arena_text(check->arena, "volume %s", name), value_null());
    }
    const struct value *claims = value_at(check->object, "spec.volumeClaimTemplates");
    for (size_t i = 0; value_is(claims, VALUE_LIST) && i < claims->list.count; i++) {
        const char *name = value_text_at(&claims->list.items[i], "metadata.name");
        if (name)
            (void)value_set(check->arena, &names, arena_text(check->arena, "volume %s", name), value_null());
    }
    for (size_t l = 0; lists[l]; l++) {
        const struct value *list = value_find(spec, lists[l]);
        for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++)
            check_container(check, &list->list.items[i], arena_text(check->arena, "%s.%s[%zu]", path, lists[l], i), &names);
    }
}

static void check_selector(const struct check *check) {
    const struct value *selector = value_at(check->object, "spec.selector");
    const struct value *labels = value_at(check->object, "spec.template.metadata.labels");
    if (value_count(selector) == 0)
        complain(check, "FieldValueRequired", "spec.selector", "Required value");
    if (!kubernetes_labels_match(selector, labels))
        complain(check, "FieldValueInvalid", "spec.template.metadata.labels",
                 arena_text(check->arena, "Invalid value: %s: `selector` does not match template `labels`",
                            labels ? json_text(check->arena, labels) : "null"));
}

static void unchanged(const struct check *check, const char *path, const char *field) {
    const struct value *before = value_at(check->live, path);
    const struct value *after = value_at(check->object, path);
    if (before && !(after && value_equal(before, after)))
        complain(check, "FieldValueInvalid", field,
                 arena_text(check->arena, "Invalid value: %s: field is immutable", after ? json_text(check->arena, after) : "null"));
}

static void check_workload(const struct check *check) {
    check_selector(check);
    check_pod_spec(check, value_at(check->object, "spec.template.spec"), "spec.template.spec");
    const char *restart = value_text_at(check->object, "spec.template.spec.restartPolicy");
    if (restart && !text_equal(restart, "Always"))
        complain(check, "FieldValueNotSupported", "spec.template.spec.restartPolicy",
                 arena_text(check->arena, "Unsupported value: \"%s\": supported values: \"Always\"", restart));
    if (value_integer(value_at(check->object, "spec.replicas"), 0) < 0)
        complain(check, "FieldValueInvalid", "spec.replicas",
                 arena_text(check->arena, "Invalid value: %lld: must be greater than or equal to 0",
                            (long long)value_integer(value_at(check->object, "spec.replicas"), 0)));
    if (check->live)
        unchanged(check, "spec.selector", "spec.selector");
}

/* Only these may change (pkg/apis/apps/validation, ValidateStatefulSetUpdate). */
static void check_stateful_set(const struct check *check) {
    static const char *const may[] = {"replicas",
                                      "template",
                                      "updateStrategy",
                                      "revisionHistoryLimit",
                                      "minReadySeconds",
                                      "ordinals",
                                      "persistentVolumeClaimRetentionPolicy",
                                      NULL};
    check_selector(check);
    check_pod_spec(check, value_at(check->object, "spec.template.spec"), "spec.template.spec");
    if (!check->live)
        return;
    struct value before = value_copy(check->arena, value_find(check->live, "spec"));
    struct value after = value_copy(check->arena, value_find(check->object, "spec"));
    for (size_t i = 0; may[i]; i++) {
        (void)value_remove(&before, may[i]);
        (void)value_remove(&after, may[i]);
    }
    if (!value_equal(&before, &after))
        complain(check, "FieldValueForbidden", "spec",
                 "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                 "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

static void check_job(const struct check *check) {
    check_pod_spec(check, value_at(check->object, "spec.template.spec"), "spec.template.spec");
    const char *restart = value_text_at(check->object, "spec.template.spec.restartPolicy");
    if (!text_equal(restart, "OnFailure") && !text_equal(restart, "Never"))
        complain(check, "FieldValueNotSupported", "spec.template.spec.restartPolicy",
                 arena_text(check->arena, "Unsupported value: \"%s\": supported values: \"OnFailure\", \"Never\"", restart ? restart : ""));
    if (!check->live)
        return;
    unchanged(check, "spec.completions", "spec.completions");
    unchanged(check, "spec.selector", "spec.selector");
    unchanged(check, "spec.template", "spec.template");
    unchanged(check, "spec.completionMode", "spec.completionMode");
}

static void check_cron_job(const struct check *check) {
    require(check, value_find(check->object, "spec"), "spec", "schedule");
    check_pod_spec(check, value_at(check->object, "spec.jobTemplate.spec.template.spec"), "spec.jobTemplate.spec.template.spec");
}

static void check_pod(const struct check *check) {
    static const char *const may[] = {
        "containers", "initContainers", "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName", NULL};
    check_pod_spec(check, value_find(check->object, "spec"), "spec");
    if (!check->live)
        return;
    struct value before = value_copy(check->arena, value_find(check->live, "spec"));
    struct value after = value_copy(check->arena, value_find(check->object, "spec"));
    for (size_t i = 0; may[i]; i++) {
        (void)value_remove(&before, may[i]);
        (void)value_remove(&after, may[i]);
    }
    if (!value_equal(&before, &after))
        complain(check, "FieldValueForbidden", "spec",
                 "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
                 "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                 "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
}

static void check_service(const struct check *check) {
    const char *type = value_text_at(check->object, "spec.type");
    bool headless = text_equal(value_text_at(check->object, "spec.clusterIP"), "None");
    if (text_equal(type, "ExternalName"))
        require(check, value_find(check->object, "spec"), "spec", "externalName");
    else if (!headless)
        require(check, value_find(check->object, "spec"), "spec", "ports");
    const struct value *ports = value_at(check->object, "spec.ports");
    for (size_t i = 0; value_is(ports, VALUE_LIST) && i < ports->list.count; i++) {
        char *path = arena_text(check->arena, "spec.ports[%zu]", i);
        int64_t port = value_integer(value_find(&ports->list.items[i], "port"), 0);
        if (ports->list.count > 1)
            require(check, &ports->list.items[i], path, "name");
        if (port < 1 || port > 65535)
            complain(check, "FieldValueInvalid", arena_text(check->arena, "%s.port", path),
                     arena_text(check->arena, "Invalid value: %lld: must be between 1 and 65535, inclusive", (long long)port));
    }
    const char *before = value_text_at(check->live, "spec.clusterIP");
    const char *after = value_text_at(check->object, "spec.clusterIP");
    if (before && *before && !text_equal(type, "ExternalName") && !text_equal(before, after)) {
        complain(check, "FieldValueInvalid", "spec.clusterIPs[0]",
                 arena_text(check->arena, "Invalid value: [\"%s\"]: may not change once set", after ? after : ""));
    }
}

static void check_data(const struct check *check) {
    if (!check->live || !value_boolean(value_find(check->live, "immutable"), false))
        return;
    static const char *const parts[] = {"data", "binaryData", NULL};
    if (!value_boolean(value_find(check->object, "immutable"), false))
        complain(check, "FieldValueForbidden", "immutable", "Forbidden: field is immutable when `immutable` is set");
    for (size_t i = 0; parts[i]; i++) {
        const struct value *before = value_find(check->live, parts[i]);
        const struct value *after = value_find(check->object, parts[i]);
        bool equal = before && after ? value_equal(before, after) : value_count(before) == value_count(after);
        if (!equal)
            complain(check, "FieldValueForbidden", parts[i], "Forbidden: field is immutable when `immutable` is set");
    }
}

static void check_secret(const struct check *check) {
    check_data(check);
    if (check->live)
        unchanged(check, "type", "type");
}

static void check_binding(const struct check *check) {
    require(check, value_find(check->object, "roleRef"), "roleRef", "name");
    require(check, value_find(check->object, "roleRef"), "roleRef", "kind");
    const struct value *before = value_find(check->live, "roleRef");
    const struct value *after = value_find(check->object, "roleRef");
    if (before && after && !value_equal(before, after))
        complain(check, "FieldValueInvalid", "roleRef",
                 arena_text(check->arena, "Invalid value: %s: cannot change roleRef", json_text(check->arena, after)));
}

static void check_storage_class(const struct check *check) {
    static const char *const fixed[] = {"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode", NULL};
    require(check, check->object, "", "provisioner");
    for (size_t i = 0; check->live && fixed[i]; i++) {
        const struct value *before = value_find(check->live, fixed[i]);
        const struct value *after = value_find(check->object, fixed[i]);
        bool equal = before && after ? value_equal(before, after) : value_count(before) == value_count(after);
        if (!equal)
            complain(check, "FieldValueForbidden", fixed[i], arena_text(check->arena, "Forbidden: updates to %s are forbidden.", fixed[i]));
    }
}

static void check_claim(const struct check *check) {
    require(check, value_find(check->object, "spec"), "spec", "accessModes");
    if (!check->live)
        return;
    struct value before = value_copy(check->arena, value_find(check->live, "spec"));
    struct value after = value_copy(check->arena, value_find(check->object, "spec"));
    static const char *const may[] = {"resources", "volumeName", "storageClassName", "volumeAttributesClassName", NULL};
    for (size_t i = 0; may[i]; i++) {
        (void)value_remove(&before, may[i]);
        (void)value_remove(&after, may[i]);
    }
    if (!value_equal(&before, &after))
        complain(check, "FieldValueForbidden", "spec",
                 "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
}

static void check_definition(const struct check *check) {
    const struct value *spec = value_find(check->object, "spec");
    require(check, spec, "spec", "group");
    require(check, spec, "spec", "scope");
    require(check, spec, "spec", "versions");
    require(check, value_find(spec, "names"), "spec.names", "plural");
    require(check, value_find(spec, "names"), "spec.names", "kind");
    const char *name = value_text_at(check->object, "metadata.name");
    const char *plural = value_text_at(spec, "names.plural");
    const char *group = value_text_at(spec, "group");
    if (name && plural && group && !text_equal(name, arena_text(check->arena, "%s.%s", plural, group)))
        complain(check, "FieldValueInvalid", "metadata.name",
                 arena_text(check->arena, "Invalid value: \"%s\": must be spec.names.plural+\".\"+spec.group", name));
    if (!check->live)
        return;
    unchanged(check, "spec.group", "spec.group");
    unchanged(check, "spec.scope", "spec.scope");
    unchanged(check, "spec.names.plural", "spec.names.plural");
    unchanged(check, "spec.names.kind", "spec.names.kind");
}

static void check_daemon_set(const struct check *check) {
    check_workload(check);
}

static const struct {
    const char *kind;
    void (*run)(const struct check *check);
} checks[] = {
    {"Deployment", check_workload},
    {"ReplicaSet", check_workload},
    {"DaemonSet", check_daemon_set},
    {"StatefulSet", check_stateful_set},
    {"Job", check_job},
    {"CronJob", check_cron_job},
    {"Pod", check_pod},
    {"Service", check_service},
    {"ConfigMap", check_data},
    {"Secret", check_secret},
    {"RoleBinding", check_binding},
    {"ClusterRoleBinding", check_binding},
    {"StorageClass", check_storage_class},
    {"PersistentVolumeClaim", check_claim},
    {"CustomResourceDefinition", check_definition},
};

/* The required members and enumerations of a structural schema. */
static void check_openapi(const struct check *check, const struct value *schema, const struct value *value, const char *path) {
    const struct value *required = value_find(schema, "required");
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value_count(required); i++)
        require(check, value, path, value_text(&required->list.items[i]));
    const struct value *properties = value_find(schema, "properties");
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value->map.count; i++) {
        const struct value *below = value_find(properties, value->map.members[i].key);
        if (below)
            check_openapi(check, below, &value->map.members[i].value,
                          arena_text(check->arena, "%s%s%s", path, *path ? "." : "", value->map.members[i].key));
    }
    const struct value *items = value_find(schema, "items");
    for (size_t i = 0; items && value_is(value, VALUE_LIST) && i < value->list.count; i++)
        check_openapi(check, items, &value->list.items[i], arena_text(check->arena, "%s[%zu]", path, i));
    const char *type = value_text_at(schema, "type");
    bool right =
        !type || (text_equal(type, "object") && value_is(value, VALUE_MAP)) || (text_equal(type, "array") && value_is(value, VALUE_LIST)) ||
        (text_equal(type, "string") && value_is(value, VALUE_TEXT)) || (text_equal(type, "boolean") && value_is(value, VALUE_BOOLEAN)) ||
        (text_equal(type, "integer") && value_is(value, VALUE_INTEGER)) ||
        (text_equal(type, "number") && (value_is(value, VALUE_INTEGER) || value_is(value, VALUE_NUMBER)));
    if (!right)
        complain(check, "FieldValueTypeInvalid", path,
                 arena_text(check->arena, "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"",
                            value_type_name((enum value_type)value->type), path, type, value_type_name((enum value_type)value->type)));
}

bool kubernetes_check(struct arena *arena, const struct kubernetes_kind *kind, const struct value *live, const struct value *object,
                      struct kubernetes_refusal *refusal) {
    struct check check = {arena, kind, live, object, refusal};
    *refusal = (struct kubernetes_refusal){0};
    check_name(&check);
    if (kind->definition)
        check_openapi(&check, value_at(kind->definition, "schema.openAPIV3Schema"), object, "");
    for (size_t i = 0; !kind->definition && i < sizeof checks / sizeof *checks; i++)
        if (text_equal(checks[i].kind, kind->kind))
            checks[i].run(&check);
    return refusal->code == 0;
}

struct value kubernetes_status_value(struct arena *arena, const struct kubernetes_refusal *refusal) {
    struct value status = value_of_map();
    (void)value_set(arena, &status, "kind", value_of_text("Status"));
    (void)value_set(arena, &status, "apiVersion", value_of_text("v1"));
    (void)value_set(arena, &status, "metadata", value_of_map());
    (void)value_set(arena, &status, "status", value_of_text("Failure"));
    (void)value_set(arena, &status, "message", value_of_text(refusal->message));
    if (!text_is_empty(refusal->reason))
        (void)value_set(arena, &status, "reason", value_of_text(refusal->reason));
    /* Answers of the generic handlers say details with nothing in them. */
    static const char *const bare[] = {"Unauthorized", "BadRequest", "Expired", "", NULL};
    if (refusal->details.type == VALUE_MAP)
        (void)value_set(arena, &status, "details", refusal->details);
    else if (!text_in(refusal->reason, bare))
        (void)value_set(arena, &status, "details", value_of_map());
    (void)value_set(arena, &status, "code", value_of_integer(refusal->code));
    return status;
}

void kubernetes_refusal_answer(struct http_exchange *exchange, const struct kubernetes_refusal *refusal) {
    struct value status = kubernetes_status_value(exchange->arena, refusal);
    world_respond_json(exchange, refusal->code, &status);
}
