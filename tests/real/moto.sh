#!/usr/bin/env bash
# moto's simulated AWS (IAM with AWS's managed policies, STS, EC2, some of EKS)
# on loopback.
#
#   tests/real/moto.sh start DIR
#   tests/real/moto.sh stop DIR
#
# start returns when moto answers on a free port of 127.0.0.1, and leaves in
# DIR: url (without a slash at the end), pids, moto.log. Every start is empty
# of resources. stop ends exactly the program in DIR/pids, and succeeds if
# there is none.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
me=moto
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

usage() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
}

start() {
    [ $# = 1 ] || usage
    local venv port
    venv=$("$here/../tools/python.sh" | tail -n1)
    prepare_dir "$1"
    rm -f "$dir/url" "$dir/moto.log"
    stop_on_failure
    lock_ports
    # shellcheck disable=SC2119 # there is no other port to keep clear of
    port=$(free_port)
    spawn moto env MOTO_IAM_LOAD_MANAGED_POLICIES=true PYTHONUNBUFFERED=1 \
        "$venv/bin/moto_server" --host 127.0.0.1 --port "$port"
    wait_for moto 60 "its port $port" port_answers "$port"
    unlock_ports
    printf 'http://127.0.0.1:%s\n' "$port" >"$dir/url"
    say "ready at http://127.0.0.1:$port after $SECONDS s"
}

stop() {
    [ $# = 1 ] || usage
    [ -d "$1" ] || return 0
    dir=$(cd "$1" && pwd)
    stop_recorded
}

case ${1:-} in
start) shift && start "$@" ;;
stop) shift && stop "$@" ;;
*) usage ;;
esac
