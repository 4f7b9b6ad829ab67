#!/bin/bash
# The official client libraries against a running kontor: host, port and certificate set, nothing else changed. Node's in five
# majors, and Debian's python3-stripe.
#   tests/conformance/run.sh            with $KONTOR_BINARY, or build/release/app/kontor
# Ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export KONTOR_BINARY=${KONTOR_BINARY:-$root/build/release/app/kontor}
[ -x "$KONTOR_BINARY" ] || { echo "no binary at $KONTOR_BINARY: build it first, or set KONTOR_BINARY" >&2; exit 2; }
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error
fi
# types.test.mjs reads the library's types with the compiler of the admin pages.
[ -d ../../web/node_modules/typescript ] || ../../web/scripts/build.sh --packages
status=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
node --test --test-reporter=spec --test-concurrency=1 ./*.test.mjs | tee "$output" || status=$?
# Debian's own Python: another one that stands before it on the path does not see Debian's packages.
/usr/bin/python3 python_stripe.py 2>&1 | tee -a "$output" || status=$?
awk '
    /ℹ pass / { passed += $3 }
    /ℹ fail / { failed += $3 }
    /^Ran [0-9]+ tests? in / { ran = $2 }
    /^FAILED \(/ { for (i = split($0, counts, /[^0-9]+/); i > 0; i--) bad += counts[i] }
    END { printf "%d passed, %d failed\n", passed + (ran > bad ? ran - bad : 0), failed + bad }' "$output"
exit "$status"
