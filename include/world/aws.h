/* world/aws.h: an AWS call as data: rows and a value become a signed exchange, its answer becomes a value or an error kind. */
#pragma once

#include "base/value.h"
#include "schema/kind.h"
#include "world/credentials.h"

/* Process-wide: endpoints and credentials per account and role. */
struct aws;

struct aws_options {
    struct http *http; /* for aws_ready and aws_identity, which wait for their answers: libcurl's gets another beside it, any other must
                          have nothing under way then */
    struct clock *clock;
    struct environment environment;
    const char
        *endpoint_url; /* --aws-endpoint-url: beats every variable; NULL: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the real ones */
    const struct http_trust
        *trust; /* of all AWS endpoints, borrowed; NULL: AWS_CA_BUNDLE, the profile's ca_bundle, or the system's authorities */
};
bool aws_new(const struct aws_options *options, struct aws **out, struct error *err);
void aws_free(struct aws *aws);

/* In whose name, and where. */
struct aws_scope {
    const char *region;
    const char *assume_role_arn; /* NULL: the controller's own identity */
};

/* Gets or refreshes the credentials of a scope when they are due (waits for the network, bounded). The error names every place that was
 * looked at, and what to set. Must have succeeded before aws_prepare for that scope. */
bool aws_ready(struct aws *aws, const struct aws_scope *scope, struct error *err);

struct aws_call {
    /* In. */
    struct aws_scope scope;
    const struct operation *operation;
    struct value input; /* members as the API names them (Query services: with a small first letter) */
    const char *token;  /* idempotency token; NULL: none */
    const char *page;   /* of a list: nextToken or Marker; NULL: the first */
    struct arena *arena;
    void *owner;

    /* Out. */
    struct http_exchange exchange;
    struct value answer;   /* the whole answer; Query: small first letters, numbers and booleans as texts, policy documents decoded */
    struct value result;   /* its operation->result member, or the answer itself */
    const char *next_page; /* NULL: no more */
    struct error error;    /* kind by error class; the text has the operation, AWS's code and message, and for DENIED the identity */
    const char *code;      /* "ResourceInUseException"; NULL */
    const char *message;
    const char *request_id;
    int64_t retry_after_ms; /* 0: not said */
    bool no_change;         /* the error text means that nothing had to be changed: counts as success */
    bool spreading;         /* BUSY because IAM has not spread a new role or policy yet: worth at most some minutes of trying */
};

/* Fills call->exchange with a signed request. */
bool aws_prepare(struct aws *aws, struct aws_call *call, struct error *err);
/* Reads call->exchange once it is done: sets answer and result, or error. Learns the clock skew from the Date header. */
void aws_finish(struct aws *aws, struct aws_call *call);

/* Account and ARN of a scope's identity: what STS said when it gave the keys, else by GetCallerIdentity, once. In the arena. */
bool aws_identity(struct aws *aws, const struct aws_scope *scope, struct arena *arena, const char **out_account_id, const char **out_arn,
                  struct error *err);

/* Token for an EKS cluster's API server, signed locally and kept for 10 minutes. */
bool aws_cluster_token(struct aws *aws, const struct aws_scope *scope, const char *cluster_name, struct secret *out, struct error *err);

/* How far AWS's clock is ahead of ours, as its last answer said (0 when under a minute). Signatures are made with it; more than five
 * minutes are worth a warning, because cluster tokens and others still go by our clock. */
int64_t aws_clock_skew_ms(const struct aws *aws);

/* "aws", "aws-cn", "aws-us-gov" … of a region, and its DNS suffix. */
const char *aws_partition(const char *region);
const char *aws_dns_suffix(const char *region);
