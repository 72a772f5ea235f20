# shellcheck shell=bash
# Sourced by the end-to-end tests: a place to work in, expectations that say what was found, and the built binary.
set -euo pipefail

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$tests/.." && pwd)
eksact=${EKSACT:-$root/build/asan/eksact}
work=$(mktemp -d)
started=() # process ids, ended on exit
on_exit=() # commands, run on exit

finish() {
    local code=$? command
    for command in "${on_exit[@]}"; do eval "$command" || true; done
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    # What still writes its state would leave the folder behind.
    for pid in "${started[@]}"; do timeout 10 tail --pid="$pid" -f /dev/null || true; done
    if [ "$code" -eq 0 ]; then rm -rf "$work"; else echo "what it worked on is kept in $work" >&2; fi
}
trap finish EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect_exit CODE COMMAND...: its output goes to $work/out and $work/err.
expect_exit() {
    local wanted=$1 code=0
    shift
    "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" -eq "$wanted" ] && return
    { echo "--- standard output"; tail -n 40 "$work/out"; echo "--- standard error"; tail -n 40 "$work/err"; } >&2
    fail "exit code $code instead of $wanted: $*"
}

# expect_text TEXT [FILE]: the text stands in the output of the last command.
expect_text() {
    grep -qF -- "$1" "${2:-$work/out}" || { tail -n 40 "${2:-$work/out}" >&2; fail "not found: $1"; }
}

expect_no_text() {
    if grep -qF -- "$1" "${2:-$work/out}"; then tail -n 40 "${2:-$work/out}" >&2; fail "should not be there: $1"; fi
}

# wait_for SECONDS WHAT COMMAND...: tried until it succeeds.
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "not within the time: $what"
        sleep 0.3
    done
}

commit_all() {
    git -C "$1" add -A
    git -C "$1" -c user.name=Test -c user.email=test@example.com -c commit.gpgsign=false commit -q -m "$2"
}

make_repository() {
    git init -q -b main "$1"
    commit_all "$1" "${2:-first}"
}
