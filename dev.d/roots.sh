# shellcheck shell=bash
# Bare Debian roots under .cache/ for ./dev test --debian13 and --fresh.

# The mirror this machine uses itself: the first URI of its own sources.
mirror() {
    local uri
    uri=$(sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] )?([^ ]+) .*/\2/p' \
        /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1)
    [ -n "$uri" ] || die "no Debian mirror in /etc/apt"
    printf '%s' "$uri"
}

# make_root NAME SUITE: a minimal root, kept as .cache/NAME.base, copied afresh to .cache/NAME
make_root() {
    local name=$1 suite=$2 base=.cache/$1.base root=.cache/$1
    [ "$(id -u)" -eq 0 ] || die "this needs root, for debootstrap and chroot"
    need roots
    mkdir -p .cache
    if [ ! -f "$base/.complete" ]; then
        rm -rf "$base"
        say "debootstrap $suite"
        debootstrap --variant=minbase --include=ca-certificates "$suite" "$base" "$(mirror)" \
            >".cache/$name.debootstrap.log" 2>&1 || {
            tail -20 ".cache/$name.debootstrap.log" >&2
            die "debootstrap failed"
        }
        : >"$base/.complete"
    fi
    rm -rf "$root"
    cp -a "$base" "$root"
    root_files "$root" "$suite"
}

# Sources of the same mirror with updates and security, and what the network here needs.
root_files() {
    local root=$1 suite=$2 uri
    uri=$(mirror)
    rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
    printf 'deb %s %s main\ndeb %s %s-updates main\ndeb %s-security %s-security main\n' \
        "$uri" "$suite" "$uri" "$suite" "$uri" "$suite" >"$root/etc/apt/sources.list"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
    cp -a /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
    if [ -f "${npm_config_userconfig:-$HOME/.npmrc}" ]; then
        cp -L "${npm_config_userconfig:-$HOME/.npmrc}" "$root/root/.npmrc"
    fi
    if [ -f "${NODE_EXTRA_CA_CERTS:-}" ]; then
        cp -L "$NODE_EXTRA_CA_CERTS" "$root/etc/extra-ca.crt"
    fi
    # Services of installed packages stay down in a chroot.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

# in_root ROOT COMMAND…: in a mount and PID name space of its own, so that nothing stays behind
in_root() {
    local root
    root=$(realpath "$1")
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --pid --fork --kill-child bash -c '
        set -e
        root=$1; shift
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        mount -t tmpfs tmpfs "$root/tmp"
        exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
            TERM=dumb CI="${CI:-}" ${http_proxy:+http_proxy="$http_proxy"} \
            ${https_proxy:+https_proxy="$https_proxy"} \
            ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/extra-ca.crt} "$@"
    ' _ "$root" "$@" </dev/null
}

# count_of LOG: tallies the closing line of a run inside a root
count_of() {
    local line
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$1" | tail -1 || true)
    [ -n "$line" ] || line="0 passed, 1 failed, 0 skipped"
    tally "$(sed -E 's/[^0-9]+/ /g' <<<"$line")"
}

# Unit and golden tests on FFmpeg 7.1.
root_debian13() {
    local root=.cache/trixie log=.cache/trixie.log
    make_root trixie trixie
    mkdir -p "$root/root/fettle"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$root/root/fettle"
    say "building and testing in a Debian 13 root"
    in_root "$root" bash -c "cd /root/fettle && ./dev test --unit" 2>&1 | tee "$log" || true
    count_of "$log"
}

# The two commands of the README, as root, on a Debian 12 that has nothing.
root_fresh() {
    local root=.cache/bookworm log=.cache/bookworm.log
    make_root bookworm bookworm
    git clone -q . "$root/root/fettle"
    say "./dev demo and ./dev test in a bare Debian 12 root"
    in_root "$root" bash -c 'cd /root/fettle && ./dev demo && ./dev test && echo "both ended well"' \
        2>&1 | tee "$log" || true
    count_of "$log"
    if ! grep -qx "both ended well" "$log"; then FAILED=$((FAILED + 1)); fi
}
