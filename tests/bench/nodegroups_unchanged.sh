#!/usr/bin/env bash
# A plan with no change of 500 node groups in the served sandbox: requests, CPU and memory of the whole process.
. "$(dirname "$0")/../lib.sh"

"$eksact" sandbox --listen 127.0.0.1:0 --speed 3600 --state "$work/world.json" >"$work/sandbox.out" 2>"$work/sandbox.err" &
started+=($!)
wait_for 10 "the sandbox's address" grep -q '^AWS_ENDPOINT_URL=' "$work/sandbox.out"
# shellcheck disable=SC1091
. "$work/sandbox.out"
export AWS_ENDPOINT_URL AWS_CA_BUNDLE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
python3 - "$work/fleet" <<'END'
import os, sys
place = sys.argv[1]
os.makedirs(place)
role = """apiVersion: eksact.dev/v1alpha1
kind: IAMRole
metadata: {name: everything}
spec:
  assumeRolePolicyDocument:
    Version: "2012-10-17"
    Statement: [{Effect: Allow, Principal: {Service: [eks.amazonaws.com, ec2.amazonaws.com]}, Action: sts:AssumeRole}]
---
apiVersion: eksact.dev/v1alpha1
kind: Fleet
metadata: {name: bench}
spec:
  aws: {accountId: "111122223333", region: eu-west-1}
  calls: {eks: {read: 1000/s, write: 1000/s}, iam: {read: 1000/s, write: 1000/s}}
  change: {inFlight: 100%, perCluster: 30, bake: {default: 0s}}
"""
open(f"{place}/role.yaml", "w").write(role)
for c in range(17):
    os.makedirs(f"{place}/c{c}")
    with open(f"{place}/c{c}/cluster.yaml", "w") as out:
        out.write(f"apiVersion: eksact.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: c{c}}}\nspec:\n  roleArn: {{ref: IAMRole/everything}}\n"
                  "  resourcesVpcConfig: {subnetIds: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]}\n")
        for n in range(30 if c < 16 else 20):
            out.write(f"---\napiVersion: eksact.dev/v1alpha1\nkind: NodeGroup\nmetadata: {{name: c{c}-group-{n}}}\nspec:\n"
                      "  nodeRole: {ref: IAMRole/everything}\n  subnets: [subnet-0a1b2c3d4e5f60001]\n"
                      "  scalingConfig: {minSize: 1, maxSize: 3, desiredSize: 1}\n  instanceTypes: [m6i.large]\n")
END
"$eksact" apply "$work/fleet" --state "$work/ledger.json" --yes --wait --timeout 8m -q >"$work/apply.out" 2>&1 || { tail -n 5 "$work/apply.out" >&2; fail "not applied"; }
expect_exit 0 "$eksact" plan "$work/fleet" -q
python3 - "$eksact" "$work/fleet" <<'END'
import resource, statistics, subprocess, sys, time
walls, cpus, last = [], [], 0
for _ in range(5):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    out = subprocess.run([sys.argv[1], "plan", sys.argv[2], "-q", "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    walls.append(time.monotonic() - began)
    cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
cpu, rss = statistics.median(cpus), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
requests = subprocess.run([sys.argv[1], "plan", sys.argv[2], "-v", "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr.split()[2]
# Terraform 1.11 with its AWS provider, the same work on a like machine: 15.2 s of CPU, 598 MiB, 515 requests.
print(f"nodegroups_unchanged ours={cpu * 1000:.0f}ms floor=15200ms ratio={cpu / 15.2:.4f} goal=0.0500 (CPU; wall {statistics.median(walls) * 1000:.0f}ms, RSS {rss:.0f} MiB of goal 30, {requests} requests, median of 5)")
END
