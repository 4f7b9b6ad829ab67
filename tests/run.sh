#!/bin/bash
# Runs all tests, against the release build (what ships). Installs what it needs by itself.
#   tests/run.sh                 everything
#   tests/run.sh --quick         without the slow stages (conformance, browser, package, docs)
#   tests/run.sh --dev           against the dev build: quickest to compile
#   tests/run.sh --asan|--tsan   the C++ tests under sanitizers
#   tests/run.sh NAME            the stages or the C++ tests whose name matches this regular expression
# The last line is `N passed, N failed`; the exit code is 0 only when nothing failed.
set -uo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/../installer/lib.sh"
cd "$KONTOR_ROOT" || exit 2

preset=release quick=no filter='' only_stage='' ctest_filter='' only_lint=no
while [ $# -gt 0 ]; do
    case $1 in
        --asan | --tsan | --dev) preset=${1#--} ;;
        --quick) quick=yes ;;
        # How this script calls itself, each stage in a process of its own.
        --stage) only_stage=$2 ctest_filter=$3 only_lint=$4 && shift 3 ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
        -*) die "unknown option $1" "See tests/run.sh --help." ;;
        *) filter=$1 ;;
    esac
    shift
done
sanitized=no
slow=1 # how many times longer the stages may take
case $preset in asan | tsan) sanitized=yes slow=6 ;; esac

logs=$KONTOR_ROOT/build/logs/tests
mkdir -p "$logs"
export KONTOR_BINARY=$KONTOR_ROOT/build/$preset/app/kontor
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(nproc)}

# ---- what the stages do ------------------------------------------------------------------------------------------------

stage_deps() { "$KONTOR_ROOT/installer/deps.sh" --all; }

stage_build() {
    [ "$only_lint" = yes ] || build_web || return 1
    quietly "configure ($preset)" "$logs/configure.log" cmake --preset "$preset" -DKONTOR_TESTS=ON || return 1
    [ "$only_lint" = yes ] || # the house rules need no binary
        quietly "compile ($preset)" "$logs/compile.log" cmake --build "build/$preset"
}

# The C++ tests, by label: `unit` and `lint` are said by the tests, all others are integration.
run_ctest() {
    ctest --test-dir "build/$preset" --output-on-failure --no-tests=error "$@" \
        ${ctest_filter:+-R "$ctest_filter"}
}
stage_web() { use_node && npm --prefix web run check && npm --prefix web test; }
stage_lint() { run_ctest -L '^lint$'; }
stage_unit() { run_ctest -L '^unit$'; }
stage_integration() { run_ctest -LE '^(unit|lint)$'; }

# Scripts of their own; each ends with `N passed, N failed`.
stage_conformance() { use_node && tests/conformance/run.sh; }
stage_browser() { use_node && tests/web/run.sh; }
stage_package() { installer/deb/test.sh; }
stage_docs() { python3 tests/docs/check_commands.py; }

if [ -n "$only_stage" ]; then
    "stage_$only_stage"
    exit
fi

# ---- running and counting ----------------------------------------------------------------------------------------------

results=() # one line a stage: result passed failed seconds name
broken=no  # a stage that all later ones stand on has failed
stage_pid=''

# run_stage NAME LIMIT_SECONDS: the stage in a process group of its own, under a time limit, its output to us and to a log.
run_stage() {
    local name=$1 limit=$2 log=$logs/$1.log started=$SECONDS status=0 passed failed options=()
    if [ "$broken" = yes ]; then
        results+=("not-run 0 1 0 $name")
        return 1
    fi
    printf '\n'
    say "${bold}$name${plain}"
    [ "$preset" != release ] && options+=("--$preset")
    timeout --kill-after=20 "$limit" bash "$KONTOR_ROOT/tests/run.sh" "${options[@]}" \
        --stage "$name" "$ctest_filter" "$only_lint" </dev/null > >(tee "$log") 2>&1 &
    stage_pid=$!
    wait "$stage_pid" || status=$?
    stage_pid=''
    # The tee behind the redirection may be a moment late.
    sleep 0.2
    [ "$status" = 124 ] && printf '%s\n' "${red}stopped:${plain} $name did not finish within $limit s"
    read -r passed failed < <(count_tests "$log" "$status")
    case $name in deps | build) passed=0 ;; esac # preparations, not tests
    if [ "$status" = 0 ] && [ "$failed" = 0 ]; then
        results+=("ok $passed 0 $((SECONDS - started)) $name")
        return 0
    fi
    [ "$failed" = 0 ] && failed=1
    results+=("FAILED $passed $failed $((SECONDS - started)) $name")
    return 1
}

