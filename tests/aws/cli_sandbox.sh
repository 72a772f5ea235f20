#!/usr/bin/env bash
# The AWS CLI, which checks every answer against AWS's own model, makes, changes and deletes a cluster and its roles in the simulated AWS;
# kubectl reaches the cluster by what `aws eks update-kubeconfig` writes.
. "$(dirname "$0")/../lib.sh"

export PATH="$EKSACT_TOOLS_DIR:$EKSACT_PYTHON_DIR/bin:$PATH"
"$eksact" sandbox --listen 127.0.0.1:0 --speed 120 --state "$work/world.json" >"$work/sandbox.out" 2>"$work/sandbox.err" &
started+=($!)
wait_for 10 "the sandbox's address" grep -q '^export AWS_ENDPOINT_URL' "$work/sandbox.out"
# shellcheck disable=SC1091
. "$work/sandbox.out"
export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=$work/none AWS_SHARED_CREDENTIALS_FILE=$work/none
aws=(aws --region eu-west-1 --output text)
subnets=subnet-0a1b2c3d4e5f60001,subnet-0a1b2c3d4e5f60002

# refused ERROR COMMAND...: with AWS's own name for why.
refused() {
    local wanted=$1
    shift
    "$@" >/dev/null 2>"$work/refused" && fail "this was allowed: $*"
    expect_text "($wanted)" "$work/refused"
}

[ "$("${aws[@]}" sts get-caller-identity --query Account)" = 111122223333 ] || fail "identity"
refused SignatureDoesNotMatch env AWS_SECRET_ACCESS_KEY=another "${aws[@]}" sts get-caller-identity
refused UnrecognizedClientException env AWS_ACCESS_KEY_ID=AKIAUNKNOWN000000000 "${aws[@]}" eks list-clusters

# IAM.
trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["eks.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]}'
role=$("${aws[@]}" iam create-role --role-name demo --assume-role-policy-document "$trust" --tags Key=team,Value=platform --query Role.Arn)
refused EntityAlreadyExists "${aws[@]}" iam create-role --role-name demo --assume-role-policy-document "$trust"
refused MalformedPolicyDocument "${aws[@]}" iam create-role --role-name broken --assume-role-policy-document '{"Version":'
"${aws[@]}" iam attach-role-policy --role-name demo --policy-arn arn:aws:iam::aws:policy/AmazonEKSClusterPolicy
"${aws[@]}" iam put-role-policy --role-name demo --policy-name queue \
    --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}]}'
[ "$("${aws[@]}" iam list-attached-role-policies --role-name demo --query 'AttachedPolicies[].PolicyName')" = AmazonEKSClusterPolicy ] || fail "attached"
[ "$("${aws[@]}" iam get-role-policy --role-name demo --policy-name queue --query 'PolicyDocument.Statement[0].Action')" = sqs:SendMessage ] || fail "inline"
[ "$("${aws[@]}" iam list-role-tags --role-name demo --query 'Tags[].Value')" = platform ] || fail "tags of a role"
refused DeleteConflict "${aws[@]}" iam delete-role --role-name demo
refused NoSuchEntity "${aws[@]}" iam get-role --role-name nobody
[ "$("${aws[@]}" sts assume-role --role-arn "$role" --role-session-name test --query AssumedRoleUser.Arn)" = \
    arn:aws:sts::111122223333:assumed-role/demo/test ] || fail "a role's session"

# A cluster and its nodes.
refused InvalidParameterException "${aws[@]}" eks create-cluster --name demo --role-arn "$role" --kubernetes-version 1.33 \
    --resources-vpc-config subnetIds=subnet-0a1b2c3d4e5f60001
[ "$("${aws[@]}" eks create-cluster --name demo --role-arn "$role" --kubernetes-version 1.33 --resources-vpc-config "subnetIds=$subnets" \
    --query cluster.status)" = CREATING ] || fail "a new cluster is not CREATING"
cluster() { [ "$("${aws[@]}" eks describe-cluster --name demo --query "cluster.$1")" = "$2" ]; }
refused ResourceInUseException "${aws[@]}" eks create-cluster --name demo --role-arn "$role" --resources-vpc-config "subnetIds=$subnets"
wait_for 30 "an active cluster" cluster status ACTIVE
[ "$("${aws[@]}" eks list-clusters --query clusters)" = demo ] || fail "the list of clusters"
refused ResourceNotFoundException "${aws[@]}" eks describe-cluster --name other
"${aws[@]}" eks create-nodegroup --cluster-name demo --nodegroup-name workers --node-role "$role" --subnets "${subnets%,*}" "${subnets#*,}" \
    --scaling-config minSize=1,maxSize=3,desiredSize=1 --labels tier=api >/dev/null
