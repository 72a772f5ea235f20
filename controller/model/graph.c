/* graph.c: what git wants, as resources with their targets and edges. */
#include "model/graph.h"

#include "base/hash.h"
#include "base/text.h"
#include "edges.h"
#include "expand.h"
#include "names.h"
#include "object.h"
#include "owner.h"
#include "reference.h"

/* A resource while the graph is built, with the manifest that it was made of. */
struct made {
    struct resource *resource;
    const struct manifest *manifest;
    struct owner *owner;
    bool is_part;
    bool out;
};

struct builder {
    struct arena *arena;
    struct findings *findings;
    const struct graph_defaults *defaults;
    struct graph *graph;
    struct owners owners;
    const struct manifest **definitions; /* CustomResourceDefinitions */
    size_t definition_count;
    struct made *made;
    size_t count;
    size_t whole_count; /* composites that stand in a cluster */
};

static void say(struct builder *builder, const struct manifest *manifest, const char *id, const char *hint, const char *text) {
    findings_add(builder->findings, builder->arena, value_place(&manifest->object, manifest->file), hint, "%s", text);
    builder->findings->items[builder->findings->count - 1].resource = id;
}

/* The fleet. */

static void read_fleet(struct builder *builder, const struct manifests *manifests) {
    struct fleet *fleet = &builder->graph->fleet;
    const struct manifest *chosen = NULL;
    size_t count = 0;
    fleet_default(fleet);
    if (builder->defaults->fleet_name != NULL)
        fleet->name = builder->defaults->fleet_name;
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        if (manifest->row == NULL || !text_equal(manifest->row->name, "Fleet"))
            continue;
        count++;
        if (chosen == NULL || text_equal(manifest->name, builder->defaults->fleet_name))
            chosen = manifest;
    }
    if (chosen != NULL)
        fleet_parse(&chosen->object, chosen->file, builder->arena, fleet, builder->findings);
    if (count > 1 && !text_equal(chosen->name, builder->defaults->fleet_name))
        say(builder, chosen, name_id(builder->arena, "Fleet", NULL, chosen->name),
            "keep one, or name the one that counts on the command line", "there are several Fleet manifests, and one policy is needed");
    if (fleet->account_id == NULL)
        fleet->account_id = builder->defaults->account_id;
    if (fleet->region == NULL)
        fleet->region = builder->defaults->region;
    if (builder->defaults->bound != NULL)
        fleet_tighten(fleet, builder->defaults->bound);
}

/* KEP-3659: the id of a set is made of its parent's name, namespace, kind and group; a ConfigMap's group is empty. */
static const char *applyset_id(struct arena *arena, const char *fleet) {
    const char *parent = arena_text(arena, "eksact-%s." APPLYSET_NAMESPACE ".ConfigMap.", fleet);
    struct digest digest = hash_sha256(parent, strlen(parent));
    return arena_text(arena, "applyset-%s-v1", base64url_encode(arena, digest.bytes, sizeof digest.bytes));
}

/* Targets. */

static struct target *add_target(struct builder *builder, struct target target) {
    struct graph *graph = builder->graph;
    struct target *added = ARENA_NEW(builder->arena, struct target);
    *added = target;
    graph->targets = arena_grow(builder->arena, graph->targets, graph->target_count, sizeof graph->targets[0]);
    graph->targets[graph->target_count++] = added;
    return added;
}

static struct target *aws_target(struct builder *builder, const char *account_id, const char *region, const char *role) {
    bool is_taken = false;
    for (size_t i = 0; i < builder->graph->target_count; i++) {
        struct target *target = builder->graph->targets[i];
        if (target->type != TARGET_AWS || !text_equal(target->account_id, account_id) || !text_equal(target->region, region))
            continue;
        if (text_equal(target->assume_role_arn, role))
            return target;
        is_taken = true;
    }
    const char *name = arena_text(builder->arena, "%s/%s", account_id != NULL ? account_id : "credentials", region);
    if (is_taken)
        name = arena_text(builder->arena, "%s@%s", name, role != NULL ? strrchr(role, '/') + 1 : "credentials");
    return add_target(
        builder, (struct target){.type = TARGET_AWS, .name = name, .account_id = account_id, .region = region, .assume_role_arn = role});
}

