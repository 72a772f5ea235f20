/* AWS calls from rows and values, what their answers become, endpoints, identities and tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/json.h"
#include "fake_http.h"
#include "world/aws.h"
#include "world/aws_parts.h"

static const struct operation create_nodegroup = {.name = "CreateNodegroup",
                                                  .service = SERVICE_EKS,
                                                  .method = "POST",
                                                  .path = "/clusters/{clusterName}/node-groups",
                                                  .token = "clientRequestToken",
                                                  .result = "nodegroup",
                                                  .write = true};
static const struct operation describe_entry = {.name = "DescribeAccessEntry",
                                                .service = SERVICE_EKS,
                                                .method = "GET",
                                                .path = "/clusters/{clusterName}/access-entries/{principalArn}",
                                                .result = "accessEntry"};
static const struct operation list_clusters = {
    .name = "ListClusters", .service = SERVICE_EKS, .method = "GET", .path = "/clusters", .query = "include", .list = "clusters"};
static const struct operation list_insights = {
    .name = "ListInsights", .service = SERVICE_EKS, .method = "POST", .path = "/clusters/{clusterName}/insights", .list = "insights"};
static const struct operation untag = {.name = "UntagResource",
                                       .service = SERVICE_EKS,
                                       .method = "DELETE",
                                       .path = "/tags/{resourceArn}",
                                       .query = "tagKeys,preserve",
                                       .write = true};
static const struct operation create_role = {.name = "CreateRole", .service = SERVICE_IAM, .result = "role", .write = true};
static const struct operation get_role = {.name = "GetRole", .service = SERVICE_IAM, .result = "role"};
static const struct operation list_roles = {.name = "ListRoles", .service = SERVICE_IAM, .list = "roles"};
static const struct operation delete_role = {.name = "DeleteRole", .service = SERVICE_IAM, .write = true};

struct fixture {
    struct fake fake;
    struct arena *arena;
    struct aws *aws;
    struct error err;
};

static int fixture_begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fake_begin(&fixture->fake);
    fixture->arena = arena_new();
    static const char *const variables[] = {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY",
                                            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
    memcpy(fixture->fake.variables, variables, sizeof variables);
    *state = fixture;
    return 0;
}

static int fixture_end(void **state) {
    struct fixture *fixture = *state;
    aws_free(fixture->aws);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static void variable_set(struct fixture *fixture, const char *name, const char *value) {
    size_t at = 0;
    while (fixture->fake.variables[at] != NULL && strcmp(fixture->fake.variables[at], name) != 0)
        at += 2;
    fixture->fake.variables[at] = name;
    fixture->fake.variables[at + 1] = value;
}

static void open_with(struct fixture *fixture, const char *endpoint_url) {
    struct aws_options options = {.http = &fixture->fake.seam,
                                  .clock = &fixture->fake.clock,
                                  .environment = {.get = fake_get, .context = &fixture->fake},
                                  .endpoint_url = endpoint_url};
    assert_true(aws_new(&options, &fixture->aws, &fixture->err));
}

static struct value json(struct fixture *fixture, const char *text) {
    struct value value = value_null();
    struct error err = {0};
    assert_true(json_parse(fixture->arena, "test", text, strlen(text), &value, &err));
    return value;
}

static struct aws_call call_of(struct fixture *fixture, const struct operation *operation, const char *input) {
    return (struct aws_call){
        .scope = {.region = "us-west-2"}, .operation = operation, .input = json(fixture, input), .arena = fixture->arena};
}

/* Prepares, plays the next reply, finishes. */
static void play(struct fixture *fixture, struct aws_call *call) {
    if (fixture->aws == NULL)
        open_with(fixture, NULL);
    assert_true(aws_ready(fixture->aws, &call->scope, &fixture->err));
    if (!aws_prepare(fixture->aws, call, &fixture->err))
        fail_msg("%s", fixture->err.text);
    http_run(&fixture->fake.seam, &call->exchange, 1, 1);
    aws_finish(fixture->aws, call);
}

static const struct seen *last(const struct fixture *fixture) {
    return &fixture->fake.seen[fixture->fake.seen_count - 1];
}

static void reply(struct fixture *fixture, int status, const char *body) {
    fixture->fake.replies[fixture->fake.seen_count] = (struct reply){.status = status, .body = body};
}

/* ---- requests ---- */

static void rest_members_go_to_path_and_body(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &create_nodegroup,
                                   "{\"clusterName\":\"prod_1-a\",\"nodegroupName\":\"ng\",\"labels\":{\"a\":\"b\"},\"version\":null}");
    call.token = "token-1";
    reply(fixture, 200, "{\"nodegroup\":{\"status\":\"CREATING\"}}");
    play(fixture, &call);
    assert_string_equal(last(fixture)->method, "POST");
    assert_string_equal(last(fixture)->url, "https://eks.us-west-2.amazonaws.com/clusters/prod_1-a/node-groups");
    assert_string_equal(last(fixture)->body, "{\"clientRequestToken\":\"token-1\",\"labels\":{\"a\":\"b\"},\"nodegroupName\":\"ng\"}");
    assert_non_null(strstr(last(fixture)->headers, "content-type: application/json\n"));
    assert_non_null(strstr(last(fixture)->headers, "Credential=AKIDEXAMPLE/20260102/us-west-2/eks/aws4_request, "
                                                   "SignedHeaders=content-type;host;x-amz-date, "));
    assert_string_equal(value_text_at(&call.result, "status"), "CREATING");
    assert_int_equal(call.error.kind, ERROR_NONE);
}

