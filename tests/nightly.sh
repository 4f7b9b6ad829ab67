#!/bin/bash
# What is too long for every change, or random on purpose. It is run before an issue is closed, and its last lines go into the note.
#   tests/nightly.sh                    every part, one after the other: a night
#   tests/nightly.sh PART...            some of them:
#       sim      the simulators and the property tests with fresh seeds, again and again until the part's time is over
#       storms   real clusters in network namespaces, 60 s a storm, and the second site; again until the time is over (root)
#       copy     the copy of a state of 1.5 GiB under its memory limits (KONTOR_COPY_STATE_MIB)
#       asan     all C++ tests under the address and undefined-behaviour sanitizers, with a fresh seed
#       tsan     the same under the thread sanitizer
#       fuzz     the fuzzers of tests/fuzz (clang)
#       ratio    this state against the commit before in turns (KONTOR_BEFORE names a commit), see tests/bench/gate.py
#       fresh    the README's commands on a machine where nothing was installed before (root)
#   tests/nightly.sh --minutes N ...    how long sim, storms and fuzz last each (60)
#   tests/nightly.sh --seed N ...       the seed to begin with, instead of a fresh one: repeats a night
#   tests/nightly.sh --dev ...          sim, storms and copy with the dev build
# A part that the machine cannot run (no root, no clang) is skipped and says why. Seeds are printed and stand in
# build/logs/nightly/, with everything the tests said. The last line is `N passed, N failed`; the exit code is 0 only when
# nothing failed.
set -uo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/../installer/lib.sh"
cd "$KONTOR_ROOT" || exit 2

parts=() minutes=60 preset=release seed=''
whole_number() { [[ $2 =~ ^[1-9][0-9]{0,17}$ ]] || die "$1 wants a whole number, not '$2'" "See tests/nightly.sh --help."; }
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) sed -n '2,19s/^# \{0,1\}//p' "$0" && exit 0 ;;
        --minutes) whole_number "$1" "${2:-}" && minutes=$2 && shift ;;
        --seed) whole_number "$1" "${2:-}" && seed=$2 && shift ;;
        --dev) preset=dev ;;
        sim | storms | copy | asan | tsan | fuzz | ratio | fresh) parts+=("$1") ;;
        *) die "no such part or option: $1" "See tests/nightly.sh --help." ;;
    esac
    shift
done
[ ${#parts[@]} = 0 ] && parts=(sim storms copy asan tsan fuzz ratio fresh)
# Below 2^32, so that adding to it stays a number for everybody.
[ -n "$seed" ] || seed=$(($(od -An -N4 -tu4 /dev/urandom) + 1))

logs=$KONTOR_ROOT/build/logs/nightly
rm -rf "$logs"
mkdir -p "$logs"
build=$KONTOR_ROOT/build/$preset
passed=0 failed=0 skipped=0 running=''

interrupted() {
    [ -n "$running" ] && kill -TERM "$running" 2>/dev/null && wait "$running"
    printf '\ninterrupted\n'
    exit 130
}
trap interrupted INT TERM

# one NAME LIMIT_SECONDS COMMAND...: a test, in a process group of its own. 0: passed or skipped. Exit code 77 means that
# the machine cannot run it.
one() {
    local name=$1 limit=$2 started=$SECONDS status=0
    shift 2
    timeout --kill-after=20 "$limit" "$@" >"$logs/$name.log" 2>&1 </dev/null &
    running=$!
    wait "$running" || status=$?
    running=''
    case $status in
        0) passed=$((passed + 1)) && ok "$name ($((SECONDS - started)) s)" && return 0 ;;
        77) skipped=$((skipped + 1)) && note "$name skipped: $(tail -n 1 "$logs/$name.log")" && return 0 ;;
        124) printf '%s\n' "${red}stopped${plain} $name after $limit s: $logs/$name.log" ;;
        *) printf '%s\n' "${red}FAILED${plain} $name (exit code $status): $logs/$name.log" ;;
    esac
    failed=$((failed + 1))
    grep -aE 'KONTOR_SEED=|FAILED|Failure|Error' "$logs/$name.log" | tail -n 5 | cut -c1-200 | sed 's/^/    /'
    return 1
}
skip() { skipped=$((skipped + 1)) && note "$1 skipped: $2"; }

