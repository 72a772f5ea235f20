#!/usr/bin/env bash
# IAM roles, policies and an OIDC provider against moto, an AWS that nobody here wrote.
. "$(dirname "$0")/../lib.sh"

on_exit+=("'$tests/real/moto.sh' stop '$work/moto'")
"$tests/real/moto.sh" start "$work/moto" >/dev/null 2>"$work/moto.err" || { cat "$work/moto.err" >&2; fail "no moto"; }
export AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
AWS_ENDPOINT_URL=$(cat "$work/moto/url")
aws=("$EKSACT_PYTHON_DIR/bin/aws" --region eu-west-1 --output text)

mkdir "$work/fleet"
cat >"$work/fleet/iam.yaml" <<'END'
apiVersion: eksact.dev/v1alpha1
kind: Fleet
metadata: {name: moto}
spec:
  aws: {region: eu-west-1}
---
apiVersion: eksact.dev/v1alpha1
kind: IAMRole
metadata: {name: reader}
spec:
  description: reads
  assumeRolePolicyDocument:
    Version: "2012-10-17"
    Statement:
      - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
  managedPolicyArns: [arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess]
  inlinePolicies:
    queue:
      Version: "2012-10-17"
      Statement:
        - {Effect: Allow, Action: [sqs:SendMessage], Resource: "*"}
  tags: {team: platform}
---
apiVersion: eksact.dev/v1alpha1
kind: OIDCProvider
metadata: {name: issuer}
spec:
  url: https://oidc.example.com/id/0123456789ABCDEF
  clientIDList: [sts.amazonaws.com]
END
common=(--state "$work/ledger.json" -q)

expect_exit 2 "$eksact" plan "$work/fleet" "${common[@]}"
expect_exit 0 "$eksact" apply "$work/fleet" "${common[@]}" --yes --wait --timeout 1m
expect_exit 0 "$eksact" plan "$work/fleet" "${common[@]}"

[ "$("${aws[@]}" iam get-role --role-name reader --query Role.Path)" = /eksact/moto/ ] || fail "the role's path"
[ "$("${aws[@]}" iam list-attached-role-policies --role-name reader --query 'AttachedPolicies[].PolicyName')" = AmazonS3ReadOnlyAccess ] || fail "attached policy"
[ "$("${aws[@]}" iam list-role-policies --role-name reader --query PolicyNames)" = queue ] || fail "inline policy"
"${aws[@]}" iam list-open-id-connect-providers --query 'OpenIDConnectProviderList[].Arn' | grep -q oidc.example.com || fail "OIDC provider"

# A change by hand is seen, named and put right.
"${aws[@]}" iam detach-role-policy --role-name reader --policy-arn arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
"${aws[@]}" iam update-assume-role-policy --role-name reader \
    --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
expect_exit 2 "$eksact" plan "$work/fleet" "${common[@]}"
expect_text AmazonS3ReadOnlyAccess
expect_exit 0 "$eksact" apply "$work/fleet" "${common[@]}" --yes --wait --timeout 1m
expect_exit 0 "$eksact" plan "$work/fleet" "${common[@]}"

# A policy that git drops is detached; a role that git drops is deleted, a foreign one is not.
"${aws[@]}" iam create-role --role-name foreign \
    --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}' >/dev/null
sed -i '/managedPolicyArns/s/\[.*\]/[]/' "$work/fleet/iam.yaml"
expect_exit 0 "$eksact" apply "$work/fleet" "${common[@]}" --yes --wait --timeout 1m
[ "$("${aws[@]}" iam list-attached-role-policies --role-name reader --query 'AttachedPolicies[].PolicyName')" = "" ] || fail "still attached"
python3 - "$work/fleet/iam.yaml" <<'END'
import sys
text = open(sys.argv[1]).read().split("---\n")
open(sys.argv[1], "w").write("---\n".join([text[0], text[2]]))
END
expect_exit 0 "$eksact" apply "$work/fleet" "${common[@]}" --yes --wait --timeout 1m
"${aws[@]}" iam get-role --role-name reader >/dev/null 2>&1 && fail "the role is still there"
"${aws[@]}" iam get-role --role-name foreign >/dev/null || fail "a foreign role was deleted"
echo ok
