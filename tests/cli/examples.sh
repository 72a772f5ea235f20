#!/usr/bin/env bash
# Every example is valid, applies in the simulated world to the end, and leaves an empty plan.
. "$(dirname "$0")/../lib.sh"

for example in production existing-cluster; do
    expect_exit 0 "$eksact" validate "$root/examples/$example" -q
    expect_exit 2 "$eksact" plan "$root/examples/$example" --sandbox "$work/$example.json" -q
    expect_exit 0 "$eksact" apply "$root/examples/$example" --sandbox "$work/$example.json" --yes --wait -q
    expect_exit 0 "$eksact" plan "$root/examples/$example" --sandbox "$work/$example.json" -q
done
echo ok