/* The account in an IAM ARN: arn:PARTITION:iam::ACCOUNT:… */
static const char *account_of_arn(struct arena *arena, const char *arn) {
    const char *at = arn;
    for (int colons = 0; colons < 4 && at != NULL; colons++) {
        at = strchr(at, ':');
        at += at != NULL;
    }
    const char *end = at != NULL ? strchr(at, ':') : NULL;
    return end != NULL ? arena_copy(arena, at, (size_t)(end - at)) : NULL;
}

/* Account, region and role of an AWS manifest: its own, else those of the cluster it stands with, else the fleet's. */
static struct target *target_of_aws(struct builder *builder, const struct manifest *manifest, const struct owner *owner, const char *id) {
    const struct value *spec = value_find(&manifest->object, "spec");
    const char *account = value_text_at(spec, "accountId");
    const char *region = value_text_at(spec, "region");
    const char *role = value_text_at(spec, "assumeRoleArn");
    const struct target *near = NULL;
    if (owner != NULL && owner->resource != NULL && owner->manifest != manifest && owner->resource->target->type == TARGET_AWS)
        near = owner->resource->target;
    const char *role_account = role != NULL ? account_of_arn(builder->arena, role) : NULL;
    if (account != NULL && role_account != NULL && !text_equal(account, role_account)) {
        say(builder, manifest, id, "make them the same account", "spec.accountId and the account of spec.assumeRoleArn differ");
        return NULL;
    }
    if (account == NULL)
        account = role_account;
    if (near != NULL && region == NULL)
        region = near->region;
    if (near != NULL && account == NULL) {
        account = near->account_id;
        role = near->assume_role_arn;
    } else if (near != NULL && role == NULL && text_equal(account, near->account_id)) {
        role = near->assume_role_arn;
    }
    if (account == NULL)
        account = builder->graph->fleet.account_id;
    if (region == NULL)
        region = builder->graph->fleet.region;
    if (region == NULL) {
        say(builder, manifest, id, "give the Fleet spec.aws.region, or set AWS_REGION",
            arena_text(builder->arena, "no AWS region is known for %s", id));
        return NULL;
    }
    return aws_target(builder, account, region, role);
}

static const char *kubernetes_target_name(struct builder *builder, const struct owner *owner, const struct target *aws) {
    size_t same = 0;
    for (size_t i = 0; i < builder->owners.count; i++)
        same += text_equal(builder->owners.items[i].manifest->name, owner->manifest->name);
    if (same == 1)
        return owner->manifest->name;
    return arena_text(builder->arena, "%s/%s", aws != NULL ? aws->name : "external", owner->manifest->name);
}

/* Making resources. */

static struct made *add_made(struct builder *builder, const struct manifest *manifest, struct owner *owner) {
    builder->made = arena_grow(builder->arena, builder->made, builder->count, sizeof builder->made[0]);
    struct made *made = &builder->made[builder->count++];
    struct resource *resource = ARENA_NEW(builder->arena, struct resource);
    *resource = (struct resource){
        .row = manifest->row,
        .api_version = manifest->api_version,
        .kind = manifest->kind,
        .name = manifest->name,
        .namespace = manifest->namespace,
        .place = value_place(&manifest->object, manifest->file),
    };
    resource->id = name_id(builder->arena, resource->kind, resource->namespace, resource->name);
    *made = (struct made){.resource = resource, .manifest = manifest, .owner = owner};
    return made;
}

/* A resource is kept when nothing was found wrong since `errors`. */
static void keep_if_good(struct builder *builder, struct made *made, size_t errors) {
    made->out = builder->findings->error_count != errors || made->resource->target == NULL;
}

