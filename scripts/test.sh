#!/usr/bin/env bash
# All that must pass after a change. Two things run at once: the tests with real media, which need the processors in
# time (tests/support/share.py shares them out), and lint and the unit tests, which take what is left.
#
# Exit 1: something failed; what the patient half said is printed at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

said=$(mktemp)
nice -n 19 make --no-print-directory lint unit >"$said" 2>&1 &
patient=$!
trap 'kill "$patient" 2>/dev/null || true; rm -f "$said"' EXIT

failed=0
.venv/bin/python -m pytest -n 3 --dist worksteal tests/ipc tests/media tests/e2e || failed=1
wait "$patient" || failed=1
cat "$said"
exit "$failed"
