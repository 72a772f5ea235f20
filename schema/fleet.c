/* fleet.c: rows of Fleet: the policy of everything that one controller reconciles. */
#include "operations.h"

#define LOCAL .change = CHANGE_LOCAL
#define DURATION "(0|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)"
#define RATE "[0-9]+(\\.[0-9]+)?/(s|m|h)"

static const char *const running[] = {"finish", "pause", NULL};

static const struct field fields[] = {
    {.path = "source", .type = TYPE_OBJECT, LOCAL, .doc = "The git repository."},
    {.path = "source.url", .type = TYPE_TEXT, LOCAL, .pattern = "https?://.+", .example = "\"https://git.example/shop/fleet.git\"",
     .doc = "Its URL, without credentials."},
    {.path = "source.branch", .type = TYPE_TEXT, LOCAL, .least = 1, .most = 255, .example = "\"main\"", .doc = "Branch to follow."},
    {.path = "source.path", .type = TYPE_TEXT, LOCAL, .most = 4096, .initial = "\".\"", .example = "\".\"", .doc = "Directory in the repository."},
    {.path = "source.interval", .type = TYPE_TEXT, LOCAL, .initial = "\"1m\"", .example = "\"1m\"", .pattern = DURATION, .doc = "How often to look."},

    {.path = "aws", .type = TYPE_OBJECT, LOCAL, .doc = "Account and region of what names none itself."},
    {.path = "aws.accountId", .type = TYPE_TEXT, LOCAL, .pattern = "[0-9]{12}", .example = "\"111122223333\"", .doc = "AWS account id."},
    {.path = "aws.region", .type = TYPE_TEXT, LOCAL, .pattern = "[a-z]{2,}(-[a-z]+)+-[0-9]+", .example = "\"eu-west-1\"", .doc = "AWS region."},

    {.path = "calls", .type = TYPE_OBJECT, LOCAL, .doc = "How many API calls at most: what one account's quota leaves to others."},
    {.path = "calls.eks", .type = TYPE_OBJECT, LOCAL, .doc = "Calls to EKS, per account and region."},
    {.path = "calls.eks.read", .type = TYPE_TEXT, LOCAL, .initial = "\"5/s\"", .example = "\"5/s\"", .pattern = RATE, .doc = "Reads."},
    {.path = "calls.eks.write", .type = TYPE_TEXT, LOCAL, .initial = "\"1/s\"", .example = "\"1/s\"", .pattern = RATE, .doc = "Writes."},
    {.path = "calls.iam", .type = TYPE_OBJECT, LOCAL, .doc = "Calls to IAM, per account."},
    {.path = "calls.iam.read", .type = TYPE_TEXT, LOCAL, .initial = "\"5/s\"", .example = "\"5/s\"", .pattern = RATE, .doc = "Reads."},
    {.path = "calls.iam.write", .type = TYPE_TEXT, LOCAL, .initial = "\"1/s\"", .example = "\"1/s\"", .pattern = RATE, .doc = "Writes."},
    {.path = "calls.kubernetes", .type = TYPE_OBJECT, LOCAL, .doc = "Requests to Kubernetes, per cluster."},
    {.path = "calls.kubernetes.inFlight", .type = TYPE_INTEGER, LOCAL, .initial = "32", .least = 1, .most = 256, .example = "32",
     .doc = "Requests under way at once."},

    {.path = "change", .type = TYPE_OBJECT, LOCAL, .doc = "How many disruptive steps at once."},
    {.path = "change.inFlight", .type = TYPE_FREE, LOCAL, .initial = "\"10%\"", .example = "\"10%\"",
     .doc = "Most disruptive steps at once: a number, or a part of all targets."},
    {.path = "change.perCluster", .type = TYPE_INTEGER, LOCAL, .initial = "1", .least = 1, .most = 1000, .example = "1",
     .doc = "Most of them in one cluster."},
    {.path = "change.perZone", .type = TYPE_INTEGER, LOCAL, .initial = "1", .least = 1, .most = 1, .example = "1",
     .doc = "Most of them in one availability zone: only 1 is known, and it holds because of perCluster: 1."},
    {.path = "change.slowStart", .type = TYPE_BOOLEAN, LOCAL, .initial = "true", .doc = "Whether a roll-out begins with 1, 2, 4, 8 … steps."},
    {.path = "change.bake", .type = TYPE_FREE, LOCAL, .initial = "{\"Cluster\": \"30m\", \"NodeGroup\": \"10m\", \"default\": \"1m\"}",
     .example = "{\"default\": \"1m\", \"NodeGroup\": \"10m\"}",
     .doc = "How long a changed resource must stay healthy before others follow, by kind and \"default\"."},
    {.path = "change.failures", .type = TYPE_INTEGER, LOCAL, .initial = "1", .least = 1, .most = 1000, .example = "1",
     .doc = "So many failed steps halt the roll-out."},

    {.path = "delete", .type = TYPE_OBJECT, LOCAL, .doc = "The deletion budget."},
    {.path = "delete.atMost", .type = TYPE_INTEGER, LOCAL, .initial = "5", .least = 0, .most = 100000, .example = "5",
     .doc = "Most deletes of one plan; 5 % of all resources when that is more."},
    {.path = "delete.perMinute", .type = TYPE_INTEGER, LOCAL, .initial = "6", .least = 1, .most = 600, .example = "6", .doc = "How fast."},

    {.path = "acknowledge", .type = TYPE_TEXT_LIST, LOCAL, .unordered = true, .most = 1000, .example = "[\"replace NodeGroup/gpu\"]",
     .doc = "Guarded steps that this commit agrees to: \"delete ID\" or \"replace ID\"."},

    {.path = "windows", .type = TYPE_OBJECT_LIST, LOCAL, .most = 50,
     .example = "[{\"allow\": \"0 9 * * 1-5\", \"lasts\": \"8h\", \"timeZone\": \"Europe/Berlin\", \"running\": \"finish\"}]",
     .doc = "When changes may start: inside an allow window, if there is any, and outside every deny window."},
    {.path = "windows[].allow", .type = TYPE_TEXT, LOCAL, .example = "\"0 9 * * 1-5\"",
     .doc = "Five cron fields for the window's start: minute, hour, day of month, month, day of week; changes may start in it."},
    {.path = "windows[].deny", .type = TYPE_TEXT, LOCAL, .example = "\"0 0 24 12 *\"", .doc = "The same, but nothing may start in it."},
    {.path = "windows[].lasts", .type = TYPE_TEXT, .required = true, LOCAL, .pattern = DURATION, .example = "\"8h\"", .doc = "How long it stays open."},
    {.path = "windows[].timeZone", .type = TYPE_TEXT, LOCAL, .initial = "\"UTC\"", .example = "\"Europe/Berlin\"",
     .doc = "IANA name of the time zone."},
    {.path = "windows[].running", .type = TYPE_TEXT, LOCAL, .values = running, .initial = "\"finish\"",
     .doc = "What becomes of a roll-out that is under way when the window closes."},

    {.path = "drift", .type = TYPE_OBJECT, LOCAL, .doc = "How the world is watched between commits."},
    {.path = "drift.interval", .type = TYPE_TEXT, LOCAL, .initial = "\"10m\"", .pattern = DURATION, .example = "\"10m\"",
     .doc = "How often AWS is read again."},
    {.path = "drift.verifyAll", .type = TYPE_TEXT, LOCAL, .initial = "\"24h\"", .pattern = DURATION, .example = "\"24h\"",
     .doc = "In what time everything is verified once, whatever its metadata say."},
    {.path = NULL},
};

const struct kind kind_fleet = {
    .name = "Fleet",
    .plural_doc = "fleets",
    .service = SERVICE_NONE,
    .scope = SCOPE_LOCAL,
    .fields = fields,
    .doc = "The policy of everything that one controller reconciles. All of it is optional.",
    .example = "apiVersion: eksact.dev/v1alpha1\n"
               "kind: Fleet\n"
               "metadata: {name: shop}\n"
               "spec:\n"
               "  aws: {accountId: \"111122223333\", region: eu-west-1}\n"
               "  change: {inFlight: 10%, perCluster: 1}\n"
               "  delete: {atMost: 5, perMinute: 6}\n"
               "  windows:\n"
               "    - {allow: \"0 9 * * 1-5\", lasts: 8h, timeZone: Europe/Berlin}\n",
};
