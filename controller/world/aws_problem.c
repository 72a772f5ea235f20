/* world/aws_problem.c: what an AWS error answer says, and what a reconciler does about it. */
#include "world/aws_parts.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

/* ---- reading ---- */

static const char *first_text(const struct value *map, const char *one, const char *other, const char *third) {
    const char *text = value_text(value_find(map, one));
    if (text == NULL)
        text = value_text(value_find(map, other));
    return text != NULL ? text : value_text(value_find(map, third));
}

/* "aws.protocols#ResourceInUseException:http://…" → "ResourceInUseException" (Smithy, AWS restJson1, operation error serialization). */
static const char *code_plain(struct arena *arena, const char *code) {
    if (code == NULL)
        return NULL;
    const char *mark = strchr(code, '#');
    const char *from = mark == NULL ? code : mark + 1;
    size_t length = strcspn(from, ": ");
    return length == 0 ? NULL : arena_copy(arena, from, length < 100 ? length : 100);
}

/* SignatureDoesNotMatch goes on to quote the canonical request, session token and all. */
static const char *one_line(struct arena *arena, const char *text) {
    char *line = arena_text(arena, "%.1000s", text == NULL ? "" : text);
    char *quoted = strstr(line, "The Canonical String");
    if (quoted != NULL)
        *quoted = '\0';
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return line;
}

static void read_json(struct arena *arena, const struct http_exchange *exchange, struct aws_problem *out) {
    struct value body = value_null();
    struct error ignored = {0};
    const char *code = http_answer_header(exchange, "x-amzn-errortype");
    if (!json_parse(arena, "error answer", exchange->answer, exchange->answer_length, &body, &ignored))
        body = value_null();
    if (code == NULL)
        code = first_text(&body, "__type", "code", "Code");
    out->code = code_plain(arena, code);
    out->message = one_line(arena, first_text(&body, "message", "Message", "errorMessage"));
}

static void read_xml(struct arena *arena, const struct http_exchange *exchange, struct aws_problem *out) {
    struct value body = value_null();
    struct error ignored = {0};
    const char *root = NULL;
    if (!aws_xml_parse(arena, "error answer", exchange->answer, exchange->answer_length, &root, &body, &ignored))
        return;
    out->code = code_plain(arena, value_text_at(&body, "error.code"));
    out->message = one_line(arena, value_text_at(&body, "error.message"));
    const char *id = value_text(value_find(&body, "requestId"));
    if (id == NULL)
        id = value_text(value_find(&body, "requestID"));
    if (out->request_id == NULL && id != NULL)
        out->request_id = id;
}

void aws_problem_read(struct arena *arena, const struct http_exchange *exchange, bool query, struct aws_problem *out) {
    *out = (struct aws_problem){.message = "", .request_id = http_answer_header(exchange, "x-amzn-requestid")};
    if (query)
        read_xml(arena, exchange, out);
    else
        read_json(arena, exchange, out);
}

/* ---- meaning ---- */

struct code_row {
    const char *code;
    enum error_kind kind;
    enum aws_meaning meaning;
};

