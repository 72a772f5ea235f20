#!/usr/bin/env bash
# One run that joins everything: simulated EKS whose cluster endpoint is a real API server, which accepts our tokens through the sandbox's TokenReview;
# `eksact run` from a git repository served over HTTP; a pushed commit goes live with no other action.
. "$(dirname "$0")/../lib.sh"

export PATH="$EKSACT_TOOLS_DIR:$EKSACT_PYTHON_DIR/bin:$PATH"
export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=$work/none AWS_SHARED_CREDENTIALS_FILE=$work/none
# In a process of its own: both libraries have a wait_for.
free_port() (
    # shellcheck source=../real/lib.sh
    . "$tests/real/lib.sh"
    free_port
)
port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# serve OPTION...: sets `sandbox`, and what the sandbox prints.
serve() {
    "$eksact" sandbox --listen "127.0.0.1:$sandbox_port" --state "$work/world.json" "$@" >"$work/sandbox.out" 2>"$work/sandbox.err" &
    sandbox=$!
    started=("$sandbox")
    wait_for 10 "the sandbox" grep -q '^export AWS_ENDPOINT_URL' "$work/sandbox.out"
    # shellcheck disable=SC1091
    . "$work/sandbox.out"
}

# The API server must know where to ask about tokens before it starts, and the sandbox where the API server is: so the sandbox's port comes
# first. The sandbox keeps its certificate authority with its state, and starts once without the API server for that.
sandbox_port=$(free_port)
serve
kill "$sandbox"
wait "$sandbox" || fail "the sandbox did not end well"
started=()
cat >"$work/webhook.yaml" <<END
apiVersion: v1
kind: Config
clusters:
  - name: sandbox
    cluster:
      server: https://127.0.0.1:$sandbox_port/clusters/production/apis/authentication.k8s.io/v1/tokenreviews
      certificate-authority: $AWS_CA_BUNDLE
users: [{name: apiserver, user: {}}]
contexts: [{name: webhook, context: {cluster: sandbox, user: apiserver}}]
current-context: webhook
END
on_exit+=("'$tests/real/cluster.sh' stop '$work/cluster'")
"$tests/real/cluster.sh" start "$work/cluster" --token-webhook "$work/webhook.yaml" >/dev/null 2>"$work/cluster.err" ||
    { cat "$work/cluster.err" >&2; fail "no cluster"; }
serve --speed 300 --kubernetes "$(cat "$work/cluster/url")" --kubernetes-ca "$work/cluster/ca.pem"

# What the token stands for may do everything, as an access entry with AmazonEKSClusterAdminPolicy would let it.
export KUBECONFIG=$work/cluster/kubeconfig
kubectl create clusterrolebinding eksact --clusterrole cluster-admin --user arn:aws:iam::111122223333:user/sandbox >/dev/null
# Nodes of the simulated node group, as the real API server sees them: labelled and tainted like it.
kubectl label nodes --all tier=api >/dev/null
kubectl taint nodes --all dedicated=api:NoSchedule >/dev/null

cp -r "$root/examples/production" "$work/fleet"
sed -i 's/^    slowStart: true/&\n    bake: {default: 3s}/' "$work/fleet/fleet.yaml" # a minute by itself: every change here would wait for the one before
make_repository "$work/fleet"
git clone -q --bare "$work/fleet" "$work/served.git"
git -C "$work/fleet" remote add origin "$work/served.git"
git_port=$(free_port)
python3 "$tests/git/serve.py" "$work" "$git_port" >"$work/git.log" 2>&1 &
started+=($!)
wait_for 10 "the git server" port_answers "$git_port"
push() {
    commit_all "$work/fleet" "$1"
    git -C "$work/fleet" push -q origin main
}

"$eksact" run "http://127.0.0.1:$git_port/served.git" --ref main --interval 1s --listen 127.0.0.1:0 --state "$work/ledger.json" \
    --cache "$work/cache" 2>"$work/run.log" &