# seeded FIRST_SEED NAME LIMIT_SECONDS COMMAND...
seeded() {
    local first=$1
    shift
    note "KONTOR_FIRST_SEED=$first $1"
    KONTOR_FIRST_SEED=$first one "$@"
}

built=not-yet
build_all() {
    local flags=()
    [ "$preset" = dev ] && flags+=(--dev)
    if [ "$built" = not-yet ]; then
        built=no
        bash tests/run.sh "${flags[@]}" --stage deps '' no && bash tests/run.sh "${flags[@]}" --stage build '' no && built=yes
    fi
    [ "$built" = yes ] && return 0
    failed=$((failed + 1))
    printf '%s\n' "${red}FAILED${plain} nothing to test: it does not build"
    return 1
}
# The part's time is over, or there is enough to repair.
over() { [ $SECONDS -ge "$end" ] || [ "$failed" -gt $((failed_before + 9)) ]; }

# A script that drives the real binary.
whole_process() { # FIRST_SEED NAME LIMIT_SECONDS SCRIPT
    local first=$1 name=$2 limit=$3
    shift 3
    KONTOR_BINARY=$build/app/kontor KONTOR_NEXT_BINARY=$build/app/kontor_next KONTOR_SLOW=$([ "$preset" = dev ] && echo 3 || echo 1) \
        seeded "$first" "$name" "$limit" python3 -B "$@"
}

# ---- the parts -----------------------------------------------------------------------------------------------------------

part_sim() {
    build_all || return
    local round=0 first t=$build/tests chunk=200
    until over; do
        first=$((seed + round * chunk))
        KONTOR_SIM_SEEDS=$chunk seeded "$first" "sim-$round" 3600 "$t/sim/sim_test" --gtest_filter='*LosesNothing*'
        KONTOR_SIM_SEEDS=$((4 * chunk)) seeded "$first" "raft-$round" 3600 "$t/unit/replication/replication_test" --gtest_filter='Storm.Nothing*'
        over && break
        seeded "$first" "raft-engine-$round" 3600 "$t/unit/replication/replication_test" --gtest_filter='*Engine*'
        KONTOR_COMMANDS=1000000 seeded "$first" "ledger-$round" 3600 "$t/unit/ledger/ledger_property_test"
        seeded "$first" "payments-$round" 3600 "$t/unit/payments/payments_property_test"
        KONTOR_SIM_SEEDS=$chunk seeded "$first" "channels-$round" 3600 "$t/unit/outbox/channel_storm_test"
        over && break
        seeded "$first" "store-$round" 3600 "$t/unit/store/store_test"
        seeded "$first" "transfer-$round" 3600 "$t/unit/state_transfer/state_transfer_test"
        seeded "$first" "power-$round" 3600 "$t/power/power_test"
        round=$((round + 1))
    done
}

part_storms() {
    build_all || return
    [ "$(id -u)" = 0 ] || { skip storms "network namespaces need root" && return; }
    local round=0 name
    until over; do
        for name in faults membership certificates; do
            over || KONTOR_CLUSTER_SECONDS=60 whole_process $((seed + round)) "cluster-$name-$round" 5400 "tests/cluster/${name}_test.py"
        done
        over || KONTOR_CLOCK_ROUNDS=3 whole_process $((seed + round)) "clocks-$round" 1800 tests/integration/cluster_clocks_test.py
        over || KONTOR_SECOND_SITE_SECONDS=120 whole_process $((seed + round)) "second-site-$round" 1800 tests/integration/second_site_test.py
        over || KONTOR_FROZEN_SECONDS=20 whole_process $((seed + round)) "frozen-$round" 1800 tests/integration/cluster_frozen_test.py
        for name in kill_recover ledger_kill bad_wire service cluster_serve; do
            over || whole_process $((seed + round)) "$name-$round" 1800 "tests/integration/${name}_test.py"
        done
        round=$((round + 1))
    done
}

