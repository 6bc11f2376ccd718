# shellcheck shell=bash
# mounts.sh - several hosts in one: FUSE mounts of one directory, each with a cache of its own.
#
#     . "$(dirname "$0")/mounts.sh"
#     share bindfs anna; share sshfs bert -o …; make_spool "$work/anna/spool"; …; cut_share anna; share …
#
# As over a NAS: no event crosses from one mount to the other, locks are granted to both, and what
# one wrote the other may see only later. sshfs talks to its server over a pipe, so nobody needs to
# listen anywhere; to the filesystem that is the same.
. "$(dirname "${BASH_SOURCE[0]}")/../hosts.sh"
disk=$work/disk
server=/usr/lib/openssh/sftp-server
mkdir -p "$disk"
declare -A share_pid=()

# is_mounted PATH: without asking the mount itself, which may not answer.
is_mounted() { grep -qF " $1 fuse" /proc/self/mounts; }

# share KIND HOST OPTION…: mounts $disk at $work/HOST. Fails when that does not work here.
share() {
    local kind=$1 at=$work/$2 host=$2
    shift 2
    mkdir -p "$at"
    case $kind in
    bindfs) bindfs -f "$@" "$disk" "$at" >"$work/$host.fuse" 2>&1 & ;;
    sshfs)
        printf '#!/bin/sh\necho $$ >%s\nexec %s\n' "$at.server" "$server" >"$at.ssh"
        chmod +x "$at.ssh"
        sshfs -f -o "ssh_command=$at.ssh" "$@" "nas:$disk" "$at" >"$work/$host.fuse" 2>&1 & ;;
    esac
    share_pid[$host]=$!
    wait_for eval "is_mounted $at || is_gone ${share_pid[$host]}"
    is_mounted "$at"
}

# signal_server SIGNAL HOST: to the process at the other end of sshfs's pipe.
signal_server() { kill "-$1" "$(cat "$work/$2.server")"; }

# cut_share HOST: its FUSE process dies, and the mount point is bare.
cut_share() {
    kill -KILL "${share_pid[$1]}"
    wait "${share_pid[$1]}" 2>/dev/null
    umount -l "$work/$1"
}

end_shares() {
    local host
    for host in "${!share_pid[@]}"; do
        [ ! -e "$work/$host.server" ] || signal_server KILL "$host" 2>/dev/null
        kill -KILL "${share_pid[$host]}" 2>/dev/null
        umount -l "$work/$host" 2>/dev/null
    done
    end_all
}
trap end_shares EXIT

# need KIND: ends the test as skipped where such a mount cannot be made.
need() {
    command -v "$1" >/dev/null || { skip "$1" "$1 is not installed"; finish; }
    [ "$1" != sshfs ] || [ -x "$server" ] || { skip sshfs "there is no $server"; finish; }
    share "$1" probe || { skip "$1" "it cannot be mounted here: $(head -n 1 "$work/probe.fuse")"; finish; }
    cut_share probe
}

# ---- workers on them ----

# worker_on HOST OPTION…: a worker whose spool lies on that host's mount. What the tests themselves
# look at ($spool) is the disk, which always answers.
worker_on() {
    local host=$1
    shift
    start_on "$host" --spool "$work/$host/spool" "$@"
}

# hold_on HOST NAME: a job whose runner is stopped, so that it is in mid-job for as long as we want.
hold_on() {
    drop_video "$2" long.mp4
    wait_for said "$1" "msg=\"taken up\".* job=$2 "
    worker_log=${log_of[$1]}
    runner=$(runner_of "$2")
    kill -STOP "$runner"
    pids+=("$runner")
}

# drop_over HOST NAME: as somebody at that host would.
drop_over() {
    printf '{"input_path": "media/nothing", "pipeline_id": "noop"}\n' >"$work/$1/spool/pending/$2.json"
}
