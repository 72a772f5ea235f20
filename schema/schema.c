/* schema.c: finding rows. */
#include "operations.h"

#include "base/text.h"

static const struct kind *const kinds[] = {
    &kind_cluster,   &kind_external_cluster, &kind_fleet, &kind_iam_role, &kind_iam_service_account,
    &kind_node_group, &kind_oidc_provider,   NULL,
};

static const char *const planned[] = {
    "AccessEntry", "Addon", "Capability", "FargateProfile", "IdentityProviderConfig", "Placement", "PodIdentityAssociation",
    "RegisteredCluster", NULL,
};

const struct kind *const *schema_kinds(void)
{
    return kinds;
}

const struct kind *schema_find(const char *kind_name)
{
    for (size_t i = 0; kinds[i] != NULL; i++)
        if (text_equal(kinds[i]->name, kind_name))
            return kinds[i];
    return NULL;
}

bool schema_is_planned(const char *kind_name)
{
    return kind_name != NULL && text_in(kind_name, planned);
}

const struct field *schema_field(const struct kind *kind, const char *path)
{
    for (const struct field *field = kind->fields; field->path != NULL; field++)
        if (text_equal(field->path, path))
            return field;
    return NULL;
}

bool schema_status_in(const char *status, const char *const *statuses)
{
    return status != NULL && statuses != NULL && text_in(status, statuses);
}
