#!/bin/bash
# Proves the two README commands on a machine where nothing was installed before: a minimal Debian 12 made by
# debootstrap, with this machine's package sources and a clone of the last commit.
#   tests/integration/fresh_machine.sh [--keep] [try|test|all]     needs root; 15 to 40 minutes; not part of tests/run.sh
# The last line is `N passed, N failed`.
set -uo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/../../installer/lib.sh"
cd "$KONTOR_ROOT" || exit 2

keep=no what=all
for argument in "$@"; do
    case $argument in
        --keep) keep=yes ;;
        try | test | all) what=$argument ;;
        *) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || die "making a root file system needs root" "Run: sudo tests/integration/fresh_machine.sh"
command -v debootstrap >/dev/null || die "debootstrap is missing" "Run installer/deps.sh --test first."

# Outside the work tree, so that nothing of it can be found by accident.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/kontor-fresh-XXXXXX")
root=$work/root
clean_up() {
    # What still runs inside (after Ctrl-C, say) was started by us, and so was everything mounted there; nothing of the
    # host is bound into the root.
    local mounted process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root" 2>/dev/null)" = "$root" ] && kill -KILL "${process#/proc/}"
    done
    while mounted=$(awk -v top="$root/" 'index($2, top) == 1 {print $2}' /proc/mounts | sort -r | head -n 1) && [ -n "$mounted" ]; do
        umount -l "$mounted" || break
    done
    if [ "$keep" = yes ]; then note "kept: chroot $root"; else rm -rf --one-file-system "$work"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say "a minimal Debian 12 in $root"
# shellcheck disable=SC2016  # $(SITE) is for apt
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | sed -n 1p)
[ -n "$mirror" ] || die "apt knows no mirror of bookworm" "Run apt-get update first."
quietly "debootstrap" "$work/debootstrap.log" debootstrap --variant=minbase bookworm "$root" "$mirror" || exit 1

# What an administrator sets on every machine of the house, and nothing else: package sources, trust, names, npm.
rm -f "$root/etc/apt/sources.list"
for path in sources.list sources.list.d auth.conf.d keyrings trusted.gpg.d; do
    [ -e "/etc/apt/$path" ] && cp -aT "/etc/apt/$path" "$root/etc/apt/$path"
done
rm -f "$root/etc/apt/sources.list.d/kontor-backports.list" # deps.sh has to add it by itself
apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/00acquire"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/usr/local/share/ca-certificates" "$root/etc/ssl/certs"
cp -a /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
[ -f /etc/ssl/certs/ca-certificates.crt ] && cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
[ -f "$HOME/.npmrc" ] && cp "$HOME/.npmrc" "$root/root/.npmrc"
mount -t proc proc "$root/proc" || exit 1
mkdir -p "$root/dev/shm" && chmod 1777 "$root/dev/shm"

git clone -q --depth 1 "file://$KONTOR_ROOT" "$root/src/kontor" || exit 1
note "commit $(git -C "$root/src/kontor" log -1 --format='%h %s')"

passed=0 failed=0
# inside LINE: a line of the README, typed into a shell of the new machine.
inside() {
    local line=$1 started=$SECONDS
    say "$line"
    if chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 CI=true \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
        bash -c "cd /src/kontor && $line" </dev/null; then
        ok "$line ($((SECONDS - started)) s)"
        passed=$((passed + 1))
    else
        printf '%s\n' "${red:-}FAILED${plain:-}  $line ($((SECONDS - started)) s)"
        failed=$((failed + 1))
    fi
}
[ "$what" = test ] || inside "./installer/try.sh"
[ "$what" = try ] || inside "./tests/run.sh"
clean() { [ -z "$(git -C "$root/src/kontor" status --porcelain)" ]; }
if clean; then
    ok "the work tree is as it was cloned"
    passed=$((passed + 1))
else
    git -C "$root/src/kontor" status --short
    failed=$((failed + 1))
fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
