#!/usr/bin/env bash
# Installs the Python programs and libraries of the tests (moto, boto3, awscli),
# pinned in requirements.txt, into a virtual environment.
#
#   venv=$(tests/tools/python.sh | tail -n1)
#
# The last line of stdout is the environment; progress goes to stderr. It is
# named after what determines its content, so it is made once. About half a
# minute and 500 MB.
#
# Environment: EKSACT_TOOLS, where to keep the result (default: build/tools);
# PYTHON, the interpreter (default: python3).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
base=${EKSACT_TOOLS:-$root/build/tools}
python=${PYTHON:-python3}

say() { printf 'python: %s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
    die "$python does not run; install Python 3.11 or newer, or set PYTHON to one, and run again"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$python is version $version and the pinned packages need 3.11; set PYTHON to a newer one and run again"

key=$({
    cat "$here/requirements.txt" "$here/python.sh"
    printf '%s' "$version"
} | sha256sum | cut -c1-16)
venv=$base/python-$key

# Written last: an environment without it was interrupted and is made anew.
stamp=$venv/.complete

install() {
    say "installing moto, boto3 and awscli for Python $version"
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2 ||
        die "$python -m venv failed; install the package that provides it (python3-venv) and run again"
    # Byte-compiling is left to the first import: most modules see none.
    nice -n 10 "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile \
        --requirement "$here/requirements.txt" >&2 ||
        die "pip could not install $here/requirements.txt; make it reach its package index (PIP_INDEX_URL, PIP_CERT) and run again"
    touch "$stamp"
}

if [ ! -e "$stamp" ]; then
    mkdir -p "$base"
    # Two test runs that start together must not write into the same place.
    exec 9>"$base/.python-lock"
    flock -w 900 9 || die "another run has kept $base/.python-lock for 15 minutes; see what it does, end it, and run again"
    # the one we waited for may have done it
    if [ ! -e "$stamp" ]; then
        install
        say "done in $SECONDS s"
    fi
fi
printf '%s\n' "$venv"
