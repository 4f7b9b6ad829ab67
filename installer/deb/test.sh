#!/bin/bash
# Builds the package and installs, upgrades, removes and purges it in a throw-away Debian root.
# Needs root (chroot). The last line is `N passed, N failed`.
set -uo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$KONTOR_ROOT" || exit 2

passed=0 failed=0
check() { # DESCRIPTION COMMAND...: passes when the command succeeds
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        ok "$what"
        passed=$((passed + 1))
    else
        printf '%s\n' "${red:-}FAILED${plain:-}  $what" "$output" | head -n 30
        failed=$((failed + 1))
    fi
}
finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
    exit
}
if [ "$(id -u)" != 0 ]; then
    printf '%s\n' "${red}SKIPPED: installing a package needs root.${plain} Run: sudo installer/deb/test.sh"
    [ -n "${CI:-}" ] && failed=1
    finish
fi

# ---- a minimal Debian, made once; every run works on a copy of it ------------------------------------------------------
base=$KONTOR_ROOT/build/package-test/base root=$KONTOR_ROOT/build/package-test/root
mkdir -p build/package-test
if [ ! -f "$base.complete" ]; then
    rm -rf "$base"
    # shellcheck disable=SC2016  # $(SITE) is for apt
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | sed -n 1p)
    quietly "a minimal Debian for the package test (about a minute, once)" build/logs/package-debootstrap.log \
        debootstrap --variant=minbase --include=libssl3,systemd bookworm "$base" "$mirror" || { failed=1; finish; }
    touch "$base.complete"
fi
unmount() { mountpoint -q "$root/proc" && umount "$root/proc"; }
trap unmount EXIT
unmount
rm -rf "$root"
cp -a "$base" "$root"
mount -t proc proc "$root/proc" || { failed=1; finish; }
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb "$@"; }
as_kontor() { inside setpriv --reuid=kontor --regid=kontor --clear-groups -- "$@"; }

# ---- build ----------------------------------------------------------------------------------------------------------
check "the package builds" installer/deb/build.sh
[ "$failed" = 0 ] || finish
package=$(ls -t build/kontor_*.deb | head -n 1)
version=$(dpkg-deb --field "$package" Version)
cp "$package" "$root/tmp/kontor.deb"
first_sum=$(sha256sum <"$package")
same_again() { SOURCE_DATE_EPOCH=1700000000 installer/deb/build.sh && first_sum=$(sha256sum <"$package") &&
    SOURCE_DATE_EPOCH=1700000000 installer/deb/build.sh && [ "$(sha256sum <"$package")" = "$first_sum" ]; }
check "the same input gives the same package" same_again

# ---- install --------------------------------------------------------------------------------------------------------
mode_is() { [ "$(inside stat -c '%a %U:%G' "$1")" = "$2" ] || { inside stat -c '%n %a %U:%G' "$1"; false; }; }
equals() { [ "$1" = "$2" ] || { printf 'found: %s\nwanted: %s\n' "$1" "$2"; false; }; }
absent() { [ ! -e "$root$1" ] || { ls -ld "$root$1"; false; }; }
check "dpkg installs it" inside dpkg -i /tmp/kontor.deb
check "kontor --version says $version" bash -c "chroot '$root' kontor --version | grep -F '$version'"
check "the binary finds all its libraries" bash -c "! chroot '$root' ldd /usr/bin/kontor | grep 'not found'"
check "the user kontor exists, with no shell" \
    equals "$(inside getent passwd kontor | cut -d: -f6,7)" "/var/lib/kontor:/usr/sbin/nologin"
check "the state folder is the user's alone" mode_is /var/lib/kontor "700 kontor:kontor"
check "the state folder is empty: nothing has run" equals "$(ls -A "$root/var/lib/kontor")" ""
check "the configuration cannot be read by everybody" mode_is /etc/kontor/kontor.toml "640 root:kontor"
check "the key cannot be read by everybody" mode_is /etc/kontor/secrets.key "640 root:kontor"
check "the configuration as shipped is right, read as the user" \
    as_kontor kontor config check --config /etc/kontor/kontor.toml
check "the configuration as shipped is the documented example" \
    bash -c "chroot '$root' kontor config example | diff - '$root/etc/kontor/kontor.toml'"
check "the unit is not enabled" equals "$(inside systemctl --root=/ is-enabled kontor 2>/dev/null)" disabled
check "nothing is running" bash -c "! grep -sl '^Name:[[:space:]]*kontor$' /proc/[0-9]*/status | xargs -r dirname |
    xargs -r -I{} readlink {}/exe | grep -F '$root/'"
