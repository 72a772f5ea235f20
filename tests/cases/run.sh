#!/usr/bin/env bash
# Runs one case: a folder with
#   world.json    the simulated world to begin with, when it is there
#   before/       applied first, when it is there
#   between.json  then merged into the world (RFC 7386), when it is there: what others did meanwhile
#   tree/         what git declares
#   arguments     further arguments of plan, one a line, when it is there
#   exit          expected exit code of the plan
#   plan.txt      expected plan, to the letter
#   applies       when it is there: then applied to the end. Empty: that succeeds, and a second plan is empty; else the exit code of apply
# usage: tests/cases/run.sh CASE     (EKSACT_UPDATE=1 writes what is expected instead)
. "$(dirname "$0")/../lib.sh"

merge='
import json, sys

def merged(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result

world, patch = (json.load(open(name)) for name in sys.argv[1:])
json.dump(merged(world, patch), open(sys.argv[1], "w"))
'

case=$(cd "$1" && pwd)
world=$work/world.json
[ ! -f "$case/world.json" ] || cp "$case/world.json" "$world"
arguments=()
[ ! -f "$case/arguments" ] || mapfile -t arguments <"$case/arguments"
cd "$work"
if [ -d "$case/before" ]; then
    cp -r "$case/before" tree
    expect_exit 0 "$eksact" apply tree --sandbox "$world" --yes --wait -q
    rm -rf tree
fi
[ ! -f "$case/between.json" ] || python3 -c "$merge" "$world" "$case/between.json"
cp -r "$case/tree" tree
code=0
"$eksact" plan tree --sandbox "$world" -q "${arguments[@]}" >"$work/plan.txt" 2>"$work/messages" || code=$?
cat "$work/messages" >>"$work/plan.txt"
if [ "${EKSACT_UPDATE:-}" = 1 ]; then
    cp "$work/plan.txt" "$case/plan.txt"
    echo "$code" >"$case/exit"
else
    diff -u "$case/plan.txt" "$work/plan.txt" >&2 || fail "another plan than expected"
    [ "$code" -eq "$(cat "$case/exit")" ] || fail "exit code $code instead of $(cat "$case/exit")"
fi
[ -f "$case/applies" ] || exit 0
wanted=$(cat "$case/applies")
expect_exit "${wanted:-0}" "$eksact" apply tree --sandbox "$world" --yes --wait -q
[ -n "$wanted" ] || expect_exit 0 "$eksact" plan tree --sandbox "$world" -q