static void make_owner(struct builder *builder, struct owner *owner) {
    const struct manifest *manifest = owner->manifest;
    if (owner->disputed)
        return;
    struct made *made = add_made(builder, manifest, owner);
    struct resource *resource = made->resource;
    size_t errors = builder->findings->error_count;
    object_read_annotations(manifest, resource, builder->arena, builder->findings);
    bool is_aws = manifest->row->service != SERVICE_NONE;
    struct target *aws = is_aws ? target_of_aws(builder, manifest, owner, resource->id) : NULL;
    if (is_aws && aws == NULL) {
        made->out = true;
        return;
    }
    owner->target = add_target(builder, (struct target){.type = TARGET_KUBERNETES,
                                                        .name = kubernetes_target_name(builder, owner, aws),
                                                        .account_id = aws != NULL ? aws->account_id : NULL,
                                                        .region = aws != NULL ? aws->region : NULL,
                                                        .assume_role_arn = aws != NULL ? aws->assume_role_arn : NULL,
                                                        .cluster = resource});
    resource->target = is_aws ? aws : owner->target;
    struct object_place place = {
        .manifest = manifest, .target = resource->target, .cluster = manifest->name, .fleet = builder->graph->fleet.name};
    if (is_aws) {
        resource->desired = object_of_aws(&place, resource, builder->arena);
    } else {
        const struct value *spec = value_find(&manifest->object, "spec");
        resource->desired = value_is(spec, VALUE_MAP) ? value_copy(builder->arena, spec) : value_of_map();
    }
    keep_if_good(builder, made, errors);
    if (!made->out)
        owner->resource = resource;
}

/* True when the manifest's cluster is there; else it is left out with its cluster, or gets a finding of its own. */
static bool has_owner(struct builder *builder, const struct manifest *manifest, struct owner *owner, const char *id, bool needs_eks) {
    if (owner == NULL) {
        say(builder, manifest, id, "put it in or below the directory of a Cluster or ExternalCluster",
            arena_text(builder->arena, "%s belongs to no cluster", id));
        return false;
    }
    if (owner->resource == NULL) {
        owner->left_out_count++;
        return false;
    }
    if (needs_eks && owner->manifest->row->service != SERVICE_EKS) {
        say(builder, manifest, id, "put it in the directory of a Cluster",
            arena_text(builder->arena, "a %s needs a Cluster, and its directory belongs to %s", manifest->kind, owner->resource->id));
        return false;
    }
    return true;
}

static struct made *make_aws(struct builder *builder, const struct manifest *manifest, struct owner *owner) {
    bool in_cluster = manifest->row->scope == SCOPE_CLUSTER;
    const char *id = name_id(builder->arena, manifest->kind, manifest->namespace, manifest->name);
    if (in_cluster && !has_owner(builder, manifest, owner, id, true))
        return NULL;
    struct made *made = add_made(builder, manifest, owner);
    struct resource *resource = made->resource;
    size_t errors = builder->findings->error_count;
    object_read_annotations(manifest, resource, builder->arena, builder->findings);
    resource->target = in_cluster ? owner->resource->target : target_of_aws(builder, manifest, owner, id);
    if (resource->target != NULL) {
        struct object_place place = {.manifest = manifest,
                                     .target = resource->target,
                                     .cluster = owner != NULL && owner->resource != NULL ? owner->resource->name : NULL,
                                     .fleet = builder->graph->fleet.name};
        resource->desired = object_of_aws(&place, resource, builder->arena);
    }
    keep_if_good(builder, made, errors);
    return made;
}

static void collect_definitions(struct builder *builder, const struct manifests *manifests) {
    builder->definitions = ARENA_ARRAY(builder->arena, const struct manifest *, manifests->count + 1);
    for (size_t i = 0; i < manifests->count; i++)
        if (text_equal(manifests->items[i].kind, "CustomResourceDefinition"))
            builder->definitions[builder->definition_count++] = &manifests->items[i];
}

/* A definition anywhere in the tree says whether its objects have a namespace: it says the same in every cluster. */
static enum object_scope scope_of(struct builder *builder, const struct manifest *manifest) {
    const char *group = name_group(builder->arena, manifest->api_version);
    enum object_scope scope = object_scope(group, manifest->kind);
    for (size_t i = 0; scope == SCOPE_UNKNOWN && i < builder->definition_count; i++) {
        const struct value *definition = &builder->definitions[i]->object;
        if (text_equal(value_text_at(definition, "spec.names.kind"), manifest->kind) &&
            text_equal(value_text_at(definition, "spec.group"), group))
            scope = text_equal(value_text_at(definition, "spec.scope"), "Cluster") ? SCOPE_CLUSTERED : SCOPE_NAMESPACED;
    }
    return scope;
}

