#!/bin/bash
# All C and C++ files are as clang-format leaves them (.clang-format in the root). `--fix` formats them.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -d '' -t files < <(git ls-files -z -- '*.cc' '*.h' '*.c')
if [ "${1:-}" = --fix ]; then
    exec clang-format -i "${files[@]}"
fi
status=0
for file in "${files[@]}"; do
    [ -f "$file" ] || continue
    if ! clang-format --dry-run --Werror "$file" >/dev/null 2>&1; then
        echo "$file: not formatted (tests/lint/check_format.sh --fix)"
        status=1
    fi
done
echo "${#files[@]} files looked at"
exit "$status"
