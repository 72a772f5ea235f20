#!/usr/bin/env bash
# A saved plan is applied as it was reviewed, or not at all.
. "$(dirname "$0")/../lib.sh"
cd "$work"

world=(--sandbox "$work/world.json" -q)
cp -r "$tests/cases/nodes-scaling/before" fleet
make_repository fleet
expect_exit 2 "$eksact" plan fleet --ref main "${world[@]}" --out create.plan
[ "$(stat -c %a create.plan)" = 600 ] || fail "others can read the saved plan"
expect_exit 0 "$eksact" apply create.plan "${world[@]}" --yes --wait
expect_exit 0 "$eksact" plan fleet --ref main "${world[@]}"
expect_exit 3 "$eksact" apply create.plan "${world[@]}" --yes
expect_text "the live state is no longer what the saved plan was made for" err

# The branch moves on: the plan is still that of the commit that was reviewed.
cp "$tests/cases/nodes-scaling/tree/nodes.yaml" fleet/nodes.yaml
commit_all fleet "room for 8 nodes"
expect_exit 2 "$eksact" plan fleet --ref main "${world[@]}" --out scale.plan
sed -i 's/maxSize: 8/maxSize: 9/' fleet/nodes.yaml
commit_all fleet "room for 9 nodes"
cp world.json before.json
cp world.json.ledger before.ledger
expect_exit 0 "$eksact" apply scale.plan "${world[@]}" --yes --wait
grep -q '"maxSize": 8' world.json || fail "not what was reviewed"

# Drift between plan and apply: refused, and nothing is changed.
cp before.json world.json
cp before.ledger world.json.ledger
python3 - "$work/world.json" <<'END'
import json, sys
world = json.load(open(sys.argv[1]))
region = world["aws"]["accounts"]["111122223333"]["regions"]["eu-west-1"]
region["clusters"]["demo"]["nodegroups"]["workers"]["object"]["scalingConfig"]["maxSize"] = 6
json.dump(world, open(sys.argv[1], "w"), indent=1)
END
expect_exit 3 "$eksact" apply scale.plan "${world[@]}" --yes --wait
expect_text "make and review a new plan" err
grep -q '"maxSize": 6' world.json || fail "a refused plan changed the world"

# What is no saved plan.
echo '{"kind": "List"}' >other.json
expect_exit 1 "$eksact" apply other.json "${world[@]}" --yes
expect_text "no plan that" err
head -c 100 scale.plan >short.plan
expect_exit 1 "$eksact" apply short.plan "${world[@]}" --yes
expect_text "read the saved plan" err
