#!/usr/bin/env bash
# The Kubernetes client by itself on a real API server: discovery, apply, dry run, metadata lists, delete, and how refusals are told.
. "$(dirname "$0")/../lib.sh"

export PATH="$EKSACT_TOOLS_DIR:$PATH"
build=$(dirname "$eksact")
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
sanitize=()
[ "$(cached EKSACT_SANITIZE)" = ON ] && sanitize=(-fsanitize=address,undefined)
# shellcheck disable=SC2046
"$(cached CMAKE_C_COMPILER)" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror "${sanitize[@]}" -I "$root/include" -include "$root/include/base/banned.h" \
    "$tests/kube/client.c" "$build/libeksact_world.a" "$build/libeksact_schema.a" "$build/libeksact_base.a" \
    $(pkg-config --libs yaml-0.1 libgit2 libcurl jansson libcrypto expat libmicrohttpd) -lm -o "$work/client"

on_exit+=("'$tests/real/cluster.sh' stop '$work/cluster'")
"$tests/real/cluster.sh" start "$work/cluster" --nodes 1 -- --client-ca-file "$work/cluster/ca.pem" >/dev/null 2>"$work/cluster.err" ||
    { cat "$work/cluster.err" >&2; fail "no cluster"; }
export KUBECONFIG=$work/cluster/kubeconfig
url=$(cat "$work/cluster/url")
config=$KUBECONFIG
client() { "$work/client" "$config" "$@"; }
# apply_text VERB API_VERSION KIND NAMESPACE NAME JSON-MEMBERS: an object made of its name and those members.
apply_text() {
    local namespace=
    [ "$4" = - ] || namespace=",\"namespace\":\"$4\""
    printf '{"apiVersion":"%s","kind":"%s","metadata":{"name":"%s"%s}%s}' "$2" "$3" "$5" "$namespace" "${6:+,$6}" >"$work/object.json"
    client "$1" "$2" "$3" "$4" "$5" <"$work/object.json"
}

# Discovery: scope, preferred version, custom kinds.
expect_exit 0 client find apps/v1 Deployment
expect_text "plural deployments"
expect_text "namespaced 1"
expect_exit 0 client find autoscaling/v2 HorizontalPodAutoscaler
expect_text "preferred 1"
expect_exit 0 client find autoscaling/v1 HorizontalPodAutoscaler
expect_text "preferred 0"
expect_exit 1 client find apps/v1beta1 Deployment
cat >"$work/definition.yaml" <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.test.example}
spec:
  group: test.example
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
YAML
kubectl apply -f "$work/definition.yaml" >/dev/null
wait_for 30 "the custom kind" client find test.example/v1 Widget

# A dry run changes nothing; an apply does, and its fields come back by metadata alone, of custom kinds too.
expect_exit 0 apply_text apply v1 Namespace - shop
expect_exit 0 apply_text dry-run v1 ConfigMap shop one '"data":{"a":"1","b":"2"}'
expect_text "status 201"
expect_exit 1 client get v1 ConfigMap shop one
expect_text "error missing"
expect_exit 0 apply_text apply v1 ConfigMap shop one '"data":{"a":"1","b":"2"}'
uid=$(sed -n 's/^uid //p' "$work/out")
expect_exit 0 client list v1 ConfigMap shop -
expect_text 'item shop/one entries=1 version=v1 deleting=0 fields={"f:data":{"f:a":{},"f:b":{}}}'
wait_for 30 "an object of the custom kind" apply_text apply test.example/v1 Widget shop w '"spec":{"size":3}'
expect_exit 0 client list test.example/v1 Widget - -
expect_text 'item shop/w entries=1 version=test.example/v1 deleting=0 fields={"f:spec":{"f:size":{}}}'

# What another manager takes is no longer ours.
kubectl -n shop patch configmap one --type merge -p '{"data":{"b":"3"}}' >/dev/null
expect_exit 0 client list v1 ConfigMap shop -
expect_text 'fields={"f:data":{"f:a":{}}}'

# Pages: every object once. An expired page goes on where it was.
for i in $(seq 25); do printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: page-%02d, namespace: shop}\n' "$i"; done |
    kubectl apply --server-side -f - >/dev/null
expect_exit 0 client list v1 ConfigMap shop 4
expect_text "items 27" # with kube-root-ca.crt and ours
expect_text "pages 7"
[ "$(grep -c '^item ' "$work/out")" -eq "$(grep '^item ' "$work/out" | sort -u | wc -l)" ] || fail "an object came twice"
expect_exit 1 client list v1 ConfigMap shop 4 nonsense
expect_text "error invalid"

