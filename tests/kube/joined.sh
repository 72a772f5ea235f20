#!/usr/bin/env bash
# One run that joins everything: simulated EKS whose cluster endpoint is a real API server, which accepts our tokens through the sandbox's TokenReview;
# `eksact run` from a git repository served over HTTP; a pushed commit goes live with no other action.
. "$(dirname "$0")/../lib.sh"
# In a process of its own: both libraries have a wait_for.
free_port() (
    # shellcheck source=../real/lib.sh
    . "$tests/real/lib.sh"
    free_port
)
port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

export PATH="$EKSACT_TOOLS_DIR:$PATH"
# The API server must know where to ask about tokens before it starts, and the sandbox where the API server is: so the sandbox's port comes first.
sandbox_port=$(free_port)
mkdir -p "$work/cluster"
cat >"$work/webhook.yaml" <<END
apiVersion: v1
kind: Config
clusters: [{name: sandbox, cluster: {server: "https://127.0.0.1:$sandbox_port/clusters/production/apis/authentication.k8s.io/v1/tokenreviews", certificate-authority: "$work/ca.pem"}}]
users: [{name: apiserver, user: {}}]
contexts: [{name: webhook, context: {cluster: sandbox, user: apiserver}}]
current-context: webhook
END
# The sandbox makes its certificate authority in its state; it starts once without the API server for that.
"$eksact" sandbox --listen "127.0.0.1:$sandbox_port" --state "$work/world.json" >"$work/sandbox.out" 2>"$work/sandbox.err" &
first=$!
started+=("$first")
wait_for 10 "the sandbox" grep -q '^AWS_ENDPOINT_URL=' "$work/sandbox.out"
# shellcheck disable=SC1091
. "$work/sandbox.out"
cp "$AWS_CA_BUNDLE" "$work/ca.pem"
kill "$first"
wait "$first" || true

on_exit+=("'$tests/real/cluster.sh' stop '$work/cluster'")
"$tests/real/cluster.sh" start "$work/cluster" --token-webhook "$work/webhook.yaml" >/dev/null 2>"$work/cluster.err" ||
    { cat "$work/cluster.err" >&2; fail "no cluster"; }
"$eksact" sandbox --listen "127.0.0.1:$sandbox_port" --state "$work/world.json" --speed 300 \
    --kubernetes "$(cat "$work/cluster/url")" --kubernetes-ca "$work/cluster/ca.pem" >"$work/sandbox.out" 2>"$work/sandbox.err" &
started+=($!)
wait_for 10 "the sandbox" grep -q '^AWS_ENDPOINT_URL=' "$work/sandbox.out"
export AWS_ENDPOINT_URL AWS_CA_BUNDLE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true

# What the token stands for may do everything, as an access entry with AmazonEKSClusterAdminPolicy would let it.
export KUBECONFIG=$work/cluster/kubeconfig
kubectl create clusterrolebinding eksact --clusterrole cluster-admin --user arn:aws:iam::111122223333:user/sandbox >/dev/null
# Nodes of the simulated node group, as the real API server sees them: labelled and tainted like it.
kubectl label nodes --all tier=api >/dev/null
kubectl taint nodes --all dedicated=api:NoSchedule >/dev/null

cp -r "$root/examples/production" "$work/fleet"
make_repository "$work/fleet"
git clone -q --bare "$work/fleet" "$work/served.git"
git -C "$work/served.git" config http.receivepack true
git -C "$work/fleet" remote add origin "$work/served.git"
git_port=$(free_port)
python3 "$tests/git/serve.py" "$work" "$git_port" >"$work/git.log" 2>&1 &
started+=($!)
wait_for 10 "the git server" port_answers "$git_port"

"$eksact" run "http://127.0.0.1:$git_port/served.git" --ref main --interval 1s --listen 127.0.0.1:0 --state "$work/ledger.json" --cache "$work/cache" 2>"$work/run.log" &
controller=$!
started+=("$controller")
image() { [ "$(kubectl -n api get deployment web-api -o jsonpath='{.spec.template.spec.containers[0].image} {.status.readyReplicas}')" = "$1 2" ]; }
wait_for 180 "examples/production live on the real API server" image registry.example/web-api:v2.1

sed -i 's/web-api:v2.1/web-api:v2.2/' "$work/fleet/apps/web-api.yaml"
commit_all "$work/fleet" "version 2.2"
git -C "$work/fleet" push -q origin main
wait_for 60 "the pushed commit live" image registry.example/web-api:v2.2

kill -TERM "$controller"
code=0
wait "$controller" || code=$?
[ "$code" -eq 0 ] || { tail -n 20 "$work/run.log" >&2; fail "the controller ended with $code"; }
grep -q '"stopped"' "$work/run.log" || fail "the end was not logged"
echo ok
