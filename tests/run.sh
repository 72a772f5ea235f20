#!/usr/bin/env bash
# Installs what the tests need, builds with sanitizers, and runs them.
# usage: tests/run.sh [LABEL] [-q]
#   LABEL  only tests of that label: unit case sandbox walk cli kube aws git fuzz headers layers yaml
#   -q     only quick ones: without the real Kubernetes and AWS clients, and without the walk over all faults
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
label='' quick=no
for word in "$@"; do
    case $word in
    -q) quick=yes ;;
    -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
    -*) echo "unknown option $word: see tests/run.sh --help" >&2; exit 1 ;;
    *) label=$word ;;
    esac
done
slow='^(kube|aws|yaml|walk)$'

step() {
    printf '== %s\n' "$1"
}

# Keeps the output of a long command to itself unless it fails.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        rm -f "$log"
        echo "failed: $*" >&2
        exit 1
    fi
    rm -f "$log"
}

wants() {
    [ "$quick" = no ] && { [ -z "$label" ] || [ "$label" = "$1" ]; }
}

cd "$root"
step "Packages"
[ "${EKSACT_PACKAGES:-}" = skip ] || deploy/install-packages.sh deploy/packages-build.txt tests/packages.txt

if wants kube || wants aws || wants yaml; then
    step "Real Kubernetes components (about 10 minutes the first time, then cached in build/tools)"
    EKSACT_TOOLS_DIR=$(tests/tools/build.sh | tail -n 1)
    export EKSACT_TOOLS_DIR
fi
if wants aws || wants kube; then
    step "Real AWS clients (cached in build/)"
    EKSACT_PYTHON_DIR=$(tests/tools/python.sh | tail -n 1)
    export EKSACT_PYTHON_DIR
fi

step "Build with gcc and sanitizers"
quietly cmake --preset asan
quietly cmake --build --preset asan
if [ -z "$label" ] && [ "$quick" = no ]; then
    step "Build with clang"
    quietly cmake --preset clang
    quietly cmake --build --preset clang
    step "Build for release"
    quietly cmake --preset release
    quietly cmake --build --preset release
fi

step "Tests${label:+ of label $label}"
arguments=(--test-dir build/asan --output-on-failure -j 2)
[ -n "$label" ] && arguments+=(-L "^$label\$")
[ "$quick" = yes ] && arguments+=(-LE "$slow")
exec ctest "${arguments[@]}" --no-tests=error
