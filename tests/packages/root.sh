# shellcheck shell=bash
# root.sh - another Debian in a directory, with processes and mounts of its own, for tests of packages.
#
#     . "$(dirname "$0")/root.sh"; enter_root [NO_NETWORK]; inside COMMAND…; …; finish
#
# What Debian sends is kept in build/roots/ for the next time; the directory goes with $work. All that
# was started in it dies with it.
. "$(dirname "$0")/../lib.sh"
roots=$root/build/roots
guest=$work/guest

# skip_all WHY: ends the test, with one that was skipped.
skip_all() {
    skip 'packages' "$1"
    finish
}

[ "$(id -u)" -eq 0 ] || skip_all 'not root'
for tool in mmdebstrap unshare nsenter; do
    command -v "$tool" >/dev/null || skip_all "there is no $tool"
done

# fetch_root: build/roots/bookworm, a Debian of its essential packages.
fetch_root() {
    mkdir -p "$roots"
    (
        flock 9
        [ ! -e "$roots/bookworm.made" ] || exit 0
        rm -rf "$roots/bookworm"
        mmdebstrap --quiet --variant=minbase --include=ca-certificates --format=directory \
            bookworm "$roots/bookworm" http://deb.debian.org/debian >&2 && : >"$roots/bookworm.made"
    ) 9>"$roots/.lock"
}

# enter_root [no-network]: copies it to $guest and starts what keeps its namespaces.
enter_root() {
    fetch_root || skip_all 'Debian could not be fetched'
    cp -a "$roots/bookworm" "$guest"
    chmod 711 "$work"
    mkdir -p "$roots/archives"
    cp /etc/resolv.conf "$guest/etc/resolv.conf" 2>/dev/null
    unshare --mount --pid --fork --kill-child ${1:+--net} sh -c "
        mount -t proc proc '$guest/proc' && mount --rbind /dev '$guest/dev' &&
        mount --bind '$roots/archives' '$guest/var/cache/apt/archives' &&
        mount -t tmpfs tmpfs '$guest/run' && : >'$guest/run/entered' &&
        exec chroot '$guest' sleep infinity" </dev/null >/dev/null 2>&1 &
    pids+=($!)
    wait_for in_guest || skip_all 'no namespaces can be made here'
}
# The first process of the guest: the child of what we started.
in_guest() {
    init=$(pgrep -P "${pids[-1]}" | head -n 1)
    [ -n "$init" ] && [ "$(cat "/proc/$init/comm" 2>/dev/null)" = sleep ]
}

# inside COMMAND…: as root in it. as USER COMMAND…: as that user, in its home.
inside() {
    nsenter --target "$init" --mount --pid --net chroot "$guest" env -i HOME=/root LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}
as() {
    local user=$1
    shift
    # shellcheck disable=SC2016
    inside runuser -u "$user" -- sh -c 'HOME=$(getent passwd "$(id -un)" | cut -d : -f 6); export HOME; cd; exec "$@"' sh "$@"
}
