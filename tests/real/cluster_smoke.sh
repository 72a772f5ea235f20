#!/usr/bin/env bash
# Whether cluster.sh works: a Deployment of two replicas becomes Available
# within 60 s, and after stop none of the programs is left.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$("$here/../tools/build.sh" | tail -n1)
work=$(mktemp -d)
dir=$work/cluster

me=cluster_smoke
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

finish() {
    local status=$?
    "$here/cluster.sh" stop "$dir" || status=1
    if [ "$status" = 0 ]; then
        rm -rf "$work"
    else
        say "FAILED; logs are in $dir"
    fi
    exit "$status"
}
trap finish EXIT

kubectl() { "$tools/kubectl" --kubeconfig "$dir/kubeconfig" --cache-dir "$dir/kubectl-cache" "$@"; }

deployment() {
    cat <<'EOF'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: smoke
  namespace: default
spec:
  replicas: 2
  selector:
    matchLabels:
      app: smoke
  template:
    metadata:
      labels:
        app: smoke
    spec:
      containers:
      - name: smoke
        image: smoke:1
EOF
}

"$here/cluster.sh" start "$dir"
cp "$dir/pids" "$work/pids"
[ "$(wc -l <"$work/pids")" = 5 ] || die "not five programs are recorded in $dir/pids"

deployment | kubectl apply -f -
begun=$SECONDS
kubectl wait --for=condition=Available --timeout=60s deployment/smoke
available=$(kubectl get deployment smoke -o 'jsonpath={.status.availableReplicas}')
[ "$available" = 2 ] || die "availableReplicas is '$available', not 2"
say "available after $((SECONDS - begun)) s"

"$here/cluster.sh" stop "$dir"
while read -r pid began name; do
    if alive "$pid" "$began"; then die "$name ($pid) still runs after stop"; fi
done <"$work/pids"
say "passed in $SECONDS s"
