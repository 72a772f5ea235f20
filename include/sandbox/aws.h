/* sandbox/aws.h: what the files of the simulated AWS share. Only sandbox/aws*.c and sandbox/signature.c include this.
 *
 * State, below "aws":
 * {"accounts": {ID: {"roles": {…}, "policies": {…}, "providers": {…},
 *                    "regions": {REGION: {"clusters": {NAME: {"object": {…}, "kubernetes": "demo", "change": {…},
 *                                                             "updates": {ID: {…}}, "nodegroups": {NAME: {"object": {…}, "change": {…}}},
 * …}}}}}}, "tokens": {…}} and beside it "keys": {ACCESS_KEY_ID: {"secret", "session", "arn", "account", "expires"}}; a plain text is the
 * secret alone. */
#pragma once

#include "sandbox/parts.h"
#include "schema/kind.h"

struct aws_request {
    struct world *world;
    struct arena *arena; /* of the exchange: gone with its answer */
    struct http_exchange *exchange;
    const struct world_request *http;
    enum service service;
    const char *region, *partition;
    const char *account;             /* of the caller */
    const char *identity;            /* ARN of the caller */
    const char *key_id;              /* access key, or NULL when the call needs none */
    struct value input;              /* JSON body with the path's labels; Query: the form, flat */
    const char *cluster, *nodegroup; /* named in errors of EKS */
};

/* Answers with AWS's error shape of the request's service. Returns false. */
bool aws_refuse(struct aws_request *request, int status, const char *code, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Who signs. False: answered with the refusal. Fills account, identity and key_id. */
bool signature_check(struct aws_request *request);
/* The time by which clients sign, and believe credentials to end: the real one for real clients, also when the world's runs faster. */
int64_t aws_signing_now_ms(const struct world *world);

void eks_answer(struct aws_request *request);
void iam_answer(struct aws_request *request);
void sts_answer(struct aws_request *request);
int64_t eks_step(struct world *world);

/* Partition and DNS suffix of a region. */
const char *region_partition(const char *region);
const char *region_suffix(const char *region);

/* State. Pointers into it are good until the next write to the map they stand in. Names and values are copied. */
struct value *state_map(struct world *world, struct value *parent, const char *name); /* found, or made empty */
struct value *state_set(struct world *world, struct value *map, const char *name, const struct value *value);
struct value *state_set_text(struct world *world, struct value *map, const char *name, const char *text);
struct value *state_account(struct world *world, const char *account);

/* Deterministic names, from the world's counter. */
char *id_hex(struct world *world, struct arena *arena, const char *purpose, unsigned digits); /* at most 64 */
char *id_uuid(struct world *world, struct arena *arena);
char *id_upper(struct world *world, struct arena *arena, const char *prefix, unsigned characters); /* "AROA" + base 32 */

/* The role of an ARN in its account, or NULL. */
const struct value *iam_role_find(struct world *world, const char *arn);
/* Whether the role's trust names the service ("eks.amazonaws.com"). */
bool iam_role_trusts(const struct value *role, const char *service);

/* What a page of a sorted list holds: from after `token`, at most `limit`. Refuses a bad token or limit. */
struct page {
    size_t first, count;
    const char *next; /* token of the next page, or NULL */
};
bool page_of(struct aws_request *request, const char *const *names, size_t count, const char *limit_text, size_t limit_default,
             size_t limit_most, const char *token, struct page *out);
/* Member names of a map, in the request's arena. */
const char **names_of(struct aws_request *request, const struct value *map, size_t *out_count);

/* An answer of 429, 500 or 503 in the shape of the service that was asked. */
void aws_fail(struct world *world, const struct world_request *http, struct http_exchange *exchange, int status);

/* The cluster whose endpoint this is ("https://…"), or whose API server is served under that name; as kubernetes_answer wants it, or NULL.
 */
const char *eks_cluster_at(struct world *world, const char *endpoint);
const char *eks_cluster_served(struct world *world, const char *name);

/* Adds text with XML's characters escaped. */
struct text;
void xml_add(struct text *text, const char *string);

/* AWS's name of the cluster that the Kubernetes side knows as `kubernetes`; that itself when there is none such. */
const char *eks_cluster_name(struct world *world, const char *kubernetes);
/* Whether an API server of that name is there, or will be. */
bool eks_cluster_taken(struct world *world, const char *kubernetes);
