#!/usr/bin/env bash
# A real Kubernetes control plane on loopback, with simulated nodes.
#
#   tests/real/cluster.sh start DIR [--nodes N] [--token-webhook FILE] [-- FLAG...]
#   tests/real/cluster.sh stop DIR
#
# start runs etcd, kube-apiserver, kube-controller-manager, kube-scheduler and
# kwok on free ports of 127.0.0.1 and returns when the API server is ready and
# N nodes (default 3) are. Whatever an earlier cluster left in DIR is replaced.
# It leaves in DIR:
#   kubeconfig     an administrator's token, the CA embedded
#   ca.pem         the CA that issued the API server's certificate
#   url, token     the same server and token for clients without a kubeconfig
#   pids           "pid start-time name" of each program
#   NAME.log       what each program printed
#
#   --token-webhook FILE  kube-apiserver asks the service that the kubeconfig
#                         FILE describes about bearer tokens it does not know
#                         (TokenReview authentication.k8s.io/v1, not cached)
#   -- FLAG...            passed on to kube-apiserver
#
# stop ends exactly the programs in DIR/pids, and succeeds if there are none.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
me=cluster
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

usage() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
}

random_token() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

kubectl() {
    "$tools/kubectl" --kubeconfig "$dir/kubeconfig" --cache-dir "$dir/kubectl-cache" "$@"
}

# A CA and a server certificate rather than one self-signed certificate, so
# that clients verify a chain, as they do against EKS.
make_certificates() {
    local log=$dir/openssl.log
    (
        cd "$dir"
        openssl ecparam -name prime256v1 -genkey -noout -out ca-key.pem
        openssl req -x509 -new -key ca-key.pem -sha256 -days 30 -subj /CN=test-cluster-ca \
            -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem
        openssl ecparam -name prime256v1 -genkey -noout -out apiserver-key.pem
        openssl req -new -key apiserver-key.pem -subj /CN=kube-apiserver -out apiserver.csr
        printf '%s\n' \
            'basicConstraints=critical,CA:FALSE' \
            'keyUsage=critical,digitalSignature' \
            'extendedKeyUsage=serverAuth' \
            'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc' \
            >apiserver.ext
        openssl x509 -req -in apiserver.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial \
            -sha256 -days 30 -extfile apiserver.ext -out apiserver.pem
        openssl ecparam -name prime256v1 -genkey -noout -out service-account-key.pem
        rm -f apiserver.csr apiserver.ext ca.srl
    ) >"$log" 2>&1 || {
        cat "$log" >&2
        die "openssl could not make the certificates"
    }
    rm -f "$log"
}

# write_kubeconfig FILE USER TOKEN
write_kubeconfig() {
    cat >"$dir/$1" <<EOF
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: $url
    certificate-authority-data: $(base64 -w0 "$dir/ca.pem")
users:
- name: $2
  user:
    token: $3
contexts:
- name: test
  context:
    cluster: test
    user: $2
current-context: test
EOF
}

# One identity for each program, so that audit logs and managedFields tell
# them apart. RBAC itself knows the two system: names.
make_identities() {
    local admin manager scheduler kwok
    admin=$(random_token) manager=$(random_token)
    scheduler=$(random_token) kwok=$(random_token)
    cat >"$dir/tokens.csv" <<EOF
$admin,admin,admin,"system:masters"
$manager,system:kube-controller-manager,controller-manager
$scheduler,system:kube-scheduler,scheduler
$kwok,kwok,kwok,"system:masters"
EOF
    printf '%s\n' "$url" >"$dir/url"
    printf '%s\n' "$admin" >"$dir/token"
    write_kubeconfig kubeconfig admin "$admin"
    write_kubeconfig controller-manager.kubeconfig system:kube-controller-manager "$manager"
    write_kubeconfig scheduler.kubeconfig system:kube-scheduler "$scheduler"
    write_kubeconfig kwok.kubeconfig kwok "$kwok"
}

start_etcd() {
    local peer
    etcd_port=$(free_port)
    peer=$(free_port "$etcd_port")
    # the data is thrown away: no need to wait for the disk
    spawn etcd "$tools/etcd" --name test --data-dir "$dir/etcd" --unsafe-no-fsync \
        --listen-client-urls "http://127.0.0.1:$etcd_port" \
        --advertise-client-urls "http://127.0.0.1:$etcd_port" \
        --listen-peer-urls "http://127.0.0.1:$peer" \
        --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
        --initial-cluster "test=http://127.0.0.1:$peer" --log-level warn
    wait_for etcd 30 "its port $etcd_port" port_answers "$etcd_port"
}

