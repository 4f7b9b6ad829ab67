#!/bin/bash
# The admin pages in Debian's Chromium, against the real binary.
#   tests/web/run.sh [KONTOR_BINARY]   default: $KONTOR_BINARY, else the release build
#   tests/web/run.sh --mock            against web/mock instead (built pages, made-up server): for working on the pages
# KONTOR_TEST_PICTURE=FILE.png keeps a picture of the window when a step fails.
# The last line is `N passed, N failed`.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=installer/lib.sh
. "$root/installer/lib.sh"

binary=${1:-${KONTOR_BINARY:-$root/build/release/app/kontor}}
use_node
if [ "$binary" = --mock ]; then
    "$root/web/scripts/build.sh"
    binary=$root/web/mock/kontor.mjs
else
    "$root/web/scripts/build.sh" --packages
fi
[ -x "$binary" ] || die "there is no binary at $binary" "Build it first, or name one that is built."
command -v "${CHROMIUM:-chromium}" >/dev/null || die "Chromium is missing" "Run installer/deps.sh --test first."

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
KONTOR_BINARY=$binary node --test --test-reporter=spec "$root"/tests/web/*.test.mjs 2>&1 | tee "$output" || status=$?
# A subtest that was skipped because an earlier one failed did not pass.
count() { sed -n "s/^. $1 \([0-9]*\)$/\1/p" "$output" | tail -n 1; }
passed=$(count pass) failed=$(count fail) skipped=$(count skipped) cancelled=$(count cancelled)
failed=$((${failed:-0} + ${skipped:-0} + ${cancelled:-0}))
[ "$status" != 0 ] && [ "$failed" = 0 ] && failed=1
printf '%d passed, %d failed\n' "${passed:-0}" "$failed"
[ "$failed" = 0 ]
