# shellcheck shell=bash
# Sourced by the scripts beside it: start programs in the background, remember
# them by process id, wait for them with a bound, and end exactly those.
#
# A program is recorded in $dir/pids as "pid start-time name". The start time
# (field 22 of /proc/PID/stat) tells the recorded process from another one that
# was given the same number later.

say() { printf '%s: %s\n' "${me:-real}" "$*" >&2; }

# Ends the script. What was started must be ended by the caller's EXIT trap.
die() {
    say "error: $*"
    exit 1
}

# start_time PID: prints it; fails if there is no such process or only the
# unreaped rest of one.
start_time() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # the command, in parentheses, may hold blanks: look behind it
    read -ra stat <<<"${stat##*) }"
    [ "${stat[0]}" != Z ] || return 1
    printf '%s\n' "${stat[19]}"
}

# alive PID START-TIME
alive() {
    [ "$(start_time "$1")" = "$2" ]
}

# Only one script at a time looks for free ports, and it keeps the lock until
# its programs listen: otherwise two that start together might pick the same.
lock_ports() {
    exec 9>"${TMPDIR:-/tmp}/eksact-tests-ports-$UID.lock"
    flock -w 300 9 ||
        die "another test run has kept ${TMPDIR:-/tmp}/eksact-tests-ports-$UID.lock for 5 minutes"
}

unlock_ports() { exec 9>&-; }

port_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# free_port [OTHER...]: prints one that is none of the others. It is below the
# range from which the kernel hands out ports itself, so that no outgoing
# connection takes it in between.
free_port() {
    local port _
    for _ in {1..200}; do
        port=$((20000 + SRANDOM % 12000))
        if [[ " $* " != *" $port "* ]] && ! port_answers "$port"; then
            printf '%s\n' "$port"
            return
        fi
    done
    die "no free port on 127.0.0.1 between 20000 and 32000"
}

# Closes everything but stdin, stdout and stderr: a program that stays behind
# must hold neither the port lock nor a pipe that the caller reads to its end.
close_inherited() {
    local fd
    for fd in "/proc/$BASHPID/fd/"*; do
        fd=${fd##*/}
        if [ "$fd" -gt 2 ]; then exec {fd}>&-; fi
    done
}

# spawn NAME COMMAND...: in a session of its own, so that Ctrl-C at the
# terminal leaves the order of stopping to the script that handles it.
spawn() {
    local name=$1 pid
    shift
    (close_inherited && exec setsid "$@") >"$dir/$name.log" 2>&1 </dev/null &
    pid=$!
    disown "$pid"
    printf '%s %s %s\n' "$pid" "$(start_time "$pid")" "$name" >>"$dir/pids"
}

# running NAME: whether the recorded program of that name still runs
running() {
    local pid began name
    while read -r pid began name; do
        if [ "$name" = "$1" ]; then
            alive "$pid" "$began"
            return
        fi
    done <"$dir/pids"
    return 1
}

# fail_with_log NAME MESSAGE
fail_with_log() {
    say "last lines of $dir/$1.log:"
    tail -n 20 "$dir/$1.log" >&2 || true
    die "$2"
}

# wait_for NAME SECONDS WHAT COMMAND...: until the command succeeds. Gives up
# at once when the program NAME has ended.
wait_for() {
    local name=$1 seconds=$2 what=$3 end=$((SECONDS + $2))
    shift 3
    until "$@" >/dev/null 2>&1; do
        running "$name" || fail_with_log "$name" "$name ended before $what"
        [ "$SECONDS" -lt "$end" ] ||
            fail_with_log "$name" "waited $seconds s in vain for $what"
        sleep 0.1
    done
}

# stop_one PID START-TIME NAME: asks, waits 10 s, insists.
stop_one() {
    local pid=$1 began=$2 name=$3 _
    alive "$pid" "$began" || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    for _ in {1..100}; do
        alive "$pid" "$began" || return 0
        sleep 0.1
    done
    say "$name ($pid) did not end in 10 s: killing it"
    kill -KILL "$pid" 2>/dev/null || return 0
    for _ in {1..50}; do
        alive "$pid" "$began" || return 0
        sleep 0.1
    done
    say "$name ($pid) is still there"
    return 1
}

# stop_recorded: the programs in $dir/pids, the last one started first. What
# could not be stopped stays recorded.
stop_recorded() {
    local -a entries
    local i pid began name left=
    [ -f "$dir/pids" ] || return 0
    mapfile -t entries <"$dir/pids"
    for ((i = ${#entries[@]} - 1; i >= 0; i--)); do
        read -r pid began name <<<"${entries[i]}"
        stop_one "$pid" "$began" "$name" || left+="${entries[i]}"$'\n'
    done
    if [ -n "$left" ]; then
        printf '%s' "$left" >"$dir/pids"
        return 1
    fi
    rm -f "$dir/pids"
}

# prepare_dir DIR: sets $dir to its absolute path; refuses one in use.
prepare_dir() {
    local pid began name
    # it will hold tokens and private keys
    umask 077
    mkdir -p "$1"
    dir=$(cd "$1" && pwd)
    [ -f "$dir/pids" ] || return 0
    while read -r pid began name; do
        if alive "$pid" "$began"; then
            die "$name ($pid) from an earlier start still runs in $dir: stop it first"
        fi
    done <"$dir/pids"
    rm -f "$dir/pids"
}

# On any failure or interruption of a start nothing is left running.
stop_on_failure() {
    local status
    trap 'status=$?; [ "$status" = 0 ] || stop_recorded; exit "$status"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
