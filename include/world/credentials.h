/* world/credentials.h: where AWS credentials come from, in this order: environment, web identity (IRSA), container endpoint (EKS Pod
 * Identity), shared profile, IMDSv2. Refreshed before they expire. */
#pragma once

#include <stdbool.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/sigv4.h"

struct credentials {
    struct sigv4_credentials keys;
    int64_t expires_ms;   /* wall; INT64_MAX: never */
    const char *origin;   /* for messages: "environment", "profile default", "web identity arn:…", never a key */
    const char *identity; /* ARN of whom they are, when what gave them said so; else NULL */
    bool renewable;       /* asking again may give other ones (all but those of the environment and of a profile's own keys) */
};

/* The process environment, as a function so that tests and the sandbox can replace it. NULL when unset. */
struct environment {
    const char *(*get)(void *context, const char *name);
    void *context;
};
struct environment environment_process(void);

/* Region from AWS_REGION, AWS_DEFAULT_REGION or the profile; NULL when none says. In the arena. */
const char *credentials_region(const struct environment *environment, struct arena *arena);

struct credentials_options {
    struct http *http; /* with nothing under way: getting credentials waits on it */
    struct clock *clock;
    struct environment environment;
    const struct http_trust *trust; /* of the STS endpoint */
    const char *endpoint_url;       /* for STS, beats the environment; NULL */
    int64_t skew_ms;                /* to add to the clock when signing */
};

/* The process's own credentials. A place that is configured but fails is an error, not passed over: the next place would be another
 * identity. When nothing is configured, the error names every place that was looked at and what to set. Texts are in the arena; the keys
 * need credentials_done. */
bool credentials_find(const struct credentials_options *options, struct arena *arena, struct credentials *out, struct error *err);

/* What a role to take on needs. */
struct credentials_role {
    const char *arn;
    const char *region;       /* of the STS to ask; NULL: us-east-1 */
    const char *session_name; /* NULL: "eksact" */
    const char *external_id;  /* NULL: none */
    int64_t duration_seconds; /* 0: an hour */
};
bool credentials_assume(const struct credentials_options *options, struct arena *arena, const struct credentials *source,
                        const struct credentials_role *role, struct credentials *out, struct error *err);

void credentials_done(struct credentials *credentials); /* wipes the keys */
