/* run/engine.h: what outlives a pass: the seams, connections to clusters, the ledger, and what passes remember. Made in cmd/. */
#pragma once

#include "base/clock.h"
#include "base/http.h"
#include "base/log.h"
#include "model/rate.h"
#include "world/aws.h"
#include "world/git.h"
#include "world/kube.h"

/* Told while a pass goes on, so that a person sees it. Any member may be NULL. */
struct observer {
    void (*stage)(void *context, const char *what, size_t done, size_t total); /* "reading Kubernetes", 3 of 7 */
    void (*planned)(void *context, const struct plan *plan);
    /* A step began, ended, failed, or now waits for another reason. */
    void (*step)(void *context, const struct plan *plan, const struct step *step, const struct step_progress *progress);
    void *context;
};

struct link; /* to one API server; run/links.c */

struct engine {
    struct http *http;
    struct http *git_http; /* for git when `http` leads into a simulated world; NULL: the same */
    struct clock *clock;
    struct aws *aws; /* NULL until something needs AWS, or when it cannot be had: aws_error */
    struct aws_options aws_options;
    struct environment environment;
    struct log *log;
    struct observer observer;

    struct git_source source;
    const char *account_id;  /* as the command line or environment says; NULL */
    char *learnt_account_id; /* owned: of the credentials, when account_id was not given */
    const char *region;
    const char *fleet_name;    /* NULL: from the Fleet manifest */
    const struct fleet *bound; /* the operator's limits, or NULL */
    const char *kubeconfig;    /* --kubeconfig: instead of what an ExternalCluster names; NULL */
    const char *context;       /* --context */
    const char *external_url;  /* where the simulated world serves ExternalClusters ("https://host/clusters/"), or NULL */

    const char *ledger_file; /* NULL: kept in this process only */
    char *ledger_text;       /* JSON; owned */

    struct link *links;
    volatile bool *stop; /* set by a signal: no new step starts; NULL when there are none */
};

void engine_done(struct engine *engine);

/* The ledger as it stands, in the pass's arena; an unreadable file is an error, never an empty ledger. */
bool engine_ledger_load(struct engine *engine, struct arena *arena, struct ledger *out, struct error *err);
/* Written to a new file that takes the old one's place, so that a crash leaves one or the other. */
bool engine_ledger_store(struct engine *engine, const struct ledger *ledger, struct error *err);

/* Makes engine->aws on first use. */
bool engine_aws(struct engine *engine, struct error *err);

/* Account and ARN of a scope's credentials, in the arena. Tried again while AWS is busy: without the answer a whole account is unknown.
 * Nothing may be under way on engine->http. */
bool engine_identity(struct engine *engine, const struct aws_scope *scope, struct arena *arena, const char **out_account_id,
                     const char **out_arn, struct error *err);