controller=$!
started+=("$controller")
# When a wait is in vain, eksact itself knows why.
live() {
    if ! (wait_for "$@" 2>"$work/waited"); then
        { tail -n 20 "$work/run.log"; "$eksact" status "$work/fleet" --state "$work/ledger.json" -q || true; } >&2
        fail "$(cat "$work/waited")"
    fi
}
image() { [ "$(kubectl -n api get deployment web-api -o jsonpath='{.spec.template.spec.containers[0].image} {.status.readyReplicas}')" = "$1 2" ]; }
live 120 "examples/production live on the real API server" image registry.example/web-api:v2.1
# As the AWS Load Balancer Controller would, when it has made one.
kubectl -n api patch service web-api --subresource status --type merge -p '{"status":{"loadBalancer":{"ingress":[{"hostname":"web-api.elb.example"}]}}}' >/dev/null
role=$(kubectl -n api get serviceaccount api-service-account -o jsonpath='{.metadata.annotations.eks\.amazonaws\.com/role-arn}')
[ "$(aws iam get-role --role-name "${role##*/}" --query Role.Arn --output text)" = "$role" ] || fail "the ServiceAccount's role"
[ "$(kubectl -n api get deployment web-api -o jsonpath='{.metadata.managedFields[0].manager}')" = eksact ] || fail "the field manager"

# A person's kubectl goes the same way: endpoint and authority of DescribeCluster, token of the AWS CLI, the sandbox's word for who it is.
expect_exit 0 "$eksact" kubeconfig production -q
cp "$work/out" "$work/of-eksact"
expect_text "$(cat "$work/cluster/url")"
person=(kubectl --kubeconfig "$work/of-eksact")
[ "$("${person[@]}" auth whoami -o jsonpath='{.status.userInfo.username}')" = arn:aws:iam::111122223333:user/sandbox ] || fail "who am I"
expect_exit 1 env AWS_SECRET_ACCESS_KEY=another "${person[@]}" get nodes
grep -qE 'Unauthorized|provide credentials' "$work/err" || { cat "$work/err" >&2; fail "a wrong signature was not told"; }

# While nothing changes, nothing is written.
version() { kubectl -n api get deployment,service,configmap,serviceaccount -o jsonpath='{.items[*].metadata.resourceVersion}'; }
sleep 5
before=$(version)
kill -HUP "$controller"
sleep 4
[ "$(version)" = "$before" ] || fail "a pass over what is as declared has written"

# A commit is live without anybody's help.
sed -i 's/web-api:v2.1/web-api:v2.2/' "$work/fleet/apps/web-api.yaml"
push "version 2.2"
live 60 "the pushed commit live" image registry.example/web-api:v2.2

# So is one that takes something away; and what a person changed is put right when the controller is told to look.
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: passing, namespace: api}\ndata: {a: b}\n' >"$work/fleet/apps/passing.yaml"
push "one more"
live 30 "an added object" kubectl -n api get configmap passing
git -C "$work/fleet" rm -q apps/passing.yaml
push "one less"
gone() { [ -z "$(kubectl -n api get configmap passing --ignore-not-found -o name)" ]; }
live 30 "a removed object gone" gone
kubectl -n api scale deployment web-api --replicas 1 >/dev/null
kill -HUP "$controller"
healed() { [ "$(kubectl -n api get deployment web-api -o jsonpath='{.spec.replicas} {.status.readyReplicas}')" = "2 2" ]; }
live 30 "drift healed" healed

kill -TERM "$controller"
code=0
wait "$controller" || code=$?
[ "$code" -eq 0 ] || { tail -n 20 "$work/run.log" >&2; fail "the controller ended with $code"; }
grep -q '"stopped"' "$work/run.log" || fail "the end was not logged"
expect_exit 0 "$eksact" plan "$work/fleet" --state "$work/ledger.json" -q
echo ok