static struct made *make_kubernetes(struct builder *builder, const struct manifest *manifest, struct owner *owner) {
    const char *id = name_id(builder->arena, manifest->kind, manifest->namespace, manifest->name);
    if (!has_owner(builder, manifest, owner, id, false))
        return NULL;
    struct made *made = add_made(builder, manifest, owner);
    struct resource *resource = made->resource;
    enum object_scope scope = scope_of(builder, manifest);
    size_t errors = builder->findings->error_count;
    if (scope == SCOPE_NAMESPACED && resource->namespace == NULL)
        resource->namespace = "default"; /* as kubectl does */
    if (scope == SCOPE_CLUSTERED && resource->namespace != NULL) {
        findings_warn(builder->findings, builder->arena, resource->place, "take it out", "%s: a %s has no namespace", id, manifest->kind);
        resource->namespace = NULL;
    }
    resource->id = name_id(builder->arena, resource->kind, resource->namespace, resource->name);
    object_read_annotations(manifest, resource, builder->arena, builder->findings);
    resource->target = owner->target;
    struct object_place place = {.manifest = manifest, .target = owner->target, .applyset_id = builder->graph->applyset_id};
    resource->desired = object_of_kubernetes(&place, resource, builder->arena, &resource->applied_hash);
    keep_if_good(builder, made, errors);
    return made;
}

static struct made *make_any(struct builder *builder, const struct manifest *manifest, struct owner *owner) {
    return manifest->row != NULL ? make_aws(builder, manifest, owner) : make_kubernetes(builder, manifest, owner);
}

/* A part is a manifest of its own, checked as every other; annotations of the whole count for it. */
static void make_part(struct builder *builder, const struct manifest *whole, struct owner *owner, const char *template,
                      const struct resource *declared_by) {
    const struct target *aws = owner->resource->target;
    struct expansion expansion = {
        .manifest = whole, .cluster = owner->resource->name, .fleet = builder->graph->fleet.name, .account_id = aws->account_id};
    struct manifest *part = ARENA_NEW(builder->arena, struct manifest);
    *part = (struct manifest){
        .file = whole->file, .directory = whole->directory, .object = expand_template(&expansion, template, builder->arena)};
    part->api_version = value_text_at(&part->object, "apiVersion");
    part->kind = value_text_at(&part->object, "kind");
    part->name = value_text_at(&part->object, "metadata.name");
    part->namespace = value_text_at(&part->object, "metadata.namespace");
    part->row = text_equal(part->api_version, SCHEMA_API_VERSION) ? schema_find(part->kind) : NULL;
    const struct value *annotations = value_at(&whole->object, "metadata.annotations");
    for (size_t i = 0; value_is(annotations, VALUE_MAP) && i < annotations->map.count; i++)
        if (text_equal(annotations->map.members[i].key, ANNOTATION_MANAGE) ||
            text_equal(annotations->map.members[i].key, ANNOTATION_ON_REMOVE)) {
            struct value *metadata = value_find_mutable(&part->object, "metadata");
            const struct value *given = value_find(metadata, "annotations");
            struct value map = value_is(given, VALUE_MAP) ? *given : value_of_map();
            value_set(builder->arena, &map, annotations->map.members[i].key, annotations->map.members[i].value);
            value_set(builder->arena, metadata, "annotations", map);
        }
    size_t errors = builder->findings->error_count;
    if (part->row != NULL)
        manifest_check(part, builder->arena, builder->findings);
    if (builder->findings->error_count != errors)
        return;
    struct made *made = make_any(builder, part, owner);
    if (made == NULL)
        return;
    made->is_part = true;
    made->resource->declared_by = declared_by;
}

