# Shell functions shared by the installer and the test scripts. Sourced, never run.
# shellcheck shell=bash

KONTOR_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Not exported: kontor takes its settings from KONTOR_… and refuses names it does not know.
# Two clones in different folders share what ccache has compiled: paths below the root count as relative.
export CCACHE_BASEDIR=$KONTOR_ROOT CCACHE_NOHASHDIR=true

# Colour only for a person: a terminal on stdout and no NO_COLOR.
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' green='' red='' dim='' plain=''
fi

say() { printf '%s\n' "${bold}==>${plain} $*"; }
note() { printf '%s\n' "    ${dim}$*${plain}"; }
ok() { printf '%s\n' "${green}ok${plain}  $*"; }
die() {
    printf '%s\n' "${red}error:${plain} $1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# as_root COMMAND...: runs it as root. A user without root and without sudo is told what to do.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "installing packages needs root, and there is no sudo on this machine" \
            "Run this script as root once, or install sudo and try again."
    fi
}

# quietly LABEL LOG COMMAND...: a long command shows one line of progress and its output only when it fails.
# On a terminal the line ticks, so that nothing ever looks hung.
quietly() {
    local label=$1 log=$2 started=$SECONDS pid status=0
    shift 2
    mkdir -p "$(dirname "$log")"
    say "$label"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    # Ctrl-C stops the child as well as us.
    trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
    if [ -t 1 ]; then
        while kill -0 "$pid" 2>/dev/null; do
            printf '\r    %s%4d s  %s%s\e[K' "$dim" $((SECONDS - started)) "$(tail -n 1 "$log" | tr -d '\r' | cut -c1-90)" "$plain"
            sleep 0.5
        done
        printf '\r\e[K'
    else
        # Not a terminal: a sign of life every 30 seconds is enough.
        (
            while sleep 30; do
                kill -0 "$pid" 2>/dev/null || exit 0
                printf '    %4d s  %s\n' $((SECONDS - started)) "$(tail -n 1 "$log" | tr -d '\r' | cut -c1-90)"
            done
        ) &
        local ticker=$!
    fi
    wait "$pid" || status=$?
    [ -n "${ticker:-}" ] && kill "$ticker" 2>/dev/null && wait "$ticker" 2>/dev/null
    trap - INT TERM
    if [ "$status" != 0 ]; then
        tail -n 60 "$log" | sed 's/^/    /' >&2
        printf '%s\n' "${red}failed${plain} (exit code $status): $label; everything it said: $log" >&2
    else
        note "done in $((SECONDS - started)) s"
    fi
    return "$status"
}

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# node_is_good: is the `node` and `npm` on PATH new enough for the web build? (Vite 8: Node 20.19+ or 22.12+, npm 11.)
node_is_good() {
    local node npm
    node=$(node --version 2>/dev/null) || return 1
    npm=$(npm --version 2>/dev/null) || return 1
    node=${node#v}
    case $node in
        20.*) version_at_least "$node" 20.19.0 || return 1 ;;
        21.*) return 1 ;;
        *) version_at_least "$node" 22.12.0 || return 1 ;;
    esac
    version_at_least "$npm" 11.0.0
}

# use_node: puts the Node that installer/deps.sh brought (if it had to bring one) in front of PATH.
use_node() {
    local bin=$KONTOR_ROOT/build/node/bin
    node_is_good && return 0
    [ -x "$bin/node" ] && PATH=$bin:$PATH && export PATH
    node_is_good || die "Node.js 20.19 or newer with npm 11 is missing" "Run installer/deps.sh --build first."
}

# build_web: the admin pages, from web/ into web/dist. Skipped when nothing changed since the last time.
build_web() {
    [ -f "$KONTOR_ROOT/web/package.json" ] || return 0
    quietly "web: the admin pages" "$KONTOR_ROOT/build/logs/web-build.log" "$KONTOR_ROOT/web/scripts/build.sh"
}
