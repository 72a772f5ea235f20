/* world/aws_parts.h: the pieces of an AWS call, joined by aws.c and credentials.c. Pure but for reading configuration files. */
#pragma once

#include "base/value.h"
#include "schema/kind.h"
#include "world/credentials.h"

/* What goes on the wire, besides host and signature. */
struct aws_wire {
    const char *method;
    const char *target;       /* path and query, encoded */
    const char *content_type; /* NULL without a body */
    const char *body;         /* NULL: none */
    size_t body_length;
};

/* REST with JSON: members of `input` go to the path's labels, the query, and as JSON to the body; null members are left out. `token` and
 * `page` as in struct aws_call. */
bool aws_rest_build(struct arena *arena, const struct operation *operation, const struct value *input, const char *token, const char *page,
                    struct aws_wire *out, struct error *err);

/* AWS Query: a form. Maps are documents in JSON, save those named "tags". */
bool aws_query_build(struct arena *arena, const struct operation *operation, const char *api_version, const struct value *input,
                     const char *token, const char *page, struct aws_wire *out, struct error *err);

/* XML as IAM and STS answer it: element names get a small first letter, "member" children make a list, lists of {key, value} named tags a
 * map, policy documents are percent-decoded and parsed. `out_root` is the root's own name ("GetRoleResponse"). No DTD, at most 32 deep. */
bool aws_xml_parse(struct arena *arena, const char *name, const char *bytes, size_t length, const char **out_root, struct value *out,
                   struct error *err);

/* What an AWS error answer says. */
struct aws_problem {
    const char *code;       /* without "#", ":" and what goes with them; NULL: the answer is no AWS error */
    const char *message;    /* one line; "" when not said */
    const char *request_id; /* NULL: not said */
};
void aws_problem_read(struct arena *arena, const struct http_exchange *exchange, bool query, struct aws_problem *out);

enum aws_meaning {
    AWS_FAILED,    /* `kind` says it all */
    AWS_NO_CHANGE, /* nothing had to be changed: success */
    AWS_SPREADING, /* BUSY because a new IAM role or policy is not known everywhere yet */
    AWS_EXPIRED,   /* the credentials are over */
    AWS_CLOCK,     /* the signature's time is not AWS's */
    AWS_FORBIDDEN  /* a permission is missing */
};
enum aws_meaning aws_problem_meaning(const struct operation *operation, int status, const struct aws_problem *problem,
                                     enum error_kind *out_kind);

struct aws_endpoint {
    const char *url;    /* scheme, host, port and base path, without "/" at the end */
    const char *region; /* to sign for */
};

/* `override_url` beats all; then AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services section and endpoint_url, unless
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS; then the real one of the region's partition. */
bool aws_endpoint_find(const struct environment *environment, struct arena *arena, const char *override_url, enum service service,
                       const char *region, struct aws_endpoint *out, struct error *err);

/* ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE) as {"profiles": {NAME: {KEY: TEXT}}, "services":
 * {NAME: {SERVICE: {KEY: TEXT}}}}. Files that do not exist are empty. */
bool profile_files_read(const struct environment *environment, struct arena *arena, struct value *out, struct error *err);
/* AWS_PROFILE, AWS_DEFAULT_PROFILE or "default". `out_named`: one of the variables names it. */
const char *profile_name(const struct environment *environment, bool *out_named);
/* A setting of the chosen profile; NULL when not set or not readable. */
const char *profile_setting(const struct environment *environment, struct arena *arena, const char *key);

/* A small file as text: at most limit_bytes, no NUL inside. False with ERROR_MISSING when it does not exist. */
bool file_text(struct arena *arena, const char *path, size_t limit_bytes, const char **out, struct error *err);