static void make_parts(struct builder *builder, const struct manifest *manifest, struct owner *owner) {
    struct resource *whole = ARENA_NEW(builder->arena, struct resource);
    *whole = (struct resource){.row = manifest->row,
                               .api_version = manifest->api_version,
                               .kind = manifest->kind,
                               .name = manifest->name,
                               .namespace = manifest->namespace,
                               .id = name_id(builder->arena, manifest->kind, manifest->namespace, manifest->name),
                               .place = value_place(&manifest->object, manifest->file)};
    object_read_annotations(manifest, whole, builder->arena, builder->findings);
    if (!has_owner(builder, manifest, owner, whole->id, true))
        return;
    builder->whole_count++;
    whole->target = owner->resource->target;
    whole->key = arena_text(builder->arena, "%s %s", whole->target->name, whole->id);
    for (const struct kind_part *part = manifest->row->parts; part->template != NULL; part++)
        if (expand_holds(manifest, part->when, builder->arena))
            make_part(builder, manifest, owner, part->template, whole);
}

static void make_all(struct builder *builder, const struct manifests *manifests) {
    for (size_t i = 0; i < builder->owners.count; i++)
        make_owner(builder, &builder->owners.items[i]);
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        const struct kind *row = manifest->row;
        struct owner *owner = owner_of(&builder->owners, manifest->directory);
        if (row != NULL && (row->serves_kubernetes || row->scope == SCOPE_LOCAL))
            continue;
        if (row != NULL && row->parts != NULL)
            make_parts(builder, manifest, owner);
        else
            make_any(builder, manifest, owner);
    }
}

/* Keys and duplicates. */

static int compare_made(const void *left, const void *right) {
    const struct made *one = left;
    const struct made *other = right;
    int order = strcmp(one->resource->key, other->resource->key);
    if (order == 0)
        order = (int)one->is_part - (int)other->is_part;
    if (order == 0)
        order = strcmp(one->resource->place.file, other->resource->place.file);
    if (order == 0)
        order = (one->resource->place.line > other->resource->place.line) - (one->resource->place.line < other->resource->place.line);
    return order;
}

static void set_keys(struct builder *builder) {
    for (size_t i = 0; i < builder->count; i++) {
        struct resource *resource = builder->made[i].resource;
        if (resource->target != NULL)
            resource->key = arena_text(builder->arena, "%s %s", resource->target->name, resource->id);
        else
            resource->key = resource->id;
    }
    if (builder->count > 0)
        qsort(builder->made, builder->count, sizeof builder->made[0], compare_made);
}

static const char *cluster_of(const struct resource *resource) {
    return resource->row != NULL && resource->row->cluster_member != NULL
               ? value_text(value_find(&resource->desired, resource->row->cluster_member))
               : NULL;
}

/* Ids that only look alike: node groups of two clusters get their cluster's name, kinds of two groups the name of the group. */
static bool tell_apart(struct builder *builder, struct resource *one, struct resource *other) {
    const char *one_group = name_group(builder->arena, one->api_version);
    const char *other_group = name_group(builder->arena, other->api_version);
    if (!text_equal(cluster_of(one), cluster_of(other))) {
        one->id = name_id(builder->arena, one->kind, cluster_of(one), one->name);
        other->id = name_id(builder->arena, other->kind, cluster_of(other), other->name);
        return true;
    }
    if (text_equal(one_group, other_group))
        return false;
    struct resource *custom = object_scope(other_group, other->kind) == SCOPE_UNKNOWN ? other : one;
    const char *group = custom == other ? other_group : one_group;
    custom->id = name_id(builder->arena, arena_text(builder->arena, "%s.%s", custom->kind, group), custom->namespace, custom->name);
    return true;
}

/* Everything that the part names is so in the other, too. */
static bool is_within(const struct value *part, const struct value *whole) {
    if (!value_is(part, VALUE_MAP) || !value_is(whole, VALUE_MAP) || graph_is_reference(part))
        return value_equal(part, whole);
    for (size_t i = 0; i < part->map.count; i++)
        if (!text_equal(part->map.members[i].key, TAG_ID) &&
            !is_within(&part->map.members[i].value, value_find(whole, part->map.members[i].key)))
            return false;
    return true;
}

static void say_twice(struct builder *builder, const struct made *made, const struct made *other) {
    say(builder, made->manifest, made->resource->id, "keep one of them",
        arena_text(builder->arena, "%s is declared twice: also at %s:%u", made->resource->id, other->manifest->file,
                   (unsigned)other->manifest->object.line));
}

