#!/usr/bin/env bash
# examples/production through a real network stack: eksact against the served sandbox, checked by the AWS CLI and kubectl; the world outlives its server.
. "$(dirname "$0")/../lib.sh"

export PATH="$EKSACT_TOOLS_DIR:$EKSACT_PYTHON_DIR/bin:$PATH"
export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=$work/none AWS_SHARED_CREDENTIALS_FILE=$work/none
place=$work/it\'s\ here # the printed lines must be good for a shell whatever the name
mkdir "$place"

# serve OPTION...: sets `server`, and what the sandbox prints.
serve() {
    "$eksact" sandbox --listen 127.0.0.1:0 --state "$place/world.json" "$@" >"$work/sandbox.out" 2>"$work/sandbox.err" &
    server=$!
    started=("$server")
    wait_for 10 "the sandbox's address" grep -q '^export AWS_ENDPOINT_URL' "$work/sandbox.out"
    # shellcheck disable=SC1091
    . "$work/sandbox.out"
}

serve --speed 600 --listen-plain 127.0.0.1:0
expect_exit 2 "$eksact" plan "$root/examples/production" -q
expect_exit 0 "$eksact" apply "$root/examples/production" --state "$work/ledger.json" --yes --wait --timeout 5m -q
expect_exit 0 "$eksact" plan "$root/examples/production" --state "$work/ledger.json" -q
[ "$(aws eks describe-cluster --name production --query cluster.status --output text)" = ACTIVE ] || fail "not active"
[ "$(aws eks describe-nodegroup --cluster-name production --nodegroup-name api-workers --query nodegroup.taints[0].key --output text)" = dedicated ] || fail "taint"

# kubectl: reads, watches, writes, deletes.
kubeconfig() {
    expect_exit 0 "$eksact" kubeconfig production -q
    cp "$work/out" "$work/kubeconfig"
}
kubeconfig
export KUBECONFIG=$work/kubeconfig
kubectl config set-context --current --namespace api >/dev/null
expect_exit 0 kubectl get deployment web-api
expect_text "2/2"
expect_exit 0 kubectl rollout status deployment web-api --timeout 20s
expect_exit 0 kubectl describe deployment web-api
expect_text "registry.example/web-api:v2.1"
expect_exit 0 kubectl get serviceaccount api-service-account -o yaml
expect_text "eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/eksact/production/"
expect_exit 1 kubectl get deployment other
expect_text 'deployments.apps "other" not found' "$work/err"

kubectl get configmaps --watch -o name >"$work/watched" 2>"$work/watch.err" &
watcher=$!
started+=("$watcher")
wait_for 10 "what is there, as a watch tells it" grep -q configmap/web-api "$work/watched"
manifest() {
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: by-hand, namespace: api}\ndata: {a: %s}\n' "$1"
}
expect_exit 0 kubectl apply --server-side -f <(manifest b)
expect_text "serverside-applied"
wait_for 5 "a watch that tells what is new" grep -q configmap/by-hand "$work/watched"
kill "$watcher"
expect_exit 1 kubectl apply --server-side --field-manager other -f <(manifest c)
expect_text 'conflict with "kubectl"' "$work/err"
expect_exit 0 kubectl apply --server-side --field-manager other --force-conflicts -f <(manifest c)
[ "$(kubectl get configmap by-hand -o jsonpath='{.data.a}')" = c ] || fail "a forced apply"
expect_exit 0 kubectl wait --for=jsonpath='{.data.a}'=c configmap/by-hand --timeout 5s
expect_exit 0 kubectl delete configmap by-hand --timeout 10s
expect_exit 0 kubectl apply -f <(manifest d) # as kubectl does it by itself: create, then a three-way merge
expect_exit 0 kubectl apply -f <(manifest e)
[ "$(kubectl get configmap by-hand -o jsonpath='{.data.a}')" = e ] || fail "a merged apply"
expect_exit 0 kubectl delete -f <(manifest e) --timeout 10s
expect_exit 0 kubectl scale deployment web-api --replicas 3
expect_exit 0 kubectl rollout status deployment web-api --timeout 30s
# What a person changed is put right.
expect_exit 2 "$eksact" plan "$root/examples/production" --state "$work/ledger.json" -q
expect_text "Deployment/api/web-api"
expect_exit 0 "$eksact" apply "$root/examples/production" --state "$work/ledger.json" --yes --wait --timeout 2m -q
[ "$(kubectl get deployment web-api -o jsonpath='{.spec.replicas}')" = 2 ] || fail "drift was not healed"

# A server that is killed has lost nothing that is older than a few seconds; another one, at another port, goes on, with the same authority.
sleep 6
kill -KILL "$server"
wait "$server" 2>/dev/null || true
authority=$AWS_CA_BUNDLE
serve --speed 600
unset AWS_ENDPOINT_URL_STS
[ "$AWS_CA_BUNDLE" = "$authority" ] || fail "another authority"
expect_exit 0 "$eksact" plan "$root/examples/production" --state "$work/ledger.json" -q
kubeconfig
expect_exit 0 kubectl get deployment web-api --namespace api
expect_text "2/2"

# Connections that break and services that fail are tried again; what was done is not done twice.
kill "$server"
wait "$server" || fail "the sandbox did not end well"
python3 - "$place/world.json" <<'END'
import json, sys
with open(sys.argv[1]) as file:
    state = json.load(file)
state["faults"] = [{"exchange": number, "fault": fault} for number, fault in
                   [(2, "reset"), (4, "reset-after"), (6, "truncate"), (8, "throttle"), # the AWS CLI meets these
                    (12, "503"), (15, "500"), (18, "reset-after"), (21, "reset"), (24, "throttle"), (27, "truncate")]] # and eksact these
with open(sys.argv[1], "w") as file:
    json.dump(state, file)
END
serve --speed 600
for _ in 1 2 3 4 5; do
    aws eks list-nodegroups --cluster-name production --query nodegroups --output text >"$work/out" 2>"$work/err" || { cat "$work/err" >&2; fail "the AWS CLI gave up"; }
done
cp -r "$root/examples/production" "$work/fleet"
sed -i 's/web-api:v2.1/web-api:v2.2/; s/LOG_LEVEL: info/LOG_LEVEL: debug/' "$work/fleet/apps/web-api.yaml"
expect_exit 0 "$eksact" apply "$work/fleet" --state "$work/ledger.json" --yes --wait --timeout 2m -q
kubeconfig
[ "$(kubectl -n api get deployment web-api -o jsonpath='{.spec.template.spec.containers[0].image}')" = registry.example/web-api:v2.2 ] || fail "the new image"

# What cannot be done is said.
kill "$server"
wait "$server" || fail "the sandbox did not end well"
expect_exit 1 "$eksact" sandbox --listen nowhere
expect_exit 1 "$eksact" sandbox --listen 127.0.0.1:0 --speed 0
expect_text "--speed 0" "$work/err"
echo '{"now": "yesterday"}' >"$work/broken.json"
expect_exit 1 "$eksact" sandbox --listen 127.0.0.1:0 --state "$work/broken.json"
expect_text "broken.json" "$work/err"
expect_exit 1 "$eksact" sandbox --listen 127.0.0.1:0 --kubernetes https://127.0.0.1:1
expect_text "--kubernetes-ca" "$work/err"
echo ok