group() { [ "$("${aws[@]}" eks describe-nodegroup --cluster-name demo --nodegroup-name workers --query "nodegroup.$1")" = "$2" ]; }
wait_for 30 "an active node group" group status ACTIVE
update=$("${aws[@]}" eks update-nodegroup-config --cluster-name demo --nodegroup-name workers --scaling-config maxSize=5,desiredSize=2 --query update.id)
finished() { [ "$("${aws[@]}" eks describe-update --name demo "$@" --query update.status)" = Successful ]; }
wait_for 30 "a successful update" finished --nodegroup-name workers --update-id "$update"
group scalingConfig.maxSize 5 || fail "maxSize"
update=$("${aws[@]}" eks update-cluster-version --name demo --kubernetes-version 1.34 --query update.id)
refused ResourceInUseException "${aws[@]}" eks update-cluster-config --name demo --resources-vpc-config endpointPrivateAccess=true
wait_for 30 "a new minor version" finished --update-id "$update"
cluster version 1.34 || fail "the version"
refused InvalidParameterException "${aws[@]}" eks update-cluster-version --name demo --kubernetes-version 1.33
arn=$("${aws[@]}" eks describe-cluster --name demo --query cluster.arn)
"${aws[@]}" eks tag-resource --resource-arn "$arn" --tags team=platform
[ "$("${aws[@]}" eks list-tags-for-resource --resource-arn "$arn" --query tags.team)" = platform ] || fail "tags of a cluster"

# kubectl, with what the AWS CLI wrote and with its tokens.
aws eks update-kubeconfig --name demo --kubeconfig "$work/kubeconfig" >/dev/null
export KUBECONFIG=$work/kubeconfig
review='{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}'
[ "$(kubectl create --raw /apis/authentication.k8s.io/v1/selfsubjectreviews -f - <<<"$review" | jq -r .status.userInfo.username)" = arn:aws:iam::111122223333:user/sandbox ] || fail "who am I"
nodes() { [ "$(kubectl get nodes -l eks.amazonaws.com/nodegroup=workers,tier=api --no-headers | grep -c ' Ready ')" = "$1" ]; }
wait_for 20 "two ready nodes" nodes 2
expect_exit 1 env AWS_SECRET_ACCESS_KEY=another kubectl get nodes
# kubectl words a 401 in two ways, by what it has cached.
grep -qE 'Unauthorized|provide credentials' "$work/err" || { cat "$work/err" >&2; fail "a wrong signature was not told"; }

# eksact reads what the CLI made, through the same API.
mkdir "$work/fleet"
cat >"$work/fleet/cluster.yaml" <<END
apiVersion: eksact.dev/v1alpha1
kind: Cluster
metadata:
  name: demo
  annotations: {eksact.dev/manage: observe}
spec:
  region: eu-west-1
  roleArn: $role
  resourcesVpcConfig: {subnetIds: [${subnets/,/, }]}
END
expect_exit 0 "$eksact" plan "$work/fleet" -q
expect_exit 0 "$eksact" kubeconfig demo -q
expect_text "get-token"
cp "$work/out" "$work/of-eksact"
expect_exit 0 kubectl --kubeconfig "$work/of-eksact" get namespace kube-system -o name

refused ResourceInUseException "${aws[@]}" eks delete-cluster --name demo
"${aws[@]}" eks delete-nodegroup --cluster-name demo --nodegroup-name workers >/dev/null
gone() { ! "${aws[@]}" eks "$@"; }
wait_for 30 "a deleted node group" gone describe-nodegroup --cluster-name demo --nodegroup-name workers
"${aws[@]}" eks delete-cluster --name demo >/dev/null
wait_for 30 "a deleted cluster" gone describe-cluster --name demo
"${aws[@]}" iam detach-role-policy --role-name demo --policy-arn arn:aws:iam::aws:policy/AmazonEKSClusterPolicy
"${aws[@]}" iam delete-role-policy --role-name demo --policy-name queue
"${aws[@]}" iam delete-role --role-name demo
refused NoSuchEntity "${aws[@]}" iam get-role --role-name demo
echo ok