static void settle_duplicates(struct builder *builder) {
    bool renamed = false;
    for (size_t i = 0, j; i < builder->count; i = j) {
        for (j = i + 1; j < builder->count && text_equal(builder->made[j].resource->key, builder->made[i].resource->key); j++)
            renamed = tell_apart(builder, builder->made[i].resource, builder->made[j].resource) || renamed;
    }
    if (renamed)
        set_keys(builder);
    for (size_t i = 0, j; i < builder->count; i = j) {
        struct made *first = &builder->made[i];
        for (j = i + 1; j < builder->count && text_equal(builder->made[j].resource->key, first->resource->key); j++) {
            struct made *second = &builder->made[j];
            if (second->is_part && !first->out && is_within(&second->resource->desired, &first->resource->desired)) {
                second->out = true; /* shared: one provider serves all service accounts of a cluster */
                continue;
            }
            say_twice(builder, first, second);
            say_twice(builder, second, first);
            first->out = second->out = true;
        }
    }
}

/* A service with one endpoint for all regions has one name for them, too. */
static void find_global_duplicates(struct builder *builder) {
    for (size_t i = 0; i < builder->count; i++) {
        struct made *one = &builder->made[i];
        const struct service_row *service = one->resource->row != NULL ? schema_service(one->resource->row->service) : NULL;
        if (one->out || service == NULL || service->global_region == NULL)
            continue;
        for (size_t j = i + 1; j < builder->count; j++) {
            struct made *other = &builder->made[j];
            if (other->out || other->resource->row != one->resource->row || !text_equal(other->resource->name, one->resource->name) ||
                !text_equal(other->resource->target->account_id, one->resource->target->account_id))
                continue;
            if (one->resource->row->name_member == NULL && !value_equal(&one->resource->desired, &other->resource->desired))
                continue;
            say_twice(builder, one, other);
            say_twice(builder, other, one);
            one->out = other->out = true;
        }
    }
}

/* References. */

struct edge_finder {
    struct builder *builder;
    const struct graph *graph;
    struct made *made;
    bool broken;
};

static void say_reference(struct edge_finder *finder, const struct value *place, const char *hint, const char *text) {
    findings_add(finder->builder->findings, finder->builder->arena, value_place(place, finder->made->manifest->file), hint, "%s", text);
    finder->builder->findings->items[finder->builder->findings->count - 1].resource = finder->made->resource->id;
    finder->broken = true;
}

static const char *names_of_kind(struct builder *builder, const struct kind *row, const char *wanted) {
    const char **names = ARENA_ARRAY(builder->arena, const char *, builder->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < builder->count; i++)
        if (builder->made[i].resource->row == row)
            names[count++] = builder->made[i].resource->name;
    const char *near = text_nearest(wanted, names);
    return near != NULL ? arena_text(builder->arena, "did you mean %s/%s?", row->name, near) : NULL;
}

static const char *reference_reason(struct arena *arena, const struct reference *reference) {
    if (reference->row->service == SERVICE_IAM)
        return text_equal(reference->row->name, "IAMRole") ? "its role" : "its identity provider";
    return reference->row->serves_kubernetes ? "its cluster" : arena_text(arena, "%s/%s", reference->row->name, reference->name);
}

static void meet_reference(void *context, const char *text, const struct value *place) {
    struct edge_finder *finder = context;
    struct arena *arena = finder->builder->arena;
    struct reference reference;
    bool ambiguous = false;
    const char *wrong = reference_parse(arena, text, &reference);
    if (wrong != NULL) {
        say_reference(finder, place, "{ref: Kind/name.attribute}", arena_text(arena, "{ref: %s}: %s", text, wrong));
        return;
    }
    struct resource *before = reference_find(finder->graph, finder->made->resource, &reference, &ambiguous);
    if (before == NULL) {
        const char *hint = ambiguous ? "write Kind/cluster/name, or give them different names"
                                     : names_of_kind(finder->builder, reference.row, reference.name);
        say_reference(finder, place, hint,
                      arena_text(arena,
                                 ambiguous ? "{ref: %s} could mean several: %s/%s" : "{ref: %s} refers to nothing: there is no %s/%s", text,
                                 reference.row->name, reference.name));
        return;
    }
    /* What only the live object knows is known for certain when that is ready. */
    enum gate gate = reference.attribute->predict != NULL ? GATE_DONE : GATE_READY;
    edge_add(arena, finder->made->resource, before, gate, reference_reason(arena, &reference));
}