static void rest_request_signs_as_botocore(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &describe_entry,
                                   "{\"clusterName\":\"prod\",\"principalArn\":\"arn:aws:iam::111122223333:role/My/Path/Role+Name@x=1\"}");
    reply(fixture, 200, "{\"accessEntry\":{}}");
    play(fixture, &call);
    assert_string_equal(last(fixture)->url, "https://eks.us-west-2.amazonaws.com/clusters/prod/access-entries/"
                                            "arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FMy%2FPath%2FRole%2BName%40x%3D1");
    assert_non_null(strstr(last(fixture)->headers, "dd86e0eaebec3966552eadd7feea02ca5fd9d0f555455b29b49c57abd8f011e3"));
}

static void rest_lists_in_the_query_repeat(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &untag,
                                   "{\"resourceArn\":\"arn:aws:eks:us-west-2:111122223333:cluster/prod\","
                                   "\"tagKeys\":[\"k 1\",\"a/b:c\",\"z~*\"],\"preserve\":true}");
    reply(fixture, 200, "");
    play(fixture, &call);
    assert_string_equal(last(fixture)->url,
                        "https://eks.us-west-2.amazonaws.com/tags/arn%3Aaws%3Aeks%3Aus-west-2%3A111122223333%3Acluster%2Fprod"
                        "?preserve=true&tagKeys=k%201&tagKeys=a%2Fb%3Ac&tagKeys=z~%2A");
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_true(value_is(&call.result, VALUE_MAP));
}

static void rest_pages_are_followed(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &list_clusters, "{\"include\":[\"all\"]}");
    reply(fixture, 200, "{\"clusters\":[\"a\"],\"nextToken\":\"a b/c+d==\"}");
    play(fixture, &call);
    assert_string_equal(last(fixture)->url, "https://eks.us-west-2.amazonaws.com/clusters?include=all&maxResults=100");
    assert_string_equal(call.next_page, "a b/c+d==");
    call.page = call.next_page;
    reply(fixture, 200, "{\"clusters\":[],\"nextToken\":null}");
    play(fixture, &call);
    assert_string_equal(last(fixture)->url,
                        "https://eks.us-west-2.amazonaws.com/clusters?include=all&maxResults=100&nextToken=a%20b%2Fc%2Bd%3D%3D");
    assert_null(call.next_page);
}

static void rest_reads_by_post_page_in_the_body(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &list_insights, "{\"clusterName\":\"prod\"}");
    call.page = "p2";
    reply(fixture, 200, "{\"insights\":[]}");
    play(fixture, &call);
    assert_string_equal(last(fixture)->body, "{\"maxResults\":100,\"nextToken\":\"p2\"}");
}

static void incomplete_input_is_refused(void **state) {
    (void)state;
    static const struct {
        const struct operation *operation;
        const char *input;
        const char *says;
    } cases[] = {
        {&describe_entry, "{\"clusterName\":\"prod\"}", "lacks \"principalArn\""},
        {&describe_entry, "{\"clusterName\":\"\",\"principalArn\":\"a\"}", "lacks \"clusterName\""},
        {&describe_entry, "{\"clusterName\":{},\"principalArn\":\"a\"}", "lacks \"clusterName\""},
        {&describe_entry, "{\"clusterName\":\"a\",\"principalArn\":\"a\",\"more\":1}", "\"more\" has no place"},
        {&untag, "{\"resourceArn\":\"a\",\"tagKeys\":{\"a\":1}}", "\"tagKeys\" cannot stand in a query"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        struct aws_call call = call_of(fixture, cases[i].operation, cases[i].input);
        open_with(fixture, NULL);
        assert_true(aws_ready(fixture->aws, &call.scope, &fixture->err));
        assert_false(aws_prepare(fixture->aws, &call, &fixture->err));
        assert_int_equal(fixture->err.kind, ERROR_BROKEN);
        assert_non_null(strstr(fixture->err.text, cases[i].says));
        fixture_end(&own);
    }
}

static void query_members_are_named_by_their_path(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call =
        call_of(fixture, &create_role,
                "{\"roleName\":\"r 1\",\"maxSessionDuration\":3600,\"description\":null,\"tags\":{\"a\":\"1\",\"b\":\"\"},"
                "\"assumeRolePolicyDocument\":{\"Version\":\"2012-10-17\",\"Statement\":[]},\"clientIDList\":[\"x\",\"y\"],\"flag\":true,"
                "\"list\":[{\"key\":\"k\"}]}");
    reply(fixture, 200, "<CreateRoleResponse><CreateRoleResult><Role/></CreateRoleResult></CreateRoleResponse>");
    play(fixture, &call);
    assert_string_equal(last(fixture)->method, "POST");
    assert_string_equal(last(fixture)->url, "https://iam.amazonaws.com/");
    assert_string_equal(
        last(fixture)->body,
        "Action=CreateRole&Version=2010-05-08&AssumeRolePolicyDocument=%7B%22Statement%22%3A%5B%5D%2C%22Version%22%3A%222012-10-"
        "17%22%7D&ClientIDList.member.1=x&ClientIDList.member.2=y&Flag=true&List.member.1.Key=k&MaxSessionDuration=3600&"
        "RoleName=r%201&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=");
    assert_non_null(strstr(last(fixture)->headers, "/us-east-1/iam/aws4_request"));
}

static void query_request_signs_as_botocore(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &get_role, "{\"roleName\":\"r1\"}");
    reply(fixture, 200, "<GetRoleResponse><GetRoleResult><Role/></GetRoleResult></GetRoleResponse>");
    play(fixture, &call);
    assert_string_equal(last(fixture)->body, "Action=GetRole&Version=2010-05-08&RoleName=r1");
    assert_non_null(strstr(last(fixture)->headers, "2560bbab84f6d5cb2877c8b5b73c4a209249ca0753c4ef67c846ac8b51bc8f96"));
}

