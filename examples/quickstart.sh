#!/usr/bin/env bash
# From a fresh clone to a first plan: builds eksact, makes a git repository from examples/production, and walks through
# validate, plan, apply and a change, against a simulated AWS and Kubernetes. No account and no cluster is touched.
# usage: examples/quickstart.sh [DIRECTORY]   (kept there afterwards; default build/quickstart)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
place=${1:-$root/build/quickstart}
repository=fleet # below $place, where everything is done
world=world.json

step() {
    printf '\n\033[1m== %s\033[0m\n' "$1"
}

run() {
    printf '$ %s\n' "$*"
    "$@"
}

# Runs a command that must end with the given exit code.
expect() {
    local wanted=$1 code=0
    shift
    run "$@" || code=$?
    if [ "$code" -ne "$wanted" ]; then
        echo "This should have ended with exit code $wanted, not $code. The directory $place holds what it worked on." >&2
        exit 1
    fi
}

build() {
    local log=$place/build.log
    if ! (cd "$root" && cmake --preset release && cmake --build --preset release) >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        echo "The build failed; all of its output is in $log." >&2
        exit 1
    fi
}

commit() {
    git -C "$repository" add -A
    git -C "$repository" -c user.name="You" -c user.email=you@example.com commit -q -m "$1"
    git -C "$repository" log -1 --format='commit %h "%s"'
}

make_repository() {
    rm -rf "$repository" "$world" "$world.ledger"
    mkdir -p "$repository"
    cp -r "$root/examples/production/." "$repository/"
    git -C "$repository" init -q -b main
    commit "production: cluster, nodes and the API"
}

change_repository() {
    sed -i 's/maxSize: 10/maxSize: 20/' "$repository/nodes.yaml"
    sed -i 's/web-api:v2.1/web-api:v2.2/' "$repository/apps/web-api.yaml"
    commit "api: version 2.2, room for 20 nodes"
}

mkdir -p "$place"
place=$(cd "$place" && pwd)
cd "$place"
export PATH=$root/build/release:$PATH

step "Build packages"
[ "${EKSACT_PACKAGES:-}" = skip ] || "$root/deploy/install-packages.sh" "$root/deploy/packages-build.txt"

step "Build (about a minute)"
build
run eksact version

step "A git repository that declares a cluster, its nodes, an IRSA service account and a Deployment"
make_repository

step "Is it valid? (offline)"
expect 0 eksact validate "$repository"

step "What would happen? (a plan changes nothing; exit code 2 says: there are changes)"
expect 2 eksact plan --sandbox "$world" "$repository" --ref main

step "Make it so, in order, until all is healthy (a simulated quarter of an hour passes in a moment)"
expect 0 eksact apply --sandbox "$world" "$repository" --ref main --yes --wait

step "Plan again: nothing left to do (exit code 0)"
expect 0 eksact plan --sandbox "$world" "$repository" --ref main

step "A commit changes two things"
change_repository

step "Its plan"
expect 2 eksact plan --sandbox "$world" "$repository" --ref main

step "And its apply"
expect 0 eksact apply --sandbox "$world" "$repository" --ref main --yes --wait

cat <<END

Done. What to try next:

  cd $place
  PATH=$root/build/release:\$PATH
  sed -i 's/m5.large/m5.xlarge/' fleet/nodes.yaml            # something that cannot change in place ...
  eksact plan --sandbox world.json fleet                     # ... is a replacement, and blocked until git acknowledges it
  eksact plan --sandbox world.json fleet --format markdown   # as a comment on a pull request
  eksact explain NodeGroup.taints                            # every field is documented
  eksact sandbox --listen 127.0.0.1:8443                     # the simulated world, for kubectl and the AWS CLI
END
