#!/bin/bash
# kontor beside two yardsticks, on the same machine, in the same run, one after the other in turns:
#   nginx        a constant answer over TLS, keep-alive, two workers: what a request costs when nothing is done
#   PostgreSQL   a stored procedure for an idempotent double-entry transfer, committed to disk: what a database costs
# Installs nginx and postgresql from Debian when they are missing, runs them in a temporary folder, and ends them.
#
#   tests/bench/compare.sh [--duration SECONDS] [--rounds N] [--accounts N] [--connections N] [--json] [SCENARIO...]
#
# SCENARIO: any of get reads payments transfers batches hot (default: all). Medians of the rounds. KONTOR_BINARY names
# the binary (default build/release/app/kontor). The last line of --json is one object.
set -euo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/../../installer/lib.sh"
here=$KONTOR_ROOT/tests/bench
kontor=${KONTOR_BINARY:-$KONTOR_ROOT/build/release/app/kontor}

duration=15 rounds=3 accounts=1000000 connections=64 json=no scenarios=()
batch=8192 batch_clients=2
while [ $# -gt 0 ]; do
    case $1 in
        --duration) duration=${2%s} && shift ;;
        --rounds) rounds=$2 && shift ;;
        --accounts) accounts=$2 && shift ;;
        --connections) connections=$2 && shift ;;
        --json) json=yes ;;
        -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit 0 ;;
        -*) die "unknown option $1" "See tests/bench/compare.sh --help." ;;
        *) scenarios+=("$1") ;;
    esac
    shift
