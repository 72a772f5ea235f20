/* manifest.c: the documents of a tree that mean something. */
#include "model/manifest.h"

#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "model/graph.h"
#include "names.h"

struct reader {
    struct arena *arena;
    struct manifests *out;
    struct findings *findings;
    const char *file;
    const char *directory;
};

/* What the items of a list have when they do not say it themselves. */
struct inherited {
    const char *api_version;
    const char *kind;
};

static const char not_a_manifest[] = "add the file to .eksactignore if it is no manifest";

static bool is_dot_path(const char *path) {
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

static bool is_manifest_path(const char *path) {
    return !is_dot_path(path) && (text_ends(path, ".yaml") || text_ends(path, ".yml") || text_ends(path, ".json"));
}

static const char *directory_of(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? "" : arena_copy(arena, path, (size_t)(slash - path));
}

static struct place place_of(const struct reader *reader, const struct value *value) {
    return value_place(value, reader->file);
}

static bool check_metadata_name(struct reader *reader, const struct value *object, struct manifest *manifest) {
    const struct value *metadata = value_find(object, "metadata");
    if (!value_is(metadata, VALUE_MAP)) {
        findings_add(reader->findings, reader->arena, place_of(reader, metadata != NULL ? metadata : object), "metadata: {name: …}",
                     metadata != NULL ? "metadata wants a map" : "no metadata");
        return false;
    }
    const struct value *name = value_find(metadata, "name");
    if (value_is(name, VALUE_TEXT) && name->text.length > 0) {
        manifest->name = name->text.bytes;
        return true;
    }
    const struct member *generated = value_find_member(metadata, "generateName");
    if (name == NULL && generated != NULL)
        findings_add(reader->findings, reader->arena, place_of(reader, &generated->value), "write metadata.name",
                     "metadata.generateName names another object at each apply");
    else if (name == NULL)
        findings_add(reader->findings, reader->arena, place_of(reader, metadata), "write metadata.name", "no metadata.name");
    else
        findings_add(reader->findings, reader->arena, place_of(reader, name), "put it in quotes", "metadata.name wants a text, found %s",
                     value_type_name(name->type));
    return false;
}

static bool check_text_map(struct reader *reader, const struct value *metadata, const char *member, bool is_label) {
    const struct value *map = value_find(metadata, member);
    if (map == NULL || map->type == VALUE_NULL)
        return true;
    if (!value_is(map, VALUE_MAP)) {
        findings_add(reader->findings, reader->arena, place_of(reader, map), NULL, "metadata.%s wants a map of texts", member);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < map->map.count; i++) {
        const struct member *entry = &map->map.members[i];
        struct place place = place_of(reader, &entry->value);
        if (!name_is_label_key(entry->key)) {
            findings_add(reader->findings, reader->arena, place, "prefix/name; the name of at most 63 letters, digits, - _ .",
                         "metadata.%s: \"%s\" is no valid key", member, entry->key);
            good = false;
        }
        if (graph_is_reference(&entry->value))
            continue;
        if (!value_is(&entry->value, VALUE_TEXT)) {
            findings_add(reader->findings, reader->arena, place, "put it in quotes", "metadata.%s.%s wants a text, found %s", member,
                         entry->key, value_type_name(entry->value.type));
            good = false;
        } else if (is_label && !name_is_label_value(entry->value.text.bytes)) {
            findings_add(reader->findings, reader->arena, place,
                         "at most 63 letters, digits, - _ . that begin and end with a letter or digit",
                         "metadata.labels.%s is no valid label value", entry->key);
            good = false;
        }
    }
    return good;
}

static bool check_names(struct reader *reader, const struct manifest *manifest) {
    const struct value *metadata = value_find(&manifest->object, "metadata");
    bool good = true;
    const char *rule = name_rule_broken(manifest->api_version, manifest->kind, manifest->name);
    if (manifest->row == NULL && rule != NULL) {
        findings_add(reader->findings, reader->arena, place_of(reader, value_find(metadata, "name")), rule,
                     "metadata.name \"%s\" is no valid name of a %s", manifest->name, manifest->kind);
        good = false;
    }
    const struct value *namespace = value_find(metadata, "namespace");
    if (namespace != NULL && namespace->type != VALUE_NULL && manifest->namespace == NULL) {
        findings_add(reader->findings, reader->arena, place_of(reader, namespace), "put it in quotes",
                     "metadata.namespace wants a text, found %s", value_type_name(namespace->type));
        good = false;
    } else if (manifest->namespace != NULL && !name_is_dns_label(manifest->namespace)) {
        findings_add(reader->findings, reader->arena, place_of(reader, namespace), name_dns_label_rule,
                     "metadata.namespace \"%s\" is no valid name of a namespace", manifest->namespace);
        good = false;
    }
    good = check_text_map(reader, metadata, "labels", true) && good;
    return check_text_map(reader, metadata, "annotations", false) && good;
}

/* Of our own API group: the version and the kind must be known. */
static bool check_group(struct reader *reader, struct manifest *manifest) {
    static const char group[] = "eksact.dev/";
    if (!text_starts(manifest->api_version, group))
        return true;
    struct place place = place_of(reader, value_find(&manifest->object, "kind"));
    if (!text_equal(manifest->api_version, SCHEMA_API_VERSION)) {
        findings_add(reader->findings, reader->arena, place_of(reader, value_find(&manifest->object, "apiVersion")),
                     "write " SCHEMA_API_VERSION, "apiVersion %s is not known", manifest->api_version);
        return false;
    }
    manifest->row = schema_find(manifest->kind);
    if (manifest->row != NULL)
        return true;
    if (schema_is_planned(manifest->kind)) {
        findings_add(reader->findings, reader->arena, place, NULL, "kind %s is not supported by this version", manifest->kind);
        return false;
    }
    const char *names[64] = {NULL};
    for (size_t i = 0; schema_kinds()[i] != NULL && i < 63; i++)
        names[i] = schema_kinds()[i]->name;
    const char *near = text_nearest(manifest->kind, names);
    findings_add(reader->findings, reader->arena, place, near != NULL ? arena_text(reader->arena, "did you mean %s?", near) : NULL,
                 "kind %s is not one of " SCHEMA_API_VERSION, manifest->kind);
    return false;
}

static bool check_type(struct reader *reader, const struct value *object, const struct inherited *inherited, struct manifest *manifest) {
    const struct value *api_version = value_find(object, "apiVersion");
    const struct value *kind = value_find(object, "kind");
    manifest->api_version = api_version != NULL ? value_text(api_version) : inherited->api_version;
    manifest->kind = kind != NULL ? value_text(kind) : inherited->kind;
    if (api_version == NULL && kind == NULL && manifest->kind == NULL) {
        findings_add(reader->findings, reader->arena, place_of(reader, object), not_a_manifest, "no apiVersion and kind");
        return false;
    }
    bool good = true;
    if (!name_is_api_version(manifest->api_version)) {
        findings_add(reader->findings, reader->arena, place_of(reader, api_version != NULL ? api_version : object), "apps/v1, for example",
                     api_version == NULL ? "no apiVersion" : "apiVersion wants a text of the form group/version");
        good = false;
    }
    if (!name_is_kind(manifest->kind)) {
        findings_add(reader->findings, reader->arena, place_of(reader, kind != NULL ? kind : object), "Deployment, for example",
                     kind == NULL ? "no kind" : "kind wants a text of letters and digits");
        good = false;
    }
    return good;
}

static void read_object(struct reader *reader, const struct value *object, const struct inherited *inherited);

/* `List`, and the lists of one kind that `kubectl get -o yaml` never prints but clients write ("ConfigMapList"). */
static bool read_list(struct reader *reader, const struct value *object) {
    const char *kind = value_text_at(object, "kind");
    const char *api_version = value_text_at(object, "apiVersion");
    const struct value *items = value_find(object, "items");
    if (kind == NULL || !text_ends(kind, "List") || (items == NULL && !text_equal(kind, "List")))
        return false;
    bool is_plain = text_equal(kind, "List");
    if (is_plain && !text_equal(api_version, "v1"))
        return false;
    if (items == NULL || items->type == VALUE_NULL)
        return true;
    if (!value_is(items, VALUE_LIST)) {
        findings_add(reader->findings, reader->arena, place_of(reader, items), NULL, "items wants a list, found %s",
                     value_type_name(items->type));
        return true;
    }
    struct inherited inherited = {NULL, NULL};
    if (!is_plain)
        inherited = (struct inherited){.api_version = api_version, .kind = arena_copy(reader->arena, kind, strlen(kind) - strlen("List"))};
    for (size_t i = 0; i < items->list.count; i++)
        read_object(reader, &items->list.items[i], &inherited);
    return true;
}

static void read_object(struct reader *reader, const struct value *object, const struct inherited *inherited) {
    if (!value_is(object, VALUE_MAP)) {
        findings_add(reader->findings, reader->arena, place_of(reader, object), not_a_manifest, "a manifest is a map, found %s",
                     value_type_name(object->type));
        return;
    }
    if (read_list(reader, object))
        return;
    struct manifest manifest = {.file = reader->file, .directory = reader->directory, .object = *object};
    if (!check_type(reader, object, inherited, &manifest))
        return;
    if (value_find(object, "apiVersion") == NULL)
        value_set(reader->arena, &manifest.object, "apiVersion", value_of_text(manifest.api_version));
    if (value_find(object, "kind") == NULL)
        value_set(reader->arena, &manifest.object, "kind", value_of_text(manifest.kind));
    bool good = check_group(reader, &manifest);
    good = check_metadata_name(reader, object, &manifest) && good;
    if (!good)
        return;
    const struct value *metadata = value_find(object, "metadata");
    manifest.namespace = value_text(value_find(metadata, "namespace"));
    size_t errors = reader->findings->error_count;
    check_names(reader, &manifest);
    if (manifest.row != NULL)
        manifest_check(&manifest, reader->arena, reader->findings);
    if (reader->findings->error_count != errors)
        return;
    struct manifests *out = reader->out;
    out->items = arena_grow(reader->arena, out->items, out->count, sizeof out->items[0]);
    out->items[out->count++] = manifest;
}

/* JSON is read as YAML, for the places: raw tabs, which only YAML minds, stand between JSON's tokens and nowhere else. Escaped surrogate
 * pairs are not known to YAML. */
static void read_json(struct reader *reader, const struct tree_file *file, struct yaml_documents *documents) {
    char *bytes = arena_copy(reader->arena, file->bytes, file->length);
    bool has_surrogates = strstr(bytes, "\\ud") != NULL || strstr(bytes, "\\uD") != NULL;
    struct error err = {0};
    struct value value;
    if (has_surrogates && json_parse(reader->arena, file->path, bytes, file->length, &value, &err)) {
        documents->items = arena_grow(reader->arena, NULL, 0, sizeof value);
        documents->items[0] = value;
        documents->count = 1;
        return;
    }
    for (size_t i = 0; i < file->length; i++)
        if (bytes[i] == '\t')
            bytes[i] = ' ';
    yaml_parse(reader->arena, file->path, bytes, file->length, documents, reader->findings);
}

static void read_file(struct reader *reader, const struct tree_file *file) {
    reader->file = file->path;
    reader->directory = directory_of(reader->arena, file->path);
    struct yaml_documents documents = {0};
    if (text_ends(file->path, ".json"))
        read_json(reader, file, &documents);
    else
        yaml_parse(reader->arena, file->path, file->bytes, file->length, &documents, reader->findings);
    const struct inherited nothing = {NULL, NULL};
    for (size_t i = 0; i < documents.count; i++)
        read_object(reader, &documents.items[i], &nothing);
}

const struct ignore_rules *ignore_read(const struct tree *tree, struct arena *arena, size_t *count) {
    struct ignore_rules *rules = NULL;
    *count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];
        const char *name = strrchr(file->path, '/');
        if (!text_equal(name != NULL ? name + 1 : file->path, ".eksactignore"))
            continue;
        rules = arena_grow(arena, rules, *count, sizeof rules[0]);
        rules[(*count)++] =
            (struct ignore_rules){.directory = directory_of(arena, file->path), .text = arena_copy(arena, file->bytes, file->length)};
    }
    return rules;
}

