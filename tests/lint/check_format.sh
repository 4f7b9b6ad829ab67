#!/bin/bash
# All C and C++ files are as clang-format leaves them (.clang-format in the root). `--fix` formats them.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -d '' -t tracked < <(git ls-files -z -- '*.cc' '*.h' '*.c')
files=()
for file in "${tracked[@]}"; do
    if [ -f "$file" ]; then files+=("$file"); fi
done
if [ "${1:-}" = --fix ]; then
    exec clang-format -i "${files[@]}"
fi
# Many files a process: starting one takes longer than looking at a file.
said=$(printf '%s\0' "${files[@]}" | xargs -0 -n 40 -P "$(nproc)" clang-format --dry-run --Werror 2>&1) && status=0 || status=1
if [ "$status" != 0 ]; then
    bad=$(sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: .*-Wclang-format-violations.*/\1/p' <<<"$said" | sort -u)
    if [ -z "$bad" ]; then
        printf '%s\n' "$said" # clang-format itself failed
    else
        sed 's|$|: not formatted (tests/lint/check_format.sh --fix)|' <<<"$bad"
    fi
fi
echo "${#files[@]} files looked at"
exit "$status"