done
[ ${#scenarios[@]} != 0 ] || scenarios=(get reads payments transfers batches hot)
[ -x "$kontor" ] || die "there is no $kontor" "Build it first: ./installer/try.sh --once"

# ---- what it needs -----------------------------------------------------------------------------------------------------

# Debian starts a service when it is installed. These two are only wanted as programs.
install_yardsticks() {
    local policy=/usr/sbin/policy-rc.d made=no
    as_root true
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made=yes
    fi
    quietly "apt: reading the package lists" "$work/apt-update.log" as_root apt-get update -q || true
    local status=0
    quietly "apt: installing $*" "$work/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" || status=$?
    [ "$made" = no ] || as_root rm -f "$policy"
    [ "$status" = 0 ] || die "the yardsticks could not be installed"
    if [ -d /run/systemd/system ]; then
        as_root systemctl disable --quiet nginx.service postgresql.service || true
    fi
}

postgres_bin() { find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname; }

# The temporary folder is on the same disk as the databases' usual places: /tmp may be in memory.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/kontor-compare-XXXXXX")
chmod 755 "$work"
nginx_pid='' postgres_pid=''
# shellcheck disable=SC2317  # called by the trap
cleanup() {
    local pid
    trap '' INT TERM # a second signal must not leave something behind
    [ -z "$nginx_pid" ] || kill "$nginx_pid" 2>/dev/null || true
    # At once: its data goes anyway.
    [ -z "$postgres_pid" ] || kill -QUIT "$postgres_pid" 2>/dev/null || true
    for pid in $nginx_pid $postgres_pid; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work" 2>/dev/null || as_root rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

missing=()
PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || missing+=(nginx-light)
[ -n "$(postgres_bin)" ] || missing+=(postgresql)
for tool in jq openssl python3; do command -v "$tool" >/dev/null || missing+=("$tool"); done
[ ${#missing[@]} = 0 ] || install_yardsticks "${missing[@]}" >&2
pg=$(postgres_bin)

# ---- nginx -------------------------------------------------------------------------------------------------------------

start_nginx() {
    local port tries answer
    # A payment in JSON is 1,172 bytes.
    answer=$(printf '{"object":"constant","filler":"%s"}' "$(printf 'x%.0s' {1..1139})")
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -p "$work/nginx/tmp"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' -keyout "$work/nginx/key.pem" \
        -out "$work/nginx/cert.pem" 2>/dev/null
    sed -e "s|@WORK@|$work/nginx|g" -e "s|@PORT@|$port|g" -e "s|@ANSWER@|$answer|" "$here/nginx.conf" >"$work/nginx/nginx.conf"
    nginx -e "$work/nginx/error.log" -p "$work/nginx" -c "$work/nginx/nginx.conf" &
    nginx_pid=$!
    nginx_url=https://127.0.0.1:$port
    for ((tries = 0; tries < 100; tries++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
        sleep 0.1
    done
    die "nginx did not start" "$(tail -n 5 "$work/nginx/error.log")"
}

# ---- PostgreSQL --------------------------------------------------------------------------------------------------------

# It refuses to run as root; then it runs as the package's own user. A prefix and no function: a function in the
# background would be a shell between us and the process that we must end.
as_postgres=()
[ "$(id -u)" != 0 ] || as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
sql() { "${as_postgres[@]}" "$pg/psql" -X -q -v ON_ERROR_STOP=1 -h "$work/pg" -U kontor -d postgres "$@"; }

start_postgres() {
    local tries
    mkdir "$work/pg"
    [ "$(id -u)" != 0 ] || chown postgres: "$work/pg"
    "${as_postgres[@]}" "$pg/initdb" -D "$work/pg/data" -U kontor --auth=trust --no-locale -E UTF8 >"$work/initdb.log" 2>&1 ||
        die "initdb failed" "$(tail -n 5 "$work/initdb.log")"
    # Generous memory, large log, and every commit on disk before its answer: as a careful operator would have it.
    "${as_postgres[@]}" "$pg/postgres" -D "$work/pg/data" -k "$work/pg" -c listen_addresses='' -c shared_buffers=2GB \
        -c synchronous_commit=on -c fsync=on -c full_page_writes=on -c wal_compression=lz4 -c wal_level=minimal \
        -c max_wal_senders=0 -c max_wal_size=8GB -c checkpoint_timeout=5min -c max_connections=100 -c jit=off \
        -c work_mem=64MB -c wal_buffers=64MB >"$work/postgres.log" 2>&1 &
    postgres_pid=$!
    for ((tries = 0; tries < 300; tries++)); do
        sql -c 'select 1' >/dev/null 2>&1 && break
        sleep 0.1
    done
    sql -v accounts="$accounts" <"$here/postgres.sql" >"$work/schema.log" 2>&1 ||
        die "the tables of PostgreSQL could not be made" "$(tail -n 5 "$work/schema.log")"
}

# run_pgbench SCRIPT CLIENTS OPERATIONS: {"rate":…,"errors":…,"p50_ms":…,"p99_ms":…}, operations for each call of the script.
run_pgbench() {
    local script=$1 clients=$2 operations=$3 out latencies
    latencies=$work/pg/latencies
    rm -f "$latencies".*
    out=$(cd "$work/pg" && "${as_postgres[@]}" "$pg/pgbench" -n -h "$work/pg" -U kontor -M prepared -c "$clients" -j 1 \
        -T "$duration" -l --log-prefix="$latencies" -D accounts="$accounts" -D batch="$batch" -D n=0 \
        -D run="$(date +%s%N)" -f /dev/stdin postgres <"$script" 2>"$work/pgbench.log") ||
        die "pgbench failed" "$(tail -n 5 "$work/pgbench.log")"
    # What it still has to write is written now and not in the next one's turn.
    sql -c checkpoint
    cat "$latencies".* | awk '{ print $3 }' | sort -n >"$work/sorted"
    awk -v operations="$operations" -v tps="$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$out")" \
        -v failed="$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' <<<"$out")" '
        { at[NR] = $1 }
        END {
            p50 = at[int((NR + 1) / 2)]; p99 = at[int(NR * 0.99 + 0.999999)]
            printf "{\"rate\":%.1f,\"errors\":%d,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", tps * operations, failed, p50 / 1000, p99 / 1000
        }' "$work/sorted"
}

# ---- the rounds --------------------------------------------------------------------------------------------------------

results=$work/results.jsonl
: >"$results"
failures=0
# measure NAME COMMAND...: its last line is a result; written down under this name.
measure() {
    local name=$1 line
    shift
    line=$("$@" 2>"$work/measure.log" | tail -n 1) || true
    if [ -z "$line" ] || ! jq -e 'has("rate") and .rate > 0' >/dev/null 2>&1 <<<"$line"; then
        printf '%s\n' "${red}failed${plain} $name: $(tail -n 2 "$work/measure.log")" >&2
        failures=$((failures + 1))
        return 0
    fi
    jq -c --arg name "$name" '{name: $name, rate, errors, p50_ms, p99_ms}' <<<"$line" >>"$results"
    note "$(jq -r --arg name "$name" '"\($name): \(.rate | floor) a second, p99 \(.p99_ms) ms, \(.errors) errors"' <<<"$line")" >&2
}
bench() { "$kontor" bench "$@" --json --duration "${duration}s" --warmup 2s --folder "$work"; }

wants() { [[ " ${scenarios[*]} " == *" $1 "* ]]; }
round() {
    local scenario
    measure nginx "$kontor" bench get --json --duration "${duration}s" --warmup 2s --connections "$connections" \
        --url "$nginx_url" --ca-file "$work/nginx/cert.pem" --path /answer
    for scenario in get reads payments; do
        wants "$scenario" && measure "$scenario" bench "$scenario" --connections "$connections"
    done
    if wants transfers; then
        measure transfers bench transfers --connections "$connections" --accounts "$accounts"
        measure pg-transfers run_pgbench "$here/postgres_transfer.sql" "$connections" 1
    fi
    for scenario in batches hot; do
        wants "$scenario" && measure "$scenario" bench "$scenario" --accounts "$accounts" --batch "$batch"
    done
    if wants batches; then
        measure pg-batches run_pgbench "$here/postgres_batch.sql" "$batch_clients" "$batch"
    fi
    return 0
}

# Medians, and each as a ratio to its yardsticks.
summarise() {
    jq -s -c --argjson duration "$duration" --argjson rounds "$rounds" --argjson accounts "$accounts" \
        --argjson connections "$connections" --arg load "$load" --arg cpus "$(nproc)" '
        def median: sort | if length % 2 == 1 then .[(length - 1) / 2] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
        group_by(.name) | map({key: .[0].name, value: {
            rate: (map(.rate) | median), p50_ms: (map(.p50_ms) | median), p99_ms: (map(.p99_ms) | median),
            errors: (map(.errors) | add), rounds: map(.rate)}}) | from_entries
        | . as $all
        | with_entries(.key as $name | .value |= (.
            + (if $all.nginx and $name != "nginx" and ($name | startswith("pg-") | not) and ($name | IN("batches", "hot") | not)
               then {of_nginx: (.rate / $all.nginx.rate)} else {} end)
            + (if ($name | IN("transfers", "payments")) and $all["pg-transfers"]
               then {of_postgres: (.rate / $all["pg-transfers"].rate)}
               elif ($name | IN("batches", "hot")) and $all["pg-batches"]
               then {of_postgres: (.rate / $all["pg-batches"].rate)} else {} end)))
        | {event: "comparison", duration_s: $duration, rounds: $rounds, accounts: $accounts, connections: $connections,
           cpus: ($cpus | tonumber), load_before: ($load | tonumber), results: .}' "$results"
}
table() {
    printf '%-34s %12s %9s %9s %7s %9s %9s\n' '' 'a second' 'p50 ms' 'p99 ms' errors '× nginx' '× PgSQL'
    jq -r '
        {nginx: "nginx, constant answer", get: "kontor, constant answer (/livez)", reads: "kontor, GET of a payment",
         payments: "kontor, payments", transfers: "kontor, transfers", "pg-transfers": "PostgreSQL, transfers",
         batches: "kontor, transfers in batches", hot: "kontor, batches on a hot account",
         "pg-batches": "PostgreSQL, transfers in batches"} as $titles
        | .results as $all
        | ["nginx", "get", "reads", "payments", "transfers", "pg-transfers", "batches", "hot", "pg-batches"][]
        | select($all[.]) | . as $name | $all[.]
        | [$titles[$name], (.rate | floor), .p50_ms, .p99_ms, .errors, (.of_nginx // "-"), (.of_postgres // "-")] | @tsv' |
        while IFS=$'\t' read -r title rate p50 p99 errors of_nginx of_postgres; do
            printf '%-34s %12d %9.2f %9.2f %7d %9s %9s\n' "$title" "$rate" "$p50" "$p99" "$errors" \
                "$(ratio "$of_nginx")" "$(ratio "$of_postgres")"
        done
}
ratio() { if [ "$1" = - ]; then printf -- -; else printf '%.2f' "$1"; fi; }

read -r load _ </proc/loadavg
say "starting nginx and PostgreSQL ($accounts accounts)" >&2
start_nginx
if wants transfers || wants batches; then start_postgres; fi
for ((number = 1; number <= rounds; number++)); do
    say "round $number of $rounds" >&2
    round
done
summary=$(summarise)
if [ "$json" = yes ]; then
    printf '%s\n' "$summary"
else
    table <<<"$summary"
    note "$rounds rounds of $duration s, medians; $(nproc) CPUs, load average before: $load; $connections connections, TLS (PostgreSQL: none)"
fi
[ "$failures" = 0 ]
