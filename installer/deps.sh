#!/bin/bash
# Installs what Kontor needs to be built (--build), tested (--test), or both (--all), on Debian 12.
# Safe to run again: what is there is not touched, and a second run takes less than a second.
set -euo pipefail
# shellcheck source=installer/lib.sh
. "$(dirname "$0")/lib.sh"

# Compiler and tools, then the libraries (linked statically except glibc, libstdc++ and OpenSSL).
build_packages=(
    g++ cmake ninja-build ccache mold pkg-config git ca-certificates protobuf-compiler brotli xz-utils
    libboost1.81-dev libssl-dev liblmdb-dev libsqlite3-dev libprotobuf-dev libzstd-dev libsodium-dev libcli11-dev
    libtomlplusplus-dev rapidjson-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libqrcodegencpp-dev zlib1g-dev
    libxxhash-dev libjemalloc-dev
)
# Debian's own libraft 0.15 is not safe for money (docs/ARCHITECTURE.md); this one package comes from backports.
raft_package=libraft-dev raft_version=0.22.1

test_packages=(
    libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev clang-format shellcheck python3 openssl curl jq procps
    chromium fonts-noto-cjk debootstrap iproute2 nginx-light python3-stripe
)

usage() {
    cat <<'TEXT'
usage: installer/deps.sh [--build | --test | --all]
  --build   what building the binary and the web pages needs (the default)
  --test    what the tests need on top
  --all     both
TEXT
}

want_build=yes want_test=no
case ${1:---build} in
    --build) ;;
    --test) want_build=no want_test=yes ;;
    --all) want_test=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
esac

# shellcheck source=/dev/null
[ -r /etc/os-release ] && . /etc/os-release
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
    die "this script knows Debian 12, and this is ${PRETTY_NAME:-another system}" \
        "Install by hand: ${build_packages[*]} and $raft_package >= $raft_version"
fi

# missing PACKAGE...: those of them that are not installed.
missing() {
    local have
    have=$(dpkg-query --show --showformat='${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p') || true
    comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$have" | sort -u)
}

raft_is_good() {
    local have
    have=$(dpkg-query --show --showformat='${Version}' "$raft_package" 2>/dev/null) &&
        dpkg --compare-versions "$have" ge "$raft_version"
}

lists_updated=no
update_lists() {
    [ "$lists_updated" = yes ] && return 0
    # A password is asked for now, not below a line of progress.
    [ "$(id -u)" = 0 ] || as_root true
    # One source of several that does not answer need not matter; if it does, the installation says so.
    quietly "apt: reading the package lists" "$logs/apt-update.log" as_root apt-get update -q || true
    lists_updated=yes
}

# Another apt may be at work, on a new machine above all: wait for it instead of failing.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

install_packages() { # LABEL PACKAGE...
    local label=$1
    shift
    update_lists
    quietly "$label" "$logs/apt-install.log" apt_install "$@" ||
        die "apt-get install failed" "Is the machine online, and are its package sources right?"
}

# The backports suite, from the mirror that this machine already uses: no host is named here.
add_backports() {
    local suite=${VERSION_CODENAME}-backports list=/etc/apt/sources.list.d/kontor-backports.list known mirror keyring options=''
    # shellcheck disable=SC2016  # $(CODENAME) and $(SITE) are for apt
    known=$(apt-get indextargets --format '$(CODENAME)' "Created-By: Packages" 2>/dev/null | sort -u)
    if ! grep -qx "$suite" <<<"$known"; then
        # shellcheck disable=SC2016
        mirror=$(apt-get indextargets --format '$(SITE)' "Created-By: Packages" "Codename: $VERSION_CODENAME" \
            "Component: main" 2>/dev/null | sed -n 1p)
        [ -n "$mirror" ] || die "apt knows no mirror of $VERSION_CODENAME" "Check /etc/apt/sources.list.d."
        keyring=/usr/share/keyrings/debian-archive-keyring.gpg
        [ -r "$keyring" ] && options="[signed-by=$keyring] "
        say "apt: adding $suite (for $raft_package only) as $list"
        printf 'deb %s%s %s main\n' "$options" "$mirror" "$suite" | as_root tee "$list" >/dev/null
    fi
    if [ -f "$list" ]; then
        # Only this list: the others are fresh.
        quietly "apt: reading the list of $suite" "$logs/apt-update-backports.log" \
            as_root apt-get update -q -o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=- \
            -o APT::Get::List-Cleanup=0 || die "apt-get update of $suite failed"
    else
        update_lists
    fi
}

# Debian 12 ships Node 18; Vite 8 needs 20.19. The registry package of Node's own binary, pinned in a lock file, is
# installed into build/node with Debian's npm. Nothing outside the build folder changes.
bring_node() {
    local target=$KONTOR_ROOT/build/node absent
    node_is_good && return 0
    # A subshell: what use_node changes there is forgotten.
    if [ -x "$target/bin/node" ] && (use_node) 2>/dev/null &&
        cmp -s "$KONTOR_ROOT/installer/node/package-lock.json" "$target/package-lock.json"; then
        return 0
    fi
    if ! command -v npm >/dev/null; then
        mapfile -t absent < <(missing nodejs npm)
        install_packages "apt: Debian's Node.js and npm (they bring the Node.js that the web build needs)" "${absent[@]}"
    fi
    mkdir -p "$target"
    cp "$KONTOR_ROOT"/installer/node/package*.json "$target/"
    quietly "npm: Node.js 20 into build/node" "$logs/npm-node.log" \
        npm --prefix "$target" ci --no-audit --no-fund --loglevel=error || die "npm could not bring Node.js 20"
    # Links of our own: npm makes none where two optional packages (one per processor) offer the same name.
    mkdir -p "$target/bin"
    (cd "$target/bin" && ln -sf ../node_modules/node-linux-*/bin/node node)
    ln -sf ../node_modules/npm/bin/npm-cli.js "$target/bin/npm"
    ln -sf ../node_modules/npm/bin/npx-cli.js "$target/bin/npx"
    (use_node)
}

logs=$KONTOR_ROOT/build/logs
mkdir -p "$logs"
started=$SECONDS
packages=()
[ "$want_build" = yes ] && packages+=("${build_packages[@]}")
[ "$want_test" = yes ] && packages+=("${test_packages[@]}")
mapfile -t absent < <(missing "${packages[@]}")
if [ ${#absent[@]} -gt 0 ]; then
    install_packages "apt: installing ${#absent[@]} packages (a few minutes on a new machine)" "${absent[@]}"
fi
if [ "$want_build" = yes ]; then
    if ! raft_is_good; then
        [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$raft_package" 2>/dev/null)" ] && note "the installed $raft_package is too old"
        update_lists
        add_backports
        quietly "apt: $raft_package from backports" "$logs/apt-raft.log" \
            apt_install -t "$VERSION_CODENAME-backports" "$raft_package" || die "no $raft_package to be had"
        raft_is_good || die "$raft_package $raft_version or newer was not found in $VERSION_CODENAME-backports"
    fi
    bring_node
fi
ok "everything needed is installed ($((SECONDS - started)) s)"
