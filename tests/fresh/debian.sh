#!/usr/bin/env bash
# Runs a command in a fresh, minimal Debian that holds nothing but apt, git, ca-certificates and a clean clone of HEAD.
# usage: tests/fresh/debian.sh [--bind DIRECTORY]... [--keep] SUITE COMMAND...
#
#   tests/fresh/debian.sh bookworm examples/quickstart.sh
#   tests/fresh/debian.sh trixie tests/run.sh -q
#
#   --bind DIRECTORY  shows a directory of this machine at the same path, writable: a cache, for instance
#   --keep            leaves the root file system in build/fresh when the command has ended
#
# Needs root, and the package mmdebstrap. The root file system comes from build/fresh/SUITE.tar, made once.
# How this machine reaches its registries (proxies, certificate authorities, apt and pip settings) holds inside too.
# Environment: EKSACT_FRESH_SOURCE, the repository to clone (default: this one); EKSACT_FRESH_TIMEOUT (default: 90m);
# EKSACT_FRESH_MIRROR, the Debian mirror (default: mmdebstrap's).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
place=$root/build/fresh
source=${EKSACT_FRESH_SOURCE:-$root}
binds=() keep=no
while [ $# -gt 0 ]; do
    case $1 in
    --bind) binds+=("$(realpath -e "${2:?--bind needs a directory}")"); shift 2 ;;
    --keep) keep=yes; shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "unknown option $1: see tests/fresh/debian.sh --help" >&2; exit 1 ;;
    *) break ;;
    esac
done
[ $# -ge 2 ] || { echo "usage: tests/fresh/debian.sh [--bind DIRECTORY]... [--keep] SUITE COMMAND..." >&2; exit 1; }
suite=$1
shift
[[ $suite =~ ^[a-z]+$ ]] || { echo "a suite is a word such as bookworm or trixie, not $suite" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "This makes a root file system and mounts: run it as root." >&2; exit 1; }
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }

# The settings of apt that say how to reach a mirror, and none of the others.
apt_settings() {
    apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-|ForceIPv)' || true
}

make_base() {
    local base=$place/$suite.tar settings
    [ -e "$base" ] && return
    mkdir -p "$place"
    settings=$(mktemp -p "$place")
    apt_settings >"$settings"
    if ! timeout 15m mmdebstrap --quiet --variant=apt --include=git,ca-certificates --aptopt="$settings" --format=tar \
        "$suite" "$base.part" ${EKSACT_FRESH_MIRROR:+"$EKSACT_FRESH_MIRROR"} >&2; then
        rm -f "$base.part" "$settings"
        echo "mmdebstrap could not make a $suite: is a Debian mirror reachable, and does debian-archive-keyring know this suite?" >&2
        exit 1
    fi
    rm -f "$settings"
    # Only a complete one gets its name.
    mv "$base.part" "$base"
}

# Whatever its distributor put there is what a fresh machine has; what the owner of this one added is taken over.
take_over_host() {
    local tree=$1 file
    apt_settings >"$tree/etc/apt/apt.conf.d/99host"
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf; do
        if [ -e "$file" ]; then
            rm -f "$tree$file"
            cp -L "$file" "$tree$file"
        fi
    done
    if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
        mkdir -p "$tree/usr/local/share/ca-certificates"
        cp -L /usr/local/share/ca-certificates/*.crt "$tree/usr/local/share/ca-certificates/"
        chroot "$tree" update-ca-certificates >/dev/null 2>&1
    fi
}

# The environment inside: of this machine's, only how to reach registries.
environment() {
    local name
    printf '%s\n' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "TERM=${TERM:-dumb}"
    for name in http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY \
        PIP_INDEX_URL PIP_DEFAULT_TIMEOUT GOPROXY GOSUMDB GONOSUMDB; do
        if [ -n "${!name:-}" ]; then printf '%s=%s\n' "$name" "${!name}"; fi
    done
}

# Runs in a mount and process namespace of its own: the mounts, and all that was started, go when it ends.
inside='
set -eu
tree=$1
binds=$2
shift 2
mount -t proc proc "$tree/proc"
mount -t sysfs -o ro sysfs "$tree/sys" 2>/dev/null || true
mount -t tmpfs -o mode=755 tmpfs "$tree/dev"
for device in null zero full random urandom tty; do
    touch "$tree/dev/$device"
    mount --bind "/dev/$device" "$tree/dev/$device"
done
ln -s /proc/self/fd "$tree/dev/fd"
ln -s /proc/self/fd/0 "$tree/dev/stdin"
ln -s /proc/self/fd/1 "$tree/dev/stdout"
ln -s /proc/self/fd/2 "$tree/dev/stderr"
mkdir "$tree/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$tree/dev/shm"
printf "%s\n" "$binds" | while IFS= read -r directory; do
    [ -n "$directory" ] || continue
    mkdir -p "$tree$directory"
    mount --bind "$directory" "$tree$directory"
done
exec chroot "$tree" /usr/bin/env -i "$@"
'

make_base
tree=$(mktemp -d -p "$place" "$suite.XXXXXX")
child=
finish() {
    if [ -n "$child" ]; then
        kill "$child" 2>/dev/null || true
        wait "$child" || true
    fi
    if [ "$keep" = yes ]; then echo "kept: $tree" >&2; else rm -rf --one-file-system "$tree"; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
tar -xf "$place/$suite.tar" -C "$tree" --exclude='./dev/*'
chmod 755 "$tree"
take_over_host "$tree"
git clone -q --depth 1 "file://$source" "$tree/srv/eksact"
mapfile -t variables < <(environment)
start=$SECONDS code=0
# In the background, so that a signal to this script is heard at once, and passed on.
timeout --kill-after=10 "${EKSACT_FRESH_TIMEOUT:-90m}" \
    unshare --mount --pid --fork --kill-child --propagation private \
    sh -c "$inside" inside "$tree" "$(printf '%s\n' "${binds[@]}")" "${variables[@]}" \
    sh -c 'cd /srv/eksact && exec "$@"' command "$@" </dev/null &
child=$!
wait "$child" || code=$?
child=
printf '%s: "%s" ended with exit code %d after %d s\n' "$suite" "$*" "$code" "$((SECONDS - start))" >&2
exit "$code"
