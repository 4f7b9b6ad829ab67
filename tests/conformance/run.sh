#!/bin/bash
# The official client library against a running kontor: host, port and certificate set, nothing else changed.
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
node --test --test-reporter=spec --test-concurrency=1 ./*.test.mjs | tee "${TMPDIR:-/tmp}/kontor-conformance.$$" || status=$?
awk '/ℹ pass /{p=$3} /ℹ fail /{f=$3} END {printf "%d passed, %d failed\n", p, f}' "${TMPDIR:-/tmp}/kontor-conformance.$$"
rm -f "${TMPDIR:-/tmp}/kontor-conformance.$$"
exit "$status"