/* Error tables of the EKS, IAM and STS API references, and the "Common errors" of each. */
static const struct code_row codes[] = {
    {"AccessDenied", ERROR_DENIED, AWS_FORBIDDEN},
    {"AccessDeniedException", ERROR_DENIED, AWS_FORBIDDEN},
    {"NotAuthorized", ERROR_DENIED, AWS_FORBIDDEN},
    {"UnauthorizedOperation", ERROR_DENIED, AWS_FORBIDDEN},
    {"ConcurrentModification", ERROR_BUSY, AWS_FAILED},
    {"ConcurrentModificationException", ERROR_BUSY, AWS_FAILED},
    {"DeleteConflict", ERROR_CONFLICT, AWS_FAILED},
    {"DeleteConflictException", ERROR_CONFLICT, AWS_FAILED},
    {"EntityAlreadyExists", ERROR_CONFLICT, AWS_FAILED},
    {"EntityTemporarilyUnmodifiable", ERROR_BUSY, AWS_FAILED},
    {"ExpiredToken", ERROR_DENIED, AWS_EXPIRED},
    {"ExpiredTokenException", ERROR_DENIED, AWS_EXPIRED},
    {"RequestExpired", ERROR_BUSY, AWS_CLOCK},
    {"RequestTimeTooSkewed", ERROR_BUSY, AWS_CLOCK},
    {"InvalidClientTokenId", ERROR_DENIED, AWS_FAILED},
    {"UnrecognizedClientException", ERROR_DENIED, AWS_FAILED},
    {"MissingAuthenticationToken", ERROR_DENIED, AWS_FAILED},
    {"MissingAuthenticationTokenException", ERROR_DENIED, AWS_FAILED},
    {"IncompleteSignature", ERROR_BROKEN, AWS_FAILED},
    {"SignatureDoesNotMatch", ERROR_DENIED, AWS_FAILED},
    {"InvalidSignatureException", ERROR_DENIED, AWS_FAILED},
    {"OptInRequired", ERROR_DENIED, AWS_FAILED},
    {"RegionDisabledException", ERROR_DENIED, AWS_FAILED},
    {"InvalidIdentityToken", ERROR_DENIED, AWS_FAILED},
    {"IDPRejectedClaim", ERROR_DENIED, AWS_FAILED},
    {"IDPCommunicationError", ERROR_BUSY, AWS_FAILED},
    {"InvalidStateException", ERROR_DENIED, AWS_FAILED}, /* upgrade insights block it: a person fixes or forces */
    {"LimitExceeded", ERROR_DENIED, AWS_FAILED},
    {"ResourceLimitExceededException", ERROR_DENIED, AWS_FAILED},
    {"ServiceQuotaExceededException", ERROR_DENIED, AWS_FAILED},
    {"NoSuchEntity", ERROR_MISSING, AWS_FAILED},
    {"NotFoundException", ERROR_MISSING, AWS_FAILED},
    {"ResourceNotFoundException", ERROR_MISSING, AWS_FAILED},
    {"ResourcePropagationDelayException", ERROR_BUSY, AWS_SPREADING},
    {"BandwidthLimitExceeded", ERROR_BUSY, AWS_FAILED},
    {"PriorRequestNotComplete", ERROR_BUSY, AWS_FAILED},
    {"RequestLimitExceeded", ERROR_BUSY, AWS_FAILED},
    {"RequestThrottled", ERROR_BUSY, AWS_FAILED},
    {"RequestThrottledException", ERROR_BUSY, AWS_FAILED},
    {"RequestTimeout", ERROR_BUSY, AWS_FAILED},
    {"RequestTimeoutException", ERROR_BUSY, AWS_FAILED},
    {"SlowDown", ERROR_BUSY, AWS_FAILED},
    {"ThrottledException", ERROR_BUSY, AWS_FAILED},
    {"Throttling", ERROR_BUSY, AWS_FAILED},
    {"ThrottlingException", ERROR_BUSY, AWS_FAILED},
    {"TooManyRequestsException", ERROR_BUSY, AWS_FAILED},
    {"TransactionInProgressException", ERROR_BUSY, AWS_FAILED},
    {"InternalFailure", ERROR_BUSY, AWS_FAILED},
    {"InternalError", ERROR_BUSY, AWS_FAILED},
    {"ServerException", ERROR_BUSY, AWS_FAILED},
    {"ServiceFailure", ERROR_BUSY, AWS_FAILED},
    {"ServiceUnavailable", ERROR_BUSY, AWS_FAILED},
    {"ServiceUnavailableException", ERROR_BUSY, AWS_FAILED},
    {"UnknownOperationException", ERROR_BROKEN, AWS_FAILED},
    {"InvalidAction", ERROR_BROKEN, AWS_FAILED},
};

struct text_row {
    const char *operation; /* NULL: any */
    const char *code;      /* NULL: any */
    const char *contains;
    const char *also; /* NULL: nothing more */
    enum error_kind kind;
    enum aws_meaning meaning;
};

/* Codes that mean several things; the message tells which. First match wins. The IAM texts are those that the terraform AWS provider waits
 * on (internal/service/eks); "does not exist" alone would also match a subnet that never will. */