/* ---- answers ---- */

#define ROLE_XML                                                                                                                           \
    "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  <GetRoleResult>\n    <Role>\n"                               \
    "      <Path>/eksact/</Path><RoleName>r1</RoleName><Arn>arn:aws:iam::1:role/r1</Arn>"                                                  \
    "<AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%2C%22a%2Bb%22%3A%22x%20y+z%22%7D</AssumeRolePolicyDocument>"            \
    "<Description>a &lt;b&gt; &amp; \xc3\xa9 &#x2022;</Description><MaxSessionDuration>3600</MaxSessionDuration>"                          \
    "<Tags><member><Key>eksact.dev/id</Key><Value>x</Value></member><member><Key>empty</Key><Value/></member></Tags>\n"                    \
    "    </Role></GetRoleResult><ResponseMetadata><RequestId>r-9</RequestId></ResponseMetadata></GetRoleResponse>"

static void xml_becomes_values(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &get_role, "{\"roleName\":\"r1\"}");
    reply(fixture, 200, ROLE_XML);
    play(fixture, &call);
    assert_string_equal(json_text(fixture->arena, &call.result),
                        "{\"arn\":\"arn:aws:iam::1:role/r1\",\"assumeRolePolicyDocument\":{\"Version\":\"2012-10-17\",\"a+b\":\"x y+z\"},"
                        "\"description\":\"a <b> & \xc3\xa9 \xe2\x80\xa2\",\"maxSessionDuration\":\"3600\",\"path\":\"/eksact/\","
                        "\"roleName\":\"r1\",\"tags\":{\"eksact.dev/id\":\"x\",\"empty\":\"\"}}");
    assert_string_equal(call.request_id, "r-9");
}

static void xml_pages_are_followed(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &list_roles, "{}");
    reply(fixture, 200,
          "<ListRolesResponse><ListRolesResult><Roles><member><RoleName>a</RoleName></member></Roles><IsTruncated>true"
          "</IsTruncated><Marker>m/1</Marker></ListRolesResult></ListRolesResponse>");
    play(fixture, &call);
    assert_string_equal(call.next_page, "m/1");
    call.page = call.next_page;
    reply(fixture, 200,
          "<ListRolesResponse><ListRolesResult><Roles/><IsTruncated>false</IsTruncated></ListRolesResult></ListRolesResponse>");
    play(fixture, &call);
    assert_string_equal(last(fixture)->body, "Action=ListRoles&Version=2010-05-08&Marker=m%2F1");
    assert_null(call.next_page);
    assert_true(value_is(value_find(&call.answer, "roles"), VALUE_LIST));
}

static void lists_that_cannot_be_followed_are_broken(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &list_roles, "{}");
    reply(fixture, 200,
          "<ListRolesResponse><ListRolesResult><Roles/><IsTruncated>true</IsTruncated></ListRolesResult></ListRolesResponse>");
    play(fixture, &call);
    assert_int_equal(call.error.kind, ERROR_BROKEN);
    call = call_of(fixture, &list_clusters, "{}");
    call.page = "same";
    reply(fixture, 200, "{\"clusters\":[],\"nextToken\":\"same\"}");
    play(fixture, &call);
    assert_int_equal(call.error.kind, ERROR_BROKEN);
    assert_null(call.next_page);
}

static void xml_without_a_result_is_empty(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &delete_role, "{\"roleName\":\"r1\"}");
    reply(fixture, 200, "<DeleteRoleResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DeleteRoleResponse>");
    play(fixture, &call);
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_int_equal(value_count(&call.result), 0);
}

