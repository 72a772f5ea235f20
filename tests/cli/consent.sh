#!/usr/bin/env bash
# Nothing is applied without consent.
. "$(dirname "$0")/../lib.sh"
cd "$work"

cp -r "$tests/cases/delete-objects/before" tree
world=(--sandbox "$work/world.json" -q)
expect_exit 1 "$eksact" apply tree "${world[@]}" </dev/null
expect_text "nothing was applied: without a terminal to ask on, --yes is needed" err
expect_exit 2 "$eksact" plan tree "${world[@]}"

# answer TEXT: what a person on a terminal types.
answer() {
    code=0
    (sleep 0.5; echo "$1") | script -qec "$eksact apply tree --sandbox $work/world.json -q --wait" terminal >out || code=$?
}
if script -qec true /dev/null >/dev/null 2>&1; then # a machine may have no pseudo-terminals
    for word in no y YES ''; do
        answer "$word"
        [ "$code" -eq 1 ] || fail "\"$word\" gave exit code $code"
        expect_text "nothing was applied"
    done
    expect_exit 2 "$eksact" plan tree "${world[@]}"
    answer yes
    [ "$code" -eq 0 ] || fail "\"yes\" gave exit code $code"
    expect_text 'Only "yes" does it'
    expect_exit 0 "$eksact" plan tree "${world[@]}"
else
    expect_exit 0 "$eksact" apply tree "${world[@]}" --yes --wait
fi

# Where there is nothing to do, there is nothing to ask.
expect_exit 0 "$eksact" apply tree "${world[@]}" </dev/null
# What a guard blocks is not done by --yes.
cp -r "$tests/cases/delete-beyond-budget/before" many
cp -r "$tests/cases/delete-beyond-budget/tree" few
expect_exit 0 "$eksact" apply many --sandbox "$work/many.json" -q --yes --wait
expect_exit 3 "$eksact" apply few --sandbox "$work/many.json" -q --yes --wait
expect_text "blocked"
expect_exit 0 "$eksact" plan many --sandbox "$work/many.json" -q