static const struct text_row texts[] = {
    {NULL, NULL, "No changes needed", NULL, ERROR_NONE, AWS_NO_CHANGE},
    {NULL, NULL, "already at the desired configuration", NULL, ERROR_NONE, AWS_NO_CHANGE},
    {NULL, NULL, "No changes detected", NULL, ERROR_NONE, AWS_NO_CHANGE},
    {NULL, NULL, "The type for cluster update was not provided", NULL, ERROR_BROKEN, AWS_FAILED},
    {NULL, NULL, "Only one type of update can be allowed", NULL, ERROR_BROKEN, AWS_FAILED},
    {NULL, NULL, "Request limit exceeded", NULL, ERROR_BUSY, AWS_FAILED},
    {NULL, NULL, "Rate exceeded", NULL, ERROR_BUSY, AWS_FAILED},
    {NULL, "ResourceInUseException", "already exists", NULL, ERROR_CONFLICT, AWS_FAILED},
    {NULL, "ResourceInUseException", "already in use", NULL, ERROR_CONFLICT, AWS_FAILED},
    {NULL, "ResourceInUseException", "", NULL, ERROR_BUSY, AWS_FAILED},
    {NULL, "ClientException", "No cluster found for name", NULL, ERROR_MISSING, AWS_FAILED},
    {NULL, "InvalidRequestException", "is not associated with cluster", NULL, ERROR_MISSING, AWS_FAILED},
    {"AssociateAccessPolicy", "ResourceNotFoundException", "principalArn could not be found", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidParameterException", "Error in role params", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidParameterException", "Role could not be assumed because the trusted entity is not correct", NULL, ERROR_BUSY,
     AWS_SPREADING},
    {NULL, "InvalidParameterException", "The provided role doesn't have the Amazon EKS Managed Policies", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidParameterException", "IAM role's policy must include", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidParameterException", "Access denied to KMS key", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidParameterException", "Misconfigured PodExecutionRole Trust Policy", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidParameterException", "invalid principal", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidParameterException", "does not exist", "role", ERROR_BUSY, AWS_SPREADING},
    {"CreateAddon", "InvalidParameterException", "CREATE_FAILED", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "MalformedPolicyDocument", "invalid principal", NULL, ERROR_BUSY, AWS_SPREADING},
    {NULL, "InvalidSignatureException", "Signature expired", NULL, ERROR_BUSY, AWS_CLOCK},
    {NULL, "InvalidSignatureException", "Signature not yet current", NULL, ERROR_BUSY, AWS_CLOCK},
    {NULL, "SignatureDoesNotMatch", "Signature expired", NULL, ERROR_BUSY, AWS_CLOCK},
    {NULL, "SignatureDoesNotMatch", "Signature not yet current", NULL, ERROR_BUSY, AWS_CLOCK},
};

static bool matches(const struct text_row *row, const struct operation *operation, const struct aws_problem *problem) {
    bool about = row->operation == NULL || strcmp(row->operation, operation->name) == 0;
    bool coded = row->code == NULL || strcmp(row->code, problem->code) == 0;
    bool more = row->also == NULL || strcasestr(problem->message, row->also) != NULL;
    return about && coded && more && strcasestr(problem->message, row->contains) != NULL;
}

/* Without an AWS code the answer came from something between, or from no AWS at all: a 404 or 409 of such says nothing about the resource.
 */
static enum error_kind kind_of_status(int status, bool is_aws) {
    if (status == 429 || status == 408 || status >= 500)
        return ERROR_BUSY;
    if (status == 401 || status == 403 || status == 407)
        return ERROR_DENIED;
    if (!is_aws)
        return ERROR_BROKEN;
    if (status == 404)
        return ERROR_MISSING;
    return status == 409 ? ERROR_CONFLICT : ERROR_INVALID;
}

enum aws_meaning aws_problem_meaning(const struct operation *operation, int status, const struct aws_problem *problem,
                                     enum error_kind *out_kind) {
    *out_kind = kind_of_status(status, problem->code != NULL);
    if (problem->code == NULL)
        return AWS_FAILED;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!matches(&texts[i], operation, problem))
            continue;
        *out_kind = texts[i].kind;
        return texts[i].meaning;
    }
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(codes[i].code, problem->code) != 0)
            continue;
        *out_kind = codes[i].kind;
        return codes[i].meaning;
    }
    return AWS_FAILED;
}
