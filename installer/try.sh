#!/bin/bash
# From a fresh clone on Debian 12 to a paid order: installs what is needed, builds the binary, runs `kontor dev`.
#   ./installer/try.sh                  stays serving until Ctrl-C
#   ./installer/try.sh --once           ends by itself after the performance
#   ./installer/try.sh --ephemeral ...  everything else is passed on to `kontor dev`
set -euo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/lib.sh"

once=no
arguments=()
for argument in "$@"; do
    case $argument in
        --once) once=yes ;;
        -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit 0 ;;
        *) arguments+=("$argument") ;;
    esac
done
# Where nobody can press Ctrl-C, the run ends by itself.
if [ -n "${CI:-}" ] || [ ! -t 1 ]; then once=yes; fi
[ "$once" = yes ] && arguments+=(--exit-after-demo)

started=$SECONDS
here=$PWD
cd "$KONTOR_ROOT"
say "Kontor: build and try. The first time takes a few minutes (compiling), later times seconds."
"$KONTOR_ROOT/installer/deps.sh" --build
build_web || die "the web pages did not build"
quietly "cmake: configure" build/logs/configure.log cmake --preset release -DKONTOR_TESTS=OFF ||
    die "cmake could not configure the build"
quietly "compile: build/release/app/kontor" build/logs/build.log cmake --build build/release --target kontor ||
    die "the build failed"
binary=$KONTOR_ROOT/build/release/app/kontor
ok "built in $((SECONDS - started)) s: $binary"

say "kontor dev ${arguments[*]}"
cd "$here"
# Not exec: a shell stays to say what to do next. Ctrl-C reaches kontor, which stops cleanly by itself.
trap '' INT
status=0
# In a subshell, because an ignored signal would be inherited.
(trap - INT && exec "$binary" dev "${arguments[@]}") || status=$?
trap - INT
if [ "$status" = 0 ] || [ "$status" = 130 ]; then
    printf '\n'
    ok "total time $((SECONDS - started)) s. What next:"
    note "again, without building:    $binary dev"
    note "a production set-up:        $binary serve --config config/kontor.toml   (see README.md)"
    note "all tests:                  ./tests/run.sh"
    exit 0
fi
die "kontor dev ended with exit code $status" "The build is in $KONTOR_ROOT/build/release; logs in build/logs."