/* A reference in a spec that is none of a known kind: {ref: IAMRol/x}. */
static void find_misspelt(struct edge_finder *finder, const struct value *value) {
    const char *text = value_is(value, VALUE_MAP) && value->map.count == 1 ? value_text(value_find(value, "ref")) : NULL;
    if (text != NULL && !graph_is_reference(value)) {
        const char *names[64] = {NULL};
        size_t count = 0;
        for (const struct kind *const *row = schema_kinds(); *row != NULL && count < 63; row++)
            if ((*row)->attributes != NULL)
                names[count++] = (*row)->name;
        struct arena *arena = finder->builder->arena;
        size_t length = strcspn(text, "/");
        const char *near = text_nearest(arena_copy(arena, text, length), names);
        say_reference(finder, value, near != NULL ? arena_text(arena, "did you mean %s%s?", near, text + length) : NULL,
                      arena_text(arena, "{ref: %s}: nothing can refer to a %.*s", text, (int)length, text));
        return;
    }
    for (size_t i = 0; value_is(value, VALUE_LIST) && i < value->list.count; i++)
        find_misspelt(finder, &value->list.items[i]);
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value->map.count; i++)
        find_misspelt(finder, &value->map.members[i].value);
}

static void find_references(struct builder *builder) {
    for (size_t i = 0; i < builder->count; i++) {
        struct made *made = &builder->made[i];
        if (made->out)
            continue;
        struct edge_finder finder = {.builder = builder, .graph = builder->graph, .made = made};
        bool is_aws = made->resource->row != NULL;
        reference_walk(&made->resource->desired, is_aws, builder->arena, meet_reference, &finder);
        if (is_aws)
            find_misspelt(&finder, &made->resource->desired);
        made->out = finder.broken;
    }
}

/* Leaving out. */

static void fill_graph(struct builder *builder) {
    struct graph *graph = builder->graph;
    graph->resources = ARENA_ARRAY(builder->arena, struct resource *, builder->count + 1);
    graph->count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < builder->count; i++) {
        if (builder->made[i].out)
            continue;
        builder->made[kept++] = builder->made[i];
        graph->resources[graph->count] = builder->made[i].resource;
        graph->resources[graph->count]->index = graph->count;
        graph->count++;
    }
    builder->count = kept;
}

static bool is_gone(const struct builder *builder, const bool *is_out, const struct resource *resource) {
    const struct graph *graph = builder->graph;
    return resource->index >= graph->count || graph->resources[resource->index] != resource || is_out[resource->index];
}

/* The cluster that a resource lives in, or NULL. */
static const struct resource *cluster_around(const struct made *made) {
    const struct kind *row = made->resource->row;
    bool lives_inside = row == NULL || row->scope == SCOPE_CLUSTER;
    return lives_inside && made->owner != NULL ? made->owner->resource : NULL;
}

/* Why a resource cannot stay when something else went; NULL when it can. */
static const struct resource *lost(const struct builder *builder, const bool *is_out, const struct made *made) {
    const struct resource *cluster = cluster_around(made);
    if (cluster != NULL && is_gone(builder, is_out, cluster))
        return cluster;
    for (size_t i = 0; i < made->resource->edge_count; i++)
        if (is_gone(builder, is_out, made->resource->edges[i].before))
            return made->resource->edges[i].before;
    return NULL;
}

/* Leaves out, with `is_out`, everything that lives in it or comes after it. */
static void spread(struct builder *builder, bool *is_out) {
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < builder->count; i++) {
            struct made *made = &builder->made[i];
            const struct resource *because = is_out[i] ? NULL : lost(builder, is_out, made);
            if (because == NULL)
                continue;
            is_out[i] = changed = true;
            if (because == cluster_around(made))
                made->owner->left_out_count++;
            else
                say(builder, made->manifest, made->resource->id, NULL,
                    arena_text(builder->arena, "%s is left out with %s, which it needs", made->resource->id, because->id));
        }
    }
    for (size_t i = 0; i < builder->count; i++)
        builder->made[i].out = is_out[i];
}

