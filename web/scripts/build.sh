#!/bin/bash
# Builds the admin pages into web/dist, when something changed since the last time.
#   scripts/build.sh                build if needed
#   scripts/build.sh --copy DIR     then copy what is to be embedded to DIR (which is replaced)
#   scripts/build.sh --packages     only what package-lock.json names, into node_modules (for the tests)
#   scripts/build.sh --can-build    says by its exit code whether Node and npm are good enough; does nothing
# Several builds may run at once: a lock makes them take turns.
set -euo pipefail
web=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Node that installer/deps.sh brought, if this machine's own is too old.
brought=$web/../build/node/bin
good_node() {
    command -v npm >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? 0 : 1)' 2>/dev/null
}
if ! good_node && [ -x "$brought/node" ]; then
    PATH=$brought:$PATH
    export PATH
fi
if [ "${1:-}" = --can-build ]; then
    good_node
    exit
fi

exec 9>"$web/.build.lock"
flock 9

install_packages() {
    good_node || { echo "error: the admin pages need Node.js 20.19 or newer with npm; run installer/deps.sh" >&2; exit 1; }
    # The marker is as old as the last complete installation.
    if [ ! "$web/node_modules/.kontor-lock" -nt "$web/package-lock.json" ]; then
        (cd "$web" && npm ci --no-audit --no-fund --prefer-offline </dev/null)
        touch "$web/node_modules/.kontor-lock"
    fi
}
if [ "${1:-}" = --packages ]; then
    install_packages
    exit 0
fi

sources=$(sh "$web/scripts/sources.sh")
if [ "$(cat "$web/dist/.sources" 2>/dev/null)" != "$sources" ]; then
    install_packages
    (cd "$web" && npm run --silent build </dev/null)
fi

if [ "${1:-}" = --copy ]; then
    rm -rf "$2.new"
    mkdir -p "$2.new"
    cp -R "$web/dist/." "$2.new"
    rm -rf "$2"
    mv "$2.new" "$2"
fi