# count_tests LOG STATUS: "passed failed", from the closing lines of ctest and Vitest and from the plain line
# `N passed, N failed` that our own scripts end with. A stage without any such line is one test: its exit code.
count_tests() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk -v status="$2" '
        function number_before(word) { return match($0, "[0-9]+ " word) ? substr($0, RSTART, RLENGTH) + 0 : 0 }
        /tests passed, [0-9]+ tests? failed out of [0-9]+/ {
            bad = number_before("tests? failed"); failed += bad; passed += $NF - bad; seen = 1
        }
        /^ *Tests +[0-9]+ (passed|failed)/ {
            passed += number_before("passed"); failed += number_before("failed"); seen = 1
        }
        /^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; seen = 1 }
        END {
            if (!seen) { passed = (status == 0); failed = (status != 0) }
            print passed + 0, failed + 0
        }'
}

summary() {
    local line result passed failed seconds name total_passed=0 total_failed=0
    printf '\n%-14s %-8s %8s %8s %8s\n' stage result passed failed seconds
    printf '%s\n' '-------------- -------- -------- -------- --------'
    for line in "${results[@]}"; do
        read -r result passed failed seconds name <<<"$line"
        printf '%-14s %-8s %8d %8d %8d\n' "$name" "$result" "$passed" "$failed" "$seconds"
        total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
    done
    printf '%-14s %-8s %8d %8d %8d\n\n' total '' "$total_passed" "$total_failed" "$SECONDS"
    [ "$total_failed" != 0 ] && printf 'logs: %s\n' "$logs"
    if [ -n "$filter" ] && [ "$ran_tests" = no ]; then
        printf '%s\n' "no test matches '$filter'"
        total_failed=$((total_failed + 1))
    fi
    printf '%d passed, %d failed\n' "$total_passed" "$total_failed"
    [ "$total_failed" = 0 ]
}

# Ctrl-C: `timeout` hands the signal on to everything the stage started.
interrupted() {
    [ -n "$stage_pid" ] && kill -TERM "$stage_pid" 2>/dev/null && wait "$stage_pid"
    printf '\ninterrupted\n'
    exit 130
}
trap interrupted INT TERM

# ---- which stages ------------------------------------------------------------------------------------------------------

ran_tests=no
test_stage() { # NAME LIMIT_SECONDS: unless the filter leaves it out
    if [ -z "$stage_filter" ] || [[ $1 =~ $stage_filter ]]; then
        ran_tests=yes
        run_stage "$@"
    fi
}
# Does the build hold a C++ test that the filter asks for? Without a filter the answer is yes: a stage that finds none of
# its tests fails, so that nothing is left out silently. (When the build is broken the stage is listed as not run.)
has_ctest() {
    [ -z "$ctest_filter" ] || [ "$broken" = yes ] ||
        [[ $(ctest --test-dir "build/$preset" -N -R "$ctest_filter" "$@" 2>/dev/null) =~ Test\ *# ]]
}

# A filter that matches the name of a stage selects stages; any other selects C++ tests.
stage_filter=''
if [ -n "$filter" ]; then
    for name in lint unit integration web conformance browser package docs; do
        [[ $name =~ $filter ]] && stage_filter=$filter
    done
    if [ -z "$stage_filter" ]; then ctest_filter=$filter stage_filter='^(lint|unit|integration)$'; fi
fi

[ "$stage_filter" = lint ] && only_lint=yes
run_stage deps 1800 || broken=yes
run_stage build $((2700 * slow)) || broken=yes
has_ctest -L '^lint$' && test_stage lint 300
has_ctest -L '^unit$' && test_stage unit $((1200 * slow))
if [ -f tests/integration/CMakeLists.txt ]; then
    has_ctest -LE '^(unit|lint)$' && test_stage integration $((1800 * slow))
fi
if [ "$sanitized" = no ] && [ -z "$ctest_filter" ] && [ -f web/package.json ]; then test_stage web 300; fi
if [ "$sanitized" = no ] && [ "$quick" = no ] && [ -z "$ctest_filter" ]; then
    [ -x tests/conformance/run.sh ] && test_stage conformance 900
    [ -x tests/web/run.sh ] && test_stage browser 600
    [ -x installer/deb/test.sh ] && test_stage package 600
    [ -f tests/docs/check_commands.py ] && test_stage docs 300
fi
summary
