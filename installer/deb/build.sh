#!/bin/bash
# Makes build/kontor_VERSION_ARCH.deb from the release build; needs nothing but dpkg-deb.
#   installer/deb/build.sh [BINARY]
set -euo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$KONTOR_ROOT"

binary=${1:-${KONTOR_BINARY:-build/release/app/kontor}}
[ -x "$binary" ] || die "there is no $binary" "Build it first: ./installer/try.sh --once, or cmake --build build/release."
version=$(sed -n 's/^project(kontor VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
[ -n "$version" ] || die "CMakeLists.txt names no version"
architecture=$(dpkg --print-architecture)

# The promise of one file: nothing but glibc, libstdc++ and OpenSSL is loaded from the system.
strangers=$(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -Ev '^(libc|libm|libstdc\+\+|libgcc_s|libssl|libcrypto|ld-linux-.*)\.so\.[0-9]+$' || true)
[ -z "$strangers" ] || die "the binary needs shared libraries that it should contain:" "$strangers"

root=build/deb/kontor
rm -rf build/deb
install -d "$root/DEBIAN" "$root/usr/bin" "$root/etc/kontor" "$root/lib/systemd/system" \
    "$root/usr/share/doc/kontor" "$root/usr/share/man/man1"
install -m 0755 "$binary" "$root/usr/bin/kontor"
strip --strip-unneeded "$root/usr/bin/kontor"
install -m 0644 config/kontor.toml "$root/etc/kontor/kontor.toml"
install -m 0644 installer/deb/kontor.service "$root/lib/systemd/system/kontor.service"
install -m 0644 installer/deb/copyright README.md "$root/usr/share/doc/kontor/"
gzip -9nc CHANGELOG.md >"$root/usr/share/doc/kontor/changelog.gz"
gzip -9nc installer/deb/kontor.1 >"$root/usr/share/man/man1/kontor.1.gz"
for script in postinst prerm postrm; do install -m 0755 "installer/deb/$script" "$root/DEBIAN/$script"; done
echo /etc/kontor/kontor.toml >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<CONTROL
Package: kontor
Version: $version
Architecture: $architecture
Maintainer: The Kontor authors <kontor@localhost>
Section: net
Priority: optional
Installed-Size: $(du -ks --exclude=DEBIAN "$root" | cut -f1)
Depends: libc6 (>= 2.36), libgcc-s1 (>= 12), libstdc++6 (>= 12), libssl3 (>= 3.0.0), passwd, init-system-helpers
Suggests: systemd
Description: payment platform in one binary
 HTTPS API that merchants integrate with client libraries they already own, a double-entry ledger, webhooks, reports
 and an admin web page. No database server, message broker or cache server is needed.
 .
 The package starts nothing before it is set up.
CONTROL
(cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
package=build/kontor_${version}_${architecture}.deb
# The same input gives the same package, byte for byte.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)} \
    dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
ok "$package ($(du -h "$package" | cut -f1))"
