#!/usr/bin/env bash
# What is printed from the rows and kept in the repository is still what the rows say.
. "$(dirname "$0")/../lib.sh"

for file in "$root"/schema/published/*.json; do
    kind=$(basename "$file" .json)
    [ "$kind" = plan ] && continue # of the report, not of a kind
    "$eksact" schema "$kind" | diff -u "$file" - || fail "regenerate: eksact schema $kind > schema/published/$kind.json"
done
"$eksact" schema --iam-policy | diff -u "$root/deploy/iam-policy.json" - || fail "regenerate: eksact schema --iam-policy > deploy/iam-policy.json"
echo ok