static void unreadable_answers_are_broken(void **state) {
    (void)state;
    char deep[40 * 8 + 1] = "";
    for (size_t i = 0; i < 40; i++)
        (void)snprintf(deep + i * 3, sizeof deep - i * 3, "<a>");
    const struct {
        const struct operation *operation;
        const char *body;
    } cases[] = {
        {&get_role, ""},
        {&get_role, "{}"},
        {&get_role, "<GetRoleResponse>"},
        {&get_role, "<html><body>sign in</body></html>"},
        {&get_role, "<GetUserResponse/>"},
        {&get_role, "<GetRoleResponse><GetRoleResult/></GetRoleResponse>"},
        {&get_role, "<!DOCTYPE x [<!ENTITY a \"b\">]><GetRoleResponse><GetRoleResult><Role>&a;</Role></GetRoleResult></GetRoleResponse>"},
        {&get_role, "<GetRoleResponse><member/><a/></GetRoleResponse>"},
        {&get_role, deep},
        {&describe_entry, "no json"},
        {&describe_entry, "[]"},
        {&describe_entry, "{\"accessEntry\":"},
        {&describe_entry, "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        struct aws_call call = call_of(fixture, cases[i].operation, "{}");
        if (cases[i].operation == &describe_entry)
            call.input = json(fixture, "{\"clusterName\":\"c\",\"principalArn\":\"a\"}");
        reply(fixture, 200, cases[i].body);
        play(fixture, &call);
        assert_int_equal(call.error.kind, ERROR_BROKEN);
        assert_true(text_starts(call.error.text, cases[i].operation->name));
        fixture_end(&own);
    }
}

/* ---- errors ---- */

#define EKS_ERROR(CODE, MESSAGE) "{\"__type\":\"" CODE "\",\"message\":\"" MESSAGE "\"}"
#define IAM_ERROR(CODE, MESSAGE)                                                                                                           \
    "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>" CODE "</Code><Message>" MESSAGE  \
    "</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"

static void errors_say_what_to_do_next(void **state) {
    (void)state;
    static const struct {
        const struct operation *operation;
        int status;
        const char *body;
        enum error_kind kind;
        const char *code;
    } cases[] = {
        {&create_nodegroup, 409, EKS_ERROR("ResourceInUseException", "NodeGroup already exists with name ng and cluster name c"),
         ERROR_CONFLICT, "ResourceInUseException"},
        {&create_nodegroup, 409,
         EKS_ERROR("ResourceInUseException", "Cannot LoggingUpdate because cluster c currently has update 1 in progress"), ERROR_BUSY,
         "ResourceInUseException"},
        {&create_nodegroup, 404, EKS_ERROR("ResourceNotFoundException", "No cluster found for name: c."), ERROR_MISSING,
         "ResourceNotFoundException"},
        {&create_nodegroup, 400, EKS_ERROR("ClientException", "No cluster found for name: c."), ERROR_MISSING, "ClientException"},
        {&create_nodegroup, 400, EKS_ERROR("ClientException", "other"), ERROR_INVALID, "ClientException"},
        {&create_nodegroup, 400, EKS_ERROR("InvalidParameterException", "The subnet ID 'subnet-1' does not exist"), ERROR_INVALID,
         "InvalidParameterException"},
        {&create_nodegroup, 400, EKS_ERROR("InvalidParameterException", "Role arn:aws:iam::1:role/n does not exist"), ERROR_BUSY,
         "InvalidParameterException"},
        {&create_nodegroup, 400, EKS_ERROR("InvalidRequestException", "Request limit exceeded."), ERROR_BUSY, "InvalidRequestException"},
        {&create_nodegroup, 429, EKS_ERROR("ThrottlingException", "Rate exceeded"), ERROR_BUSY, "ThrottlingException"},
        {&create_nodegroup, 429, EKS_ERROR("TooManyRequestsException", ""), ERROR_BUSY, "TooManyRequestsException"},
        {&create_nodegroup, 500, EKS_ERROR("ServerException", "x"), ERROR_BUSY, "ServerException"},
        {&create_nodegroup, 503, "<html>", ERROR_BUSY, NULL},
        {&create_nodegroup, 400, EKS_ERROR("ResourceLimitExceededException", "quota"), ERROR_DENIED, "ResourceLimitExceededException"},
        {&create_nodegroup, 403, EKS_ERROR("AccessDeniedException", "no"), ERROR_DENIED, "AccessDeniedException"},
        {&create_nodegroup, 403, EKS_ERROR("UnrecognizedClientException", "no"), ERROR_DENIED, "UnrecognizedClientException"},
        {&create_nodegroup, 403, EKS_ERROR("ExpiredTokenException", "over"), ERROR_DENIED, "ExpiredTokenException"},
        {&create_nodegroup, 400, EKS_ERROR("InvalidParameterException", "The type for cluster update was not provided."), ERROR_BROKEN,
         "InvalidParameterException"},
        {&create_nodegroup, 400, EKS_ERROR("SomethingNewException", "x"), ERROR_INVALID, "SomethingNewException"},
        {&create_nodegroup, 404, "<html>not here</html>", ERROR_BROKEN, NULL},
        {&create_nodegroup, 404, "{\"message\":\"not found\"}", ERROR_BROKEN, NULL},
        {&create_nodegroup, 302, "", ERROR_BROKEN, NULL},
        {&get_role, 404, IAM_ERROR("NoSuchEntity", "The role with name r cannot be found."), ERROR_MISSING, "NoSuchEntity"},
        {&create_role, 409, IAM_ERROR("EntityAlreadyExists", "x"), ERROR_CONFLICT, "EntityAlreadyExists"},
        {&create_role, 409, IAM_ERROR("ConcurrentModification", "x"), ERROR_BUSY, "ConcurrentModification"},
        {&create_role, 409, IAM_ERROR("LimitExceeded", "x"), ERROR_DENIED, "LimitExceeded"},
        {&delete_role, 409, IAM_ERROR("DeleteConflict", "Cannot delete entity, must detach all policies first."), ERROR_CONFLICT,
         "DeleteConflict"},
        {&create_role, 400, IAM_ERROR("Throttling", "Rate exceeded"), ERROR_BUSY, "Throttling"},
        {&create_role, 400, IAM_ERROR("MalformedPolicyDocument", "Syntax errors in policy."), ERROR_INVALID, "MalformedPolicyDocument"},
        {&create_role, 400, IAM_ERROR("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"x\""), ERROR_BUSY,
         "MalformedPolicyDocument"},
        {&get_role, 404, "<html/>", ERROR_BROKEN, NULL},
        {&get_role, 404, "", ERROR_BROKEN, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        struct aws_call call = call_of(fixture, cases[i].operation, "{\"clusterName\":\"c\"}");
        reply(fixture, cases[i].status, cases[i].body);
        play(fixture, &call);
        if (call.error.kind != cases[i].kind)
            fail_msg("case %zu: %s: %s", i, error_kind_name(call.error.kind), call.error.text);
        assert_true(text_starts(call.error.text, cases[i].operation->name));
        if (cases[i].code == NULL)
            assert_null(call.code);
        else
            assert_string_equal(call.code, cases[i].code);
        fixture_end(&own);
    }
}

static void error_code_in_the_header_is_plain(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
    fixture->fake.replies[0] = (struct reply){.status = 400,
                                              .body = "{\"Message\":\"line\\none\"}",
                                              .header_name = "x-amzn-errortype",
                                              .header_value = "aws#InvalidParameterException:http://internal.amazon.com/"};
    play(fixture, &call);
    assert_string_equal(call.code, "InvalidParameterException");
    assert_string_equal(call.message, "line one");
}

static void replies_that_nothing_changed_are_success(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
    reply(fixture, 400, EKS_ERROR("InvalidParameterException", "No changes needed for the logging config provided"));
    play(fixture, &call);
    assert_true(call.no_change);
    assert_int_equal(call.error.kind, ERROR_NONE);
}

static void spreading_iam_is_marked(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
    reply(fixture, 400, EKS_ERROR("InvalidParameterException", "Role could not be assumed because the trusted entity is not correct"));
    play(fixture, &call);
    assert_true(call.spreading);
    assert_int_equal(call.error.kind, ERROR_BUSY);
}

static void missing_permission_is_named(void **state) {
    struct fixture *fixture = *state;
    const char *account = NULL, *arn = NULL;
    struct aws_scope scope = {.region = "us-west-2"};
    open_with(fixture, NULL);
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err));
    reply(fixture, 200,
          "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ci</Arn><UserId>A</UserId>"
          "<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
    assert_true(aws_identity(fixture->aws, &scope, fixture->arena, &account, &arn, &fixture->err));
    assert_string_equal(account, "111122223333");
    struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
    reply(fixture, 403, EKS_ERROR("AccessDeniedException", "not today"));
    play(fixture, &call);
    assert_string_equal(call.error.text, "CreateNodegroup: AccessDeniedException: not today; allow eks:CreateNodegroup to "
                                         "arn:aws:iam::111122223333:user/ci (credentials: environment)");
    assert_true(aws_identity(fixture->aws, &scope, fixture->arena, &account, &arn, &fixture->err));
    assert_int_equal(fixture->fake.seen_count, 2); /* asked once */
}

static void signature_errors_quote_no_secret(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &get_role, "{\"roleName\":\"r\"}");
    reply(fixture, 403,
          IAM_ERROR("SignatureDoesNotMatch", "The request signature does not match. The Canonical String for this request "
                                             "should have been 'POST x-amz-security-token:SECRETTOKEN'"));
    play(fixture, &call);
    assert_int_equal(call.error.kind, ERROR_DENIED);
    assert_null(strstr(call.error.text, "SECRETTOKEN"));
    assert_null(strstr(call.message, "SECRETTOKEN"));
}

