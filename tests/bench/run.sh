#!/usr/bin/env bash
# Measures against the floor and the peers in the same run; prints a line a figure: NAME ours=… floor=… ratio=… goal=…
# usage: tests/bench/run.sh [NAME]     names: yaml_read kubernetes_unchanged nodegroups_unchanged
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
export EKSACT=$root/build/bench/eksact
"$root/deploy/install-packages.sh" "$root/deploy/packages-build.txt" "$root/tests/packages.txt" >&2
cmake -S "$root" -B "$root/build/bench" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEKSACT_TESTS=ON >/dev/null
cmake --build "$root/build/bench" >/dev/null

names=${1:-yaml_read kubernetes_unchanged nodegroups_unchanged}
for name in $names; do
    case $name in
    yaml_read) "$root/build/bench/tests/bench_yaml_read" ;;
    kubernetes_unchanged | nodegroups_unchanged) bash "$root/tests/bench/$name.sh" ;;
    *) echo "unknown benchmark $name: yaml_read kubernetes_unchanged nodegroups_unchanged" >&2; exit 1 ;;
    esac
done
