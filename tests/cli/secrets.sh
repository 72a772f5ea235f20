#!/usr/bin/env bash
# A secret of a manifest is in no output, no saved plan, no log and no ledger: plain, in base64, or in an error.
. "$(dirname "$0")/../lib.sh"
cd "$work"

canary='canary-7f3a91c2d4'
mkdir seen tree
write_tree() {
    sed "s/first-password/$canary-one/; s/second-password/$canary-two/; s/third-password/$canary-three/" \
        "$tests/cases/secret-change/$1/secret.yaml" >tree/secret.yaml
}
cp "$tests"/cases/secret-change/before/*.yaml tree
write_tree before
world=(--sandbox "$work/world.json" --log-format json -v)

# keep NAME CODE COMMAND...: all that it says is kept, to be searched.
keep() {
    local name=$1 code=$2
    shift 2
    expect_exit "$code" "$@"
    cat out err >"seen/$name"
}
keep validate 0 "$eksact" validate tree
keep create.text 2 "$eksact" plan tree "${world[@]}" --out seen/create.plan
keep create.apply 0 "$eksact" apply tree "${world[@]}" --yes --wait
write_tree tree
for format in text json markdown mermaid; do
    keep "change.$format" 2 "$eksact" plan tree "${world[@]}" --format "$format"
done
grep -q '•••(#1) → •••(#2)' seen/change.text || fail "the change of the secret is not shown"
keep change.saved 2 "$eksact" plan tree "${world[@]}" --out seen/change.plan
keep status 2 "$eksact" status tree "${world[@]}"
keep change.apply 0 "$eksact" apply tree "${world[@]}" --yes --wait

# In errors: of the API server, which quotes what it refuses, and of the file that holds it.
sed "s/keys/Not_A_Name/; s/$canary-two/$canary-four/" tree/secret.yaml >tree/refused.yaml
code=0
"$eksact" apply tree "${world[@]}" --yes --wait --timeout 1m >seen/refused 2>&1 || code=$?
[ "$code" -ne 0 ] || fail "a name that no API server takes was applied"
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: broken, namespace: shop}\nstringData:\n  a: "%s\n' "$canary" >tree/refused.yaml
"$eksact" plan tree "${world[@]}" >seen/broken 2>&1 || true
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: broken, namespace: shop}\nstringData: %s\ndata:\n  b: %s!\n' "$canary" "$canary" >tree/refused.yaml
"$eksact" plan tree "${world[@]}" >seen/wrong 2>&1 || true
rm tree/refused.yaml
cp world.json.ledger seen/ledger

# The controller's log.
"$eksact" run tree "${world[@]}" --interval 1s >seen/run.out 2>seen/run.err &
started+=($!)
sleep 2
kill -TERM $!
wait $! || fail "run did not end cleanly"

[ "$(find seen -type f | wc -l)" -ge 16 ] || fail "fewer files than expected"
for word in "$canary" "$(printf %s "$canary" | base64 | cut -c 1-16)" "$(printf %s "$canary-one" | base64)"; do
    if grep -rlF -- "$word" seen >found; then
        fail "the secret $word stands in: $(tr '\n' ' ' <found)"
    fi
done
# The search itself finds it where it has to be: in the simulated cluster.
grep -qF "$(printf %s "$canary" | base64 | cut -c 1-16)" world.json || fail "the canary never got there"