/* At the first time the only edges are those of references: a node group that is left out takes no workload with it. */
static void leave_out(struct builder *builder, bool *is_out) {
    spread(builder, is_out);
    fill_graph(builder);
}

static void leave_out_broken(struct builder *builder) {
    bool *is_out = ARENA_ARRAY(builder->arena, bool, builder->count + 1);
    for (size_t i = 0; i < builder->count; i++)
        is_out[i] = builder->made[i].out;
    leave_out(builder, is_out);
}

static void leave_out_cycles(struct builder *builder) {
    bool *is_out = ARENA_ARRAY(builder->arena, bool, builder->count + 1);
    edges_find_cycles(builder->graph, builder->arena, is_out, builder->findings);
    leave_out(builder, is_out);
}

static void say_left_out(struct builder *builder) {
    for (size_t i = 0; i < builder->owners.count; i++) {
        const struct owner *owner = &builder->owners.items[i];
        const char *id = name_id(builder->arena, owner->manifest->kind, NULL, owner->manifest->name);
        if (owner->left_out_count > 0)
            say(builder, owner->manifest, id, NULL,
                arena_text(builder->arena, "%zu manifest%s in %s %s left out with it", owner->left_out_count,
                           owner->left_out_count == 1 ? "" : "s", id, owner->left_out_count == 1 ? "is" : "are"));
    }
}

static int compare_targets(const void *left, const void *right) {
    const struct target *const *one = left;
    const struct target *const *other = right;
    return strcmp((*one)->name, (*other)->name);
}

/* The account that the Fleet names is looked at even when nothing is declared for it any more: what is left there is to be seen. */
static const struct target *home_target(struct builder *builder, const struct manifests *manifests) {
    const struct fleet *fleet = &builder->graph->fleet;
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        bool names = manifest->row == schema_find("Fleet") && value_at(&manifest->object, "spec.aws") != NULL;
        if (names && fleet->account_id != NULL && fleet->region != NULL)
            return aws_target(builder, fleet->account_id, fleet->region, NULL);
    }
    return NULL;
}

/* Only targets whose cluster stayed, and accounts with something in them; `home` in any case. */
static void settle_targets(struct builder *builder, const struct target *home) {
    struct graph *graph = builder->graph;
    size_t kept = 0;
    for (size_t i = 0; i < graph->target_count; i++) {
        struct target *target = graph->targets[i];
        bool is_used = target == home;
        for (size_t j = 0; !is_used && j < graph->count; j++)
            is_used =
                graph->resources[j]->target == target || (target->type == TARGET_KUBERNETES && graph->resources[j] == target->cluster);
        if (is_used)
            graph->targets[kept++] = target;
    }
    graph->target_count = kept;
    if (kept > 0)
        qsort(graph->targets, kept, sizeof graph->targets[0], compare_targets);
}

void graph_build(const struct manifests *manifests, const struct graph_defaults *defaults, struct arena *arena, struct graph *out,
                 struct findings *findings) {
    *out = (struct graph){0};
    struct builder builder = {.arena = arena, .findings = findings, .defaults = defaults, .graph = out};
    read_fleet(&builder, manifests);
    out->applyset_id = applyset_id(arena, out->fleet.name);
    owners_build(manifests, arena, &builder.owners, findings);
    collect_definitions(&builder, manifests);
    make_all(&builder, manifests);
    set_keys(&builder);
    settle_duplicates(&builder);
    find_global_duplicates(&builder);
    fill_graph(&builder);
    find_references(&builder);
    leave_out_broken(&builder);
    edges_build(out, arena, findings);
    edges_sort(out);
    leave_out_cycles(&builder);
    say_left_out(&builder);
    settle_targets(&builder, home_target(&builder, manifests));
    out->declared_count = builder.whole_count;
    for (size_t i = 0; i < builder.count; i++)
        out->declared_count += !builder.made[i].is_part;
    findings_sort(findings);
}
