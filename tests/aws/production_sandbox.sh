#!/usr/bin/env bash
# examples/production through a real network stack: eksact against the served sandbox, checked by the AWS CLI and kubectl.
. "$(dirname "$0")/../lib.sh"

export PATH="$EKSACT_TOOLS_DIR:$EKSACT_PYTHON_DIR/bin:$PATH"
"$eksact" sandbox --listen 127.0.0.1:0 --speed 600 --state "$work/world.json" >"$work/sandbox.out" 2>"$work/sandbox.err" &
started+=($!)
wait_for 10 "the sandbox's address" grep -q '^AWS_ENDPOINT_URL=' "$work/sandbox.out"
# shellcheck disable=SC1091
. "$work/sandbox.out"
export AWS_ENDPOINT_URL AWS_CA_BUNDLE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true

expect_exit 2 "$eksact" plan "$root/examples/production" -q
expect_exit 0 "$eksact" apply "$root/examples/production" --state "$work/ledger.json" --yes --wait --timeout 5m -q
expect_exit 0 "$eksact" plan "$root/examples/production" --state "$work/ledger.json" -q
[ "$(aws eks describe-cluster --name production --query cluster.status --output text)" = ACTIVE ] || fail "not active"
[ "$(aws eks describe-nodegroup --cluster-name production --nodegroup-name api-workers --query nodegroup.taints[0].key --output text)" = dedicated ] || fail "taint"
expect_exit 0 "$eksact" kubeconfig production -q
cp "$work/out" "$work/kubeconfig"
# The token's presigned URL must name a real STS host, which only the service's own variable leaves alone.
export KUBECONFIG=$work/kubeconfig AWS_ENDPOINT_URL_EKS=$AWS_ENDPOINT_URL
unset AWS_ENDPOINT_URL
kubectl get deployment web-api --namespace api >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "kubectl get"; }
expect_text "2/2"
kubectl get serviceaccount api-service-account --namespace api -o yaml >"$work/out"
expect_text "eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/eksact/production/"
kubectl apply --server-side -f - >"$work/out" <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: by-hand, namespace: api}
data: {a: b}
END
expect_text "serverside-applied"
kubectl get configmaps --namespace api -o name >"$work/out"
expect_text "configmap/by-hand"
kubectl delete configmap by-hand --namespace api >/dev/null
echo ok
