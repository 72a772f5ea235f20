/* world/aws_endpoint.c: which host answers for a service, and for which region it is signed. Facts: botocore's partitions.json and the
 * endpoint rule sets of EKS, IAM and STS. */
#include "world/aws_parts.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "world/aws.h"

struct partition {
    const char *region_prefix; /* "" matches all that nothing before it did */
    const char *name;
    const char *dns_suffix;
    const char *global_region; /* where IAM is signed */
    const char *iam_host;
};

static const struct partition partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "cn-north-1", "iam.cn-north-1.amazonaws.com.cn"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "us-gov-west-1", "iam.us-gov.amazonaws.com"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "us-iso-east-1", "iam.us-iso-east-1.c2s.ic.gov"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "us-isob-east-1", "iam.us-isob-east-1.sc2s.sgov.gov"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "eu-isoe-west-1", "iam.eu-isoe-west-1.cloud.adc-e.uk"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "us-isof-south-1", "iam.us-isof-south-1.csp.hci.ic.gov"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "eusc-de-east-1", "iam.eusc-de-east-1.amazonaws.eu"},
    {"", "aws", "amazonaws.com", "us-east-1", "iam.amazonaws.com"},
};

static const struct partition *partition_of(const char *region) {
    const struct partition *partition = partitions;
    while (!text_starts(region == NULL ? "" : region, partition->region_prefix))
        partition++;
    return partition;
}

const char *aws_partition(const char *region) {
    return partition_of(region)->name;
}

const char *aws_dns_suffix(const char *region) {
    return partition_of(region)->dns_suffix;
}

/* A region becomes part of a host name, so it must be nothing but a label. */
static bool is_region(const char *region) {
    size_t length = region == NULL ? 0 : strlen(region);
    return length > 0 && length < 64 && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == length && region[0] != '-' &&
           region[length - 1] != '-';
}

static const char *variable(const struct environment *environment, const char *name) {
    const char *value = environment->get(environment->context, name);
    return text_is_empty(value) ? NULL : value;
}

static bool is_on(const struct environment *environment, const char *name) {
    const char *value = variable(environment, name);
    return value != NULL && strcasecmp(value, "true") == 0;
}

static const char *configured_url(const struct environment *environment, struct arena *arena, const char *service) {
    char *name = arena_text(arena, "AWS_ENDPOINT_URL_%s", service);
    for (char *at = name; *at != '\0'; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - ('a' - 'A'));
    const char *url = variable(environment, name);
    if (url == NULL)
        url = variable(environment, "AWS_ENDPOINT_URL");
    if (url != NULL)
        return url;

    struct value files = value_null();
    struct error ignored = {0};
    bool named = false;
    if (!profile_files_read(environment, arena, &files, &ignored))
        return NULL;
    const struct value *profile = value_find(value_find(&files, "profiles"), profile_name(environment, &named));
    const char *services = value_text(value_find(profile, "services"));
    if (services != NULL)
        url = value_text(value_find(value_find(value_find(value_find(&files, "services"), services), service), "endpoint_url"));
    return url != NULL ? url : value_text(value_find(profile, "endpoint_url"));
}

static bool url_check(const char *url, struct error *err) {
    bool secure = text_starts(url, "https://");
    const char *host = url + (secure ? 8 : 7);
    if ((!secure && !text_starts(url, "http://")) || strcspn(host, "/") == 0 || strpbrk(url, "@?# \t\r\n") != NULL)
        return error_set(err, ERROR_INVALID, "the AWS endpoint URL must be http://HOST or https://HOST, without user, query and fragment");
    return true;
}

static const char *fips_host(struct arena *arena, const struct partition *partition, enum service service, const char *region) {
    bool government = strcmp(partition->name, "aws-us-gov") == 0;
    if (service == SERVICE_IAM)
        return government ? partition->iam_host : "iam-fips.amazonaws.com";
    if (service == SERVICE_EKS)
        return arena_text(arena, government ? "eks.%s.amazonaws.com" : "fips.eks.%s.amazonaws.com", region);
    return arena_text(arena, government ? "sts.%s.amazonaws.com" : "sts-fips.%s.amazonaws.com", region);
}

static const char *dual_stack_host(struct arena *arena, const struct partition *partition, enum service service, const char *region) {
    if (service == SERVICE_IAM)
        return strcmp(partition->name, "aws") == 0 ? "iam.global.api.aws" : "iam.us-gov.api.aws";
    return arena_text(arena, "%s.%s.api.aws", schema_service(service)->name, region);
}

static bool host_find(const struct environment *environment, struct arena *arena, enum service service, const char *region,
                      const char **out, struct error *err) {
    const struct partition *partition = partition_of(region);
    bool fips = is_on(environment, "AWS_USE_FIPS_ENDPOINT");
    bool dual_stack = is_on(environment, "AWS_USE_DUALSTACK_ENDPOINT");
    bool has_both = strcmp(partition->name, "aws") == 0 || strcmp(partition->name, "aws-us-gov") == 0;

    if ((fips || dual_stack) && !has_both)
        return error_set(err, ERROR_INVALID, "FIPS and dual-stack endpoints are not built in for the partition %s: give AWS_ENDPOINT_URL",
                         partition->name);
    if (fips && dual_stack)
        return error_set(err, ERROR_INVALID, "FIPS and dual-stack endpoints cannot be asked for together: give AWS_ENDPOINT_URL");
    if (fips)
        *out = fips_host(arena, partition, service, region);
    else if (dual_stack)
        *out = dual_stack_host(arena, partition, service, region);
    else if (service == SERVICE_IAM)
        *out = partition->iam_host;
    else
        *out = arena_text(arena, "%s.%s.%s", schema_service(service)->name, region, partition->dns_suffix);
    return true;
}

bool aws_endpoint_find(const struct environment *environment, struct arena *arena, const char *override_url, enum service service,
                       const char *region, struct aws_endpoint *out, struct error *err) {
    const struct service_row *row = schema_service(service);
    if (row == NULL)
        return error_set(err, ERROR_BROKEN, "an operation without a service was called");
    if (region == NULL)
        return error_set(err, ERROR_INVALID, "no AWS region is known: set the resource's region, or AWS_REGION");
    if (!is_region(region))
        return error_set(err, ERROR_INVALID, "\"%.64s\" is not an AWS region name, such as eu-west-1", region);

    const char *url = override_url;
    if (url == NULL && !is_on(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        url = configured_url(environment, arena, row->name);
    out->region = row->global_region == NULL ? region : partition_of(region)->global_region;
    if (url == NULL) {
        const char *host = NULL;
        if (!host_find(environment, arena, service, region, &host, err))
            return false;
        out->url = arena_text(arena, "https://%s", host);
        return true;
    }
    if (!url_check(url, err))
        return false;
    if (is_on(environment, "AWS_USE_FIPS_ENDPOINT"))
        return error_set(err, ERROR_INVALID, "AWS_USE_FIPS_ENDPOINT and an endpoint URL of one's own exclude each other");
    char *copy = arena_copy(arena, url, strlen(url));
    for (size_t length = strlen(copy); length > 0 && copy[length - 1] == '/'; length--)
        copy[length - 1] = '\0';
    out->url = copy;
    return true;
}
