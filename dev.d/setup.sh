# shellcheck shell=bash
# Set-up: Debian packages and npm. Nothing here touches the network when nothing is missing.

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'dev: %s\n' "$*" >&2; exit 1; }

# One list per purpose; "a|b" means that either will do.
declare -A PACKAGES=(
    [build]="gcc g++ libc6-dev cmake ninja-build ccache pkg-config|pkgconf git ca-certificates
        libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev
        libcurl4-openssl-dev|libcurl4-gnutls-dev libhiredis-dev libcjson-dev libseccomp-dev libssl-dev
        libebur128-dev"
    [test]="libcmocka-dev redis-server ffmpeg binutils procps python3"
    [lint]="clang clang-format-14 clang-tidy-14 pmccabe universal-ctags shellcheck"
    [clang]="clang"
    [fuzz]="clang libclang-rt-14-dev"
    [slow]="valgrind"
    [roots]="debootstrap"
)

# missing_packages PACKAGE…: those that dpkg does not have installed
missing_packages() {
    local have entry found
    have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
    for entry in "$@"; do
        found=
        for name in ${entry//|/ }; do
            if grep -qxF "$name" <<<"$have"; then found=yes; fi
        done
        [ -n "$found" ] || printf '%s\n' "${entry%%|*}"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root (no sudo here): $*"
    fi
}

# need PURPOSE…: installs what is missing of those lists, and Node for the tests
need() {
    local wanted=() missing purpose
    for purpose in "$@"; do
        # shellcheck disable=SC2206 # the lists hold words
        wanted+=(${PACKAGES[$purpose]})
        if [ "$purpose" = test ] && ! node_is_usable; then wanted+=(nodejs npm); fi
    done
    missing=$(missing_packages "${wanted[@]}")
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086 # one word per package
    set -- $missing
    say "installing $# Debian packages: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o=Dpkg::Use-Pty=0 update >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o=Dpkg::Use-Pty=0 install -y \
        --no-install-recommends "$@" >&2 </dev/null
}

# Node 18 or newer with npm, from Debian or elsewhere
node_is_usable() {
    command -v npm >/dev/null &&
        node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null
}

# npm ci, only when the lock file differs from the one node_modules was made from
npm_sync() {
    local stamp=node_modules/.fettle-lock
    if cmp -s package-lock.json "$stamp"; then return 0; fi
    say "npm ci"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 </dev/null
    cp package-lock.json "$stamp"
}