struct identity {
    const char *text;
    size_t index;
};

static int compare_identities(const void *left, const void *right) {
    const struct identity *one = left;
    const struct identity *other = right;
    int order = strcmp(one->text, other->text);
    return order != 0 ? order : (one->index > other->index) - (one->index < other->index);
}

/* Two manifests of one id in one directory have one target: only one of them can be meant, and nobody can say which. */
static void drop_duplicates(struct manifests *manifests, struct arena *arena, struct findings *findings) {
    struct identity *identities = ARENA_ARRAY(arena, struct identity, manifests->count + 1);
    bool *dropped = ARENA_ARRAY(arena, bool, manifests->count + 1);
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        const char *slash = strrchr(manifest->api_version, '/');
        int group_length = slash != NULL ? (int)(slash - manifest->api_version) : 0;
        identities[i] =
            (struct identity){arena_text(arena, "%s\n%.*s\n%s\n%s\n%s", manifest->directory, group_length, manifest->api_version,
                                         manifest->kind, manifest->namespace != NULL ? manifest->namespace : "", manifest->name),
                              i};
    }
    qsort(identities, manifests->count, sizeof identities[0], compare_identities);
    for (size_t i = 0; i < manifests->count; i++) {
        bool like_last = i > 0 && text_equal(identities[i].text, identities[i - 1].text);
        bool like_next = i + 1 < manifests->count && text_equal(identities[i].text, identities[i + 1].text);
        if (!like_last && !like_next)
            continue;
        const struct manifest *manifest = &manifests->items[identities[i].index];
        const struct manifest *other = &manifests->items[identities[like_last ? i - 1 : i + 1].index];
        const char *id = name_id(arena, manifest->kind, manifest->namespace, manifest->name);
        findings_add(findings, arena, value_place(&manifest->object, manifest->file), "keep one of them",
                     "%s is declared twice: also at %s:%u", id, other->file, (unsigned)other->object.line);
        findings->items[findings->count - 1].resource = id;
        dropped[identities[i].index] = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < manifests->count; i++)
        if (!dropped[i])
            manifests->items[kept++] = manifests->items[i];
    manifests->count = kept;
}

void manifest_parse(const struct tree *tree, struct arena *arena, struct manifests *out, struct findings *findings) {
    *out = (struct manifests){0};
    size_t rule_count = 0;
    const struct ignore_rules *rules = ignore_read(tree, arena, &rule_count);
    struct reader reader = {.arena = arena, .out = out, .findings = findings};
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];
        if (!is_manifest_path(file->path) || ignore_excludes(rules, rule_count, file->path))
            continue;
        out->file_count++;
        read_file(&reader, file);
    }
    drop_duplicates(out, arena, findings);
    findings_sort(findings);
}
