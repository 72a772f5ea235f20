#!/usr/bin/env bash
# Tries every header with the include roots that a layer is compiled with: those of the layers that it may include must compile, those of the
# others must not be found.
#
#   visible.sh INCLUDE_FOLDER "ALLOWED LAYERS" COMPILER FLAG...
set -euo pipefail

headers=$1
allowed=" $2 "
shift 2

compiles() {
    printf '#include "%s"\n' "$1" | "${@:2}" -x c -fsyntax-only - 2>/dev/null
}

failed=0
tried=0
for path in "$headers"/*/*.h; do
    header=${path#"$headers"/}
    tried=$((tried + 1))
    if [[ $allowed == *" ${header%%/*} "* ]]; then
        compiles "$header" "$@" || { echo "cannot be included: $header" >&2; failed=1; }
    elif compiles "$header" "$@"; then
        echo "can be included, and must not be: $header" >&2
        failed=1
    fi
done
[ "$tried" -gt 0 ] || { echo "no headers in $headers" >&2; exit 1; }
exit "$failed"