static void lost_connection_names_the_operation(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &get_role, "{\"roleName\":\"r\"}");
    play(fixture, &call);
    assert_int_equal(call.error.kind, ERROR_BUSY);
    assert_true(text_starts(call.error.text, "GetRole: POST https://iam.amazonaws.com/"));
}

static void retry_after_is_read(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        int64_t wait_ms;
    } cases[] = {{"retry-after", "7", 7000},
                 {"x-amz-retry-after", "250", 250},
                 {"retry-after", "Fri, 02 Jan 2026 03:04:05 GMT", 0},
                 {"retry-after", "-1", 0},
                 {"retry-after", "99999999999999999999", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
        fixture->fake.replies[0] = (struct reply){
            .status = 429, .body = EKS_ERROR("ThrottlingException", ""), .header_name = cases[i].name, .header_value = cases[i].value};
        play(fixture, &call);
        assert_true(call.retry_after_ms == cases[i].wait_ms);
        fixture_end(&own);
    }
}

/* ---- clock ---- */

static void clock_of_aws_is_learnt(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
    fixture->fake.replies[0] = (struct reply){.status = 403,
                                              .body = EKS_ERROR("InvalidSignatureException", "Signature expired: 2026"),
                                              .header_name = "date",
                                              .header_value = "Fri, 02 Jan 2026 03:24:05 GMT"};
    play(fixture, &call);
    assert_int_equal(call.error.kind, ERROR_BUSY);
    assert_non_null(strstr(call.error.text, "clock is 20 min behind AWS's"));
    assert_true(aws_clock_skew_ms(fixture->aws) == 20 * 60000);
    reply(fixture, 200, "{\"nodegroup\":{}}");
    play(fixture, &call);
    assert_non_null(strstr(last(fixture)->headers, "x-amz-date: 20260102T032405Z"));
}

