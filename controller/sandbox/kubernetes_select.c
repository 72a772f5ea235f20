/* kubernetes_select.c: label and field selectors, as query parameters and as metav1.LabelSelector. */
#include "sandbox/kubernetes.h"

static bool holds(const char *operator, const struct value * values, const char *actual) {
    if (text_equal(operator, "Exists"))
        return actual != NULL;
    if (text_equal(operator, "DoesNotExist"))
        return actual == NULL;
    bool in = false;
    for (size_t i = 0; actual && i < value_count(values); i++)
        in = in || text_equal(value_text(&values->list.items[i]), actual);
    return text_equal(operator, "In") ? in : !in;
}

static bool requirement_holds(const struct value *requirement, const struct value *labels) {
    const char *actual = value_text(value_find(labels, value_text_at(requirement, "key")));
    return holds(value_text_at(requirement, "operator"), value_find(requirement, "values"), actual);
}

bool kubernetes_labels_match(const struct value *selector, const struct value *labels) {
    if (!value_is(selector, VALUE_MAP))
        return false;
    const struct value *equal = value_find(selector, "matchLabels");
    for (size_t i = 0; i < value_count(equal); i++) {
        const char *actual = value_text(value_find(labels, equal->map.members[i].key));
        if (!actual || !text_equal(actual, value_text(&equal->map.members[i].value)))
            return false;
    }
    const struct value *expressions = value_find(selector, "matchExpressions");
    for (size_t i = 0; i < value_count(expressions); i++)
        if (!requirement_holds(&expressions->list.items[i], labels))
            return false;
    return true;
}

static char *trimmed(struct arena *arena, const char *from, size_t length) {
    while (length > 0 && *from == ' ') {
        from++;
        length--;
    }
    while (length > 0 && from[length - 1] == ' ')
        length--;
    return arena_copy(arena, from, length);
}

static void requirement_add(struct arena *arena, struct value *list, const char *key, const char *operator, const char * values) {
    struct value requirement = value_of_map();
    struct value parsed = value_of_list();
    (void)value_set(arena, &requirement, "key", value_of_text(key));
    (void)value_set(arena, &requirement, "operator", value_of_text(operator));
    while (values) {
        const char *comma = strchr(values, ',');
        size_t length = comma ? (size_t)(comma - values) : strlen(values);
        (void)value_append(arena, &parsed, value_of_text(trimmed(arena, values, length)));
        values = comma ? comma + 1 : NULL;
    }
    (void)value_set(arena, &requirement, "values", parsed);
    (void)value_append(arena, list, requirement);
}

/* "key in (a, b)" or "key notin (…)": true when it is one. */
static bool set_requirement(struct arena *arena, struct value *list, const char *text) {
    static const struct {
        const char *word, *operator;
    } words[] = {{" notin ", "NotIn"}, {" in ", "In"}, {" notin(", "NotIn"}, {" in(", "In"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(text, words[i].word);
        const char *open = at ? strchr(at, '(') : NULL;
        const char *close = open ? strrchr(open, ')') : NULL;
        if (!close)
            continue;
        requirement_add(arena, list, trimmed(arena, text, (size_t)(at - text)), words[i].operator,
                        arena_copy(arena, open + 1, (size_t)(close - open) - 1));
        return true;
    }
    return false;
}

static bool key_is_good(const char *key) {
    if (!*key)
        return false;
    for (const char *at = key; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || strchr("-_./", *at)))
            return false;
    return true;
}

static bool requirement_parse(struct arena *arena, struct value *list, const char *text) {
    if (set_requirement(arena, list, text))
        return true;
    const char *equals = strchr(text, '=');
    if (!equals) {
        const char *key = *text == '!' ? trimmed(arena, text + 1, strlen(text + 1)) : text;
        requirement_add(arena, list, key, *text == '!' ? "DoesNotExist" : "Exists", NULL);
        return key_is_good(key);
    }
    bool negated = equals > text && equals[-1] == '!';
    const char *value = equals[1] == '=' ? equals + 2 : equals + 1;
    const char *key = trimmed(arena, text, (size_t)(equals - text) - (negated ? 1 : 0));
    requirement_add(arena, list, key, negated ? "NotIn" : "In", trimmed(arena, value, strlen(value)));
    return key_is_good(key);
}

/* Commas inside parentheses do not separate. */
static bool requirements_parse(struct arena *arena, const char *text, struct value *list) {
    *list = value_of_list();
    while (text && *text) {
        int depth = 0;
        size_t length = 0;
        for (; text[length] && (depth > 0 || text[length] != ','); length++)
            depth += text[length] == '(' ? 1 : text[length] == ')' ? -1 : 0;
        const char *part = trimmed(arena, text, length);
        if (*part && !requirement_parse(arena, list, part))
            return false;
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return true;
}

bool kubernetes_selector_parse(struct arena *arena, const char *labels, const char *fields, struct kubernetes_selector *out,
                               struct kubernetes_refusal *refusal) {
    if (!requirements_parse(arena, labels, &out->requirements))
        return kubernetes_refuse(arena, refusal, 400, "BadRequest", "unable to parse requirement: %s", labels);
    if (!requirements_parse(arena, fields, &out->fields))
        return kubernetes_refuse(arena, refusal, 400, "BadRequest", "unable to parse field selector: %s", fields);
    static const char *const known[] = {"metadata.name",
                                        "metadata.namespace",
                                        "spec.nodeName",
                                        "spec.restartPolicy",
                                        "spec.schedulerName",
                                        "spec.serviceAccountName",
                                        "status.phase",
                                        "status.podIP",
                                        "type",
                                        "spec.type",
                                        "spec.clusterIP",
                                        "spec.unschedulable",
                                        "status.successful",
                                        "reason",
                                        "involvedObject.kind",
                                        "involvedObject.namespace",
                                        "involvedObject.name",
                                        "involvedObject.uid",
                                        "involvedObject.apiVersion",
                                        "involvedObject.resourceVersion",
                                        "involvedObject.fieldPath",
                                        "source",
                                        "reportingComponent",
                                        NULL};
    for (size_t i = 0; i < out->fields.list.count; i++) {
        const char *key = value_text_at(&out->fields.list.items[i], "key");
        if (!text_in(key, known))
            return kubernetes_refuse(arena, refusal, 400, "BadRequest", "field label not supported: %s", key);
    }
    return true;
}

bool kubernetes_selector_matches(const struct kubernetes_selector *selector, const struct value *object) {
    const struct value *labels = value_at(object, "metadata.labels");
    for (size_t i = 0; i < value_count(&selector->requirements); i++)
        if (!requirement_holds(&selector->requirements.list.items[i], labels))
            return false;
    for (size_t i = 0; i < value_count(&selector->fields); i++) {
        const struct value *requirement = &selector->fields.list.items[i];
        const char *actual = value_text_at(object, value_text_at(requirement, "key"));
        if (!holds(value_text_at(requirement, "operator"), value_find(requirement, "values"), actual ? actual : ""))
            return false;
    }
    return true;
}
