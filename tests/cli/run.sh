#!/usr/bin/env bash
# The controller as a process: what it serves, what it does on signals, and how it ends.
. "$(dirname "$0")/../lib.sh"
cd "$work"

mkdir fleet
cat >fleet/fleet.yaml <<'END'
apiVersion: eksact.dev/v1alpha1
kind: Fleet
metadata: {name: minimal}
spec: {}
END
make_repository fleet
bare=(env -i "PATH=$PATH" "HOME=$work" AWS_EC2_METADATA_DISABLED=true "ASAN_OPTIONS=${ASAN_OPTIONS:-}")

# start WORDS...: the controller, and the port that it says it serves on.
start() {
    : >run.log
    "${bare[@]}" "$eksact" run fleet --listen 127.0.0.1:0 --state ledger.json "$@" >run.out 2>run.log &
    controller=$!
    started+=("$controller")
    wait_for 10 "the port" grep -q '"port":"[0-9]' run.log
    url=http://127.0.0.1:$(sed -n 's/.*"port":"\([0-9]*\)".*/\1/p' run.log | head -n 1)
}
# finish_with SIGNAL: ends it, cleanly and soon.
finish_with() {
    local from=$SECONDS
    kill "-$1" "$controller"
    wait "$controller" || fail "SIG$1: exit code $?"
    [ $((SECONDS - from)) -le 3 ] || fail "SIG$1: it took $((SECONDS - from)) s"
    grep -q '"message":"stopped"' run.log || fail "SIG$1: no last line"
}
status_of() { curl -s -o "$work/body" -w '%{http_code}' "$@"; }
passes() { curl -s "$url/metrics" | sed -n 's/^eksact_passes_total{result="success"} //p'; }

start --ref main --interval 1h
[ "$(status_of "$url/healthz")" = 200 ] || fail "/healthz"
wait_for 5 "/readyz" curl -fs "$url/readyz"
[ "$(status_of "$url/metrics")" = 200 ] || fail "/metrics"
[ "$(status_of "$url/nothing")" = 404 ] || fail "another path"
[ "$(status_of -X POST "$url/healthz")" = 405 ] || fail "another method"
python3 - "$work/body" "$url" <<'END' || fail "/metrics is not in the exposition format"
import re, sys, urllib.request
answer = urllib.request.urlopen(sys.argv[2] + "/metrics")
assert answer.headers["content-type"].startswith("text/plain; version=0.0.4"), answer.headers["content-type"]
typed = set()
for line in answer.read().decode().splitlines():
    if line.startswith("# "):
        kind, name = line.split()[1:3]
        assert kind in ("HELP", "TYPE"), line
        typed |= {name} if kind == "TYPE" else set()
        continue
    match = re.fullmatch(r'([a-z_]+?)(_bucket|_sum|_count)?(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eInfNa]+', line)
    assert match, line
    assert match[1] in typed or match[1] + (match[2] or "") in typed, "no type: " + line
assert typed
END
if command -v promtool >/dev/null; then curl -s "$url/metrics" | promtool check metrics || fail "promtool"; fi

# SIGHUP looks at once, though the interval is an hour.
before=$(passes)
[ -n "$before" ] || fail "no count of passes"
kill -HUP "$controller"
more() { [ "$(passes)" -gt "$before" ]; }
wait_for 5 "a pass after SIGHUP" more
finish_with TERM

# A commit is seen by itself; one that cannot be read is logged and changes nothing; it goes on with the next.
start --ref main --interval 1s
echo 'not: [yaml' >fleet/wrong.yaml
commit_all fleet wrong
wait_for 8 "the finding in the log" grep -q '"file":"wrong.yaml"' run.log
[ "$(status_of "$url/healthz")" = 200 ] || fail "/healthz after a wrong commit"
rm fleet/wrong.yaml
commit_all fleet right
finish_with INT
python3 -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' run.log || fail "a line of the log is no JSON"

# What cannot work is said at once.
expect_exit 1 "${bare[@]}" "$eksact" run fleet --listen 127.0.0.1:99999
expect_exit 1 "${bare[@]}" "$eksact" run fleet --fleet missing.yaml
expect_text missing.yaml err