check "systemd finds no fault in the unit" inside systemd-analyze verify --man=no kontor.service
check "the unit is hardened (systemd's exposure score at most 2.0)" \
    inside systemd-analyze security --offline=yes --threshold=20 kontor.service
check "documentation is there" bash -c "cd '$root/usr/share' && ls doc/kontor/copyright doc/kontor/changelog.gz man/man1/kontor.1.gz"
inside sh -c 'cd / && md5sum --quiet -c /var/lib/dpkg/info/kontor.md5sums' >/dev/null 2>&1
check "files are as packed" equals "$?" 0

# ---- it runs, as its user, with the configuration as shipped ------------------------------------------------------------
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
serve_once() { # starts it, waits until it is ready, asks it, stops it
    local pid status=0 i
    # Spelled out, because a function in the background is a shell around it, and the signal would end only that.
    chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin setpriv --reuid=kontor --regid=kontor --clear-groups -- \
        kontor serve --config /etc/kontor/kontor.toml --set https.port="$port" --json >"$root/tmp/serve.log" 2>&1 &
    pid=$!
    for ((i = 0; i < 300; i++)); do
        grep -q '"event":"ready"' "$root/tmp/serve.log" && break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    grep -q '"admin_url":"https://' "$root/tmp/serve.log" || status=1
    curl -sS --cacert "$root/var/lib/kontor/tls/ca.pem" -o "$root/tmp/ready" "https://127.0.0.1:$port/readyz" || status=1
    inside kontor verify --config /etc/kontor/kontor.toml || status=1
    kill -TERM "$pid" # chroot, env and setpriv have become kontor itself
    wait "$pid" || status=1
    grep -q '"event":"stopped"' "$root/tmp/serve.log" || status=1
    [ "$status" = 0 ] || cat "$root/tmp/serve.log"
    return "$status"
}
check "it serves as its user, offers the set-up link, verifies, and stops cleanly" serve_once
check "what it wrote belongs to its user alone" equals \
    "$(inside find /var/lib/kontor \( -not -user kontor -o -not -group kontor \) -print)" ""

# ---- what an operator does next, then an upgrade ----------------------------------------------------------------------
key_sum=$(sha256sum <"$root/etc/kontor/secrets.key")
echo '# changed by the operator' >>"$root/etc/kontor/kontor.toml"
inside sh -c 'echo 1 >/var/lib/kontor/ledger && chown kontor: /var/lib/kontor/ledger'
check "installing again keeps what the operator changed" inside dpkg -i --force-confold /tmp/kontor.deb
check "the key is never made anew" equals "$(sha256sum <"$root/etc/kontor/secrets.key")" "$key_sum"
check "the change in the configuration is kept" grep -q 'changed by the operator' "$root/etc/kontor/kontor.toml"
check "an unknown key in the configuration is refused with exit code 2" bash -c "
    sed '1i no_such_key = 1' '$root/etc/kontor/kontor.toml' >'$root/tmp/bad.toml'
    chroot '$root' kontor config check --config /tmp/bad.toml; [ \$? = 2 ]"

# ---- remove keeps the data, purge leaves nothing -----------------------------------------------------------------------
check "dpkg removes it" inside dpkg -r kontor
check "the binary and the unit are gone" bash -c "[ ! -e '$root/usr/bin/kontor' ] && [ ! -e '$root/lib/systemd/system/kontor.service' ]"
check "data, configuration and key are kept" \
    ls "$root/var/lib/kontor/ledger" "$root/etc/kontor/kontor.toml" "$root/etc/kontor/secrets.key"
check "dpkg purges it" inside dpkg -P kontor
check "purge: no data" absent /var/lib/kontor
check "purge: no configuration and no key" absent /etc/kontor
check "purge: no user" bash -c "! chroot '$root' getent passwd kontor && ! chroot '$root' getent group kontor"
leftovers() { # everything that is in the root now and was not in the base
    diff <(cd "$base" && find . -xdev -not -path './proc/*' | sort) <(cd "$root" && find . -xdev -not -path './proc/*' | sort) |
        grep '^>' | grep -vE '^> \./(tmp/|run/|var/log/|var/cache/|var/lib/(dpkg|systemd)/|etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|etc/\.pwd\.lock)'
}
check "purge: nothing else is left behind" equals "$(leftovers)" ""
unmount
trap - EXIT
rm -rf "$root"
finish
