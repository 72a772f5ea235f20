/* base/sigv4.h: AWS Signature Version 4, header and presigned form. Pure: both the client and the simulated AWS use it.
 * Source: "AWS Signature Version 4 for API requests", IAM User Guide. The path of every service but S3 is encoded twice. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/http.h"
#include "base/secret.h"

struct sigv4_credentials {
    const char *access_key_id;
    struct secret secret_access_key;
    struct secret session_token; /* empty when there is none */
};

struct sigv4_request {
    const char *method;
    const char *url;                   /* as it goes on the wire: path already encoded once */
    const struct http_header *headers; /* those to sign besides host, x-amz-date and x-amz-security-token; any case */
    size_t header_count;
    const char *body;
    size_t body_length;
    const char *region;
    const char *service; /* "eks", "iam", "sts" */
    int64_t wall_ms;
};

/* What a signature is made of, for tests and for a verifier that wants to say what differs. All in the arena. */
struct sigv4_signature {
    const char *canonical_request;
    const char *string_to_sign;
    const char *signature;     /* 64 hex digits */
    const char *authorization; /* the header's value */
    const char *date;          /* value of x-amz-date */
};

bool sigv4_sign(struct arena *arena, const struct sigv4_credentials *credentials, const struct sigv4_request *request,
                struct sigv4_signature *out, struct error *err);

/* The URL with X-Amz-… query parameters, valid for expires_seconds from wall_ms. */
bool sigv4_presign(struct arena *arena, const struct sigv4_credentials *credentials, const struct sigv4_request *request,
                   int expires_seconds, const char **out_url, struct sigv4_signature *out, struct error *err);

/* The token that an EKS cluster's API server accepts: "k8s-aws-v1." and the presigned GetCallerIdentity URL with the signed header
 * x-k8s-aws-id. `sts_host` is the regional host ("sts.eu-west-1.amazonaws.com"). */
bool sigv4_eks_token(struct arena *arena, const struct sigv4_credentials *credentials, const char *sts_host, const char *region,
                     const char *cluster_name, int64_t wall_ms, struct secret *out, struct error *err);