static void small_or_unreadable_dates_are_no_skew(void **state) {
    (void)state;
    static const char *const dates[] = {"Fri, 02 Jan 2026 03:04:50 GMT", "Fri, 02 Abc 2026 04:04:50 GMT", "yesterday", "",
                                        "Fri, 99 Jan 2026 03:04:50 GMT"};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        void *own = NULL;
        fixture_begin(&own);
        struct fixture *fixture = own;
        struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
        fixture->fake.replies[0] =
            (struct reply){.status = 200, .body = "{\"nodegroup\":{}}", .header_name = "date", .header_value = dates[i]};
        play(fixture, &call);
        assert_true(aws_clock_skew_ms(fixture->aws) == 0);
        fixture_end(&own);
    }
}

/* ---- identities ---- */

#define ASSUMED(ID, EXPIRES)                                                                                                               \
    "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::222233334444:assumed-role/r/eksact</Arn></"                  \
    "AssumedRoleUser><Credentials>"                                                                                                        \
    "<AccessKeyId>" ID "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>" EXPIRES              \
    "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"

static void role_is_assumed_once_and_renewed_in_time(void **state) {
    struct fixture *fixture = *state;
    struct aws_scope scope = {.region = "eu-west-1", .assume_role_arn = "arn:aws:iam::2:role/r"};
    open_with(fixture, NULL);
    reply(fixture, 200, ASSUMED("ASIAONE", "2026-01-02T04:04:05Z"));
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err));
    assert_string_equal(last(fixture)->url, "https://sts.eu-west-1.amazonaws.com/");
    assert_string_equal(last(fixture)->body, "Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600&RoleArn=arn%3Aaws%3Aiam%3A%3A2%3A"
                                             "role%2Fr&RoleSessionName=eksact");
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err));
    assert_int_equal(fixture->fake.seen_count, 1);

    fixture->fake.wall_ms += 46 * 60000; /* 14 minutes are left */
    reply(fixture, 200, ASSUMED("ASIATWO", "2026-01-02T05:04:05Z"));
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err));
    struct aws_call call = call_of(fixture, &describe_entry, "{\"clusterName\":\"c\",\"principalArn\":\"a\"}");
    call.scope = scope;
    reply(fixture, 200, "{\"accessEntry\":{}}");
    play(fixture, &call);
    assert_non_null(strstr(last(fixture)->headers, "Credential=ASIATWO/"));
    assert_non_null(strstr(last(fixture)->headers, "x-amz-security-token: t\n"));
}

static void role_is_known_without_asking(void **state) {
    struct fixture *fixture = *state;
    const char *account = NULL, *arn = NULL;
    struct aws_scope scope = {.region = "eu-west-1", .assume_role_arn = "arn:aws:iam::222233334444:role/r"};
    open_with(fixture, NULL);
    reply(fixture, 200, ASSUMED("ASIAONE", "2026-01-02T04:04:05Z"));
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err));
    assert_true(aws_identity(fixture->aws, &scope, fixture->arena, &account, &arn, &fixture->err));
    assert_string_equal(account, "222233334444");
    assert_string_equal(arn, "arn:aws:sts::222233334444:assumed-role/r/eksact");
    assert_int_equal(fixture->fake.seen_count, 1);
}

static void trouble_with_renewing_stops_nobody_early(void **state) {
    struct fixture *fixture = *state;
    struct aws_scope scope = {.region = "eu-west-1", .assume_role_arn = "arn:aws:iam::2:role/r"};
    open_with(fixture, NULL);
    reply(fixture, 200, ASSUMED("ASIAONE", "2026-01-02T04:04:05Z"));
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err));
    fixture->fake.wall_ms += 46 * 60000;
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err)); /* no answers */
    fixture->fake.wall_ms += 14 * 60000;
    assert_false(aws_ready(fixture->aws, &scope, &fixture->err));
    assert_int_equal(fixture->err.kind, ERROR_BUSY);
    assert_non_null(strstr(fixture->err.text, "assume role arn:aws:iam::2:role/r with the credentials of environment"));
}

