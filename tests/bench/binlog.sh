#!/bin/bash
# What a MariaDB sends to its replicas for the same work: bytes of its row binlog for each ledger transfer, beside Kontor's.
# Each transfer is a row of its own, and each account that a batch touched is changed once; batches of 8,192 by three statements
# in one transaction, as a batch of Kontor's is one entry: the best that it can do. Measured with the default row image (FULL), with
# MINIMAL, and what zstd makes of the latter (more than the compressed protocol would).
# Installs mariadb-server from Debian when it is missing, runs it in a temporary folder, and ends it.
#
#   tests/bench/binlog.sh [--batches N] [--accounts N] [--random-ids] [--json]
#
# The last line of --json is one object: bytes a transfer for each setting. Kontor's own figure: tests/bench/cluster.py.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/../../installer/lib.sh"

batches=20 accounts=100000 json=no random_ids=no
while [ $# -gt 0 ]; do
    case $1 in
        --batches) batches=$2 && shift ;;
        --accounts) accounts=$2 && shift ;;
        --random-ids) random_ids=yes ;;
        --json) json=yes ;;
        -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0" && exit 0 ;;
        *) die "unknown option $1" "See tests/bench/binlog.sh --help." ;;
    esac
    shift
done

work=$(mktemp -d "${TMPDIR:-/var/tmp}/kontor-binlog-XXXXXX")
chmod 755 "$work"
pid=''
# shellcheck disable=SC2317  # called by the trap
cleanup() {
    trap '' INT TERM
    [ -z "$pid" ] || { kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; } || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

PATH=$PATH:/usr/sbin
if ! command -v mariadbd >/dev/null || ! command -v zstd >/dev/null; then
    # Debian starts a service when it is installed; this one is only wanted as a program.
    as_root true
    policy=/usr/sbin/policy-rc.d made=no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made=yes
    fi
    quietly "apt: reading the package lists" "$work/apt-update.log" as_root apt-get update -q || true
    status=0
    quietly "apt: installing mariadb-server and zstd" "$work/apt.log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 mariadb-server zstd || status=$?
    [ "$made" = no ] || as_root rm -f "$policy"
    [ "$status" = 0 ] || die "mariadb-server could not be installed"
fi

as_mysql=()
[ "$(id -u)" != 0 ] || as_mysql=(setpriv --reuid=mysql --regid=mysql --clear-groups --)
[ "$(id -u)" != 0 ] || chown mysql: "$work"
"${as_mysql[@]}" mariadb-install-db --no-defaults --datadir="$work/data" --auth-root-authentication-method=normal \
    --skip-test-db >"$work/install.log" 2>&1 || die "mariadb-install-db failed" "$(tail -n 5 "$work/install.log")"
"${as_mysql[@]}" mariadbd --no-defaults --datadir="$work/data" --socket="$work/socket" --pid-file="$work/pid" --skip-networking \
    --log-bin="$work/data/binlog" --binlog-format=ROW --binlog-annotate-row-events=0 --server-id=1 --innodb-buffer-pool-size=1G \
    --innodb-flush-log-at-trx-commit=2 --max-binlog-size=1G >"$work/mariadb.log" 2>&1 &
pid=$!
sql() { mariadb --no-defaults --socket="$work/socket" -u root --batch --skip-column-names "$@"; }
for ((tries = 0; tries < 300; tries++)); do
    sql -e 'select 1' >/dev/null 2>&1 && break
    sleep 0.1
done

# Ids as Kontor's: 128 bits, for accounts counted up or random; the same figures of a transfer.
account_id="unhex(lpad(hex(n), 32, '0'))"
[ "$random_ids" = no ] || account_id='unhex(md5(n))'
sql <<SQL
create database bank;
use bank;
set sql_log_bin = 0;
create table accounts (id binary(16) primary key, ledger int unsigned not null, code smallint unsigned not null,
    debits_posted bigint unsigned not null default 0, credits_posted bigint unsigned not null default 0,
    user_data bigint unsigned not null default 0, created_at bigint unsigned not null) engine=innodb;
create table numbered (n int unsigned primary key, id binary(16) not null) engine=innodb;
create table transfers (id binary(16) primary key, debit_account binary(16) not null, credit_account binary(16) not null,
    amount bigint unsigned not null, ledger int unsigned not null, code smallint unsigned not null,
    flags smallint unsigned not null default 0, user_data bigint unsigned not null default 0,
    created_at bigint unsigned not null) engine=innodb;
insert into numbered select n, $account_id from (select seq as n from seq_1_to_$accounts) s;
insert into accounts (id, ledger, code, created_at) select id, 978, 1, n from numbered;
delimiter //
create procedure batch(in first bigint, in how_many int)
begin
    create or replace temporary table chosen as
        select seq as n, 1 + floor(rand() * $accounts) as debit, 1 + floor(rand() * $accounts) as credit,
            1 + floor(rand() * 1000) as amount from seq_0_to_8191 where seq < how_many;
    start transaction;
    insert into transfers (id, debit_account, credit_account, amount, ledger, code, created_at)
        select unhex(lpad(hex(first + c.n), 32, '0')), d.id, k.id, c.amount, 978, 1, 1800000000000000000 + first + c.n
        from chosen c join numbered d on d.n = c.debit join numbered k on k.n = c.credit order by c.n;
    update accounts a join (select d.id, sum(c.amount) as amount from chosen c join numbered d on d.n = c.debit group by d.id) s
        on s.id = a.id set a.debits_posted = a.debits_posted + s.amount;
    update accounts a join (select k.id, sum(c.amount) as amount from chosen c join numbered k on k.n = c.credit group by k.id) s
        on s.id = a.id set a.credits_posted = a.credits_posted + s.amount;
    commit;
end //
SQL

# bytes_a_transfer ROW_IMAGE ROUND [zstd]
bytes_a_transfer() {
    sql bank -e "flush binary logs"
    local call='' i
    for ((i = 0; i < batches; i++)); do call+="call batch($((($2 * batches + i) * 8192)), 8192);"; done
    sql bank -e "set session binlog_row_image = $1; $call"
    local file bytes
    file=$work/data/$(sql -e 'show binary logs' | tail -n 1 | cut -f 1)
    sql -e 'flush binary logs'
    if [ "${3:-}" = zstd ]; then bytes=$(zstd -q -3 -c "$file" | wc -c); else bytes=$(wc -c <"$file"); fi
    awk -v bytes="$bytes" -v n=$((batches * 8192)) 'BEGIN { printf "%.1f", bytes / n }'
}
full=$(bytes_a_transfer FULL 0)
minimal=$(bytes_a_transfer MINIMAL 1)
zstd=$(bytes_a_transfer MINIMAL 2 zstd)
if [ "$json" = yes ]; then
    printf '{"batches":%d,"accounts":%d,"random_ids":%s,"full":%s,"minimal":%s,"minimal_zstd":%s}\n' "$batches" \
        "$accounts" "$([ "$random_ids" = yes ] && echo true || echo false)" "$full" "$minimal" "$zstd"
else
    printf 'bytes of row binlog for each transfer: %s with full row images, %s with minimal ones, %s with zstd\n' \
        "$full" "$minimal" "$zstd"
fi
