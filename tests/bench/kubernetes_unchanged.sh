#!/usr/bin/env bash
# A plan of 1,000 unchanged objects on a real API server, whole process from a git commit to the printed plan, against the full LIST in JSON
# of the same objects over one connection.
. "$(dirname "$0")/../lib.sh"

tools=$("$tests/tools/build.sh" | tail -n 1)
export PATH="$tools:$PATH"
on_exit+=("'$tests/real/cluster.sh' stop '$work/cluster'")
"$tests/real/cluster.sh" start "$work/cluster" >/dev/null 2>&1
mkdir "$work/fleet"
python3 - "$work/fleet" <<'END'
import sys
place = sys.argv[1]
open(f"{place}/cluster.yaml", "w").write("apiVersion: eksact.dev/v1alpha1\nkind: ExternalCluster\nmetadata: {name: bench}\nspec: {kubeconfig: {file: ~/.kube/config}}\n")
for space in range(5):
    with open(f"{place}/team-{space}.yaml", "w") as out:
        out.write(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: team-{space}}}\n")
        for n in range(50):
            meta = f"metadata: {{name: service-{n}, namespace: team-{space}}}"
            out.write(f"---\napiVersion: v1\nkind: ServiceAccount\n{meta}\n")
            out.write(f"---\napiVersion: v1\nkind: ConfigMap\n{meta}\ndata: {{number: '{n}', text: hello}}\n")
            out.write(f"---\napiVersion: v1\nkind: Service\n{meta}\nspec: {{selector: {{app: service-{n}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n")
            out.write(f"---\napiVersion: apps/v1\nkind: Deployment\n{meta}\nspec:\n  replicas: 0\n  selector: {{matchLabels: {{app: service-{n}}}}}\n"
                      f"  template:\n    metadata: {{labels: {{app: service-{n}}}}}\n    spec:\n      containers:\n"
                      f"        - {{name: main, image: 'registry.example/service:{n}', ports: [{{containerPort: 8080}}]}}\n")
END
make_repository "$work/fleet"
export KUBECONFIG=$work/cluster/kubeconfig
"$eksact" apply "$work/fleet" --ref main --kubeconfig "$KUBECONFIG" --yes --wait --timeout 5m -q >/dev/null
expect_exit 0 "$eksact" plan "$work/fleet" --ref main --kubeconfig "$KUBECONFIG" -q
url=$(cat "$work/cluster/url") token=$(cat "$work/cluster/token")
full_list() {
    curl -s --cacert "$work/cluster/ca.pem" -H "Authorization: Bearer $token" \
        "$url/api/v1/serviceaccounts" -o /dev/null "$url/api/v1/configmaps" -o /dev/null "$url/api/v1/services" -o /dev/null \
        "$url/apis/apps/v1/deployments" -o /dev/null "$url/api/v1/namespaces" -o /dev/null
}
millis() { local began; began=$(date +%s%N); "$@" >/dev/null 2>&1; echo $((($(date +%s%N) - began) / 1000000)); }
for _ in 1 2 3 4 5; do
    millis "$eksact" plan "$work/fleet" --ref main --kubeconfig "$KUBECONFIG" -q >>"$work/ours"
    millis full_list >>"$work/floor"
done
ours=$(sort -n "$work/ours" | sed -n 3p) floor=$(sort -n "$work/floor" | sed -n 3p)
rss=$(/usr/bin/env python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$eksact" plan "$work/fleet" --ref main --kubeconfig "$KUBECONFIG" -q)
requests=$("$eksact" plan "$work/fleet" --ref main --kubeconfig "$KUBECONFIG" -q -v 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) Kubernetes requests.*/\1/p')
peer=$(millis kubectl diff --server-side -f "$work/fleet" -R)
echo "kubernetes_unchanged ours=${ours}ms floor=${floor}ms ratio=$(awk "BEGIN{printf \"%.2f\", $ours / $floor}") goal=0.50 (1,005 objects, $requests requests, RSS ${rss} MiB, kubectl diff ${peer}ms, median of 5)"