part_copy() {
    build_all && KONTOR_COPY_STATE_MIB=${KONTOR_COPY_STATE_MIB:-1536} whole_process "$seed" copy 5400 tests/integration/cluster_copy_test.py
}

# All C++ tests: each is counted by tests/run.sh, whose closing line has the numbers.
sanitized() {
    seeded "$seed" "$1" 28800 bash tests/run.sh "--$1" && passed=$((passed - 1)) || failed=$((failed - 1))
    local more_passed=0 more_failed=0
    read -r more_passed more_failed < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$logs/$1.log" | tail -n 1)
    # Without a closing line it is one test: it did not come to its end.
    passed=$((passed + ${more_passed:-0})) failed=$((failed + ${more_failed:-1}))
}
part_asan() { sanitized asan; }
part_tsan() { sanitized tsan; }

part_fuzz() {
    command -v clang++ >/dev/null || { skip fuzz "there is no clang++ on this machine" && return; }
    local name each
    if ! one fuzz-configure 600 cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=clang++ \
        -DCMAKE_C_COMPILER=clang -DKONTOR_TESTS=ON -DKONTOR_SANITIZE=address,undefined ||
        ! one fuzz-compile 5400 cmake --build build/fuzz --target api_params_fuzz peer_frame_fuzz link_frame_fuzz; then
        return
    fi
    passed=$((passed - 2)) # preparations, not tests
    each=$((minutes * 60 / 3))
    for name in api_params_fuzz peer_frame_fuzz link_frame_fuzz; do
        mkdir -p "build/fuzz/corpus/$name" "$logs/$name"
        note "seed $((seed % 4294967295)) $name"
        one "$name" $((each + 300)) "build/fuzz/tests/fuzz/$name" -max_total_time="$each" -seed=$((seed % 4294967295)) \
            -artifact_prefix="$logs/$name/" "build/fuzz/corpus/$name"
    done
}

# The commit before, built in a work tree of its own below build/.
part_ratio() {
    local before tree=$KONTOR_ROOT/build/before
    before=$(git rev-parse --verify --quiet "${KONTOR_BEFORE:-HEAD~1}^{commit}") || { skip ratio "there is no commit before" && return; }
    [ "$preset" = release ] || { skip ratio "figures come from release builds" && return; }
    build_all || return
    git worktree prune
    if [ -d "$tree" ]; then
        one ratio-checkout 300 git -C "$tree" checkout --force --detach "$before" || return
    else
        one ratio-checkout 300 git worktree add --force --detach "$tree" "$before" || return
    fi
    if ! one ratio-configure 600 cmake -S "$tree" -B "$tree/build/release" -G Ninja -DCMAKE_BUILD_TYPE=Release -DKONTOR_TESTS=OFF -DKONTOR_WEB=OFF ||
        ! one ratio-compile 5400 cmake --build "$tree/build/release"; then
        return
    fi
    passed=$((passed - 3)) # preparations, not tests
    note "this state against $before"
    one ratio 7200 python3 -B tests/bench/gate.py "$tree/build/release/app/kontor" "$build/app/kontor" --folder "$KONTOR_ROOT/build"
    sed 's/^/    /' "$logs/ratio.log"
}

part_fresh() {
    [ "$(id -u)" = 0 ] || { skip fresh "making a root file system needs root" && return; }
    command -v debootstrap >/dev/null || { skip fresh "debootstrap is missing (installer/deps.sh --test)" && return; }
    one fresh 10800 tests/integration/fresh_machine.sh
}

for part in "${parts[@]}"; do
    say "${bold}$part${plain}"
    failed_before=$failed end=$((SECONDS + minutes * 60))
    "part_$part"
done
printf '\nseed %s, %d skipped, %d s; logs: %s\n' "$seed" "$skipped" "$SECONDS" "$logs"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