# Refusals: their kind, and what may never change.
deployment() { printf '"spec":{"selector":{"matchLabels":{"app":"%s"}},"template":{"metadata":{"labels":{"app":"%s"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}' "$1" "$1"; }
stateful() { printf '"spec":{"podManagementPolicy":"%s",' "$1"; deployment s | sed 's/^"spec":{//'; }
expect_immutable() { # API_VERSION KIND NAMESPACE NAME FIRST SECOND
    expect_exit 0 apply_text apply "$1" "$2" "$3" "$4" "$5"
    expect_exit 1 apply_text dry-run "$1" "$2" "$3" "$4" "$6"
    expect_text "error invalid"
    expect_text "immutable 1"
}
expect_immutable apps/v1 Deployment shop d "$(deployment one)" "$(deployment two)"
expect_immutable apps/v1 StatefulSet shop s "$(stateful Parallel)" "$(stateful OrderedReady)"
job() { printf '"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"%s"}]}}}' "$1"; }
expect_immutable batch/v1 Job shop j "$(job one)" "$(job two)"
service() { printf '"spec":{"clusterIP":"10.96.0.%s","ports":[{"port":80}]}' "$1"; }
expect_immutable v1 Service shop v "$(service 77)" "$(service 78)"
binding() { printf '"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"%s"}' "$1"; }
expect_immutable rbac.authorization.k8s.io/v1 RoleBinding shop r "$(binding view)" "$(binding edit)"
expect_immutable storage.k8s.io/v1 StorageClass - c '"provisioner":"a.b/c"' '"provisioner":"a.b/d"'
expect_immutable scheduling.k8s.io/v1 PriorityClass - p '"value":5' '"value":6'
expect_immutable v1 Secret shop t '"type":"a/b"' '"type":"a/c"'

expect_exit 1 apply_text apply v1 ConfigMap shop one '"datta":{"a":"1"}'
expect_text "error invalid"
expect_text ".datta: field not declared in schema"
expect_text "immutable 0"
expect_exit 1 apply_text apply test.example/v1 Widget shop w '"spec":{"sise":3}'
expect_text "error invalid"
expect_exit 1 apply_text apply v1 ConfigMap nowhere one '"data":{"a":"1"}'
expect_text "error missing"
expect_text 'namespaces "nowhere" not found'
for data in '"hunter2 is no base64"' 4711 '["hunter2"]'; do
    expect_exit 1 apply_text apply v1 Secret shop s "\"data\":{\"k\":$data}"
    expect_text "error invalid"
    expect_no_text hunter2
    expect_no_text 4711
done

# Deletes hold to their preconditions.
expect_exit 1 client delete v1 ConfigMap shop one 00000000-0000-0000-0000-000000000000
expect_text "error conflict"
expect_exit 1 client delete v1 ConfigMap shop one "$uid" 1
expect_text "error conflict"
expect_exit 0 client delete v1 ConfigMap shop one "$uid"
gone() { [ "$(kubectl -n shop get configmap one --ignore-not-found -o name)" = "" ]; }
wait_for 30 "the end of a deleted object" gone

# Who asks: a wrong token, one without permissions from a file, a client certificate.
sed 's/token: .*/token: wrong/' "$KUBECONFIG" >"$work/wrong"
config=$work/wrong
expect_exit 1 client find v1 ConfigMap
expect_text "error denied"
expect_text 'the token of user "admin" in '
kubectl -n shop create serviceaccount low >/dev/null
kubectl -n shop create token low >"$work/low.token"
sed 's/token: .*/tokenFile: low.token/' "$KUBECONFIG" >"$work/low"
config=$work/low
expect_exit 1 client list v1 ConfigMap shop -
expect_text "error denied"
expect_text 'needs list on configmaps in namespace shop'
expect_text 'User "system:serviceaccount:shop:low"'
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/key.pem" -subj /O=system:masters/CN=me -out "$work/me.csr" 2>/dev/null
openssl x509 -req -in "$work/me.csr" -CA "$work/cluster/ca.pem" -CAkey "$work/cluster/ca-key.pem" -set_serial 7 -days 2 -out "$work/me.pem" 2>/dev/null
sed 's/token: .*/client-certificate: me.pem/; /client-certificate:/a\    client-key: key.pem' "$KUBECONFIG" >"$work/certificate"
config=$work/certificate
expect_exit 0 client get v1 Namespace - shop
sed "s#server: .*#server: https://localhost:${url##*:}\n    tls-server-name: kubernetes.default#" "$KUBECONFIG" >"$work/renamed"
config=$work/renamed
expect_exit 0 client get v1 Namespace - shop
sed "s#server: .*#server: $url\n    tls-server-name: elsewhere.example#" "$KUBECONFIG" >"$work/elsewhere"
config=$work/elsewhere
expect_exit 1 client find v1 ConfigMap
expect_text "error denied"
echo ok
