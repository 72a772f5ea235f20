/* sandbox/sandbox.h: a simulated AWS and Kubernetes behind the http seam: EKS, IAM and STS from the rows in schema/, and an API server per
 * cluster. Everything is a function of its state, its clock and its seed. */
#pragma once

#include "base/clock.h"
#include "base/http.h"
#include "base/value.h"

struct sandbox;

struct sandbox_options {
    const char *account_id;     /* NULL: "111122223333" */
    int64_t start_ms;           /* wall time of a new world; 0: 2026-01-01T00:00:00Z */
    struct clock *real_clock;   /* NULL: virtual time, which jumps while `next` waits; else real time, scaled */
    double speed;               /* of scaled time; 0: 1 */
    const char *kubernetes_url; /* DescribeCluster's endpoint and CA of every cluster: a real API server; NULL: the simulated one */
    const char *kubernetes_ca_pem;
    const char *server_url; /* where real clients reach the simulated API servers ("https://127.0.0.1:8443"); NULL: in process */
    const char *server_ca_pem;
    bool check_signatures; /* against the access keys below */
};

struct sandbox *sandbox_new(const struct sandbox_options *options);
void sandbox_free(struct sandbox *sandbox);

/* The world as JSON, and back. The state may also hold a script of what goes wrong:
 * "faults": [{"exchange": 12, "fault": "reset"}]; faults: "reset", "reset-after" (done, but the answer is lost), "timeout", "500", "503",
 * "throttle", "truncate", "kill", "kill-after" (every later exchange fails, and nothing more is done: the process is as good as dead);
 * "deployments": {"ns/name": "fail"} never becomes ready;
 * "nodegroups": {"cluster/name": "fail"} ends CREATE_FAILED;
 * "updates": {"cluster": "fail", "cluster/nodegroup": "fail"}: every EKS update of it ends Failed and changes nothing;
 * "quotas": {"clusters": 100, "nodegroups": 30, "nodes": 450}: of a region, a cluster, a node group;
 * "keys": {"AKIA…": "secret"} are further access keys; {"secret", "session", "arn", "account", "expires"} says more about one. */
bool sandbox_load(struct sandbox *sandbox, const struct value *state, struct error *err);
struct value sandbox_save(struct sandbox *sandbox, struct arena *arena);

/* The seam and the clock of this world. Owned by the sandbox. */
struct http *sandbox_http(struct sandbox *sandbox);
struct clock *sandbox_clock(struct sandbox *sandbox);

/* Access keys that the simulated STS knows, for the in-process client. */
#define SANDBOX_ACCESS_KEY_ID "AKIASANDBOX000000000"
#define SANDBOX_SECRET_ACCESS_KEY "sandboxsandboxsandboxsandboxsandboxsand0"

/* In process, API servers that EKS does not know are at https://sandbox.invalid/clusters/NAME, and are there as soon as they are asked.
 * They take this bearer token, and no other. */
#define SANDBOX_EXTERNAL_TOKEN "sandbox"

/* One request, answered at the clock's now: for the server. `url` is whole, with scheme and host. Fills the exchange as if it were done. */
void sandbox_answer(struct sandbox *sandbox, struct http_exchange *exchange);

/* For a server, a WATCH stays open. True: the exchange asks for one and has its status and headers; its body is what sandbox_watch_next
 * adds, now and whenever something may have happened. False: answered as sandbox_answer does. */
struct sandbox_watch;
struct text;
bool sandbox_watch_open(struct sandbox *sandbox, struct http_exchange *exchange, struct sandbox_watch **out);
/* Adds the events since last time. False: after these the watch has ended. */
bool sandbox_watch_next(struct sandbox *sandbox, struct sandbox_watch *watch, struct text *out);
void sandbox_watch_close(struct sandbox_watch *watch); /* NULL is allowed */

bool sandbox_was_killed(const struct sandbox *sandbox);
unsigned sandbox_exchange_count(const struct sandbox *sandbox); /* so far */

/* Moves the world to its clock's now: statuses, deployments. Returns when something happens next (wall ms), or INT64_MAX. */
int64_t sandbox_step(struct sandbox *sandbox);

/* One line each mutating call that had an effect: "CreateCluster demo", "apply Deployment/production/web-api". For tests of order and
 * duplicates. */
const char *const *sandbox_calls(struct sandbox *sandbox, size_t *count);
