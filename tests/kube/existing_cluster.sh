#!/usr/bin/env bash
# examples/existing-cluster on a real API server: applied, empty plan, ready, drift healed, pruned, foreign objects untouched.
. "$(dirname "$0")/../lib.sh"

export PATH="$EKSACT_TOOLS_DIR:$PATH"
on_exit+=("'$tests/real/cluster.sh' stop '$work/cluster'")
"$tests/real/cluster.sh" start "$work/cluster" >/dev/null 2>"$work/cluster.err" || { cat "$work/cluster.err" >&2; fail "no cluster"; }
export KUBECONFIG=$work/cluster/kubeconfig
cp -r "$root/examples/existing-cluster" "$work/fleet"
make_repository "$work/fleet"
common=(--kubeconfig "$KUBECONFIG" --state "$work/ledger.json" -q)

expect_exit 2 "$eksact" plan "$work/fleet" "${common[@]}"
expect_text "Deployment/shop/storefront"
expect_no_text "example-only-not-a-real-key"
[ "$(kubectl get namespace shop --ignore-not-found -o name)" = "" ] || fail "a plan changed the cluster"

expect_exit 0 "$eksact" apply "$work/fleet" "${common[@]}" --yes --wait --timeout 2m
[ "$(kubectl -n shop get deployment storefront -o jsonpath='{.status.readyReplicas}')" = 2 ] || fail "the Deployment is not ready"
expect_exit 0 "$eksact" plan "$work/fleet" "${common[@]}"

# A new process with no memory at all comes to the same answer.
expect_exit 0 "$eksact" plan "$work/fleet" --kubeconfig "$KUBECONFIG" -q

kubectl -n shop create configmap foreign --from-literal=of=somebody >/dev/null
kubectl -n shop scale deployment storefront --replicas 3 >/dev/null
kubectl -n shop patch configmap storefront --type merge -p '{"data":{"greeting":"go away"}}' >/dev/null
expect_exit 2 "$eksact" plan "$work/fleet" "${common[@]}"
expect_text "ConfigMap/shop/storefront"
expect_text "Deployment/shop/storefront"
expect_no_text "Service/shop/storefront"
expect_exit 0 "$eksact" apply "$work/fleet" "${common[@]}" --yes --wait --timeout 2m
[ "$(kubectl -n shop get configmap storefront -o jsonpath='{.data.greeting}')" = welcome ] || fail "drift was not healed"
[ "$(kubectl -n shop get deployment storefront -o jsonpath='{.spec.replicas}')" = 2 ] || fail "drift of replicas was not healed"

git -C "$work/fleet" rm -q service.yaml
commit_all "$work/fleet" "no service"
expect_exit 2 "$eksact" plan "$work/fleet" "${common[@]}"
expect_text "Service/shop/storefront"
expect_text "1 to delete"
expect_exit 0 "$eksact" apply "$work/fleet" "${common[@]}" --yes --wait --timeout 2m
[ "$(kubectl -n shop get service storefront --ignore-not-found -o name)" = "" ] || fail "the removed Service is still there"
[ "$(kubectl -n shop get configmap foreign -o jsonpath='{.data.of}')" = somebody ] || fail "a foreign object was touched"
expect_exit 0 "$eksact" plan "$work/fleet" "${common[@]}"

# An API server that is down: unknown, exit 4, nothing deleted.
"$tests/real/cluster.sh" stop "$work/cluster" >/dev/null 2>&1
expect_exit 4 "$eksact" plan "$work/fleet" "${common[@]}"
expect_no_text "to delete, 1"
echo ok
