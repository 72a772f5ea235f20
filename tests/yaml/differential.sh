#!/usr/bin/env bash
# Checks that the stored table of YAML readings is what a real kubectl gives.
#
#   tests/yaml/differential.sh KUBECTL [--write]
#
# With --write the table is written anew from that kubectl.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/differential.py" "$@"