start_apiserver() {
    local -a webhook=()
    if [ -n "$token_webhook" ]; then
        # Without a cache every request shows what the webhook says now.
        webhook=(--authentication-token-webhook-config-file "$token_webhook"
            --authentication-token-webhook-version v1
            --authentication-token-webhook-cache-ttl 0s)
    fi
    # The advertised address and the reconciler are set so that it also starts
    # on a machine that has no route but loopback.
    spawn kube-apiserver "$tools/kube-apiserver" \
        --etcd-servers "http://127.0.0.1:$etcd_port" \
        --bind-address 127.0.0.1 --secure-port "$api_port" \
        --advertise-address 127.0.0.1 --endpoint-reconciler-type none \
        --tls-cert-file "$dir/apiserver.pem" --tls-private-key-file "$dir/apiserver-key.pem" \
        --service-account-key-file "$dir/service-account-key.pem" \
        --service-account-signing-key-file "$dir/service-account-key.pem" \
        --service-account-issuer https://kubernetes.default.svc \
        --token-auth-file "$dir/tokens.csv" --authorization-mode Node,RBAC \
        --service-cluster-ip-range 10.96.0.0/16 --allow-privileged \
        "${webhook[@]}" "$@"
    wait_for kube-apiserver 90 "the answer to /readyz" kubectl get --raw /readyz
}

start_controllers() {
    spawn kube-controller-manager "$tools/kube-controller-manager" \
        --kubeconfig "$dir/controller-manager.kubeconfig" --leader-elect=false \
        --bind-address 127.0.0.1 --secure-port 0 \
        --service-account-private-key-file "$dir/service-account-key.pem" \
        --root-ca-file "$dir/ca.pem" --use-service-account-credentials \
        --kube-api-qps 500 --kube-api-burst 1000
    spawn kube-scheduler "$tools/kube-scheduler" \
        --kubeconfig "$dir/scheduler.kubeconfig" --leader-elect=false \
        --bind-address 127.0.0.1 --secure-port 0 \
        --kube-api-qps 500 --kube-api-burst 1000
    # no --server-address: kwok then listens nowhere. Its work directory keeps
    # it from reading a configuration in the home of whoever runs the tests.
    spawn kwok env KWOK_WORKDIR="$dir/kwok" "$tools/kwok" \
        --kubeconfig "$dir/kwok.kubeconfig" --config "$here/stages.yaml" \
        --manage-all-nodes --node-lease-duration-seconds 40 --cidr 10.128.0.0/16
}

# node N: labelled as the nodes of an EKS managed node group are
node() {
    local zones=abc
    local zone=us-east-1${zones:$((($1 - 1) % 3)):1}
    cat <<EOF
---
apiVersion: v1
kind: Node
metadata:
  name: node-$1
  labels:
    kubernetes.io/hostname: node-$1
    kubernetes.io/os: linux
    kubernetes.io/arch: amd64
    node.kubernetes.io/instance-type: m6i.large
    topology.kubernetes.io/region: us-east-1
    topology.kubernetes.io/zone: $zone
    eks.amazonaws.com/nodegroup: default
spec:
  providerID: aws:///$zone/i-$(printf '%017x' "$1")
EOF
}

add_nodes() {
    local n
    [ "$nodes" -gt 0 ] || return 0
    for ((n = 1; n <= nodes; n++)); do node "$n"; done >"$dir/nodes.yaml"
    kubectl create -f "$dir/nodes.yaml" >"$dir/nodes.log" 2>&1 || {
        cat "$dir/nodes.log" >&2
        die "kube-apiserver refused the nodes in $dir/nodes.yaml"
    }
    wait_for kwok 60 "$nodes Ready nodes" nodes_are_ready
}

nodes_are_ready() {
    local ready
    ready=$(kubectl get nodes \
        -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')
    ready=${ready//[^T]/}
    [ "${#ready}" -ge "$nodes" ]
}

# Pods are refused until their namespace has its ServiceAccount; the ReplicaSet
# controller would retry, but only after a pause that makes tests slow.
default_account_exists() { kubectl get serviceaccount default; }

start() {
    [ $# -ge 1 ] || usage
    local target=$1
    shift
    nodes=3 token_webhook=
    while [ $# -gt 0 ]; do
        case $1 in
        --nodes)
            [[ ${2:-} =~ ^[0-9]+$ ]] || die "--nodes needs a number"
            nodes=$2
            shift 2
            ;;
        --token-webhook)
            [ -r "${2:-}" ] || die "--token-webhook needs a file that can be read, not '${2:-}'"
            token_webhook=$(realpath "$2")
            shift 2
            ;;
        --)
            shift
            break
            ;;
        *) usage ;;
        esac
    done
    command -v openssl >/dev/null || die "no openssl on PATH; install it and run again"
    tools=$("$here/../tools/build.sh" | tail -n1)
    prepare_dir "$target"
    rm -rf "$dir/etcd" "$dir/kwok" "$dir/kubectl-cache"
    rm -f "$dir"/*.log
    stop_on_failure
    lock_ports
    start_etcd
    api_port=$(free_port "$etcd_port")
    url=https://127.0.0.1:$api_port
    make_certificates
    make_identities
    start_apiserver "$@"
    unlock_ports
    start_controllers
    add_nodes
    wait_for kube-controller-manager 60 "the ServiceAccount default" default_account_exists
    say "ready at $url after $SECONDS s, KUBECONFIG=$dir/kubeconfig"
}

stop() {
    [ $# = 1 ] || usage
    [ -d "$1" ] || return 0
    dir=$(cd "$1" && pwd)
    stop_recorded
}

case ${1:-} in
start) shift && start "$@" ;;
stop) shift && stop "$@" ;;
*) usage ;;
esac
