#!/usr/bin/env bash
# Exit codes and looks of plan, and where it reads from.
. "$(dirname "$0")/../lib.sh"
cd "$work"

cp -r "$tests/cases/delete-objects/before" tree
world=(--sandbox "$work/world.json")
expect_exit 2 "$eksact" plan tree "${world[@]}"
expect_exit 2 "$eksact" plan tree "${world[@]}" -q
[ ! -s err ] || fail "-q is not quiet"
expect_exit 0 "$eksact" plan tree "${world[@]}" -q --exit-zero
expect_exit 2 "$eksact" plan tree "${world[@]}" -q --fail-on delete
expect_exit 0 "$eksact" apply tree "${world[@]}" -q --yes --wait
expect_exit 0 "$eksact" plan tree "${world[@]}" -q
expect_text "No changes."

# Deletes, wanted and not.
cp -r "$tests/cases/delete-objects/tree" less
expect_exit 2 "$eksact" plan less "${world[@]}" -q
expect_exit 3 "$eksact" plan less "${world[@]}" -q --fail-on delete
expect_exit 3 "$eksact" plan less "${world[@]}" -q --fail-on delete --exit-zero
expect_exit 2 "$eksact" plan less "${world[@]}" -q --fail-on replace

# Colours only where they are asked for, or a terminal is: and there NO_COLOR forbids them.
escape=$'\033'
expect_exit 2 "$eksact" plan less "${world[@]}" -q
expect_no_text "$escape"
expect_exit 2 "$eksact" plan less "${world[@]}" -q --color always
expect_text "${escape}["
expect_exit 2 "$eksact" plan less "${world[@]}" -q --color always --format json
expect_no_text "$escape"
if script -qec true /dev/null >/dev/null 2>&1; then # a machine may have no pseudo-terminals
    script -qec "$eksact plan less --sandbox $work/world.json -q; true" terminal >out </dev/null
    expect_text "${escape}["
    NO_COLOR=1 script -qec "$eksact plan less --sandbox $work/world.json -q; true" terminal >out </dev/null
    expect_no_text "$escape"
    script -qec "$eksact plan less --sandbox $work/world.json -q --color never; true" terminal >out </dev/null
    expect_no_text "$escape"
fi

# The same inputs, the same bytes; and a plan changes nothing.
cp world.json untouched
same_world() { cmp -s <(grep -v '"now":' world.json) <(grep -v '"now":' untouched); } # only its time passes
for format in text json markdown mermaid; do
    expect_exit 2 "$eksact" plan less "${world[@]}" -q --format "$format"
    cp out first
    expect_exit 2 "$eksact" plan less "${world[@]}" -q --format "$format"
    cmp -s out first || fail "two plans as $format differ"
done
same_world || fail "a plan changed the world"

# Nothing readable is an error, never an order to delete everything.
mkdir empty blank
: >blank/nothing.yaml
for place in empty blank missing; do
    expect_exit 1 "$eksact" plan "$place" "${world[@]}" -q
    [ ! -s out ] || fail "a plan of $place"
    expect_text "$place" err
done
expect_exit 1 "$eksact" apply empty "${world[@]}" -q --yes
same_world || fail "an empty directory changed the world"

# Git: the branch, a tag, a commit; what is not committed does not count there.
make_repository less
git -C less tag old
echo 'not: [yaml' >less/wrong.yaml
expect_exit 2 "$eksact" plan less "${world[@]}" -q --ref main
expect_text 'commit '"$(git -C less rev-parse --short=7 HEAD)"' "first"'
expect_exit 2 "$eksact" plan less "${world[@]}" -q --ref old
expect_exit 2 "$eksact" plan less "${world[@]}" -q --ref "$(git -C less rev-parse HEAD)"
expect_exit 3 "$eksact" plan less "${world[@]}" -q
expect_text "wrong.yaml:2:1: error:"
expect_exit 1 "$eksact" plan less "${world[@]}" -q --ref nowhere
expect_text nowhere err
expect_exit 1 "$eksact" plan less "${world[@]}" -q --ref main --path nowhere
expect_text nowhere err

# Partial: what is sound is planned, what is not is named.
cp -r "$tests/cases/bad-no-cluster/tree" partial
expect_exit 4 "$eksact" plan partial --sandbox "$work/other.json" -q
expect_text "elsewhere/lonely.yaml:1:1: error:"
expect_exit 1 "$eksact" validate partial -q
expect_exit 0 "$eksact" validate tree -q
expect_text "Valid: "
