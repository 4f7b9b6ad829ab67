#!/bin/sh
# One line that changes whenever something changes that the built pages depend on.
set -eu
cd "$(dirname "$0")/.."
find src public scripts index.html package.json package-lock.json tsconfig.json vite.config.ts -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