static void expired_credentials_are_renewed_once(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
    call.scope.assume_role_arn = "arn:aws:iam::2:role/r";
    reply(fixture, 200, ASSUMED("ASIAONE", "2026-01-02T04:04:05Z"));
    fixture->fake.replies[1] = (struct reply){.status = 403, .body = EKS_ERROR("ExpiredTokenException", "over")};
    play(fixture, &call);
    assert_int_equal(call.error.kind, ERROR_BUSY);
    fixture->fake.replies[2] = (struct reply){.status = 200, .body = ASSUMED("ASIATWO", "2026-01-02T04:04:05Z")};
    fixture->fake.replies[3] = (struct reply){.status = 403, .body = EKS_ERROR("ExpiredTokenException", "over")};
    play(fixture, &call);
    assert_non_null(strstr(last(fixture)->headers, "ASIATWO"));
    assert_int_equal(call.error.kind, ERROR_DENIED);
    assert_non_null(strstr(call.error.text, "have expired: give new ones"));
}

static void calls_need_ready_credentials(void **state) {
    struct fixture *fixture = *state;
    struct aws_call call = call_of(fixture, &create_nodegroup, "{\"clusterName\":\"c\"}");
    open_with(fixture, NULL);
    assert_false(aws_prepare(fixture->aws, &call, &fixture->err));
    assert_int_equal(fixture->err.kind, ERROR_BROKEN);
}

/* ---- tokens ---- */

static void cluster_token_is_signed_for_sts_and_kept(void **state) {
    struct fixture *fixture = *state;
    struct aws_scope scope = {.region = "us-east-1"};
    struct secret one = {0}, two = {0};
    open_with(fixture, "http://127.0.0.1:5000");
    assert_true(aws_ready(fixture->aws, &scope, &fixture->err));
    assert_true(aws_cluster_token(fixture->aws, &scope, "my-cluster", &one, &fixture->err));
    /* The token vector of the same keys, cluster and time. */
    assert_true(text_ends(one.reveal, "cmU9NzFhMjFiODUyYWMzMTQ1YTE2YzJmMDVjNWUwMzM2ZDdjODdjNDAzOTZjMDcwODI4ODEzYjllMWNlMWEzNzg3OQ"));
    fixture->fake.wall_ms += 9 * 60000;
    assert_true(aws_cluster_token(fixture->aws, &scope, "my-cluster", &two, &fixture->err));
    assert_string_equal(one.reveal, two.reveal);
    fixture->fake.wall_ms += 2 * 60000;
    assert_true(aws_cluster_token(fixture->aws, &scope, "my-cluster", &two, &fixture->err));
    assert_string_not_equal(one.reveal, two.reveal);
    assert_true(aws_cluster_token(fixture->aws, &scope, "other", &one, &fixture->err));
    assert_string_not_equal(one.reveal, two.reveal);
    assert_int_equal(fixture->fake.seen_count, 0);
    secret_done(&one);
    secret_done(&two);
}

/* ---- endpoints ---- */

static void endpoint_is_of_the_partition(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        enum service service;
        const char *region;
        const char *url;
        const char *signs;
        const char *partition;
    } cases[] = {
        {SERVICE_EKS, "eu-west-1", "https://eks.eu-west-1.amazonaws.com", "eu-west-1", "aws"},
        {SERVICE_IAM, "eu-west-1", "https://iam.amazonaws.com", "us-east-1", "aws"},
        {SERVICE_STS, "eu-west-1", "https://sts.eu-west-1.amazonaws.com", "eu-west-1", "aws"},
        {SERVICE_EKS, "cn-north-1", "https://eks.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn"},
        {SERVICE_IAM, "cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn"},
        {SERVICE_IAM, "us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1", "aws-us-gov"},
        {SERVICE_EKS, "us-iso-east-1", "https://eks.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso"},
        {SERVICE_EKS, "us-isob-east-1", "https://eks.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b"},
        {SERVICE_STS, "eu-isoe-west-1", "https://sts.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e"},
        {SERVICE_STS, "us-isof-south-1", "https://sts.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f"},
        {SERVICE_EKS, "eusc-de-east-1", "https://eks.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc"},
    };
    struct environment environment = {.get = fake_get, .context = &fixture->fake};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aws_endpoint endpoint = {0};
        assert_true(aws_endpoint_find(&environment, fixture->arena, NULL, cases[i].service, cases[i].region, &endpoint, &fixture->err));
        assert_string_equal(endpoint.url, cases[i].url);
        assert_string_equal(endpoint.region, cases[i].signs);
        assert_string_equal(aws_partition(cases[i].region), cases[i].partition);
    }
}

static const char *endpoint_url(struct fixture *fixture, const char *override, enum service service) {
    struct environment environment = {.get = fake_get, .context = &fixture->fake};
    struct aws_endpoint endpoint = {0};
    fixture->err = (struct error){0};
    bool found = aws_endpoint_find(&environment, fixture->arena, override, service, "eu-west-1", &endpoint, &fixture->err);
    return found ? endpoint.url : NULL;
}

