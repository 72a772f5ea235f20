#!/usr/bin/env bash
# What status says while nothing is there, while work is under way, when a guard blocks, and at the end.
. "$(dirname "$0")/../lib.sh"
cd "$work"

world=(--sandbox "$work/world.json" -q)
cp -r "$tests/cases/nodes-scaling/before" tree
expect_exit 2 "$eksact" status tree "${world[@]}"
expect_text "0 of 4 resources are as declared; 4 steps to go"
expect_text "next"
expect_exit 0 "$eksact" apply tree "${world[@]}" --yes
expect_exit 2 "$eksact" status tree "${world[@]}"
expect_text "CREATING"
expect_exit 0 "$eksact" apply tree "${world[@]}" --yes --wait
expect_exit 0 "$eksact" status tree "${world[@]}"

cp -r "$tests/cases/nodes-deleted-blocked/tree" less
expect_exit 3 "$eksact" status less "${world[@]}"
expect_text 'acknowledge: ["delete NodeGroup/workers"]'
expect_exit 4 "$eksact" status "$tests/cases/bad-no-cluster/tree" --sandbox "$work/other.json" -q

# What kubectl needs to reach the cluster.
expect_exit 0 "$eksact" kubeconfig demo "${world[@]}" --region eu-west-1
expect_text "kind: Config"
expect_text "get-token"
