#!/usr/bin/env bash
# Installs the Debian packages that the given lists name, when any of them is missing.
# usage: deploy/install-packages.sh LIST...
set -euo pipefail

missing=()
for package in $(cat "$@"); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "This is no Debian or Ubuntu. Install the counterparts of these packages by hand, then run this again with EKSACT_PACKAGES=skip:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Packages are missing (${missing[*]}); run this as root, or install sudo." >&2; exit 1; }
    as_root=(sudo)
fi
echo "  installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Packages could not be installed. Is a package mirror reachable? Install them by hand: apt-get install ${missing[*]}" >&2
    exit 1
fi
