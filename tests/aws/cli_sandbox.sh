#!/usr/bin/env bash
# The AWS CLI, which checks every answer against AWS's own model, makes, changes and deletes a cluster in the simulated AWS.
. "$(dirname "$0")/../lib.sh"

"$eksact" sandbox --listen 127.0.0.1:0 --speed 600 --state "$work/world.json" >"$work/sandbox.out" 2>"$work/sandbox.err" &
started+=($!)
wait_for 10 "the sandbox's address" grep -q '^AWS_ENDPOINT_URL=' "$work/sandbox.out"
# shellcheck disable=SC1091
. "$work/sandbox.out"
export AWS_ENDPOINT_URL AWS_CA_BUNDLE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
aws=("$EKSACT_PYTHON_DIR/bin/aws" --region eu-west-1 --output text)

[ "$("${aws[@]}" sts get-caller-identity --query Account)" = 111122223333 ] || fail "identity"
trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["eks.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]}'
role=$("${aws[@]}" iam create-role --role-name demo --assume-role-policy-document "$trust" --query Role.Arn)
"${aws[@]}" iam attach-role-policy --role-name demo --policy-arn arn:aws:iam::aws:policy/AmazonEKSClusterPolicy

"${aws[@]}" eks create-cluster --name demo --role-arn "$role" --kubernetes-version 1.33 \
    --resources-vpc-config subnetIds=subnet-0a1b2c3d4e5f60001,subnet-0a1b2c3d4e5f60002 >/dev/null
status() { [ "$("${aws[@]}" eks describe-cluster --name demo --query cluster.status)" = "$1" ]; }
status CREATING || fail "a new cluster is not CREATING"
wait_for 30 "an active cluster" status ACTIVE
"${aws[@]}" eks create-nodegroup --cluster-name demo --nodegroup-name workers --node-role "$role" \
    --subnets subnet-0a1b2c3d4e5f60001 subnet-0a1b2c3d4e5f60002 --scaling-config minSize=1,maxSize=3,desiredSize=1 --labels tier=api >/dev/null
group() { [ "$("${aws[@]}" eks describe-nodegroup --cluster-name demo --nodegroup-name workers --query nodegroup.status)" = "$1" ]; }
wait_for 30 "an active node group" group ACTIVE
update=$("${aws[@]}" eks update-nodegroup-config --cluster-name demo --nodegroup-name workers --scaling-config maxSize=5 --query update.id)
finished() { [ "$("${aws[@]}" eks describe-update --name demo --nodegroup-name workers --update-id "$update" --query update.status)" = Successful ]; }
wait_for 30 "a successful update" finished
[ "$("${aws[@]}" eks describe-nodegroup --cluster-name demo --nodegroup-name workers --query nodegroup.scalingConfig.maxSize)" = 5 ] || fail "maxSize"
"${aws[@]}" eks delete-cluster --name demo >/dev/null 2>"$work/refused" && fail "a cluster with node groups was deleted"
expect_text ResourceInUseException "$work/refused"

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
  resourcesVpcConfig: {subnetIds: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]}
END
expect_exit 0 "$eksact" plan "$work/fleet" -q
expect_exit 0 "$eksact" kubeconfig demo -q
expect_text "get-token"

"${aws[@]}" eks delete-nodegroup --cluster-name demo --nodegroup-name workers >/dev/null
gone() { ! "${aws[@]}" eks describe-nodegroup --cluster-name demo --nodegroup-name workers; }
wait_for 30 "a deleted node group" gone
"${aws[@]}" eks delete-cluster --name demo >/dev/null
no_cluster() { ! "${aws[@]}" eks describe-cluster --name demo; }
wait_for 30 "a deleted cluster" no_cluster
echo ok