static void endpoint_is_overridden_in_order(void **state) {
    struct fixture *fixture = *state;
    char path[] = "/tmp/eksact-aws-config-XXXXXX";
    int descriptor = mkstemp(path);
    const char *config =
        "[default]\nendpoint_url = http://profile\nservices = local\n[services local]\neks =\n  endpoint_url = http://section/\n"
        "sts =\n  other = 1\n";
    assert_true(write(descriptor, config, strlen(config)) == (ssize_t)strlen(config));
    (void)close(descriptor);
    variable_set(fixture, "AWS_CONFIG_FILE", path);
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_EKS), "http://section");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_STS), "http://profile");
    variable_set(fixture, "AWS_ENDPOINT_URL", "http://all:1/base/");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_EKS), "http://all:1/base");
    variable_set(fixture, "AWS_ENDPOINT_URL_EKS", "https://eks");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_EKS), "https://eks");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_IAM), "http://all:1/base");
    variable_set(fixture, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_EKS), "https://eks.eu-west-1.amazonaws.com");
    assert_string_equal(endpoint_url(fixture, "http://flag", SERVICE_EKS), "http://flag");
    (void)remove(path);
}

static void fips_and_dual_stack_have_their_hosts(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_USE_FIPS_ENDPOINT", "true");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_EKS), "https://fips.eks.eu-west-1.amazonaws.com");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_IAM), "https://iam-fips.amazonaws.com");
    assert_null(endpoint_url(fixture, "http://flag", SERVICE_EKS));
    variable_set(fixture, "AWS_USE_DUALSTACK_ENDPOINT", "true");
    assert_null(endpoint_url(fixture, NULL, SERVICE_EKS));
    variable_set(fixture, "AWS_USE_FIPS_ENDPOINT", "false");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_STS), "https://sts.eu-west-1.api.aws");
    assert_string_equal(endpoint_url(fixture, NULL, SERVICE_IAM), "https://iam.global.api.aws");
}

static void bad_endpoints_and_regions_are_refused(void **state) {
    struct fixture *fixture = *state;
    static const char *const urls[] = {"eks.example",  "ftp://x",    "http://",    "https:///x",
                                       "http://u:p@h", "http://h?x", "http://h#x", "http://a b"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_null(endpoint_url(fixture, urls[i], SERVICE_EKS));
        assert_int_equal(fixture->err.kind, ERROR_INVALID);
        assert_null(strstr(fixture->err.text, "u:p"));
    }
    static const char *const regions[] = {"", "EU-WEST-1", "eu-west-1.evil.example/", "eu west", "-eu", NULL};
    struct environment environment = {.get = fake_get, .context = &fixture->fake};
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        struct aws_endpoint endpoint = {0};
        struct error err = {0};
        assert_false(aws_endpoint_find(&environment, fixture->arena, NULL, SERVICE_EKS, regions[i], &endpoint, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static void ca_bundle_is_read_or_named(void **state) {
    struct fixture *fixture = *state;
    variable_set(fixture, "AWS_CA_BUNDLE", "/nowhere/ca.pem");
    struct aws_options options = {
        .http = &fixture->fake.seam, .clock = &fixture->fake.clock, .environment = {.get = fake_get, .context = &fixture->fake}};
    assert_false(aws_new(&options, &fixture->aws, &fixture->err));
    assert_non_null(strstr(fixture->err.text, "AWS_CA_BUNDLE: read /nowhere/ca.pem"));
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, fixture_begin, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rest_members_go_to_path_and_body),
        TEST(rest_request_signs_as_botocore),
        TEST(rest_lists_in_the_query_repeat),
        TEST(rest_pages_are_followed),
        TEST(rest_reads_by_post_page_in_the_body),
        TEST(incomplete_input_is_refused),
        TEST(query_members_are_named_by_their_path),
        TEST(query_request_signs_as_botocore),
        TEST(xml_becomes_values),
        TEST(xml_pages_are_followed),
        TEST(lists_that_cannot_be_followed_are_broken),
        TEST(xml_without_a_result_is_empty),
        TEST(unreadable_answers_are_broken),
        TEST(errors_say_what_to_do_next),
        TEST(error_code_in_the_header_is_plain),
        TEST(replies_that_nothing_changed_are_success),
        TEST(spreading_iam_is_marked),
        TEST(missing_permission_is_named),
        TEST(signature_errors_quote_no_secret),
        TEST(lost_connection_names_the_operation),
        TEST(retry_after_is_read),
        TEST(clock_of_aws_is_learnt),
        TEST(small_or_unreadable_dates_are_no_skew),
        TEST(role_is_assumed_once_and_renewed_in_time),
        TEST(role_is_known_without_asking),
        TEST(trouble_with_renewing_stops_nobody_early),
        TEST(expired_credentials_are_renewed_once),
        TEST(calls_need_ready_credentials),
        TEST(cluster_token_is_signed_for_sts_and_kept),
        TEST(endpoint_is_of_the_partition),
        TEST(endpoint_is_overridden_in_order),
        TEST(fips_and_dual_stack_have_their_hosts),
        TEST(bad_endpoints_and_regions_are_refused),
        TEST(ca_bundle_is_read_or_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
