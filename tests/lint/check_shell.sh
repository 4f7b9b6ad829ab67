#!/bin/bash
# All shell scripts pass ShellCheck at the level of warnings.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t files < <(git ls-files | xargs -d '\n' grep -lE -m1 '^#!/bin/(ba)?sh|^# shellcheck shell=' --)
shellcheck -x -S warning "${files[@]}"
echo "${#files[@]} files looked at"
