#!/usr/bin/env bash
# Every input member that AWS's own model has is handled by a row or refused by name.
. "$(dirname "$0")/../lib.sh"

EKSACT_ROWS_FILE=$work/rows.json "$(dirname "$eksact")/tests/unit_model_explain" >/dev/null 2>&1 || fail "the rows could not be printed"
"$EKSACT_PYTHON_DIR/bin/python3" "$tests/aws_model/check.py" "$work/rows.json"
