#!/usr/bin/env bash
# What the program says about itself: help, versions, documentation, and what it answers to words that it does not know.
. "$(dirname "$0")/../lib.sh"
cd "$work"

# refuses MESSAGE WORDS...: exit code 1, nothing on standard output, the message on standard error.
refuses() {
    local message=$1
    shift
    expect_exit 1 "$eksact" "$@"
    [ ! -s "$work/out" ] || fail "an error on standard output: $*"
    expect_text "$message" "$work/err"
}

for word in help --help -h; do
    expect_exit 0 "$eksact" "$word"
    expect_text "Usage: eksact COMMAND"
done
"$eksact" help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -v '^eksact$' >verbs
for verb in validate plan apply run status explain schema kubeconfig sandbox completion version help; do
    grep -qx "$verb" verbs || fail "help does not name $verb"
done
while read -r verb; do
    expect_exit 0 "$eksact" help "$verb"
    expect_text "eksact $verb"
    cp out "help-$verb"
    expect_exit 0 "$eksact" "$verb" --help
    cmp -s out "help-$verb" || fail "help $verb and $verb --help differ"
    awk 'length > 160' out | grep -q . && fail "a line of the help of $verb is too wide"
done <verbs
expect_exit 0 "$eksact" version
[ "$(cat out)" = "$("$eksact" --version)" ] || fail "--version"
grep -Eqx 'eksact [0-9]+\.[0-9]+\.[0-9]+' out || fail "what version prints"

refuses 'unknown command "plna": did you mean "plan"?' plna
refuses 'unknown command "xyzzy": see `eksact help`' xyzzy
refuses 'unknown command "nonsense"' help nonsense
refuses 'unknown option --fromat: did you mean --format?' plan --fromat json
refuses '`eksact plan` takes no --yes: see `eksact help plan`' plan --yes
refuses '--format needs a value' plan --format
refuses '-f needs a value' plan -f
refuses '`eksact version` does not take "x"' version x
refuses '`eksact plan` does not take "b"' plan a b
refuses '--format yaml: text, json, markdown or mermaid' plan --format yaml .
refuses '--fail-on create: delete or replace' plan --fail-on create .
refuses '--color purple: always, never or auto' plan --color purple .
refuses '--timeout soon: a duration' apply --timeout soon .
refuses '--interval 1ms: a duration of at least 1s' run --interval 1ms .
refuses '--log-format xml: json or text' plan --log-format xml .
refuses 'which cluster?' kubeconfig
refuses 'completions for which shell?' completion
refuses '--speed x: a whole number' sandbox --speed x
refuses 'no kind "NodeGruop"' schema NodeGruop
refuses 'there is no kind NodeGruop: did you mean NodeGroup?' explain NodeGruop
refuses 'a NodeGroup has no field tains: did you mean taints?' explain NodeGroup.tains

expect_exit 0 "$eksact" explain
awk '$1 ~ /^[A-Z]/ && NF > 2 && !/^Everything/ { print $1 }' out >kinds
[ "$(wc -l <kinds)" -ge 7 ] || fail "explain lists too few kinds"
while read -r kind; do
    expect_exit 0 "$eksact" explain "$kind"
    expect_exit 0 "$eksact" schema "$kind"
    python3 -c 'import json, sys; schema = json.load(sys.stdin); assert schema["$schema"] and schema["properties"]["spec"]' <out ||
        fail "no JSON Schema of $kind"
done <kinds
expect_exit 0 "$eksact" explain NodeGroup.taints
expect_text "NodeGroup.taints: list of maps"
expect_text "changes: in place"
expect_text "by call: UpdateNodegroupConfig"
expect_exit 0 "$eksact" explain NodeGroup.scalingConfig.maxSize
expect_exit 0 "$eksact" schema
python3 -c 'import json, sys; json.load(sys.stdin)' <out || fail "schema prints no JSON"
