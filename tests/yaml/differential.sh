#!/usr/bin/env bash
# Checks that the stored table of YAML readings is what a real kubectl gives.
#
#   tests/yaml/differential.sh [KUBECTL [--write]]
#
# KUBECTL is by default the one in EKSACT_TOOLS_DIR, where tests/run.sh has it built. With --write the table is written anew from that kubectl.
set -euo pipefail
[ $# -gt 0 ] || set -- "${EKSACT_TOOLS_DIR:?run tests/run.sh yaml, or name a kubectl}/kubectl"
exec python3 "$(dirname "${BASH_SOURCE[0]}")/differential.py" "$@"
